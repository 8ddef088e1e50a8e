"""What an answer about a head rests on: theorems, closed forms, a simulation, explicit keys, trained heads."""

from __future__ import annotations

import math

from assay.bounds.bound import log2_binomial
from assay.probing.reach import MASS
from assay.probing.thresholds import face_probability
from assay.sizing.answer import Statement
from assay.sizing.explicit import explicit_keys
from assay.sizing.generic import (
    ALLOWED_ERROR,
    hardest_size,
    needs_nothing,
    norm_of_any_keys,
    rounded_average,
    solve,
    used_width,
)
from assay.sizing.head import MINILM, SMOLLM2, Head, Layout
from assay.sizing.head_limits import QUERY_BITS, largest_average, serves, smallest_width
from assay.sizing.simulated import SETS, simulate_head

_MOST_WORK = 20_000_000  # (N + 8 d) d^2 up to which two to eight sets are simulated in less than a second
_NEAR = (0.05, 0.95)  # probabilities between which needed norms scatter
_PREDICTED = 0.15  # relative error of predicted norms and errors, for warnings
_FEW_KEYS = 16
_LARGEST_EXPONENT = 60.0


def head_statements(head: Head, norms: tuple[float, ...], layout: Layout, *, simulated: bool) -> tuple[Statement, ...]:
    """The statements, the necessary ones first. The simulation, where asked for, is left out where it is slow."""
    if needs_nothing(head.keys, head.average):
        mass = head.average / head.keys
        says = (
            f"nothing: equal scores everywhere put {mass:.0%} of the softmax on any {head.average} of {head.keys} keys"
        )
        return (Statement("necessary", says, 0, "the definition of softmax"), _stored(head, layout))
    found = [_width(head), _bits(head), _norm(head)]
    found += [_dispersion(head, norm) for norm in norms if math.isfinite(norm)]
    found += [_most(head), *_needed(head), _rounding(head)]
    if simulated and _work(head) <= _MOST_WORK:
        found.append(_simulated(head))
    found += [
        Statement(
            "every set",
            f"{one.name} keys: width {one.width}, entries of {one.bits} bits{_norm_of(one.norm)}",
            one.width,
            one.justification,
        )
        for one in explicit_keys(head.keys, head.average)
    ]
    found += [_several_heads(head), _training(head), _stored(head, layout)]
    return (*found, *_rotary(head, layout))


def head_warnings(head: Head, layout: Layout) -> tuple[str, ...]:
    """What a reader should not overlook."""
    if needs_nothing(head.keys, head.average):
        return ()
    found = []
    chance = face_probability(head.width, head.keys, head.average)
    if _NEAR[0] < chance < _NEAR[1]:
        found.append(
            f"near the limit of existence ({chance:.0%} of the sets have a query): the needed norms of single sets "
            "differ by a factor of two and more, so do not build on the predicted median"
        )
    used = _used(head)
    size = hardest_size(used, head.keys, head.average)
    needed, error = solve(used, head.keys, size).norm, rounded_average(used, head.keys, size, head.cache).error
    if math.isfinite(head.norm) and abs(needed / head.norm - 1) < _PREDICTED:
        found.append(f"the needed norm {needed:.2f} is within 15 % of the one given, about the error of its prediction")
    if head.keys < _FEW_KEYS:
        found.append(f"norms are predicted poorly for fewer than {_FEW_KEYS} keys: by up to 50 %")
    if math.isfinite(needed) and abs(error / ALLOWED_ERROR - 1) < _PREDICTED:
        found.append(
            f"the error after rounding, {error:.2f}, is within 15 % of the one allowed: about that of its prediction"
        )
    turned = layout.turned(head.width)
    if turned and head.serves() and not _by_content(head, turned):
        found.append(f"by content alone, with {turned} coordinates turned by rotary positions, it does not: see rotary")
    return tuple(found)


