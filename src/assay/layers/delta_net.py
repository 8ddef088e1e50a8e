"""DeltaNet, a matrix memory that is corrected rather than added to (Schlag et al. 2021; Yang et al. 2024)"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from assay.errors import unknown
from assay.layers import LAYERS
from assay.layers.common.matrix_memory import MatrixMemory
from assay.layers.kernels.delta_rule import delta_rule

Eigenvalues = Literal["positive", "signed"]
_EIGENVALUES = ("positive", "signed")


@LAYERS.register
class DeltaNet(MatrixMemory):
    """S_t = (I - b_t k_t k_t^T) S_{t-1} + b_t k_t v_t^T,  y_t = norm(q_t S_t) O,  with |k_t| = 1.

    Time O(length * (64 + m) * m) (arXiv 2102.11174, 2406.06484; b up to 2, Grazzi et al., 2411.12537).

    Args:
        width: m.
        heads: that key and value width are split into.
        eigenvalues: of the factor of S along k, 1 - b: `positive`, b = sigmoid(x_t B) in (0, 1); or `signed`, twice
            that, so that a memory can be reflected.
        key_width: of all heads' keys; m unless given.
        value_width: of all heads' values; m unless given.
    """

    steps = 1  # writes of a token

    def __init__(
        self,
        width: int,
        heads: int = 1,
        eigenvalues: Eigenvalues = "positive",
        key_width: int = 0,
        value_width: int = 0,
    ) -> None:
        super().__init__(width, heads, key_width, value_width)
        if eigenvalues not in _EIGENVALUES:
            raise unknown("eigenvalues", eigenvalues, _EIGENVALUES)
        self.largest = 2.0 if eigenvalues == "signed" else 1.0  # b
        self.strength = nn.Linear(width, heads)

    def recall(self, tokens: Tensor, last: int, memory: Tensor | None, *, carry: bool) -> tuple[Tensor, Tensor | None]:
        q, k, v = self._split(self.query(tokens[:, -last:])), self._writes(self.key(tokens)), self.value(tokens)
        b = self.largest * torch.sigmoid(self._writes(self.strength(tokens)).squeeze(-1))
        return delta_rule(
            q, normalize(k, dim=-1), self._writes(v), b, self.log_decay(tokens), memory, steps=self.steps, carry=carry
        )

    def log_decay(self, tokens: Tensor) -> Tensor | None:
        """Log of a factor of S at every token, (batch, heads, length); None for no decay."""
        return None

    def _writes(self, x: Tensor) -> Tensor:
        """(batch, length, steps * heads * d) -> (batch, heads, length * steps, d)."""
        return self._split(x) if self.steps == 1 else self._split(x.unflatten(2, (self.steps, -1)).flatten(1, 2))
