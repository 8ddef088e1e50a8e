"""What every bound offers: an amount of one resource below which no network of its family has the error."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from assay.evidence import ErrorKind
from assay.size import Size
from assay.tasks.base import Task

_SLACK = 1e-9  # below which an amount short of what is required is rounding
_EXACT_CHOICES = 5_000  # binomials of so few are counted exactly; a logarithm of factorials loses digits

Resource = Literal["message bits", "bits of head messages", "state bits", "first-layer width", "size"]


@dataclass(frozen=True)
class Check:
    """What a bound says about one size.

    Attributes:
        status: `binds`: no network of this size reaches the error. `vacuous`: the bound leaves this size open.
        required: the least amount of the resource that is not excluded.
        available: what the size has of it.
        slack: available - required; negative where the bound binds.
        reason: why nothing is required, where a hypothesis fails; else empty.
    """

    status: Literal["binds", "vacuous"]
    required: float
    available: float
    slack: float
    reason: str = ""


class Bound(ABC):
    """A lower bound on the size of every network of one family.

    Attributes:
        name: the name it is registered under.
        family: attention, recurrent, feed-forward, ...
        error_kind: whether it speaks of the worst error over all inputs or of the root mean square over a distribution.
        resource: what it is a bound on.
        source: the theorem, and the inequality.
        speaks_of: the names of the tasks it is about.
        depth: the number of layers it is about; 0 if any.
        per_head: whether it matters how the width is split into heads.
    """

    name: ClassVar[str]
    family: ClassVar[str]
    error_kind: ClassVar[ErrorKind]
    resource: ClassVar[Resource]
    source: ClassVar[str]
    speaks_of: ClassVar[tuple[str, ...]] = ("sparse-averaging",)
    depth: ClassVar[int] = 0
    per_head: ClassVar[bool] = False

    @abstractmethod
    def unmet(self, task: Any, error: float, distribution: str) -> str:
        """The hypothesis that fails for this task, error and distribution, in words; empty where all hold."""

    @abstractmethod
    def amount(self, task: Any, error: float, distribution: str) -> float:
        """The least amount of the resource not excluded, where the hypotheses hold."""

    def available(self, task: Any, size: Size) -> float:
        """What a network of this size has of the resource."""
        return {
            "message bits": size.message_bits,
            "state bits": size.state_bits,
            "first-layer width": size.width,
        }[self.resource]

    def required(self, task: Task[Any], *, error: float | None = None, distribution: str | None = None) -> float:
        """Least amount of the resource that a network with at most this error must have; 0 where nothing is proved.

        Args:
            task: the task.
            error: worst-case or mean error, as `error_kind` says; the task's tolerance for it unless given.
            distribution: of the inputs, for mean errors; the task's usual one unless given.
        """
        goal, inputs = self._goal(task, error), distribution or task.usual_distribution
        return 0.0 if self.unmet(task, goal, inputs) else max(0.0, self.amount(task, goal, inputs))

    def smallest(
        self,
        task: Task[Any],
        *,
        precision: int = 32,
        heads: int = 1,
        head_width: int = 0,
        state_per_width: int = 1,
        error: float | None = None,
        distribution: str | None = None,
    ) -> int:
        """Smallest width that is not excluded, at least 1.

        Args:
            task: the task.
            precision: bits per number.
            heads: of an attention layer, each as wide as the layer.
            head_width: of heads that split the width among them, in place of `heads`.
            state_per_width: numbers of state that a recurrent network keeps per unit of width (2 for an LSTM).
            error: as for `required`.
            distribution: as for `required`.
        """
        required = self.required(task, error=error, distribution=distribution)

        def excluded(width: int) -> bool:
            count = -(-width // head_width) if head_width else heads
            size = Size(
                width=width, heads=count, head_width=head_width, precision=precision, state=width * state_per_width
            )
            return self.available(task, size) < required - _SLACK

        highest = 1
        while excluded(highest):
            highest *= 2
        return bisect_left(range(highest), True, lo=1, key=lambda width: not excluded(width))

    def check(
        self, task: Task[Any], size: Size, *, error: float | None = None, distribution: str | None = None
    ) -> Check:
        """Whether the bound excludes networks of this size."""
        goal, inputs = self._goal(task, error), distribution or task.usual_distribution
        required = self.required(task, error=goal, distribution=inputs)
        available = self.available(task, size)
        status = "binds" if available < required - _SLACK else "vacuous"
        return Check(status, required, available, available - required, self.unmet(task, goal, inputs))

    def _goal(self, task: Task[Any], error: float | None) -> float:
        own = task.mean_tolerance if self.error_kind == "mean" else task.tolerance
        return own if error is None else error


def binary_entropy(probability: float) -> float:
    """Entropy in bits of a coin with this probability.

    >>> binary_entropy(0.5), binary_entropy(0.0)
    (1.0, 0.0)
    """
    return sum(p * math.log2(1 / p) for p in (probability, 1 - probability) if p > 0)


def log2_binomial(n: int, k: int) -> float:
    """log2 of n choose k, for any size of n.

    >>> log2_binomial(5, 2) == math.log2(10)
    True
    """
    if not 0 <= k <= n:
        return 0.0
    if min(k, n - k) <= _EXACT_CHOICES:
        return math.log2(math.comb(n, k))
    return (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(2)
