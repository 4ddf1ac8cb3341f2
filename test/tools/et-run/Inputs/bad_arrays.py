"""Writes the arrays of errors.mlir: one good one, and ways to be wrong."""

import sys

import numpy as np

folder = sys.argv[1]
good = np.ones((2, 4), np.float32)


def save(name: str, array: np.ndarray) -> bytes:
    np.save(f"{folder}/{name}.npy", array)
    return open(f"{folder}/{name}.npy", "rb").read()


raw = save("good", good)
save("three", np.ones((3, 4), np.float32))
save("rank", np.ones(4, np.float32))
save("shape", np.ones((2, 5), np.float32))
save("f8", good.astype("f8"))
save("u2", np.ones((2, 4), "u2"))
save("ids", np.array([0, 6, 7], "i8"))
save("fortran", np.asfortranarray(good))
save("big_endian", good.astype(">f4"))
save("object", np.array([[None] * 4] * 2))
save("record", np.zeros(2, [("a", "f4"), ("b", "f4")]))
huge = b"(9999999999, 9999999999), }"
for name, data in {
    "truncated": raw[:-1],
    "trailing": raw + b"!",
    "header": raw[:40],
    "garbage": b"PK\3\4" + raw,
    "version": raw[:6] + b"\x09" + raw[7:],
    # Of the same length, so that the header stays whole.
    "overflow": raw.replace(b"(2, 4), }" + b" " * (len(huge) - 9), huge),
}.items():
    open(f"{folder}/{name}.npy", "wb").write(data)
