#===- test_prune_methods.py - Group lasso, ADMM and distillation against their formulas -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Gradients against autograd, updates against the formulas, the rule for lambda, and what is refused."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from et.prune import ADMM, Distiller, GroupLasso, OneShot, PruneError, Pruner
from et.prune.patterns import Pattern
from et.prune.regularizers import Target

PATTERNS = ["3x5", "16x16", "rows", "columns", "irregular", "1x1"]


def target(pattern: str = "3x5", shape: tuple[int, int] = (13, 7), seed: int = 0) -> Target:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Target("w", torch.nn.Parameter(weight), Pattern.parse(pattern))


def keep_all(values):
    return {name: torch.ones_like(v, dtype=torch.bool) for name, v in values.items()}


# ---- group lasso -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_gradient_of_group_lasso_is_that_of_autograd(pattern):
    t = target(pattern)
    lasso = GroupLasso(0.3)
    lasso.bind([t], keep_all)
    t.weight.data.add_(0.1)  # beta stays that of the weights before
    (expected,) = torch.autograd.grad(lasso.penalty(), t.weight)
    torch.testing.assert_close(lasso.gradient(t), expected, rtol=1e-12, atol=1e-14)


def test_the_penalty_of_group_lasso_is_the_formula():
    t = target("3x5")
    lasso = GroupLasso(0.3, epsilon=0.01)
    lasso.bind([t], keep_all)
    total = 0.0
    for i in range(0, 13, 3):
        for j in range(0, 7, 5):
            norm = math.sqrt(float((t.weight.detach()[i : i + 3, j : j + 5] ** 2).sum()))
            total += 0.3 * norm / (norm + 0.01)
    assert lasso.penalty().item() == pytest.approx(total, rel=1e-6)


def test_a_block_of_zeros_has_no_gradient_and_no_nan():
    t = target("3x5")
    t.weight.data[:3, :5] = 0
    lasso = GroupLasso(0.3)
    lasso.bind([t], keep_all)
    (expected,) = torch.autograd.grad(lasso.penalty(), t.weight)
    assert (lasso.gradient(t)[:3, :5] == 0).all() and (expected[:3, :5] == 0).all()


def test_beta_is_computed_at_milestones_only():
    t = target("rows")
    lasso = GroupLasso(1.0, milestones=(3,))
    lasso.bind([t], keep_all)
    before = lasso.penalty().item()
    t.weight.data.mul_(2)
    for step in (1, 2):
        lasso.after_step(step)
        assert lasso.penalty().item() == pytest.approx(2 * before)
    lasso.after_step(3)
    assert lasso.penalty().item() == pytest.approx(13.0, rel=1e-2)  # each of 13 rows about |W| / |W|


def test_lambda_rises_until_the_metric_drops():
    t = target("rows")
    lasso = GroupLasso(1.0, milestones=(1, 2, 3, 4), raise_factor=2.0, max_drop=0.05)
    lasso.bind([t], keep_all)
    scales = []
    for step, metric in enumerate((0.9, 0.86, 0.84, 0.9), 1):
        lasso.observe(metric)
        lasso.after_step(step)
        scales.append(lasso.scale)
    assert scales == [2.0, 4.0, 4.0, 4.0]  # 0.84 is more than 0.05 below 0.9: no more, even after it recovers


def test_lambda_by_name():
    first, second = target("rows"), Target("other", target(seed=1).weight, Pattern.parse("rows"))
    lasso = GroupLasso({"w": 0.0, "*": 1.0})
    lasso.bind([first, second], keep_all)
    assert (lasso.gradient(first) == 0).all() and (lasso.gradient(second) != 0).all()


def test_a_weight_without_lambda_is_refused():
    with pytest.raises(PruneError, match="factor of group lasso for 'w', but none of v matches; add"):
        GroupLasso({"v": 1.0}).bind([target()], keep_all)


