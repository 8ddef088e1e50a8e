from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from assay.errors import AssayError

sys.path.append(str(Path(__file__).parent.parent))
validate = import_module("benchmarks.validity").validate


def made_up(seed, texts=3, heads=40):
    """An effect, two plain statistics that say something of it, and figures that say more, the same and nothing."""
    rng = np.random.default_rng(seed)
    effect = rng.standard_normal((texts, heads))
    noise = rng.standard_normal((6, texts, heads))
    weak = effect + 2 * noise[0]
    return effect, {
        "weak": weak,
        "weaker": effect + 4 * noise[1],
        "strong": effect + 0.2 * noise[2],
        "copy": weak**3,
        "nothing": noise[4],
        "opposite": -effect,
    }


def test_rank_correlations_are_those_of_scipy_and_sorted_by_size():
    effect, figures = made_up(1)
    found = validate(figures, effect, ["weak", "weaker"], draws=20)
    for one in found:
        expected = [spearmanr(figures[one.figure][text], effect[text]).statistic for text in range(3)]
        assert one.by_text == pytest.approx(expected)
        assert one.rank.value == pytest.approx(np.mean(expected))
        assert one.heads == 40
        assert one.plain == (one.figure in ("weak", "weaker"))
    sizes = [abs(one.rank.value) for one in found]
    assert sizes == sorted(sizes, reverse=True)
    assert found[0].figure == "opposite"


def test_leads_and_partial_correlations_are_those_of_least_squares():
    effect, figures = made_up(2)
    found = {one.figure: one for one in validate(figures, effect, ["weak", "weaker"], draws=20)}
    for name, one in found.items():
        others = [plain for plain in ("weak", "weaker") if plain != name]
        sizes = {plain: abs(found[plain].rank.value) for plain in others}
        assert one.best == max(sizes, key=sizes.get)
        assert one.lead.value == pytest.approx(abs(one.rank.value) - max(sizes.values()))
        expected = []
        for text in range(3):
            basis = np.column_stack([np.ones(40), *(rankdata(figures[plain][text]) for plain in others)])
            residuals = []
            for target in (rankdata(figures[name][text]), rankdata(effect[text])):
                residuals.append(target - basis @ np.linalg.lstsq(basis, target, rcond=None)[0])
            short = np.linalg.norm(residuals[0]) < 1e-9
            expected.append(0.0 if short else np.corrcoef(*residuals)[0, 1])
        assert one.partial.value == pytest.approx(np.mean(expected), abs=1e-9)


def test_figures_that_say_more_lead_and_copies_of_a_statistic_neither_lead_nor_add():
    effect, figures = made_up(3)
    found = {one.figure: one for one in validate(figures, effect, ["weak", "weaker"], draws=300)}
    assert found["strong"].leads
    assert found["strong"].adds
    assert found["opposite"].leads
    assert not found["copy"].leads
    assert not found["copy"].adds
    assert not found["nothing"].leads
    for one in found.values():
        assert one.rank.low <= one.rank.high
        assert one.lead.low <= one.lead.high


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_intervals_of_one_text_cover_the_true_correlation_as_often_as_they_say(confidence):
    # Spearman's of normal variables with correlation r is 6 / pi asin(r / 2)
    correlation, heads, trials, covered = 0.6, 60, 200, 0
    true = 6 / np.pi * np.arcsin(correlation / 2)
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        effect, noise = rng.standard_normal((2, 1, heads))
        figures = {
            "figure": correlation * effect + np.sqrt(1 - correlation**2) * noise,
            "a": rng.standard_normal((1, heads)),
            "b": rng.standard_normal((1, heads)),
        }
        found = validate(figures, effect, ["a", "b"], draws=100, confidence=confidence, seed=seed)
        interval = next(one.rank for one in found if one.figure == "figure")
        covered += interval.low <= true <= interval.high
    # four standard deviations of a binomial, and 3 points for percentile intervals of 60 heads
    allowed = 4 * np.sqrt(confidence * (1 - confidence) / trials) + 0.03
    assert abs(covered / trials - confidence) < allowed


def test_texts_are_drawn_too_so_that_a_figure_that_differs_between_them_is_wide():
    effect, figures = made_up(4)
    changing = np.array([effect[0], -effect[1], effect[2]])
    found = {one.figure: one.rank for one in validate({**figures, "changing": changing}, effect, ["weak", "weaker"])}
    assert found["changing"].low == pytest.approx(-1.0)
    assert found["changing"].high == pytest.approx(1.0)


def test_heads_without_a_figure_are_left_out_for_all_and_infinities_are_ranked():
    effect, figures = made_up(5)
    lacking = {**figures, "strong": figures["strong"].copy()}
    lacking["strong"][1, 7] = np.nan
    found = validate(lacking, effect, ["weak", "weaker"], draws=20)
    kept = np.arange(40) != 7
    fewer = validate(
        {name: one[:, kept] for name, one in figures.items()}, effect[:, kept], ["weak", "weaker"], draws=20
    )
    assert found == fewer
    low = {**figures, "strong": figures["strong"].copy()}
    low["strong"][figures["strong"] < -0.5] = -np.inf
    assert next(one for one in validate(low, effect, ["weak", "weaker"], draws=20) if one.figure == "strong").leads


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"weak": np.ones((3, 4))}, {}, r"shape of weak = \(3, 4\)"),
        ({}, {"plain": ["weak", "entropy"]}, "plain = entropy"),
        ({}, {"plain": ["weak"]}, "plain = weak"),
        ({}, {"draws": 1}, "draws = 1"),
        ({}, {"confidence": 1.0}, "confidence = 1.0"),
        ({"weak": np.full((3, 40), np.nan)}, {}, "heads with all figures = 0"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, options, message):
    effect, figures = made_up(6)
    with pytest.raises(AssayError, match=message):
        validate({**figures, **change}, effect, **{"plain": ["weak", "weaker"], **options})
