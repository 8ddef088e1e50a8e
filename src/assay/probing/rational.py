"""Exact certificates, in rational numbers, that a query can or cannot average exactly a set of keys.

Floating-point numbers are rational, so a certificate speaks of the very keys given. `certify` takes what `geometry`
finds in float64, rounds it, and solves exactly for as many of its numbers as there are equations. `Certificate` holds
the result with the keys; its `check` uses integers alone and nothing of how it was found.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from flint import fmpz_mat, nmod_mat
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import qr

from assay.errors import AssayError, CertificateError, Refuted
from assay.evidence import canonical
from assay.files import parse_json, read_text, write_whole
from assay.probing.geometry import Floats, Whitened, check_keys, face_candidates, is_face

FORMAT = 1
LARGEST = 1 << 28  # bytes of a certificate
PRIME = 2**61 - 1  # what is independent modulo it is so indeed; if less is found, the check that follows will tell
BITS = (16, 32, 64, 128)  # kept of a query's free coordinates, tried in turn
_FRACTION = re.compile(r"-?[0-9]+/[1-9][0-9]*")
_PLACE = re.compile(r"0|[1-9][0-9]{0,17}")
_FIELDS = {
    "assay-probe-certificate", "keys", "keys_sha256", "positions", "answer", "query", "margin", "multipliers",
    "coefficients", "sha256",
}  # fmt: skip


@dataclass(frozen=True)
class Certificate:
    """Whether some query w has equal scores <w, k_i> on a set S of positions and lower ones elsewhere, and the proof.

    For yes the proof is w, with the least of the differences <w, k_i> - <w, k_j>, i in S, j not in S.

    For no it is y_j >= 0 for j not in S, with sum 1, and c_i for i in S, such that, with a the first position in S,

        sum over j of y_j (k_j - k_a) = sum over i of c_i (k_i - k_a).

    No query can do then: one with equal scores on S has product 0 with the right side, so with the left side too; but
    were its scores lower elsewhere, all <w, k_j - k_a> would be negative, and so would their mean with weights y.

    Attributes:
        keys: N rows of d finite numbers, each the exact value of a float64.
        positions: S, ascending.
        answer: yes or no.
        query: for yes, w, d fractions; else None.
        margin: for yes, the least difference, > 0; None for no, or if S is all positions.
        multipliers: for no, y_j > 0 by position; else None.
        coefficients: for no, c_i other than 0 by position; else None.
        digest: SHA-256 of N, d and the keys as little-endian float64, in hexadecimal.
    """

    keys: tuple[tuple[float, ...], ...]
    positions: tuple[int, ...]
    answer: Literal["yes", "no"]
    query: tuple[Fraction, ...] | None
    margin: Fraction | None
    multipliers: dict[int, Fraction] | None
    coefficients: dict[int, Fraction] | None
    digest: str

    def check(self) -> None:
        """Prove it again in integers.

        Raises:
            Refuted: it does not hold, and why.
        """
        _require(bool(self.keys) and bool(self.keys[0]), "there are no keys")
        _require(len({len(key) for key in self.keys}) == 1, "keys differ in their number of coordinates")
        _require(all(math.isfinite(entry) for key in self.keys for entry in key), "keys are not finite")
        _require(digest_of(self.keys) == self.digest, "the keys are others than those that it was made for")
        inside = set(self.positions)
        _require(bool(inside) and sorted(inside) == list(self.positions), "positions are not distinct and ascending")
        _require(inside <= set(range(len(self.keys))), "positions are out of range")
        _require(self.answer in ("yes", "no"), "the answer is neither yes nor no")
        (self._check_yes if self.answer == "yes" else self._check_no)()

    def _check_yes(self) -> None:
        _require(self.multipliers is None and self.coefficients is None, "an answer yes has no multipliers")
        query = self.query
        if query is None or len(query) != len(self.keys[0]):
            raise _wrong("the query has another number of coordinates than the keys")
        _require(_margin(self.keys, self.positions, query) == self.margin, "the margin is another one")

    def _check_no(self) -> None:
        _require(self.query is None and self.margin is None, "an answer no has no query and no margin")
        if self.multipliers is None or self.coefficients is None:
            raise _wrong("an answer no needs multipliers and coefficients")
        inside = set(self.positions)
        outside = set(range(len(self.keys))) - inside
        _require(set(self.multipliers) <= outside, "multipliers are of positions outside the set")
        _require(set(self.coefficients) <= inside, "coefficients are of positions in the set")
        _require(all(weight >= 0 for weight in self.multipliers.values()), "a multiplier is negative")
        _require(sum(self.multipliers.values()) == 1, "the multipliers do not add up to 1")
        keys, _ = integers(self.keys)
        base = keys[self.positions[0]]
        weights = {**self.multipliers, **{i: -value for i, value in self.coefficients.items()}}
        factor = math.lcm(*(weight.denominator for weight in weights.values()))
        whole = {j: weight.numerator * (factor // weight.denominator) for j, weight in weights.items()}
        for c, origin in enumerate(base):
            total = sum(weight * (keys[j][c] - origin) for j, weight in whole.items())
            _require(total == 0, f"the multipliers leave a remainder in coordinate {c}")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: fractions as "p/q", and the SHA-256 of the canonical text of all the rest."""
        data = {
            "assay-probe-certificate": FORMAT,
            "keys": [list(key) for key in self.keys],
            "keys_sha256": self.digest,
            "positions": list(self.positions),
            "answer": self.answer,
            "query": None if self.query is None else [_text(entry) for entry in self.query],
            "margin": None if self.margin is None else _text(self.margin),
            "multipliers": _texts(self.multipliers),
            "coefficients": _texts(self.coefficients),
        }
        return {**data, "sha256": _sha256(data)}

    @classmethod
    def from_json(cls, data: Any) -> Certificate:
        """What `to_json` gave; that it is whole is checked, not that it holds.

        Raises:
            AssayError: it is not of that form.
            Refuted: it was altered.
        """
        _form(isinstance(data, dict) and set(data) == _FIELDS, "its fields are others")
        _form(type(data["assay-probe-certificate"]) is int, "its format is no number")
        _form(data["assay-probe-certificate"] == FORMAT, f"its format is not {FORMAT}")
        _form(_is_list(data["keys"], lambda key: _is_list(key, _is_finite)), "its keys are not lists of finite floats")
        _form(_is_list(data["positions"], lambda entry: type(entry) is int), "its positions are not a list of integers")
        _form(isinstance(data["keys_sha256"], str), "its keys_sha256 is no text")
        _form(data["answer"] in ("yes", "no"), "its answer is neither yes nor no")
        _form(data["query"] is None or isinstance(data["query"], list), "its query is no list")
        certificate = cls(
            keys=tuple(map(tuple, data["keys"])),
            positions=tuple(data["positions"]),
            answer=data["answer"],
            query=None if data["query"] is None else tuple(map(_number, data["query"])),
            margin=None if data["margin"] is None else _number(data["margin"]),
            multipliers=_numbers(data["multipliers"]),
            coefficients=_numbers(data["coefficients"]),
            digest=data["keys_sha256"],
        )
        whole = _sha256({name: value for name, value in data.items() if name != "sha256"})
        _require(whole == data["sha256"], "it was altered, as its SHA-256 differs")
        return certificate

    def write(self, path: str | Path) -> None:
        """Write it to a JSON file, whole or not at all.

        Raises:
            AssayError: the file cannot be written.
        """
        write_whole(path, lambda temporary: temporary.write_text(canonical(self.to_json()) + "\n", "utf-8"))


