"""Proofs that explicit weights do what is claimed: for all inputs, rounding included, from the weights alone.

A proof is made from what a weights file holds and nothing else: it trusts none of the code that builds constructions.
It reads every stored number exactly, checks that it is what the argument needs, and closes all inequalities with
rational numbers or balls (Arb), which round outwards. What it takes for granted: `assay.arithmetic.rounding`.
The one file of a method's proof restates what its forward pass computes; a spot check compares the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.constructions.construction import Construction
    from assay.proofs.proof import Proof, Stored

PROOFS: Registry[Callable[[Stored], Proof]] = Registry("proof", "assay.proofs")


def certify(network: Construction) -> Proof:
    """Prove the guarantee of a construction; what comes back says what each step used.

    >>> from assay import SparseAveraging
    >>> from assay.constructions import build
    >>> proof = certify(build(SparseAveraging(length=16, sparsity=2), method="reed-solomon", tolerance=0.05))
    >>> proof.guaranteed_error <= 0.05, proof.steps[1].statement
    (True, 'two keys share at most 1 ones, and each has 3')

    Raises:
        AssayError: the weights do not have the property that the proof needs; the message says which.
    """
    from assay.proofs.proof import Stored, prove

    return prove(Stored.of(network))


__all__ = ["PROOFS", "certify"]
