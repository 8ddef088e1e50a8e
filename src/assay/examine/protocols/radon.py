"""Keys that depend on the position only: a pointer set that no query sets apart, by Radon's theorem"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from math import comb
from typing import ClassVar

import numpy as np
import torch
from flint import fmpz_mat
from torch import Tensor

from assay.arithmetic.fixed_point import FixedPoint
from assay.errors import CertificateError
from assay.examine.protocols import PROTOCOLS
from assay.examine.protocols.averaging import asking_inputs, column, finite
from assay.examine.protocols.protocol import Outcome, Protocol, Runner, Witness, largest
from assay.examine.subject import Attends, HasIntegerKeys, Subject
from assay.tasks import counter
from assay.tasks.sparse_averaging import SparseAveraging

Keys = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Partition:
    """Two sets of keys whose convex hulls meet, and a pointer set that holds the one and avoids the other.

    sum over j of coefficients[j] * key j = 0 and sum over j of coefficients[j] = 0, in exact integers; positive ones
    belong to pointers, negative ones do not.

    Attributes:
        pointers: the set, sorted.
        coefficients: by position, none of them 0.
    """

    pointers: tuple[int, ...]
    coefficients: dict[int, int]

    def weights(self) -> dict[int, float]:
        """The coefficients, scaled so that the positive ones add up to 1."""
        total = sum(value for value in self.coefficients.values() if value > 0)
        return {place: value / total for place, value in self.coefficients.items()}


@PROTOCOLS.register
class Radon(Protocol):
    """Among m + 2 keys in R^m two disjoint sets have convex hulls that meet: no query scores one all above the other.

    If the smaller of them has at most q keys, a q-set that holds it and avoids the other has, for every query, some
    pointer that scores no higher than some other key. A softmax then errs by at least 1/q on some values in {-1, 1}.
    With m <= 2q - 1 there is always such a set, if N >= 3q + 1; keys on the moment curve have none at m = 2q, so that
    2q is the least score width for fixed keys and one head. (Around Theorems 3 and 16 of Sanford, Hsu, Telgarsky,
    NeurIPS 2023.)

    Keys are taken as exact integers. All sets of m + 2 of the N keys are looked at if they are at most as many as the
    instances asked for, else so many random ones; the first that serves ends the search.
    """

    name: ClassVar[str] = "radon"
    source: ClassVar[str] = "score width >= 2q for keys that depend on the position only, N >= 3q + 1 (Radon's theorem)"

    def unmet(self, subject: Subject) -> str:
        """Sparse averaging by one head that gives its keys and its attention."""
        task = subject.task
        if task.name != "sparse-averaging" or not isinstance(task, SparseAveraging):
            return "the task sparse-averaging"
        if not isinstance(subject.network, Attends) or keys_of(subject) is None:
            return "a network with methods position_keys() and attention(inputs)"
        if task.length < 3 * task.sparsity + 1:
            return f"a length of at least 3q + 1 = {3 * task.sparsity + 1}"
        return "" if subject.size is None or subject.size.heads == 1 else "one head"

    def play(self, subject: Subject, numbers: FixedPoint | None, instances: int, seed: int) -> Outcome:
        """The search, and the network on what it finds."""
        task, runner, keys = subject.task_as(SparseAveraging), Runner(subject, numbers), keys_of(subject, numbers)
        assert keys is not None
        keys = keys[: task.length]
        found, looked, exhaustive = radon_partition(keys, task.sparsity, instances, seed)
        witness: Witness | None = None
        more: dict[str, object] = {"found": found is not None}
        if found is not None:
            weights = {str(place): weight for place, weight in found.weights().items()}
            more |= {"pointers": list(found.pointers), "dependency": weights}
            try:
                witness, scored = _try(runner, task, found)
                more |= scored
            except CertificateError as refusal:
                more["refused"] = str(refusal)
        drawn = "" if exhaustive or found else f", seed {seed}"
        looked_at = f"{'all ' if exhaustive else ''}{looked} sets of {min(len(keys), len(keys[0]) + 2)} keys{drawn}"
        return Outcome(
            protocol=self.name,
            source=self.source,
            parties={"keys": f"{len(keys)} positions in {len(keys[0])} dimensions"},
            resource="score width",
            needed=2 * task.sparsity,
            available=len(keys[0]),
            justification=f"affine dependencies in exact integers, of {looked_at}; {runner.arithmetic}",
            largest_error=None if witness is None else witness.error,
            witness=witness,
            more=more,
        )


def keys_of(subject: Subject, numbers: FixedPoint | None = None) -> Keys | None:
    """A network's keys, in this format, as exact integers up to one common factor; None if it does not give them."""
    if isinstance(subject.network, HasIntegerKeys):
        return subject.network.integer_keys().tolist()
    keys = subject.keys
    return None if keys is None else as_integers(keys if numbers is None else numbers.round(keys))


