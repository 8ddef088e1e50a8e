"""Registries: one file, one entry. What is in the folder is what there is.

A registry looks after one folder of the package. A file there that decorates an object with `@REGISTRY.register` is an
entry whose name is the file's name with dashes. Names and one-line summaries come from the files' text, so that
listing imports nothing; an entry's module is imported when the entry is asked for. Other packages add entries through
the entry point group of the registry (`assay.tasks`, `assay.mixers`, ...), and any object can be named as
`package.module:Object`.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from assay.errors import AssayError, unknown

T = TypeVar("T")
Entry = TypeVar("Entry")

_REGISTERS = re.compile(r"^@[A-Z_]+\.register$", re.MULTILINE)


class Registry(Generic[T]):
    """The entries of one kind. `kind` is its word in messages, `package` its folder, `group` its entry point group."""

    def __init__(self, kind: str, package: str, group: str) -> None:
        self.kind, self.package, self.group = kind, package, group
        self._objects: dict[str, T] = {}

    def register(self, obj: Entry) -> Entry:
        """Make `obj` the entry of the file it is defined in."""
        self._objects[_entry_name(obj.__module__)] = cast(T, obj)
        return obj

    def names(self) -> list[str]:
        """Names of all entries, sorted; nothing is imported."""
        return sorted({*_shipped(self.package), *self._entry_points()})

    def summary(self, name: str) -> str:
        """First line of the entry's module docstring (its distribution, for a third party's entry)."""
        path = _shipped(self.package).get(name)
        if path is None:
            return f"from {self._entry_points()[name].value}"
        docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        return docstring.split("\n")[0].rstrip(".")

    def __getitem__(self, name: str) -> T:
        """The entry called `name`, or the object at `package.module:Object`.

        Raises:
            AssayError: no such entry, or the dotted path leads nowhere.
        """
        if name in _shipped(self.package):
            import_module(f"{self.package}.{name.replace('-', '_')}")
            return self._objects[name]
        if name in self._entry_points():
            return self._entry_points()[name].load()
        if ":" in name:
            return _import_path(self.kind, name)
        raise unknown(self.kind, name, self.names())

    def __contains__(self, name: str) -> bool:
        return name in _shipped(self.package) or name in self._entry_points()

    def _entry_points(self) -> dict[str, metadata.EntryPoint]:
        return {point.name: point for point in metadata.entry_points(group=self.group)}


def _entry_name(module: str) -> str:
    return module.rsplit(".", 1)[-1].replace("_", "-")


@cache
def _shipped(package: str) -> dict[str, Path]:
    folder = Path(__file__).parent.joinpath(*package.split(".")[1:])
    return {
        _entry_name(path.stem): path
        for path in sorted(folder.glob("*.py"))
        if _REGISTERS.search(path.read_text("utf-8"))
    }


def _import_path(kind: str, path: str) -> Any:
    module_name, _, attribute = path.partition(":")
    try:
        return getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise AssayError(f"{kind} {path!r} cannot be imported: {error}") from error
