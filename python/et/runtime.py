#===- runtime.py - Saved programs -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Loads saved programs (.etp) and runs them on tensors where they are.

    program = et.load("minilm.etp")                   # on cuda:0 if it was compiled for GPUs, else on the CPU
    hidden, = program(ids.cuda(), mask.cuda())

Binds include/et-c/Runtime.h. libETRuntime needs neither LLVM nor a CUDA toolkit; the driver is opened when a program is
loaded onto a GPU, and the OpenMP library when one is loaded onto the CPU.
"""

from __future__ import annotations

import ctypes as C
import functools
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

from .binding import (ELEMENT_TYPES, LibraryError, Tensor, candidates, collect_inputs, compute_shapes, names_of_torch_types,
                      open_library, take_message, torch_types)
from .errors import Error, RunError

__all__ = ["BoundCall", "Device", "HostLaunch", "LibraryError", "LoadError", "SavedProgram", "TensorSpec", "load"]


class LoadError(Error):
    """A saved program, or the device that it was to run on, could not be loaded."""


class _LaunchInfo(C.Structure):
    _fields_ = [("grid", C.c_uint32 * 3), ("threads", C.c_uint32), ("shared_bytes", C.c_uint32),
                ("cluster_size", C.c_uint32), ("name", C.c_char_p)]


_HostFunction = C.CFUNCTYPE(None, C.POINTER(C.c_void_p), C.POINTER(_LaunchInfo))


class _HostKernel(C.Structure):
    _fields_ = [("symbol", C.c_char_p), ("function", _HostFunction)]


class _Options(C.Structure):
    _fields_ = [("max_shapes", C.c_size_t), ("use_graphs", C.c_int), ("map_weights", C.c_int), ("reserved", C.c_uint64 * 6)]


class _Statistics(C.Structure):
    _fields_ = [(name, C.c_uint64) for name in ("runs", "plans_resolved", "graphs_made", "graph_replays",
                                                "launches_updated")] + \
               [(name, C.c_size_t) for name in ("shapes_kept", "arena_bytes", "weight_bytes")] + [("reserved", C.c_uint64 * 8)]


class _DLTensor(C.Structure):
    """dlpack.h: DLTensor, the first member of DLManagedTensor."""

    _fields_ = [("data", C.c_void_p), ("device_type", C.c_int32), ("device_id", C.c_int32), ("ndim", C.c_int32),
                ("code", C.c_uint8), ("bits", C.c_uint8), ("lanes", C.c_uint16), ("shape", C.POINTER(C.c_int64)),
                ("strides", C.POINTER(C.c_int64)), ("byte_offset", C.c_uint64)]


# et-c/Runtime.h: EtDeviceKind.
_CPU, _CUDA = 0, 1

_CODES = {name: code for code, name in enumerate(ELEMENT_TYPES)}

# dlpack.h: DLDataTypeCode and bits, by the names of our types.
_DLPACK_TYPES = {(2, 16): "f16", (4, 16): "bf16", (2, 32): "f32", (2, 64): "f64", (6, 8): "bool", (0, 8): "i8",
                 (0, 16): "i16", (0, 32): "i32", (0, 64): "i64"}
# dlpack.h: DLDeviceType.
_DLPACK_DEVICES = {1: "cpu", 2: "cuda", 3: "cpu", 13: "cuda"}


def _candidates() -> list[Path]:
    return candidates("libETRuntime.so", "ET_RUNTIME_LIBRARY")


@functools.cache
def library() -> C.CDLL:
    """The runtime, loaded once."""
    void_p, size_t, char_p, out = C.c_void_p, C.c_size_t, C.c_char_p, C.POINTER(C.c_void_p)
    tensors = C.POINTER(Tensor)
    signatures: dict[str, tuple[object, list[object]]] = {
        "etRuntimeVersion": (char_p, []),
        "etRuntimeErrorGetMessage": (char_p, [void_p]),
        "etRuntimeErrorDestroy": (None, [void_p]),
        "etSavedProgramLoad": (void_p, [char_p, C.c_int, out]),
        "etSavedProgramDestroy": (None, [void_p]),
        "etSavedProgramGetName": (char_p, [void_p]),
        "etSavedProgramGetNumPlans": (size_t, [void_p]),
        "etSavedProgramGetPlanDevice": (C.c_int, [void_p, size_t]),
        "etSavedProgramGetPlanTarget": (char_p, [void_p, size_t]),
        "etDeviceCreateCPU": (void_p, [C.c_uint32, out]),
        "etDeviceCreateCUDA": (void_p, [C.c_int, out]),
        "etDeviceCreateHost": (void_p, [C.POINTER(_HostKernel), size_t, out]),
        "etDeviceDestroy": (None, [void_p]),
        "etDeviceGetDescription": (char_p, [void_p]),
        "etDeviceGetNotice": (char_p, [void_p]),
        "etExecutableCreate": (void_p, [void_p, void_p, C.POINTER(_Options), out]),
        "etExecutableDestroy": (None, [void_p]),
        "etExecutableGetTarget": (char_p, [void_p]),
        "etExecutableComputeShapes": (void_p, [void_p, tensors, size_t, C.POINTER(C.c_int64)]),
        "etExecutableRun": (void_p, [void_p, tensors, size_t, tensors, size_t, void_p]),
        "etExecutableSynchronize": (void_p, [void_p, void_p]),
        "etExecutableGetStatistics": (None, [void_p, C.POINTER(_Statistics)]),
        "etFindChangedWord": (size_t, [void_p, void_p, size_t]),
    }
    for side in ("Input", "Output"):
        signatures[f"etSavedProgramGetNum{side}s"] = (size_t, [void_p])
        signatures[f"etSavedProgramGet{side}Name"] = (char_p, [void_p, size_t])
        signatures[f"etSavedProgramGet{side}Type"] = (C.c_int, [void_p, size_t])
        signatures[f"etSavedProgramGet{side}Rank"] = (size_t, [void_p, size_t])
        signatures[f"etSavedProgramGet{side}Size"] = (C.c_int64, [void_p, size_t, size_t])
        signatures[f"etSavedProgramGet{side}DimName"] = (char_p, [void_p, size_t, size_t])
    return open_library(_candidates(), "runtime", signatures)


def _check(error: int | None, exception: Callable[[str], Exception]) -> None:
    """Raises `exception` with the message of `error`, which is destroyed, unless it is null."""
    if not error:
        return
    lib = library()
    raise exception(take_message(error, lib.etRuntimeErrorGetMessage, lib.etRuntimeErrorDestroy))


@dataclass(frozen=True)
class HostLaunch:
    """How a host kernel is launched: once, for its whole grid."""

    name: str
    grid: tuple[int, int, int]
    threads: int


class Device:
    """A device that programs are loaded onto: `Device.cuda(0)`, `Device.cpu()`, or for tests `Device.host(kernels)`."""

    def __init__(self, handle: int, kind: str, ordinal: int, keep_alive: object = None) -> None:
        self._lib = library()
        self._handle = handle
        self._keep_alive = keep_alive
        self.kind = kind
        self.ordinal = ordinal

    def __del__(self) -> None:
        handle, self._handle = getattr(self, "_handle", None), None
        if handle:
            self._lib.etDeviceDestroy(handle)

    def __str__(self) -> str:
        return self._lib.etDeviceGetDescription(self._handle).decode(errors="replace")

    @classmethod
    def cuda(cls, ordinal: int = 0) -> "Device":
        """GPU number `ordinal`. Raises LoadError where there is none, or no driver."""
        handle = C.c_void_p()
        _check(library().etDeviceCreateCUDA(ordinal, C.byref(handle)), LoadError)
        return cls(handle.value, "cuda", ordinal)

    @classmethod
    def cpu(cls, threads: int | None = None) -> "Device":
        """This process's processors, with so many threads, by default one for each. Several need an OpenMP library (libomp):
        without it the default is one, with a warning, and asking for more raises LoadError."""
        if threads is not None and threads < 1:
            raise ValueError(f"expected threads to be at least 1, but got {threads}")
        handle = C.c_void_p()
        _check(library().etDeviceCreateCPU(threads or 0, C.byref(handle)), LoadError)
        notice = library().etDeviceGetNotice(handle).decode(errors="replace")
        if notice:
            warnings.warn(notice, RuntimeWarning, stacklevel=2)
        return cls(handle.value, "cpu", 0)

    @classmethod
    def host(cls, kernels: Mapping[str, Callable[[Sequence[int], HostLaunch], None]]) -> "Device":
        """A device that runs plans in this process, with a function for each kernel: it gets the addresses of the values
        of the arguments. For tests of plans where there is no GPU."""

        def wrap(function: Callable[[Sequence[int], HostLaunch], None]) -> Any:
            def call(arguments: Any, info: Any) -> None:
                launch = info.contents
                function(arguments, HostLaunch(launch.name.decode(), tuple(launch.grid), launch.threads))
            return _HostFunction(call)

        table = (_HostKernel * max(len(kernels), 1))()
        for i, (symbol, function) in enumerate(kernels.items()):
            table[i] = _HostKernel(symbol.encode(), wrap(function))
        handle = C.c_void_p()
        _check(library().etDeviceCreateHost(table, len(kernels), C.byref(handle)), LoadError)
        return cls(handle.value, "cpu", 0, table)


@dataclass(frozen=True)
class TensorSpec:
    """An input or output: a dynamic size is the name of its dimension, or None where it has none."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...]


