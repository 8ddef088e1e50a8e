"""What else than products of queries and keys enters a softmax that was captured while a model ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from assay.probing.capture import CapturedAttention


def beyond_products(one: CapturedAttention) -> str | None:
    """What else than products of queries and keys enters the softmax, as a reason to refuse; None for nothing.

    A number that is added to all scores that a query sees changes nothing, and does not count.
    """
    if one.sink is not None:
        return "its softmax has a sink besides the keys"
    if one.cap is not None:
        return "its scores are soft-capped"
    return "a bias is added to its scores" if is_biased(one) else None


def is_biased(one: CapturedAttention) -> bool:
    """Whether more than a number for each query is added to scores that are seen."""
    if one.mask is None:
        return False
    seen = one.mask > -torch.inf
    top = one.mask.masked_fill(~seen, -torch.inf).amax(dim=-1, keepdim=True)
    return bool(((one.mask < top) & seen).any())
