#===- probes.py - Looks at one part of the machine each -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Each probe looks at one part of the machine and returns findings; none raises for what a machine may lack."""

from __future__ import annotations

import ctypes as C
import os
import platform
import shutil
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

from .. import capi, runtime
from ..errors import Error
from .about import PACKAGES, version_of

OK, OPTIONAL, NEEDED = "ok", "optional", "needed"


@dataclass(frozen=True)
class Finding:
    """`status`: ok, or how much is lost with what is missing: optional or needed."""

    name: str
    status: str
    text: str
    #: What it costs that this is missing, and how to get it.
    cost: str = ""
    fix: str = ""


def probe_libraries() -> list[Finding]:
    """The compiler and the runtime of this package."""
    found = []
    for name, load, version in (("compiler", capi.library, "etVersion"), ("runtime", runtime.library, "etRuntimeVersion")):
        try:
            library = load()
        except Error as error:
            found.append(Finding(name, NEEDED, str(error), f"there is no {name}",
                                 "install the wheel of et-compiler again, or in a checkout: make build"))
            continue
        found.append(Finding(name, OK, getattr(library, version)().decode()))
    return found


def probe_cpu(cpuinfo: Path = Path("/proc/cpuinfo"), machine: str | None = None) -> list[Finding]:
    """The instruction sets that the compiler has levels for."""
    machine = machine or platform.machine()
    if machine != "x86_64":
        return [Finding("processor", NEEDED, machine, "E.T. compiles for x86-64 only", "use an x86-64 machine")]
    try:
        lines = dict(line.split(":", 1) for line in cpuinfo.read_text().split("\n\n")[0].splitlines() if ":" in line)
    except OSError as error:
        return [Finding("processor", OPTIONAL, f"{cpuinfo} cannot be read: {error.strerror}", "its features are not known", "mount /proc")]
    fields = {key.strip(): value.strip() for key, value in lines.items()}
    flags = set(fields.get("flags", "").split())
    features = [title for title, flag in (("AVX2", "avx2"), ("FMA", "fma"), ("AVX-512", "avx512f"), ("AVX-512 VNNI", "avx512_vnni"),
                                          ("AVX-512 BF16", "avx512_bf16"), ("AMX", "amx_tile")) if flag in flags]
    text = f"{fields.get('model name', 'unknown')}: {', '.join(features) or 'neither AVX2 nor AVX-512'}"
    if "avx2" not in flags or "fma" not in flags:
        return [Finding("processor", OPTIONAL, text, "kernels of the baseline, several times slower", "use a processor with AVX2")]
    return [Finding("processor", OK, text)]


def probe_memory(meminfo: Path = Path("/proc/meminfo")) -> list[Finding]:
    """Processors of this process, and memory."""
    cores = Finding("cores", OK, str(len(os.sched_getaffinity(0))))
    try:
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        total, free = (int(fields[name].split()[0]) / 2**20 for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError, IndexError) as error:
        return [cores, Finding("memory", OPTIONAL, f"{meminfo} cannot be read: {error}", "its size is not known", "mount /proc")]
    return [cores, Finding("memory", OK, f"{total:.1f} GiB, {free:.1f} GiB of it available")]


def probe_threads() -> list[Finding]:
    """Whether programs run on several threads, by the runtime's own search for OpenMP."""
    with warnings.catch_warnings(record=True) as notices:
        warnings.simplefilter("always")
        try:
            runtime.Device.cpu()
        except Error as error:
            return [Finding("threads", OPTIONAL, str(error), "programs do not run on the CPU", "see the runtime above")]
    if notices:
        return [Finding("threads", OPTIONAL, str(notices[0].message), "programs run on one thread",
                        "install the wheel of et-compiler, which has libomp inside, or Debian's libomp5")]
    return [Finding("threads", OK, "OpenMP was found: programs run on all cores")]


