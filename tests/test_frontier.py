"""Growth laws and frontiers: recovered where they are known, honest where they are not."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import Evidence, Size
from assay.results.frontier import contradictions, learned_series, stated_series
from assay.results.growth import Found, exactly, fit_growth
from assay.training.search import ladder
from searches import AVERAGING, asked, finished, run_of, search_of

LENGTHS = [8, 16, 32, 64, 128]


@given(st.floats(0.5, 20), st.floats(-1, 2))
def test_a_power_law_is_recovered(scale, exponent):
    growth = fit_growth([exactly(n, scale * n**exponent) for n in LENGTHS])
    assert growth.power == pytest.approx((scale, exponent), abs=1e-7)
    assert growth.exponent_interval == pytest.approx((exponent, exponent), abs=1e-7)
    if abs(exponent) > 0.3:
        assert growth.preferred == "power"


@given(st.floats(1, 20), st.floats(1, 20))
def test_a_logarithmic_law_is_recovered(offset, slope):
    growth = fit_growth([exactly(n, offset + slope * math.log(n)) for n in LENGTHS])
    assert growth.logarithm == pytest.approx((offset, slope))
    assert growth.preferred == "logarithm"


def test_the_interval_covers_the_seeds():
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(40):
        found = [exactly(n, *(3 * n**0.5 * np.exp(generator.normal(0, 0.1, 3)))) for n in LENGTHS]
        low, high = fit_growth(found, seed=trial).exponent_interval
        assert low < high
        covered += low <= 0.5 <= high
    assert covered >= 25  # medians of three seeds: a rough interval, but no narrow one


def test_the_interval_holds_the_law_of_the_reported_sizes():
    """The smallest size is at the upper end of what its seeds leave open, far below it at the last length alone."""
    found = [Found(n, n, 0, ((n, n),) * 3) for n in LENGTHS[:-1]] + [Found(128, 128, 0, ((16, 128),) * 3)]
    growth = fit_growth(found)
    low, high = growth.exponent_interval
    assert growth.power[1] == pytest.approx(1)
    assert low < high == growth.power[1]


def test_laws_are_not_told_apart_over_a_short_stretch():
    """Sizes that grow as N look like a logarithm with a negative offset from N = 6 to 16; so they do not to 24."""
    short = fit_growth([exactly(n, size) for n, size in ((6, 6), (8, 10), (12, 13), (16, 17))])
    assert short.preferred == "undecided"
    assert "values span a factor of 2.7" in short.note
    assert short.power is not None
    assert fit_growth([exactly(n, n) for n in (6, 8, 12, 24)]).preferred == "power"
    assert fit_growth([exactly(n, 9) for n in (6, 8, 12, 16)]).preferred == "constant"


def test_constant_and_short_series():
    assert fit_growth([exactly(n, 9.0) for n in LENGTHS]).preferred == "constant"
    short = fit_growth([exactly(n, n) for n in (8, 16, 32)])
    assert short.power is None
    assert "too few points (3)" in short.note
    assert "too few points (0)" in fit_growth([]).note


VALUES = ladder(2, 2000, 1.15)


def on_a_ladder(length, width):
    """What three seeds that agree are seen to learn, where the smallest width is `width`."""
    at = int(np.searchsorted(VALUES, width))
    return Found(length, VALUES[at], 0, ((VALUES[at - 1] if at else 1, VALUES[at]),) * 3)


def share_judged_wrongly(seen):
    """Of laws whose widths are as `seen`: how many get the other law."""
    generator, wrong, trials = np.random.default_rng(1), 0, 200
    for trial in range(trials):
        if trial % 2:
            law, exponent, at_8 = "power", generator.uniform(0.3, 1.1), generator.uniform(2, 8)
            widths = [at_8 * (n / 8) ** exponent for n in LENGTHS[:4]]
        else:
            law, slope = "logarithm", generator.uniform(1, 6)
            offset = generator.uniform(0, 3)
            widths = [slope * (offset + math.log(n)) for n in LENGTHS[:4]]
        found = [seen(n, width) for n, width in zip(LENGTHS[:4], widths, strict=True)]
        wrong += fit_growth(found, seed=trial).preferred not in (law, "undecided")
    return wrong / trials


def test_a_coarse_ladder_is_no_reason_to_prefer_a_law():
    assert share_judged_wrongly(on_a_ladder) <= 0.07
    assert (
        share_judged_wrongly(lambda n, width: exactly(n, on_a_ladder(n, width).size)) >= 0.15
    )  # what taking the widths at their word would do


def test_the_interval_covers_the_coarseness_of_the_ladder():
    generator, covered = np.random.default_rng(2), 0
    for trial, exponent in enumerate(np.linspace(0.3, 1.1, 60)):
        at_8 = generator.uniform(2, 8)
        found = [on_a_ladder(n, at_8 * (n / 8) ** exponent) for n in LENGTHS]
        low, high = fit_growth(found, seed=trial).exponent_interval
        covered += low <= exponent <= high
    assert covered >= 52


def run(length, width, seed, learned, rate=0.01, depth=1):
    question = asked(width, seed, rate, architecture="lstm", task=AVERAGING.at(length), depth=depth)
    return run_of(question, learned, state=2 * width)


def end(length, value, runs, values=(8, 9, 10, 16, 32, 64, 90), **more):
    question = asked(architecture="lstm", task=AVERAGING.at(length), depth=runs[0].size.depth)
    return finished(search_of(values, question=question, x=length, **more), value, runs)


def test_a_finished_search_is_a_point():
    runs = [run(8, 10, seed, seed < 2) for seed in range(3)] + [run(8, 9, seed, seed == 0) for seed in range(3)]
    (series,) = learned_series([end(8, 10, runs)])
    (point,) = series.points
    assert (point.x, point.width, point.censored) == (8, 10, False)
    assert point.seeds == (9, 10, None)
    assert (point.runs, point.parameters, point.message_bits, point.error) == (6, 100, 320, 0.2)
    assert (series.verdict, series.error_kind, series.architecture) == ("learned", "mean", "lstm")
    assert point.intervals == ((9, 9), (10, 10), (90, None))


def test_depths_are_series_of_their_own():
    ends = [end(8, 10, [run(8, 10, 0, True, depth=depth)]) for depth in (1, 2)]
    assert [series.architecture for series in learned_series(ends)] == ["lstm", "lstm, depth 2"]


def test_a_seed_learned_if_it_did_at_any_rate():
    runs = [run(8, 10, seed, learned, rate) for seed in range(3) for rate, learned in ((0.01, False), (0.003, True))]
    (series,) = learned_series([end(8, 10, runs)])
    assert series.points[0].seeds == (10, 10, 10)


def test_not_learned_counts_as_beyond_the_ladder():
    ends = [end(n, n, [run(n, n, seed, True) for seed in range(3)]) for n in (8, 16, 32, 64)]
    ends.append(end(128, None, [run(128, 90, seed, False) for seed in range(3)]))
    (series,) = learned_series(ends)
    assert (series.points[-1].width, series.points[-1].censored) == (90, True)
    growth = series.growth
    assert growth.power == pytest.approx((1, 1))  # which is above 90 at 128
    assert "not learned within this budget at 128" in growth.note
    flat = [end(n, 10, [run(n, 10, seed, True) for seed in range(3)]) for n in (8, 16, 32)]
    (series,) = learned_series([*flat, ends[-1]])
    assert series.growth.preferred != "constant"
    assert series.growth.power[1] > 0.5


def distance(law, found):
    """How far a law is from what was found, by the rule in words: from one side only where that is all that is known"""
    missed = [math.log(point.size) - math.log(law[0]) - law[1] * math.log(point.length) for point in found]
    return sum(miss**2 for miss, point in zip(missed, found, strict=True) if point.side * miss >= 0)


@given(st.lists(st.tuples(st.sampled_from((-1, 0, 0, 1)), st.floats(1, 100)), min_size=5, max_size=5))
def test_no_law_nearby_fits_better_than_the_one_found(points):
    found = [replace(exactly(n, size), side=side) for n, (side, size) in zip(LENGTHS, points, strict=True)]
    law = fit_growth(found).power
    if law is None:
        assert sum(side == 0 for side, _ in points) < 3
        return
    for scale in (0.99, 1, 1.01):
        for step in (-0.01, 0, 0.01):
            assert distance(law, found) <= distance((law[0] * scale, law[1] + step), found) + 1e-6


def piece_of(verdict, source, width, **detail):
    kind = "mean" if verdict == "learned" else "worst"
    built = {"kind": "construction", "method": source}
    return Evidence(
        question=asked(width, architecture=source).to_json() if verdict == "learned" else built,
        task=AVERAGING.to_json(),
        family="feed-forward",
        architecture="feed-forward",
        source="training" if verdict == "learned" else source,
        size=Size(width=width),
        verdict=verdict,
        error_kind=kind,
        error=0.2,
        tolerance=0.25,
        justification="a test",
        detail={"measured": {"uniform": 0.1}, **detail},
    )


def test_contradictions_are_found():
    assert contradictions([piece_of("learned", "feed-forward", 14), piece_of("constructed", "feed-forward", 16)]) == []
    assert contradictions([piece_of("not learned", "feed-forward", 1), piece_of("impossible", "feed-forward", 1)]) == []
    (learned,) = contradictions([piece_of("learned", "feed-forward", 13)])
    assert "feed-forward-rank-mean (proved) needs 13.8" in learned
    (constructed,) = contradictions([piece_of("constructed", "feed-forward", 15)])
    assert "feed-forward-rank (proved) needs 16" in constructed
    (broken,) = contradictions([piece_of("constructed", "feed-forward", 16, holds=False)])
    assert "errs by" in broken


def test_what_has_more_is_contradicted_by_nothing():
    """The same width is excluded for a layer of few numbers of state and open for one of many: no name decides."""
    few = contradictions([replace(piece_of("learned", "lstm", 1), size=Size(width=1, precision=4))])
    assert any("state bits" in sentence for sentence in few)
    assert contradictions([piece_of("learned", "attention", 1)]) == []


def stated(verdict, width, **detail):
    return Evidence(
        question={"w": width, "v": verdict},
        task={"length": 8},
        family="attention",
        architecture="attention",
        source="x",
        size=Size(width=width, depth=2, parameters=7),
        verdict=verdict,
        error_kind="worst",
        error=0.1,
        tolerance=0.1,
        justification="a test",
        detail=detail,
    )


def test_bounds_take_the_largest_and_constructions_the_smallest():
    series = stated_series([(8, stated(v, w)) for v in ("impossible", "constructed") for w in (3, 5)])
    assert {s.verdict: s.points[0].width for s in series} == {"impossible": 5, "constructed": 3}
    assert all(s.points[0].intervals == () for s in series)


def test_bounds_say_what_they_require_and_of_which_depth():
    (bound,) = stated_series([(8, stated("impossible", 3, resource="state bits", required=99.5))])
    assert (bound.resource, bound.depth, bound.points[0].required) == ("state bits", 2, 99.5)
    (built,) = stated_series([(8, stated("constructed", 3))])
    assert (built.resource, built.depth, built.points[0].parameters) == ("", 2, 7)


def test_the_interval_covers_values_that_are_multiples():
    """Heads of 4 make a ladder 4, 8, 12, ..., on which every width is tried; on 4, 8, 16, 32 some are not."""

    def intervals(values, widths):
        runs = [run(n, width, 0, True) for n, width in zip((8, 16, 32, 64), widths, strict=True)]
        runs = [replace(one, size=replace(one.size, heads=2, head_width=4)) for one in runs]
        ends = [end(one.task["length"], one.size.width, (one,), values, seeds=(0,)) for one in runs]
        return [point.intervals[0] for point in learned_series(ends)[0].points]

    assert intervals(ladder(4, 64, 1.35, 4), (8, 12, 16, 20)) == [(8, 8), (12, 12), (16, 16), (20, 20)]
    assert intervals((4, 8, 16, 32), (4, 8, 16, 32)) == [(4, 4), (8, 8), (12, 16), (20, 32)]


def test_a_first_value_is_known_from_above_only():
    flat = [end(n, 8, [run(n, 8, seed, True) for seed in range(3)], (8, 16)) for n in (8, 16, 32, 64)]
    (series,) = learned_series(flat)
    growth = series.growth
    assert (growth.power, growth.preferred) == (None, "undecided")
    assert "the smallest value that was tried is learned at 8, 16, 32, 64" in growth.note
    least = [end(n, 1, [run(n, 1, seed, True) for seed in range(3)], (1, 2)) for n in (8, 16, 32, 64)]
    assert learned_series(least)[0].growth.preferred == "constant"  # nothing is smaller than 1


def test_laws_that_fit_alike_are_not_told_apart_by_rounding():
    ones = [Found(n, 1, 0, ((1, 1),)) for n in (8, 16, 32)]
    assert fit_growth([*ones, Found(64, 1, 1, ((1, None),))]).preferred == "undecided"


def test_depths_that_were_all_tried_are_known_exactly():
    found = [(4, 1), (8, 2), (16, 3), (32, 4)]
    ends = [end(n, d, (run(n, 8, 0, True, depth=d),), (1, 2, 3, 4), seeds=(0,), vary="depth") for n, d in found]
    growth = learned_series(ends)[0].growth
    assert growth.preferred == "logarithm"
    assert growth.exponent_interval[0] == pytest.approx(growth.power[1])
