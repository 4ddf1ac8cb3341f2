#===- curve.py - Accuracy against latency -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The accuracy-latency curve: accuracies from the records of pruning, latencies from them or measured.

Takes what et.prune writes (record.json, one pruned model each) and what benchmarks/prune/accuracy.py writes (accuracy.json, many). A
latency is, in this order,

    the record's own `latency_ms`, beside `metrics`
    of a record that benchmarks/prune/accuracy_report.py joined with latencies, that of the report's kind of device
    that of a compiled program given with the record: (record, "pruned.etp")
    that of the report's own model, pruned by magnitude to the pattern and ratio of the record
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from .errors import CurveError, ExplainError

#: What is drawn when a record has several metrics.
_METRICS = ("accuracy", "spearman", "f1", "pearson")
_COLOURS = 6
_MARKERS = "osD^vP"
#: Where labels stand beside their points, in points: each pattern on another side, so that neighbours stay readable.
_SIDES = ((0, 7), (0, -14), (15, -3), (-15, -3))

#: Up to so many patterns, every point has its ratio beside it.
_LABELLED = 2


@dataclass(frozen=True)
class Setting:
    """How a model was pruned; a ratio of 0 is the dense model."""

    pattern: str
    ratio: float
    selection: str = "matrix"


@dataclass(frozen=True)
class Result:
    """One pruned model of a record."""

    group: str
    metric: str
    value: float
    setting: Setting
    latency_ms: float | None
    #: The program compiled from it.
    program: Path | None = None
    #: Milliseconds on a "cpu" and on a "gpu", where benchmarks/prune/latency.py measured them.
    recorded: Mapping[str, float] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Point:
    """A point of the curve: the mean over the seeds of one setting."""

    group: str
    metric: str
    pattern: str
    ratio: float
    value: float
    spread: float | None
    runs: int
    latency_ms: float

    @property
    def label(self) -> str:
        """For people."""
        return "dense" if self.ratio == 0 else f"{self.pattern} {self.ratio:.0%}"


def _get(record: Any, path: str, kind: type | tuple[type, ...], source: str, default: Any = ...) -> Any:
    """The entry `a.b` of a record, checked."""
    value = record
    for key in path.split("."):
        if not isinstance(value, Mapping) or key not in value:
            if default is not ...:
                return default
            raise CurveError(f"expected '{path}' in {source}, as et.prune writes it, but it is missing")
        value = value[key]
    if value is None and default is not ...:
        return default
    if not isinstance(value, kind) or isinstance(value, bool):
        raise CurveError(f"expected '{path}' in {source} to be {_NAMES.get(kind, 'a ' + getattr(kind, '__name__', 'value'))}, but it is {value!r:.60}")
    return value


_NUMBER = (int, float)
_NAMES = {_NUMBER: "a number", str: "a text", dict: "an object", list: "a list"}


def _latency(record: Any, source: str) -> float | None:
    value = _get(record, "latency_ms", _NUMBER, source, None)
    if value is not None and not value > 0:
        raise CurveError(f"expected 'latency_ms' in {source} to be above 0, but it is {value}")
    return value


def _metric(metrics: Mapping[str, Any], source: str) -> str:
    name = next((m for m in (*_METRICS, *metrics) if m in metrics), None)
    if name is None:
        raise CurveError(f"expected a metric in 'metrics' of {source}, but there is none")
    return name


def _ratio(value: float, source: str) -> float:
    if not 0 <= value < 1:
        raise CurveError(f"expected 'ratio' in {source} to be at least 0 and below 1, but it is {value}")
    return float(value)


def _of_record(record: Any, source: str, program: Path | None) -> list[Result]:
    pattern, tile = _get(record, "settings.pattern", str, source), _get(record, "settings.tile", str, source, "")
    if pattern != "rows" and tile and pattern not in ("columns", "irregular"):
        pattern = f"tile:{tile}" if pattern == "tile" else f"{pattern}:{tile}"
    dense, found = _get(record, "dense.metrics", dict, source), _get(record, "result.metrics", dict, source)
    metric = _metric(found, source)
    group = f"{Path(_get(record, 'model', str, source, 'model')).name}, {_get(record, 'task.kind', str, source, 'task')}"
    setting = Setting(pattern, _ratio(_get(record, "settings.ratio", _NUMBER, source), source),
                      _get(record, "settings.selection", str, source, "matrix"))
    return [Result(group, metric, _get(dense, metric, _NUMBER, source), Setting("", 0.0), _latency(record["dense"], source)),
            Result(group, metric, _get(found, metric, _NUMBER, source), setting, _latency(record, source), program)]


