"""Third-order attention (a softmax over pairs of positions) in memory that does not grow with the number of pairs.

    y_i = sum over (j, k) of w_ijk (v1_j * v2_k),    w_i = softmax over all (j, k) of sum_t q_it k1_jt k2_kt

There are N^3 scores. One function, three forms of it, chosen by size and by what the scores turn out to be:

    dense      all scores at once, by two matrix products; the fastest for small inputs
    flash      for each i and j, ordinary attention over k of the pseudo-query q_i * k1_j gives an output o_ij and a
               log-sum-exp l_ij; then y_i = sum over j of softmax_j(l_ij) (o_ij * v1_j). The flash kernel does the rest
    streaming  blocks of scores and a running maximum, public operators only: for other devices and types, for
               versions of torch without the flash kernel, and for scores too large for a rounded log-sum-exp
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.autograd.function import Function, once_differentiable

from assay.layers.kernels.autograd import Context
from assay.layers.kernels.position_pairs import Block, Inputs, Mask, blocks, flat
from assay.layers.kernels.streaming import Streamed, streaming_backward, streaming_forward

DENSE_NUMBERS = 1 << 20  # up to this many scores, and numbers in pseudo-queries, all are formed at once
FLASH_LENGTH = 64  # from this many positions on the flash kernel is faster than streaming
BLOCK_NUMBERS = 1 << 18  # numbers in the pseudo-queries of one call of the flash kernel: 1 MB in float32
KEPT_NUMBERS = 1 << 24  # outputs of the flash kernel are kept for the backward pass up to this many: 64 MB in float32
NARROWEST = 16  # of the flash kernel: narrower heads are slower than padded ones
LARGEST_LOGSUMEXP = 1024.0  # above, rounding the log-sum-exp moves weights by more than 6e-5 (float32), 1e-13 (float64)
LEAST_LOGSUMEXP = -1e7  # below, float32 steps by more than 1, and exp(score - l) overflows if a score rounds otherwise

try:  # not public: the flash kernel of scaled_dot_product_attention on the CPU, and its gradient
    _FLASH: Callable[..., tuple[Tensor, Tensor]] | None = (
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default
    )
    _FLASH_BACKWARD: Callable[..., tuple[Tensor, Tensor, Tensor]] | None = (
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward.default
    )
except AttributeError:
    _FLASH = _FLASH_BACKWARD = None


def third_order_attention(
    query: Tensor,
    key1: Tensor,
    key2: Tensor,
    value1: Tensor,
    value2: Tensor,
    *,
    causal: bool = False,
    window: int | None = None,
) -> Tensor:
    """Third-order attention of the last T of N positions; scores are not scaled.

    Time O(T N^2 (m + d)). Memory O(N (m + d)) beside blocks of constant size (of N m numbers, if that is more), forward
    and backward; up to KEPT_NUMBERS more are kept in between. The form, with B the product of leading dimensions:

        B T N max(N, m) <= DENSE_NUMBERS     dense, all B T N^2 scores; the only form with second derivatives
        N >= FLASH_LENGTH, on the CPU        flash, for float32 and float64
        all others                           streaming

    Args:
        query: (..., T, m), T <= N: row r asks for position N - T + r. Any real type; all tensors have the same.
        key1: (..., N, m).
        key2: (..., N, m).
        value1: (..., N, d).
        value2: (..., N, d).
        causal: only pairs of positions up to the query's own.
        window: only pairs of positions at a distance of at most this from the query's own.

    Returns:
        (..., T, d).

    >>> one_hot = torch.eye(3)
    >>> query = 50 * one_hot[2:]  # asks for the pair (2, 2), the only one with a score
    >>> third_order_attention(query, one_hot, one_hot, torch.tensor([[1.0], [2.0], [3.0]]), torch.ones(3, 1))
    tensor([[3.]])
    """
    leading, rows, length = query.shape[:-2], query.shape[-2], key1.shape[-2]
    inputs = Inputs(*flat(rows, length, window, query, key1, key2, value1, value2))
    mask = Mask(causal, window)
    if math.prod(inputs.query.shape[:2]) * length * max(length, query.shape[-1]) <= DENSE_NUMBERS:
        outputs = dense(inputs, mask)
    else:
        outputs = Blocked.apply(*inputs, mask, length >= FLASH_LENGTH and _has_flash(query))
    return outputs.reshape(*leading, rows, value1.shape[-1])


def _has_flash(query: Tensor) -> bool:
    fits = query.device.type == "cpu" and query.dtype in (torch.float32, torch.float64)
    return fits and _FLASH is not None and _flash_agrees()


@cache
def _flash_agrees() -> bool:
    """Whether the flash kernel of this version of torch takes what it is given here and does what is expected."""
    source = torch.Generator().manual_seed(0)
    inputs = Inputs(*(torch.randn(1, 3, 2, generator=source, dtype=torch.float64) for _ in range(5)))
    allowed = torch.ones(3, 3, dtype=torch.bool).tril()
    output, streamed = streaming_forward(inputs, allowed)
    expected = streaming_backward(inputs, allowed, streamed, output, output)
    try:
        state = _flash(inputs, allowed)
        found = _flash_backward(inputs, allowed, state, output)
    except (RuntimeError, TypeError, ValueError):
        return False
    return all(torch.allclose(a, b, atol=1e-9) for a, b in zip(found, expected, strict=True))


def dense(inputs: Inputs, mask: Mask) -> Tensor:
    """All scores at once: (batch, T, d)."""
    query, key1, key2, value1, value2 = inputs
    batch, rows, length = query.shape[0], query.shape[1], key1.shape[1]
    pseudo = (query.unsqueeze(2) * key1.unsqueeze(1)).flatten(1, 2)
    scores = (pseudo @ key2.mT).view(batch, rows, length, length)
    allowed = mask.allowed(slice(length - rows, length), slice(0, length), query.device)
    if allowed is not None:
        scores = scores.masked_fill(~(allowed.unsqueeze(2) & allowed.unsqueeze(1)), -torch.inf)
    weights = torch.softmax(scores.flatten(2), dim=-1).view(batch, rows * length, length)
    inner = (weights @ value2).unflatten(1, (rows, length))
    return (inner * value1.unsqueeze(1)).sum(dim=2)


class _Kept(Context, Protocol):
    mask: Mask
    flash: bool
    states: list[Flashed | Streamed | None]


class Blocked(Function):
    """The outputs block by block; the backward pass takes the same blocks again."""

    @staticmethod
    def forward(
        ctx: _Kept, query: Tensor, key1: Tensor, key2: Tensor, value1: Tensor, value2: Tensor, mask: Mask, flash: bool
    ) -> Tensor:
        """The five tensors are (batch, T or N, width); `flash`: whether to use that kernel."""
        inputs, ctx.mask, ctx.flash = Inputs(query, key1, key2, value1, value2), mask, flash
        numbers = math.prod(inputs.query.shape[:2]) * inputs.key1.shape[1] * _width(inputs)
        keep = any(ctx.needs_input_grad) and numbers <= KEPT_NUMBERS
        ctx.states, result = [], inputs.value1.new_empty(*inputs.query.shape[:2], inputs.value1.shape[2])
        for block in _flash_blocks(inputs, ctx.mask):
            result[block.examples, block.rows], state = _forward(block.of(inputs), block.allowed, ctx.flash)
            ctx.states.append(state if keep or isinstance(state, Streamed) else None)
        ctx.save_for_backward(*inputs, result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: _Kept, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        *tensors, result = ctx.saved_tensors
        inputs, gradient = Inputs(*tensors), gradients[0].contiguous()  # the flash kernel reads rows as contiguous
        sums = Inputs(*(torch.zeros_like(x) for x in tensors))
        for block, state in zip(_flash_blocks(inputs, ctx.mask), ctx.states, strict=True):
            part, d_output = block.of(inputs), gradient[block.examples, block.rows]
            if state is None:
                _, state = _forward(part, block.allowed, ctx.flash)
            if isinstance(state, Streamed):
                grads = streaming_backward(part, block.allowed, state, d_output, result[block.examples, block.rows])
            else:
                grads = _flash_backward(part, block.allowed, state, d_output)
            for total, grad in zip(block.of(sums), grads, strict=True):
                total += grad
        return (*sums, None, None)


def _flash_blocks(inputs: Inputs, mask: Mask) -> Iterator[Block]:
    """Blocks of queries, for one call of the flash kernel each."""
    return blocks(inputs, mask, BLOCK_NUMBERS // _width(inputs) * inputs.key1.shape[1])


class Flashed(NamedTuple):
    """What the flash kernel leaves for the backward pass: o (batch, rows, n, width) and l (batch, rows, n)."""

    outputs: Tensor
    logsumexp: Tensor


def _forward(inputs: Inputs, allowed: Tensor | None, flash: bool) -> tuple[Tensor, Flashed | Streamed]:
    """Outputs of a block, and what its backward pass needs: by the flash kernel where that is accurate."""
    if flash:
        state = _flash(inputs, allowed)
        logsumexp = _masked(state.logsumexp, allowed)
        if logsumexp.amax(dim=2).abs().max() <= LARGEST_LOGSUMEXP and state.logsumexp.min() >= LEAST_LOGSUMEXP:
            inner = state.outputs[..., : inputs.value1.shape[2]] * inputs.value1.unsqueeze(1)
            return (torch.softmax(logsumexp, dim=2).unsqueeze(2) @ inner).squeeze(2), state
    return streaming_forward(inputs, allowed)


def _masked(logsumexp: Tensor, allowed: Tensor | None) -> Tensor:
    return logsumexp if allowed is None else logsumexp.masked_fill(~allowed, -torch.inf)


def _width(inputs: Inputs) -> int:
    """Width of a head of the flash kernel, which has one for keys and values."""
    return max(NARROWEST, inputs.key2.shape[2], inputs.value2.shape[2])


def _pad(x: Tensor, width: int) -> Tensor:
    return x if x.shape[-1] == width else torch.nn.functional.pad(x, (0, width - x.shape[-1]))


def _flash_arguments(inputs: Inputs, allowed: Tensor | None, width: int) -> tuple[list[Tensor], Tensor | None]:
    """Pseudo-queries, keys and values for the flash kernel, (batch, heads, ..., width), and its mask.

    All pseudo-queries are one head's, unless queries differ in what they may use: then every query is a head.
    """
    pseudo = _pad(inputs.query.unsqueeze(2) * inputs.key1.unsqueeze(1), width)
    heads, bias = 1, None
    if allowed is not None:  # finite: a whole tile of -inf has no maximum to subtract
        heads = allowed.shape[0]
        bias = pseudo.new_zeros(1, heads, 1, allowed.shape[1])
        bias.masked_fill_(~allowed.view(bias.shape), torch.finfo(pseudo.dtype).min / 2)
    shared = (_pad(x, width).unsqueeze(1).expand(-1, heads, -1, -1) for x in (inputs.key2, inputs.value2))
    return [pseudo.reshape(pseudo.shape[0], heads, -1, width), *shared], bias


def _flash(inputs: Inputs, allowed: Tensor | None) -> Flashed:
    tensors, mask = _flash_arguments(inputs, allowed, _width(inputs))
    assert _FLASH is not None
    outputs, logsumexp = _FLASH(*tensors, 0.0, False, attn_mask=mask, scale=1.0)
    shape = (*inputs.query.shape[:2], inputs.key1.shape[1])
    return Flashed(outputs.reshape(*shape, -1), logsumexp.reshape(shape))


def _flash_backward(inputs: Inputs, allowed: Tensor | None, state: Flashed, gradient: Tensor) -> Inputs:
    """Gradients of a block by the flash kernel's own backward pass.

    That pass knows no gradient c of its log-sum-exp l, but it subtracts <do, o> from the gradient of every weight,
    and c is what has to be added there: it is given another o, or one more coordinate, for which <do, o> is less by c.
    """
    query, key1, _, value1, _ = inputs
    outer = gradient.unsqueeze(2)
    inner = outer * value1.unsqueeze(1)  # gradient of w_ij o_ij
    outputs = state.outputs[..., : value1.shape[2]]
    weights = torch.softmax(_masked(state.logsumexp, allowed), dim=2)
    along = torch.linalg.vecdot(inner, outputs)
    change = along - torch.linalg.vecdot(weights, along).unsqueeze(2)  # c / w_ij
    norms = torch.linalg.vecdot(inner, inner)
    small = torch.finfo(norms.dtype).tiny ** 0.75
    width = state.outputs.shape[3]
    d_outputs = weights.unsqueeze(3) * inner
    d_value1 = (weights.unsqueeze(3) * outputs * outer).sum(dim=1)
    if width == value1.shape[2] and not ((norms <= small) & (change != 0)).any():
        outputs = torch.addcmul(outputs, inner, (change / norms.clamp_min(small)).unsqueeze(3), value=-1)
    else:
        width = max(width, value1.shape[2] + 1)
        outputs = torch.cat([outputs, -(weights * change).unsqueeze(3)], dim=3)
        d_outputs = torch.cat([d_outputs, torch.ones_like(outputs[..., :1])], dim=3)
    tensors, mask = _flash_arguments(inputs, allowed, width)
    pseudo = tensors[0]
    d_outputs, outputs = (_pad(x, width).reshape(pseudo.shape) for x in (d_outputs, outputs))
    logsumexp = state.logsumexp.reshape(pseudo.shape[:3])
    assert _FLASH_BACKWARD is not None
    d_pseudo, d_key2, d_value2 = _FLASH_BACKWARD(
        d_outputs, *tensors, outputs, logsumexp, 0.0, False, attn_mask=mask, scale=1.0
    )
    d_pseudo = d_pseudo.reshape(*weights.shape, width)[..., : key1.shape[2]]
    return Inputs(
        (d_pseudo * key1.unsqueeze(1)).sum(dim=2),
        (d_pseudo * query.unsqueeze(2)).sum(dim=1),
        d_key2.sum(dim=1)[..., : key1.shape[2]],
        d_value1,
        d_value2.sum(dim=1)[..., : value1.shape[2]],
    )
