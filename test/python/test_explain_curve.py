#===- test_explain_curve.py - Curves, remarks and the command line of et.explain -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Accuracy-latency curves from the records of pruning, and the small parts of et.explain: remarks, names, numbers, the command line."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

import et
from et.explain import CurveError
from et.explain.cli import main, parse_shape
from et.explain.curve import Point, Setting, choose_device, load, points, prune
from et.explain.curve import draw as draw_curve
from et.explain.formats import operations, percent, size, time
from et.explain.page import join_names
from et.explain.pictures import draw
from et.explain.remarks import Remark, parse
from et.explain.storage import densities, parameters
from explain_page import Page

RECORD = {
    "model": "folder/bert", "task": {"kind": "classification"}, "settings": {"pattern": "tile", "tile": "64x16", "ratio": 0.8},
    "dense": {"metrics": {"accuracy": 0.92, "f1": 0.9}, "latency_ms": 4.0}, "result": {"metrics": {"accuracy": 0.9, "f1": 0.88}},
    "latency_ms": 1.5,
}


def benchmark(latency: bool) -> dict:
    """What benchmarks/prune/accuracy.py writes, for two seeds."""
    def job(pattern: str, ratio: float, accuracy: float, ms: float) -> dict:
        entry = {"pattern": pattern, "ratio": ratio, "reached": ratio, "metrics": {"accuracy": accuracy}, "dense": {"accuracy": 0.91}}
        return {**entry, "latency_ms": ms} if latency else entry

    def group(seed: int) -> dict:
        jobs = {f"{p}@{r:g}": job(p, r, 0.9 - 0.1 * r - 0.01 * seed, 4 - 3 * r) for p in ("tile:16x16", "rows") for r in (0.5, 0.75)}
        dense = {"metrics": {"accuracy": 0.91}}
        return {"model": "bert", "task": "sst2", "seed": seed, "dense": {**dense, "latency_ms": 4.0} if latency else dense, "jobs": jobs}

    return {"settings": {"method": "fisher", "selection": "matrix"}, "groups": {f"bert/sst2/{s}": group(s) for s in (0, 1)}, "calls": []}


def edited(path: str, value: object = None) -> dict:
    """RECORD with another value at `a.b`, or without it."""
    record = copy.deepcopy(RECORD)
    *parents, last = path.split(".")
    place = record
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return record


def never(missing):
    raise AssertionError("nothing is to be measured")


# ---- curves ----


def test_a_record_is_two_points():
    dense, pruned = points(load(RECORD), never)
    assert (dense.label, dense.value, dense.latency_ms) == ("dense", 0.92, 4.0)
    assert (pruned.label, pruned.value, pruned.latency_ms, pruned.group) == ("tile:64x16 80%", 0.9, 1.5, "bert, classification")


def test_seeds_are_averaged():
    made = points(load(benchmark(True)), never)
    assert [(p.pattern, p.ratio, p.runs) for p in made] == [("", 0, 1), ("tile:16x16", 0.5, 2), ("tile:16x16", 0.75, 2), ("rows", 0.5, 2), ("rows", 0.75, 2)]
    assert made[1].value == pytest.approx(0.845) and made[1].spread == pytest.approx(0.01 / 2**0.5) and made[1].latency_ms == 2.5


def test_what_has_no_latency_is_measured_once_for_each_setting():
    asked = []
    made = points(load(benchmark(False)), lambda missing: asked.extend(missing) or [float(i + 1) for i in range(len(missing))])
    assert [(r.setting.pattern, r.setting.ratio) for r in asked] == [(p.pattern, p.ratio) for p in made]
    assert [p.latency_ms for p in made] == [1, 2, 3, 4, 5]


def test_a_benchmark_names_its_metric():
    record = benchmark(True)
    for group in record["groups"].values():
        group["metric"] = "f1"
        for entry in (group["dense"], *group["jobs"].values()):
            entry["metrics"]["f1"] = 0.5
    assert {(p.metric, p.value) for p in points(load(record), never)} == {("f1", 0.5)}
    group["metric"] = "recall"
    with pytest.raises(CurveError, match="expected 'recall' in group 'bert/sst2/1' of the record"):
        load(record)


