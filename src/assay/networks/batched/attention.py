"""Attention networks together: the standard backbone around self-attention in few batched products.

The same function as the modules', regrouped so that work falls on small matrices rather than on all tokens:

- the gain and bias of a norm go into the linear map behind it;
- a head's Q and K become one matrix, its V and O another; what biases add to all scores of a row is left out, since the
  softmax does not see it;
- up to width 8, where products of narrow matrices are slow, tokens are columns; and everything that is added to a token
  is centred beforehand, on the matrices, so that a norm need not take the mean away.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm

from assay.networks.batched.products import by_columns, rows_by, small
from assay.networks.batched.tables import look_up
from assay.networks.standard import Backbone

MOST_COLUMN_WIDTH = 8
Parameters = dict[str, Tensor]


def attention_form(network: Backbone) -> Callable[[Parameters, Tensor], Tensor]:
    """The form of the backbone around `Attention`; tokens are (networks, batch, length, features), or symbols."""
    blocks: Any = network.blocks
    spec = network.spec
    width, heads, depth = network.size.width, blocks[0].mixer.heads, len(blocks)
    eps = network.before_readout.eps
    symbols = isinstance(network.embed, nn.Embedding)
    columns = width <= MOST_COLUMN_WIDTH

    def forward(parameters: Parameters, tokens: Tensor) -> Tensor:
        embedded = _embedded(parameters, tokens, symbols=symbols, columns=columns)
        block = _column_block if columns else _row_block
        for index in range(depth):
            last = spec.queries if index == depth - 1 else embedded.shape[3 if columns else 2]
            embedded = block(_Block(parameters, f"blocks.{index}.", heads, centred=columns), embedded, last, eps)
        matrix, bias = _behind_norm(parameters, "before_readout", "readout")
        if columns:
            answers = _plus(by_columns(matrix, _Norm.apply(embedded, eps).flatten(2)), bias).mT
        else:
            answers = rows_by(_norm(embedded, eps).flatten(1, 2), matrix) + bias.unsqueeze(1)
        return answers.reshape(*tokens.shape[:2], *spec.output_shape)

    return forward


def _embedded(parameters: Parameters, shown: Tensor, *, symbols: bool, columns: bool) -> Tensor:
    """(networks, batch, tokens, width), or (networks, width, batch, tokens)."""
    networks, batch, tokens = shown.shape[:3]
    weight, positions, sink = parameters["embed.weight"], parameters["positions"], parameters.get("sink")
    if not symbols:
        positions = positions + parameters["embed.bias"].unsqueeze(1)
    if columns:
        positions = _centred(positions.mT).unsqueeze(2)
        if symbols:
            codes = look_up(weight - weight.mean(dim=2, keepdim=True), shown).permute(0, 3, 1, 2)
        else:
            codes = by_columns(_centred(weight), shown.flatten(1, 2).mT).view(networks, -1, batch, tokens)
        x = codes + positions
        if sink is not None:
            sink = _centred(sink.unsqueeze(2)).unsqueeze(3).expand(-1, -1, batch, 1)
            x = torch.cat([sink, x], dim=3)
        return x
    codes = look_up(weight, shown) if symbols else rows_by(shown.flatten(1, 2), weight)
    codes = codes.view(networks, batch, tokens, -1)
    x = codes + positions.unsqueeze(1)
    return x if sink is None else torch.cat([sink[:, None, None].expand(-1, batch, 1, -1), x], dim=2)


class _Block:
    """Matrices of one block, with what can be multiplied beforehand multiplied.

    Attributes:
        towards: (networks, heads m, m) and its bias: from a normed token to what its scores are products with.
        outputs: (networks, m, heads m) and its bias: from heads' means of normed tokens to what is added.
        wide, narrow: of the MLP, and their biases.
    """

    def __init__(self, parameters: Parameters, name: str, heads: int, *, centred: bool) -> None:
        mixer = name + "mixer."
        gain, shift = parameters[name + "before_mixer.weight"], parameters[name + "before_mixer.bias"]
        networks, width = gain.shape
        query, query_bias = parameters[mixer + "query.weight"], parameters[mixer + "query.bias"]
        scale = math.sqrt(heads / width)
        query_bias = query_bias + _by_vector(query, shift)
        query = _by_head(query * gain.unsqueeze(1), heads)  # (networks * heads, m / heads, m)
        key = _by_head(parameters[mixer + "key.weight"] * gain.unsqueeze(1), heads)
        self.towards = scale * small(key.mT, query).reshape(networks, -1, width)
        self.towards_bias = scale * _by_vector(key.mT, query_bias.reshape(len(key), -1)).view(networks, -1)
        value, out = parameters[mixer + "value.weight"], parameters[mixer + "out.weight"]
        value_bias = parameters[mixer + "value.bias"] + _by_vector(value, shift)
        self.outputs_bias = parameters[mixer + "out.bias"] + _by_vector(out, value_bias)
        value = _by_head(value * gain.unsqueeze(1), heads)
        by_head = small(_by_head(out.mT, heads).mT, value).reshape(networks, heads, width, width)
        self.outputs = by_head.transpose(1, 2).flatten(2)
        self.wide, self.wide_bias = _behind_norm(parameters, name + "before_mlp", name + "mlp.0")
        self.narrow, self.narrow_bias = parameters[name + "mlp.2.weight"], parameters[name + "mlp.2.bias"]
        if centred:
            self.outputs, self.narrow = _centred(self.outputs), _centred(self.narrow)
            self.outputs_bias, self.narrow_bias = _centred(self.outputs_bias), _centred(self.narrow_bias)


def _row_block(block: _Block, x: Tensor, last: int, eps: float) -> Tensor:
    """(networks, batch, tokens, m) -> (networks, batch, last, m)."""
    networks, batch, tokens, width = x.shape
    normed = _norm(x, eps)
    asking = normed[:, :, -last:].reshape(networks, batch * last, width)
    towards = rows_by(asking, block.towards) + block.towards_bias.unsqueeze(1)
    all_tokens = normed.view(networks * batch, tokens, width)
    scores = towards.view(networks * batch, -1, width) @ all_tokens.mT
    means = torch.softmax(scores, dim=-1) @ all_tokens  # (networks * batch, last * heads, m)
    x = x[:, :, -last:].reshape(networks, batch * last, width) + block.outputs_bias.unsqueeze(1)
    x = x + rows_by(means.view(networks, batch * last, -1), block.outputs)
    hidden = gelu(rows_by(_norm(x, eps), block.wide) + block.wide_bias.unsqueeze(1))
    x = x + block.narrow_bias.unsqueeze(1) + rows_by(hidden, block.narrow)
    return x.view(networks, batch, last, width)


def _column_block(block: _Block, x: Tensor, last: int, eps: float) -> Tensor:
    """(networks, m, batch, tokens) -> (networks, m, batch, last)."""
    networks, width, batch, tokens = x.shape
    normed = _Norm.apply(x, eps)
    asking = normed[..., -last:].reshape(networks, width, batch * last)
    towards = _plus(by_columns(block.towards, asking), block.towards_bias).view(networks, -1, width, batch, last)
    towards = towards.permute(0, 3, 1, 4, 2).reshape(networks * batch, -1, width)  # rows are (head, last)
    all_tokens = normed.transpose(1, 2).reshape(networks * batch, width, tokens)
    weights = torch.softmax(towards @ all_tokens, dim=-1)
    means = (all_tokens @ weights.mT).view(networks, batch, width, -1, last)
    means = means.permute(0, 3, 2, 1, 4).reshape(networks, -1, batch * last)  # columns (head, m)
    x = x[..., -last:].reshape(networks, width, batch * last)
    x = x + block.outputs_bias.unsqueeze(2) + by_columns(block.outputs, means)
    hidden = gelu(_plus(by_columns(block.wide, _Norm.apply(x, eps)), block.wide_bias))
    x = x + block.narrow_bias.unsqueeze(2) + by_columns(block.narrow, hidden)
    return x.view(networks, width, batch, last)


class _Norm(torch.autograd.Function):
    """x / sqrt(mean over axis 1 of x^2 + eps), for x of mean 0 there: a layer norm without gain and bias."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float) -> Tensor:
        """Normed x."""
        inverse = x.square().mean(dim=1, keepdim=True).add_(eps).rsqrt_()
        normed = x * inverse
        ctx.save_for_backward(normed, inverse)
        return normed

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # ty: ignore[incompatible-method-override]
        """Towards x; it need not have mean 0, since everything behind it is centred."""
        normed, inverse = ctx.saved_tensors
        along = (gradient * normed).mean(dim=1, keepdim=True)
        return torch.addcmul(gradient, normed, along, value=-1).mul_(inverse), None


def _norm(x: Tensor, eps: float) -> Tensor:
    return layer_norm(x, x.shape[-1:], eps=eps)


def _behind_norm(parameters: Parameters, norm: str, linear: str) -> tuple[Tensor, Tensor]:
    """The linear map with the norm's gain and bias in it."""
    gain, shift = parameters[norm + ".weight"], parameters[norm + ".bias"]
    weight, bias = parameters[linear + ".weight"], parameters[linear + ".bias"]
    return weight * gain.unsqueeze(1), bias + _by_vector(weight, shift)


def _by_head(matrix: Tensor, heads: int) -> Tensor:
    return matrix.unflatten(1, (heads, -1)).flatten(0, 1)


def _by_vector(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix * vector.unsqueeze(1)).sum(dim=2)


def _plus(columns: Tensor, bias: Tensor) -> Tensor:
    return columns + bias.unsqueeze(2)


def _centred(matrix: Tensor) -> Tensor:
    """Mean 0 over axis 1, what a token is made of."""
    return matrix - matrix.mean(dim=1, keepdim=True)
