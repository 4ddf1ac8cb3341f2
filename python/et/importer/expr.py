#===- expr.py - Scalar expressions over index variables -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What one element of a tensor is, as a function of where it stands.

An `Axis` is an index variable with a size. An `Expr` is a scalar in terms of axes: constants, index variables, elements
loaded from tensors that exist in the IR, arithmetic, reductions, softmax and attention. A view (transpose, reshape,
expand, slice) changes which axes the dimensions of a tensor stand for, never the data, so no view needs an operation
until something asks for a tensor in memory. Fusions are proven here, on axes, not on the spelling of the program.

Expressions are interned: equal means identical, and shared subexpressions stay shared.
"""

from __future__ import annotations

import math
import threading
from typing import Any, Callable, Iterator, Mapping, Sequence

from .dims import Size, divide, is_static, product, same

SOFTMAXES = ("softmax", "safe_softmax")
FLOATS = ("f16", "bf16", "f32", "f64")
INTS = ("i8", "i16", "i32", "i64")
_BITS = {"i1": 1, "i8": 8, "i16": 16, "i32": 32, "i64": 64, "f16": 16, "bf16": 16, "f32": 32, "f64": 64}


def is_float(dtype: str) -> bool:
    return dtype in FLOATS


def bits(dtype: str) -> int:
    return _BITS[dtype]


class Axis:
    """An index variable that runs over [0, size); identity is what counts."""

    __slots__ = ("size", "__weakref__")

    def __init__(self, size: Size) -> None:
        self.size = size

    def __repr__(self) -> str:
        return f"a{id(self) % 9973}:{self.size}"


Dims = tuple[tuple[Axis, ...], ...]


class Expr:
    """One scalar. `op` names what it is, `attr` holds what is not an operand (a value, an axis, a base)."""

    __slots__ = ("op", "dtype", "args", "attr", "free", "activation", "binder", "count", "depth")

    op: str
    dtype: str
    args: tuple["Expr", ...]
    attr: Any
    free: frozenset[Axis]
    activation: bool  # loads a float tensor that is not a constant
    binder: bool  # contains a reduction, a softmax or an attention
    count: int  # number of operations, an upper bound
    depth: int  # how deep reductions are nested

    def __repr__(self) -> str:
        if self.op == "const":
            return repr(self.attr)
        if self.op == "index":
            return repr(self.attr)
        if self.op == "load":
            return f"{self.attr!r}{list(self.args)!r}"
        attr = "" if self.attr is None else f"<{self.attr!r}>"
        return f"{self.op}{attr}({', '.join(map(repr, self.args))})"

    @property
    def heavy(self) -> bool:
        """Worth computing once: recomputing it for each use would cost real work."""
        return self.binder or (self.activation and self.op != "load" and not self.is_scaled_load)

    @property
    def is_scaled_load(self) -> bool:
        return self.op == "mul" and self.args[0].op == "load" and self.args[1].op == "const"


class Unsubstitutable(Exception):
    """An axis cannot be replaced inside this expression; the tensor has to be computed first."""


class _Table(threading.local):
    def __init__(self) -> None:
        self.exprs: dict[tuple, Expr] = {}
        self.canonical: dict[tuple, Axis] = {}


_table = _Table()


def reset() -> None:
    """Forgets all interned expressions; called at the start and end of an import."""
    _table.exprs.clear()
    _table.canonical.clear()


def canonical_axis(position: int, size: Size) -> Axis:
    """The axis every expression uses for `position` when it is compared with others up to renaming."""
    key = (position, size)
    axis = _table.canonical.get(key)
    if axis is None:
        axis = _table.canonical[key] = Axis(size)
    return axis


def bound_axis(depth: int, position: int, size: Size) -> Axis:
    """The axis that a reduction over reductions nested `depth` deep runs over."""
    key = ("bound", depth, position, size)
    axis = _table.canonical.get(key)
    if axis is None:
        axis = _table.canonical[key] = Axis(size)
    return axis


def _intern(op: str, dtype: str, args: tuple[Expr, ...] = (), attr: Any = None) -> Expr:
    key_attr = (type(attr), repr(attr)) if isinstance(attr, float) else (type(attr), attr)
    key = (op, dtype, tuple(map(id, args)), key_attr)
    found = _table.exprs.get(key)
    if found is not None:
        return found
    expr = Expr()
    expr.op, expr.dtype, expr.args, expr.attr = op, dtype, args, attr
    free: frozenset[Axis] = frozenset()
    expr.activation = op == "load" and is_float(dtype) and attr.constant is None
    expr.binder = op in ("reduce", "attention", *SOFTMAXES)
    depth = 0
    count = 0 if op in ("const", "index", "load", "size") else 1
    for arg in args:
        free = free | arg.free if free else arg.free
        expr.activation = expr.activation or (arg.activation and op != "load")
        expr.binder = expr.binder or arg.binder
        count += arg.count
        depth = max(depth, arg.depth)
    if op == "index":
        free = frozenset((attr,))
    elif op == "reduce":
        free = free - frozenset(attr[1])
    elif op == "attention":
        free = frozenset(attr.result_axes)
    expr.free = free
    expr.count = min(count, 1 << 20)
    expr.depth = depth + (op == "reduce")
    _table.exprs[key] = expr
    return expr


# ---------------------------------------------------------------------------------------------------------------------
# Leaves
# ---------------------------------------------------------------------------------------------------------------------


def const(value: Any, dtype: str) -> Expr:
    if dtype == "i1":
        value = bool(value)
    elif is_float(dtype):
        value = float(value)
    else:
        value = int(value)
    return _intern("const", dtype, (), value)


def index(axis: Axis) -> Expr:
    return const(0, "i64") if axis.size == 1 else _intern("index", "i64", (), axis)


def size(value: Size) -> Expr:
    return const(value, "i64") if is_static(value) else _intern("size", "i64", (), value)


def lin(sizes: Sequence[Size], parts: Sequence[Expr]) -> Expr:
    """The row-major position of `parts` in a grid of `sizes`; nested grids are flattened."""
    flat_sizes: list[Size] = []
    flat: list[Expr] = []
    for part_size, part in zip(sizes, parts):
        if part.op == "lin":
            flat_sizes.extend(part.attr)
            flat.extend(part.args)
        elif part_size != 1:
            flat_sizes.append(part_size)
            flat.append(part)
    if not flat:
        return const(0, "i64")
    if len(flat) == 1:
        return flat[0]
    if all(p.op == "const" for p in flat) and all(is_static(s) for s in flat_sizes):
        value = 0
        for part_size, part in zip(flat_sizes, flat):
            value = value * part_size + part.attr
        return const(value, "i64")
    return _intern("lin", "i64", tuple(flat), tuple(flat_sizes))


def load(base: Any, args: Sequence[Expr]) -> Expr:
    """An element of a tensor in the IR; `base` is a `Base`."""
    assert len(args) == len(base.shape), (base, args)
    return _intern("load", base.dtype, tuple(args), base)


def reduce(kind: str, axes: Sequence[Axis], body: Expr) -> Expr:
    """Reduces `body` over `axes`.

    The axes are renamed to ones that depend on the nesting only: they can never be confused with axes outside, and equal
    reductions are identical.
    """
    axes = tuple(a for a in axes if a.size != 1)
    if not axes or (kind == "sum" and body.op == "const" and body.attr == 0):
        return body
    fresh = tuple(bound_axis(body.depth, i, a.size) for i, a in enumerate(axes))
    body = substitute(body, {a: index(f) for a, f in zip(axes, fresh)})
    return _intern("reduce", body.dtype, (body,), (kind, fresh))


def softmax(axes: Sequence[Axis], body: Expr, safe: bool = False) -> Expr:
    """The softmax over some axes; a safe one is 0 where all elements are -inf."""
    return _intern("safe_softmax" if safe else "softmax", body.dtype, (body,), tuple(axes))


def attention(spec: Any, dtype: str) -> Expr:
    return _intern("attention", dtype, (), spec)


# ---------------------------------------------------------------------------------------------------------------------
# Bounds of integer expressions, enough to drop checks on positions
# ---------------------------------------------------------------------------------------------------------------------


def lower_bound(e: Expr) -> float:
    """A number that the integer expression is never below."""
    if e.op == "const":
        return e.attr
    if e.op in ("index", "size", "lin"):
        return 0
    if e.op == "load":
        return e.attr.lower
    if e.op == "cast":
        return 0 if e.args[0].dtype == "i1" else (-math.inf if is_float(e.args[0].dtype) else lower_bound(e.args[0]))
    if e.op == "abs":
        return 0
    if e.op == "add":
        return lower_bound(e.args[0]) + lower_bound(e.args[1])
    if e.op == "mul":
        low = (lower_bound(e.args[0]), lower_bound(e.args[1]))
        return low[0] * low[1] if min(low) >= 0 and max(low) < math.inf else -math.inf
    if e.op == "max":
        return max(map(lower_bound, e.args))
    if e.op == "min":
        return min(map(lower_bound, e.args))
    if e.op == "select":
        return min(lower_bound(e.args[1]), lower_bound(e.args[2]))
    return -math.inf


def upper_below(e: Expr, limit: Size) -> bool:
    """True when the integer expression is provably below `limit`."""
    if e.op == "index":
        return same(e.attr.size, limit) or (is_static(limit) and is_static(e.attr.size) and e.attr.size <= limit)
    if e.op == "const":
        return is_static(limit) and e.attr < limit
    if e.op == "lin":
        return same(product(e.attr), limit)
    if e.op == "load" and e.attr.upper is not None:
        return same(e.attr.upper, limit) or (is_static(limit) and is_static(e.attr.upper) and e.attr.upper <= limit)
    if e.op == "min":
        return any(upper_below(a, limit) for a in e.args)
    if e.op == "select":
        return all(upper_below(a, limit) for a in e.args[1:])
    return False


# ---------------------------------------------------------------------------------------------------------------------
# Operations
# ---------------------------------------------------------------------------------------------------------------------

_COMMUTATIVE = {"add", "mul", "max", "min", "and", "or", "xor", "eq", "ne"}
COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge"}
_SWAPPED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}
_NEGATED = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt", "eq": "ne", "ne": "eq"}

_FOLD: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "max": max,
    "min": min,
    "neg": lambda a: -a,
    "abs": abs,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def op(name: str, dtype: str, *args: Expr) -> Expr:
    """Builds an operation, simplified where that needs no knowledge of the data."""
    if args and all(a.op == "const" for a in args) and name in _FOLD:
        if not is_float(dtype) or all(math.isfinite(a.attr) for a in args if a.dtype != "i1"):
            return const(_FOLD[name](*(a.attr for a in args)), dtype)
    if len(args) == 2:
        # Constants stand on the right, so that every pattern has to look in one place only.
        if args[0].op == "const" and args[1].op != "const":
            if name in _COMMUTATIVE:
                args = (args[1], args[0])
            elif name in COMPARISONS:
                name, args = _SWAPPED[name], (args[1], args[0])
        simplified = _simplify_binary(name, dtype, *args)
        if simplified is not None:
            return simplified
    if name == "select":
        cond, yes, no = args
        if cond.op == "const":
            return yes if cond.attr else no
        if yes is no:
            return yes
        if dtype == "i1" and yes.op == "const" and no.op == "const":
            return cond if yes.attr else op("not", "i1", cond)
        if cond.op == "not":
            return op("select", dtype, cond.args[0], no, yes)
    if name == "not":
        inner = args[0]
        if inner.op == "const":
            return const(not inner.attr, "i1")
        if inner.op == "not":
            return inner.args[0]
        if inner.op in COMPARISONS and not is_float(inner.args[0].dtype):
            return op(_NEGATED[inner.op], "i1", *inner.args)
    if name == "neg" and args[0].op == "neg":
        return args[0].args[0]
    if name == "abs" and not is_float(dtype) and lower_bound(args[0]) >= 0:
        return args[0]
    return _intern(name, dtype, args)


def _simplify_binary(name: str, dtype: str, a: Expr, b: Expr) -> Expr | None:
    value = b.attr if b.op == "const" else None
    if name in ("add", "sub") and value == 0 and not isinstance(value, bool):
        return a
    if name == "mul":
        if value == 1:
            return a
        if value == 0 and not is_float(dtype):
            return b
        if value is not None and a.op == "mul" and a.args[1].op == "const" and not is_float(dtype):
            return op("mul", dtype, a.args[0], const(value * a.args[1].attr, dtype))
    if name in ("div", "floordiv") and value == 1:
        return a
    if name == "pow" and value is not None:
        if value == 2:
            return op("mul", dtype, a, a)
        if value == 1:
            return a
        if value == 3:
            return op("mul", dtype, op("mul", dtype, a, a), a)
        if value == 0.5:
            return op("sqrt", dtype, a)
        if value == -0.5:
            return op("rsqrt", dtype, a)
    if name in ("and", "or") and dtype == "i1":
        if a is b:
            return a
        if value is not None:
            return (a if value else b) if name == "and" else (b if value else a)
    if name in COMPARISONS and value is not None and not is_float(a.dtype):
        low = lower_bound(a)
        if (name == "ge" and low >= value) or (name == "gt" and low > value):
            return const(True, "i1")
        if (name == "lt" and low >= value) or (name == "le" and low > value):
            return const(False, "i1")
        if a.dtype == "i1" and name in ("eq", "ne"):
            return a if bool(value) == (name == "eq") else op("not", "i1", a)
        if a.op == "cast" and a.args[0].dtype == "i1":
            # (i64) bool compared with a number is the bool, its negation, or known.
            outcome = (_FOLD[name](0, value), _FOLD[name](1, value))
            if outcome[0] == outcome[1]:
                return const(outcome[0], "i1")
            return a.args[0] if outcome[1] else op("not", "i1", a.args[0])
    return None


def cast(e: Expr, dtype: str) -> Expr:
    if e.dtype == dtype:
        return e
    if e.op == "const":
        if dtype == "i1":
            return const(e.attr != 0, "i1")
        if is_float(e.dtype) and not is_float(dtype):
            if math.isfinite(e.attr):
                return const(math.trunc(e.attr), dtype)
        else:
            return const(e.attr, dtype)
    if dtype == "i1":
        return op("ne", "i1", e, const(0, e.dtype))
    if e.op == "cast":
        inner = e.args[0]
        widening = bits(e.dtype) >= bits(inner.dtype) and (is_float(e.dtype) == is_float(inner.dtype) or inner.dtype == "i1")
        if widening and not (is_float(e.dtype) and not is_float(dtype)):
            return cast(inner, dtype)
    return _intern("cast", dtype, (e,))


def add(a: Expr, b: Expr) -> Expr:
    return op("add", a.dtype, a, b)


def mul(a: Expr, b: Expr) -> Expr:
    return op("mul", a.dtype, a, b)


# ---------------------------------------------------------------------------------------------------------------------
# Substitution and traversal
# ---------------------------------------------------------------------------------------------------------------------


def substitute(e: Expr, mapping: Mapping[Axis, Expr]) -> Expr:
    """Replaces index variables, all at once. Raises `Unsubstitutable` where an axis may only be renamed."""
    keys = frozenset(mapping)
    if not (keys & e.free):
        return e
    memo: dict[int, Expr] = {}

    def renamed(axis: Axis) -> Axis:
        target = mapping.get(axis)
        if target is None:
            return axis
        if target.op != "index":
            raise Unsubstitutable
        return target.attr

    def visit(x: Expr) -> Expr:
        if not (keys & x.free):
            return x
        found = memo.get(id(x))
        if found is not None:
            return found
        if x.op == "index":
            result = mapping[x.attr]
        elif x.op == "attention":
            raise Unsubstitutable
        else:
            args = tuple(visit(a) for a in x.args)
            result = rebuild(x, args, renamed)
        memo[id(x)] = result
        return result

    return visit(e)


def rebuild(x: Expr, args: tuple[Expr, ...], renamed: Callable[[Axis], Axis] = lambda a: a) -> Expr:
    """`x` with other operands, simplified again."""
    if x.op == "load":
        return load(x.attr, args)
    if x.op == "lin":
        return lin(x.attr, args)
    if x.op in SOFTMAXES:
        return _intern(x.op, args[0].dtype, args, tuple(renamed(a) for a in x.attr))
    if x.op == "reduce":
        return _intern("reduce", args[0].dtype, args, x.attr)
    if x.op == "cast":
        return cast(args[0], x.dtype)
    if not x.args:
        return x
    return op(x.op, x.dtype, *args)


def replace(e: Expr, mapping: Mapping[Expr, Expr]) -> Expr:
    """Replaces whole subexpressions."""
    memo: dict[int, Expr] = {id(k): v for k, v in mapping.items()}

    def visit(x: Expr) -> Expr:
        found = memo.get(id(x))
        if found is None:
            args = tuple(visit(a) for a in x.args)
            found = x if all(p is q for p, q in zip(args, x.args)) else rebuild(x, args)
            memo[id(x)] = found
        return found

    return visit(e)


def walk(e: Expr) -> Iterator[Expr]:
    """Every subexpression once, operands first."""
    seen: set[int] = set()
    stack: list[tuple[Expr, bool]] = [(e, False)]
    while stack:
        x, done = stack.pop()
        if done:
            yield x
        elif id(x) not in seen:
            seen.add(id(x))
            stack.append((x, True))
            stack.extend((a, False) for a in reversed(x.args))


def factors(e: Expr) -> list[Expr]:
    """The factors of a product."""
    if e.op == "mul":
        return factors(e.args[0]) + factors(e.args[1])
    return [e]


def terms(e: Expr) -> list[Expr]:
    """The terms of a sum."""
    if e.op == "add":
        return terms(e.args[0]) + terms(e.args[1])
    return [e]


def conjuncts(e: Expr) -> list[Expr]:
    """The terms of a conjunction."""
    if e.op == "and" and e.dtype == "i1":
        return conjuncts(e.args[0]) + conjuncts(e.args[1])
    return [e]


# ---------------------------------------------------------------------------------------------------------------------
# How a dimension of a tensor is indexed
# ---------------------------------------------------------------------------------------------------------------------


def affine(e: Expr) -> tuple[Axis | None, int, int] | None:
    """(axis, stride, offset) when the position is `axis * stride + offset`; the axis is None for a constant."""
    if e.op == "const":
        return None, 0, e.attr
    if e.op == "index":
        return e.attr, 1, 0
    if e.op in ("add", "sub") and e.args[1].op == "const":
        inner = affine(e.args[0])
        return inner and (inner[0], inner[1], inner[2] + (e.args[1].attr if e.op == "add" else -e.args[1].attr))
    if e.op == "mul" and e.args[1].op == "const":
        inner = affine(e.args[0])
        return inner and (inner[0], inner[1] * e.args[1].attr, inner[2] * e.args[1].attr)
    return None


def split_axis(axis: Axis, sizes: Sequence[Size]) -> tuple[tuple[Axis, ...], Expr]:
    """New axes of the given sizes, and the position they stand for on `axis`."""
    parts = tuple(Axis(s) for s in sizes)
    return parts, lin(tuple(sizes), tuple(index(p) for p in parts))


def quotient(a: Size, b: Size) -> Size | None:
    return divide(a, b)
