#===- test_import_errors.py - What is refused, and how -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Errors name the operator, the module, the source line and the way out; all unknown operators are reported at once."""

from __future__ import annotations

import math

import pytest
import torch

import et

X = torch.randn(4, 4)


class Inner(torch.nn.Module):
    def forward(self, x):
        return torch.fft.fft(x).real


class Outer(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()

    def forward(self, x):
        y = self.inner(x)
        return torch.linalg.qr(y)[0] + torch.sort(x)[0]


def test_all_unknown_operators_are_named_at_once() -> None:
    with pytest.raises(et.UnsupportedOperatorError) as caught:
        et.export_mlir(Outer().eval(), (X,))
    names = {o.operator for o in caught.value.operators}
    assert any("sort" in n for n in names) and any("qr" in n for n in names) and any("fft" in n for n in names)
    text = str(caught.value)
    assert "test_import_errors.py" in text
    assert "in module 'inner'" in text
    assert "rewrite these calls" in text


def test_non_finite_weight_is_named() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)).eval()
    with torch.no_grad():
        module[1].weight[2, 1] = math.nan
        module[0].bias[0] = math.inf
    with pytest.raises(et.NonFiniteWeightError, match="check_finite=False") as caught:
        et.export_mlir(module, (X,))
    assert set(caught.value.names) == {"1.weight", "0.bias"}
    assert "1.weight" in et.export_mlir(module, (X,), check_finite=False).weights


def test_large_finite_weights_pass() -> None:
    module = torch.nn.Linear(4, 4).eval()
    with torch.no_grad():
        module.weight.fill_(3e38)  # the sum overflows, the weights do not
    et.export_mlir(module, (X,))


def test_training_mode_is_refused() -> None:
    with pytest.raises(et.ExportError, match=r"call module\.eval\(\) first"):
        et.export_mlir(torch.nn.Dropout(), (X,))


def test_active_dropout_is_refused() -> None:
    class Module(torch.nn.Module):
        def forward(self, x):
            return torch.nn.functional.dropout(x, 0.5, True)

    with pytest.raises(et.UnsupportedOperatorError, match="dropout is active"):
        et.export_mlir(Module().eval(), (X,))


def test_buffers_that_change_are_refused() -> None:
    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", torch.zeros(1))

        def forward(self, x):
            self.count.add_(1)
            return x + self.count

    with pytest.raises(et.ImportError_, match="'count'"):
        et.export_mlir(Module().eval(), (X,))


def test_type_that_cannot_be_held() -> None:
    class Module(torch.nn.Module):
        def forward(self, x):
            return x.real

    with pytest.raises(et.ImportError_, match="complex64"):
        et.export_mlir(Module().eval(), (torch.randn(3, dtype=torch.complex64),))


def test_result_of_unknown_size_is_refused() -> None:
    class Module(torch.nn.Module):
        def forward(self, x):
            return x[x > 0]

    with pytest.raises(et.Error):
        et.export_mlir(Module().eval(), (X,))


def test_shapes_of_an_unknown_input() -> None:
    with pytest.raises(ValueError, match="'mask' is none; the inputs are 'input'"):
        et.export_mlir(torch.nn.Linear(4, 4).eval(), (X,), dynamic_shapes={"mask": {0: "batch"}})


def test_dimension_out_of_range() -> None:
    with pytest.raises(ValueError, match="expected a dimension of 'input' below 2, but got 5"):
        et.export_mlir(torch.nn.Linear(4, 4).eval(), (X,), dynamic_shapes={"input": {5: "batch"}})


def test_capture_failure_says_what_torch_says() -> None:
    class Module(torch.nn.Module):
        def forward(self, x):
            return x + 1 if x.sum() > 0 else x - 1

    with pytest.raises(et.ExportError, match="torch.export could not capture 'Module'"):
        et.export_mlir(Module().eval(), (X,))


def test_unknown_choice_for_masked_rows() -> None:
    with pytest.raises(ValueError, match="expected masked_rows to be 'exact' or 'ignore', but got 'zero'"):
        et.export_mlir(torch.nn.Linear(4, 4).eval(), (X,), masked_rows="zero")


class Middle(torch.nn.Module):
    """Needs seven rows."""

    def forward(self, x):
        return x[:, 1:7].sum(1)


def test_a_size_below_what_the_module_was_exported_for():
    program = et.compile(Middle().eval(), (torch.randn(2, 9, 8),), dynamic_shapes=({0: "batch", 1: "sequence"},))
    x = torch.randn(3, 7, 8)
    torch.testing.assert_close(program(x), x[:, 1:7].sum(1))
    with pytest.raises(et.RunError, match=r"expected dimension 1 \('sequence'\) of input 'x' to be at least 7, .* but got 5"):
        program(torch.randn(3, 5, 8))


def test_a_saved_program_refuses_such_a_size(tmp_path):
    program = et.compile(Middle().eval(), (torch.randn(2, 9, 8),), dynamic_shapes=({0: "batch", 1: "sequence"},))
    program.save(tmp_path / "middle.etp")
    loaded = et.load(tmp_path / "middle.etp")
    x = torch.randn(3, 7, 8)
    torch.testing.assert_close(loaded(x)[0], x[:, 1:7].sum(1))
    for rows in (6, 5, 0):
        with pytest.raises(et.RunError, match=rf"expected dimension 'sequence' \(dimension 1 of input 'x'\) to be at least 7, but got {rows}"):
            loaded(torch.randn(3, rows, 8))


def test_smallest_sizes_are_part_of_the_module():
    dynamic = ({0: "batch", 1: "sequence"},)
    text = et.export_mlir(Middle().eval(), (torch.randn(2, 9, 8),), dynamic_shapes=dynamic).text
    assert 'et.dims = ["batch", "sequence", "8"], et.min_sizes = array<i64: 0, 7, 0>' in text

    class Any(torch.nn.Module):
        def forward(self, x):
            return x[:, :1].sum(1)

    assert "et.min_sizes" not in et.export_mlir(Any().eval(), (torch.randn(2, 9, 8),), dynamic_shapes=dynamic).text


def test_smallest_size_of_a_multiple():
    """A dimension that is a multiple of another one."""
    rows = torch.export.Dim("rows", min=4)

    class Both(torch.nn.Module):
        def forward(self, x, y):
            return x.reshape(-1, 2, 3) + y.unsqueeze(1)

    imported = et.export_mlir(Both().eval(), (torch.randn(12, 3), torch.randn(6, 3)), dynamic_shapes=({0: 2 * rows}, {0: rows}))
    assert "et.min_sizes = array<i64: 8, 0>" in imported.text and "et.min_sizes = array<i64: 4, 0>" in imported.text
