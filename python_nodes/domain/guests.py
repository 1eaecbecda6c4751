"""Guests: what of them may stand in a table, and where in a payload their own words are."""

from __future__ import annotations

import html
import unicodedata
from typing import NamedTuple

import numpy as np
import polars as pl

from python_nodes.domain.columns import ObjectArray

ERASED = "erased"
"""Stands where a guest's own words were."""
FIELDS = ("guest_name", "guest_email", "guest_phone")
HIDDEN = "***"
PHONE_DIGITS, LEAST_DIGITS = 9, 6
_MASKS = {
    "guest_name": (r"(\p{L}|\p{N})\S*", "$1."),
    "guest_email": (r"(?s)^(.)[^@]*@.*$", "$1***@***"),
    "guest_phone": (r"(?s)^.*(\d\d)\D*$", "***$1"),
}


class GuestSpan(NamedTuple):
    """Bytes ``start`` to ``end`` of a payload that are a guest's own; ``guest`` is the reservation that names them.

    ``kind`` is name, email, phone, address, card or words.
    """

    start: int
    end: int
    kind: str
    guest: str


def masked(field: str, values: ObjectArray) -> ObjectArray:
    """What may be shown: a name's initials, an address's first letter, a number's last two digits; None stays."""
    told = pl.Series(values.tolist(), dtype=pl.String)
    if told.null_count() == len(told):
        return values
    pattern, shown = _MASKS[field]
    kept = pl.when(told.str.contains(pattern)).then(told.str.replace_all(pattern, shown))
    # What does not look like one may be anything, so nothing of it is shown.
    other = pl.when(told.is_not_null()).then(pl.lit(HIDDEN))
    out = np.empty(len(values), dtype=object)
    out[:] = pl.select(kept.otherwise(other)).to_series().to_list()
    return out


def mail_of(told: str) -> str | None:
    """An e-mail address as it is compared: case, blanks and marks around it do not count."""
    plain = unicodedata.normalize("NFKC", html.unescape(told)).strip(" <>\t\r\n").removeprefix("mailto:").casefold()
    return plain if "@" in plain else None


def phone_of(told: str) -> str | None:
    """A telephone number as it is compared: its last nine digits, for some write the country and some do not."""
    digits = "".join(one for one in unicodedata.normalize("NFKC", told) if one.isdigit())
    return digits[-PHONE_DIGITS:] if len(digits) >= LEAST_DIGITS else None
