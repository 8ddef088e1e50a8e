"""The transition monoid of an automaton: all maps of states that words induce, and the groups inside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.languages.automaton import Automaton

MOST_ELEMENTS = 1_000_000
_MOST_BYTES = 1 << 28  # of all elements together
_TELL_EVERY = 1 << 18
_AT_ONCE = 1 << 22  # entries
_SMALL = 60  # order of the smallest group that is not solvable


@dataclass(frozen=True, eq=False)
class Monoid:
    """Maps of states, each by a shortest word, in the order of their words.

    Attributes:
        maps: the state after the word at [element, state before it]: uint8 or uint16, (elements, states). The first
            element is the empty word's.
        after: the element of the word and one more letter, int64 (elements, letters); -1 where it is not in the list.
        complete: whether all elements are in the list.
        letters: the alphabet.
        came: of each element, the element of its word without the last letter, and that letter: int64 (elements, 2).
    """

    maps: NDArray[np.unsignedinteger]
    after: NDArray[np.int64]
    complete: bool
    letters: str
    came: NDArray[np.int64]

    @property
    def size(self) -> int:
        """How many elements are in the list."""
        return len(self.maps)

    def word(self, element: int) -> str:
        """A shortest word that induces an element."""
        word = ""
        while element:
            element, letter = self.came[element].tolist()
            word = self.letters[letter] + word
        return word


@dataclass(frozen=True)
class Group:
    """A maximal group in the monoid: its elements permute some states, and it is the same for a whole D-class.

    Attributes:
        order: how many elements it has.
        abelian: whether they commute.
        solvable: whether it is solvable.
        states: those that it permutes, in order.
        words: of elements that generate it.
    """

    order: int
    abelian: bool
    solvable: bool
    states: tuple[int, ...]
    words: tuple[str, ...]


def transition_monoid(
    automaton: Automaton, most: int = MOST_ELEMENTS, tell: Callable[[str], None] = lambda _: None
) -> Monoid:
    """The monoid by a search in breadth, as far as `most` elements, or 256 MiB of them.

    >>> from assay.languages.expression import automaton_of
    >>> transition_monoid(automaton_of("(ab)*")).size
    6
    """
    states = automaton.states
    kind: type[np.uint8] | type[np.uint16] = np.uint8 if states <= 256 else np.uint16
    most = max(1, min(most, _MOST_BYTES // (states * np.dtype(kind).itemsize)))
    compose = _composer(automaton, kind)
    identity = np.arange(states, dtype=kind).tobytes()
    numbers, elements = {identity: 0}, [identity]
    after: list[list[int]] = []
    came = [(0, 0)]
    complete = True
    for element in elements:
        if not complete:
            break
        row = []
        for letter, step in enumerate(compose):
            product = step(element)
            number = numbers.get(product)
            if number is None and len(elements) < most:
                number = numbers[product] = len(elements)
                elements.append(product)
                came.append((len(after), letter))
                if number % _TELL_EVERY == 0:
                    tell(f"assay: {number:,} elements of the transition monoid; at most {most:,} are listed")
            complete &= number is not None
            row.append(-1 if number is None else number)
        after.append(row)
    after += [[-1] * len(compose)] * (len(elements) - len(after))
    maps: NDArray[np.unsignedinteger] = np.frombuffer(b"".join(elements), dtype=kind).reshape(-1, states)
    return Monoid(maps, np.array(after), complete, automaton.letters, np.array(came))


def _composer(automaton: Automaton, kind: type[np.unsignedinteger]) -> list[Callable[[bytes], bytes]]:
    """For each letter, the function from a map, as bytes, to that of the word with the letter after it."""
    if kind is np.uint8:
        tables = [column.astype(np.uint8).tobytes().ljust(256, b"\0") for column in automaton.table.T]
        return [lambda element, table=table: element.translate(table) for table in tables]
    columns = [np.ascontiguousarray(column.astype(kind)) for column in automaton.table.T]
    return [lambda element, column=column: column[np.frombuffer(element, dtype=kind)].tobytes() for column in columns]


def counting_element(monoid: Monoid) -> int | None:
    """The first element in the list that permutes some states other than trivially; None where there is none.

    A monoid is aperiodic exactly if it has none.
    """
    states = monoid.maps.shape[1]
    step = max(1, _AT_ONCE // states)
    for first in range(0, monoid.size, step):
        maps = monoid.maps[first : first + step]
        power = maps
        for _ in range(max(states - 1, 1).bit_length()):  # then the power is at least the number of states
            power = np.take_along_axis(power, power, 1)
        counts = (np.take_along_axis(maps, power, 1) != power).any(axis=1)
        if counts.any():
            return first + int(counts.argmax())
    return None


def inner_groups(monoid: Monoid) -> tuple[Group, ...]:
    """The maximal groups with more than one element, one for each regular D-class, by falling order.

    Elements with the same image and the same kernel of which one permutes its image form such a group, of which an
    idempotent is the unit; groups of one D-class are isomorphic. In a finite monoid D-classes are the strongly
    connected components of multiplication by letters from both sides.

    >>> from assay.languages.expression import automaton_of
    >>> [group.order for group in inner_groups(transition_monoid(automaton_of("(aa)*")))]
    [2]
    """
    if not monoid.complete:
        raise ValueError("groups are looked for in a complete monoid")
    members, starts = _group_classes(monoid)
    if not len(starts):
        return ()
    ends = np.append(starts[1:], len(members))
    classes = _two_sided(monoid) if len(starts) > 1 else np.zeros(monoid.size, dtype=np.int64)
    found: dict[int, Group] = {}
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        d_class = int(classes[members[start]])
        if d_class not in found and end - start > 1:
            found[d_class] = _group(monoid, np.sort(members[start:end]))
    return tuple(sorted(found.values(), key=lambda one: (-one.order, one.words)))


def moving_element(monoid: Monoid) -> int | None:
    """An element of a group, not its unit, that some word induces while one of the same length induces the unit.

    There is none exactly if the stable semigroup of the language is aperiodic: then, for every t, the elements of words
    of t letters contain no group but single elements (Barrington et al. 1992).

    Words lead from the unit e to elements of its group along the edges of multiplication from the right, all in one
    strongly connected component, of period d, say. If u and v, of one length, induce e and g, then v leads from e to
    e g = g and u from e to e e = e, so that d divides their length, and g is at distance 0 from e modulo d. If it is at
    distance 0, then words that lead to e can be made longer so as to lead to e or to g, by every multiple of d from
    some one on: some have one length.

    >>> from assay.languages.expression import automaton_of
    >>> even_length, even_number = (transition_monoid(automaton_of(one)) for one in ("((a|b)(a|b))*", "(b*ab*a)*b*"))
    >>> moving_element(even_length), even_number.word(moving_element(even_number))
    (None, 'a')
    """
    if not monoid.complete:
        raise ValueError("groups are looked for in a complete monoid")
    members, starts = _group_classes(monoid)
    if not len(starts):
        return None
    phase = _phases(monoid)[members]
    maps = monoid.maps[members]
    units = (np.take_along_axis(maps, maps, 1) == maps).all(axis=1)  # one in each group
    group = np.searchsorted(starts, np.arange(len(members)), side="right") - 1
    moving = members[(phase == phase[units][group]) & ~units]
    return int(moving.min()) if len(moving) else None


def _phases(monoid: Monoid) -> NDArray[np.int64]:
    """Each element's distance from the first of its component, by letters from the right, modulo the period."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    after, size = monoid.after, monoid.size
    sources = np.repeat(np.arange(size), after.shape[1])
    graph = csr_matrix((np.ones(len(sources), dtype=np.int8), (sources, after.ravel())), shape=(size, size))
    count, component = connected_components(graph, connection="strong")
    inside = component[after] == component[:, None]
    distance = np.full(size, -1)
    waiting, steps = np.unique(component, return_index=True)[1], 0
    while len(waiting):
        distance[waiting] = steps
        reached = np.unique(after[waiting][inside[waiting]])
        waiting, steps = reached[distance[reached] < 0], steps + 1
    period = np.zeros(count, dtype=np.int64)
    np.gcd.at(period, component[np.nonzero(inside)[0]], (distance[:, None] + 1 - distance[after])[inside])
    return distance % np.maximum(period, 1)[component]


