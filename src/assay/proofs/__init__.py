"""Proofs that explicit weights do what is claimed: for all inputs, rounding included, from the weights alone.

A proof is made from what a weights file holds and nothing else: it trusts none of the code that builds constructions.
It reads every stored number exactly, checks that it is what the argument needs, and closes all inequalities with
rational numbers or balls (Arb), which round outwards. What it takes for granted: `assay.arithmetic.rounding`.
The one file of a method's proof restates what its forward pass computes; a spot check compares the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from assay.constructions.construction import Construction
    from assay.proofs.certificate_file import Verification
    from assay.proofs.proof import Proof, Stored

PROOFS: Registry[Callable[[Stored], Proof]] = Registry("proof", "assay.proofs")


def certify(network: Construction) -> Proof:
    """Prove the guarantee of a construction; what comes back says what each step used.

    >>> from assay import SparseAveraging, build
    >>> proof = certify(build(SparseAveraging(length=16, sparsity=2), method="reed-solomon", tolerance=0.05))
    >>> proof.guaranteed_error <= 0.05, proof.steps[1].statement
    (True, 'two keys share at most 1 ones, and each has 3')

    Raises:
        AssayError: the weights do not have the property that the proof needs; the message says which.
    """
    from assay.proofs.proof import Stored, prove

    return prove(Stored.of(network))


def write_certificate(
    network: Construction, weights: str | Path, path: str | Path, tell: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Prove a network's guarantee, write its weights, and then the certificate, which names the weights' file.

    `tell` is told what takes long.

    Raises:
        AssayError: see `certify`; or a file that cannot be written.
    """
    from assay.proofs.certificate_file import write

    return write(network, weights, path, tell)


def verify(
    path: str | Path, weights: str | Path | None = None, tell: Callable[[str], None] = lambda _: None
) -> Verification:
    """Check a certificate again, from the weights.

    Raises:
        AssayError: there is no such certificate or weights file to read.
    """
    from assay.proofs.certificate_file import check

    return check(path, weights, tell)


__all__ = ["PROOFS", "certify", "verify", "write_certificate"]
