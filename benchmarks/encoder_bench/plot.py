#===- plot.py - Results as a picture -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Draws how fast each contender is beside the best peer at each point, the time written on each bar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from encoder_bench.contenders import CONTENDERS

COLOURS = {"et": "#c2410c", "torch": "#94a3b8", "torch-compile": "#64748b", "onnxruntime": "#38bdf8", "openvino": "#0369a1"}


def draw(record: dict[str, Any], titles: dict[str, str], path: Path) -> None:
    """Writes the picture to `path`; its ending says the format."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    points = [p for p in record["points"] if any("median_ms" in c for c in p["contenders"].values())]
    if not points:
        raise ValueError("nothing was measured, so there is nothing to draw")
    names = [n for n in CONTENDERS if any("median_ms" in p["contenders"].get(n, {}) for p in points)]
    figure, axes = pyplot.subplots(figsize=(1.5 + 1.75 * len(points), 4.6), layout="constrained")
    width = 0.84 / len(names)
    for index, name in enumerate(names):
        for position, point in enumerate(points):
            one = point["contenders"].get(name, {})
            if "median_ms" not in one:
                continue
            base = point["contenders"][point["best_peer"]]["median_ms"] if point["best_peer"] else one["median_ms"]
            x, height = position + (index - (len(names) - 1) / 2) * width, base / one["median_ms"]
            axes.bar(x, height, width * 0.94, color=COLOURS[name], label=CONTENDERS[name].title if position == 0 else None)
            axes.text(x, height + 0.012, f"{one['median_ms']:.3g}", ha="center", va="bottom", fontsize=7, rotation=90,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4})
    axes.axhline(1, color="black", linewidth=0.8, zorder=0)
    axes.set_xticks(range(len(points)), [f"{titles[p['model']]}\n{p['point'].replace('x', ' x ')}" for p in points])
    axes.set_ylabel("speed, best peer = 1  (bar labels: median ms)")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.12)
    axes.spines[["top", "right"]].set_visible(False)
    machine = record["machine"]
    axes.set_title(f"{machine['model']}, {record['options']['threads']} threads, f32, batch x sequence, {record['date']}", fontsize=10)
    figure.legend(loc="outside lower center", ncols=len(names), frameon=False, fontsize=9)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
