#===- test_import_spatial.py - Convolutions in groups, interpolation, windows -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What models of images and signals need beside attention, against PyTorch in float64 on awkward sizes."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import et
from importing import check, compare, import_function, leaves, verify

torch.manual_seed(0)
BATCH = {0: "batch"}


def check_wide(module: torch.nn.Module, *shapes: tuple[int, ...], dynamic=None, expect=None, tool=None) -> et.ImportedModule:
    """Against float64, for inputs of several shapes."""
    import copy

    from importing import operations

    inputs = [torch.randn(*shape) for shape in shapes]
    imported = import_function(module, [inputs[0]], dynamic)
    wide = copy.deepcopy(module).double()
    for x in inputs:
        with torch.no_grad():
            expected = leaves(wide(x.double()))
        compare(imported, expected, [x], tolerance=1e-12)
    found = operations(imported.text)
    for name, count in (expect or {}).items():
        assert found[name] == count, f"expected {count} {name}, but got {found[name]}:\n{imported.text}"
    if tool is not None:
        verify(imported.text, tool)
    return imported


class Interpolate(torch.nn.Module):
    def __init__(self, **options) -> None:
        super().__init__()
        self.options = options

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, **self.options)


# -- convolutions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups, options", [(2, {}), (3, dict(padding=2)), (2, dict(stride=2, dilation=2)),
                                             (3, dict(bias=False))])
def test_groups_are_one_linear_each(groups: int, options: dict, tool) -> None:
    module = torch.nn.Conv1d(6, 12, 3, groups=groups, **options).eval()
    check_wide(module, (2, 6, 11), (1, 6, 11), dynamic={"input": BATCH}, expect={"et.linear": groups, "tensor.concat": 1},
               tool=tool)


@pytest.mark.parametrize("options", [dict(padding=1), dict(stride=2), dict(padding="same", dilation=2), dict(bias=False),
                                     dict(out_channels=15), dict(kernel_size=(1, 4)), dict(kernel_size=1)])
def test_depthwise_convolution_is_one_sum(options: dict, tool) -> None:
    module = torch.nn.Conv2d(**{"in_channels": 5, "out_channels": 5, "kernel_size": 3, "groups": 5, **options}).eval()
    check_wide(module, (2, 5, 9, 7), (1, 5, 9, 7), dynamic={"input": BATCH}, expect={"et.linear": 0, "linalg.generic": 1},
               tool=tool)


def test_large_depthwise_kernel_is_a_reduction(tool) -> None:
    module = torch.nn.Conv2d(4, 4, 7, groups=4, padding=3).eval()
    imported = check_wide(module, (2, 4, 9, 8), dynamic={"input": BATCH}, expect={"et.linear": 0}, tool=tool)
    assert '"reduction"' in imported.text


def test_depthwise_convolution_of_any_size(tool) -> None:
    module = torch.nn.Conv2d(4, 4, 3, groups=4, padding=1, stride=2).eval()
    check_wide(module, (2, 4, 9, 8), (1, 4, 5, 13), (3, 4, 2, 2), dynamic={"input": {0: "b", 2: "h", 3: "w"}}, tool=tool)


@pytest.mark.parametrize("channels", [(1, 4), (4, 1), (1, 1)])
def test_convolution_with_one_channel(channels: tuple[int, int], tool) -> None:
    for kernel in (1, 3):
        check_wide(torch.nn.Conv1d(*channels, kernel, stride=2).eval(), (2, channels[0], 10), dynamic={"input": BATCH}, tool=tool)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_padding_of_a_dimension_of_size_one(groups: int, tool) -> None:
    module = torch.nn.Conv2d(4, 8, 3, padding=1, groups=groups).eval()
    check_wide(module, (2, 4, 1, 6), (1, 4, 1, 6), dynamic={"input": BATCH}, tool=tool)
    check_wide(torch.nn.Conv1d(4, 8, 3, padding=1, groups=groups).eval(), (2, 4, 1), dynamic={"input": BATCH}, tool=tool)


def test_weight_norm_is_a_constant(tool) -> None:
    module = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(6, 8, 4, padding=2, groups=2), dim=2).eval()
    imported = check(module, torch.randn(2, 6, 9), dynamic={"input": BATCH}, expect={"et.linear": 2, "linalg.generic": 3},
                     tolerance=5e-6)  # two copies of windows, and the result in the order it is asked for
    verify(imported.text, tool)


