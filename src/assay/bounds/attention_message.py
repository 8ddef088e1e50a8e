"""Attention, worst case: what the asking token's embedding must hold to tell all pointer sets apart"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.base import Bound, log2_binomial
from assay.evidence import ErrorKind
from assay.tasks.sparse_averaging import SparseAveraging


@BOUNDS.register
class AttentionMessage(Bound):
    """m p >= log2 C(n, q), n = data tokens other than the asking one; sharper than Theorem 4's order q.

    All that the other tokens' party gets to know of the asking token is its embedding, m numbers of p bits. Were it
    equal for two pointer sets y and y', so would be the answers, whatever the values; with value +1 on y but not y'
    and -1 elsewhere the two targets differ by at least 2/q, and one answer errs by at least 1/q. So the embedding is
    injective on the C(n, q) sets. This holds for any number of heads and layers, and for the error of any one answer
    below 1/q.

    >>> from assay import SparseAveraging
    >>> AttentionMessage().required(SparseAveraging(length=10, sparsity=2)) == log2_binomial(9, 2)
    True
    """

    name: ClassVar[str] = "attention-message"
    family: ClassVar[str] = "attention"
    error_kind: ClassVar[ErrorKind] = "worst"
    resource = "message bits"
    source: ClassVar[str] = "m p >= log2 C(n, q): injectivity of the asking token's embedding (Theorem 4, sharpened)"

    def unmet(self, task: SparseAveraging, error: float, distribution: str) -> str:
        """The error must be below 1/q, and there must be other tokens to point to."""
        if error >= 1 / task.sparsity:
            return f"needs an error below 1/q = {1 / task.sparsity:g}"
        return "" if task.others > task.sparsity else "needs more than q tokens beside the asking one"

    def amount(self, task: SparseAveraging, error: float, distribution: str) -> float:
        """log2 C(n, q) bits."""
        return log2_binomial(task.others, task.sparsity)
