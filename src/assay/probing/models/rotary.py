"""Rotary position embedding (Su et al. 2021), in both layouts that models are stored in.

Coordinates form pairs; the pair number i of a key or query at position t turns by the angle t * base^(-2i/d). Which
coordinates form pair number i is a convention of the file, and a model run with the wrong one still seems to work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    Rotation = Callable[[Tensor, Tensor, Tensor], Tensor]


def cos_sin(positions: int, width: int, base: float, divisors: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Cosine and sine of every angle, float32 (positions, width / 2); `divisors` (width / 2,) of the frequencies."""
    frequencies = base ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    if divisors is not None:
        frequencies = frequencies / divisors
    angles = torch.outer(torch.arange(positions, dtype=torch.float64), frequencies)
    return angles.cos().float(), angles.sin().float()


def rotate_neighbours(vectors: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the pairs (2i, 2i + 1) of vectors (..., N, d), as in GGUF files of Llama; cos and sin are (N, r / 2).

    Coordinates from r on stay as they are.

    >>> cos, sin = cos_sin(positions=3, width=2, base=10000.0)
    >>> rotate_neighbours(torch.tensor([[1.0, 0.0]] * 3), cos, sin)[2]  # two radians
    tensor([-0.4161,  0.9093])
    """
    turning, rest = vectors[..., : 2 * cos.shape[-1]], vectors[..., 2 * cos.shape[-1] :]
    x, y = turning[..., 0::2], turning[..., 1::2]
    return torch.cat([torch.stack([x * cos - y * sin, x * sin + y * cos], dim=-1).flatten(-2), rest], dim=-1)


def rotate_halves(vectors: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the pairs (i, i + r / 2), as Hugging Face's Llama does; otherwise like `rotate_neighbours`."""
    half = cos.shape[-1]
    x, y, rest = vectors[..., :half], vectors[..., half : 2 * half], vectors[..., 2 * half :]
    return torch.cat([x * cos - y * sin, x * sin + y * cos, rest], dim=-1)
