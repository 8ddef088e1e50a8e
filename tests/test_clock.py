"""How much time is said to be left, on a clock that is not the machine's: corrected by what questions really take."""

from dataclasses import replace
from pathlib import Path

import pytest

from assay.studies import clock
from assay.studies.clock import Clock, Status
from assay.studies.course import Course
from assay.studies.progress import _Lines, duration
from assay.studies.study_file import load_study
from assay.studies.usual import START, usual_seconds

TINY = Path(__file__).parent / "tiny.toml"


def played(planned, slower, monkeypatch, *, workers=2, kinds=("x",), starting=0):
    """At every second of a run: seconds since it began, seconds said to be left, those really left, and work done.

    A question takes `slower(place)` times what was planned, the first ones `starting` seconds more.
    """
    now, places = [0.0], range(len(planned))
    monkeypatch.setattr(clock.time, "monotonic", lambda: now[0])
    courses = [Course(str(place), (kinds[place % len(kinds)],), 1, iter(()), pending={"": None}) for place in places]
    told = Clock(courses, {str(place): planned[place] for place in places})
    told.workers = workers
    waiting, running, seen, done = list(places), {}, [], 0.0
    while waiting or running:
        while waiting and len(running) < workers:
            place = waiting.pop(0)
            running[place] = now[0] + slower(place) * planned[place] + starting * (now[0] == 0)
            told.begin(str(place), place)
        seen.append((now[0], told.status().remaining, done / sum(planned)))
        now[0] += 1.0
        for place in [place for place, end in running.items() if end <= now[0]]:
            del running[place]
            courses[place].answered, courses[place].finished, courses[place].pending = 1, True, {}
            told.end(str(place), answered=True)
            done += planned[place]
    assert told.status().remaining == 0
    return [(at, left, now[0] - at, share) for at, left, share in seen]


def off(left, real):
    return max(left / real, real / left)


def test_the_plan_is_said_at_once(monkeypatch):
    (_, left, real, _), *_ = played([6.0] * 40, lambda place: 1, monkeypatch)
    assert left == pytest.approx(real + START)


@pytest.mark.parametrize("starting", [0, 12])
@pytest.mark.parametrize("planned", [[6.0] * 40, [1.0, 20.0, 5.0, 0.02] * 20])
def test_a_machine_five_times_slower_than_planned_is_known_after_a_tenth_of_the_work(planned, starting, monkeypatch):
    seen = played(planned, lambda place: 5, monkeypatch, starting=starting)
    assert off(*seen[0][1:3]) > 3
    later = [(left, real) for _, left, real, share in seen if share >= 0.1 and real > 30]
    assert len(later) > 100
    assert max(off(*one) for one in later) < 1.5


def test_time_spent_in_running_questions_counts(monkeypatch):
    """Before the first question is answered, the plan is known to be wrong."""
    seen = played([60.0] * 6, lambda place: 5, monkeypatch)
    before = [(at, left, real) for at, left, real, share in seen if share == 0]
    assert before[-1][0] > 250
    assert off(*before[-1][1:]) < 1.2


@pytest.mark.parametrize("slower", [1, 5])
def test_what_is_left_never_stands_still(slower, monkeypatch):
    seen = played([60.0] * 6, lambda place: slower, monkeypatch)
    assert all(later[1] != now[1] for now, later in zip(seen, seen[20:], strict=False))


def test_a_kind_has_its_own_pace(monkeypatch):
    seen = played([5.0] * 60, lambda place: 9 if place % 2 else 1, monkeypatch, kinds=("quick", "slow"))
    assert max(off(left, real) for _, left, real, share in seen if share >= 0.1 and real > 60) < 1.5


def test_usual_seconds_grow_with_what_is_trained():
    question = load_study(str(TINY)).searches()[0].candidates[0]
    longer = replace(question, recipe=replace(question.recipe, steps=10 * question.recipe.steps))
    tested = replace(question, recipe=replace(question.recipe, test_lengths=(64,)))
    assert 0 < usual_seconds(question) < usual_seconds(longer)
    assert usual_seconds(question) < usual_seconds(tested)


def test_lines_begin_at_once_with_what_the_plan_says(capsys):
    from rich.console import Console

    show = _Lines(Console(stderr=True))
    show(Status(0, 0, 40, 0.0, 372.0))
    show(Status(1, 1, 40, 1.0, 300.0))
    assert capsys.readouterr().err == "0 of about 40 questions, 0:00, about 6 min left\n"
    assert duration(0) == "0 s"
