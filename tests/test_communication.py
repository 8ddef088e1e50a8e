"""Tools of communication complexity against brute force from the definitions, and functions whose values are known."""

import json
import math
from fractions import Fraction
from itertools import chain, combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import AssayError, Match2, SparseAveraging
from assay.examine.communication import (
    communication_matrix,
    communication_summary,
    fooling_set,
    is_fooling_set,
    matrix_of,
    may_share,
    one_way,
    rank_mod_2,
    rational_rank,
    split_vc,
    summarise,
    table_of,
    task_table,
    two_way,
    vc_dimension,
)
from assay.examine.communication.cliques import largest_clique
from assay.examine.communication.fooling import MOST_VERTICES
from assay.tasks.task import Task


def matrix_from(entries):
    rows = [list(row) for row in entries]
    return matrix_of(lambda x: rows[x[0]][x[1]], [len(rows), len(rows[0])], [0])


def disjointness(bits):
    return matrix_of(lambda x: x[0] & x[1] == 0, [2**bits, 2**bits], [0])


def equality(bits):
    return matrix_of(lambda x: x[0] == x[1], [2**bits, 2**bits], [0])


def inner_product(bits):
    return matrix_of(lambda x: (x[0] & x[1]).bit_count() % 2, [2**bits, 2**bits], [0])


def index(bits):
    """Alice has a string, Bob a place in it."""
    return matrix_of(lambda x: x[0] >> x[1] & 1, [2**bits, bits], [0])


def entry_lists(largest, most_rows=6, most_columns=6):
    sides = st.tuples(st.integers(1, most_rows), st.integers(1, most_columns))
    return sides.flatmap(
        lambda side: st.lists(
            st.lists(st.integers(0, largest), min_size=side[1], max_size=side[1]), min_size=side[0], max_size=side[0]
        )
    )


def every_matrix(rows, columns):
    for bits in product((0, 1), repeat=rows * columns):
        yield [list(bits[row * columns : (row + 1) * columns]) for row in range(rows)]


# Twins, from the definitions


def naive_rank(entries, field):
    """Gaussian elimination with the numbers of a field, made by `field` from whole numbers."""
    rows = [[field(entry) for entry in row] for row in entries]
    rank = 0
    for column in range(len(rows[0])):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column] != 0), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for i in range(rank + 1, len(rows)):
            factor = rows[i][column] / rows[rank][column]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank


def span_mod_2(entries):
    """All sums modulo 2 of rows: 2^rank of them."""
    numbers = [int("".join(map(str, row)), 2) for row in entries]
    spanned = {0}
    for number in numbers:
        spanned |= {number ^ other for other in spanned}
    return spanned


def naive_is_fooling(entries, pairs):
    answers = {entries[x][y] for x, y in pairs}
    return len(answers) <= 1 and all(
        entries[x][v] != entries[x][y] or entries[u][y] != entries[x][y] for (x, y), (u, v) in combinations(pairs, 2)
    )


def naive_fooling_size(entries):
    cells = [(x, y) for x in range(len(entries)) for y in range(len(entries[0]))]
    size = 1
    while any(naive_is_fooling(entries, pairs) for pairs in combinations(cells, size + 1)):
        size += 1
    return size


def naive_vc(entries):
    """Most rows on which the columns show every pattern; there are as many columns as patterns, or more."""
    columns = list(zip(*entries, strict=True))
    return max(
        size
        for size in range(min(len(entries), math.floor(math.log2(len(columns)))) + 1)
        for rows in combinations(range(len(entries)), size)
        if len({tuple(column[row] for row in rows) for column in columns}) == 2**size
    )


def naive_split_vc(function, sizes):
    best = 0
    places = range(len(sizes))
    for alice in chain.from_iterable(combinations(places, size) for size in range(len(sizes) + 1)):
        bob = [place for place in places if place not in alice]
        entries = []
        for mine in product(*(range(sizes[place]) for place in alice)):
            row = []
            for theirs in product(*(range(sizes[place]) for place in bob)):
                tokens = dict(zip(alice, mine, strict=True)) | dict(zip(bob, theirs, strict=True))
                row.append(int(function(tuple(tokens[place] for place in places))))
            entries.append(row)
        best = max(best, naive_vc(entries))
    return best