def as_integers(keys: Tensor) -> Keys:
    """Floating-point keys (N, m) times the power of two that makes all of them integers.

    >>> as_integers(torch.tensor([[0.5, 3.0], [0.25, 0.0]]))
    [[2, 12], [1, 0]]
    """
    ratios = [[value.as_integer_ratio() for value in row] for row in keys.double().tolist()]
    common = max(denominator for row in ratios for _, denominator in row)
    return [[numerator * (common // denominator) for numerator, denominator in row] for row in ratios]


def radon_partition(keys: Keys, sparsity: int, instances: int, seed: int = 0) -> tuple[Partition | None, int, bool]:
    """A pointer set that no query sets apart; how many sets of m + 2 keys were looked at; whether these are all.

    Where all were looked at in vain and every m + 1 of the keys are affinely independent, there is no such pointer set:
    an affine dependency with the fewest keys has m + 2 of them.

    >>> radon_partition([[1], [2], [3], [4]], sparsity=1, instances=10)[0]
    Partition(pointers=(1,), coefficients={0: -1, 1: 2, 2: -1})

    Args:
        keys: (N, m), integers.
        sparsity: q.
        instances: sets of keys to look at.
        seed: of those that are drawn, where there are more.
    """
    size = min(len(keys), len(keys[0]) + 2)
    among = comb(len(keys), size)
    looked = 0
    for chosen in _subsets(len(keys), size, instances, seed):
        looked += 1
        found = _partition([keys[place] for place in chosen], chosen, len(keys), sparsity)
        if found is not None:
            return found, looked, among == looked
    return None, looked, among <= instances


def _subsets(population: int, size: int, instances: int, seed: int) -> Iterator[tuple[int, ...]]:
    if comb(population, size) <= instances:
        yield from combinations(range(population), size)
        return
    yield from islice(combinations(range(population), size), 1)
    random = counter.words(counter.example_keys(seed, "test", 0, instances), 0, size)
    yield from map(tuple, counter.subsets(random, population).tolist())


def _partition(points: Keys, places: tuple[int, ...], positions: int, sparsity: int) -> Partition | None:
    matrix = fmpz_mat([[point[row] for point in points] for row in range(len(points[0]))] + [[1] * len(points)])
    basis, dimension = matrix.nullspace()
    for index in range(int(dimension)):
        values = {place: int(basis[row, index]) for row, place in enumerate(places) if basis[row, index] != 0}
        for sign in (1, -1):
            inside = {place for place, value in values.items() if sign * value > 0}
            outside = set(values) - inside
            if len(inside) <= sparsity <= positions - len(outside):
                free = (place for place in range(positions) if place not in values)
                pointers = sorted([*inside, *islice(free, sparsity - len(inside))])
                scale = sign * int(np.gcd.reduce(np.array(list(values.values()), dtype=object)))
                return Partition(tuple(pointers), {place: value // scale for place, value in values.items()})
    return None


def _try(runner: Runner, task: SparseAveraging, found: Partition) -> tuple[Witness, dict[str, float]]:
    """The network's own attention for the set, and its error on the values that are worst for these weights."""
    network, token, sets = runner.subject.network, task.spec.length - 1, torch.tensor([found.pointers])
    assert isinstance(network, Attends)
    values = torch.zeros(1, task.length, task.dimension, dtype=runner.dtype)
    place = column(task, token)
    inputs = asking_inputs(task, values, sets, token)
    weights = runner(network.attention, inputs)[0, :, place].sum(dim=0)[: task.length].double()
    on = torch.zeros(task.length, dtype=torch.bool)
    on[sets[0]] = True
    worst = torch.where(weights > on / task.sparsity, 1.0, -1.0)
    both = torch.zeros(2, task.length, task.dimension, dtype=runner.dtype)
    both[..., 0] = torch.stack([worst, -worst])
    inputs = asking_inputs(task, both, sets.repeat(2, 1), token)
    outputs, exact = runner.whole(inputs)[:, place].double(), task.targets(inputs)[:, place]
    witness = Witness(
        first={"values": both[0].tolist(), "pointers": list(found.pointers)},
        second={"values": both[1].tolist(), "pointers": list(found.pointers)},
        same="no query scores all of these pointers above all other keys",
        token=token,
        targets=exact.tolist(),
        answers=finite(outputs),
        error=largest(torch.linalg.vector_norm(outputs - exact, dim=1)),
        at_least=1 / task.sparsity,
    )
    scored = {"least_weight_on_pointers": weights[on].min().item(), "largest_weight_off": weights[~on].max().item()}
    return witness, scored
