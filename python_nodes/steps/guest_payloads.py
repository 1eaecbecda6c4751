"""What payloads say of one person, and taking it out of those that are not parted by guest."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from python_nodes.domain.guests import ERASED, LEAST_DIGITS
from python_nodes.domain.packed import UNREADABLE
from python_nodes.steps.guest_part import PERSONAL
from python_nodes.store import guest_words, raw_rest
from python_nodes.store.guest_register import Guest
from python_nodes.store.raw import RawArchive
from python_nodes.store.raw_rest import Move, Resting

AT_ONCE = 50
LARGEST_BYTES = 200_000_000
"""Of one member of a packed file (Excel's): a larger one is not read, and counts as about the guest."""
_PACKED = b"PK\x03\x04"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What is known of one person: reservations, and words by kind."""

    reservations: frozenset[str]
    words: Mapping[str, frozenset[str]] = field(repr=False)

    def is_in(self, raw: bytes) -> bool:
        """Whether a document names them."""
        told = raw.decode("utf-8", "replace")
        return any(_stands(one, told) for one in self.reservations) or any(
            form in told for value in self.written() for form in _forms(value)
        )

    def written(self) -> list[str]:
        """What is theirs alone: addresses, numbers, and names of more than one word."""
        own = [*self.words.get("email", ()), *self.words.get("phone", ()), *self.words.get("card", ())]
        names = [one for one in self.words.get("name", ()) if " " in one]
        long = [one for kind in ("words", "address") for one in self.words.get(kind, ()) if len(one) >= LONG]
        return sorted({one for one in (*own, *names, *long) if len(one) >= LEAST_DIGITS})

    def without(self, raw: bytes) -> bytes:
        """A document that names them, without all that is theirs."""
        told = raw.decode("utf-8", "replace")
        singles = {one for values in self.words.values() for one in values if len(one) > 1}
        for value in sorted({*self.written(), *singles}, key=len, reverse=True):
            for form in _forms(value):
                told = _whole(form).sub(ERASED, told)
        return told.encode()


LONG = 24
"""Characters from which on free words or an address are nobody else's."""


def _forms(value: str) -> list[str]:
    """A value as plain text, as JSON and as XML write it."""
    return sorted({value, json.dumps(value)[1:-1], html.escape(value)})


def _whole(form: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(form)}(?!\w)")


def _stands(number: str, told: str) -> bool:
    return number in told and _whole(number).search(told) is not None


def person(
    conn: Connection, archive: RawArchive, known: Sequence[Guest], told: Mapping[str, str | None]
) -> Person:  # fmt: skip
    """Gather a person's words from their payloads, and from what was told of them."""
    words: dict[str, set[str]] = {}
    for one in known:
        for said in said_by(conn, archive, one).values():
            names = [value for kind, value in said if kind == "name"]
            # First and last name may stand apart, and be written together elsewhere.
            words.setdefault("name", set()).update([" ".join(names)] if names else [])
            for kind, value in said:
                words.setdefault(kind, set()).add(value)
    for kind in ("email", "phone"):
        if own := told.get(kind):
            words.setdefault(kind, set()).add(own)
    reservations = {one.external_id for one in known} | {told.get("reservation") or ""}
    return Person(
        reservations=frozenset(reservations - {""}), words={kind: frozenset(own) for kind, own in words.items()}
    )


def said_by(conn: Connection, archive: RawArchive, guest: Guest) -> dict[int, list[tuple[str, str]]]:
    """What each payload that is parted holds of a guest, in the order in which it stood."""
    if guest.salt is None:
        return {}
    keys, salt, kept = archive.keys.of(conn), guest.salt, archive.parted(conn, guest.raw_ids)
    return {raw_id: guest_words.words_of(keys, one, guest.external_id, salt) for raw_id, one in kept.items()}


def about(conn: Connection, archive: RawArchive, whom: Person) -> Iterator[tuple[Resting, bytes]]:
    """Payloads that are not parted by guest and name this person."""
    after = 0
    while rows := raw_rest.unparted(conn, PERSONAL, after, AT_ONCE):
        after = rows[-1].raw_id
        for row in rows:
            content = archive.get(conn, row.raw_id)
            if whom.is_in(content) or (content.startswith(_PACKED) and is_within(content, whom)):
                yield row, content


def scrub(conn: Connection, archive: RawArchive, whom: Person) -> tuple[int, set[str]]:
    """Take a person out of these; of a packed file nothing is left. How many, and the files where they were."""
    keys, moves = archive.keys.of(conn), []
    for row, content in about(conn, archive, whom):
        left = ERASED.encode() if content.startswith(_PACKED) else whom.without(content)
        if left != content:
            moves.append(Move(row, keys.seal(left), "whole", keys.fingerprint(left)))
    return len(moves), raw_rest.move(conn, archive, moves) if moves else set()


def is_within(content: bytes, whom: Person) -> bool:
    """Whether a packed file names them; one that cannot be read counts as if it did."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            members: list[Any] = packed.infolist()
            if sum(one.file_size for one in members) > LARGEST_BYTES:
                return True
            return any(whom.is_in(packed.read(one)) for one in members)
    except UNREADABLE:
        # Broken, encrypted or packed in a way that nobody here reads: what cannot be searched may hold the guest.
        return True
