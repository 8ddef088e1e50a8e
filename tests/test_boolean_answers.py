"""Heads, least errors, cuts and structure of Boolean functions, against naive versions and layers in rationals."""

from collections import Counter
from fractions import Fraction
from itertools import combinations, permutations, product
from math import comb, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.booleans.answer import answer_boolean, construct
from assay.booleans.cuts import cuts_of, forster, heads_of_rows, heads_of_sign_rank
from assay.booleans.degree import threshold_degree
from assay.booleans.function import BooleanFunction
from assay.booleans.mean import _of_counts, _on_parities, fewest_errors, least_error
from assay.booleans.named import named_function
from assay.booleans.properties import average_sensitivity, decision_list, fewest_fixed, structure_of
from assay.booleans.softmax_heads import Head, checked, constructed_heads, cover, heads_with_bit
from assay.errors import AssayError, Refuted
from assay.examine.communication import matrix_of
from boolean_twins import (
    as_table,
    attended,
    bits_of,
    decision_list_tables,
    degree_by_program,
    fewest_errors_by_integers,
    fewest_errors_by_subsets,
    inputs_of,
    random_function,
    random_layer,
)


def symmetric_functions(inputs):
    return [BooleanFunction.symmetric("", inputs, values.__getitem__) for values in product((0, 1), repeat=inputs + 1)]


# heads


@pytest.mark.parametrize("count", [60, pytest.param(240, marks=pytest.mark.long)])
def test_no_layer_computes_what_the_bounds_exclude(count):
    """Functions of random layers in rationals, of 1 to 3 heads on 4 and 5 bits."""
    generator = np.random.default_rng(0)
    found = 0
    for index in range(count):
        inputs, heads = 4 + index % 2, 1 + index % 3
        function = random_layer(generator, inputs, heads)
        if function is None or function.constant:
            continue
        found += 1
        answer = answer_boolean(function)
        assert answer.heads_lower_bound <= heads
        assert answer.degree.at_least <= heads
    assert found > 0.6 * count


def test_no_layer_errs_less_than_the_least_error():
    """Each function against 40 random layers of one and two heads."""
    generator = np.random.default_rng(1)
    functions = [named_function("parity", 4), named_function("exactly-2", 4), random_function(0, 5)]
    least = {(f, heads): least_error(f, heads).error for f in functions for heads in (1, 2)}
    for index in range(40):
        for function in functions:
            heads = 1 + index % 2
            made = random_layer(generator, function.inputs, heads)
            if made is not None:
                wrong = min(int((made.table != function.table).sum()), int((made.table == function.table).sum()))
                assert Fraction(wrong, len(function.table)) >= least[function, heads]


def test_every_function_of_three_bits_takes_as_many_heads_as_its_degree():
    for number in range(256):
        function = BooleanFunction.of_table("", bits_of(number, 8))
        degree = threshold_degree(function).degree
        made = constructed_heads(function, degree)
        assert made.heads == degree == len(made.layer.heads)
        for x, value in zip(inputs_of(3), function.table, strict=True):
            assert (attended(made.layer, x) > 0) == value
            assert attended(made.layer, x) != 0


def test_every_function_of_four_bits_takes_as_many_heads_as_its_degree():
    """Of 65,536, one for each class: naming inputs anew, or negating some or the value, changes neither number."""
    numbers = np.arange(1 << 16)
    tables = numbers[:, None] >> np.arange(16) & 1
    least = numbers.copy()
    for order, mask in product(permutations(range(4)), range(16)):
        moved = [sum(((x ^ mask) >> place & 1) << j for j, place in enumerate(order)) for x in range(16)]
        turned = tables[:, moved] @ (1 << np.arange(16))
        least = np.minimum(least, np.minimum(turned, 65535 - turned))
    classes, sizes = np.unique(least, return_counts=True)
    assert len(classes) == 222  # as is known (Harrison 1965)
    totals = Counter()
    for number, size in zip(classes.tolist(), sizes.tolist(), strict=True):
        function = BooleanFunction.of_table("", bits_of(number, 16))
        degree = threshold_degree(function).degree
        totals[degree] += size
        assert constructed_heads(function, degree).heads == degree
    assert totals[0] + totals[1] == 1882  # threshold functions of four bits (Muroga 1971)
    assert (totals[4], totals.total()) == (2, 65536)


