"""Protocols and attacks on feed-forward networks, on Match3, and on keys that depend on the position only."""

import json
import math
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor, nn

from assay import Match3, SparseAveraging
from assay.arithmetic.fixed_point import FixedPoint
from assay.constructions import build
from assay.constructions.averaging_unit import AveragingUnit
from assay.errors import AssayError
from assay.examine.protocols import PROTOCOLS
from assay.examine.protocols.disjointness import bit_pairs
from assay.examine.protocols.head_summary import combine, layer_of
from assay.examine.protocols.match3 import alice_tells, bob_finds
from assay.examine.protocols.null_space import first_layer, lost_directions
from assay.examine.protocols.protocol import Outcome
from assay.examine.protocols.radon import as_integers, radon_partition
from assay.examine.subject import Subject, subject_of
from assay.layers import LAYERS
from assay.models import make_network
from assay.models.feed_forward import flat_width, flattened


def subject(network: nn.Module, task, family: str = "") -> Subject:
    network.requires_grad_(False)
    return Subject("test", "user's", network, task, family, None, task.tolerance)


def run(name: str, of: Subject, numbers: FixedPoint | None = None, instances: int = 4096) -> Outcome:
    outcome = PROTOCOLS[name]().run(of, numbers, instances)
    json.dumps(outcome.to_json(), allow_nan=False)
    for message in outcome.sent:
        assert 8 * message.size_bytes >= message.bits > 8 * message.size_bytes - 8
    return outcome


