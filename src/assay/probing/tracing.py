"""Follow attention through a forward pass: fused calls, and products, scores, weights and values written by hand.

Two forms are read. `scaled_dot_product_attention` is taken with its arguments. Anything else is followed from a product
of two activations, S = Q K^T, over operations that leave S a scaled and masked score, to softmax and to the product
with values. What is added to S (a mask, a bias by position) is found by doing the same to zeros. An operation that is
not known to keep S a score breaks the trace; weights of a broken trace that reach values are reported as not read.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from assay.probing.products import PRODUCTS, Args, Kwargs, Product, product_of

Lead = tuple[int, ...]
Function = Callable[..., Any]  # of torch
FUSED = "scaled_dot_product_attention"
SCALES = {"mul", "multiply", "imul", "rmul"}
DIVIDES = {"div", "divide", "true_divide", "truediv", "itruediv"}
ADDS = {"add", "iadd", "radd", "sub", "subtract", "isub"}
ENDS = {"linear", "embedding", "conv1d", "conv2d", "layer_norm", "group_norm", "rms_norm"}
FILLS = {"masked_fill", "where", "setitem"}
SHAPES = {
    "view",
    "reshape",
    "unflatten",
    "flatten",
    "unsqueeze",
    "squeeze",
    "contiguous",
    "to",
    "float",
    "double",
    "half",
    "bfloat16",
    "type",
    "type_as",
    "clone",
    "detach",
    "view_as",
    "reshape_as",
    "expand",
    "expand_as",
}
HIDDEN = -1e4  # an entry of a mask from here down hides a key: its weight is 0 in float64


@dataclass(frozen=True)
class Call:
    """One attention as it was called.

    Attributes:
        queries: (..., N_q, d).
        keys: (..., N_k, d).
        values: (..., N_k, d_v).
        output: (..., N_q, d_v), what the model computed.
        scale: of the products of queries and keys.
        mask: added to scores, to be broadcast to (..., N_q, N_k); None for nothing.
        causal: whether query i sees keys 0 to i only, apart from the mask.
        cap: c of scores c tanh(s / c); None without.
        sink: scores of one more key with value 0, (..., N_q, 1); None without.
        grouped: whether there are fewer heads of keys, each for equally many of queries.
    """

    queries: Tensor
    keys: Tensor
    values: Tensor
    output: Tensor
    scale: float
    mask: Tensor | None = None
    causal: bool = False
    cap: float | None = None
    sink: Tensor | None = None
    grouped: bool = False


@dataclass(frozen=True)
class _Scores:
    """Where a tensor of scores comes from. `shift` is what zeros in place of the products became, None for zeros."""

    queries: Tensor
    keys: Tensor
    scale: float = 1.0
    shift: Tensor | None = None
    inner: float | None = None  # the scale before a tanh
    broken: str = ""
    raised: bool = False  # it went through exp


@dataclass(frozen=True)
class _Softmax:
    """One call of softmax: where, the dimensions in front of its scores, and whether its weights met values."""

    where: str
    lead: Lead
    used: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class _Weights:
    """What came of a softmax of scores (None if these are no product); `whole` are the weights as they are now."""

    of: _Softmax
    scores: _Scores | None
    whole: Tensor
    broken: str = ""

    @property
    def reason(self) -> str:
        """Why they are not read; empty if they are."""
        if self.broken:
            return f"its weights pass through {self.broken}"
        if self.scores is None:
            return "its scores are no product of queries and keys"
        return f"its scores pass through {self.scores.broken}" if self.scores.broken else ""


class Tracer(TorchFunctionMode):
    """Sees every call of torch while it is active.

    Args:
        where: names the module that runs.
        found: is given each attention, and may answer with another output for the model to go on with.
        refused: is given a module's name and a reason where softmax weights meet values and cannot be read.
    """

    def __init__(
        self, where: Callable[[], str], found: Callable[[Call], Tensor | None], refused: Callable[[str, str], None]
    ) -> None:
        super().__init__()
        self.where, self.found, self.refused = where, found, refused
        self._known: MutableMapping[Tensor, _Scores | _Weights] = WeakIdKeyDictionary()
        self._unused: list[tuple[_Softmax, str]] = []

    def __torch_function__(
        self, func: Function, types: Iterable[type], args: Args = (), kwargs: Kwargs | None = None
    ) -> object:
        """Do what was called, and note what it means for attention."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").strip("_")
        if func is functional.multi_head_attention_forward:
            with _opened(), self:
                return func(*args, **kwargs)
        if name == FUSED:
            return self._fused(func, args, kwargs)
        product = product_of(name, args, kwargs) if name in PRODUCTS else None
        if product is not None:
            return self._multiply(func, product, args, kwargs)
        given = [tensor for tensor in _tensors(args, kwargs) if tensor in self._known]
        version = given[0]._version if given else 0
        result = func(*args, **kwargs)
        if name == "softmax":
            self._softmax(result, args, kwargs)
        elif given:
            changed = args[0] if name == "setitem" else result
            if isinstance(changed, Tensor) and changed.is_floating_point():
                operation = _Operation(func, name, args, kwargs, given, changed, given[0]._version != version)
                self._note(changed, operation.follow(self._known[given[0]]))
        return result

    def finish(self) -> None:
        """Report softmaxes of products of queries and keys whose weights never met values."""
        for softmax, reason in self._unused:
            if not softmax.used:
                self.refused(softmax.where, reason)

    def _note(self, tensor: Tensor, state: _Scores | _Weights | None) -> None:
        if state is not None:
            self._known[tensor] = state
        elif tensor in self._known:
            del self._known[tensor]

    def _fused(self, func: Function, args: Args, kwargs: Kwargs) -> Tensor:
        names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        queries, keys, values = (given[name].detach().clone() for name in names[:3])
        mask, scale, dropout = given.get("attn_mask"), given.get("scale"), given.get("dropout_p")
        if mask is not None:
            zeros = torch.zeros(mask.shape, dtype=torch.float32, device=mask.device)
            mask = zeros.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else mask.detach().clone()
        output = func(*args, **kwargs)
        if dropout:
            self.refused(self.where(), f"its weights are dropped out with probability {dropout}")
            return output
        call = Call(
            queries=queries,
            keys=keys,
            values=values,
            output=output.detach().clone(),
            mask=mask,
            scale=queries.shape[-1] ** -0.5 if scale is None else float(scale),
            causal=bool(given.get("is_causal")),
            grouped=bool(given.get("enable_gqa")),
        )
        changed = self.found(call)
        return output if changed is None else changed.reshape(output.shape).to(output)

    def _multiply(self, func: Function, product: Product, args: Args, kwargs: Kwargs) -> Tensor:
        left, right = (self._known.get(factor) for factor in product.factors)
        if isinstance(left, _Weights):
            values = product.right.detach().clone()
            return self._meet(left, values, func(*args, **kwargs), product)
        kept = (product.left.detach().clone(), product.right.detach().mT.clone()) if product.starts else None
        output = func(*args, **kwargs)
        if isinstance(right, _Weights):
            self._use(right.of, "its weights are the right factor of a product")
        elif any(isinstance(one, _Scores) and one.raised for one in (left, right)):
            self.refused(self.where(), "its softmax is written by hand, with exp")
        elif kept is not None:
            added = None if product.added is None else (product.added.detach() * product.beta).expand(output.shape)
            self._known[output] = _Scores(*kept, product.alpha, None if added is None else added.clone())
        return output

    def _use(self, softmax: _Softmax, reason: str) -> None:
        if not softmax.used:
            self.refused(self.where(), reason)
        softmax.used.append(True)

    def _meet(self, weights: _Weights, values: Tensor, output: Tensor, product: Product) -> Tensor:
        """Weights times values."""
        if weights.reason:
            self._use(weights.of, weights.reason)
            return output
        scores = weights.scores
        if scores is None or weights.of.used:  # a second product, such as with embeddings of relative positions
            return output
        weights.of.used.append(True)
        plain = product.standard(output)
        leads = (plain.shape[:-2], weights.of.lead, scores.queries.shape[:-2])
        lead = max((one for one in leads if prod(one) == prod(leads[0])), key=len)
        count = scores.keys.shape[-2]
        mask = sink = None
        if scores.shift is not None:
            mask = _lead(scores.shift[..., :count].detach().clone(), lead)
            sink = _lead(scores.shift[..., count:].detach().clone(), lead) if scores.shift.shape[-1] > count else None
        call = Call(
            queries=_lead(scores.queries, lead),
            keys=_lead(scores.keys, lead),
            values=_lead(values, lead),
            output=_lead(plain.detach().clone(), lead),
            mask=mask,
            sink=sink,
            scale=scores.scale * (1.0 if scores.inner is None else scores.inner),
            cap=None if scores.inner is None else scores.scale,
        )
        changed = self.found(call)
        return output if changed is None else product.back(changed.reshape(plain.shape).to(plain))

    def _softmax(self, result: Tensor, args: Args, kwargs: Kwargs) -> None:
        state = self._known.get(args[0] if args else kwargs["input"])
        dim = args[1] if len(args) > 1 else kwargs.get("dim", -1)
        broken = "" if dim in (-1, result.ndim - 1) else "softmax over another axis than the last"
        softmax = _Softmax(self.where(), result.shape[:-2])
        scores = state if isinstance(state, _Scores) else None
        self._known[result] = weights = _Weights(softmax, scores, result.detach(), broken)
        if scores is not None:
            self._unused.append((softmax, weights.reason or "its weights do not meet values in a product"))


