#===- test_check_bugs.py - et.check finds shape bugs that people met -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Each program of shape_bugs/ is found at its line, and its repaired version is valid."""

import pytest
from shape_bugs import CASES

import et


def ids(case):
    return case.name


def bounds(case, shapes, which):
    return {name: bound for name, bound in getattr(case, which).items() if name in str(shapes)}


def check(case, fixed):
    shapes = (case.fixed_shapes if fixed else None) or case.shapes
    program = case.fixed() if fixed else case.broken()
    return et.check(program, shapes, min=bounds(case, shapes, "min"), max=bounds(case, shapes, "max"))


def test_there_are_enough_of_them():
    assert len(CASES) >= 50
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.url.startswith("https://") for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_bug_is_found_at_its_line(case):
    report = check(case, fixed=False)
    assert report.verdict == "invalid", str(report)
    for path in report.invalid:
        where = path.frame.source if path.frame else path.modules[-1]
        assert case.at in where or path.modules and case.at == path.modules[-1], str(path)
        assert path.error and path.every_size == case.every_size, str(path)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_repaired_program_is_valid(case):
    report = check(case, fixed=True)
    assert report.verdict == "valid", str(report)
