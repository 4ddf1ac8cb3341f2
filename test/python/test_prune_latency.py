#===- test_prune_latency.py - Sizes and latencies beside accuracies -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Masks back onto models, programs measured and made ready to travel, records joined with accuracies, and what is refused."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

import bench_path

sys.path.insert(0, str(bench_path.ROOT / "benchmarks" / "prune"))

import accuracy_report  # noqa: E402
import latency  # noqa: E402
import masked  # noqa: E402
from et.prune import PruneError  # noqa: E402
from et.prune.settings import Settings, make_pruner  # noqa: E402

JOBS = ("tile:16x16@0.5", "tile@0.8", "rows@0.5")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A model with the vocabulary of BERT, and masks of it as a classifier."""
    folder = tmp_path_factory.mktemp("latency")
    torch.manual_seed(0)
    config = transformers.BertConfig(hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=128)
    model = transformers.BertModel(config)
    model.save_pretrained(folder / "bert")
    (folder / "bert" / "tokenizer.json").write_text("{}")
    masks = {}
    for key in JOBS:
        pruner = pruned(copy.deepcopy(model), key)
        masks.update({f"{key}/bert.{name}": np.packbits(kept.numpy()) for name, kept in pruner.kept.items()})
    (folder / "masks").mkdir()
    np.savez_compressed(folder / "masks" / "tiny-sst2-0-tile@0.5-3.npz", **masks)
    return folder


def pruned(model: torch.nn.Module, key: str):
    pattern, _, ratio = key.rpartition("@")
    pruner = make_pruner(model, Settings(pattern=pattern.partition(":")[0], ratio=float(ratio), method="one-shot", prune_epochs=0), 0)
    pruner.prune()
    return pruner


def words(files: Path, action: str, *more: str) -> list[str]:
    return [action, str(files / "masks"), "--model", f"tiny={files / 'bert'}", *more]


# ---- masks ----


@pytest.mark.parametrize("key", JOBS)
def test_masks_bring_back_what_was_pruned(files, key):
    model, expected = (masked.load_backbone(str(files / "bert")) for _ in range(2))
    pruned(expected, key).finalize()
    masked.prune(model, key, masked.read_masks(files / "masks", "tiny", "sst2", 0)[key])
    zeros = 0
    for (name, mine), theirs in zip(model.named_parameters(), expected.parameters()):
        assert torch.equal(mine, theirs), name
        zeros += int((mine == 0).sum())
    assert zeros > 0.4 * sum(p.numel() for n, p in model.encoder.named_parameters() if p.dim() == 2)


def test_masks_of_several_stacks_are_one_table(files, tmp_path):
    for number, key in enumerate(("tile@0.9", "tile@0.5", "rows@0.5")):
        np.savez_compressed(tmp_path / f"m-sst2-0-{number}-1.npz", **{f"{key}/w": np.zeros(1, np.uint8)})
    np.savez_compressed(tmp_path / "m-sst2-1-0-1.npz", **{"columns@0.5/w": np.zeros(1, np.uint8)})
    jobs = masked.read_masks(tmp_path, "m", "sst2", 0)
    assert masked.order_jobs(jobs) == ["tile@0.5", "tile@0.9", "rows@0.5"]


def test_masks_that_are_missing_or_damaged_are_refused(files, tmp_path):
    with pytest.raises(PruneError, match=r"expected masks tiny-sst2-3-\*.npz in .* but there are none; run accuracy.py with --masks"):
        masked.read_masks(files / "masks", "tiny", "sst2", 3)
    (tmp_path / "tiny-sst2-0-a.npz").write_bytes(b"PK not a zip")
    with pytest.raises(PruneError, match="expected masks of accuracy.py in .*tiny-sst2-0-a.npz, but it cannot be read"):
        masked.read_masks(tmp_path, "tiny", "sst2", 0)


@pytest.mark.parametrize("key, change, message", [
    ("tile@0.8", lambda b: {k: v[:-1] for k, v in b.items()}, "expected 16 blocks of .* but the mask has 1 bytes; is it of another model"),
    ("tile@0.8", lambda b: {}, "expected a mask of 'encoder.layer.0.* but there are 0; are the masks of another model"),
    ("tile@0.8", lambda b: {**b, **{"other." + k: v for k, v in b.items()}}, "but there are 2"),
    ("tile", lambda b: b, "expected a job PATTERN@RATIO, such as tile@0.5, but got 'tile'"),
    ("tile@much", lambda b: b, "expected a job PATTERN@RATIO"), ("tile@1", lambda b: b, "expected a job PATTERN@RATIO"),
])
def test_masks_that_do_not_fit_are_refused(files, key, change, message):
    bits = masked.read_masks(files / "masks", "tiny", "sst2", 0)["tile@0.8"]
    with pytest.raises(PruneError, match=message):
        masked.prune(masked.load_backbone(str(files / "bert")), key, change(bits))


# ---- measuring ----


def test_a_share_is_that_of_its_own_round():
    # The machine was twice as slow in the second round, for both.
    times = {"dense": {"us": [10.0, 20.0, 11.0]}, "tile@0.5": {"us": [5.0, 10.0, 5.5]}}
    assert latency.summary(times)["tile@0.5"] == {"us": 5.5, "us share": 0.5}
    assert latency.summary(times)["dense"]["us share"] == 1.0


def test_programs_take_turns_and_the_first_moves_on():
    order: list[str] = []
    found = latency.in_turns(["a", "b", "c"], lambda name: order.append(name) or {"us": float(len(order))}, 3)
    assert "".join(order) == "abcbcacab" and found["a"]["us"] == [1.0, 6.0, 8.0]


def test_a_cpu_is_measured(files, tmp_path, capsys):
    path = tmp_path / "cpu.json"
    assert latency.main(words(files, "cpu", "--output", str(path), "--rounds", "2", "--iterations", "2", "--quiet", "0", "--threads", "1",
                              "--points", "1x16", "--patterns", "tile", "rows")) == 0
    record = json.loads(path.read_text())
    assert (record["kind"], record["model"], record["task"], record["seed"], record["type"]) == ("cpu", "tiny", "sst2", 0, "f32")
    assert list(record["jobs"]) == ["dense", "tile@0.8", "rows@0.5"] and "1 threads" in record["device"]
    assert record["rounds"] == 4 and 0 <= record["rounds_without_other_load"] <= 4
    dense, tile = record["jobs"]["dense"], record["jobs"]["tile@0.8"]
    # Six matrices, 64x64 and 64x128, beside biases.
    assert 4 * 64 * 512 <= dense["matrix_bytes"] < 1.1 * 4 * 64 * 512 and tile["matrix_bytes"] < 0.6 * dense["matrix_bytes"]
    assert tile["sparse"] > 0 and dense["sparse"] == dense["smaller"] == 0
    for job in record["jobs"].values():
        assert job["error"] < 1e-5 and job["points"]["1x16"]["us"] > 0 and job["points"]["1x16"]["us share"] > 0


def test_what_travels_needs_no_build(files, tmp_path, capsys):
    folder = tmp_path / "there"
    assert latency.main(words(files, "prepare", str(folder), "--ratios", "0.8")) == 0
    record = json.loads((folder / "jobs.json").read_text())
    assert list(record["jobs"]) == ["dense", "tile@0.8"] and record["hidden"] == 64 and record["target"] == "cuda:sm_90a"
    assert all((folder / job["file"]).is_file() for job in record["jobs"].values()) and not list(folder.glob("*.etp"))
    expected = np.load(folder / "expected.npz")
    assert expected["00"].shape == expected["hidden"].shape == (2, 24, 64) and np.isfinite(expected["01"]).all()
    assert not np.array_equal(expected["00"], expected["01"])
    # The scripts, the package and the runtime are of the folder; the rest of the checkout and a build are not needed.
    code = """if True:
        import pathlib, sys
        import latency, programs
        try:
            programs.load_program(pathlib.Path("01.etp.xz").resolve())
        except Exception as error:
            print(type(error).__name__, error)
        print(sys.modules["et.runtime"].__file__, latency.__file__, programs.__file__)
        print([name for name in sys.modules if name in ("masked", "minilm", "sparse_encoder", "transformers")])
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ET_", "PYTHONPATH"))}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    *loading, modules, others = done.stdout.splitlines()
    assert modules.split() == [str(folder / name) for name in ("python/et/runtime.py", "latency.py", "programs.py")] and others == "[]", done.stderr
    # Where there is no GPU, that is all that is missing.
    assert not loading or loading[0].startswith("LoadError") and "libcuda" in loading[0] or torch.cuda.is_available()


