#===- program.py - Compiled programs -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Compiles imported modules, and runs them on torch tensors or numpy arrays."""

from __future__ import annotations

import ctypes as C
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Sequence, Union

import numpy as np
import torch

from . import capi
from .binding import collect_inputs, compute_shapes, torch_types
from .errors import CompileError, RunError

if TYPE_CHECKING:
    from .importer import ImportedModule, Report

_ELEMENT_CODES = {torch_types()[name]: code for code, name in enumerate(capi.ELEMENT_TYPES)}


@dataclass(frozen=True)
class Spec:
    """An input or output: a dynamic size is the name of its dimension, or None where it has none."""

    name: str
    dtype: torch.dtype
    shape: tuple[int | str | None, ...]


def _resources(weights: Mapping[str, torch.Tensor]) -> tuple[Any, list[torch.Tensor]]:
    """The weights as the C API takes them, and tensors that must stay alive while it reads them."""
    array = (capi.Resource * max(len(weights), 1))()
    alive = []
    for i, (name, tensor) in enumerate(weights.items()):
        tensor = tensor.detach()
        if tensor.device.type != "cpu":
            raise CompileError(f"expected weight '{name}' in CPU memory, but it is on {tensor.device}; move it with .cpu()")
        tensor = tensor.contiguous()
        alive.append(tensor)
        array[i] = capi.Resource(name.encode(), tensor.data_ptr(), tensor.numel() * tensor.element_size())
    return array, alive


#: What EtCompileOptions takes for them.
#: A file, or several.
TunedFiles = Union[str, "os.PathLike[str]", Sequence[Union[str, "os.PathLike[str]"]]]

_FOLD_NORMS: Mapping[bool | str, int] = {False: 0, True: 1, "auto": 2}


def _options(isa: str, threads: int | None, allow_non_finite: bool, target: str = "cpu",
             fold_norms: bool | str = False, partial_attention: int | None = None, tuned: TunedFiles = (),
             expected_rows: int | None = None,
             transform_library: str | os.PathLike[str] | None = None) -> capi.CompileOptions:
    if threads is not None and threads < 1:
        raise ValueError(f"expected threads to be at least 1, but got {threads}")
    if fold_norms not in _FOLD_NORMS:
        raise ValueError(f"expected fold_norms to be True, False or 'auto', but got {fold_norms!r}")
    if partial_attention is not None and not 0 <= partial_attention <= 1 << 30:
        raise ValueError(f"expected partial_attention to be None or a number of keys up to {1 << 30}, "
                         f"but got {partial_attention}")
    if expected_rows is not None and not 1 <= expected_rows <= 1 << 30:
        raise ValueError(f"expected expected_rows to be None or a number of rows from 1 to {1 << 30}, but got {expected_rows}")
    files = [os.fsencode(file) for file in ((tuned,) if isinstance(tuned, (str, os.PathLike)) else tuned)]
    return capi.CompileOptions(isa.encode(), None, threads or 0, int(allow_non_finite), target.encode(),
                               _FOLD_NORMS[fold_norms], 0 if partial_attention is None else partial_attention + 1,
                               (C.c_char_p * len(files))(*files), len(files), expected_rows or 0,
                               None if transform_library is None else os.fsencode(transform_library))


def compile_text(text: str, weights: Mapping[str, torch.Tensor] | None = None, *, isa: str = "native",
                 threads: int | None = None, allow_non_finite: bool = False,
                 transform_library: str | os.PathLike[str] | None = None) -> "Program":
    """Compiles a module of the et dialect, with `weights` as the data of its resources, for this machine.

    Raises CompileError with the compiler's diagnostics.
    """
    lib = capi.library()
    source = text.encode()
    array, alive = _resources(weights or {})
    remarks: list[str] = []
    callback = capi.Remark(lambda remark, _: remarks.append(remark.decode(errors="replace")))
    handle = C.c_void_p()
    options = _options(isa, threads, allow_non_finite, transform_library=transform_library)
    error = lib.etCompile(source, len(source), array, len(weights or {}), C.byref(options), callback, None, C.byref(handle))
    del alive
    capi.check(error, CompileError)
    return Program(handle.value, tuple(remarks))


