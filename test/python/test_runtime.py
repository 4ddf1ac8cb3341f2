"""Saved programs from Python: on a host device, and every way in which loading and running can fail."""

import ctypes
import subprocess

import numpy as np
import pytest
import torch

import et
from et import runtime


@pytest.fixture(scope="module")
def sample(build_dir, tmp_path_factory):
    """A program that computes 2 * x + w for x of shape [rows, 8], rows up to 1000."""
    path = tmp_path_factory.mktemp("runtime") / "sample.etp"
    subprocess.run([build_dir / "bin" / "et-sample-program", path], check=True)
    return path


def _value(address, kind):
    return ctypes.cast(address, ctypes.POINTER(kind)).contents.value


def _floats(address, count):
    return np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(ctypes.c_float)), (count,))


def double(arguments, launch):
    rows = _value(arguments[2], ctypes.c_int32)
    assert launch.name == "double" and launch.grid[0] == (rows + 3) // 4 and launch.threads == 128
    x, y = (_floats(_value(arguments[i], ctypes.c_void_p), rows * 8) for i in (0, 1))
    y[:] = x * _value(arguments[3], ctypes.c_float)


def add(arguments, launch):
    rows = launch.grid[0]
    # HostTensorMap: its address comes first.
    x = _floats(_value(arguments[0], ctypes.c_void_p), rows * 8)
    w = _floats(_value(arguments[1], ctypes.c_void_p), 8)
    y = _floats(_value(arguments[2], ctypes.c_void_p), rows * 8)
    y[:] = x + np.tile(w, rows)
    if 26 in x:
        status = _value(arguments[3], ctypes.c_void_p)
        ctypes.cast(status, ctypes.POINTER(ctypes.c_int64))[1] = int(np.argmax(x == 26)) // 8
        ctypes.cast(status, ctypes.POINTER(ctypes.c_int32))[0] = 1


@pytest.fixture
def program(sample):
    return et.load(sample, runtime.Device.host({"double": double, "add": add}))


W = torch.arange(1.0, 9.0)


def test_describes_itself(program):
    assert program.name == "sample"
    assert program.targets == ("sm_90a",) and program.target == "sm_90a"
    assert program.inputs == (runtime.TensorSpec("x", "f32", ("rows", 8)),)
    assert program.outputs == (runtime.TensorSpec("y", "f32", ("rows", 8)),)
    assert str(program.device) == "the host"


def test_runs_and_replays(program):
    for rows in (3, 3, 3, 100, 3, 0):
        x = torch.randn(rows, 8)
        (y,) = program(x)
        assert torch.equal(y, 2 * x + W)
        (y,) = program(x=x)
        assert torch.equal(y, 2 * x + W)
    program.synchronize()
    statistics = program.statistics
    assert statistics["runs"] == 12 and statistics["graph_replays"] > 0 and statistics["shapes_kept"] == 3


def test_writes_to_out(program):
    x, y = torch.randn(5, 8), torch.empty(5, 8)
    (result,) = program(x, out=[y])
    assert result is y and torch.equal(y, 2 * x + W)
    assert program.output_shapes(x) == [(5, 8)]


def test_binds_once_for_many_runs(program):
    x = torch.randn(5, 8)
    call = program.bind(x)
    for _ in range(3):
        (y,) = call()
        assert y is call.outputs[0] and torch.equal(y, 2 * x + W)
        x.normal_()
    with pytest.raises(et.RunError, match="to be 8, but its shape is"):
        program.bind(torch.zeros(5, 9))
    del program
    (y,) = call()
    assert torch.equal(y, 2 * x + W)


def test_takes_dlpack(program):
    class Foreign:
        """An array of some other library."""

        def __init__(self, tensor):
            self.tensor = tensor

        def __dlpack__(self):
            return self.tensor.__dlpack__()

        def __dlpack_device__(self):
            return (1, 0)

    x, y = torch.randn(5, 8), np.empty((5, 8), np.float32)
    program(Foreign(x), out=[y])
    assert np.array_equal(y, (2 * x + W).numpy())
    with pytest.raises(et.RunError, match=r"expected input 'x' to be contiguous"):
        program(Foreign(torch.randn(8, 5).T))
    with pytest.raises(et.RunError, match=r"expected input 'x' to have f32 elements, but got i64"):
        program(Foreign(torch.zeros(5, 8, dtype=torch.int64)))


def test_status_is_raised_once(program):
    x = torch.zeros(5, 8)
    x[3, 2] = 13
    program(x)
    with pytest.raises(et.RunError, match="row 3 of 'x' holds a 13"):
        program.synchronize()
    program.synchronize()


