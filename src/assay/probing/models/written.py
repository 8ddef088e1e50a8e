"""What heads add to the residual stream: the output projection of an attention, and the size of its stream.

Nothing is known of models by name. The projection is the first linear layer that is called after an attention with the
joined outputs of its heads, number for number; the stream is what enters the module around the one that called.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from assay.probing.capture import CapturedAttention


@dataclass(frozen=True)
class Streams:
    """What was seen around the calls of attention, in their order.

    Attributes:
        streams: what entered the module around the caller; None where there is no such module or tensor.
        linear: the linear layer that was called next, and its input; absent where there was none.
        open_inputs: the first tensor of floats that each module which is running was given, by its name.
    """

    streams: list[Tensor | None] = field(default_factory=list)
    linear: dict[int, tuple[nn.Module, Tensor]] = field(default_factory=dict)
    open_inputs: dict[str, Tensor] = field(default_factory=dict)

    def see(self, one: CapturedAttention) -> None:
        """Note what surrounds a call of attention; to be given to `capture` as its transform, it changes nothing."""
        parent = one.name.rpartition(".")[0] if one.name else None
        self.streams.append(None if parent is None else self.open_inputs.get(parent))

    def written(self, module: nn.Module, call: int, one: CapturedAttention) -> NDArray[np.float32] | None:
        """(heads, d_v, r): |y W| of a head's output y is the norm of what it adds, over the stream's median norm.

        For W the triangular factor stands in, with r at most d_v: norms are the same. None where the projection or the
        stream is not known, or the stream is zero.
        """
        weight, stream = self._projection(module, call, one), self.streams[call]
        if weight is None or stream is None or stream.shape[-1] != weight.shape[1]:
            return None
        size = float(stream.detach().double().norm(dim=-1).median())
        if not 0 < size < np.inf:
            return None
        heads = weight.detach().double().unflatten(0, (len(one.queries), -1)) / size
        return torch.linalg.qr(heads.mT).R.mT.float().cpu().numpy()

    def _projection(self, module: nn.Module, call: int, one: CapturedAttention) -> Tensor | None:
        """(heads * d_v, width), what joined outputs are multiplied by."""
        caller = module.get_submodule(one.name)
        if isinstance(caller, nn.MultiheadAttention):  # its layer for the output is not called, only its weight is used
            return caller.out_proj.weight.T
        if call not in self.linear:
            return None
        layer, given = self.linear[call]
        joined = one.output.transpose(0, 1).flatten(1)
        if given.numel() != joined.numel() or not torch.equal(given.reshape(joined.shape), joined):
            return None
        weight: Any = layer.weight
        return weight.T if isinstance(layer, nn.Linear) else weight


@contextmanager
def seeing_streams(module: nn.Module) -> Generator[Streams]:
    """Watch the modules while `capture` runs them with `Streams.see` as its transform."""
    found = Streams()

    def enter(part: nn.Module, arguments: tuple[object, ...], keywords: dict[str, object], *, name: str) -> None:
        given = [one for one in (*arguments, *keywords.values()) if isinstance(one, Tensor) and one.is_floating_point()]
        if not given:
            return
        found.open_inputs[name] = given[0]
        call = len(found.streams) - 1
        if call >= 0 and _is_linear(part):
            found.linear.setdefault(call, (part, given[0]))

    def leave(name: str) -> None:
        found.open_inputs.pop(name, None)

    with ExitStack() as hooks:
        for name, part in module.named_modules():
            before = part.register_forward_pre_hook(
                lambda part, arguments, keywords, name=name: enter(part, arguments, keywords, name=name),
                with_kwargs=True,
            )
            after = part.register_forward_hook(lambda *_, name=name: leave(name), always_call=True)
            hooks.callback(before.remove)
            hooks.callback(after.remove)
        yield found


def _is_linear(part: nn.Module) -> bool:
    """A linear layer of torch, or that of GPT-2 (`Conv1D` of transformers), whose matrix is (inputs, outputs)."""
    return isinstance(part, nn.Linear) or (type(part).__name__ == "Conv1D" and hasattr(part, "nx"))
