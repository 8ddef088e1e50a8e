"""The study file: which questions to ask, in TOML, and the questions it stands for.

A study has lines. A line asks about one task along one of its parameters: `bounds` and `constructions`, which are cheap
and reach far, and searches for the smallest width that learns, which are what takes time. Beside its lines a study may
have `portraits`, single attention units to be looked at. A `quick` table holds what is different in a quick run.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.bounds import bounds_of
from assay.bounds.questions import bound_question
from assay.constructions.questions import construction_question
from assay.errors import AssayError, unknown
from assay.evidence import content_hash
from assay.files import read_text
from assay.learning.questions import training_question
from assay.learning.search import Question, Unit, ladder
from assay.networks import family
from assay.precision.questions import precision_question
from assay.probing.plan import Plan
from assay.proofs.questions import certificate_question
from assay.protocols.questions import protocol_question
from assay.studies import shipped
from assay.studies.schema import check_study, varied
from assay.studies.start import proved_start
from assay.tasks import TASKS, Task, task_from_json

LARGEST = 1 << 20  # bytes of a study file


@dataclass(frozen=True)
class Asked:
    """A question to a bound or a construction, and `x`, the value of the parameter that its line goes along."""

    x: int
    question: Question

    @property
    def key(self) -> str:
        """Content hash of the question."""
        return content_hash(self.question)


@dataclass(frozen=True)
class Search:
    """A search for a smallest learned width, and `x`, the value of the parameter that its line goes along."""

    x: int
    unit: Unit


@dataclass(frozen=True)
class Line:
    """One task along one of its parameters.

    Attributes:
        name: of its table in the file.
        title: one line for people.
        along: the parameter that varies.
        symbol: what charts call it.
        tasks: the task at every x that is asked about, ascending in x.
        distribution: inputs that networks learn from, and that mean errors speak of.
        stated: questions to bounds and constructions.
        searches: for smallest learned widths.
        certificates: questions what can be proved of constructions.
        precisions: questions how few bits constructions need.
    """

    name: str
    title: str
    along: str
    symbol: str
    tasks: dict[int, Task[Any]]
    distribution: str
    stated: tuple[Asked, ...]
    searches: tuple[Search, ...]
    certificates: tuple[Asked, ...] = ()
    precisions: tuple[Asked, ...] = ()


@dataclass(frozen=True)
class Study:
    """A study as read from its file, with `quick` applied or dropped.

    Attributes:
        name: what results are filed under.
        title: one line for people.
        seeds: of every search.
        ratio: of neighbouring widths on the ladders.
        precision: bits per number at which bounds in bits become widths.
        lines: in the order of the file.
        portraits: questions to single attention units, constructed and trained, whose attention is kept.
        protocols: questions what a communication protocol run on a network comes to.
        probes: of attention heads. A study's file has none: `assay probe` makes a study of one probe.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    ratio: float
    precision: int
    lines: tuple[Line, ...]
    portraits: tuple[Question, ...]
    protocols: tuple[Question, ...] = ()
    probes: tuple[Plan, ...] = ()

    def singles(self) -> list[Question]:
        """All questions that stand alone: everything but searches."""
        lines = [asked for line in self.lines for asked in (*line.stated, *line.certificates, *line.precisions)]
        probed = (question for probe in self.probes for question in probe.questions())
        return [*self.portraits, *self.protocols, *(asked.question for asked in lines), *probed]

    def searches(self) -> list[Unit]:
        """All searches, those expected to take longest first."""
        units = {_key(search.unit): search.unit for line in self.lines for search in line.searches}
        return sorted(units.values(), key=lambda unit: -unit.question["task"]["length"] * (1 + _slow(unit)))


def load_study(name: str, *, quick: bool = False) -> Study:
    """The shipped study of this name, or the one in this TOML file.

    Raises:
        AssayError: there is none, or the file is not a study.
    """
    path = shipped().get(name) or Path(name)
    if path.suffix != ".toml":
        raise unknown("study", name, shipped())
    try:
        tables = tomllib.loads(read_text(path, LARGEST))
    except tomllib.TOMLDecodeError as error:
        raise AssayError(f"study {name} cannot be read: {error}") from error
    except RecursionError:
        raise AssayError(f"study {name} cannot be read: it is nested too deeply") from None
    changes = tables.pop("quick", {})
    if quick and not changes:
        raise AssayError(f"study {path.name} has no quick form; run it without --quick")
    if quick:
        tables = _overlay(tables, changes)
    check_study(tables, path.name)
    try:
        return _study(tables, quick=quick)
    except AssayError as error:  # a task, recipe or ladder that refuses its parameters
        raise AssayError(f"study {path.name}: {error}") from error


def symbol_texts(task: dict[str, Any]) -> list[str]:
    """The parameters of a task that have a symbol, as they are said: `N = 8`."""
    symbols = TASKS[task["name"]].symbols if task["name"] in TASKS else {}
    return [f"{symbols[name]} = {value}" for name, value in task.items() if name in symbols]


def _study(tables: dict[str, Any], *, quick: bool) -> Study:
    return Study(
        name=tables["name"] + ("-quick" if quick else ""),
        title=tables["title"],
        seeds=tuple(tables["seeds"]),
        ratio=tables["ratio"],
        precision=tables["precision"],
        lines=tuple(_line(name, tables) for name in tables["lines"]),
        portraits=tuple(question for entry in tables.get("portraits", []) for question in _portrait(entry, tables)),
        protocols=tuple(_protocol(entry, tables) for entry in tables.get("protocols", [])),
    )


