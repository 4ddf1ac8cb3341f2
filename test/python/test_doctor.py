#===- test_doctor.py - et.doctor and et --version -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//

import json
import os
import subprocess
import sys

import pytest

from et.doctor import about, cli, probes

DRIVER = """
static int code = {init};
int cuInit(unsigned flags) {{ return code; }}
int cuDriverGetVersion(int *version) {{ *version = 13010; return {version}; }}
int cuDeviceGetCount(int *count) {{ *count = {count}; return 0; }}
int cuDeviceGet(int *device, int ordinal) {{ *device = ordinal; return {get}; }}
int cuDeviceGetName(char *name, int size, int device) {{ name[0] = 'T'; name[1] = 0; return 0; }}
int cuDeviceGetAttribute(int *value, int attribute, int device) {{ *value = attribute == 75 ? {major} : 0; return 0; }}
"""


@pytest.fixture
def make_driver(tmp_path):
    """Compiles a library that answers as a CUDA driver does."""
    def make(source: str = DRIVER, **values: int) -> str:
        values = {"init": 0, "version": 0, "count": 1, "get": 0, "major": 9, **values}
        (tmp_path / "cuda.c").write_text(source.format(**values))
        library = tmp_path / "libcuda.so.1"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "cuda.c"], check=True)
        return str(library)
    return make


def statuses(findings):
    return {finding.name: finding.status for finding in findings}


def test_a_gpu_is_named_with_its_architecture(make_driver):
    findings = probes.probe_gpu(True, make_driver())
    assert [(f.name, f.status, f.text) for f in findings] == [("CUDA driver", "ok", "CUDA 13.1"), ("GPU 0", "ok", "T, sm_90")]


@pytest.mark.parametrize("values, text", [
    ({"init": 34}, "answers cuInit with error 34"), ({"version": 7}, "answers with error 7"), ({"count": 0}, "the driver sees none"),
    ({"get": 3}, "answers with error 3"), ({"major": 7}, "sm_70")])
@pytest.mark.parametrize("needed", [False, True])
def test_a_gpu_that_is_of_no_use_is_missing(make_driver, values, text, needed):
    finding = probes.probe_gpu(needed, make_driver(**values))[-1]
    assert text in finding.text and finding.status == ("needed" if needed else "optional") and finding.cost and finding.fix


def test_without_a_driver_or_with_another_library_the_gpu_is_missing(make_driver, tmp_path):
    assert "no driver" in probes.probe_gpu(True, str(tmp_path / "none.so"))[0].text
    assert "is no CUDA driver" in probes.probe_gpu(True, make_driver("int other;"))[0].text
    (tmp_path / "text.so").write_text("no library")
    assert "no driver" in probes.probe_gpu(True, str(tmp_path / "text.so"))[0].text


def test_features_of_the_processor_are_named(tmp_path):
    (tmp_path / "cpuinfo").write_text("model name\t: X\nflags\t\t: fma avx2 avx512f amx_tile\n\nflags : none\n")
    finding, = probes.probe_cpu(tmp_path / "cpuinfo", "x86_64")
    assert (finding.status, finding.text) == ("ok", "X: AVX2, FMA, AVX-512, AMX")


def test_an_old_or_another_processor_is_told_apart(tmp_path):
    (tmp_path / "cpuinfo").write_text("model name\t: X\nflags\t\t: sse2\n")
    assert probes.probe_cpu(tmp_path / "cpuinfo", "x86_64")[0].status == "optional"
    assert probes.probe_cpu(tmp_path / "none", "x86_64")[0].status == "optional"
    assert probes.probe_cpu(tmp_path / "cpuinfo", "aarch64")[0].status == "needed"


@pytest.mark.parametrize("text", ["", "MemTotal: many kB\nMemAvailable: 1 kB\n", "MemTotal:\nMemAvailable:\n"])
def test_memory_that_cannot_be_read_is_said(tmp_path, text):
    (tmp_path / "meminfo").write_text(text)
    assert probes.probe_memory(tmp_path / "meminfo")[1].status == "optional"


def test_ptxas_is_looked_for_where_the_compiler_looks(monkeypatch, tmp_path):
    for name in ("ET_PTXAS", "CUDA_HOME", "CUDA_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")
    site = tmp_path / "lib/python3.12/site-packages/nvidia/cu13/bin"
    site.mkdir(parents=True)
    (site / "ptxas").write_text("")
    (site / "ptxas").chmod(0o755)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    monkeypatch.setenv("ET_PTXAS", str(site / "ptxas"))
    assert probes.find_ptxas() == str(site / "ptxas")
    monkeypatch.setenv("ET_PTXAS", str(tmp_path / "none"))
    assert "which is no program" in probes.probe_ptxas()[0].text
    monkeypatch.setenv("ET_PTXAS", "")
    assert probes.find_ptxas() is not None


def doctor(tmp_path, *arguments, **variables):
    return subprocess.run([sys.executable, "-m", "et", "doctor", *arguments], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables})


@pytest.mark.parametrize("variable, name", [("ET_LIBRARY", "compiler"), ("ET_RUNTIME_LIBRARY", "runtime")])
def test_a_missing_or_broken_library_ends_with_status_1(tmp_path, variable, name):
    (tmp_path / "broken.so").write_text("no library")
    for path, text in ((tmp_path / "none.so", "cannot find"), (tmp_path / "broken.so", "cannot load")):
        done = doctor(tmp_path, "--json", **{variable: str(path)})
        report = json.loads(done.stdout)
        assert done.returncode == 1 and report["missing"] == [name]
        assert text in next(f["text"] for f in report["findings"] if f["name"] == name)


def test_this_machine_has_what_is_needed(tmp_path):
    done = doctor(tmp_path)
    assert done.returncode == 0 and "all that is needed is there" in done.stdout, done.stdout + done.stderr


def test_missing_packages_are_needed_or_not(monkeypatch, capsys):
    monkeypatch.setattr(probes, "version_of", lambda name: None)
    found = statuses(probes.probe_packages())
    assert found["torch"] == "needed" and found["rich"] == "optional"
    assert cli.main([]) == 1
    assert "missing: torch, numpy" in capsys.readouterr().out


def test_an_unknown_target_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--target", "tpu"])
    assert ended.value.code == 2 and "invalid choice: 'tpu'" in capsys.readouterr().err


def test_without_pytorch_the_package_says_so(tmp_path):
    code = ("import importlib.util as u, sys; find = u.find_spec\n"
            "u.find_spec = lambda name, *rest: None if name == 'torch' else find(name, *rest)\n"
            "import et\nassert 'torch' not in sys.modules and not hasattr(et, 'other')\n"
            "try: et.compile\nexcept AttributeError as error: print(error)\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert "et.compile needs PyTorch, which is not installed" in done.stdout, done.stderr


def test_the_version_names_what_is_inside():
    text = about.describe()
    assert text.startswith("E.T. 0.") and "Python API level  1" in text and "torch 2." in text


@pytest.mark.parametrize("text, commit", [("{", "cannot be read"), ("[]", "holds no object"), (None, "a checkout")])
def test_a_broken_description_of_the_build_is_said(tmp_path, text, commit):
    if text is not None:
        (tmp_path / "build.json").write_text(text)
    assert commit in about.read_build(tmp_path)["commit"]
