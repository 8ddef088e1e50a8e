"""Groups as a user gives them: by name, as permutations that generate them, or as a multiplication table."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from assay.errors import AssayError, one_line
from assay.groups.group import LARGEST_ORDER, Group, Table, cycles, letters_of
from assay.groups.named import named_group
from assay.groups.structure import subgroup
from assay.store.files import read_text

_LARGEST_FILE = 16 * 2**20  # bytes
_LARGEST_POINTS = 100  # that permutations move


def group_from(text: str) -> Group:
    """The group that a text stands for.

    Args:
        text: a name such as `S5` or `Z2xS3` (see `named_group`); permutations in cycle notation that generate it,
            separated by commas, such as `(1 2)(3 4),(1 2 3)`; or the path of a table that ends in `.csv`.

    >>> group_from("(1 2)(3 4),(1 2 3)").order
    12

    Raises:
        AssayError: it is none of these, has more than 1,000 elements, or is no group; the message says why.
    """
    if text.lower().endswith(".csv"):
        return read_table(text)
    return generated_group(text) if "(" in text else named_group(text)


def generated_group(text: str) -> Group:
    """The group that permutations generate; its letters are these.

    Points are any whole numbers; a cycle `(1 2 3)` takes 1 to 2, 2 to 3 and 3 to 1. Of a product of elements the right
    one acts first.

    Args:
        text: permutations of disjoint cycles, separated by commas.

    >>> generated_group("(1 2 3 4),(1 3)").labels[:3]
    ('()', '(1 2 3 4)', '(1 3)')

    Raises:
        AssayError: the notation is wrong, or there are too many elements or points.
    """
    written = [_parsed(word.strip()) for word in re.split(r",(?![^()]*\))", text)]
    points = tuple(sorted({point for permutation in written for cycle in permutation for point in cycle}))
    if len(points) > _LARGEST_POINTS:
        raise AssayError(f"generators move {len(points)} points; at most {_LARGEST_POINTS} are allowed")
    places = {point: place for place, point in enumerate(points)}
    moves = []
    for permutation in written:
        images = list(range(max(1, len(points))))
        for cycle in permutation:
            for point, image in zip(cycle, cycle[1:] + cycle[:1], strict=True):
                images[places[point]] = places[image]
        moves.append(tuple(images))
    elements, table = _closed(moves)
    generators = letters_of(tuple(elements.index(move) for move in moves))
    labels = tuple(cycles(one, points) for one in elements)
    return Group(one_line(text), table, generators, labels, np.array(elements))


def _parsed(word: str) -> list[list[int]]:
    """The cycles of one permutation."""
    if not re.fullmatch(r"(\(\s*([0-9]{1,9}(\s+[0-9]{1,9})*)?\s*\)\s*)+", word):
        raise AssayError(
            f"generator {one_line(word)!r} is no permutation in cycle notation, such as (1 2)(3 4); "
            f"numbers are separated by spaces, permutations by commas"
        )
    found = [[int(point) for point in cycle.split()] for cycle in re.findall(r"\(([^()]*)\)", word)]
    (point, times), *_ = Counter(point for cycle in found for point in cycle).most_common(1) or [(0, 0)]
    if times > 1:
        raise AssayError(f"generator {one_line(word)[:100]!r} is no permutation: {point} stands in it {times} times")
    return found


def _closed(moves: list[tuple[int, ...]]) -> tuple[list[tuple[int, ...]], Table]:
    """All products of permutations, the identity first, and their table.

    Each element but the identity is an earlier one times a generator, e = p s, so that x e = (x p) s: columns of the
    table follow from those of the generators.
    """
    identity = tuple(range(len(moves[0])))
    places, elements, parents = {identity: 0}, [identity], [(0, 0)]
    right: list[list[int]] = []  # x s for each x and generator s
    for place, element in enumerate(elements):  # grows on the way
        products = [tuple(element[image] for image in move) for move in moves]
        for step, product in enumerate(products):
            if product not in places:
                if len(elements) == LARGEST_ORDER:
                    raise AssayError(f"generators give a group of more than {LARGEST_ORDER} elements, the most allowed")
                places[product] = len(elements)
                elements.append(product)
                parents.append((place, step))
        right.append([places[product] for product in products])
    by_generator = np.array(right)
    table = np.empty((len(elements), len(elements)), dtype=np.int64)
    table[:, 0] = np.arange(len(elements))
    for place, (parent, step) in enumerate(parents[1:], 1):
        table[:, place] = by_generator[table[:, parent], step]
    return elements, table


def read_table(path: str) -> Group:
    """A group from a file with its multiplication table: row a, column b has a b.

    Either n lines of n numbers 0 ... n - 1, or n + 1 lines that begin with a label, the first with the labels of the
    columns, in the same order. The identity becomes element 0. Its letters are a small set of generators.

    Raises:
        AssayError: the file cannot be read, or the table is that of no group: the message names the element without an
            inverse, or three elements whose product depends on the brackets.
    """
    rows, path = _rows(path), one_line(path)  # messages show the name on one line
    labels, table = _square(path, rows)
    identities = [e for e in range(len(table)) if (table[e] == range(len(table))).all()]
    identities = [e for e in identities if (table[:, e] == range(len(table))).all()]
    if not identities:
        raise AssayError(f"{path} is no group: no element e has e x = x e = x for all x")
    order = np.array([identities[0], *(x for x in range(len(table)) if x != identities[0])])
    back = np.argsort(order)
    table, labels = back[table[np.ix_(order, order)]], tuple(labels[x] for x in order)
    require_group(path, table, labels)
    return Group(path, table, letters_of(tuple(generating_elements(table))), labels, table)


def _rows(path: str) -> list[list[str]]:
    lines = read_text(path, _LARGEST_FILE).lstrip("\ufeff").splitlines()
    try:
        rows = list(csv.reader(lines, skipinitialspace=True))
    except csv.Error as error:
        raise AssayError(f"{one_line(path)} is no multiplication table: {error}") from None
    rows = [[*map(str.strip, row)] for row in rows if any(map(str.strip, row))]
    if not rows:
        raise AssayError(f"{path} is no multiplication table: it is empty")
    for line, row in enumerate(rows, 1):
        if len(row) != len(rows):
            raise AssayError(f"{path} is no multiplication table: row {line} has {len(row)} cells, {len(rows)} rows")
    if len(rows) > LARGEST_ORDER + 1:
        raise AssayError(f"{path} has {len(rows)} rows; a group of at most {LARGEST_ORDER} elements is allowed")
    return rows


def _square(path: str, rows: list[list[str]]) -> tuple[tuple[str, ...], Table]:
    """Labels, and the table by their places."""
    if all(all(map(str.isdecimal, row)) for row in rows):
        labels, body = [str(x) for x in range(len(rows))], rows
    else:
        labels, body = rows[0][1:], [row[1:] for row in rows[1:]]
        firsts = [row[0] for row in rows[1:]]
        if firsts != labels or len(set(labels)) < len(labels) or not labels:
            raise AssayError(
                f"{path} is no multiplication table: it must have n lines of the numbers 0 to n - 1, or labels, each "
                f"once, in the first line and in the same order in the first column"
            )
    places = {label: place for place, label in enumerate(labels)}
    for label, row in zip(labels, body, strict=True):
        strange = sorted(set(row) - places.keys())
        if strange:
            raise AssayError(
                f"{path} is no multiplication table: {one_line(strange[0])!r} in the row of {one_line(label)} is none "
                f"of its elements, {one_line(labels[0])} to {one_line(labels[-1])}"
            )
    if len(labels) > LARGEST_ORDER:
        raise AssayError(f"{path} has {len(labels)} elements; at most {LARGEST_ORDER} are allowed")
    return tuple(map(one_line, labels)), np.array([[*map(places.__getitem__, row)] for row in body], dtype=np.int64)


def require_group(path: str, table: Table, labels: tuple[str, ...]) -> None:
    """Refuse a table with identity 0 that is no group's."""
    both = (table == 0) & (table.T == 0)
    if not both.any(axis=1).all():
        lone = labels[int(np.argmin(both.any(axis=1)))]
        raise AssayError(f"{path} is no group: {lone} has no inverse x, with {lone} x = x {lone} = {labels[0]}")
    triple = failing_triple(table)
    if triple is not None:
        a, b, c = (labels[x] for x in triple)
        left, right = labels[table[table[triple[:2]], triple[2]]], labels[table[triple[0], table[triple[1:]]]]
        raise AssayError(
            f"{path} is no group: it is not associative, ({a} {b}) {c} = {left}, but {a} ({b} {c}) = {right}"
        )


