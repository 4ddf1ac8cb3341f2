#===- ops_nn.py - Products, norms, convolutions and attention -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Operators with weights, and the attention of opset 23."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

import torch
import torch.nn.functional as F

from .registry import Tensor, Unsupported, operator
from .values import Value, Weight, rank

if TYPE_CHECKING:
    from .module import Context


# ---------------------------------------------------------------------------------------------------------------------
# Products
# ---------------------------------------------------------------------------------------------------------------------


def of_one_type(a: Value, b: Value) -> None:
    """Tools that convert a model to float16 leave products of two types behind where an output is read inside the model."""
    if a.dtype != b.dtype:
        names = " and ".join(str(v.dtype).removeprefix("torch.") for v in (a, b))
        raise Unsupported(f"expected both operands to be of one type, but got {names}; put a Cast in front of one of them")


@operator("MatMul")
def matmul(ctx: Context, a: Tensor, b: Value) -> Tensor:
    of_one_type(a, b)
    return ctx.linear(a, b) if isinstance(b, Weight) and rank(b) == 2 else torch.matmul(a, ctx.tensor(b))


@operator("Gemm")
def gemm(ctx: Context, a: Tensor, b: Value, c: Tensor | None = None, *, alpha: float = 1.0, beta: float = 1.0, transA: int = 0,
         transB: int = 0) -> Tensor:
    of_one_type(a, b)
    a = a.t() if transA else a
    if transB:
        result = F.linear(a, ctx.tensor(b))
    else:
        result = matmul(ctx, a, b)
    result = result * alpha if alpha != 1.0 else result
    return result if c is None else result + (c * beta if beta != 1.0 else c)


@operator("Einsum")
def einsum(ctx: Context, *xs: Tensor, equation: str) -> Tensor:
    return torch.einsum(equation, *xs)


@operator("Conv", only={"auto_pad": ("NOTSET", "VALID")}, ignored=("kernel_shape",), note="more than 3 spatial dimensions")
def conv(ctx: Context, x: Tensor, weight: Tensor, bias: Tensor | None = None, *, auto_pad: str = "NOTSET", group: int = 1,
         strides: Sequence[int] | None = None, pads: Sequence[int] | None = None, dilations: Sequence[int] | None = None) -> Tensor:
    count = weight.dim() - 2
    if count not in (1, 2, 3):
        raise Unsupported(f"expected 1 to 3 spatial dimensions, but got {count}")
    ones = [1] * count
    padding = list(pads or [0] * (2 * count))
    if padding[:count] != padding[count:]:
        # torch counts dimensions from the last one.
        x = F.pad(x, [p for d in reversed(range(count)) for p in (padding[d], padding[d + count])])
        padding = [0] * (2 * count)
    function = (F.conv1d, F.conv2d, F.conv3d)[count - 1]
    return function(x, weight, bias, list(strides or ones), padding[:count], list(dilations or ones), group)


# ---------------------------------------------------------------------------------------------------------------------
# Norms
# ---------------------------------------------------------------------------------------------------------------------


def normalised_shape(x: Tensor, axis: int) -> list[int]:
    sizes = list(x.shape[axis if axis >= 0 else axis + x.dim():])
    if not all(isinstance(s, int) for s in sizes):
        raise Unsupported(f"expected fixed sizes from dimension {axis} on, but got {sizes}")
    return sizes


def fitted(weight: Tensor | None, shape: Sequence[int]) -> Tensor | None:
    """A scale or bias of the shape that torch wants; ONNX broadcasts it."""
    return weight if weight is None or list(weight.shape) == list(shape) else weight.expand(shape)


@operator("LayerNormalization", ignored=("stash_type",))
def layer_norm(ctx: Context, x: Tensor, scale: Tensor, bias: Tensor | None = None, *, axis: int = -1, epsilon: float = 1e-5) -> Tensor:
    shape = normalised_shape(x, axis)
    return F.layer_norm(x, shape, fitted(scale, shape), fitted(bias, shape), epsilon)


