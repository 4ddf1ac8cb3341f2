#===- run.py - Compiles and measures what is explained -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The three kinds of things that are explained (a module, a compiled program, a file), compiled and measured."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..importer import ImportedModule
from ..program import CompiledModule, SavedModule, compile_saved, compile_text
from ..runtime import SavedProgram, library
from . import curve as curves
from .advice import advise
from .errors import ExplainError
from .explanation import Explanation
from .gather import Source, dense_times, gather
from .profiling import Profile, make_inputs, measure, measure_runs, measure_steps, read_profile
from .program_file import Plan, ProgramFile, read_program
from .remarks import parse_all

#: The level of et.compile that makes code for a target.
_LEVELS = {"x86-64": "baseline", "x86-64-v3": "avx2", "x86-64-v4": "avx512"}
#: Rounds that differ by more than this were disturbed.
_QUIET = 1.25


@dataclass(frozen=True)
class Options:
    """How to compile and measure."""

    dynamic_shapes: Any = None
    target: str = "cpu"
    isa: str = "native"
    threads: int | None = None
    device: str | None = None
    measure: bool = True
    compare_dense: bool = True
    rounds: int = 3
    #: The profile of a run elsewhere; then nothing is run here.
    profile: str | os.PathLike[str] | None = None


@dataclass(frozen=True)
class Subject:
    """What is explained: its file, and what is known beside it."""

    name: str
    path: Path
    source: Source
    imported: ImportedModule | None = None
    report: tuple[str, ...] = ()


def check_threads(threads: int | None) -> int | None:
    """A number of threads, or None for the default."""
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise ExplainError(f"expected threads to be a whole number of at least 1, but got {threads!r}")
    return threads


def check_rounds(rounds: int) -> int:
    """How often steps are measured."""
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise ExplainError(f"expected rounds to be a whole number of at least 1, but got {rounds!r}")
    return rounds


def check_device(device: str | None) -> str | None:
    """The name of a device, or None for the default."""
    if device is not None and not (isinstance(device, str) and re.fullmatch(r"cpu|cuda(:\d+)?", device)):
        raise ExplainError(f"expected device 'cpu', 'cuda' or 'cuda:N', but got {device!r}")
    return "cuda:0" if device == "cuda" else device


def check_profile(profile: Any, device: str | None, threads: int | None) -> str | os.PathLike[str] | None:
    """The path of a profile, which leaves nothing to measure."""
    if profile is None:
        return None
    if not isinstance(profile, (str, os.PathLike)):
        raise ExplainError(f"expected profile to be the path of a file of et-run-program --profile-json, but got {type(profile).__name__}")
    if device is not None or threads is not None:
        raise ExplainError(f"expected no {'device' if device is not None else 'threads'} with a profile, for nothing is run; leave one of them out")
    return profile


def sort_inputs(inputs: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, int]]:
    """Inputs in order, inputs by name, and sizes of dynamic dimensions."""
    given, named, sizes = [], {}, {}
    for value in inputs:
        if isinstance(value, Mapping):
            for name, entry in value.items():
                if not isinstance(name, str):
                    raise ExplainError(f"expected names of inputs or dimensions, but got {name!r}")
                (sizes if isinstance(entry, (int, float, str)) else named)[name] = entry
        elif isinstance(value, (torch.Tensor, np.ndarray)):
            given.append(value)
        else:
            raise ExplainError("expected inputs to be torch tensors, numpy arrays, or a dictionary of these or of sizes, such as "
                               f"{{'batch': 1, 'sequence': 128}}, but got {type(value).__name__}")
    return tuple(given), named, sizes


