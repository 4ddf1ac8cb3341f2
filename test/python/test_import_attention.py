#===- test_import_attention.py - Attention in all its spellings -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Each spelling of attention becomes one et.attention; what only looks like attention does not."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from importing import check, import_function, operations, verify

B, H, M, N, D = 2, 4, 5, 7, 8
DYNAMIC = ({0: "batch", 2: "rows"}, {0: "batch", 2: "keys"}, {0: "batch", 2: "keys"})
ONE = {"et.attention": 1, "linalg.softmax": 0}
NONE = {"et.attention": 0}


def qkv(m: int = M, n: int = N, batch: int = B, heads: int = H, kv_heads: int = H) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    return torch.randn(batch, heads, m, D), torch.randn(batch, kv_heads, n, D), torch.randn(batch, kv_heads, n, D)


def softmax_matmul(scores: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return torch.softmax(scores, -1) @ v


SPELLINGS = {
    "fused": lambda q, k, v: F.scaled_dot_product_attention(q, k, v),
    "fused, scale": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, scale=0.3),
    "scores multiplied": lambda q, k, v: softmax_matmul((q @ k.transpose(-1, -2)) * 0.3, v),
    "scores divided": lambda q, k, v: softmax_matmul((q @ k.transpose(-1, -2)) / math.sqrt(D), v),
    "no scale": lambda q, k, v: softmax_matmul(q @ k.transpose(-1, -2), v),
    "scale on query": lambda q, k, v: softmax_matmul((q * 0.3) @ k.transpose(-1, -2), v),
    "scale on key": lambda q, k, v: softmax_matmul(q @ (k / 3).transpose(-1, -2), v),
    "root of the scale on both": lambda q, k, v: softmax_matmul((q * 0.5) @ (k * 0.5).transpose(-1, -2), v),
    "key permuted": lambda q, k, v: softmax_matmul(q @ k.permute(0, 1, 3, 2), v),
    "softmax in float": lambda q, k, v: torch.softmax((q @ k.mT).float(), -1, dtype=torch.float32).to(q.dtype) @ v,
    "dropout that does nothing": lambda q, k, v: F.dropout(torch.softmax(q @ k.mT, -1), 0.1, False) @ v,
    "einsum": lambda q, k, v: torch.einsum("bhmn,bhnd->bhmd", torch.softmax(torch.einsum("bhmd,bhnd->bhmn", q, k), -1), v),
    "einsum with dots": lambda q, k, v: torch.einsum("...mn,...nd->...md", torch.softmax(torch.einsum("...md,...nd->...mn", q, k), -1), v),
    "bmm": lambda q, k, v: torch.bmm(torch.softmax(torch.bmm(q.flatten(0, 1), k.flatten(0, 1).mT) * 0.3, -1),
                                     v.flatten(0, 1)).view(q.shape),
    "bmm, scores seen with heads": lambda q, k, v: torch.bmm(
        torch.softmax(torch.bmm(q.flatten(0, 1), k.flatten(0, 1).mT).view(B, H, M, N) * 0.3, -1).view(B * H, M, N),
        v.flatten(0, 1)).view(q.shape),
    "baddbmm without input": lambda q, k, v: torch.bmm(
        torch.softmax(torch.baddbmm(torch.zeros(1), q.flatten(0, 1), k.flatten(0, 1).mT, beta=0, alpha=0.3), -1),
        v.flatten(0, 1)).view(q.shape),
    "transposed scores": lambda q, k, v: torch.softmax((k @ q.mT).mT, -1) @ v,
    "softmax over the axis before last": lambda q, k, v: (torch.softmax(k @ q.mT, -2)).mT @ v,
    "product from the left": lambda q, k, v: (v.mT @ torch.softmax(q @ k.mT, -1).mT).mT,
    "log softmax never": lambda q, k, v: softmax_matmul(q @ k.mT - 0.0, v),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_spelling_is_one_attention(name: str, tool) -> None:
    imported = check(SPELLINGS[name], *qkv(), expect=ONE)
    verify(imported.text, tool)


@pytest.mark.parametrize("name", ["fused", "scores multiplied", "einsum", "scale on query"])
def test_dynamic_sizes(name: str, tool) -> None:
    imported = check(SPELLINGS[name], *qkv(), dynamic=(DYNAMIC,) if name == "none" else {f"args_{i}": d for i, d in enumerate(DYNAMIC)},
                     expect=ONE, others=[qkv(3, 9, 4), qkv(1, 1, 1)])
    verify(imported.text, tool)


def test_flattened_batch_and_heads_are_dynamic() -> None:
    def function(q, k, v):
        b, h, m, d = q.shape
        q, k, v = (x.reshape(b * h, -1, d) for x in (q, k, v))
        return torch.bmm(torch.softmax(torch.bmm(q, k.transpose(1, 2)), -1), v).view(b, h, m, d)

    check(function, *qkv(), dynamic={f"args_{i}": d for i, d in enumerate(DYNAMIC)}, expect=ONE, others=[qkv(3, 9, 4)])


# -- masks ------------------------------------------------------------------------------------------------------------


def padding(batch: int = B, n: int = N) -> torch.Tensor:
    mask = torch.ones(batch, n, dtype=torch.bool)
    mask[0, n // 2:] = False
    return mask


def test_bool_padding_mask_keeps_two_dimensions() -> None:
    def function(q, k, v, mask):
        mask = mask[:, None, None, :].expand(B, H, M, N)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)

    imported = check(function, *qkv(), padding(), expect=ONE)
    assert f"mask(%args_3 : tensor<{B}x{N}xi1>)" in imported.text


def test_fully_masked_row_is_zero() -> None:
    def function(q, k, v, mask):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])

    mask = padding()
    mask[1] = False
    imported = check(function, *qkv(), mask, expect=ONE)
    from et.importer.reference import run

    assert not run(imported, [*qkv(), mask])[0][1].any()


