"""The picture of the theorem: a panel for each family, what is drawn in it, and the sentence over it."""

import json
import re

import pytest
import vl_convert

from assay.report.charts import charts
from assay.report.findings import Findings
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


def rows(panel, mark):
    """Of all layers of a panel with this mark, the rows that they draw."""
    return [layer["data"]["values"] for layer in panel["layer"] if layer["mark"]["type"] == mark]


def test_a_panel_for_each_family_has_all_that_stands_there():
    chart = theorem_chart(only(*ATTENTION, *LINEAR))
    attention, linear = chart.spec["concat"]
    assert [panel["title"]["text"] for panel in (attention, linear)] == ["attention", "feed-forward"]
    assert rows(attention, "area") == []
    assert [[row["width"] for row in drawn] for drawn in rows(linear, "area")] == [[8, 16, 32, 64], [7, 14, 28, 56]]
    (bar,) = rows(attention, "rule")
    assert [(row["low"], row["high"]) for row in bar] == [(8, 9)] * 4
    said = [row["says"] for drawn in rows(attention, "text") for row in drawn]
    assert said == [
        "worst case impossible: fewer than 12 bits (N = 64)",
        "constructed, sign: about 10 log2 N \N{MINUS SIGN} 20",
        "constructed, heads (64 bits): 6",
        "learned: 9",
    ]


def test_a_region_is_impossible_for_every_architecture_of_its_panel():
    """Bounds speak of declared resources: a bare network without half of an LSTM's state is excluded at more widths."""

    def recurrent(name, source, verdict, widths, kind="worst"):
        return Series("recurrent", name, source, verdict, kind, series("", "", "", widths).points)

    lstm = [recurrent("lstm", "training", "learned", (8, 16, 32, 64), "mean")]
    lstm += [recurrent("lstm", "state", "impossible", (0, 1, 3, 7), "mean")]
    bare = [recurrent("bare", "state", "impossible", (1, 3, 7, 15), "mean")]
    bare += [recurrent("bare", "ones", "constructed", (9, 17, 33, 65))]
    panel = theorem_chart(only(*ATTENTION, *lstm, *bare)).spec["concat"][1]
    assert [[row["width"] for row in drawn] for drawn in rows(panel, "area")] == [[1, 2, 4, 8]]
    unbound = theorem_chart(only(*ATTENTION, *lstm, bare[1])).spec["concat"][1]
    assert rows(unbound, "area") == []  # nothing is known to be impossible for the bare network
    other = theorem_chart(only(*ATTENTION, *lstm, bare[0])).spec["concat"][1]
    assert [[row["width"] for row in drawn] for drawn in rows(other, "area")] == [[1, 2, 4, 8]]


def test_bounds_far_beyond_what_has_widths_do_not_stretch_the_axis():
    far = Series("attention", "attention", "m", "impossible", "worst", (Point(64, 0), Point(1 << 16, 500)))
    chart = theorem_chart(only(*ATTENTION, *LINEAR, far))
    for panel in chart.spec["concat"]:
        assert all(row["x"] <= 64 for layer in panel["layer"] for row in layer["data"]["values"])


def test_the_sentence_compares_at_one_length_and_weights_of_32_bits():
    found = only(*ATTENTION, *LINEAR, series("feed-forward", "ff", "constructed", (10, 18, 34, 66)))
    assert message(found) == (
        "Width learned at N = 64: 9 attention, 64 feed-forward; constructed at N = 64: 40 attention, 66 feed-forward"
    )


def test_what_was_not_learned_is_an_arrow_and_no_number():
    censored = Series(
        "recurrent", "lstm", "training", "learned", "mean", (Point(8, 8), Point(16, 64, censored=True)), field="width"
    )
    chart = theorem_chart(only(*ATTENTION, censored))
    recurrent = chart.spec["concat"][1]
    arrows = [layer for layer in recurrent["layer"] if layer["mark"].get("shape") == "triangle-up"]
    assert [row["x"] for row in arrows[0]["data"]["values"]] == [16]
    assert [row["says"] for drawn in rows(recurrent, "text") for row in drawn] == ["learned: 8"]
    assert "64 recurrent" not in chart.title


@pytest.mark.parametrize("found", [ATTENTION, []], ids=["one family", "nothing"])
def test_one_family_is_no_comparison(found):
    assert theorem_chart(only(*found)) is None


def test_widths_along_another_parameter_have_no_such_picture():
    assert theorem_chart(only(*ATTENTION, *LINEAR, along="sparsity")) is None


def test_it_can_be_drawn():
    chart = theorem_chart(only(*ATTENTION, *LINEAR))
    assert json.loads(json.dumps(chart.spec, allow_nan=False)) == chart.spec
    svg = vl_convert.vegalite_to_svg(chart.spec)
    assert all(text in svg for text in ("attention", "feed-forward", "learned: 64", "impossible"))


def test_the_picture_is_the_first_figure_and_its_file_says_what_it_shows():
    sweep = only(*ATTENTION, *LINEAR)
    found = Findings(study="s", title="S", command="assay run s", seeds=(0, 1, 2), precision=32, sweeps=(sweep,))
    chart, figure = theorem_chart(sweep), charts(found)[0]
    assert (figure.section, figure.name) == ("theorem", f"{sweep.name}.theorem")
    assert figure.caption == [f"{chart.title}.", chart.caption]
    written = re.findall(r"<text[^>]*>([^<]+)</text>", figure.svg)
    assert {"attention", "feed-forward", "impossible"} <= set(written)
    assert any(text.startswith("learned: ") for text in written)
