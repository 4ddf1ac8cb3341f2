#===- test_explain.py - Pages that explain programs -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The pages of et.explain: what they hold is what compiler and profile say, nothing is loaded from elsewhere, names are escaped."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
import sys
import types

import numpy as np
import pytest
import torch
from PIL import Image

import et
from et.explain import ExplainError
from et.explain.cli import main
from et.explain.page import render
from et.explain.profiling import Profile, StepTime, _join, attach, measure_steps
from et.explain.program_file import read_program
from et.explain.storage import layout, stored_mask
from explain_page import Page

SIZES = {0: "rows"}


class Block(torch.nn.Module):
    """Three projections that are read as one, a feed-forward pair, and a layer that stays dense."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.query, self.key, self.value = (torch.nn.Linear(128, 128) for _ in range(3))
        self.up, self.down, self.head = torch.nn.Linear(128, 512), torch.nn.Linear(512, 128), torch.nn.Linear(128, 64)
        self.scattered = torch.nn.Linear(64, 64)
        with torch.no_grad():
            for layer in (self.query, self.key, self.value):
                layer.weight[64:] = 0
            # Half of the neurons, and of what is left half of the tiles.
            self.up.weight[:256] = 0
            self.up.weight[256:, :64] = 0
            self.scattered.weight *= torch.rand(64, 64) < 0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.query(x)) + torch.sigmoid(self.key(x)) * self.value(x)
        x = x + self.down(torch.nn.functional.gelu(self.up(x)))
        return self.scattered(torch.relu(self.head(x)))


@pytest.fixture(scope="module")
def block() -> Block:
    return Block().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def program(block):
    return et.compile(block, (torch.randn(8, 128),), dynamic_shapes={"x": SIZES}, threads=2)


@pytest.fixture(scope="module")
def saved(program, tmp_path_factory):
    path = tmp_path_factory.mktemp("explain") / "block.etp"
    program.save(path)
    return path


@pytest.fixture(scope="module")
def explained(block, tmp_path_factory):
    """The explanation of a module, and its page."""
    path = tmp_path_factory.mktemp("explain") / "page.html"
    found = et.explain(block, torch.randn(8, 128), dynamic_shapes={"x": SIZES}, threads=2, rounds=1, output=path)
    return found, Page(path.read_text())


def by_name(found, name: str):
    return next(w for w in found.weights if any(p.startswith(name) for p in w.parameters))


# ---- what is said of weights ----


def test_every_linear_weight_is_there_with_its_parameters(explained, block):
    found, page = explained
    assert found.path.name == "page.html" and found.title == "Block"
    names = [w.parameters for w in found.weights]
    assert sorted(p for parameters in names for p in parameters) == sorted(
        n for n, p in block.named_parameters() if p.dim() == 2)
    assert ("query.weight", "key.weight", "value.weight") in names
    assert [row.attributes["data-name"] for row in page.rows("weight-table")] == [w.name for w in found.weights]


def test_numbers_are_those_of_the_remarks(explained, program):
    found, page = explained
    merged = by_name(found, "query")
    remark = next(r for r in program.remarks if "WeightEncoded" in r and "query.weight" in r)
    kept, total, tall, wide, share = re.search(r"keeps (\d+) of (\d+) tiles of (\d+)x(\d+) .*?about ([\d.]+) of", remark).groups()
    assert merged.path == "sparse" and merged.shape == (384, 128) and merged.zeros == pytest.approx(0.5, abs=1e-3)
    assert merged.kept == (int(kept), int(total), int(tall), int(wide)) and merged.predicted_share == float(share)
    row = page.rows("weight-table")[found.weights.index(merged)]
    assert row.value("data-kept") == kept and row.value("data-total") == total and row.value("data-share") == share
    assert f"keeps {kept} of {total} tiles" in row.text and "sparse panels of 64 outputs" in row.text


def test_removed_features_count_in_the_prediction(explained):
    found, page = explained
    up, down = by_name(found, "up"), by_name(found, "down")
    assert up.removed == down.removed == (256, 512)
    assert up.shape == (512, 128) and (up.layout.outputs, up.layout.inputs) == (256, 128)
    assert down.shape == (128, 512) and (down.layout.outputs, down.layout.inputs) == (128, 256)
    encoded = next(r.encoded for r in up.remarks if r.encoded)
    assert up.path == "sparse" and up.predicted_share == pytest.approx(encoded[4] / 2)
    assert down.path == "smaller" and down.predicted_share == 0.5 and down.layout.kind == "dense"
    row = page.rows("weight-table")[found.weights.index(down)]
    assert "128 × 512, 128 × 256 left" in row.text and "removed 256 of 512 features between two linear layers" in row.text


def test_a_dense_weight_says_why(explained, program):
    found, page = explained
    head, scattered = by_name(found, "head"), by_name(found, "scattered")
    assert (head.path, scattered.path) == ("dense", "dense") and head.predicted_share == scattered.predicted_share == 1
    assert not head.remarks and "0.0 % of its elements are zero" in head.because
    remark = next(r for r in program.remarks if "WeightStaysDense" in r)
    said = re.search(r'Reason="(.*?)"', remark)[1]
    text = page.rows("weight-table")[found.weights.index(scattered)].text
    assert said in text and "prune whole tiles of 64 outputs by 16 inputs" in text
    assert scattered.zeros == pytest.approx(0.5, abs=0.05)
    assert any("zeros" in a.title and "tiles" in a.title for a in found.advice)


def test_a_remark_on_a_weight_is_not_said_twice(explained):
    found, _ = explained
    assert not [r for r in found.remarks if r.name in ("WeightEncoded", "WeightStaysDense", "FeaturesRemoved")]


def test_pictures_show_the_pattern(explained):
    found, page = explained
    merged = by_name(found, "query")
    image = page.rows("weight-table")[found.weights.index(merged)].first("img")
    assert image["src"] == merged.picture.uri and "12 of" not in image["alt"]
    assert f"{merged.picture.kept} of {merged.picture.total} tiles of 64 by 16" in image["alt"]
    data = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
    alpha = np.asarray(Image.open(io.BytesIO(data)))[..., 3]
    assert alpha.shape == (int(image["height"]), int(image["width"])) == (144, 48)
    # Each projection keeps its first 64 outputs.
    for part in np.split(alpha, 3):
        assert (part[:24] == 255).all() and (part[24:] == 0).all()


# ---- what is measured ----


def test_times_are_those_of_the_profile(explained):
    found, page = explained
    assert len(found.steps) == len(found.profile.steps)
    rows = page.rows("step-table")
    assert [float(row.value("data-us")) for row in rows] == [step.us for step in found.profile.steps]
    assert float(page.by_id("total")["data-us"]) == found.profile.us == found.us
    assert sum(step.us for step in found.steps) == pytest.approx(found.us, rel=1e-3)
    assert found.profile.shapes == {"x": (8, 128)} and "2 threads" in found.profile.device
    for row, weight in zip(page.rows("weight-table"), found.weights):
        assert float(row.value("data-us")) == weight.us == sum(found.steps[n - 1].us for n in weight.steps)
        assert {a["href"] for a in row.all("a")} == {f"#step-{n}" for n in weight.steps}


def test_of_several_rounds_the_quickest_counts():
    def profile(*times):
        steps = tuple(StepTime(f"s{i}", "k", us, 1, 1, "vector", None) for i, us in enumerate(times))
        return Profile("t", "d", sum(times), steps, {})

    joined = _join([profile(1.0, 5.0, 2.0), profile(3.0, 1.0, 2.0)])
    # The first step took 1, the first two 4, all of them 6.
    assert [s.us for s in joined.steps] == [1.0, 3.0, 2.0] and joined.us == 6.0 and joined.spread == pytest.approx(8 / 6)
    later = _join([profile(4.0, 0.0), profile(5.0, 0.5)])
    assert [s.us for s in later.steps] == [4.0, 0.0] and _join([joined]) is joined


def test_a_time_that_was_not_seen_has_no_share(explained):
    found, _ = explained
    weight = dataclasses.replace(found.weights[0], us=2.0, dense_us=4.0, predicted_share=0.25)
    assert weight.measured_share == 0.5 and weight.predicted_us == 1.0
    for us, dense_us in ((2.0, 0.0), (2.0, 0.02), (0.0, 4.0), (2.0, None), (None, 4.0)):
        assert dataclasses.replace(weight, us=us, dense_us=dense_us).measured_share is None
    assert dataclasses.replace(weight, dense_us=0.02).predicted_us is None and dataclasses.replace(weight, us=0.0).predicted_us == 1.0


def test_floors_of_a_cpu_are_measured(explained):
    found, _ = explained
    assert "GFLOP/s" in found.profile.floors
    for step in found.steps:
        assert step.floor_us > 0 and (not step.us or step.share_of_floor == step.floor_us / step.us)
    busiest = max(found.steps, key=lambda s: s.flops or 0)
    assert busiest.kind in ("sparse", "dense") and busiest.flops > 0


def test_the_dense_twin_is_measured(explained):
    found, page = explained
    assert found.dense_us == float(page.by_id("dense-total")["data-us"]) > 0
    assert all(w.dense_us is not None for w in found.weights)
    for weight in found.weights:
        if weight.dense_us:
            assert weight.predicted_us == weight.predicted_share * weight.dense_us


def test_a_dense_model_needs_no_twin(tmp_path):
    torch.manual_seed(0)
    found = et.explain(torch.nn.Linear(32, 32).eval(), torch.randn(2, 32), output=tmp_path / "a.html", rounds=1)
    assert found.dense_us is None and found.us > 0 and [w.path for w in found.weights] == ["dense"]


# ---- what is explained ----


def test_a_compiled_program_is_explained_like_its_module(program, explained, tmp_path):
    found = et.explain(program, {"rows": 8}, output=tmp_path / "a.html", rounds=1, compare_dense=False, title="A <b>title</b>")
    assert [(w.name, w.zeros, w.kept, w.predicted_share) for w in found.weights] == \
        [(w.name, w.zeros, w.kept, w.predicted_share) for w in explained[0].weights]
    assert found.dense_us is None and found.profile.shapes == {"x": (8, 128)}
    assert "A <b>title</b>" in Page((tmp_path / "a.html").read_text()).text


def test_a_file_is_explained_without_the_model(saved, explained, tmp_path):
    found = et.explain(saved, {"rows": 8}, output=tmp_path / "a.html", rounds=1)
    compiled = explained[0]
    assert [w.name for w in found.weights] == [w.name for w in compiled.weights]
    assert found.title == "block" and found.weight_bytes == compiled.weight_bytes == sum(w.size for w in read_program(saved).weights)
    for one, other in zip(found.weights, compiled.weights):
        assert (one.layout.kind, one.stored_bytes, one.steps) == (other.layout.kind, other.stored_bytes, other.steps)
        assert one.predicted_share is None and not one.remarks and "not in the file" in one.because
    assert any("Only the file is known" in note for note in found.notes)
    # What was not removed is stored as it was.
    merged = by_name(found, "query")
    assert merged.zeros == pytest.approx(0.5, abs=1e-3) and merged.layout.at_least and merged.shape == (384, 128)


def test_what_a_program_stores_is_what_the_model_holds(saved, program):
    file = read_program(saved)
    plan, weights = file.plans[0], program._imported.weights
    checked = 0
    for step in plan.steps:
        lengths = [file.weights[i].shape[0] for i in step.weights if len(file.weights[i].shape) == 1 and file.weights[i].dtype == "f32"]
        for stored in (file.weights[i] for i in step.weights):
            form = layout(file, stored, lengths)
            if form is None or "_pruned" in stored.name:
                continue
            names = stored.name.removesuffix(".panels").removesuffix(".tiles").split("|")
            exact = np.concatenate([weights[n].numpy() != 0 for n in names])
            assert np.array_equal(stored_mask(file, stored, form), exact[:, :form.inputs]) and not exact[:, form.inputs:].any()
            checked += 1
    assert checked == 3


def test_without_inputs_a_program_is_not_measured(saved, tmp_path):
    found = et.explain(saved, output=tmp_path / "a.html")
    assert found.profile is None and found.us is None and found.advice == () and len(found.steps) == len(read_program(saved).plans[0].steps)
    page = Page((tmp_path / "a.html").read_text())
    assert "give inputs, or sizes of 'rows'" in page.text and page.by_id("total")["data-us"] == ""


def test_a_program_for_gpus_is_explained_where_there_is_none(block, tmp_path):
    gpu = et.compile(block.to(torch.float16), (torch.randn(8, 128).half(),), dynamic_shapes={"x": SIZES}, target="cuda:sm_90a")
    block.float()
    found = et.explain(gpu, output=tmp_path / "a.html")
    assert found.is_gpu and found.target == "sm_90a" and found.profile is None
    assert {w.layout.kind for w in found.weights} == {"plain"} and by_name(found, "up").path == "smaller"
    query = by_name(found, "query")
    assert query.path == "dense" and (any(r.stays for r in query.remarks) if query.remarks else "whole neurons" in query.because)


def test_steps_for_many_sizes_are_counted(gpu, tmp_path):
    program, _, profile = gpu
    found = et.explain(program, output=tmp_path / "a.html")
    up = by_name(found, "up")
    assert len(up.steps) > 4
    row = Page((tmp_path / "a.html").read_text()).rows("weight-table")[found.weights.index(up)]
    assert [a["href"] for a in row.all("a")] == [f"#step-{n}" for n in up.steps[:3]] and f"and {len(up.steps) - 3} more" in row.text
    # One run takes one of them.
    path = write(tmp_path / "p.json", profile)
    row = Page(et.explain(program, profile=path, output=tmp_path / "b.html").path.read_text()).rows("weight-table")[found.weights.index(up)]
    assert len(row.all("a")) == 1 and " more" not in row.text


# ---- profiles from elsewhere ----


@pytest.fixture(scope="module")
def gpu(tmp_path_factory):
    """A program for a GPU and the profile of a run of it, as et-run-program writes it where there is one."""
    half = Block().half().eval().requires_grad_(False)
    program = et.compile(half, (torch.randn(8, 128).half(),), dynamic_shapes={"x": SIZES}, target="cuda:sm_90a")
    folder = tmp_path_factory.mktemp("gpu")
    program.save(folder / "gpu.etp")
    # A plan has kernels for other numbers of rows, too: of each layer the first one runs.
    steps = list({s.weights: s for s in reversed(read_program(folder / "gpu.etp").plans[0].steps)}.values())[::-1]
    profile = {"program": "main", "target": "sm_90a", "device": "NVIDIA H200", "peak_bytes_per_second": 4.8e12, "us": 4.0 * len(steps), "steps": [
        {"name": s.name, "kernel": s.kernel, "us": 4.0, "bytes": 1 << 20, "flops": 1 << 21, "unit": "tensor", "floor_us": 1.0} for s in steps]}
    return program, folder, profile


def write(path, profile) -> str:
    path.write_text(json.dumps(profile))
    return str(path)


def test_times_of_a_profile_stand_on_the_page(gpu, tmp_path):
    program, folder, profile = gpu
    path = write(tmp_path / "there.json", profile)
    found = et.explain(program, {"rows": 8}, profile=path, output=tmp_path / "a.html")
    assert found.us == profile["us"] and [s.us for s in found.steps] == [4.0] * len(profile["steps"]) and found.dense_us is None
    assert by_name(found, "up").us == 4.0 and by_name(found, "up").share_of_floor == 0.25 and by_name(found, "up").remarks
    page = Page((tmp_path / "a.html").read_text())
    assert "measured on NVIDIA H200 with x 8×128" in page.text and "Times are those of the profile 'there.json'" in page.text
    assert "4800 GB/s" in page.text and "where this page was made" in page.text
    # The file alone, without sizes, from the command line.
    assert main([str(folder / "gpu.etp"), "--profile", path, "-o", str(tmp_path / "b.html")]) == 0
    assert "measured on NVIDIA H200." in Page((tmp_path / "b.html").read_text()).text


def test_steps_without_work_may_be_missing_in_a_profile(gpu, tmp_path):
    program, _, profile = gpu
    short = {**profile, "steps": profile["steps"][1:]}
    found = et.explain(program, profile=write(tmp_path / "p.json", short), output=tmp_path / "a.html")
    assert [s.name for s in found.steps] == [s["name"] for s in short["steps"]]


@pytest.mark.parametrize("change, message", [
    (lambda p: {**p, "target": "sm_80"}, "expected a profile of sm_90a, for which 'program.etp' has a plan, but .* is of sm_80"),
    (lambda p: {**p, "steps": p["steps"][::-1]}, "is of another program: expected the steps of the profile in the plan"),
    (lambda p: {**p, "steps": [{**p["steps"][0], "kernel": "other"}]}, "is of another program: .*'other' is not there"),
    (lambda p: {**p, "steps": [{**p["steps"][0], "name": "other"}]}, "is of another program: its step 'other' is not in the plan"),
    (lambda p: {k: v for k, v in p.items() if k != "us"}, "is none: it has no 'us'"), (lambda p: {**p, "us": "fast"}, "is none: could not convert"),
    (lambda p: [p], "is none: list indices"), (lambda p: {**p, "steps": [1]}, "is none: "),
])
def test_profiles_that_do_not_fit_are_refused(gpu, tmp_path, change, message):
    program, _, profile = gpu
    with pytest.raises(ExplainError, match=message):
        et.explain(program, profile=write(tmp_path / "p.json", change(profile)), output=tmp_path / "a.html")
    assert not (tmp_path / "a.html").exists()


def test_a_profile_leaves_nothing_to_measure(gpu, tmp_path, capsys):
    program, folder, profile = gpu
    path = write(tmp_path / "p.json", profile)
    with pytest.raises(ExplainError, match="expected no device with a profile, for nothing is run"):
        et.explain(program, profile=path, device="cuda", output=tmp_path / "a.html")
    with pytest.raises(ExplainError, match="expected no threads with a profile"):
        et.explain(program, profile=path, threads=1, output=tmp_path / "a.html")
    with pytest.raises(ExplainError, match="expected profile to be the path of a file .* but got dict"):
        et.explain(program, profile=profile, output=tmp_path / "a.html")
    (tmp_path / "no.json").write_text("{")
    for name, message in (("none.json", "cannot be read: No such file"), ("no.json", "is none: Expecting")):
        assert main([str(folder / "gpu.etp"), "--profile", str(tmp_path / name), "-o", str(tmp_path / "a.html")]) == 1
        assert message in capsys.readouterr().err
    curve = {"groups": {"m/t/0": {"model": "m", "task": "t", "dense": {"metrics": {"accuracy": 0.9}}, "jobs": {
        "rows@0.5": {"pattern": "rows", "ratio": 0.5, "metrics": {"accuracy": 0.8}}}}}}
    with pytest.raises(ExplainError, match="expected a latency of the dense model for the curve"):
        et.explain(program, {"rows": 8}, profile=path, curve=curve, output=tmp_path / "a.html")


# ---- the page ----


def test_the_page_is_self_contained_and_well_formed(explained):
    found, page = explained
    assert page.problems == [] and page.doctype == "DOCTYPE html" and page.attributes("html")["lang"] == "en"
    assert page.references and all(r.startswith(("#", "data:image/png;base64,")) for r in page.references)
    assert not page.all("script") and not page.all("link") and not page.all("iframe")
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", page.source)
    assert all(image.get("alt") for image in page.all("img")) and len(page.all("img")) == len(found.weights)
    for reference in page.references:
        if reference.startswith("#"):
            assert reference[1:] in page.ids, reference
    assert len(page.ids) == len(set(page.ids))
    assert all("scope" in th for th in page.all("th")) and page.all("main") and page.all("h1")
    assert "prefers-color-scheme: dark" in page.source and "max-width: 46rem" in page.source


HOSTILE = "<img src=x onerror=alert(1)>\"', Weight=w&amp;"


class Hostile(torch.nn.Module):
    """Parameters whose names would be markup."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module(HOSTILE, torch.nn.Linear(64, 64))
        self._modules[HOSTILE].weight.data[:, :48] = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._modules[HOSTILE](x)


