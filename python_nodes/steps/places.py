"""Which listings an alert is about, whatever its scope."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.store import portfolio


def of(alert: Alert, listings: Sequence[ListingInfo]) -> list[ListingInfo]:
    """Return the listing, or a wide alert's members; where it names none, all of its property or market."""
    if alert.listing_id is not None:
        return [listing for listing in listings if listing.listing_id == alert.listing_id]
    named = alert.evidence.get("listing_ids")
    if named is not None:
        members = frozenset(named)
        return [listing for listing in listings if listing.listing_id in members]
    if alert.property_id is not None:
        return [listing for listing in listings if listing.property_id == alert.property_id]
    return [listing for listing in listings if alert.market is not None and listing.market == alert.market]


def load(conn: Connection, alert: Alert) -> list[ListingInfo]:
    """Read those from the store, and no others where the alert names them."""
    named = alert.evidence.get("listing_ids") if alert.listing_id is None else [alert.listing_id]
    return of(alert, portfolio.load_listings(conn, named))


def index(listings: Sequence[ListingInfo]) -> Callable[[Alert], Sequence[ListingInfo]]:
    """Return ``of`` for many alerts: the listings are gone through once, not once an alert."""
    by_id = {one.listing_id: one for one in listings}
    by_property: dict[int, list[ListingInfo]] = defaultdict(list)
    by_market: dict[str, list[ListingInfo]] = defaultdict(list)
    for one in listings:
        by_property[one.property_id].append(one)
        by_market[one.market].append(one)

    def found(alert: Alert) -> Sequence[ListingInfo]:
        named = [alert.listing_id] if alert.listing_id is not None else alert.evidence.get("listing_ids")
        if named is not None:
            return [by_id[listing_id] for listing_id in named if listing_id in by_id]
        if alert.property_id is not None:
            return by_property.get(alert.property_id, [])
        return by_market.get(alert.market, []) if alert.market is not None else []

    return found
