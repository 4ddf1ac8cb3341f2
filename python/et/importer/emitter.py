#===- emitter.py - Builds operations and prints a module -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Everything that knows what an operation looks like: one builder method per operation, and the printer.

Sizes, scalar constants and weights are shared: asking twice gives the same result. Sizes go to a prologue, since they
only depend on the arguments.
"""

from __future__ import annotations

import math
import struct
from typing import Any, Sequence

import sympy
import torch

from . import expr as E
from .dims import Size, is_static
from .ir import Base, Op, Result

#: Constants up to this many bytes are printed in the module; larger ones are blobs beside it.
INLINE_BYTES = 1024

_NEUTRAL_FLOAT = {"sum": 0.0, "prod": 1.0, "max": -math.inf, "min": math.inf}


def neutral(kind: str, dtype: str) -> Any:
    """The value that a reduction starts from."""
    if E.is_float(dtype):
        return _NEUTRAL_FLOAT[kind]
    if dtype == "i1":
        return {"sum": False, "max": False, "any": False, "prod": True, "min": True, "all": True}[kind]
    top = (1 << (E.bits(dtype) - 1)) - 1
    return {"sum": 0, "prod": 1, "max": -top - 1, "min": top}[kind]


TORCH_DTYPES = {
    torch.float16: "f16", torch.bfloat16: "bf16", torch.float32: "f32", torch.float64: "f64", torch.bool: "i1",
    torch.int8: "i8", torch.int16: "i16", torch.int32: "i32", torch.int64: "i64",
}
FROM_DTYPE = {v: k for k, v in TORCH_DTYPES.items()}


class Emitter:
    """The function body so far."""

    def __init__(self) -> None:
        self.prologue: list[Op] = []
        self.ops: list[Op] = []
        self.arguments: list[Result] = []
        self.argument_attrs: list[str] = []
        self.loc = ""
        self.weights: dict[str, torch.Tensor] = {}
        self._sizes: dict[Size, Result] = {}
        self._scalars: dict[tuple, Result] = {}
        self._constants: dict[Any, Result] = {}
        self._fills: dict[tuple, Result] = {}
        self._symbols: dict[sympy.Symbol, tuple[Result, int, sympy.Expr]] = {}

    # -- building blocks ----------------------------------------------------------------------------------------------

    def emit(self, name: str, operands: Sequence[Result], results: Sequence[Result], *, prologue: bool = False,
             **attrs: Any) -> Op:
        op = Op(name, operands, attrs, results, self.loc)
        for operand in operands:
            operand.reads += 1
        (self.prologue if prologue else self.ops).append(op)
        return op

    def one(self, name: str, operands: Sequence[Result], shape: Sequence[Size] | None, dtype: str, *,
            prologue: bool = False, hint: str = "", **attrs: Any) -> Result:
        result = Result(None if shape is None else tuple(shape), dtype, hint)
        self.emit(name, operands, [result], prologue=prologue, **attrs)
        return result

    def argument(self, name: str, shape: Sequence[Size], dtype: str, attrs: str) -> Result:
        result = Result(tuple(shape), dtype, name)
        self.arguments.append(result)
        self.argument_attrs.append(attrs)
        for position, size in enumerate(shape):
            if is_static(size):
                continue
            if isinstance(size, sympy.Symbol):
                # A dimension that is the symbol itself beats one the symbol has to be solved from.
                known = self._symbols.get(size)
                if known is None or known[2] != size:
                    self._symbols[size] = (result, position, size)
            elif len(size.free_symbols) == 1:
                self._symbols.setdefault(next(iter(size.free_symbols)), (result, position, size))
        return result

    def index(self, value: int) -> Result:
        return self.scalar(value, "index")

    def scalar(self, value: Any, dtype: str) -> Result:
        key = (dtype, repr(value))
        if key not in self._scalars:
            self._scalars[key] = self.one("constant", [], None, dtype, prologue=True, value=value)
        return self._scalars[key]

    def size(self, size: Size) -> Result:
        """The SSA value of a size, of type index."""
        if is_static(size):
            return self.index(size)
        found = self._sizes.get(size)
        if found is None:
            found = self._sizes[size] = self._compute_size(size)
        return found

    def size_i64(self, size: Size) -> Result:
        key = ("i64", size)
        if key not in self._scalars:
            self._scalars[key] = self.one("index_cast", [self.size(size)], None, "i64", prologue=True)
        return self._scalars[key]

    def _compute_size(self, size: sympy.Expr) -> Result:
        def binary(name: str, a: Result, b: Result) -> Result:
            return self.one(name, [a, b], None, "index", prologue=True)

        if isinstance(size, sympy.Symbol):
            if size not in self._symbols:
                raise ValueError(f"size '{size}' is not the size of any input")
            argument, position, dim = self._symbols[size]
            value = self.one("dim", [argument, self.index(position)], None, "index", prologue=True)
            if dim == size:
                return value
            # dim = scale * size + offset, so size = (dim - offset) / scale.
            poly = sympy.Poly(dim, size)
            if poly.degree() != 1:
                raise ValueError(f"size '{size}' cannot be solved from '{dim}'")
            scale, offset = (int(c) for c in poly.all_coeffs())
            if offset:
                value = binary("arith.subi", value, self.index(offset))
            return binary("arith.floordivsi", value, self.index(scale)) if scale != 1 else value
        if size.is_Integer:
            return self.index(int(size))
        name = type(size).__name__
        if size.is_Add or size.is_Mul:
            args = sorted(size.args, key=lambda a: a.is_number)
            result = self.size(args[0])
            for arg in args[1:]:
                result = binary("arith.addi" if size.is_Add else "arith.muli", result, self._any_size(arg))
            return result
        if size.is_Pow and size.exp.is_Integer and size.exp > 0:
            base = result = self.size(size.base)
            for _ in range(int(size.exp) - 1):
                result = binary("arith.muli", result, base)
            return result
        table = {"FloorDiv": "arith.floordivsi", "CleanDiv": "arith.floordivsi", "Mod": "arith.remsi",
                 "PythonMod": "arith.remsi", "Max": "arith.maxsi", "Min": "arith.minsi"}
        if name in table and len(size.args) == 2:
            return binary(table[name], *(self._any_size(a) for a in size.args))
        raise ValueError(f"size '{size}' uses '{name}', which has no index arithmetic")

    def _any_size(self, size: sympy.Expr) -> Result:
        return self.index(int(size)) if size.is_Integer else self.size(size)

    # -- constants ----------------------------------------------------------------------------------------------------

    def weight(self, name: str, tensor: torch.Tensor) -> Result:
        """A constant whose data travels beside the module, under `name`."""
        key = ("weight", name)
        if key not in self._constants:
            self.weights[name] = tensor
            self._constants[key] = self.one(
                "weight", [], tensor.shape, TORCH_DTYPES[tensor.dtype], prologue=True, key=name, tensor=tensor, hint=name)
        return self._constants[key]

    def dense(self, tensor: torch.Tensor, name: str) -> Result:
        """A constant printed in the module when it is small."""
        if tensor.numel() * tensor.element_size() > INLINE_BYTES:
            return self.weight(name, tensor.contiguous())
        key = (tensor.dtype, tuple(tensor.shape), tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        if key not in self._constants:
            self._constants[key] = self.one(
                "dense", [], tensor.shape, TORCH_DTYPES[tensor.dtype], prologue=True, tensor=tensor)
        return self._constants[key]

    # -- tensors ------------------------------------------------------------------------------------------------------

    def empty(self, shape: Sequence[Size], dtype: str) -> Result:
        return self.one("empty", self._dynamic(shape), shape, dtype)

    def _dynamic(self, shape: Sequence[Size]) -> list[Result]:
        return [self.size(s) for s in shape if not is_static(s)]

    def fill(self, value: Any, shape: Sequence[Size], dtype: str) -> Result:
        key = (repr(value), tuple(shape), dtype)
        if key not in self._fills:
            if all(map(is_static, shape)) and math.prod(shape) <= 16:
                splat = torch.full(tuple(shape), value, dtype=FROM_DTYPE[dtype])
                self._fills[key] = self.dense(splat, "")
            else:
                self._fills[key] = self.one("fill", [self.scalar(value, dtype), self.empty(shape, dtype)], shape, dtype)
        return self._fills[key]

    def expand_shape(self, x: Result, groups: Sequence[Sequence[int]], shape: Sequence[Size]) -> Result:
        return self.one("expand_shape", [x, *self._dynamic(shape)], shape, x.dtype, groups=[list(g) for g in groups])

    def collapse_shape(self, x: Result, groups: Sequence[Sequence[int]], shape: Sequence[Size]) -> Result:
        return self.one("collapse_shape", [x], shape, x.dtype, groups=[list(g) for g in groups])

    def extract_slice(self, x: Result, offsets: Sequence[Size], sizes: Sequence[Size], strides: Sequence[int],
                      dropped: Sequence[int]) -> Result:
        """A rectangular part of a tensor; dimensions in `dropped` have size 1 and disappear."""
        shape = [s for i, s in enumerate(sizes) if i not in dropped]
        dynamic = self._dynamic(offsets) + self._dynamic(sizes)
        return self.one("extract_slice", [x, *dynamic], shape, x.dtype, offsets=list(offsets), sizes=list(sizes),
                        strides=list(strides), dropped=list(dropped))

    def concat(self, dim: int, xs: Sequence[Result], shape: Sequence[Size]) -> Result:
        return self.one("concat", list(xs), shape, xs[0].dtype, dim=dim)

    def pad(self, x: Result, low: Sequence[Size], high: Sequence[Size], value: Any, shape: Sequence[Size]) -> Result:
        return self.one("pad", [x, self.scalar(value, x.dtype)], shape, x.dtype, low=list(low), high=list(high), value=value)

    def softmax(self, x: Result, dim: int) -> Result:
        return self.one("softmax", [x, self.empty(x.shape, x.dtype)], x.shape, x.dtype, dim=dim)

    def generic(self, axes: Sequence[E.Axis], body: E.Expr, *, reduction: str | None = None,
                reduced: Sequence[E.Axis] = ()) -> Result:
        """Computes `body` for every point of `axes`; with a reduction, combines it over `reduced`."""
        inputs: list[tuple[Base, tuple[E.Expr, ...]]] = []
        captured: list[Result] = []
        for x in E.walk(body):
            if x.op == "load":
                if all(is_mappable(a) for a in x.args):
                    if (x.attr, x.args) not in inputs:
                        inputs.append((x.attr, x.args))
                else:
                    captured.append(x.attr.result)
            elif x.op == "size" :
                captured.append(self.size_i64(x.attr))
            elif x.op == "lin":
                captured.extend(self.size_i64(s) for s in x.attr[1:] if not is_static(s))
        shape = [a.size for a in axes]
        dtype = body.dtype
        # Each loop needs an operand that has its size: where only positions or sums of positions say it, an empty one.
        covered = {*axes, *(a.attr for _, args in inputs for a in args if a.op == "index")}
        lacking = [a for a in reduced if a not in covered]
        if lacking:
            sizes = [a.size for a in lacking]
            span = Base(self.empty(sizes, dtype), sizes, dtype)
            inputs.append((span, tuple(E.index(a) for a in lacking)))
        if reduction:
            out = self.fill(neutral(reduction, dtype), shape, dtype)
        else:
            out = self.empty(shape, dtype)
        operands = [base.result for base, _ in inputs] + [out]
        result = Result(tuple(shape), dtype)
        self.emit("generic", operands + captured, [result], axes=tuple(axes), reduced=tuple(reduced), inputs=inputs,
                  body=body, reduction=reduction, captured=captured)
        return result

    def argument_reduction(self, kind: str, x: Result, dim: int) -> Result:
        """argmax or argmin along one dimension, first position on ties."""
        shape = [s for i, s in enumerate(x.shape) if i != dim]
        best = self.fill(neutral("max" if kind == "argmax" else "min", x.dtype), shape, x.dtype)
        where = self.fill(0, shape, "i64")
        result, position = Result(tuple(shape), x.dtype), Result(tuple(shape), "i64")
        self.emit("argreduce", [x, best, where], [result, position], kind=kind, dim=dim)
        return position

    # -- et -----------------------------------------------------------------------------------------------------------

    def linear(self, x: Result, weight: Result, bias: Result | None) -> Result:
        shape = (*x.shape[:-1], weight.shape[0])
        return self.one("et.linear", [x, weight] + ([bias] if bias else []), shape, x.dtype, bias=bias is not None)

    def norm(self, kind: str, x: Result, gamma: Result | None, beta: Result | None, eps: float) -> Op:
        """A normalisation; its second result is the sum with the residual, printed only when it is used."""
        operands = [x] + [o for o in (gamma, beta) if o is not None]
        y, s = Result(x.shape, x.dtype), Result(x.shape, x.dtype)
        return self.emit(f"et.{kind}", operands, [y, s], gamma=gamma is not None, beta=beta is not None, residual=False,
                         eps=eps)

    def gelu(self, x: Result, kind: str) -> Result:
        return self.one("et.gelu", [x], x.shape, x.dtype, kind=kind)

    def embedding(self, ids: Result, table: Result) -> Result:
        return self.one("et.embedding", [ids, table], (*ids.shape, table.shape[1]), table.dtype)

    def attention(self, operands: dict[str, Result], maps: Sequence[Sequence[int]], num_dims: int,
                  shape: Sequence[Size], scale: float, structure: str, score: Any = None,
                  captured: Sequence[Result] = ()) -> Result:
        first = operands["query"]
        return self.one("et.attention", [*operands.values(), *captured], shape, first.dtype, roles=tuple(operands),
                        maps=[tuple(m) for m in maps], num_dims=num_dims, scale=scale, structure=structure, score=score)


def is_mappable(index: E.Expr) -> bool:
    """True when a position can stand in an indexing map: sums of axes with constant factors."""
    if index.op in ("index", "const"):
        return True
    if index.op == "add":
        return all(map(is_mappable, index.args))
    if index.op == "mul":
        return is_mappable(index.args[0]) and index.args[1].op == "const"
    return False


def float_text(value: float, dtype: str) -> str:
    """A float literal that reads back as the same number."""
    formats = {"f16": ("e", "H"), "f32": ("f", "I"), "f64": ("d", "Q")}
    if not math.isfinite(value):
        if dtype == "bf16":
            return {math.inf: "0x7F80", -math.inf: "0xFF80"}.get(value, "0x7FC0")
        packed = struct.unpack("<" + formats[dtype][1], struct.pack("<" + formats[dtype][0], value))[0]
        return f"0x{packed:0{E.bits(dtype) // 4}X}"
    if dtype == "f32":
        try:
            value = struct.unpack("<f", struct.pack("<f", value))[0]
        except OverflowError:
            return float_text(math.copysign(math.inf, value), dtype)
        digits = f"{value:.9g}"
    else:
        digits = repr(value)
    if "e" in digits:
        mantissa, exponent = digits.split("e")
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}"
    return digits if "." in digits else digits + ".0"


def literal(value: Any, dtype: str) -> str:
    if E.is_float(dtype):
        return float_text(float(value), dtype)
    if dtype == "i1":
        return "true" if value else "false"
    return str(int(value))
