#===- embed_sentences.py - The demo: MiniLM compiled by E.T. embeds sentences -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Compiles all-MiniLM-L6-v2 with E.T. and embeds sentences with it.

Prints the sentences that mean most nearly the same, the largest error against PyTorch in f32 and f64, and the latency beside
PyTorch's on the same threads, taken in turns. Embeds the sample that the project carries; with ET_DATA set to a folder of
data sets, whole data sets, and for those with human judgements (STS-B, MRPC) also how well the similarities rank the pairs.

    make demo
    make demo ET_DATA=../shared/data
    python examples/embed_sentences.py --help
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "python")]

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

import et
import minilm
from embedding import Array, Batch, closest_pairs, embed, make_batches, pair_similarity, spearman
from interleave import interleave, percentile
from sentence_data import DATA_SETS, Corpus, DataError, load_data_set, load_sample

Function = Callable[[Array, Array], Array]

DEFAULT_DATA_SETS = ["stsb", "mrpc", "sst2", "trec"]
ERROR_LIMIT = 1e-5


@dataclass(frozen=True)
class Functions:
    """The same model three times: compiled by E.T., PyTorch as users run it, and PyTorch in f64 as the truth."""

    et: Function
    torch32: Function
    torch64: Function


def compile_embedder(module: torch.nn.Module, threads: int) -> Function:
    """Compiles with batch and sequence dynamic; the example inputs only show types and names."""
    example = (torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.int64))
    sizes = {0: "batch", 1: "sequence"}
    return et.compile(module, example, dynamic_shapes={"input_ids": sizes, "attention_mask": sizes}, threads=threads)


