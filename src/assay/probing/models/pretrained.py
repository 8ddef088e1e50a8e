"""Trained models from files, through `transformers`: safetensors with a configuration, or GGUF."""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from assay.errors import AssayError, one_line, require
from assay.probing.heads import shown
from assay.probing.models.live import heads_of_module

if TYPE_CHECKING:
    from assay.probing.heads import Heads

NEEDED = ("transformers", "gguf", "accelerate")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
# Settings of a GGUF file that change scores, and where the model has them if transformers takes them over.
SCORING = {
    "attn_logit_softcapping": "attn_logit_softcapping",
    "attention.sliding_window": "sliding_window",
    "attention.scale": "attention_multiplier",
    "attention.key_length": "head_dim",
    "attention.clamp_kqv": "clip_qkv",
    "attention.max_alibi_bias": "",
    "rope.scaling.": "",
}
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class PretrainedModel:
    """A trained model in float32 with its tokenizer.

    Attributes:
        name: for people.
        module: of `transformers`, in evaluation mode: with a head for language modelling where it was stored with one.
        tokenizer: likewise.
        note: what a reader should know.
    """

    name: str
    module: nn.Module
    tokenizer: Any
    note: str = ""

    def tokens(self, text: str) -> list[int]:
        """The text as the model was trained to see it, with the special tokens that its tokenizer puts around it."""
        with _quiet():
            return list(self.tokenizer(text, truncation=False, padding=False).input_ids)

    def heads(self, tokens: Sequence[int], names: str | Iterable[str] | None = None) -> Heads:
        """All heads of all layers on these tokens, or of submodules so named; of an encoder-decoder, of its encoder.

        Raises:
            AssayError: no tokens, tokens the model does not have, more than it has positions for, or attention that
                cannot be read.
        """
        module: Any = self.module
        note = self.note
        inputs = {"input_ids": self.checked(tokens)}
        if module.config.is_encoder_decoder:
            module, note = module.get_encoder(), f"{note} Heads are the encoder's.".strip()
        with _quiet():
            try:
                heads = heads_of_module(module, inputs, names=names, name=self.name)
            except AssayError:
                raise
            except Exception as error:  # a model that reads images, or has fewer positions than it says
                reason = shown(one_line(str(error)) or type(error).__name__)
                raise AssayError(f"{self.name} does not run on {len(tokens)} tokens alone: {reason}") from error
        return replace(heads, note=f"{heads.note} {note}".strip())

    def checked(self, tokens: Sequence[int]) -> Tensor:
        """Tokens as int64 (1, N).

        Raises:
            AssayError: none, too many, or tokens that are not there.
        """
        module: Any = self.module
        config = module.config.get_text_config()
        most = getattr(config, "max_position_embeddings", None)
        limit = most if isinstance(most, int) and most > 0 else None
        fits = len(tokens) >= 1 and (limit is None or len(tokens) <= limit)
        require(
            fits,
            "number of tokens",
            len(tokens),
            f"from 1 {'up' if limit is None else f'to {limit}'}, which the model has positions for",
        )
        count = getattr(module.get_input_embeddings(), "num_embeddings", None)
        if count is None:
            raise AssayError(f"{self.name} reads no tokens; run it on its own inputs with assay.probe(module, inputs)")
        worst = max(tokens, key=lambda token: abs(token - (count - 1) / 2))
        require(0 <= worst < count, "token", worst, f"from 0 to {count - 1}")
        return torch.tensor([list(tokens)], dtype=torch.int64)


def holds_model(path: Path) -> bool:
    """Whether it is a .gguf file, or a folder with a configuration and weights; nothing is opened."""
    if path.suffix == ".gguf":
        return path.is_file()
    return (path / "config.json").is_file() and any((path / name).is_file() for name in WEIGHTS)


def cached(name: str) -> Path | None:
    """The folder of a model in the local cache of Hugging Face; None if it is not there."""
    if find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(name, "config.json")
    except ValueError:  # no name of a model
        return None
    return Path(found).parent if isinstance(found, str) else None


def open_pretrained(path: Path, name: str) -> PretrainedModel:
    """The model in a .gguf file or a folder.

    Raises:
        AssayError: `transformers` is not installed, or files that are missing, damaged, or say what it does not read.
    """
    transformers = _transformers()
    with _quiet():
        try:
            return _open_gguf(transformers, path, name) if path.suffix == ".gguf" else _open(transformers, path, name)
        except AssayError:
            raise
        except Exception as error:  # transformers, tokenizers and gguf raise nothing narrower
            line = shown(one_line(next(iter(str(error).splitlines()), "") or type(error).__name__))
            raise AssayError(f"{path} is no whole model that transformers reads: {line}") from error


def _transformers() -> ModuleType:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    for module in NEEDED:
        if find_spec(module) is None:
            raise AssayError("reading a model needs the extra 'probe': pip install 'assay-attention[probe]'")
    return import_module("transformers")


