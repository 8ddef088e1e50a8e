"""The shape of a study file: which keys it must have, and what their values must be. All is checked before a run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

from assay.constructions import CONSTRUCTIONS
from assay.errors import AssayError, unknown
from assay.frontier import contender
from assay.learning.training import Recipe
from assay.networks import check_shape, family
from assay.networks.fixed_point import MOST_BITS
from assay.protocols import PROTOCOLS
from assay.tasks import TASKS
from assay.tasks.counter import SEED_BITS

# A shape is a type, a list with the shape of its items, or a table of shapes; a key with a question mark may be absent,
# and a table with the key * has keys of the user's.
_RECIPE = {f"{field.name}?": {"int": int, "float": float, "str": str}[str(field.type)] for field in fields(Recipe)}
_RECIPE_WITHOUT_STEPS = {key: shape for key, shape in _RECIPE.items() if key != "steps?"}
_SEARCH = {
    "architecture": str, "depth?": int, "head_width?": int, "at": [int], "start?": [int], "steps": [int], "lowest": int,
    "highest": int, "rates": [float],
}  # fmt: skip
_PRECISION = {"at": [int], "methods": [str], "draws": int}
_LINE = {
    "title?": str, "task": dict, "along": str, "bounds?": [int], "constructions?": [int], "methods?": [str],
    "certificates?": [int], "precision?": _PRECISION, "recipe?": _RECIPE_WITHOUT_STEPS, "search?": [_SEARCH],
}  # fmt: skip
_TRAINED = {
    "architecture": str, "depth?": int, "head_width?": int, "width": int, "rate": float, "seed?": int,
    "recipe": _RECIPE,
}  # fmt: skip
_PROTOCOL = {
    "protocol": str, "title?": str, "task": dict, "constructed?": str, "trained?": _TRAINED, "bits?": int,
    "fraction?": int, "instances": int,
}  # fmt: skip
_PORTRAIT = {
    "task": dict, "method": str, "draws": int, "architecture": str, "width": int, "rate": float, "recipe": _RECIPE,
}  # fmt: skip
SHAPE: dict[str, Any] = {
    "name": str,
    "title": str,
    "seeds": [int],
    "ratio": float,
    "precision": int,
    "draws": int,
    "recipe": _RECIPE_WITHOUT_STEPS,
    "lines": {"*": _LINE},
    "portraits?": [_PORTRAIT],
    "protocols?": [_PROTOCOL],
}
_WORDS = {int: "an integer", float: "a number", str: "a text", dict: "a table"}
_NAME = r"[a-z0-9][a-z0-9-]*"
_POSITIVE = "different positive integers"


def check_study(tables: dict[str, Any], study: str) -> None:
    """Raise an AssayError that names the key, its value and what is allowed, unless `tables` are a study's."""
    _check(tables, SHAPE, "", study)
    _fits(study, "name", tables["name"], re.fullmatch(_NAME, tables["name"]), "lower-case letters, digits and dashes")
    seeds = tables["seeds"]
    _fits(study, "seeds", seeds, len(seeds) == len(set(seeds)) == 3, "3 different ones")
    _fits(study, "precision", tables["precision"], tables["precision"] >= 1, "at least 1")
    _fits(study, "draws", tables["draws"], tables["draws"] >= 1, "at least 1")
    _fits(study, "lines", tables["lines"], tables["lines"], "at least one table")
    for name, line in tables["lines"].items():
        _check_line(line, name, tables["recipe"], study)
    for place, portrait in enumerate(tables.get("portraits", [])):
        _check_portrait(portrait, f"portraits[{place}]", tables["recipe"], study)
    for place, protocol in enumerate(tables.get("protocols", [])):
        _check_protocol(protocol, f"protocols[{place}]", tables["recipe"], study)