def failing_triple(table: Table) -> tuple[int, int, int] | None:
    """Elements with (a b) c other than a (b c); None where all triples are associative.

    The table has an identity 0 and an inverse of every element. Light's test: the b for which all a and c are
    associative are closed under products, so that generators are enough for b. These form a group, so that each
    generator that passes at least doubles what is reached. Where an element stands twice in a row or column, its
    inverse gives such a triple at once.

    >>> failing_triple(np.array([[0, 1, 2], [1, 0, 2], [2, 1, 0]]))
    (2, 1, 1)
    """
    n = len(table)
    both = (table == 0) & (table.T == 0)
    for a in range(n):
        inverse = int(np.argmax(both[a]))
        for row, mirrored in ((table[a], False), (table[:, a], True)):
            pair = _equal_pair(row)
            for x in pair:  # a' (a x) is the same for both, and (a' a) x = x is not
                triple = (x, a, inverse) if mirrored else (inverse, a, x)
                if table[table[triple[:2]], triple[2]] != table[triple[0], table[triple[1:]]]:
                    return triple
    for b in generating_elements(table):
        wrong = table[table[:, b]] != table[:, table[b]]  # at [a, c]
        if wrong.any():
            a, c = np.unravel_index(np.argmax(wrong), wrong.shape)
            return int(a), b, int(c)
    return None


def _equal_pair(row: np.ndarray) -> tuple[int, ...]:
    """Two places with the same entry, if there are any."""
    order = np.argsort(row, kind="stable")
    same = np.flatnonzero(np.diff(row[order]) == 0)
    return () if not len(same) else (int(order[same[0]]), int(order[same[0] + 1]))


def generating_elements(table: Table) -> Iterator[int]:
    """Elements that generate the whole, each the first that is no product of those before it.

    >>> from assay.groups import named_group
    >>> list(generating_elements(named_group("Z2xZ4").table))
    [1, 4]
    """
    chosen = np.zeros(len(table), dtype=bool)
    while not (reached := subgroup(table, chosen)).all():
        chosen[np.argmin(reached)] = True
        yield int(np.argmin(reached))
