"""Writes the inputs of run.mlir, and checks its output: arrays.py FOLDER write | arrays.py FOLDER check FILE."""

import sys

import numpy as np

folder, action = sys.argv[1:3]
random = np.random.default_rng(0)
x = random.integers(-4, 5, (5, 4)).astype(np.float32)
b = random.integers(-4, 5, (5, 3)).astype(np.float32)
if action == "write":
    np.save(f"{folder}/x.npy", x)
    np.lib.format.write_array(open(f"{folder}/b.npy", "wb"), b, version=(2, 0))
else:
    w = np.array([[1, 2, 3, 4], [0.5, 0.25, 0.125, -1], [0, 1, 0, -1]], np.float32)
    y = np.load(f"{folder}/{sys.argv[3]}")
    # Small numbers: every sum is exact.
    assert y.dtype == np.float32 and y.shape == (5, 3), (y.dtype, y.shape)
    np.testing.assert_array_equal(y, x @ w.T + b)
