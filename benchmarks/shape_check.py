#===- shape_check.py - What et.check finds, how fast, and its false alarms -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Checks the programs of test/python/shape_bugs and the working models of test/python/check_models.py.

Writes results/DATE-MACHINE-shape-check.json and .md: bugs found at their line, seconds, and false alarms on repaired programs and models.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).resolve().parent
sys.path[:0] = [str(BENCHMARKS), str(BENCHMARKS.parent / "python"), str(BENCHMARKS.parent / "test" / "python")]

import check_models  # noqa: E402
import shape_bugs  # noqa: E402
from encoder_bench import machine  # noqa: E402

import et  # noqa: E402


def bounds(values: dict[str, int], shapes: Any) -> dict[str, int]:
    return {name: bound for name, bound in values.items() if name in str(shapes)}


def timed(program: Any, shapes: Any, low: dict[str, int], high: dict[str, int]) -> tuple[Any, float]:
    """The report, and seconds of the processor: a check is one thread, and other load is not its time."""
    begin = time.process_time()
    report = et.check(program, shapes, min=bounds(low, shapes), max=bounds(high, shapes))
    return report, time.process_time() - begin


def check_bug(case: Any) -> dict[str, Any]:
    """One row: the broken program and the repaired one."""
    report, seconds = timed(case.broken(), case.shapes, case.min, case.max)
    repaired, repaired_seconds = timed(case.fixed(), case.fixed_shapes or case.shapes, case.min, case.max)
    found = [path for path in report.invalid if path.frame and case.at in path.frame.source or path.modules and path.modules[-1] == case.at]
    return {"name": case.name, "url": case.url, "found": bool(found), "error": found[0].error if found else "", "seconds": round(seconds, 3),
            "runs": report.runs, "repaired": repaired.verdict, "repaired seconds": round(repaired_seconds, 3)}


def check_model(name: str) -> dict[str, Any]:
    model = check_models.MODELS[name]
    report, seconds = timed(check_models.build(name), model.shapes, model.min, model.max)
    return {"name": name, "verdict": report.verdict, "seconds": round(seconds, 3), "runs": report.runs}


def page(record: dict[str, Any]) -> str:
    bugs, models = record["bugs"], record["models"]
    found = sum(bug["found"] for bug in bugs)
    alarms = sum(bug["repaired"] == "invalid" for bug in bugs) + sum(model["verdict"] == "invalid" for model in models)
    undecided = sum(bug["repaired"] == "undecidable" for bug in bugs) + sum(model["verdict"] == "undecidable" for model in models)
    lines = [f"# Shape checks, {record['date']}", "", f"{record['machine']['model']}, {record['machine']['cores']} cores; seconds of one processor.", "", f"    {record['command']}", "",
             ", ".join(f"{name} {version}" for name, version in record["versions"].items() if name in ("python", "torch", "transformers")), "",
             f"{found} of {len(bugs)} bugs found at their line; {alarms} false alarms and {undecided} undecided among {len(bugs)} repaired programs and "
             f"{len(models)} models. Slowest model: {max(model['seconds'] for model in models):.1f} s.", "",
             "| bug | found | seconds | runs | repaired | seconds |", "| --- | --- | ---: | ---: | --- | ---: |"]
    lines += [f"| [{b['name']}]({b['url']}) | {'yes' if b['found'] else 'no'} | {b['seconds']:.2f} | {b['runs']} | {b['repaired']} | {b['repaired seconds']:.2f} |"
              for b in bugs]
    lines += ["", "| model | verdict | seconds | runs |", "| --- | --- | ---: | ---: |"]
    lines += [f"| {m['name']} | {m['verdict']} | {m['seconds']:.2f} | {m['runs']} |" for m in models]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=BENCHMARKS / "results", metavar="FOLDER", help="where the results go (default: benchmarks/results)")
    options = parser.parse_args()
    date = datetime.date.today().isoformat()
    description = machine.describe(1, [])
    et.check(lambda x: x, [(2, 3)])  # what PyTorch imports on its first use is no time of a check
    bugs = [check_bug(case) for case in shape_bugs.CASES]
    models = [check_model(name) for name in check_models.MODELS]
    record = {"date": date, "machine": description, "versions": machine.versions(), "command": shlex.join(["python", "benchmarks/shape_check.py"]),
              "bugs": bugs, "models": models}
    stem = options.output / f"{date}-{machine.slug(description)}-shape-check"
    stem.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
    stem.with_suffix(".md").write_text(page(record))
    print(page(record))
    return int(not all(bug["found"] and bug["repaired"] == "valid" for bug in bugs) or any(model["verdict"] != "valid" for model in models))


if __name__ == "__main__":
    sys.exit(main())
