#===- report.py - Results as JSON and Markdown -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Turns what was measured into a record (JSON, everything) and a page (Markdown, what a reader wants to know)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from encoder_bench import stats
from encoder_bench.contenders import CONTENDERS, ET, PEERS
from encoder_bench.points import attention_flops, flops, linear_flops
from encoder_bench.schedule import PointResult
from interleave import percentile

FORMAT = 1


def point_record(result: PointResult) -> dict[str, Any]:
    """Returns everything about one point, ready for JSON."""
    spec, point = result.spec, result.point
    times = {name: entry.rounds for name, entry in result.entries.items() if entry.measured}
    summaries = {name: stats.summarize(rounds) for name, rounds in times.items()}
    peak = percentile(result.peak, 50) if result.peak else None
    record: dict[str, Any] = {
        "model": spec.name,
        "point": str(point),
        "gflop": {"linear": linear_flops(spec, point) / 1e9, "attention": attention_flops(spec, point) / 1e9},
        "iterations_per_round": result.iterations,
        "peak_gflops": {"median": peak, "p90": percentile(result.peak, 90) if result.peak else None, "status": result.peak_status},
        "quiet_rounds": sum(result.quiet),
        "rounds": len(result.quiet),
        "torch_f32_error": result.reference_error,
        "contenders": {},
    }
    for name, entry in result.entries.items():
        one: dict[str, Any] = {"status": entry.status, "settings": entry.settings, "tried": entry.tried,
                               "prepare_seconds": round(entry.prepare_seconds, 2)}
        if name in summaries:
            summary = summaries[name]
            rate = stats.gflops(flops(spec, point), summary.median)
            one |= {
                "median_ms": summary.median,
                "p10_ms": summary.p10,
                "p90_ms": summary.p90,
                "samples": summary.samples,
                "gflops": rate,
                "share_of_peak": rate / peak if peak else None,
                "error": entry.error if math.isfinite(entry.error) else str(entry.error),  # JSON has no NaN
                "verdict": stats.error_verdict(entry.error, result.reference_error),
                "round_medians_ms": [round(percentile(burst, 50) / 1e6, 4) for burst in entry.rounds],
                "involuntary_switches": entry.involuntary,
            }
        record["contenders"][name] = one
    # A wrong result is not a time to beat.
    right = [name for name in summaries if record["contenders"][name]["verdict"] != "wrong"]
    record["best_peer"] = stats.best(summaries, [name for name in PEERS if name in right])
    if ET in summaries and record["best_peer"]:
        comparison = stats.compare(times, ET, record["best_peer"])
        record["et_against_best_peer"] = {
            "median": comparison.median, "p10": comparison.p10, "typical_round": comparison.typical_round,
            "rounds_won": comparison.rounds_won, "rounds": [round(ratio, 4) for ratio in comparison.rounds],
        }
    return record


def make_record(results: Sequence[PointResult], machine: dict[str, Any], versions: dict[str, str], command: str,
                date: str, options: dict[str, Any]) -> dict[str, Any]:
    """Returns the whole record."""
    return {"format": FORMAT, "date": date, "command": command, "machine": machine, "versions": versions, "options": options,
            "points": [point_record(result) for result in results]}


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns a Markdown table; text left, numbers right."""
    body = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    align = ["---" if index == 0 else "---:" for index in range(len(header))]
    return ["| " + " | ".join(row) + " |" for row in [list(header), align, *body]] + [""]


def times_rows(points: Sequence[dict[str, Any]], names: Sequence[str]) -> list[list[str]]:
    """Returns the rows of the main table: median and p10 of everybody, the best of each row in bold, the ratio last."""
    rows = []
    for point in points:
        measured = {n: c for n, c in point["contenders"].items() if "median_ms" in c and c["verdict"] != "wrong"}
        winner = min(measured, key=lambda n: measured[n]["median_ms"], default=None)
        row = [point["point"].replace("x", " x ")]
        for name in names:
            one = point["contenders"].get(name, {})
            if "median_ms" not in one:
                row.append("failed" if one else "")
                continue
            text = f"{one['median_ms']:.2f} ({one['p10_ms']:.2f})"
            text = f"**{text}**" if name == winner else text
            row.append(text + (" wrong" if one["verdict"] == "wrong" else ""))
        versus = point.get("et_against_best_peer")
        if versus:
            row.append(f"{versus['median']:.2f} ({versus['p10']:.2f}), {versus['typical_round']:.2f}, {versus['rounds_won']:.0%}")
        else:
            row.append("")
        rows.append(row)
    return rows


def detail_rows(points: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Returns a row for each contender at each point: rate, share of the peak, error, settings."""
    rows = []
    for point in points:
        for name, one in point["contenders"].items():
            if "median_ms" not in one:
                continue
            error = float(one["error"])
            share = "" if one["share_of_peak"] is None else f"{one['share_of_peak']:.0%}"
            rows.append([f"{point['model']} {point['point']}", CONTENDERS[name].title, f"{one['gflops']:.0f}", share,
                         f"{error:.1e}", f"{error / point['torch_f32_error']:.2f}", one["verdict"], one["settings"]])
    return rows


