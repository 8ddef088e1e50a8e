"""The first lines of a probe: which heads lose most when keys are cached in few bits, and which isolate no token."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from assay.probing.cache_formats import cache_format
from assay.probing.caches import ALLOWED, KEPT
from assay.probing.reach import MASS
from assay.probing.spread import Spread

if TYPE_CHECKING:
    from assay.probing.findings import Findings, HeadRow

MOST = 0.5  # a head averages sets of a size if it reaches at least this share of them
_NAMED = 3  # heads
_RANKED = {
    "written": "by the error that they add to the residual stream, over its norm",
    "output": "by the relative error of their outputs",
    "weights": "by the total variation of their attention",
}


def able(found: Findings, sparsity: int, kind: str = "random") -> list[HeadRow]:
    """The heads that reach at least half of the sets of this size, on the median text."""
    return [row for row in found.heads if sparsity in row.reach[kind] and row.reach[kind][sparsity].median >= MOST]


def lost(found: Findings, name: str) -> list[HeadRow]:
    """The heads that lose their sets with keys in this format, on the median text."""
    return [row for row in found.heads if (kept := figure_of(row, name, "kept")) is not None and kept.median < KEPT]


def off(found: Findings, name: str, figure: str) -> list[HeadRow]:
    """The heads whose outputs are off by more than 10 % by this figure of a format, on the median text."""
    return [row for row in found.heads if (one := figure_of(row, name, figure)) is not None and one.median > ALLOWED]


def figure_of(row: HeadRow, name: str, figure: str) -> Spread | None:
    """A figure of what a head loses in a format; None where it is not known."""
    return getattr(row.losses[name], figure) if name in row.losses else None


def formats_taken(found: Findings) -> list[str]:
    """The formats that some head takes, in the order asked."""
    return [name for name in found.formats if any(name in row.losses for row in found.heads)]


def coarsest(found: Findings) -> str | None:
    """The format of fewest bits that the heads were asked about and take; None where there is none."""
    return min(formats_taken(found), key=lambda name: (cache_format(name).bits, name), default=None)


def ranked_by(found: Findings, name: str) -> str:
    """The figure by which heads are ordered: the best validated of those that are known for all of them."""
    rows = [row for row in found.heads if name in row.losses]
    return next(figure for figure in _RANKED if all(figure_of(row, name, figure) for row in rows))


def first_to_lose(found: Findings, name: str) -> list[tuple[HeadRow, Spread]]:
    """Heads in the order of what they lose with keys in this format, with the figure of `ranked_by`."""
    figure = ranked_by(found, name)
    known = [(row, one) for row in found.heads if (one := figure_of(row, name, figure))]
    return sorted(known, key=lambda one: -one[1].median)


def advice(found: Findings) -> str:
    """Which heads lose their sets or outputs first in the coarsest format, and how far the heads isolate a token."""
    start = f"{found.name} at N = {found.length}{f', {len(found.texts)} texts' * (len(found.texts) > 1)}: "
    if not found.has_queries:
        room = _room(found)
        single = f"keys single out most random sets of up to {room} positions; " if room else ""
        unknown = "nothing can be said without queries of theirs that see these keys"
        return f"{start}{single}of what heads lose and reach {unknown}."
    parts = [part for part in (_losses(found), _contexts(found)) if part]
    return f"{start}{'. '.join(parts) or 'no head is answered yet'}."


def head_name(row: HeadRow) -> str:
    """A head in words."""
    return f"layer {row.layer} head {row.place}"


def median(numbers: Iterable[float]) -> float:
    """The lower median."""
    ordered = sorted(numbers)
    return ordered[(len(ordered) - 1) // 2]


def with_spread(figure: Spread, digits: str = ".2g") -> str:
    """The median, and in brackets the least and the largest where there are several texts.

    >>> with_spread(Spread(0.1234, 0.1, 0.2, 3)), with_spread(Spread(48, 48, 48, 1), ",")
    ('0.12 (0.1 to 0.2)', '48')
    """
    if figure.texts == 1:
        return format(figure.median, digits)
    return f"{figure.median:{digits}} ({figure.least:{digits}} to {figure.most:{digits}})"


def _losses(found: Findings) -> str:
    name = coarsest(found)
    if not found.plain:
        return "more than products of queries and keys enters the softmax, so that losses in a cache are not given"
    if name is None:
        return "keys and values are of sizes that no format asked about takes" if _answered(found) else ""
    ranked = first_to_lose(found, name)
    kept = [one for row in found.heads if (one := figure_of(row, name, "kept"))]
    text = (
        f"with keys cached in {name} ({cache_format(name).bits} bits), {len(lost(found, name))} of {len(ranked)} heads "
        f"lose sets that they attend to{_some(kept, KEPT)}"
    )
    if found.has_values:
        outputs = [one for row in found.heads if (one := figure_of(row, name, "output"))]
        text += f", and the outputs of {len(off(found, name, 'output'))} are off by more than {ALLOWED:.0%}"
        text += _some(outputs, ALLOWED)
    else:
        text += ". What their outputs lose is not known without values"
    first = ", ".join(f"{head_name(row)}: {with_spread(loss)}" for row, loss in ranked[:_NAMED])
    return f"{text}. First to lose, {_RANKED[ranked_by(found, name)]}, are {first}"


def _contexts(found: Findings) -> str:
    contexts = {head_name(row): row.context for row in _answered(found) if row.context}
    if not contexts:
        return ""
    short = sum(one.median < found.length for one in contexts.values())
    most, middle = found.longest_context, median(one.median for one in contexts.values())
    weakest = sorted((name for name, one in contexts.items() if one.median < most), key=lambda n: contexts[n].median)
    named = ", ".join(f"{name}: {with_spread(contexts[name], ',')}" for name in weakest[:_NAMED])
    return (
        f"With queries like their own, {short} of {len(contexts)} heads cannot put {MASS:.0%} of the softmax "
        f"on a single token among {found.length:,} keys{_some(contexts.values(), found.length)}. The median head can "
        f"among up to {middle:,}{' or more' if middle >= most else ''}{', the weakest: ' if named else ''}{named}"
    )


def _some(figures: Iterable[Spread], limit: float) -> str:
    """How many heads are on either side of a limit, according to the text."""
    count = sum(one.differs(limit) for one in figures)
    return f" ({count} on some texts only)" if count else ""


def _answered(found: Findings) -> Sequence[HeadRow]:
    return [row for row in found.heads if row.context is not None]


def _room(found: Findings) -> int:
    """The size asked about up to which most random sets exist on the median head's keys; 0 if there is none."""
    points = found.curve.measured["random"] if found.curve else ()
    return max((point.q for point in takewhile(lambda point: point.median >= MOST, points)), default=0)
