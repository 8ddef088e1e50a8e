"""Exact answers, in rational numbers, to whether a query can average exactly a set of keys or rank it above the rest.

Floating-point numbers are rational, so an exact answer speaks of the very keys given. Queries and multipliers that
`assay.probing.candidates` found in float64 are rounded, and as many of their numbers as there are equations are solved
for exactly. `Certificate` holds the result with the keys; its `check` uses integers alone and nothing of how it was
found.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from numpy.typing import ArrayLike

from assay.errors import AssayError, CertificateError, Refuted
from assay.evidence import Json, canonical, canonical_line
from assay.probing.candidates import Whitened, check_keys, face_candidates
from assay.probing.rational import Query, Refutation, exact_face, integers, whole_numbers
from assay.store.files import parse_json, read_text, write_whole

FORMAT = 1
LARGEST = 1 << 28  # bytes of a certificate
_FRACTION = re.compile(r"-?[0-9]+/[1-9][0-9]*")
_PLACE = re.compile(r"0|[1-9][0-9]{0,17}")
_FIELDS = {
    "assay-probe-certificate",
    "keys",
    "keys_sha256",
    "positions",
    "answer",
    "query",
    "margin",
    "multipliers",
    "coefficients",
    "sha256",
}


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

    def to_json(self) -> Json:
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
    layout = canonical_line(path, text, data)
    _require(not layout, layout)
    return certificate


def certify(keys: ArrayLike, positions: Sequence[int]) -> Certificate:
    """The proof that some query averages exactly the set S of positions, or that none does, in exact arithmetic.

    Arguments are those of `geometry.exists`.

    Raises:
        AssayError: keys or positions that are not allowed.
        CertificateError: neither answer was proved, since float64 is too coarse for these keys.

    Time is that of the exact solution of min(q, d) equations for yes and d + 1 for no, 20 ms at N = 256, d = 64; up to
    2 PIVOTS times as long where what float64 finds is far from an answer.

    >>> square = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> certificate = certify(square, [0, 1])
    >>> certificate.check()
    >>> certificate.answer, certificate.query, certificate.margin
    ('yes', (Fraction(-1, 1), Fraction(0, 1)), Fraction(1, 1))
    >>> certify(square, [0, 3]).multipliers
    {1: Fraction(1, 2), 2: Fraction(1, 2)}
    """
    array, inside, outside = check_keys(keys, positions)
    exact, places = tuple(map(tuple, array.tolist())), tuple(inside.tolist())
    white = Whitened.of(array)
    proved: Query | Refutation | None = (Fraction(0),) * array.shape[1]
    if outside.size:
        query, weights, _ = face_candidates(white, inside, outside)
        proved = exact_face(array, white, inside, query, weights)
    if proved is None:
        raise CertificateError("neither answer could be proved: numbers found in float64 are too coarse for these keys")
    digest = digest_of(exact)
    if isinstance(proved, Refutation):
        return Certificate(exact, places, "no", None, None, proved.multipliers, proved.coefficients, digest)
    unscaled = _unscaled(proved, white)
    return Certificate(exact, places, "yes", unscaled, _margin(exact, places, unscaled), None, None, digest)


def digest_of(keys: Sequence[Sequence[float]]) -> str:
    """SHA-256 of the number of keys, that of coordinates, and the keys as little-endian float64, in hexadecimal."""
    found = hashlib.sha256(f"{len(keys)} {len(keys[0])} ".encode())
    for key in keys:
        found.update(struct.pack(f"<{len(key)}d", *key))
    return found.hexdigest()


def _unscaled(query: Query, white: Whitened) -> Query:
    """A query in the coordinates of the keys given, its largest entry from 1/2 to 1 in size, or all 0."""
    entries = [entry * Fraction(2) ** int(power) for entry, power in zip(query, white.shift, strict=True)]
    most = max(map(abs, entries))
    unit = Fraction(2) ** (most.denominator.bit_length() - most.numerator.bit_length())
    return tuple(entry * unit for entry in entries)


def _margin(keys: Sequence[Sequence[float]], positions: Sequence[int], query: Sequence[Fraction]) -> Fraction | None:
    """The least difference of scores of a query that has equal ones on the positions; None if these are all.

    Raises:
        AssayError: they are not equal there, or not lower elsewhere.
    """
    table, power = integers(keys)
    whole, factor = whole_numbers(query)
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
        raise _no_form(wrong)


def _no_form(wrong: str) -> AssayError:
    return AssayError(f"this is no certificate of a probe: {wrong}")


def _sha256(data: Json) -> str:
    return hashlib.sha256(canonical(data).encode()).hexdigest()


def _is_finite(value: object) -> bool:
    return type(value) is float and math.isfinite(value)


def _is_list(value: object, entry: Callable[[object], bool]) -> bool:
    return isinstance(value, list) and all(map(entry, value))


def _text(value: Fraction) -> str:
    """In decimals; by way of Decimal, since str(int) refuses numbers as long as these may be."""
    return f"{Decimal(value.numerator):f}/{Decimal(value.denominator):f}"


def _texts(values: Mapping[int, Fraction] | None) -> dict[str, str] | None:
    return None if values is None else {str(place): _text(value) for place, value in values.items()}


def _number(text: object) -> Fraction:
    if not isinstance(text, str) or not _FRACTION.fullmatch(text):
        raise _no_form("a fraction is not of the form p/q")
    above, below = text.split("/")
    return Fraction(int(Decimal(above)), int(Decimal(below)))


def _numbers(texts: object) -> dict[int, Fraction] | None:
    if texts is None:
        return None
    if not isinstance(texts, dict) or not all(_PLACE.fullmatch(place) for place in texts):
        raise _no_form("its multipliers or coefficients are not fractions by position")
    return {int(place): _number(text) for place, text in texts.items()}
