#===- registry.py - Import rules by operator -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Import rules: functions from the operands of an operator to its value.

    @register("aten.square")
    def square(ctx: Context, x: Value) -> Value:
        return ctx.elementwise(lambda a: E.mul(a, a), x)

A name without an overload stands for all overloads that have no rule of their own. Rules get tensors as `Value`, symbolic
sizes as sizes, and everything else as Python has it. A rule that cannot handle its operands raises `Unsupported`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Sequence

import torch

from . import expr as E
from .dims import Size, size_of
from .emitter import FROM_DTYPE, TORCH_DTYPES
from .ir import Value
from .views import unify_elementwise

if TYPE_CHECKING:
    from .lower import Lowering

Rule = Callable[..., Any]
_rules: dict[str, Rule] = {}


class Unsupported(Exception):
    """This use of an operator cannot be imported; the text says why."""


def register(*names: str) -> Callable[[Rule], Rule]:
    """Registers a rule for operators named `namespace.name` or `namespace.name.overload`."""

    def decorate(rule: Rule) -> Rule:
        for name in names:
            _rules[name] = rule
        return rule

    return decorate


def find(target: Any) -> Rule | None:
    """The rule for a call target, or None."""
    name = target_name(target)
    rule = _rules.get(name)
    return rule if rule is not None else _rules.get(".".join(name.split(".")[:2]))


def target_name(target: Any) -> str:
    return str(target) if isinstance(target, (torch._ops.OpOverload, str)) else getattr(target, "__name__", str(target))


class Context:
    """What a rule may use: the lowering, and what the exporter knows about the result."""

    def __init__(self, lowering: "Lowering") -> None:
        self.lowering = lowering
        self.meta: Any = None
        self.target: Any = None
        self.node: Any = None

    # -- the result, as the exporter sees it --------------------------------------------------------------------------

    @property
    def dtype(self) -> str:
        return TORCH_DTYPES[self.meta.dtype]

    @property
    def shape(self) -> tuple[Size, ...]:
        return tuple(size_of(s) for s in self.meta.shape)

    def shape_of(self, position: int) -> tuple[Size, ...]:
        """The shape of one of several results."""
        return tuple(size_of(s) for s in self.meta[position].shape)

    # -- elementwise --------------------------------------------------------------------------------------------------

    def promote(self, *operands: Any) -> str:
        """The type in which torch computes with these operands."""
        result: torch.dtype | None = None
        samples: list[Any] = []
        for operand in operands:
            if isinstance(operand, Value):
                samples.append(torch.empty((1,) * operand.rank, dtype=FROM_DTYPE[operand.dtype]))
            elif isinstance(operand, (bool, int, float)):
                samples.append(operand)
            else:
                samples.append(1)
        if len(samples) == 1:
            samples.append(samples[0])
        result = torch.result_type(samples[0], samples[1])
        for sample in samples[2:]:
            result = torch.promote_types(result, torch.result_type(samples[0], sample))
        return TORCH_DTYPES[result]

    def scalar(self, value: Any, dtype: str) -> E.Expr:
        """A Python number or a size as an expression."""
        if isinstance(value, (bool, int, float)):
            if isinstance(value, float) and not E.is_float(dtype):
                raise Unsupported(f"expected an integer constant, but got {value}")
            return E.const(value, dtype)
        return E.cast(E.size(value), dtype)

    def elementwise(self, function: Callable[..., E.Expr], *operands: Any, dtype: str | None = None) -> Value:
        """Applies a scalar function to broadcast operands, converted to `dtype` (None: the type of the result)."""
        dtype = self.dtype if dtype is None else dtype
        values = [o for o in operands if isinstance(o, Value)]
        dims, exprs = unify_elementwise(self.lowering, values)
        supply = iter(exprs)
        args = [E.cast(next(supply), dtype) if isinstance(o, Value) else self.scalar(o, dtype) for o in operands]
        return Value(dims, function(*args))

    def op(self, name: str, *operands: Any, dtype: str | None = None) -> Value:
        """An elementwise operation by name."""
        dtype = self.dtype if dtype is None else dtype
        return self.elementwise(lambda *args: E.op(name, dtype, *args), *operands, dtype=dtype)

    def cast(self, value: Value, dtype: str) -> Value:
        if value.dtype == dtype:
            return Value(value.dims, value.body)
        return Value(value.dims, E.cast(self.lowering.read(value), dtype))

    def constant(self, value: Any, shape: Sequence[Size], dtype: str) -> Value:
        """A tensor filled with one number."""
        return Value(tuple((E.Axis(s),) if s != 1 else () for s in shape), self.scalar(value, dtype))


def normalize_dim(dim: int, rank: int) -> int:
    return dim + rank if dim < 0 else dim