def check_harmless(page: Page) -> None:
    assert not page.all("script") and all(image["src"].startswith("data:") for image in page.all("img")) and page.problems == []
    assert not {"onerror", "onclick"} & {name for tag in page.tags for name in tag[1]}


def test_hostile_names_are_text(tmp_path):
    path = tmp_path / "a.html"
    found = et.explain(Hostile().eval(), torch.randn(4, 64), output=path, rounds=1, title="</title><script>alert(1)</script>")
    page = Page(path.read_text())
    check_harmless(page)
    assert [w.parameters for w in found.weights] == [(HOSTILE + ".weight",)] and found.weights[0].kept
    assert "</title><script>alert(1)</script>" in page.text and HOSTILE + ".weight" in page.text


def test_all_that_is_shown_is_escaped(explained):
    """Every text of an explanation replaced by one with quotes and markup."""
    evil = "\"'><script>alert(1)</script><img src=x onclick='a'>"

    def spoil(value):
        if isinstance(value, str):
            return evil
        if dataclasses.is_dataclass(value):
            kept = {"uri", "kind", "path", "curve_svg"}  # made by us, or one of a few words
            return dataclasses.replace(value, **{f.name: spoil(getattr(value, f.name)) for f in dataclasses.fields(value) if f.name not in kept})
        if isinstance(value, tuple):
            return tuple(spoil(v) for v in value)
        return {evil: spoil(v) for v in value.values()} if isinstance(value, dict) else value

    page = Page(render(spoil(explained[0])))
    check_harmless(page)
    assert page.text.count("<script>alert(1)</script>") > 50


