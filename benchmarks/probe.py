"""Time of the questions about real heads: does a query exist, does it separate, and the exact proof either way.

    python benchmarks/probe.py [--rounds 5]

Median and most milliseconds over random sets of Gaussian keys (float32, spectrum over four decades, mean larger than
the spread), and the share of answers "yes". Then the ways to solve Gordan's alternative for the same rows, in turn:
non-negative least squares, which the package uses, and linear programs. On a busy machine set OPENBLAS_NUM_THREADS=1,
as threads that wait for a core take longer than these small problems do.
"""

import argparse
import statistics
import time

import numpy as np
from scipy.optimize import linprog, nnls

from assay.probing.candidates import Span, Whitened
from assay.probing.certificate import certify
from assay.probing.geometry import exists, separates

BAR = 0.060  # seconds promised for exists and for separates at the first size
SIZES = [(256, 64, (2, 25, 60)), (256, 32, (2, 8, 20)), (512, 64, (2, 18, 60)), (512, 128, (2, 45, 120))]


def seconds(action, *arguments):
    begin = time.perf_counter()
    result = action(*arguments)
    return time.perf_counter() - begin, result


def head(random, length, width):
    """Keys of one made-up head."""
    keys = random.standard_normal((length, width)) * np.logspace(0, -4, width) + 3 * random.standard_normal(width)
    return keys.astype(np.float32)


def face_rows(keys, positions):
    """The rows that `exists` asks about: whitened, orthogonal to the set, normalised."""
    white = Whitened.of(keys.astype(np.float64))
    points = white.points - white.points[positions[0]]
    rows = np.delete(points, positions, axis=0) @ Span.of(points[positions[1:]], white.noise).complement
    return rows / np.linalg.norm(rows, axis=1)[:, None]


def least_squares(rows):
    return nnls(np.vstack([rows.T, np.ones(len(rows))]), np.append(np.zeros(rows.shape[1]), 1.0))


def primal(rows, method):
    count, width = rows.shape
    return linprog(
        np.append(np.zeros(width), -1.0),
        A_ub=np.column_stack([rows, np.ones(count)]),
        b_ub=np.zeros(count),
        bounds=[(-1, 1)] * width + [(None, None)],
        method=method,
    )


def dual(rows, method):
    count, width = rows.shape
    right = np.append(np.zeros(width), 1.0)
    return linprog(np.zeros(count), A_eq=np.vstack([rows.T, np.ones(count)]), b_eq=right, method=method)


WAYS = {
    "least squares": least_squares,
    "primal simplex": lambda rows: primal(rows, "highs-ds"),
    "primal interior": lambda rows: primal(rows, "highs-ipm"),
    "dual simplex": lambda rows: dual(rows, "highs-ds"),
    "dual interior": lambda rows: dual(rows, "highs-ipm"),
}


def questions(random, rounds):
    print(f"{'N':>4} {'d':>4} {'q':>4}  {'question':10} {'median ms':>9} {'most ms':>8} {'yes':>5}")
    for length, width, sizes in SIZES:
        for q in sizes:
            times, yes = {}, {}
            for _ in range(rounds):
                keys, positions = head(random, length, width), random.choice(length, q, replace=False)
                for ask in (exists, separates, certify):
                    took, found = seconds(ask, keys, positions)
                    times.setdefault(ask.__name__, []).append(took)
                    yes.setdefault(ask.__name__, []).append(found.answer == "yes")
                    if ask is certify:
                        times.setdefault("check", []).append(seconds(found.check)[0])
            for name, taken in times.items():
                share = f"{statistics.mean(yes[name]):5.0%}" if name in yes else ""
                promised = (length, width) == SIZES[0][:2] and name in ("exists", "separates")
                late = " over the bar" if promised and statistics.median(taken) > BAR else ""
                print(
                    f"{length:4} {width:4} {q:4}  {name:10} {1e3 * statistics.median(taken):9.1f} "
                    f"{1e3 * max(taken):8.1f} {share}{late}"
                )


def ways(random, rounds):
    print(f"\n{'N':>4} {'d':>4} {'q':>4}  " + "  ".join(f"{name:>15}" for name in WAYS) + "   (median ms)")
    for length, width, sizes in SIZES:
        for q in sizes:
            times = {name: [] for name in WAYS}
            for _ in range(rounds):
                rows = face_rows(head(random, length, width), random.choice(length, q, replace=False))
                for name, way in WAYS.items():
                    times[name].append(seconds(way, rows)[0])
            line = "  ".join(f"{1e3 * statistics.median(taken):15.2f}" for taken in times.values())
            print(f"{length:4} {width:4} {q:4}  {line}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    questions(np.random.default_rng(0), rounds)
    ways(np.random.default_rng(1), rounds)


if __name__ == "__main__":
    main()
