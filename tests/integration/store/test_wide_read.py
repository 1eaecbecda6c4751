"""Reads of many listings: in their order, all as the same tenant, and with what planners may do put back."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from python_nodes.store import wide_read
from python_nodes.store.session import Database, current_tenant

QUERY = (
    "SELECT one.id, current_setting('app.tenant_id')::bigint, current_setting('enable_indexscan')::boolean,"
    " pg_backend_pid()::bigint FROM unnest(CAST(%s AS bigint[])) WITH ORDINALITY AS one (id, at)"
    " WHERE one.id >= %s ORDER BY one.at"
)
KINDS = {"id": "i8", "tenant_id": "i8", "by_index": "?", "backend": "i8"}


def ids_of(count: int) -> list[int]:
    return [(number * 7_919) % 100_003 for number in range(1, count + 1)]


@pytest.mark.parametrize("count", [0, 1, wide_read.LISTINGS_AT_ONCE, 5 * wide_read.LISTINGS_AT_ONCE + 3])
def test_every_listing_is_told_once_in_its_order_as_the_same_tenant(conn: Connection, count: int) -> None:
    ids = ids_of(count)
    found = wide_read.fetch(conn, QUERY, ids, (50,), KINDS)
    assert found["id"].tolist() == [one for one in ids if one >= 50]
    assert set(found["tenant_id"].tolist()) <= {current_tenant(conn)}
    assert not found["by_index"].any()
    backends = 0 if not ids else 1 if count <= wide_read.LISTINGS_AT_ONCE else 2
    assert len(set(found["backend"].tolist())) == backends, "what is read beside is read by another connection"
    assert conn.execute(text("SELECT current_setting('enable_indexscan')")).scalar_one() == "on"


def test_what_cannot_be_read_is_raised_and_holds_no_connection(app_database: Database, tenant_id: int) -> None:
    with pytest.raises(Exception, match="no_such_table"), app_database.tenant(tenant_id) as conn:
        wide_read.fetch(conn, "SELECT id FROM no_such_table WHERE id = ANY(%s)", ids_of(1_001), (), {"id": "i8"})
    assert "Current Checked out connections: 0" in app_database.engine.pool.status()


def test_a_reader_that_stops_half_way_leaves_the_transaction_usable(conn: Connection) -> None:
    parts = wide_read.parts(conn, QUERY, ids_of(1_400), (0,), KINDS)
    next(parts)
    parts.close()
    assert conn.execute(text("SELECT 1")).scalar_one() == 1
