"""Attention with real numbers, asymptotic: one layer of any precision must grow with the split-VC dimension"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.base import Bound
from assay.evidence import ErrorKind
from assay.size import Size
from assay.tasks.match3 import Match3


@BOUNDS.register
class SplitVC(Bound):
    """max(H, d, P) >= v^Omega(1), v the split-VC dimension: no exponent is explicit, so no finite size is excluded.

    Kozachinskiy, "Lower bounds on transformers with infinite precision" (2024, arXiv 2412.20195), and Kozachinskiy et
    al., "Strassen Attention" (2025): one layer of standard attention with H heads, embedding dimension d and an output
    perceptron of P parameters, real numbers of any precision, whose answer is read at one token. Split the other tokens
    between two parties; v is the largest Vapnik-Chervonenkis dimension of the functions of one party's tokens that
    those of the other party induce. For Match3 it is at least n = (N - 1)/2, rounded down: by the encoding of
    `Match3.hard_residues`, Bob's 2^n sets shatter Alice's n singletons.

    The bound without precision complements `match3-messages`, which counts bits. As its constants are unknown, it is
    listed with its hypotheses and excludes nothing.

    >>> from assay import Match3
    >>> SplitVC.split_vc_dimension(Match3(length=101)), SplitVC().smallest(Match3(length=101))
    (50, 1)
    """

    name: ClassVar[str] = "split-vc"
    family: ClassVar[str] = "attention"
    error_kind: ClassVar[ErrorKind] = "worst"
    resource = "size"
    source: ClassVar[str] = (
        "max(H, d, P) >= ((N-1)/2)^Omega(1) for one layer at any precision: split-VC dimension (Kozachinskiy 2024)"
    )
    speaks_of: ClassVar[tuple[str, ...]] = ("match3",)
    depth: ClassVar[int] = 1

    @staticmethod
    def split_vc_dimension(task: Match3) -> int:
        """A lower bound on v: (N - 1)/2, rounded down; 0 where the encoding does not fit."""
        return 0 if task.hard_unmet() else task.hard_bits()

    def unmet(self, task: Match3, error: float, distribution: str) -> str:
        """Always something: the constants of the theorem are not explicit."""
        if task.hard_unmet():
            return f"needs {task.hard_unmet()}"
        return f"is asymptotic: size at least {self.split_vc_dimension(task)}^Omega(1), the exponent is not explicit"

    def amount(self, task: Match3, error: float, distribution: str) -> float:
        """Nothing that is proved for a finite size."""
        return 0.0

    def available(self, task: Match3, size: Size) -> float:
        """The larger of heads and width."""
        return max(size.heads, size.width)
