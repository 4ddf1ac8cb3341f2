# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks sparse linear kernels against float64 and times them beside cuBLAS with the dense weight, in one process.

    build/bin/sparse_gpu_kernels DIR        # anywhere: writes DIR/*.cubin and DIR/sparse.json
    python3 benchmarks/gpu/sparse.py DIR [FILTER]    # on the GPU machine

Weights are packed here as include/et/Dialect/ET/IR/Strips.h says, without the code that does it for plans.
"""

import json
import sys

import numpy
import torch

import driver
import linear

STRIP, BLOCK, SLAB = 64, 64, 16
# Bytes that rotating operands have in all: more than L2 holds.
ROTATED_BYTES = 160_000_000


def round_up(value, multiple):
    return (value + multiple - 1) // multiple * multiple


def choose_units(n, k, unit_rows, sparsity, empty_strip, seed):
    """A bool [ceil(n / unit_rows), ceil(k / 16)]: the units that are kept, an exact share of all, at random places."""
    random = numpy.random.default_rng(seed)
    shape = -(-n // unit_rows), -(-k // SLAB)
    count = shape[0] * shape[1]
    keep = numpy.zeros(count, bool)
    keep[random.permutation(count)[: round(count * (100 - sparsity) / 100)]] = True
    keep = keep.reshape(shape)
    if empty_strip and n > STRIP:
        keep[STRIP // unit_rows : 2 * STRIP // unit_rows] = False
    return keep


def cut(values, unit_rows):
    """[n, k] as [strip, block, slab, panel, row, column] of units, with zeros past the weight."""
    n, k = values.shape
    full = numpy.zeros((round_up(n, STRIP), round_up(k, BLOCK)), values.dtype)
    full[:n, :k] = values
    parts = full.reshape(-1, STRIP // unit_rows, unit_rows, full.shape[1] // BLOCK, BLOCK // SLAB, SLAB)
    return parts.transpose(0, 3, 4, 1, 2, 5)


def arrange(units, unit_rows):
    """Units as they are stored: [..., row, column] to [..., 16-bit elements]."""
    if unit_rows == STRIP:
        # Matrices of 8 outputs by 8 inputs, first those of the lower inputs.
        matrices = units.reshape(*units.shape[:-2], STRIP // 8, 8, SLAB // 8, 8)
        return numpy.moveaxis(matrices, -2, -4).reshape(*units.shape[:-2], unit_rows * SLAB)
    # Operand A of mma.sync m16n8k16: four registers of two neighbouring inputs.
    lane, register, element = numpy.meshgrid(numpy.arange(32), numpy.arange(4), numpy.arange(2), indexing="ij")
    row = lane // 4 + register % 2 * 8
    column = lane % 4 * 2 + element + register // 2 * 8
    return units[..., row, column].reshape(*units.shape[:-2], unit_rows * SLAB)


def order_strips(masks):
    """The longest strip that is left, and behind it the one that adds fewest blocks to it."""
    units = numpy.array([sum(int(mask).bit_count() for mask in row) for row in masks])
    rest, order = list(numpy.argsort(-units, kind="stable")), []
    while rest:
        order.append(rest.pop(0))
        if rest:
            added = ((masks[rest[:64]] != 0) & (masks[order[-1]] == 0)).sum(1)
            order.append(rest.pop(int(added.argmin())))
    return numpy.array(order, numpy.int32)


def pack(values, unit_rows):
    """The storage of a weight, [n, k] of 16-bit patterns: bytes, and how many units it has."""
    units = cut(values, unit_rows)
    kept = (units & 0x7FFF).any((-1, -2))
    strips, blocks = kept.shape[:2]
    flat = kept.reshape(strips, blocks, -1)
    masks = (flat.astype(numpy.uint32) << numpy.arange(flat.shape[2], dtype=numpy.uint32)).sum(2).astype(numpy.uint16)
    counts = flat.sum((1, 2))
    starts = numpy.concatenate([[0], numpy.cumsum(counts)]).astype(numpy.int32)
    padded = numpy.zeros((strips, round_up(blocks, 8)), numpy.uint16)
    padded[:, :blocks] = masks
    storage = order_strips(masks).tobytes() + starts.tobytes()
    storage = storage.ljust(round_up(len(storage), 16), b"\0") + padded.tobytes()
    storage = storage.ljust(round_up(len(storage), 128), b"\0") + arrange(units[kept], unit_rows).tobytes()
    return numpy.frombuffer(storage, numpy.uint8), int(counts.sum())


class Problem(linear.Problem):
    """Operands of one launch with a sparse weight; `w` is the dense one that it stands for."""

    def __init__(self, spec, sparsity):
        super().__init__(spec)
        n, k, rows = spec["n"], spec["k"], spec["unit_rows"]
        units = choose_units(n, k, rows, sparsity, empty_strip=not spec["timed"], seed=n + k + sparsity)
        keep = numpy.repeat(numpy.repeat(units, rows, 0), SLAB, 1)[:n, :k]
        # A weight that rounds to zero would lose its unit.
        self.w = torch.where(self.w == 0, torch.full_like(self.w, 2**-10), self.w)
        self.w = torch.where(torch.from_numpy(keep).cuda(), self.w, torch.zeros_like(self.w))
        storage, self.kept = pack(self.w.view(torch.int16).cpu().numpy().view(numpy.uint16), rows)
        assert self.kept == units.sum()
        self.storage = torch.from_numpy(storage.copy()).cuda()
        assert self.storage.data_ptr() % 128 == 0
        self.operands[1] = self.storage

    def error(self, y, reference):
        norm = reference.norm()
        return ((y.double() - reference).norm() / (norm if norm > 0 else 1)).item()


def time(function, spec, problem):
    """Microseconds of a call: programmatic launch, plain launch, cuBLAS. With many rows x and y rotate through more than
    L2 holds, with few rows the weights do."""
    m, n, k = spec["m"], spec["n"], spec["k"]
    count = max(2, ROTATED_BYTES // ((m * (n + k) if m > 512 else n * k) * 2))
    groups = [[], [], []]
    for _ in range(count):
        operands, w, out = list(problem.operands), problem.w, torch.empty(m, n, device="cuda", dtype=problem.x.dtype)
        if m > 512:
            operands[0], operands[-1] = problem.x_all.clone(), torch.empty_like(problem.y_all)
        else:
            operands[1], w = problem.storage.clone(), w.clone()
        groups[0].append(driver.Launch(function, spec, operands, True))
        groups[1].append(driver.Launch(function, spec, operands, False))
        groups[2].append(lambda x=operands[0], w=w, out=out: torch.mm(x, w.T, out=out))
    return driver.bench(groups, round_up(16, count))


def main(folder, filter=""):
    with open(f"{folder}/sparse.json") as file:
        specs = json.load(file)
    print(torch.cuda.get_device_name(), torch.version.cuda, flush=True)
    bad, functions, best = 0, {}, {}
    for spec in specs:
        if filter not in spec["case"]:
            continue
        path = f"{folder}/{spec['cubin']}"
        for sparsity in spec["sparsities"]:
            name = f"{spec['case']:24} m {spec['m']:5} {sparsity:3}%"
            try:
                if path not in functions:
                    functions[path] = driver.load(path, spec["symbol"], spec["shared"])
                problem = Problem(spec, sparsity)
                driver.Launch(functions[path], spec, problem.operands)()
                torch.cuda.synchronize()
            except RuntimeError as failure:
                print(f"FAIL {name}: {failure}", flush=True)
                if "out of memory" in str(failure) or "load" in str(failure):
                    bad += 1
                    continue
                # Nothing runs on this device any more.
                return 1
            error = problem.error(problem.y, problem.compute(torch.float64))
            fine = error <= linear.TOLERANCES[spec["type"]] and problem.y_all[:, spec["n"] :].isnan().all().item()
            bad += not fine
            line = f"{'ok  ' if fine else 'FAIL'} {name} error {error:.2e}"
            if spec["timed"] and fine:
                m, n, k = spec["m"], spec["n"], spec["k"]
                programmatic, plain, cublas = time(functions[path], spec, problem)
                flops = 2 * m * problem.kept * spec["unit_rows"] * SLAB
                roof = max(flops / 700e6, (2 * m * (n + k) + problem.storage.numel()) / 4.2e6)
                line += f"  us pdl {programmatic:7.2f} plain {plain:7.2f} cublas {cublas:7.2f}"
                line += f" = {cublas / programmatic:5.2f}x / {cublas / plain:5.2f}x  roofline {roof / plain:4.0%}"
                key, found = (m, n, k, spec["unit_rows"], sparsity), (min(programmatic, plain), cublas, spec["schedule"])
                best[key] = min(best.get(key, found), found)
            print(f"{line}  {spec['schedule']} r{spec.get('registers')}", flush=True)
    for (m, n, k, rows, sparsity), (ours, cublas, schedule) in sorted(best.items()):
        print(f"best {m:5} x {n} x {k} rows {rows} {sparsity}%: {ours:7.2f} us, {cublas / ours:5.2f}x  {schedule}")
    print("all right" if not bad else f"{bad} wrong")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
