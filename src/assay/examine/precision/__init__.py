"""How few bits per number a network can do with: the smallest fixed-point format that still meets its tolerance."""

from __future__ import annotations

from assay.examine.precision.search import Precision, smallest_precision

__all__ = ["Precision", "smallest_precision"]
