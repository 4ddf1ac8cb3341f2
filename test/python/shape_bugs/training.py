#===- training.py - Shape bugs of training steps -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Losses, targets, batches that are not full."""

import torch
import torch.nn.functional as F
from torch import nn

from .case import Case


def scores(batch):
    model = nn.Sequential(nn.Conv2d(3, 10, 3, padding=1), nn.AdaptiveAvgPool2d(1))

    def step(x, y):
        out = model(x)
        out = out.view(batch or x.shape[0], 10)
        loss = F.cross_entropy(out, y)
        loss.backward()

    return step


BATCH = {"x": ("batch", 3, 8, 8), "y": ("batch", torch.int64)}
Case("last batch and a fixed view", "https://github.com/gsp-27/pytorch_Squeezenet/issues/2", lambda: scores(64), lambda: scores(0), BATCH, "out.view(batch or")


def latent(fixed):
    encoder = nn.Linear(64, 32)

    def step(frames):
        batch = 16 if fixed else frames.shape[0]
        mu = encoder(frames.flatten(0, 1))
        return mu.view(batch, 32, 32)

    return step


Case("last batch of a sequence model", "https://github.com/ctallec/world-models/issues/25", lambda: latent(True), lambda: latent(False), {"frames": ("batch", 32, 64)},
     "mu.view(batch, 32, 32)")


def flattened(keep):
    conv, fc = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(4 * 7 * 7, 10)

    def step(x, y):
        out = F.max_pool2d(conv(x), 2)
        out = fc(out.flatten(1) if keep else out.view(-1, 4 * 7 * 7))
        return F.cross_entropy(out, y)

    return step


Case("view that changes the batch", "https://github.com/pytorch/pytorch/issues/139031", lambda: flattened(False), lambda: flattened(True),
     {"x": ("batch", 1, 28, 28), "y": ("batch", torch.int64)}, "F.cross_entropy(out, y)", {"x": ("batch", 1, 14, 14), "y": ("batch", torch.int64)}, every_size=True)


def language_model(shift_both):
    model = nn.Sequential(nn.Embedding(60, 16), nn.Linear(16, 60))

    def step(ids):
        logits = model(ids)[:, :-1]
        labels = ids[:, 1:] if shift_both else ids
        loss = F.cross_entropy(logits.reshape(-1, 60), labels.reshape(-1))
        loss.backward()
        return loss

    return step


Case("labels not shifted", "https://github.com/hiyouga/LlamaFactory/issues/3765", lambda: language_model(False), lambda: language_model(True),
     {"ids": ("batch", "sequence", torch.int64)}, "F.cross_entropy(logits.reshape", min={"sequence": 2}, every_size=True)


def per_pixel(permute):
    head = nn.Linear(16, 5)

    def step(x, y):
        logits = head(x)
        return F.cross_entropy(logits.permute(0, 3, 1, 2) if permute else logits, y)

    return step


Case("class axis of pixel labels", "https://github.com/kyegomez/HeptapodLM/issues/7", lambda: per_pixel(False), lambda: per_pixel(True),
     {"x": ("batch", "height", "width", 16), "y": ("batch", "height", "width", torch.int64)}, "F.cross_entropy(logits.permute")


def segmentation(resize):
    model = nn.Conv2d(3, 5, 3, stride=2, padding=1)

    def step(x, y):
        out = F.interpolate(model(x), size=y.shape[1:] if resize else None, scale_factor=None if resize else 2)
        return F.cross_entropy(out, y)

    return step


Case("labels of another size", "https://github.com/meetps/pytorch-semseg/issues/127", lambda: segmentation(False), lambda: segmentation(True),
     {"x": ("batch", 3, "height", "width"), "y": ("batch", "height", "width", torch.int64)}, "F.cross_entropy(out, y)", min={"height": 2, "width": 2})


def binary(squeeze):
    model = nn.Linear(20, 1)

    def step(x, y):
        out = model(x).squeeze(1) if squeeze else model(x)
        return F.binary_cross_entropy_with_logits(out, y)

    return step


Case("target without the last axis", "https://github.com/skorch-dev/skorch/issues/137", lambda: binary(False), lambda: binary(True), {"x": ("batch", 20), "y": ("batch",)},
     "F.binary_cross_entropy_with_logits(out", every_size=True)


def one_hot(classes):
    model = nn.Linear(20, 2)

    def step(x, y):
        probability = torch.sigmoid(model(x))
        return F.binary_cross_entropy(probability, F.one_hot(y, 2).float() if classes else y.float())

    return step


Case("labels that are no vectors", "https://github.com/patrickloeber/pytorchTutorial/issues/30", lambda: one_hot(False), lambda: one_hot(True),
     {"x": ("batch", 20), "y": ("batch", torch.int64)}, "F.binary_cross_entropy(probability", every_size=True)


def predictions(dim):
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))

    def step(x, y):
        out = model(x).squeeze(dim) if dim is not None else model(x).squeeze()
        accuracy = torch.cat([out, y]).mean(0)
        return out[0] - accuracy

    return step


Case("squeeze in a loss, last batch of one", "https://github.com/bentrevett/pytorch-sentiment-analysis/issues/17", lambda: predictions(None), lambda: predictions(1),
     {"x": ("batch", 8), "y": ("batch",)}, "torch.cat([out, y])")


def normalised(norm):
    return nn.Sequential(nn.Linear(16, 128), norm, nn.ReLU(), nn.Linear(128, 4))


Case("batch norm of a last batch of one", "https://github.com/dapengchen123/video_reid/issues/4", lambda: normalised(nn.BatchNorm1d(128)),
     lambda: normalised(nn.LayerNorm(128)), {"input": ("batch", 16)}, "1")


def triplet(count):
    def step(distance, index):
        rows = distance.gather(1, index)
        return rows.view(count or distance.shape[0], -1).amax(1)

    return step


Case("triplets of a fixed batch", "https://github.com/huanghoujing/person-reid-triplet-loss-baseline/issues/35", lambda: triplet(128), lambda: triplet(0),
     {"distance": ("batch", 64), "index": ("batch", 3, torch.int64)}, "rows.view(count or")
