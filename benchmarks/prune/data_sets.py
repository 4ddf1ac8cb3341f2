#===- data_sets.py - The data sets of the accuracy tables -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""SST-2, MRPC and STS-B from a folder with one sub-folder each, in the forms in which they are published.

MRPC has no validation split of its own (that of GLUE is cut from the training part, by a list that is not in the files), so its
official test part is what it is measured on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from et.prune.tables import Examples, Task, choose_columns, choose_task, examples, read_table


@dataclass(frozen=True)
class DataSet:
    """Files below the folder of data, the metric of the tables, and how long each phase is."""

    name: str
    title: str
    train: str
    dev: str
    metric: str
    texts: tuple[str, ...]
    label: str
    dense_epochs: int
    prune_epochs: int
    retrain_epochs: int

    def load(self, root: Path) -> tuple[Task, Examples, Examples]:
        """The task, the training and the validation examples."""
        train = read_table(root / self.train)
        columns = choose_columns(train, self.texts, self.label)
        task = choose_task(train, columns)
        dev = read_table(root / self.dev)
        return task, examples(train, columns, task), examples(dev, columns, task)


DATA_SETS = {d.name: d for d in (
    DataSet("sst2", "SST-2, accuracy", "sst2/train.tsv", "sst2/dev.tsv", "accuracy", ("1",), "2", 3, 4, 4),
    DataSet("mrpc", "MRPC (official test part), F1", "mrpc/msr_paraphrase_train.txt", "mrpc/msr_paraphrase_test.txt", "f1",
            ("#1 String", "#2 String"), "Quality", 5, 6, 6),
    DataSet("stsb", "STS-B, Spearman", "stsb/stsb-en-train.csv", "stsb/stsb-en-dev.csv", "spearman", ("1", "2"), "3", 4, 6, 6),
)}
