#===- explain_page.py - Reads the pages of et.explain -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""A page as its tags and texts, read by the standard library's parser."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "img", "br", "wbr", "hr", "input", "link", "path", "use", "rect"}

Tag = tuple[str, dict[str, str]]


@dataclass
class Row:
    """A row of a table: its attributes, what is in it, and its text."""

    attributes: dict[str, str]
    tags: list[Tag] = field(default_factory=list)
    text: str = ""

    def all(self, name: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag == name]

    def first(self, name: str) -> dict[str, str]:
        return self.all(name)[0]

    def value(self, attribute: str) -> str:
        """The value of an attribute that one tag of the row has."""
        found = [attributes[attribute] for _, attributes in self.tags if attribute in attributes]
        assert len(found) == 1, (attribute, found)
        return found[0]


class Page(HTMLParser):
    """`problems` are tags that are closed in another order than they were opened, or not at all."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.source, self.text, self.doctype = source, "", ""
        self.tags: list[Tag] = []
        self.tables: dict[str, list[Row]] = {}
        self.problems: list[str] = []
        self._open: list[str] = []
        self._table = ""
        self._row: Row | None = None
        self.feed(source)
        self.close()
        self.problems += [f"<{tag}> is not closed" for tag in self._open]

    def handle_decl(self, decl: str) -> None:
        self.doctype = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if len(attributes) != len(attrs):
            self.problems.append(f"<{tag}> has an attribute twice: {attrs}")
        self.tags.append((tag, attributes))
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "table":
            self._table = attributes.get("id", "")
        if tag == "tr" and self._table and "tbody" in self._open:
            self._row = Row(attributes)
            self.tables.setdefault(self._table, []).append(self._row)
        elif self._row:
            self._row.tags.append((tag, attributes))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self._open or self._open[-1] != tag:
            self.problems.append(f"</{tag}> at {self.getpos()}, but open are {self._open[-3:]}")
        while self._open and self._open.pop() != tag:
            pass
        if tag == "tr":
            self._row = None

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data
            if self._row:
                self._row.text += data

    def rows(self, table: str) -> list[Row]:
        return self.tables.get(table, [])

    def all(self, name: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag == name]

    def attributes(self, name: str) -> dict[str, str]:
        return self.all(name)[0]

    def by_id(self, name: str) -> dict[str, str]:
        return next(attributes for _, attributes in self.tags if attributes.get("id") == name)

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]

    @property
    def references(self) -> list[str]:
        """Whatever a browser might load or follow."""
        names = ("src", "href", "xlink:href", "srcset", "data", "action", "poster")
        return [attributes[n] for _, attributes in self.tags for n in names if n in attributes]
