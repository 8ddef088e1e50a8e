"""The study file: which questions to ask, in TOML, and the questions it stands for.

A study asks about one task along two of its parameters: the length, and (if it has a `sparsity` table) the sparsity at
one length. Its parts: `bounds` and `constructions`, which are cheap and reach far, `learning`, whose searches are what
takes time, and `portraits`, single attention units to be looked at. A `quick` table holds what is different in a quick
run.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.bounds import bounds_of
from assay.bounds.questions import bound_question
from assay.constructions.questions import construction_question
from assay.errors import AssayError, unknown
from assay.evidence import content_hash
from assay.learning.questions import training_question
from assay.learning.search import Question, Unit, ladder
from assay.studies import shipped
from assay.studies.schema import check_study
from assay.tasks import Task, task_from_json


@dataclass(frozen=True)
class Study:
    """A study as read from its file, with `quick` applied or dropped.

    Attributes:
        name: what results are filed under.
        title: one line for people.
        tables: the file's tables.
    """

    name: str
    title: str
    tables: dict[str, Any]

    def task(self, **changes: Any) -> Task[Any]:
        """The study's task with some parameters given or changed."""
        return task_from_json({**self.tables["task"], **changes})

    def stated(self) -> list[Question]:
        """All questions to bounds and constructions, along the length and along the sparsity."""
        questions = []
        for table, changes in self._lines():
            for task in (self.task(**change) for change in changes(table["bounds"])):
                precision = self.tables["bounds"]["precision"]
                questions += [bound_question(b.name, task, precision, self.distribution) for b in bounds_of(task)]
            for task in (self.task(**change) for change in changes(table["constructions"])):
                draws = self.tables["constructions"]["draws"]
                methods = self.tables["constructions"]["methods"]
                questions += [construction_question(method, task, task.tolerance, draws) for method in methods]
        return questions

    def searches(self) -> list[Unit]:
        """All searches for a smallest learned width, those expected to take longest first."""
        searches = [
            self._search(entry, self.task(**change), place)
            for table, changes in self._lines()
            for entry in table["learning"]["search"]
            for place, change in enumerate(changes(entry))
        ]
        unique = {content_hash(unit.question): unit for unit in searches}
        return sorted(unique.values(), key=lambda unit: -unit.question["task"]["length"] * (1 + _slow(unit)))

    def portraits(self) -> list[Question]:
        """Single attention units, constructed and trained, whose attention is kept for the report."""
        questions = []
        for entry in self.tables.get("portraits", []):
            task = task_from_json(entry["task"])
            questions.append(
                construction_question(entry["method"], task, task.tolerance, entry["draws"], portrait=True)
            )
            training = training_question(
                entry["architecture"], task, {"distribution": self.distribution, **entry["recipe"]}, portrait=True
            )
            questions.append({**training, "width": entry["width"], "seed": 0, "rate": entry["rate"]})
        return questions

    @property
    def distribution(self) -> str:
        """Inputs that networks learn from, and that mean errors speak of."""
        return self.tables["learning"]["recipe"]["distribution"]

    def _lines(self) -> Iterator[tuple[dict[str, Any], Any]]:
        """What is varied: the tables that say where, and a function from a table to changes of the task."""
        yield self.tables, lambda table: [{"length": length} for length in table["lengths"]]
        if "sparsity" in self.tables:
            across = self.tables["sparsity"]
            yield across, lambda table: [{"length": across["length"], "sparsity": q} for q in table["sparsities"]]

    def _search(self, entry: dict[str, Any], task: Task[Any], place: int) -> Unit:
        learning = self.tables["learning"]
        recipe = {**learning["recipe"], "steps": entry["steps"][place]}
        widths = ladder(entry["lowest"], entry["highest"], learning["ratio"])
        start = min(range(len(widths)), key=lambda rung: abs(widths[rung] - entry["start"][place]))
        return Unit(
            question=training_question(entry["architecture"], task, recipe),
            ladder=widths,
            start=start,
            seeds=tuple(learning["seeds"]),
            rates=tuple(entry["rates"]),
        )


def load_study(name: str, *, quick: bool = False) -> Study:
    """The shipped study of this name, or the one in this TOML file.

    Raises:
        AssayError: there is none, or the file is not a study.
    """
    path = shipped().get(name) or Path(name)
    if path.suffix != ".toml":
        raise unknown("study", name, shipped())
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise AssayError(f"study {name} cannot be read: {error}") from error
    changes = tables.pop("quick", {})
    if quick and not changes:
        raise AssayError(f"study {path.name} has no quick form; run it without --quick")
    if quick:
        tables = _overlay(tables, changes)
    check_study(tables, path.name)
    study = Study(tables["name"] + ("-quick" if quick else ""), tables["title"], tables)
    study.stated(), study.searches(), study.portraits()  # makes every task and recipe, which refuse wrong parameters
    return study


def _overlay(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`below` with the entries of `above` put over it, tables within tables; lists are replaced whole."""
    merged = dict(below)
    for key, value in above.items():
        both_tables = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = _overlay(below[key], value) if both_tables else value
    return merged


def _slow(unit: Unit) -> bool:
    """Whether a run steps through the sequence, which takes longest."""
    return unit.question["architecture"] in ("lstm", "gru")
