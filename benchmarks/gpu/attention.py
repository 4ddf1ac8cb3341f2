#!/usr/bin/env python3
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks attention kernels against float64 and times them beside cuDNN and FlashAttention as torch calls them.

    attention_gpu_kernels DIR       (where LLVM is)
    attention.py DIR                (where a GPU is)

Every kernel runs at all its sizes on fresh random inputs, and plain ones with queries and keys a hundred times as large,
where the error must not be above that of torch's kernel. Gaps between the rows of an operand and what lies behind it
hold NaN, so that a read out of bounds is seen, as is an output that is not written, or written too far.
Kernels that keep scores in memory give what those give that do not, bit by bit.
Error: ||out - ref|| / ||ref||.
"""

import argparse
import json
import math
import os
import sys

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

import driver

QUERY, KEY, VALUE, MASK, LENGTHS, OUTPUT, OFFSETS, KEY_OFFSETS, SCORES = range(9)
OPERANDS = range(9)
TYPES = {
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "f32": torch.float32,
    "i8": torch.int8,
    "i32": torch.int32,
    "i64": torch.int64,
}
# Weights and output are rounded to 11 or 8 bits: half a unit in the last place each, twice that as margin. For f32, the
# approximate exponential, and sums in another order.
TOLERANCE = {"f16": 1e-3, "bf16": 8e-3, "f32": 2e-6}


def make_offsets(tokens, count, dtype):
    """Random offsets of sequences, some of them empty; a few tokens belong to none."""
    cuts = torch.randint(0, tokens + 1, (count - 1,)).sort().values
    if count > 8:
        cuts[count // 2] = cuts[count // 2 - 1]
    return torch.cat([torch.zeros(1, dtype=torch.int64), cuts]).to("cuda", dtype)


def spoil(result, entry, run):
    """Makes all of one sequence, and what belongs to none, NaN: no row of another may see it."""
    if OFFSETS not in result:
        return
    m = entry["batch"]
    for number, dim, name in ((QUERY, m, OFFSETS), (KEY, m + 1, KEY_OFFSETS), (VALUE, m + 1, KEY_OFFSETS)):
        offsets = result[name if name in result else OFFSETS][1].tolist()
        dims = next(operand["dims"] for operand in run["operands"] if operand["operand"] == number)
        rows = result[number][1].movedim(dims.index(dim), 0)
        rows[offsets[-1] :] = math.nan
        if len(offsets) > 2:
            rows[offsets[1] : offsets[2]] = math.nan


def make_operands(entry, run, scale=1.0):
    """Memory and view of each operand: number -> (flat, view); random normal numbers times `scale`."""
    result = {}
    offsets = {operand["operand"]: operand for operand in run["operands"] if operand["operand"] >= OFFSETS}
    for number, operand in offsets.items():
        tokens = run["sizes"][entry["batch"] + (number == KEY_OFFSETS)]
        values = make_offsets(tokens, operand["count"], TYPES[operand["type"]])
        result[number] = (values, values)
    for operand in run["operands"]:
        number, dtype, strides = operand["operand"], TYPES[operand["type"]], operand["strides"]
        if number in offsets:
            continue
        shape = [run["sizes"][dim] for dim in operand["dims"]]
        length = max(0, 1 + sum((size - 1) * stride for size, stride in zip(shape, strides)))
        flat = torch.zeros(length + 512, dtype=dtype, device="cuda")
        if dtype.is_floating_point:
            flat.fill_(math.nan)
        view = flat.as_strided(shape, strides)
        if number == LENGTHS:
            view.copy_(torch.randint(0, run["sizes"][entry["batch"] + 1] + 2, shape, device="cuda"))
            view[0] = 0
        elif number == MASK and dtype == torch.int8:
            view.copy_(torch.rand(shape, device="cuda") < 0.7)
            view[0] = 0
        elif number != OUTPUT:
            view.copy_(torch.randn(shape, device="cuda") * (1.0 if number == VALUE else scale))
        result[number] = (flat, view)
    if "scores" in run:
        # Between two kernels; the second must not read what the first has not written.
        scores = torch.full((run["scores"] + 512,), math.nan, device="cuda")
        result[SCORES] = (scores, scores[: run["scores"]])
    return result


def make_call(functions, entry, run, memory, programmatic=None):
    """Launches the kernels of `run` one behind the other."""
    operands = [memory[i][0] if i in memory else None for i in OPERANDS]
    launches = [
        driver.Launch(functions[entry["name"], launch["symbol"]], launch, operands, programmatic)
        for launch in run["launches"]
    ]

    def call():
        for launch in launches:
            launch()

    return call


def aligned(entry, run, number, view, inner):
    """`view` with all batch dimensions and those of `inner`, of size 1 where it has none."""
    dims = next(operand["dims"] for operand in run["operands"] if operand["operand"] == number)
    wanted = list(range(entry["batch"])) + inner
    result = view.permute([dims.index(dim) for dim in wanted if dim in dims])
    for position, dim in enumerate(wanted):
        if dim not in dims:
            result = result.unsqueeze(position)
    return result.double() if result.dtype.is_floating_point else result


def reference(entry, run, views):
    m = entry["batch"]
    n, k, v = m + 1, m + 2, m + 3
    num_rows, num_keys = run["sizes"][m], run["sizes"][n]
    query = aligned(entry, run, QUERY, views[QUERY], [m, k])
    key = aligned(entry, run, KEY, views[KEY], [n, k])
    value = aligned(entry, run, VALUE, views[VALUE], [n, v])
    scores = torch.matmul(query, key.transpose(-1, -2)) * entry["scale"]
    rows = torch.arange(num_rows, device="cuda").unsqueeze(1)
    keys = torch.arange(num_keys, device="cuda").unsqueeze(0)
    own = None
    if OFFSETS in views:
        # Positions count from the start of the sequence, and sizes are those of the sequence.
        row_offsets, key_offsets = views[OFFSETS].long(), views[KEY_OFFSETS if KEY_OFFSETS in views else OFFSETS].long()
        sequence = torch.searchsorted(row_offsets, rows.squeeze(1), right=True) - 1
        of_key = torch.searchsorted(key_offsets, keys.squeeze(0), right=True) - 1
        last = len(row_offsets) - 1
        own = (sequence[:, None] == of_key[None, :]) & (sequence[:, None] < last)
        begin, key_begin = row_offsets[sequence], key_offsets[sequence]
        after = (sequence + 1).clamp(max=last)
        num_rows, num_keys = (row_offsets[after] - begin)[:, None], (key_offsets[after] - key_begin)[:, None]
        rows, keys = rows - begin[:, None], keys - key_begin[:, None]
    if entry["score"] == "distance":
        scores = scores - (rows - keys).abs().double() * 0.125
    keep = torch.ones_like(scores, dtype=torch.bool) if own is None else own.expand_as(scores)
    if MASK in views:
        mask = aligned(entry, run, MASK, views[MASK], [m, n])
        if mask.dtype == torch.int8:
            keep = keep & (mask != 0)
        else:
            scores = scores + mask
    if entry["structure"] == "causal":
        keep = keep & (keys <= rows)
    elif entry["structure"] == "lower_right":
        keep = keep & (keys <= rows + num_keys - num_rows)
    elif entry["structure"] == "window":
        inside = (keys >= rows - entry["left"]) & (keys <= rows + entry["right"])
        keep = keep & (inside | (rows < entry["global"]) | (keys < entry["global"]))
    if LENGTHS in views:
        length = aligned(entry, run, LENGTHS, views[LENGTHS], []).clamp(0, num_keys)[..., None, None]
        keep = keep & ((keys >= num_keys - length) if entry["left_padding"] else (keys < length))
    weights = torch.softmax(scores.masked_fill(~keep, -math.inf), dim=-1)
    weights = torch.where(keep.any(-1, keepdim=True), weights, 0.0)
    if own is not None:
        # A weight of zero times NaN.
        value = value.nan_to_num(0.0)
    return torch.matmul(weights, value)


def check(functions, entry, run):
    """Error of one run, and what is wrong with it or None."""
    memory = make_operands(entry, run)
    spoil(memory, entry, run)
    views = {number: view for number, (_, view) in memory.items()}
    make_call(functions, entry, run, memory)()
    torch.cuda.synchronize()
    m = entry["batch"]
    got = aligned(entry, run, OUTPUT, views[OUTPUT], [m, m + 3])
    want = reference(entry, run, views).expand(got.shape)
    if OFFSETS in views and len(views[OFFSETS]) > 2:
        # The sequence that is NaN is, where it has keys.
        begin, end = views[OFFSETS][1:3].tolist()
        got, want = (torch.cat([t[..., :begin, :], t[..., end:, :]], -2) for t in (got, want))
    if got.isnan().any():
        return math.nan, f"{int(got.isnan().sum())} NaN of {got.numel()}"
    flat = memory[OUTPUT][0].clone()
    flat.as_strided(views[OUTPUT].shape, views[OUTPUT].stride()).fill_(math.nan)
    if not flat.isnan().all():
        return math.nan, "wrote outside of the output"
    if SCORES in memory and not memory[SCORES][0][run["scores"] :].isnan().all():
        return math.nan, "wrote behind the scores"
    if not (got[(want == 0).all(-1)] == 0).all():
        return math.nan, "a row without keys is not zero"
    norm = want.norm().item()
    error = (got - want).norm().item() / norm if norm else 0.0
    kind = next(operand["type"] for operand in run["operands"] if operand["operand"] == OUTPUT)
    if error > TOLERANCE[kind]:
        place = (got - want).abs().flatten().argmax().item()
        return error, f"error {error:.1e}: {got.flatten()[place]:.4f} for {want.flatten()[place]:.4f} at {place}"
    return error, None


def check_all(functions, entries):
    failed = 0
    for entry in entries:
        worst, wrong = 0.0, []
        for run in entry["runs"]:
            if run["timed"]:
                continue
            error, reason = check(functions, entry, run)
            if reason:
                wrong.append(f"{run['sizes']}: {reason}")
            else:
                worst = max(worst, error)
        print(f"{'FAILED' if wrong else 'passed'} {entry['name']:28s} worst error {worst:.1e}", flush=True)
        for line in wrong[:4]:
            print(f"       {line}")
        failed += bool(wrong)
    print(f"{len(entries) - failed} passed, {failed} failed", flush=True)
    return failed


def check_same(functions, entries):
    """Scores that go through memory are none the worse: results are those of one kernel with the same blocks of keys."""
    failed = 0
    by_name = {entry["name"]: entry for entry in entries}
    for entry in entries:
        other = by_name.get(entry["name"].replace("partial_", "mma_", 1))
        # Where keys begin elsewhere, blocks do too.
        if other in (None, entry) or entry["structure"] == "window" or entry["left_padding"]:
            continue
        if entry["key_block"] != other["key_block"]:
            continue
        wrong = []
        for run, its in zip(entry["runs"], other["runs"]):
            if run["timed"]:
                continue
            memory = make_operands(entry, run)
            make_call(functions, entry, run, memory)()
            ours = memory[OUTPUT][1].clone()
            memory[OUTPUT][1].fill_(math.nan)
            make_call(functions, other, its, memory)()
            if not torch.equal(ours, memory[OUTPUT][1]):
                wrong.append(run["sizes"])
        print(f"{'FAILED' if wrong else 'passed'} {entry['name']:28s} the same as {other['name']}", *wrong[:4], flush=True)
        failed += bool(wrong)
    return failed


def check_large(functions, entries):
    """Queries and keys of a hundred times the size: the error is not above that of torch's kernel."""
    failed = 0
    for entry in entries:
        runs = [run for run in entry["runs"] if not run["timed"] and run["sizes"][2] == run["sizes"][3] >= 64]
        kinds = {operand["type"] for operand in entry["runs"][0]["operands"]}
        masked = any(operand["operand"] == MASK for operand in entry["runs"][0]["operands"])
        plain = entry["structure"] in ("none", "causal") and not entry["score"] and entry["scale"] > 0
        if entry["batch"] != 2 or masked or not plain or not runs or len(kinds) > 1 or kinds == {"f32"}:
            continue
        errors = torch.zeros(2, dtype=torch.float64, device="cuda")
        for run in runs:
            memory = make_operands(entry, run, scale=100.0)
            views = {number: view for number, (_, view) in memory.items()}
            make_call(functions, entry, run, memory)()
            torch.cuda.synchronize()
            m = entry["batch"]
            inputs = [(QUERY, [m, m + 2]), (KEY, [m + 1, m + 2]), (VALUE, [m + 1, m + 3])]
            inputs = [aligned(entry, run, number, views[number], inner) for number, inner in inputs]
            causal = entry["structure"] == "causal"
            with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]):
                theirs = F.scaled_dot_product_attention(
                    *(x.to(views[QUERY].dtype) for x in inputs), is_causal=causal, scale=entry["scale"]
                )
            want = reference(entry, run, views)
            ours = aligned(entry, run, OUTPUT, views[OUTPUT], [m, m + 3])
            errors += torch.stack([((got.double() - want).norm() / want.norm()) ** 2 for got in (ours, theirs)])
        ours, theirs = (errors / len(runs)).sqrt().tolist()
        # Rows with keys of nearly the same score make the error, of both by the rounding of their scores: it varies.
        good = ours <= 1.25 * theirs
        verdict = "passed" if good else "FAILED"
        print(f"{verdict} {entry['name']:28s} times 100: error {ours:.1e}, torch's {theirs:.1e}", flush=True)
        failed += not good
    return failed


