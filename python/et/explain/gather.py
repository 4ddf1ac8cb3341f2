#===- gather.py - From a program to its explanation -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Joins what is known of a program:

    the saved program   steps, the weights they read, how these are stored
    the model           shapes and values of the parameters, by name
    the remarks         what the compiler did with a weight, and why, by its name
    the profile         how long each step takes, by its place in the plan
    the dense twin      the same, of the same model with no zero in it
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from .explanation import Picture, StepRow, Weight
from .formats import percent
from .pictures import draw
from .profiling import Profile, attach
from .program_file import Plan, ProgramFile
from .remarks import Remark
from .storage import Layout, compiled_name, densities, layout, parameters, stored_mask

#: What a picture shows when the compiler chose no tile.
_TILE = (64, 16)
_ITEM_BYTES = {"f16": 2, "bf16": 2, "f32": 4, "f64": 8}
_TORCH_BYTES = {torch.float16: 2, torch.bfloat16: 2, torch.float32: 4, torch.float64: 8}


@dataclass(frozen=True)
class Source:
    """What is known beside the program: the model's weights by name, and the remarks."""

    weights: Mapping[str, torch.Tensor]
    remarks: tuple[Remark, ...] | None

    def of(self, names: Sequence[str]) -> list[torch.Tensor] | None:
        """The parameters of these names, if the model has them all as matrices of the same number of inputs."""
        found = [self.weights.get(name) for name in names]
        if any(t is None or t.dim() != 2 for t in found) or len({t.shape[1] for t in found}) != 1:
            return None
        return found


def times_by_step(plan: Plan, profile: Profile | None) -> dict[int, tuple[float, float | None]]:
    """Time and floor of the steps that ran, by their place in the plan."""
    if not profile:
        return {}
    return {place: (step.us, step.floor_us) for place, step in zip(attach(plan, profile), profile.steps)}


def dense_times(program: ProgramFile, plan: Plan, profile: Profile, known: Mapping[str, torch.Tensor]) -> dict[tuple[str, ...], float]:
    """The time of each linear weight of the dense twin, by its parameters."""
    times, found = times_by_step(plan, profile), {}
    for place, step in enumerate(plan.steps):
        if "linear" in step.name and place in times:
            for index in step.weights:
                name = program.weights[index].name
                found[parameters(name, known)] = found.get(parameters(name, known), 0.0) + times[place][0]
    return found


def _lengths(program: ProgramFile, indices: Sequence[int]) -> list[int]:
    stored = [program.weights[i] for i in indices]
    return [w.shape[0] for w in stored if len(w.shape) == 1 and w.dtype != "i8"]


def _picture(mask: np.ndarray, tile: tuple[int, int]) -> Picture:
    cells = densities(mask, *tile)
    uri, width, height = draw(cells, mask.shape)
    return Picture(uri, width, height, tile, int((cells > 0).sum()), cells.size)


def _because(path: str, zeros: float | None, is_gpu: bool, has_remarks: bool) -> str:
    """Why there is no remark on a weight."""
    if not has_remarks:
        return "The compiler's remark is not in the file."
    if path == "dense" and zeros is not None and zeros < 0.2:
        return f"No remark: {percent(zeros)} of its elements are zero, and the compiler takes a weight with less than 20 % for one that was not pruned."
    if is_gpu:
        return "No remark: the kernels for this GPU and element type read dense weights; only whole neurons are left out."
    return "No remark: the compiler did not look at this weight, for its values are not known when compiling."


