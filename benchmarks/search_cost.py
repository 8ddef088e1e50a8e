"""Training steps of a search for the smallest learned width, against the grid that is the habit of the field.

    python benchmarks/search_cost.py [--simulations 1000] [--question averaging] [--repeats 3] [--every-start]

The grid trains every width at every learning rate with every seed to the end of the budget; its smallest width is the
smallest at which most seeds learned at one of the rates. The search is the one that studies run: same ladder, rates,
seeds, training routine and verdict. First both are simulated in worlds whose learning probabilities are known, then
both are run on small real questions. Answers are kept in the ledger, so a run that is interrupted resumes.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from assay.evidence import Evidence
from assay.models.candidates import Candidates
from assay.store.ledger import Ledger
from assay.studies.start import proved_start
from assay.tasks import task_from_json
from assay.training.question import TrainingQuestion
from assay.training.search import Search, first_learned, ladder, wrong_verdict

BAR, NEAR = 0.25, 0.10  # promised: at most this share of the grid's steps, and a width this near to the grid's
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class World:
    """Made-up questions with a known answer.

    Attributes:
        chances: by rung, the probability over seeds of learning at one of the rates.
        same: share of a seed's luck that is the same at all widths; at 1 every seed has a threshold of its own.
        rates: by rate, the probability that it is the one that works; another rate works besides in half of all cases.
    """

    chances: tuple[float, ...]
    same: float = 0.0
    rates: tuple[float, ...] = (0.3, 0.7)

    @property
    def smallest(self) -> int:
        """The smallest rung at which learning has probability 1/2 or more; the number of rungs if there is none."""
        return next((rung for rung, chance in enumerate(self.chances) if chance >= 0.5), len(self.chances))


@dataclass(frozen=True)
class Draw:
    """What becomes of the runs of a world, by rung, seed and rate: do they learn, and in what share of the budget?"""

    learned: np.ndarray
    shares: np.ndarray


def draw(world: World, seeds: int, random: np.random.Generator) -> Draw:
    """A run that learns takes 0.3 to 0.8 of its budget, the more the narrower its escape; one that fails is given up at
    half of it or, in the third of cases that come nearest to learning, goes on to the end: as training runs were found
    to do."""
    rungs, rates = len(world.chances), len(world.rates)
    normal = math.sqrt(world.same) * random.standard_normal(seeds)
    normal = normal + math.sqrt(1 - world.same) * random.standard_normal((rungs, seeds))
    luck = np.vectorize(statistics.NormalDist().cdf)(normal)[:, :, None]
    chances = np.array(world.chances)[:, None, None]
    main = random.choice(rates, (rungs, seeds), p=world.rates)
    works = (np.arange(rates) == main[:, :, None]) | (random.random((rungs, seeds, rates)) < 0.5)
    learned = (luck < chances) & works
    near_miss = (luck - chances) < 0.35 * (1 - chances)
    shares = np.where(learned, 0.3 + 0.5 * luck / np.maximum(chances, 1e-9), np.where(near_miss, 1.0, 0.5))
    return Draw(learned, shares)


def play(
    search: Search, answer: Callable[[TrainingQuestion], Any], way: Callable[[Search], Any] = first_learned
) -> Any:
    """Run a search to its end; the place of its value, or None."""
    asking = way(search)
    questions = next(asking)
    while True:
        try:
            questions = asking.send([answer(question) for question in questions])
        except StopIteration as stop:
            return stop.value


def most_learned(learned: np.ndarray) -> int:
    """The smallest rung at which most seeds learned at one of the rates; the number of rungs if there is none."""
    at = learned.any(axis=2).sum(axis=1) > learned.shape[1] // 2
    return int(at.argmax()) if at.any() else len(at)


@dataclass(frozen=True)
class Tally:
    """Many simulated searches of one world.

    Attributes:
        off: rungs from the smallest width to the reported one, for every search.
        grid_off: the same for the grid.
        low: whether the reported width has a learning probability below 1/2.
        steps: share of the grid's steps, for every search.
        early: share of the steps of a grid whose runs may stop early as the search's do.
        runs: for every search.
    """

    off: np.ndarray
    grid_off: np.ndarray
    low: np.ndarray
    steps: np.ndarray
    early: np.ndarray
    runs: np.ndarray


@cache
def made_up(count: int, seeds: tuple[int, ...], rates: tuple[float, ...]) -> Search:
    """A search whose widths and rates are places in a world."""
    bench = QUESTIONS["averaging"]
    task = task_from_json(bench.task)
    question = TrainingQuestion.usual(Candidates("attention"), task, bench.recipe, 0, seed=0, rate=0)
    return Search(tuple(range(count)), tuple(replace(question, width=place) for place in range(count)), 0, seeds, rates)


def simulate(
    world: World, searches: int, seed: int, *, seeds: int = 3, way: Callable[[Search], Any] = first_learned
) -> Tally:
    """Search `world` many times, each time with fresh luck and from a start drawn from all rungs."""
    random = np.random.default_rng(seed)
    count, rates = len(world.chances), len(world.rates)
    off, grid_off, low, steps, early, runs = [], [], [], [], [], []
    for _ in range(searches):
        fate = draw(world, seeds, random)
        taken: dict[tuple[int, int, int], float] = {}

        def answer(question: TrainingQuestion, fate: Draw = fate, taken: dict = taken) -> SimpleNamespace:
            place = question.width, question.seed, int(question.rate)
            taken[place] = fate.shares[place]
            return SimpleNamespace(verdict="learned" if fate.learned[place] else "not learned")

        begun = replace(made_up(count, tuple(range(seeds)), tuple(range(rates))), start=int(random.integers(count)))
        found = play(begun, answer, way)
        off.append((count if found is None else found) - world.smallest)
        grid_off.append(most_learned(fate.learned) - world.smallest)
        low.append(found is not None and world.chances[found] < 0.5)
        steps.append(sum(taken.values()) / fate.shares.size)
        early.append(sum(taken.values()) / fate.shares.sum())
        runs.append(len(taken))
    return Tally(*(np.array(values) for values in (off, grid_off, low, steps, early, runs)))


def rising(rungs: int, middle: float, scale: float) -> tuple[float, ...]:
    """Logistic learning probabilities: 1/2 at rung `middle`, from 0.27 to 0.73 within `scale` rungs on either side."""
    return tuple(1 / (1 + math.exp((middle - rung) / scale)) for rung in range(rungs))


def worlds(rungs: int) -> dict[str, World]:
    """Steep and shallow rises, luck that stays with a seed, a hole above the boundary, and nothing that learns."""
    middle = math.floor(0.45 * rungs) - 0.5  # between two rungs
    hole = [0.2 if rung == math.ceil(middle) + 2 else chance for rung, chance in enumerate(rising(rungs, middle, 0.3))]
    return {
        "certain": World(tuple(float(rung > middle) for rung in range(rungs))),
        "steep": World(rising(rungs, middle, 0.4)),
        "usual": World(rising(rungs, middle, 0.8)),
        "shallow": World(rising(rungs, middle, 2.0)),
        "shallow, seeds keep their luck": World(rising(rungs, middle, 2.0), same=0.8),
        "steep with a hole": World(tuple(hole)),
        "never learned": World((0.02,) * rungs),
    }


def too_low(world: World, seeds: int) -> float:
    """What the probability of reporting a width of learning probability below 1/2 cannot exceed."""
    return min(1.0, sum(wrong_verdict(chance, seeds) for chance in world.chances if chance < 0.5))


def print_simulations(searches: int) -> None:
    """A table of all worlds."""
    print(f"{searches} simulated searches each, {len(SEEDS)} seeds, 2 rates, from any start.")
    print(
        "exact, off: share that reports the smallest width of learning probability 1/2, or one more than a rung away."
    )
    print("low: share that reports a width of smaller learning probability; bound: what that share cannot exceed.")
    print("steps: median share of the grid's (95th percentile); early: of a grid's whose runs may stop early as well.")
    heads = f"{'exact':>6} {'off':>6} {'grid off':>8} {'low':>6} {'bound':>6} {'runs':>4} {'steps':>13} {'early':>6}"
    print(f"{'rungs':>5}  {'world':30} {heads}")
    for rungs in (8, 20):
        for name, world in worlds(rungs).items():
            tally = simulate(world, searches, seed=1)
            steps = f"{np.median(tally.steps):.3f} ({np.quantile(tally.steps, 0.95):.3f})"
            print(
                f"{rungs:5}  {name:30} {np.mean(tally.off == 0):6.1%} {np.mean(abs(tally.off) > 1):6.1%} "
                f"{np.mean(abs(tally.grid_off) > 1):8.1%} {np.mean(tally.low):6.1%} {too_low(world, len(SEEDS)):6.1%} "
                f"{np.median(tally.runs):4.0f} {steps:>13} {np.median(tally.early):6.3f}"
            )


@dataclass(frozen=True)
class Bench:
    """A small real question about attention: its smallest learned width on one ladder."""

    task: dict[str, Any]
    recipe: dict[str, Any]
    widths: tuple[int, ...]
    rates: tuple[float, ...]
    head_width: int = 0


QUESTIONS = {
    "averaging": Bench(
        {"name": "sparse-averaging", "length": 8, "sparsity": 2, "dimension": 1, "layout": "last"},
        {"steps": 800, "distribution": "gaussian", "batch": 64, "validation": 1024, "test": 4096},
        ladder(3, 16, 1.2),
        (0.005, 0.015),
    ),
    "pairs": Bench(
        {"name": "match2", "length": 16, "notation": "digits"},
        {"steps": 500, "distribution": "digits", "batch": 64, "validation": 1024, "test": 4096},
        ladder(4, 32, 1.35, multiple=4),
        (0.007, 0.02),
        head_width=4,
    ),
}


class Trainer:
    """Answers training questions, of the ledger where they are there; counts and shows what it runs."""

    def __init__(self, ledger: Ledger, expected: int) -> None:
        self.ledger, self.expected = ledger, expected
        self.asked: dict[str, Evidence] = {}
        self.begin = time.monotonic()

    def __call__(self, question: TrainingQuestion) -> Evidence:
        found = self.ledger.get(question.to_json())
        if found is None:
            found = question.answer()
            self.ledger.add(found)
        self.asked[found.key] = found
        print(
            f"\r  {len(self.asked)} runs of {self.expected}, {time.monotonic() - self.begin:.0f} s ",
            end="",
            file=sys.stderr,
        )
        return found

    @property
    def steps(self) -> int:
        return sum(evidence.detail["steps"] for evidence in self.asked.values())


def search_of(bench: Bench) -> Search:
    """The search, from a start that only what is proved tells."""
    task, networks = task_from_json(bench.task), Candidates("attention", head_width=bench.head_width)
    first = TrainingQuestion.usual(networks, task, bench.recipe, bench.widths[0], seed=SEEDS[0], rate=bench.rates[0])
    start = proved_start(networks, task, bench.widths)
    candidates = tuple(replace(first, width=width) for width in bench.widths)
    return Search(bench.widths, candidates, start, SEEDS, bench.rates)


def grid_width(search: Search, train: Trainer) -> int | None:
    """The grid's smallest width. Runs are measured once, at the end of the budget, so none stops early."""
    recipe = search.candidates[0].recipe
    measured_once = replace(recipe, check_every=recipe.steps)
    learned = np.array(
        [
            [
                [
                    train(replace(search.run(place, seed, rate), recipe=measured_once)).verdict == "learned"
                    for rate in search.rates
                ]
                for seed in search.seeds
            ]
            for place in range(len(search.values))
        ]
    )
    place = most_learned(learned)
    return search.values[place] if place < len(search.values) else None


