"""The report: everything in the findings is on the page, which is well formed and needs nothing beside itself."""

import csv
import json
import re
from dataclasses import fields, is_dataclass, replace
from html import escape, unescape
from html.parser import HTMLParser

import pytest

from assay import SparseAveraging
from assay.constructions import build
from assay.evidence import Evidence
from assay.examine.protocols.running import run_protocol
from assay.examine.subject import subject_of
from assay.models.candidates import candidates_of
from assay.proofs import certify
from assay.report.charts import charts
from assay.report.findings import AttentionMap, Findings, Protocol
from assay.report.found import EvidenceRow, Failure, Reported
from assay.report.gathering import parameters_text
from assay.report.looks import looks
from assay.report.page import write_report
from assay.report.protocols import protocol_lines
from assay.report.sweeps import (
    Certified,
    DrawnInputs,
    FewestBits,
    Precisions,
    Sweep,
    TrivialBaselines,
    Unfinished,
    architectures_of,
    boundaries_of,
    references,
)
from assay.report.task_matrix import task_matrix
from assay.report.terminal import say_study, terminal_text
from assay.report.words import boundary_label, few_seeds_text, silent
from assay.results.frontier import Series, learned_series, stated_series
from assay.schema import to_json
from assay.sizes import Size
from assay.trivial.fit import Baseline
from searches import asked, finished, run_of, search_of

VOID = {"meta", "input", "br", "link", "img", "hr"}
HOSTILE = "<b>bold</b> & </script><script>alert(1)</script>"
RESOURCES = {
    "attention-message": "embedding bits",
    "recurrent-state": "state bits",
    "recurrent-state-mean": "state bits",
}


BASELINES = (Baseline("zero", 0.7, False), Baseline("cheat", 0.2, False), Baseline("half", 0.1, True))


def averaging(length, sparsity=2):
    return {"name": "sparse-averaging", "length": length, "sparsity": sparsity, "dimension": 1, "layout": "last"}


def evidence(task, family, architecture, source, verdict, kind, width):
    detail = {"resource": RESOURCES.get(source, ""), "required": 5.5} if verdict == "impossible" else {}
    return Evidence(
        question={"architecture": architecture, "source": source, "task": task, "width": width, "seed": None},
        task=task,
        family=family,
        architecture=architecture,
        source=source,
        size=Size(width=width),
        verdict=verdict,
        error_kind=kind,
        error=0.2,
        tolerance=0.25,
        justification=f"{verdict} by {source}; for {parameters_text(task)}",
        detail=detail,
    )


def searched(task, x, architecture, family, smallest, widths, state=0, depth=1):
    """A finished search in which all seeds ran at all widths, and the seeds learned from their smallest on."""

    at = SparseAveraging(length=x, sparsity=1)  # the evidence may be of a task that nobody has registered
    first = asked(architecture=architecture, task=at, depth=depth, code={"architecture": "any"})

    def run(seed, width):
        question, learned = replace(first, seed=seed, width=width), width >= smallest[seed]
        piece = run_of(question, learned, error=0.2, family=family, state=state * width)
        return replace(piece, task=task, justification=f"{piece.verdict} by training; for {parameters_text(task)}")

    runs = tuple(run(seed, width) for seed in range(3) for width in sorted(widths))
    width = min((width for width in widths if width >= sorted(smallest)[1]), default=None)
    return finished(search_of(sorted(widths), question=first, x=x), width, runs)


