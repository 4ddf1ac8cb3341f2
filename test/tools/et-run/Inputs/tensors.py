"""Writes the files of safetensors.mlir: one good one, and ways to be wrong."""

import json
import struct
import sys

import numpy as np

folder = sys.argv[1]
data = np.array([7, 8], "<f4").tobytes() + np.array([1, 2, 3], "<f4").tobytes()
other = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
w = {"dtype": "F32", "shape": [3], "data_offsets": [8, 20]}


def write(name: str, header: dict | bytes, data: bytes = data, extra: int = 0) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    open(f"{folder}/{name}.safetensors", "wb").write(struct.pack("<Q", len(text) + extra) + text + data)


write("good", {"__metadata__": {"format": "pt"}, "v": other, "w": w})
write("lacking", {"v": {"dtype": "F32", "shape": [5], "data_offsets": [0, 20]}})
write("dtype", {"v": other | {"shape": [3], "data_offsets": [0, 12]}, "w": {"dtype": "F16", "shape": [3], "data_offsets": [12, 18]}}, data[:18])
write("shape", {"v": other, "w": w | {"shape": [3, 1]}})
write("truncated", {"v": other, "w": w}, data[:-1])
write("overlap", {"v": other, "w": w | {"data_offsets": [4, 16]}}, data[:16])
write("gap", {"v": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "w": w})
write("size", {"v": other, "w": w | {"data_offsets": [8, 16]}}, data[:16])
write("unknown", {"v": other, "w": w | {"dtype": "F33"}})
write("fields", {"v": other, "w": {"dtype": "F32", "shape": [3]}})
write("negative", {"v": other, "w": w | {"shape": [-3]}})
write("tail", {"v": other, "w": w}, data + b"!")
write("json", b"{" * 100)
write("long", {"v": other, "w": w}, extra=1 << 40)
open(f"{folder}/empty.safetensors", "wb").write(b"1234567")