def test_causal_flag() -> None:
    imported = check(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), *qkv(), expect=ONE)
    assert "structure = #et.mask<causal>" in imported.text and "mask(" not in imported.text


@pytest.mark.parametrize("build", [
    lambda m, n: torch.ones(m, n, dtype=torch.bool).tril(),
    lambda m, n: torch.arange(n)[None, :] <= torch.arange(m)[:, None],
    lambda m, n: ~(torch.arange(n)[None, :] > torch.arange(m)[:, None]),
    lambda m, n: torch.arange(m)[:, None] - torch.arange(n)[None, :] >= 0,
    lambda m, n: ~torch.ones(m, n, dtype=torch.bool).triu(1),
])
def test_causal_from_positions(build) -> None:
    imported = check(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=build(q.shape[2], k.shape[2])), *qkv(),
                     dynamic={f"args_{i}": d for i, d in enumerate(DYNAMIC)}, expect=ONE, others=[qkv(7, 7)])
    assert "structure = #et.mask<causal>" in imported.text and "mask(%" not in imported.text


def test_causal_to_the_lower_right() -> None:
    def function(q, k, v):
        m, n = q.shape[2], k.shape[2]
        keep = torch.arange(n)[None, :] <= torch.arange(m)[:, None] + (n - m)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=keep)

    imported = check(function, *qkv(), dynamic={f"args_{i}": d for i, d in enumerate(DYNAMIC)}, expect=ONE, others=[qkv(3, 9)])
    assert "structure = #et.mask<causal, lower_right>" in imported.text


@pytest.mark.parametrize("build, left, right", [
    (lambda i, j: (i - j).abs() <= 2, 2, 2),
    (lambda i, j: (j - i).abs() < 2, 1, 1),
    (lambda i, j: (j <= i) & (j > i - 3), 2, 0),
    (lambda i, j: (i - j <= 1) & (j - i <= 3), 1, 3),
    (lambda i, j: j >= i - 1, 1, -1),
])
def test_window_from_positions(build, left: int, right: int) -> None:
    def function(q, k, v):
        i, j = torch.arange(q.shape[2])[:, None], torch.arange(k.shape[2])[None, :]
        return F.scaled_dot_product_attention(q, k, v, attn_mask=build(i, j))

    imported = check(function, *qkv(), dynamic={f"args_{i}": d for i, d in enumerate(DYNAMIC)}, expect=ONE)
    assert f"#et.mask<window, left = {left}, right = {right}>" in imported.text


def test_structure_and_padding_together() -> None:
    def function(q, k, v, mask):
        keep = (torch.arange(N)[None, :] <= torch.arange(M)[:, None]) & mask[:, None, None, :]
        return F.scaled_dot_product_attention(q, k, v, attn_mask=keep)

    imported = check(function, *qkv(), padding(), expect=ONE)
    assert "#et.mask<causal>" in imported.text and f"mask(%args_3 : tensor<{B}x{N}xi1>)" in imported.text


def test_mask_that_is_no_structure_stays_data() -> None:
    def function(q, k, v):
        i, j = torch.arange(M)[:, None], torch.arange(N)[None, :]
        return F.scaled_dot_product_attention(q, k, v, attn_mask=(i + j) % 2 == 0)

    imported = check(function, *qkv(), expect=ONE)
    assert "structure" not in imported.text and f"mask(%" in imported.text