@pytest.mark.parametrize("inputs", [4, 5, pytest.param(6, marks=pytest.mark.long)])
def test_constructed_layers_of_random_functions_are_right_by_weights_and_values(inputs):
    for seed in range(8 - inputs):
        function = random_function(seed, inputs)
        degree = threshold_degree(function).degree
        made = constructed_heads(function, degree)
        assert degree <= made.heads <= 1 << (inputs - 1)
        sums = [attended(made.layer, x) for x in inputs_of(inputs)]
        assert all((total > 0) == value for total, value in zip(sums, function.table, strict=True))
        outputs = [[abs(head.output(x)) for x in inputs_of(inputs)] for head in made.layer.heads]
        size = abs(made.layer.constant) + sum(map(max, outputs))
        assert made.layer.margin == min(map(abs, sums)) / size


def test_terms_cover_a_function_and_one_head_each_computes_it(monkeypatch):
    monkeypatch.setattr("assay.booleans.softmax_heads._Search.run", lambda *_: None)  # the search finds nothing
    for seed in range(20):
        function = random_function(seed, 2 + seed % 4)
        terms = cover(function.cube)
        for x in inputs_of(function.inputs):
            holds = any(all(want in (2, bit) for want, bit in zip(term, x, strict=True)) for term in terms)
            assert holds == function.cube[x]
        if function.constant:
            continue
        made = constructed_heads(function, 1)
        assert made.heads == min(len(terms), len(cover(~function.cube))) <= 1 << (function.inputs - 1)
        for x in inputs_of(function.inputs):
            assert (attended(made.layer, x) > 0) == function.cube[x]


def test_a_layer_that_is_wrong_is_refuted_with_the_input():
    with pytest.raises(Refuted, match=r"the layer gives -1 at \(1,\), where the function is 1"):
        checked(BooleanFunction.of_table("", [0, 1]), [Head(((1, 1),), 1, (-2, 0))], 0)


def test_symmetric_functions_take_one_head_for_each_change():
    for function in symmetric_functions(4):
        assert construct(function, threshold_degree(function)).heads == function.sign_changes
        # the search, which does not know of partial fractions, finds as few
        assert constructed_heads(as_table(function), function.sign_changes).heads == function.sign_changes


def test_heads_where_the_query_holds_a_bit():
    for seed in range(8):
        function = random_function(seed, 4)
        expected = []
        for position in range(4):
            halves = [BooleanFunction.of_table("", function.cube.take(bit, position).T.ravel()) for bit in (0, 1)]
            expected.append(max(map(degree_by_program, halves)))
        degree = threshold_degree(function)
        assert heads_with_bit(function, degree) == min(expected) >= degree.degree - 1
    for name, heads in (("parity", 7), ("majority", 1), ("half", 2), ("or", 1)):
        function = named_function(name, 8)
        assert heads_with_bit(function, threshold_degree(function)) == heads
    one = named_function("parity", 1)
    assert heads_with_bit(one, threshold_degree(one)) == 0


# least errors


