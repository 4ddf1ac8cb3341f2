#===- test_docs_site.py - The site is whole -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Builds the site as `make docs` does, warnings being errors, and looks at what came out; and builds a broken one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ["docs", "benchmarks", "CONTRIBUTING.md", "CHANGELOG.md"]

pytest.importorskip("furo", reason="the generator is not installed: requirements/docs.txt")
pytest.importorskip("myst_parser", reason="the generator is not installed: requirements/docs.txt")


def build(source: Path, output: Path, builder: str = "html") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", builder, "-c", str(ROOT / "docs" / "site"),
                           "-d", str(output / "cache"), str(source), str(output / "site")],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("site")
    done = build(ROOT, output)
    assert done.returncode == 0, done.stderr
    return output / "site"


def test_every_page_is_there_and_the_root_leads_to_the_first(site):
    for page in (ROOT / "docs").glob("**/*.md"):
        assert (site / page.relative_to(ROOT)).with_suffix(".html").is_file(), page
    assert "url=docs/index.html" in (site / "index.html").read_text()


def test_nothing_is_loaded_from_the_network(site):
    loads = re.compile(r'<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)="(?:https?:)?//[^"]*"')
    for page in site.glob("**/*.html"):
        found = loads.findall(page.read_text())
        assert not found, (page, found)
    for sheet in site.glob("**/*.css"):
        assert not re.search(r"(?:url\(|@import )[\"']?(?:https?:)?//", sheet.read_text()), sheet


def test_the_reference_comes_from_docstrings_headers_and_tablegen(site):
    python = (site / "docs" / "PythonAPI.html").read_text()
    assert 'id="et.compile"' in python and "instruction set level" in python
    assert 'id="et.prune.Pruner' in python or 'id="et.prune.pruner.Pruner' in python
    assert "etExecutableRun" in (site / "docs" / "reference" / "CAPI.html").read_text()
    passes = (site / "docs" / "reference" / "ETPasses.html").read_text()
    assert "<h1>Passes on tensors and plans" in passes and "--et-plan-memory</span>" in passes
    assert "[TOC]" not in (site / "docs" / "reference" / "ETDialect.html").read_text()


def test_links_show_titles_and_mlir_is_coloured(site):
    pipeline = (site / "docs" / "Pipeline.html").read_text()
    assert "Sparsity.md</" not in pipeline and "Sparse weights" in pipeline
    assert 'class="highlight-mlir' in pipeline and '<span class="nv">%rows</span>' in pipeline


def test_the_search_works_from_files(site):
    # Browsers let pages on file:// load scripts, and fetch nothing.
    assert (site / "searchindex.js").read_text().startswith("Search.setIndex(")
    assert "SHOW_SEARCH_SUMMARY: false" in (site / "_static" / "documentation_options.js").read_text()


def test_what_is_broken_fails(tmp_path):
    source = tmp_path / "source"
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("*.py", "*.json", "__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    with open(source / "docs" / "Numerics.md", "a") as page:
        page.write("\nSee [nothing](Nowhere.md), and [no heading](Sparsity.md#nowhere).\n")
    (source / "docs" / "Unlisted.md").write_text("# A page that no menu has\n")
    (source / "docs" / "Debugging.md").unlink()
    done = build(source, tmp_path, builder="dummy")
    assert done.returncode != 0
    assert re.search(r"Numerics.md:\d+: WARNING: .*Nowhere.md", done.stderr), done.stderr
    assert re.search(r"Numerics.md:\d+: WARNING: .*nowhere", done.stderr), done.stderr
    assert re.search(r"Unlisted.md: WARNING: document isn't included in any toctree", done.stderr), done.stderr
    assert re.search(r"WARNING: toctree contains reference to .*docs/Debugging", done.stderr), done.stderr
