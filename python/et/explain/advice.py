#===- advice.py - What would help most -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Turns measured times into advice: what takes the time, and what could be done about it, largest first."""

from __future__ import annotations

from collections.abc import Sequence

from .explanation import Advice, StepRow, Weight
from .formats import percent, time

#: Share of the dense kernel's rate at which the widest tiles are multiplied (docs/Sparsity.md).
_WIDE_TILES = 0.9
#: Of a weight that is still dense: pruned so far as docs/Pruning.md measures it.
_RATIO = 0.8
#: A smaller gap to the floor, as a share of the run, is not worth a word.
_WORTH = 0.05


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def advise(weights: Sequence[Weight], steps: Sequence[StepRow], total_us: float | None, is_gpu: bool) -> tuple[Advice, ...]:
    """At most four pieces of advice. Without times there are none."""
    if not total_us:
        return ()
    found: list[Advice] = []

    def share(us: float) -> str:
        return f"{percent(us / total_us, 0)} of the run"

    scattered = [w for w in weights if w.path == "dense" and w.us is not None and (w.zeros or 0) >= 0.2]
    if scattered and not is_gpu:
        saves = sum(w.us * max(0.0, 1 - (1 - w.zeros) / _WIDE_TILES) for w in scattered)
        found.append(Advice(
            f"Put the zeros of {_plural(len(scattered), 'weight')} into whole tiles",
            f"They take {share(sum(w.us for w in scattered))} and are pruned, but their zeros are scattered, so all of them is multiplied. "
            "The same number of zeros in tiles of 64 outputs by 16 inputs would be left out.", saves))
    dense = [w for w in weights if w.path == "dense" and w.us is not None and (w.zeros is None or w.zeros < 0.2)]
    if dense and not is_gpu:
        used = sum(w.us for w in dense)
        found.append(Advice(
            f"Prune {_plural(len(dense), 'weight')} that {'is' if len(dense) == 1 else 'are'} still dense",
            f"They take {share(used)}. With {percent(_RATIO, 0)} of their tiles of 64 x 16 zero the kernels would take about "
            f"{(1 - _RATIO) / _WIDE_TILES:.2f} of that (docs/Pruning.md says how, and what accuracy it costs).",
            used * (1 - (1 - _RATIO) / _WIDE_TILES)))
    if dense and is_gpu:
        used = sum(w.us for w in dense)
        found.append(Advice(
            f"Prune whole neurons of {_plural(len(dense), 'dense weight')}",
            f"They take {share(used)}. Whole neurons (rows of the first weight of a feed-forward block, or columns of the second) make the layers "
            "smaller on every GPU, with pattern 'rows'; zero tiles pay where most of a weight is zero (docs/Sparsity.md)."))
    narrow = [(w, w.kept) for w in weights if w.path == "sparse" and not is_gpu and w.us is not None and w.kept and w.kept[2] % 64]
    if narrow:
        saves = 0.0
        for weight, (kept, tiles, *_) in narrow:
            cost = next(r.encoded[4] for r in weight.remarks if r.encoded)
            saves += weight.us * max(0.0, 1 - kept / tiles / _WIDE_TILES / cost)
        found.append(Advice(
            f"Use tiles of 64 outputs in {_plural(len(narrow), 'weight')}",
            f"They take {share(sum(w.us for w, _ in narrow))} and keep narrower tiles, each element of the input then feeds fewer products. The "
            "same share kept in tiles of 64 outputs runs at about the dense kernel's rate.", saves))
    attention = [s for s in steps if s.kind == "attention" and s.us is not None]
    if attention:
        used = sum(s.us for s in attention)
        found.append(Advice(
            "Attention itself is untouched by pruning weights",
            f"{_plural(len(attention), 'step')}, {share(used)}. Its time grows with the square of the sequence length: shorter inputs, or a "
            "ragged batch without padding, cut it."))
    groups: dict[str, list[StepRow]] = {}
    for step in steps:
        if step.us is not None and step.floor_us is not None:
            groups.setdefault(step.name, []).append(step)
    gaps = {name: sum(s.us - s.floor_us for s in mine) for name, mine in groups.items()}
    name = max(gaps, key=gaps.get, default=None)
    if name and gaps[name] > _WORTH * total_us:
        used = sum(s.us for s in groups[name])
        found.append(Advice(
            f"Steps of kind {name} are furthest from their floor",
            f"{_plural(len(groups[name]), 'step')}, {share(used)}: they take {time(used)}, the floor is {time(used - gaps[name])}. Short launches "
            "pay for starting and for meeting the other threads: larger batches come nearer."))
    # What has an estimate comes first, the largest in front; the others follow as they are.
    return tuple(sorted(found, key=lambda a: -(a.saves_us or 0.0)))[:4]
