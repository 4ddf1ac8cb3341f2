#===- profiling.py - Measured times of steps and programs -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Runs programs: the profile of their steps through et-run-program, whole runs through the runtime, and what the machine can do."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..binding import candidates
from .errors import ExplainError
from .program_file import Input, Plan, ProgramFile

_NUMPY = {"f16": np.float16, "bf16": np.float32, "f32": np.float32, "f64": np.float64, "bool": np.bool_, "i8": np.int8,
          "i16": np.int16, "i32": np.int32, "i64": np.int64}
#: A run of a few steps is over in milliseconds; one that takes this long hangs.
_TIMEOUT = 600


@dataclass(frozen=True)
class StepTime:
    """What the profile says of a step. `floor_us` is None where the device's best is not known."""

    name: str
    kernel: str
    us: float
    bytes: int | None
    flops: int | None
    unit: str
    floor_us: float | None

    @property
    def share_of_floor(self) -> float | None:
        """How near the step comes to the floor: 1 is at it."""
        return self.floor_us / self.us if self.floor_us and self.us > 0 else None


@dataclass(frozen=True)
class Profile:
    """The times of one run."""

    target: str
    device: str
    us: float
    steps: tuple[StepTime, ...]
    #: The sizes of the inputs, by name.
    shapes: Mapping[str, tuple[int, ...]]
    #: Where the floors come from, in words; empty where there are none.
    floors: str = ""
    #: The slowest of the rounds over the quickest.
    spread: float = 1.0

    @property
    def share_of_floor(self) -> float | None:
        """The sum of the floors over the time of the run."""
        floors = [step.floor_us for step in self.steps]
        return sum(f or 0 for f in floors) / self.us if any(floors) and self.us > 0 else None


def find_tool() -> Path:
    """et-run-program: beside the runtime's library, or on the path."""
    for library in candidates("libETRuntime.so", "ET_RUNTIME_LIBRARY"):
        path = library.parent.parent / "bin" / "et-run-program"
        if path.exists():
            return path
    if found := shutil.which("et-run-program"):
        return Path(found)
    raise ExplainError("cannot find et-run-program, which measures the steps; build it with 'make build', or pass measure=False")


def make_inputs(program: ProgramFile, given: Sequence[Any] = (), named: Mapping[str, Any] | None = None,
                sizes: Mapping[str, int] | None = None) -> dict[str, np.ndarray]:
    """The arrays of the program's inputs: those that are given, in order or by name; else made for the sizes of the dynamic
    dimensions, of ones where they are integers (valid ids and masks), else of normal random numbers."""
    named, sizes = dict(named or {}), dict(sizes or {})
    specs = {spec.name: spec for spec in program.inputs}
    listed = ", ".join(f"'{name}'" for name in specs) or "none"
    if len(given) > len(specs):
        raise ExplainError(f"expected at most {len(specs)} inputs ({listed}), but got {len(given)}")
    for name, value in zip(specs, given):
        if name in named:
            raise ExplainError(f"expected input '{name}' once, but it is given by position and by name")
        named[name] = value
    if unknown := next((name for name in named if name not in specs), None):
        raise ExplainError(f"expected inputs of the program, but '{unknown}' is none; they are {listed}")
    if unknown := next((name for name in sizes if name not in program.dims), None):
        raise ExplainError(f"expected sizes of dynamic dimensions, but '{unknown}' is none; they are "
                           + (", ".join(f"'{name}'" for name in program.dims) or "none: all sizes are fixed"))
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ExplainError(f"expected the size of '{name}' to be a whole number of at least 1, but got {size!r}")
    arrays = {name: _array(spec, named[name], sizes) for name, spec in specs.items() if name in named}
    random = np.random.default_rng(0)
    for name, spec in specs.items():
        if name in arrays:
            continue
        if missing := [size for size in spec.shape if isinstance(size, str) and size not in sizes]:
            raise ExplainError(f"expected a size of '{missing[0]}' for input '{name}'; give the input, or sizes such as "
                               f"{{'{missing[0]}': 8}}")
        shape = tuple(size if isinstance(size, int) else sizes[size] for size in spec.shape)
        kind = _NUMPY[spec.dtype]
        arrays[name] = random.standard_normal(shape).astype(kind) if np.issubdtype(kind, np.floating) else np.ones(shape, kind)
    return {name: arrays[name] for name in specs}


