"""Recall, k-hop, next-symbol and tasks of users: labels against their definitions, causal order, lengths, learning."""

import dataclasses
from pathlib import Path

import pytest
import torch

from assay.errors import AssayError
from assay.layers import LAYERS
from assay.layers.attention import Attention
from assay.models import make_network
from assay.models.backbone import Backbone
from assay.tasks import TASKS, make_task
from assay.tasks.answers import Bits, Classes, Reals
from assay.tasks.k_hop import KHop
from assay.tasks.next_symbol import NextSymbol
from assay.tasks.recall import FILLERS, Recall
from assay.tasks.spec import Spec, Symbols
from assay.testing import check_task
from assay.training.lengths import length_of
from assay.training.loop import train
from assay.training.recipe import Recipe

RECALLS = [
    Recall(pairs=5, vocabulary=7),
    Recall(pairs=5, vocabulary=7, length=16),
    Recall(pairs=4, vocabulary=6, length=19, flat=True),
    Recall(pairs=4, vocabulary=6, length=11, one=True),
    Recall(pairs=4, vocabulary=6, length=11, one=True, flat=True),
]
HOPS = [KHop(length=12, alphabet=alphabet, hops=hops) for alphabet in (2, 4) for hops in (1, 2, 3)]
LEARNED = [KHop(length=12, alphabet=alphabet, hops=hops) for alphabet in (3, 4) for hops in (1, 2, 3)]


@pytest.mark.parametrize(
    "task", [*RECALLS, *LEARNED[:3], *(pytest.param(task, marks=pytest.mark.long) for task in LEARNED[3:])], ids=str
)
def test_tasks_conform(task):
    check_task(task)


@pytest.mark.parametrize("task", RECALLS, ids=str)
def test_recall_is_a_dictionary(task):
    inputs, targets, scored = task.sample(50, seed=1)
    v, first = task.vocabulary, task.length - targets.shape[1]
    for row, answers in zip(inputs.tolist(), targets.tolist(), strict=True):
        known, kept = {}, []
        for place in range(first):
            key, value = (row[place], row[place + 1] - v) if task.flat else row[place]
            if key < v:
                known[key] = value
                kept.append(key)
        asked = [token if task.flat else token[0] for token in row[first:]]
        assert answers == [known[key] for key in asked]
        assert len(kept) == len(set(kept)) == task.pairs
        assert asked == list(dict.fromkeys(asked))
    assert scored.all()


def test_filler_is_of_a_set_of_its_own():
    inputs = Recall(pairs=2, vocabulary=3, length=30).sample(200, seed=0).inputs
    keys, values = inputs[:, :28].unbind(2)
    assert ((keys >= 3) == (values == 3)).all()
    assert set(keys[keys >= 3].tolist()) == set(range(3, 3 + FILLERS))


def hop(symbols, place, hops):
    """From the definition."""
    for _ in range(hops):
        earlier = [other for other in range(place) if symbols[other] == symbols[place]]
        if not earlier:
            return -1
        place = earlier[-1] + 1
    return symbols[place]


@pytest.mark.parametrize("task", HOPS, ids=str)
def test_hops_follow_their_definition(task):
    inputs = task.sample(60, seed=2).inputs
    assert (inputs[:, 1:] != inputs[:, :-1]).all()
    wanted = [[hop(row, place, task.hops) for place in range(task.length)] for row in inputs.tolist()]
    assert task.targets(inputs).tolist() == wanted


def test_what_has_no_answer_is_not_scored():
    _, targets, scored = NextSymbol(length=5).sample(4, seed=0)
    assert scored.tolist() == [[True] * 4 + [False]] * 4
    assert targets[:, -1].tolist() == [0] * 4  # a class, whatever it means


