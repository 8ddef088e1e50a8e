"""How many dimensions do n documents need, and how many documents do d dimensions serve? Top-k retrieval.

What is necessary comes from theorems; what is enough, from vectors that are proved to serve every set at these bits;
what random documents serve, from exact probabilities for real numbers; what training reaches, from a measured curve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.bounds.bound import log2_binomial
from assay.constructions.cyclic import integer_bits
from assay.constructions.reed_solomon import code_parameters
from assay.errors import AssayError, require, require_integer
from assay.retrieval.documents import CyclicCodeDocuments
from assay.retrieval.limits import (
    MOST_DOCUMENTS,
    check_sets,
    document_dimensions,
    most_documents,
    query_dimensions,
    radon_dimensions,
)
from assay.retrieval.published import FIRST, TEMPERATURE, critical_dimensions, critical_documents
from assay.retrieval.random_documents import (
    MOST_TOP,
    dimensions_for_all,
    dimensions_for_share,
    log_failure,
    serves,
    share_served,
)
from assay.sizing.answer import Sized, Statement

MOST_BITS = 64
_MOST = "2^53"  # MOST_DOCUMENTS: Assay looks no further
USUAL_SHARE = 0.99  # of the sets that random documents are said to serve, beside all
_REAL = ", in real numbers"
_RESTS = "exact probability for Gaussian documents; rounding to these bits is not in it"
_MEASURED = (4, 12)  # dimensions at which `assay run retrieval` measures the curve of training


@dataclass(frozen=True)
class Explicit:
    """Vectors that are proved to serve every set.

    Attributes:
        name: of the construction.
        dimensions: d.
        bits: p that suffice for every number.
        documents: n, up to which they do.
    """

    name: str
    dimensions: int
    bits: int
    documents: int


def size_documents(documents: int | None, top: int, bits: int, dimensions: int | None, share: float = 1.0) -> Sized:
    """The dimensions that n documents need, whether d are enough, or how many documents d dimensions serve.

    Args:
        documents: n; None asks for the largest.
        top: k, documents that a query is to rank on top.
        bits: p of every number of documents and queries.
        dimensions: d; None asks for the smallest.
        share: of the sets of k that are to be retrieved; 1 for all of them.

    About a second, two for the first answer; k in the thousands take up to half a minute.
    Statements are named `necessary`, `enough`, `random documents` and
    `training`, the latter two where they can be made.

    >>> size_documents(50_000, 2, 16, None).answer
    'Necessary: 4 dimensions. Enough at 16 bits, proved for all 1.25e+09 sets of 2: 28 (14 bits would do). Random \
documents, in real numbers: 43 for 99 % of the sets, 75 for all.'
    >>> size_documents(None, 2, 14, 28).amount("enough")
    130321

    Raises:
        AssayError: neither n nor d, or one that is out of range.
    """
    require_integer("bits", bits, 1, MOST_BITS)
    require(0 < share <= 1, "share", share, "above 0 and at most 1")
    if dimensions is not None:
        require_integer("dimensions", dimensions, 1, None)
    if documents is None:
        if dimensions is None:
            raise AssayError("retrieval is sized by a number of documents, a number of dimensions, or both")
        return _most(dimensions, top, bits, share)
    check_sets(documents, top)
    fewer = min(top, documents - top)
    found = explicit(documents, fewer, bits)
    statements = [*_necessary(documents, top, bits), *_enough(documents, fewer, bits, found)]
    statements += _random(documents, fewer, dimensions, share) + _training(documents, top)
    question = {"documents": documents, "top": top, "bits": bits, "share": share}
    if dimensions is None:
        return Sized(question, _smallest_answer(question, statements, found), None, tuple(statements))
    return _judged({**question, "dimensions": dimensions}, tuple(statements))


def explicit(documents: int, top: int, bits: int) -> Explicit:
    """The vectors of fewest dimensions that are proved to serve every set at p bits; a simplex always does.

    >>> explicit(50_000, 2, 16), explicit(50_000, 2, 1).dimensions
    (Explicit(name='Reed-Solomon code of cyclic symbols', dimensions=28, bits=14, documents=83521), 99)
    """
    return min(_all_explicit(documents, min(top, documents - top), bits), key=lambda one: (one.dimensions, one.bits))


def _all_explicit(documents: int, fewer: int, bits: int) -> list[Explicit]:
    """All that are proved to serve every set of k <= n / 2 at p bits."""
    found = [Explicit("corners of a simplex", documents - 1, 1, documents)]
    if (fewer + 1) ** 2 < documents:  # of shorter words than k + 1 symbols of k + 1 letters none tells sets apart
        degree, points, prime = code_parameters(documents, fewer)
        found.append(Explicit("Reed-Solomon code, one-hot symbols", points * prime, 1, prime ** (degree + 1)))
    for code in CyclicCodeDocuments.all(fewer, bits):
        if code.documents >= documents:
            capacity = code.prime ** (code.degree + 1)
            found.append(Explicit("Reed-Solomon code of cyclic symbols", code.dimensions, code.bits, capacity))
    # one score is at least (n // 2)^2k: so much is known before all coefficients of a large k are formed
    if 2 * fewer * math.log2(documents // 2) <= bits and (needed := integer_bits(documents, fewer)) <= bits:
        found.append(Explicit("cyclic polytope", 2 * fewer, needed, documents))
    return found


def by_bits(documents: int, top: int) -> tuple[Explicit, ...]:
    """Explicit vectors of which none takes fewer bits without more dimensions, by rising bits.

    >>> [(one.bits, one.dimensions) for one in by_bits(50_000, 2)]
    [(1, 99), (10, 40), (11, 36), (13, 32), (14, 28), (17, 24), (18, 20)]
    """
    found: list[Explicit] = []
    every = _all_explicit(documents, min(top, documents - top), MOST_BITS)
    for one in sorted(every, key=lambda one: (one.bits, one.dimensions)):
        if not found or one.dimensions < found[-1].dimensions:
            found.append(one)
    return tuple(found)


def _necessary(documents: int, top: int, bits: int) -> list[Statement]:
    """By Radon's theorem and by the bits of a query; by the bits of a document, where that says more."""
    radon, counted = radon_dimensions(documents, top), query_dimensions(documents, top, bits)
    least = max(radon, counted)
    which = "in any numbers: Radon's theorem decides"
    if radon < counted:
        which = f"at {_bits(bits)}: a query of {_bits(bits)} a number must tell all sets apart"
    found = [
        Statement(
            "necessary",
            f"{_dimensions(least)}: Radon's theorem asks for {radon}, the bits of a query for {counted}",
            least,
            f"proved, for all vectors that serve all sets, {which}",
        )
    ]
    grid = document_dimensions(documents, top, bits)
    if grid > least:
        says = f"{_dimensions(grid)}, if all documents share one grid of {bits} bits and queries are real numbers"
        found.append(Statement("documents on a grid", says, grid, "proved: sums of different sets differ"))
    return found


