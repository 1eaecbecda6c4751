"""The catalogues: one folder a language under ``python_nodes/locale``, read when the first message needs it.

The .po files are the only form that is kept: a compiled copy beside them could be out of date and nobody would see it.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from python_nodes.domain.speech import ENGLISH, Speech
from python_nodes.errors import ConfigError

FOLDER = Path(__file__).resolve().parent.parent / "locale"
FILE = Path("LC_MESSAGES") / "messages.po"


@cache
def speech(language: str, folder: Path = FOLDER) -> Speech:
    """Return a language by its name (``en``, ``de_AT``): sentences of the language, numbers of the country."""
    try:
        locale = Locale.parse(language, sep="-" if "-" in language else "_")
    except (ValueError, UnknownLocaleError):
        raise ConfigError(f"{language!r} is no language") from None
    if locale.language == ENGLISH.locale.language:
        return Speech(locale if locale.territory else ENGLISH.locale, ENGLISH.catalogue)
    return Speech(locale, compiled(read(folder / locale.language / FILE)))


def read(path: Path) -> Catalog:
    """Read one catalogue."""
    try:
        with path.open("rb") as file:
            return read_po(file, abort_invalid=True)
    except OSError:
        raise ConfigError(f"there are no messages in {path.parent.parent.name!r}") from None


def compiled(catalog: Catalog) -> Translations:
    """Make a catalogue ready for use."""
    out = BytesIO()
    write_mo(out, catalog)
    out.seek(0)
    return Translations(fp=out)
