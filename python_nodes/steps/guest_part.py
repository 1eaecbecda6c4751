"""Part raw payloads by guest: each guest's own words under that guest's own key, the rest under the tenant's.

A poll keeps what comes under the tenant's key and is done; this follows each night, and before anybody is erased.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import ModuleType
from typing import Any

from sqlalchemy import Connection

from python_nodes import log, vendors
from python_nodes.domain.guests import GuestSpan, mail_of, phone_of
from python_nodes.domain.imports import PREFIX
from python_nodes.steps.services import Services
from python_nodes.store import guest_register, guest_traces, guest_words, raw_rest
from python_nodes.store.guest_register import Mention
from python_nodes.store.raw_rest import Move, Resting
from python_nodes.store.tenant_keys import TenantKeys

PERSONAL = ("reservations", "reservation_history", "import", "webhook", "reviews")
"""Operations whose payloads may name guests."""
AT_ONCE = 50
"""Payloads a transaction: few enough that a page of each fits in memory."""


@contextmanager
def alone(services: Services, tenant_id: int) -> Iterator[None]:
    """Keep others out who part, erase or export."""
    with services.database.tenant(tenant_id) as lock:
        guest_register.alone(lock, tenant_id)
        yield


def run(services: Services, tenant_id: int, as_of: datetime) -> dict[str, int]:
    """Part all that waits; repeated, it finds nothing to do."""
    with log.stage("guest_part", tenant_id=tenant_id) as facts, alone(services, tenant_id):
        facts.update(done := part_waiting(services, tenant_id, as_of))
    return done


def part_waiting(services: Services, tenant_id: int, as_of: datetime) -> dict[str, int]:
    """Do so for whoever is alone already."""
    done = {"payloads": 0, "unparted": 0, "reservations": 0}
    while True:
        with services.database.tenant(tenant_id) as conn:
            rows = raw_rest.waiting(conn, PERSONAL, AT_ONCE)
            if not rows:
                guest_traces.blank_erased(conn)
                return done
            left = _part(services, conn, rows, as_of, done)
        with services.database.tenant(tenant_id) as conn:
            raw_rest.unlink(conn, services.archive, left)


def _part(
    services: Services, conn: Connection, rows: Sequence[Resting], as_of: datetime, done: dict[str, int]
) -> set[str]:
    keys = services.archive.keys.of(conn)
    read = [(row, services.archive.get(conn, row.raw_id)) for row in rows]
    found = [(row, content, _spans(row, content)) for row, content in read]
    salts = {
        source: guest_register.keep(conn, source, _mentions(keys, source, found), as_of.date(), as_of)
        for source in sorted({row.source for row in rows})
    }
    moves = [_move(keys, row, content, spans, salts[row.source]) for row, content, spans in found]
    done["payloads"] += len(moves)
    done["unparted"] += sum(one.sealed_by == "whole" for one in moves)
    done["reservations"] += sum(map(len, salts.values()))
    return raw_rest.move(conn, services.archive, moves)


def _move(
    keys: TenantKeys, row: Resting, content: bytes, spans: list[GuestSpan] | None, salts: dict[str, bytes | None]
) -> Move:
    if spans is None:
        return Move(row, keys.seal(content), "whole", keys.fingerprint(content))
    apart = guest_words.take_out(content, spans, row.source, keys, salts)
    return Move(row, keys.seal(apart), "guests", keys.fingerprint(content))


def _spans(row: Resting, content: bytes) -> list[GuestSpan] | None:
    if row.source.startswith(PREFIX) or row.source not in vendors.discover():
        return None
    mapping: ModuleType = vendors.load(row.source).mapping
    find: Any = getattr(mapping, "guest_spans", None)
    found: list[GuestSpan] | None = None if find is None else find(content, row.operation)
    return None if found is None or _names_more(content, found) else found


def _names_more(content: bytes, found: Sequence[GuestSpan]) -> bool:
    """Whether an e-mail address is left where no guest's words are: then nobody has understood all of it."""
    inside = sum(content.count(b"@", one.start, one.end) for one in found if one.kind in ("email", "words"))
    return content.count(b"@") > inside


def _mentions(
    keys: TenantKeys, source: str, found: Sequence[tuple[Resting, bytes, list[GuestSpan] | None]]
) -> dict[str, Mention]:
    told: dict[str, Mention] = {}
    for row, content, spans in found:
        for span in spans or () if row.source == source else ():
            one = told.setdefault(span.guest, Mention())
            if row.raw_id not in one.raw_ids[-1:]:
                one.raw_ids.append(row.raw_id)
            value = content[span.start : span.end].decode("utf-8", "replace")
            if span.kind == "email" and (mail := mail_of(value)):
                one.emails.append(keys.reference("email", mail))
            if span.kind == "phone" and (phone := phone_of(value)):
                one.phones.append(keys.reference("phone", phone))
    return told
