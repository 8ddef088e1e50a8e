"""Protocols on sparse averaging with one query token against all others, and the recurrent state."""

import json
import math
from itertools import combinations, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from assay import SparseAveraging
from assay.arithmetic.fixed_point import FixedPoint, fixed_point
from assay.constructions import build
from assay.errors import AssayError
from assay.examine.protocols import PROTOCOLS
from assay.examine.protocols.channel import Channel, distinct
from assay.examine.protocols.disjointness import bit_pairs, instance
from assay.examine.protocols.index import separating_set
from assay.examine.protocols.protocol import Outcome, Runner
from assay.examine.protocols.running import run_protocol
from assay.examine.protocols.token_message import Embedding, HeadParts, token_messages
from assay.examine.subject import Subject, subject_of
from assay.layers import LAYERS
from assay.models import make_network
from assay.models.bare import BareUnit
from assay.models.candidates import Candidates
from assay.questions.construction import ConstructionQuestion
from assay.questions.protocol import ProtocolQuestion
from assay.training.question import TrainingQuestion


class StarvedUnit(BareUnit):
    """A bare unit of m numbers a token with random weights: too small for what it is asked."""

    family = "attention"

    def __init__(self, task: SparseAveraging, width: int, heads: int = 1) -> None:
        super().__init__()
        self.task = task
        drawn = torch.Generator().manual_seed(width)
        features = task.spec.tokens.width + task.spec.length

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=drawn, dtype=torch.float64) / shape[-2] ** 0.5

        self.mix = normal(features, width)
        self.set_weights(normal(heads, width, width), normal(heads, width, width), normal(heads, width, task.dimension))

    @property
    def query_count(self) -> int:
        return self.task.spec.queries

    def embed(self, inputs):
        tokens = self.task.encode(inputs).double()
        places = torch.eye(self.task.spec.length, dtype=torch.float64).expand(len(tokens), -1, -1)
        return torch.cat([tokens, places], dim=2) @ self.mix


class PeekingUnit(StarvedUnit):
    """Embeds each token with a look at all of them, which an embedding must not."""

    def embed(self, inputs):
        embedded = super().embed(inputs)
        return embedded + embedded.sum(dim=1, keepdim=True)


class PlainUnit(nn.Module):
    """A user's module that has nothing that a protocol could split."""

    def forward(self, inputs):
        return inputs.values


def subject(network: nn.Module, task: SparseAveraging) -> Subject:
    network.requires_grad_(False)
    return Subject("test", "user's", network, task, getattr(network, "family", ""), None, task.tolerance)


def run(name: str, of: Subject, numbers: FixedPoint | None = None, instances: int = 4096) -> Outcome:
    outcome = PROTOCOLS[name]().run(of, numbers, instances)
    json.dumps(outcome.to_json(), allow_nan=False)
    for message in outcome.sent:
        assert 8 * message.size_bytes >= message.bits > 8 * message.size_bytes - 8
    return outcome


@given(st.integers(1, 53), st.integers(-3, 60), st.integers(1, 9), st.integers(1, 5), st.integers(0, 1 << 20))
@settings(deadline=None)
def test_a_channel_carries_whole_numbers_of_the_format_exactly(bits, fraction, count, batch, seed):
    whole = np.random.default_rng(seed).integers(-(1 << bits - 1), 1 << bits - 1, (batch, count))
    message = torch.from_numpy(np.ldexp(whole.astype(np.float64), -fraction))
    channel = Channel(FixedPoint(bits, fraction))
    assert torch.equal(channel.send("Alice", "numbers", message), message)
    assert channel.bits == bits * count
    assert channel.sent[0].size_bytes == -(-bits * count // 8)
    packed = channel.pack(message)
    for row, line in zip(whole, packed, strict=True):  # bit by bit, the long way
        text = "".join(format(int(value) % (1 << bits), f"0{bits}b") for value in row)
        assert bytes(line) == int(text.ljust(8 * len(line), "0"), 2).to_bytes(len(line), "big")


@given(st.integers(2, 30), st.integers(0, 25), st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=6))
def test_a_channel_rounds_as_the_format_does(bits, fraction, values):
    numbers, message = FixedPoint(bits, fraction), torch.tensor([values], dtype=torch.float64)
    assert torch.equal(Channel(numbers).send("Alice", "numbers", message), numbers.round(message))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_channel_without_format_sends_the_bits_of_floats(dtype):
    message = torch.tensor([[1.5, -0.0, math.inf], [math.pi, 1e-40, 3.0]], dtype=dtype)
    channel = Channel(None)
    arrived = channel.send("Bob", "numbers", message)
    assert torch.equal(arrived, message)
    assert arrived.signbit().equal(message.signbit())
    assert channel.bits == 3 * torch.finfo(dtype).bits == 8 * channel.sent[0].size_bytes


