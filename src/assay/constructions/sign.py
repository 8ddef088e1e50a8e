"""Random sign keys with a certificate for each query: one attention unit of width about q log N.

Theorem 2 of Sanford, Hsu, Telgarsky (NeurIPS 2023). Keys are vertices of the cube scaled to norm 1; the query of a
pointer set scores 1 on it and at most 1/2 off it (see `active_clip`). With temperature a little above 2 ln(2N / (q
error)), the softmax is uniform on the set up to the error. Small cases are checked over all pointer sets when the unit
is built; in any case the forward pass computes the certificate of every query it uses and gives no answer without one.
"""

from __future__ import annotations

import math
from itertools import combinations
from math import comb
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from assay.arithmetic.torch_settings import dtype_name
from assay.constructions import CONSTRUCTIONS
from assay.constructions.active_clip import CEILING, NORM, SLACK, clipped_queries, without_repeats
from assay.constructions.averaging_unit import AveragingUnit
from assay.constructions.certificate import Certificate
from assay.constructions.softmax_bound import DTYPES, UNIT_ROUNDOFF, gamma, guaranteed_error, temperature
from assay.errors import AssayError, CertificateError
from assay.tasks import counter
from assay.tasks.sparse_averaging import SparseAveraging

EXHAUSTIVE_SETS = 20_000
_FIRST_LOOK = 300
_DRAWS = 4


@CONSTRUCTIONS.register
class SignKeys(AveragingUnit):
    """Attention with sign keys: about 3 q ln N of score width, more for q < 4, less where all sets can be searched.

    >>> from assay import SparseAveraging
    >>> from assay.constructions import build
    >>> unit = build(SparseAveraging(length=16, sparsity=2), method="sign", tolerance=0.05)
    >>> certificate = unit.certificate()
    >>> certificate.guaranteed_error <= 0.05, certificate.dtype, certificate.size.score_width < 16
    (True, 'float32', True)
    """

    method: ClassVar[str] = "sign"

    @classmethod
    def preferred(cls, task: SparseAveraging) -> bool:
        """The narrowest at ordinary precisions."""
        return True

    @classmethod
    def build(cls, task: SparseAveraging, tolerance: float) -> Self:
        """The unit for this task and tolerance. Seconds: about 0.1 at (N, q) = (1024, 8), 10 at (4096, 16)."""
        signs, found = _find_signs(task)
        alpha, dtype = _temperature_and_dtype(task, signs.shape[1], tolerance)
        unit = cls(task, signs.shape[1], tolerance, alpha, dtype_name(dtype))
        unit.remark = f"when built, {found}"
        place = torch.arange(task.spec.length).clamp(max=len(signs) - 1)  # tokens that only ask have one key
        unit.keys.copy_(signs[place] / math.sqrt(signs.shape[1]))
        return unit

    def queries(self, pointers: Tensor) -> Tensor:
        """Certified queries, float64.

        Raises:
            CertificateError: a pointer set has none with these keys; the message names it.
        """
        queries, certified = clipped_queries(without_repeats(_unit_keys(self.keys), self.task.length), pointers)
        if not certified.all():
            refused = pointers[~certified][0].tolist()
            raise CertificateError(
                f"pointers {refused} have no certified query with these keys of width {self.keys.shape[1]}"
            )
        return queries

    def position_keys(self) -> Tensor:
        return _unit_keys(self.keys)

    def certificate(self) -> Certificate:
        gap, spread = _gap_and_spread(self.task, self.keys.shape[1], self.temperature, self.dtype)
        justification = (
            "scores 1 on the pointers and at most 1/2 off them, computed in float64 and checked for each query in the "
            "forward pass, which refuses a pointer set without; softmax averaging bound; a-priori rounding bounds"
        )
        return self.certify(gap, spread, justification)


def _unit_keys(keys: Tensor) -> Tensor:
    """The exact sign keys in float64, whatever dtype they were stored in."""
    return keys.double().sign() / math.sqrt(keys.shape[1])


def _gap_and_spread(task: SparseAveraging, width: int, alpha: float, dtype: torch.dtype) -> tuple[float, float]:
    """Gap and spread of the scores as computed: |w| <= NORM sqrt(q) and |u| = 1, so scores err by gamma |w| |u|.

    So do those that the forward pass checks, in float64.
    """
    norm = NORM * math.sqrt(task.sparsity)
    checked = norm * gamma(width + 8, UNIT_ROUNDOFF[torch.float64])
    slack = alpha * (SLACK + checked + norm * gamma(width + 8, UNIT_ROUNDOFF[dtype]))
    return alpha * (1 - CEILING) - 2 * slack, 2 * slack


