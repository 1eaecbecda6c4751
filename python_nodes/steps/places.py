"""Which listings an alert is about, whatever its scope."""

from __future__ import annotations

from collections.abc import Sequence

from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo


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
