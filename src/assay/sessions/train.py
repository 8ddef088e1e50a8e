"""What `assay train` does: one network on one task."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from assay.models import named_architecture
from assay.models.shape import Option
from assay.sessions.naming import Tell, options_from, silent, task_from
from assay.store.files import require_writable
from assay.tasks import Task
from assay.training import single
from assay.training.single import Trained
from assay.trivial.predictors import one_thread


@one_thread()  # as in a study's workers: the same question has the same answer
def train(
    task: Task | str,
    *,
    architecture: str = "attention",
    width: int = 16,
    depth: int = 1,
    head_width: int = 0,
    steps: int = 2000,
    rate: float = 0.01,
    seed: int = 0,
    distribution: str | None = None,
    loops: int = 1,
    options: str | dict[str, Option] | None = None,
    positions: str = "",
    shortest: int | None = None,
    curriculum: bool | None = None,
    test_length: Iterable[int] | None = None,
    device: str = "cpu",
    out: str | Path | None = None,
    tell: Tell = silent,
    **parameters: object,
) -> Trained:
    """Train one network on a task.

    Args:
        task: a task, or its name with its parameters: `train("match2", length=8)`.
        architecture: its name, `file.py:Class`, or several joined by `+`, which take turns.
        width: of the network.
        depth: layers.
        head_width: width of a head; 0 is one head.
        steps: of training, at most.
        rate: of learning.
        seed: of weights and inputs.
        distribution: of the inputs; the task's usual one unless given.
        loops: how often all layers are run, with the same weights.
        options: of the layers, as a dictionary or `name=value,name=value`.
        positions: none, table, or rotary; the task's usual ones unless given.
        shortest: length from which on sequences are trained; 0: the task's own alone.
        curriculum: whether the length is raised over half of the steps; else it is drawn.
        test_length: lengths at which it is tested too.
        device: cpu, or cuda where there is a GPU.
        out: the safetensors file to write; none unless given.
        tell: hears of progress.
        parameters: of a task that is named.

    >>> found = train("match2", length=8, width=4, steps=3)
    >>> found.shape["width"], found.steps, found.network(found.task.sample(2, seed=0).inputs).shape[0]
    (4, 3, 2)

    Raises:
        AssayError: a request that cannot be met, a size on which a trivial baseline is within the tolerance, or a path
            that cannot be used.
    """
    path = None if out is None else Path(out)
    require_writable(path)
    recipe = {
        "steps": steps,
        "distribution": distribution,
        "shortest": shortest,
        "curriculum": curriculum,
        "test_lengths": None if test_length is None else list(test_length),
    }
    return single.train_one(
        task_from(task, parameters),
        named_architecture(architecture),
        path,
        width=width,
        rate=rate,
        seed=seed,
        device=device,
        tell=tell,
        recipe={name: value for name, value in recipe.items() if value is not None},
        depth=depth,
        loops=loops,
        head_width=head_width,
        options=options_from(options),
        positions=positions,
    )