def test_a_block_is_repeated_where_weights_are_kept(files):
    model = masked.load_backbone(str(files / "bert"))
    weight = model.encoder.layer[0].intermediate.dense.weight
    weight.data[:64] = 0
    latency.repeat_a_block(model)
    assert (weight[:64] == 0).all() and (weight[64:] != 0).all()
    out = model.encoder.layer[0].output.dense.weight
    assert torch.equal(out[:, :64], out[:, 64:]) and torch.equal(out[:, :64], weight[64:])


@pytest.mark.parametrize("more, message", [
    (("--patterns", "columns"), "expected masks of pattern columns, but there are those of rows, tile, tile:16x16"),
    (("--ratios", "0.3"), "expected masks of ratio 0.3, but there are those of 0.5, 0.8"),
    (("--seed", "7"), "expected masks tiny-sst2-7-"), (("--model", "nothing"), "expected masks nothing-sst2-0-"),
    (("--model", "tiny=nowhere"), "expected a folder with a model"),
])
def test_errors_are_one_line_and_status_1(files, tmp_path, capsys, more, message):
    assert latency.main(words(files, "cpu", "--output", str(tmp_path / "a.json"), *more)) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and not (tmp_path / "a.json").exists()


@pytest.mark.parametrize("arguments, message", [
    (["cpu", "masks", "--output", "a", "--points", "128"], "expected BATCHxSEQUENCE such as 8x128"),
    (["cpu", "masks", "--output", "a", "--rounds", "0"], "--rounds must be at least 1, but is 0"),
    (["run", "folder", "--output", "a", "--rounds", "0"], "--rounds must be at least 1"), (["cpu", "masks"], "required: --output"),
])
def test_wrong_options_are_refused(capsys, arguments, message):
    with pytest.raises(SystemExit):
        latency.parse_arguments(arguments)
    assert message in capsys.readouterr().err


