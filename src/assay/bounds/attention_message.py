"""Worst case: what a query token's embedding must hold to tell all pointer sets apart"""

from __future__ import annotations

from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource, log2_binomial
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.sparse_averaging import SparseAveraging


@BOUNDS.register
class AttentionMessage(Bound[SparseAveraging]):
    """Embedding bits >= log2 C(n, q), n = data tokens other than the query token; sharper than Theorem 4's order q.

    All that the other tokens' party gets to know of the query token is its embedding. Were it equal for two pointer
    sets y and y', so would be the answers, whatever the values; with value +1 on y but not y' and -1 elsewhere the two
    targets differ by at least 2/q, and one answer errs by at least 1/q. So the embedding is injective on the C(n, q)
    sets. This holds for layers of any kind and number, for any number of passes, for the error of any one answer below
    1/q, and whatever pointers other tokens have.
    (Theorem 4: Sanford, Hsu, Telgarsky, NeurIPS 2023.)

    >>> from assay import SparseAveraging
    >>> from assay.resources import Resources
    >>> network = Resources(precision=2, embedding=2)
    >>> AttentionMessage().check(SparseAveraging(length=10, sparsity=2), network).required == log2_binomial(9, 2)
    True
    """

    name: ClassVar[str] = "attention-message"
    version: ClassVar[int] = 2
    error_kind: ClassVar[ErrorKind] = "worst"
    resource: ClassVar[Resource] = "embedding bits"
    cut: ClassVar[str] = "between a query token's embedding and all other tokens"
    source: ClassVar[str] = (
        "embedding bits >= log2 C(n, q): injectivity of the query token's embedding (Theorem 4, sharpened)"
    )

    def unmet(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> str:
        """An error below 1/q and more than q tokens to point to."""
        if error >= 1 / task.sparsity:
            return f"needs an error below 1/q = {1 / task.sparsity:g}"
        return "" if task.others > task.sparsity else "needs more than q tokens beside the query token"

    def amount(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> float:
        return log2_binomial(task.others, task.sparsity)

    def available(self, task: SparseAveraging, network: Resources) -> float | None:
        return network.embedding_bits
