#===- prune_text.py - A tiny text model and tiny data for the pruning tests -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""A random BERT of 20 thousand weights with a tokenizer of 24 words, and tables whose labels a model can learn."""

from __future__ import annotations

import random
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

GOOD = ["good", "fine", "great", "nice", "warm", "bright"]
BAD = ["bad", "poor", "dull", "sad", "cold", "dark"]
FILL = ["the", "film", "was", "very", "and", "so", "a", "it"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *GOOD, *BAD, *FILL]


def save_model(folder: Path, family: str = "bert", seed: int = 0) -> Path:
    """Writes the model's folder."""
    sizes = dict(vocab_size=len(WORDS), max_position_embeddings=32, pad_token_id=0)
    torch.manual_seed(seed)
    if family == "bert":
        config = transformers.BertConfig(**sizes, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48)
        transformers.BertModel(config).save_pretrained(folder)
    else:
        config = transformers.DistilBertConfig(**sizes, dim=32, n_layers=2, n_heads=4, hidden_dim=48)
        transformers.DistilBertModel(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def sentence(words: list[str], generator: random.Random) -> str:
    """Words of a kind among words that mean nothing."""
    return " ".join([*generator.sample(FILL, 3), *generator.sample(words, 2)])


def save_classes(path: Path, rows: int, seed: int) -> Path:
    """`sentence<TAB>{0,1}`."""
    generator = random.Random(seed)
    lines = [f"{sentence((BAD, GOOD)[i % 2], generator)}\t{i % 2}\n" for i in range(rows)]
    path.write_text("".join(lines))
    return path


def save_pairs(path: Path, rows: int, seed: int) -> Path:
    """`sentence1,sentence2,score` with scores from 0 to 5."""
    generator = random.Random(seed)
    lines = ["sentence1,sentence2,score\n"]
    for i in range(rows):
        same = i % 2 == 0
        first = generator.choice([GOOD, BAD])
        second = first if same else (BAD if first is GOOD else GOOD)
        score = 5.0 if i < 2 and same else (0.0 if i < 2 else round((3.5 if same else 0.5) + generator.random(), 2))
        lines.append(f'"{sentence(first, generator)}","{sentence(second, generator)}",{score}\n')
    path.write_text("".join(lines))
    return path
