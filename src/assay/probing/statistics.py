"""Plain statistics of one head on one text, in closed form: what any other figure of a head has to beat."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Generic, TypeVar

import numpy as np

from assay.errors import require
from assay.probing.one_head import Floats, HeadOnText, softmax

F = TypeVar("F")


@dataclass(frozen=True)
class HeadStatistics(Generic[F]):
    """Means over the queries of a text; queries that see one key only are left out, as they have no choice.

    Attributes:
        score_spread: standard deviation of the scores that a query gives to the keys it sees, nats.
        entropy: of its softmax, over the log of the number of keys it sees: 0 for one key, 1 for equal weights.
        sink_mass: weight on the sink, see `sinks`.
        top_mass: the largest weight.
        key_spread: standard deviation of the norms of the keys over their mean; 0 if all are 0. No mean over queries.
        output_size: root mean square norm of the output, over all queries, in the units of the values; NaN without.
    """

    score_spread: F
    entropy: F
    sink_mass: F
    top_mass: F
    key_spread: F
    output_size: F


NAMES = tuple(field.name for field in fields(HeadStatistics))


def head_statistics(head: HeadOnText) -> HeadStatistics[float]:
    """The statistics of a head, from one pass over its M x N scores.

    Args:
        head: on one text.

    Raises:
        AssayError: no query that sees two keys.

    >>> from assay.probing.one_head import one_head
    >>> flat = head_statistics(one_head(np.zeros((4, 2)), np.ones((4, 2))))
    >>> flat.score_spread, flat.entropy, flat.sink_mass, flat.top_mass
    (0.0, 1.0, 0.25, 0.25)
    """
    scores = head.scores()
    weights = softmax(scores)
    counts = head.visible.sum(axis=1)
    chosen = counts > 1
    require(bool(chosen.any()), "queries that see two keys", 0, "at least 1")
    seen = np.where(head.visible, scores, 0.0)
    mean = seen.sum(axis=1) / counts
    deviations = np.where(head.visible, scores - mean[:, None], 0.0)
    spread = np.sqrt(np.square(deviations).sum(axis=1) / counts)
    logs = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
    entropy = -(weights * logs).sum(axis=1)[chosen] / np.log(counts[chosen])
    norms = np.linalg.norm(head.keys, axis=1)
    return HeadStatistics(
        score_spread=float(spread[chosen].mean()),
        entropy=float(entropy.mean()),
        sink_mass=float(weights[chosen][:, list(sinks(head, weights))].sum(axis=1).mean()),
        top_mass=float(weights[chosen].max(axis=1).mean()),
        key_spread=float(norms.std() / norms.mean()) if norms.any() else 0.0,
        output_size=np.nan if head.values is None else float(np.sqrt(np.square(weights @ head.values).sum(1).mean())),
    )


def sinks(head: HeadOnText, weights: Floats | None = None) -> tuple[int, ...]:
    """The key taken for an attention sink: that with the largest mean weight, over the queries that see it and others.

    With visible keys growing with the query (causal heads) that is position 0 in most trained models. Of several that
    are equal it is the first. One position always: whether it is a sink is told by its mass.

    >>> from assay.probing.one_head import one_head
    >>> sinks(one_head([[1.0], [1.0]], [[0.0], [9.0], [0.0]]))
    (1,)
    """
    weights = head.weights() if weights is None else weights
    choice = head.visible & (head.visible.sum(axis=1) > 1)[:, None]
    counts = choice.sum(axis=0)
    mass = np.where(choice, weights, 0.0).sum(axis=0) / np.maximum(counts, 1)
    # A key that a few queries see, such as the last of a causal head, is no sink however much they look at it.
    mass[2 * counts < counts.max()] = -1.0
    return (int(mass.argmax()),)
