"""Two Strassen heads in whole numbers: -2 (x_i + x_j + x_k - S)^2, by sums of scores or products of exponentials"""

from __future__ import annotations

import math

import torch
from flint import arb

from assay.arithmetic.rounding import (
    ASSUMES,
    exact,
    gamma,
    read_number,
    require_scores,
    unit_roundoff,
    upper,
    weight_roundings,
)
from assay.proofs import PROOFS
from assay.proofs.presence import presence_bound, presence_step
from assay.proofs.proof import Proof, Step, Stored, require_fact
from assay.tasks.match3 import Match3


@PROOFS.register
def strassen(stored: Stored[Match3]) -> Proof:
    """Scores of pairs of residues, exact; each head's mass, and the sum of both. Time O(1)."""
    task, double = stored.task, torch.float64
    require_fact(task.name == "match3", f"strassen computes match3, not {task.name}")
    root = stored.tensors["root"].item()
    stored.require_tensors({"root": torch.tensor(root, dtype=double)})
    require_fact(root > 0 and math.isfinite(root) and math.frexp(root)[0] == 0.5, f"the root {root!r} is a power of 2")
    modulus, length = task.modulus, task.length + 1
    require_fact(90 * modulus**2 <= 1 << 53, f"whole numbers up to 90 * {modulus}^2 are exact in float64")
    gap = require_scores(root, 90 * modulus**2 * read_number(root), torch.float64) * read_number(root)
    pairs = length**2
    by_sums = weight_roundings(pairs) + 2 * length
    # Numerator and denominator: three exponentials of 4 roundings, two sums over positions, two products; the quotient.
    by_products = 2 * (3 * 4 + 2 * length + 2) + 1
    head = presence_bound(pairs - 1, gap, arb(0), max(by_sums, by_products), double)
    # A denominator that is used is at least L^2 tiny / eps, eps = 2 u. Three factors of at most 1 and two products may
    # underflow for each pair, in numerator and denominator: 10 eps of the mass, and room for the denominator's error.
    head += 12 * 2 * exact(unit_roundoff(double))
    error = 2 * head * (1 + gamma(1, double))
    steps = (
        Step(
            f"the square root of the temperature is {root!r}, which multiplies whole numbers without rounding",
            "it is a power of 2",
        ),
        Step(
            "a residue a > 0 scores -2 (a + b + c)^2 with residues b and c + S, and -1 with the sink pair; a residue "
            "0 scores at least 12 M^2 with all residues; pairs of a residue and the sink score at most -20 M^2",
            "f.g + g.h + h.f multiplied out: -4ab - 2b^2 + r, -4bc, -4ac - 2c^2 with r = -2a^2, or 20 M^2 for a = 0, "
            "c between -2M and 0; for the sink, -1 and -40 M^2; partial sums are whole numbers below 90 M^2 <= 2^53",
        ),
        Step(
            "a has partners if and only if in a head some a + b + c is 0; 0 has itself twice",
            "three residues of which one is not 0 sum to 1 ... 3M - 3, so to 0 modulo M at S = M and S = 2M only",
        ),
        Step(
            "products of exponentials are used only where no weight that counts has underflowed",
            f"a denominator is at least {length}^2 tiny / eps, where sums of {pairs} pairs that underflow are at most "
            "5 eps of it; others are computed again from sums of scores; differences of scores are exact, or so large "
            "that their exponential is 0",
        ),
        presence_step(pairs - 1, gap, double),
        Step(
            "the two heads' masses add up", "with no partner both are wrong masses; with one, a head's alone is enough"
        ),
    )
    return Proof(stored.method, task.to_json(), upper(error), "float64", steps, ASSUMES)
