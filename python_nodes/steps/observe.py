"""Score what has just arrived and raise the alert at once, by the rules of the sweep and without waiting for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Literal

from python_nodes import guards, log
from python_nodes.domain.columns import BoolArray
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import NotFoundError
from python_nodes.scoring import input_mark, observe, shards, sweep
from python_nodes.scoring.peers import Near
from python_nodes.scoring.watches import Watch
from python_nodes.steps import (
    alerts_raise,
    cuts,
    doubts,
    held_series,
    metrics_derive,
    peer_groups,
    snapshot,
    swept_kept,
    swept_part,
    watched_series,
)
from python_nodes.steps.services import Services
from python_nodes.store import anomalies, booked, portfolio

Look = Literal["guards", "watches"]
LOOKS: tuple[Look, ...] = ("guards", "watches")
Given = tuple[Sequence[Watch], MetricMatrix, Sequence[ListingInfo], date, BoolArray, Near, int]
"""What the watches judge by: themselves, figures, whose they are, the day, days that teach nothing, peers, how many of
the listings are valuable."""


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
    today, wanted = snapshot.local_day(as_of, listings), {one.listing_id for one in seen}
    with services.database.tenant(tenant_id) as conn:
        watches, bookings = cuts.watches(services, conn, today), booked.span_by_channel(conn, as_of)
    found: list[Anomaly] = []
    # As the sweep parts a large portfolio, so that both say the same of a listing.
    for part in shards.plan(listings, services.sweep_shard_listings):
        ids = [one.listing_id for one in part]
        if wanted.isdisjoint(ids):
            continue
        among = set(ids)
        touched = [one for one in seen if one.listing_id in among]
        own = metrics_derive.Part(listings=touched, span=bookings, beside=part)
        metrics_derive.run(services, tenant_id, as_of, part=own)
        span = snapshot.window(today, services.history_days)
        matrix = watched_series.read(held_series.of(services), tenant_id, watches, ids, *span)
        with services.database.tenant(tenant_id) as conn:
            down = doubts.outage_days(conn, part, matrix.days, as_of)
            near = peer_groups.load(conn, today, None if len(part) == len(listings) else ids)
        valuable = shards.share(services.inspect_listings, len(part), len(listings))
        given = watches, matrix, part, today, down, near, valuable
        found += _scored(services, tenant_id, part, wanted, given)
    return found


def _scored(
    services: Services, tenant_id: int, part: Sequence[ListingInfo], wanted: Collection[int], given: Given
) -> list[Anomaly]:
    """Take what was found by the very same figures; those that are met a second time are judged as a whole and kept."""
    watches, matrix, _, today, down, near, valuable = given
    mark = input_mark.of(*given)
    kept = swept_kept.read(services, tenant_id, part, mark)
    if kept is None:
        swept_kept.keep(services, tenant_id, part, mark, "")
        return observe.score_listings(watches, matrix, part, wanted, today, down, near, valuable)
    if not kept:
        whole = sweep.score_all(watches, matrix, part, None, today, down, near, valuable)
        kept = swept_part.Looked(series=0, scored=0, found=whole, failed=()).as_text()
        swept_kept.keep(services, tenant_id, part, mark, kept)
    return [one for one in swept_part.Looked.of_text(kept).found if one.listing_id in wanted]


def _store(
    services: Services, tenant_id: int, source_kind: str, found: Sequence[Anomaly], seen: Sequence[ListingInfo],
    as_of: datetime,
) -> int:  # fmt: skip
    with services.database.tenant(tenant_id) as conn:
        anomalies.renew(conn, as_of, source_kind, [one.listing_id for one in seen], found)
    return len(found)
