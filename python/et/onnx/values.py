#===- values.py - What flows between ONNX nodes while they are traced -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Three kinds of values flow between nodes.

- `torch.Tensor`: computed from the inputs.
- `Weight`: a tensor of the file, or computed from such tensors before anything is traced.
- `Known`: a few numbers that the import knows, such as a shape. Its elements are Python numbers and symbolic sizes, so that
  arithmetic on shapes stays arithmetic on sizes instead of becoming tensors that the compiled program would have to compute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterable, Sequence, Union

import numpy as np
import torch

#: Tensors of a file with at most this many integers, and at most one dimension, are known numbers.
KNOWN_LIMIT = 64


@dataclass(eq=False)
class Weight:
    """A tensor of the file; `name` is that of its parameter or buffer."""

    name: str
    tensor: torch.Tensor

    @property
    def shape(self) -> torch.Size:
        return self.tensor.shape

    @property
    def dtype(self) -> torch.dtype:
        return self.tensor.dtype


class Known:
    """Numbers that are known while tracing, with a shape and a type as a tensor has them."""

    def __init__(self, elements: Any, dtype: torch.dtype) -> None:
        if not isinstance(elements, np.ndarray):  # numpy hands out an element where an array would have no dimension
            alone = np.empty((), object)
            alone[()] = elements
            elements = alone
        self.elements = elements
        self.dtype = dtype

    @staticmethod
    def of(values: Any, dtype: torch.dtype) -> "Known":
        """From a number or a flat sequence of numbers."""
        if isinstance(values, (list, tuple)):
            elements = np.empty(len(values), object)
            for i, value in enumerate(values):
                elements[i] = value
            values = elements
        return Known(values, dtype)

    @staticmethod
    def from_tensor(tensor: torch.Tensor) -> "Known":
        elements = np.empty(tensor.numel(), object)
        for i, value in enumerate(tensor.reshape(-1).tolist()):
            elements[i] = value
        return Known(elements.reshape(tuple(tensor.shape)), tensor.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.elements.shape

    @property
    def flat(self) -> list[Any]:
        return list(self.elements.reshape(-1))

    @property
    def symbolic(self) -> bool:
        return any(isinstance(e, torch.SymInt) for e in self.flat)

    @property
    def single(self) -> Any:
        """The only element."""
        return self.elements.reshape(-1)[0]

    def tensor(self) -> torch.Tensor:
        """The numbers as a tensor."""
        if not self.symbolic:
            return torch.tensor(self.flat, dtype=self.dtype).reshape(self.shape)
        parts = [torch.scalar_tensor(e, dtype=self.dtype) for e in self.flat]
        return (torch.stack(parts) if self.shape else parts[0]).reshape(self.shape)


Value = Union[torch.Tensor, Weight, Known]


def is_known(*values: Value | None) -> bool:
    return all(v is None or isinstance(v, Known) for v in values)


def combine(function: Callable[..., Any], values: Sequence[Known], dtype: torch.dtype) -> Known:
    """Applies a function of numbers to each element, after broadcasting."""
    broadcast = np.broadcast_arrays(*(v.elements for v in values))
    result = np.empty(broadcast[0].shape, object)
    for position in np.ndindex(result.shape):
        result[position] = function(*(b[position] for b in broadcast))
    return Known(result, dtype)


def knowable(tensor: torch.Tensor) -> bool:
    """Whether a tensor of the file is better known as numbers: indices, shapes, and single numbers of any type."""
    if tensor.dtype.is_floating_point:
        return tensor.numel() == 1
    return tensor.dim() <= 1 and tensor.numel() <= KNOWN_LIMIT


def rank(value: Value) -> int:
    return len(value.shape)


def product(sizes: Iterable[Any]) -> Any:
    result: Any = 1
    for size in sizes:
        result = result * size
    return result