def partitions(items):
    if not items:
        yield []
        return
    for rest in partitions(items[1:]):
        yield [[items[0]], *rest]
        for place, part in enumerate(rest):
            yield [*rest[:place], [items[0], *part], *rest[place + 1 :]]


def naive_messages(entries, error):
    """Fewest classes of rows such that in each column one number is within the error of a whole class."""

    def serves(part):
        return all(max(entries[x][y] for x in part) - min(entries[x][y] for x in part) <= 2 * error for y in columns)

    columns = range(len(entries[0]))
    return min(len(classes) for classes in partitions(list(range(len(entries)))) if all(map(serves, classes)))


def naive_average(signs, pointers):
    return sum(Fraction(2 * signs[pointer] - 1) for pointer in pointers) / len(pointers)


# Matrices


@pytest.mark.parametrize("alice", [[], [0], [2, 0], [1, 2], [0, 1, 2]])
def test_rows_and_columns_are_in_product_order(alice):
    sizes = [2, 3, 4]

    def function(x):
        return 100 * x[0] + 10 * x[1] + x[2]

    matrix = matrix_of(function, sizes, alice)
    bob = [place for place in range(3) if place not in alice]
    assert (matrix.alice, matrix.bob) == (tuple(alice), tuple(bob))
    rows = list(product(*(range(sizes[place]) for place in alice)))
    columns = list(product(*(range(sizes[place]) for place in bob)))
    assert matrix.entries.shape == (len(rows), len(columns))
    for (r, row), (c, column) in product(enumerate(rows), enumerate(columns)):
        tokens = dict(zip(alice, row, strict=True)) | dict(zip(bob, column, strict=True))
        assert matrix.entries[r, c] == function(tuple(tokens[place] for place in range(3)))
        assert (matrix.row_tokens(r), matrix.column_tokens(c)) == (row, column)


@pytest.mark.parametrize(("length", "sparsity"), [(1, 1), (3, 1), (3, 2), (4, 1), (4, 2), (4, 3), (4, 4)])
def test_the_matrix_of_sparse_averaging_is_the_mean_of_signs(length, sparsity):
    task = SparseAveraging(length=length, sparsity=sparsity, layout="last")
    matrix = communication_matrix(task, list(range(length)))
    sets = list(combinations(range(length), sparsity))
    for r, signs in enumerate(product((0, 1), repeat=length)):
        expected = [naive_average(signs, pointers) for pointers in sets]
        assert [Fraction(entry).limit_denominator(100) for entry in matrix.entries[r].tolist()] == expected
        np.testing.assert_allclose(matrix.entries[r], [float(entry) for entry in expected], rtol=1e-15)


@pytest.mark.parametrize("token", [None, 0, 1, 2])
def test_the_matrix_of_match2_asks_the_token_that_is_named(token):
    matrix = communication_matrix(Match2(length=3, modulus=3), [0, 2], token=token)
    asked = 2 if token is None else token
    for r, (x0, x2) in enumerate(product(range(3), repeat=2)):
        for x1 in range(3):
            tokens = (x0, x1, x2)
            assert matrix.entries[r, x1] == any((tokens[asked] + other) % 3 == 0 for other in tokens)


def test_a_table_of_more_inputs_than_are_asked_at_once():
    """3^11 = 177,147 inputs; sampled: every 1,009th is compared with the definition."""
    answers = task_table(Match2(length=11, modulus=3)).multiples
    for number in range(0, 3**11, 1009):
        tokens = [int(token) for token in np.unravel_index(number, answers.shape)]
        assert answers[tuple(tokens)] == any((tokens[10] + other) % 3 == 0 for other in tokens)


