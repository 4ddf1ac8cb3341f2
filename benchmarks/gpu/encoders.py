#===- encoders.py - Times encoders on a GPU beside the peers there -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Times the BERT-base encoder in f16 beside PyTorch on the same GPU, in one run.

    benchmarks/gpu/encoders.py prepare FOLDER        # needs a build, no GPU: compiles, and writes what travels
    benchmarks/gpu/encoders.py run FOLDER            # on the machine with the GPU: PyTorch and transformers, no LLVM
    benchmarks/gpu/encoders.py prepare FOLDER --prune 64x64:0.8 columns:0.5   # pruned encoders beside the dense one

Everybody is captured into a CUDA graph and replayed: PyTorch eager, torch.compile max-autotune, and E.T.'s program, whose
launches are captured from the same stream. Times are medians between two events: of one pass by itself, launch of the
graph included, and of one of ten passes in one graph, each behind the other, which is how a busy server sees it. JAX, in
a process of its own, has the second only (see jax_encoder.py). All positions are valid. Every layer has the same random values in weights of its own, so that the file compresses and the weights still
stream from memory. The result of each is compared with float64 on the way.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Sequence

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import programs  # noqa: E402
from programs import capture, load_program, median_replay  # noqa: E402

# Passes in one graph for the time of one behind the other.
PASSES = 10
SHAPES = ((1, 64), (1, 128), (1, 256), (1, 384), (8, 128), (32, 128), (32, 384))


