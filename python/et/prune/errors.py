#===- errors.py - What can go wrong while pruning -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Exceptions of et.prune. Each says what was expected, what was found, and what to do about it."""

from __future__ import annotations

from ..errors import Error


class PruneError(Error, ValueError):
    """An option, a weight or a state does not fit what was asked for."""


class DataError(PruneError):
    """A data file is missing or not in the form that was expected."""


class ModelError(PruneError):
    """A model cannot be loaded, or does not fit the task."""


class CheckpointError(PruneError):
    """A checkpoint is missing, broken, or belongs to another run."""
