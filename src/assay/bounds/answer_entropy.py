"""Mean error on independent tokens: what a causal network's state must tell of the first half's answers"""

from __future__ import annotations

import math
from functools import cache
from typing import ClassVar, NamedTuple

import numpy as np
import torch

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource, binary_entropy, state_in_last_pass
from assay.bounds.information import STANDARD_ERRORS, below_mean, plain_error
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.task import Task

LARGEST_LENGTH = {"directed-triangle": 24}  # that is sampled, where it is less than the usual
_USUAL_LARGEST = 64
BLOCKS, DRAWS = 48, 512  # first halves, and draws of the rest for each, of which there are two lots
_INDEPENDENT = ("uniform", "digits", "dense")  # distributions in which tokens are drawn independently


class Sampled(NamedTuple):
    """What sampling says.

    Attributes:
        entropy: bits that the first half's answers have at least, given the first half; three standard errors below the
            mean.
        commoner: the share of the commoner answer among all, at most; three standard errors above the mean.
    """

    entropy: float
    commoner: float


@BOUNDS.register
class AnswerEntropy(Bound[Task]):
    """State bits >= H(Y_1 ... Y_B | X_1 ... X_B) - B h(e), B = N/2 rounded down, in any number of passes; H estimated.

    W is the state before the last pass, in which answers are read off. Answer t is a function of W and of the tokens
    X_1 ... X_t. What W tells of the input is at least the sum over t <= B of what it tells of the right answer Y_t
    given X_1 ... X_t and Y_1 ... Y_(t-1). With a share e_t of errors, at most h(e_t) bits of Y_t are unknown once W and
    X_1 ... X_t are. So W tells at least the sum of H(Y_t | X_1 ... X_t, Y_1 ... Y_(t-1)) - h(e_t). Given all of the
    first half instead of X_1 ... X_t the entropies are no larger, and their sum is H(Y_1 ... Y_B | X_1 ... X_B). As h
    is concave, the sum of h(e_t) is at most B h(e), e <= 1/2 the share of errors among the first half's answers. This
    is at most N/B times the share among all, which is at most 2 max(r, 1 - r) times the balanced share, r the share of
    answers that are 1.

    H is at least the mean over first halves x of -log2 P_x, P_x the chance that two independent draws of the other
    tokens give the first half the same answers. For any a > 0, -log2 P_x >= -log2 a + (1 - P_x / a) / ln 2. Here a
    comes from one lot of draws and P_x from another, as the share of pairs with equal answers, whose mean is P_x. So
    the mean of the right side is no more than H. Both H and r are moved by three standard errors to the safe side. That
    makes it a statement of confidence, not a proof.

    The tokens must be independent, so that the other tokens are drawn alike whatever the first half is. Nothing is used
    of what the task asks.

    >>> from assay import Match3
    >>> from assay.resources import Resources
    >>> lstm = Resources(precision=1, passes=2, state=lambda tokens: 3)
    >>> check = AnswerEntropy().check(Match3(length=16), lstm, error=0.005)
    >>> check.status, round(check.required)
    ('binds', 4)
    """

    name: ClassVar[str] = "answer-entropy"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "state bits"
    cut: ClassVar[str] = "before the last pass"
    source: ClassVar[str] = (
        "state bits >= H - B h(e), B = N/2 rounded down, H the entropy of the first half's answers given the first "
        "half: "
        f"estimated, not proved, from {BLOCKS} sampled first halves with 2 x {DRAWS} draws of the rest each, less "
        f"{STANDARD_ERRORS} standard errors"
    )
    justified: ClassVar[str] = "estimated"
    speaks_of: ClassVar[tuple[str, ...]] = ("match2", "match3", "match3-bigram", "match3-local", "directed-triangle")

    def unmet(self, task: Task, error: float, distribution: str, network: Resources) -> str:
        """A causal network in any number of passes, independent tokens, an error small enough to need knowledge, a
        length that can be sampled.
        """
        if distribution not in _INDEPENDENT:
            return f"needs independent tokens, which {distribution!r} inputs do not have"
        if task.lacks(distribution):
            return f"needs {task.lacks(distribution)}"
        longest = LARGEST_LENGTH.get(task.name, _USUAL_LARGEST)
        if not 2 <= task.length <= longest:
            return f"is sampled from N = 2 to N = {longest}"
        small = _first_error(task, error, distribution) < 0.5
        return "" if small else "the error is one that needs no knowledge of the second half"

    def amount(self, task: Task, error: float, distribution: str, network: Resources) -> float:
        unknown = task.length // 2 * binary_entropy(_first_error(task, error, distribution))
        return sampled(task, distribution).entropy - unknown

    def available(self, task: Task, network: Resources) -> float | None:
        return state_in_last_pass(task, network)


def _first_error(task: Task, balanced: float, distribution: str) -> float:
    plain = plain_error(balanced, sampled(task, distribution).commoner)
    return plain * task.length / (task.length // 2)


@cache
def sampled(task: Task, distribution: str) -> Sampled:
    """What the samples with fixed seeds say of a task."""
    block = task.length // 2
    firsts = task.sample(BLOCKS, seed=0, distribution=distribution).inputs[:, :block]
    bits, ones = np.zeros(BLOCKS), np.zeros(BLOCKS)
    for number, first in enumerate(firsts):
        rest = task.sample(2 * DRAWS, seed=1, start=2 * DRAWS * number, distribution=distribution).inputs[:, block:]
        together = torch.cat([first.expand(2 * DRAWS, *first.shape), rest], dim=1)
        answers = task.targets(together).numpy() > 0.5
        ones[number] = answers.mean()
        chosen, tried = (_pairs_alike(lot) for lot in np.split(answers[:, :block], 2))
        pairs = DRAWS * (DRAWS - 1) / 2
        level = (chosen + 1) / (pairs + 1)
        bits[number] = -math.log2(level) + (1 - tried / pairs / level) / math.log(2)
    commoner = 1 - min(below_mean(ones), below_mean(1 - ones))
    return Sampled(below_mean(bits), min(1.0, commoner))


def _pairs_alike(answers: np.ndarray) -> int:
    """Pairs of rows that are equal."""
    counts = np.unique(np.packbits(answers, axis=1), axis=0, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())
