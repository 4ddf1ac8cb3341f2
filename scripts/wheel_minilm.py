#===- wheel_minilm.py - MiniLM with the installed wheel -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Compiles MiniLM with the `et` that is installed, runs it, compares it with PyTorch, and prints the times.

    python scripts/wheel_minilm.py [--target cpu|cuda:sm_90a] [--random]

`--random`: the model's sizes with random weights, where the package with the weights is not installed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch

import et

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))


def load_model(random: bool) -> torch.nn.Module:
    import minilm

    if not random:
        return minilm.HiddenStates(minilm.load_bert()).eval()
    config = minilm.BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    torch.manual_seed(0)
    return minilm.HiddenStates(minilm.BertModel(config, add_pooling_layer=False)).eval().requires_grad_(False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="cpu")
    parser.add_argument("--random", action="store_true")
    options = parser.parse_args()
    on_gpu = options.target != "cpu"
    model = load_model(options.random)
    ids = torch.randint(1000, 20000, (4, 64), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 40:] = 0
    model = model.half() if on_gpu else model
    names = {0: "batch", 1: "sequence"}
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        program = et.compile(model, (ids, mask), dynamic_shapes=(names, names), target=options.target)
        compiled = time.perf_counter()
        if on_gpu:
            program.save(Path(folder) / "minilm.etp")
            program = et.load(Path(folder) / "minilm.etp")
            ids, mask, model = ids.cuda(), mask.cuda(), model.cuda()
        result = program(ids, mask)
        result = result[0] if isinstance(result, (list, tuple)) else result
        if on_gpu:
            torch.cuda.synchronize()
        ran = time.perf_counter()
    with torch.no_grad():
        exact = model.float()(ids, mask)
    kept = mask.bool()
    error = ((result.float() - exact)[kept].abs().max() / exact[kept].abs().max()).item()
    allowed = 2e-2 if on_gpu else 1e-4
    print(f"et from {Path(et.__file__).parent}")
    print(f"compiled in {compiled - start:.1f} s, loaded and ran in {ran - compiled:.2f} s, error {error:.1e} (allowed {allowed:g})")
    if not error <= allowed:
        print("error: the result is not that of PyTorch", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
