"""The picture of the theorem: a panel for each family, what is drawn in it, and the sentence over it."""

import json
import re

import pytest
import vl_convert

from assay.report.charts import charts
from assay.report.findings import Findings
from assay.report.sweeps import Sweep
from assay.report.theorem import message, theorem_charts
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


def findings(*found, along="length"):
    sweep = Sweep(
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
    return Findings(study="s", title="S", command="assay run s", seeds=(0, 1, 2), precision=32, sweeps=(sweep,))


def rows(panel, mark):
    """Of all layers of a panel with this mark, the rows that they draw."""
    return [layer["data"]["values"] for layer in panel["layer"] if layer["mark"]["type"] == mark]


def test_a_panel_for_each_family_has_all_that_stands_there():
    (chart,) = theorem_charts(findings(*ATTENTION, *LINEAR))
    attention, linear = chart.spec["hconcat"]
    assert [panel["title"]["text"] for panel in (attention, linear)] == ["attention", "feed-forward"]
    assert rows(attention, "area") == []
    assert [[row["width"] for row in drawn] for drawn in rows(linear, "area")] == [[8, 16, 32, 64], [7, 14, 28, 56]]
    (bar,) = rows(attention, "rule")
    assert [(row["low"], row["high"]) for row in bar] == [(8, 9)] * 4
    said = [row["says"] for drawn in rows(attention, "text") for row in drawn]
    assert said == [
        "impossible: fewer than 12 bits (N = 64)",
        "constructed, sign: about 10 log2 N \N{MINUS SIGN} 20",
        "constructed, heads (64 bits): 6",
        "learned: 9",
    ]


def test_the_sentence_compares_at_one_length_and_weights_of_32_bits():
    found = findings(*ATTENTION, *LINEAR, series("feed-forward", "ff", "constructed", (10, 18, 34, 66)))
    assert message(found.sweeps[0]) == (
        "Width learned at N = 64: 9 attention, 64 feed-forward; constructed at N = 64: 40 attention, 66 feed-forward"
    )


def test_what_was_not_learned_is_an_arrow_and_no_number():
    censored = Series(
        "recurrent", "lstm", "training", "learned", "mean", (Point(8, 8), Point(16, 64, censored=True)), field="width"
    )
    (chart,) = theorem_charts(findings(*ATTENTION, censored))
    recurrent = chart.spec["hconcat"][1]
    arrows = [layer for layer in recurrent["layer"] if layer["mark"].get("shape") == "triangle-up"]
    assert [row["x"] for row in arrows[0]["data"]["values"]] == [16]
    assert [row["says"] for drawn in rows(recurrent, "text") for row in drawn] == ["learned: 8"]
    assert "64 recurrent" not in chart.title


@pytest.mark.parametrize("found", [ATTENTION, []], ids=["one family", "nothing"])
def test_one_family_is_no_comparison(found):
    assert theorem_charts(findings(*found)) == []


def test_widths_along_another_parameter_have_no_such_picture():
    assert theorem_charts(findings(*ATTENTION, *LINEAR, along="sparsity")) == []


def test_it_can_be_drawn():
    (chart,) = theorem_charts(findings(*ATTENTION, *LINEAR))
    assert json.loads(json.dumps(chart.spec, allow_nan=False)) == chart.spec
    svg = vl_convert.vegalite_to_svg(chart.spec)
    assert all(text in svg for text in ("attention", "feed-forward", "learned: 64", "impossible"))


def test_the_picture_is_the_first_figure_and_its_file_says_what_it_shows():
    found = findings(*ATTENTION, *LINEAR)
    (chart,), figure = theorem_charts(found), charts(found)[0]
    assert (figure.section, figure.name) == ("theorem", f"{found.sweeps[0].name}.theorem")
    assert figure.caption == [f"{chart.title}.", chart.caption]
    written = re.findall(r"<text[^>]*>([^<]+)</text>", figure.svg)
    assert {"attention", "feed-forward", "impossible"} <= set(written)
    assert any(text.startswith("learned: ") for text in written)
