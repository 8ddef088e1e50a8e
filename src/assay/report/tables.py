"""Tables of a sweep of the findings."""

from __future__ import annotations

from statistics import median

from assay.report.sweeps import Certified, Sweep, with_laws
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
    """A row for each trivial baseline: what it reaches along the sweep; then the tolerances, and the draws of each."""
    reached = [{one.name: _reached(one, at.tolerance) for one in at.found} for at in sweep.baselines]
    names = dict.fromkeys(name for found in reached for name in found)
    rows = [
        *([name, *(found.get(name, "") for found in reached)] for name in names),
        ["tolerance", *(f"{at.tolerance:.3g}" for at in sweep.baselines)],
        ["draws", *(f"{at.draws:,}" for at in sweep.baselines)],
    ]
    columns = ["baseline", *(f"{sweep.symbol} = {at.x}" for at in sweep.baselines)]
    return TextTable(f"Trivial baselines: {sweep.mean_error_name}", columns, rows)


def _reached(one: Baseline, tolerance: float) -> str:
    """Its error, and whether it is within the tolerance, which is harmless where it does a part of the task."""
    within = " (part of the task)" if one.partial else " (within the tolerance)"
    return f"{one.error:.3f}{within if one.error <= tolerance else ''}"


def certified_at(sweep: Sweep) -> tuple[list[tuple[Certified, str]], str]:
    """The certificates, each with those parameters of its task that differ among them; and those that all share."""
    parameters = [one.parameters.split(", ") for one in sweep.certificates]
    shared = [part for part in parameters[0] if all(part in own for own in parameters)] if len(parameters) > 1 else []
    own = [", ".join(part for part in parts if part not in shared) for parts in parameters]
    return list(zip(sweep.certificates, own, strict=True)), ", ".join(shared)


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
