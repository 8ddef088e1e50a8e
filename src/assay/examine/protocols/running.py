"""Running a protocol by its name, for studies, the command line and Python."""

from __future__ import annotations

from dataclasses import dataclass, fields

from assay.arithmetic.fixed_point import FixedPoint
from assay.evidence import Json
from assay.examine.protocols import PROTOCOLS
from assay.examine.protocols.channel import Sent
from assay.examine.protocols.protocol import Outcome, Witness
from assay.examine.subject import Subject
from assay.schema import Result
from assay.sizes import Size


@dataclass(frozen=True, repr=False)
class ProtocolRun(Result):
    """A protocol on a network.

    Attributes:
        network: its name.
        family: whose colour it has; empty where a user's module does not say.
        task: its name and parameters.
        size: that the network declares; None where it does not say.
        numbers: bits of every number, and how many of them are after the point; None where it computes as it is.
        outcome: what it came to.
    """

    network: str
    family: str
    task: Json
    size: Size | None
    numbers: tuple[int, int] | None
    outcome: Outcome

    @property
    def line(self) -> str:
        """What was counted, and what the answers were."""
        outcome = self.outcome
        verdict = "not excluded" if outcome.available >= outcome.needed else "too few"
        answers = "" if outcome.wrong is None else f"; {outcome.runs - outcome.wrong} of {outcome.runs} answers right"
        return (
            f"{outcome.protocol} on {self.network}: {outcome.available:g} {outcome.resource} of at least "
            f"{outcome.needed:.6g}, {verdict}{answers}"
        )

    def to_json(self) -> Json:
        """Plain JSON values, the outcome's beside the others."""
        return {
            "network": self.network,
            "family": self.family,
            "task": self.task,
            "size": None if self.size is None else self.size.to_json(),
            "numbers": None if self.numbers is None else list(self.numbers),
            **self.outcome.to_json(),
        }

    @classmethod
    def from_json(cls, stored: Json) -> ProtocolRun:
        """What `to_json` gives, and a ledger keeps."""
        known = {field.name: stored[field.name] for field in fields(Outcome)}
        known["sent"] = tuple(Sent(**{field.name: one[field.name] for field in fields(Sent)}) for one in stored["sent"])
        known["witness"] = None if stored["witness"] is None else Witness(**stored["witness"])
        return cls(
            network=stored["network"],
            family=stored["family"],
            task=stored["task"],
            size=None if stored["size"] is None else Size(**stored["size"]),
            numbers=stored["numbers"] and tuple(stored["numbers"]),
            outcome=Outcome(**known),
        )


def run_protocol(
    name: str, subject: Subject, numbers: tuple[int, int] | None = None, instances: int = 4096, *, seed: int = 0
) -> ProtocolRun:
    """A protocol on a network.

    Args:
        name: of the protocol.
        subject: the network and its task.
        numbers: bits of every number, and how many of them are after the point; as the network is unless given.
        instances: inputs to enumerate, or else to draw.
        seed: of those that are drawn.

    >>> from assay import SparseAveraging
    >>> from assay.constructions import build
    >>> from assay.examine.subject import subject_of
    >>> unit = build(SparseAveraging(length=5, sparsity=2), method="sign", tolerance=0.1)
    >>> found = run_protocol("disjointness", subject_of(unit)).outcome
    >>> found.wrong, found.runs, found.baselines
    (0, 16, {'always intersect': 9, 'always disjoint': 7})

    Raises:
        AssayError: no such protocol, or it needs what the network has not.
    """
    protocol = PROTOCOLS[name]()
    outcome = protocol.run(subject, FixedPoint(*numbers) if numbers else None, instances, seed)
    return ProtocolRun(subject.name, subject.family, subject.task.to_json(), subject.size, numbers, outcome)
