#===- test_bench_harness.py - Workers, the rotation, settings, reports -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The harness with contenders that do nothing: who runs when, and that whatever fails ends as a reason in the table."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import bench_path  # noqa: F401
from encoder_bench import contender, contenders, peak, pool, report, schedule
from encoder_bench.points import MODELS, Point

MS = 1_000_000
POINTS = [Point(1, 16), Point(1, 64)]
OPTIONS = schedule.Options(threads=1, cpus=[0], rounds=3, iterations=4, warmup=1, quiet=0, seed=0, nice=0, contenders=["et", "torch", "openvino"])


# ---- settings ---------------------------------------------------------------


def test_select_keeps_the_fastest_and_notes_failures():
    def slow() -> None:
        sum(range(200_000))

    def broken() -> contender.Call:
        raise ImportError("no such\nlibrary")

    prepared = contender.select({"slow": lambda: slow, "fast": lambda: lambda: None, "broken": broken})
    assert prepared.settings == "fast"
    assert prepared.tried["broken"] == "failed: ImportError: no such library"
    assert prepared.tried["slow"].endswith(" ms")


def test_select_counts_a_call_that_fails_as_failed():
    prepared = contender.select({"bad": lambda: lambda: 1 / 0, "good": lambda: lambda: None})
    assert prepared.settings == "good" and "ZeroDivisionError" in prepared.tried["bad"]


def test_select_with_nothing_left_says_why():
    with pytest.raises(contender.ContenderError, match="a: failed: ZeroDivisionError.*; b: failed: ZeroDivisionError"):
        contender.select({"a": lambda: lambda: 1 / 0, "b": lambda: lambda: 1 / 0})


def test_select_of_nothing():
    with pytest.raises(contender.ContenderError, match="no settings to try"):
        contender.select({})


def test_long_errors_are_cut():
    assert len(contender.shorten(ValueError("x" * 1000))) == 300


# ---- a worker process -------------------------------------------------------


def process(tmp_path: Path, code: str) -> pool.WorkerProcess:
    config = {"contender": "fake", "threads": 1, "folder": str(tmp_path)}
    return pool.WorkerProcess(config, tmp_path / "log.txt", [sys.executable, "-c", code])


ECHO = "import sys,json\nsys.stdin.readline()\nfor line in sys.stdin: print(line, end='', flush=True)"


def test_worker_answers(tmp_path):
    worker = process(tmp_path, ECHO)
    assert worker.ask(10, do="burst", point="1x16") == {"do": "burst", "point": "1x16"}
    worker.stop()
    worker.stop()  # twice does no harm


def test_worker_failure_is_its_reason(tmp_path):
    worker = process(tmp_path, ECHO)
    with pytest.raises(pool.WorkerFailed, match="^no such point$"):
        worker.ask(10, failed="no such point")
    worker.stop()


def test_worker_that_dies_is_quoted(tmp_path):
    worker = process(tmp_path, "import sys\nsys.stdin.readline()\nsys.stdin.readline()\nprint('library missing', file=sys.stderr)\nsys.exit(3)")
    with pytest.raises(pool.WorkerFailed, match="exited with status 3: library missing"):
        worker.ask(10, do="burst")
    with pytest.raises(pool.WorkerFailed, match="exited with status 3"):
        worker.ask(10, do="burst")
    worker.stop()


def test_worker_that_is_killed_is_named(tmp_path):
    worker = process(tmp_path, "import os,sys\nsys.stdin.readline()\nsys.stdin.readline()\nos.abort()")
    with pytest.raises(pool.WorkerFailed, match="killed by signal 6"):
        worker.ask(10, do="burst")
    worker.stop()


def test_worker_that_hangs_is_ended(tmp_path):
    worker = process(tmp_path, "import time\ntime.sleep(100)")
    with pytest.raises(pool.WorkerFailed, match="no answer within 0 s"):
        worker.ask(0.2, do="burst")
    with pytest.raises(pool.WorkerFailed):
        worker.ask(0.2, do="burst")


def test_worker_that_babbles(tmp_path):
    worker = process(tmp_path, "import sys\nsys.stdin.readline()\nsys.stdin.readline()\nprint('hello', flush=True)\nsys.stdin.readline()")
    with pytest.raises(pool.WorkerFailed, match="expected an answer in JSON, but got b'hello'"):
        worker.ask(10, do="burst")
    worker.stop()


