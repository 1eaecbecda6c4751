"""Put what bookings, views and impressions show in the place of what a guard assumes a finding to cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import measured
from python_nodes.scoring.watches import load_watches
from python_nodes.steps import snapshot, watched_series
from python_nodes.steps.services import Services


def corrected(
    services: Services, tenant_id: int, listings: Sequence[ListingInfo], found: list[Anomaly], as_of: datetime
) -> list[Anomaly]:
    """Correct the findings of assumed cost; only the markets they are in are read."""
    today = snapshot.local_day(as_of, listings)
    due = {one.listing_id for one in measured.waiting(found, today)}
    markets = {listing.market for listing in listings if listing.listing_id in due}
    if not markets:
        return found
    part = [listing for listing in listings if listing.market in markets]
    watches = measured.counting(load_watches())
    ids, span = [one.listing_id for one in part], snapshot.window(today, services.history_days)
    matrix = watched_series.read(services.metrics, tenant_id, watches, ids, *span)
    return measured.corrected(found, watches, matrix, part, today)
