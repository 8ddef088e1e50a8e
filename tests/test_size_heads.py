"""Sizing heads: closed forms against other ways to compute them, theorems by enumeration, and no contradictions."""

import json
import math
import random
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import AssayError, SparseAveraging
from assay.constructions import build
from assay.constructions.active_clip import CEILING, NORM
from assay.constructions.reed_solomon import code_parameters
from assay.probing.gaussian_norm import predicted_norm
from assay.probing.reach import needed_norms
from assay.probing.thresholds import face_probability
from assay.sizing.averaging_heads import size_head
from assay.sizing.caches import CACHES, make_cache
from assay.sizing.explicit import _SIGN_CEILING, _SIGN_NORM, code_size, explicit_keys
from assay.sizing.generic import (
    ALLOWED_ERROR,
    hardest_size,
    most_sets_exist,
    needs_nothing,
    norm_of_any_keys,
    rounded_average,
    serves_most,
    solve,
    used_width,
)
from assay.sizing.head import Head, Layout
from assay.sizing.head_limits import (
    excluded,
    largest_average,
    largest_keys,
    serves,
    smallest_bits,
    smallest_norm,
    smallest_width,
)
from assay.sizing.head_statements import head_warnings
from assay.sizing.simulated import simulate_head
from assay.sizing.text import sized_text

# closed forms


