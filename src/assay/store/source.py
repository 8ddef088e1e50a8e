"""Code of a user's own: named by file or by module, read once, and known by what it says.

`path/to/file.py:Class` and `package.module:Class` name a class. Its module is read together with the local modules that
it imports, and runs from the text that was read: what a digest speaks of is what runs, and other processes are given
that text. Code runs only when `name_code` is told to import it; what stands in a file or a ledger is only looked up.

A module's label is `file.py` or `package.module`. The folder is no part of it, so a moved file keeps its answers.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module, invalidate_caches
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec, spec_from_file_location
from inspect import isfunction
from pathlib import Path
from types import CodeType, ModuleType
from typing import cast

from assay import __version__
from assay.errors import AssayError, ParameterError, one_line, suggestion
from assay.store.syntax import Module, digest_of, imports_of, short_sha256


@dataclass(frozen=True)
class Code:
    """What a user named: a module, and what it imports.

    Attributes:
        label: `file.py` or `package.module`.
        name: of the module in `sys.modules`.
        modules: the local ones: itself, and what it imports, directly or not.
        packages: `name==version` of installed packages that these import.
    """

    label: str
    name: str
    modules: tuple[Module, ...]
    packages: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """32 hexadecimal digits, which change when the modules do, but for comments, docstrings and layout."""
        names = {self.name: ""}  # the name of a file's module depends on its folder
        modules = sorted((names.get(module.name, module.name), digest_of(module)) for module in self.modules)
        return short_sha256(repr((modules, self.packages)).encode())

    @property
    def path(self) -> str:
        """Of its file; empty for an installed package."""
        return next((module.path for module in self.modules if module.name == self.name), "")


_NAME = re.compile(r"([\w .+-]+\.py|\w+(\.\w+)*):\w+")  # label:Class
_known: dict[str, Code] = {}  # what was named in this process, by label
_served: dict[str, Module] = {}  # what runs from the text that was read, by name


def name_code(where: str, folder: Path | None = None) -> str:
    """Import a file or a module of a user's, unless that was done before; its label.

    Args:
        where: `path/to/file.py` or `package.module`.
        folder: that relative paths start from, and where packages are found beside `sys.path`; the current one unless
            given.

    Raises:
        AssayError: it is not there, cannot be imported, or differs from what has that label in this process.
    """
    invalidate_caches()
    folder = (folder or Path()).resolve()
    if where.endswith(".py"):
        path = Path(os.path.realpath(folder / where))
        if not os.path.isfile(path):  # Path.is_file raises for names that are too long
            if where in _known:
                return where  # the label itself
            raise AssayError(f"there is no file {one_line(str(path))}")
        label, name, folder = path.name, f"{path.stem}@{short_sha256(str(path).encode())[:12]}", path.parent
        named: list[Module | ModuleSpec] = [_read(name, str(path), ())]
    else:
        label = name = where
        parts = where.split(".")
        named = list(_specs(where, folder)) if all(part.isidentifier() for part in parts) else []
        if len(named) < len(parts):
            raise AssayError(f"there is no module {where!r} in {folder} or among what is installed")
    code = Code(label, name, *_with_imports(named, folder))
    adopt(code)
    return label


def adopt(code: Code) -> None:
    """Import code as it was read, in this or in another process, unless that was done before.

    Raises:
        AssayError: it cannot be imported, or differs from what has its label, or a module's name, in this process.
    """
    if code.label in _known:
        if _known[code.label].digest != code.digest:
            raise _clash(code.label, _known[code.label].path, code.path)
        return
    for module in code.modules:
        served, there = _served.get(module.name), _file_of(sys.modules.get(module.name))
        if served and (served.path, digest_of(served)) != (module.path, digest_of(module)):
            raise _clash(module.name, served.path, module.path)
        if there and module.path and there != module.path:
            raise _clash(module.name, there, module.path)
    _import(code)
    _known[code.label] = code


def entry_at(name: str, base: type, *, functions: bool = False) -> type | None:
    """The class `label:Class`, or with `functions` a function, if that label was named in this process; None if not.

    Raises:
        AssayError: the module has no such class, or it is no `base`, or one that lacks methods.
    """
    label, _, attribute = name.rpartition(":")
    if label not in _known:
        return None
    found = getattr(sys.modules[_known[label].name], attribute, None)
    if found is None:
        fitting = [kind.__qualname__ for kind in classes_of(label) if issubclass(kind, base)]
        hint, kinds = suggestion(attribute, fitting), "Classes" if base is object else f"{base.__name__} classes"
        raise AssayError(f"{label} has no {attribute!r}{hint} {kinds} in it: {', '.join(fitting) or 'none'}")
    if functions and isfunction(found):
        return cast(type, found)
    if not (isinstance(found, type) and issubclass(found, base)):
        kind = f"{'' if base is object else f'{base.__name__} '}class"
        raise AssayError(f"{name} is neither a {kind} nor a function" if functions else f"{name} is not a {kind}")
    if abstract := getattr(found, "__abstractmethods__", None):
        raise AssayError(f"{name} lacks {', '.join(sorted(abstract))}")
    return found


def classes_of(label: str) -> list[type]:
    """The classes that a named module defines, in the order of its file."""
    module = sys.modules[_known[label].name]
    return [kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__]


def label_of(kind: type) -> str | None:
    """`label:Class` of a class that a user's program has imported or defines; None if it is in no file.

    That of a notebook is not, nor one that was made in a function or as the program ran.
    """
    module = sys.modules.get(kind.__module__)
    if module is None or vars(module).get(kind.__qualname__) is not kind:
        return None
    for label, code in _known.items():
        if sys.modules[code.name] is module:
            return f"{label}:{kind.__qualname__}"
    file = _file_of(module)
    if not file.endswith(".py"):
        return None
    return f"{name_code(file if module.__name__ == '__main__' else module.__name__)}:{kind.__qualname__}"


def code_of(name: str) -> Code:
    """The code behind `label:Class`, whose label was named in this process."""
    return _known[name.rpartition(":")[0]]


def codes_in(value: object) -> tuple[Code, ...]:
    """The code behind every `label:Class` in a JSON value: what another process needs to answer a question."""
    names = {name for text in _texts(value) for name in (text, *text.split("+"))}  # layers that take turns
    labels = {name.rpartition(":")[0] for name in names}
    return tuple(_known[label] for label in sorted(labels & _known.keys()))


def require_named(path: object, *named: object) -> None:
    """Refuse a file that needs code which was not named: what a file names is never imported for that.

    Args:
        path: of the file.
        named: what the file names: texts, or tables that describe a task and have a `name`.

    Raises:
        AssayError: one is `label:Class` with a label that was not named in this process.
    """
    names = [one.get("name") if isinstance(one, dict) else one for one in named]
    written = [name for name in names if isinstance(name, str) and _NAME.fullmatch(name)]
    missing = {name: name.rpartition(":")[0] for name in written if name.rpartition(":")[0] not in _known}
    if missing:
        labels = sorted(set(missing.values()))
        raise ParameterError(
            "{} needs {}, no part of Assay; no file's code is imported unless {code} names it: {}",
            path,
            " and ".join(missing),
            " and ".join(labels),
        )


class _Loader(SourceFileLoader):
    """Runs a module from the text that was read."""

    def __init__(self, module: Module) -> None:
        super().__init__(module.name, module.path)
        self.content = module.content

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.content, self.path, "exec", dont_inherit=True)


class _Finder:
    """Finds modules that were read."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        module = _served.get(name)
        if module is None:
            return None
        if not module.path:
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = list(module.inside)
            return spec
        loader = _Loader(module) if module.path.endswith(".py") else None
        return spec_from_file_location(
            name, module.path, loader=loader, submodule_search_locations=list(module.inside) or None
        )


