"""What every task offers: parameters, named input distributions, exact answers, an error measure and a tolerance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

from assay.errors import AssayError, require, require_integer, unknown

if TYPE_CHECKING:
    import torch

    from assay.tasks.counter import Split

Inputs = TypeVar("Inputs")

NUMBERS_AT_ONCE = 1 << 29  # of all inputs of a batch: 4 GB


class Batch(NamedTuple, Generic[Inputs]):
    """Examples drawn from a task: what a network is called on, and the exact answers."""

    inputs: Inputs
    targets: torch.Tensor


@dataclass(frozen=True)
class Pointing:
    """Which features of an input name positions, so that a network can start with one code for a position and its name.

    Attributes:
        names: positions that one asking token names.
        token: the token features that are indicators of positions 0 ... N-1.
        flat_values: the features of the flat input that are values: N times `value_width` of them.
        flat_names: those that are indicators: N for each asking token.
        value_width: numbers in one value.
    """

    names: int
    token: slice
    flat_values: slice
    flat_names: slice
    value_width: int


@dataclass(frozen=True)
class Features:
    """Tokens are vectors of numbers.

    Attributes:
        token: numbers in one token.
        flat: numbers in the whole input as one vector.
        pointing: which of them name positions; None where none do.
    """

    token: int
    flat: int
    pointing: Pointing | None = None


@dataclass(frozen=True)
class Symbols:
    """Tokens are residues of a modulus; networks start with a code for each that lies on circles, as residues do.

    Attributes:
        modulus: how many symbols there are.
    """

    modulus: int


class Task(ABC, Generic[Inputs]):
    """A function on sequences. Subclasses are frozen dataclasses whose fields are the task's parameters.

    Attributes:
        name: the name it is registered under.
        distributions: named input distributions, each with a line that describes it.
        usual_distribution: the one that mean errors are over, unless another is named.
        blank: whether networks that learn are shown one constant token more, in front: where a token that finds nothing
            may look.
        symbols: what charts call the parameters that a study can vary.
        largest_tolerance: the largest worst-case error that a construction may be asked for.
        all_inputs: what a worst-case statement speaks of, in words.
        mean_error_name: what `mean_error` is, in words.
        version: raised when examples, answers or tolerances change, so that old results are not taken for new ones.
        length: N, the number of tokens that carry data.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    distributions: ClassVar[dict[str, str]]
    usual_distribution: ClassVar[str] = "uniform"
    blank: ClassVar[bool] = False
    symbols: ClassVar[dict[str, str]] = {"length": "N"}
    largest_tolerance: ClassVar[float] = 1.0
    all_inputs: ClassVar[str] = "over all inputs"
    mean_error_name: ClassVar[str]
    length: int

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """A task derived from another has a name of its own: no theorem about the other speaks of it unasked."""
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls) and hasattr(cls, "name"):
            cls.name = cls.__name__

    @property
    @abstractmethod
    def positions(self) -> int:
        """Tokens in the sequence."""

    @property
    @abstractmethod
    def asking(self) -> int:
        """Tokens whose answer is asked for: always the last ones of the sequence."""

    @property
    @abstractmethod
    def shown(self) -> Features | Symbols:
        """What the tokens are to a network that learns: vectors of numbers, or symbols."""

    @property
    @abstractmethod
    def answer_shape(self) -> tuple[int, ...]:
        """Shape of the answers to one example: (asking,) for a number each, (asking, d) for a vector each."""

    @property
    @abstractmethod
    def tolerance(self) -> float:
        """The worst-case error at which the task counts as solved."""

    @property
    def mean_tolerance(self) -> float:
        """The mean error at which the task counts as learned."""
        return self.tolerance

    @abstractmethod
    def sample(
        self, batch: int, *, seed: int, split: Split = "test", start: int = 0, distribution: str = "uniform"
    ) -> Batch[Inputs]:
        """Examples start ... start+batch-1 of this seed and split, with their exact answers."""

    def checked(self, inputs: Inputs) -> Inputs:
        """Inputs that a construction is called on, as its forward pass takes them; unlike `inputs`, maybe none at all.

        Raises:
            AssayError: inputs that the task's worst-case error is not over. A task that does not check, lets all pass.
        """
        return inputs

    def check_request(self, batch: int, numbers: int, distribution: str) -> None:
        """Refuse a request for examples of `numbers` numbers each that is too large, or of an unknown distribution.

        Raises:
            AssayError: the message says what is allowed.
        """
        require_integer("batch", batch, 1, None)
        require(
            batch * numbers <= NUMBERS_AT_ONCE, "batch", batch, f"small enough for {NUMBERS_AT_ONCE} numbers in all"
        )
        if distribution not in self.distributions:
            raise unknown("distribution", distribution, self.distributions)

    def trial(
        self, batch: int, *, seed: int, start: int, distribution: str, keys: torch.Tensor | None
    ) -> Batch[Inputs]:
        """Test examples to try a construction on; `keys` are its keys, if inputs can be picked against them."""
        return self.sample(batch, seed=seed, start=start, distribution=distribution)

    def choices(self, position: int) -> int:
        """How many different tokens the finite form of the task has at this position.

        Raises:
            AssayError: the task has no finite form.
        """
        raise AssayError(f"{self.name} has no finite form")

    def assemble(self, chosen: torch.Tensor) -> Inputs:
        """Inputs of the finite form from the number of each position's token, int64 (batch, positions).

        Raises:
            AssayError: the task has no finite form.
        """
        raise AssayError(f"{self.name} has no finite form")

    def altered(self, inputs: Inputs, count: int, *, seed: int, start: int = 0) -> Inputs:
        """`count` inputs that each differ from the first of `inputs` in one random place: steps of a search.

        Raises:
            AssayError: the task does not say what one place is.
        """
        raise AssayError(f"{self.name} does not say what its inputs can be altered in")

    def lacks(self, distribution: str) -> str:
        """What these parameters lack for a distribution, in words; empty where nothing."""
        return ""

    def trial_distributions(self, *, keys: bool) -> list[str]:
        """Distributions to try a guarantee on; `keys`: whether the network has keys to pick inputs against."""
        return [name for name in self.distributions if not self.lacks(name)]

    @abstractmethod
    def targets(self, inputs: Inputs) -> torch.Tensor:
        """Exact answers in float64, shape (batch, *answer_shape)."""

    @abstractmethod
    def tokens(self, inputs: Inputs) -> torch.Tensor:
        """What a network that learns is shown: (batch, positions, features), or integers (batch, positions)."""

    @abstractmethod
    def flat(self, inputs: Inputs) -> torch.Tensor:
        """The same for a network that reads the input as one vector: shape (batch, features of the whole input)."""

    @abstractmethod
    def errors(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Error of each answer, shape (batch, asking)."""

    def mean_error(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        """The errors of many answers as one number: root mean square."""
        return root_mean_square(self.errors(outputs, targets))

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """What training makes small: the mean squared distance of an answer from the exact one."""
        return (outputs - targets).square().sum(dim=-1).mean()

    @abstractmethod
    def audit(self, draws: int, *, seed: int, distribution: str = "uniform") -> dict[str, float]:
        """Mean error that cheap predictors reach, by name."""

    def to_json(self) -> dict[str, Any]:
        """Name and parameters, as plain JSON values. A user's own task has the name of its class, `file.py:Class`."""
        from assay.tasks import TASKS

        return {"name": TASKS.name_of(type(self)), **asdict(self)}  # ty: ignore[invalid-argument-type]


def root_mean_square(errors: torch.Tensor) -> float:
    """Root of the mean square of all entries."""
    return errors.square().mean().sqrt().item()
