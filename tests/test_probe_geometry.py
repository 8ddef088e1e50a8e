"""Which sets a query can average or set apart, against exact oracles, and exact certificates of it."""

import hashlib
import json
from fractions import Fraction
from itertools import chain, combinations, pairwise, product
from math import ceil
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assay.errors import AssayError, CertificateError
from assay.probing import candidates, geometry, rational
from assay.probing.candidates import EPSILON, Whitened, face_candidates, gordan
from assay.probing.certificate import Certificate, certify, read
from assay.probing.geometry import exists, separates

FEW = settings(deadline=None, max_examples=60, derandomize=True)


def subsets(count):
    """All sets of positions that are not empty."""
    return chain.from_iterable(combinations(range(count), size) for size in range(1, count + 1))


def moment_keys(count, width):
    return [[t**power for power in range(1, width + 1)] for t in range(1, count + 1)]


def exact_scores(keys, query):
    return [sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(key, query, strict=True)) for key in keys]


def shows(found, keys, positions, equal):
    """Whether what was found supports its answer, in exact arithmetic up to rounding of the size of its terms."""
    inside, n = set(positions), len(keys)
    outside = [j for j in range(n) if j not in inside]
    if found.answer == "yes":
        assert found.multipliers is None
        scores = exact_scores(keys, found.query)
        low, high = min(scores[i] for i in inside), max(scores[i] for i in inside)
        base = keys[min(inside)]
        rounding = max(
            sum(abs((float(a) - float(b)) * w) for a, b, w in zip(key, base, found.query, strict=True)) for key in keys
        ) * (2.0**-50 * len(base))
        spread = not equal or high - low <= rounding
        gap = low - max((scores[j] for j in outside), default=low - 1)
        margin = 1.0 if not outside else float(gap / (max(scores) - min(scores)))
        return spread and gap > (rounding if equal else 0) and found.margin == pytest.approx(margin, rel=1e-3)
    assert found.answer == "no"
    assert found.query is None
    assert found.margin == 0
    y, array = found.multipliers, np.asarray(keys, dtype=np.float64)
    good = (y >= 0).all() and abs(y.sum() - 1) < 1e-12
    offsets = (array - array[min(inside)]) / np.maximum(np.ptp(array, axis=0), 1e-300)
    mean = y[outside] @ offsets[outside]
    if equal:
        span = offsets[sorted(inside)].T
        left = mean - span @ np.linalg.lstsq(span, mean, rcond=None)[0]
        good = good and (y[list(inside)] == 0).all()
    else:
        left = mean - y[sorted(inside)] @ offsets[sorted(inside)]
        good = good and abs(y[outside].sum() - 0.5) < 1e-12
    return good and np.abs(left).max() < 1e-12


def half_plane(vectors):
    """Whether some w in the plane has a positive product with all of these integer vectors.

    The cone of such w, if there are any, is a half plane around one of them or has two of their normals as its edges.
    """
    normals = [(sign * -y, sign * x) for x, y in vectors for sign in (1, -1)]
    tries = [*vectors, *((a + c, b + d) for (a, b), (c, d) in combinations(normals, 2))]
    return any(all(a * x + b * y > 0 for x, y in vectors) for a, b in tries)


def exists_in_plane(keys, positions):
    inside = [keys[i] for i in positions]
    outside = [key for j, key in enumerate(keys) if j not in positions]
    first = inside[0]
    along = [(x - first[0], y - first[1]) for x, y in inside if (x, y) != first]
    towards = [(first[0] - x, first[1] - y) for x, y in outside]
    if not along:
        return not outside or half_plane(towards)
    (x, y), *_ = along
    level = [w for w in ((0, 0), (-y, x), (y, -x)) if all(w[0] * a + w[1] * b == 0 for a, b in along)]
    return any(all(w[0] * a + w[1] * b > 0 for a, b in towards) for w in level)


def separates_in_plane(keys, positions):
    outside = [key for j, key in enumerate(keys) if j not in positions]
    between = [(keys[i][0] - x, keys[i][1] - y) for i in positions for x, y in outside]
    return not outside or half_plane(between)


