"""How time and memory of each operation grow with N: exponents b of N^b, fitted to measurements.

    python -m benchmarks.growth [--rounds 3 --only labels]

N doubles until a call takes longer than `--longest` seconds, or the operation refuses it. The exponent is that of the
largest four lengths, by the fit of assay.results.growth (least squares of logarithms; its interval is over the rounds);
the table says which lengths they are. Time is processor time on one thread, of whole calls: what does not grow with N
is in it, and so are first touches of memory, which make time grow faster where arrays outgrow caches and what malloc
keeps. Memory is the most that the process held during a call above what it held before, as Linux counts, in a process
of its own for each operation; below 4 MB it is not fitted. "As stated" is what the operation's documentation says of
its time, where it says anything.

All inputs are uniform or Gaussian with seed 0, one sequence a call (labels: 16; labels of graphs: 4), and moduli the
usual ones unless given. Widths are fixed: layers and third-order kernels 16, keys of probing 32, sets of 4; sparse
averaging q = 2, all tokens asking. For the ledger N is the rows that it has.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from benchmarks.peers.record import keep, options, show

from assay import AssayError, Evidence, Ledger, Match2, Match3, Match3Bigram, Match3Local, Size, SparseAveraging
from assay.constructions import build
from assay.layers import LAYERS
from assay.layers.kernels.strassen import strassen_attention
from assay.layers.kernels.third_order import third_order_attention
from assay.probing.geometry import exists
from assay.probing.reach import needed_norms
from assay.results.growth import LEAST_POINTS, exactly, fit_growth
from assay.tasks.directed_triangle import DirectedTriangle
from assay.tasks.five_cycle import FiveCycle

WIDTH, KEY_WIDTH, SET = 16, 32, 4
LEAST_MEMORY = 4 << 20
PLAIN_MALLOC = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0", "MALLOC_TOP_PAD_": "0"}


def averaging(length):
    return SparseAveraging(length=length, sparsity=2)


def task_of(kind):
    return {
        "match2": lambda n: Match2(length=n),
        "match3": lambda n: Match3(length=n),
        "match3, M = 8N": lambda n: Match3(length=n, modulus=8 * n),
        "match3-bigram": lambda n: Match3Bigram(length=n),
        "match3-local": lambda n: Match3Local(length=n, window=4),
        "directed-triangle": lambda n: DirectedTriangle(length=n),
        "five-cycle": lambda n: FiveCycle(length=n),
        "sparse-averaging": averaging,
    }[kind]


def labels(kind, batch):
    def at(length):
        task = task_of(kind)(length)
        inputs = task.sample(batch, seed=0).inputs
        return lambda: task.targets(inputs)

    return at


def forward(kind, method):
    def at(length):
        unit = build(task_of(kind)(length), method=method)
        inputs = unit.task.sample(1, seed=0).inputs
        return lambda: unit(inputs)

    return at


def layer(name):
    def at(length):
        torch.manual_seed(0)
        module, tokens = LAYERS[name](WIDTH), torch.randn(1, length, WIDTH)
        return lambda: module(tokens, length)

    return at


def kernel(attention, *, gradients):
    def at(length):
        torch.manual_seed(0)
        inputs = [torch.randn(1, length, WIDTH, requires_grad=gradients) / WIDTH**0.5 for _ in range(5)]

        def both():
            outputs = attention(*inputs)
            torch.autograd.grad(outputs, inputs, torch.ones_like(outputs))

        return both if gradients else lambda: attention(*inputs)

    return at


def probe(ask):
    def at(length):
        keys = np.random.default_rng(0).standard_normal((length, KEY_WIDTH))
        return lambda: ask(keys, np.arange(SET))

    return at


def statement(number):
    return Evidence(
        question={"kind": "growth", "number": number},
        task={"name": "t"},
        family="attention",
        architecture="attention",
        source="training",
        size=Size(width=4),
        verdict="learned",
        error_kind="mean",
        error=0.1,
        tolerance=0.2,
        justification="an example",
    )


def ledger(act):
    def at(rows):
        folder = tempfile.TemporaryDirectory()
        book = Ledger(Path(folder.name) / "ledger.db")
        book._connection.execute("BEGIN")  # many rows at once, only here
        for number in range(rows):
            book.add(statement(number))
        book._connection.execute("COMMIT")
        numbers = iter(range(rows, 1 << 60))
        return lambda: (act(book, numbers, rows), folder)[0]  # the folder lives as long as the call

    return at


def add(book, numbers, rows):
    book.add(statement(next(numbers)))


def get(book, numbers, rows):
    book.get({"kind": "growth", "number": next(numbers) * 7919 % rows})


AVERAGING = [
    ("cyclic", "N"),
    ("feed-forward", "N^2"),
    ("heads", ""),
    ("recurrent", "N"),
    ("reed-solomon", ""),
    ("sign", ""),
]
MATCH2 = ["parabola", "random-frequencies", "trigonometric"]
ANY_MATCH = [("copy-residues", ""), ("gather", "N^3"), ("store-residues", "")]
GRAPHS = ["graph-blocks", "graph-gather", "graph-third-order"]
FAR, MIDDLE, NEAR = (1024, 1 << 20), (128, 8192), (16, 512)  # first and last N

OPERATIONS = {  # name: (action at N, lengths, as stated)
    "labels match2": (labels("match2", 16), FAR, "N"),
    "labels match3": (labels("match3", 16), (128, 8192), "min(N^2, M log M), less with many matches; M ~ N^2"),
    "labels match3, M = 8N": (labels("match3, M = 8N", 16), (128, 65536), "min(N^2, M log M), less with many matches"),
    "labels match3-bigram": (labels("match3-bigram", 16), FAR, "N"),
    "labels match3-local": (labels("match3-local", 16), FAR, "N"),
    "labels directed-triangle": (labels("directed-triangle", 4), (32, 1024), "N^3"),
    "labels five-cycle": (labels("five-cycle", 4), NEAR, "N^4"),
    "labels sparse-averaging": (labels("sparse-averaging", 16), FAR, ""),
    **{f"forward {method}": (forward("sparse-averaging", method), MIDDLE, stated) for method, stated in AVERAGING},
    **{f"forward {method}": (forward("match2", method), (128, 65536), "N log N") for method in MATCH2},
    **{f"forward {method}, match3": (forward("match3", method), (32, 1024), stated) for method, stated in ANY_MATCH},
    "forward third-order": (forward("match3", "third-order"), (32, 4096), "min(N^2, N + M log M); M ~ N^2"),
    "forward strassen": (forward("match3", "strassen"), (32, 1024), "N^3"),
    "forward bigram": (forward("match3-bigram", "bigram"), MIDDLE, "N^2"),
    "forward window": (forward("match3-local", "window"), MIDDLE, "N^2"),
    **{f"forward {method}": (forward("directed-triangle", method), (8, 256), "N^3") for method in GRAPHS},
    **{
        f"layer {name}": (layer(name), MIDDLE, stated)
        for name, stated in [
            ("attention", "N^2"),
            ("gru", "N"),
            ("lstm", "N"),
            ("strassen", "N^3"),
            ("third-order", "N^3"),
        ]
    },
    "kernel third-order": (kernel(third_order_attention, gradients=False), (32, 1024), "N^3"),
    "kernel third-order, gradients": (kernel(third_order_attention, gradients=True), (32, 1024), "N^3"),
    "kernel strassen": (kernel(strassen_attention, gradients=False), (64, 4096), "N^3"),
    "kernel strassen, gradients": (kernel(strassen_attention, gradients=True), (64, 4096), "N^3"),
    "exists": (probe(exists), (64, 1 << 17), "N"),
    "needed norm": (probe(lambda keys, chosen: needed_norms(keys, chosen[None], scale=0.2)), (64, 1 << 17), "N"),
    "ledger add": (ledger(add), (64, 1 << 15), ""),
    "ledger get": (ledger(get), (64, 1 << 15), ""),
}


def lengths(first, last, tiny):
    last = min(last, 4 * first) if tiny else last
    return [first << step for step in range((last // first).bit_length())]


def seconds(action, least):
    """Processor time of one call, repeated for at least `least` seconds."""
    begin, calls = time.process_time(), 0
    while calls == 0 or time.process_time() - begin < least:
        action()
        calls += 1
    return (time.process_time() - begin) / calls


def timed(name, chosen):
    """N, and the seconds of each round, up to the length at which a call takes too long or is refused."""
    action_at, (first, last), _ = OPERATIONS[name]
    found = {}
    for length in lengths(first, last, chosen.tiny):
        try:
            action = action_at(length)
        except AssayError:  # too long for it
            break
        once = seconds(action, 0)  # compiles, fills caches
        found[length] = [seconds(action, 0 if chosen.tiny else 0.01) for _ in range(chosen.rounds)]
        if min(once, *found[length]) > chosen.longest:
            break
    return found


def status(field):
    return int(re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text("utf-8"))[1]) << 10


def held(name, measured):
    """Bytes that one call holds at each length: the most minus what was held before."""
    found = {}
    for length in measured:
        action = OPERATIONS[name][0](length)
        if length == measured[0]:
            action()  # compiles; libraries are loaded
        Path("/proc/self/clear_refs").write_text("5")  # the most is counted afresh
        before = status("VmRSS")
        kept = action()  # noqa: F841  (what it returns is part of what it holds)
        found[length] = status("VmHWM") - before
    return found


def held_apart(name, measured):
    """The same in a fork, in which nothing is left over from other operations."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, json.dumps(held(name, measured)).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        found = pipe.read()
    os.waitpid(child, 0)
    return json.loads(found)


