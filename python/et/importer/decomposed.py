#===- decomposed.py - What PyTorch took apart, put together again -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Finds, in a graph of core operators, a softmax that PyTorch guards against rows without keys:

    where(all(scores == -inf, dim), 0, softmax(scores, dim))

Attention that is decomposed has this form. It reads the scores twice, so it must be seen as one operator before any of its
parts is imported.
"""

from __future__ import annotations

import math
from typing import Any, Sequence

import torch

from .registry import target_name

_PASSED_ON = {"aten.clone", "aten.alias", "aten.detach", "aten.lift_fresh_copy", "aten.expand"}
_CONSTANTS = {"aten.full", "aten.full_like", "aten.zeros", "aten.zeros_like", "aten.scalar_tensor"}


def safe_softmaxes(nodes: Sequence[torch.fx.Node]) -> dict[torch.fx.Node, tuple[torch.fx.Node, int]]:
    """The nodes that end such a softmax, with its scores and its dimension."""
    found: dict[torch.fx.Node, tuple[torch.fx.Node, int]] = {}
    for node in nodes:
        if _name(node) == "aten.where":
            matched = _match(node)
            if matched is not None:
                found[node] = matched
    return found


def _name(node: Any) -> str:
    """namespace.name of a call, or nothing."""
    if not isinstance(node, torch.fx.Node) or node.op != "call_function":
        return ""
    return ".".join(target_name(node.target).split(".")[:2])


def _through(node: Any) -> Any:
    while _name(node) in _PASSED_ON and node.args:
        node = node.args[0]
    return node


def _dim(node: torch.fx.Node, dim: Any) -> int | None:
    """A dimension counted from the front; of a list only its one element."""
    if isinstance(dim, (list, tuple)):
        dim = dim[0] if len(dim) == 1 else None
    rank = len(node.meta["val"].shape)
    return None if not isinstance(dim, int) else dim + rank if dim < 0 else dim


def _match(where: torch.fx.Node) -> tuple[torch.fx.Node, int] | None:
    if len(where.args) != 3:
        return None
    condition, zero, softmax = (_through(a) for a in where.args)
    if _name(softmax) not in ("aten._softmax", "aten.softmax") or not _is_zero(zero):
        return None
    scores, dim = softmax.args[0], _dim(softmax, softmax.args[1])
    if softmax.meta["val"].dtype != scores.meta["val"].dtype:
        return None
    if tuple(where.meta["val"].shape) != tuple(softmax.meta["val"].shape):
        return None
    # All are -inf: all(e), or not any(not e), where e says so of one element.
    if _name(condition) == "aten.all":
        reduced, element, wanted = condition, condition.args[0], True
    elif _name(condition) == "aten.logical_not" and _name(_through(condition.args[0])) == "aten.any":
        reduced = _through(condition.args[0])
        element, wanted = reduced.args[0], False
    else:
        return None
    if len(reduced.args) < 3 or reduced.args[2] is not True or _dim(scores, reduced.args[1]) != dim:
        return None
    element = _through(element)
    while _name(element) == "aten.logical_not":
        element, wanted = _through(element.args[0]), not wanted
    if _name(element) != ("aten.eq" if wanted else "aten.ne") or _through(element.args[0]) is not _through(scores):
        return None
    return (scores, dim) if element.args[1] == -math.inf else None


def _is_zero(node: Any) -> bool:
    if isinstance(node, (int, float)):
        return node == 0
    name = _name(node)
    if name not in _CONSTANTS:
        return False
    if name.startswith("aten.zeros"):
        return True
    value = node.args[0] if name == "aten.scalar_tensor" else node.args[1]
    return isinstance(value, (int, float)) and value == 0
