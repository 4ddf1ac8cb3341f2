#===- torch_peers.py - PyTorch, eager and compiled -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""PyTorch as its users run it: eager in inference mode, and compiled by Inductor with its settings for CPUs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from encoder_bench import models
from encoder_bench.contender import Call, Context
from encoder_bench.points import Point


def as_call(function: Callable[..., torch.Tensor], ids: np.ndarray, mask: np.ndarray) -> Call:
    """Returns `function` applied to the inputs, in inference mode."""
    arguments = torch.from_numpy(ids), torch.from_numpy(mask)

    def call() -> np.ndarray:
        with torch.inference_mode():
            return function(*arguments).numpy()

    return call


class TorchEager:
    """No compilation; both attention implementations of `transformers` are tried."""

    def __init__(self, context: Context) -> None:
        torch.set_num_threads(context.threads)
        self.modules = {attention: models.build(context.spec, attention) for attention in ("sdpa", "eager")}

    def variants(self, point: Point, ids: np.ndarray, mask: np.ndarray) -> dict[str, Callable[[], Call]]:
        """Returns one variant for each attention implementation."""
        return {
            f"inference mode, {name} attention": lambda module=module: as_call(module, ids, mask)
            for name, module in self.modules.items()
        }


class TorchCompile:
    """Inductor with weights frozen (packed for oneDNN or MKL) and static sizes; with and without max-autotune.

    The wrapper in C++ saves the Python between kernels: it was never slower in our trials, so it is not varied.
    """

    FREEZING = {"cpp_wrapper": True}
    AUTOTUNE = {"cpp_wrapper": True, "max_autotune": True, "epilogue_fusion": True}

    def __init__(self, context: Context) -> None:
        import torch._inductor.config as inductor

        torch.set_num_threads(context.threads)
        inductor.freezing = True
        self.module = models.build(context.spec)

    def variants(self, point: Point, ids: np.ndarray, mask: np.ndarray) -> dict[str, Callable[[], Call]]:
        """Returns the two ways to compile."""

        module = self.module

        def build(options: dict[str, bool]) -> Call:
            def forward(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
                return module(input_ids, attention_mask)

            # A code object of its own: results are cached by code object, and would share its limit and its guards.
            forward.__code__ = forward.__code__.replace()
            compiled = torch.compile(forward, dynamic=False, fullgraph=True, options=options)
            call = as_call(compiled, ids, mask)
            call()
            return call

        return {
            "freezing, static, C++ wrapper": lambda: build(self.FREEZING),
            "freezing, static, C++ wrapper, max-autotune": lambda: build(self.AUTOTUNE),
        }
