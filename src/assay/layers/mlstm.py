"""mLSTM, a matrix memory with exponential input gates (Beck et al. 2024)"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from assay.layers import LAYERS
from assay.layers.common.matrix_memory import MatrixMemory
from assay.layers.common.split_heads import join_heads
from assay.layers.kernels.linear_attention import CHUNK, ahead, rows, rows_asked

_FORGET_BIAS = (3.0, 6.0)  # of the first head and the last
_FAR = 64.0  # outputs are below exp(-64) of a token's where all weights are
Memory = tuple[Tensor, Tensor, Tensor]  # C (batch, heads, d, e), n (batch, heads, d, 1), m (batch, heads, 1)


@LAYERS.register
class MLSTM(MatrixMemory):
    """C_t = f_t C_{t-1} + i_t k_t v_t^T,  n_t = f_t n_{t-1} + i_t k_t,  h_t = q_t C_t / max(|q_t . n_t|, 1).

    f_t = sigmoid(x_t F + a),  i_t = exp(x_t I + b),  y_t = (o_t * norm(h_t)) O,  o_t = sigmoid(x_t W + c);  q_t is
    divided by sqrt(d). C and n are carried on divided by exp(m_t), the largest weight of a token in them. Time
    O(length * (64 + m) * m) (arXiv 2405.04517).

    Args:
        width: m.
        heads: that key and value width are split into.
        key_width: of all heads' keys; m unless given.
        value_width: of all heads' values; m unless given.
    """

    def __init__(self, width: int, heads: int = 1, key_width: int = 0, value_width: int = 0) -> None:
        super().__init__(width, heads, key_width, value_width)
        self.input, self.forget = nn.Linear(width, heads), nn.Linear(width, heads)
        self.gate = nn.Linear(width, self.value_width)
        for gate in (self.input, self.forget):  # at first of no token more than of another
            nn.init.zeros_(gate.weight)
        nn.init.zeros_(self.input.bias)
        with torch.no_grad():
            self.forget.bias.copy_(torch.linspace(*_FORGET_BIAS, heads))

    def state(self, tokens: int) -> int:
        """C, n and m of each head."""
        return super().state(tokens) + self.key_width + self.heads

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        return self._gated(self._recall(tokens, last, None, carry=False)[0], tokens[:, -last:])

    def run(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs of all tokens, and C, n and m."""
        memory = None
        if state is not None:
            by_head, d = state.unflatten(1, (self.heads, 1, -1)), self.key_width // self.heads
            memory = by_head[..., d + 1 :].unflatten(3, (d, -1)).squeeze(2), by_head[..., 1 : d + 1].mT, by_head[..., 0]
        read, memory = self._recall(tokens, tokens.shape[1], memory, carry=True)
        assert memory is not None
        c, n, m = memory
        return self._gated(read, tokens), torch.cat([m, n.flatten(2), c.flatten(2)], dim=2).flatten(1)

    def recall(self, tokens: Tensor, last: int, memory: Tensor | None, *, carry: bool) -> tuple[Tensor, Tensor | None]:
        """Not of one matrix: see `_recall`."""
        raise NotImplementedError

    def _recall(self, tokens: Tensor, last: int, memory: Memory | None, *, carry: bool) -> tuple[Tensor, Memory | None]:
        """h of the last tokens, (batch, heads, last, e); C, n and m."""
        q, k, v = (self._split(x) for x in (self.query(tokens[:, -last:]), self.key(tokens), self.value(tokens)))
        q = q * q.shape[-1] ** -0.5
        log_f, log_i = logsigmoid(self.forget(tokens)).mT, self.input(tokens).mT  # (batch, heads, length)
        length, outputs = tokens.shape[1], []
        for begin in range(0, length, CHUNK):
            part, end = slice(begin, begin + CHUNK), min(begin + CHUNK, length)
            g = log_f[..., part].cumsum(dim=-1)
            a = log_i[..., part] - g
            top = a.detach().cummax(dim=-1).values  # m - g
            if memory is not None:
                top = torch.maximum(top, memory[2].detach())
            asked, own = rows_asked(q, length, begin, end), (rows(k, begin, end), rows(v, begin, end))
            if asked.shape[-2]:
                outputs.append(_read(asked, *own, g, a, top, memory))
            if carry or end < length:
                memory = _carried(*own, g, a, top, memory)
        return torch.cat(outputs, dim=-2) if len(outputs) > 1 else outputs[0], memory

    def _gated(self, read: Tensor, tokens: Tensor) -> Tensor:
        return self.out(torch.sigmoid(self.gate(tokens)) * join_heads(self.norm(read)))


def _read(q: Tensor, k: Tensor, v: Tensor, g: Tensor, a: Tensor, top: Tensor, memory: Memory | None) -> Tensor:
    """h of the last tokens of a chunk.

    Token s has the weight exp(g_t + a_s) at t >= s, and all weights are divided by the largest, exp(g_t + top_t). h
    does not depend on top, so that nothing is differentiated by it.
    """
    count, size = q.shape[-2], k.shape[-2]
    top, g = top[..., size - count :, None], g[..., size - count :, None]
    scores = (q @ k.mT) * (a.unsqueeze(-2) - top).add_(ahead(count, k)).exp_()
    c, n = scores @ v, scores.sum(dim=-1, keepdim=True)
    if memory is not None:
        left = (memory[2].unsqueeze(-1) - top).exp()
        c, n = c + left * (q @ memory[0]), n + left * (q @ memory[1])
    return c / torch.maximum(n.abs(), (-top - g).clamp(max=_FAR).exp())


def _carried(k: Tensor, v: Tensor, g: Tensor, a: Tensor, top: Tensor, memory: Memory | None) -> Memory:
    """C, n and m after a chunk."""
    end = top[..., -1:]
    weighted = k * (a - end).exp().unsqueeze(-1)
    c, n = weighted.mT @ v, weighted.sum(dim=-2).unsqueeze(-1)
    if memory is not None:
        left = (memory[2] - end).exp().unsqueeze(-1)
        c, n = c + left * memory[0], n + left * memory[1]
    return c, n, end + g[..., -1:]
