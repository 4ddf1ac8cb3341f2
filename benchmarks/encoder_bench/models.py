#===- models.py - Builds the models and their inputs -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Builds each model the same way in every process: real weights from their package, or random ones from a fixed seed."""

from __future__ import annotations

import numpy as np
import torch
from transformers import BertConfig, BertModel

import minilm
from encoder_bench.points import MAX_SEQUENCE, ModelSpec, Point

VOCABULARY = 30522
FIRST_WORD = 1000  # the ids below are reserved, unused or single characters
CLS, SEP = 101, 102


def build(spec: ModelSpec, attention: str = "sdpa") -> minilm.HiddenStates:
    """Returns the model as a function of ids and mask to the last hidden states, f32, in eval mode."""
    if spec.weights == "all-MiniLM-L6-v2":
        return minilm.HiddenStates(minilm.load_bert(attention=attention)).eval()
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=spec.hidden, num_hidden_layers=spec.layers, num_attention_heads=spec.heads,
        intermediate_size=spec.intermediate, max_position_embeddings=MAX_SEQUENCE,
    )
    config._attn_implementation = attention
    torch.manual_seed(0)
    encoder = BertModel(config, add_pooling_layer=False)
    return minilm.HiddenStates(encoder.eval().requires_grad_(False)).eval()


def make_inputs(point: Point, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns random ids between [CLS] and [SEP], and a mask without padding: the same work for everybody."""
    generator = np.random.default_rng([seed, point.batch, point.sequence])
    ids = generator.integers(FIRST_WORD, VOCABULARY, (point.batch, point.sequence), dtype=np.int64)
    ids[:, -1] = SEP
    ids[:, 0] = CLS
    return ids, np.ones_like(ids)


def reference(spec: ModelSpec, point: Point, seed: int) -> tuple[np.ndarray, float]:
    """Returns the hidden states in f64, and the largest absolute error that PyTorch makes in f32."""
    ids, mask = map(torch.from_numpy, make_inputs(point, seed))
    module = build(spec)
    with torch.inference_mode():
        single = module(ids, mask)
        exact = module.double()(ids, mask)
        return exact.numpy(), float((single.double() - exact).abs().max())
