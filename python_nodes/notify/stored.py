"""Sentences that are stored in English only, said in the reader's language by finding the template they came from.

Reasons of what was done are kept for programs and history as plain English. Each of them comes from one of these
templates; what is none of them is a person's or a vendor's own text and stays as it is.
"""

from __future__ import annotations

import re
from functools import cache

from python_nodes.domain import written
from python_nodes.domain.said import marked, say
from python_nodes.notify import words

TEMPLATES = (
    marked("resolved by {actor}"),
    marked("judged a false alarm by {actor}"),
    marked("{kind} is no longer found"),
    marked("Nobody has taken care of it for {span}: {rule}"),
    marked("{hours} h"),
    marked("This alert"),
    marked("{channel} extranet"),
    marked("{minutes} min"),
)
"""Those of other stages, which may not know the catalogue."""
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_SLOT = re.compile(r"\\\{([a-z_]+)\\\}")


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(_SLOT.sub(r"(?P<\1>.+?)", re.escape(template)))


def heard(sentence: str) -> str:
    """Say a stored sentence anew."""
    for template in TEMPLATES:
        found = _pattern(template).fullmatch(sentence)
        if found is not None:
            return say(template, **{name: _part(name, part) for name, part in found.groupdict().items()})
    return words.value(sentence) if sentence in words.VALUES else say(sentence)


def _part(name: str, text: str) -> str:
    if _NUMBER.fullmatch(text):
        return written.number(float(text) if "." in text else int(text))
    if name == "span":
        return heard(text)
    return words.kind(text) if name == "kind" else text