def failures(points: Sequence[dict[str, Any]]) -> list[str]:
    """Returns a line for everything that could not be measured, with the reason."""
    lines = []
    for point in points:
        where = f"{point['model']} {point['point']}"
        lines += [f"- {where}, {CONTENDERS[name].title}: {one['status']}"
                  for name, one in point["contenders"].items() if "median_ms" not in one]
        if point["peak_gflops"]["median"] is None:
            lines.append(f"- {where}, FMA peak: {point['peak_gflops']['status']}")
    return lines


def markdown(record: dict[str, Any], titles: dict[str, str], picture: str | None) -> str:
    """Returns the page. `titles` maps model names to what they are called."""
    machine, options = record["machine"], record["options"]
    quiet = sum(point["quiet_rounds"] for point in record["points"])
    rounds = sum(point["rounds"] for point in record["points"])
    lines = [
        f"# Encoders on a CPU, {record['date']}",
        "",
        f"{machine['model']} ({machine['family']}), {machine['cores']} cores, {', '.join(machine['features'])}; "
        f"{options['threads']} threads on processors {', '.join(map(str, machine['pinned_to']))}, f32.",
        "",
        f"    {record['command']}",
        "",
        ", ".join(f"{name} {version}" for name, version in record["versions"].items()),
        "",
        f"Contenders run in processes of their own and take turns: {options['rounds']} rounds of bursts of up to {options['iterations']} "
        f"runs after {options['warmup']} to warm up. Other load was absent before {quiet} of the {rounds} visits to a point."
        + (f" Contenders ran at niceness {options['nice']} beside it." if options["nice"] else ""),
        "",
    ]
    if picture:
        lines += [f"![Speed against the best peer]({picture})", ""]
    for model in dict.fromkeys(point["model"] for point in record["points"]):
        points = [point for point in record["points"] if point["model"] == model]
        names = [name for name in CONTENDERS if any(name in point["contenders"] for point in points)]
        header = ["batch x sequence", *(CONTENDERS[name].title for name in names), "E.T. against the best peer"]
        lines += [f"## {titles[model]}: median (p10) in ms", "", *table(header, times_rows(points, names))]
    lines += ["The last column: best peer's time / E.T.'s, of the medians (of the p10s), the median of the rounds' own ratios, and the "
              "share of rounds won. Above 1, E.T. is faster.", ""]
    peaks = [point["peak_gflops"] for point in record["points"] if point["peak_gflops"]["median"]]
    if peaks:
        low, high = min(p["median"] for p in peaks), max(p["median"] for p in peaks)
        lines += ["## Rate and error", "",
                  f"FMA peak measured in the same rotation: median {low:.0f} to {high:.0f} GFLOP/s. Counted work: linear layers and the two "
                  "products of attention. Error: largest absolute difference of a hidden state from PyTorch f64, and its ratio to PyTorch f32's own.", ""]
    lines += table(["point", "contender", "GFLOP/s", "of peak", "error", "x PyTorch f32", "verdict", "settings"], detail_rows(record["points"]))
    if missing := failures(record["points"]):
        lines += ["## Not measured", "", *missing, ""]
    return "\n".join(lines).rstrip() + "\n"
