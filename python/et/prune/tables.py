#===- tables.py - Reads TSV and CSV files of texts and labels -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Reads tables of texts with labels, and works out which column is what.

    .csv            commas, quotes as in RFC 4180
    anything else   tabs; quotes mean nothing, as in the files of GLUE

Whatever is not as expected is refused with its file and line; no row is ever skipped.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import DataError

LABEL_NAMES = ("label", "labels", "score", "quality", "similarity", "class", "target", "gold_label", "is_duplicate", "sentiment")
TEXT_NAMES = ("sentence", "text", "sentence1", "sentence2", "text1", "text2", "question", "question1", "question2", "premise", "hypothesis",
              "#1 string", "#2 string", "review")
#: More different numbers than this are a scale, not classes.
MOST_NUMERIC_CLASSES = 10


@dataclass(frozen=True)
class Table:
    """Rows of cells. `names` are those of the header, else numbers from 1. `first` is the line of the first row."""

    path: Path
    names: list[str]
    rows: list[list[str]]
    first: int

    def column(self, which: str, option: str) -> int:
        """The index of a column by name or by number from 1."""
        lower = [name.lower() for name in self.names]
        if which.lower() in lower:
            return lower.index(which.lower())
        if which.isdecimal() and 1 <= int(which) <= len(self.names):
            return int(which) - 1
        raise DataError(f"{self.path}: expected {option} to be one of {', '.join(self.names)} or a number from 1 to {len(self.names)}, but got '{which}'")

    def cells(self, index: int) -> list[str]:
        """One column."""
        return [row[index] for row in self.rows]


@dataclass(frozen=True)
class Columns:
    """Indices of one or two columns of text, and that of the label."""

    texts: tuple[int, ...]
    label: int


@dataclass(frozen=True)
class Task:
    """What is learnt: classes by name, or similarity on a scale."""

    kind: str
    classes: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class Examples:
    """Texts (one or two each) and labels: indices of classes, or similarities from 0 to 1."""

    texts: list[tuple[str, ...]]
    labels: list[float]

    def __len__(self) -> int:
        return len(self.texts)


def read_table(path: Path, header: str = "auto") -> Table:
    """Reads a file. `header`: "yes", "no", or "auto": yes if a cell of the first row is a usual name of a column."""
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError:
        raise DataError(f"no file {path}") from None
    except IsADirectoryError:
        raise DataError(f"expected a TSV or CSV file, but {path} is a folder") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected UTF-8, but byte {error.start} is not; convert the file first") from None
    if path.suffix.lower() == ".csv":
        try:
            rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
        except csv.Error as error:
            raise DataError(f"{path}: expected CSV with balanced quotes, but got: {error}") from None
    else:
        # By hand: str.splitlines would also split at characters that occur inside sentences.
        rows = [line.split("\t") for line in text.split("\n") if line]
    if not rows:
        raise DataError(f"{path}: expected rows of texts and labels, but the file is empty")
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise DataError(f"{path}: row {number}: expected {len(rows[0])} columns as in the first row, but got {len(row)}")
    if len(rows[0]) < 2:
        raise DataError(f"{path}: expected at least two columns, text and label, but got 1; .csv files are split at commas, all others at tabs")
    known = LABEL_NAMES + TEXT_NAMES
    has_header = header == "yes" or (header == "auto" and any(cell.strip().lower() in known for cell in rows[0]))
    names = [cell.strip() for cell in rows[0]] if has_header else [str(i) for i in range(1, len(rows[0]) + 1)]
    body = rows[1:] if has_header else rows
    if not body:
        raise DataError(f"{path}: expected rows below the header, but there are none")
    return Table(path, names, body, 2 if has_header else 1)


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def choose_columns(table: Table, texts: Sequence[str] = (), label: str | None = None) -> Columns:
    """The columns that were named, and the others by their looks: texts have spaces, labels repeat or are called so."""
    label_index = table.column(label, "the label column") if label else None
    if texts:
        text_indices = tuple(table.column(name, "a text column") for name in texts)
        if len(text_indices) > 2 or len(set(text_indices)) != len(text_indices):
            raise DataError(f"{table.path}: expected one or two different text columns, but got {', '.join(texts)}")
    else:
        sample = table.rows[:500]
        text_indices = tuple(i for i in range(len(table.names)) if i != label_index and
                             sum(" " in row[i].strip() and _number(row[i]) is None for row in sample) * 2 > len(sample))
        if not 1 <= len(text_indices) <= 2:
            found = ", ".join(table.names[i] for i in text_indices) or "none"
            raise DataError(f"{table.path}: expected one or two columns of texts, but found {found}; name them with --text-columns")
    if label_index is None:
        rest = [i for i in range(len(table.names)) if i not in text_indices]
        named = [i for i in rest if table.names[i].lower() in LABEL_NAMES]
        candidates = named or rest
        if len(candidates) != 1:
            found = ", ".join(table.names[i] for i in candidates) or "none"
            raise DataError(f"{table.path}: expected one column that could be the label, but found {found}; name it with --label-column")
        label_index = candidates[0]
    if label_index in text_indices:
        raise DataError(f"{table.path}: expected the label in another column than the texts, but column '{table.names[label_index]}' is both")
    return Columns(text_indices, label_index)


