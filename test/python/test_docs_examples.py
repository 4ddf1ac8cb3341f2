#===- test_docs_examples.py - The examples of the pages run -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Runs every block of README.md, CONTRIBUTING.md and docs/*.md (doc_examples.py says how), and tests that what does not run says so."""

from __future__ import annotations

import pytest

from doc_examples import ROOT, ExampleError, Page, read

PAGES = ["README.md", "CONTRIBUTING.md", "benchmarks/README.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
# Blocks that are shown and not run. Their pages say why.
NOT_RUN = {
    "README.md": 3, "benchmarks/README.md": 5, "docs/AddingAKernelFamily.md": 2, "docs/AddingAPass.md": 1, "docs/Embedding.md": 3, "docs/GettingStarted.md": 3,
    "docs/Importing.md": 6, "docs/Install.md": 2, "docs/Onnx.md": 1, "docs/Pipeline.md": 4, "docs/Pruning.md": 1, "docs/Runtime.md": 2, "docs/SpeedUpAModel.md": 1, "docs/TorchCompile.md": 1, "docs/Tuning.md": 1,
}
BLOCKS = {page: (ROOT / page).read_text() for page in PAGES}


@pytest.mark.parametrize("page", [p for p in PAGES if "\n```" in BLOCKS[p]])
def test_the_examples_of_a_page_run(page, tmp_path, monkeypatch, build_dir):
    blocks = read(page, BLOCKS[page])
    if all(b.reason for b in blocks):
        return
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "build").symlink_to(build_dir.resolve())
    run = Page(tmp_path, build_dir.resolve())
    for block in blocks:
        run.run(block)


@pytest.mark.parametrize("page", PAGES)
def test_what_does_not_run_is_counted(page):
    """New blocks run. One that cannot, on a machine without a GPU and in seconds, changes NOT_RUN, which a review sees."""
    reasons = [f"{page}:{b.line}: {b.reason}" for b in read(page, BLOCKS[page]) if b.reason]
    assert len(reasons) == NOT_RUN.get(page, 0), "\n".join(reasons)


def page_of(tmp_path, build_dir, text):
    run = Page(tmp_path, build_dir.resolve())
    for block in read("page.md", text):
        run.run(block)
    return run


def test_blocks_share_names_and_files(tmp_path, build_dir):
    run = page_of(tmp_path, build_dir, """
<!-- setup python
x = 20
-->
```python
y = x + 1
print("y is", y, "and", y / 2)
```
<!-- output, numbers vary -->
```
y is 17 and ...
```
<!-- file a/model.mlir -->
```mlir
func.func @f() { return }
```
```sh
et-opt a/model.mlir | grep -c func.func
```
<!-- output -->
```
1
```
<!-- fails -->
```sh
et-opt missing.mlir
```
<!-- output -->
```
...No such file or directory...
```
""")
    assert run.names["y"] == 21


@pytest.mark.parametrize("text, message", [
    ("```\ntext\n```", "page.md:1: expected a block of python, sh"),
    ("```tablegen\ntext\n```", "page.md:1: expected a block of python, sh"),
    ("\n<!-- not run: -->\n```sh\nfalse\n```", "page.md:2: expected output, .* but got 'not run:'"),
    ("<!-- output, roughly -->\n```\ntext\n```", "page.md:1: expected output, .* but got 'output, roughly'"),
    ("<!-- output -->\n```\ntext\n```", "page.md:1: expected a block that runs in front of an output"),
    ("<!-- not run: needs a GPU -->\n```sh\nx\n```\n<!-- output -->\n```\ntext\n```", "page.md:5: expected a block that runs"),
    ("<!-- fails -->\n```python\n1 / 0\n```", "page.md:1: expected only a block of sh to fail, but this is python"),
    ("<!-- not run: needs a GPU -->\n\n```sh\nx\n```", "page.md: expected each marker right in front of a block, but 1 are not"),
    ("<!-- setup tcl\nx\n-->", "page.md:1: expected a setup in python or sh, but got 'tcl'"),
])
def test_blocks_that_are_neither_run_nor_marked_are_refused(text, message):
    with pytest.raises(ExampleError, match=message):
        read("page.md", text)


@pytest.mark.parametrize("text, message", [
    ("```python\n1 / 0\n```", "page.md:1: ZeroDivisionError"),
    ("```sh\nfalse\ntrue\n```", "page.md:1: expected success, but the exit status is 1"),
    ("```sh\nfalse | true\n```", "page.md:1: expected success"),
    ("<!-- fails -->\n```sh\ntrue\n```", "page.md:1: expected an error, but the exit status is 0"),
    ("```mlir\nfunc.func @f() -> i32 { return }\n```", "page.md:1: expected success(.|\n)*enclosing function"),
    ("```c\nint f(void) { return x; }\n```", "page.md:1: expected success(.|\n)*x"),
    ("```cpp\n#include \"mlir/IR/Nothing.h\"\n```", "page.md:1: expected success(.|\n)*Nothing.h"),
    ("```json\n{,}\n```", "page.md:1: JSONDecodeError"),
    ("```python\nprint('1 tile')\n```\n<!-- output -->\n```\n2 tile\n```", "page.md:4: expected the output\n2 tile\nbut got\n1 tile"),
    ("```python\nprint('1 tile')\n```\n<!-- output, numbers vary -->\n```\n2 rows\n```", "expected the output\n2 rows"),
    ("```python\nprint('a b c')\n```\n<!-- output -->\n```\na b\n```", "expected the output\na b\n"),
])
def test_an_example_that_breaks_fails(tmp_path, build_dir, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExampleError, match=message):
        page_of(tmp_path, build_dir, text)
