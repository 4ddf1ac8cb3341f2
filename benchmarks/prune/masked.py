#===- masked.py - Pruned models from the masks of the accuracy benchmark -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Puts the kept blocks that `accuracy.py --masks FOLDER` wrote on the weights of a model.

    masks = read_masks(folder, "minilm-l6", "sst2", 0)      # {"tile@0.5": {weight: bits}, ...}
    model = load_backbone("minilm-l6")
    prune(model, "tile@0.5", masks["tile@0.5"])

Sizes and latencies follow from where the zeros are; the weights that were trained are not needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from et.prune import PruneError
from et.prune.settings import Settings, make_pruner
from et.prune.text_models import model_folder

#: The bits of each weight of a job, a bit for each block.
Bits = Mapping[str, np.ndarray]


def read_masks(folder: Path, model: str, task: str, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """The masks of one model, data set and seed: jobs by their key, weights by their name."""
    stem = f"{model}-{task}-{seed}-"
    files = sorted(folder.glob(f"{stem}*.npz"))
    if not files:
        raise PruneError(f"expected masks {stem}*.npz in {folder}, but there are none; run accuracy.py with --masks")
    jobs: dict[str, dict[str, np.ndarray]] = {}
    for file in files:
        try:
            with np.load(file) as arrays:
                for entry in arrays.files:
                    key, _, weight = entry.partition("/")
                    jobs.setdefault(key, {})[weight] = arrays[entry]
        except (OSError, ValueError) as error:
            raise PruneError(f"expected masks of accuracy.py in {file}, but it cannot be read: {error}") from error
    return jobs


def order_jobs(keys: Any) -> list[str]:
    """Jobs by pattern, in the order in which they come, and by ratio."""
    patterns = list(dict.fromkeys(key.rpartition("@")[0] for key in keys))
    return sorted(keys, key=lambda key: (patterns.index(key.rpartition("@")[0]), float(key.rpartition("@")[2])))


def load_backbone(model: str) -> torch.nn.Module:
    """The encoder that the benchmark fine-tunes, dense and without a head, in f32 and eval mode."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    loaded = transformers.AutoModel.from_pretrained(model_folder(model), attn_implementation="sdpa", dtype=torch.float32)
    return loaded.eval().requires_grad_(False)


def _bits_of(name: str, bits: Bits, key: str) -> np.ndarray:
    """A classifier holds the encoder under a name of its own, such as `bert.`."""
    found = [mask for mask in bits if mask == name or mask.endswith("." + name)]
    if len(found) != 1:
        raise PruneError(f"expected a mask of '{name}' for {key}, but there are {len(found)}; are the masks of another model?")
    return bits[found[0]]


def prune(model: torch.nn.Module, key: str, bits: Bits) -> None:
    """Sets to zero what the job `key` (PATTERN@RATIO) pruned."""
    name, at, ratio = key.rpartition("@")
    pattern, _, tile = name.partition(":")
    try:
        share = float(ratio)
    except ValueError:
        share = -1.0
    if not at or not 0 <= share < 1:
        raise PruneError(f"expected a job PATTERN@RATIO, such as tile@0.5, but got '{key}'")
    settings = Settings(pattern=pattern, tile=tile or "16x16", ratio=share, method="one-shot", prune_epochs=0)
    pruner = make_pruner(model, settings, 0)
    state = pruner.state_dict()
    for weight, blocks in pruner.kept.items():
        packed = _bits_of(weight, bits, key)
        if packed.size != -(-blocks.numel() // 8):
            raise PruneError(f"expected {blocks.numel()} blocks of '{weight}' for {key}, but the mask has {packed.size} bytes; "
                             "is it of another model?")
        state["kept"][weight] = torch.from_numpy(np.unpackbits(packed)[: blocks.numel()].astype(bool)).reshape(blocks.shape)
    # The final ratio is reached: what is left to do is to make the weights zero.
    pruner.load_state_dict({**state, "current_ratio": pruner.ratio})
    pruner.finalize()
