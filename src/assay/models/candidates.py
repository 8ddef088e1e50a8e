"""Networks that differ in their width alone, and what each declares: what bounds and searches range over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from inspect import signature
from typing import Any, Unpack

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from assay.errors import AssayError, one_line, require, unknown
from assay.evidence import Json
from assay.layers.common.check import LayerFacts, check_layer, is_causal
from assay.layers.common.users_layer import UsersLayer
from assay.layers.layer import Layer
from assay.models import (
    NETWORKS,
    architecture_code,
    architectures,
    check_shape,
    layer_entry,
    layer_options,
    layers_of,
    make_layer,
    make_layers,
)
from assay.models.backbone import standard_resources
from assay.models.bare_models import BARE_MODELS, BARE_VERSION
from assay.models.shape import Option, Shape, options_text, shape_of
from assay.resources import Resources
from assay.tasks.spec import Order
from assay.tasks.task import Task

_LENGTH = 2048  # that is told to layers that ask for it: no more tokens are shown to any
_MEASURED_AT = 8  # width at which causality is measured where a layer does not declare it


@dataclass(frozen=True)
class Candidates:
    """An architecture with everything but its width.

    Attributes:
        architecture: layers in the standard backbone, a network without layers, or a bare model.
        depth: how many times its layers follow each other.
        head_width: of heads that split the width; 0 where their number is given by `heads`.
        heads: of a layer; those of a bare model are each as wide as the layer.
        positions: how a trained network tells them apart, where it is not in the usual way of its task.
        loops: how often all blocks are run.
        options: of the layers, in the order of their names.

    >>> from assay import SparseAveraging
    >>> task = SparseAveraging(length=64, sparsity=2)
    >>> lstm = Candidates("lstm").resources(task, 16)
    >>> lstm.passes, lstm.state_bits(64), lstm.embedding_bits
    (2, 1024, 512)
    """

    architecture: str
    depth: int = 1
    head_width: int = 0
    heads: int = 1
    positions: str = ""
    loops: int = 1
    options: tuple[tuple[str, Option], ...] = ()

    @classmethod
    def of(cls, architecture: str, *, heads: int = 1, **shape: Unpack[Shape]) -> Candidates:
        """Those of a shape."""
        full = shape_of(shape)
        options = tuple(sorted(full["options"].items()))
        return cls(architecture, full["depth"], full["head_width"], heads, full["positions"], full["loops"], options)

    @property
    def shape(self) -> Shape:
        """Everything but the architecture and `heads`."""
        return {
            "depth": self.depth,
            "loops": self.loops,
            "head_width": self.head_width,
            "positions": self.positions,
            "options": dict(self.options),
        }

    @property
    def name(self) -> str:
        """What it is called: the architecture, and what is not usual of its shape.

        >>> Candidates("attention").name, Candidates("attention", depth=2, head_width=4).name
        ('attention', 'attention, depth 2, head dimension 4')
        """
        said = [
            self.architecture,
            options_text(dict(self.options)),
            f"depth {self.depth}" * (self.depth > 1),
            f"{self.loops} loops" * (self.loops > 1),
            f"head dimension {self.head_width}" * (self.head_width > 0),
            f"{self.heads} heads" * (self.heads > 1),
            f"positions {self.positions}" * bool(self.positions),
        ]
        return ", ".join(filter(None, said))

    @property
    def multiple(self) -> int:
        """What widths are multiples of."""
        return self.head_width or (1 if self.architecture in BARE_MODELS else self.heads)

    @property
    def code(self) -> int | str:
        """What stands for its code in the key of a question."""
        return BARE_VERSION if self.architecture in BARE_MODELS else architecture_code(self.architecture)

    def to_json(self) -> Json:
        """The fields in the key of a question; see `candidates_of`."""
        heads = {} if self.heads == 1 else {"heads": self.heads}
        return {"architecture": self.architecture, **heads, **self.shape}

    def resources(self, task: Task, width: int, *, precision: int = 32) -> Resources:
        """What the network of this width declares for `task`; no weights are made.

        Raises:
            AssayError: no such architecture, or it cannot be of this shape.
        """
        _require_known(self.architecture)
        check_shape(self.architecture, heads=self.heads, **self.shape)
        require(width >= 1 and width % self.multiple == 0, "width", width, f"a multiple of {self.multiple}")
        if self.architecture in BARE_MODELS:
            heads = width // self.head_width if self.head_width else self.heads
            shape = {"heads": heads, "head_width": self.head_width, "depth": self.depth}
            return BARE_MODELS[self.architecture].at(width, task, **shape, precision=precision)
        if self.architecture in NETWORKS:
            with _failures_of(self, width), torch.device("meta"), _Unfilled():
                declared = NETWORKS[self.architecture](task.spec, width).resources
        else:
            kind = task.spec.order, task.spec.length
            layers, causal = _layers(self, width, *kind), _is_causal(self, width, *kind)
            declared = standard_resources(task.spec, layers, width, causal=causal, loops=self.loops)
        return replace(declared, precision=precision)

    def at(self, task: Task, *, precision: int = 32) -> Callable[[int], Resources]:
        """The same as a function of the width."""
        return lambda width: self.resources(task, width, precision=precision)


def all_candidates() -> list[Candidates]:
    """Every shipped architecture and bare model, with one layer and one head."""
    return [Candidates(name) for name in [*architectures(), *BARE_MODELS]]


def candidates_of(question: Json) -> Candidates:
    """Those that a question is about one of."""
    return Candidates.of(question["architecture"], heads=question.get("heads", 1), **shape_of(question))


def check_declared(
    networks: Candidates, width: int, *, shipped: bool = False, order: Order = "any"
) -> list[LayerFacts]:
    """Hold layers that are not shipped against what they declare, before anything is made of them.

    They are measured at a small width, or at `width` if they cannot be of that one; `shipped`: so are shipped ones.
    Those that can be told not to look ahead are, where the `order` is causal.

    Raises:
        AssayError: a layer is not what it declares, or it cannot be of this shape.
        Exception: whatever a layer itself raises.
    """
    _require_known(networks.architecture)
    check_shape(networks.architecture, heads=networks.heads, **networks.shape)
    parts = [] if networks.architecture in BARE_MODELS else layers_of(networks.architecture)
    blocks = [(part, index) for index, part in enumerate(parts * networks.depth) if shipped or _is_users(part)]
    different = dict.fromkeys((part, index if "index" in _asked(part) else 0) for part, index in blocks)
    return [_check_part(networks, part, width, index, order) for part, index in different]


def require_declared(
    networks: Candidates, width: int, *, shipped: bool = False, order: Order = "any"
) -> list[LayerFacts]:
    """The same; whatever a layer raises is an AssayError too."""
    with _failures_of(networks, width):
        return check_declared(networks, width, shipped=shipped, order=order)


@cache
def _check_part(networks: Candidates, part: str, width: int, index: int, order: Order) -> LayerFacts:
    """Of the layer in block `index`."""
    facts = _measured(networks, part, width, order, index)
    layer = _make_one(networks, part, facts.width, "any", index)
    if "causal" in _asked(part) or (isinstance(layer, UsersLayer) and layer.masked):
        ordered = _measured(networks, part, width, "causal", index)
        if not ordered.causal:
            raise AssayError(f"{part} looks ahead, though it was given causal=True or a mask")
    return facts


def _measured(networks: Candidates, part: str, width: int, order: Order, index: int) -> LayerFacts:
    def make(at: int) -> Layer:
        return _make_one(networks, part, at, order, index)

    facts = check_layer(make, part, width=_measured_at(networks, part, width, order, index))
    if facts.causal and facts.rank is None:  # the state may be small enough to be measured at a smaller width
        with suppress(RuntimeError, ValueError, TypeError, IndexError):
            facts = check_layer(make, part, width=2 * networks.multiple)
    return facts


def _require_known(architecture: str) -> None:
    known = [*architectures(), *BARE_MODELS]
    for part in [architecture] if architecture in known else architecture.split("+"):
        if ":" not in part and part not in known:
            raise unknown("architecture", part, known)


def _is_users(part: str) -> bool:
    return not layer_entry(part).__module__.startswith("assay.")


def _asked(part: str) -> Collection[str]:
    """What a layer is given if it asks for it, and its options."""
    return signature(layer_entry(part)).parameters


def _make_one(networks: Candidates, part: str, width: int, order: Order, index: int) -> Layer:
    """The layer in block `index`, if that is of this kind."""
    own = {name: value for name, value in networks.options if name in layer_options(part)}
    alone = "+" not in networks.architecture
    heads = width // networks.head_width if networks.head_width else networks.heads
    return make_layer(
        part,
        width,
        heads=heads if alone or "heads" in _asked(part) else 1,
        causal=order == "causal",
        rotary=networks.positions == "rotary" and (alone or "rotary" in _asked(part)),
        length=_LENGTH,
        index=index,
        options=own,
    )


def _make(candidates: Candidates, width: int, order: Order, length: int) -> list[Layer]:
    heads = width // candidates.head_width if candidates.head_width else candidates.heads
    return make_layers(
        candidates.architecture,
        width,
        heads=heads,
        causal=order == "causal",
        rotary=candidates.positions == "rotary",
        length=length,
        depth=candidates.depth,
        options=dict(candidates.options),
    )


def _measured_at(candidates: Candidates, part: str, width: int, order: Order, index: int) -> int:
    """A width at which measuring takes a second, of several heads where there may be; or else the one asked for."""
    small = candidates.multiple * max(2 * (candidates.head_width > 0), -(-_MEASURED_AT // candidates.multiple))
    try:
        _make_one(candidates, part, small, order, index)
    except Exception:  # a layer that takes some widths only
        return width
    return small


# What keeps the shape of a tensor, and what layers do to their first numbers.
_SHAPE_KEEPING = {"mul", "__mul__", "__rmul__", "add", "__add__", "neg", "__neg__", "exp", "expm1", "log"}
_IN_PLACE = {"copy_", "mul_"}


class _Unfilled(TorchFunctionMode):
    """Within it nothing is computed of tensors without numbers, for which torch would load code for a second."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func is torch.nn.init.normal_ and "tensor" in given:
            return given["tensor"]
        name = getattr(func, "__name__", "")
        if name in _SHAPE_KEEPING | _IN_PLACE and _alike_without_numbers(args):
            like = args[0]
            return like if name in _IN_PLACE else torch.empty(like.shape, dtype=like.dtype, device=like.device)
        return func(*args, **given)


