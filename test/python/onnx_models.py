#===- onnx_models.py - What the tests of ONNX files share -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Exports modules with both exporters of PyTorch, and makes ONNX files by hand."""

from __future__ import annotations

import logging
import pathlib
import warnings
from typing import Any, Mapping, Sequence

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from model_zoo import FAMILIES

TYPES = {
    np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.float64): TensorProto.DOUBLE, np.dtype(np.float16): TensorProto.FLOAT16,
    np.dtype(np.int64): TensorProto.INT64, np.dtype(np.int32): TensorProto.INT32, np.dtype(bool): TensorProto.BOOL,
}


class ByName(torch.nn.Module):
    """A model that takes the inputs of the zoo in order and returns tensors, as tools that export encoders wrap them."""

    def __init__(self, model: torch.nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.names = tuple(names)

    def forward(self, first: torch.Tensor, second: torch.Tensor | None = None) -> Any:
        result = self.model(**dict(zip(self.names, (first, second))))
        return tuple(v for v in result.values() if isinstance(v, torch.Tensor))


def randomised(model: torch.nn.Module, seed: int = 3) -> torch.nn.Module:
    """The model with biases and scales that differ from 0 and 1: exporters share equal weights."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model


def family(name: str, attention: str, names: Sequence[str]) -> ByName:
    return ByName(randomised(FAMILIES[name].build(attention)), names).eval()


def export(module: torch.nn.Module, values: Mapping[str, torch.Tensor], shapes: Mapping[str, Mapping[int, str]], path: pathlib.Path,
           opset: int, dynamo: bool, external: bool = False) -> pathlib.Path:
    """Writes an ONNX file with one of the exporters."""
    names, args = list(values), tuple(values.values())
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            torch.onnx.export(module, args, path, dynamo=True, dynamic_shapes=tuple(dict(shapes[n]) for n in names), input_names=names,
                              opset_version=opset, verbose=False, external_data=external)
        else:
            torch.onnx.export(module, args, path, dynamo=False, dynamic_axes={n: dict(shapes[n]) for n in names}, input_names=names,
                              opset_version=opset)
    return path


def tensor(name: str, value: Any) -> onnx.TensorProto:
    """An initializer."""
    return numpy_helper.from_array(np.asarray(value), name)


def model(nodes: Sequence[onnx.NodeProto], inputs: Mapping[str, tuple[Any, Sequence[int | str | None] | None]], outputs: Sequence[str],
          weights: Mapping[str, Any] | None = None, *, opset: int = 18, domains: Mapping[str, int] | None = None,
          functions: Sequence[onnx.FunctionProto] = ()) -> onnx.ModelProto:
    """A model by hand: inputs as (numpy type or type of ONNX, shape), outputs without a type."""
    infos = [helper.make_tensor_value_info(n, t if isinstance(t, int) else TYPES[np.dtype(t)], None if s is None else list(s))
             for n, (t, s) in inputs.items()]
    results = [helper.make_empty_tensor_value_info(n) for n in outputs]
    graph = helper.make_graph(list(nodes), "g", infos, results, [tensor(n, w) for n, w in (weights or {}).items()])
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, v) for d, v in (domains or {}).items()]
    return helper.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=10)


def save(proto: onnx.ModelProto, folder: pathlib.Path, name: str = "model.onnx") -> pathlib.Path:
    path = folder / name
    path.write_bytes(proto.SerializeToString())
    return path