@pytest.mark.parametrize("request_, reason", [
    ({"do": "dance"}, "expected one of reference, prepare, burst, peak"),
    ({"do": "burst", "point": "1x16", "warmup": 0, "iterations": 1}, "point 1x16 was not prepared"),
    ({"do": "prepare", "point": "nonsense"}, "expected BATCHxSEQUENCE"),
])
def test_the_real_worker_refuses_and_lives_on(tmp_path, request_, reason):
    config = {"contender": "torch", "model": "minilm", "threads": 1, "cpus": [min(os.sched_getaffinity(0))], "seed": 0,
              "nice": 0, "shared": str(tmp_path), "folder": str(tmp_path)}
    worker = pool.WorkerProcess(config, tmp_path / "log.txt")
    try:
        if request_["do"] == "prepare":
            request_ = request_ | {"do": "reference", "points": [request_.pop("point")]}
        for _ in range(2):
            with pytest.raises(pool.WorkerFailed, match=reason):
                worker.ask(120, **request_)
    finally:
        worker.stop()


# ---- the rotation -----------------------------------------------------------


class FakeWorker:
    """Answers like a worker. `failing` maps (contender, point) to a reason, from the given round on."""

    log: list[tuple[str, str, str]] = []
    speed = {"et": 1, "torch": 4, "openvino": 2}
    failing: dict[tuple[str, str], tuple[str, int]] = {}

    def __init__(self, config: dict[str, Any], log: Path) -> None:
        self.name, self.pid, self.bursts = config["contender"], 2**22 + 1, 0

    def ask(self, timeout: float, **request: Any) -> dict[str, Any]:
        do, point = request["do"], request.get("point", "")
        FakeWorker.log.append((do, self.name, point))
        if do == "reference":
            return {"errors": {point: 1e-6 for point in request["points"]}}
        if do == "peak":
            return {"gflops": [100.0, 200.0]}
        when = {"prepare": 0, "burst": 1}[do]
        reason, since = FakeWorker.failing.get((self.name, point), ("", 9))
        if when >= since:
            raise pool.WorkerFailed(reason)
        if do == "prepare":
            return {"settings": "only", "tried": {}, "seconds": 1.5, "error": 1.5e-6}
        return {"ns": [FakeWorker.speed[self.name] * MS] * request["iterations"], "involuntary": 0}

    def stop(self) -> None:
        FakeWorker.log.append(("stop", self.name, ""))


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(FakeWorker, "log", [])
    monkeypatch.setattr(FakeWorker, "failing", {})
    monkeypatch.setattr(schedule, "wait_until_parked", lambda pid: True)
    return FakeWorker


def measure(tmp_path: Path, options: schedule.Options = OPTIONS) -> list[schedule.PointResult]:
    session = schedule.Session(MODELS["minilm"], POINTS, options, tmp_path, schedule.Progress(), FakeWorker)
    try:
        session.prepare()
        session.measure()
    finally:
        session.stop()
    return session.results


def record_of(results: list[schedule.PointResult]) -> dict[str, Any]:
    machine = {"model": "CPU", "family": "f", "cores": 1, "features": ["avx2"], "pinned_to": [0]}
    options = {"threads": 1, "rounds": 3, "iterations": 4, "warmup": 1, "nice": 0}
    record = report.make_record(results, machine, {"python": "3"}, "benchmarks/encoders.py", "2026-01-01", options)
    return json.loads(json.dumps(record))


def test_contenders_take_turns_and_the_order_moves_on(tmp_path, fake):
    measure(tmp_path)
    bursts = [name for do, name, point in fake.log if do == "burst" and point == "1x16"][3:]  # after those that set the length
    assert bursts == ["et", "torch", "openvino", "torch", "openvino", "et", "openvino", "et", "torch"]
    assert sum(do == "peak" for do, _, _ in fake.log) == OPTIONS.rounds * len(POINTS)
    assert {name for do, name, _ in fake.log if do == "stop"} == {"reference", "fma-peak", *OPTIONS.contenders}


def test_slow_points_get_fewer_iterations(tmp_path, fake, monkeypatch):
    monkeypatch.setattr(fake, "speed", {"et": 1, "torch": 300, "openvino": 2})
    results = measure(tmp_path)
    assert results[0].iterations == 3
    assert all(len(burst) == 3 for entry in results[0].entries.values() for burst in entry.rounds)


