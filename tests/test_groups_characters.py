"""Characters, exactly; representations and the fewest reflections against enumeration of all representations."""

from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Poly, cyclotomic_poly
from sympy.abc import x
from sympy.combinatorics import Permutation

from assay.errors import AssayError
from assay.groups import named_group, representations
from assay.groups.characters import characters_of
from assay.groups.matrices import orthogonal_matrices, reflections_of
from assay.groups.reading import group_from
from assay.groups.representations import abelian_floor, abelian_steps, fewest_steps, real_irreducibles
from assay.groups.structure import class_numbers, inverses, structure_of

FROBENIUS = "(1 2 3 4 5 6 7),(2 3 5)(4 7 6)"
DICYCLIC = "(1 2 3),(2 3)(4 5 6 7)"
NAMES = ["Z1", "Z2", "Z3", "Z6", "Z2xZ4", "S3", "D4", "Q8", "D5", "A4", "S4", "A5", "S5", "A6", "Q8xZ3", "D12"]
NAMES += [FROBENIUS, DICYCLIC, "S3xS3", "Z3xD4", "S3xD5xZ2"]


def reduced_powers(order):
    """x^k modulo the cyclotomic polynomial, k = 0 ... order - 1, as rows of integers: equal rows are equal numbers."""
    modulus = Poly(cyclotomic_poly(order, x), x)
    rows = [Poly(x**k, x).rem(modulus).all_coeffs()[::-1] for k in range(order)]
    return np.array([[int(c) for c in row] + [0] * (modulus.degree() - len(row)) for row in rows])