def test_additive_minimum_stays_additive() -> None:
    def function(q, k, v, mask):
        bias = (1.0 - mask[:, None, None, :].float()) * torch.finfo(torch.float32).min
        return softmax_matmul(q @ k.mT + bias, v)

    mask = padding()
    mask[1] = False  # PyTorch is uniform here, and so must we be
    imported = check(function, *qkv(), mask, expect=ONE)
    assert f"tensor<{B}x{N}xf32>)" in imported.text
    assert any("masked_rows" in r.message for r in imported.report)
    relaxed = check(function, *qkv(), padding(), expect=ONE, masked_rows="ignore")
    assert f"mask(%args_3 : tensor<{B}x{N}xi1>)" in relaxed.text


def test_additive_causal_minimum_is_structure() -> None:
    def function(q, k, v):
        keep = torch.arange(N)[None, :] <= torch.arange(N)[:, None]
        return softmax_matmul(q @ k.mT + torch.where(keep, 0.0, torch.finfo(torch.float32).min), v)

    imported = check(function, *qkv(N, N), expect=ONE)
    assert "#et.mask<causal>" in imported.text


def test_minus_infinity_is_a_condition() -> None:
    def function(q, k, v, mask):
        scores = (q @ k.mT).masked_fill(~mask[:, None, None, :], -math.inf)
        return softmax_matmul(scores, v)

    imported = check(function, *qkv(), padding(), expect=ONE)
    assert f"mask(%args_3 : tensor<{B}x{N}xi1>)" in imported.text


def test_position_bias_is_a_mask_with_its_own_dimensions() -> None:
    bias = torch.randn(1, H, M, N)
    imported = check(lambda q, k, v, b: softmax_matmul(q @ k.mT * 0.3 + b, v), *qkv(), bias, expect=ONE)
    assert f"tensor<{H}x{M}x{N}xf32>)" in imported.text


def test_bias_before_the_scale_is_scaled_too() -> None:
    bias = torch.randn(1, H, M, N)
    check(lambda q, k, v, b: softmax_matmul((q @ k.mT + b) * 0.3, v), *qkv(), bias, expect=ONE)


def test_temperature_per_head() -> None:
    temperature = torch.rand(H, 1, 1) + 0.5
    check(lambda q, k, v: softmax_matmul((q @ k.mT) * temperature, v), *qkv(), expect=ONE)


# -- layouts ----------------------------------------------------------------------------------------------------------


class Block(torch.nn.Module):
    """Multi-head attention between linear layers, as encoders spell it."""

    def __init__(self, fused: bool, kv_heads: int = H) -> None:
        super().__init__()
        self.q, self.o = torch.nn.Linear(H * D, H * D), torch.nn.Linear(H * D, H * D)
        self.k, self.v = torch.nn.Linear(H * D, kv_heads * D), torch.nn.Linear(H * D, kv_heads * D)
        self.fused = fused

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, s, _ = x.shape
        q, k, v = (f(x).view(b, s, -1, D).transpose(1, 2) for f in (self.q, self.k, self.v))
        groups = q.shape[1] // k.shape[1]
        if groups > 1:
            k, v = (t[:, :, None].expand(b, t.shape[1], groups, s, D).reshape(b, -1, s, D) for t in (k, v))
        y = F.scaled_dot_product_attention(q, k, v) if self.fused else softmax_matmul(q @ k.mT / math.sqrt(D), v)
        return self.o(y.transpose(1, 2).reshape(b, s, -1))


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("kv_heads", [4, 2, 1])
def test_no_transpose_between_linears(fused: bool, kv_heads: int, tool) -> None:
    torch.manual_seed(1)
    imported = check(Block(fused, kv_heads), torch.randn(2, 5, H * D), dynamic={"x": {0: "b", 1: "s"}},
                     expect={"et.attention": 1, "et.linear": 4, "linalg.generic": 0, "tensor.collapse_shape": 1},
                     others=[[torch.randn(3, 9, H * D)]])
    verify(imported.text, tool)


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
def test_enable_gqa(kv_heads: int) -> None:
    check(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True), *qkv(kv_heads=kv_heads), expect=ONE)


def test_output_in_the_order_its_reader_wants() -> None:
    weight = torch.randn(16, H * D)
    check(lambda q, k, v: F.linear(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, M, H * D), weight),
          *qkv(), expect={"et.attention": 1, "linalg.generic": 0})


