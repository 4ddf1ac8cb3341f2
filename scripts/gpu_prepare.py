#===- gpu_prepare.py - Programs for a GPU machine, with inputs and references -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Compiles modules for a GPU and writes a folder that scripts/gpu_check.py runs there.

    scripts/gpu_prepare.py build-gpu                  # needs a build and PyTorch, no GPU
    scripts/gpu_check.py build-gpu                    # on the machine with the GPU: no LLVM

The folder holds a program per case (.etp), .npy files of inputs and of outputs in float64, the runtime library and the
Python package, and a manifest. Inputs are fresh random numbers of the given seed; sizes are awkward on purpose.
"""

from __future__ import annotations

import argparse
import copy
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python"))
sys.path.insert(0, str(ROOT / "examples"))

import et  # noqa: E402

Shapes = Sequence[tuple[int, ...]]


@dataclass
class Case:
    """A module, and the sizes of its dynamic dimensions in each run."""

    name: str
    module: Callable[[], nn.Module]
    #: One tensor per size; called with the generator and the sizes of a run.
    inputs: Callable[..., list[torch.Tensor]]
    #: Names of the dynamic dimensions of each input.
    dims: list[dict[int, str]]
    runs: list[tuple[int, ...]]
    dtype: torch.dtype = torch.float16
    #: Keys up to which attention runs as one kernel; None for any number.
    partial_attention: int | None = None
    #: Called with the inputs of every run once more to time it.
    timed: bool = False


class Residual(nn.Module):
    """Pre-norm: the sum goes on."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.next = nn.LayerNorm(size)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        total = x + y
        return self.norm(total), total


