#===- watch.py - What PyTorch's fake tensors do not tell -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Modes that are active while a program runs on fake tensors.

Fake tensors have no values, so an index that is too large goes unnoticed; Watch follows the bounds of integer tensors that are made from sizes (`arange`)
to where they are used as indices. Recurrent layers would be unrolled over their symbolic length; their result is made in one step here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

from .places import here
from .size_env import Recorder

_aten = torch.ops.aten
_KEEP = {
    _aten.view, _aten._unsafe_view, _aten.reshape, _aten.expand, _aten.unsqueeze, _aten.squeeze, _aten.slice, _aten.select, _aten.clone, _aten._to_copy,
    _aten.detach, _aten.permute, _aten.transpose, _aten.t, _aten.alias, _aten.repeat, _aten.lift_fresh, _aten.flip, _aten.contiguous, _aten.split,
}
_STEPS = (_aten.add, _aten.sub, _aten.mul)
_RECURRENT = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
_TILE = 16


class Watch(TorchDispatchMode):
    """Follows the bounds of indices; counts operators, so that questions can be told apart by the operator that asks them."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder
        self.bounds: Any = WeakIdKeyDictionary()

    def _bounds_after(self, packet: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any] | None:
        if packet is _aten.arange:
            ends = [a for a in args if isinstance(a, (int, torch.SymInt))]
            if len(ends) != len(args) or not ends or len(ends) > 2 or kwargs.get("dtype") not in (None, torch.int64, torch.int32):
                return None
            return (0 if len(ends) == 1 else ends[0]), ends[-1] - 1
        known = self.bounds.get(args[0]) if args and isinstance(args[0], torch.Tensor) else None
        if known is None:
            return None
        if packet in _KEEP:
            return known
        if packet in _STEPS and len(args) == 2 and isinstance(args[1], (int, torch.SymInt)) and not kwargs:
            low, high = known
            if packet is _aten.add:
                return low + args[1], high + args[1]
            if packet is _aten.sub:
                return low - args[1], high - args[1]
            if isinstance(args[1], int) and args[1] >= 0:
                return low * args[1], high * args[1]
        if packet is _aten.clamp and len(args) == 3 and all(isinstance(a, int) for a in args[1:]):
            return torch.sym_max(known[0], args[1]), torch.sym_min(torch.sym_max(known[1], args[1]), args[2])
        return None

    def _check_index(self, index: Any, size: Any) -> None:
        known = self.bounds.get(index) if isinstance(index, torch.Tensor) else None
        if known is not None:
            torch._check_index(known[1] < size, lambda: f"index out of range in self: the largest index is {known[1]}, the size is {size}")

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        packet = func.overloadpacket
        self.recorder.step += 1
        if packet is _aten.embedding:
            self._check_index(args[1], args[0].shape[0])
        elif packet in (_aten.index_select, _aten.gather):
            self._check_index(args[2], args[0].shape[args[1]])
        elif packet is _aten.index:
            for dim, index in enumerate(args[1]):
                self._check_index(index, args[0].shape[dim] if dim < args[0].dim() else 0)
        elif packet in (_aten._softmax, _aten._log_softmax):
            _check_dim(args[0], args[1])
        elif packet is _aten.nll_loss2d_forward:
            _check_labels(args[0], args[1])
        elif packet in (_aten.mm, _aten.addmm):
            self._note_linear(args[-1])
        after = self._bounds_after(packet, args, kwargs)
        result = func(*args, **kwargs)
        if after is not None:
            for item in result if isinstance(result, (list, tuple)) else (result,):
                if isinstance(item, torch.Tensor):
                    self.bounds[item] = after
        return result

    def _note_linear(self, weight: torch.Tensor) -> None:
        for size in weight.shape:
            if isinstance(size, int) and size % _TILE and size > 1:
                note = (None, f"a linear kernel pads {size} features to {-(-size // _TILE) * _TILE}", here(self.recorder.names))
                if all(note[1] != text for _, text, _ in self.recorder.notes):
                    self.recorder.notes.append(note)
                return


def _check_dim(tensor: torch.Tensor, dim: int) -> None:
    """Fake tensors take any axis here."""
    rank = max(tensor.dim(), 1)
    torch._check_index(-rank <= dim < rank, lambda: f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {dim})")


def _check_labels(scores: torch.Tensor, labels: torch.Tensor) -> None:
    """Fake tensors take labels of any size here."""
    same = scores.dim() == 4 and labels.dim() == 3
    for a, b in zip((scores.shape[0], *scores.shape[2:]), labels.shape) if same else ():
        torch._check(a == b, lambda: f"input and target batch or spatial sizes don't match: target {list(labels.shape)}, input {list(scores.shape)}")


class Functions(TorchFunctionMode):
    """Makes the results of recurrent layers in one step, and notes what attention kernels want."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        self.recorder.step += 1
        name = getattr(func, "__name__", "")
        if name in _RECURRENT and len(args) == 9:
            return _recurrent(name, *args)
        if name == "scaled_dot_product_attention":
            self._note_attention(args, kwargs)
        return func(*args, **kwargs)

    def _note_attention(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        query = args[0] if args else kwargs.get("query")
        if not isinstance(query, torch.Tensor) or query.dim() < 2:
            return
        for size, what in ((query.shape[-2], "query length"), (query.shape[-1], "head size")):
            text = f"attention kernels pad a {what} that is no multiple of {_TILE}"
            if all(text != known for _, known, _ in self.recorder.notes):
                if isinstance(size, torch.SymInt):
                    self.recorder.notes.append(((size % _TILE == 0).node.expr, text, here(self.recorder.names)))
                elif size % _TILE:
                    self.recorder.notes.append((None, f"{text}: {size}", here(self.recorder.names)))


def _recurrent(name: str, data: Any, *rest: Any) -> Any:
    """The result of torch.lstm and its kin: (data, hidden, weights, bias, layers, ...) or, packed, (data, lengths, hidden, weights, bias, ...)."""
    packed = isinstance(rest[0], torch.Tensor) and not isinstance(rest[1], bool) and isinstance(rest[2], (list, tuple)) and name != "lstm"
    packed = packed or (name == "lstm" and isinstance(rest[0], torch.Tensor))
    if packed:
        _, hidden, weights, _, layers, _, _, bidirectional = rest
    else:
        hidden, weights, _, layers, _, _, bidirectional, batch_first = rest
    first = hidden[0] if name == "lstm" else hidden
    directions = 2 if bidirectional else 1
    features = weights[0].shape[1]
    torch._check(data.shape[-1] == features, lambda: f"mat1 and mat2 shapes cannot be multiplied: the input has {data.shape[-1]} features, "
                                                     f"the weight {features}")
    torch._check(first.shape[0] == layers * directions, lambda: f"Expected hidden size {layers * directions} layers, got {first.shape[0]}")
    if not packed:
        batch = data.shape[0 if batch_first else 1]
        torch._check(first.shape[1] == batch, lambda: f"Expected hidden batch size {batch}, got {first.shape[1]}")
    # A projection makes the output smaller than the state; the state that is handed in says how large.
    output = data.new_empty((*data.shape[:-1], first.shape[-1] * directions))
    output = output + weights[0].sum() * 0 if torch.is_grad_enabled() else output
    states = [torch.empty_like(state) for state in (hidden if name == "lstm" else (hidden,))]
    return (output, *states)