@pytest.mark.parametrize("shape", [(3, 5, 8), (5, 8)])
def test_other_ranks(shape: tuple[int, ...]) -> None:
    q, k, v = (torch.randn(shape) for _ in range(3))
    check(lambda q, k, v: F.scaled_dot_product_attention(q, k, v), q, k, v, expect=ONE)


def test_one_query_row() -> None:
    check(lambda q, k, v: F.scaled_dot_product_attention(q, k, v), *qkv(m=1), expect=ONE)
    check(lambda q, k, v: softmax_matmul(q @ k.mT, v), *qkv(m=1), expect=ONE)


def test_query_shared_by_the_batch() -> None:
    q, k, v = qkv()
    check(lambda q, k, v: F.scaled_dot_product_attention(q.expand(B, H, M, D), k, v), q[:1], k, v, expect=ONE)


def test_value_size_differs() -> None:
    q, k, _ = qkv()
    check(lambda q, k, v: F.scaled_dot_product_attention(q, k, v), q, k, torch.randn(B, H, N, 3), expect=ONE)


def test_key_in_reverse_order() -> None:
    check(lambda q, k, v: softmax_matmul(q @ k.flip(2).mT, v), *qkv(), expect=ONE)


def test_key_transposed_by_mistake_is_computed_as_written() -> None:
    # With as many keys as features a forgotten transpose still runs; the axes say what it means.
    check(lambda q, k, v: softmax_matmul(q @ k, v), *qkv(5, D), expect=ONE)


# -- what is not attention --------------------------------------------------------------------------------------------


def missed(imported) -> str:
    return "\n".join(str(r) for r in imported.report.missed)


def test_no_fuse_softmax_over_queries() -> None:
    imported = check(lambda q, k, v: torch.softmax(q @ k.mT, -2) @ v, *qkv(), expect=NONE)
    assert "another axis" in missed(imported)


def test_no_fuse_softmax_over_heads() -> None:
    imported = check(lambda q, k, v: torch.softmax(q @ k.mT, 1) @ v, *qkv(), expect=NONE)
    assert "another axis" in missed(imported)


def test_no_fuse_probabilities_returned() -> None:
    def function(q, k, v):
        p = torch.softmax(q @ k.mT, -1)
        return p @ v, p

    imported = check(function, *qkv(), expect=NONE)
    assert "read by 2 operators" in missed(imported)


def test_no_fuse_scores_returned() -> None:
    def function(q, k, v):
        s = q @ k.mT
        return torch.softmax(s, -1) @ v, s

    imported = check(function, *qkv(), expect=NONE)
    assert "the scores before the softmax are read by more than one operator" in missed(imported)


def test_no_fuse_probabilities_scaled() -> None:
    imported = check(lambda q, k, v: (torch.softmax(q @ k.mT, -1) * 2) @ v, *qkv(), expect=NONE)
    assert "scaled after the softmax" in missed(imported)


def test_no_fuse_scale_that_depends_on_the_key() -> None:
    scale = torch.rand(N)
    imported = check(lambda q, k, v: torch.softmax(q @ k.mT * scale, -1) @ v, *qkv(), expect=NONE)
    assert "not a scale" in missed(imported)


def test_no_fuse_soft_capped_scores() -> None:
    imported = check(lambda q, k, v: torch.softmax(torch.tanh(q @ k.mT / 5) * 5, -1) @ v, *qkv(), expect=NONE)
    assert "tanh" in missed(imported)


def test_no_fuse_two_products() -> None:
    imported = check(lambda q, k, v: torch.softmax(q @ k.mT + (2 * q) @ v.mT, -1) @ v, *qkv(), expect=NONE)
    assert "sum of two products" in missed(imported)


def test_no_fuse_mask_made_of_scores() -> None:
    def function(q, k, v):
        return torch.softmax(torch.where(q @ k.mT > 0, q @ k.mT, -math.inf), -1) @ v

    imported = check(function, *qkv(), expect=NONE)
    assert missed(imported)


def test_values_that_depend_on_the_row_make_the_row_a_batch() -> None:
    v = torch.randn(B, H, M, N, D)
    check(lambda q, k, v: torch.einsum("bhmn,bhmnd->bhmd", torch.softmax(q @ k.mT, -1), v), *qkv()[:2], v, expect=ONE)


def test_active_dropout_is_refused() -> None:
    import et

    with pytest.raises(et.UnsupportedOperatorError, match="eval"):
        import_function(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, dropout_p=0.5), qkv())
