"""Third-order attention against the softmax over a tensor of all N^3 scores, in time and in memory.

    python benchmarks/third_order.py [--width 16 --rounds 5 --length 1024]

Prints CPU time of the naive form and of the kernel on one thread in float32, interleaved, medians of rounds, with the
ratio and what is promised of it; the kernel's rate, its two products counted as 4 N^3 m operations; and the peak memory
of a forward and backward pass at N = 1024 in a process of its own, beside that of the scores alone.
"""

import argparse
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from assay.layers.kernels.third_order import third_order_attention

FORWARD = {64: 1.2, 256: 6, 512: 8}  # length: promised ratio
TRAINING = {128: 2.4}
BATCH = 4  # of training


def naive(query, key1, key2, value1, value2):
    scores = torch.einsum("bit,bjt,bkt->bijk", query, key1, key2)
    weights = torch.softmax(scores.flatten(2), dim=-1).view_as(scores)
    return torch.einsum("bijk,bjc,bkc->bic", weights, value1, value2)


def draw(batch, length, width, trained):
    return [torch.randn(batch, length, width, requires_grad=trained) for _ in range(5)]


def seconds(attention, inputs):
    """CPU time of one pass, backward included if the inputs ask for gradients; repeated for at least 50 ms."""
    begin, passes = time.process_time(), 0
    while passes == 0 or time.process_time() - begin < 0.05:
        outputs = attention(*inputs)
        if inputs[0].requires_grad:
            torch.autograd.grad(outputs, inputs, torch.ones_like(outputs))
        passes += 1
    return (time.process_time() - begin) / passes


def compare(batch, length, width, rounds, target, trained):
    inputs = draw(batch, length, width, trained)
    seconds(naive, inputs), seconds(third_order_attention, inputs)
    pairs = [(seconds(naive, inputs), seconds(third_order_attention, inputs)) for _ in range(rounds)]
    slow, fast = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    what = "forward + backward" if trained else "forward"
    rate = "" if trained else f", {4 * batch * length**3 * width / fast / 1e9:.0f} GFLOP/s"
    print(
        f"N={length:4} B={batch} {what:18} naive {1e3 * slow:8.2f} ms, kernel {1e3 * fast:7.2f} ms{rate}: "
        f"{ratio:.1f} times as fast, promised {target}"
    )


def peak():
    """Most memory this process ever held, in GB; getrusage would count what its parent held before it."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 2**20


def train_once(length, width):
    """In a process of its own: time and peak memory of one forward and backward pass."""
    torch.set_num_threads(1)
    before, inputs = peak(), draw(1, length, width, trained=True)
    begin = time.process_time()
    third_order_attention(*inputs).square().sum().backward()
    took = time.process_time() - begin
    assert all(torch.isfinite(tensor.grad).all() for tensor in inputs)
    print(
        f"N={length:4} B=1 forward + backward {took:.2f} s, {peak() - before:.3f} GB added, "
        f"{peak():.2f} GB in all; one tensor of scores: {4 * length**3 / 2**30:.1f} GB, three to train through"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--length", type=int, default=1024, help="of the pass whose memory is measured")
    parser.add_argument("--only-memory", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only_memory:
        return train_once(chosen.length, chosen.width)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for length, target in FORWARD.items():
        compare(1, length, chosen.width, chosen.rounds, target, trained=False)
    for length, target in TRAINING.items():
        compare(BATCH, length, chosen.width, chosen.rounds, target, trained=True)
    options = ["--only-memory", "--length", str(chosen.length), "--width", str(chosen.width)]
    subprocess.run([sys.executable, __file__, *options], check=True)


if __name__ == "__main__":
    main()