# ---- what is refused ----


@pytest.mark.parametrize("what, message", [
    (7, "expected a torch module, what et.compile returned, or the path of a saved program .*but got int"),
    (None, "but got NoneType"), ([1], "but got list"), ("no/such.etp", "there is no file 'no/such.etp'"),
])
def test_other_things_are_refused(what, message, tmp_path):
    with pytest.raises(ExplainError, match=message):
        et.explain(what, output=tmp_path / "a.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keep", [0, 3, 100, 4096, -1])
def test_truncated_programs_are_refused(saved, keep, tmp_path):
    path = tmp_path / "cut.etp"
    path.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(ExplainError, match="expected a saved program .*cut.etp' cannot be loaded: "):
        et.explain(path, output=tmp_path / "a.html")
    assert not (tmp_path / "a.html").exists()


def test_a_damaged_program_is_refused(saved, tmp_path):
    contents = bytearray(saved.read_bytes())
    contents[200] ^= 0xFF
    (tmp_path / "bad.etp").write_bytes(contents)
    with pytest.raises(ExplainError, match="bad.etp' cannot be loaded: "):
        et.explain(tmp_path / "bad.etp", output=tmp_path / "a.html")


def test_a_loaded_program_is_refused_with_a_way_out(saved, tmp_path):
    with pytest.raises(ExplainError, match="give the path of its file"):
        et.explain(et.load(saved), output=tmp_path / "a.html")


