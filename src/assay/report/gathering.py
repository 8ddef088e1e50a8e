"""One sweep of a study from the answers to its questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from assay.evidence import Evidence
from assay.models.bare_models import BARE_MODELS
from assay.proofs.proof import Proof, Step
from assay.questions.baselines import BaselinesQuestion
from assay.report.states import state_charts
from assay.report.sweeps import (
    Certified,
    DrawnInputs,
    FewestBits,
    OtherLengths,
    Precisions,
    Sweep,
    TrainingCurve,
    TrivialBaselines,
    Unfinished,
    rank,
)
from assay.results.frontier import Series, learned_series, stated_series
from assay.results.grids import grids_of
from assay.studies.replay import replay
from assay.studies.study import Sweep as AskedSweep
from assay.studies.study import steps_of
from assay.studies.workers import Failed
from assay.tasks import TASKS, symbol_texts
from assay.training.question import TrainingQuestion
from assay.training.search import SearchResult, best_by_seed
from assay.trivial.fit import Baselines

_MEASURED = 30  # measurements of a run that are kept at most
_VERDICTS = ("learned", "constructed", "impossible")


def parameters_text(task: Mapping[str, Any]) -> str:
    """The parameters of a task in a few words.

    >>> parameters_text({"name": "sparse-averaging", "length": 8, "sparsity": 2, "layout": "last"})
    'N = 8, q = 2, layout last'
    """
    symbols = TASKS[task["name"]].symbols if task["name"] in TASKS else {}
    others = [f"{key} {value}" for key, value in task.items() if key not in ("name", *symbols)]
    return ", ".join([*symbol_texts(dict(task)), *others])


def gather_sweep(sweep: AskedSweep, answers: Mapping[str, Evidence], failed: Mapping[str, Failed]) -> Sweep:
    """What the answers say of a sweep; `failed` says why questions have no answer, by what they are."""
    stated = [(asked.x, answers[asked.key]) for asked in sweep.stated if asked.key in answers]
    results = [replay(search, answers, failed) for search in sweep.searches]
    finished = [one for one in results if one.finished]
    ends, gridded = [one for one in finished if not one.search.grid], [one for one in finished if one.search.grid]
    tasks = list(sweep.tasks.values())
    first, judged = tasks[0], (*tasks, *sweep.learned_tasks())
    described = [task.to_json() for task in tasks]
    sought = _varying([asked.about for search in sweep.searches if search.largest for asked in search.candidates])
    varying = _varying(described) | {sweep.along} | sought
    return Sweep(
        name=sweep.name,
        title=sweep.title,
        task={key: value for key, value in described[0].items() if key not in varying},
        follows={key: (described[0][key], described[-1][key]) for key in sorted(varying - {sweep.along, *sought})},
        along=sweep.along,
        symbol=sweep.symbol,
        columns={key: first.symbols[key] for key in (sweep.along, *sweep.varied) if key in first.symbols},
        tolerance=_range(task.tolerance for task in judged),
        mean_tolerance=_range(task.mean_tolerance for task in judged),
        all_inputs=first.all_inputs,
        mean_error_name=first.answer.judged_by,
        distribution=sweep.distribution,
        distribution_text=first.distributions[sweep.distribution],
        steps=steps_of(sweep.searches),
        series=tuple(sorted([*stated_series(stated), *learned_series(ends)], key=_place)),
        unfinished=tuple(
            Unfinished(f"{one.search.name}{' (grid)' if one.search.grid else ''}", one.search.x, one.failed or None)
            for one in results
            if not one.finished
        ),
        lengths=tuple(row for end in ends if (row := _at_other_lengths(end))),
        curves=tuple(curve for end in ends for curve in _curves(end)),
        states=tuple(state_charts(ends, sweep.symbol, sweep.distribution)),
        grids=tuple(grids_of(gridded)),
        certificates=tuple(_certified(answers[a.key]) for a in sweep.certificates if a.key in answers),
        precisions=tuple(_precisions((a.x, answers[a.key]) for a in sweep.precisions if a.key in answers)),
        baselines=tuple(_baselines(sweep, answers)),
        test_inputs=tuple(_test_inputs((one.search.x, one.runs) for one in finished)),
    )


def _varying(tasks: list[dict[str, Any]]) -> set[str]:
    """Parameters that are not the same in all of these tasks."""
    return {key for task in tasks for key in task if any(task[key] != other[key] for other in tasks)}


def _at_other_lengths(end: SearchResult) -> OtherLengths | None:
    """What each seed's best run at the width that was found, or at the widest, is judged at; None without lengths."""
    best = best_by_seed(run for run in end.there if run.detail.get("lengths"))
    errors: dict[int, list[float]] = defaultdict(list)
    for run in best.values():
        for length, error in run.detail["lengths"].items():
            errors[int(length)].append(error)
    if not errors:
        return None
    return OtherLengths(
        architecture=end.search.name,
        x=end.search.x,
        field=end.search.field,
        width=end.search.values[end.place],
        learned=end.value is not None,
        errors={length: tuple(sorted(found)) for length, found in sorted(errors.items())},
    )


