"""Cosines of sums of three angles in third-order attention, by whichever form of the kernel"""

from __future__ import annotations

import torch
from flint import arb

from assay.arithmetic.rounding import (
    ASSUMES,
    circle_error,
    exact,
    gamma,
    read_number,
    unit_roundoff,
    upper,
    weight_roundings,
)
from assay.arithmetic.torch_settings import dtype_name
from assay.constructions.presence import sink_gap
from assay.layers.kernels.streaming import TILE_SCORES
from assay.layers.kernels.third_order import FLASH_LENGTH, LARGEST_LOGSUMEXP
from assay.proofs import PROOFS
from assay.proofs.presence import HasArithmetic, nearest_miss, presence_bound, presence_step, restored
from assay.proofs.proof import Proof, Step, Stored
from assay.tasks.match3 import Match3

_FLASH_EXP_ROUNDINGS = 64  # 32 units in the last place
_FLASH_KEYS = 32  # the least that are taken between two rescalings
_ASSUMES_FLASH = (
    "torch's flash kernel is an online softmax that takes at least 32 keys between two rescalings; its exponentials "
    "are within 32, its logarithm within 2 units in the last place"
)


@PROOFS.register
def third_order(stored: Stored[Match3]) -> Proof:
    """Triples score c cos(2 pi (x_i + x_j + x_k) / M), the sink pair half-way, mixed pairs 0. Time O(1)."""
    task = stored.task
    network = restored(stored, "match3", HasArithmetic)
    dtype, c = network.arithmetic.dtype, network.arithmetic.temperature
    stored.require_tensors({"temperature": torch.tensor(c, dtype=torch.float64)})
    length, modulus = task.length + 1, task.modulus
    cold = read_number(c)
    worst = nearest_miss(modulus)
    sink = exact(torch.tensor(1 - sink_gap(modulus), dtype=torch.float64).to(dtype).item())
    score = _score_error(dtype)
    # The sink's query is multiplied by the temperature, which is cast to the dtype: two roundings.
    of_sink = gamma(2, dtype) * sink
    kept = (1 - sink - score - of_sink).min(sink - worst - score - of_sink).min(sink - of_sink)
    steps = (
        Step(
            f"the temperature is {c!r}, and the sink's height {float(sink)!r}",
            "the stored temperature is compared with the one that the forward pass derives from the settings",
        ),
        Step(
            f"the cosine of a miss is at least {float((1 - worst).lower()):.6g} below that of a match; pairs of a "
            "residue and the sink score 0 and have the value 0",
            "cos(a + b + d) as a sum of four products, as cos is the real part of exp; 2 sin^2(pi / M) for all "
            "residues; products with the zeros of the sink's and the residues' keys",
        ),
        Step(
            f"scores err by at most {float(score.upper()):.3g} times the temperature",
            "points on the circle within 3 units of roundoff of their angle, and cast; a trilinear form of norm 1; "
            f"gamma(8) for four products whose absolute values sum to at most sqrt(2); in {dtype_name(dtype)}",
        ),
    )
    error, gap = _kernel_bound(length, cold * kept, 2 * cold * score, dtype)
    last = presence_step(length**2 - 1, gap, dtype)
    return Proof(
        stored.method,
        task.to_json(),
        upper(error),
        dtype_name(dtype),
        (*steps, last),
        (*ASSUMES, _ASSUMES_FLASH),
    )


def _score_error(dtype: torch.dtype) -> arb:
    """Of a triple's score, at temperature 1.

    The cosine of the sum is a trilinear form of norm 1 in three points of the circle. Each of its four products takes
    part in eight roundings: of the temperature, its product with a query, two products and the sums.
    """
    size = (1 + circle_error(dtype)) ** 3
    return size - 1 + arb(2).sqrt() * size * gamma(8, dtype)


def _kernel_bound(length: int, gap: arb, spread: arb, dtype: torch.dtype) -> tuple[arb, arb]:
    """Largest error of the mass by the forms that the kernel may take at this length, and the least gap in them.

    `length` counts the sink. Dense and streaming: weights are summed over all pairs, outputs over second and then
    first positions. Each tile of scores but the first rescales what there is, numerator and denominator: an
    exponential, a product, a sum. Differences from running maxima add up to that from the last one.
    """
    pairs = length**2
    at_once = max(1, TILE_SCORES // length)  # first positions of a tile that is one query's
    tiles = 1 if pairs <= TILE_SCORES else -(-length // at_once)
    plain = weight_roundings(pairs) + 2 * length + 12 * (tiles - 1)
    error = presence_bound(pairs - 1, gap, spread, plain, dtype)
    if length < FLASH_LENGTH:
        return error, gap
    # A log-sum-exp l = m + log s of a query and a first position is rounded: by u |l|, and 4 u log s before. Where the
    # kernel's are used, the largest |l| of a query is at most LARGEST_LOGSUMEXP; others lie D lower, and by u D more
    # off. With the rounding of l less the largest and of scores less m, that is u (LARGEST + 3 d + 6 log N) at most
    # for a pair d below the largest score; a hundredth more covers products of roundings.
    shift = exact(unit_roundoff(dtype)) * (LARGEST_LOGSUMEXP + 6 * arb(length).log()) * 101 / 100
    rescaling = _FLASH_EXP_ROUNDINGS + 2
    one_sum = length + _FLASH_EXP_ROUNDINGS + rescaling * (length // _FLASH_KEYS + 1)
    # Numerator, denominator and log-sum-exp of the inner softmax, two sums over second positions; the outer softmax.
    flash = 3 * one_sum + length + 2 + weight_roundings(length) + length + 1
    kept = gap - 2 * shift
    return error.max(presence_bound(pairs - 1, kept, spread + 2 * shift, flash, dtype, differences=3)), kept