def _import(code: Code) -> None:
    for other in list(sys.modules.values()):
        if code.path and Path(code.path).name in str(getattr(other, "__file__", "")) and _file_of(other) == code.path:
            sys.modules.setdefault(code.name, other)  # a user's program has imported it, or is it
            return
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
    new = {module.name: module for module in code.modules if module.name not in _served}
    _served.update(new)
    try:
        with redirect_stdout(sys.stderr):  # standard output is for results
            import_module(code.name)
    except BaseException as error:  # whatever a user's module does when it is imported; it may end the program
        for name in new:
            del _served[name]
            sys.modules.pop(name, None)
        if not isinstance(error, Exception):
            raise
        raise AssayError(f"{code.label} cannot be imported: {_in_words(error, code.modules)}") from error


def _in_words(error: BaseException, modules: Iterable[Module]) -> str:
    """What went wrong and in which line of these modules, in one line."""
    paths, place = {module.path for module in modules}, ""
    if isinstance(error, SyntaxError) and error.filename in paths:
        return f"{Path(error.filename).name} line {error.lineno}: {type(error).__name__}: {error.msg}"
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in paths:
            place = f"{Path(trace.tb_frame.f_code.co_filename).name} line {trace.tb_lineno}: "
        trace = trace.tb_next
    return f"{place}{type(error).__name__}: {one_line(str(error))}"


