#===- distillation.py - Learning from the dense model -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Distillation: the pruned model learns to do what the dense one does.

    distiller = Distiller(dense_model)
    out = model(**batch, output_hidden_states=True)
    loss = out.loss + distiller(out, **inputs)

    logits    temperature^2 * KL(teacher || student) over classes, or the squared error where there is one output
    hidden    squared error of the hidden states relative to the teacher's square, over tokens that are not padding: the mean over
              layers. Being relative, its weight means the same for every model: states of small encoders are small.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from .errors import PruneError


class Distiller:
    """The loss against a teacher, which is frozen and in eval mode.

    Args:
        teacher: returns what the student does: an object (or mapping) with `logits` and, if `hidden` is not 0, `hidden_states`.
        logits: weight of the logits' term.
        hidden: weight of the hidden states' term.
        temperature: softens both distributions.
    """

    def __init__(self, teacher: torch.nn.Module, logits: float = 1.0, hidden: float = 1.0, temperature: float = 2.0) -> None:
        for what, weight in (("logits", logits), ("hidden", hidden)):
            if weight < 0:
                raise PruneError(f"expected the weight of {what} to be at least 0, but got {weight}")
        if temperature <= 0:
            raise PruneError(f"expected a temperature above 0, but got {temperature}")
        self.teacher = teacher.eval().requires_grad_(False)
        self.logits, self.hidden, self.temperature = logits, hidden, temperature

    def __call__(self, student: Any, **inputs: Any) -> torch.Tensor:
        """The loss for the student's outputs on these inputs."""
        with torch.no_grad():
            extra = {"output_hidden_states": True} if self.hidden else {}
            teacher = self.teacher(**inputs, **extra)
        return self.loss(student, teacher, inputs.get("attention_mask"))

    def loss(self, student: Any, teacher: Any, mask: torch.Tensor | None = None) -> torch.Tensor:
        """The loss of given outputs; `mask` is 1 for tokens that are not padding."""
        terms = []
        if self.logits:
            terms.append(self.logits * logits_loss(_get(student, "logits"), _get(teacher, "logits"), self.temperature))
        if self.hidden:
            terms.append(self.hidden * hidden_loss(_get(student, "hidden_states"), _get(teacher, "hidden_states"), mask))
        return torch.stack(terms).sum() if terms else torch.zeros(())


def _get(outputs: Any, name: str) -> Any:
    value = outputs.get(name) if isinstance(outputs, dict) else getattr(outputs, name, None)
    if value is None:
        hint = "; call the model with output_hidden_states=True" if name == "hidden_states" else f", or set the weight of {name} to 0"
        raise PruneError(f"expected outputs with '{name}' to distill from, but there are none{hint}")
    return value


def logits_loss(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """KL divergence for several classes, squared error for one output. In f32."""
    if student.shape != teacher.shape:
        raise PruneError(f"expected logits of student and teacher to agree, but got {tuple(student.shape)} and {tuple(teacher.shape)}")
    student, teacher = student.float(), teacher.float()
    if student.dim() < 2 or student.shape[-1] == 1:
        return F.mse_loss(student, teacher)
    classes = student.shape[-1]
    first = F.log_softmax(student.reshape(-1, classes) / temperature, -1)
    second = F.log_softmax(teacher.reshape(-1, classes) / temperature, -1)
    # As written, not F.kl_div: that has no rule for torch.func.vmap.
    return temperature**2 * (second.exp() * (second - first)).sum(-1).mean()


def hidden_loss(student: Any, teacher: Any, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Relative squared error, the mean over layers; the embeddings count as one. In f32."""
    if len(student) != len(teacher):
        raise PruneError(f"expected as many hidden states of student and teacher, but got {len(student)} and {len(teacher)}")
    terms = []
    for index, (mine, theirs) in enumerate(zip(student, teacher)):
        if mine.shape != theirs.shape:
            raise PruneError(f"expected hidden states {index} of student and teacher to agree, but got {tuple(mine.shape)} and {tuple(theirs.shape)}")
        weights = torch.ones((), device=theirs.device) if mask is None else mask.to(torch.float32).unsqueeze(-1)
        error = ((mine.float() - theirs.float()).square() * weights).sum()
        terms.append(error / (theirs.float().square() * weights).sum().clamp(min=1e-12))
    return torch.stack(terms).mean()
