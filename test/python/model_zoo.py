#===- model_zoo.py - Small random models of the transformers package -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Builds the model families that E.T. must take unchanged, small and with random weights, and inputs for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

import torch
import transformers as T

SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
TEXT = dict(SIZES, vocab_size=100, max_position_embeddings=48, bos_token_id=0, eos_token_id=2, pad_token_id=1)
IMAGE = dict(SIZES, image_size=16, patch_size=4)
GPT2 = dict(vocab_size=100, n_embd=32, n_layer=2, n_head=4, n_positions=48, bos_token_id=0, eos_token_id=2, pad_token_id=1,
            use_cache=False)
WAVE = dict(SIZES, vocab_size=32, num_hidden_layers=1, conv_dim=(16, 16, 16), conv_stride=(5, 2, 2), conv_kernel=(10, 3, 2),
            num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, num_feat_extract_layers=3)


@dataclass(frozen=True)
class Family:
    """How to build one family, and what it takes: a key of `TAKES`."""

    build: Callable[[str], torch.nn.Module]
    takes: str
    layers: int = 2
    attentions: tuple[str, ...] = ("sdpa", "eager")


class Donut(torch.nn.Module):
    """The encoder of page images, and the decoder that reads them."""

    def __init__(self, attention: str) -> None:
        super().__init__()
        encoder = T.DonutSwinConfig(image_size=32, patch_size=4, embed_dim=16, depths=[2, 1], num_heads=[2, 4], window_size=4,
                                    mlp_ratio=2.0)
        decoder = T.MBartConfig(
            vocab_size=100, d_model=32, decoder_layers=1, decoder_attention_heads=4, decoder_ffn_dim=64, scale_embedding=True,
            max_position_embeddings=48, is_decoder=True, add_cross_attention=True, is_encoder_decoder=False, pad_token_id=1)
        decoder._attn_implementation = attention
        self.model = T.VisionEncoderDecoderModel(encoder=T.DonutSwinModel(encoder), decoder=T.MBartForCausalLM(decoder))

    def forward(self, pixel_values: torch.Tensor, decoder_input_ids: torch.Tensor) -> torch.Tensor:
        return self.model(pixel_values=pixel_values, decoder_input_ids=decoder_input_ids, use_cache=False).logits


