"""Match3 within a window: are there two tokens near me whose residues and mine sum to 0 modulo M?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from assay.errors import require_integer
from assay.tasks import TASKS
from assay.tasks.counter import Words
from assay.tasks.matching import Matching, Residues


@TASKS.register
@dataclass(frozen=True, kw_only=True)
class Match3Local(Matching):
    """y_i = 1 if x_i + x_j + x_k = 0 mod M for some j and k at most K away from i; i, j and k may be equal.

    Sanford, Hsu, Telgarsky (NeurIPS 2023): easy for one layer of standard attention of width about
    K log N. The default modulus is L (L + 1) / (2 ln 2) with L = 2K + 1, or N if that is less.

    Attributes:
        window: K, at least 1.

    >>> task = Match3Local(length=4, modulus=20, window=1)
    >>> task.targets(task.inputs([[3, 7, 10, 4]])).tolist()
    [[0.0, 1.0, 0.0, 0.0]]
    """

    name: ClassVar[str] = "match3-local"
    distributions: ClassVar[dict[str, str]] = {
        "uniform": "residues uniform on 1 ... M-1",
        "digits": "residues of base-4 digits -1, 0, 1, not all 0, uniform",
        "planted": "uniform, then runs of three tokens made to match, or off from it by 1",
    }

    window: int

    def __post_init__(self) -> None:
        require_integer("window", self.window, 1, None)
        super().__post_init__()

    def sums(self) -> float:
        """L (L + 1) / 2 unordered pairs of the L tokens of a window."""
        tokens = min(2 * self.window + 1, self.length)
        return tokens * (tokens + 1) / 2

    def labels(self, residues: Residues) -> NDArray[np.bool_]:
        from assay.tasks.match_labels import match3_local_labels

        return match3_local_labels(residues, self.modulus, self.window)

    def partners(self, tokens: torch.Tensor) -> torch.Tensor:
        before = torch.nn.functional.pad(tokens.movedim(1, -1).cumsum(dim=-1), (1, 0)).movedim(-1, 1)
        at = torch.arange(self.length)
        ends = (at + self.window + 1).clamp(max=self.length), (at - self.window).clamp(min=0)
        return (before[:, ends[0]] - before[:, ends[1]]).square()

    def planted_groups(self, random: Words) -> NDArray[np.int64]:
        """The sequence in runs of three; the middle token finds its neighbours."""
        middle = 3 * np.arange(self.length // 3) + 1
        groups = np.stack([middle, middle - 1, middle + 1], axis=1)
        return np.broadcast_to(groups, (len(random), *groups.shape)).copy()
