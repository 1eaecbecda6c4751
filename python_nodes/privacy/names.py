"""Recognises names of people beside words that say so, and by given names; a word alone may be anything."""

from __future__ import annotations

import re
from collections.abc import Iterator

from python_nodes.privacy.patterns import listed, pattern, words

_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’.\-](?=[^\W\d_]))*\.?")
_MOST_WORDS, _INITIAL, _BEFORE = 4, 2, 12


def pairs(text: str) -> Iterator[tuple[int, int]]:
    """Yield two or three capitalised words, none of which is known to be anything else."""
    for one in (*pattern("pair").finditer(text), *pattern("first_pair").finditer(text)):
        told = [word.group().rstrip(".").casefold() for word in _WORD.finditer(one.group())]
        if not any(word in listed("no_names.txt") or word in words("no_names") for word in told if not _joins(word)):
            yield one.span()


def names(text: str) -> Iterator[tuple[int, int]]:
    """Yield names that something says are names; what says it is none of it."""
    yield from _beside_cues(text)
    yield from _people(text)
    yield from _given_names(text)


def _beside_cues(text: str) -> Iterator[tuple[int, int]]:
    for cue, is_sure in (("title", True), ("sure_cue", True), ("weak_cue", False)):
        for one in pattern(cue).finditer(text):
            if (found := _after(text, one.end(), any_name=is_sure)) is not None:
                yield found
    for cue in ("introduced", "acting"):
        for one in pattern(cue).finditer(text):
            found = _after(text, one.start("own"), any_name=True)
            if found is not None and " " in text[slice(*found)]:
                yield found


def _people(text: str) -> Iterator[tuple[int, int]]:
    """Yield single words of whom something is said that is said of people only."""
    for one in pattern("personal_cue").finditer(text):
        if (found := _after(text, one.end(), any_name=True)) is not None and _is_unknown(text[slice(*found)]):
            yield found
    for one in pattern("reached").finditer(text):
        span = one.span("own") if one.group("own") else one.span("who")
        if _is_unknown(text[slice(*span)]) and _is_name(text[slice(*span)].rsplit(maxsplit=1)[-1]):
            yield span
    for one in pattern("does").finditer(text):
        if _is_name(one.group("own")) and _is_unknown(one.group("own")):
            yield one.span("own")


def _given_names(text: str) -> Iterator[tuple[int, int]]:
    for word in _WORD.finditer(text):
        before = text[max(0, word.start() - _BEFORE) : word.start()]
        if _is_given(word.group()) and not pattern("no_given").search(before):
            found = _after(text, word.start(), any_name=False)
            if found and (" " in text[slice(*found)] or word.group().casefold() not in words("also_words")):
                yield found


def _after(text: str, start: int, *, any_name: bool) -> tuple[int, int] | None:
    """The name that begins here: capitalised words with what may stand between; the first must be known if not any."""
    while (title := pattern("title").match(text, start) or pattern("and_title").match(text, start)) is not None:
        any_name, start = True, title.end()
    end, at, count = start, start, 0
    while count < _MOST_WORDS:
        at = _past_particles(text, at, is_first=count == 0)
        word = _WORD.match(text, at)
        if word is None or not _is_name(word.group()) or (not count and not any_name and not _is_given(word.group())):
            break
        is_initial = len(word.group()) == _INITIAL and word.group().endswith(".")
        count, end = count + 1, word.end() - (word.group().endswith(".") and not is_initial)
        at = word.end() + 1
        if text[word.end() : at] != " " or end < word.end():
            break
    return (start, end) if count else None


def _past_particles(text: str, at: int, *, is_first: bool) -> int:
    """Where the next word of a name begins, after ``van den`` and the like; the same place if no name follows these."""
    place = at
    while (word := _WORD.match(text, place)) is not None and _joins(word.group().casefold()):
        if (is_first and not word.group()[0].islower()) or text[word.end() : word.end() + 1] != " ":
            break
        place = word.end() + 1
    word = _WORD.match(text, place)
    return place if word is not None and _is_name(word.group()) else at


def _joins(word: str) -> bool:
    return word in words("particles")


def _is_given(word: str) -> bool:
    return word[0].isupper() and re.split(r"[-.]", word)[0].casefold() in listed("given_names.txt")


def _is_unknown(told: str) -> bool:
    return not any(word.casefold().rstrip(".") in listed("no_names.txt") for word in told.split())


def _is_name(told: str) -> bool:
    plain = told.rstrip(".").casefold()
    return told[0].isupper() and plain not in words("no_names") and (len(plain) > 1 or told.endswith("."))
