#===- gpu_check.py - Run prepared programs on a GPU and compare -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Runs the programs of a folder that scripts/gpu_prepare.py wrote, and prints one table.

    python FOLDER/carried/gpu_check.py FOLDER

Needs PyTorch and a GPU; no LLVM and no checkout. An output is right when its largest error against float64, relative to
the largest value, is at most twice that of PyTorch on the same input, or a few units in the last place where PyTorch's is
smaller still. Exits with 1 when a result is wrong or a program fails.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "python" if (HERE / "python").exists() else HERE.parent / "python"))

import numpy as np  # noqa: E402
import torch  # noqa: E402

import et.runtime  # noqa: E402

#: Distance from 1 to the next number.
EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23}


def load_array(folder: Path, name: str, kind: str) -> torch.Tensor:
    tensor = torch.from_numpy(np.load(folder / name))
    return (tensor.view(torch.bfloat16) if kind == "bfloat16" else tensor).cuda()


def check_run(program: Any, folder: Path, case: dict[str, Any], run: dict[str, Any]) -> tuple[float, float]:
    """The largest error of a run, and the largest allowed."""
    inputs = [load_array(folder, name, kind) for name, kind in run["inputs"]]
    shapes = program.output_shapes(*inputs)
    types = {name: dtype for dtype, name in et.runtime.names_of_torch_types().items()}
    # Whatever is not written shows.
    outputs = [torch.full(shape, float("nan"), dtype=types[spec.dtype], device="cuda") if spec.dtype[0] in "bf"
               and spec.dtype != "bool" else torch.zeros(shape, dtype=types[spec.dtype], device="cuda")
               for spec, shape in zip(program.outputs, shapes)]
    error = 0.0
    # The second run replays a graph.
    for _ in range(2):
        program(*inputs, out=outputs)
        program.synchronize()
        for output, name in zip(outputs, run["references"]):
            reference = torch.from_numpy(np.load(folder / name)).cuda().double()
            if tuple(output.shape) != tuple(reference.shape):
                raise RuntimeError(f"expected an output of shape {tuple(reference.shape)}, but got {tuple(output.shape)}")
            difference = (output.double() - reference).abs().max() / reference.abs().max().clamp_min(1e-30)
            error = max(error, float("inf") if torch.isnan(difference) else float(difference))
    return error, max(2 * run["torch_error"], 4 * EPSILON[case["dtype"]])


def check_tool(tool: Path, folder: Path, case: dict[str, Any], run: dict[str, Any]) -> tuple[float, float]:
    """What check_run does, of the same program run by the C++ tool: files in, files out."""
    with tempfile.TemporaryDirectory() as scratch:
        outputs = [Path(scratch) / f"{k}.npy" for k in range(len(run["references"]))]
        command = [str(tool.resolve()), str(folder / case["program"]), *(f"--input={folder / name}" for name, _ in run["inputs"]),
                   *(f"--output={path}" for path in outputs)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{tool.name} ended with status {done.returncode}: {done.stderr.strip()[-300:]}")
        error = 0.0
        for path, name in zip(outputs, run["references"]):
            output, reference = np.load(path).astype(np.float64), np.load(folder / name).astype(np.float64)
            if output.shape != reference.shape:
                raise RuntimeError(f"expected an output of shape {reference.shape}, but got {output.shape}")
            difference = np.abs(output - reference).max() / max(np.abs(reference).max(), 1e-30)
            error = max(error, float("inf") if np.isnan(difference) else float(difference))
    return error, max(2 * run["torch_error"], 4 * EPSILON[case["dtype"]])


def time_run(program: Any, folder: Path, run: dict[str, Any], rounds: int = 9, calls: int = 20) -> float:
    """Microseconds of a call: the median of rounds of several calls in a row."""
    inputs = [load_array(folder, name, kind) for name, kind in run["inputs"]]
    outputs = program(*inputs)
    for _ in range(5):
        program(*inputs, out=outputs)
    times = []
    for _ in range(rounds):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(calls):
            program(*inputs, out=outputs)
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / calls * 1000)
    return sorted(times)[rounds // 2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--tool", type=Path, help="an et-run-program, which runs the cases of --tool-cases, too")
    parser.add_argument("--tool-cases", default="minilm", help="cases whose name contains this; not bf16 (default: %(default)s)")
    parser.add_argument("--verbose", action="store_true", help="print where failures come from")
    options = parser.parse_args()
    manifest = json.loads((options.folder / "manifest.json").read_text())
    print(f"{torch.cuda.get_device_name()}, seed {manifest['seed']}")
    print(f"{'case':28} {'sizes':>10} {'error':>10} {'allowed':>10} {'torch':>10}  result")
    wrong = 0
    for case in manifest["cases"]:
        if options.only not in case["name"]:
            continue
        program = None
        attempts = [(run, False) for run in case["runs"]]
        if options.tool and options.tool_cases in case["name"] and not case["timed"] and case["dtype"] != "bfloat16":
            attempts.append((case["runs"][-1], True))
        for run, by_tool in attempts:
            name, sizes = case["name"] + (" (C++)" if by_tool else ""), "x".join(map(str, run["sizes"]))
            try:
                if by_tool:
                    error, allowed = check_tool(options.tool, options.folder, case, run)
                else:
                    program = program or et.runtime.load(options.folder / case["program"])
                    if case["timed"]:
                        print(f"{name:28} {sizes:>10} {time_run(program, options.folder, run):10.1f} us", flush=True)
                        continue
                    error, allowed = check_run(program, options.folder, case, run)
            except Exception as failure:
                wrong += 1
                print(f"{name:28} {sizes:>10} {'':>32}  {type(failure).__name__}: {failure}", flush=True)
                if options.verbose:
                    traceback.print_exc()
                if "CUDA" in str(failure) and "illegal" in str(failure):
                    print("the device is lost; stopping")
                    return 1
                continue
            is_wrong = not error <= allowed
            wrong += is_wrong
            print(f"{name:28} {sizes:>10} {error:10.2e} {allowed:10.2e} {run['torch_error']:10.2e}  "
                  f"{'WRONG' if is_wrong else 'ok'}", flush=True)
    print(f"{wrong} wrong" if wrong else "all right")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
