"""torch.compile(backend="et"): what runs compiled, what runs eagerly, and that answers are PyTorch's own."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import warnings
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch

import et
from et.torch_backend import record

pytestmark = pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()
    record.reset()
    torch.manual_seed(0)
    with torch.no_grad():
        yield
    torch._dynamo.reset()


def leaves(value: Any) -> list[torch.Tensor]:
    return [v for v in torch.utils._pytree.tree_leaves(value) if isinstance(v, torch.Tensor)]


def same(want: Any, got: Any, tolerance: float = 1e-5) -> None:
    assert type(want) is type(got)
    wanted, found = torch.utils._pytree.tree_flatten(want), torch.utils._pytree.tree_flatten(got)
    assert wanted[1] == found[1]
    for a, b in zip(wanted[0], found[0], strict=True):
        if not isinstance(a, torch.Tensor):
            assert a == b
            continue
        assert (a.shape, a.dtype, a.stride()) == (b.shape, b.dtype, b.stride())
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


class Block(torch.nn.Module):
    """A small encoder layer with attention."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.qkv = torch.nn.Linear(width, 3 * width)
        self.out = torch.nn.Linear(width, width)
        self.norm = torch.nn.LayerNorm(width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        b, s, w = x.shape
        q, k, v = (t.view(b, s, 4, w // 4).transpose(1, 2) for t in self.qkv(x).chunk(3, -1))
        if mask is not None:
            mask = mask[:, None, None, :].bool()
        y = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.norm(x + self.out(y.transpose(1, 2).reshape(b, s, w)))


# ---------------------------------------------------------------------------------------------------------------------
# What runs compiled
# ---------------------------------------------------------------------------------------------------------------------


def test_module_runs_as_one_program():
    model = Block().eval()
    compiled = torch.compile(model, backend="et")
    for b, s in ((3, 9), (2, 32), (1, 7)):
        x = torch.randn(b, s, 32)
        same(model(x), compiled(x))
    report = et.torch_backend.report(compiled)
    assert report.share == 1 and report.programs_compiled == 1 and len(report.graphs) == 1
    assert "100 %" in str(report) and "scaled_dot_product_attention" in str(report)
    assert not report.graphs[0].eager


def test_random_batches_and_lengths_compile_once_or_twice():
    model = Block().eval()
    compiled = torch.compile(model, backend="et")
    generator = random.Random(1)
    for _ in range(200):
        b, s = generator.randint(1, 16), generator.randint(2, 48)
        x, mask = torch.randn(b, s, 32), torch.ones(b, s, dtype=torch.int64)
        mask[0, s // 2 + 1:] = 0
        same(model(x, mask), compiled(x, mask))
    report = et.torch_backend.report(compiled)
    assert report.programs_compiled <= 2 and len(report.graphs) <= 2


@pytest.mark.parametrize("arguments", [{"dynamic": False}, {"options": {"dynamic": "torch"}}])
def test_dynamic_sizes_can_be_left_to_torch(arguments):
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU()).eval()
    compiled = torch.compile(model, backend="et", **arguments)
    for n in (3, 4):
        same(model(torch.ones(n, 8)), compiled(torch.ones(n, 8)))
    assert len(et.torch_backend.report(compiled).graphs) == 2


def test_functions_methods_and_module_compile():
    weight = torch.randn(16, 16)

    def function(x, *, scale=2.0):
        return torch.relu(x @ weight) * scale

    compiled = torch.compile(function, backend="et")
    x = torch.randn(5, 16)
    same(function(x, scale=3.0), compiled(x, scale=3.0))
    assert et.torch_backend.report(compiled).share == 1
    model = Block().eval()
    x = torch.randn(2, 5, 32)
    want = model(x)
    model.compile(backend="et")
    same(want, model(x))
    assert et.torch_backend.report(model).share == 1
    torch._dynamo.reset()
    other = Block().eval()
    want = other(x)
    other.forward = torch.compile(other.forward, backend="et")
    same(want, other(x))
    assert et.torch_backend.report(other.forward).share == 1


class User(torch.nn.Module):
    """What people write: a loop, a print, NumPy, and a branch on data."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(16, 16), torch.nn.Linear(16, 16)

    def forward(self, x, choice):
        for _ in range(3):
            x = torch.relu(self.first(x))
        print("shape", tuple(x.shape))
        total = float(np.asarray(x.numpy()).sum())
        if choice > 0:
            x = self.second(x)
        else:
            x = self.first(x) - 1
        return {"out": x, "total": total, "none": None, "parts": (x, x[0])}


def test_python_in_between_never_fails(capsys):
    model = User().eval()
    compiled = torch.compile(model, backend="et")
    for i in range(9):
        x, choice = torch.randn(3 + i, 16), torch.tensor(i % 2)
        want, got = model(x, choice), compiled(x, choice)
        assert abs(want.pop("total") - got.pop("total")) < 1e-3
        same(want, got)
        assert got["parts"][0] is got["out"] and got["parts"][1].data_ptr() == got["out"].data_ptr()
    assert capsys.readouterr().out.count("shape") == 18
    report = et.torch_backend.report(compiled)
    # Both ways of the branch are there, and nothing was compiled again once each was seen.
    assert report.share == 1 and report.graph_breaks >= 3 and report.programs_compiled == 3
    assert "test_torch_backend.py" in str(report) and not any(g.shortcuts for g in report.graphs)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_types(dtype):
    model = Block().eval().to(dtype)
    compiled = torch.compile(model, backend="et")
    x = torch.randn(2, 5, 32).to(dtype)
    same(model(x), compiled(x), {torch.float16: 2e-3, torch.bfloat16: 2e-2, torch.float64: 1e-7}[dtype])


def test_results_share_memory_as_in_pytorch():
    def function(x, w):
        y = (x @ w).relu()
        x.add_(1)
        return y, y.view(-1), x.t(), x @ w, x, y[1:]

    compiled = torch.compile(function, backend="et")
    for n in (3, 5):
        x, w = torch.randn(n, n), torch.randn(n, n)
        mine = x.clone()
        want, got = function(x, w), compiled(mine, w)
        same(want, got)
        assert torch.equal(x, mine) and got[4] is mine
        assert got[2].data_ptr() == mine.data_ptr() and got[1].data_ptr() == got[0].data_ptr()
        assert got[5].data_ptr() == got[0][1:].data_ptr()


def test_inputs_of_any_layout():
    model = torch.nn.Sequential(torch.nn.Linear(7, 16), torch.nn.GELU(), torch.nn.Linear(16, 3)).eval()
    compiled = torch.compile(model, backend="et")
    x = torch.randn(9, 7)
    for value in (x, x[1:], x[::2], x.t().contiguous().t(), x[:1].expand(4, 7), torch.randn(0, 7), x[3:4]):
        same(model(value), compiled(value))


def test_one_tensor_given_twice():
    weight = torch.randn(8, 8)
    compiled = torch.compile(lambda a, b: (a @ weight) + b, backend="et")
    x, y = torch.randn(3, 8), torch.randn(3, 8)
    for a, b in ((x, y), (x, x), (y, x)):
        same((a @ weight) + b, compiled(a, b))


def test_results_in_the_memory_order_of_pytorch():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 4, 4), torch.nn.ReLU()).eval()
    compiled = torch.compile(lambda x: model(x).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2), backend="et")
    x = torch.randn(2, 3, 16, 16)
    got = compiled(x)
    assert got.stride() == (128, 1, 32, 8)
    torch.testing.assert_close(got, model(x), rtol=1e-5, atol=1e-5)


# ---------------------------------------------------------------------------------------------------------------------
# Weights
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shortcut", [True, False])
def test_changed_weights_are_seen(shortcut):
    model = Block().eval()
    compiled = torch.compile(model, backend="et", options={"shortcut": shortcut})
    x = torch.randn(2, 5, 32)
    for _ in range(3):
        same(model(x), compiled(x))

    def step():
        with torch.enable_grad():
            model(x).sum().backward()
        torch.optim.SGD(model.parameters(), 0.1).step()

    for change in (step, lambda: model.qkv.weight.mul_(2), lambda: model.load_state_dict(Block().state_dict()),
                   lambda: setattr(model.out, "weight", torch.nn.Parameter(torch.randn(32, 32))),
                   lambda: setattr(model.out.weight, "data", torch.randn(32, 32))):
        before = compiled(x).clone()
        change()
        after = compiled(x)
        assert not torch.allclose(before, after)
        same(model(x), after)
    assert et.torch_backend.report(compiled).graphs[0].updates == 5


def test_modules_that_share_a_graph_keep_their_programs():
    layers = [Block().eval() for _ in range(3)]
    x = torch.randn(2, 5, 32)
    for layer in layers:
        layer.compile(backend="et")
    for _ in range(3):
        for layer in layers:
            same(layer.forward(x), layer(x))
    graphs = record.graphs()
    assert len(graphs) == 1 and graphs[0].programs_compiled == 3 and graphs[0].updates == 0
    layers[1].qkv.weight.mul_(2)
    for layer in layers:
        same(layer.forward(x), layer(x))
    assert graphs[0].programs_compiled == 4 and graphs[0].updates == 1


def test_weights_that_keep_changing_end_compilation():
    model = torch.nn.Linear(8, 8).eval()
    compiled = torch.compile(model, backend="et", options={"updates": 2})
    x = torch.randn(2, 8)
    compiled(x)
    for _ in range(2):
        model.weight.mul_(2)
        same(model(x), compiled(x))
    model.weight.mul_(2)
    with pytest.warns(UserWarning, match="its weights changed more than 2 times, the last time 'weight'"):
        same(model(x), compiled(x))
    model.weight.mul_(2)
    same(model(x), compiled(x))
    assert et.torch_backend.report(compiled).share == 0


def test_pruned_weights_are_used():
    model = torch.nn.Linear(512, 512).eval()
    kept = torch.rand(8, 32) < 0.2
    model.weight.mul_(kept.repeat_interleave(64, 0).repeat_interleave(16, 1))
    compiled = torch.compile(model, backend="et")
    x = torch.randn(64, 512)
    same(model(x), compiled(x), 1e-4)
    remarks = " ".join(et.torch_backend.report(compiled).graphs[0].compiled[0].remarks)
    assert "encode" in remarks and "weight" in remarks, remarks


# ---------------------------------------------------------------------------------------------------------------------
# The shortcut
# ---------------------------------------------------------------------------------------------------------------------


class Named(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = Block()
        self.scale = 1.0
        self.settings = {"shift": 0.0, "list": [1.0]}

    def forward(self, x, flag=None):
        y = self.block(x) * self.scale + self.settings["shift"] + self.settings["list"][0]
        return OrderedDict(y=y, sum=y.sum(1), flag=flag)


def test_shortcut_is_taken_and_left():
    model = Named().eval()
    compiled = torch.compile(model, backend="et")
    x = torch.randn(2, 5, 32)
    for _ in range(5):
        same(model(x), compiled(x))
    graph = record.graphs(compiled.dynamo_ctx)[0]
    if "is not numbered" in graph.shortcut or "number its changes" in graph.shortcut:
        pytest.skip("this Python does not number changes of dictionaries")
    assert graph.shortcuts == 3 and "taken" in graph.shortcut

    for change in (lambda: setattr(model, "scale", 3.0), lambda: model.settings.update(shift=2.0),
                   lambda: model.settings["list"].__setitem__(0, 5.0), lambda: setattr(model.block, "norm", torch.nn.LayerNorm(32).eval()),
                   lambda: setattr(Block, "extra", 1), lambda: model.register_forward_pre_hook(lambda module, args: (args[0] * 2,))):
        change()
        for _ in range(3):
            same(model(x), compiled(x))
    del Block.extra
    # Other arguments, other modes.
    same(model(x, flag="a"), compiled(x, flag="a"))
    same(model(x[:1], flag="a"), compiled(x[:1], flag="a"))
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = compiled(x)["y"]
        assert result.requires_grad
    same(model(x), compiled(x))


class Counting(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = Block()
        self.seen = []

    def forward(self, x):
        self.seen.append(x.shape[0])
        return self.block(x)


def test_no_shortcut_past_effects():
    model = Counting().eval()
    compiled = torch.compile(model, backend="et")
    x = torch.randn(2, 5, 32)
    for _ in range(4):
        compiled(x)
    assert len(model.seen) == 4
    graphs = record.graphs(compiled.dynamo_ctx)
    assert not any(g.shortcuts for g in graphs)


def test_threads():
    model = Block().eval()
    compiled = torch.compile(model, backend="et")
    compiled(torch.randn(2, 5, 32))
    wrong: list[int] = []

    def work(seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for _ in range(50):
                x = torch.randn(2 + seed, 5, 32, generator=generator)
                if not torch.allclose(model(x), compiled(x), atol=1e-5):
                    wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ---------------------------------------------------------------------------------------------------------------------
# What runs eagerly, and why
# ---------------------------------------------------------------------------------------------------------------------


def reasons(compiled: Any) -> str:
    graphs = et.torch_backend.report(compiled).graphs
    return " | ".join([g.refused for g in graphs] + [e.reason for g in graphs for e in g.eager])


def test_operators_without_a_rule_split_the_graph():
    first, second = torch.nn.Linear(16, 16), torch.nn.Linear(16, 16)

    def function(x):
        return second(torch.fft.fft(first(x)).real.contiguous()), x.new_zeros(3)

    compiled = torch.compile(function, backend="et")
    for n in (4, 6):
        x = torch.randn(n, 16)
        same(function(x), compiled(x))
    report = et.torch_backend.report(compiled)
    assert report.share == 1 and len(report.graphs[0].compiled) == 2
    assert any("fft" in name for e in report.graphs[0].eager for name, _ in e.operators)
    assert "test_torch_backend.py" in report.graphs[0].eager[0].location


def test_training_runs_eagerly():
    model = Block()
    compiled = torch.compile(model, backend="et")
    with torch.enable_grad():
        with pytest.warns(UserWarning, match="runs eagerly: gradients may be asked for"):
            result = compiled(torch.randn(2, 5, 32))
        result.sum().backward()
    assert model.qkv.weight.grad is not None
    assert "torch.no_grad()" in reasons(compiled)


def test_autocast_runs_eagerly():
    model = Block().eval()
    compiled = torch.compile(model, backend="et")
    x = torch.randn(2, 5, 32)
    with torch.autocast("cpu", torch.bfloat16), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same(model(x), compiled(x), 2e-2)
    assert "autocast is on for cpu" in reasons(compiled)


def test_random_numbers_stay_pytorchs():
    first, second = torch.nn.Linear(16, 16), torch.nn.Linear(16, 16)

    def function(x):
        return torch.nn.functional.dropout(second(torch.nn.functional.dropout(first(x), 0.5)), 0.3) + torch.rand_like(x)

    compiled = torch.compile(function, backend="et")
    x = torch.randn(5, 16)
    compiled(x)
    torch.manual_seed(3)
    want = function(x)
    torch.manual_seed(3)
    same(want, compiled(x))
    assert "draws random numbers" in reasons(compiled)


@pytest.mark.parametrize("where", ["import_captured", "compile_text"])
def test_errors_of_the_compiler_reach_nobody(monkeypatch, where):
    from et.torch_backend import build

    def fail(*_, **__):
        raise et.CompileError("something is wrong")

    monkeypatch.setattr(build, where, fail)
    model = torch.nn.Linear(8, 24).eval()
    compiled = torch.compile(model, backend="et")
    x = torch.randn(2, 8)
    with pytest.warns(UserWarning, match="something is wrong"):
        same(model(x), compiled(x))
    assert et.torch_backend.report(compiled).share == 0


def test_errors_in_the_middle_of_a_graph_take_one_line_with_them(monkeypatch):
    from et.torch_backend import build

    real = build.compile_text

    def fail(text, *arguments, **named):
        if "math.tanh" in text:
            line = next(i for i, line in enumerate(open(__file__), 1) if line.endswith("# MARK\n"))
            raise et.CompileError(f'loc("{__file__}":{line}:0): no tanh today')
        return real(text, *arguments, **named)

    monkeypatch.setattr(build, "compile_text", fail)
    first, second = torch.nn.Linear(16, 16), torch.nn.Linear(16, 16)

    def function(x):
        y = first(x)
        y = torch.tanh(y) + 1  # MARK
        return second(y)

    compiled = torch.compile(function, backend="et")
    x = torch.randn(3, 16)
    same(function(x), compiled(x))
    report = et.torch_backend.report(compiled)
    assert report.share == 1 and len(report.graphs[0].compiled) == 2 and "no tanh today" in reasons(compiled)


def test_small_work_is_left_alone():
    compiled = torch.compile(lambda x: x + 1, backend="et")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(torch.ones(3) + 1, compiled(torch.ones(3)))
    assert "no work that is worth a program" in reasons(compiled)


def test_integers_and_devices():
    model = torch.nn.Embedding(10, 8).eval()
    compiled = torch.compile(lambda i: (model(i), i + 1), backend="et")
    same((model(torch.tensor([[1, 2]])), torch.tensor([[2, 3]])), compiled(torch.tensor([[1, 2]])))
    weight = torch.randn(4, 4, device="meta")
    compiled = torch.compile(lambda x: x @ weight, backend="et")
    with pytest.warns(UserWarning, match="programs run on the CPU and on CUDA devices"):
        assert compiled(torch.randn(3, 4, device="meta")).shape == (3, 4)


# ---------------------------------------------------------------------------------------------------------------------
# Options and registration
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options, message", [
    ({"thread": 2}, "expected options of the backend 'et' among threads, .*, but got 'thread'"),
    ({"threads": 0}, "expected option 'threads' to be a whole number of at least 1, but got 0"),
    ({"threads": True}, "expected option 'threads' to be a whole number"),
    ({"updates": -1}, "expected option 'updates' to be a whole number of at least 0, but got -1"),
    ({"masked_rows": "maybe"}, "expected option 'masked_rows' to be one of 'exact', 'ignore', but got 'maybe'"),
    ({"dynamic": True}, "expected option 'dynamic' to be one of 'auto', 'torch', but got True"),
    ({"isa": 3}, "expected option 'isa' to be text, but got 3"),
    ({"target": "tpu"}, "expected option 'target' to be 'auto', 'cpu' or such as 'cuda:sm_90a', but got 'tpu'"),
])
def test_wrong_options(options, message):
    from et.torch_backend.options import OptionError, parse

    with pytest.raises(OptionError, match=message):
        parse(options)


def test_wrong_options_reach_the_user():
    compiled = torch.compile(torch.nn.Linear(2, 2), backend="et", options={"thread": 2})
    with pytest.raises(Exception, match="but got 'thread'"):
        compiled(torch.ones(1, 2))


def test_modes_change_nothing():
    model = torch.nn.Linear(8, 8).eval()
    compiled = torch.compile(model, backend="et", mode="max-autotune")
    with pytest.warns(UserWarning, match="has no modes: mode='max-autotune' changes nothing"):
        same(model(torch.ones(2, 8)), compiled(torch.ones(2, 8)))


def test_report_of_something_else():
    with pytest.raises(TypeError, match="expected what torch.compile.* returned, but got Linear"):
        et.torch_backend.report(torch.nn.Linear(2, 2))
    compiled = torch.compile(torch.nn.Linear(2, 2), backend="et")
    assert "nothing was compiled yet" in str(et.torch_backend.report(compiled))


def test_report_as_json():
    import json

    compiled = torch.compile(Block().eval(), backend="et")
    compiled(torch.randn(2, 5, 32))
    data = json.loads(et.torch_backend.report(compiled).to_json())
    assert data["share"] == 1 and data["graphs"][0]["compiled"][0]["target"] == "cpu"


def test_page(tmp_path):
    model = User().eval()
    compiled = torch.compile(model, backend="et")
    compiled(torch.randn(3, 16), torch.tensor(1))
    found = et.explain(compiled, output=tmp_path / "report.html", title="A <user> module")
    text = found.path.read_text()
    assert found.share == 1 and 'data-share="1.0"' in text and "A &lt;user&gt; module" in text
    assert "compiled</span>" in text and "Failed to trace builtin operator" in text and "<script" not in text and "http:" not in text and "https:" not in text
    with pytest.raises(et.ExplainError, match="expected nothing but output and title with what torch.compile returned"):
        et.explain(compiled, torch.randn(3, 16), output=tmp_path / "report.html")
    with pytest.raises(et.ExplainError, match="expected a folder for the page"):
        et.explain(compiled, output=tmp_path / "none" / "report.html")


def test_importing_the_package_does_not_load_dynamo():
    code = """
import sys, et
assert "torch._dynamo" not in sys.modules
import torch
with torch.no_grad():
    compiled = torch.compile(torch.nn.Linear(4, 4).eval(), backend="et")
    print(compiled(torch.ones(2, 4)).shape)
assert "et" in torch._dynamo.list_backends()
print(et.torch_backend.report().share)
"""
    path = os.pathsep.join([os.path.dirname(os.path.dirname(et.__file__)), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 0 and done.stdout.split("\n")[:2] == ["torch.Size([2, 4])", "1.0"], done.stderr