def _width(head: Head) -> Statement:
    n, q = head.keys, head.average
    if n < 3 * q + 1:
        says = "for every set: no width is known to be necessary"
        return Statement("necessary", says, None, "Radon's theorem says 2q from N = 3q + 1 on")
    says = f"for every set, whatever keys, bits and norm: width {2 * q}"
    return Statement(
        "necessary", says, 2 * q, "Radon's theorem: of 2q + 1 keys in 2q - 1 dimensions some q are not cut off"
    )


def _bits(head: Head) -> Statement:
    needed = max(0.0, log2_binomial(head.keys, head.average) - 1)
    has = QUERY_BITS * head.width
    verdict = "not excluded" if has >= needed else "EXCLUDED"
    says = f"for half of the sets: queries of {needed:.0f} bits; {has} are there: {verdict}"
    return Statement("necessary bits", says, needed, "a query serves one set, so they number at least C(N, q) / 2")


def _norm(head: Head) -> Statement:
    every = norm_of_any_keys(head.width, head.keys, head.average)
    half = every / math.sqrt(2)
    verdict = "" if not math.isfinite(head.norm) else f": {'EXCLUDED' if head.norm < half else 'not excluded'}"
    says = f"whatever the keys, queries of norm {every:.2f} for every set, of {half:.2f} for half of them{verdict}"
    return Statement("necessary norm", says, half, "Jensen's inequality and the mean square distance of random sets")


def _dispersion(head: Head, norm: float) -> Statement:
    exponent = 2 * norm * math.sqrt(head.width)
    if exponent > _LARGEST_EXPONENT:
        says = f"norm {norm:g}, keys as long as the typical one: no limit on N below 2^{exponent / math.log(2):.0f}"
        return Statement("dispersion", says, None, "scores lie within n sqrt(d) of 0")
    most = head.average * (1 + math.exp(exponent) * (1 - MASS) / MASS)
    verdict = "not excluded" if head.keys <= most else "EXCLUDED"
    says = f"norm {norm:g}, keys as long as the typical one: at most {most:,.0f} keys: {verdict}"
    return Statement("dispersion", says, most, "scores lie within n sqrt(d) of 0, so q e^(2 n sqrt d) >= 9 (N - q)")


def _most(head: Head) -> Statement:
    chance = face_probability(head.width, head.keys, head.average)
    says = f"{chance:.1%} of the sets have a query, of some length, with generic keys"
    return Statement("most sets", says, chance, "exact: intrinsic volumes of cones (assay.probing.thresholds)")


def _needed(head: Head) -> tuple[Statement, ...]:
    norm = solve(head.width, head.keys, head.average).norm
    rests = "predicted: convex Gaussian min-max theorem; within 9 % of the median where nearly all sets exist"
    if not math.isfinite(norm):
        return (Statement("norm", "no length is predicted to do for most sets of generic keys", None, rests),)
    found = [Statement("norm", f"queries of norm {norm:.2f} put {MASS:.0%} of the softmax on the set", norm, rests)]
    hardest = hardest_size(head.width, head.keys, head.average)
    if hardest != head.average:
        most = solve(head.width, head.keys, hardest).norm
        says = f"of the sizes up to {head.average}, {hardest} needs the longest queries, of norm {most:.2f}; it decides"
        found.append(Statement("hardest size", says, hardest, rests))
    return tuple(found)


def _used(head: Head) -> int:
    """Coordinates that generic keys use: all, unless rounding leaves too large an error then and fewer do better."""
    return used_width(head.width, head.keys, head.average, head.cache) or head.width


def _rounding(head: Head) -> Statement:
    used = _used(head)
    left = rounded_average(used, head.keys, head.average, head.cache)
    rests = "predicted: keys rounded as this cache does, the query is not"
    if not math.isfinite(solve(used, head.keys, head.average).norm):
        return Statement("rounding", f"{head.cache.name}: no query to lose", None, rests)
    says = (
        f"{head.cache.name}: {left.mass:.3f} of the softmax stays on the set, averages of values in [-1, 1] err by "
        f"{left.error:.2f}; {ALLOWED_ERROR} is allowed"
    )
    if used < head.width:
        whole = rounded_average(head.width, head.keys, head.average, head.cache).error
        says += f"; that is with {used} of the {head.width} coordinates in use, and with all they err by {whole:.2f}"
    return Statement("rounding", says, left.error, rests)


