"""The models that explicit weights are written in, and what a network of each has.

They are the theory's networks, without residuals or normalisation, and no layer that is trained is one of them: a width
constructed in a bare model is no width of a trained layer. Bounds speak of both by what they have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from assay.models.passes import passes_for
from assay.resources import Averages, Resources
from assay.sizes import Size

if TYPE_CHECKING:
    from assay.tasks.task import Task

BARE_VERSION = 1  # raised when what a model has changes, so that old answers are not taken for new ones


@dataclass(frozen=True)
class BareModel:
    """One of the models.

    Attributes:
        name: as it stands beside architectures.
        title: what it is, for people.
        family: whose colour it has in charts.
        resources: what a network of a size has, for a task.
        state_per_width: numbers of state that a width stands for, where only a width is given.
        has_heads: whether it averages by heads.
    """

    name: str
    title: str
    family: str
    resources: Callable[[Size, Task], Resources]
    state_per_width: int = 0
    has_heads: bool = False

    def at(
        self, width: int, task: Task, *, heads: int = 1, head_width: int = 0, depth: int = 1, precision: int = 32
    ) -> Resources:
        """What a network of this width has; every head is as wide as the layer, or `head_width` if that is not 0."""
        state = width * self.state_per_width
        size = Size(width=width, heads=heads, head_width=head_width, depth=depth, precision=precision, state=state)
        return self.resources(size, task)


def _attention(size: Size, task: Task) -> Resources:
    return _averages(size, "float")


def _fixed_point(size: Size, task: Task) -> Resources:
    return _averages(size, "fixed")


def _threshold(size: Size, task: Task) -> Resources:
    return _averages(size, "exact")


def _averages(size: Size, arithmetic: Literal["float", "fixed", "exact"]) -> Resources:
    averages = Averages(size.heads, size.head_width or size.width, arithmetic) if size.depth == 1 else None
    return Resources(precision=size.precision, embedding=size.width, averages=averages)


def _embedding_only(size: Size, task: Task) -> Resources:
    return Resources(precision=size.precision, embedding=size.width)


def _recurrent(size: Size, task: Task) -> Resources:
    """Tokens are read as they are, so nothing is said of an embedding."""
    return Resources(
        precision=size.precision, passes=passes_for(task.spec, causal=True), state=lambda tokens: size.state
    )


def _feed_forward(size: Size, task: Task) -> Resources:
    return Resources(precision=size.precision, first_layer=size.width)


def _nothing(size: Size, task: Task) -> Resources:
    """A node of a graph-augmented network sees its row of the matrix in every layer: no embedding holds what it has."""
    return Resources(precision=size.precision)


BARE_MODELS: dict[str, BareModel] = {
    model.name: model
    for model in (
        BareModel(
            "bare-attention",
            "layers of softmax attention, anything after them",
            "attention",
            _attention,
            has_heads=True,
        ),
        BareModel(
            "bare-attention-threshold",
            "one layer of softmax attention, then an affine function and a threshold",
            "attention",
            _threshold,
            has_heads=True,
        ),
        BareModel(
            "fixed-point-attention",
            "attention of p-bit fixed-point numbers with an exact softmax, anything after it",
            "attention",
            _fixed_point,
            has_heads=True,
        ),
        BareModel("bare-third-order", "third-order attention, anything after it", "third-order", _embedding_only),
        BareModel("bare-strassen", "Strassen attention, anything after it", "strassen", _embedding_only),
        BareModel("bare-recurrent", "a causal state machine, one number a unit of width", "recurrent", _recurrent, 1),
        BareModel("bare-feed-forward", "a matrix, then anything", "feed-forward", _feed_forward),
        BareModel("graph-attention", "attention layers that see the graph's rows", "attention", _nothing),
        BareModel("graph-third-order", "third-order layers that see the graph's rows", "third-order", _nothing),
    )
}
