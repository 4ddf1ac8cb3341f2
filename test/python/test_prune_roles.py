#===- test_prune_roles.py - Roles of weights in real architectures, and pattern maps -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Which weight is found as what in the model families of transformers, the attention-aware maps, and overrides."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

import model_zoo
from et.prune import ModelError, PruneError, Pruner, attention_aware, explicit, find_weights, rows, tile, uniform


def roles(name: str) -> dict[str, str]:
    return {w.name: w.role for w in find_weights(model_zoo.FAMILIES[name].build("eager"))}


def bert() -> torch.nn.Module:
    return model_zoo.head("sequence classification")


def test_bert():
    found = roles("bert")
    layer = "encoder.layer.1."
    assert {name.removeprefix(layer): role for name, role in found.items() if name.startswith(layer)} == {
        "attention.self.query.weight": "query", "attention.self.key.weight": "key", "attention.self.value.weight": "value",
        "attention.output.dense.weight": "output", "intermediate.dense.weight": "ffn_in", "output.dense.weight": "ffn_out"}
    assert len(found) == 12  # neither the pooler nor the embeddings


def test_distilbert():
    found = roles("distilbert")
    layer = "transformer.layer.0."
    assert {name.removeprefix(layer): role for name, role in found.items() if name.startswith(layer)} == {
        "attention.q_lin.weight": "query", "attention.k_lin.weight": "key", "attention.v_lin.weight": "value",
        "attention.out_lin.weight": "output", "ffn.lin1.weight": "ffn_in", "ffn.lin2.weight": "ffn_out"}
    assert len(found) == 12


@pytest.mark.parametrize("name,layers", [("roberta", 2), ("albert", 1), ("electra", 2), ("mpnet", 2), ("t5", 2), ("vit", 2),
                                         ("clip-text", 2), ("whisper", 2), ("bert-relu", 2)])
def test_other_families(name, layers):
    assert Counter(roles(name).values()) == {r: layers for r in ("query", "key", "value", "output", "ffn_in", "ffn_out")}


def test_gated_and_fused_layers():
    assert Counter(roles("t5-gated").values())["ffn_in"] == 4
    assert Counter(roles("modernbert").values()) == {"qkv": 2, "output": 2, "ffn_in": 2, "ffn_out": 2}


def test_heads_of_a_classifier_stay_dense():
    names = [w.name for w in find_weights(bert())]
    assert len(names) == 12 and all(name.startswith("bert.encoder.layer.") for name in names)


def test_heads_are_counted():
    assert {w.heads for w in find_weights(bert()) if w.role == "value"} == {4}
    assert {w.heads for w in find_weights(model_zoo.FAMILIES["distilbert"].build("eager")) if w.role == "value"} == {4}


def test_a_model_without_attention_is_refused():
    with pytest.raises(ModelError, match="expected attention in 'Sequential'.*name the weights yourself"):
        find_weights(torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 4)))


def test_layers_that_only_sound_like_attention_are_none():
    class Odd(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.key, self.value = torch.nn.Linear(4, 4), torch.nn.Linear(4, 6), torch.nn.Linear(4, 4)

    with pytest.raises(ModelError, match="expected attention in 'Odd'"):
        find_weights(Odd())


@pytest.mark.parametrize("build", [bert, lambda: model_zoo.head("distilbert sequence classification")])
def test_attention_aware_without_merge(build):
    model = build()
    patterns = attention_aware(model, "8x8")
    for w in find_weights(model):
        assert patterns[w.name] == (rows(4) if w.role == "value" else tile(8, 8))


def test_attention_aware_with_merge():
    model = bert()
    patterns = attention_aware(model, "8x8", merge=True)
    for w in find_weights(model):
        expected = {"value": None, "output": rows()}.get(w.role, tile(8, 8))
        assert patterns.get(w.name) == expected


def test_overrides_by_role_name_and_glob():
    model = bert()
    patterns = attention_aware(model, overrides={
        "query": "columns", "ffn_in": None, "bert.encoder.layer.0.attention.self.key.weight": "irregular", "*pooler*": "rows"})
    assert str(patterns["bert.encoder.layer.1.attention.self.query.weight"]) == "columns"
    assert not any("intermediate" in name for name in patterns)
    assert str(patterns["bert.encoder.layer.0.attention.self.key.weight"]) == "irregular"
    assert str(patterns["bert.encoder.layer.1.attention.self.key.weight"]) == "tile:16x16"
    assert str(patterns["bert.pooler.dense.weight"]) == "rows"


@pytest.mark.parametrize("key", ["values", "*.nothing", "bert.pooler.dense.bias", "qkv"])
def test_an_override_that_matches_nothing_is_refused(key):
    with pytest.raises(PruneError, match="to be a role .* or to match a two-dimensional parameter, but nothing does"):
        uniform(bert(), "rows", overrides={key: "rows"})


def test_an_override_with_a_wrong_pattern_is_refused():
    with pytest.raises(PruneError, match="expected a pattern"):
        uniform(bert(), "rows", overrides={"query": "diagonal"})


def test_explicit_patterns_need_no_attention():
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 4))
    assert explicit(model, {"1.weight": "columns"}) == {"1.weight": explicit(model, {"*": "columns"})["1.weight"]}


def test_a_map_of_nothing_is_refused():
    with pytest.raises(PruneError, match="at least one weight to prune, but every one is dense"):
        Pruner(bert(), {"query": None}, 0.5)


def test_names_for_whole_maps():
    assert Pruner(bert(), "attention-aware", 0.5).patterns == attention_aware(bert())
    assert Pruner(bert(), "attention-aware-merged", 0.5).patterns == attention_aware(bert(), merge=True)