def exists_on_line(keys, positions):
    inside = {keys[i] for i in positions}
    outside = [key for j, key in enumerate(keys) if j not in positions]
    if not outside:
        return True
    return len(inside) == 1 and (max(outside) < min(inside) or min(outside) > max(inside))


def separates_on_line(keys, positions):
    inside = [keys[i] for i in positions]
    outside = [key for j, key in enumerate(keys) if j not in positions]
    return not outside or max(outside) < min(inside) or min(outside) > max(inside)


def gale(count, width, positions):
    """Whether a proper subset is a face of the cyclic polytope: Gale's evenness condition."""
    blocks, inside = [], set(positions)
    for i in sorted(inside):
        if i - 1 in inside:
            blocks[-1].append(i)
        else:
            blocks.append([i])
    odd = sum(len(block) % 2 for block in blocks if block[0] > 0 and block[-1] < count - 1)
    return len(inside) == count or len(inside) + odd <= width


def changes(count, positions):
    """How often one passes from S to its complement or back: the least degree of a polynomial that separates them."""
    inside = [i in set(positions) for i in range(count)]
    return sum(a != b for a, b in pairwise(inside))


def agrees(found, expected, keys, positions, equal):
    return found.answer == ("yes" if expected else "no") and shows(found, keys, positions, equal)


@pytest.mark.parametrize("values", [(0,), (3, 3), (0, 1, 2, 3), (2, 0, 2, -1, 0), (5, 5, 5, 1), (1, 2, 2, 2, 7)])
def test_on_a_line_every_set_is_decided_as_by_sorting(values):
    keys = [[value] for value in values]
    for positions in subsets(len(values)):
        assert agrees(exists(keys, positions), exists_on_line(values, positions), keys, positions, equal=True)
        assert agrees(separates(keys, positions), separates_on_line(values, positions), keys, positions, equal=False)


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=7))
@FEW
def test_in_a_plane_every_set_is_decided_as_by_enumerating_normals(keys):
    for positions in subsets(len(keys)):
        assert agrees(exists(keys, positions), exists_in_plane(keys, positions), keys, positions, equal=True)
        assert agrees(separates(keys, positions), separates_in_plane(keys, positions), keys, positions, equal=False)


@pytest.mark.parametrize("width", [2, 3, 4, 5, 6])
def test_every_set_of_a_cyclic_polytope_is_decided_as_by_gale_and_by_sign_changes(width):
    count = 9
    keys = moment_keys(count, width)
    for positions in subsets(count):
        assert agrees(exists(keys, positions), gale(count, width, positions), keys, positions, equal=True)
        few = changes(count, positions) <= width
        assert agrees(separates(keys, positions), few, keys, positions, equal=False)


def squares(count, width, positions):
    """Integer coefficients, powers 1 to `width`, of minus the product of (t - t_i)²: it is largest at the t_i."""
    coefficients = [-1]
    for root in (i + 1 for i in positions for _ in range(2)):
        lower, upper = [-root * c for c in coefficients] + [0], [0, *coefficients]
        coefficients = [a + b for a, b in zip(lower, upper, strict=True)]
    return (coefficients[1:] + [0] * width)[:width]


@pytest.mark.parametrize("width", [4, 6, 8])
@pytest.mark.parametrize("count", [16, 64])
def test_on_the_moment_curve_half_as_many_keys_as_coordinates_exist(width, count):
    keys = moment_keys(count, width)
    rng = np.random.default_rng(width)
    half = width // 2
    for q in range(1, half + 1):
        runs = [tuple(range(start, start + q)) for start in range(0, count - q + 1)]
        drawn = [tuple(sorted(rng.choice(count, q, replace=False).tolist())) for _ in range(15)]
        for positions in runs + drawn:
            query = squares(count, width, positions)
            scores = [sum(a * b for a, b in zip(key, query, strict=True)) for key in keys]
            best = {j for j, score in enumerate(scores) if score == max(scores)}
            assert best == set(positions)  # the oracle does what it says
            assert exists(keys, positions).answer == "yes"
            assert separates(keys, positions).answer == "yes"
    for positions in (tuple(range(0, count, ceil(count / (half + 2)))), (*range(1, width, 2), count - 2)):
        assert exists(keys, positions).answer == ("yes" if gale(count, width, positions) else "no")


