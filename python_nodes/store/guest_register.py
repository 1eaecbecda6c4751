"""Guests by reservation: the secret that each one's key rests on, and how to find one by an e-mail or a telephone."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, text

SALT_BYTES = 32
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('nightporter.guests.' || :tenant, 0))")
_KEEP = text(
    "INSERT INTO guest_keys (source, external_id, salt, email_ref, phone_ref, raw_ids, last_date, made_at)"
    " SELECT :source, t.guest, decode(t.salt, 'hex'), decode(t.email, 'hex'), decode(t.phone, 'hex'),"
    " string_to_array(t.raws, ',')::bigint[], :day, :at FROM unnest(cast(:guests AS text[]), cast(:salts AS text[]),"
    " cast(:emails AS text[]), cast(:phones AS text[]), cast(:raws AS text[])) AS t (guest, salt, email, phone, raws)"
    " ON CONFLICT (tenant_id, source, external_id) DO UPDATE SET raw_ids = guest_keys.raw_ids || EXCLUDED.raw_ids,"
    " email_ref = CASE WHEN guest_keys.salt IS NULL THEN guest_keys.email_ref"
    " ELSE coalesce(EXCLUDED.email_ref, guest_keys.email_ref) END,"
    " phone_ref = CASE WHEN guest_keys.salt IS NULL THEN guest_keys.phone_ref"
    " ELSE coalesce(EXCLUDED.phone_ref, guest_keys.phone_ref) END"
    " RETURNING external_id, salt"
)
# A reservation of several rooms is several bookings, called after it.
_DATED = text(
    "UPDATE guest_keys k SET last_date = greatest(k.last_date, b.last_date) FROM ("
    " SELECT g.guest, max(b.check_out_date) AS last_date FROM unnest(cast(:guests AS text[])) AS g (guest)"
    " CROSS JOIN LATERAL (SELECT check_out_date FROM bookings WHERE source = :source AND external_id = g.guest"
    " UNION ALL SELECT check_out_date FROM bookings WHERE source = :source"
    " AND external_id > g.guest || '/' AND external_id < g.guest || '0') b GROUP BY g.guest) b"
    " WHERE k.source = :source AND k.external_id = b.guest"
)
_FIND = text(
    "SELECT source, external_id, salt, raw_ids, erased_at, expired_at FROM guest_keys"
    " WHERE email_ref = :email OR phone_ref = :phone OR external_id = :reservation"
    " ORDER BY source, external_id"
)
_DESTROY = text(
    "INSERT INTO guest_keys (source, external_id, email_ref, phone_ref, raw_ids, last_date, made_at, erased_at)"
    " VALUES (:source, :guest, :email, :phone, '{}', :day, :at, :at)"
    " ON CONFLICT (tenant_id, source, external_id) DO UPDATE SET salt = NULL,"
    " erased_at = coalesce(guest_keys.erased_at, EXCLUDED.erased_at)"
)
_EXPIRE = text(
    "UPDATE guest_keys SET salt = NULL, email_ref = NULL, phone_ref = NULL, expired_at = :at"
    " WHERE salt IS NOT NULL AND last_date < :until"
)
_FORGET = text(
    "DELETE FROM guest_keys WHERE salt IS NULL AND erased_at IS NULL AND last_date < :until"
    " AND NOT EXISTS (SELECT FROM raw_index r WHERE r.id = ANY(guest_keys.raw_ids))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """Where a guest came up: which payloads, and what finds them again."""

    raw_ids: list[int] = field(default_factory=list)
    emails: list[bytes] = field(default_factory=list)
    phones: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """One reservation's guest; without a salt nothing of theirs in the raw archive can be read."""

    source: str
    external_id: str
    salt: bytes | None = field(repr=False)
    raw_ids: tuple[int, ...]
    erased_at: datetime | None
    expired_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whom: by references and by the reservation's number; what is not told finds nobody."""

    email: bytes | None = None
    phone: bytes | None = None
    reservation: str | None = None


def alone(conn: Connection, tenant_id: int) -> None:
    """Keep all others from parting, erasing and exporting guests until the transaction ends."""
    conn.execute(_ALONE, {"tenant": str(tenant_id)})


def keep(
    conn: Connection, source: str, mentions: Mapping[str, Mention], day: date, at: datetime
) -> dict[str, bytes | None]:  # fmt: skip
    """Note who came up, and return each guest's salt: a new one's own, none of one whose key was destroyed."""
    if not mentions:
        return {}
    guests = sorted(mentions)
    told = [mentions[guest] for guest in guests]
    rows = conn.execute(_KEEP, {
        "source": source, "guests": guests, "day": day, "at": at,
        "salts": [secrets.token_hex(SALT_BYTES) for _ in guests],
        "emails": [one.emails[-1].hex() if one.emails else None for one in told],
        "phones": [one.phones[-1].hex() if one.phones else None for one in told],
        "raws": [",".join(map(str, one.raw_ids)) for one in told],
    })  # fmt: skip
    salts = {row.external_id: None if row.salt is None else bytes(row.salt) for row in rows}
    conn.execute(_DATED, {"source": source, "guests": guests})
    return salts


def find(conn: Connection, wanted: Wanted) -> list[Guest]:
    """Return everybody of that e-mail, telephone or reservation."""
    rows = conn.execute(
        _FIND, {"email": wanted.email, "phone": wanted.phone, "reservation": wanted.reservation}
    )  # fmt: skip
    return [
        Guest(
            source=row.source, external_id=row.external_id, salt=None if row.salt is None else bytes(row.salt),
            raw_ids=tuple(row.raw_ids or ()), erased_at=row.erased_at, expired_at=row.expired_at,
        )
        for row in rows
    ]  # fmt: skip


def named(conn: Connection, guests: Sequence[tuple[str, str]]) -> list[Guest]:
    """Return those of the register."""
    return [
        one for source, guest in guests for one in find(conn, Wanted(reservation=guest)) if one.source == source
    ]  # fmt: skip


def everybody(conn: Connection) -> list[tuple[str, str]]:
    """Return every guest who is not erased, and of bookings those that still name somebody."""
    query = (
        "SELECT source, external_id FROM guest_keys WHERE erased_at IS NULL UNION"
        " SELECT source, split_part(external_id, '/', 1) FROM booking_revisions"
        " WHERE guest_name IS NOT NULL OR guest_email IS NOT NULL OR guest_phone IS NOT NULL"
    )
    return [(row.source, row.external_id) for row in conn.execute(text(query))]


def count_erased(conn: Connection) -> int:
    """Return how many are erased."""
    return int(conn.execute(text("SELECT count(*) FROM guest_keys WHERE erased_at IS NOT NULL")).scalar_one())


def destroy(conn: Connection, guests: Sequence[tuple[str, str]], wanted: Wanted, day: date, at: datetime) -> None:
    """Destroy these guests' keys, and remember that they are erased, also of those who had no key yet."""
    for source, guest in guests:
        conn.execute(_DESTROY, {
            "source": source, "guest": guest, "email": wanted.email, "phone": wanted.phone, "day": day, "at": at,
        })  # fmt: skip


def expire(conn: Connection, until: date, at: datetime) -> int:
    """Destroy the keys of those whose stay ended before ``until``, and count them."""
    return conn.execute(_EXPIRE, {"until": until, "at": at}).rowcount


def forget(conn: Connection, until: date) -> int:
    """Forget guests whose key has expired and of whom no payload is left; the erased stay known as such."""
    return conn.execute(_FORGET, {"until": until}).rowcount
