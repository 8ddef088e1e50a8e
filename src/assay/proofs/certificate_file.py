"""Certificates as JSON files, and checking them again without trusting who wrote them.

A certificate is one line of canonical JSON: the claim (task, guaranteed error, every step of the proof), the SHA-256 of
the weights file it speaks of, and its own SHA-256. `verify` reads both files again, makes the proof again from the
weights alone, and compares. So a byte changed by accident fails on a checksum, and a claim changed on purpose, with all
checksums made anew, fails on the proof.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from assay.constructions.answering import together
from assay.errors import AssayError, ParameterError, Refuted, one_line, require
from assay.evidence import Verification, canonical, canonical_line
from assay.proofs.proof import Stored, prove
from assay.schema import Json
from assay.store.files import parse_json, read_text, require_writable, sha256_of, write_whole
from assay.store.tensors import LARGEST as LARGEST_WEIGHTS

if TYPE_CHECKING:
    from assay.constructions.construction import Construction

Given = ParamSpec("Given")
Gives = TypeVar("Gives")

FORMAT = 1
LARGEST = 1 << 24  # bytes of a certificate
_SPOT_DRAWS = 50
_SHA256 = re.compile(r"[0-9a-f]{64}")


def write_certificate(
    network: Construction, weights: str | Path, path: str | Path, tell: Callable[[str], None] = lambda _: None
) -> Json:
    """Prove a network's guarantee, write its weights, and then the certificate, which names the weights' file.

    `tell` is told what takes long.

    Raises:
        AssayError: it is not proved, a file cannot be written, or the construction or the task is a user's own.
    """
    name = _plain(path, Path(weights).name)
    require_writable(Path(weights), Path(path))
    stored = Stored.of(network, tell)
    for named in (stored.method, stored.task.to_json()["name"]):
        if ":" in named:
            raise AssayError(f"a certificate is of what is installed, so that anyone can check it; {named} is not")
    claim = _claim(stored)
    _spot_check(network, claim["guaranteed_error"])
    network.save(weights)
    certificate = {
        "assay-certificate": FORMAT,
        "claim": claim,
        "weights": {"file": name, "sha256": sha256_of(weights, LARGEST_WEIGHTS)},
    }
    certificate["sha256"] = _own_sha256(certificate)
    write_whole(path, lambda temporary: temporary.write_text(canonical(certificate) + "\n", "utf-8"))
    return certificate


def verify(
    path: str | Path, weights: str | Path | None = None, tell: Callable[[str], None] = lambda _: None
) -> Verification:
    """Check the certificate at `path` again, from the weights: the file it names, beside it, unless given.

    Raises:
        AssayError: there is no such file to read, it is no certificate, or what it names is no file beside it.
    """
    text = read_text(path, LARGEST)
    certificate = _parsed(path, text)
    stored_at = _named(path, certificate["weights"]["file"]) if weights is None else Path(weights)
    if weights is None and not os.path.lexists(stored_at):
        raise ParameterError(
            "{} speaks of the weights file {}, and there is none beside it: keep both in one folder, or name it as "
            "{weights}",
            path,
            stored_at.name,
        )
    checked: list[str] = []
    try:
        _require(certificate["sha256"] == _own_sha256(certificate), "the certificate was altered: its SHA-256 differs")
        layout = canonical_line(path, text, certificate)
        _require(not layout, layout)
        checked.append("the certificate is whole: its text matches its own SHA-256")
        _require_weights(stored_at, certificate["weights"])
        checked.append(f"the weights file {stored_at.name} matches the SHA-256 that the certificate names")
        claim = _of_file(_claim_of_file, stored_at, tell)
        for key, value in claim.items():
            same = canonical(certificate["claim"].get(key)) == canonical(value)
            _require(same, f"the claim states another {key} than the weights prove")
        _require(set(certificate["claim"]) == set(claim), "the claim has other parts than a proof")
        steps = len(claim["steps"])
        checked.append(f"the proof was made again from the weights: {steps} steps, error and arithmetic agree")
        checked.append(_of_file(_spot_check_of_file, stored_at, claim["guaranteed_error"]))
    except Refuted as wrong:
        return Verification(str(path), False, str(wrong), checked=tuple(checked), certificate=certificate)
    return Verification(str(path), True, checked=tuple(checked), certificate=certificate)


def _require_weights(stored_at: Path, named: Json) -> None:
    """Refuse a file that is not the one that the certificate names."""
    found, wanted = sha256_of(stored_at, LARGEST_WEIGHTS), named["sha256"]
    reason = f"{stored_at} is not the weights file that the certificate names: {named['file']}, SHA-256 {wanted}"
    _require(found == wanted, f"{reason}; this one has {found}")


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise Refuted(reason)


def _claim(stored: Stored) -> Json:
    """What the weights prove, with the settings that the proof is about.

    Raises:
        AssayError: it is not proved, or not within the tolerance that the settings state; or there are other settings
            than the construction declares.
    """
    stored.check_settings()
    proof = prove(stored)
    tolerance = stored.number("tolerance")
    if not proof.guaranteed_error <= tolerance:
        raise AssayError(f"an error of {proof.guaranteed_error:.6g} is proved, above {tolerance}")
    return {**proof.to_json(), "settings": stored.settings}


def _of_file(function: Callable[Given, Gives], *given: Given.args, **named: Given.kwargs) -> Gives:
    """What a function makes of a file that nobody vouches for: whatever goes wrong is the file's fault."""
    try:
        return function(*given, **named)
    except Refuted:
        raise
    except Exception as error:
        raise Refuted(f"the weights do not prove it: {one_line(str(error)) or type(error).__name__}") from None


