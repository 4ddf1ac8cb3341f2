#===- model_zoo.py - Small random encoders of the transformers package -*- python -*-===//
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


@dataclass(frozen=True)
class Family:
    """How to build one family, and what it takes: 'text', 'image' or 'audio'."""

    build: Callable[[str], torch.nn.Module]
    takes: str
    layers: int = 2
    attentions: tuple[str, ...] = ("sdpa", "eager")


def _family(config: Callable[..., Any], model: Any, takes: str, sizes: dict[str, Any], **options: Any) -> Family:
    attentions = options.pop("attentions", ("sdpa", "eager"))

    def build(attention: str) -> torch.nn.Module:
        made = config(**{**sizes, **options})
        made._attn_implementation = attention
        torch.manual_seed(0)
        return model(made).eval()

    return Family(build, takes, attentions=attentions)


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
    if takes == "image":
        return {"pixel_values": torch.randn(batch, 3, 16, 16, generator=generator)}
    if takes == "audio":
        return {"input_features": torch.randn(batch, 8, 40, generator=generator)}
    ids = torch.randint(3, 100, (batch, length), generator=generator)
    mask = torch.ones(batch, length, dtype=torch.int64)
    for row in range(1, batch):
        mask[row, max(1, length - 2 * row):] = 0
    ids[mask == 0] = 1
    return {"input_ids": ids, "attention_mask": mask}


def dynamic(takes: str) -> dict[str, dict[int, str]]:
    if takes == "text":
        return {name: {0: "batch", 1: "sequence"} for name in ("input_ids", "attention_mask")}
    return {name: {0: "batch"} for name in (("pixel_values",) if takes == "image" else ("input_features",))}
