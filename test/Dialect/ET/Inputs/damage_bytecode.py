"""Damages a bytecode file in every way that a reader must survive, and says what the reader did.

Usage: damage_bytecode.py <file.mlirbc> <prefix of temporary files> <et-opt>
"""

import pathlib
import random
import subprocess
import sys

data = pathlib.Path(sys.argv[1]).read_bytes()
scratch, tool = pathlib.Path(sys.argv[2] + ".damaged.mlirbc"), sys.argv[3]


def read(content: bytes) -> subprocess.CompletedProcess:
    scratch.write_bytes(content)
    return subprocess.run([tool, str(scratch), "-o", "/dev/null"], capture_output=True, text=True, errors="replace")


def varint(value: int) -> bytes:
    """MLIR's encoding of a number below 128."""
    return bytes([value << 1 | 1])


# A version section: its identifier (7) with the bit that says it is not aligned, its length, major and minor version.
# It occurs once per dialect that has a version; the one of et holds the two numbers of version 1.0.
section = bytes([7]) + varint(2) + varint(1) + varint(0)
assert data.count(section) == 1, data.count(section)
for name, version in (("newer minor version", varint(1) + varint(1)), ("newer major version", varint(2) + varint(0))):
    result = read(data.replace(section, section[:2] + version))
    message = next(line for line in result.stderr.splitlines() if "error:" in line)
    print(f"{name}: {'refused' if result.returncode == 1 else result.returncode} {message}")

random.seed(1)
refused = crashed = 0
for length in random.sample(range(len(data)), 16):
    code = read(data[:length]).returncode
    refused += code == 1
    crashed += code not in (0, 1)
print(f"truncated: {refused} refused, {crashed} crashed")

# Attributes in the form the dialect gives them: every byte of each, changed to others. Bytes elsewhere are a matter of
# MLIR's own reader.
mask = varint(0) + varint(1) + varint(1) + varint(1) + varint(1) + varint(0)  # causal, lower_right, -1, -1, 0
tile = varint(1) + varint(32) + varint(16)  # 16x8
crashed = found = 0
for attribute in (mask, tile):
    at = data.find(attribute)
    found += at >= 0
    for offset in range(len(attribute)):
        for value in (0, 9, 255):
            altered = bytearray(data)
            altered[at + offset] = value
            crashed += read(bytes(altered)).returncode not in (0, 1)
print(f"altered: {found} attributes, {crashed} crashed")
