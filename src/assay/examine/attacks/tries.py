"""Every input that an attack tries goes through here: it is answered, judged, counted, and the worst is remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from assay.constructions.answering import answered, at_once, count_of, each, finite, rows_of
from assay.constructions.construction import Construction
from assay.errors import AssayError
from assay.examine.subject import Subject
from assay.tasks.answers import Answer, Bits, Classes

_DRAWS_OF_THE_MEAN = 1000


@dataclass(frozen=True)
class Found:
    """An input, and how badly the network answers it.

    Attributes:
        inputs: a batch of one.
        badness: its largest error, and among inputs with the same, how near the network is to a larger one.
        token: which asking token has that error.
        method: by which it was found.
    """

    inputs: Any
    badness: tuple[float, float]
    token: int
    method: str


class Tries:
    """A network under attack, and a budget of inputs.

    Attributes:
        subject: the network and its task.
        budget: inputs that may be tried in all.
        left: those that still may.
        tried: how many were, by method.
        refused: how many of these the network gave no answer to, for want of a certificate.
        worst: the worst input yet; None before one was answered.
        constants: the largest error that constant answers reach on the same inputs, refused ones left out.
        tell: takes lines about progress.
    """

    def __init__(self, subject: Subject, budget: int, seed: int, tell: Callable[[str], None]) -> None:
        self.subject, self.budget, self.left, self.seed, self.tell = subject, budget, budget, seed, tell
        self.tried: Counter[str] = Counter()
        self.refused = 0
        self.worst: Found | None = None
        network = subject.network
        self.keys: Tensor | None = network.position_keys() if isinstance(network, Construction) else None
        self.at_once = at_once(network, subject.task)
        self._dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float64)
        count = min(_DRAWS_OF_THE_MEAN, self.at_once)
        drawn = subject.task.trial(count, seed=seed, start=0, distribution=self.distributions()[0], keys=None)
        self._answers = _constants(subject.task.answer, drawn.targets, drawn.scored)
        self.constants = dict.fromkeys(self._answers, 0.0)

    def distributions(self) -> list[str]:
        """Named distributions that a worst-case statement covers."""
        return self.subject.task.trial_distributions(keys=self.keys is not None)

    def say(self, method: str) -> None:
        """A line about what a method came to."""
        error = "no answers" if self.worst is None else f"largest error {self.worst.badness[0]:.4g}"
        self.tell(f"{method}: {self.tried[method]} inputs; {error} so far")

    def draws(self, count: int, start: int, distribution: str) -> Any:
        """Inputs of a named distribution."""
        keys = self.keys if distribution == "adversarial" else None
        return self.subject.task.trial(count, seed=self.seed, start=start, distribution=distribution, keys=keys).inputs

    def suited(self, inputs: Any) -> Any:
        """Inputs in the dtype of the network's parameters; float64 where it has none and rounds by itself."""
        return each(inputs, lambda tensor: tensor.to(self._dtype) if tensor.is_floating_point() else tensor)

    def judge(self, inputs: Any, method: str, keep: int = 1) -> list[Found]:
        """Try the inputs, as far as the budget goes, and give the worst few of them, worst first."""
        inputs = self.suited(rows_of(inputs, slice(0, self.left)))
        kept: list[Found] = []
        for first in range(0, count_of(inputs), self.at_once):
            kept += self._judge_batch(rows_of(inputs, slice(first, first + self.at_once)), method, keep)
        kept = sorted(kept, key=lambda found: found.badness, reverse=True)[:keep]
        if kept and (self.worst is None or kept[0].badness > self.worst.badness):
            self.worst = kept[0]
        return kept

    def _judge_batch(self, inputs: Any, method: str, keep: int) -> list[Found]:
        count = count_of(inputs)
        self.left -= count
        self.tried[method] += count
        outputs, rows = answered(self.answers, inputs)
        self.refused += count - len(rows)
        if outputs is None:
            return []
        task, inputs = self.subject.task, rows_of(inputs, rows)
        _, targets, scored = task.batch(inputs)
        for name, answer in self._answers.items():
            reached = scored_errors(task.answer, answer.expand(len(targets), *task.spec.output_shape), targets, scored)
            self.constants[name] = max(self.constants[name], reached.max().item())
        errors, tokens = finite(scored_errors(task.answer, outputs, targets, scored)).max(dim=1)
        margins = finite(_margins(task, outputs, targets, scored))
        # Only as many as are kept are looked at one by one.
        order = sorted(range(len(rows)), key=lambda row: (errors[row].item(), margins[row].item()), reverse=True)
        return [
            Found(
                each(inputs, lambda tensor, row=row: tensor[row : row + 1].clone()),
                (errors[row].item(), margins[row].item()),
                int(tokens[row]),
                method,
            )
            for row in order[:keep]
        ]

    def answers(self, inputs: Any) -> Tensor:
        """The network's answers.

        Raises:
            AssayError: they do not have the shape that the task's answers have.
        """
        with torch.no_grad():
            outputs = self.subject.network(inputs)
        wanted = (count_of(inputs), *self.subject.task.spec.output_shape)
        if not isinstance(outputs, Tensor) or tuple(outputs.shape) != wanted:
            shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
            raise AssayError(f"answers of {self.subject.name} have shape {shape}; it must be {wanted}")
        return outputs


def scored_errors(answer: Answer, outputs: Tensor, targets: Tensor, scored: Tensor) -> Tensor:
    """Errors of all answers (batch, queries), 0 where none is wanted."""
    return answer.errors(outputs, targets).masked_fill(~scored, 0.0)


def _constants(answer: Answer, targets: Tensor, scored: Tensor) -> dict[str, Tensor]:
    """Outputs that are the same for every input, each (queries, *output shape) or what expands to that."""
    if isinstance(answer, Classes):
        return {"always the most frequent": answer.constant(targets, scored)[0]}
    return {"always 0": torch.zeros_like(targets[0]), "always the mean": targets[scored].mean(0)}


def _margins(task: Any, outputs: Tensor, targets: Tensor, scored: Tensor) -> Tensor:
    """What tells inputs with the same largest error apart: shape (batch,).

    Answers of decision tasks may lie beyond 0 and 1 without an error: how little the nearest to one is beyond them. Of
    classes how far another one's output lies above the right one's, at most. Else the mean over all answers.
    """
    if isinstance(task.answer, Bits):
        beyond = torch.where(targets > 0.5, 1 - outputs.double(), outputs.double())
    elif isinstance(task.answer, Classes):
        right = torch.nn.functional.one_hot(targets, task.answer.count).bool()
        others = outputs.double().masked_fill(right, -torch.inf).amax(dim=2)
        beyond = others - outputs.double().masked_fill(~right, -torch.inf).amax(dim=2)
    else:
        return finite(scored_errors(task.answer, outputs, targets, scored)).mean(dim=1)
    return beyond.masked_fill(~scored, -torch.inf).amax(dim=1)