def _array(spec: Input, value: Any, sizes: dict[str, int]) -> np.ndarray:
    """A given input as an array; the sizes of its dynamic dimensions go to `sizes`."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    if not isinstance(value, np.ndarray):
        raise ExplainError(f"expected input '{spec.name}' to be a torch tensor or numpy array, but got {type(value).__name__}")
    if value.dtype != _NUMPY[spec.dtype]:
        raise ExplainError(f"expected input '{spec.name}' to hold {spec.dtype}, but it holds {value.dtype}")
    wanted = ", ".join(map(str, spec.shape))
    if value.ndim != len(spec.shape):
        raise ExplainError(f"expected input '{spec.name}' to have shape [{wanted}], but got {list(value.shape)}")
    for size, found in zip(spec.shape, value.shape):
        expected = sizes.setdefault(size, found) if isinstance(size, str) else size
        if expected != found:
            what = f", in which '{size}' is {expected}" if isinstance(size, str) else ""
            raise ExplainError(f"expected input '{spec.name}' to have shape [{wanted}]{what}, but got {list(value.shape)}")
    return np.ascontiguousarray(value)


def measure_steps(program: ProgramFile, inputs: Mapping[str, np.ndarray], *, device: str | None = None,
                  threads: int | None = None) -> Profile:
    """The profile of a run on `inputs`. Raises ExplainError with the tool's message when the program does not run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(find_tool()), str(program.path.resolve())]
        for index, (name, array) in enumerate(inputs.items()):
            np.save(Path(folder) / f"{index}.npy", array)
            command.append(f"--input={name}={index}.npy")
        command += [f"--device={device.removeprefix('cuda:')}"] if device else []
        command += [f"--num-threads={threads}"] if threads else []
        try:
            done = subprocess.run([*command, "--profile-json=profile.json"], cwd=folder, capture_output=True, text=True,
                                  timeout=_TIMEOUT, check=False, errors="replace")
        except subprocess.TimeoutExpired:
            raise ExplainError(f"the program '{program.path}' did not end within {_TIMEOUT} s") from None
        if done.returncode:
            text = done.stderr.strip().removeprefix("et-run-program: ").removeprefix("error: ")
            raise ExplainError(f"the steps of '{program.path}' cannot be measured: {text or f'exit status {done.returncode}'}")
        return _parse(json.loads((Path(folder) / "profile.json").read_text()), {n: a.shape for n, a in inputs.items()})