def test_sets_on_either_side_of_the_threshold_are_shown_for_random_keys():
    rng = np.random.default_rng(0)
    answers = []
    for q in (1, 2, 5, 8, 9, 12, 30, 63):
        keys = rng.standard_normal((64, 24)) * np.logspace(0, -4, 24) + 100 * rng.standard_normal(24)
        positions = rng.choice(64, q, replace=False).tolist()
        for question, equal in ((exists, True), (separates, False)):
            found = question(keys, positions)
            assert shows(found, keys, positions, equal)
            answers.append(found.answer)
    assert set(answers) == {"yes", "no"}


cases = st.integers(2, 9).flatmap(
    lambda count: st.tuples(
        st.lists(st.lists(st.integers(-4, 4), min_size=3, max_size=3), min_size=count, max_size=count),
        st.sets(st.integers(0, count - 1), min_size=1, max_size=count).map(sorted),
    )
)


@given(
    cases, st.lists(st.integers(-3, 3), min_size=9, max_size=9), st.lists(st.integers(-99, 99), min_size=3, max_size=3)
)
@FEW
def test_answers_do_not_change_under_affine_maps(case, entries, shift):
    keys, positions = np.array(case[0]), case[1]
    matrix = np.array(entries).reshape(3, 3)
    assume(round(np.linalg.det(matrix)) != 0)
    for question in (exists, separates):
        assert question(keys @ matrix + shift, positions).answer == question(keys, positions).answer


@given(cases)
@FEW
def test_what_exists_is_separated_and_stays_so_when_other_keys_go(case):
    keys, positions = case
    found = exists(keys, positions)
    apart = separates(keys, positions)
    assert "undecided" not in (found.answer, apart.answer)
    assert found.answer == "no" or apart.answer == "yes"
    others = [j for j in range(len(keys)) if j not in positions]
    for gone in others:
        left = [key for j, key in enumerate(keys) if j != gone]
        moved = [i - (i > gone) for i in positions]
        assert found.answer == "no" or exists(left, moved).answer == "yes"
        assert apart.answer == "no" or separates(left, moved).answer == "yes"


@given(cases)
@FEW
def test_certificates_agree_with_float64(case):
    keys, positions = case
    certificate = certify(keys, positions)
    certificate.check()
    assert certificate.answer == exists(keys, positions).answer


def test_float32_keys_are_taken_exactly_and_in_any_order_of_positions():
    keys = np.random.default_rng(1).standard_normal((32, 8)).astype(np.float32)
    for positions in ([3], [9, 4], [1, 30, 7, 22, 14]):
        first, second = exists(keys, positions), exists(keys.astype(np.float64), sorted(positions))
        assert first.answer == second.answer
        assert np.array_equal(first.query, second.query) or np.array_equal(first.multipliers, second.multipliers)
        assert certify(keys, positions).keys == tuple(map(tuple, keys.tolist()))


def test_a_key_outside_that_equals_one_inside_forbids_it():
    keys = np.random.default_rng(2).standard_normal((12, 6))
    keys[7] = keys[2]
    assert exists(keys, [2, 5]).multipliers[7] == 1
    assert separates(keys, [2, 5]).multipliers[[2, 7]] == pytest.approx([0.5, 0.5])
    assert exists(keys, [2, 5, 7]).answer == "yes"
    assert certify(keys, [2, 5]).multipliers == {7: 1}


@pytest.mark.parametrize("scales", [(1e-300, 1e-300, 1e-300), (1e300, 1e300, 1e300), (1e-150, 1.0, 1e150)])
@pytest.mark.parametrize("mean", [0.0, 1e6])
def test_scale_and_mean_of_coordinates_do_not_matter(scales, mean):
    whole = np.random.default_rng(3).integers(-9, 10, (20, 3))
    keys = (whole + mean) * np.array(scales)
    answers = set()
    for positions in ([0], [5], [2, 9], [1, 3, 8], list(range(10)), list(range(19))):
        assert exists(keys, positions).answer == exists(whole, positions).answer
        assert separates(keys, positions).answer == separates(whole, positions).answer
        answers.add(exists(whole, positions).answer)
    assert answers == {"yes", "no"}


