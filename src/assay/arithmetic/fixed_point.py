"""p-bit fixed-point numbers, and networks whose every activation is one.

The theorems measure a network by m p, numbers times bits. A number of the format (p, f) is k 2^-f for a whole k with
-2^(p-1) <= k < 2^(p-1); values are rounded to the nearest one, ties to even k, and saturate at both ends. What is
rounded are activations: embeddings, queries, keys, values, scores, attention weights, outputs. The exponentials inside
a softmax and their sum are not, as in Sanford, Hsu, Telgarsky (NeurIPS 2023): the softmax is exact, then rounded. So
rows of rounded weights need not sum to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from assay.errors import AssayError, require_integer

MOST_BITS = 53  # of a number that float64 holds exactly
MOST_EXPONENT = 1023  # of a power of two in float64, beyond which nothing saturates


@dataclass(frozen=True)
class FixedPoint:
    """The format k 2^-fraction with -2^(bits-1) <= k < 2^(bits-1).

    Attributes:
        bits: p, sign included, at least 1.
        fraction: f; negative for multiples of 2^-f.

    >>> FixedPoint(bits=4, fraction=2).round(torch.tensor([0.125, 0.375, 9.0, -9.0])).tolist()  # steps of 1/4
    [0.0, 0.5, 1.75, -2.0]
    """

    bits: int
    fraction: int

    def __post_init__(self) -> None:
        require_integer("bits", self.bits, 1, None)
        require_integer("fraction", self.fraction, -1000, 1000)

    def __str__(self) -> str:
        return f"fixed point of {self.bits} bits, {self.fraction} of them after the point"

    def round(self, numbers: Tensor) -> Tensor:
        """The nearest numbers of the format, same dtype; a NaN stays one. Exact if the dtype holds `bits` bits."""
        return self._whole(numbers).mul_(2.0**-self.fraction).to(numbers.dtype)

    def whole(self, numbers: Tensor) -> Tensor:
        """The k of the nearest numbers, int64: what is sent where a message is counted in bits.

        Raises:
            AssayError: a format of more than 53 bits.
        """
        require_integer("bits", self.bits, 1, MOST_BITS)
        return self._whole(numbers).long()

    def round_exactly(self, numbers: NDArray[np.object_], scale: int = 0) -> NDArray[np.object_]:
        """The k of the nearest numbers, for whole multiples of 2^-scale of any size: arrays of Python integers.

        >>> FixedPoint(bits=4, fraction=1).round_exactly(np.array([1, 3, 10**30], dtype=object), scale=2).tolist()
        [0, 2, 7]
        """
        limit = 1 << (self.bits - 1)
        lost = scale - self.fraction
        if lost <= 0:
            whole = numbers * (1 << -lost)
        else:
            half, rest = 1 << (lost - 1), numbers & ((1 << lost) - 1)
            whole = (numbers >> lost) + ((rest > half) | ((rest == half) & ((numbers >> lost) & 1 == 1)))
        return np.minimum(np.maximum(whole, -limit), limit - 1)

    def _whole(self, numbers: Tensor) -> Tensor:
        limit = 2.0 ** min(self.bits - 1, MOST_EXPONENT)
        scaled = numbers.to(torch.float64, copy=True).mul_(2.0**self.fraction)
        return scaled.round_().clamp_(-limit, limit - 1)


@runtime_checkable
class Rounds(Protocol):
    """A network that rounds its own activations.

    Attributes:
        numbers: the format of its activations; None where they are what its dtype is.
    """

    numbers: FixedPoint | None


@contextmanager
def fixed_point(network: nn.Module, numbers: FixedPoint | None) -> Generator[None]:
    """Within it, `network` computes with numbers of this format; None changes nothing.

    A network that rounds its own activations, as constructions do, has an attribute `numbers`, which is set. Of any
    other one the parameters are rounded, and the result of every torch operation in its forward pass: products, sums,
    softmax, normalisations, steps of torch.nn.LSTM, GRU and RNN, each as one. A softmax has to be torch.softmax,
    since exponentials written out would be rounded too; torch.nn.MultiheadAttention is refused as its scores cannot be
    reached. What the network is called on is rounded by the first operation on it. Numbers are held in their own dtype:
    a format of more bits than that has rounds nothing. Not for training.

    >>> layer = torch.nn.Linear(1, 1, bias=False)
    >>> with fixed_point(layer, FixedPoint(bits=4, fraction=2)):
    ...     output = layer(torch.full((1, 1), 0.3))
    >>> output.item() in (-0.25, 0.0, 0.25)
    True
    """
    if numbers is None:
        yield
    elif isinstance(network, Rounds):
        before, network.numbers = network.numbers, numbers
        try:
            yield
        finally:
            network.numbers = before
    else:
        exact = [parameter.detach().clone() for parameter in network.parameters()]
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.copy_(numbers.round(parameter))
        try:
            with torch.no_grad(), _Rounding(numbers):
                yield
        finally:
            with torch.no_grad():
                for parameter, value in zip(network.parameters(), exact, strict=True):
                    parameter.copy_(value)


class _Rounding(TorchFunctionMode):
    """Rounds the result of every operation: matrix products, softmax, sums, ... each as one operation."""

    def __init__(self, numbers: FixedPoint) -> None:
        super().__init__()
        self.numbers = numbers

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        if name == "multi_head_attention_forward":
            raise AssayError("torch.nn.MultiheadAttention cannot be rounded: its scores and weights are out of reach")
        if name == "scaled_dot_product_attention":
            return _attention_in_parts(self.numbers, *args, **kwargs)
        if name in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
            return _step_by_step(self.numbers, func, args)
        return self._round(func(*args, **kwargs), (*args, *kwargs.values()))

    def _round(self, result: Any, args: tuple[object, ...]) -> object:
        """A result, or each of several, in the format; minus infinity stays, as it masks an entry of a softmax."""
        if isinstance(result, tuple | list) and any(isinstance(part, Tensor) for part in result):
            parts = [self._round(part, args) for part in result]
            return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
        if not isinstance(result, Tensor) or not result.is_floating_point():
            return result
        rounded = torch.where(result.isneginf(), result, self.numbers.round(result))
        if any(result is argument for argument in args):  # computed in place
            return result.copy_(rounded)
        return result if _is_part_of(result, args) else rounded


def _is_part_of(result: Tensor, args: tuple[object, ...]) -> bool:
    """Whether an operation computed nothing but gave a view of what it was given, which may be written to."""
    given = (argument for argument in args if isinstance(argument, Tensor))
    return any(tensor.untyped_storage().data_ptr() == result.untyped_storage().data_ptr() for tensor in given)


def _attention_in_parts(
    numbers: FixedPoint,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *args: object,
    scale: float | None = None,
    **rest: object,
) -> Tensor:
    """Scaled dot-product attention without mask or dropout, its scores and weights rounded too."""
    if args or any(isinstance(option, Tensor) or option for option in rest.values()):
        raise AssayError("scaled_dot_product_attention with a mask or dropout cannot be rounded; write it out")
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    scores = numbers.round(query @ key.transpose(-1, -2) * factor)
    return numbers.round(numbers.round(torch.softmax(scores, dim=-1)) @ value)


def _step_by_step(numbers: FixedPoint, func: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, ...]:
    """A recurrent layer of torch one token at a time, states rounded; `args` as torch._VF.lstm takes them."""
    tokens, states, *rest = args
    if isinstance(states, Tensor) and not states.is_floating_point():
        raise AssayError("packed sequences cannot be rounded step by step")
    if rest[-2]:
        raise AssayError("recurrent layers of both directions cannot be rounded step by step")
    dimension = 1 if rest[-1] else 0  # batch_first
    single = isinstance(states, Tensor)
    state = (states,) if single else tuple(states)
    outputs = []
    for token in tokens.split(1, dim=dimension):
        output, *state = func(token, state[0] if single else tuple(state), *rest)
        state = [numbers.round(part) for part in state]
        outputs.append(numbers.round(output))
    return torch.cat(outputs, dim=dimension), *state