def _enough(documents: int, top: int, bits: int, found: Explicit) -> list[Statement]:
    """The vectors of fewest dimensions at these bits, and what other bits take."""
    proved = "explicit vectors, proved in integers"
    says = f"{_dimensions(found.dimensions)} at {_bits(bits)}, for all sets: {found.name}{_taken(found, bits)}"
    first, *others = by_bits(documents, top)
    known = [f"{_dimensions(first.dimensions)} at {_bits(first.bits)}"]
    known += [f"{one.dimensions:,} at {one.bits}" for one in others]
    table = f"{', '.join(known)}; Assay knows of no fewer at {_bits(bits)}, nor at bits between these"
    return [Statement("enough", says, found.dimensions, proved), Statement("enough, by bits", table, None, proved)]


def _taken(found: Explicit, bits: int) -> str:
    """That fewer bits would do, where they would."""
    return f" ({_bits(found.bits)} would do)" if found.bits < bits else ""


def _random(documents: int, top: int, dimensions: int | None, share: float) -> list[Statement]:
    """What random documents serve: of real numbers, so that it says nothing of few bits."""
    if top > MOST_TOP or top == 1:  # unit vectors in the plane serve single documents: no use for random ones
        return []
    rests = _RESTS
    most = share if share < 1 else USUAL_SHARE
    every = dimensions_for_all(documents, top)
    some = min(dimensions_for_share(documents, top, most), every)  # of few sets all come first
    found = [
        Statement("random documents", f"{_dimensions(some)} for {_percent(most)} of the sets{_REAL}", some, rests),
        Statement(
            "random, all sets",
            f"{_dimensions(every)} for all sets, with probability at least 1/2{_REAL}",
            every,
            rests,
        ),
    ]
    if dimensions is not None:
        served = share_served(dimensions, documents, top)
        lost = math.exp(log_failure(dimensions, documents, top))
        says = f"{_dimensions(dimensions)} serve {_percent(served, lost)} of the sets{_REAL}"
        found.append(Statement("random, at this size", says, served, rests))
    return found