def compile_saved(text: str, weights: Mapping[str, torch.Tensor] | None = None, *, target: str, isa: str = "native",
                  allow_non_finite: bool = False, fold_norms: bool | str = False,
                  partial_attention: int | None = None, tuned: TunedFiles = (),
                  expected_rows: int | None = None,
                  transform_library: str | os.PathLike[str] | None = None) -> tuple[bytes, tuple[str, ...]]:
    """Compiles a module for `target`, or several with commas between them: the bytes of a saved program, and the compiler's
    remarks. For a CPU `isa` may name several levels likewise.

    Raises CompileError with the compiler's diagnostics.
    """
    lib = capi.library()
    source = text.encode()
    array, alive = _resources(weights or {})
    remarks: list[str] = []
    callback = capi.Remark(lambda remark, _: remarks.append(remark.decode(errors="replace")))
    options = _options(isa, None, allow_non_finite, target, fold_norms, partial_attention, tuned, expected_rows,
                       transform_library)
    output, size = C.c_void_p(), C.c_size_t()
    error = lib.etCompileSaved(source, len(source), array, len(weights or {}), C.byref(options), callback, None,
                               C.byref(output), C.byref(size))
    del alive
    capi.check(error, CompileError)
    try:
        return C.string_at(output, size.value), tuple(remarks)
    finally:
        lib.etStringDestroy(output)


def emit(text: str, weights: Mapping[str, torch.Tensor] | None = None, *, stage: str, isa: str = "native",
         target: str = "cpu") -> bytes:
    """What the compiler makes of a module up to `stage`: et, planned, llvm, llvm-ir, asm, obj or program, or for a GPU et,
    planned, gpu, ptx, cubin or program."""
    lib = capi.library()
    source = text.encode()
    array, alive = _resources(weights or {})
    options = _options(isa, None, False, target)
    output, size = C.c_void_p(), C.c_size_t()
    error = lib.etEmit(source, len(source), array, len(weights or {}), C.byref(options), stage.encode(), C.byref(output),
                       C.byref(size))
    del alive
    capi.check(error, CompileError)
    try:
        return C.string_at(output, size.value)
    finally:
        lib.etStringDestroy(output)


def write_bytecode(path: str, text: str, weights: Mapping[str, torch.Tensor] | None = None) -> None:
    """Writes a module as bytecode with its weights inside."""
    lib = capi.library()
    source = text.encode()
    array, alive = _resources(weights or {})
    error = lib.etWriteBytecode(source, len(source), array, len(weights or {}), str(path).encode())
    del alive
    capi.check(error, CompileError)


