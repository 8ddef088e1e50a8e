"""Match3 with neighbours: are there two adjacent tokens whose residues and mine sum to 0 modulo M?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from assay.tasks import TASKS
from assay.tasks.counter import Words
from assay.tasks.matching import Matching, Residues


@TASKS.register
@dataclass(frozen=True, kw_only=True)
class Match3Bigram(Matching):
    """y_i = 1 if x_i + x_j + x_(j+1) = 0 mod M for some j with j+1 < N.

    Sanford, Hsu, Telgarsky (NeurIPS 2023): easy for two layers of standard attention. The default
    modulus is (N - 1) / ln 2.

    >>> task = Match3Bigram(length=4, modulus=20)
    >>> task.targets(task.inputs([[3, 7, 10, 4]])).tolist()
    [[1.0, 0.0, 1.0, 0.0]]
    """

    name: ClassVar[str] = "match3-bigram"
    distributions: ClassVar[dict[str, str]] = {
        "uniform": "residues uniform on 1 ... M-1",
        "digits": "residues of base-4 digits -1, 0, 1, not all 0, uniform",
        "planted": "uniform, then tokens and adjacent pairs elsewhere made to match, or off from it by 1",
    }

    def sums(self) -> float:
        return self.length - 1

    def labels(self, residues: Residues) -> NDArray[np.bool_]:
        from assay.tasks.match_labels import match3_bigram_labels

        return match3_bigram_labels(residues, self.modulus)

    def partners(self, tokens: torch.Tensor) -> torch.Tensor:
        return (tokens[:, :-1] * tokens[:, 1:]).sum(dim=1, keepdim=True)

    def planted_groups(self, random: Words) -> NDArray[np.int64]:
        """The sequence in runs of three: the first token of a run, and the last two of a random run."""
        groups = self.length // 3
        runs = 3 * np.argsort(random[:, :groups], axis=1)
        first = np.broadcast_to(3 * np.arange(groups), runs.shape)
        return np.stack([first, runs + 1, runs + 2], axis=2)
