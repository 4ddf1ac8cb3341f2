#===- check_models.py - Working models for et.check -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Models that are right: the families of model_zoo.py and larger designs, small and with random weights, with the shapes they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import model_zoo
import torch
import transformers as T

IDS = ("batch", "sequence", torch.int64)
TEXT = {"input_ids": IDS, "attention_mask": IDS}
TAKES = {"text": TEXT, "image": {"pixel_values": ("batch", 3, 16, 16)}, "audio": {"input_features": ("batch", 8, 40)}}
SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
GPT2 = dict(vocab_size=100, n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=1)


@dataclass(frozen=True)
class Model:
    """How to build a model, its shapes, and the bounds it states in its documentation."""

    build: Callable[[], torch.nn.Module]
    shapes: dict[str, Any]
    min: dict[str, int] = field(default_factory=dict)
    max: dict[str, int] = field(default_factory=dict)


def _donut() -> torch.nn.Module:
    encoder = T.DonutSwinConfig(image_size=[32, 32], patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[2, 2], window_size=4)
    decoder = T.MBartConfig(vocab_size=100, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
                            encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=64, is_decoder=True, add_cross_attention=True)
    return T.VisionEncoderDecoderModel(T.VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder))


def _segformer() -> torch.nn.Module:
    return T.SegformerForSemanticSegmentation(T.SegformerConfig(num_encoder_blocks=4, depths=[1] * 4, hidden_sizes=[8, 16, 24, 32], num_labels=5,
                                                                num_attention_heads=[1, 2, 2, 4], decoder_hidden_size=16))


def _wav2vec2() -> torch.nn.Module:
    return T.Wav2Vec2Model(T.Wav2Vec2Config(vocab_size=32, conv_dim=(16, 16), conv_stride=(5, 2), conv_kernel=(10, 3), num_feat_extract_layers=2,
                                            num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, **SIZES))


MODELS = {
    f"{name}, {attention}": Model(lambda family=family, attention=attention: family.build(attention), TAKES[family.takes],
                                  max={"sequence": 40} if family.takes == "text" else {})
    for name, family in model_zoo.FAMILIES.items() for attention in family.attentions
    if family.takes in TAKES  # others are below, larger
}
MODELS |= {
    "GPT-2": Model(lambda: T.GPT2LMHeadModel(T.GPT2Config(**GPT2)), TEXT, max={"sequence": 64}),
    "DistilGPT-2": Model(lambda: T.GPT2Model(T.GPT2Config(**{**GPT2, "n_layer": 1})), {"input_ids": IDS}, max={"sequence": 64}),
    "Qwen2": Model(lambda: T.Qwen2ForCausalLM(T.Qwen2Config(vocab_size=100, num_key_value_heads=2, max_position_embeddings=64, bos_token_id=0, eos_token_id=1,
                                                            **SIZES)), TEXT),
    "Donut": Model(_donut, {"pixel_values": ("batch", 3, 32, 32), "decoder_input_ids": ("batch", "tokens", torch.int64)}, max={"tokens": 60}),
    "SegFormer": Model(_segformer, {"pixel_values": ("batch", 3, 64, 64)}),
    "Wav2Vec2": Model(_wav2vec2, {"input_values": ("batch", "samples")}, min={"samples": 400}),
    "TimeSformer": Model(lambda: T.TimesformerModel(T.TimesformerConfig(image_size=16, patch_size=4, num_frames=4, **SIZES)),
                         {"pixel_values": ("batch", 4, 3, 16, 16)}),
}


def build(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return MODELS[name].build().eval()
