#===- accuracy_report.py - The accuracy tables as Markdown -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Tables of accuracy by pattern and ratio: mean over seeds, and the loss against the dense model of the same seed.

    python benchmarks/prune/accuracy_report.py RESULTS... --output FILE   # joins what calls side by side have measured

Data sets, seeds or models that were run by calls of accuracy.py at the same time, each with an output of its own, become one
FILE.json and FILE.md. They have to be of the same settings.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "python")]

from data_sets import DATA_SETS  # noqa: E402


def _cell(values: Sequence[float], losses: Sequence[float]) -> str:
    if not values:
        return ""
    spread = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * mean(values):.1f}{spread} ({round(-100 * mean(losses), 1) + 0.0:+.1f})"


def _ordered(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))


def markdown(results: Mapping[str, Any]) -> str:
    """The page. Each group is a model, a data set and a seed."""
    groups = results["groups"]
    lines = ["# Accuracy of pruned encoders", "", "In percent, mean and standard deviation over seeds; in brackets the difference to the dense model "
             "of the same seed, fine-tuned by the same script.", ""]
    for model in _ordered(g["model"] for g in groups.values()):
        for task in _ordered(g["task"] for g in groups.values() if g["model"] == model):
            mine = [g for g in groups.values() if (g["model"], g["task"]) == (model, task) and g.get("dense")]
            if not mine:
                continue
            metric = DATA_SETS[task].metric
            dense = [g["dense"]["metrics"][metric] for g in mine]
            jobs = [job for g in mine for job in g["jobs"].values()]
            ratios = sorted({job["ratio"] for job in jobs})
            lines += [f"## {model}, {DATA_SETS[task].title}", "",
                      f"Dense: {_cell(dense, [0.0] * len(dense)).partition(' (')[0]} ({len(mine)} seed{'s' if len(mine) > 1 else ''}).", "",
                      "| pattern | " + " | ".join(f"{ratio:.0%}" for ratio in ratios) + " |", "| --- |" + " --- |" * len(ratios)]
            for pattern in _ordered(job["pattern"] for job in jobs):
                cells = []
                for ratio in ratios:
                    pairs = [(job["dense"][metric], job["metrics"][metric]) for g in mine for job in g["jobs"].values()
                             if (job["pattern"], job["ratio"]) == (pattern, ratio)]
                    cells.append(_cell([p[1] for p in pairs], [p[0] - p[1] for p in pairs]))
                lines.append(f"| {pattern} | " + " | ".join(cells) + " |")
            lines.append("")
    lines += ["Ratios are shares of the weights of attention and feed-forward layers.", "", "## How", ""]
    for call in results["calls"]:
        lines.append(f"- `{call['command']}` on {call['device']}, torch {call['torch']}, {call['date']}: {call['seconds']:.0f} s, {call['jobs']} jobs")
    lines.append("")
    return "\n".join(lines)


def join(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One record of several; ValueError where they do not belong together."""
    joined: dict[str, Any] = {"settings": parts[0]["settings"], "groups": {}, "calls": []}
    for part in parts:
        changed = [key for key in joined["settings"] if part["settings"].get(key) != joined["settings"][key]]
        if changed:
            raise ValueError(f"expected records of the same settings, but {', '.join(changed)} differ")
        for key, group in part["groups"].items():
            mine = joined["groups"].setdefault(key, {**group, "jobs": {}})
            if twice := sorted(mine["jobs"].keys() & group["jobs"].keys()):
                raise ValueError(f"expected each job once, but {key} has {twice[0]} in two records")
            mine["jobs"].update(group["jobs"])
        joined["calls"] += part["calls"]
    return joined


def main() -> int:
    """Joins records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="outputs of accuracy.py: folders with accuracy.json")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="where the joined record goes: FILE.json and FILE.md")
    options = parser.parse_args()
    try:
        joined = join([json.loads((folder / "accuracy.json").read_text()) for folder in options.results])
    except (OSError, ValueError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    options.output.with_name(options.output.name + ".json").write_text(json.dumps(joined, indent=1) + "\n")
    options.output.with_name(options.output.name + ".md").write_text(markdown(joined))
    return 0


if __name__ == "__main__":
    sys.exit(main())
