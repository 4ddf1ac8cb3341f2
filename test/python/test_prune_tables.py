#===- test_prune_tables.py - Tables, columns, tasks and metrics -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Files of every form, the columns and tasks that are found in them, metrics against definitions, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from et.prune import DataError, PruneError
from et.prune import metrics
from et.prune.tables import choose_columns, choose_task, examples, read_table


def write(tmp_path: Path, text: str, name: str = "data.tsv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def load(tmp_path: Path, text: str, name: str = "data.tsv", kind: str = "auto", **columns):
    table = read_table(write(tmp_path, text, name))
    chosen = choose_columns(table, **columns)
    task = choose_task(table, chosen, kind)
    return table, chosen, task, examples(table, chosen, task)


def test_sst2(tmp_path):
    _, _, task, found = load(tmp_path, "a fine film\t1\nso \"dull and sad\t0\nso very good\t1\nit was bad\t0")
    assert task.kind == "classification" and task.classes == ("0", "1")
    assert found.texts == [("a fine film",), ('so "dull and sad',), ("so very good",), ("it was bad",)]
    assert found.labels == [1, 0, 1, 0]


def test_mrpc_with_a_byte_order_mark_and_numbers_beside_the_label(tmp_path):
    text = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t17\t18\tone \" thing\tthe same thing\r\n0\t19\t20\tone thing\tno such thing\r\n"
    table, columns, task, found = load(tmp_path, text, "train.txt")
    assert (columns.texts, columns.label, table.first) == ((3, 4), 0, 2)
    assert found.texts[0] == ('one " thing', "the same thing") and found.labels == [1, 0]


def test_stsb(tmp_path):
    text = 'a plane, flies,"a ""big"" plane, flies",5.0\n'.replace("a plane, flies,", '"a plane, flies",') + "a man sits,a dog runs,0.25\n"
    _, _, task, found = load(tmp_path, text, "train.csv")
    assert task.kind == "similarity" and (task.low, task.high) == (0.0, 5.0)
    assert found.texts[0] == ("a plane, flies", 'a "big" plane, flies') and found.labels == [1.0, 0.05]


def test_a_negative_scale(tmp_path):
    _, _, task, found = load(tmp_path, "a b\tc d\t-1.0\na b\tc d\t0.5\na b\tc d\t1.0\n")
    assert (task.low, task.high) == (-1.0, 1.0) and found.labels == [0.0, 0.75, 1.0]


def test_classes_by_name_and_a_pair_of_texts(tmp_path):
    _, _, task, found = load(tmp_path, "premise\thypothesis\tlabel\na b\tc d\tyes\na b\tc d\tno\na b\tc d\tmaybe\n")
    assert task.classes == ("maybe", "no", "yes") and found.labels == [2, 1, 0]


def test_numeric_classes_are_in_the_order_of_numbers(tmp_path):
    rows = "".join(f"some text here\t{i}\n" for i in (10, 9, 2, 10, 9, 2))
    assert load(tmp_path, rows)[2].classes == ("2", "9", "10")


def test_columns_by_name_and_number(tmp_path):
    table = read_table(write(tmp_path, "id\tsentence\tnote\tlabel\n1\ta b\tc d\t0\n2\te f\tg h\t1\n"))
    assert choose_columns(table, ["sentence"], "4").texts == (1,)
    assert choose_columns(table, ["3"], "LABEL").texts == (2,)


@pytest.mark.parametrize("header,rows", [("yes", 1), ("no", 2)])
def test_the_header_may_be_said(tmp_path, header, rows):
    assert len(read_table(write(tmp_path, "a b\t1\nc d\t0\n"), header).rows) == rows


@pytest.mark.parametrize("text,name,message", [
    ("", "a.tsv", "expected rows of texts and labels, but the file is empty"),
    ("sentence\tlabel\n", "a.tsv", "expected rows below the header"),
    ("a b\t1\nc d\n", "a.tsv", "row 2: expected 2 columns as in the first row, but got 1"),
    ("a b,1\n", "a.tsv", "expected at least two columns.*split at commas, all others at tabs"),
    ('"a b,1\n', "a.csv", "expected CSV with balanced quotes"),
])
def test_files_of_another_form_are_refused(tmp_path, text, name, message):
    with pytest.raises(DataError, match=message):
        read_table(write(tmp_path, text, name))


def test_missing_folders_and_bytes_are_refused(tmp_path):
    with pytest.raises(DataError, match="no file .*none.tsv"):
        read_table(tmp_path / "none.tsv")
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)
    (tmp_path / "latin.tsv").write_bytes(b"caf\xe9 noir\t1\n")
    with pytest.raises(DataError, match="expected UTF-8, but byte 3 is not; convert the file first"):
        read_table(tmp_path / "latin.tsv")