def peer(backend, sizes, causal):
    """A call of torch's attention by `backend`, or None where it declines."""
    batch, heads, m, n, head, _ = sizes
    query = torch.randn(batch, heads, m, head, device="cuda", dtype=torch.float16)
    key, value = (torch.randn(batch, heads, n, head, device="cuda", dtype=torch.float16) for _ in range(2))

    def call():
        with sdpa_kernel(backend):
            F.scaled_dot_product_attention(query, key, value, is_causal=causal)

    try:
        call()
    except RuntimeError as error:
        print(f"{backend}: {error}")
        return None
    return call


def time_all(functions, entries):
    """Rows of (sizes, structure, name, microseconds); each size and structure is one comparison in this process."""
    groups = {}
    for entry in entries:
        for run in entry["runs"]:
            if run["timed"]:
                groups.setdefault((tuple(run["sizes"]), entry["structure"]), []).append((entry, run))
    rows = []
    # By head size, structure, length and batch.
    order = lambda key: (key[0][-1], key[1], key[0][-3], key[0][0])
    for size, structure in sorted(groups, key=order):
        members = groups[size, structure]
        batch, heads, m, n, head, _ = size
        causal = structure == "causal"
        calls = {
            "cuDNN": peer(SDPBackend.CUDNN_ATTENTION, size, causal),
            "FlashAttention": peer(SDPBackend.FLASH_ATTENTION, size, causal),
        }
        for entry, run in members:
            memory = make_operands(entry, run)
            for programmatic in (False, True) if m <= 512 else (False,):
                name = entry["name"] + (" programmatic" if programmatic else "")
                calls[name] = make_call(functions, entry, run, memory, programmatic)
        calls = {name: call for name, call in calls.items() if call}
        times = driver.bench([[call] for call in calls.values()], calls=20 if m <= 512 else 5)
        times = dict(zip(calls, times))
        print(f"batch {batch}, {heads} heads of {head}, {m} rows, {n} keys, structure {structure}", flush=True)
        for name, time in times.items():
            rate = (2 if causal else 4) * batch * heads * m * n * head / time / 1e6
            print(f"    {name:40s} {time:9.2f} us {rate:7.1f} TFLOP/s", flush=True)
            rows.append([size, structure, name, time])
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--only", default="", help="kernels whose name contains this")
    parser.add_argument("--no-check", action="store_true")
    parser.add_argument("--no-bench", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", help="file for the times, as JSON")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, seed {options.seed}", flush=True)
    with open(os.path.join(options.folder, "attention.json")) as file:
        entries = [entry for entry in json.load(file) if options.only in entry["name"]]
    functions = {}
    for entry in entries:
        path = os.path.join(options.folder, entry["cubin"])
        for launch in entry["runs"][0]["launches"]:
            functions[entry["name"], launch["symbol"]] = driver.load(path, launch["symbol"], launch["shared"])
    failed = 0 if options.no_check else sum(run(functions, entries) for run in (check_all, check_same, check_large))
    if not options.no_bench:
        rows = time_all(functions, entries)
        if options.output:
            with open(options.output, "w") as file:
                json.dump(rows, file, indent=1)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