@pytest.mark.parametrize("dim", [0, 2, -1])
def test_weight_norm_as_one_operator(dim: int) -> None:
    v, g = torch.randn(4, 3, 5), torch.rand([1 if dim == -1 or d != dim else n for d, n in enumerate((4, 3, 5))])
    check(lambda v, g: torch.ops.aten._weight_norm(v, g if dim != -1 else g.reshape(()), dim), v, g)
    if dim != -1:
        check(lambda v, g: torch.ops.aten._weight_norm_interface(v, g, dim)[0], v, g)


class Convolve(torch.nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(4, 4, 3))
        self.function = function

    def forward(self, *args):
        return self.function(self.weight, *args)


@pytest.mark.parametrize("reason, function, shapes", [
    ("a weight and a bias that are constants", lambda w, x, y: F.conv1d(x, y), [(2, 4, 9), (4, 4, 3)]),
    ("a weight and a bias that are constants", lambda w, x, b: F.conv1d(x, w, b), [(2, 4, 9), (4,)]),
    ("an input with a batch dimension", lambda w, x: F.conv1d(x, w), [(4, 9)]),
    ("a transposed convolution", lambda w, x: torch.ops.aten.convolution(x, w, None, [1], [0], [1], True, [0], 1), [(2, 4, 9)]),
])
def test_convolution_is_refused(reason: str, function, shapes) -> None:
    with pytest.raises(et.UnsupportedOperatorError, match=reason):
        import_function(Convolve(function), [torch.randn(*s) for s in shapes])


# -- group norm -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups, affine", [(6, True), (2, True), (1, False)])
def test_group_norm(groups: int, affine: bool, tool) -> None:
    module = torch.nn.GroupNorm(groups, 6, affine=affine).eval()
    if affine:
        torch.nn.init.normal_(module.weight), torch.nn.init.normal_(module.bias)
    check_wide(module, (2, 6, 11), (1, 6, 4), dynamic={"input": {0: "batch", 2: "length"}}, tool=tool)


def test_group_norm_of_halves() -> None:
    x = (torch.randn(2, 4, 300) * 100).half()
    imported = import_function(torch.nn.GroupNorm(2, 4).half().eval(), [x])
    compare(imported, [F.group_norm(x.double(), 2)], [x], tolerance=1e-5)


def test_group_norm_of_a_long_signal_is_as_exact_as_that_of_pytorch() -> None:
    module, x = torch.nn.GroupNorm(2, 4).eval(), torch.randn(1, 4, 30000) + 2
    program = et.compile(module, (x,))
    ours, theirs = 0.0, 0.0  # largest over all: where the mean is 0, both are a few roundings of single elements off
    for offset in (0.0, 2.0, 20.0):
        exact = F.group_norm((x + offset).double(), 2)
        with torch.no_grad():
            ours = max(ours, (program(x + offset).double() - exact).abs().max().item())
            theirs = max(theirs, (module(x + offset).double() - exact).abs().max().item())
    assert ours <= 2 * theirs


# -- interpolation ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [dict(size=(13, 6)), dict(size=(3, 2)), dict(scale_factor=2.0), dict(scale_factor=(1.7, 0.6)),
                                     dict(size=(13, 6), align_corners=True), dict(size=(1, 9), align_corners=True),
                                     dict(scale_factor=1.5, recompute_scale_factor=True)])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (2, 3, 1, 4)])
def test_bilinear(options: dict, shape: tuple[int, ...], tool) -> None:
    imported = check(Interpolate(mode="bilinear", **options), torch.randn(*shape), dynamic={"x": BATCH}, tolerance=2e-6)
    verify(imported.text, tool)


def test_bilinear_of_any_size(tool) -> None:
    for options in (dict(size=(9, 4)), dict(scale_factor=2), dict(size=(9, 4), align_corners=True)):
        check(Interpolate(mode="bilinear", **options), torch.randn(2, 3, 5, 7), dynamic={"x": {0: "b", 2: "h", 3: "w"}},
              others=[[torch.randn(1, 3, 9, 4)], [torch.randn(2, 3, 2, 11)]], tolerance=2e-6)


@pytest.mark.parametrize("options", [dict(size=11), dict(scale_factor=0.5), dict(size=4, align_corners=True)])
def test_linear_interpolation(options: dict) -> None:
    check(Interpolate(mode="linear", **options), torch.randn(2, 3, 6), dynamic={"x": BATCH}, tolerance=2e-6)


@pytest.mark.parametrize("options", [dict(size=(13, 6)), dict(scale_factor=2), dict(scale_factor=(0.7, 1.3))])
def test_nearest(options: dict) -> None:
    check(Interpolate(mode="nearest", **options), torch.randn(2, 3, 5, 7), dynamic={"x": BATCH})


