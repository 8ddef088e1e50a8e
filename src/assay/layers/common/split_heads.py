"""Splitting a width into heads."""

from __future__ import annotations

from torch import Tensor

from assay.errors import require


def require_divisor(heads: int, width: int, name: str = "width") -> None:
    """Refuse a number of heads that does not divide the width, or another number called `name`.

    Raises:
        AssayError: it names the number and the width.
    """
    require(heads >= 1 and width % heads == 0, "heads", heads, f"a divisor of {name} = {width}")


def split_heads(tokens: Tensor, heads: int) -> Tensor:
    """(batch, length, width) -> (batch, heads, length, width of a head)."""
    return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)


def join_heads(outputs: Tensor) -> Tensor:
    """(batch, heads, length, width of a head) -> (batch, length, width)."""
    return outputs.transpose(1, 2).flatten(2)
