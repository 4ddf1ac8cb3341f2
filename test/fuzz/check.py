#===- check.py - Compare generated modules with the reference -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Compiles cases of generate.py and compares every result, for several sizes and numbers of threads, with reference.py.

    python test/fuzz/check.py 1234 1235 [--isa avx2] [--decompose] [--draws 6]

`--decompose` puts et's own reference, `et-opt --et-decompose=accumulate-f64`, in place of the kernels.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "python"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import generate  # noqa: E402
from generate import Case  # noqa: E402
from reference import MAXIMUM, Approx  # noqa: E402

LEVELS = ("baseline", "avx2", "avx512")
THREADS = (1, 2, 3)


def build_dir() -> Path:
    return Path(os.environ.get("ET_BUILD_DIR", ROOT / "build"))


def host_levels() -> list[str]:
    """Instruction set levels this machine runs."""
    flags = Path("/proc/cpuinfo").read_text().split("flags", 1)[-1].split("\n", 1)[0].split()
    levels = ["baseline"]
    if {"avx2", "fma", "f16c"} <= set(flags):
        levels.append("avx2")
        if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= set(flags):
            levels.append("avx512")
    return levels


def decompose(text: str) -> str:
    """The module written with linalg by et's own decomposition, all arithmetic in f64."""
    run = subprocess.run([build_dir() / "bin" / "et-opt", "--et-decompose=accumulate-f64"], input=text, capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"et-opt --et-decompose failed ({run.returncode}):\n{run.stderr[-2000:]}")
    return run.stdout


def compare(got: np.ndarray, expected: Approx, dtype: str) -> str:
    """What is wrong with `got`; empty when every element is within its bound."""
    if got.shape != expected.value.shape:
        return f"shape {got.shape}, expected {expected.value.shape}"
    if got.size == 0:
        return ""
    if dtype not in MAXIMUM:
        return "" if np.array_equal(got, expected.value) else "differs"
    got = got.astype(np.float64)
    # Near the largest number of the type a correct program may overflow; where the bound says nothing, neither do we.
    told = (np.abs(expected.value) + expected.error < MAXIMUM[dtype]) & np.isfinite(expected.error)
    with np.errstate(invalid="ignore"):
        excess = np.where(told, np.abs(got - expected.value) / np.maximum(expected.error, 1e-300), 0.0)
        excess = np.where(told & (got == expected.value), 0.0, excess)
    excess = np.where(np.isnan(excess), np.inf, excess)
    worst = np.unravel_index(excess.argmax(), excess.shape)
    if excess[worst] <= 1.0:
        return ""
    return (f"at {[int(i) for i in worst]} got {got[worst]:.9g}, expected {expected.value[worst]:.9g} +- {expected.error[worst]:.3g} "
            f"({int((excess > 1).sum())} of {excess.size} elements are outside their bounds)")


def run_program(program, cases: list[Case], draw: int, threads: int) -> list[str]:
    """Runs all cases on draw number `draw`; one line per wrong result."""
    import torch

    environments, tensors = [], []
    for case in cases:
        env, arrays = case.make_inputs(draw)
        environments.append(env)
        for (value, _, _), array in zip(case.arguments, arrays):
            if value.dtype == "bf16":
                tensors.append(torch.from_numpy(np.array(array, dtype=np.float32, order="C")).to(torch.bfloat16))
            else:
                tensors.append(torch.from_numpy(np.array(array, dtype=generate.NUMPY[value.dtype], order="C")))
    program.set_threads(threads)
    outputs = iter(program(*tensors))
    wrong = []
    for case, env in zip(cases, environments):
        with np.errstate(all="ignore"):
            expected = case.evaluate(env)
        for i, (value, want) in enumerate(zip(case.results, expected)):
            got = next(outputs)
            got = got.float().numpy() if value.dtype == "bf16" else got.numpy()
            problem = compare(got, want, value.dtype)
            if problem:
                sizes = ", ".join(f"{d.name}={env[d]}" for d in case.dims)
                wrong.append(f"seed {case.seed}, result {i}, draw {draw}, {threads} threads ({sizes}): {problem}\n"
                             f"    {'; '.join(case.summary)}")
    return wrong


def check(seeds: list[int], isa: str, *, decomposed: bool = False, draws: int = 3, allowed: tuple[int, ...] = THREADS) -> list[str]:
    """Compiles the cases of `seeds` as one module and compares; says what is wrong and how to see it again."""
    import et.program

    cases = [Case(seed) for seed in seeds]
    again = "python test/fuzz/check.py {} --isa {} --draws {}" + (" --decompose" if decomposed else "")
    text = generate.module(cases)
    try:
        program = et.program.compile_text(decompose(text) if decomposed else text, isa=isa)
    except Exception as error:  # noqa: BLE001 - whatever it is, it names the seed
        if len(seeds) == 1:
            return [f"seed {seeds[0]} is not compiled: {str(error)[:1500]}\n    {'; '.join(cases[0].summary)}\n    reproduce: "
                    + again.format(seeds[0], isa, draws)]
        return [line for seed in seeds for line in check([seed], isa, decomposed=decomposed, draws=draws, allowed=allowed)]
    wrong = []
    for draw in range(draws):
        try:
            found = run_program(program, cases, draw, allowed[draw % len(allowed)])
        except et.program.RunError as error:
            found = [f"seed {seeds[0]}, or one after it, draw {draw}: {error}"]
        for line in found:
            seed = int(line.split()[1].rstrip(","))
            wrong.append(line + "\n    reproduce: " + again.format(seed, isa, draws))
    return wrong


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="+", help="seeds, or ranges such as 100:200")
    parser.add_argument("--isa", choices=LEVELS, action="append", help="default: every level of this machine")
    parser.add_argument("--decompose", action="store_true")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--group", type=int, default=8, help="cases per module")
    args = parser.parse_args(arguments)
    seeds = [s for text in args.seeds for s in (range(*map(int, text.split(":"))) if ":" in text else [int(text)])]
    wrong = []
    for isa in args.isa or host_levels():
        for begin in range(0, len(seeds), args.group):
            found = check(seeds[begin:begin + args.group], isa, decomposed=args.decompose, draws=args.draws)
            for line in found:
                print(f"[{isa}] {line}", flush=True)
            wrong += found
    print(f"{len(seeds)} cases, {len(wrong)} wrong results")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
