"""Constructed attention at many positions against scaled dot-product attention and the dense third-order kernel.

    python benchmarks/large_n.py [--rounds 3 --quick]

Prints one line for each size: CPU time on one thread of the unit's forward pass and of the dense form, interleaved,
medians of rounds, their ratio and what is promised of it, and the largest error of the unit's answers. Beyond 16,384
positions, scaled_dot_product_attention in float32 and the dense kernel are timed on some rows of queries, and the time
is multiplied up: marked with ~. Last, dense averaging at score width 64 and 65,536 positions, in a process of its own
for its peak memory.
"""

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import torch

from assay import Match2, Match3, SparseAveraging
from assay.constructions import build
from assay.constructions.averaging_unit import AveragingUnit
from assay.layers.kernels.third_order import third_order_attention
from assay.models.structured.tiles import row_attention, shifted_attention
from assay.tasks.sparse_averaging import SparseAveragingInputs

FULL = 1 << 14  # positions up to which the dense form is timed whole
ROWS = 512  # of queries, beyond
HEAD = 16  # width of the dense form's heads: the width-3 unit padded to what the flash kernel is fastest at
MATCH2 = [(10**4, 50), (10**5, 400), (10**6, 2000)]  # length, promised ratio
MATCH3 = [(1024, 2048, 200), (1024, 757_126, 200), (10**5, 2 * 10**6, 200)]  # length, modulus, promised ratio
AVERAGING = [(10**5, 100)]
DENSE_LENGTH, DENSE_WIDTH = 1 << 16, 64
PAIR_MODULUS = 65_537  # at which random frequencies make a score width next to 64


class DenseUnit(AveragingUnit):
    """An averaging unit with sign keys that gives an answer whether it has a certificate or not."""

    method = "sign"

    build = certificate = AveragingUnit.queries  # neither is called

    def queries(self, pointers):
        return self.keys[pointers].sum(dim=1)


def seconds(run):
    """CPU time of one call, repeated for at least 20 ms."""
    begin, calls = time.process_time(), 0
    while calls == 0 or time.process_time() - begin < 0.02:
        run()
        calls += 1
    return (time.process_time() - begin) / calls


def sdpa(length, width, dtype=torch.float32):
    """A run of full attention in that head width or of some rows of it, and what to multiply its time by."""
    rows = length if length <= FULL else ROWS
    query, key, value = (torch.randn(1, 1, count, width, dtype=dtype) for count in (rows, length, length))
    return lambda: torch.nn.functional.scaled_dot_product_attention(query, key, value), length / rows


