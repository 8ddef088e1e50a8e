"""The delta rule with decay, in chunks: within a chunk one triangular system, from chunk to chunk the state.

    S_t = a_t (I - b_t k_t k_t^T) S_{t-1} + b_t k_t v_t^T,    y_t = q_t S_t

is S_t = a_t S_{t-1} + k_t u_t^T with the corrected value u_t = b_t (v_t - a_t S_{t-1}^T k_t). With g_t the sum of
log a up to t in a chunk that begins with the state S_0,

    u_t + b_t sum over s < t of exp(g_t - g_s) (k_t . k_s) u_s = b_t (v_t - exp(g_t) S_0^T k_t)

is a unit lower triangular system for all u of the chunk (Yang et al. 2024, arXiv 2406.06484; 2412.06464 with decay).
"""

from __future__ import annotations

import torch
from torch import Tensor

from assay.layers.kernels.linear_attention import CHUNK, pair_decay, rows, rows_asked


def delta_rule(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    strengths: Tensor,
    log_decay: Tensor | None,
    state: Tensor | None,
    *,
    steps: int = 1,
    carry: bool,
) -> tuple[Tensor, Tensor | None]:
    """y of the last T of N tokens, and S_N if `carry`. Every token writes `steps` times, then reads.

    Args:
        queries: (..., T, d).
        keys: k of all writes in order, (..., steps N, d).
        values: v, (..., steps N, e).
        strengths: b, (..., steps N).
        log_decay: log a, (..., N), of every token's first write; None for no decay.
        state: S_0, (..., d, e); zeros unless given.
        steps: writes of a token.
        carry: whether S_N is wanted.

    Returns:
        (..., T, e) and (..., d, e).
    """
    given = queries.dtype
    if given.itemsize < 4:  # torch solves no systems in half precision
        others = (None if x is None else x.float() for x in (log_decay, state))
        outputs, state = delta_rule(
            *(x.float() for x in (queries, keys, values, strengths)), *others, steps=steps, carry=carry
        )
        return outputs.to(given), None if state is None else state.to(given)
    length, outputs = keys.shape[-2] // steps, []
    size = max(1, CHUNK // steps)
    for begin in range(0, length, size):
        end = min(begin + size, length)
        k, v, b = (rows(x, steps * begin, steps * end) for x in (keys, values, strengths.unsqueeze(-1)))
        g = None if log_decay is None else _of_writes(log_decay[..., begin:end].cumsum(dim=-1), steps)
        q = rows_asked(queries, length, begin, end)
        if carry or end < length or q.shape[-2]:
            u, decay = _corrected(k, v, b, g, state)
        if q.shape[-2]:
            first = end - begin - q.shape[-2]
            reads = torch.arange(steps * first + steps - 1, steps * (end - begin), steps, device=k.device)
            outputs.append(_read(q, k, u, g, decay, reads, state))
        if carry or end < length:
            added = (k if g is None else k * (g[..., -1:, :] - g).exp()).mT @ u
            state = added if state is None else (state if g is None else g[..., -1:, :].exp() * state) + added
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-2), state


def _of_writes(g: Tensor, steps: int) -> Tensor:
    """Of each token's writes, all the token's: (..., chunk) -> (..., steps chunk, 1)."""
    return (g if steps == 1 else g.repeat_interleave(steps, dim=-1)).unsqueeze(-1)


def _corrected(k: Tensor, v: Tensor, b: Tensor, g: Tensor | None, state: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """u of a chunk, and exp(g_t - g_s) of its pairs of writes."""
    products = (b * k) @ k.mT  # the solver reads what is below the diagonal, and takes that to be 1
    decay = None
    if g is not None:
        decay = pair_decay(g, k.shape[-2])
        products = products * decay
    if state is not None:
        v = v - (k if g is None else k * g.exp()) @ state
    return torch.linalg.solve_triangular(products, b * v, upper=False, unitriangular=True), decay


def _read(
    q: Tensor, k: Tensor, u: Tensor, g: Tensor | None, decay: Tensor | None, reads: Tensor, state: Tensor | None
) -> Tensor:
    """Outputs after the writes `reads`, one for each query."""
    if decay is None:
        later = torch.arange(k.shape[-2], device=k.device) > reads.unsqueeze(1)
        scores = (q @ k.mT).masked_fill(later, 0.0)
    else:
        scores = (q @ k.mT) * (decay if len(reads) == decay.shape[-1] else decay[..., reads, :])
    outputs = scores @ u
    if state is None:
        return outputs
    return outputs + (q if g is None else q * g[..., reads, :].exp()) @ state
