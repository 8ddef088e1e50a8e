"""Everything that has a name, with a line or a page about it. Listing imports none of it."""

from __future__ import annotations

import inspect
import sys
import tomllib
from dataclasses import MISSING, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from assay.bounds import BOUNDS
from assay.constructions import CONSTRUCTIONS
from assay.errors import AssayError, unknown
from assay.examine.protocols import PROTOCOLS
from assay.layers import LAYERS
from assay.models import NETWORKS
from assay.models.bare_models import BARE_MODELS, BareModel
from assay.registry import Registry
from assay.store.source import classes_of, entry_at, name_code
from assay.studies import shipped
from assay.tasks import TASKS

_KINDS: dict[str, tuple[Registry[Any], ...]] = {
    "tasks": (TASKS,),
    "architectures": (LAYERS, NETWORKS),
    "constructions": (CONSTRUCTIONS,),
    "bounds": (BOUNDS,),
    "protocols": (PROTOCOLS,),
}
REGISTRIES = tuple(registry for registries in _KINDS.values() for registry in registries)


def catalogue() -> dict[str, dict[str, str]]:
    """One line about each name, by kind."""
    entries = {
        kind: {name: registry.summary(name) for registry in registries for name in registry.names()}
        for kind, registries in _KINDS.items()
    }
    studies = {name: tomllib.loads(path.read_text("utf-8"))["title"] for name, path in shipped().items()}
    models = {name: model.title for name, model in BARE_MODELS.items()}
    return {**entries, "bare models": models, "studies": studies}


def catalogue_of(where: str) -> dict[str, dict[str, str]]:
    """One line about each class of a user's file or module that could be named, by kind; the module is imported."""
    label = name_code(where)
    found: dict[str, dict[str, str]] = {}
    for entry in classes_of(label):
        kinds = [kind for kind, registries in _KINDS.items() if any(one.fits(entry) for one in registries)]
        kinds = kinds or [kind for kind, registries in _KINDS.items() if any(one.takes(entry) for one in registries)]
        for kind in kinds:
            line = (entry.__doc__ or "").strip().split("\n")[0].rstrip(".")
            found.setdefault(kind, {})[f"{where}:{entry.__qualname__}"] = line
    if not found:
        raise AssayError(f"{where} has no class of a task, layer, construction, bound or protocol")
    return {kind: found[kind] for kind in _KINDS if kind in found}


def describe(name: str) -> dict[str, str]:
    """Name, kind and text of everything called `name`, or of `file.py:Class`: docstrings, or the study's file."""
    texts, kinds = [], []
    if name.endswith(".py"):
        within = [one for names in catalogue_of(name).values() for one in names]
        raise AssayError(f"{name!r} names no class; it has: {', '.join(within) or 'none that can be named'}")
    if ":" in name:
        where, _, attribute = name.rpartition(":")
        name = f"{name_code(where)}:{attribute}"
        entry_at(name, object)  # says what there is where it is not
    for kind, registries in _KINDS.items():
        for registry in registries:
            if name in registry:
                entry = registry[name]
                module = inspect.getmodule(entry)
                texts.append("\n\n".join(filter(None, [inspect.getdoc(module), inspect.getdoc(entry), _extras(entry)])))
                kinds.append(kind.removesuffix("s"))
    if name in BARE_MODELS:
        texts.append(f"{BARE_MODELS[name].title}.\n\n{inspect.getdoc(sys.modules[BareModel.__module__])}")
        kinds.append("bare model")
    if name in shipped():
        texts.append(shipped()[name].read_text("utf-8"))
        kinds.append("study")
    if not texts:
        if ":" in name:
            kinds_of = ", ".join(kind.removesuffix("s") for kind in _KINDS)
            raise AssayError(f"{name} is none of these: {kinds_of}")
        raise unknown("name", name, {entry for entries in catalogue().values() for entry in entries})
    return {"name": name, "kind": ", ".join(kinds), "text": "\n\n".join(texts)}


def _extras(entry: Any) -> str:
    """The parameters of a task, with their types and what they are unless given, and its distributions."""
    distributions = getattr(entry, "distributions", None)
    if not distributions:
        return ""
    types = get_type_hints(entry)
    parameters = [
        f"    {one.name}: {_type_text(types[one.name])}{'' if one.default is MISSING else f' = {one.default!r}'}"
        for one in fields(entry)
        if one.init
    ]
    usual = getattr(entry, "usual_distribution", "")
    drawn = [f"    {name}{' (usual)' if name == usual else ''}: {line}" for name, line in distributions.items()]
    return "\n".join(["Parameters:", *parameters, "", "Distributions:", *drawn])


def _type_text(kind: object) -> str:
    return (
        " or ".join(map(repr, get_args(kind))) if get_origin(kind) is Literal else getattr(kind, "__name__", str(kind))
    )
