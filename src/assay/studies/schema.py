"""The shape of a study file: which keys it must have, and what their values must be. All is checked before a run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from assay.constructions import CONSTRUCTIONS
from assay.errors import AssayError, unknown
from assay.learning.training import Recipe
from assay.networks import family
from assay.tasks import TASKS

# A shape is a type, a list with the shape of its items, or a table of shapes; a key with a question mark may be absent.
_RECIPE = {f"{field.name}?": {"int": int, "float": float, "str": str}[str(field.type)] for field in fields(Recipe)}
_SEARCH = {
    "architecture": str, "start": [int], "steps": [int], "lowest": int, "highest": int, "rates": [float]
}  # fmt: skip
SHAPE: dict[str, Any] = {
    "name": str,
    "title": str,
    "task": dict,
    "bounds": {"precision": int, "lengths": [int]},
    "constructions": {"methods": [str], "draws": int, "lengths": [int]},
    "learning": {"seeds": [int], "ratio": float, "recipe": _RECIPE, "search": [{**_SEARCH, "lengths": [int]}]},
    "sparsity?": {
        "length": int,
        "bounds": {"sparsities": [int]},
        "constructions": {"sparsities": [int]},
        "learning": {"search": [{**_SEARCH, "sparsities": [int]}]},
    },
    "portraits?": [
        {
            "task": dict,
            "method": str,
            "draws": int,
            "architecture": str,
            "width": int,
            "rate": float,
            "recipe": _RECIPE,
        }
    ],
}
_WORDS = {int: "an integer", float: "a number", str: "a text", dict: "a table"}


def check_study(tables: dict[str, Any], study: str) -> None:
    """Raise an AssayError that names the key, its value and what is allowed, unless `tables` are a study's."""
    _check(tables, SHAPE, "", study)
    _check_values(tables, study)
    searches = [("lengths", entry) for entry in tables["learning"]["search"]]
    searches += [("sparsities", entry) for entry in tables.get("sparsity", {}).get("learning", {}).get("search", [])]
    for varied, entry in searches:
        for key in ("start", "steps"):
            if len(entry[key]) != len(entry[varied]):
                raise AssayError(f"study {study}: {key} = {entry[key]} must have one entry for each of {entry[varied]}")
        _each(entry["rates"], lambda rate: 0 < rate <= 1, "rates", "learning rates, above 0 and at most 1", study)
    for entry in [*(entry for _, entry in searches), *tables.get("portraits", [])]:
        family(entry["architecture"])  # refuses what is not an architecture
    portrayed = [entry["method"] for entry in tables.get("portraits", [])]
    for method in [*tables["constructions"]["methods"], *portrayed]:
        if method not in CONSTRUCTIONS:
            raise unknown(f"study {study}: construction", method, CONSTRUCTIONS.names())


def _check_values(tables: dict[str, Any], study: str) -> None:
    learning, across = tables["learning"], tables.get("sparsity", {})
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", tables["name"]):
        raise AssayError(f"study {study}: name = {tables['name']!r} must be lower-case letters, digits and dashes")
    for given in ("length", "sparsity") if across else ("length",):
        if (given in tables["task"]) is (given == "length"):
            raise AssayError(
                f"study {study}: task.{given} must be given {'elsewhere' if given == 'length' else 'here'}"
            )
    for table in [tables["task"], *(portrait["task"] for portrait in tables.get("portraits", []))]:
        if not isinstance(table.get("name"), str):
            raise AssayError(f"study {study}: task has no name")
    if len(learning["seeds"]) != 3 or len(set(learning["seeds"])) != 3:
        raise AssayError(f"study {study}: seeds = {learning['seeds']} is not allowed; it must be 3 different ones")
    distribution = learning["recipe"].get("distribution")
    if distribution not in TASKS[tables["task"]["name"]].distributions:
        raise unknown(f"study {study}: distribution", str(distribution), TASKS[tables["task"]["name"]].distributions)
    for part in (tables["bounds"], tables["constructions"], *learning["search"]):
        _each(part["lengths"], lambda length: length >= 1, "lengths", "different positive integers", study)
    if across:
        for part in (across["bounds"], across["constructions"], *across["learning"]["search"]):
            _each(part["sparsities"], lambda q: q >= 1, "sparsities", "different positive integers", study)
    for table in (tables["constructions"], *tables.get("portraits", [])):
        _each([table["draws"]], lambda draws: draws >= 1, "draws", "at least 1", study)
    for portrait in tables.get("portraits", []):
        _each([portrait["width"]], lambda width: width >= 1, "width", "at least 1", study)


def _each(values: list[Any], fits: Callable[[Any], bool], name: str, allowed: str, study: str) -> None:
    if not values or len(set(values)) < len(values) or not all(map(fits, values)):
        raise AssayError(f"study {study}: {name} = {values} is not allowed; it must be {allowed}")


def _check(value: Any, shape: Any, path: str, study: str) -> None:
    if isinstance(shape, dict):
        _check_table(value, shape, path, study)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise AssayError(f"study {study}: {path} = {value!r} is not allowed; it must be a list")
        for place, item in enumerate(value):
            _check(item, shape[0], f"{path}[{place}]", study)
    else:
        number = shape is float and isinstance(value, int)
        if isinstance(value, bool) or not (number or isinstance(value, shape)):
            raise AssayError(f"study {study}: {path} = {value!r} is not allowed; it must be {_WORDS[shape]}")


def _check_table(value: Any, shape: dict[str, Any], path: str, study: str) -> None:
    if not isinstance(value, dict):
        raise AssayError(f"study {study}: {path} = {value!r} is not allowed; it must be a table")
    inner = {key.removesuffix("?"): part for key, part in shape.items()}
    prefix = f"{path}." if path else ""
    for key in value:
        if key not in inner:
            raise unknown(f"study {study}: {prefix}key", key, inner)
    for key in shape:
        if not key.endswith("?") and key not in value:
            raise AssayError(f"study {study} has no {prefix}{key}")
    for key, part in value.items():
        _check(part, inner[key], f"{prefix}{key}", study)
