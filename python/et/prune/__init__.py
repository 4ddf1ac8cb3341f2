#===- __init__.py - Pruning of transformers while they are trained -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Prunes transformer models, so that E.T. compiles them to less work.

    import et.prune
    pruner = et.prune.Pruner(model, "attention-aware", ratio=0.8, schedule=et.prune.Gradual(0, 1000, every=50))
    pruner.attach(optimizer)
    ...                                # train as usual
    record = pruner.finalize()

The model stays an ordinary PyTorch module; pruned weights are zeros in dense tensors. `python -m et.prune` does all of it for
text classification and similarity on TSV and CSV files. See docs/Pruning.md.
"""

from .distillation import Distiller
from .errors import CheckpointError, DataError, ModelError, PruneError
from .pattern_map import attention_aware, explicit, uniform
from .patterns import Pattern, columns, irregular, rows, tile
from .pruner import Pruner
from .record import sparsity
from .regularizers import ADMM, GroupLasso
from .roles import Weight, find_weights
from .schedules import Gradual, OneShot

__all__ = [
    "ADMM", "CheckpointError", "DataError", "Distiller", "Gradual", "GroupLasso", "ModelError", "OneShot", "Pattern", "PruneError",
    "Pruner", "Weight", "attention_aware", "columns", "explicit", "find_weights", "irregular", "rows", "sparsity", "tile", "uniform",
]
