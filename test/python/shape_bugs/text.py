#===- text.py - Shape bugs of sequence models -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Recurrent layers, attention, masks, positions."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from .case import Case

TOKENS = {"ids": ("batch", "sequence", torch.int64)}


class Tagger(nn.Module):
    def __init__(self, batch=None):
        super().__init__()
        self.embed, self.lstm, self.fc, self.batch = nn.Embedding(50, 16), nn.LSTM(16, 32, batch_first=True), nn.Linear(32, 4), batch

    def forward(self, ids):
        batch = self.batch or ids.shape[0]
        state = torch.zeros(1, batch, 32), torch.zeros(1, batch, 32)
        out, _ = self.lstm(self.embed(ids), state)
        return self.fc(out[:, -1])


Case("hidden state with a fixed batch", "https://github.com/udacity/deep-learning-v2-pytorch/pull/398", lambda: Tagger(64), Tagger, TOKENS, "self.lstm(self.embed(ids), state)")


def first(batch_first):
    lstm, size = nn.LSTM(8, 16, batch_first=batch_first), 16

    def forward(x):
        state = torch.zeros(1, x.shape[0], size)
        out, _ = lstm(x, (state, state))
        return out

    return forward


Case("batch_first forgotten", "https://github.com/patrickloeber/pytorch-examples/issues/2", lambda: first(False), lambda: first(True), {"x": ("batch", "sequence", 8)},
     "lstm(x, (state, state))")


def bidirectional(features):
    gru, fc = nn.GRU(8, 16, batch_first=True, bidirectional=True), nn.Linear(features, 3)

    def forward(x):
        out, _ = gru(x)
        return fc(out)

    return forward


Case("bidirectional output", "https://github.com/bentrevett/pytorch-sentiment-analysis/issues/5", lambda: bidirectional(16), lambda: bidirectional(32),
     {"x": ("batch", "sequence", 8)}, "return fc(out)", every_size=True)

Case("recurrent input features", "https://github.com/neulab/xnmt/pull/502", lambda: nn.GRU(10, 20), lambda: nn.GRU(12, 20), {"input": ("sequence", "batch", 12)}, "GRU",
     every_size=True)


def cell(batch):
    lstm = nn.LSTMCell(8, 16)

    def forward(x):
        hidden = torch.zeros(batch or x.shape[0], 16)
        return lstm(x, (hidden, hidden))

    return forward


Case("cell state with a fixed batch", "https://github.com/PetrochukM/PyTorch-NLP/issues/62", lambda: cell(512), lambda: cell(0), {"x": ("batch", 8)}, "return lstm(x")


class Embedded(nn.Module):
    def __init__(self):
        super().__init__()
        self.word, self.position = nn.Embedding(100, 32), nn.Embedding(512, 32)
        self.register_buffer("ids", torch.arange(512)[None])

    def forward(self, ids):
        return self.word(ids) + self.position(self.ids[:, :ids.shape[1]])


Case("longer than the position table", "https://github.com/huggingface/transformers/issues/18506", Embedded, Embedded, TOKENS, "self.position(self.ids",
     fixed_shapes={"ids": ("batch", 128, torch.int64)})


def positions(limit):
    table = nn.Embedding(100, 16)

    def forward(x):
        length = x.shape[1]
        where = torch.arange(min(length, limit) if limit else length).unsqueeze(0)
        return table(where)

    return forward


Case("positions beyond the table", "https://github.com/bentrevett/pytorch-seq2seq/issues/89", lambda: positions(0), lambda: positions(100), {"x": ("batch", "sequence")},
     "table(where)")


class Sinusoids(nn.Module):
    def __init__(self, axis):
        super().__init__()
        self.axis = axis
        angle = torch.arange(5000)[:, None] * torch.exp(torch.arange(0, 32, 2) * (-math.log(1e4) / 32))
        table = torch.stack([angle.sin(), angle.cos()], -1).flatten(1)
        self.register_buffer("pe", table[None] if axis == 1 else table[:, None])

    def forward(self, x):
        return x + (self.pe[:, :x.shape[1]] if self.axis == 1 else self.pe[:x.shape[1]])


Case("positional encoding, batch first", "https://github.com/KasperGroesLudvigsen/influenza_transformer/issues/9", lambda: Sinusoids(0), lambda: Sinusoids(1),
     {"x": ("batch", "sequence", 32)}, "return x + (self.pe", max={"sequence": 5000})


def attention(transpose):
    q, k, v = nn.Linear(32, 32), nn.Linear(32, 32), nn.Linear(32, 32)

    def forward(x):
        keys = k(x).transpose(1, 2) if transpose else k(x)
        scores = q(x) @ keys / math.sqrt(32)
        return scores.softmax(-1) @ v(x)

    return forward


Case("keys not transposed", "https://github.com/pytorch/pytorch/issues/122959", lambda: attention(False), lambda: attention(True), {"x": ("batch", "sequence", 32)},
     "scores = q(x) @ keys")


