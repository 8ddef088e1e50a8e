"""Time of the match labels beside the plain NumPy check of all triples, and at the sizes that have a promised time.

    python benchmarks/match_labels.py [--rounds 5]

Naive and fast are measured in turn in one run, and the table holds medians of processor time per sequence (compilation
excluded). The naive check forms N^2 sums at a time, which here is 18 times as fast as all N^3 in one expression. "Odd"
are uniform odd residues with M even: a sum of three is odd, so that nothing matches and no scan ends early.
"""

import argparse
import statistics
import time

import numpy as np

from assay.tasks.match_labels import match2_labels, match3_labels


def naive_match2(residues, modulus):
    sums = residues[:, :, None] + residues[:, None, :]
    return (sums % modulus == 0).any(axis=2)


def naive_match3(residues, modulus):
    """All N^3 sums, one position at a time so that memory is N^2."""
    labels = np.empty(residues.shape, dtype=bool)
    for row, sequence in enumerate(residues):
        pairs = sequence[:, None] + sequence[None, :]
        for i, value in enumerate(sequence):
            labels[row, i] = ((pairs + value) % modulus == 0).any()
    return labels


def seconds(action, *arguments):
    begin = time.process_time()
    result = action(*arguments)
    return time.process_time() - begin, result


def residues_for(kind, batch, length, modulus):
    random = np.random.default_rng(length)
    if kind == "uniform":
        return random.integers(0, modulus, (batch, length))
    return random.integers(0, modulus // 2, (batch, length)) * 2 + 1


def measure(fast, naive, kind, length, modulus, batch, rounds):
    """Median seconds per sequence of `fast` on a batch and of `naive`, if given, on the first sequence, in turn."""
    residues = residues_for(kind, batch, length, modulus)
    fast(residues, modulus)
    fast_times, naive_times = [], []
    for _ in range(rounds):
        took, labels = seconds(fast, residues, modulus)
        fast_times.append(took / batch)
        if naive:
            took, expected = seconds(naive, residues[:1], modulus)
            naive_times.append(took)
            assert (labels[:1] == expected).all()
    return statistics.median(fast_times), statistics.median(naive_times) if naive else None, labels.mean()


CASES = [  # task, naive, length, modulus, batch, target: least ratio to naive, or most seconds
    (match2_labels, naive_match2, 64, 65, 1024, None),
    (match2_labels, naive_match2, 1024, 1025, 256, None),
    (match2_labels, naive_match2, 1024, 1024**2, 256, None),
    (match3_labels, naive_match3, 64, 64**2, 1024, None),
    (match3_labels, naive_match3, 256, 256**2, 512, ("ratio", 1000)),
    (match3_labels, None, 1024, 1024**2, 64, ("time", 4e-3)),
    (match3_labels, None, 8192, 8 * 8192, 16, ("time", 5e-3)),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(
        f"{'':6} {'N':>5} {'M':>8} {'inputs':9} {'ones':>5} {'us/sequence':>12} {'naive us':>10} {'ratio':>6}  target"
    )
    for task, naive, length, modulus, batch, target in CASES:
        for kind in ("uniform", "odd"):
            even = modulus + modulus % 2
            took, naive_took, ones = measure(task, naive, kind, length, even, batch, rounds)
            ratio = naive_took / took if naive_took else None
            line = f"{task.__name__.split('_')[0]:6} {length:5} {even:8} {kind:9} {ones:5.2f} {took * 1e6:12.2f} "
            line += f"{naive_took * 1e6:10.0f} {ratio:6.0f}" if ratio else f"{'-':>10} {'-':>6}"
            if target:
                measured, least = target
                met = ratio >= least if measured == "ratio" else took <= least
                wanted = f"ratio >= {least}" if measured == "ratio" else f"<= {least * 1e6:.0f} us"
                line += f"  {wanted}: {'met' if met else 'MISSED'}"
            print(line)


if __name__ == "__main__":
    main()
