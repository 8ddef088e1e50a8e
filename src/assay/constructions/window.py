"""Match3 within a window by one layer of standard attention: sparse averaging over the window, then look.

The window of 2K + 1 tokens is a pointer set, so q-sparse averaging with q = 2K + 1 gathers it: a value holds the
residue in the slot of its position modulo 2K + 1, so that the average over a window shows each residue apart, and the
position, whose average is the window's centre. K padding tokens on either side make all windows equally long. What
follows the attention reads the residues off and tries all pairs of the window (an element-wise map).

Sanford, Hsu, Telgarsky (NeurIPS 2023) state that width K log N suffices at depth 1; these weights are our own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from assay.arithmetic.fixed_point import fixed_point
from assay.constructions import CONSTRUCTIONS
from assay.constructions.averaging_unit import AveragingUnit
from assay.constructions.certificate import Certificate
from assay.constructions.construction import Construction
from assay.constructions.reed_solomon import ReedSolomonKeys
from assay.constructions.settings import Setting, one_of
from assay.constructions.sign import SignKeys
from assay.errors import AssayError
from assay.sizes import Size
from assay.tasks.match3_local import Match3Local
from assay.tasks.sparse_averaging import SparseAveraging, SparseAveragingInputs

_UNITS: dict[str, type[AveragingUnit]] = {  # the narrower first; the second is exact, whatever accuracy is asked for
    "sign": SignKeys,
    "reed-solomon": ReedSolomonKeys,
}
_SCALE = math.sqrt(0.5)  # of the residue's and the position's part, which together have norm at most 1
_PAIRS_AT_ONCE = 1 << 22


@CONSTRUCTIONS.register
class WindowAverage(Construction[Match3Local]):
    """One bare layer, one head; called on residues (batch, N), it returns 0 or 1 (batch, N).

    Time O((N + 2K)^2 m) for the attention and O(N K^2) for the pairs.

    >>> from assay import Match3Local
    >>> from assay.constructions import build
    >>> network = build(Match3Local(length=4, modulus=20, window=1))
    >>> network(torch.tensor([[3, 7, 10, 4]])).tolist(), network.size.depth  # 3 + 7 + 10 = 20, seen from the middle
    ([[0.0, 1.0, 0.0, 0.0]], 1)
    """

    method: ClassVar[str] = "window"
    model: ClassVar[str] = "bare-attention"
    solves: ClassVar[tuple[str, ...]] = ("match3-local",)
    declares: ClassVar[dict[str, Setting]] = {
        **Construction.declares,
        "keys": one_of(*_UNITS),
        "unit": Setting("the settings of the unit with these keys", lambda unit: isinstance(unit, dict)),
    }

    def __init__(self, task: Match3Local, tolerance: float, keys: str, unit: Mapping[str, Any]) -> None:
        super().__init__()
        self.task, self.tolerance = task, tolerance
        self.window = _window(task)
        self.settings = {"tolerance": tolerance, "keys": keys, "unit": unit}
        self.unit = _UNITS[keys](_averaging_task(task), **unit)

    @classmethod
    def check_settings(cls, settings: object) -> None:
        super().check_settings(settings)
        if isinstance(settings, dict):  # as it is, or the line above would have refused it
            _UNITS[settings["keys"]].check_settings(settings["unit"])

    @classmethod
    def preferred(cls, task: Match3Local) -> bool:
        """Its width grows with log N only; `gather` is narrower at small N."""
        return True

    @classmethod
    def build(cls, task: Match3Local, tolerance: float) -> Self:
        """The network for this task; as long as sparse averaging with q = 2K + 1 takes (seconds at N = 4096)."""
        reasons = []
        for keys, averaging in _UNITS.items():
            try:
                unit = averaging.build(_averaging_task(task), needed_accuracy(task))
                network = cls(task, tolerance, keys, unit.settings)
                network.unit.load_state_dict(unit.state_dict())
                network.unit.queries(network.pointers(1)[0])  # every window has its certificate
                network.remark = unit.remark
            except AssayError as error:
                reasons.append(f"{keys}: {error}")
                continue
            return network
        raise AssayError(
            f"Match3 within a window cannot be built at N = {task.length}, K = {task.window}, M = {task.modulus}: "
            f"averages must be exact to {needed_accuracy(task):.3g}; {'; '.join(reasons)}"
        )

    @property
    def size(self) -> Size:
        """That of the averaging unit: 2K + 2 numbers of data, the key and the query."""
        return self.unit.size

    def numbers_at_work(self) -> int:
        span = 2 * self.window + 1
        return self.task.length * (self.size.width + span**2)

    def pointers(self, batch: int) -> Tensor:
        """Each position's window, clipped to where it is whole: int64 (batch, N + 2K, 2K + 1)."""
        window, length = self.window, self.task.length
        centres = torch.arange(length + 2 * window).clamp(window, length + window - 1)
        return (centres[:, None] + torch.arange(-window, window + 1)).expand(batch, -1, -1)

    def forward(self, inputs: Tensor) -> Tensor:
        """1 where two tokens of the window complete the sum, else 0: (batch, N)."""
        with fixed_point(self.unit, self.numbers):
            averages = self.unit(SparseAveragingInputs(self.values(inputs), self.pointers(len(inputs))))
        window = self.window
        residues, inside = self.decode(averages[:, window : window + self.task.length].double())
        rows = max(1, _PAIRS_AT_ONCE // (len(inputs) * residues.shape[2] ** 2))
        blocks = zip(residues.split(rows, dim=1), inside.split(rows, dim=1), strict=True)
        return torch.cat([self._found(*block) for block in blocks], dim=1)

    def values(self, residues: Tensor) -> Tensor:
        """Slots and position of residues and padding tokens, in the unit ball: float64 (batch, N + 2K, 2K + 2)."""
        window, length = self.window, self.task.length
        span, places = 2 * window + 1, torch.arange(length + 2 * window)
        values = torch.zeros(len(residues), len(places), span + 1, dtype=torch.float64)
        real = places[window : window + length]
        values[:, real, real % span] = _SCALE * residues.double() / self.task.modulus
        values[:, :, span] = _SCALE * places.double() / len(places)
        return values

    def decode(self, averages: Tensor) -> tuple[Tensor, Tensor]:
        """From each token's average: residues of its window, its own in the middle, and which are no padding tokens."""
        window, length = self.window, self.task.length
        span = 2 * window + 1
        centre = (averages[:, :, span] * ((length + 2 * window) / _SCALE)).round().long()
        slots = (averages[:, :, :span] * (span * self.task.modulus / _SCALE)).round().long()
        places = centre.unsqueeze(2) + torch.arange(-window, window + 1)
        return slots.gather(2, places % span), (places >= window) & (places < window + length)

    def certificate(self) -> Certificate:
        """Exact for all residues, if the averages are as accurate as the unit's certificate says."""
        inner = self.unit.certificate()
        return Certificate(
            method=self.method,
            guaranteed_error=0.0,
            justification=f"averages over windows by {self.settings['keys']} keys err by at most "
            f"{inner.guaranteed_error:.3g} ({inner.justification}), below the {needed_accuracy(self.task):.3g} at "
            "which residues and positions are read off exactly; then all pairs of the window are tried",
            size=self.size,
            dtype=inner.dtype,
            temperature=inner.temperature,
        )

    def _found(self, residues: Tensor, inside: Tensor) -> Tensor:
        own = residues[:, :, self.window]
        sums = own[..., None, None] + residues[..., :, None] + residues[..., None, :]
        match = (sums % self.task.modulus == 0) & inside[..., :, None] & inside[..., None, :]
        return match.flatten(2).any(dim=2).double()


def needed_accuracy(task: Match3Local) -> float:
    """The error of averages at which residues, scaled by 1 / (M (2K + 1)), and positions are still read off right."""
    span, places = 2 * _window(task) + 1, task.length + 2 * _window(task)
    return 0.49 * _SCALE / max(span * task.modulus, places)


def _averaging_task(task: Match3Local) -> SparseAveraging:
    span = 2 * _window(task) + 1
    return SparseAveraging(length=task.length + span - 1, sparsity=span, dimension=span + 1)


def _window(task: Match3Local) -> int:
    """K, or what has the same answers where K reaches beyond the sequence."""
    return min(task.window, max(1, task.length - 1))
