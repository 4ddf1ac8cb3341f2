#===- weights.py - Tensors of ONNX files as torch tensors -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Decodes the tensors of a file. External data is mapped, not read: a weight that nothing uses costs nothing."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import onnx
import torch

from .errors import OnnxError

_T = onnx.TensorProto
#: Types of ONNX that tensors of the et dialect can have. uint8 is what some exporters make of masks.
DTYPES = {
    _T.FLOAT: torch.float32, _T.FLOAT16: torch.float16, _T.BFLOAT16: torch.bfloat16, _T.DOUBLE: torch.float64, _T.BOOL: torch.bool,
    _T.INT8: torch.int8, _T.INT16: torch.int16, _T.INT32: torch.int32, _T.INT64: torch.int64,
}


def type_name(code: int) -> str:
    """The name that ONNX has for a type."""
    return _T.DataType.Name(code).lower() if code in _T.DataType.values() else f"type {code}"


def dtype_of(code: int, what: str) -> torch.dtype:
    if code not in DTYPES:
        taken = ", ".join(type_name(c) for c in DTYPES)
        raise OnnxError(f"expected {what} to have a type among {taken}, but got {type_name(code)}; convert it before the export, and "
                        "of a quantised model import the float model that it was made from")
    return DTYPES[code]


def decode(proto: onnx.TensorProto, folder: Path) -> torch.Tensor:
    """A tensor of a file that lies in `folder`."""
    what = f"tensor '{proto.name}'" if proto.name else "a constant"
    dtype = dtype_of(proto.data_type, what)
    if proto.data_location == _T.EXTERNAL:
        raw = _external(proto, folder, what, math.prod(proto.dims) * dtype.itemsize)
        return raw.view(dtype).reshape(tuple(proto.dims))
    try:
        array = onnx.numpy_helper.to_array(proto)
    except (ValueError, TypeError) as error:
        raise OnnxError(f"expected {what} to hold {math.prod(proto.dims)} elements, but its data does not: {error}") from error
    if dtype == torch.bfloat16:
        return torch.from_numpy(np.array(array).view(np.int16)).view(dtype)
    return torch.from_numpy(np.array(array))


def _external(proto: onnx.TensorProto, folder: Path, what: str, size: int) -> torch.Tensor:
    """The bytes of a tensor that lie in another file, which must be beside the model or below it."""
    entries = {entry.key: entry.value for entry in proto.external_data}
    location = entries.get("location", "")
    root = Path(os.path.realpath(folder))
    path = Path(os.path.realpath(root / location))
    if not location or path == root or root not in path.parents:
        raise OnnxError(f"expected the data of {what} in the folder of the model, but its location is '{location}'; move the file there "
                        "and save the model again with onnx.save(..., save_as_external_data=True)")
    if not path.is_file():
        raise OnnxError(f"cannot find '{path}' with the data of {what}; it belongs beside the model: copy both")
    try:
        offset, length = int(entries.get("offset") or 0), int(entries.get("length") or size)
    except ValueError:
        offset, length = -1, -1
    if offset < 0 or length != size:
        raise OnnxError(f"expected {size} bytes for {what}, but the model names offset '{entries.get('offset', 0)}' and length "
                        f"'{entries.get('length', '')}'; export it again")
    have = path.stat().st_size
    if offset + size > have:
        raise OnnxError(f"expected {offset + size} bytes in '{path}' for {what}, but it has {have}; the file is truncated, copy it again")
    if not size:
        return torch.empty(0, dtype=torch.uint8)
    # Copy on write: torch wants memory that it may write to, and nobody does.
    return torch.from_numpy(np.memmap(path, np.uint8, "c", offset, (size,)))


def decode_sparse(proto: onnx.SparseTensorProto, folder: Path) -> tuple[str, torch.Tensor]:
    """The name and the dense form of a sparse tensor."""
    values = decode(proto.values, folder)
    indices = decode(proto.indices, folder)
    shape = tuple(proto.dims)
    dense = torch.zeros(shape, dtype=values.dtype)
    if indices.dim() == 2:
        strides = torch.tensor([math.prod(shape[d + 1:]) for d in range(len(shape))])
        indices = indices @ strides
    if indices.numel() and not (0 <= int(indices.min()) and int(indices.max()) < dense.numel()):
        raise OnnxError(f"expected the positions of sparse tensor '{proto.values.name}' below {dense.numel()}, but got "
                        f"{int(indices.min())} to {int(indices.max())}; export the model again")
    dense.view(-1)[indices] = values
    return proto.values.name, dense
