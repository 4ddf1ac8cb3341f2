#===- reference.py - et ops in float64, with bounds on the error of float32 -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What each op means, in numpy and float64, independent of the compiler.

Every function takes and returns `Approx`: values in float64, and for each element a bound on how far a correct program
that computes in float32 and stores in the element type may be away from it. Bounds are propagated from op to op
(|df| <= sum |df/dx_i| e_i, first order, which relative errors of 1e-7 to 1e-2 justify) and grow by the rounding of the op:

- a result stored in a type of unit roundoff u: u |y|, and half the smallest subnormal;
- a sum of n products in float32, in any order: (n + 2) u32 sum |x_i y_i|  (Higham, Accuracy and Stability, 3.1);
- exp and tanh on vectors: C_EXP u32 relative, which the tests of VectorMath bound by a few ulp;
- softmax: a score that is off by e makes its weight off by exp(2 max e) - 1, relative, as the maximum may be off too.

No factor is fitted to what the compiler happens to yield. A result outside its bound is a bug here or there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

U32 = 2.0**-24
UNIT = {"f64": 2.0**-53, "f32": U32, "f16": 2.0**-11, "bf16": 2.0**-8}
# Half the smallest subnormal. For f32 and bf16 results below the normal range may become zero.
TINY = {"f64": 0.0, "f32": 2.0**-126, "f16": 2.0**-25, "bf16": 2.0**-126}
MAXIMUM = {"f64": 1e308, "f32": 3e38, "f16": 65000.0, "bf16": 3e38}
C_EXP = 16


@dataclass
class Approx:
    """Values and, element by element, how far a correct result may be off. Integers and booleans are exact."""

    value: np.ndarray
    error: np.ndarray

    @staticmethod
    def exact(value: np.ndarray) -> "Approx":
        return Approx(value, np.zeros(value.shape))


def stored(value: np.ndarray, error: np.ndarray, dtype: str) -> Approx:
    """A result that is rounded to `dtype` once, or, fused into its consumer, not at all."""
    return Approx(value, error + UNIT[dtype] * np.abs(value) + TINY[dtype])


def round_to(value: np.ndarray, dtype: str) -> np.ndarray:
    """`value` rounded to `dtype`, in float64."""
    if dtype == "bf16":
        bits = value.astype(np.float32).view(np.uint32).astype(np.uint64)
        bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
        return bits.astype(np.uint32).view(np.float32).astype(np.float64)
    return value.astype({"f16": np.float16, "f32": np.float32, "f64": np.float64}[dtype]).astype(np.float64)


def linear(x: Approx, w: np.ndarray, b: np.ndarray | None, dtype: str) -> Approx:
    y = x.value @ w.T
    magnitude = np.abs(x.value) @ np.abs(w).T
    error = x.error @ np.abs(w).T + (w.shape[1] + 2) * U32 * magnitude
    if b is not None:
        y = y + b
        error = error + U32 * (np.abs(y) + np.abs(b))
    return stored(y, error, dtype)


def _erf(x: np.ndarray) -> np.ndarray:
    import math

    return np.vectorize(math.erf, otypes=[np.float64])(x)


def gelu(x: Approx, kind: str, dtype: str) -> Approx:
    v = x.value
    if kind == "erf":
        y = 0.5 * v * (1 + _erf(v / np.sqrt(2)))
    elif kind == "tanh":
        y = 0.5 * v * (1 + np.tanh(np.sqrt(2 / np.pi) * (v + 0.044715 * v**3)))
    else:
        y = v / (1 + np.exp(-np.clip(1.702 * v, -700, 700)))
    # |gelu'| < 1.13 for all three. Where 1 + erf cancels, the error is one of x, not of y.
    return stored(y, 1.13 * x.error + C_EXP * U32 * np.abs(v), dtype)


def add(x: Approx, y: Approx, dtype: str) -> Approx:
    return stored(x.value + y.value, x.error + y.error + U32 * np.abs(x.value + y.value), dtype)


def layer_norm(s: Approx, gamma: np.ndarray | None, beta: np.ndarray | None, eps: float, dtype: str) -> Approx:
    d = s.value.shape[-1]
    g = 1.0 if gamma is None else gamma
    mean = s.value.mean(-1, keepdims=True)
    centred = s.value - mean
    rstd = 1 / np.sqrt((centred**2).mean(-1, keepdims=True) + eps)
    unit = centred * rstd
    # Rounding of the mean and of the difference enters like an error of the input.
    e = s.error + (d + 4) * U32 * (np.abs(s.value) + np.abs(s.value).mean(-1, keepdims=True))
    spread = e + e.mean(-1, keepdims=True)
    error = np.abs(g) * rstd * (spread + np.abs(unit) * (np.abs(unit) * spread).mean(-1, keepdims=True))
    # Second order: rows that hardly vary.
    error = error + np.abs(g) * np.abs(unit) * rstd**2 * (spread**2).mean(-1, keepdims=True)
    y = unit * g
    error = error + (d + 8) * U32 * np.abs(y)
    if beta is not None:
        y = y + beta
        error = error + U32 * np.abs(y)
    return stored(y, error, dtype)