def test_roundings_of_one_answer_are_one_answer():
    """Sums of three different roots in different orders round differently, and 1/3 + 1/3 is not exactly twice 1/3."""
    parts = [0.1, 0.2, 0.3]
    orders = [(0, 1, 2), (2, 1, 0)]

    def added(order):  # one by one: sum() of floats is compensated from Python 3.12 on
        return (parts[order[0]] + parts[order[1]]) + parts[order[2]]

    matrix = matrix_of(lambda x: added(orders[x[0]]) * (x[1] + 1), [2, 2], [0])
    assert added(orders[0]) != added(orders[1])
    assert one_way(matrix).at_least == 1
    assert rational_rank(matrix) == 1
    task = SparseAveraging(length=4, sparsity=3, layout="last")
    matrix = communication_matrix(task, [0, 1, 2, 3])
    sets = list(combinations(range(4), 3))
    exact = [[naive_average(signs, pointers) for pointers in sets] for signs in product((0, 1), repeat=4)]
    assert rational_rank(matrix) == naive_rank(exact, Fraction) == 4


def test_a_threshold_is_passed_only_by_larger_answers():
    matrix = matrix_of(lambda x: x[0] / 3, [4, 1], [0], threshold=0.3333333333333333)
    assert matrix.entries.ravel().tolist() == [0, 0, 1, 1]
    tenths = matrix_of(lambda x: 0.1 * x[0], [8, 1], [0], threshold=0.3)  # 0.1 * 3 is rounded to more than 0.3
    assert tenths.entries.ravel().tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    task = SparseAveraging(length=3, sparsity=2, layout="last")
    signs, pointers = list(product((0, 1), repeat=3)), list(combinations(range(3), 2))
    thresholded = communication_matrix(task, [0, 1, 2], threshold=0.0)
    assert thresholded.is_boolean
    assert thresholded.entries.tolist() == [[naive_average(z, y) > 0 for y in pointers] for z in signs]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: matrix_of(sum, [2, 2], [2]), "position of alice = 2 is not allowed"),
        (lambda: matrix_of(sum, [2, 2], [1, 1]), "alice = [1, 1] is not allowed"),
        (lambda: matrix_of(sum, [2, 0], [0]), "choices at a position = 0 is not allowed"),
        (lambda: matrix_of(sum, [2048, 2049], [0]), f"number of inputs = {2048 * 2049} is not allowed"),
        (lambda: matrix_of(lambda x: math.inf, [2], [0]), "an answer = inf is not allowed"),
        (lambda: matrix_of(lambda x: 2**53 + 1, [2], [0]), "below 2^53"),
        (lambda: matrix_of(lambda x: math.sqrt(x[0]), [4], [0]), "no common unit"),
        (lambda: matrix_of(sum, [2], [0], threshold=math.nan), "threshold = nan is not allowed"),
        (lambda: communication_matrix(Match2(length=3, modulus=3), [0], token=3), "token = 3 is not allowed"),
        (lambda: communication_matrix(Match2(length=30, modulus=3), [0]), f"number of inputs = {3**30}"),
        (lambda: communication_summary(Match2(length=2, modulus=3), []), "alice = [] is not allowed"),
        (lambda: communication_summary(Match2(length=2, modulus=3), [1, 0]), "alice = [1, 0] is not allowed"),
        (lambda: rank_mod_2(matrix_from([[0, 2]])), "answers 0 and 1"),
        (lambda: vc_dimension(matrix_from([[0.0, 0.5]])), "answers 0 and 1"),
        (lambda: split_vc(table_of(sum, [2, 2])), "answers 0 and 1"),
        (lambda: one_way(matrix_from([[0, 1]]), -0.5), "error = -0.5 is not allowed"),
        (lambda: one_way(matrix_from([[0, 1]]), math.nan), "error = nan is not allowed"),
        (lambda: may_share(matrix_of(sum, [2049], [0])), "rows to be compared = 2049"),
    ],
)
def test_requests_that_cannot_be_met_say_what_is_allowed(make, message):
    with pytest.raises(AssayError) as error:
        make()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_task_without_finite_form_says_so():
    class Endless(Match2):
        choices = Task.choices

    with pytest.raises(AssayError, match="no finite form"):
        communication_matrix(Endless(length=2, modulus=3), [0])


# Ranks