def _alike_without_numbers(given: Sequence[Any]) -> bool:
    """Floats of one shape, or one tensor of them and numbers."""
    tensors = [one for one in given if isinstance(one, Tensor)]
    return (
        bool(tensors)
        and given[0] is tensors[0]
        and all(one.is_meta and one.is_floating_point() and one.shape == tensors[0].shape for one in tensors)
    )


@cache
def _layers(candidates: Candidates, width: int, order: Order, length: int) -> list[Layer]:
    """Layers without weights, as what they declare is all that is asked of them."""
    with _failures_of(candidates, width), torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"), _Unfilled():
                return _make(candidates, width, order, length)
        except RuntimeError:  # one reads numbers as it is made
            return _make(candidates, width, order, length)


@cache
def _is_causal(candidates: Candidates, width: int, order: Order, length: int) -> bool:
    parts = layers_of(candidates.architecture) * candidates.depth
    for index, (part, layer) in enumerate(zip(parts, _layers(candidates, width, order, length), strict=True)):
        causal = layer.causal
        if causal is None and parts.index(part) < index and "index" not in _asked(part):
            continue  # like the first of its kind
        if causal is None:
            at = _measured_at(candidates, part, width, order, index)
            with _failures_of(candidates, at), torch.random.fork_rng(devices=[]):
                causal = is_causal(_make_one(candidates, part, at, order, index), at)
        if not causal:
            return False
    return True


@contextmanager
def _failures_of(candidates: Candidates, width: int) -> Generator[None]:
    """Whatever a user's layer raises, as an AssayError."""
    try:
        yield
    except AssayError:
        raise
    except (Exception, SystemExit) as error:  # a layer may even leave the program
        raise AssayError(
            one_line(f"{candidates.architecture} of width {width} fails: {type(error).__name__}: {error}")
        ) from error
