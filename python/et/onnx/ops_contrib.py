#===- ops_contrib.py - What ONNX Runtime's optimizer fuses -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Operators of the domain com.microsoft, which ONNX Runtime's optimizer puts in place of several of ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from .ops_nn import attend, fitted, gemm, join_heads, normalised_shape, of_one_type, split_heads
from .registry import MICROSOFT, Tensor, Unsupported, operator
from .values import Value, Weight, rank

if TYPE_CHECKING:
    from .module import Context

#: What ONNX Runtime adds to scores that a mask hides, unless the node says otherwise.
_MASKED = -10000.0


def _padding_mask(mask: Tensor | None, keys: int | torch.SymInt, filler: float, dtype: torch.dtype) -> Tensor | None:
    """What is added to the scores: `mask` holds the length of each sequence, or 1 for each key that counts."""
    if mask is None:
        return None
    if mask.dim() == 1:
        keep = torch.arange(keys) < mask.unsqueeze(-1)
    elif mask.dim() == 2:
        keep = mask != 0
    elif mask.dim() == 3:
        keep = (mask != 0).unsqueeze(1)
    else:
        raise Unsupported(f"expected its mask to have 1 to 3 dimensions, but got {mask.dim()}")
    keep = keep[:, None, None, :] if keep.dim() == 2 else keep
    return torch.where(keep, torch.zeros((), dtype=dtype), torch.full((), filler, dtype=dtype))


def _masks(*masks: Tensor | None) -> Tensor | None:
    present = [m for m in masks if m is not None]
    total = present[0] if present else None
    for mask in present[1:]:
        total = total + mask
    return total


@operator("Attention", domain=MICROSOFT, only={"do_rotary": (0,), "past_present_share_buffer": (0,), "rotary_embedding_dim": (0,)},
          note="caches of keys and values; masks of 4 dimensions")
