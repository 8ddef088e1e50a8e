"""Answers that come with Assay: those of a study that takes hours, and the trivial baselines of `assay place`.

They are kept in `answers/NAME.jsonl.gz`, one piece of evidence a sweep, with the versions and seconds of its making. An
answer is used only while its question is still asked: the key holds the versions of all code that it rests on. After a
change of that code, run the study and keep its ledger's answers anew: `python -m assay.studies.kept NAME --out FOLDER`.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Iterable
from pathlib import Path

from assay.evidence import Evidence
from assay.store.files import write_whole
from assay.store.ledger import LEDGER, Ledger
from assay.store.ledger_rows import evidence_from, evidence_text

FOLDER = Path(__file__).with_name("answers")


def kept_answers(name: str, folder: Path = FOLDER) -> dict[str, Evidence]:
    """What is kept under this name, by the keys of the questions; nothing where nothing is."""
    file = folder / f"{name}.jsonl.gz"
    if not file.exists():
        return {}
    sweeps = gzip.decompress(file.read_bytes()).decode("utf-8").splitlines()
    return {piece.key: piece for piece in map(evidence_from, sweeps)}


def keep_answers(name: str, pieces: Iterable[Evidence], folder: Path = FOLDER) -> None:
    """Keep these under this name, in the order of their keys; the same pieces make the same file."""
    text = "".join(f"{evidence_text(piece)}\n" for piece in sorted(pieces, key=lambda piece: piece.key))
    packed = gzip.compress(text.encode("utf-8"), mtime=0)
    write_whole(folder / f"{name}.jsonl.gz", lambda path: path.write_bytes(packed))


def main(arguments: list[str] | None = None) -> None:
    """Keep the answers to a study that are in a ledger."""
    from assay.studies.replay import study_evidence
    from assay.studies.study_file import load_study

    parser = argparse.ArgumentParser(prog="python -m assay.studies.kept", description=main.__doc__)
    parser.add_argument("study", help="its name")
    parser.add_argument("--out", type=Path, required=True, help="folder of the ledger")
    given = parser.parse_args(arguments)
    with Ledger(given.out / LEDGER, create=False) as ledger:
        pieces = study_evidence(load_study(given.study), ledger)
    keep_answers(given.study, pieces)
    print(f"{len(pieces)} answers kept in {FOLDER}")


if __name__ == "__main__":
    main()
