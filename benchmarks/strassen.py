"""Strassen attention against the machine's own rate of matrix products, and against a softmax over all N^3 scores.

    python benchmarks/strassen.py [--length 1024 --width 4 --rounds 5]

Prints, on one thread, in one interleaved run: the rate of float32 products of N x N matrices, the kernel's rate with
2 N^3 (d + 1) operations counted, and the share promised; the time beside that of the naive form at a length it can do;
and the largest error of both in float32 and float64, small and large scores, against the naive form in float64.
"""

import argparse
import statistics
import time

import torch

from assay.layers.kernels.strassen import strassen_attention

SHARE = 0.6  # of the rate of matrix products, promised
NAIVE_LENGTH = 256


def naive(f, g, h, value1, value2):
    scores = (f @ g.mT).unsqueeze(-1) + (f @ h.mT).unsqueeze(-2) + (g @ h.mT).unsqueeze(-3)
    weights = torch.softmax(scores.flatten(2), dim=-1).view_as(scores)
    return torch.einsum("bijk,bjc,bkc->bic", weights, value1, value2)


def draw(length, width, scale=1.0, dtype=torch.float32):
    tensors = [torch.randn(1, length, width, dtype=dtype) for _ in range(5)]
    return [tensor * (scale / width**0.5) ** 0.5 if i < 3 else tensor for i, tensor in enumerate(tensors)]


def seconds(action):
    """CPU time of one call, repeated for at least 50 ms."""
    begin, calls = time.process_time(), 0
    while calls == 0 or time.process_time() - begin < 0.05:
        action()
        calls += 1
    return (time.process_time() - begin) / calls


def interleaved(rounds, *actions):
    """For each action its CPU times in `rounds` rounds, after one that does not count."""
    return list(zip(*[[seconds(action) for action in actions] for _ in range(rounds + 1)][1:], strict=True))


def rate(length, width, rounds):
    matrix, inputs = torch.randn(length, length), draw(length, width)
    product, attention = interleaved(rounds, lambda: matrix @ matrix, lambda: strassen_attention(*inputs))
    share = statistics.median((width + 1) * a / b for a, b in zip(product, attention, strict=True))
    flops = 2 * length**3 / 1e9
    print(
        f"N={length} d={width}: products {flops / statistics.median(product):.0f} GFLOP/s, attention "
        f"{flops * (width + 1) / statistics.median(attention):.0f} GFLOP/s in "
        f"{1e3 * statistics.median(attention):.0f} ms: share {share:.2f}, promised {SHARE}"
    )


def speed_up(length, width, rounds):
    inputs = draw(length, width)
    slow, fast = interleaved(rounds, lambda: naive(*inputs), lambda: strassen_attention(*inputs))
    ratio = statistics.median(a / b for a, b in zip(slow, fast, strict=True))
    print(
        f"N={length} d={width}: naive {1e3 * statistics.median(slow):.1f} ms, "
        f"kernel {1e3 * statistics.median(fast):.2f} ms: {ratio:.0f} times as fast"
    )


def accuracy(length, width):
    for scale in (1.0, 30.0, 1e3, 1e5):
        exact_inputs = draw(length, width, scale, torch.float64)
        exact = naive(*exact_inputs)
        inputs = [x.float() for x in exact_inputs]
        rounded = naive(*(x.double() for x in inputs))  # float32's own answer is to its own inputs
        errors = [(y - rounded).abs().max().item() for y in (strassen_attention(*inputs), naive(*inputs))]
        double = (strassen_attention(*exact_inputs) - exact).abs().max().item()
        print(
            f"N={length} scores of about {scale:.0e}: largest error in float32 {errors[0]:.1e} "
            f"(naive {errors[1]:.1e}), in float64 {double:.1e}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--width", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    with torch.inference_mode():
        rate(chosen.length, chosen.width, chosen.rounds)
        speed_up(NAIVE_LENGTH, chosen.width, chosen.rounds)
        accuracy(100, chosen.width)


if __name__ == "__main__":
    main()