def read(path: str | Path) -> Certificate:
    """The certificate in a file that `Certificate.write` wrote; that it holds is left to its `check`.

    Raises:
        AssayError: no such file, or it does not hold a certificate.
        Refuted: it was altered.
    """
    text = read_text(path, LARGEST)
    data = parse_json(text, f"{path} is no certificate of a probe: it")
    try:
        certificate = Certificate.from_json(data)
    except AssayError as error:
        raise type(error)(f"{path}: {error}") from None
    _require(canonical(data) + "\n" == text, "it is not in canonical form")
    return certificate


def certify(keys: ArrayLike, positions: Sequence[int]) -> Certificate:
    """The proof that some query averages exactly the set S of positions, or that none does, in exact arithmetic.

    Arguments are those of `geometry.exists`.

    Raises:
        AssayError: keys or positions that are not allowed.
        CertificateError: neither answer was proved, since float64 is too coarse for these keys.

    Time is that of the exact solution of min(q, d) equations for yes and d + 1 for no: 20 ms at N = 256, d = 64.

    >>> square = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> certificate = certify(square, [0, 1])
    >>> certificate.check()
    >>> certificate.answer, certificate.query, certificate.margin
    ('yes', (Fraction(-1, 1), Fraction(0, 1)), Fraction(1, 1))
    >>> certify(square, [0, 3]).multipliers
    {1: Fraction(1, 2), 2: Fraction(1, 2)}
    """
    array, inside, outside = check_keys(keys, positions)
    white = Whitened.of(array)
    base = int(inside[0])
    if not outside.size:
        certificate = _certificate(array, inside, query=(Fraction(0),) * array.shape[1])
        assert certificate is not None
        return certificate
    query, weights = face_candidates(white, inside, outside)
    whole = fmpz_mat(integers(white.scaled.tolist())[0])
    offsets = whole - fmpz_mat([[1]] * len(array)) * fmpz_mat([whole.tolist()[base]])
    certificate = None
    if query is None or not is_face(white, inside, outside, query):
        certificate = _refuted(array, offsets, inside, weights)
    if certificate is None and query is not None:
        certificate = _confirmed(array, white, offsets, inside, query)
    if certificate is None:
        raise CertificateError("neither answer could be proved: numbers found in float64 are too coarse for these keys")
    return certificate