@pytest.mark.parametrize("keys", [5, 16, 100, 4096, 70_000])
def test_the_norm_is_that_of_the_general_prediction_for_equal_variances(keys):
    for width in (1, 4, 24, 96):
        for average in {1, 2, 5, keys // 3, keys - 1} - {0}:
            here = solve(width, keys, average).norm
            there = predicted_norm(np.ones(width), keys, average, scale=width**-0.5) / width**0.5
            if there > 50:  # at the limit of existence, where the two end their search elsewhere
                assert here > 30
            else:
                assert here == pytest.approx(there, rel=3e-3)


def test_most_sets_exist_exactly_where_the_probability_is_a_half():
    """Where the closed form stands in for the probability: on a grid of N, q and widths."""
    for keys in (2, 3, 7, 20, 64, 500, 5000):
        for average in {1, 2, 3, 9, 40, keys // 5, keys // 2, keys - 1} & set(range(1, keys + 1)):
            widths = range(1, keys + 1) if keys < 100 else range(1, 260, 1 if keys == 500 else 7)
            for width in widths:
                assert most_sets_exist(width, keys, average) == (face_probability(width, keys, average) >= 0.5)


@pytest.mark.parametrize(("width", "keys"), [(8, 40), (20, 40), (39, 40), (100, 40), (30, 150), (149, 150)])
def test_the_hardest_size_is_the_maximum_over_all_sizes(width, keys):
    norms = [solve(width, keys, size).norm for size in range(1, keys + 1)]
    for average in range(1, keys + 1):
        hardest = hardest_size(width, keys, average)
        if 2 * average > keys:
            assert hardest == average
        else:
            assert norms[hardest - 1] == max(norms[:average])


@pytest.mark.parametrize(("keys", "average", "bits"), [(127, 1, 2), (20, 2, 2), (60, 1, 2), (200, 2, 3), (30, 4, 4)])
def test_the_coordinates_in_use_are_the_most_that_leave_an_error_that_is_allowed(keys, average, bits):
    cache = make_cache(bits=bits)
    small = [
        rounded_average(width, keys, hardest_size(width, keys, average), cache).error <= ALLOWED_ERROR
        for width in range(1, 131)
    ]
    for width in range(1, 131):
        most = max((used for used in range(1, width + 1) if small[used - 1]), default=None)
        assert used_width(width, keys, average, cache) == most


# theorems about any keys


def rows_of(kind, count, width, rng):
    keys = rng.standard_normal((count, width))
    if kind == "clusters":
        keys = rng.standard_normal((3, width))[rng.integers(0, 3, count)] * 4 + 0.3 * keys
    return keys * rng.pareto(1.5, (count, 1)) if kind == "heavy" else keys


@pytest.mark.parametrize("kind", ["normal", "clusters", "heavy"])
@pytest.mark.parametrize(("count", "width", "size"), [(7, 6, 1), (7, 6, 2), (8, 4, 3), (8, 9, 4)])
def test_no_keys_at_all_need_less_than_the_theorem_says(kind, count, width, size):
    """All sets by enumeration: the mean square distance is as stated, and the norms that are needed are no shorter."""
    keys = rows_of(kind, count, width, np.random.default_rng(count + width + size))
    sets = np.array(list(combinations(range(count), size)))
    spread = math.sqrt(np.square(keys - keys.mean(0)).sum(1).mean())
    squares = []
    for chosen in sets:
        off = np.delete(np.arange(count), chosen)
        squares.append(np.square(keys[chosen].mean(0) - keys[off].mean(0)).sum())
    stated = spread**2 * count**2 / (size * (count - 1) * (count - size))
    assert np.mean(squares) == pytest.approx(stated, rel=1e-9)
    scale = width**-0.5
    norms = np.sort(needed_norms(keys, sets, scale=scale).at_most) * scale * spread / math.sqrt(width)
    least = norm_of_any_keys(width, count, size)
    assert norms[-1] >= least * (1 - 1e-3)
    assert norms[(len(norms) - 1) // 2] >= least / math.sqrt(2) * (1 - 1e-3)  # half of the sets, or more, lie up to it


def test_the_vertices_of_a_simplex_attain_the_theorem():
    count = 9
    keys = np.eye(count)
    spread = math.sqrt(np.square(keys - keys.mean(0)).sum(1).mean())
    for size in range(1, 5):
        sets = np.array(list(combinations(range(count), size))[:3])
        needed = needed_norms(keys, sets, scale=count**-0.5).at_most * spread / count
        assert needed == pytest.approx(norm_of_any_keys(count, count, size), rel=2e-3)


# caches


def rounded_by_hand(row, name):
    """As llama.cpp's reference code does it, entry by entry."""
    out = []
    for start in range(0, len(row), 32):
        block = [float(x) for x in row[start : start + 32]]
        top = max(block, key=abs)
        step = top / -8 if name == "q4_0" else abs(top) / 127
        held = float(np.float16(step))
        for x in block:
            if name == "q4_0":
                out.append((min(15, int(x / step + 8.5)) - 8) * held)
            else:
                out.append(round(x / step) * held)
    return out


@pytest.mark.parametrize("name", ["q4_0", "q8_0"])
def test_caches_round_as_llama_cpp_does(name):
    keys = np.random.default_rng(3).standard_normal((40, 64)).astype(np.float32)
    keys[:, 5] *= 3
    assert CACHES[name].rounded(keys).tolist() == [rounded_by_hand(row, name) for row in keys]


def test_integers_of_p_bits_are_the_nearest_ones_and_reach_the_largest():
    keys = np.random.default_rng(4).standard_normal((50, 24))
    for bits in (2, 3, 8, 20):
        cache = make_cache(bits=bits)
        steps = np.abs(keys).max(1, keepdims=True) / (2 ** (bits - 1) - 1)
        whole = cache.rounded(keys) / steps
        assert np.abs(whole - np.rint(whole)).max() < 1e-6
        assert np.abs(whole).max(1) == pytest.approx(2 ** (bits - 1) - 1)
        assert (np.abs(cache.rounded(keys) - keys) <= steps / 2 * (1 + 1e-9)).all()
    assert (make_cache().rounded(keys) == keys).all()
    assert (CACHES["fp16"].rounded(keys) == keys.astype(np.float16)).all()


@pytest.mark.parametrize("cache", [*(make_cache(bits=bits) for bits in (2, 3, 4, 6, 9)), *CACHES.values()])
def test_the_noise_of_a_cache_is_that_of_rounded_gaussian_keys(cache):
    """40,000 keys of 64 entries: the largest entry is at its median in the formula, and random here."""
    keys = np.random.default_rng(5).standard_normal((40_000, 64))
    out = cache.rounded(keys)
    beta = (keys * out).mean() / np.square(keys).mean()
    variance = np.square(out - beta * keys).mean()
    stated = cache.noise(64)
    assert stated[0] == pytest.approx(beta, abs=0.02)
    if cache.name == "fp16":  # an upper bound
        assert variance <= stated[1] <= 4 * variance
    else:
        assert math.sqrt(stated[1]) == pytest.approx(math.sqrt(variance), rel=0.08)


# explicit keys


def norm_needed(keys, query, chosen):
    """n of a query that is scaled until 90 % of the softmax is on the set, by bisection."""
    spread = math.sqrt(np.square(keys - keys.mean(0)).sum(1).mean())
    scores = keys @ query

    def mass(factor):
        weights = np.exp(factor * (scores - scores.max()))
        return weights[list(chosen)].sum() / weights.sum()

    low, high = 0.0, 1e4
    for _ in range(100):
        low, high = ((low + high) / 2, high) if mass((low + high) / 2) < 0.9 else (low, (low + high) / 2)
    return high * np.linalg.norm(query) * spread / math.sqrt(keys.shape[1])


def narrowest(keys, size):
    """By name, the narrowest."""
    return {one.name: one for one in reversed(explicit_keys(keys, size))}


@pytest.mark.parametrize(("length", "size"), [(6, 1), (9, 2), (12, 2), (10, 3)])
def test_explicit_keys_serve_every_set_with_norms_as_stated(length, size):
    """All sets of the units that are built, and of one-hot keys; the one token that asks has a key, too."""
    stated = narrowest(length + 1, size)
    sets = torch.tensor(list(combinations(range(length), size)))
    built = {
        method: build(SparseAveraging(length=length, sparsity=size, layout="last"), method=method)
        for method in ("sign", "reed-solomon")
    }
    heads = {name: (unit.position_keys(), unit.queries(sets)) for name, unit in built.items()}
    eye = torch.eye(length + 1)
    heads["one-hot"] = (eye, eye[sets].sum(1))
    stated = {"reed-solomon": stated["one-hot"]} | stated  # where degree 0 is the narrowest
    for name, (keys, queries) in heads.items():
        width = keys.shape[1]
        assert width == stated[name].width or (name == "sign" and width < stated[name].width)
        points = keys.double().numpy()
        pairs = zip(queries.double().numpy(), sets.tolist(), strict=True)
        needed = [norm_needed(points, query, chosen) for query, chosen in pairs]
        assert max(needed) * math.sqrt(width) <= stated[name].norm * math.sqrt(stated[name].width) * (1 + 1e-6)


@pytest.mark.parametrize(("length", "size"), [(8, 1), (16, 2), (64, 4), (256, 1), (512, 8)])
def test_formulas_are_no_smaller_than_what_is_built(length, size):
    stated = narrowest(length + 1, size)  # one more token asks
    for method in ("cyclic", "sign", "reed-solomon"):
        built = build(SparseAveraging(length=length, sparsity=size, layout="last"), method=method).size
        assert built.score_width <= stated.get(method, stated["one-hot"]).width
        if method == "cyclic":
            assert stated[method].bits - 6 <= built.precision <= stated[method].bits


@pytest.mark.long
@pytest.mark.parametrize(("length", "size"), [(128, 2), (512, 2), (1024, 1), (1024, 2), (1024, 4), (1024, 8)])
def test_sign_keys_are_no_wider_than_stated_up_to_1024(length, size):
    stated = narrowest(length + 1, size)["sign"].width
    built = build(SparseAveraging(length=length, sparsity=size, layout="last"), method="sign").size.score_width
    print(f"N={length} q={size}: built {built}, stated {stated}")
    assert built <= stated


def test_numbers_of_the_constructions_are_theirs():
    for keys in (2, 3, 17, 30, 100, 4096, 70_001):
        for size in (1, 2, 3, 8, 40):
            degree, points, prime = code_parameters(keys, size)
            assert code_size(keys, size, degree) == (points, prime)
            codes = [one for one in explicit_keys(keys, size) if one.name in ("reed-solomon", "one-hot")]
            assert codes[0].width == points * prime
            norms = [one.norm_at(keys) for one in codes]
            assert norms == sorted(norms, reverse=True)
    assert (_SIGN_CEILING, _SIGN_NORM) == (CEILING, NORM)


def test_an_answer_needs_no_torch():
    asked = "from assay.sizing.averaging_heads import size_head; size_head(8, 20, 2)"
    code = f"import sys; {asked}; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# no contradictions


def setting(rng):
    """A random head: width, keys, average, bits, norm."""
    width, keys = int(2 ** rng.uniform(0, 9)), int(2 ** rng.uniform(1, 13))
    average = rng.randint(1, max(1, min(keys // 2, int(2 ** rng.uniform(0, 7)))))
    return width, keys, average, rng.choice([2, 3, 4, 5, 6, 8, 12, 32]), rng.choice([math.inf, 0.7, 1.5, 2.6, 5.0])


def does(width, keys, average, bits, norm):
    return serves(width, keys, average, make_cache(bits=bits), norm)


def assert_no_contradiction(width, keys, average, bits, norm):
    """Neighbours in every direction, the four searches, and the theorems, against the verdict here."""
    asked, cache = (width, keys, average, bits, norm), make_cache(bits=bits)
    found = does(*asked)
    easier = [(width + 1, keys, average, bits, norm), (width, keys, average, min(32, bits + 1), norm)]
    easier += [(width, keys - 1, average, bits, norm)] if keys > average else []
    easier += [(width, keys, average - 1, bits, norm)] if average > 1 else []
    easier += [(width, keys, average, bits, norm * 1.3)]
    harder = [(width - 1, keys, average, bits, norm)] if width > 1 else []
    harder += [(width, keys, average, bits - 1, norm)] if bits > 2 else []
    harder += [(width, keys + 1, average, bits, norm), (width, keys, average, bits, norm / 1.3)]
    harder += [(width, keys, average + 1, bits, norm)] if 2 * (average + 1) <= keys else []
    if found:
        assert all(does(*other) for other in easier), (asked, easier)
    else:
        assert not any(does(*other) for other in harder), (asked, harder)
    assert (largest_average(width, keys, cache, norm) >= average) == found, asked
    fewest = smallest_bits(width, keys, average, norm)
    assert (fewest is not None and fewest <= bits) == found, asked
    if needs_nothing(keys, average):
        return
    needed = smallest_norm(width, keys, average, cache)
    if abs((needed or math.inf) / norm - 1) > 1e-9:
        assert (needed is not None and needed <= norm) == found, asked
    if found:
        assert not excluded(width, keys, average, norm), asked


def assert_searches_agree(width, keys, average, bits, norm):
    """The slower two searches."""
    asked, cache = (width, keys, average, bits, norm), make_cache(bits=bits)
    found = does(*asked)
    narrowest = smallest_width(keys, average, cache, norm)
    assert (narrowest is not None and narrowest <= width) == found, asked
    assert (largest_keys(width, average, cache, norm) >= keys) == found, asked


@pytest.mark.parametrize("count", [40, pytest.param(120, marks=pytest.mark.long)])
def test_no_contradiction_in_random_settings(count):
    rng = random.Random(1)
    for _ in range(count):
        assert_no_contradiction(*setting(rng))
    for _ in range(count // 5):
        assert_searches_agree(*setting(rng))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_contradiction_in_10_000_random_settings():
    rng = random.Random(2)
    for _ in range(10_000):
        asked = setting(rng)
        assert_no_contradiction(*asked)
        assert_searches_agree(*asked)


@given(st.integers(1, 24), st.integers(1, 24), st.integers(1, 24), st.sampled_from([2, 3, 8, 32]))
@settings(max_examples=60, deadline=None)
def test_small_heads_do_not_contradict_themselves(width, keys, average, bits):
    average = min(average, keys)
    if 2 * average <= keys:
        assert_no_contradiction(width, keys, average, bits, math.inf)
    if average < 0.9 * keys - 1e-9 and does(width, keys, average, bits, math.inf):
        assert keys == 1 or width >= 2 or average == 1


def test_the_searches_bracket_the_limit_in_caches_of_blocks():
    for name, cache in CACHES.items():
        width = smallest_width(300, 5, cache, 4.0)
        assert width % (cache.block or 1) == 0
        assert serves(width, 300, 5, cache, 4.0)
        assert not serves(width - (cache.block or 1), 300, 5, cache, 4.0)
        sized = size_head(keys=300, average=5, cache=name, norms=(4.0,))
        assert f"has width {width}, at norm 4" in sized.answer


# answers


@pytest.mark.parametrize(
    "asked",
    [
        (64, 256, 4, 8, ()),
        (64, 256, 4, 2, ()),
        (8, 64, 3, 8, ()),
        (16, 64, 20, 32, ()),
        (200, 64, 4, 2, ()),
        (64, 256, 4, 8, (0.3,)),
        (64, 256, 4, 8, (1.0, 2.5, 6.0)),
        (16, 16, 15, 2, ()),
        (1, 16, 16, 2, (0.1,)),
        (4, 16, 8, 8, ()),
        (1, 1, 1, 4, ()),
        (2, 2, 1, 4, ()),
        (64, 4096, 8, 8, (2.6,)),
    ],
)
def test_the_first_line_says_what_the_verdict_says(asked):
    width, keys, average, bits, norms = asked
    sized = size_head(width, keys, average, bits=bits, norms=norms)
    json.dumps(sized.to_json(), allow_nan=False)
    verdicts = [does(width, keys, average, bits, norm) for norm in norms or (math.inf,)]
    assert sized.fits == (None if len(set(verdicts)) > 1 else verdicts[0])
    first = sized_text(sized).splitlines()[0]
    assert first == sized.answer
    start = {True: "Yes", False: ("No", "Impossible"), None: "Yes at norm"}[sized.fits]
    assert first.startswith(start)
    assert first.startswith("Impossible") <= bool(excluded(width, keys, average, max(norms or (math.inf,))))
    assert bool(sized.change) <= (sized.fits is not True)


def test_equal_scores_are_enough_from_nine_tenths_on():
    for average in (15, 16):
        assert "equal scores are enough" in size_head(1, 16, average, bits=2).answer
    assert size_head(15, 16, 14).fits
    assert size_head(4, 16, 14, bits=8).fits is False
    assert not size_head(64, 64, 64).warnings


def test_the_norm_decides_where_it_is_given():
    assert size_head(64, 4096, 8, bits=8).fits
    assert size_head(64, 4096, 8, bits=8, norms=(2.6,)).fits is False
    assert "up to 2 of 4096 keys at 8 bits, at norm 2.6." in size_head(64, 4096, bits=8, norms=(2.6,)).answer
    assert "at norm 2.6, which half of the heads of SmolLM2 have, up to 2." in size_head(64, 4096, bits=8).answer
    assert "Impossible" in size_head(64, 4096, 8, bits=8, norms=(0.5,)).answer


@pytest.mark.parametrize("asked", [(64, 512, 6, 8, 1.5), (32, 512, 9, 8, math.inf), (64, 512, 6, 3, math.inf)])
def test_the_smallest_change_would_fit_and_one_step_less_would_not(asked):
    width, keys, average, bits, norm = asked
    norms = () if norm == math.inf else (norm,)
    sized = size_head(width, keys, average, bits=bits, norms=norms)
    assert sized.fits is False
    places = {"head width": 0, "keys": 1, "average": 2, "bits": 3, "norm": 4}
    steps = {"head width": -1, "keys": 1, "average": 1, "bits": -1, "norm": -0.02}
    changes = [part.split(" (")[0] for part in sized.change.replace("; or ", ", or ").split(", or ")]
    assert len(changes) >= 2
    for change in changes:
        name, wanted = change.split(" instead of ")[0].rsplit(" ", 1)
        new = list(asked)
        new[places[name]] = float(wanted) if name == "norm" else int(wanted)
        assert does(*new), change
        new[places[name]] += steps[name]
        assert not does(*new), change


def test_a_head_that_cannot_tell_its_sets_apart_is_impossible():
    assert "queries that tell half of the sets apart" in size_head(1, 4096, 8).answer


def test_heads_that_share_keys_store_less_and_rotary_coordinates_are_left_out():
    alone = size_head(64, 256, 2, cache="q8_0")
    sized = size_head(64, 256, 2, cache="q8_0", layout=Layout(32, 8, 0.5))
    assert sized.amount("stored") == 8 * alone.amount("stored") == 8 * 256 * (64 * 8 + 2 * 16)
    assert "4 query heads read each" in str(sized.statements)
    assert sized.amount("rotary") == largest_average(32, 256, CACHES["q8_0"])
    assert size_head(64, 256, 2, layout=Layout(rotary=1.0)).amount("rotary") == 0
    assert sized.fits
    assert "by content alone" in " ".join(size_head(24, 256, 4, layout=Layout(rotary=12)).warnings)


def test_numbers_near_the_limit_come_with_a_warning():
    assert "near the limit of existence" in " ".join(size_head(64, 4096, 8, bits=8).warnings)
    assert "within 15 %" in " ".join(size_head(64, 256, 2, norms=(1.45,)).warnings)
    assert not size_head(64, 256, 2, bits=8, norms=(3.0,)).warnings


@pytest.mark.parametrize(
    ("wrong", "options", "says"),
    [
        ((0, 9, 1), {}, "head_width = 0"),
        ((4, 9, 10), {}, "average = 10"),
        ((4, 0, 1), {}, "keys = 0"),
        ((4, 9, 1), {"bits": 1}, "bits = 1"),
        ((4, 9, 1), {"bits": 33}, "bits = 33"),
        ((4, None, None), {}, "at least two"),
        ((4, 9, 1), {"norms": (0.0,)}, "norm = 0"),
        ((4, 9, 1), {"cache": "q5"}, "'q5' is not known"),
        ((40, 9, 1), {"cache": "q8_0"}, "multiple of 32"),
        ((4, 9, 1), {"layout": Layout(5, 2)}, "query_heads = 5"),
        ((4, 9, 1), {"layout": Layout(rotary=6)}, "rotary = 6"),
        ((4, 9, 1), {"layout": Layout(rotary=3)}, "rotary = 3"),
        ((4, 1 << 21, 1), {}, "keys = 2097152"),
    ],
)
def test_heads_that_make_no_sense_are_refused_in_one_line(wrong, options, says):
    with pytest.raises(AssayError, match=says) as caught:
        size_head(*wrong, **options)
    assert len(caught.value.lines) == 1


# against simulations


def assert_simulation_agrees(width, keys, average, cache, draws):
    """Fresh keys and sets: how many exist, the norm, what is left after rounding, and the verdict."""
    runs = [simulate_head(width, keys, average, cache, sets=16, seed=100 + draw) for draw in range(draws)]
    sets = 16 * draws
    exists = sum(run.found for run in runs) / sets
    chance = face_probability(width, keys, average)
    error, mass = (float(np.median([getattr(run, name) for run in runs])) for name in ("error", "mass"))
    norm = float(np.median([run.norm for run in runs]))
    stated, left = solve(width, keys, average).norm, rounded_average(width, keys, average, cache)
    print(
        f"d={width} N={keys} q={average} {cache.name}: exist {exists:.2f} / {chance:.2f}, norm {norm:.2f} / "
        f"{stated:.2f}, mass {mass:.3f} / {left.mass:.3f}, error {error:.3f} / {left.error:.3f}, {sets} sets"
    )
    assert abs(exists - chance) <= 4 * math.sqrt(max(chance * (1 - chance), 1 / sets) / sets) + 1 / sets
    if chance > 0.99:
        assert norm == pytest.approx(stated, rel=0.15)
        assert error == pytest.approx(left.error, rel=0.35)
    warned = head_warnings(Head(width, keys, average, cache), Layout())
    says = serves_most(width, keys, average, cache) and used_width(width, keys, average, cache) == width
    agrees = (error <= ALLOWED_ERROR) == says
    assert agrees or "is within 15 % of the one allowed" in " ".join(warned)


QUICK = [(20, 90, 2, "5 bits"), (32, 200, 12, "8 bits"), (40, 300, 3, "2 bits")]
SEEN = [
    (16, 120, 1, "2 bits"),
    (24, 500, 1, "4 bits"),
    (28, 70, 5, "3 bits"),
    (32, 128, 3, "q4_0"),
    (36, 900, 2, "6 bits"),
    (48, 350, 6, "4 bits"),
    (50, 150, 4, "5 bits"),
    (64, 700, 14, "8 bits"),
    (64, 2000, 3, "q4_0"),
    (72, 400, 20, "32 bits"),
    (96, 600, 5, "q8_0"),
    (110, 250, 10, "2 bits"),
]
# Chosen after the last change of the predictions, and not changed since.
FRESH = [
    (12, 60, 1, "3 bits"),
    (20, 400, 1, "2 bits"),
    (26, 110, 4, "4 bits"),
    (32, 1000, 2, "q4_0"),
    (44, 220, 2, "3 bits"),
    (52, 90, 9, "4 bits"),
    (60, 60, 12, "3 bits"),
    (64, 300, 5, "q8_0"),
    (64, 1500, 5, "fp16"),
    (80, 200, 1, "2 bits"),
    (96, 320, 25, "6 bits"),
    (100, 900, 8, "5 bits"),
]


def cache_named(name):
    return CACHES[name] if name in CACHES else make_cache(bits=int(name.split()[0]))


@pytest.mark.parametrize(("width", "keys", "average", "name"), QUICK)
def test_simulated_heads_do_as_predicted(width, keys, average, name):
    assert_simulation_agrees(width, keys, average, cache_named(name), draws=3)


@pytest.mark.long
@pytest.mark.parametrize(("width", "keys", "average", "name"), FRESH + SEEN)
def test_simulated_heads_do_as_predicted_at_more_settings(width, keys, average, name):
    assert_simulation_agrees(width, keys, average, cache_named(name), draws=8)


@pytest.mark.parametrize(
    ("width", "keys", "average"), [(48, 300, 4), (20, 60, 2), (60, 100, 2), (30, 30, 1), (24, 127, 1), (90, 40, 1)]
)
def test_the_first_line_is_right_at_two_bits(width, keys, average):
    """But for errors within 15 % of the one that is allowed, which the prediction may be off by; 96 sets."""
    cache = make_cache(bits=2)
    used = used_width(width, keys, average, cache) or width
    left = np.median([simulate_head(used, keys, average, cache, sets=16, seed=seed).error for seed in range(6)])
    sized = size_head(width, keys, average, bits=2)
    generic = sized.answer.startswith("Yes: ")
    assert left <= 1.15 * ALLOWED_ERROR if generic else left >= ALLOWED_ERROR / 1.15
    assert sized.fits == (generic or any(one.fits(width, cache) for one in explicit_keys(keys, average)))