@pytest.mark.parametrize("arguments,message", [
    (dict(lam=-1.0), "factors of group lasso of at least 0, but got -1.0"), (dict(lam={"a": -1.0}), "at least 0"),
    (dict(epsilon=0.0), "epsilon above 0, but got 0.0"), (dict(raise_factor=0.5), "raise_factor to be at least 1, but got 0.5"),
    (dict(max_drop=-0.1), "max_drop to be at least 0"), (dict(milestones=(0,)), "milestones that rise from step 1 on"),
    (dict(milestones=(3, 2)), "milestones that rise"), (dict(milestones=(2, 2)), "milestones that rise"),
])
def test_wrong_options_of_group_lasso_are_refused(arguments, message):
    with pytest.raises(PruneError, match=message):
        GroupLasso(**arguments)


def test_group_lasso_shrinks_blocks_in_training_and_ends_with_the_schedule():
    torch.manual_seed(0)
    model = torch.nn.Linear(8, 8, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    pruner = Pruner(model, {"weight": "2x2"}, 0.5, regularizer=GroupLasso(0.05), schedule=OneShot(5)).attach(optimizer)
    norms = []
    for step in range(8):
        model.weight.grad = torch.zeros_like(model.weight)  # nothing but the regulariser moves the weights
        optimizer.step()
        norms.append(model.weight.norm().item())
    assert norms[0] > norms[1] > norms[2] > norms[3] > norms[4]
    assert norms[4] == norms[5] == norms[7]


# ---- ADMM ------------------------------------------------------------------------------------------------------------


def keep_large(values):
    """Keeps what is above 0.5 in magnitude."""
    return {name: v.abs() > 0.5 for name, v in values.items()}


def test_admm_follows_the_formula():
    t = target()
    admm = ADMM(0.25, every=2)
    admm.bind([t], keep_large)
    w0 = t.weight.detach().clone()
    z = torch.where(w0.abs() > 0.5, w0, 0.0)
    u = torch.zeros_like(w0)
    torch.testing.assert_close(admm.gradient(t), 0.25 * (w0 - z + u), rtol=0, atol=1e-15)
    t.weight.data.mul_(0.9)
    admm.after_step(1)  # not due
    torch.testing.assert_close(admm.gradient(t), 0.25 * (w0 * 0.9 - z), rtol=0, atol=1e-15)
    for step in (2, 4):
        t.weight.data.add_(0.05)
        w = t.weight.detach()
        z = torch.where((w + u).abs() > 0.5, w + u, 0.0)
        u = u + w - z
        admm.after_step(step)
        torch.testing.assert_close(admm.gradient(t), 0.25 * (w - z + u), rtol=0, atol=1e-14)


def test_the_gradient_of_admm_is_that_of_autograd():
    t = target()
    admm = ADMM(0.25)
    admm.bind([t], keep_large)
    t.weight.data.add_(0.1)
    (expected,) = torch.autograd.grad(admm.penalty(), t.weight)
    torch.testing.assert_close(admm.gradient(t), expected, rtol=1e-12, atol=1e-15)


def test_admm_projects_on_the_patterns_of_the_pruner():
    torch.manual_seed(0)
    model = torch.nn.Linear(8, 8, bias=False)
    admm = ADMM(1.0)
    pruner = Pruner(model, {"weight": "2x2"}, 0.5, regularizer=admm, schedule=OneShot(5))
    gone = Pattern.parse("2x2").norms(admm.gradient(pruner.targets[0])) > 0
    assert int(gone.sum()) == 8
    pruner.prune()
    assert torch.equal(gone, ~pruner.kept["weight"])


@pytest.mark.parametrize("arguments,message", [
    (dict(rho=0.0), "rho to be above 0, but got 0.0"), (dict(rho=-1.0), "rho to be above 0"), (dict(every=0), "at least 1 step between updates of ADMM"),
])
def test_wrong_options_of_admm_are_refused(arguments, message):
    with pytest.raises(PruneError, match=message):
        ADMM(**arguments)


# ---- distillation ----------------------------------------------------------------------------------------------------


def outputs(seed: int, classes: int = 3, layers: int = 2) -> SimpleNamespace:
    g = torch.Generator().manual_seed(seed)
    return SimpleNamespace(logits=torch.randn(4, classes, generator=g), hidden_states=[torch.randn(4, 5, 6, generator=g) for _ in range(layers)])


def distiller(**options: float) -> Distiller:
    return Distiller(torch.nn.Identity(), **options)


def test_the_loss_against_itself_is_zero():
    assert float(distiller().loss(outputs(0), outputs(0))) == pytest.approx(0, abs=1e-6)


def test_the_logits_term_is_the_divergence():
    mine, theirs = outputs(0), outputs(1)
    p, q = torch.softmax(theirs.logits / 3, -1), torch.softmax(mine.logits / 3, -1)
    expected = 9 * (p * (p / q).log()).sum(-1).mean()
    assert float(distiller(hidden=0, temperature=3.0).loss(mine, theirs)) == pytest.approx(float(expected), rel=1e-5)


def test_one_output_is_compared_by_squared_error():
    mine, theirs = outputs(0, classes=1), outputs(1, classes=1)
    expected = (mine.logits - theirs.logits).square().mean()
    assert float(distiller(hidden=0).loss(mine, theirs)) == pytest.approx(float(expected))


def test_padding_does_not_count():
    mine, theirs = outputs(0), outputs(0)
    mask = torch.tensor([[1, 1, 1, 0, 0]] * 4)
    theirs.hidden_states = [h.clone() for h in theirs.hidden_states]
    for h in theirs.hidden_states:
        h[:, 3:] += 100
    assert float(distiller(logits=0).loss(mine, theirs, mask)) == 0
    mine.hidden_states[0][:, 0] += 2
    expected = 4 * 6 * 4 / float(outputs(0).hidden_states[0][:, :3].square().sum()) / 2
    assert float(distiller(logits=0).loss(mine, theirs, mask)) == pytest.approx(expected, rel=1e-5)


def test_the_hidden_term_is_relative():
    mine, theirs = outputs(0), outputs(1)
    before = float(distiller(logits=0).loss(mine, theirs))
    for states in (mine.hidden_states, theirs.hidden_states):
        states[:] = [h * 1e-3 for h in states]
    assert float(distiller(logits=0).loss(mine, theirs)) == pytest.approx(before, rel=1e-5)


def test_a_teacher_of_zeros_gives_no_nan():
    mine, theirs = outputs(0), outputs(0)
    theirs.hidden_states = [torch.zeros_like(h) for h in theirs.hidden_states]
    mine.hidden_states = [torch.zeros_like(h) for h in mine.hidden_states]
    assert float(distiller(logits=0).loss(mine, theirs)) == 0


def test_the_teacher_is_frozen():
    teacher = torch.nn.Linear(2, 2).train()
    Distiller(teacher)
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())


