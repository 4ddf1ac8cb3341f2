#===- support.py - What of a graph the importer takes -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Says of each node of a captured graph whether the importer takes it, why not, and how many operations it holds."""

from __future__ import annotations

import operator
from typing import Any, Iterable, Mapping

import torch
from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols
from torch.utils.flop_counter import FlopCounterMode

from ..importer.emitter import TORCH_DTYPES
from ..importer.graph import _IGNORED, _mutates, _mutation_is_local
from ..importer.registry import find, target_name

#: Operators that may hold multiplications of matrices. What other operators compute is not counted, as in PyTorch's counter.
_HEAVY = {"linear", "matmul", "mm", "bmm", "addmm", "baddbmm", "einsum", "bilinear", "scaled_dot_product_attention", "conv1d",
          "conv2d", "conv3d", "convolution", "conv_transpose1d", "conv_transpose2d", "multi_head_attention_forward", "addbmm", "mv",
          "dot", "inner", "tensordot", "lstm", "gru", "_scaled_dot_product_flash_attention_for_cpu",
          "_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention", "_scaled_dot_product_cudnn_attention"}
#: Operators whose work is worth a program even where no matrices are multiplied.
WORTH = _HEAVY | {"embedding", "layer_norm", "native_layer_norm", "softmax", "_softmax", "group_norm", "gelu"}


def short_name(node: torch.fx.Node) -> str:
    name = target_name(node.target)
    return name.split(".")[1] if "." in name else name


def is_size(node: torch.fx.Node) -> bool:
    """A node that computes a number of Python, not a tensor."""
    return isinstance(node.meta.get("val"), (torch.SymInt, torch.SymBool, torch.SymFloat, int, float, bool))


def tensors_of(node: torch.fx.Node) -> list[torch.Tensor]:
    return [v for v in torch.utils._pytree.tree_leaves(node.meta.get("val")) if isinstance(v, torch.Tensor)]


def is_random(node: torch.fx.Node) -> bool:
    return (isinstance(node.target, torch._ops.OpOverload) and torch.Tag.nondeterministic_seeded in node.target.tags
            and not (short_name(node) == "dropout" and node.args[2] is False)
            and short_name(node) != "scaled_dot_product_attention")


def refusals(nodes: Iterable[torch.fx.Node], device: torch.device) -> dict[torch.fx.Node, str]:
    """Why the importer cannot take nodes, for those it cannot."""
    positions = {node: i for i, node in enumerate(nodes)}
    found: dict[torch.fx.Node, str] = {}
    for node in positions:
        if node.op != "call_function" or is_size(node):
            continue
        reason = _refusal(node, positions, device)
        if reason is None and node.target is operator.getitem and node.args[0] in found:
            reason = found[node.args[0]]
        if reason is not None:
            found[node] = reason
    add_foreign(positions, found, device)
    return found


def add_foreign(nodes: Iterable[torch.fx.Node], refused: dict[torch.fx.Node, str], device: torch.device) -> None:
    """Refuses what takes tensors of another device. What computes there from nothing but sizes is as well computed here."""
    for node in nodes:
        if node.op != "call_function" or is_size(node) or node in refused:
            continue
        for source in node.all_input_nodes:
            if (source.op == "placeholder" or source in refused) and is_elsewhere(source, device):
                refused[node] = f"takes a tensor on {tensors_of(source)[0].device}, but the program is on {device}"
                break


def is_elsewhere(node: torch.fx.Node, device: torch.device) -> bool:
    return any(tensor.device != device for tensor in tensors_of(node))


def _refusal(node: torch.fx.Node, positions: Mapping[torch.fx.Node, int], device: torch.device) -> str | None:
    if node.target is operator.getitem:
        return None
    if not isinstance(node.target, torch._ops.OpOverload):
        return f"'{target_name(node.target)}' is no operator of ATen"
    if is_random(node):
        return "draws random numbers"
    if _mutates(node) and (find(node.target) is None or not _mutation_is_local(node, positions)):
        return "changes a tensor in place that is seen elsewhere"
    if find(node.target) is None and str(node.target) not in _IGNORED:
        return "no import rule"
    for source in (node, *node.all_input_nodes):
        for tensor in tensors_of(source):
            if tensor.dtype not in TORCH_DTYPES:
                return f"elements of type {str(tensor.dtype).removeprefix('torch.')}"
            if tensor.layout is not torch.strided:
                return f"a tensor of layout {str(tensor.layout).removeprefix('torch.')}"
            if free_unbacked_symbols(tensor):
                return "a size that depends on data"
    return None


def hint(value: Any) -> int:
    """A size as a number: that of the example where it is symbolic."""
    if isinstance(value, torch.SymInt):
        known = value.node.hint
        return int(known) if known is not None else 0
    return int(value)


def flops(node: torch.fx.Node, mode: Any) -> int:
    """Operations of a node as PyTorch counts them, at the sizes of the example."""
    if node.op != "call_function" or short_name(node) not in _HEAVY:
        return 0
    value = lambda x: x.meta.get("val") if isinstance(x, torch.fx.Node) else x
    args, kwargs = torch.fx.node.map_arg((node.args, dict(node.kwargs)), value)
    counter = FlopCounterMode(display=False)
    try:
        with mode, torch.no_grad(), counter:
            node.target(*args, **kwargs)
        return hint(counter.get_total_flops())
    except Exception:  # a count is worth no failure
        return 0
