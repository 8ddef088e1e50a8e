"""What layers share whose state is a matrix for each head, written with keys and values and read with queries."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from assay.layers.common.split_heads import join_heads, require_divisor, split_heads
from assay.layers.layer import Layer

NORM_EPS = 1e-5


class MatrixMemory(Layer):
    """y_t = norm(q_t S_t) O, where a layer says in `recall` how its memory S (d x e a head) is written.

    q, k and v are linear in the tokens; the norm is each head's root mean square. Papers add a gate on the output and
    short convolutions of q, k and v, which are left out.

    Args:
        width: m.
        heads: that key and value width are split into.
        key_width: of all heads' keys; m unless given.
        value_width: of all heads' values; m unless given.
    """

    family = "linear-attention"
    causal = True

    def __init__(self, width: int, heads: int = 1, key_width: int = 0, value_width: int = 0) -> None:
        super().__init__()
        self.heads, self.key_width, self.value_width = heads, key_width or width, value_width or width
        require_divisor(heads, self.key_width, "key_width")
        require_divisor(heads, self.value_width, "value_width")
        self.query, self.key = (nn.Linear(width, self.key_width, bias=False) for _ in range(2))
        self.value, self.out = nn.Linear(width, self.value_width, bias=False), nn.Linear(self.value_width, width)
        self.norm = nn.RMSNorm(self.value_width // heads, eps=NORM_EPS)

    @abstractmethod
    def recall(self, tokens: Tensor, last: int, memory: Tensor | None, *, carry: bool) -> tuple[Tensor, Tensor | None]:
        """What the last tokens read, (batch, heads, last, e), and the memory after all of them if `carry`.

        A memory is (batch, heads, rows, columns), d x e unless `state` says otherwise.
        """

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        return self._outputs(self.recall(tokens, last, None, carry=False)[0])

    def state(self, tokens: int) -> int:
        """S of each head: key width times value width, over the number of heads."""
        return self.key_width * self.value_width // self.heads

    def run(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = None if state is None else state.unflatten(1, (self.heads, self.key_width // self.heads, -1))
        read, memory = self.recall(tokens, tokens.shape[1], memory, carry=True)
        assert memory is not None
        return self._outputs(read), memory.flatten(1)

    def _outputs(self, read: Tensor) -> Tensor:
        return self.out(join_heads(self.norm(read)))

    def _split(self, x: Tensor) -> Tensor:
        return split_heads(x, self.heads)