def test_a_channel_refuses_what_the_sender_cannot_know():
    with pytest.raises(AssayError, match="is not a number"):
        Channel(None).send("Alice", "numbers", torch.tensor([[math.nan]]))


def test_distinct_finds_equal_rows():
    rows = np.random.default_rng(0).integers(0, 3, (200, 2)).astype(np.uint8)
    group, first = distinct(rows)
    assert len(first) == len({bytes(row) for row in rows})
    for row, number in zip(rows, group, strict=True):
        assert bytes(rows[first[number]]) == bytes(row)


@pytest.mark.parametrize(("layout", "queries"), [("all", 1), ("last", 1), ("last", 3)])
@pytest.mark.parametrize("sparsity", [1, 2, 3, 4, 5])
def test_sign_keys_decide_all_pairs_of_strings(layout, queries, sparsity):
    task = SparseAveraging(length=2 * sparsity + 2, sparsity=sparsity, layout=layout, queries=queries)
    unit = build(task, method="sign", tolerance=0.4 / sparsity)
    found = run("disjointness", subject_of(unit))
    assert (found.wrong, found.runs) == (0, 4**sparsity)
    assert found.baselines == {"always intersect": 3**sparsity, "always disjoint": 4**sparsity - 3**sparsity}
    assert found.differs == 0  # the split network is the whole one, bit for bit
    assert found.messages_of == 2**sparsity
    assert found.messages >= found.messages_of  # queries of several tokens are solved in blocks, which may round apart
    assert queries > 1 or found.messages == found.messages_of
    assert found.bits == 32 * (unit.size.score_width + 1 + task.dimension) < 32 * unit.size.width
    assert found.bits >= found.needed == sparsity


@pytest.mark.parametrize(("layout", "queries"), [("all", 1), ("last", 1), ("last", 3)])
def test_the_instances_are_the_tasks_own_hard_inputs(layout, queries):
    task = SparseAveraging(length=8, sparsity=3, dimension=2, layout=layout, queries=queries)
    token = 6 if layout == "all" else 8
    hard = task.sample(50, seed=3, distribution="hard").inputs
    alice = hard.pointers[:, 6 if layout == "all" else 0] % 2
    bob = (hard.values[:, 1:6:2, 0] > 0).long()
    made = instance(task, alice, bob, token, torch.float32)
    assert torch.equal(made.values, hard.values)
    assert torch.equal(made.pointers, hard.pointers)
    answers = task.targets(made)[:, 6 if layout == "all" else 0, 0]
    for a, b, answer in zip(alice.tolist(), bob.tolist(), answers.tolist(), strict=True):
        assert (answer > -1 + 1 / 3) == any(x and y for x, y in zip(a, b, strict=True))


def test_bit_pairs_are_all_pairs_or_as_many_as_asked_for():
    alice, bob, exhaustive = bit_pairs(3, 64, 0)
    assert exhaustive
    assert {(tuple(a), tuple(b)) for a, b in zip(alice.tolist(), bob.tolist(), strict=True)} == set(
        product(product((0, 1), repeat=3), repeat=2)
    )
    alice, bob, exhaustive = bit_pairs(3, 63, 0)
    assert not exhaustive
    assert len(alice) == 63
    assert 10 < (alice & bob).any(dim=1).sum() < 53


@pytest.mark.parametrize("numbers", [None, FixedPoint(9, 5)])
@pytest.mark.parametrize(("layout", "queries"), [("all", 1), ("last", 1), ("last", 3)])
@pytest.mark.parametrize("heads", [1, 2])
def test_both_messages_give_the_whole_networks_answer(heads, layout, queries, numbers):
    task = SparseAveraging(length=7, sparsity=2, dimension=3, layout=layout, queries=queries)
    network, token = StarvedUnit(task, width=11, heads=heads), task.spec.length - 2 if layout == "all" else 7
    runner = Runner(subject(network, task), numbers)
    inputs = task.sample(40, seed=1, dtype=torch.float64).inputs
    with fixed_point(network, numbers):
        whole = network(inputs)[:, 5 if layout == "all" else 0]
    messages = token_messages(runner, task, token)
    assert {type(message): message.count for message in messages} == {Embedding: 11, HeadParts: heads * (11 + 1 + 3)}
    for message in messages:
        told = Channel(numbers).send("Alice", "", message.tell(inputs))
        assert torch.equal(message.answer(inputs, told), whole)


