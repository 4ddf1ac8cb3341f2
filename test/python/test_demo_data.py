#===- test_demo_data.py - Reading sentences, good files and bad -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Every reader of examples/sentence_data.py: what it takes, and what it must refuse with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

import bench_path  # noqa: F401
import sentence_data as data

MRPC_HEADER = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"


def write(tmp_path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = tmp_path / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def test_sample_has_distinct_sentences_and_no_comments():
    corpus = data.load_sample()
    assert 40 <= len(corpus) <= 60
    assert len(set(corpus.sentences)) == len(corpus)
    assert not any(sentence.startswith("#") for sentence in corpus.sentences)


def test_plain_leaves_out_comments_and_empty_lines(tmp_path):
    corpus = data.read_plain(write(tmp_path, "# licence\n\n A cat.\r\nA # dog.\n"), "x")
    assert corpus.sentences == ["A cat.", "A # dog."]


def test_plain_does_not_split_at_unicode_line_separators(tmp_path):
    assert data.read_plain(write(tmp_path, "one\u2028two\x85three\n"), "x").sentences == ["one\u2028two\x85three"]


def test_label_first_reads_latin1(tmp_path):
    path = write(tmp_path, "5 Who wrote Caf\u00e9 ?\n0 What ?\n", "iso-8859-1")
    assert data.read_label_first(path, "x", 6, "iso-8859-1").sentences == ["Who wrote Caf\u00e9 ?", "What ?"]


def test_label_last_takes_a_last_row_without_newline(tmp_path):
    assert data.read_label_last(write(tmp_path, "good film\t1\nbad film\t0"), "x").sentences == ["good film", "bad film"]


def test_cola_takes_the_fourth_column(tmp_path):
    assert data.read_cola(write(tmp_path, "gj04\t0\t*\tThem left.\ngj04\t1\t\tThey left.\n"), "x").sentences == ["Them left.", "They left."]


def test_wikitext_leaves_out_headings(tmp_path):
    text = " \n = Title = \n \n A paragraph with 1 = 1 . \n = = Sub = = \n More . \n"
    assert data.read_wikitext(write(tmp_path, text), "x").sentences == ["A paragraph with 1 = 1 .", "More ."]


def test_stsb_quotes_and_repeated_sentences(tmp_path):
    text = 'A cat.,"A ""big"" cat, asleep.",2.5\nA cat.,A dog.,0.0\n'
    corpus = data.read_stsb(write(tmp_path, text), "x")
    assert corpus.sentences == ["A cat.", 'A "big" cat, asleep.', "A dog."]
    assert corpus.pairs == [(0, 1), (0, 2)]
    assert corpus.scores == [2.5, 0.0]


def test_stsb_quoted_newline_stays_in_its_sentence(tmp_path):
    corpus = data.read_stsb(write(tmp_path, '"A\ncat.",B,1\n'), "x")
    assert corpus.sentences == ["A\ncat.", "B"]


def test_mrpc_keeps_unbalanced_quotes(tmp_path):
    corpus = data.read_mrpc(write(tmp_path, MRPC_HEADER + '1\t1\t2\tHe said "no.\t"No, he said.\n'), "x")
    assert corpus.sentences == ['He said "no.', '"No, he said.']
    assert corpus.scores == [1.0]


@pytest.mark.parametrize("text", ["2 too large a label\n", "x no label\n", "1\n", "-1 negative\n", "0 good\n\n0 after an empty line\n"])
def test_label_first_refuses(tmp_path, text):
    with pytest.raises(data.DataError, match=r"file:\d+: expected a label from 0 to 1"):
        data.read_label_first(write(tmp_path, text), "x", 2)


@pytest.mark.parametrize("text", ["no label\n", "a\t2\n", "a\t1\tb\n", "\t1\n"])
def test_label_last_refuses(tmp_path, text):
    with pytest.raises(data.DataError, match="file:1: expected a sentence, a tab and 0 or 1"):
        data.read_label_last(write(tmp_path, text), "x")


@pytest.mark.parametrize("text", ["a,b\n", "a,b,c\n", "a,b,5.1\n", "a,b,-1\n", "a,,1\n", "a,b,1,2\n", "a,b,nan\n"])
def test_stsb_refuses(tmp_path, text):
    with pytest.raises(data.DataError, match="record 1: expected two sentences and a score"):
        data.read_stsb(write(tmp_path, text), "x")


def test_stsb_refuses_a_truncated_quote(tmp_path):
    with pytest.raises(data.DataError, match="quote"):
        data.read_stsb(write(tmp_path, 'a,b,1\n"cut off in the mid'), "x")


def test_mrpc_refuses_another_header(tmp_path):
    with pytest.raises(data.DataError, match="expected the header"):
        data.read_mrpc(write(tmp_path, "a\tb\n"), "x")


def test_mrpc_refuses_a_short_row(tmp_path):
    with pytest.raises(data.DataError, match="file:2: expected five columns.*but got 3"):
        data.read_mrpc(write(tmp_path, MRPC_HEADER + "1\t1\t2\n"), "x")


def test_cola_refuses_three_columns(tmp_path):
    with pytest.raises(data.DataError, match="expected four columns.*but got 3"):
        data.read_cola(write(tmp_path, "gj04\t1\tThey left.\n"), "x")


@pytest.mark.parametrize("reader", [data.read_plain, data.read_wikitext, data.read_stsb, data.read_label_last])
def test_empty_file_is_refused(tmp_path, reader):
    with pytest.raises(data.DataError, match="the file is empty"):
        reader(write(tmp_path, ""), "x")


def test_only_comments_is_refused(tmp_path):
    with pytest.raises(data.DataError, match="every line is empty or a comment"):
        data.read_plain(write(tmp_path, "# nothing\n\n"), "x")


def test_wrong_encoding_is_refused(tmp_path):
    with pytest.raises(data.DataError, match="expected utf-8, but byte 4 is not"):
        data.read_plain(write(tmp_path, b"Caf \xe9\n"), "x")


def test_missing_file_names_the_way_out(tmp_path):
    with pytest.raises(data.DataError, match="set ET_DATA"):
        data.load_data_set("stsb", tmp_path)


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(data.DataError, match="ET_DATA names no folder"):
        data.load_data_set("stsb", tmp_path / "absent")


def test_unknown_data_set_lists_the_known(tmp_path):
    with pytest.raises(data.DataError, match="unknown data set 'snli'; known are stsb, mrpc"):
        data.load_data_set("snli", tmp_path)
