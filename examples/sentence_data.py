#===- sentence_data.py - Reads files of sentences into one form -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Readers for the sample the project carries and for the public data sets its users know.

`ET_DATA` names a folder with one sub-folder per data set (stsb, mrpc, sst2, ...). Every reader checks what it reads: a row
of another form is refused with its file and line, never skipped, so that a truncated download cannot pass for a result.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

SAMPLE = Path(__file__).parent / "data" / "sentences.txt"


class DataError(ValueError):
    """A data file is missing or not in the form its reader expects."""


@dataclass(frozen=True)
class Corpus:
    """Sentences, and for pair data sets which two belong together and how alike people found them."""

    name: str
    sentences: list[str]
    pairs: list[tuple[int, int]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.sentences)


def _lines(path: Path, encoding: str = "utf-8") -> list[str]:
    try:
        # newline handling by hand: str.splitlines would also split at characters that occur inside sentences.
        text = path.read_bytes().decode(encoding)
    except FileNotFoundError:
        raise DataError(f"no file {path}; set ET_DATA to the folder that holds the data sets") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected {encoding}, but byte {error.start} is not") from None
    lines = text.replace("\r\n", "\n").split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    if not lines:
        raise DataError(f"{path}: expected sentences, but the file is empty")
    return lines


def read_plain(path: Path, name: str) -> Corpus:
    """One sentence a line; empty lines and lines that start with '#' are left out."""
    sentences = [line.strip() for line in _lines(path) if line.strip() and not line.startswith("#")]
    if not sentences:
        raise DataError(f"{path}: expected sentences, but every line is empty or a comment")
    return Corpus(name, sentences)


def read_label_first(path: Path, name: str, labels: int, encoding: str = "utf-8") -> Corpus:
    """`LABEL sentence` with a label from 0 to `labels` - 1."""
    sentences = []
    for number, line in enumerate(_lines(path, encoding), 1):
        label, _, sentence = line.partition(" ")
        if not label.isdecimal() or int(label) >= labels or not sentence.strip():
            raise DataError(f"{path}:{number}: expected a label from 0 to {labels - 1}, a space and a sentence")
        sentences.append(sentence.strip())
    return Corpus(name, sentences)


def read_label_last(path: Path, name: str) -> Corpus:
    """`sentence<TAB>{0,1}`."""
    sentences = []
    for number, line in enumerate(_lines(path), 1):
        columns = line.split("\t")
        if len(columns) != 2 or columns[1] not in ("0", "1") or not columns[0].strip():
            raise DataError(f"{path}:{number}: expected a sentence, a tab and 0 or 1")
        sentences.append(columns[0].strip())
    return Corpus(name, sentences)


def read_cola(path: Path, name: str) -> Corpus:
    """`source<TAB>{0,1}<TAB>original mark<TAB>sentence`."""
    sentences = []
    for number, line in enumerate(_lines(path), 1):
        columns = line.split("\t")
        if len(columns) != 4 or columns[1] not in ("0", "1") or not columns[3].strip():
            raise DataError(f"{path}:{number}: expected four columns (source, 0 or 1, mark, sentence), but got {len(columns)}")
        sentences.append(columns[3].strip())
    return Corpus(name, sentences)


def read_wikitext(path: Path, name: str) -> Corpus:
    """One paragraph a line; headings (` = Title = `) and empty lines are left out."""
    paragraphs = [line.strip() for line in _lines(path)]
    sentences = [p for p in paragraphs if p and not (p.startswith("= ") and p.endswith(" ="))]
    if not sentences:
        raise DataError(f"{path}: expected paragraphs, but found only headings and empty lines")
    return Corpus(name, sentences)


def _corpus_of_pairs(name: str, rows: list[tuple[str, str, float]]) -> Corpus:
    """Keeps each different sentence once: data sets repeat them, and an embedding is the same every time."""
    index: dict[str, int] = {}
    pairs, scores = [], []
    for first, second, score in rows:
        pairs.append((index.setdefault(first, len(index)), index.setdefault(second, len(index))))
        scores.append(score)
    return Corpus(name, list(index), pairs, scores)


