"""What an import brought of the last days is scored as it arrives; history waits for no one and scores nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from sqlalchemy import Connection

from python_nodes.domain.portfolio import ListingInfo
from python_nodes.imports.check import Checked
from python_nodes.steps import news, observe, snapshot
from python_nodes.steps.services import Services
from python_nodes.store import anomalies, outbox, portfolio

ARRIVED = "import.arrived"
EXPLAINING = frozenset({"change_log"})
"""Kinds that no guard and no watch reads: they only explain what was found."""


def touched(checked: Checked, listings: Sequence[ListingInfo], as_of: datetime, days: int) -> list[int]:
    """Return the listings of which a file tells anything of the last days; all rows at once."""
    if checked.kind.name in EXPLAINING or not listings:
        return []
    today = snapshot.local_day(as_of, listings)
    told = pl.col(f"{checked.kind.dated}!").cast(pl.Date)
    recent = checked.good.filter(told.is_between(today - timedelta(days=days), today + timedelta(days=1)))
    pairs = set(recent.select("channel!", "listing_id!").unique().iter_rows())
    return [one.listing_id for one in listings if (one.channel, one.external_id) in pairs]


def note(conn: Connection, entity: str, listing_ids: Sequence[int]) -> None:
    """Write, in the transaction that ends an import, what is to be looked at: a crash after it loses nothing."""
    if listing_ids:
        outbox.add(conn, ARRIVED, entity, 1, {"listing_ids": list(listing_ids)})


def run(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Look once at all that has arrived and was not looked at; without a sweep before it, all of it is history."""
    with services.database.tenant(tenant_id) as conn:
        arrived = outbox.pending(conn, ARRIVED)
        swept_at = anomalies.last_run_at(conn, "watches")
        known = {one.listing_id for one in portfolio.load_listings(conn)} if arrived and swept_at else set()
    wanted = sorted({listing_id for row in arrived for listing_id in row.payload["listing_ids"]} & known)
    if wanted and swept_at is not None:
        # Findings go forward in time only: what came while a later sweep ran is looked at as of that sweep.
        looked = observe.run(services, tenant_id, wanted, max(as_of, swept_at))
    with services.database.tenant(tenant_id) as conn:
        outbox.mark_done(conn, [row.outbox_id for row in arrived], services.clock())
        waiting = news.waiting(conn)
    return looked if wanted else nothing(as_of) | {"notify": waiting}


def nothing(as_of: datetime) -> dict[str, Any]:
    """Return the answer of a look at nothing."""
    counts = dict.fromkeys(("observed", "found", "raised", "updated", "resolved"), 0)
    return {**counts, "as_of": as_of.isoformat(), "notify": []}
