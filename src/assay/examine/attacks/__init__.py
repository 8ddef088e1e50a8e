"""The search for inputs that a network answers badly."""

from __future__ import annotations

from assay.examine.attacks.attack import Attack, attack

__all__ = ["Attack", "attack"]