@dataclass
class _View:
    """A tensor of the caller, as the runtime takes it."""

    data: int
    dtype: str
    shape: tuple[int, ...]
    device: tuple[str, int]
    is_contiguous: bool
    owner: object


def _is_contiguous(shape: Sequence[int], strides: Sequence[int] | None) -> bool:
    if strides is None or 0 in shape:
        return True
    expected = 1
    for size, stride in zip(reversed(shape), reversed(strides)):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


def _is_torch(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "data_ptr")


def _get_pointer(capsule: object) -> int:
    function = C.pythonapi.PyCapsule_GetPointer
    function.restype = C.c_void_p
    function.argtypes = [C.py_object, C.c_char_p]
    return function(capsule, b"dltensor")


def _view(value: Any, what: str, stream: int | None) -> _View:
    if _is_torch(value):
        value = value.detach()
        return _View(value.data_ptr(), names_of_torch_types().get(value.dtype, str(value.dtype)), tuple(value.shape),
                     (value.device.type, value.device.index or 0), value.is_contiguous(), value)
    if not hasattr(value, "__dlpack__"):
        raise RunError(f"expected {what} to be a tensor that supports DLPack, but got {type(value).__name__}")
    # A GPU array of another library makes sure that it is written before what we enqueue in the stream.
    on_gpu = getattr(value, "__dlpack_device__", lambda: (1, 0))()[0] in (2, 13)
    capsule = value.__dlpack__(stream=stream or 1) if on_gpu else value.__dlpack__()
    tensor = C.cast(_get_pointer(capsule), C.POINTER(_DLTensor)).contents
    shape = tuple(tensor.shape[:tensor.ndim])
    dtype = _DLPACK_TYPES.get((tensor.code, tensor.bits)) if tensor.lanes == 1 else None
    kind = _DLPACK_DEVICES.get(tensor.device_type, f"device of DLPack type {tensor.device_type}")
    return _View((tensor.data or 0) + tensor.byte_offset, dtype or f"DLPack type {tensor.code}, {tensor.bits} bits", shape,
                 (kind, tensor.device_id), _is_contiguous(shape, tensor.strides[:tensor.ndim] if tensor.strides else None),
                 capsule)


