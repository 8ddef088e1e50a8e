"""A folder with BERT's config.json, model.safetensors and tokenizer.json or vocab.txt (Devlin et al. 2019)"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from assay.errors import AssayError, require
from assay.files import parse_json, read_text
from assay.networks.heads import join_heads, split_heads
from assay.probing.models import READERS
from assay.probing.models.base import Model, check_tokens, needs
from assay.tensors import read_any_tensors

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "gelu_new": partial(functional.gelu, approximate="tanh"),
    "relu": functional.relu,
}
ALLOWED = {  # the first is what a configuration means that does not say
    "model_type": ("bert",),
    "position_embedding_type": ("absolute",),
    "is_decoder": (False,),
    "hidden_act": tuple(ACTIVATIONS),
}
LARGEST_JSON = 1 << 24  # bytes
SIZES = ("num_hidden_layers", "num_attention_heads", "max_position_embeddings")


@READERS.register
class Bert(Model):
    """An encoder with absolute positions; weights are named as by Hugging Face, with or without `bert.` in front."""

    causal: ClassVar[bool] = False

    def __init__(self, name: str, config: dict[str, Any], weights: dict[str, Tensor], tokenizer: Any) -> None:
        self.name, self.config, self.weights, self.tokenizer = name, config, weights, tokenizer

    @classmethod
    def reads(cls, path: Path) -> bool:
        """Whether it is a folder with a configuration and weights."""
        return (path / "config.json").is_file() and (path / "model.safetensors").is_file()

    @classmethod
    def open(cls, path: Path) -> Self:
        """The model in the folder; everything is read now, weights become float32."""
        file = path / "config.json"
        config = _read_json(file)
        for key, allowed in ALLOWED.items():
            value = config.get(key, allowed[0])
            require(value in allowed, f"{key} in {file}", value, f"one of {', '.join(map(str, allowed))}")
        for key in SIZES:
            value = config.get(key)
            require(isinstance(value, int) and value > 0, f"{key} in {file}", value, "a positive integer")
        stored = read_any_tensors(path / "model.safetensors")[1]
        weights = {name.removeprefix("bert."): tensor.float() for name, tensor in stored.items()}
        return cls(path.resolve().name, config, weights, _tokenizer(path))

    def tokens(self, text: str) -> list[int]:
        """[CLS], the text's word pieces, [SEP]."""
        return self.tokenizer.encode(text).ids

    @torch.no_grad()
    def layers(self, tokens: Sequence[int]) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        """Queries and keys (heads, N, d) of each layer, and the last layer's output (N, width)."""
        words = self._weight("embeddings.word_embeddings.weight")
        ids = check_tokens(tokens, len(words), self.config["max_position_embeddings"])
        positions = self._weight("embeddings.position_embeddings.weight")[: len(ids)]
        segment = self._weight("embeddings.token_type_embeddings.weight")[0]
        x = self._norm(words[ids] + positions + segment, "embeddings.LayerNorm")
        seen = []
        for layer in range(self.config["num_hidden_layers"]):
            x, queries, keys = self._layer(x, f"encoder.layer.{layer}")
            seen.append((queries, keys))
        return seen, x

    def _layer(self, x: Tensor, layer: str) -> tuple[Tensor, Tensor, Tensor]:
        split = partial(split_heads, heads=self.config["num_attention_heads"])
        q, k, v = (split(self._linear(x, f"{layer}.attention.self.{part}")[None]) for part in ("query", "key", "value"))
        weights = torch.softmax(q @ k.transpose(2, 3) / q.shape[-1] ** 0.5, dim=-1)
        attended = self._linear(join_heads(weights @ v)[0], f"{layer}.attention.output.dense")
        x = self._norm(x + attended, f"{layer}.attention.output.LayerNorm")
        hidden = ACTIVATIONS[self.config.get("hidden_act", "gelu")](self._linear(x, f"{layer}.intermediate.dense"))
        return self._norm(x + self._linear(hidden, f"{layer}.output.dense"), f"{layer}.output.LayerNorm"), q[0], k[0]

    def embed(self, tokens: Sequence[int]) -> np.ndarray:
        """The mean of the last layer's outputs, scaled to norm 1: float32 (width,), as sentence encoders are used."""
        return functional.normalize(self.layers(tokens)[1].mean(dim=0), dim=0).numpy()

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return functional.linear(x, self._weight(f"{name}.weight"), self._weight(f"{name}.bias"))

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        return functional.layer_norm(x, weight.shape, weight, bias, self.config.get("layer_norm_eps", 1e-12))

    def _weight(self, name: str) -> Tensor:
        if name not in self.weights:
            raise AssayError(f"the weights of {self.name} have no tensor {name!r}")
        return self.weights[name]


def _read_json(path: Path) -> dict[str, Any]:
    found = parse_json(read_text(path, LARGEST_JSON), str(path))
    require(isinstance(found, dict), str(path), type(found).__name__, "a JSON object")
    return found


def _tokenizer(folder: Path) -> Any:
    tokenizers = needs("tokenizers", "reading BERT's tokenizer")
    whole, words = folder / "tokenizer.json", folder / "vocab.txt"
    if not whole.is_file() and not words.is_file():
        raise AssayError(f"{folder} has neither tokenizer.json nor vocab.txt")
    settings = _read_json(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
    try:
        if whole.is_file():
            tokenizer = tokenizers.Tokenizer.from_file(str(whole))
        else:
            tokenizer = tokenizers.BertWordPieceTokenizer(str(words), lowercase=settings.get("do_lower_case", True))
    except Exception as error:  # tokenizers raises nothing narrower
        raise AssayError(f"the tokenizer in {folder} cannot be read: {str(error).splitlines()[0]}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
