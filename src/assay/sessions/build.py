"""What `assay build`, `assay check` and `assay verify` do: explicit weights with a guarantee, tried and proved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay.constructions import build as construct
from assay.constructions import load
from assay.constructions.certificate import Certificate
from assay.errors import ParameterError
from assay.evidence import Json, Verification
from assay.proofs import certify as prove
from assay.schema import Result
from assay.sessions.naming import Tell, silent, task_from
from assay.store.files import require_writable
from assay.tasks import Task

if TYPE_CHECKING:
    from assay.constructions.construction import Construction
    from assay.proofs.proof import Proof


@dataclass(frozen=True, repr=False)
class Built(Result):
    """Explicit weights that were built.

    Attributes:
        network: called on the task's inputs, returns (batch, *answer shape); an ordinary `torch.nn.Module`.
        task: that it solves.
        guarantee: the worst-case error, what that rests on, and the size.
        file: that holds the weights; None where none was written.
        certificate: the file with the proof; None where none was written.
        proof: every step of it, as that file says; None likewise.
    """

    network: Construction
    task: Task
    guarantee: Certificate
    file: str | None = None
    certificate: str | None = None
    proof: Json | None = None

    @property
    def remark(self) -> str:
        """How the weights were found, where they do not show that."""
        return self.network.remark

    @property
    def line(self) -> str:
        """Method, width, error and arithmetic; what `repr` adds the class to."""
        size, error = self.guarantee.size, self.guarantee.guaranteed_error
        return f"{self.guarantee.method}: width {size.width}, worst-case error <= {error:.3g}, {self.guarantee.dtype}"

    def to_json(self) -> Json:
        """Plain JSON values, the guarantee's beside the others; without the network."""
        return {
            "file": self.file,
            "task": self.task.to_json(),
            **self.guarantee.to_json(),
            "remark": self.remark,
            "certificate": self.certificate,
            "proof": self.proof,
        }


@dataclass(frozen=True, repr=False)
class Checked(Result):
    """Built weights that were tried on inputs.

    Attributes:
        file: that they are from; the method's name where they are from none.
        method: the construction's name.
        task: its name and parameters.
        distribution: of the inputs.
        draws: inputs that were tried.
        seed: of these.
        largest_error: over the inputs that were answered; None if none was.
        refused: inputs that the network gave no answer to.
        guaranteed_error: of every answer.
        guarantee_stated_by: whose word that is: `file`, whose settings it follows from, or `build`.
        holds: whether no answer erred by more, and there were answers.
        reason: why it does not; empty where it does.
    """

    file: str
    method: str
    task: Json
    distribution: str
    draws: int
    seed: int
    largest_error: float | None
    refused: int
    guaranteed_error: float
    guarantee_stated_by: str
    holds: bool
    reason: str

    @property
    def line(self) -> str:
        """Whether the guarantee holds, and by how much."""
        if not self.holds:
            return f"{self.method} does NOT hold: {self.reason}"
        return (
            f"{self.method} holds on {self.draws:,} {self.distribution} inputs: largest error {self.largest_error:.3g} "
            f"<= {self.guaranteed_error:.3g}"
        )