def test_a_module_needs_inputs_and_eval_mode(block, tmp_path):
    with pytest.raises(ExplainError, match="expected example inputs of the module 'Block'"):
        et.explain(block, output=tmp_path / "a.html")
    with pytest.raises(ExplainError, match="expected example inputs of the module 'Block'"):
        et.explain(block, {"rows": 8}, output=tmp_path / "a.html")
    with pytest.raises(et.ExportError, match="eval"):
        et.explain(Block().train(), torch.randn(8, 128), output=tmp_path / "a.html")


@pytest.mark.parametrize("inputs, message", [
    (({"rows": 0},), "expected the size of 'rows' to be a whole number of at least 1, but got 0"),
    (({"rows": True},), "whole number of at least 1, but got True"),
    (({"rows": 2.5},), "whole number of at least 1, but got 2.5"),
    (({"rows": "8"},), "whole number of at least 1, but got '8'"),
    (({"columns": 8},), "'columns' is none; they are 'rows'"),
    (({3: 8},), "expected names of inputs or dimensions, but got 3"),
    (({"y": np.zeros((8, 128), np.float32)},), "'y' is none; they are 'x'"),
    ((np.zeros((8, 127), np.float32),), r"expected input 'x' to have shape \[rows, 128\], but got \[8, 127\]"),
    ((np.zeros(128, np.float32),), r"expected input 'x' to have shape \[rows, 128\], but got \[128\]"),
    ((torch.zeros(8, 128).double(),), "expected input 'x' to hold f32, but it holds float64"),
    ((torch.zeros(8, 128), {"rows": 9}), r"in which 'rows' is 9, but got \[8, 128\]"),
    ((torch.zeros(8, 128), torch.zeros(8)), "expected at most 1 inputs .'x'., but got 2"),
    ((torch.zeros(8, 128), {"x": torch.zeros(8, 128)}), "expected input 'x' once"),
    (("batch=1",), "expected inputs to be torch tensors, numpy arrays, or a dictionary .* but got str"),
    (([1, 2],), "but got list"),
])
def test_inputs_that_do_not_fit_are_refused(saved, inputs, message, tmp_path):
    with pytest.raises(ExplainError, match=message):
        et.explain(saved, *inputs, output=tmp_path / "a.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options, message", [
    ({"threads": 0}, "expected threads to be a whole number of at least 1, but got 0"),
    ({"threads": 1.5}, "but got 1.5"), ({"rounds": 0}, "expected rounds to be a whole number of at least 1"),
    ({"device": "gpu"}, "expected device 'cpu', 'cuda' or 'cuda:N', but got 'gpu'"), ({"device": 0}, "but got 0"),
    ({"device": "cuda"}, "cannot be measured"), ({"title": 3}, "expected title to be text, but got int"),
])
def test_options_that_do_not_fit_are_refused(saved, options, message, tmp_path):
    with pytest.raises(ExplainError, match=message):
        et.explain(saved, {"rows": 8}, output=tmp_path / "a.html", **options)