def masked(batch_first):
    layer = nn.MultiheadAttention(32, 4, batch_first=batch_first)

    def forward(x):
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        return layer(x, x, x, attn_mask=mask)[0]

    return forward


Case("mask of attention, batch first", "https://github.com/meta-pytorch/opacus/issues/774", lambda: masked(False), lambda: masked(True), {"x": ("batch", "sequence", 32)},
     "layer(x, x, x, attn_mask=mask)")


def per_head(repeat):
    layer = nn.MultiheadAttention(32, 4, batch_first=True)

    def forward(x, mask):
        mask = mask.repeat_interleave(4, dim=0) if repeat else mask
        return layer(x, x, x, attn_mask=mask, need_weights=False)[0]

    return forward


Case("mask of attention, one per head", "https://github.com/pytorch/pytorch/issues/64706", lambda: per_head(False), lambda: per_head(True),
     {"x": ("batch", "sequence", 32), "mask": ("batch", "sequence", "sequence")}, "attn_mask=mask, need_weights", every_size=True)


def expanded_mask(dims):
    def forward(q, k, v, mask):
        mask = mask[:, None, None, :] if dims == 4 else mask[:, None, :]
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)

    return forward


HEADS = ("batch", 4, "sequence", 8)
Case("padding mask without a head axis", "https://github.com/ssbuild/qwen_finetuning/issues/2", lambda: expanded_mask(3), lambda: expanded_mask(4),
     {"q": HEADS, "k": HEADS, "v": HEADS, "mask": ("batch", "sequence", torch.bool)}, "F.scaled_dot_product_attention(q")

Case("embedding of another width", "https://github.com/pytorch/pytorch/issues/64888", lambda: nn.TransformerEncoderLayer(64, 4, 128), lambda: nn.TransformerEncoderLayer(32, 4, 128),
     {"src": ("sequence", "batch", 32)}, "self_attn", every_size=True)


class Heads(nn.Module):
    def __init__(self, heads):
        super().__init__()
        self.heads, self.qkv = heads, nn.Linear(32, 96)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (t.view(batch, length, self.heads, width // self.heads).transpose(1, 2) for t in self.qkv(x).chunk(3, dim=-1))
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, length, width)


Case("width not divisible by the heads", "https://github.com/pytorch/pytorch/issues/97605", lambda: Heads(6), lambda: Heads(8), {"x": ("batch", "sequence", 32)},
     "t.view(batch, length, self.heads", every_size=True)


def blocks(pad):
    def forward(x):
        batch, length, width = x.shape
        if pad:
            x = F.pad(x, (0, 0, 0, -length % 64))
        return x.view(batch, -1, 64, width).mean(2)

    return forward


Case("length not divisible by the block", "https://github.com/kyegomez/LongNet/issues/8", lambda: blocks(False), lambda: blocks(False), {"x": ("batch", "sequence", 16)},
     "x.view(batch, -1, 64, width)", {"x": ("batch", "64*blocks", 16)})


class Linformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = nn.Linear(256, 32)

    def forward(self, keys):
        return self.project(keys.transpose(1, 2))


Case("projection over a fixed length", "https://github.com/tatp22/linformer-pytorch/issues/2", Linformer, Linformer, {"keys": ("batch", "sequence", 64)},
     "self.project(keys", {"keys": ("batch", 256, 64)})


class TextCNN(nn.Module):
    def __init__(self, padding):
        super().__init__()
        self.embed, self.convs = nn.Embedding(50, 16), nn.ModuleList(nn.Conv1d(16, 8, k, padding=padding) for k in (2, 3, 4))

    def forward(self, ids):
        x = self.embed(ids).transpose(1, 2)
        return torch.cat([conv(x).relu().amax(2) for conv in self.convs], dim=1)


Case("text shorter than the kernel", "https://github.com/allenai/allennlp/issues/5384", lambda: TextCNN(0), lambda: TextCNN(2), TOKENS, "conv(x).relu()")


def fusion(dims):
    def forward(features, audio):
        weight = audio.squeeze(-1) if dims else audio.squeeze()
        return torch.einsum("bchw,bc->bchw", features, weight)

    return forward


Case("einsum after squeeze", "https://github.com/vvvb-github/AVSegFormer/issues/9", lambda: fusion(False), lambda: fusion(True),
     {"features": ("batch", 8, 4, 4), "audio": ("batch", 8, 1)}, 'torch.einsum("bchw')


def graph(equation):
    adjacency = nn.Parameter(torch.ones(20, 20))

    def forward(x):
        return torch.einsum(equation, x, adjacency)

    return forward


Case("einsum of the wrong axis", "https://github.com/nnzhan/MTGNN/issues/37", lambda: graph("ncvl,lw->ncwv"), lambda: graph("ncvl,vw->ncwl"),
     {"x": ("batch", 4, 20, "steps")}, "torch.einsum(equation")
