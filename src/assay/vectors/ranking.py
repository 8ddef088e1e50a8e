"""Whether a query ranks a set on top, decided exactly: in float64 where its error bounds suffice, else in integers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from assay.probing.rational import integers
from assay.vectors.documents import Documents, Floats, Leaders, Places

_SEEN = 64  # outsiders that are looked at first


def exact_margin(documents: Documents, query: Floats, inside: Places, outside: Places) -> Fraction:
    """The least score of `inside` less the largest of `outside`, exactly.

    >>> documents = Documents(np.array([[0.5], [0.25], [0.125]], dtype=np.float32))
    >>> exact_margin(documents, np.array([1.0]), np.array([0]), np.array([1, 2]))
    Fraction(1, 4)
    """
    rows, power = integers(documents.rows(np.append(inside, outside)).tolist())
    (whole,), shift = integers([query.tolist()])
    scores = [sum(a * b for a, b in zip(row, whole, strict=True)) for row in rows]
    return Fraction(min(scores[: len(inside)]) - max(scores[len(inside) :]), 1 << (power + shift))


def is_on_top(documents: Documents, query: Floats, members: Places, leading: Leaders) -> bool | None:
    """Whether all scores in S are larger than all others, in exact arithmetic; None if `leading` does not tell.

    Args:
        documents: all of them.
        query: (d,), any finite numbers; these are taken exactly.
        members: S.
        leading: the outsiders with the highest scores for it.
    """
    scores = documents.rows(members) @ query
    lowest, doubt = float(scores.min()), 2 * leading.doubt
    best = float(leading.scores.max(initial=-np.inf))
    if best > lowest + doubt:
        return False
    rivals = leading.rivals(lowest)
    if rivals.size and exact_margin(documents, query, members[scores <= lowest + doubt], rivals) <= 0:
        return False
    return None if leading.unseen >= lowest - doubt else True


def on_top(documents: Documents, queries: Floats, sets: Sequence[Places]) -> list[bool]:
    """Whether each query, taken exactly, scores every document of its set above all others.

    Args:
        documents: all of them.
        queries: (b, d), finite.
        sets: b sets, ascending.

    >>> documents = Documents(np.eye(3, dtype=np.float32))
    >>> on_top(documents, np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), [np.array([0, 1]), np.array([0, 1])])
    [True, False]
    """
    found: list[bool | None] = [None] * len(sets)
    most = _SEEN
    while waiting := [index for index, one in enumerate(found) if one is None]:
        asked, of = queries[waiting], [sets[index] for index in waiting]
        levels = [
            (documents.rows(members) @ query).min() - 4 * documents.doubt(float(np.linalg.norm(query)))
            for query, members in zip(asked, of, strict=True)
        ]
        leaders = documents.leaders(asked, np.array(levels), of, most)
        for index, query, members, leading in zip(waiting, asked, of, leaders, strict=True):
            found[index] = is_on_top(documents, query, members, leading)
        most = min(8 * most, documents.count)
    return [bool(one) for one in found]
