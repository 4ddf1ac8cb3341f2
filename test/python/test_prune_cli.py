#===- test_prune_cli.py - python -m et.prune from end to end -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Whole runs on a tiny BERT: classification, similarity, every method, resuming, determinism, and every error's one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file

import prune_text
from et.prune import ModelError
from et.prune import cli
from et.prune.text_models import model_folder, order
from et.prune.training import rate

QUICK = ["--dense-epochs", "1", "--prune-epochs", "2", "--retrain-epochs", "1", "--batch-size", "8", "--lr", "3e-3", "--prune-lr", "1e-3",
         "--tile", "8x8", "--device", "cpu", "--prunings", "4"]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("prune")
    prune_text.save_model(folder / "bert")
    prune_text.save_model(folder / "distilbert", "distilbert")
    prune_text.save_classes(folder / "train.tsv", 48, 0)
    prune_text.save_classes(folder / "dev.tsv", 16, 1)
    prune_text.save_pairs(folder / "train.csv", 32, 0)
    prune_text.save_pairs(folder / "dev.csv", 12, 1)
    return folder


def words(files: Path, output: Path, *more: str, kind: str = "tsv", model: str = "bert") -> list[str]:
    return ["--model", str(files / model), "--train", str(files / f"train.{kind}"), "--dev", str(files / f"dev.{kind}"),
            "--output", str(output), *QUICK, *more]


def without_times(record: dict) -> dict:
    for phase in record["phases"]:
        for entry in phase["epochs"]:
            entry.pop("seconds")
    record.pop("command")
    return record


def test_classification(files, tmp_path, capsys):
    assert cli.main(words(files, tmp_path / "out", "--ratio", "0.5", "--dense-epochs", "6")) == 0
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert [(p["name"], len(p["epochs"])) for p in record["phases"]] == [("dense", 6), ("prune", 2), ("retrain", 1)]
    assert record["dense"]["metrics"]["accuracy"] == 1.0
    assert record["pruning"]["weights"][0]["name"] == "bert.encoder.layer.0.attention.self.query.weight"
    assert record["task"] == {"kind": "classification", "classes": ["0", "1"], "low": 0.0, "high": 1.0}
    weights = load_file(tmp_path / "out" / "model.safetensors")
    value = weights["bert.encoder.layer.0.attention.self.value.weight"]
    assert int((value == 0).all(1).sum()) == 16
    query = weights["bert.encoder.layer.1.attention.self.query.weight"].reshape(4, 8, 4, 8)
    assert int((query == 0).all(3).all(1).sum()) == 8
    # What is written is an ordinary model of transformers, with the predictions that were measured.
    model = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "out")
    assert model.config.id2label == {0: "0", 1: "1"}
    assert (tmp_path / "out" / "tokenizer.json").is_file() and (tmp_path / "out" / "dense" / "model.safetensors").is_file()
    out = capsys.readouterr().out
    assert "classification of 1 by 2: 48 rows to train, 16 to validate, on cpu in f32" in out and "points lost" in out


def test_similarity(files, tmp_path, capsys):
    assert cli.main(words(files, tmp_path / "out", "--pattern", "tile", "--ratio", "0.75", "--dense-epochs", "4", kind="csv")) == 0
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert record["task"]["kind"] == "similarity" and record["dense"]["metrics"]["spearman"] > 0.5
    assert record["pruning"]["reached"] == 0.75
    assert set(record["result"]["metrics"]) == {"spearman", "pearson"}
    transformers.AutoModel.from_pretrained(tmp_path / "out")


@pytest.mark.parametrize("more", [
    ("--method", "movement"), ("--method", "magnitude", "--selection", "global", "--pattern", "columns"),
    ("--method", "group-lasso"), ("--method", "admm", "--selection", "balanced"),
    ("--method", "one-shot", "--prune-epochs", "0", "--no-distill", "--pattern", "irregular"),
    ("--pattern", "attention-aware-merged", "--override", "query=dense", "--override", "*.layer.0.*=tile:4x4"),
], ids=lambda m: m[1])
def test_methods(files, tmp_path, more):
    assert cli.main(words(files, tmp_path / "out", "--ratio", "0.5", *more)) == 0
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert record["pruning"]["reached"] == pytest.approx(0.5, abs=0.02)


