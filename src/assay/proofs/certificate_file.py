"""Certificates as JSON files, and checking them again without trusting who wrote them.

A certificate is one line of canonical JSON: the claim (task, guaranteed error, every step of the proof), the SHA-256 of
the weights file it speaks of, and its own SHA-256. `check` reads both files again, makes the proof again from the
weights alone, and compares. So a byte changed by accident fails on a checksum, and a claim changed on purpose, with all
checksums made anew, fails on the proof.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import AssayError
from assay.evidence import canonical
from assay.files import write_whole
from assay.proofs.base import EVERY_SET, Stored, prove
from assay.tensors import read_tensors

if TYPE_CHECKING:
    from assay.constructions.base import Construction

FORMAT = 1
_SPOT_DRAWS = 50
_LONG = 100_000  # pointer sets, from which on their enumeration is announced
_RATE = 100_000  # of them in a second, on an idle core, at the lengths where there are as many
_REMARKS = {"checked"}  # settings that say how a network was found, which a proof has no use for
_SETTINGS = {
    "tolerance", "temperature", "dtype", "score_width", "code", "gap", "frequencies", "keys", "unit", "block",
}  # fmt: skip


@dataclass(frozen=True)
class Verification:
    """What checking a certificate came to.

    Attributes:
        file: the certificate.
        holds: whether every check passed.
        reason: the first thing that is wrong; empty if nothing is.
        checked: what was checked, in order, up to that.
        certificate: what the file says; empty if it could not be read as a certificate.
    """

    file: str
    holds: bool
    reason: str
    checked: tuple[str, ...]
    certificate: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return json.loads(canonical(asdict(self)))


def write(
    network: Construction, weights: str | Path, path: str | Path, tell: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Prove a network's guarantee, write its weights, and then the certificate, which names the weights' file."""
    if not Path(path).parent.is_dir():
        raise AssayError(f"{path} cannot be written: there is no folder {Path(path).parent}")
    claim = _claim(Stored.of(network), tell)
    network.save(weights)
    certificate = {
        "assay-certificate": FORMAT,
        "claim": claim,
        "weights": {"file": Path(weights).name, "sha256": _sha256(Path(weights).read_bytes())},
    }
    certificate["sha256"] = _own_sha256(certificate)
    write_whole(path, lambda temporary: temporary.write_text(canonical(certificate) + "\n", "utf-8"))
    return certificate


def check(
    path: str | Path, weights: str | Path | None = None, tell: Callable[[str], None] = lambda _: None
) -> Verification:
    """Check the certificate at `path`; its weights are the file it names, beside it, unless given.

    Raises:
        AssayError: there is no such file to read.
    """
    certificate: dict[str, Any] = {}
    checked: list[str] = []
    try:
        certificate = _parsed(_bytes(path))
        checked.append("the certificate is whole: its text matches its own SHA-256")
        stored_at = Path(weights) if weights is not None else Path(path).parent / certificate["weights"]["file"]
        _require(_sha256(_bytes(stored_at)) == certificate["weights"]["sha256"], "the weights file is another one")
        checked.append(f"the weights file {stored_at.name} matches the SHA-256 that the certificate names")
        claim = _of_file(_claim_of_file, stored_at, tell)
        for key, value in claim.items():
            same = canonical(certificate["claim"].get(key)) == canonical(value)
            _require(same, f"the claim states another {key} than the weights prove")
        _require(set(certificate["claim"]) == set(claim), "the claim has other parts than a proof")
        steps = len(claim["steps"])
        checked.append(f"the proof was made again from the weights: {steps} steps, error and arithmetic agree")
        checked.append(_of_file(_spot_check, stored_at, claim["guaranteed_error"]))
    except _Wrong as wrong:
        return Verification(str(path), False, str(wrong), tuple(checked), certificate)
    return Verification(str(path), True, "", tuple(checked), certificate)


class _Wrong(Exception):
    """A certificate that does not hold, and why."""


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise _Wrong(reason)


def _claim(stored: Stored, tell: Callable[[str], None]) -> dict[str, Any]:
    """What the weights prove, with the settings that the proof is about.

    Raises:
        AssayError: it is not proved, or not within the tolerance that the settings state; or there are other settings.
    """
    extra = set(stored.settings) - {*_SETTINGS, *_REMARKS}
    if extra:
        raise AssayError(f"the settings {', '.join(sorted(extra))} are not known")
    if stored.method == "sign":
        sets = math.comb(stored.task.length, stored.task.sparsity)
        if _LONG < sets <= EVERY_SET:
            tell(f"enumerating {sets} pointer sets, which takes {1 + sets // _RATE} to {1 + 5 * sets // _RATE} seconds")
    proof = prove(stored)
    if not proof.guaranteed_error <= stored.settings["tolerance"]:
        raise AssayError(f"an error of {proof.guaranteed_error:.6g} is proved, above {stored.settings['tolerance']}")
    settings = {name: value for name, value in stored.settings.items() if name in _SETTINGS}
    return {**proof.to_json(), "settings": settings}


def _of_file(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function makes of a file that nobody vouches for: whatever goes wrong is the file's fault."""
    try:
        return function(*arguments)
    except _Wrong:
        raise
    except Exception as error:
        raise _Wrong(f"the weights do not prove it: {' '.join(str(error).split()) or type(error).__name__}") from None


def _claim_of_file(weights: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    return json.loads(canonical(_claim(Stored.from_file(*read_tensors(weights)), tell)))


def _spot_check(weights: Path, guaranteed: float) -> str:
    """Run the network itself on some inputs: the proof restates its forward pass, this sees that it does as stated."""
    from assay.constructions.questions import checkable, try_network
    from assay.constructions.weights_file import load_network

    network = load_network(weights)
    trials = {name: try_network(network, name, _SPOT_DRAWS) for name in checkable(network)}
    refused = sum(trial.refused for trial in trials.values())
    tried = _SPOT_DRAWS * len(trials)
    _require(refused < tried, f"the network refuses all {tried} inputs that were tried")
    largest = max(trial.largest_error for trial in trials.values())
    _require(largest <= guaranteed, f"the network errs by {largest:.6g} on an input, more than {guaranteed:.6g}")
    names = ", ".join(trials)
    return (
        f"the network itself errs by at most {largest:.3g} on {_SPOT_DRAWS} inputs of each of {names}"
        f"{f', of which it refuses {refused}' if refused else ''}"
    )


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        certificate = json.loads(content.decode("utf-8"))
        own = _own_sha256(certificate)
        whole = canonical(certificate) + "\n" == content.decode("utf-8")
        shaped = (
            certificate["assay-certificate"] is not True
            and certificate["assay-certificate"] == FORMAT
            and set(certificate) == {"assay-certificate", "claim", "weights", "sha256"}
            and set(certificate["weights"]) == {"file", "sha256"}
            and isinstance(certificate["weights"]["file"], str)
            and isinstance(certificate["claim"], dict)
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _Wrong(f"it is no certificate of format {FORMAT}") from None
    _require(shaped, f"it is no certificate of format {FORMAT}")
    _require(certificate["sha256"] == own, "the certificate was altered: its SHA-256 differs")
    _require(whole, "the certificate is not in canonical form")
    return certificate


def _own_sha256(certificate: dict[str, Any]) -> str:
    return _sha256(canonical({key: value for key, value in certificate.items() if key != "sha256"}).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _bytes(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise AssayError(f"{path} cannot be read: {error.strerror or error}") from error
