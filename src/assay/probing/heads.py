"""The attention heads that are probed: their keys and queries on one text, wherever these came from."""

from __future__ import annotations

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, require
from assay.probing.candidates import require_exact
from assay.store.files import open_regular, write_whole

SMALLEST, LARGEST = 1e-100, 1e100  # magnitudes with which nothing over- or underflows
LARGEST_FILE = 1 << 34  # bytes, as it is and unpacked
MOST_LAYERS = 4096  # and places in a layer
ARRAYS = ("keys", "queries", "values", "written")
SHOWN = 80  # characters of a value in a message


@dataclass(frozen=True, eq=False)
class Heads:
    """Keys and queries of the attention heads of a model on one text.

    A head scores position j for a query w as scale * <w, k_j>. Several heads may share their keys.

    Attributes:
        name: of the model or file.
        keys: float32 or float64 (key heads, N, d), as they enter the scores, so after a rotary embedding.
        queries: float32 or float64 (heads, M, d), likewise; None where they are not known.
        scale: that scores are multiplied by.
        causal: whether a query sees only positions up to its own.
        key_head: for each head, the index of its keys.
        layer: for each head, its layer, from 0.
        place: for each head, its place in the layer, from 0; no two heads have the same layer and place.
        values: float32 or float64 (key heads, N, d_v); None where they are not known.
        written: float32 or float64 (heads, d_v, r): what a head's output is multiplied by before it is added to the
            residual stream, over the stream's median norm; None where that is not known.
        plain: whether nothing else enters the softmax: no bias by position, soft cap or sink, which are left out here.
        note: what else a reader should know, as a sentence; empty otherwise.
        text: what the text is called, where there may be several; empty otherwise.

    >>> rng = np.random.default_rng(0)
    >>> heads = make_heads("example", rng.standard_normal((2, 16, 4)), rng.standard_normal((2, 16, 4)))
    >>> heads.count, heads.length, heads.width, heads.scale, heads.place
    (2, 16, 4, 0.5, (0, 1))

    Raises:
        AssayError: shapes, types or numbers that are not as above; arrays of a head of which the largest number is not
            from 1e-100 to 1e100 in magnitude, unless all are 0; a scale outside of these bounds.
    """

    name: str
    keys: NDArray[np.floating]
    queries: NDArray[np.floating] | None
    scale: float
    causal: bool
    key_head: tuple[int, ...]
    layer: tuple[int, ...]
    place: tuple[int, ...]
    note: str = ""
    values: NDArray[np.floating] | None = None
    written: NDArray[np.floating] | None = None
    plain: bool = True
    text: str = ""

    def __post_init__(self) -> None:
        for name, array in self.arrays.items():
            _require_rows(name, array)
            require(array.dtype in (np.float32, np.float64), f"dtype of {name}", array.dtype, "float32 or float64")
            require(bool(np.isfinite(array).all()), name, "not finite", "finite numbers")
            largest = np.abs(array).max(axis=(1, 2)).astype(np.float64)
            extreme = largest[(largest != 0) & ((largest < SMALLEST) | (largest > LARGEST))]
            require(
                not extreme.size,
                f"largest magnitude in the {name} of a head",
                next(iter(extreme), 0.0),
                f"from {SMALLEST:g} to {LARGEST:g}, or 0",
            )
        require(
            SMALLEST <= self.scale <= LARGEST,
            "scale",
            self.scale,
            f"a positive number, from {SMALLEST:g} to {LARGEST:g}",
        )
        require(isinstance(self.causal, bool), "causal", shown(self.causal), "True or False")
        require(
            bool(self.key_head) and set(self.key_head) == set(range(len(self.keys))),
            "key_head",
            shown(self.key_head),
            f"an index of keys for each head, each of {len(self.keys)} used",
        )
        for name in ("layer", "place"):
            given = getattr(self, name)
            require(len(given) == self.count, name, shown(given), f"{self.count} numbers, one for each head")
            fits = all(isinstance(entry, int) and 0 <= entry < MOST_LAYERS for entry in given)
            require(fits, name, shown(given), f"integers from 0 to {MOST_LAYERS - 1}")
        seats = list(zip(self.layer, self.place, strict=True))
        twice = next((seat for seat in seats if seats.count(seat) > 1), None) if len(set(seats)) < len(seats) else None
        require(twice is None, "layer and place", f"{twice} of several heads", "another pair for each head")
        if self.queries is not None:
            expected = (self.count, self.queries.shape[1], self.width)
            require(self.queries.shape == expected, "shape of queries", self.queries.shape, f"{expected}")
        if self.values is not None:
            fits = self.values.shape[:2] == self.keys.shape[:2]
            require(fits, "shape of values", self.values.shape, f"{(*self.keys.shape[:2], 'd_v')}")
        if self.written is not None:
            width = None if self.values is None else self.values.shape[2]
            fits = self.written.shape[:2] == (self.count, width)
            require(
                fits,
                "shape of written",
                self.written.shape,
                "None without values" if width is None else f"{(self.count, width, 'r')}",
            )

    @property
    def arrays(self) -> dict[str, NDArray[np.floating]]:
        """Those of keys, queries, values and written that are known, by name."""
        found = {name: getattr(self, name) for name in ARRAYS}
        return {name: array for name, array in found.items() if array is not None}

    @property
    def count(self) -> int:
        """Heads."""
        return len(self.key_head)

    @property
    def length(self) -> int:
        """Positions N that have keys."""
        return self.keys.shape[1]

    @property
    def width(self) -> int:
        """Coordinates d of a key: the head's width."""
        return self.keys.shape[2]

    @cached_property
    def digest(self) -> str:
        """Content hash of the arrays, scale, causality and shared keys: what the answers of a probe depend on."""
        found = hashlib.sha256(f"{self.scale!r} {self.causal} {self.key_head} {self.plain}".encode())
        for name, array in self.arrays.items():
            found.update(f"{name} {array.dtype} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()[:32]


def make_heads(
    name: str,
    keys: NDArray[np.floating],
    queries: NDArray[np.floating] | None = None,
    *,
    scale: float | None = None,
    causal: bool = False,
    key_head: Sequence[int] | None = None,
    layer: Sequence[int] | None = None,
    place: Sequence[int] | None = None,
    values: NDArray[np.floating] | None = None,
    written: NDArray[np.floating] | None = None,
    plain: bool = True,
    note: str = "",
    text: str = "",
) -> Heads:
    """Heads from arrays; what is not given is as usual: scale 1/sqrt(d), keys in equal groups, one layer.

    With H heads of queries and K of keys, K a divisor of H, head h uses key head h // (H/K).

    Raises:
        AssayError: shapes that do not fit, or what `Heads` does not allow.
    """
    _require_rows("keys", keys)
    if queries is not None:
        _require_rows("queries", queries)
    count = len(keys) if queries is None else len(queries)
    if key_head is None:
        require(count % len(keys) == 0, "heads of queries", count, f"a multiple of {len(keys)}, those of keys")
        key_head = [head // (count // len(keys)) for head in range(count)]
    of_heads = _indices("key_head", key_head)
    return Heads(
        name=name,
        keys=keys,
        queries=queries,
        scale=keys.shape[2] ** -0.5 if scale is None else number("scale", scale),
        causal=truth("causal", causal),
        key_head=of_heads,
        layer=_indices("layer", [0] * len(of_heads) if layer is None else layer),
        place=_indices("place", range(len(of_heads)) if place is None else place),
        values=values,
        written=written,
        plain=truth("plain", plain),
        note=note,
        text=text,
    )


def read_arrays(path: str | Path) -> Heads:
    """Heads from an .npz file with `keys`, and perhaps other attributes of `Heads`: queries, scale, causal, ...

    Raises:
        AssayError: no such file, no such array in it, or shapes that do not fit.
    """
    arrays = _arrays(path)
    known = {*ARRAYS, "plain", "scale", "causal", "key_head", "layer", "place", "name", "note", "text"}
    if "keys" not in arrays:
        raise AssayError(f"{path} has no array 'keys'; it has {shown(', '.join(sorted(arrays)) or 'none')}")
    others = sorted(set(arrays) - known)
    require(not others, f"arrays of {path}", shown(", ".join(others)), f"of {', '.join(sorted(known))}")
    texts = {name: _text(name, arrays.pop(name)) for name in ("name", "note", "text") if name in arrays}
    floats = {name: _floats(name, arrays.pop(name)) for name in ARRAYS if name in arrays}
    return make_heads(**{"name": Path(path).stem, **texts, **floats, **arrays})  # ty: ignore[invalid-argument-type]


def write_arrays(heads: Heads, path: Path) -> None:
    """Write heads to an .npz file that `read_arrays` reads, whole or not at all."""
    arrays = {
        "name": np.array(heads.name),
        "scale": np.array(heads.scale),
        "causal": np.array(heads.causal),
        "key_head": np.array(heads.key_head),
        "layer": np.array(heads.layer),
        "place": np.array(heads.place),
        "plain": np.array(heads.plain),
        "note": np.array(heads.note),
        "text": np.array(heads.text),
        **heads.arrays,
    }

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)  # ty: ignore[invalid-argument-type]

    write_whole(path, write)


def number(name: str, value: object) -> float:
    """One real number, as Python's float.

    Raises:
        AssayError: it is something else.
    """
    array = _plain(name, value, "one number")
    require(array.ndim == 0 and array.dtype.kind in "iuf", name, shown(value), "one number")
    return float(array)


def truth(name: str, value: object) -> bool:
    """True or False, of Python or of NumPy, or 1 or 0.

    Raises:
        AssayError: it is something else.

    >>> truth("causal", 1), truth("causal", np.False_)
    (True, False)
    """
    array = _plain(name, value, "True or False")
    fits = array.ndim == 0 and (array.dtype.kind == "b" or (array.dtype.kind in "iu" and array in (0, 1)))
    require(fits, name, shown(value), "True or False")
    return bool(array)


def shown(value: object) -> str:
    """A value for a message: on one line, and cut if it is long."""
    text = " ".join(str(value).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _plain(name: str, value: object, allowed: str) -> NDArray[np.generic]:
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError):  # rows of different lengths; tensors that are not NumPy's to read
        raise AssayError(f"{name} = {shown(value)} is not allowed; it must be {allowed}") from None


def _indices(name: str, value: object) -> tuple[int, ...]:
    """One integer for each head; numbers such as 2.0 are integers."""
    array = _plain(name, value, "an integer for each head")
    whole = array.dtype.kind in "iu" or (array.dtype.kind == "f" and bool((array == np.rint(array)).all()))
    fits = array.ndim == 1 and whole and bool(np.isfinite(array).all())
    require(fits, name, shown(value), "an integer for each head")
    return tuple(int(entry) for entry in array)


def _text(name: str, array: NDArray[np.generic]) -> str:
    require(array.ndim == 0 and array.dtype.kind == "U", name, shown(array), "one text")
    return str(array)


def _require_rows(name: str, array: Any) -> None:
    require(isinstance(array, np.ndarray), name, type(array).__name__, "a NumPy array (heads, positions, width)")
    fits = array.ndim == 3 and array.size > 0
    require(fits, f"shape of {name}", array.shape, "(heads, positions, width), each at least 1")


def _arrays(path: str | Path) -> dict[str, NDArray[np.generic]]:
    """All arrays in an .npz file."""
    try:
        with open_regular(path, LARGEST_FILE) as stream:
            if not zipfile.is_zipfile(stream):
                stream.seek(0)
                single = stream.read(6) == b"\x93NUMPY"
                reason = "it is one array, as numpy.save writes; use numpy.savez" if single else "it is no zip archive"
                raise AssayError(f"{path} is not a whole .npz file: {reason}")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as file:
                size = sum(part.file_size for part in file.zip.infolist())
                if size > LARGEST_FILE:
                    raise AssayError(f"{path} holds {size} bytes of arrays; at most {LARGEST_FILE} are allowed")
                return {name: np.asarray(file[name]) for name in file.files}
    except AssayError:
        raise
    except _DAMAGE as error:
        # what NumPy says of arrays of objects is advice to unpickle them
        objects = "allow_pickle" in str(error)
        reason = "an array in it holds Python objects" if objects else shown(error) or type(error).__name__
        raise AssayError(f"{path} is not a whole .npz file: {reason}") from error


_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    MemoryError,
    KeyError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)


def _floats(name: str, array: NDArray[np.generic]) -> NDArray[np.floating]:
    """float32 and float64 as they are; half precision to float32, and integers up to 2^53 to float64, without loss."""
    require_exact(name, array)
    kept = np.float32 if array.dtype.kind == "f" and array.dtype.itemsize <= 4 else np.float64
    return array.astype(kept, copy=False)