def test_distilbert(files, tmp_path):
    assert cli.main(words(files, tmp_path / "out", model="distilbert")) == 0


@pytest.fixture(scope="module")
def whole(files, tmp_path_factory):
    """The output of a run that was never stopped, by method."""
    done: dict[str, Path] = {}

    def run(method: str, options: list[str]) -> Path:
        if method not in done:
            done[method] = tmp_path_factory.mktemp("whole") / "out"
            assert cli.main(words(files, done[method], *options)) == 0
        return done[method]

    return run


class Stop(Exception):
    """The power fails."""


@pytest.mark.parametrize("method,epochs", [("fisher", 1), ("fisher", 2), ("fisher", 3), ("magnitude", 2), ("group-lasso", 2), ("admm", 2)])
def test_resuming_is_the_same_as_never_stopping(files, whole, tmp_path, capsys, method, epochs):
    options = ["--ratio", "0.5", "--method", method, "--milestones", "1"]
    folders = whole(method, options), tmp_path / "parts"
    stopped = words(files, tmp_path / "parts", *options)
    seen = 0

    def stop() -> None:
        nonlocal seen
        seen += 1
        if seen == epochs:
            raise Stop

    with pytest.raises(Stop), cli.deterministic():
        run, _ = cli.prepare(cli.parse_arguments(stopped), cli.Console(), stopped)
        run.run(after_epoch=stop)
    torch.manual_seed(12345)  # nothing may depend on what the process did before
    assert cli.main([*stopped, "--resume"]) == 0
    records = [without_times(json.loads((folder / "record.json").read_text())) for folder in folders]
    assert records[0] == records[1]
    mine, theirs = (load_file(folder / "model.safetensors") for folder in folders)
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_another_seed_is_another_result(files, tmp_path):
    for seed in ("0", "1"):
        assert cli.main(words(files, tmp_path / seed, "--seed", seed)) == 0
    mine, theirs = (load_file(tmp_path / seed / "model.safetensors") for seed in ("0", "1"))
    assert not torch.equal(mine["classifier.weight"], theirs["classifier.weight"])


# ---- one line for each error -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("more,message", [
    (("--ratio", "80"), "expected a ratio from 0 to below 1 (0.8 prunes 80 %), but got 80.0"),
    (("--tile", "16"), "expected a pattern 'tile:RxC'"), (("--prune-epochs", "0"), "expected at least 1 epoch of pruning with method 'fisher', but got 0"),
    (("--dense-epochs", "-1"), "expected --dense-epochs to be at least 0, but got -1"), (("--prunings", "0"), "expected --prunings to be at least 1"),
    (("--override", "query"), "expected --override WHICH=PATTERN"), (("--override", "queries=rows"), "'queries' to be a role"),
    (("--device", "tpu"), "expected --device to be cpu, cuda or cuda:N, but got 'tpu'"), (("--device", "mps"), "but got 'mps'"),
    (("--rho", "0", "--method", "admm"), "rho to be above 0"), (("--lam", "-1", "--method", "group-lasso"), "at least 0, but got -1.0"),
    (("--raise-factor", "0", "--method", "group-lasso"), "raise_factor to be at least 1"),
    (("--label-column", "score"), "expected the label column to be one of 1, 2"), (("--task", "similarity"), "two columns of texts for similarity"),
    (("--model", "no-such-model"), "expected a folder with a model, one of minilm-l6, or package:NAME/FOLDER, but got 'no-such-model'"),
    (("--model", "package:no_such_package_of_weights/x"), "no package 'no_such_package_of_weights'"),
    (("--method", "group-lasso", "--milestones", "1", "2"), "expected milestones before pruning ends after 2 epochs, but got 2; it would never be reached"),
    (("--max-drop", "-1", "--method", "group-lasso"), "max_drop to be at least 0"),
    (("--resume",), "expected a checkpoint to go on from"), (("--train", "nowhere.tsv"), "no file nowhere.tsv"),
    (("--lr", "1e30",), "diverged"),
])
def test_errors_are_one_line_and_status_1(files, tmp_path, capsys, more, message):
    assert cli.main(words(files, tmp_path / "out", *more)) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and "Traceback" not in error


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(files, tmp_path, capsys):
    assert cli.main(words(files, tmp_path / "out", "--device", "cuda")) == 1
    assert "expected a GPU for --device cuda, but PyTorch sees none; use --device cpu" in capsys.readouterr().err