# ---- the page ----


def results(losses: dict[str, list[float]] | None = None) -> dict:
    """Three seeds of one data set: what each job loses."""
    losses = losses or {"tile@0.5": [0.01, 0.012, 0.014], "tile@0.8": [0.05, 0.05, 0.05]}
    groups = {f"m/sst2/{seed}": {"model": "m", "task": "sst2", "seed": seed, "dense": {"metrics": {"accuracy": 0.9}}, "jobs": {
        key: {"pattern": key.partition("@")[0], "ratio": float(key.partition("@")[2]), "metrics": {"accuracy": 0.9 - lost[seed]},
              "dense": {"accuracy": 0.9}} for key, lost in losses.items()}} for seed in range(3)}
    return {"settings": {}, "groups": groups, "calls": []}


def record(kind: str = "cpu", **more) -> dict:
    def job(size: float, us: float, share: float) -> dict:
        return {"file_bytes": size * 2e6, "matrix_bytes": size * 1e6, "error": 1e-6, "points": {"1x128": {"us": us, "us share": share}}}

    return {"kind": kind, "model": "m", "task": "sst2", "seed": 0, "device": "a machine", "type": "f32", "command": "latency.py", "date": "today",
            "jobs": {"dense": job(40, 12000.0, 1.0), "tile@0.5": job(22, 6000.0, 0.5), "tile@0.8": job(10, 700.0, 0.25)}, **more}


def page(latencies: list[dict], found: dict | None = None) -> str:
    found = found or results()
    accuracy_report.add_latencies(found, latencies)
    return accuracy_report.markdown(found)


