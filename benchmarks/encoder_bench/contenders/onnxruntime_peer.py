#===- onnxruntime_peer.py - ONNX Runtime -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""ONNX Runtime with all graph optimisations on the graph that its own transformers optimizer has fused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from encoder_bench.contender import Call, Context, ContenderError
from encoder_bench.points import Point


class OnnxRuntime:
    """Tries the fused graph with sizes fixed and free, and the graph as exported."""

    def __init__(self, context: Context) -> None:
        try:
            import onnx  # noqa: F401  the exporter needs it
            import onnxruntime
        except ImportError as error:
            raise ContenderError(f"{error}; install it with: pip install -r requirements/bench.txt") from None
        from encoder_bench.contenders.onnx_export import export

        self.runtime = onnxruntime
        self.context = context
        self.plain = export(context.spec, context.folder / "model.onnx")
        self.fused = self.fuse(self.plain, context.folder / "fused.onnx")

    def fuse(self, source: Path, target: Path) -> Path:
        """Writes `source` with attention, norms and GELU fused."""
        from onnxruntime.transformers import optimizer

        spec = self.context.spec
        model = optimizer.optimize_model(str(source), "bert", num_heads=spec.heads, hidden_size=spec.hidden, opt_level=0)
        fused = model.get_fused_operator_statistics()
        if fused.get("Attention", 0) != spec.layers:
            raise ContenderError(f"onnxruntime.transformers fused {fused.get('Attention', 0)} of {spec.layers} attentions")
        # One file holds at most 2 GiB; no model here comes near.
        model.save_model_to_file(str(target))
        return target

    def build(self, path: Path, fixed: Point | None, ids: np.ndarray, mask: np.ndarray) -> Call:
        """Returns a call of a session with its inputs and output bound to buffers made once."""
        runtime = self.runtime
        options = runtime.SessionOptions()
        options.intra_op_num_threads = self.context.threads
        options.inter_op_num_threads = 1
        options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        if fixed:
            options.add_free_dimension_override_by_name("batch", fixed.batch)
            options.add_free_dimension_override_by_name("sequence", fixed.sequence)
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        binding.bind_cpu_input("input_ids", ids)
        binding.bind_cpu_input("attention_mask", mask)
        output = runtime.OrtValue.ortvalue_from_shape_and_type((*ids.shape, self.context.spec.hidden), np.float32, "cpu")
        binding.bind_ortvalue_output("last_hidden_state", output)

        def call() -> np.ndarray:
            session.run_with_iobinding(binding)
            return output.numpy()

        return call

    def variants(self, point: Point, ids: np.ndarray, mask: np.ndarray) -> dict[str, Callable[[], Call]]:
        """Returns the settings to try."""
        return {
            "fused, static": lambda: self.build(self.fused, point, ids, mask),
            "fused, dynamic": lambda: self.build(self.fused, None, ids, mask),
            "as exported, static": lambda: self.build(self.plain, point, ids, mask),
        }
