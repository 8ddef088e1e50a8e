"""How long `assay embeddings` takes: seconds for each part, and against what it replaces.

First the whole examination of Gaussian documents, by default the promise of 100,000 x 384 and 1,000 sets of 1 to 20
(`--tiny`: 2,000 x 32 and 40). Then, on a part of these documents that fits them, one set each by `separates` of
`assay.probing` and by a linear program (HiGHS), which give no largest margin; and exact refutations at several widths.
"""

import argparse
import resource
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.optimize import linprog

from assay.probing.geometry import separates
from assay.vectors import examine
from assay.vectors.certificates import refute
from assay.vectors.documents import Documents
from assay.vectors.hulls import nearest

BAR = 300.0  # seconds promised for the whole examination on 2 cores


def seconds(action, *arguments, **options):
    begin = time.perf_counter()
    result = action(*arguments, **options)
    return time.perf_counter() - begin, result


def program(rows, members):
    """Whether a set exists, by a linear program."""
    signs = -np.ones(len(rows))
    signs[members] = 1
    system = -signs[:, None] * np.column_stack([rows.astype(np.float64), np.ones(len(rows))])
    free = [(None, None)] * system.shape[1]
    return linprog(np.zeros(system.shape[1]), A_ub=system, b_ub=-np.ones(len(rows)), bounds=free, method="highs").status


def drawn(random, count, sets, most):
    return [np.sort(random.choice(count, random.integers(1, most + 1), replace=False)) for _ in range(sets)]


def whole(random, count, width, sets):
    rows = random.standard_normal((count, width), dtype=np.float32)
    asked = drawn(random, count, sets, 20)
    took, found = seconds(examine, rows, asked, tell=print)
    print(found.sentence)
    late = " over the bar" if took > BAR else ""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{count:,} x {width}, {sets:,} sets: {took:.1f} s{late}, {1e3 * took / sets:.0f} ms a set, {memory:.1f} GiB")
    return rows, asked


def others(rows, count, random, rounds):
    rows = rows[:count]
    documents = Documents(rows)
    print(f"\none set of 10 among {count:,} x {rows.shape[1]} (median s)")
    times = {"nearest": [], "separates": [], "linear program": []}
    with ThreadPoolExecutor(1) as pool:
        for _ in range(rounds):
            members = np.sort(random.choice(count, 10, replace=False))
            times["nearest"].append(seconds(nearest, documents, [members], pool)[0])
            times["separates"].append(seconds(separates, rows, members)[0])
            times["linear program"].append(seconds(program, rows, members)[0])
    base = statistics.median(times["nearest"])
    for name, taken in times.items():
        print(f"  {name:15} {statistics.median(taken):9.4f}   x {statistics.median(taken) / base:.1f}")


def refutations(random, widths, rounds):
    print("\nexact refutation of a set that does not exist (median s, bits of the weights)")
    with ThreadPoolExecutor(1) as pool:
        for width in widths:
            taken, bits = [], []
            for _ in range(rounds):
                documents = Documents(random.standard_normal((12 * width, width), dtype=np.float32))
                members = np.sort(random.choice(documents.count, width, replace=False))
                (found,) = nearest(documents, [members], pool)
                took, proof = seconds(refute, documents, found)
                if proof is not None:
                    proof.check(documents.exact, members)
                    taken.append(took)
                    bits.append(sum(proof.inside.values()).bit_length())
            if taken:
                print(
                    f"  d = {width:4}  {statistics.median(taken):8.3f}  {max(bits):6}  ({len(taken)} of {rounds} sets)"
                )


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args(arguments)
    random = np.random.default_rng(0)
    rows, _ = whole(random, *((2_000, 32, 40) if options.tiny else (100_000, 384, 1_000)))
    others(rows, 1_000 if options.tiny else 6_000, random, options.rounds)
    refutations(random, (8, 32) if options.tiny else (32, 64, 128, 384), options.rounds)


if __name__ == "__main__":
    main()
