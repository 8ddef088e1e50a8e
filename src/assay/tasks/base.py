"""What every task offers: parameters, named input distributions, exact answers, an error measure and a tolerance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    import torch

    from assay.tasks.counter import Split

Inputs = TypeVar("Inputs")


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


class Task(ABC, Generic[Inputs]):
    """A function on sequences. Subclasses are frozen dataclasses whose fields are the task's parameters.

    Attributes:
        name: the name it is registered under.
        distributions: named input distributions, each with a line that describes it.
        length: N, the number of tokens that carry data.
    """

    name: ClassVar[str]
    distributions: ClassVar[dict[str, str]]
    length: int

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
    def token_features(self) -> int:
        """Numbers that describe one token to a network that learns."""

    @property
    @abstractmethod
    def flat_features(self) -> int:
        """Numbers in the whole input as one vector."""

    @property
    @abstractmethod
    def output_width(self) -> int:
        """Numbers in one answer."""

    @property
    @abstractmethod
    def tolerance(self) -> float:
        """The error at which the task counts as solved."""

    @abstractmethod
    def sample(
        self,
        batch: int,
        *,
        seed: int,
        split: Split = "test",
        start: int = 0,
        distribution: str = "uniform",
        dtype: torch.dtype | None = None,
        keys: torch.Tensor | None = None,
    ) -> Batch[Inputs]:
        """Examples start ... start+batch-1 of this seed and split, with their exact answers."""

    @abstractmethod
    def targets(self, inputs: Inputs) -> torch.Tensor:
        """Exact answers in float64, shape (batch, asking, output_width)."""

    @abstractmethod
    def tokens(self, inputs: Inputs) -> torch.Tensor:
        """What a network that learns is shown: shape (batch, positions, token_features)."""

    @abstractmethod
    def flat(self, inputs: Inputs) -> torch.Tensor:
        """The same for a network that reads the input as one vector: shape (batch, flat_features)."""

    @abstractmethod
    def errors(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Error of each answer, shape (batch, asking)."""

    @abstractmethod
    def audit(self, draws: int, *, seed: int, distribution: str = "uniform") -> dict[str, float]:
        """Root-mean-square error that cheap predictors reach, by name."""

    def pointing(self) -> Pointing | None:
        """Which features name positions; None for a task in which none do."""
        return None

    def to_json(self) -> dict[str, Any]:
        """Name and parameters, as plain JSON values."""
        return {"name": self.name, **asdict(self)}  # ty: ignore[invalid-argument-type]
