#===- ragged.py - Times ragged batches on a GPU beside padded ones -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Times the BERT-base encoder in f16 on sequences of different lengths, one behind the other, beside what pads them.

    benchmarks/gpu/ragged.py prepare FOLDER        # needs a build, no GPU: compiles, and writes what travels
    benchmarks/gpu/ragged.py run FOLDER            # on the machine with the GPU: PyTorch and transformers, no LLVM

32 sequences, lengths uniform in 16..384. E.T. takes the tokens packed, with cumulative lengths; beside it stand E.T. on a
batch of equal lengths with as many tokens, E.T. and PyTorch eager on the batch padded to the longest, and PyTorch eager on
packed tokens with its own ragged attention. All are replays of CUDA graphs; what counts is the time per token that is none
of padding. Results are compared with float64, sequence by sequence.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Callable

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import encoders  # noqa: E402
import programs  # noqa: E402

SEQUENCES, SHORTEST, LONGEST = 32, 16, 384


def packed_encoder() -> Any:
    """The encoder of encoders.py, with the same weights, on packed tokens."""
    import torch
    from torch.nn.attention.varlen import varlen_attn

    class PackedEncoder(torch.nn.Module):
        def __init__(self, layers: Any) -> None:
            super().__init__()
            self.layers = layers

        def forward(self, hidden: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
            tokens = hidden.shape[0]
            for layer in self.layers:
                own, out = layer.attention.self, layer.attention.output
                query, key, value = (linear(hidden).view(tokens, 12, 64) for linear in (own.query, own.key, own.value))
                context = varlen_attn(query, key, value, offsets, offsets, LONGEST, LONGEST).reshape(tokens, 768)
                hidden = out.LayerNorm(out.dense(context) + hidden)
                inner = layer.intermediate.intermediate_act_fn(layer.intermediate.dense(hidden))
                hidden = layer.output.LayerNorm(layer.output.dense(inner) + hidden)
            return hidden

    return PackedEncoder(encoders.encoder().layers.layer).eval().requires_grad_(False)


def prepare(folder: Path, target: str) -> None:
    """Compiles both programs and writes them, compressed, beside the package and the runtime."""
    encoders.prepare(folder, target)
    import torch

    import et

    start = time.monotonic()
    example = torch.zeros(40, 768, dtype=torch.float16), torch.tensor([0, 10, 40], dtype=torch.int32)
    program = et.compile(packed_encoder(), example, dynamic_shapes=({0: "tokens"}, {0: "sequences"}), target=target)
    print(f"packed: imported and compiled in {time.monotonic() - start:.1f} s")
    programs.save_program(program, folder / "packed.etp.xz")
    shutil.copy2(Path(__file__), folder)


def draw_lengths(seed: int) -> list[int]:
    generator = random.Random(seed)
    return [generator.randint(SHORTEST, LONGEST) for _ in range(SEQUENCES)]


def measure(folder: Path, seeds: list[int]) -> list[dict[str, Any]]:
    """One record per draw of lengths; prints them as they come."""
    import torch

    bert, packed_program = (programs.load_program(folder / f"{name}.etp.xz") for name in ("bert", "packed"))
    module, exact, packed = encoders.encoder().cuda(), encoders.encoder().cuda().double(), packed_encoder().cuda()
    records = []
    for seed in seeds:
        torch.manual_seed(seed)
        lengths = draw_lengths(seed)
        tokens = sum(lengths)
        offsets = torch.tensor([0, *lengths], device="cuda").cumsum(0).to(torch.int32)
        ragged = torch.randn(tokens, 768, device="cuda", dtype=torch.float16)
        equal = torch.randn(SEQUENCES, round(tokens / SEQUENCES), 768, device="cuda", dtype=torch.float16)
        padded = torch.zeros(SEQUENCES, max(lengths), 768, device="cuda", dtype=torch.float16)
        valid = torch.arange(max(lengths), device="cuda") < torch.tensor(lengths, device="cuda")[:, None]
        padded[valid] = ragged
        mask = valid[:, None, None, :]
        record: dict[str, Any] = {"seed": seed, "tokens": tokens, "longest": max(lengths)}
        with torch.inference_mode():
            reference = torch.cat([exact(part[None].double())[0] for part in ragged[: sum(lengths[:6])].split(lengths[:6])])

            def add(name: str, count: int, call: Callable[[], torch.Tensor], rows: Any = None) -> None:
                try:
                    result = {}
                    if rows is not None:
                        result["error"] = float((rows(call())[: len(reference)].double() - reference).abs().max())
                    result["us"] = programs.median_replay(programs.capture(call))
                    record[name] = {**result, "ns per token": 1e3 * result["us"] / count}
                except Exception as failure:
                    record[name] = {"failed": f"{type(failure).__name__}: {failure}"[:300]}

            outs = {x.shape: [torch.empty_like(x)] for x in (ragged, equal, padded)}
            stream = torch.cuda.current_stream
            et_batch = lambda x: bert(x, out=outs[x.shape], stream=stream())[0]  # noqa: E731
            add("et, packed", tokens,
                lambda: packed_program(ragged, offsets, out=outs[ragged.shape], stream=stream())[0], lambda y: y)
            add("et, equal lengths", equal.shape[0] * equal.shape[1], lambda: et_batch(equal))
            add("et, padded", tokens, lambda: et_batch(padded))
            add("torch eager, padded", tokens, lambda: module.layers(padded, attention_mask=mask)[0], lambda y: y[valid])
            add("torch eager, packed", tokens, lambda: packed(ragged, offsets), lambda y: y)
        records.append(record)
        print(json.dumps(record), flush=True)
    return records


def table(records: list[dict[str, Any]]) -> str:
    """The records as Markdown."""
    names = [name for name in records[0] if name not in ("seed", "tokens", "longest")]
    lines = ["| tokens | " + " | ".join(f"{name}: us (ns per token; error)" for name in names) + " | packed / equal |",
             "| ---: |" + " ---: |" * (len(names) + 1)]
    for record in records:
        cells = []
        for name in names:
            result = record[name]
            error = f"; {result['error']:.1e}" if "error" in result else ""
            cells.append(f"{result['us']:.0f} ({result['ns per token']:.0f}{error})" if "us" in result else result["failed"])
        both = [record[name].get("ns per token") for name in ("et, packed", "et, equal lengths")]
        ratio = f"{both[0] / both[1]:.3f}" if all(both) else "-"
        lines.append(f"| {record['tokens']} | " + " | ".join(cells) + f" | {ratio} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("prepare", "run"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", default="cuda:sm_90a", help="what to compile for (default: %(default)s)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="draws of lengths (default: three)")
    parser.add_argument("--output", type=Path, help="where the records go, as JSON")
    options = parser.parse_args()
    if options.action == "prepare":
        prepare(options.folder, options.target)
        return 0
    records = measure(options.folder, options.seeds)
    programs.write_records(options.output, records)
    print(table(records))
    return 0 if all("us" in record["et, packed"] for record in records) else 1


if __name__ == "__main__":
    sys.exit(main())
