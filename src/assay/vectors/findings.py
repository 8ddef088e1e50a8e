"""What is found: an answer for each set at each precision, and the shares that they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Literal, get_args

from assay.frames import Framed
from assay.schema import Json, plain_object
from assay.vectors.duplicates import Duplicates
from assay.vectors.shattering import HalfShattered, splits

Verdict = Literal["yes", "no", "undecided"]
LISTED = 1000  # groups and pairs of duplicates in JSON

_DIMENSION_RESTS_ON = (
    "at_least: every split of these documents is cut out by a query, and d + 2 points have a Radon partition; enough: "
    "points of a cyclic polytope, for other documents, in exact arithmetic"
)
_RESTS_ON = (
    "yes: a query of integers, whose scores are compared exactly where float64 error bounds do not suffice; no: two "
    "means of documents that coincide, in rationals; margins: float64, with bounds on its rounding errors; undecided: "
    "no query has a margin above the bound stated"
)


@dataclass(frozen=True)
class Answer:
    """What is known of one set of documents at one precision.

    Attributes:
        rows: the set S, ascending.
        answer: whether some query scores all of S above all other documents: proved, or undecided.
        margin: reached by `query`, for queries of length 1; 0 unless the answer is yes.
        at_most: no query of length 1 has a larger margin.
        error: by how much a score may err at this precision, for `query` over its length; see `quantise.score_error`.
        by_rounded: whether `query`, rounded to this precision, still ranks exactly S on top.
        query: for yes, (d,) integers.
        means: for no, the documents of S whose mean with some weights is a mean of `blocking`.
        blocking: these; the weights stand in the certificate.
        certificate: for no, the name of its file; None without a folder.
    """

    rows: tuple[int, ...]
    answer: Verdict
    margin: float
    at_most: float
    error: float | None = None
    by_rounded: bool = False
    query: tuple[int, ...] | None = None
    means: tuple[int, ...] = ()
    blocking: tuple[int, ...] = ()
    certificate: str | None = None

    @property
    def above_error(self) -> bool:
        """Whether the margin is safe from the errors of the two scores that are compared."""
        return self.answer == "yes" and self.error is not None and self.margin > 2 * self.error

    def to_json(self) -> Json:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Json) -> Answer:
        """What `to_json` gave.

        Raises:
            ValueError, KeyError, TypeError: it is something else.
        """
        lists: Json = {
            name: None if data[name] is None else tuple(map(int, data[name]))
            for name in ("rows", "query", "means", "blocking")
        }
        if data["answer"] not in get_args(Verdict):
            raise ValueError(data["answer"])
        return cls(**{**data, **lists})


@dataclass(frozen=True)
class PrecisionFinding:
    """All sets at one precision.

    Attributes:
        precision: of the documents.
        query_precision: of the rounded queries.
        names: of the queries.
        answers: for each of them.
        by_given: for each of them, whether its own embedding ranks exactly its set on top; None without embeddings.
        duplicates: among the documents of this precision.
    """

    precision: str
    query_precision: str
    names: tuple[str, ...]
    answers: tuple[Answer, ...]
    by_given: tuple[bool, ...] | None
    duplicates: Duplicates

    @property
    def exist(self) -> int:
        """Sets that some query ranks on top, proved."""
        return sum(answer.answer == "yes" for answer in self.answers)

    @property
    def above_error(self) -> int:
        """Sets that exist with a margin above twice the error of scores."""
        return sum(answer.above_error for answer in self.answers)

    @property
    def by_rounded(self) -> int:
        """Sets that the best query ranks on top after it was rounded."""
        return sum(answer.by_rounded for answer in self.answers)

    @property
    def undecided(self) -> int:
        """Sets for which neither was proved."""
        return sum(answer.answer == "undecided" for answer in self.answers)

    @property
    def margins(self) -> tuple[float, ...]:
        """Of the sets that exist, ascending."""
        return tuple(sorted(answer.margin for answer in self.answers if answer.answer == "yes"))

    def failing(self) -> list[tuple[str, Answer]]:
        """Queries whose set does not exist or is undecided, those with a short reason first."""
        found = [
            (name, answer) for name, answer in zip(self.names, self.answers, strict=True) if answer.answer != "yes"
        ]
        return sorted(found, key=lambda pair: (pair[1].answer != "no", len(pair[1].blocking)))

    def to_json(self) -> Json:
        """Plain JSON values; the queries of integers stand in the folder's file of answers."""
        margins, errors = self.margins, [answer.error for answer in self.answers if answer.error is not None]
        given = self.by_given or (None,) * len(self.names)
        return {
            "precision": self.precision,
            "query_precision": self.query_precision,
            "sets": len(self.names),
            "exist": self.exist,
            "above_error": self.above_error,
            "by_rounded": self.by_rounded,
            "by_given": None if self.by_given is None else sum(self.by_given),
            "no": len(self.names) - self.exist - self.undecided,
            "undecided": self.undecided,
            "least_margin": margins[0] if margins else None,
            "median_margin": median(margins) if margins else None,
            "median_error": median(errors) if errors else None,
            "duplicates": {
                "equal": self.duplicates.equal,
                "groups": [list(group) for group in self.duplicates.groups[:LISTED]],
                "near": len(self.duplicates.pairs),
                "near_complete": self.duplicates.complete,
                "pairs": [list(pair) for pair in self.duplicates.pairs[:LISTED]],
            },
            "justification": _RESTS_ON,
            "queries": [
                {
                    "query": name,
                    **{key: value for key, value in answer.to_json().items() if key != "query"},
                    "above_error": answer.above_error,
                    "by_given": own,
                }
                for name, answer, own in zip(self.names, self.answers, given, strict=True)
            ],
        }


