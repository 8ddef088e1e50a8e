"""A file of Python as it was read: what it says, whatever its layout and comments, and what it imports."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass
from importlib.util import resolve_name
from pathlib import Path

from assay.errors import AssayError, one_line

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Module:
    """A local module as it was read.

    Attributes:
        name: by which it is imported.
        path: of its file; empty for a package without one.
        content: of its file.
        inside: folders of the modules in it, for a package.
    """

    name: str
    path: str
    content: bytes
    inside: tuple[str, ...]


def digest_of(module: Module) -> str:
    """32 hexadecimal digits of what a module says: of Python, its syntax without comments, docstrings and layout."""
    if not module.path.endswith(".py"):
        return short_sha256(module.content)
    return short_sha256(ascii(_plain(_parsed(module))).encode())


def imports_of(module: Module) -> list[str]:
    """Absolute names of all that a module's import statements may import, those inside functions included."""
    package = module.name if module.inside else module.name.rpartition(".")[0]
    found = []
    for node in ast.walk(_parsed(module)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            found += [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
    return found


def short_sha256(content: bytes) -> str:
    """The first 32 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:32]


def _parsed(module: Module) -> ast.Module:
    """Nothing for a package without a file, and for an extension."""
    if not module.path.endswith(".py"):
        return ast.Module([], [])
    try:
        return ast.parse(module.content, module.path)
    except (SyntaxError, ValueError) as error:
        name, kind = Path(module.path).name, type(error).__name__
        line = f" line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise AssayError(f"{name} cannot be imported: {name}{line}: {kind}: {one_line(said)}") from error


def _plain(node: object) -> object:
    """A syntax tree without docstrings as nested tuples, which are the same for all versions of Python."""
    if isinstance(node, list):
        return tuple(map(_plain, node))
    if isinstance(node, ast.JoinedStr):
        return "JoinedStr", *_pieces(node)
    if not isinstance(node, ast.AST):
        return node
    fields = {name: getattr(node, name, None) for name in node._fields if name != "kind"}  # of u"", and of comments
    if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = node.body[1:]
    filled = [(name, _plain(value)) for name, value in fields.items() if value not in (None, [])]
    return type(node).__name__, *filled


def _pieces(string: ast.JoinedStr) -> list[object]:
    """The pieces of an f-string, neighbouring texts joined: where they are cut depends on the version of Python."""
    pieces: list[object] = []
    for part in string.values:
        text = part.value if isinstance(part, ast.Constant) else None
        if isinstance(text, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += text
        elif text != "":
            pieces.append(text if isinstance(text, str) else _plain(part))
    return pieces
