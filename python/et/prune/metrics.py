#===- metrics.py - Accuracy, F1 and correlations -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Metrics of classification and similarity, in plain numpy."""

from __future__ import annotations

import numpy as np

from .errors import PruneError


def _check(predicted: np.ndarray, gold: np.ndarray) -> None:
    if predicted.shape != gold.shape or not gold.size:
        raise PruneError(f"expected a prediction for each of at least one label, but got {predicted.shape} and {gold.shape}")


def accuracy(predicted: np.ndarray, gold: np.ndarray) -> float:
    """The share of labels that are predicted right."""
    _check(predicted, gold)
    return float((predicted == gold).mean())


def f1(predicted: np.ndarray, gold: np.ndarray, classes: int) -> float:
    """F1 of class 1 for two classes, as GLUE has it, else the mean of all classes' F1. A class nobody names counts 0."""
    _check(predicted, gold)
    values = []
    for label in ([1] if classes == 2 else range(classes)):
        right = float(((predicted == label) & (gold == label)).sum())
        named = float((predicted == label).sum() + (gold == label).sum())
        values.append(2 * right / named if named else 0.0)
    return float(np.mean(values))


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts + 1) / 2)[place]


def pearson(predicted: np.ndarray, gold: np.ndarray) -> float:
    """The linear correlation; 0 where one side is constant, as then nothing is told."""
    _check(predicted, gold)
    x, y = predicted.astype(np.float64), gold.astype(np.float64)
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum() / scale) if scale else 0.0


def spearman(predicted: np.ndarray, gold: np.ndarray) -> float:
    """The correlation of ranks."""
    _check(predicted, gold)
    return pearson(ranks(predicted), ranks(gold))


def evaluate(kind: str, outputs: np.ndarray, gold: np.ndarray, classes: int) -> dict[str, float]:
    """All metrics of a task: `outputs` are logits [n, classes], or similarities [n, 1]."""
    if not np.isfinite(outputs).all():
        raise PruneError("expected finite outputs of the model, but some are NaN or infinite; has the training diverged? lower --lr")
    if kind == "classification":
        predicted = outputs.argmax(1)
        return {"accuracy": accuracy(predicted, gold), "f1": f1(predicted, gold, classes)}
    return {"spearman": spearman(outputs[:, 0], gold), "pearson": pearson(outputs[:, 0], gold)}


def main_metric(kind: str) -> str:
    """The one that decisions are made by."""
    return "accuracy" if kind == "classification" else "spearman"
