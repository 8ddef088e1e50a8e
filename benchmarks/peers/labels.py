"""Exact labels of every task by NumPy as one would write it, and ours: time, and answers that differ.

    python -m benchmarks.peers.labels [--rounds 3]

Microseconds of processor time per sequence, medians of interleaved rounds, compilation excluded. NumPy's forms follow
the definitions, vectorised, N^2 numbers in memory at a time. "Wrong" counts our answers that differ from NumPy's. More
sizes of Match2 and Match3, up to N = 8192, are in benchmarks/match_labels.py, whose naive forms these are.
"""

import statistics

import numpy as np
import torch
from benchmarks.match_labels import naive_match2, naive_match3
from benchmarks.peers.record import keep, options, show
from benchmarks.strassen import interleaved

from assay import Match2, Match3, Match3Bigram, Match3Local, SparseAveraging
from assay.tasks.directed_triangle import DirectedTriangle
from assay.tasks.five_cycle import FiveCycle


def bigrams(residues, modulus):
    pairs = residues[:, :-1] + residues[:, 1:]
    return ((residues[:, :, None] + pairs[:, None, :]) % modulus == 0).any(axis=2)


def local(residues, modulus, window):
    labels = np.zeros(residues.shape, dtype=bool)
    for i in range(residues.shape[1]):
        near = residues[:, max(0, i - window) : i + window + 1]
        sums = residues[:, i, None, None] + near[:, :, None] + near[:, None, :]
        labels[:, i] = (sums % modulus == 0).any(axis=(1, 2))
    return labels


def triangles(adjacency):
    return np.einsum("bij,bjk,bki->bi", adjacency, adjacency, adjacency) > 0


def five_cycles(adjacency):
    """For each node, all of its simple paths of three more edges, and whether a fifth closes one."""
    labels = np.zeros(adjacency.shape[:2], dtype=bool)
    for graph, row in zip(adjacency.astype(bool), labels, strict=True):
        others = ~np.eye(len(graph), dtype=bool)
        for i in range(len(graph)):
            for a in np.flatnonzero(graph[i]):
                rest = (np.arange(len(graph)) != i) & (np.arange(len(graph)) != a)
                b, d = graph[a] & rest, graph[i] & rest  # i - a - b - c - d - i
                middle = graph[b][:, rest].astype(np.int64) @ graph[rest][:, d]
                direct = others[b][:, d]
                row[i] |= bool(((middle > 0) & direct).any())
                if row[i]:
                    break
    return labels


def averages(inputs):
    values, pointers = (tensor.numpy() for tensor in inputs)
    return np.stack([row[named].mean(axis=1) for row, named in zip(values.astype(np.float64), pointers, strict=True)])


def cases(tiny):
    """Task, NumPy's form of it, sequences."""
    batch = 4 if tiny else 32
    for length in [16] if tiny else [64, 256]:
        yield Match2(length=length), naive_match2, batch
        yield Match3(length=length), naive_match3, batch if length < 256 else 4
        yield Match3Bigram(length=length), bigrams, batch
        yield Match3Local(length=length, window=4), local, batch
        yield SparseAveraging(length=length, sparsity=4), averages, batch
    for length in [8] if tiny else [32, 64]:
        yield DirectedTriangle(length=length), triangles, batch
        yield FiveCycle(length=length), five_cycles, 4


def naive_labels(task, form, inputs):
    if isinstance(task, SparseAveraging):
        return form(inputs)
    given = [inputs.numpy()] + [getattr(task, name) for name in ("modulus", "window") if hasattr(task, name)]
    return form(*given)


def compare(task, form, batch, rounds):
    inputs = task.sample(batch, seed=0).inputs
    ours, exact = task.targets(inputs), torch.from_numpy(naive_labels(task, form, inputs))
    slow, fast = interleaved(rounds, lambda: naive_labels(task, form, inputs), lambda: task.targets(inputs))
    return {
        "task": task.name,
        "N": task.length,
        "M": getattr(task, "modulus", ""),
        "answers": exact.numel(),
        "wrong": int(((ours - exact.double()).abs() > 1e-12).sum()),
        "numpy us": 1e6 * statistics.median(slow) / batch,
        "assay us": 1e6 * statistics.median(fast) / batch,
        "ratio": statistics.median(a / b for a, b in zip(slow, fast, strict=True)),
    }


def main(arguments=None):
    chosen = options(__doc__.splitlines()[0], rounds=3).parse_args(arguments)
    torch.set_num_threads(1)
    rows = [compare(task, form, batch, chosen.rounds) for task, form, batch in cases(chosen.tiny)]
    show("Labels: microseconds per sequence", rows)
    keep("peers/labels", rows, chosen.json)


if __name__ == "__main__":
    main()