def memory(times):
    """The same for all operations, in a process of its own; nothing where there is no Linux."""
    if not Path("/proc/self/clear_refs").exists():
        return {}
    asked = json.dumps({name: list(found) for name, found in times.items()})
    command = [sys.executable, "-m", "benchmarks.growth", "--memory-of", asked]
    root = Path(__file__).parents[1]
    run = subprocess.run(
        command, env={**os.environ, **PLAIN_MALLOC}, cwd=root, stdout=subprocess.PIPE, text=True, check=True
    )
    found = json.loads(run.stdout.splitlines()[-1])
    return {name: {int(length): bytes_ for length, bytes_ in row.items()} for name, row in found.items()}


def exponent(points):
    """Of the largest four lengths: text with its interval, and the lengths; points: N to the values of all rounds."""
    last = dict(list(points.items())[-LEAST_POINTS:])
    if len(last) < LEAST_POINTS:
        return "", ""
    growth = fit_growth([exactly(length, *values) for length, values in last.items()])
    low, high = growth.exponent_interval
    band = f" [{low:.2f}, {high:.2f}]" if high - low > 5e-3 else ""
    return f"{growth.power[1]:.2f}{band}", f"{min(last)}-{max(last)}"


def row_of(name, times, bytes_):
    fitted, span = exponent(times)
    large = {length: [float(value)] for length, value in bytes_.items() if value >= LEAST_MEMORY}
    of_memory, memory_span = exponent(large)
    longest = max(times)
    return {
        "operation": name,
        "time N^b": fitted or "too few lengths",
        "of N": span,
        "as stated": OPERATIONS[name][2],
        "ms at the largest": 1e3 * statistics.median(times[longest]),
        "memory N^b": of_memory or ("below 4 MB" if bytes_ and not large else "too few lengths" if bytes_ else ""),
        "of  N": memory_span,
        "MB at the largest": bytes_[longest] / 2**20 if bytes_ else "",
    }


def main(arguments=None):
    parser = options(__doc__.splitlines()[0], rounds=3)
    parser.add_argument("--only", default="", help="operations whose name begins so")
    parser.add_argument("--longest", type=float, default=0.15, help="seconds of a call after which N no longer doubles")
    parser.add_argument("--memory-of", type=json.loads, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if chosen.memory_of:
        return print(json.dumps({name: held_apart(name, measured) for name, measured in chosen.memory_of.items()}))
    times = {name: timed(name, chosen) for name in OPERATIONS if name.startswith(chosen.only)}
    used = memory(times)
    rows = [row_of(name, found, used.get(name, {})) for name, found in times.items()]
    show("Growth with N", rows)
    for row, found in zip(rows, times.values(), strict=True):
        row |= {"seconds": found, "bytes": used.get(row["operation"], {})}
    keep("growth", rows, chosen.json)


if __name__ == "__main__":
    main()
