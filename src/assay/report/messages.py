"""What a chart of sizes shows, in one sentence of the findings: its title."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from assay.report.sweeps import Architecture
from assay.results.frontier import Point, Series
from assay.results.growth import Growth

_SAME = "stay the same"
_NEAR = 0.05  # an exponent so near to 1, whose interval holds 1, is said to be 1


def listed(parts: Sequence[str], last: str = " and ") -> str:
    """Parts of a sentence in a row.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"]), listed(["a", "b"], last="; ")
    ('a', 'a and b', 'a, b and c', 'a; b')
    """
    return last.join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def named(name: str) -> str:
    """An architecture's name in a sentence.

    >>> named("attention"), named("attention, depth 2, head dimension 4")
    ('attention', 'attention (depth 2, head dimension 4)')
    """
    base, comma, more = name.partition(", ")
    return f"{base} ({more})" if comma else base


def known(series: Series) -> list[Point]:
    """Points at which something was learned, or has explicit weights."""
    return [point for point in series.points if not point.censored]


def compared(learned: Sequence[Series], symbol: str) -> str:
    """What each architecture learned with, at the largest x that most of them have; empty where none did."""
    places = [{point.x for point in known(series)} for series in learned]
    every = set().union(*places)
    if not every:
        return ""
    x = max(every, key=lambda place: (sum(place in one for one in places), place))
    found, failed = [], []
    for series in learned:
        for point in series.points:
            if point.x == x:
                (failed if point.censored else found).append((point.width, series))
    found.sort(key=lambda pair: (pair[0], pair[1].architecture))
    verbs = ["learned with", *["with"] * (len(found) - 1)]
    sized = [
        f"{named(series.architecture)} {verb} {_sized(series, width)}"
        for verb, (width, series) in zip(verbs, found, strict=True)
    ]
    said = f"At {symbol} = {x:,}, {listed(sized)}"
    if failed:
        beyond = listed([f"{named(series.architecture)} up to {_sized(series, width)}" for width, series in failed])
        said += f"; not learned: {beyond}"
    return said


def growing(learned: Sequence[Series], symbol: str) -> str:
    """How learned widths grow, by the fitted law, or by how much where the findings leave it open; empty for none."""
    who: dict[str, list[str]] = defaultdict(list)
    for series in learned:
        points = known(series)
        if len(points) > 1:
            who[_growth(series.growth, points, symbol)].append(named(series.architecture))
    same = who.pop(_SAME, [])
    said = ["grow " + listed([f"{how} for {listed(names)}" for how, names in who.items()])] if who else []
    said += [f"{_SAME} for {listed(same)}"] if same else []
    failed = [named(series.architecture) for series in learned if not known(series)]
    return f"Learned widths {', and '.join(said)}" + f"; not learned: {listed(failed)}" * bool(failed) if said else ""


def of_architecture(architecture: Architecture, series: Sequence[Series], symbol: str) -> str:
    """What one architecture learned, has weights for, and cannot do, at the largest x where it has any."""
    learned = [one for one in series if one.verdict == "learned"]
    weights = [(point, one) for one in series if one.verdict == "constructed" for point in one.points]
    ends = [(point, one) for one in learned for point in known(one)[-1:]]
    name = named(architecture.name)
    if ends:
        point, one = max(ends, key=lambda pair: pair[0].x)
        x, said = point.x, f"At {symbol} = {point.x:,}, {name} learned with {_sized(one, point.width)}"
    elif learned:
        point = learned[0].points[-1]
        x = point.x
        said = f"At {symbol} = {x:,}, {name} was not learned up to {_sized(learned[0], point.width)} within this budget"
    elif weights:
        x = max(point.x for point, _ in weights)
        said = ""
    else:
        return _excluding(name, series, symbol)
    least = min(((point.width, one.source) for point, one in weights if point.x == x), default=None)
    if least and not said:
        said = f"At {symbol} = {x:,}, explicit weights in {name} take width {least[0]:,} ({least[1]})"
    elif least:
        said += f", explicit weights take {least[0]:,} ({least[1]})"
    return said + _excluded(series, x, learned=bool(ends))


def of_bits(name: str, weights: Sequence[Series], required: Sequence[Series], symbol: str) -> str:
    """The bits of one embedding: of the explicit weights with the fewest, and of the strongest bound, at the last x."""
    x = max(point.x for series in weights for point in series.points)
    bits, source = min((point.width, one.source) for one in weights for point in one.points if point.x == x)
    needed = max((point.width for one in required for point in one.points if point.x == x), default=0)
    least = f"; no weights do with fewer than {math.ceil(needed):,}" if needed else ""
    return f"At {symbol} = {x:,}, explicit weights in {name} have {bits:,} bits in one embedding ({source}){least}"


def _sized(series: Series, width: int) -> str:
    return f"{series.field} {width:,}"


def _excluded(series: Iterable[Series], x: int, *, learned: bool) -> str:
    """Which widths are impossible at x: with the error that a learned network is judged by, if a bound says so."""
    found = {"mean": 0, "worst": 0}
    for one in series:
        if one.verdict == "impossible":
            widths = [point.width for point in one.points if point.x == x]
            found[one.error_kind] = max(found[one.error_kind], *widths, 0)
    kind = "mean" if learned and found["mean"] else max(found, key=lambda name: found[name])
    of = {"mean": "the mean error", "worst": "the worst case"}[kind]
    return f"; smaller than {found[kind] + 1:,} is impossible, in {of}" if found[kind] else ""


def _excluding(name: str, series: Sequence[Series], symbol: str) -> str:
    """Of what has bounds alone."""
    x = max(point.x for one in series for point in one.points)
    said = _excluded(series, x, learned=False)
    return f"At {symbol} = {x:,}, {name} has bounds alone{said}"


def _growth(growth: Growth, points: Sequence[Point], symbol: str) -> str:
    if growth.preferred == "constant":
        return _SAME
    if growth.preferred == "logarithm":
        return f"like log {symbol}"
    if growth.preferred == "power" and growth.power and growth.exponent_interval:
        (low, high), exponent = growth.exponent_interval, growth.power[1]
        linear = round(low, 2) <= 1 <= round(high, 2) and abs(exponent - 1) < _NEAR
        return f"like {symbol}" if linear else f"like {symbol}^{exponent:.2f}"
    first, last = points[0], points[-1]
    times, span = last.width / first.width, f"from {symbol} = {first.x:,} to {last.x:,}"
    return f"{times:.{1 if times < 10 else 0}f} times {span}" if times > 1 else f"not {span}"
