#===- ops_reduce.py - Operators that reduce dimensions -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Sums, means and their like, softmax, and positions of extremes. Axes are an attribute or an input, by the opset."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Callable, Sequence

import torch

from .ops_shape import axis_of
from .registry import Ints, Tensor, Unsupported, operator
from .values import Known, Value, is_known, product, rank

if TYPE_CHECKING:
    from .module import Context

#: The tensor, the dimensions, and whether they stay with size 1.
Reduction = Callable[[Tensor, "list[int]", bool], Tensor]


def _product(x: Tensor, dims: list[int], keep: bool) -> Tensor:
    for d in sorted(dims, reverse=True):
        x = x.prod(d, keep, dtype=x.dtype)
    return x


def _reduction(name: str, function: Reduction, on_numbers: Callable[..., object] | None = None) -> None:
    @operator(name)
    def rule(ctx: Context, x: Value, wanted: Ints | None = None, *, axes: Sequence[int] | None = None, keepdims: int = 1,
             noop_with_empty_axes: int = 0) -> Value:
        chosen = axes if wanted is None else wanted
        if not chosen and noop_with_empty_axes:
            return x
        dims = [axis_of(a, rank(x)) for a in chosen] if chosen else list(range(rank(x)))
        if on_numbers is not None and is_known(x) and len(x.shape) == 1 and dims and x.shape[0]:
            assert isinstance(x, Known)
            result = on_numbers(x.flat)
            return Known.of([result] if keepdims else result, x.dtype)
        return function(ctx.tensor(x), dims, bool(keepdims))


_reduction("ReduceMean", lambda x, dims, keep: x.mean(dims, keep))
_reduction("ReduceSum", lambda x, dims, keep: x.sum(dims, keep, dtype=x.dtype), sum)
_reduction("ReduceMax", lambda x, dims, keep: x.amax(dims, keep), lambda xs: max(xs))
_reduction("ReduceMin", lambda x, dims, keep: x.amin(dims, keep), lambda xs: min(xs))
_reduction("ReduceProd", _product, product)
_reduction("ReduceL1", lambda x, dims, keep: x.abs().sum(dims, keep, dtype=x.dtype))
_reduction("ReduceL2", lambda x, dims, keep: torch.linalg.vector_norm(x, 2, dims, keep))
_reduction("ReduceSumSquare", lambda x, dims, keep: (x * x).sum(dims, keep, dtype=x.dtype))
_reduction("ReduceLogSumExp", lambda x, dims, keep: torch.logsumexp(x, dims, keep))
_reduction("ReduceLogSum", lambda x, dims, keep: x.sum(dims, keep, dtype=x.dtype).log())


@operator("Softmax")
def softmax(ctx: Context, x: Tensor, *, axis: int = -1) -> Tensor:
    return torch.softmax(x, axis)


@operator("LogSoftmax")
def log_softmax(ctx: Context, x: Tensor, *, axis: int = -1) -> Tensor:
    return torch.log_softmax(x, axis)


@operator("ArgMax", only={"select_last_index": (0,)})
def argmax(ctx: Context, x: Tensor, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
    return torch.argmax(x, axis, bool(keepdims))


@operator("ArgMin", only={"select_last_index": (0,)})
def argmin(ctx: Context, x: Tensor, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
    return torch.argmin(x, axis, bool(keepdims))


@operator("GlobalAveragePool")
def global_average_pool(ctx: Context, x: Tensor) -> Tensor:
    return x.mean(list(range(2, x.dim())), True)


@operator("AveragePool", note="more than 2 spatial dimensions; dilation; padding and overlap over dynamic dimensions")
def average_pool(ctx: Context, x: Tensor, *, kernel_shape: Sequence[int], strides: Sequence[int] | None = None,
                 pads: Sequence[int] | None = None, auto_pad: str = "NOTSET", ceil_mode: int = 0, count_include_pad: int = 0,
                 dilations: Sequence[int] | None = None) -> Tensor:
    count = len(kernel_shape)
    strides = list(strides or [1] * count)
    if count not in (1, 2):
        raise Unsupported(f"expected 1 or 2 spatial dimensions, but got {count}")
    if math.prod(dilations or [1]) != 1:
        raise Unsupported(f"expected no dilation, but got dilations {list(dilations or [])}")
    padding = _padding(x.shape[2:], kernel_shape, strides, list(pads or [0] * (2 * count)), auto_pad)
    low, high = padding[:count], padding[count:]
    # Without padding, kernels are divided by the elements that they hold in either case, and PyTorch adds none by itself.
    pool = torch.nn.functional.avg_pool1d if count == 1 else torch.nn.functional.avg_pool2d
    ceil = bool(ceil_mode) and auto_pad in ("NOTSET", "")
    if low == high and all(2 * p <= k for p, k in zip(low, kernel_shape)):
        return pool(x, list(kernel_shape), strides, low, ceil, bool(count_include_pad))
    # PyTorch pads both ends alike: here the sum is divided by how many elements count, which a pool of ones tells.
    amounts = [p for d in reversed(range(count)) for p in (low[d], high[d])]
    if ceil:
        raise Unsupported(f"expected the same padding at both ends where ceil_mode is 1, but got pads {padding}")
    total = pool(torch.nn.functional.pad(x, amounts), list(kernel_shape), strides)
    if count_include_pad:
        return total
    ones = torch.nn.functional.pad(torch.ones_like(x[:1, :1]), amounts)
    return total / pool(ones, list(kernel_shape), strides)


def _padding(sizes: Sequence[int | torch.SymInt], kernel: Sequence[int], strides: Sequence[int], pads: list[int], auto_pad: str) -> list[int]:
    """What is added before and behind each dimension."""
    if auto_pad in ("NOTSET", ""):
        return pads
    if auto_pad == "VALID":
        return [0] * len(pads)
    if auto_pad not in ("SAME_UPPER", "SAME_LOWER"):
        raise Unsupported(f"expected auto_pad to be NOTSET, VALID, SAME_UPPER or SAME_LOWER, but got {auto_pad}")
    if not all(isinstance(s, int) for s in sizes):
        raise Unsupported(f"expected fixed sizes where auto_pad is {auto_pad}, but got {list(sizes)}")
    totals = [max(0, (-(-s // stride) - 1) * stride + k - s) for s, k, stride in zip(sizes, kernel, strides)]
    less, more = [t // 2 for t in totals], [t - t // 2 for t in totals]
    return less + more if auto_pad == "SAME_UPPER" else more + less
