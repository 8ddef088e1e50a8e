"""Kinds of answers: how a network gives one, its error, what training makes small, and what is judged.

A network gives `width` numbers for each query position; `output_shape` is their shape in its outputs. Targets of the
same positions have the answer's dtype. Only scored positions count, in the loss as in what is judged.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from assay.errors import require_integer

_UNSCORED = -100
_RAREST = 0.01  # share of one answer below which its weight in a loss grows no further


class Sums(ABC):
    """Running sums over batches of answers, so that no outputs are kept.

    Attributes:
        largest: the largest error of a scored answer.
    """

    def __init__(self) -> None:
        self.largest = 0.0

    def add(self, answer: Answer, outputs: Tensor, targets: Tensor, scored: Tensor) -> None:
        """Count a batch: outputs (batch, queries, *output shape), targets, and bool (batch, queries)."""
        if not bool(scored.any()):
            return
        errors = answer.errors(outputs, targets)
        self.largest = max(self.largest, errors.nan_to_num(nan=torch.inf)[scored].max().item())
        self.count(answer, outputs, targets, scored)

    @abstractmethod
    def count(self, answer: Answer, outputs: Tensor, targets: Tensor, scored: Tensor) -> None:
        """Count a batch that has a scored answer."""

    @property
    @abstractmethod
    def judged(self) -> float:
        """What a run is judged by."""

    @property
    def sequence_error(self) -> float | None:
        """Share of the sequences with a wrong answer, of those with a scored one; None where answers are numbers."""
        return None


class _Rates(Sums):
    """Wrong answers of each of some kinds; judged by the mean of the kinds' shares."""

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self._kinds = kinds
        self._wrong, self._right = torch.zeros(2, kinds, dtype=torch.float64)
        self._sequences = self._wrong_sequences = 0

    def count(self, answer: Answer, outputs: Tensor, targets: Tensor, scored: Tensor) -> None:
        wrong = answer.wrong(outputs, targets) & scored
        kind = (targets > 0.5).long() if self._kinds == 2 else torch.zeros_like(targets)
        self._wrong += torch.bincount(kind[wrong], minlength=self._kinds)
        self._right += torch.bincount(kind[scored & ~wrong], minlength=self._kinds)
        self._sequences += int(scored.any(dim=1).sum())
        self._wrong_sequences += int(wrong.any(dim=1).sum())

    @property
    def judged(self) -> float:
        answers = self._wrong + self._right
        return (self._wrong / answers)[answers > 0].mean().item()

    @property
    def sequence_error(self) -> float:
        return self._wrong_sequences / max(1, self._sequences)


class _Squares(Sums):
    """Judged by the root of the mean square of all errors."""

    def __init__(self) -> None:
        super().__init__()
        self._squares, self._answers = 0.0, 0

    def count(self, answer: Answer, outputs: Tensor, targets: Tensor, scored: Tensor) -> None:
        self._squares += answer.errors(outputs, targets)[scored].square().sum().item()
        self._answers += int(scored.sum())

    @property
    def judged(self) -> float:
        return (self._squares / max(1, self._answers)) ** 0.5


