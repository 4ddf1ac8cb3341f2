#===- accuracy_report.py - The accuracy tables as Markdown -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Tables of accuracy by pattern and ratio: mean over seeds, and the loss against the dense model of the same seed.

    python benchmarks/prune/accuracy_report.py RESULTS... --output FILE   # joins what calls side by side have measured
    python benchmarks/prune/accuracy_report.py RESULTS... --latencies CPU.json GPU.json --output FILE

Data sets, seeds or models that were run by calls of accuracy.py at the same time, each with an output of its own, become one
FILE.json and FILE.md. They have to be of the same settings. With the records of latency.py, a table of each model says beside the
accuracies how large its programs are and how long they take.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "python")]

from data_sets import DATA_SETS  # noqa: E402

#: What a pruned model may lose against the dense one, in points: pattern, ratio, points.
BOUNDS = (("tile", 0.5, 1.5), ("tile", 0.8, 4.0))


def _cell(values: Sequence[float], losses: Sequence[float]) -> str:
    if not values:
        return ""
    spread = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * mean(values):.1f}{spread} ({_signed(losses)})"


def _signed(losses: Sequence[float]) -> str:
    """The mean difference in points; never -0.0."""
    return f"{round(-100 * mean(losses), 1) + 0.0:+.1f}"


def _ordered(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))


def _groups(results: Mapping[str, Any], model: str, task: str) -> list[Mapping[str, Any]]:
    return [g for g in results["groups"].values() if (g["model"], g["task"]) == (model, task) and g.get("dense")]


def _pairs(groups: Iterable[Mapping[str, Any]], pattern: str, ratio: float, metric: str) -> list[tuple[float, float]]:
    """Dense and pruned metrics of a job, one pair for each seed."""
    return [(job["dense"][metric], job["metrics"][metric]) for g in groups for job in g["jobs"].values()
            if (job["pattern"], job["ratio"]) == (pattern, ratio)]


def _losses(groups: Iterable[Mapping[str, Any]], pattern: str, ratio: float, metric: str) -> list[float]:
    return [dense - pruned for dense, pruned in _pairs(groups, pattern, ratio, metric)]


def _accuracy_table(mine: Sequence[Mapping[str, Any]], task: str) -> list[str]:
    metric = DATA_SETS[task].metric
    dense = [g["dense"]["metrics"][metric] for g in mine]
    jobs = [job for g in mine for job in g["jobs"].values()]
    ratios = sorted({job["ratio"] for job in jobs})
    lines = [f"Dense: {_cell(dense, [0.0] * len(dense)).partition(' (')[0]} ({len(mine)} seed{'s' if len(mine) > 1 else ''}).", "",
             "| pattern | " + " | ".join(f"{ratio:.0%}" for ratio in ratios) + " |", "| --- |" + " --- |" * len(ratios)]
    for pattern in _ordered(job["pattern"] for job in jobs):
        pairs = [_pairs(mine, pattern, ratio, metric) for ratio in ratios]
        lines.append(f"| {pattern} | " + " | ".join(_cell([p[1] for p in c], [p[0] - p[1] for p in c]) for c in pairs) + " |")
    return lines + [""]


def _bounds(results: Mapping[str, Any], models: Sequence[str]) -> list[str]:
    """Which of the bounds hold, for each model and data set that has the jobs."""
    lines = ["## Bounds", "", "Mean over seeds of the difference to the dense model in points, and whether that is within the bound.", "",
             "| model, data set | " + " | ".join(f"{pattern} {ratio:.0%}: at most {points:g} points" for pattern, ratio, points in BOUNDS) + " |",
             "| --- |" + " --- |" * len(BOUNDS)]
    rows = []
    for model in models:
        for task in _ordered(g["task"] for g in results["groups"].values() if g["model"] == model):
            cells = []
            for pattern, ratio, points in BOUNDS:
                losses = _losses(_groups(results, model, task), pattern, ratio, DATA_SETS[task].metric)
                # What is shown is what is judged.
                cells.append(f"{_signed(losses)}: {'holds' if float(_signed(losses)) >= -points else 'does not hold'}" if losses else "")
            if any(cells):
                rows.append(f"| {model}, {DATA_SETS[task].title} | " + " | ".join(cells) + " |")
    return [*lines, *rows, ""] if rows else []