def _open(transformers: ModuleType, folder: Path, name: str) -> PretrainedModel:
    local = {"local_files_only": True, "trust_remote_code": False}
    config = transformers.AutoConfig.from_pretrained(folder, **local)
    if getattr(config, "quantization_config", None) is None:
        _require_floats(folder)
    kind = _class_of(transformers, config)
    module, report = kind.from_pretrained(
        folder, config=config, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **local
    )
    _require_complete(report, folder)
    return PretrainedModel(name, module.eval(), transformers.AutoTokenizer.from_pretrained(folder, **local))


def _open_gguf(transformers: ModuleType, path: Path, name: str) -> PretrainedModel:
    import gguf

    reader = gguf.GGUFReader(path)
    settings = {
        key: field.contents() for key, field in reader.fields.items() if not key.startswith("tokenizer.ggml.to")
    }
    _require_known(settings, path)
    local = {"gguf_file": path.name, "local_files_only": True}
    bars = "transformers.modeling_gguf_pytorch_utils.tqdm"
    with patch.object(gguf, "GGUFReader", lambda *_: reader), patch(bars, lambda rows, **_: rows):  # it is read once
        tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, **local)
        module, report = transformers.AutoModelForCausalLM.from_pretrained(
            path.parent, dtype=torch.float32, output_loading_info=True, **local
        )
    _require_complete(report, path)
    _require_carried(settings, {tensor.name: tensor for tensor in reader.tensors}, module.config, path)
    return PretrainedModel(name, module.eval(), tokenizer, _split_words(tokenizer, settings))


def _class_of(transformers: ModuleType, config: Any) -> Any:
    """The class that the model was stored from, so that no weights are left out."""
    named = next(iter(config.architectures or []), "")
    kind = getattr(transformers, named, None) if isinstance(named, str) else None
    return transformers.AutoModel if kind is None else kind


def _require_floats(folder: Path) -> None:
    """Refuse integers where weights belong: they stand for numbers that only their quantisation knows."""
    from safetensors import safe_open

    for file in sorted(folder.glob("model*.safetensors")):
        with safe_open(file, "pt") as stored:
            for key in stored.keys():  # noqa: SIM118
                part = stored.get_slice(key)
                fits = part.get_dtype() in ("F64", "F32", "F16", "BF16") or len(part.get_shape()) < 2
                fits = fits or key.endswith(("position_ids", "token_type_ids", ".bias", ".masked_bias"))
                require(
                    fits,
                    f"dtype of {key} in {file.name}",
                    part.get_dtype(),
                    "floating-point, or said by quantization_config in config.json",
                )


def _require_complete(report: Mapping[str, Iterable[str]], path: Path) -> None:
    for what in ("missing_keys", "mismatched_keys"):
        names = sorted(map(str, report[what]))
        if names:
            raise AssayError(
                f"the weights in {path} lack {len(names)} tensors that the model needs, such as {names[0]}"
            )


def _require_known(settings: Mapping[str, object], path: Path) -> None:
    """Refuse a GGUF file of an architecture that transformers does not read."""
    from transformers.integrations.ggml import GGUF_CONFIG_MAPPING

    architecture, known = settings.get("general.architecture"), set(GGUF_CONFIG_MAPPING) - {"general"}
    require(architecture in known, f"architecture of {path}", architecture, f"one of {', '.join(sorted(known))}")


def _require_carried(settings: Mapping[str, object], tensors: dict[str, Any], config: object, path: Path) -> None:
    """Refuse a GGUF file with settings that change scores and that are not, or not the same, in the model read."""
    for key, value in settings.items():
        _, _, short = key.partition(".")
        place = next((SCORING[start] for start in SCORING if short.startswith(start)), None)
        if place is None or value in ("none", 1, 1.0, 0, 0.0, ""):
            continue
        require(
            getattr(config, place or "-", None) == value,
            f"{key} of {path}",
            value,
            "absent, as transformers does not take it over",
        )
    factors = tensors.get("rope_freqs.weight")
    plain = factors is None or bool((factors.data == 1).all())
    require(plain, f"rope_freqs.weight of {path}", "there", "absent, as transformers does not take it over")


def _split_words(tokenizer: Any, settings: Mapping[str, object]) -> str:
    """Let the tokenizer split words as the file says, which transformers leaves out; a note where that is not known."""
    kind = settings.get("tokenizer.ggml.pre")
    if settings.get("tokenizer.ggml.model") != "gpt2" or kind in (None, "gpt-2", "default"):
        return ""
    from tokenizers import Regex, pre_tokenizers

    byte_level = pre_tokenizers.ByteLevel
    known = {
        "smollm": [pre_tokenizers.Digits(individual_digits=True), byte_level(add_prefix_space=False)],
        "llama-bpe": [
            pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
            byte_level(add_prefix_space=False, use_regex=False),
        ],
    }
    if not isinstance(kind, str) or kind not in known:
        return f"The file's tokenizer splits words as {shown(kind)!r}, which is not known here: tokens may differ."
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(known[kind])
    return ""


@contextmanager
def _quiet() -> Generator[None]:
    """Without progress bars, advice and warnings of transformers."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
