"""What the studies of retrieval and of memories found, gathered from their evidence, with what theorems say beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from assay.evidence import Evidence
from assay.questions.memory import MemoryPlan
from assay.questions.retrieval import RetrievalPlan, RoundedDocuments
from assay.retrieval.documents import CyclicCodeDocuments
from assay.retrieval.limits import most_documents, query_dimensions, radon_dimensions
from assay.retrieval.margins import optimal_margin
from assay.retrieval.memories import information_threshold, memory_load, memory_threshold
from assay.retrieval.published import FIRST, TEMPERATURE, critical_documents
from assay.retrieval.random_documents import serves
from assay.retrieval.rounded_documents import INTEGER_BITS, STORED_BITS

PROVED_FORMATS = ("int8", "float16", "float32")  # of the codes whose lines are drawn
WIDEST = 512  # dimensions up to which lines are drawn
MOST_DRAWN = 10**9  # documents, likewise
_PLACES = (4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, WIDEST)


@dataclass(frozen=True)
class Reached:
    """Documents that training served at some dimensions.

    Attributes:
        setting: in words.
        dimensions: d.
        largest: n of each seed, ascending.
        open: whether some search ended where it had to, at the most documents it may try.
    """

    setting: str
    dimensions: int
    largest: tuple[int, ...]
    open: bool

    @cached_property
    def middle(self) -> float:
        """The median over seeds."""
        return median(self.largest)


@dataclass(frozen=True)
class Kept:
    """The share of sets that explicit documents serve in a number format.

    Attributes:
        vectors: which explicit ones, such as `cyclic`.
        dimensions: d.
        documents: n.
        number_format: to which documents and queries are rounded.
        share: of the sets that were tried, from 0 to 1.
        tried: how many sets.
        exhaustive: whether these are all sets.
    """

    vectors: str
    dimensions: int
    documents: int
    number_format: str
    share: float
    tried: int
    exhaustive: bool


@dataclass(frozen=True)
class Margin:
    """A least margin over all sets, of documents and queries of length 1.

    Attributes:
        kind: `trained`, `cyclic` or `optimum`.
        dimensions: d; None for the optimum, which holds for any.
        documents: n.
        margin: the largest over seeds where there are several.
    """

    kind: str
    dimensions: int | None
    documents: int
    margin: float


@dataclass(frozen=True)
class Band:
    """A line of documents against dimensions.

    Attributes:
        name: of it.
        points: (d, n).
    """

    name: str
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class RetrievalFindings:
    """What a study of retrieval found.

    Attributes:
        top: k, documents of a set.
        answer: the contrast that the study is about, in words.
        reached: documents that training served, by setting and dimensions.
        kept: shares of sets that rounded explicit vectors serve.
        margins: least margins.
        bands: lines that theorems, explicit vectors, random documents and the published curve give.
        unanswered: questions without an answer.
    """

    top: int
    answer: str
    reached: tuple[Reached, ...]
    kept: tuple[Kept, ...]
    margins: tuple[Margin, ...]
    bands: tuple[Band, ...]
    unanswered: int


@dataclass(frozen=True)
class MemoryPoint:
    """The share of pairs that a memory reads correctly at one load.

    Attributes:
        memory: which one.
        dimensions: d.
        pairs: n.
        load: 2 n ln n / d^2.
        number_format: in which it is stored.
        share: read correctly, the mean over seeds, from 0 to 1.
        lowest: of a seed.
        highest: of a seed.
        bits: of the store.
    """

    memory: str
    dimensions: int
    pairs: int
    load: float
    number_format: str
    share: float
    lowest: float
    highest: float
    bits: int


@dataclass(frozen=True)
class MemoryThreshold:
    """Pairs beyond which memories fail.

    Attributes:
        dimensions: d.
        pairs: n of load 1, at which a matrix of d x d numbers is predicted to fail.
        information: the most pairs whose pairings d x d numbers of 32 bits can hold, proved.
    """

    dimensions: int
    pairs: float
    information: int


@dataclass(frozen=True)
class MemoryFindings:
    """What a study of linear memories found.

    Attributes:
        answer: what each memory reads near the threshold, in words.
        points: for each memory, d, n and format.
        thresholds: for each d.
        unanswered: questions without an answer.
    """

    answer: str
    points: tuple[MemoryPoint, ...]
    thresholds: tuple[MemoryThreshold, ...]
    unanswered: int


def gather_retrieval(plan: RetrievalPlan, answers: Mapping[str, Evidence]) -> RetrievalFindings:
    """The findings from the answers there are, by the keys of their questions."""
    reached, kept = tuple(_reached(plan, answers)), tuple(_kept(plan, answers))
    return RetrievalFindings(
        top=plan.top,
        answer=_answer(plan, reached, kept),
        reached=reached,
        kept=kept,
        margins=tuple(_margins(plan, answers)),
        bands=tuple(_bands(plan.top)),
        unanswered=sum(question.key not in answers for question in plan.questions()),
    )


def gather_memories(plan: MemoryPlan, answers: Mapping[str, Evidence]) -> MemoryFindings:
    """The findings from the answers there are, by the keys of their questions."""
    asked = [(question, answers.get(question.key)) for question in plan.questions()]
    points = tuple(
        MemoryPoint(
            memory=question.memory,
            dimensions=question.dimensions,
            pairs=question.pairs,
            load=memory_load(question.dimensions, question.pairs),
            number_format=name,
            share=sum(found["shares"]) / len(found["shares"]),
            lowest=min(found["shares"]),
            highest=max(found["shares"]),
            bits=found["bits"],
        )
        for question, piece in asked
        if piece is not None
        for name in plan.formats
        for found in (piece.detail[name],)
    )
    thresholds = tuple(MemoryThreshold(d, memory_threshold(d), information_threshold(d, 32)) for d in plan.dimensions)
    return MemoryFindings(_memory_answer(points), points, thresholds, sum(piece is None for _, piece in asked))


def _reached(plan: RetrievalPlan, answers: Mapping[str, Evidence]) -> list[Reached]:
    found = []
    for one in plan.learning:
        for dimensions in sorted(one.dimensions):
            keys = [plan.learned(one.setting, dimensions, seed).key for seed in plan.seeds]
            pieces = [answers[key].detail for key in keys if key in answers]
            if pieces:
                largest = tuple(sorted(piece["largest"] for piece in pieces))
                is_open = any(piece["open"] for piece in pieces)
                found.append(Reached(one.setting.text, dimensions, largest, is_open))
    return found


def _kept(plan: RetrievalPlan, answers: Mapping[str, Evidence]) -> list[Kept]:
    asked = [
        (vectors, n, name, RoundedDocuments(plan.top, n, name, vectors).key)
        for vectors in plan.vectors
        for n in plan.explicit
        for name in plan.formats
    ]
    return [
        Kept(vectors, piece["dimensions"], n, name, piece["share"], piece["tried"], piece["exhaustive"])
        for vectors, n, name, key in asked
        if key in answers and (piece := answers[key].detail)
    ]


def _margins(plan: RetrievalPlan, answers: Mapping[str, Evidence]) -> list[Margin]:
    found = []
    for dimensions in plan.margins:
        for documents in plan.documents_at(dimensions):
            keys = [plan.margin(dimensions, documents, seed).key for seed in plan.seeds]
            margins = [answers[key].detail["margin"] for key in keys if key in answers]
            if margins:
                found.append(Margin("trained", dimensions, documents, max(margins)))
    cyclic = {
        n: answers[key].detail["margin"]
        for n in plan.explicit
        for name in plan.formats
        if (key := RoundedDocuments(plan.top, n, name).key) in answers
    }
    found += [Margin("cyclic", 2 * plan.top, n, margin) for n, margin in sorted(cyclic.items()) if margin]
    places = sorted({*plan.documents, *plan.explicit})
    return found + [Margin("optimum", None, n, optimal_margin(n, plan.top)) for n in places if n > plan.top]


def _bands(top: int) -> list[Band]:
    """Lines that theorems, explicit vectors, random documents and the published curve give."""
    found = [_most_band("impossible above", top, range(1, 2 * top), lambda d, n: radon_dimensions(n, top) <= d)]
    for name in PROVED_FORMATS:
        found += [_counted_band(name, top), _code_band(name, top)]
    for share, served in ((1.0, "all sets"), (0.99, "99 % of sets")):
        found.append(_random_band(f"random documents, {served}", top, share))
    if top == 2:
        published = tuple((d, critical_documents(d)) for d in range(FIRST, WIDEST + 1))
        found.append(Band(f"published curve of training at temperature {TEMPERATURE:g}", published))
    return [band for band in found if band.points]


def _most_band(name: str, top: int, places: Iterable[int], fits: Callable[[int, int], bool]) -> Band:
    """The largest n up to 10^9 that fits, for each d; without those beyond."""
    found = [(d, most_documents(lambda n, d=d: n <= MOST_DRAWN and fits(d, n), top)) for d in places]
    return Band(name, tuple((d, n) for d, n in found if top < n < MOST_DRAWN))


def _counted_band(number_format: str, top: int) -> Band:
    bits = STORED_BITS[number_format]
    name = f"impossible above, queries of {number_format}"
    return _most_band(name, top, range(1, WIDEST + 1), lambda d, n: query_dimensions(n, top, bits) <= d)


def _random_band(name: str, top: int, share: float) -> Band:
    return _most_band(name, top, _PLACES, lambda d, n: d >= n - 1 or serves(d, n, top, share))


def _code_band(number_format: str, top: int) -> Band:
    """The most documents of the codes of at most d dimensions, where that changes."""
    steps: dict[int, int] = {}
    for code in sorted(CyclicCodeDocuments.all(top, INTEGER_BITS[number_format]), key=lambda one: one.dimensions):
        if code.dimensions <= WIDEST and code.documents > max(steps.values(), default=0):
            steps[code.dimensions] = code.documents
    return Band(f"explicit, proved in {number_format}", tuple((d, n) for d, n in steps.items() if n <= MOST_DRAWN))


def _answer(plan: RetrievalPlan, reached: tuple[Reached, ...], kept: tuple[Kept, ...]) -> str:
    least = 2 * plan.top
    said = [
        f"All sets of {plan.top} need {least} dimensions from {3 * plan.top} documents on, and {least} are enough for "
        "any number of them, in exact arithmetic."
    ]
    here = [one for one in reached if one.dimensions == least]
    trained = [f"{one.setting} reaches {_range(one.largest)} documents" for one in here]
    said += [f"At {least} dimensions, {'; '.join(trained)}."] * bool(trained)
    cyclic = [one for one in kept if one.vectors == "cyclic"]
    most = max((one.documents for one in cyclic), default=0)
    largest = [one for one in cyclic if one.documents == most]
    if largest:
        shares = ", ".join(f"{one.share:.3g} in {one.number_format}" for one in largest)
        of = "all sets" if largest[0].exhaustive else f"{largest[0].tried:,} random sets"
        said.append(
            f"Explicit vectors of {least} dimensions for {most:,} documents serve these shares of {of}: {shares}."
        )
    return " ".join(said)


def _memory_answer(points: tuple[MemoryPoint, ...]) -> str:
    if not points:
        return "Nothing is answered yet."
    width, first = max(point.dimensions for point in points), points[0].number_format
    here = [point for point in points if (point.dimensions, point.number_format) == (width, first)]
    load = min((point.load for point in points if point.dimensions == width), key=lambda load: abs(load - 1))
    kinds = dict.fromkeys(point.memory for point in points)
    near = [point for kind in kinds for point in here if (point.memory, point.load) == (kind, load)]
    said = ", ".join(f"{point.memory} {point.share:.2f}" for point in near)
    return f"Shares of pairs read correctly at the load 2 n ln n / d^2 = {load:.2g}, d = {width}, in {first}: {said}."


def _range(numbers: tuple[int, ...]) -> str:
    return str(numbers[0]) if numbers[0] == numbers[-1] else f"{numbers[0]} to {numbers[-1]}"
