"""Networks compared on tasks: what is decided, what training came to at longer lengths, and where the two disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean, median

from rich.table import Table

from assay.evidence import Evidence
from assay.report.text_table import TextTable
from assay.results.predictions import Prediction, decided, predicted
from assay.studies.replay import replay
from assay.studies.study import Comparison, steps_of
from assay.training.search import Search, best_by_seed


@dataclass(frozen=True)
class Trained:
    """What the runs of a cell came to; of each seed, its run with the least error at the length of training.

    Attributes:
        learned: seeds within the tolerance at the length of training.
        seeds: all of them.
        error: there, the median; judged as the task judges.
        sequence: share of the sequences with a wrong answer there, the median.
        lengths: medians on positions beyond the length of training, by the length.
        sequences: share of the sequences with a wrong answer there, likewise.
        reach: the largest length at which most seeds are within the tolerance, there and at all shorter ones; 0 where
            they are not at the length of training.
    """

    learned: int
    seeds: int
    error: float
    sequence: float | None
    lengths: dict[int, float]
    sequences: dict[int, float]
    reach: int


@dataclass(frozen=True)
class ComparedCell:
    """What theorems and training say of one network on one task.

    Attributes:
        predicted: what theorems say; None where none is about such networks.
        trained: what training came to; None where runs are missing.
        agrees: whether they agree; None where one of the two says nothing.
        unanswered: runs that are missing.
    """

    predicted: Prediction | None
    trained: Trained | None
    agrees: bool | None
    unanswered: int

    def right_at(self, length: int) -> float | None:
        """The share of right answers at this length, or at that of training where it was not tested at others."""
        return None if self.trained is None else 1 - self.trained.lengths.get(length, self.trained.error)


@dataclass(frozen=True)
class ComparedRow:
    """One task of a comparison.

    Attributes:
        task: its language or group, or its parameters.
        decided: what is decided of it, in a few words.
        cells: an outcome for each network.
    """

    task: str
    decided: str
    cells: tuple[ComparedCell, ...]


@dataclass(frozen=True)
class ComparedKind:
    """Tasks of which the same is decided.

    Attributes:
        decided: what, in a few words.
        tasks: how many there are.
        right: for each network the mean of their shares of right answers at the longest length; None where runs are
            missing.
    """

    decided: str
    tasks: int
    right: tuple[float | None, ...]


@dataclass(frozen=True)
class Compared:
    """What was found in a comparison.

    Attributes:
        title: one line for people.
        distribution: of the inputs.
        distribution_text: that distribution in words.
        length: of training.
        longest: length of the tests.
        tolerance: of the mean error.
        steps: of training at most, of the network with the fewest and of that with the most.
        networks: their names.
        rows: one for each task.
        kinds: of tasks, by what is decided.
        agree: of the cells that are decided and finished, how many agree with it.
        decided: how many of these there are.
        disagreements: a sentence for each network and reason, with the tasks that it is about.
        unanswered: runs that are missing.
    """

    title: str
    distribution: str
    distribution_text: str
    length: int
    longest: int
    tolerance: float
    steps: tuple[int, int]
    networks: tuple[str, ...]
    rows: tuple[ComparedRow, ...]
    kinds: tuple[ComparedKind, ...]
    agree: int
    decided: int
    disagreements: tuple[str, ...]
    unanswered: int


def gather_comparison(comparison: Comparison, answers: Mapping[str, Evidence]) -> Compared:
    """The findings of a comparison."""
    networks = list(dict.fromkeys(_name(cell) for cell in comparison.cells))
    cells = [_cell(cell, comparison.distribution, answers) for cell in comparison.cells]
    rows = [
        ComparedRow(
            task_name(first.candidates[0].about),
            decided(first.candidates[0].about),
            tuple(cells[start : start + len(networks)]),
        )
        for start, first in list(enumerate(comparison.cells))[:: len(networks)]
    ]
    judged = [cell.agrees for cell in cells if cell.agrees is not None]
    first, longest = comparison.cells[0].candidates[0].task, _longest(comparison.cells[0])
    return Compared(
        title=comparison.title,
        distribution=comparison.distribution,
        distribution_text=first.distributions[comparison.distribution],
        length=first.length,
        longest=longest,
        tolerance=first.mean_tolerance,
        steps=steps_of(comparison.cells),
        networks=tuple(networks),
        rows=tuple(rows),
        kinds=tuple(_by_kind(rows, longest)),
        agree=sum(judged),
        decided=len(judged),
        disagreements=tuple(_disagreements(comparison.cells, cells, networks, longest)),
        unanswered=sum(cell.unanswered for cell in cells),
    )


def _name(cell: Search) -> str:
    """Of a network; that positions are not told is usual here, and not said."""
    asked = cell.candidates[0]
    return f"{asked.networks.name.replace(', positions none', '')}, width {asked.width}"


def _longest(cell: Search) -> int:
    """The longest that it is tested at."""
    return max(cell.candidates[0].recipe.longest, cell.candidates[0].task.length)


def _by_kind(rows: list[ComparedRow], longest: int) -> list[ComparedKind]:
    found = []
    for kind in dict.fromkeys(row.decided for row in rows if row.decided):
        cells = [row.cells for row in rows if row.decided == kind]
        shares = [[cell.right_at(longest) for cell in column] for column in zip(*cells, strict=True)]
        known = [[share for share in column if share is not None] for column in shares]
        right = tuple(mean(column) if len(column) == len(cells) else None for column in known)
        found.append(ComparedKind(kind, len(cells), right))
    return found


def _disagreements(
    cells: tuple[Search, ...], found: list[ComparedCell], networks: list[str], longest: int
) -> list[str]:
    grouped: dict[tuple[int, str, str], list[str]] = {}
    for place, (cell, one) in enumerate(zip(cells, found, strict=True)):
        if one.agrees is False and one.predicted is not None and one.trained is not None:
            reason = _reason(cell, one.predicted, one.trained, longest)
            wrong = one.trained.lengths.get(longest, one.trained.error)
            key = place % len(networks), reason, one.predicted.why
            grouped.setdefault(key, []).append(f"{task_name(cell.candidates[0].about)} ({wrong:.2g} wrong)")
    return [
        f"{networks[place]}: {reason}: {', '.join(said)}. {why[0].upper()}{why[1:]}."
        for (place, reason, why), said in sorted(grouped.items())
    ]


def _reason(cell: Search, theory: Prediction, trained: Trained, longest: int) -> str:
    """How the decision and the training differ, as far as it is known."""
    asked = cell.candidates[0]
    if theory.verdict == "cannot":
        return f"cannot do all words at all lengths, but has nearly all answers right at length {longest}, as drawn"
    if trained.reach:
        return (
            f"can, and learned length {asked.task.length}, but training found weights that do not hold up to {longest}"
        )
    if theory.depth is not None and asked.networks.depth < theory.depth:
        return f"can at a depth that is known, but did not learn it at depth {asked.networks.depth} within this budget"
    return "can, but did not learn it within this budget; whether budget, size or training is at fault is left open"


def task_name(task: Mapping[str, object]) -> str:
    """The language or group; of other tasks their parameters."""
    name = task.get("expression" if task["name"] == "language" else "group")
    return str(name or ", ".join(f"{key} {value}" for key, value in task.items() if key != "name"))


def _cell(cell: Search, distribution: str, answers: Mapping[str, Evidence]) -> ComparedCell:
    found, asked = replay(cell, answers), cell.candidates[0]
    network = asked.networks
    theory = predicted(
        asked.about,
        network.architecture,
        dict(network.options),
        network.positions or "none",
        network.depth,
        distribution,
    )
    trained = _trained(cell, found.runs) if found.finished else None
    longest = _longest(cell)
    agrees = None
    if theory is not None and trained is not None and theory.verdict != "open":
        agrees = (theory.verdict == "can") == (trained.reach >= longest)
    runs = len(cell.seeds) * len(cell.rates)
    return ComparedCell(theory, trained, agrees, 0 if found.finished else runs - len(found.runs))


def _trained(cell: Search, runs: tuple[Evidence, ...]) -> Trained:
    chosen, task = list(best_by_seed(runs).values()), cell.candidates[0].task
    lengths = _medians(chosen, "lengths")
    learned = sum(run.verdict == "learned" for run in chosen)
    reach = task.length if 2 * learned > len(chosen) else 0
    for length in lengths:
        held = sum(run.detail["lengths"][str(length)] <= task.mean_tolerance for run in chosen)
        if reach == 0 or 2 * held <= len(chosen):
            break
        reach = length
    sequence = [run.detail["sequence_error"] for run in chosen if run.detail["sequence_error"] is not None]
    return Trained(
        learned,
        len(chosen),
        median(run.error for run in chosen),
        median(sequence) if sequence else None,
        lengths,
        _medians(chosen, "sequence_lengths"),
        reach,
    )


def _medians(runs: list[Evidence], key: str) -> dict[int, float]:
    found: dict[int, list[float]] = {}
    for run in runs:
        for length, error in run.detail.get(key, {}).items():
            found.setdefault(int(length), []).append(error)
    return {length: median(errors) for length, errors in sorted(found.items())}


def cell_text(cell: ComparedCell, found: Compared) -> str:
    """What training came to: how far most seeds reach, and the share of right answers at the longest length."""
    if cell.trained is None:
        return f"{_runs(cell.unanswered)} left"
    reach = f"to {cell.trained.reach}" if cell.trained.reach else "not learned"
    return f"{reach}, {cell.right_at(found.longest):.3f}"


def _runs(count: int) -> str:
    return f"{count} run{'s' * (count != 1)}"


def verdict_text(cell: ComparedCell) -> str:
    """What is decided: can, cannot or open, and of which kind; `no theorem` where nothing is."""
    theory = cell.predicted
    if theory is None:
        return "no theorem"
    return f"{theory.verdict} ({theory.kind})" if theory.kind else theory.verdict


def summary_text(found: Compared) -> str:
    """The answer of a comparison in one or two sentences."""
    if found.unanswered:
        return f"{_runs(found.unanswered)} not finished."
    if not found.decided:
        return f"Networks learned length {found.length}, and are tested up to {found.longest}."
    return (
        f"Training agrees with {found.agree} of {found.decided} decisions, taking as learned what most seeds "
        f"have right on all but {found.tolerance:g} of the positions beyond {found.length}, at all lengths up to "
        f"{found.longest}."
    )


def kinds_table(found: Compared) -> TextTable:
    """Mean shares of right answers at the longest length, by what is decided."""
    return TextTable(
        f"Mean share of right answers at length {found.longest}, beyond {found.length}",
        ["decided (tasks)", *found.networks],
        [
            [f"{kind.decided} ({kind.tasks})", *("" if one is None else f"{one:.3f}" for one in kind.right)]
            for kind in found.kinds
        ],
    )


def comparison_table(found: Compared) -> Table:
    """For the terminal: what is decided, and what training came to."""
    table = Table(title=found.title, title_justify="left", show_lines=True)
    table.add_column("task", no_wrap=True)
    table.add_column("decided")
    for name in found.networks:
        table.add_column(name)
    for row in found.rows:
        cells = [f"{cell_text(cell, found)}\n{verdict_text(cell)}" for cell in row.cells]
        table.add_row(row.task, row.decided, *cells)
    return table