def test_parity_errs_as_often_as_the_formula_says():
    for inputs in range(1, 9):
        for heads in range(inputs):
            bits = inputs if (inputs - heads) % 2 else inputs - 1
            wrong = sum(comb(bits, i) for i in range((bits - heads - 1) // 2 + 1))
            expected = Fraction(wrong, 1 << bits)
            function = named_function("parity", inputs)
            assert least_error(function, heads).error == expected
            assert _of_counts(function, heads).error == expected
    sixteen = named_function("parity", 16)
    assert [round(float(least_error(sixteen, heads).error), 3) for heads in (1, 4, 8)] == [0.402, 0.151, 0.018]


def test_the_fewest_errors_are_those_of_all_subsets():
    for number in range(0, 256, 23):
        function = BooleanFunction.of_table("", bits_of(number, 8))
        for degree in range(3):
            assert len(fewest_errors(function, degree)) == fewest_errors_by_subsets(function, degree)


@pytest.mark.parametrize("degree", [1, 2])
def test_the_fewest_errors_are_those_of_an_integer_program(degree):
    for seed in range(8):
        function = random_function(seed, 4)
        assert len(fewest_errors(function, degree)) == fewest_errors_by_integers(function, degree)


@pytest.mark.parametrize("inputs", [3, 4])
def test_no_formula_for_the_least_error_is_above_the_optimum(inputs):
    for function in symmetric_functions(inputs):
        if function.by_count[0]:
            continue  # as its complement is
        for heads in range(1, function.sign_changes):
            found = least_error(function, heads)
            assert found.optimum
            assert 0 < _of_counts(function, heads).error <= found.error


def test_where_the_optimum_is_not_found_the_formulas_hold(monkeypatch):
    function = named_function("parity", 5)
    optimum = least_error(function, 2)
    monkeypatch.setattr("assay.booleans.mean.exact_halves", lambda *_: None)
    found = least_error(function, 2)
    assert (optimum.optimum, found.optimum) == (True, False)
    assert found.error == optimum.error


def test_parities_on_subcubes_are_errors():
    # x_0 xor x_1, if x_2 or x_3: three subcubes on which it is parity of two bits
    function = BooleanFunction.of_table("", [(x[0] ^ x[1]) & (x[2] | x[3]) for x in inputs_of(4)])
    assert max(_on_parities(function, 1))[0] == 3 == len(fewest_errors(function, 1))
    for seed in range(12):
        function = random_function(seed, 4)
        for heads in (1, 2):
            most = max((bound for bound, _ in _on_parities(function, heads)), default=0)
            assert most <= len(fewest_errors(function, heads))


def test_weak_degrees_bound_errors(monkeypatch):
    monkeypatch.setattr("assay.booleans.mean.OPTIMUM_INPUTS", 0)
    for seed in range(3):
        function = as_table(random_function(seed, 5))
        for heads in range(1, threshold_degree(function).degree):
            found = least_error(function, heads)
            assert not found.optimum
            assert 0 < found.error <= Fraction(len(fewest_errors(function, heads)), 32)


def test_without_heads_the_rarer_value_is_wrong():
    assert least_error(named_function("exactly-3", 7), 0).error == Fraction(35, 128)
    assert least_error(random_function(0, 6), 0).error == Fraction(
        min(int(random_function(0, 6).table.sum()), 64 - int(random_function(0, 6).table.sum())), 64
    )
    with pytest.raises(AssayError, match="heads = -1 is not allowed"):
        least_error(named_function("parity", 3), -1)


# cuts


def test_a_layer_has_at_most_the_sign_rank_that_is_said():
    """The polynomial of random layers, cleared of denominators, as a matrix of integers over both parties' inputs."""
    generator = np.random.default_rng(0)
    for heads in (1, 2, 3):
        numerators, denominators = generator.integers(1, 9, (2, 2, heads, 40)).tolist()
        matrix = np.zeros((40, 40))
        for row, column in product(range(40), repeat=2):
            below = [denominators[0][h][row] + denominators[1][h][column] for h in range(heads)]
            above = [numerators[0][h][row] + numerators[1][h][column] for h in range(heads)]
            others = [np.prod([below[g] for g in range(heads) if g != h]) for h in range(heads)]
            matrix[row, column] = sum(a * b for a, b in zip(above, others, strict=True))
        assert np.linalg.matrix_rank(matrix) == 2 * (2**heads - 1)
        assert heads_of_sign_rank(2 * (2**heads - 1)) == heads
        assert heads_of_sign_rank(2 * (2**heads - 1) + 1) == heads + 1


@pytest.mark.parametrize("seed", range(6))
def test_bounds_of_the_balanced_cut_are_those_of_its_matrix(seed):
    function = random_function(seed, 5)
    cut = cuts_of(function).balanced
    assert cut.alice == (0, 1)
    matrix = np.array([[int(function.cube[(*x, *y)]) for y in inputs_of(3)] for x in inputs_of(2)])
    assert cut.rank == np.linalg.matrix_rank(matrix)
    assert cut.one_way_bits[0] == int(np.ceil(log2(len({tuple(row) for row in matrix.tolist()}))))
    assert cut.one_way_bits[1] == int(np.ceil(log2(len({tuple(row) for row in matrix.T.tolist()}))))
    signs = 2 * matrix - 1
    rows = [np.array(one, dtype=bool) for one in product((0, 1), repeat=4)]
    columns = [np.array(one, dtype=bool) for one in product((0, 1), repeat=8)]
    assert cut.discrepancy_exact
    assert cut.discrepancy == max(abs(int(signs[np.ix_(a, b)].sum())) for a in rows for b in columns) / 32
    values = np.linalg.svd(signs.astype(float), compute_uv=False)
    assert cut.discrepancy <= values[0] / np.sqrt(32) + 1e-6
    assert cut.sign_rank_at_least <= 4


@pytest.mark.parametrize("bits", [0, 1])
def test_the_discrepancy_bounds_the_error_after_a_message(bits):
    """All messages of Alice, with the best answers of Bob."""
    functions = [random_function(seed, 4) for seed in range(20)]
    functions += [BooleanFunction.of_table("", [x[place] for x in inputs_of(4)]) for place in (0, 3)]
    functions.append(BooleanFunction.of_table("", [x[0] ^ x[2] for x in inputs_of(4)]))
    tight = False
    for function in functions:
        matrix = np.array([[int(function.cube[(*x, *y)]) for y in inputs_of(2)] for x in inputs_of(2)])
        wrong = 16
        for message in product(range(1 << bits), repeat=4):
            parts = [matrix[np.array(message) == sent] for sent in range(1 << bits)]
            wrong = min(wrong, sum(int(np.minimum(part.sum(axis=0), (1 - part).sum(axis=0)).sum()) for part in parts))
        bound = (1 - 2 ** (bits + 1) * cuts_of(function).balanced.discrepancy) / 2
        assert bound <= wrong / 16
        tight |= bound == wrong / 16
    assert tight


def test_the_best_of_all_cuts_is_at_least_the_balanced_one():
    inner = BooleanFunction.of_table("", [(x[0] & x[1]) ^ (x[2] & x[3]) ^ (x[4] & x[5]) for x in inputs_of(6)])
    found = cuts_of(inner)
    best = {one.bound: one for one in found.best}
    assert set(best["rank"].alice) in ({0, 2, 4}, {1, 3, 5}) or len({j // 2 for j in best["rank"].alice}) == 3
    assert best["rank"].value == 7 > found.balanced.rank
    assert best["sign_rank_at_least"].value == 3 == int(np.ceil(8 / np.sqrt(8)))


def test_forster_on_hadamard_matrices_and_on_functions_of_low_sign_rank():
    assert forster(matrix_of(lambda x: (x[0] & x[1]).bit_count() % 2, [16, 16], [0])) == 4
    assert forster(matrix_of(lambda x: x[0] >= x[1], [8, 8], [0])) <= 2  # sign-rank 2
    assert forster(matrix_of(lambda x: 1, [8, 8], [0])) == 1


def test_one_head_has_no_more_behaviours_than_columns_and_one():
    generator = np.random.default_rng(0)
    for _ in range(20):
        a, b = generator.integers(-50, 50, (2, 64))
        rows = {tuple(row) for row in (a[:, None] + b[None, :5] > 0).tolist()}
        assert heads_of_rows(len(rows), 5) == 1
    assert heads_of_rows(7, 5) == 2


# structure


def test_decision_lists_of_three_bits_are_found():
    lists = decision_list_tables(3)
    for number in range(256):
        table = bits_of(number, 8)
        function = BooleanFunction.of_table("", table)
        for one in (function, as_table(function)):
            found = decision_list(one)
            assert (found is not None) == (table in lists)
            if found is not None:
                rules, default = found
                for x, value in zip(inputs_of(3), table, strict=True):
                    assert next((rule.value for rule in rules if x[rule.position] == rule.bit), default) == value


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.booleans(), min_size=1 << n, max_size=1 << n)))
def test_structure_is_that_of_the_definitions(table):
    function = BooleanFunction.of_table("", table)
    n = function.inputs
    edges = [(x, j) for x in inputs_of(n) for j in range(n) if not x[j]]
    pairs = [(j, bool(function.cube[x]), bool(function.cube[(*x[:j], 1, *x[j + 1 :])])) for x, j in edges]
    for one in (function, as_table(function)):
        found = structure_of(one)
        assert found.monotone == all(low <= high for _, low, high in pairs)
        ups, downs = {j for j, low, high in pairs if low < high}, {j for j, low, high in pairs if low > high}
        assert found.unate == (not ups & downs)
        assert found.depends_on == tuple(sorted(ups | downs))
        assert found.constant == (len(set(table)) == 1)
        assert found.average_sensitivity == Fraction(2 * sum(low != high for _, low, high in pairs), 1 << n)
        assert found.fewest_fixed == _fewest_fixed(function)


def _fewest_fixed(function):
    n = function.inputs
    for count in range(n + 1):
        for fixed in combinations(range(n), count):
            for bits in product((0, 1), repeat=count):
                place = [slice(None)] * n
                for j, bit in zip(fixed, bits, strict=True):
                    place[j] = bit
                if len(np.unique(function.cube[tuple(place)])) == 1:
                    return count
    raise AssertionError


def test_symmetric_functions_of_many_bits():
    assert average_sensitivity(named_function("parity", 5000)) == 5000
    assert average_sensitivity(named_function("and", 20)) == Fraction(20, 1 << 19)
    assert fewest_fixed(named_function("majority", 9)) == 5
    assert fewest_fixed(random_function(0, 13)) is None
    found = answer_boolean(named_function("majority", 1001), heads=0)
    assert (found.heads_lower_bound, found.constructed.heads, found.least.error) == (1, 1, Fraction(1, 2))


def test_hard_heads_are_excluded_below_what_must_be_fixed():
    """Any function of the outputs of 1 and 2 random heads that attend to one token."""
    generator = np.random.default_rng(0)
    for index in range(60):
        heads = 1 + index % 2
        orders = [generator.permutation(8).tolist() for _ in range(heads)]  # literals, the preferred first
        readout = generator.integers(0, 2, (8,) * heads)
        table = []
        for x in inputs_of(4):
            seen = [next(one for one in order if x[one // 2] == one % 2) for order in orders]
            table.append(readout[tuple(seen)])
        assert fewest_fixed(BooleanFunction.of_table("", table)) <= heads
