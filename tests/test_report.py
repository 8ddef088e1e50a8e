"""The report: everything in the findings is on the page, which is well formed and needs nothing beside itself."""

import copy
import json
import re
from html.parser import HTMLParser

import pytest

from assay.evidence import Evidence
from assay.frontier import frontier
from assay.report.figures import (
    band_chart,
    boundaries_of,
    charted,
    message_bits_chart,
    portrait_chart,
    summary_chart,
    svg_text,
)
from assay.report.page import charts, write_report
from assay.report.tables import boundary_label
from assay.size import Size

VOID = {"meta", "input", "br", "link", "img", "hr"}
HOSTILE = "<b>bold</b> & </script><script>alert(1)</script>"


def evidence(family, architecture, source, verdict, kind, length, width, sparsity=2, **more):
    seed = more.get("seed")
    return Evidence(
        question={"source": source, "n": length, "q": sparsity, "width": width, "seed": seed, "rate": 0.01},
        task={"name": "sparse-averaging", "length": length, "sparsity": sparsity, "dimension": 1, "layout": "last"},
        family=family,
        architecture=architecture,
        source=source,
        size=Size(width=width, state=more.get("state", 0)),
        verdict=verdict,
        error_kind=kind,
        error=0.2,
        tolerance=0.25,
        rests_on=more.get("rests_on", f"{verdict} by {source}; at length {length}"),
    )


def runs(architecture, family, length, smallest, widths, sparsity=2, state=0):
    def run(seed, width):
        verdict, more = "learned" if width >= smallest[seed] else "not learned", {"seed": seed, "state": state * width}
        return evidence(family, architecture, "training", verdict, "mean", length, width, sparsity, **more)

    return [run(seed, width) for seed in range(3) for width in widths]


