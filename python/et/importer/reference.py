#===- reference.py - Runs an imported module with torch -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Interprets the operations of an imported module, each as the dialect defines it, in float64 by default.

This is the reference for tests: it shows that the operations mean what the module computed, whatever compiles them.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Mapping, Sequence

import sympy
import torch
import torch.nn.functional as F

from . import expr as E
from .dims import Size, is_static
from .emitter import FROM_DTYPE, neutral
from .evaluate import evaluate, size_value
from .graph import ImportedModule
from .ir import Op, Result


def run(module: ImportedModule, inputs: Sequence[torch.Tensor], wide: bool = True) -> list[torch.Tensor]:
    """The outputs of the module for the given inputs, in the order of `module.inputs`."""
    return _Interpreter(module, wide).run(inputs)


class _Interpreter:
    def __init__(self, module: ImportedModule, wide: bool) -> None:
        assert module.emitter is not None
        self.module = module
        self.emitter = module.emitter
        self.wide = wide
        self.values: dict[Result, Any] = {}
        self.symbols: dict[sympy.Symbol, int] = {}

    def run(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        arguments = self.emitter.arguments
        if len(inputs) != len(arguments):
            raise ValueError(f"expected {len(arguments)} inputs, but got {len(inputs)}")
        for argument, tensor in zip(arguments, inputs):
            for size, extent in zip(argument.shape, tensor.shape):
                if not is_static(size) and len(size.free_symbols) == 1:
                    (symbol,) = size.free_symbols
                    value = extent if size == symbol else int(sympy.solve(size - extent, symbol)[0])
                    if self.symbols.setdefault(symbol, value) != value:
                        raise ValueError(f"expected {self.symbols[symbol]} for '{symbol}', but got {value}")
                if is_static(size) and size != extent:
                    raise ValueError(f"expected size {size} in '{argument.hint}', but got {extent}")
            self.values[argument] = self._convert(tensor)
        for op in (*self.emitter.prologue, *self.emitter.ops):
            method: Callable[[Op], Any] = getattr(self, "run_" + op.name.replace(".", "_"), self._skip)
            results = method(op)
            if results is None:
                continue
            results = results if isinstance(results, tuple) else (results,)
            for result, value in zip(op.results, results):
                if isinstance(value, torch.Tensor) and result.shape is not None:
                    expected = [size_value(s, self.symbols) for s in result.shape]
                    assert list(value.shape) == expected, (op.name, value.shape, expected)
                self.values[result] = value
        return [self[r] for r in self.module.results]

    def _convert(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.detach().double() if self.wide and tensor.is_floating_point() else tensor.detach()

    def __getitem__(self, result: Result) -> Any:
        return self.values[result.resolve()]

    def _skip(self, op: Op) -> None:
        return None  # sizes are computed from the symbols

    def _shape(self, op: Op) -> list[int]:
        return [size_value(s, self.symbols) for s in op.results[0].shape]

    def _sizes(self, sizes: Sequence[Size]) -> list[int]:
        return [size_value(s, self.symbols) for s in sizes]

    def run_weight(self, op: Op) -> Any:
        return self._convert(op.attrs["tensor"])

    run_dense = run_weight

    def run_constant(self, op: Op) -> Any:
        return op.attrs["value"]

    def run_empty(self, op: Op) -> Any:
        dtype = FROM_DTYPE[op.results[0].dtype]
        return torch.full(self._shape(op), math.nan if dtype.is_floating_point else 77, dtype=dtype)

    def run_fill(self, op: Op) -> Any:
        return self._convert(torch.full(self._shape(op), self[op.operands[0]], dtype=FROM_DTYPE[op.results[0].dtype]))

    def run_expand_shape(self, op: Op) -> Any:
        return self[op.operands[0]].reshape(self._shape(op))

    run_collapse_shape = run_expand_shape

    def run_extract_slice(self, op: Op) -> Any:
        x = self[op.operands[0]]
        slices = []
        for offset, size, stride, extent in zip(*map(self._sizes, (op.attrs["offsets"], op.attrs["sizes"], op.attrs["strides"])), x.shape):
            assert offset + (size - 1) * stride < extent or size == 0, (offset, size, stride, extent)
            slices.append(slice(offset, offset + (size - 1) * stride + 1 if size else offset, stride))
        x = x[tuple(slices)]
        return x.reshape([s for i, s in enumerate(x.shape) if i not in op.attrs["dropped"]])

    def run_concat(self, op: Op) -> Any:
        return torch.cat([self[o] for o in op.operands], op.attrs["dim"])

    def run_pad(self, op: Op) -> Any:
        amounts: list[int] = []
        for low, high in reversed(list(zip(self._sizes(op.attrs["low"]), self._sizes(op.attrs["high"])))):
            amounts += [low, high]
        return F.pad(self[op.operands[0]], amounts, value=op.attrs["value"])

    def run_softmax(self, op: Op) -> Any:
        return torch.softmax(self[op.operands[0]], op.attrs["dim"])

    def run_argreduce(self, op: Op) -> Any:
        x, dim = self[op.operands[0]], op.attrs["dim"]
        position = (torch.argmax if op.attrs["kind"] == "argmax" else torch.argmin)(x, dim)
        return torch.gather(x, dim, position.unsqueeze(dim)).squeeze(dim), position

    def run_generic(self, op: Op) -> Any:
        axes, body, kind = op.attrs["axes"], op.attrs["body"], op.attrs["reduction"]
        bound = op.attrs["reduced"]
        lookup = lambda base: self[base.result]
        if not kind:
            return evaluate(body, axes, lookup, self.symbols, self.wide)
        x = evaluate(body, (*axes, *bound), lookup, self.symbols, self.wide)
        if x.dtype == torch.bool:
            x = x.to(torch.uint8)
        for _ in bound:
            if x.shape[-1] == 0:
                x = torch.full(x.shape[:-1], neutral(kind, body.dtype), dtype=x.dtype)
            else:
                x = {"sum": lambda: x.sum(-1, dtype=x.dtype), "max": lambda: x.amax(-1), "any": lambda: x.amax(-1),
                     "min": lambda: x.amin(-1), "all": lambda: x.amin(-1), "prod": lambda: x.prod(-1, dtype=x.dtype)}[kind]()
        return x.bool() if body.dtype == "i1" else x

    # -- et -----------------------------------------------------------------------------------------------------------

    def run_et_linear(self, op: Op) -> Any:
        return F.linear(*(self[o] for o in op.operands))

    def _norm(self, op: Op) -> Any:
        operands = [self[o] for o in op.operands]
        x = operands.pop(0)
        gamma = operands.pop(0) if op.attrs["gamma"] else None
        beta = operands.pop(0) if op.attrs["beta"] else None
        total = x + operands.pop(0) if op.attrs["residual"] else x
        shape = total.shape[-1:]
        if op.name == "et.layer_norm":
            return F.layer_norm(total, shape, gamma, beta, op.attrs["eps"]), total
        return F.rms_norm(total, shape, gamma, op.attrs["eps"]), total

    run_et_layer_norm = _norm
    run_et_rms_norm = _norm

    def run_et_gelu(self, op: Op) -> Any:
        x = self[op.operands[0]]
        if op.attrs["kind"] == "sigmoid":
            return x * torch.sigmoid(1.702 * x)
        return F.gelu(x, approximate="none" if op.attrs["kind"] == "erf" else "tanh")

    def run_et_embedding(self, op: Op) -> Any:
        ids, table = (self[o] for o in op.operands)
        return F.embedding(ids, table)

    def run_et_attention(self, op: Op) -> Any:
        maps, count = op.attrs["maps"], op.attrs["num_dims"]
        letters = "abcdefgh"[:count]
        operands = dict(zip(op.attrs["roles"], (self[o] for o in op.operands)))
        q, k, v = operands["query"], operands["key"], operands["value"]
        text = ["".join(letters[d] for d in m) for m in maps]
        batch, m, n = letters[:count - 4], letters[count - 4], letters[count - 3]
        scores = torch.einsum(f"{text[0]},{text[1]}->{batch}{m}{n}", q, k) * op.attrs["scale"]
        rows, keys = scores.shape[-2:]
        if "mask" in operands:
            mask = operands["mask"]
            order = sorted(range(len(maps[3])), key=lambda i: maps[3][i])
            mask = mask.permute(order)
            shape = [1] * (count - 2)
            for i, d in enumerate(sorted(maps[3])):
                shape[d] = mask.shape[i]
            mask = mask.reshape(shape)
            scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
        keep = structure_mask(op.attrs["structure"], rows, keys)
        if "offsets" in operands:
            starts = operands["offsets"].tolist()
            keep = ragged_mask(op.attrs["structure"], rows, keys, starts, operands.get("key_offsets", torch.tensor(starts)).tolist())
        if keep is not None:
            scores = scores.masked_fill(~keep, -math.inf)
        if keys:
            top = scores.amax(-1, keepdim=True)
            weights = torch.exp(scores - torch.where(top == -math.inf, torch.zeros_like(top), top))
            total = weights.sum(-1, keepdim=True)
            weights = weights / torch.where(total == 0, torch.ones_like(total), total)
        else:
            weights = scores
        # A mask may be of a wider type than the values.
        return torch.einsum(f"{batch}{m}{n},{text[2]}->{text[-1]}", weights.to(v.dtype), v)


def ragged_mask(structure: str, rows: int, keys: int, starts: list[int], key_starts: list[int]) -> torch.Tensor:
    """The same for sequences one behind the other, from `starts` and `key_starts` on."""
    keep = torch.zeros(rows, keys, dtype=torch.bool)
    for i, j, k, m in zip(starts, starts[1:], key_starts, key_starts[1:]):
        inside = structure_mask(structure, j - i, m - k)
        keep[i:j, k:m] = True if inside is None else inside
    return keep


def structure_mask(structure: str, rows: int, keys: int) -> torch.Tensor | None:
    """Where a query (row) may attend to a key (column), for the text of #et.mask<...>."""
    if not structure:
        return None
    i, j = torch.arange(rows).unsqueeze(1), torch.arange(keys).unsqueeze(0)
    if structure == "causal":
        return j <= i
    if structure == "causal, lower_right":
        return j <= i + keys - rows
    values = {k.strip(): int(x) for k, x in (p.split("=") for p in structure.split(",")[1:])}
    keep = torch.ones(rows, keys, dtype=torch.bool)
    if values["left"] >= 0:
        keep &= j >= i - values["left"]
    if values["right"] >= 0:
        keep &= j <= i + values["right"]
    return keep
