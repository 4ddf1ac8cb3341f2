#===- dynamic.py - Programs for any batch and length, from the first call on -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Makes Dynamo trace again with dynamic sizes before anything is compiled.

PyTorch takes the sizes of the first call for constants, and compiles again when one of them changes, and again for sizes of 0
and 1. Programs here take any size anyway, so that the first graph is sent back: sizes that may be batches or lengths become
symbols, for which 0 and 1 are numbers like others. What a model does not allow to vary, PyTorch makes a constant again.
"""

from __future__ import annotations

import logging
from typing import Any, Sequence

import torch
import torch._dynamo.callback
import torch._dynamo.config
import torch.fx.experimental._config as shape_config
from torch._dynamo.exc import TensorifyScalarRestartAnalysis, UnspecializeRestartAnalysis
from torch._dynamo.pgo import FrameStateSizeEntry, auto_dynamic, auto_unset, process_automatic_dynamic

from .capture import is_weight, placeholders, source_name

logger = logging.getLogger("et.torch_backend")


class _Restart(TensorifyScalarRestartAnalysis, UnspecializeRestartAnalysis):
    """Passes through Dynamo's handling of errors of backends, and forgets what was decided in this attempt."""


def dimensions(example: torch.Tensor) -> list[int]:
    """Dimensions of an input that may be batches and lengths: all of ids and masks, [batch, length, features] of three, and the
    first of images and of rows of features."""
    if example.dim() == 0:
        return []
    if not example.dtype.is_floating_point:
        return list(range(example.dim()))
    return [0, 1] if example.dim() == 3 else [0]


def request(graph_module: torch.fx.GraphModule, examples: Sequence[Any]) -> None:
    """Raises to Dynamo when it is to trace again with more dynamic sizes; returns when all is as wanted."""
    from torch._dynamo.symbolic_convert import InstructionTranslator

    if not torch._dynamo.config.automatic_dynamic_shapes:
        return  # torch.compile(dynamic=False)
    try:
        frame = InstructionTranslator.current_tx()
    except Exception:  # not called by Dynamo
        return
    again = small = False
    for node, example in zip(placeholders(graph_module), examples):
        name = source_name(node)
        if name and isinstance(example, torch.Tensor) and not is_weight(example):
            again |= _make_constant(node)
            again |= _make_dynamic(frame, name, example)
            small |= any(example.shape[d] < 2 for d in dimensions(example))
    # A size of 1 that is no constant leaves PyTorch unsure of what is broadcast.
    if not small and not shape_config.backed_size_oblivious:
        _see_no_zero_or_one()
        again = True
    if again:
        logger.debug("tracing again with dynamic sizes")
        raise _Restart(restart_reason="dynamic sizes")


def _make_dynamic(frame: Any, name: str, example: torch.Tensor) -> bool:
    """Notes what of an input is dynamic; False if that was known."""
    sizes: list[Any] = [auto_unset] * example.dim()
    state = process_automatic_dynamic(frame, name, FrameStateSizeEntry.make_size(tuple(sizes))) if sizes else None
    missing = [d for d in dimensions(example) if state is not None and not state.is_size_dynamic(d)]
    if not missing:
        return False
    for d in missing:
        sizes[d] = auto_dynamic
    process_automatic_dynamic(frame, name, FrameStateSizeEntry.make_size(tuple(sizes)))
    return True


def _make_constant(node: torch.fx.Node) -> bool:
    """Makes Dynamo take a number of Python that it passed as a tensor for a constant; False if it is none, or was made one."""
    from torch._dynamo.symbolic_convert import TensorifyState

    memo = getattr(node.meta.get("example_value"), "item_memo", None)
    name = getattr(memo.node._expr, "name", None) if isinstance(memo, torch.SymFloat) else None
    if name is None or TensorifyState.should_specialize(name):
        return False
    TensorifyState.specialize(name)
    return True


def _see_no_zero_or_one() -> None:
    """Until Dynamo is done with this frame, sizes of 0 and 1 are sizes like any others."""
    handler = torch._dynamo.callback.callback_handler
    if _restore not in handler.end_callbacks:
        handler.register_end_callback(_restore)
    _changed.append(True)
    shape_config.backed_size_oblivious = True


_changed: list[bool] = []


def _restore(_: Any) -> None:
    if _changed:
        _changed.clear()
        shape_config.backed_size_oblivious = False
