"""Protocols as questions of a study, and their evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from assay.evidence import Json, Statement
from assay.examine.protocols import PROTOCOLS
from assay.examine.protocols.running import run_protocol
from assay.examine.subject import Subject, subject_of
from assay.question import Question
from assay.questions import question_from_json
from assay.questions.construction import ConstructionQuestion
from assay.training.question import TrainingQuestion

PROTOCOL_VERSION = 1  # raised when protocols change, so that old answers are not taken for new ones


@dataclass(frozen=True)
class ProtocolQuestion(Question):
    """What does this protocol come to on the network that answers another question?

    Attributes:
        protocol: its name.
        network: the question of a construction, or of a training.
        numbers: bits of every number, and how many of them are after the point; as the network is unless given.
        instances: inputs to enumerate, or else to draw.
    """

    kind: ClassVar[str] = "protocol"
    protocol: str
    network: ConstructionQuestion | TrainingQuestion
    numbers: tuple[int, int] | None
    instances: int
    version: int = PROTOCOL_VERSION
    code: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.code:
            self._set_code({"protocol": PROTOCOLS.code(self.protocol)})

    @classmethod
    def from_json(cls, described: Json) -> Self:
        """From `to_json`."""
        return super().from_json({**described, "network": question_from_json(described["network"])})

    @property
    def subject(self) -> str:
        """The protocol."""
        return self.protocol

    @property
    def about(self) -> Json:
        """The network's task."""
        return self.network.about

    def find(self) -> Statement:
        """Build or train the network, and run the protocol on it."""
        asked = self.network
        if isinstance(asked, ConstructionQuestion):
            subject = subject_of(asked.build())
            architecture, kind, tolerance = subject.family, "worst", asked.tolerance
            verdict, error = "constructed", subject.guaranteed
        else:
            run, task, architecture, kind = asked.train(), asked.task, asked.networks.architecture, "mean"
            size, family = run.network.size, run.network.family
            subject = Subject(architecture, "trained", run.network, task, family, size, task.tolerance)
            error, tolerance = run.mean_error, task.mean_tolerance
            verdict = "learned" if error <= tolerance else "not learned"
        found = run_protocol(self.protocol, subject, self.numbers, self.instances)
        assert subject.size is not None
        assert error is not None
        return Statement(
            family=subject.family,
            architecture=architecture,
            source=self.protocol,
            size=subject.size,
            verdict=verdict,
            error_kind=kind,
            error=error,
            tolerance=tolerance,
            justification=f"{found.outcome.source}; {found.outcome.justification}",
            detail=found.to_json(),
        )