def rms_norm(s: Approx, gamma: np.ndarray | None, eps: float, dtype: str) -> Approx:
    d = s.value.shape[-1]
    g = 1.0 if gamma is None else gamma
    r = 1 / np.sqrt((s.value**2).mean(-1, keepdims=True) + eps)
    unit = s.value * r
    error = np.abs(g) * r * (s.error + np.abs(unit) * (np.abs(unit) * s.error).mean(-1, keepdims=True))
    error = error + np.abs(g) * np.abs(unit) * r**2 * (s.error**2).mean(-1, keepdims=True)
    return stored(unit * g, error + (d + 8) * U32 * np.abs(unit * g), dtype)


def _softmax(score: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights exp(score - max), not divided, zero for -inf; their sum; and their relative error."""
    keep = np.isfinite(score)
    highest = np.where(keep, score, -np.inf).max(-1, keepdims=True, initial=-np.inf)
    base = np.where(np.isfinite(highest), highest, 0.0)
    weight = np.where(keep, np.exp(np.where(keep, score, 0.0) - base), 0.0)
    total = weight.sum(-1, keepdims=True)
    worst = np.where(keep, error, 0.0).max(-1, keepdims=True, initial=0.0)
    n = score.shape[-1]
    relative = np.expm1(np.minimum(2 * worst, 50.0)) + (n + C_EXP) * U32
    return weight, total, relative


def attention(
    q: Approx, k: Approx, v: Approx, maps: list[list[int]], num_batch: int, sizes: list[int], scale: float, dtype: str,
    *, mask: Approx | None = None, lengths: np.ndarray | None = None, left_padding: bool = False,
    structure: tuple[str, int, int, int] = ("none", -1, -1, 0), score_mod=None,
) -> Approx:
    """`maps` lists the domain dimension of each dimension of q, k, v, mask, lengths, result; `sizes` are those of the domain.

    `score_mod(score, error, indices)` is the score region. A structure is (kind, left, right, global).
    """

    def align(array: np.ndarray, dims: list[int], kept: list[int]) -> np.ndarray:
        # All of `kept` in order; size 1 where the operand lacks a dimension.
        order = [dims.index(d) for d in kept if d in dims]
        shape = [array.shape[dims.index(d)] if d in dims else 1 for d in kept]
        return array.transpose(order).reshape(shape)

    batch = list(range(num_batch))
    m, n, kk, vv = range(num_batch, num_batch + 4)
    maps = list(maps)
    q_dims, k_dims, v_dims = maps.pop(0), maps.pop(0), maps.pop(0)
    qa, qe = (align(a, q_dims, batch + [m, kk]) for a in (q.value, q.error))
    ka, ke = (align(a, k_dims, batch + [n, kk]) for a in (k.value, k.error))
    va, ve = (align(a, v_dims, batch + [n, vv]) for a in (v.value, v.error))
    swap = lambda a: np.swapaxes(a, -1, -2)
    full = [sizes[d] for d in batch] + [sizes[m], sizes[n]]
    score = np.broadcast_to(scale * (qa @ swap(ka)), full)
    magnitude = np.abs(qa) @ swap(np.abs(ka))
    error = abs(scale) * (qe @ swap(np.abs(ka)) + np.abs(qa) @ swap(ke) + qe @ swap(ke) + (sizes[kk] + 4) * U32 * magnitude)
    error = np.broadcast_to(error, full)
    indices = np.meshgrid(*(np.arange(s) for s in full), indexing="ij", sparse=True)
    if score_mod is not None:
        score, error = score_mod(score, error, indices)
    if mask is not None:
        dims = maps.pop(0)
        value = align(mask.value, dims, batch + [m, n])
        if value.dtype == bool:
            score = np.where(value, score, -np.inf)
        else:
            score = score + value
            error = error + U32 * np.abs(np.where(np.isfinite(score), score, 0))
    i, j = indices[-2], indices[-1]
    kind, low, high, everywhere = structure
    if kind == "causal":
        score = np.where(j <= i, score, -np.inf)
    elif kind == "lower_right":
        score = np.where(j <= i + sizes[n] - sizes[m], score, -np.inf)
    elif kind == "window" and (low >= 0 or high >= 0):
        keep = np.full(np.broadcast_shapes(i.shape, j.shape), True)
        if low >= 0:
            keep = keep & (i - j <= low)
        if high >= 0:
            keep = keep & (j - i <= high)
        score = np.where(keep | (i < everywhere) | (j < everywhere), score, -np.inf)
    if lengths is not None:
        length = align(lengths, maps.pop(0), batch + [m, n])
        score = np.where(j >= sizes[n] - length if left_padding else j < length, score, -np.inf)
    error = error + 4 * U32 * np.abs(np.where(np.isfinite(score), score, 0.0))
    weight, total, relative = _softmax(score, error)
    p = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    out = p @ va
    bound = relative * (p @ np.abs(va)) + (1 + relative) * (p @ ve)
    out_dims, result = batch + [m, vv], maps.pop(0)
    target = [sizes[d] for d in out_dims]
    order = [out_dims.index(d) for d in result]
    return stored(np.broadcast_to(out, target).transpose(order), np.broadcast_to(bound, target).transpose(order), dtype)


def softmax(x: Approx, axis: int, dtype: str) -> Approx:
    score, error = np.moveaxis(x.value, axis, -1), np.moveaxis(x.error, axis, -1)
    error = error + UNIT[dtype] * np.abs(score)
    weight, total, relative = _softmax(score, error)
    p = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    # Upstream's decomposition stores every step in the element type.
    relative = relative + (score.shape[-1] + 8) * UNIT[dtype]
    return stored(np.moveaxis(p, -1, axis), np.moveaxis(p * relative, -1, axis), dtype)
