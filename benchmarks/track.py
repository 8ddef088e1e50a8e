"""Ratios of speed over commits: `python -m benchmarks.track` measures and adds a line to benchmarks/history.jsonl.

    python -m benchmarks.track            # measure this commit, and show it beside the last ones
    python -m benchmarks.track --show     # the history alone

Each number is a ratio of processor times of two ways to the same result, measured in turn in one run on one thread, so
that it can be compared between commits on one machine and, with care, between machines. The median of `ROUNDS` is kept.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from benchmarks.peers.record import machine

import assay
from assay.models import make_network
from assay.tasks.match_labels import match3_labels
from assay.training.batched import train_together
from assay.training.loop import Recipe, train

HISTORY = Path(__file__).with_name("history.jsonl")
ROUNDS = 5
Way = Callable[[], object]


def labels() -> tuple[Way, Way]:
    """Match3 labels at N = 128: all sums in NumPy, and the package's."""
    residues = np.random.default_rng(0).integers(0, 1 << 20, size=(4, 128))

    def naive() -> list[np.ndarray]:
        found = []
        for row in residues:
            sums = row[:, None, None] + row[None, :, None] + row[None, None, :]
            found.append((sums % (1 << 20) == 0).any(axis=(1, 2)))
        return found

    return naive, lambda: match3_labels(residues, 1 << 20)


def together() -> tuple[Way, Way]:
    """Sixteen small attention networks, 20 steps: one after the other, and together."""
    task, recipe = (
        assay.SparseAveraging(7, 2, 2, "last"),
        Recipe(steps=20, distribution="uniform", batch=16, validation=16, test=16),
    )
    runs = [(seed, 0.01) for seed in range(16)]

    def one_by_one() -> list[object]:
        return [train(task, "attention", 8, seed=seed, rate=rate, recipe=recipe) for seed, rate in runs]

    return one_by_one, lambda: train_together(task, "attention", 8, runs, recipe=recipe)


def last_token() -> tuple[Way, Way]:
    """Attention whose last token alone is asked, N = 512: all positions, and the positions asked."""
    every, asked = assay.SparseAveraging(512, 2), assay.SparseAveraging(512, 2, layout="last")
    networks = [make_network("attention", task, 16, seed=0) for task in (every, asked)]
    batches = [task.sample(8, seed=0, distribution="gaussian").inputs for task in (every, asked)]
    return lambda: networks[0](batches[0]), lambda: networks[1](batches[1])


BENCHMARKS = (labels, together, last_token)


def ratio(ways: tuple[Way, Way], rounds: int = ROUNDS) -> float:
    """Median over rounds of the first way's processor time over the second's, after one call of each."""
    times: list[list[float]] = [[], []]
    for way in ways:
        way()
    for _ in range(rounds):
        for way, taken in zip(ways, times, strict=True):
            begin = time.process_time()
            way()
            taken.append(time.process_time() - begin)
    return statistics.median(first / max(second, 1e-9) for first, second in zip(*times, strict=True))


def commit() -> str:
    """The commit that is measured, with a mark where files differ from it."""
    said = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return said.stdout.strip()


def show(history: list[dict[str, object]]) -> None:
    """A line for each of the last measurements."""
    names = [one.__name__ for one in BENCHMARKS]
    print(f"{'commit':16} {'date':10} " + " ".join(f"{name:>12}" for name in names) + "  processor")
    for entry in history[-20:]:
        ratios = entry["ratios"]
        cells = " ".join(f"{ratios.get(name, float('nan')):12.1f}" for name in names)
        print(f"{entry['commit']:16} {entry['at'][:10]} {cells}  {entry['machine']['processor']}")


def main(arguments: list[str] | None = None) -> None:
    """Measure, keep and show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="measure nothing")
    given = parser.parse_args(arguments)
    if not given.show:
        torch.set_num_threads(1)
        ratios = {one.__name__: round(ratio(one()), 2) for one in BENCHMARKS}
        entry = {
            "commit": commit(),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "ratios": ratios,
        }
        with HISTORY.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(entry)}\n")
    show([json.loads(line) for line in HISTORY.read_text("utf-8").splitlines()] if HISTORY.exists() else [])


if __name__ == "__main__":
    main()
