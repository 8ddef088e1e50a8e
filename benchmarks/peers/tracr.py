"""The same functions by tracr's compiled transformers and by Assay's constructions: size, time, and wrong answers.

    python -m benchmarks.peers.tracr [--rounds 3 --seconds 15 --gigabytes 4]

tracr runs in a virtual environment of its own, made in the temporary folder and kept there (`--environment`). Each
function is compiled at N = 16, 32, ... 512, or until compiling and running it passes the cap of time or memory. Both
answer the same sequences, drawn uniformly at full length, and answers are counted against brute force. tracr's softmax
has slope 100 / sqrt(key size), and the key size grows with N + M: so where nothing is selected weight leaks to all.

    match2           is there a partner with which a token sums to 0 modulo M = N / ln 2? As RASP says it most simply:
                     select, then average ones, with 0 for nothing selected; above 1/2 is yes
    match2, counted  the same as it is often written: selector width > 0
    length, reverse, sort    tracr's own examples, on sequences of 0 and 1, and permutations. Assay builds networks for
                     its tasks, and has none of these

Milliseconds of processor time on one thread: compiling and building (both after a first small one), and one sequence of
a batch of 8, tracr's forward pass compiled by jax.jit; medians of interleaved rounds.
"""

import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from benchmarks.peers.record import keep, options, show
from benchmarks.strassen import seconds

from assay import Match2
from assay.constructions import build

PACKAGES = ["tracr-pypi==1.0.0", "jax==0.10.2", "jaxlib==0.10.2", "dm-haiku==0.0.17", "chex==0.1.92"]
FUNCTIONS = ["match2", "match2, counted", "length", "reverse", "sort"]
ALONE = [(4096, 5909), (64, 10**9)]  # N and M that only Assay is asked for, as tracr's embedding has M + N coordinates
WORKER = Path(__file__).with_name("tracr_worker.py")
BATCH = 8
LARGEST = 512
COLUMNS = [
    "function",
    "N",
    "M",
    "answers",
    "tracr wrong",
    "assay wrong",
    "width",
    "assay width",
    "layers",
    "parameters",
    "assay parameters",
    "compile ms",
    "build ms",
    "forward ms",
    "assay forward ms",
]


class Stopped(Exception):
    """A cap was reached."""


class Tracr:
    """A process in tracr's environment."""

    def __init__(self, environment, cap_seconds, gigabytes):
        self.cap = cap_seconds
        single = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        self.process = subprocess.Popen(
            [python_of(environment), "-I", str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={
                **os.environ,
                "JAX_PLATFORMS": "cpu",
                "XLA_FLAGS": single,
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
            },
        )
        self.gigabytes = gigabytes
        self.ask({"cap": int(gigabytes * 2**30)}, cap=120)

    def ask(self, request, cap=None):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], cap or self.cap)[0]:
            self.close()
            raise Stopped(f"over {self.cap:g} s")
        line = self.process.stdout.readline()
        if not line:
            self.close()
            raise Stopped(f"over {self.gigabytes:g} GB")
        return json.loads(line)

    def close(self):
        self.process.kill()
        self.process.communicate()


def python_of(environment):
    return environment / ("Scripts" if os.name == "nt" else "bin") / "python"


def make_environment(environment):
    """tracr's virtual environment, unless it is there."""
    done = environment / "made"
    if not done.exists():
        print(f"installing {' '.join(PACKAGES)} into {environment}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        subprocess.run(
            [python_of(environment), "-m", "pip", "install", "-q", *PACKAGES], check=True, stderr=subprocess.DEVNULL
        )
        done.touch()


def draw(function, length, modulus):
    """Sequences (BATCH, N) and the exact answers, by brute force."""
    random = np.random.default_rng(length)
    if function == "sort":
        sequences = np.stack([random.permutation(length) for _ in range(BATCH)])
        return sequences, np.sort(sequences, axis=1)
    sequences = random.integers(0, modulus or 2, (BATCH, length))
    if function == "length":
        return sequences, np.full_like(sequences, length)
    if function == "reverse":
        return sequences, sequences[:, ::-1]
    sums = sequences[:, :, None] + sequences[:, None, :]
    return sequences, (sums % modulus == 0).any(axis=2).astype(int)


