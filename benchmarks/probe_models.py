"""Which architectures of Hugging Face are read exactly at the attention call, and which are refused, with the reason.

    python benchmarks/probe_models.py [--only bert,gemma] [--attention eager]

Each is built from its configuration class at the smallest size, with random weights, and runs on 12 tokens (or an
image, or sounds). "exact" counts the calls of softmax attention whose output follows, by the definition in float64,
from what was captured, within 1e-5 of the largest output; the error is the largest. Needs the extra 'probe'; nothing is
downloaded.
"""

import argparse
import os
import time
import warnings
from dataclasses import dataclass, field

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch

from assay.probing.capture import TOLERANCE, capture

TOKENS = 12
BASE = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
}
GROUPED = BASE | {"num_key_value_heads": 2}
WIDE = GROUPED | {"head_dim": 8}
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 16}
IMAGE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "image_size": 16,
    "patch_size": 4,
}
PAIR = {
    "vocab_size": 64,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
    "forced_eos_token_id": None,
}
T5 = {
    "vocab_size": 64,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 48,
    "num_layers": 2,
    "num_heads": 4,
    "pad_token_id": 0,
    "decoder_start_token_id": 1,
}
LATENT = BASE | {
    "num_key_value_heads": 4,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
}
SPEECH = {
    "vocab_size": 32,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "conv_dim": (16, 16),
    "conv_kernel": (4, 3),
    "conv_stride": (2, 2),
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "num_feat_extract_layers": 2,
}
MAMBA = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}


@dataclass(frozen=True)
class Row:
    """An architecture: its configuration class, settings, how it is called, and calls of attention in one run."""

    config: str
    settings: dict = field(default_factory=dict)
    inputs: str = "tokens"
    calls: int = 2


