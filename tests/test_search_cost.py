"""What a search costs and how often it is wrong, in simulated worlds whose learning probabilities are known."""

import importlib.util
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.store.ledger import Ledger
from assay.training.search import wrong_verdict
from searches import search_of

FILE = Path(__file__).parent.parent / "benchmarks" / "search_cost.py"
SEARCHES = 1000
RISING = ("certain", "steep", "usual", "shallow", "shallow, seeds keep their luck")


@pytest.fixture(scope="module")
def bench():
    """The benchmark as a module."""
    spec = importlib.util.spec_from_file_location("search_cost", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["search_cost"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["search_cost"]


@pytest.fixture(scope="module")
def tallies(bench):
    """By number of rungs and name, a world and its simulated searches."""
    return {
        (rungs, name): (world, bench.simulate(world, SEARCHES, seed=0))
        for rungs in (8, 20)
        for name, world in bench.worlds(rungs).items()
    }


def spread(share):
    """Four standard deviations of a share among the searches."""
    return 4 * math.sqrt(max(share * (1 - share), 1 / SEARCHES) / SEARCHES)


def test_a_certain_boundary_is_always_found(tallies):
    for rungs in (8, 20):
        _, tally = tallies[rungs, "certain"]
        assert not tally.off.any()
        assert not tally.grid_off.any()


def test_no_width_is_reported_more_often_than_its_verdict_can_be_wrong(tallies):
    for world, tally in tallies.values():
        for rung, chance in enumerate(world.chances):
            if chance < 0.5:
                most = wrong_verdict(chance, 3)
                assert np.mean(tally.off == rung - world.smallest) <= most + spread(most)


def test_the_search_is_off_by_more_than_a_rung_about_as_often_as_the_grid(tallies):
    for rungs in (8, 20):
        for name in RISING:
            _, tally = tallies[rungs, name]
            search, grid = (np.mean(abs(off) > 1) for off in (tally.off, tally.grid_off))
            assert search <= grid + math.sqrt(2) * spread(grid)


def test_the_usual_search_takes_at_most_a_quarter_of_the_steps(bench, tallies):
    for (rungs, name), (_, tally) in tallies.items():
        assert np.median(tally.steps) <= bench.BAR
        if rungs == 20 or name == "certain":
            assert np.quantile(tally.steps, 0.95) <= bench.BAR


def test_nothing_that_learns_is_seldom_taken_for_something(tallies):
    for rungs in (8, 20):
        world, tally = tallies[rungs, "never learned"]
        assert world.smallest == rungs
        assert np.mean(tally.low) <= rungs * wrong_verdict(0.02, 3) + spread(0.02)


def test_more_seeds_are_more_often_right(bench):
    world = bench.worlds(20)["usual"]
    right = [np.mean(abs(bench.simulate(world, SEARCHES, seed=2, seeds=seeds).off) <= 1) for seeds in (1, 3, 9)]
    assert right[0] < right[1] < right[2]


def test_a_simulation_depends_on_its_seed_alone(bench):
    world = bench.worlds(8)["usual"]
    one, same, other = (bench.simulate(world, 50, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.steps, same.steps)
    assert np.array_equal(one.off, same.off)
    assert not np.array_equal(one.steps, other.steps)


def test_the_drawn_worlds_have_the_stated_probabilities(bench):
    for world in (bench.worlds(8)["shallow"], bench.worlds(8)["shallow, seeds keep their luck"]):
        learned = bench.draw(world, 20000, np.random.default_rng(0)).learned.any(axis=2).mean(axis=1)
        assert learned == pytest.approx(world.chances, abs=0.02)


def test_a_grid_and_a_search_of_real_runs(bench, monkeypatch, capsys):
    """Tiny, and a second time from the ledger alone."""
    tiny = replace(
        bench.QUESTIONS["averaging"],
        task={"name": "sparse-averaging", "length": 3, "sparsity": 1, "dimension": 1, "layout": "last"},
        recipe={"steps": 60, "distribution": "gaussian", "batch": 8, "validation": 32, "test": 64, "check_every": 20},
        widths=(2, 4, 6),
        rates=(0.02,),
    )
    monkeypatch.setitem(bench.QUESTIONS, "averaging", tiny)
    with Ledger(":memory:") as ledger:
        bench.compare("averaging", ledger, repeats=0, every_start=False)
        first, runs = capsys.readouterr().out, len(ledger)
        monkeypatch.setattr(bench.TrainingQuestion, "answer", None)
        bench.compare("averaging", ledger, repeats=0, every_start=False)
        assert (capsys.readouterr().out, len(ledger)) == (first, runs)
    (grid,) = [line.split() for line in first.splitlines() if line.startswith("grid")]
    assert grid[4:7] == [str(3 * 3), str(3 * 3 * 60), "1.000"]  # every width and seed, to the end of the budget


def test_an_equal_seed_has_its_luck_at_all_widths(bench):
    world = bench.World(bench.rising(8, 3.5, 2.0), same=1.0, rates=(1.0,))
    learned = bench.draw(world, 500, np.random.default_rng(1)).learned[:, :, 0]
    assert (np.diff(learned.astype(int), axis=0) >= 0).all()  # who learns a width learns all wider ones


def test_playing_counts_every_run_once(bench):
    asked = []

    def answer(question):
        asked.append(question.key)
        return type("Answer", (), {"verdict": "learned" if question.width >= 5 else "not learned"})()

    assert bench.play(search_of(range(9), 0, (0, 1, 2), (0.1, 0.2)), answer) == 5
    assert len(asked) == len(set(asked))
