"""Sliding-window attention, over the last few tokens only (Child et al. 2019; Beltagy et al. 2020)"""

from __future__ import annotations

from typing import ClassVar

from assay.errors import require
from assay.layers import LAYERS
from assay.layers.common.near_attention import NearAttention


@LAYERS.register
class WindowAttention(NearAttention):
    """Attention over the tokens at a distance below `window`: the last w, itself among them, where it is causal.

    Time O(last * length * m * heads), as the window is a mask; state 2 m min(t, w) (arXiv 1904.10509, 2004.05150).

    Args:
        width: m.
        heads: a divisor of m.
        causal: whether a token looks at itself and earlier ones only.
        rotary: whether scores also depend on distances by rotary positions.
        window: w.
    """

    version: ClassVar[int] = 1

    def __init__(self, width: int, heads: int = 1, causal: bool = False, rotary: bool = False, window: int = 8) -> None:
        super().__init__(width, heads, causal, rotary)
        require(window >= 1, "window", window, "at least 1")
        self.reach = (window,) * heads
