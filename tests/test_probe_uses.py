"""What heads do with their own queries: definitions written out, written errors of real modules, the command."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import AssayError, probe
from assay.probing.best_share import best_margins
from assay.probing.budget import query_budget
from assay.probing.cache_formats import cache_format
from assay.probing.findings import gather_probe
from assay.probing.headline import coarsest, first_to_lose
from assay.probing.heads import make_heads, read_arrays, write_arrays
from assay.probing.models.live import heads_of_module
from assay.probing.plan import Plan
from assay.probing.sets import DrawnSets
from assay.probing.spread import Spread
from assay.probing.uses import CONTEXTS, LONGEST, QUERIES, TOP_SETS, Uses, head_on_text, spaced, uses_of
from assay.report.probe_tables import columns, loss_table
from assay.sessions.probe import Probed
from test_cli import complaint, printed
from test_probe_models import hugging


def heads_with_values(length=48, width=32, causal=True, queries=None, seed=0):
    rng = np.random.default_rng(seed)
    keys, values = (rng.standard_normal((2, length, width)) for _ in range(2))
    asked = 2 * rng.standard_normal((4, length if queries is None else queries, width))
    written = rng.standard_normal((4, width, 16)) / 7
    return make_heads("with-values", keys, asked, causal=causal, values=values, written=written)


def softmax_rows(heads, head, keys, seen):
    """Attention weights by loops, of the queries up to `seen`."""
    queries = heads.queries[head]
    first = heads.length - len(queries) if heads.causal else 0
    rows = []
    for place, query in enumerate(queries):
        last = first + place if heads.causal else seen - 1
        if last >= seen:
            break
        raised = [math.exp(heads.scale * float(query @ keys[j])) for j in range(last + 1)]
        rows.append([value / sum(raised) for value in raised] + [0.0] * (seen - last - 1))
    return np.array(rows)


@pytest.mark.parametrize(
    ("causal", "queries", "seen"), [(True, 48, 48), (True, 48, 30), (True, 20, 40), (False, 9, 48)]
)
def test_losses_are_those_of_the_definition(causal, queries, seen):
    heads = heads_with_values(causal=causal, queries=queries)
    described = [DrawnSets("random", 3, (1, 2), seen, 0)]
    for head in (0, 3):
        found = uses_of(heads, head, described, ("q4_0", "token-3"))
        keys, values = (part[heads.key_head[head], :seen] for part in (heads.keys, heads.values))
        assert list(found.losses) == ["q4_0", "token-3"]
        for name, loss in found.losses.items():
            rounded = cache_format(name)
            before = softmax_rows(heads, head, keys, seen)
            after = softmax_rows(heads, head, rounded.rounded(keys), seen)
            variation = np.abs(before - after).sum(axis=1) / 2
            assert loss.weights == pytest.approx(variation.mean(), rel=1e-7)
            moved, of_values = (after - before) @ values, before @ (rounded.rounded(values) - values)
            for error, output, written in (
                (moved, loss.output, loss.written),
                (of_values, loss.output_of_values, loss.written_of_values),
            ):
                assert output == pytest.approx(np.linalg.norm(error) / np.linalg.norm(before @ values), rel=1e-6)
                rows = np.square(error @ heads.written[head]).sum(axis=1)
                assert written == pytest.approx(math.sqrt(rows.mean()), rel=1e-6)
        for family, bits in found.fewest.items():
            off = [uses_of(heads, head, described, (f"{family}-{b}",)).losses[f"{family}-{b}"] for b in range(1, 9)]
            for what, figure in (("keys", "output"), ("values", "output_of_values"), ("weights", "weights")):
                short = [b for b, loss in enumerate(off, 1) if getattr(loss, figure) > 0.1]
                assert getattr(bits, what) == max(short, default=0) + 1  # 9: 8 do not do


def test_kept_mass_is_that_of_the_keys_weighed_most():
    heads = heads_with_values(length=40)
    found = uses_of(heads, 1, [DrawnSets("random", 2, (1,), 40, 0)], ("token-2",))
    keys = heads.keys[0]
    before = softmax_rows(heads, 1, keys, 40)
    after = softmax_rows(heads, 1, cache_format("token-2").rounded(keys), 40)
    counts = np.array([(before[max(1, j) :, j]).mean() if 2 * (40 - max(1, j)) >= 39 else -1 for j in range(40)])
    sink = int(counts.argmax())
    shares = []
    for row in range(20, 40):  # all of the later half, as it has fewer than 32
        order = [j for j in np.argsort(-before[row], kind="stable") if j not in (0, sink) and j <= row][:4]
        shares.append(after[row, order].sum() / before[row, order].sum())
    assert len(shares) <= TOP_SETS
    assert found.losses["token-2"].kept == pytest.approx(np.quantile(shares, 0.1), rel=1e-7)


def test_answers_come_back_from_json():
    heads = heads_with_values(width=12)
    found = uses_of(
        heads, 1, [DrawnSets("random", 2, (1, 3), 48, 0), DrawnSets("contiguous", 2, (1,), 48, 0)], ("token-4",)
    )
    assert Uses.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert found.reach["random"][3].yes + found.reach["random"][3].no == 2


def test_contexts_are_the_longest_at_which_a_query_was_found():
    heads = heads_with_values(length=30, causal=False)
    found = uses_of(heads, 0, [DrawnSets("random", 2, (1,), 30, 7)], ()).contexts
    assert len(found) == CONTEXTS
    budget = query_budget(heads.queries[0])
    for place, longest in zip(np.random.default_rng(7).permutation(30), found, strict=False):
        others = np.delete(heads.keys[0], place, axis=0)
        longer = others[np.random.default_rng(7).integers(29, size=LONGEST)]

        def reached(count, place=place, longer=longer):
            keys = np.concatenate([heads.keys[0][[place]], longer[: count - 1]])
            return best_margins(keys, np.array([[0]]), budget, scale=heads.scale).reached[0]

        assert longest == 1 or reached(longest)
        assert longest == 1 + LONGEST or not reached(longest + 1)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 700), st.integers(1, 300))
def test_queries_are_spaced_with_both_ends(count, most):
    heads = make_heads("spaced", np.ones((1, 2, 2)), np.arange(2.0 * count).reshape(1, count, 2) + 1)
    rows = ((spaced(head_on_text(heads, 0), most).queries[:, 0] - 1) / 2).astype(int)
    assert len(rows) == len(set(rows)) == min(count, most)
    assert rows[0] == 0
    assert most == 1 or rows[-1] == count - 1
    assert np.ptp(np.diff(rows)) <= 1 if len(rows) > 1 else True


def test_many_queries_are_thinned_and_the_budget_keeps_them_all():
    heads = heads_with_values(length=QUERIES + 90)
    few = spaced(head_on_text(heads, 0))
    assert len(few.queries) == QUERIES
    assert np.array_equal(few.visible.sum(axis=1), 1 + np.linspace(0, QUERIES + 89, QUERIES).round())


# what is not known


def test_without_values_or_fitting_sizes_nothing_is_made_up():
    heads = heads_with_values(width=12)
    assert Plan((heads,)).cached == ("token-8", "token-4")
    assert Plan((heads_with_values(),)).cached == ("q8_0", "q4_0")
    assert "q4_0" not in uses_of(heads, 0, [DrawnSets("random", 2, (1,), 48, 0)], ("q4_0", "token-4")).losses
    bare = make_heads("bare", heads.keys, heads.queries)
    loss = uses_of(bare, 0, [DrawnSets("random", 2, (1,), 48, 0)], ("token-4",)).losses["token-4"]
    assert (loss.output, loss.written, loss.output_of_values, loss.written_of_values) == (None,) * 4
    assert loss.weights > 0


def test_causal_heads_with_more_queries_than_keys_are_not_asked():
    rng = np.random.default_rng(0)
    heads = make_heads("odd", rng.standard_normal((1, 7, 3)), rng.standard_normal((1, 9, 3)), causal=True)
    assert not Plan((heads,), (1,)).asks_uses
    found = probe(heads, sparsities=(1,), sets=2).findings
    assert not found.has_queries
    assert found.curve.measured["random"]
    few = make_heads("few", rng.standard_normal((1, 7, 3)), rng.standard_normal((1, 2, 3)), causal=True)
    assert [Plan((few,), (1,), position=place).asks_uses for place in (4, 5, 6)] == [False, True, True]


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"values": np.ones((1, 3, 2))}, r"shape of values = \(1, 3, 2\)"),
        ({"written": np.ones((1, 2, 2))}, "None without values"),
        ({"values": np.ones((1, 4, 2)), "written": np.ones((1, 3, 2))}, r"shape of written = \(1, 3, 2\)"),
        ({"values": np.full((1, 4, 2), np.inf)}, "values = not finite"),
    ],
)
def test_values_that_do_not_fit_are_refused(arrays, says):
    with pytest.raises(AssayError, match=says):
        make_heads("wrong", np.ones((1, 4, 3)), np.ones((1, 4, 3)), **arrays)
    with pytest.raises(AssayError, match="q9_0"):
        Plan((make_heads("wrong", np.ones((1, 4, 3))),), formats=("q9_0",))


def test_values_come_back_from_their_file_and_count_in_the_digest(tmp_path):
    heads = heads_with_values()
    write_arrays(heads, tmp_path / "heads.npz")
    again = read_arrays(tmp_path / "heads.npz")
    assert np.array_equal(again.values, heads.values)
    assert np.array_equal(again.written, heads.written)
    assert again.plain
    assert again.digest == heads.digest
    assert make_heads("with-values", heads.keys, heads.queries, causal=True).digest != heads.digest


# modules


def test_an_encoder_layer_has_its_written_errors():
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(64, 2, 32, batch_first=True).eval()
    text = torch.randn(1, 24, 64)
    heads = heads_of_module(layer, text)
    weight, size = layer.self_attn.out_proj.weight.detach(), float(text.norm(dim=-1).median())
    output = torch.randn(5, 32)
    for head in range(2):
        added = (output @ weight[:, 32 * head : 32 * head + 32].T).norm(dim=1) / size
        assert np.linalg.norm(output.numpy() @ heads.written[head], axis=1) == pytest.approx(added.numpy(), rel=1e-4)
    alone = heads_of_module(layer.self_attn, (text, text, text))
    assert alone.written is None
    assert alone.values is not None


def test_live_attention_end_to_end():
    torch.manual_seed(0)
    attention = torch.nn.MultiheadAttention(64, num_heads=2, batch_first=True)
    text = torch.randn(1, 40, 64)
    found = probe(attention, (text, text, text), sparsities=(1, 2), sets=3, formats=("q4_0", "channel-2")).findings
    json.dumps(asdict(found), allow_nan=False)
    assert found.has_values
    assert not found.has_written
    assert coarsest(found) == "channel-2"
    assert "by the relative error of their outputs" in found.advice
    worst, loss = first_to_lose(found, "q4_0")[0]
    assert loss.median == max(row.losses["q4_0"].output.median for row in found.heads)
    assert worst in found.heads


@hugging
def test_a_model_end_to_end(tmp_path):
    """A tiny llama: errors of its heads, through its own weights and hidden states."""
    from transformers import LlamaConfig, LlamaModel

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=64,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
    )
    model = LlamaModel(config).eval()
    tokens = torch.arange(40)[None] % 50
    found = probe(model, {"input_ids": tokens}, sparsities=(1, 2), sets=3).findings
    assert found.has_written
    assert "by the error that they add to the residual stream" in found.advice
    heads = heads_of_module(model, {"input_ids": tokens})
    with torch.no_grad():
        states = model(input_ids=tokens, output_hidden_states=True).hidden_states
    for index in range(heads.count):
        layer, place = heads.layer[index], heads.place[index]
        weight = model.layers[layer].self_attn.o_proj.weight.detach()[:, 32 * place : 32 * place + 32]
        size = float(states[layer][0].norm(dim=-1).median())
        keys, values = (part[heads.key_head[index]].astype(float) for part in (heads.keys, heads.values))
        before = softmax_rows(heads, index, keys, 40) @ values
        after = softmax_rows(heads, index, cache_format("q4_0").rounded(keys), 40) @ values
        added = np.linalg.norm((after - before) @ weight.numpy().T / size, axis=1)
        loss = found.heads[index].losses["q4_0"]
        assert loss.written.median == pytest.approx(math.sqrt(np.square(added).mean()), rel=1e-3)
        assert loss.output.median == pytest.approx(np.linalg.norm(after - before) / np.linalg.norm(before), rel=1e-3)


@hugging
@pytest.mark.parametrize("kind", ["GPT2Config", "BertConfig", "T5Config", "Qwen3Config"])
def test_projections_are_found_in_models_of_other_forms(kind):
    import transformers

    config = getattr(transformers, kind)(
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        num_key_value_heads=2,
        head_dim=16,
        n_embd=32,
        n_layer=2,
        n_head=2,
        d_model=32,
        d_kv=16,
        num_heads=2,
        num_layers=2,
        d_ff=32,
    )
    model = transformers.AutoModel.from_config(config).eval()
    part = model.get_encoder() if kind == "T5Config" else model
    heads = heads_of_module(part, {"input_ids": torch.arange(20)[None]})
    if kind == "T5Config":  # a bias by position: the softmax is not of products alone
        assert heads.values is None
        found = probe(heads, sparsities=(1,), sets=1)
        assert found.findings.heads[0].losses == found.findings.heads[0].fewest == {}
        assert "losses in a cache are not given. With queries" in found.advice
        return
    names = {
        "GPT2Config": "h.0.attn.c_proj",
        "BertConfig": "encoder.layer.0.attention.output.dense",
        "Qwen3Config": "layers.0.self_attn.o_proj",
    }
    layer = model.get_submodule(names[kind])
    weight = layer.weight if kind == "GPT2Config" else layer.weight.T
    with torch.no_grad():
        size = model(input_ids=torch.arange(20)[None], output_hidden_states=True).hidden_states[0][0].norm(dim=-1)
        added = (torch.ones(1, 16) @ weight[16:]).norm() / size.median()
    assert np.linalg.norm(np.ones(16) @ heads.written[1]) == pytest.approx(float(added), rel=1e-4)


# several texts


def on_texts(count=3, **options):
    return tuple(replace(heads_with_values(seed=seed, **options), text=f"text {seed}") for seed in range(count))


def test_figures_are_medians_over_texts_with_the_least_and_the_largest():
    texts = on_texts()
    plan = Plan(texts, (1, 4), sets=8)
    asked = list(plan.questions())
    assert len(asked) == 4 * 3
    assert len({question.heads for question in asked}) == 3
    by_digest = {heads.digest: heads for heads in texts}
    answers = {piece.key: piece for piece in (one.answer_for(by_digest[one.heads]) for one in asked)}
    assert len(answers) == 12
    assert {piece.source for piece in answers.values()} >= {"with-values, text 0, head 0: uses"}
    found = gather_probe(plan, answers)
    json.dumps(asdict(found), allow_nan=False)
    assert found.texts == ("text 0", "text 1", "text 2")
    alone = [gather_probe(Plan((heads,), (1, 4), sets=8), answers) for heads in texts]
    sides = {"lost": 0, "off": 0}
    for index, row in enumerate(found.heads):
        rows = [one.heads[index] for one in alone]
        pairs = [
            (row.losses["q4_0"].written, [one.losses["q4_0"].written for one in rows]),
            (row.reach["random"][4], [one.reach["random"][4] for one in rows]),
            (row.context, [one.context for one in rows]),
            (row.fewest["token"].values, [one.fewest["token"].values for one in rows]),
            (row.statistics.entropy, [one.statistics.entropy for one in rows]),
        ]
        for spread, figures in pairs:
            values = sorted(one.median for one in figures)
            assert (spread.least, spread.median, spread.most, spread.texts) == (*values, 3)
        kept = [one.losses["q4_0"].kept.median for one in rows]
        outputs = [one.losses["q4_0"].output.median for one in rows]
        sides["lost"] += len({value < 0.9 for value in kept}) == 2
        sides["off"] += len({value > 0.1 for value in outputs}) == 2
    assert sides["off"] > 0
    assert f"are off by more than 10% ({sides['off']} on some texts only)" in found.advice
    assert (f"attend to ({sides['lost']} on some texts" in found.advice) == (sides["lost"] > 0)
    assert "N = 48, 3 texts: " in found.advice
    assert "on some texts" not in alone[0].advice
    assert " to " not in alone[0].advice.split("First to lose")[1].split(". With")[0].replace("add to", "")


def test_the_table_of_heads_shows_each_figure_with_its_spread(tmp_path):
    texts = on_texts()
    plan = Plan(texts, (1,), sets=2, formats=("token-1",))
    by_digest = {heads.digest: heads for heads in texts}
    pieces = [one.answer_for(by_digest[one.heads]) for one in plan.questions()]
    found = gather_probe(plan, {piece.key: piece for piece in pieces})
    made = {column.title: column for column in columns(found)}
    row = found.heads[0]
    loss = row.losses["token-1"].written
    cell = made["written error, token-1"].cell(row)
    assert cell == (loss.median, f"{loss.median:.2g} ({loss.least:.2g} to {loss.most:.2g})")
    assert loss.least < loss.median < loss.most
    context = row.context
    assert made["longest context, one token"].cell(row)[1] == (
        f"{context.median:,} ({context.least:,} to {context.most:,})"
    )
    assert made["layer"].cell(row) == (0, "0")
    beyond = replace(row.fewest["token"], values=Spread(9, 8, 9, 3))
    assert made["fewest bits, values by token"].cell(replace(row, fewest={"token": beyond})) == (
        9,
        "over 8 (8 to over 8)",
    )
    assert made["written error, token-1"].cell(replace(row, losses={})) == (None, "")
    (shown,) = loss_table(found).rows
    first = max(found.heads, key=lambda one: one.losses["token-1"].written.median)
    worst = first.losses["token-1"].written
    told = f"{worst.median:.2g} ({worst.least:.2g} to {worst.most:.2g})"
    assert shown[-1] == f"layer 0 head {first.place}: written error {told}"
    off = sum(one.losses["token-1"].output.median > 0.1 for one in found.heads)
    assert off > 0
    assert shown[2] == f"{off} of 4"
    page = Probed(plan, found, tuple(pieces)).report(tmp_path).read_text("utf-8")
    assert cell[1] in page
    assert "of each of 3 texts (text 0, text 1, text 2)" in page
    assert "the median over texts" in page
    drawn = (tmp_path / "probe-with-values-48-figures" / "probe-1.losses.svg").read_text("utf-8")
    assert f"token-1: {shown[1]} heads lose sets" in drawn
    assert f"layer 0 head {first.place} has the largest written error" in drawn


def test_a_text_that_is_not_answered_yet_does_not_count():
    texts = on_texts(2)
    plan = Plan(texts, (1,), sets=2)
    first = next(plan.questions()).answer_for(texts[0])
    found = gather_probe(plan, {first.key: first})
    assert found.unanswered == 7
    assert found.heads[0].context.texts == 1
    assert found.heads[1].context is None


def test_texts_of_other_heads_are_refused():
    one, longer = on_texts(1)[0], on_texts(1, length=50)[0]
    for other in (longer, replace(one, causal=False), replace(one, layer=(1, 1, 1, 1))):
        with pytest.raises(AssayError, match="heads on several texts = different"):
            Plan((one, other), (1,))
    with pytest.raises(AssayError, match="texts = 0"):
        Plan(())


# the command


def test_the_command_takes_formats_and_says_what_a_file_lacks(tmp_path):
    heads = heads_with_values(length=24)
    write_arrays(make_heads("bare", heads.keys, heads.queries, causal=True), tmp_path / "keys.npz")
    asked = ("probe", tmp_path / "keys.npz", "--sparsity", "1", "--sets", 2, "--curves", 0, "--out", tmp_path / "o")
    found = printed(*asked, "--formats", "q8_0,token-2", "--workers", 1)["probe"]
    assert list(found["heads"][0]["losses"]) == ["q8_0", "token-2"]
    assert "not known without values" in found["advice"]
    page = (tmp_path / "o" / "probe-bare-24.html").read_text("utf-8")
    assert "output errors are not given" in page
    assert "0.80 (95 % interval 0.71 to 0.86" in page
    assert page.index("not known without values") < page.index("<details")
    assert "q9_0" in complaint(*asked, "--formats", "q9_0")
    write_arrays(make_heads("narrow", heads.keys[..., :8], heads.queries[..., :8]), tmp_path / "narrow.npz")
    narrow = ("probe", tmp_path / "narrow.npz", "--sparsity", "1", "--out", tmp_path / "n", "--formats")
    assert "format = q4_0 is not allowed; it must be a format that takes keys of width 8" in complaint(*narrow, "q4_0")
    assert not (tmp_path / "n").exists()
    assert "--formats is not allowed with --set" in complaint(*asked[:2], "--set", "1", "--formats", "q8_0")
