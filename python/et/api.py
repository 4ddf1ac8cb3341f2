#===- api.py - From a PyTorch module to a program -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""`et.compile` and `et.export_mlir`: capture with torch.export or read an ONNX file, import, compile."""

from __future__ import annotations

import inspect
import os
from typing import Any, Iterator, Mapping, Sequence, Union

import sympy
import torch

from . import errors
from .importer import ImportedModule, import_program
from .importer.dims import is_static, size_of
from .interface import Program

#: Shapes of one argument: a name, a torch.export.Dim or a hint per dynamic dimension, nested as the argument is.
DynamicShapes = Any
#: What can be imported: a module, what torch.export made of one, or the path of an ONNX file.
Model = Union[torch.nn.Module, torch.export.ExportedProgram, str, "os.PathLike[str]"]


def compile(module: Model | ImportedModule, args: Sequence[Any] = (),
            kwargs: Mapping[str, Any] | None = None, dynamic_shapes: DynamicShapes = None, target: str = "cpu",
            threads: int | None = None, *, isa: str = "native", masked_rows: str = "exact", check_finite: bool = True,
            fold_norms: bool | str = False, partial_attention: int | None = None,
            tuned: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
            expected_rows: int | None = None, transform_library: str | os.PathLike[str] | None = None) -> Program:
    """Compiles a PyTorch module for inputs like the given ones, or an ONNX file.

    Args:
        module: the module, in eval mode; or what torch.export or `export_mlir` made of it; or the path of an ONNX file, which
            says itself what its inputs look like: `et.compile("model.onnx")`. Such a program returns its outputs by name.
        args, kwargs: example inputs.
        dynamic_shapes: which dimensions may vary, as torch.export takes it; a string stands for a dimension of that
            name, and equal names mean equal sizes: `{"input_ids": {0: "batch", 1: "sequence"}}`. Of an ONNX file those that
            shall differ from what it says: a number makes one fixed, such as `{"pixel_values": {2: 224, 3: 224}}`.
        target: "cpu", or "cuda:" and an architecture, such as "cuda:sm_90a": the result is then a program to be saved with
            `.save("model.etp")` and loaded with `et.load` where there is such a GPU. One for the CPU runs here, and can be
            saved as well. Several with commas between them, such as "cpu,cuda:sm_80,cuda:sm_90a", make one program that runs
            on any of them.
        threads: number of threads, by default all cores.
        isa: instruction set level: "native", or one of the levels the compiler knows; of a program that is saved, several
            with commas between them.
        masked_rows: "exact" computes rows of attention whose keys are all masked as PyTorch does. "ignore" promises that
            they do not matter, so that additive masks become boolean ones, which is faster.
        check_finite: refuse weights that hold NaN or infinity.
        fold_norms: on a GPU, apply norms in the linear layers around them: faster where a batch has up to about 1024
            tokens, slower with many. "auto": the program holds both ways, and chooses by the tokens of each batch.
        partial_attention: on a GPU, attention with more keys than this runs as two kernels, with its scores in memory.
            By default it never does, which is faster as far as is known.
        tuned: on a GPU, a file of measured schedules as `et-bench --tune` writes it, or several, the first of which that has
            a schedule counts. They come before the user's own table and that of the project (docs/Tuning.md).
        expected_rows: on a GPU, the tokens that a batch mostly has where sizes are dynamic, all sequences together. Sparse
            weights that pay with many tokens only stay dense with few. By default thousands are expected.
        transform_library: a file with a script of the transform dialect that chooses schedules of launches (docs/Transforms.md).
    """
    imported = module if isinstance(module, ImportedModule) else export_mlir(
        module, args, kwargs, dynamic_shapes, masked_rows=masked_rows, check_finite=check_finite)
    from .program import build

    return build(imported, target=target, isa=isa, threads=threads, allow_non_finite=not check_finite,
                 fold_norms=fold_norms, partial_attention=partial_attention, tuned=tuned,
                 expected_rows=expected_rows, transform_library=transform_library)


def export_mlir(module: Model, args: Sequence[Any] = (),
                kwargs: Mapping[str, Any] | None = None, dynamic_shapes: DynamicShapes = None, *,
                masked_rows: str = "exact", check_finite: bool = True) -> ImportedModule:
    """Imports a PyTorch module or an ONNX file: its text in the et dialect, and its weights by name. Arguments as for
    `compile`."""
    if isinstance(module, (str, os.PathLike)):
        from .onnx import import_onnx

        return import_onnx(module, args, kwargs, dynamic_shapes, masked_rows=masked_rows, check_finite=check_finite)
    if isinstance(module, torch.export.ExportedProgram):
        return import_program(module, masked_rows=masked_rows, check_finite=check_finite)
    if module.training:
        raise errors.ExportError("expected a module in eval mode, but it is in training mode; call module.eval() first")
    kwargs = dict(kwargs or {})
    args = tuple(args)
    names, torch_shapes, args, kwargs = _resolve_shapes(module, args, kwargs, dynamic_shapes)
    program = _export(module, args, kwargs, torch_shapes)
    return import_program(program, dim_names=_symbol_names(program, names), masked_rows=masked_rows,
                          check_finite=check_finite)