def _group_classes(monoid: Monoid) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The elements that permute their images, sorted by kernel and image, and where each class of them starts."""
    maps, states = monoid.maps, monoid.maps.shape[1]
    kept, keys = [], []
    step = max(1, _AT_ONCE // states)
    for begin in range(0, monoid.size, step):
        part = maps[begin : begin + step]
        rows = np.arange(len(part))
        first = _first_before(part)
        squares = np.take_along_axis(part, part, 1)
        permutes = np.flatnonzero((_first_before(squares) < states).sum(1) == (first < states).sum(1))
        kernel = first[rows[:, None], part]
        kept.append(permutes + begin)
        keys.append(np.concatenate([kernel[permutes], (first < states)[permutes]], axis=1).astype(np.uint16))
    members, key = np.concatenate(kept), np.concatenate(keys)
    flat = np.ascontiguousarray(key).view(np.dtype((np.void, key.dtype.itemsize * key.shape[1]))).ravel()
    _, group, counts = np.unique(flat, return_inverse=True, return_counts=True)
    large = counts[group] > 1
    members, group = members[large], group[large]
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    return members[order], starts


def _first_before(maps: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
    """At [element, state], the first state that is mapped to it; the number of states where none is."""
    count, states = maps.shape
    first, rows = np.full((count, states), states), np.arange(count)
    for state in reversed(range(states)):
        first[rows, maps[:, state]] = state
    return first


def _two_sided(monoid: Monoid) -> NDArray[np.int64]:
    """The number of each element's D-class."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    letters, size = monoid.after.shape[1], monoid.size
    left = [_numbers_of(monoid, monoid.maps[:, monoid.maps[monoid.after[0, letter]]]) for letter in range(letters)]
    sources = np.tile(np.arange(size), 2 * letters)
    targets = np.concatenate([monoid.after.T.ravel(), *left])
    graph = csr_matrix((np.ones(len(sources), dtype=np.int8), (sources, targets)), shape=(size, size))
    return connected_components(graph, connection="strong")[1]


