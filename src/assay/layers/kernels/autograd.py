"""What torch hands to the methods of a `torch.autograd.Function`, which its own annotations leave open."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Context(Protocol):
    """What a gradient is computed from, and which are asked for."""

    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[bool, ...]

    def save_for_backward(self, *tensors: Tensor) -> None: ...


class Mapped(Protocol):
    """The axis that `torch.func.vmap` maps over."""

    batch_size: int


def at_front(tensor: Tensor, axis: int | None, info: Mapped) -> Tensor:
    """The tensor with the axis that is mapped over in front; None for one that is the same along that axis."""
    return tensor.expand(info.batch_size, *tensor.shape) if axis is None else tensor.movedim(axis, 0)
