"""How many documents training serves at each number of dimensions, and how long that and a grid of memories takes.

    python -m benchmarks.retrieval [--dimensions 4 5 6] [--seeds 3] [--annealed 4 5 6] [--sigmoid 4 5]

A unit is that of `benchmarks/place.py`: 1,000 steps of a hand-written loop of attention in torch on one thread, timed
before and after. Prints the largest n of each seed for all pairs (k = 2) at temperature .1 within 1,000 steps, its time
in seconds and units (the compiled loop's compilation left out, printed on its own); the same for temperatures lowered
from .1 to .01 within 4,000 steps; least margins beside the optimum; and the time of a grid of memories: 4 kinds,
3 number formats, 8 loads, d = 64 and 128. All is one thread.
"""

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import torch
from benchmarks.place import unit
from threadpoolctl import threadpool_limits

from assay.retrieval.learned import ANNEALED, Setting, largest_learned, train
from assay.retrieval.margins import optimal_margin
from assay.retrieval.memories import KINDS, recall_grid

TOP = 2


def curve(name, dimensions, setting, seeds):
    """Print the largest n for each d, and give the seconds that all took."""
    total = 0.0
    for d in dimensions:
        found = [largest_learned(d, TOP, setting, seed) for seed in range(seeds)]
        begin_to_end = sum(one.seconds for one in found)
        total += begin_to_end
        sizes = sorted(one.largest for one in found)
        print(f"{name}, d = {d}: {', '.join(map(str, sizes))}; median {sizes[len(sizes) // 2]}; {begin_to_end:.1f} s")
    return total


def main(arguments=None):
    """Print the curves, the memories, and their times in units."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dimensions", type=int, nargs="*", default=[4, 5, 6, 8, 10, 12])
    parser.add_argument("--annealed", type=int, nargs="*", default=[4, 5, 6])
    parser.add_argument("--sigmoid", type=int, nargs="*", default=[4, 5, 6])
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with threadpool_limits(1):
        begin = time.perf_counter()
        train(4, 2, 1, Setting(steps=1), seed=0)
        print(f"first call: {time.perf_counter() - begin:.1f} s (compiled, or read from numba's cache)")
        before = unit()
        begin = time.perf_counter()
        curve("temperature .1, 1,000 steps", given.dimensions, Setting(), given.seeds)
        taken = time.perf_counter() - begin
        after = unit()
        middle = (before + after) / 2
        print(f"curve: {taken:.1f} s, unit {middle:.2f} s ({before:.2f}, {after:.2f}): {taken / middle:.1f} units")
        curve(".1 lowered to .01, 4,000 steps", given.annealed, ANNEALED, given.seeds)
        lowered = Setting("sigmoid", ANNEALED.temperatures, ANNEALED.steps)
        curve("sigmoid, .1 lowered to .01, 4,000 steps", given.sigmoid, lowered, given.seeds)
        for n, d in ((5, 4), (7, 4), (9, 4), (12, 6), (18, 6), (12, 8), (30, 8)):
            margins = [train(n, d, TOP, setting, seed=0, to_the_end=True).margin for setting in (ANNEALED, lowered)]
            softmax, sigmoid = (f"{margin:.3f}" for margin in margins)
            best = optimal_margin(n, TOP)
            print(f"n = {n}, d = {d}: least margin {softmax}, sigmoid {sigmoid}; at most {best:.3f} in any d")
        begin = time.perf_counter()
        grid = recall_grid([64, 128])
        print(f"memories: {len(grid)} cells of 3 draws in {time.perf_counter() - begin:.1f} s; shares read in float32:")
        for d in (64, 128):
            for kind in KINDS:
                cells = [one for one in grid if (one.dimension, one.kind, one.number_format) == (d, kind, "float32")]
                print(f"d = {d}, {kind}: " + ", ".join(f"{one.load:.3g}: {one.share:.3f}" for one in cells))


if __name__ == "__main__":
    main()