def _recorded(record: Any, source: str) -> dict[tuple[str, str], dict[str, float]]:
    """Latencies that were joined with the accuracies, by model and job and by kind of device. Of several sizes of input the first."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for number, one in enumerate(_get(record, "latencies", list, source, [])):
        where = f"latencies {number} of {source}"
        kind, model = _get(one, "kind", str, where), _get(one, "model", str, where)
        for key, job in _get(one, "jobs", dict, where).items():
            there = f"job '{key}' of {where}"
            for times in list(_get(job, "points", dict, there).values())[:1]:
                us = _get(times, "us", _NUMBER, there)
                if not us > 0:
                    raise CurveError(f"expected 'us' in {there} to be above 0, but it is {us}")
                found.setdefault((model, key), {})[kind] = us / 1e3
    return found


def choose_device(results: Sequence[Result], is_gpu: bool) -> list[Result]:
    """Latencies of the page's kind of device stand in where a result has none of its own."""
    kind = "gpu" if is_gpu else "cpu"
    return [replace(r, latency_ms=r.recorded.get(kind)) if r.latency_ms is None else r for r in results]


def _of_benchmark(record: Any, source: str) -> list[Result]:
    results = []
    recorded = _recorded(record, source)
    selection = _get(record, "settings.selection", str, source, "matrix")
    for key, group in _get(record, "groups", dict, source).items():
        where = f"group '{key}' of {source}"
        model = _get(group, "model", str, where)
        name = f"{model}, {_get(group, 'task', str, where)}"
        if not _get(group, "jobs", dict, where):
            continue
        dense = _get(group, "dense.metrics", dict, where)
        metric = _get(group, "metric", str, where, None) or _metric(dense, where)
        results.append(Result(name, metric, _get(dense, metric, _NUMBER, where), Setting("", 0.0), _latency(group["dense"], where),
                              None, recorded.get((model, "dense"), {})))
        for job_key, job in group["jobs"].items():
            there = f"job '{job_key}' of {where}"
            setting = Setting(_get(job, "pattern", str, there), _ratio(_get(job, "ratio", _NUMBER, there), there), selection)
            results.append(Result(name, metric, _get(_get(job, "metrics", dict, there), metric, _NUMBER, there), setting,
                                  _latency(job, there), None, recorded.get((model, job_key), {})))
    return results


