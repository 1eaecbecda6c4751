"""A language that nobody speaks: accented and a third longer, so that what no catalogue says is seen at once."""

from __future__ import annotations

import re
import string
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog

from python_nodes.domain.speech import Speech
from python_nodes.notify import catalogue

NAME = "pseudo"
_ACCENTED = str.maketrans(
    string.ascii_letters, "áƀćďéƒǵĥíĵķĺḿńóṕɋŕśťúṽẃẋýźÁɃĆĎÉƑǴĤÍĴĶĹḾŃÓṔɊŔŚŤÚṼẂẊÝŹ"
)  # fmt: skip
_PLACEHOLDER = re.compile(r"(\{[^{}]*\})")


def text(message: str) -> str:
    """Accent every letter outside of the placeholders, and lengthen."""
    parts = _PLACEHOLDER.split(message)
    accented = "".join(part if _PLACEHOLDER.fullmatch(part) else part.translate(_ACCENTED) for part in parts)
    return f"{accented}{'~' * (len(message) // 3)}"


def speech(template: Path) -> Speech:
    """Speak it; numbers, money and days as Greeks write them, in letters that are not Latin."""
    told, spoken = catalogue.read(template), Catalog(locale="el")
    for one in told:
        if one.id:
            spoken.add(one.id, tuple(text(each) for each in one.id) if one.pluralizable else text(str(one.id)))
    return Speech(Locale("el"), catalogue.compiled(spoken))