def _subject(what: Any, given: tuple[Any, ...], named: Mapping[str, Any], options: Options, folder: Path) -> Subject:
    if isinstance(what, (str, os.PathLike)):
        path = Path(what)
        return Subject(path.stem, path, Source({}, None))
    name = None
    if isinstance(what, (torch.nn.Module, torch.export.ExportedProgram, ImportedModule)):
        from ..api import compile

        name = type(what).__name__ if isinstance(what, torch.nn.Module) else None
        if isinstance(what, torch.nn.Module) and not given and not named:
            raise ExplainError(f"expected example inputs of the module '{name}', with which it is compiled, such as "
                               "et.explain(model, ids, mask), but got none")
        def tensor(value: Any) -> torch.Tensor:
            return torch.from_numpy(value) if isinstance(value, np.ndarray) else value

        what = compile(what, [tensor(v) for v in given], {n: tensor(v) for n, v in named.items()}, options.dynamic_shapes,
                       options.target, options.threads if options.target == "cpu" else None, isa=options.isa)
    if isinstance(what, (CompiledModule, SavedModule)):
        path = folder / "program.etp"
        what.save(path)
        imported = what._imported
        return Subject(name or "program", path, Source(imported.weights, parse_all(what.remarks)), imported,
                       tuple(str(entry) for entry in getattr(what.report, "remarks", ())))
    if isinstance(what, SavedProgram):
        raise ExplainError("expected the path of a saved program, but got one that et.load has loaded; give the path of its file")
    raise ExplainError("expected a torch module, what et.compile returned, or the path of a saved program (.etp), but got "
                       f"{type(what).__name__}")


def _twin(subject: Subject, plan: Plan, options: Options, folder: Path) -> ProgramFile:
    """The same model with no zero in any matrix, compiled for the same target."""
    weights = {name: curves.without_zeros(t.detach()) for name, t in subject.imported.weights.items()}
    path = folder / "dense.etp"
    if plan.is_gpu:
        contents, _ = compile_saved(subject.imported.text, weights, target=f"cuda:{plan.target}", allow_non_finite=True)
        path.write_bytes(contents)
    else:
        isa = options.isa if options.isa != "native" else _LEVELS.get(plan.target, "native")
        compile_text(subject.imported.text, weights, isa=isa, allow_non_finite=True).save(path)
    return read_program(path)


def _choose_plan(program: ProgramFile, profile: Profile | None, device: str | None) -> Plan:
    """The plan that ran; without a run the last one for the device, which is the one for the newest target."""
    if profile:
        return next(plan for plan in program.plans if plan.target == profile.target)
    fitting = [p for p in program.plans if device is None or p.is_gpu == device.startswith("cuda")]
    if not fitting:
        raise ExplainError(f"expected a plan for {device} in '{program.path}', but it was compiled for "
                           + ", ".join(p.target for p in program.plans))
    return fitting[-1]


