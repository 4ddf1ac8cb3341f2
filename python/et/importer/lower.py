#===- lower.py - Turns expressions into operations -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Computes a value when something needs it in memory.

`force` returns an expression that is one load of an existing tensor, emitting whatever computes that tensor: first the
raisers are asked (attention, linear, norms, gelu), then a reduction, a softmax or an elementwise `linalg.generic` is
emitted. `tensor` goes on to a tensor with the logical shape, which is a reshape when the axes already lie in order and
a copy only when they do not.
"""

from __future__ import annotations

import math
from typing import Callable, Sequence

import torch

from . import expr as E
from .dims import Size, is_static, product, same
from .emitter import FROM_DTYPE, Emitter, is_mappable
from .evaluate import evaluate
from .ir import Base, Result, Value
from .report import Report

#: A constant expression is evaluated at import when it has at most this many elements, or is no larger than what it is of.
FOLD_LIMIT = 1 << 22

Raiser = Callable[["Lowering", E.Expr, Sequence[E.Axis] | None], E.Expr | None]
_raisers: list[Raiser] = []


def raiser(function: Raiser) -> Raiser:
    """Registers a function that may turn an expression into one operation of the et dialect."""
    _raisers.append(function)
    return function


_units: list[Callable[[E.Expr], object | None]] = []


def unit(matcher: Callable[[E.Expr], object | None]) -> None:
    """Registers a matcher of expressions that are better computed by one operation than inside a larger region."""
    _units.append(matcher)


_transparent: list[Callable[[E.Expr], bool]] = []


def transparent(matcher: Callable[[E.Expr], bool]) -> Callable[[E.Expr], bool]:
    """Registers a matcher of values that stay expressions though several operators read them, so that a raiser sees what they
    are made of. They must cost no more than one pass over the data beside a reduction, which is computed once in any case."""
    _transparent.append(matcher)
    return matcher


class Lowering:
    """Lowers the expressions of one module."""

    def __init__(self, emitter: Emitter, report: Report, ignore_empty_rows: bool = False) -> None:
        self.emitter = emitter
        self.report = report
        self.ignore_empty_rows = ignore_empty_rows
        #: Softmax expressions whose refusal has been explained already.
        self.explained: set[E.Expr] = set()
        #: Where the program computes an expression, since it may be emitted much later.
        self.origins: dict[E.Expr, str] = {}
        self._reads = 1
        self._forced: dict[int, tuple[E.Expr, E.Expr]] = {}
        self._bases: dict[tuple, Base] = {}
        self._results: dict[tuple, Result] = {}
        self._names: dict[str, int] = {}

    # -- values -------------------------------------------------------------------------------------------------------

    def read(self, value: Value) -> E.Expr:
        """The element of a value, for use in a larger expression; computed first if others need it too."""
        if value.users > 1 and value.body.heavy and not any(is_transparent(value.body) for is_transparent in _transparent):
            self._reads = value.users
            self.realise(value)
            self._reads = 1
        return value.body

    def realise(self, value: Value, order: Sequence[E.Axis] | None = None) -> E.Expr:
        """Makes the value a load of a tensor in memory."""
        value.body = self.force(value.body, order, value.axes)
        return value.body

    def tensor(self, value: Value) -> Result:
        """The value as a tensor of its logical shape."""
        return self.layout(self.realise(value, value.axes), value.dims)

    # -- constants ----------------------------------------------------------------------------------------------------

    def constant(self, tensor: torch.Tensor, name: str) -> Base:
        """A base for a weight or another tensor known at import."""
        if tensor.dtype == torch.bool:
            tensor = tensor.to(torch.int8)  # one byte per element, compared with 0 by the caller
        base = Base(None, tuple(tensor.shape), _dtype(tensor), tensor, name)
        if tensor.numel() and not tensor.dtype.is_floating_point:
            base.lower, base.upper = int(tensor.min()), int(tensor.max()) + 1
        return base

    def derived_constant(self, base: Base, tensor: torch.Tensor, what: str) -> Base:
        """A constant made from another one at import: a view, a slice, a transpose."""
        derived = self.constant(tensor, f"{base.name}.{what}" if base.name else "")
        if base.result is not None and base.result.op is not None and base.result.op.name == "dense":
            derived.name = ""
        return derived

    def result(self, base: Base) -> Result:
        """The SSA value of a base; constants are created on first use."""
        if base.result is None:
            assert base.constant is not None
            tensor = base.constant.detach()
            if base.name and tensor.dtype.is_floating_point:
                base.result = self.emitter.weight(base.name, tensor.contiguous())
            else:
                base.result = self.emitter.dense(tensor, base.name or self.fresh_name())
        return base.result

    def fresh_name(self) -> str:
        self._names["constant"] = self._names.get("constant", 0) + 1
        return f"constant_{self._names['constant'] - 1}"

    # -- loads --------------------------------------------------------------------------------------------------------

    def prepare(self, e: E.Expr) -> E.Expr:
        """Rewrites a load so that each index is an axis, a sum of axes, or data: reshapes and slices are emitted."""
        base, args = e.attr, e.args
        if any(a.op == "lin" for a in args):
            if not all(E.affine(p) is not None for a in args if a.op == "lin" for p in a.args):
                return e
            base = self.leading(base, [product(a.attr) if a.op == "lin" else s for a, s in zip(args, base.shape)])
            sizes = [list(a.attr) if a.op == "lin" else [s] for a, s in zip(args, base.shape)]
            base = self.expanded(base, sizes)
            args = tuple(p for a in args for p in (a.args if a.op == "lin" else (a,)))
        return self.sliced(base, args)

    def leading(self, base: Base, sizes: Sequence[Size]) -> Base:
        """The first `sizes` positions of each dimension: what stays of one that was sliced before it was split."""
        if all(same(a, b) for a, b in zip(sizes, base.shape)):
            return base
        return self.sliced(base, [E.index(E.Axis(s)) for s in sizes]).attr

    def expanded(self, base: Base, sizes: Sequence[Sequence[Size]]) -> Base:
        """The same data with dimensions split."""
        shape = [s for group in sizes for s in group]
        key = ("expand", base, tuple(map(tuple, sizes)))
        found = self._bases.get(key)
        if found is None:
            if base.constant is not None and all(map(is_static, shape)):
                found = self.derived_constant(base, base.constant.reshape(shape), "x".join(map(str, shape)))
            else:
                groups, position = [], 0
                for group in sizes:
                    groups.append(list(range(position, position + len(group))))
                    position += len(group)
                found = Base(self.emitter.expand_shape(self.result(base), groups, shape), shape, base.dtype)
                found.lower, found.upper = base.lower, base.upper
            self._bases[key] = found
        return found

    def sliced(self, base: Base, args: Sequence[E.Expr]) -> E.Expr:
        """Takes fixed offsets, strides and positions out of the indices."""
        affine = [E.affine(a) for a in args]
        offsets: list[Size] = []
        sizes: list[Size] = []
        strides: list[int] = []
        dropped: list[int] = []
        kept: list[E.Expr] = []
        for i, (arg, form, extent) in enumerate(zip(args, affine, base.shape)):
            if form is None or form[2] < 0 or (form[0] is not None and form[1] < 1):
                offsets.append(0), sizes.append(extent), strides.append(1), kept.append(arg)
                continue
            axis, stride, offset = form
            offsets.append(offset), strides.append(stride or 1)
            if axis is None:
                dropped.append(i), sizes.append(1)
            else:
                sizes.append(axis.size), kept.append(E.index(axis))
        whole = all(o == 0 and st == 1 and same(sz, ext) for o, st, sz, ext in zip(offsets, strides, sizes, base.shape))
        if whole and not dropped:
            return E.load(base, tuple(kept))
        key = ("slice", base, tuple(offsets), tuple(sizes), tuple(strides), tuple(dropped))
        found = self._bases.get(key)
        if found is None:
            found = self._slice(base, offsets, sizes, strides, dropped, whole)
            self._bases[key] = found
        return E.load(found, tuple(kept))

    def _slice(self, base: Base, offsets: list[Size], sizes: list[Size], strides: list[int], dropped: list[int],
               whole: bool) -> Base:
        shape = [s for i, s in enumerate(sizes) if i not in dropped]
        if base.constant is not None and all(map(is_static, (*offsets, *sizes))):
            tensor = base.constant
            for d, (offset, size, stride) in enumerate(zip(offsets, sizes, strides)):
                tensor = tensor.narrow(d, offset, (size - 1) * stride + 1 if size else 0)
                if stride != 1:
                    tensor = tensor[(slice(None),) * d + (slice(None, None, stride),)]
            what = "x".join(f"{o}_{s}" for o, s in zip(offsets, sizes))
            return self.derived_constant(base, tensor.reshape(shape), f"at_{what}")
        if whole:  # only dimensions of size 1 go
            dims: list[tuple[E.Axis, ...]] = [() if i in dropped else (E.Axis(s),) for i, s in enumerate(base.shape)]
            result = self.reshape(self.result(base), dims, [d for i, d in enumerate(dims) if i not in dropped])
        else:
            result = self.emitter.extract_slice(self.result(base), offsets, sizes, strides, dropped)
        found = Base(result, shape, base.dtype)
        found.lower, found.upper = base.lower, base.upper
        return found

    # -- layout -------------------------------------------------------------------------------------------------------

    def layout(self, e: E.Expr, dims: E.Dims) -> Result:
        """The tensor that a simple load stands for, with the given dimensions."""
        # The same copy may be asked for with other axes, once per layer.
        names: dict[E.Axis, int] = {}
        for axis in [a for arg in e.args for a in load_axes(arg)] + [a for dim in dims for a in dim]:
            names.setdefault(axis, len(names))
        key = (e.attr, tuple(tuple(names[a] for a in load_axes(arg)) for arg in e.args),
               tuple(tuple((names[a], a.size) for a in dim) for dim in dims))
        found = self._results.get(key)
        if found is None:
            found = self._results[key] = self._layout(e, dims)
        return found.resolve()

    def _layout(self, e: E.Expr, dims: E.Dims) -> Result:
        base = e.attr
        source = [load_axes(a) for a in e.args]
        have = [a for group in source for a in group]
        want = [a for dim in dims for a in dim]
        if have == want:
            if base.constant is not None and [len(g) for g in source] != [len(d) for d in dims]:
                shape = [product(a.size for a in dim) for dim in dims]
                return self.result(self.derived_constant(base, base.constant.reshape(shape), "x".join(map(str, shape))))
            return self.reshape(self.result(base), source, dims)
        if base.constant is not None and len(have) == len(want) and set(have) == set(want):
            tensor = base.constant.reshape([a.size for a in have]).permute([have.index(a) for a in want])
            tensor = tensor.reshape([product(a.size for a in dim) for dim in dims]).contiguous()
            order = "".join(str(have.index(a)) for a in want)
            return self.result(self.derived_constant(base, tensor, f"t{order}"))
        return self.reshape(self.compute(e, want), [(a,) for a in want], dims)

    def reshape(self, x: Result, source: Sequence[tuple[E.Axis, ...]], target: Sequence[tuple[E.Axis, ...]]) -> Result:
        """Regroups dimensions whose axes lie in the same order, by at most one collapse and one expand."""
        segments: list[tuple[list, list]] = []
        i = j = 0
        while i < len(source) or j < len(target):
            left: list = []
            right: list = []
            nl = nr = 0
            if i < len(source):
                left.append(source[i]); nl += len(source[i]); i += 1
            if nl == 0 and left and j < len(target) and target[j]:
                segments.append((left, right))  # a source dimension of size 1 with no partner
                continue
            if not left or j < len(target):
                if j < len(target):
                    right.append(target[j]); nr += len(target[j]); j += 1
            while nl != nr:
                if nl < nr:
                    left.append(source[i]); nl += len(source[i]); i += 1
                else:
                    right.append(target[j]); nr += len(target[j]); j += 1
            segments.append((left, right))
        merged: list[tuple[list, list]] = []
        for left, right in segments:
            if merged and (not left or not right or not merged[-1][0] or not merged[-1][1]):
                merged[-1][0].extend(left), merged[-1][1].extend(right)
            else:
                merged.append((list(left), list(right)))
        if len(merged) == 1 and (not merged[0][0] or not merged[0][1]):
            shape = [1] * len(merged[0][1])
            if len(source) == len(target):
                return x
            return self.emitter.expand_shape(x, [], shape) if not source else self.emitter.collapse_shape(x, [], shape)
        size = lambda groups: product(a.size for g in groups for a in g)
        if any(len(left) > 1 for left, _ in merged):
            groups, position = [], 0
            for left, _ in merged:
                groups.append(range(position, position + len(left)))
                position += len(left)
            x = self.emitter.collapse_shape(x, groups, [size(left) for left, _ in merged])
        if any(len(right) > 1 for _, right in merged):
            groups, position, shape = [], 0, []
            for _, right in merged:
                groups.append(range(position, position + len(right)))
                position += len(right)
                shape.extend(product(a.size for a in g) for g in right)
            x = self.emitter.expand_shape(x, groups, shape)
        return x

    # -- force --------------------------------------------------------------------------------------------------------

    def force(self, e: E.Expr, order: Sequence[E.Axis] | None = None, fallback: Sequence[E.Axis] = ()) -> E.Expr:
        """A load, with one axis or a row-major group of axes per dimension, that has the value of `e`.

        `order` asks for axes in memory in that order; `fallback` is used when the operands suggest none.
        """
        if e.op == "load":
            if is_simple(e):
                return e
            e = self.prepare(e)
            if is_simple(e):
                return e
        key, back = _canonical(e)
        found = self._forced.get(id(key))
        if found is not None:
            return E.substitute(found[1], {c: E.index(a) for c, a in back.items()})
        if order is not None:
            order = [a for a in order if a in e.free]
        emitter, loc = self.emitter, self.emitter.loc
        emitter.loc = self.origins.get(e, loc)
        result = self._force(e, order, [a for a in fallback if a in e.free])
        emitter.loc = loc
        if key is not None:
            forward = {a: E.index(c) for c, a in back.items()}
            self._forced[id(key)] = (key, E.substitute(result, forward))
        return result

    def _force(self, e: E.Expr, order: Sequence[E.Axis] | None, fallback: Sequence[E.Axis]) -> E.Expr:
        folded = self.fold(e, order or fallback)
        if folded is not None:
            return folded
        for raise_ in _raisers:
            raised = raise_(self, e, order)
            if raised is not None:
                return raised
        if e.op == "softmax":
            return self._softmax(e, order, fallback)
        if e.op == "safe_softmax":
            self._explain(e)
            scores = self.force(e.args[0], order, fallback)
            plain = E.softmax(e.attr, scores)
            self.explained.add(plain)
            some = E.reduce("any", e.attr, E.op("ne", "i1", scores, E.const(-math.inf, e.dtype)))
            return self.force(E.op("select", e.dtype, some, plain, E.const(0, e.dtype)), order, fallback)
        reduced: tuple[E.Axis, ...] = ()
        kind = None
        body = e
        if e.op == "reduce":
            kind, reduced = e.attr
            body = e.args[0]
        body = self.inline(body)
        axes = self.order(body, order, fallback, e.free)
        result = self.compute(body, axes, kind, reduced)
        base = Base(result, result.shape, result.dtype)
        base.contraction = any(x.op == "reduce" and x.attr[0] == "sum" and sum(f.activation for f in E.factors(x.args[0])) > 1
                               for x in E.walk(e))
        return base.whole(axes)

    def compute(self, body: E.Expr, axes: Sequence[E.Axis], kind: str | None = None,
                reduced: Sequence[E.Axis] = ()) -> Result:
        """One linalg.generic."""
        body = self.inline(body)
        for x in E.walk(body):
            if x.op == "load":
                self.result(x.attr)
        return self.emitter.generic(axes, body, reduction=kind, reduced=reduced)

    def inline(self, e: E.Expr) -> E.Expr:
        """`e` with everything that cannot stand in an elementwise region replaced by loads of computed tensors."""
        binders: dict[E.Expr, E.Expr] = {}
        for x in _outermost(e):
            binders[x] = self.force(x)
        if binders:
            e = E.replace(e, binders)
        memo: dict[int, E.Expr] = {}
        for x in E.walk(e):
            args = tuple(memo[id(a)] for a in x.args)
            y = x if all(p is q for p, q in zip(args, x.args)) else E.rebuild(x, args)
            memo[id(x)] = self.prepare(y) if y.op == "load" else y
        return memo[id(e)]

    def order(self, body: E.Expr, order: Sequence[E.Axis] | None, fallback: Sequence[E.Axis],
              free: frozenset[E.Axis]) -> list[E.Axis]:
        """The order in which the axes of a result lie in memory."""
        if order is not None:
            return list(order)
        best: list[E.Axis] = []
        best_is_constant = False
        for x in E.walk(body):
            if x.op == "load" and all(a.op == "index" for a in x.args):
                axes = [a.attr for a in x.args if a.attr in free]
                if len(axes) > len(best) or (len(axes) == len(best) and x.activation and best_is_constant):
                    best, best_is_constant = axes, not x.activation
        if len(best) == len(free) and len(set(best)) == len(best):
            return best
        if len(fallback) == len(free):
            return list(fallback)
        seen: list[E.Axis] = []
        for x in E.walk(body):
            if x.op == "index" and x.attr in free and x.attr not in seen:
                seen.append(x.attr)
        return [a for a in seen if a not in best] + list(dict.fromkeys(best))

    def _softmax(self, e: E.Expr, order: Sequence[E.Axis] | None, fallback: Sequence[E.Axis]) -> E.Expr:
        axes = e.attr
        self._explain(e)
        body = self.force(e.args[0], order, fallback)
        present = [a for group in map(load_axes, body.args) for a in group]
        others = [a for a in present if a not in axes]
        dims: list[tuple[E.Axis, ...]]
        if len(axes) == 1 and axes[0] in present:
            dims = [(a,) for a in present]
        else:
            dims = [(a,) for a in others] + [tuple(axes)]
        x = self.layout(body, tuple(dims))
        result = self.emitter.softmax(x, next(i for i, d in enumerate(dims) if axes[0] in d))
        base = Base(result, result.shape, result.dtype)
        return E.load(base, tuple(E.lin([a.size for a in d], [E.index(a) for a in d]) for d in dims))

    def _explain(self, e: E.Expr) -> None:
        """Says why a softmax that looks like the one of an attention stands alone."""
        if e in self.explained:
            return
        scores = any(x.op == "reduce" and x.activation for x in E.walk(e))
        computed = any(x.op == "load" and x.attr.contraction for x in E.walk(e))
        if scores and self._reads > 1:
            reason = f"the probabilities are read by {self._reads} operators"
        elif scores:
            reason = "the probabilities are not multiplied with values"
        elif computed:
            reason = "the scores before the softmax are read by more than one operator"
        else:
            return
        self.report.add("missed", "attention", f"not fused: {reason}", self.emitter.loc)

    def fold(self, e: E.Expr, order: Sequence[E.Axis]) -> E.Expr | None:
        """Evaluates an expression that depends on constants only."""
        axes = list(order) if len(order) == len(e.free) else list(e.free)
        if not all(is_static(a.size) for a in axes):
            return None
        # What is no larger than a constant it is made of costs no more memory than that: a normalised weight.
        known = [x.attr.constant.numel() for x in E.walk(e) if x.op == "load" and x.attr.constant is not None]
        if product(a.size for a in axes) > max([FOLD_LIMIT, *known]):
            return None
        for x in E.walk(e):
            if x.op == "size" or (x.op == "load" and x.attr.constant is None) or x.op == "attention":
                return None
            bound = x.attr[1] if x.op == "reduce" else x.attr if x.op in E.SOFTMAXES else ()
            if not all(is_static(a.size) for a in bound):
                return None
        if e.dtype == "i1":
            return None
        tensor = evaluate(e, axes, lambda base: base.constant)
        base = self.constant(tensor.to(FROM_DTYPE[e.dtype]).contiguous(), "")
        if base.constant.numel() * base.constant.element_size() > 1024:
            base.name = self.fresh_name()
        return base.whole(axes)


def _outermost(root: E.Expr) -> list[E.Expr]:
    """The largest subexpressions that need an operation of their own."""
    found: list[E.Expr] = []
    seen: set[int] = set()
    stack = [root]
    while stack:
        x = stack.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        if x.op in ("reduce", "attention", *E.SOFTMAXES):
            found.append(x)
        elif x is not root and x.op in ("add", "mul", "div") and any(match(x) is not None for match in _units):
            found.append(x)
        else:
            stack.extend(reversed(x.args))
    return found


def _dtype(tensor: torch.Tensor) -> str:
    from .emitter import TORCH_DTYPES

    return TORCH_DTYPES[tensor.dtype]


def load_axes(arg: E.Expr) -> tuple[E.Axis, ...]:
    """The axes that one dimension of a simple load runs over, row-major."""
    if arg.op == "index":
        return (arg.attr,)
    if arg.op == "lin":
        return tuple(p.attr for p in arg.args)
    return ()


def is_simple(e: E.Expr) -> bool:
    """True for a load of a whole tensor: each dimension is one axis, a group of axes, or of size 1."""
    seen: set[E.Axis] = set()
    for arg, extent in zip(e.args, e.attr.shape):
        if arg.op == "const":
            if extent != 1:
                return False
            continue
        if arg.op == "lin":
            if not all(p.op == "index" for p in arg.args):
                return False
            # The parts cover the dimension, unless only its leading part was split.
            axes = [p.attr for p in arg.args]
            if not all(same(a.size, s) for a, s in zip(axes, arg.attr)) or not same(product(arg.attr), extent):
                return False
        elif arg.op == "index":
            if not same(arg.attr.size, extent):
                return False
            axes = [arg.attr]
        else:
            return False
        for axis in axes:
            if axis in seen:
                return False
            seen.add(axis)
    return True


def _canonical(e: E.Expr) -> tuple[E.Expr | None, dict[E.Axis, E.Axis]]:
    """`e` with its axes numbered by first appearance, so that equal computations are found whatever their axes."""
    order: list[E.Axis] = []
    for x in E.walk(e):
        if x.op == "attention":
            return None, {}
        if x.op == "index" and x.attr in e.free and x.attr not in order:
            order.append(x.attr)
    mapping = {a: E.canonical_axis(i, a.size) for i, a in enumerate(order)}
    return E.substitute(e, {a: E.index(c) for a, c in mapping.items()}), {c: a for a, c in mapping.items()}
