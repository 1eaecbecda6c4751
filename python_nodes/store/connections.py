"""Connections to vendors; credentials rest encrypted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert

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


def create(
    conn: SqlConnection,
    *,
    vendor: str,
    name: str,
    base_url: str,
    settings: Mapping[str, Any],
    credentials: Mapping[str, str],
    fernet_key: str,
) -> int:
    """Insert or, by name, replace a connection; returns its id."""
    sealed = Fernet(fernet_key).encrypt(json.dumps(dict(credentials)).encode())
    statement = insert(connections).values(
        vendor=vendor,
        name=name,
        base_url=base_url,
        settings=dict(settings),
        credentials=sealed,
        is_active=True,
    )
    names = ("vendor", "base_url", "settings", "credentials", "is_active")
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
    sealed = Fernet(fernet_key).encrypt(json.dumps(kept).encode())
    conn.execute(update(connections).where(connections.c.id == connection_id).values(credentials=sealed))


def _record(row: RowMapping, fernet_key: str) -> Connection:
    opened = json.loads(Fernet(fernet_key).decrypt(bytes(row["credentials"])))
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
