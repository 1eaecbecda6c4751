"""Profiles as they were computed, every version kept: a refresh writes one version of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select

from python_nodes.store.tables import profiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile of one version; ``key`` is a listing's id or a market's name."""

    kind: str
    key: str
    version: int
    made_at: datetime
    as_of_date: date
    payload: dict[str, Any]


def write(
    conn: Connection, made: Mapping[str, Mapping[str, Mapping[str, Any]]], as_of_date: date, made_at: datetime
) -> int:
    """Store ``made[kind][key]`` as one new version and return it; the newest version's own day again replaces it."""
    p = profiles.c
    newest = conn.execute(select(p.version, p.as_of_date).order_by(p.version.desc()).limit(1)).first()
    version = 1 if newest is None else int(newest.version) + (newest.as_of_date != as_of_date)
    conn.execute(delete(profiles).where(p.version == version))
    rows = [
        {"kind": kind, "key": key, "version": version, "made_at": made_at, "as_of_date": as_of_date,
         "payload": dict(payload)}
        for kind, by_key in made.items() for key, payload in by_key.items()
    ]  # fmt: skip
    if rows:
        conn.execute(insert(profiles), rows)
    return version


def read(
    conn: Connection, *, kind: str | None = None, key: str | None = None, version: int | None = None,
    after: str = "", limit: int = 100, keys: Sequence[str] | None = None,
    saying: Sequence[Mapping[str, Any]] = (),
) -> list[Profile]:  # fmt: skip
    """Return profiles of one version, the newest by default, in order of kind and key, those after ``kind/key``.

    Where ``saying`` names facts, only those whose payload says any of these.
    """
    p = profiles.c
    wanted = p.version == (select(func.max(p.version)).scalar_subquery() if version is None else version)
    if kind is not None:
        wanted &= p.kind == kind
    if key is not None:
        wanted &= p.key == key
    if keys is not None:
        wanted &= p.key == func.any(list(keys))
    if saying:
        wanted &= or_(*(p.payload.contains(dict(facts)) for facts in saying))
    place = p.kind + "/" + p.key
    query = select(profiles).where(wanted, place.collate("C") > after).order_by(place.collate("C")).limit(limit)
    return [
        Profile(**{name: row[name] for name in Profile.__dataclass_fields__}) for row in conn.execute(query).mappings()
    ]


def history(conn: Connection, kind: str, key: str, until: date, days: int) -> list[Profile]:
    """Return a profile's versions that held in the last ``days`` up to a day, the oldest first."""
    p = profiles.c
    query = select(profiles).where(p.kind == kind, p.key == key, p.as_of_date <= until).order_by(p.version.desc())
    found = []
    for row in conn.execute(query.limit(days + 1)).mappings():
        found.append(Profile(**{name: row[name] for name in Profile.__dataclass_fields__}))
        # The one that held when the days began is the last to matter.
        if found[-1].as_of_date <= until - timedelta(days=days):
            break
    return found[::-1]