def test_size_and_latency_stand_beside_accuracy():
    text = page([record(), record("gpu", target="cuda:sm_90a")])
    assert "| pattern | ratio | SST-2 | CPU matrices | CPU 1x128 | GPU matrices | GPU 1x128 |" in text
    assert "| tile | 50% | -1.2 | 22.0 MB (55%) | 6.00 ms (2.00x) | 22.0 MB (55%) | 6.00 ms (2.00x) |" in text
    assert "| tile | 80% | -5.0 | 10.0 MB (25%) | 700 us (4.00x) |" in text
    assert "| dense | | 90.0 ± 0.0 | 40.0 MB (100%) | 12.00 ms (1.00x) |" in text
    assert "- GPU: a machine, f32 for cuda:sm_90a; zeros of SST-2, seed 0; largest error against float64 1.0e-06" in text
    assert "no other load" not in text
    assert "has 80.0 MB; no other load at the start of 3 of 8 rounds" in page([record(rounds=8, rounds_without_other_load=3)])


def test_what_was_not_measured_is_left_empty():
    found = record()
    del found["jobs"]["tile@0.8"]
    assert "| tile | 80% | -5.0 |  |  |" in page([found])
    assert "CPU matrices" not in accuracy_report.markdown(results())


def test_the_page_says_which_bounds_hold():
    text = accuracy_report.markdown(results())
    assert "| model, data set | tile 50%: at most 1.5 points | tile 80%: at most 4 points |" in text
    assert "| m, SST-2, accuracy | -1.2: holds | -5.0: does not hold |" in text
    exactly = accuracy_report.markdown(results({"tile@0.5": [0.015] * 3}))
    assert "| m, SST-2, accuracy | -1.5: holds |  |" in exactly
    assert "## Bounds" not in accuracy_report.markdown(results({"rows@0.5": [0.0] * 3}))


@pytest.mark.parametrize("latencies, message", [
    ([record(model="other")], "expected latencies of m, but a record is of other"),
    ([record(), record()], "expected one record of latencies of m for a CPU, but there are two"),
    ([record(jobs={})], "expected the dense program in the latencies of m for a CPU, but it is missing"),
    ([record(jobs={**record()["jobs"], "rows@0.5": {"points": {}}})], "expected latencies of jobs that have accuracies, but rows@0.5 of m has none"),
    ([record(jobs={"dense": {"points": {"1x128": {"us": float("nan")}}}})], "expected times above 0, but dense of m at 1x128"),
    ([record(jobs={"dense": {"points": {"1x128": {"us": 0.0}}}})], "expected times above 0"),
])
def test_records_that_do_not_belong_together_are_refused(latencies, message):
    with pytest.raises(ValueError, match=message):
        accuracy_report.add_latencies(results(), latencies)


@pytest.mark.parametrize("where", ["metrics", "dense"])
def test_accuracies_that_are_no_numbers_are_refused(where):
    found = results()
    found["groups"]["m/sst2/1"]["jobs"]["tile@0.5"][where]["accuracy"] = float("nan")
    with pytest.raises(ValueError, match="expected finite metrics, but accuracy of tile@0.5 of m/sst2/1, or of its dense model, is not"):
        accuracy_report.join([found])


def test_the_command_line_joins_latencies(tmp_path, monkeypatch, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "accuracy.json").write_text(json.dumps(results()))
    (tmp_path / "cpu.json").write_text(json.dumps(record()))
    (tmp_path / "other.json").write_text(json.dumps(record(model="other")))
    call = lambda *more: (monkeypatch.setattr(sys, "argv", ["accuracy_report.py", str(tmp_path / "run"), *map(str, more)]),  # noqa: E731
                          accuracy_report.main())[1]
    assert call("--latencies", tmp_path / "cpu.json", "--output", tmp_path / "out") == 0
    assert json.loads((tmp_path / "out.json").read_text())["latencies"] == [record()] and "6.00 ms" in (tmp_path / "out.md").read_text()
    for name, message in (("other.json", "a record is of other"), ("none.json", "none.json")):
        assert call("--latencies", tmp_path / name, "--output", tmp_path / "no") == 1
        assert message in capsys.readouterr().err
    assert not (tmp_path / "no.json").exists()
