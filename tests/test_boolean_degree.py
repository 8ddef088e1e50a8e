"""Threshold degrees and their certificates, against linear programs and the script of the page."""

import json
import re
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise, product
from math import comb, prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from assay.arithmetic.threads import one_thread
from assay.booleans.blocks import (
    Blocks,
    along_axes,
    blocks_of,
    characters_in_binomials,
    krawtchouk,
    restricted,
    transposed,
)
from assay.booleans.certificate import DegreeCertificate, is_degree_certificate, verify_degree
from assay.booleans.degree import threshold_degree
from assay.booleans.function import BooleanFunction
from assay.booleans.named import named_function
from assay.booleans.separation import moments, polynomial_values, separate, truncated
from assay.errors import AssayError, Refuted
from boolean_twins import as_table, bits_of, degree_by_program, inputs_of, random_function, weak_degree_by_program
from fresh import assay

PAGE = (Path(__file__).parent.parent / "docs" / "boolean.md").read_text("utf-8")
SCRIPT, EXAMPLE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
CHECKER = compile(SCRIPT, "boolean.md", "exec")


def by_script(certificate, folder, monkeypatch, capsys):
    """What the script of the page prints of a certificate; it raises where one does not hold."""
    path = folder / "certificate.json"
    path.write_text(json.dumps(certificate.to_json()), "utf-8")
    monkeypatch.setattr(sys, "argv", ["check", str(path)])
    exec(CHECKER, {})
    return capsys.readouterr().out.strip()


def in_single_blocks(function):
    """The function without use of its symmetry."""
    return Blocks(tuple((j,) for j in range(function.inputs)), (), function.cube)


def degree_of_blocks(blocks):
    """By the search alone, and the last weights."""
    for degree in range(blocks.inputs + 1):
        found = separate(blocks, degree)
        if found.polynomial is not None:
            return degree
        assert not moments(blocks, found.weights)[blocks.orders <= degree].any()
        assert found.weights.min() >= 0 < found.weights.max()
    raise AssertionError


def test_the_degrees_of_all_functions_of_three_bits():
    degrees = Counter()
    for number in range(256):
        function = BooleanFunction.of_table("", bits_of(number, 8))
        found = threshold_degree(function)
        found.certificate.check()
        assert found.degree == found.at_least == found.at_most == degree_by_program(function)
        assert found.weak_at_least <= weak_degree_by_program(function)
        degrees[found.degree] += 1
    # of the 256, 104 are threshold functions (Muroga 1971), and only parity and its complement have degree 3
    assert degrees == {0: 2, 1: 102, 2: 150, 3: 2}


@pytest.mark.parametrize("inputs", [4, 5, 6])
def test_the_degree_of_every_symmetric_function_is_its_sign_changes(inputs):
    for values in product((0, 1), repeat=inputs + 1):
        function = BooleanFunction.symmetric("", inputs, values.__getitem__)
        found = threshold_degree(function)
        found.certificate.check()
        changes = sum(a != b for a, b in pairwise(values))
        assert found.degree == changes == degree_by_program(function)


def test_the_search_agrees_with_the_formula_on_300_random_symmetric_functions():
    generator = np.random.default_rng(0)
    for index in range(300):
        inputs = int(generator.integers(1, 8 if index % 2 else 13))
        values = generator.integers(0, 2, inputs + 1)
        function = BooleanFunction.symmetric("", inputs, values.__getitem__)
        blocks = in_single_blocks(function) if index % 2 else blocks_of(function)
        assert degree_of_blocks(blocks) == function.sign_changes


@pytest.mark.parametrize("inputs", [4, 5, 6])
def test_certificates_of_random_functions_hold_by_the_script_of_the_page(inputs, tmp_path, monkeypatch, capsys):
    for seed in range(67):
        found = threshold_degree(random_function(seed, inputs))
        assert found.degree is not None
        said = by_script(found.certificate, tmp_path, monkeypatch, capsys)
        assert said == f"threshold degree {found.degree} to {found.degree}"


def test_the_script_of_the_page_is_short_and_refuses_what_does_not_hold(tmp_path, monkeypatch, capsys):
    assert len(SCRIPT.splitlines()) <= 20
    found = threshold_degree(named_function("multiplexer", 6)).certificate
    weights = found.weights.copy()
    weights[tuple(np.argwhere(weights > 0)[0])] += 1
    for wrong in (
        replace(found, weights=weights),
        replace(found, at_least=found.at_least + 1),
        replace(found, at_most=found.at_most - 1),
        replace(found, polynomial=-found.polynomial),
    ):
        with pytest.raises(AssertionError):
            by_script(wrong, tmp_path, monkeypatch, capsys)
        with pytest.raises(Refuted, match="the certificate does not hold"):
            wrong.check()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.booleans(), min_size=1 << n, max_size=1 << n)))
