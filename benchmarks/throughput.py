"""Training many networks at once against a plain loop over them, and two worker processes against one.

    python benchmarks/throughput.py [--rounds 7] [--only steps|runs|workers]

Prints, on one thread in float32, interleaved, medians of rounds:

- steps: CPU time of one network's training step (forward, backward, clipping, Adam; examples drawn beforehand) in a
  hand-written eager loop with torch's default Adam, in the loop of `assay.training.loop`, and in batches of
  networks; what `train_together` would choose, its ratio to the plain loop, and to the better of both of ours;
- runs: CPU time of whole runs with `train`, and with `train_together` for runs of as many seeds, and for four learning
  rates of each seed, where examples are shared: drawing examples, averaging and measuring included;
- workers: wall-clock time of the same training questions on one worker and on two (needs two idle cores), and of a
  step with large activations under glibc's own allocator and under the workers'.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import copy
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import wait
from pathlib import Path

import torch
from torch import nn

from assay import SparseAveraging
from assay.models import make_network
from assay.models.batched import form_of
from assay.models.candidates import Candidates
from assay.studies.allocator import keep_freed_memory
from assay.studies.workers import Workers
from assay.training.batched import MOST_TOGETHER, _fitting, _Group, _pays, _Trial, train_together
from assay.training.loop import Recipe, _take_step, train
from assay.training.question import TrainingQuestion

# architecture, width, length, batch, networks: promised ratio to the plain loop
SHAPES = {
    ("attention", 8, 20, 16, 16): 4.5,
    ("attention", 8, 20, 64, 16): 3,
    ("attention", 16, 32, 16, 16): 3,
    ("attention", 16, 32, 64, 8): 1,
    ("attention", 32, 64, 64, 4): 1,
    ("attention", 64, 128, 64, 2): 1,
    ("feed-forward", 8, 20, 64, 16): 1,
    ("feed-forward", 32, 64, 64, 8): 1,
    ("gru", 8, 20, 16, 16): 2.5,
    ("lstm", 8, 20, 16, 16): 2.5,
    ("lstm", 16, 64, 64, 4): 1,
    ("third-order", 8, 20, 16, 16): 1,
}


def task_of(length):
    return SparseAveraging(length, 3, 4, "all")


class Plain:
    """A loop over networks as one writes it: default Adam, examples at hand."""

    def __init__(self, task, networks, batch):
        self.task, self.networks = task, networks
        self.optimizers = [torch.optim.Adam(network.parameters(), lr=0.01, betas=(0.9, 0.99)) for network in networks]
        drawn = [task.sample(batch, seed=seed, distribution="gaussian") for seed in range(len(networks))]
        self.data = [batch._replace(targets=batch.targets.float()) for batch in drawn]

    def step(self):
        for network, optimizer, (inputs, targets, scored) in zip(
            self.networks, self.optimizers, self.data, strict=True
        ):
            loss = self.task.answer.loss(network(inputs), targets, scored)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()


class Drawn:
    """A task whose examples are drawn already, so that the steps of `train` are timed without drawing them."""

    def __init__(self, task, batch):
        self.answer, self.spec, self.encode = task.answer, task.spec, task.encode
        self.batch = task.sample(batch, seed=0, distribution="gaussian")

    def sample(self, *_args, **_options):
        return self.batch


class Ours:
    """The steps of `train`, one network after the other."""

    def __init__(self, task, networks, recipe):
        self.recipe, self.networks = recipe, networks
        self.weights = [list(network.parameters()) for network in networks]
        self.averaged = [list(make_copy(network).parameters()) for network in networks]
        for network in networks:
            network.task = Drawn(task, recipe.batch)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), lr=0.01, betas=(0.9, 0.99), fused=True) for network in networks
        ]

    def step(self):
        everything = zip(self.networks, self.weights, self.averaged, self.optimizers, strict=True)
        for network, weights, averaged, optimizer in everything:
            _take_step(network, weights, optimizer, 0, 0.01, 0, self.recipe)
            with torch.no_grad():
                torch._foreach_lerp_(averaged, weights, 0.02)


def make_copy(network):
    return copy.deepcopy(network).requires_grad_(False)


def seconds(step, least=0.04):
    """CPU time of one call, repeated for at least 40 ms."""
    begin, calls = time.process_time(), 0
    while calls == 0 or time.process_time() - begin < least:
        step()
        calls += 1
    return (time.process_time() - begin) / calls


def compare_steps(architecture, width, length, batch, count, promised, rounds):
    task = task_of(length)
    recipe = Recipe(steps=1_000_000, distribution="gaussian", batch=batch)

    def networks(number):
        return [make_network(architecture, task, width, seed=seed) for seed in range(number)]

    few = min(count, 4)
    plain, ours = Plain(task, networks(few), batch), Ours(task, networks(few), recipe)
    form = form_of(plain.networks[0].network)
    pays = _pays(form, ours.networks[0], task, recipe, count)
    chosen = _fitting(_Trial(form, task, networks(count), recipe, "cpu")) if pays else 0
    sizes = sorted({1, min(4, count), count, max(chosen, 1)})
    groups = {
        size: _Group(form, task, networks(size), [(seed, 0.01) for seed in range(size)], recipe, "cpu")
        for size in sizes
    }
    timed = {"plain": (plain.step, few), "loop": (ours.step, few)}
    timed |= {size: (lambda group=group: group.step(0), size) for size, group in groups.items()}
    for step, _ in timed.values():
        step()
    times = {name: [] for name in timed}
    for turn in range(rounds):
        names = list(timed)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            step, number = timed[name]
            times[name].append(seconds(step) / number)
    taken = chosen or "loop"
    middle = {name: 1e3 * statistics.median(found) for name, found in times.items()}
    best = min((name for name in times if name != "plain"), key=middle.__getitem__)
    against = statistics.median(a / b for a, b in zip(times["plain"], times[taken], strict=True))
    of_best = statistics.median(a / b for a, b in zip(times[best], times[taken], strict=True))
    batches = ", ".join(f"{size}: {middle[size]:.3f}" for size in sizes)
    print(
        f"{architecture:12} m={width:2} N={length:3} B={batch:2}  plain {middle['plain']:7.3f} ms, "
        f"train {middle['loop']:7.3f}, together {batches}  -> {taken}: {against:.2f} times as fast as plain, "
        f"promised {promised}; {of_best:.2f} of the best",
        flush=True,
    )


def compare_runs(batch, rounds):
    task, steps = task_of(20), 400
    recipe = Recipe(steps=steps, distribution="gaussian", batch=batch, check_every=100, validation=512, test=512)
    own = [(seed, 0.001) for seed in range(MOST_TOGETHER)]
    shared = [(seed, 0.001 * (rate + 1)) for seed in range(MOST_TOGETHER // 4) for rate in range(4)]

    def timed(run, number):
        begin = time.process_time()
        run()
        return (time.process_time() - begin) / number / steps * 1e3

    work = {
        "train": (lambda: [train(task, "attention", 8, seed=s, rate=r, recipe=recipe) for s, r in own[:4]], 4),
        "own seeds": (lambda: train_together(task, "attention", 8, own, recipe=recipe), len(own)),
        "shared seeds": (lambda: train_together(task, "attention", 8, shared, recipe=recipe), len(shared)),
    }
    for run, _ in work.values():
        run()
    times = {name: [timed(*entry) for name_, entry in work.items() if name_ == name] for name in work}
    for _ in range(rounds - 1):
        for name, entry in work.items():
            times[name].append(timed(*entry))
    for name in ("own seeds", "shared seeds"):
        ratio = statistics.median(a / b for a, b in zip(times["train"], times[name], strict=True))
        print(
            f"whole runs, attention m=8 N=20 B={batch}: train {statistics.median(times['train']):.3f} ms a step, "
            f"together ({name}) {statistics.median(times[name]):.3f}: {ratio:.2f} times as fast",
            flush=True,
        )


def compare_workers(rounds):
    recipe = {"steps": 400, "batch": 64, "check_every": 200, "validation": 1024, "test": 1024}
    network, task = Candidates("attention"), task_of(20)
    asked = [TrainingQuestion.usual(network, task, recipe, 8, seed=seed, rate=1e-6) for seed in range(8)]
    questions = [question.to_json() for question in asked]
    times = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder, Workers(1, Path(folder)) as one, Workers(2, Path(folder)) as two:
        pools = {1: one, 2: two}
        for pool in pools.values():
            wait([pool.submit(entry) for entry in questions[:4]])  # imports
        for _ in range(rounds):
            for count, pool in pools.items():
                begin = time.monotonic()
                answers = [pool.submit(entry) for entry in questions]
                wait(answers)
                assert all(future.result().verdict for future in answers)
                times[count].append(time.monotonic() - begin)
    ratio = statistics.median(a / b for a, b in zip(times[1], times[2], strict=True))
    print(
        f"{len(questions)} training questions: 1 worker {statistics.median(times[1]):.2f} s, 2 workers "
        f"{statistics.median(times[2]):.2f} s: {ratio:.2f} times as fast, promised 1.8 on two idle cores "
        f"(load now {os.getloadavg()[0]:.1f})",
        flush=True,
    )


def one_allocator(kept):
    """In a process of its own: CPU time of a step whose activations are large."""
    torch.set_num_threads(1)
    if kept and not keep_freed_memory():
        print("nan")
        return
    task = task_of(128)
    networks = [make_network("attention", task, 64, seed=seed) for seed in range(4)]
    recipe = Recipe(steps=1000, distribution="gaussian", batch=64)
    group = _Group(form_of(networks[0].network), task, networks, [(seed, 0.01) for seed in range(4)], recipe, "cpu")
    group.step(0)
    print(min(seconds(lambda: group.step(0), 0) for _ in range(4)) / 4)


def compare_allocators():
    def run(option):
        command = [sys.executable, __file__, "--allocator", option]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    plain, kept = run("plain"), run("kept")
    print(
        f"allocator, 4 networks together, m=64 N=128 B=64: glibc's own {1e3 * plain:.0f} ms for each, memory kept "
        f"{1e3 * kept:.0f} ms: {plain / kept:.2f} times as fast, promised 1.5"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=["steps", "runs", "workers"])
    parser.add_argument("--allocator", choices=["plain", "kept"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.allocator:
        return one_allocator(chosen.allocator == "kept")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, 1 thread")
    torch.set_num_threads(1)
    if chosen.only in (None, "workers"):
        compare_workers(max(2, chosen.rounds // 2))
        compare_allocators()
    keep_freed_memory()  # as in workers; for all that is compared alike
    if chosen.only in (None, "steps"):
        for shape, promised in SHAPES.items():
            compare_steps(*shape, promised, chosen.rounds)
    if chosen.only in (None, "runs"):
        for batch in (16, 64):
            compare_runs(batch, max(2, chosen.rounds // 2))


if __name__ == "__main__":
    main()
