#===- record.py - What was done, as JSON -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The record of a pruning, in plain types that json can write, and the zeros of any model."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from .pruner import Pruner


def _options(value: Any) -> Any:
    """The public settings of a schedule or regulariser."""
    if value is None:
        return None
    fields = dataclasses.asdict(value) if dataclasses.is_dataclass(value) else vars(value)
    plain = {k: v for k, v in fields.items() if not k.startswith("_") and isinstance(v, (int, float, str, bool, tuple, list, dict, type(None)))}
    return {"kind": getattr(value, "name", type(value).__name__), **plain}


def describe(pruner: Pruner) -> dict[str, Any]:
    """How a pruner was set up, when it pruned, and what each weight lost."""
    weights = []
    for target in pruner.targets:
        kept = pruner.kept[target.name]
        zeros = int((target.weight == 0).sum())
        weights.append({
            "name": target.name, "shape": list(target.weight.shape), "pattern": str(target.pattern), "blocks": kept.numel(),
            "pruned": int((~kept).sum()), "zeros": zeros, "ratio": int((~kept).sum()) / kept.numel(),
        })
    total = sum(p.numel() for p in pruner.model.parameters())
    return {
        "ratio": pruner.ratio, "reached": pruner.reached(), "selection": pruner.selection, "floor": pruner.floor,
        "score": pruner.score.name, "schedule": _options(pruner.schedule), "regularizer": _options(pruner.regularizer),
        "steps": pruner.step, "history": list(pruner.history), "weights": weights,
        "parameters": total, "zeros": sum(int((p == 0).sum()) for p in pruner.model.parameters()),
        "torch": torch.__version__,
    }


def sparsity(model: torch.nn.Module) -> dict[str, float]:
    """The share of zeros in each matrix of a model, however they came there."""
    return {name: int((p == 0).sum()) / p.numel() for name, p in model.named_parameters() if p.dim() == 2 and p.numel()}