def wrong(function, answers, exact):
    answers = np.asarray(answers)
    return int(((answers > 0.5 if function.startswith("match2") else answers) != exact).sum())


def ours(sequences, exact, modulus):
    """Columns about Assay's construction, and its forward pass on the batch."""
    begin = time.process_time()
    unit = build(Match2(length=sequences.shape[1], modulus=modulus))
    took, inputs = time.process_time() - begin, torch.from_numpy(sequences)
    columns = {
        "assay wrong": wrong("match2", unit(inputs), exact),
        "assay width": unit.size.width,
        "assay parameters": unit.size.parameters,
        "build ms": 1e3 * took,
    }
    return columns, lambda: unit(inputs)


def theirs(worker, request, exact):
    """Columns about tracr's transformer; of a cap that is reached, which."""
    try:
        reply = worker.ask(request)
    except Stopped as stopped:
        return {"tracr wrong": f"not reached: {stopped}"}
    return {
        "tracr wrong": wrong(request["function"], reply["answers"], exact),
        "width": reply["width"],
        "layers": reply["layers"],
        "parameters": reply["parameters"],
        "compile ms": 1e3 * reply["compile"],
    }


def compare(worker, function, length, modulus, rounds):
    """One row; `worker` is None where only Assay is asked."""
    sequences, exact = draw(function, length, modulus)
    request = {"function": function, "length": length, "modulus": modulus, "sequences": sequences.tolist()}
    row = dict.fromkeys(COLUMNS, "") | {"function": function, "N": length, "M": modulus or "", "answers": exact.size}
    row |= theirs(worker, request, exact) if worker else {"tracr wrong": "not asked"}
    forward = None
    if modulus:
        columns, forward = ours(sequences, exact, modulus)
        row |= columns
    reached = row["width"] != ""
    times = {"forward ms": [], "assay forward ms": []}
    for _ in range(rounds):
        if reached:
            times["forward ms"].append(worker.ask({"time": True}, cap=120)["seconds"])
        if forward:
            times["assay forward ms"].append(seconds(forward))
    return row | {name: 1e3 / BATCH * statistics.median(taken) for name, taken in times.items() if taken}


def sweep(function, chosen):
    """Rows of one function: N doubles until tracr reaches a cap."""
    worker, rows, length = Tracr(chosen.environment, chosen.seconds, chosen.gigabytes), [], 16
    compare(worker, function, 4, usual_modulus(function, 4), 1)  # so that neither pays for what is done once
    while not rows or (rows[-1]["width"] != "" and length <= (16 if chosen.tiny else LARGEST)):
        rows.append(compare(worker, function, length, usual_modulus(function, length), chosen.rounds))
        length *= 2
    worker.close()
    return rows


def usual_modulus(function, length):
    """At which half of the tokens have a partner; 0 for functions without one."""
    return round(length / np.log(2)) if function.startswith("match2") else 0


def main(arguments=None):
    parser = options(__doc__.splitlines()[0], rounds=3)
    parser.add_argument("--seconds", type=float, default=15, help="cap of tracr's compiler, for each function and N")
    parser.add_argument("--gigabytes", type=float, default=4, help="cap of its memory")
    parser.add_argument("--environment", type=Path, default=Path(tempfile.gettempdir()) / "assay-peers-tracr")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    make_environment(chosen.environment)
    rows = [row for function in FUNCTIONS[: 1 if chosen.tiny else None] for row in sweep(function, chosen)]
    if not chosen.tiny:
        rows += [compare(None, "match2", length, modulus, chosen.rounds) for length, modulus in ALONE]
    show(f"{', '.join(PACKAGES[:2])} and Assay: milliseconds, on {BATCH} sequences", rows)
    keep("peers/tracr", rows, chosen.json)


if __name__ == "__main__":
    main()