def _donut(attention: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return Donut(attention).eval()


def _family(config: Callable[..., Any], model: Any, takes: str, sizes: dict[str, Any], **options: Any) -> Family:
    attentions, layers = options.pop("attentions", ("sdpa", "eager")), options.pop("attention_ops", 2)

    def build(attention: str) -> torch.nn.Module:
        made = config(**{**sizes, **options})
        made._attn_implementation = attention
        torch.manual_seed(0)
        return model(made).eval()

    return Family(build, takes, layers, attentions)


FAMILIES = {
    "bert": _family(T.BertConfig, T.BertModel, "text", TEXT),
    "bert-relu": _family(T.BertConfig, T.BertModel, "text", TEXT, hidden_act="relu"),
    "distilbert": _family(T.DistilBertConfig, T.DistilBertModel, "text", dict(
        vocab_size=100, max_position_embeddings=48, dim=32, n_layers=2, n_heads=4, hidden_dim=64)),
    "roberta": _family(T.RobertaConfig, T.RobertaModel, "text", TEXT),
    "albert": _family(T.AlbertConfig, T.AlbertModel, "text", TEXT, embedding_size=16),
    "electra": _family(T.ElectraConfig, T.ElectraModel, "text", TEXT, embedding_size=16),
    "mpnet": _family(T.MPNetConfig, T.MPNetModel, "text", TEXT, attentions=("eager",)),
    "t5": _family(T.T5Config, T.T5EncoderModel, "text", dict(
        vocab_size=100, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)),
    "t5-gated": _family(T.T5Config, T.T5EncoderModel, "text", dict(
        vocab_size=100, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, feed_forward_proj="gated-gelu")),
    "modernbert": _family(T.ModernBertConfig, T.ModernBertModel, "text", TEXT, local_attention=6, global_attn_every_n_layers=2,
                          cls_token_id=0, sep_token_id=2),
    "clip-text": _family(T.CLIPTextConfig, T.CLIPTextModel, "text", TEXT),
    "clip-vision": _family(T.CLIPVisionConfig, T.CLIPVisionModel, "image", IMAGE),
    "vit": _family(T.ViTConfig, T.ViTModel, "image", IMAGE),
    "deit": _family(T.DeiTConfig, T.DeiTModel, "image", IMAGE),
    "whisper": _family(T.WhisperConfig, T.models.whisper.modeling_whisper.WhisperEncoder, "audio", dict(
        vocab_size=100, d_model=32, encoder_layers=2, encoder_attention_heads=4, encoder_ffn_dim=64, decoder_layers=1,
        decoder_attention_heads=4, decoder_ffn_dim=64, num_mel_bins=8, max_source_positions=20, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, decoder_start_token_id=1)),
    "gpt2": _family(T.GPT2Config, T.GPT2LMHeadModel, "text", GPT2, attentions=("sdpa",)),
    "distilgpt2": _family(T.GPT2Config, T.GPT2LMHeadModel, "ids", GPT2, n_layer=1, attention_ops=1, attentions=("sdpa",)),
    "qwen2": _family(T.Qwen2Config, T.Qwen2ForCausalLM, "text", TEXT, num_key_value_heads=2, use_cache=False),
    "qwen2-window": _family(T.Qwen2Config, T.Qwen2ForCausalLM, "ids", TEXT, num_key_value_heads=2, use_cache=False,
                            use_sliding_window=True, sliding_window=4, max_window_layers=1, attentions=("sdpa",)),
    "donut": Family(_donut, "page", 5, ("sdpa",)),
    "segformer": _family(T.SegformerConfig, T.SegformerForSemanticSegmentation, "scene", dict(
        num_encoder_blocks=2, depths=[1, 1], sr_ratios=[4, 1], hidden_sizes=[8, 16], num_attention_heads=[1, 2],
        decoder_hidden_size=16, patch_sizes=[7, 3], strides=[4, 2], mlp_ratios=[2, 2], num_labels=5, image_size=32,
        initializer_range=0.3), attentions=("sdpa",)),
    "wav2vec2": _family(T.Wav2Vec2Config, T.Wav2Vec2Model, "wave", WAVE, attention_ops=1, attentions=("sdpa",)),
    "timesformer": _family(T.TimesformerConfig, T.TimesformerModel, "video", IMAGE, num_frames=3, num_hidden_layers=1,
                           attentions=("eager",)),
}

HEADS = {
    "sequence classification": (T.BertConfig, T.BertForSequenceClassification),
    "token classification": (T.BertConfig, T.BertForTokenClassification),
    "question answering": (T.BertConfig, T.BertForQuestionAnswering),
    "masked language model": (T.BertConfig, T.BertForMaskedLM),
    "distilbert sequence classification": (T.DistilBertConfig, T.DistilBertForSequenceClassification),
    "roberta sequence classification": (T.RobertaConfig, T.RobertaForSequenceClassification),
}


def head(name: str) -> torch.nn.Module:
    config, model = HEADS[name]
    sizes = TEXT if config is not T.DistilBertConfig else dict(
        vocab_size=100, max_position_embeddings=48, dim=32, n_layers=2, n_heads=4, hidden_dim=64)
    torch.manual_seed(0)
    return model(config(**sizes, num_labels=3 if "question" not in name else 2)).eval()


def inputs(takes: str, batch: int = 3, length: int = 9, seed: int = 1) -> dict[str, torch.Tensor]:
    """Example inputs; the first sequence is whole, the others are padded on the right."""
    generator = torch.Generator().manual_seed(seed)
    noise = lambda *shape: torch.randn(batch, *shape, generator=generator)
    if takes == "image":
        return {"pixel_values": noise(3, 16, 16)}
    if takes == "scene":
        return {"pixel_values": noise(3, 24 + length, 40)}
    if takes == "video":
        return {"pixel_values": noise(3, 3, 16, 16)}
    if takes == "audio":
        return {"input_features": noise(8, 40)}
    if takes == "wave":
        return {"input_values": noise(90 + 21 * length)}
    ids = torch.randint(3, 100, (batch, length), generator=generator)
    if takes == "ids":
        return {"input_ids": ids}
    if takes == "page":
        return {"pixel_values": noise(3, 32, 32), "decoder_input_ids": ids}
    mask = torch.ones(batch, length, dtype=torch.int64)
    for row in range(1, batch):
        mask[row, max(1, length - 2 * row):] = 0
    ids[mask == 0] = 1
    return {"input_ids": ids, "attention_mask": mask}


#: What varies of the inputs beside the batch.
TAKES: dict[str, dict[str, dict[int, str]]] = {
    "text": {"input_ids": {1: "sequence"}, "attention_mask": {1: "sequence"}},
    "ids": {"input_ids": {1: "sequence"}},
    "image": {"pixel_values": {}},
    "scene": {"pixel_values": {2: "height", 3: "width"}},
    "video": {"pixel_values": {}},
    "page": {"pixel_values": {}, "decoder_input_ids": {1: "sequence"}},
    "audio": {"input_features": {}},
    "wave": {"input_values": {1: "samples"}},
}


def dynamic(takes: str) -> dict[str, dict[int, str]]:
    return {name: {0: "batch", **dims} for name, dims in TAKES[takes].items()}
