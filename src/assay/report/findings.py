"""Everything a report shows, gathered from a study's evidence as plain JSON values. Figures and pages only draw it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np

from assay.evidence import Evidence
from assay.models.bare_models import BARE_MODELS
from assay.models.candidates import candidates_of
from assay.probing.findings import gather_probe
from assay.questions.baselines import BaselinesQuestion
from assay.report.boolean_findings import gather_boolean
from assay.report.comparisons import gather_comparison
from assay.report.lines import rank
from assay.report.protocols import protocol_lines
from assay.report.retrieval_findings import gather_memories, gather_retrieval
from assay.report.states import state_charts
from assay.report.task_matrix import task_matrix
from assay.results.frontier import Series, contradictions, learned_series, stated_series
from assay.results.sweeps import sweeps_of
from assay.store.versions import machine, versions
from assay.studies.replay import replay
from assay.studies.study import Line, Study
from assay.studies.workers import Failed
from assay.tasks import TASKS, symbol_texts
from assay.training.search import SearchResult, best_by_seed

_VERDICTS = ("learned", "constructed", "impossible")


def gather(
    study: Study, evidence: list[Evidence], command: str, failed: Mapping[str, Failed] = MappingProxyType({})
) -> dict[str, Any]:
    """The findings of a study; `failed` says why questions have no answer, by what they are.

    Returns a dictionary with `study`, `title`, `command`, `made`, `versions`, `machine`, `seeds`, `precision`, `lines`
    (one dictionary each, see `_line`), `matrix` (see `assay.report.task_matrix`; None where the study has one task),
    `probes` (see `assay.probing.findings.gather_probe`), `retrieval` and `memory` (see
    `assay.report.retrieval_findings`), `boolean` (see `assay.report.boolean_findings`; None where nothing is asked),
    `comparisons` (see `assay.report.comparisons.gather_comparison`), `portraits`, `contradictions`, `failures`
    (what failed and the reason) and `evidence` (one flat row each, see `_row`).
    """
    answers = {piece.key: piece for piece in evidence}
    lines = [_line(line, answers, failed) for line in study.lines]
    boolean = None if study.boolean is None else gather_boolean(study.boolean, answers)
    symbols = {(line["task"]["name"], key): symbol for line in lines for key, symbol in line["columns"].items()}
    return {
        "study": study.name,
        "title": study.title,
        "command": command,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": machine(),
        "seeds": list(study.seeds),
        "precision": study.precision,
        "lines": lines,
        "matrix": task_matrix(lines),
        "protocols": [_protocol(answers[asked.key]) for asked in study.protocols if asked.key in answers],
        "probes": [gather_probe(probe, answers) for probe in study.probes],
        "retrieval": None if study.retrieval is None else gather_retrieval(study.retrieval, answers),
        "memory": None if study.memory is None else gather_memories(study.memory, answers),
        "comparisons": [gather_comparison(one, answers) for one in study.comparisons],
        "boolean": boolean,
        "portraits": [_portrait(piece) for piece in evidence if "portrait" in piece.detail],
        "contradictions": [*contradictions(evidence), *(boolean["refuted"] if boolean else [])],
        "failures": [{"what": what, **vars(why)} for what, why in failed.items()],
        "evidence": [_row(piece, symbols) for piece in sorted(evidence, key=_order)],
    }


def parameters_text(task: dict[str, Any]) -> str:
    """The parameters of a task in a few words.

    >>> parameters_text({"name": "sparse-averaging", "length": 8, "sparsity": 2, "layout": "last"})
    'N = 8, q = 2, layout last'
    """
    symbols = TASKS[task["name"]].symbols if task["name"] in TASKS else {}
    others = [f"{key} {value}" for key, value in _parameters(task) if key not in symbols]
    return ", ".join([*symbol_texts(task), *others])


def _line(line: Line, answers: Mapping[str, Evidence], failed: Mapping[str, Failed]) -> dict[str, Any]:
    """One line.

    Returns a dictionary with `name`, `title`, `task` (its name and the parameters that do not vary), `follows` (the
    first and last value of parameters that vary with the one that the line goes along), `along`, `symbol`, `columns`
    (symbols of all parameters of the task that vary by themselves), `tolerance` and `mean_tolerance` (the smallest and
    the largest on the line), `all_inputs`, `mean_error_name`, `distribution` and its `distribution_text`, `lengths`
    (see `_at_other_lengths`), `sweeps` (see `assay.results.sweeps`), `states` (see `assay.report.states`),
    `series` (see `assay.results.frontier`), `unfinished` (searches that have not ended, by architecture and x,
    with the reason where one failed), `baselines` (at every x that was to be learned, see `_baselines`) and
    `test_inputs` (see `_test_inputs`).
    """
    stated = [(asked.x, answers[asked.key]) for asked in line.stated if asked.key in answers]
    results = [replay(search, answers, failed) for search in line.searches]
    finished = [one for one in results if one.finished]
    ends, swept = [one for one in finished if not one.search.sweep], [one for one in finished if one.search.sweep]
    series = [*stated_series(stated), *learned_series(ends)]
    tasks = list(line.tasks.values())
    symbols = TASKS[tasks[0].to_json()["name"]].symbols
    described = [task.to_json() for task in tasks]
    varying = {key for key in described[0] if any(task[key] != described[0][key] for task in described)}
    tried = [asked.about for search in line.searches if search.largest for asked in search.candidates]
    sought = {key for task in tried for key in task if any(task[key] != other[key] for other in tried)}
    varying |= {line.along, *sought}
    first = tasks[0]
    return {
        "name": line.name,
        "title": line.title,
        "task": {key: value for key, value in described[0].items() if key not in varying},
        "follows": {key: [described[0][key], described[-1][key]] for key in sorted(varying - {line.along, *sought})},
        "along": line.along,
        "symbol": line.symbol,
        "columns": {key: symbols[key] for key in (line.along, *line.varied) if key in symbols},
        "tolerance": _range([task.tolerance for task in (*tasks, *line.learned_tasks())]),
        "mean_tolerance": _range([task.mean_tolerance for task in (*tasks, *line.learned_tasks())]),
        "all_inputs": first.all_inputs,
        "mean_error_name": first.answer.judged_by,
        "distribution": line.distribution,
        "distribution_text": first.distributions[line.distribution],
        "series": [boundary.to_json() for boundary in sorted(series, key=_place)],
        "unfinished": [
            {
                "architecture": f"{one.search.name}{' (sweep)' if one.search.sweep else ''}",
                "x": one.search.x,
                "failed": one.failed or None,
            }
            for one in results
            if not one.finished
        ],
        "lengths": [row for end in ends if (row := _at_other_lengths(end))],
        "states": [c.to_json() for c in state_charts(ends, line.symbol, line.distribution)],
        "sweeps": [sweep.to_json() for sweep in sweeps_of(swept)],
        "certificates": [_certificate(answers[a.key]) for a in line.certificates if a.key in answers],
        "precisions": _precisions((a.x, answers[a.key]) for a in line.precisions if a.key in answers),
        "baselines": _baselines(line, answers),
        "test_inputs": _test_inputs((one.search.x, one.runs) for one in finished),
    }


def _at_other_lengths(end: SearchResult) -> dict[str, Any]:
    """What each seed's best run at the width that was found, or at the widest, is judged at beyond its training length.

    Returns a dictionary with `architecture`, `x`, `field`, `width` (its value), `learned` (whether it was found) and
    `errors`, a list over the seeds for each length as text, ascending; empty where no other length was tested.
    """
    best = best_by_seed(run for run in end.there if run.detail.get("lengths"))
    errors: dict[str, list[float]] = {}
    for run in best.values():
        for length, error in run.detail["lengths"].items():
            errors.setdefault(length, []).append(error)
    if not errors:
        return {}
    return {
        "architecture": end.search.name,
        "x": end.search.x,
        "field": end.search.field,
        "width": end.search.values[end.place],
        "learned": end.value is not None,
        "errors": {length: sorted(found) for length, found in errors.items()},
    }


def _baselines(line: Line, answers: Mapping[str, Evidence]) -> list[dict[str, Any]]:
    """What trivial baselines reach at every x that was to be learned: `x`, `tolerance`, `draws`, and `found`."""
    asked = {x: BaselinesQuestion(line.tasks[x], line.distribution).key for x in line.learned_at}
    return [{"x": x, **answers[key].detail} for x, key in asked.items() if key in answers]


def _test_inputs(ends: Iterable[tuple[int, tuple[Evidence, ...]]]) -> list[dict[str, Any]]:
    """Of the test inputs at every x, over all runs there: the least number that differ, and the largest share of those
    that also occurred in training.
    """
    runs: dict[int, list[dict[str, Any]]] = {}
    for x, pieces in ends:
        counted = (piece.detail["test_inputs"] for piece in pieces if "test_inputs" in piece.detail)
        runs.setdefault(x, []).extend(counted)
    return [
        {
            "x": x,
            "different": min(one["different"] for one in found),
            "share": max(one["share"] for one in found),
            "exhaustive": all(one["exhaustive"] for one in found),
        }
        for x, found in sorted(runs.items())
        if found
    ]


def _certificate(piece: Evidence) -> dict[str, Any]:
    """A construction and its proof; None where the guarantee was not proved."""
    return {
        "method": piece.source,
        "parameters": parameters_text(piece.task),
        "width": piece.size.width,
        "error": piece.error,
        "arithmetic": piece.detail["arithmetic"],
        "proof": piece.detail["proof"],
        "rests_on": piece.rests_on,
        "seconds": piece.seconds,
    }


def _precisions(answers: Iterable[tuple[int, Evidence]]) -> list[dict[str, Any]]:
    """For each construction, the fewest bits at every x, with the fitted law."""
    by_method: dict[str, list[dict[str, Any]]] = {}
    for x, piece in answers:
        point = {
            "x": x,
            "bits": piece.size.precision,
            "fraction": piece.detail["fraction"],
            "error": piece.error,
            "width": piece.size.width,
            "rests_on": piece.rests_on,
        }
        by_method.setdefault(piece.source, []).append(point)
    return [
        {"method": method, "points": points, "per_doubling": _per_doubling(points)}
        for method, points in by_method.items()
    ]


def _per_doubling(points: list[dict[str, Any]]) -> float | None:
    """Bits more for each doubling of x, by least squares; None for fewer than three values of x."""
    if len(points) < 3:
        return None
    slope = np.polyfit(np.log2([point["x"] for point in points]), [point["bits"] for point in points], 1)[0]
    return round(float(slope), 3)


def _place(series: Series) -> tuple[Any, ...]:
    """Where a boundary stands in tables: by architecture, trained ones first, and of one what was learned first."""
    return series.architecture in BARE_MODELS, rank(series.architecture), _VERDICTS.index(series.verdict), series.source


def _range(values: list[float]) -> list[float]:
    return [min(values), max(values)]


def _parameters(task: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in task.items() if key != "name"]


def _portrait(piece: Evidence) -> dict[str, Any]:
    return {
        "verdict": piece.verdict,
        "source": piece.source,
        "architecture": piece.architecture,
        "task": piece.task,
        "parameters": parameters_text(piece.task),
        "width": piece.size.width,
        "error": piece.error,
        "error_kind": piece.error_kind,
        **piece.detail["portrait"],
    }


def _protocol(piece: Evidence) -> dict[str, Any]:
    """A protocol's outcome, as lines of text and in full."""
    result = piece.detail
    title = (
        f"{piece.source}: {piece.verdict} {piece.architecture}, width {piece.size.width}, {parameters_text(piece.task)}"
    )
    return {"title": title, "lines": protocol_lines(result), "outcome": result}