def _temperature_and_dtype(task: SparseAveraging, width: int, tolerance: float) -> tuple[float, torch.dtype]:
    """The least temperature and the narrowest dtype that hold the tolerance; 1/10 or 1/2 of it is left to rounding.

    Raises:
        AssayError: even float64 does not.
    """
    best = math.inf
    for dtype in DTYPES:
        for share in (0.9, 0.5):
            alpha = temperature(task.sparsity, task.spec.length, 1 - CEILING, share * tolerance)
            gap, spread = _gap_and_spread(task, width, alpha, dtype)
            best = guaranteed_error(task.sparsity, task.spec.length, gap, spread, UNIT_ROUNDOFF[dtype])
            if best <= tolerance:
                return alpha, dtype
    raise AssayError(f"tolerance = {tolerance:g} is not allowed; float64 carries sign keys to {best:.3g} here")


def _find_signs(task: SparseAveraging) -> tuple[Tensor, str]:
    """Signs (different keys, score width) whose keys certify the pointer sets that are tried, and what was tried."""
    if comb(task.length, task.sparsity) <= EXHAUSTIVE_SETS:
        return _find_exhaustively(task)
    return _find_by_sampling(task)


def _different_keys(task: SparseAveraging) -> int:
    """One for each value, and one more for tokens that only ask."""
    return task.length + (task.layout == "last")


def _find_exhaustively(task: SparseAveraging) -> tuple[Tensor, str]:
    """The narrowest signs, of a few draws at each width, that certify every pointer set."""
    pointers = torch.tensor(list(combinations(range(task.length), task.sparsity)))
    some = pointers[:: max(1, len(pointers) // 64)]
    width = task.sparsity
    while True:
        for draw in range(_DRAWS):
            signs = _signs(_different_keys(task), width, draw)
            if _all_certified(signs, some) and _all_certified(signs, pointers):
                return signs, f"all {len(pointers)} pointer sets were found to have a certified query"
        width += 1


def _find_by_sampling(task: SparseAveraging) -> tuple[Tensor, str]:
    """Signs wider by a tenth than those that certify every sampled pointer set, uniform or adversarial.

    The share of sets without a certificate falls about thirtyfold for a width larger by a fifth, so the tenth takes it
    well below what the sample can show. As many independent keys as positions can be given any scores at all: that
    width is enough.
    """
    count = min(20_000, max(1_000, 160_000 // task.sparsity**2))
    random = counter.words(counter.example_keys(0, "train", 0, count), 0, task.sparsity)
    uniform = torch.from_numpy(counter.subsets(random, task.length))
    keys = _different_keys(task)
    width = min(math.ceil(2.4 * task.sparsity * math.log(task.length) + 4), keys)
    while True:
        for draw in range(_DRAWS if width >= keys else 1):
            signs = _signs(keys, width, draw)
            nearest = _nearest_sets(signs, task)[:count]
            tries = (uniform[:_FIRST_LOOK], nearest[:_FIRST_LOOK], uniform, nearest)
            if all(_all_certified(signs, pointers) for pointers in tries):
                wider = max(width, min(math.ceil(1.1 * width), keys))
                sets = f"{count} uniform and {len(nearest)} adversarial pointer sets"
                return _signs(keys, wider, draw), f"{sets} had a certified query at width {width}"
        width += math.ceil(0.05 * width)


def _signs(positions: int, width: int, draw: int) -> Tensor:
    random = counter.words(counter.example_keys(draw, "train", 0, positions), 0, width)
    return torch.from_numpy(np.where(random >> np.uint64(63), 1.0, -1.0))


def _all_certified(signs: Tensor, pointers: Tensor) -> bool:
    return bool(clipped_queries(signs / math.sqrt(signs.shape[1]), pointers)[1].all())


def _nearest_sets(signs: Tensor, task: SparseAveraging) -> Tensor:
    """For each key, the q other keys most correlated with it: shape (length, q)."""
    data = signs[: task.length]
    return (data @ data.T).fill_diagonal_(-torch.inf).topk(task.sparsity, dim=1).indices
