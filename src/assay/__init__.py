"""Assay: what a sequence architecture can represent, and how large it must be.

The names below are imported when they are first used, so that `import assay` is quick and `assay ls` needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.constructions import load
    from assay.errors import AssayError, CertificateError
    from assay.evidence import Evidence
    from assay.examine.subject import open_subject
    from assay.frames import frame
    from assay.sessions.build import build, certify, check, verify
    from assay.sessions.cite import cite
    from assay.sessions.decide import boolean, group, language
    from assay.sessions.examine import attack, precision, protocol
    from assay.sessions.export import export
    from assay.sessions.frontier import frontier
    from assay.sessions.limits import baselines, bound, communication
    from assay.sessions.place import place
    from assay.sessions.probe import probe
    from assay.sessions.size import size
    from assay.sessions.study import run
    from assay.sessions.train import train
    from assay.sizes import Size
    from assay.store.ledger import Ledger
    from assay.store.merging import merge_files as merge
    from assay.tasks.match2 import Match2
    from assay.tasks.match3 import Match3
    from assay.tasks.match3_bigram import Match3Bigram
    from assay.tasks.match3_local import Match3Local
    from assay.tasks.sparse_averaging import SparseAveraging
    from assay.vectors.session import examine as embeddings

__version__ = "0.1.0"

# Modules of the names, and what a name is called there where it has another one. No module of the package may be called
# as one of them: importing it would take its place.
_HOMES = {
    "AssayError": "assay.errors",
    "CertificateError": "assay.errors",
    "Evidence": "assay.evidence",
    "Ledger": "assay.store.ledger",
    "Match2": "assay.tasks.match2",
    "Match3": "assay.tasks.match3",
    "Match3Bigram": "assay.tasks.match3_bigram",
    "Match3Local": "assay.tasks.match3_local",
    "Size": "assay.sizes",
    "SparseAveraging": "assay.tasks.sparse_averaging",
    "attack": "assay.sessions.examine",
    "baselines": "assay.sessions.limits",
    "boolean": "assay.sessions.decide",
    "bound": "assay.sessions.limits",
    "build": "assay.sessions.build",
    "certify": "assay.sessions.build",
    "check": "assay.sessions.build",
    "cite": "assay.sessions.cite",
    "communication": "assay.sessions.limits",
    "embeddings": "assay.vectors.session:examine",
    "export": "assay.sessions.export",
    "frame": "assay.frames",
    "frontier": "assay.sessions.frontier",
    "group": "assay.sessions.decide",
    "language": "assay.sessions.decide",
    "load": "assay.constructions",
    "merge": "assay.store.merging:merge_files",
    "open_subject": "assay.examine.subject",
    "place": "assay.sessions.place",
    "precision": "assay.sessions.examine",
    "probe": "assay.sessions.probe",
    "protocol": "assay.sessions.examine",
    "run": "assay.sessions.study",
    "size": "assay.sessions.size",
    "train": "assay.sessions.train",
    "verify": "assay.sessions.build",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'assay' has no attribute {name!r}")
    home, _, there = _HOMES[name].partition(":")
    return getattr(import_module(home), there or name)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "AssayError",
    "CertificateError",
    "Evidence",
    "Ledger",
    "Match2",
    "Match3",
    "Match3Bigram",
    "Match3Local",
    "Size",
    "SparseAveraging",
    "__version__",
    "attack",
    "baselines",
    "boolean",
    "bound",
    "build",
    "certify",
    "check",
    "cite",
    "communication",
    "embeddings",
    "export",
    "frame",
    "frontier",
    "group",
    "language",
    "load",
    "merge",
    "open_subject",
    "place",
    "precision",
    "probe",
    "protocol",
    "run",
    "size",
    "train",
    "verify",
]