def stated(length, sparsity=2):
    at = {"length": length, "sparsity": sparsity}
    return [
        evidence("attention", "attention", "sign", "constructed", "worst", width=9 * sparsity + length // 8, **at),
        evidence("attention", "attention", "cyclic", "constructed", "worst", width=1 + 4 * sparsity, **at),
        evidence("attention", "attention", "attention-message", "impossible", "worst", width=0, **at),
        evidence("recurrent", "recurrent", "recurrent", "constructed", "worst", width=length, **at),
        evidence("recurrent", "recurrent", "recurrent-state", "impossible", "worst", width=length // 4 - 1, **at),
        evidence("recurrent", "recurrent", "recurrent-state-mean", "impossible", "mean", width=length // 8, **at),
    ]


def pieces():
    found = [piece for length in (8, 16, 32, 64) for piece in stated(length)]
    for length, low in ((8, 5), (16, 7), (32, 10), (64, 13)):
        found += runs("attention", "attention", length, (low, low, low + 2), (low - 1, low, low + 2))
    for length, low in ((8, 8), (16, 15), (32, 99)):
        found += runs("lstm", "recurrent", length, (low, low, 99), (low // 2, 15, 40), state=2)
    return found


def row(piece):
    return {
        "length": piece.task["length"], "sparsity": piece.task["sparsity"], "layout": "last", "source": piece.source,
        "architecture": piece.architecture, "verdict": piece.verdict, "width": piece.size.width, "heads": 1,
        "precision": 32, "parameters": 9, "error_kind": piece.error_kind, "error": piece.error,
        "tolerance": piece.tolerance, "largest_error": None, "error_99": None, "seed": piece.question["seed"],
        "rate": 0.01, "steps": None, "seconds": 0.5, "rests_on": piece.rests_on, "key": piece.key,
        "state": piece.size.state or None,
        "required": 5.5 if piece.source == "attention-message" else None,
    }  # fmt: skip


def portrait(source, verdict, kind):
    return {
        "verdict": verdict, "source": source, "architecture": "attention", "width": 11, "error": 0.1,
        "error_kind": kind, "task": {"name": "sparse-averaging", "length": 3, "sparsity": 1, "layout": "all"},
        "weights": [[0.9, 0.1, 0.0], [0.0, 0.8, 0.2], [0.5, 0.0, 0.5]], "pointers": [[0], [1], [2]],
        "mass_on_pointers": 0.7333,
    }  # fmt: skip


def made(found):
    across = [piece for sparsity in (1, 2, 4, 8) for piece in stated(32, sparsity)]
    across += [run for q in (1, 2, 4, 8) for run in runs("attention", "attention", 32, (5 * q,) * 3, (4 * q, 5 * q), q)]
    unique = {piece.key: piece for piece in [*found, *across]}
    return json.loads(json.dumps({
        "study": "small",
        "title": "How wide, in a test?",
        "command": "assay run small --out here",
        "made": "2026-01-02T03:04:05+00:00",
        "versions": {"assay": "9.9.9", "python": "3.99"},
        "machine": "a test machine with 7 cores",
        "task": {"name": "sparse-averaging", "sparsity": 2, "dimension": 1, "layout": "last"},
        "tolerance": 0.25,
        "distribution": "gaussian",
        "seeds": [0, 1, 2],
        "along_length": [series.to_json() for series in frontier(found, "length")],
        "along_sparsity": [series.to_json() for series in frontier(across, "sparsity")],
        "fixed_length": 32,
        "portraits": [portrait("sign", "constructed", "worst"), portrait("training", "learned", "mean")],
        "contradictions": [],
        "audit": {"zero": 0.7, "cheat": 0.2},
        "audit_length": 8,
        "evidence": [row(piece) for piece in unique.values()],
    }))  # fmt: skip


@pytest.fixture(scope="module")
def findings():
    return made(pieces())


@pytest.fixture(scope="module")
def written(findings, tmp_path_factory):
    return write_report(copy.deepcopy(findings), tmp_path_factory.mktemp("report") / "new")


@pytest.fixture(scope="module")
def html(written):
    return written.read_text("utf-8")


class Page(HTMLParser):
    """Collects tags and text, and complains of an end tag that closes nothing."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(html)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.words.append(data)


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def starting(labels, start):
    return [label for label in labels if label.startswith(start)]


def test_page_is_well_formed_and_named_after_the_study(written, html):
    page = Page(html)
    assert written.name == "small.html"
    assert page.open == []
    assert page.tags[0][0] == "html"


def test_page_shows_every_boundary_and_every_row(findings, html):
    page = Page(html)
    for series in [*findings["along_length"], *findings["along_sparsity"]]:
        assert boundary_label(series) in page.text
        assert series["architecture"] in page.text
    keys = {attributes["data-key"] for _, attributes in page.tags if "data-key" in attributes}
    assert keys == {row["key"] for row in findings["evidence"]}
    for row in findings["evidence"]:
        assert all(part in page.text for part in row["rests_on"].split("; "))


def test_page_says_how_it_was_made_and_what_shortcuts_reach(findings, html):
    page = Page(html)
    for said in (findings["command"], findings["made"], findings["machine"], "assay 9.9.9", "0, 1, 2", "gaussian"):
        assert said in page.text
    assert "cheat 0.200 0.80 reaches the tolerance" in page.text
    assert "zero 0.700 2.80 does not reach the tolerance" in page.text


def test_page_loads_nothing(html):
    page = Page(html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"link", "img", "iframe", "object", "embed", "audio", "video", "base"}
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "data", "srcset", "action", "poster"):
            value = attributes.get(name, "#")
            assert value.startswith("#") or (tag == "image" and value.startswith("data:image/png")), (tag, name, value)
    assert not re.search(r"https?://", html)
    assert re.findall(r"url\((?!#)", html) == []
    assert "@import" not in html


def test_identifiers_are_unique_and_references_lead_somewhere(html):
    page = Page(html)
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers)) > 100
    wanted = set(re.findall(r"url\(#([^)]+)\)", html)) | set(re.findall(r'href="#([^"]+)"', html))
    assert wanted
    assert wanted <= set(identifiers)


def test_embedded_findings_are_the_findings(findings, html):
    embedded = re.search(r'<script type="application/json" id="findings">(.*?)</script>', html, re.DOTALL)
    assert json.loads(embedded.group(1)) == findings


def test_figures_are_files_and_on_the_page(findings, written, html):
    names = {chart.name for chart in charts(findings)}
    assert names == {
        "summary", "length-attention", "length-lstm", "message-bits", "portraits-1", "sparsity-attention",
        "sparsity-recurrent",
    }  # fmt: skip
    files = {path.stem: path.read_text("utf-8") for path in (written.parent / "small-figures").iterdir()}
    assert set(files) == names
    assert all(text.rstrip().endswith("</svg>") for text in files.values())
    assert html.count("<svg") == html.count("<figcaption>") == len(names)


def test_table_of_evidence_can_be_sorted_without_a_mouse(findings, html):
    page = Page(html)
    sortable = [attributes for tag, attributes in page.tags if tag == "th" and "aria-sort" in attributes]
    buttons = [attributes for tag, attributes in page.tags if tag == "button"]
    assert len(sortable) == len(buttons) == 20
    numbers = [attributes["data-value"] for tag, attributes in page.tags if "data-value" in attributes]
    assert len(numbers) > 8 * len(findings["evidence"])
    assert all(isinstance(float(number), float) for number in numbers)


def test_text_is_escaped(findings, tmp_path):
    hostile = copy.deepcopy(findings)
    hostile["title"] = hostile["command"] = hostile["evidence"][0]["rests_on"] = HOSTILE
    hostile["portraits"] = []
    text = write_report(hostile, tmp_path).read_text("utf-8")
    page = Page(text)
    assert page.text.count(HOSTILE) >= 3
    assert "<b>bold" not in text
    assert sum(tag == "script" for tag, _ in page.tags) == 2
    assert "portraits-1" not in text


def test_chart_tells_verdicts_and_kinds_of_error_apart(findings):
    labels = legend(band_chart(findings, "lstm"))
    assert starting(labels, "impossible (worst case): recurrent-state,")
    assert starting(labels, "impossible (mean error): recurrent-state-mean,")
    assert starting(labels, "constructed (worst case): recurrent (32 bits)")
    assert starting(labels, "learned (mean error")
    assert starting(labels, "larger than this: not learned within this budget")
    attention = legend(band_chart(findings, "attention"))
    assert "impossible (worst case): attention-message, excludes no width here" in attention
    assert starting(attention, "fit: ")[0].startswith("fit: 1.9")
    assert not starting(attention, "larger than this")


def test_excluded_widths_are_in_the_units_of_the_architecture(findings):
    """recurrent-state excludes 15 numbers of state at N = 64; an LSTM of width 7 has 14, one of width 8 has 16."""

    def excluded(architecture):
        series = next(s for s in boundaries_of(findings, architecture, "length") if s["source"] == "recurrent-state")
        return series["points"][-1]["width"]

    assert excluded("recurrent") == 15
    assert excluded("lstm") == 7


def test_points_stand_where_the_findings_say(findings):
    axes = band_chart(findings, "attention").axes[0]
    lines = [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]
    assert ([8, 16, 32, 64], [5, 7, 10, 13]) in lines
    assert ([64, 64], [13, 15]) in lines
    assert ([8, 16, 32, 64], [9, 9, 9, 9]) in lines
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["8", "16", "32", "64"]


def test_censored_points_are_drawn_as_arrows_and_named_in_the_caption(findings):
    arrows = [text for text in band_chart(findings, "lstm").axes[0].texts if text.arrow_patch is not None]
    assert [arrow.xy for arrow in arrows] == [(8, 15), (16, 15), (32, 49)]
    caption = next(chart.caption for chart in charts(findings) if chart.name == "length-lstm")
    censored = [sentence for sentence in caption if "Not learned within this budget" in sentence]
    assert len(censored) == 1
    assert "up to width 49 at N = 32" in censored[0]
    assert "impossible" not in " ".join(caption)


def test_widths_against_sparsity_have_linear_axes(findings):
    axes = band_chart(findings, "attention", "sparsity").axes[0]
    assert axes.get_xscale() == axes.get_yscale() == "linear"
    assert axes.get_ylim()[0] == 0
    assert charted(findings, "sparsity") == ["attention", "recurrent"]


def test_summary_has_all_laws_and_the_smallest_construction(findings):
    labels = legend(summary_chart(findings))
    assert starting(labels, "attention, fit: ")
    assert "attention, constructed (cyclic)" in labels
    assert "recurrent, constructed (recurrent)" in labels
    assert not starting(labels, "lstm, fit")


def test_message_bits_need_bounds_on_bits(findings):
    assert starting(legend(message_bits_chart(findings)), "impossible (worst case): attention-message")
    without = {**findings, "evidence": [{**row, "required": None} for row in findings["evidence"]]}
    assert message_bits_chart(without) is None


def test_portraits_outline_the_pointers_and_state_their_mass(findings):
    figure = portrait_chart(findings["portraits"])
    panels = figure.axes[:2]
    assert [panel.get_title(loc="left") for panel in panels] == ["constructed (sign), width 11", "learned, width 11"]
    assert all("73.3 %" in panel.get_xlabel() for panel in panels)
    assert [box.get_xy() for box in panels[0].patches] == [(-0.5, -0.5), (0.5, 0.5), (1.5, 1.5)]


def test_figures_are_the_same_every_time(findings):
    first, second = (svg_text(band_chart(findings, "lstm")) for _ in range(2))
    assert first == second
    assert ">width m</text>" in first
    assert "<dc:date>" not in first


def test_report_of_a_study_that_has_only_begun(findings, tmp_path):
    found = [piece for piece in pieces() if piece.source != "training" and piece.task["length"] == 8]
    found += runs("attention", "attention", 8, (5, 5, 5), (5,))[:2]  # two seeds do not make a point yet
    begun = {**made(found), "portraits": [], "along_sparsity": [], "fixed_length": None}
    page = Page(write_report(begun, tmp_path).read_text("utf-8"))
    assert "not trained" in page.text
    assert "Width against q" not in page.text
    assert {path.stem for path in (tmp_path / "small-figures").iterdir()} == {
        "length-attention", "length-recurrent", "message-bits"
    }  # fmt: skip
