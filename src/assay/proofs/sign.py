"""Sign keys: all pointer sets where they can be listed, else the certificate that the forward pass checks per query"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from assay.arithmetic.rounding import ASSUMES, arb, exact, gamma, require_scores, unit_roundoff, upper
from assay.constructions.active_clip import CEILING, NORM, SLACK, clipped_queries, without_repeats
from assay.proofs import PROOFS
from assay.proofs.averaging import BLOCKS, averaging_bound, averaging_step, require_blocks
from assay.proofs.proof import EVERY_SET, Proof, Step, Stored, require_fact
from assay.tasks.sparse_averaging import SparseAveraging

_STEP_BITS = 42  # queries are cut to multiples of 2^-42, so that sums of them are exact in float64, in any order
_SETS_AT_ONCE = 1 << 13
_LONG = 100_000  # pointer sets, from which on their enumeration is announced
_RATE = 100_000  # of them in a second, on an idle core, at the lengths where there are as many
_SOME_SETS = 64  # where they cannot be enumerated, of which at least one must have a query


@PROOFS.register
def sign(stored: Stored[SparseAveraging]) -> Proof:
    """Scores of 1 on the set and at most 1/2 off it, less what rounding may do. Time O(C(N, q) (N m + q^3)) if listed.

    The query of a pointer set is found by an iteration that is not trusted: only what it returns counts. Where there
    are at most a million pointer sets, the queries of all of them are found again and their scores computed without
    rounding. In any case the forward pass computes the scores of every query it uses in float64 and refuses a query
    whose scores or norm are not within the limits; the proof says how far the true scores may then be off.
    """
    task, dtype = stored.task, stored.dtype
    keys = stored.tensors["keys"]
    signs = keys.sign()
    width = keys.shape[1]
    require_blocks(stored, (signs.double() / math.sqrt(width)).to(dtype))
    require_fact(bool((signs != 0).all()), "no key has an entry 0")
    steps = [
        BLOCKS,
        Step(f"all keys are signs divided by the square root of {width}", "compared entry by entry with that number"),
    ]
    count = math.comb(task.length, task.sparsity)
    refused = None
    if count <= EVERY_SET:
        if count > _LONG:
            seconds = f"{1 + count // _RATE} to {1 + 5 * count // _RATE} seconds"
            stored.tell(f"enumerating {count} pointer sets, which takes {seconds}")
        on, off, refused = _scores_of_all_sets(without_repeats(signs.double(), task.length), task.all_sets())
        require_fact(refused < count, f"there is a pointer set with a query among all {count}")
        require_fact(on <= 2 * SLACK and off <= CEILING + 2 * SLACK, "scores are as the forward pass found them")
        who = f"{count - refused} of {count} pointer sets have" if refused else "every pointer set has"
        steps.append(
            Step(
                f"{who} a query with scores within {2 * SLACK:g} of 1 on it, and at most 1/2 + {2 * SLACK:g} off it; "
                f"{refused or 'none'} {'are' if refused else 'is'} refused",
                f"exhaustive over all {count} pointer sets, scores in integers: queries cut to multiples of "
                f"2^-{_STEP_BITS}, what is cut off bounded",
            )
        )
    else:
        steps.append(_some_answer(signs[: task.length].double(), task.sparsity))
    score = _score_error(width, dtype, task.sparsity)
    alpha = require_scores(stored.number("temperature"), 2 * exact(NORM) * arb(task.sparsity).sqrt(), dtype)
    steps.append(
        Step(
            f"the scores of a query that the forward pass lets through err by at most {float(score.upper()):.3g} "
            "before the temperature",
            f"it checks in float64 that they are within {SLACK:g} of 1 on the set, at most 1/2 + {SLACK:g} off it, and "
            f"the norm at most {NORM:g} sqrt(q); Cauchy-Schwarz and gamma(n) for both dot products, in balls",
        )
    )
    gap, spread = alpha * (1 - exact(CEILING) - 2 * score), 2 * alpha * score
    error = averaging_bound(task.sparsity, task.spec.length, gap, spread, dtype)
    steps.append(averaging_step(gap, spread))
    return Proof(stored.method, task.to_json(), upper(error), stored.text("dtype"), tuple(steps), ASSUMES, refused != 0)


def _some_answer(signs: Tensor, sparsity: int) -> Step:
    """Check that not everything is refused: some set of neighbours has a query that the forward pass lets through."""
    starts = torch.linspace(0, len(signs) - sparsity, _SOME_SETS).long()
    sets = starts.unsqueeze(1) + torch.arange(sparsity)
    found = int(clipped_queries(signs / math.sqrt(signs.shape[1]), sets)[1].sum())
    require_fact(found > 0, f"there is a pointer set with a query among {_SOME_SETS} that were tried")
    return Step(
        "there are pointer sets with a query that the forward pass lets through",
        f"{found} of {_SOME_SETS} sets of neighbours, by the forward pass's own check in float64",
    )


def _score_error(width: int, dtype: torch.dtype, sparsity: int) -> arb:
    """How far a computed score may be from 1 or 1/2 at temperature 1, for a query that passed the check in float64.

    The check's own dot product and the forward pass's: entries of key, query and temperature are rounded once each,
    their product once more.
    """
    norm = exact(NORM) * arb(sparsity).sqrt() * (1 + gamma(width + 4, torch.float64))
    checked = gamma(width + 4, torch.float64) * norm
    used = gamma(width + 6, dtype) * norm
    return exact(SLACK) * (1 + exact(unit_roundoff(torch.float64))) + checked + used


def _scores_of_all_sets(signs: Tensor, sets: Tensor) -> tuple[float, float, int]:
    """Largest distance from 1 of a score on a set, largest score off one, and how many sets have no query.

    Upper bounds, over all pointer sets that have one.
    """
    root = math.sqrt(signs.shape[1])
    on, off, refused = 0.0, -math.inf, 0
    for block in sets.split(_SETS_AT_ONCE):
        queries, found = clipped_queries(signs / root, block)
        refused += int((~found).sum())
        pointers, whole = block[found], torch.ldexp(queries[found], torch.tensor(_STEP_BITS)).round()
        if not len(pointers):
            continue
        require_fact(whole.abs().sum(dim=1).max().item() < 2.0**53, "sums of cut queries are exact")
        scores = torch.ldexp(whole @ signs.T, torch.tensor(-_STEP_BITS)) / root
        margin = signs.shape[1] ** 0.5 * 2.0**-_STEP_BITS + 2.0**-50 * (1 + scores.abs().max().item())
        on = max(on, (scores.gather(1, pointers) - 1).abs().max().item() + margin)
        off = max(off, scores.scatter(1, pointers, -math.inf).max().item() + margin)
    return on, off, refused