@operator("RMSNormalization", "SimplifiedLayerNormalization", ignored=("stash_type",))
def rms_norm(ctx: Context, x: Tensor, scale: Tensor, *, axis: int = -1, epsilon: float = 1e-5) -> Tensor:
    shape = normalised_shape(x, axis)
    return F.rms_norm(x, shape, fitted(scale, shape), epsilon)


@operator("BatchNormalization", only={"training_mode": (0,)}, ignored=("momentum", "spatial"))
def batch_norm(ctx: Context, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, *, epsilon: float = 1e-5,
               training_mode: int = 0) -> Tensor:
    return F.batch_norm(x, mean, variance, scale, bias, False, 0.0, epsilon)


# ---------------------------------------------------------------------------------------------------------------------
# Attention
# ---------------------------------------------------------------------------------------------------------------------


def split_heads(x: Tensor, heads: int, what: str) -> Tensor:
    """[batch, length, hidden] as [batch, heads, length, hidden of a head]."""
    batch, length, hidden = x.shape
    if not isinstance(hidden, int) or not heads or hidden % heads:
        raise Unsupported(f"expected the last size of '{what}' to be a multiple of {heads} heads, but got {hidden}")
    return x.reshape(batch, length, heads, hidden // heads).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    batch, heads, length, size = x.shape
    return x.transpose(1, 2).reshape(batch, length, heads * size)


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool, scale: float | None) -> Tensor:
    """Attention of [batch, heads, length, size]; heads of keys may be shared by several query heads."""
    heads, shared = query.shape[1], key.shape[1]
    if heads != shared:
        if heads % shared:
            raise Unsupported(f"expected the {heads} query heads to be a multiple of the {shared} key heads")
        key, value = (t.repeat_interleave(heads // shared, 1) for t in (key, value))
    if causal and mask is not None:
        visible = torch.arange(key.shape[2]) <= torch.arange(query.shape[2]).unsqueeze(-1)
        mask = mask & visible if mask.dtype == torch.bool else torch.where(visible, mask, float("-inf"))
        causal = False
    return F.scaled_dot_product_attention(query, key, value, mask, is_causal=causal, scale=scale)


@operator("Attention", only={"softcap": (0.0,), "qk_matmul_output_mode": (0,)}, ignored=("softmax_precision",), note="caches of keys and values")
def attention(ctx: Context, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, is_causal: int = 0,
              q_num_heads: int = 0, kv_num_heads: int = 0, scale: float | None = None, softcap: float = 0.0,
              qk_matmul_output_mode: int = 0) -> Tensor:
    flat = query.dim() == 3
    if flat:
        query = split_heads(query, q_num_heads, "Q")
        key, value = split_heads(key, kv_num_heads, "K"), split_heads(value, kv_num_heads, "V")
    result = attend(query, key, value, mask, bool(is_causal), scale)
    return join_heads(result) if flat else result


@operator("RotaryEmbedding")
def rotary_embedding(ctx: Context, x: Tensor, cosines: Tensor, sines: Tensor, positions: Tensor | None = None, *, interleaved: int = 0,
                     num_heads: int = 0, rotary_embedding_dim: int = 0) -> Tensor:
    flat = x.dim() == 3
    if flat:
        x = split_heads(x, num_heads, "X")
    width = rotary_embedding_dim or x.shape[-1]
    if positions is not None:
        cosines, sines = (F.embedding(positions, table) for table in (cosines, sines))
    # [batch, length, width / 2], the same for each head
    cosines, sines = (table[..., :width // 2].unsqueeze(1) for table in (cosines, sines))
    turned, rest = x[..., :width], x[..., width:]
    first, second = (turned[..., 0::2], turned[..., 1::2]) if interleaved else turned.split(width // 2, -1)
    parts: list[Any] = [first * cosines - second * sines, first * sines + second * cosines]
    result = torch.stack(parts, -1).flatten(-2) if interleaved else torch.cat(parts, -1)
    result = torch.cat([result, rest], -1) if width != x.shape[-1] else result
    return join_heads(result) if flat else result
