"""Who computes it: layers in the standard backbone, networks that are not made of layers, and the bare backbone.

An architecture is a layer, several that take turns (`delta-net+attention`), or a network without layers.
"""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Unpack

from assay.errors import AssayError, one_line, require, unknown
from assay.layers import LAYERS
from assay.models.bare_models import BARE_MODELS
from assay.models.shape import Option, Shape, shape_of
from assay.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assay.layers.layer import Layer
    from assay.models.network import Network
    from assay.models.task_network import TaskNetwork
    from assay.tasks.spec import Spec
    from assay.tasks.task import Task

NETWORKS: Registry[type[Network]] = Registry("network", "assay.models")


_OF_THE_NETWORK = ("width", "heads", "causal", "rotary", "length", "index")  # what layers are given, if they ask for it
ANY_LAYER: dict[str, Option] = {"conv": 0}  # options of every layer, with what they usually are


def architectures() -> list[str]:
    """Names of all architectures: the layers, each in the standard backbone, and the networks without a layer."""
    return sorted([*LAYERS.names(), *NETWORKS.names()])


def layers_of(architecture: str) -> list[str]:
    """The layers that take turns in an architecture: `delta-net+attention` has two; none for a network without layers.

    >>> layers_of("gru+attention"), layers_of("feed-forward")
    (['gru', 'attention'], [])
    """
    return [] if architecture in NETWORKS else architecture.split("+")


def named_architecture(name: str, folder: Path | None = None) -> str:
    """The name that questions and files have for what a user calls `name`: see `assay.registry.Registry.named`."""
    if name in NETWORKS:
        return name
    parts = name.split("+")
    for part in parts:
        if not (":" in part or part.endswith(".py") or part in LAYERS):
            raise unknown("architecture", part, architectures() if len(parts) == 1 else LAYERS.names())
    return "+".join(LAYERS.named(part, folder) for part in parts)


def architecture_code(architecture: str) -> int | str:
    """What stands for an architecture's code in the key of a question: see `assay.registry.Registry.code`."""
    if architecture in NETWORKS:
        return NETWORKS.code(architecture)
    codes = [LAYERS.code(part) for part in layers_of(architecture)]
    return codes[0] if len(codes) == 1 else "+".join(map(str, codes))


def family(architecture: str) -> str:
    """Whose colour the architecture has in charts: attention, recurrent, ...; its own name where it does not say."""
    if architecture in NETWORKS:
        return NETWORKS[architecture].family or architecture
    families = [getattr(layer_entry(part), "family", "") or part for part in layers_of(architecture)]
    return families[0] if len(set(families)) == 1 else "hybrid"


def layer_entry(name: str) -> type[Layer]:
    """What makes the layer called `name`: a class, or a user's function.

    Raises:
        AssayError: there is none of this name.
    """
    if name in LAYERS or ":" in name:
        return LAYERS[name]
    raise unknown("architecture", name, architectures())