def _parse(found: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Profile:
    """What --profile-json wrote."""
    steps = tuple(StepTime(s["name"], s["kernel"], float(s["us"]), s.get("bytes"), s.get("flops"), s.get("unit", "vector"),
                           s.get("floor_us")) for s in found["steps"])
    floors = ""
    if found["peak_bytes_per_second"]:
        floors = (f"The floor of a step is the time that {found['device']} needs by its data sheet for the bytes "
                  f"({found['peak_bytes_per_second'] / 1e9:.0f} GB/s) or for the operations, whichever is longer.")
    return Profile(found["target"], found["device"], float(found["us"]), steps, shapes, floors)


def read_profile(path: str | os.PathLike[str], program: ProgramFile, inputs: Mapping[str, np.ndarray]) -> Profile:
    """The profile of a run of `program` on another machine: a file of et-run-program --profile-json. `inputs` are those of that run,
    as far as they are known. Raises ExplainError where the file is none, or of another program."""
    try:
        found = json.loads(Path(path).read_text())
        profile = _parse(found, {n: a.shape for n, a in inputs.items()})
    except OSError as error:
        raise ExplainError(f"expected a profile of et-run-program --profile-json, but '{path}' cannot be read: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else error
        raise ExplainError(f"expected a profile of et-run-program --profile-json, but '{path}' is none: {what}") from error
    plan = next((plan for plan in program.plans if plan.target == profile.target), None)
    if not plan:
        raise ExplainError(f"expected a profile of {' or '.join(p.target for p in program.plans)}, for which '{program.path.name}' has a plan, but "
                           f"'{path}' is of {profile.target}")
    try:
        places = attach(plan, profile)
    except ExplainError as error:
        raise ExplainError(f"the profile '{path}' is of another program: {error}") from error
    # Kernels are shared by layers of one shape, so the names of steps have to agree as well.
    if other := next((step for place, step in zip(places, profile.steps) if plan.steps[place].name != step.name), None):
        raise ExplainError(f"the profile '{path}' is of another program: its step '{other.name}' is not in the plan for {plan.target}")
    return profile


def measure(programs: Sequence[ProgramFile], inputs: Mapping[str, np.ndarray], *, rounds: int, device: str | None = None,
            threads: int | None = None) -> list[Profile]:
    """The profiles of programs that compute the same, with floors. All are measured in turns, `rounds` times: what else the machine
    does disturbs all alike."""
    found: list[list[Profile]] = [[] for _ in programs]
    peaks: list[tuple[float, float]] = []
    for _ in range(rounds):
        for program, mine in zip(programs, found):
            mine.append(measure_steps(program, inputs, device=device, threads=threads))
        if not found[0][0].floors:
            peaks.append(_peaks(threads or len(os.sched_getaffinity(0))))
    best = [_join(mine) for mine in found]
    if not peaks:
        return best
    highest = max(p[0] for p in peaks), max(p[1] for p in peaks)
    return [_add_floors(profile, *highest) for profile in best]


def _join(rounds: Sequence[Profile]) -> Profile:
    """One profile of several. The time of a step is what the run gets longer by it: of the first 1, 2, ... n steps the quickest round
    counts, and the times are the differences of neighbours."""
    first = rounds[0]
    if len(rounds) == 1:
        return first
    ends = np.cumsum([[step.us for step in profile.steps] for profile in rounds], axis=1)
    quickest = np.maximum.accumulate(ends.min(axis=0))
    steps = tuple(replace(step, us=float(us)) for step, us in zip(first.steps, np.diff(quickest, prepend=0.0)))
    spread = max(ends[:, -1]) / min(ends[:, -1]) if min(ends[:, -1]) > 0 else 1.0
    return replace(first, us=float(quickest[-1]), steps=steps, spread=float(spread))


def _add_floors(profile: Profile, flops: float, rate: float) -> Profile:
    """The floors of a CPU, of which no data sheet is known, from what PyTorch reaches on this machine."""
    steps = tuple(replace(s, floor_us=1e6 * max((s.flops or 0) / flops, (s.bytes or 0) / rate)) for s in profile.steps)
    text = (f"The floor of a step is the time for its operations at {flops / 1e9:.0f} GFLOP/s, which f32 products of PyTorch "
            f"reached on the cores of this machine, or for its bytes at {rate / 1e9:.0f} GB/s, the speed of copying memory, whichever is longer. "
            "A step whose data lies in the cache may be faster.")
    return replace(profile, steps=steps, floors=text)


def _peaks(threads: int) -> tuple[float, float]:
    """Floating-point operations and bytes per second, the best of several tries. Operations are those of one core times the
    threads: a floor is what nothing else on the machine disturbs."""
    before = torch.get_num_threads()

    def best(call: Any, times: int) -> float:
        taken = []
        for _ in range(times):
            begin = time.perf_counter()
            call()
            taken.append(time.perf_counter() - begin)
        return min(taken)

    try:
        torch.set_num_threads(1)
        a, b, c = torch.randn(512, 512), torch.randn(512, 512), torch.zeros(512, 512)
        flops = threads * 2 * 512**3 / best(lambda: torch.mm(a, b, out=c), 40)
        torch.set_num_threads(threads)
        source, target = torch.zeros(1 << 24), torch.zeros(1 << 24)
        return flops, 2 * 4 * (1 << 24) / best(lambda: target.copy_(source), 12)
    finally:
        torch.set_num_threads(before)


def attach(plan: Plan, profile: Profile) -> list[int]:
    """For each step of the profile its place in the plan: steps without work are not run, so the profile may be shorter."""
    places, at = [], 0
    for step in profile.steps:
        while at < len(plan.steps) and plan.steps[at].kernel != step.kernel:
            at += 1
        if at == len(plan.steps):
            raise ExplainError(f"expected the steps of the profile in the plan for {plan.target}, but '{step.kernel}' is not there")
        places.append(at)
        at += 1
    return places


def measure_runs(programs: Sequence[ProgramFile], inputs: Mapping[str, np.ndarray], *, rounds: int, device: str | None = None,
                 threads: int | None = None) -> list[float]:
    """The time of a run of each program in milliseconds. They are measured in turns, one in memory at a time; of each the round
    with the lowest median counts."""
    best = [float("inf")] * len(programs)
    for _ in range(rounds):
        for i, program in enumerate(programs):
            best[i] = min(best[i], _median_run(program, inputs, device, threads))
    return best


def _median_run(program: ProgramFile, inputs: Mapping[str, np.ndarray], device: str | None, threads: int | None,
                seconds: float = 0.25) -> float:
    from ..runtime import load

    arrays = make_inputs(program, (), inputs)
    loaded = load(program.path, device, threads=threads)
    where = f"cuda:{loaded.device.ordinal}" if loaded.device.kind == "cuda" else "cpu"
    tensors = [torch.from_numpy(array).to(where) for array in arrays.values()]
    call = loaded.bind(*(t.to(torch.bfloat16) if spec.dtype == "bf16" else t for t, spec in zip(tensors, loaded.inputs)))
    call()
    loaded.synchronize()
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < 5 or (time.perf_counter() - begin < seconds and len(times) < 2000):
        start = time.perf_counter()
        call()
        loaded.synchronize()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)
