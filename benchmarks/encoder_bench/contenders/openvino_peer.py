#===- openvino_peer.py - OpenVINO -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""OpenVINO's CPU plugin: latency hint, f32 (it would choose bf16 by itself where the CPU has it), sizes fixed."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from encoder_bench import models
from encoder_bench.contender import Call, Context, ContenderError
from encoder_bench.points import Point


class OpenVino:
    """Tries the model as OpenVINO reads it from PyTorch and from ONNX."""

    def __init__(self, context: Context) -> None:
        try:
            import openvino
        except ImportError as error:
            raise ContenderError(f"{error}; install it with: pip install -r requirements/bench.txt") from None
        import torch

        from encoder_bench.contenders.onnx_export import export

        torch.set_num_threads(context.threads)
        self.core = openvino.Core()
        self.settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": context.threads,
            "INFERENCE_PRECISION_HINT": "f32",
        }
        example = torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.int64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            converted = openvino.convert_model(
                models.build(context.spec), example_input=example, input=[("input_ids", [-1, -1]), ("attention_mask", [-1, -1])]
            )
        self.models = {
            "from PyTorch": converted,
            "from ONNX": self.core.read_model(str(export(context.spec, context.folder / "model.onnx"))),
        }

    def build(self, name: str, point: Point, ids: np.ndarray, mask: np.ndarray) -> Call:
        """Returns a call of an infer request that shares the caller's buffers."""
        model = self.models[name].clone()
        model.reshape({port: [point.batch, point.sequence] for port in model.inputs})
        compiled = self.core.compile_model(model, "CPU", self.settings)
        request = compiled.create_infer_request()
        names = [port.any_name for port in compiled.inputs]
        arguments = {name: {"input_ids": ids, "attention_mask": mask}[name] for name in names}

        def call() -> np.ndarray:
            return request.infer(arguments, share_inputs=True, share_outputs=True)[0]

        return call

    def variants(self, point: Point, ids: np.ndarray, mask: np.ndarray) -> dict[str, Callable[[], Call]]:
        """Returns one variant for each way the model was read."""
        return {f"{name}, static, latency hint": lambda name=name: self.build(name, point, ids, mask) for name in self.models}