class Program:
    """A compiled model. Call it with torch tensors or numpy arrays, in order or by name; it returns a tuple of tensors.

    Inputs are taken where they are if they are contiguous and of the right type; nothing is converted silently.
    """

    def __init__(self, handle: int, remarks: tuple[str, ...] = ()) -> None:
        self._lib = capi.library()
        self._handle = handle
        self.remarks = remarks
        self.inputs = tuple(self._spec("Input", i) for i in range(self._lib.etProgramGetNumInputs(handle)))
        self.outputs = tuple(self._spec("Output", i) for i in range(self._lib.etProgramGetNumOutputs(handle)))
        self._input_codes = [_ELEMENT_CODES[spec.dtype] for spec in self.inputs]
        self._output_codes = [_ELEMENT_CODES[spec.dtype] for spec in self.outputs]
        self._names = [spec.name for spec in self.inputs]
        self._positions = {name: i for i, name in enumerate(self._names)}
        self._output_ranks = [len(spec.shape) for spec in self.outputs]
        # Output shapes by input shapes: asking the program again for a shape it has seen would be wasted.
        self._shapes: dict[tuple[tuple[int, ...], ...], list[tuple[int, ...]]] = {}

    def _spec(self, side: str, i: int) -> Spec:
        def get(what: str) -> Any:
            return getattr(self._lib, f"etProgramGet{side}{what}")(self._handle, i)

        sizes = get("Shape")
        shape: list[int | str | None] = []
        for dim in range(get("Rank")):
            name = self._lib.etProgramGetInputDimName(self._handle, i, dim).decode() if side == "Input" else ""
            shape.append(sizes[dim] if sizes[dim] >= 0 else (name or None))
        return Spec(get("Name").decode(), torch_types()[capi.ELEMENT_TYPES[get("Type")]], tuple(shape))

    def __del__(self) -> None:
        handle, self._handle = getattr(self, "_handle", None), None
        if handle:
            self._lib.etProgramDestroy(handle)

    @property
    def weights_size(self) -> int:
        """Bytes of packed weights."""
        return self._lib.etProgramGetWeightsSize(self._handle)

    @property
    def arena_size(self) -> int:
        """Bytes of working memory, as large as the largest call so far needed."""
        return self._lib.etProgramGetArenaSize(self._handle)

    def set_threads(self, threads: int) -> None:
        """Number of threads of later calls."""
        if threads < 1:
            raise ValueError(f"expected threads to be at least 1, but got {threads}")
        capi.check(self._lib.etProgramSetThreads(self._handle, threads), RunError)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the program, which `et.load` loads. The file appears when it is complete."""
        capi.check(self._lib.etProgramSave(self._handle, os.fsencode(path)), CompileError)

    def _collect(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[torch.Tensor]:
        """The inputs in order, as contiguous tensors of the right type in CPU memory."""
        values = collect_inputs(self._names, self._positions, args, kwargs)
        for i, (spec, value) in enumerate(zip(self.inputs, values)):
            if isinstance(value, np.ndarray):
                value = torch.from_numpy(np.ascontiguousarray(value))
            elif not isinstance(value, torch.Tensor):
                raise RunError(f"expected input '{spec.name}' to be a torch tensor or numpy array, but got {type(value).__name__}")
            if value.device.type != "cpu":
                raise RunError(f"expected input '{spec.name}' in CPU memory, but it is on {value.device}")
            if value.dtype != spec.dtype:
                raise RunError(f"expected input '{spec.name}' to have dtype {spec.dtype}, but got {value.dtype}; convert it with .to({spec.dtype})")
            values[i] = value.detach().contiguous()
        return values

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, ...]:
        inputs = self._collect(args, kwargs)
        key = tuple(tuple(t.shape) for t in inputs)
        # Shape arrays stay alive in `alive` until the call is over.
        alive = []
        array = (capi.Tensor * max(len(inputs), 1))()
        for i, tensor in enumerate(inputs):
            sizes = (C.c_int64 * max(tensor.dim(), 1))(*key[i])
            alive.append(sizes)
            array[i] = capi.Tensor(tensor.data_ptr(), self._input_codes[i], sizes, tensor.dim())
        shapes = self._shapes.get(key)
        if shapes is None:
            shapes = compute_shapes(self._output_ranks, lambda flat: capi.check(
                self._lib.etProgramComputeShapes(self._handle, array, len(inputs), flat), RunError))
            if len(self._shapes) >= 1024:
                self._shapes.clear()
            self._shapes[key] = shapes
        outputs = []
        results = (capi.Tensor * max(len(shapes), 1))()
        for i, (spec, shape) in enumerate(zip(self.outputs, shapes)):
            tensor = torch.empty(shape, dtype=spec.dtype)
            sizes = (C.c_int64 * max(len(shape), 1))(*shape)
            alive.append(sizes)
            outputs.append(tensor)
            results[i] = capi.Tensor(tensor.data_ptr(), self._output_codes[i], sizes, len(shape))
        capi.check(self._lib.etProgramRun(self._handle, array, len(inputs), results, len(shapes)), RunError)
        return tuple(outputs)


def _write(path: str | os.PathLike[str], contents: bytes) -> None:
    """Writes a file that appears when it is complete."""
    path = Path(path)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
        try:
            file.write(contents)
            file.close()
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


#: Position of an input, its name, a dimension, what that is called, and its smallest size.
_Bound = tuple[int, str, int, str, int]


def _lower_bounds(imported: "ImportedModule") -> list[_Bound]:
    """Sizes that the module needs, beyond what every size is: `x[:, 1:7]` was exported for seven or more."""
    return [(i, spec.name, d, name, imported.ranges[name][0]) for i, spec in enumerate(imported.inputs) for d, name in enumerate(spec.shape)
            if isinstance(name, str) and imported.ranges.get(name, (0, None))[0] > 2]


def _check_bounds(bounds: Sequence[_Bound], inputs: Sequence[torch.Tensor]) -> None:
    for i, name, d, dim, low in bounds:
        size = inputs[i].shape[d] if d < inputs[i].dim() else low
        if size < low:
            raise RunError(f"expected dimension {d} ('{dim}') of input '{name}' to be at least {low}, which the module was exported for, "
                           f"but got {size}; export it with an example of the smallest size, or write what depends on the size so that it "
                           "holds for all")


class CompiledModule:
    """An imported module with its program: called like the module it was imported from.

    Tensors are given in order or by name; what comes back is structured as the module returns it, of numpy arrays when
    all inputs were numpy arrays.
    """

    def __init__(self, imported: "ImportedModule", program: Program, *, allow_non_finite: bool = False,
                 transform_library: str | os.PathLike[str] | None = None) -> None:
        self._imported = imported
        self._allow_non_finite = allow_non_finite
        self._transform_library = transform_library
        self.program = program
        self.inputs = imported.inputs
        self.outputs = imported.outputs
        self._bounds = _lower_bounds(imported)

    @property
    def report(self) -> "Report":
        """What the importer fused and what it declined, with reasons."""
        return self._imported.report

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the compiler says of the paths it took."""
        return self.program.remarks

    def save(self, path: str | os.PathLike[str], *, isa: str | None = None) -> None:
        """Writes the program, which `et.load` loads where there is no compiler. Nothing is compiled again, unless `isa` names
        other instruction set levels than that of this program, such as "avx2,avx512": the best one is taken where it runs."""
        if isa is None:
            self.program.save(path)
            return
        contents, _ = compile_saved(self._imported.text, self._imported.weights, target="cpu", isa=isa,
                                    allow_non_finite=self._allow_non_finite, transform_library=self._transform_library)
        _write(path, contents)

    def emit(self, stage: str) -> bytes:
        """What the compiler makes of the module up to `stage`: et, planned, llvm, llvm-ir, asm, obj or program."""
        return emit(self._imported.text, self._imported.weights, stage=stage)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._bounds:
            _check_bounds(self._bounds, self.program._collect(args, kwargs))
        outputs: Sequence[Any] = self.program(*args, **kwargs)
        values = [*args, *kwargs.values()]
        if values and all(isinstance(value, np.ndarray) for value in values):
            outputs = [output.numpy() for output in outputs]
        return self._imported.unflatten(outputs)


