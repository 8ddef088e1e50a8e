"""How long a training run takes, from a few of its steps."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import torch

from assay.training.question import TrainingQuestion

_STEPS = 4


@dataclass(frozen=True)
class RunSeconds:
    """Processor seconds of one run.

    Attributes:
        step: of a training step, its share of the measurements of progress included.
        steps: of the budget.
        rest: of everything else: building the network and the final verdict, at other lengths in proportion to them.
    """

    step: float
    steps: int
    rest: float

    def of(self, share: float) -> float:
        """Of a run that takes this share of its budget."""
        return self.rest + share * self.steps * self.step


def time_run(question: TrainingQuestion) -> RunSeconds:
    """Time a training question: two short runs, of 1 and of 5 steps.

    Measured a second time, since the first use of a network compiles and allocates; on one thread, as workers have.
    Takes as long as some 8 steps and a measurement of 1,024 inputs.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _time(question)
    finally:
        torch.set_num_threads(threads)


def _time(question: TrainingQuestion) -> RunSeconds:
    recipe = question.recipe
    looks = min(1024, recipe.validation), min(1024, recipe.test)

    def seconds(steps: int, validation: int) -> float:
        short = replace(
            recipe, steps=steps, check_every=steps, validation=validation, test=1, warmup=1, test_lengths=()
        )
        begin = time.process_time()
        replace(question, recipe=short).train()
        return time.process_time() - begin

    seconds(1, 1)
    one, more = seconds(1, 1), seconds(1 + _STEPS, 1)
    look = max(0.0, seconds(1, looks[0]) - one) / looks[0]
    step = max(1e-5, (more - one) / _STEPS)
    tested = recipe.test * (1 + sum(at / question.task.length for at in recipe.test_lengths))
    return RunSeconds(
        step=step + look * recipe.validation / recipe.check_every,
        steps=recipe.steps,
        rest=one + look * tested,
    )
