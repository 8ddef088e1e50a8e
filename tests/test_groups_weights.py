"""Explicit weights for words of groups: right on all short words and on long ones, and their certificates."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import AssayError, Refuted
from assay.groups import named_group
from assay.groups.certify import SINGLE, tokens_within
from assay.groups.characters import characters_of
from assay.groups.diagonal import certify_diagonal, diagonal_layers
from assay.groups.finite_state import certify_finite_state, finite_state
from assay.groups.reading import group_from
from assay.groups.reflections import certify_reflections, cube_reflections, integer_reflections, orthogonal_reflections
from assay.groups.representations import fewest_steps, real_irreducibles

FROBENIUS = "(1 2 3 4 5 6 7),(2 3 5)(4 7 6)"


def everything(group):
    return tuple(range(group.order))


def fewest_reflections(group, letters):
    characters = characters_of(group)
    fewest = fewest_steps(group, real_irreducibles(characters), letters)
    return orthogonal_reflections(group, characters, fewest, letters)


def rotations(group, letters):
    return cube_reflections(group, letters)


REFLECTIONS = [
    (name, make, letters)
    for name in ("Z2", "S3", "S4", "A4", "A5", "Q8", "D5", "S5", "Z2xS3", FROBENIUS)
    for make in (integer_reflections, fewest_reflections)
    for letters in ("all", "generators")
] + [("S4", rotations, "all"), ("S4", rotations, "generators")]
IDS = [f"{name}-{make.__name__}-{letters}" for name, make, letters in REFLECTIONS]
SOLVABLE = ["Z1", "Z2", "Z6", "S3", "D4", "Q8", "A4", "S4", "Z4xZ2", "Q8xZ3", FROBENIUS]


def chosen(group, letters):
    return everything(group) if letters == "all" else group.generators


def products(group, letters, words):
    """Element by element, by the table alone."""
    found = np.empty_like(words)
    state = np.zeros(len(words), dtype=np.int64)
    for place in range(words.shape[1]):
        state = group.table[state, np.array(letters)[words[:, place]]]
        found[:, place] = state
    return found


def all_words(count, most=6000):
    """All words of the greatest length of which there are at most so many."""
    length = 1
    while count > 1 and count ** (length + 1) <= most:
        length += 1
    return np.array(list(product(range(count), repeat=length)))


def random_words(count, batch, length, seed):
    return np.random.default_rng(seed).integers(count, size=(batch, length))


@pytest.mark.parametrize(("name", "make", "letters"), REFLECTIONS, ids=IDS)
def test_reflections_are_right_on_all_short_words_and_on_long_ones(name, make, letters):
    group = group_from(name)
    letters = chosen(group, letters)
    weights = make(group, letters)
    certificate = certify_reflections(weights, group)
    assert certificate.horizon is None or certificate.horizon > 10_000
    for words in (all_words(len(letters)), random_words(len(letters), 100, 700, seed=5)):
        assert (weights.run(words) == products(group, letters, words)).all()


STEPS = {("S3", integer_reflections): 2, ("S4", integer_reflections): 3, ("S4", rotations): 2}
STEPS |= {("A5", integer_reflections): 4, ("S5", integer_reflections): 4, ("A5", fewest_reflections): 2}
STEPS |= {("S5", fewest_reflections): 4, ("S3", fewest_reflections): 2, ("S4", fewest_reflections): 2}


@pytest.mark.parametrize(("name", "make"), STEPS, ids=[f"{name}-{make.__name__}" for name, make in STEPS])
def test_reflections_take_as_many_steps_as_the_theory_says(name, make):
    group = named_group(name)
    weights = make(group, everything(group))
    assert weights.steps == STEPS[name, make] == certify_reflections(weights, group).steps


def exact_matrix(weights, letter):
    matrix = np.eye(weights.codes.shape[1])
    for w, b in zip(weights.vectors[letter].astype(float), weights.strengths[letter].astype(float), strict=True):
        matrix = (np.eye(len(w)) - b * np.outer(w, w)) @ matrix
    return matrix


@pytest.mark.parametrize(("name", "make"), STEPS, ids=[f"{name}-{make.__name__}" for name, make in STEPS])
def test_factors_are_reflections_whose_products_represent_the_group(name, make):
    """Matrices of letters multiply as the letters do, in reverse: the state takes the latest on the left."""
    group = named_group(name)
    weights = make(group, everything(group))
    lengths = weights.strengths * (weights.vectors.astype(float) ** 2).sum(axis=2)
    assert (
        np.isclose(lengths, 2, atol=1e-6) | (lengths == 0)
    ).all()  # eigenvalue 1 - b |w|^2 is -1, or the step is idle
    matrices = np.array([exact_matrix(weights, letter) for letter in range(group.order)])
    wanted = np.einsum("bij,ajk->abik", matrices, matrices)
    assert np.abs(matrices[group.table] - wanted).max() < 1e-6
    if make is not fewest_reflections:
        assert (matrices == matrices.round()).all()
        assert (matrices[group.table] == wanted).all()


@pytest.mark.parametrize("name", ["S4", "A5", "S5", "D5"])
def test_the_state_stays_within_the_proved_distance(name):
    """Of the exact code, at every token of words of 3,000 letters; the proof allows for more than is measured."""
    group = named_group(name)
    weights = fewest_reflections(group, everything(group))
    certificate = certify_reflections(weights, group)
    words = random_words(group.order, 20, 3000, seed=1)
    right = products(group, everything(group), words)
    state = np.repeat(weights.codes[:1], 20, axis=0)
    worst = []
    for place in range(words.shape[1]):
        for step in range(weights.steps):
            w = weights.vectors[words[:, place], step]
            along = weights.strengths[words[:, place], step] * (w * state).sum(axis=1)
            state = state - along[:, None] * w
        worst.append(np.linalg.norm(state.astype(float) - weights.codes[right[:, place]], axis=1).max())
    allowed = certificate.token_error * np.arange(1, len(worst) + 1)
    assert (np.array(worst) <= allowed).all()
    assert worst[-1] > 0  # float32 does drift
    assert certificate.token_error * certificate.horizon < certificate.margin < 2


def test_certificates_of_whole_numbers_have_no_horizon_and_others_do():
    group = named_group("A5")
    whole = certify_reflections(integer_reflections(group, everything(group)), group)
    single = certify_reflections(fewest_reflections(group, everything(group)), group)
    assert (whole.horizon, whole.token_error, whole.arithmetic) == (None, 0.0, "float32, float64 and bfloat16")
    assert single.arithmetic == "float32"
    assert single.horizon is not None
    assert SINGLE < single.token_error < 100 * SINGLE
    assert 0 < single.margin < 1


def test_weights_that_are_wrong_are_refuted():
    group = named_group("S4")
    letters = everything(group)
    for make in (integer_reflections, fewest_reflections, rotations):
        weights = make(group, letters)
        swapped = weights.vectors.copy()
        swapped[[1, 2]] = swapped[[2, 1]]
        with pytest.raises(Refuted, match="does not go to that of its product with"):
            certify_reflections(replace(weights, vectors=swapped), group)
        same = weights.codes.copy()
        same[3] = same[4]
        with pytest.raises(Refuted, match="two elements have the same code"):
            certify_reflections(replace(weights, codes=same), group)
    weak = integer_reflections(group, letters)
    with pytest.raises(Refuted):
        certify_reflections(replace(weak, strengths=weak.strengths * 2), group)


def test_larger_errors_of_weights_mean_shorter_horizons():
    group = named_group("A5")
    weights = fewest_reflections(group, everything(group))
    noise = np.random.default_rng(0).normal(size=weights.vectors.shape).astype(np.float32)
    found = [certify_reflections(weights, group).horizon]
    for size in (1e-6, 1e-5, 1e-4):
        moved = (weights.vectors + size * noise).astype(np.float32)
        found.append(certify_reflections(replace(weights, vectors=moved), group).horizon)
    assert found == sorted(found, reverse=True)
    assert found[-1] < found[0] / 10


def test_whole_numbers_are_exact_in_bfloat16():
    """The same products, with every number rounded to eight bits."""
    torch = pytest.importorskip("torch")
    group = named_group("S5")
    weights = integer_reflections(group, everything(group))
    words = random_words(120, 50, 400, seed=2)
    right = products(group, everything(group), words)
    vectors, strengths, codes = (
        torch.from_numpy(array).bfloat16() for array in (weights.vectors, weights.strengths, weights.codes)
    )
    state = codes[:1].repeat(50, 1)
    for place in range(words.shape[1]):
        for step in range(weights.steps):
            w = vectors[words[:, place], step]
            state = state - (strengths[words[:, place], step] * (w * state).sum(dim=1))[:, None] * w
        assert torch.equal(state, codes[right[:, place]])


@settings(max_examples=100, deadline=None)
@given(st.floats(1e-7, 0.5), st.floats(1e-6, 1.0), st.floats(1e-3, 5.0))
def test_the_horizon_is_the_last_token_within_the_margin(growth, added, margin):
    found = tokens_within(1 + growth, added, margin)
    if found > 20_000:
        found, margin = 20_000, math.inf
    error, within = 0.0, 0
    for _ in range(min(found + 2, 20_000)):
        error = (1 + growth) * error + added
        within += error < margin
    assert within == found or abs(error - margin) < 1e-6 * margin


@pytest.mark.parametrize("name", SOLVABLE)
@pytest.mark.parametrize("which", ["all", "generators"])
def test_diagonal_layers_are_right_on_all_short_words_and_on_long_ones(name, which):
    group = group_from(name)
    letters = chosen(group, which)
    weights = diagonal_layers(group, letters)
    certificate = certify_diagonal(weights, group)
    assert certificate.horizon is None or certificate.horizon > 100_000
    for words in (all_words(len(letters)), random_words(len(letters), 100, 2000, seed=3)):
        assert (weights.run(words) == products(group, letters, words)).all()


SHAPES = {"Z6": (1, 1), "S3": (2, 2), "D4": (2, 3), "Q8": (2, 3), "A4": (2, 3), "S4": (3, 4), "Z1": (0, 0)}


@pytest.mark.parametrize("name", SHAPES)
def test_diagonal_layers_are_as_many_as_the_derived_length(name):
    group = named_group(name)
    weights = diagonal_layers(group, everything(group))
    assert (len(weights.layers), weights.channels) == SHAPES[name]


def test_groups_that_are_not_solvable_have_no_diagonal_layers():
    for name, series in (("A5", "60"), ("S5", "120 > 60")):
        group = named_group(name)
        with pytest.raises(AssayError, match=f"the derived series of {name}, {series}, stays"):
            diagonal_layers(group, everything(group))


def test_phases_of_order_two_and_four_do_not_drift_and_others_do():
    for name in ("D4", "Q8", "Z4xZ2"):
        group = named_group(name)
        assert certify_diagonal(diagonal_layers(group, everything(group)), group).horizon is None
    group = named_group("S3")
    found = certify_diagonal(diagonal_layers(group, everything(group)), group)
    error, step = 0.0, (math.sqrt(5) + 1) * SINGLE
    assert found.horizon is not None
    error = math.expm1(found.horizon * math.log1p(step))
    assert error < math.sin(math.pi / 3) < math.expm1((found.horizon + 3) * math.log1p(step))


def test_phases_stay_within_the_proved_distance():
    phases = np.exp(2j * np.pi * np.arange(7) / 7)
    single = phases.astype(np.complex64)
    steps = np.random.default_rng(0).integers(7, size=(50, 20_000))
    drifted = np.multiply.accumulate(single[steps], axis=1)
    exact = phases[np.cumsum(steps, axis=1) % 7]
    bound = np.expm1(np.arange(1, 20_001) * math.log1p((math.sqrt(5) + 1) * SINGLE * (1 + 4 * SINGLE)))
    assert (np.abs(drifted - exact) <= bound + 1e-12).all()


def test_diagonal_layers_that_are_wrong_are_refuted():
    group = named_group("S4")
    weights = diagonal_layers(group, everything(group))
    for number, layer in enumerate(weights.layers):
        changes = []
        for field in ("before", "exponents", "joined"):
            array = getattr(layer, field).copy()
            if array.max() > array.min():
                array[..., -1] = (array[..., -1] + 1) % (array.max() + 1)
                changes.append(replace(layer, **{field: array}))
        assert changes
        for change in changes:
            layers = (*weights.layers[:number], change, *weights.layers[number + 1 :])
            with pytest.raises(Refuted, match=r"does not tell"):
                certify_diagonal(replace(weights, layers=layers), group)
    with pytest.raises(Refuted, match="does not tell the element"):
        certify_diagonal(replace(weights, elements=np.roll(weights.elements, 1)), group)


@pytest.mark.parametrize("name", ["Z2", "S3", "Q8", "A5"])
def test_finite_states_are_right_and_wrong_ones_refuted(name):
    group = named_group(name)
    for letters in (everything(group), group.generators):
        weights = finite_state(group, letters)
        assert certify_finite_state(weights, group).horizon is None
        for words in (all_words(len(letters), 1000), random_words(len(letters), 20, 100, seed=4)):
            assert (weights.run(words) == products(group, letters, words)).all()
        wrong = weights.matrices.copy()
        wrong[-1, :, -1] = np.roll(wrong[-1, :, -1], 1)
        with pytest.raises(Refuted, match="does not go to its product"):
            certify_finite_state(replace(weights, matrices=wrong), group)
        wrong[-1, :, -1] = 1
        with pytest.raises(Refuted, match="does not go to its product"):
            certify_finite_state(replace(weights, matrices=wrong), group)
    with pytest.raises(AssayError, match="it has 240 elements; at most 200 are allowed"):
        finite_state(named_group("S5xZ2"), (0, 1))


def test_rotations_of_the_cube_are_for_s4_alone():
    with pytest.raises(AssayError, match="rotations of a cube are for the group named S4, not A5"):
        cube_reflections(named_group("A5"), (0, 1))


LONG = [("S3", integer_reflections), ("S4", integer_reflections), ("S4", rotations), ("A5", integer_reflections)]
LONG += [
    ("S5", integer_reflections),
    ("A5", fewest_reflections),
    ("S5", fewest_reflections),
    ("Q8", fewest_reflections),
]


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("name", "make"), LONG, ids=[f"{name}-{make.__name__}" for name, make in LONG])
def test_reflections_are_right_on_ten_thousand_long_words(name, make):
    """10,000 words of 4,096 letters, every answer."""
    group = named_group(name)
    weights = make(group, everything(group))
    horizon = certify_reflections(weights, group).horizon
    assert horizon is None or horizon > 4096
    words = random_words(group.order, 10_000, 4096, seed=7)
    assert (weights.run(words) == products(group, everything(group), words)).all()


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["Z6", "S3", "D4", "Q8", "A4", "S4"])
def test_diagonal_layers_are_right_on_ten_thousand_long_words(name):
    group = named_group(name)
    weights = diagonal_layers(group, everything(group))
    for start in range(0, 10_000, 1000):
        words = random_words(group.order, 1000, 4096, seed=start)
        assert (weights.run(words) == products(group, everything(group), words)).all()
