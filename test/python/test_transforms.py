#===- test_transforms.py - Schedules from transform scripts -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Schedules that a launch has no kernel with are refused with a reason; what a script chose computes the same, on a CPU and from Python."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import et

LAYERS = Path(__file__).resolve().parents[1] / "TransformOps" / "Inputs" / "layers.mlir"
SCRIPT = """
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %launches = transform.structured.match ops{["OP"]} in %module : (!transform.any_op) -> !transform.any_op
BODY
    transform.yield
  }
}
"""
SPLIT = ("    %linear, %attention, %norm = transform.split_handle %launches : (!transform.any_op) -> "
         "(!transform.any_op, !transform.any_op, !transform.any_op)\n")
CPU = """
func.func @layer(%x: tensor<?x768xf32>) -> tensor<?x768xf32> {
  %w = arith.constant dense<0.5> : tensor<768x768xf32>
  %0 = et.linear %x, %w : (tensor<?x768xf32>, tensor<768x768xf32>) -> tensor<?x768xf32>
  return %0 : tensor<?x768xf32>
}
"""
ROW = ", ".join(["1.0"] + ["0.0"] * 63)
TILED = f"""
func.func @layer(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {{
  %w = arith.constant dense<[{", ".join([f"[{ROW}]"] * 64)}]> : tensor<64x64xf32, #et.tile<16x1>>
  %0 = et.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32, #et.tile<16x1>>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}}
"""


def script(folder: Path, body: str, op: str = "et.launch") -> Path:
    path = folder / "script.mlir"
    path.write_text(SCRIPT.replace("BODY", body).replace("OP", op))
    return path


