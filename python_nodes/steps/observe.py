"""Score what has just arrived and raise the alert at once, by the rules of the sweep and without waiting for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
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
        found: dict[str, list[Anomaly]] = {}
        # The guards wait for the database while the watches compute; neither looks at what the other writes.
        with ThreadPoolExecutor(max_workers=1) as beside:
            if "guards" in looks:
                guarded = beside.submit(copy_context().run, _guards, services, tenant_id, seen, as_of)
            if "watches" in looks:
                found["watches"] = _watches(services, tenant_id, listings, seen, as_of)
            if "guards" in looks:
                found["guards"] = guarded.result()
        with services.database.tenant(tenant_id) as conn:
            for source_kind, told in found.items():
                anomalies.renew(conn, as_of, source_kind, [one.listing_id for one in seen], told)
        raised = alerts_raise.run(services, tenant_id, as_of, is_sweep=False)
        count = sum(len(one) for one in found.values())
        facts.update(observed=len(seen), found=count)
    return {"observed": len(seen), "found": count, "as_of": as_of.isoformat(), **raised}


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
    marks, kept = input_mark.of(*given), swept_kept.read(services, tenant_id, part)
    if marks != kept.marks and marks == kept.met:
        whole = sweep.score_all(watches, matrix, part, None, today, down, near, valuable)
        found = swept_part.Looked(series=0, scored=0, found=whole, failed=()).as_text()
        kept = swept_kept.Kept(marks=marks, found=found)
        swept_kept.keep(services, tenant_id, part, kept)
    before = swept_part.Looked.of_text(kept.found).found if kept.marks else ()
    known = [one for one in before if one.listing_id in wanted]
    if marks == kept.marks:
        return known
    swept_kept.keep(services, tenant_id, part, replace(kept, met=marks))
    # Where nothing was found no watch had an alarm, and none has one now by what bears the same mark.
    is_quiet = kept.marks and not known
    changed = {name for name, mark in marks.items() if kept.marks.get(name) != mark} if is_quiet else None
    return observe.score_listings(watches, matrix, part, wanted, today, down, near, valuable, changed)
