"""The language that is spoken here and now: sentences by a catalogue, numbers, money and days by its locale."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from gettext import NullTranslations

from babel import Locale

LANGUAGES = ("en", "de")
"""Those that have a complete catalogue; a recipient's language is one of them, with or without a country."""


@dataclass(frozen=True, slots=True)
class Speech:
    """A language: its sentences, and the locale that numbers, money and days are written by."""

    locale: Locale
    catalogue: NullTranslations

    @property
    def tag(self) -> str:
        """Name the language as HTML does."""
        return str(self.locale.language)


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
    """Return the language that is spoken here and now; English where nobody chose."""
    return _spoken.get()
