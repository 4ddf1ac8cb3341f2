#===- test_c_reference.py - docs/reference/CAPI.md from headers -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What scripts/c_reference.py makes of a header, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAD = """//===- Thing.h - C API: make things -*- C -*-===//
//
// The licence.
//
//===----------------------------------------------------------------------===//
//
// Things are the caller's.
//
//   a thing -> another
//
//===----------------------------------------------------------------------===//

#ifndef ET_C_THING_H
#define ET_C_THING_H

#ifdef __cplusplus
extern "C" {
#endif
"""
BODY = """
/// How many \\p things there are,
/// now.
ET_CAPI_EXPORTED size_t etCount(const char *name,
                                size_t things);
ET_CAPI_EXPORTED size_t etCountAll(void);

//===----------------------------------------------------------------------===//
// More
//===----------------------------------------------------------------------===//

/// A thing.
typedef struct EtThing {
  /// Its size.
  size_t size;
} EtThing;

#ifdef __cplusplus
}
#endif

#endif // ET_C_THING_H
"""


def reference(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, ROOT / "scripts" / "c_reference.py", *arguments], capture_output=True, text=True, timeout=60)


def test_a_header_becomes_a_page(tmp_path):
    (tmp_path / "Thing.h").write_text(HEAD + BODY)
    done = reference(tmp_path / "page.md", tmp_path / "Thing.h")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.md").read_text()
    assert page.split("## Thing.h", 1)[1] == """: make things

Things are the caller's.

    a thing -> another

How many `things` there are,
now.

```c
size_t etCount(const char *name,
               size_t things);
size_t etCountAll(void);
```

### More

A thing.

```c
typedef struct EtThing {
  /// Its size.
  size_t size;
} EtThing;
```
"""


def test_every_function_of_the_headers_is_on_the_page():
    page = (ROOT / "docs" / "reference" / "CAPI.md").read_text()
    for header in (ROOT / "include" / "et-c").glob("*.h"):
        assert f"\n## {header.name}: " in page, header
        for line in header.read_text().splitlines():
            if line.startswith("ET_CAPI_EXPORTED "):
                assert line.removeprefix("ET_CAPI_EXPORTED ") in page


@pytest.mark.parametrize("text, message", [
    ("int x;\n", "Thing.h: expected the first line to be //===- NAME - WHAT -*- C -*-===//"),
    (HEAD.split("// Things")[0], "Thing.h: expected a comment between two rules (//===---===//) behind the licence"),
])
def test_a_header_without_its_head_is_refused(tmp_path, text, message):
    (tmp_path / "Thing.h").write_text(text)
    done = reference(tmp_path / "page.md", tmp_path / "Thing.h")
    assert done.returncode == 1 and message in done.stderr
    assert not (tmp_path / "page.md").exists()


def test_a_call_without_headers_says_how():
    done = reference("page.md")
    assert done.returncode == 1 and done.stderr == "usage: c_reference.py OUTPUT HEADER...\n"
