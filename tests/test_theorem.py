"""The picture of the theorem: a panel for each family, what is drawn in it, and the sentence over it."""

import re

import pytest

from assay.report.charts import charts
from assay.report.findings import Findings
from assay.report.looks import looks
from assay.report.sweeps import Sweep
from assay.report.theorem import message, theorem_chart
from assay.results.frontier import Point, Series

LENGTHS = (8, 16, 32, 64)


def series(family, source, verdict, widths, kind="worst", **more):
    points = tuple(Point(n, width, **more) for n, width in zip(LENGTHS, widths, strict=True))
    resource = "embedding bits" if more.get("required") else ""
    return Series(family, family, source, verdict, kind, points, resource=resource)


ATTENTION = [
    series("attention", "training", "learned", (4, 6, 8, 9), "mean", seeds=(9, 8, None)),
    series("attention", "sign", "constructed", (10, 20, 30, 40)),
    series("attention", "heads", "constructed", (6, 6, 6, 6), precision=64),
    series("attention", "message", "impossible", (0, 0, 0, 0), required=11.2),
]
LINEAR = [
    series("feed-forward", "training", "learned", (7, 16, 32, 64), "mean"),
    series("feed-forward", "rank", "impossible", (7, 15, 31, 63)),
    series("feed-forward", "rank-mean", "impossible", (6, 13, 27, 55), "mean"),
]


def only(*found, along="length"):
    return Sweep(
        name="length",
        title="Averages",
        task={"name": "averages"},
        follows={},
        along=along,
        symbol="N",
        columns={"length": "N"},
        tolerance=(0.25, 0.25),
        mean_tolerance=(0.25, 0.25),
        all_inputs="over all inputs",
        mean_error_name="root-mean-square error",
        distribution="gaussian",
        distribution_text="",
        steps=(500, 2000),
        series=tuple(found),
    )


def picture(*found, along="length"):
    sweep = only(*found, along=along)
    return theorem_chart(sweep, looks([sweep]))


def sizes(chart, panel, verdict, error="worst"):
    """Sizes of a panel's rows of this verdict, by label, in the order drawn."""
    found = {}
    for row in chart.rows:
        if (row["panel"], row["verdict"], row.get("error")) == (panel, verdict, error):
            found.setdefault(row["label"], []).append(row["size"])
    return found


def test_a_panel_for_each_family_has_all_that_stands_there():
    chart = picture(*ATTENTION, *LINEAR)
    titles = [panel["title"] for panel in chart.spec["concat"]]
    assert titles == [
        {"text": "attention", "subtitle": "worst case needs 12 bits at N = 64"},
        {"text": "feed-forward"},
    ]
    assert sizes(chart, "attention", "learned", "mean") == {"learned: 9 at N = 64": [4, 6, 8, 9]}
    assert sizes(chart, "attention", "constructed") == {
        "constructed: sign, 10 log2 N \N{MINUS SIGN} 20": [10, 20, 30, 40],
        "constructed: heads (64 bits), 6 at N = 64": [6, 6, 6, 6],
    }
    assert sizes(chart, "attention", "impossible") == {}
    assert sizes(chart, "feed-forward", "impossible") == {"impossible (worst case): rank": [8, 16, 32, 64]}
    assert sizes(chart, "feed-forward", "impossible", "mean") == {"impossible (mean): rank-mean": [7, 14, 28, 56]}
    learned = [row for row in chart.rows if (row["by"], row["verdict"]) == ("attention", "learned")]
    assert [(row["low"], row["high"], row["seeds"]) for row in learned] == [
        (min(width, 8), 9, "9, 8, none") for width in (4, 6, 8, 9)
    ]
    laws = {row["label"] for row in chart.rows if row["verdict"] == "fitted"}
    assert laws == {
        "learned: 9 at N = 64",
        "learned: 64 at N = 64",
        "constructed: sign, 10 log2 N \N{MINUS SIGN} 20",
    }


