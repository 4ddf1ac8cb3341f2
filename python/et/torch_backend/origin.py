#===- origin.py - Which code a graph comes from -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Finds out, while Dynamo calls the backend, which compiled module or function it works for, and where the graph ends."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch._dynamo.eval_frame import OptimizedModule, _TorchDynamoContext

_PACKAGES = os.path.dirname(os.path.dirname(torch.__file__)) + os.sep
_TORCH_DIR = os.path.dirname(torch.__file__) + os.sep
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


@dataclass(frozen=True)
class Origin:
    """What a graph belongs to. `owner` is Dynamo's context of the compiled module or function, None when not found."""

    function: str = "?"
    location: str = ""
    ended_by: str = ""
    ended_at: str = ""
    owner: Any = None
    #: The module that torch.compile returned, if it was one.
    module: OptimizedModule | None = None


def find_origin() -> Origin:
    owner, module = _owner()
    try:
        from torch._dynamo.symbolic_convert import InstructionTranslator

        frame = InstructionTranslator.current_tx()
    except Exception:  # not called by Dynamo
        return Origin(owner=owner, module=module)
    code = frame.f_code
    reason = getattr(frame.output, "compile_subgraph_reason", None)
    ended_by = ended_at = ""
    if reason is not None and getattr(reason, "graph_break", False):
        ended_by = str(reason.reason).strip()
        stack = [f for f in reason.user_stack if not f.filename.startswith(_TORCH_DIR)] or list(reason.user_stack)
        if stack:
            ended_at = f"{short_path(stack[-1].filename)}:{stack[-1].lineno}"
    return Origin(code.co_qualname if hasattr(code, "co_qualname") else code.co_name,
                  f"{short_path(code.co_filename)}:{code.co_firstlineno}", ended_by, ended_at, owner, module)


def _owner() -> tuple[Any, OptimizedModule | None]:
    """The context that is compiling, and the compiled module that was called, from the frames of this call."""
    frame, context = sys._getframe(1), None
    while frame is not None:
        if context is None and frame.f_code.co_name == "compile_wrapper":
            found = frame.f_locals.get("self")
            context = found if isinstance(found, _TorchDynamoContext) else None
        elif context is not None and isinstance(frame.f_locals.get("self"), OptimizedModule):
            module = frame.f_locals["self"]
            return context, module if module.dynamo_ctx is context else None
        frame = frame.f_back
    return context, None


def context_of(compiled: Any) -> Any:
    """Dynamo's context of what torch.compile returned; None for anything else."""
    if isinstance(compiled, OptimizedModule):
        return compiled.dynamo_ctx
    if isinstance(compiled, torch.nn.Module):  # module.compile()
        compiled = getattr(compiled, "_compiled_call_impl", None)
    function = getattr(compiled, "__func__", compiled)
    for cell in getattr(function, "__closure__", None) or ():
        try:
            if isinstance(cell.cell_contents, _TorchDynamoContext):
                return cell.cell_contents
        except ValueError:  # an empty cell
            continue
    return None


def place_of(node: torch.fx.Node) -> str:
    """The line of the user's program that a node comes from."""
    frames = _FRAME.findall(node.meta.get("stack_trace") or "")
    user = [f for f in frames if not f[0].startswith(_TORCH_DIR)] or frames
    return f"{short_path(user[-1][0])}:{user[-1][1]}" if user else ""


def short_path(path: str) -> str:
    """Without the folder that packages are installed in."""
    return path.removeprefix(_PACKAGES)
