"""Orthogonal matrices of a representation, in float64, and their factors: reflections."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.arithmetic.threads import one_thread
from assay.groups.characters import Characters
from assay.groups.group import Group
from assay.groups.representations import RealIrreducible
from assay.groups.structure import class_numbers, inverses

Reals = NDArray[np.float64]

_SAME = 1e-7  # eigenvalues nearer than this belong together; characters of different representations differ by far more
_DRAWS = 20


def orthogonal_matrices(group: Group, characters: Characters, parts: tuple[RealIrreducible, ...]) -> Reals:
    """rho(x) for each element, block diagonal with a block for each part: float64 (|G|, d, d).

    A random symmetric matrix that commutes with the regular representation has eigenspaces on which G acts irreducibly;
    one of each part is taken, recognised by its character.

    >>> from assay.groups import named_group
    >>> from assay.groups.characters import characters_of
    >>> from assay.groups.representations import real_irreducibles
    >>> group = named_group("S3")
    >>> found = characters_of(group)
    >>> rho = orthogonal_matrices(group, found, (real_irreducibles(found)[2],))
    >>> bool(np.abs(rho[1] @ rho[2] - rho[group.table[1, 2]]).max() < 1e-12)
    True
    """
    blocks = _blocks(group, characters, parts)
    rho = np.zeros((group.order, sum(part.dimension for part in parts), sum(part.dimension for part in parts)))
    start = 0
    for block in blocks:
        end = start + block.shape[1]
        rho[:, start:end, start:end] = block
        start = end
    return rho


def _blocks(group: Group, characters: Characters, parts: tuple[RealIrreducible, ...]) -> list[Reals]:
    table, back = group.table, inverses(group.table)
    firsts = np.unique(class_numbers(table), return_index=True)[1]
    wanted = [characters.values(part.characters).sum(axis=0).real for part in parts]
    random = np.random.default_rng(0)
    for _ in range(_DRAWS):
        weights = random.normal(size=group.order)
        weights = (weights + weights[back]) / 2
        with one_thread():
            eigenvalues, vectors = np.linalg.eigh(weights[table[back]])  # of x^-1 y at [x, y]: commutes with x -> g x
        edges = np.flatnonzero(np.diff(eigenvalues) > _SAME * np.ptp(eigenvalues)) + 1
        spaces = np.split(vectors, edges, axis=1)
        found = []
        for part, character in zip(parts, wanted, strict=True):
            fitting = [space for space in spaces if space.shape[1] == part.dimension]
            traces = ((space, _traces(space, table, back[firsts])) for space in fitting)
            space = next((space for space, trace in traces if np.abs(trace - character).max() < _SAME * 1e2), None)
            if space is None:
                break
            found.append(np.einsum("yi,gyj->gij", space, space[table[back]]))
        if len(found) == len(parts):
            return found
    raise AssertionError("eigenvalues of random symmetric matrices that commute with G coincide with probability 0")


def _traces(space: Reals, table: NDArray[np.int64], backs: NDArray[np.int64]) -> Reals:
    """The character of the space at elements with these inverses."""
    return np.array([np.vdot(space, space[table[back]]) for back in backs])


def reflections_of(matrices: Reals, steps: int) -> tuple[Reals, NDArray[np.bool_]]:
    """Unit vectors w with A = (I - 2 w_n w_n^T) ... (I - 2 w_1 w_1^T): float64 (matrices, n, d), and which are used.

    The proof of Cartan and Dieudonne, run: for x with A x != x, the reflection along A x - x takes x to A x and leaves
    all that A leaves, so that what remains leaves x, too. x is the singular vector of A - I that is moved farthest.

    Args:
        matrices: orthogonal, float64 (count, d, d).
        steps: n, at least the rank of each A - I.

    >>> turn = np.array([[[0.0, -1.0], [1.0, 0.0]]])
    >>> (first, last), used = reflections_of(turn, 2)[0][0], reflections_of(turn, 2)[1]
    >>> mirror = lambda w: np.eye(2) - 2 * np.outer(w, w)
    >>> bool(np.allclose(mirror(last) @ mirror(first), turn[0])), used.tolist()
    (True, [[True, True]])
    """
    count, d, _ = matrices.shape
    vectors, used = np.zeros((count, steps, d)), np.zeros((count, steps), dtype=bool)
    rest = matrices.copy()
    for step in reversed(range(steps)):
        left, moved, _ = np.linalg.svd(rest - np.eye(d))
        used[:, step] = (
            moved[:, 0] > 1e-6
        )  # of elements of order o <= 720, ranks show in moves of 2 sin(pi / o) or more
        w = np.where(used[:, step, None], left[:, :, 0], 0.0)  # A x - x for the x that is moved farthest, normalised
        vectors[:, step] = w
        rest = rest - 2 * w[:, :, None] * np.einsum("ci,cij->cj", w, rest)[:, None, :]
    return vectors, used
