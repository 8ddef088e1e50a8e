"""Several frequencies: the mean cosine of every residue but 0, one by one"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from assay.arithmetic.rounding import ASSUMES, circle_error, exact, gamma, upper
from assay.arithmetic.torch_settings import dtype_name
from assay.proofs import PROOFS
from assay.proofs.presence import COSINE_WEIGHTS, cosine_bound
from assay.proofs.proof import Proof, Step, Stored, require_fact
from assay.tasks.match2 import Match2

_MOST_RESIDUES = 1 << 26
_AT_ONCE = 1 << 16


@PROOFS.register
def random_frequencies(stored: Stored[Match2]) -> Proof:
    """A match has the mean cosine 1, every miss less; how much less is found by trying all M / 2. Time O(M D)."""
    modulus, frequencies = stored.task.modulus, stored.tensors["frequencies"]
    require_fact(modulus <= _MOST_RESIDUES, f"{modulus} residues are few enough to be tried")
    require_fact(frequencies.dtype == torch.int64 and len(frequencies) > 0, "frequencies are whole numbers")
    worst = _worst_miss(frequencies, modulus)
    error, last = cosine_bound(stored, exact(worst))
    steps = (
        COSINE_WEIGHTS,
        Step(
            f"the mean cosine of a miss over the {len(frequencies)} frequencies is at most {worst:.6g}",
            f"exhaustive over the {modulus // 2} residues that are not 0 modulo {modulus}, up to their sign; cosines "
            "in float64, their rounding allowed for",
        ),
        last,
    )
    arithmetic = dtype_name(stored.tensors["query"].dtype)
    return Proof(stored.method, stored.task.to_json(), upper(error), arithmetic, steps, ASSUMES)


def _worst_miss(frequencies: Tensor, modulus: int) -> float:
    """An upper bound on the largest mean cosine over all residues but 0."""
    largest = -math.inf
    for first in range(1, modulus // 2 + 1, _AT_ONCE):
        residues = torch.arange(first, min(modulus // 2 + 1, first + _AT_ONCE))
        total = torch.zeros(len(residues), dtype=torch.float64)
        for frequency in frequencies.tolist():
            turns = residues * (frequency % modulus) % modulus
            angles = (turns - modulus * (2 * turns > modulus)).double() * (2 * math.pi / modulus)
            total += angles.cos()
        largest = max(largest, (total / len(frequencies)).max().item())
    return upper(exact(largest) + circle_error(torch.float64) + gamma(2 * len(frequencies) + 2, torch.float64))
