"""What is looked at before a layer is trained: whether it is what it declares, and how long the battery will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from pathlib import Path

import torch

from assay.errors import AssayError, ParameterError
from assay.evidence import Evidence
from assay.models import make_layers
from assay.models.candidates import require_declared
from assay.placing.battery import BY_NAME, WIDTH, BatteryLayer, battery
from assay.studies.course import expected_runs
from assay.studies.estimate import Estimate, estimate
from assay.studies.progress import duration
from assay.studies.study import Study
from assay.studies.workers import failure
from assay.training.search import Search
from assay.training.timing import time_run

_BATCH, _LENGTH, _PAIRS = 64, 16, 8  # of the step that layers are compared by: recall of as many pairs
_SLOW = 20.0  # times plain attention's pass, from which on rows are not timed one by one


def layer_checks(
    battery_layer: BatteryLayer,
    study: Study,
    answers: Mapping[str, Evidence],
    workers: int,
    hours: float = inf,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[list[str], str, Estimate]:
    """What is known of a layer before anything is trained: three lines, how to declare its state where it declares
    none, and what is left of the battery.

    Args:
        battery_layer: the layer.
        study: the rows that it is asked.
        answers: that the ledger holds, by key.
        workers: processes.
        hours: that the battery may take, by its estimate.
        tell: is told of each row before it is timed.

    Raises:
        AssayError: the layer is not what it declares, it fails, or the battery would take longer. One line.
    """
    passed, plain = _pass_seconds(battery_layer), _pass_seconds(BatteryLayer("attention"))
    if passed > _SLOW * plain:  # once more, as the machine may have been busy
        passed, plain = min(passed, _pass_seconds(battery_layer)), _pass_seconds(BatteryLayer("attention"))
    if passed > _SLOW * plain:  # its other checks would take minutes themselves
        steps = sum(_steps(search) for sweep in study.sweeps for search in sweep.searches)
        _require_time(battery_layer, passed * steps / workers, passed / plain, workers, hours)
    facts = require_declared(battery_layer.networks, WIDTH, shipped=True, order="causal")
    step = _step_seconds(battery_layer)
    times = step / _step_seconds(BatteryLayer("attention"))
    left = estimate(study, dict(answers), workers=workers, tell=tell)
    _require_time(battery_layer, left.seconds, times, workers, hours)
    lines = [
        f"{battery_layer.name}: {'; '.join(dict.fromkeys(one.line for one in facts))}",
        f"outputs of the tokens' shape; outputs and gradients finite; two calls agree (width {facts[0].width})",
        f"a training step (recall, width {WIDTH}, {_BATCH} sequences of {_LENGTH}): {1000 * step:.3g} ms, {times:.2g} "
        "times plain attention's",
    ]
    return lines, next(filter(None, (one.how_to_declare for one in facts)), ""), left


def _require_time(battery_layer: BatteryLayer, seconds: float, times: float, workers: int, hours: float) -> None:
    if seconds > hours * 3600:
        raise ParameterError(
            "{}: a step takes {:.2g} times plain attention's; the battery would take about {} on {} workers, more than "
            "{hours} {:g}: allow more, or ask less with {quick} or {on}",
            battery_layer.name,
            times,
            duration(seconds),
            workers,
            hours,
        )


def _pass_seconds(battery_layer: BatteryLayer) -> float:
    """Of one pass forward and back through its layers alone; 0 where they fail, as further checks will say."""
    with torch.random.fork_rng(devices=[]):
        return min(_one_pass(battery_layer) for _ in range(2))


def _one_pass(battery_layer: BatteryLayer) -> float:
    tokens = torch.randn(_BATCH, _LENGTH, WIDTH, requires_grad=True)
    begin = time.perf_counter()
    try:
        outputs: torch.Tensor = tokens
        for layer in make_layers(
            battery_layer.architecture, WIDTH, causal=True, length=_LENGTH, options=battery_layer.options
        ):
            outputs = layer(outputs, _LENGTH)
        outputs.sum().backward()
    except (Exception, SystemExit):  # whatever a layer of a user's own raises
        return 0.0
    return time.perf_counter() - begin


def _step_seconds(battery_layer: BatteryLayer) -> float:
    """Of a training step of recall.

    Raises:
        AssayError: the layer fails; the message names the call.
    """
    (sweep,) = battery(battery_layer, [BY_NAME["recall"]], Path()).sweeps
    search = next(search for search in sweep.searches if search.candidates[0].width == WIDTH)
    question = search.in_positions(search.positions[0]).run(search.values.index(_PAIRS), 0, battery_layer.rates[0])
    unmeasured = replace(question.recipe, validation=1, check_every=10**6)
    try:
        return time_run(replace(question, recipe=unmeasured)).step
    except (Exception, SystemExit) as error:
        raise AssayError(f"{battery_layer.name} fails {failure(error, WIDTH).reason}") from error


def _steps(search: Search) -> float:
    """Steps of a search, in units of the one that layers are compared by: by tokens and layers, where it begins."""
    asked = search.candidates[search.start]
    tokens = asked.recipe.batch * asked.task.length * asked.networks.depth
    return expected_runs(search) * asked.recipe.steps * tokens / (_BATCH * _LENGTH)