class WideNetwork(nn.Module):
    """g(W x) with a random W of some width and a random g much wider."""

    def __init__(self, task: SparseAveraging, width: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.task = task
        torch.manual_seed(width)
        self.unused = nn.Linear(flat_width(task.spec), 2)
        self.layers = nn.Sequential(
            nn.Linear(flat_width(task.spec), width),
            nn.Tanh(),
            nn.Linear(width, 50),
            nn.Tanh(),
            nn.Linear(50, task.answer.width),
        )
        self.to(dtype)

    def forward(self, inputs):
        return self.layers(flattened(self.task.spec, self.task.encode(inputs)))


@pytest.mark.parametrize(("length", "dimension", "sparsity"), [(16, 1, 3), (16, 4, 3), (64, 2, 8)])
@pytest.mark.parametrize("sharp", [False, True])
def test_the_null_space_attack_succeeds_up_to_one_row_below_the_bound(length, dimension, sparsity, sharp):
    task = SparseAveraging(length=length, sparsity=sparsity, dimension=dimension, layout="last")
    needed = (length if sharp else length - sparsity + 1) * dimension
    narrow = run("null-space", subject(WideNetwork(task, needed - 1), task))
    attack = narrow.more["attacks"][sharp]
    assert attack["needed"] == needed == attack["rank"] + 1
    assert attack["first_layer_differs"] < 1e-14
    assert attack["error"] >= (0.5 if sharp else 1) / sparsity - 1e-12
    assert attack["certain_error"] >= (0.5 if sharp else 1) / sparsity - 1e-12
    wide = run("null-space", subject(WideNetwork(task, needed), task)).more["attacks"][sharp]
    assert wide["rank"] == needed
    assert wide["first_layer_differs"] > 1e-6
    assert wide["certain_error"] == 0


@pytest.mark.parametrize(("layout", "queries"), [("all", 1), ("last", 1), ("last", 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_witness_is_an_input_of_the_task_on_which_the_network_errs(layout, queries, dtype):
    task = SparseAveraging(length=7, sparsity=2, dimension=2, layout=layout, queries=queries)
    network = WideNetwork(task, 9, dtype)
    witness = run("null-space", subject(network, task)).witness
    errors = []
    for side, target in zip((witness.first, witness.second), witness.targets, strict=True):
        values = torch.tensor([side["values"]], dtype=dtype)
        pointers = torch.arange(2).repeat(1, task.spec.queries, 1)
        place = task.spec.queries - (task.spec.length - witness.token)
        pointers[0, place] = torch.tensor(side["pointers"])
        inputs = task.inputs(values, pointers)  # checks that they are allowed
        assert torch.allclose(task.targets(inputs)[0, place], torch.tensor(target, dtype=torch.float64), atol=1e-7)
        errors.append(task.answer.errors(network(inputs), task.targets(inputs))[0, place].item())
    assert max(errors) == pytest.approx(witness.error, abs=1e-6)
    assert witness.error >= witness.at_least - 1e-6 >= 1 / 4


@pytest.mark.parametrize("some_tokens", [False, True])
def test_lost_directions_are_lost_and_their_sets_are_far_apart(some_tokens):
    task = SparseAveraging(length=6, sparsity=3, dimension=2, layout="last")
    weight = torch.randn(5, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    directions, singular = lost_directions(weight, task, some_tokens=some_tokens)
    lost = int((singular < 1e-12).sum())
    assert lost == (8 if some_tokens else 12) - 5
    for direction in directions[:lost]:
        assert (weight @ direction.values.flatten()).abs().max() < 1e-13
        assert torch.linalg.vector_norm(direction.values, dim=1).max() == pytest.approx(1)
        sums = [torch.linalg.vector_norm(direction.values[list(s)].sum(dim=0)) for s in combinations(range(6), 3)]
        assert direction.apart <= 2 / 3 * max(sums) + 1e-12
        assert direction.apart >= (2 if some_tokens else 1) / 3 - 1e-12


class AsOneVector(nn.Module):
    """All values and the pointers of all tokens as one vector, the values once more behind them if it is told to."""

    def __init__(self, task: SparseAveraging, more: int = 0) -> None:
        super().__init__()
        self.task, self.more = task, more
        self.first = nn.Linear(task.length * (1 + task.spec.queries) + more * task.length, 3)

    def forward(self, inputs):
        pointers = self.task.encode(inputs)[:, -self.task.spec.queries :, 1:].flatten(1)
        parts = [inputs.values.flatten(1), pointers, *[inputs.values.flatten(1)] * self.more]
        hidden = self.first(torch.cat(parts, dim=1))
        return hidden.sum(dim=1)[:, None, None].expand(-1, self.task.spec.queries, 1)


@pytest.mark.parametrize(("layout", "queries"), [("all", 1), ("last", 1), ("last", 2)])
def test_a_first_layer_may_see_all_questions_at_once(layout, queries):
    task = SparseAveraging(length=6, sparsity=2, layout=layout, queries=queries)
    network = AsOneVector(task)
    assert first_layer(network, task) is network.first
    witness = run("null-space", subject(network, task)).witness
    assert witness.error >= witness.at_least >= 1 / 4
    assert first_layer(AsOneVector(task, more=1), task) is None


def test_the_first_layer_is_the_one_that_sees_the_input():
    task = SparseAveraging(length=4, sparsity=2, layout="last")
    network = WideNetwork(task, 3)
    assert first_layer(network, task) is network.layers[0]
    assert first_layer(make_network("attention", task, 4, seed=0), task) is None


def test_a_first_layer_of_full_rank_is_attacked_where_it_is_weakest():
    task = SparseAveraging(length=8, sparsity=2, layout="last")
    network = make_network("feed-forward", task, 20, seed=0)
    found = run("null-space", subject(network, task))
    assert (found.available, found.needed) == (8, 8)
    assert found.witness.error == found.largest_error > 0
    starved = run("null-space", subject(network, task), FixedPoint(1, 0))  # weights are 0 or -1
    assert starved.available < 8
    assert starved.witness.error >= starved.witness.at_least >= 1 / 4


def _disjointness_the_long_way(residues: np.ndarray, modulus: int) -> np.ndarray:
    sums = residues[:, :1, None] + residues[:, :, None] + residues[:, None, :]
    return (sums % modulus == 0).any(axis=(1, 2))


def test_token_0_decides_disjointness_for_every_modulus_from_n_plus_1_on():
    instances = 0
    for bits in range(1, 6):
        alice, bob, exhaustive = bit_pairs(bits, 4**bits, 0)
        assert exhaustive
        meet = [
            any(x and y for x, y in zip(a, b, strict=True)) for a, b in product(product((0, 1), repeat=bits), repeat=2)
        ]
        assert sorted(meet) == sorted((alice & bob).any(dim=1).tolist())
        for length in range(2 * bits + 1, 2 * bits + 4):
            for modulus in range(length + 1, length + 7):
                task = Match3(length=length, modulus=modulus)
                residues = task.hard_residues(alice.numpy(), bob.numpy())
                expected = (alice & bob).any(dim=1).numpy()
                assert (_disjointness_the_long_way(residues, modulus) == expected).all()
                assert (task.labels(residues)[:, 0] == expected).all()
                instances += len(alice)
    assert instances == 24_552


@pytest.mark.parametrize("length", [3, 4, 6, 9])
def test_gather_decides_disjointness_from_half_of_its_heads_sums(length):
    task = Match3(length=length, modulus=length + 3)
    found = run("match3", subject_of(build(task, method="gather")))
    bits = (length - 1) // 2
    assert (found.wrong, found.runs) == (0, 4**bits)
    assert found.bits == 64 * (1 + length + 2)
    assert found.messages == found.messages_of == 2**bits
    assert found.differs == 0
    assert found.baselines == {"always intersect": 3**bits, "always disjoint": 4**bits - 3**bits}


def test_four_bits_after_the_point_carry_eight_strings_of_eight_bits_but_none_do_not():
    task = Match3(length=17, modulus=18)
    unit = subject_of(build(task, method="gather"))
    fine = run("match3", unit, FixedPoint(14, 8), instances=200)
    assert (fine.wrong, fine.runs, fine.bits) == (0, 200, 14 * (1 + 17 + 2))
    assert 0 < fine.more["largest_change_of_a_head"] <= fine.more["largest_change_by_the_inequality"]
    coarse = run("match3", unit, FixedPoint(5, 0), instances=64)
    assert coarse.wrong > 0
    assert coarse.messages < coarse.messages_of
    assert coarse.witness.error >= coarse.witness.at_least
    assert coarse.more["largest_change_of_a_head"] <= coarse.more["largest_change_by_the_inequality"]


@pytest.mark.parametrize("head_width", [0, 3])
@pytest.mark.parametrize("numbers", [None, FixedPoint(12, 8), FixedPoint(3, 0)])
def test_attention_that_learns_is_split_between_the_halves(head_width, numbers):
    task = Match3(length=9, modulus=30)
    network = make_network("attention", task, 6, seed=2, head_width=head_width)
    found = run("match3", subject(network, task), numbers)
    heads = 2 if head_width else 1
    assert found.bits == (heads + 6) * (32 if numbers is None else numbers.bits)
    assert found.runs == 4**4
    assert found.more["largest_change_of_a_head"] <= found.more["largest_change_by_the_inequality"] + 1e-6
    if numbers is None:
        assert found.differs < 1e-5  # float32, sums in another order
    if found.available < found.needed:
        assert found.wrong > 0


@pytest.mark.parametrize("method", ["gather", "attention"])
def test_no_party_sees_the_others_tokens(method):
    task = Match3(length=8, modulus=20)
    network = build(task, method="gather") if method == "gather" else make_network("attention", task, 6, seed=0)
    layer = layer_of(network)
    inner = network.embedded

    def poisoned(hers: bool):
        def embedded(residues):
            tokens = inner(residues).clone()
            mine = range(1, 4) if hers else [*range(-1, 1), *range(4, 8)]
            first = tokens.shape[1] - 8
            for token in set(range(-first, 8)) - set(mine) - {0}:
                tokens[:, token + first] = torch.nan
            return tokens

        return embedded

    alice, bob = torch.tensor([[1, 0, 1], [0, 1, 1]]), torch.tensor([[0, 1, 1], [1, 0, 0]])
    with torch.no_grad():
        network.embedded = poisoned(hers=True)
        told = alice_tells(task, layer, alice)
        network.embedded = poisoned(hers=False)
        asking, own = bob_finds(task, layer, bob)
        answers = layer.answer(asking, combine(told, own))
        network.embedded = inner
        whole = network(torch.from_numpy(task.hard_residues(alice.numpy(), bob.numpy())))[:, 0]
    torch.testing.assert_close(answers, whole)


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_summaries_of_parts_combine_to_the_whole(heads, dtype):
    torch.manual_seed(0)
    layer, tokens = LAYERS["attention"](6, heads=heads).to(dtype), torch.randn(4, 9, 6, dtype=dtype)
    asking = tokens[:, -1:]
    parts = [layer.summary(asking, part) for part in (tokens[:, :4], tokens[:, 4:])]
    torch.testing.assert_close(layer.join(combine(*parts)), layer(tokens, 1))


def test_match3_says_what_it_needs():
    task = Match3(length=5, modulus=5)
    with pytest.raises(AssayError, match="a modulus of at least 6"):
        run("match3", subject_of(build(task, method="gather")))
    deep = make_network("attention", Match3(length=5, modulus=9), 4, seed=0, depth=2)
    with pytest.raises(AssayError, match="one layer"):
        run("match3", subject(deep, Match3(length=5, modulus=9)))
    with pytest.raises(AssayError, match="ThirdOrder has no summary"):
        run("match3", subject(make_network("third-order", deep.task, 4, seed=0), deep.task))


def _separable(keys: np.ndarray, pointers: tuple[int, ...]) -> bool:
    """Whether some query scores every pointer at least 1 above every other key, by linear programming."""
    off = [place for place in range(len(keys)) if place not in pointers]
    rows = np.concatenate([keys[[place]] - keys[off] for place in pointers])
    return linprog(np.zeros(keys.shape[1]), A_ub=-rows, b_ub=-np.ones(len(rows)), bounds=(None, None)).status == 0


@pytest.mark.parametrize("sparsity", [1, 2, 3])
def test_keys_of_fewer_than_2q_dimensions_always_have_an_inseparable_set(sparsity):
    drawn = torch.Generator().manual_seed(sparsity)
    length = 3 * sparsity + 1
    for width in range(1, 2 * sparsity):
        gaussian = torch.randn(length, width, generator=drawn, dtype=torch.float64)
        moments = torch.tensor([[t**k for k in range(1, width + 1)] for t in range(length)]).double()
        for keys in (gaussian, moments, gaussian.float()):
            found, looked, _ = radon_partition(as_integers(keys), sparsity, instances=10)
            assert looked == 1
            total = [Fraction(0)] * (width + 1)
            for place, coefficient in found.coefficients.items():
                assert (coefficient > 0) == (place in found.pointers)
                point = [*map(Fraction, keys[place].tolist()), Fraction(1)]
                total = [t + coefficient * x for t, x in zip(total, point, strict=True)]
            assert not any(total)
            assert len(set(found.pointers)) == sparsity
            assert not _separable(keys.double().numpy(), found.pointers)


@pytest.mark.parametrize(("sparsity", "length"), [(1, 8), (2, 9), (3, 10)])
def test_the_moment_curve_of_2q_dimensions_has_none(sparsity, length):
    keys = [[t**k for k in range(1, 2 * sparsity + 1)] for t in range(length)]
    found, looked, exhaustive = radon_partition(keys, sparsity, instances=1000)
    assert (found, looked, exhaustive) == (None, math.comb(length, 2 * sparsity + 2), True)
    scaled = np.array([[t**k for k in range(1, 2 * sparsity + 1)] for t in np.linspace(-1, 1, length)])
    assert all(_separable(scaled, pointers) for pointers in combinations(range(length), sparsity))


class NarrowKeys(AveragingUnit):
    """Random keys with the sum of the pointers' keys as a query: right for few sets."""

    method = "narrow"
    solves = ()

    def __init__(self, task: SparseAveraging, score_width: int) -> None:
        super().__init__(task, score_width, 0.1, 30.0, "float64")
        drawn = torch.Generator().manual_seed(0)
        self.keys.copy_(torch.randn(task.spec.length, score_width, generator=drawn, dtype=torch.float64))

    def queries(self, pointers: Tensor) -> Tensor:
        return self.keys[pointers].sum(dim=1)

    def certificate(self):
        raise NotImplementedError

    @classmethod
    def build(cls, task, tolerance):
        raise NotImplementedError


@pytest.mark.parametrize("layout", ["all", "last"])
@pytest.mark.parametrize("numbers", [None, FixedPoint(12, 6)])
def test_a_unit_with_too_narrow_keys_errs_on_the_set_that_is_found(layout, numbers):
    task = SparseAveraging(length=10, sparsity=3, layout=layout)
    found = run("radon", subject(NarrowKeys(task, 5), task), numbers)
    assert (found.available, found.needed) == (5, 6)
    assert found.more["least_weight_on_pointers"] <= found.more["largest_weight_off"]
    assert found.witness.error >= found.witness.at_least - 1e-12 == 1 / 3 - 1e-12
    assert len(found.more["dependency"]) <= 7
    assert sum(weight for weight in found.more["dependency"].values() if weight > 0) == pytest.approx(1)


@pytest.mark.parametrize("method", ["cyclic", "sign", "reed-solomon"])
def test_constructed_keys_set_every_set_apart(method):
    task = SparseAveraging(length=9, sparsity=2)
    found = run("radon", subject_of(build(task, method=method, tolerance=0.1)))
    assert not found.more["found"]
    assert found.available >= found.needed == 4


def test_radon_is_about_one_head():
    task = SparseAveraging(length=9, sparsity=2)
    with pytest.raises(AssayError, match="one head"):
        run("radon", subject_of(build(task, method="heads", tolerance=0.1)))


class Skips(nn.Module):
    """Has a narrow first layer and does not use it."""

    def __init__(self, task):
        super().__init__()
        self.task, self.narrow = task, nn.Linear(flat_width(task.spec), 1)

    def forward(self, inputs):
        self.narrow(flattened(self.task.spec, self.task.encode(inputs)))
        return self.task.targets(inputs)


def test_a_network_that_reads_past_its_first_layer_is_refused():
    task = SparseAveraging(length=8, sparsity=2, layout="last")
    with pytest.raises(AssayError, match="reads values past its first linear layer"):
        run("null-space", subject(Skips(task), task))


def test_radon_speaks_of_long_sequences_only():
    task = SparseAveraging(length=4, sparsity=3)
    with pytest.raises(AssayError, match="a length of at least 3q"):
        run("radon", subject_of(build(task, method="sign")))
