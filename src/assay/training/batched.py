"""Many training runs of one shape at once: the routine of `assay.training.loop`, one step for all of them.

On small networks a step's time goes to starting operations rather than to arithmetic, and one operation can as well
work for all networks. Which runs are trained together changes no bit of any of them, so that their number at a time may
be chosen by timing: where the processor's products depend on the company, runs are trained one after the other.

A step is written twice, here and in the loop. As a batch of one, a single network's step takes two to three times as
long (LSTM 9.8 ms for 3.2, attention 4.5 for 2.3, feed-forward 2.1 for 1.1) and rounds otherwise, so that its answer
would be another one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, Unpack, get_args

import torch
from torch import Tensor
from torch.func import vmap

from assay.arithmetic.torch_settings import in_float32
from assay.errors import AssayError, require, unknown
from assay.evidence import canonical
from assay.models import Shape, make_network, shape_of
from assay.models.batched import Form, form_of
from assay.models.task_network import TaskNetwork
from assay.tasks.task import Task
from assay.training import loop as training
from assay.training.batched_data import Examples
from assay.training.batched_state import State
from assay.training.loop import Run, activations, check_lengths, judged, stop_reason, train
from assay.training.recipe import Recipe

Path = Literal["auto", "loop", "batched"]
MOST_TOGETHER = 16
_FEWEST = 4  # networks that are tried together, though fewer may be wanted
_CANDIDATES = (1, 4, MOST_TOGETHER)  # networks at a time
_TIMED = 0.1  # seconds for each candidate
_WORTH = 0.03  # seconds of one network's step above which others gain nothing from its company
_MAPPED_NUMBERS = 1 << 14  # batch * tokens * width up to which a mapped form is faster than one network after the other
_chosen: dict[Hashable, int] = {}  # networks at a time, by shape


@in_float32()
def train_together(
    task: Task,
    architecture: str,
    width: int,
    runs: Sequence[tuple[int, float]],
    *,
    recipe: Recipe,
    path: Path = "auto",
    device: str = "cpu",
    **shape: Unpack[Shape],
) -> list[Run]:
    """Train a network for every (seed, rate), each as `assay.training.loop.train` does, to rounding.

    Initial weights, examples of every step, rates, clipping, averaging and stopping are those of the run by itself; a
    run that has stopped leaves the others. Examples are drawn once for all runs of a seed.

    A run's numbers depend on the machine but not, in any bit, on which other runs it is trained with: `auto` tries the
    first gradients in several companies, and trains one after the other where a bit differs, as it does on some
    processors whose products of odd widths round by where a matrix lies in memory; `batched` does not ask. Networks are
    batched of themselves (`auto`) where they are small and enough of them are asked for, so that their rounding may
    depend on how many are.

    Args:
        task: to be learned.
        architecture: as `make_network` takes it.
        width: of all networks.
        runs: a seed and a learning rate for each.
        recipe: of all runs.
        path: `batched`; `loop`, which calls `train`; or `auto`, which is batched wherever that is known to pay.
        device: where steps are computed; verdicts are always computed on the CPU.
        shape: as `make_network` takes it.

    Returns:
        A `Run` for each, in order; `seconds` is each one's share.

    Raises:
        AssayError: a request that cannot be met, such as `batched` for a network that cannot be mapped over.

    >>> from assay import SparseAveraging
    >>> recipe = Recipe(steps=4, distribution="uniform", batch=8, validation=8, test=8)
    >>> runs = train_together(SparseAveraging(4, 1), "attention", 4, [(0, 0.01), (1, 0.003)], recipe=recipe)
    >>> [run.steps for run in runs]
    [4, 4]
    """
    require(len(runs) > 0, "runs", len(runs), "at least 1")
    if path not in get_args(Path):
        raise unknown("path", path, get_args(Path))

    def make(seed: int) -> TaskNetwork:
        return make_network(architecture, task, width, seed=seed, longest=recipe.longest, **shape)

    first = make(runs[0][0]).to(device)
    check_lengths(first, recipe)
    several = recipe.shortest or (recipe.longest and getattr(first.network, "positions", None) is not None)
    form = None if several else form_of(first.network)
    if path == "batched" and form is None:
        raise AssayError(
            f"path = 'batched' is not allowed; {architecture} reads its inputs in a way of its own, "
            "or at several lengths"
        )
    together = 0
    if form is not None and path == "batched":
        together = MOST_TOGETHER
    elif form is not None and path == "auto" and _pays(form, first, task, recipe, len(runs)):
        kind = (architecture, canonical(task.to_json()), width, canonical(shape_of(shape)), recipe.batch, device)
        key = (kind, min(len(runs), MOST_TOGETHER))
        if key not in _chosen:
            networks = [make(seed) for seed in range(max(key[1], _FEWEST))]
            _chosen[key] = _fitting(_Trial(form, task, networks, recipe, device))
        together = _chosen[key]
    if form is None or together == 0:
        require(device == "cpu", "device", device, "cpu where networks are trained one after the other")
        return [train(task, architecture, width, seed=seed, rate=rate, recipe=recipe, **shape) for seed, rate in runs]
    order = sorted(range(len(runs)), key=lambda index: runs[index])  # runs of one seed side by side
    results: dict[int, Run] = {}
    for begin in range(0, len(order), together):
        part = order[begin : begin + together]
        group = _Group(form, task, [make(runs[index][0]) for index in part], [runs[i] for i in part], recipe, device)
        results.update(zip(part, group.train(), strict=True))
    return [results[index] for index in range(len(runs))]


class _Group:
    """Runs that are trained at the same time."""

    def __init__(
        self,
        form: Form,
        task: Task,
        networks: list[TaskNetwork],
        runs: Sequence[tuple[int, float]],
        recipe: Recipe,
        device: str,
    ) -> None:
        self.form, self.task, self.networks, self.recipe = form, task, networks, recipe
        self.seeds = [seed for seed, _ in runs]
        self.state = State([network.network for network in networks], [rate for _, rate in runs], device)
        self.examples = Examples(task, list(dict.fromkeys(self.seeds)), recipe, device)
        self._losses = vmap(task.answer.loss)
        self._activations = activations(networks[0])

    def step(self, step: int) -> None:
        """One step for all."""
        self._differentiate(step)
        self.state.step(step, self.recipe)

    def _differentiate(self, step: int) -> None:
        seen, targets, scored = map(self._of_runs, self.examples.training(step))
        outputs = self.form.forward(self.state.parameters, seen)
        self.state.differentiate(self._losses(outputs, training.targets_of(targets, outputs.dtype), scored))

    def gradients(self) -> Tensor:
        """Of the first step's losses: (networks, numbers)."""
        self._differentiate(0)
        return self.state.gradient

    def train(self) -> list[Run]:
        """Train all until each has stopped."""
        recipe, count = self.recipe, len(self.networks)
        results: list[Run | None] = [None] * count
        left = list(range(count))
        curves: list[list[float]] = [[] for _ in range(count)]
        seconds, since = [0.0] * count, time.process_time()
        for step in range(1, recipe.steps + 1):
            self.step(step - 1)
            if step % recipe.check_every and step != recipe.steps:
                continue
            for index, error in zip(left, self._measure(), strict=True):
                curves[index].append(error)
            since, spent = time.process_time(), time.process_time() - since
            stopped = {index: stop_reason(curves[index], self.task, recipe, step) for index in left}
            for row, index in enumerate(left):
                seconds[index] += spent / len(left)
                if reason := stopped[index]:
                    results[index] = self._result(row, index, step, reason, curves[index], seconds[index])
            remaining = [row for row, index in enumerate(left) if not stopped[index]]
            if not remaining:
                break
            if len(remaining) < len(left):
                left = [left[row] for row in remaining]
                self._keep(remaining)
            since = time.process_time()
        return [result for result in results if result is not None]

    def _keep(self, rows: list[int]) -> None:
        self.state.keep(rows)
        self.seeds = [self.seeds[row] for row in rows]
        self.examples.keep([row for row, seed in enumerate(self.examples.seeds) if seed in self.seeds])

    def _of_runs(self, of_seeds: Tensor) -> Tensor:
        """Row i of what belongs to the seeds becomes the i-th run's."""
        if len(of_seeds) == len(self.seeds):
            return of_seeds
        if len(of_seeds) == 1:
            return of_seeds.expand(len(self.seeds), *of_seeds.shape[1:])
        return of_seeds[[self.examples.seeds.index(seed) for seed in self.seeds]]

    @torch.no_grad()
    def _measure(self) -> list[float]:
        """What each run is judged by, on validation inputs, with averaged weights."""
        parameters, answer = self.state.rows(self.state.averaged), self.task.answer
        sums, left = [answer.sums() for _ in self.seeds], self.recipe.validation
        for seen, *exact in self.examples.validation(training._VALIDATION_START, self._activations):
            outputs = self.form.forward(parameters, self._of_runs(seen)).cpu()
            targets, scored = (self._of_runs(part).cpu() for part in exact)
            for row, own in enumerate(sums):
                own.add(answer, outputs[row, :left], targets[row, :left], scored[row, :left])
            left -= outputs.shape[1]
        return [training.finite(own.judged) for own in sums]

    @torch.no_grad()
    def _result(self, row: int, index: int, step: int, stopped: str, curve: list[float], seconds: float) -> Run:
        begin, network = time.process_time(), self.networks[index]
        averaged = self.state.rows(self.state.averaged)
        for name, parameter in network.network.named_parameters():
            parameter.copy_(averaged[name][row])
        network.requires_grad_(False)
        return judged(
            network,
            self.seeds[row],
            self.recipe,
            steps=step,
            stopped=stopped,
            curve=curve,
            seconds=seconds + time.process_time() - begin,
        )


