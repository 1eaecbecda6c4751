"""Exchange rates as steps use them: the shipped table with what was refreshed in its place; and the refresh itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.errors import PermanentError, RejectedRecord
from python_nodes.normalize.fx import RateTable, shipped_table
from python_nodes.steps import connect
from python_nodes.steps.services import Services
from python_nodes.store import fx
from python_nodes.vendors import ecb
from python_nodes.vendors.base_http import UPSTREAM_STATUS

SOURCE_SHIPPED = "shipped"
CONNECT_S, READ_S, WITHIN_S = 1.0, 1.5, 3.0
"""Of whoever waits for an answer: together below five seconds, also where two addresses are tried and TLS is slow."""


def table(conn: Connection) -> RateTable:
    """Return the rates to reckon with."""
    days, currencies, per_eur = fx.load(conn)
    return shipped_table().replaced(RateTable.of(days, currencies, per_eur))


def refresh(
    services: Services, tenant_id: int, as_of: datetime, url: str, *, is_waited_for: bool = False
) -> dict[str, Any]:
    """Read the rates at ``url`` and store what is new; a document with anything wrong in it changes nothing.

    Where somebody waits for the answer there is one try, and no waiting for the rate limit or for a slow server:
    ThrottledError and RetryableError say when to come again.
    """
    with log.stage("fx_refresh", tenant_id=tenant_id) as facts:
        content = _fetched_soon(services, tenant_id, url) if is_waited_for else _fetched(services, tenant_id, url)
        try:
            days, currencies, per_eur = ecb.read(content, as_of.date())
        except RejectedRecord as error:
            raise PermanentError(f"rates: {error.reason}", status=UPSTREAM_STATUS, field=error.field) from None
        with services.database.tenant(tenant_id) as conn:
            done = fx.upsert(conn, ecb.VENDOR, as_of, days, currencies, per_eur)
        result = {
            "fetched": len(days),
            "stored": done.stored,
            "unchanged": done.unchanged,
            "first_day": str(days.min()),
            "last_day": str(days.max()),
        }
        facts.update(result)
    return result


def _fetched(services: Services, tenant_id: int, url: str) -> bytes:
    return ecb.fetch(url, connect.runtime(services, ecb.VENDOR, str(tenant_id)))


def _fetched_soon(services: Services, tenant_id: int, url: str) -> bytes:
    usual = services.resilience.http
    http = replace(
        usual, attempts=1, connect_timeout_s=min(usual.connect_timeout_s, CONNECT_S),
        read_timeout_s=min(usual.read_timeout_s, READ_S),
    )  # fmt: skip
    runtime = connect.runtime(services, ecb.VENDOR, str(tenant_id), http=http, limit_max_wait_s=0.0)
    return ecb.fetch(url, runtime, within_s=WITHIN_S)


def newest(services: Services, tenant_id: int) -> dict[str, Any]:
    """Tell how new the rates are that we reckon with, and who told them."""
    with services.database.tenant(tenant_id) as conn:
        told, rates = fx.newest(conn), table(conn)
    day, source, as_of = told or (rates.days[-1].item(), SOURCE_SHIPPED, None)
    return {
        "rate_date": day.isoformat(),
        "source": source,
        "as_of_at": as_of.isoformat() if as_of else None,
        "currencies": list(rates.currencies),
    }