def refutes(array: Floats, white: Whitened, inside: NDArray[np.intp], weights: Floats) -> bool:
    """Whether exact fractions near these multipliers prove that no query averages exactly the set."""
    whole = fmpz_mat(integers(white.scaled.tolist())[0])
    offsets = whole - fmpz_mat([[1]] * len(array)) * fmpz_mat([whole.tolist()[int(inside[0])]])
    return _refuted(array, offsets, inside, weights) is not None


def integers(rows: Iterable[Iterable[float]]) -> tuple[list[list[int]], int]:
    """Finite floating-point numbers times the least power of two, 2^power with power >= 0, that makes all integers.

    >>> integers([[0.5, -3.0], [0.25, 0.0]])
    ([[2, -12], [1, 0]], 2)
    """
    ratios = [[entry.as_integer_ratio() for entry in row] for row in rows]
    power = max(below.bit_length() - 1 for row in ratios for _, below in row)
    return [[above << (power - below.bit_length() + 1) for above, below in row] for row in ratios], power


def digest_of(keys: Sequence[Sequence[float]]) -> str:
    """SHA-256 of the number of keys, that of coordinates, and the keys as little-endian float64, in hexadecimal."""
    found = hashlib.sha256(f"{len(keys)} {len(keys[0])} ".encode())
    for key in keys:
        found.update(struct.pack(f"<{len(key)}d", *key))
    return found.hexdigest()


def _confirmed(
    array: Floats, white: Whitened, offsets: fmpz_mat, inside: NDArray[np.intp], query: Floats
) -> Certificate | None:
    """The certificate for yes near a query in scaled coordinates, if there is one."""
    equations = _rows(offsets, inside[1:])
    order = np.arange(len(query))
    if len(inside) > 1:  # pivots among the coordinates such that solving for them moves the query little
        order = qr(white.scaled[inside[1:]] - white.scaled[inside[0]], mode="r", pivoting=True)[1]
    pivots = _independent(equations, order)
    largest = int(np.frexp(np.abs(query).max())[1])
    for bits in BITS:
        values = {c: Fraction(round(Fraction(float(w)) * 2 ** (bits - largest))) for c, w in enumerate(query)}
        solution = _solve(equations, [Fraction(0)] * equations.nrows(), values, pivots)
        unscaled = [solution[c] * Fraction(2) ** int(white.shift[c]) for c in range(len(query))]
        most = max(map(abs, unscaled))
        unit = Fraction(2) ** (most.denominator.bit_length() - most.numerator.bit_length())
        certificate = _certificate(array, inside, query=tuple(entry * unit for entry in unscaled))
        if certificate is not None:
            return certificate
    return None


def _refuted(array: Floats, offsets: fmpz_mat, inside: NDArray[np.intp], weights: Floats) -> Certificate | None:
    """The certificate for no whose multipliers are those that are given as positive, if there is one."""
    support = np.flatnonzero(weights).tolist()
    columns = [*inside[1:].tolist(), *support]
    fixed = len(columns) - len(support)
    spans = _rows(offsets, columns).transpose().tolist()
    equations = fmpz_mat([*spans, [0] * fixed + [1] * len(support)])
    pivots = _independent(equations, range(len(columns)))
    values = {
        place: Fraction(0) if place < fixed else Fraction(round(weights[j] * 2**32), 2**32)
        for place, j in enumerate(columns)
    }
    solution = _solve(equations, [Fraction(0)] * len(spans) + [Fraction(1)], values, pivots)
    multipliers = {j: solution[place] for place, j in enumerate(columns) if place >= fixed and solution[place] != 0}
    coefficients = {j: -solution[place] for place, j in enumerate(columns) if place < fixed and solution[place] != 0}
    if any(value < 0 for value in multipliers.values()):
        return None
    return _certificate(array, inside, multipliers=multipliers, coefficients=coefficients)


def _certificate(
    array: Floats,
    inside: NDArray[np.intp],
    query: tuple[Fraction, ...] | None = None,
    multipliers: dict[int, Fraction] | None = None,
    coefficients: dict[int, Fraction] | None = None,
) -> Certificate | None:
    """The certificate with its margin; None if it does not hold."""
    keys = tuple(map(tuple, array.tolist()))
    positions = tuple(inside.tolist())
    answer: Literal["yes", "no"] = "no" if query is None else "yes"
    try:
        margin = None if query is None else _margin(keys, positions, query)
        certificate = Certificate(keys, positions, answer, query, margin, multipliers, coefficients, digest_of(keys))
        certificate.check()
    except AssayError:
        return None
    return certificate


