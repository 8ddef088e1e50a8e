"""Structure of groups against sympy's permutation groups and against definitions; groups read from a user's text."""

import math
import random
from itertools import combinations_with_replacement, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.combinatorics import Permutation, PermutationGroup

from assay.errors import AssayError
from assay.groups import named_group
from assay.groups.abelian import cyclic_factors
from assay.groups.reading import failing_triple, generated_group, generating_elements, group_from
from assay.groups.structure import class_numbers, commutators, element_orders, inverses, structure_of, subgroup

SIMPLE = {f"Z{m}": m for m in range(2, 25)} | {f"D{n}": 2 * n for n in range(3, 13)} | {"Q8": 8, "A4": 12, "S4": 24}


def products_up_to(order):
    """Names of all direct products of simple names, with at most this many elements."""
    found = []
    for count in range(1, 5):
        for names in combinations_with_replacement(SIMPLE, count):
            if np.prod([SIMPLE[name] for name in names]) <= order:
                found.append("x".join(names))
    return found


def special_linear():
    """SL(2, 3), of 24 elements, by its action on the eight vectors that are not 0, as permutations in a text."""
    vectors = [v for v in product(range(3), repeat=2) if any(v)]
    texts = []
    for a, b, c, d in ((1, 1, 0, 1), (1, 0, 1, 1)):
        images = [vectors.index(((a * x + b * y) % 3, (c * x + d * y) % 3)) for x, y in vectors]
        cycles = Permutation(images).cyclic_form
        texts.append("".join(f"({' '.join(map(str, cycle))})" for cycle in cycles))
    return ",".join(texts)


GENERATED = {
    "(1 2 3),(2 3)(4 5 6 7)": 12,  # Z3 : Z4
    "(1 2 3 4 5),(2 3 5 4)": 20,
    "(1 2 3 4 5 6 7),(2 3 5)(4 7 6)": 21,
    "(1 2 3 4 5 6 7 8),(2 6)(4 8)": 16,  # modular
    "(1 2 3 4 5 6 7 8),(2 4)(3 7)(6 8)": 16,  # semidihedral
    "(1 2 3 4)(5 6 7 8),(5 7)(6 8),(1 3)(2 4),(1 2)(3 4)(5 6)(7 8)": 0,
    special_linear(): 24,
}
NAMES = ["Z1", *products_up_to(24), "S2", "S3", "S5", "A3", "A5", "S6", "A6", *GENERATED]


def sympy_group(group):
    moves = [Permutation(group.action[one].tolist()) for one in group.generators]
    return PermutationGroup(moves)


@pytest.mark.parametrize("name", NAMES)
def test_structure_is_what_sympy_finds(name):
    group, found = group_from(name), structure_of(group_from(name))
    twin = sympy_group(group)
    assert found.order == group.order == twin.order()
    assert found.abelian == twin.is_abelian
    assert found.nilpotent == twin.is_nilpotent
    assert found.solvable == twin.is_solvable
    series = [one.order() for one in twin.derived_series()]
    assert list(found.derived_series) == series
    assert found.derived_length == (len(series) - 1 if found.solvable else None)
    assert found.centre == twin.center().order()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "S6"])
def test_classes_and_orders_are_what_sympy_finds(name):
    group, found = group_from(name), structure_of(group_from(name))
    classes = sympy_group(group).conjugacy_classes()
    assert sorted((one.size, one.order) for one in found.classes) == sorted(
        (len(one), next(iter(one)).order()) for one in classes
    )
    orders = [element.order() for one in classes for element in one]
    assert dict(found.element_orders) == {order: orders.count(order) for order in orders}
    assert found.exponent == np.lcm.reduce(orders)


def test_classes_of_s6_are_cycle_types():
    group, numbers = named_group("S6"), class_numbers(named_group("S6").table)
    types = {}
    for element, label in enumerate(group.labels):
        types.setdefault(tuple(sorted(len(cycle.split()) for cycle in label[1:-1].split(")("))), set()).add(
            int(numbers[element])
        )
    assert len(types) == 11 == len(set(numbers.tolist()))
    assert all(len(found) == 1 for found in types.values())


@pytest.mark.parametrize("text", GENERATED)
def test_generated_groups_have_the_order_that_they_are_known_by(text):
    if GENERATED[text]:
        assert group_from(text).order == GENERATED[text]


