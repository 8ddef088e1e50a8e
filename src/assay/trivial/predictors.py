"""Predictors that baselines are: boosted trees, a single tree where classes are many, least squares for numbers.

The same rows give the same predictor: nothing is drawn but which columns a single tree may look at, and that from a
fixed seed.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.tasks.answers import Answer, Bits, Classes

BOOSTED_CLASSES = 64  # most classes for which trees are boosted
ROUNDS, RATE, LEAVES, SHRINKAGE = 120, 0.2, 12, 5.0  # of boosted trees; each round has one for each class
WORK, OWN_WORK = 12_000, 40  # columns of all trees together, where one of 16,000 rows takes as long as 40 columns more
FEWEST_ROUNDS = 4  # whatever the work
_RIDGE = 1e-9


def predict(answer: Answer, seen: Tensor, targets: Tensor, scored: Tensor, shown: Tensor) -> Tensor:
    """Outputs (batch, queries, *answer.output_shape) for the numbers `shown`, fitted on those `seen`.

    Args:
        answer: the kind of the answers.
        seen: numbers about each query of the examples that are fitted on, (batch, queries, columns).
        targets: their exact answers.
        scored: which of these count, bool (batch, queries).
        shown: numbers about the queries to predict answers for.
    """
    rows, asked = seen[scored].double(), shown.flatten(0, 1).double()
    known = targets[scored]
    if isinstance(answer, Bits | Classes):
        found = _by_trees(answer, rows, known, asked)
    else:
        found = _by_least_squares(rows, known.double(), asked)
    return found.unflatten(0, shown.shape[:2])


def _by_trees(answer: Bits | Classes, rows: Tensor, known: Tensor, asked: Tensor) -> Tensor:
    """The chance of a yes (rows,), or of each class (rows, classes)."""
    labels = known.long()
    kinds = labels.unique()
    if len(kinds) == 1:
        chances = torch.ones(len(asked), 1, dtype=torch.float64)
    else:
        chances = torch.from_numpy(_chances(rows.numpy(), labels.numpy(), asked.numpy(), isinstance(answer, Bits)))
    every = torch.zeros(len(asked), answer.count if isinstance(answer, Classes) else 2, dtype=torch.float64)
    every[:, kinds] = chances
    return every if isinstance(answer, Classes) else every[:, 1]


def _chances(rows: NDArray, labels: NDArray, asked: NDArray, balanced: bool) -> NDArray:
    """Of each class that occurs, in their order; `balanced` where all classes weigh as much as each other."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.tree import DecisionTreeClassifier

    classes = int(labels.max()) + 1
    if classes <= BOOSTED_CLASSES:
        trees = 1 if classes == 2 else classes
        rounds = max(FEWEST_ROUNDS, min(ROUNDS, WORK // (trees * (rows.shape[1] + OWN_WORK))))
        made = HistGradientBoostingClassifier(
            learning_rate=RATE,
            max_iter=rounds,
            max_leaf_nodes=LEAVES,
            l2_regularization=SHRINKAGE,
            early_stopping=False,
            random_state=0,
            class_weight="balanced" if balanced else None,
        )
    else:
        made = DecisionTreeClassifier(
            max_leaf_nodes=4 * classes, max_features=min(rows.shape[1], 4), min_samples_leaf=2, random_state=0
        )
    return made.fit(rows, labels).predict_proba(asked)


@contextmanager
def one_thread() -> Generator[None]:
    """Sums are not split among threads, so that no digit depends on the number of these."""
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def _by_least_squares(rows: Tensor, known: Tensor, asked: Tensor) -> Tensor:
    """A linear map of the numbers and a constant."""
    rows, asked = (torch.nn.functional.pad(part, (0, 1), value=1.0) for part in (rows, asked))
    square = rows.T @ rows
    square += _RIDGE * (1 + square.diagonal().max()) * torch.eye(len(square), dtype=torch.float64)
    return asked @ torch.linalg.solve(square, rows.T @ known)
