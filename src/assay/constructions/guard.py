"""What stands before a guaranteed answer: weights are those given, inputs are the task's, and nothing records it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from assay.arithmetic.torch_settings import settled
from assay.errors import AssayError

if TYPE_CHECKING:
    from assay.constructions.certificate import Certificate
    from assay.constructions.construction import Construction
    from assay.tasks.task import Inputs


def guard_methods(construction: type[Construction]) -> None:
    """Put guards before those methods of a class that are its own, or come from where there are no guards."""
    for name, guard in (("forward", _of_inputs), ("attention", _of_inputs), ("certificate", _of_weights)):
        method = getattr(construction, name, None)
        if method is not None and not hasattr(method, "guarded"):
            guarded = guard(method)
            vars(guarded)["guarded"] = True
            setattr(construction, name, guarded)


def _of_inputs(method: Callable[[Construction, Inputs], Tensor]) -> Callable[[Construction, Inputs], Tensor]:
    """A method of inputs that refuses what the guarantee does not cover, and is computed in settled arithmetic.

    Under torch.compile it is left out of what is compiled, whose roundings would be others.
    """

    @wraps(method)
    def guarded(self: Construction, inputs: Inputs) -> Tensor:
        if torch.compiler.is_compiling() or torch.jit.is_tracing():
            if torch.jit.is_tracing() or torch.compiler.is_exporting():
                raise AssayError(
                    f"construction {self.method!r} cannot be exported or traced: what is recorded would compute "
                    "without the checks that its guarantee rests on; save it, and load it where it is needed"
                )
            return torch.compiler.disable(guarded)(self, inputs)
        if torch._C._are_functorch_transforms_active():  # torch has no public way to ask
            raise AssayError(
                f"construction {self.method!r} cannot be transformed by torch.func, under which no number can be "
                "looked at; instead of vmap call it on a batch, for derivatives use torch.autograd"
            )
        self.require_own_weights()
        with settled():
            checked = _checked(self, inputs)
            if len(checked if isinstance(checked, Tensor) else checked[0]):
                return method(self, checked)
            return method(self, self.task.sample(1, seed=0).inputs)[:0]  # of the shape and dtype of other answers

    return guarded


def _of_weights(method: Callable[[Construction], Certificate]) -> Callable[[Construction], Certificate]:
    """A method that speaks of the weights, that refuses to where they are not those it was given."""

    @wraps(method)
    def guarded(self: Construction) -> Certificate:
        self.require_own_weights()
        return method(self)

    return guarded


def _checked(construction: Construction, inputs: Inputs) -> Inputs:
    """The inputs as the task has them; there may be none."""
    for tensor in inputs if isinstance(inputs, tuple) else (inputs,):
        if not isinstance(tensor, Tensor):
            kind = type(tensor).__name__
            raise AssayError(f"inputs of type {kind} are not allowed; task.inputs(...) makes tensors of them")
        if not tensor.is_cpu:
            raise AssayError(f"inputs on {tensor.device} are not allowed; they must be on the CPU")
    return construction.task.checked(inputs)
