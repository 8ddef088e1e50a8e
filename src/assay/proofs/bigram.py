"""Two neighbours read off without error, then whole numbers: -2 s^2 for a match or a miss, for all residues"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from flint import arb

from assay.arithmetic.rounding import ASSUMES, exact, gamma, read_number, upper
from assay.arithmetic.torch_settings import dtype_name
from assay.proofs import PROOFS
from assay.proofs.averaging import averaging_bound
from assay.proofs.presence import HasArithmetic, integer_bound, require_circle, restored
from assay.proofs.proof import Proof, Step, Stored, require_fact
from assay.tasks.match3_bigram import Match3Bigram

_DOUBLE = torch.float64


@runtime_checkable
class _InTwoLayers(HasArithmetic, Protocol):
    sharpness: float


@PROOFS.register
def bigram(stored: Stored[Match3Bigram]) -> Proof:
    """Layer 1 averages two tokens within 1/4 of a whole number; layer 2 is exact up to its softmax. Time O(N)."""
    task = stored.task
    network = restored(stored, "match3-bigram", _InTwoLayers)
    arithmetic, sharpness = network.arithmetic, network.sharpness
    length, modulus = task.length, task.modulus
    stored.require_tensors({"keys": stored.tensors["keys"], "queries": stored.tensors["queries"]})
    require_fact(len(stored.tensors["keys"]) == len(stored.tensors["queries"]) == length + 1, "N + 1 keys and queries")
    step, cold = 2 * arb.pi() / (length + 4), read_number(sharpness)
    of_keys = require_circle("keys", stored.tensors["keys"], step, arb(0), arb(1))
    of_queries = require_circle("queries", stored.tensors["queries"], step, step / 2, cold)
    score = cold * ((1 + of_keys) * (1 + of_queries) * (1 + gamma(2, _DOUBLE)) - 1)
    gap = cold * ((step / 2).cos() - (3 * step / 2).cos()) - 2 * score
    largest = max(modulus - 1, length)
    shares = [averaging_bound(count, length + 1, gap, 2 * score, _DOUBLE) for count in (1, 2)]
    average = largest * shares[0].max(shares[1])
    require_fact(average < exact(0.25), f"averages of two whole numbers are read off: {float(average.upper()):.3g}")
    error, last = integer_bound(length + 1, arithmetic.temperature, modulus, arithmetic.dtype)
    steps = (
        Step(
            "keys and queries are points on the circle at steps of 2 pi / (N + 4), queries half a step ahead; keys "
            f"within {float(of_keys.upper()):.3g}, queries within {float(of_queries.upper()):.3g} times the sharpness, "
            f"{sharpness!r}",
            "compared entry by entry in balls of 160 bits",
        ),
        Step(
            f"token j scores highest at j and j + 1, equally up to {float((2 * score).upper()):.3g}, and at least "
            f"{float(gap.lower()):.6g} lower elsewhere",
            "cosines of odd multiples of half a step: cos h, and at most cos 3h, as N + 1 tokens share N + 4 steps",
        ),
        Step(
            f"averages over two tokens err by at most {float(average.upper()):.3g}: the position, both residues and "
            "whether both are residues are read off right",
            "averaging inequality with rounding, in balls; values up to max(M - 1, N) in slots by the position's "
            "parity; half of a whole number within 1/4, the position j + 1/2 within 1/2",
        ),
        Step(
            "layer 2 scores -2 (w - v)^2 for w = -x_i and v = x_j + x_(j+1) modulo M, and -1 at the last token and the "
            "sink, whose value is 0",
            "4 w v - 2 v^2 - 2 w^2 for whole numbers w and v from 0 to M - 1",
        ),
        *last,
    )
    arithmetics = " and ".join(sorted({"float64", dtype_name(arithmetic.dtype)}, reverse=True))
    return Proof(stored.method, task.to_json(), upper(error), arithmetics, steps, ASSUMES)