@given(entry_lists(largest=3))
def test_rational_rank_is_that_of_elimination_with_fractions(entries):
    assert rational_rank(matrix_from(entries)) == naive_rank(entries, Fraction)


@given(entry_lists(largest=1))
def test_rank_mod_2_is_the_logarithm_of_the_rows_span(entries):
    matrix = matrix_from(entries)
    assert 2 ** rank_mod_2(matrix) == len(span_mod_2(entries))
    assert rank_mod_2(matrix) <= rational_rank(matrix)


def test_rank_is_exact_where_floating_point_is_not():
    """Two rows that differ in the last of 53 bits: rank 2, which a singular value decomposition calls 1."""
    large = 2**52
    matrix = matrix_from([[large, large + 1], [large - 1, large]])
    assert rational_rank(matrix) == 2
    assert np.linalg.matrix_rank(matrix.entries) == 1


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5])
def test_known_ranks(bits):
    assert rational_rank(disjointness(bits)) == 2**bits
    assert rational_rank(equality(bits)) == 2**bits
    assert rational_rank(inner_product(bits)) == 2**bits - 1
    assert rank_mod_2(inner_product(bits)) == bits
    assert rank_mod_2(disjointness(bits)) == 2**bits


# Fooling sets


@given(entry_lists(largest=2, most_rows=4, most_columns=3))
@settings(max_examples=60, deadline=None)
def test_the_largest_fooling_set_is_that_of_all_subsets(entries):
    matrix = matrix_from(entries)
    found = fooling_set(matrix)
    assert found.exact
    assert len(found.pairs) == naive_fooling_size(entries)
    assert naive_is_fooling(entries, found.pairs)
    assert {entries[x][y] for x, y in found.pairs} == {found.answer}


@pytest.mark.parametrize(
    "entries",
    [
        [[1, 1, 0, 1, 0], [1, 0, 0, 0, 0], [0, 0, 1, 1, 0], [1, 0, 1, 0, 0]],
        [[0, 1, 1, 2, 0], [1, 1, 2, 2, 0], [1, 2, 0, 0, 0], [0, 2, 1, 1, 1]],
    ],
)
def test_the_search_finds_sets_that_the_greedy_method_misses_under_every_answer(entries):
    found = fooling_set(matrix_from(entries))
    assert found.nodes > 0
    assert len(found.pairs) == naive_fooling_size(entries) > len(fooling_set(matrix_from(entries), nodes=0).pairs)
    assert naive_is_fooling(entries, found.pairs)


@given(entry_lists(largest=1), st.data())
def test_checking_a_fooling_set_is_the_definition(entries, data):
    cells = [(x, y) for x in range(len(entries)) for y in range(len(entries[0]))]
    pairs = data.draw(st.lists(st.sampled_from(cells), unique=True, max_size=4))
    assert is_fooling_set(matrix_from(entries), pairs) == naive_is_fooling(entries, pairs)


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 7])
def test_known_fooling_sets(bits):
    for matrix in (disjointness(bits), equality(bits)):
        found = fooling_set(matrix)
        assert len(found.pairs) == len(set(found.pairs)) == 2**bits
        assert found.exact
        assert is_fooling_set(matrix, found.pairs)


def random_bits(rows, columns):
    """Entries of a quadratic residue pattern: no structure that the greedy method profits from."""
    squares = {x * x % 10007 for x in range(1, 10007)}
    return [[int((101 * x + 7 * y * y + x * y + 1) % 10007 in squares) for y in range(columns)] for x in range(rows)]