@pytest.mark.parametrize("name", ["S4", "Q8xZ3", "D6", special_linear()])
def test_pieces_are_what_their_definitions_say(name):
    table = group_from(name).table
    n = len(table)
    back = inverses(table)
    assert all(table[x, back[x]] == 0 == table[back[x], x] for x in range(n))
    numbers = class_numbers(table)
    for x, y in product(range(n), repeat=2):
        conjugate = any(table[table[g, x], back[g]] == y for g in range(n))
        assert (numbers[x] == numbers[y]) == conjugate
    some = random.Random(0).sample(range(n), 3)
    inside = {0}
    while (larger := inside | {int(table[a, b]) for a in inside for b in some}) != inside:
        inside = larger
    assert set(np.flatnonzero(subgroup(table, np.isin(np.arange(n), some)))) == inside
    whole, part = np.ones(n, dtype=bool), np.isin(np.arange(n), some)
    wanted = {int(table[table[a, b], table[back[a], back[b]]]) for a in range(n) for b in some}
    assert set(np.flatnonzero(commutators(table, whole, part))) == wanted


ABELIAN = [name for name in products_up_to(64) if set(name) <= set("Zx0123456789")][::7]
ABELIAN += ["Z4xZ2xZ2", "Z6xZ6", "Z1"]


@pytest.mark.parametrize("name", ABELIAN)
def test_cyclic_factors_make_up_an_abelian_group(name):
    table = named_group(name).table
    found = cyclic_factors(table)
    assert int(np.prod(found.orders, dtype=int)) == len(table)
    assert all(m % later == 0 and later > 1 for m, later in zip(found.orders, found.orders[1:], strict=False))
    assert len({tuple(row) for row in found.exponents.tolist()}) == len(table)
    added = (found.exponents[:, None] + found.exponents) % np.array(found.orders, dtype=int)
    assert (found.exponents[table] == added).all()
    orders = [int(word[1:]) for word in name.split("x")]
    for k in range(1, len(table) + 1):  # how many elements x have x^k = 1 settles which Abelian group it is
        solutions = sum(k % order == 0 for order in element_orders(table).tolist())
        assert math.prod(math.gcd(k, m) for m in orders) == solutions
        assert math.prod(math.gcd(k, m) for m in found.orders) == solutions


def associative(table):
    n = len(table)
    return all(table[table[a, b], c] == table[a, table[b, c]] for a, b, c in product(range(n), repeat=3))


@st.composite
def unital_tables(draw):
    """Tables with an identity 0 and an inverse of every element; a third of them with a group's beginnings."""
    n = draw(st.integers(1, 6))
    base = draw(st.sampled_from(["random", "cyclic", "changed"]))
    table = (np.arange(n)[:, None] + np.arange(n)) % n
    if base != "cyclic":
        cells = st.tuples(st.integers(1, max(1, n - 1)), st.integers(1, max(1, n - 1)), st.integers(0, n - 1))
        for a, b, value in draw(st.lists(cells, max_size=2 if base == "changed" else 30)):
            if n > 1:
                table[a, b] = value
    for x in range(1, n):  # inverses that may have been overwritten
        if not ((table[x] == 0) & (table[:, x] == 0)).any():
            table[x, x] = 0
    return table


@settings(max_examples=300, deadline=None)
@given(unital_tables())
def test_a_failing_triple_is_found_exactly_where_there_is_one(table):
    triple = failing_triple(table)
    assert (triple is None) == associative(table)
    if triple is not None:
        a, b, c = triple
        assert table[table[a, b], c] != table[a, table[b, c]]


def loops_of_five():
    """Latin squares with identity 0 and inverses on both sides."""
    rows = [[row for row in permutations(range(5)) if row[0] == first] for first in range(5)]
    for others in product(*rows[1:]):
        table = np.array([range(5), *others])
        if all(len(set(column)) == 5 for column in table.T.tolist()) and (table[:, 0] == range(5)).all():
            yield table


def test_loops_that_are_no_groups_are_told_from_groups():
    found = {True: 0, False: 0}
    for table in loops_of_five():
        if ((table == 0) & (table.T == 0)).any(axis=1).all():
            triple = failing_triple(table)
            assert (triple is None) == associative(table)
            found[triple is None] += 1
    assert found[True] == 6  # 4! ways to number Z5, of which its four automorphisms make the same table
    assert found[False] > 0  # loops that nothing but the test of associativity refuses


def test_generating_elements_at_least_double_what_is_reached():
    for name in ("S5", "Z2xZ2xZ2xZ2", "Z30", "Q8xD3"):
        group = named_group(name)
        found = list(generating_elements(group.table))
        assert subgroup(group.table, np.isin(np.arange(group.order), found)).all()
        assert 2 ** len(found) <= group.order


@settings(max_examples=60, deadline=None)
@given(st.lists(st.permutations(range(5)), min_size=1, max_size=3))
def test_generated_groups_are_closed_and_act(moves):
    texts = []
    for move in moves:
        cycles = Permutation(list(move)).cyclic_form
        texts.append("".join(f"({' '.join(str(10 * (point + 1)) for point in cycle)})" for cycle in cycles) or "()")
    group = generated_group(",".join(texts))
    assert group.order == PermutationGroup([Permutation(list(move)) for move in moves]).order()
    assert (group.action[group.table] == group.action[:, group.action]).all()
    assert len(np.unique(group.action, axis=0)) == group.order
    assert {text for text in texts if text != "()"} <= {group.labels[one] for one in group.generators}


