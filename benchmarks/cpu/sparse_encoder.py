#===- sparse_encoder.py - Times pruned encoders beside dense ones -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
#!/usr/bin/env python3
"""Times an encoder with zero tiles in its weights beside the same encoder without, both compiled by E.T.

The smallest tiles of every linear layer of the encoder become zero in PyTorch; nothing tells the compiler. All programs
run in turns, in an order that moves on from round to round, so that a change of the machine's speed hits all alike.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1]
ROOT = BENCHMARKS.parent
sys.path[:0] = [str(BENCHMARKS), str(ROOT / "examples"), str(ROOT / "python")]

import torch  # noqa: E402
from interleave import burst, percentile, wait_until_parked  # noqa: E402

import et  # noqa: E402
from encoder_bench import machine, models  # noqa: E402
from encoder_bench.points import MODELS, Point, parse_point  # noqa: E402
from encoder_bench.processors import choose_cpus, priority, wait_for_quiet  # noqa: E402


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="sparse_encoder.py", description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, default="minilm", help="which model (default: %(default)s)")
    parser.add_argument("--points", nargs="+", type=parse_point, default=[Point(1, 128)], metavar="BATCHxSEQUENCE",
                        help="sizes of the input (default: 1x128)")
    parser.add_argument("--sparsity", nargs="+", type=int, default=[50, 75, 80, 90, 95], metavar="PERCENT",
                        help="shares of zero tiles (default: %(default)s)")
    parser.add_argument("--tile", default="64x16", help="outputs x inputs of a tile (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="threads (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=30, help="rounds of bursts (default: %(default)s)")
    parser.add_argument("--iterations", type=int, default=8, help="timed runs in a burst (default: %(default)s)")
    parser.add_argument("--quiet", type=float, default=2.0, metavar="SECONDS",
                        help="wait at most this long before each round for other load to go away (default: %(default)s)")
    parser.add_argument("--nice", type=int, default=0, help="niceness of the timed runs (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="write PATH.json and PATH.md")
    return parser.parse_args(arguments)


def prune(module: torch.nn.Module, share: float, rows: int, columns: int) -> None:
    """Zeroes the `share` of the tiles of each linear layer's weight that have the least sum of squares."""
    for layer in module.modules():
        if not isinstance(layer, torch.nn.Linear):
            continue
        n, k = layer.weight.shape
        padded = torch.zeros(-(-n // rows) * rows, -(-k // columns) * columns)
        padded[:n, :k] = layer.weight
        tiles = padded.unflatten(0, (-1, rows)).unflatten(2, (-1, columns))
        norms = tiles.square().sum((1, 3))
        dropped = norms.flatten().argsort()[:round(share * norms.numel())]
        keep = torch.ones(norms.numel())
        keep[dropped] = 0
        tiles *= keep.view_as(norms)[:, None, :, None]
        with torch.no_grad():
            layer.weight.copy_(padded[:n, :k])


def build(name: str, share: float, tile: str, threads: int) -> tuple[et.Program, torch.nn.Module]:
    """Returns the program and the module it was compiled from."""
    module = models.build(MODELS[name])
    if share:
        prune(module, share, *map(int, tile.split("x")))
    sizes = {0: "batch", 1: "sequence"}
    example = torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.int64)
    program = et.compile(module, example, threads=threads, dynamic_shapes={"input_ids": sizes, "attention_mask": sizes})
    return program, module


def measure(programs: dict[str, et.Program], point: Point, options: argparse.Namespace) -> tuple[dict[str, list[float]], int]:
    """Returns the median time of each round of each program in milliseconds, and how many rounds began without other load."""
    ids, mask = models.make_inputs(point, 0)
    times: dict[str, list[float]] = {name: [] for name in programs}
    names, quiet, cpus = list(programs), 0, choose_cpus(options.threads, None)
    for number in range(options.rounds):
        quiet += wait_for_quiet(cpus, options.quiet)
        first = number % len(names)
        with priority(options.nice):
            for name in names[first:] + names[:first]:
                wait_until_parked(os.getpid())
                times[name].append(percentile(burst(lambda: programs[name](ids, mask), 3, options.iterations), 50) / 1e6)
    return times, quiet


def describe(times: dict[str, list[float]], point: Point) -> list[str]:
    """The lines of a table: median and p10 of the rounds' medians, and the median of the rounds' own ratios."""
    lines = [f"| {point} | median ms | p10 ms | faster than dense, median of rounds |", "| --- | ---: | ---: | ---: |"]
    for name, rounds in times.items():
        ratio = percentile([dense / ours for dense, ours in zip(times["dense"], rounds)], 50)
        lines.append(f"| {name} | {percentile(rounds, 50):.2f} | {percentile(rounds, 10):.2f} | {ratio:.2f}x |")
    return lines


def main() -> None:
    options = parse_arguments()
    programs, errors = {}, {}
    ids, mask = map(torch.from_numpy, models.make_inputs(options.points[0], 1))
    for percent in [0, *options.sparsity]:
        name = f"{percent} % of {options.tile} tiles zero" if percent else "dense"
        programs[name], module = build(options.model, percent / 100, options.tile, options.threads)
        with torch.inference_mode():
            single = module(ids, mask).double()
            exact = module.double()(ids, mask)
        errors[name] = [float((value - exact).abs().max()) for value in (programs[name](ids, mask).double(), single)]
        print(f"{name}: largest error against float64 {errors[name][0]:.1e}, PyTorch f32 {errors[name][1]:.1e}", flush=True)
    text, results = [], {}
    for point in options.points:
        times, quiet = measure(programs, point, options)
        results[str(point)] = {"rounds_without_other_load": quiet, "round_medians_ms": times}
        lines = [*describe(times, point), "", f"Other load was absent at the start of {quiet} of {options.rounds} rounds.", ""]
        text += lines
        print("\n".join(lines), flush=True)
    if options.out:
        about = machine.describe(options.threads, []) | {"versions": machine.versions()}
        command = "benchmarks/cpu/sparse_encoder.py " + shlex.join(sys.argv[1:])
        options.out.with_suffix(".json").write_text(json.dumps(
            {"command": command, "machine": about, "errors": errors, "points": results}, indent=1) + "\n")
        heading = [f"# Sparse encoders on a CPU, {datetime.date.today()}", "",
                   f"{about['model']} ({about['family']}), {about['cores']} cores, {', '.join(about['features'])}; "
                   f"{options.threads} threads, f32. {MODELS[options.model].title}, {options.tile} tiles.", "",
                   f"    {command}", "", ", ".join(f"{name} {about['versions'][name]}" for name in ("python", "torch", "transformers")), "",
                   f"{options.rounds} rounds of bursts of {options.iterations} runs; all programs in turns.", ""]
        error = ["Largest absolute difference from PyTorch float64 of the same pruned model, and in brackets that of PyTorch f32: "
                 + ", ".join(f"{name} {ours:.1e} ({torchs:.1e})" for name, (ours, torchs) in errors.items()) + ".", ""]
        options.out.with_suffix(".md").write_text("\n".join(heading + text + error))


if __name__ == "__main__":
    main()
