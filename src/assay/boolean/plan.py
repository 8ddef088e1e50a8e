"""What a study of Boolean functions asks: settings, and the questions they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from assay.boolean.degree import Degree, threshold_degree
from assay.boolean.function import BooleanFunction
from assay.boolean.named import named_function
from assay.boolean.symmetric_heads import MOST_HEADS
from assay.errors import AssayError

BOOLEAN_VERSION = 1  # raised when answers change, so that old ones are not taken for new ones

Question = dict[str, Any]


@dataclass(frozen=True)
class Training:
    """How networks of the bare form are trained, see `assay.boolean.trained.train`.

    Attributes:
        inputs: numbers of bits.
        restarts: starts of each seed; half of those left is given up after 50, 100, 200 and 400 steps.
        steps: of the others, at most.
        extra: heads beyond the threshold degree that are tried, after all numbers up to it.
    """

    inputs: tuple[int, ...]
    restarts: int
    steps: int
    extra: int


@dataclass(frozen=True)
class BackboneTraining:
    """How the standard backbone is, see `assay.boolean.backbone.train_backbone`."""

    inputs: tuple[int, ...]
    heads: int
    width: int
    steps: int


@dataclass(frozen=True)
class BooleanPlan:
    """How many heads some functions need, have by explicit weights, and learn.

    Attributes:
        functions: names, see `assay.boolean.named.named_function`.
        inputs: numbers of bits at which bounds and explicit weights are asked for.
        margins: further ones, for explicit weights of the symmetric functions alone.
        seeds: of what is trained.
        trained: what is trained in the bare form.
        backbone: what is trained as a standard backbone; None for nothing.
    """

    functions: tuple[str, ...]
    inputs: tuple[int, ...]
    margins: tuple[int, ...]
    seeds: tuple[int, ...]
    trained: tuple[Training, ...]
    backbone: BackboneTraining | None

    def questions(self) -> Iterator[Question]:
        """All of them: what takes longest first."""
        trainings = [(training, n) for training in self.trained for n in training.inputs]
        for training, n in sorted(trainings, key=lambda one: -one[1]):
            for name in self.at(n):
                for heads in range(self.most_heads(training, name, n), 0, -1):
                    yield self.learned(training, name, n, heads)
        if self.backbone is not None:
            for n in sorted(self.backbone.inputs, reverse=True):
                for name in self.at(n):
                    for seed in self.seeds:
                        yield self.of_backbone(name, n, seed)
        for n in sorted(self.inputs, reverse=True):
            for name in self.at(n):
                yield self.impossible(name, n)
        for n in sorted({*self.inputs, *self.margins}, reverse=True):
            for name in self.constructed_at(n):
                yield self.constructed(name, n)

    def at(self, inputs: int) -> list[str]:
        """The functions that there are of so many bits."""
        return [name for name in self.functions if function_of(name, inputs) is not None]

    def constructed_at(self, inputs: int) -> list[str]:
        """Those whose explicit weights are asked for."""
        names = self.at(inputs)
        if inputs in self.inputs:
            return names
        counted = {name: known_function(name, inputs).sign_changes for name in names}
        return [name for name, changes in counted.items() if changes is not None and changes <= MOST_HEADS]

    def most_heads(self, training: Training, name: str, inputs: int) -> int:
        """The most heads that are trained: at least one."""
        return max(1, degree_of(name, inputs).at_least + training.extra)

    def learned(self, training: Training, name: str, inputs: int, heads: int) -> Question:
        """What every seed makes of this number of heads."""
        return {
            **_question("learned", name, inputs),
            "heads": heads,
            "seeds": list(self.seeds),
            "restarts": training.restarts,
            "steps": training.steps,
        }

    def of_backbone(self, name: str, inputs: int, seed: int) -> Question:
        """What a seed makes of the standard backbone."""
        assert self.backbone is not None
        return {
            **_question("backbone", name, inputs),
            "heads": self.backbone.heads,
            "width": self.backbone.width,
            "steps": self.backbone.steps,
            "seed": seed,
        }

    def impossible(self, name: str, inputs: int) -> Question:
        """The threshold degree, and the least errors of fewer heads."""
        return _question("impossible", name, inputs)

    def constructed(self, name: str, inputs: int) -> Question:
        """Explicit weights."""
        return _question("constructed", name, inputs)


def known_function(name: str, inputs: int) -> BooleanFunction:
    """The function, which there is of so many bits."""
    found = function_of(name, inputs)
    assert found is not None
    return found


@cache
def function_of(name: str, inputs: int) -> BooleanFunction | None:
    """The function of this name; None where there is none of so many bits, as `half` of 5."""
    try:
        return named_function(name, inputs)
    except AssayError:
        return None


@cache
def degree_of(name: str, inputs: int) -> Degree:
    """Its threshold degree; all functions of a study have up to 16 bits or are symmetric."""
    return threshold_degree(known_function(name, inputs))


def _question(asked: str, name: str, inputs: int) -> Question:
    return {"kind": "boolean", "asked": asked, "function": name, "inputs": inputs, "version": BOOLEAN_VERSION}
