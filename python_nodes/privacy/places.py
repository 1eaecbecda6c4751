"""Recognises where somebody lives: a street with a house number, in the ways of several countries."""

from __future__ import annotations

import re
from collections.abc import Iterator

from python_nodes.privacy.patterns import pattern

_WAYS = ("address_1", "address_2", "address_3", "address_4")
"""Number, name, Street; number, rue, name; rua, name, number; name and straße, number."""
_NUMBER_LAST = "address_4"
_YEAR = re.compile(r"^(?:19|20)\d\d$")


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """Yield streets with a number, with the floor and the town that follow."""
    taken: list[tuple[int, int]] = []
    for way in _WAYS:
        for one in pattern(way).finditer(text):
            words = one.group("w").split()
            # A street's name begins with a capital; what stands before is the sentence's.
            while len(words) > 1 and way == _NUMBER_LAST and words[0][0].islower():
                del words[0]
            start = one.end("w") - len(" ".join(words)) if way == _NUMBER_LAST else one.start()
            ends = words[:1] + (words[-1:] if way == _WAYS[0] else [])
            if any(pattern("no_street").match(word) for word in ends) or _YEAR.match(one.group("n").strip()):
                continue
            if any(word[0].isupper() for word in words) and not any(
                start < stop and begin < one.end() for begin, stop in taken
            ):
                taken.append((start, one.end()))
                yield start, one.start() + len(one.group().rstrip(" ,"))
