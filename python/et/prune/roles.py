#===- roles.py - Finds the weights of attention and FFN in a model -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What each linear layer of a transformer is for: query, key, value, output, or a half of the feed-forward network.

Found by the structure of the modules, not by full names, so that BERT, DistilBERT, RoBERTa, ALBERT, ELECTRA, MPNet, T5, ViT,
CLIP and Whisper need no table:

    attention   a module that holds three linear layers called something like q, k, v, which agree on their inputs
                (or one called qkv, three times as wide)
    output      the linear layer that follows them, from the width of v to the width of their input, in that module or around it
    ffn         in the smallest module around that holds one: layers d -> f (two for gated ones) and then one f -> d

What is not found (poolers, classifiers, embeddings) stays dense unless the user names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from .errors import ModelError

ROLES = ("query", "key", "value", "qkv", "output", "ffn_in", "ffn_out")

_NAMES = {
    "query": ("query", "q", "q_lin", "q_proj", "wq", "query_proj"),
    "key": ("key", "k", "k_lin", "k_proj", "wk", "key_proj"),
    "value": ("value", "v", "v_lin", "v_proj", "wv", "value_proj"),
    "qkv": ("wqkv", "qkv", "qkv_proj", "in_proj"),
}


@dataclass(frozen=True)
class Weight:
    """A weight with a role. `layer` is the name of the attention module it belongs to."""

    name: str
    role: str
    layer: str
    shape: tuple[int, int]
    heads: int = 1


Linears = dict[str, torch.nn.Linear]


def _linears(name: str, module: torch.nn.Module) -> Linears:
    """The linear layers below a module in the order they were registered, by full name."""
    prefix = f"{name}." if name else ""
    return {prefix + inner: m for inner, m in module.named_modules() if isinstance(m, torch.nn.Linear) and inner}


def _ancestors(name: str) -> Iterator[str]:
    """The module itself, then what is around it, up to the root ('')."""
    while name:
        yield name
        name = name.rpartition(".")[0]
    yield ""


def _projections(name: str, module: torch.nn.Module) -> dict[str, tuple[str, torch.nn.Linear]]:
    """Role to (name, layer) of the projections that are children of a module; empty where it is no attention."""
    prefix = f"{name}." if name else ""
    found: dict[str, tuple[str, torch.nn.Linear]] = {}
    for child, layer in module.named_children():
        if isinstance(layer, torch.nn.Linear):
            for role, names in _NAMES.items():
                if child.lower() in names:
                    found[role] = (prefix + child, layer)
    if "qkv" in found:
        layer = found["qkv"][1]
        return {"qkv": found["qkv"]} if layer.out_features == 3 * layer.in_features else {}
    if set(found) != {"query", "key", "value"}:
        return {}
    query, key, value = (found[role][1] for role in ("query", "key", "value"))
    # Keys and values of cross-attention may come from elsewhere, but from the same place.
    same = key.in_features == value.in_features and query.out_features == key.out_features
    return found if same else {}


def _heads(module: torch.nn.Module, width: int) -> int:
    """The number of heads where the module says it, else 1."""
    config = getattr(module, "config", None)
    for owner, name in ((module, "num_attention_heads"), (module, "num_heads"), (module, "n_heads"), (config, "num_attention_heads")):
        heads = getattr(owner, name, None)
        if isinstance(heads, int) and heads > 0 and width % heads == 0:
            return heads
    return 1


def _ffn(linears: Linears) -> list[list[str]]:
    """Groups of names [in, (gate in,) out] among layers in the order of registration."""
    items = list(linears.items())
    groups: list[list[str]] = []
    start = 0
    while start + 1 < len(items):
        names, layers = zip(*items[start : start + 3])
        sizes = [(layer.in_features, layer.out_features) for layer in layers]
        outer, inner = sizes[0]
        length = 1
        if inner != outer:
            # d -> f, f -> d; or gated with both halves in one layer: d -> 2f, f -> d.
            if sizes[1] == (inner, outer) or (inner % 2 == 0 and sizes[1] == (inner // 2, outer)):
                length = 2
            elif sizes[1:] == [(outer, inner), (inner, outer)]:
                length = 3
        if length > 1:
            groups.append(list(names[:length]))
        start += length
    return groups


def find_weights(model: torch.nn.Module) -> list[Weight]:
    """The weights of attention and feed-forward networks, in the order of the layers."""
    modules = dict(model.named_modules())
    attentions = {name: found for name, module in modules.items() if (found := _projections(name, module))}
    if not attentions:
        raise ModelError(f"expected attention in '{type(model).__name__}', a module with linear layers called like query, key and value, "
                         "but found none; name the weights yourself: patterns={'encoder.0.query.weight': 'tile:16x16'}")
    taken = {layer for found in attentions.values() for layer, _ in found.values()}
    roles: dict[str, tuple[str, str, int]] = {}
    for name, found in attentions.items():
        first = next(iter(found.values()))[1]
        width = first.out_features // 3 if "qkv" in found else found["value"][1].out_features
        outside = found["query"][1].in_features if "query" in found else first.in_features
        heads = _heads(modules[name], width)
        for role, (layer, _) in found.items():
            roles[layer] = (role, name, heads)
        # Two levels up at most: BERT keeps the output beside the module of the projections, not further away.
        for around in list(_ancestors(name))[:2]:
            output = next((n for n, m in _linears(around, modules[around]).items()
                           if n not in taken and (m.in_features, m.out_features) == (width, outside)), None)
            if output:
                roles[output] = ("output", name, heads)
                taken.add(output)
                break
    for name in attentions:
        for around in _ancestors(name):
            rest = {n: m for n, m in _linears(around, modules[around]).items() if n not in taken}
            groups = _ffn(rest)
            if len(groups) > 1:
                break  # several layers' networks: too far out
            if groups:
                for layer in groups[0]:
                    roles[layer] = ("ffn_out" if layer == groups[0][-1] else "ffn_in", name, 1)
                    taken.add(layer)
                break
    order = [name for name, module in modules.items() if isinstance(module, torch.nn.Linear) and name in roles]
    return [Weight(f"{n}.weight", *roles[n][:2], tuple(modules[n].weight.shape), roles[n][2]) for n in order]
