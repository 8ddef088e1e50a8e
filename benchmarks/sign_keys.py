"""Time and memory of the sign-key unit at the largest size that is promised, beside the products it cannot avoid.

    python benchmarks/sign_keys.py [--length 4096 --sparsity 16]

Prints for building, and for one sequence with every token asking under uniform and adversarial pointers: seconds, peak
memory, and the ratio to the floor. The floor is the time this machine takes, in the same run, for the float64 products
of all queries with all keys (one for each round of clipping, one to check) and for the attention itself.
"""

import argparse
import resource
import time

import torch

from assay import SparseAveraging
from assay.constructions import build


def seconds(action):
    begin = time.perf_counter()
    result = action()
    return time.perf_counter() - begin, result


def floor(unit, rounds):
    """Seconds for the products of queries and keys of `rounds` rounds of clipping, and one attention."""
    positions, width = unit.keys.shape
    queries, keys = (
        torch.randn(positions, width, dtype=torch.float64),
        torch.randn(width, positions, dtype=torch.float64),
    )
    scores, values = torch.randn(positions, positions), torch.randn(positions, 1)
    product, _ = seconds(lambda: queries @ keys)
    attention, _ = seconds(lambda: torch.softmax(scores, dim=1) @ values)
    return rounds * product + attention + product / 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, default=4096)
    parser.add_argument("--sparsity", type=int, default=16)
    chosen = parser.parse_args()
    task = SparseAveraging(chosen.length, chosen.sparsity)
    took, unit = seconds(lambda: build(task, method="sign", tolerance=0.05))
    print(f"{task}: score width {unit.size.score_width}, {torch.get_num_threads()} threads, built in {took:.1f} s")
    for distribution in ("uniform", "adversarial"):
        inputs, targets, _ = task.sample(1, seed=0, distribution=distribution, keys=unit.position_keys())
        took, outputs = seconds(lambda inputs=inputs: unit(inputs))
        least = floor(unit, rounds=5)
        error = task.answer.errors(outputs, targets).max().item()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{distribution:12} forward {took:.2f} s, floor {least:.2f} s, ratio {took / least:.1f}, peak {peak:.2f} GB"
        )
        print(f"{'':12} largest error {error:.2e} of {unit.certificate().guaranteed_error:.3f} guaranteed")


if __name__ == "__main__":
    main()