@pytest.mark.parametrize("call, message", [
    (lambda p: p(), r"expected input 'x', but got none"),
    (lambda p: p(torch.zeros(1, 8), torch.zeros(1, 8)), r"expected 1 inputs, but got 2"),
    (lambda p: p(z=torch.zeros(1, 8)), r"expected inputs 'x', but got 'z'"),
    (lambda p: p(torch.zeros(1, 8), x=torch.zeros(1, 8)), r"expected input 'x' once, but got it by position and by name"),
    (lambda p: p([1.0]), r"expected input 'x' to be a tensor that supports DLPack, but got list"),
    (lambda p: p(torch.zeros(1, 8, dtype=torch.float64)), r"expected input 'x' to have f32 elements, but got f64"),
    (lambda p: p(torch.zeros(1, 8, dtype=torch.complex64)), r"to have f32 elements, but got torch.complex64"),
    (lambda p: p(torch.zeros(8, 2).T), r"expected input 'x' to be contiguous; make it so with .contiguous\(\)"),
    (lambda p: p(torch.zeros(1, 8, device="meta")), r"expected input 'x' on cpu, but it is on meta:0"),
    (lambda p: p(torch.zeros(8)), r"expected input 'x' \[rows, 8\] f32 to have 2 dimensions, but its shape is \[8\]"),
    (lambda p: p(torch.zeros(1, 9)), r"expected dimension 1 of input 'x' \[rows, 8\] f32 to be 8"),
    (lambda p: p(torch.zeros(1001, 8)), r"expected dimension 'rows' .* to be from 0 to 1000, but got 1001"),
    (lambda p: p(torch.zeros(2, 8), out=[torch.zeros(3, 8)]), r"expected output 'y' to have shape \[2, 8\], but got \[3, 8\]"),
    (lambda p: p(torch.zeros(2, 8), out=[]), r"expected 1 tensors in out, but got 0"),
    (lambda p: p(torch.zeros(33)[1:].reshape(4, 8)), r"expected the address of input 'x' to be a multiple of 16"),
])
def test_wrong_calls(program, call, message):
    with pytest.raises(et.RunError, match=message):
        call(program)


def test_wrong_files(sample, tmp_path):
    device = runtime.Device.host({"double": double, "add": add})
    data = sample.read_bytes()
    path = tmp_path / "bad.etp"
    for contents, message in [
        (b"", "it is empty"),
        (b"PK\x03\x04" * 20, "it is not a saved program"),
        (data[:100], "it is cut short"),
        (data[:-1], "it is cut short or damaged"),
        (data[:200] + b"\xff" + data[201:], "the checksum of its description is wrong"),
        (data[:4096] + b"\xff" + data[4097:], "the checksum of its weights is wrong"),
    ]:
        path.write_bytes(contents)
        with pytest.raises(et.LoadError, match=message):
            et.load(path, device)
    et.load(path, device, check_weights=False)
    with pytest.raises(et.LoadError, match=r"cannot open '/nowhere/model.etp': No such file or directory"):
        et.load("/nowhere/model.etp", device)


def test_wrong_devices(sample):
    with pytest.raises(et.LoadError, match="the host has no kernel 'add', which the plan for sm_90a launches"):
        et.load(sample, runtime.Device.host({"double": double}))
    for device in ("cpu:0", "cuda:x", "cuda:-1", "gpu"):
        with pytest.raises(ValueError, match="expected device 'cpu', 'cuda' or 'cuda:N'"):
            et.load(sample, device)
    with pytest.raises(et.LoadError, match="the program was compiled for sm_90a, but this CPU runs x86-64"):
        et.load(sample, "cpu")
    with pytest.raises(ValueError, match="expected max_shapes to be at least 1, but got 0"):
        et.load(sample, runtime.Device.host({"double": double, "add": add}), max_shapes=0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_no_gpu(sample):
    with pytest.raises(et.LoadError, match="there is no CUDA driver here"):
        et.load(sample)


def test_no_library(sample, monkeypatch, tmp_path):
    runtime.library.cache_clear()
    try:
        monkeypatch.setenv("ET_RUNTIME_LIBRARY", str(tmp_path / "libETRuntime.so"))
        with pytest.raises(runtime.LibraryError, match="cannot find the runtime's library .*; build it with 'make build'"):
            et.load(sample)
        (tmp_path / "libETRuntime.so").write_bytes(b"no library")
        with pytest.raises(runtime.LibraryError, match="cannot load "):
            et.load(sample)
    finally:
        runtime.library.cache_clear()


def test_tool_errors(tool, sample):
    def run(*arguments):
        return subprocess.run([tool("et-run-program"), *map(str, arguments)], capture_output=True, text=True)

    for arguments, message in [
        ((), "expected a program; try --help"),
        (("a.etp", "b.etp"), "expected one program, but got 'a.etp' and 'b.etp'"),
        ((sample, "--speed"), "unknown option '--speed'; try --help"),
        ((sample, "--benchmark=x"), "expected --benchmark to be a number up to 1000000000, but got 'x'"),
        ((sample, "--seed"), "expected a value behind --seed"),
        (("/nowhere.etp",), "cannot open '/nowhere.etp': No such file or directory"),
    ]:
        result = run(*arguments)
        assert result.returncode == 1 and message in result.stderr, result.stderr
    result = run(sample, "--describe")
    assert result.returncode == 0
    assert "input 'x' [rows, 8] f32" in result.stdout and "plan for sm_90a: 2 steps, 1 tensor maps" in result.stdout
    assert run("--version").stdout.startswith("E.T. ")
    assert "USAGE: et-run-program" in run("--help").stdout
