#===- latency.py - Sizes and latencies of the accuracy benchmark's models -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Compiles every pruned model of the accuracy benchmark from its masks, and measures size and latency beside the dense one.

    benchmarks/prune/latency.py cpu MASKS --output FILE.json         # here: f32, whole models
    benchmarks/prune/latency.py prepare MASKS FOLDER                 # needs a build, no GPU: compiles, and writes what travels
    benchmarks/prune/latency.py run FOLDER --output FILE.json        # on the machine with the GPU: PyTorch, no LLVM

MASKS is what `accuracy.py --masks` wrote. Which weights are zero decides the time, not what the others are. So on the CPU the weights
are the published ones under the masks; for a GPU every matrix repeats one block of 64x64 random numbers under its mask, which
compresses to almost nothing, while the program stores and streams as many bytes as ever. Programs for a GPU are f16 and take hidden
states: no word embeddings. Each carries inputs and float64 outputs of the same weights, with which its result is compared before it
is timed.

Every pattern is measured in turns with the dense program, and a round's ratio is that of its neighbours: noise of the machine
cancels. The times are medians; on a GPU of a replay of a CUDA graph, of one pass by itself and of one of ten behind each other.
`accuracy_report.py --latencies FILE.json` joins the records with accuracies.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# Carried to a GPU, everything lies in one folder.
sys.path[:0] = [str(HERE), *(str(HERE.parent / name) for name in ("gpu", "cpu")), str(HERE.parent), str(HERE.parent.parent / "python")]

import programs  # noqa: E402
import torch  # noqa: E402

DENSE = "dense"
PASSES = 10


def jobs_of(masks: Mapping[str, Any], patterns: Sequence[str] | None, ratios: Sequence[float] | None) -> list[str]:
    """The jobs that are wanted; all of them where nothing is said. Asking for what has no mask is an error."""
    from et.prune import PruneError
    from masked import order_jobs

    for what, wanted, known in (("pattern", patterns, {k.rpartition("@")[0] for k in masks}),
                                ("ratio", ratios, {float(k.rpartition("@")[2]) for k in masks})):
        if missing := [str(w) for w in wanted or () if w not in known]:
            raise PruneError(f"expected masks of {what} {missing[0]}, but there are those of {', '.join(sorted(map(str, known)))}")
    return [key for key in order_jobs(masks) if (not patterns or key.rpartition("@")[0] in patterns)
            and (not ratios or float(key.rpartition("@")[2]) in ratios)]


def sizes(path: Path) -> dict[str, int]:
    """Bytes of a saved program: of the file, and of the weights that its linear layers read."""
    from et.explain.program_file import read_program

    program = read_program(path)
    used = {index for step in program.plans[-1].steps if "linear" in step.name for index in step.weights}
    return {"file_bytes": program.file_bytes, "matrix_bytes": sum(program.weights[index].size for index in used)}


def became(remarks: Sequence[str]) -> dict[str, int]:
    """What the compiler did: weights that are stored sparse, and pairs of layers that lost features."""
    return {"sparse": sum("WeightEncoded" in r for r in remarks), "smaller": sum("FeaturesRemoved" in r for r in remarks)}


def in_turns(names: Sequence[str], time_once: Callable[[str], Mapping[str, float]], rounds: int) -> dict[str, dict[str, list[float]]]:
    """The times of each round, by name and by what was timed; the first moves on from round to round."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in [*names[first:], *names[:first]]:
            for what, value in time_once(name).items():
                found[name].setdefault(what, []).append(value)
    return found


def summary(times: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, dict[str, float]]:
    """Of every job the median, and the median of its rounds' own shares of the dense time."""
    return {name: {key: value for what, rounds in mine.items() for key, value in (
        (what, statistics.median(rounds)),
        (f"{what} share", statistics.median(r / d for r, d in zip(rounds, times[DENSE][what]))))} for name, mine in times.items()}


def add_times(jobs: dict[str, Any], point: str, found: Mapping[str, Mapping[str, float]]) -> None:
    """Adds the times at a size of input. The dense program takes part with every pattern: the first time counts."""
    for name, values in found.items():
        jobs[name]["points"].setdefault(point, dict(values))


# ---- CPU -------------------------------------------------------------------------------------------------------------


