#===- splits.py - Shape bugs of splitting and joining -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Chunks, splits over devices, concatenation, gathering."""

import torch
from torch import nn

from .case import Case


def ranks(split):
    def forward(x):
        parts = x.tensor_split(4) if split else x.chunk(4)
        return torch.stack([parts[rank].sum() for rank in range(4)])

    return forward


Case("chunks fewer than ranks", "https://github.com/Snowflake-AI-Research/Arctic-Platform/pull/102", lambda: ranks(False), lambda: ranks(True), {"x": ("batch", 8)},
     "parts[rank].sum()", min={"batch": 4})


def heads(world, total):
    def forward(x):
        x = x.view(x.shape[0], x.shape[1], world, total // world, 8)
        return x[:, :, 0]

    return forward


Case("heads over ranks", "https://github.com/vllm-project/vllm/issues/414", lambda: heads(3, 52), lambda: heads(4, 52), {"x": ("batch", "sequence", 416)},
     "x.view(x.shape[0], x.shape[1], world", every_size=True)


def vocabulary(world):
    table = nn.Parameter(torch.zeros(250, 16))

    def forward(hidden):
        shards = table.view(world, 250 // world, 16)
        return torch.cat([hidden @ shard.T for shard in shards], dim=-1)

    return forward


Case("vocabulary over ranks", "https://github.com/vllm-project/vllm/issues/440", lambda: vocabulary(8), lambda: vocabulary(5), {"hidden": ("batch", "sequence", 16)},
     "table.view(world", every_size=True)


def summed(sizes):
    def forward(x):
        a, b = x.split(sizes, dim=1)
        return a.sum(1) + b.sum(1)

    return forward


Case("split sizes", "https://github.com/mim-solutions/bert_for_longer_texts/issues/3", lambda: summed([8, 6]), lambda: summed([8, 8]), {"x": ("batch", 16)},
     "x.split(sizes, dim=1)", every_size=True)


def features(dim):
    def forward(tokens, pieces):
        return torch.cat([tokens, pieces], dim=dim)

    return forward


Case("cat of two lengths", "https://github.com/allenai/allennlp/issues/2851", lambda: features(2), lambda: features(1),
     {"tokens": ("batch", "words", 32), "pieces": ("batch", "pieces", 32)}, "torch.cat([tokens, pieces]")


def micro(size):
    def forward(x):
        return x.view(-1, size, x.shape[1]) if size else x.view(-1, 1, x.shape[1])

    return forward


Case("micro batches", "https://github.com/hpcaitech/ColossalAI/pull/622", lambda: micro(4), lambda: micro(0), {"x": ("batch", 8)}, "x.view(-1, size")


def picked(expand):
    def forward(hidden, index):
        index = index.unsqueeze(-1).expand(-1, -1, hidden.shape[2]) if expand else index
        return hidden.gather(1, index)

    return forward


Case("gather without the last axis", "https://github.com/huggingface/transformers/issues/125", lambda: picked(False), lambda: picked(True),
     {"hidden": ("batch", 512, 16), "index": ("batch", 20, torch.int64)}, "hidden.gather(1, index)", every_size=True)