@pytest.fixture
def plan(tool, tmp_path):
    """Plans a module with a script; what et-opt printed."""

    def run(body: str, *, module: str | None = None, pipeline: str = "et-plan-gpu", target: str = "chip=sm_90a", op: str = "et.launch", fails: bool = False) -> str:
        if module is not None:
            (tmp_path / "model.mlir").write_text(module)
        command = [tool("et-opt"), str(tmp_path / "model.mlir") if module is not None else str(LAYERS),
                   f"--{pipeline}={target} transform-library={script(tmp_path, body, op)}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode != 0) == fails, done.stderr
        assert not fails or not done.stdout
        return done.stderr if fails else done.stdout

    return run


WGMMA = 'kind = "wgmma", tile = array<i64: 64, 64, 64>'
ATTENTION = "blocks_per_sm = 2, exact_blocks = 1, key_block = 64, stages = 2, warpgroups = 1"


@pytest.mark.parametrize("launch, schedule, message", [
    ("linear", '{kind = "wgmma", tile = array<i64: 128, 256, 64>, stages = 8}', "shared memory"),
    ("linear", '{kind = "wgmma", tile = array<i64: 128, 256>, stages = 4}',
     "expected a schedule of a linear layer: kind (wgmma, overlap, sparse, sparse_mma, mma or simt)"),
    ("linear", '{kind = "cutlass"}', 'but got {kind = "cutlass"}'),
    ("linear", f"{{{WGMMA}}}", "expected a schedule of a linear layer"),
    ("linear", f"{{{WGMMA}, stages = 4, stage = 3}}", "expected no 'stage'; a schedule of a linear layer has kind, from, tile, stages"),
    ("linear", f'{{{WGMMA}, stages = 4, split_k = "two"}}', "expected 'split_k' to be a number"),
    ("linear", f"{{{WGMMA}, stages = 4, persistent = 1}}", "expected 'persistent' to be there or not, without a value"),
    ("linear", '{kind = "sparse", tile = array<i64: 64, 64, 64>, stages = 4}', "has no GPU kernel with the schedule"),
    ("linear", '[{kind = "simt", from = 64}]', "expected the first variant to be from 0 on"),
    ("linear", '[{kind = "simt"}, {kind = "simt", from = 64}, {kind = "simt", from = 32}]', "out of order"),
    ("linear", "[]", "expected the first variant to be from 0 on"),
    ("linear", "7 : i64", "expected a dictionary, but got 7"),
    ("linear", '["wgmma"]', 'expected a dictionary, but got "wgmma"'),
    ("linear", '{chip = "sm_80", family = "linear", variants = [{from = 0, kind = "simt"}]}', 'expected a schedule with the chip "sm_90a"'),
    ("linear", '{chip = "sm_90a", family = "attention", variants = []}', 'expected a schedule with the family "linear"'),
    ("linear", f'{{kind = "mma", {ATTENTION}}}', "expected a schedule of a linear layer"),
    ("attention", '{kind = "mma", key_block = 64}', "expected a schedule of attention: kind (wgmma, wgmma_ping_pong, mma, simt or partial), key_block"),
    ("attention", f'{{kind = "partial", {ATTENTION}}}', "has no GPU kernel with the schedule"),
    ("attention", f'{{kind = "mma", {ATTENTION}, tile = array<i64: 64>}}', "expected no 'tile'; a schedule of attention has kind"),
    ("norm", '{kind = "simt"}', "others have nothing to choose"),
])
def test_a_schedule_without_a_kernel_is_refused(plan, launch, schedule, message):
    text = plan(SPLIT + f"    transform.et.set_schedule %{launch} to {schedule} : !transform.any_op", fails=True)
    assert "error: the launch has no kernel with that schedule: " in text and message in text
    assert "keeps its schedule" in text and "layers.mlir" in text


def test_an_architecture_has_its_instructions(plan):
    body = SPLIT + f'    transform.et.set_schedule %attention to {{kind = "wgmma", {ATTENTION}}} : !transform.any_op'
    assert 'kind = "wgmma"' in plan(body)
    assert "sm_80" in plan(body, target="chip=sm_80", fails=True)


def test_of_several_launches_all_change_or_none(plan, tmp_path, tool):
    """The linear layer could have it, the others could not."""
    body = '''    %none = transform.sequence %launches : !transform.any_op -> !transform.any_op failures(suppress) {
    ^bb0(%l: !transform.any_op):
      transform.et.set_schedule %l to {kind = "simt"} : !transform.any_op
      transform.yield %l : !transform.any_op
    }'''
    assert 'kind = "simt"' not in plan(body)


@pytest.mark.parametrize("changes, message", [
    ("{nr = 16}", "expected 'nr' to stay, as the weight is packed in panels of that many outputs"),
    ("{mr = 8}", "8 rows of 24 outputs take 24 of the 16 vector registers of avx2"),
    ('{isa = "avx512"}', "expected no 'isa'; a linear layer on a CPU has mr, kc and mc to choose"),
    ("{kc = 0}", "expected 'kc' to be a positive number, but got 0"),
    ('{mc = "all"}', 'expected \'mc\' to be a positive number, but got "all"'),
    ("[{mr = 2}]", "expected a dictionary for a launch on a CPU, but got [{mr = 2"),
])
def test_a_cpu_has_its_registers(plan, changes, message):
    text = plan(f"    transform.et.set_schedule %launches to {changes} : !transform.any_op", module=CPU, pipeline="et-plan-cpu", target="isa=avx2", fails=True)
    assert message in text


def test_a_sparse_weight_keeps_its_inputs_whole(plan):
    text = plan("    transform.et.set_schedule %launches to {kc = 8} : !transform.any_op", module=TILED, pipeline="et-plan-cpu", target="isa=avx2", fails=True)
    assert "expected 'kc' to be all inputs, as a sparse weight keeps few of them" in text


@pytest.mark.parametrize("body, op, message", [
    ('transform.et.set_schedule %launches to {kind = "simt"} : !transform.any_op', "func.func", "expected an et.launch, but got func.func"),
    ("%s = transform.et.get_schedule %launches : (!transform.any_op) -> !transform.any_param", "func.func", "expected an et.launch, but got func.func"),
    ("%s = transform.et.candidate_schedules %launches for 8 : (!transform.any_op) -> !transform.any_param", "et.launch", "expected one launch, but got 3"),
    (SPLIT.strip() + "\n%s = transform.et.candidate_schedules %norm for 8 : (!transform.any_op) -> !transform.any_param", "et.launch",
     "expected a linear layer or attention on a GPU: others have nothing to choose"),
    ("%p = transform.param.constant 7 : i64 -> !transform.any_param\ntransform.et.set_schedule %launches from %p : !transform.any_op, !transform.any_param",
     "et.launch", "expected a dictionary, but got 7"),
])
def test_what_is_no_launch_or_has_no_choice_is_said(plan, body, op, message):
    assert message in plan(body, op=op, fails=True)


def test_a_launch_without_a_schedule_has_nothing_to_change(tool, tmp_path):
    (tmp_path / "model.mlir").write_text("""
func.func @f(%x: memref<8xf32>, %y: memref<8xf32>) {
  et.launch "gelu" ins(%x : memref<8xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%a: tensor<8xf32>, %o: tensor<8xf32>):
    %0 = et.gelu %a : tensor<8xf32>
    et.yield %0 : tensor<8xf32>
  }
  return
}""")
    for body in ("transform.et.set_schedule %launches to {mr = 2} : !transform.any_op", "%s = transform.et.get_schedule %launches : (!transform.any_op) -> !transform.any_param"):
        done = subprocess.run([tool("et-opt"), tmp_path / "model.mlir", f"--et-apply-transforms=library={script(tmp_path, body)}"], capture_output=True, text=True)
        assert done.returncode and "expected a launch with a schedule; run --et-plan-cpu, --et-plan-gpu or --et-schedule-gpu before the script" in done.stderr


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(7)
        self.up, self.down = torch.nn.Linear(200, 331), torch.nn.Linear(331, 200)

    def forward(self, x):
        return x + self.down(torch.nn.functional.gelu(self.up(x)))


@pytest.mark.parametrize("changes", ["{mr = 1}", "{mr = 2, kc = 7}", "{mr = 3, kc = 64, mc = 5}", "{mc = 1}"])
def test_other_schedules_compute_the_same(tmp_path, changes):
    """In this process and from a saved program, against float64, with awkward numbers of rows."""
    model = Layer().eval()
    library = script(tmp_path, f"    transform.et.set_schedule %launches to {changes} : !transform.any_op")
    shapes = {"x": {0: "rows"}}
    compiled = et.compile(model, (torch.randn(4, 200),), dynamic_shapes=shapes, isa="avx2", transform_library=library)
    assert any("from a transform script" in remark for remark in compiled.remarks)
    compiled.save(tmp_path / "layer.etp")
    loaded = et.load(tmp_path / "layer.etp", "cpu")
    for rows in (1, 2, 3, 13, 129):
        x = torch.randn(rows, 200)
        expected = model.double()(x.double()).detach().numpy()
        model.float()
        np.testing.assert_allclose(compiled(x).numpy(), expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(loaded(x)[0].numpy(), expected, rtol=1e-4, atol=1e-4)


def test_a_saved_program_for_a_gpu_has_what_the_script_chose(tmp_path):
    x = torch.randn(4, 64, dtype=torch.float16)
    library = script(tmp_path, f"    transform.et.set_schedule %launches to {{{WGMMA}, stages = 2}} : !transform.any_op")
    model = torch.nn.Linear(64, 128).half().eval()
    program = et.compile(model, (x,), dynamic_shapes=({0: "rows"},), target="cuda:sm_90a", transform_library=library)
    assert any("wgmma stages 2 tile 64x64x64, from a transform script" in remark for remark in program.remarks)


def test_a_script_that_fails_stops_the_compiler(tmp_path):
    x = torch.randn(4, 64)
    with pytest.raises(et.CompileError, match="missing.mlir"):
        et.compile(torch.nn.Linear(64, 128).eval(), (x,), transform_library=tmp_path / "missing.mlir")
    with pytest.raises(et.CompileError, match="expected an et.launch, but got func.func"):
        et.compile(torch.nn.Linear(64, 128).eval(), (x,),
                   transform_library=script(tmp_path, "    transform.et.set_schedule %launches to {mr = 1} : !transform.any_op", "func.func"))
