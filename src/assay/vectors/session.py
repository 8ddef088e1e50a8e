"""What `assay embeddings` does: read, ask every set at every precision, prove, keep, and add up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.errors import require, require_integer
from assay.evidence import content_hash
from assay.probing.rational import integers, whole_numbers
from assay.store.files import make_folder, require_folder, write_whole
from assay.store.versions import versions
from assay.vectors.answers import Answers
from assay.vectors.certificates import (
    Refutation,
    exact_bound,
    of_duplicates,
    refute,
    search_exactly,
    whole_query,
    write_refutation,
)
from assay.vectors.documents import Documents, Floats, Places
from assay.vectors.duplicates import find_duplicates
from assay.vectors.findings import Answer, Examination, PrecisionFinding
from assay.vectors.hulls import Nearest, block_size, nearest
from assay.vectors.quantise import (
    checked_precisions,
    quantised,
    query_precision,
    rounded_query,
    score_error,
)
from assay.vectors.ranking import on_top
from assay.vectors.reading import Relevance, Sets, query_rows, read_embeddings, read_relevance
from assay.vectors.shattering import half_shattered

_TELL_EVERY = 10.0  # seconds
_SMALLEST, _LARGEST = 1e-30, 1e30  # magnitudes of queries, whose scores float32 holds
Tell = Callable[[str], None]


def examine(
    docs: str | Path | NDArray[np.floating],
    relevance: str | Path | Sets,
    *,
    queries: str | Path | NDArray[np.floating] | None = None,
    ids: str | Path | None = None,
    query_ids: str | Path | None = None,
    quantise: Sequence[str] = (),
    fast: bool = False,
    out: str | Path | None = None,
    workers: int | None = None,
    tell: Tell = lambda _: None,
) -> Examination:
    """Which relevance sets do these documents allow at all, with which margin, at which precision, and why not?

    A set S exists if some query w has <w, x_i> larger for all i in S than for all other documents. What was answered
    before in the same folder is not asked again.

    Args:
        docs: (n, d) of float16, float32 or float64, or an .npy file.
        relevance: the sets: a list or dictionary of them, or a file; see `reading.read_relevance`.
        queries: embeddings of the queries, (m, d) or an .npy file, which are tried, too.
        ids: file of the documents' ids, one in each line, if relevance does not name rows.
        query_ids: the same for queries.
        quantise: of "float16", "int8", "binary": the same questions about documents at these precisions.
        fast: whether sets whose largest margin is 0 within rounding are left undecided, rather than refuted exactly,
            unless a document of theirs equals one outside.
        out: folder for answers and certificates; nothing is kept unless given.
        workers: threads; as many as there are cores unless given.
        tell: is told about progress.

    Raises:
        AssayError: files or arrays that are not of this form. One line.

    Time: 1,000 sets of 1 to 20 among 100,000 documents of 384 numbers take about 2 minutes on two cores; an exact "no"
    takes about 0.1 s more at d = 128, 4 s at d = 384. Memory: 4 n d bytes, and about 1 GB at most.

    >>> found = examine(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32), [[0, 1], [0, 3]])
    >>> [answer.answer for answer in found.precisions[0].answers], found.precisions[0].answers[1].blocking
    (['yes', 'no'], (1, 2))
    """
    from threadpoolctl import threadpool_limits

    begin = time.perf_counter()
    require_integer("workers", os.cpu_count() or 1 if workers is None else workers, 1, None)
    array = read_embeddings(docs, "documents")
    require(len(array) > 1, "documents", len(array), "at least 2")
    asked = read_relevance(relevance, len(array), ids, query_ids)
    own = _own_queries(queries, asked, array.shape[1])
    others = checked_precisions(quantise, array.dtype)
    folder = None if out is None else Path(out)
    if folder is not None:
        require_folder(folder, is_out=True)
    tell(f"reading {array.shape[0]:,} documents of {array.shape[1]} numbers ({array.dtype})")
    given = Documents(array)
    answers = Answers(folder, given.digest)
    with threadpool_limits(workers), _pool(workers or os.cpu_count() or 1) as pool:
        asking = _Asking(asked, own, answers, folder, fast, pool, tell)
        name = str(docs) if isinstance(docs, (str, Path)) else "documents"
        findings = [asking.at(str(array.dtype), given, name)]
        for precision in others:
            documents = Documents(quantised(array, precision))
            findings.append(asking.at(precision, documents, f"documents-{precision}-{given.digest[:16]}.npy"))
    return Examination(
        documents=given.count,
        width=given.width,
        precisions=tuple(findings),
        dimension=half_shattered([members.tolist() for members in asked.sets], given.count),
        seconds=time.perf_counter() - begin,
        folder=None if folder is None else str(folder),
        versions=versions(),
    )


class _Asking:
    """The questions about all sets, and where answers go."""

    def __init__(
        self,
        asked: Relevance,
        own: Floats | None,
        answers: Answers,
        folder: Path | None,
        fast: bool,
        pool: ThreadPoolExecutor,
        tell: Tell,
    ) -> None:
        self.asked, self.own, self.answers, self.folder = asked, own, answers, folder
        self.fast, self.pool, self.tell = fast, pool, tell

    def at(self, precision: str, documents: Documents, file: str) -> PrecisionFinding:
        """Everything at one precision; `file` names these documents."""
        duplicates = find_duplicates(documents)
        twins = {place: group for group in duplicates.groups for place in group}
        by_rows = {tuple(members.tolist()): members for members in self.asked.sets}
        missing = {rows: of for rows, of in by_rows.items() if self.answers.get(precision, rows, self.fast) is None}
        show = _Progress(self.tell, precision, len(by_rows), list(missing))
        step = block_size(documents.width)
        hard = []
        for rows, members in missing.items():
            twin = _twin(rows, twins)
            if twin is None:
                hard.append(members)
            else:
                proof = of_duplicates(*twin)
                answered = [self._refuted(proof, members, precision, documents, file)]
                self.answers.add(precision, answered)
                show.answered(answered)
        for start in range(0, len(hard), step):
            for answered in self._block(hard[start : start + step], precision, documents, file):
                self.answers.add(precision, answered)
                show.answered(answered)
            show.block_ended()
        found = [self.answers.get(precision, tuple(members.tolist()), True) for members in self.asked.sets]
        return PrecisionFinding(
            precision=precision,
            query_precision=query_precision(precision),
            names=self.asked.names,
            answers=tuple(answer for answer in found if answer is not None),
            by_given=self._by_given(documents),
            duplicates=duplicates,
        )

    def _block(self, sets: list[Places], precision: str, documents: Documents, file: str) -> Iterator[list[Answer]]:
        """Answers for a block of sets; those that exist come together and first, as the others take long."""
        found = nearest(documents, sets, self.pool)
        there = [_Shown.of(one) for one in found if one.on_top]
        if there:
            yield _existing(there, precision, documents)
        for one in (one for one in found if not one.on_top):
            proof = None if self.fast else refute(documents, one) or search_exactly(documents, one)
            if proof is None:
                yield [Answer(tuple(one.members.tolist()), "undecided", 0.0, exact_bound(documents, one))]
            elif isinstance(proof, Refutation):
                yield [self._refuted(proof, one.members, precision, documents, file)]
            else:
                yield _existing([_Shown.exactly(documents, one, proof)], precision, documents)

    def _refuted(self, proof: Refutation, members: Places, precision: str, documents: Documents, file: str) -> Answer:
        """The answer no, whose proof is checked again, and written if there is a folder."""
        proof.check(documents.exact, members)
        name = None
        if self.folder is not None:
            key = content_hash({"documents": documents.digest, "set": members.tolist()})[:16]
            name = f"no-{precision}-{key}.json"
            place = make_folder(self.folder / "certificates")
            write_refutation(place / name, proof, members, file, documents.digest, documents.exact.shape)
            if precision != str(documents.exact.dtype) and not (place / file).exists() and file.endswith(".npy"):
                _write_array(place / file, documents)
        return Answer(
            tuple(members.tolist()),
            "no",
            0.0,
            0.0,
            means=tuple(sorted(proof.inside)),
            blocking=tuple(sorted(proof.outside)),
            certificate=name,
        )

    def _by_given(self, documents: Documents) -> tuple[bool, ...] | None:
        if self.own is None:
            return None
        found: list[bool] = []
        step = block_size(documents.width)
        for start in range(0, len(self.own), step):
            part = slice(start, start + step)
            found += on_top(documents, self.own[part], self.asked.sets[part])
        return tuple(found)


class _Progress:
    """Tells how many sets are answered, every ten seconds, and, from the end of a block on, how long the rest may take.

    A set of k documents is taken to cost k + 2, as measured; exact refutations are taken to be as frequent as before.
    """

    def __init__(self, tell: Tell, precision: str, count: int, missing: Sequence[Sequence[int]]) -> None:
        self.tell, self.precision, self.count = tell, precision, count
        self.done, self.cost = count - len(missing), sum(len(rows) + 2 for rows in missing)
        self.spent = 0
        self.whole: float | None = None
        self.begin = self.last = time.monotonic()
        known = f", {self.done:,} answered before" if self.done else ""
        tell(f"{precision}: {count:,} sets{known}")

    def answered(self, answers: Sequence[Answer]) -> None:
        """These are answered now."""
        self.done, self.spent = self.done + len(answers), self.spent + sum(len(one.rows) + 2 for one in answers)
        now = time.monotonic()
        if now - self.last >= _TELL_EVERY:
            self.last, spent = now, now - self.begin
            left = "" if self.whole is None else f", about {max(0.0, self.whole - spent):.0f} s left"
            self.tell(f"{self.precision}: {self.done:,} of {self.count:,} sets, {spent:.0f} s{left}")

    def block_ended(self) -> None:
        """All that was begun is answered, so that time and cost belong together."""
        self.whole = (time.monotonic() - self.begin) * self.cost / self.spent


@contextmanager
def _pool(workers: int) -> Generator[ThreadPoolExecutor]:
    """Threads, of which none is left to begin its work when an interruption passes."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _own_queries(queries: str | Path | NDArray[np.floating] | None, asked: Relevance, width: int) -> Floats | None:
    """The embedding of each query of `asked`, float64."""
    if queries is None:
        return None
    array = read_embeddings(queries, "queries")
    require(array.shape[1] == width, "width of queries", array.shape[1], f"{width}, that of the documents")
    chosen = array[query_rows(asked, len(array))].astype(np.float64)
    for name, row in zip(asked.names, chosen, strict=True):
        require(bool(np.isfinite(row).all()), f"embedding of query {name}", "not finite", "finite numbers")
        largest = float(np.abs(row).max())
        require(
            largest == 0 or _SMALLEST <= largest <= _LARGEST,
            f"largest magnitude of query {name}",
            largest,
            f"from {_SMALLEST:g} to {_LARGEST:g}, or 0",
        )
    return chosen


