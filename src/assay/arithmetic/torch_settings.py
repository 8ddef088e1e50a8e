"""Arithmetic that does not depend on what torch was set to around it.

Autocast and reduced precision of matrix products change what a float32 network computes, a default device where its
tensors lie, a default dtype what its numbers are. What is guaranteed or recorded is computed with these held still.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, Generic, TypeVar

import torch
from torch.autograd.forward_ad import unpack_dual

V = TypeVar("V")
_AUTOCASTING = ("cpu", "cuda")
_AS_IT_IS = nullcontext()


class _ProcessWide(Generic[V]):
    """A setting of the whole process, held at one value as long as some thread needs it there.

    `right` are the values that are as good as the first of them, which is the one that it is held at.
    """

    def __init__(self, read: Callable[[], V], write: Callable[[V], object], *right: V) -> None:
        self._read, self._write, self._right = read, write, right
        self._lock, self._holders, self._before = threading.Lock(), 0, right[0]

    def is_right(self) -> bool:
        """Whether it is, and stays so: not only because another thread holds it for now."""
        with self._lock:
            return self._holders == 0 and self._read() in self._right

    @contextmanager
    def held(self) -> Generator[None]:
        """Within it, the setting is right; what it was comes back when the last thread leaves."""
        with self._lock:
            if self._holders == 0:
                self._before = self._read()
                self._write(self._right[0])
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if self._holders == 0:
                    self._write(self._before)


def _precision_of(operations: Any) -> _ProcessWide[str]:
    """In which float32 operations of one kind are computed: `torch.backends.mkldnn.matmul` and its like."""
    return _ProcessWide(
        lambda: operations.fp32_precision, lambda value: setattr(operations, "fp32_precision", value), "ieee", "none"
    )


if hasattr(torch.backends.mkldnn, "matmul"):
    _PRODUCTS = _precision_of(torch.backends.mkldnn.matmul)
    _OF_TRAINING = [
        _precision_of(operations)
        for operations in (torch.backends.mkldnn.rnn, torch.backends.cuda.matmul, torch.backends.cudnn.rnn)
    ]
else:  # before torch 2.9 there is one setting for all of them
    _PRODUCTS = _ProcessWide(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest")
    _OF_TRAINING = []
_DEFAULT_DTYPE = _ProcessWide(torch.get_default_dtype, torch.set_default_dtype, torch.float32)


def dtype_name(dtype: torch.dtype) -> str:
    """`float32` for torch.float32.

    >>> dtype_name(torch.float32)
    'float32'
    """
    return str(dtype).removeprefix("torch.")


def settled() -> AbstractContextManager[object]:
    """Within it there is no autocast, products of float32 are float32's own, and new tensors lie on the CPU.

    Costs some microseconds where that is so anyway. The precision of products is a setting of the process: where it
    is another one, it is raised for all threads meanwhile. What is not held still: a default dtype, which code names
    its dtypes rather than rely on; flushing of denormal numbers, which error bounds allow for.

    >>> with torch.autocast("cpu", torch.bfloat16), settled():
    ...     print((torch.eye(2) @ torch.eye(2)).dtype)
    torch.float32
    """
    autocasting = [device for device in _AUTOCASTING if torch.is_autocast_enabled(device)]
    elsewhere, reduced = not torch.empty(0).is_cpu, not _PRODUCTS.is_right()
    if not (autocasting or elsewhere or reduced):
        return _AS_IT_IS
    return _all_of(
        [
            *(torch.autocast(device, enabled=False) for device in autocasting),
            *[torch.device("cpu")] * elsewhere,
            *[_PRODUCTS.held()] * reduced,
        ]
    )


@contextmanager
def in_float32() -> Generator[None]:
    """Like `settled`, and new tensors are float32 and may have gradients: for all that ends up as evidence.

    The default dtype is a setting of the process too: other threads find float32 meanwhile. Also a decorator.

    >>> @in_float32()
    ... def dtype_here():
    ...     return torch.zeros(1).dtype
    >>> with torch.device("meta"):
    ...     print(dtype_here())
    torch.float32
    """
    wide = [setting for setting in (_DEFAULT_DTYPE, *_OF_TRAINING) if not setting.is_right()]
    held = [settled(), torch.inference_mode(False), torch.enable_grad(), *(setting.held() for setting in wide)]
    with _all_of(held):
        yield


def differentiated(numbers: torch.Tensor) -> bool:
    """Whether derivatives by these numbers are asked for, so that what is computed has to be torch's operations.

    >>> numbers = torch.ones(1, requires_grad=True)
    >>> differentiated(numbers), differentiated(numbers.detach())
    (True, False)
    """
    return (torch.is_grad_enabled() and numbers.requires_grad) or unpack_dual(numbers).tangent is not None


@contextmanager
def _all_of(contexts: list[AbstractContextManager[object]]) -> Generator[None]:
    with ExitStack() as stack:
        for context in contexts:
            stack.enter_context(context)
        yield