WRONG_GENERATORS = {
    "(1 2": "generator '(1 2' is no permutation in cycle notation, such as (1 2)(3 4)",
    "(1,2)": "is no permutation in cycle notation",
    "(1 2),,(2 3)": "generator '' is no permutation in cycle notation",
    "(1 2)(3 a)": "is no permutation in cycle notation",
    "(1 2)(2 3)": "is no permutation: 2 stands in it 2 times",
    "(1 1)": "is no permutation: 1 stands in it 2 times",
    "(-1 2)": "is no permutation in cycle notation",
    "(1 2 3 4 5 6 7),(1 2)": "generators give a group of more than 1000 elements, the most allowed",
    f"({' '.join(map(str, range(101)))})": "generators move 101 points; at most 100 are allowed",
}


@pytest.mark.parametrize("text", WRONG_GENERATORS)
def test_wrong_generators_are_refused(text):
    with pytest.raises(AssayError) as caught:
        group_from(text)
    assert WRONG_GENERATORS[text] in str(caught.value)
    assert len(caught.value.lines) == 1


def written(path, rows):
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n", "utf-8")
    return str(path)


@pytest.mark.parametrize("name", ["Z1", "S3", "Q8", "Z2xZ4"])
def test_tables_are_read_whatever_the_order_of_elements(name, tmp_path):
    group = named_group(name)
    shuffled = np.random.default_rng(1).permutation(group.order)  # element x is called shuffled[x]
    table = np.empty_like(group.table)
    table[np.ix_(shuffled, shuffled)] = shuffled[group.table]
    plain = group_from(written(tmp_path / "plain.csv", table.tolist()))
    assert int(plain.labels[0]) == shuffled[0]
    names = [f"x{one}" for one in range(group.order)]
    rows = [["", *names], *([names[a], *(names[b] for b in row)] for a, row in enumerate(table.tolist()))]
    labelled = group_from(written(tmp_path / "labels.csv", rows))
    assert labelled.labels == tuple(f"x{label}" for label in plain.labels)
    assert (labelled.table == plain.table).all()
    numbers = np.array([int(label) for label in plain.labels])
    assert (numbers[plain.table] == table[np.ix_(numbers, numbers)]).all()
    assert structure_of(plain).derived_series == structure_of(group).derived_series
    assert dict(structure_of(plain).element_orders) == dict(structure_of(group).element_orders)


WRONG_TABLES = {
    "empty": ([], "is no multiplication table: it is empty"),
    "ragged": ([[0, 1], [1]], "row 2 has 1 cells, 2 rows"),
    "labels": ([["", "a", "b"], ["b", "a", "b"], ["a", "b", "a"]], "must have n lines of the numbers 0 to n - 1"),
    "range": ([[0, 1], [1, 2]], "is no multiplication table: '2' in the row of 1 is none of its elements, 0 to 1"),
    "twice": ([["", "a", "a"], ["a", "a", "a"], ["a", "a", "a"]], "labels, each once"),
    "strange": (
        [["", "e", "a"], ["e", "e", "a"], ["a", "a", "b"]],
        "'b' in the row of a is none of its elements, e to a",
    ),
    "identity": ([[1, 0], [1, 0]], "is no group: no element e has e x = x e = x for all x"),
    "inverse": ([[0, 1], [1, 1]], "is no group: 1 has no inverse x, with 1 x = x 1 = 0"),
    "associative": (
        [[0, 1, 2], [1, 0, 2], [2, 1, 0]],
        "is no group: it is not associative, (2 1) 1 = 0, but 2 (1 1) = 2",
    ),
    "large": ([["0"] * 1002] * 1002, "has 1002 rows; a group of at most 1000 elements is allowed"),
}


@pytest.mark.parametrize("which", WRONG_TABLES)
def test_tables_of_no_group_are_refused(which, tmp_path):
    rows, message = WRONG_TABLES[which]
    with pytest.raises(AssayError) as caught:
        group_from(written(tmp_path / "t.csv", rows))
    assert message in str(caught.value)
    assert "t.csv" in str(caught.value)
    assert len(caught.value.lines) == 1


@pytest.mark.parametrize("seed", range(5))
def test_a_large_table_with_one_wrong_cell_names_a_triple_or_an_inverse(seed, tmp_path):
    table = named_group("S5").table.copy()
    rng = np.random.default_rng(seed)
    a, b = rng.integers(1, 120, size=2)
    table[a, b] = (table[a, b] + rng.integers(1, 120)) % 120
    with pytest.raises(AssayError, match=r"it is not associative, \(|has no inverse"):
        group_from(written(tmp_path / "t.csv", table.tolist()))


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(AssayError, match=r"nothing\.csv cannot be read"):
        group_from("nothing.csv")