def _line(name: str, tables: dict[str, Any]) -> Line:
    """The line of this name, with all its questions."""
    table = tables["lines"][name]
    along, symbol = table["along"], varied(table["task"]["name"])[table["along"]]
    recipe = {**tables["recipe"], **table.get("recipe", {})}
    precision = table.get("precision", {"at": [], "methods": [], "draws": 1})
    places = {x for key in ("bounds", "constructions", "certificates") for x in table.get(key, [])} | {*precision["at"]}
    places |= {x for entry in table.get("search", []) for x in entry["at"]}
    tasks = {x: task_from_json({**table["task"], along: x}) for x in sorted(places)}
    for x in sorted({x for entry in table.get("search", []) for x in entry["at"]}):
        lacking = tasks[x].lacks(recipe["distribution"])
        if lacking:
            raise AssayError(f"lines.{name}: {recipe['distribution']!r} inputs at {symbol} = {x} need {lacking}")
    split: dict[str, set[int]] = {}
    for entry in table.get("search", []):
        split.setdefault(family(entry["architecture"]), set()).add(entry.get("head_width", 0))
    bounds = [
        Asked(x, bound_question(bound.name, tasks[x], tables["precision"], recipe["distribution"], head_width))
        for x in table.get("bounds", [])
        for bound in bounds_of(tasks[x])
        for head_width in (sorted(split.get(bound.family, {0})) if bound.per_head else [None])
    ]
    constructions = [
        Asked(x, construction_question(method, tasks[x], tasks[x].tolerance, tables["draws"]))
        for x in table.get("constructions", [])
        for method in table["methods"]
    ]
    searches = [
        Search(x, _unit(entry, tasks[x], place, recipe, tables))
        for entry in table.get("search", [])
        for place, x in enumerate(entry["at"])
    ]
    certificates = [
        Asked(x, certificate_question(method, tasks[x], tasks[x].tolerance))
        for x in table.get("certificates", [])
        for method in table["methods"]
    ]
    precisions = [
        Asked(x, precision_question(method, tasks[x], tasks[x].tolerance, precision["draws"]))
        for x in precision["at"]
        for method in precision["methods"]
    ]
    return Line(
        name=name,
        title=table.get("title", f"{table['task']['name']} against {symbol}"),
        along=along,
        symbol=symbol,
        tasks=tasks,
        distribution=recipe["distribution"],
        stated=(*bounds, *constructions),
        searches=tuple(searches),
        certificates=tuple(certificates),
        precisions=tuple(precisions),
    )


def _unit(entry: dict[str, Any], task: Task[Any], place: int, recipe: dict[str, Any], tables: dict[str, Any]) -> Unit:
    widths = ladder(entry["lowest"], entry["highest"], tables["ratio"], entry.get("head_width", 0) or 1)
    if "start" in entry:
        start = min(range(len(widths)), key=lambda rung: abs(widths[rung] - entry["start"][place]))
    else:
        start = proved_start(entry["architecture"], task, widths, entry.get("head_width", 0))
    training = {**recipe, "steps": entry["steps"][place]}
    return Unit(
        question=training_question(
            entry["architecture"],
            task,
            training,
            depth=entry.get("depth", 1),
            head_width=entry.get("head_width", 0),
        ),
        ladder=widths,
        start=start,
        seeds=tuple(tables["seeds"]),
        rates=tuple(entry["rates"]),
    )


def _portrait(entry: dict[str, Any], tables: dict[str, Any]) -> list[Question]:
    """A unit that is constructed and one that is trained, on the same task. Of the study's recipe it has the inputs."""
    task = task_from_json(entry["task"])
    inputs = {key: value for key, value in tables["recipe"].items() if key == "distribution"}
    constructed = construction_question(entry["method"], task, task.tolerance, entry["draws"], portrait=True)
    trained = training_question(entry["architecture"], task, {**inputs, **entry["recipe"]}, portrait=True)
    return [constructed, {**trained, "width": entry["width"], "seed": 0, "rate": entry["rate"]}]


def _protocol(entry: dict[str, Any], tables: dict[str, Any]) -> Question:
    """A protocol on a network that is constructed or trained. Of the study's recipe it has the inputs."""
    task = task_from_json(entry["task"])
    numbers = [entry["bits"], entry["fraction"]] if "bits" in entry else None
    if "constructed" in entry:
        network: Question = construction_question(entry["constructed"], task, task.tolerance, 1)
    else:
        trained = entry["trained"]
        inputs = {key: value for key, value in tables["recipe"].items() if key == "distribution"}
        shape = {"depth": trained.get("depth", 1), "head_width": trained.get("head_width", 0)}
        question = training_question(trained["architecture"], task, {**inputs, **trained["recipe"]}, **shape)
        network = {**question, "width": trained["width"], "seed": trained.get("seed", 0), "rate": trained["rate"]}
    return protocol_question(entry["protocol"], network, numbers, entry["instances"])


def _overlay(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`below` with the entries of `above` put over it, tables within tables; lists are replaced whole."""
    merged = dict(below)
    for key, value in above.items():
        both_tables = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = _overlay(below[key], value) if both_tables else value
    return merged


def _key(unit: Unit) -> str:
    return content_hash([unit.question, unit.ladder, unit.start, unit.seeds, unit.rates])


def _slow(unit: Unit) -> bool:
    """Whether a run steps through the sequence, which takes longest."""
    return family(unit.question["architecture"]) == "recurrent"
