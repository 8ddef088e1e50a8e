"""What questions usually take, in seconds of one processor: measured on the shipped studies."""

from __future__ import annotations

from assay.question import Question
from assay.training.question import TrainingQuestion

SHARE = 0.65  # of the budget that a run takes: the mean over the searches of the shipped studies
START = 4.0  # seconds until workers have imported torch, and in which the report is written
# Seconds at one position, and the power of the length: of what takes longest in the shipped studies. All else is quick.
_SECONDS: dict[tuple[str, str], tuple[float, float]] = {
    ("construction", "sign"): (0.03, 0.7),
    ("construction", "reed-solomon"): (1e-5, 1.4),
    ("construction", "third-order"): (1.6e-6, 3.0),
    ("construction", "strassen"): (1e-6, 3.0),
    ("certificate", "sign"): (0.006, 1.0),
    ("certificate", "cyclic"): (0.0003, 1.0),
    ("precision", "sign"): (0.14, 0.7),
    ("precision", "cyclic"): (0.06, 0.7),
    ("precision", "heads"): (0.05, 0.4),
    ("precision", "reed-solomon"): (0.02, 0.9),
}
_QUICK = {"bound": 0.0, "boolean": 1.5, "precision": 0.6, "protocol": 0.8, "baselines": 1.0}
_USUALLY = 0.05  # what any other question takes beside
_ATTENTION_MAP = 1.0
_STEP, _TOKEN = 0.002, 3e-6  # of a training step; and of each token and layer in it


def usual_seconds(question: Question) -> float:
    """By the kind and the method; of a training run by its steps, tokens and layers, whatever its layer is."""
    if not isinstance(question, TrainingQuestion):
        first, power = _SECONDS.get((question.kind, question.subject), (0.0, 0.0))
        return _QUICK.get(question.kind, _USUALLY) + first * question.about.get("length", 1) ** power
    if question.attention_map:
        return _ATTENTION_MAP
    recipe, length = question.recipe, question.task.spec.length
    layers = question.networks.depth * question.networks.loops
    looks = recipe.validation / recipe.check_every / 3  # going forward takes a third of a step
    step = _STEP + _TOKEN * layers * length * (recipe.batch + looks)
    tested = recipe.test * (length + sum(recipe.test_lengths))
    return usual_share(question) * recipe.steps * step + _TOKEN / 3 * layers * tested


def usual_share(question: TrainingQuestion) -> float:
    """Of its budget that a run takes: all of it where it is tested at other lengths."""
    return 1.0 if question.recipe.test_lengths else SHARE
