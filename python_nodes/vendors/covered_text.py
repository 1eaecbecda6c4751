"""Reads a document of like items as text, if every character of it is accounted for."""

from __future__ import annotations

import re
from typing import Any

NAME = r'[^"&<>\x00-\x1f\x7f]+'
"""An attribute's value without a reference, a quote or anything beyond ASCII: the same in XML and in text."""
DECLARATION = r"(?:<\?xml version=(?:'1\.0' encoding='[uU][tT][fF]-8'|\"1\.0\" encoding=\"[uU][tT][fF]-8\")\?>\s*)?"


def columns(content: bytes, head: re.Pattern[str], item: re.Pattern[str], tail: str) -> list[tuple[Any, ...]] | None:
    """What each item tells, group by group, or None of any document that head, items and tail do not cover whole.

    The first three groups of ``item`` are the whole of it, the end of the block before, and the begin of its own, both
    empty within a block; the begin is the first column that is returned.
    """
    if not content.isascii():
        return None
    text = content.decode("ascii").rstrip()
    began = head.match(text)
    if began is None or not text.endswith(tail):
        return None
    found = item.findall(text, began.end(), len(text) - len(tail))
    if not found:
        return None
    whole, ends, begins, *parts = zip(*found, strict=True)
    covers_all = began.end() + sum(map(len, whole)) + len(tail) == len(text)
    # A block ends where the next begins, and nowhere else.
    ends_well = list(map(bool, ends)) == [False, *map(bool, begins[1:])]
    return [begins, *parts] if covers_all and begins[0] and ends_well else None