def choose_task(table: Table, columns: Columns, kind: str = "auto") -> Task:
    """Classification or similarity, with its classes or its scale, from the training data."""
    labels = [cell.strip() for cell in table.cells(columns.label)]
    numbers = [_number(label) for label in labels]
    numeric = all(n is not None for n in numbers)
    if kind == "auto":
        scale = numeric and (any(n != int(n) for n in numbers if n is not None) or len(set(numbers)) > MOST_NUMERIC_CLASSES)
        kind = "similarity" if scale else "classification"
    if kind == "similarity":
        if len(columns.texts) != 2:
            raise DataError(f"{table.path}: expected two columns of texts for similarity, but got 1; name them with --text-columns, "
                            "or say --task classification")
        for row, (label, number) in enumerate(zip(labels, numbers), table.first):
            if number is None:
                raise DataError(f"{table.path}: row {row}: expected a number as the label, but got '{label}'")
        values = [n for n in numbers if n is not None]
        low, high = min(0.0, min(values)), max(values)
        if low == high:
            raise DataError(f"{table.path}: expected different similarities, but all are {high:g}")
        return Task("similarity", (), low, high)
    classes = sorted(set(labels), key=lambda c: (_number(c) is None, _number(c) or 0.0, c))
    if len(classes) < 2:
        raise DataError(f"{table.path}: expected at least two classes, but every label is '{classes[0]}'")
    if len(classes) > len(labels) // 2 and len(labels) > 4:
        raise DataError(f"{table.path}: expected labels that repeat, but {len(labels)} rows have {len(classes)} different ones; "
                        "name another column with --label-column, or say --task similarity")
    return Task("classification", tuple(classes))


def examples(table: Table, columns: Columns, task: Task) -> Examples:
    """The rows as examples of a task."""
    index = {name: float(i) for i, name in enumerate(task.classes)}
    texts, labels = [], []
    for number, row in enumerate(table.rows, table.first):
        cells = tuple(row[i].strip() for i in columns.texts)
        label = row[columns.label].strip()
        if not all(cells):
            raise DataError(f"{table.path}: row {number}: expected a text, but it is empty")
        if task.kind == "classification":
            if label not in index:
                raise DataError(f"{table.path}: row {number}: expected a label of {', '.join(task.classes)}, but got '{label}'")
            labels.append(index[label])
        else:
            value = _number(label)
            if value is None or not task.low <= value <= task.high:
                raise DataError(f"{table.path}: row {number}: expected a similarity from {task.low:g} to {task.high:g}, but got '{label}'")
            labels.append((value - task.low) / (task.high - task.low))
        texts.append(cells)
    return Examples(texts, labels)