def test_of_many_lines_only_the_ends_have_labels():
    def drawn(*patterns: str) -> str:
        return draw_curve([Point("g", "accuracy", p, r, 0.9 - r / 10, None, 1, 4 - 3 * r) for p in patterns for r in (0.3, 0.5, 0.9)])

    few, many = drawn("rows", "tile"), drawn("rows", "tile", "columns")
    assert few.count("50%") == 2 and few.count("30%") == few.count(">90%") == 2
    assert "50%" not in many and many.count("30%") == many.count(">90%") == 3


def joined() -> dict:
    """What benchmarks/prune/accuracy_report.py --latencies writes."""
    def latencies(kind: str, dense: float) -> dict:
        jobs = {"dense": dense, **{key: dense * (1 - job["ratio"]) for key, job in benchmark(False)["groups"]["bert/sst2/0"]["jobs"].items()}}
        return {"kind": kind, "model": "bert", "jobs": {key: {"points": {"1x128": {"us": us, "us share": us / dense}, "32x128": {"us": 1e6}}}
                                                      for key, us in jobs.items()}}

    return {**benchmark(False), "latencies": [latencies("cpu", 8000.0), latencies("gpu", 400.0)]}


@pytest.mark.parametrize("is_gpu, dense", [(False, 8.0), (True, 0.4)])
def test_latencies_that_were_joined_are_those_of_the_kind_of_device(is_gpu, dense):
    made = points(choose_device(load(joined()), is_gpu), never)
    assert {p.label: p.latency_ms for p in made} == pytest.approx({
        "dense": dense, "tile:16x16 50%": dense / 2, "tile:16x16 75%": dense / 4, "rows 50%": dense / 2, "rows 75%": dense / 4})


def test_latencies_of_another_model_or_device_are_not_taken():
    for change in ({"model": "other"}, {"kind": "npu"}):
        record = joined()
        for latencies in record["latencies"]:
            latencies.update(change)
        assert all(r.latency_ms is None for r in choose_device(load(record), False))
    # Its own latency comes first.
    own = {**benchmark(True), "latencies": joined()["latencies"]}
    assert {r.latency_ms for r in choose_device(load(own), False) if r.setting.ratio == 0} == {4.0}


@pytest.mark.parametrize("change, message", [
    (lambda r: r.update(latencies={}), "expected 'latencies' in the record to be a list"),
    (lambda r: r["latencies"][1].pop("jobs"), "expected 'jobs' in latencies 1 of the record"),
    (lambda r: r["latencies"][0]["jobs"]["rows@0.5"].pop("points"), "expected 'points' in job 'rows@0.5' of latencies 0 of the record"),
    (lambda r: r["latencies"][0]["jobs"]["dense"]["points"]["1x128"].update(us=0), "expected 'us' in job 'dense' .* to be above 0, but it is 0"),
    (lambda r: r["latencies"][0]["jobs"]["dense"]["points"]["1x128"].update(us="8"), "expected 'us' in job 'dense' .* to be a number"),
])
def test_latencies_that_do_not_fit_are_refused(change, message):
    record = joined()
    change(record)
    with pytest.raises(CurveError, match=message):
        load(record)


def test_the_page_has_the_curve(tmp_path):
    (tmp_path / "accuracy.json").write_text(json.dumps(benchmark(True)))
    torch.manual_seed(0)
    found = et.explain(torch.nn.Linear(16, 16).eval(), torch.randn(2, 16), output=tmp_path / "a.html", rounds=1,
                       curve=[tmp_path / "accuracy.json", RECORD])
    page = Page((tmp_path / "a.html").read_text())
    assert page.problems == [] and len(found.curve) == 7
    assert [(float(r.value("data-value")), float(r.value("data-ms"))) for r in page.rows("curve-points")] == \
        [(p.value, p.latency_ms) for p in found.curve]
    svg = found.curve_svg
    assert svg.startswith("<svg viewBox") and svg.count("</svg>") == 1 and "#0102" not in svg and "http" not in svg
    for text in ("bert, sst2", "bert, classification", "tile:16x16", "rows", "dense", "75%", "80%", "latency, ms"):
        assert text in svg
    assert all(r.startswith(("#", "data:")) for r in page.references) and len(page.ids) == len(set(page.ids))


