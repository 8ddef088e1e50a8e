"""Questions that studies ask, one file for each kind, and how a kind is found by its name.

Kinds that packages below speak of themselves live there: training in `assay.training.question`, as searches ask nothing
else, and probes in `assay.probing.questions`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from assay.errors import unknown
from assay.evidence import Json

if TYPE_CHECKING:
    from assay.question import Question

# Imported when it is asked for: a worker starts with what its first question needs.
_CLASSES = {
    "baselines": "questions.baselines:BaselinesQuestion",
    "bound": "questions.bound:BoundQuestion",
    "construction": "questions.construction:ConstructionQuestion",
    "certificate": "questions.certificate:CertificateQuestion",
    "precision": "questions.precision:PrecisionQuestion",
    "protocol": "questions.protocol:ProtocolQuestion",
    "training": "training.question:TrainingQuestion",
    "probe exists": "probing.questions:ExistenceQuestion",
    "probe uses": "probing.questions:UsesQuestion",
    "memory": "questions.memory:MemoryQuestion",
    "retrieval learned": "questions.retrieval:LearnedDocuments",
    "retrieval rounded": "questions.retrieval:RoundedDocuments",
    "retrieval margin": "questions.retrieval:LearnedMargin",
    "boolean impossible": "questions.boolean:ImpossibleHeads",
    "boolean constructed": "questions.boolean:ConstructedHeads",
    "boolean learned": "questions.boolean:LearnedHeads",
    "boolean backbone": "questions.boolean:LearnedBackbone",
}


def question_from_json(described: Json) -> Question:
    """The question of any kind that `Question.to_json` described.

    Raises:
        AssayError: no such kind.
    """
    kind = " ".join(str(described[name]) for name in ("kind", "asked") if name in described)
    if kind not in _CLASSES:
        raise unknown("kind of question", kind, _CLASSES)
    home = _CLASSES[kind]
    module, _, name = home.partition(":")
    return getattr(import_module(f"assay.{module}"), name).from_json(described)