@pytest.mark.parametrize("architecture", ["attention", "lstm", "gru", "third-order"])
@pytest.mark.parametrize(("layout", "queries"), [("all", 1), ("last", 1), ("last", 2)])
@pytest.mark.parametrize("numbers", [None, FixedPoint(10, 6)])
def test_networks_that_learn_are_split_at_any_depth(architecture, layout, queries, numbers):
    task = SparseAveraging(length=6, sparsity=2, layout=layout, queries=queries)
    if queries > 1 and architecture == "third-order":
        return  # it looks ahead
    network = make_network(architecture, task, 5, seed=0, depth=2)
    found = run("disjointness", subject(network, task), numbers)
    assert found.differs == 0
    assert found.bits == 5 * (32 if numbers is None else 10)
    assert found.runs == 16
    assert run("injectivity", subject(network, task), numbers).messages == math.comb(task.others, 2)


def test_a_network_whose_embedding_peeks_is_refused():
    task = SparseAveraging(length=5, sparsity=2)
    with pytest.raises(AssayError, match="is not a number"):
        run("disjointness", subject(PeekingUnit(task, 3), task))


def test_a_starved_unit_decides_wrongly_and_the_collision_is_certified():
    task = SparseAveraging(length=13, sparsity=6)
    found = run("disjointness", subject(StarvedUnit(task, width=2), task), FixedPoint(2, 1))
    assert found.bits == 4 < found.needed
    assert found.messages <= 16 < found.messages_of == 64
    assert found.wrong >= min(found.baselines.values()) / 2 > 0
    assert found.differs == 0
    witness = found.witness
    assert witness is not None
    assert witness.answers[0] == witness.answers[1]
    assert witness.error >= witness.at_least == 1 / 6
    assert found.largest_error >= 1 / 6


def _messages_the_long_way(network: StarvedUnit, task: SparseAveraging, numbers: FixedPoint) -> set[tuple[float, ...]]:
    found = set()
    for pointers in combinations(range(task.others), task.sparsity):
        token = torch.zeros(task.spec.tokens.width + task.spec.length, dtype=torch.float64)
        for pointer in pointers:
            token[task.dimension + pointer] = 1
        token[-1] = 1
        found.add(tuple(numbers.round((token.unsqueeze(0) @ network.mix)[0]).tolist()))
    return found


@pytest.mark.parametrize(
    ("length", "sparsity", "width", "bits"), [(9, 2, 2, 2), (9, 3, 1, 2), (9, 3, 4, 3), (9, 3, 24, 12)]
)
@pytest.mark.parametrize("layout", ["all", "last"])
def test_messages_are_compared_for_all_pointer_sets(length, sparsity, width, bits, layout):
    task = SparseAveraging(length=length, sparsity=sparsity, layout=layout)
    network, numbers = StarvedUnit(task, width), FixedPoint(bits, bits - 1)
    found = run("injectivity", subject(network, task), numbers)
    sets = math.comb(task.others, sparsity)
    assert found.messages_of == sets
    assert found.messages == len(_messages_the_long_way(network, task, numbers)) <= min(sets, 2 ** (width * bits))
    assert found.available == width * bits
    assert found.needed == math.log2(sets)
    assert found.more["collisions"] == sets - found.messages
    if found.available < found.needed:
        assert found.messages < sets
    if found.messages < sets:
        assert found.more["least_error_of_a_collision"] >= 1 / sparsity
        assert found.witness.first["pointers"] != found.witness.second["pointers"]
        assert found.witness.answers[0] == found.witness.answers[1]
    else:
        assert found.witness is None


def test_random_pointer_sets_find_a_collision_where_there_are_too_many():
    task = SparseAveraging(length=40, sparsity=4, layout="last")
    found = run("injectivity", subject(StarvedUnit(task, 3), task), FixedPoint(4, 3), instances=500)
    assert found.messages_of <= 500 < math.comb(40, 4)
    assert found.more["collisions"] == found.messages_of - found.messages > 0
    assert found.more["least_error_of_a_collision"] >= 1 / 4


def test_sign_keys_in_too_few_bits_collide():
    task = SparseAveraging(length=13, sparsity=6)
    unit = build(task, method="sign", tolerance=0.05)
    assert run("injectivity", subject_of(unit)).messages == math.comb(12, 6)
    starved = run("disjointness", subject_of(unit), FixedPoint(2, 1))
    assert starved.wrong > 0
    assert starved.messages < starved.messages_of
    assert starved.witness.error >= 1 / 6
    whole = run("disjointness", subject_of(unit), FixedPoint(24, 12))
    assert (whole.wrong, whole.differs, whole.witness) == (0, 0, None)


