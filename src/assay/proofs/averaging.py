"""Shared by proofs about sparse averaging by one softmax: the averaging inequality in balls, and the stored blocks."""

from __future__ import annotations

from fractions import Fraction

import torch
from flint import arb
from torch import Tensor

from assay.arithmetic.rounding import exact, softmax_rounding
from assay.proofs.proof import Step, Stored
from assay.tasks.sparse_averaging import SparseAveraging

BALL_SLACK = Fraction(1, 10**6)  # by how much the task lets a value's norm exceed 1

BLOCKS = Step(
    "all stored weights are what they are claimed to be: Q = temperature * query block, K = key block, V = data block",
    "compared entry by entry, exactly",
)


def averaging_bound(sparsity: int, positions: int, gap: arb, spread: arb, dtype: torch.dtype) -> arb:
    """Worst error of a softmax average over q of `positions` entries, rounding of the softmax included.

    2 (rho + (1 - rho) tanh(spread / 4)) with rho = t / (q + t), t = (positions - q) exp(-gap), for scores as computed
    that are at least `gap` lower off the set and within `spread` on it; values up to the task's slack above norm 1.
    """
    if positions == sparsity:
        gap = gap.max(arb(1000))  # there is nothing off the set
    off = (positions - sparsity) * (-gap).exp()
    rho = off / (sparsity + off)
    error = 2 * (rho + (1 - rho) * (spread / 4).tanh())
    return (1 + exact(BALL_SLACK)) * (error + softmax_rounding(positions, gap, spread, dtype))


def averaging_step(gap: arb, spread: arb) -> Step:
    """What `averaging_bound` was used for."""
    return Step(
        f"every answer is within the guaranteed error, as scores off the set are at least {float(gap.lower()):.6g} "
        f"lower and those on it within {float(spread.upper()):.3g} of each other",
        "averaging inequality 2 (rho + (1 - rho) tanh(spread / 4)) and a-priori bounds on the rounding of the softmax, "
        "in balls of 160 bits",
    )


def require_blocks(stored: Stored[SparseAveraging], keys: Tensor) -> None:
    """Check that Q, K and V pick the blocks of an averaging unit, and that nothing else is stored.

    Raises:
        AssayError: a tensor differs.
    """
    task, dtype, score_width = stored.task, stored.dtype, keys.shape[1]
    width = task.dimension + 2 * score_width
    eye = torch.eye(width, dtype=dtype)
    data, key = eye[:, : task.dimension], eye[:, task.dimension : task.dimension + score_width]
    query = eye[:, task.dimension + score_width :]
    expected = {
        "keys": keys,
        "query": (stored.number("temperature") * query).unsqueeze(0),
        "key": key.unsqueeze(0),
        "value": data.unsqueeze(0),
    }
    stored.require_tensors(expected)