def _title(task: str) -> str:
    return DATA_SETS[task].title.partition(",")[0].partition(" (")[0] if task in DATA_SETS else task


def _quiet(record: Mapping[str, Any]) -> str:
    """On a machine that others use: how often they did not."""
    return f"; no other load at the start of {record['rounds_without_other_load']} of {record['rounds']} rounds" if "rounds" in record else ""


def _time(us: float) -> str:
    return f"{us / 1e3:.2f} ms" if us >= 1e3 else f"{us:.0f} us"


def _cost_cells(record: Mapping[str, Any], key: str, points: Sequence[str]) -> list[str]:
    """Size and latencies of a job, each with its relation to the dense program."""
    job, dense = record["jobs"].get(key), record["jobs"]["dense"]
    if not job:
        return [""] * (1 + len(points))
    cells = [f"{job['matrix_bytes'] / 1e6:.1f} MB ({job['matrix_bytes'] / dense['matrix_bytes']:.0%})"]
    for point in points:
        found = job["points"].get(point)
        cells.append(f"{_time(found['us'])} ({1 / found['us share']:.2f}x)" if found else "")
    return cells


def _cost_table(results: Mapping[str, Any], model: str) -> list[str]:
    """Accuracy beside size and latency, a line for each pattern and ratio."""
    records = [r for r in results.get("latencies", ()) if r["model"] == model]
    if not records:
        return []
    tasks = [t for t in _ordered(g["task"] for g in results["groups"].values() if g["model"] == model) if _groups(results, model, t)]
    points = [list(dict.fromkeys(p for job in r["jobs"].values() for p in job["points"])) for r in records]
    heads = [f"{r['kind'].upper()} {what}" for r, mine in zip(records, points) for what in ("matrices", *mine)]
    keys = {(job["pattern"], job["ratio"]): key for t in tasks for g in _groups(results, model, t) for key, job in g["jobs"].items()}
    lines = [f"## {model}, accuracy, size and latency", "",
             "Differences to dense in points, mean over seeds; bytes of the linear layers' weights in the program and their share of the dense ones; "
             "latency of batch x tokens, and how many times as fast as the dense program, measured in turns with it.", ""]
    for record in records:
        jobs = record["jobs"].values()
        lines.append(f"- {record['kind'].upper()}: {record['device']}, {' for '.join(record[k] for k in ('type', 'target') if k in record)}; zeros of "
                     f"{_title(record['task'])}, seed {record['seed']}; largest error against float64 {max(j['error'] for j in jobs):.1e}; "
                     f"the file of the dense program has {record['jobs']['dense']['file_bytes'] / 1e6:.1f} MB{_quiet(record)}")
    titles = [_title(t) for t in tasks]
    lines += ["", "| pattern | ratio | " + " | ".join(titles + heads) + " |", "| --- | ---: |" + " ---: |" * (len(titles) + len(heads))]
    cells = [cell for r, mine in zip(records, points) for cell in _cost_cells(r, "dense", mine)]
    dense = [_cell([g["dense"]["metrics"][DATA_SETS[t].metric] for g in _groups(results, model, t)], [0.0]).partition(" (")[0] for t in tasks]
    lines.append("| dense | | " + " | ".join(dense + cells) + " |")
    order = _ordered(pattern for pattern, _ in keys)
    for pattern, ratio in sorted(keys, key=lambda j: (order.index(j[0]), j[1])):
        found = [_losses(_groups(results, model, t), pattern, ratio, DATA_SETS[t].metric) for t in tasks]
        cells = [cell for r, mine in zip(records, points) for cell in _cost_cells(r, keys[pattern, ratio], mine)]
        lines.append(f"| {pattern} | {ratio:.0%} | " + " | ".join([_signed(c) if c else "" for c in found] + cells) + " |")
    return lines + [""]