@pytest.mark.parametrize("answer", [Classes(3), Bits(), Reals(2)])
def test_what_is_not_scored_moves_neither_loss_nor_measures(answer):
    torch.manual_seed(0)
    outputs = torch.randn(4, 6, *answer.output_shape, requires_grad=True)
    targets = torch.randint(0, 2, (4, 6, *answer.target_shape)).to(answer.dtype)
    scored = torch.rand(4, 6) < 0.5
    changed = torch.where(scored.view(4, 6, *[1] * (targets.ndim - 2)), targets, 1 - targets)
    wanted = [part if part.dtype == torch.int64 else part.float() for part in (targets, changed)]
    first, second = (answer.loss(outputs, part, scored) for part in wanted)
    assert first == second
    (gradient,) = torch.autograd.grad(first, outputs)
    assert not gradient[~scored].any()
    assert answer.judge(outputs, targets, scored) == answer.judge(outputs, changed, scored)


def test_sums_over_parts_are_those_of_the_whole():
    torch.manual_seed(1)
    outputs, targets = torch.randn(9, 4, 5), torch.randint(0, 5, (9, 4))
    scored = torch.rand(9, 4) < 0.7
    sums = Classes(5).sums()
    for rows in torch.arange(9).split(2):
        sums.add(Classes(5), outputs[rows], targets[rows], scored[rows])
    wrong = (outputs.argmax(2) != targets) & scored
    assert sums.judged == pytest.approx((wrong.sum() / scored.sum()).item())
    assert sums.sequence_error == pytest.approx((wrong.any(1).sum() / scored.any(1).sum()).item())
    assert sums.largest == 1


@pytest.mark.parametrize("architecture", LAYERS.names())
@pytest.mark.parametrize("positions", ["none", "table"])
def test_no_shipped_layer_sees_later_tokens_in_causal_order(architecture, positions):
    task = NextSymbol(length=7)
    network = make_network(architecture, task, 6, seed=0, depth=2, positions=positions).double()
    assert network.network.passes == 1
    inputs = task.sample(3, seed=0).inputs
    before = network(inputs)
    for cut in range(1, 7):
        changed = inputs.clone()
        changed[:, cut:] = (changed[:, cut:] + 1) % 4
        assert torch.allclose(network(changed)[:, :cut], before[:, :cut], atol=1e-12)


def test_layers_that_look_ahead_are_refused_in_causal_order():
    spec = Spec(Symbols(4), Classes(4), length=5)
    with pytest.raises(AssayError, match="Attention looks ahead; answers in causal order need layers that do not"):
        Backbone(spec, [Attention(4)], 4)


@pytest.mark.parametrize("architecture", LAYERS.names())
def test_the_next_symbol_is_not_learned(architecture):
    recipe = Recipe(steps=60, distribution="uniform", batch=32, validation=256, test=1024)
    run = train(NextSymbol(length=8, alphabet=4), architecture, 8, seed=0, rate=0.01, recipe=recipe)
    assert run.mean_error > 0.7


def test_recall_is_learned_by_narrow_attention():
    recipe = Recipe(steps=600, distribution="uniform", batch=64, validation=512, test=1024)
    run = train(Recall(pairs=4), "attention", 8, seed=0, rate=0.01, recipe=recipe)
    assert run.mean_error <= 0.05
    assert run.stopped == "learned"


def test_rotary_scores_depend_on_distances_alone():
    layer = Attention(8, heads=2, causal=True, rotary=True).double()
    tokens = torch.randn(2, 6, 8, dtype=torch.float64)
    shifted = torch.cat([tokens[:, :1], tokens], dim=1)
    inner = layer._rotary_scores(shifted, 6)[..., 1:]
    assert torch.allclose(layer._rotary_scores(tokens, 6), inner, atol=1e-10)
    assert torch.allclose(layer(tokens, 2), layer(tokens, 6)[:, -2:], atol=1e-12)


def parity():
    return make_task(TASKS.named(str(Path(__file__).with_name("tasks_of_users.py")) + ":Parity"), length=8)


def test_parity_is_right_beyond_the_lengths_of_training():
    recipe = Recipe(
        steps=400, distribution="uniform", batch=64, shortest=2, curriculum=True, test_lengths=[16, 32], test=512
    )
    run = train(parity(), "lstm", 16, seed=0, rate=0.01, recipe=recipe)
    assert run.stopped == "budget"  # all of it, though it had learned
    assert set(run.lengths) == {16, 32}
    assert max(run.mean_error, *run.lengths.values()) < 0.01


