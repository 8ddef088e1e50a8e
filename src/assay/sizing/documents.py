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
USUAL_SHARE = 0.99  # of the sets that random documents are said to serve, beside all
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
    'Necessary: 4 dimensions. Enough, proved for all 1.25e+09 sets of 2: 28, at 14 bits. Random documents, in real \
numbers: 43 for 99 % of the sets, 75 for all.'
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
    statements = [*_necessary(documents, top, bits), _enough(documents, fewer, bits)]
    statements += _random(documents, fewer, dimensions, share) + _training(documents, top)
    question = {"documents": documents, "top": top, "bits": bits, "share": share}
    if dimensions is None:
        enough = _bits(explicit(documents, fewer, bits).bits)
        return Sized(question, _smallest_answer(documents, top, statements, share, enough), None, tuple(statements))
    return _judged({**question, "dimensions": dimensions}, tuple(statements))


def explicit(documents: int, top: int, bits: int) -> Explicit:
    """The vectors of fewest dimensions that are proved to serve every set at p bits; a simplex always does.

    >>> explicit(50_000, 2, 16), explicit(50_000, 2, 1).dimensions
    (Explicit(name='Reed-Solomon code of cyclic symbols', dimensions=28, bits=14, documents=83521), 99)
    """
    fewer = min(top, documents - top)
    found = [Explicit("corners of a simplex", documents - 1, 1, documents)]
    if (fewer + 1) ** 2 < documents:  # of shorter words than k + 1 symbols of k + 1 letters none tells sets apart
        degree, points, prime = code_parameters(documents, fewer)
        found.append(Explicit("Reed-Solomon code, one-hot symbols", points * prime, 1, prime ** (degree + 1)))
    code = CyclicCodeDocuments.smallest(documents, fewer, bits)
    if code is not None:
        capacity = code.prime ** (code.degree + 1)
        found.append(Explicit("Reed-Solomon code of cyclic symbols", code.dimensions, code.bits, capacity))
    # one score is at least (n // 2)^2k: so much is known before all coefficients of a large k are formed
    if 2 * fewer * math.log2(documents // 2) <= bits and (needed := integer_bits(documents, fewer)) <= bits:
        found.append(Explicit("cyclic polytope", 2 * fewer, needed, documents))
    return min(found, key=lambda one: (one.dimensions, one.bits))


def _necessary(documents: int, top: int, bits: int) -> list[Statement]:
    """By Radon's theorem and by the bits of a query; by the bits of a document, where that says more."""
    radon, counted = radon_dimensions(documents, top), query_dimensions(documents, top, bits)
    least = max(radon, counted)
    which = "Radon's theorem" if radon >= counted else f"a query of {bits} bits a number must tell all sets apart"
    found = [
        Statement(
            "necessary",
            f"{_dimensions(least)}: Radon's theorem asks for {radon}, the bits of a query for {counted}",
            least,
            f"proved, for any vectors that serve all sets; {which} decides",
        )
    ]
    grid = document_dimensions(documents, top, bits)
    if grid > least:
        says = f"{_dimensions(grid)}, if all documents share one grid of {bits} bits and queries are real numbers"
        found.append(Statement("documents on a grid", says, grid, "proved: sums of different sets differ"))
    return found


def _enough(documents: int, top: int, bits: int) -> Statement:
    found = explicit(documents, top, bits)
    says = f"{_dimensions(found.dimensions)} at {_bits(found.bits)}, for all sets: {found.name}"
    return Statement("enough", says, found.dimensions, "explicit vectors, proved in integers")


def _random(documents: int, top: int, dimensions: int | None, share: float) -> list[Statement]:
    """What random documents serve: of real numbers, so that it says nothing of few bits."""
    if top > MOST_TOP or top == 1:  # unit vectors in the plane serve single documents: no use for random ones
        return []
    rests = "exact probability for Gaussian documents, in real numbers; rounding to these bits is not in it"
    most = share if share < 1 else USUAL_SHARE
    every = dimensions_for_all(documents, top)
    some = min(dimensions_for_share(documents, top, most), every)  # of few sets all come first
    found = [
        Statement("random documents", f"{_dimensions(some)} for {_percent(most)} of the sets", some, rests),
        Statement(
            "random, all sets", f"{_dimensions(every)} for all sets, with probability at least 1/2", every, rests
        ),
    ]
    if dimensions is not None:
        served = share_served(dimensions, documents, top)
        lost = math.exp(log_failure(dimensions, documents, top))
        says = f"{_dimensions(dimensions)} serve {_percent(served, lost)} of the sets"
        found.append(Statement("random, at this size", says, served, rests))
    return found


def _training(documents: int, top: int) -> list[Statement]:
    if top != 2:
        return []
    needed = critical_dimensions(documents)
    low, high = _MEASURED
    beyond = "" if needed <= high else f", extrapolated: it was measured from {low} to {high}"
    says = f"{_dimensions(needed)} at temperature {TEMPERATURE:g}{beyond}; annealed training needs far fewer"
    return [Statement("training", says, needed, "the published curve of free embeddings for k = 2; no theorem")]


def _smallest_answer(documents: int, top: int, statements: list[Statement], share: float, bits: str) -> str:
    amounts = {one.name: one for one in statements}
    least, enough = amounts["necessary"], amounts["enough"]
    answer = (
        f"Necessary{'' if share == 1 else ' for all sets'}: {_dimensions(least.amount)}. "
        f"Enough, proved for all {_counted(documents, top)} sets of {top:,}: {enough.amount:,.0f}, at {bits}."
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
    change = _change(dimensions, share, amounts)
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
    opening = "In real numbers, yes" if by_random else "Open"
    answer = (
        f"{opening}: for {asked}, random documents of {served.says}; {amounts['enough']:,.0f} are proved to be enough."
    )
    warnings = ("what random documents serve is exact for real numbers; rounding can only take from it",)
    return Sized(question, answer, None, statements, change, warnings)


def _change(dimensions: int, share: float, amounts: dict[str, float]) -> str:
    """The fewest dimensions known to be enough where these are not; random ones are so in real numbers only."""
    known = [(amounts["enough"], "")]
    name = "random, all sets" if share == 1 else "random documents"
    if name in amounts and (share < 1 or amounts[name] >= amounts["necessary"]):
        known.append((amounts[name], ", in real numbers"))
    more = [one for one in known if one[0] > dimensions]
    return f"{_dimensions(min(more)[0])}{min(more)[1]}" if more else ""


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
            f"{_documents(most, top)} at most, for all sets",
            most,
            "proved, for any vectors: Radon's theorem and the bits of a query",
        ),
        Statement(
            "enough",
            f"{_documents(proved, top)}, for all sets"
            + (f": {explicit(proved, top, bits).name}" if proved > top else ""),
            proved,
            "explicit vectors, proved in integers at these bits",
        ),
    ]
    answer = f"{_dimensions(dimensions)} at {_bits(bits)}, top {top:,}: proved for {_documents(proved, top)}"
    if 1 < top <= MOST_TOP:
        random = most_documents(lambda n: _served(dimensions, n, min(top, n - top), share), top)
        part = "all sets" if share == 1 else f"{_percent(share)} of the sets"
        rests = "exact probability for Gaussian documents, in real numbers; rounding to these bits is not in it"
        says = f"{_documents(random, top)}, for {part}"
        statements.append(Statement("random documents", says, random, rests))
        answer += f"; random documents, in real numbers, serve {part} of {_documents(random, top)}"
    if top == 2 and dimensions >= FIRST:
        reached = math.floor(critical_documents(dimensions))
        low, high = _MEASURED
        beyond = "" if dimensions <= high else f", extrapolated: it was measured from {low} to {high} dimensions"
        says = f"{reached:,} documents at temperature {TEMPERATURE:g}{beyond}; annealed training serves more"
        rests = "the published curve of free embeddings for k = 2; no theorem"
        statements.append(Statement("training", says, reached, rests))
    limit = "no number is excluded" if most == MOST_DOCUMENTS else f"all sets of more than {most:,} cannot be served"
    return Sized(question, f"{answer}; {limit}.", None, tuple(statements))


def _served(dimensions: int, documents: int, top: int, share: float) -> bool:
    """Whether random documents serve this share of the sets, or all of them with probability at least 1/2."""
    return serves(dimensions, documents, top, share) or (share < 1 and serves(dimensions, documents, top, 1.0))


def _documents(number: int, top: int) -> str:
    if number <= top:
        return f"no number of documents above {top}"
    return f"{'at least ' * (number == MOST_DOCUMENTS)}{number:,} documents"


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