def _load(item: Any) -> list[Result]:
    program = None
    if isinstance(item, tuple):
        if len(item) != 2 or not isinstance(item[1], (str, os.PathLike)):
            raise CurveError("expected a record and the path of its program, such as ('record.json', 'pruned.etp'), but got a "
                             f"tuple of {len(item)}")
        item, program = item[0], Path(item[1])
        if not program.is_file():
            raise CurveError(f"expected a saved program (.etp) for the curve, but there is no file '{program}'")
    source = "the record"
    if isinstance(item, (str, os.PathLike)):
        source = f"'{os.fspath(item)}'"
        try:
            item = json.loads(Path(item).read_text())
        except OSError as error:
            raise CurveError(f"expected a record of et.prune, but {source} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise CurveError(f"expected {source} to be JSON, as et.prune writes it, but it is not: {error}") from error
    if not isinstance(item, Mapping):
        raise CurveError(f"expected {source} to be an object, as et.prune writes it, but it is a {type(item).__name__}")
    if "groups" in item:
        if program:
            raise CurveError(f"expected a program only for a record of one model, but {source} is of many; its jobs may hold 'latency_ms'")
        return _of_benchmark(item, source)
    return _of_record(item, source, program)


def load(curve: Any) -> list[Result]:
    """What records say: a path, a dictionary, a pair of one of these and a program's path, or a list of such."""
    items = curve if isinstance(curve, list) else [curve]
    results = [result for item in items for result in _load(item)]
    if not results:
        raise CurveError("expected accuracies of pruned models for the curve, but the records hold none yet")
    return results


def points(results: Sequence[Result], measure: Callable[[list[Result]], list[float] | None]) -> tuple[Point, ...]:
    """The points of the curve. `measure` gives the latencies of results that have none, of which there is one for each setting or
    program, or says with None that it cannot."""
    missing: dict[Any, Result] = {}
    for result in results:
        if result.latency_ms is None:
            missing.setdefault(result.program or result.setting, result)
    measured = measure(list(missing.values())) if missing else []
    if measured is None:
        first = next(iter(missing.values()))
        what = "the dense model" if first.setting.ratio == 0 else f"{first.setting.pattern} at {first.setting.ratio:.0%}"
        raise CurveError(f"expected a latency of {what} for the curve; add 'latency_ms' to the record, give the record with its "
                         "program, or explain the module with example inputs, so that it can be measured")
    latencies = dict(zip(missing, measured, strict=True))

    def latency(result: Result) -> float:
        return latencies[result.program or result.setting] if result.latency_ms is None else result.latency_ms

    found: dict[tuple[str, str, str, float], list[Result]] = {}
    for result in results:
        found.setdefault((result.group, result.metric, result.setting.pattern, result.setting.ratio), []).append(result)
    made = []
    for (group, metric, pattern, ratio), same in found.items():
        values = [r.value for r in same]
        # The dense model stands in every record: once is enough.
        values = list(dict.fromkeys(values)) if ratio == 0 else values
        made.append(Point(group, metric, pattern, ratio, mean(values), stdev(values) if len(values) > 1 else None, len(values),
                          mean(map(latency, same))))
    return tuple(made)


def without_zeros(tensor: Any) -> Any:
    """A matrix with a small number in place of every zero: dense to a compiler. Anything else as it is."""
    import torch

    is_matrix = tensor.dim() == 2 and tensor.is_floating_point()
    return torch.where(tensor == 0, torch.full_like(tensor, 2.0**-10), tensor) if is_matrix else tensor


def prune(module: Any, setting: Setting) -> Any:
    """A copy of `module`, pruned by magnitude as `setting` says, and no further: what was pruned before is filled first."""
    import copy

    from ..prune.settings import Settings, make_pruner

    pruned = copy.deepcopy(module)
    for parameter in pruned.parameters():
        parameter.data = without_zeros(parameter.data)
    if setting.ratio:
        name, _, tile = setting.pattern.partition(":")
        try:
            settings = Settings(pattern=name, **({"tile": tile} if tile else {}), ratio=setting.ratio, method="one-shot",
                                selection=setting.selection, prune_epochs=0)
            pruner = make_pruner(pruned, settings, 0)
            pruner.prune()
            pruner.finalize()
        except ValueError as error:
            raise CurveError(f"the latency of {setting.pattern} at {setting.ratio:.0%} cannot be measured: {error}") from error
    return pruned.eval()


def draw(made: Sequence[Point]) -> str:
    """The curve as SVG, to stand in a page: one plot for each model and task. Colours are the page's variables."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
        from matplotlib.ticker import PercentFormatter
    except ModuleNotFoundError as error:
        raise ExplainError("the curve needs the package matplotlib; install the packages of requirements/runtime.txt") from error
    groups = list(dict.fromkeys((p.group, p.metric) for p in made))
    patterns = list(dict.fromkeys(p.pattern for p in made if p.ratio))
    # Stand-ins, which the page's colours replace.
    ink, grid = "#010203", "#010204"
    colours = {pattern: f"#0102{16 + i % _COLOURS:02x}" for i, pattern in enumerate(patterns)}
    markers = {pattern: _MARKERS[i % len(_MARKERS)] for i, pattern in enumerate(patterns)}
    style = {"svg.fonttype": "none", "svg.hashsalt": "et", "text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": grid,
             "xtick.color": ink, "ytick.color": ink, "font.family": "sans-serif", "font.size": 10, "text.parse_math": False}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(7.2, 4.4 * len(groups)), layout="constrained")
        figure.patch.set_alpha(0)
        figure.get_layout_engine().set(h_pad=0.15)
        for axes, (group, metric) in zip(figure.subplots(len(groups), squeeze=False)[:, 0], groups):
            mine = [p for p in made if (p.group, p.metric) == (group, metric)]
            axes.patch.set_alpha(0)
            axes.grid(color=grid, linewidth=0.6)
            axes.set_axisbelow(True)
            for pattern in patterns:
                line = sorted((p for p in mine if p.pattern == pattern and p.ratio), key=lambda p: p.ratio)
                if not line:
                    continue
                axes.errorbar([p.latency_ms for p in line], [p.value for p in line], [p.spread or 0 for p in line], label=pattern,
                              color=colours[pattern], marker=markers[pattern], markersize=5, linewidth=1.6, elinewidth=0.8, capsize=2)
                side = _SIDES[patterns.index(pattern) % len(_SIDES)]
                # Many lines lie close together: then their ends say enough.
                for p in line if len(patterns) <= _LABELLED else dict.fromkeys((line[0], line[-1])):
                    axes.annotate(f"{p.ratio:.0%}", (p.latency_ms, p.value), side, textcoords="offset points", ha="center",
                                  fontsize=8, color=colours[pattern])
            for p in (p for p in mine if p.ratio == 0):
                axes.plot([p.latency_ms], [p.value], marker="*", markersize=13, color=ink, linestyle="none", label="dense")
            axes.margins(0.08, 0.12)
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_title(group, fontsize=11)
            axes.set_xlabel("latency, ms (left is faster)")
            axes.set_ylabel(f"{metric} (up is better)")
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
            axes.set_xlim(left=0)
            axes.legend(frameon=False, loc="lower right", fontsize=9)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg"):]
    replaced = {ink: "var(--ink)", grid: "var(--line)", **{c: f"var(--series-{int(c[5:], 16) - 16})" for c in colours.values()}}
    for stand_in, variable in replaced.items():
        svg = svg.replace(stand_in, variable)
    # Within HTML no namespaces are named. Colours stand in styles, where variables may.
    svg = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', r'<svg \1 role="img" aria-labelledby="curve-title">', svg, count=1)
    return svg.replace("font: ", "font-family: inherit; font: ")
