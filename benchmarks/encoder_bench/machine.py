#===- machine.py - What was measured on, with which versions -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Describes the machine and the software for the results. Names no host, user or folder: results are published."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path

PACKAGES = ("torch", "transformers", "onnx", "onnxruntime", "openvino", "numpy")
FEATURES = ("avx2", "fma", "avx512f", "avx512bw", "avx512_bf16", "amx_tile")


def cpu_info(text: str) -> dict[str, object]:
    """Returns what /proc/cpuinfo says about the first processor."""
    fields = {}
    for line in text.split("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    flags = fields.get("flags", "").split()
    return {
        "model": fields.get("model name", "unknown"),
        "family": f"family {fields.get('cpu family', '?')} model {fields.get('model', '?')} stepping {fields.get('stepping', '?')}",
        "features": [name for name in FEATURES if name in flags],
    }


def describe(threads: int, cpus: list[int]) -> dict[str, object]:
    """Returns the machine as the results record it."""
    info = cpu_info(Path("/proc/cpuinfo").read_text())
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        **info,
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30, 1),
        "threads": threads,
        "pinned_to": cpus,
        "kernel": re.match(r"[\d.]+", platform.release())[0],
    }


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that take part."""
    result = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            result[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            result[name] = "not installed"
    return result


def slug(machine: dict[str, object]) -> str:
    """Returns a short name of the machine for file names, e.g. amd-epyc-2c."""
    words = re.sub(r"\(.*?\)|@.*|\b(cpu|processor|\d+-core)\b", " ", str(machine["model"]).lower())
    return "-".join([*re.findall(r"[a-z0-9.]+", words), f"{machine['cores']}c"])
