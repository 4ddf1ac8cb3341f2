#===- torch_backend.py - torch.compile(backend="et") on a GPU -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Runs models under torch.compile(backend="et") on a GPU: are answers those of eager PyTorch, and what does a call cost?

    benchmarks/gpu/torch_backend.py families                 # every family, in f16: answers, share of operations compiled
    benchmarks/gpu/torch_backend.py overhead                 # BERT-base at 1x128: beside the bare program, eager and inductor
    benchmarks/gpu/torch_backend.py lengths                  # 200 calls with random batch and length

Needs PyTorch, transformers, ptxas, and libETCAPI.so and libETRuntime.so in $ET_BUILD_DIR/lib: those of `make static` run where
there is no LLVM. Answers are compared with the same model in float64; an error may be at most 1.5 times that of eager PyTorch in
the same type, and what rounding can explain.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any, Callable

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "test" / "python")]

import et  # noqa: E402

TYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}


def leaves(value: Any) -> list[torch.Tensor]:
    return [v for v in torch.utils._pytree.tree_leaves(value) if isinstance(v, torch.Tensor)]


def family(name: str, dtype: torch.dtype, device: str) -> dict[str, Any]:
    """Runs one family at three sizes."""
    import model_zoo

    torch._dynamo.reset()
    et.torch_backend.record.reset()
    entry = model_zoo.FAMILIES[name]
    model = entry.build(entry.attentions[0]).to(device, dtype)
    exact = entry.build(entry.attentions[0]).to(device, torch.float64)
    compiled = torch.compile(model, backend="et")
    worst, allowed = 0.0, 0.0
    start = time.perf_counter()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for batch, length in ((3, 9), (2, 32), (1, 17)):
            inputs = {n: t.to(device, dtype if t.is_floating_point() else t.dtype)
                      for n, t in model_zoo.inputs(entry.takes, batch, length).items()}
            wide = {n: t.double() if t.is_floating_point() else t for n, t in inputs.items()}
            for truth, eager, ours in zip(leaves(exact(**wide)), leaves(model(**inputs)), leaves(compiled(**inputs)), strict=True):
                if (eager.shape, eager.dtype) != (ours.shape, ours.dtype):
                    raise AssertionError(f"{name}: expected {eager.shape} {eager.dtype}, but got {ours.shape} {ours.dtype}")
                scale = truth.abs().max().item() + 1e-6
                worst = max(worst, (ours.double() - truth).abs().max().item() / scale)
                allowed = max(allowed, 1.5 * (eager.double() - truth).abs().max().item() / scale + 2 * torch.finfo(dtype).eps)
    report = et.torch_backend.report(compiled)
    reasons = sorted({e.reason[:160] for g in report.graphs for e in g.eager} | {g.refused[:160] for g in report.graphs if g.refused})
    return {"model": name, "error": worst, "allowed": allowed, "right": worst <= allowed, "share": report.share, "graphs": len(report.graphs),
            "programs": report.programs_compiled, "seconds": round(time.perf_counter() - start, 1), "eager": reasons[:4]}


def median_us(run: Callable[[], Any], wait: Callable[[], Any], count: int) -> tuple[float, float]:
    """Median microseconds of a call with its work done, and of a call alone while the GPU is busy with those before it."""
    for _ in range(10):
        run()
    wait()
    alone = []
    for _ in range(count):
        start = time.perf_counter()
        run()
        wait()
        alone.append(time.perf_counter() - start)
    start = time.perf_counter()
    for _ in range(count):
        run()
    wait()
    return statistics.median(alone) * 1e6, (time.perf_counter() - start) / count * 1e6