def eigenvalue_counts(characters):
    """How often each power of the e-th root of unity is an eigenvalue: int64 (r characters, r classes, e)."""
    e, r = characters.exponent, len(characters.sizes)
    counts = np.zeros((r, r, e), dtype=np.int64)
    for number, powers in enumerate(characters.powers):
        counts[:, number, :: e // len(powers)] = characters.eigenvalues(number)
    return counts


@pytest.mark.parametrize("name", NAMES)
def test_characters_are_orthogonal_exactly(name):
    """In Z[zeta], both by rows and by columns, without a rounded number."""
    group = group_from(name)
    characters = characters_of(group)
    counts, sizes, reduced = eigenvalue_counts(characters), characters.sizes, reduced_powers(characters.exponent)
    e, r = characters.exponent, len(sizes)
    mirrored = counts[:, :, -np.arange(e) % e]  # complex conjugates
    one = reduced[0]
    for i in range(r):
        for j in range(r):
            rows, columns = np.zeros(e, dtype=np.int64), np.zeros(e, dtype=np.int64)
            for k in range(e):  # zeta^k times everything
                rows += np.roll((sizes[:, None] * counts[i, :, k, None] * mirrored[j]).sum(axis=0), k)
                columns += np.roll((counts[:, i, k, None] * mirrored[:, j]).sum(axis=0), k)
            assert (rows @ reduced == one * group.order * (i == j)).all()
            assert (columns @ reduced == one * (group.order // sizes[i]) * (i == j)).all()


@pytest.mark.parametrize("name", NAMES)
def test_degrees_indicators_and_fixed_spaces_agree_with_counting(name):
    group = group_from(name)
    characters = characters_of(group)
    degrees = characters.degrees
    assert (degrees**2).sum() == group.order
    assert all(group.order % degree == 0 for degree in degrees.tolist())
    involutions = sum(group.table[a, a] == 0 for a in range(group.order))
    assert (characters.indicators * degrees).sum() == involutions  # Frobenius and Schur
    counts = eigenvalue_counts(characters)
    assert (counts.sum(axis=2) == degrees[:, None]).all()
    assert (characters.fixed == counts[:, :, 0]).all()
    assert (counts[characters.conjugates] == counts[:, :, -np.arange(characters.exponent) % characters.exponent]).all()
    assert ((characters.indicators == 0) == (characters.conjugates != np.arange(len(degrees)))).all()


def test_characters_of_a5_are_the_published_ones():
    golden = (1 + 5**0.5) / 2
    found = characters_of(named_group("A5"))
    assert [len(powers) for powers in found.powers] == [1, 3, 2, 5, 5]
    table = [
        [1, 1, 1, 1, 1],
        [3, 0, -1, golden, 1 - golden],
        [3, 0, -1, 1 - golden, golden],
        [4, 1, 0, -1, -1],
        [5, -1, 1, 0, 0],
    ]
    values = found.values()
    assert np.abs(values.imag).max() < 1e-12
    assert {tuple(row) for row in values.real.round(9).tolist()} == {tuple(np.round(row, 9).tolist()) for row in table}
    fives = {
        tuple(row) for row in found.eigenvalues(3)[1:3].tolist()
    }  # exactly: 1 + zeta + zeta^4, 1 + zeta^2 + zeta^3
    assert fives == {(1, 1, 0, 0, 1), (1, 0, 1, 1, 0)}


def test_characters_of_permutations_count_fixed_points():
    """Points fixed, less one, is an irreducible character of S_n."""
    for n in (3, 4, 5, 6):
        group = named_group(f"S{n}")
        firsts = np.unique(class_numbers(group.table), return_index=True)[1]
        fixed = (group.action[firsts] == np.arange(n)).sum(axis=1) - 1
        values = characters_of(group).values()
        assert np.abs(values - values.real.round()).max() < 1e-9  # all characters of S_n are whole numbers
        assert fixed.tolist() in values.real.round().astype(int).tolist()


def test_values_are_sums_of_eigenvalues():
    for name in ("Z12", FROBENIUS, "D9"):
        characters = characters_of(group_from(name))
        roots = np.exp(2j * np.pi * np.arange(characters.exponent) / characters.exponent)
        assert np.abs(characters.values() - eigenvalue_counts(characters) @ roots).max() < 1e-12
        assert np.abs(characters.values([1]) - characters.values()[1]).max() < 1e-12


def test_large_groups_have_no_characters_here():
    with pytest.raises(AssayError, match="characters of D361: it has 722 elements; at most 720 are allowed"):
        characters_of(named_group("D361"))


@pytest.mark.parametrize("name", [name for name in NAMES[1:] if name != "A6"])
def test_matrices_are_orthogonal_and_multiply_as_their_elements(name):
    group = group_from(name)
    characters = characters_of(group)
    parts = real_irreducibles(characters)
    firsts = np.unique(class_numbers(group.table), return_index=True)[1]
    commuting = {"real": 1, "complex": 2, "quaternionic": 4}
    assert sum(part.dimension**2 // commuting[part.kind] for part in parts) == group.order
    for part in parts:
        rho = orthogonal_matrices(group, characters, (part,))
        assert np.abs(rho @ rho.transpose(0, 2, 1) - np.eye(part.dimension)).max() < 1e-9
        assert np.abs(rho[group.table] - np.einsum("aij,bjk->abik", rho, rho)).max() < 1e-9
        ranks = np.linalg.matrix_rank(rho[firsts] - np.eye(part.dimension), tol=1e-6)
        assert ranks.tolist() == list(part.ranks)


def fewest_by_enumeration(parts, letters):
    """Over all sets of irreducible parts that are faithful together."""
    ranks = np.array([part.ranks for part in parts])
    sets = chain.from_iterable(combinations(range(len(parts)), size) for size in range(1, len(parts) + 1))
    totals = (ranks[list(chosen)].sum(axis=0) for chosen in sets)
    return min(int(total[letters].max()) for total in totals if (total[1:] > 0).all())


SMALL = [name for name in NAMES[1:] if name not in ("S3xD5xZ2", "Z3xD4", "Q8xZ3")] + [
    "S6",
    "Z2xZ2xZ2",
    "Z4xZ2",
    "Z12",
    "Z3xZ3",
]


@pytest.mark.parametrize("name", SMALL)
def test_fewest_steps_are_the_least_over_all_faithful_representations(name):
    group = group_from(name)
    parts = real_irreducibles(characters_of(group))
    numbers = class_numbers(group.table)
    for letters in (tuple(range(group.order)), group.generators, (1,), (0,)):
        found = fewest_steps(group, parts, letters)
        assert found.steps == found.least == fewest_by_enumeration(parts, np.unique(numbers[list(letters)]))
        kernel = [all(part.ranks[number] == 0 for part in found.parts) for number in range(numbers.max() + 1)]
        assert kernel == [True] + [False] * int(numbers.max())
        total = [sum(part.ranks[numbers[letter]] for part in found.parts) for letter in letters]
        assert max(total) == found.steps


def cycle_notation(move):
    cycles = Permutation(list(move)).cyclic_form
    return "".join(f"({' '.join(map(str, cycle))})" for cycle in cycles) or "()"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.permutations(range(6)), min_size=1, max_size=2))
def test_groups_of_any_permutations_have_their_characters_and_steps(moves):
    group = group_from(",".join(map(cycle_notation, moves)))
    if group.order == 1:
        return
    characters = characters_of(group)
    values = characters.values()
    assert np.abs((values * characters.sizes) @ values.conj().T / group.order - np.eye(len(values))).max() < 1e-9
    assert (characters.indicators * characters.degrees).sum() == sum(np.diag(group.table) == 0)
    parts = real_irreducibles(characters)
    numbers = class_numbers(group.table)
    if len(parts) <= 11:
        for letters in (tuple(range(group.order)), group.generators):
            wanted = fewest_by_enumeration(parts, np.unique(numbers[list(letters)]))
            assert fewest_steps(group, parts, letters).steps == wanted


BY_HAND = {"Z1": (0, 0), "Z2": (1, 1), "Z3": (2, 2), "S3": (2, 1), "S4": (2, 1), "A4": (2, 2), "A5": (2, 2)}
BY_HAND |= {"S5": (4, 1), "S6": (4, 1), "A6": (4, 2), "Q8": (4, 4), "D7": (2, 2), "Z2xZ2xZ2": (3, 1)}


@pytest.mark.parametrize("name", BY_HAND)
def test_steps_of_well_known_groups(name):
    """Rotations of plane, cube and icosahedron are two reflections; a 5-cycle of S5, and an odd one of S6 with the sign
    of its permutation, moves four dimensions, a transposition one; a unit of Q8 all four.
    """
    group = named_group(name)
    parts = real_irreducibles(characters_of(group))
    found = [fewest_steps(group, parts, letters) for letters in (tuple(range(group.order)), group.generators)]
    assert tuple(one.steps for one in found) == BY_HAND[name]
    assert all(one.least == one.steps for one in found)


ABELIAN = ["Z5", "Z8", "Z6", "Z30", "Z2xZ2", "Z2xZ6", "Z2xZ2xZ3", "Z2xZ4", "Z4xZ4", "Z2xZ4xZ3", "Z3xZ6", "Z2xZ2xZ2xZ2"]
ABELIAN += ["Z2xZ2xZ3xZ3", "Z2xZ2xZ2xZ3"]


@pytest.mark.parametrize("name", ABELIAN)
def test_the_closed_form_for_abelian_groups_is_what_a_search_finds(name, monkeypatch):
    group = named_group(name)
    parts = real_irreducibles(characters_of(group))
    floor = abelian_floor(group.table)
    monkeypatch.setattr(representations, "abelian_floor", lambda _: 1)
    monkeypatch.setattr(representations, "_NODES", 10**7)
    found = fewest_steps(group, parts, tuple(range(group.order)))
    assert found.least == found.steps == floor


@pytest.mark.parametrize("name", [*NAMES, "D4xD3", "Q8xD3"])
def test_abelian_subgroups_never_ask_for_more_than_the_group_does(name, monkeypatch):
    group = group_from(name)
    floor = abelian_floor(group.table)
    monkeypatch.setattr(representations, "abelian_floor", lambda _: 1)
    assert floor <= fewest_steps(group, real_irreducibles(characters_of(group)), tuple(range(group.order))).steps


def test_a_search_that_is_cut_short_says_so(monkeypatch):
    group = named_group("S5")
    parts = real_irreducibles(characters_of(group))
    monkeypatch.setattr(representations, "_NODES", 0)
    found = fewest_steps(group, parts, tuple(range(120)))
    assert found.least <= 4 <= found.steps
    assert found.least == abelian_floor(group.table) < found.steps
    assert abelian_steps((4, 2, 2)) == 4


@pytest.mark.parametrize("d", [1, 2, 3, 5, 8])
def test_an_orthogonal_matrix_is_a_product_of_as_many_reflections_as_its_rank(d):
    rng = np.random.default_rng(d)
    for rank in range(d + 1):
        matrix = np.eye(d)
        for _ in range(rank):
            w = rng.normal(size=d)
            matrix = matrix - 2 * np.outer(w, w @ matrix) / (w @ w)
        assert np.linalg.matrix_rank(matrix - np.eye(d), tol=1e-8) == rank
        (vectors,), (used,) = reflections_of(matrix[None], d)
        assert used.sum() == rank
        rebuilt = np.eye(d)
        for w in vectors[used]:
            assert abs(w @ w - 1) < 1e-12
            rebuilt = rebuilt - 2 * np.outer(w, w @ rebuilt)
        assert np.abs(rebuilt - matrix).max() < 1e-9


def test_inverses_and_centres_are_seen_in_characters():
    for name in NAMES:
        group = group_from(name)
        characters = characters_of(group)
        whole = np.abs(characters.values()) ** 2
        central = np.isclose(whole, characters.degrees[:, None] ** 2).all(axis=0)
        assert characters.sizes[central].sum() == structure_of(group).centre
        assert (group.table[inverses(group.table), np.arange(group.order)] == 0).all()
