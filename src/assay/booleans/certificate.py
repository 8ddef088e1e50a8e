"""Certificates of a threshold degree as JSON files: integers that a few lines of Python check.

A certificate names a function by its values at all vectors of counts (see `assay.booleans.blocks`). The upper side is a
polynomial of integers with the signs of f. The lower side is weights w >= 0, not all 0, such that w f is orthogonal to
all monomials of degree below D: then no polynomial p of degree below D has the signs of f, since the sum of w f p
would be both 0 and positive.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay.booleans.blocks import Blocks, Whole
from assay.booleans.function import MOST_INPUTS
from assay.booleans.separation import moments, polynomial_values
from assay.errors import AssayError, Refuted
from assay.evidence import Verification, canonical
from assay.schema import Json
from assay.store.files import is_marked, parse_json, read_text, write_whole

FORMAT = 1
LARGEST = 1 << 26  # bytes of a file
MOST_POINTS = 1 << MOST_INPUTS
LARGEST_BLOCK = 256  # inputs that may change places
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,4000})")
_PLACE = re.compile(r"([0-9]{1,6}(,[0-9]{1,6})*)?")
_FIELDS = {
    "assay-boolean-certificate",
    "inputs",
    "blocks",
    "ignored",
    "values",
    "at_least",
    "at_most",
    "weights",
    "polynomial",
    "sha256",
}


@dataclass(frozen=True, eq=False)
class DegreeCertificate:
    """A threshold degree, or one side of it, with its proof.

    Attributes:
        inputs: n.
        blocks: the function, by counts.
        at_least: the degree is at least this; 0 needs no proof.
        at_most: the degree is at most this; n needs no polynomial.
        weights: integers >= 0 in the shape of `blocks.values`, of all inputs with these counts together; or None.
        polynomial: integers in that shape, the coefficients of C(c_1, e_1) ... C(c_k, e_k) at place e; or None.
    """

    inputs: int
    blocks: Blocks
    at_least: int
    at_most: int
    weights: Whole | None
    polynomial: Whole | None

    def check(self) -> None:
        """Prove both sides again, in integers.

        Raises:
            Refuted: one does not hold, and why.
        """
        places = sorted([*(j for block in self.blocks.blocks for j in block), *self.blocks.ignored])
        _require(places == list(range(self.inputs)), "blocks and ignored inputs are not a partition of the inputs")
        shape = tuple(size + 1 for size in self.blocks.sizes)
        _require(self.blocks.values.shape == shape, "there is not one value for each vector of counts")
        _require(0 <= self.at_least <= self.at_most <= self.inputs, "the bounds are not 0 <= at_least <= at_most <= n")
        if self.at_least > 0:
            self._check_weights()
        if self.at_most < self.blocks.inputs or self.polynomial is not None:
            self._check_polynomial()

    def _check_weights(self) -> None:
        if self.weights is None:
            raise Refuted("the certificate does not hold: it has no weights")
        _require(
            bool((self.weights >= 0).all()) and bool((self.weights > 0).any()), "a weight is negative, or all are 0"
        )
        low = moments(self.blocks, self.weights)[self.blocks.orders < self.at_least]
        _require(not low.any(), f"f with these weights is not orthogonal to all monomials below degree {self.at_least}")

    def _check_polynomial(self) -> None:
        if self.polynomial is None:
            raise Refuted("the certificate does not hold: it has no polynomial")
        beyond = self.polynomial[self.blocks.orders > self.at_most]
        _require(not beyond.any(), f"the polynomial has a degree above {self.at_most}")
        signed = polynomial_values(self.blocks, self.polynomial) * self.blocks.signs
        _require(bool(np.all(signed > 0)), "the polynomial has another sign than f at some input")

    def to_json(self) -> Json:
        """Plain JSON values: integers as decimal text, by counts or exponents such as "0,2"; and their SHA-256."""
        data = {
            "assay-boolean-certificate": FORMAT,
            "inputs": self.inputs,
            "blocks": [list(block) for block in self.blocks.blocks],
            "ignored": list(self.blocks.ignored),
            "values": "".join("01"[bool(value)] for value in self.blocks.values.ravel()),
            "at_least": self.at_least,
            "at_most": self.at_most,
            "weights": _entries(self.weights),
            "polynomial": _entries(self.polynomial),
        }
        return {**data, "sha256": _sha256(data)}

    @classmethod
    def from_json(cls, data: Any) -> DegreeCertificate:
        """What `to_json` gave; that it is whole is checked, not that it holds.

        Raises:
            AssayError: it is not of that form.
            Refuted: it was altered.
        """
        _form(isinstance(data, dict) and set(data) == _FIELDS, "its fields are others")
        _form(data["assay-boolean-certificate"] == FORMAT, f"its format is not {FORMAT}")
        _form(all(type(data[key]) is int for key in ("inputs", "at_least", "at_most")), "a bound is no integer")
        _form(_are_lists(data["blocks"]) and _are_inputs(data["ignored"]), "its blocks are not lists of inputs")
        held = [j for block in data["blocks"] for j in block] + data["ignored"]
        fits = all(data["blocks"]) and data["inputs"] == len(held) <= LARGEST_BLOCK
        _form(fits, f"its blocks and ignored inputs are not all of its inputs, {LARGEST_BLOCK} at most")
        sizes = [len(block) + 1 for block in data["blocks"]]
        values = data["values"]
        fits = isinstance(values, str) and set(values) <= {"0", "1"} and len(values) == math.prod(sizes)
        _form(fits, "its values are not one digit 0 or 1 for each vector of counts")
        table = np.array([value == "1" for value in values]).reshape(sizes)
        blocks = Blocks(tuple(map(tuple, data["blocks"])), tuple(data["ignored"]), table)
        weights, polynomial = (_table(data[key], table.shape) for key in ("weights", "polynomial"))
        _require(data["sha256"] == _sha256({key: data[key] for key in data if key != "sha256"}), "it was altered")
        return cls(data["inputs"], blocks, data["at_least"], data["at_most"], weights, polynomial)

    def write(self, path: Path) -> None:
        """Write it to a file, whole or not at all.

        Raises:
            AssayError: the file cannot be written.
        """
        text = canonical(self.to_json()) + "\n"
        write_whole(path, lambda temporary: temporary.write_text(text, "utf-8"))


def is_degree_certificate(path: Path) -> bool:
    """Whether this file says that it is such a certificate; nothing in it is checked."""
    return is_marked(path, "assay-boolean-certificate", LARGEST)


def verify_degree(path: Path) -> Verification:
    """Check a certificate from what it states alone.

    Raises:
        AssayError: no such file, or no certificate in it.
    """
    data = parse_json(read_text(path, LARGEST), f"{path}, which is no certificate,")
    try:
        certificate = DegreeCertificate.from_json(data)
        certificate.check()
    except Refuted as error:
        return Verification(str(path), False, str(error))
    low, high = certificate.at_least, certificate.at_most
    claim = (
        f"the function of {certificate.inputs} bits that it states has threshold degree "
        f"{low if low == high else f'{low} to {high}'}, in exact arithmetic"
    )
    return Verification(str(path), True, claim=claim, at_least=low, at_most=high)


def _entries(table: Whole | None) -> dict[str, str]:
    if table is None:
        return {}
    places = np.argwhere(table != 0) if table.shape else np.zeros((int(table != 0), 0), int)
    return {",".join(map(str, place)): str(int(table[tuple(place)])) for place in places.tolist()}


def _table(entries: Any, shape: tuple[int, ...]) -> Whole | None:
    _form(isinstance(entries, dict), "its weights or its polynomial are no table")
    if not entries:
        return None
    table = np.zeros(shape, dtype=object)
    for key, value in entries.items():
        fits = isinstance(value, str) and _WHOLE.fullmatch(value) is not None and _PLACE.fullmatch(key) is not None
        place = tuple(map(int, key.split(","))) if fits and key else ()
        fits = fits and len(place) == len(shape) and all(a < b for a, b in zip(place, shape, strict=True))
        _form(fits, f"the entry {key[:40]!r} is not an integer at a vector of counts")
        table[place] = int(value)
    return table


def _are_lists(value: object) -> bool:
    """Lists of inputs, few enough for one table."""
    return (
        isinstance(value, list)
        and all(map(_are_inputs, value))
        and all(len(one) <= LARGEST_BLOCK for one in value)
        and math.prod(len(one) + 1 for one in value) <= MOST_POINTS
    )


def _are_inputs(value: object) -> bool:
    return isinstance(value, list) and all(type(j) is int for j in value)


def _sha256(data: Json) -> str:
    return hashlib.sha256(canonical(data).encode()).hexdigest()


def _form(holds: bool, wrong: str) -> None:
    if not holds:
        raise AssayError(f"this is no certificate of a threshold degree: {wrong}")


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise Refuted(f"the certificate does not hold: {reason}")
