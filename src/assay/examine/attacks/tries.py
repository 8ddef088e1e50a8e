"""Every input that an attack tries goes through here: it is answered, judged, counted, and the worst is remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from assay.constructions.answering import count_of, finite, rows_of
from assay.examine.subject import Subject
from assay.tasks.answers import Answer, Bits, Classes
from assay.tasks.task import AnyInputs

_DRAWS_OF_THE_MEAN = 1000


@dataclass(frozen=True)
class Found:
    """An input, and how badly the network answers it.

    Attributes:
        inputs: a batch of one.
        badness: its largest error, and among inputs with the same, how near the network is to a larger one.
        token: which query token has that error.
        method: by which it was found.
    """

    inputs: AnyInputs
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
        self.keys = subject.keys
        count = min(_DRAWS_OF_THE_MEAN, subject.at_once)
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

    def draws(self, count: int, start: int, distribution: str) -> AnyInputs:
        """Inputs of a named distribution."""
        keys = self.keys if distribution == "adversarial" else None
        return self.subject.task.trial(count, seed=self.seed, start=start, distribution=distribution, keys=keys).inputs

    def judge(self, inputs: AnyInputs, method: str, keep: int = 1) -> list[Found]:
        """Try the inputs, as far as the budget goes, and give the worst few of them, worst first."""
        inputs = self.subject.suited(rows_of(inputs, slice(0, self.left)))
        kept: list[Found] = []
        size = self.subject.at_once
        for first in range(0, count_of(inputs), size):
            kept += self._judge_batch(rows_of(inputs, slice(first, first + size)), method, keep)
        kept = sorted(kept, key=lambda found: found.badness, reverse=True)[:keep]
        if kept and (self.worst is None or kept[0].badness > self.worst.badness):
            self.worst = kept[0]
        return kept

    def _judge_batch(self, inputs: AnyInputs, method: str, keep: int) -> list[Found]:
        count = count_of(inputs)
        self.left -= count
        self.tried[method] += count
        outputs, rows = self.subject.answered(inputs)
        self.refused += count - len(rows)
        if outputs is None:
            return []
        task, inputs = self.subject.task, rows_of(inputs, rows)
        _, targets, scored = task.batch(inputs)
        for name, answer in self._answers.items():
            reached = scored_errors(task.answer, answer.expand(len(targets), *task.spec.output_shape), targets, scored)
            self.constants[name] = max(self.constants[name], reached.max().item())
        errors, tokens = finite(scored_errors(task.answer, outputs, targets, scored)).max(dim=1)
        margins = finite(_margins(task.answer, outputs, targets, scored))
        # Only as many as are kept are looked at one by one.
        order = sorted(range(len(rows)), key=lambda row: (errors[row].item(), margins[row].item()), reverse=True)
        return [
            Found(
                rows_of(inputs, torch.tensor([row])),
                (errors[row].item(), margins[row].item()),
                int(tokens[row]),
                method,
            )
            for row in order[:keep]
        ]


def scored_errors(answer: Answer, outputs: Tensor, targets: Tensor, scored: Tensor) -> Tensor:
    """Errors of all answers (batch, queries), 0 where none is wanted."""
    return answer.errors(outputs, targets).masked_fill(~scored, 0.0)


def _constants(answer: Answer, targets: Tensor, scored: Tensor) -> dict[str, Tensor]:
    """Outputs that are the same for every input, each (queries, *output shape) or what expands to that."""
    if isinstance(answer, Classes):
        return {"always the most frequent": answer.constant(targets, scored)[0]}
    return {"always 0": torch.zeros_like(targets[0]), "always the mean": targets[scored].mean(0)}


def _margins(answer: Answer, outputs: Tensor, targets: Tensor, scored: Tensor) -> Tensor:
    """What tells inputs with the same largest error apart: shape (batch,).

    Answers of decision tasks may lie beyond 0 and 1 without an error: how little the nearest to one is beyond them. Of
    classes how far another one's output lies above the right one's, at most. Else the mean over all answers.
    """
    if isinstance(answer, Bits):
        beyond = torch.where(targets > 0.5, 1 - outputs.double(), outputs.double())
    elif isinstance(answer, Classes):
        right = torch.nn.functional.one_hot(targets, answer.count).bool()
        others = outputs.double().masked_fill(right, -torch.inf).amax(dim=2)
        beyond = others - outputs.double().masked_fill(~right, -torch.inf).amax(dim=2)
    else:
        return finite(scored_errors(answer, outputs, targets, scored)).mean(dim=1)
    return beyond.masked_fill(~scored, -torch.inf).amax(dim=1)
