"""A .gguf file with a model of architecture "llama" (Touvron et al. 2023) and a byte-level BPE tokenizer"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from assay.errors import AssayError, require
from assay.networks.heads import join_heads, split_heads
from assay.probing.models import READERS
from assay.probing.models.base import Model, check_tokens, needs
from assay.probing.models.rotary import cos_sin, rotate_neighbours

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@READERS.register
class Llama(Model):
    """Weights are taken out of the file, and out of their quantised form, layer by layer at each run.

    So memory is that of one layer in float32, apart from keys, queries and the text's activations.
    """

    causal: ClassVar[bool] = True

    def __init__(self, name: str, metadata: dict[str, Any], tensors: dict[str, Any]) -> None:
        self.name, self.metadata, self.tensors = name, metadata, tensors
        self._tokenizer: Any = None
        width = self._setting("embedding_length")
        self.depth, self.positions = self._setting("block_count"), self._setting("context_length")
        self.count = self._setting("attention.head_count")
        self.key_heads = self._setting("attention.head_count_kv", self.count)
        self.head_width = self._setting("attention.key_length", width // self.count)
        scaling = self._setting("rope.scaling.type", "none")
        require(scaling == "none", f"llama.rope.scaling.type of {name}", scaling, "'none'")

    @classmethod
    def reads(cls, path: Path) -> bool:
        """Whether it is a file that ends in .gguf."""
        return path.suffix == ".gguf" and path.is_file()

    @classmethod
    def open(cls, path: Path) -> Self:
        """The model in the file, whose metadata are read now."""
        gguf = needs("gguf", "reading GGUF")
        try:
            reader = gguf.GGUFReader(path)
            metadata = {name: field.contents() for name, field in reader.fields.items()}
        except (OSError, ValueError, KeyError, IndexError, TypeError, OverflowError, MemoryError) as error:
            raise AssayError(f"{path} is not a whole GGUF file: {(str(error).splitlines() or [''])[0]}") from error
        architecture = metadata.get("general.architecture")
        require(architecture == "llama", f"architecture of {path}", architecture, "'llama'")
        return cls(path.stem, metadata, {tensor.name: tensor for tensor in reader.tensors})

    def tokens(self, text: str) -> list[int]:
        """The text's byte pairs, after the token for its beginning if the model was trained with one."""
        if self._tokenizer is None:
            self._tokenizer = _tokenizer(self.name, self.metadata)
        llama3 = self.metadata.get("tokenizer.ggml.pre") == "llama-bpe"
        begins = self.metadata.get("tokenizer.ggml.add_bos_token", llama3)
        first = self.metadata.get("tokenizer.ggml.bos_token_id")
        return [first] * (begins and first is not None) + self._tokenizer.encode(text).ids

    @torch.no_grad()
    def layers(self, tokens: Sequence[int]) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        """Queries (heads, N, d) and keys (key heads, N, d) after rotation, and the last layer's output (N, width)."""
        embedding = self._tensor("token_embd.weight")
        ids = check_tokens(tokens, len(embedding.data), self.positions)
        x = _floats(embedding, embedding.data[ids.numpy()])
        factors = self._weight("rope_freqs.weight") if "rope_freqs.weight" in self.tensors else None
        rotated = self._setting("rope.dimension_count", self.head_width)
        cos, sin = cos_sin(len(ids), rotated, self._setting("rope.freq_base", 10000.0), factors)
        seen = []
        for layer in range(self.depth):
            x, queries, keys = self._layer(x, f"blk.{layer}", cos, sin)
            seen.append((queries, keys))
        return seen, x

    def _layer(self, x: Tensor, layer: str, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self._norm(x, f"{layer}.attn_norm")[None]
        q = rotate_neighbours(split_heads(self._linear(h, f"{layer}.attn_q"), self.count), cos, sin)
        k = rotate_neighbours(split_heads(self._linear(h, f"{layer}.attn_k"), self.key_heads), cos, sin)
        v = split_heads(self._linear(h, f"{layer}.attn_v"), self.key_heads)
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + self._linear(join_heads(attended)[0], f"{layer}.attn_output")
        h = self._norm(x, f"{layer}.ffn_norm")
        hidden = functional.silu(self._linear(h, f"{layer}.ffn_gate")) * self._linear(h, f"{layer}.ffn_up")
        return x + self._linear(hidden, f"{layer}.ffn_down"), q[0], k[0]

    @torch.no_grad()
    def next_token_logits(self, tokens: Sequence[int]) -> np.ndarray:
        """For each position the scores of all tokens to come next, float32 (N, vocabulary)."""
        x = self._norm(self.layers(tokens)[1], "output_norm")
        return self._linear(x, "output" if "output.weight" in self.tensors else "token_embd").numpy()

    def _linear(self, x: Tensor, name: str) -> Tensor:
        bias = self._weight(f"{name}.bias") if f"{name}.bias" in self.tensors else None
        return functional.linear(x, self._weight(f"{name}.weight"), bias)

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight = self._weight(f"{name}.weight")
        return functional.rms_norm(x, weight.shape, weight, self._setting("attention.layer_norm_rms_epsilon"))

    def _weight(self, name: str) -> Tensor:
        tensor = self._tensor(name)
        return _floats(tensor, tensor.data)

    def _tensor(self, name: str) -> Any:
        if name not in self.tensors:
            raise AssayError(f"the weights of {self.name} have no tensor {name!r}")
        return self.tensors[name]

    def _setting(self, name: str, default: Any = None) -> Any:
        found = self.metadata.get(f"llama.{name}", default)
        if found is None:
            raise AssayError(f"the metadata of {self.name} have no entry 'llama.{name}'")
        return found


def _floats(tensor: Any, rows: np.ndarray) -> Tensor:
    """Some rows of a tensor as float32, out of whatever form it is stored in."""
    from gguf.quants import dequantize

    try:
        return torch.from_numpy(np.array(dequantize(rows, tensor.tensor_type), dtype=np.float32))
    except (NotImplementedError, ValueError) as error:
        raise AssayError(f"tensor {tensor.name!r} is stored as {tensor.tensor_type.name}, which is not read") from error


def _tokenizer(name: str, metadata: dict[str, Any]) -> Any:
    tokenizers = needs("tokenizers", "reading a GGUF tokenizer")
    from tokenizers import decoders, models, pre_tokenizers

    kind = metadata.get("tokenizer.ggml.model")
    require(kind == "gpt2", f"tokenizer.ggml.model of {name}", kind, "'gpt2', byte-level BPE")
    digits = pre_tokenizers.Digits(individual_digits=True)
    words = pre_tokenizers.ByteLevel(add_prefix_space=False)
    splits = {
        "gpt-2": [words],
        "smollm": [digits, words],
        "llama-bpe": [pre_tokenizers.Split(tokenizers.Regex(LLAMA3), "isolated"),
                      pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)],
    }  # fmt: skip
    split = metadata.get("tokenizer.ggml.pre", "gpt-2")
    require(split in splits, f"tokenizer.ggml.pre of {name}", split, f"one of {', '.join(splits)}")
    try:
        vocabulary = {token: index for index, token in enumerate(metadata["tokenizer.ggml.tokens"])}
        merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
        tokenizer = tokenizers.Tokenizer(models.BPE(vocabulary, merges, ignore_merges=split == "llama-bpe"))
    except Exception as error:  # tokenizers raises nothing narrower
        raise AssayError(f"the tokenizer of {name} cannot be read: {error!r}") from error
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(splits[split])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