def layer_options(name: str) -> dict[str, object]:
    """The options of a layer with what they usually are; `inspect.Parameter.empty` where it must be said."""
    accepted = signature(layer_entry(name)).parameters.values()
    own = [one for one in accepted if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    return ANY_LAYER | {one.name: one.default for one in own[1:] if one.name not in _OF_THE_NETWORK}


def check_shape(architecture: str, *, heads: int = 1, **shape: Unpack[Shape]) -> None:
    """Raise an AssayError if the architecture, or the bare model, cannot be that deep or have such heads or options."""
    full = shape_of(shape)
    head_width = full["head_width"]
    require(head_width == 0 or heads == 1, "heads", heads, "left out where head_width says how wide each is")
    parts = [] if architecture in BARE_MODELS else layers_of(architecture)
    splits = any("heads" in signature(layer_entry(part)).parameters for part in parts)
    if architecture in BARE_MODELS:
        splits = BARE_MODELS[architecture].has_heads
        require(splits or full["depth"] == 1, "depth", full["depth"], f"1 for {architecture}: it has no depth")
    else:
        no_blocks = f"1 for {architecture}, which is not made of blocks"
        require(bool(parts) or full["depth"] == 1, "depth", full["depth"], no_blocks)
        require(bool(parts) or full["loops"] == 1, "loops", full["loops"], no_blocks)
    require(splits or head_width == 0, "head_width", head_width, f"0 for {architecture}, which has no heads")
    require(splits or heads == 1, "heads", heads, f"1 for {architecture}, which has no heads")
    known = {name: usual for part in parts for name, usual in layer_options(part).items()}
    ours = all(layer_entry(part).__module__.startswith("assay.") for part in parts)
    for name, value in full["options"].items():
        if name not in known:
            raise unknown(f"option of {architecture}", name, sorted(known))
        if ours or name in ANY_LAYER:
            require(_is_like(value, known[name]), name, value, _KINDS.get(type(known[name]), "another value"))


_KINDS: dict[type, str] = {bool: "true or false", int: "an integer", float: "a number", str: "a word"}


def _is_like(value: Option, usual: object) -> bool:
    """Whether a value is of the kind of what is usual."""
    if isinstance(usual, bool) or isinstance(value, bool):
        return isinstance(usual, bool) is isinstance(value, bool)
    return isinstance(value, int | float if isinstance(usual, float) else type(usual))


def usual_positions(spec: Spec) -> str:
    """How positions are told apart unless a request says otherwise: not at all where the order is causal.

    Layers that see only earlier tokens tell positions apart by that, and a table knows one length alone.
    """
    return "none" if spec.order == "causal" and spec.pointing is None else "table"


def make_layer(
    name: str,
    width: int,
    *,
    heads: int = 1,
    causal: bool = False,
    rotary: bool = False,
    length: int = 0,
    index: int = 0,
    options: Mapping[str, Option] | None = None,
) -> Layer:
    """A layer with weights drawn from torch's generator. What it does not ask for by a parameter, it is not given.

    Args:
        name: of a layer.
        width: m.
        heads: only if there are several.
        causal: that it looks at no later token, if it can be told so.
        rotary: that scores depend on how far apart tokens are.
        length: of the sequence.
        index: of its block.
        options: its own, and `conv`, the taps of a short convolution in front of it; 0 for none.

    Raises:
        AssayError: no such layer, or none with that many heads, rotary scores or options, or it cannot be made.
    """
    from assay.layers.common.short_conv import ShortConv
    from assay.layers.common.users_layer import as_layer

    entry = layer_entry(name)
    accepted = signature(entry).parameters
    given: dict[str, object] = {"heads": heads} if heads > 1 else {}
    given |= {"causal": True} if causal and "causal" in accepted else {}
    given |= {key: value for key, value in (("length", length), ("index", index)) if key in accepted}
    if rotary:
        allowed = f"none or table for {name}, which cannot be rotary"
        require("rotary" in accepted, "positions", "rotary", allowed)
        given["rotary"] = True
    own = dict(options or {})
    taps = own.pop("conv", 0) if "conv" not in accepted else 0
    require(isinstance(taps, int) and taps >= 0, "conv", taps, "a number of taps, or 0 for no convolution")
    assert isinstance(taps, int)
    try:
        layer = as_layer(entry(width, **given, **own), ordered=causal)
    except (TypeError, ValueError, RuntimeError) as error:
        if not own or not entry.__module__.startswith("assay."):
            raise
        raise AssayError(one_line(f"{name} of width {width} cannot be made with {own}: {error}")) from error
    if taps:
        require(not layer.block, "conv", taps, f"0 for {name}, which is a whole block")
    return ShortConv(layer, width, taps) if taps else layer


def make_layers(
    architecture: str,
    width: int,
    *,
    heads: int = 1,
    causal: bool = False,
    rotary: bool = False,
    length: int = 0,
    depth: int = 1,
    options: Mapping[str, Option] | None = None,
) -> list[Layer]:
    """The layers of one run through all blocks; each is given those of the options that it has."""
    given, parts = options or {}, layers_of(architecture)
    made = []
    for index in range(depth * len(parts)):
        part = parts[index % len(parts)]
        own = {name: value for name, value in given.items() if name in layer_options(part)}
        split = heads if len(parts) == 1 or "heads" in signature(layer_entry(part)).parameters else 1
        turned = rotary and (len(parts) == 1 or "rotary" in signature(layer_entry(part)).parameters)
        made.append(
            make_layer(part, width, heads=split, causal=causal, rotary=turned, length=length, index=index, options=own)
        )
    return made


def make_network(
    architecture: str, task: Task, width: int, *, seed: int, longest: int = 0, **shape: Unpack[Shape]
) -> TaskNetwork:
    """A network to be trained on `task`, with weights drawn from `seed`.

    `architecture` is a layer's name, or several joined by +, which are put into the standard backbone, or the name of a
    network without a layer. A user's own layer has the name that `named_architecture` gives. `head_width` splits layers
    that can be split into heads of that width; the other fields of the shape are those of `assay.models.shape.Shape`.
    Layers that ask for a length are told the task's, or `longest` where the network will see longer sequences; a table
    of positions then has as many, and sequences begin at random places of it in training.

    >>> from assay import SparseAveraging
    >>> task = SparseAveraging(length=8, sparsity=2, layout="last")
    >>> network = make_network("attention", task, width=6, seed=0)
    >>> network.size.width, network.size.message_bits
    (6, 192)
    >>> make_network("gru+attention", task, width=6, seed=0, loops=2).size.depth
    4
    """
    import torch

    from assay.arithmetic.torch_settings import in_float32
    from assay.models.backbone import Backbone
    from assay.models.task_network import joined

    check_shape(architecture, **shape)
    full, spec = shape_of(shape), task.spec
    head_width = full["head_width"]
    require(width % (head_width or 1) == 0, "head_width", head_width, f"a divisor of width = {width}")
    kind = full["positions"] or usual_positions(spec)
    with in_float32(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if architecture in NETWORKS:
            left_out = f"left out for {architecture}, which reads all as one"
            require(full["positions"] == "", "positions", full["positions"], left_out)
            return joined(task, NETWORKS[architecture](spec, width))
        layers = make_layers(
            architecture,
            width,
            heads=width // (head_width or width),
            causal=spec.order == "causal",
            rotary=kind == "rotary",
            length=max(spec.length, longest),
            depth=full["depth"],
            options=full["options"],
        )
        told = "none" if kind == "rotary" else kind
        return joined(task, Backbone(spec, layers, width, told, full["loops"], longest))


__all__ = [
    "NETWORKS",
    "Option",
    "Shape",
    "architecture_code",
    "architectures",
    "check_shape",
    "family",
    "layer_entry",
    "layer_options",
    "layers_of",
    "make_layer",
    "make_layers",
    "make_network",
    "named_architecture",
    "shape_of",
    "usual_positions",
]
