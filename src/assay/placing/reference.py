"""Rows of known layers, and what trivial baselines reach on the battery, that come with Assay.

`python -m assay.placing.reference` makes them.

Making them is resumed by the same command, and asks only what the ledger does not answer. A row is of today's code as
long as the versions of the layer, of the task, of training and of the battery are those that it was made with.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

from assay.errors import AssayError, unknown
from assay.models import architecture_code, architectures
from assay.placing.battery import BATTERY_VERSION, BY_NAME, ROWS, BatteryLayer, battery
from assay.placing.card import Known
from assay.placing.rows import Placed, placed_rows
from assay.store.files import make_folder, write_whole
from assay.store.ledger import LEDGER, Ledger
from assay.studies.kept import keep_answers
from assay.studies.progress import progress
from assay.studies.runner import run_questions
from assay.tasks import TASKS
from assay.training.question import RECIPE_VERSION

FILE = Path(__file__).with_name("reference.jsonl")
KEPT_BASELINES = "place-baselines"
KNOWN_LAYERS = (
    BatteryLayer("attention"),
    BatteryLayer("window-attention", {"window": 8}),
    BatteryLayer("linear"),
    BatteryLayer("delta-net"),
    BatteryLayer("delta-net", {"eigenvalues": "signed"}),
    BatteryLayer("delta-product"),
    BatteryLayer("selective"),
    BatteryLayer("selective", {"eigenvalues": "signed"}),
    BatteryLayer("lstm"),
    BatteryLayer("gru"),
)


class _Line(TypedDict):
    layer: str
    architecture: str
    versions: dict[str, int]
    placed: dict[str, object]


def known_layers(against: Sequence[str] = (), *, besides: str = "", file: Path = FILE) -> list[Known]:
    """Known layers by name, with or without their options; all but `besides` unless some are named.

    Raises:
        AssayError: one that is named is not known.
    """
    lines: list[_Line] = [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    names = list(dict.fromkeys(line["layer"] for line in lines))
    for name in against:
        if not any(name in (one, one.partition(" (")[0]) for one in names):
            raise _no_reference(name, names)
    wanted = [one for one in names if {one, one.partition(" (")[0]} & set(against)] if against else names
    return [_known(name, [line for line in lines if line["layer"] == name]) for name in wanted if name != besides]


def _no_reference(name: str, names: Sequence[str]) -> AssayError:
    if name not in architectures():
        return unknown("layer of reference", name, names)
    return AssayError(
        f"{name} cannot be compared with: its rows do not come with Assay, and no other layer is trained for a card. "
        f"'assay place {name}' makes its own card on the same rows. Rows come with Assay for: {', '.join(names)}"
    )


def _known(name: str, lines: list[_Line]) -> Known:
    placed = [Placed.from_json(line["placed"]) for line in lines]
    stale = [reason for line, row in zip(lines, placed, strict=True) if (reason := _stale(line, row))]
    return Known(name, tuple(placed), stale[0] if stale else "")


def _stale(line: _Line, placed: Placed) -> str:
    """Why a row is not of today's code; empty where it is."""
    row = BY_NAME.get(placed.row)
    if row is None or line["versions"]["battery"] != BATTERY_VERSION:
        return f"made with version {line['versions']['battery']} of the battery, which is {BATTERY_VERSION} now"
    if line["versions"]["recipe"] != RECIPE_VERSION:
        return f"made with version {line['versions']['recipe']} of training, which is {RECIPE_VERSION} now"
    now = {"architecture": architecture_code(line["architecture"]), "task": TASKS.code(row.task)}
    for what, version in now.items():
        if placed.code.get(what) != version:
            return f"made with version {placed.code.get(what)} of its {what}, which is {version} now"
    return ""


def make_baselines() -> None:
    """Fit the baselines of all rows anew and keep their answers: fitting them takes half a minute."""
    answers = {}
    for battery_layer in KNOWN_LAYERS:
        for question in battery(battery_layer, ROWS, Path()).baselines():
            answers[question.key] = answers.get(question.key) or question.answer()
    keep_answers(KEPT_BASELINES, answers.values())


def make(out: Path, layers: Sequence[BatteryLayer], *, file: Path, workers: int | None) -> None:
    """Ask the battery of each, and write its rows when it is through; those of others are kept."""
    with Ledger(make_folder(out) / LEDGER) as ledger:
        for battery_layer in layers:
            study = battery(battery_layer, ROWS, Path())
            print(f"{battery_layer.name}", flush=True)
            with progress(quiet=False) as report:
                ran = run_questions(study.asked(), ledger, workers=workers, report=report)
            placed = placed_rows(study, list(ROWS), {piece.key: piece for piece in ledger}, ran.failed)
            _keep(battery_layer, placed, file)


def _keep(battery_layer: BatteryLayer, placed: list[Placed], file: Path) -> None:
    others = file.read_text("utf-8").splitlines() if file.exists() else []
    kept = [line for line in others if json.loads(line)["layer"] != battery_layer.name]
    made_with = {"recipe": RECIPE_VERSION, "battery": BATTERY_VERSION}
    rows = [
        json.dumps(
            {
                "layer": battery_layer.name,
                "architecture": battery_layer.architecture,
                "versions": made_with,
                "placed": replace(row, seconds=round(row.seconds, 5)).to_json(),
            },
            sort_keys=True,
        )
        for row in placed
        if not row.failed
    ]
    write_whole(file, lambda path: path.write_text("\n".join([*kept, *rows]) + "\n", "utf-8"))


def main(arguments: list[str] | None = None) -> None:
    """Make the rows of all known layers, or of some."""
    parser = argparse.ArgumentParser(prog="python -m assay.placing.reference", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("reference-out"), help="folder of the ledger")
    parser.add_argument("--only", default="", help="names of layers, separated by spaces; all unless given")
    parser.add_argument("--file", type=Path, default=FILE, help="where the rows are kept")
    parser.add_argument("--baselines", action="store_true", help="fit the trivial baselines anew, and nothing else")
    parser.add_argument("--workers", type=int, default=None)
    given = parser.parse_args(arguments)
    if given.baselines:
        make_baselines()
        return
    names = given.only.split()
    for name in names:
        if name not in {layer.architecture for layer in KNOWN_LAYERS}:
            raise unknown("layer of reference", name, sorted({layer.architecture for layer in KNOWN_LAYERS}))
    layers = [layer for layer in KNOWN_LAYERS if not names or layer.architecture in names]
    make(given.out, layers, file=given.file, workers=given.workers)


if __name__ == "__main__":
    main()