def _order(piece: Evidence) -> tuple[Any, ...]:
    question = piece.question
    numbers = tuple(value for _, value in _parameters(piece.task) if isinstance(value, int))
    return (
        piece.task["name"],
        piece.family,
        piece.architecture,
        piece.source,
        numbers,
        piece.size.width,
        question.get("seed", 0),
        question.get("rate", 0.0),
        piece.key,
    )


def _row(piece: Evidence, symbols: dict[tuple[str, str], str]) -> dict[str, Any]:
    """One piece of evidence; `along` has the parameters that vary on the study's lines, by symbol."""
    question, detail, name = piece.question, piece.detail, piece.task["name"]
    measured = max(detail.get("measured", {}).values(), default=None)
    along = {symbols[name, key]: value for key, value in _parameters(piece.task) if (name, key) in symbols}
    trained = piece.source == "training"
    return {
        "task": f"{name}: {parameters_text(piece.task)}",
        "along": along,
        "architecture": candidates_of(question).name if trained else piece.architecture,
        "source": piece.source,
        "verdict": piece.verdict,
        "width": piece.size.width,
        "heads": piece.size.heads,
        "depth": piece.size.depth,
        "precision": piece.size.precision,
        "parameters": piece.size.parameters,
        "state": piece.size.state or None,
        "error_kind": piece.error_kind,
        "error": piece.error,
        "tolerance": piece.tolerance,
        "largest_error": detail.get("largest_error", measured),
        "sequence_error": detail.get("sequence_error"),
        "seed": question.get("seed"),
        "rate": question.get("rate"),
        "steps": detail.get("steps"),
        "seconds": round(piece.seconds, 2),
        "rests_on": piece.rests_on,
        "key": piece.key,
    }
