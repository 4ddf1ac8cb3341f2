"""Loads and launches GPU kernels that a kernel dump describes (KernelDump.h), on torch tensors.

Only the driver API, by ctypes: no CUDA toolkit and no compiler is needed.
"""

from __future__ import annotations

import ctypes
import json
import pathlib
import statistics

import torch

_cuda = ctypes.CDLL("libcuda.so.1")

_TYPES = {"f16": (6, 2), "bf16": (9, 2), "f32": (7, 4)}  # CUtensorMapDataType, bytes
_SWIZZLES = {0: 0, 32: 1, 64: 2, 128: 3}
_PROMOTE_256 = 3
_MAX_DYNAMIC_SHARED = 8
_ATTRIBUTE_CLUSTER = 4
_ATTRIBUTE_PROGRAMMATIC = 6


class _Attribute(ctypes.Structure):
    _fields_ = [("id", ctypes.c_uint), ("pad", ctypes.c_uint), ("value", ctypes.c_uint32 * 16)]


class _Config(ctypes.Structure):
    _fields_ = [
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("shared", ctypes.c_uint),
        ("stream", ctypes.c_void_p),
        ("attributes", ctypes.POINTER(_Attribute)),
        ("count", ctypes.c_uint),
    ]


def check(result: int, what: str) -> None:
    if result:
        text = ctypes.c_char_p()
        _cuda.cuGetErrorString(result, ctypes.byref(text))
        raise RuntimeError(f"{what}: {text.value.decode() if text.value else result}")


class Kernel:
    """One kernel of a dump."""

    def __init__(self, folder: pathlib.Path, file: str, launch: dict):
        torch.zeros(1, device="cuda")  # the context
        self.launch = launch
        code = (folder / file).read_bytes() + b"\0"
        self._module = ctypes.c_void_p()
        check(_cuda.cuModuleLoadData(ctypes.byref(self._module), code), f"load {file}")
        self._function = ctypes.c_void_p()
        name = launch["function"].encode()
        check(_cuda.cuModuleGetFunction(ctypes.byref(self._function), self._module, name), f"find {name}")
        check(
            _cuda.cuFuncSetAttribute(self._function, _MAX_DYNAMIC_SHARED, launch["shared"]), f"shared memory of {file}"
        )

    def bind(self, sizes: list[int], operands: dict[int, torch.Tensor], programmatic: bool | None = None) -> "Launch":
        """`operands` hold the memory, whatever their shape; symbol i of the dump's expressions is sizes[i]."""
        return Launch(self, sizes, operands, programmatic)


class Launch:
    """A kernel with all that it needs; call it to put it on torch's current stream."""

    def __init__(self, kernel: Kernel, sizes, operands, programmatic):
        self._kernel = kernel
        launch = kernel.launch
        value = lambda expr: eval(expr, {"__builtins__": {}}, {"s": sizes})  # written by our own dump
        self._keep = [operands]
        arguments = []
        for argument in launch["arguments"]:
            if argument["kind"] == "i32":
                slot = ctypes.c_int32(value(argument["value"]))
            elif argument["kind"] == "pointer":
                tensor = operands[argument["operand"]]
                slot = ctypes.c_void_p(tensor.data_ptr() + value(argument["offset"]) * tensor.element_size())
            else:
                slot = self._tensor_map(argument, operands[argument["operand"]], value)
            self._keep.append(slot)
            arguments.append(ctypes.addressof(slot))
        self._arguments = (ctypes.c_void_p * len(arguments))(*arguments)
        config = _Config()
        config.grid = (ctypes.c_uint * 3)(*[value(expr) for expr in launch["grid"]])
        config.block = (ctypes.c_uint * 3)(launch["threads"], 1, 1)
        config.shared = launch["shared"]
        attributes = []
        if launch["cluster"] > 1:
            attribute = _Attribute(id=_ATTRIBUTE_CLUSTER)
            attribute.value[0], attribute.value[1], attribute.value[2] = launch["cluster"], 1, 1
            attributes.append(attribute)
        if launch["programmatic"] if programmatic is None else programmatic:
            attribute = _Attribute(id=_ATTRIBUTE_PROGRAMMATIC)
            attribute.value[0] = 1
            attributes.append(attribute)
        self._attributes = (_Attribute * max(1, len(attributes)))(*attributes)
        config.attributes = self._attributes
        config.count = len(attributes)
        self._config = config
        self.empty = 0 in list(config.grid)

    @staticmethod
    def _tensor_map(argument, tensor, value):
        kind, width = _TYPES[argument["type"]]
        rank = len(argument["sizes"])
        raw = ctypes.create_string_buffer(128 + 64)
        aligned = (ctypes.addressof(raw) + 63) // 64 * 64
        slot = (ctypes.c_char * 128).from_address(aligned)
        slot._raw = raw
        # A dimension of no elements has no map; what is read of it is excluded by the kernel.
        sizes = (ctypes.c_uint64 * rank)(*[max(1, value(expr)) for expr in argument["sizes"]])
        strides = (ctypes.c_uint64 * max(1, rank - 1))(*[max(16, value(e) * width) for e in argument["strides"]])
        box = (ctypes.c_uint32 * rank)(*argument["box"])
        steps = (ctypes.c_uint32 * rank)(*([1] * rank))
        address = ctypes.c_void_p(tensor.data_ptr() + value(argument["offset"]) * width)
        check(
            _cuda.cuTensorMapEncodeTiled(
                slot, kind, rank, address, sizes, strides, box, steps, 0, _SWIZZLES[argument["swizzle"]], _PROMOTE_256, 0
            ),
            f"tensor map of operand {argument['operand']}",
        )
        return slot

    def __call__(self) -> None:
        if self.empty:
            return
        self._config.stream = torch.cuda.current_stream().cuda_stream
        check(
            _cuda.cuLaunchKernelEx(ctypes.byref(self._config), self._kernel._function, self._arguments, None), "launch"
        )


def load_dump(path: pathlib.Path) -> list[dict]:
    return json.loads(path.read_text())


def microseconds(call, per_graph: int = 20, repeats: int = 9) -> float:
    """Median time of one call in CUDA graphs of `per_graph` calls; `call` may be a list to take in turns."""
    calls = call if isinstance(call, list) else [call]
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for each in calls:
            each()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for i in range(per_graph):
            calls[i % len(calls)]()
    for _ in range(2):
        graph.replay()
    times = []
    for _ in range(repeats):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        graph.replay()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) * 1000 / per_graph)
    return statistics.median(times)