def read_stsb(path: Path, name: str) -> Corpus:
    """CSV of `sentence1,sentence2,score` with quotes as in RFC 4180, no header, scores from 0 to 5."""
    rows = []
    text = "\n".join(_lines(path)) + "\n"
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise DataError(f"{path}: expected CSV with balanced quotes, but got {error}") from None
    for number, row in enumerate(records, 1):
        try:
            first, second, score = row[0].strip(), row[1].strip(), float(row[2])
        except (IndexError, ValueError):
            raise DataError(f"{path}: record {number}: expected two sentences and a score") from None
        if len(row) != 3 or not first or not second or not 0 <= score <= 5:
            raise DataError(f"{path}: record {number}: expected two sentences and a score from 0 to 5")
        rows.append((first, second, score))
    return _corpus_of_pairs(name, rows)


def read_mrpc(path: Path, name: str) -> Corpus:
    """TSV with a header and a byte order mark; quotes mean nothing (they are not balanced). Score 1 is a paraphrase."""
    lines = _lines(path, "utf-8-sig")
    if lines[0].split("\t") != ["Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"]:
        raise DataError(f"{path}:1: expected the header of the MSR paraphrase corpus")
    rows = []
    for number, line in enumerate(lines[1:], 2):
        columns = line.split("\t")
        if len(columns) != 5 or columns[0] not in ("0", "1") or not columns[3].strip() or not columns[4].strip():
            raise DataError(f"{path}:{number}: expected five columns (0 or 1, two ids, two sentences), but got {len(columns)}")
        rows.append((columns[3].strip(), columns[4].strip(), float(columns[0])))
    return _corpus_of_pairs(name, rows)


@dataclass(frozen=True)
class DataSet:
    """Where a data set lies below ET_DATA, and how it is read. The split is the one that results are reported on."""

    path: str
    split: str
    read: Callable[[Path, str], Corpus]


DATA_SETS: dict[str, DataSet] = {
    "stsb": DataSet("stsb/stsb-en-dev.csv", "dev", read_stsb),
    "mrpc": DataSet("mrpc/msr_paraphrase_test.txt", "test", read_mrpc),
    "sst2": DataSet("sst2/dev.tsv", "dev", read_label_last),
    "sst2_raw": DataSet("sst2_raw/stsa.binary.dev", "dev", lambda p, n: read_label_first(p, n, 2)),
    "sst5": DataSet("sst5/stsa.fine.dev", "dev", lambda p, n: read_label_first(p, n, 5)),
    "trec": DataSet("trec/TREC.test.all", "test", lambda p, n: read_label_first(p, n, 6, "iso-8859-1")),
    "subj": DataSet("subj/subj.all", "all", lambda p, n: read_label_first(p, n, 2, "iso-8859-1")),
    "mr": DataSet("mr/rt-polarity.all", "all", lambda p, n: read_label_first(p, n, 2, "iso-8859-1")),
    "cola": DataSet("cola/in_domain_dev.tsv", "in-domain dev", read_cola),
    "wikitext2": DataSet("wikitext2/test.txt", "test", read_wikitext),
}


def load_data_set(name: str, root: Path) -> Corpus:
    """Reads data set `name` below the folder `root`."""
    if name not in DATA_SETS:
        raise DataError(f"unknown data set '{name}'; known are {', '.join(DATA_SETS)}")
    if not root.is_dir():
        raise DataError(f"ET_DATA names no folder: {root}")
    data_set = DATA_SETS[name]
    return data_set.read(root / data_set.path, f"{name} ({data_set.split})")


def load_sample() -> Corpus:
    """Reads the sentences that the project carries."""
    return read_plain(SAMPLE, "sample")