def test_latencies_of_the_module_are_measured(tmp_path):
    import model_zoo

    model, inputs = model_zoo.head("sequence classification").eval(), model_zoo.inputs("text")
    before = copy.deepcopy(model.state_dict())
    found = et.explain(model, inputs, output=tmp_path / "a.html", rounds=1, compare_dense=False, curve=benchmark(False))
    assert len(found.curve) == 5 and all(p.latency_ms > 0 for p in found.curve) and "pruned by magnitude" in found.curve_note
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_pruned_module_is_measured_at_no_more_than_each_ratio():
    import model_zoo

    model = model_zoo.head("sequence classification").eval()
    pruned = prune(model, Setting("tile:16x16", 0.8))
    before = copy.deepcopy(pruned.state_dict())
    share = lambda module: {n: (p == 0).double().mean().item() for n, p in module.named_parameters() if p.dim() == 2}  # noqa: E731
    targets = [n for n, zeros in share(pruned).items() if zeros > 0.5]
    # The dense point is of no zeros, and other patterns do not add to those that were there.
    assert targets and not any(share(prune(pruned, Setting("", 0.0))).values())
    found = share(prune(pruned, Setting("rows", 0.5)))
    assert all(found[n] == pytest.approx(0.5, abs=0.01) for n in targets)
    assert all(torch.equal(value, before[name]) for name, value in pruned.state_dict().items())


def test_latencies_of_programs_are_measured(tmp_path):
    torch.manual_seed(0)
    program = et.compile(torch.nn.Linear(16, 16).eval(), (torch.randn(2, 16),))
    program.save(tmp_path / "a.etp")
    record = edited("latency_ms")
    (tmp_path / "record.json").write_text(json.dumps(record))
    found = et.explain(program, torch.randn(2, 16), output=tmp_path / "a.html", rounds=1,
                       curve=(tmp_path / "record.json", tmp_path / "a.etp"))
    assert [p.latency_ms for p in found.curve][0] == 4.0 and 0 < found.curve[1].latency_ms < 100


@pytest.mark.parametrize("record, message", [
    (edited("settings.ratio"), "expected 'settings.ratio' in the record, as et.prune writes it, but it is missing"),
    (edited("settings.ratio", "much"), "expected 'settings.ratio' in the record to be a number, but it is 'much'"),
    (edited("settings.ratio", True), "to be a number, but it is True"),
    (edited("settings.ratio", 1.0), "expected 'ratio' in the record to be at least 0 and below 1, but it is 1.0"),
    (edited("settings.pattern", 3), "to be a text, but it is 3"),
    (edited("result.metrics", {"f1": 0.5, "accuracy": "good"}), "expected 'accuracy' in the record to be a number, but it is 'good'"),
    (edited("result.metrics", []), "to be an object"),
    (edited("dense.metrics", {"f1": 0.5}), "expected 'accuracy' in the record"),
    (edited("latency_ms", 0), "expected 'latency_ms' in the record to be above 0"),
    (edited("latency_ms", "fast"), "expected 'latency_ms' in the record to be a number"),
    ({"groups": {"a": {"model": "a", "task": "b"}}}, "expected 'jobs' in group 'a' of the record"),
    ({"groups": []}, "expected 'groups' in the record to be an object"),
    ({"groups": {}}, "the records hold none yet"), ({}, "expected 'settings.pattern' in the record"),
    ([], "the records hold none yet"), (7, "expected the record to be an object, as et.prune writes it, but it is a int"),
    ("none.json", "'none.json' cannot be read: No such file"), ((RECORD,), "but got a tuple of 1"),
    ((RECORD, "none.etp"), "there is no file 'none.etp'"),
])
def test_records_that_do_not_fit_are_refused(record, message):
    with pytest.raises(CurveError, match=re.escape(message)):
        load(record)


def test_files_that_are_no_records_are_refused(tmp_path):
    path = tmp_path / "a.json"
    for text, message in (("{", "to be JSON, as et.prune writes it, but it is not"), ("[1]", "to be an object"), ("", "to be JSON")):
        path.write_text(text)
        with pytest.raises(CurveError, match=message):
            load(path)
    program = tmp_path / "a.etp"
    program.write_bytes(b"x")
    with pytest.raises(CurveError, match="expected a program only for a record of one model"):
        load((benchmark(True), program))