def _numbers_of(monoid: Monoid, maps: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
    """The elements with these maps, all of which are in the list: by a hash, which is then checked."""
    seed = 0
    while True:
        factors = np.random.default_rng(seed).integers(0, 1 << 63, maps.shape[1], dtype=np.uint64)
        known, wanted = (_hash(one, factors) for one in (monoid.maps, maps))
        order = np.argsort(known)
        numbers = order[np.searchsorted(known, wanted, sorter=order)]
        if (monoid.maps[numbers] == maps).all():
            return numbers
        seed += 1  # two elements had one hash


def _hash(maps: NDArray[np.unsignedinteger], factors: NDArray[np.uint64]) -> NDArray[np.uint64]:
    total = np.zeros(len(maps), dtype=np.uint64)
    for state, factor in enumerate(factors):
        total += maps[:, state].astype(np.uint64) * factor  # modulo 2^64
    return total ^ (total >> np.uint64(29))


def _group(monoid: Monoid, members: NDArray[np.int64]) -> Group:
    """The group of these elements."""
    states = np.unique(monoid.maps[members[0]])
    place = np.full(monoid.maps.shape[1], -1)
    place[states] = np.arange(len(states))
    permutations = place[monoid.maps[members][:, states]]
    generators, abelian, solvable = _small(permutations) if len(members) < _SMALL else _large(permutations)
    words = tuple(monoid.word(int(members[one])) for one in generators)
    return Group(len(members), abelian, solvable, tuple(states.tolist()), words)


def _small(permutations: NDArray[np.int64]) -> tuple[list[int], bool, bool]:
    """Generators, whether they commute, and that the group is solvable: it has fewer than 60 elements."""
    elements = [tuple(one) for one in permutations.tolist()]
    generators: list[int] = []
    reached = {tuple(range(len(elements[0])))}
    for number, element in enumerate(elements):
        if element not in reached:
            generators.append(number)
            reached = _closure([elements[one] for one in generators])
    used = [elements[one] for one in generators]
    return generators, all(_times(a, b) == _times(b, a) for a in used for b in used), True


def _closure(generators: list[tuple[int, ...]]) -> set[tuple[int, ...]]:
    identity = tuple(range(len(generators[0])))
    reached, waiting = {identity}, [identity]
    for element in waiting:
        for generator in generators:
            product = _times(element, generator)
            if product not in reached:
                reached.add(product)
                waiting.append(product)
    return reached


def _times(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(b[one] for one in a)


def _large(permutations: NDArray[np.int64]) -> tuple[list[int], bool, bool]:
    """The same of a large group, by Schreier-Sims and the derived series (sympy)."""
    from sympy.combinatorics import Permutation, PermutationGroup

    elements = permutations.tolist()
    generators: list[int] = []
    group = PermutationGroup([Permutation(list(range(len(elements[0]))))])
    for number, element in enumerate(elements):
        if not group.contains(Permutation(element)):
            generators.append(number)
            group = PermutationGroup([Permutation(elements[one]) for one in generators])
            if group.order() == len(elements):
                break
    return generators, bool(group.is_abelian), bool(group.is_solvable)


def group_of_letters(automaton: Automaton) -> Group | None:
    """The whole monoid where every letter permutes the states, without listing it; None where some letter does not.

    >>> from assay.languages.expression import automaton_of
    >>> group_of_letters(automaton_of("(aa)*")).order
    2
    """
    from sympy.combinatorics import Permutation, PermutationGroup

    columns = automaton.table.T.tolist()
    if any(len(set(column)) < automaton.states for column in columns):
        return None
    group = PermutationGroup([Permutation(column) for column in columns])
    return Group(
        int(group.order()),
        bool(group.is_abelian),
        bool(group.is_solvable),
        tuple(range(automaton.states)),
        tuple(automaton.letters),
    )