@pytest.mark.parametrize("text,columns,message", [
    ("1\t2\n3\t4\n", {}, "one or two columns of texts, but found none; name them with --text-columns"),
    ("a b\tc d\te f\t1\n", {}, "but found 1, 2, 3; name them"),
    ("a b\t1\t2\n", {}, "one column that could be the label, but found 2, 3; name it with --label-column"),
    ("a b\tc d\n", {}, "could be the label, but found none"),
    ("a b\t1\n", {"label": "3"}, "expected the label column to be one of 1, 2 or a number from 1 to 2, but got '3'"),
    ("a b\t1\n", {"texts": ["text"]}, "expected a text column to be one of 1, 2"),
    ("a b\t1\n", {"texts": ["1"], "label": "1"}, "the label in another column than the texts, but column '1' is both"),
    ("a b\tc d\t1\n", {"texts": ["1", "1"]}, "one or two different text columns, but got 1, 1"),
])
def test_columns_that_cannot_be_found_are_refused(tmp_path, text, columns, message):
    with pytest.raises(DataError, match=message):
        choose_columns(read_table(write(tmp_path, text)), **columns)


@pytest.mark.parametrize("text,kind,message", [
    ("a b\t1\nc d\t1\n", "auto", "at least two classes, but every label is '1'"),
    ("a b\t1\nc d\t2\n", "similarity", "two columns of texts for similarity, but got 1"),
    ("a b\tc d\tx\n", "similarity", "row 1: expected a number as the label, but got 'x'"),
    ("a b\tc d\tnan\n", "similarity", "row 1: expected a number as the label"),
    ("a b\tc d\t0\na b\tc d\t0\n", "similarity", "different similarities, but all are 0"),
    ("".join(f"a b\tx{i}\n" for i in range(6)), "auto", "labels that repeat, but 6 rows have 6 different ones"),
])
def test_labels_that_make_no_task_are_refused(tmp_path, text, kind, message):
    with pytest.raises(DataError, match=message):
        load(tmp_path, text, kind=kind)


def test_rows_of_validation_must_fit_the_task(tmp_path):
    table, columns, task, _ = load(tmp_path, "a b\t1\nc d\t0\n")
    other = read_table(write(tmp_path, "a b\t1\nc d\t2\n"))
    with pytest.raises(DataError, match="row 2: expected a label of 0, 1, but got '2'"):
        examples(other, columns, task)
    with pytest.raises(DataError, match="row 1: expected a text, but it is empty"):
        examples(read_table(write(tmp_path, " \t1\nc d\t0\n")), columns, task)
    table, columns, task, _ = load(tmp_path, "a b\tc d\t0.5\na b\tc d\t4.0\n")
    with pytest.raises(DataError, match="row 1: expected a similarity from 0 to 4, but got '9'"):
        examples(read_table(write(tmp_path, "a b\tc d\t9\n")), columns, task)


# ---- metrics ---------------------------------------------------------------------------------------------------------


def test_f1_of_two_classes_is_that_of_class_1():
    predicted, gold = np.array([1, 1, 0, 0, 1]), np.array([1, 0, 1, 0, 1])
    assert metrics.f1(predicted, gold, 2) == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert metrics.accuracy(predicted, gold) == pytest.approx(0.6)


def test_f1_of_more_classes_is_the_mean_and_nobody_counts_zero():
    assert metrics.f1(np.array([0, 1]), np.array([0, 1]), 3) == pytest.approx(2 / 3)


def test_spearman_shares_ranks_of_ties():
    assert metrics.ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [2.5, 0.0, 2.5, 1.0]
    x, y = np.array([1.0, 2.0, 2.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0])
    assert metrics.spearman(x, y) == pytest.approx(0.9486832980505138)


def test_a_constant_tells_nothing():
    assert metrics.pearson(np.ones(3), np.arange(3)) == 0.0 == metrics.spearman(np.ones(3), np.arange(3))


def test_metrics_refuse_what_does_not_fit():
    with pytest.raises(PruneError, match="a prediction for each of at least one label"):
        metrics.accuracy(np.array([]), np.array([]))
    with pytest.raises(PruneError, match="finite outputs of the model.*diverged. lower --lr"):
        metrics.evaluate("classification", np.array([[np.nan, 1.0]]), np.array([1]), 2)
