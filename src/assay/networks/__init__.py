"""Who computes it: mixers in the standard backbone, networks that are not made of mixers, and the bare backbone."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from assay.errors import require, unknown
from assay.networks.bare_models import BARE_MODELS
from assay.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from assay.networks.base import Mixer, Network
    from assay.networks.task_network import TaskNetwork
    from assay.tasks.base import Task
    from assay.tasks.spec import Spec

MIXERS: Registry[type[Mixer]] = Registry("mixer", "assay.networks.mixers", "assay.mixers", "assay.networks.base:Mixer")
NETWORKS: Registry[type[Network]] = Registry("network", "assay.networks", "assay.networks")


def architectures() -> list[str]:
    """Names of all architectures: the mixers, each in the standard backbone, and the networks without a mixer."""
    return sorted([*MIXERS.names(), *NETWORKS.names()])


def named_architecture(name: str, folder: Path | None = None) -> str:
    """The name that questions and files have for what a user calls `name`: see `assay.registry.Registry.named`."""
    if ":" in name or name.endswith(".py"):
        return MIXERS.named(name, folder)
    if name not in NETWORKS and name not in MIXERS:
        raise unknown("architecture", name, architectures())
    return name if name in NETWORKS else MIXERS.named(name)


def architecture_code(architecture: str) -> int | str:
    """What stands for an architecture's code in the key of a question: see `assay.registry.Registry.code`."""
    return (NETWORKS if architecture in NETWORKS else MIXERS).code(architecture)


def family(architecture: str) -> str:
    """Whose colour the architecture has in charts: attention, recurrent, ...; its own name where it does not say."""
    return architecture_entry(architecture).family or architecture


def check_shape(architecture: str, *, depth: int = 1, head_width: int = 0, heads: int = 1) -> None:
    """Raise an AssayError if the architecture, or the bare model, cannot be that deep or have such heads."""
    require(head_width == 0 or heads == 1, "heads", heads, "left out where head_width says how wide each is")
    if architecture in BARE_MODELS:
        splits = BARE_MODELS[architecture].has_heads
        require(splits or depth == 1, "depth", depth, f"1 for {architecture}: what it has does not depend on it")
    else:
        blocks = architecture not in NETWORKS
        require(blocks or depth == 1, "depth", depth, f"1 for {architecture}, which is not made of blocks")
        splits = blocks and "heads" in signature(architecture_entry(architecture)).parameters
    require(splits or head_width == 0, "head_width", head_width, f"0 for {architecture}, which has no heads")
    require(splits or heads == 1, "heads", heads, f"1 for {architecture}, which has no heads")


def usual_positions(spec: Spec) -> str:
    """How positions are told apart unless a request says otherwise: not at all where the order is causal.

    Layers that see only earlier tokens tell positions apart by that, and a table knows one length alone.
    """
    return "none" if spec.order == "causal" and spec.pointing is None else "table"


def make_layer(architecture: str, width: int, *, heads: int = 1, causal: bool = False, rotary: bool = False) -> Mixer:
    """A layer with weights drawn from torch's generator. `causal`: that looks at no later token, if it can be told so.

    Raises:
        AssayError: no such layer, or none with that many heads or rotary scores.
    """
    entry = architecture_entry(architecture)
    options: dict[str, Any] = {"heads": heads} if heads > 1 else {}
    accepted = signature(entry).parameters
    if causal and "causal" in accepted:
        options["causal"] = True
    if rotary:
        allowed = "none or table"
        require("rotary" in accepted, "positions", "rotary", f"{allowed} for {architecture}, which cannot be rotary")
        options["rotary"] = True
    return entry(width, **options)


def make_network(
    architecture: str, task: Task[Any], width: int, *, seed: int, depth: int = 1, head_width: int = 0,
    positions: str = "",
) -> TaskNetwork:  # fmt: skip
    """A network to be trained on `task`, with weights drawn from `seed`.

    `architecture` is a mixer's name, which is put into the standard backbone, or the name of a network without a mixer.
    A user's own mixer has the name that `named_architecture` gives. `depth` is the number of blocks of the backbone.
    `head_width` splits a mixer that can be split into heads of that width; 0 is one head. `positions` are `none`,
    `table` or `rotary`; the usual ones of the task unless given.

    >>> from assay import SparseAveraging
    >>> network = make_network("attention", SparseAveraging(length=8, sparsity=2, layout="last"), width=6, seed=0)
    >>> network.size.width, network.size.message_bits
    (6, 192)
    """
    import torch

    from assay.arithmetic import in_float32
    from assay.networks.standard import Backbone
    from assay.networks.task_network import joined

    check_shape(architecture, depth=depth, head_width=head_width)
    require(width % (head_width or 1) == 0, "head_width", head_width, f"a divisor of width = {width}")
    spec, kind = task.spec, positions or usual_positions(task.spec)
    with in_float32(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if architecture in NETWORKS:
            require(positions == "", "positions", positions, f"left out for {architecture}, which reads all as one")
            return joined(task, NETWORKS[architecture](spec, width))
        heads, causal, rotary = width // (head_width or width), spec.order == "causal", kind == "rotary"
        layers = [make_layer(architecture, width, heads=heads, causal=causal, rotary=rotary) for _ in range(depth)]
        return joined(task, Backbone(spec, layers, width, "none" if rotary else kind))


def architecture_entry(architecture: str) -> Any:
    """The mixer's or network's class.

    Raises:
        AssayError: there is none of this name.
    """
    if architecture in NETWORKS:
        return NETWORKS[architecture]
    if architecture in MIXERS or ":" in architecture:
        return MIXERS[architecture]
    raise unknown("architecture", architecture, architectures())


__all__ = [
    "MIXERS", "NETWORKS", "architecture_code", "architecture_entry", "architectures", "check_shape", "family",
    "make_layer", "make_network", "named_architecture", "usual_positions",
]  # fmt: skip
