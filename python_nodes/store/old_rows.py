"""Old rows on their way out of the database, a month at a time, and back into it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from psycopg2.extensions import connection, cursor
from sqlalchemy import Connection, text

from python_nodes.errors import PermanentError, RetryableError
from python_nodes.store import tables, turns
from python_nodes.store.metrics import change_notes, single_writer
from python_nodes.store.old_entities import Entity
from python_nodes.store.session import current_tenant

_BLOCK_BYTES = 1 << 20


def months(conn: Connection, entity: Entity, until: date) -> list[date]:
    """Return the first day of each month before ``until``, itself a month's first, that has rows which may go."""
    query = (
        f"SELECT DISTINCT date_trunc('month', t.{entity.dated}::timestamp)::date AS month FROM {entity.name} t"
        f" WHERE t.{entity.dated} < cast(:until AS date) AND {entity.only} ORDER BY month"
    )
    _in_utc(conn)
    return list(conn.execute(text(query), {"until": until}).scalars())


def delete(conn: Connection, entity: Entity, until: date) -> int:
    """Delete the rows before ``until`` that may go, and count them."""
    _in_utc(conn)
    query = f"DELETE FROM {entity.name} t WHERE t.{entity.dated} < cast(:until AS date) AND {entity.only}"
    return conn.execute(text(query), {"until": until}).rowcount


def take(conn: Connection, entity: Entity, month: date, sink: Path) -> int:
    """Delete a month's rows and write them, the very same ones, to ``sink`` as CSV; both hold with the transaction.

    They stay in the temporary table ``leaving`` until it ends.
    """
    _in_utc(conn)
    names = ", ".join(entity.kinds())
    conn.execute(text("DROP TABLE IF EXISTS pg_temp.leaving"))
    conn.execute(text(f"CREATE TEMPORARY TABLE leaving ON COMMIT DROP AS SELECT {names} FROM {entity.name} LIMIT 0"))
    moved = conn.execute(text(
        f"WITH gone AS (DELETE FROM {entity.name} t WHERE t.{entity.dated} >= cast(:month AS date)"
        f" AND t.{entity.dated} < cast(:month AS date) + interval '1 month' AND {entity.only} RETURNING *)"
        f" INSERT INTO pg_temp.leaving SELECT {names} FROM gone"
    ), {"month": month}).rowcount  # fmt: skip
    with sink.open("wb") as stream, _cursor(conn) as opened:
        order = f"SELECT {names} FROM pg_temp.leaving ORDER BY {_order(entity)}"
        opened.copy_expert(f"COPY ({order}) TO STDOUT (FORMAT csv, HEADER)", stream, size=_BLOCK_BYTES)
    _note(conn, entity, month, month + timedelta(days=30))
    return moved


def sum_up(conn: Connection, entity: Entity, archive_id: int) -> None:
    """Keep what is known by listing of the rows that are leaving."""
    if entity.figures is not None:
        conn.execute(text(
            "INSERT INTO monthly_summaries (archive_id, listing_id, currency, row_count, figures)"
            f" SELECT :archive, listing_id, {entity.currency}, count(*), {entity.figures}"
            f" FROM pg_temp.leaving GROUP BY 2, 3"
        ), {"archive": archive_id})  # fmt: skip


def put_back(conn: Connection, entity: Entity, columns: Sequence[str], source: Path) -> int:
    """Insert rows from CSV with these columns; a row whose key is there stays as it is. Count those inserted."""
    unknown = sorted(set(columns) - set(entity.kinds()))
    if unknown:
        raise PermanentError(
            f"archive: the file is of another schema: {entity.name} has no column {unknown[0]};"
            " read it with the release that wrote it", status=409,
        )  # fmt: skip
    names = ", ".join(f'"{name}"' for name in columns)
    conn.execute(text("DROP TABLE IF EXISTS pg_temp.coming"))
    conn.execute(text(f"CREATE TEMPORARY TABLE coming ON COMMIT DROP AS SELECT {names} FROM {entity.name} LIMIT 0"))
    with source.open("rb") as stream, _cursor(conn) as opened:
        copy = f"COPY pg_temp.coming ({names}) FROM STDIN (FORMAT csv, HEADER)"
        opened.copy_expert(copy, stream, size=_BLOCK_BYTES)
    _note(conn, entity, date.min, date.max)
    return conn.execute(text(
        f"INSERT INTO {entity.name} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM pg_temp.coming"
        " ON CONFLICT DO NOTHING"
    )).rowcount  # fmt: skip


def forget_guests(conn: Connection, until: date) -> int:
    """Take the guests' names and addresses out of the stays that ended before ``until``, and count these."""
    named = "(guest_name IS NOT NULL OR guest_email IS NOT NULL OR guest_phone IS NOT NULL)"
    gone = 0
    for table in ("bookings", "superseded_bookings"):
        query = (
            f"UPDATE {table} SET guest_name = NULL, guest_email = NULL, guest_phone = NULL"
            f" WHERE check_out_date < cast(:until AS date) AND {named}"
        )
        gone += conn.execute(text(query), {"until": until}).rowcount
    return gone


def hold_all(conn: Connection) -> bool:
    """Lock the tenant's old data until the transaction ends; False while another run has it."""
    return turns.hold(conn, f"archive.{current_tenant(conn)}")


def _note(conn: Connection, entity: Entity, start: date, end: date) -> None:
    """Tell whoever keeps series that rows of these days come or go."""
    if entity.table is tables.metrics_daily:
        single_writer.wait(conn, current_tenant(conn))
        change_notes.span(conn, start, end)


def _order(entity: Entity) -> str:
    # Alike rows beside each other pack best.
    return ", ".join(one.name for one in entity.table.primary_key if one.name != "tenant_id")


def _in_utc(conn: Connection) -> None:
    """A day of a moment is UTC's, and a moment is written so, whatever the server's own zone is."""
    conn.execute(text("SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true)"))


def _cursor(conn: Connection) -> cursor:
    raw: connection | None = conn.connection.driver_connection
    if raw is None:
        raise RetryableError("the connection to PostgreSQL is closed")
    return raw.cursor()
