"""The parameters of a task as its class declares them, read from the text of its file: nothing is imported or run.

That is what help and completion need: importing a task would import torch, and running code of a user's own is no
business of a press of the tab key.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import assay
from assay.tasks import TASKS

_ROOT = Path(assay.__file__).parent
_BASE = "Task"  # in assay.tasks: the class that every task derives from
_TRUTH = ("true", "false")


@dataclass(frozen=True)
class TaskParameter:
    """One parameter of a task.

    Attributes:
        name: of the field.
        kind: the type, as it is written.
        values: all that are allowed, where these are few; empty else.
        default: as it is written; None where the parameter must be given.
        meaning: what the docstring says; empty where it says nothing.
    """

    name: str
    kind: str
    values: tuple[str, ...]
    default: str | None
    meaning: str


@dataclass(frozen=True)
class DeclaredTask:
    """What a task's class declares.

    Attributes:
        parameters: in the order of its fields.
        distributions: of inputs, each with what it is.
    """

    parameters: tuple[TaskParameter, ...]
    distributions: dict[str, str]


@dataclass(frozen=True)
class _Module:
    """The text of a file: its classes, its types that are given names, and from where it imports names."""

    classes: dict[str, ast.ClassDef]
    named: dict[str, ast.expr]
    imports: dict[str, tuple[str, str]]  # name here: module, name there


def declared_task(name: str) -> DeclaredTask | None:
    """What the task of this name, or `file.py:Class`, declares; None where that is no task whose file can be read.

    >>> [one.name for one in declared_task("match3").parameters]
    ['length', 'modulus', 'notation']
    """
    shipped = name in TASKS.names()
    where, _, wanted = (
        (str(_file(f"assay.tasks.{name.replace('-', '_')}")), "", "") if shipped else name.rpartition(":")
    )
    if not shipped and not where.endswith(".py"):
        return None
    try:
        module = _read(Path(where))
    except (OSError, SyntaxError, ValueError):
        return None
    chosen = [one for one in module.classes.values() if one.name == wanted or (shipped and _registers(one))]
    lineage = list(_lineage(chosen[0], module)) if chosen else []
    if not shipped and not any(kind.name == _BASE for kind, _ in lineage):
        return None
    parameters: dict[str, TaskParameter] = {}
    distributions: dict[str, str] = {}
    meanings: dict[str, str] = {}
    for kind, home in lineage:
        meanings |= _attributes(ast.get_docstring(kind) or "")
        for field in _fields(kind):
            if field.target.id == "distributions":
                distributions = _texts(field.value)
            elif _is_parameter(field):
                parameters[field.target.id] = _parameter(field, home)
    described = tuple(
        TaskParameter(one.name, one.kind, one.values, one.default, meanings.get(one.name, ""))
        for one in parameters.values()
    )
    return DeclaredTask(described, distributions)


@dataclass(frozen=True)
class _Field:
    target: ast.Name
    annotation: ast.expr
    value: ast.expr | None


def _fields(kind: ast.ClassDef) -> Iterator[_Field]:
    for line in kind.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            yield _Field(line.target, line.annotation, line.value)


def _is_parameter(field: _Field) -> bool:
    """Whether a call of the class takes it."""
    derived = isinstance(field.value, ast.Call) and any(
        word.arg == "init" and isinstance(word.value, ast.Constant) and not word.value.value
        for word in field.value.keywords
    )
    return not derived and not ast.unparse(field.annotation).startswith("ClassVar")


def _parameter(field: _Field, home: _Module) -> TaskParameter:
    kind = home.named.get(ast.unparse(field.annotation), field.annotation)
    values: tuple[str, ...] = _TRUTH if ast.unparse(kind) == "bool" else ()
    if isinstance(kind, ast.Subscript) and ast.unparse(kind.value).endswith("Literal"):
        values = tuple(str(one.value) for one in ast.walk(kind.slice) if isinstance(one, ast.Constant))
    default = None if field.value is None else ast.unparse(field.value).strip("'")
    if values is _TRUTH and default is not None:
        default = default.lower()
    return TaskParameter(field.target.id, ast.unparse(field.annotation), values, default, "")


def _lineage(kind: ast.ClassDef, home: _Module) -> Iterator[tuple[ast.ClassDef, _Module]]:
    """The classes that a class derives from, as far as their files can be read, bases first, and itself."""
    for base in kind.bases:
        name = ast.unparse(base).partition("[")[0]
        if name in home.classes and name != kind.name:
            yield from _lineage(home.classes[name], home)
        elif name in home.imports:
            found = _imported(*home.imports[name])
            if found is not None:
                yield from _lineage(*found)
    yield kind, home


def _imported(module: str, name: str) -> tuple[ast.ClassDef, _Module] | None:
    """A class of a module of Assay's; None for others."""
    if module in ("assay", "assay.tasks") and name == _BASE:
        module = "assay.tasks.task"
    elif module == "assay":  # such as SparseAveraging: the file has its name
        module = f"assay.tasks.{re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', name).lower()}"
    path = _file(module)
    home = _read(path) if path is not None and path.exists() else None
    return None if home is None or name not in home.classes else (home.classes[name], home)


def _file(module: str) -> Path | None:
    first, *parts = module.split(".")
    return _ROOT.joinpath(*parts).with_suffix(".py") if first == "assay" and parts else None


@cache
def _read(path: Path) -> _Module:
    lines = ast.parse(path.read_text("utf-8")).body
    assigned = [line for line in lines if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)]
    return _Module(
        {line.name: line for line in lines if isinstance(line, ast.ClassDef)},
        {ast.unparse(line.targets[0]): line.value for line in assigned},
        {
            name.asname or name.name: (line.module or "", name.name)
            for line in lines
            if isinstance(line, ast.ImportFrom)
            for name in line.names
        },
    )


def _registers(kind: ast.ClassDef) -> bool:
    return any(ast.unparse(one) == "TASKS.register" for one in kind.decorator_list)


def _texts(value: ast.expr | None) -> dict[str, str]:
    try:
        found = None if value is None else ast.literal_eval(value)
    except ValueError:
        found = None
    return {str(key): str(text) for key, text in found.items()} if isinstance(found, dict) else {}


def _attributes(docstring: str) -> dict[str, str]:
    """What the section `Attributes` says of each name.

    >>> _attributes("A line.\\n\\nAttributes:\\n    length: N, the\\n        number.\\n    top: k.\\n\\nMore.")
    {'length': 'N, the number.', 'top': 'k.'}
    """
    section = re.search(r"^Attributes:\n((?:    .*(?:\n|$)|\n(?=    ))*)", docstring, re.MULTILINE)
    found: dict[str, str] = {}
    name = ""
    for line in section[1].splitlines() if section else ():
        start = re.match(r"    (\w+): (.*)", line)
        if start:
            name = start[1]
            found[name] = start[2]
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found