def build(
    task: Task | str,
    *,
    method: str | None = None,
    tolerance: float | None = None,
    out: str | Path | None = None,
    certificate: str | Path | None = None,
    tell: Tell = silent,
    **parameters: object,
) -> Built:
    """Explicit weights for a task, with worst-case error at most `tolerance`.

    Args:
        task: a task, or its name with its parameters: `build("match3", length=64)`.
        method: a construction's name, or `file.py:Class`; the task's preferred one unless given.
        tolerance: the task's own unless given.
        out: the safetensors file to write; none unless given. `assay.load` reads it.
        certificate: a JSON file for the proof, which `verify` checks; it needs `out`.
        tell: is told what takes long.
        parameters: of a task that is named.

    >>> build("sparse-averaging", length=64, sparsity=4, method="sign", tolerance=0.05)
    <Built sign: width 99, worst-case error <= 0.0454, float32>

    Raises:
        AssayError: an unknown method, one for another task, a tolerance that it cannot guarantee, or a path that cannot
            be used.
    """
    weights, proof_at = (None if path is None else Path(path) for path in (out, certificate))
    require_writable(weights, proof_at)
    if proof_at is not None and weights is None:
        raise ParameterError("{certificate} needs {out}: it speaks of a file of weights")
    chosen = task_from(task, parameters)
    network = construct(chosen, method=method, tolerance=tolerance)
    found = Built(network, chosen, network.certificate(), None if weights is None else str(weights))
    if weights is None:
        return found
    if proof_at is None:
        network.save(weights)
        return found
    from assay.proofs.certificate_file import write_certificate

    claim = write_certificate(network, weights, proof_at, tell)["claim"]
    return replace(found, certificate=str(proof_at), proof=claim)


def certify(network: Construction | Built) -> Proof:
    """Prove the guarantee of a construction from its weights alone, rounding included.

    >>> proof = certify(build("sparse-averaging", length=16, sparsity=2, method="reed-solomon", tolerance=0.05))
    >>> proof.guaranteed_error <= 0.05, proof.steps[1].statement
    (True, 'two keys share at most 1 ones, and each has 3')

    Raises:
        AssayError: the weights do not have the property that the proof needs; the message says which.
    """
    return prove(network.network if isinstance(network, Built) else network)


def check(
    network: Construction | Built | str | Path,
    *,
    draws: int = 200,
    distribution: str = "uniform",
    seed: int = 0,
    code: Iterable[str] = (),
) -> Checked:
    """Try built weights on inputs, against exact answers.

    Args:
        network: that was built, or the file that holds it.
        draws: inputs to try.
        distribution: of the task.
        seed: of the inputs.
        code: Python files or modules of your own that a file needs.

    >>> check(build("match2", length=16), draws=20).holds
    True

    Raises:
        AssayError: the file cannot be read, or the guarantee does not speak of this distribution.
    """
    from assay.constructions.trials import try_network

    path = network if isinstance(network, str | Path) else None
    loaded = load(network, code) if isinstance(network, str | Path) else network
    built = loaded.network if isinstance(loaded, Built) else loaded
    trial = try_network(built, distribution, draws, seed=seed)
    guaranteed = built.certificate().guaranteed_error
    reason = trial.refutation(guaranteed)
    return Checked(
        file=built.method if path is None else str(path),
        method=built.method,
        task=built.task.to_json(),
        distribution=distribution,
        draws=draws,
        seed=seed,
        largest_error=trial.largest_error,
        refused=trial.refused,
        guaranteed_error=guaranteed,
        guarantee_stated_by="build" if path is None else "file",
        holds=not reason,
        reason=reason,
    )


def verify(certificate: str | Path, weights: str | Path | None = None, tell: Tell = silent) -> Verification:
    """Check a certificate again: of weights, of a set of positions, of weights for a group, or of a threshold degree.

    Args:
        certificate: a file that `certificate` of `build`, `group` or `boolean`, or `assay probe --certificate`, wrote.
        weights: the file that it is about, where it is about one; beside the certificate unless given.
        tell: is told what takes long.

    Raises:
        AssayError: there is no such file to read, or it is no certificate.
    """
    from assay.booleans.certificate import is_degree_certificate, verify_degree
    from assay.groups.certificate_file import is_group_certificate, verify_group
    from assay.probing.chosen import is_probe_certificate, verify_set
    from assay.proofs.certificate_file import verify as verify_weights

    path = Path(certificate)
    alone = (
        (is_probe_certificate, verify_set),
        (is_group_certificate, verify_group),
        (is_degree_certificate, verify_degree),
    )
    for is_one, verify_file in alone:
        if is_one(path):
            return verify_file(path)
    return verify_weights(path, weights, tell)