def test_outputs_that_cannot_be_are_refused(saved, tmp_path):
    with pytest.raises(ExplainError, match="expected a folder for the page, but there is no '.*none'"):
        et.explain(saved, output=tmp_path / "none" / "a.html")
    with pytest.raises(ExplainError, match="is a folder; name one in it"):
        et.explain(saved, output=tmp_path)


def test_a_tool_that_is_missing_is_named(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["et.explain.profiling"], "candidates", lambda *_: [])
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(ExplainError, match="cannot find et-run-program.*pass measure=False"):
        et.explain(saved, {"rows": 8}, output=tmp_path / "a.html")
    assert et.explain(saved, {"rows": 8}, output=tmp_path / "a.html", measure=False).profile is None


def test_a_profile_of_another_program_is_refused(saved):
    file = read_program(saved)
    profile = measure_steps(file, {"x": np.zeros((8, 128), np.float32)}, threads=1)
    assert attach(file.plans[0], profile) == list(range(len(profile.steps)))
    # Steps without work are not run, so the plan may hold more of them.
    more = [step for one in file.plans[0].steps for step in (types.SimpleNamespace(kernel="left_out"), one)]
    assert attach(types.SimpleNamespace(target="more", steps=more), profile) == list(range(1, len(more), 2))
    plan = types.SimpleNamespace(target="other", steps=file.plans[0].steps[1:])
    with pytest.raises(ExplainError, match="expected the steps of the profile in the plan for other"):
        attach(plan, profile)
