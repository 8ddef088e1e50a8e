"""The battery: what every layer is asked, with the same budgets, rates, seeds and ways to tell positions apart.

A row is one entry of `ROWS`: the tables of a study's sweep and of its search, without the layer. All tasks say at every
query what is right, so that the layers of the field learn them in seconds to minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from inspect import signature
from pathlib import Path
from typing import Literal

from assay.errors import AssayError, ParameterError, unknown
from assay.evidence import Json
from assay.models import NETWORKS, Option, layer_entry, layers_of
from assay.models.candidates import Candidates
from assay.models.shape import options_text
from assay.studies.study import Study
from assay.studies.study_file import study_of
from assay.training.search import Search

SEEDS = [0, 1, 2]
RATES = (0.003, 0.01)
WIDTH = 32  # of networks whose width does not vary
POSITIONS = ("none", "rotary")  # the second for layers that take it
BATTERY_VERSION = 1  # raised when a row changes, so that rows of reference are known to be stale


@dataclass(frozen=True)
class Row:
    """One question of the battery.

    Attributes:
        name: for `--on`.
        short: title of a column.
        title: for people.
        seeks: what the row reports: the `largest` value of a task's parameter or the `smallest` of the network that is
            learned; or whether networks of WIDTH have `learned`, and at how many times the length.
        unit: what a value is called.
        sweep: the sweep's tables: its task, what it goes along, its recipe.
        search: the search's tables.
        positions: ways to tell positions apart that are tried beside POSITIONS, where rows have one length.
        theorem: what is known of it, one sentence with its source.
        quick: places of the quick battery; None where that leaves the row out.
    """

    name: str
    short: str
    title: str
    seeks: Literal["largest", "smallest", "learned"]
    unit: str
    sweep: Json
    search: Json
    theorem: str
    positions: tuple[str, ...] = ()
    quick: list[int] | None = None

    @property
    def task(self) -> str:
        """The name of its task."""
        return self.sweep["task"]["name"]


_ONE_WIDTH = {"lowest": WIDTH, "highest": WIDTH, "start": WIDTH}
_LONGER = {"batch": 32, "test_lengths": [32, 64]}

ROWS = (
    Row(
        "recall",
        "recall",
        "Recall: most pairs of key and value",
        "largest",
        "pairs",
        {"task": {"name": "recall", "vocabulary": 64}, "along": "width", "recipe": {"steps": 600, "batch": 64}},
        {"vary": "pairs", "values": [2, 4, 8, 16, 32], "at": [16, 32, 64], "start": 8},
        "K pairs of V values need K (log2 V - h(e) - e log2(V-1)) bits of state at an error rate e (bound "
        "recall-state); attention keeps them all, and a matrix memory of d x d numbers holds about d "
        "(Arora et al. 2023; Schlag, Irie, Schmidhuber 2021).",
        quick=[32],
    ),
    Row(
        "recall-flat",
        "flat recall, two layers",
        "Recall, keys and values as tokens of their own, two layers: most pairs",
        "largest",
        "pairs",
        {
            "task": {"name": "recall", "vocabulary": 32, "flat": True},
            "along": "width",
            "recipe": {"steps": 600, "batch": 32},
        },
        {"vary": "pairs", "values": [2, 4, 8, 16], "at": [WIDTH], "start": 4, "depth": 2},
        "A value must first be joined to the key before it: one layer's work, or a short convolution's "
        "(Arora et al. 2023).",
    ),
    Row(
        "induction",
        "induction, one layer",
        "Induction, one layer",
        "learned",
        "length",
        {"task": {"name": "k-hop", "alphabet": 8, "hops": 1}, "recipe": {"steps": 600, "batch": 32}},
        {"at": [32], **_ONE_WIDTH},
        "One layer of attention needs a number of heads times head dimension times bits that grows as N for it, two "
        "layers do not (Sanford, Hsu, Telgarsky 2024).",
        quick=[32],
    ),
    Row(
        "induction-conv",
        "induction behind a short convolution",
        "Induction, one layer behind a short convolution",
        "learned",
        "length",
        {"task": {"name": "k-hop", "alphabet": 8, "hops": 1}, "recipe": {"steps": 600, "batch": 32}},
        {"at": [32], **_ONE_WIDTH, "options": {"conv": 4}},
        "A short convolution does what the first of two layers does: it shows each token the one before.",
    ),
    Row(
        "induction-two",
        "induction, two layers",
        "Induction, two layers",
        "learned",
        "length",
        {"task": {"name": "k-hop", "alphabet": 8, "hops": 1}, "recipe": {"steps": 600, "batch": 32}},
        {"at": [32], **_ONE_WIDTH, "depth": 2},
        "Two layers of attention do it (Elhage et al. 2021; Olsson et al. 2022).",
    ),
    Row(
        "two-hops",
        "two hops",
        "Two hops: fewest layers",
        "smallest",
        "layers",
        {"task": {"name": "k-hop", "alphabet": 4, "hops": 2}, "recipe": {"steps": 1500, "batch": 32}},
        {"vary": "depth", "values": [1, 2, 3], "width": WIDTH, "at": [32], "start": 3},
        "k hops take about log2 k + 2 layers of attention; that fewer do not do is conditional (Sanford, Hsu, "
        "Telgarsky 2024).",
    ),
    Row(
        "parity",
        "parity",
        "Parity (products in Z2), with a curriculum of lengths",
        "learned",
        "length",
        {"task": {"name": "group-word", "group": "Z2"}, "recipe": {"steps": 1000, **_LONGER}},
        {"at": [16], **_ONE_WIDTH},
        "A linear recurrence in finite precision whose eigenvalues are all real and at least 0 cannot do it at all "
        "lengths (Grazzi et al. 2024); the sensitivity of attention's answers falls with the length (Hahn 2020).",
        quick=[16],
    ),
    Row(
        "s3",
        "S3",
        "Products of transpositions, S3, with a curriculum of lengths",
        "learned",
        "length",
        {"task": {"name": "group-word", "group": "S3"}, "recipe": {"steps": 800, **_LONGER}},
        {"at": [16], **_ONE_WIDTH},
        "One Householder reflection for each token is enough for words of transpositions (Grazzi et al. 2024; Siems et "
        "al. 2025).",
        quick=[16],
    ),
    Row(
        "s5",
        "S5",
        "Products of transpositions, S5",
        "learned",
        "length",
        {
            "task": {"name": "group-word", "group": "S5"},
            "recipe": {"steps": 800, "shortest": 0, "curriculum": False, **_LONGER},
        },
        {"at": [16], **_ONE_WIDTH},
        "Complete for NC1: layers of TC0, such as attention and diagonal recurrences, cannot do all lengths unless the "
        "two classes are equal (Merrill, Petty, Sabharwal 2024).",
    ),
    Row(
        "copy",
        "copy",
        "Copy: longest string with its copy, tokens of both",
        "largest",
        "tokens",
        {"task": {"name": "copy"}, "along": "width", "recipe": {"steps": 1000, "batch": 32}},
        {"vary": "length", "values": [8, 16, 32, 64], "at": [WIDTH], "start": 16},
        "L symbols of A need L (log2 A - h(e) - e log2(A-1)) bits of state (bound copy-state); attention looks them up "
        "(Jelassi et al. 2024).",
        positions=("table",),
        quick=[WIDTH],
    ),
    Row(
        "flip-flop",
        "flip-flop",
        "Flip-flop, one layer; at 4 times the length writes are ten times as rare",
        "learned",
        "length",
        {
            "task": {"name": "flip-flop"},
            "recipe": {"steps": 400, "batch": 32, "test_lengths": [128], "test_distribution": "rare"},
        },
        {"at": [32], **_ONE_WIDTH},
        "A few bits of state are enough; attention errs where writes are rare, on a tail of inputs (Liu et al. 2023). "
        "Bits stand behind their instructions, so one layer of attention must also join the two.",
    ),
)
BY_NAME = {row.name: row for row in ROWS}


@dataclass(frozen=True)
class BatteryLayer:
    """A layer, or hybrid, that the battery is asked about.

    Attributes:
        architecture: its name.
        options: of its layers.
        rates: learning rates that are tried.
    """

    architecture: str
    options: dict[str, Option] = field(default_factory=dict)
    rates: tuple[float, ...] = RATES

    @property
    def networks(self) -> Candidates:
        """Networks of it, of one layer."""
        return Candidates.of(self.architecture, options=self.options)

    @property
    def name(self) -> str:
        """What it is called."""
        options = options_text(self.options)
        return f"{self.architecture} ({options})" if options else self.architecture


def chosen_rows(on: Sequence[str], *, quick: bool) -> list[Row]:
    """Rows of these names, or else on tasks of these names; all unless any is given. Quick: fewer, at fewer widths.

    Raises:
        AssayError: there is none of a name, or one of them is not in the quick battery.
    """
    known = {row.name for row in ROWS} | {row.task for row in ROWS}
    for name in on:
        if name not in known:
            raise unknown("row or task of the battery", name, sorted(known))
    rows = {row.name for row in ROWS}
    named = [row for row in ROWS if not on or row.name in on or row.task in set(on) - rows]
    found = [row for row in named if row.quick is not None] if quick else named
    if on and len(found) < len(named):
        left = ", ".join(row.name for row in named if row.quick is None)
        raise ParameterError("{} is not in the quick battery; leave it or {quick} out", left)
    return [replace(row, search={**row.search, "at": row.quick}) for row in found] if quick else found


def fitting(battery_layer: BatteryLayer, rows: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """Rows that networks of the layer can be made for, and why others are left out.

    Raises:
        AssayError: it is no layer, or it fits no row.
    """
    if battery_layer.architecture in NETWORKS:
        raise AssayError(f"{battery_layer.architecture} is not made of layers, and cannot be placed")
    found, reasons = [], []
    for row in rows:
        (sweep,) = battery(battery_layer, [row], Path()).sweeps
        try:
            for search in sweep.searches:
                asked = search.candidates[search.start]
                asked.networks.resources(asked.task, asked.width)
            found.append(row)
        except AssayError as error:
            reasons.append(f"{row.name} is left out: {error}")
    if not found:
        raise AssayError(reasons[0])
    return found, reasons


def battery(battery_layer: BatteryLayer, rows: Sequence[Row], folder: Path) -> Study:
    """The study that asks a battery_layer these rows.

    Raises:
        AssayErrors: it cannot be of a row's shape; a line for each.
    """
    sweeps = {row.name: _sweep(battery_layer, row) for row in rows}
    tables = {"name": "place", "title": f"Where does {battery_layer.name} stand?", "seeds": SEEDS, "sweeps": sweeps}
    study = study_of(tables, battery_layer.name, folder)
    by_name = {row.name: row for row in rows}
    return replace(
        study,
        sweeps=tuple(
            replace(
                sweep,
                searches=tuple(
                    _with_positions(search, battery_layer, by_name[sweep.name]) for search in sweep.searches
                ),
            )
            for sweep in study.sweeps
        ),
    )


def _sweep(battery_layer: BatteryLayer, row: Row) -> Json:
    options = {**row.search.get("options", {}), **battery_layer.options}
    search = {
        **row.search,
        "architecture": battery_layer.architecture,
        "options": options,
        "rates": list(battery_layer.rates),
    }
    return {"title": row.title, **row.sweep, "search": [search]}


def _with_positions(search: Search, battery_layer: BatteryLayer, row: Row) -> Search:
    """The search with its ways to tell positions apart, and a name that says its width."""
    ways = (*POSITIONS[: 1 + _rotates(battery_layer)], *row.positions)
    width = WIDTH if search.field == "width" else search.candidates[0].width
    return replace(search, positions=ways, name=f"{row.short}: {battery_layer.name}, width {width}")


def _rotates(battery_layer: BatteryLayer) -> bool:
    """Whether a layer of it can be told to turn queries and keys by their positions."""
    return any("rotary" in signature(layer_entry(part)).parameters for part in layers_of(battery_layer.architecture))