def test_a_latency_that_cannot_be_measured_is_refused(tmp_path):
    with pytest.raises(CurveError, match="expected a latency of the dense model for the curve; add 'latency_ms'"):
        points(load(benchmark(False)), lambda missing: None)
    with pytest.raises(CurveError, match="tile:64x16 at 80%"):
        et.explain(torch.nn.Linear(16, 16).eval(), torch.randn(2, 16), output=tmp_path / "a.html", measure=False, curve=edited("latency_ms"))
    with pytest.raises(CurveError, match="cannot be measured: "):  # no encoder: nothing in it that et.prune prunes
        et.explain(torch.nn.Linear(16, 16).eval(), torch.randn(2, 16), output=tmp_path / "a.html", rounds=1, curve=edited("latency_ms"))
    assert not (tmp_path / "a.html").exists()


# ---- small parts ----


def test_remarks_are_taken_apart():
    remark = parse('[Passed] WeightEncoded | Category:et-encode-sparsity |  @"a b.py":335:0 | Reason="keeps 2 of 8 tiles of 64x16 (25.0 %): about 0.28 '
                   'of the dense kernel\'s time", Weight="a, Weight=b|c"')
    assert remark.encoded == (2, 8, 64, 16, 0.28) and remark.weights == ("a, Weight=b|c",) and remark.location == "a b.py:335"
    remark = parse('[Passed] WeightEncoded | Category:c | Reason="keeps 16 of 64 rows (25.0 %): about 0.35 of the dense kernel\'s time", Weight=w')
    assert remark.encoded is None and remark.whole == (16, 64, "rows", 0.35) and remark.condensed is None
    remark = parse('[Passed] WeightCondensed | Category:c | Reason="stores 4 of 8 columns; the input is gathered", Weight=w.columns')
    assert remark.whole is None and remark.condensed == (4, 8, "columns") and remark.smaller
    remark = parse('[Missed] FeaturesStay | Category:c | Reason="they stay", Weight=up, WeightBehind=down')
    assert (remark.kind, remark.name, remark.text, remark.weights) == ("missed", "FeaturesStay", "they stay", ("up", "down"))
    remark = parse('[Missed] WeightStaysDense | Category:c | Reason="no", Suggestion="prune, then", Weight=w')
    assert remark.sentence == "no. Suggestion: prune, then" and remark.weights == ("w",)


@pytest.mark.parametrize("line", ["", "no remark at all", "[Passed]", "[Passed] Name", "[x] y | z"])
def test_lines_that_are_no_remarks_stay_text(line):
    remark = parse(line)
    assert remark.encoded is remark.stays is remark.removed is None and remark.weights == ()


def test_a_suggestion_is_a_sentence_of_its_own():
    for text in ("it stays dense", "it stays dense."):
        assert Remark("missed", "WeightStaysDense", text, "prune tiles").sentence == "it stays dense. Suggestion: prune tiles"
    assert Remark("missed", "WeightStaysDense", "it stays dense").sentence == "it stays dense"


def test_names_lead_to_parameters():
    known = {"a.weight", "b.weight", "odd|name", "kept_pruned"}
    assert parameters("a.weight|b.weight.tiles.panels", known) == ("a.weight", "b.weight")
    assert parameters("a.weight_pruned.tiles.panels", known) == ("a.weight",)
    assert parameters("a.weight.tiles_0.panels", known) == ("a.weight",)
    assert parameters("a.weight_pruned|b.weight_pruned.tiles.panels", known) == ("a.weight", "b.weight")
    assert parameters("a.weight_pruned|b.weight_pruned_0.panels", known) == ("a.weight", "b.weight")
    assert parameters("c.weight_pruned|d.weight_pruned.panels") == ("c.weight", "d.weight")
    assert parameters("odd|name.panels", known) == ("odd|name",) and parameters("kept_pruned.panels", known) == ("kept_pruned",)
    assert parameters("c.weight_pruned.tiles.panels") == ("c.weight",)
    assert parameters("unknown.panels", known) == ("unknown",)
    assert join_names(("l.0.q.weight", "l.0.k.weight")) == "l.0.{q, k}.weight" and join_names(("a.b", "c.d")) == "a.b, c.d"


