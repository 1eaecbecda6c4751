"""A listing's metrics for people and programs: what is missing is marked; filled in only to be drawn, and said so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from python_nodes.domain.metrics import METRICS, DayArray, FloatArray, MetricPoints
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import NotFoundError, PermanentError
from python_nodes.steps.services import Services
from python_nodes.store import portfolio

MAX_DAYS = 1100


def portfolio_of(
    services: Services, tenant_id: int, only: frozenset[int] | None, fields: Sequence[str]
) -> list[dict[str, Any]]:
    """Return these fields of the listings of some properties, or of all."""
    with services.database.tenant(tenant_id) as conn:
        return portfolio.told(conn, fields, only)


def listings_of(
    services: Services, tenant_id: int, only: frozenset[int] | None, listing_ids: Sequence[int] | None = None
) -> list[ListingInfo]:
    """Return the listings of these properties, or of all; or those asked for among them."""
    with services.database.tenant(tenant_id) as conn:
        found = portfolio.load_listings(conn, listing_ids)
    return [listing for listing in found if only is None or listing.property_id in only]


def of_listing(
    services: Services, tenant_id: int, listing_id: int, metrics: Sequence[str], start: date, end: date,
    *, interpolate: bool, only: frozenset[int] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return each metric day by day, both ends included; refused where the caller may not see the listing."""
    seen = listings_of(services, tenant_id, only, [listing_id])
    if not seen:
        raise NotFoundError(f"no listing {listing_id}")
    known = seen[0]
    _check(metrics, start, end)
    names = tuple(metrics) or METRICS
    days = np.arange(np.datetime64(start), np.datetime64(end) + 1)
    blocks = services.metrics.told_by(tenant_id, listing_id, start, end)
    return {
        "listing_id": listing_id,
        "listing": known.external_id,
        "channel": known.channel,
        "property": known.property_external_id,
        "currency": known.currency,
        "timezone": known.timezone,
        "days": [str(day) for day in days],
        "told_by": [{"source": one.source, "as_of_at": one.as_of_at.isoformat()} for one in blocks],
        "metrics": {name: _series(name, blocks, days, interpolate=interpolate) for name in names},
    }


def interpolated(values: FloatArray) -> FloatArray:
    """Draw straight lines over gaps; before the first and after the last told day nothing is known."""
    told = np.flatnonzero(np.isfinite(values))
    filled = values.copy()
    if len(told):
        inside = np.arange(told[0], told[-1] + 1)
        filled[inside] = np.interp(inside, told, values[told])
    return filled


def _series(name: str, blocks: Sequence[MetricPoints], days: DayArray, *, interpolate: bool) -> dict[str, list[Any]]:
    values, teller = np.full(len(days), np.nan), np.full(len(days), -1)
    # Oldest first, so that the newest telling stays.
    for number, block in enumerate(blocks):
        told = np.isfinite(block.values[name])
        at = (block.day_date[told] - days[0]).astype(np.int64)
        values[at], teller[at] = block.values[name][told], number
    shown = interpolated(values) if interpolate else values
    is_filled = np.isfinite(shown) & ~np.isfinite(values)
    return {
        "values": [float(value) if np.isfinite(value) else None for value in shown],
        "told_by": [int(number) if number >= 0 else None for number in teller],
        "is_interpolated": is_filled.tolist(),
    }


def _check(metrics: Sequence[str], start: date, end: date) -> None:
    unknown = [name for name in metrics if name not in METRICS]
    if unknown:
        raise PermanentError(
            f"metrics: {unknown[0][:40]!r} is not one of {', '.join(METRICS)}", status=422, field="metrics"
        )
    if end < start:
        raise PermanentError("end: is before start", status=422, field="end")
    if (end - start).days >= MAX_DAYS:
        raise PermanentError(f"start: more than {MAX_DAYS} days before end", status=422, field="start")
