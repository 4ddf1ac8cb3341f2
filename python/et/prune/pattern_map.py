#===- pattern_map.py - Which weight gets which pattern -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Pattern maps: the pattern of each weight that is pruned, by parameter name.

The attention-aware map gives each weight the pattern that its consumers can use:

    weight          without W_V * W_O merged    merged
    query, key      tile                        tile
    value           rows                        dense
    output          tile                        rows
    ffn             tile                        tile

Rows pruned from W_V make V and the output of attention narrower, and drop columns of W_O. Where W_V and W_O of each head are
multiplied beforehand, rows pruned from W_O do that for the product, and W_V is left alone. Pruning rows of W_Q or W_K
would drop whole features of queries and keys, which costs accuracy.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Optional

import torch

from .errors import PruneError
from .patterns import Pattern, PatternLike, rows
from .roles import ROLES, Weight, find_weights

PatternMap = dict[str, Pattern]
#: By role, parameter name or glob over parameter names: a pattern, or None for dense. Later ones win.
Overrides = Mapping[str, Optional[PatternLike]]


def uniform(model: torch.nn.Module, pattern: PatternLike, overrides: Overrides | None = None) -> PatternMap:
    """The same pattern for every weight of attention and feed-forward networks."""
    parsed = Pattern.parse(pattern)
    weights = find_weights(model)
    return _override(model, weights, {w.name: parsed for w in weights}, overrides)


def attention_aware(model: torch.nn.Module, tile: PatternLike = "tile:16x16", merge: bool = False,
                    overrides: Overrides | None = None) -> PatternMap:
    """The attention-aware map. `merge`: W_V and W_O of each head will be multiplied beforehand."""
    parsed = Pattern.parse(tile)
    weights = find_weights(model)
    patterns: PatternMap = {}
    for weight in weights:
        if weight.role == ("output" if merge else "value"):
            patterns[weight.name] = rows(1 if merge else weight.heads)
        elif not (merge and weight.role == "value"):
            patterns[weight.name] = parsed
    return _override(model, weights, patterns, overrides)


def explicit(model: torch.nn.Module, patterns: Mapping[str, PatternLike | None]) -> PatternMap:
    """A map of the user's own: roles, parameter names or globs to patterns."""
    roles_used = any(key in ROLES for key in patterns)
    return _override(model, find_weights(model) if roles_used else [], {}, patterns)


def resolve(model: torch.nn.Module, patterns: str | Pattern | Mapping[str, PatternLike | None]) -> PatternMap:
    """A map from what a user writes: 'attention-aware', 'attention-aware-merged', a pattern, or a mapping."""
    if isinstance(patterns, Mapping):
        return explicit(model, patterns)
    if patterns in ("attention-aware", "attention-aware-merged"):
        return attention_aware(model, merge=patterns == "attention-aware-merged")
    return uniform(model, patterns)


def _override(model: torch.nn.Module, weights: list[Weight], patterns: PatternMap, overrides: Overrides | None) -> PatternMap:
    parameters = {name: p for name, p in model.named_parameters() if p.dim() == 2}
    result = dict(patterns)
    for key, value in (overrides or {}).items():
        if key in ROLES:
            names = [w.name for w in weights if w.role == key]
        else:
            names = [name for name in parameters if fnmatchcase(name, key)]
        if not names:
            known = ", ".join(list(parameters)[:4])
            raise PruneError(f"expected '{key}' to be a role ({', '.join(ROLES)}) or to match a two-dimensional parameter, but nothing does; "
                             f"parameters are {known}, ...")
        for name in names:
            if value is None:
                result.pop(name, None)
            else:
                result[name] = Pattern.parse(value)
    return {name: result[name] for name in parameters if name in result}
