#===- test_check_shapes.py - The arguments of et.check -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What et.check takes as a program and as shapes, and what it refuses."""

import functools

import pytest
import torch
from torch.export import Dim

import et

LINEAR = torch.nn.Linear(8, 4)


def product(a, b):
    return a @ b


@pytest.mark.parametrize("shapes", [
    {"input": ("batch", 8)}, [("batch", 8)], ("batch", 8), [("batch", 8, torch.float32)], [(Dim("batch", min=2, max=9), 8)], [("batch", "2*four")],
    [torch.zeros(3, 8)], ((3, 8),),
])
def test_shapes_are_taken(shapes):
    report = et.check(LINEAR, shapes, min={"four": 4} if "four" in str(shapes) else None, max={"four": 4} if "four" in str(shapes) else None)
    assert report.verdict == "valid", str(report)


def test_equal_names_are_equal_sizes():
    assert et.check(product, [("n", "k"), ("k", "m")]).verdict == "valid"
    report = et.check(product, [("n", "k"), ("l", "m")])
    [path] = report.invalid
    assert path.example["k"] != path.example["l"] and not path.every_size


def test_dim_bounds_hold():
    def forward(x):
        return x.view(-1, 4)[:3].unsqueeze(0) if 2 <= x.shape[0] <= 9 else x.view(-1, 7)

    assert et.check(forward, [(Dim("batch", min=2, max=9), 4)]).verdict == "valid"
    assert et.check(forward, [(Dim("batch", min=2, max=10), 4)]).invalid[0].example == {"batch": 10}


def test_derived_dim_is_a_multiple():
    batch = Dim("batch", min=1, max=64)
    assert et.check(lambda x: x.view(-1, 4), [(4 * batch,)]).verdict == "valid"
    assert et.check(lambda x: x.view(-1, 4), [(4 * batch + 1,)]).verdict == "invalid"


def test_sizes_numbers_and_nested_arguments():
    def forward(tensors, size, options, flag):
        total = tensors[0] + tensors[1]
        return total.view(size, options["width"]) if flag else total.view(-1, 3)

    shapes = [[("batch", 6), ("batch", 6)], "batch", {"width": 6}, True]
    assert et.check(forward, shapes).verdict == "valid"
    assert et.check(forward, [*shapes[:3], None]).verdict == "valid"
    assert et.check(forward, [*shapes[:2], {"width": 5}, True]).verdict == "invalid"


def test_no_size_is_zero_unless_asked_for():
    def forward(x):
        return x.mean(0) if x.shape[0] > 0 else x.view(1, 7)

    assert et.check(forward, [("batch", 8)]).verdict == "valid"
    assert et.check(forward, [("batch", 8)], min={"batch": 0}).invalid[0].example == {"batch": 0}


def test_partial_and_methods_are_taken():
    class Holder:
        def __init__(self):
            self.model = LINEAR

        def step(self, x):
            return self.model(x)

    assert et.check(functools.partial(product, b=torch.zeros(8, 2)), [("batch", 8)]).verdict == "valid"
    assert et.check(Holder().step, [("batch", 8)]).verdict == "valid"
    assert et.check(Holder().step, [("batch", 9)]).verdict == "invalid"


@pytest.mark.parametrize("program, shapes, options, message", [
    (3, [("batch", 8)], {}, "expected a module or a function to check, but got int"),
    (LINEAR, 8, {}, "expected shapes to be a dictionary by argument name or a sequence of shapes, but got int"),
    (LINEAR, {"inputs": ("batch", 8)}, {}, "expected shapes for the arguments (input), but missing a required argument: 'input'"),
    (LINEAR, [("batch", 8), ("batch", 8)], {}, "expected shapes for the arguments (input), but too many positional arguments"),
    (LINEAR, {3: ("batch", 8)}, {}, "expected the names of arguments as keys of shapes, but got 3"),
    (LINEAR, [("batch", -8)], {}, "expected a size of argument 0 between 0 and 2147483647, but got -8"),
    (LINEAR, [("batch", True)], {}, "expected a size of argument 0 to be an integer or a name, but got True"),
    (LINEAR, [("batch", 2.5)], {}, "expected a size of argument 0 to be an integer, a name or a Dim of torch.export, but got 2.5 of type float"),
    (LINEAR, [("batch size", 8)], {}, "expected a size of argument 0 to be a name such as 'batch', or '32*height', but got 'batch size'"),
    (LINEAR, [("0*batch", 8)], {}, "expected the factor of a size of argument 0 to be at least 1, but got '0*batch'"),
    (LINEAR, [object()], {}, "expected argument 0 to be a tuple of sizes, a tensor, a number, None, or a list or dictionary of these, but got object"),
    (LINEAR, [("batch", 8)], {"min": {"bach": 2}}, "expected min to bound a size that shapes names ('batch'), but got 'bach'"),
    (LINEAR, [(3, 8)], {"max": {"batch": 2}}, "expected max to bound a size that shapes names (none), but got 'batch'"),
    (LINEAR, [("batch", 8)], {"min": {"batch": -1}}, "expected min of 'batch' to be an integer of at least 0, but got -1"),
    (LINEAR, [("batch", 8)], {"min": {"batch": 4}, "max": {"batch": 3}}, "expected min of 'batch' to be at most its max, but got 4 and 3"),
    (LINEAR, [("batch", 8)], {"max_runs": 0}, "expected max_runs to be an integer of at least 1, but got 0"),
    (LINEAR, [("batch", 8)], {"max_seconds": 0}, "expected max_seconds to be a number above 0, but got 0"),
])
def test_refused(program, shapes, options, message):
    with pytest.raises(et.CheckError) as error:
        et.check(program, shapes, **options)
    assert message in str(error.value)


def test_two_ranges_of_one_name_are_refused():
    with pytest.raises(et.CheckError, match="expected one range of the size 'batch', but got 2 to 9 and 3 to 9"):
        et.check(product, [(Dim("batch", min=2, max=9), 8), (8, Dim("batch", min=3, max=9))])
