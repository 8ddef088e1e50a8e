"""Placing a layer: what is chosen, what is read off the runs, the card and its page, and layers that are refused."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from assay import AssayError
from assay.layers import LAYERS
from assay.placing import battery as batteries
from assay.placing.battery import BY_NAME, ROWS, BatteryLayer, battery, chosen_rows, fitting
from assay.placing.card import Card, Known, headline, reached_text, short_text
from assay.placing.charts import charts
from assay.placing.page import page_text
from assay.placing.proved import proved
from assay.placing.reference import FILE, KEPT_BASELINES, KNOWN_LAYERS, known_layers
from assay.placing.reference import main as make_reference
from assay.placing.rows import Limit, Placed, about_the_same_state, score
from assay.placing.text import card_text
from assay.questions.baselines import refused
from assay.sessions.place import place
from assay.sessions.study import answers_in
from assay.store.contradictions import differences
from assay.store.ledger import LEDGER, Ledger
from assay.studies.kept import kept_answers
from assay.training.question import RECIPE_VERSION
from assay.training.search import chosen, first_learned
from fresh import assay
from searches import asked, finished, run_of, search_of

HERE = Path(__file__).parent
TINY = {"steps": 12, "batch": 8, "check_every": 6, "validation": 32, "test": 64}


@pytest.fixture
def tiny(monkeypatch):
    """The battery with budgets of a dozen steps."""
    rows = tuple(replace(row, sweep={**row.sweep, "recipe": {**row.sweep["recipe"], **TINY}}) for row in ROWS)
    monkeypatch.setattr(batteries, "ROWS", rows)
    return rows


@pytest.mark.parametrize("battery_layer", KNOWN_LAYERS, ids=lambda battery_layer: battery_layer.name)
def test_every_layer_of_reference_can_be_asked_every_row(battery_layer):
    study = battery(battery_layer, ROWS, HERE)
    assert [line.name for line in study.sweeps] == [row.name for row in ROWS]
    searches = study.searches()
    assert len({search.name for search in searches}) == len(searches)
    assert all(search.seeds == (0, 1, 2) and search.rates == (0.003, 0.01) for search in searches)
    ways = {way for search in searches for way in search.positions}
    assert ("rotary" in ways) is (battery_layer.architecture in ("attention", "window-attention"))
    tables = {search.candidates[0].task.name for search in searches if "table" in search.positions}
    assert tables == {"copy"}


def test_the_quick_battery_is_a_part_of_the_whole():
    quick = {
        search.name: search
        for line in battery(BatteryLayer("gru"), chosen_rows([], quick=True), HERE).sweeps
        for search in line.searches
    }
    whole = {
        search.name: search for line in battery(BatteryLayer("gru"), ROWS, HERE).sweeps for search in line.searches
    }
    assert {name: whole[name] for name in quick} == quick
    assert 4 <= len(quick) < len(whole) / 2
    assert {row.name for row in chosen_rows(["group-word"], quick=False)} == {"parity", "s3", "s5"}
    with pytest.raises(AssayError, match="did you mean 'recall'"):
        chosen_rows(["recal"], quick=False)
    assert [row.name for row in chosen_rows(["recall", "k-hop"], quick=False)][:2] == ["recall", "induction"]
    with pytest.raises(AssayError, match="s5 is not in the quick battery"):
        chosen_rows(["s3", "s5"], quick=True)


@pytest.mark.long
def test_no_trivial_baseline_reaches_the_tolerance_on_any_row():
    for question in battery(BatteryLayer("gru"), ROWS, HERE).baselines():
        assert not refused(question.answer()), question.about


def evidence(question, error, **more):
    detail = {"steps": 100, "curve": [0.5, error], "lengths": {}, **more}
    run = run_of(
        question, error <= 0.05, error=error, tolerance=0.05, detail=detail, parameters=99, state=question.width
    )
    return replace(run, seconds=2.0)


def played(generator, answer):
    """The result of a generator of questions, and all that it asked."""
    asked, questions = [], next(generator)
    while True:
        asked += questions
        try:
            questions = generator.send([answer(question) for question in questions])
        except StopIteration as stop:
            return stop.value, asked


def test_the_first_seed_chooses_positions_and_rate():
    (search,) = battery(BatteryLayer("attention"), [BY_NAME["copy"]], HERE).sweeps[0].searches
    errors = {
        ("none", 0.003): 0.9,
        ("none", 0.01): 0.8,
        ("rotary", 0.003): 0.4,
        ("rotary", 0.01): 0.3,
        ("table", 0.003): 0.04,
        ("table", 0.01): 0.6,
    }

    def answer(question):
        return evidence(question, errors[question.networks.positions, question.rate])

    settled, asked = played(chosen(search), answer)
    assert {(q.networks.positions, q.rate, q.seed) for q in asked} == {(*key, 0) for key in errors}
    assert len({q.task.length for q in asked}) == 1
    assert (settled.positions, settled.rates) == (("table",), (0.003, 0.01))
    place, asked = played(first_learned(settled), answer)
    assert settled.values[place] == 64
    assert {q.networks.positions for q in asked} == {"table"}
    assert settled.place_of(answer(settled.in_positions("none").run(2, 0, 0.01))) is None
    assert settled.place_of(answer(settled.run(2, 0, 0.01))) == 2
    plain = search_of((1, 2))
    with pytest.raises(StopIteration) as stop:
        next(chosen(plain))
    assert stop.value.value is plain


def test_what_was_reached_is_what_most_seeds_reached():
    placed = Placed(
        "s3",
        32,
        value=32,
        ladder=(32,),
        learned=3,
        seeds=3,
        tolerance=0.05,
        lengths={2: (0.0, 0.01, 0.3), 4: (0.0, 0.2, 0.3)},
    )
    assert (placed.reach, score(BY_NAME["s3"], placed)) == (2, 2.0)
    assert reached_text(BY_NAME["s3"], placed) == "learned, to 2 times the length"
    recall = Placed("recall", 32, value=32, ladder=(32, 16, 8), learned=2, seeds=3, own=(16, 32, 32))
    assert reached_text(BY_NAME["recall"], recall) == "at least 32 pairs"
    assert reached_text(BY_NAME["recall"], replace(recall, value=None)) == "fewer than 8 pairs"
    hops = Placed("two-hops", 32, value=3, ladder=(1, 2, 3))
    assert score(BY_NAME["two-hops"], hops) < score(BY_NAME["two-hops"], replace(hops, value=2))
    assert score(BY_NAME["two-hops"], replace(hops, value=None)) == 0
    again = Placed.from_json(json.loads(json.dumps(placed.to_json())))
    assert again == placed
    limited = replace(
        recall, limit=Limit("recall-state", "state bits", 12.5, None), code={"architecture": 1, "task": "x"}
    )
    assert Placed.from_json(limited.to_json()) == limited


def row(name, state, **values):
    return Placed(name, 32, seeds=3, state_bits=state, compared_bits=state, tolerance=0.05, **values)


def card_of(known, **more):
    mine = (
        row("recall", 1000, value=16, ladder=(32, 16, 8), learned=3, error=0.01, positions="none", rate=0.01),
        row("s5", 1000, value=32, ladder=(32,), learned=3, lengths={2: (0.0,) * 3, 4: (0.01,) * 3}),
        row("induction", 1000, ladder=(32,), error=0.6),
    )
    return Card(
        "mine", ("a", "b", "c"), mine, known, (0.003, 0.01), False, "assay place mine", "a machine", {}, "2026", **more
    )


def test_the_first_line_names_each_row_once_beside_layers_of_the_same_state():
    same = Known(
        "same",
        (
            row("recall", 1900, value=8, ladder=(32, 16, 8)),
            row("s5", 900, ladder=(32,)),
            row("induction", 900, value=32, ladder=(32,), learned=3),
        ),
    )
    larger = Known("larger", (row("recall", 9000, value=32, ladder=(32, 16, 8)), row("s5", None, ladder=(32,))))
    card = card_of((same, larger))
    assert headline(card) == (
        "mine, beside known layers of about its state: ahead on recall and S5; behind on induction in one layer."
    )
    assert card.notes[0] == "Compared with same. Ahead: more than one of them at least, and less than none."
    assert "no known layer of about its state" in headline(card_of((larger,)))
    assert "no known layer" in headline(card_of((replace(same, stale="made before"),)))
    both = Known("more", (row("recall", 1000, value=32, ladder=(32, 16, 8)), row("s5", 1000, ladder=(32,))))
    assert headline(card_of((same, both))) == (
        "mine, beside known layers of about its state: ahead on S5; ahead of some and behind others on recall; "
        "behind on induction in one layer."
    )
    tried = replace(card_of((same,)), rates=(0.1, 0.2, 0.3))
    assert tried.notes[-1] == "It was tried at 3 learning rates, they at 2."


def test_what_holds_at_the_length_of_training_only_is_said_so_and_what_is_near_the_tolerance_is_barely():
    parity = row("parity", 9, value=32, ladder=(32,), error=0.049, lengths={2: (0.4, 0.45, 0.5), 4: (0.4, 0.48, 0.5)})
    assert reached_text(BY_NAME["parity"], parity) == "learned, at the length of training only, barely"
    assert short_text(parity) == "learned at 1x only, barely"
    failing, reaching = row("parity", 9, ladder=(32,), error=0.4), replace(parity, lengths={2: (0.0,) * 3})
    card = replace(card_of((Known("none", (failing,)),)), placed=(parity,))
    assert headline(card).endswith("ahead on parity (at the length of training only, barely).")
    card = replace(card, known=(Known("none", (failing,)), Known("far", (reaching,))))
    assert headline(card).count("parity") == 1
    assert "ahead of some and behind others on parity" in headline(card)
    for error, said in ((0.044, ""), (0.0451, ", barely"), (0.0549, ", barely"), (0.056, ""), (0.3, "")):
        one = row("recall", 9, value=8, ladder=(32, 16, 8), error=error)
        assert reached_text(BY_NAME["recall"], one) == f"8 pairs{said}", error


def test_a_layer_that_declares_no_state_is_told_how_to():
    larger = Known("larger", (row("s5", 9000, ladder=(32,)),))
    card = replace(card_of((larger,)), placed=(row("s5", None, ladder=(32,)),), undeclared="Declare it so.")
    assert headline(card) == "mine, beside known layers: level on S5."
    assert card.notes[0].endswith("whatever their state. Declare it so.")
    assert "It declares no state" in card_text(card)


def test_what_is_left_is_said_by_rows_and_command():
    failed = Placed("recall", 32, failed="at width 32: it broke")
    quick = "assay place mine --on recall,s5 --quick --rates 0.1"
    card = replace(card_of(()), placed=(failed, *card_of(()).placed[1:]), command=quick)
    said = " ".join(card.notes)
    assert f"No answer yet on recall: '{quick}' asks again." in said
    assert "Not asked: flat recall in two layers, induction behind a short convolution," in said
    assert "S3, copy and flip-flop; 'assay place mine --rates 0.1' asks all that fits." in said
    assert "takes about" not in page_text(card)


def test_bounds_speak_of_a_layer_through_what_it_declares():
    def lines(layer, rows, undeclared=""):
        return proved(battery(BatteryLayer(layer), [BY_NAME[name] for name in rows], HERE), undeclared)

    (recall, *_, copy) = lines("lstm", ("recall", "s5", "copy"))
    assert recall.startswith("recall, width 16: 32 pairs need at least 173 state bits at a mean error of 0.05")
    assert recall.endswith("(recall-state, proved), and it declares 1,024: none of the row is excluded")
    assert copy.startswith("copy, width 32: 64 tokens need at least 82 state bits")
    narrow = LAYERS.named(f"{HERE / 'layers_to_place.py'}:OneNumber")
    (said,) = [line for line in lines(narrow, ("recall",)) if "width 16" in line]
    assert said.endswith("and it declares 32: impossible with 32, 16 and 8 pairs")
    assert lines("lstm", ("s5",)) == ["Nothing: no bound of Assay speaks of these rows and of what the layer declares."]
    silent = LAYERS.named(f"{HERE / 'layers_to_place.py'}:Silent")
    assert lines(silent, ("recall",), "Say it.") == ["Nothing, because it declares no state. Say it."]


def test_how_to_declare_a_state_is_said_with_what_was_measured(tmp_path):
    file = HERE / "layers_to_place.py"
    asked = ("bound", "recall", "--pairs", "16", "--architecture", f"{file}:Silent", "--width", "32")
    done = assay(*asked, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()[-1]
    assert said.startswith("Declare it with a method state(tokens)")
    assert "at width 8 later outputs depend on 8 independent directions of 8 tokens" in said
    assert "Declare it" in json.loads(assay(*asked, "--json", cwd=tmp_path).stdout)["undeclared"]
    declared = assay("bound", "recall", "--architecture", f"{file}:Talker", "--width", "32", cwd=tmp_path)
    assert "Declare it" not in declared.stdout


def test_the_text_is_of_twenty_lines_at_most():
    known = tuple(Known(f"a layer of reference ({number})", card_of(()).placed) for number in range(12))
    rows = [Placed(one.name, 32, ladder=(8,), seeds=3, tolerance=0.05, error=0.4) for one in ROWS]
    rows += [replace(rows[0], width=width) for width in (16, 64)]
    text = card_text(replace(card_of(known, page="a/page.html"), placed=tuple(rows)))
    lines = text.splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 118
    assert lines[0].startswith("mine, beside known layers")
    assert all(any(line.startswith(one.name) for line in lines) for one in ROWS)
    assert lines[-1] == "page  a/page.html"


def test_layers_are_compared_where_searches_begin():
    """A cache grows with the length: what a layer reached must not decide whom it is compared with."""
    reached, failed = row("recall", 8000, value=32, ladder=(32, 8)), row("recall", 500, ladder=(32, 8))
    assert about_the_same_state(replace(reached, compared_bits=1000), replace(failed, compared_bits=1000))
    assert not about_the_same_state(replace(reached, compared_bits=None), failed)


def test_the_page_has_charts_that_compile_and_everything_in_it():
    known = Known(
        "same",
        (row("recall", 900, value=8, ladder=(32, 16, 8)), row("s5", 900, ladder=(32,), error=0.9)),
        "made with version 1",
    )
    card = card_of((known, Known("<b>", (row("induction", 9, value=32, ladder=(32,)),))))
    drawn = charts(card)
    assert [chart.name for chart in drawn] == ["capacity", "tracking"]  # nothing is known of its depth
    assert {panel["title"] for panel in drawn[1].spec["concat"]} == {"S5"}
    two = row("induction-two", 1000, value=32, ladder=(32,), learned=3)
    assert [chart.name for chart in charts(replace(card, placed=(*card.placed, two)))][2:] == ["depth"]
    silent = replace(card, placed=tuple(replace(placed, state_bits=None) for placed in card.placed))
    assert [chart.name for chart in charts(silent)] == ["tracking"]
    for chart in drawn:
        assert chart.file().startswith(b"<svg")
    page = page_text(card)
    assert "<b>" not in page.partition("<script>")[0].replace("<b>recall", "").replace("<b>S5", "").replace(
        "<b>induction", ""
    )
    data = json.loads(page.partition('id="card">')[2].partition("</script>")[0])
    assert data["headline"] == card.headline
    assert [placed["row"] for placed in data["placed"]] == ["recall", "s5", "induction"]
    assert "made with version 1; shown in grey" in page
    assert not re.search(r'(?:src|href)="http', page)
    assert "prefers-color-scheme: dark" in page
    text = card_text(card)
    assert text.startswith("mine: no known layer of about its state")
    assert "of older code, so not compared: same" in text


def test_rows_of_reference_are_stale_when_anything_they_rest_on_is_another(tmp_path):
    line = {
        "layer": "gru",
        "architecture": "gru",
        "versions": {"recipe": 0, "battery": batteries.BATTERY_VERSION},
        "placed": row("s5", 9, ladder=(32,), code={"architecture": 1, "task": 1}).to_json(),
    }
    file = tmp_path / "rows.jsonl"

    def stale(**changed):
        file.write_text(json.dumps({**line, **changed}) + "\n")
        (known,) = known_layers(file=file)
        return known.stale

    assert "version 0 of training" in stale()
    current = {"recipe": RECIPE_VERSION, "battery": batteries.BATTERY_VERSION}
    assert stale(versions=current) == ""
    assert "of the battery" in stale(versions={**current, "battery": 0})
    older = {**line["placed"], "code": {"architecture": 0, "task": 1}}
    assert "version 0 of its architecture" in stale(versions=current, placed=older)
    with pytest.raises(AssayError, match="did you mean 'gru'"):
        known_layers(["grv"], file=file)
    assert known_layers(besides="gru", file=file) == []


def test_baselines_that_are_shipped_are_those_of_todays_code():
    study = battery(BatteryLayer("gru"), [row for row in ROWS if row.name in ("flip-flop", "parity")], Path())
    shipped = kept_answers(KEPT_BASELINES)
    for question in study.baselines():
        mine, theirs = question.answer(), shipped[question.key]
        assert differences(mine, theirs) == ()
    asked = {one.key for one in battery(BatteryLayer("gru"), ROWS, Path()).baselines()}
    assert asked <= set(shipped)


def test_rows_of_reference_are_whole_and_have_the_separations_of_the_field():
    known = {layer.name: {placed.at: placed for placed in layer.placed} for layer in known_layers()}
    asked = {
        (row.name, width) for row in ROWS for width in (row.search["at"] if row.sweep.get("along") == "width" else [32])
    }
    assert all(set(rows) == asked for rows in known.values())
    assert not any(placed.failed for rows in known.values() for placed in rows.values())
    assert FILE.stat().st_size < 1 << 20
    signed, positive, attention, lstm = (
        known[name] for name in ("delta-net (eigenvalues=signed)", "delta-net", "attention", "lstm")
    )
    assert [signed[name, 32].reach for name in ("parity", "s3", "s5")] == [4, 4, 4]
    assert lstm["parity", 32].reach == 4
    assert not any(rows[name, 32].value for rows in (positive, attention) for name in ("parity", "s3", "s5"))
    assert all(attention["recall", width].whole for width in (16, 32, 64))
    assert signed["recall", 16].value < signed["recall", 32].value < signed["recall", 64].value
    assert (attention["induction", 32].value, attention["induction-two", 32].value) == (None, 32)
    assert attention["two-hops", 32].value == 3


def test_a_copy_of_a_shipped_layer_gives_the_same_rows_and_an_edited_one_is_asked_anew(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = Path(batteries.__file__).parents[1] / "layers" / "delta_net.py"
    text = source.read_text().replace("@LAYERS.register\n", "")
    Path("mine.py").write_text(text)
    on = ("flip-flop", "copy")
    ours = place("delta-net", on=on, out="ours", workers=1)
    theirs = place("mine.py:DeltaNet", on=on, out="theirs", workers=1)

    def rows(card):
        return [replace(placed, seconds=0.0, code={}) for placed in card.placed]

    assert not any(placed.failed for placed in ours.placed)
    assert rows(ours) == rows(theirs)
    with Ledger(Path("theirs") / LEDGER) as ledger:
        before = len(list(ledger))
    again = place("mine.py:DeltaNet", on=on, out="theirs", workers=1)
    assert rows(again) == rows(theirs)
    with Ledger(Path("theirs") / LEDGER) as ledger:
        assert len(list(ledger)) == before


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_placing_that_was_killed_gives_the_same_card(tmp_path):
    command = [sys.executable, "-m", "assay", "place", "gru", "--on", "flip-flop,parity", "--json", "--workers", "2"]

    def card(folder):
        done = subprocess.run([*command, "--out", folder], cwd=tmp_path, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        return {key: value for key, value in found.items() if key not in ("checks", "made", "page", "placed")}, [
            {key: value for key, value in placed.items() if key != "seconds"} for placed in found["placed"]
        ]

    whole = card("whole")
    begun = subprocess.Popen([*command, "--out", "killed"], cwd=tmp_path, start_new_session=True)
    answers = {}
    while sum(piece.source == "training" for piece in answers.values()) < 3:
        time.sleep(0.2)
        with suppress(AssayError):  # a ledger that has just been made
            answers = answers_in(tmp_path / "killed")
    os.killpg(begun.pid, signal.SIGKILL)
    begun.wait()
    assert card("killed") == whole


BROKEN = {
    "Ahead": "declares that it is causal, but its outputs change when later tokens do",
    "TooLittle": "declares 2 numbers of state",
    "NoGradient": "gives gradients that are not finite",
    "Narrow": "gives outputs of shape",
    "Moody": "changes between calls",
    "Slow": "times plain attention's; the battery would take about",
    "OtherDevice": "selective_scan_cuda needs a GPU",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_layer_that_cannot_be_placed_is_answered_in_one_line(name, tmp_path):
    done = assay("place", f"{HERE / 'layers_to_place.py'}:{name}", "--out", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert BROKEN[name] in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_users_layer_is_placed_from_the_command_line(tmp_path):
    asked = ("place", f"{HERE / 'layers_to_place.py'}:Talker", "--on", "flip-flop", "--out", "out", "--rates", "0.02")
    done = assay(*asked, "--report", "card.html", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    (placed,) = card["placed"]
    assert (placed["row"], placed["positions"], placed["rate"], placed["failed"]) == ("flip-flop", "none", 0.02, "")
    assert card["rates"] == [0.02]
    assert (tmp_path / "card.html").exists()
    again = assay(*asked, cwd=tmp_path)
    assert again.returncode == 0
    assert "flip-flop" in again.stdout


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("place",), "place needs a layer"),
        (("place", "grv"), "did you mean 'gru'"),
        (("place", "gru", "--on", "recal"), "did you mean 'recall'"),
        (("place", "gru", "--rates", "fast"), "--rates fast is not allowed"),
        (("place", "gru", "--rates", "3"), "rate = 3.0 is not allowed"),
        (("place", "gru", "--options", "states=3"), "states"),
        (("place", "gru", "--against", "nothing"), "nothing"),
        (("place", "gru", "--against", "gated-linear"), "'assay place gated-linear' makes its own card"),
        (("place", "gru", "--on", "recall,flip-flop", "--quick"), "flip-flop is not in the quick battery"),
        (("place", "feed-forward"), "feed-forward is not made of layers"),
    ],
)
def test_requests_that_cannot_be_met_are_refused_in_one_line(given, said, tmp_path):
    done = assay(*given, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_cards_of_other_requests_have_names_of_their_own(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ({}, {"against": ["lstm", "selective (eigenvalues=signed)"]}, {"against": ["lstm"]}, {"rates": [0.02]})
    pages = {place("gru", on=["flip-flop"], out="out", workers=1, **more).page for more in asked}
    assert pages == {
        "out/place-gru-flip-flop.html",
        "out/place-gru-flip-flop-against-lstm-selective-eigenvalues=signed.html",
        "out/place-gru-flip-flop-against-lstm.html",
        "out/place-gru-flip-flop-rates-0.02.html",
    }
    assert {f"out/{page.name}" for page in Path("out").glob("*.html")} == pages


def test_known_layers_are_named_with_their_options(tmp_path):
    names = [known.name for known in known_layers(["delta-net (eigenvalues=signed)", "lstm"])]
    assert names == ["delta-net (eigenvalues=signed)", "lstm"]
    assert [known.name for known in known_layers(["delta-net"])] == ["delta-net", "delta-net (eigenvalues=signed)"]
    with pytest.raises(AssayError, match="nosuch"):
        make_reference(["--only", "nosuch", "--out", str(tmp_path)])


def test_a_whole_block_is_not_asked_for_a_convolution_before_it():
    rows, left_out = fitting(BatteryLayer(LAYERS.named(f"{HERE / 'layers_to_place.py'}:Whole")), ROWS)
    assert {row.name for row in ROWS} - {row.name for row in rows} == {"induction-conv"}
    assert "induction-conv is left out" in left_out[0]


def test_the_battery_is_listed(tmp_path):
    done = assay("place", "--list", cwd=tmp_path)
    assert done.returncode == 0
    assert all(row.name in done.stdout for row in ROWS)
    listed = json.loads(assay("place", "--list", "--json", cwd=tmp_path).stdout)
    assert [one["name"] for one in listed["rows"]] == [row.name for row in ROWS]


def test_runs_of_other_ways_are_not_read_off_as_the_rows_own():
    search = search_of((64, 32), 1, (0,), (0.1,), question=asked(architecture="gru")).in_positions("table")
    other = run_of(search.in_positions("none").run(1, 0, 0.1), True)
    own = run_of(search.run(1, 0, 0.1), True)
    found = finished(search, 32, [other, own])
    assert (found.place, found.there) == (1, [own])
