"""One recurrent layer with a dense matrix of zeros and ones for each letter: any group, exactly, at any length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, Refuted
from assay.groups.certify import WeightsCertificate
from assay.groups.group import Group

_LARGEST = 200  # elements; all letters have 8 million entries then


@dataclass(frozen=True, eq=False)
class FiniteState:
    """h_t = M_x h_(t-1), h one-hot: after a word with product g only entry g is 1.

    Attributes:
        letters: the element that each letter stands for.
        matrices: M, float32 (letters, |G|, |G|).
    """

    letters: tuple[int, ...]
    matrices: NDArray[np.float32]

    def run(self, words: NDArray[np.int64]) -> NDArray[np.int64]:
        """The element that is read after each token of words of letter numbers, int64 (batch, length)."""
        state = np.zeros((len(words), self.matrices.shape[1]), dtype=np.float32)
        state[:, 0] = 1
        found = np.empty_like(words)
        for place in range(words.shape[1]):
            state = np.einsum("bij,bj->bi", self.matrices[words[:, place]], state)
            found[:, place] = state.argmax(axis=1)
        return found


def finite_state(group: Group, letters: tuple[int, ...]) -> FiniteState:
    """The matrices of a group of at most 200 elements: M_x has a 1 at [g x, g].

    >>> from assay.groups import named_group
    >>> finite_state(named_group("Z3"), (0, 1)).run(np.array([[1, 1, 0, 1]])).tolist()
    [[1, 2, 2, 0]]

    Raises:
        AssayError: the group has more elements.
    """
    if group.order > _LARGEST:
        raise AssayError(f"matrices of {group.name}: it has {group.order} elements; at most {_LARGEST} are allowed")
    matrices = np.zeros((len(letters), group.order, group.order), dtype=np.float32)
    matrices[np.arange(len(letters))[:, None], group.table.T[list(letters)], np.arange(group.order)] = 1
    return FiniteState(letters, matrices)


def certify_finite_state(weights: FiniteState, group: Group) -> WeightsCertificate:
    """Proof by enumeration that each column of each matrix is the one-hot state of the right product.

    Raises:
        Refuted: one is not.
    """
    columns = weights.matrices.transpose(0, 2, 1)  # what becomes of the state g, at [letter, g]
    wanted = group.table.T[list(weights.letters)]
    one_hot = (np.count_nonzero(columns, axis=2) == 1) & (columns.max(axis=2) == 1)
    wrong = ~one_hot | (columns.argmax(axis=2) != wanted)
    if wrong.any():
        letter, g = np.unravel_index(wrong.argmax(), wrong.shape)
        raise Refuted(f"finite state {group.labels[g]} does not go to its product with letter {letter}")
    return WeightsCertificate(
        weights="finite state, zeros and ones",
        layers=1,
        steps=0,
        state=group.order,
        letters=len(weights.letters),
        arithmetic="any arithmetic",
        token_error=0.0,
        margin=0.5,
        horizon=None,
        justification=f"{group.order} elements times {len(weights.letters)} letters enumerated, and induction",
    )
