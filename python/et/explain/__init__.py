#===- __init__.py - Why a program is as fast as it is -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""`et.explain` writes one HTML page that says what the compiler did with each weight, why, and how long each step takes.

    et.explain(model, ids, mask, output="report.html")                          # compiles, measures, writes the page
    et.explain(program, ids, mask)                                              # of et.compile
    et.explain("model.etp", {"batch": 1, "sequence": 128})                      # a saved program: sizes are enough

The page needs no network and no script. From the command line: `python -m et.explain model.etp --shape batch=1 sequence=128`.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import CurveError, ExplainError

if TYPE_CHECKING:
    from ..torch_backend.describe import Report as GraphsReport
    from .explanation import Explanation

__all__ = ["CurveError", "ExplainError", "explain"]


def _graphs_of(compiled: Any) -> "GraphsReport | None":
    """The report on what torch.compile returned with this project's backend; None for everything else."""
    if "torch._dynamo" not in sys.modules:
        return None
    from ..torch_backend.describe import make
    from ..torch_backend.origin import context_of

    return make(compiled) if context_of(compiled) is not None else None


def explain(model_or_program: Any, *inputs: Any, output: str | os.PathLike[str] = "report.html", title: str | None = None,
            dynamic_shapes: Any = None, target: str = "cpu", isa: str = "native", threads: int | None = None, device: str | None = None,
            curve: Any = None, profile: str | os.PathLike[str] | None = None, measure: bool = True, compare_dense: bool = True, rounds: int = 3
            ) -> "Explanation | GraphsReport":
    """Writes the page `output` and returns what it says.

    Args:
        model_or_program: a module in eval mode (or what torch.export or `et.export_mlir` made of it), which is compiled; what
            `et.compile` returned; or the path of a saved program. Of what torch.compile(backend="et") returned, the page says which
            of its operators run compiled, and why others do not, in the calls that were made so far: it takes no inputs.
        inputs: what it is run on: tensors in order; a dictionary of them by name; or a dictionary of sizes of the dynamic
            dimensions, for which inputs are made. A module needs tensors. A program without any is not measured.
        title: heading of the page, by default the name of the model.
        dynamic_shapes, target, isa: of a module, as for `et.compile`; `isa` of a program of `et.compile` says what its dense
            twin is compiled for.
        threads, device: where the program is measured: threads of a CPU; "cpu", "cuda" or "cuda:1".
        curve: records for the accuracy-latency curve: the path of what et.prune writes (record.json) or of
            benchmarks/prune/accuracy.py's accuracy.json, such a dictionary, a pair of one of these and of the path of its compiled
            program, or a list of those. Latencies that they do not hold are measured: of the program of a pair, or of the module
            pruned by magnitude to each pattern and ratio.
        profile: what `et-run-program --profile-json=FILE` wrote of a run of this very program on another machine, such as one with
            a GPU. Its times stand on the page, and nothing is run here. Inputs, or sizes, say what the run was on.
        measure: run the program and time its steps.
        compare_dense: also compile and time the same model with no zero in it, so that the compiler's predictions can be
            compared; only where the model is given and something of it was left out.
        rounds: how often the steps are measured; the quickest run counts.

    Raises ExplainError (CurveError for `curve`) that says what was expected; errors of compiling are those of `et.compile`.
    """
    from . import run

    output = Path(output)
    if not output.parent.is_dir():
        raise ExplainError(f"expected a folder for the page, but there is no '{output.parent}'; make it first")
    if output.is_dir():
        raise ExplainError(f"expected a file for the page, but '{output}' is a folder; name one in it, such as '{output / 'report.html'}'")
    if title is not None and not isinstance(title, str):
        raise ExplainError(f"expected title to be text, but got {type(title).__name__}")
    report = _graphs_of(model_or_program)
    if report is not None:
        if inputs or curve is not None or profile is not None:
            raise ExplainError("expected nothing but output and title with what torch.compile returned: it tells of the calls that were made")
        from .graphs_page import write as write_graphs

        write_graphs(report, output, title)
        return dataclasses.replace(report, path=output)
    options = run.Options(dynamic_shapes, target, isa, run.check_threads(threads), run.check_device(device), measure, compare_dense, run.check_rounds(rounds),
                          run.check_profile(profile, device, threads))
    given, named, sizes = run.sort_inputs(inputs)
    with tempfile.TemporaryDirectory() as folder:
        found = run.explain(model_or_program, given, named, sizes, options, curve, Path(folder))
    if title:
        found.title = title
    from .page import write

    write(found, output)
    found.path = output
    return found