@pytest.mark.parametrize("more,message", [
    (("--lr", "0"), "--lr must be above 0"), (("--max-tokens", "4"), "--max-tokens must be at least 8, but is 4"),
    (("--seed", "-1"), "--seed must be at least 0"), (("--pattern", "diagonal"), "invalid choice"), (("--threads", "0"), "--threads must be at least 1"),
])
def test_wrong_options_are_refused_by_the_parser(files, tmp_path, capsys, more, message):
    with pytest.raises(SystemExit) as stopped:
        cli.main(words(files, tmp_path / "out", *more))
    assert stopped.value.code == 2 and message in capsys.readouterr().err


def test_an_output_with_another_run_is_refused(files, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(words(files, out)) == 0
    assert cli.main(words(files, out)) == 1
    assert "has a checkpoint; say --resume to go on, or name another" in capsys.readouterr().err
    assert cli.main(words(files, out, "--resume", "--ratio", "0.7")) == 1
    assert "same settings, but it is not: ratio is 0.5 there and 0.7 here" in capsys.readouterr().err
    (out / "checkpoint.pt").write_bytes((out / "checkpoint.pt").read_bytes()[:1000])
    assert cli.main(words(files, out, "--resume")) == 1
    assert "cannot read" in capsys.readouterr().err


def test_resuming_on_other_data_is_refused(files, tmp_path, capsys):
    out, train = tmp_path / "out", tmp_path / "train.tsv"
    train.write_bytes((files / "train.tsv").read_bytes())
    assert cli.main([*words(files, out), "--train", str(train)]) == 0
    train.write_text(train.read_text().replace("good", "fine"))
    assert cli.main([*words(files, out), "--train", str(train), "--resume"]) == 1
    assert "of a run with the same data, but it is not: train is" in capsys.readouterr().err


def test_validation_with_other_columns_is_refused(files, tmp_path, capsys):
    (tmp_path / "dev.tsv").write_text("a good film\tx\t1\n")
    assert cli.main([*words(files, tmp_path / "out"), "--dev", str(tmp_path / "dev.tsv")]) == 1
    assert "to have 2 columns as" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_folder_that_is_not_complete_is_refused(files, tmp_path, missing):
    for name in {"config.json", "model.safetensors", "tokenizer.json"} - {missing}:
        (tmp_path / name).write_bytes((files / "bert" / name).read_bytes())
    with pytest.raises(ModelError, match=f"but it has no {missing}; save it there with save_pretrained"):
        model_folder(str(tmp_path))


def test_a_model_that_transformers_does_not_know_is_refused(files, tmp_path, capsys):
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_bytes((files / "bert" / name).read_bytes())
    (tmp_path / "config.json").write_text('{"model_type": "nothing"}')
    assert cli.main(words(files, tmp_path / "out", "--model", str(tmp_path))) == 1
    assert "transformers cannot load" in capsys.readouterr().err


def test_batches_of_an_epoch_hold_each_row_once_and_differ_between_epochs():
    lengths = [1 + (i * 7) % 13 for i in range(101)]
    first, again, second = order(lengths, 8, 3, 0), order(lengths, 8, 3, 0), order(lengths, 8, 3, 1)
    assert first == again != second
    assert sorted(row for batch in first for row in batch) == list(range(101))


def test_the_learning_rate_warms_up_and_decays():
    rates = [rate(step, 100, 0.1) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0) and rates[-1] == pytest.approx(1 / 90)
    assert rates.index(max(rates)) in (9, 10)
