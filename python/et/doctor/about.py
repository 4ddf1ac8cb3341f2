#===- about.py - What this package is made of -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The lines of `et --version`: from build.json, which scripts/wheel.py writes, and from the compiler's library itself."""

from __future__ import annotations

import ctypes as C
import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

#: Grows when a function of the Python package is changed or taken away so that callers must follow.
API_LEVEL = 1

#: Packages that the doctor and the version speak of, and what is lost without each.
PACKAGES = {
    "torch": "nothing can be compiled or run from Python; the tools on the path still work",
    "numpy": "et.explain does not work, and arrays cannot be passed",
    "transformers": "no model definitions of Hugging Face",
    "safetensors": "weights of .safetensors files cannot be read in Python",
    "tokenizers": "the command line of et.prune cannot read texts",
    "onnx": "ONNX files cannot be read in Python",
    "rich": "the command lines of et.explain and et.prune do not work",
    "flatbuffers": "et.explain does not work",
    "jinja2": "et.explain does not work",
    "matplotlib": "et.explain draws no curve",
    "pillow": "et.explain draws no patterns",
}


def version_of(package: str) -> str | None:
    """The installed version of `package`; None when it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def read_build(folder: Path | None = None) -> dict[str, Any]:
    """What build.json in the package's `folder` says; a checkout has none. A broken one says so instead."""
    path = (folder or Path(__file__).resolve().parent.parent) / "build.json"
    try:
        build = json.loads(path.read_text())
    except FileNotFoundError:
        return {"commit": "a checkout, not a wheel"}
    except (OSError, ValueError) as error:
        return {"commit": f"unknown ({path} cannot be read: {error})"}
    return build if isinstance(build, dict) else {"commit": f"unknown ({path} holds no object)"}


def about() -> dict[str, Any]:
    """What `et --version` prints, by name."""
    from .. import capi

    result: dict[str, Any] = {"api_level": API_LEVEL, "python": platform.python_version(), **read_build()}
    try:
        library = capi.library()
        result["version"] = library.etVersion().decode()
        for name, function in (("llvm", "etToolboxLLVMVersion"), ("targets", "etToolboxTargets")):
            if hasattr(library, function):
                getattr(library, function).restype = C.c_char_p
                result[name] = getattr(library, function)().decode()
    except capi.LibraryError as error:
        result["version"] = f"unknown ({error})"
    result["packages"] = {name: version for name in PACKAGES if (version := version_of(name))}
    return result


def describe() -> str:
    """The text of `et --version`."""
    facts = about()
    lines = [f"E.T. {facts['version']}"]
    for name, title in (("commit", "commit"), ("llvm", "LLVM and MLIR"), ("targets", "back ends"), ("flags", "built with"),
                        ("platform", "platform"), ("python", "Python"), ("api_level", "Python API level")):
        if name in facts:
            lines.append(f"  {title:18}{facts[name]}")
    lines.append(f"  {'packages':18}" + (", ".join(f"{k} {v}" for k, v in facts["packages"].items()) or "none"))
    return "\n".join(lines)
