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


@operator("AveragePool", only={"auto_pad": ("NOTSET", "VALID"), "ceil_mode": (0,)}, note="padding; windows that overlap")
def average_pool(ctx: Context, x: Tensor, *, kernel_shape: Sequence[int], strides: Sequence[int] | None = None,
                 pads: Sequence[int] | None = None, auto_pad: str = "NOTSET", ceil_mode: int = 0, count_include_pad: int = 0,
                 dilations: Sequence[int] | None = None) -> Tensor:
    count = len(kernel_shape)
    padding = list(pads or [0] * (2 * count))
    if count not in (1, 2):
        raise Unsupported(f"expected 1 or 2 spatial dimensions, but got {count}")
    if padding[:count] != padding[count:] or math.prod(dilations or [1]) != 1:
        raise Unsupported(f"expected the same padding at both ends and no dilation, but got pads {padding}, dilations {dilations}")
    pool = torch.nn.functional.avg_pool1d if count == 1 else torch.nn.functional.avg_pool2d
    return pool(x, list(kernel_shape), list(strides or [1] * count), padding[:count], False, bool(count_include_pad))