def _machine() -> str:
    """The processor, without the name of the host."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    cores = len(os.sched_getaffinity(0))
    return f"{model[1] if model else platform.machine()}, {cores} core{'' if cores == 1 else 's'}"


def _versions() -> dict[str, str]:
    return {"E.T. runtime": library().etRuntimeVersion().decode(), "Python": platform.python_version(), "torch": torch.__version__,
            **{name: metadata.version(name) for name in ("numpy",)}}


def explain(what: Any, given: tuple[Any, ...], named: Mapping[str, Any], sizes: Mapping[str, int], options: Options, curve: Any,
            folder: Path) -> Explanation:
    """Everything but the page. Files that are needed on the way go to `folder`."""
    results = curves.load(curve) if curve is not None else []
    module = what if isinstance(what, torch.nn.Module) else None
    subject = _subject(what, given, named, options, folder)
    program = read_program(subject.path)
    notes: list[str] = []
    arrays, profile = None, None
    if options.profile is not None:
        notes.append(f"Times are those of the profile '{Path(options.profile).name}'; nothing was run here, so there are none of a dense model.")
    elif not options.measure:
        notes.append("Nothing was measured: measure=False.")
    elif program.inputs and not (given or named or sizes) and program.dims:
        notes.append("Nothing was measured: give inputs, or sizes of " + ", ".join(f"'{d}'" for d in program.dims) + ".")
    if given or named or sizes or not program.dims:
        arrays = make_inputs(program, given, named, sizes)
    gpu_only = all(plan.is_gpu for plan in program.plans)
    if options.profile is not None:
        profile = read_profile(options.profile, program, arrays or {})
    elif options.measure and arrays is not None:
        try:
            # Says which plan it is that runs here, and whether any does.
            profile = measure_steps(program, arrays, device=options.device, threads=options.threads)
        except ExplainError as error:
            # Compiled here for a GPU that is elsewhere: all but the times is known. What was asked for by name is an error.
            if not gpu_only or options.device or torch.cuda.is_available():
                raise
            notes.append(f"Nothing was measured: {error}")
    plan = _choose_plan(program, profile, options.device)
    results = curves.choose_device(results, plan.is_gpu)
    if len(program.plans) > 1:
        notes.append(f"The program holds plans for {', '.join(p.target for p in program.plans)}; this page is about {plan.target}.")
    dense: Mapping[tuple[str, ...], float] = {}
    dense_us = None
    if profile and options.profile is None:
        is_pruned = any(r.encoded or r.smaller for r in subject.source.remarks or ())
        twins = [_twin(subject, plan, options, folder)] if options.compare_dense and subject.imported and is_pruned else []
        profile, *found = measure([program, *twins], arrays, rounds=options.rounds, device=options.device, threads=options.threads)
        spread = max(p.spread for p in (profile, *found))
        if spread > _QUIET:
            notes.append(f"Of {options.rounds} rounds the slowest took {spread:.2g} times as long as the quickest: something else ran on the machine. "
                         "Measure again when it is quiet before you rely on single steps.")
        if found:
            dense_us = found[0].us
            dense = dense_times(twins[0], _choose_plan(twins[0], found[0], None), found[0], subject.imported.weights)
    weights, steps, others = gather(program, plan, subject.source, profile)
    weights = tuple(replace(w, dense_us=dense.get(w.parameters)) for w in weights)
    if subject.imported is None:
        notes.append("Only the file is known, not the model: pictures and shares of zeros are of what it stores, without features that were "
                     "removed. The compiler's remarks are not in it either: call et.explain with the model, or with what et.compile returned.")
    stored = sum(w.size for w in program.weights)
    saved = sum(w.dense_bytes - w.stored_bytes for w in weights)
    made = _curve(results, module, arrays, given, named, options, folder)
    latency_note = ""
    if made and any(r.latency_ms is None for r in results):
        latency_note = "Accuracies are those of the records. Latencies that they do not hold were measured on the machine of this page, on " \
            "the inputs above" + (", of this model pruned by magnitude to the same pattern and ratio." if module is not None else ".")
    elif made:
        latency_note = "Accuracies and latencies are those of the records."
    return Explanation(
        subject.name if subject.name != "program" else program.name, program.name, program.producer, plan.target, plan.is_gpu,
        _machine() + (", where this page was made" if options.profile is not None else ""), _versions(), weights, steps, others, subject.report, program.file_bytes, program.code_bytes, stored, stored + saved,
        profile, dense_us, advise(weights, steps, profile.us if profile else None, plan.is_gpu), made,
        curves.draw(made) if made else "", latency_note, tuple(notes))


def _curve(results: Sequence[curves.Result], module: torch.nn.Module | None, arrays: Mapping[str, np.ndarray] | None,
           given: tuple[Any, ...], named: Mapping[str, Any], options: Options, folder: Path) -> tuple[curves.Point, ...]:
    """The points of the curve, with latencies measured where the records have none."""
    def measure_all(missing: list[curves.Result]) -> list[float] | None:
        if not options.measure or options.profile is not None or arrays is None or (module is None and not all(r.program for r in missing)):
            return None
        programs = []
        for number, result in enumerate(missing):
            path = result.program
            if not path:
                (place := folder / f"curve{number}").mkdir()
                path = _subject(curves.prune(module, result.setting), given, named, options, place).path
            programs.append(read_program(path))
        return measure_runs(programs, arrays, rounds=options.rounds, device=options.device, threads=options.threads)

    return curves.points(results, measure_all) if results else ()
