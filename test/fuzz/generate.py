#===- generate.py - Random et modules with what they must yield -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Seeded random chains of et, linalg and tensor ops.

`Case(seed)` is one chain: its text, its inputs for given sizes, and, through reference.py, its results in float64 with a
bound for each element. `module(cases)` puts several into one function, which is compiled once. On the command line:

    python test/fuzz/generate.py 1234              prints the module of case 1234
    python test/fuzz/generate.py 1234 --run        runs it and compares (see check.py)
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, field
from typing import Callable

import numpy as np

from reference import MAXIMUM, TINY, U32, UNIT, Approx
import reference as ref

NUMPY = {"f32": np.float32, "f16": np.float16, "f64": np.float64, "i32": np.int32, "i64": np.int64, "i1": np.bool_}


@dataclass(eq=False)
class Dim:
    """A dimension: static, or dynamic with a name and the least size that is legal for it."""

    size: int | None = None
    name: str = ""
    least: int = 0

    def __str__(self) -> str:
        return "?" if self.size is None else str(self.size)

    def get(self, env: dict) -> int:
        return env[self] if self.size is None else self.size


@dataclass
class Value:
    ssa: str
    shape: tuple[Dim, ...]
    dtype: str

    @property
    def type(self) -> str:
        return tensor_type(self.shape, self.dtype)


def tensor_type(shape: tuple[Dim, ...], dtype: str) -> str:
    return "tensor<" + "".join(f"{d}x" for d in shape) + dtype + ">"


def affine_map(rank: int, dims: list[int], names: list[str] | None = None) -> str:
    names = names or [f"d{i}" for i in range(rank)]
    return f"affine_map<({', '.join(names)}) -> ({', '.join(names[d] for d in dims)})>"


