"""Constructions as questions of a study, and their evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from assay.constructions import CONSTRUCTIONS
from assay.constructions.answering import together
from assay.constructions.construction import Construction, build_checked
from assay.constructions.trials import try_all
from assay.errors import Refuted
from assay.evidence import Json, Statement, Verdict
from assay.models.attention_map import attention_map_of
from assay.question import Question
from assay.sizes import Size
from assay.tasks import TASKS, Task


@dataclass(frozen=True)
class MethodQuestion(Question):
    """Something that is asked of a construction.

    Attributes:
        method: its name.
        task: that it is built for.
        tolerance: the worst-case error that it is built for.
    """

    method: str
    task: Task
    tolerance: float
    code: Json = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        if not self.code:
            name = self.about["name"]
            self._set_code({"construction": CONSTRUCTIONS.code(self.method), "task": TASKS.code(name)})

    @property
    def subject(self) -> str:
        """The method."""
        return self.method

    def build(self) -> Construction:
        """The network."""
        return build_checked(self.task, self.method, self.tolerance)

    def of_network(
        self, network: Construction, size: Size, verdict: Verdict, error: float, justification: str, detail: Json
    ) -> Statement:
        """What is said of the worst case."""
        return Statement(
            family=network.family,
            architecture=network.model,
            source=network.method,
            size=size,
            verdict=verdict,
            error_kind="worst",
            error=error,
            tolerance=self.tolerance,
            justification=justification,
            detail=detail,
        )


@dataclass(frozen=True)
class ConstructionQuestion(MethodQuestion):
    """How wide is this construction for this worst-case error, and does it hold on that many draws of each kind?

    Attributes:
        draws: of each distribution that fits.
        attention_map: whether its attention is kept.
    """

    kind: ClassVar[str] = "construction"
    draws: int
    attention_map: bool = False

    def find(self) -> Statement:
        """Build it, and try it on every distribution that fits.

        Raises:
            Refuted: it answers none of the inputs, so that nothing is constructed.
        """
        network = self.build()
        certificate = network.certificate()
        trials = try_all(network, self.draws)
        trial = together(trials.values())
        reason = trial.refutation(certificate.guaranteed_error)
        if trial.largest_error is None:
            raise Refuted(f"{network.method} for {self.about} constructs nothing: {reason}")
        detail: Json = {
            "measured": {name: one.largest_error for name, one in trials.items() if one.largest_error is not None},
            "refused": trial.refused,
            "draws": self.draws,
            "certificate": certificate.to_json(),
            "holds": not reason,
        }
        justification = [
            certificate.justification,
            network.remark,
            f"tried on {self.draws} draws of each of {', '.join(trials)}",
        ]
        if self.attention_map:
            detail["attention_map"] = attention_map_of(self.task, network)
        said = f"{'; '.join(filter(None, justification))}, refused {trial.refused}"
        return self.of_network(network, network.size, "constructed", certificate.guaranteed_error, said, detail)