def markdown(results: Mapping[str, Any]) -> str:
    """The page. Each group is a model, a data set and a seed."""
    groups = results["groups"]
    models = _ordered(g["model"] for g in groups.values())
    lines = ["# Accuracy of pruned encoders", "", "In percent, mean and standard deviation over seeds; in brackets the difference to the dense model "
             "of the same seed, fine-tuned by the same script.", ""]
    for model in models:
        for task in _ordered(g["task"] for g in groups.values() if g["model"] == model):
            mine = _groups(results, model, task)
            if any(g["jobs"] for g in mine):
                lines += [f"## {model}, {DATA_SETS[task].title}", "", *_accuracy_table(mine, task)]
        lines += _cost_table(results, model)
    lines += ["Ratios are shares of the weights of attention and feed-forward layers.", ""]
    lines += _bounds(results, models)
    lines += ["## How", ""]
    for call in results["calls"]:
        lines.append(f"- `{call['command']}` on {call['device']}, torch {call['torch']}, {call['date']}: {call['seconds']:.0f} s, {call['jobs']} jobs")
    for record in results.get("latencies", ()):
        lines.append(f"- {' and '.join(f'`{record[c]}`' for c in ('command', 'run') if c in record)} on {record['device']}, {record['date']}")
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
            mine = joined["groups"].setdefault(key, {**group, "metric": DATA_SETS[group["task"]].metric, "jobs": {}})
            if twice := sorted(mine["jobs"].keys() & group["jobs"].keys()):
                raise ValueError(f"expected each job once, but {key} has {twice[0]} in two records")
            for name, job in group["jobs"].items():
                if bad := [m for m, v in (*job["metrics"].items(), *job["dense"].items()) if not math.isfinite(v)]:
                    raise ValueError(f"expected finite metrics, but {bad[0]} of {name} of {key}, or of its dense model, is not; has the training diverged?")
            mine["jobs"].update(group["jobs"])
        joined["calls"] += part["calls"]
    return joined


def add_latencies(results: dict[str, Any], records: Sequence[Mapping[str, Any]]) -> None:
    """Puts records of latency.py beside the accuracies; ValueError where they are of other models or jobs."""
    known = {g["model"]: set() for g in results["groups"].values()}
    for group in results["groups"].values():
        known[group["model"]] |= set(group["jobs"])
    seen = set()
    for record in records:
        model, kind = record["model"], record["kind"]
        if model not in known:
            raise ValueError(f"expected latencies of {', '.join(known)}, but a record is of {model}")
        if (model, kind) in seen:
            raise ValueError(f"expected one record of latencies of {model} for a {kind.upper()}, but there are two")
        seen.add((model, kind))
        if "dense" not in record["jobs"]:
            raise ValueError(f"expected the dense program in the latencies of {model} for a {kind.upper()}, but it is missing")
        if strange := sorted(record["jobs"].keys() - known[model] - {"dense"}):
            raise ValueError(f"expected latencies of jobs that have accuracies, but {strange[0]} of {model} has none")
        for key, job in record["jobs"].items():
            for point, times in job["points"].items():
                if not all(math.isfinite(t) and t > 0 for t in times.values()):
                    raise ValueError(f"expected times above 0, but {key} of {model} at {point} has {times}")
    results["latencies"] = list(records)


def main() -> int:
    """Joins records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULTS", help="outputs of accuracy.py: folders with accuracy.json")
    parser.add_argument("--latencies", nargs="+", type=Path, default=[], metavar="FILE.json", help="records of latency.py")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="where the joined record goes: FILE.json and FILE.md")
    options = parser.parse_args()
    try:
        joined = join([json.loads((folder / "accuracy.json").read_text()) for folder in options.results])
        if options.latencies:
            add_latencies(joined, [json.loads(path.read_text()) for path in options.latencies])
    except (OSError, ValueError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    options.output.with_name(options.output.name + ".json").write_text(json.dumps(joined, indent=1) + "\n")
    options.output.with_name(options.output.name + ".md").write_text(markdown(joined))
    return 0


if __name__ == "__main__":
    sys.exit(main())
