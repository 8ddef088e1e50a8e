"""Modules that know whether their buffers are still those that they were given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from assay.arithmetic.torch_settings import dtype_name
from assay.errors import AssayError


class OwnWeights(nn.Module):
    """A module whose buffers must keep the dtypes that they are registered with.

    What a cast loses comes back with no other cast, so it is remembered, until the buffers are loaded again. Numbers
    that are written into a buffer by hand go unseen.

    >>> module = OwnWeights()
    >>> module.register_buffer("third", torch.tensor(1 / 3))
    >>> module.half().float().require_own_weights()
    Traceback (most recent call last):
    assay.errors.AssayError: buffer third was changed by a cast to float16 on cpu; build or load OwnWeights again
    """

    _dtypes: Mapping[str, torch.dtype] = MappingProxyType({})
    _changed: Mapping[str, str] = MappingProxyType({})  # buffers that a cast has changed, and what it was to

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """As for any module; the tensor's dtype is to stay."""
        super().register_buffer(name, tensor, persistent)
        if tensor is not None:
            self._dtypes = {**self._dtypes, name: tensor.dtype}

    def require_own_weights(self) -> None:
        """Refuse buffers that are of another dtype, not on the CPU, or changed by a cast.

        Raises:
            AssayError: the message names the buffer.
        """
        for name, dtype in self._dtypes.items():
            buffer = self._buffers[name]
            if buffer is None or buffer.dtype != dtype or not buffer.is_cpu:
                found = "missing" if buffer is None else _described(buffer)
                raise AssayError(
                    f"buffer {name} of {type(self).__name__} is {found}; it must be {dtype_name(dtype)} on cpu"
                )
            if name in self._changed:
                raise AssayError(
                    f"buffer {name} was changed by a cast to {self._changed[name]}; "
                    f"build or load {type(self).__name__} again"
                )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> OwnWeights:
        """What `half`, `to`, `to_empty` and the like do to every tensor."""
        before = dict(self._buffers)
        super()._apply(fn, recurse=recurse)
        for name in self._dtypes.keys() - self._changed.keys():
            was, now = before[name], self._buffers[name]
            if was is not None and now is not None and (now.is_meta or not torch.equal(now.to(was), was)):
                self._changed = {**self._changed, name: _described(now)}
        return self

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor], prefix: str, *args: Any, **kwargs: Any) -> None:
        stored = {name: state_dict[prefix + name] for name in self._dtypes if prefix + name in state_dict}
        for name, tensor in stored.items():
            found, wanted = dtype_name(tensor.dtype), dtype_name(self._dtypes[name])
            if found != wanted:
                raise AssayError(f"{prefix}{name} is given as {found}; it must be {wanted}, as it was built")
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
        kept = {name for name in stored if getattr(self._buffers[name], "dtype", None) == self._dtypes[name]}
        self._changed = {name: cast for name, cast in self._changed.items() if name not in kept}


def _described(buffer: Tensor) -> str:
    return f"{dtype_name(buffer.dtype)} on {buffer.device}"