class Answer(ABC):
    """What is asked for at a query position.

    Attributes:
        dtype: of targets.
        judged_by: what runs are judged by, in words.
        learned_at: the judged measure up to which a task counts as learned; None where only the task knows.
        tolerance: the worst-case error up to which it counts as solved; None where only the task knows.
        largest_tolerance: the largest worst-case error that a construction may be asked for.
    """

    dtype: ClassVar[torch.dtype] = torch.float64
    judged_by: ClassVar[str]
    learned_at: ClassVar[float | None] = None
    tolerance: ClassVar[float | None] = None
    largest_tolerance: ClassVar[float] = 1.0

    @property
    @abstractmethod
    def output_shape(self) -> tuple[int, ...]:
        """Shape of what a network gives for one query position."""

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Shape of one exact answer."""
        return self.output_shape

    @property
    def width(self) -> int:
        """Numbers that a network gives for one query position."""
        return self.output_shape[0] if self.output_shape else 1

    def defined(self, targets: Tensor) -> Tensor:
        """Which targets are answers, bool (batch, queries): classes from 0 on, numbers that are not NaN."""
        numbers = targets.is_floating_point()
        return ~targets.isnan().view(*targets.shape[:2], -1).any(dim=2) if numbers else targets >= 0

    @abstractmethod
    def constant(self, targets: Tensor, scored: Tensor) -> Tensor:
        """Outputs that are the same at every position, the best for these targets."""

    @abstractmethod
    def errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Error of each answer, (batch, queries)."""

    def wrong(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Whether each answer is another one than the exact one, bool (batch, queries)."""
        return self.errors(outputs, targets) != 0

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor, scored: Tensor) -> Tensor:
        """What training makes small, a mean over the scored positions."""

    @abstractmethod
    def sums(self) -> Sums:
        """New running sums."""

    def judge(self, outputs: Tensor, targets: Tensor, scored: Tensor | None = None) -> float:
        """What a run with these outputs is judged by; every position is scored unless `scored` says otherwise.

        >>> Bits().judge(torch.tensor([[0.6, 0.4, 0.7, 0.1]]), torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
        0.16666666666666666
        """
        sums = self.sums()
        sums.add(self, outputs, targets, torch.ones(targets.shape[:2], dtype=torch.bool) if scored is None else scored)
        return sums.judged


@dataclass(frozen=True)
class Classes(Answer):
    """One of `count` classes: outputs (batch, queries, count) in any unit of log-odds, targets int64 (batch, queries).

    An answer is the class with the largest output, its error 0 or 1; runs are judged by the share of wrong answers.

    >>> answer = Classes(3)
    >>> answer.errors(torch.tensor([[[0.1, 2.0, 0.3], [1.0, 0.0, 0.0]]]), torch.tensor([[1, 2]])).tolist()
    [[0.0, 1.0]]
    """

    dtype: ClassVar[torch.dtype] = torch.int64
    judged_by: ClassVar[str] = "error rate"
    learned_at: ClassVar[float | None] = 0.05
    tolerance: ClassVar[float | None] = 0.25
    largest_tolerance: ClassVar[float] = 0.49

    count: int

    def __post_init__(self) -> None:
        require_integer("classes", self.count, 2, None)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (self.count,)

    @property
    def target_shape(self) -> tuple[int, ...]:
        return ()

    def constant(self, targets: Tensor, scored: Tensor) -> Tensor:
        counts = torch.bincount(targets[scored], minlength=self.count)
        return counts.double().expand(*targets.shape, -1)

    def errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """1 where another class has the largest output, or an output is not a number."""
        return ((outputs.argmax(dim=-1) != targets) | outputs.isnan().any(dim=-1)).to(outputs.dtype)

    def loss(self, outputs: Tensor, targets: Tensor, scored: Tensor) -> Tensor:
        wanted = targets.masked_fill(~scored, _UNSCORED).flatten()
        total = cross_entropy(outputs.flatten(0, 1), wanted, ignore_index=_UNSCORED, reduction="sum")
        return total / scored.sum().clamp(min=1)

    def sums(self) -> Sums:
        return _Rates(kinds=1)


@dataclass(frozen=True)
class Bits(Answer):
    """Yes or no: outputs (batch, queries) are compared with 1/2, targets are 0 or 1 in float64 (batch, queries).

    >>> Bits().errors(torch.tensor([[7.0, -3.0, 0.25]]), torch.tensor([[1.0, 0.0, 0.0]])).tolist()
    [[0.0, 0.0, 0.25]]
    """

    judged_by: ClassVar[str] = "balanced error rate"
    learned_at: ClassVar[float | None] = 0.1
    tolerance: ClassVar[float | None] = 0.25  # on its side of 1/2 with room to spare; bounds hold for errors below 1/2
    largest_tolerance: ClassVar[float] = 0.49

    @property
    def output_shape(self) -> tuple[int, ...]:
        return ()

    def constant(self, targets: Tensor, scored: Tensor) -> Tensor:
        """Always or never, whichever is more frequent; over both kinds of answers they are as good as each other."""
        return torch.full_like(targets, float(targets[scored].mean() > 0.5))

    def errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Distance of each answer from 0 or 1, in float64; an answer beyond them is as good."""
        return (outputs.double().clamp(0, 1) - targets.double()).abs()

    def wrong(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Whether it is on the other side of 1/2, or not a number."""
        return ((outputs > 0.5) != (targets > 0.5)) | outputs.isnan()

    def loss(self, outputs: Tensor, targets: Tensor, scored: Tensor) -> Tensor:
        """Cross-entropy, with an output's distance from 1/2 as the logarithm of the odds.

        Positions of either answer weigh as much as the others, as in the error rate, where either is at least a
        hundredth of the batch.
        """
        share = _mean(targets, scored).clamp(_RAREST, 1 - _RAREST)
        weights = 0.5 * (targets / share + (1 - targets) / (1 - share))
        entropies = binary_cross_entropy_with_logits(outputs - 0.5, targets, weights, reduction="none")
        return _mean(entropies, scored)

    def sums(self) -> Sums:
        """Judged by the mean of the error rates at positions whose answer is 1 and at those whose answer is 0."""
        return _Rates(kinds=2)


@dataclass(frozen=True)
class Reals(Answer):
    """A vector of `numbers`: outputs and targets (batch, queries, numbers), targets in float64.

    >>> Reals(2).errors(torch.tensor([[[3.0, 0.0]]]), torch.tensor([[[0.0, 4.0]]])).tolist()
    [[5.0]]
    """

    judged_by: ClassVar[str] = "root-mean-square error"

    numbers: int = 1

    def __post_init__(self) -> None:
        require_integer("numbers", self.numbers, 1, None)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (self.numbers,)

    def constant(self, targets: Tensor, scored: Tensor) -> Tensor:
        return targets[scored].mean(dim=0).expand_as(targets)

    def errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Euclidean distance of each answer from the exact one, in float64."""
        return torch.linalg.vector_norm(outputs.double() - targets.double(), dim=-1)

    def loss(self, outputs: Tensor, targets: Tensor, scored: Tensor) -> Tensor:
        return _mean((outputs - targets).square().sum(dim=-1), scored)

    def sums(self) -> Sums:
        return _Squares()


def _mean(values: Tensor, scored: Tensor) -> Tensor:
    """Mean over scored positions; 0 where there is none."""
    return torch.where(scored, values, 0.0).sum() / scored.sum().clamp(min=1)
