#===- images.py - Shape bugs of image models -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Convolutions, flattening, skip connections, patches."""

import torch
import torch.nn.functional as F
from torch import nn

from .case import Case

IMAGE = {"x": ("batch", 3, "height", "width")}


class Classifier(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 8, 3, padding=1), nn.Linear(features, 10)

    def forward(self, x):
        x = F.max_pool2d(self.conv(x).relu(), 2)
        return self.fc(x.flatten(1))


Case("linear after flatten", "https://github.com/mrdbourke/pytorch-deep-learning/issues/763", lambda: Classifier(8), lambda: Classifier(8 * 14 * 14),
     {"x": ("batch", 1, 28, 28)}, "self.fc(x.flatten(1))", every_size=True)


class TwoBlocks(nn.Module):
    def __init__(self, pool):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), pool)
        self.head = nn.Sequential(nn.Linear(16 * 4, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x):
        return self.head(torch.flatten(self.features(x), 1))


Case("flatten of any image size", "https://github.com/securefederatedai/openfederatedlearning/issues/226", lambda: TwoBlocks(nn.MaxPool2d(2)).eval(),
     lambda: TwoBlocks(nn.AdaptiveAvgPool2d(2)).eval(), IMAGE, "self.head(", min={"height": 4, "width": 4})

Case("adaptive pool of the wrong size", "https://github.com/wqshmzh/CANet-CZSL/issues/7",
     lambda: nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Linear(16, 4)),
     lambda: nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4)),
     {"input": ("batch", 3, "height", "width")}, "2", every_size=True)


def channels_last(permute):
    conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(x):
        if permute:
            x = x.permute(0, 3, 1, 2)
        return conv(x)

    return forward


Case("channels last", "https://github.com/midasklr/facelandmarks/issues/4", lambda: channels_last(False), lambda: channels_last(True),
     {"x": ("batch", "height", "width", 3)}, "return conv(x)")

Case("alpha channel", "https://github.com/milesial/Pytorch-UNet/issues/452", lambda: nn.Conv2d(3, 64, 7), lambda: nn.Conv2d(4, 64, 7),
     {"input": ("batch", 4, "height", "width")}, "Conv2d", min={"height": 7, "width": 7}, every_size=True)


class UNet(nn.Module):
    def __init__(self, pad):
        super().__init__()
        self.down, self.inner = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.up, self.out, self.pad = nn.ConvTranspose2d(16, 8, 2, stride=2), nn.Conv2d(16, 2, 1), pad

    def forward(self, x):
        skip = self.down(x).relu()
        up = self.up(self.inner(F.max_pool2d(skip, 2)))
        if self.pad:
            up = F.pad(up, (0, skip.shape[3] - up.shape[3], 0, skip.shape[2] - up.shape[2]))
        return self.out(torch.cat([skip, up], dim=1))


Case("U-Net of an odd size", "https://github.com/bigmb/Unet-Segmentation-Pytorch-Nest-of-Unets/issues/52", lambda: UNet(False), lambda: UNet(True), IMAGE,
     "torch.cat([skip, up]", min={"height": 2, "width": 2})

Case("U-Net of even sizes", "https://github.com/qubvel-org/segmentation_models.pytorch/issues/57", lambda: UNet(False), lambda: UNet(False), IMAGE,
     "torch.cat([skip, up]", {"x": ("batch", 3, "2*height", "2*width")}, min={"height": 3, "width": 3})


def upsampled_sum(size):
    down, up = nn.Conv2d(4, 4, 3, stride=2, padding=1), nn.Upsample(scale_factor=2)

    def forward(x):
        y = down(x)
        y = F.interpolate(y, size=x.shape[2:]) if size else up(y)
        return x + y

    return forward


Case("feature pyramid of an odd size", "https://github.com/Hsuxu/carvana-pytorch-uNet/issues/1", lambda: upsampled_sum(False), lambda: upsampled_sum(True),
     {"x": ("batch", 4, "height", "width")}, "return x + y", min={"height": 2, "width": 2})


def pixel_shuffle(channels):
    conv = nn.Conv2d(3, channels, 3, padding=1)

    def forward(x):
        return F.pixel_shuffle(conv(x), 4)

    return forward


Case("pixel shuffle", "https://github.com/Snowfallingplum/SHMT/issues/1", lambda: pixel_shuffle(63), lambda: pixel_shuffle(64), IMAGE, "F.pixel_shuffle(conv(x)",
     every_size=True)


def unshuffle(x):
    return F.pixel_unshuffle(x, 8)


Case("pixel unshuffle of a size that is not divisible", "https://github.com/Mikubill/sd-webui-controlnet/issues/2114", lambda: unshuffle, lambda: unshuffle,
     IMAGE, "F.pixel_unshuffle(x, 8)", {"x": ("batch", 3, "8*rows", "8*columns")})


class Windows(nn.Module):
    def __init__(self, pad):
        super().__init__()
        self.pad = pad

    def forward(self, x):
        if self.pad:
            x = F.pad(x, (0, 0, 0, -x.shape[2] % 7, 0, -x.shape[1] % 7))
        batch, height, width, channels = x.shape
        x = x.view(batch, height // 7, 7, width // 7, 7, channels)
        return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, 49, channels)


Case("window partition", "https://github.com/HuCaoFighting/Swin-Unet/issues/112", lambda: Windows(False), lambda: Windows(False),
     {"x": ("batch", "height", "width", 32)}, "x.view(batch, height // 7", {"x": ("batch", "7*rows", "7*columns", 32)}, min={"height": 7, "width": 7})


class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.position = nn.Conv2d(3, 32, 16, stride=16), nn.Parameter(torch.zeros(1, 197, 32))
        self.token = nn.Parameter(torch.zeros(1, 1, 32))

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1)
        return x + self.position


Case("patches of another image size", "https://github.com/HuCaoFighting/Swin-Unet/issues/12", Patches, Patches, IMAGE, "x + self.position",
     {"x": ("batch", 3, 224, 224)}, min={"height": 16, "width": 16})


def unfolded(x):
    batch, channels, height, width = x.shape
    x = x.reshape(batch, channels, height // 16, 16, width // 16, 16)
    return x.permute(0, 2, 4, 1, 3, 5).flatten(3)


Case("patches by reshape", "https://github.com/microsoft/Swin-Transformer/issues/96", lambda: unfolded, lambda: unfolded, IMAGE, "x.reshape(batch, channels, height // 16",
     {"x": ("batch", 3, "16*rows", "16*columns")}, min={"height": 16, "width": 16})


class Squeezed(nn.Module):
    def __init__(self, dims):
        super().__init__()
        self.conv, self.fc, self.dims = nn.Conv2d(3, 16, 3, padding=1), nn.Linear(16, 5), dims

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.conv(x), 1)
        x = x.squeeze(-1).squeeze(-1) if self.dims else x.squeeze()
        return torch.softmax(self.fc(x), dim=1)


Case("squeeze of a batch of one", "https://github.com/layumi/Person_reID_baseline_pytorch/issues/77", lambda: Squeezed(False), lambda: Squeezed(True), IMAGE,
     "torch.softmax(self.fc(x), dim=1)")


def pooled_norm(keep):
    branch = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1, bias=False), nn.BatchNorm2d(8) if keep else nn.GroupNorm(2, 8), nn.ReLU())
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), branch)


Case("batch norm of one value", "https://github.com/jfzhang95/pytorch-deeplab-xception/issues/143", lambda: pooled_norm(True), lambda: pooled_norm(False),
     {"input": ("batch", 3, 16, 16)}, "1.2")
