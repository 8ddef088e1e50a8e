"""Linear attention with decay, in chunks: within a chunk a matrix of scores, from chunk to chunk the state.

    S_t = exp(l_t) S_{t-1} + k_t v_t^T,    y_t = q_t S_t

With g_t = l_1 + ... + l_t in a chunk that begins with the state S_0,

    y_t = sum over s <= t of exp(g_t - g_s) (q_t . k_s) v_s + exp(g_t) q_t S_0

No exponent is above 0 where no l is, so nothing overflows, however fast the decay.
"""

from __future__ import annotations

import torch
from torch import Tensor

CHUNK = 64  # tokens of which all pairs are formed at once; shorter is faster for long sequences, and rounds less
CHUNK_OF_VECTORS = 16  # where each pair has a decay for every coordinate of a key


def linear_attention(
    queries: Tensor, keys: Tensor, values: Tensor, log_decay: Tensor | None, state: Tensor | None, *, carry: bool
) -> tuple[Tensor, Tensor | None]:
    """y of the last T of N tokens, and S_N if `carry`.

    Args:
        queries: (..., T, d).
        keys: (..., N, d).
        values: (..., N, e).
        log_decay: l, (..., N), or (..., N, d) with one for each row of the state; None for no decay.
        state: S_0, (..., d, e); zeros unless given.
        carry: whether S_N is wanted.

    Returns:
        (..., T, e) and (..., d, e).
    """
    length, outputs = keys.shape[-2], []
    by_vector = log_decay is not None and log_decay.ndim == keys.ndim
    size = CHUNK_OF_VECTORS if by_vector else CHUNK
    if log_decay is not None and not by_vector:
        log_decay = log_decay.unsqueeze(-1)
    for begin in range(0, length, size):
        end = min(begin + size, length)
        k, v = rows(keys, begin, end), rows(values, begin, end)
        q = rows_asked(queries, length, begin, end)
        g = None if log_decay is None else rows(log_decay, begin, end).cumsum(dim=-2)  # (..., chunk, d or 1)
        if q.shape[-2]:
            outputs.append(_read(q, k, v, g, state))
        if carry or end < length:
            added = (k if g is None else k * (g[..., -1:, :] - g).exp()).mT @ v
            state = added if state is None else _kept(state, g) + added
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-2), state


def rows(x: Tensor, begin: int, end: int) -> Tensor:
    """Rows begin ... end-1 of (..., N, d); x itself if that is all, as the gradient of a slice is a copy."""
    return x if end - begin == x.shape[-2] else x[..., begin:end, :]


def rows_asked(queries: Tensor, length: int, begin: int, end: int) -> Tensor:
    """Those of the last tokens' queries (..., T, d) that are of tokens begin ... end-1 of so many."""
    first = length - queries.shape[-2]
    return rows(queries, max(begin - first, 0), max(end - first, 0))


def pair_decay(g: Tensor, count: int) -> Tensor:
    """exp(g_t - g_s) for the last T of a chunk's t, and every s up to t, else 0: (..., chunk, 1) -> (..., T, chunk)."""
    size = g.shape[-2]
    return (rows(g, size - count, size) + (-g).mT).add_(ahead(count, g)).exp_()


def ahead(count: int, g: Tensor) -> Tensor:
    """-inf for every s behind t, else 0, of the last t of a chunk and all its s: (T, chunk)."""
    size = g.shape[-2]
    return torch.full((count, size), -torch.inf, dtype=g.dtype, device=g.device).triu(1 + size - count)


def _read(q: Tensor, k: Tensor, v: Tensor, g: Tensor | None, state: Tensor | None) -> Tensor:
    """Outputs of the last tokens of a chunk."""
    count, size = q.shape[-2], k.shape[-2]
    if g is None:
        scores = (q @ k.mT).tril(size - count)
    elif g.shape[-1] == 1:
        scores = (q @ k.mT) * pair_decay(g, count)
    else:
        scores = _scores_by_vector(q, k, g)
    outputs = scores @ v
    if state is None:
        return outputs
    return outputs + (q if g is None else q * rows(g, size - count, size).exp()) @ state


def _scores_by_vector(q: Tensor, k: Tensor, g: Tensor) -> Tensor:
    """Sum over coordinates i of q_ti k_si exp(g_ti - g_si)."""
    count, size = q.shape[-2], k.shape[-2]
    decay = (rows(g, size - count, size).unsqueeze(-2) - g.unsqueeze(-3)).add_(ahead(count, g).unsqueeze(2)).exp_()
    return ((decay * k.unsqueeze(-3)) @ q.unsqueeze(-1)).squeeze(-1)


def _kept(state: Tensor, g: Tensor | None) -> Tensor:
    return state if g is None else g[..., -1, :].exp().unsqueeze(-1) * state