@pytest.mark.parametrize("arguments,message", [
    (dict(logits=-1.0), "weight of logits to be at least 0"), (dict(hidden=-1.0), "weight of hidden to be at least 0"),
    (dict(temperature=0.0), "temperature above 0, but got 0.0"),
])
def test_wrong_options_of_distillation_are_refused(arguments, message):
    with pytest.raises(PruneError, match=message):
        distiller(**arguments)


def test_outputs_that_do_not_fit_are_refused():
    without = SimpleNamespace(logits=None, hidden_states=None)
    with pytest.raises(PruneError, match="'logits' to distill from, but there are none, or set the weight of logits to 0"):
        distiller(hidden=0).loss(without, outputs(0))
    with pytest.raises(PruneError, match="'hidden_states'.*output_hidden_states=True"):
        distiller(logits=0).loss(without, outputs(0))
    with pytest.raises(PruneError, match=r"logits of student and teacher to agree, but got \(4, 3\) and \(4, 2\)"):
        distiller().loss(outputs(0), outputs(0, classes=2))
    with pytest.raises(PruneError, match="as many hidden states of student and teacher, but got 2 and 3"):
        distiller(logits=0).loss(outputs(0), outputs(0, layers=3))
    odd = outputs(0)
    odd.hidden_states = [h[:, :4] for h in odd.hidden_states]
    with pytest.raises(PruneError, match="hidden states 0 of student and teacher to agree"):
        distiller(logits=0).loss(odd, outputs(0))
