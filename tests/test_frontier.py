"""Growth laws and frontiers: recovered where they are known, honest where they are not."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import Evidence, Size
from assay.frontier import contradictions, frontier
from assay.growth import fit_growth

LENGTHS = [8, 16, 32, 64, 128]


@given(st.floats(0.5, 20), st.floats(-1, 2))
def test_a_power_law_is_recovered(scale, exponent):
    growth = fit_growth(LENGTHS, [[scale * n**exponent] for n in LENGTHS])
    assert growth.power == pytest.approx((scale, exponent), abs=1e-9)
    assert growth.exponent_interval == pytest.approx((exponent, exponent), abs=1e-9)
    if abs(exponent) > 0.3:
        assert growth.preferred == "power"


@given(st.floats(1, 20), st.floats(1, 20))
def test_a_logarithmic_law_is_recovered(offset, slope):
    growth = fit_growth(LENGTHS, [[offset + slope * math.log(n)] for n in LENGTHS])
    assert growth.logarithm == pytest.approx((offset, slope))
    assert growth.preferred == "logarithm"


def test_the_interval_covers_the_seeds():
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(40):
        widths = [list(3 * n**0.5 * np.exp(generator.normal(0, 0.1, 3))) for n in LENGTHS]
        low, high = fit_growth(LENGTHS, widths, seed=trial).exponent_interval
        assert low < high
        covered += low <= 0.5 <= high
    assert covered >= 25  # medians of three seeds: a rough interval, but no narrow one


def test_constant_and_short_series():
    assert fit_growth(LENGTHS, [[9.0]] * 5).preferred == "constant"
    short = fit_growth([8, 16, 32], [[1.0], [2.0], [3.0]])
    assert short.power is None
    assert "too few lengths (3)" in short.note
    assert "too few lengths (0)" in fit_growth([], []).note


def run(length, width, seed, learned, rate=0.01):
    return Evidence(
        question={"kind": "training", "seed": seed, "width": width, "rate": rate},
        task={"length": length, "sparsity": 2},
        family="recurrent",
        architecture="lstm",
        source="training",
        size=Size(width=width, state=2 * width),
        verdict="learned" if learned else "not learned",
        error_kind="mean",
        error=0.2 if learned else 0.4,
        tolerance=0.25,
        rests_on="a test",
    )


def only_point(runs):
    (series,) = frontier(runs, "length")
    assert series.verdict == "learned"
    return series.points[0] if series.points else None


def test_the_reported_width_needs_three_seeds_of_which_most_learned():
    runs = [run(8, 10, 0, True), run(8, 10, 1, True)]
    assert only_point(runs) is None  # two seeds are not enough
    runs.append(run(8, 10, 2, False))
    assert (only_point(runs).width, only_point(runs).censored) == (10, False)
    runs += [run(8, 9, seed, seed == 0) for seed in range(3)]
    assert only_point(runs).width == 10
    assert only_point(runs).seeds == (9, 10, None)


def test_a_seed_learned_if_it_did_at_any_rate():
    runs = [run(8, 10, seed, False, rate=0.01) for seed in range(3)]
    assert only_point(runs).censored
    runs += [run(8, 10, seed, True, rate=0.003) for seed in range(2)]
    assert not only_point(runs).censored


def test_not_learned_is_censored_and_left_out_of_the_fit():
    runs = [run(n, n, seed, True) for n in (8, 16, 32, 64) for seed in range(3)]
    runs += [run(128, 90, seed, False) for seed in range(3)]
    (series,) = frontier(runs, "length")
    assert (series.points[-1].width, series.points[-1].censored) == (90, True)
    growth = series.growth()
    assert growth.power == pytest.approx((1, 1))
    assert "not learned within this budget at 128" in growth.note


def test_contradictions_are_found():
    def piece(verdict, kind, width, **detail):
        return Evidence(
            question={"recipe": {"distribution": "gaussian"}},
            task={"name": "sparse-averaging", "length": 16, "sparsity": 2, "layout": "last"},
            family="feed-forward",
            architecture="feed-forward",
            source="x",
            size=Size(width=width),
            verdict=verdict,
            error_kind=kind,
            error=0.2,
            tolerance=0.25,
            rests_on="a test",
            detail={"measured": {"uniform": 0.1}, **detail},
        )

    assert contradictions([piece("learned", "mean", 14), piece("constructed", "worst", 16)]) == []
    assert contradictions([piece("not learned", "mean", 1), piece("impossible", "worst", 1)]) == []
    (learned,) = contradictions([piece("learned", "mean", 13)])
    assert "feed-forward-rank-mean needs 13.8" in learned
    (constructed,) = contradictions([piece("constructed", "worst", 15)])
    assert "feed-forward-rank needs 16" in constructed
    (broken,) = contradictions([piece("constructed", "worst", 16, holds=False)])
    assert "errs by" in broken


def test_bounds_take_the_largest_and_constructions_the_smallest():
    def stated(verdict, width):
        return Evidence(
            question={"w": width, "v": verdict},
            task={"length": 8},
            family="attention",
            architecture="attention",
            source="x",
            size=Size(width=width),
            verdict=verdict,
            error_kind="worst",
            error=0.1,
            tolerance=0.1,
            rests_on="a test",
        )

    series = frontier([stated(v, w) for v in ("impossible", "constructed") for w in (3, 5)], "length")
    assert {s.verdict: s.points[0].width for s in series} == {"impossible": 5, "constructed": 3}
