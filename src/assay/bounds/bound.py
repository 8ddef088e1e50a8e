"""What every bound offers: an amount of one resource below which no network, of whatever name, has the error."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Generic, Literal

from assay.errors import AssayError
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks import Solved

if TYPE_CHECKING:
    from assay.tasks.task import Task

LARGEST_WIDTH = 1 << 20  # widths above are not looked at

_SLACK = 1e-9  # below which an amount short of what is required is rounding
_EXACT_CHOICES = 5_000  # binomials of so few are counted; beyond, the rest of Stirling's series is below 1e-13

Resource = Literal[
    "embedding bits", "bits of head messages", "state bits", "first-layer width", "bits of answer patterns"
]


@dataclass(frozen=True)
class Check:
    """What a bound says about one network.

    Attributes:
        status: `binds`: no network with these resources reaches the error. `vacuous`: the bound leaves it open.
        required: the least amount of the resource that is not excluded; 0 where a hypothesis fails.
        available: what the network has of it; None where it does not declare any.
        reason: why nothing is said, where a hypothesis fails; else empty.
    """

    status: Literal["binds", "vacuous"]
    required: float
    available: float | None
    reason: str = ""

    @property
    def slack(self) -> float | None:
        """available - required; negative where the bound binds."""
        return None if self.available is None else self.available - self.required


class Bound(ABC, Generic[Solved]):
    """A lower bound on one resource of every network that declares how much it has of it.

    Attributes:
        name: the name it is registered under.
        error_kind: whether it speaks of the worst error over all inputs or of the mean error over a distribution.
        resource: what it is a bound on.
        cut: where in the network the resource is counted, in words.
        source: the theorem, and the inequality.
        justified: how it is known: `proved`, or `estimated` where an expectation is taken over samples.
        speaks_of: the names of the tasks it is about.
        error_at: the tokens whose answers the error is over. Nothing that was learned is held against a bound on
            another error than that of all tokens that ask, by which tasks judge.
    """

    name: ClassVar[str]
    error_kind: ClassVar[ErrorKind]
    resource: ClassVar[Resource]
    cut: ClassVar[str]
    source: ClassVar[str]
    justified: ClassVar[str] = "proved"
    speaks_of: ClassVar[tuple[str, ...]] = ("sparse-averaging",)
    error_at: ClassVar[str] = "every token that asks"

    @abstractmethod
    def unmet(self, task: Solved, error: float, distribution: str, network: Resources) -> str:
        """The hypothesis that fails for this task, error, distribution or network, in words; empty where all hold.

        That the network declares the resource at all is asked of `available`.
        """

    @abstractmethod
    def amount(self, task: Solved, error: float, distribution: str, network: Resources) -> float:
        """The least amount of the resource not excluded, where the hypotheses hold."""

    @abstractmethod
    def available(self, task: Solved, network: Resources) -> float | None:
        """What a network has of the resource; None where it does not declare it."""

    def check(
        self, task: Solved, network: Resources, *, error: float | None = None, distribution: str | None = None
    ) -> Check:
        """Whether the bound excludes networks with these resources.

        Args:
            task: the task.
            network: what the network declares for it.
            error: worst-case or mean error, as `error_kind` says; the task's tolerance for it unless given.
            distribution: of the inputs, for mean errors; the task's usual one unless given.
        """
        goal, inputs = self.goal(task, error), distribution or task.usual_distribution
        available = self.available(task, network)
        if available is None:
            return Check("vacuous", 0.0, None, f"the network declares no {self.resource}")
        reason = self.unmet(task, goal, inputs, network)
        if reason:
            return Check("vacuous", 0.0, available, reason)
        required = max(0.0, self.amount(task, goal, inputs, network))
        return Check("binds" if available < required - _SLACK else "vacuous", required, available)

    def smallest(
        self,
        task: Solved,
        networks: Callable[[int], Resources],
        *,
        multiple: int = 1,
        error: float | None = None,
        distribution: str | None = None,
    ) -> int | None:
        """Smallest width that is not excluded; None where every width up to LARGEST_WIDTH is.

        Args:
            task: the task.
            networks: what the network of a width declares for it.
            multiple: what widths are multiples of.
            error: as for `check`.
            distribution: as for `check`.

        Raises:
            AssayError: what networks have of the resource falls from one of the widths tried to a larger one.
        """
        seen: dict[int, Check] = {}

        def is_open(step: int) -> bool:
            seen[step] = self.check(task, networks(step * multiple), error=error, distribution=distribution)
            return seen[step].status == "vacuous"

        most = max(1, LARGEST_WIDTH // multiple)
        steps = [*(1 << power for power in range(most.bit_length())), most]
        highest = next((step for step in steps if is_open(step)), None)
        found = None if highest is None else bisect_left(range(highest), True, lo=1, key=is_open)
        _require_growth(self.resource, {step * multiple: check.available for step, check in seen.items()})
        return None if found is None else found * multiple

    def goal(self, task: Solved, error: float | None = None) -> float:
        """The error that is spoken of: the one given, or the task's tolerance of this bound's kind."""
        own = task.mean_tolerance if self.error_kind == "mean" else task.tolerance
        return own if error is None else error


def _require_growth(resource: str, available: dict[int, float | None]) -> None:
    """Raise an AssayError where the resource falls as the width grows: then no width is the smallest."""
    known = [(width, amount) for width, amount in sorted(available.items()) if amount is not None]
    for (narrow, more), (wide, less) in pairwise(known):
        if less < more:
            raise AssayError(
                f"{resource} do not grow with the width: width {narrow} has {more:g} and width {wide} has {less:g}; "
                "ask about one width"
            )


def state_in_last_pass(task: Task, network: Resources, tokens: int = 0) -> int | None:
    """Bits of state after this many tokens of the last pass; None where the network declares no state.

    >>> from assay import SparseAveraging
    >>> two_passes = Resources(precision=1, passes=2, state=lambda tokens: tokens)
    >>> state_in_last_pass(SparseAveraging(length=10, sparsity=2), two_passes, 3)
    13
    """
    return network.state_bits((network.passes - 1) * task.spec.length + tokens)


def binary_entropy(probability: float) -> float:
    """Entropy in bits of a coin with this probability.

    >>> binary_entropy(0.5), binary_entropy(0.0)
    (1.0, 0.0)
    """
    return sum(-p * math.log2(p) for p in (probability, 1 - probability) if p > 0)


def log2_binomial(n: int, k: int) -> float:
    """log2 of n choose k, within a relative error of 1e-14 for n up to 2^53 and any k; 0 unless 0 <= k <= n.

    For large k by Stirling's series, with its two large terms combined: a difference of log-gammas of n and n - k loses
    the digits that matter.

    >>> log2_binomial(5, 2) == math.log2(10), round(log2_binomial(2**53, 20_000), 3)
    (True, 803091.184)
    """
    fewer = min(k, n - k)
    if fewer < 0:
        return 0.0
    if fewer <= _EXACT_CHOICES:
        return math.log2(math.comb(n, fewer))
    rest = n - fewer
    entropy = fewer * math.log(n / fewer) - rest * math.log1p(-fewer / n)
    root = math.log(n / (2 * math.pi * fewer * rest)) / 2
    return (entropy + root + (1 / n - 1 / fewer - 1 / rest) / 12) / math.log(2)
