"""Proofs as questions of a study, and their evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from assay.errors import AssayError
from assay.evidence import Json, Statement
from assay.proofs import certify
from assay.questions.construction import MethodQuestion

PROOF_VERSION = 1  # raised when proofs change, so that old answers are not taken for new ones


@dataclass(frozen=True)
class CertificateQuestion(MethodQuestion):
    """What can be proved of this construction from its weights?"""

    kind: ClassVar[str] = "certificate"
    version: int = PROOF_VERSION

    def find(self) -> Statement:
        """Build it and prove its guarantee; where that fails, the evidence says at what."""
        network = self.build()
        stated = network.certificate()
        try:
            proof = certify(network).to_json()
            error, justification = proof["guaranteed_error"], _in_words(proof)
        except AssayError as failure:
            proof, error, justification = None, stated.guaranteed_error, f"stated, but {failure}"
        detail = {"proof": proof, "arithmetic": stated.dtype}
        return self.of_network(network, network.size, "constructed", error, justification, detail)


def _in_words(proof: Json) -> str:
    steps = [f"{step['statement']} ({step['how']})" for step in proof["steps"]]
    return "; ".join(["proved from the weights as stored", *steps, f"assuming {', '.join(proof['assumes'])}"])
