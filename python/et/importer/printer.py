#===- printer.py - MLIR text of a module -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Prints the operations of an Emitter as one module with one function, dead operations left out.

The body is printed before the prologue, because scalar constants are only known once the regions that use them are.
"""

from __future__ import annotations

import re
from typing import Callable, Mapping, Sequence

import torch

from . import expr as E
from .dims import Size, is_static
from .emitter import Emitter, float_text, is_mappable, literal, neutral
from .ir import Op, Result

_UNSAFE = re.compile(r"[^A-Za-z0-9_.$-]")
_BARE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_$.]*\Z")

_FLOAT_OPS = {
    "add": "arith.addf", "sub": "arith.subf", "mul": "arith.mulf", "div": "arith.divf", "neg": "arith.negf",
    "max": "arith.maximumf", "min": "arith.minimumf", "abs": "math.absf", "exp": "math.exp", "log": "math.log",
    "sqrt": "math.sqrt", "rsqrt": "math.rsqrt", "tanh": "math.tanh", "erf": "math.erf", "sin": "math.sin",
    "cos": "math.cos", "pow": "math.powf", "floor": "math.floor", "ceil": "math.ceil", "round": "math.roundeven",
    "log1p": "math.log1p", "expm1": "math.expm1", "log2": "math.log2", "exp2": "math.exp2", "trunc": "math.trunc",
    "rem": "arith.remf",
}
_INT_OPS = {
    "add": "arith.addi", "sub": "arith.subi", "mul": "arith.muli", "max": "arith.maxsi", "min": "arith.minsi",
    "abs": "math.absi", "floordiv": "arith.floordivsi", "and": "arith.andi", "or": "arith.ori", "xor": "arith.xori",
    "truncdiv": "arith.divsi", "rem": "arith.remsi",
}
_BOOL_OPS = {"add": "arith.ori", "max": "arith.ori", "mul": "arith.andi", "min": "arith.andi"}
_FLOAT_CMP = {"eq": "oeq", "ne": "une", "lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge"}
_INT_CMP = {"eq": "eq", "ne": "ne", "lt": "slt", "le": "sle", "gt": "sgt", "ge": "sge"}
_BOOL_CMP = {"eq": "eq", "ne": "ne", "lt": "ult", "le": "ule", "gt": "ugt", "ge": "uge"}


def quote(text: str) -> str:
    return '"' + "".join(c if 32 <= ord(c) < 127 and c not in '"\\' else f"\\{ord(c):02X}" for c in text) + '"'


class Printer:
    """Prints one module; use once."""

    def __init__(self, emitter: Emitter) -> None:
        self.emitter = emitter
        self.names: dict[Result, str] = {}
        self.taken: set[str] = set()
        self.counter = 0
        self.maps: dict[str, str] = {}
        self.locs: dict[str, str] = {}
        self.used: set[Result] = set()

    # -- names --------------------------------------------------------------------------------------------------------

    def fresh(self) -> str:
        self.counter += 1
        return f"%{self.counter - 1}"

    def name(self, result: Result) -> str:
        result = result.resolve()
        self.used.add(result)
        name = self.names.get(result)
        if name is None:
            name = self._pick(result)
            self.names[result] = name
        return name

    def _pick(self, result: Result) -> str:
        op = result.op
        hint = result.hint
        if op is not None and op.name == "constant":
            value = op.attrs["value"]
            if result.dtype == "index":
                hint = f"c{value}"
            elif result.dtype == "i1":
                hint = "true" if value else "false"
            elif not E.is_float(result.dtype):
                hint = f"c{value}_{result.dtype}".replace("-", "m")
            else:
                hint = "cst"
        elif op is not None and op.name == "dim":
            hint = "d"
        elif op is not None and op.name == "dense":
            hint = "cst"
        if not hint:
            return self.fresh()
        hint = _UNSAFE.sub("_", hint)
        if hint[0].isdigit():
            hint = "_" + hint
        candidate, n = hint, 0
        while candidate in self.taken:
            candidate, n = f"{hint}_{n}", n + 1
        self.taken.add(candidate)
        return "%" + candidate

    def map(self, num_dims: int, results: Sequence[str], letters: Sequence[str] | None = None) -> str:
        dims = letters or [f"d{i}" for i in range(num_dims)]
        text = f"affine_map<({', '.join(dims)}) -> ({', '.join(results)})>"
        if text not in self.maps:
            self.maps[text] = f"#map{len(self.maps) or ''}"
        return self.maps[text]

    def location(self, loc: str) -> str:
        if not loc:
            return ""
        if loc not in self.locs:
            self.locs[loc] = f"#loc{len(self.locs) + 1}"
        return f" loc({self.locs[loc]})"

    # -- module -------------------------------------------------------------------------------------------------------

    def module(self, outputs: Sequence[Result], output_attrs: Sequence[str]) -> str:
        emitter = self.emitter
        live = self._live(outputs)
        arguments = []
        for argument, attrs in zip(emitter.arguments, emitter.argument_attrs):
            arguments.append(f"{self.name(argument)}: {argument.type} {attrs}".rstrip())
        body = [self.operation(op) for op in emitter.ops if op in live]
        returned = ", ".join(self.name(o) for o in outputs)
        types = ", ".join(o.resolve().type for o in outputs)
        body.append(f"return {returned} : {types}" if outputs else "return")
        prologue: list[str] = []
        for op in reversed(emitter.prologue):
            if any(r in self.used for r in op.results):
                prologue.append(self.operation(op))
        prologue.reverse()
        # Constants that only sizes use are created before them, so the order of creation is an order of definition.
        results = ", ".join(f"{o.resolve().type} {a}".rstrip() for o, a in zip(outputs, output_attrs))
        lines = []
        for text, alias in self.maps.items():
            lines.append(f"{alias} = {text}")
        for text, alias in self.locs.items():
            lines.append(f"{alias} = loc({text})")
        lines.append("module {")
        lines.append("  func.func @forward(" + ", ".join(arguments) + f") -> ({results}) {{")
        for text in prologue + body:
            lines.extend("    " + line for line in text.split("\n"))
        lines.append("  }")
        lines.append("}")
        return "\n".join(lines) + "\n"

    def _live(self, outputs: Sequence[Result]) -> set[Op]:
        live: set[Op] = set()
        stack = [o.resolve().op for o in outputs]
        while stack:
            op = stack.pop()
            if op is None or op in live:
                continue
            live.add(op)
            stack.extend(i.op for i in op.inputs())
        self.read = {i for op in live for i in op.inputs()} | {o.resolve() for o in outputs}
        return live

    # -- operations ---------------------------------------------------------------------------------------------------

    def operation(self, op: Op) -> str:
        method = getattr(self, "print_" + op.name.replace(".", "_"), None)
        if method is not None:
            return method(op) + self.location(op.loc)
        # Index arithmetic of sizes.
        operands = ", ".join(self.name(o) for o in op.operands)
        return f"{self.name(op.results[0])} = {op.name} {operands} : {op.results[0].type}{self.location(op.loc)}"

    def print_constant(self, op: Op) -> str:
        result = op.results[0]
        text = literal(op.attrs["value"], result.dtype)
        suffix = "" if result.dtype == "i1" else f" : {result.dtype}"
        return f"{self.name(result)} = arith.constant {text}{suffix}"

    def print_index_cast(self, op: Op) -> str:
        return f"{self.name(op.results[0])} = arith.index_cast {self.name(op.operands[0])} : index to i64"

    def print_dim(self, op: Op) -> str:
        x, position = op.operands
        return f"{self.name(op.results[0])} = tensor.dim {self.name(x)}, {self.name(position)} : {x.resolve().type}"

    def print_weight(self, op: Op) -> str:
        key = op.attrs["key"]
        key = key if _BARE_KEY.match(key) else quote(key)
        return f"{self.name(op.results[0])} = arith.constant dense_resource<{key}> : {op.results[0].type}"

    def print_dense(self, op: Op) -> str:
        result, tensor = op.results[0], op.attrs["tensor"]
        flat = tensor.reshape(-1).tolist()
        if len(set(map(repr, flat))) == 1:
            text = literal(flat[0], result.dtype)
        elif not flat:
            text = ""
        else:
            text = self._nested(tensor.tolist(), result.dtype)
        return f"{self.name(result)} = arith.constant dense<{text}> : {result.type}"

    def _nested(self, values: object, dtype: str) -> str:
        if isinstance(values, list):
            return "[" + ", ".join(self._nested(v, dtype) for v in values) + "]"
        return literal(values, dtype)

    def print_empty(self, op: Op) -> str:
        dynamic = ", ".join(self.name(o) for o in op.operands)
        return f"{self.name(op.results[0])} = tensor.empty({dynamic}) : {op.results[0].type}"

    def print_fill(self, op: Op) -> str:
        value, out = op.operands
        result = op.results[0]
        return (f"{self.name(result)} = linalg.fill ins({self.name(value)} : {value.dtype}) "
                f"outs({self.name(out)} : {out.resolve().type}) -> {result.type}")

    def _sizes(self, sizes: Sequence[Size]) -> str:
        return ", ".join(str(s) if is_static(s) else self.name(self.emitter.size(s)) for s in sizes)

    def print_expand_shape(self, op: Op) -> str:
        x, result = op.operands[0], op.results[0]
        return (f"{self.name(result)} = tensor.expand_shape {self.name(x)} {op.attrs['groups']} "
                f"output_shape [{self._sizes(result.shape)}] : {x.resolve().type} into {result.type}")

    def print_collapse_shape(self, op: Op) -> str:
        x, result = op.operands[0], op.results[0]
        return (f"{self.name(result)} = tensor.collapse_shape {self.name(x)} {op.attrs['groups']} : "
                f"{x.resolve().type} into {result.type}")

    def print_extract_slice(self, op: Op) -> str:
        x, result = op.operands[0], op.results[0]
        return (f"{self.name(result)} = tensor.extract_slice {self.name(x)}[{self._sizes(op.attrs['offsets'])}] "
                f"[{self._sizes(op.attrs['sizes'])}] [{self._sizes(op.attrs['strides'])}] : {x.resolve().type} to {result.type}")

    def print_concat(self, op: Op) -> str:
        operands = ", ".join(self.name(o) for o in op.operands)
        types = ", ".join(o.resolve().type for o in op.operands)
        return f"{self.name(op.results[0])} = tensor.concat dim({op.attrs['dim']}) {operands} : ({types}) -> {op.results[0].type}"

    def print_pad(self, op: Op) -> str:
        x, value = op.operands[:2]
        result = op.results[0]
        args = ", ".join(f"{self.fresh()}: index" for _ in result.shape)
        return (f"{self.name(result)} = tensor.pad {self.name(x)} low[{self._sizes(op.attrs['low'])}] "
                f"high[{self._sizes(op.attrs['high'])}] {{\n^bb0({args}):\n"
                f"  tensor.yield {self.name(value)} : {result.dtype}\n}} : {x.resolve().type} to {result.type}")

    def print_softmax(self, op: Op) -> str:
        x, out = op.operands
        result = op.results[0]
        return (f"{self.name(result)} = linalg.softmax dimension({op.attrs['dim']}) ins({self.name(x)} : {x.resolve().type}) "
                f"outs({self.name(out)} : {out.resolve().type}) -> {result.type}")

    def print_argreduce(self, op: Op) -> str:
        x, best, where = op.operands
        dim, dtype = op.attrs["dim"], x.dtype
        rank = len(x.shape)
        dims = [f"d{i}" for i in range(rank)]
        source = self.map(rank, dims)
        target = self.map(rank, [d for i, d in enumerate(dims) if i != dim])
        kinds = ", ".join('"reduction"' if i == dim else '"parallel"' for i in range(rank))
        names = [self.fresh() for _ in range(11)]
        v, b, w, i, c, better, equal, first, tie, take, value = names
        cmp = "arith.cmpf" if E.is_float(dtype) else "arith.cmpi"
        gt = ("o" if E.is_float(dtype) else "s") + ("gt" if op.attrs["kind"] == "argmax" else "lt")
        eq = "oeq" if E.is_float(dtype) else "eq"
        position = self.fresh()
        first_result, second = op.results
        base = self.fresh()
        self.names[first_result], self.names[second] = base + "#0", base + "#1"
        body = [
            f"^bb0({v}: {dtype}, {b}: {dtype}, {w}: i64):",
            f"  {i} = linalg.index {dim} : index",
            f"  {c} = arith.index_cast {i} : index to i64",
            f"  {better} = {cmp} {gt}, {v}, {b} : {dtype}",
            f"  {equal} = {cmp} {eq}, {v}, {b} : {dtype}",
            f"  {first} = arith.cmpi slt, {c}, {w} : i64",
            f"  {tie} = arith.andi {equal}, {first} : i1",
            f"  {take} = arith.ori {better}, {tie} : i1",
            f"  {value} = arith.select {take}, {v}, {b} : {dtype}",
            f"  {position} = arith.select {take}, {c}, {w} : i64",
            f"  linalg.yield {value}, {position} : {dtype}, i64",
        ]
        return (f"{base}:2 = linalg.generic {{indexing_maps = [{source}, {target}, {target}], iterator_types = [{kinds}]}} "
                f"ins({self.name(x)} : {x.resolve().type}) outs({self.name(best)}, {self.name(where)} : "
                f"{best.resolve().type}, {where.resolve().type}) {{\n" + "\n".join(body) +
                f"\n}} -> ({first_result.type}, {second.type})")

    def print_generic(self, op: Op) -> str:
        axes = op.attrs["axes"] + op.attrs["reduced"]
        position = {axis: f"d{i}" for i, axis in enumerate(axes)}
        inputs = op.attrs["inputs"]
        maps = [self.map(len(axes), [affine_text(a, position) for a in args]) for _, args in inputs]
        maps.append(self.map(len(axes), [position[a] for a in op.attrs["axes"]]))
        kinds = ['"parallel"'] * len(op.attrs["axes"]) + ['"reduction"'] * len(op.attrs["reduced"])
        out = op.operands[len(inputs)]
        result = op.results[0]
        block = ScalarPrinter(self, {axis: i for i, axis in enumerate(axes)})
        arguments = []
        for base, args in inputs:
            name = self.fresh()
            arguments.append(f"{name}: {base.dtype}")
            block.known[id(E.load(base, args))] = name
        accumulator = self.fresh()
        arguments.append(f"{accumulator}: {result.dtype}")
        value = block.print(op.attrs["body"])
        kind = op.attrs["reduction"]
        if kind:
            table = _FLOAT_OPS if E.is_float(result.dtype) else (_BOOL_OPS if result.dtype == "i1" else _INT_OPS)
            name = {"sum": "add", "prod": "mul", "any": "max", "all": "min"}.get(kind, kind)
            combined = self.fresh()
            block.lines.append(f"{combined} = {table[name]} {accumulator}, {value} : {result.dtype}")
            value = combined
        ins = ""
        if inputs:
            names = ", ".join(self.name(base.result) for base, _ in inputs)
            types = ", ".join(base.result.resolve().type for base, _ in inputs)
            ins = f" ins({names} : {types})"
        lines = "".join(f"  {line}\n" for line in block.lines)
        return (f"{self.name(result)} = linalg.generic {{indexing_maps = [{', '.join(maps)}], iterator_types = "
                f"[{', '.join(kinds)}]}}{ins} outs({self.name(out)} : {out.resolve().type}) {{\n"
                f"^bb0({', '.join(arguments)}):\n{lines}  linalg.yield {value} : {result.dtype}\n}} -> {result.type}")

    # -- et -----------------------------------------------------------------------------------------------------------

    def print_et_linear(self, op: Op) -> str:
        x, weight = op.operands[:2]
        bias = ""
        if op.attrs["bias"]:
            bias = f" bias({self.name(op.operands[2])} : {op.operands[2].resolve().type})"
        return (f"{self.name(op.results[0])} = et.linear {self.name(x)}, {self.name(weight)}{bias} : "
                f"({x.resolve().type}, {weight.resolve().type}) -> {op.results[0].type}")

    def _norm(self, op: Op) -> str:
        operands = list(op.operands)
        x = operands.pop(0)
        text = f"{op.name} {self.name(x)}"
        for role in ("gamma", "beta", "residual"):
            if op.attrs[role]:
                operand = operands.pop(0)
                text += f" {role}({self.name(operand)} : {operand.resolve().type})"
        y, s = op.results
        results = self.name(y)
        types = y.type
        if s in self.read:
            base = self.fresh()
            results, self.names[y], self.names[s] = base + ":2", base + "#0", base + "#1"
            types += ", " + s.type
        eps = float_text(op.attrs["eps"], "f32")
        return f"{results} = {text} {{eps = {eps} : f32}} : {x.resolve().type} -> {types}"

    print_et_layer_norm = _norm
    print_et_rms_norm = _norm

    def print_et_gelu(self, op: Op) -> str:
        x = op.operands[0]
        return f"{self.name(op.results[0])} = et.gelu {self.name(x)} {{approximate = #et.gelu<{op.attrs['kind']}>}} : {op.results[0].type}"

    def print_et_embedding(self, op: Op) -> str:
        ids, table = op.operands
        return (f"{self.name(op.results[0])} = et.embedding {self.name(ids)}, {self.name(table)} : "
                f"({ids.resolve().type}, {table.resolve().type}) -> {op.results[0].type}")

    def print_et_attention(self, op: Op) -> str:
        num_dims = op.attrs["num_dims"]
        batch = num_dims - 4
        letters = (["b", "h", "g"][:batch] if batch <= 3 else [f"b{i}" for i in range(batch)]) + ["m", "n", "k", "v"]
        maps = [self.map(num_dims, [letters[d] for d in m], letters) for m in op.attrs["maps"]]
        operands = " ".join(f"{role}({self.name(o)} : {o.resolve().type})" for role, o in zip(op.attrs["roles"], op.operands))
        attrs = [f"indexing_maps = [{', '.join(maps)}]", f"scale = {float_text(op.attrs['scale'], 'f32')} : f32"]
        if op.attrs["structure"]:
            attrs.append(f"structure = #et.mask<{op.attrs['structure']}>")
        score = ""
        if op.attrs["score"] is not None:
            axes, placeholder, body = op.attrs["score"]
            block = ScalarPrinter(self, {})
            arguments = [f"{(s := self.fresh())}: f32"]
            block.known[id(placeholder)] = s
            for axis in axes:
                name = self.fresh()
                arguments.append(f"{name}: index")
                block.indices[axis] = name
            value = block.print(body)
            lines = "".join(f"  {line}\n" for line in block.lines)
            score = f" score {{\n^bb0({', '.join(arguments)}):\n{lines}  et.yield {value} : f32\n}}"
        return f"{self.name(op.results[0])} = et.attention {operands} {{{', '.join(attrs)}}}{score} -> {op.results[0].type}"


def affine_text(index: E.Expr, position: Mapping[E.Axis, str]) -> str:
    if index.op == "const":
        return str(index.attr)
    if index.op == "index":
        return position[index.attr]
    if index.op == "mul":
        return f"{affine_text(index.args[0], position)} * {index.args[1].attr}"
    return " + ".join(affine_text(a, position) for a in index.args)


class ScalarPrinter:
    """Prints an expression as scalar operations of a region."""

    def __init__(self, printer: Printer, dims: Mapping[E.Axis, int]) -> None:
        self.printer = printer
        self.dims = dims
        self.indices: dict[E.Axis, str] = {}
        self.known: dict[int, str] = {}
        self.lines: list[str] = []

    def print(self, body: E.Expr) -> str:
        for x in E.walk(body):
            if id(x) not in self.known:
                # The index operands of a mapped load are in the map, not in the region.
                self.known[id(x)] = self._one(x)
        return self._value(body)

    def _value(self, x: E.Expr) -> str:
        name = self.known[id(x)]
        if name:
            return name
        name = self.known[id(x)] = self._force(x)
        return name

    def _emit(self, text: str) -> str:
        name = self.printer.fresh()
        self.lines.append(f"{name} = {text}")
        return name

    def _one(self, x: E.Expr) -> str:
        # Leaves are printed when something asks for them.
        return "" if x.op in ("const", "index", "size", "lin", "load") or self._is_position(x) else self._force(x)

    def _is_position(self, x: E.Expr) -> bool:
        return x.dtype == "i64" and x.op in ("add", "sub", "mul") and x.count <= 4 and not x.activation

    def _force(self, x: E.Expr) -> str:
        printer = self.printer
        dtype = x.dtype
        if x.op == "const":
            return printer.name(printer.emitter.scalar(x.attr, dtype))
        if x.op == "size":
            return printer.name(printer.emitter.size_i64(x.attr))
        if x.op == "index":
            return self._emit(f"arith.index_cast {self._index(x.attr)} : index to i64")
        if x.op == "lin":
            total = self._value(x.args[0])
            for size, part in zip(x.attr[1:], x.args[1:]):
                scale = printer.emitter.scalar(size, "i64") if is_static(size) else printer.emitter.size_i64(size)
                scaled = self._emit(f"arith.muli {total}, {printer.name(scale)} : i64")
                total = self._emit(f"arith.addi {scaled}, {self._value(part)} : i64")
            return total
        if x.op == "load":
            positions = []
            for arg in x.args:
                if arg.op == "const":
                    positions.append(printer.name(printer.emitter.index(arg.attr)))
                elif arg.op == "index":
                    positions.append(self._index(arg.attr))
                else:
                    positions.append(self._emit(f"arith.index_cast {self._value(arg)} : i64 to index"))
            return self._emit(f"tensor.extract {printer.name(x.attr.result)}[{', '.join(positions)}] : {x.attr.result.resolve().type}")
        args = [self._value(a) for a in x.args]
        if x.op == "cast":
            return self._cast(args[0], x.args[0].dtype, dtype)
        if x.op in E.COMPARISONS:
            source = x.args[0].dtype
            if E.is_float(source):
                return self._emit(f"arith.cmpf {_FLOAT_CMP[x.op]}, {args[0]}, {args[1]} : {source}")
            table = _BOOL_CMP if source == "i1" else _INT_CMP
            return self._emit(f"arith.cmpi {table[x.op]}, {args[0]}, {args[1]} : {source}")
        if x.op == "select":
            return self._emit(f"arith.select {args[0]}, {args[1]}, {args[2]} : {dtype}")
        if x.op == "not":
            true = printer.name(printer.emitter.scalar(dtype == "i1" or -1, dtype))
            return self._emit(f"arith.xori {args[0]}, {true} : {dtype}")
        if x.op == "sigmoid":
            one = printer.name(printer.emitter.scalar(1.0, dtype))
            negated = self._emit(f"arith.negf {args[0]} : {dtype}")
            exp = self._emit(f"math.exp {negated} : {dtype}")
            total = self._emit(f"arith.addf {exp}, {one} : {dtype}")
            return self._emit(f"arith.divf {one}, {total} : {dtype}")
        if x.op == "neg" and not E.is_float(dtype):
            zero = printer.name(printer.emitter.scalar(0, dtype))
            return self._emit(f"arith.subi {zero}, {args[0]} : {dtype}")
        table = _FLOAT_OPS if E.is_float(dtype) else dict(_INT_OPS, **_BOOL_OPS) if dtype == "i1" else _INT_OPS
        return self._emit(f"{table[x.op]} {', '.join(args)} : {dtype}")

    def _index(self, axis: E.Axis) -> str:
        name = self.indices.get(axis)
        if name is None:
            name = self.indices[axis] = self._emit(f"linalg.index {self.dims[axis]} : index")
        return name

    def _cast(self, value: str, source: str, target: str) -> str:
        wider = E.bits(target) > E.bits(source)
        if E.is_float(source) and E.is_float(target):
            name = "arith.extf" if wider else "arith.truncf"
            if E.bits(source) == E.bits(target):  # f16 and bf16
                value, source, name = self._emit(f"arith.extf {value} : {source} to f32"), "f32", "arith.truncf"
        elif E.is_float(source):
            name = "arith.fptosi"
        elif E.is_float(target):
            name = "arith.uitofp" if source == "i1" else "arith.sitofp"
        else:
            name = ("arith.extui" if source == "i1" else "arith.extsi") if wider else "arith.trunci"
        return self._emit(f"{name} {value} : {source} to {target}")