def torch_function(module: torch.nn.Module) -> Function:
    """Returns `module` as a function of arrays."""

    def function(ids: Array, mask: Array) -> Array:
        with torch.inference_mode():
            return module(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()

    return function


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line; ET_DATA comes from the environment."""
    parser = argparse.ArgumentParser(
        prog="embed_sentences.py",
        description="Embeds sentences with all-MiniLM-L6-v2 compiled by E.T., and compares with PyTorch.",
        epilog="ET_DATA=FOLDER in the environment embeds whole data sets from FOLDER instead of the sample.",
    )
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="threads for both (default: all cores, %(default)s here)")
    parser.add_argument("--batch-size", type=int, default=8, help="sentences per batch (default: %(default)s)")
    parser.add_argument("--top", type=int, default=10, help="closest pairs to print (default: %(default)s)")
    parser.add_argument("--check", type=int, default=256, help="sentences of each corpus compared with PyTorch f64 (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of the latency comparison, 0 leaves it out (default: %(default)s)")
    parser.add_argument("--datasets", nargs="+", metavar="NAME", choices=[*DATA_SETS, "all"], default=DEFAULT_DATA_SETS,
                        help=f"with ET_DATA: which of {', '.join(DATA_SETS)}, or all (default: {' '.join(DEFAULT_DATA_SETS)})")
    options = parser.parse_args(arguments)
    for name, least in (("threads", 1), ("batch_size", 1), ("top", 0), ("check", 1), ("rounds", 0)):
        if getattr(options, name) < least:
            parser.error(f"--{name.replace('_', '-')} must be at least {least}, but is {getattr(options, name)}")
    return options


def load_corpora(datasets: Sequence[str], root: str | None) -> list[Corpus]:
    """Returns the sample, or the named data sets below `root` (the value of ET_DATA)."""
    if not root:
        return [load_sample()]
    names = list(DATA_SETS) if "all" in datasets else list(datasets)
    return [load_data_set(name, Path(root).expanduser()) for name in names]


def embed_with_progress(console: Console, what: str, function: Function, batches: Sequence[Batch]) -> tuple[Array, float]:
    """Embeds all batches behind a progress bar. Returns the embeddings and the seconds spent in `function`."""
    seconds = 0.0

    def timed(ids: Array, mask: Array) -> Array:
        nonlocal seconds
        start = time.perf_counter()
        result = function(ids, mask)
        seconds += time.perf_counter() - start
        return result

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=sum(len(b.rows) for b in batches))
        return embed(timed, batches, lambda batch: progress.advance(task, len(batch.rows))), seconds


def table_of(title: str, first: str, *numbers: str) -> Table:
    """Returns an empty table: one column of text, then columns of numbers."""
    table = Table(title=title, title_justify="left")
    table.add_column(first)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def print_pairs(console: Console, corpus: Corpus, vectors: Array, count: int) -> None:
    """Prints the most alike sentences."""
    table = Table(title=f"Closest pairs of {corpus.name}", title_justify="left", show_lines=True)
    table.add_column("cosine", justify="right")
    table.add_column("sentences", overflow="fold")
    for similarity, first, second in closest_pairs(vectors, count):
        # Sentences are data: brackets in them are not rich's markup.
        table.add_row(f"{similarity:.4f}", Text(f"{corpus.sentences[first]}\n{corpus.sentences[second]}"))
    console.print(table)


def check(functions: Functions, batches: Sequence[Batch], vectors: Array, limit: int) -> tuple[int, float, float, float]:
    """Compares with PyTorch on up to `limit` sentences, spread over all lengths.

    Returns their number and the largest absolute errors: E.T. against f64, PyTorch f32 against f64, E.T. against f32.
    """
    total = sum(len(batch.rows) for batch in batches)
    step = max(1, -(-total // limit))
    chosen = batches[::step]
    rows = [row for batch in chosen for row in batch.rows]
    exact = np.concatenate([functions.torch64(b.input_ids, b.attention_mask) for b in chosen])
    single = np.concatenate([functions.torch32(b.input_ids, b.attention_mask) for b in chosen])
    ours = vectors[rows].astype(np.float64)
    largest = [float(np.abs(difference).max()) for difference in (ours - exact, single - exact, ours - single)]
    return len(rows), largest[0], largest[1], largest[2]


def print_latency(console: Console, functions: Functions, batches: Sequence[Batch], rounds: int, threads: int) -> None:
    """Times one sentence (short, middling, long) and one full batch with E.T. and PyTorch in turns."""
    title = f"Latency in ms, {threads} threads, f32, in turns over {rounds} rounds"
    table = table_of(title, "sentences x tokens", "E.T. median", "p10", "PyTorch median", "p10", "PyTorch / E.T.")
    singles = [Batch([0], b.input_ids[-1:, :], b.attention_mask[-1:, :]) for b in batches]
    cases = {b.shape: b for b in (singles[0], singles[len(singles) // 2], singles[-1], batches[len(batches) // 2])}
    with Progress(TextColumn("latency"), BarColumn(), TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("latency", total=rounds * len(cases))
        for (sentences, tokens), batch in cases.items():
            arguments = batch.input_ids, batch.attention_mask
            calls = {"et": lambda: functions.et(*arguments), "torch": lambda: functions.torch32(*arguments)}
            times = interleave(calls, rounds, iterations=10, on_round=lambda: progress.advance(task))
            middle = {name: percentile(values, 50) / 1e6 for name, values in times.items()}
            fast = {name: percentile(values, 10) / 1e6 for name, values in times.items()}
            table.add_row(f"{sentences} x {tokens}", f"{middle['et']:.2f}", f"{fast['et']:.2f}", f"{middle['torch']:.2f}",
                          f"{fast['torch']:.2f}", f"{middle['torch'] / middle['et']:.2f}")
    console.print(table)


def run(options: argparse.Namespace, console: Console) -> int:
    """Does the whole demo. Returns the exit status: 1 where an embedding is further from f64 than rounding explains."""
    corpora = load_corpora(options.datasets, os.environ.get("ET_DATA"))
    directory = minilm.model_directory()
    tokenizer = minilm.load_tokenizer(directory)
    torch.set_num_threads(options.threads)
    module = minilm.SentenceEmbedder(minilm.load_bert(directory)).eval()

    with console.status("compiling all-MiniLM-L6-v2 ..."):
        start = time.perf_counter()
        compiled = compile_embedder(module, options.threads)
        seconds = time.perf_counter() - start
    console.print(f"all-MiniLM-L6-v2 compiled by E.T. in [bold]{seconds:.2f} s[/]: any batch, any length, {options.threads} threads")
    double = minilm.SentenceEmbedder(minilm.load_bert(directory)).eval().double()
    functions = Functions(compiled, torch_function(module), torch_function(double))

    speed = table_of("Embeddings", "corpus", "sentences", "tokens", "E.T. /s", "PyTorch /s")
    errors = table_of("Largest absolute error", "corpus", "checked", "E.T. - f64", "PyTorch f32 - f64", "E.T. - PyTorch f32")
    judged = table_of("Spearman's rank correlation with people's judgement", "corpus", "pairs", "E.T.", "PyTorch")
    status = 0
    for corpus in corpora:
        encoded = [encoding.ids for encoding in tokenizer.encode_batch(corpus.sentences)]
        batches = make_batches(encoded, options.batch_size)
        vectors, et_seconds = embed_with_progress(console, f"{corpus.name}, E.T.", functions.et, batches)
        theirs, torch_seconds = embed_with_progress(console, f"{corpus.name}, PyTorch", functions.torch32, batches)
        print_pairs(console, corpus, vectors, options.top)
        size = len(corpus)
        speed.add_row(corpus.name, str(size), str(sum(map(len, encoded))), f"{size / et_seconds:.0f}", f"{size / torch_seconds:.0f}")
        if corpus.pairs:
            gold = np.array(corpus.scores)
            values = [f"{spearman(pair_similarity(v, corpus.pairs), gold):.4f}" for v in (vectors, theirs)]
            judged.add_row(corpus.name, str(len(corpus.pairs)), *values)
        with console.status("comparing with PyTorch f64 ..."):
            checked, error, own, apart = check(functions, batches, vectors, options.check)
        errors.add_row(corpus.name, str(checked), f"{error:.2e}", f"{own:.2e}", f"{apart:.2e}")
        # An f32 encoder of six layers is good to about 1e-7 here; a wrong one is off in the first digits.
        status |= not error < ERROR_LIMIT
    for table in (speed, errors, judged):
        if table.row_count:
            console.print(table)
    if options.rounds:
        print_latency(console, functions, batches, options.rounds, options.threads)
    if status:
        console.print(f"[bold red]an embedding is further from PyTorch f64 than f32 rounding explains ({ERROR_LIMIT})[/]")
    return int(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo; what a user can put right is one line without a traceback."""
    options = parse_arguments(arguments)
    console = Console()
    try:
        return run(options, console)
    except (DataError, minilm.ModelNotFound, et.Error) as error:
        Console(stderr=True, soft_wrap=True).print("[bold red]error:[/]", Text(str(error)))
        return 1


if __name__ == "__main__":
    sys.exit(main())
