"""All that is known about a communication matrix as plain JSON values, each with what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import require
from assay.evidence import Json
from assay.examine.communication.matrix import AnswerTable, CommunicationMatrix, task_table
from assay.examine.communication.one_way import OneWay, least_distance, one_way
from assay.examine.communication.rank import rank_mod_2
from assay.examine.communication.two_way import TwoWay, two_way
from assay.examine.communication.vc import SplitVCDimension, VCDimension, split_vc, vc_dimension

if TYPE_CHECKING:
    from assay.tasks.task import Task

MOST_SPLIT_ENTRIES = 1 << 16  # inputs of a task, for a search over all its splits
_NOT_BOOLEAN = "not computed: answers are not all 0 or 1; a threshold makes them so"


def summarise(matrix: CommunicationMatrix, *, error: float = 0.0) -> dict[str, object]:
    """Ranks, fooling set, one-way messages either way, two-way bounds and VC dimension of a matrix.

    Cost: that of `rational_rank`, `fooling_set`, `one_way` and `vc_dimension`.

    Args:
        matrix: a function under a split.
        error: the worst error that one-way protocols may have; all else is about exact answers.

    >>> from assay.examine.communication import matrix_of
    >>> summary = summarise(matrix_of(lambda x: x[0] == x[1], [4, 4], [0]))
    >>> summary["rank"]["over_rationals"], summary["fooling_set"]["size"], summary["two_way"]["bits_at_least"]
    (4, 4, 2)
    >>> summary["fooling_set"]["justification"]
    'exact: no answer has more different rows or columns'

    Raises:
        AssayError: as for `one_way`.
    """
    bounds = two_way(matrix)
    gap = least_distance(matrix)
    answers = np.unique(matrix.multiples)
    return {
        "alice": list(matrix.alice),
        "bob": list(matrix.bob),
        "rows": matrix.multiples.shape[0],
        "columns": matrix.multiples.shape[1],
        "distinct_rows": bounds.distinct_rows,
        "distinct_columns": bounds.distinct_columns,
        "distinct_answers": len(answers),
        "exact_below_error": gap * matrix.unit / 2 if len(answers) > 1 else None,
        "rank": _rank(matrix, bounds),
        "fooling_set": _fooling_set(matrix, bounds),
        "from_alice": _one_way(matrix, one_way(matrix, error)),
        "from_bob": _one_way(matrix.transposed(), one_way(matrix.transposed(), error)),
        "two_way": _two_way(bounds),
        "vc_dimension": _vc_dimension(matrix, vc_dimension(matrix) if matrix.is_boolean else None),
    }


def communication_summary(
    task: Task,
    alice: Sequence[int],
    token: int | None = None,
    *,
    threshold: float | None = None,
    error: float = 0.0,
) -> Json:
    """The same for a task in finite form at one query token, and its split-VC dimension if it has few inputs.

    Args:
        task: one with `choices` and `assemble`.
        alice: her positions, at least one and not all.
        token: which query token, from 0; the last unless given.
        threshold: if given, answers become 1 above it and 0 elsewhere.
        error: the worst error that one-way protocols may have; all else is about exact answers.

    >>> from assay import SparseAveraging
    >>> task = SparseAveraging(length=3, sparsity=1, layout="last")  # the last position asks: INDEX
    >>> summary = communication_summary(task, [0, 1, 2], threshold=0.0)
    >>> summary["from_alice"]["bits_at_least"], summary["from_bob"]["bits_at_least"], summary["split_vc"]["dimension"]
    (3, 2, 3)

    Raises:
        AssayError: as for `task_table` and `one_way`, or positions that are no split.
    """
    require(0 < len(alice) < task.spec.length, "alice", list(alice), "at least one position, and not all")
    table = task_table(task, token=token, threshold=threshold)
    return {
        "task": task.to_json(),
        "token": task.spec.queries - 1 if token is None else token,
        "threshold": threshold,
        "error": error,
        **summarise(table.split(alice), error=error),
        "split_vc": _split_vc(table),
    }


def _rank(matrix: CommunicationMatrix, bounds: TwoWay) -> dict[str, object]:
    return {
        "over_rationals": bounds.rank,
        "over_two_elements": rank_mod_2(matrix) if matrix.is_boolean else None,
        "justification": "exact: elimination in whole numbers, and modulo 2 where answers are 0 and 1",
    }


def _fooling_set(matrix: CommunicationMatrix, bounds: TwoWay) -> dict[str, object]:
    found = bounds.fooling
    if not found.exact:
        justification = "lower bound: greedy method" + (f" and {found.nodes} search nodes" if found.nodes else "")
    elif found.nodes:
        justification = f"exact: branch and bound, {found.nodes} nodes"
    else:
        justification = "exact: no answer has more different rows or columns"
    return {
        "size": len(found.pairs),
        "answer": found.answer,
        "pairs": [[list(matrix.row_tokens(row)), list(matrix.column_tokens(column))] for row, column in found.pairs],
        "exact": found.exact,
        "nodes": found.nodes,
        "justification": justification,
    }


def _one_way(matrix: CommunicationMatrix, found: OneWay) -> dict[str, object]:
    if found.at_least == found.at_most:
        justification = "exact: inputs of which no two may share a message, and as many classes that may"
    else:
        justification = f"a clique of inputs that may not share a message, {found.nodes} nodes; a greedy colouring"
    return {
        "bits_at_least": found.bits_at_least,
        "bits_at_most": found.bits_at_most,
        "messages_at_least": found.at_least,
        "messages_at_most": found.at_most,
        "apart": [list(matrix.row_tokens(row)) for row in found.apart],
        "nodes": found.nodes,
        "justification": justification,
    }


def _two_way(bounds: TwoWay) -> dict[str, object]:
    return {
        "bits_at_least": bounds.bits_at_least,
        "bits_at_most": bounds.bits_at_most,
        "justification": "at least log2 of the rank and of the fooling set; at most one message that names a row or "
        "column; bits until either party knows the exact answer",
    }


def _vc_dimension(matrix: CommunicationMatrix, found: VCDimension | None) -> dict[str, object]:
    if found is None:
        return {"dimension": None, "justification": _NOT_BOOLEAN}
    return {
        "dimension": found.dimension,
        "shattered": [list(matrix.row_tokens(row)) for row in found.shattered],
        "exact": found.exact,
        "nodes": found.nodes,
        "justification": _searched(found),
    }


def _split_vc(table: AnswerTable) -> dict[str, object]:
    if not table.is_boolean:
        return {"dimension": None, "justification": _NOT_BOOLEAN}
    if table.multiples.size > MOST_SPLIT_ENTRIES:
        size = table.multiples.size
        return {"dimension": None, "justification": f"not computed: {size} inputs are more than {MOST_SPLIT_ENTRIES}"}
    found = split_vc(table)
    return {
        "dimension": found.dimension,
        "alice": list(found.alice),
        "shattered": [list(tokens) for tokens in found.shattered],
        "exact": found.exact,
        "splits": found.splits,
        "nodes": found.nodes,
        "justification": f"{_searched(found)} over all {found.splits} splits",
    }


def _searched(found: VCDimension | SplitVCDimension) -> str:
    kind = "exact" if found.exact else "lower bound"
    return f"{kind}: search for shattered inputs, {found.nodes} nodes"
