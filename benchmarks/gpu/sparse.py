# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks kernels of tile-sparse linear layers against float64 and times them beside cuBLAS on the dense weight.

    build/bin/linear_gpu_kernels DIR sparse # anywhere: writes DIR/*.cubin and DIR/linear.json
    python3 benchmarks/gpu/sparse.py DIR    # on the GPU machine

Weights are packed here from what include/et/Dialect/ET/IR/Strips.h says, without the compiler's own code: that is
checked too. All times are medians of replays of CUDA graphs in one process; operands take turns through more memory than L2
holds, the weights of few rows as well.
"""

import argparse
import json
import sys

import numpy as np
import torch

import driver
import linear

#: Bytes of operands that take turns: more than L2 holds.
ROTATED = 160_000_000


def make_pattern(n, k, rows, columns, sparsity, random):
    """A mask [n, k] of tiles of rows x columns, of which just the share `sparsity` is zero."""
    shape = -(-n // rows), -(-k // columns)
    count = shape[0] * shape[1]
    kept = np.zeros(count, dtype=bool)
    kept[random.permutation(count)[: count - round(count * sparsity)]] = True
    mask = np.repeat(np.repeat(kept.reshape(shape), rows, 0), columns, 1)
    return mask[:n, :k]


def pack(bits, unit_rows):
    """The storage of a weight in strips, as bytes; `bits` are its 16-bit elements, [n, k]."""
    n, k = bits.shape
    strips, blocks = -(-n // 64), -(-k // 64)
    padded = np.zeros((strips * 64, blocks * 64), dtype=np.uint16)
    padded[:n, :k] = bits
    panels = 64 // unit_rows
    # [strip, panel, row, block, slab, input]
    cut = padded.reshape(strips, panels, unit_rows, blocks, 4, 16)
    # [strip, block, slab, panel, row, input]: the order of the bits.
    units = cut.transpose(0, 3, 4, 1, 2, 5)
    stored = (units & 0x7FFF).any(axis=(4, 5))
    flags = stored.reshape(strips, blocks, 4 * panels)
    masks = np.zeros((strips, -(-blocks // 8) * 8), dtype=np.uint16)
    masks[:, :blocks] = (flags.astype(np.uint32) << np.arange(4 * panels)).sum(-1)
    counts = flags.reshape(strips, -1).sum(-1)
    # Any order will do: the longest first, as it should be for balance, and of those the ones with most in common.
    order, rest = [], list(np.argsort(-counts, kind="stable"))
    any_unit = flags.any(-1)
    while rest:
        order.append(rest.pop(0))
        if rest:
            added = [(any_unit[other] & ~any_unit[order[-1]]).sum() for other in rest[:64]]
            order.append(rest.pop(int(np.argmin(added))))
    starts = np.concatenate([[0], np.cumsum(counts[order])]).astype(np.int32)
    masks = masks[order]
    kept = units[order][stored[order]]
    if unit_rows == 64:
        # [half of the inputs][eight rows][row][input]
        kept = kept.reshape(-1, 8, 8, 2, 8).transpose(0, 3, 1, 2, 4)
    else:
        # [lane: row of eight, pair of inputs][half of the inputs][half of the rows][input of the pair]
        kept = kept.reshape(-1, 2, 8, 2, 4, 2).transpose(0, 2, 4, 3, 1, 5)
    head = np.array(order, dtype=np.int32).tobytes() + starts.tobytes()
    head += bytes(-len(head) % 16) + masks.tobytes()
    head += bytes(-len(head) % 128)
    data = head + np.ascontiguousarray(kept).tobytes()
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).cuda()


class Problem(linear.Problem):
    """A problem of linear.py whose weight is pruned; `dense_w` is what it stands for."""

    def __init__(self, spec, tile, sparsity, random, rows_of_zeros=False):
        super().__init__(spec)
        mask = make_pattern(spec["n"], spec["k"], *tile, sparsity, random)
        if rows_of_zeros:
            mask[:64] = False
        self.w = self.w * torch.from_numpy(mask).cuda()
        self.storage = pack(self.w.view(torch.int16).cpu().numpy().view(np.uint16), spec["unit_rows"])
        self.operands[1] = self.storage
        self.kept = float(mask.mean())


def check(function, spec, random):
    """Whether the kernel is right for several patterns, with outputs poisoned by NaN; prints a line each."""
    bad = 0
    tile = (64 if spec["unit_rows"] == 64 else 16, spec["tile_columns"])
    for sparsity, name in ((0.0, "dense"), (0.5, "50 %"), (0.9, "90 %"), (0.8, "empty strip"), (1.0, "all zero")):
        problem = Problem(spec, tile, sparsity, random, rows_of_zeros=name == "empty strip")
        for _ in range(2):
            driver.Launch(function, spec, problem.operands)()
        torch.cuda.synchronize()
        reference = problem.compute(torch.float64)
        # All zeros have no norm.
        scale = reference.norm().clamp_min(1e-30)
        error = ((problem.y.double() - reference).norm() / scale).item() if reference.any() else problem.y.abs().max().item()
        fine = error <= linear.TOLERANCES[spec["type"]] and problem.y_all[:, spec["n"] :].isnan().all().item()
        bad += not fine
        print(f"{'ok  ' if fine else 'FAIL'} {spec['case']:28} m {spec['m']:5} {name:12} error {error:.2e}  {spec['schedule']}", flush=True)
    return bad


def time(functions, specs, tile, sparsities, random):
    """Times kernels of one problem size for each sparsity, beside cuBLAS."""
    spec = specs[0]
    m, n, k = spec["m"], spec["n"], spec["k"]
    rows = []
    for sparsity in sparsities:
        problem = Problem(spec, tile, sparsity, random)
        x, w = problem.x, problem.w
        few = m <= 512
        # Few rows: weights come from memory. Many: so do the activations.
        sets = max(2, -(-ROTATED // (n * k * 2))) if few else max(2, -(-ROTATED // ((n + k) * m * 2)))
        xs = [x] if few else [x.clone() for _ in range(sets)]
        ys = [problem.y] if few else [torch.empty_like(problem.y) for _ in range(sets)]
        dense = [w.clone() for _ in range(sets if few else 2)]
        stored = [problem.storage.clone() for _ in range(sets if few else 1)]
        full = [torch.randn_like(w) * k**-0.5 for _ in dense]

        def peers(weights):
            return [lambda i=i: torch.mm(xs[i % len(xs)], weights[i % len(weights)].T, out=ys[i % len(ys)]) for i in range(sets)]

        # cuBLAS on the weight before pruning, and on the pruned one: zeros take less power, and the clock is higher.
        candidates = [peers(full), peers(dense)]
        for one in specs:
            launches = []
            for i in range(sets):
                operands = list(problem.operands)
                operands[0], operands[1], operands[-1] = xs[i % len(xs)], stored[i % len(stored)], ys[i % len(ys)]
                launches.append(driver.Launch(functions[one["case"]], one, operands))
            candidates.append(launches)
        calls = sets if few else 2 * sets
        times = driver.bench(candidates, calls, repeats=9)
        floor = max(2 * m * n * k * problem.kept / 700e6, (m * (n + k) * 2 + problem.storage.numel()) / 4.2e6)
        best = min(range(2, len(times)), key=lambda i: times[i])
        print(f"{m:5} x {n} x {k}, tiles {tile[0]}x{tile[1]}, {100 * sparsity:3.0f} % zero: cuBLAS {times[0]:7.2f} ({times[1]:.2f} pruned) us, best {times[best]:7.2f}"
              f" = {times[0] / times[best]:5.2f}x ({times[1] / times[best]:.2f}x), {100 * floor / times[best]:3.0f} % of the floor  |"
              + "".join(f"  {'*' if i + 2 == best else ''}{one['case'].split('_', 2)[2]} {value:.2f}" for i, (one, value) in enumerate(zip(specs, times[2:]))),
              flush=True)
        rows.append({"m": m, "n": n, "k": k, "tile": list(tile), "sparsity": sparsity, "cublas": times[0], "cublas_pruned": times[1], "floor": floor,
                     "kernels": {one["schedule"]: value for one, value in zip(specs, times[2:])}})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--only", nargs="+", default=[""], help="kernels whose name contains one of these")
    parser.add_argument("--no-check", action="store_true")
    parser.add_argument("--no-bench", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", help="file for the times, as JSON")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    random = np.random.default_rng(options.seed)
    with open(f"{options.folder}/linear.json") as file:
        specs = [spec for spec in json.load(file) if any(part in spec["case"] for part in options.only) and "unit_rows" in spec]
    print(torch.cuda.get_device_name(), torch.version.cuda, "torch", torch.__version__, "seed", options.seed, flush=True)
    functions, bad = {}, 0
    for spec in specs:
        if spec["case"] not in functions:
            functions[spec["case"]] = driver.load(f"{options.folder}/{spec['cubin']}", spec["symbol"], spec["shared"])
        if not options.no_check and (not spec["timed"] or spec["m"] <= 512):
            bad += check(functions[spec["case"]], spec, random)
    rows = []
    if not options.no_bench:
        groups = {}
        for spec in specs:
            if spec["timed"]:
                groups.setdefault((spec["m"], spec["n"], spec["k"], spec["unit_rows"], spec["tile_columns"]), []).append(spec)
        for (m, _, _, unit_rows, columns), group in groups.items():
            sparsities = (0.5, 0.75, 0.9, 0.95) if m > 512 else (0.8, 0.9)
            tiles = [(64, columns), (128, columns)] if unit_rows == 64 and columns == 64 and m > 512 else [(unit_rows, columns)]
            for tile in tiles:
                rows += time(functions, group, tile, sparsities, random)
    if options.output:
        with open(options.output, "w") as file:
            json.dump({"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "seed": options.seed, "rows": rows}, file, indent=1)
    print("all right" if not bad else f"{bad} wrong")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
