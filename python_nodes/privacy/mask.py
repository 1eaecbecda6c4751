"""Masks free text: what recognisers find is replaced by its kind, the rest stays as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from python_nodes.privacy import names, numbers, places

LONGEST = 20_000
"""Characters that are looked at; what is longer is cut, for nobody reads so much and a pattern may take its time."""
_WORTH_IT = re.compile(
    r"\d\W{0,2}\d\W{0,2}\d|@|\(at\)|\[at\]|[^\W\d_]{2}\s+[^\W\d_]|[:,]\s*[^\W\d_]|\d\s*[A-Z]|[A-Z]\d", re.IGNORECASE
)


class Found(NamedTuple):
    """Characters ``start`` to ``end`` are of this kind."""

    start: int
    end: int
    kind: str


Recogniser = Callable[[str], Iterator[tuple[int, int]]]
RECOGNISERS: tuple[tuple[str, Recogniser], ...] = (
    ("email", numbers.emails),
    ("iban", numbers.ibans),
    ("card", numbers.cards),
    ("document", numbers.documents),
    ("phone", numbers.phones),
    ("address", places.addresses),
    ("name", names.names),
)
"""By kind, the surest first: of two that overlap, the first stands for both."""
OF_PROSE: tuple[tuple[str, Recogniser], ...] = (("name", names.pairs),)
"""In what people wrote to people; what programs write has other capitals."""


def find(text: str, *, is_prose: bool = True) -> list[Found]:
    """Return what is personal, in order, none overlapping another."""
    if not _WORTH_IT.search(text):
        return []
    kept: list[Found] = []
    for kind, recogniser in (*RECOGNISERS, *(OF_PROSE if is_prose else ())):
        for start, end in recogniser(text):
            if not any(start < one.end and one.start < end for one in kept):
                kept.append(Found(start, end, kind))
    return sorted(kept)


@lru_cache(maxsize=4096)
def mask(text: str, *, is_prose: bool = True) -> str:
    """Replace what is personal by its kind in brackets."""
    out, end = [], 0
    text = text[:LONGEST]
    for one in find(text, is_prose=is_prose):
        out += [text[end : one.start], f"[{one.kind}]"]
        end = one.end
    return "".join([*out, text[end:]])
