"""Which states of a component can be told apart by counting: the decision behind C-RASP.

Inside a component, let every edge have a label: its letter, and what is known of its source; at first nothing is. A
function of the states, a potential, can be counted if it changes by the same amount along all edges of a label: it is
then a sum of counts of labels, whatever the word. States with different potentials are told apart, which makes finer
labels, and so more potentials, until nothing is gained. States that all these potentials tell apart are known after
every word that stays in the component.

Weights of labels belong to a potential exactly if they add up to zero along every cycle; cycles need not be listed for
it. A spanning tree gives the potentials as sums of unknown weights, every other edge one linear equation between them,
and the solutions are found in exact integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from assay.languages.automaton import Automaton

Vector = tuple[int, ...]
Label = tuple[int, int]  # the class of the source, the letter


@dataclass(frozen=True)
class Round:
    """Potentials that change along each label by one weight.

    Attributes:
        classes: of each state, which states it was not yet told apart from, by its number.
        weights: of each label, the change of every potential.
        potentials: of each state; zero at the first state of the component.
    """

    classes: dict[int, int]
    weights: dict[Label, Vector]
    potentials: dict[int, Vector]


@dataclass(frozen=True)
class Separation:
    """What counting tells apart within a component.

    Attributes:
        component: its states, in order.
        rounds: each with finer labels than the one before.
        classes: of each state after the last round.
    """

    component: Vector
    rounds: tuple[Round, ...]
    classes: dict[int, int]

    @property
    def complete(self) -> bool:
        """Whether all states are told apart."""
        return len(set(self.classes.values())) == len(self.component)

    @property
    def same(self) -> tuple[int, int] | None:
        """The first two states that are not told apart; None where all are."""
        seen: dict[int, int] = {}
        for state in self.component:
            if self.classes[state] in seen:
                return seen[self.classes[state]], state
            seen[self.classes[state]] = state
        return None


def separate(automaton: Automaton, component: Vector) -> Separation:
    """Tell the states of a strongly connected component apart by counting, as far as it goes.

    At most one round for each state, each of one elimination in as many unknowns as there are labels.

    >>> from assay.languages.expression import automaton_of
    >>> separate(automaton_of("(ab)*"), (0, 1)).rounds[0].potentials
    {0: (0,), 1: (1,)}
    >>> separate(automaton_of("(aa)*"), (0, 1)).same
    (0, 1)
    """
    edges = _edges(automaton, component)
    tree, others = _spanning_tree(edges, component[0])
    classes = dict.fromkeys(component, 0)
    count, rounds = 1, []
    while count < len(component):
        found = _round(edges, tree, others, classes)
        numbers: dict[Vector, int] = {}
        finer = {state: numbers.setdefault(found.potentials[state], len(numbers)) for state in component}
        if len(numbers) == count:
            break
        rounds.append(found)
        classes, count = finer, len(numbers)
    return Separation(component, tuple(rounds), classes)


def _edges(automaton: Automaton, component: Vector) -> list[tuple[int, int, int]]:
    """Source, letter and target of the edges that stay in the component."""
    inside, rows = set(component), automaton.table[list(component)].tolist()
    return [
        (source, letter, target)
        for source, row in zip(component, rows, strict=True)
        for letter, target in enumerate(row)
        if target in inside
    ]


def _spanning_tree(edges: list[tuple[int, int, int]], root: int) -> tuple[list[int], list[int]]:
    """The edges of a tree away from the root, each after the one to its source, and all others; by their places."""
    out: dict[int, list[int]] = {}
    for place, (source, _, _) in enumerate(edges):
        out.setdefault(source, []).append(place)
    tree, reached, order = [], {root}, [root]
    for state in order:
        for place in out.get(state, ()):
            target = edges[place][2]
            if target not in reached:
                reached.add(target)
                order.append(target)
                tree.append(place)
    return tree, sorted(set(range(len(edges))) - set(tree))


def _round(edges: list[tuple[int, int, int]], tree: list[int], others: list[int], classes: dict[int, int]) -> Round:
    """All potentials with these labels, or as many as tell the same states apart."""
    labels: dict[Label, int] = {}
    label_of = [labels.setdefault((classes[source], letter), len(labels)) for source, letter, _ in edges]
    row = {state: place for place, state in enumerate(classes)}
    sums = np.zeros((len(classes), len(labels)), dtype=np.int64)  # of weights, along the tree
    for place in tree:
        source, _, target = edges[place]
        sums[row[target]] = sums[row[source]]
        sums[row[target], label_of[place]] += 1
    equations = {
        tuple(equation) for place in others if any(equation := _equation(sums, row, edges[place], label_of[place]))
    }
    basis = _independent(equations, len(labels))
    values = _product(sums, basis)
    chosen = [(column, gcd(*(line[column] for line in basis))) for column in _telling(values)]
    return Round(
        dict(classes),
        {label: tuple(basis[place][column] // factor for column, factor in chosen) for label, place in labels.items()},
        {state: tuple(values[place][column] // factor for column, factor in chosen) for state, place in row.items()},
    )


def _equation(sums: NDArray[np.int64], row: dict[int, int], edge: tuple[int, int, int], label: int) -> list[int]:
    source, _, target = edge
    equation = sums[row[source]] - sums[row[target]]
    equation[label] += 1
    return equation.tolist()


def _independent(equations: set[tuple[int, ...]], unknowns: int) -> list[list[int]]:
    """A basis of the solutions in integers, as columns: (unknowns, dimensions)."""
    if not equations:
        return [[int(i == j) for j in range(unknowns)] for i in range(unknowns)]
    kernel, dimensions = fmpz_mat([list(one) for one in sorted(equations)]).nullspace()
    return [[int(one) for one in line[:dimensions]] for line in kernel.tolist()]


def _product(sums: NDArray[np.int64], basis: list[list[int]]) -> list[list[int]]:
    if not basis or not basis[0]:
        return [[] for _ in sums]
    product = fmpz_mat(sums.tolist()) * fmpz_mat(basis)
    return [[int(one) for one in line] for line in product.tolist()]


def _telling(values: list[list[int]]) -> list[int]:
    """Columns that tell as many rows apart as all do, each more than those before it."""
    chosen: list[int] = []
    classes = [0] * len(values)
    told = 1
    for column in range(len(values[0])):
        if told == len(values):
            break
        numbers: dict[tuple[int, int], int] = {}
        finer = [
            numbers.setdefault((one, line[column]), len(numbers)) for one, line in zip(classes, values, strict=True)
        ]
        if len(numbers) > told:
            chosen.append(column)
            classes, told = finer, len(numbers)
    return chosen