class SavedProgram:
    """A saved program on a device. Call it with tensors in order or by name; it returns a tuple of tensors.

    Tensors are torch tensors or anything with `__dlpack__`, on the program's device, contiguous and of the right type;
    nothing is copied or converted. On a GPU a call returns when the work is enqueued in the current stream of torch, or in
    `stream`; on the CPU, when it is done.
    """

    def __init__(self, path: str | os.PathLike[str], device: Device | None, *, max_shapes: int = 64, use_graphs: bool = True,
                 check_weights: bool = True, threads: int | None = None, map_weights: bool = False) -> None:
        if max_shapes < 1:
            raise ValueError(f"expected max_shapes to be at least 1, but got {max_shapes}")
        lib = self._lib = library()
        self._handle: int | None = None
        program = C.c_void_p()
        _check(lib.etSavedProgramLoad(os.fsencode(path), int(check_weights), C.byref(program)), LoadError)
        try:
            if device is None:
                device = _default_device(
                    {lib.etSavedProgramGetPlanDevice(program, i) for i in range(lib.etSavedProgramGetNumPlans(program))}, threads)
            self.device = device
            self.name = lib.etSavedProgramGetName(program).decode(errors="replace")
            self.targets = tuple(lib.etSavedProgramGetPlanTarget(program, i).decode(errors="replace")
                                 for i in range(lib.etSavedProgramGetNumPlans(program)))
            self.inputs = self._specs(program, "Input")
            self.outputs = self._specs(program, "Output")
            handle = C.c_void_p()
            options = _Options(max_shapes, int(use_graphs), int(map_weights))
            _check(lib.etExecutableCreate(program, device._handle, C.byref(options), C.byref(handle)), LoadError)
            self._handle = handle.value
        finally:
            lib.etSavedProgramDestroy(program)
        self.target = lib.etExecutableGetTarget(self._handle).decode(errors="replace")
        # Sizes as the C API takes them, and output shapes by input shapes: asking again would be wasted.
        self._sizes: dict[tuple[int, ...], Any] = {}
        self._known_shapes: dict[tuple[tuple[int, ...], ...], list[tuple[int, ...]]] = {}
        self._positions = {spec.name: i for i, spec in enumerate(self.inputs)}

    def _specs(self, program: C.c_void_p, side: str) -> tuple[TensorSpec, ...]:
        def get(what: str, *arguments: int) -> Any:
            return getattr(self._lib, f"etSavedProgramGet{side}{what}")(program, *arguments)

        specs = []
        for i in range(getattr(self._lib, f"etSavedProgramGetNum{side}s")(program)):
            sizes = [get("Size", i, dim) for dim in range(get("Rank", i))]
            shape = tuple(size if size >= 0 else get("DimName", i, dim).decode(errors="replace") or None
                          for dim, size in enumerate(sizes))
            specs.append(TensorSpec(get("Name", i).decode(errors="replace"), ELEMENT_TYPES[get("Type", i)], shape))
        return tuple(specs)

    def __del__(self) -> None:
        handle, self._handle = getattr(self, "_handle", None), None
        if handle:
            self._lib.etExecutableDestroy(handle)

    @property
    def statistics(self) -> dict[str, int]:
        """What was done so far: runs, graphs made and replayed, bytes of memory, ..."""
        statistics = _Statistics()
        self._lib.etExecutableGetStatistics(self._handle, C.byref(statistics))
        return {name: getattr(statistics, name) for name, _ in _Statistics._fields_ if name != "reserved"}

    def _collect(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        return collect_inputs([spec.name for spec in self.inputs], self._positions, args, kwargs)

    def _bind(self, specs: Sequence[TensorSpec], values: Sequence[Any], what: str, stream: int | None) -> tuple[Any, list[Any]]:
        """`values` as the C API takes them, and what must stay alive during the call."""
        array = self._bind_torch(specs, values)
        if array is not None:
            return array, list(values)
        here = (self.device.kind, self.device.ordinal)
        alive: list[Any] = []
        array = (Tensor * max(len(values), 1))()
        for i, (spec, value) in enumerate(zip(specs, values)):
            view = _view(value, f"{what} '{spec.name}'", stream)
            where = ":".join(map(str, here)) if here[0] != "cpu" else "cpu"
            if view.device != here and not (view.device[0] == here[0] == "cpu"):
                found = f"{view.device[0]}:{view.device[1]}" if view.device[0] != "cpu" else "cpu"
                raise RunError(f"expected {what} '{spec.name}' on {where}, but it is on {found}; move it with .to('{where}')")
            if view.dtype != spec.dtype:
                raise RunError(f"expected {what} '{spec.name}' to have {spec.dtype} elements, but got {view.dtype}; convert it "
                               "before the call")
            if not view.is_contiguous:
                raise RunError(f"expected {what} '{spec.name}' to be contiguous; make it so with .contiguous()")
            sizes = (C.c_int64 * max(len(view.shape), 1))(*view.shape)
            array[i] = Tensor(view.data, _CODES[spec.dtype], sizes, len(view.shape))
            alive += [sizes, view]
        return array, alive

    def _bind_torch(self, specs: Sequence[TensorSpec], values: Sequence[Any]) -> Any:
        """The same for torch tensors with which all is well, faster; None for all others."""
        array = (Tensor * max(len(values), 1))()
        kind, ordinal = self.device.kind, self.device.ordinal
        for item, spec, value in zip(array, specs, values):
            if not _is_torch(value) or not value.is_contiguous() or names_of_torch_types().get(value.dtype) != spec.dtype:
                return None
            device = value.device
            if device.type != kind or (kind == "cuda" and device.index != ordinal):
                return None
            shape = value.shape
            sizes = self._sizes.get(shape)
            if sizes is None:
                if len(self._sizes) >= 1024:
                    return None
                sizes = self._sizes[shape] = (C.c_int64 * max(len(shape), 1))(*shape)
            item.data, item.element_type, item.shape, item.rank = value.data_ptr(), _CODES[spec.dtype], sizes, len(shape)
        return array

    def _stream(self, stream: Any, values: Sequence[Any]) -> int | None:
        """The address of the stream that `stream` names: torch's current one by default."""
        if stream is not None:
            return int(getattr(stream, "cuda_stream", getattr(stream, "ptr", stream)))
        if self.device.kind == "cuda" and any(map(_is_torch, values)):
            import torch

            return torch.cuda.current_stream(self.device.ordinal).cuda_stream
        return None

    def output_shapes(self, *args: Any, **kwargs: Any) -> list[tuple[int, ...]]:
        """The shapes of the outputs for these inputs."""
        values = self._collect(args, kwargs)
        array, alive = self._bind(self.inputs, values, "input", self._stream(None, values))
        return self._shapes(array)

    def _shapes(self, array: Any) -> list[tuple[int, ...]]:
        return compute_shapes([len(spec.shape) for spec in self.outputs], lambda flat: _check(
            self._lib.etExecutableComputeShapes(self._handle, array, len(self.inputs), flat), RunError))

    def _allocate(self, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
        import torch

        where = torch.device(self.device.kind, self.device.ordinal) if self.device.kind == "cuda" else torch.device("cpu")
        return [torch.empty(shape, dtype=torch_types()[spec.dtype], device=where)
                for spec, shape in zip(self.outputs, shapes)]

    def __call__(self, *args: Any, out: Sequence[Any] | None = None, stream: Any = None, **kwargs: Any) -> tuple[Any, ...]:
        """Runs; `out` are tensors to write to, new ones of torch by default."""
        return self.bind(*args, out=out, stream=stream, **kwargs)()

    def bind(self, *args: Any, out: Sequence[Any] | None = None, stream: Any = None, **kwargs: Any) -> "BoundCall":
        """Checks tensors once for many runs, which then take what is in the same memory: `call = program.bind(x)`, `call()`.
        Runs stay in the stream that is current now, or in `stream`."""
        values = self._collect(args, kwargs)
        address = self._stream(stream, [*values, *(out or ())])
        inputs, alive = self._bind(self.inputs, values, "input", address)
        if out is not None:
            outputs = list(out)
        else:
            key = tuple(tuple(value.shape) for value in values) if all(map(_is_torch, values)) else None
            shapes = self._known_shapes.get(key) if key is not None else None
            if shapes is None:
                shapes = self._shapes(inputs)
                if key is not None and len(self._known_shapes) < 1024:
                    self._known_shapes[key] = shapes
            outputs = self._allocate(shapes)
        if len(outputs) != len(self.outputs):
            raise RunError(f"expected {len(self.outputs)} tensors in out, but got {len(outputs)}")
        results, also_alive = self._bind(self.outputs, outputs, "output", address)
        return BoundCall(self, (inputs, len(values), results, len(outputs), address), tuple(outputs), (alive, also_alive))

    def synchronize(self, stream: Any = None) -> None:
        """Waits for the stream. Raises RunError when the device failed, or when a kernel found something wrong since the last
        call: an index that is out of range, ..."""
        address = int(getattr(stream, "cuda_stream", stream)) if stream is not None else None
        if address is None and self.device.kind == "cuda":
            import sys

            torch = sys.modules.get("torch")
            if torch is not None:
                address = torch.cuda.current_stream(self.device.ordinal).cuda_stream
        _check(self._lib.etExecutableSynchronize(self._handle, address), RunError)


class BoundCall:
    """A program with its tensors; calling it runs it on what they hold now, and returns `outputs`."""

    def __init__(self, program: SavedProgram, arguments: tuple[Any, ...], outputs: tuple[Any, ...], alive: object) -> None:
        self.outputs = outputs
        self._run = functools.partial(program._lib.etExecutableRun, program._handle, *arguments)
        # The executable, and the memory of the tensors.
        self._alive = (program, alive)

    def __call__(self) -> tuple[Any, ...]:
        _check(self._run(), RunError)
        return self.outputs


def _default_device(kinds: set[int], threads: int | None) -> Device:
    """GPU 0 for plans of `kinds`, else the CPU: with a warning when there is a plan for GPUs, but no GPU."""
    if _CUDA in kinds:
        try:
            return Device.cuda(0)
        except LoadError as error:
            if _CPU not in kinds:
                raise
            warnings.warn(f"the program runs on the CPU: {error}", RuntimeWarning, stacklevel=4)
    return Device.cpu(threads)


def load(path: str | os.PathLike[str], device: str | Device | None = None, *, threads: int | None = None,
         max_shapes: int = 64, use_graphs: bool = True, check_weights: bool = True, map_weights: bool = False
         ) -> SavedProgram:
    """Loads the saved program `path` onto `device`: "cpu", "cuda", "cuda:1", or a Device. By default it goes where it was
    compiled for, to GPU 0 when it has a plan for GPUs, else to the CPU; a program for both goes to the CPU where there is no GPU,
    with a warning.

    `threads` is for the CPU, one for each processor by default. `max_shapes` is how many sets of dynamic sizes are kept (with
    their CUDA graphs); the least recently used goes first. With `map_weights` the CPU reads weights where the file is mapped:
    processes share one copy and loading copies nothing, but runs on short inputs take a tenth more time. Raises LoadError when the file is damaged, or when it holds
    nothing that runs on the device.
    """
    if isinstance(device, str):
        kind, _, ordinal = device.partition(":")
        if device == "cpu":
            device = Device.cpu(threads)
        elif kind == "cuda" and (ordinal == "" or ordinal.isdecimal()):
            device = Device.cuda(int(ordinal or 0))
        else:
            raise ValueError(f"expected device 'cpu', 'cuda' or 'cuda:N', but got '{device}'")
    if threads is not None and device is not None and device.kind != "cpu":
        raise ValueError(f"expected threads for the CPU only, but the device is {device}")
    return SavedProgram(path, device, max_shapes=max_shapes, use_graphs=use_graphs, check_weights=check_weights,
                        threads=threads, map_weights=map_weights)