def test_lengths_of_steps_are_in_the_open_range():
    recipe = Recipe(steps=100, distribution="uniform", shortest=3, curriculum=True)
    drawn = [length_of(step, 0, 12, recipe) for step in range(100)]
    assert all(3 <= length <= 12 for length in drawn)
    assert max(drawn[:10]) <= 5
    assert drawn == sorted(drawn)
    assert set(drawn[50:]) == {12}
    ranged = [length_of(step, 0, 12, dataclasses.replace(recipe, curriculum=False)) for step in range(100)]
    assert set(ranged) == set(range(3, 13))
    assert {length_of(step, 0, 12, dataclasses.replace(recipe, shortest=0, curriculum=False)) for step in range(9)} == {
        12
    }


@pytest.mark.parametrize(
    ("positions", "changes", "message"),
    [
        ("table", {"shortest": 4}, "length = 4 is not allowed; it must be 8, as many as the position table"),
        ("none", {"test_lengths": (4,)}, "test_lengths = 4 is not allowed; it must be above the length of training, 8"),
        ("none", {"shortest": 9}, "shortest = 9 is not allowed; it must be at most length = 8"),
    ],
)
def test_lengths_that_cannot_be_are_refused_before_training(positions, changes, message):
    recipe = Recipe(steps=10**6, distribution="uniform", **changes)
    with pytest.raises(AssayError, match=message):
        train(parity(), "lstm", 4, positions=positions, seed=0, rate=0.01, recipe=recipe)


def test_a_longer_table_is_begun_at_random_places_in_training_and_at_its_first_in_tests():
    task = parity()
    (network, again) = (
        make_network("attention", task, 4, seed=3, longest=20, positions="table").network for _ in range(2)
    )
    assert isinstance(network, Backbone)
    assert network.positions is not None
    assert network.positions.shape == (20, 4)
    torch.nn.init.zeros_(network.embed.weight)
    torch.nn.init.zeros_(again.embed.weight)
    tokens = torch.zeros(400, 8, dtype=torch.int64)
    drawn = [network.embedded(tokens) for _ in range(2)]
    assert not torch.equal(*drawn)  # other places at every step, the same ones in every run
    assert all(torch.equal(one, again.embedded(tokens)) for one in drawn)
    windows = network.positions.unfold(0, 8, 1).transpose(1, 2)
    which = (drawn[0][:, None] == windows).all(dim=(2, 3)).double().argmax(dim=1)
    assert torch.equal(drawn[0], windows[which])
    assert set(which.tolist()) == set(range(13))
    assert torch.equal(network.eval().embedded(tokens), network.positions[:8].expand(400, -1, -1))
    assert torch.equal(network.embedded(torch.zeros(1, 20, dtype=torch.int64))[0], network.positions)
    with pytest.raises(AssayError, match="length = 21 is not allowed; it must be at most 20"):
        network.embedded(torch.zeros(1, 21, dtype=torch.int64))


def test_a_table_is_trained_for_the_longest_length_that_is_tested():
    recipe = Recipe(
        steps=30, distribution="uniform", batch=16, check_every=15, validation=32, test=32, test_lengths=(16,)
    )
    runs = [train(parity(), "attention", 4, positions="table", seed=1, rate=0.01, recipe=recipe) for _ in range(2)]
    assert runs[0].lengths.keys() == runs[0].sequence_lengths.keys() == {16}
    assert (runs[0].curve, runs[0].lengths) == (runs[1].curve, runs[1].lengths)


@pytest.mark.parametrize("name", ["Recollect", "Copy", "Parity", "EvenBlocks"])
def test_tasks_of_users_conform(name):
    label = TASKS.named(str(Path(__file__).with_name("tasks_of_users.py")) + f":{name}")
    check_task(TASKS[label](length=12))
