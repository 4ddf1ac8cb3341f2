#===- test_prune_pruner.py - The pruner around a training loop -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Masks that survive optimizers, schedules, checkpoints that go on exactly, plain results, and what is refused."""

from __future__ import annotations

import json
import math

import pytest
import torch

import model_zoo
from et.prune import ADMM, CheckpointError, Gradual, GroupLasso, OneShot, PruneError, Pruner, sparsity


def tiny(seed: int = 0) -> torch.nn.Sequential:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(12, 20), torch.nn.Tanh(), torch.nn.Linear(20, 9))


def data(steps: int, seed: int = 1) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [(torch.randn(8, 12, generator=generator), torch.randn(8, 9, generator=generator)) for _ in range(steps)]


def train(model: torch.nn.Module, optimizer: torch.optim.Optimizer, batches: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    for x, y in batches:
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.1, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.5),
    "adamw-fused": lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.5, fused=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, 0.01),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01, momentum=0.9),
    "adafactor": lambda p: torch.optim.Adafactor(p, 0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_masks_survive_every_optimizer(name):
    model = tiny()
    optimizer = OPTIMIZERS[name](model.parameters())
    train(model, optimizer, data(3))  # momenta that point at the weights that will be pruned
    pruner = Pruner(model, {"*": "4x4"}, 0.5).attach(optimizer)
    before = model[0].weight.detach().clone()
    train(model, optimizer, data(5, seed=2))
    mask = pruner.masks()["0.weight"]
    assert (model[0].weight[~mask] == 0).all()
    assert (model[0].weight[mask] != before[mask]).all()
    assert (model[0].weight.grad[~mask] == 0).all()


@pytest.mark.parametrize("pattern", ["16x16", "5x3", "rows", "columns", "irregular"])
@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.5, 0.9])
def test_the_ratio_of_blocks_is_reached_exactly(pattern, ratio):
    model = tiny()
    pruner = Pruner(model, {"*": pattern}, ratio)
    pruner.prune()
    for target in pruner.targets:
        kept = pruner.kept[target.name]
        blocks = kept.numel()
        assert int((~kept).sum()) == min(math.floor(ratio * blocks + 0.5), blocks - 1)
        zero = target.pattern.norms(target.weight) == 0
        assert torch.equal(zero, ~kept)


def test_one_shot_prunes_before_the_first_step():
    model = tiny()
    pruner = Pruner(model, {"*": "irregular"}, 0.5)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    pruner.attach(optimizer)
    train(model, optimizer, data(1))
    assert [h["step"] for h in pruner.history] == [0]
    assert sparsity(model)["0.weight"] == 0.5


def test_gradual_follows_the_cubic_schedule():
    model = tiny()
    optimizer = torch.optim.AdamW(model.parameters(), 0.01)
    pruner = Pruner(model, {"*": "irregular"}, 0.8, schedule=Gradual(2, 12, every=5)).attach(optimizer)
    kept = []
    for batch in data(14):
        train(model, optimizer, [batch])
        kept.append(pruner.kept["0.weight"].clone())
    assert [(h["step"], round(h["ratio"], 6)) for h in pruner.history] == [(7, 0.7), (12, 0.8)]
    assert all(not (b & ~a).any() for a, b in zip(kept, kept[1:]))
    assert sparsity(model)["0.weight"] == 0.8


@pytest.mark.parametrize("score", ["movement", "fisher"])
def test_gathered_scores_are_sums_over_steps(score):
    model = tiny()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    pruner = Pruner(model, {"0.weight": "rows"}, 0.5, score=score, schedule=OneShot(3)).attach(optimizer)
    expected = torch.zeros(20)
    for x, y in data(3):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x), y).backward()
        product = (model[0].weight * model[0].weight.grad).sum(1).detach()
        expected += -product if score == "movement" else product**2
        optimizer.step()
    lowest = torch.argsort(expected)[:10]
    assert not pruner.kept["0.weight"][lowest].any() and int(pruner.kept["0.weight"].sum()) == 10


def test_the_bias_of_a_pruned_row_is_pruned():
    model = tiny()
    optimizer = torch.optim.AdamW(model.parameters(), 0.01)
    pruner = Pruner(model, {"0.weight": "rows", "2.weight": "columns"}, 0.5).attach(optimizer)
    train(model, optimizer, data(3))
    gone = ~pruner.masks()["0.bias"]
    assert int(gone.sum()) == 10 and (model[0].bias[gone] == 0).all() and (model[0].bias[~gone] != 0).all()
    assert (model[2].bias != 0).all()


