"""What `assay bound`, `assay communication` and `assay baselines` do: what is impossible, and what is no test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assay.bounds.report import BoundRow, bound_rows
from assay.errors import AssayError, ParameterError
from assay.evidence import Json
from assay.frames import Framed
from assay.models import Shape, named_architecture
from assay.models.candidates import Candidates, all_candidates, require_declared
from assay.models.shape import Option
from assay.schema import Result
from assay.sessions.naming import Tell, options_from, silent, task_from
from assay.tasks import Task
from assay.trivial.fit import Baselines, baselines_of, described
from assay.trivial.shipped import shipped_sizes


@dataclass(frozen=True, repr=False)
class Bounded(Framed):
    """What all bounds say about a task.

    Attributes:
        task: its name and parameters.
        bits: of every number.
        bounds: a row for each bound and architecture.
        undeclared: how the layer can declare its state, where bounds ask for one; else empty.
    """

    task: Json
    bits: int
    bounds: tuple[BoundRow, ...]
    undeclared: str = ""

    @property
    def line(self) -> str:
        """How many rows, and the most that they ask for."""
        widths = [row.smallest_width for row in self.bounds if row.smallest_width is not None]
        binding = sum(row.status == "binds" for row in self.bounds)
        most = f"; widths from {min(widths)} to {max(widths)} are left open" if widths else ""
        return f"{self.task['name']} at {self.bits} bits: {len(self.bounds)} rows, {binding} bind{most}"

    def rows(self) -> Iterable[object]:
        """One for each bound and architecture."""
        return self.bounds


@dataclass(frozen=True, repr=False)
class Communication(Result):
    """What is known of the communication matrix of a task under a split of its positions.

    Attributes:
        task: its name and parameters.
        token: whose answer it is, of the query tokens from 0.
        threshold: above which answers count as 1; None where they are as they are.
        error: the worst error that one-way protocols may have.
        known: ranks, fooling set, one-way and two-way bits and VC dimensions, each with what it rests on; see
            `assay.examine.communication.communication_summary`.
    """

    task: Json
    token: int
    threshold: float | None
    error: float
    known: Json

    @property
    def line(self) -> str:
        """The bits, one way and both."""
        one_way, two_way = self.known["from_alice"], self.known["two_way"]
        return (
            f"{self.task['name']}: {self.known['rows']} x {self.known['columns']} inputs, rank "
            f"{self.known['rank']['over_rationals']}; at least {one_way['bits_at_least']} bits from Alice, "
            f"{two_way['bits_at_least']} in all"
        )

    def to_json(self) -> Json:
        """Plain JSON values, what is known beside the others."""
        told = super().to_json()
        known = told.pop("known")
        return {**told, **known}


@dataclass(frozen=True)
class FittedBaselines:
    """The trivial baselines of a task on one distribution.

    Attributes:
        task: that they were fitted to.
        distribution: of the inputs.
        fitted: what they reach.
    """

    task: Task
    distribution: str
    fitted: Baselines

    def to_json(self) -> Json:
        """Plain JSON values."""
        passing = self.fitted.passing
        return {
            "task": self.task.to_json(),
            "with": described(self.task),
            "distribution": self.distribution,
            "measure": self.task.answer.judged_by,
            **self.fitted.to_json(),
            "passing": None if passing is None else passing.name,
        }


@dataclass(frozen=True, repr=False)
class BaselinesFound(Framed):
    """Trivial baselines, fitted.

    Attributes:
        baselines: of each task and distribution.
    """

    baselines: tuple[FittedBaselines, ...]

    @property
    def line(self) -> str:
        """How many tasks, and on how many a baseline passes."""
        passing = sum(one.fitted.passing is not None for one in self.baselines)
        return f"{len(self.baselines)} tasks and inputs, {passing} on which a trivial baseline is within the tolerance"

    def rows(self) -> Iterable[object]:
        """One for each baseline."""
        for row in self.baselines:
            shared = {"task": row.task.name, "with": described(row.task), "distribution": row.distribution}
            for one in row.fitted.found:
                yield {**shared, "baseline": one.name, "error": one.error, "tolerance": row.fitted.tolerance}

    def to_json(self) -> Json:
        """Plain JSON values."""
        return {"baselines": [row.to_json() for row in self.baselines]}


def bound(
    task: Task | str,
    *,
    bits: int = 32,
    architecture: str | None = None,
    depth: int = 1,
    heads: int = 1,
    head_width: int = 0,
    loops: int = 1,
    options: str | dict[str, Option] | None = None,
    width: int | None = None,
    error: float | None = None,
    distribution: str | None = None,
    **parameters: object,
) -> Bounded:
    """Which sizes are impossible: the smallest width each bound leaves open, and what it says of a given width.

    Args:
        task: a task, or its name with its parameters: `bound("match3", length=64)`.
        bits: of every number.
        architecture: its name, that of a bare model, or `file.py:Class`; all unless given.
        depth: layers of the architecture.
        heads: of a layer; they split the width, but in a bare model each is as wide.
        head_width: in place of `heads`, the width of each.
        loops: how often all layers are run.
        options: of the layers, as a dictionary or `name=value,name=value`.
        width: to check.
        error: the task's tolerance unless given.
        distribution: that mean errors speak of; the task's usual one unless given.
        parameters: of a task that is named.

    >>> found = bound("sparse-averaging", length=64, sparsity=2, bits=1, width=16)
    >>> [row.slack for row in found.bounds if row.bound == "recurrent-state" and row.architecture == "gru"]
    [-47.0]

    Raises:
        AssayError: an unknown name, an error out of range, or a width that the architecture cannot have.
    """
    chosen, told, undeclared = task_from(task, parameters), options_from(options), ""
    if architecture is None:
        if (depth, loops, heads, head_width, told) != (1, 1, 1, 0, {}):
            raise ParameterError(
                "{depth}, {loops}, {heads}, {head_width} and {options} need {architecture}: they describe it"
            )
        asked = all_candidates()
    else:
        if any(part in architecture for part in (":", ".py", "+")):
            architecture = named_architecture(architecture)
        shape: Shape = {"depth": depth, "loops": loops, "head_width": head_width, "options": told}
        asked = [Candidates.of(architecture, heads=heads, **shape)]
        facts = require_declared(asked[0], width or asked[0].multiple)
        undeclared = next(filter(None, (one.how_to_declare for one in facts)), "")
    rows = bound_rows(
        chosen,
        asked,
        precision=bits,
        width=width,
        error=error,
        distribution=distribution or chosen.usual_distribution,
    )
    wanting = any(row.resource == "state bits" and row.available is None for row in rows)
    return Bounded(chosen.to_json(), bits, tuple(rows), undeclared if wanting else "")


def communication(
    task: Task | str,
    alice: Iterable[int],
    *,
    token: int | None = None,
    threshold: float | None = None,
    error: float = 0.0,
    **parameters: object,
) -> Communication:
    """The communication matrix of a small task under a split of its positions: rank, fooling set, one-way bits, VC.

    Args:
        task: a task, or its name with its parameters.
        alice: positions that she holds; Bob holds the others.
        token: whose answer; the last query token's unless given.
        threshold: answers above it count as 1, others as 0.
        error: worst error that one-way protocols may have.
        parameters: of a task that is named.

    >>> communication("sparse-averaging", [0, 1, 2], threshold=0.0, length=3, sparsity=1, layout="last")
    <Communication sparse-averaging: 8 x 3 inputs, rank 3; at least 3 bits from Alice, 2 in all>

    Raises:
        AssayError: too large a task, or positions that are no split.
    """
    from assay.examine.communication import communication_summary

    found = communication_summary(task_from(task, parameters), list(alice), token, threshold=threshold, error=error)
    asked = {name: found.pop(name) for name in ("task", "token", "threshold", "error")}
    return Communication(**asked, known=found)


def baselines(
    task: Task | str | None = None,
    *,
    distribution: str | None = None,
    tell: Tell = silent,
    **parameters: object,
) -> BaselinesFound:
    """Fit trivial baselines to a task: the error of predictors that do not do it, beside the tolerance.

    Args:
        task: a task, or its name with its parameters; all shipped ones at usual sizes unless given.
        distribution: of the inputs; all that the task has unless given.
        tell: hears of each task before it is fitted.
        parameters: of a task that is named.

    >>> found = baselines("sparse-averaging", length=16, sparsity=4, distribution="sign")
    >>> found.baselines[0].fitted.found[0].name
    'constant'

    Raises:
        AssayError: an unknown name, or inputs that this task does not have.
    """
    if task is None:
        if parameters:
            raise AssayError(f"{next(iter(parameters))} needs a task")
        if distribution is not None:
            raise ParameterError("{distribution} needs a task")
        asked = list(shipped_sizes())
    else:
        chosen = task_from(task, parameters)
        named = [distribution] if distribution else [one for one in chosen.distributions if not chosen.lacks(one)]
        asked = [(chosen, one) for one in named]
    found = []
    for chosen, one in asked:
        tell(f"{chosen.name} with {described(chosen)}, {one} inputs")
        found.append(FittedBaselines(chosen, one, baselines_of(chosen, one)))
    return BaselinesFound(tuple(found))
