"""Attention weights that every token knows: positions and then residues are read off without error"""

from __future__ import annotations

import torch
from flint import arb

from assay.arithmetic.rounding import ASSUMES, exact, gamma, unit_roundoff, weight_roundings
from assay.proofs import PROOFS
from assay.proofs.presence import require_circle
from assay.proofs.proof import Proof, Step, Stored, require_fact
from assay.tasks.matching import Matching

_ASSUMES_ATAN = "atan2 within 4 units in the last place"
_DOUBLE = torch.float64


@PROOFS.register
def gather(stored: Stored[Matching]) -> Proof:
    """Residue j of token i comes out as x_j w_ij, and is divided by w_ij computed once more. Time O(N)."""
    task = stored.task
    require_fact(isinstance(task, Matching), f"{task.name} is a matching task")
    length, width = task.length, task.length + 2
    eye = torch.eye(width, dtype=_DOUBLE)
    pick = eye[:, length:].unsqueeze(0)
    stored.require_tensors({"points": stored.tensors["points"], "query": pick, "key": pick, "value": eye.unsqueeze(0)})
    off = require_circle("points", stored.tensors["points"], 2 * arb.pi() / length, arb(0), arb(1))
    place = _place_error(length, off)
    require_fact(place < exact(0.5), f"positions are read off, within {float(place.upper()):.3g}")
    relative = _residue_error(length, off)
    residue = (task.modulus - 1) * relative
    require_fact(residue < exact(0.5), f"residues are read off, within {float(residue.upper()):.3g}")
    steps = (
        Step(
            f"Q, K and V are what is claimed; points are within {float(off.upper()):.3g} of equal steps on the circle",
            "compared entry by entry, exactly; points in balls of 160 bits",
        ),
        Step(
            f"each token reads off its position: {float(place.upper()):.3g} of a step is the largest error",
            "the average of points with weights exp(cos) is rho times the query token's, by symmetry, with rho = "
            f"{float(_radius(length).lower()):.4g} from a sum of N balls; rounding bounds",
        ),
        Step(
            f"each token reads off every residue: {float(residue.upper()):.3g} is the largest error",
            f"w_ij is computed twice from the same points, by a dot product of two terms and a softmax each; both "
            f"within a relative error of {float(relative.upper()):.3g}, all other coordinates being 0",
        ),
        Step("every answer is exact", "the task's own exact answer is taken from all residues, any map of one token"),
    )
    return Proof(stored.method, task.to_json(), 0.0, "float64", steps, (*ASSUMES, _ASSUMES_ATAN))


def _radius(length: int) -> arb:
    """rho = sum of exp(cos t) cos t / sum of exp(cos t) over N equal steps t."""
    cosines = [(2 * arb.pi() * step / length).cos() for step in range(length)]
    weights = [cosine.exp() for cosine in cosines]
    return sum((w * c for w, c in zip(weights, cosines, strict=True)), arb(0)) / sum(weights, arb(0))


def _weight_error(length: int, score: arb) -> arb:
    """Relative error of a computed weight, by scores that err by `score`; they differ by at most 2 + 2 score."""
    rounded = exact(unit_roundoff(_DOUBLE)) * (2 + 2 * score)
    return (2 * score + 2 * rounded).exp() * (1 + gamma(weight_roundings(length), _DOUBLE)) - 1


def _place_error(length: int, off: arb) -> arb:
    """Of a position that is read off, in steps: points err by `off`, and so do their dot products and averages."""
    score = (1 + off) ** 2 * (1 + gamma(2, _DOUBLE)) - 1
    average = arb(2).sqrt() * ((1 + off) * (1 + _weight_error(length, score)) * (1 + gamma(length + 2, _DOUBLE)) - 1)
    sine = average / _radius(length)
    require_fact(sine < 1, f"averages of {length} points show a direction")
    angle = sine.asin() + 8 * exact(unit_roundoff(_DOUBLE)) * arb.pi()
    return angle * length / (2 * arb.pi()) + exact(length) * gamma(4, _DOUBLE)


def _residue_error(length: int, off: arb) -> arb:
    """Relative error of a residue that is read off: its weight twice, each from the points as they are; a product."""
    score = (1 + off) ** 2 * gamma(2, _DOUBLE)
    weight = _weight_error(length, score)
    return (1 + weight) * (1 + gamma(2, _DOUBLE)) / (1 - weight) - 1
