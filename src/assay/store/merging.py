"""Putting the files of several ledgers together into one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.errors import AssayError, ParameterError
from assay.evidence import Evidence
from assay.schema import Json, Result
from assay.store.contradictions import Contradiction
from assay.store.files import make_folder, require_writable, write_whole
from assay.store.ledger import DamagedLedger, Ledger, Merge, refuse_strays, salvage


@dataclass(frozen=True)
class MergedLedger:
    """A ledger that was read for a merge.

    Attributes:
        ledger: the file.
        taken: its answers that were new.
        known: its answers that were there already.
        damaged: what is wrong with the file; None where nothing is.
    """

    ledger: str
    taken: int
    known: int
    damaged: str | None


@dataclass(frozen=True, repr=False)
class Merged(Result):
    """What came of putting files of ledgers together.

    Attributes:
        into: the file that was to be written.
        written: whether it was; it is not where answers contradict each other.
        answers: in it.
        ledgers: the others, in the order in which they were read.
        contradictions: between two answers to one question.
    """

    into: str
    written: bool
    answers: int
    ledgers: tuple[MergedLedger, ...]
    contradictions: tuple[Contradiction, ...]

    @property
    def line(self) -> str:
        """Answers, or why there is nothing new."""
        if self.contradictions:
            return f"{self.into}: nothing was written, contradictions {len(self.contradictions)}"
        return f"{self.into}: answers {self.answers}, of which {sum(one.taken for one in self.ledgers)} are new"

    def to_json(self) -> Json:
        """Plain JSON values: of a contradiction the question, the fields that differ, and both answers."""
        return {
            "into": self.into,
            "written": self.written,
            "answers": self.answers,
            "ledgers": [asdict(one) for one in self.ledgers],
            "contradictions": [_shown(contradiction) for contradiction in self.contradictions],
        }


class _Contradicted(Exception):
    """Takes a merge out of the writing of a new file."""

    def __init__(self, merge: Merge) -> None:
        self.merge = merge


def merge_files(paths: Sequence[Path], into: Path | None = None) -> Merged:
    """Put the ledgers at `paths` together: into the first of them, or into the one at `into`, new or not.

    All or nothing: where answers contradict each other (see `assay.store.contradictions`), nothing is written, and
    `contradictions` shows both. Of a damaged ledger, what can be read is taken, and `damaged` says so; but a damaged
    one is not written to. Ledgers that are read from stay as they are.

    Raises:
        AssayError: fewer than two ledgers are named, one is named twice, or one cannot be read or written to.
    """
    target = paths[0] if into is None else into
    everyone = [target, *(paths[1:] if into is None else (path for path in paths if path != target))]
    if len(everyone) < 2:
        raise ParameterError("a merge needs two ledgers, or one and another as {into}")
    places = [os.path.realpath(path) for path in everyone]
    if len(set(places)) < len(places):
        raise AssayError(f"a ledger is named twice among {', '.join(map(str, everyone))}")
    with ExitStack() as stack:
        read = [_opened(path, stack) for path in everyone[1:]]
        others, damaged = [ledger for ledger, _ in read], [whole for _, whole in read]
        if into is not None:
            make_folder(into.parent)
            require_writable(into)
        if into is None or into.exists():
            with Ledger(target, create=False) as ledger:
                for _ in ledger:  # a damaged one is refused before it is written to
                    pass
                merge, total = ledger.merge(*others), len(ledger)
        else:
            refuse_strays(target)
            merge, total = _merged_anew(target, others)
    counted = zip(everyone[1:], merge.taken, merge.known, damaged, strict=True)
    return Merged(
        into=str(target),
        written=not merge.contradictions,
        answers=total,
        ledgers=tuple(MergedLedger(str(path), taken, known, broken) for path, taken, known, broken in counted),
        contradictions=merge.contradictions,
    )


def _opened(path: Path, stack: ExitStack) -> tuple[Ledger, str | None]:
    """The ledger and what is wrong with it; what can be read of it if it is damaged."""
    try:
        ledger = stack.enter_context(Ledger(path, create=False))
        for _ in ledger:
            pass
        return ledger, None
    except DamagedLedger as error:
        return stack.enter_context(salvage(path)), str(error)


def _merged_anew(target: Path, others: Sequence[Ledger]) -> tuple[Merge, int]:
    found: list[tuple[Merge, int]] = []

    def write(path: Path) -> None:
        try:
            with Ledger(path) as ledger:
                merge = ledger.merge(*others)
                found.append((merge, len(ledger)))
                ledger.settle()
        finally:
            for end in ("-wal", "-shm"):  # a full disk can keep SQLite from clearing them away
                Path(f"{path}{end}").unlink(missing_ok=True)
        if merge.contradictions:
            raise _Contradicted(merge)

    try:
        write_whole(target, write)
    except _Contradicted as contradicted:
        return contradicted.merge, 0
    return found[0]


def _shown(contradiction: Contradiction) -> dict[str, object]:
    return {
        "question": contradiction.first.question,
        "differ_in": list(contradiction.fields),
        "answers": [
            {"ledger": ledger, **_answer(evidence)}
            for ledger, evidence in (
                (contradiction.first_in, contradiction.first),
                (contradiction.second_in, contradiction.second),
            )
        ],
    }


def _answer(evidence: Evidence) -> dict[str, object]:
    return {"key": evidence.key, **{name: value for name, value in asdict(evidence).items() if name != "question"}}
