#===- test_prune_accuracy.py - The accuracy benchmark on a tiny model -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""A stack against copies trained one by one, calls that are cut short, tables, and what is refused."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import bench_path
import prune_text

sys.path.insert(0, str(bench_path.ROOT / "benchmarks" / "prune"))

import accuracy  # noqa: E402
import accuracy_report  # noqa: E402
import data_sets  # noqa: E402
from et.prune import Distiller, GroupLasso, OneShot, Pruner  # noqa: E402
from et.prune.tables import Task  # noqa: E402
from et.prune.text_models import load_model  # noqa: E402
from stacked import Stack  # noqa: E402


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("accuracy")
    prune_text.save_model(folder / "bert")
    for name in ("sst2", "stsb"):
        (folder / "data" / name).mkdir(parents=True)
    prune_text.save_classes(folder / "data/sst2/train.tsv", 32, 0)
    prune_text.save_classes(folder / "data/sst2/dev.tsv", 16, 1)
    for name, rows in (("train", 24), ("dev", 12)):
        path = prune_text.save_pairs(folder / f"data/stsb/stsb-en-{name}.csv", rows, rows)
        path.write_text(path.read_text().split("\n", 1)[1])  # the published files have no header
    return folder


def words(files: Path, output: Path, *more: str) -> list[str]:
    return ["--data", str(files / "data"), "--output", str(output), "--models", f"tiny={files / 'bert'}", "--tasks", "sst2", "--seeds", "0", "--ratios", "0.5",
            "--patterns", "tile:8x8", "rows", "--batch-size", "8", "--epochs", "1", "2", "1", "--device", "cpu", *more]


def make(kind: str, model: torch.nn.Module, index: int) -> Pruner:
    patterns = ("8x8", "attention-aware")[index]
    if kind == "lasso":
        return Pruner(model, patterns, 0.5, regularizer=GroupLasso(1e-3, (2,)), schedule=OneShot(3))
    return Pruner(model, patterns, (0.5, 0.8)[index], score=kind, schedule=OneShot(2))


@pytest.mark.parametrize("kind", ["magnitude", "fisher", "lasso"])
def test_a_stack_trains_as_its_copies_would_alone(files, kind):
    task = Task("classification", ("0", "1"))
    torch.manual_seed(0)
    model = load_model(files / "bert", task, "eager")
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # its draws cannot be the same
    alone = [copy.deepcopy(model) for _ in range(2)]
    teacher = Distiller(copy.deepcopy(model))
    stack = Stack(model, 2, freeze_embeddings=True)
    stack.prune_with([make(kind, m, i) for i, m in enumerate(stack.copies)])
    # SGD: Adam turns rounding of tiny gradients into steps of full size.
    optimizer = torch.optim.SGD(list(stack.weights.values()), 0.05, momentum=0.9, weight_decay=0.1)
    generator = torch.Generator().manual_seed(1)
    batches = [(torch.randint(4, 24, (6, 7), generator=generator), torch.randint(0, 2, (6,), generator=generator)) for _ in range(5)]
    for ids, labels in batches:
        losses = stack.step(optimizer, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, labels, teacher, "f32")
    assert losses.shape == (2,)
    for index, single in enumerate(alone):
        single.backbone.bert.embeddings.word_embeddings.weight.requires_grad_(False)
        pruner = make(kind, single, index)
        mine = torch.optim.SGD([p for p in single.parameters() if p.requires_grad], 0.05, momentum=0.9, weight_decay=0.1)
        pruner.attach(mine)
        for ids, labels in batches:
            inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            out = single(**inputs, output_hidden_states=True)
            mine.zero_grad()
            (single.loss(out, labels) + teacher(out, **inputs)).backward()
            torch.nn.utils.clip_grad_norm_([p for p in single.parameters() if p.requires_grad], 1.0)
            mine.step()
        for (name, expected), found in zip(single.named_parameters(), stack.copies[index].parameters()):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=2e-6, msg=lambda m, n=name: f"{n}: {m}")
        assert all(torch.equal(stack.pruners[index].kept[n], k) for n, k in pruner.kept.items())
        zero = ~pruner.masks()["backbone.bert.encoder.layer.0.attention.self.query.weight"]
        assert (stack.copies[index].backbone.bert.encoder.layer[0].attention.self.query.weight[zero] == 0).all()


