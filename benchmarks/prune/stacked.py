#===- stacked.py - Trains many copies of a model as one -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Copies of one model that differ only in their weights, trained as one: every weight has a leading dimension of copies.

A small encoder leaves a large GPU idle: launching its kernels takes longer than running them. Twenty-five copies take little longer
than one, because torch.func.vmap turns each matrix product into a batched one. All copies see the same batches and the same
teacher; dropout, weights, masks and gradients are their own.

Each copy is also an ordinary module whose parameters and gradients are views of the stack, so `et.prune.Pruner` takes it as
any other model.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from et.prune import Distiller, Pruner
from et.prune.text_models import Batch, Encoded, Outputs, TextModel
from et.prune.training import autocast

#: Rows of the word embeddings: half of a small encoder's weights, never pruned, and fitted already when pruning starts.
EMBEDDINGS = "word_embeddings.weight"


class Resident:
    """A data set on the device, so that a batch is one gather."""

    def __init__(self, data: Encoded, device: torch.device) -> None:
        batch, labels = data.batch(range(len(data)), device)
        self.lengths, self.rows, self.device = data.lengths, len(data), device
        # [sides, rows, tokens]
        self.inputs = {name: value.reshape(-1, self.rows, value.shape[1]) for name, value in batch.items()}
        self.labels = labels

    def batch(self, rows: Sequence[int]) -> tuple[Batch, torch.Tensor]:
        """Inputs and labels of some rows, as `Encoded.batch` gives them."""
        width = -(-max(self.lengths[row] for row in rows) // 8) * 8
        index = torch.tensor(rows).to(self.device, non_blocking=True)
        inputs = {name: value[:, index, :width].reshape(-1, min(width, value.shape[2])) for name, value in self.inputs.items()}
        return inputs, self.labels[index]


class Stack:
    """`count` copies of a model.

    Scores of single copies look at the gradients of every `observe_every`-th step only: a look takes launches for each matrix of
    each copy, and a part of the batches tells as much.
    """

    def __init__(self, model: TextModel, count: int, freeze_embeddings: bool, observe_every: int = 1) -> None:
        self.model, self.count, self.observe_every = model, count, observe_every
        self.weights: dict[str, torch.nn.Parameter] = {}
        self.shared: dict[str, torch.Tensor] = {}
        for name, parameter in model.named_parameters():
            if freeze_embeddings and name.endswith(EMBEDDINGS):
                self.shared[name] = parameter.detach()
                continue
            stacked = torch.nn.Parameter(parameter.detach().unsqueeze(0).repeat(count, *[1] * parameter.dim()))
            # Allocated once: autograd adds to it in place, so the copies' views stay valid.
            stacked.grad = torch.zeros_like(stacked)
            self.weights[name] = stacked
        self.copies = [self._copy(index) for index in range(count)]
        self.pruners: list[Pruner] = []
        self.masks: dict[str, torch.Tensor] = {}

    def _copy(self, index: int) -> TextModel:
        module = copy.deepcopy(self.model)
        for name, parameter in module.named_parameters():
            if name in self.weights:
                parameter.data = self.weights[name].data[index]
                parameter.grad = self.weights[name].grad[index]
            else:
                parameter.data = self.shared[name]
                parameter.requires_grad_(False)
        return module

    def _call(self, inputs: Batch, labels: torch.Tensor | None, teacher: Outputs | None, distiller: Distiller | None) -> Any:
        """Losses (with labels) or logits of all copies."""

        def one(weights: dict[str, torch.Tensor]) -> torch.Tensor:
            hidden = distiller is not None and distiller.hidden > 0
            out = torch.func.functional_call(self.model, {**weights, **self.shared}, kwargs={**inputs, "output_hidden_states": hidden})
            if labels is None:
                return out.logits
            loss = self.model.loss(out, labels)
            return loss + distiller.loss(out, teacher, inputs["attention_mask"]) if distiller else loss

        return torch.func.vmap(one, randomness="different")(self.weights)

    def prune_with(self, pruners: Sequence[Pruner]) -> None:
        """One pruner for each copy; `step` drives them."""
        self.pruners = list(pruners)
        names = {name for pruner in pruners for name in pruner.masks()}
        self.masks = {name: torch.ones_like(self.weights[name].data) for name in self.weights if name in names}
        for index in range(len(self.pruners)):
            self._refresh(index)

    def _refresh(self, index: int) -> None:
        for name, mask in self.pruners[index].masks().items():
            self.masks[name][index].copy_(mask)

    def _mask(self, tensors: list[torch.Tensor]) -> None:
        if tensors:
            torch._foreach_mul_(tensors, list(self.masks.values()))

    def step(self, optimizer: torch.optim.Optimizer, inputs: Batch, labels: torch.Tensor, distiller: Distiller | None, precision: str) -> torch.Tensor:
        """One step of every copy. Returns their losses."""
        device = labels.device
        with autocast(device, precision):
            teacher = None
            if distiller:
                with torch.no_grad():
                    teacher = distiller.teacher(**inputs, output_hidden_states=distiller.hidden > 0)
            losses = self._call(inputs, labels, teacher, distiller)
        torch._foreach_zero_([w.grad for w in self.weights.values()])
        losses.sum().backward()
        self._clip(1.0)
        for pruner in self.pruners:
            if pruner.regularizer or pruner.step % self.observe_every == 0:
                pruner.observe_gradients()
        self._mask([self.weights[name].grad for name in self.masks])
        optimizer.step()
        for index, pruner in enumerate(self.pruners):
            if pruner.advance():
                self._refresh(index)
        self._mask([self.weights[name].data for name in self.masks])
        return losses.detach()

    @torch.no_grad()
    def _clip(self, limit: float) -> None:
        """The gradient of each copy by itself is scaled down to a norm of `limit`."""
        gradients = [w.grad for w in self.weights.values()]
        squares = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0)
        scale = (limit / (squares.sqrt() + 1e-6)).clamp(max=1.0)
        torch._foreach_mul_(gradients, [scale.reshape(-1, *[1] * (g.dim() - 1)) for g in gradients])

    @torch.no_grad()
    def outputs(self, data: Resident, batch_size: int, precision: str) -> np.ndarray:
        """Logits or similarities of each copy: [copies, rows, outputs]."""
        self.model.eval()
        rows = sorted(range(data.rows), key=lambda row: data.lengths[row])
        parts = []
        for start in range(0, len(rows), batch_size):
            inputs, _ = data.batch(rows[start : start + batch_size])
            with autocast(data.device, precision):
                parts.append(self._call(inputs, None, None, None).float())
        found = torch.cat(parts, 1).cpu().numpy()
        result = np.empty_like(found)
        result[:, rows] = found
        return result

    def state_dict(self) -> dict[str, Any]:
        """Weights and pruners."""
        return {"weights": {name: w.detach() for name, w in self.weights.items()}, "pruners": [p.state_dict() for p in self.pruners]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there."""
        for name, weight in self.weights.items():
            weight.data.copy_(state["weights"][name])
        for index, (pruner, mine) in enumerate(zip(self.pruners, state["pruners"])):
            pruner.load_state_dict(mine)
            self._refresh(index)
