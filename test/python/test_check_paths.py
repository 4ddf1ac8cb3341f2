#===- test_check_paths.py - How et.check follows paths, and what it says of them -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Branches, values that depend on data, loops, training steps; the report."""

import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import et

X = {"x": ("batch", 8)}


def test_branch_on_a_size_makes_two_paths():
    def forward(x):
        if x.shape[0] > 5:
            return x.view(-1, 7)
        return x.view(-1, 8)

    report = et.check(forward, X)
    [good], [bad] = report.of("valid"), report.invalid
    assert good.conditions[0].startswith("batch <= 5") and bad.conditions[0].startswith("batch > 5")
    assert bad.example["batch"] > 5 and bad.example["batch"] % 7 and not bad.every_size
    assert bad.frame.source == "return x.view(-1, 7)"


def test_branch_that_pytorch_has_answered_is_still_one():
    # A convolution asks whether a batch has 16 images or more, or one: after that the branch is no question.
    conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(x):
        y = conv(x)
        if x.shape[0] > 4:
            y = y.mean(0, keepdim=True)
        return torch.cat([x, y], dim=1)

    report = et.check(forward, {"x": ("batch", 3, "height", "width")})
    [good], [bad] = report.of("valid"), report.invalid
    assert len(report.paths) == 2
    assert good.conditions[0].startswith("batch <= 4") and bad.conditions[0].startswith("batch > 4") and bad.every_size


def test_common_factors_of_a_quotient_cancel():
    def forward(x):
        if x.shape[1] % 2:
            return x
        return x.view(x.shape[0], -1, 2)

    report = et.check(forward, {"x": ("rows", "columns")})
    assert report.verdict == "valid" and len(report.of("valid")) == 2


def test_contradictory_branch_is_unreachable():
    def forward(x, y):
        if x.shape[0] > y.shape[0]:
            if y.shape[0] > x.shape[0] + 3:
                return x.view(3)
        return x

    report = et.check(forward, {"x": ("a", 8), "y": ("b", 8)})
    assert report.verdict == "valid" and len(report.of("valid")) == 2
    [path] = report.of("unreachable")
    assert path.frame.source == "if y.shape[0] > x.shape[0] + 3:" and len(path.conditions) == 2


def test_every_size_of_a_branch_is_bad_though_others_are_good():
    def forward(x):
        return x @ torch.ones(9, 2) if x.shape[0] == 3 else x

    report = et.check(forward, X)
    [path] = report.invalid
    assert path.every_size and path.example == {"batch": 3} and report.of("valid")


def test_branch_on_a_float_value_is_followed_both_ways():
    def forward(x):
        if x.mean().item() > 0.5:
            return x
        return x.view(-1, 3)

    report = et.check(forward, X)
    [path] = report.invalid
    assert "the branch on a value" in path.conditions[0] and "is not taken" in path.conditions[0]
    assert "is taken" in report.of("valid")[0].conditions[0]


def test_branch_on_any_is_followed_both_ways():
    def forward(x):
        return x if (x > 0).any() else x + torch.ones(7)

    report = et.check(forward, X)
    assert report.invalid[0].every_size and report.of("valid")


def test_demand_on_a_value_is_undecidable():
    def forward(x, lengths):
        size = lengths.max().item()
        return x[:, 0].view(-1, size)

    report = et.check(forward, {"x": ("batch", 8), "lengths": ("batch", torch.int64)})
    assert report.verdict == "undecidable" and report.ok
    assert "it depends on a value that only a run gives" in report.of("undecidable")[0].reason


def test_number_of_nonzeros_is_followed():
    def forward(x):
        rows = x[:, 0].nonzero().squeeze(1)
        return x[rows].view(-1, 8) + 1

    assert et.check(forward, X).verdict == "valid"


def test_loop_over_a_size_is_followed_for_a_few_values():
    def forward(x):
        total = 0
        for row in range(x.shape[0]):
            total = total + x[row]
        return total

    report = et.check(forward, X)
    assert report.verdict == "undecidable"
    assert "values of this size were followed" in report.of("undecidable")[0].reason
    assert any("exact value" in remark for remark in report.remarks)


def test_bounded_loop_is_followed_whole():
    def forward(x):
        for row in range(x.shape[0]):
            x = x + x[row]
        return x

    assert et.check(forward, X, max={"batch": 3}).verdict == "valid"


def test_value_error_of_the_user_counts():
    def forward(x):
        if x.shape[0] % 4:
            raise ValueError("the batch must be a multiple of 4")
        return x

    [path] = et.check(forward, X).invalid
    assert path.error == "ValueError: the batch must be a multiple of 4"
    assert path.frame.source.startswith("raise ValueError") and path.example["batch"] % 4


def test_assertion_of_the_user_counts():
    def forward(x, y):
        assert x.shape == y.shape
        return x + y

    report = et.check(forward, {"x": ("a", 8), "y": ("b", 8)})
    assert report.invalid[0].error.startswith("AssertionError") and report.invalid[0].frame.source.startswith("assert")


def test_two_faults_are_both_reported():
    def forward(x):
        x = x.view(-1, 6).view(-1, 8)
        return x @ torch.ones(9, 2)

    report = et.check(forward, X)
    assert {path.frame.source for path in report.invalid} == {"x = x.view(-1, 6).view(-1, 8)", "return x @ torch.ones(9, 2)"}


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(x)


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Inner(), Inner()])

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def test_stack_and_modules_lead_to_the_fault():
    [path] = et.check(Outer(), X).invalid
    assert path.modules == ("Outer", "blocks.1", "blocks.1.fc")
    assert path.frame.source == "return self.fc(x)" and path.frame.function == "forward"
    assert [frame.source for frame in path.stack] == ["x = block(x)", "return self.fc(x)"]