class SavedModule:
    """An imported module compiled for a GPU, or for several targets: save it, or call it where such a device is.

    A call takes tensors on the device, in order or by name, and returns what the module returns.
    """

    def __init__(self, imported: "ImportedModule", target: str, contents: bytes, remarks: tuple[str, ...]) -> None:
        self._imported = imported
        self._contents = contents
        self._loaded: Any = None
        self.target = target
        self.inputs = imported.inputs
        self.outputs = imported.outputs
        #: What the compiler says of the paths it took.
        self.remarks = remarks

    @property
    def report(self) -> "Report":
        """What the importer fused and what it declined, with reasons."""
        return self._imported.report

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the program, which `et.load` loads. The file appears when it is complete."""
        _write(path, self._contents)

    def emit(self, stage: str) -> bytes:
        """What the compiler makes of the module up to `stage`: et, planned, gpu, ptx, cubin or program."""
        return emit(self._imported.text, self._imported.weights, stage=stage, target=self.target)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._loaded is None:
            from .runtime import load

            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "program.etp"
                path.write_bytes(self._contents)
                # A file that is mapped may lose its name.
                self._loaded = load(path)
        return self._imported.unflatten(self._loaded(*args, **kwargs))


def build(imported: "ImportedModule", *, target: str = "cpu", isa: str = "native", threads: int | None = None,
          allow_non_finite: bool = False, fold_norms: bool | str = False,
          partial_attention: int | None = None, tuned: TunedFiles = (),
          expected_rows: int | None = None,
          transform_library: str | os.PathLike[str] | None = None) -> CompiledModule | SavedModule:
    """Compiles an imported module. `target` is "cpu", or "cuda:" and an architecture, or several with commas between them;
    the other options are those of `compile_text`."""
    if target != "cpu":
        unknown = [name for name in target.split(",") if name != "cpu" and not name.startswith("cuda:")]
        if unknown:
            raise ValueError(f"expected target 'cpu' or one such as 'cuda:sm_90a', or several with commas between them, "
                             f"but got '{unknown[0]}'")
        contents, remarks = compile_saved(imported.text, imported.weights, target=target, isa=isa,
                                          allow_non_finite=allow_non_finite, fold_norms=fold_norms,
                                          partial_attention=partial_attention, tuned=tuned,
                                          expected_rows=expected_rows, transform_library=transform_library)
        return SavedModule(imported, target, contents, remarks)
    program = compile_text(imported.text, imported.weights, isa=isa, threads=threads, allow_non_finite=allow_non_finite,
                           transform_library=transform_library)
    return CompiledModule(imported, program, allow_non_finite=allow_non_finite, transform_library=transform_library)
