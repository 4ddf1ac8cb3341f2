#===- test_fold_norms.py - Norms folded always, never or by rows -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What `fold_norms` makes of a program for a GPU; which launches run when is checked by unittests/Compiler."""

import pytest
import torch

import et


class Block(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(128, 128), torch.nn.Linear(128, 128)
        self.norm = torch.nn.LayerNorm(128)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.norm(self.first(x)))


def size(path, fold_norms) -> int:
    module = Block().half().eval().requires_grad_(False)
    program = et.compile(module, (torch.zeros(8, 128, dtype=torch.float16),), dynamic_shapes=({0: "rows"},),
                         target="cuda:sm_90a", fold_norms=fold_norms)
    program.save(path)
    return path.stat().st_size


def test_by_rows_holds_both_ways(tmp_path):
    off, on, both = (size(tmp_path / f"{name}.etp", name) for name in (False, True, "auto"))
    assert max(off, on) < both < off + on


@pytest.mark.parametrize("value", ["on", "never", None, 2])
def test_other_values_are_refused(tmp_path, value):
    with pytest.raises(ValueError, match="expected fold_norms to be True, False or 'auto', but got"):
        size(tmp_path / "none.etp", value)
    assert not (tmp_path / "none.etp").exists()
