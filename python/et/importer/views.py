#===- views.py - Views, and operands brought to common axes -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Views are changes of axes; nothing here emits an operation unless a view cannot be expressed.

`Unifier` brings several operands to common axes under labels, as einsum does: a broadcast dimension drops out, a
dimension that one operand has split is split in the others.
"""

from __future__ import annotations

from typing import Callable, Hashable, Iterable, Sequence

from . import expr as E
from .dims import Size, divide, is_static, product, same
from .ir import Base, Value
from .lower import Lowering


def derive(value: Value, dims: Iterable[tuple[E.Axis, ...]], body: E.Expr | None = None) -> Value:
    return Value(tuple(dims), value.body if body is None else body)


def source(lowering: Lowering, value: Value) -> Value:
    """`value`, computed first when others read it too and it is worth sharing."""
    lowering.read(value)
    return value


def flatten(lowering: Lowering, value: Value) -> Value:
    """The same tensor in memory with one axis per dimension."""
    dims = tuple((E.Axis(s),) if not same(s, 1) else () for s in value.shape)
    result = lowering.tensor(value)
    known = result.op.attrs["tensor"] if result.op is not None and result.op.name in ("weight", "dense") else None
    base = Base(result, result.shape, result.dtype, known, result.hint)
    body = E.load(base, tuple(E.index(d[0]) if d else E.const(0, "i64") for d in dims))
    return Value(dims, body, value.users)


def substituted(lowering: Lowering, value: Value, mapping: dict[E.Axis, E.Expr]) -> E.Expr:
    """The body of a value in other axes; the value is computed first where an axis cannot be replaced in place."""
    mapping = {a: e for a, e in mapping.items() if e.op != "index" or e.attr is not a}
    if not mapping:
        return value.body
    replaced = [a for a, e in mapping.items() if e.op != "index" and a in value.body.free]
    if replaced and (_in_arithmetic(value.body, replaced) or value.body.heavy):
        lowering.realise(value)
    try:
        return E.substitute(value.body, mapping)
    except E.Unsubstitutable:
        lowering.realise(value)
        return E.substitute(value.body, mapping)


def _in_arithmetic(body: E.Expr, axes: Sequence[E.Axis]) -> bool:
    """True when a load indexes with arithmetic on one of the axes, which a split would turn into a gather."""
    wanted = set(axes)
    for x in E.walk(body):
        if x.op == "load":
            for arg in x.args:
                if arg.op not in ("index", "const") and arg.free & wanted:
                    if arg.op == "lin" and all(p.op in ("index", "const") for p in arg.args):
                        continue
                    return True
    return False


def _holds_product(body: E.Expr, axis: E.Axis) -> bool:
    """True when a product has not been computed yet, nor a softmax of it, and no constant in it is counted along `axis`."""
    if not body.heavy or any(x.op in E.SOFTMAXES for x in E.walk(body)):
        return False
    if any(x.op == "load" and x.attr.constant is not None and axis in x.free for x in E.walk(body)):
        return False
    return any(x.op == "reduce" and x.attr[0] == "sum" and len(E.factors(x.args[0])) > 1 for x in E.walk(body))


def split(lowering: Lowering, value: Value, axis: E.Axis, sizes: Sequence[Size]) -> tuple[Value, tuple[E.Axis, ...]]:
    """Replaces one axis of a value by several."""
    parts, position = E.split_axis(axis, sizes)
    parts = tuple(p for p in parts if p.size != 1)
    body = None
    if _holds_product(value.body, axis) and not _in_arithmetic(value.body, [axis]):
        # Scores whose batch is split to add a mask per window stay part of an attention, and a linear whose rows are split
        # waits for its bias.
        try:
            body = E.substitute(value.body, {axis: position})
        except E.Unsubstitutable:
            pass
    if body is None:
        body = substituted(lowering, value, {axis: position})
    dims = tuple(tuple(q for a in dim for q in (parts if a is axis else (a,))) for dim in value.dims)
    return Value(dims, body, value.users), parts


def reshape(lowering: Lowering, value: Value, shape: Sequence[Size]) -> Value:
    """A view with another shape of the same number of elements."""
    value = source(lowering, value)
    for attempt in range(2):
        result = _reshape(lowering, value, shape)
        if result is not None:
            return result
        value = flatten(lowering, value)
    # The sizes do not divide each other: go through one dimension.
    whole = E.Axis(product(value.shape))
    result = lowering.reshape(lowering.tensor(value), [d for d in value.dims], [tuple(value.axes)])
    base = Base(result, (whole.size,), value.dtype)
    dims, parts = [], []
    for size in shape:
        axis = () if size == 1 else (E.Axis(size),)
        dims.append(axis)
        parts.extend(axis)
    return Value(tuple(dims), E.load(base, (E.lin([p.size for p in parts], [E.index(p) for p in parts]),)))


def _reshape(lowering: Lowering, value: Value, shape: Sequence[Size]) -> Value | None:
    pending = list(value.axes)
    dims: list[tuple[E.Axis, ...]] = []
    for size in shape:
        group: list[E.Axis] = []
        left: Size = size
        while not same(left, 1):
            if not pending:
                return None
            axis = pending[0]
            if same(axis.size, left):
                group.append(pending.pop(0))
                left = 1
                continue
            rest = divide(left, axis.size)
            if rest is not None and not same(axis.size, left):
                group.append(pending.pop(0))
                left = rest
                continue
            inner = divide(axis.size, left)
            if inner is None:
                return None
            value, parts = split(lowering, value, axis, (left, inner))
            pending[0:1] = list(parts)
            dims = [tuple(d) for d in dims]
        dims.append(tuple(group))
    if pending:
        return None
    return derive(value, dims)


def permute(value: Value, order: Sequence[int]) -> Value:
    return derive(value, (value.dims[d] for d in order))


def expand(value: Value, shape: Sequence[Size]) -> Value:
    """Broadcasts dimensions of size 1, and adds dimensions in front."""
    missing = len(shape) - value.rank
    dims: list[tuple[E.Axis, ...]] = []
    for i, size in enumerate(shape):
        dim = value.dims[i - missing] if i >= missing else ()
        if not dim and not same(size, 1):
            dim = (E.Axis(size),)
        dims.append(dim)
    return derive(value, dims)


def single_axis(lowering: Lowering, value: Value, dim: int) -> Value:
    """A value whose dimension `dim` is at most one axis."""
    return value if len(value.dims[dim]) <= 1 else flatten(lowering, value)


def index_dim(lowering: Lowering, value: Value, dim: int, position: Callable[[E.Axis | None], E.Expr],
              replacement: Sequence[tuple[E.Axis, ...]]) -> Value:
    """Replaces dimension `dim` by others; `position` gives where in it the new element stands."""
    value = single_axis(lowering, source(lowering, value), dim)
    old = value.dims[dim]
    dims = (*value.dims[:dim], *replacement, *value.dims[dim + 1:])
    if not old:
        return derive(value, dims)
    return derive(value, dims, substituted(lowering, value, {old[0]: position(old[0])}))


def slice_dim(lowering: Lowering, value: Value, dim: int, start: Size, size: Size, step: int = 1) -> Value:
    """`size` elements of a dimension from `start` on, every `step`-th."""
    old = value.dims[dim]
    if start == 0 and step == 1 and same(size, product(a.size for a in old)):
        return derive(value, value.dims)
    new = () if same(size, 1) else (E.Axis(size),)
    position = E.index(new[0]) if new else E.const(0, "i64")
    position = E.add(E.mul(position, E.const(step, "i64")), E.size(start))
    return index_dim(lowering, value, dim, lambda _: position, [new])


def select_dim(lowering: Lowering, value: Value, dim: int, position: Size) -> Value:
    return index_dim(lowering, value, dim, lambda _: E.size(position), [])


class Unifier:
    """Operands in common axes. Add all operands, then ask for dimensions and expressions."""

    def __init__(self, lowering: Lowering) -> None:
        self.lowering = lowering
        self.targets: dict[Hashable, tuple[E.Axis, ...]] = {}
        self.operands: list[tuple[Value, dict[E.Axis, E.Expr]]] = []
        self.splits: dict[E.Axis, tuple[E.Axis, ...]] = {}

    def add(self, value: Value, labels: Sequence[Hashable]) -> None:
        """Adds an operand with a label per dimension."""
        lowering = self.lowering
        lowering.read(value)
        for attempt in range(2):
            mapping: dict[E.Axis, E.Expr] = {}
            if all(self._align(dim, label, mapping) for dim, label in zip(value.dims, labels)):
                break
            value = flatten(lowering, value)
        else:
            raise ValueError("dimensions of equal size are split in ways that cannot be reconciled")
        self.operands.append((value, mapping))

    def _align(self, dim: tuple[E.Axis, ...], label: Hashable, mapping: dict[E.Axis, E.Expr]) -> bool:
        if not dim:
            return True
        target = self.targets.get(label)
        if target is None:
            used = {a for t in self.targets.values() for a in t}
            fresh = tuple(E.Axis(a.size) if a in used else a for a in dim)
            self.targets[label] = fresh
            mapping.update({a: E.index(f) for a, f in zip(dim, fresh)})
            return True
        ours, theirs = list(dim), list(target)
        result: list[E.Axis] = []
        while ours and theirs:
            a, t = ours[0], theirs[0]
            if same(a.size, t.size) or (len(ours) == 1 and len(theirs) == 1):
                mapping[a] = E.index(t)
                result.append(t)
                ours.pop(0), theirs.pop(0)
                continue
            ratio = divide(a.size, t.size)
            if ratio is not None:  # our axis is coarser: take theirs as its leading part
                parts, rest = [t], ratio
                theirs.pop(0)
                while not same(rest, 1):
                    if not theirs:
                        return False
                    inner = divide(rest, theirs[0].size)
                    if inner is None:
                        return False
                    parts.append(theirs.pop(0))
                    rest = inner
                mapping[a] = E.lin([p.size for p in parts], [E.index(p) for p in parts])
                result.extend(parts)
                ours.pop(0)
                continue
            ratio = divide(t.size, a.size)
            if ratio is None:
                return False
            head, tail = E.Axis(a.size), E.Axis(ratio)
            self._split(t, (head, tail))
            theirs[0:1] = [head, tail]
        if ours or theirs:
            return False
        self.targets[label] = tuple(result)
        return True

    def _split(self, axis: E.Axis, parts: tuple[E.Axis, ...]) -> None:
        self.splits[axis] = parts
        for label, target in self.targets.items():
            self.targets[label] = tuple(q for a in target for q in (parts if a is axis else (a,)))

    def _final(self, axis: E.Axis) -> tuple[E.Axis, ...]:
        parts = self.splits.get(axis)
        return (axis,) if parts is None else tuple(q for p in parts for q in self._final(p))

    def dim(self, label: Hashable) -> tuple[E.Axis, ...]:
        """The axes of a label; () when every operand broadcasts it."""
        return tuple(q for a in self.targets.get(label, ()) for q in self._final(a))

    def expr(self, position: int) -> E.Expr:
        """The element of an operand in the common axes."""
        value, mapping = self.operands[position]
        if self.splits:
            splits: dict[E.Axis, E.Expr] = {}
            for axis in self.splits:
                final = self._final(axis)
                splits[axis] = E.lin([f.size for f in final], [E.index(f) for f in final])
            mapping = {a: E.substitute(e, splits) for a, e in mapping.items()}
        return substituted(self.lowering, value, mapping)


def unify_elementwise(lowering: Lowering, values: Sequence[Value]) -> tuple[E.Dims, list[E.Expr]]:
    """Broadcasts operands as torch does: dimensions align at the right."""
    if len(values) == 1:
        return values[0].dims, [lowering.read(values[0])]
    rank = max(v.rank for v in values)
    unifier = Unifier(lowering)
    values = [_settled(lowering, v) for v in values]
    # The operand with most axes decides the axes, so that the common case renames as little as possible.
    for value in values:
        unifier.add(value, range(rank - value.rank, rank))
    exprs = [unifier.expr(i) for i in range(len(values))]
    return tuple(unifier.dim(d) for d in range(rank)), exprs


def _settled(lowering: Lowering, value: Value) -> Value:
    """A tensor known at import, with one axis per dimension: how it was put together must not split what it meets."""
    if all(len(dim) <= 1 for dim in value.dims) or value.body.activation:
        return value
    return value if lowering.fold(value.body, value.axes) is None else flatten(lowering, value)


def contract(lowering: Lowering, operands: Sequence[tuple[Value, Sequence[Hashable]]], output: Sequence[Hashable]) -> Value:
    """Sum of products over the labels that the output leaves out, as einsum defines it."""
    unifier = Unifier(lowering)
    for value, labels in operands:
        if value.body.op == "attention":
            # The product reads it row by row: write it in that order.
            lowering.realise(value, value.axes)
        unifier.add(value, labels)
    body = unifier.expr(0)
    for position in range(1, len(operands)):
        body = E.mul(body, unifier.expr(position))
    seen: list[Hashable] = []
    for _, labels in operands:
        seen.extend(label for label in labels if label not in output and label not in seen)
    axes = [a for label in seen for a in unifier.dim(label)]
    missing = product(a.size for a in axes if a not in body.free)
    body = E.reduce("sum", [a for a in axes if a in body.free], body)
    if not same(missing, 1):  # summed over an axis that no operand depends on
        body = E.mul(body, E.cast(E.size(missing), body.dtype))
    return Value(tuple(unifier.dim(label) for label in output), body)
