"""Mean error on Gaussian values, every token asks: what the state of a causal network must tell of values to come"""

from __future__ import annotations

from functools import cache
from typing import ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assay.bounds import BOUNDS
from assay.bounds.bound import Bound, Resource, state_in_last_pass
from assay.bounds.information import STANDARD_ERRORS, Numbers, told_of_gaussians
from assay.evidence import ErrorKind
from assay.resources import Resources
from assay.tasks.sparse_averaging import SparseAveraging

LARGEST_LENGTH = 256  # that is evaluated: the time grows with its cube
_SEQUENCES = {64: 200, LARGEST_LENGTH: 50}  # up to N: that the level is chosen on, and as many that the mean is over
_NOTHING = 1e-9  # a variance below is rounding


@BOUNDS.register
class RecurrentStateGaussian(Bound[SparseAveraging]):
    """State bits >= (d/2) E sum of log2(v_t / min(L, v_t)), E sum of min(L, v_t) = N error^2, any number of passes.

    W is the state before the last pass, in which answers are read off; token t's answer is a function of W and of the
    tokens 1 ... t. Given all pointers, let U_t be the part of its target that is yet to come: the sum of the values at
    its pointers beyond t, divided by q. What W tells of the values is at least the sum over t of what it tells of U_t
    given the values 1 ... t and U_1 ... U_(t-1). Given these, U_t is normal with variance v_t / d in each coordinate,
    v_t the squared distance of its vector of coefficients from the span of theirs, and the answer is a guess of it with
    the mean square error e_t^2: at least (d/2) log2(v_t / e_t^2) bits. The least sum for a given mean of e_t^2 has
    e_t^2 = min(L, v_t) with one level L.

    The expectation over uniform pointers is taken over samples with fixed seeds, the level being chosen on others, and
    three of its standard errors are taken off: a statement of confidence, not a proof for the last digit.

    >>> from assay import SparseAveraging
    >>> from assay.resources import Resources
    >>> lstm = Resources(precision=4, passes=2, state=lambda tokens: 4)
    >>> check = RecurrentStateGaussian().check(SparseAveraging(length=64, sparsity=2, dimension=2), lstm)
    >>> check.status, round(check.required)
    ('binds', 34)
    """

    name: ClassVar[str] = "recurrent-state-gaussian"
    error_kind: ClassVar[ErrorKind] = "mean"
    resource: ClassVar[Resource] = "state bits"
    cut: ClassVar[str] = "before the last pass"
    source: ClassVar[str] = (
        "state bits >= (d/2) E sum log2(v_t / min(L, v_t)), E sum min(L, v_t) = N error^2, v_t what is unknown of "
        f"target t: rate-distortion of answers in turn; estimated from {_SEQUENCES[LARGEST_LENGTH]} or, up to N = 64, "
        f"{_SEQUENCES[64]} sampled sets of pointers, less {STANDARD_ERRORS} standard errors"
    )
    justified: ClassVar[str] = "estimated"

    def unmet(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> str:
        """A causal network in any number of passes, gaussian values, uniform pointers, every token asks, a length that
        can be evaluated.
        """
        if distribution != "gaussian":
            return f"needs gaussian values, not {distribution!r}"
        if task.layout != "all":
            return "needs the layout in which every token asks"
        return "" if task.length <= LARGEST_LENGTH else f"is evaluated up to N = {LARGEST_LENGTH}"

    def amount(self, task: SparseAveraging, error: float, distribution: str, network: Resources) -> float:
        """The sum above, less three standard errors, in bits; infinite at no error at all."""
        fitted, tried = np.split(unknown_variances(task.length, task.sparsity), 2)
        return task.dimension * told_of_gaussians(fitted, tried, task.length * error**2)

    def available(self, task: SparseAveraging, network: Resources) -> float | None:
        return state_in_last_pass(task, network)


@cache
def unknown_variances(length: int, sparsity: int) -> Numbers:
    """v_t of all tokens for sampled uniform pointers: (sequences, N)."""
    task = SparseAveraging(length=length, sparsity=sparsity)
    count = next(count for longest, count in _SEQUENCES.items() if length <= longest)
    return _unknown_variances(task.sample(2 * count, seed=0, distribution="gaussian").inputs.pointers.numpy())


@njit(cache=True)
def _unknown_variances(pointers: NDArray[np.int64]) -> Numbers:
    """v_t for pointers (sequences, N, q): each value and each target that is learned lowers the others' covariance."""
    sequences, length, sparsity = pointers.shape
    variances = np.zeros((sequences, length))
    for sequence in range(sequences):
        covariance = np.eye(length)
        for t in range(length):
            if covariance[t, t] > _NOTHING:
                _learn(covariance, covariance[t].copy(), covariance[t, t])
            with_target = np.zeros(length)
            for pointer in pointers[sequence, t]:
                with_target += covariance[pointer] / sparsity
            variance = 0.0
            for pointer in pointers[sequence, t]:
                variance += with_target[pointer] / sparsity
            if variance > _NOTHING:
                variances[sequence, t] = variance
                _learn(covariance, with_target, variance)
    return variances


@njit(cache=True)
def _learn(covariance: Numbers, shared: Numbers, variance: float) -> None:
    """Lower a covariance, in place, by what is known once a number of this variance and these covariances is known."""
    concerned = np.flatnonzero(np.abs(shared) > _NOTHING)
    for i in concerned:
        for j in concerned:
            covariance[i, j] -= shared[i] * shared[j] / variance
