# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Launches cubins described by JSON (unittests/Conversion/ETToGPU/KernelDump.h) on torch tensors, by libcuda alone.

Needs a GPU, its driver and torch; no toolkit and no LLVM.
"""

import ctypes
import statistics

import torch

cuda = ctypes.CDLL("libcuda.so.1")

TYPES = {"f16": (6, 2), "f32": (7, 4), "bf16": (9, 2)}  # CUtensorMapDataType, bytes
SWIZZLES = {0: 0, 32: 1, 64: 2, 128: 3}


class LaunchAttribute(ctypes.Structure):
    _fields_ = [("id", ctypes.c_int), ("pad", ctypes.c_char * 4), ("value", ctypes.c_uint32 * 16)]


class LaunchConfig(ctypes.Structure):
    _fields_ = [
        ("grid", ctypes.c_uint32 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("shared", ctypes.c_uint32),
        ("stream", ctypes.c_void_p),
        ("attributes", ctypes.POINTER(LaunchAttribute)),
        ("count", ctypes.c_uint32),
    ]


def check(result, what):
    if result:
        name = ctypes.c_char_p()
        cuda.cuGetErrorName(result, ctypes.byref(name))
        raise RuntimeError(f"{what}: {name.value and name.value.decode()} ({result})")


def load(path, symbol, shared):
    """The function `symbol` of the cubin at `path`, allowed `shared` bytes of dynamic shared memory."""
    torch.zeros(1, device="cuda")
    module, function = ctypes.c_void_p(), ctypes.c_void_p()
    with open(path, "rb") as file:
        image = file.read()
    check(cuda.cuModuleLoadData(ctypes.byref(module), image), f"load {path}")
    check(cuda.cuModuleGetFunction(ctypes.byref(function), module, symbol.encode()), f"find {symbol}")
    check(cuda.cuFuncSetAttribute(function, 8, shared), "allow shared memory")
    return function


def encode_map(spec, tensor):
    """The 128 bytes of a tensor map over `tensor`, aligned to 64."""
    code, size = TYPES[spec["type"]]
    buffer = (ctypes.c_char * 256)()
    address = (ctypes.addressof(buffer) + 63) // 64 * 64
    rank = len(spec["sizes"])
    check(
        cuda.cuTensorMapEncodeTiled(
            ctypes.c_void_p(address),
            code,
            rank,
            ctypes.c_void_p(tensor.data_ptr() + spec["offset"] * size),
            (ctypes.c_uint64 * rank)(*spec["sizes"]),
            (ctypes.c_uint64 * max(1, rank - 1))(*[s * size for s in spec["strides"]]),
            (ctypes.c_uint32 * rank)(*spec["box"]),
            (ctypes.c_uint32 * rank)(*[1] * rank),
            0,
            SWIZZLES[spec["swizzle"]],
            3,  # promote to 256 bytes in L2
            0,  # zeros outside
        ),
        "encode a tensor map",
    )
    return buffer, address


class Launch:
    """One launch of `function` as `spec` describes, on `operands`."""

    def __init__(self, function, spec, operands, programmatic=None):
        self.function = function
        self.keep = list(operands)
        pointers = []
        for argument in spec["arguments"]:
            if argument["kind"] == "map":
                shape = spec["maps"][argument["map"]]
                buffer, address = encode_map(shape, operands[shape["operand"]])
                self.keep.append(buffer)
                pointers.append(address)
                continue
            if argument["kind"] == "pointer":
                tensor = operands[argument["operand"]]
                value = ctypes.c_void_p(tensor.data_ptr() + argument["offset"] * tensor.element_size())
            else:
                value = ctypes.c_int32(argument["value"])
            self.keep.append(value)
            pointers.append(ctypes.addressof(value))
        self.arguments = (ctypes.c_void_p * len(pointers))(*pointers)
        self.attributes = (LaunchAttribute * 2)()
        count = 0
        if spec["cluster"] > 1:
            self.attributes[count].id = 4
            self.attributes[count].value[:3] = [spec["cluster"], 1, 1]
            count += 1
        if spec["programmatic"] if programmatic is None else programmatic:
            self.attributes[count].id = 6
            self.attributes[count].value[0] = 1
            count += 1
        self.config = LaunchConfig()
        self.config.grid[:] = spec["grid"]
        self.config.block[:] = [spec["threads"], 1, 1]
        self.config.shared = spec["shared"]
        self.config.attributes = self.attributes
        self.config.count = count

    def __call__(self):
        self.config.stream = torch.cuda.current_stream().cuda_stream
        check(cuda.cuLaunchKernelEx(ctypes.byref(self.config), self.function, self.arguments, None), "launch")


def capture(functions, calls):
    """A CUDA graph of `calls` calls that go round `functions`."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for function in functions:
            function()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for i in range(calls):
            functions[i % len(functions)]()
    return graph


def bench(candidates, calls=20, repeats=11):
    """Median microseconds of a call of each candidate, a list of functions that are called in turn.

    The candidates take turns, so that all of them see the same clocks.
    """
    graphs = [capture(functions, calls) for functions in candidates]
    times = [[] for _ in graphs]
    for repeat in range(repeats + 1):
        for graph, record in zip(graphs, times):
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            graph.replay()
            end.record()
            end.synchronize()
            if repeat:
                record.append(begin.elapsed_time(end) * 1000 / calls)
    return [statistics.median(record) for record in times]