def _training(documents: int, top: int) -> list[Statement]:
    if top != 2:
        return []
    needed = critical_dimensions(documents)
    low, high = _MEASURED
    beyond = "" if needed <= high else f", extrapolated: it was measured from {low} to {high}"
    settings = f"in floating point, at temperature {TEMPERATURE:g}{beyond}"
    says = f"{_dimensions(needed)} {settings}; annealed training needs far fewer"
    return [Statement("training", says, needed, "the published curve of free embeddings for k = 2; no theorem")]


def _smallest_answer(question: dict[str, int | float | str], statements: list[Statement], found: Explicit) -> str:
    documents, top, bits = (int(question[name]) for name in ("documents", "top", "bits"))
    share = float(question["share"])
    amounts = {one.name: one for one in statements}
    answer = (
        f"Necessary{'' if share == 1 else ' for all sets'}: {_dimensions(amounts['necessary'].amount)}. Enough at "
        f"{_bits(bits)}, proved for all {_counted(documents, top)} sets of {top:,}: {found.dimensions:,}"
        f"{_taken(found, bits)}."
    )
    if "random documents" not in amounts:
        return answer
    most, every = amounts["random documents"].amount, amounts["random, all sets"].amount
    part = share if share < 1 else USUAL_SHARE
    random = f"{most:,.0f} for {_percent(part)} of the sets, {every:,.0f} for all"
    return f"{answer} Random documents, in real numbers: {random}."


def _judged(question: dict[str, int | float | str], statements: tuple[Statement, ...]) -> Sized:
    """Whether d dimensions are enough: by theorem, by explicit vectors, or open."""
    dimensions, share = int(question["dimensions"]), float(question["share"])
    amounts = {one.name: one.amount or 0 for one in statements}
    asked = f"top {question['top']:,} of {question['documents']:,} documents at {_bits(int(question['bits']))}"
    change = ""  # to what is proved at these bits; what random documents serve is no promise at any
    if amounts["enough"] > dimensions:
        change = f"{_dimensions(amounts['enough'])}, which are proved to be enough at {_bits(int(question['bits']))}"
    if dimensions < amounts["necessary"] and share == 1:
        necessary = f"{amounts['necessary']:,.0f} are necessary"
        answer = f"No: {_dimensions(dimensions)} cannot serve every set of {asked}; {necessary}."
        return Sized(question, answer, False, statements, change)
    if dimensions >= amounts["enough"]:
        answer = f"Yes: explicit vectors of {_dimensions(amounts['enough'])} serve every set of {asked}."
        return Sized(question, answer, True, statements)
    served = next((one for one in statements if one.name == "random, at this size"), None)
    if served is None:
        answer = f"Open: {_dimensions(dimensions)} are not excluded for {asked}; {amounts['enough']:,.0f} are enough."
        return Sized(question, answer, None, statements, change)
    by_random = dimensions >= (amounts["random, all sets"] if share == 1 else amounts["random documents"])
    opening, serve = ("In real numbers, yes", served.says.removesuffix(_REAL)) if by_random else ("Open", served.says)
    answer = f"{opening}: for {asked}, random documents of {serve}; {amounts['enough']:,.0f} are proved to be enough."
    warnings = ("what random documents serve is exact for real numbers; rounding can only take from it",)
    return Sized(question, answer, None, statements, change, warnings)