def attention(ctx: Context, x: Tensor, weights: Value, bias: Tensor | None = None, mask: Tensor | None = None,
              past: Tensor | None = None, attention_bias: Tensor | None = None, *, num_heads: int, scale: float = 0.0,
              mask_filter_value: float = _MASKED, unidirectional: int = 0, qkv_hidden_sizes: list[int] | None = None,
              do_rotary: int = 0, past_present_share_buffer: int = 0, rotary_embedding_dim: int = 0) -> Tensor:
    if past is not None:
        raise Unsupported("a cache of keys and values; export an encoder, or a decoder without its cache")
    projected = ctx.linear(x, weights) if isinstance(weights, Weight) else torch.matmul(x, ctx.tensor(weights))
    projected = projected if bias is None else projected + bias
    sizes = qkv_hidden_sizes or [projected.shape[-1] // 3] * 3
    query, key, value = (split_heads(t, num_heads, "input") for t in projected.split(list(sizes), -1))
    total = _masks(_padding_mask(mask, key.shape[2], mask_filter_value, x.dtype), attention_bias)
    return join_heads(attend(query, key, value, total, bool(unidirectional), scale or None))


@operator("MultiHeadAttention", domain=MICROSOFT, note="caches and packed inputs")
def multi_head_attention(ctx: Context, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None,
                         mask: Tensor | None = None, attention_bias: Tensor | None = None, *, num_heads: int, scale: float = 0.0,
                         mask_filter_value: float = _MASKED, unidirectional: int = 0) -> Tensor:
    if query.dim() != 3 or key.dim() not in (3, 4) or value.dim() != key.dim():
        raise Unsupported("expected query, key and value not to be packed into one tensor; run the optimizer without packing")
    if bias is not None:
        hidden = query.shape[-1]
        query = query + bias[:hidden]
        if key.dim() == 3:
            key, value = key + bias[hidden:hidden + key.shape[-1]], value + bias[hidden + key.shape[-1]:]
    query = split_heads(query, num_heads, "query")
    if key.dim() == 3:
        key, value = split_heads(key, num_heads, "key"), split_heads(value, num_heads, "value")
    total = _masks(_padding_mask(mask, key.shape[2], mask_filter_value, query.dtype), attention_bias)
    return join_heads(attend(query, key, value, total, bool(unidirectional), scale or None))


@operator("SkipLayerNormalization", domain=MICROSOFT, outputs=(0, 3))
def skip_layer_norm(ctx: Context, x: Tensor, skip: Tensor, scale: Tensor, beta: Tensor | None = None, bias: Tensor | None = None, *,
                    epsilon: float = 1e-12) -> tuple[Tensor | None, ...]:
    total = x + skip if bias is None else x + bias + skip
    shape = normalised_shape(total, -1)
    return F.layer_norm(total, shape, fitted(scale, shape), fitted(beta, shape), epsilon), None, None, total


@operator("SkipSimplifiedLayerNormalization", domain=MICROSOFT, outputs=(0, 3))
def skip_rms_norm(ctx: Context, x: Tensor, skip: Tensor, scale: Tensor, bias: Tensor | None = None, *,
                  epsilon: float = 1e-12) -> tuple[Tensor | None, ...]:
    total = x + skip if bias is None else x + bias + skip
    shape = normalised_shape(total, -1)
    return F.rms_norm(total, shape, fitted(scale, shape), epsilon), None, None, total


@operator("EmbedLayerNormalization", domain=MICROSOFT, outputs=(0, 1, 2), only={"mask_index_type": (0, 1)})
def embed_layer_norm(ctx: Context, ids: Tensor, segments: Tensor | None, words: Tensor, positions: Tensor,
                     segment_table: Tensor | None, scale: Tensor, beta: Tensor, mask: Tensor | None = None,
                     position_ids: Tensor | None = None, *, epsilon: float = 1e-12, mask_index_type: int = 1
                     ) -> tuple[Tensor | None, ...]:
    batch, length = ids.shape
    where = torch.arange(length).unsqueeze(0) if position_ids is None else position_ids
    total = F.embedding(ids, words) + F.embedding(where, positions)
    if segment_table is not None and segments is not None:
        total = total + F.embedding(segments, segment_table)
    result = F.layer_norm(total, scale.shape, scale, beta, epsilon)
    lengths = torch.zeros(batch, dtype=torch.int32) if mask is None else mask.sum(1, dtype=torch.int32)
    return result, lengths, total


@operator("BiasGelu", domain=MICROSOFT)
def bias_gelu(ctx: Context, x: Tensor, bias: Tensor) -> Tensor:
    return F.gelu(x + bias)


@operator("FastGelu", domain=MICROSOFT)
def fast_gelu(ctx: Context, x: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.gelu(x if bias is None else x + bias, approximate="tanh")


@operator("Gelu", domain=MICROSOFT)
def gelu(ctx: Context, x: Tensor) -> Tensor:
    return F.gelu(x)


@operator("QuickGelu", domain=MICROSOFT)
def quick_gelu(ctx: Context, x: Tensor, *, alpha: float = 1.702) -> Tensor:
    return x * torch.sigmoid(alpha * x)


@operator("FusedMatMul", domain=MICROSOFT, only={"transBatchA": (0,), "transBatchB": (0,)})
def fused_matmul(ctx: Context, a: Tensor, b: Value, *, alpha: float = 1.0, transA: int = 0, transB: int = 0, transBatchA: int = 0,
                 transBatchB: int = 0) -> Tensor:
    of_one_type(a, b)
    a = a.transpose(-1, -2) if transA and a.dim() > 1 else a
    if isinstance(b, Weight) and rank(b) == 2 and not transB:
        result = ctx.linear(a, b)
    else:
        right = ctx.tensor(b)
        result = torch.matmul(a, right.transpose(-1, -2) if transB and right.dim() > 1 else right)
    return result * alpha if alpha != 1.0 else result


_ACTIVATIONS = {"": None, "Relu": torch.relu, "Tanh": torch.tanh, "Sigmoid": torch.sigmoid}


@operator("FusedGemm", domain=MICROSOFT, only={"activation": tuple(_ACTIVATIONS)}, ignored=("activation_alpha", "activation_beta", "activation_gamma"))
def fused_gemm(ctx: Context, a: Tensor, b: Value, c: Tensor | None = None, *, activation: str = "", alpha: float = 1.0, beta: float = 1.0,
               transA: int = 0, transB: int = 0) -> Tensor:
    result = gemm(ctx, a, b, c, alpha=alpha, beta=beta, transA=transA, transB=transB)
    function = _ACTIVATIONS[activation]
    return result if function is None else function(result)
