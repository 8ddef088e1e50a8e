"""Lower bounds as running protocols: a network is split between two parties, and what they tell each other is counted.

A protocol plays the reduction that a theorem is proved by with a concrete network: each party holds a part of the
input, computes what it can from it alone, and sends the rest as real bytes. The bits are set against what the theorem
requires. Where a network has fewer, two inputs that it cannot tell apart are shown, and how far it errs on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.registry import Registry

if TYPE_CHECKING:
    from assay.examine.protocols.protocol import Protocol

PROTOCOLS: Registry[type[Protocol]] = Registry(
    "protocol", "assay.examine.protocols", "assay.examine.protocols.protocol:Protocol"
)

__all__ = ["PROTOCOLS"]
