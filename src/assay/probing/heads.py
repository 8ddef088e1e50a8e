"""The attention heads that are probed: their keys and queries on one text, wherever these came from."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, require
from assay.files import write_whole

IN_USE = 0.95  # the norm in use: this quantile of the norms of a head's own queries


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
        place: for each head, its place in the layer, from 0.
        note: what else a reader should know, as a sentence; empty otherwise.

    >>> rng = np.random.default_rng(0)
    >>> heads = make_heads("example", rng.standard_normal((2, 16, 4)), rng.standard_normal((2, 16, 4)))
    >>> heads.count, heads.length, heads.width, heads.scale, heads.label(1)
    (2, 16, 4, 0.5, 'layer 0, head 1')
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

    def __post_init__(self) -> None:
        arrays = {"keys": self.keys, **({} if self.queries is None else {"queries": self.queries})}
        for name, array in arrays.items():
            require(array.ndim == 3 and array.size > 0, f"shape of {name}", array.shape, "(heads, positions, width)")
            require(array.dtype in (np.float32, np.float64), f"dtype of {name}", array.dtype, "float32 or float64")
            require(bool(np.isfinite(array).all()), name, "not finite", "finite numbers")
        require(0 < self.scale < np.inf, "scale", self.scale, "a positive number")
        require(bool(self.key_head) and set(self.key_head) == set(range(len(self.keys))), "key_head", self.key_head,
                f"an index of keys for each head, each of {len(self.keys)} used")  # fmt: skip
        for name in ("layer", "place"):
            require(len(getattr(self, name)) == self.count, name, getattr(self, name), f"{self.count} numbers")
        if self.queries is not None:
            expected = (self.count, self.queries.shape[1], self.width)
            require(self.queries.shape == expected, "shape of queries", self.queries.shape, f"{expected}")

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
    def norms_in_use(self) -> NDArray[np.float64] | None:
        """For each head, the 95th percentile of the norms of its queries, float64 (heads,); None without queries."""
        if self.queries is None:
            return None
        return np.quantile(np.linalg.norm(self.queries.astype(np.float64), axis=2), IN_USE, axis=1)

    @cached_property
    def digest(self) -> str:
        """Content hash of keys, scale and causality: what the answers of a probe depend on."""
        found = hashlib.sha256(f"{self.keys.dtype} {self.keys.shape} {self.scale!r} {self.causal}".encode())
        found.update(np.ascontiguousarray(self.keys).tobytes())
        return found.hexdigest()[:32]

    def label(self, head: int) -> str:
        """A head's name for people."""
        return f"layer {self.layer[head]}, head {self.place[head]}"


def make_heads(
    name: str,
    keys: NDArray[np.floating],
    queries: NDArray[np.floating] | None = None,
    *,
    scale: float | None = None,
    causal: bool = False,
    key_head: tuple[int, ...] | None = None,
    layer: tuple[int, ...] | None = None,
    place: tuple[int, ...] | None = None,
    note: str = "",
) -> Heads:
    """Heads from arrays; what is not given is as usual: scale 1/sqrt(d), keys in equal groups, one layer.

    With H heads of queries and K of keys, K a divisor of H, head h uses key head h // (H/K).

    Raises:
        AssayError: shapes that do not fit, or numbers that are not finite.
    """
    require(keys.ndim == 3, "shape of keys", keys.shape, "(heads, positions, width)")
    count = len(keys) if queries is None else len(queries)
    if key_head is None:
        require(
            len(keys) > 0 and count % len(keys) == 0,
            "heads of queries",
            count,
            f"a multiple of {len(keys)}, those of keys",
        )
        key_head = tuple(head // (count // len(keys)) for head in range(count))
    return Heads(
        name=name, keys=keys, queries=queries, scale=keys.shape[2] ** -0.5 if scale is None else float(scale),
        causal=causal, key_head=key_head, layer=layer or (0,) * count, place=place or tuple(range(count)), note=note,
    )  # fmt: skip


def read_arrays(path: str | Path) -> Heads:
    """Heads from an .npz file with `keys`, and perhaps other attributes of `Heads`: queries, scale, causal, ...

    Raises:
        AssayError: no such file, no such array in it, or shapes that do not fit.
    """
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise AssayError(f"{path} is not a whole .npz file: {str(error).splitlines()[0]}") from error
    known = {"keys", "queries", "scale", "causal", "key_head", "layer", "place", "name", "note"}
    if "keys" not in arrays:
        raise AssayError(f"{path} has no array 'keys'; it has {', '.join(sorted(arrays)) or 'none'}")
    require(
        set(arrays) <= known,
        f"arrays of {path}",
        ", ".join(sorted(set(arrays) - known)),
        f"of {', '.join(sorted(known))}",
    )
    indices = {
        name: tuple(int(entry) for entry in arrays[name].ravel())
        for name in ("key_head", "layer", "place")
        if name in arrays
    }
    return make_heads(
        str(arrays["name"]) if "name" in arrays else Path(path).stem,
        _floats(arrays["keys"]), _floats(arrays["queries"]) if "queries" in arrays else None,
        scale=float(arrays["scale"]) if "scale" in arrays else None, causal=bool(arrays.get("causal", False)),
        note=str(arrays.get("note", "")), **indices,
    )  # fmt: skip


def write_arrays(heads: Heads, path: Path) -> None:
    """Write heads to an .npz file that `read_arrays` reads, whole or not at all."""
    arrays = {
        "name": np.array(heads.name), "keys": heads.keys, "scale": np.array(heads.scale),
        "causal": np.array(heads.causal), "key_head": np.array(heads.key_head), "layer": np.array(heads.layer),
        "place": np.array(heads.place), "note": np.array(heads.note),
        **({} if heads.queries is None else {"queries": heads.queries}),
    }  # fmt: skip

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)  # ty: ignore[invalid-argument-type]

    write_whole(path, write)


def _floats(array: NDArray[Any]) -> NDArray[np.floating]:
    """float32 and float64 as they are; half precision and integers to float32 or float64, without loss."""
    if array.dtype in (np.float32, np.float64):
        return array
    return array.astype(np.float32 if array.dtype == np.float16 else np.float64)
