"""Enrich: give a candidate its title, its identity and the facts people need."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from python_nodes.alerts.decisions import Candidate
from python_nodes.alerts.dedupe import fingerprint
from python_nodes.alerts.group import OF_CHANNELS, OUTAGE
from python_nodes.domain.findings import AlertDraft, Anomaly
from python_nodes.domain.portfolio import ListingInfo

MAX_CHANNELS = 2

_HEADLINES = {
    "not_bookable": "Calendar closed on {channel}",
    "no_price": "No price shown on {channel}",
    "price_out_of_range": "Price out of range on {channel}",
    "total_out_of_range": "Total with fees out of range on {channel}",
    "suspended": "Listing down on {channel}",
    "feed_stale": "No fresh data from {channel}",
    "feed_duplicate": "Figures told twice by {channel}",
    "metric_missing": "A figure stopped coming from {channel}",
    "metric_flat": "A figure stands still on {channel}",
    "fee_missing": "Fee missing on {channel}",
    "min_stay_raised": "Minimum stay raised on {channel}",
    "currency_switched": "Currency switched on {channel}",
    "parity": "Not the same on every channel",
    "review_drop": "Review score fell on {channel}",
    "amenity_missing": "Amenity missing on {channel}",
    "rate_plan_gap": "Rate plan missing on {channel}",
    "calendar_empty": "Calendar running empty on {channel}",
    "poll_failing": "{channel} cannot be polled",
    "conversion_drop": "Fewer guests book on {channel}",
    "demand_drop": "Bookings fell on {channel}",
    "market_demand_drop": "Demand fell",
    "market_ctr_drop": "Fewer guests open what they see",
    "market_conversion_drop": "Fewer guests book what they see",
    "channel_ctr_drop": "Fewer guests open what they see on all of {channel}",
    "channel_conversion_drop": "Fewer guests book on all of {channel}",
    "month_missed": "A month will be missed",
    "calendar_running_empty": "The coming weeks stay unsold",
    "price_below_peers": "Cheaper than its peers while demand rises on {channel}",
}
_COUNTS_NIGHTS = frozenset({"not_bookable", "no_price", "price_out_of_range", "min_stay_raised", "calendar_empty"})


def channel_label(channel: str) -> str:
    """Word a channel's key for people: ``booking_com`` becomes ``Booking.com``."""
    words = channel.split("_")
    if len(words) > 1 and words[-1] == "com":
        return f"{' '.join(words[:-1]).capitalize()}.com"
    return " ".join(words).capitalize()


def affected_nights(anomaly: Anomaly) -> int | None:
    """Read how many nights a guard found: evidence ``nights`` is a count or the list of nights itself."""
    nights = anomaly.evidence.get("nights")
    if isinstance(nights, (list, tuple)):
        return len(nights)
    return int(nights) if isinstance(nights, (int, float)) else None


def extent(candidate: Candidate) -> str:
    """Say how far the problem reaches: nights for a calendar problem, percent for a drop."""
    first = candidate.anomalies[0]
    if candidate.kind in _COUNTS_NIGHTS:
        nights = sum(affected_nights(anomaly) or 0 for anomaly in candidate.anomalies)
        return f", {nights} night{'s' if nights != 1 else ''}" if nights else ""
    if first.direction == "down" and first.observed is not None and first.expected and first.p_value is not None:
        percent = round(100 * (1 - first.observed / first.expected))
        return f", {percent} % below expected" if percent > 0 else ""
    return ""


def where(candidate: Candidate) -> str:
    """Say what it is about, in as few words as its scope allows."""
    first, count = candidate.listings[0], len(candidate.listings)
    if candidate.scope == "market":
        return f"{count} listings in {first.market}"
    if candidate.kind == OUTAGE:
        return f"{count} listing{'s' if count != 1 else ''} unwatched"
    if candidate.kind in OF_CHANNELS:
        return f"{count} listing{'s' if count != 1 else ''}"
    if candidate.scope == "property":
        return f"{count} listings of property {first.property_external_id}"
    if candidate.scope == "unit":
        return f"{first.title}, {count} listings of the unit"
    return first.title


def channels(candidate: Candidate) -> str:
    """Name the channel, or the first few."""
    names = sorted({channel_label(listing.channel) for listing in candidate.listings})
    return ", ".join(names) if len(names) <= MAX_CHANNELS else f"{len(names)} channels"


def title(candidate: Candidate) -> str:
    """Word the alert's title: what, where, how much."""
    headline = _HEADLINES.get(candidate.kind, candidate.kind.replace("_", " ").capitalize() + " on {channel}")
    return f"{headline.format(channel=channels(candidate))}: {where(candidate)}{extent(candidate)}"


def evidence(candidate: Candidate) -> dict[str, Any]:
    """Collect the finding's facts; for a group, the worst listing's facts and every member."""
    worst = max(candidate.anomalies, key=lambda anomaly: anomaly.share_lost)
    facts: dict[str, Any] = {
        **worst.evidence,
        "observed": worst.observed,
        "expected": worst.expected,
        "lower": worst.lower,
        "upper": worst.upper,
        "p_value": worst.p_value,
        "share_lost": worst.share_lost,
        "confidence": candidate.impact.parts.get("confidence", worst.confidence),
        "days_to_resolution": candidate.impact.days_to_resolution,
    }
    if candidate.scope != "listing":
        facts |= {
            "listing_titles": [listing.title for listing in candidate.listings],
            "listing_ids": [listing.listing_id for listing in candidate.listings],
            "members": [_member(*pair) for pair in zip(candidate.listings, candidate.anomalies, strict=True)],
        }
    if candidate.scope == "unit":
        facts["unit_id"] = candidate.listings[0].unit_id
    return {name: value for name, value in facts.items() if value is not None}


def _member(listing: ListingInfo, anomaly: Anomaly) -> dict[str, Any]:
    """Name one listing of a group as programs read it."""
    return {
        "listing": listing.external_id, "channel": listing.channel, "unit": listing.unit_external_id,
        "onset_date": anomaly.onset_date.isoformat(), "share_lost": round(anomaly.share_lost, 4),
    }  # fmt: skip


def draft(candidate: Candidate, *, currency: str, as_of: datetime) -> AlertDraft:
    """Write the alert a candidate would become."""
    first = candidate.listings[0]
    listing_id = first.listing_id if candidate.scope == "listing" else None
    worst = max(candidate.anomalies, key=lambda anomaly: anomaly.share_lost)
    impact = candidate.impact
    return AlertDraft(
        fingerprint=fingerprint(
            candidate.scope, listing_id, first.property_id, first.market, candidate.kind, first.unit_id
        ),
        scope=candidate.scope,
        listing_id=listing_id,
        property_id=first.property_id if candidate.scope != "market" else None,
        market=first.market,
        metric=worst.metric,
        kind=candidate.kind,
        cause=worst.cause,
        title=title(candidate),
        category=impact.category,
        score=impact.score,
        currency=currency,
        impact_minor=impact.impact_minor,
        loss_per_day_minor=impact.loss_per_day_minor,
        lost_so_far_minor=impact.lost_so_far_minor,
        onset_date=min(anomaly.onset_date for anomaly in candidate.anomalies),
        raised_at=as_of,
        evidence=evidence(candidate),
        parts=dict(impact.parts),
    )
