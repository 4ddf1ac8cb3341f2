#===- test_onnx_pooling.py - Average pooling with padding -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""AveragePool of ONNX against loops in float64: padding that counts or not, windows beyond the end, both forms of SAME."""

from __future__ import annotations

import itertools
import math
import pathlib
from typing import Any

import numpy as np
import pytest
import torch
from onnx import helper

import et
from et.importer.reference import run
from importing import check as check_module
from onnx_models import model, save

RANDOM = np.random.default_rng(11)


def pooled(x: np.ndarray, kernel_shape: list[int], strides: list[int] | None = None, pads: list[int] | None = None, auto_pad: str = "NOTSET",
           ceil_mode: int = 0, count_include_pad: int = 0) -> np.ndarray:
    """The definition: the mean of the elements that a window holds, those of the padding among them or not."""
    count = len(kernel_shape)
    strides = strides or [1] * count
    sizes = x.shape[2:]
    outputs, starts, ends = [], [], []
    for d, (size, k, s) in enumerate(zip(sizes, kernel_shape, strides)):
        if auto_pad.startswith("SAME"):
            n = math.ceil(size / s)
            total = max(0, (n - 1) * s + k - size)
            before = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
            after = total - before
        else:
            before, after = (pads[d], pads[d + count]) if pads and auto_pad == "NOTSET" else (0, 0)
            spans = (size + before + after - k) / s
            n = (math.ceil(spans) if ceil_mode else math.floor(spans)) + 1
            if ceil_mode and (n - 1) * s >= size + before:
                n -= 1  # a window that begins in the padding behind holds nothing
        outputs.append(n), starts.append(before), ends.append(after)
    result = np.empty((*x.shape[:2], *outputs))
    for place in itertools.product(*map(range, outputs)):
        inside, number = [], 1
        for d, o in enumerate(place):
            first = o * strides[d] - starts[d]
            last = first + kernel_shape[d]
            low, high = max(first, 0), min(last, sizes[d])
            inside.append(slice(low, high))
            number *= (min(last, sizes[d] + ends[d]) - first) if count_include_pad else high - low
        result[(..., *place)] = x[(..., *inside)].astype(np.float64).sum(tuple(range(2, 2 + count))) / number
    return result


def case(**attributes: Any) -> dict[str, Any]:
    return attributes


PLANES = [
    case(kernel_shape=[3, 3], pads=[1, 1, 1, 1]), case(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), case(kernel_shape=[3, 2], strides=[2, 1]),
    case(kernel_shape=[3, 3], strides=[2, 2]), case(kernel_shape=[2, 2], strides=[3, 3]), case(kernel_shape=[2, 3], pads=[1, 1, 1, 1]),
    case(kernel_shape=[3, 2], pads=[0, 1, 0, 1], strides=[1, 2]), case(kernel_shape=[9, 7]),
]
UNEVEN = [case(kernel_shape=[3, 3], pads=[0, 1, 2, 1]), case(kernel_shape=[3, 2], strides=[2, 2], pads=[2, 0, 1, 1])]
SAME = [case(kernel_shape=[3, 2], strides=strides, auto_pad=auto) for auto in ("SAME_UPPER", "SAME_LOWER", "VALID") for strides in ([1, 1], [2, 3])]