@pytest.mark.parametrize("sparsity", [1, 2])
@pytest.mark.parametrize(("layout", "queries"), [("all", 1), ("last", 1), ("last", 3)])
def test_stored_values_answer_every_question_with_two_bits_each(layout, queries, sparsity):
    task = SparseAveraging(length=7, sparsity=sparsity, layout=layout, queries=queries)
    network = build(task, method="recurrent", tolerance=0.01)
    found = run("index", subject_of(network), FixedPoint(2, 0))
    n = task.others
    assert (found.wrong, found.runs) == (0, math.comb(n, sparsity) * 2**n)
    assert (found.bits, found.needed) == (2 * 7, n)
    assert found.messages == found.messages_of == 2**n
    assert found.differs == 0
    assert list(found.baselines.values()) == [found.runs // 2]  # the commonest answer is right half of the time


@pytest.mark.parametrize("architecture", ["lstm", "gru"])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("queries", [1, 3])
def test_recurrent_networks_are_cut_before_the_last_token(architecture, depth, queries):
    task = SparseAveraging(length=8, sparsity=2, layout="last", queries=queries)
    network = make_network(architecture, task, 3, seed=1, depth=depth)
    exact = run("index", subject(network, task))
    assert exact.differs < 1e-6  # float32; products of one token and of many may be added up in another order
    found = run("index", subject(network, task), FixedPoint(4, 2))
    assert found.differs == 0
    assert found.bits == 4 * network.size.state == found.available
    assert found.messages_of == 2**8
    assert found.messages < 2**8
    witness = found.witness
    assert witness.answers[0] == witness.answers[1]
    assert witness.error >= witness.at_least == 1 / 2
    assert witness.first["signs"] != witness.second["signs"]


def test_a_recurrent_state_forgets_what_was_long_ago():
    task = SparseAveraging(length=60, sparsity=1, layout="last")
    network = make_network("gru", task, 4, seed=0)
    found = run("index", subject(network, task), FixedPoint(8, 5), instances=1000)
    assert found.messages < found.messages_of < 2**60
    assert found.witness.error >= 1


@pytest.mark.parametrize("name", ["lstm", "gru"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_layer_that_is_run_in_parts_gives_the_same(name, dtype):
    torch.manual_seed(0)
    layer, tokens = LAYERS[name](4).to(dtype), torch.randn(3, 9, 4, dtype=dtype)
    first, state = layer.run(tokens[:, :5])
    second, last = layer.run(tokens[:, 5:], state)
    whole, whole_state = layer.run(tokens)
    assert state.shape == (3, layer.state(1))
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(last, whole_state)
    torch.testing.assert_close(whole, layer(tokens, 9))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_separating_set_tells_any_two_sign_sequences_apart(size):
    sequences = [torch.tensor(signs) for signs in product((-1, 1), repeat=5)]
    for first, second in combinations(sequences, 2):
        chosen = separating_set(first, second, size)
        assert len(set(chosen.tolist())) == size
        best = max(abs(sum((first - second)[list(s)].tolist())) for s in combinations(range(5), size))
        assert abs((first[chosen] - second[chosen]).sum()) == best >= 2


def test_protocols_say_what_they_need():
    last, short = SparseAveraging(length=4, sparsity=2, layout="last"), SparseAveraging(length=4, sparsity=2)
    two = SparseAveraging(length=2, sparsity=2)
    sign = subject_of(build(last, method="sign", tolerance=0.1))
    for name, of, words in [
        ("index", sign, "a recurrent construction, or causal layers that declare their state"),
        ("disjointness", subject(PlainUnit(), last), "embedded"),
        ("disjointness", subject(StarvedUnit(short, 3), short), "length of at least 5"),
        ("injectivity", subject(StarvedUnit(two, 3), two), "more than q tokens"),
        ("index", subject(make_network("lstm", short, 3, seed=0), short), "one pass"),
        ("match3", sign, "the task match3"),
        ("null-space", sign, r"torch\.nn\.Linear"),
        ("radon", subject(PlainUnit(), last), "position_keys"),
    ]:
        with pytest.raises(AssayError, match=words):
            run(name, of)
    with pytest.raises(AssayError, match="protocol 'injective' is not known"):
        run_protocol("injective", sign)


def test_a_protocol_is_a_question_of_a_study():
    task = SparseAveraging(length=6, sparsity=2, layout="last")
    network = ConstructionQuestion("sign", task, 0.1, 1)
    evidence = ProtocolQuestion("disjointness", network, (12, 8), 64).answer()
    assert evidence.verdict == "constructed"
    assert evidence.error <= evidence.tolerance == 0.1
    assert evidence.detail["runs"] == 16
    assert evidence.detail["wrong"] == 0
    recipe = {"steps": 20, "batch": 8}
    trained = TrainingQuestion.usual(Candidates("gru"), task, recipe, 3, seed=0, rate=0.01)
    evidence = ProtocolQuestion("index", trained, None, 64).answer()
    assert (evidence.verdict, evidence.error_kind, evidence.architecture) == ("not learned", "mean", "gru")
    assert evidence.detail["messages_of"] == 64
    json.dumps(evidence.detail, allow_nan=False)
