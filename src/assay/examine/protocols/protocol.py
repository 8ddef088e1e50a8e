"""What every protocol is, and what a run of one comes to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, ParamSpec, TypeVar

import torch
from torch import Tensor

from assay.arithmetic.fixed_point import FixedPoint, Rounds, fixed_point
from assay.arithmetic.torch_settings import in_float32
from assay.errors import AssayError
from assay.examine.protocols.channel import Sent
from assay.examine.subject import Subject
from assay.tasks.task import AnyInputs

Given = ParamSpec("Given")
Gives = TypeVar("Gives")

NOT_FINITE = 1e300  # stands for an error that is no finite number, which JSON does not know


@dataclass(frozen=True)
class Witness:
    """Two inputs that the network cannot answer both right, and what it answers.

    Attributes:
        first, second: the inputs, as plain JSON values.
        same: what is the same for both, or else why one answer is wrong, in words.
        token: whose answer is judged.
        targets: the exact answers.
        answers: the network's.
        error: the largest error, as measured.
        at_least: what it must be, by the theorem, where the answers are the same.
    """

    first: Mapping[str, object]
    second: Mapping[str, object]
    same: str
    token: int
    targets: Sequence[object]
    answers: Sequence[object]
    error: float
    at_least: float

    def to_json(self) -> dict[str, object]:
        """Plain JSON values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Outcome:
    """What a protocol on a network came to.

    Attributes:
        protocol: its name.
        source: the theorem, and what it requires.
        parties: who holds what.
        resource: what is counted: message bits, state bits, first-layer width, ...
        needed: how much of it a network without a fault needs.
        available: how much this one has.
        justification: which inputs were run, how many, and in which arithmetic.
        sent: the messages of one run; empty where nothing is sent.
        wrong: runs that ended with the wrong answer; None where there is nothing to answer.
        runs: how many there were.
        baselines: how many runs answers that do not look at the input get wrong.
        messages: different messages seen; None where none are compared.
        messages_of: inputs of the sender that they were seen of.
        differs: largest difference between the protocol's answers and the whole network's; None if not compared.
        largest_error: of the network on the inputs that were run or found.
        witness: inputs that it errs on, if such were found.
        more: what else this protocol says, as plain JSON values.
    """

    protocol: str
    source: str
    parties: dict[str, str]
    resource: str
    needed: float
    available: float
    justification: str
    sent: tuple[Sent, ...] = ()
    wrong: int | None = None
    runs: int = 0
    baselines: dict[str, int] = field(default_factory=dict)
    messages: int | None = None
    messages_of: int | None = None
    differs: float | None = None
    largest_error: float | None = None
    witness: Witness | None = None
    more: Mapping[str, object] = field(default_factory=dict)

    @property
    def bits(self) -> int:
        """Bits of all messages of one run."""
        return sum(message.bits for message in self.sent)

    def to_json(self) -> dict[str, object]:
        """Plain JSON values."""
        fields = {name: value for name, value in vars(self).items() if name not in ("sent", "witness")}
        return {
            **fields,
            "sent": [message.to_json() for message in self.sent],
            "bits": self.bits,
            "witness": None if self.witness is None else self.witness.to_json(),
        }


class Protocol(ABC):
    """A lower bound's reduction, to be run on a network.

    Attributes:
        name: the name it is registered under.
        source: the theorem, and what it requires.
        version: raised when what it finds changes, so that old results are not taken for new ones.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    source: ClassVar[str]

    @abstractmethod
    def unmet(self, subject: Subject) -> str:
        """What the subject lacks for this protocol, in words; empty where nothing."""

    @abstractmethod
    def play(self, subject: Subject, numbers: FixedPoint | None, instances: int, seed: int) -> Outcome:
        """The protocol on a subject that has what it needs; see `run`."""

    @in_float32()
    def run(self, subject: Subject, numbers: FixedPoint | None = None, instances: int = 4096, seed: int = 0) -> Outcome:
        """Run it.

        Args:
            subject: the network and its task.
            numbers: the fixed-point format of every activation and every number sent; as the network is unless given.
            instances: how many inputs to enumerate, or else to draw.
            seed: of the inputs that are drawn, from 0 to 2^63 - 1.

        Raises:
            AssayError: the subject lacks something; the message says what.
        """
        missing = self.unmet(subject)
        if missing:
            raise AssayError(f"protocol {self.name} needs {missing}; {subject.name} on {subject.task.name} has not")
        with torch.no_grad():
            return self.play(subject, numbers, instances, seed)


@dataclass(frozen=True)
class Runner:
    """A network with the format it computes in; None for that of its own."""

    subject: Subject
    numbers: FixedPoint | None

    def __call__(self, function: Callable[Given, Gives], *given: Given.args, **named: Given.kwargs) -> Gives:
        """`function` of what is given, a part of the network's forward pass, in that format."""
        with torch.no_grad(), fixed_point(self.subject.network, self.numbers):
            return function(*given, **named)

    def whole(self, inputs: AnyInputs) -> Tensor:
        """The network's answers."""
        return self(self.subject.network, inputs)

    @property
    def dtype(self) -> torch.dtype:
        """Of the floating-point inputs that the network takes."""
        return self.subject.dtype

    @property
    def format(self) -> FixedPoint | None:
        """The format; None where the network computes in floating point."""
        network = self.subject.network
        return self.numbers or (network.numbers if isinstance(network, Rounds) else None)

    @property
    def arithmetic(self) -> str:
        """The format, in words."""
        return "floating point as the network computes" if self.format is None else str(self.format)


def largest(errors: Tensor) -> float:
    """The largest entry, NOT_FINITE if one is not a finite number."""
    return errors.double().nan_to_num(nan=NOT_FINITE, posinf=NOT_FINITE, neginf=NOT_FINITE).max().item()


def difference(first: Tensor, second: Tensor) -> float:
    """Largest difference of two answers; numbers that are equal, or both NaN, do not differ."""
    same = (first == second) | (first.isnan() & second.isnan())
    return largest(torch.where(same, 0.0, (first.double() - second.double()).abs()))
