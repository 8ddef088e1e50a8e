"""What a study is said to take before it runs: counted, timed, and held against what it then takes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from assay import Ledger
from assay.studies.course import expected_runs
from assay.studies.estimate import estimate
from assay.studies.runner import run_questions
from assay.studies.study_file import load_study
from assay.studies.usual import SHARE
from assay.training import timing
from assay.training.question import TrainingQuestion
from assay.training.timing import RunSeconds, time_run
from fresh import assay
from test_cli import complaint, printed

TINY = Path(__file__).parent / "tiny.toml"


def timer(question):
    return RunSeconds(step=0.01, steps=question.recipe.steps, rest=0.5)


def test_an_estimate_is_the_sum_of_its_parts():
    study = load_study(str(TINY))
    found = estimate(study, {}, workers=2, timer=timer)
    json.dumps(found.to_json(), allow_nan=False)
    searches = {part.name: part for part in found.parts if " on " in part.name}
    assert len(searches) == len(study.searches())
    for search in study.searches():
        steps = search.candidates[0].recipe.steps
        expected = expected_runs(search) * (0.5 + SHARE * steps * 0.01)
        assert any(part.seconds == pytest.approx(expected) for part in searches.values())
    assert found.questions == sum(part.questions for part in found.parts)
    assert found.processor_seconds == pytest.approx(sum(part.seconds for part in found.parts))
    assert found.answered == 0
    assert found.disk_bytes > 0


def test_runs_that_are_tested_at_other_lengths_take_their_whole_budget(tmp_path):
    (tmp_path / "words.toml").write_text("""
name = "words"
[sweeps.z2]
task = { name = "group-word", group = "Z2" }
recipe = { steps = 100, batch = 16, test_lengths = [16, 32] }
search = [{ architecture = "gru", at = [8], lowest = 8, highest = 8 }]
""")
    study = load_study(str(tmp_path / "words.toml"))
    (part,) = estimate(study, {}, workers=1, timer=timer).parts
    assert part.seconds == pytest.approx(3 * (0.5 + 100 * 0.01))  # one width, one rate: every seed once


def test_testing_at_other_lengths_is_timed_in_proportion_to_them(monkeypatch):
    clock = [0.0]

    def train(question):
        clock[0] += 1.0 + question.recipe.steps + 0.001 * question.recipe.validation

    monkeypatch.setattr(TrainingQuestion, "train", train)
    monkeypatch.setattr(timing.time, "process_time", lambda: clock[0])
    first = load_study(str(TINY)).searches()[0].candidates[0]
    recipe = replace(first.recipe, test=1000, validation=1024, test_lengths=())
    question = replace(first, width=8, recipe=recipe)
    length = question.task.length
    longer = replace(question, recipe=replace(recipe, test_lengths=(2 * length, 4 * length)))
    assert time_run(question).rest == pytest.approx(2.001 + 1 * 1023 / 1024, abs=0.002)
    assert time_run(longer).rest == pytest.approx(2.001 + 7 * 1023 / 1024, abs=0.01)


def test_more_workers_take_less_time_but_never_less_than_one_question():
    study = load_study(str(TINY))
    times = [estimate(study, {}, workers=workers, timer=timer).seconds for workers in (1, 2, 4, 1000)]
    assert times == sorted(times, reverse=True)
    assert times[-1] > 0.5


def test_what_is_answered_is_not_estimated_again_and_what_was_learned_of_it_is_used(tmp_path):
    study = load_study(str(TINY))
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        run_questions(study.asked(), ledger, workers=2, report=lambda status: None)
        answers = {piece.key: piece for piece in ledger}
    done = estimate(study, answers, workers=2, timer=timer)
    assert done.questions == done.seconds == done.processor_seconds == 0
    assert done.answered == len(answers)
    longest = max(study.searches(), key=lambda search: search.candidates[0].task.length).candidates[0]
    kept = {
        key: piece
        for key, piece in answers.items()
        if piece.question["kind"] != "training"
        or piece.task != longest.about
        or piece.question["architecture"] != longest.networks.architecture
    }
    partly = estimate(study, kept, workers=2, timer=timer)
    assert 0 < partly.questions < estimate(study, {}, workers=2, timer=timer).questions
    assert partly.answered == len(kept)


def test_a_run_is_timed_by_its_steps():
    question = load_study(str(TINY)).searches()[0].candidates[0]
    found = time_run(question)
    assert 1e-5 <= found.step < 0.5
    assert found.of(1.0) == pytest.approx(found.rest + found.steps * found.step)
    assert replace(found, step=0.0).of(1.0) == found.rest


def test_a_dry_run_answers_nothing_and_writes_nothing(tmp_path):
    found = printed("run", TINY, "--dry-run", "--out", tmp_path / "out")
    assert found["questions"] > 0
    assert found["free_bytes"] > 0
    assert not (tmp_path / "out").exists()
    text = assay("run", TINY, "--dry-run", "--out", tmp_path / "out", "--workers", 1)
    assert text.returncode == 0
    assert "with 1 worker;" in text.stdout
    assert "timing" in text.stderr


def test_a_dry_run_of_a_battery_checks_the_layer_and_trains_nothing(tmp_path):
    asked = ("place", "gru", "--on", "copy,parity", "--out", tmp_path / "out", "--workers", 1, "--dry-run")
    done = assay(*asked)
    assert done.returncode == 0, done.stderr
    assert "state after" in done.stderr
    assert "timing copy: gru, width" in done.stderr
    assert "with 1 worker;" in done.stdout
    found = printed(*asked)
    assert (found["study"], found["answered"], len(found["parts"])) == ("place", 0, 2)
    assert found["seconds"] > 0
    assert not (tmp_path / "out").exists()
    assert "'cpoy' is not known" in complaint("place", "gru", "--on", "cpoy", "--dry-run")


def test_a_dry_run_speaks_of_this_machine():
    assert "--dry-run estimates for this machine" in complaint("run", TINY, "--dry-run", "--engine", "ray")
    assert "--dry-run estimates for this machine" in complaint("run", TINY, "--dry-run", "--address", "auto")
