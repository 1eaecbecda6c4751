"""Compute what is usual from what is stored, and keep it as a new version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from python_nodes import log
from python_nodes.domain.metrics import FloatArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import peers
from python_nodes.scoring import profiles as usual
from python_nodes.steps import cuts, peer_groups, snapshot
from python_nodes.steps.services import Services
from python_nodes.store import portfolio
from python_nodes.store import profiles as store

METRICS = ("search_impressions", "booking_velocity")
ALSO = ("review_score", "lead_time_days")
"""What peers are compared by beside."""
LISTING, MARKET, PEERS = "season_listing", "season_market", peer_groups.KIND


def run(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Refresh every profile from the days before ``as_of``; the same day again replaces its version."""
    with log.stage("baselines_refresh", tenant_id=tenant_id) as facts:
        with services.database.tenant(tenant_id) as conn:
            listings = portfolio.load_listings(conn)
        made: dict[str, dict[str, dict[str, Any]]] = {LISTING: {}, MARKET: {}, PEERS: {}}
        today = snapshot.local_day(as_of, listings)
        if listings:
            start, end = snapshot.window(today, services.history_days)
            ids = [listing.listing_id for listing in listings]
            matrix = services.metrics.read(tenant_id, (*METRICS, *ALSO), ids, start, end)
            for name in METRICS:
                _seasons(made, name, matrix.values[name], matrix.days, listings)
            made |= cuts.learn(services, tenant_id, listings, today, as_of)
            made[PEERS] = _peers(matrix.values, listings, services.currency)
        with services.database.tenant(tenant_id) as conn:
            version = store.write(conn, made, today, services.clock())
        result = {
            "version": version, "as_of_date": today.isoformat(), "listings": len(made[LISTING]),
            "markets": len(made[MARKET]), "peer_groups": len(made[PEERS]),
        }  # fmt: skip
        facts.update(result)
    return result


def _seasons(
    made: dict[str, dict[str, dict[str, Any]]], metric: str, values: FloatArray, days: Any,
    listings: Sequence[ListingInfo],
) -> None:  # fmt: skip
    """Add one metric's profiles to those of each listing and market."""
    names, sums = usual.by_market(values, listings)
    whole = usual.seasonal(values, days)
    markets = usual.seasonal(sums, days)
    for kind, keys, found in (
        (LISTING, [str(one.listing_id) for one in listings], whole), (MARKET, names, markets),
    ):  # fmt: skip
        for row, key in enumerate(keys):
            if found.told_days[row]:
                made[kind].setdefault(key, {})[metric] = {
                    "level": round(float(found.level[row]), 4), "told_days": int(found.told_days[row]),
                    "weekday": np.round(found.weekday[row], 4).tolist(),
                    "month": np.round(found.month[row], 4).tolist(),
                }  # fmt: skip
    for row, key in enumerate(str(one.listing_id) for one in listings):
        if key in made[LISTING]:
            made[LISTING][key] |= {"listing": listings[row].external_id, "channel": listings[row].channel}


def _peers(
    values: Mapping[str, FloatArray], listings: Sequence[ListingInfo], currency: str
) -> dict[str, dict[str, Any]]:
    """Group each listing with those most like it, and say whether it is held against them or its market."""
    booked = values["booking_velocity"]
    told = np.isfinite(booked).sum(axis=1)
    volume = np.where(told > 0, np.nansum(booked, axis=1) / np.maximum(told, 1), 0.0)
    rates = snapshot.minor_rates(currency)
    price = np.array([one.base_price_minor * rates[one.currency] for one in listings])
    found = peers.group(listings, values, price)
    return {
        str(one.listing_id): {
            "listing": one.external_id, "channel": one.channel, "bookings_per_day": round(float(volume[row]), 4),
            "held_against": "peers" if found.chosen[row] else "market", "is_new": bool(found.is_new[row]),
            "peers": [
                {"listing_id": listings[other].listing_id, "listing": listings[other].external_id,
                 "weight": round(weight, 4)}
                for other, weight in zip(found.near[row].tolist(), found.weight[row].tolist(), strict=True)
            ],
        }
        for row, one in enumerate(listings)
    }  # fmt: skip
