"""q-sparse averaging: each query token names q positions and wants the mean of their values.

Definition 4 of Sanford, Hsu, Telgarsky (NeurIPS 2023, "Representational Strengths and Limitations of Transformers"):
token i is x_i = (z_i; y_i; i) with a value z_i in the unit ball of R^d and q distinct pointers y_i, and

    qSA(X)_i = (1/q) * sum of z_j over j in y_i.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain, combinations
from typing import ClassVar, Literal, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from assay.errors import AssayError, require, require_integer, unknown
from assay.schema import Json
from assay.tasks import TASKS, counter
from assay.tasks.answers import Reals
from assay.tasks.counter import Split, Words
from assay.tasks.spec import Pointing, Spec, Vectors
from assay.tasks.task import Batch, Task

Layout = Literal["all", "last"]
MOST_SETS = 1_000_000  # pointer sets that are listed
BALL_SLACK = 1e-6  # a unit vector rounded to float32 may be longer than 1 by this much


class SparseAveragingInputs(NamedTuple):
    """A batch of inputs.

    Attributes:
        values: float (batch, N, d), each of Euclidean norm at most 1 (the gaussian distribution alone exceeds it).
        pointers: int64 (batch, query tokens, q), distinct along the last axis, each in [0, N).
    """

    values: torch.Tensor
    pointers: torch.Tensor


@TASKS.register
@dataclass(frozen=True)
class SparseAveraging(Task[SparseAveragingInputs]):
    """q-sparse averaging over N values in R^d.

    Attributes:
        length: N, the number of values.
        sparsity: q, how many of them one query token averages; 1 <= q <= N.
        dimension: d, numbers in one value.
        layout: `all`: every one of the N tokens carries a value and asks (the definition). `last`: N tokens that carry
            values, then tokens that ask and carry none; what a causal recurrent network can answer.
        queries: r, tokens that ask in the layout `last`, each for a set of its own; 1 where every token asks. The order
            is causal: attention lets a token look at itself and those before, so that the first that asks sees what it
            sees with r = 1, and later ones see earlier ones too, as a recurrent network does; feed-forward networks
            see all at once. Pointers are drawn independently, so that other tokens that ask tell nothing of an answer.

    >>> task = SparseAveraging(length=4, sparsity=2)
    >>> inputs = task.inputs([[[1.0], [-1.0], [0.5], [0.0]]], [[[0, 1], [0, 2], [2, 3], [1, 3]]])
    >>> task.targets(inputs).flatten().tolist()
    [0.0, 0.75, 0.25, -0.5]
    """

    name: ClassVar[str] = "sparse-averaging"
    distributions: ClassVar[dict[str, str]] = {
        "uniform": "values uniform on the unit sphere, pointers uniform",
        "sign": "values uniform on the vertices of the cube in the sphere, pointers uniform",
        "gaussian": "values normal with mean square 1, not confined to the ball; pointers uniform",
        "hard": "set disjointness: one query token whose answer says whether two bit strings intersect (Theorem 4)",
        "chain": "values as sign; token t points to 1 ... q-1 and q-1+t, or to t+1 at q = 1, while there is one",
        "adversarial": "pointers to the q keys nearest to another key of a given matrix; values +1 on one set, -1 off",
    }

    usual_distribution: ClassVar[str] = "gaussian"  # the mean-error bounds of all families apply to it
    symbols: ClassVar[dict[str, str]] = {"length": "N", "sparsity": "q", "queries": "r"}
    all_inputs: ClassVar[str] = "over all inputs in the unit ball"

    length: int
    sparsity: int
    dimension: int = 1
    layout: Layout = "all"
    queries: int = 1

    def __post_init__(self) -> None:
        require_integer("length", self.length, 1, None)
        require(self.length < 1 << 31, "length", self.length, "below 2^31")
        require_integer("sparsity", self.sparsity, 1, self.length, "length")
        require_integer("dimension", self.dimension, 1, None)
        if self.layout not in get_args(Layout):
            raise unknown("layout", self.layout, get_args(Layout))
        require_integer("queries", self.queries, 1, None)
        require(self.queries == 1 or self.layout == "last", "queries", self.queries, "1 where every token asks")

    def to_json(self) -> Json:
        """Without `queries` where one token asks: questions about that had their keys before there were several."""
        return {name: value for name, value in super().to_json().items() if (name, value) != ("queries", 1)}

    @property
    def others(self) -> int:
        """Data tokens other than one query token: what its pointers can name beside itself."""
        return self.length - (self.layout == "all")

    @property
    def chained(self) -> int:
        """Tokens of the distribution `chain` that ask for a value they have not seen: N - q + 1, at q = 1 one less."""
        return self.length - max(1, self.sparsity - 1)

    @property
    def spec(self) -> Spec:
        """A token is its value and the indicator of its pointers; all N tokens ask, or r more that only ask."""
        last = self.layout == "last"
        return Spec(
            Vectors(self.dimension + self.length),
            Reals(self.dimension),
            self.length + self.queries * last,
            queries=self.queries if last else self.length,
            order="causal" if last else "any",
            pointing=Pointing(names=self.sparsity, value_width=self.dimension, positions=self.length),
        )

    @property
    def tolerance(self) -> float:
        """1/(2q), the accuracy below which the lower bounds hold."""
        return 1 / (2 * self.sparsity)

    def inputs(self, values: ArrayLike | torch.Tensor, pointers: ArrayLike | torch.Tensor) -> SparseAveragingInputs:
        """Inputs made of a user's own values (batch, N, d) and pointers (batch, query tokens, q), checked.

        Floating-point values keep their dtype, other numbers become float32.

        Raises:
            AssayError: a wrong shape or kind of number, a value that is NaN or outside the unit ball, a pointer outside
                [0, N), or one that is repeated.
        """
        if not isinstance(values, torch.Tensor | np.ndarray):
            values = torch.as_tensor(values, dtype=torch.float32, device="cpu")
        checked = self.checked(
            SparseAveragingInputs(torch.as_tensor(values, device="cpu"), torch.as_tensor(pointers, device="cpu"))
        )
        require(len(checked.values) > 0, "batch", 0, "at least 1")
        return checked

    def checked(self, inputs: SparseAveragingInputs) -> SparseAveragingInputs:
        """Values (batch, N, d) in the unit ball, and pointers (batch, queries, q) of any integer dtype, as int64."""
        values, pointers = inputs
        batch = len(values) if values.ndim else 0
        _require_shape("values", values, (batch, self.length, self.dimension))
        _require_shape("pointers", pointers, (batch, self.spec.queries, self.sparsity))
        if not values.is_floating_point():
            if values.is_complex():
                raise AssayError(f"values have dtype {values.dtype}; they must be real numbers")
            values = values.to(torch.float32)
        if pointers.dtype != torch.int64:
            if pointers.is_floating_point() or pointers.is_complex() or pointers.dtype == torch.bool:
                raise AssayError(f"pointers have dtype {pointers.dtype}; they must be integers")
            pointers = pointers.to(torch.int64)
        if batch:
            _check_values(values)
            _check_pointers(pointers, self.length)
        return SparseAveragingInputs(values, pointers)

    @property
    def numbers(self) -> int:
        return self.length * self.dimension + self.spec.queries * self.sparsity

    def sample(
        self,
        batch: int,
        *,
        seed: int,
        split: Split = "test",
        start: int = 0,
        distribution: str = "uniform",
        dtype: torch.dtype = torch.float32,
        keys: torch.Tensor | None = None,
    ) -> Batch[SparseAveragingInputs]:
        """As for any task, with values of this dtype; `keys` (positions, score width) are those that the pointers of
        the distribution `adversarial` are picked against.

        Cost O(batch * (N d + queries q^2)) and, for `adversarial`, distances between keys once.
        """
        self.check_request(batch, self.numbers, distribution)
        example_keys = counter.example_keys(seed, split, start, batch)
        if distribution == "adversarial":
            inputs = _inputs(*self._adversarial(example_keys, keys))
        else:
            inputs = self.draw(example_keys, distribution)
        return self.batch(inputs._replace(values=inputs.values.to(dtype)))

    def drawn(self, batch: int, *, seed: int, split: Split, start: int, distribution: str) -> SparseAveragingInputs:
        """The inputs of `sample`, in float32; their answers take no time."""
        return self.sample(batch, seed=seed, split=split, start=start, distribution=distribution).inputs

    def draw(self, example_keys: Words, distribution: str) -> SparseAveragingInputs:
        if distribution == "hard":
            return _inputs(*self._hard(example_keys))
        needed = self.spec.queries * self.sparsity
        random = counter.words(example_keys, 0, needed).reshape(-1, self.spec.queries, self.sparsity)
        chained = distribution == "chain"
        pointers = self._chain(len(example_keys)) if chained else counter.subsets(random, self.length)
        return _inputs(self._values(example_keys, needed, distribution), pointers)

    def trial(
        self, batch: int, *, seed: int, start: int, distribution: str, keys: torch.Tensor | None
    ) -> Batch[SparseAveragingInputs]:
        """Test examples in float64, with pointers picked against `keys` where the distribution is `adversarial`."""
        return self.sample(batch, seed=seed, start=start, distribution=distribution, dtype=torch.float64, keys=keys)

    def trial_distributions(self, *, keys: bool) -> list[str]:
        """Those in the unit ball that this length carries."""
        adversarial = keys and self.length > self.sparsity
        carried = [name for name in ("uniform", "sign", "hard", "chain") if not self.lacks(name)]
        return [*carried, *["adversarial"] * adversarial]

    def lacks(self, distribution: str) -> str:
        least = 2 * self.sparsity + (self.layout == "all")
        if distribution == "hard" and self.length < least:
            return f"a length of at least {least} at q = {self.sparsity}"
        if distribution == "chain" and self.layout != "all":
            return "the layout in which every token asks"
        return "the keys of a network to pick pointers against" if distribution == "adversarial" else ""

    def choices(self, position: int) -> int:
        """Finite form: values at the 2^d vertices of the cube in the ball, and all pointer sets where a token asks."""
        values = 1 << self.dimension if position < self.length else 1
        return values * (
            math.comb(self.length, self.sparsity) if position >= self.spec.length - self.spec.queries else 1
        )

    def assemble(self, chosen: torch.Tensor) -> SparseAveragingInputs:
        """Token number c has the pointer set c // 2^d, in lexicographic order, and the signs of the bits of c % 2^d."""
        sets = self.all_sets()
        corners = 1 << self.dimension if self.layout == "all" else 1
        bits = chosen[:, : self.length, None] >> torch.arange(self.dimension)
        values = (2.0 * (bits & 1) - 1) / math.sqrt(self.dimension)
        return SparseAveragingInputs(values, sets[chosen[:, -self.spec.queries :] // corners])

    def altered(self, inputs: SparseAveragingInputs, count: int, *, seed: int, start: int = 0) -> SparseAveragingInputs:
        """One value replaced by a random vertex of the cube, or one pointer by another position; each as likely."""
        random = counter.words(counter.example_keys(seed, "train", start, count), 0, 4 + self.dimension)
        values = inputs.values[:1].repeat(count, 1, 1)
        pointers = inputs.pointers[:1].repeat(count, 1, 1)
        rows = torch.arange(count)
        moved = torch.from_numpy(random[:, 0] >> np.uint64(63) == 1) & (self.length > self.sparsity)
        place = torch.from_numpy(counter.integers(random[:, 1], self.length))
        corner = np.where(random[:, 4:] >> np.uint64(63), 1.0, -1.0) / math.sqrt(self.dimension)
        values[rows, place] = torch.where(
            moved[:, None], values[rows, place], torch.from_numpy(corner).to(values.dtype)
        )
        token = torch.from_numpy(counter.integers(random[:, 2], self.spec.queries))
        column = torch.from_numpy(counter.integers(random[:, 3], self.sparsity))
        taken = (pointers[rows, token] == place[:, None]).any(dim=1)
        pointers[rows, token, column] = torch.where(moved & ~taken, place, pointers[rows, token, column])
        return SparseAveragingInputs(values, pointers)

    def all_sets(self) -> torch.Tensor:
        """All pointer sets in lexicographic order: int64 (sets, q)."""
        count = math.comb(self.length, self.sparsity)
        require(
            count <= MOST_SETS, "C(length, sparsity)", count, f"at most {MOST_SETS} where all pointer sets are made"
        )
        flat = chain.from_iterable(combinations(range(self.length), self.sparsity))
        return torch.from_numpy(np.fromiter(flat, dtype=np.int64, count=count * self.sparsity)).view(count, -1)

    def targets(self, inputs: SparseAveragingInputs) -> torch.Tensor:
        """Mean of the values pointed to, in float64 whatever the values' dtype: shape (batch, queries, d)."""
        batch, queries, _ = inputs.pointers.shape
        index = inputs.pointers.reshape(batch, -1, 1).expand(-1, -1, self.dimension)
        gathered = inputs.values.double().gather(1, index).view(batch, queries, self.sparsity, self.dimension)
        return gathered.mean(dim=2)

    def encode(self, inputs: SparseAveragingInputs) -> torch.Tensor:
        """Each token as its value and the indicator of its pointer set: (batch, tokens, d + N)."""
        values, pointers = inputs
        indicators = values.new_zeros(*pointers.shape[:2], self.length).scatter_(2, pointers, 1.0)
        if self.layout == "all":
            return torch.cat([values, indicators], dim=2)
        tokens = values.new_zeros(values.shape[0], self.spec.length, self.dimension + self.length)
        tokens[:, : self.length, : self.dimension] = values
        tokens[:, self.length :, self.dimension :] = indicators
        return tokens

    def baseline_features(self, inputs: SparseAveragingInputs) -> dict[str, torch.Tensor]:
        """Sums of values, whatever is pointed to, and the first pointer's value, unless that is the answer: q = 1."""
        values = inputs.values.double()
        total = values.sum(dim=1, keepdim=True).expand(-1, self.spec.queries, -1)
        found = {"all values": total}
        if self.layout == "all":
            found["all values and the own"] = torch.cat([total, values], dim=2)
        if self.sparsity > 1:
            first = inputs.pointers[..., :1].expand(-1, -1, self.dimension)
            found["first pointer"] = torch.cat([total, values.gather(1, first)], dim=2)
        return found

    def _values(self, example_keys: Words, first: int, distribution: str) -> NDArray[np.float64]:
        shape = (len(example_keys), self.length, self.dimension)
        count = self.length * self.dimension
        random = counter.words(example_keys, first, count + count % 2)
        if distribution in ("sign", "chain") or (distribution == "uniform" and self.dimension == 1):
            signs = np.where(random[:, :count] >> np.uint64(63), 1.0, -1.0)
            return signs.reshape(shape) / np.sqrt(self.dimension)
        gaussian = counter.normals(random)[:, :count].reshape(shape)
        if distribution == "gaussian":
            return gaussian / np.sqrt(self.dimension)
        return gaussian / np.linalg.norm(gaussian, axis=2, keepdims=True)

    def _chain(self, batch: int) -> NDArray[np.int64]:
        """Each of `chained` tokens points to q-1 values that are the same for all and to one of its own, yet to come.

        Those after them point where the last of them does.
        """
        first = max(1, self.sparsity - 1)
        own = np.minimum(first + np.arange(self.length), self.length - 1)
        shared = np.tile(np.arange(self.sparsity - 1), (self.length, 1))
        return np.tile(np.column_stack([shared, own]), (batch, 1, 1))

    def _hard(self, example_keys: Words) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Disjointness instances: Alice's bits choose the pointers of one token, Bob's bits the values.

        Slot 2i holds -e1 and slot 2i+1 holds +e1 where Bob's bit i is 1, else -e1; the query token points to slot
        2i + (Alice's bit i) for each i. Its answer is (-1 + 2 |a and b| / q) e1. Where several tokens ask, one carries
        the question, token 2q where all do and else the first that asks, and the rest point to 0 ... q-1: what Alice
        tells is then one token's message.
        """
        q, batch = self.sparsity, len(example_keys)
        if self.lacks("hard"):
            raise AssayError(f"length = {self.length} is not allowed; 'hard' inputs need {self.lacks('hard')}")
        alice, bob = counter.disjointness(counter.words(example_keys, 0, 2 * q + 1))
        values = np.zeros((batch, self.length, self.dimension))
        values[:, 0 : 2 * q : 2, 0] = -1.0
        values[:, 1 : 2 * q : 2, 0] = 2.0 * bob - 1.0
        pointers = np.tile(np.arange(q), (batch, self.spec.queries, 1))
        pointers[:, 2 * q if self.layout == "all" else 0] = 2 * np.arange(q) + alice
        return values, pointers

    def _adversarial(
        self, example_keys: Words, keys: torch.Tensor | None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Each query token points to the q keys nearest to one random other key.

        Values are +e1 on the set of one random query token and -e1 elsewhere, which makes that token's error the L1
        distance of its attention weights from uniform: the worst over all values.
        """
        if keys is None:
            raise AssayError(f"distribution 'adversarial' needs {self.lacks('adversarial')}")
        require(self.length > self.sparsity, "length", self.length, f"above q = {self.sparsity} for 'adversarial'")
        points = keys[: self.length].double().numpy()
        batch = len(example_keys)
        random = counter.words(example_keys, 0, self.spec.queries + 1)
        victims = counter.integers(random[:, : self.spec.queries], self.length)
        wanted, inverse = np.unique(victims, return_inverse=True)
        distance = np.square(points).sum(axis=1) - 2 * points[wanted] @ points.T
        distance[np.arange(len(wanted)), wanted] = np.inf
        nearest = np.sort(np.argpartition(distance, self.sparsity - 1, axis=1)[:, : self.sparsity], axis=1)
        pointers = nearest[inverse].reshape(batch, self.spec.queries, self.sparsity)

        judged = pointers[np.arange(batch), counter.integers(random[:, self.spec.queries], self.spec.queries)]
        values = np.zeros((batch, self.length, self.dimension))
        values[..., 0] = -1.0
        np.put_along_axis(values[..., 0], judged, 1.0, axis=1)
        return values, pointers


def _inputs(values: NDArray[np.float64], pointers: NDArray[np.int64]) -> SparseAveragingInputs:
    return SparseAveragingInputs(torch.from_numpy(values), torch.from_numpy(np.ascontiguousarray(pointers)))


def _require_shape(name: str, tensor: torch.Tensor, expected: tuple[int, ...]) -> None:
    if tensor.shape != expected:
        wanted = ", ".join(["batch", *map(str, expected[1:])])
        raise AssayError(f"{name} have shape {tuple(tensor.shape)}; it must be ({wanted}) with the same batch")


def _check_values(values: torch.Tensor) -> None:
    norms = torch.linalg.vector_norm(values, dim=2, dtype=torch.float64)
    if not norms.max().item() <= 1 + BALL_SLACK:
        example, position = (~(norms <= 1 + BALL_SLACK)).nonzero()[0].tolist()
        norm = norms[example, position].item()
        raise AssayError(f"values[{example}, {position}] has norm {norm:.6g}; values must lie in the unit ball")


def _check_pointers(pointers: torch.Tensor, length: int) -> None:
    least, largest = pointers.aminmax()
    if least.item() < 0 or largest.item() >= length:
        where = ((pointers < 0) | (pointers >= length)).nonzero()[0].tolist()
        raise AssayError(
            f"pointers{where} = {pointers[tuple(where)]} is not allowed; it must be from 0 to {length - 1}"
        )
    ordered = pointers.sort(dim=2).values
    repeated = ordered[..., 1:] == ordered[..., :-1]
    if repeated.any():
        example, token, place = repeated.nonzero()[0].tolist()
        raise AssayError(
            f"pointers[{example}, {token}] names position {ordered[example, token, place]} more than once; "
            "the pointers of a token must be distinct"
        )
