"""The best that any state of so many values can do, by trying all: what bounds on mean errors are held against.

A state is a partition of the inputs into cells. What it costs is the sum of its cells' costs; the least sum over all
partitions into at most S cells comes from a recursion over sets of inputs.
"""

import itertools
from collections import defaultdict

import numpy as np


def least_costs(cost, count, states):
    """Least cost over all partitions of `count` inputs into at most 1, 2, ... `states` cells; `cost` takes a list."""
    whole = (1 << count) - 1
    cell = np.zeros(whole + 1)
    for mask in range(1, whole + 1):
        cell[mask] = cost([i for i in range(count) if mask >> i & 1])
    best, found = cell.copy(), [cell[whole]]
    for _ in range(states - 1):
        better = best.copy()
        for mask in range(1, whole + 1):
            lowest, part = mask & -mask, mask
            while part:  # all parts of the set that hold its lowest element
                if part & lowest:
                    better[mask] = min(better[mask], cell[part] + best[mask ^ part])
                part = (part - 1) & mask
        best = better
        found.append(best[whole])
    return found


def one_way(answers, weights):
    """Cost of a cell of Alice's inputs where Bob answers each question in one way: answers (Alice, Bob) of 0, 1.

    `weights` are what one wrong answer costs: where 0 is right, and where 1 is.
    """
    answers = np.asarray(answers)

    def cost(cell):
        ones = answers[cell].sum(axis=0)
        return np.minimum(ones * weights[1], (len(cell) - ones) * weights[0]).sum()

    return cost


def balanced_weights(answers):
    """Weights by which the cost of all answers is their balanced share of errors."""
    ones = int(np.sum(answers))
    return 1 / (2 * (np.size(answers) - ones)), 1 / (2 * ones)


def last_pass(inputs, answers, wrong):
    """Cost of a cell of inputs where token t answers from the cell and from tokens 1 ... t: `wrong` costs all answers.

    `wrong` takes the right answers of all inputs of the cell that token t cannot tell apart.
    """

    def cost(cell):
        total = 0.0
        for t in range(len(inputs[0])):
            alike = defaultdict(list)
            for i in cell:
                alike[tuple(inputs[i][: t + 1])].append(answers[i][t])
            total += sum(wrong(np.array(group)) for group in alike.values())
        return total

    return cost


def rarer(weights):
    """Cost of answering the same to all where some are 0 and some 1."""
    return lambda group: min(weights[1] * group.sum(), weights[0] * (len(group) - group.sum()))


def spread(group):
    """Squared distance of all answers from their mean: the cost of the best guess."""
    return float(((group - group.mean()) ** 2).sum())


def searched(cost, count, states, seed):
    """A low cost over partitions into `states` cells, where there are too many to try: moves that help, to the end."""
    generator = np.random.default_rng(seed)
    cells = generator.integers(states, size=count)
    costs = [cost(np.flatnonzero(cells == state).tolist()) for state in range(states)]
    improved = True
    while improved:
        improved = False
        for i, state in itertools.product(generator.permutation(count), range(states)):
            old = cells[i]
            if state == old:
                continue
            cells[i] = state
            changed = [cost(np.flatnonzero(cells == s).tolist()) for s in (old, state)]
            if sum(changed) < costs[old] + costs[state] - 1e-12:
                costs[old], costs[state] = changed
                improved = True
            else:
                cells[i] = old
    return sum(costs)
