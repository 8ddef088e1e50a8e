"""How the report and the terminal say widths, laws and findings."""

from __future__ import annotations

from collections.abc import Sequence

from assay.report.findings import AttentionMap
from assay.report.sweeps import Architecture, FewestBits, Sweep, Unfinished, boundaries_of, references
from assay.report.task_matrix import Entry
from assay.results.frontier import Point, Series
from assay.results.grids import Grid
from assay.results.growth import Growth

ERRORS = {"worst": "worst case", "mean": "mean"}
_ADJECTIVES = {"worst": "worst-case", "mean": "mean"}

BITS_CAPTION = [
    "Width times bits per number, which is what these bounds limit: they exclude an embedding of fewer bits even where "
    "a single number of full precision holds enough.",
    "Grey and hatched: proved, for the mean and the worst-case error. Lines: explicit weights with certificates.",
]


PRECISION_CAPTION = [
    "Fewest bits per number, sign included, of fixed-point formats: activations are rounded to nearest and saturate.",
    "Each point is the smallest p at which some place of the point meets the tolerance on the inputs that were tried.",
]


def bits_text(point: FewestBits) -> str:
    """Bits per number, and how many of them lie behind the point: `12 (9)`."""
    return f"{point.bits} ({point.fraction})"


def boundary_label(series: Series) -> str:
    """`learned`, `constructed (sign)`, `impossible (recurrent-state)`."""
    return "learned" if series.verdict == "learned" else f"{series.verdict} ({series.source})"


def width_text(point: Point, series: Series) -> str:
    """A width as it is said: `< 8` impossible, `> 80` not learned, with the spread over seeds where there is one.

    Of a largest value that is learned `< 2` is none that was tried, and `>= 64` the largest that was.
    """
    if series.verdict == "impossible":
        return f"< {point.width + 1}" if point.width else ""
    if point.censored:
        return f"{'<' if series.largest else '>'} {point.width}"
    seeds = [width for width in point.seeds if width is not None]
    spread = f" ({min(seeds)}-{max(seeds)})" if seeds and min(seeds) != max(seeds) else ""
    return f"{'>= ' if series.largest and point.first else ''}{point.width}{spread}"


def places(sweep: Sweep) -> list[int]:
    """Every x of a sweep at which something stands, ascending."""
    return sorted({point.x for series in sweep.series for point in series.points})


def width_texts(series: Series, places: Sequence[int]) -> list[str]:
    """Widths at these places; empty where the series has none."""
    widths = {point.x: width_text(point, series) for point in series.points}
    return [widths.get(place, "") for place in places]


def precisions_text(sweep: Sweep) -> str:
    """Bits per number at which bounds in bits were turned into widths; empty where there are none."""
    found = {point.precision for series in sweep.series if "bits" in series.resource for point in series.points}
    return " or ".join(map(str, sorted(found)))


def sought_text(series: Series) -> str:
    """What was looked for: `width`, `depth`, `largest K`."""
    return f"{'largest ' if series.largest else ''}{series.field}"


def power_text(growth: Growth, symbol: str) -> str:
    """The fitted power law with the interval of its exponent; empty where none was fitted."""
    if growth.power is None or growth.exponent_interval is None:
        return ""
    (scale, exponent), (low, high) = growth.power, growth.exponent_interval
    interval = "" if f"{low:.2f}" == f"{high:.2f}" else f" [{low:.2f}, {high:.2f}]"
    return f"{scale:.3g} {symbol}^{exponent:.2f}{interval}"


def law_text(growth: Growth, symbol: str) -> str:
    """The power law with its interval, and which law the widths prefer."""
    if growth.power is None:
        return growth.note
    note = f"; {growth.note}" if growth.note else ""
    if growth.preferred == "constant":
        return f"constant, {growth.power[0]:.3g}{note}"
    preferred = {"undecided": "either law fits"}.get(growth.preferred, f"{growth.preferred} fits better")
    return f"{power_text(growth, symbol)}; {preferred}{note}"


def task_text(sweep: Sweep) -> str:
    """The task of a sweep, its fixed parameters, and those that follow the one that varies.

    >>> from types import SimpleNamespace
    >>> task = {"name": "match2", "window": 2}
    >>> task_text(SimpleNamespace(task=task, symbol="N", follows={"modulus": (7, 91)}))
    'match2, window 2, modulus 7 to 91 with N'
    """
    fixed = [f"{name} {value}" for name, value in sweep.task.items() if name != "name"]
    follows = [f"{name} {first} to {last} with {sweep.symbol}" for name, (first, last) in sweep.follows.items()]
    return ", ".join([str(sweep.task["name"]), *fixed, *follows])


