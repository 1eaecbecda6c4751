"""What a message still says in plain letters when it is spoken in the pseudo language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from lxml import html as lxml_html

_WORD = re.compile(r"[A-Za-z]{2,}")
_ASIDE = re.compile(r"https?://[^\s|>]+|:[a-z_]+:|cid:\S+|\bbooking\.com\b", re.IGNORECASE)
SET = frozenset({"nightporter", "utc", "eur", "jpy", "ets", "ical"})
"""Our name, a zone, currencies, a model: the same in every language."""


def words(text: str, names: Iterable[str]) -> list[str]:
    """Return the Latin words of a text that are in none of the names."""
    known = {word.lower() for name in names for word in _WORD.findall(name)} | SET
    return [word for word in _WORD.findall(_ASIDE.sub(" ", text)) if word.lower() not in known]


def of_html(page: str) -> str:
    """Return what a reader of the page sees, also instead of its pictures."""
    tree = lxml_html.fromstring(page)
    for hidden in tree.xpath("//style | //script | //head/meta"):
        hidden.drop_tree()
    return " ".join([*tree.itertext(), *tree.xpath("//@alt"), *tree.xpath("//@placeholder")])


def of_blocks(told: Any) -> str:
    """Return what Slack would show of its blocks: every text, and nothing of what names them."""
    if isinstance(told, dict):
        shown = ([str(told["text"])] if isinstance(told.get("text"), str) else []) + [
            str(told[name]) for name in ("alt_text",) if isinstance(told.get(name), str)
        ]
        return " ".join([*shown, *(of_blocks(part) for part in told.values() if isinstance(part, dict | list))])
    return " ".join(of_blocks(part) for part in told) if isinstance(told, list) else ""