def probe_gpu(needed: bool = False, path: str = "libcuda.so.1") -> list[Finding]:
    """The driver at `path`, and its GPUs."""
    status = NEEDED if needed else OPTIONAL
    cost = "programs for GPUs can be compiled, but do not run here"
    try:
        cuda = C.CDLL(path)
        version, count = C.c_int(), C.c_int()
        if code := cuda.cuInit(0):
            return [Finding("GPU", status, f"the driver {path} answers cuInit with error {code}", cost,
                            "install a driver that fits the GPU, and give containers access to it")]
        if code := (cuda.cuDriverGetVersion(C.byref(version)) or cuda.cuDeviceGetCount(C.byref(count))):
            return [Finding("GPU", status, f"the driver {path} answers with error {code}", cost, "install the driver again")]
    except OSError as error:
        return [Finding("GPU", status, f"no driver: {error}", cost, "install NVIDIA's driver")]
    except AttributeError as error:
        return [Finding("GPU", status, f"{path} is no CUDA driver: {error}", cost, "install NVIDIA's driver")]
    found = [Finding("CUDA driver", OK, f"CUDA {version.value // 1000}.{version.value % 1000 // 10}")]
    if not count.value:
        found.append(Finding("GPU", status, "the driver sees none", cost, "look at CUDA_VISIBLE_DEVICES and nvidia-smi"))
    for ordinal in range(count.value):
        name, device, major, minor = C.create_string_buffer(256), C.c_int(), C.c_int(), C.c_int()
        # 75 and 76: CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
        if code := (cuda.cuDeviceGet(C.byref(device), ordinal) or cuda.cuDeviceGetName(name, 256, device)
                    or cuda.cuDeviceGetAttribute(C.byref(major), 75, device) or cuda.cuDeviceGetAttribute(C.byref(minor), 76, device)):
            found.append(Finding(f"GPU {ordinal}", status, f"the driver answers with error {code}", cost, "look at nvidia-smi"))
            continue
        text = f"{name.value.decode(errors='replace')}, sm_{major.value}{minor.value}"
        if major.value < 8:
            found.append(Finding(f"GPU {ordinal}", status, text, "kernels need sm_80 or newer", "use an A100, an H100 or newer"))
        else:
            found.append(Finding(f"GPU {ordinal}", OK, text))
    return found


def find_ptxas() -> str | None:
    """ptxas where the compiler looks for it: include/et/Target/NVIDIA/Serialize.h."""
    if explicit := os.environ.get("ET_PTXAS"):
        return explicit if os.access(explicit, os.X_OK) else None
    folders = [os.environ.get("PATH", "")]
    folders += [f"{os.environ[name]}/bin" for name in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(name)]
    folders += ["/usr/local/cuda/bin", *(str(p) for p in sorted(Path("/usr/local").glob("cuda-*/bin"), reverse=True))]
    if root := os.environ.get("VIRTUAL_ENV"):
        for site in sorted(Path(root).glob("lib/python3*/site-packages/nvidia"), reverse=True):
            folders += [f"{site}/cu13/bin", f"{site}/cuda_nvcc/bin"]
    return shutil.which("ptxas", path=os.pathsep.join(folders))


def probe_ptxas() -> list[Finding]:
    if path := find_ptxas():
        return [Finding("ptxas", OK, path)]
    where = f"ET_PTXAS is {os.environ['ET_PTXAS']}, which is no program" if os.environ.get("ET_PTXAS") else \
        "neither in ET_PTXAS, PATH, CUDA_HOME, CUDA_PATH, /usr/local/cuda* nor in the active virtual environment"
    return [Finding("ptxas", OPTIONAL, where, "programs for GPUs hold PTX, which the driver compiles each time it loads them",
                    "pip install 'et-compiler[cuda]' and activate the environment")]


def probe_packages() -> list[Finding]:
    """The Python packages; without PyTorch nothing can be compiled."""
    found = [Finding("Python", OK, platform.python_version()) if sys.version_info >= (3, 10) else
             Finding("Python", NEEDED, platform.python_version(), "this package needs 3.10 or newer", "install a newer Python")]
    for name, cost in PACKAGES.items():
        if version := version_of(name):
            found.append(Finding(name, OK, version))
        else:
            status = NEEDED if name in ("torch", "numpy") else OPTIONAL
            found.append(Finding(name, status, "not installed", cost, f"pip install {name}"))
    return found


def examine(target: str = "cpu") -> list[Finding]:
    """All findings; with `target` cuda a GPU is needed."""
    return [*probe_libraries(), *probe_cpu(), *probe_memory(), *probe_threads(), *probe_gpu(target == "cuda"), *probe_ptxas(),
            *probe_packages()]
