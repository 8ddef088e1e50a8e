"""What `assay place` does: check the layer, say what the battery will take, ask it, and write the card."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.errors import AssayError, require
from assay.evidence import Evidence
from assay.files import make_folder, require_writable
from assay.learning.search import Unit
from assay.learning.timing import time_run
from assay.ledger import LEDGER, Ledger
from assay.networks import Option, named_architecture
from assay.networks.candidates import require_declared
from assay.placing.battery import RATES, ROWS, WIDTH, Contender, battery, chosen_rows
from assay.placing.card import Card
from assay.placing.page import write_card
from assay.placing.reference import known_layers
from assay.placing.rows import placed_rows
from assay.studies.course import search_course
from assay.studies.estimate import estimate
from assay.studies.progress import progress
from assay.studies.runner import run_study
from assay.studies.session import require_tests_of_learning
from assay.studies.study import Study
from assay.studies.workers import failure
from assay.versions import machine, versions

_SLOW = 20.0  # times plain attention's step, from which on rows are not timed one by one
_TIMED = "recall"  # row at whose first search steps are timed


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
        report: the page; `<out>/place-<layer>.html` unless given.
        workers: processes; as many as there are cores unless given.
        quiet: whether progress is not shown.
        tell: is told what was found before anything is trained.

    Raises:
        AssayError: a layer that is not what it declares, fails, or would take too long; or another request that cannot
            be met. One line, before anything is trained.
    """
    contender = Contender(named_architecture(layer), dict(options or {}), _checked(rates))
    rows, known = chosen_rows(on, quick=quick), known_layers(against, besides=contender.name)
    folder = make_folder(Path(out))
    page = Path(report) if report else folder / f"place-{_file_name(contender.name)}.html"
    require_writable(page)
    study, cores = battery(contender, rows, Path()), workers or os.cpu_count() or 1
    with Ledger(folder / LEDGER) as ledger:
        checks = _checks(contender, study, {piece.key: piece for piece in ledger}, cores, hours)
        for line in checks:
            tell(line)
        require_tests_of_learning(study, ledger)
        with progress(quiet=quiet) as show:
            ran = run_study(study, ledger, workers=cores, report=show)
        answers = {piece.key: piece for piece in ledger}
    card = Card(
        layer=contender.name,
        checks=tuple(checks),
        placed=tuple(placed_rows(study, rows, answers, ran.failed)),
        known=tuple(known),
        rates=contender.rates,
        quick=quick,
        command=_command(layer, contender.options, on, against, quick, rates),
        machine=machine(),
        versions=versions(),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        page=str(page),
    )
    write_card(card, page)
    return card


def listing() -> dict[str, Any]:
    """The rows of the battery and the known layers, as plain JSON values."""
    return {
        "rows": [
            {"name": row.name, "task": row.task, "title": row.title, "quick": row.quick is not None} for row in ROWS
        ],
        "known": [{"name": known.name, "stale": known.stale} for known in known_layers()],
    }


def _checks(contender: Contender, study: Study, answers: dict[str, Evidence], workers: int, hours: float) -> list[str]:
    """What is known of the layer before anything is trained, in three lines.

    Raises:
        AssayError: it is not what it declares, it fails, or the battery would take longer than so many hours.
    """
    facts = require_declared(contender.networks, WIDTH, shipped=True)
    step, plain = _step_seconds(contender), _step_seconds(Contender("attention"))
    seconds = step * sum(_steps(unit) for unit in study.searches()) / workers
    if step < _SLOW * plain:  # then the rows themselves can be timed
        seconds = estimate(study, answers, workers=workers)["seconds"]
    slow = f"{step * 1e3:.3g} ms, {step / plain:.2g} times plain attention's"
    if seconds > hours * 3600:
        raise AssayError(
            f"{contender.name}: a training step takes {slow}; the battery would take about {_duration(seconds)} on "
            f"{workers} workers, more than --hours {hours:g}: allow more, or ask less with --quick or --on"
        )
    return [
        f"{contender.name}: {'; '.join(dict.fromkeys(one.line for one in facts))}",
        f"outputs of the tokens' shape; outputs and gradients finite; two calls agree (width {facts[0].width})",
        f"a training step (recall, width {WIDTH}, 64 sequences of 16): {slow}; what is left of the battery takes about "
        f"{_duration(seconds)} on {workers} workers",
    ]


def _step_seconds(contender: Contender) -> float:
    """Of a step of recall of 8 pairs, 64 sequences of 16 tokens at width WIDTH.

    Raises:
        AssayError: the layer fails; the message names the call.
    """
    timed = [row for row in ROWS if row.name == _TIMED]
    (unit,) = (
        search.unit for line in battery(contender, timed, Path()).lines for search in line.searches
        if search.unit.question["width"] == WIDTH
    )  # fmt: skip
    rung = unit.ladder.index(8)
    question = {**unit.at(rung), **unit.variants[0], "seed": 0, "rate": contender.rates[0]}
    question["recipe"] = {**question["recipe"], "validation": 1, "check_every": 10**6}
    try:
        return time_run(question).step
    except (Exception, SystemExit) as error:  # of a layer of a user's own
        raise AssayError(f"{contender.name} fails {failure(error, question).reason}") from error


def _steps(unit: Unit) -> float:
    """Steps of a search, in units of `_step_seconds`: by tokens and layers, where it begins."""
    asked = unit.at(unit.start)
    recipe = asked["recipe"]
    tokens = recipe["batch"] * asked["task"]["length"] * asked["depth"]
    return search_course(unit).expected * recipe["steps"] * tokens / (64 * 16)


def _checked(rates: Sequence[float]) -> tuple[float, ...]:
    for rate in rates:
        require(0 < rate <= 1, "rate", rate, "a learning rate, above 0 and at most 1")
    require(0 < len(set(rates)) == len(rates), "rates", list(rates), "different learning rates")
    return tuple(rates)


def _duration(seconds: float) -> str:
    """`40 s`, `3 min`, `1.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-." else "-" for letter in name.split("/")[-1])


def _command(
    layer: str, options: dict[str, Option], on: Sequence[str], against: Sequence[str], quick: bool,
    rates: Sequence[float],
) -> str:  # fmt: skip
    """What gives this card again."""
    from assay.networks.shape import options_text

    given = [f"--options {options_text(options)}"] * bool(options)
    given += [f"--on {','.join(on)}"] * bool(on) + [f"--against {','.join(against)}"] * bool(against)
    given += ["--quick"] * quick + [f"--rates {','.join(map(str, rates))}"] * (tuple(rates) != RATES)
    return " ".join(["assay place", layer, *given])
