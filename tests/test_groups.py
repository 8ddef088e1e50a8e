"""Groups against their axioms and against permutations composed by hand; group words, copies, flip-flops."""

import hashlib
from itertools import permutations

import numpy as np
import pytest
import torch

from assay.errors import AssayError
from assay.groups import named_group
from assay.tasks.copy import Copy
from assay.tasks.flip_flop import IGNORE, READ, WRITE, FlipFlop
from assay.tasks.group_word import GroupWord
from assay.tasks.k_hop import KHop
from assay.testing import check_task
from test_cli import printed

NAMES = [
    "Z1",
    "Z2",
    "Z7",
    "D3",
    "D4",
    "S2",
    "S3",
    "S4",
    "S5",
    "A3",
    "A4",
    "A5",
    "Q8",
    "Z2xS3",
    "Z2xZ2xZ2",
    "Q8xZ3",
    "Z1xZ1",
]
ORDERS = {
    "Z1": 1,
    "Z2": 2,
    "Z7": 7,
    "D3": 6,
    "D4": 8,
    "S2": 2,
    "S3": 6,
    "S4": 24,
    "S5": 120,
    "A3": 3,
    "A4": 12,
    "A5": 60,
    "Q8": 8,
    "Z2xS3": 12,
    "Z2xZ2xZ2": 8,
    "Q8xZ3": 24,
    "Z1xZ1": 1,
}


@pytest.mark.parametrize("name", NAMES)
def test_groups_have_their_axioms(name):
    group = named_group(name)
    table, n = group.table, group.order
    assert n == ORDERS[name]
    assert (table[0] == range(n)).all()
    assert (table[:, 0] == range(n)).all()
    assert all(sorted(row) == list(range(n)) for row in table.tolist())
    some = np.random.default_rng(0).integers(n, size=(3, 2000)) if n > 12 else np.indices((n, n, n)).reshape(3, -1)
    a, b, c = some
    assert (table[table[a, b], c] == table[a, table[b, c]]).all()


@pytest.mark.parametrize("name", NAMES)
def test_generators_generate(name):
    group = named_group(name)
    reached, last = {0}, {0}
    while last:
        last = {int(group.table[a, b]) for a in last for b in group.generators} - reached
        reached |= last
    assert len(reached) == group.order
    assert len(set(group.generators)) >= min(2, group.order)


def orders_of(table):
    """How many elements have each order."""
    found = []
    for element in range(len(table)):
        power, order = element, 1
        while power != 0:
            power, order = table[power, element], order + 1
        found.append(order)
    return sorted(found)


def test_small_groups_are_the_ones_of_their_names():
    assert orders_of(named_group("D4").table) == [1, 2, 2, 2, 2, 2, 4, 4]
    assert orders_of(named_group("S3").table) == orders_of(named_group("D3").table) == [1, 2, 2, 2, 3, 3]
    assert orders_of(named_group("A4").table) == [1] + [2] * 3 + [3] * 8
    assert orders_of(named_group("A5").table) == [1] + [2] * 15 + [3] * 20 + [5] * 24
    assert orders_of(named_group("Q8").table) == [1, 2] + [4] * 6
    assert orders_of(named_group("Z2xZ4").table) == [1, 2, 2, 2, 4, 4, 4, 4]


def test_quaternions_multiply_as_complex_matrices():
    i, j = np.array([[1j, 0], [0, -1j]]), np.array([[0, 1], [-1, 0]])
    units = [np.eye(2), i, j, i @ j]
    elements = np.array(units + [-unit for unit in units])
    table = named_group("Q8").table
    for a in range(8):
        for b in range(8):
            assert (elements[a] @ elements[b] == elements[table[a, b]]).all()


@pytest.mark.parametrize("name", NAMES)
def test_elements_act_as_they_multiply(name):
    group = named_group(name)
    assert (group.action[group.table] == group.action[:, group.action]).all()
    assert len(np.unique(group.action, axis=0)) == group.order == len(set(group.labels))


