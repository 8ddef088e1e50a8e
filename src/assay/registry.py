"""Registries: one file, one entry. What is in the folder is what there is.

A registry looks after one folder of the package. A file there that decorates an object with `@REGISTRY.register` is an
entry whose name is the file's name with dashes. Names and one-line summaries come from the files' text, so that
listing imports nothing; an entry's module is imported when the entry is asked for. Other packages add entries through
the entry point group of the registry (`assay.tasks`, `assay.layers`, ...). A class of a user's own is an entry once
`Registry.named` was told `path/to/file.py:Class` or `package.module:Class`; looking a name up imports no such code.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import import_module, metadata
from inspect import getdoc
from pathlib import Path
from typing import Generic, Protocol, TypeVar, cast

from assay.errors import AssayError, unknown
from assay.store import source


class _Named(Protocol):
    __module__: str
    __qualname__: str


T = TypeVar("T")
Entry = TypeVar("Entry", bound=_Named)

_IN_NO_FILE = (
    "is the class of no file that was named in this process; name it as file.py:Class or package.module:Class (a class "
    "of a notebook, or one that a function made, is in no file: put it into one)"
)
_REGISTERS = re.compile(r"^@[A-Z_]+\.register$", re.MULTILINE)


class Registry(Generic[T]):
    """The entries of one kind.

    `kind` is its word in messages, with an s that of its entry point group (`assay.tasks`), `package` its folder.
    `base` is the class that users' classes derive from, as `package.module:Class`; without one they can only be entries
    of an installed package. What `accepts` names is a wider class, whose subclasses, and functions that make instances
    of it, are entries if a user names them, though no listing has them.
    """

    def __init__(self, kind: str, package: str, base: str = "", *, accepts: str = "") -> None:
        self.kind, self.package, self._base, self._accepts = kind, package, base, accepts
        self._objects: dict[str, T] = {}  # by module

    def register(self, obj: Entry) -> Entry:
        """Make `obj` the entry of the file it is defined in.

        Raises:
            AssayError: the file has another.
        """
        other = getattr(self._objects.get(obj.__module__), "__qualname__", obj.__qualname__)
        if other != obj.__qualname__:
            both = f"{other} and {obj.__qualname__}"
            raise AssayError(f"{both} are both the {self.kind} {_entry_name(obj.__module__)!r}; a file registers one")
        self._objects[obj.__module__] = cast(T, obj)
        return obj

    def names(self) -> list[str]:
        """Names of all shipped and installed entries, sorted; nothing is imported."""
        return sorted({*_shipped(self.package), *self._entry_points()})

    def path(self, name: str) -> Path | None:
        """The file of a shipped entry; None for other names. Nothing is imported."""
        return _shipped(self.package).get(name)

    def summary(self, name: str) -> str:
        """First line of the entry's module docstring (of a user's class, its own; of another package's, where from)."""
        path = self.path(name)
        if path is not None:
            docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        elif name in self._entry_points():
            docstring = f"from {self._entry_points()[name].value}"
        else:
            docstring = getdoc(self[name])
        return (docstring or "").split("\n")[0].rstrip(".")

    def __getitem__(self, name: str) -> T:
        """The entry called `name`: shipped, of an installed package, or a user's that was named in this process.

        Raises:
            AssayError: no such entry, or it cannot be used.
        """
        if name in _shipped(self.package):
            module = f"{self.package}.{name.replace('-', '_')}"
            import_module(module)
            return self._objects[module]
        if name in self._entry_points():
            return self._load(self._entry_points()[name])
        found = self._users(name)
        if found is None and ":" in name:
            raise AssayError(f"{self.kind} {name!r} {_IN_NO_FILE}")
        if found is None:
            raise unknown(self.kind, name, self.names())
        return cast(T, found)

    def __contains__(self, name: str) -> bool:
        if name in _shipped(self.package) or name in self._entry_points():
            return True
        try:
            return self._users(name) is not None
        except AssayError:
            return False

    def fits(self, kind: type) -> bool:
        """Whether a user's class could be an entry."""
        return bool(self._base) and issubclass(kind, self.base)

    def takes(self, kind: type) -> bool:
        """Whether a user's class is an entry where it is named, though it derives from no class of Assay's."""
        return bool(self._accepts) and issubclass(kind, _class(self._accepts))

    @property
    def base(self) -> type:
        """The class that entries of users derive from."""
        return _class(self._base)

    def named(self, name: str, folder: Path | None = None) -> str:
        """The name that questions and files have for what a user calls `name`. A user's own code is imported.

        Args:
            name: of an entry, `path/to/file.py:Class` or `package.module:Class`.
            folder: that relative paths start from; the current one unless given.

        Raises:
            AssayError: no such entry, file or class, or it cannot be imported or used.
        """
        if name.endswith(".py"):
            label = source.name_code(name, folder)
            fitting = [
                f"{name}:{kind.__name__}" for kind in source.classes_of(label) if self.fits(kind) or self.takes(kind)
            ]
            raise AssayError(f"{self.kind} {name!r} names no class; it has: {', '.join(fitting) or 'none that fits'}")
        if ":" in name:
            where, _, attribute = name.rpartition(":")
            name = f"{source.name_code(where, folder)}:{attribute}"
            return self._installed_name(cast(type, self[name])) or name
        if name in _shipped(self.package) or name in self._entry_points():
            return name
        return source.label_of(cast(type, self[name])) or name

    def name_of(self, kind: type) -> str:
        """The name by which a class is found again, if it is in a file; else `module:Class`, which names nothing."""
        value = f"{kind.__module__}:{kind.__qualname__}"
        return self._installed_name(kind) or source.label_of(kind) or value

    def code(self, name: str) -> int | str:
        """What stands for the code of the entry called `name` in the key of a question, which changes when it does.

        The version of a shipped one, its attribute `version` (1 unless it says otherwise); `name==version` of the
        package that an installed one comes from; a digest of a user's source, and the versions of what it derives from.

        Raises:
            AssayError: it is a user's, and in no file.
        """
        if name in _shipped(self.package):
            return getattr(self[name], "version", 1)
        point = self._entry_points().get(name)
        if point is not None:
            return f"{point.dist.name}=={point.dist.version}" if point.dist else point.value
        label = name if ":" in name else self.named(name)
        own = source.entry_at(label, object, functions=bool(self._accepts)) if ":" in label else None
        if own is None:
            raise AssayError(f"{self.kind} {name!r} {_IN_NO_FILE}")
        bases = [self._installed_name(kind) for kind in getattr(own, "__mro__", (own,))[1:]]
        return " ".join([source.code_of(label).digest, *(f"{base}={self.code(base)}" for base in bases if base)])

    def _users(self, name: str) -> type | None:
        """A class of a user's own, by its label, or by the name under which the user's program registered it."""
        if ":" in name:
            return (
                source.entry_at(name, _class(self._accepts or self._base), functions=bool(self._accepts))
                if self._base
                else None
            )
        own = [cast(type, obj) for module, obj in self._objects.items() if _entry_name(module) == name]
        if len(own) > 1:
            modules = " and ".join(obj.__module__ for obj in own)
            raise AssayError(f"{self.kind} {name!r} is registered by {modules}; name it as package.module:Class")
        return own[0] if own else None

    def _installed_name(self, kind: type) -> str | None:
        """The name of a shipped entry, or of an installed package's; None for other classes."""
        package, _, module = kind.__module__.rpartition(".")
        name = _entry_name(module)
        if package == self.package and name in _shipped(package) and self[name] is kind:
            return name
        value = f"{kind.__module__}:{kind.__qualname__}"
        return next((point.name for point in self._entry_points().values() if point.value == value), None)

    def _load(self, point: metadata.EntryPoint) -> T:
        try:
            return point.load()
        except Exception as error:  # whatever another package does when it is imported
            said = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise AssayError(f"{self.kind} {point.name!r}, {point.value}, cannot be imported: {said}") from error

    def _entry_points(self) -> dict[str, metadata.EntryPoint]:
        return _installed(f"assay.{self.kind}s")


def _class(name: str) -> type:
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


@cache
def _installed(group: str) -> dict[str, metadata.EntryPoint]:
    return {point.name: point for point in metadata.entry_points(group=group)}


def _entry_name(module: str) -> str:
    return module.rpartition(".")[2].partition("@")[0].replace("_", "-")


@cache
def _shipped(package: str) -> dict[str, Path]:
    folder = Path(__file__).parent.joinpath(*package.split(".")[1:])
    return {
        _entry_name(path.stem): path
        for path in sorted(folder.glob("*.py"))
        if _REGISTERS.search(path.read_text("utf-8"))
    }
