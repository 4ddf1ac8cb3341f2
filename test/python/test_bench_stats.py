#===- test_bench_stats.py - Statistics, points, processors, machine -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The numbers the benchmark reports, checked against hand-made cases, and the options it must refuse."""

from __future__ import annotations

import os

import pytest

import bench_path  # noqa: F401
import encoders
from encoder_bench import machine, points, processors, stats

MS = 1_000_000


def test_summary_is_over_all_bursts_together():
    summary = stats.summarize([[1 * MS, 2 * MS], [3 * MS, 4 * MS], [11 * MS]])
    assert (summary.median, summary.samples) == (3, 5)
    assert summary.p10 == pytest.approx(1.4)
    assert summary.p90 == pytest.approx(8.2)


@pytest.mark.parametrize("rounds", [[], [[]]])
def test_summary_of_nothing_is_refused(rounds):
    with pytest.raises(ValueError, match="at least one time"):
        stats.summarize(rounds)


def test_comparison_is_round_by_round():
    # Twice as fast in every round; the second round ran on a slower machine.
    times = {"a": [[1 * MS] * 3, [4 * MS] * 3], "b": [[2 * MS] * 3, [8 * MS] * 3]}
    comparison = stats.compare(times, "a", "b")
    assert comparison.rounds == [2, 2]
    assert comparison.typical_round == 2
    assert comparison.rounds_won == 1
    assert comparison.median == pytest.approx(2)


def test_one_disturbed_round_does_not_decide_the_typical_round():
    times = {"a": [[1 * MS], [1 * MS], [50 * MS]], "b": [[2 * MS], [2 * MS], [2 * MS]]}
    comparison = stats.compare(times, "a", "b")
    assert comparison.typical_round == 2
    assert comparison.rounds_won == pytest.approx(2 / 3)


def test_comparison_refuses_unequal_rounds():
    with pytest.raises(ValueError, match="as many rounds of 'a' as of 'b', but got 1 and 2"):
        stats.compare({"a": [[1]], "b": [[1], [1]]}, "a", "b")


def test_best_is_the_least_median_among_those_measured():
    summaries = {name: stats.summarize([[time]]) for name, time in (("a", 3), ("b", 2), ("et", 1))}
    assert stats.best(summaries, ["a", "b", "c"]) == "b"
    assert stats.best(summaries, ["c"]) is None


def test_rate():
    assert stats.gflops(2e9, 10) == pytest.approx(200)


@pytest.mark.parametrize("time", [0, -1])
def test_rate_refuses_no_time(time):
    with pytest.raises(ValueError, match="positive time"):
        stats.gflops(1, time)


@pytest.mark.parametrize("error, verdict", [(1e-6, "as f32"), (2e-6, "as f32"), (1e-5, "looser"), (1e-2, "wrong"), (float("nan"), "wrong"), (float("inf"), "wrong")])
def test_verdict(error, verdict):
    assert stats.error_verdict(error, 1e-6) == verdict


def test_flops_of_one_layer_by_hand():
    spec = points.ModelSpec("x", "X", layers=1, hidden=4, heads=2, intermediate=16, weights="")
    point = points.Point(batch=3, sequence=5)
    # Per token: four 4x4 products and two of 4x16, two operations an element.
    assert points.linear_flops(spec, point) == 15 * 2 * (4 * 16 + 2 * 64)
    # Per sequence: scores 5x5x4 and values 5x5x4, over all heads.
    assert points.attention_flops(spec, point) == 3 * 2 * 2 * 5 * 5 * 4


def test_points_of_the_issue_are_there():
    assert [str(point) for point in points.POINTS["minilm"]] == ["1x16", "1x64", "1x128", "1x256", "8x128"]
    assert [str(point) for point in points.POINTS["bert-base"]] == ["1x128"]


@pytest.mark.parametrize("text", ["", "8", "8x", "x8", "8x-1", "0x8", "8x0", "1x513", "8X8", "1x2x3"])
def test_bad_points_are_refused(text):
    with pytest.raises(ValueError, match="expected"):
        points.parse_point(text)


def test_cpu_lists():
    assert processors.parse_cpus("0,2-4, 7") == [0, 2, 3, 4, 7]


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "3-1", "1,1", "0-2,1"])
def test_bad_cpu_lists_are_refused(text):
    with pytest.raises(ValueError, match="expected"):
        processors.parse_cpus(text)