def test_the_bias_may_stay():
    model = tiny()
    pruner = Pruner(model, {"0.weight": "rows"}, 0.5, prune_bias=False)
    pruner.prune()
    assert "0.bias" not in pruner.masks() and (model[0].bias != 0).all()


def test_balanced_rows_take_the_same_of_each_head():
    model = model_zoo.head("sequence classification")
    pruner = Pruner(model, "attention-aware", 0.5, selection="balanced")
    pruner.prune()
    kept = pruner.kept["bert.encoder.layer.0.attention.self.value.weight"].reshape(4, 8)
    assert kept.sum(1).tolist() == [4, 4, 4, 4]


def test_half_precision_weights():
    model = tiny().to(torch.bfloat16)
    pruner = Pruner(model, {"*": "4x4"}, 0.5)
    pruner.prune()
    assert sparsity(model)["0.weight"] > 0.4 and model[0].weight.dtype == torch.bfloat16


def test_finalize_leaves_plain_parameters_and_a_record_that_json_can_write():
    model = tiny()
    names = list(model.state_dict())
    optimizer = torch.optim.AdamW(model.parameters(), 0.01)
    pruner = Pruner(model, {"*": "5x4"}, 0.5, regularizer=GroupLasso(1e-3, (2,)), schedule=OneShot(4)).attach(optimizer)
    train(model, optimizer, data(6))
    record = json.loads(json.dumps(pruner.finalize()))
    assert list(model.state_dict()) == names and type(model[0].weight) is torch.nn.Parameter
    assert record["regularizer"]["kind"] == "group-lasso" and record["schedule"] == {"kind": "OneShot", "at": 4}
    assert record["weights"][0] == {"name": "0.weight", "shape": [20, 12], "pattern": "tile:5x4", "blocks": 12, "pruned": 6,
                                    "zeros": 120, "ratio": 0.5}
    zero = model[0].weight[model[0].weight == 0]
    assert not torch.signbit(zero).any()  # no -0.0
    train(model, optimizer, data(1))  # detached: it moves again
    assert (model[0].weight != 0).all()


def test_finalize_clears_an_infinite_pruned_weight():
    model = tiny()
    pruner = Pruner(model, {"0.weight": "irregular"}, 0.5)
    pruner.prune()
    with torch.no_grad():
        model[0].weight[~pruner.masks()["0.weight"]] = math.inf
    pruner.finalize()
    assert torch.isfinite(model[0].weight).all()


def make(kind: str, model: torch.nn.Module) -> Pruner:
    if kind == "lasso":
        return Pruner(model, {"*": "5x4"}, 0.5, regularizer=GroupLasso(1e-2, (2, 5), raise_factor=2.0), schedule=OneShot(7))
    if kind == "admm":
        return Pruner(model, {"*": "5x4"}, 0.5, regularizer=ADMM(1e-2, every=2), schedule=OneShot(7), selection="balanced")
    return Pruner(model, {"*": "5x4"}, 0.6, score=kind, schedule=Gradual(1, 8, every=2), selection="global")


@pytest.mark.parametrize("kind", ["lasso", "admm", "magnitude", "movement", "fisher"])
@pytest.mark.parametrize("stop", [3, 9])
def test_going_on_from_a_state_is_the_same_as_never_stopping(kind, stop, tmp_path):
    batches = data(12)
    whole = tiny()
    optimizer = torch.optim.AdamW(whole.parameters(), 0.01)
    pruner = make(kind, whole).attach(optimizer)
    for index, batch in enumerate(batches):
        train(whole, optimizer, [batch])
        if index % 3 == 0:
            pruner.observe(1.0)
        if index + 1 == stop:
            torch.save([whole.state_dict(), optimizer.state_dict(), pruner.state_dict()], tmp_path / "state.pt")
    second = tiny(seed=99)
    states = torch.load(tmp_path / "state.pt", weights_only=True)  # plain types only
    second.load_state_dict(states[0])
    optimizer = torch.optim.AdamW(second.parameters(), 0.01)
    optimizer.load_state_dict(states[1])
    again = make(kind, second)
    again.load_state_dict(states[2])
    again.attach(optimizer)
    for index, batch in enumerate(batches[stop:], stop):
        train(second, optimizer, [batch])
        if index % 3 == 0:
            again.observe(1.0)
    assert pruner.finalize() == again.finalize()
    for mine, theirs in zip(whole.parameters(), second.parameters()):
        assert torch.equal(mine, theirs)


