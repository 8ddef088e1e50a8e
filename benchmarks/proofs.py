"""How long proofs take: all pointer sets of sign keys and of the moment curve, counting for Reed-Solomon keys.

Run: python benchmarks/proofs.py
"""

import time

from assay import Match2, Match3, SparseAveraging, certify
from assay.constructions import build

CASES = [
    (SparseAveraging(length=64, sparsity=3), "sign"),
    (SparseAveraging(length=64, sparsity=3), "cyclic"),
    (SparseAveraging(length=180, sparsity=3), "sign"),
    (SparseAveraging(length=1000, sparsity=2), "sign"),
    (SparseAveraging(length=1024, sparsity=8), "sign"),
    (SparseAveraging(length=1024, sparsity=8), "cyclic"),
    (SparseAveraging(length=4096, sparsity=16), "reed-solomon"),
    (Match2(length=64, modulus=10**6), "random-frequencies"),
    (Match3(length=256, modulus=1000), "third-order"),
]


def main() -> None:
    for task, method in CASES:
        network = build(task, method=method)
        begin = time.perf_counter()
        proof = certify(network)
        seconds = time.perf_counter() - begin
        exhaustive = [step.how.split(",")[0] for step in proof.steps if step.how.startswith("exhaustive")]
        print(f"{seconds:8.3f} s  {method} on {task}: error <= {proof.guaranteed_error:.4g}; {'; '.join(exhaustive)}")


if __name__ == "__main__":
    main()