def test_views_of_a_stack_stay_views(files):
    model = load_model(files / "bert", Task("classification", ("0", "1")), "eager")
    stack = Stack(model, 2, freeze_embeddings=False)
    ids = torch.randint(4, 24, (2, 5))
    optimizer = torch.optim.SGD(list(stack.weights.values()), 0.1)
    stack.step(optimizer, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, torch.tensor([0, 1]), None, "f32")
    for index, module in enumerate(stack.copies):
        for name, parameter in module.named_parameters():
            assert parameter.data_ptr() == stack.weights[name].data[index].data_ptr()
            assert parameter.grad.data_ptr() == stack.weights[name].grad[index].data_ptr()


def test_a_table_in_one_call(files, tmp_path, capsys):
    assert accuracy.main(words(files, tmp_path / "out", "--tasks", "sst2", "stsb", "--masks", str(tmp_path / "masks"))) == 0
    assert "done: 4 of 4 jobs" in capsys.readouterr().out
    results = json.loads((tmp_path / "out" / "accuracy.json").read_text())
    jobs = results["groups"]["tiny/stsb/0"]["jobs"]
    assert set(jobs) == {"tile:8x8@0.5", "rows@0.5"} and jobs["rows@0.5"]["reached"] == 0.5 and "spearman" in jobs["rows@0.5"]["metrics"]
    page = (tmp_path / "out" / "accuracy.md").read_text()
    assert "## tiny, STS-B, Spearman" in page and "| tile:8x8 |" in page
    masks = np.load(next((tmp_path / "masks").glob("tiny-sst2-0-*.npz")))
    kept = np.unpackbits(masks["tile:8x8@0.5/bert.encoder.layer.0.attention.self.query.weight"])[:16]
    assert kept.sum() == 8
    # Called again, nothing is left to do.
    assert accuracy.main(words(files, tmp_path / "out", "--tasks", "sst2", "stsb")) == 0
    assert json.loads((tmp_path / "out" / "accuracy.json").read_text())["calls"][1]["jobs"] == 0


def test_calls_that_are_cut_short_end_in_the_same_table(files, tmp_path, monkeypatch, capsys):
    assert accuracy.main(words(files, tmp_path / "whole")) == 0
    checks = 0

    def stop_after_some(bench: accuracy.Bench, seconds: float) -> None:
        nonlocal checks
        checks += 1
        if checks % 3 == 0:
            raise accuracy.OutOfTime

    monkeypatch.setattr(accuracy.Bench, "_check_time", stop_after_some)
    for _ in range(8):
        assert accuracy.main(words(files, tmp_path / "parts")) == 0
    out = capsys.readouterr().out
    assert "out of time: 0 of 2 jobs; call again to go on" in out and "done: 2 of 2 jobs" in out
    whole, parts = (json.loads((tmp_path / name / "accuracy.json").read_text())["groups"]["tiny/sst2/0"] for name in ("whole", "parts"))
    assert whole["jobs"] == parts["jobs"] and whole["dense"]["metrics"] == parts["dense"]["metrics"]
    assert not list((tmp_path / "parts" / "work").glob("*@*"))  # no checkpoint is left


def test_a_dense_model_that_was_lost_is_trained_again(files, tmp_path):
    out = tmp_path / "out"
    assert accuracy.main(words(files, out)) == 0
    for path in (out / "work").iterdir():
        path.unlink()
    assert accuracy.main(words(files, out, "--ratios", "0.5", "0.8")) == 0
    group = json.loads((out / "accuracy.json").read_text())["groups"]["tiny/sst2/0"]
    assert set(group["jobs"]) == {"tile:8x8@0.5", "rows@0.5", "tile:8x8@0.8", "rows@0.8"}
    assert all(job["dense"] == group["dense"]["metrics"] for job in group["jobs"].values())


