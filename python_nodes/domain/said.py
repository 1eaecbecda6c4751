"""Sentences of the message catalogue: marked where they are written, said in the reader's language.

Every text that people read is an English template with ``{named}`` values, and its English is its name in the catalogue
(gettext). Where it is shown at once, ``say`` says it. Where it is stored for a reader not known yet, a ``Said`` keeps
template and values beside the English sentence, and ``retold`` says it anew when it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

from python_nodes.domain import written
from python_nodes.domain.speech import ENGLISH, current, speaking

SAID = "said"
"""In an alert's evidence: by the name of a stored sentence (``title`` for the alert's own), its template and values."""
COUNT = "count"
Part: TypeAlias = "Said | str | int | float | tuple[Part, ...]"
"""A value of a stored sentence."""


def marked(text: str) -> str:
    """Mark a template for the catalogue where it is written but not said yet."""
    return text


def say(text: str, /, **values: object) -> str:
    """Say one sentence; values are put in as they are, written already in the language that is spoken."""
    found = current().catalogue.gettext(text) if text else ""
    return found.format(**values) if values else found


def say_many(one: str, many: str, count: int, /, **values: object) -> str:
    """Say a sentence about ``{count}`` things."""
    told = {COUNT: written.number(count)} | values
    return current().catalogue.ngettext(one, many, count).format(**told)


@dataclass(frozen=True, slots=True)
class Said:
    """A stored sentence; a value may be one itself; ``many`` is the template for a ``count`` other than 1.

    A value's name tells how it is written: ``…_share`` as percent, ``…_change`` as percent with its sign, ``…_date`` as
    a day, any other number as one; several are put one after the other.
    """

    text: str
    values: Mapping[str, Part] = field(default_factory=dict)
    many: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as evidence keeps it."""
        values = {name: _plain(one) for name, one in self.values.items()}
        return {"text": self.text, "values": values} | ({"many": self.many} if self.many else {})

    def spoken(self) -> str:
        """Say it in the language that is spoken now."""
        values = {name: _written(name, one) for name, one in self.values.items()}
        if self.many:
            count = self.values.get(COUNT, 0)
            return say_many(self.text, self.many, int(count) if isinstance(count, int | float) else 0, **values)
        return say(self.text, **values)

    def english(self) -> str:
        """Say it as it is stored for programs and pages."""
        with speaking(ENGLISH):
            return self.spoken()


def said_many(one: str, many: str, count: int, /, **values: Part) -> Said:
    """Keep a sentence about ``{count}`` things."""
    return Said(one, {COUNT: count, **values}, many)


def _written(name: str, value: Part) -> str:
    if isinstance(value, Said):
        return value.spoken()
    if isinstance(value, tuple):
        return written.listed([_written(name, one) for one in value])
    if isinstance(value, str):
        return _day(value) if name.endswith("_date") else value
    if name.endswith("_share"):
        return written.share(value)
    return written.change(value) if name.endswith("_change") else written.number(value)


def _day(text: str) -> str:
    try:
        return written.day(date.fromisoformat(text))
    except ValueError:
        return text


def read(stored: object) -> Said | None:
    """Read what evidence kept; None where it is not there or not whole, and the English stands."""
    if not isinstance(stored, Mapping) or not isinstance(stored.get("text"), str):
        return None
    values: dict[str, Part] = {}
    for name, one in dict(stored.get("values") or {}).items():
        inner = _part(one)
        if inner is None:
            return None
        values[str(name)] = inner
    return Said(stored["text"], values, str(stored.get("many") or ""))


def _part(stored: object) -> Part | None:
    if isinstance(stored, Mapping):
        return read(stored)
    if isinstance(stored, list | tuple):
        parts = [_part(one) for one in stored]
        return None if None in parts else tuple(one for one in parts if one is not None)
    return stored if isinstance(stored, str | int | float) else None


def _plain(value: Part) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.as_json() if isinstance(value, Said) else value


def retold(evidence: Mapping[str, Any], name: str, english: str) -> str:
    """Say a stored sentence anew, or leave its English where it was stored without its template."""
    kept = evidence.get(SAID)
    return anew(kept.get(name), english) if isinstance(kept, Mapping) else english


def anew(stored: object, english: str) -> str:
    """Say a sentence by what was stored of it; where that cannot be said, its English stands."""
    found = read(stored)
    try:
        return english if found is None else found.spoken()
    except (LookupError, ValueError):
        # A template of another version: the English says the same, and an alert must not stay unsent for it.
        return english
