"""Guests' own words apart from the payload that held them: each guest's under a key that can be destroyed alone."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from python_nodes.domain.guests import ERASED, GuestSpan
from python_nodes.store.tenant_keys import TenantKeys, decrypted, sealed_by

_BETWEEN = b"\0"
_SALTS = text(
    "SELECT external_id, salt FROM guest_keys"
    " WHERE source = :source AND external_id = ANY(:guests) AND salt IS NOT NULL"
)
_SIZE_BYTES = 8


def take_out(
    content: bytes, spans: Sequence[GuestSpan], source: str, keys: TenantKeys, salts: Mapping[str, bytes | None]
) -> bytes:
    """What is left of a payload, with what each guest said under that guest's key; of one without a salt, nothing."""
    guests = list(dict.fromkeys(one.guest for one in spans))
    number = {guest: at for at, guest in enumerate(guests)}
    words: list[list[bytes]] = [[] for _ in guests]
    rest, places, end = [], [], 0
    for span in sorted(spans):
        rest.append(content[end : span.start])
        end = span.end
        own = words[number[span.guest]]
        places.append((span.start, number[span.guest], len(own), span.kind))
        own.append(content[span.start : span.end])
    rest.append(content[end:])
    told = [_sealed(keys, salts[guest], words[at]) for at, guest in enumerate(guests)]
    # Where words of different lengths stood would tell their lengths: places are counted in what is left.
    at, left = 0, []
    for part, (_, guest, word, kind) in zip(rest, places, strict=False):
        at += len(part)
        left.append((at, guest, word, kind))
    head = json.dumps({"source": source, "guests": list(zip(guests, told, strict=True)), "places": left}).encode()
    return len(head).to_bytes(_SIZE_BYTES, "big") + head + b"".join(rest)


def _sealed(keys: TenantKeys, salt: bytes | None, words: Sequence[bytes]) -> str:
    if salt is None:
        return ""
    return b64encode(sealed_by(keys.of_guest(salt), _BETWEEN.join(words))).decode()


def put_back(conn: Connection, keys: TenantKeys, kept: bytes) -> bytes:
    """The payload as it came, but for guests whose key is gone: ``erased`` stands where their words stood."""
    head, rest = _parted(kept)
    salts = known_salts(conn, head["source"], [guest for guest, _ in head["guests"]])
    words = [_words(keys, salts.get(guest), sealed) for guest, sealed in head["guests"]]
    out, end = [], 0
    for at, guest, word, _ in head["places"]:
        own = words[guest]
        out += [rest[end:at], ERASED.encode() if own is None else own[word]]
        end = at
    return b"".join([*out, rest[end:]])


def words_of(keys: TenantKeys, kept: bytes, guest: str, salt: bytes) -> list[tuple[str, str]]:
    """What a payload holds of one guest, each with its kind."""
    head, _ = _parted(kept)
    numbers = {name: at for at, (name, _) in enumerate(head["guests"])}
    if guest not in numbers:
        return []
    own = _words(keys, salt, head["guests"][numbers[guest]][1])
    return [
        (kind, own[word].decode("utf-8", "replace"))
        for _, number, word, kind in head["places"]
        if own is not None and number == numbers[guest]
    ]


def known_salts(conn: Connection, source: str, guests: Iterable[str]) -> dict[str, bytes]:
    """The salts that are there of these guests."""
    told = {"source": source, "guests": sorted(set(guests))}
    return {row.external_id: bytes(row.salt) for row in conn.execute(_SALTS, told)}


def _parted(kept: bytes) -> tuple[dict[str, Any], bytes]:
    size = int.from_bytes(kept[:_SIZE_BYTES], "big")
    head: dict[str, Any] = json.loads(kept[_SIZE_BYTES : _SIZE_BYTES + size])
    return head, kept[_SIZE_BYTES + size :]


def _words(keys: TenantKeys, salt: bytes | None, sealed: str) -> list[bytes] | None:
    if salt is None or not sealed:
        return None
    return decrypted(keys.of_guest(salt), b64decode(sealed)).split(_BETWEEN)