def with_article(name: str) -> str:
    """The name of a measure with its article.

    >>> with_article("error rate"), with_article("balanced error rate")
    ('an error rate', 'a balanced error rate')
    """
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def tolerance_text(tolerance: tuple[float, float]) -> str:
    """A tolerance, or the range of one that varies along a sweep."""
    low, high = tolerance
    return f"{low:g}" if low == high else f"{low:.3g} to {high:.3g}"


def entry_text(entry: Entry) -> str:
    """An entry of the matrix: `learned m = 14`, `not learned up to 80`, `impossible up to 27`."""
    if entry.verdict in ("learned", "constructed"):
        symbol = "m" if entry.field == "width" else entry.field
        return f"{entry.verdict} {symbol}\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{entry.width}"
    if not entry.width:
        return "bound excludes no width"
    if entry.field != "width":
        return f"not learned {entry.field} {'>=' if entry.largest else '<='} {entry.width}"
    return f"{entry.verdict} up\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{entry.width}"


def entry_note(entry: Entry) -> str:
    """What an entry of the matrix rests on: the parameters of what was trained, the construction, or the bound."""
    if entry.verdict == "impossible":
        return f"{entry.source}, {ERRORS[entry.error_kind]}"
    if entry.verdict == "constructed":
        return entry.source + (f", depth {entry.depth}" if entry.depth > 1 else "")
    return f"{entry.parameters:,} parameters"


def consistency_text(contradictions: Sequence[str]) -> str:
    """Whether what was constructed and learned respects the bounds."""
    if contradictions:
        return "\n".join(["REFUTED:", *contradictions])
    return (
        "no construction is narrower than a worst-case bound allows, and nothing learned than a mean-error bound allows"
    )


def unfinished_text(sweep: Sweep) -> str:
    """Which searches of a sweep have not ended; empty where all have."""
    places = [_search_text(sweep, search) for search in sweep.unfinished if not search.failed]
    return f"search not finished: {', '.join(places)}" if places else ""


def failed_texts(sweep: Sweep) -> list[str]:
    """Which searches of a sweep failed, and why: one line each."""
    return [f"{_search_text(sweep, search)} failed {search.failed}" for search in sweep.unfinished if search.failed]


def _search_text(sweep: Sweep, search: Unfinished) -> str:
    return f"{search.architecture} at {sweep.symbol} = {search.x}"


def inside_text(sweep: Sweep) -> str:
    """What the part of a sweep on the page holds, for its closed line.

    >>> from types import SimpleNamespace
    >>> inside_text(SimpleNamespace(series=(), symbol="N", along="length"))
    'along N (length)'
    """
    names = len(dict.fromkeys(series.architecture for series in sweep.series if not silent(series)))
    sizes = f"sizes of {names} architecture{'s' * (names != 1)} " if names else ""
    return f"{sizes}along {sweep.symbol}{'' if sweep.symbol == sweep.along else f' ({sweep.along})'}"


def silent(series: Series) -> bool:
    """Whether it is a bound that excludes no width anywhere."""
    return series.verdict == "impossible" and not any(point.width for point in series.points)


def silent_text(sweep: Sweep) -> str:
    """Which bounds exclude no width on a sweep; empty where all do."""
    names = [f"{series.source} ({series.architecture})" for series in sweep.series if silent(series)]
    return f"These bounds exclude no width here: {', '.join(names)}." if names else ""


def seeds_text(seeds: int) -> str:
    """How many seeds must learn a width that counts as learned.

    >>> seeds_text(3), seeds_text(1)
    ('2 of 3 seeds', '1 of 1 seed')
    """
    return f"{seeds // 2 + 1} of {seeds} seed{'s' * (seeds != 1)}"


def few_seeds_text(seeds: int) -> str:
    """What to think of fewer than three seeds; empty where there are more."""
    return (
        ""
        if seeds > 2
        else f"A learned width needs {seeds_text(seeds)} only: a run that learned by chance is not outvoted."
    )


