"""Heads as plain arrays, from what was captured while a model ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from assay.errors import AssayError
from assay.probing.one_head import HeadOnText, one_head

if TYPE_CHECKING:
    from assay.probing.capture import CapturedAttention


def heads_on_text(one: CapturedAttention) -> tuple[HeadOnText, ...]:
    """Each head of a call of attention, with its values: its weights times these are the model's output.

    Left out are queries that see no key, and keys that no query sees: padding. A head is scale <w, k> on what is
    visible, so that a call whose scores have more in them is refused.

    Raises:
        AssayError: a bias added to the scores besides a mask, a soft cap, a sink, or nothing that is visible.

    >>> from assay.probing.capture import capture
    >>> attention = torch.nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> text = torch.randn(1, 5, 8)
    >>> (one,) = capture(attention, (text, text, text)).attentions
    >>> head = heads_on_text(one)[1]
    >>> bool(np.abs(head.weights() @ head.values - one.output[1].numpy()).max() < 1e-5)
    True
    """
    reason = beyond_products(one)
    if reason is not None:
        raise AssayError(f"{one.name or 'the attention'} is not scale <w, k> alone: {reason}")
    seen = one.seen.expand(len(one.queries), -1, -1).cpu().numpy()
    if not seen.any(axis=(1, 2)).all():
        raise AssayError(f"{one.name or 'the attention'} has a head whose queries see no key")
    return tuple(_head(one, head, seen[head]) for head in range(len(one.queries)))


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


def _head(one: CapturedAttention, head: int, seen: NDArray[np.bool_]) -> HeadOnText:
    rows, columns = seen.any(axis=1), seen.any(axis=0)
    queries, keys, values = (
        part.detach().double().cpu().numpy()
        for part in (one.queries[head], one.keys[head // one.groups], one.values[head // one.groups])
    )
    visible = seen[np.ix_(rows, columns)]
    return one_head(queries[rows], keys[columns], values[columns], scale=one.scale, visible=visible)
