"""Proofs in exact arithmetic that a query ranks a set on top, or that none does, and the files that hold them.

Documents are floating-point numbers, so rational. "Yes" is shown by a query of integers, "no" by convex weights a on
S and b on the rest with sum a_i x_i = sum b_j x_j: for every query, the least score in S is at most the mean with
weights a, which is the mean with weights b, which is at most the largest score outside. If no query does, such weights
exist (Minkowski's separation theorem), on at most d + 2 documents (Caratheodory).

The search in float64 gives the documents with weight; their weights are then solved for in rationals (FLINT), and all
equations are checked in integers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from flint import fmpz_mat, nmod_mat
from numpy.typing import NDArray

from assay.errors import Refuted
from assay.probing.candidates import Whitened, half_candidates
from assay.probing.rational import PRIME, exact_halves, integers, whole_numbers
from assay.store.files import write_whole
from assay.vectors.documents import Documents, Floats, Places
from assay.vectors.hulls import BITS, Nearest

FORMAT = 1
_WEIGHT_BITS = 50  # of weights that bound a margin
EXACT = 1 << 14  # numbers of documents that are few enough for a search in rationals


@dataclass(frozen=True)
class Refutation:
    """Why no query ranks S above the rest: two means that coincide.

    Attributes:
        inside: whole numbers > 0 by document of S.
        outside: the same for other documents; both have the same sum, so that divided by it they are convex weights.
    """

    inside: dict[int, int]
    outside: dict[int, int]

    def check(self, documents: NDArray[np.floating], members: Places) -> None:
        """Prove it again, from the documents alone.

        Raises:
            Refuted: it does not hold, and why.

        >>> square = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
        >>> Refutation({0: 1, 3: 1}, {1: 1, 2: 1}).check(square, np.array([0, 3]))
        """
        chosen = set(members.tolist())
        _require(set(self.inside) <= chosen, "a weight of S is of a document outside")
        _require(not chosen & set(self.outside), "a weight of the rest is of a document in S")
        _require(min(*self.inside.values(), *self.outside.values()) >= 0, "a weight is negative")
        _require(sum(self.inside.values()) == sum(self.outside.values()) > 0, "the weights have different sums")
        weights = {**self.inside, **{place: -weight for place, weight in self.outside.items()}}
        rows, _ = integers(documents[list(weights)].astype(np.float64).tolist())
        for c, column in enumerate(zip(*rows, strict=True)):
            total = sum(weight * entry for weight, entry in zip(weights.values(), column, strict=True))
            _require(total == 0, f"the means differ in coordinate {c}")


def of_duplicates(inside: int, outside: int) -> Refutation:
    """That a document of S equals one outside."""
    return Refutation({inside: 1}, {outside: 1})


def refute(documents: Documents, found: Nearest) -> Refutation | None:
    """Exact weights on the documents that have weight, by which no query ranks S on top; None if there are none.

    Time is that of a rational solution of up to d + 2 equations: about 0.1 s at d = 128, 4 s at d = 384.
    """
    places = found.support.tolist()
    signs = np.where(np.isin(found.support, found.members), 1.0, -1.0)
    signed = signs[:, None] * documents.rows(found.support)
    # each coordinate has its own power of two, so that its numbers are short
    equations = [integers([column])[0][0] for column in signed.T.tolist()]
    ones = [[int(sign > 0) for sign in signs], [int(sign < 0) for sign in signs]]
    weights = _solved([*equations, *ones], [0] * len(equations) + [1, 1])
    if weights is None or min(weights) < 0:
        return None
    whole, _ = whole_numbers(weights)
    halves: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for place, sign, weight in zip(places, signs, whole, strict=True):
        if weight:
            halves[int(sign < 0)][place] = weight
    return Refutation(*halves)


def exact_bound(documents: Documents, found: Nearest) -> float:
    """No query of length 1 has a larger margin: |sum a x - sum b x| for the weights found, made convex, in integers.

    Without the rounding errors of float64, which are part of `found.at_most`. About 0.2 s at d = 384.
    """
    if not found.support.size:
        return found.at_most
    signs = [1 if place in set(found.members.tolist()) else -1 for place in found.support.tolist()]
    weights = [int(weight) for weight in np.rint(found.weights * 2.0**_WEIGHT_BITS).tolist()]
    for sign in (1, -1):  # the largest weight takes what rounding left, so that each sum is 2^_WEIGHT_BITS
        half = [place for place, one in enumerate(signs) if one == sign]
        weights[max(half, key=weights.__getitem__)] += (1 << _WEIGHT_BITS) - sum(weights[place] for place in half)
    rows, power = integers(documents.rows(found.support).tolist())
    signed = [sign * weight for sign, weight in zip(signs, weights, strict=True)]
    totals = [sum(a * b for a, b in zip(signed, column, strict=True)) for column in zip(*rows, strict=True)]
    length = Fraction(math.isqrt(sum(total * total for total in totals)) + 1, 1 << (power + _WEIGHT_BITS))
    return min(found.at_most, math.nextafter(float(length), math.inf))


def search_exactly(documents: Documents, found: Nearest) -> Refutation | tuple[Fraction, ...] | None:
    """A refutation, or a query (d,) that ranks S on top, by a search in rationals over all documents, if they are few.

    For margins below what float64 resolves. None for more than EXACT numbers, and where that search gives up, too.
    """
    if documents.count * documents.width > EXACT:
        return None
    array = documents.rows(np.arange(documents.count))
    outside = np.setdiff1d(np.arange(documents.count), found.members)
    white = Whitened.of(array)
    proved = exact_halves(array, white, found.members, *half_candidates(white, found.members, outside))
    if isinstance(proved, tuple):
        return tuple(entry * Fraction(2) ** int(power) for entry, power in zip(proved, white.shift, strict=True))
    if proved is None:
        return None
    chosen = set(found.members.tolist())
    whole = dict(zip(proved.multipliers, whole_numbers([*proved.multipliers.values()])[0], strict=True))
    return Refutation({i: whole[i] for i in whole if i in chosen}, {j: whole[j] for j in whole if j not in chosen})


def whole_query(query: Floats) -> tuple[int, ...]:
    """Integers with the same ranking as a query of integers / 2^BITS, as `hulls` finds.

    >>> whole_query(np.array([0.5, -0.75]))
    (2, -3)
    """
    whole = [int(entry) for entry in np.rint(np.ldexp(query, BITS)).tolist()]
    factor = math.gcd(*whole) or 1
    return tuple(entry // factor for entry in whole)


def write_refutation(
    path: Path, refutation: Refutation, members: Places, documents: str, digest: str, shape: tuple[int, ...]
) -> None:
    """Write a JSON file that a few lines of Python check; see docs/embeddings.md. Weights are in hexadecimal.

    Args:
        path: of the file.
        refutation: what it holds.
        members: S.
        documents: name of the .npy file that it speaks of.
        digest: of these documents, see `Documents.digest`.
        shape: theirs.

    Raises:
        AssayError: the file cannot be written.
    """
    data = {
        "assay-embeddings-certificate": FORMAT,
        "answer": "no",
        "documents": documents,
        "documents_sha256": digest,
        "shape": list(shape),
        "set": members.tolist(),
        "inside": _hexadecimal(refutation.inside),
        "outside": _hexadecimal(refutation.outside),
    }
    write_whole(path, lambda temporary: temporary.write_text(json.dumps(data) + "\n", "utf-8"))


def _hexadecimal(weights: Mapping[int, int]) -> dict[str, str]:
    return {str(place): f"{weight:x}" for place, weight in weights.items()}


def _solved(equations: list[list[int]], right: list[int]) -> list[Fraction] | None:
    """x with equations @ x = right, for columns that are independent; None if they are not, or there is no x."""
    unknowns = len(equations[0])
    # rows that are independent modulo a prime are so indeed; leading columns of the transpose name them
    echelon, rank = nmod_mat([[row[c] % PRIME for row in equations] for c in range(unknowns)], PRIME).rref()
    if rank < unknowns:
        return None
    chosen = [next(r for r, entry in enumerate(row) if int(entry)) for row in echelon.tolist()]
    solution = fmpz_mat([equations[r] for r in chosen]).solve(fmpz_mat([[right[r]] for r in chosen]))
    values = [Fraction(int(x.p), int(x.q)) for x in solution.entries()]
    whole, factor = whole_numbers(values)
    left = (fmpz_mat(equations) * fmpz_mat([[entry] for entry in whole])).entries()
    return values if all(int(a) == b * factor for a, b in zip(left, right, strict=True)) else None


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise Refuted(f"the certificate does not hold: {reason}")
