"""Languages whose letters permute the states, by layers for words of a group: DeltaProduct, or diagonal complex layers.

The state after a word is where the product of its letters takes the first state, so layers that are right on the words
of the group that the letters generate are right on the language.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, Refuted
from assay.groups.certify import WeightsCertificate
from assay.groups.diagonal import DiagonalLayers, certify_diagonal, diagonal_layers
from assay.groups.group import Group, cycles
from assay.groups.reading import generated_group
from assay.groups.reflections import Reflections, certify_reflections, integer_reflections
from assay.groups.structure import structure_of
from assay.languages.automaton import Automaton

LARGEST = 200  # elements of a group whose weights are written down
_MOST_STATES = 64  # of an automaton whose group is generated


@dataclass(frozen=True, eq=False)
class PermutationAutomaton:
    """An automaton whose letters permute its states, and layers that track it.

    Attributes:
        automaton: of the language.
        layers: weights for words of the group that its letters generate.
        states: the state that each element of the group stands for, int64 (|G|,).
        certificate: what is proved of them, for all words up to its horizon.
    """

    automaton: Automaton
    layers: Reflections | DiagonalLayers
    states: NDArray[np.int64]
    certificate: WeightsCertificate

    def run(self, words: NDArray[np.int64]) -> NDArray[np.int64]:
        """The state that is read after every letter of a batch of words of numbers of letters, int64 (batch, length).

        >>> from assay.languages.expression import automaton_of
        >>> (product, diagonal) = permutation_automata(automaton_of("(b*ab*a)*b*"))
        >>> product.run(np.array([[0, 1, 0, 0]])).tolist(), diagonal.certificate.layers
        ([[1, 1, 0, 1]], 1)
        """
        return self.states[self.layers.run(words)]


def permutation_automata(automaton: Automaton) -> tuple[PermutationAutomaton, ...]:
    """One DeltaProduct layer, and diagonal complex layers where the group is solvable; nothing where there are none.

    There are none where a letter does not permute the states, there are more than 64 of these, or the group has more
    than 200 elements.

    Raises:
        Refuted: weights do not hold; a fault of Assay.
    """
    found = permutation_group(automaton)
    if found is None:
        return ()
    group, letters = found
    products = integer_reflections(group, letters)
    made = [_automaton(automaton, group, products, certify_reflections(products, group))]
    if structure_of(group).solvable:
        phases = diagonal_layers(group, letters)
        made.append(_automaton(automaton, group, phases, certify_diagonal(phases, group)))
    return tuple(made)


def permutation_group(automaton: Automaton) -> tuple[Group, tuple[int, ...]] | None:
    """The group of the letters, and the element of each letter; None where there is none of at most 200 elements.

    A letter is the inverse of its permutation of the states: of a product the right factor acts first, of a word the
    first letter.
    """
    points, reached = range(automaton.states), np.sort(automaton.table, axis=0)
    if automaton.states > _MOST_STATES or not (reached == np.arange(automaton.states)[:, None]).all():
        return None
    moves = np.argsort(automaton.table, axis=0).T
    every = " ".join(f"({point})" for point in points)  # so that points that no letter moves keep their places
    try:
        group = generated_group(f"{every},{','.join(cycles(move, points) or '()' for move in moves)}")
    except AssayError:  # too many elements
        return None
    if not 1 < group.order <= LARGEST:
        return None
    places = {tuple(images): number for number, images in enumerate(group.action.tolist())}
    return group, tuple(places[tuple(move)] for move in moves.tolist())


def _automaton(
    automaton: Automaton, group: Group, layers: Reflections | DiagonalLayers, certificate: WeightsCertificate
) -> PermutationAutomaton:
    """The layers with the state of each element, which is checked for every element and letter."""
    states = np.argmin(group.action, axis=1)  # the point that the inverse of a word's permutation takes to state 0
    after = states[group.table[:, list(layers.letters)]]
    if states[0] != 0 or not np.array_equal(after, automaton.table[states]):
        raise Refuted("the group of the letters does not act as the automaton")
    rests = f"{certificate.justification}; states of all {group.order} elements times {len(layers.letters)} letters"
    return PermutationAutomaton(automaton, layers, states, replace(certificate, justification=rests))