def measure_cpu(options: argparse.Namespace) -> dict[str, Any]:
    """The record of this machine."""
    import tempfile

    sys.path.insert(0, str(HERE.parent.parent / "examples"))
    import minilm
    import sparse_encoder
    from encoder_bench import machine, models
    from masked import load_backbone, prune, read_masks

    import et

    masks = read_masks(options.masks, options.name, options.task, options.seed)
    keys = jobs_of(masks, options.patterns, options.ratios)
    jobs: dict[str, Any] = {}
    measured = quiet = 0
    dims = {0: "batch", 1: "sequence"}
    example = torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.int64)
    ids, mask = map(torch.from_numpy, models.make_inputs(sparse_encoder.parse_point("1x16"), 1))

    def build(key: str, folder: Path) -> Any:
        module = load_backbone(options.folder)
        if key != DENSE:
            prune(module, key, masks[key])
        module = minilm.HiddenStates(module).eval()
        program = et.compile(module, example, threads=options.threads, dynamic_shapes={"input_ids": dims, "attention_mask": dims})
        program.save(folder / "program.etp")
        with torch.inference_mode():
            error = float((program(ids, mask).double() - module.double()(ids, mask)).abs().max())
        jobs[key] = {**sizes(folder / "program.etp"), **became(program.remarks), "error": error, "points": {}}
        print(f"{key}: {jobs[key]}", flush=True)
        return program

    with tempfile.TemporaryDirectory() as folder:
        dense = build(DENSE, Path(folder))
        # One pattern at a time: whole models are large.
        for pattern in dict.fromkeys(key.rpartition("@")[0] for key in keys):
            mine = {DENSE: dense, **{key: build(key, Path(folder)) for key in keys if key.rpartition("@")[0] == pattern}}
            for point in options.points:
                rounds, undisturbed = sparse_encoder.measure(mine, point, options)
                measured, quiet = measured + options.rounds, quiet + undisturbed
                add_times(jobs, str(point), summary({name: {"us": [1e3 * ms for ms in values]} for name, values in rounds.items()}))
    about = machine.describe(options.threads, [])
    # Hypervisors hide the name of the model.
    device = f"{about['model']} ({about['family']})" if any(c.isalpha() for c in str(about["model"])) else about["family"]
    return {"kind": "cpu", "device": f"{device}, {options.threads} threads", "type": "f32", "machine": about, "versions": machine.versions(),
            **_about(options), "rounds": measured, "rounds_without_other_load": quiet, "jobs": jobs}


# ---- GPU -------------------------------------------------------------------------------------------------------------