def _clash(name: str, first: str, second: str) -> AssayError:
    if first == second:
        return AssayError(f"{first} was edited while this process uses it; what is new is seen by a new process")
    return AssayError(f"{first} and {second} are both {name}; in one process, give one of them another name")


def _specs(name: str, folder: Path) -> Iterator[ModuleSpec]:
    """A module's parents and itself, as far as they can be found, without importing any."""
    path, parts = [str(folder), *sys.path], name.split(".")
    for count in range(1, len(parts) + 1):
        part = ".".join(parts[:count])
        spec = _spec(part, path)
        if spec is None and count == 1 and part not in sys.modules:
            spec = find_spec(part)  # editable installations have finders of their own
        if spec is None:
            return
        yield spec
        path = list(spec.submodule_search_locations or [])


def _spec(name: str, path: list[str]) -> ModuleSpec | None:
    try:
        return PathFinder.find_spec(name, path)
    except KeyError:  # a folder without __init__.py, in a package that is not imported
        folders = [Path(place, name.rpartition(".")[2]) for place in path]
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder) for folder in folders if folder.is_dir()]
        return spec


def _is_installed(spec: ModuleSpec) -> bool:
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
    return _is_ours(spec.name) or any({"site-packages", "dist-packages"} & set(Path(place).parts) for place in places)


def _is_ours(name: str) -> bool:
    """Whether a module is Assay's or Python's, whose versions every piece of evidence has."""
    return name.partition(".")[0] in {"assay", *sys.stdlib_module_names}


def _with_imports(named: Iterable[ModuleSpec | Module], folder: Path) -> tuple[tuple[Module, ...], tuple[str, ...]]:
    """The local modules among these and all that they import, and `name==version` of the installed packages."""
    found: dict[str, Module] = {}
    packages: set[str] = set()
    versions: set[str] = set()
    waiting = list(named)
    while waiting:
        next_one = waiting.pop()
        if isinstance(next_one, ModuleSpec) and _is_installed(next_one):
            packages.add(next_one.name.partition(".")[0])
            continue
        module = next_one if isinstance(next_one, Module) else _read_found(next_one)
        found[module.name] = module
        for name in imports_of(module):
            if not _is_ours(name) and name.partition(".")[0] not in packages:
                waiting += [spec for spec in _specs(name, folder) if spec.name not in found]
            elif name.partition(".")[0] == "assay":
                versions.add(f"assay=={__version__}")
    versions |= {f"{one}=={version(one)}" for top in packages for one in _distributions().get(top, [])}
    return tuple(found.values()), tuple(sorted(versions))


@cache
def _distributions() -> Mapping[str, list[str]]:
    """The distributions that each installed package comes from."""
    return packages_distributions()


def _read_found(spec: ModuleSpec) -> Module:
    inside = tuple(str(Path(place).resolve()) for place in spec.submodule_search_locations or ())
    return _read(spec.name, str(Path(spec.origin).resolve()) if spec.has_location and spec.origin else "", inside)


def _read(name: str, path: str, inside: tuple[str, ...]) -> Module:
    try:
        return Module(name, path, Path(path).read_bytes() if path else b"", inside)
    except OSError as error:
        raise AssayError(f"{path} cannot be read: {error.strerror}") from error


def _file_of(module: ModuleType | None) -> str:
    file = getattr(module, "__file__", None)
    return str(Path(file).resolve()) if file else ""


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
