"""Networks that differ in their width alone, and what each declares: what bounds and searches range over."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from inspect import signature
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from assay.errors import AssayError, one_line, require, unknown
from assay.networks import (
    NETWORKS,
    architecture_code,
    architecture_entry,
    architectures,
    check_shape,
    make_layer,
)
from assay.networks.bare_models import BARE_MODELS, BARE_VERSION
from assay.networks.base import Mixer
from assay.networks.layer_check import LayerFacts, check_layer, is_causal
from assay.networks.standard import standard_resources
from assay.resources import Resources
from assay.tasks.base import Task
from assay.tasks.spec import Order

_MEASURED_AT = 8  # width at which causality is measured where a layer does not declare it


@dataclass(frozen=True)
class Candidates:
    """An architecture with everything but its width.

    Attributes:
        architecture: a layer in the standard backbone, a network without layers, or a bare model.
        depth: blocks.
        head_width: of heads that split the width; 0 where their number is given by `heads`.
        heads: of a layer; those of a bare model are each as wide as the layer.
        positions: how a trained network tells them apart, where it is not in the usual way of its task.

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

    @property
    def name(self) -> str:
        """What it is called: the architecture, and its depth and heads if there are several.

        >>> Candidates("attention").name, Candidates("attention", depth=2, head_width=4).name
        ('attention', 'attention, depth 2, heads of 4')
        """
        said = [self.architecture, f"depth {self.depth}" * (self.depth > 1), f"heads of {self.head_width}" *
                (self.head_width > 0), f"{self.heads} heads" * (self.heads > 1),
                f"positions {self.positions}" * bool(self.positions)]  # fmt: skip
        return ", ".join(filter(None, said))

    @property
    def multiple(self) -> int:
        """What widths are multiples of."""
        return self.head_width or (1 if self.architecture in BARE_MODELS else self.heads)

    @property
    def code(self) -> int | str:
        """What stands for its code in the key of a question."""
        return BARE_VERSION if self.architecture in BARE_MODELS else architecture_code(self.architecture)

    def resources(self, task: Task[Any], width: int, *, precision: int = 32) -> Resources:
        """What the network of this width declares for `task`; no weights are made.

        Raises:
            AssayError: no such architecture, or it cannot be of this shape.
        """
        _require_known(self.architecture)
        check_shape(self.architecture, depth=self.depth, head_width=self.head_width, heads=self.heads)
        require(width >= 1 and width % self.multiple == 0, "width", width, f"a multiple of {self.multiple}")
        if self.architecture in BARE_MODELS:
            heads = width // self.head_width if self.head_width else self.heads
            shape = {"heads": heads, "head_width": self.head_width, "depth": self.depth}
            return BARE_MODELS[self.architecture].at(width, task, **shape, precision=precision)
        if self.architecture in NETWORKS:
            with _failures_of(self, width), torch.device("meta"), _Unfilled():
                declared = NETWORKS[self.architecture](task.spec, width).resources
        else:
            order = task.spec.order
            layers = [_layer(self, width, order) for _ in range(self.depth)]
            declared = standard_resources(task.spec, layers, width, causal=_is_causal(self, width, order))
        return replace(declared, precision=precision)

    def at(self, task: Task[Any], *, precision: int = 32) -> Callable[[int], Resources]:
        """The same as a function of the width."""
        return lambda width: self.resources(task, width, precision=precision)


def all_candidates() -> list[Candidates]:
    """Every shipped architecture and bare model, with one layer and one head."""
    return [Candidates(name) for name in [*architectures(), *BARE_MODELS]]


def candidates_of(question: dict[str, Any]) -> Candidates:
    """Those that a training question is about one of."""
    shape = {name: question[name] for name in ("depth", "head_width", "positions") if name in question}
    return Candidates(question["architecture"], **shape)


@cache
def check_declared(networks: Candidates, width: int) -> LayerFacts | None:
    """Hold a layer that is not shipped against what it declares, before anything is made of it; None for shipped ones.

    It is measured at a small width, or at `width` if it cannot be of that one.

    Raises:
        AssayError: the layer is not what it declares.
        Exception: whatever the layer itself raises.
    """
    if not _is_users(networks):
        return None
    facts = _checked(networks, width, "any")
    if "causal" in signature(architecture_entry(networks.architecture)).parameters:
        causal = _checked(networks, width, "causal")
        if not causal.causal:
            raise AssayError(f"{networks.architecture} looks ahead with causal=True")
    return facts


def _checked(networks: Candidates, width: int, order: Order) -> LayerFacts:
    def make(at: int) -> Mixer:
        return _make(networks, at, order)

    facts = check_layer(make, networks.architecture, width=_measured_at(networks, width, order))
    if facts.causal and facts.rank is None:  # the state may be small enough to be measured at a smaller width
        with suppress(RuntimeError, ValueError, TypeError, IndexError):
            facts = check_layer(make, networks.architecture, width=2 * networks.multiple)
    return facts


def require_declared(networks: Candidates, width: int) -> LayerFacts | None:
    """The same; whatever the layer raises is an AssayError too."""
    with _failures_of(networks, width):
        return check_declared(networks, width)


def _require_known(architecture: str) -> None:
    known = [*architectures(), *BARE_MODELS]
    if ":" not in architecture and architecture not in known:
        raise unknown("architecture", architecture, known)


def _is_users(networks: Candidates) -> bool:
    _require_known(networks.architecture)
    entry = None if networks.architecture in BARE_MODELS else architecture_entry(networks.architecture)
    return isinstance(entry, type) and issubclass(entry, Mixer) and not entry.__module__.startswith("assay.")


def _make(candidates: Candidates, width: int, order: Order) -> Mixer:
    heads = width // candidates.head_width if candidates.head_width else candidates.heads
    return make_layer(candidates.architecture, width, heads=heads, causal=order == "causal")


def _measured_at(candidates: Candidates, width: int, order: Order) -> int:
    """A width at which measuring takes a second, of several heads where there may be; or else the one asked for."""
    small = candidates.multiple * max(2 * (candidates.head_width > 0), -(-_MEASURED_AT // candidates.multiple))
    try:
        _make(candidates, small, order)
    except Exception:  # a layer that takes some widths only
        return width
    return small


class _Unfilled(TorchFunctionMode):
    """Within it tensors without numbers are filled with none, for which torch would load code for a second."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        return given["tensor"] if func is torch.nn.init.normal_ and "tensor" in given else func(*args, **given)


@cache
def _layer(candidates: Candidates, width: int, order: Order) -> Mixer:
    """A layer without weights, as what it declares is all that is asked of it."""
    with _failures_of(candidates, width), torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"), _Unfilled():
                return _make(candidates, width, order)
        except RuntimeError:  # it reads numbers as it is made
            return _make(candidates, width, order)


@cache
def _is_causal(candidates: Candidates, width: int, order: Order) -> bool:
    declared = _layer(candidates, width, order).causal
    if declared is not None:
        return declared
    at = _measured_at(candidates, width, order)
    with _failures_of(candidates, at), torch.random.fork_rng(devices=[]):
        return is_causal(_make(candidates, at, order), at)


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