def disagreements(one: Trainer, other: Trainer) -> str:
    """How many runs that both made have different verdicts, as stopping early may bring."""

    def place(evidence: Evidence) -> tuple[int, int, float]:
        asked = TrainingQuestion.of(evidence)
        return asked.width, asked.seed, asked.rate

    theirs = {place(evidence): evidence.verdict for evidence in other.asked.values()}
    mine = [(evidence.verdict, theirs[place(evidence)]) for evidence in one.asked.values() if place(evidence) in theirs]
    return f"{sum(verdict != other for verdict, other in mine)} of {len(mine)}"


def compare(name: str, ledger: Ledger, *, repeats: int, every_start: bool) -> None:
    """Run the grid and the search, and print a table."""
    asked = search_of(QUESTIONS[name])
    first, full = asked.candidates[0], len(asked.values) * len(asked.seeds) * len(asked.rates)
    print(f"\n{name}: {first.about}, attention, widths {', '.join(map(str, asked.values))}")
    print(f"rates {asked.rates}, seeds {asked.seeds}, budget {first.recipe.steps} steps")
    print(f"{'':24} {'width':>5} {'runs':>5} {'steps':>7} {'share':>6} {'seconds':>7}")

    def row(label: str, width: int | None, train: Trainer) -> None:
        seconds = sum(evidence.seconds for evidence in train.asked.values())
        share = train.steps / grid.steps
        print(f"\r{label:24} {width or 'none':>5} {len(train.asked):5} {train.steps:7} {share:6.3f} {seconds:7.1f}")

    def found_by(search: Search) -> tuple[int | None, Trainer]:
        train = Trainer(ledger, full)
        place = play(search, train)
        return (None if place is None else search.values[place]), train

    grid = Trainer(ledger, full)
    width = grid_width(asked, grid)
    row("grid, full budget", width, grid)
    found, train = found_by(asked)
    row(f"search from {asked.values[asked.start]}", found, train)
    near = found == width or (found and width and abs(found - width) <= NEAR * width)
    reached = train.steps <= BAR * grid.steps and near
    print(f"bar: at most {BAR} of the steps, width within {NEAR:.0%}: {'reached' if reached else 'NOT reached'}")
    print(f"runs whose verdict differs from the grid's: {disagreements(train, grid)}")
    for repeat in range(1, repeats + 1):
        other = tuple(seed + repeat * len(SEEDS) for seed in SEEDS)
        row(f"search, seeds {other[0]}-{other[-1]}", *found_by(replace(asked, seeds=other)))
    for start, begun in enumerate(asked.values if every_start else ()):
        row(f"search from {begun}", *found_by(replace(asked, start=start)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--simulations", type=int, default=1000, help="searches of each simulated world; 0 for none")
    parser.add_argument("--question", choices=[*QUESTIONS, "all", "none"], default="all", help="what to train on")
    parser.add_argument("--repeats", type=int, default=3, help="searches with further seeds, to see how widths vary")
    parser.add_argument("--every-start", action="store_true", help="search from every width of the ladder too")
    parser.add_argument(
        "--ledger", type=Path, default=Path(tempfile.gettempdir()) / "assay-search-cost.sqlite", help="where answers go"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    )
    if options.simulations:
        print_simulations(options.simulations)
    with Ledger(options.ledger) as ledger:
        for name in QUESTIONS:
            if options.question in (name, "all"):
                compare(name, ledger, repeats=options.repeats, every_start=options.every_start)


if __name__ == "__main__":
    main()