def _claim_of_file(weights: Path, tell: Callable[[str], None]) -> Json:
    return json.loads(canonical(_claim(Stored.read(weights, tell))))


def _spot_check_of_file(weights: Path, guaranteed: float) -> str:
    from assay.constructions.weights_file import load_network

    return _spot_check(load_network(weights), guaranteed)


def _spot_check(network: Construction, guaranteed: float) -> str:
    """Run the network itself on some inputs: the proof restates its forward pass, this sees that it does as stated.

    Raises:
        Refuted: it errs by more, or answers none of them.
    """
    from assay.constructions.trials import try_all

    trials = try_all(network, _SPOT_DRAWS)
    trial = together(trials.values())
    if reason := trial.refutation(guaranteed):
        raise Refuted(reason)
    return (
        f"the network itself errs by at most {trial.largest_error:.3g} on {_SPOT_DRAWS} inputs of each of "
        f"{', '.join(trials)}{f', of which it refuses {trial.refused}' if trial.refused else ''}"
    )


def _parsed(path: str | Path, text: str) -> Json:
    """The certificate, if it has the form of one; what it says is left to `verify`."""
    certificate = parse_json(text, f"{path}, which is no certificate,")
    fits = (
        isinstance(certificate, dict)
        and set(certificate) == {"assay-certificate", "claim", "weights", "sha256"}
        and type(certificate["assay-certificate"]) is int
        and certificate["assay-certificate"] == FORMAT
        and isinstance(certificate["claim"], dict)
        and isinstance(certificate["weights"], dict)
        and set(certificate["weights"]) == {"file", "sha256"}
        and isinstance(certificate["weights"]["file"], str)
        and all(_is_sha256(part["sha256"]) for part in (certificate, certificate["weights"]))
    )
    if not fits:
        raise AssayError(f"{path} is no certificate of format {FORMAT}")
    return certificate


def _named(path: str | Path, name: str) -> Path:
    """The file of this name beside a certificate.

    Raises:
        AssayError: the name is that of a file elsewhere, by itself or by a link, or of none.
    """
    folder = Path(path).parent
    at = folder / _plain(path, name)
    if at.resolve().parent != folder.resolve():
        raise ParameterError("{} is a link to another folder; name the weights' file as {weights}", at)
    return at


def _plain(path: str | Path, name: str) -> str:
    fits = name.isprintable() and name not in ("", ".", "..") and not set(name) & set("/\\")
    require(fits, f"weights.file in {path}", repr(name)[:80], "the plain name of a file beside the certificate")
    return name


def _own_sha256(certificate: Mapping[str, object]) -> str:
    text = canonical({key: value for key, value in certificate.items() if key != "sha256"})
    return hashlib.sha256(text.encode()).hexdigest()


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None
