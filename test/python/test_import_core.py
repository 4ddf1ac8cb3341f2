#===- test_import_core.py - Graphs of core operators -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Operators that only stand in graphs which PyTorch has taken apart, or made for one of its devices."""

from __future__ import annotations

import math
import operator

import pytest
import torch
import torch.nn.functional as F

import et
from importing import check, compare, import_function, operations, verify

# -- attention made for a device --------------------------------------------------------------------------------------

FUSED = {
    "aten._scaled_dot_product_flash_attention": lambda q, k, v, mask: (q, k, v, 0.0, mask is None),
    "aten._scaled_dot_product_efficient_attention": lambda q, k, v, mask: (q, k, v, mask, False, 0.0, mask is None),
    "aten._scaled_dot_product_cudnn_attention": lambda q, k, v, mask: (q, k, v, mask, False, 0.0, mask is None),
    "aten._scaled_dot_product_fused_attention_overrideable": lambda q, k, v, mask: (q, k, v, mask, 0.0, mask is None),
}


class Function(torch.nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def exported(function, *args):
    return torch.export.export(Function(function).eval(), args)


def with_fused(name: str, q, k, v, mask=None, **options):
    """A program whose attention is an operator of a GPU, which does not run here."""
    program = exported(lambda *x: F.scaled_dot_product_attention(*x[:3], x[3] if len(x) > 3 else None, is_causal=len(x) == 3),
                       q, k, v, *([] if mask is None else [mask]))
    graph = program.graph_module.graph
    (node,) = [n for n in graph.nodes if "scaled_dot_product" in str(n.target)]
    target = getattr(torch.ops.aten, name.removeprefix("aten.")).default
    operands = [*node.args[:3], node.args[3] if mask is not None else None]
    with graph.inserting_before(node):
        fused = graph.call_function(target, FUSED[name](*operands), options)
        fused.meta["val"] = (node.meta["val"],) + (None,) * (len(target._schema.returns) - 1)
        first = graph.call_function(operator.getitem, (fused, 0))
        first.meta["val"] = node.meta["val"]
    node.replace_all_uses_with(first)
    graph.erase_node(node)
    return program


@pytest.mark.parametrize("name, masked", [(name, masked) for name in FUSED for masked in (False, True)
                                          if not (masked and "flash" in name)])
def test_fused_attention_of_gpus(name: str, masked: bool) -> None:
    q, k, v = torch.randn(2, 4, 5, 8), torch.randn(2, 4, 5, 8), torch.randn(2, 4, 5, 8)
    mask = torch.randn(2, 1, 5, 5) if masked else None
    imported = et.export_mlir(with_fused(name, q, k, v, mask, scale=0.5))
    assert operations(imported.text)["et.attention"] == 1
    expected = F.scaled_dot_product_attention(q, k, v, mask, is_causal=mask is None, scale=0.5)
    compare(imported, [expected], [q, k, v] + ([mask] if masked else []), tolerance=2e-6, wide=False)


def test_fused_attention_with_dropout_is_refused() -> None:
    program = with_fused("aten._scaled_dot_product_flash_attention", *(torch.randn(2, 4, 5, 8) for _ in range(3)))
    (node,) = [n for n in program.graph_module.graph.nodes if "flash" in str(n.target)]
    node.args = (*node.args[:3], 0.1, True)
    with pytest.raises(et.UnsupportedOperatorError, match="dropout is active"):
        et.export_mlir(program)


def guarded(x, dim=-1, other=None, value=-math.inf, fill=0.0, keep=None):
    """The softmax of decomposed attention, and what only looks like it."""
    empty = (x.eq(value) if other is None else other.eq(value)).all(dim if keep is None else keep, True)
    return torch.where(empty, torch.full_like(x, fill), torch.softmax(x, dim))


def scores_with_empty_rows() -> torch.Tensor:
    x = torch.randn(2, 3, 5, 5)
    x[0, 1, 2] = -math.inf
    x[1, :, 4, 1:] = -math.inf
    return x


def test_guarded_softmax_is_attention() -> None:
    def function(q, k, v, mask):
        return guarded(q @ k.transpose(-1, -2) + mask) @ v

    q, k, v = (torch.randn(2, 3, 5, 8) for _ in range(3))
    check(function, q, k, v, scores_with_empty_rows(), expect={"et.attention": 1, "linalg.softmax": 0}, tolerance=5e-6)


def test_guarded_softmax_alone(tool) -> None:
    imported = check(lambda x: guarded(x), scores_with_empty_rows(), expect={"linalg.softmax": 1})
    verify(imported.text, tool)
    check(lambda x: torch.ops.aten._safe_softmax(x, -1), scores_with_empty_rows(), expect={"linalg.softmax": 1})
    check(lambda x: torch.where(~(~x.eq(-math.inf)).any(-1, True), 0.0, x.softmax(-1)), scores_with_empty_rows())


def test_guarded_softmax_of_constants() -> None:
    class Constant(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("scores", scores_with_empty_rows())

        def forward(self, x):
            return x + torch.ops.aten._safe_softmax(self.scores, -1)

    check(Constant().eval(), torch.randn(2, 3, 5, 5), expect={"linalg.softmax": 0})


@pytest.mark.parametrize("options", [dict(dim=-2), dict(keep=-2), dict(value=0.0), dict(fill=1.0), dict(fill=-math.inf)])
def test_no_guarded_softmax(options: dict) -> None:
    """Along another dimension, of another number, with another value: computed as written."""
    check(lambda x: guarded(x, **options), scores_with_empty_rows())


def test_no_guarded_softmax_of_other_scores() -> None:
    x = torch.randn(2, 3, 5, 5)
    imported = check(lambda x, y: guarded(x, other=y), x, scores_with_empty_rows())
    assert '"reduction"' in imported.text


# -- others -----------------------------------------------------------------------------------------------------------


def test_conversion_of_primitives() -> None:
    convert = torch.ops.prims.convert_element_type
    check(lambda x: convert(x * 3, torch.int64) + convert(x, torch.float64), torch.randn(3, 5))


def test_strides_of_a_whole_tensor_are_a_view() -> None:
    imported = check(lambda x: torch.as_strided(x, (2, 3, 1, 4), (12, 4, 7, 1)), torch.randn(6, 4))
    assert "linalg.generic" not in imported.text


@pytest.mark.parametrize("function", [
    lambda x: torch.as_strided(x, (4, 6), (1, 4)), lambda x: torch.as_strided(x, (5, 4), (4, 1)),
    lambda x: torch.as_strided(x, (3, 4), (4, 1), 4), lambda x: torch.as_strided(x.t(), (6, 4), (4, 1)),
    lambda x: torch.as_strided(x, (6, 4), (0, 1)),
])
def test_other_strides_are_refused(function) -> None:
    with pytest.raises(et.UnsupportedOperatorError, match="strides that are not those of a whole tensor"):
        import_function(function, [torch.randn(6, 4)])