@pytest.mark.parametrize(("side", "nodes"), [(24, 50), (24, 0), (80, 100_000)])
def test_a_search_that_is_cut_off_gives_a_fooling_set_and_says_that_it_may_not_be_the_largest(side, nodes):
    matrix = matrix_from(random_bits(side, side))
    found = fooling_set(matrix, nodes=nodes)
    assert (side * side // 2 > MOST_VERTICES) == (side == 80)
    assert not found.exact
    assert found.nodes <= nodes
    assert is_fooling_set(matrix, found.pairs)
    assert len(found.pairs) > 1


@given(st.integers(1, 9), st.data())
@settings(max_examples=80, deadline=None)
def test_the_largest_clique_is_that_of_all_subsets(count, data):
    edges = data.draw(st.sets(st.sampled_from([*combinations(range(count), 2)]))) if count > 1 else set()
    adjacent = np.zeros((count, count), dtype=bool)
    for a, b in edges:
        adjacent[a, b] = adjacent[b, a] = True

    def complete(members):
        return all(pair in edges for pair in combinations(members, 2))

    subsets = chain.from_iterable(combinations(range(count), size) for size in range(1, count + 1))
    most = max(len(members) for members in subsets if complete(members))
    found = largest_clique(adjacent, nodes=10_000)
    assert found.exact
    assert len(found.members) == most
    assert complete(found.members)
    bounded = largest_clique(adjacent, nodes=10_000, at_most=most, start=found.members)
    assert (bounded.members, bounded.exact, bounded.nodes) == (found.members, True, 0)
    cut = largest_clique(adjacent, nodes=1)
    assert complete(cut.members)
    assert not cut.exact or len(cut.members) == most


# Messages


@given(entry_lists(largest=4, most_columns=3), st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5, 7.0]))
@settings(max_examples=80, deadline=None)
def test_one_way_messages_bracket_the_best_partition(entries, error):
    matrix = matrix_from(entries)
    found = one_way(matrix, error)
    assert found.at_least <= naive_messages(entries, error) <= found.at_most
    assert found.at_least == len(set(found.apart))
    shared = may_share(matrix, error)
    for a, b in product(range(len(entries)), repeat=2):
        close = all(abs(p - q) <= 2 * error for p, q in zip(entries[a], entries[b], strict=True))
        assert shared[a, b] == close
    assert not any(shared[a, b] for a, b in combinations(found.apart, 2))
    if error < 0.5:
        assert found.at_least == found.at_most == len({tuple(row) for row in entries})


@pytest.mark.parametrize("bits", [1, 2, 3, 6])
def test_known_one_way_bits(bits):
    assert one_way(disjointness(bits)).bits_at_least == one_way(disjointness(bits)).bits_at_most == bits
    assert one_way(index(bits)).bits_at_least == bits
    assert one_way(index(bits).transposed()).bits_at_most == math.ceil(math.log2(bits))


@pytest.mark.parametrize(("length", "sparsity"), [(3, 1), (3, 2), (4, 1), (4, 2), (5, 3)])
def test_values_must_be_sent_in_full_below_an_error_of_1_over_q(length, sparsity):
    """The state bound: N bits for every eps < 1/q. Pointers: log2 C(N, q) bits. At 1/q and more, fewer messages do."""
    matrix = communication_matrix(SparseAveraging(length=length, sparsity=sparsity, layout="last"), list(range(length)))
    for error in (0.0, 0.999 / sparsity):
        assert one_way(matrix, error).at_least == one_way(matrix, error).at_most == 2**length
        sets = one_way(matrix.transposed(), error)
        assert sets.at_least == sets.at_most == math.comb(length, sparsity)
    assert one_way(matrix, 1 / sparsity).at_most < 2**length
    assert one_way(matrix, 1.0).at_most == 1


def test_inputs_at_a_distance_of_exactly_twice_the_error_may_share_a_message():
    matrix = matrix_of(lambda x: (2 * x[0] - 3) / 3, [4, 1], [0])  # -1, -1/3, 1/3, 1
    assert one_way(matrix, 1 / 3).at_least == one_way(matrix, 1 / 3).at_most == 2
    assert one_way(matrix, 0.333).at_least == 4


def test_a_constant_needs_no_message():
    for entries in ([[3]], [[0, 0], [0, 0]]):
        matrix = matrix_from(entries)
        assert one_way(matrix).bits_at_most == one_way(matrix, 5.0).bits_at_most == 0
        assert two_way(matrix).bits_at_least == two_way(matrix).bits_at_most == 0