def test_two_runs_are_the_same():
    results = []
    for _ in range(2):
        model = tiny()
        optimizer = torch.optim.AdamW(model.parameters(), 0.01)
        pruner = make("movement", model).attach(optimizer)
        train(model, optimizer, data(9))
        results.append((pruner.finalize(), [p.detach().clone() for p in model.parameters()]))
    assert results[0][0] == results[1][0]
    assert all(torch.equal(a, b) for a, b in zip(results[0][1], results[1][1]))


def test_a_gradient_scale_does_not_reach_the_score_or_the_regulariser():
    results = []
    for scale in (1.0, 1024.0):
        model = tiny()
        pruner = Pruner(model, {"0.weight": "5x4"}, 0.5, score="movement", regularizer=GroupLasso(0.1), schedule=OneShot(5))
        x, y = data(1)[0]
        (torch.nn.functional.mse_loss(model(x), y) * scale).backward()
        pruner.before_step(scale)
        results.append((model[0].weight.grad / scale, pruner.score.state_dict()["0.weight"]))
    torch.testing.assert_close(results[0][0], results[1][0])
    torch.testing.assert_close(results[0][1], results[1][1])


@pytest.mark.parametrize("fused", [False, True])
def test_a_grad_scaler_changes_nothing(fused):
    results = []
    for scaled in (False, True):
        model = tiny()
        optimizer = torch.optim.AdamW(model.parameters(), 0.01, fused=fused)
        pruner = Pruner(model, {"0.weight": "5x4"}, 0.5, score="fisher", regularizer=GroupLasso(0.1), schedule=OneShot(3)).attach(optimizer)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=scaled)
        for x, y in data(5):
            optimizer.zero_grad()
            scaler.scale(torch.nn.functional.mse_loss(model(x), y)).backward()
            scaler.step(optimizer)
            scaler.update()
        results.append((model[0].weight.detach().clone(), pruner.kept["0.weight"]))
    torch.testing.assert_close(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


# ---- refused ---------------------------------------------------------------------------------------------------------


def test_wrong_options_are_refused():
    for arguments, message in [
        (dict(ratio=1.0), "expected a ratio from 0 to below 1"), (dict(ratio=0.5, score="luck"), "score of magnitude, movement, fisher, but got 'luck'"),
        (dict(ratio=0.5, selection="all"), "selection of matrix, balanced, global, but got 'all'"),
        (dict(ratio=0.5, floor=0.1), "no floor with selection 'matrix'"),
    ]:
        with pytest.raises(PruneError, match=message):
            Pruner(tiny(), {"*": "rows"}, **arguments)


def test_a_weight_that_is_no_matrix_of_floats_is_refused():
    model = tiny()
    model.extra = torch.nn.Parameter(torch.zeros(4, 4, dtype=torch.int8), requires_grad=False)
    with pytest.raises(PruneError, match="expected 'extra' to be a matrix of floating-point weights, but it has shape .4, 4. and type torch.int8"):
        Pruner(model, {"extra": "rows"}, 0.5)


def test_an_optimizer_of_another_model_is_refused():
    with pytest.raises(PruneError, match="expected the optimizer to train '0.weight', but it does not hold it"):
        Pruner(tiny(), {"*": "rows"}, 0.5).attach(torch.optim.SGD(tiny().parameters(), 0.1))


def test_attaching_twice_is_refused():
    model = tiny()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    pruner = Pruner(model, {"*": "rows"}, 0.5).attach(optimizer)
    with pytest.raises(PruneError, match="not attached, but it is; call detach"):
        pruner.attach(optimizer)


def test_a_sparse_gradient_is_refused():
    model = torch.nn.Embedding(8, 4, sparse=True)
    pruner = Pruner(model, {"weight": "rows"}, 0.5)
    model(torch.tensor([1])).sum().backward()
    with pytest.raises(PruneError, match="dense gradient of 'weight', but it is sparse; create the embedding with sparse=False"):
        pruner.before_step()


def test_movement_before_any_step_is_refused():
    with pytest.raises(PruneError, match="expected gradients of '0.weight' before movement scores are used.*OneShot.at=...."):
        Pruner(tiny(), {"*": "rows"}, 0.5, score="movement").prune()


def test_a_lower_ratio_is_refused():
    pruner = Pruner(tiny(), {"*": "rows"}, 0.5)
    pruner.prune()
    with pytest.raises(PruneError, match="ratio of at least 0.5, to which the weights are pruned already, but got 0.3"):
        pruner.prune(0.3)


def test_weights_that_diverged_are_refused():
    model = tiny()
    model[0].weight.data[3, 3] = math.nan
    with pytest.raises(PruneError, match="finite scores of '0.weight'.*diverged"):
        Pruner(model, {"*": "4x4"}, 0.5).prune()
    pruner = Pruner(tiny(), {"*": "4x4"}, 0.5)
    pruner.prune()
    pruner.targets[0].weight.data.fill_(math.inf)
    with pytest.raises(PruneError, match="finite weights, but '0.weight' holds NaN or infinity"):
        pruner.finalize()


def test_finalize_too_early_is_refused():
    with pytest.raises(PruneError, match="expected 9 steps before finalize, but got 0; train on, or call prune"):
        Pruner(tiny(), {"*": "rows"}, 0.5, schedule=OneShot(9)).finalize()


def test_use_after_finalize_is_refused():
    pruner = Pruner(tiny(), {"*": "rows"}, 0.5)
    pruner.finalize()
    for use in (pruner.finalize, pruner.prune, pruner.before_step, pruner.after_step):
        with pytest.raises(PruneError, match="finalize.. has been called; make a new one"):
            use()


@pytest.mark.parametrize("metric", [math.nan, math.inf])
def test_a_metric_that_is_not_finite_is_refused(metric):
    with pytest.raises(PruneError, match="expected a finite metric"):
        Pruner(tiny(), {"*": "rows"}, 0.5).observe(metric)


@pytest.mark.parametrize("arguments,message", [
    (dict(at=-1), "at least 0 steps, but got -1"),
])
def test_wrong_one_shots_are_refused(arguments, message):
    with pytest.raises(PruneError, match=message):
        OneShot(**arguments)


@pytest.mark.parametrize("arguments,message", [
    (dict(begin=-1, end=2), "begin after at least 0 steps, but got -1"), (dict(begin=5, end=5), "end after it begins at step 5, but got 5"),
    (dict(begin=0, end=5, every=0), "at least 1 step between prunings"), (dict(begin=0, end=5, power=0.0), "power above 0"),
])
def test_wrong_gradual_schedules_are_refused(arguments, message):
    with pytest.raises(PruneError, match=message):
        Gradual(**arguments)


@pytest.mark.parametrize("other,message", [
    (lambda: Pruner(tiny(), {"*": "rows"}, 0.5), "expected '[02].weight' with pattern rows, but the state has it with tile:5x4"),
    (lambda: Pruner(tiny(), {"0.weight": "5x4"}, 0.5), "'2.weight' with pattern dense, but the state has it with tile:5x4"),
    (lambda: Pruner(tiny(), {"*": "5x4"}, 0.6), "state with ratio 0.6, but it has 0.5"),
    (lambda: Pruner(tiny(), {"*": "5x4"}, 0.5, score="fisher"), "state with score fisher, but it has magnitude"),
    (lambda: Pruner(tiny(), {"*": "5x4"}, 0.5, regularizer=ADMM()), "state with regularizer admm, but it has None"),
    (lambda: Pruner(torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Tanh(), torch.nn.Linear(3, 3)), {"*": "5x4"}, 0.5),
     r"masks of \(1, 1\) blocks for '0.weight', but the state has \(4, 3\)"),
])
def test_the_state_of_another_pruner_is_refused(other, message):
    state = Pruner(tiny(), {"*": "5x4"}, 0.5).state_dict()
    with pytest.raises(CheckpointError, match=message):
        other().load_state_dict(state)


def test_a_state_of_another_format_is_refused():
    pruner = Pruner(tiny(), {"*": "5x4"}, 0.5)
    with pytest.raises(CheckpointError, match="format 1, but got 7"):
        pruner.load_state_dict({**pruner.state_dict(), "format": 7})
