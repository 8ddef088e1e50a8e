"""Naive and obvious versions of what is computed of Boolean functions."""

from fractions import Fraction
from itertools import combinations, permutations, product

import numpy as np
from scipy.optimize import LinearConstraint, linprog, milp

from assay.booleans.function import BooleanFunction


def bits_of(number, inputs):
    return tuple(number >> j & 1 for j in range(inputs))


def inputs_of(inputs):
    return [bits_of(number, inputs) for number in range(1 << inputs)]


def random_function(seed, inputs):
    return BooleanFunction.of_table("random", np.random.default_rng(seed).integers(0, 2, 1 << inputs))


def as_table(function):
    """The same function, not known to be symmetric."""
    return BooleanFunction(function.name, function.inputs, None, function.table)


def monomials(inputs, degree):
    sets = [one for size in range(degree + 1) for one in combinations(range(inputs), size)]
    return np.array([[all(x[j] for j in one) for one in sets] for x in inputs_of(inputs)], dtype=float)


def separable(rows, signs):
    found = linprog(np.zeros(rows.shape[1]), A_ub=-signs[:, None] * rows, b_ub=-np.ones(len(rows)), bounds=(None, None))
    assert found.status in (0, 2)
    return found.status == 0


def degree_by_program(function):
    """Threshold degree by feasibility programs over all inputs and monomials."""
    signs = np.where(function.table, 1.0, -1.0)
    return next(d for d in range(function.inputs + 1) if separable(monomials(function.inputs, d), signs))


def weak_degree_by_program(function):
    """The least degree of p, not 0 on all inputs, with f p >= 0."""
    signs = np.where(function.table, 1.0, -1.0)
    for degree in range(function.inputs + 1):
        rows = signs[:, None] * monomials(function.inputs, degree)
        found = linprog(
            np.zeros(rows.shape[1]),
            A_ub=-rows,
            b_ub=np.zeros(len(rows)),
            A_eq=rows.sum(axis=0)[None],
            b_eq=[1.0],
            bounds=(None, None),
        )
        if found.status == 0:
            return degree
    raise AssertionError


def fewest_errors_by_subsets(function, degree):
    """The least number of inputs without which some polynomial has the signs of f: all subsets are tried."""
    rows, signs = monomials(function.inputs, degree), np.where(function.table, 1.0, -1.0)
    for count in range(len(rows) + 1):
        for removed in combinations(range(len(rows)), count):
            kept = np.setdiff1d(np.arange(len(rows)), removed)
            if not len(kept) or separable(rows[kept], signs[kept]):
                return count
    raise AssertionError


def fewest_errors_by_integers(function, degree):
    """The same by one integer program, with a coefficient that switches a constraint off."""
    rows, signs = monomials(function.inputs, degree), np.where(function.table, 1.0, -1.0)
    count, width = rows.shape
    switch = 200.0
    matrix = np.column_stack([signs[:, None] * rows, switch * np.eye(count)])
    found = milp(
        np.append(np.zeros(width), np.ones(count)),
        constraints=LinearConstraint(matrix, lb=1),
        integrality=np.append(np.zeros(width), np.ones(count)),
        bounds=(np.append(np.full(width, -50.0), np.zeros(count)), np.append(np.full(width, 50.0), np.ones(count))),
    )
    return round(found.fun)


def decision_list_tables(inputs):
    """The tables of all 1-decision lists, from all lists."""
    tables = set()
    for size in range(inputs + 1):
        for places in permutations(range(inputs), size):
            for bits in product((0, 1), repeat=size):
                for values in product((0, 1), repeat=size + 1):
                    tables.add(tuple(_decided(x, places, bits, values) for x in inputs_of(inputs)))
    return tables


def _decided(x, places, bits, values):
    fitting = (value for place, bit, value in zip(places, bits, values, strict=False) if x[place] == bit)
    return next(fitting, values[-1])


def attended(layer, x):
    """The readout's sum, by the tokens' weights and values: sum of weight times value over the sum of weights."""
    total = Fraction(layer.constant)
    for head in layer.heads:
        tokens = [(Fraction(head.sink), Fraction(head.numerator[0], head.sink))]
        for (zero, one), coefficient, bit in zip(head.weights, head.numerator[1:], x, strict=True):
            tokens.append((Fraction(one), Fraction(coefficient, one)) if bit else (Fraction(zero), Fraction(0)))
        assert all(weight > 0 for weight, _ in tokens)
        total += sum(weight * value for weight, value in tokens) / sum(weight for weight, _ in tokens)
    return total


def random_layer(generator, inputs, heads):
    """A function that a random layer computes, in integers: sign of a constant plus all N / D; None where it is 0."""
    weights = generator.integers(1, 50, (heads, inputs + 1, 2))
    values = generator.integers(-50, 51, (heads, inputs + 1, 2))
    constant = int(generator.integers(-20, 21))
    table = []
    for x in inputs_of(inputs):
        total = Fraction(constant)
        for w, v in zip(weights.tolist(), values.tolist(), strict=True):
            chosen = [(one[bit], value[bit]) for one, value, bit in zip(w, v, (*x, 0), strict=True)]
            total += Fraction(sum(a * b for a, b in chosen), sum(a for a, _ in chosen))
        if total == 0:
            return None
        table.append(total > 0)
    return BooleanFunction.of_table("of a layer", table)
