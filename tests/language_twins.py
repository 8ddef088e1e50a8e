"""Decisions about regular languages written down from their definitions: naive, and sharing no code."""

from fractions import Fraction
from itertools import permutations, product


def minimal(rows, accepting):
    """Rows and accepting states of the minimal automaton: states are the same if no word of up to n letters tells."""
    reached, waiting = [0], [0]
    while waiting:
        for there in rows[waiting.pop()]:
            if there not in reached:
                reached.append(there)
                waiting.append(there)
    words = [word for n in range(len(rows) + 1) for word in product(range(len(rows[0])), repeat=n)]

    def end(state, word):
        for letter in word:
            state = rows[state][letter]
        return state

    behaviour = {state: tuple(end(state, word) in accepting for word in words) for state in reached}
    kinds = list(dict.fromkeys(behaviour[state] for state in reached))
    one = {kind: next(state for state in reached if behaviour[state] == kind) for kind in kinds}
    merged = [[kinds.index(behaviour[there]) for there in rows[one[kind]]] for kind in kinds]
    return merged, {kinds.index(behaviour[state]) for state in reached if state in accepting}


def monoid(rows):
    """All maps that words induce."""
    letters = [tuple(row[letter] for row in rows) for letter in range(len(rows[0]))]
    found, waiting = {tuple(range(len(rows)))}, [tuple(range(len(rows)))]
    while waiting:
        element = waiting.pop()
        for letter in letters:
            new = times(element, letter)
            if new not in found:
                found.add(new)
                waiting.append(new)
    return found


def times(a, b):
    """First a, then b."""
    return tuple(b[one] for one in a)


def r_trivial(elements):
    """Green's relation: no two elements generate the same right ideal."""
    ideals = [frozenset(times(a, m) for m in elements) for a in elements]
    return len(set(ideals)) == len(ideals)


def star_free(elements):
    """Every element has a power that is the next power."""
    for element in elements:
        powers = [element]
        while times(powers[-1], element) not in powers:
            powers.append(times(powers[-1], element))
        if times(powers[-1], element) != powers[-1]:
            return False
    return True


def in_ac0(rows):
    """No set of all maps that words of one length induce holds a group of more than one."""
    letters = [tuple(row[letter] for row in rows) for letter in range(len(rows[0]))]
    one, seen = frozenset([tuple(range(len(rows)))]), set()
    while one not in seen:
        seen.add(one)
        one = frozenset(times(element, letter) for element in one for letter in letters)
    return not any(_moves(e, g) for same in seen for e in same for g in same)


def _moves(e, g):
    """Whether g is in the group of the idempotent e, and is not e."""
    powers = [g]
    while times(powers[-1], g) not in powers:
        powers.append(times(powers[-1], g))
    return times(e, e) == e and e in powers and e != g == times(g, e)


def groups(elements):
    """The group of units of e M e, for every idempotent e."""
    found = []
    for e in elements:
        if times(e, e) == e:
            local = {times(times(e, m), e) for m in elements}
            found.append({a for a in local if any(times(a, b) == e == times(b, a) for b in local)})
    return found


def solvable(group):
    """The derived series ends at one element."""
    unit = next(a for a in group if times(a, a) == a)
    while len(group) > 1:
        inverse = {a: next(b for b in group if times(a, b) == unit) for a in group}
        derived = {times(times(inverse[a], inverse[b]), times(a, b)) for a in group for b in group}
        while True:
            larger = derived | {times(a, b) for a in derived for b in derived}
            if len(larger) == len(derived):
                break
            derived = larger
        if len(derived) == len(group):
            return False
        group = derived
    return True


def same_d_class(elements, a, b):
    """Whether two elements generate the same two-sided ideal."""
    ideal = [{times(times(x, one), y) for x in elements for y in elements} for one in (a, b)]
    return ideal[0] == ideal[1]


def strong_components(rows):
    """Sets of states that lead to each other, by all pairs."""
    reach = [{state} for state in range(len(rows))]
    for _ in rows:
        reach = [set().union(*(reach[there] for there in row), {state}) for state, row in enumerate(rows)]
    return {frozenset(b for b in reach[a] if a in reach[b]) for a in range(len(rows))}


def told_apart(rows, component):
    """The classes of states that counting tells apart, from all simple cycles; and how many rounds that took."""
    edges = [(a, letter, b) for a in component for letter, b in enumerate(rows[a]) if b in component]
    root = min(component)
    cycles = [cycle for start in component for cycle in _cycles(edges, start)]
    paths = {state: next(_paths(edges, root, state)) for state in component}
    classes, rounds = dict.fromkeys(component, 0), 0
    while True:
        labels = sorted({(classes[a], letter) for a, letter, _ in edges})

        def counts(path, labels=labels, classes=classes):
            taken = [(classes[a], letter) for a, letter, _ in path]
            return [taken.count(label) for label in labels]

        span = _echelon([counts(cycle) for cycle in cycles])
        finer = {state: tuple(_rest(counts(paths[state]), span)) for state in component}
        if len(set(finer.values())) == len(set(classes.values())):
            return {frozenset(b for b in component if classes[b] == classes[a]) for a in component}, rounds
        classes, rounds = finer, rounds + 1


def _paths(edges, start, end):
    """All paths without a repeated state."""
    waiting = [(start, ())]
    while waiting:
        here, path = waiting.pop()
        if here == end:
            yield path
            continue
        seen = {start, *(b for _, _, b in path)}
        waiting += [(b, (*path, (a, letter, b))) for a, letter, b in edges if a == here and b not in seen]


def _cycles(edges, start):
    """All simple cycles through a state that has the least number in them."""
    for a, letter, b in edges:
        if a == start and b == start:
            yield ((a, letter, b),)
        elif a == start and b > start:
            above = [edge for edge in edges if edge[0] >= start and edge[2] >= start]
            yield from (((a, letter, b), *path) for path in _paths(above, b, start))


def _echelon(rows):
    """Rows in echelon form, each with the place of its first entry, which is one."""
    found = []
    for row in rows:
        row = _rest(row, found)
        place = next((place for place, one in enumerate(row) if one), None)
        if place is not None:
            row = [one / row[place] for one in row]
            found = [(at, [x - other[place] * y for x, y in zip(other, row, strict=True)]) for at, other in found]
            found.append((place, row))
    return found


def _rest(row, echelon):
    """What is left of a row modulo the space: the same for rows that differ by an element of it."""
    row = [Fraction(one) for one in row]
    for place, other in echelon:
        factor = row[place]
        row = [x - factor * y for x, y in zip(row, other, strict=True)]
    return row


def alternating(n):
    """Rows of an automaton whose letters are a cycle of n states and a cycle of three."""
    return [[(state + 1) % n, {0: 1, 1: 2, 2: 0}.get(state, state)] for state in range(n)]


def all_permutations(n):
    """Rows of an automaton with a letter for each permutation of n states."""
    return [[image[state] for image in permutations(range(n))] for state in range(n)]