@dataclass(frozen=True)
class _Operation:
    """An operation on tensors of which the first, at least, is known to be scores or weights."""

    func: Function
    name: str
    args: Args
    kwargs: Kwargs
    given: list[Tensor]
    result: Tensor
    in_place: bool

    @torch.no_grad()
    def follow(self, state: _Scores | _Weights) -> _Scores | _Weights | None:
        """What its result is; None for neither scores nor weights."""
        if isinstance(state, _Weights):
            return self._weights(state)
        if self.name in ENDS:
            return None
        raised = state.raised or self.name in ("exp", "exp2")
        return replace(state if state.broken else self._scores(state), raised=raised)

    @property
    def source(self) -> Tensor:
        return self.given[0]

    def _again(self, state: _Scores) -> _Scores:
        """Scores to which this was done: to what zeros in their place became as well."""
        zeros = torch.zeros(self.source.shape, dtype=self.source.dtype, device=self.source.device)
        other = zeros if state.shift is None else state.shift
        args = [_swap(arg, self.source, other) for arg in self.args]
        kwargs = {key: _swap(arg, self.source, other) for key, arg in self.kwargs.items()}
        result = self.func(*args, **kwargs)
        return replace(state, shift=other if self.name == "setitem" else result)

    def _scaled(self, state: _Scores) -> _Scores:
        """The same, for operations that leave zeros as they are."""
        return state if state.shift is None else self._again(state)

    def _scores(self, state: _Scores) -> _Scores:
        name, source, broken = self.name, self.source, replace(state, broken=self.name)
        others = [other for other in (*self.args, *self.kwargs.values()) if other is not source]
        first = bool(self.args) and self.args[0] is source
        rows = all(isinstance(one, Tensor) and one.ndim > 1 and one.shape[-1] == 1 for one in others)
        if name == "setitem" and not first:
            return broken
        if len(self.given) > 1 and not (name in ADDS and first and rows and source.shape[-1] > 1):
            return replace(state, broken=f"{name} with something else that depends on queries or keys")
        if name in SCALES | DIVIDES:
            if len(others) != 1 or (name in DIVIDES and not first):
                return broken
            factor = others[0] if name in SCALES else 1 / others[0]
            if _is_number(factor):
                return replace(self._scaled(state), scale=state.scale * float(factor))
            if isinstance(factor, Tensor) and bool(((factor == 0) | (factor == 1)).all()):
                return self._scaled(state)  # a mask, whose zeros are hidden later: the output is compared
            if not rows or state.inner is not None:
                return broken
            queries = _lead(state.queries, self.result.shape[:-2]) * factor
            return replace(self._scaled(state), queries=queries)
        if name in ADDS:
            if "sub" in name and not first:
                return broken
            return state if rows and source.shape[-1] > 1 else self._again(state)  # rows: softmax does not see it
        if name in FILLS:
            return self._again(state)
        if name in SHAPES:
            return self._scaled(state) if self.result.shape[-2:] == source.shape[-2:] else broken
        if name == "tanh" and state.inner is None and (state.shift is None or not bool(state.shift.any())):
            return replace(state, scale=1.0, inner=state.scale, shift=None)
        if name in ("cat", "concat") and self.args[0][0] is source and self.result.shape[-1] == source.shape[-1] + 1:
            return self._again(state)
        return self._scaled(state) if self._is_identity(state) else broken

    def _is_identity(self, state: _Scores) -> bool:
        """Whether no score that is seen has changed, as by a lower limit."""
        if self.result.shape != self.source.shape or self.in_place:
            return False
        seen = torch.ones_like(self.source, dtype=torch.bool) if state.shift is None else state.shift > HIDDEN
        return torch.equal(self.result[seen], self.source[seen])

    def _weights(self, state: _Weights) -> _Weights | None:
        whole, result = state.whole, self.result.detach()
        if state.broken or self.name == "setitem":
            return replace(state, broken=state.broken or self.name) if result.numel() == whole.numel() else None
        count = result.shape[-1] if result.ndim else 0
        if count == whole.shape[-1] - 1:
            whole = whole[..., :count]  # without a sink
        if result.numel() != whole.numel():
            return None
        same = count == whole.shape[-1] and torch.equal(result.reshape(whole.shape), whole.to(result.dtype))
        return replace(state, whole=result) if same else replace(state, broken=self.name)


def _lead(tensor: Tensor, lead: Lead) -> Tensor:
    """(..., n, d) with these dimensions in front: broadcast, or those it has in another form."""
    if prod(tensor.shape[:-2]) == prod(lead):
        return tensor.reshape(*lead, *tensor.shape[-2:])
    return tensor.expand(*lead, *tensor.shape[-2:])


def _tensors(args: Args, kwargs: Kwargs) -> Iterator[Tensor]:
    for arg in (*args, *kwargs.values()):
        if isinstance(arg, Tensor):
            yield arg
        elif isinstance(arg, (list, tuple)):
            yield from (one for one in arg if isinstance(one, Tensor))


def _swap(arg: object, source: Tensor, other: Tensor) -> object:
    if isinstance(arg, (list, tuple)) and any(one is source for one in arg):
        return type(arg)([other if one is source else one for one in arg])
    return other if arg is source else arg


def _is_number(value: object) -> bool:
    if isinstance(value, Tensor):
        return value.numel() == 1
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@contextmanager
def _opened() -> Generator[None]:
    """torch.nn.functional.multi_head_attention_forward hands itself over whole to a mode; so it shows what it does."""
    with patch.object(functional, "has_torch_function", lambda _: False):
        yield
