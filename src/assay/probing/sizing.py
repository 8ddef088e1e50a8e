"""How many positions can a head of this width average? From closed forms, a simulation, a bound and constructions.

Generic keys stand for those that training gives: which sets of them a query can single out depends on N, q and d alone
(`assay.probing.thresholds`), and real heads follow it. That serves most sets. What serves every set, in the worst case,
are the constructions; what no head does, the bound says.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.bounds.base import log2_binomial
from assay.constructions import CONSTRUCTIONS, build
from assay.errors import AssayError, require_integer
from assay.probing.gaussian_norm import predicted_norm
from assay.probing.reach import MASS, needed_norms, softmax_on
from assay.probing.sets import drawn, positions_of
from assay.probing.thresholds import face_dimension, face_probability, half_point
from assay.tasks import counter
from assay.tasks.sparse_averaging import SparseAveraging

SIMULATED_SETS = 8
MOST_BITS = 52  # integers of as many bits are exact in float64
_MOST = 0.5
_MOST_NUMBERS = 1 << 20  # of keys that are simulated
_MOST_BUILT = {"sign": 512, "reed-solomon": 1 << 14}  # positions up to which they are built in a moment


def size_head(head_width: int, keys: int, average: int, bits: int = 32) -> dict[str, Any]:
    """What a head of this width can average, as plain JSON values.

    Args:
        head_width: d, numbers of a query and of a key.
        keys: N, positions that are attended to.
        average: q, positions to be averaged, equally, with 90 % of the softmax on them.
        bits: p of each number.

    Returns a dictionary with the question, `answer` (a sentence), `lines` (pairs of a name and what it says) and the
    numbers: `largest` (q up to which most sets of generic keys have a query), `width_needed` (for most sets of this q),
    `probability` (that a set of q has one), `norm` (predicted norm of the query, in units of that of a vector
    like the keys; None where there is none), `simulated` (see `simulate`; None where there are too many keys),
    `bits_needed` and `bits_there` (of the query: see the bound attention-message) and `constructions`.
    Time: a second at N = 4096, d = 64.

    >>> sized = size_head(64, 1024, 8)
    >>> sized["width_needed"], sized["largest"], round(sized["probability"], 3)
    (44, 13, 0.998)

    Raises:
        AssayError: not 1 <= q <= N, or a width or number of bits below 1.
    """
    require_integer("head_width", head_width, 1, None)
    require_integer("keys", keys, 1, None)
    require_integer("average", average, 1, keys, "keys")
    require_integer("bits", bits, 2, MOST_BITS)
    norm = predicted_norm(np.ones(head_width), keys, average, mass=MASS, scale=head_width**-0.5)
    result: dict[str, Any] = {
        "head_width": head_width, "keys": keys, "average": average, "bits": bits, "mass": MASS,
        "largest": math.floor(half_point(head_width, keys)), "width_needed": _width_needed(keys, average),
        "probability": face_probability(head_width, keys, average),
        "norm": norm / math.sqrt(head_width) if math.isfinite(norm) else None,
        "simulated": simulate(head_width, keys, average, bits) if keys * head_width <= _MOST_NUMBERS else None,
        "bits_needed": log2_binomial(keys, average), "bits_there": head_width * bits,
        "constructions": _constructions(keys, average),
    }  # fmt: skip
    return {**result, "answer": _answer(result), "lines": _lines(result)}


def simulate(head_width: int, keys: int, average: int, bits: int, *, seed: int = 0) -> dict[str, Any]:
    """Gaussian keys and the queries that average random sets of them, both rounded to p bits: what is left of it.

    Each key and each query is scaled so that its largest entry is 2^(p-1) - 1 and rounded to integers, as is usual for
    quantised attention; the rest is float64. Returns `sets`, `found` (sets with a query for the rounded keys), and of
    these the medians of `mass` (softmax on the set with the rounded query) and `error` (largest error of an average of
    values in [-1, 1], the l1 distance of the softmax from the uniform weights; unrounded it is 2 (1 - mass)).
    """
    random = counter.words(counter.example_keys(seed, "test", 0, keys), 0, head_width + head_width % 2)
    points = _rounded(counter.normals(random)[:, :head_width], bits)
    sets = positions_of(drawn("random", SIMULATED_SETS, [average], keys, seed))[average]
    scale = head_width**-0.5
    found = needed_norms(points, sets, scale=scale)
    masses, errors = [], []
    for chosen, query, norm in zip(sets, found.queries, found.at_most, strict=True):
        if math.isfinite(norm):
            scores = scale * (points @ _rounded(query[None], bits)[0])
            weights = np.exp(scores - scores.max())
            weights /= weights.sum()
            wanted = np.zeros(keys)
            wanted[chosen] = 1 / average
            masses.append(softmax_on(scores, chosen.tolist()))
            errors.append(float(np.abs(weights - wanted).sum()))
    middle = {"mass": float(np.median(masses)), "error": float(np.median(errors))} if masses else {}
    return {"sets": len(sets), "found": len(masses), **middle}


def _rounded(rows: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """Each row rounded to p-bit integers times a factor of its own."""
    largest = np.abs(rows).max(axis=1, keepdims=True)
    step = np.where(largest > 0, largest, 1) / (2.0 ** (bits - 1) - 1)
    return np.rint(rows / step) * step


def _constructions(keys: int, average: int) -> list[dict[str, Any]]:
    """Certified keys for every set: score width, heads, bits per number. Those that refuse this size are left out."""
    rows = []
    for method in CONSTRUCTIONS.names():
        kind = CONSTRUCTIONS[method]
        if "sparse-averaging" not in kind.solves or kind.model != "bare-attention":
            continue
        if keys > _MOST_BUILT.get(method, keys):
            if method == "sign":
                width = min(math.ceil(3 * average * math.log(keys)), keys)
                rows.append({"method": method, "score_width": width, "heads": 1, "bits": 32, "about": True})
            continue
        try:
            size = build(SparseAveraging(length=keys, sparsity=average, layout="last"), method=method).size
        except AssayError:
            continue
        rows.append({"method": method, "score_width": size.score_width, "heads": size.heads, "bits": size.precision,
                     "about": False})  # fmt: skip
    return rows


def _width_needed(keys: int, average: int) -> int:
    """The smallest width at which most sets of this size of generic keys have a query: exact."""
    width = max(1, math.floor(face_dimension(keys, average)))
    while width > 1 and face_probability(width - 1, keys, average) >= _MOST:
        width -= 1
    while face_probability(width, keys, average) < _MOST:
        width += 1
    return width


def _answer(found: dict[str, Any]) -> str:
    width, keys, average, bits = (found[name] for name in ("head_width", "keys", "average", "bits"))
    able = "can" if found["probability"] >= _MOST else "cannot"
    fits = [
        row["method"] for row in found["constructions"]
        if row["score_width"] <= width and row["bits"] <= bits and row["heads"] == 1 and not row["about"]
    ]  # fmt: skip
    worst = (
        f"Every set, with a certificate: {', '.join(fits)}."
        if fits
        else f"No construction that was built serves every set with one head of width {width} at {bits} bits."
    )
    return (
        f"A head of width {width} {able} single out most sets of {average} among {keys} generic keys: "
        f"{found['probability']:.1%} of them. Most sets take width {found['width_needed']}; width {width} serves q up "
        f"to {found['largest']}. {worst}"
    )


def _lines(found: dict[str, Any]) -> list[tuple[str, str]]:
    """What the answer rests on."""
    there, needed = found["bits_there"], found["bits_needed"]
    verdict = "not excluded" if there >= needed else "EXCLUDED, for all sets at once"
    return [
        ("query norm", _norm_text(found)),
        (f"at {found['bits']} bits", _simulated_text(found["simulated"])),
        ("bound", f"a query tells all sets apart with log2 C(N, q) = {needed:.1f} bits; it has {there}: {verdict}"),
        *((row["method"], _construction_text(row)) for row in found["constructions"]),
    ]


def _norm_text(found: dict[str, Any]) -> str:
    if found["norm"] is None:
        return "none is predicted, of any length, for most sets"
    if found["norm"] == 0:
        return f"none is needed: equal scores everywhere put {found['mass']:.0%} of the softmax on the set"
    return (
        f"{found['norm']:.2f} times that of a vector like the keys, of variance 1 in each coordinate, for "
        f"{found['mass']:.0%} of the softmax on the set (predicted)"
    )


def _simulated_text(simulated: dict[str, Any] | None) -> str:
    if simulated is None:
        return f"not simulated: more than {_MOST_NUMBERS} numbers of keys"
    if not simulated["found"]:
        return f"simulated: for none of {simulated['sets']} random sets was a query found"
    found, error = simulated["found"], simulated["error"]
    return (
        f"simulated, keys and query rounded: a query was found for {found} of {simulated['sets']} sets; medians: "
        f"{simulated['mass']:.3f} of the softmax on the set, error {error:.3f} of the average of values in [-1, 1]"
    )


def _construction_text(row: dict[str, Any]) -> str:
    heads = "" if row["heads"] == 1 else f"{row['heads']} heads of "
    about, built = ("about ", ", not built here") if row["about"] else ("", "")
    return f"serves every set: {heads}score width {about}{row['score_width']}, {row['bits']}-bit numbers{built}"