def _twin(rows: tuple[int, ...], twins: Mapping[int, Sequence[int]]) -> tuple[int, int] | None:
    """A document of the set and an equal one outside."""
    chosen = set(rows)
    pairs = ((row, other) for row in rows for other in twins.get(row, ()) if other not in chosen)
    return next(pairs, None)


@dataclass(frozen=True, eq=False)
class _Shown:
    """A set that exists, and what shows it: a query in float64 and in integers, and its margin for length 1."""

    found: Nearest
    query: Floats
    whole: tuple[int, ...]
    margin: float

    @classmethod
    def of(cls, found: Nearest) -> _Shown:
        """By the query that was found."""
        return cls(found, found.query, whole_query(found.query), max(found.margin, 0.0))

    @classmethod
    def exactly(cls, documents: Documents, found: Nearest, query: tuple[Fraction, ...]) -> _Shown:
        """By a query of fractions, which float64 need not hold."""
        largest = max(map(abs, query))
        near = np.array([float(entry / largest) for entry in query])
        whole, _ = whole_numbers(query)
        rows, power = integers(documents.rows(np.arange(documents.count)).tolist())
        scores = [sum(a * b for a, b in zip(row, whole, strict=True)) for row in rows]
        chosen = set(found.members.tolist())
        gap = min(scores[i] for i in chosen) - max(score for j, score in enumerate(scores) if j not in chosen)
        margin = float(Fraction(gap, max(map(abs, whole)) << power)) / float(np.linalg.norm(near))
        return cls(found, near, tuple(whole), margin)


def _existing(there: Sequence[_Shown], precision: str, documents: Documents) -> list[Answer]:
    """Answers yes, with what rounding does to their queries."""
    rounded = np.array([rounded_query(one.query, precision) for one in there])
    kept = on_top(documents, rounded, [one.found.members for one in there])
    return [
        Answer(
            rows=tuple(one.found.members.tolist()),
            answer="yes",
            margin=one.margin,
            at_most=one.found.at_most,
            error=score_error(one.query, precision, documents),
            by_rounded=is_kept,
            query=one.whole,
        )
        for one, is_kept in zip(there, kept, strict=True)
    ]


def _write_array(path: Path, documents: Documents) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.save(file, documents.exact)

    write_whole(path, write)
