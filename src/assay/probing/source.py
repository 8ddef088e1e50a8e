"""Where heads come from: an .npz file, or a model that reads texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

from assay.errors import ParameterError, one_line, require, require_integer
from assay.probing.heads import Heads, read_arrays
from assay.probing.text import TEXTS, shipped_texts
from assay.store.files import read_text

LENGTH = 256  # tokens that a model reads, unless told otherwise
LARGEST_TEXT = 1 << 28  # bytes


def open_heads(
    source: str | Path,
    texts: Sequence[Path] = (),
    length: int | None = None,
    names: str | Iterable[str] | None = None,
    tell: Callable[[str], None] = lambda _: None,
    shipped: Sequence[str] = TEXTS,
) -> tuple[Heads, ...]:
    """The heads of an .npz file, or of a model on the first `length` (LENGTH) tokens of each text.

    Args:
        source: a path, or the name of a model: see `assay.probing.models.open_model`.
        texts: files; shipped ones if there are none.
        length: tokens of each that are read.
        names: of the submodules of a model whose attention is wanted, patterns; all unless given.
        tell: is given a line about what goes on.
        shipped: which of `assay.probing.text` are read if there are no files.

    Raises:
        AssayError: nothing there that can be read, a text that is too short or given twice, or text, length or names
            for an .npz file.
    """
    require(bool(str(source).strip()), "source", repr(source), "an .npz file, or a model's path or package")
    if Path(source).suffix == ".npz":
        for option, value in (("text", next(iter(texts), None)), ("length", length), ("names", names)):
            if value is not None:
                line = f"{{{option}}} = {{}} is not allowed with {{}}, which has keys already"
                raise ParameterError(line, value, source)
        heads = read_arrays(source)
        note = f"Its file says: {one_line(heads.note)}" if heads.note else ""
        return (replace(heads, note=note, text=one_line(heads.text)),)
    from assay.probing.models import open_model

    model = open_model(source, tell)
    length = LENGTH if length is None else length
    require_integer("length", length, 1, None)
    contents = _read(texts) if texts else {name: shipped_texts()[name] for name in shipped}
    tokens = {name: model.tokens(content) for name, content in contents.items()}
    for name, all_of_it in tokens.items():
        which = name if texts else f"the shipped {name}"
        require(length <= len(all_of_it), "length", length, f"at most {len(all_of_it)}, the tokens of {which}")
    found = []
    for name, all_of_it in tokens.items():
        tell(f"{model.name} reads {length} of {len(all_of_it)} tokens of {name}")
        found.append(replace(model.heads(all_of_it[:length], names), text=name))
    return tuple(found)


def _read(texts: Sequence[Path]) -> dict[str, str]:
    """What the files hold, by name, or by path where two have the same name; all ends of lines become \\n."""
    found: dict[str, str] = {}
    short = len({text.name for text in texts}) == len(texts)
    for text in texts:
        name = one_line(text.name if short else str(text))
        require(name not in found, "text", text, "given once")
        found[name] = StringIO(read_text(text, LARGEST_TEXT), newline=None).read()
    return found