def test_more_positions_than_coordinates_and_all_positions():
    keys = np.random.default_rng(4).standard_normal((10, 3))
    assert exists(keys, range(9)).answer == "no"
    for question in (exists, separates):
        everything = question(keys, list(range(10)))
        assert (everything.answer, everything.margin, everything.query.tolist()) == ("yes", 1.0, [0.0, 0.0, 0.0])
    assert certify(keys, list(range(10))).margin is None
    assert exists([[1.0, 2.0]], [0]).answer == "yes"


def test_queries_too_wide_in_range_for_float64_are_not_given():
    keys = np.array([[0.0, 0.0], [1e-300, 1e300], [1e-300, -1e300], [2e-300, 0.0]])
    found = exists(keys, [0])
    assert found.answer == "undecided" or shows(found, keys, [0], equal=True)
    certificate = certify(keys, [0])
    certificate.check()
    assert certificate.answer == "yes"


def test_where_float64_holds_no_query_the_answer_is_given_without_one():
    """A query needs both coordinates, 2^-1994 and 1: float64 does not hold these beside each other."""
    shape = np.array([[0.0, 0.0], [1.0, -0.5], [-0.5, 1.0]])
    assert exists(shape * [1e-150, 1e150], [0]).answer == "yes"
    keys = shape * [1e-300, 1e300]
    for question in (exists, separates):
        assert question(shape, [0]).answer == "yes"
        found = question(keys, [0])
        assert (found.answer, found.query, found.margin) == ("yes", None, 0)
    certificate = certify(keys, [0])
    certificate.check()
    assert certificate.answer == "yes"


def judged(judge, keys, inside, query):
    white = Whitened.of(np.array(keys))
    outside = np.setdiff1d(np.arange(len(keys)), inside)
    return judge(white, np.array(inside), outside, np.array(query))


def test_scores_that_are_lower_by_less_than_rounding_do_not_count():
    """<(1, 1), (1, -1 - 2^-52)> = -2^-52 is exact here, but in general a difference of terms of size 1 is not."""
    for judge in (geometry.scores_as_face, geometry.is_above):
        assert judged(judge, [[0.0, 0.0], [1.0, 1.0]], [0], [-1.0, -1.0])
        assert judged(judge, [[0.0, 0.0], [1.0, 1.0]], [0], [1.0, -1 - 2.0**-40])
        assert not judged(judge, [[0.0, 0.0], [1.0, 1.0]], [0], [1.0, -1 - EPSILON])


def test_scores_in_the_set_that_may_be_as_low_as_others_do_not_count():
    """The second key of S scores 2^-52 above the first, give or take more; the third scores 2^-52 below."""
    query = [1.0, -1 + EPSILON]
    for gap, expected in ((EPSILON, False), (2.0**-40, True)):
        keys = [[0.0, 0.0], [1.0, 1.0], [-gap, 0.0]]
        assert judged(geometry.is_above, keys, [0, 1], query) == expected


