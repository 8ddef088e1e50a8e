"""Weights for the words of a group as a JSON file, and their proof again from the file alone.

The file has the multiplication table, the arrays of each network, and what is claimed of it. `verify_group` takes
nothing on trust: the table must be that of a group, and the proof is made anew from the arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay.errors import AssayError, Refuted, one_line
from assay.evidence import Verification, canonical
from assay.groups.certify import WeightsCertificate
from assay.groups.diagonal import DiagonalLayer, DiagonalLayers, certify_diagonal
from assay.groups.group import LARGEST_ORDER, Group
from assay.groups.reading import require_group
from assay.groups.reflections import Reflections, certify_reflections
from assay.store.files import is_marked, read_text, write_whole

_LARGEST = 1 << 27  # bytes
_MARK = "assay-group-certificate"

Weights = Reflections | DiagonalLayers


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Reflections(_Part):
    kind: Literal["reflections"] = "reflections"
    name: str
    letters: list[int]
    vectors: list[list[list[float]]]
    strengths: list[list[float]]
    codes: list[list[float]]
    horizon: Annotated[int, Field(ge=0)] | None

    def weights(self, order: int) -> Weights:
        """The arrays, whose shapes must fit together."""
        vectors, strengths, codes = (_array(one, np.float32) for one in (self.vectors, self.strengths, self.codes))
        shapes = vectors.shape, strengths.shape, codes.shape
        fit = vectors.ndim == 3 and strengths.shape == vectors.shape[:2] == (len(self.letters), vectors.shape[1])
        _form(fit and codes.shape == (order, vectors.shape[2]), f"arrays of shapes {shapes} do not fit together")
        return Reflections(one_line(self.name), tuple(self.letters), vectors, strengths, codes)


class _Layer(_Part):
    moduli: list[int]
    before: list[list[int]]
    exponents: list[list[list[int]]]
    joined: list[list[int]]


class _Diagonal(_Part):
    kind: Literal["diagonal"] = "diagonal"
    letters: list[int]
    layers: list[_Layer]
    elements: list[int]
    horizon: Annotated[int, Field(ge=0)] | None

    def weights(self, order: int) -> Weights:
        """The arrays, whose shapes and numbers must fit together."""
        layers, cosets = [], 1
        for one in self.layers:
            before, exponents, joined = (_array(part, np.int64) for part in (one.before, one.exponents, one.joined))
            letters, channels, size = len(self.letters), len(one.moduli), int(np.prod(one.moduli, dtype=object))
            fit = before.shape == (cosets, letters) and exponents.shape == (cosets, letters, channels)
            _form(fit and joined.shape == (cosets, size) and min(one.moduli, default=0) > 1, "a layer does not fit")
            _form(_within(before, cosets) and _within(joined, order), "a layer tells a coset that is not there")
            _form(
                bool((exponents >= 0).all() and (exponents < one.moduli).all()), "an exponent is not below its modulus"
            )
            layers.append(DiagonalLayer(tuple(one.moduli), before, exponents, joined))
            cosets = int(joined.max()) + 1
        elements = _array(self.elements, np.int64)
        _form(len(elements) == cosets and _within(elements, order), "elements do not fit the last layer")
        return DiagonalLayers(tuple(self.letters), tuple(layers), elements)


class _File(_Part):
    format: Literal[1] = Field(alias=_MARK)
    name: str
    table: list[list[int]]
    weights: Annotated[list[Annotated[_Reflections | _Diagonal, Field(discriminator="kind")]], Field(min_length=1)]


def write_group_certificate(path: Path, group: Group, proved: Iterable[tuple[object, WeightsCertificate]]) -> None:
    """Write the table of a group, its reflections and phases, and up to which length each is proved to be right.

    Matrices of zeros and ones are left out: they are the table once more.

    Raises:
        AssayError: the file cannot be written, or there is nothing to write.
    """
    parts = [_part(weights, found.horizon) for weights, found in proved if isinstance(weights, Weights)]
    if not parts:
        raise AssayError(
            f"certificate = {path} is not allowed for {group.name}: no reflections or phases are written down"
        )
    whole = {
        _MARK: 1,
        "name": group.name,
        "table": group.table.tolist(),
        "weights": [part.model_dump() for part in parts],
    }
    write_whole(path, lambda temporary: temporary.write_text(canonical(whole) + "\n", "utf-8"))


def _part(weights: Weights, horizon: int | None) -> _Reflections | _Diagonal:
    if isinstance(weights, Reflections):
        return _Reflections(
            name=weights.name,
            letters=list(weights.letters),
            vectors=weights.vectors.tolist(),
            strengths=weights.strengths.tolist(),
            codes=weights.codes.tolist(),
            horizon=horizon,
        )
    layers = [
        _Layer(
            moduli=list(one.moduli),
            before=one.before.tolist(),
            exponents=one.exponents.tolist(),
            joined=one.joined.tolist(),
        )
        for one in weights.layers
    ]
    return _Diagonal(letters=list(weights.letters), layers=layers, elements=weights.elements.tolist(), horizon=horizon)


def is_group_certificate(path: Path) -> bool:
    """Whether this file says that it is such a certificate; nothing in it is checked."""
    return is_marked(path, _MARK, _LARGEST)


def verify_group(path: Path) -> Verification:
    """Prove again what a file claims.

    Raises:
        AssayError: no such file, or no certificate in it.
    """
    file = _read(path)
    group = Group(file.name, np.array(file.table), (), tuple(map(str, range(len(file.table)))), np.array(file.table))
    claims = []
    for one in file.weights:
        _form(all(0 <= letter < group.order for letter in one.letters) and bool(one.letters), "a letter is no element")
        weights = one.weights(group.order)
        try:
            if isinstance(weights, Reflections):
                found = certify_reflections(weights, group)
            else:
                found = certify_diagonal(weights, group)
            if found.horizon is not None and (one.horizon is None or one.horizon > found.horizon):
                claimed = "any length" if one.horizon is None else f"{one.horizon} tokens"
                raise Refuted(f"{found.weights}: {claimed} is claimed, and {found.horizon} tokens are proved")
        except Refuted as error:
            return Verification(str(path), False, str(error))
        length = "any length" if one.horizon is None else f"{one.horizon:,} tokens"
        claims.append(f"{found.weights}, {len(one.letters)} letters: right on words of {length} in {found.arithmetic}")
    return Verification(str(path), True, claim=f"a group of {group.order} elements: {'; '.join(claims)}")


def _read(path: Path) -> _File:
    try:
        file = _File.model_validate_json(read_text(path, _LARGEST))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(map(str, fault["loc"]))
        raise AssayError(f"{path} is no certificate of weights for a group: {place}: {fault['msg']}") from None
    order = len(file.table)
    square = 0 < order <= LARGEST_ORDER and all(len(row) == order for row in file.table)
    _form(square, f"its table is not square, of 1 to {LARGEST_ORDER} elements")
    table = np.array(file.table)
    _form(_within(table, order), "its table has another number than those of its elements")
    numbers = np.arange(order)
    _form(bool((table[0] == numbers).all() and (table[:, 0] == numbers).all()), "element 0 is not the identity")
    require_group(str(path), table, tuple(map(str, range(order))))
    return file


def _array(lists: Sequence[object], dtype: type) -> np.ndarray:
    """An array of finite numbers, from lists that may be of any length."""
    try:
        with np.errstate(over="ignore"):
            array = np.array(lists, dtype)
    except (ValueError, OverflowError):
        array = np.array(np.nan)
    _form(bool(np.isfinite(array).all()), "lists of one array differ in length, or a number is too large")
    return array


def _within(numbers: np.ndarray, end: int) -> bool:
    return bool((numbers >= 0).all() and (numbers < end).all())


def _form(holds: bool, wrong: str) -> None:
    if not holds:
        raise AssayError(f"this is no certificate of weights for a group: {wrong}")
