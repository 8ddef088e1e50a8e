"""Codes that networks start with: for positions coordinate axes, for residues points on circles.

They are initialisations, the same for every architecture; training moves them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from assay.errors import require

MOST_SYMBOLS = 1 << 20


def position_codes(positions: int, length: int, width: int) -> Tensor:
    """A code of norm sqrt(width) for each of `length` positions, none for those beyond: (positions, width).

    Coordinate axes as far as the width reaches, then random directions.
    """
    codes = torch.nn.functional.normalize(torch.randn(positions, width), dim=1)
    codes[:width] = torch.eye(width)[:positions]
    codes[length:] = 0
    return math.sqrt(width) * codes


def circular_codes(modulus: int, width: int) -> Tensor:
    """A code for each residue: its place on about width / 2 circles, entries of mean square 1: (modulus, width).

    On circle k the residue x is at the angle 2 pi f_k x / M for a random frequency f_k, so that sums of residues are
    sums of angles. Frequencies are different as far as there are enough between 0 and M / 2.

    Raises:
        AssayError: more residues than a table of codes can hold.

    >>> circular_codes(5, 7).shape, circular_codes(2, 1).shape
    (torch.Size([5, 7]), torch.Size([2, 1]))
    """
    require(modulus <= MOST_SYMBOLS, "modulus", modulus, f"at most {MOST_SYMBOLS} where residues are shown as symbols")
    circles, different = (width + 1) // 2, max(1, modulus // 2)
    frequencies = torch.cat([torch.randperm(different)[:circles] + 1 for _ in range(-(-circles // different))])
    turns = torch.arange(modulus)[:, None] * frequencies[:circles] % modulus
    angles = 2 * math.pi / modulus * turns
    return (math.sqrt(2) * torch.stack([angles.cos(), angles.sin()], dim=2)).flatten(1)[:, :width].contiguous()
