"""What was found on one sweep of a study, for which architectures, and which boundaries concern whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assay.models.bare_models import BARE_MODELS
from assay.proofs.proof import Proof
from assay.report.states import StateChart
from assay.results.frontier import Series
from assay.results.grids import Grid
from assay.trivial.fit import Baseline

ORDER = ("attention", "third-order", "strassen", "lstm", "gru", "recurrent", "feed-forward")


@dataclass(frozen=True)
class Unfinished:
    """A search that has not ended.

    Attributes:
        architecture: what is trained; a grid's is followed by `(grid)`.
        x: the value of the parameter that its sweep goes along.
        failed: why it cannot go on, in one line; None where it only waits.
    """

    architecture: str
    x: int
    failed: str | None


@dataclass(frozen=True)
class OtherLengths:
    """A network tested at other lengths than it was trained at: each seed's best run at the width that was found.

    Attributes:
        architecture: what is trained.
        x: the value of the parameter that its sweep goes along.
        field: what `width` is: `width`, or another field of the network or of the task.
        width: the value that was found, or the last that was tried.
        learned: whether it was found.
        errors: by the length, ascending: mean errors of the seeds on positions beyond the length of training,
            ascending.
    """

    architecture: str
    x: int
    field: str
    width: int
    learned: bool
    errors: dict[int, tuple[float, ...]]


@dataclass(frozen=True)
class TrainingCurve:
    """How the error of one run fell: of each seed's best run at the value that was found, or at the last tried.

    Attributes:
        architecture: what is trained.
        x: the value of the parameter that its sweep goes along.
        field: what `width` is: `width`, or another field of the network or of the task.
        width: of the run.
        seed: of the run.
        rate: of learning.
        learned: whether the run learned, by its error on test inputs.
        tolerance: of the mean error.
        steps: after which the error was measured, ascending; at most 30 of the measurements, the last among them.
        errors: the mean errors on validation inputs then.
    """

    architecture: str
    x: int
    field: str
    width: int
    seed: int
    rate: float
    learned: bool
    tolerance: float
    steps: tuple[int, ...]
    errors: tuple[float, ...]


@dataclass(frozen=True)
class Certified:
    """A construction and its proof.

    Attributes:
        method: the construction's name.
        parameters: of its task, in a few words.
        width: of the network.
        error: what no answer exceeds.
        arithmetic: of the forward pass.
        proof: None where the guarantee was not proved.
        justification: the proof in words, or at what it failed.
        seconds: processor time it took.
    """

    method: str
    parameters: str
    width: int
    error: float
    arithmetic: str
    proof: Proof | None
    justification: str
    seconds: float


@dataclass(frozen=True)
class FewestBits:
    """The fewest bits per number at which a construction meets its tolerance at one x.

    Attributes:
        x: the value of the parameter that its sweep goes along.
        bits: per number, sign included.
        fraction: of these bits, those behind the point.
        error: the largest that was seen.
        width: of the network.
        justification: the inputs that were tried, in words.
    """

    x: int
    bits: int
    fraction: int
    error: float
    width: int
    justification: str


@dataclass(frozen=True)
class Precisions:
    """The fewest bits of one construction along a sweep.

    Attributes:
        method: the construction's name.
        points: ascending in x.
        per_doubling: bits more for each doubling of x, by least squares; None for fewer than three values of x.
    """

    method: str
    points: tuple[FewestBits, ...]
    per_doubling: float | None


@dataclass(frozen=True)
class TrivialBaselines:
    """What trivial baselines reach at one x that was to be learned.

    Attributes:
        x: the value of the parameter that the sweep goes along.
        tolerance: the mean error at which the task counts as learned.
        draws: for training, on which they were fitted; as many test draws they were judged on.
        found: in the order the task names them.
    """

    x: int
    tolerance: float
    draws: int
    found: tuple[Baseline, ...]


@dataclass(frozen=True)
class DrawnInputs:
    """Test inputs at one x, over all runs there.

    Attributes:
        x: the value of the parameter that the sweep goes along.
        different: the least number that differ.
        share: the largest share of those that also occurred in training, from 0 to 1.
        exhaustive: whether they are all inputs that there are, in every run.
    """

    x: int
    different: int
    share: float
    exhaustive: bool


@dataclass(frozen=True)
class Sweep:
    """What was found on one sweep of a study.

    Attributes:
        name: of its table in the study's file.
        title: one line for people.
        task: its name, and the parameters that do not vary.
        follows: the first and last value of parameters that vary with the one that the sweep goes along.
        along: that parameter.
        symbol: what charts call it.
        columns: symbols of all parameters of the task that vary by themselves.
        tolerance: of the error of every answer, the smallest and the largest on the sweep.
        mean_tolerance: of the mean error, likewise.
        all_inputs: over what constructions and worst-case bounds hold, in words.
        mean_error_name: what the mean error is.
        distribution: of the inputs that are learned from and that mean errors speak of.
        distribution_text: that distribution in words; empty where there is no more to say.
        steps: of training at most, the fewest and the most on the sweep; (0, 0) where nothing is trained.
        series: boundaries in the order of tables.
        unfinished: searches that have not ended.
        lengths: networks tested beyond their length of training.
        curves: of training, of finished searches whose runs kept them.
        states: state bits against parameters of the task.
        grids: errors of every value.
        certificates: what was proved of constructions.
        precisions: the fewest bits of constructions.
        baselines: at every x that was to be learned.
        test_inputs: at every x where something was trained.
    """

    name: str
    title: str
    task: dict[str, object]
    follows: dict[str, tuple[object, object]]
    along: str
    symbol: str
    columns: dict[str, str]
    tolerance: tuple[float, float]
    mean_tolerance: tuple[float, float]
    all_inputs: str
    mean_error_name: str
    distribution: str
    distribution_text: str
    steps: tuple[int, int] = (0, 0)
    series: tuple[Series, ...] = ()
    unfinished: tuple[Unfinished, ...] = ()
    lengths: tuple[OtherLengths, ...] = ()
    curves: tuple[TrainingCurve, ...] = ()
    states: tuple[StateChart, ...] = ()
    grids: tuple[Grid, ...] = ()
    certificates: tuple[Certified, ...] = ()
    precisions: tuple[Precisions, ...] = ()
    baselines: tuple[TrivialBaselines, ...] = ()
    test_inputs: tuple[DrawnInputs, ...] = ()

    def of(self, verdict: str) -> list[Series]:
        """Series of this verdict that have points."""
        return [series for series in self.series if series.points and series.verdict == verdict]


@dataclass(frozen=True)
class Architecture:
    """What has a chart, and a column of the matrix: an architecture that was trained, or a bare model.

    Attributes:
        name: the architecture, with its depth and heads if there are several; or the bare model.
        family: whose colour it has.
        bare: whether it is a bare model, in which explicit weights are written and nothing is trained.
    """

    name: str
    family: str
    bare: bool


def architectures_of(sweeps: Iterable[Sweep]) -> list[Architecture]:
    """All that something is known of on these sweeps, in the order of charts."""
    known = {
        Architecture(series.architecture, series.family, series.architecture in BARE_MODELS)
        for sweep in sweeps
        for series in sweep.series
        if series.points
    }
    return sorted(known, key=lambda architecture: (architecture.bare, rank(architecture.name)))


def rank(name: str) -> tuple[int, int, str]:
    """Where an architecture, model or family stands among others: by its kind, the plainer first."""
    base, _, more = name.partition(", ")
    kind = BARE_MODELS[base].family if base in BARE_MODELS else base
    return (ORDER.index(kind) if kind in ORDER else len(ORDER), len(more), name)


def boundaries_of(sweep: Sweep, architecture: Architecture) -> list[Series]:
    """Series of an architecture: what it learned, what was constructed, what is impossible for it."""
    return [series for series in sweep.series if series.points and series.architecture == architecture.name]


def references(sweep: Sweep, architecture: Architecture) -> list[Series]:
    """Constructed series of bare models with its colour: to be drawn beside it, under their own names."""
    if architecture.bare:
        return []
    return [series for series in sweep.of("constructed") if series.family == architecture.family]


def with_laws(sweep: Sweep) -> list[Series]:
    """Series of a sweep to whose widths laws were fitted."""
    return [series for series in sweep.series if series.growth.power is not None]


def excludes(series: Series) -> bool:
    """Whether a bound excludes some width somewhere on its sweep."""
    return any(point.width for point in series.points)
