"""The search for the smallest fixed-point format (p, f) at which a network still meets its tolerance.

f must be large enough to tell scores and weights apart, p - f large enough to hold the largest number that matters.
Both thresholds are found by bisection with the other one out of the way; from their sum, p goes down one by one, with
every f in a window about the threshold tried at each, until two p in a row fail at all of them.

Where q is a power of two, 1/q and the zeros off a pointer set are numbers of few bits by accident, and p comes out
smaller than what its neighbours need: look at q = 3, 5, 7.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from assay.constructions.base import Construction
from assay.errors import AssayError, CertificateError, require_integer
from assay.networks.fixed_point import FixedPoint, fixed_point
from assay.subject import Subject
from assay.tasks.base import Batch

WIDE = 400  # bits, before or after the point, that are out of the way
_WINDOW = 4  # places of the point tried on either side of the threshold
_FIRST_LOOK = 8  # inputs that a format is tried on before all of them
_AT_ONCE = 1 << 22
_ALL_INPUTS = 4096  # of the finite form, up to which all are taken


@dataclass(frozen=True)
class Precision:
    """The smallest format that was found.

    Attributes:
        bits: p.
        fraction: of these, f: the place of the point with the smallest error among those that meet the tolerance.
        error: there: the largest on the inputs, or the mean error.
        error_below: the smallest error of p - 1 bits at any place of the point that was tried; None if none was.
        error_exact: of the network as it is.
        tolerance: what the error is held against.
        error_kind: `worst` over the inputs that were tried, or `mean`.
        rests_on: which inputs, how many, and which formats were tried.
    """

    bits: int
    fraction: int
    error: float
    error_below: float | None
    error_exact: float
    tolerance: float
    error_kind: str
    rests_on: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def smallest_precision(
    subject: Subject,
    *,
    draws: int = 200,
    seed: int = 0,
    most_bits: int = WIDE,
    tell: Callable[[str], None] = lambda _: None,
) -> Precision:
    """The smallest p, with its best f, at which the network meets its tolerance on named inputs.

    A construction is held to its tolerance on all inputs of the task's finite form, if there are few, and on draws of
    each distribution, the adversarial ones among them. A network that is not constructed is judged by its mean error on
    the task's usual inputs. About 40 to 80 forward passes over the inputs, most of them over the first few only.

    >>> from assay import SparseAveraging, build
    >>> from assay.subject import subject_of
    >>> unit = build(SparseAveraging(length=16, sparsity=3), method="sign")
    >>> found = smallest_precision(subject_of(unit), draws=20)
    >>> found.error <= found.tolerance < found.error_below
    True

    Raises:
        AssayError: the network misses its tolerance as it is, or needs more than `most_bits`.
    """
    require_integer("draws", draws, 1, None)
    require_integer("most_bits", most_bits, 1, None)
    trial = _Trial(subject, draws, seed)
    if not trial.exact <= trial.tolerance:
        raise AssayError(
            f"{subject.name} has an error of {trial.exact:.4g} as it is, above its tolerance of {trial.tolerance:.4g}"
        )
    enough_fraction = _least(lambda f: trial.meets(FixedPoint(f + WIDE, f)), -WIDE // 2, WIDE)
    tell(f"a fraction of {enough_fraction} bits is enough beside as many whole bits as there may be")
    whole = _least(lambda i: trial.meets(FixedPoint(max(1, i + WIDE), WIDE)), 1 - WIDE, WIDE)
    tell(f"{whole} bits before the point, the sign among them, are enough beside as many behind it")
    best, below, failures = None, None, 0
    bits = whole + enough_fraction + 2 * _WINDOW
    while bits >= 1 and (best is None or failures < 2):
        places = range(bits - whole - _WINDOW, bits - whole + _WINDOW + 1)
        tried = {f: trial.error(FixedPoint(bits, f)) for f in places}
        good = {f: error for f, error in tried.items() if error <= trial.tolerance}
        if good:
            fraction = min(good, key=lambda f: (good[f], abs(f)))
            best, below, failures = (bits, fraction, good[fraction]), None, 0
        else:
            failures += 1
            below = min(tried.values()) if failures == 1 else below
        bits -= 1
    if best is None or best[0] > most_bits:
        needed = "" if best is None else f"; it needs {best[0]}"
        raise AssayError(f"{subject.name} does not meet its tolerance with {most_bits} bits{needed}")
    return Precision(
        bits=best[0],
        fraction=best[1],
        error=best[2],
        error_below=None if below is None or not math.isfinite(below) else below,
        error_exact=trial.exact,
        tolerance=trial.tolerance,
        error_kind=trial.kind,
        rests_on=f"{trial.described}; with one and two bits less, it fails at every place of the point in a window of "
        f"{2 * _WINDOW} and more about the threshold",
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
        self.subject, task = subject, subject.task
        self.tolerance, self.kind = subject.tolerance, "worst"
        constructed = isinstance(subject.network, Construction)
        if constructed:
            parts = list(_constructed_inputs(subject, draws, seed))
            self.described = "tried on " + ", ".join(said for said, _ in parts)
            self.batches = [batch for _, batch in parts]
        else:
            self.tolerance, self.kind = task.mean_tolerance, "mean"
            name = task.usual_distribution
            self.described = f"{task.mean_error_name} over {20 * draws} {name} inputs of seed {seed}"
            self.batches = [task.sample(20 * draws, seed=seed, distribution=name)]
        self.exact = self._error(None, self.batches)
        self._known: dict[FixedPoint, float] = {}

    def meets(self, numbers: FixedPoint) -> bool:
        """Whether the tolerance is met."""
        return self.error(numbers) <= self.tolerance

    def error(self, numbers: FixedPoint) -> float:
        """The error in this format; of the first few inputs only where these already miss the tolerance clearly."""
        if numbers not in self._known:
            few = [_first(batch, _FIRST_LOOK) for batch in self.batches]
            found = self._error(numbers, few) if self.kind == "worst" else 0.0
            self._known[numbers] = found if found > self.tolerance else self._error(numbers, self.batches)
        return self._known[numbers]

    def _error(self, numbers: FixedPoint | None, batches: list[Batch[Any]]) -> float:
        task, network = self.subject.task, self.subject.network
        outputs, targets = [], []
        with torch.no_grad(), fixed_point(network, numbers):
            for batch in batches:
                for part in _parts(batch, self._at_once()):
                    outputs.append(network(part.inputs))
                    targets.append(part.targets)
        answered, wanted = torch.cat(outputs), torch.cat(targets)
        if self.kind == "mean":
            return _number(task.mean_error(answered, wanted))
        return _number(task.errors(answered, wanted).max().item())

    def _at_once(self) -> int:
        network = self.subject.network
        return max(1, _AT_ONCE // network.numbers_at_work()) if isinstance(network, Construction) else 1024


def _constructed_inputs(subject: Subject, draws: int, seed: int) -> Iterator[tuple[str, Batch[Any]]]:
    """Inputs that a construction answers, and what they are: all of the finite form if they are few, and draws."""
    network: Any = subject.network
    task, keys = subject.task, network.position_keys()
    try:
        sizes = [task.choices(position) for position in range(task.positions)]
    except AssayError:
        sizes = [_ALL_INPUTS + 1]
    if math.prod(sizes) <= _ALL_INPUTS:
        chosen = torch.cartesian_prod(*(torch.arange(size) for size in sizes)).reshape(-1, len(sizes))
        inputs = task.assemble(chosen)
        yield f"all {len(chosen)} inputs of the finite form", Batch(inputs, task.targets(inputs))
    for name in task.trial_distributions(keys=keys is not None):
        batch = task.trial(draws, seed=seed, start=0, distribution=name, keys=keys if name == "adversarial" else None)
        answered = [part for part in _parts(batch, 1) if _answers(network, part)]
        refused = draws - len(answered)
        if answered:
            said = f"{len(answered)} {name} draws of seed {seed}" + (f" ({refused} refused)" if refused else "")
            yield said, _joined(answered)


def _answers(network: Any, part: Batch[Any]) -> bool:
    try:
        network(part.inputs)
    except CertificateError:
        return False
    return True


def _parts(batch: Batch[Any], size: int) -> Iterator[Batch[Any]]:
    for first in range(0, len(batch.targets), size):
        part = slice(first, first + size)
        yield Batch(_each(batch.inputs, lambda tensor, part=part: tensor[part]), batch.targets[part])


def _first(batch: Batch[Any], count: int) -> Batch[Any]:
    return next(_parts(batch, count))


def _joined(parts: list[Batch[Any]]) -> Batch[Any]:
    first = parts[0].inputs
    if isinstance(first, Tensor):
        inputs: Any = torch.cat([part.inputs for part in parts])
    else:
        inputs = type(first)(*(torch.cat(column) for column in zip(*(part.inputs for part in parts), strict=True)))
    return Batch(inputs, torch.cat([part.targets for part in parts]))


def _each(inputs: Any, change: Callable[[Tensor], Tensor]) -> Any:
    return change(inputs) if isinstance(inputs, Tensor) else type(inputs)(*map(change, inputs))


def _number(error: float) -> float:
    return error if math.isfinite(error) else math.inf
