"""What a study found, in sentences, the answer first: the end of `assay run`, and the head of the page.

Every sentence compares architectures at one value of the parameter that a sweep goes along, the largest that most of
them were trained at. It says what the findings hold and nothing more: a size that was not learned was not learned
within this budget.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from assay.report.comparisons import Compared, summary_text
from assay.report.findings import Findings
from assay.report.messages import listed, named
from assay.report.sweeps import Sweep
from assay.report.words import seeds_text, tolerance_text, with_article
from assay.results.frontier import Point, Series
from assay.results.growth import Growth

_SENTENCES = 2  # of a headline on sweeps, beside the one that says what learned means
_NOT_LEARNED = 2.0  # what the last value that was tried counts for, when differences are ranked
_FLOAT32 = 32  # bits of a number: explicit weights that need more say so
_MEASURES = 2  # of errors that are named; more are called the tasks' own


@dataclass(frozen=True)
class Said:
    """A sentence on a sweep: of `sweep`, its title, at `place`, such as `N = 64` or nothing, `text` holds."""

    sweep: str
    place: str
    text: str


@dataclass(frozen=True)
class Standing:
    """What was learned on a sweep at one x.

    Attributes:
        sweep: of the findings.
        x: the value of the parameter that the sweep goes along.
        field: of which the smallest, or largest, value was sought.
        largest: whether the largest was sought.
        found: the architectures, by their names, and what each came to: those that learned first, the best first.
    """

    sweep: Sweep
    x: int
    field: str
    largest: bool
    found: tuple[tuple[Series, Point], ...]

    @property
    def contrast(self) -> float:
        """How many times as large as the smallest size the largest is; 1 for a single architecture."""
        sizes = [max(point.width, 1) * (_NOT_LEARNED if point.censored else 1.0) for _, point in self.found]
        return max(sizes) / min(sizes)


def headline(findings: Findings) -> list[str]:
    """What was found, in two or three sentences, before which stands what refutes a claim.

    Of a study with several sweeps these speak of those on which the architectures differ most. Empty where nothing is
    answered that a sentence could say.
    """
    return _told(_headline(findings, define=True))


def results(findings: Findings) -> list[str]:
    """The headline where other words say what learned means; of one sweep with what is proved, or how sizes grow."""
    said: list[Said | str] = _headline(findings, define=False)
    if len(findings.sweeps) == 1 or len(said) < _SENTENCES:
        more = [one for sweep in findings.sweeps[:1] for one in _all_of(sweep)]
        said += [one for one in more if one not in said]
    return _told(said[: _SENTENCES + 1])


def _headline(findings: Findings, *, define: bool) -> list[Said | str]:
    refuted = [f"REFUTED: {findings.contradictions[0]}."] if findings.contradictions else []
    return [*refuted, *_answers(findings, most=_SENTENCES, define=define)]


def sweep_sentences(sweep: Sweep) -> list[str]:
    """All that is worth a sentence of one sweep, below its title: sizes, what is proved, laws, lengths, grids."""
    return _told(_all_of(sweep), below=sweep.title)


def _all_of(sweep: Sweep) -> list[Said]:
    return [
        *map(_standing_said, standings_of(sweep)),
        *_laws(sweep),
        *_stated(sweep),
        *_other_lengths(sweep),
        *_grids(sweep),
    ]


def _told(said: Iterable[Said | str], below: str = "") -> list[str]:
    """Sentences as they are read one after the other: what they are about is said where it changes.

    >>> _told([Said("Copies", "N = 8", "a."), Said("Copies", "N = 8", "b."), Said("Copies", "", "c."), "D."])
    ['Copies, N = 8: a.', 'B.', 'Copies: c.', 'D.']
    >>> _told([Said("Copies", "N = 8", "a."), Said("Copies", "", "c.")], below="Copies")
    ['N = 8: a.', 'C.']
    """
    told, about = [], ""
    for one in said:
        if isinstance(one, str):
            told, about = [*told, one], ""
            continue
        now = ", ".join(filter(None, ["" if one.sweep == below else one.sweep, one.place]))
        told.append(f"{now}: {one.text}" if now and now != about else one.text[0].upper() + one.text[1:])
        about = now
    return told


def summary(findings: Findings) -> list[str]:
    """All that is worth a sentence, the answer first: `headline` for every sweep, then laws, lengths, bounds."""
    sweeps = findings.sweeps
    said = [
        *_answers(findings, most=None),
        *(one for sweep in sweeps for one in _laws(sweep)),
        *(one for sweep in sweeps for one in _other_lengths(sweep)),
        *(one for sweep in sweeps for one in _grids(sweep)),
        *(one for sweep in sweeps for one in _stated(sweep)),
        *(sentence for found in findings.comparisons for sentence in kind_sentences(found)),
        *(sentence for found in findings.comparisons for sentence in found.disagreements),
    ]
    return _told(said)


def _answers(findings: Findings, most: int | None, *, define: bool = True) -> list[Said | str]:
    standings = [standing for sweep in findings.sweeps for standing in standings_of(sweep)]
    if most is not None:
        compared = [one for one in standings if len(one.found) > 1] or standings
        ranked = sorted(compared, key=lambda one: -one.contrast)[:most]
        standings = [one for one in standings if one in ranked]
    else:
        standings.sort(key=lambda one: len(one.found) == 1)  # comparisons first
    said: list[Said | str] = [_standing_said(standing) for standing in standings]
    if standings and define:
        place = len(said) if most is not None else 1  # of many, what learned means is told early
        said.insert(place, learned_sentence([one.sweep for one in standings], len(findings.seeds)))
    said += [sentence for found in findings.comparisons for sentence in comparison_sentences(found)]
    plans = (findings.retrieval, findings.memory, findings.boolean)
    said += [sentence for plan in plans if plan is not None for sentence in sentences(plan.answer)]
    if findings.boolean and (seeds := max((one.seeds for one in findings.boolean.heads if one.tried), default=0)):
        said.append(
            f"Learned: all words are right with {f'at least one of {seeds} seeds' if seeds > 1 else 'the one seed'}."
        )
    return said


def standings_of(sweep: Sweep) -> list[Standing]:
    """What a sweep's searches came to, one for each quantity that was sought, in the order of the sweep's series."""
    kinds: dict[tuple[str, bool], list[Series]] = {}
    for series in sweep.of("learned"):
        kinds.setdefault((series.field, series.largest), []).append(series)
    return [_standing(sweep, field, largest, found) for (field, largest), found in kinds.items()]


def _standing(sweep: Sweep, field: str, largest: bool, found: Sequence[Series]) -> Standing:
    reached = [{point.x: point for point in series.points} for series in found]
    x = max(set().union(*reached), key=lambda place: (sum(place in points for points in reached), place))
    here = [(series, points[x]) for series, points in zip(found, reached, strict=True) if x in points]
    here.sort(key=lambda pair: (pair[1].censored, -pair[1].width if largest else pair[1].width))
    return Standing(sweep, x, field, largest, tuple(here))


def _standing_said(standing: Standing) -> Said:
    """What was learned at which size by whom, and what was not learned within this budget."""
    learned = [_at(standing, *pair) for pair in standing.found if not pair[1].censored]
    failed = [_at(standing, *pair) for pair in standing.found if pair[1].censored]
    field = standing.field
    said = []
    if learned:
        which = f"the largest {field} learned is" if standing.largest else f"learned at {field}"
        said.append(f"{which} {', '.join(_by_size(learned))}")
    if failed:
        towards = f"down to {field}" if standing.largest else f"up to {field}"
        sizes = listed([f"{names}, {towards} {size}" for size, names in _together(failed)], last="; ")
        said.append(f"not learned within this budget by {sizes}")
    return Said(standing.sweep.title, f"{standing.sweep.symbol} = {standing.x}", f"{'; '.join(said)}.")


def _at(standing: Standing, series: Series, point: Point) -> tuple[str, str]:
    """A size in words, and who has it."""
    least = series.head_width or 1 if series.field == "width" else 1
    size = str(point.width)
    if point.first and standing.largest:
        size = f"at least {size}"
    elif point.first and point.width > least:
        size = f"{size}, the smallest tried,"
    return size, named(series.architecture)


def _together(found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(size, listed([name for _, name in group])) for size, group in groupby(found, key=lambda pair: pair[0])]


def _by_size(found: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{size} by {names}" for size, names in _together(found)]


def learned_sentence(sweeps: Sequence[Sweep], seeds: int) -> str:
    """What counts as learned on these sweeps: which error, how many seeds, within how many steps."""
    measures: dict[tuple[str, str], list[float]] = {}
    for sweep in sweeps:
        tolerances = [one.tolerance for one in sweep.baselines] or sweep.mean_tolerance  # where it was trained
        measures.setdefault((sweep.mean_error_name, sweep.distribution), []).extend(tolerances)
    which = " or ".join(
        f"{with_article(name)} of at most {tolerance_text((min(tolerances), max(tolerances)))} on {inputs} inputs"
        for (name, inputs), tolerances in measures.items()
    )
    which = which if len(measures) <= _MEASURES else "a mean error within the task's tolerance"
    steps = [count for sweep in sweeps for count in sweep.steps if count]
    within = f", within {_steps((min(steps), max(steps)))}" if steps else ""
    return f"Learned: {which}, by {seeds_text(seeds)}{within}."


def _steps(steps: tuple[int, int]) -> str:
    low, high = steps
    return f"{low:,} steps" if low == high else f"{low:,} to {high:,} steps"


def _laws(sweep: Sweep) -> list[Said]:
    """How the sizes that were learned grow, as far as laws could be fitted; empty where none was."""
    found = [(_who(series), short_law(series.growth, sweep.symbol)) for series in sweep.of("learned")]
    laws = [f"{who} {law}" for who, law in found if law]
    return [Said(sweep.title, "", f"laws fitted to what was learned: {'; '.join(laws)}.")] if laws else []


def short_law(growth: Growth, symbol: str) -> str:
    """A law in few words, with the interval of its exponent; empty where none was fitted."""
    if growth.power is None or growth.exponent_interval is None:
        return ""
    if growth.preferred == "constant":
        return f"a constant, {growth.power[0]:.3g}"
    low, high = growth.exponent_interval
    power = f"{symbol}^{growth.power[1]:.2f}" + (f" [{low:.2f}, {high:.2f}]" if f"{low:.2f}" != f"{high:.2f}" else "")
    return {
        "logarithm": f"log {symbol}, which fits better than {power}",
        "undecided": f"{power}, log {symbol} fits as well",
    }.get(growth.preferred, power)


def _other_lengths(sweep: Sweep) -> list[Said]:
    """What networks that learned err by at the longest length that all of them were tested at; empty without any."""
    learned = [row for row in sweep.lengths if row.learned]
    x = max((row.x for row in learned), default=0)
    rows = [row for row in learned if row.x == x]
    common = set.intersection(*(set(row.errors) for row in rows)) if rows else set()
    if not common:
        return []
    longest = max(common)
    errors = [f"{median(row.errors[longest]):.2g} by {named(row.architecture)}" for row in rows]
    place = f"trained at {sweep.symbol} = {x} and tested at {longest}"
    return [Said(sweep.title, place, f"{sweep.mean_error_name} {listed(errors)}, the median over seeds.")]


def _grids(sweep: Sweep) -> list[Said]:
    """From which error to which the values of a grid go: a sentence for each chart."""
    said = []
    for grid in sweep.grids:
        ends = [(curve, curve.points[0], curve.points[-1]) for curve in grid.curves]
        spans = [
            f"{named(curve.architecture)} {median(first.errors):.2g} at {curve.field} {first.value}"
            + ("" if first is last else f" and {median(last.errors):.2g} at {last.value}")
            for curve, first, last in ends
        ]
        text = f"median {sweep.mean_error_name} of {listed(spans)}."
        said.append(Said(sweep.title, f"{sweep.symbol} = {grid.x}", text))
    return said


def _stated(sweep: Sweep) -> list[Said]:
    """What is proved at about the x at which what was learned is compared: widths impossible, and constructed."""
    standing = next((one for one in standings_of(sweep) if one.field == "width"), None)
    if standing is None:
        return []
    proved: dict[int, list[str]] = defaultdict(list)  # at each x
    x, points = _stated_at(sweep, "impossible", "mean", standing.x)
    excluded: dict[str, int] = {}
    trained = {series.architecture for series, _ in standing.found}
    for series, point in points:
        if point.width and series.architecture in trained:
            excluded[series.architecture] = max(point.width, excluded.get(series.architecture, 0))
    if excluded:
        parts = listed([f"{width + 1} for {named(name)}" for name, width in excluded.items()])
        proved[x].append(f"bounds on the mean error exclude widths below {parts}")
    x, points = _stated_at(sweep, "constructed", "worst", standing.x)
    if points:
        series, point = min(points, key=lambda pair: pair[1].width)
        bits = f", {point.precision} bits per number" if point.precision > _FLOAT32 else ""
        method = f"{series.source}, {named(series.architecture)}{bits}"
        proved[x].append(f"explicit weights of width {point.width} hold in the worst case ({method})")
    return [Said(sweep.title, f"{sweep.symbol} = {x}", f"{'; '.join(parts)}.") for x, parts in proved.items()]


def _stated_at(sweep: Sweep, verdict: str, kind: str, most: int) -> tuple[int, list[tuple[Series, Point]]]:
    """The largest x, up to `most`, at which something of this kind stands, and what does."""
    found = [(series, point) for series in sweep.of(verdict) if series.error_kind == kind for point in series.points]
    x = max((point.x for _, point in found if point.x <= most), default=0)
    return x, [pair for pair in found if pair[1].x == x]


def comparison_sentences(found: Compared) -> list[str]:
    """On how many tasks each network holds to the longest length, and how far decisions and training agree."""
    if found.unanswered:
        return [f"{found.title}: {summary_text(found)}"]
    held = [
        sum(cell.trained is not None and cell.trained.reach >= found.longest for cell in column)
        for column in zip(*(row.cells for row in found.rows), strict=True)
    ]
    counts = sorted(zip(held, found.networks, strict=True), key=lambda pair: -pair[0])
    said = ", ".join(_by_size((str(count), named(name)) for count, name in counts))
    seeds = max((cell.trained.seeds for row in found.rows for cell in row.cells if cell.trained), default=0)
    within = _steps(found.steps)
    return [
        f"{found.title}, trained at length {found.length} within {within}: of {len(found.rows)} tasks those "
        f"that {seeds_text(seeds)} learned up to length {found.longest} are {said}.",
        summary_text(found),
    ]


def kind_sentences(found: Compared) -> list[str]:
    """The mean share of right answers at the longest length, for each kind of task: one sentence each."""
    said, names = [], _short_names(found.networks)
    for kind in found.kinds:
        shares = [(share, name) for share, name in zip(kind.right, found.networks, strict=True) if share is not None]
        if shares:
            right = ", ".join(f"{names[name]} {share:.3f}" for share, name in shares)
            said.append(f"{kind.decided} ({kind.tasks}), share of right answers at length {found.longest}: {right}.")
    return said


def _short_names(names: Sequence[str]) -> dict[str, str]:
    """What stands before the first comma of each name where no other begins like that; else the plain name."""
    bases = [name.partition(", ")[0] for name in names]
    return {name: base if bases.count(base) == 1 else named(name) for name, base in zip(names, bases, strict=True)}


def _who(series: Series) -> str:
    """Whose sizes they are, and of what where that is no width."""
    name = named(series.architecture)
    return name if series.field == "width" else f"{'largest ' if series.largest else ''}{series.field} of {name}"


def sentences(text: str) -> list[str]:
    """The sentences of a text.

    >>> sentences("In 4 bits. It holds 0.5 of them.")
    ['In 4 bits.', 'It holds 0.5 of them.']
    """
    return re.split(r"(?<=[.]) (?=[A-Z])", text)