def _check_line(line: dict[str, Any], name: str, recipe: dict[str, Any], study: str) -> None:
    path, along = f"lines.{name}", line["along"]
    _fits(study, "the name of a line", name, re.fullmatch(_NAME, name), "lower-case letters, digits and dashes")
    _check_task(line["task"], f"{path}.task", study)
    symbols = varied(line["task"]["name"])
    if along not in symbols:
        raise unknown(f"study {study}: {path}.along", along, symbols)
    if along in line["task"]:
        raise AssayError(f"study {study}: {path}.task.{along} must not be given, since the line goes along it")
    _check_distribution({**recipe, **line.get("recipe", {})}, line["task"], path, study)
    for key in ("bounds", "constructions", "certificates"):
        if key in line:
            _each(line[key], lambda value: value >= 1, f"{path}.{key}", _POSITIVE, study)
    if ("constructions" in line) is not ("methods" in line):
        raise AssayError(f"study {study}: {path} must have constructions and methods, or neither")
    if "certificates" in line and "methods" not in line:
        raise AssayError(f"study {study}: {path} has certificates, so it must have methods")
    if "precision" in line:
        _check_precision(line["precision"], line["task"]["name"], f"{path}.precision", study)
    for method in line.get("methods", []):
        _check_method(method, line["task"]["name"], study)
    if not {"bounds", "constructions", "precision", "search"} & set(line):
        raise AssayError(f"study {study}: {path} asks nothing; it must have bounds, constructions, precision or search")
    for place, search in enumerate(line.get("search", [])):
        _check_search(search, f"{path}.search[{place}]", study)
    contenders = [contender(search) for search in line.get("search", [])]
    _fits(
        study,
        f"{path}.search",
        contenders,
        len(set(contenders)) == len(contenders),
        "different architectures, depths or widths of heads",
    )


def _check_search(search: dict[str, Any], path: str, study: str) -> None:
    depth, head_width = search.get("depth", 1), search.get("head_width", 0)
    check_shape(search["architecture"], depth=depth, head_width=head_width)  # refuses what is not an architecture
    _each(search["at"], lambda value: value >= 1, f"{path}.at", _POSITIVE, study)
    for key in ("start", "steps"):
        if key in search and len(search[key]) != len(search["at"]):
            raise AssayError(
                f"study {study}: {path}.{key} = {search[key]} must have one entry for each of {search['at']}"
            )
    _each(search["rates"], lambda rate: 0 < rate <= 1, f"{path}.rates", "learning rates, above 0 and at most 1", study)
    for key in ("depth", "head_width"):
        _fits(study, f"{path}.{key}", search.get(key), search.get(key, 1) >= 1, "at least 1")


def _check_precision(precision: dict[str, Any], task: str, path: str, study: str) -> None:
    _each(precision["at"], lambda value: value >= 1, f"{path}.at", _POSITIVE, study)
    for method in precision["methods"]:
        _check_method(method, task, study)
    _fits(study, f"{path}.draws", precision["draws"], precision["draws"] >= 1, "at least 1")


def _check_protocol(protocol: dict[str, Any], path: str, recipe: dict[str, Any], study: str) -> None:
    _check_task(protocol["task"], f"{path}.task", study)
    if protocol["protocol"] not in PROTOCOLS:
        raise unknown(f"study {study}: {path}.protocol", protocol["protocol"], PROTOCOLS.names())
    if ("constructed" in protocol) is ("trained" in protocol):
        raise AssayError(f"study {study}: {path} must have a network that is constructed or one that is trained")
    if "constructed" in protocol:
        _check_method(protocol["constructed"], protocol["task"]["name"], study)
    else:
        trained = protocol["trained"]
        check_shape(trained["architecture"], depth=trained.get("depth", 1), head_width=trained.get("head_width", 0))
        distribution = {key: recipe[key] for key in ("distribution",) if key in recipe}
        _check_distribution({**distribution, **trained["recipe"]}, protocol["task"], path, study)
        if "steps" not in trained["recipe"]:
            raise AssayError(f"study {study} has no {path}.trained.recipe.steps")
        for key, fits, allowed in (
            ("width", trained["width"] >= 1, "at least 1"),
            ("rate", 0 < trained["rate"] <= 1, "a learning rate, above 0 and at most 1"),
            ("seed", 0 <= trained.get("seed", 0) < 1 << SEED_BITS, f"from 0 to {(1 << SEED_BITS) - 1}"),
        ):
            _fits(study, f"{path}.trained.{key}", trained.get(key, 0), fits, allowed)
    _fits(
        study, f"{path}.bits", protocol.get("bits", 1), 1 <= protocol.get("bits", 1) <= MOST_BITS, f"1 to {MOST_BITS}"
    )
    if ("bits" in protocol) is not ("fraction" in protocol):
        raise AssayError(f"study {study}: {path} must have bits and fraction, or neither")
    _fits(study, f"{path}.instances", protocol["instances"], protocol["instances"] >= 1, "at least 1")


