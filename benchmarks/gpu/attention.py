#!/usr/bin/env python3
"""Checks attention kernels against float64 and times them beside cuDNN.

    attention_kernels FOLDER          (here, with LLVM)
    attention.py FOLDER --check --bench --output results.json    (on the machine with the GPU)

Every kernel is run at several sizes, ragged ones among them, on fresh random inputs; gaps between the rows of an
operand and what lies behind it hold NaN, so that a read out of bounds is seen, and an output that is not written or is
written too far as well. Error: ||out - ref|| / ||ref|| over all elements.
"""

from __future__ import annotations

import argparse
import json
import math
import pathlib
import sys

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import kernels

QUERY, KEY, VALUE, MASK, LENGTHS, OUTPUT = range(6)
TYPES = {
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "f32": torch.float32,
    "i8": torch.int8,
    "i32": torch.int32,
    "i64": torch.int64,
}
# Rounding of the weights and of the output to 11 bits and 8 bits, in norm, with a margin of two.
TOLERANCE = {"f16": 6e-4, "bf16": 5e-3}


class Case:
    def __init__(self, folder: pathlib.Path, entry: dict):
        self.entry = entry
        self.kernel = kernels.Kernel(folder, entry["file"], entry["launch"])
        self.operands = {operand["operand"]: operand for operand in entry["operands"]}

    def sizes(self, batch: list[int], m: int, n: int) -> list[int]:
        return list(batch) + [m, n, self.entry["k"], self.entry["v"]]

    def make(self, sizes: list[int], fill=None) -> dict:
        """Memory and view of each operand: number -> (flat, view)."""
        result = {}
        for number, operand in self.operands.items():
            dtype = TYPES[operand["type"]]
            shape = [sizes[dim] for dim in operand["dims"]]
            strides = [eval(expr, {"__builtins__": {}}, {"s": sizes}) for expr in operand["strides"]]
            length = 1 + sum((size - 1) * stride for size, stride in zip(shape, strides) if size)
            flat = torch.zeros(max(length, 1) + 512, dtype=dtype, device="cuda")
            if dtype.is_floating_point:
                flat.fill_(float("nan"))
            view = flat.as_strided(shape, strides)
            if number == LENGTHS:
                view.copy_(torch.randint(0, sizes[self.entry["batch"] + 1] + 2, shape, device="cuda"))
                if shape[0] > 1:
                    view[0] = 0
            elif number == MASK and dtype == torch.int8:
                view.copy_(torch.rand(shape, device="cuda") < 0.7)
                view[..., 0] = 1
                if view.numel():
                    view[0] = 0
            elif number != OUTPUT:
                view.copy_(torch.randn(shape, device="cuda"))
            result[number] = (flat, view)
        return result

    def aligned(self, number: int, view: torch.Tensor, row: int | None, column: int | None) -> torch.Tensor:
        """`view` as float64 with all batch dimensions and the two given ones, of size 1 where it has none."""
        dims = self.operands[number]["dims"]
        wanted = list(range(self.entry["batch"])) + [dim for dim in (row, column) if dim is not None]
        order = [dims.index(dim) for dim in wanted if dim in dims]
        result = view.permute(order)
        for position, dim in enumerate(wanted):
            if dim not in dims:
                result = result.unsqueeze(position)
        return result.double() if result.dtype != torch.int8 else result

    def reference(self, views: dict, sizes: list[int]) -> torch.Tensor:
        entry, b = self.entry, self.entry["batch"]
        m, n, k, v = b, b + 1, b + 2, b + 3
        q, key, value = (
            self.aligned(QUERY, views[QUERY], m, k),
            self.aligned(KEY, views[KEY], n, k),
            self.aligned(VALUE, views[VALUE], n, v),
        )
        scores = torch.matmul(q, key.transpose(-1, -2)) * entry["scale"]
        rows = torch.arange(sizes[m], device="cuda").unsqueeze(1)
        keys = torch.arange(sizes[n], device="cuda").unsqueeze(0)
        if entry["score"] == "distance":
            scores = scores - (rows - keys).abs().double() * 0.125
        keep = torch.ones_like(scores, dtype=torch.bool)
        if MASK in views:
            mask = self.aligned(MASK, views[MASK], m, n)
            if mask.dtype == torch.int8:
                keep = keep & (mask != 0)
            else:
                scores = scores + mask
        if entry["structure"] == "causal":
            keep = keep & (keys <= rows)
        elif entry["structure"] == "lower_right":
            keep = keep & (keys <= rows + sizes[n] - sizes[m])
        elif entry["structure"] == "window":
            inside = (keys >= rows - entry["left"]) & (keys <= rows + entry["right"])
            keep = keep & (inside | (rows < entry["global"]) | (keys < entry["global"]))
        if LENGTHS in views:
            length = self.aligned(LENGTHS, views[LENGTHS], None, None).clamp(0, sizes[n])[..., None, None]
            keep = keep & ((keys >= sizes[n] - length) if entry["left_padding"] else (keys < length))
        weights = torch.softmax(scores.masked_fill(~keep, float("-inf")), dim=-1)
        weights = torch.where(keep.any(-1, keepdim=True), weights, torch.zeros_like(weights))
        return torch.matmul(weights, value)

    def check(self, batch: list[int], m: int, n: int) -> str | None:
        sizes = self.sizes(batch, m, n)
        memory = self.make(sizes)
        views = {number: view for number, (_, view) in memory.items()}
        launch = self.kernel.bind(sizes, {number: flat for number, (flat, _) in memory.items()})
        launch()
        torch.cuda.synchronize()
        b = self.entry["batch"]
        got = self.aligned(OUTPUT, views[OUTPUT], b, b + 3)
        want = self.reference(views, sizes)
        if want.shape != got.shape:
            want = want.expand(got.shape)
        if got.isnan().any():
            return f"{int(got.isnan().sum())} NaN of {got.numel()}"
        flat = memory[OUTPUT][0].clone()
        flat.as_strided(views[OUTPUT].shape, views[OUTPUT].stride()).fill_(float("nan"))
        if not flat.isnan().all():
            return "wrote outside of the output"
        nothing = (want == 0).all(-1)
        if not (got[nothing] == 0).all():
            return "a row without keys is not zero"
        norm = want.norm().item()
        self.error = (got - want).norm().item() / norm if norm else got.norm().item()
        if self.error > TOLERANCE[self.operands[OUTPUT]["type"]]:
            worst = (got - want).abs().flatten().argmax().item()
            return f"error {self.error:.2e}, worst {got.flatten()[worst]:.4f} for {want.flatten()[worst]:.4f} at {worst}"
        return None


