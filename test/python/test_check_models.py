#===- test_check_models.py - et.check raises no false alarm on working models -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Working models are valid for all sizes within their bounds; without the bound the table of positions is found."""

import check_models
import pytest

import et


@pytest.mark.parametrize("name", check_models.MODELS)
def test_working_model_is_valid(name):
    model = check_models.MODELS[name]
    report = et.check(check_models.build(name), model.shapes, min=model.min, max=model.max)
    assert report.verdict == "valid", str(report)


@pytest.mark.parametrize("name, limit", [("bert, sdpa", 48), ("GPT-2", 64)])
def test_text_longer_than_the_position_table_is_found(name, limit):
    report = et.check(check_models.build(name), check_models.MODELS[name].shapes)
    assert report.verdict == "invalid"
    assert all(path.example["sequence"] > limit for path in report.invalid), str(report)


def test_mask_of_another_length_is_found():
    shapes = {**check_models.TEXT, "attention_mask": ("batch", "other", check_models.torch.int64)}
    report = et.check(check_models.build("bert, eager"), shapes, max={"sequence": 40, "other": 40})
    assert any(path.example["sequence"] != path.example["other"] for path in report.invalid)