def test_a_contender_that_cannot_prepare_is_left_out_and_explained(tmp_path, fake):
    fake.failing = {("openvino", "1x16"): ("no module named openvino", 0)}
    results = measure(tmp_path)
    assert results[0].entries["openvino"].status == "no module named openvino"
    assert not results[0].entries["openvino"].measured and results[1].entries["openvino"].measured
    record = record_of(results)
    assert record["points"][0]["best_peer"] == "torch"
    page = report.markdown(record, {"minilm": "MiniLM"}, None)
    assert "- minilm 1x16, OpenVINO: no module named openvino" in page


def test_a_contender_that_dies_while_measured_is_left_out(tmp_path, fake):
    fake.failing = {("et", "1x64"): ("killed by signal 11", 1)}
    results = measure(tmp_path)
    assert not results[1].entries["et"].measured
    assert "et_against_best_peer" not in record_of(results)["points"][1]


def test_record_and_page(tmp_path, fake):
    record = record_of(measure(tmp_path))
    point = record["points"][0]
    assert point["best_peer"] == "openvino"
    assert point["et_against_best_peer"]["median"] == pytest.approx(2)
    assert point["et_against_best_peer"]["rounds"] == [2, 2, 2]
    assert point["peak_gflops"]["median"] == pytest.approx(150)
    et = point["contenders"]["et"]
    assert et["median_ms"] == pytest.approx(1)
    assert et["gflops"] == pytest.approx(point["gflop"]["linear"] * 1000 + point["gflop"]["attention"] * 1000)
    assert et["verdict"] == "as f32"
    page = report.markdown(record, {"minilm": "MiniLM"}, "picture.png")
    assert "| 1 x 16 | **1.00 (1.00)** | 4.00 (4.00) | 2.00 (2.00) | 2.00 (2.00), 2.00, 100% |" in page
    assert "![" in page and "Not measured" not in page


def test_a_wrong_result_is_no_time_to_beat(tmp_path, fake):
    results = measure(tmp_path)
    results[0].entries["openvino"].error = float("nan")
    record = json.loads(json.dumps(report.make_record(results, {}, {}, "", "", {})))
    assert record["points"][0]["best_peer"] == "torch"
    assert record["points"][0]["contenders"]["openvino"]["verdict"] == "wrong"


def test_without_peers_there_is_nothing_to_compare_with(tmp_path, fake):
    options = schedule.Options(**{**OPTIONS.__dict__, "contenders": ["et"]})
    record = record_of(measure(tmp_path, options))
    assert record["points"][0]["best_peer"] is None
    assert "**1.00 (1.00)**" in report.markdown(record, {"minilm": "MiniLM"}, None)


def test_cells_cannot_break_the_table():
    assert report.table(["a"], [["x|y\nz"]])[2] == "| x\\|y z |"


def test_picture(tmp_path, fake):
    from encoder_bench import plot

    record = record_of(measure(tmp_path))
    plot.draw(record, {"minilm": "MiniLM"}, tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="nothing to draw"):
        plot.draw({"points": []}, {}, tmp_path / "y.png")


# ---- the peak, and the list of contenders -----------------------------------


def test_every_contender_can_be_loaded_without_its_library():
    for name in contenders.CONTENDERS:
        if "torch" not in name:
            assert hasattr(contenders.load(name), "variants")


def test_peak_without_a_compiler(tmp_path):
    with pytest.raises(peak.PeakError, match="no C compiler found .looked for et-no-such-compiler."):
        peak.compile_peak(tmp_path, ("et-no-such-compiler",))


def test_peak_with_a_compiler_that_fails(tmp_path):
    with pytest.raises(peak.PeakError, match="false failed"):
        peak.compile_peak(tmp_path, ("false",))


@pytest.mark.skipif(not any(map(shutil.which, peak.COMPILERS)), reason="no C compiler")
def test_peak_is_a_positive_rate(tmp_path):
    cpus = sorted(os.sched_getaffinity(0))[:1]
    rates = peak.Peak(peak.compile_peak(tmp_path), cpus).measure(warmup=0, iterations=2)
    assert len(rates) == 2 and all(rate > 0 for rate in rates)