def _check_portrait(portrait: dict[str, Any], path: str, recipe: dict[str, Any], study: str) -> None:
    _check_task(portrait["task"], f"{path}.task", study)
    _check_method(portrait["method"], portrait["task"]["name"], study)
    family(portrait["architecture"])
    distribution = {key: recipe[key] for key in ("distribution",) if key in recipe}
    _check_distribution({**distribution, **portrait["recipe"]}, portrait["task"], path, study)
    if "steps" not in portrait["recipe"]:
        raise AssayError(f"study {study} has no {path}.recipe.steps")
    for key in ("draws", "width"):
        _fits(study, f"{path}.{key}", portrait[key], portrait[key] >= 1, "at least 1")


def varied(task: str) -> dict[str, str]:
    """Parameters of a task that a line can go along, and their symbols."""
    parameters = {field.name for field in fields(TASKS[task])}  # ty: ignore[invalid-argument-type]
    return {name: symbol for name, symbol in TASKS[task].symbols.items() if name in parameters}


def _check_task(table: dict[str, Any], path: str, study: str) -> None:
    if not isinstance(table.get("name"), str):
        raise AssayError(f"study {study}: {path} has no name")
    if table["name"] not in TASKS:
        raise unknown(f"study {study}: {path}.name", table["name"], TASKS.names())


def _check_method(method: str, task: str, study: str) -> None:
    if method not in CONSTRUCTIONS:
        raise unknown(f"study {study}: construction", method, CONSTRUCTIONS.names())
    solved = CONSTRUCTIONS[method].solves
    if task not in solved:
        raise AssayError(f"study {study}: construction {method!r} solves {', '.join(solved)}, not {task}")


def _check_distribution(recipe: dict[str, Any], task: dict[str, Any], path: str, study: str) -> None:
    if "distribution" not in recipe:
        raise AssayError(f"study {study} has no recipe.distribution, nor has {path}")
    known = TASKS[task["name"]].distributions
    if recipe["distribution"] not in known:
        raise unknown(f"study {study}: {path}: distribution", recipe["distribution"], known)


def _fits(study: str, name: str, value: Any, holds: Any, allowed: str) -> None:
    if not holds:
        raise AssayError(f"study {study}: {name} = {value!r} is not allowed; it must be {allowed}")


def _each(values: list[Any], fits: Callable[[Any], bool], name: str, allowed: str, study: str) -> None:
    _fits(study, name, values, values and len(set(values)) == len(values) and all(map(fits, values)), allowed)


def _check(value: Any, shape: Any, path: str, study: str) -> None:
    if isinstance(shape, dict):
        _check_table(value, shape, path, study)
    elif isinstance(shape, list):
        _fits(study, path, value, isinstance(value, list), "a list")
        for place, item in enumerate(value):
            _check(item, shape[0], f"{path}[{place}]", study)
    else:
        number = shape is float and isinstance(value, int)
        fits = not isinstance(value, bool) and (number or isinstance(value, shape))
        _fits(study, path, value, fits, _WORDS[shape])


def _check_table(value: Any, shape: dict[str, Any], path: str, study: str) -> None:
    _fits(study, path, value, isinstance(value, dict), "a table")
    prefix = f"{path}." if path else ""
    if "*" in shape:
        inner = dict.fromkeys(value, shape["*"])
    else:
        inner = {key.removesuffix("?"): part for key, part in shape.items()}
        _check_keys(value, shape, inner, prefix, study)
    for key, part in value.items():
        _check(part, inner[key], f"{prefix}{key}", study)


def _check_keys(value: dict[str, Any], shape: Iterable[str], known: Iterable[str], prefix: str, study: str) -> None:
    for key in value:
        if key not in known:
            raise unknown(f"study {study}: {prefix}key", key, known)
    for key in shape:
        if not key.endswith("?") and key not in value:
            raise AssayError(f"study {study} has no {prefix}{key}")
