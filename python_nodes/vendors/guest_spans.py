"""Finds guests' own words in a payload, byte by byte, whatever the vendor: in XML, in JSON and in CSV.

Each function gives None where a payload cannot be parted by guest; then all of it is everybody's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from python_nodes.domain.guests import GuestSpan
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.json_text import read_json
from python_nodes.vendors.safe_xml import read_xml

_JSON_PART = re.compile(rb'"((?:[^"\\]|\\.)*)"|[{}\[\],:]')
_CELL = rb'(?:"(?:[^"]|"")*"|[^,\r\n"]*)'
_LETTER = re.compile(rb"[A-Za-z0-9\x80-\xff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlGuests:
    """Items of a document: the elements that are a reservation, how one is called, and what in it is a guest's.

    ``texts`` are elements by local name, ``attributes`` pairs of element and attribute; both say what kind they are.
    """

    items: tuple[str, ...]
    id_pattern: re.Pattern[bytes]
    texts: Mapping[str, str]
    attributes: Mapping[tuple[str, str], str]

    def spans(self, content: bytes) -> list[GuestSpan] | None:
        """Find them all."""
        if b"<!--" in content or b"<![CDATA[" in content or b"\0" in content or not _is_read(read_xml, content):
            return None
        named = rb"<((?:\w+:)?(?:" + "|".join(self.items).encode() + rb"))[\s>].*?</\1\s*>"
        blocks = list(re.finditer(named, content, re.DOTALL))
        found: list[GuestSpan] = []
        for block in blocks:
            told = self.id_pattern.search(block.group())
            own = [_at(block.start(), one) for one in self._within(block.group())]
            if own and told is None:
                return None
            found += [one._replace(guest=told.group(1).decode()) for one in own if told is not None]
        outside = self._within(_without(content, [block.span() for block in blocks]))
        return None if outside else found

    def _within(self, block: bytes) -> list[GuestSpan]:
        found = []
        for name, kind in self.texts.items():
            pattern = rb"<(?:\w+:)?" + name.encode() + rb"(?:\s[^<>]*)?>([^<]*)<"
            found += [GuestSpan(*one.span(1), kind, "") for one in re.finditer(pattern, block) if one.group(1).strip()]
        for (name, attribute), kind in self.attributes.items():
            pattern = rb"<(?:\w+:)?" + name.encode() + rb"\s[^<>]*?\b" + attribute.encode() + rb"\s*=\s*"
            for quote in (b'"', b"'"):
                whole = pattern + quote + rb"([^<" + quote + rb"]+)" + quote
                found += [GuestSpan(*one.span(1), kind, "") for one in re.finditer(whole, block)]
        return found


def _is_read(read: Callable[[bytes], object], content: bytes) -> bool:
    """Whether it is a whole document: of one that is broken nobody knows what it names."""
    try:
        read(content)
    except (RejectedRecord, ValueError):
        return False
    return True


def _at(start: int, span: GuestSpan) -> GuestSpan:
    return span._replace(start=span.start + start, end=span.end + start)


def _without(content: bytes, spans: Sequence[tuple[int, int]]) -> bytes:
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(content)]
    return b" ".join(content[end:start] for end, start in zip(ends, starts, strict=True))


@dataclass(slots=True)
class _Open:
    """A container on the way through a document."""

    is_object: bool
    first: int
    key: bytes = b""
    awaits_key: bool = True
    named: dict[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonGuests:
    """Objects of a document: the key that calls a reservation, one it has besides, and which keys are a guest's."""

    id_key: str
    beside: str
    texts: Mapping[str, str]

    def spans(self, content: bytes) -> list[GuestSpan] | None:
        """Find them all, in one pass over the document's own signs."""
        if b"\0" in content or not _is_read(read_json, content):
            return None
        kinds = {key.encode(): kind for key, kind in self.texts.items()}
        id_key, beside = self.id_key.encode(), self.beside.encode()
        found: list[GuestSpan] = []
        stack: list[_Open] = []
        for part in _JSON_PART.finditer(content):
            sign = content[part.start() : part.start() + 1]
            if sign == b'"':
                if stack:
                    self._string(part, stack[-1], kinds, found)
            elif sign in (b"{", b"["):
                if stack:
                    stack[-1].named.setdefault(stack[-1].key, b"")
                stack.append(_Open(is_object=sign == b"{", first=len(found)))
            elif sign in (b"}", b"]"):
                if not stack:
                    return None
                closed = stack.pop()
                guest = closed.named.get(id_key)
                if guest and beside in closed.named:
                    found[closed.first :] = [one if one.guest else one._replace(guest=guest.decode())
                                             for one in found[closed.first :]]  # fmt: skip
            elif stack:
                stack[-1].awaits_key = sign == b","
        return None if stack or any(not one.guest for one in found) else found

    @staticmethod
    def _string(part: re.Match[bytes], within: _Open, kinds: Mapping[bytes, str], found: list[GuestSpan]) -> None:
        if within.is_object and within.awaits_key:
            within.key = part.group(1)
            within.named.setdefault(within.key, b"")
            return
        if within.is_object:
            within.named[within.key] = part.group(1)
        kind = kinds.get(within.key)
        if kind is not None and _LETTER.search(part.group(1)):
            found.append(GuestSpan(*part.span(1), kind, ""))


def in_csv(content: bytes, id_column: str, columns: Mapping[str, str]) -> list[GuestSpan] | None:
    """Find the cells of these columns, each of the reservation of its row."""
    head, _, _ = content.partition(b"\n")
    names = [one.strip().strip('"') for one in head.decode("utf-8", "replace").lstrip("\ufeff").split(",")]
    if b"\0" in content or id_column not in names:
        return None
    wanted = {names.index(name): kind for name, kind in columns.items() if name in names}
    own = names.index(id_column)
    row = re.compile(rb",".join(rb"(" + _CELL + rb")" for _ in names) + rb"(?:\r?\n|\Z)")
    found, end = [], len(head) + 1
    while end < len(content):
        told = row.match(content, end)
        if told is None:
            return None
        guest = told.group(own + 1).strip(b'" ').decode("utf-8", "replace")
        for number, kind in wanted.items():
            start, stop = told.span(number + 1)
            if content[start : start + 1] == b'"':
                start, stop = start + 1, stop - 1
            if stop > start:
                found.append(GuestSpan(start, stop, kind, guest))
        end = told.end()
    return found