class Rms(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(size, eps=1e-6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x)


class Lambda(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: torch.Tensor) -> Any:
        return self.function(*args)


class MLP(nn.Module):
    def __init__(self, size: int, hidden: int, activation: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.up, self.down, self.activation = nn.Linear(size, hidden), nn.Linear(hidden, size), activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(self.activation(self.up(x)))


def pruned(module: nn.Module, rows: int, columns: int, share: float) -> nn.Module:
    """`module` with a share of the tiles of its matrices zero, the first strip of 64 rows all of it."""
    generator = torch.Generator().manual_seed(7)
    for weight in module.parameters():
        if weight.dim() == 2:
            grid = -(-weight.shape[0] // rows), -(-weight.shape[1] // columns)
            kept = torch.rand(grid, generator=generator) >= share
            mask = kept.repeat_interleave(rows, 0).repeat_interleave(columns, 1)[: weight.shape[0], : weight.shape[1]].clone()
            mask[:64] = False
            weight.data *= mask
    return module


def condensed(module: nn.Module, columns: int, rows: int) -> nn.Module:
    """`module` with so many columns of the matrix `up` and rows of `down` left, of which neither has a neighbour that can shrink."""
    generator = torch.Generator().manual_seed(11)
    for layer, dim, kept in ((module.up, 1, columns), (module.down, 0, rows)):
        gone = torch.randperm(layer.weight.shape[dim], generator=generator)[: layer.weight.shape[dim] - kept]
        layer.weight.data.index_fill_(dim, gone, 0)
    return module


class NormedMLP(nn.Module):
    """Two layers with residuals, and norms behind them (as in BERT) or in front of them, whose vectors are not ones."""

    def __init__(self, size: int, hidden: int, before: bool, rms: bool = False) -> None:
        super().__init__()
        self.first, self.up, self.down = nn.Linear(size, size), nn.Linear(size, hidden), nn.Linear(hidden, size)
        make = (lambda: nn.RMSNorm(size, eps=1e-6)) if rms else (lambda: nn.LayerNorm(size, eps=1e-6))
        self.norms, self.before = nn.ModuleList([make(), make(), make()]), before
        for norm in self.norms:
            norm.weight.data.uniform_(0.5, 1.5)
            if not rms:
                norm.bias.data.normal_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one, two, three = self.norms
        if self.before:
            x = x + self.first(one(x))
            return three(x + self.down(F.gelu(self.up(two(x)))))
        x = two(one(x) + self.first(one(x)))
        return three(x + self.down(F.gelu(self.up(x))))


class Attention(nn.Module):
    def __init__(self, heads: int, size: int, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.size, self.causal = heads, size, causal
        self.qkv = nn.Linear(heads * size, 3 * heads * size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens = x.shape[:2]
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, self.size).unbind(2)
        o = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=self.causal)
        return o.transpose(1, 2).reshape(batch, tokens, -1)


class NarrowAttention(nn.Module):
    """Attention with its own projections, of whose features per head only some queries and keys and some values are left."""

    def __init__(self, heads: int, size: int, keys: int, values: int, gone: int = 0, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.size, self.causal = heads, size, causal
        self.q, self.k, self.v, self.output = (nn.Linear(heads * size, heads * size) for _ in range(4))
        for layer, kept in ((self.q, keys), (self.k, keys), (self.v, values)):
            for head in range(heads):
                # Every third feature first: what is left lies apart.
                order = sorted(range(size), key=lambda i: (i % 3, i))
                rows = [head * size + i for i in order[kept if head >= gone else 0 :]]
                layer.weight.data[rows] = 0
                layer.bias.data[rows] = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (layer(x).unflatten(-1, (self.heads, self.size)).transpose(1, 2) for layer in (self.q, self.k, self.v))
        return self.output(F.scaled_dot_product_attention(q, k, v, is_causal=self.causal).transpose(1, 2).flatten(2))


class OneHead(nn.Module):
    """Attention of one head, whose last two projections the compiler merges."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.q, self.k, self.v, self.output = (nn.Linear(size, size) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(F.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x)))


class Encoder(nn.Module):
    """A BERT-like model of the transformers package, whose first output is taken."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def bert(layers: int, vocabulary: int, repeats: bool = False) -> nn.Module:
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(num_hidden_layers=layers, vocab_size=vocabulary)
    config._attn_implementation = "sdpa"
    model = BertModel(config, add_pooling_layer=False).eval()
    if repeats:
        # Weights that compress, for files that travel.
        pattern = torch.randn(4096) * 0.02
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.data.copy_(pattern.repeat(parameter.numel() // 4096 + 1)[:parameter.numel()].view_as(parameter))
    return Encoder(model)


def minilm() -> nn.Module:
    from minilm import load_bert

    return Encoder(load_bert())


def floats(*shapes: tuple[Any, ...]) -> Callable[..., list[torch.Tensor]]:
    """Normal random inputs of `shapes`, in which strings are replaced by the sizes of a run, in order of their names."""

    def make(generator: torch.Generator, **sizes: int) -> list[torch.Tensor]:
        return [torch.randn([sizes.get(s, s) for s in shape], generator=generator) for shape in shapes]

    return make


def scaled(make: Callable[..., list[torch.Tensor]], factor: float) -> Callable[..., list[torch.Tensor]]:
    """The inputs of `make`, multiplied."""
    return lambda generator, **sizes: [x * factor for x in make(generator, **sizes)]


def tokens(vocabulary: int) -> Callable[..., list[torch.Tensor]]:
    def make(generator: torch.Generator, b: int, s: int) -> list[torch.Tensor]:
        ids = torch.randint(0, vocabulary, (b, s), generator=generator)
        lengths = torch.randint(max(1, s // 2), s + 1, (b,), generator=generator)
        lengths[0] = s
        return [ids, (torch.arange(s)[None, :] < lengths[:, None]).long()]

    return make


BS = {0: "b", 1: "s"}
SHORT = [(1, 1), (2, 7), (3, 64)]


def get_cases() -> list[Case]:
    cases = []
    for dtype, tag in ((torch.float16, "f16"), (torch.bfloat16, "bf16"), (torch.float32, "f32")):
        cases += [
            Case(f"gelu_{tag}", nn.GELU, floats(("b", "s", 384)), [BS], SHORT, dtype),
            Case(f"gelu_tanh_odd_{tag}", lambda: nn.GELU("tanh"), floats(("b", "s", 37)), [BS], SHORT, dtype),
            Case(f"layer_norm_{tag}", lambda: nn.LayerNorm(384, eps=1e-12), floats(("b", "s", 384)), [BS], SHORT, dtype),
            Case(f"layer_norm_odd_{tag}", lambda: nn.LayerNorm(1001), floats(("b", "s", 1001)), [BS], SHORT, dtype),
            Case(f"layer_norm_wide_{tag}", lambda: nn.LayerNorm(5120), floats(("b", "s", 5120)), [BS], [(1, 1), (2, 7), (1, 33)], dtype),
            Case(f"residual_{tag}", lambda: Residual(768), floats(("b", "s", 768), ("b", "s", 768)), [BS, BS], SHORT, dtype),
            Case(f"rms_norm_{tag}", lambda: Rms(768), floats(("b", "s", 768)), [BS], SHORT, dtype),
            Case(f"embedding_{tag}", lambda: nn.Embedding(1000, 384),
                 lambda g, b, s: [torch.randint(0, 1000, (b, s), generator=g)], [BS], SHORT, dtype),
            Case(f"sum_broadcast_{tag}", lambda: Lambda(lambda x, y: torch.tanh(x * 2 + y) - x.exp()),
                 floats(("b", "s", 96), (96,)), [BS, {}], SHORT, dtype),
            Case(f"mean_pool_{tag}", lambda: Lambda(lambda x: x.mean(1)), floats(("b", "s", 384)), [BS], SHORT, dtype),
            Case(f"softmax_{tag}", lambda: Lambda(lambda x: x.softmax(-1)), floats(("b", "s", 77)), [BS], SHORT, dtype),
            Case(f"transpose_{tag}", lambda: Lambda(lambda x: x.transpose(1, 2).contiguous()), floats(("b", "s", 40)), [BS],
                 SHORT, dtype),
            Case(f"linear_{tag}", lambda: nn.Linear(64, 136), floats(("b", "s", 64)), [BS],
                 [*SHORT, (5, 129), (9, 300), (13, 401)], dtype),
            Case(f"linear_odd_{tag}", lambda: nn.Linear(75, 133), floats(("b", "s", 75)), [BS], SHORT, dtype),
            Case(f"mlp_gelu_{tag}", lambda: MLP(256, 1024, F.gelu), floats(("b", "s", 256)), [BS], [*SHORT, (5, 129)], dtype),
            Case(f"mlp_relu_{tag}", lambda: MLP(256, 1024, F.relu), floats(("b", "s", 256)), [BS], SHORT, dtype),
            Case(f"attention_{tag}", lambda: Attention(4, 64), floats(("b", "s", 256)), [BS],
                 [*SHORT, (2, 128), (2, 200), (1, 384), (1, 700)], dtype),
            Case(f"attention_causal_{tag}", lambda: Attention(3, 32, causal=True), floats(("b", "s", 96)), [BS],
                 [*SHORT, (2, 129)], dtype),
        ]
        hidden = floats(("b", "s", 256))
        cases += [
            Case(f"one_head_{tag}", lambda: OneHead(64), floats(("b", "s", 64)), [BS], [*SHORT, (2, 129)], dtype),
            Case(f"linear_large_{tag}", lambda: nn.Linear(64, 136), scaled(floats(("b", "s", 64)), 100), [BS], SHORT, dtype),
            Case(f"attention_large_{tag}", lambda: Attention(4, 64), scaled(hidden, 100), [BS], [*SHORT, (2, 200)], dtype),
        ]
    # 224 is no multiple of what a stage holds; 768 goes around the ring of stages.
    normed = {"post": (224, 392, False), "pre": (224, 392, True), "rms": (224, 392, True, True),
              "post_768": (768, 768, False), "pre_768": (768, 768, True)}
    runs = [*SHORT, (1, 130), (5, 129), (4, 260)]
    for dtype, tag in ((torch.float16, "f16"), (torch.bfloat16, "bf16")):
        for name, (size, *rest) in normed.items():
            if size == 224 or dtype == torch.float16:
                cases.append(Case(f"normed_{name}_{tag}", lambda size=size, rest=rest: NormedMLP(size, *rest),
                                  floats(("b", "s", size)), [BS], runs, dtype))
        # Zero tiles: slabs in both layers with their epilogues, slabs of 16 inputs at odd sizes, squares, and nothing at all.
        cases += [
            Case(f"sparse_mlp_{tag}", lambda: pruned(MLP(512, 1536, F.gelu), 64, 64, 0.8), floats(("b", "s", 512)), [BS],
                 [*SHORT, (5, 129), (9, 300)], dtype),
            Case(f"sparse_odd_{tag}", lambda: pruned(nn.Linear(1048, 968), 64, 16, 0.85), floats(("b", "s", 1048)), [BS],
                 [*SHORT, (5, 129)], dtype),
            Case(f"sparse_squares_{tag}", lambda: pruned(MLP(1024, 1032, F.gelu), 16, 16, 0.95), floats(("b", "s", 1024)), [BS],
                 [*SHORT, (5, 129), (9, 300)], dtype),
            Case(f"sparse_zero_{tag}", lambda: pruned(nn.Linear(256, 512), 64, 64, 2.0), floats(("b", "s", 256)), [BS], SHORT, dtype),
        ]
        # Zero columns of what reads the residual stream and zero rows of what is added to it: a gather in front of a smaller layer, and a
        # copy of its outputs to their places, with the residual, behind. Sizes that are primes, and one or none left, which fit in a few tiles.
        for size, hidden, columns, rows in ((512, 2048, 100, 130), (512, 2048, 1, 1), (512, 2048, 0, 0), (1021, 2053, 97, 53)):
            cases.append(Case(f"condensed_mlp_{size}_{columns}_{tag}",
                              lambda size=size, hidden=hidden, columns=columns, rows=rows: condensed(MLP(size, hidden, F.gelu), columns, rows),
                              floats(("b", "s", size)), [BS], [*SHORT, (5, 129), (9, 300)], dtype))
        for name, (size, inner, *rest) in {"post": (768, 1536, False), "pre": (768, 1536, True), "rms": (768, 1536, True, True)}.items():
            for folded in ("normed_", ""):
                cases.append(Case(f"{folded}condensed_{name}_{tag}",
                                  lambda size=size, inner=inner, rest=rest: condensed(NormedMLP(size, inner, *rest), 128, 128),
                                  floats(("b", "s", size)), [BS], [*runs, (9, 300)], dtype))
        # Statistics taken and made by kernels of slabs up to some hundred rows; 416 outputs are six slabs and a half.
        for name, (size, inner, *rest) in {"post": (768, 768, False), "pre": (768, 1536, True), "rms": (416, 832, True, True)}.items():
            cases.append(Case(f"normed_sparse_{name}_{tag}",
                              lambda size=size, inner=inner, rest=rest: pruned(NormedMLP(size, inner, *rest), 64, 64, 0.8),
                              floats(("b", "s", size)), [BS], [*runs, (9, 300)], dtype))
        # Heads that pruning made narrower, and fewer: 16 or 48 values, 32 queries and keys of 64.
        for keys, values, gone in ((64, 16, 0), (64, 48, 1), (32, 13, 0)):
            cases.append(Case(f"narrow_attention_{keys}_{values}_{tag}",
                              lambda keys=keys, values=values, gone=gone: NarrowAttention(4, 64, keys, values, gone, causal=gone > 0),
                              floats(("b", "s", 256)), [BS], [*SHORT, (2, 128), (2, 200), (1, 700)], dtype))
        # Scores in memory: always, and with more than 100 keys.
        cases += [
            Case(f"partial_attention_{tag}", lambda: Attention(4, 64), floats(("b", "s", 256)), [BS],
                 [*SHORT, (2, 65), (2, 128), (2, 200), (1, 384), (1, 700)], dtype, partial_attention=0),
            Case(f"partial_attention_100_{tag}", lambda: Attention(3, 32, causal=True), floats(("b", "s", 96)), [BS],
                 [*SHORT, (2, 100), (2, 101), (1, 300)], dtype, partial_attention=100),
            Case(f"partial_attention_large_{tag}", lambda: Attention(4, 64), scaled(floats(("b", "s", 256)), 100), [BS],
                 [*SHORT, (2, 200)], dtype, partial_attention=0),
        ]
        # A mean that is far from zero must not cost digits.
        cases.append(Case(f"normed_far_{tag}", lambda: NormedMLP(224, 392, True),
                          lambda g, b, s: [30 + torch.randn(b, s, 224, generator=g)], [BS], runs, dtype))
    cases.append(Case("condensed_mlp_f32", lambda: condensed(MLP(512, 2048, F.gelu), 100, 130), floats(("b", "s", 512)), [BS],
                      [*SHORT, (5, 129)], torch.float32))
    runs = [(1, 8), (2, 33), (3, 128), (8, 64), (1, 200)]
    cases += [
        Case("minilm_f16", minilm, tokens(30522), [BS, BS], runs),
        Case("bert_2layers_f16", lambda: bert(2, 1000, repeats=True), tokens(1000), [BS, BS], [*runs, (2, 384), (1, 512)]),
        Case("bert_2layers_partial_f16", lambda: bert(2, 1000, repeats=True), tokens(1000), [BS, BS], [*runs, (2, 384)],
             partial_attention=100),
        Case("bert_2layers_bf16", lambda: bert(2, 1000, repeats=True), tokens(1000), [BS, BS], runs, torch.bfloat16),
    ]
    return cases


def get_timed_cases() -> list[Case]:
    runs = [(1, 64), (1, 128), (1, 256), (1, 384), (8, 128), (32, 128), (32, 384)]
    return [Case("bert_base_f16", lambda: bert(12, 30522, repeats=True), tokens(30522), [BS, BS], runs, timed=True)]


def save_array(path: Path, tensor: torch.Tensor) -> str:
    """numpy has no bf16: its bits are saved."""
    tensor = tensor.detach().contiguous()
    np.save(path, (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy())
    return path.name


def relative_error(value: torch.Tensor, reference: torch.Tensor) -> float:
    return float((value.double() - reference).abs().max() / reference.abs().max().clamp_min(1e-30))


def flatten(result: Any) -> list[torch.Tensor]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def prepare(case: Case, folder: Path, target: str, seed: int) -> dict[str, Any]:
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    module = case.module().eval().to(case.dtype)

    def make(sizes: tuple[int, ...]) -> list[torch.Tensor]:
        inputs = case.inputs(generator, **dict(zip(("b", "s"), sizes)))
        return [x.to(case.dtype) if x.is_floating_point() else x for x in inputs]

    program = et.compile(module, tuple(make((2, 16))), dynamic_shapes=tuple(case.dims), target=target,
                         fold_norms=case.name.startswith("normed"), partial_attention=case.partial_attention)
    program.save(folder / f"{case.name}.etp")
    # The weights as they are, all arithmetic in float64.
    exact = copy.deepcopy(module).double()
    runs = []
    for i, sizes in enumerate(case.runs):
        inputs = make(sizes)
        entry: dict[str, Any] = {"sizes": sizes, "inputs": [], "references": [], "torch_error": 0.0}
        for k, tensor in enumerate(inputs):
            kind = str(tensor.dtype).removeprefix("torch.")
            entry["inputs"].append([save_array(folder / f"{case.name}.{i}.in{k}.npy", tensor), kind])
        if not case.timed:
            with torch.no_grad():
                references = flatten(exact(*(x.double() if x.is_floating_point() else x for x in inputs)))
                mine = flatten(module(*inputs))
            for k, (reference, value) in enumerate(zip(references, mine)):
                # Where values have 16 bits, 32 say more than enough of what is exact.
                saved = reference if case.dtype == torch.float32 else reference.float()
                entry["references"].append(save_array(folder / f"{case.name}.{i}.ref{k}.npy", saved))
                entry["torch_error"] = max(entry["torch_error"], relative_error(value, reference))
        runs.append(entry)
    return {"name": case.name, "program": f"{case.name}.etp", "dtype": str(case.dtype).removeprefix("torch."),
            "timed": case.timed, "runs": runs}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", default="cuda:sm_90a")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--timed", action="store_true", help="the cases that are timed, in place of those that are checked")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    failed = []
    manifest = []
    for case in get_timed_cases() if options.timed else get_cases():
        if options.only not in case.name:
            continue
        try:
            manifest.append(prepare(case, options.folder, options.target, options.seed))
            print(f"{case.name}: prepared", flush=True)
        except Exception as error:  # the others are still of use
            print(f"{case.name}: {type(error).__name__}: {str(error)[:2000]}", flush=True)
            failed.append(case.name)
    (options.folder / "manifest.json").write_text(json.dumps({"seed": options.seed, "cases": manifest}, indent=1))
    carried = options.folder / "carried"
    shutil.copytree(ROOT / "python", carried / "python", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (carried / "python/et/lib").mkdir(exist_ok=True)
    from et import runtime

    library = next(path for path in runtime._candidates() if path.exists())
    shutil.copy2(library, carried / "python/et/lib")
    shutil.copy2(Path(__file__).with_name("gpu_check.py"), carried)
    if failed:
        print(f"not prepared: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