def prune(values: Any, pruning: str, generator: Any) -> None:
    """Sets a share of the tiles of a matrix to zero, drawn at random; `pruning` is ROWSxCOLUMNS:SHARE, or rows:SHARE or
    columns:SHARE for whole ones. Matrices of as many columns lose the same ones: query, key and value read one input."""
    import torch

    tile, share = pruning.split(":")
    if tile in ("rows", "columns"):
        rows, columns = (1, values.shape[1]) if tile == "rows" else (values.shape[0], 1)
        generator = torch.Generator().manual_seed(values.shape[1]) if tile == "columns" else generator
    else:
        rows, columns = (int(size) for size in tile.split("x"))
    grid = -(-values.shape[0] // rows), -(-values.shape[1] // columns)
    kept = torch.ones(grid[0] * grid[1], dtype=torch.bool)
    kept[torch.randperm(kept.numel(), generator=generator)[: round(float(share) * kept.numel())]] = False
    mask = kept.reshape(grid).repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    values.data.mul_(mask[: values.shape[0], : values.shape[1]])


def encoder(pruning: str | None = None) -> Any:
    """BERT-base without its embeddings, hidden states to hidden states; with tiles of all its matrices pruned, on request."""
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(vocab_size=8)
    config._attn_implementation = "sdpa"
    layers = BertModel(config, add_pooling_layer=False).encoder.eval()
    first = list(layers.layer[0].parameters())
    generator = torch.Generator().manual_seed(0)
    for values in first:
        if values.dim() == 2:
            values.data.normal_(0, 0.02, generator=generator)
            if pruning:
                prune(values, pruning, generator)
    for layer in layers.layer[1:]:
        for mine, values in zip(layer.parameters(), first):
            mine.data.copy_(values.data)
    return programs.hidden_states(layers).eval().requires_grad_(False).half()


def compile_program(path: Path, pruning: str | None, target: str, fold_norms: bool, expected_rows: int | None = None) -> None:
    """Compiles an encoder and writes its program to `path`, compressed."""
    import torch

    import et

    start = time.monotonic()
    program = et.compile(encoder(pruning), (torch.zeros(2, 16, 768, dtype=torch.float16),),
                         dynamic_shapes=({0: "batch", 1: "sequence"},), target=target, fold_norms=fold_norms,
                         expected_rows=expected_rows)
    print(f"{pruning or 'dense'}: imported and compiled in {time.monotonic() - start:.1f} s")
    programs.save_program(program, path)


def prepare(folder: Path, target: str, fold_norms: bool = False, prunings: Sequence[str] = (), expected_rows: int | None = None) -> None:
    """Writes the programs, and beside them the package and the runtime."""
    sys.path.insert(0, str(HERE.parent.parent / "python"))
    folder.mkdir(parents=True, exist_ok=True)
    compile_program(folder / "bert.etp.xz", None, target, fold_norms)
    for pruning in prunings:
        compile_program(folder / f"bert-{pruning.replace(':', '-')}.etp.xz", pruning, target, fold_norms, expected_rows)
    size = programs.carry(folder, [Path(__file__), HERE / "jax_encoder.py"])
    print(f"{folder}: {size:.1f} MiB")


def measure(folder: Path, shapes: list[tuple[int, int]], compiled: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """One record per shape; prints them as they come."""
    import torch

    program = load_program(folder / "bert.etp.xz")
    pruned = {}
    for path in sorted(folder.glob("bert-*.etp.xz")):
        pruning = ":".join(path.name.removesuffix(".etp.xz").split("-")[1:])
        pruned[pruning] = load_program(path), encoder(pruning).cuda().double()
    module = encoder().cuda()
    exact = encoder().cuda().double()
    records = []
    for batch, sequence in shapes:
        torch.manual_seed(batch * 1000 + sequence)
        hidden = torch.randn(batch, sequence, 768, device="cuda", dtype=torch.float16)
        record: dict[str, Any] = {"batch": batch, "sequence": sequence}
        with torch.inference_mode():
            reference = exact(hidden[:4].double())

            def add(name: str, call: Callable[[], torch.Tensor], reference: torch.Tensor = reference) -> None:
                try:
                    error = float((call()[:4].double() - reference).abs().max())
                    record[name] = {"us": median_replay(capture(call)),
                                    "behind us": median_replay(capture(call, PASSES), 20) / PASSES, "error": error}
                except Exception as failure:
                    record[name] = {"failed": f"{type(failure).__name__}: {failure}"[:300]}

            out = [torch.empty_like(hidden)]
            add("et", lambda: program(hidden, out=out, stream=torch.cuda.current_stream())[0])
            for pruning, (sparse, model) in pruned.items():
                add(f"et {pruning}", lambda sparse=sparse: sparse(hidden, out=out, stream=torch.cuda.current_stream())[0],
                    model(hidden[:4].double()))
            add("torch eager", lambda: module(hidden))
            if (batch, sequence) in compiled:
                torch._dynamo.reset()
                function = torch.compile(module, mode="max-autotune-no-cudagraphs", fullgraph=True, dynamic=False)
                add("torch.compile", lambda: function(hidden))
        records.append(record)
        print(json.dumps(record), flush=True)
    return records


def add_jax(records: list[dict[str, Any]], folder: Path) -> None:
    """Adds what JAX takes to the records; what it cannot do is told there."""
    by_shape = {f"{record['batch']}x{record['sequence']}": record for record in records}
    done = subprocess.run([sys.executable, str(folder / "jax_encoder.py"), *by_shape], capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if not line.startswith("{"):
            continue
        result = json.loads(line)
        record = by_shape[f"{result['batch']}x{result['sequence']}"]
        record[result["name"]] = {"behind us": result["us"]} if "us" in result else {"failed": result["failed"]}
        print(line, flush=True)
    if done.returncode:
        print(f"JAX ended with status {done.returncode}: {done.stderr[-500:]}", flush=True)


NAMES = ("et", "torch eager", "torch.compile", "jax xla", "jax cudnn")


def table(records: list[dict[str, Any]]) -> str:
    """The records as Markdown: one pass by itself / one behind the other (largest error)."""
    prunings = [name for name in records[0] if name.startswith("et ")]
    names = (NAMES[0], *prunings, *NAMES[1:])
    lines = ["| batch x sequence | " + " | ".join(names) + " | best peer / E.T. |",
             "| --- |" + " ---: |" * (len(names) + 1)]
    for record in records:
        cells, ratios = [], []
        for name in names:
            result = record.get(name, {})
            text = " / ".join(f"{result[key]:.0f}" if key in result else "-" for key in ("us", "behind us"))
            error = f" ({result['error']:.1e})" if "error" in result else ""
            cells.append(text + error if "behind us" in result else result.get("failed", "-"))
        for key in ("us", "behind us"):
            peers = [record[n][key] for n in NAMES[1:] if key in record.get(n, {})]
            ratios.append(f"{min(peers) / record['et'][key]:.2f}" if peers and key in record["et"] else "-")
        lines.append(f"| {record['batch']} x {record['sequence']} | " + " | ".join(cells) + f" | {' / '.join(ratios)} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("prepare", "run"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", default="cuda:sm_90a", help="what to compile for (default: %(default)s)")
    parser.add_argument("--fold-norms", action="store_true", help="apply norms in the linear layers around them")
    parser.add_argument("--prune", nargs="*", default=[], metavar="TILE:SHARE",
                        help="prepare: also with this share of tiles pruned, such as 64x64:0.8, or of whole rows or columns, such as rows:0.5, drawn at random")
    parser.add_argument("--expected-rows", type=int, help="prepare: tokens of a batch for which sparse weights have to pay (default: thousands)")
    shape = lambda text: tuple(int(n) for n in text.split("x"))  # noqa: E731
    parser.add_argument("--shapes", nargs="+", type=shape, default=list(SHAPES), metavar="BATCHxSEQUENCE")
    parser.add_argument("--compiled", nargs="*", type=shape, default=list(SHAPES), metavar="BATCHxSEQUENCE",
                        help="shapes that torch.compile takes part in: it needs a minute for each (default: all)")
    parser.add_argument("--no-jax", action="store_true", help="leave JAX out")
    parser.add_argument("--output", type=Path, help="where the records go, as JSON")
    options = parser.parse_args()
    if options.action == "prepare":
        prepare(options.folder, options.target, options.fold_norms, options.prune, options.expected_rows)
        return 0
    records = measure(options.folder, options.shapes, options.compiled)
    if not options.no_jax:
        add_jax(records, options.folder)
    programs.write_records(options.output, records)
    print(table(records))
    return 0 if all("us" in record["et"] for record in records) else 1


if __name__ == "__main__":
    sys.exit(main())