def test_training_step_with_an_optimizer():
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    shapes = {"x": ("batch", 8), "y": ("batch", torch.int64)}
    [path] = et.check(step, shapes).invalid
    assert path.example == {"batch": 1} and "more than 1 value per channel" in path.error
    assert et.check(step, shapes, min={"batch": 2}).verdict == "valid"


def test_module_is_left_as_it_was():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    seed = torch.random.get_rng_state()
    et.check(model, [("batch", 3, 8, 8)])
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(type(value) is torch.Tensor for value in model.state_dict().values())
    assert all(parameter.grad is None for parameter in model.parameters()) and torch.equal(seed, torch.random.get_rng_state())


def test_cache_and_hooks_of_a_module_are_undone():
    class Cached(nn.Module):
        def __init__(self):
            super().__init__()
            self.cache, self.calls, self.fc = None, [], nn.Linear(8, 8)

        def forward(self, x):
            if self.cache is None:
                self.cache = torch.zeros(x.shape[0], 8)
                self.fc.register_forward_hook(lambda module, args, output: output[:, :4])
            self.calls.append(x)
            return self.fc(x) + self.cache[:, :4]

    model = Cached()
    assert et.check(model, X).verdict == "valid"
    assert model.cache is None and model.calls == [] and not model.fc._forward_hooks


def test_modules_may_not_grow_fake_gradients():
    model = nn.Linear(8, 2)
    et.check(lambda x: model(x).sum().backward(), X)
    assert model.weight.grad is None


def test_raise_if_invalid_carries_the_report():
    report = et.check(nn.Linear(9, 2), [("batch", 8)])
    with pytest.raises(et.ShapeError, match="invalid for every size") as error:
        report.raise_if_invalid()
    assert error.value.report is report
    et.check(nn.Linear(8, 2), [("batch", 8)]).raise_if_invalid()


def test_report_as_text_and_json():
    report = et.check(Outer(), X)
    text = str(report)
    assert text.startswith("invalid: 1 path (1 invalid)") and "return self.fc(x)" in text and "in module blocks.1.fc" in text
    data = json.loads(json.dumps(report.to_json()))
    [path] = data["paths"]
    assert path["verdict"] == "invalid" and path["every_size"] and path["at"]["source"] == "return self.fc(x)"


def test_program_of_a_path_names_sizes_demands_and_lines():
    def forward(x, y):
        if x.shape[0] > 5:
            return x
        return torch.cat([x, y], dim=1)

    program = et.check(forward, {"x": ("batch", 8), "y": ("other", 8)}, min={"other": 2}, max={"other": 9}).program
    assert '%other: index {et.dim = "other", et.min = 2 : i64, et.max = 9 : i64}' in program
    assert "scf.if" in program and "cf.assert" in program and "test_check_paths.py" in program


def test_notes_of_kernels_are_no_demands():
    def forward(q):
        return F.scaled_dot_product_attention(q, q, q)

    report = et.check(forward, [("batch", 2, "sequence", 24)])
    assert report.verdict == "valid"
    assert any("query length" in note.message for note in report.notes) and any("head size" in note.message and "24" in note.message for note in report.notes)
    assert not et.check(forward, [("batch", 2, "16*blocks", 32)]).notes


def test_limit_of_runs_is_said():
    def forward(x):
        for bound in range(20):
            if x.shape[0] > 2 * bound:
                x = x + 1
        return x

    report = et.check(forward, X, max_runs=3)
    assert any("stopped after 3 runs; raise max_runs" in path.reason for path in report.of("undecidable"))
    assert et.check(forward, X).verdict == "valid"


def test_limit_of_seconds_is_said():
    report = et.check(lambda x: x if x.shape[0] > 2 else x + 1, X, max_seconds=1e-9)
    assert any("seconds; raise" in path.reason for path in report.of("undecidable"))


def test_what_fake_tensors_cannot_follow_is_undecidable():
    report = et.check(lambda x: torch.from_numpy(x.numpy()), X)
    assert report.verdict == "undecidable" and report.of("undecidable")[0].reason


@pytest.mark.parametrize("layer", [nn.LSTM(8, 4, 2, bidirectional=True), nn.GRU(8, 4), nn.RNN(8, 4, batch_first=True), nn.LSTM(8, 4, proj_size=3)])
def test_results_of_recurrent_layers_have_pytorchs_sizes(layer):
    sizes = []

    def forward(x):
        output, state = layer(x)
        state = state if isinstance(state, tuple) else (state,)
        sizes.append([tuple(int(size) for size in tensor.shape) for tensor in (output, *state)])
        return output

    assert et.check(forward, [(5, 3, 8)]).verdict == "valid"
    forward(torch.zeros(5, 3, 8))
    assert sizes[0] == sizes[-1]


def test_packed_sequences_are_followed():
    lstm = nn.LSTM(8, 16)

    def forward(data, lengths):
        packed = nn.utils.rnn.PackedSequence(data, lengths)
        return lstm(packed)[0].data @ torch.zeros(16, 2)

    report = et.check(forward, [("tokens", 8), torch.tensor([3, 2])])
    # How many sequences there are is a value of the lengths.
    assert report.verdict == "undecidable" and "only a run gives" in report.paths[0].reason, str(report)