def repeat_a_block(module: torch.nn.Module) -> None:
    """What is not zero in a matrix becomes a block of 64x64 random numbers, again and again."""
    block = 0.02 * torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    block[block.half() == 0] = 0.01
    for weight in module.parameters():
        if weight.dim() == 2:
            rows, columns = weight.shape
            tiled = block.repeat(-(-rows // 64), -(-columns // 64))[:rows, :columns]
            weight.data = tiled * (weight.data != 0)


def prepare(options: argparse.Namespace) -> None:
    """Writes the programs, what they have to compute, and beside them the package and the runtime."""
    import numpy as np
    from masked import load_backbone, prune, read_masks

    import et

    masks = read_masks(options.masks, options.name, options.task, options.seed)
    jobs: dict[str, Any] = {}
    options.output_folder.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for number, key in enumerate([DENSE, *jobs_of(masks, options.patterns, options.ratios)]):
        start = time.monotonic()
        model = load_backbone(options.folder)
        if key != DENSE:
            prune(model, key, masks[key])
        repeat_a_block(model.encoder)
        module = programs.hidden_states(model.encoder).half().eval()
        width = model.config.hidden_size
        program = et.compile(module, (torch.zeros(2, 16, width, dtype=torch.float16),), dynamic_shapes=({0: "batch", 1: "sequence"},),
                             target=options.target)
        path = options.output_folder / f"{number:02}.etp.xz"
        plain = path.with_suffix("")
        program.save(plain)
        jobs[key] = {**sizes(plain), **became(program.remarks), "points": {}, "file": path.name}
        programs.save_program(program, path)
        hidden = torch.randn(2, 24, width, generator=torch.Generator().manual_seed(1)).half()
        with torch.inference_mode():
            arrays[f"{number:02}"] = module.double()(hidden.double()).float().numpy()
        arrays["hidden"] = hidden.numpy()
        print(f"{key}: {jobs[key]['file_bytes'] / 1e6:.1f} MB, {path.stat().st_size / 1e6:.2f} MB compressed, "
              f"{time.monotonic() - start:.1f} s", flush=True)
    np.savez_compressed(options.output_folder / "expected.npz", **arrays)
    record = {"kind": "gpu", "target": options.target, "type": "f16", "hidden": width, **_about(options), "jobs": jobs}
    (options.output_folder / "jobs.json").write_text(json.dumps(record, indent=1) + "\n")
    print(f"{options.output_folder}: {programs.carry(options.output_folder, [Path(__file__)]):.1f} MiB")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The record of this machine's GPU."""
    import numpy as np

    record = json.loads((options.folder / "jobs.json").read_text())
    jobs = record["jobs"]
    expected = np.load(options.folder / "expected.npz")
    loaded = {key: programs.load_program(options.folder / job["file"]) for key, job in jobs.items()}
    stream = torch.cuda.current_stream
    hidden = torch.from_numpy(expected["hidden"]).cuda()
    for key, job in jobs.items():
        out = loaded[key](hidden, out=[torch.empty_like(hidden)], stream=stream())[0]
        torch.cuda.synchronize()
        job["error"] = float((out.float().cpu() - torch.from_numpy(expected[job.pop("file").partition(".")[0]])).abs().max())
        # NaN is not below anything.
        if not job["error"] < 0.1:
            raise SystemExit(f"error: expected {key} to come within 0.1 of float64, but it is {job['error']} off")
    for batch, sequence in options.shapes:
        torch.manual_seed(0)
        hidden = torch.randn(batch, sequence, record["hidden"], device="cuda", dtype=torch.float16)
        out = [torch.empty_like(hidden)]

        def graphs(program: Any, hidden: torch.Tensor = hidden, out: list[torch.Tensor] = out) -> tuple[Any, Any]:
            call = lambda: program(hidden, out=out, stream=stream())[0]  # noqa: E731
            return programs.capture(call), programs.capture(call, PASSES)

        captured = {key: graphs(program) for key, program in loaded.items()}

        def replay(key: str, captured: Mapping[str, Any] = captured) -> dict[str, float]:
            alone, behind = captured[key]
            return {"us": programs.median_replay(alone, 20), "behind us": programs.median_replay(behind, 10) / PASSES}

        found = summary(in_turns(list(captured), replay, options.rounds))
        add_times(jobs, f"{batch}x{sequence}", found)
        for key, values in found.items():
            print(f"{batch}x{sequence} {key}: {values['us']:.1f} us, {values['us share']:.2f} of dense", flush=True)
        del captured
    return {**record, "device": torch.cuda.get_device_name(), "torch": torch.__version__, "cuda": torch.version.cuda,
            "run": shlex.join(["benchmarks/prune/latency.py", *sys.argv[1:]])}


def _about(options: argparse.Namespace) -> dict[str, Any]:
    return {"model": options.name, "task": options.task, "seed": options.seed, "date": datetime.date.today().isoformat(),
            "command": shlex.join(["benchmarks/prune/latency.py", *sys.argv[1:]])}


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="latency.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    cpu = actions.add_parser("cpu", help="compile for this machine's CPU and measure")
    there = actions.add_parser("prepare", help="compile for a GPU")
    gpu = actions.add_parser("run", help="measure on a GPU what was prepared")
    for mine in (cpu, there):
        mine.add_argument("masks", type=Path, metavar="MASKS", help="the folder that accuracy.py --masks wrote")
        mine.add_argument("--model", default="minilm-l6", metavar="NAME[=FOLDER]", help="as for accuracy.py (default: %(default)s)")
        mine.add_argument("--task", default="sst2", help="whose masks (default: %(default)s)")
        mine.add_argument("--seed", type=int, default=0, help="whose masks (default: %(default)s)")
        mine.add_argument("--patterns", nargs="+", metavar="PATTERN", help="default: all that have masks")
        mine.add_argument("--ratios", nargs="+", type=float, help="default: all that have masks")
    there.add_argument("output_folder", type=Path, metavar="FOLDER", help="where the programs go")
    there.add_argument("--target", default="cuda:sm_90a", help="what to compile for (default: %(default)s)")
    point = lambda text: tuple(int(n) for n in text.split("x"))  # noqa: E731
    gpu.add_argument("folder", type=Path, metavar="FOLDER", help="what was prepared")
    gpu.add_argument("--shapes", nargs="+", type=point, default=[(1, 128), (32, 128)], metavar="BATCHxSEQUENCE", help="default: 1x128 32x128")
    gpu.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    cpu.add_argument("--points", nargs="+", default=["1x128"], metavar="BATCHxSEQUENCE", help="sizes of the input (default: 1x128)")
    cpu.add_argument("--threads", type=int, default=2, help="default: %(default)s")
    cpu.add_argument("--rounds", type=int, default=16, help="rounds of bursts (default: %(default)s)")
    cpu.add_argument("--iterations", type=int, default=8, help="timed runs in a burst (default: %(default)s)")
    cpu.add_argument("--quiet", type=float, default=2.0, metavar="SECONDS", help="wait so long before a round for other load to go (default: %(default)s)")
    cpu.add_argument("--nice", type=int, default=0, help="niceness of the timed runs (default: %(default)s)")
    for mine in (cpu, gpu):
        mine.add_argument("--output", type=Path, required=True, metavar="FILE.json", help="where the record goes")
    options = parser.parse_args(arguments)
    if options.action != "prepare" and options.rounds < 1:
        parser.error(f"--rounds must be at least 1, but is {options.rounds}")
    if options.action == "cpu":
        from encoder_bench.points import parse_point

        try:
            options.points = [parse_point(text) for text in options.points]
        except (argparse.ArgumentTypeError, ValueError) as error:
            parser.error(str(error))
    if options.action != "run":
        options.name, _, folder = options.model.partition("=")
        options.folder = folder or options.name
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs; what a user can put right is one line."""
    options = parse_arguments(arguments)
    if options.action == "run":
        record = run(options)
    else:
        import et

        try:
            if options.action == "prepare":
                prepare(options)
                return 0
            record = measure_cpu(options)
        except et.Error as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    options.output.write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