def naive_two_way(entries):
    """Fewest bits until one of the two knows the answer, over all protocol trees: by recursion over rectangles."""
    known: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}

    def halves(members):
        for size in range(1, len(members)):
            for part in combinations(members, size):
                if part[0] == members[0]:
                    yield part, tuple(member for member in members if member not in part)

    def bits(rows, columns):
        if (rows, columns) not in known:
            rectangle = [[entries[x][y] for y in columns] for x in rows]
            turned = [list(column) for column in zip(*rectangle, strict=True)]
            if any(all(line == lines[0] for line in lines) for lines in (rectangle, turned)):
                known[rows, columns] = 0
            else:
                alice = (max(bits(a, columns), bits(b, columns)) for a, b in halves(rows))
                bob = (max(bits(rows, a), bits(rows, b)) for a, b in halves(columns))
                known[rows, columns] = 1 + min(chain(alice, bob))
        return known[rows, columns]

    return bits(tuple(range(len(entries))), tuple(range(len(entries[0]))))


@given(entry_lists(largest=2, most_rows=4, most_columns=4))
@settings(max_examples=40, deadline=None)
def test_two_way_bounds_bracket_the_best_protocol(entries):
    bounds = two_way(matrix_from(entries))
    assert bounds.bits_at_least <= naive_two_way(entries) <= bounds.bits_at_most


@pytest.mark.parametrize("bits", [1, 2, 4, 6])
def test_disjointness_and_equality_cost_all_bits(bits):
    for matrix in (disjointness(bits), equality(bits)):
        assert two_way(matrix).bits_at_least == two_way(matrix).bits_at_most == bits
    for indexed in (index(bits), index(bits).transposed()):  # the place is sent
        assert two_way(indexed).bits_at_most == math.ceil(math.log2(bits))


# VC dimension


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 3), (3, 1), (3, 4), (4, 3), (2, 6)])
def test_vc_dimension_of_every_small_matrix(rows, columns):
    """Exhaustive: all 0/1 matrices of this shape, up to 4,096 of them."""
    for entries in every_matrix(rows, columns):
        found = vc_dimension(matrix_from(entries))
        assert found.exact
        assert found.dimension == naive_vc(entries), entries
        patterns = {tuple(column[row] for row in found.shattered) for column in zip(*entries, strict=True)}
        assert len(patterns) == 2**found.dimension


@given(entry_lists(largest=1, most_rows=7, most_columns=20))
@settings(max_examples=60, deadline=None)
def test_vc_dimension_is_that_of_all_sets_of_rows(entries):
    assert vc_dimension(matrix_from(entries)).dimension == naive_vc(entries)


@pytest.mark.parametrize("bits", [1, 2, 3, 6])
def test_known_vc_dimensions(bits):
    assert vc_dimension(disjointness(bits)).dimension == bits
    assert vc_dimension(inner_product(bits)).dimension == bits
    assert vc_dimension(equality(bits)).dimension == 1
    assert vc_dimension(index(bits).transposed()).dimension == bits
    assert vc_dimension(index(bits)).dimension == math.floor(math.log2(bits))


def test_a_search_for_shattered_rows_that_is_cut_off_says_so():
    matrix = matrix_from(random_bits(40, 40))
    cut, whole = vc_dimension(matrix, nodes=60), vc_dimension(matrix)
    assert (cut.exact, cut.nodes, whole.exact) == (False, 60, True)
    assert 1 <= cut.dimension <= whole.dimension
    table = table_of(lambda x: random_bits(8, 8)[x[0] + 2 * x[1] + 4 * x[2]][x[3] + 2 * x[4] + 4 * x[5]], [2] * 6)
    assert not split_vc(table, nodes=3).exact
    assert split_vc(table).exact


def test_split_vc_of_two_conjunctions_is_2():
    """The worked example of Kozachinskiy (2024)."""
    found = split_vc(table_of(lambda x: (x[0] and x[1]) ^ (x[2] and x[3]), [2, 2, 2, 2]))
    assert (found.dimension, found.exact) == (2, True)


