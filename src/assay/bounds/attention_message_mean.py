"""Attention, mean error: what the asking token's embedding must hold on average over pointer sets"""

from __future__ import annotations

import math
from typing import ClassVar

from assay.bounds import BOUNDS
from assay.bounds.base import Bound, binary_entropy, log2_binomial
from assay.evidence import ErrorKind
from assay.tasks.sparse_averaging import SparseAveraging


@BOUNDS.register
class AttentionMessageMean(Bound):
    """m p >= log2 C(N, q) - N h((1 - sqrt(1 - 4 v / N)) / 2) with v = (q error)^2 and h the binary entropy.

    Values independent with mean 0 and mean square 1, pointer set S uniform. Given the m p bits T that are sent of S and
    pi_i = P(i in S | T), the best answer is (1/q) sum pi_i z_i, with mean square error (1/q^2) sum pi_i (1 - pi_i). So
    E sum pi_i (1 - pi_i) <= v. Entropy adds up at most over the indicators, and h is a concave function of pi (1 - pi):
    H(S | T) <= N h(...). What is left of H(S) = log2 C(N, q) has to be sent.

    >>> from assay import SparseAveraging
    >>> round(AttentionMessageMean().required(SparseAveraging(length=64, sparsity=2, layout="last")), 1)
    8.6
    """

    name: ClassVar[str] = "attention-message-mean"
    family: ClassVar[str] = "attention"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource = "message bits"
    source: ClassVar[str] = (
        "m p >= log2 C(N, q) - N h((1 - sqrt(1 - 4 v / N)) / 2), v = (q error)^2: entropy of the pointers"
    )

    def unmet(self, task: SparseAveraging, error: float, distribution: str) -> str:
        """Values independent and centred with mean square 1; the variance v must be attainable."""
        if distribution not in ("uniform", "sign", "gaussian"):
            return f"needs independent centred values, which {distribution!r} inputs are not"
        attainable = 4 * (task.sparsity * error) ** 2 < task.length
        return "" if attainable else "the error is one that needs no knowledge of the pointers"

    def amount(self, task: SparseAveraging, error: float, distribution: str) -> float:
        """The inequality above, in bits."""
        variance = (task.sparsity * error) ** 2
        unsure = (1 - math.sqrt(1 - 4 * variance / task.length)) / 2
        return log2_binomial(task.length, task.sparsity) - task.length * binary_entropy(unsure)