def _pays(form: Form, network: TaskNetwork, task: Task, recipe: Recipe, runs: int) -> bool:
    """Whether runs are batched: a rule, not a timing, since the rounding is not that of the loop."""
    small = recipe.batch * task.spec.length * (network.size.width or 1) <= _MAPPED_NUMBERS
    return small and runs >= form.fewest


@dataclass(frozen=True)
class _Trial:
    """Steps of the real networks, to see what company does to them."""

    form: Form
    task: Task
    networks: list[TaskNetwork]
    recipe: Recipe
    device: str

    def group(self, first: int, until: int) -> _Group:
        """Networks first ... until-1, each of its own seed."""
        runs = [(seed, 0.0) for seed in range(first, until)]
        return _Group(self.form, self.task, self.networks[first:until], runs, self.recipe, self.device)

    def together(self) -> int:
        """How many networks at a time take the least time for each."""
        most, best, least = len(self.networks), 1, math.inf
        for count in sorted({*(few for few in _CANDIDATES if few < most), most}):
            each = _seconds(self.group(0, count).step) / count
            if each < least:
                best, least = count, each
            if each > _WORTH or each > 1.2 * least:
                break
        return best

    def keeps_bits(self) -> bool:
        """Whether gradients are the same in every bit in other company, at other places in memory."""
        most = len(self.networks)
        all_of_them = self.group(0, most).gradients()
        return all(
            torch.equal(self.group(first, until).gradients(), all_of_them[first:until])
            for first, until in {(0, 1), (most // 2, most), (1, most), (most - 1, most)}
        )


def _fitting(trial: _Trial) -> int:
    """Networks at a time; 0 for networks that cannot be mapped over, or not without a trace of their company."""
    try:
        if not trial.keeps_bits():
            return 0
    except Exception:  # whatever a module of somebody else's does under vmap; by itself it may well do
        return 0
    return trial.together()


def _seconds(step: Callable[[int], object]) -> float:
    """Least processor time of a step; the first one is not counted unless it takes long."""
    begin = time.process_time()
    step(0)
    times = [time.process_time() - begin]
    if times[0] < _WORTH:
        times = []
    while not times or sum(times) < _TIMED:
        begin = time.process_time()
        step(0)
        times.append(time.process_time() - begin)
    return min(times)
