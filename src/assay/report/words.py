"""How the report and the terminal say widths, laws and findings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay.report.findings import AttentionMap
from assay.report.sweeps import Architecture, FewestBits, Sweep, Unfinished, boundaries_of, references
from assay.report.task_matrix import Entry
from assay.results.frontier import Point, Series
from assay.results.grids import Grid
from assay.results.growth import Growth

ERRORS = {"worst": "worst case", "mean": "mean"}

BITS_CAPTION = (
    "Width times bits per number is what these bounds limit: they exclude an embedding of fewer bits even where one "
    "number of full precision holds enough."
)
PRECISION_CAPTION = (
    "Each point is the smallest p of a fixed-point format at which the tolerance is met on the inputs that were tried."
)
STATE_CAPTION = (
    "State bits are the numbers that a network carries on behind the last token, times bits per number. Grey: with "
    "fewer no causal network has a mean error within the tolerance, by a proved bound."
)


def file_name(text: str) -> str:
    """The text with a dash for what a file's name had better not have.

    >>> file_name("length.my:Layer, depth 2")
    'length.my-Layer-depth-2'
    """
    return re.sub(r"[^\w.-]+", "-", text)


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


def summary_caption(seeds: int, sought: str, *, laws: bool, weights: bool) -> str:
    """Of the summary chart of what was looked for; whether it has laws and explicit weights."""
    which = sought if sought.startswith("largest ") else f"smallest {sought}"
    points = f"Filled: the {which} that at least {seeds_text(seeds)} learned, with the range over seeds."
    dashed = "Dashed: fitted power laws, with the interval of the exponent."
    hollow = "Hollow: the narrowest explicit weights of each bare model, certified for the worst case."
    return " ".join([points, *[dashed] * laws, *[hollow] * weights])


def band_caption(sweep: Sweep, architecture: Architecture, seeds: int) -> str:
    """Of the chart of one architecture on one sweep."""
    own = boundaries_of(sweep, architecture)
    caption = []
    if any(series.verdict == "learned" for series in own):
        caption.append(f"Filled: learned by at least {seeds_text(seeds)}.")
    models = sorted({series.architecture for series in references(sweep, architecture)})
    if models:
        caption.append(f"Hollow: explicit weights of {' and '.join(models)}, which is not {architecture.name}.")
    elif any(series.verdict == "constructed" for series in own):
        caption.append(f"Hollow: explicit weights, certified {sweep.all_inputs}.")
    nothing = [series.source for series in own if silent(series)]
    if nothing:
        caption.append(f"Nothing is excluded by {', '.join(nothing)}.")
    return " ".join(caption)


def grid_caption(grid: Grid) -> str:
    """Of the chart of a grid."""
    below = "Grey: a smaller mean error is impossible for such a network, by a proved bound."
    return (
        "Every value was trained by every seed, at the rate with the least test error. The line is the median over "
        f"seeds; seeds far above all medians are cut off.{' ' + below if floor_text(grid) else ''}"
    )


def floor_text(grid: Grid) -> str:
    """By which bounds the errors of a grid are at least so large; empty where no bound says so."""
    names = sorted({point.bound for curve in grid.curves for point in curve.points if point.floor})
    return f"error at least: by {', '.join(names)}, for any weights" if names else ""


def attention_caption(maps: Sequence[AttentionMap]) -> str:
    """Of attention maps on the same task."""
    return (
        f"One example; {maps[0].parameters}. An exact unit puts equal weight on the positions that a query points to, "
        "which are outlined, and none elsewhere."
    )
