#===- programs.py - Programs that travel to a machine with a GPU -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What benchmarks of whole programs do alike at both ends.

Where there is a build and no GPU, a program is compiled and written compressed, beside the package `et`, the runtime and the
scripts (`save_program`, `carry`). Where there is a GPU and PyTorch and no LLVM, it is unpacked, captured into CUDA graphs and
timed (`load_program`, `capture`, `median_replay`).
"""

from __future__ import annotations

import json
import lzma
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def hidden_states(encoder: Any) -> Any:
    """A Hugging Face encoder as a module from hidden states to hidden states."""
    import torch

    class Encoder(torch.nn.Module):
        def __init__(self, layers: torch.nn.Module) -> None:
            super().__init__()
            self.layers = layers

        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            return self.layers(hidden)[0]

    return Encoder(encoder)


def save_program(program: Any, path: Path) -> int:
    """Writes a compiled program to `path` (NAME.etp.xz), compressed. Returns the size of the program itself."""
    plain = path.with_suffix("")
    program.save(plain)
    # A layer of BERT-base comes again after 14 MB: the dictionary has to hold one.
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 1 << 26}]
    with lzma.open(path, "wb", filters=filters) as out, plain.open("rb") as source:
        shutil.copyfileobj(source, out, 1 << 24)
    size = plain.stat().st_size
    plain.unlink()
    return size


def carry(folder: Path, scripts: Sequence[Path]) -> float:
    """Copies the package, the runtime, this file and `scripts` beside the programs. Returns the MiB of the folder."""
    root = HERE.parent.parent
    sys.path.insert(0, str(root / "python"))
    from et import runtime

    shutil.copytree(root / "python", folder / "python", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "python/et/lib").mkdir(exist_ok=True)
    shutil.copy2(next(p for p in runtime._candidates() if p.exists()), folder / "python/et/lib")
    for script in (Path(__file__), *scripts):
        shutil.copy2(script, folder)
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 2**20


def load_program(path: Path) -> Any:
    """The program at `path`, which is compressed; its folder holds the package."""
    if str(path.parent / "python") not in sys.path:
        sys.path.insert(0, str(path.parent / "python"))
    import et.runtime

    plain = path.with_suffix("")
    with lzma.open(path) as source, plain.open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 24)
    return et.runtime.load(plain, use_graphs=False)


def median_replay(graph: Any, replays: int = 60) -> float:
    """Microseconds of one replay."""
    import torch

    for _ in range(10):
        graph.replay()
    torch.cuda.synchronize()
    times = []
    for _ in range(replays):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        graph.replay()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) * 1e3)
    return sorted(times)[replays // 2]


def capture(call: Callable[[], Any], calls: int = 1) -> Any:
    """A CUDA graph of `calls` calls."""
    import torch

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(calls):
            call()
    return graph


def write_records(path: Path | None, records: Any, **more: Any) -> None:
    """Prints where the records are from; writes them to `path`, if there is one, with what else is known."""
    import torch

    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}, f16")
    if path:
        path.write_text(json.dumps({"device": torch.cuda.get_device_name(), "torch": torch.__version__, "cuda": torch.version.cuda,
                                    **more, "records": records}, indent=1) + "\n")
