"""Smallest precisions as questions of a study, and their evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from assay.evidence import Statement
from assay.examine.precision.search import smallest_precision
from assay.examine.subject import subject_of
from assay.questions.construction import MethodQuestion

PRECISION_VERSION = 2  # raised when the search changes, so that old answers are not taken for new ones


@dataclass(frozen=True)
class PrecisionQuestion(MethodQuestion):
    """With how few bits per number does this construction still meet this worst-case error on that many draws?"""

    kind: ClassVar[str] = "precision"
    draws: int
    version: int = PRECISION_VERSION

    def find(self) -> Statement:
        """Build it and search."""
        network = self.build()
        found = smallest_precision(subject_of(network), draws=self.draws)
        return self.of_network(
            network,
            replace(network.size, precision=found.bits),
            "measured",
            found.error,
            f"the largest error seen in fixed point of {found.bits} bits, {found.fraction} of them after the point, "
            f"which proves nothing of other inputs: {found.justification}",
            {"fraction": found.fraction, "error_below": found.error_below, "error_exact": found.error_exact},
        )
