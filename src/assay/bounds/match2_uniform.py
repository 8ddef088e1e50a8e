"""Mean error on independent residues: what the state of a causal network must tell of the partners to come"""

from __future__ import annotations

from functools import cache
from typing import ClassVar

import numpy as np
from numba import njit

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource, state_in_last_pass
from assay.bounds.information import Numbers, plain_error, told_of_answers
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.match2 import Match2

LARGEST_LENGTH = 512  # that is evaluated: the time grows with its cube
_RARE = 1e-12  # of a sequence: rarer cases are left out, which only lowers the bound


@BOUNDS.register
class Match2Uniform(Bound[Match2]):
    """State bits >= E sum of h(p_t) - h(min(L, p_t, 1 - p_t)), E sum of min(L, p_t, 1 - p_t) = N e, in any passes.

    W is the state before the last pass, in which answers are read off; answer t is a function of W and of the residues
    x_1 ... x_t. What W tells of the input is at least the sum over t of what it tells of the true answer t given x_1
    ... x_t and the true answers before. Given these, the chance p_t that answer t is 1 is known exactly. With a chance
    e_t of being wrong, answer t tells at least h(p_t) - h(e_t) bits if e_t < min(p_t, 1 - p_t). The least sum for a
    given mean of e_t has e_t = min(L, p_t, 1 - p_t) with one level L.

    Residues are independent and uniform over K that are closed under negation: 1 ... M-1, or the non-zero vectors of
    digits. Negation pairs them, but for M/2, which matches itself. Answer t is open if neither x_t nor -x_t came
    before. Of the D residues seen without their negatives, the answers tell that k have them among the F = N - t
    residues to come and D - k have not: this has probability H_F(D, k), the chance that F draws hit k of D given
    residues, and all else about the future is open. If answer t were 1 the draws would hit x_t's negative beside these
    k, so

        p_t = H_F(D+1, k+1) / C(D+1, k+1)  /  (H_F(D, k) / C(D, k)).

    The expectation is a finite sum, over t, D and k. The error is the balanced share; e is the largest plain share that
    it allows, a share 1 - (1 - 1/K)^(N-1) of the answers being 1, and all at M/2.

    >>> from assay import Match2
    >>> from assay.resources import Resources
    >>> lstm = Resources(precision=4, passes=2, state=lambda tokens: 1)
    >>> check = Match2Uniform().check(Match2(length=64), lstm, error=0.05, distribution="uniform")
    >>> check.status, round(check.required, 1)
    ('binds', 13.7)
    """

    name: ClassVar[str] = "match2-uniform"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "state bits"
    cut: ClassVar[str] = "before the last pass"
    source: ClassVar[str] = (
        "state bits >= E sum h(p_t) - h(min(L, p_t, 1 - p_t)), E sum min(L, p_t, 1 - p_t) = N e, p_t the chance of a "
        "match given the past: entropy of answers in turn, evaluated exactly"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("match2",)

    def unmet(self, task: Match2, error: float, distribution: str, network: Resources) -> str:
        """A causal network in any number of passes, independent residues closed under negation (`uniform`, `digits`),
        a length that can be evaluated.
        """
        if distribution not in ("uniform", "digits"):
            return f"needs independent residues, which {distribution!r} inputs are not"
        if task.lacks(distribution):
            return f"needs {task.lacks(distribution)}"
        return "" if task.length <= LARGEST_LENGTH else f"is evaluated up to N = {LARGEST_LENGTH}"

    def amount(self, task: Match2, error: float, distribution: str, network: Resources) -> float:
        residues, unpaired = _residues(task, distribution)
        found = 1 - (1 - 1 / residues) ** (task.length - 1)
        ones = found + (1 - found) * unpaired / residues
        return _bits(task.length, residues, unpaired, task.length * plain_error(error, ones))

    def available(self, task: Match2, network: Resources) -> float | None:
        return state_in_last_pass(task, network)


def _residues(task: Match2, distribution: str) -> tuple[int, int]:
    """K, and how many of them are their own negatives."""
    if distribution == "digits":
        return 3**task.digits - 1, 0
    return task.modulus - 1, (task.modulus + 1) % 2


@cache
def _bits(length: int, residues: int, unpaired: int, errors: float) -> float:
    return told_of_answers(*open_answers(length, residues, unpaired), errors)


def open_answers(length: int, residues: int, unpaired: int) -> tuple[Numbers, Numbers]:
    """How often answers are open, and their chances p_t of being 1, over all t, D and k: two arrays of one length.

    >>> weights, chances = open_answers(2, 4, 0)  # the second of two tokens matches the first or does not
    >>> weights.tolist(), chances.tolist()
    ([1.0], [0.25])
    """
    weights, chances = _open_answers(_seen_alone(length, residues, unpaired), residues)
    return weights, chances.clip(0.0, 1.0)


@njit(cache=True)
def _open_answers(alone: Numbers, residues: int) -> tuple[Numbers, Numbers]:
    """The same from `_seen_alone`. From one F to the next a draw hits one more of the D residues, or it does not."""
    length, most = len(alone), alone.shape[1] - 1
    hits = np.zeros((most + 2, length + 1))  # H_F(D, k)
    hits[:, 0] = 1
    weights, chances = [0.0 for _ in range(0)], [0.0 for _ in range(0)]
    for future in range(length):
        now = alone[length - 1 - future]
        for seen in range(most + 1):
            if now[seen] > _RARE:
                for hit in range(min(seen, future) + 1):
                    weight = now[seen] * hits[seen, hit]
                    nearer = hits[seen + 1, hit + 1] * (hit + 1) / (seen + 1)
                    if weight > _RARE and nearer > 0:
                        weights.append(weight)
                        chances.append(nearer / hits[seen, hit])
        for seen in range(most + 2):
            for hit in range(min(seen, future + 1), -1, -1):
                missed = hits[seen, hit] * (1 - (seen - hit) / residues)
                hits[seen, hit] = missed + (hits[seen, hit - 1] * (seen - hit + 1) / residues if hit else 0.0)
    return np.array(weights), np.array(chances)


@njit(cache=True)
def _seen_alone(length: int, residues: int, unpaired: int) -> Numbers:
    """After t-1 tokens, the chance that D residues were seen without their negatives and that x_t is a new pair."""
    pairs = residues // 2
    most = min(length, pairs)
    chance = np.zeros((most + 2, most + 2))  # of so many alone, and so many pairs
    after = np.zeros_like(chance)
    chance[0, 0] = 1
    found = np.zeros((length, most + 1))
    for past in range(length):
        after[:] = 0
        for one in range(min(most, past) + 1):
            for both in range(min(most - one, (past - one) // 2) + 1):
                now = chance[one, both]
                new = now * 2 * (pairs - one - both) / residues
                found[past, one] += new
                after[one + 1, both] += new
                after[one, both] += now * (one + 2 * both + unpaired) / residues
                if one:
                    after[one - 1, both + 1] += now * one / residues
        chance, after = after, chance
    return found
