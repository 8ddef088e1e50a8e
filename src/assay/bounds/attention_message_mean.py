"""Mean error: what a query token's embedding must hold on average over pointer sets"""

from __future__ import annotations

import math
from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource, binary_entropy, log2_binomial
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.sparse_averaging import SparseAveraging


@BOUNDS.register
class AttentionMessageMean(Bound[SparseAveraging]):
    """Embedding bits >= log2 C(N, q) - n h((1 - sqrt(1 - 4 v / n)) / 2) with v = (q error)^2 and h the binary entropy.

    n is the number of data tokens beside the query token: N in the layout `last`, N - 1 where all ask.

    Values z_i independent with mean 0 and mean square 1, pointer set S a uniform q-set of the N data tokens. Given the
    query token's embedding T and pi_i = P(i in S | T), the best answer is (1/q) sum pi_i z_i. As the values of other
    tokens are independent of S, T and one another, its mean square error is at least (1/q^2) sum E pi_i (1 - pi_i) over
    these tokens, so that the sum is at most v. Entropy adds up at most over indicators, and h is a concave function of
    pi (1 - pi): the n indicators together have H(. | T) <= n h(...). What is left of H(S) = log2 C(N, q) has to be
    sent.

    Where one token asks this is all. The pointers of other tokens that ask are independent of S and of the values, so
    that all of the above holds given them. Where all ask, T also holds the query token's own value: all holds given
    that value; the own token's term in the error, which is not negative, is left out, and the other N - 1 indicators
    tell whether the token points to itself, since S has q elements. The error is that of all tokens: the bound holds
    for each with its own error, the allowed entropy is concave in v, and v is in the mean (q error)^2.

    >>> from assay import SparseAveraging
    >>> from assay.resources import Resources
    >>> task = SparseAveraging(length=64, sparsity=2, layout="last")
    >>> round(AttentionMessageMean().check(task, Resources(precision=8, embedding=1)).required, 1)
    8.6
    """

    name: ClassVar[str] = "attention-message-mean"
    version: ClassVar[int] = 2
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "embedding bits"
    cut: ClassVar[str] = "between a query token's embedding and all other tokens"
    source: ClassVar[str] = (
        "embedding bits >= log2 C(N, q) - n h((1 - sqrt(1 - 4 v / n)) / 2), v = (q error)^2: entropy of the pointers"
    )

    def unmet(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> str:
        """Uniform pointers, independent centred values of mean square 1, q < N, a small enough error."""
        if distribution not in ("uniform", "sign", "gaussian"):
            return f"needs uniform pointers and independent centred values, which {distribution!r} inputs do not have"
        if task.sparsity == task.length:
            return "needs q below N"
        attainable = 4 * (task.sparsity * error) ** 2 < task.others
        return "" if attainable else "the error is one that needs no knowledge of the pointers"

    def amount(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> float:
        variance = (task.sparsity * error) ** 2
        unsure = (1 - math.sqrt(1 - 4 * variance / task.others)) / 2
        return log2_binomial(task.length, task.sparsity) - task.others * binary_entropy(unsure)

    def available(self, task: SparseAveraging, network: Resources) -> float | None:
        return network.embedding_bits
