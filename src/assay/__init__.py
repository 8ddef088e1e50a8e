"""Assay: what a sequence architecture can represent, and how large it must be.

The names below are imported when they are first used, so that `import assay` is quick and `assay ls` needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.constructions import build, load
    from assay.errors import AssayError, CertificateError
    from assay.evidence import Evidence
    from assay.examine.subject import open_subject
    from assay.proofs import certify
    from assay.proofs.certificate_file import verify
    from assay.sessions.place import place
    from assay.sessions.probe import probe
    from assay.sizes import Size
    from assay.store.ledger import Ledger
    from assay.tasks.match2 import Match2
    from assay.tasks.match3 import Match3
    from assay.tasks.match3_bigram import Match3Bigram
    from assay.tasks.match3_local import Match3Local
    from assay.tasks.sparse_averaging import SparseAveraging

__version__ = "0.1.0"

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
    "build": "assay.constructions",
    "certify": "assay.proofs",
    "load": "assay.constructions",
    "open_subject": "assay.examine.subject",
    "place": "assay.sessions.place",
    "probe": "assay.sessions.probe",
    "verify": "assay.proofs.certificate_file",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'assay' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


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
    "build",
    "certify",
    "load",
    "open_subject",
    "place",
    "probe",
    "verify",
]
