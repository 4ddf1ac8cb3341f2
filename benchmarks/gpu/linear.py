# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks linear kernels against float64 and times them beside cuBLAS, both in CUDA graphs of one process.

    build/bin/linear_gpu_kernels DIR        # anywhere: writes DIR/*.cubin and DIR/linear.json
    python3 benchmarks/gpu/linear.py DIR    # on the GPU machine

Kernels of sparse weights are those of sparse.py.
"""

import json
import sys

import torch

import driver

DTYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}
# ||error|| / ||reference||: rounding of the result, and f32 sums.
TOLERANCES = {"f16": 4e-4, "bf16": 3e-3, "f32": 2e-6}
FUNCTIONS = {
    "": lambda x: x,
    "gelu_erf": torch.nn.functional.gelu,
    "gelu_tanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    "gelu_sigmoid": lambda x: x * torch.sigmoid(1.702 * x),
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "erf": torch.erf,
    "exp": torch.exp,
}


class Problem:
    """Operands of one launch: x, w, bias, residual, then scale, mean, shift and offset of a folded norm, y."""

    def __init__(self, spec):
        self.spec = spec
        m, n, k, pad = spec["m"], spec["n"], spec["k"], spec["padding"]
        dtype = DTYPES[spec["type"]]
        new = lambda *shape: torch.randn(*shape, device="cuda", dtype=torch.float32).to(dtype)
        self.x_all, self.w = new(m, k + pad), new(n, k) * k**-0.5
        self.bias = new(n) if spec["bias"] else None
        self.residual_all = new(m, n + pad) if spec["residual"] else None
        self.y_all = torch.full((m, n + pad), float("nan"), device="cuda", dtype=dtype)
        self.x, self.y = self.x_all[:, :k], self.y_all[:, :n]
        self.operands = [self.x_all, self.w]
        if self.bias is not None:
            self.operands.append(self.bias)
        if self.residual_all is not None:
            self.operands.append(self.residual_all)
        self.folded = None
        if spec["folded"]:
            rand = lambda count: torch.randn(count, device="cuda", dtype=torch.float32)
            self.folded = [rand(m) * 0.1 + 1, rand(m), rand(n), rand(n)]
            self.operands.extend(self.folded)
        self.operands.append(self.y_all)

    def compute(self, dtype):
        y = self.x.to(dtype) @ self.w.to(dtype).T
        if self.bias is not None:
            y = y + self.bias.to(dtype)
        if self.folded is not None:
            scale, mean, shift, offset = [part.to(dtype) for part in self.folded]
            y = scale[:, None] * (y - mean[:, None] * shift) + offset
        y = FUNCTIONS[self.spec["activation"]](y)
        if self.residual_all is not None:
            y = y + self.residual_all[:, : self.spec["n"]].to(dtype)
        return y

    def error(self, y, reference):
        return ((y.double() - reference).norm() / reference.norm()).item()


def main(folder, filter=""):
    with open(f"{folder}/linear.json") as file:
        specs = json.load(file)
    print(torch.cuda.get_device_name(), torch.version.cuda, flush=True)
    bad, functions = 0, {}
    for spec in specs:
        if filter not in spec["case"] or "unit_rows" in spec:
            continue
        path = f"{folder}/{spec['cubin']}"
        try:
            if path not in functions:
                functions[path] = driver.load(path, spec["symbol"], spec["shared"])
            problem = Problem(spec)
            launch = driver.Launch(functions[path], spec, problem.operands)
            launch()
            torch.cuda.synchronize()
        except RuntimeError as failure:
            print(f"FAIL {spec['case']} m {spec['m']}: {failure}", flush=True)
            bad += 1
            if "ILLEGAL" in str(failure) or "LAUNCH_FAILED" in str(failure):
                break
            continue
        reference = problem.compute(torch.float64)
        error = problem.error(problem.y, reference)
        torch_error = problem.error(problem.compute(problem.x.dtype), reference)
        untouched = problem.y_all[:, spec["n"] :].isnan().all().item()
        fine = error <= TOLERANCES[spec["type"]] and untouched
        bad += not fine
        line = f"{'ok  ' if fine else 'FAIL'} {spec['case']:28} m {spec['m']:5} error {error:.2e} torch {torch_error:.2e}"
        if spec["timed"]:
            line += time(functions[path], spec, problem)
        else:
            line += f"  {spec['schedule']}"
        print(line, flush=True)
    print("all right" if not bad else f"{bad} wrong")
    return bad != 0


def time(function, spec, problem):
    """Microseconds with weights that stay in L2, and with weights that rotate through more than L2 holds."""
    m, n, k = spec["m"], spec["n"], spec["k"]
    out = torch.empty(m, n, device="cuda", dtype=problem.x.dtype)

    def peer(w):
        # The epilogue of the peer is left out where cuBLAS has none.
        if problem.bias is not None:
            return lambda: torch.addmm(problem.bias, problem.x, w.T, out=out)
        return lambda: torch.mm(problem.x, w.T, out=out)

    def ours(w, programmatic):
        operands = list(problem.operands)
        operands[1] = w
        return driver.Launch(function, spec, operands, programmatic)

    calls = 40 if m <= 1024 else 10
    values = driver.bench([[ours(problem.w, True)], [ours(problem.w, False)], [peer(problem.w)]], calls)
    flops = 2 * m * n * k
    text = f"  us pdl {values[0]:8.2f} plain {values[1]:8.2f} cublas {values[2]:8.2f}"
    text += f"  TF {flops / values[0] / 1e6:6.1f} / {flops / values[2] / 1e6:6.1f} = {values[2] / values[0]:.3f}x"
    if m <= 512:
        copies = [problem.w.clone() for _ in range(max(2, 160_000_000 // (n * k * 2)))]
        cold = driver.bench([[ours(w, True) for w in copies], [peer(w) for w in copies]], len(copies))
        text += f"  cold {cold[0]:6.2f} cublas {cold[1]:6.2f}"
    return text + f"  {spec['schedule']} r{spec.get('registers')}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