@given(st.sampled_from([(2,), (5,), (2, 2), (3, 2), (2, 2, 2), (2, 3, 2), (2, 2, 2, 2)]), st.data())
@settings(max_examples=60, deadline=None)
def test_split_vc_is_the_largest_over_all_splits(sizes, data):
    inputs = list(product(*map(range, sizes)))
    answers = data.draw(st.lists(st.integers(0, 1), min_size=len(inputs), max_size=len(inputs)))
    function = dict(zip(inputs, answers, strict=True)).__getitem__
    table = table_of(function, sizes)
    found = split_vc(table)
    assert found.dimension == naive_split_vc(function, sizes)
    assert (found.exact, found.splits) == (True, 2 ** len(sizes))
    matrix = table.split(found.alice)
    rows = [r for r in range(len(matrix.entries)) if matrix.row_tokens(r) in found.shattered]
    assert len(np.unique(matrix.multiples[rows], axis=1).T) == 2**found.dimension == 2 ** len(rows)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_split_vc_of_indexing_a_string_is_at_least_its_length(n):
    """f(f(0)) with f(0) alone on one side: Kozachinskiy's bound for composition."""
    found = split_vc(table_of(lambda x: x[1 + x[0]], [n, *[2] * n]))
    assert found.dimension >= n
    assert found.exact


# Summaries


def test_a_summary_of_sparse_averaging():
    task = SparseAveraging(length=3, sparsity=2, layout="last")
    summary = communication_summary(task, [0, 1, 2])
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["task"] == task.to_json()
    assert (summary["rows"], summary["columns"], summary["distinct_answers"]) == (8, 3, 3)
    assert summary["exact_below_error"] == 1 / 2  # answers -1, 0, 1
    assert summary["from_alice"]["messages_at_least"] == 8
    assert summary["from_bob"]["messages_at_least"] == len(summary["from_bob"]["apart"]) == 3
    assert summary["rank"]["over_two_elements"] is None
    for key in ("vc_dimension", "split_vc"):
        assert summary[key]["dimension"] is None
        assert "threshold" in summary[key]["justification"]
    with_threshold = communication_summary(task, [0, 1, 2], threshold=0.5)
    matrix = communication_matrix(task, [0, 1, 2], threshold=0.5)
    assert with_threshold["vc_dimension"]["dimension"] == naive_vc(matrix.entries.tolist())
    assert communication_summary(task, [0, 1, 2], error=1.0)["from_alice"]["messages_at_most"] == 1


def test_a_summary_of_match2_has_witnesses_that_hold():
    task = Match2(length=3, modulus=3)
    summary = communication_summary(task, [2, 0], token=1)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert (summary["alice"], summary["bob"], summary["token"]) == ([2, 0], [1], 1)
    matrix = communication_matrix(task, [2, 0], token=1)
    entries = matrix.entries.tolist()
    rows = {matrix.row_tokens(row): row for row in range(9)}
    columns = {matrix.column_tokens(column): column for column in range(3)}
    fooling = [(rows[tuple(x)], columns[tuple(y)]) for x, y in summary["fooling_set"]["pairs"]]
    assert naive_is_fooling(entries, fooling)
    assert len(fooling) == summary["fooling_set"]["size"] == naive_fooling_size(entries)
    apart = [entries[rows[tuple(x)]] for x in summary["from_alice"]["apart"]]
    assert all(a != b for a, b in combinations(apart, 2))
    assert len(apart) == summary["from_alice"]["messages_at_least"]

    def answer(x):
        return any((x[1] + other) % 3 == 0 for other in x)

    assert summary["split_vc"]["dimension"] == naive_split_vc(answer, [3, 3, 3])
    assert summary["rank"]["over_rationals"] == naive_rank(entries, Fraction)


def test_summaries_say_what_is_exact_and_what_is_a_lower_bound():
    assert summarise(equality(2))["fooling_set"]["justification"].startswith("exact")
    assert summarise(matrix_from([[1, 1], [1, 1]]))["exact_below_error"] is None
    large = summarise(matrix_from(random_bits(80, 80)))
    assert large["fooling_set"]["justification"] == "lower bound: greedy method"
    assert not large["fooling_set"]["exact"]
    too_many = communication_summary(Match2(length=11, modulus=3), [0, 1, 2, 3, 4])["split_vc"]
    assert too_many["dimension"] is None
    assert str(3**11) in too_many["justification"]