def _weight(program: ProgramFile, index: int, form: Layout, source: Source, about: Sequence[Remark], is_gpu: bool) -> Weight:
    stored = program.weights[index]
    names = parameters(stored.name, source.weights)
    parts = source.of(names)
    encoded = next((r.encoded for r in about if r.encoded), None)
    stays = next((r.stays for r in about if r.stays), None)
    removed = next((r for r in about if r.removed), None)
    whole = next((r.whole for r in about if r.whole), None)
    condensed = next((r.condensed for r in about if r.condensed), None)
    tile = encoded[2:4] if encoded else stays[1:3] if stays else _TILE
    if parts:
        shape = (sum(t.shape[0] for t in parts), parts[0].shape[1])
        mask = np.concatenate([(t.detach() != 0).cpu().numpy() for t in parts])
        item = _TORCH_BYTES.get(parts[0].dtype, 4)
    else:
        shape, item = (form.outputs, form.inputs), _ITEM_BYTES.get(stored.dtype, 2 if form.kind == "strips" else 4)
        mask = stored_mask(program, stored, form)
    if condensed:
        # A whole row or column is a tile.
        tile = (1, max(1, shape[1])) if condensed[2] == "rows" else (max(1, shape[0]), 1)
    left = shape
    if removed:
        gone = removed.removed[0]
        is_first = parameters(removed.weights[0], source.weights) == names
        left = (shape[0] - gone, shape[1]) if is_first else (shape[0], shape[1] - gone)
    elif parts and "_pruned" in stored.name and not form.at_least:
        # Around attention the remarks tell of heads; panels may have outputs past the last.
        left = (min(shape[0], form.outputs), min(shape[1], form.inputs))
    size_share = left[0] * left[1] / max(1, shape[0] * shape[1])
    if condensed:
        left = (condensed[0], left[1]) if condensed[2] == "rows" else (left[0], condensed[0])
    # What the program stores is known from its file, but for the inputs that sparse panels leave out at the end.
    if form.at_least and (parts or removed):
        form = replace(form, outputs=left[0], inputs=left[1], at_least=False, columns=form.columns * left[1] // max(1, form.inputs))
    path = "sparse" if form.kind in ("sparse", "strips") else "smaller" if removed or left != shape else "dense"
    cost = encoded[4] if encoded else whole[3] if whole else None
    predicted = cost * size_share if cost is not None else left[0] * left[1] / max(1, shape[0] * shape[1]) if removed or left != shape else 1.0 if source.remarks is not None else None
    has_mask = mask.size > 0
    return Weight(
        stored.name, names, shape, form, float(1 - mask.mean()) if has_mask else None, _picture(mask, tile) if has_mask else None, path,
        tuple(about), "" if about else _because(path, float(1 - mask.mean()) if has_mask else None, is_gpu, source.remarks is not None),
        predicted, shape[0] * shape[1] * item, stored.size, ())


def _kind(name: str, weights: Sequence[Weight]) -> str:
    if "attention" in name:
        return "attention"
    if "linear" in name:
        return "sparse" if any(w.path == "sparse" for w in weights) else "dense"
    return "embedding" if "embedding" in name else "other"


def gather(program: ProgramFile, plan: Plan, source: Source, profile: Profile | None) -> tuple[tuple[Weight, ...], tuple[StepRow, ...], tuple[Remark, ...]]:
    """The linear weights in the order of the steps, the steps that ran (all of the plan's without a profile), and the remarks
    that are about no weight."""
    by_name: dict[str, list[Remark]] = {}
    for remark in source.remarks or ():
        for name in remark.weights:
            # A remark on a pair of layers came before weights were encoded: it names the parameters.
            by_name.setdefault(compiled_name(name), []).append(remark)
    made: dict[int, Weight] = {}
    used: set[int] = set()
    times = times_by_step(plan, profile)
    places = [p for p in range(len(plan.steps)) if not profile or p in times]
    spent: dict[int, list[tuple[float, float | None]]] = {}
    rows: list[StepRow] = []
    for number, place in enumerate(places, 1):
        step = plan.steps[place]
        mine: list[int] = []
        for index in step.weights if "linear" in step.name else ():
            if index not in made:
                form = layout(program, program.weights[index], _lengths(program, step.weights))
                if not form:
                    continue
                about = _about(program.weights[index].name, by_name, source)
                used.update(map(id, about))
                made[index] = _weight(program, index, form, source, about, plan.is_gpu)
            mine.append(index)
            if place in times:
                spent.setdefault(index, []).append(times[place])
            made[index] = replace(made[index], steps=(*made[index].steps, number))
        ran = profile.steps[number - 1] if profile else None
        rows.append(StepRow(number, step.name, step.kernel, _kind(step.name, [made[i] for i in mine]), tuple(made[i].name for i in mine),
                            ran.us if ran else None, ran.floor_us if ran else None, ran.bytes if ran else None, ran.flops if ran else None))
    weights = []
    for index, weight in made.items():
        taken = spent.get(index, [])
        floors = [floor for _, floor in taken]
        weights.append(replace(
            weight, us=sum(us for us, _ in taken) if taken else None,
            floor_us=sum(f or 0.0 for f in floors) if any(floors) else None))
    others = tuple(r for r in source.remarks or () if id(r) not in used)
    return tuple(weights), tuple(rows), others


def _about(stored: str, by_name: Mapping[str, list[Remark]], source: Source) -> list[Remark]:
    """The remarks on a weight: by what the compiler called it when it was encoded, and by its parameters, joined or not, before that."""
    name, found = compiled_name(stored), []
    names = parameters(name, source.weights)
    # Layers that were joined were looked at one by one before that.
    for candidate in dict.fromkeys((name, "|".join(names), *names)):
        found += (r for r in by_name.get(candidate, []) if r not in found)
    return sorted(found, key=lambda r: not r.removed)