def constant(array: np.ndarray, dtype: str) -> str:
    """An inline constant; hexadecimal, so that not a bit is lost."""
    if dtype == "bf16":
        raw = (array.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    else:
        raw = array.astype(NUMPY[dtype])
    text = "x".join(str(s) for s in array.shape)
    return f'dense<"0x{raw.tobytes().hex().upper()}"> : tensor<{text}{"x" if text else ""}{dtype}>'


class Case:
    """One random chain. Attributes: `lines` (body), `arguments`, `results`, `dims`."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.data = np.random.default_rng(seed)
        self.prefix = f"c{seed}"
        self.lines: list[str] = []
        self.arguments: list[tuple[Value, list[str], Callable[[dict], np.ndarray]]] = []
        self.results: list[Value] = []
        self.dims: list[Dim] = []
        self.steps: list[Callable[[dict], None]] = []
        self.count = 0
        self.magnitude = 1.0 if self.rng.random() < 0.85 else 30.0
        self.dtype = self.rng.choices(["f32", "f16", "bf16"], [0.7, 0.15, 0.15])[0]
        self.summary: list[str] = []
        self.build()

    # ----- text -----

    def fresh(self, what: str = "v") -> str:
        self.count += 1
        return f"%{self.prefix}_{what}{self.count}"

    def dynamic(self, name: str, least: int = 0) -> Dim:
        dim = Dim(None, f"{self.prefix}_{name}{len(self.dims)}", least)
        self.dims.append(dim)
        return dim

    def any_dim(self, name: str) -> Dim:
        """Mostly dynamic, sometimes static."""
        if self.rng.random() < 0.75:
            return self.dynamic(name)
        return Dim(self.rng.choice([1, 2, 3, 5]))

    def argument(self, shape: tuple[Dim, ...], dtype: str, make: Callable[[dict], np.ndarray], what: str = "arg") -> Value:
        value = Value(self.fresh(what), shape, dtype)
        self.arguments.append((value, [d.name for d in shape], make))
        return value

    def size(self, dim: Dim) -> str:
        """The SSA value of a dynamic dimension, from the first argument that has it."""
        for value, _, _ in self.arguments:
            if dim in value.shape:
                at = value.shape.index(dim)
                index, size = self.fresh("c"), self.fresh("dim")
                self.lines.append(f"{index} = arith.constant {at} : index")
                self.lines.append(f"{size} = tensor.dim {value.ssa}, {index} : {value.type}")
                return size
        raise AssertionError(f"no argument has {dim.name}")

    def empty(self, shape: tuple[Dim, ...], dtype: str) -> str:
        sizes = [self.size(d) for d in shape if d.size is None]
        ssa = self.fresh("empty")
        self.lines.append(f"{ssa} = tensor.empty({', '.join(sizes)}) : {tensor_type(shape, dtype)}")
        return ssa

    def emit(self, shape: tuple[Dim, ...], dtype: str, text: str, evaluate: Callable[[dict], Approx]) -> Value:
        """`<fresh> = text`, and how to evaluate it."""
        value = Value(self.fresh(), shape, dtype)
        self.lines.append(f"{value.ssa} = {text}")
        self.steps.append(lambda env: env.__setitem__(value.ssa, evaluate(env)))
        return value

    def weight(self, shape: tuple[int, ...], dtype: str, scale: float) -> tuple[Value, np.ndarray]:
        array = ref.round_to(self.data.standard_normal(shape) * scale, dtype)
        value = Value(self.fresh("w"), tuple(Dim(s) for s in shape), dtype)
        self.lines.append(f"{value.ssa} = arith.constant {constant(array, dtype)}")
        self.steps.append(lambda env: env.__setitem__(value.ssa, Approx.exact(array)))
        return value, array

    def floats(self, shape: tuple[Dim, ...], dtype: str, scale: float = 1.0) -> Value:
        magnitude = self.magnitude * scale

        def make(env: dict) -> np.ndarray:
            return ref.round_to(env["data"].standard_normal([d.get(env) for d in shape]) * magnitude, dtype)

        return self.argument(shape, dtype, make)

    # ----- ops -----

    def op_linear(self, x: Value) -> Value:
        k = x.shape[-1].size
        n = self.rng.choice([1, 3, 7, 8, 16, 17, 24, 31, 32, 48, 49, 64, 65, 96, 100])
        w_type = x.dtype if self.rng.random() < 0.85 else self.rng.choice(["f32", "f16", "bf16"])
        w, w_array = self.weight((n, k), w_type, 1 / np.sqrt(k))
        bias, b_array = "", None
        if self.rng.random() < 0.6:
            b, b_array = self.weight((n,), x.dtype if self.rng.random() < 0.8 else "f32", 0.5)
            bias = f" bias({b.ssa} : {b.type})"
        shape = x.shape[:-1] + (Dim(n),)
        self.summary.append(f"linear {n}x{k} {x.dtype}/{w_type}{' bias' if bias else ''}")
        return self.emit(shape, x.dtype, f"et.linear {x.ssa}, {w.ssa}{bias} : ({x.type}, {w.type}) -> {tensor_type(shape, x.dtype)}",
                         lambda env: ref.linear(env[x.ssa], w_array, b_array, x.dtype))

    def op_merged_linears(self, x: Value) -> Value:
        """Several layers on one input, as query, key and value are; their sum when sizes agree."""
        layers = [self.op_linear(x) for _ in range(self.rng.choice([2, 3]))]
        for layer in layers[1:]:
            self.results.append(layer)
        return layers[0]

    def op_gelu(self, x: Value) -> Value:
        kind = self.rng.choice(["erf", "tanh", "sigmoid"])
        self.summary.append(f"gelu {kind}")
        return self.emit(x.shape, x.dtype, f"et.gelu {x.ssa} {{approximate = #et.gelu<{kind}>}} : {x.type}",
                         lambda env: ref.gelu(env[x.ssa], kind, x.dtype))

    def same_shape(self, x: Value) -> Value:
        """Another value of the shape of `x`: an argument, or x itself."""
        return x if self.rng.random() < 0.1 else self.floats(x.shape, x.dtype)

    def op_norm(self, x: Value) -> Value:
        rms = self.rng.random() < 0.4
        d = x.shape[-1].size
        operands, arrays = "", {}
        for name in ["gamma"] + ([] if rms else ["beta"]):
            arrays[name] = None
            if self.rng.random() < 0.6:
                v, arrays[name] = self.weight((d,), x.dtype if self.rng.random() < 0.7 else "f32", 1.0)
                operands += f" {name}({v.ssa} : {v.type})"
        # Kernels take gamma and beta of one type.
        first = x
        residual = self.same_shape(x) if self.rng.random() < 0.5 else None
        if residual and self.rng.random() < 0.3:
            first, residual = residual, first
        if residual:
            operands += f" residual({residual.ssa} : {residual.type})"
        eps = self.rng.choice([1e-5, 1e-3])
        with_sum = self.rng.random() < 0.3

        def total(env: dict) -> Approx:
            if not residual:
                return env[first.ssa]
            return ref.add(env[first.ssa], env[residual.ssa], x.dtype)

        def norm(env: dict) -> Approx:
            if rms:
                return ref.rms_norm(total(env), arrays["gamma"], float(np.float32(eps)), x.dtype)
            return ref.layer_norm(total(env), arrays["gamma"], arrays["beta"], float(np.float32(eps)), x.dtype)

        op = "rms_norm" if rms else "layer_norm"
        self.summary.append(f"{op}{operands and ' ' + ' '.join(w.split('(')[0] for w in operands.split() if '(' in w)}{' sum' if with_sum else ''}")
        text = f"et.{op} {first.ssa}{operands} {{eps = {eps:e} : f32}} : {x.type} -> {x.type}"
        if not with_sum:
            return self.emit(x.shape, x.dtype, text, norm)
        value = Value(self.fresh(), x.shape, x.dtype)
        self.lines.append(f"{value.ssa}:2 = {text}, {x.type}")
        second = Value(value.ssa + "#1", x.shape, x.dtype)
        value = Value(value.ssa + "#0", x.shape, x.dtype)
        self.steps.append(lambda env: env.__setitem__(value.ssa, norm(env)))
        self.steps.append(lambda env: env.__setitem__(second.ssa, total(env)))
        if self.rng.random() < 0.7:
            self.results.append(second)
        return value

    def generic(self, inputs: list[tuple[Value, list[int]]], shape: tuple[Dim, ...], dtype: str, body: list[str], yielded: str,
                evaluate: Callable[[dict], Approx], *, out_dims: list[int] | None = None, rank: int | None = None,
                iterators: list[str] | None = None, init: str | None = None) -> Value:
        rank = rank or len(shape)
        out_dims = list(range(len(shape))) if out_dims is None else out_dims
        iterators = iterators or ["parallel"] * rank
        out = init or self.empty(shape, dtype)
        maps = ", ".join(affine_map(rank, dims) for _, dims in inputs) + (", " if inputs else "") + affine_map(rank, out_dims)
        ins = f"ins({', '.join(v.ssa for v, _ in inputs)} : {', '.join(v.type for v, _ in inputs)}) " if inputs else ""
        args = ", ".join(f"%a{i}: {v.dtype}" for i, (v, _) in enumerate(inputs)) + (", " if inputs else "") + f"%out: {dtype}"
        names = ", ".join(f'"{i}"' for i in iterators)
        text = (f"linalg.generic {{indexing_maps = [{maps}], iterator_types = [{names}]}} {ins}"
                f"outs({out} : {tensor_type(shape, dtype)}) {{\n^bb0({args}):\n  " + "\n  ".join(body) +
                f"\n  linalg.yield {yielded} : {dtype}\n}} -> {tensor_type(shape, dtype)}")
        return self.emit(shape, dtype, text, evaluate)

    def op_binary(self, x: Value) -> Value:
        """x op y with y of the same shape, or of some of its dimensions, in any order."""
        rank = len(x.shape)
        kept = list(range(rank))
        if self.rng.random() < 0.5:
            kept = [d for d in kept if self.rng.random() < 0.5]
        if self.rng.random() < 0.3:
            self.rng.shuffle(kept)
        y = self.floats(tuple(x.shape[d] for d in kept), x.dtype)
        op = self.rng.choice(["addf", "subf", "mulf", "maximumf"])
        u = UNIT[x.dtype]

        def evaluate(env: dict) -> Approx:
            a, b = env[x.ssa], env[y.ssa]
            shape = [x.shape[d].get(env) if d in kept else 1 for d in range(rank)]
            order = sorted(range(len(kept)), key=lambda i: kept[i])
            bv, be = (t.transpose(order).reshape(shape) for t in (b.value, b.error))
            if op == "mulf":
                return ref.stored(a.value * bv, np.abs(a.value) * be + np.abs(bv) * a.error + a.error * be + U32 * np.abs(a.value * bv), x.dtype)
            value = {"addf": np.add, "subf": np.subtract, "maximumf": np.maximum}[op](a.value, bv)
            return ref.stored(value, a.error + be + u * np.abs(value), x.dtype)

        self.summary.append(f"{op} {kept} of rank {rank}")
        pairs = [(x, list(range(rank))), (y, kept)]
        swap = self.rng.random() < 0.3 and op != "subf"
        if swap:
            pairs.reverse()
        return self.generic(pairs, x.shape, x.dtype, [f"%r = arith.{op} %a0, %a1 : {x.dtype}"], "%r", evaluate)

    def op_unary(self, x: Value) -> Value:
        rank = len(x.shape)
        op = self.rng.choice(["tanh", "relu", "abs", "scale", "silu"])
        t, u = x.dtype, UNIT[x.dtype]
        body = {
            "tanh": ["%r = math.tanh %a0 : " + t],
            "relu": [f"%z = arith.constant 0.0 : {t}", f"%r = arith.maximumf %a0, %z : {t}"],
            "abs": ["%r = math.absf %a0 : " + t],
            "scale": [f"%z = arith.constant 0.5 : {t}", f"%o = arith.constant 1.0 : {t}", f"%m = arith.mulf %a0, %z : {t}",
                      f"%r = arith.addf %m, %o : {t}"],
            "silu": [f"%o = arith.constant 1.0 : {t}", f"%n = arith.negf %a0 : {t}", f"%e = math.exp %n : {t}",
                     f"%d = arith.addf %e, %o : {t}", f"%r = arith.divf %a0, %d : {t}"],
        }[op]

        def evaluate(env: dict) -> Approx:
            a = env[x.ssa]
            if op == "tanh":
                return ref.stored(np.tanh(a.value), a.error + ref.C_EXP * U32 + 2 * u * np.abs(np.tanh(a.value)), t)
            if op == "relu":
                return ref.stored(np.maximum(a.value, 0), a.error, t)
            if op == "abs":
                return ref.stored(np.abs(a.value), a.error, t)
            if op == "scale":
                return ref.stored(0.5 * a.value + 1, 0.5 * a.error + 2 * u * (np.abs(a.value) + 1), t)
            y = a.value / (1 + np.exp(np.clip(-a.value, -700, 700)))
            # exp of a rounded argument: relative error u |x|. Where exp(-x) overflows in f32, the quotient is zero.
            overflow = np.where(a.value - a.error < -88.0, np.abs(y), 0.0)
            return ref.stored(y, overflow + 1.1 * a.error + (ref.C_EXP + np.abs(a.value)) * max(u, U32) * np.abs(y) + u * np.abs(y) * 4, t)

        self.summary.append(op)
        return self.generic([(x, list(range(rank)))], x.shape, t, body, "%r", evaluate)

    def op_reduce(self, x: Value) -> Value:
        if len(x.shape) < 2:
            return x
        rank = len(x.shape)
        axis = self.rng.randrange(rank - 1)
        kind = self.rng.choice(["sum", "max"])
        shape = tuple(d for i, d in enumerate(x.shape) if i != axis)
        if kind == "max" and x.shape[axis].size is None:
            x.shape[axis].least = max(1, x.shape[axis].least)
        start, out = self.fresh("init"), self.empty(shape, x.dtype)
        bits = {"f32": "0xFF800000", "f16": "0xFC00", "bf16": "0xFF80"}[x.dtype]
        self.lines.append(f"{start} = arith.constant {'0.0' if kind == 'sum' else bits} : {x.dtype}")
        init = self.fresh("fill")
        self.lines.append(f"{init} = linalg.fill ins({start} : {x.dtype}) outs({out} : {tensor_type(shape, x.dtype)}) -> {tensor_type(shape, x.dtype)}")

        def evaluate(env: dict) -> Approx:
            a = env[x.ssa]
            n = a.value.shape[axis]
            if kind == "sum":
                error = a.error.sum(axis) + n * UNIT[x.dtype] * np.abs(a.value).sum(axis)
                return ref.stored(a.value.sum(axis), error, x.dtype)
            return ref.stored(a.value.max(axis), a.error.max(axis), x.dtype)

        self.summary.append(f"{kind} over {axis} of rank {rank}")
        op = "addf" if kind == "sum" else "maximumf"
        return self.generic([(x, list(range(rank)))], shape, x.dtype, [f"%r = arith.{op} %out, %a0 : {x.dtype}"], "%r", evaluate,
                            out_dims=[d for d in range(rank) if d != axis], rank=rank, init=init,
                            iterators=["reduction" if d == axis else "parallel" for d in range(rank)])

    def op_softmax(self, x: Value) -> Value:
        if x.dtype != "f32":
            return x
        axis = self.rng.randrange(len(x.shape))
        out = self.empty(x.shape, x.dtype)
        self.summary.append(f"softmax over {axis}")
        return self.emit(x.shape, x.dtype, f"linalg.softmax dimension({axis}) ins({x.ssa} : {x.type}) outs({out} : {x.type}) -> {x.type}",
                         lambda env: ref.softmax(env[x.ssa], axis, x.dtype))

    def op_slice(self, x: Value) -> Value:
        """Columns of the last dimension, or the first token."""
        rank = len(x.shape)
        sizes = [str(d.size) if d.size is not None else self.size(d) for d in x.shape]
        offsets, result = ["0"] * rank, list(x.shape)
        width = x.shape[-1].size
        if rank >= 2 and self.rng.random() < 0.5:
            axis = rank - 2
            if x.shape[axis].size is None:
                x.shape[axis].least = max(1, x.shape[axis].least)
            sizes[axis] = "1"
            del result[axis]
            take = lambda a: np.take(a, 0, axis)
        else:
            begin = self.rng.randrange(width)
            end = self.rng.randrange(begin + 1, width + 1)
            offsets[-1], sizes[-1], result[-1] = str(begin), str(end - begin), Dim(end - begin)
            take = lambda a: a[..., begin:end]
        shape = tuple(result)
        self.summary.append("slice")
        text = (f"tensor.extract_slice {x.ssa}[{', '.join(offsets)}] [{', '.join(sizes)}] [{', '.join(['1'] * rank)}] : "
                f"{x.type} to {tensor_type(shape, x.dtype)}")
        return self.emit(shape, x.dtype, text, lambda env: Approx(take(env[x.ssa].value), take(env[x.ssa].error)))

    def op_concat(self, x: Value) -> Value:
        other = self.floats(x.shape[:-1] + (Dim(self.rng.choice([1, 3, 8, 16])),), x.dtype)
        parts = [x, other]
        self.rng.shuffle(parts)
        shape = x.shape[:-1] + (Dim(x.shape[-1].size + other.shape[-1].size),)
        self.summary.append("concat")
        text = (f"tensor.concat dim({len(shape) - 1}) {parts[0].ssa}, {parts[1].ssa} : ({parts[0].type}, {parts[1].type}) -> "
                f"{tensor_type(shape, x.dtype)}")
        return self.emit(shape, x.dtype, text, lambda env: Approx(*(np.concatenate([getattr(env[p.ssa], f) for p in parts], -1)
                                                                    for f in ("value", "error"))))

    def op_transpose(self, x: Value) -> Value:
        # The last dimension stays the static one.
        rank = len(x.shape)
        if rank < 3:
            return x
        order = list(range(rank - 1))
        self.rng.shuffle(order)
        order.append(rank - 1)
        shape = tuple(x.shape[d] for d in order)
        out = self.empty(shape, x.dtype)
        self.summary.append(f"transpose {order}")
        text = (f"linalg.transpose ins({x.ssa} : {x.type}) outs({out} : {tensor_type(shape, x.dtype)}) permutation = "
                f"[{', '.join(map(str, order))}]")
        return self.emit(shape, x.dtype, text, lambda env: Approx(env[x.ssa].value.transpose(order), env[x.ssa].error.transpose(order)))

    def op_reshape(self, x: Value) -> Value:
        """Splits the last dimension, or merges the last two static ones."""
        width, rank = x.shape[-1].size, len(x.shape)
        factors = [f for f in (2, 3, 4, 7, 8) if width % f == 0 and width > f]
        if rank >= 3 and x.shape[-2].size is not None:
            shape = x.shape[:-2] + (Dim(x.shape[-2].size * width),)
            groups = [[i] for i in range(rank - 2)] + [[rank - 2, rank - 1]]
            text = f"tensor.collapse_shape {x.ssa} {groups} : {x.type} into {tensor_type(shape, x.dtype)}"
        elif factors and rank < 4:
            factor = self.rng.choice(factors)
            shape = x.shape[:-1] + (Dim(factor), Dim(width // factor))
            groups = [[i] for i in range(rank - 1)] + [[rank - 1, rank]]
            sizes = ", ".join(str(d.size) if d.size is not None else self.size(d) for d in shape)
            text = f"tensor.expand_shape {x.ssa} {groups} output_shape [{sizes}] : {x.type} into {tensor_type(shape, x.dtype)}"
        else:
            return x
        self.summary.append("reshape")

        def evaluate(env: dict) -> Approx:
            target = [d.get(env) for d in shape]
            return Approx(env[x.ssa].value.reshape(target), env[x.ssa].error.reshape(target))

        return self.emit(shape, x.dtype, text, evaluate)

    def op_embedding(self) -> Value:
        shape = tuple(self.any_dim(n) for n in ("batch", "seq")[: self.rng.choice([1, 2])])
        rows, width = self.rng.choice([1, 5, 100]), self.rng.choice([8, 17, 32])
        table, array = self.weight((rows, width), self.dtype, 1.0)
        id_type = self.rng.choice(["i32", "i64"])
        ids = self.argument(shape, id_type, lambda env: env["data"].integers(0, rows, [d.get(env) for d in shape]), "ids")
        result = shape + (Dim(width),)
        self.summary.append(f"embedding {rows}x{width} {id_type}")
        return self.emit(result, self.dtype, f"et.embedding {ids.ssa}, {table.ssa} : ({ids.type}, {table.type}) -> {tensor_type(result, self.dtype)}",
                         lambda env: Approx.exact(array[env[ids.ssa].value]))

    def op_attention(self, query: Value | None = None) -> Value:
        rng, dtype = self.rng, self.dtype
        num_batch = rng.choice([0, 1, 2, 2, 2, 3])
        batch = [self.any_dim("b") if i == 0 else Dim(rng.choice([1, 2, 3])) for i in range(num_batch)]
        m = self.any_dim("m")
        n = m if rng.random() < 0.5 else self.any_dim("n")
        head = rng.choice([1, 4, 5, 8, 16, 17, 32, 64])
        k, v = Dim(head), Dim(head if rng.random() < 0.7 else rng.choice([3, 8, 24]))
        domain = batch + [m, n, k, v]
        names = [f"b{i}" for i in range(num_batch)] + ["m", "n", "k", "v"]
        M, N, K, V = range(num_batch, num_batch + 4)

        def layout(inner: list[int], shared: bool) -> list[int]:
            kept = [b for b in range(num_batch) if not shared or b == 0 or rng.random() < 0.7] + inner
            choice = rng.random()
            if choice < 0.5 and num_batch:  # (batch, sequence, heads..., size), as models have it
                kept = kept[:1] + [inner[0]] + kept[1:-2] + [inner[1]] if kept[0] == 0 else kept
            elif choice < 0.65:
                rng.shuffle(kept)
            return kept

        maps = [layout([M, K], False), layout([N, K], True), layout([N, V], True)]
        operands = [self.floats(tuple(domain[d] for d in dims), dtype) for dims in maps]
        q, key, val = operands
        text = f"et.attention query({q.ssa} : {q.type}) key({key.ssa} : {key.type}) value({val.ssa} : {val.type})"
        note = f"attention batch {num_batch} head {head}x{v.size} {dtype}"
        mask = lengths = None
        if rng.random() < 0.45:
            dims = [d for d in range(num_batch) if rng.random() < 0.5] + [d for d in (M, N) if rng.random() < 0.75]
            if rng.random() < 0.2:
                rng.shuffle(dims)
            shape = tuple(domain[d] for d in dims)
            kind = rng.choice(["i1", "i1", "f32", dtype])

            def make_mask(env: dict, shape=shape, kind=kind) -> np.ndarray:
                size = [d.get(env) for d in shape]
                keep = env["data"].random(size) < 0.7
                if shape and size[0] and env["data"].random() < 0.5:
                    keep[env["data"].integers(size[0])] = False  # fully masked rows
                if kind == "i1":
                    return keep
                return np.where(keep, ref.round_to(env["data"].standard_normal(size), kind), -np.inf)

            mask = self.argument(shape, kind, make_mask, "mask")
            maps.append(dims)
            text += f" mask({mask.ssa} : {mask.type})"
            note += f" mask {kind} {dims}"
        if rng.random() < 0.3:
            dims = [d for d in range(num_batch) if rng.random() < 0.6]
            shape = tuple(domain[d] for d in dims)
            kind = rng.choice(["i32", "i64"])
            lengths = self.argument(shape, kind, lambda env, shape=shape: env["data"].integers(0, n.get(env) + 1, [d.get(env) for d in shape]),
                                    "len")
            maps.append(dims)
            text += f" lengths({lengths.ssa} : {lengths.type})"
            note += " lengths"
        maps.append(layout([M, V], False))
        attributes = [f"indexing_maps = [{', '.join(affine_map(num_batch + 4, dims, names) for dims in maps)}]"]
        scale = float(np.float32(1 / np.sqrt(head)))
        if rng.random() < 0.5:
            scale = float(np.float32(rng.choice([0.1, 1.0, -0.3, 0.0])))
            attributes.append(f"scale = {scale!r} : f32")
        structure = ("none", -1, -1, 0)
        choice = rng.random()
        if choice < 0.15:
            structure = ("causal", -1, -1, 0)
            attributes.append("structure = #et.mask<causal>")
        elif choice < 0.3:
            structure = ("lower_right", -1, -1, 0)
            attributes.append("structure = #et.mask<causal, lower_right>")
        elif choice < 0.45:
            structure = ("window", rng.choice([-1, 0, 2, 64]), rng.choice([-1, 0, 3, 64]), rng.choice([0, 0, 1, 2]))
            attributes.append("structure = #et.mask<window, left = {}, right = {}, global = {}>".format(*structure[1:]))
        left = lengths is not None and rng.random() < 0.4
        if left:
            attributes.append("padding = #et.padding<left>")
        score, score_mod = "", None
        choice = rng.random()
        args = ", ".join(["%s: f32"] + [f"%i{i}: index" for i in range(num_batch + 2)])
        mi, ni = f"%i{num_batch}", f"%i{num_batch + 1}"
        if choice < 0.08:
            score = (f" score {{\n^bb0({args}):\n  %c = arith.constant 5.0 : f32\n  %d = arith.divf %s, %c : f32\n  %t = math.tanh %d : f32\n"
                     f"  %r = arith.mulf %t, %c : f32\n  et.yield %r : f32\n}}")
            score_mod = lambda s, e, idx: (5 * np.tanh(s / 5), e + 5 * (ref.C_EXP + 4) * U32)
            note += " softcap"
        elif choice < 0.16:
            score = (f" score {{\n^bb0({args}):\n  %d = arith.subi {ni}, {mi} : index\n  %i = arith.index_cast %d : index to i32\n"
                     f"  %f = arith.sitofp %i : i32 to f32\n  %c = arith.constant 0.125 : f32\n  %b = arith.mulf %f, %c : f32\n"
                     f"  %r = arith.addf %s, %b : f32\n  et.yield %r : f32\n}}")

            def alibi(s: np.ndarray, e: np.ndarray, idx: list) -> tuple:
                value = s + 0.125 * (idx[-1] - idx[-2])
                return value, e + U32 * np.abs(value)

            score_mod = alibi
            note += " alibi"
        shape = tuple(domain[d] for d in maps[-1])
        note += f" {structure[0]}{' left' if left else ''} maps {maps}"
        self.summary.append(note)
        text += f" {{{', '.join(attributes)}}}{score} -> {tensor_type(shape, dtype)}"

        def evaluate(env: dict) -> Approx:
            return ref.attention(env[q.ssa], env[key.ssa], env[val.ssa], maps, num_batch, [d.get(env) for d in domain], scale, dtype,
                                 mask=env[mask.ssa] if mask else None, lengths=env[lengths.ssa].value if lengths else None,
                                 left_padding=left, structure=structure, score_mod=score_mod)

        return self.emit(shape, dtype, text, evaluate)

    # ----- the chain -----

    def build(self) -> None:
        rng = self.rng
        start = rng.random()
        if start < 0.35:
            x = self.op_attention()
        elif start < 0.45:
            x = self.op_embedding()
        else:
            rank = rng.choice([1, 2, 3, 3, 3, 4])
            width = rng.choice([1, 3, 8, 16, 17, 31, 32, 48, 64])
            x = self.floats(tuple(self.any_dim(n) for n in ("batch", "seq", "x")[: rank - 1]) + (Dim(width),), self.dtype)
        ops = [self.op_linear, self.op_gelu, self.op_norm, self.op_binary, self.op_unary, self.op_reduce, self.op_softmax,
               self.op_slice, self.op_concat, self.op_transpose, self.op_reshape, self.op_merged_linears]
        weights = [6, 3, 4, 3, 2, 1, 1, 1.5, 1, 1, 1, 1]
        for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4]) + (start >= 0.35)):
            if len(x.shape) == 0 or x.shape[-1].size is None:
                break
            y = rng.choices(ops, weights)[0](x)
            if y is not x and rng.random() < 0.1 and x.ssa.split("#")[0] not in [a.ssa for a, _, _ in self.arguments]:
                self.results.append(x)  # a result that is used on
            x = y
        self.results.append(x)
        if rng.random() < 0.05:
            self.results.append(x)
        if rng.random() < 0.05:
            self.results.append(self.arguments[0][0])

    def make_inputs(self, draw: int, sizes: dict[Dim, int] | None = None) -> tuple[dict, list[np.ndarray]]:
        """Random sizes and inputs number `draw`: the environment of evaluate, and the arrays of the arguments."""
        rng = random.Random(f"{self.seed}/{draw}")
        env: dict = {"data": np.random.default_rng([self.seed, draw])}
        for dim in self.dims:
            small = rng.choice([1, 2, 3, 5])
            large = rng.choice([1, 2, 7, 8, 13, 16, 17, 31, 33, 64, 129])
            size = large if dim.name.rstrip("0123456789")[-2:] in ("_m", "_n", "eq") else small
            env[dim] = max(dim.least, 0 if rng.random() < 0.06 else size)
        arrays = []
        for value, _, make in self.arguments:
            array = make(env)
            env[value.ssa] = Approx.exact(array)
            arrays.append(array)
        return env, arrays

    def evaluate(self, env: dict) -> list[Approx]:
        for step in self.steps:
            step(env)
        return [env[value.ssa] for value in self.results]


def module(cases: list[Case]) -> str:
    """One function that takes the arguments of all cases and returns the results of all."""
    arguments, results, types, lines = [], [], [], []
    for case in cases:
        for value, dims, _ in case.arguments:
            attribute = "et.dims = [" + ", ".join(f'"{d}"' for d in dims) + "]"
            arguments.append(f'{value.ssa}: {value.type} {{et.name = "{value.ssa[1:]}", {attribute}}}')
        results += [value.ssa for value in case.results]
        types += [value.type for value in case.results]
        lines += [line for text in case.lines for line in text.split("\n")]
    body = "\n    ".join(lines)
    return (f"module {{\n  func.func @forward({', '.join(arguments)})\n      -> ({', '.join(types)}) {{\n    {body}\n"
            f"    return {', '.join(results)} : {', '.join(types)}\n  }}\n}}\n")


if __name__ == "__main__":
    if "--run" in sys.argv:
        import check

        sys.exit(check.main([a for a in sys.argv[1:] if a != "--run"]))
    print(module([Case(int(seed)) for seed in sys.argv[1:]]), end="")
