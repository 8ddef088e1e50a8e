"""Strassen attention: a softmax over pairs of positions whose scores are sums of pairwise ones, by matrix products.

    y_i = sum over (j, k) of w_ijk (v1_j * v2_k),    w_i = softmax over (j, k) of f_i.g_j + g_j.h_k + h_k.f_i

With X = exp(f g^T), Y = exp(g h^T), Z = exp(h f^T) the denominators are diag(X Y Z), and coordinate c of the numerators
is diag(X D1_c Y D2_c Z), where D1_c and D2_c are diagonal matrices of the values' coordinates c.

Each exponential is shifted by a maximum of its own. Where the three maxima belong to different pairs, the true weights
may underflow; the denominators tell, and those queries are computed again from sums of scores.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from assay.layers.kernels.position_pairs import Mask, flat

BLOCK = 1 << 21  # scores formed at once for the queries that need all of theirs
# Sums are faster than products for at most so many scores, at so many positions or as many as values are wide.
SUMMED_SCORES = 1 << 21
SUMMED_LENGTH = 16


def strassen_attention(
    f: Tensor,
    g: Tensor,
    h: Tensor,
    value1: Tensor,
    value2: Tensor,
    *,
    causal: bool = False,
    window: int | None = None,
) -> Tensor:
    """Strassen attention of the last T of N positions (Kozachinskiy et al. 2025, arXiv 2501.19215).

    2 T N^2 (d + 1) operations in matrix products and O(N^2) exponentials; memory O(N^2), and O(d N^2) for gradients.
    Queries whose scores are too far apart for products of exponentials cost N^2 exponentials each, in memory of BLOCK
    numbers or N^2 for each example; so do all queries where that is faster: for at most SUMMED_SCORES scores in all
    with N <= max(SUMMED_LENGTH, d).

    Args:
        f: (..., T, m), T <= N: row r asks for position N - T + r. All tensors are float32, or all float64.
        g: (..., N, m).
        h: (..., N, m).
        value1: (..., N, d).
        value2: (..., N, d).
        causal: only pairs of positions up to the query's own.
        window: only pairs of positions at a distance of at most this from the query's own.

    Returns:
        (..., T, d).

    >>> g, h = torch.tensor([[0.0], [20.0]]), torch.tensor([[0.0], [20.0]])
    >>> value = torch.tensor([[1.0], [3.0]])
    >>> strassen_attention(torch.zeros(1, 1), g, h, value, value)  # g_j h_k is largest at the pair (1, 1)
    tensor([[9.]])
    """
    leading, (rows, _), length = f.shape[:-2], f.shape[-2:], g.shape[-2]
    f, g, h, value1, value2 = flat(rows, length, window, f, g, h, value1, value2)
    to_first, between, to_second = f @ g.mT, g @ h.mT, f @ h.mT  # (i, j), (j, k), (i, k)
    allowed = Mask(causal, window).allowed(slice(length - rows, length), slice(0, length), f.device)
    if allowed is not None:
        to_first, to_second = (x.masked_fill(~allowed, -torch.inf) for x in (to_first, to_second))
    if to_first.numel() * length <= SUMMED_SCORES and length <= max(SUMMED_LENGTH, value1.shape[-1]):
        outputs = _by_sums(to_first, between, to_second, value1, value2)
    else:
        outputs = _by_products(to_first, between, to_second, value1, value2)
    return outputs.reshape(*leading, rows, value1.shape[-1])


def _by_products(to_first: Tensor, between: Tensor, to_second: Tensor, value1: Tensor, value2: Tensor) -> Tensor:
    """Outputs (batch, T, d) by matrix products; by sums for the rows where some product may have underflowed.

    Every factor is at most 1, so a pair that weighs w has three factors of at least w D, D being the denominator. Where
    D is so large that no factor of a pair with w >= eps / N^2 underflows, all others together weigh less than eps.
    """
    with torch.no_grad():  # the outputs do not depend on the shifts
        rows = between.amax(dim=2, keepdim=True)
        first, second = (to_first + rows.mT).amax(dim=2, keepdim=True), to_second.amax(dim=2, keepdim=True)
    x, y, z = (to_first + rows.mT - first).exp(), (between - rows).exp(), (to_second - second).exp()
    denominators = ((x @ y) * z).sum(dim=2)
    finfo = torch.finfo(y.dtype)
    inaccurate = ~(denominators >= between.shape[1] ** 2 * finfo.tiny / finfo.eps)
    outputs = _numerators(x, y, z, value1, value2) / denominators.masked_fill(inaccurate, 1).unsqueeze(2)
    again = inaccurate.any(dim=0).nonzero().squeeze(1)
    if again.numel() == 0:
        return outputs
    exact = _by_sums(to_first[:, again], between, to_second[:, again], value1, value2)
    return outputs.index_copy(1, again, exact)


def _numerators(x: Tensor, y: Tensor, z: Tensor, value1: Tensor, value2: Tensor) -> Tensor:
    """Numerators, one matrix product for each coordinate."""
    columns = [
        (((x * first.unsqueeze(1)) @ y).mul(z) @ second.unsqueeze(2))
        for first, second in zip(value1.unbind(2), value2.unbind(2), strict=True)
    ]
    return torch.cat(columns, dim=2)


def _by_sums(to_first: Tensor, between: Tensor, to_second: Tensor, value1: Tensor, value2: Tensor) -> Tensor:
    """Outputs (batch, T, d) from the scores themselves, for a block of queries at a time."""
    size = max(1, BLOCK // max(1, between.numel()))
    tensors = (between, value1, value2)
    blocks = zip(to_first.split(size, dim=1), to_second.split(size, dim=1), strict=True)
    if torch.is_grad_enabled() and to_first.shape[1] > size:  # the scores of a block are formed again in backward
        outputs = [
            checkpoint(_sum_block, *block, *tensors, use_reentrant=False, preserve_rng_state=False) for block in blocks
        ]
    else:
        outputs = [_sum_block(*block, *tensors) for block in blocks]
    return torch.cat(outputs, dim=1)


def _sum_block(to_first: Tensor, to_second: Tensor, between: Tensor, value1: Tensor, value2: Tensor) -> Tensor:
    scores = (to_first.unsqueeze(3) + to_second.unsqueeze(2)) + between.unsqueeze(1)
    weights = torch.softmax(scores.flatten(2), dim=2).view_as(scores)
    return ((weights @ value2.unsqueeze(1)) * value1.unsqueeze(1)).sum(dim=2)