def _export(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any],
            dynamic_shapes: Any) -> torch.export.ExportedProgram:
    """torch.export, first by running the module, then by reading its bytecode, which takes other modules."""
    failures: list[str] = []
    for strict in (False, True):
        try:
            with torch.no_grad():
                return torch.export.export(module, args, kwargs=kwargs, dynamic_shapes=dynamic_shapes, strict=strict)
        except Exception as failure:  # torch.export raises many types
            failures.append(f"{type(failure).__name__}: {failure}")
            if strict:
                raise errors.ExportError(
                    f"torch.export could not capture '{type(module).__name__}'.\n"
                    f"by running it: {failures[0]}\nby reading it: {failures[1]}") from failure
    raise AssertionError("unreachable")


# ---------------------------------------------------------------------------------------------------------------------
# Dynamic shapes
# ---------------------------------------------------------------------------------------------------------------------


def _resolve_shapes(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], dynamic_shapes: Any
                    ) -> tuple[dict[str, dict[int, str]], Any, tuple[Any, ...], dict[str, Any]]:
    """Names of dimensions by input, the shapes as torch.export takes them, and the example inputs.

    A dynamic dimension of size 1 in an example is doubled: torch.export would take the 1 for a constant.
    """
    if dynamic_shapes is None:
        return {}, None, args, kwargs
    parameters = [n for n, p in inspect.signature(module.forward).parameters.items()
                  if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    positional = {n: a for n, a in zip(parameters, args)}
    # Inputs taken by *args are named as torch.export names them.
    rest = next((n for n, p in inspect.signature(module.forward).parameters.items() if p.kind == p.VAR_POSITIONAL), "args")
    spare = [f"{rest}_{i}" for i in range(len(args) - len(positional))]
    positional.update(zip(spare, args[len(positional):]))
    if isinstance(dynamic_shapes, (tuple, list)):
        if len(dynamic_shapes) > len(args) + len(kwargs):
            raise ValueError(f"expected dynamic shapes for at most {len(args) + len(kwargs)} inputs, but got {len(dynamic_shapes)}")
        order = [*positional, *kwargs]
        dynamic_shapes = dict(zip(order, dynamic_shapes))
    unknown = [n for n in dynamic_shapes if n not in positional and n not in kwargs]
    if unknown:
        known = ", ".join(f"'{n}'" for n in (*positional, *kwargs))
        raise ValueError(f"expected dynamic shapes of inputs, but '{unknown[0]}' is none; the inputs are {known}")
    names: dict[str, dict[int, str]] = {}
    specs: dict[str, Any] = {}
    examples: dict[str, Any] = {}
    for name, value in {**positional, **kwargs}.items():
        specs[name], examples[name] = _resolve(name, value, dynamic_shapes.get(name), names)
    if spare:
        specs[rest] = tuple(specs.pop(n) for n in spare)
    return (names, specs, tuple(examples[n] for n in positional), {n: examples[n] for n in kwargs})


def _resolve(path: str, value: Any, spec: Any, names: dict[str, dict[int, str]]) -> tuple[Any, Any]:
    if isinstance(value, torch.Tensor):
        dims = spec if isinstance(spec, Mapping) else dict(enumerate(spec or ()))
        resolved: dict[int, Any] = {}
        mine = names.setdefault(path, {})
        for d, dim in dims.items():
            if dim is None or isinstance(dim, int):
                continue
            if not 0 <= d < value.dim():
                raise ValueError(f"expected a dimension of '{path}' below {value.dim()}, but got {d}")
            if isinstance(dim, str):
                mine[d] = dim
                dim = torch.export.Dim.DYNAMIC
            elif getattr(dim, "__name__", None):
                mine[d] = dim.__name__
            resolved[d] = dim
            if value.shape[d] == 1:
                value = value.repeat_interleave(2, d)
        return (resolved or None), value
    if isinstance(value, (list, tuple)):
        parts = [_resolve(f"{path}_{i}", v, spec[i] if spec else None, names) for i, v in enumerate(value)]
        return type(value)(p[0] for p in parts), type(value)(p[1] for p in parts)
    if isinstance(value, dict):
        both = {k: _resolve(f"{path}_{k}", v, (spec or {}).get(k), names) for k, v in value.items()}
        return {k: b[0] for k, b in both.items()}, {k: b[1] for k, b in both.items()}
    return spec, value


def _symbol_names(program: torch.export.ExportedProgram, names: Mapping[str, Mapping[int, str]]) -> dict[sympy.Symbol, str]:
    """The name the caller gave to each symbol of the exported program."""
    found: dict[sympy.Symbol, str] = {}
    for node in program.graph_module.graph.nodes:
        if node.op != "placeholder" or not isinstance(node.meta.get("val"), torch.Tensor):
            continue
        for d, size in enumerate(map(size_of, node.meta["val"].shape)):
            name = names.get(str(node.target), {}).get(d)
            if name is not None and not is_static(size) and isinstance(size, sympy.Symbol):
                found.setdefault(size, name)
    return found