def test_densities_do_not_count_padding():
    mask = np.zeros((5, 3), bool)
    mask[4:, 2:] = True
    assert densities(mask, 4, 2).tolist() == [[0, 0], [0, 1]]
    uri, width, height = draw(densities(np.ones((1, 3000), bool), 1, 1), (1, 3000))
    assert uri.startswith("data:image/png;base64,") and (width, height) == (144, 8)


def test_numbers_have_units():
    assert [time(v) for v in (None, 0.0, 3.14159, 264.7, 4838.1, 2.5e6)] == ["–", "0.0 µs", "3.1 µs", "265 µs", "4.84 ms", "2.5 s"]
    assert [size(v) for v in (None, 12, 1500, 55191808)] == ["–", "12 bytes", "1.5 kB", "55.2 MB"]
    assert percent(0.2013) == "20.1 %" and percent(None) == "–" and percent(0.5, 0) == "50 %"
    assert [operations(v) for v in (12, 1500, 55191808, 3.36e9, 2.5e14)] == ["12 FLOP", "1.5 kFLOP", "55.2 MFLOP", "3.36 GFLOP", "250 TFLOP"]


# ---- the command line ----


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("explain") / "linear.etp"
    et.compile(torch.nn.Linear(16, 16).eval(), (torch.randn(2, 16),), dynamic_shapes={"input": {0: "rows"}}).save(path)
    return path


def test_the_command_line_writes_a_page(saved, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.ones((3, 16), np.float32))
    for words in (["--shape", "rows=3"], ["--input", str(tmp_path / "x.npy")], ["--input", f"input={tmp_path / 'x.npy'}"]):
        assert main([str(saved), *words, "-o", str(tmp_path / "a.html"), "--rounds", "1", "--title", "A page", "--threads", "1"]) == 0
        page = Page((tmp_path / "a.html").read_text())
        assert "A page" in page.text and "3×16" in page.text and page.rows("step-table")
        assert "1 steps, 1 linear weights" in capsys.readouterr().out


def test_the_command_line_without_sizes_measures_nothing(saved, tmp_path, capsys):
    assert main([str(saved), "-o", str(tmp_path / "a.html")]) == 0
    assert "not measured" in capsys.readouterr().out


def test_help_says_how(capsys):
    done = subprocess.run([sys.executable, "-m", "et.explain", "--help"], capture_output=True, text=True, check=True, timeout=120,
                          env={**__import__("os").environ, "PYTHONPATH": ":".join(sys.path)})
    for word in ("--shape NAME=SIZE", "--input", "--device", "--threads", "--curve", "--no-measure", "python -m et.explain model.etp"):
        assert word in done.stdout.replace("\n", " ") or word.split()[0] in done.stdout


@pytest.mark.parametrize("words, message", [
    (["none.etp"], "there is no file 'none.etp'"), (["SAVED", "--shape", "rows"], "expected --shape NAME=SIZE, such as batch=1, but got 'rows'"),
    (["SAVED", "--shape", "rows=-1"], "but got 'rows=-1'"), (["SAVED", "--shape", "rows=1", "rows=2"], "expected the size of 'rows' once"),
    (["SAVED", "--shape", "rows=0"], "at least 1, but got 0"), (["SAVED", "--shape", "width=3"], "'width' is none; they are 'rows'"),
    (["SAVED", "--input", "none.npy"], "'none.npy' cannot be read"), (["SAVED", "--input", __file__], "is none: "),
    (["SAVED", "--shape", "rows=1", "--threads", "0"], "expected threads"), (["SAVED", "--shape", "rows=1", "--device", "tpu"], "expected device"),
    (["SAVED", "--curve", "none.json"], "'none.json' cannot be read"), (["SAVED", "-o", "none/a.html"], "there is no 'none'"),
])
def test_errors_are_one_line(saved, words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([str(saved) if word == "SAVED" else word for word in words]) == 1
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error and error.count("\n") == 1
    assert not list(tmp_path.glob("*.html"))


def test_shapes_are_read():
    assert parse_shape(["batch=1", "x.1=16"]) == {"batch": 1, "x.1": 16}
