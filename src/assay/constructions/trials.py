"""Trials of constructions: run on drawn inputs, against answers computed in float64."""

from __future__ import annotations

from assay.arithmetic.torch_settings import in_float32
from assay.constructions.answering import NO_NUMBER as NO_NUMBER
from assay.constructions.answering import Trial, answered, at_once, finite, together
from assay.constructions.construction import Construction
from assay.errors import AssayError, require_integer, unknown


@in_float32()
def try_network(network: Construction, distribution: str, draws: int, *, seed: int = 0) -> Trial:
    """Run a network on this many inputs of a distribution, against answers computed in float64.

    Raises:
        AssayError: the certificate does not speak of this distribution, or this network or length cannot be tried on
            it; or draws that are no positive integer.
    """
    require_integer("draws", draws, 1, None)
    task = network.task
    if distribution in task.distributions and task.lacks(distribution) and distribution not in checkable(network):
        raise AssayError(f"{distribution!r} inputs need {task.lacks(distribution)}")
    if distribution not in checkable(network):
        raise unknown(f"distribution to check {network.method!r} on,", distribution, checkable(network))
    keys = network.position_keys() if distribution == "adversarial" else None
    size = at_once(network)
    trials = []
    for start in range(0, draws, size):
        count = min(size, draws - start)
        inputs, targets, _ = task.trial(count, seed=seed, start=start, distribution=distribution, keys=keys)
        outputs, rows = answered(network, inputs)
        largest = None if outputs is None else finite(task.answer.errors(outputs, targets[rows])).max().item()
        trials.append(Trial(count, count - len(rows), largest))
    return together(trials)


def try_all(network: Construction, draws: int) -> dict[str, Trial]:
    """The same on every distribution that fits, by name."""
    return {name: try_network(network, name, draws) for name in checkable(network)}


def checkable(network: Construction) -> list[str]:
    """Distributions that this network's guarantee covers and that it can be tried on."""
    return network.task.trial_distributions(keys=network.position_keys() is not None)