def test_products_multiply_by_factors():
    table, (two, six) = named_group("Z2xS3").table, (named_group(name).table for name in ("Z2", "S3"))
    for a in range(12):
        for b in range(12):
            assert table[a, b] == two[a // 6, b // 6] * 6 + six[a % 6, b % 6]


# As they were before there were products: what a word's answer is must not change.
DIGESTS = {"Z12": "b8dc9e3a", "D6": "001b8b5d", "S5": "dc36bfc5", "A5": "e8ba8e22", "S6": "8c7cdc44"}


@pytest.mark.parametrize("name", DIGESTS)
def test_tables_and_generators_stay_as_they_are(name):
    group = named_group(name)
    content = group.table.astype("<i4").tobytes() + repr(group.generators).encode()
    assert hashlib.sha256(content).hexdigest()[:8] == DIGESTS[name]


def test_permutations_are_composed_as_maps():
    elements = list(permutations(range(4)))
    table = named_group("S4").table
    for a, first in enumerate(elements):
        for b, second in enumerate(elements):
            assert elements[table[a, b]] == tuple(first[second[i]] for i in range(4))


OTHER_NAMES = ["Z0", "S7", "Q4", "Q16", "s3", "D2", "A", "", "Z1001", "x", "Z2x", "xZ2", "Z2xx", "Z2 x Z3", "Z2XZ3"]


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_other_names_are_refused(name):
    known = "it must be one of Z1 to Z1000, D3 to D500, S2 to S6, A3 to A6, Q8, or a direct product such as Z2xS3"
    with pytest.raises(AssayError, match=known):
        named_group(name)


@pytest.mark.parametrize("name", ["Z1000xZ1000", "S6xZ2", "x".join(["S6"] * 3000)])
def test_products_that_are_too_large_are_refused(name):
    with pytest.raises(AssayError, match="it has more than 1000 elements, the most allowed"):
        named_group(name)


WORDS = [
    GroupWord(length=9, group=group, generators=generators)
    for group in ("Z2", "S3", "A4", "Q8", "Z2xS3")
    for generators in (True, False)
]
OTHERS = [Copy(length=8), Copy(length=10, reverse=True), FlipFlop(length=16)]


@pytest.mark.parametrize("task", [*WORDS, *OTHERS], ids=str)
def test_tasks_conform(task):
    check_task(task)


@pytest.mark.parametrize("task", WORDS, ids=str)
def test_words_are_products(task):
    group = named_group(task.group)
    inputs, targets, scored = task.sample(40, seed=3)
    for word, answers in zip(inputs.tolist(), targets.tolist(), strict=True):
        product = 0
        for factor, answer in zip(word, answers, strict=True):
            product = int(group.table[product, group.generators[factor] if task.generators else factor])
            assert answer == product
    assert scored.all()
    assert set(inputs.flatten().tolist()) == set(range(len(task.factors)))


@pytest.mark.parametrize("reverse", [False, True])
def test_a_copy_is_asked_for_symbol_by_symbol(reverse):
    task = Copy(length=12, alphabet=5, reverse=reverse)
    inputs, targets, _ = task.sample(30, seed=0)
    for row, answers in zip(inputs.tolist(), targets.tolist(), strict=True):
        string, rest = row[:6], row[6:]
        wanted = string[::-1] if reverse else string
        assert answers == wanted
        assert rest == [5, *wanted[:-1]]


@pytest.mark.parametrize("distribution", ["uniform", "usual", "rare"])
def test_flip_flops_read_what_was_written_last(distribution):
    task = FlipFlop(length=60)
    inputs, targets, scored = task.sample(400, seed=0, distribution=distribution)
    for row, answers, counted in zip(inputs.tolist(), targets.tolist(), scored.tolist(), strict=True):
        memory = None
        for place in range(0, 60, 2):
            told, bit = row[place : place + 2]
            assert told in (WRITE, READ, IGNORE)
            memory = bit if told == WRITE else memory
            assert counted[place : place + 2] == [told == READ, False]
            if told == READ:
                assert answers[place] == bit == memory
    share = (inputs[:, 2:-2:2] == WRITE).double().mean().item()
    assert share == pytest.approx({"uniform": 1 / 3, "usual": 0.1, "rare": 0.01}[distribution], abs=0.02)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Copy(length=7), "length = 7 is not allowed; it must be even"),
        (lambda: FlipFlop(length=2), "length = 2 is not allowed; it must be even and at least 4"),
        (lambda: GroupWord(length=4, group="M11"), "group = M11 is not allowed"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(AssayError, match=message):
        make()


def test_what_has_no_answer_is_printed_as_none():
    drawn = printed("sample", "k-hop", "--length", 6)
    answers = KHop(length=6).targets(torch.tensor(drawn["inputs"])).tolist()
    assert drawn["targets"] == [[None if answer < 0 else answer for answer in row] for row in answers]
