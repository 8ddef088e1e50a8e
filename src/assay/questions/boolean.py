"""Questions on Boolean functions, their evidence, and which of them a study asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from assay.booleans.backbone import train_backbone
from assay.booleans.degree import degree_of
from assay.booleans.function import BooleanFunction
from assay.booleans.mean import least_error
from assay.booleans.named import function_of, known_function
from assay.booleans.rounded import bits_of
from assay.booleans.softmax_heads import constructed_heads
from assay.booleans.symmetric_heads import MOST_HEADS, symmetric_heads
from assay.booleans.trained import train
from assay.errors import AssayError
from assay.evidence import Json, Statement
from assay.question import Question
from assay.sizes import Size

BOOLEAN_VERSION = 1  # raised when answers change, so that old ones are not taken for new ones
_FIXED_INPUTS = 16  # up to which the smallest fixed-point format is sought: seconds


@dataclass(frozen=True)
class BooleanQuestion(Question):
    """Something that is asked of a Boolean function.

    Attributes:
        function: its name, see `assay.booleans.named.named_function`.
        inputs: of how many bits.
    """

    kind: ClassVar[str] = "boolean"
    architecture: ClassVar[str] = "bare heads"
    function: str
    inputs: int
    version: int = field(default=BOOLEAN_VERSION, kw_only=True)

    @property
    def known(self) -> BooleanFunction:
        """The function."""
        return known_function(self.function, self.inputs)

    def of_heads(self, size: Size, error: float, justification: str, detail: Json) -> Statement:
        """What was found of networks of this size; what `detail` holds, the class says."""
        return Statement(
            task={"name": self.function, "bits": self.inputs},
            family="attention",
            architecture=self.architecture,
            source=f"boolean {self.asked}",
            size=size,
            verdict="measured",
            error_kind="mean",
            error=error,
            tolerance=0.0,
            justification=justification,
            detail=detail,
        )


@dataclass(frozen=True)
class ImpossibleHeads(BooleanQuestion):
    """How many heads are too few, and how wrong is each of these numbers?

    Detail: `at_least` and `at_most` of the threshold degree, `errors` of 0, 1, ... heads, all below `at_least`.
    """

    asked: ClassVar[str] = "impossible"

    def find(self) -> Statement:
        """By the threshold degree."""
        function, degree = self.known, degree_of(self.function, self.inputs)
        errors = [least_error(function, heads, degree) for heads in range(degree.at_least)]
        return self.of_heads(
            _bare(degree.at_least - 1),
            float(errors[-1].error) if errors else 0.0,
            f"fewer heads than the threshold degree are wrong somewhere, in exact arithmetic: {degree.justification}",
            {
                "at_least": degree.at_least,
                "at_most": degree.at_most,
                "errors": [{"error": float(one.error), "justification": one.justification} for one in errors],
            },
        )


@dataclass(frozen=True)
class ConstructedHeads(BooleanQuestion):
    """How many heads have explicit weights?

    Detail: `heads`; `margin` as a fraction and `bits` = log2 of 1 / margin; of symmetric functions also formats.
    """

    asked: ClassVar[str] = "constructed"

    def find(self) -> Statement:
        """By counts where the function is symmetric, and else by degree."""
        function = self.known
        if function.by_count is not None:
            found = symmetric_heads(function)
            fixed = found.smallest_fixed_point if function.inputs <= _FIXED_INPUTS else None
            heads, margin = found.heads, found.margin
            justification = (
                f"the sign of the output at all {function.inputs + 1} counts, in rationals; sum of coefficients 1"
            )
            formats: Json = {
                "proved_format": found.proved_format,
                "right_format": found.smallest_format,
                "fixed_bits": None if fixed is None else fixed.bits,
                "certificate": found.certificate,
            }
        else:
            explicit = constructed_heads(function, degree_of(self.function, self.inputs).at_least)
            if explicit is None or explicit.layer is None:
                raise AssayError(f"no explicit weights of {function.name} of {function.inputs} bits are checked")
            heads, margin, justification = explicit.heads, explicit.layer.margin, explicit.justification
            formats = dict.fromkeys(("proved_format", "right_format", "fixed_bits"))
            formats["certificate"] = explicit.layer.to_json()
        detail = {"heads": heads, "margin": str(margin), "bits": bits_of(margin), **formats}
        return self.of_heads(_bare(heads), 0.0, justification, detail)


@dataclass(frozen=True)
class LearnedHeads(BooleanQuestion):
    """What does training make of this number of heads, in the bare form? See `assay.booleans.trained.train`.

    Detail: for each seed `wrong` words, `steps`, and whether the answers are `exact`.
    """

    asked: ClassVar[str] = "learned"
    heads: int
    seeds: tuple[int, ...]
    restarts: int
    steps: int

    def find(self) -> Statement:
        """Of all seeds."""
        function = self.known
        found = train(function, [self.heads], self.seeds, restarts=self.restarts, steps=self.steps)
        words = 1 << function.inputs
        seeds = [
            {"seed": one.seed, "wrong": one.wrong, "steps": one.steps, "exact": one.exactness.held} for one in found
        ]
        return self.of_heads(
            _bare(self.heads),
            min(one.wrong for one in found) / words,
            f"the fewest wrong of all {words} words, over {len(found)} seeds of {self.restarts} starts, at most "
            f"{self.steps} steps; answers held against exact arithmetic",
            {"seeds": seeds},
        )


@dataclass(frozen=True)
class LearnedBackbone(BooleanQuestion):
    """What does training make of the standard backbone? Detail: `wrong` words, `steps` and `parameters`."""

    asked: ClassVar[str] = "backbone"
    architecture: ClassVar[str] = "standard backbone"
    heads: int
    width: int
    steps: int
    seed: int

    def find(self) -> Statement:
        """Of one seed."""
        found = train_backbone(self.known, self.seed, heads=self.heads, width=self.width, steps=self.steps)
        words = 1 << self.inputs
        return self.of_heads(
            Size(width=self.width, heads=self.heads, precision=32),
            found.wrong / words,
            f"the fewest wrong of all {words} words at any look, every 20 steps; it has an MLP and normalisation, "
            "so that bounds on heads do not speak of it",
            {"wrong": found.wrong, "steps": found.steps, "parameters": found.parameters},
        )


def _bare(heads: int) -> Size:
    return Size(width=1, heads=max(1, heads), precision=64)


@dataclass(frozen=True)
class BareTraining:
    """How networks of the bare form are trained, see `assay.booleans.trained.train`.

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
    """How the standard backbone is, see `assay.booleans.backbone.train_backbone`."""

    inputs: tuple[int, ...]
    heads: int
    width: int
    steps: int


@dataclass(frozen=True)
class BooleanPlan:
    """How many heads some functions need, have by explicit weights, and learn.

    Attributes:
        functions: names, see `assay.booleans.named.named_function`.
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
    trained: tuple[BareTraining, ...]
    backbone: BackboneTraining | None

    def questions(self) -> Iterator[BooleanQuestion]:
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
                yield ImpossibleHeads(name, n)
        for n in sorted({*self.inputs, *self.margins}, reverse=True):
            for name in self.constructed_at(n):
                yield ConstructedHeads(name, n)

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

    def most_heads(self, training: BareTraining, name: str, inputs: int) -> int:
        """The most heads that are trained: at least one."""
        return max(1, degree_of(name, inputs).at_least + training.extra)

    def learned(self, training: BareTraining, name: str, inputs: int, heads: int) -> LearnedHeads:
        """What every seed makes of this number of heads."""
        return LearnedHeads(name, inputs, heads, self.seeds, training.restarts, training.steps)

    def of_backbone(self, name: str, inputs: int, seed: int) -> LearnedBackbone:
        """What a seed makes of the standard backbone."""
        one = self.backbone
        assert one is not None
        return LearnedBackbone(name, inputs, one.heads, one.width, one.steps, seed)