def check(attributes: dict[str, Any], folder: pathlib.Path, sizes: tuple[int, ...], opset: int = 19) -> None:
    node = helper.make_node("AveragePool", ["x"], ["y"], **attributes)
    imported = et.export_mlir(save(model([node], {"x": (np.float32, ["b", 3, *sizes])}, ["y"], opset=opset), folder))
    for batch in (1, 3):
        x = RANDOM.standard_normal((batch, 3, *sizes)).astype(np.float32)
        (got,) = run(imported, [torch.from_numpy(x)], wide=False)
        expected = pooled(x, **attributes)
        assert got.shape == expected.shape
        np.testing.assert_allclose(got.numpy(), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("include", [0, 1])
@pytest.mark.parametrize("ceil", [0, 1])
@pytest.mark.parametrize("attributes", PLANES)
def test_planes(attributes: dict[str, Any], ceil: int, include: int, tmp_path: pathlib.Path) -> None:
    check({**attributes, "ceil_mode": ceil, "count_include_pad": include}, tmp_path, (9, 7))


@pytest.mark.parametrize("include", [0, 1])
@pytest.mark.parametrize("attributes", [*UNEVEN, *SAME])
def test_other_padding_before_than_behind(attributes: dict[str, Any], include: int, tmp_path: pathlib.Path) -> None:
    check({**attributes, "count_include_pad": include}, tmp_path, (9, 7))


@pytest.mark.parametrize("include", [0, 1])
@pytest.mark.parametrize("ceil", [0, 1])
@pytest.mark.parametrize("size", [1, 6, 7])
def test_lines(size: int, ceil: int, include: int, tmp_path: pathlib.Path) -> None:
    check(case(kernel_shape=[3], strides=[2], pads=[1, 1], ceil_mode=ceil, count_include_pad=include), tmp_path, (size,))


def test_it_runs(tmp_path: pathlib.Path) -> None:
    """Compiled, with a batch of any size."""
    attributes = case(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    node = helper.make_node("AveragePool", ["x"], ["y"], **attributes)
    program = et.compile(str(save(model([node], {"x": (np.float32, ["b", 3, 8, 7])}, ["y"], opset=19), tmp_path)), threads=1)
    for batch in (1, 4, 0):
        x = RANDOM.standard_normal((batch, 3, 8, 7)).astype(np.float32)
        np.testing.assert_allclose(program(x=x)["y"], pooled(x, **attributes), rtol=0, atol=2e-6)


@pytest.mark.parametrize("attributes, shape, message", [
    (case(kernel_shape=[2, 2], dilations=[2, 1]), [1, 3, 9, 7], "expected no dilation, but got dilations [2, 1]"),
    (case(kernel_shape=[2, 2, 2]), [1, 3, 4, 4, 4], "expected 1 or 2 spatial dimensions, but got 3"),
    (case(kernel_shape=[3], pads=[0, 1], ceil_mode=1), [1, 3, 9], "expected the same padding at both ends where ceil_mode is 1, but got pads [0, 1]"),
    (case(kernel_shape=[3], auto_pad="SAME_UPPER"), [1, 3, "s"], "expected fixed sizes where auto_pad is SAME_UPPER, but got"),
    (case(kernel_shape=[3], auto_pad="BOTH"), [1, 3, 9], "expected auto_pad to be NOTSET, VALID, SAME_UPPER or SAME_LOWER, but got BOTH"),
    (case(kernel_shape=[3], pads=[1, 1]), [1, 3, "s"], "average pooling with overlap or padding over a dynamic dimension"),
])
def test_what_is_not_taken(attributes: dict[str, Any], shape: list[Any], message: str, tmp_path: pathlib.Path) -> None:
    node = helper.make_node("AveragePool", ["x"], ["y"], name="pool", **attributes)
    with pytest.raises(et.Error) as error:
        et.export_mlir(save(model([node], {"x": (np.float32, shape)}, ["y"], opset=19), tmp_path))
    assert message in str(error.value) and "'pool'" in str(error.value)


# -- PyTorch's pools, which the importer takes by themselves ------------------------------------------------------------


@pytest.mark.parametrize("divisor", [None, 4])
@pytest.mark.parametrize("ceil, include", [(False, True), (True, False), (True, True)])
def test_torch_pool(ceil: bool, include: bool, divisor: int | None) -> None:
    check_module(lambda x: torch.nn.functional.avg_pool2d(x, (3, 2), (2, 1), (1, 0), ceil, include, divisor), torch.randn(2, 3, 8, 7),
                 dynamic=({0: "b"},), others=[(torch.randn(1, 3, 8, 7),)])


def test_torch_pool_without_a_batch_is_refused() -> None:
    with pytest.raises(et.UnsupportedOperatorError, match="overlap, padding or another divisor of an input without a batch dimension"):
        check_module(lambda x: torch.nn.functional.avg_pool2d(x, 3, 2), torch.randn(3, 8, 7))
