"""Sentences of the message catalogue: marked where they are written, spoken in the reader's language.

Every text that people read is an English template with ``{named}`` values, and its English is its name in the catalogue
(gettext). Where it is shown at once, ``say`` says it. Where it is stored for a reader not known yet, a ``Said`` keeps
template and values beside the English sentence, and ``spoken`` says it anew when it is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from gettext import NullTranslations
from typing import Any

from babel import Locale
from babel.numbers import format_decimal

LANGUAGES = ("en",)
"""Those that have a complete catalogue; a recipient's language is one of them, with or without a country."""
SAID = "said"
"""In an alert's evidence: by the name of a stored sentence (``title`` for the alert's own), its template and values."""
COUNT = "count"


@dataclass(frozen=True, slots=True)
class Speech:
    """A language: its sentences, and the locale that numbers, money and days are written by."""

    locale: Locale
    catalogue: NullTranslations


ENGLISH = Speech(Locale("en", "GB"), NullTranslations())
_spoken: ContextVar[Speech] = ContextVar("spoken", default=ENGLISH)


@contextmanager
def speaking(speech: Speech) -> Iterator[None]:
    """Have everything said within be said in this language."""
    token = _spoken.set(speech)
    try:
        yield
    finally:
        _spoken.reset(token)


def current() -> Speech:
    """Return the language that is spoken here and now."""
    return _spoken.get()


def marked(text: str) -> str:
    """Mark a template for the catalogue where it is written but not said yet."""
    return text


def say(text: str, /, **values: object) -> str:
    """Say one sentence; values are put in as they are, written already in the language that is spoken."""
    found = current().catalogue.gettext(text) if text else ""
    return found.format(**values) if values else found


def say_many(one: str, many: str, count: int, /, **values: object) -> str:
    """Say a sentence about ``{count}`` things."""
    told = {COUNT: format_decimal(count, locale=current().locale)} | values
    return current().catalogue.ngettext(one, many, count).format(**told)


@dataclass(frozen=True, slots=True)
class Said:
    """A stored sentence; a value may be one itself; ``many`` is the template for a ``count`` other than 1."""

    text: str
    values: Mapping[str, Said | str | int | float] = field(default_factory=dict)
    many: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as evidence keeps it."""
        values = {name: one.as_json() if isinstance(one, Said) else one for name, one in self.values.items()}
        return {"text": self.text, "values": values} | ({"many": self.many} if self.many else {})

    def spoken(self) -> str:
        """Say it in the language that is spoken now."""
        values: dict[str, Any] = {
            name: one.spoken() if isinstance(one, Said) else one for name, one in self.values.items()
        }
        if self.many:
            count = values.pop(COUNT)
            return say_many(self.text, self.many, int(count), **values)
        return say(self.text, **values)

    def english(self) -> str:
        """Say it as it is stored for programs and pages."""
        with speaking(ENGLISH):
            return self.spoken()


def read(stored: object) -> Said | None:
    """Read what evidence kept; None where it is not there or not whole, and the English stands."""
    if not isinstance(stored, Mapping) or not isinstance(stored.get("text"), str):
        return None
    values: dict[str, Said | str | int | float] = {}
    for name, one in dict(stored.get("values") or {}).items():
        inner = read(one) if isinstance(one, Mapping) else one
        if not isinstance(inner, Said | str | int | float):
            return None
        values[str(name)] = inner
    return Said(stored["text"], values, str(stored.get("many") or ""))


def retold(evidence: Mapping[str, Any], name: str, english: str) -> str:
    """Say a stored sentence anew, or leave its English where it was stored without its template."""
    kept = evidence.get(SAID)
    found = read(kept.get(name)) if isinstance(kept, Mapping) else None
    return english if found is None else found.spoken()
