"""The search for the smallest fixed-point format (p, f) at which a network still meets its tolerance.

f must be large enough to tell scores and weights apart, p - f large enough to hold the largest number that matters.
Both thresholds are found by bisection with the other one out of the way; from their sum, p goes down one by one to 1,
with every p - f in a window about the threshold tried at each. The error is not monotone in p: with fewer bits behind
the point, small attention weights round to 0, and an answer may get better. So no p is left out.

Where q is a power of two, 1/q and the zeros off a pointer set are numbers of few bits by accident, and p comes out
smaller than what its neighbours need: look at q = 3, 5, 7.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from assay.arithmetic.fixed_point import FixedPoint, fixed_point
from assay.arithmetic.torch_settings import in_float32
from assay.constructions.answering import NO_NUMBER, count_of, refuses_all, rows_of
from assay.errors import AssayError, Refuted, require_integer
from assay.evidence import Json
from assay.examine.subject import Subject
from assay.schema import Result
from assay.tasks.task import Batch

WIDE = 400  # bits, before or after the point, that are out of the way
_WINDOW = 4  # places of the point tried on either side of the threshold
_LOOKS = (1, 8)  # inputs of each kind that a format is tried on before all of them
_MORE_FOR_MEANS = 20  # times as many draws, where it is the mean error that counts
_TIE = 2.0**-40  # an error above the tolerance by less, relatively, is equal to it but for float64's rounding
_ALL_INPUTS = 4096  # of the finite form, up to which all are taken


@dataclass(frozen=True, repr=False)
class Precision(Result):
    """The smallest format that was found.

    Attributes:
        network: its name.
        task: its name and parameters.
        bits: p.
        fraction: of these, f: the place of the point with the smallest error among those that meet the tolerance.
        error: there: the largest on the inputs, or the mean error.
        error_below: what p - 1 bits err by at least, at each place of the point that was tried; None if that is not
            finite, or p is 1.
        error_exact: of the network as it is.
        tolerance: what the error is held against.
        error_kind: `worst` over the inputs that were tried, or `mean`.
        justification: which inputs, how many, and which formats were tried.
        width: numbers of one token's embedding; None where the network does not say.
        message_bits: bits of these together; None likewise.
    """

    network: str
    task: Json
    bits: int
    fraction: int
    error: float
    error_below: float | None
    error_exact: float
    tolerance: float
    error_kind: str
    justification: str
    width: int | None
    message_bits: int | None

    @property
    def line(self) -> str:
        """The format, and the error in it."""
        return (
            f"{self.network}: {self.bits} bits, {self.fraction} of them after the point, {self.error_kind} error "
            f"{self.error:.4g} on the inputs tried, tolerance {self.tolerance:.4g}"
        )


@in_float32()
def smallest_precision(
    subject: Subject,
    *,
    draws: int = 200,
    seed: int = 0,
    most_bits: int = WIDE,
    tell: Callable[[str], None] = lambda _: None,
) -> Precision:
    """The smallest p, with its best f, at which the network meets its tolerance on named inputs.

    A network is held to its tolerance on all inputs of the task's finite form, if there are few, and on draws of each
    distribution, the adversarial ones among them. One that is not constructed and misses it there as it is, is judged
    by its mean error on 20 times as many of the task's usual inputs. Some 300 formats
    are tried, at large p more, about 50 of them on all inputs, the others on one or 8 of each kind until they fail:
    10 s at N = 512, q = 3 and 50 draws for attention with sign keys, half of it for their queries.

    >>> from assay import SparseAveraging
    >>> from assay.constructions import build
    >>> from assay.examine.subject import subject_of
    >>> unit = build(SparseAveraging(length=8, sparsity=2), method="sign")
    >>> found = smallest_precision(subject_of(unit), draws=5)
    >>> found.error <= found.tolerance < found.error_below
    True

    Raises:
        AssayError: the network misses its tolerance as it is, or needs more than `most_bits`.
        Refuted: it answers none of the inputs.
    """
    require_integer("draws", draws, 1, None)
    require_integer("most_bits", most_bits, 1, None)
    trial = _Trial(subject, draws, seed)
    if trial.exact > trial.tolerance:
        raise AssayError(
            f"{subject.name} has an error of {trial.exact:.4g} as it is, above its tolerance of {trial.tolerance:.4g}"
        )
    enough_fraction = _least(lambda f: trial.meets(FixedPoint(f + WIDE, f)), -WIDE // 2, WIDE)
    tell(f"a fraction of {enough_fraction} bits is enough beside as many whole bits as there may be")
    whole = _least(lambda i: trial.meets(FixedPoint(max(1, i + WIDE), WIDE)), 1 - WIDE, WIDE)
    whole = max(whole, 1 - max(0, enough_fraction))  # where any format will do, one with its point at the end
    tell(f"{whole} bits before the point, the sign among them, are enough beside as many behind it")
    best: tuple[int, int, float] | None = None
    below = NO_NUMBER
    for bits in range(max(1, whole + enough_fraction) + 2 * _WINDOW, 0, -1):
        places = range(bits - whole - _WINDOW, bits - whole + _WINDOW + 1)
        tried = {f: trial.error(FixedPoint(bits, f)) for f in places}
        fraction = min(places, key=lambda f: (tried[f], abs(f)))
        if tried[fraction] <= trial.tolerance:
            best = (bits, fraction, tried[fraction])
            tell(f"{bits} bits are enough")
        elif best is not None and bits == best[0] - 1:
            below = tried[fraction]
    if best is None or best[0] > most_bits:
        needed = "" if best is None else f"; it needs {best[0]}"
        raise AssayError(f"{subject.name} does not meet its tolerance with {most_bits} bits{needed}")
    before = f"{whole - _WINDOW} to {whole + _WINDOW}"
    width = None if subject.size is None else subject.size.width
    return Precision(
        network=subject.name,
        task=subject.task.to_json(),
        bits=best[0],
        fraction=best[1],
        error=best[2],
        error_below=below if best[0] > 1 and below < NO_NUMBER else None,
        error_exact=trial.exact,
        tolerance=trial.tolerance,
        error_kind=trial.kind,
        justification=f"{trial.described}; all formats of fewer bits with {before} of them before the point fail",
        width=width,
        message_bits=None if width is None else width * best[0],
    )


def _least(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The least number from `low` to `high` at which something holds that holds from there on."""
    if not holds(high):
        raise AssayError(f"the tolerance is not met with {high} bits on either side of the point")
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return high


