"""What `assay place` does: check the layer, say what the battery will take, ask it, and write the card."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from assay.errors import require
from assay.evidence import Json
from assay.models import Option, check_shape, named_architecture
from assay.models.shape import options_text
from assay.placing.battery import RATES, ROWS, BatteryLayer, Row, battery, chosen_rows, fitting
from assay.placing.card import Card
from assay.placing.checks import layer_checks
from assay.placing.page import write_card
from assay.placing.proved import proved
from assay.placing.reference import KEPT_BASELINES, known_layers
from assay.placing.rows import placed_rows
from assay.sessions.study import answers_in, require_tests_of_learning
from assay.store.files import free_bytes, make_folder, require_folder, require_writable
from assay.store.ledger import LEDGER, Ledger
from assay.store.versions import machine, versions
from assay.studies.estimate import Estimate
from assay.studies.kept import kept_answers
from assay.studies.progress import duration, progress
from assay.studies.runner import run_questions


def place(
    layer: str,
    *,
    options: dict[str, Option] | None = None,
    on: Sequence[str] = (),
    against: Sequence[str] = (),
    quick: bool = False,
    rates: Sequence[float] = RATES,
    hours: float = 2.0,
    out: Path | str = "assay-out",
    report: Path | str | None = None,
    workers: int | None = None,
    quiet: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> Card:
    """Ask a layer the battery and put its rows beside those of known layers; the card, whose page is written, too.

    What was answered before is not asked again. A layer whose code was edited is asked anew.

    Args:
        layer: a name, `file.py:Class` or `package.module:Class`; or several joined by `+`.
        options: of the layer.
        on: names of rows, or of their tasks; all unless any is given.
        against: known layers; all unless any is given.
        quick: about a quarter of the battery.
        rates: learning rates that are tried for this layer.
        hours: that the battery may take at most, as it is estimated before.
        out: folder of the ledger.
        report: the page; unless given, `<out>/place-<layer>.html`, with what else was chosen in its name.
        workers: processes; as many as there are cores unless given.
        quiet: whether progress is not shown.
        tell: is told what was found before anything is trained.

    Raises:
        AssayError: a layer that is not what it declares, fails, or would take too long; or another request that cannot
            be met. One line, before anything is trained.
    """
    on, against = _listed(on), _listed(against)
    battery_layer, rows, left_out = _asked(layer, options, on, quick, rates)
    known = known_layers(against, besides=battery_layer.name)
    folder = Path(out)
    page = Path(report) if report else folder / f"place-{_file_name(battery_layer, on, against, quick)}.html"
    require_folder(folder, is_out=True)
    require_writable(page if report or folder.exists() else None)
    study, cores = battery(battery_layer, rows, Path()), workers or os.cpu_count() or 1
    lines, undeclared, left = layer_checks(battery_layer, study, answers_in(folder), cores, hours)
    checks = [*lines, *left_out]
    for line in checks:
        tell(line)
    if left.questions:
        tell(f"{left.questions} questions on {cores} workers: about {duration(left.seconds)}, if they have the cores")
    with Ledger(make_folder(folder) / LEDGER) as ledger:
        shipped = kept_answers(KEPT_BASELINES)
        for question in study.baselines():
            if (piece := shipped.get(question.key)) is not None:
                ledger.add(piece)
        require_tests_of_learning(study, ledger)
        with progress(quiet=quiet) as show:
            ran = run_questions(study.asked(), ledger, workers=cores, report=show, planned=left.by_question)
        answers = {piece.key: piece for piece in ledger}
    card = Card(
        layer=battery_layer.name,
        checks=tuple(checks),
        placed=tuple(placed_rows(study, rows, answers, ran.failed)),
        known=tuple(known),
        rates=battery_layer.rates,
        quick=quick,
        command=_command(layer, battery_layer.options, on, against, quick, rates),
        machine=machine(),
        versions=versions(),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        page=str(page),
        undeclared=undeclared,
        proved=tuple(proved(study, undeclared)),
    )
    write_card(card, page)
    return card


def estimate_place(
    layer: str,
    *,
    options: dict[str, Option] | None,
    on: Sequence[str],
    quick: bool,
    rates: Sequence[float],
    out: Path,
    workers: int | None,
    tell: Callable[[str], None],
) -> Estimate:
    """What is left of the battery for a layer, which is checked, and what it will take. Nothing is written."""
    battery_layer, rows, left_out = _asked(layer, options, on, quick, rates)
    require_folder(out, is_out=True)
    study, cores = battery(battery_layer, rows, Path()), workers or os.cpu_count() or 1
    lines, _, left = layer_checks(battery_layer, study, answers_in(out), cores, tell=tell)
    for line in (*lines, *left_out):
        tell(line)
    return replace(left, free_bytes=free_bytes(out))


def listing() -> Json:
    """The rows of the battery and the known layers, as plain JSON values."""
    return {
        "rows": [
            {"name": row.name, "task": row.task, "title": row.title, "quick": row.quick is not None} for row in ROWS
        ],
        "known": [{"name": known.name, "stale": known.stale} for known in known_layers()],
    }


def _asked(
    layer: str, options: dict[str, Option] | None, on: Sequence[str], quick: bool, rates: Sequence[float]
) -> tuple[BatteryLayer, list[Row], list[str]]:
    """The layer, the rows that it is asked, and a line for each that it does not fit."""
    battery_layer = BatteryLayer(named_architecture(layer), dict(options or {}), _checked(rates))
    check_shape(battery_layer.architecture, options=battery_layer.options)
    return (battery_layer, *fitting(battery_layer, chosen_rows(on, quick=quick)))


def _checked(rates: Sequence[float]) -> tuple[float, ...]:
    for rate in rates:
        require(0 < rate <= 1, "rate", rate, "a learning rate, above 0 and at most 1")
    require(0 < len(set(rates)) == len(rates), "rates", list(rates), "different learning rates")
    return tuple(rates)


def _file_name(battery_layer: BatteryLayer, on: Sequence[str], against: Sequence[str], quick: bool) -> str:
    """All that a card is made of: no card takes the place of another one."""
    parts = [battery_layer.name.split("/")[-1], *["quick"] * quick, *on]
    parts += ["against", *against] if against else []
    parts += ["rates", *map(str, battery_layer.rates)] if battery_layer.rates != RATES else []
    return re.sub(r"[^\w.=]+", "-", "-".join(parts)).strip("-")


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _command(
    layer: str,
    options: dict[str, Option],
    on: Sequence[str],
    against: Sequence[str],
    quick: bool,
    rates: Sequence[float],
) -> str:
    """What gives this card again."""
    given = [f"--options {quote(options_text(options))}"] * bool(options)
    given += [f"--on {','.join(on)}"] * bool(on) + [f"--against {quote(','.join(against))}"] * bool(against)
    given += ["--quick"] * quick + [f"--rates {','.join(map(str, rates))}"] * (tuple(rates) != RATES)
    return " ".join(["assay place", quote(layer), *given])
