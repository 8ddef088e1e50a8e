"""What every task offers: parameters, named input distributions, exact answers, an error measure and a tolerance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, Self, TypeVar

import torch

from assay.errors import AssayError, require, require_integer, unknown
from assay.schema import Json
from assay.tasks import counter
from assay.tasks.answers import Answer
from assay.tasks.counter import Split, Words
from assay.tasks.spec import Spec, Symbols
from assay.tasks.token_features import token_features

AnyInputs = torch.Tensor | tuple[torch.Tensor, ...]  # of whatever task
Inputs = TypeVar("Inputs", bound=AnyInputs)

NUMBERS_AT_ONCE = 1 << 29  # of all inputs of a batch: 4 GB


class Batch(NamedTuple, Generic[Inputs]):
    """Examples drawn from a task: its inputs, the exact answers at the query positions, and which of them count.

    `targets` are (batch, queries, ...) in the answer's dtype, `scored` is bool (batch, queries). The target of a
    position that is not scored means nothing.
    """

    inputs: Inputs
    targets: torch.Tensor
    scored: torch.Tensor


@dataclass(frozen=True)
class Task(ABC, Generic[Inputs]):
    """A function on sequences. Subclasses are frozen dataclasses whose fields are the task's parameters.

    Attributes:
        name: the name it is registered under.
        distributions: named input distributions, each with a line that describes it.
        usual_distribution: the one that mean errors are over, unless another is named.
        symbols: what charts call the parameters that a study can vary.
        all_inputs: what a worst-case statement speaks of, in words.
        usual_recipe: fields of `assay.training.recipe.Recipe` that training has unless a request says otherwise, for
            networks that take any length.
        ahead: whether answers depend on later tokens although the order is causal: a control that nothing can learn.
        partial_baselines: names of `baseline_features` that do a part of the task: printed, but no reason to refuse it.
        version: raised when examples, answers or tolerances change, so that old results are not taken for new ones.
        length: N, the number of tokens that carry data.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    distributions: ClassVar[dict[str, str]]
    usual_distribution: ClassVar[str] = "uniform"
    usual_recipe: ClassVar[dict[str, object]] = {}
    ahead: ClassVar[bool] = False
    symbols: ClassVar[dict[str, str]] = {"length": "N"}
    all_inputs: ClassVar[str] = "over all inputs"
    partial_baselines: ClassVar[frozenset[str]] = frozenset()
    if TYPE_CHECKING:  # each task declares it itself, where among its fields it likes
        length: int

    def __init_subclass__(cls, **kwargs: object) -> None:
        """A task derived from another has a name of its own: no theorem about the other speaks of it unasked."""
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls) and hasattr(cls, "name"):
            cls.name = cls.__name__

    def __post_init__(self) -> None:
        """Refuse parameters of which there is no spec; a task with more to check does so, too."""
        _ = self.spec

    @property
    @abstractmethod
    def spec(self) -> Spec:
        """What the task asks of a network: tokens, answers, query positions."""

    @property
    def answer(self) -> Answer:
        """The kind of the answers: its error, loss and what runs are judged by."""
        return self.spec.answer

    def at(self, length: int) -> Self:
        """The same task at another length."""
        return replace(self, length=length)

    @property
    def tolerance(self) -> float:
        """The worst-case error up to which the task counts as solved."""
        assert self.answer.tolerance is not None, f"{self.name} must say its tolerance"
        return self.answer.tolerance

    @property
    def mean_tolerance(self) -> float:
        """What a run's judged measure may be at most for the task to count as learned."""
        return self.tolerance if self.answer.learned_at is None else self.answer.learned_at

    @abstractmethod
    def draw(self, example_keys: Words, distribution: str) -> Inputs:
        """Inputs of a distribution that these parameters carry, one for each key (see `assay.tasks.counter`)."""

    def sample(
        self, batch: int, *, seed: int, split: Split = "test", start: int = 0, distribution: str = "uniform"
    ) -> Batch[Inputs]:
        """Examples start ... start+batch-1 of this seed and split, with their exact answers.

        Example i of a seed does not depend on the batch it is drawn in.

        Args:
            batch: number of examples.
            seed: from 0 to 2^63 - 1.
            split: `train` or `test`.
            start: index of the first example.
            distribution: one of `distributions`.

        Raises:
            AssayError: an unknown distribution, or one that these parameters cannot carry.
        """
        return self.batch(self.drawn(batch, seed=seed, split=split, start=start, distribution=distribution))

    def batch(self, inputs: Inputs) -> Batch[Inputs]:
        """Inputs with their exact answers, and which of these are scored: 0 stands for an answer that is not."""
        targets = self.targets(inputs)
        scored = self.answer.defined(targets)
        shape = (*scored.shape, *[1] * (targets.ndim - 2))
        return Batch(inputs, targets.where(scored.view(shape), 0), scored)

    @property
    def numbers(self) -> int:
        """Numbers in one example's inputs."""
        return self.spec.numbers

    def drawn(self, batch: int, *, seed: int, split: Split, start: int, distribution: str) -> Inputs:
        """The inputs of `sample`, without answers."""
        self.check_request(batch, self.numbers, distribution)
        if self.lacks(distribution):
            raise AssayError(f"{distribution!r} inputs need {self.lacks(distribution)}")
        return self.draw(counter.example_keys(seed, split, start, batch), distribution)

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
        """Inputs of the finite form from the number of each position's token, int64 (batch, length).

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
        """Exact answers at the query positions, in the answer's dtype: (batch, *spec.target_shape).

        Where there is no answer it is -1, or NaN where answers are numbers: such a position is not scored.
        """

    def encode(self, inputs: Inputs) -> torch.Tensor:
        """Tokens as `spec.tokens` says: the inputs themselves, unless a task says otherwise."""
        assert isinstance(inputs, torch.Tensor), f"{self.name} must say how its inputs are encoded"
        return inputs

    def baseline_features(self, inputs: Inputs) -> dict[str, torch.Tensor]:
        """What trivial baselines are fitted on: by name, numbers about each query, (batch, queries, columns).

        Unless a task says otherwise the query's token, and the last three; nothing where tokens are vectors. None may
        hold the answer; see `assay.trivial`. Constants and the query's place are tried for any task.
        """
        spec = self.spec
        return token_features(self.encode(inputs), spec.queries) if isinstance(spec.tokens, Symbols) else {}

    def to_json(self) -> Json:
        """Name and parameters, as plain JSON values. A user's own task has the name of its class, `file.py:Class`."""
        from assay.tasks import TASKS

        return {"name": TASKS.name_of(type(self)), **asdict(self)}
