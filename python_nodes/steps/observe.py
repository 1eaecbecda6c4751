"""Score what has just arrived and raise the alert at once, by the rules of the sweep and without waiting for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal

from python_nodes import guards, log
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import NotFoundError
from python_nodes.scoring import observe
from python_nodes.steps import alerts_raise, cuts, doubts, metrics_derive, peer_groups, snapshot, watched_series
from python_nodes.steps.services import Services
from python_nodes.store import anomalies, portfolio

Look = Literal["guards", "watches"]
LOOKS: tuple[Look, ...] = ("guards", "watches")


def run(
    services: Services, tenant_id: int, listing_ids: Collection[int], as_of: datetime, looks: Sequence[Look] = LOOKS
) -> dict[str, Any]:
    """Look at the listings of the properties that were touched; what holds of all others holds on."""
    with log.stage("observe", tenant_id=tenant_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            listings = portfolio.load_listings(conn)
        seen = _around(listings, listing_ids)
        found = 0
        if "guards" in looks:
            found += _store(services, tenant_id, "guards", _guards(services, tenant_id, seen, as_of), seen, as_of)
        if "watches" in looks:
            scored = _watches(services, tenant_id, listings, seen, as_of)
            found += _store(services, tenant_id, "watches", scored, seen, as_of)
        raised = alerts_raise.run(services, tenant_id, as_of)
        facts.update(observed=len(seen), found=found)
    return {"observed": len(seen), "found": found, "as_of": as_of.isoformat(), **raised}


def _around(listings: Sequence[ListingInfo], listing_ids: Collection[int]) -> list[ListingInfo]:
    """Return every listing of the touched properties: a unit's channels are compared, and share its inventory."""
    wanted = set(listing_ids)
    unknown = wanted - {one.listing_id for one in listings}
    if unknown:
        raise NotFoundError(f"listing {min(unknown)} does not exist")
    places = {one.property_id for one in listings if one.listing_id in wanted}
    return [one for one in listings if one.property_id in places]


def _guards(services: Services, tenant_id: int, seen: list[ListingInfo], as_of: datetime) -> list[Anomaly]:
    if not seen:
        return []
    with services.database.tenant(tenant_id) as conn:
        inputs = snapshot.guard_inputs(conn, services.metrics, tenant_id, seen, as_of)
    return guards.find(inputs, services.guards)


def _watches(
    services: Services, tenant_id: int, listings: list[ListingInfo], seen: Sequence[ListingInfo], as_of: datetime
) -> list[Anomaly]:
    if not seen:
        return []
    metrics_derive.run(services, tenant_id, as_of)
    today = snapshot.local_day(as_of, listings)
    with services.database.tenant(tenant_id) as conn:
        watches = cuts.watches(services, conn, today)
    ids, span = [one.listing_id for one in listings], snapshot.window(today, services.history_days)
    matrix = watched_series.read(services.metrics, tenant_id, watches, ids, *span)
    with services.database.tenant(tenant_id) as conn:
        down = doubts.outage_days(conn, listings, matrix.days, as_of)
        near = peer_groups.load(conn, today)
    return observe.score_listings(
        watches, matrix, listings, [one.listing_id for one in seen], today, down, near, services.inspect_listings
    )


def _store(
    services: Services, tenant_id: int, source_kind: str, found: Sequence[Anomaly], seen: Sequence[ListingInfo],
    as_of: datetime,
) -> int:  # fmt: skip
    with services.database.tenant(tenant_id) as conn:
        anomalies.renew(conn, as_of, source_kind, [one.listing_id for one in seen], found)
    return len(found)
