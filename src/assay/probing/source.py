"""Where heads come from: an .npz file, or a model that reads a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from io import StringIO
from pathlib import Path

from assay.errors import AssayError, one_line, require, require_integer
from assay.probing.heads import Heads, read_arrays
from assay.store.files import read_text

LENGTH = 256  # tokens that a model reads, unless told otherwise
LARGEST_TEXT = 1 << 28  # bytes


def open_heads(
    source: str | Path,
    text: Path | None,
    length: int | None,
    names: str | Iterable[str] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Heads:
    """The heads of an .npz file, or of a model on the first `length` (LENGTH) tokens of a text (a shipped one).

    Args:
        source: a path, or the name of a model: see `assay.probing.models.open_model`.
        text: a file.
        length: tokens of it that are read.
        names: of the submodules of a model whose attention is wanted, patterns; all unless given.
        tell: is given a line about what goes on.

    Raises:
        AssayError: nothing there that can be read, a text that is too short, or text, length or names for an .npz file.
    """
    require(bool(str(source).strip()), "source", repr(source), "an .npz file, or a model's path or package")
    if Path(source).suffix == ".npz":
        for option, value in (("text", text), ("length", length), ("names", names)):
            if value is not None:
                raise AssayError(f"{option} = {value} is not allowed with {source}, which has keys already")
        heads = read_arrays(source)
        return replace(heads, note=f"Its file says: {one_line(heads.note)}") if heads.note else heads
    from assay.probing.models import open_model
    from assay.probing.text import default_text

    model = open_model(source, tell)
    tokens = model.tokens(default_text() if text is None else _read(text))
    length = LENGTH if length is None else length
    require_integer("length", length, 1, None)
    require(
        length <= len(tokens), "length", length, f"at most {len(tokens)}, the tokens of {text or 'the shipped text'}"
    )
    tell(f"{model.name} reads {length} of {len(tokens)} tokens")
    heads = model.heads(tokens[:length], names)
    of = "the shipped text" if text is None else text.name
    return replace(heads, note=f"{heads.note} The first {length} tokens of {of}.".strip())


def _read(text: Path) -> str:
    return StringIO(read_text(text, LARGEST_TEXT), newline=None).read()  # all ends of lines become \n
