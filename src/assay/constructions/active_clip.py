"""Queries that single out a pointer set among given keys: equal scores on the set, at most 1/2 off it.

For unit keys u_j, the query of a set y has <u_i, w> = 1 for i in y and <u_j, w> <= 1/2 for all other j. Candes and Tao
("Decoding by linear programming", 2005, Lemmas 2.1 and 2.2) show that random sign keys of width O(q log N) have such a
query, of norm at most 2 sqrt(q), for every set of q keys at once with high probability; this is the lemma behind
Theorem 2 of Sanford, Hsu, Telgarsky (2023). The query is found by active clipping: take the query of least norm with
the wanted scores on y; clip every key above 1/2 to exactly 1/2; repeat until none is above. Two to five rounds are
usual.
"""

from __future__ import annotations

import torch
from torch import Tensor

CEILING = 0.5  # largest score off the set, where scores on the set are 1
NORM = 4.0  # largest norm of a query, in units of sqrt(q); the lemma has 2, searched small cases need a little more
SLACK = 1e-11  # how far a float64 score may be from its target and still count as there
_ROWS = 256
_MAX_ROUNDS = 50


def clipped_queries(keys: Tensor, pointers: Tensor) -> tuple[Tensor, Tensor]:
    """Least-norm clipped queries.

    Time O(rows * (k^2 m + k^3 + T m)) a round, where k is the number of keys held at a target (at most m).

    Args:
        keys: float64 (T, m), rows of norm 1.
        pointers: int64 (rows, q), distinct along the last axis.

    Returns:
        Queries, float64 (rows, m), and which of them are certified, bool (rows,): scores within SLACK of 1 on the set,
        at most CEILING + SLACK off it, and norm at most NORM sqrt(q), each computed from the query that is returned.
    """
    queries = torch.cat([_solve(keys, rows) for rows in pointers.split(_ROWS)])
    return queries, _certified(keys, pointers, queries)


def without_repeats(keys: Tensor, length: int) -> Tensor:
    """The first `length` keys (T, m) and each different one of the others once, which tokens that only ask may share.

    What holds of the scores of these holds of all, and a query cannot be held to the same condition twice.

    >>> without_repeats(torch.tensor([[1.0], [-1.0], [1.0], [1.0]]), 2).flatten().tolist()
    [1.0, -1.0, 1.0]
    """
    return torch.cat([keys[:length], keys[length:].unique(dim=0)]) if len(keys) > length + 1 else keys


def _certified(keys: Tensor, pointers: Tensor, queries: Tensor) -> Tensor:
    checks = []
    for rows, block in zip(pointers.split(_ROWS), queries.split(_ROWS), strict=True):
        scores = block @ keys.T
        on = scores.gather(1, rows)
        off = scores.scatter(1, rows, -torch.inf)
        fits = ((on - 1).abs() <= SLACK).all(dim=1) & (off <= CEILING + SLACK).all(dim=1)
        checks.append(fits & (torch.linalg.vector_norm(block, dim=1) <= NORM * rows.shape[1] ** 0.5))
    return torch.cat(checks)


def _solve(keys: Tensor, pointers: Tensor) -> Tensor:
    """Queries of one block of rows; NaN where clipping needs more keys than the width can hold."""
    rows, sparsity = pointers.shape
    padding, width = keys.shape
    padded = torch.cat([keys, keys.new_zeros(1, width)])
    queries = keys.new_full((rows, width), torch.nan)
    todo = torch.arange(rows)
    held, targets = pointers, keys.new_ones(rows, sparsity)
    for _ in range(_MAX_ROUNDS):
        solution = _least_norm(padded, held, targets)
        scores = (solution @ keys.T).scatter_(1, pointers[todo], -torch.inf)
        excess = (scores > CEILING + SLACK / 2).sum(dim=1)
        solved = (excess == 0) & torch.isfinite(solution).all(dim=1)
        queries[todo[solved]] = solution[solved]
        going = (excess > 0) & ((held != padding).sum(dim=1) + excess <= width)
        if not going.any():
            break
        todo, held, targets, scores = todo[going], held[going], targets[going], scores[going]
        highest = scores.topk(int(excess[going].max()), dim=1)
        above = highest.values > CEILING + SLACK / 2
        held = torch.cat([held, torch.where(above, highest.indices, padding)], dim=1)
        targets = torch.cat([targets, torch.where(above, CEILING, 0.0)], dim=1)
    return queries


def _least_norm(padded: Tensor, held: Tensor, targets: Tensor) -> Tensor:
    """Minimum-norm w with <u_t, w> = target of t for all held keys t; rows with dependent keys become NaN.

    The last row of `padded` is zero; where it is held there is no condition.
    """
    rows = padded[held]
    gram = rows @ rows.transpose(1, 2)
    gram.diagonal(dim1=1, dim2=2).add_((held == len(padded) - 1).to(padded.dtype))
    factor, failed = torch.linalg.cholesky_ex(gram)
    weights = torch.cholesky_solve(targets.unsqueeze(2), factor)
    solution = (weights.transpose(1, 2) @ rows).squeeze(1)
    return torch.where((failed == 0).unsqueeze(1), solution, torch.nan)
