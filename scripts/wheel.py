#===- wheel.py - Build the wheel -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Builds one self-contained wheel from a build folder, for every CPython from 3.10 on.

    python scripts/wheel.py build-static            # dist/et_compiler-VERSION-py3-none-manylinux_2_XX_x86_64.whl

Copies python/ and the libraries to a folder of its own, with fixed times and modes, and lets setuptools pack it: the same
commit and the same libraries give the same bytes. The platform's tag is read off the libraries: the newest glibc symbol.
A build folder of the shared flavour makes a thin wheel (tag linux), which needs this machine's LLVM: for tests.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: What manylinux says every distribution has, of what we need (PEP 600 and auditwheel's policies).
SYSTEM = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libz.so.1"}

#: Libraries of others that come along: (file, where Debian has it, its licence).
OTHERS = (("libomp.so.5", ("/usr/lib/llvm-22/lib", "/usr/lib/x86_64-linux-gnu"), "libomp-22-dev"),
          ("libzstd.so.1", ("/usr/lib/x86_64-linux-gnu",), "libzstd1"))


class WheelError(Exception):
    """The wheel cannot be built as asked."""


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise WheelError(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def needed_libraries(path: Path) -> set[str]:
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", str(path))))


def newest_glibc(paths: list[Path]) -> tuple[int, int]:
    """The newest version of glibc that a symbol which one of `paths` needs was made in."""
    versions = [(2, 17)]
    for path in paths:
        names = re.findall(r"Name: GLIBC_(\d+)\.(\d+)", run("readelf", "--version-info", "--wide", str(path)))
        versions += [(int(major), int(minor)) for major, minor in names]
    return max(versions)


def stage(build: Path, folder: Path, strip: str) -> list[Path]:
    """Copies what the wheel holds to `folder`, and returns the libraries and executables."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "python", folder / "python", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "lib", "bin", "build.json"))
    package = folder / "python" / "et"
    files = [(build / "lib/wheel/libETCAPI.so", package / "lib"), (build / "lib/libETRuntime.so", package / "lib"),
             (build / "bin/et-run-program", package / "bin")]
    (folder / "licenses").mkdir()
    for name, places, owner in OTHERS:
        found = next((Path(place) / name for place in places if (Path(place) / name).exists()), None)
        if found is None:
            raise WheelError(f"expected {name} in {' or '.join(places)}; install Debian's {owner}")
        files.append((found.resolve().with_name(found.resolve().name), package / "lib"))
        copyright_file = Path("/usr/share/doc") / owner / "copyright"
        if copyright_file.exists():
            shutil.copy(copyright_file, folder / "licenses" / f"{name}.txt")
    names = {path.name: name for name, _, _ in OTHERS for path, _ in files if path.name.startswith(name)}
    binaries = []
    for source, target in files:
        if not source.exists():
            raise WheelError(f"expected {source}; build it with: ninja -C {build} ETToolbox ETRuntimeShared et-run-program")
        target.mkdir(exist_ok=True)
        path = target / names.get(source.name, source.name)
        shutil.copy(source, path)
        run(strip, "--strip-unneeded", str(path))
        binaries.append(path)
    return binaries


def check_needs(binaries: list[Path]) -> list[str]:
    """The libraries that are neither in the wheel nor in every distribution."""
    inside = {path.name for path in binaries}
    return sorted({name for path in binaries for name in needed_libraries(path)} - inside - SYSTEM)


def normalise(folder: Path, epoch: int) -> None:
    """Gives every file the same time, and modes that do not depend on the umask."""
    for path in sorted(folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        os.utime(path, (epoch, epoch))


def build_wheel(build: Path, output: Path) -> Path:
    if not (build / "CMakeCache.txt").exists():
        raise WheelError(f"expected a build folder, but {build} has no CMakeCache.txt; make one with: make wheel")
    is_static = re.search(r"^ET_STATIC:BOOL=(ON|TRUE|1)$", (build / "CMakeCache.txt").read_text(), re.MULTILINE) is not None
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or run("git", "-C", str(ROOT), "log", "-1", "--format=%ct"))
    commit = run("git", "-C", str(ROOT), "rev-parse", "HEAD").strip()
    if run("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no").strip():
        commit += ", with changes"
    strip = next((name for name in ("/usr/lib/llvm-22/bin/llvm-strip", "strip") if shutil.which(name)), "strip")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        binaries = stage(build.resolve(), folder, strip)
        major, minor = newest_glibc(binaries)
        unknown = check_needs(binaries)
        if unknown and is_static:
            raise WheelError(f"the wheel would need {', '.join(unknown)}, which not every machine has; "
                             "link it into the library (cmake/ETStatic.cmake) or let it come along (OTHERS)")
        # A thin wheel is no manylinux wheel, whatever its symbols say.
        platform = f"manylinux_{major}_{minor}_x86_64" if is_static else "linux_x86_64"
        about = {"commit": commit, "platform": platform,
                 "flags": "static, stripped, LLVM and MLIR inside" if is_static else "thin: needs LLVM and MLIR of the machine"}
        (folder / "python/et/build.json").write_text(json.dumps(about, indent=1) + "\n")
        normalise(folder, epoch)
        made = folder / "made"
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0"}
        done = subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
                               "--wheel-dir", str(made), f"--config-settings=--build-option=--plat-name={platform}",
                               "--config-settings=--build-option=--python-tag=py3", str(folder)],
                              env=environment, umask=0o022, capture_output=True, text=True)
        if done.returncode:
            raise WheelError(f"setuptools failed: {(done.stdout + done.stderr).strip()[-2000:]}")
        wheel = next(made.glob("*.whl"))
        output.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(wheel, output))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, help="build folder")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="where the wheel goes (default: dist)")
    parser.add_argument("--limit", type=float, default=60, help="largest size in MB that is accepted (default: %(default)s)")
    options = parser.parse_args()
    try:
        wheel = build_wheel(options.build, options.output)
    except WheelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    size = wheel.stat().st_size / 1e6
    print(f"{wheel} ({size:.1f} MB)")
    if size > options.limit:
        print(f"error: expected at most {options.limit:g} MB; look for what grew in libETCAPI.so", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