def test_other_settings_need_another_output(files, tmp_path, capsys):
    assert accuracy.main(words(files, tmp_path / "out")) == 0
    assert accuracy.main(words(files, tmp_path / "out", "--prune-lr", "0.5")) == 1
    assert "of the same settings, but prune_lr changed; use another --output" in capsys.readouterr().err


@pytest.mark.parametrize("more,message", [
    (("--models", "nothing"), "expected a folder with a model"), (("--data", "nowhere"), "no file nowhere/sst2/train.tsv"),
    (("--patterns", "diagonal"), "expected a pattern of attention-aware"), (("--patterns", "tile:16"), "expected a pattern 'tile:RxC'"),
])
def test_errors_are_one_line_and_status_1(files, tmp_path, capsys, more, message):
    assert accuracy.main(words(files, tmp_path / "out", *more)) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error


@pytest.mark.parametrize("more,message", [
    (("--ratios", "50"), "--ratios must be between 0 and 1"), (("--minutes", "0"), "--minutes must be above 0"),
    (("--stack", "0"), "--stack must be at least 1"),
    (("--epochs", "1", "0", "1"), "--epochs must be at least 0 1 0, but is 1 0 1"), (("--tasks", "cola"), "invalid choice"),
])
def test_wrong_options_are_refused(files, tmp_path, capsys, more, message):
    with pytest.raises(SystemExit):
        accuracy.main(words(files, tmp_path / "out", *more))
    assert message in capsys.readouterr().err


def test_the_page_shows_mean_spread_and_difference():
    def group(seed: int, dense: float, pruned: float) -> dict:
        return {"model": "m", "task": "sst2", "seed": seed, "dense": {"metrics": {"accuracy": dense}},
                "jobs": {"tile@0.5": {"pattern": "tile", "ratio": 0.5, "metrics": {"accuracy": pruned},
                                      "dense": {"accuracy": dense}}}}

    page = accuracy_report.markdown({"groups": {"a": group(0, 0.9, 0.88), "b": group(1, 0.92, 0.9)}, "calls": []})
    assert "Dense: 91.0 ± 1.4 (2 seeds)." in page and "| tile | 89.0 ± 1.4 (-2.0) |" in page


def test_data_sets_have_distinct_files():
    assert len({d.train for d in data_sets.DATA_SETS.values()}) == 3 == len({d.dev for d in data_sets.DATA_SETS.values()})


def test_calls_side_by_side_are_joined(files, tmp_path, monkeypatch, capsys):
    for task in ("sst2", "stsb"):
        assert accuracy.main(words(files, tmp_path / task, "--tasks", task)) == 0
    run = lambda *arguments: (monkeypatch.setattr(sys, "argv", ["accuracy_report.py", *map(str, arguments)]), accuracy_report.main())[1]  # noqa: E731
    assert run(tmp_path / "sst2", tmp_path / "stsb", "--output", tmp_path / "both") == 0
    both = json.loads((tmp_path / "both.json").read_text())
    for task in ("sst2", "stsb"):
        assert both["groups"][f"tiny/{task}/0"] == json.loads((tmp_path / task / "accuracy.json").read_text())["groups"][f"tiny/{task}/0"]
    assert len(both["calls"]) == 2 and "## tiny, STS-B" in (tmp_path / "both.md").read_text()
    capsys.readouterr()
    # A job that is there twice, other settings, and no record at all.
    assert run(tmp_path / "sst2", tmp_path / "sst2", "--output", tmp_path / "twice") == 1
    assert "tiny/sst2/0 has rows@0.5 in two records" in capsys.readouterr().err
    assert accuracy.main(words(files, tmp_path / "other", "--batch-size", "4")) == 0
    capsys.readouterr()
    assert run(tmp_path / "stsb", tmp_path / "other", "--output", tmp_path / "other") == 1
    assert "the same settings, but batch_size differ" in capsys.readouterr().err
    assert run(tmp_path / "none", "--output", tmp_path / "none") == 1
    assert "accuracy.json" in capsys.readouterr().err
    assert not (tmp_path / "twice.json").exists() and not (tmp_path / "none.json").exists()