def test_a_region_is_impossible_for_every_architecture_of_its_panel():
    """Bounds speak of declared resources: a bare network without half of an LSTM's state is excluded at more widths."""

    def recurrent(name, source, verdict, widths, kind="worst"):
        return Series("recurrent", name, source, verdict, kind, series("", "", "", widths).points)

    lstm = [recurrent("lstm", "training", "learned", (8, 16, 32, 64), "mean")]
    lstm += [recurrent("lstm", "state", "impossible", (0, 1, 3, 7), "mean")]
    bare = [recurrent("bare", "state", "impossible", (1, 3, 7, 15), "mean")]
    bare += [recurrent("bare", "ones", "constructed", (9, 17, 33, 65))]
    mean = {"impossible (mean): state": [2, 4, 8]}  # where nothing is excluded there is no row
    assert sizes(picture(*ATTENTION, *lstm, *bare), "recurrent", "impossible", "mean") == mean
    unbound = picture(*ATTENTION, *lstm, bare[1])
    assert sizes(unbound, "recurrent", "impossible", "mean") == {}  # nothing is known to be impossible for bare
    assert sizes(picture(*ATTENTION, *lstm, bare[0]), "recurrent", "impossible", "mean") == mean


def test_bounds_far_beyond_what_has_widths_do_not_stretch_the_axis():
    far = Series("attention", "attention", "m", "impossible", "worst", (Point(64, 0), Point(1 << 16, 500)))
    assert all(row["x"] <= 64 for row in picture(*ATTENTION, *LINEAR, far).rows)


def test_the_sentence_says_laws_that_are_decided_and_factors_of_others():
    assert message(only(*ATTENTION, *LINEAR)) == (
        "Learned widths grow like log N for attention and like N^1.06 for feed-forward"
    )
    few = Series("lstm", "lstm", "training", "learned", "mean", (Point(8, 4), Point(16, 6), Point(32, 9)))
    flat = series("gru", "training", "learned", (5, 5, 5, 5), "mean")
    assert message(only(flat, few, LINEAR[0])) == (
        "Learned widths grow 2.2 times from N = 8 to 32 for lstm and like N^1.06 for feed-forward, and stay the same "
        "for gru"
    )


def test_one_width_of_each_is_compared_where_no_growth_is_known():
    once = [Series(name, name, "training", "learned", "mean", (Point(8, w),)) for name, w in (("lstm", 9), ("gru", 5))]
    assert message(only(*once)) == "At N = 8, gru learned with width 5 and lstm with width 9"


def test_what_was_not_learned_is_an_arrow_and_no_number():
    censored = Series(
        "recurrent", "lstm", "training", "learned", "mean", (Point(8, 8), Point(16, 64, censored=True)), field="width"
    )
    chart = picture(*ATTENTION, censored)
    (row,) = [row for row in chart.rows if row["verdict"] == "not learned"]
    assert (row["x"], row["size"], row["arrow"], row["by"]) == (16, 64, "up", "lstm")
    assert row["label"] == "learned, lstm: 8 at N = 8"
    assert "arrows: not learned within this budget" in chart.drawn
    assert "64" not in chart.title


@pytest.mark.parametrize("found", [ATTENTION, []], ids=["one family", "nothing"])
def test_one_family_is_no_comparison(found):
    assert picture(*found) is None


def test_widths_along_another_parameter_have_no_such_picture():
    assert picture(*ATTENTION, *LINEAR, along="sparsity") is None


def test_the_picture_is_the_first_chart_and_its_file_says_what_it_shows():
    sweep = only(*ATTENTION, *LINEAR)
    found = Findings(study="s", title="S", command="assay run s", seeds=(0, 1, 2), precision=32, sweeps=(sweep,))
    chart = charts(found)[0]
    assert (chart.section, chart.name, chart.title) == ("theorem", f"{sweep.name}.theorem", message(sweep))
    written = re.findall(r"<text[^>]*>([^<]+)</text>", chart.file().decode())
    assert {"attention", "feed-forward", "learned: 64 at N = 64"} <= set(written)
    assert message(sweep) in " ".join(written)