def test_any_small_table(table):
    function = BooleanFunction.of_table("", table)
    found = threshold_degree(function)
    found.certificate.check()
    assert found.degree == degree_by_program(function)
    # restricting a bit, flipping inputs or the value, and naming inputs anew
    flipped = BooleanFunction.of_table("", [not value for value in table[::-1]])
    turned = BooleanFunction.of_table("", function.cube.ravel())
    assert threshold_degree(flipped).degree == threshold_degree(turned).degree == found.degree
    halves = [restricted(function, 0, bit) for bit in (0, 1)]
    degrees = [threshold_degree(half).degree for half in halves if half is not None]
    assert max(degrees, default=0) in (found.degree, found.degree - 1) or function.inputs == 1


KNOWN = {
    ("parity", 8): 8,
    ("majority", 7): 1,
    ("majority", 8): 1,
    ("exactly-3", 8): 2,
    ("exactly-0", 8): 1,
    ("mod-3", 8): 5,
    ("half", 8): 2,
    ("and", 1): 1,
    ("parity", 1): 1,
    ("mod-1", 5): 0,
    ("multiplexer", 3): 2,
    ("multiplexer", 6): 3,
    ("parity", 256): 256,
    ("parity", 100_000): 100_000,
    ("at-least-0", 3): 0,
}


@pytest.mark.parametrize(("name", "inputs"), KNOWN)
def test_known_degrees(name, inputs):
    found = threshold_degree(named_function(name, inputs))
    assert found.degree == KNOWN[name, inputs]
    assert (found.certificate is None) == (inputs == 100_000)
    if inputs <= 8:
        assert degree_by_program(named_function(name, inputs)) == found.degree


def test_the_multiplexer_of_eleven_bits_has_degree_four(tmp_path, monkeypatch, capsys):
    found = threshold_degree(named_function("multiplexer", 11))
    assert found.degree == 4
    found.certificate.check()


def test_what_is_left_open_is_an_interval_with_both_sides_certified(monkeypatch):
    function = random_function(1, 7)
    monkeypatch.setattr("assay.booleans.degree.LARGEST_WORK", 128 * 29**2)  # degrees up to 2
    found = threshold_degree(function)
    assert found.degree is None
    assert found.at_least == 3 <= degree_by_program(function) <= found.at_most <= 6
    found.certificate.check()


def test_weights_on_half_of_the_inputs_are_found_where_those_on_all_are_not(monkeypatch):
    """Without a solution in rationals, degrees whose weights have zeros rest on weights with one bit fixed."""
    primes = BooleanFunction.of_table("prime", [i > 1 and all(i % q for q in range(2, i)) for i in range(128)])
    pairs = BooleanFunction.of_table("", [(x[0] & x[1] & x[2]) ^ (x[3] | x[4]) for x in inputs_of(5)])
    monkeypatch.setattr("assay.booleans.separation._EXACT_NUMBERS", 0)
    halves = 0
    for function in (primes, pairs, *(random_function(seed, 5) for seed in range(20))):
        found = threshold_degree(function)
        found.certificate.check()
        assert found.at_least <= degree_by_program(function) <= found.at_most
        weights = found.certificate.weights
        taken = [weights.take(bit, axis) for axis in range(weights.ndim) for bit in range(2)]
        halves += any(not one.any() for one in taken)
    assert halves > 0


@pytest.mark.long
def test_low_degrees_of_a_function_of_thirteen_bits_are_decided():
    found = threshold_degree(random_function(1, 13))
    assert found.degree is None
    assert 3 <= found.at_least < found.at_most <= 12
    found.certificate.check()


def test_weak_degrees_are_never_above_those_of_the_program():
    for seed in range(30):
        function = random_function(seed, 4)
        found = threshold_degree(as_table(function))
        assert found.weak_at_least <= weak_degree_by_program(function) <= found.degree


@pytest.mark.parametrize("inputs", [3, 4, 5])
def test_the_weak_degree_of_a_symmetric_function_is_its_sign_changes(inputs):
    for values in product((0, 1), repeat=inputs + 1):
        function = BooleanFunction.symmetric("", inputs, values.__getitem__)
        assert weak_degree_by_program(function) == threshold_degree(function).weak_at_least == function.sign_changes