def _time(run: Callable[[], Any], wait: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    wait()
    return time.perf_counter() - start


def overhead(layers: int, hidden: int, batch: int, length: int, dtype: torch.dtype, device: str, count: int, inductor: bool
             ) -> dict[str, Any]:
    import transformers

    torch.manual_seed(0)
    config = transformers.BertConfig(num_hidden_layers=layers, hidden_size=hidden, intermediate_size=4 * hidden, num_attention_heads=max(1, hidden // 64))
    model = transformers.BertModel(config).eval().to(device, dtype)
    ids = torch.randint(0, 30000, (batch, length), device=device)
    mask = torch.ones(batch, length, dtype=torch.int64, device=device)
    wait = torch.cuda.synchronize if device != "cpu" else lambda: None
    named = {"input_ids": ids, "attention_mask": mask}
    runs: dict[str, Callable[[], Any]] = {"eager": lambda: model(**named)}
    with torch.no_grad():
        compiled = torch.compile(model, backend="et")
        guarded = torch.compile(model, backend="et", options={"shortcut": False})
        for _ in range(3):
            compiled(**named), guarded(**named)
        runs["torch.compile(backend='et')"] = lambda: compiled(**named)
        runs["the same with guards"] = lambda: guarded(**named)
        call = et.torch_backend.record.graphs(compiled.dynamo_ctx)[0].programs[0]
        runs["bare program"] = lambda: call.program(ids, mask)
        if inductor:
            peer = torch.compile(model)
            runs["torch.compile()"] = lambda: peer(**named)
            tuned = torch.compile(model, mode="reduce-overhead")
            runs["torch.compile(mode='reduce-overhead')"] = lambda: tuned(**named)
        pairs = [(_time(runs["torch.compile(backend='et')"], wait), _time(runs["bare program"], wait)) for _ in range(2 * count)][count:]
        order = list(runs)
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in order}
        for _ in range(3):
            for name in order:
                times[name].append(median_us(runs[name], wait, count))
    report = et.torch_backend.report(compiled)
    return {"layers": layers, "hidden": hidden, "threads": torch.get_num_threads() if device == "cpu" else None,
            "over the bare program, us": round(statistics.median(a - b for a, b in pairs) * 1e6, 1), "batch": batch, "length": length, "share": report.share, "shortcut": report.graphs[0].shortcut,
            "us": {name: [round(min(t[i] for t in found), 1) for i in (0, 1)] for name, found in times.items()}}


def lengths(dtype: torch.dtype, device: str) -> dict[str, Any]:
    """200 calls with random batch and length: how many compilations, and are all answers right?"""
    import random

    import transformers

    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig(num_hidden_layers=2, hidden_size=64, num_attention_heads=4, intermediate_size=256)).eval()
    model = model.to(device, dtype)
    compiled = torch.compile(model, backend="et")
    worst, generator = 0.0, random.Random(1)
    with torch.no_grad():
        for _ in range(200):
            batch, length = generator.randint(1, 16), generator.randint(2, 128)
            ids = torch.randint(0, 30000, (batch, length), device=device)
            mask = torch.ones(batch, length, dtype=torch.int64, device=device)
            for a, b in zip(leaves(model(ids, mask)), leaves(compiled(ids, mask)), strict=True):
                worst = max(worst, (a.float() - b.float()).abs().max().item())
    report = et.torch_backend.report(compiled)
    return {"calls": 200, "programs": report.programs_compiled, "graphs": len(report.graphs), "difference": worst}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("families", "overhead", "lengths"))
    parser.add_argument("--device", default="cuda", help="where to run (default: cuda)")
    parser.add_argument("--type", choices=TYPES, default="f16", help="type of the models (default: f16)")
    parser.add_argument("--only", nargs="*", help="families whose names contain one of these")
    parser.add_argument("--layers", type=int, default=12, help="layers of the encoder of 'overhead' (default: 12, BERT-base)")
    parser.add_argument("--hidden", type=int, default=768, help="hidden size of that encoder (default: 768)")
    parser.add_argument("--threads", type=int, help="threads on a CPU (default: as PyTorch decides)")
    parser.add_argument("--shape", default="1x128", help="batch x length of 'overhead' (default: 1x128)")
    parser.add_argument("--count", type=int, default=200, help="calls of each measurement (default: 200)")
    parser.add_argument("--inductor", action="store_true", help="also time torch.compile's own backend")
    parser.add_argument("--output", type=Path, help="write the results here as JSON")
    arguments = parser.parse_args()
    dtype, device = TYPES[arguments.type], arguments.device
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.what == "families":
        import model_zoo

        results: Any = []
        for name in model_zoo.FAMILIES:
            if arguments.only and not any(part in name for part in arguments.only):
                continue
            results.append(family(name, dtype, device))
            print(json.dumps(results[-1]), flush=True)
        wrong = [r["model"] for r in results if not r["right"]]
        print(f"{len(results) - len(wrong)} of {len(results)} families right" + (f"; wrong: {', '.join(wrong)}" if wrong else ""))
    elif arguments.what == "overhead":
        batch, length = map(int, arguments.shape.split("x"))
        results = overhead(arguments.layers, arguments.hidden, batch, length, dtype, device, arguments.count, arguments.inductor)
        print(json.dumps(results, indent=2))
        wrong = []
    else:
        results = lengths(dtype, device)
        print(json.dumps(results))
        wrong = [results] if results["programs"] > 2 else []
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=2))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