def _rows(matrix: fmpz_mat, places: Iterable[int]) -> fmpz_mat:
    """Some rows of a matrix; there may be none."""
    table = matrix.tolist()
    chosen = [table[int(place)] for place in places]
    return fmpz_mat(chosen) if chosen else fmpz_mat(0, matrix.ncols())


def _independent(matrix: fmpz_mat, order: Iterable[int]) -> tuple[list[int], list[int]]:
    """Rows and columns of a square submatrix of full rank; columns that come first in `order` are preferred."""
    order = [int(c) for c in order]
    table = [[int(entry) % PRIME for entry in row] for row in matrix.tolist()]
    columns = [order[c] for c in _leading([[row[c] for c in order] for row in table])]
    rows = _leading([[row[c] for row in table] for c in columns])
    return rows, columns


def _leading(table: list[list[int]]) -> list[int]:
    """The columns with leading entries in the echelon form modulo PRIME: each independent of those before it."""
    if not table or not table[0]:
        return []
    echelon, rank = nmod_mat(table, PRIME).rref()
    return [next(c for c, entry in enumerate(row) if int(entry)) for row in echelon.tolist()[:rank]]


def _solve(
    matrix: fmpz_mat, right: list[Fraction], values: Mapping[int, Fraction], pivots: tuple[list[int], list[int]]
) -> dict[int, Fraction]:
    """The unknowns of matrix @ x = right, the pivot columns solved for in the pivot rows, the others as in `values`."""
    rows, columns = pivots
    if not columns:
        return dict(values)
    table = matrix.tolist()
    free = [c for c in values if c not in set(columns)]
    rest = [right[r] - sum((int(table[r][c]) * values[c] for c in free), Fraction(0)) for r in rows]
    factor = math.lcm(*(entry.denominator for entry in rest))
    square = fmpz_mat([[table[r][c] for c in columns] for r in rows])
    solved = square.solve(fmpz_mat([[int(entry * factor)] for entry in rest])).entries()
    exact = {c: Fraction(int(x.p), int(x.q)) / factor for c, x in zip(columns, solved, strict=True)}
    return {**values, **exact}


def _margin(keys: Sequence[Sequence[float]], positions: Sequence[int], query: Sequence[Fraction]) -> Fraction | None:
    """The least difference of scores of a query that has equal ones on the positions; None if these are all.

    Raises:
        AssayError: they are not equal there, or not lower elsewhere.
    """
    table, power = integers(keys)
    factor = math.lcm(*(entry.denominator for entry in query))
    whole = [entry.numerator * (factor // entry.denominator) for entry in query]
    scores = [sum(a * b for a, b in zip(key, whole, strict=True)) for key in table]
    inside = set(positions)
    top = scores[positions[0]]
    _require(all(scores[i] == top for i in inside), "the query's scores on the positions differ")
    below = [top - score for j, score in enumerate(scores) if j not in inside]
    _require(all(gap > 0 for gap in below), "the query scores another position no lower")
    return Fraction(min(below), factor << power) if below else None


def _wrong(reason: str) -> Refuted:
    return Refuted(f"the certificate does not hold: {reason}")


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise _wrong(reason)


def _form(holds: bool, wrong: str) -> None:
    if not holds:
        raise AssayError(f"this is no certificate of a probe: {wrong}")


def _sha256(data: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(data).encode()).hexdigest()


def _is_finite(value: Any) -> bool:
    return type(value) is float and math.isfinite(value)


def _is_list(value: Any, entry: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(entry, value))


def _text(value: Fraction) -> str:
    """In decimals; by way of Decimal, since str(int) refuses numbers as long as these may be."""
    return f"{Decimal(value.numerator):f}/{Decimal(value.denominator):f}"


def _texts(values: Mapping[int, Fraction] | None) -> dict[str, str] | None:
    return None if values is None else {str(place): _text(value) for place, value in values.items()}


def _number(text: Any) -> Fraction:
    _form(isinstance(text, str) and _FRACTION.fullmatch(text) is not None, "a fraction is not of the form p/q")
    above, below = text.split("/")
    return Fraction(int(Decimal(above)), int(Decimal(below)))


def _numbers(texts: Any) -> dict[int, Fraction] | None:
    if texts is None:
        return None
    fits = isinstance(texts, dict) and all(_PLACE.fullmatch(place) for place in texts)
    _form(fits, "its multipliers or coefficients are not fractions by position")
    return {int(place): _number(text) for place, text in texts.items()}