MODELS = {
    # encoders
    "bert": Row("BertConfig", BASE),
    "roberta": Row("RobertaConfig", BASE),
    "xlm-roberta": Row("XLMRobertaConfig", BASE),
    "albert": Row("AlbertConfig", BASE | {"embedding_size": 16}),
    "electra": Row("ElectraConfig", BASE | {"embedding_size": 16}),
    "camembert": Row("CamembertConfig", BASE),
    "distilbert": Row("DistilBertConfig", {"vocab_size": 64, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48}),
    "mpnet": Row("MPNetConfig", BASE),
    "esm": Row("EsmConfig", BASE | {"position_embedding_type": "rotary", "pad_token_id": 1, "mask_token_id": 2}),
    "modernbert": Row(
        "ModernBertConfig",
        BASE
        | {
            "local_attention": 6,
            "pad_token_id": 0,
            "cls_token_id": 1,
            "sep_token_id": 2,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
    ),
    "rembert": Row("RemBertConfig", BASE | {"input_embedding_size": 16}),
    "roformer": Row("RoFormerConfig", BASE | {"embedding_size": 32}),
    "megatron-bert": Row("MegatronBertConfig", BASE),
    "squeezebert": Row(
        "SqueezeBertConfig",
        BASE
        | {
            "embedding_size": 32,
            "q_groups": 2,
            "k_groups": 2,
            "v_groups": 2,
            "post_attention_groups": 1,
            "intermediate_groups": 2,
            "output_groups": 2,
        },
    ),
    "longformer": Row("LongformerConfig", BASE | {"attention_window": 4, "pad_token_id": 1}),
    "deberta": Row("DebertaConfig", BASE | {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}),
    "deberta-v2": Row("DebertaV2Config", BASE | {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}),
    "xlnet": Row("XLNetConfig", {"vocab_size": 64, "d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 48}),
    # decoders
    "gpt2": Row("GPT2Config", {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}),
    "gpt-neo": Row(
        "GPTNeoConfig",
        {
            "vocab_size": 64,
            "hidden_size": 32,
            "num_layers": 2,
            "num_heads": 4,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 5,
        },
    ),
    "gpt-j": Row(
        "GPTJConfig", {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "rotary_dim": 4}
    ),
    "gpt-neox": Row("GPTNeoXConfig", BASE),
    "gpt-bigcode": Row(
        "GPTBigCodeConfig", {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
    ),
    "codegen": Row(
        "CodeGenConfig", {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "rotary_dim": 4}
    ),
    "openai-gpt": Row(
        "OpenAIGPTConfig", {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
    ),
    "ctrl": Row(
        "CTRLConfig", {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "dff": 48, "n_positions": 64}
    ),
    "opt": Row("OPTConfig", BASE | {"ffn_dim": 48, "word_embed_proj_dim": 32}),
    "xglm": Row(
        "XGLMConfig",
        {
            "vocab_size": 64,
            "d_model": 32,
            "num_layers": 2,
            "attention_heads": 4,
            "ffn_dim": 48,
            "max_position_embeddings": 64,
        },
    ),
    "biogpt": Row("BioGptConfig", BASE),
    "bloom": Row("BloomConfig", {"vocab_size": 64, "hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "mpt": Row("MptConfig", {"vocab_size": 64, "d_model": 32, "n_layers": 2, "n_heads": 4}),
    "falcon": Row("FalconConfig", BASE | {"new_decoder_architecture": True, "num_kv_heads": 2}),
    "falcon (ALiBi)": Row("FalconConfig", BASE | {"alibi": True, "new_decoder_architecture": False}),
    "llama": Row("LlamaConfig", GROUPED),
    "mistral": Row("MistralConfig", GROUPED | {"sliding_window": 5}),
    "mixtral": Row("MixtralConfig", GROUPED | {"num_local_experts": 4, "num_experts_per_tok": 2}),
    "ministral": Row("MinistralConfig", WIDE | {"sliding_window": 5}),
    "qwen2": Row("Qwen2Config", GROUPED),
    "qwen2-moe": Row("Qwen2MoeConfig", GROUPED | EXPERTS | {"num_experts": 4, "shared_expert_intermediate_size": 16}),
    "qwen3": Row("Qwen3Config", WIDE),
    "qwen3-moe": Row("Qwen3MoeConfig", WIDE | EXPERTS | {"num_experts": 4}),
    "gemma": Row("GemmaConfig", WIDE),
    "gemma-2": Row("Gemma2Config", WIDE | {"sliding_window": 5}),
    "gemma-3": Row("Gemma3TextConfig", WIDE | {"sliding_window": 5}),
    "phi": Row("PhiConfig", BASE),
    "phi-3": Row("Phi3Config", GROUPED | {"pad_token_id": 0}),
    "stablelm": Row("StableLmConfig", GROUPED),
    "starcoder2": Row("Starcoder2Config", GROUPED),
    "olmo": Row("OlmoConfig", GROUPED),
    "olmo-2": Row("Olmo2Config", GROUPED),
    "olmoe": Row("OlmoeConfig", GROUPED | {"num_experts": 4, "num_experts_per_tok": 2}),
    "cohere": Row("CohereConfig", GROUPED),
    "cohere-2": Row("Cohere2Config", GROUPED | {"sliding_window": 5}),
    "granite": Row("GraniteConfig", GROUPED),
    "glm": Row("GlmConfig", WIDE | {"pad_token_id": 0}),
    "glm-4": Row("Glm4Config", WIDE | {"pad_token_id": 0}),
    "nemotron": Row("NemotronConfig", GROUPED),
    "persimmon": Row("PersimmonConfig", BASE),
    "smollm3": Row("SmolLM3Config", GROUPED | {"pad_token_id": 0}),
    "deepseek-v2": Row("DeepseekV2Config", LATENT | {"first_k_dense_replace": 2}),
    "deepseek-v3": Row("DeepseekV3Config", LATENT | {"first_k_dense_replace": 2}),
    "gpt-oss": Row("GptOssConfig", WIDE | {"num_local_experts": 2, "num_experts_per_tok": 1}),
    "diffllama": Row("DiffLlamaConfig", GROUPED, calls=4),  # two a layer
    # two texts
    "t5": Row("T5Config", T5, "pair", 6),
    "mt5": Row("MT5Config", T5, "pair", 6),
    "bart": Row("BartConfig", PAIR, "pair", 6),
    "mbart": Row("MBartConfig", PAIR, "pair", 6),
    "pegasus": Row("PegasusConfig", PAIR, "pair", 6),
    "marian": Row("MarianConfig", PAIR, "pair", 6),
    "m2m-100": Row("M2M100Config", PAIR, "pair", 6),
    "blenderbot": Row("BlenderbotConfig", PAIR, "pair", 6),
    "whisper": Row(
        "WhisperConfig", PAIR | {"num_mel_bins": 8, "max_source_positions": 10, "max_target_positions": 64}, "mel", 6
    ),
    # images and sounds
    "vit": Row("ViTConfig", IMAGE, "image"),
    "deit": Row("DeiTConfig", IMAGE, "image"),
    "beit": Row("BeitConfig", IMAGE | {"use_relative_position_bias": True}, "image"),
    "dinov2": Row("Dinov2Config", IMAGE, "image"),
    "siglip": Row("SiglipVisionConfig", IMAGE, "image", 3),
    "clip (image)": Row("CLIPVisionConfig", IMAGE, "image"),
    "clip (text)": Row("CLIPTextConfig", BASE | {"bos_token_id": 1, "eos_token_id": 2}),
    "swin": Row(
        "SwinConfig",
        {"image_size": 16, "patch_size": 2, "embed_dim": 16, "depths": [2], "num_heads": [2], "window_size": 4},
        "image",
        8,
    ),  # each of four windows counts
    "wav2vec2": Row("Wav2Vec2Config", SPEECH, "sound"),
    "hubert": Row("HubertConfig", SPEECH, "sound"),
    # none, or not only, of softmax attention
    "mamba": Row("MambaConfig", MAMBA, calls=0),
    "mamba-2": Row("Mamba2Config", MAMBA | {"num_heads": 8, "head_dim": 8, "n_groups": 1}, calls=0),
    "rwkv": Row(
        "RwkvConfig", {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "context_length": 64}, calls=0
    ),
    "fnet": Row("FNetConfig", BASE | {"use_tpu_fourier_optimizations": False}, calls=0),
    "recurrent-gemma": Row(
        "RecurrentGemmaConfig",
        {
            "vocab_size": 64,
            "hidden_size": 32,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "intermediate_size": 48,
            "num_key_value_heads": 1,
            "lru_width": 32,
            "attention_window_size": 5,
        },
        calls=1,
    ),
}


def build(name, attention=None):
    """A model of the table and the arguments of a call."""
    import transformers

    row = MODELS[name]
    torch.manual_seed(0)
    config = getattr(transformers, row.config)(**row.settings)
    chosen = {} if attention is None else {"attn_implementation": attention}
    model = transformers.AutoModel.from_config(config, **chosen).float().eval()
    for parameter in model.parameters():  # attention that is far from uniform, and biases that are not zero
        torch.nn.init.normal_(parameter, std=0.3)
    tokens = torch.arange(3, 3 + TOKENS)[None]
    inputs = {
        "tokens": {"input_ids": tokens},
        "pair": {"input_ids": tokens, "decoder_input_ids": tokens[:, :7]},
        "mel": {"input_features": torch.randn(1, 8, 20), "decoder_input_ids": tokens[:, :7]},
        "image": {"pixel_values": torch.randn(1, 3, 16, 16)},
        "sound": {"input_values": torch.randn(1, 80)},
    }
    return model, inputs[row.inputs]


def look(name, attention=None):
    """What is read of a model: calls captured, the largest error, and reasons of refusals."""
    model, inputs = build(name, attention)
    found = capture(model, inputs)
    reasons = sorted({reason for _, reason in found.refused})
    if not found.attentions and not reasons:
        reasons = ["no softmax attention was called"]
    return found, max((one.error for one in found.attentions), default=0.0), reasons


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="names that begin so, with commas between")
    parser.add_argument("--attention", choices=("eager", "sdpa"), help="implementation; the model's own unless given")
    options = parser.parse_args(argv)
    import transformers

    transformers.logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    print(f"transformers {transformers.__version__}, torch {torch.__version__}, {TOKENS} tokens, tolerance {TOLERANCE}")
    print(f"{'architecture':<16} {'calls':>5} {'exact':>5} {'error':>8} {'s':>5}  refused")
    exact = total = 0
    for name, row in MODELS.items():
        if options.only and not name.startswith(tuple(options.only.split(","))):
            continue
        begin = time.perf_counter()
        try:
            found, error, reasons = look(name, options.attention)
            count = len(found.attentions)
        except (ValueError, RuntimeError, TypeError, AttributeError, ImportError, KeyError) as problem:
            count, error, reasons = 0, 0.0, [f"{type(problem).__name__}: {str(problem).splitlines()[0][:90]}"]
        whole = count == row.calls > 0 and not reasons
        exact, total = exact + whole, total + 1
        print(
            f"{name:<16} {row.calls:>5} {count:>5} {error:>8.1e} {time.perf_counter() - begin:>5.1f}  "
            f"{'; '.join(reasons)}",
            flush=True,
        )
    print(f"{exact} of {total} are read exactly")


if __name__ == "__main__":
    main()