def test_one_processor_per_core(tmp_path):
    for cpu, siblings in ((0, "0,4"), (1, "1,5"), (4, "0,4"), (5, "1,5")):
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(siblings + "\n")
    assert processors.one_per_core([5, 4, 1, 0], tmp_path) == [0, 1]


def test_one_processor_per_core_where_the_topology_is_unknown(tmp_path):
    assert processors.one_per_core([3, 1], tmp_path) == [1, 3]


def test_more_threads_than_cores_are_refused():
    with pytest.raises(ValueError, match="only .* available; use --threads"):
        processors.choose_cpus(100_000, None)


def test_a_processor_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="not available to this process"):
        processors.choose_cpus(1, "100000")


def test_busy_time_counts_what_the_hypervisor_took(tmp_path):
    stat = tmp_path / "stat"
    stat.write_text("cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 100 50 4 5 6 0 0\ncpu1 1 0 0 100 50 0 0 0 0 0\ncpu11 70 0 0 0 0 0 0 0 0 0\nintr 5\n")
    assert processors.busy_time([0], stat) == 21
    assert processors.busy_time([0, 1], stat) == 22


def test_quiet_is_waited_for_and_given_up():
    ticks = iter([0, 100, 100, 100])
    slept: list[float] = []
    assert processors.wait_for_quiet([0], 5, busy=lambda cpus: next(ticks), sleep=slept.append)
    assert len(slept) == 2
    count = iter(range(0, 10**6, 100))
    assert not processors.wait_for_quiet([0], 0.35, busy=lambda cpus: next(count), sleep=slept.append)
    assert len(slept) == 6


def test_quiet_limit_zero_does_not_look():
    assert processors.wait_for_quiet([0], 0, busy=lambda cpus: pytest.fail("looked"), sleep=lambda s: pytest.fail("slept"))


def test_priority_zero_touches_nothing(tmp_path):
    with processors.priority(0, tmp_path / "absent"):
        pass


def test_priority_is_put_back(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(os, "setpriority", lambda kind, task, value: seen.append((task, value)))
    (tmp_path / "task" / "7").mkdir(parents=True)
    (tmp_path / "autogroup").write_text("")
    with pytest.raises(RuntimeError), processors.priority(5, tmp_path):
        assert (tmp_path / "autogroup").read_text() == "5"
        raise RuntimeError
    assert seen == [(7, 5), (7, 0)]
    assert (tmp_path / "autogroup").read_text() == "0"


CPUINFO = """processor\t: 0
model name\t: AMD Ryzen 7 5800X 8-Core Processor
cpu family\t: 25
model\t\t: 33
stepping\t: 2
flags\t\t: fpu avx2 fma sse2

processor\t: 1
model name\t: other
"""


def test_cpu_info_is_of_the_first_processor():
    info = machine.cpu_info(CPUINFO)
    assert info == {"model": "AMD Ryzen 7 5800X 8-Core Processor", "family": "family 25 model 33 stepping 2", "features": ["avx2", "fma"]}


def test_cpu_info_of_a_strange_file():
    assert machine.cpu_info("")["model"] == "unknown"


@pytest.mark.parametrize("model, name", [
    ("AMD Ryzen 7 5800X 8-Core Processor", "amd-ryzen-7-5800x-4c"),
    ("Intel(R) Xeon(R) Platinum 8488C CPU @ 2.40GHz", "intel-xeon-platinum-8488c-4c"),
    ("AMD EPYC", "amd-epyc-4c"),
])
def test_slug(model, name):
    assert machine.slug({"model": model, "cores": 4}) == name


def test_description_names_no_host():
    text = str(machine.describe(1, [0])) + str(machine.versions())
    assert os.uname().nodename not in text and os.path.expanduser("~") not in text


@pytest.mark.parametrize("arguments", [
    ["--threads", "0"], ["--threads", "100000"], ["--rounds", "0"], ["--points", "8"], ["--models", "gpt"], ["--contenders", "tvm"],
    ["--cpus", "x"], ["--warmup", "-1"], ["--quiet", "-1"], ["--nice", "-21"], ["--iterations", "0"],
])
def test_bad_options_stop_with_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        encoders.parse_arguments(arguments)
    assert stop.value.code == 2
    assert "error:" in capsys.readouterr().err