def test_interpolation_that_smoothes_is_refused() -> None:
    with pytest.raises(et.UnsupportedOperatorError, match="_upsample_bilinear2d_aa.*no import rule"):
        import_function(Interpolate(mode="bilinear", size=(3, 3), antialias=True), [torch.randn(1, 2, 6, 6)])


def test_bicubic_is_decomposed() -> None:
    check(Interpolate(mode="bicubic", size=(9, 4)), torch.randn(2, 3, 5, 7), dynamic={"x": BATCH}, tolerance=5e-6)


# -- windows of an image ----------------------------------------------------------------------------------------------


class Windows(torch.nn.Module):
    """Attention within windows of an image, with a bias and a mask per window, as a shifted-window encoder has it."""

    def __init__(self, size: int, window: int, fused: bool) -> None:
        super().__init__()
        self.size, self.window, self.fused = size, window, fused
        self.project = torch.nn.ModuleList(torch.nn.Linear(12, 12) for _ in range(3))
        self.bias = torch.nn.Parameter(torch.randn(3, window ** 2, window ** 2))
        self.register_buffer("mask", torch.randn((size // window) ** 2, window ** 2, window ** 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        side, n = self.size // self.window, self.window ** 2
        x = torch.roll(x, (-1, -1), (1, 2)).view(-1, side, self.window, side, self.window, 12).transpose(2, 3)
        x = x.contiguous().view(-1, n, 12)
        q, k, v = (p(x).view(-1, n, 3, 4).transpose(1, 2) for p in self.project)
        if self.fused:
            mask = self.bias + self.mask.unsqueeze(1)
            shape = (-1, side ** 2, 3, n, 4)
            y = F.scaled_dot_product_attention(q.view(shape), k.view(shape), v.view(shape), mask).view(-1, 3, n, 4)
        else:
            scores = q @ k.transpose(-1, -2) / 2 + self.bias
            scores = scores.view(-1, side ** 2, 3, n, n) + self.mask.unsqueeze(1).unsqueeze(0)
            y = torch.softmax(scores.view(-1, 3, n, n), -1) @ v
        y = y.transpose(1, 2).reshape(-1, side, side, self.window, self.window, 12)
        return torch.roll(y.transpose(2, 3).reshape(-1, self.size, self.size, 12), (1, 1), (1, 2))


@pytest.mark.parametrize("size, window", [(6, 3), (4, 4), (6, 2)])
@pytest.mark.parametrize("fused", [True, False])
def test_attention_in_windows(size: int, window: int, fused: bool, tool) -> None:
    imported = check(Windows(size, window, fused).eval(), torch.randn(2, size, size, 12), dynamic={"x": BATCH},
                     others=[[torch.randn(1, size, size, 12)]], expect={"et.attention": 1, "linalg.softmax": 0}, tolerance=5e-6)
    assert not imported.report.missed
    assert f"m, n)>" in imported.text and f"x{window ** 2}x{window ** 2}xf32>) {{indexing_maps" in imported.text
    verify(imported.text, tool)


class Pixels(torch.nn.Module):
    """Attention over the pixels of images of any size, its projections taken apart as core operators are."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(3, 8, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.permute(0, 2, 3, 1).reshape(-1, 8)
        q, k, v = (torch.mm(rows, w).view(x.shape[0], x.shape[2] * x.shape[3], 8) for w in self.weight)
        return F.scaled_dot_product_attention(q, k, v)


def test_pixels_are_one_axis(tool) -> None:
    imported = check(Pixels().eval(), torch.randn(2, 8, 3, 5), dynamic={"x": {0: "b", 2: "h", 3: "w"}}, tolerance=5e-6,
                     others=[[torch.randn(1, 8, 4, 2)]], expect={"et.attention": 1, "et.linear": 3})
    verify(imported.text, tool)


def test_weight_is_folded_whatever_its_size(monkeypatch) -> None:
    from et.importer import lower

    monkeypatch.setattr(lower, "FOLD_LIMIT", 1)
    module = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(4, 4, 3, groups=2), dim=2).eval()
    imported = check(module, torch.randn(2, 4, 9), expect={"et.linear": 2}, tolerance=5e-6)
    assert "math.sqrt" not in imported.text
    # An outer product is larger than what it is made of, and stays.
    outer = check(Convolve(lambda w, x: x + w[:, 0, 0, None] * w[0, :, 0]).eval(), torch.randn(4, 4))
    assert "arith.mulf" in outer.text
