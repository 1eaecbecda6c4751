"""Connections to vendors; credentials rest encrypted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, func, select, update
from sqlalchemy import Connection as SqlConnection
from sqlalchemy.dialects.postgresql import insert

from python_nodes.domain.sealing import sealer
from python_nodes.errors import NotFoundError
from python_nodes.store.tables import connections


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One account at one vendor; ``credentials`` never show in a repr."""

    connection_id: int
    vendor: str
    name: str
    base_url: str
    settings: Mapping[str, Any]
    credentials: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How long a connection may go on: when its access ends, and since when the vendor refuses it."""

    connection_id: int
    vendor: str
    connection: str
    channel: str | None
    ends_at: datetime | None
    refused_at: datetime | None


def create(
    conn: SqlConnection,
    *,
    vendor: str,
    name: str,
    base_url: str,
    settings: Mapping[str, Any],
    credentials: Mapping[str, str],
    fernet_key: str,
    access_ends_at: datetime | None = None,
) -> int:
    """Insert or, by name, replace a connection; returns its id."""
    sealed = sealer(fernet_key).seal(json.dumps(dict(credentials)).encode())
    statement = insert(connections).values(
        vendor=vendor,
        name=name,
        base_url=base_url,
        settings=dict(settings),
        credentials=sealed,
        is_active=True,
        access_ends_at=access_ends_at,
        access_refused_at=None,
        renewing_since_at=None,
    )
    names = (
        "vendor", "base_url", "settings", "credentials", "is_active", "access_ends_at", "access_refused_at",
        "renewing_since_at",
    )  # fmt: skip
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id", "name"],
        set_={one: statement.excluded[one] for one in names},
    )
    return int(conn.execute(statement.returning(connections.c.id)).scalar_one())


def change_credentials(
    conn: SqlConnection, connection_id: int, changes: Mapping[str, str | None], fernet_key: str
) -> None:
    """Replace some credentials of a connection, None forgets one; nobody else can change them in between."""
    row = (
        conn.execute(select(connections).where(connections.c.id == connection_id).with_for_update()).mappings().first()
    )
    if row is None:
        raise NotFoundError(f"connection {connection_id} does not exist")
    changed = {**_record(row, fernet_key).credentials, **changes}
    kept = {name: value for name, value in changed.items() if value is not None}
    sealed = sealer(fernet_key).seal(json.dumps(kept).encode())
    # What was to be renewed is: whoever dies before this is committed leaves the note where it stood.
    told = {"credentials": sealed, "renewing_since_at": None}
    conn.execute(update(connections).where(connections.c.id == connection_id).values(told))


def renewing(conn: SqlConnection, connection_id: int, at: datetime) -> None:
    """Note that the credentials are about to be used up, since when it stands so; 404 where there are none."""
    row = connections.c
    since = func.coalesce(row.renewing_since_at, at)
    done = conn.execute(update(connections).where(row.id == connection_id).values({row.renewing_since_at: since}))
    if not done.rowcount:
        raise NotFoundError(f"connection {connection_id} does not exist")


def unsettled(conn: SqlConnection) -> list[int]:
    """Return the active connections whose renewal is not stored: it goes on now, or somebody died over it."""
    row = connections.c
    return list(conn.execute(select(row.id).where(row.is_active, row.renewing_since_at.is_not(None))).scalars())


def granted(conn: SqlConnection, connection_id: int, ends_at: datetime | None) -> None:
    """Note that the vendor let us in, and until when where it says so."""
    row = connections.c
    told = {row.access_refused_at: None} | ({} if ends_at is None else {row.access_ends_at: ends_at})
    is_news: ColumnElement[bool] = row.access_refused_at.is_not(None)
    if ends_at is not None:
        is_news = is_news | row.access_ends_at.is_distinct_from(ends_at)
    conn.execute(update(connections).where(row.id == connection_id, is_news).values(told))


def refused(conn: SqlConnection, connection_id: int, at: datetime) -> None:
    """Note that the vendor no longer lets us in, since when it began to."""
    row = connections.c
    query = update(connections).where(row.id == connection_id, row.access_refused_at.is_(None))
    conn.execute(query.values({row.access_refused_at: at}))
    # Asking again would be refused again.
    conn.execute(update(connections).where(row.id == connection_id).values({row.renewing_since_at: None}))


def access(conn: SqlConnection) -> list[Access]:
    """Return the active connections whose access is refused or has an end; nothing is decrypted."""
    row = connections.c
    known = row.access_ends_at.is_not(None) | row.access_refused_at.is_not(None)
    query = select(
        row.id, row.vendor, row.name, row.settings["channel"].astext, row.access_ends_at, row.access_refused_at
    ).where(row.is_active, known)
    return [
        Access(
            connection_id=one[0], vendor=one[1], connection=one[2], channel=one[3], ends_at=one[4], refused_at=one[5]
        )
        for one in conn.execute(query.order_by(row.id))
    ]


def _record(row: RowMapping, fernet_key: str) -> Connection:
    opened = json.loads(sealer(fernet_key).open(bytes(row["credentials"]), f"connection {row['id']}"))
    return Connection(
        connection_id=row["id"], vendor=row["vendor"], name=row["name"], base_url=row["base_url"],
        settings=row["settings"], credentials=opened,
    )  # fmt: skip


def list_active(conn: SqlConnection, fernet_key: str) -> list[Connection]:
    """Return every active connection, in order of id."""
    query = select(connections).where(connections.c.is_active).order_by(connections.c.id)
    return [_record(row, fernet_key) for row in conn.execute(query).mappings()]


def get(conn: SqlConnection, connection_id: int, fernet_key: str) -> Connection:
    """Return one connection or raise NotFoundError."""
    row = conn.execute(select(connections).where(connections.c.id == connection_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"connection {connection_id} does not exist")
    return _record(row, fernet_key)