def test_blocks_are_the_inputs_that_may_change_places():
    # x_0 + x_2 >= 1 and x_1 != x_3; x_4 does not matter
    function = BooleanFunction.of_table("", [(x[0] | x[2]) & (x[1] ^ x[3]) for x in inputs_of(5)])
    blocks = blocks_of(function)
    assert (blocks.blocks, blocks.ignored, blocks.sizes) == (((0, 2), (1, 3)), (4,), (2, 2))
    for x in inputs_of(5):
        counts = tuple(sum(x[j] for j in block) for block in blocks.blocks)
        assert blocks.values[counts] == function.table[sum(bit << j for j, bit in enumerate(x))]
    assert blocks.inputs_of.sum() == 16
    found = threshold_degree(function)
    assert found.degree == degree_by_program(function) == degree_of_blocks(in_single_blocks(function))


@pytest.mark.parametrize("size", range(6))
def test_transforms_along_a_block(size):
    matrix, basis = krawtchouk(size), characters_in_binomials(size)
    for e, count in product(range(size + 1), repeat=2):
        # sum over sets of e inputs of the product of (-1)^x_j, at an input whose first `count` bits are 1
        added = sum((-1) ** (mask & (1 << count) - 1).bit_count() for mask in range(1 << size) if mask.bit_count() == e)
        assert matrix[e][count] == added == sum(basis[j][e] * comb(count, j) for j in range(size + 1))
    square = along_axes(along_axes(np.eye(size + 1, dtype=int).astype(object), [matrix]), [matrix])
    assert square.tolist() == [[(1 << size) * (a == b) for a in range(size + 1)] for b in range(size + 1)]
    assert transposed(transposed(matrix)) == matrix


def test_polynomials_and_moments_are_those_of_their_definition():
    blocks = blocks_of(BooleanFunction.of_table("", [(x[0] | x[2]) & (x[1] ^ x[3]) for x in inputs_of(4)]))
    generator = np.random.default_rng(0)
    table = generator.integers(-9, 10, blocks.values.shape).astype(object)
    places = list(product(*(range(size + 1) for size in blocks.sizes)))
    values, sums = polynomial_values(blocks, table), moments(blocks, table)
    for at in places:
        assert values[at] == sum(table[e] * prod(map(comb, at, e)) for e in places)
        assert sums[at] == sum(table[c] * blocks.signs[c] * prod(map(comb, c, at)) for c in places)


def test_the_characters_of_a_function_but_the_last_have_its_signs():
    for seed in range(10):
        blocks = in_single_blocks(random_function(seed, 4))
        polynomial = truncated(blocks, 3)
        assert polynomial is not None  # none of these is parity
        assert not polynomial[blocks.orders > 3].any()
        assert (polynomial_values(blocks, polynomial) * blocks.signs > 0).all()
    assert truncated(in_single_blocks(named_function("parity", 4)), 3) is None


def test_the_halves_of_a_function():
    function = random_function(0, 4)
    for position, bit in product(range(4), (0, 1)):
        half = restricted(function, position, bit)
        for y in inputs_of(3):
            x = (*y[:position], bit, *y[position:])
            assert half.cube[y] == function.cube[x]
    assert restricted(named_function("parity", 1), 0, 0) is None
    assert restricted(named_function("half", 4), 2, 1).by_count.tolist() == [False, True, False, False]


def test_a_certificate_file_is_read_again_and_an_altered_one_is_refuted(tmp_path):
    path = tmp_path / "degree.json"
    found = threshold_degree(named_function("mod-3", 8)).certificate
    found.write(path)
    assert is_degree_certificate(path)
    assert verify_degree(path).holds is True
    assert verify_degree(path).at_least == 5
    data = json.loads(path.read_text("utf-8"))
    assert data == found.to_json() == DegreeCertificate.from_json(data).to_json()
    path.write_text(json.dumps({**data, "at_least": 6}), "utf-8")
    assert verify_degree(path).reason == "the certificate does not hold: it was altered"
    done = assay("verify", path)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("values", "01"),
        ("blocks", [[0, "1"]]),
        ("weights", {"9": "1"}),
        ("weights", {"0": "1.5"}),
        ("polynomial", []),
        ("inputs", "8"),
        ("assay-boolean-certificate", 2),
        ("ignored", 3),
    ],
)
def test_what_has_not_the_form_of_a_certificate_is_refused_in_one_line(key, value):
    data = threshold_degree(named_function("mod-3", 8)).certificate.to_json()
    with pytest.raises(AssayError, match="this is no certificate of a threshold degree") as error:
        DegreeCertificate.from_json({**data, key: value})
    assert not isinstance(error.value, Refuted)


def test_the_python_of_the_page_runs(capsys):
    exec(compile(EXAMPLE, "boolean.md", "exec"), {})
    assert capsys.readouterr().out.startswith("5 [")


def threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_matrices_are_computed_on_one_thread_also_where_there_were_several():
    with threadpool_limits(2):
        with one_thread():
            assert threads() == {1}
        assert threads() == {2}