def check_sizes(entry: dict) -> list[tuple[list[int], int, int]]:
    packed = "packed" in entry["name"]
    heads = {1: [[12]], 2: [[3, 12]], 3: [[2, 3, 4]]}.get(entry["batch"], [[]])[0]
    pairs = [(64, 64), (1, 1), (17, 17), (128, 128), (130, 130), (200, 200), (384, 384), (513, 513), (700, 700)]
    if not packed:
        pairs += [(5, 300), (300, 5), (129, 257), (64, 1025)]
    return [(heads, m, n) for m, n in pairs]


def run_checks(cases: list[Case], log) -> int:
    failures = 0
    for case in cases:
        worst, bad = 0.0, []
        for batch, m, n in check_sizes(case.entry):
            try:
                reason = case.check(batch, m, n)
            except torch.OutOfMemoryError:
                raise
            if reason:
                bad.append(f"m={m} n={n}: {reason}")
            else:
                worst = max(worst, case.error)
        log(f"{'FAIL' if bad else 'ok  '} {case.entry['name']:28s} worst error {worst:.1e}")
        for line in bad[:4]:
            log(f"       {line}")
        failures += bool(bad)
    return failures


def peer(backend, batch, heads, m, n, head, causal=False):
    q = torch.randn(batch, heads, m, head, device="cuda", dtype=torch.float16)
    k = torch.randn(batch, heads, n, head, device="cuda", dtype=torch.float16)
    v = torch.randn(batch, heads, n, head, device="cuda", dtype=torch.float16)

    def call():
        with sdpa_kernel(backend):
            F.scaled_dot_product_attention(q, k, v, is_causal=causal)

    try:
        return kernels.microseconds(call)
    except RuntimeError as error:
        return math.nan


BENCH = [  # batch, heads, rows and keys, head size
    (32, 12, 128, 64),
    (32, 12, 256, 64),
    (32, 12, 384, 64),
    (32, 12, 512, 64),
    (1, 12, 128, 64),
    (8, 12, 1024, 64),
    (4, 16, 4096, 64),
    (32, 12, 512, 128),
    (4, 16, 4096, 128),
]


def run_bench(cases: list[Case], log, results: list) -> None:
    for batch, heads, size, head in BENCH:
        flops = 4 * batch * heads * size * size * head
        rows = []
        for name, backend in (("cuDNN", SDPBackend.CUDNN_ATTENTION), ("flash", SDPBackend.FLASH_ATTENTION)):
            rows.append((name, peer(backend, batch, heads, size, size, head)))
        for case in cases:
            entry = case.entry
            plain = entry["structure"] == "none" and not entry["score"] and len(entry["operands"]) == 4
            if not plain or entry["k"] != head or entry["v"] != head or entry["batch"] != 2 or entry["scale"] < 0:
                continue
            if entry["operands"][0]["dims"] != [0, 1, 2, 4] or entry["operands"][0]["type"] != "f16":
                continue
            if "odd" in entry["name"]:
                continue
            sizes = case.sizes([batch, heads], size, size)
            memory = {number: flat for number, (flat, _) in case.make(sizes).items()}
            for programmatic in (False, True) if size <= 512 else (False,):
                launch = case.kernel.bind(sizes, memory, programmatic)
                label = entry["name"] + (" +pdl" if programmatic else "")
                rows.append((label, kernels.microseconds(launch)))
        log(f"b{batch} h{heads} s{size} d{head}")
        for name, time in rows:
            log(f"    {name:36s} {time:9.2f} us {flops / time / 1e6 if time == time else 0:7.1f} TFLOP/s")
            results.append({"batch": batch, "heads": heads, "size": size, "head": head, "name": name, "us": time})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--bench", action="store_true")
    parser.add_argument("--only", default="", help="cases whose name starts with this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    log = lambda text: print(text, flush=True)
    log(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, seed {options.seed}")
    entries = kernels.load_dump(options.folder / "attention.json")
    cases = [Case(options.folder, entry) for entry in entries if entry["name"].startswith(options.only)]
    results: list = []
    failures = 0
    if options.bench:
        run_bench(cases, log, results)
    if options.check:
        failures = run_checks(cases, log)
        log(f"{len(cases) - failures} passed, {failures} failed")
    if options.output:
        options.output.write_text(json.dumps(results, indent=1))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