def stated(length, sparsity=2):
    task, wide = averaging(length, sparsity), length // 4 - 1
    return [
        evidence(task, "attention", "bare-attention", "sign", "constructed", "worst", 9 * sparsity + length // 8),
        evidence(task, "attention", "bare-attention", "cyclic", "constructed", "worst", 1 + 4 * sparsity),
        evidence(task, "attention", "bare-attention", "attention-message", "impossible", "worst", 0),
        evidence(task, "attention", "attention", "attention-message", "impossible", "worst", 0),
        evidence(task, "recurrent", "bare-recurrent", "recurrent", "constructed", "worst", length),
        evidence(task, "recurrent", "bare-recurrent", "recurrent-state", "impossible", "worst", wide),
        evidence(task, "recurrent", "lstm", "recurrent-state", "impossible", "worst", wide // 2),
        evidence(task, "recurrent", "lstm", "recurrent-state-mean", "impossible", "mean", length // 16),
    ]


def ends():
    found = []
    for n, low in ((8, 5), (16, 7), (32, 10), (64, 13)):
        found.append(searched(averaging(n), n, "attention", "attention", (low, low, low + 2), (low - 1, low, low + 2)))
    for n, low in ((8, 8), (16, 15), (32, 99)):
        found.append(searched(averaging(n), n, "lstm", "recurrent", (low, low, 99), (low // 2, 15, 40), state=2))
    return found


def line(name, along, symbol, said, found, **more):
    """A line of the findings, and a row for each piece of its evidence."""
    series = [*stated_series(said), *learned_series(found)]
    pieces = [piece for _, piece in said] + [run for end in found for run in end.runs]
    entry = Sweep(
        name=name,
        title=more.get("title", f"Width against {symbol}"),
        task=more.get("task", {"name": "sparse-averaging", "dimension": 1, "layout": "last"}),
        follows=more.get("follows", {}),
        along=along,
        symbol=symbol,
        tolerance=more.get("tolerance", (0.25, 0.25)),
        mean_tolerance=(0.25, 0.25),
        all_inputs="over all inputs in the unit ball",
        mean_error_name=more.get("mean_error_name", "root-mean-square error"),
        distribution="gaussian",
        distribution_text="values normal",
        series=tuple(series),
        unfinished=more.get("unfinished", ()),
        columns={along: symbol},
        certificates=more.get("certificates", ()),
        precisions=more.get("precisions", ()),
        baselines=(TrivialBaselines(8, 0.25, 100, BASELINES),),
        test_inputs=(DrawnInputs(8, 5, 1.0, True),),
    )
    return entry, [row(piece, {symbol: piece.task.get(along)}) for piece in pieces]


def named(piece):
    return candidates_of(piece.question).name if piece.source == "training" else piece.architecture


def row(piece, along):
    return EvidenceRow(
        task=f"{piece.task['name']}: {parameters_text(piece.task)}",
        along=along,
        source=piece.source,
        architecture=named(piece),
        verdict=piece.verdict,
        width=piece.size.width,
        heads=1,
        depth=1,
        precision=32,
        parameters=9,
        error_kind=piece.error_kind,
        error=piece.error,
        tolerance=piece.tolerance,
        largest_error=None,
        sequence_error=None,
        seed=piece.question["seed"],
        rate=0.01,
        steps=None,
        seconds=0.5,
        justification=piece.justification,
        key=piece.key,
        state=piece.size.state or None,
    )


def attention_map(source, verdict, kind):
    return AttentionMap(
        verdict=verdict,
        source=source,
        architecture="attention",
        width=11,
        error=0.1,
        error_kind=kind,
        task={"name": "sparse-averaging", "length": 3, "sparsity": 1, "layout": "all"},
        parameters="N = 3, q = 1, layout all",
        weights=((0.9, 0.1, 0.0), (0.0, 0.8, 0.2), (0.5, 0.0, 0.5)),
        pointers=((0,), (1,), (2,)),
        mass_on_pointers=0.7333,
    )


def guarantees():
    """A certificate that was proved, one that was not, and precisions of two constructions."""
    unit = build(SparseAveraging(length=5, sparsity=2), method="cyclic")
    proved = Certified("cyclic", "N = 5, q = 2", 9, 0.2, "integers", certify(unit), "proved", 0.1)
    failed = replace(proved, method="<sign>", proof=None, justification="stated, but not proved: it & that")

    def point(x, bits):
        return FewestBits(x, bits, fraction=3, error=0.1, width=9, justification="tried")

    found = (
        Precisions("cyclic", (point(8, 10), point(16, 14), point(32, 18)), per_doubling=4.0),
        Precisions("sign", (point(8, 9),), per_doubling=None),
    )
    return {"certificates": (proved, failed), "precisions": found}


def protocol(bits=None):
    """A protocol as a run of it comes out, on sign keys: with enough bits, or starved."""
    unit = build(SparseAveraging(length=5, sparsity=2), method="sign")
    outcome = run_protocol("disjointness", subject_of(unit), bits, 16)
    return Protocol(f"disjointness, {bits}", tuple(protocol_lines(outcome)), outcome.to_json())


def gathered(*lines, attention_maps=(), protocols=()):
    entries = [entry for entry, _ in lines]
    rows = {row.key: row for _, rows in lines for row in rows}
    return Findings(
        study="small",
        title="How wide, in a test?",
        command="assay run small --out here",
        made="2026-01-02T03:04:05+00:00",
        versions={"assay": "9.9.9", "python": "3.99"},
        machine="a test machine with 7 cores",
        seeds=(0, 1, 2),
        precision=32,
        sweeps=tuple(entries),
        matrix=task_matrix(entries),
        attention_maps=attention_maps,
        protocols=protocols,
        evidence=tuple(rows.values()),
    )


def printed(findings, encoding="utf-8", report="r"):
    return terminal_text(Reported(findings, 0, "l", report), say_study, encoding)


def renamed(value, names):
    """The same dataclass with these texts in the place of those, in every field at any depth."""
    if is_dataclass(value):
        return replace(value, **{field.name: renamed(getattr(value, field.name), names) for field in fields(value)})
    if isinstance(value, tuple):
        return tuple(renamed(entry, names) for entry in value)
    if isinstance(value, dict):
        return {renamed(key, names): renamed(entry, names) for key, entry in value.items()}
    for old, new in names.items() if isinstance(value, str) else ():
        value = value.replace(old, new)
    return value


def one_task():
    """One task along two parameters."""
    along_length = [(n, piece) for n in (8, 16, 32, 64) for piece in stated(n)]
    along_sparsity = [(q, piece) for q in (1, 2, 4, 8) for piece in stated(32, q)]
    across = [
        searched(averaging(32, q), q, "attention", "attention", (5 * q,) * 3, (4 * q, 5 * q)) for q in (1, 2, 4, 8)
    ]
    return gathered(
        line("length", "length", "N", along_length, ends(), **guarantees()),
        line("sparsity", "sparsity", "q", along_sparsity, across, tolerance=(0.0625, 0.5)),
        attention_maps=(
            attention_map("sign", "constructed", "worst"),
            attention_map("training", "learned", "mean"),
        ),
        protocols=(protocol(), protocol((2, 1))),
    )


def several_tasks():
    """Two tasks with other parameters and families; one task and one architecture that nobody has registered."""
    mystery = {"name": "mystery", "modulus": 97}

    def task(n):
        return {"name": "mystery", "length": n, "modulus": 97, "window": n // 4}

    def proved(n, source, width, architecture):
        piece = evidence(task(n), "attention", architecture, source, "impossible", "worst", width)
        return n, replace(piece, detail={"resource": "embedding bits", "required": 9})

    said = [proved(n, "one-layer", n // 2, "attention") for n in (8, 16, 32)]
    said += [proved(n, "any-depth", n // 8, "attention, depth 2") for n in (8, 16, 32)]
    said += [
        (n, evidence(task(n), "third-order", "bare-third-order", "trig", "constructed", "worst", 5))
        for n in (8, 16, 32)
    ]
    found = (
        [searched(task(n), n, "attention", "attention", (99,) * 3, (4, 50)) for n in (8, 16)]
        + [searched(task(n), n, "attention", "attention", (n, n, n + 1), (n - 1, n, n + 1), depth=2) for n in (8, 16)]
        + [searched(task(n), n, "my.package:Layer", "hybrid", (n, n, n), (n - 1, n)) for n in (8, 32)]
    )
    waiting = (Unfinished("third-order", 16, None),)
    more = {"title": "The mystery", "task": mystery, "mean_error_name": "share of wrong answers", "unfinished": waiting}
    more["follows"] = {"window": (2, 8)}
    return gathered(
        line("length", "length", "N", [(n, piece) for n in (8, 16, 32, 64) for piece in stated(n)], ends()),
        line("mystery", "length", "N", said, found, **more),
    )


@pytest.fixture(scope="module")
def findings():
    return one_task()


@pytest.fixture(scope="module")
def several():
    return several_tasks()


@pytest.fixture(scope="module")
def written(findings, tmp_path_factory):
    return write_report(findings, tmp_path_factory.mktemp("report") / "new")


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


def chart(findings, name):
    """The chart of this name."""
    (found,) = (one for one in charts(findings) if one.name == name)
    return found


def drawn(found, *fields, **equal):
    """Of a chart's rows that have these values, these fields."""
    rows = [row for row in found.rows if all(row.get(name) == value for name, value in equal.items())]
    return [tuple(row.get(field) for field in fields) for row in rows]


def labels(found):
    return list(dict.fromkeys(row["label"] for row in found.rows))


def starting(labels, start):
    return [label for label in labels if label.startswith(start)]


def without_scripts(html):
    return re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)


def test_page_is_well_formed_and_named_after_the_study(written, html):
    page = Page(html)
    assert written.name == "small.html"
    assert page.open == []
    assert page.tags[0][0] == "html"


def test_page_shows_every_boundary_and_every_row(findings, html):
    page = Page(html)
    for series in [series for line in findings.sweeps for series in line.series]:
        assert silent(series) or boundary_label(series) in page.text
        assert series.architecture in page.text
    keys = {attributes["data-key"] for _, attributes in page.tags if "data-key" in attributes}
    told = [row for row in findings.evidence if row.verdict != "impossible" or row.width]
    assert 0 < len(keys) == len(told) < len(findings.evidence)
    assert keys == {row.key for row in told}
    left_out = len(findings.evidence) - len(told)
    assert f"{left_out} bounds that exclude no width are left out." in page.text
    for row in told:
        assert all(part in page.text for part in row.justification.split("; "))


def test_certificates_are_listed_with_their_status_and_steps(findings, html):
    proved, failed = findings.sweeps[0].certificates
    assert html.count("not proved</strong>") == 1
    assert all(step.statement in unescape(html) for step in proved.proof.steps)
    assert escape(failed.justification) in html
    assert escape(failed.method) in html


def test_precisions_are_drawn_and_tabled(findings, written, html):
    assert (written.parent / "small-figures" / "length.precision.svg").exists()
    assert not (written.parent / "small-figures" / "sparsity.precision.svg").exists()
    assert '<td class="number">14 (3)</td>' in html
    assert '<td class="number">+4.00</td>' in html
    found = chart(findings, "length.precision")
    assert drawn(found, "bits", method="cyclic") == [(10,), (14,), (18,)]
    assert "Each doubling of N costs cyclic 4.0 bits" in found.title
    assert {row["method"] for row in found.rows} == {"cyclic", "sign"}


def test_protocols_say_who_holds_what_and_what_was_sent(findings, html):
    enough, starved = findings.protocols
    section = unescape(html[html.index('id="protocols">') : html.index('id="evidence">')])
    assert section.count("<article") == 2
    for name, text in [*enough.lines, *starved.lines]:
        assert name in section
        assert text in section
    said = dict(enough.lines)
    assert said["answers"].startswith("16 of 16 right; constant answers:")
    assert said["compared"] == "as the whole network, bit for bit"
    assert starved.outcome["wrong"] > 0
    assert dict(starved.lines)["collision"]


def test_page_says_how_it_was_made_and_what_shortcuts_reach(findings, html):
    page = Page(html)
    for said in (findings.command, findings.made, findings.machine, "assay 9.9.9", "0, 1, 2", "gaussian"):
        assert said in page.text
    for row in ("zero 0.700", "cheat 0.200 (within the tolerance)", "half 0.100 (part of the task)"):
        assert row in page.text
    assert "tolerance 0.25 draws 100" in page.text
    assert "100 % at N = 8 (all of the 5 different inputs)." in page.text


def test_page_loads_nothing(html):
    page = Page(html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"link", "img", "iframe", "object", "embed", "audio", "video", "base"}
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "data", "srcset", "action", "poster"):
            value = attributes.get(name, "#")
            assert value.startswith("#") or (tag == "image" and value.startswith("data:image/png")), (tag, name, value)
    shown = without_scripts(html)
    assert not re.search(r"https?://", shown)
    assert re.findall(r"url\((?!#)", shown) == []
    assert "@import" not in shown
    charts_of_page = re.search(r"^const charts = (.*);$", html, re.MULTILINE)[1]
    assert '"url"' not in charts_of_page
    assert "://" not in charts_of_page


def test_identifiers_are_unique_and_references_lead_somewhere(html):
    page = Page(html)
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers)) > 20
    wanted = set(re.findall(r'href="#([^"]+)"', without_scripts(html)))
    assert wanted
    assert wanted <= set(identifiers)


def test_embedded_findings_are_the_findings(findings, html):
    embedded = re.search(r'<script type="application/json" id="findings">(.*?)</script>', html, re.DOTALL)
    assert json.loads(embedded.group(1)) == to_json(findings)


def test_figures_are_files_and_on_the_page(findings, written, html):
    names = {chart.name for chart in charts(findings)}
    assert names == {
        *(
            f"{line}.{name}"
            for line in ("length", "sparsity")
            for name in (
                "summary",
                "attention",
                "lstm",
                "bare-attention",
                "bare-recurrent",
                "bare-attention-embedding-bits",
            )
        ),
        "attention-maps-1",
        "length.precision",
        "length.theorem",
    }
    folder = written.parent / "small-figures"
    assert {path.name for path in folder.iterdir()} == {f"{name}.{form}" for name in names for form in ("svg", "csv")}
    assert all(path.read_text("utf-8").rstrip().endswith("</svg>") for path in folder.glob("*.svg"))
    places = [attributes["data-chart"] for _, attributes in Page(html).tags if "data-chart" in attributes]
    assert sorted(places) == sorted(names)
    script = json.loads(re.search(r"^const charts = (.*);$", html, re.MULTILINE)[1])
    for one in charts(findings):
        embedded = script[one.name]
        columns = embedded["columns"]
        assert [dict(zip(columns, row, strict=True)) for row in embedded["rows"]] == [
            {name: row.get(name) for name in columns} for row in one.rows
        ]
        with open(folder / f"{one.name}.csv", newline="", encoding="utf-8") as file:
            told = list(csv.DictReader(file))
        assert told == [{name: "" if row.get(name) is None else str(row[name]) for name in columns} for row in one.rows]
        assert html.count(f'<p class="message">{escape(one.title)}</p>') == 1


def test_table_of_evidence_can_be_sorted_without_a_mouse(findings, html):
    page = Page(html)
    sortable = [attributes for tag, attributes in page.tags if tag == "th" and "aria-sort" in attributes]
    assert [attributes["data-field"] for attributes in sortable] == [
        "task",
        "N",
        "q",
        "architecture",
        "verdict",
        "source",
        "width",
        "kind",
        "justification",
        "seed",
    ]
    assert "The same in all rows: error 0.2, tolerance 0.25, parameters 9, bits 32" in page.text
    buttons = html[html.index("<thead", html.index('id="rows"')) :].partition("</thead>")[0].count("<button")
    assert buttons == len(sortable)
    numbers = [attributes["data-value"] for tag, attributes in page.tags if "data-value" in attributes]
    assert len(numbers) > len(findings.evidence)
    assert all(isinstance(float(number), float) for number in numbers)


def test_text_is_escaped(findings, tmp_path):
    first = replace(findings.evidence[0], justification=HOSTILE)
    hostile = replace(findings, title=HOSTILE, command=HOSTILE, evidence=(first, *findings.evidence[1:]))
    hostile = replace(hostile, attention_maps=())
    text = write_report(hostile, tmp_path).read_text("utf-8")
    page = Page(text)
    assert page.text.count(HOSTILE) >= 3
    assert "<b>bold" not in text
    assert sum(tag == "script" for tag, _ in page.tags) == 3
    assert "attention-maps-1" not in text


def test_chart_tells_verdicts_and_kinds_of_error_apart(findings):
    found = chart(findings, "length.lstm")
    said = labels(found)
    assert said[0] == "learned"
    assert starting(said, "impossible (worst case): recurrent-state")
    assert starting(said, "impossible (mean): recurrent-state-mean")
    assert starting(said, "constructed in bare-recurrent: recurrent (32 bits)")
    assert "arrows: not learned within this budget" in found.drawn
    attention = chart(findings, "length.attention")
    assert not starting(labels(attention), "impossible")
    assert "Nothing is excluded by attention-message." in attention.caption
    assert starting(labels(attention), "learned; dashed: 1.9")
    assert "arrows" not in attention.drawn


def test_bounds_and_constructions_are_those_of_whom_they_speak_of(findings):
    """recurrent-state excludes other widths for an LSTM, of two numbers a unit, than for the bare model, of one."""
    line = findings.sweeps[0]
    shown = {architecture.name: architecture for architecture in architectures_of([line])}
    assert list(shown) == ["attention", "lstm", "bare-attention", "bare-recurrent"]

    def last(architecture, source):
        (series,) = (s for s in boundaries_of(line, shown[architecture]) if s.source == source)
        return series.points[-1].width

    assert (last("bare-recurrent", "recurrent-state"), last("lstm", "recurrent-state")) == (15, 7)
    assert not [s for s in boundaries_of(line, shown["lstm"]) if s.verdict == "constructed"]
    assert [s.architecture for s in references(line, shown["lstm"])] == ["bare-recurrent"]
    assert references(line, shown["bare-recurrent"]) == []


def test_points_stand_where_the_findings_say(findings):
    found = chart(findings, "length.attention")
    assert drawn(found, "x", "size", verdict="learned") == [(8, 5), (16, 7), (32, 10), (64, 13)]
    assert drawn(found, "low", "high", x=64, verdict="learned") == [(13, 15)]
    assert drawn(found, "x", "size", verdict="constructed", source="cyclic") == [(8, 9), (16, 9), (32, 9), (64, 9)]
    learned = found.spec["layer"][-1]["encoding"]
    assert learned["x"]["scale"]["type"] == learned["y"]["scale"]["type"] == "log"
    assert learned["x"]["axis"]["values"] == [8, 16, 32, 64]
    assert found.title == "At N = 64, attention learned with width 13, explicit weights take 9 (cyclic)"


def test_censored_points_are_arrows_and_impossible_regions_end_above_what_is_excluded(findings):
    found = chart(findings, "length.lstm")
    assert drawn(found, "x", "high", arrow="up") == [(8, 15), (16, 15), (32, 49)]
    assert drawn(found, "x", "size", verdict="not learned") == [(32, 49)]
    assert drawn(found, "seeds", verdict="not learned") == [("none, none, none",)]
    assert drawn(found, "x", "size", source="recurrent-state-mean") == [(16, 2), (32, 3), (64, 5)]


def test_widths_against_sparsity_have_linear_axes(findings):
    encoding = chart(findings, "sparsity.attention").spec["layer"][-1]["encoding"]
    for channel in ("x", "y"):
        assert "type" not in encoding[channel]["scale"]
        assert encoding[channel]["scale"]["domain"][0] == 0
    assert [architecture.name for architecture in architectures_of(findings.sweeps[1:])] == [
        "attention",
        "lstm",
        "bare-attention",
        "bare-recurrent",
    ]


def test_summary_has_all_laws_and_the_smallest_construction(findings):
    said = labels(chart(findings, "length.summary"))
    assert starting(said, "attention, learned; dashed: ")
    assert "bare-attention, constructed: cyclic" in said
    assert "bare-recurrent, constructed: recurrent" in said
    assert "lstm, learned" in said


def test_embedding_bits_need_bounds_on_bits_and_constructions(findings):
    found = chart(findings, "length.bare-attention-embedding-bits")
    assert {size for (size,) in drawn(found, "size", source="attention-message")} == {5.5}  # no number above it
    assert "no weights do with fewer than 6" in found.title
    names = {one.name for one in charts(findings)}
    assert not {"length.bare-recurrent-embedding-bits", "length.attention-embedding-bits"} & names


def test_attention_maps_mark_the_pointers_and_state_their_mass(findings):
    found = chart(findings, "attention-maps-1")
    assert [panel["title"] for panel in found.spec["concat"]] == [
        "1. constructed (sign), width 11",
        "2. learned, width 11",
    ]
    assert found.title.count("73.3 %") == 2
    pointed = drawn(found, "query_at", "position_at", pointed="yes", unit="2. learned, width 11")
    assert pointed == [
        (row, place) for row, places in enumerate(findings.attention_maps[0].pointers) for place in places
    ]
    assert all(row["weight"] > 0 or row["pointed"] for row in found.rows)


def test_every_chart_says_its_message_and_can_be_drawn(findings, several):
    for one in (*charts(findings), *charts(several)):
        assert one.title
        assert one.drawn.endswith(".")
        assert one.caption.count(". ") < 3
        svg = one.file().decode()
        assert escape(one.title.split()[0], quote=False) in svg
        assert 'fill="white"' in svg
        assert "currentColor" not in svg


def test_report_of_a_study_that_has_only_begun(tmp_path):
    waiting = (Unfinished("attention", 8, None), Unfinished("my:Layer", 16, "at width 4: <b>"))
    begun = gathered(line("length", "length", "N", [(8, piece) for piece in stated(8)], [], unfinished=waiting))
    begun = replace(begun, failures=(Failure("attention_map <i>", "with: x", refused=False),), seeds=(7,))
    page = Page(write_report(begun, tmp_path).read_text("utf-8"))
    assert "my:Layer at N = 16 failed at width 4: <b>. It gives no point." in page.text.replace(" .", ".")
    assert "What failed" in page.text
    assert "attention_map <i> failed with: x" in page.text
    assert "by 1 of 1 seed." in page.text
    assert few_seeds_text(1) in page.text
    text = printed(begun)
    assert "attention_map <i> failed with: x" in text
    assert few_seeds_text(1) in text
    assert "search not finished: attention at N = 8." in page.text
    assert {path.stem for path in (tmp_path / "small-figures").iterdir()} == {
        "length.attention",
        "length.lstm",
        "length.bare-attention",
        "length.bare-recurrent",
        "length.bare-attention-embedding-bits",
    }


def test_one_task_has_no_matrix(findings, html):
    assert findings.matrix is None
    assert "not asked" not in Page(html).text


def test_matrix_says_what_is_known_of_every_task_and_architecture(several):
    matrix = several.matrix
    assert matrix.sweeps == ("length", "mystery")
    assert matrix.architectures == (
        "attention",
        "attention, depth 2",
        "lstm",
        "my.package:Layer",
        "bare-attention",
        "bare-third-order",
        "bare-recurrent",
    )
    cells = matrix.cells["mystery"]

    def said(architecture):
        return [(e.verdict, e.width, e.x, e.source) for e in cells[architecture]]

    assert said("attention") == [("not learned", 50, 16, "training"), ("impossible", 8, 16, "one-layer")]
    assert said("attention, depth 2") == [("learned", 16, 16, "training"), ("impossible", 2, 16, "any-depth")]
    assert said("bare-third-order") == [("constructed", 5, 32, "trig")]
    assert said("my.package:Layer") == [("learned", 32, 32, "training")]
    assert said("lstm") == []
    assert matrix.cells["length"]["attention, depth 2"] == ()  # attention was trained there, at depth 1
    assert cells["my.package:Layer"][0].parameters == 320
    lstm = matrix.cells["length"]["lstm"]
    assert [(e.verdict, e.error_kind, e.width) for e in lstm] == [
        ("not learned", "mean", 49),
        ("impossible", "mean", 2),
        ("impossible", "worst", 3),
    ]


def test_parts_are_folded_on_the_page_and_the_matrix_leads_in_the_terminal(several, tmp_path):
    page = Page(write_report(several, tmp_path).read_text("utf-8"))
    folds = [attributes for _, attributes in page.tags if attributes.get("class") == "fold"]
    assert [fold["id"] for fold in folds] == ["matrix", "sweep-length", "sweep-mystery", "evidence", "made"]
    assert not any("open" in fold for fold in folds)
    assert page.open == []
    terminal = printed(several)
    for part in ("320 parameters", "trig", "search not finished: third-order at N = 16"):
        assert part in page.text
        assert part in terminal
    for part in ("learned m = 32", "not learned up to 50", "constructed m = 5"):
        assert part in page.text
    assert terminal.index("> 50 (500 parameters)") < terminal.index("width against N")
    assert "Task: mystery, modulus 97, window 2 to 8 with N; its length N varies." in page.text
    assert "share of wrong answers of at most 0.25 on gaussian inputs" in page.text


def test_tables_are_drawn_with_the_characters_that_the_terminal_has(several):
    plain = printed(several, "ascii", "\u00e9")
    assert plain.splitlines()[-1] == "report  \\xe9"
    assert plain.count("\\") == 1
    assert "+---" in plain


def test_everything_has_a_colour_and_marker_of_its_own(several):
    look = looks(several.sweeps)
    names = {"attention", "attention, depth 2", "third-order", "hybrid", "my.package:Layer", "lstm", "feed-forward"}
    assert names <= set(look)
    assert len({look[name].colour for name in names}) == len(names)
    assert {label for (label,) in drawn(chart(several, "mystery.my.package-Layer"), "by")} >= {"my.package:Layer"}


def test_the_plainest_of_several_splits_has_the_look_of_its_architecture():
    def learned(name):
        return Series("attention", name, "training", "learned", "mean", ())

    def look_of(*names):
        empty, _ = line("length", "length", "N", [], [])
        return looks([replace(empty, series=tuple(map(learned, names)))])

    split, deep = "attention, head dimension 4", "attention, depth 2, head dimension 4"
    look = look_of(split, deep)
    assert look[split] == look["attention"] != look[deep]
    look = look_of(split, "attention")
    assert look[split] != look["attention"]


def test_hostile_names_of_tasks_and_architectures_are_escaped(several, tmp_path):
    hostile = renamed(several, {"my.package:Layer": HOSTILE, "The mystery": HOSTILE})
    text = write_report(hostile, tmp_path).read_text("utf-8")
    page = Page(text)
    assert page.text.count(HOSTILE) >= 3
    assert "<b>bold" not in text
    assert sum(tag == "script" for tag, _ in page.tags) == 3
    assert all(path.parent == tmp_path / "small-figures" for path in (tmp_path / "small-figures").rglob("*"))
    assert "alert(1)" in printed(hostile)


def test_matrix_states_a_bound_where_it_excludes_something():
    """A bound that is silent at the size that was trained is stated for the largest size that it was asked about."""
    task = averaging(8)

    def bound(x, width):
        return x, evidence(averaging(x), "attention", "attention", "b", "impossible", "worst", width)

    trained = searched(task, 8, "attention", "attention", (5, 5, 5), (4, 5))
    silent, _ = line("a", "length", "N", [bound(8, 0), bound(1024, 90), bound(64, 7)], [trained])
    speaks, _ = line("b", "length", "N", [bound(8, 3), bound(64, 7)], [trained])
    cells = task_matrix([silent, replace(speaks, task={"name": "mystery"})]).cells
    said = {name: next(e for e in cells[name]["attention"] if e.verdict == "impossible") for name in cells}
    assert (said["a"].width, said["a"].x) == (90, 1024)
    assert (said["b"].width, said["b"].x) == (3, 8)