def _work(head: Head) -> int:
    return (head.keys + 8 * head.width) * head.width**2


def _simulated(head: Head) -> Statement:
    used = _used(head)
    sets = max(2, min(SETS, 3 * _MOST_WORK // _work(head)))
    found = simulate_head(used, head.keys, head.average, head.cache, sets=sets)
    norm = f"norm {found.norm:.2f}, " if math.isfinite(found.norm) else ""
    says = (
        f"{found.found} of {found.sets} sets have a query; medians: {norm}{found.mass:.3f} of the softmax on the set, "
        f"error {found.error:.2f}"
    )
    return Statement("simulated", says, found.error, f"{found.sets} random sets of one draw of generic keys, rounded")


def _norm_of(norm: float) -> str:
    return f", queries of norm up to {norm:.2f}" if math.isfinite(norm) else ""


def _several_heads(head: Head) -> Statement:
    bits = 2 * math.ceil(math.log2(max(2, head.keys))) + 4
    says = f"{head.average} heads of width 2 that look up a position each: about {bits} bits of every number"
    return Statement(
        "several heads", says, 2, "certified for every set: `assay build --method heads`; by formula, not built"
    )


def _training(head: Head) -> Statement:
    reach = [
        largest_average(head.width, head.keys, head.cache, norm) for norm in (SMOLLM2.low, SMOLLM2.median, SMOLLM2.high)
    ]
    measured = head.width == 64 and head.keys == 256
    says = (
        f"at the norms of heads in use, {SMOLLM2.low}, {SMOLLM2.median} and {SMOLLM2.high} (a tenth, half, nine tenths "
        f"of {SMOLLM2.model} are below), such a head averages up to {reach[0]}, {reach[1]} and {reach[2]}"
    )
    rests = (
        f"norms measured at N = 256 on one text; {'' if measured else 'other N and d are extrapolated; '}"
        f"{MINILM.model} has {MINILM.low}, {MINILM.median} and {MINILM.high}"
    )
    return Statement("training", says, reach[1], rests)


def _stored(head: Head, layout: Layout) -> Statement:
    heads = layout.key_heads or 1
    bits = heads * head.keys * head.cache.stored_bits(head.width)
    number = "1 key head" if heads == 1 else f"{heads} key heads"
    says = f"{number} of {head.keys} keys in {head.cache.name}: {bits:,} bits, values not counted"
    if layout.query_heads > heads:
        group = layout.query_heads // heads
        says += (
            f"; {group} query heads read each, and without sharing {group} times as much would be stored. What is said "
            "of a head holds for each query head: those of a group choose their own sets, of the same keys"
        )
    return Statement("stored", says, bits, "counted")


def _rotary(head: Head, layout: Layout) -> tuple[Statement, ...]:
    turned = layout.turned(head.width)
    if not turned:
        return ()
    left = head.width - turned
    if not left:
        says = "all coordinates turn with the position, so none is left to select by content alone, wherever it stands"
        return (Statement("rotary", says, 0, _ROTARY),)
    most = largest_average(left, head.keys, head.cache, head.norm)
    needed = smallest_width(head.keys, head.average, head.cache, head.norm)
    says = (
        f"{turned} of {head.width} coordinates turn with the position; to select by content alone, wherever it stands, "
        f"{left} are left, which average up to {most} of {head.keys} keys; sets of {head.average} take {needed}"
    )
    return (Statement("rotary", says, most, _ROTARY),)


_ROTARY = "generic keys stay generic when they are turned, so all else holds for keys as stored"


def _by_content(head: Head, turned: int) -> bool:
    left = head.width - turned
    return left > 0 and serves(left, head.keys, head.average, head.cache, head.norm)