class _Trial:
    """A network, the inputs it is tried on, and the error it makes on them in a format."""

    def __init__(self, subject: Subject, draws: int, seed: int) -> None:
        self.subject, self.tolerance, self.kind = subject, subject.tolerance, "worst"
        said, tried, self.batches = [], 0, []
        for what, batch in _inputs(subject, draws, seed):
            part = _answered(subject, batch)
            refused = len(batch.targets) - len(part.targets)
            tried += len(batch.targets)
            said.append(f"{what} ({refused} of them refused)" if refused else what)
            self.batches.append(part)
        if not any(len(batch.targets) for batch in self.batches):
            raise Refuted(f"{subject.name} meets no tolerance: {refuses_all(tried)}")
        self.described = f"tried on {', '.join(said)}"
        self.exact = self._error(None, self.batches)
        if subject.guaranteed is None and self.exact > self.tolerance:
            self._take_means(_MORE_FOR_MEANS * draws, seed)
        self._known: dict[FixedPoint, float] = {}

    def _take_means(self, count: int, seed: int) -> None:
        task, name, worst = self.subject.task, self.subject.task.usual_distribution, self.exact
        self.described = (
            f"{task.answer.judged_by} over {count} {name} inputs of seed {seed}, for the worst is {worst:.3g}"
        )
        self.tolerance, self.kind = task.mean_tolerance, "mean"
        self.batches = [task.sample(count, seed=seed, distribution=name)]
        self.exact = self._error(None, self.batches)

    def meets(self, numbers: FixedPoint) -> bool:
        return self.error(numbers) <= self.tolerance

    def error(self, numbers: FixedPoint) -> float:
        """The error in this format; the worst of the first few inputs only where that already misses the tolerance."""
        if numbers not in self._known:
            self._known[numbers] = self._first_miss(numbers) or self._error(numbers, self.batches)
        return self._known[numbers]

    def _first_miss(self, numbers: FixedPoint) -> float:
        """The worst error of the first few inputs where it misses the tolerance; 0 where it does not."""
        for count in _LOOKS if self.kind == "worst" else ():
            found = self._error(numbers, [_rows(batch, slice(0, count)) for batch in self.batches])
            if found > self.tolerance:
                return found
        return 0.0

    def _error(self, numbers: FixedPoint | None, batches: Sequence[Batch]) -> float:
        task, network, size = self.subject.task, self.subject.network, self.subject.at_once
        sums = task.answer.sums()
        for batch in batches:
            for first in range(0, len(batch.targets), size):
                part = _rows(batch, slice(first, first + size))
                with torch.no_grad(), fixed_point(network, numbers):
                    outputs = network(part.inputs)
                sums.add(task.answer, outputs, part.targets, part.scored)
        error = min(sums.largest, NO_NUMBER) if self.kind == "worst" else sums.judged
        if self.tolerance < error <= self.tolerance * (1 + _TIE):
            return self.tolerance
        return error if math.isfinite(error) else NO_NUMBER


def _inputs(subject: Subject, draws: int, seed: int) -> Iterator[tuple[str, Batch]]:
    """Inputs to try a network on, and what they are: all of the finite form if they are few, and draws."""
    task, keys = subject.task, subject.keys
    try:
        sizes = [task.choices(position) for position in range(task.spec.length)]
    except AssayError:
        sizes = [_ALL_INPUTS + 1]
    if math.prod(sizes) <= _ALL_INPUTS:
        chosen = torch.cartesian_prod(*(torch.arange(size) for size in sizes)).reshape(-1, len(sizes))
        inputs = task.assemble(chosen)
        yield f"all {len(chosen)} inputs of the finite form", task.batch(inputs)._replace(inputs=subject.suited(inputs))
    for name in task.trial_distributions(keys=keys is not None):
        against = keys if name == "adversarial" else None
        batch = task.trial(draws, seed=seed, start=0, distribution=name, keys=against)
        yield f"{draws} {name} draws of seed {seed}", batch._replace(inputs=subject.suited(batch.inputs))


def _answered(subject: Subject, batch: Batch) -> Batch:
    """Those of the inputs that the network answers; a construction refuses what it has no certificate for."""
    parts = torch.arange(count_of(batch.inputs)).split(subject.at_once)
    return _rows(batch, torch.cat([part[subject.answered(rows_of(batch.inputs, part))[1]] for part in parts]))


def _rows(batch: Batch, rows: torch.Tensor | slice) -> Batch:
    return Batch(rows_of(batch.inputs, rows), batch.targets[rows], batch.scored[rows])
