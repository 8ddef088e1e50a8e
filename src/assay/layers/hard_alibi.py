"""Attention of which half the heads see the last few tokens only (Hard-ALiBi, Jelassi et al. 2024)"""

from __future__ import annotations

from typing import ClassVar

from assay.layers import LAYERS
from assay.layers.common.near_attention import NearAttention


@LAYERS.register
class HardAlibi(NearAttention):
    """Attention in which head h = 1 ... heads / 2 sees the tokens at a distance of at most h, the other heads all.

    Time O(last * length * m * heads) (arXiv 2402.01032).

    Args:
        width: m.
        heads: a divisor of m; of a single head all is seen.
        causal: whether a token looks at itself and earlier ones only.
    """

    version: ClassVar[int] = 1

    def __init__(self, width: int, heads: int = 1, causal: bool = False) -> None:
        super().__init__(width, heads, causal)
        near = heads // 2
        self.reach = (*range(2, near + 2), *[0] * (heads - near))
