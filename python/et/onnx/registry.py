#===- registry.py - The operators of ONNX that are imported -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Rules: functions from the inputs and attributes of a node to its outputs.

    @operator("Gelu")
    def gelu(ctx: Context, x: Tensor, *, approximate: str = "none") -> Tensor:
        return torch.nn.functional.gelu(x, approximate=approximate)

Positional parameters are the inputs of the node, keyword parameters its attributes; the annotation of an input says what the
rule wants of it: `Tensor`, `Ints` (known sizes), `Number` (one known number) or `Value` (as it comes). Before anything is
traced, every node of a file is held against these signatures: an operator without a rule, an attribute or an input that its
rule does not have, a value outside `only`, or an output that the rule does not make is an error that lists them all.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Container, Iterable, Mapping, Sequence, Union

import torch

if TYPE_CHECKING:
    from .reader import Node

#: What the annotations of rules stand for.
Tensor = torch.Tensor
Ints = Sequence[Union[int, torch.SymInt]]
Number = Union[int, float, bool, torch.SymInt]

MICROSOFT = "com.microsoft"
#: "ai.onnx" is another name of the default domain.
DEFAULT_DOMAINS = ("", "ai.onnx")
#: For `outputs`: as many as the node has.
ANY_OUTPUTS = range(1 << 20)


class Unsupported(Exception):
    """This use of an operator cannot be imported; the text says why."""


@dataclass(frozen=True)
class Operator:
    """A rule, and what it takes."""

    name: str
    domain: str
    rule: Callable[..., Any]
    outputs: Container[int]
    only: Mapping[str, tuple[Any, ...]]
    ignored: frozenset[str]
    note: str
    inputs: tuple[str, ...] = field(default=())
    #: What each input shall be: the annotation without "| None".
    wants: tuple[str, ...] = field(default=())
    required: tuple[int, ...] = ()
    variadic: bool = False
    attributes: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()

    def refusals(self, node: "Node", used: Callable[[str], bool]) -> Iterable[str]:
        """Why the rule does not take the node."""
        for name, value in node.attributes.items():
            if name in self.ignored:
                continue
            if name not in self.attributes:
                yield f"its attribute '{name}' is not supported"
            elif name in self.only and value not in self.only[name]:
                expected = " or ".join(repr(v) for v in self.only[name])
                yield f"expected its attribute '{name}' to be {expected}, but got {value!r}"
        for name in sorted(self.needs - set(node.attributes)):
            yield f"it lacks the attribute '{name}'"
        present = [i for i, name in enumerate(node.inputs) if name]
        if present and present[-1] >= len(self.inputs) and not self.variadic:
            yield f"its input {present[-1]} is not supported"
        missing = [self.inputs[i] for i in self.required if i not in present]
        if missing:
            yield f"it lacks the input '{missing[0]}'"
        for i, name in enumerate(node.outputs):
            if i not in self.outputs and name and used(name):
                yield f"its output {i} ('{name}') is not supported, but something reads it"


_operators: dict[tuple[str, str], Operator] = {}


def operator(*names: str, domain: str = "", outputs: Container[int] = (0,), only: Mapping[str, tuple[Any, ...]] | None = None,
             ignored: Iterable[str] = (), note: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a rule for operators of a domain.

    Args:
        outputs: which outputs the rule makes; where there are several, it returns a tuple, with None for those that it leaves out.
        only: values of attributes that the rule takes.
        ignored: attributes that change nothing here.
        note: what the table of operators says of it.
    """

    def decorate(rule: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            _operators[(domain, name)] = _describe(name, domain, rule, outputs, dict(only or {}), frozenset(ignored), note)
        return rule

    return decorate


def _describe(name: str, domain: str, rule: Callable[..., Any], outputs: Container[int], only: Mapping[str, tuple[Any, ...]],
              ignored: frozenset[str], note: str) -> Operator:
    parameters = list(inspect.signature(rule).parameters.values())[1:]
    inputs = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]
    keywords = [p for p in parameters if p.kind == p.KEYWORD_ONLY]
    variadic = bool(inputs) and inputs[-1].kind == inputs[-1].VAR_POSITIONAL
    required = tuple(i for i, p in enumerate(inputs) if p.default is p.empty and p.kind != p.VAR_POSITIONAL
                     and not str(p.annotation).endswith("| None"))
    return Operator(name, domain, rule, outputs, only, ignored, note, tuple(p.name for p in inputs),
                    tuple(str(p.annotation).removesuffix(" | None") for p in inputs), required, variadic,
                    frozenset(p.name for p in keywords), frozenset(p.name for p in keywords if p.default is p.empty))


def find(domain: str, name: str) -> Operator | None:
    """The rule of an operator, or None."""
    return _operators.get(("" if domain in DEFAULT_DOMAINS else domain, name))


def operators() -> list[Operator]:
    """All rules, by domain and name."""
    return [_operators[key] for key in sorted(_operators)]


def table() -> str:
    """The operators as a table in Markdown: what docs/Onnx.md shows."""
    lines = ["| operator | domain | what is not taken |", "| --- | --- | --- |"]
    for entry in operators():
        limits = [f"`{name}` other than {', '.join(f'`{v}`' for v in values if v != '')}" for name, values in sorted(entry.only.items())]
        limits += [entry.note] if entry.note else []
        lines.append(f"| `{entry.name}` | {entry.domain or 'ai.onnx'} | {'; '.join(limits)} |")
    return "\n".join(lines)


__all__ = ["ANY_OUTPUTS", "Ints", "MICROSOFT", "Number", "Operator", "Tensor", "Unsupported", "find", "operator", "operators", "table"]
