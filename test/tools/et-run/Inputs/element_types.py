"""Writes one array per element type, and checks that types.mlir returned them: element_types.py FOLDER write|check."""

import sys

import numpy as np

folder, action = sys.argv[1:3]
types = ["f2", "f4", "f8", "b1", "i1", "i2", "i4", "i8"]
arrays = [np.array([1, 0, 1] if t == "b1" else [1, -2, 3], t) for t in types]
if action == "write":
    for t, array in zip(types, arrays):
        np.save(f"{folder}/{t}.npy", array)
else:
    for i, array in enumerate(arrays + [arrays[1]]):
        got = np.load(f"{folder}/o{i}.npy")
        assert got.dtype == array.dtype, (i, got.dtype)
        np.testing.assert_array_equal(got, array)