def test_scores_of_nearly_dependent_keys_are_equal_beyond_rounding():
    """Exact scores of a query for five keys of which each is within 1e-3 of the first, and one of the line of two."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        keys = rng.standard_normal((30, 12))
        keys[1:5] = keys[0] + 1e-3 * rng.standard_normal((4, 12))
        keys[4] = keys[1] + 1e-6 * rng.standard_normal(12)
        white = Whitened.of(keys)
        query, *_ = face_candidates(white, np.arange(5), np.arange(5, 30))
        scores = exact_scores(white.scaled, query)
        spread = max(scores) - min(scores)
        assert max(scores[:5]) - min(scores[:5]) < spread * Fraction(1, 2**60)


def test_gordan_falls_back_on_the_nearest_point_of_the_hull(monkeypatch):
    rows = np.array([[0.6, 0.8], [0.8, 0.6], [1.0, 0.0]])
    expected, weights = gordan(rows)
    assert (rows @ expected > 0).all()
    monkeypatch.setattr(candidates, "lstsq", lambda matrix, _, **__: (np.zeros(matrix.shape[1]),))
    direction, same = gordan(rows)
    assert (rows @ direction > 0).all()
    assert np.array_equal(weights, same)


def test_the_linear_program_gives_the_same_answers(monkeypatch):
    def never_ends(*_):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr(candidates, "nnls", never_ends)
    keys = moment_keys(8, 4)
    for positions in subsets(8):
        assert agrees(exists(keys, positions), gale(8, 4, positions), keys, positions, equal=True)
        assert agrees(separates(keys, positions), changes(8, positions) <= 4, keys, positions, equal=False)


@pytest.mark.parametrize(
    ("keys", "positions", "message"),
    [
        ([[1.0], [np.nan]], [0], "keys = not finite is not allowed; it must be finite numbers"),
        ([[1.0], [np.inf]], [0], "keys = not finite is not allowed; it must be finite numbers"),
        ([1.0, 2.0], [0], "shape of keys"),
        (np.zeros((0, 3)), [0], "shape of keys"),
        ([["a"]], [0], "dtype of keys"),
        ([[1.0], [2.0, 3.0]], [0], "keys are not an array"),
        ([[2**53 + 1]], [0], "largest of integer keys"),
        ([[1.0], [2.0]], [], "positions = \\[\\]"),
        ([[1.0], [2.0]], [2], "positions = \\[2\\] .* from 0 to 1"),
        ([[1.0], [2.0]], [-1], "positions = \\[-1\\]"),
        ([[1.0], [2.0]], [0, 0], "positions = \\[0, 0\\] .* distinct"),
        ([[1.0], [2.0]], [0.5], "positions = \\[0.5\\]"),
        ([[1.0], [2.0]], [True], "positions = \\[True\\]"),
    ],
)
def test_what_is_not_allowed_is_said_in_one_line(keys, positions, message):
    for question in (exists, separates, certify):
        with pytest.raises(AssayError, match=message) as error:
            question(keys, positions)
        assert "\n" not in str(error.value)


def test_every_set_of_a_small_cyclic_polytope_is_certified():
    for width in (1, 2, 3, 4):
        keys = moment_keys(7, width)
        for positions in subsets(7):
            certificate = certify(keys, positions)
            certificate.check()
            assert (certificate.answer == "yes") == gale(7, width, positions)


def test_every_set_of_a_grid_is_certified():
    keys = list(product((0, 1, 2), (0, 1, 2)))
    for positions in subsets(9):
        certificate = certify(keys, positions)
        certificate.check()
        assert (certificate.answer == "yes") == exists_in_plane(keys, positions)


def test_keys_that_float64_cannot_decide_get_the_answer_of_their_certificate():
    keys = np.array(moment_keys(256, 12), dtype=np.float64)  # rounded, so that no oracle but the certificate knows
    rng = np.random.default_rng(5)
    exact = set()
    for _ in range(12):
        positions = rng.choice(256, 6, replace=False).tolist()
        found, certificate = exists(keys, positions), certify(keys, positions)
        certificate.check()
        assert found.answer == certificate.answer
        assert found.answer == "no" or separates(keys, positions).answer == "yes"
        exact.add(found.rational)
    assert True in exact  # some margins are far below what float64 resolves


def test_what_the_exact_search_does_not_find_is_undecided(monkeypatch):
    """One key is the mean of two others, in space: multipliers of these three are exact, but no generic ones."""
    keys = [[0, 0, 0], [2, 2, 2], [1, 1, 1], [0, 0, 5], [0, 5, 0]]
    for question in (exists, separates):
        found = question(keys, [0, 1])
        assert (found.answer, found.rational) == ("no", True)
    monkeypatch.setattr(rational, "PIVOTS", 0)
    for question in (exists, separates):
        assert question(keys, [0, 1]).answer == "undecided"
    with pytest.raises(CertificateError, match="neither answer could be proved"):
        certify(keys, [0, 1])


def from_scratch(search, keys, positions):
    """The answer of the exact search alone, begun anywhere, with as many steps as it takes."""
    array, inside, _ = candidates.check_keys(keys, positions)
    with mock.patch.object(rational, "PIVOTS", 100_000):
        found = search(array, Whitened.of(array), inside, np.zeros(array.shape[1]), np.zeros(len(array)))
    return "no" if isinstance(found, rational.Refutation) else "yes"


nudges = st.sampled_from([0.0, 0.0, 0.0, 2.0**-20, -(2.0**-45), 2.0**-51, -(2.0**-52), 2.0**-53])


@given(cases, st.lists(nudges, min_size=27, max_size=27))
@FEW
def test_nearly_degenerate_keys_get_the_answer_of_the_exact_search(case, off):
    keys, positions = np.array(case[0], dtype=np.float64), case[1]
    keys += np.reshape(off, (9, 3))[: len(keys)]
    if len(positions) < len(keys):
        assert exists(keys, positions).answer == from_scratch(rational.exact_face, keys, positions)
        assert separates(keys, positions).answer == from_scratch(rational.exact_halves, keys, positions)


def test_a_key_one_rounding_off_a_line_is_not_on_it():
    for off, expected in ((0.0, "no"), (2.0**-53, "yes"), (-(2.0**-54), "yes")):
        keys = [[0.0, 0.0], [1.0, 1.0], [0.5, 0.5 + off]]
        assert exists(keys, [0, 1]).answer == expected
        assert certify(keys, [0, 1]).answer == expected
    for off, expected in ((0.0, "yes"), (2.0**-51, "no")):  # three keys that span the plane are on no edge
        keys = [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0 + off], [0.0, 3.0]]
        assert exists(keys, [0, 1, 2]).answer == expected
        assert certify(keys, [0, 1, 2]).answer == expected


def test_keys_that_no_common_scale_holds_in_float64_are_told_apart():
    keys = [[0.0], [1e-320], [1e300]]
    for question in (exists, separates):
        assert [question(keys, [place]).answer for place in range(3)] == ["yes", "no", "yes"]
    assert [certify(keys, [place]).answer for place in range(3)] == ["yes", "no", "yes"]


@pytest.fixture(scope="module")
def pair():
    """A certificate for yes and one for no."""
    keys = np.random.default_rng(6).integers(-40, 41, (9, 3)) / 16
    found = {
        certificate.answer: certificate for certificate in (certify(keys, two) for two in combinations(range(9), 2))
    }
    return found["yes"], found["no"]


def altered(certificate, **changes):
    """The certificate with its own SHA-256 made anew, as one who alters it on purpose would."""
    data = {name: value for name, value in (certificate.to_json() | changes).items() if name != "sha256"}
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return Certificate.from_json(data | {"sha256": hashlib.sha256(text.encode()).hexdigest()})


def test_certificates_come_back_from_files(pair, tmp_path):
    for certificate in pair:
        certificate.write(tmp_path / "proof.json")
        assert read(tmp_path / "proof.json") == certificate
        read(tmp_path / "proof.json").check()


def test_a_flipped_digit_anywhere_is_noticed(pair, tmp_path):
    path = tmp_path / "proof.json"
    for certificate in pair:
        certificate.write(path)
        text = path.read_text()
        for place in range(0, len(text) - 1):
            if text[place].isdigit():
                path.write_text(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :])
                with pytest.raises(AssayError, match="certificate"):
                    read(path).check()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b"null", b"[" * 100_000, b'{"keys": NaN}'])
def test_damaged_files_are_refused_in_one_line(content, tmp_path):
    path = tmp_path / "proof.json"
    path.write_bytes(content)
    with pytest.raises(AssayError, match=r"certificate|no text in UTF-8") as error:
        read(path)
    assert "\n" not in str(error.value)
    with pytest.raises(AssayError, match="cannot be read"):
        read(tmp_path / "none.json")
    with pytest.raises(AssayError, match="cannot be written"):
        certify([[0.0], [1.0]], [0]).write(tmp_path / "none" / "proof.json")


def test_a_file_cut_short_is_refused(pair, tmp_path):
    path = tmp_path / "proof.json"
    pair[1].write(path)
    text = path.read_text()
    for end in range(0, len(text) - 1, 7):
        path.write_text(text[:end])
        with pytest.raises(AssayError, match="is no certificate"):
            read(path)


def test_what_is_altered_on_purpose_is_refused(pair):
    yes, no = pair
    key = [list(entries) for entries in yes.keys]
    key[0][0] += 1.0
    digest = altered(no, keys_sha256="0" * 64)
    queries = yes.to_json()["query"]
    multipliers, coefficients = no.to_json()["multipliers"], no.to_json()["coefficients"]
    first, *_, last = multipliers
    outside = next(str(j) for j in range(9) if j not in no.positions and str(j) not in multipliers)
    moved = {outside if place == first else place: value for place, value in multipliers.items()}
    half = str(Fraction(multipliers[first]) / 2)
    wrong = [
        (altered(yes, keys=key), "others than those"),
        (digest, "others than those"),
        (altered(yes, keys=[*yes.to_json()["keys"], [1.0]]), "differ in their number"),
        (altered(yes, keys=[]), "no keys"),
        (altered(yes, positions=[yes.positions[0]]), "scores another position no lower"),
        (altered(yes, positions=list(yes.positions)[::-1]), "not distinct and ascending"),
        (altered(yes, positions=[]), "not distinct and ascending"),
        (altered(yes, positions=[2, 99]), "out of range"),
        (altered(yes, answer="no"), "no query and no margin"),
        (altered(yes, answer="no", query=None, margin=None), "needs multipliers"),
        (altered(yes, query=None), "another number of coordinates"),
        (altered(yes, query=queries[:-1]), "another number of coordinates"),
        (altered(yes, query=[queries[1], queries[0], queries[2]]), "differ"),
        (altered(yes, query=["0/1"] * 3), "scores another position no lower"),
        (altered(yes, margin="1/7"), "margin"),
        (altered(yes, margin=None), "margin"),
        (altered(yes, multipliers={}), "has no multipliers"),
        (altered(no, answer="yes"), "has no multipliers"),
        (altered(no, multipliers=None), "needs multipliers"),
        (altered(no, multipliers=moved), "remainder"),
        (altered(no, multipliers=multipliers | {first: half}), "add up to 1"),
        (altered(no, multipliers=multipliers | {first: "-1/2"}), "negative"),
        (altered(no, multipliers=multipliers | {str(no.positions[0]): "0/1"}), "outside the set"),
        (altered(no, coefficients=dict.fromkeys(coefficients, "0/1")), "remainder"),
        (altered(no, coefficients=coefficients | {last: "0/1"}), "in the set"),
    ]
    for certificate, reason in wrong:
        with pytest.raises(AssayError, match=reason):
            certificate.check()


@pytest.mark.parametrize(
    "changes",
    [
        {"assay-probe-certificate": 2},
        {"assay-probe-certificate": True},
        {"keys": [[1]]},
        {"keys": 3},
        {"more": 1},
        {"positions": [True]},
        {"positions": "2"},
        {"answer": "maybe"},
        {"query": "1/2"},
        {"query": [0.5]},
        {"query": ["1/0"]},
        {"query": ["1e9/1"]},
        {"query": ["٣/1"]},
        {"query": ["1/2/3"]},
        {"margin": 1},
        {"multipliers": {"-1": "1/1"}},
        {"multipliers": {"01": "1/1"}},
        {"multipliers": []},
        {"keys_sha256": None},
    ],
)
def test_other_forms_are_refused(pair, changes):
    for certificate in pair:
        with pytest.raises(AssayError, match="this is no certificate of a probe"):
            altered(certificate, **changes)


def test_fractions_may_be_longer_than_python_reads_by_itself(pair):
    entry = Fraction(10**6000 + 1, 3**9000)
    data = {"query": [_long(entry)], "margin": _long(entry), "keys": [[0.0], [1.0]], "positions": [1]}
    short = certify([[0.0], [1.0]], [1])
    certificate = altered(short, **data)
    certificate.check()
    assert certificate.query == (entry,)
    assert Certificate.from_json(certificate.to_json()) == certificate


def _long(value):
    def digits(number):
        head, tail = divmod(number, 10**3000)
        return f"{digits(head)}{tail:03000}" if head else str(tail)

    return f"{digits(value.numerator)}/{digits(value.denominator)}"
