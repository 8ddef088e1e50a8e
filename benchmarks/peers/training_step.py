"""Training by assay.training.loop.train and by a plain loop, per step: same network, task, data and rate.

    python -m benchmarks.peers.training_step [--rounds 3 --steps 1000]

The plain loop draws the same examples, takes torch.optim.Adam as it comes, at a constant rate, and nothing else. Ours
adds a warm-up and a falling rate, a bound on the gradient, a running average of the weights, and measurements on
validation inputs and a test. "Bare" leaves the measurements out: processor time per step of short runs, medians of
interleaved rounds. "Whole" is the default recipe, in one long run beside one of the plain loop; it stops when it has
learned. Errors are the task's mean error of both networks on the same 8,192 test inputs.
"""

import statistics
import time

import torch
from benchmarks.peers.record import keep, options, show
from torch import nn

from assay import Match2, Match3, SparseAveraging
from assay.models import make_network
from assay.tasks.k_hop import KHop
from assay.training.loop import Recipe, train

SEED, RATE, SHORT, TEST = 0, 3e-3, 50, 8192


def cases(tiny):
    """Task, architecture, width, distribution."""
    if tiny:
        return [(SparseAveraging(length=8, sparsity=2, layout="last"), "attention", 8, "gaussian")]
    return [
        (SparseAveraging(length=32, sparsity=2, layout="last"), "attention", 12, "gaussian"),
        (SparseAveraging(length=32, sparsity=2, layout="last"), "lstm", 32, "gaussian"),
        (SparseAveraging(length=32, sparsity=2, layout="last"), "feed-forward", 32, "gaussian"),
        (Match2(length=16, modulus=64, notation="digits"), "attention", 8, "digits"),
        (Match3(length=16, modulus=256, notation="digits"), "third-order", 16, "digits"),
        (Match3(length=16, modulus=256, notation="digits"), "strassen", 16, "digits"),
    ]


class ByHand(nn.Module):
    """A block of causal attention of width m between an embedding of v symbols and a readout, for N tokens."""

    def __init__(self, m=16, v=8, n=16):
        super().__init__()
        self.embed, self.read = nn.Embedding(v, m), nn.Linear(m, v)
        self.norms = nn.ModuleList([nn.LayerNorm(m) for _ in range(3)])
        self.query, self.key, self.value, self.out = (nn.Linear(m, m, bias=part != 1) for part in range(4))
        self.mlp = nn.Sequential(nn.Linear(m, 4 * m), nn.GELU(), nn.Linear(4 * m, m))
        self.register_buffer("mask", torch.full((n, n), -torch.inf).triu(1))

    def forward(self, tokens):
        x = self.embed(tokens)
        normed = self.norms[0](x)
        scores = self.query(normed) @ self.key(normed).mT / normed.shape[-1] ** 0.5
        x = x + self.out(torch.softmax(scores + self.mask, dim=-1) @ self.value(normed))
        return self.read(self.norms[2](x + self.mlp(self.norms[1](x))))


def by_hand(task, steps, batch, fused):
    network = ByHand(v=task.alphabet, n=task.length)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE, fused=fused)
    for step in range(steps):
        inputs, targets, scored = task.sample(batch, seed=SEED, split="train", start=step * batch)
        wanted = targets.masked_fill(~scored, -100)
        loss = nn.functional.cross_entropy(network(inputs).flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def small(steps, rounds):
    """A small causal network by hand, with Adam as it comes and fused, and ours."""
    task, batch = KHop(length=16, alphabet=8), 64
    bare = Recipe(steps=steps, distribution="uniform", batch=batch, check_every=steps, validation=1, test=1)
    loops = [
        lambda: by_hand(task, steps, batch, fused=None),
        lambda: by_hand(task, steps, batch, fused=True),
        lambda: train(task, "attention", 16, seed=SEED, rate=RATE, recipe=bare),
    ]
    taken = [[1e3 * seconds(loop)[0] / steps for loop in loops] for _ in range(rounds + 1)][1:]
    return {
        "by hand ms": statistics.median(row[0] for row in taken),
        "fused ms": statistics.median(row[1] for row in taken),
        "ours ms": statistics.median(row[2] for row in taken),
        "ratio": statistics.median(row[2] / row[0] for row in taken),
        "ratio to fused": statistics.median(row[2] / row[1] for row in taken),
    }


def plain(task, architecture, width, distribution, steps, batch):
    network = make_network(architecture, task, width, seed=SEED)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    for step in range(steps):
        inputs, targets, scored = task.sample(
            batch, seed=SEED, split="train", start=step * batch, distribution=distribution
        )
        loss = task.answer.loss(network(inputs), targets.float(), scored)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


@torch.no_grad()
def test_error(network, task, distribution, count):
    inputs, targets, _ = task.sample(count, seed=SEED, distribution=distribution)
    return task.answer.judge(network(inputs), targets)


def seconds(action):
    begin = time.process_time()
    result = action()
    return time.process_time() - begin, result


def compare(task, architecture, width, distribution, steps, rounds, long_steps, test):
    def recipe(count, **few):
        return Recipe(steps=count, distribution=distribution, **few)

    bare = recipe(steps, check_every=steps, validation=1, test=1)
    loops = [
        lambda: plain(task, architecture, width, distribution, steps, bare.batch),
        lambda: train(task, architecture, width, seed=SEED, rate=RATE, recipe=bare),
    ]
    pairs = [[1e3 * seconds(loop)[0] / steps for loop in loops] for _ in range(rounds + 1)][1:]
    slow, network = seconds(lambda: plain(task, architecture, width, distribution, long_steps, bare.batch))
    whole, run = seconds(
        lambda: train(task, architecture, width, seed=SEED, rate=RATE, recipe=recipe(long_steps, test=test))
    )
    return {
        "task": task.name,
        "N": task.length,
        "architecture": architecture,
        "width": width,
        "plain ms": statistics.median(pair[0] for pair in pairs),
        "bare ms": statistics.median(pair[1] for pair in pairs),
        "ratio": statistics.median(pair[1] / pair[0] for pair in pairs),
        "plain s": slow,
        "whole s": whole,
        "whole steps": f"{run.steps}, {run.stopped}",
        "whole ratio": whole / run.steps / (slow / long_steps),  # of the time per step
        "plain error": test_error(network, task, distribution, test),
        "whole error": run.mean_error,
        "learned at": task.mean_tolerance,
    }


def main(arguments=None):
    parser = options(__doc__.splitlines()[0], rounds=3)
    parser.add_argument("--steps", type=int, default=1000, help="of the long runs")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    short, long, test = (2, 4, 16) if chosen.tiny else (SHORT, chosen.steps, TEST)
    title = "A step of causal attention of width 16 at N = 16, 64 examples, beside a loop and network by hand"
    show(title, [small(short if chosen.tiny else 4 * short, chosen.rounds)])
    rows = [compare(*case, short, chosen.rounds, long, test) for case in cases(chosen.tiny)]
    show(f"Training with 128 examples a step: {short} steps in rounds, {long} once; ratios are ours over plain", rows)
    keep("peers/training_step", rows, chosen.json)


if __name__ == "__main__":
    main()