def _curves(end: SearchResult) -> Iterable[TrainingCurve]:
    """One of each seed's best run at the width that was found, or at the widest."""
    for seed, run in sorted(best_by_seed(run for run in end.there if run.detail.get("curve")).items()):
        asked, errors = TrainingQuestion.of(run), run.detail["curve"]
        every = asked.recipe.check_every
        measured = [(min(every * at, run.detail["steps"]), error) for at, error in enumerate(errors, start=1)]
        stride = -(-len(measured) // _MEASURED)
        kept = measured[::-1][::stride][::-1]
        yield TrainingCurve(
            architecture=end.search.name,
            x=end.search.x,
            field=end.search.field,
            width=end.search.values[end.place],
            seed=seed,
            rate=asked.rate,
            learned=run.verdict == "learned",
            tolerance=run.tolerance,
            steps=tuple(step for step, _ in kept),
            errors=tuple(error for _, error in kept),
        )


def _baselines(sweep: AskedSweep, answers: Mapping[str, Evidence]) -> Iterable[TrivialBaselines]:
    for x in sweep.learned_at:
        piece = answers.get(BaselinesQuestion(sweep.tasks[x], sweep.distribution).key)
        if piece is not None:
            found = Baselines.from_json(piece.detail)
            yield TrivialBaselines(x, found.tolerance, found.draws, found.found)


def _test_inputs(ends: Iterable[tuple[int, tuple[Evidence, ...]]]) -> Iterable[DrawnInputs]:
    runs: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for x, pieces in ends:
        runs[x] += [piece.detail["test_inputs"] for piece in pieces if "test_inputs" in piece.detail]
    for x, found in sorted(runs.items()):
        if found:
            yield DrawnInputs(
                x,
                different=min(one["different"] for one in found),
                share=max(one["share"] for one in found),
                exhaustive=all(one["exhaustive"] for one in found),
            )


def _certified(piece: Evidence) -> Certified:
    return Certified(
        method=piece.source,
        parameters=parameters_text(piece.task),
        width=piece.size.width,
        error=piece.error,
        arithmetic=piece.detail["arithmetic"],
        proof=None if piece.detail["proof"] is None else _proof(piece.detail["proof"]),
        justification=piece.justification,
        seconds=piece.seconds,
    )


def _proof(stored: Mapping[str, Any]) -> Proof:
    return Proof(
        method=stored["method"],
        task=stored["task"],
        guaranteed_error=stored["guaranteed_error"],
        arithmetic=stored["arithmetic"],
        steps=tuple(Step(**step) for step in stored["steps"]),
        assumes=tuple(stored["assumes"]),
        refuses=stored["refuses"],
    )


def _precisions(answers: Iterable[tuple[int, Evidence]]) -> list[Precisions]:
    by_method: dict[str, list[FewestBits]] = defaultdict(list)
    for x, piece in answers:
        bits, fraction = piece.size.precision, piece.detail["fraction"]
        by_method[piece.source].append(
            FewestBits(x, bits, fraction, piece.error, piece.size.width, piece.justification)
        )
    return [Precisions(method, tuple(points), _per_doubling(points)) for method, points in by_method.items()]


def _per_doubling(points: list[FewestBits]) -> float | None:
    """Bits more for each doubling of x, by least squares; None for fewer than three values of x."""
    if len(points) < 3:
        return None
    slope = np.polyfit(np.log2([point.x for point in points]), [point.bits for point in points], 1)[0]
    return round(float(slope), 3)


def _place(series: Series) -> tuple[bool, tuple[int, int, str], int, str]:
    """Where a boundary stands in tables: by architecture, trained ones first, and of one what was learned first."""
    return series.architecture in BARE_MODELS, rank(series.architecture), _VERDICTS.index(series.verdict), series.source


def _range(values: Iterable[float]) -> tuple[float, float]:
    known = list(values)
    return min(known), max(known)
