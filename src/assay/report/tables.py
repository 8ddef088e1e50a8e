"""Tables of a sweep of the findings."""

from __future__ import annotations

from statistics import median

from assay.report.sweeps import Sweep, with_laws
from assay.report.text_table import TextTable
from assay.report.words import ERRORS, bits_text, boundary_label, floor_text, law_text, places, silent, width_texts
from assay.results.grids import Grid
from assay.trivial.fit import Baseline


def size_table(sweep: Sweep) -> TextTable:
    """A row for each boundary that says something of a size: its values along the sweep."""
    at = places(sweep)
    rows = [
        [one.architecture, boundary_label(one), ERRORS[one.error_kind], *width_texts(one, at)]
        for one in sweep.series
        if not silent(one)
    ]
    columns = ["architecture", "boundary", "error", *(f"{sweep.symbol} = {place}" for place in at)]
    return TextTable("smallest sizes", columns, rows, left=(0, 1, 2))


def baselines_table(sweep: Sweep) -> TextTable:
    """A row for each trivial baseline at each x: what it reaches."""
    rows = [
        [str(at.x), one.name, f"{one.error:.3f}", f"{at.tolerance:g}", str(at.draws), _outcome(one, at.tolerance)]
        for at in sweep.baselines
        for one in at.found
    ]
    columns = [sweep.symbol, "baseline", sweep.mean_error_name, "tolerance", "draws", "outcome"]
    return TextTable("Trivial baselines", columns, rows, left=(1, 5))


def _outcome(one: Baseline, tolerance: float) -> str:
    if one.error > tolerance:
        return "does not reach the tolerance"
    return "reaches the tolerance" + (" by a part of the task" if one.partial else "")


def growth_table(sweep: Sweep) -> TextTable:
    """The growth laws of a sweep."""
    rows = [[one.architecture, boundary_label(one), law_text(one.growth, sweep.symbol)] for one in with_laws(sweep)]
    return TextTable(f"Growth with {sweep.symbol}", ["architecture", "boundary", "law"], rows, left=(0, 1, 2))


def grid_table(sweep: Sweep, grid: Grid) -> TextTable:
    """A row for each architecture and size: what its runs reached."""
    rows = []
    for curve in grid.curves:
        for point in curve.points:
            rows.append(
                [
                    curve.architecture,
                    f"{curve.field} {point.value}",
                    f"{point.parameters:,}",
                    "" if point.state_bits is None else f"{point.state_bits:,}",
                    f"{point.learned} of {len(point.errors)}",
                    errors_text(point.errors),
                    f"{point.floor:.3g}" if point.floor else "",
                ]
            )
    columns = ["architecture", "size", "parameters", "state bits", "learned", "error (range)", "error at least"]
    title = f"Every value, {sweep.symbol} = {grid.x}: {sweep.mean_error_name}"
    return TextTable(title, columns, rows, whole=True, note=floor_text(grid))


def lengths_table(sweep: Sweep) -> TextTable:
    """A row for each network that was tested at other lengths than it was trained at."""
    lengths = sorted({length for row in sweep.lengths for length in row.errors})
    rows = [
        [
            row.architecture,
            str(row.x),
            f"{row.field} {row.width}{'' if row.learned else ' (not learned)'}",
            *(errors_text(row.errors.get(length, ())) for length in lengths),
        ]
        for row in sweep.lengths
    ]
    title = f"Other lengths: {sweep.mean_error_name} beyond the length of training"
    return TextTable(title, ["architecture", sweep.symbol, "size", *(f"at {length}" for length in lengths)], rows)


def precision_table(sweep: Sweep) -> TextTable:
    """A row for each construction: the fewest bits at every x, and how they grow."""
    places = sorted({point.x for found in sweep.precisions for point in found.points})
    rows = []
    for found in sweep.precisions:
        bits = {point.x: bits_text(point) for point in found.points}
        slope = "" if found.per_doubling is None else f"{found.per_doubling:+.2f}"
        rows.append([found.method, *(bits.get(place, "") for place in places), slope])
    columns = ["construction", *(f"{sweep.symbol} = {place}" for place in places), "bits per doubling"]
    return TextTable("Bits per number", columns, rows)


def errors_text(errors: tuple[float, ...]) -> str:
    """The median of the seeds' errors, and the range where they differ; empty without any.

    >>> errors_text((0.0, 0.25, 0.5)), errors_text((0.5,)), errors_text(())
    ('0.25 (0 to 0.5)', '0.5', '')
    """
    if not errors:
        return ""
    low, high = min(errors), max(errors)
    return f"{median(errors):.3g}{f' ({low:.3g} to {high:.3g})' if low != high else ''}"