def summary_caption(seeds: int, sought: str) -> list[str]:
    """Of the summary chart of what was looked for."""
    which = sought if sought.startswith("largest ") else f"smallest {sought}"
    points = f"Points: {which} that at least {seeds_text(seeds)} learned within the budget, by mean error."
    laws = (
        "Dashed: power laws fitted to them, with the interval of the exponent over resampled seeds and places between "
        "the values that were tried."
    )
    if sought != "width":
        return [points, laws]
    return [
        points,
        laws,
        "Broad lines: the narrowest network of a bare model that was constructed, certified for the worst-case "
        "error. No layer that is trained is one of these models, and the two errors differ: a learned width below a "
        "constructed one is no contradiction.",
    ]


def band_caption(sweep: Sweep, architecture: Architecture, seeds: int, *, linear: bool) -> list[str]:
    """Of the chart of one architecture on one sweep."""
    boundaries, symbol = boundaries_of(sweep, architecture), sweep.symbol
    caption = [_bound_sentence(series, symbol) for series in boundaries if series.verdict == "impossible"]
    constructed = [s for s in (*boundaries, *references(sweep, architecture)) if s.verdict == "constructed"]
    if constructed:
        methods = ", ".join(sorted({s.source for s in constructed}))
        models = " and ".join(sorted({s.architecture for s in constructed}))
        beside = "" if architecture.bare else f", which is not {architecture.name}: the line is there to compare with"
        caption.append(f"Constructed by {methods}: explicit weights of {models}{beside}; certified {sweep.all_inputs}.")
    learned = [point for s in boundaries if s.verdict == "learned" for point in s.points]
    if learned:
        caption.append(f"Learned: by at least {seeds_text(seeds)}, each within a budget of steps.")
    censored = [
        f"{'down' if s.largest else 'up'} to {s.field} {p.width} at {symbol} = {p.x}"
        for s in boundaries
        if s.verdict == "learned"
        for p in s.points
        if p.censored
    ]
    if censored:
        caption.append(f"Not learned within this budget {', '.join(censored)}: that is no proof that it cannot be.")
    if linear:
        caption.append(f"Both axes are linear, so that what is proportional to {symbol} is a straight line.")
    return caption


def _bound_sentence(series: Series, symbol: str) -> str:
    name = f"{series.source} (proved, {_ADJECTIVES[series.error_kind]} error)"
    binding = [point for point in series.points if point.width]
    if not binding:
        return f"{name} excludes no width here."
    first, last = binding[0], binding[-1]
    if first is last:
        return f"{name} excludes widths up to {last.width} at {symbol} = {last.x}, and none elsewhere."
    start = f"{first.width} at {symbol} = {first.x}"
    return f"{name} excludes widths up to {start} and {last.width} at {symbol} = {last.x}."


STATE_CAPTION = [
    "Bits that a network carries on behind the last token: numbers of its declared state times bits per number.",
    "\u2191: not learned with so many, within this budget. \u2265: the largest value that was tried was learned.",
    "Grey: with fewer, no causal network has a mean error within the tolerance, by a proved bound.",
]


def grid_caption(grid: Grid) -> list[str]:
    """Of the chart of a grid."""
    below = "Grey: a smaller mean error is impossible with what such a network declares it has, by a proved bound."
    return [
        "Every value was trained by every seed; of several rates the one with the least test error counts. The line is "
        "the median over the seeds; seeds far above all medians are cut off.",
        below if floor_text(grid) else "No bound on the mean error excludes anything at these sizes.",
    ]


def floor_text(grid: Grid) -> str:
    """By which bounds the errors of a grid are at least so large; empty where no bound says so."""
    names = sorted({point.bound for curve in grid.curves for point in curve.points if point.floor})
    return f"error at least: by {', '.join(names)}, for any weights" if names else ""


def attention_caption(maps: Sequence[AttentionMap]) -> list[str]:
    """Of attention maps on the same task."""
    caption = [
        f"One example; {maps[0].parameters}. Each row is a query position; the positions it points to "
        "are outlined, and an exact unit would put equal weight on them and none elsewhere."
    ]
    for one in maps:
        source = "trained" if one.source == "training" else f"constructed by {one.source}"
        kind = "certified worst-case error" if one.error_kind == "worst" else "mean error"
        mass = f"{100 * one.mass_on_pointers:.1f} % of the attention on the pointers"
        verdict = ", not learned within this budget" if one.verdict == "not learned" else ""
        caption.append(f"Width {one.width}, {source}{verdict}: {mass}, {kind} {one.error:.3g}.")
    return caption