def third_order(length, dtype):
    """The same for the third-order kernel, at the unit's width and in its dtype."""
    rows = max(1, min(length, (1 << 28) // length**2)) if length > 128 else length
    query = torch.randn(1, rows, 5, dtype=dtype)
    key1, key2 = (torch.randn(1, min(length, 1 << 12), 5, dtype=dtype) for _ in range(2))
    value = torch.ones(1, key1.shape[1], 1, dtype=dtype)
    scale = length / rows * (length / key1.shape[1]) ** 2
    return lambda: third_order_attention(query, key1, key2, value, value), scale


def compare(what, run, dense, scale, rounds, target, error):
    run(), dense()
    pairs = [(seconds(run), scale * seconds(dense)) for _ in range(rounds)]
    fast, slow = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(slow / fast for fast, slow in pairs)
    about = "~" if scale > 1 else " "
    print(
        f"{what:50} unit {1e3 * fast:9.2f} ms  dense {about}{slow:11.3f} s  {ratio:12.1f} times as fast, "
        f"promised {target:7}  largest error {error:.1e}",
        flush=True,
    )


def error_of(task, unit, distribution):
    inputs, targets, _ = task.sample(1, seed=0, distribution=distribution)
    error = task.answer.errors(unit(inputs), targets).max().item()
    assert error <= unit.certificate().guaranteed_error
    return inputs, error


def match2(rounds):
    for length, target in MATCH2:
        for method, modulus in [("trigonometric", 2 * length), (None, length**2)]:
            task = Match2(length=length, modulus=modulus)
            unit = build(task, method=method)
            inputs, error = error_of(task, unit, "planted")
            what = f"match2 {unit.method} N={length} M={modulus}"
            compare(what, lambda: unit(inputs), *sdpa(length, HEAD), rounds, target, error)  # noqa: B023


def match3(rounds):
    for length, modulus, target in MATCH3:
        task = Match3(length=length, modulus=modulus)
        unit = build(task)
        inputs, error = error_of(task, unit, "planted")
        dense = third_order(length, unit.arithmetic.dtype)
        compare(f"match3 N={length} M={modulus}", lambda: unit(inputs), *dense, rounds, target, error)  # noqa: B023


def averaging(rounds):
    for length, target in AVERAGING:
        task = SparseAveraging(length=length, sparsity=3)
        unit = build(task, method="cyclic")
        inputs, error = error_of(task, unit, "uniform")
        what = f"sparse averaging cyclic q=3 N={length}"
        compare(what, lambda: unit(inputs), *sdpa(length, HEAD), rounds, target, error)  # noqa: B023


def dense_unit(length, width):
    task = SparseAveraging(length=length, sparsity=1)
    unit = DenseUnit(task, width, 0.5, 30.0, "float32", checked="")
    unit.keys.copy_(torch.randn(length, width).sign() / width**0.5)
    return task, unit


def dense(rounds):
    """Units whose scores are formed, on the whole or, at 65,536 positions, as many rows of them as take a second."""
    for length in (FULL, DENSE_LENGTH):
        rows = min(length, 2 * FULL * FULL // length // 4)
        task, unit = dense_unit(length, DENSE_WIDTH)
        embedded = unit.embed(task.sample(1, seed=0).inputs)
        queries, keys, values = (embedded @ weights[0] for weights in (unit.query, unit.key, unit.value))
        shifts = torch.full((1, rows), unit.temperature)
        run = lambda: shifted_attention(queries[:, :rows], keys, values, shifts)  # noqa: B023, E731
        against_sdpa("averaging unit", run, length, rows, rounds)
        task = Match2(length=length, modulus=PAIR_MODULUS)
        pair = build(task, method="random-frequencies")
        seen = pair.embedded(task.sample(1, seed=0).inputs)
        seen_queries, seen_keys, seen_values = (seen @ weights[0] for weights in (pair.query, pair.key, pair.value))
        run = lambda: row_attention(seen_queries[:, :rows], seen_keys, seen_values)  # noqa: B023, E731
        against_sdpa(f"pair unit, width {pair.size.width}", run, length, rows, rounds)


def against_sdpa(what, run, length, rows, rounds):
    """The reference has score and value width 64."""
    query, key, value = (torch.randn(1, 1, count, DENSE_WIDTH) for count in (rows, length, length))
    reference = lambda: torch.nn.functional.scaled_dot_product_attention(query, key, value)  # noqa: E731
    run(), reference()
    pairs = [(seconds(run), seconds(reference)) for _ in range(rounds)]
    ratio = statistics.median(a / b for a, b in pairs)
    ours, theirs = (length / rows * statistics.median(times) for times in zip(*pairs, strict=True))
    about = "~" if rows < length else " "
    print(
        f"dense {what:20} N={length:6}: {about}{ours:6.2f} s, scaled_dot_product_attention {about}{theirs:6.2f} s: "
        f"{ratio:.2f} of its time, promised at most 1.3",
        flush=True,
    )


def peak():
    """Most memory this process ever held, in GB; getrusage would count what its parent held before it."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 2**20


def memory_of_dense():
    torch.set_num_threads(1)
    _, unit = dense_unit(DENSE_LENGTH, DENSE_WIDTH)
    inputs = SparseAveragingInputs(torch.ones(1, DENSE_LENGTH, 1).double(), torch.arange(DENSE_LENGTH).view(1, -1, 1))
    before = peak()
    unit(inputs)
    print(f"dense averaging unit, N={DENSE_LENGTH}, forward pass: {peak() - before:.2f} GB added, promised below 1 GB")
    task = Match2(length=DENSE_LENGTH, modulus=PAIR_MODULUS)
    pair = build(task, method="random-frequencies")
    before, seen = peak(), pair.embedded(task.sample(1, seed=0).inputs)
    pair.answers(seen)
    print(f"dense pair unit, N={DENSE_LENGTH}, all answers: {peak() - before:.2f} GB added, promised below 1 GB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="without the forward pass whose memory is measured")
    parser.add_argument("--only-memory", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only_memory:
        return memory_of_dense()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, 1 thread, CPU time")
    match2(chosen.rounds)
    match3(chosen.rounds)
    averaging(chosen.rounds)
    dense(chosen.rounds)
    if not chosen.quick:
        subprocess.run([sys.executable, __file__, "--only-memory"], check=True)


if __name__ == "__main__":
    main()