@dataclass(frozen=True, repr=False)
class Examination(Framed):
    """All that `examine` found.

    Attributes:
        documents: their number n.
        width: numbers d of each.
        precisions: the documents as given, then as quantised.
        dimension: what the sets need, whatever the documents.
        seconds: that it took.
        folder: of answers and certificates; None if nothing was kept.
        versions: what computed it.
    """

    documents: int
    width: int
    precisions: tuple[PrecisionFinding, ...]
    dimension: HalfShattered
    seconds: float
    folder: str | None
    versions: dict[str, str]

    @property
    def line(self) -> str:
        """The shares for the documents as given."""
        return self.sentence

    def rows(self) -> Iterable[object]:
        """A row for each set and precision: whether it exists, its margin, and who retrieves it."""
        return (
            {"precision": finding.precision, **query}
            for finding in self.precisions
            for query in finding.to_json()["queries"]
        )

    @property
    def sentence(self) -> str:
        """The answer in a sentence: the three shares for the documents as given."""
        first = self.precisions[0]
        count = len(first.names)
        return (
            f"Of {count:,} relevance set{'s' * (count != 1)}, {share(first.exist, count)} exist for these "
            f"{self.documents:,} documents (d = {self.width}): some query ranks exactly the set on top. "
            f"{share(first.above_error, count)} exist with a margin above the error of {first.precision} scores, "
            f"{share(first.by_rounded, count)} are retrieved by the best query rounded to {first.query_precision}"
            f"{_given(first)}."
        )

    def to_json(self) -> Json:
        """Plain JSON values."""
        dimension = self.dimension
        return plain_object(
            {
                "sentence": self.sentence,
                "documents": self.documents,
                "width": self.width,
                "precisions": [finding.to_json() for finding in self.precisions],
                "dimension": {
                    "at_least": dimension.dimension,
                    "enough": dimension.enough,
                    "half_shattered": list(dimension.documents),
                    "splits": [
                        {"part": sorted(part), "query": self.precisions[0].names[query]}
                        for part, query in zip(splits(dimension.documents), dimension.queries, strict=True)
                    ],
                    "complete": dimension.complete,
                    "justification": _DIMENSION_RESTS_ON,
                },
                "folder": self.folder,
                "seconds": self.seconds,
                "versions": self.versions,
            }
        )


def share(part: int, whole: int) -> str:
    """A count with its share.

    >>> share(3, 4), share(999, 1000)
    ('3 (75 %)', '999 (99.9 %)')
    """
    return f"{part:,} ({100 * part / whole:.4g} %)"


def _given(finding: PrecisionFinding) -> str:
    if finding.by_given is None:
        return ""
    return f"; {share(sum(finding.by_given), len(finding.names))} by the queries given"


def reason(answer: Answer) -> str:
    """Why a set does not exist, or is undecided, in a line.

    >>> reason(Answer((0, 3), "no", 0.0, 0.0, means=(3,), blocking=(7,)))
    'document 3 equals document 7, which is not in the set'
    """
    if answer.answer == "undecided":
        return f"undecided: no query of length 1 has a margin above {answer.at_most:.2g}"
    if len(answer.means) == len(answer.blocking) == 1:
        return f"document {answer.means[0]} equals document {answer.blocking[0]}, which is not in the set"
    return f"a mean of {_some(answer.means)} in the set equals a mean of {_some(answer.blocking)} outside"


def _some(rows: Sequence[int]) -> str:
    listed = ", ".join(map(str, rows[:4]))
    return f"{len(rows)} documents ({listed}{', ...' if len(rows) > 4 else ''})"