def _most(dimensions: int, top: int, bits: int, share: float) -> Sized:
    """How many documents d dimensions serve."""
    require_integer("top", top, 1, MOST_DOCUMENTS // 2)
    question = {"dimensions": dimensions, "top": top, "bits": bits, "share": share}

    def allowed(documents: int) -> bool:
        counted = query_dimensions(documents, top, bits)
        return max(radon_dimensions(documents, top), counted) <= dimensions

    most = most_documents(allowed, top)
    proved = most_documents(lambda n: explicit(n, top, bits).dimensions <= dimensions, top)
    statements = [
        Statement(
            "necessary",
            f"for all sets at {_bits(bits)}, {_excluded(most, top)}",
            most,
            "proved, for all vectors: Radon's theorem in any numbers, and the bits of a query",
        ),
        Statement(
            "enough",
            f"{_documents(proved, top)}, for all sets at {_bits(bits)}"
            + (f": {explicit(proved, top, bits).name}" if proved > top else ""),
            proved,
            "explicit vectors, proved in integers at these bits",
        ),
    ]
    answer = f"{_dimensions(dimensions)} at {_bits(bits)}, top {top:,}: proved for {_documents(proved, top)}"
    if 1 < top <= MOST_TOP:
        random = most_documents(lambda n: _served(dimensions, n, min(top, n - top), share), top)
        part = "all sets" if share == 1 else f"{_percent(share)} of the sets"
        says = f"{_documents(random, top)}, for {part}{_REAL}"
        statements.append(Statement("random documents", says, random, _RESTS))
        answer += f"; random documents, in real numbers, serve {part} of {_documents(random, top)}"
    if top == 2 and dimensions >= FIRST:
        reached = math.floor(critical_documents(dimensions))
        low, high = _MEASURED
        beyond = "" if dimensions <= high else f", extrapolated: it was measured from {low} to {high} dimensions"
        settings = f"in floating point, at temperature {TEMPERATURE:g}{beyond}"
        says = f"{reached:,} documents {settings}; annealed training serves more"
        rests = "the published curve of free embeddings for k = 2; no theorem"
        statements.append(Statement("training", says, reached, rests))
    limit = f"all sets of more than {most:,} cannot be served"
    return Sized(
        question, f"{answer}; {_excluded(most, top) if most == MOST_DOCUMENTS else limit}.", None, tuple(statements)
    )


def _served(dimensions: int, documents: int, top: int, share: float) -> bool:
    """Whether random documents serve this share of the sets, or all of them with probability at least 1/2."""
    return serves(dimensions, documents, top, share) or (share < 1 and serves(dimensions, documents, top, 1.0))


def _documents(number: int, top: int) -> str:
    if number <= top:
        return f"no number of documents above {top}"
    return f"up to {_MOST} documents" if number == MOST_DOCUMENTS else f"{number:,} documents"


def _excluded(most: int, top: int) -> str:
    if most == MOST_DOCUMENTS:
        return f"no number of documents up to {_MOST} is excluded, and Assay looks no further"
    return f"{_documents(most, top)}{' at most' * (most > top)}"


def _counted(documents: int, top: int) -> str:
    """How many sets there are: all digits below a million, else three, or the power of ten."""
    logarithm = log2_binomial(documents, top) * math.log10(2)
    if logarithm < 6:
        return f"{math.comb(documents, top):,}"
    return f"{10**logarithm:.3g}" if logarithm < 300 else f"10^{logarithm:,.0f}"


def _bits(number: int) -> str:
    return f"{number} bit{'s' * (number != 1)}"


def _dimensions(number: float | None) -> str:
    return f"{number:,.0f} dimension{'s' * (number != 1)}"


def _percent(share: float, lost: float | None = None) -> str:
    """A share in percent; where nearly none is lost, with how little that is."""
    lost = 1 - share if lost is None else lost
    if 0 < lost < 1e-4:
        return f"all but {lost:.1e}"
    if share < 1e-3:
        return f"{100 * share:.1e} %"
    return f"{100 * share:.4g} %"
