"""Enrich: give a candidate its title, its identity and the facts people need."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from python_nodes.alerts.decisions import Candidate
from python_nodes.alerts.dedupe import fingerprint
from python_nodes.alerts.group import ACCESS, OF_CHANNELS, OUTAGE
from python_nodes.domain.findings import AlertDraft, Anomaly
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.said import SAID, Said, marked, said_many

MAX_CHANNELS = 2

HEADLINES = {
    "not_bookable": marked("Calendar closed on {channel}"),
    "no_price": marked("No price shown on {channel}"),
    "price_out_of_range": marked("Price out of range on {channel}"),
    "total_out_of_range": marked("Total with fees out of range on {channel}"),
    "suspended": marked("Listing down on {channel}"),
    "feed_stale": marked("No fresh data from {channel}"),
    "feed_duplicate": marked("Figures told twice by {channel}"),
    "metric_missing": marked("A figure stopped coming from {channel}"),
    "metric_flat": marked("A figure stands still on {channel}"),
    "fee_missing": marked("Fee missing on {channel}"),
    "min_stay_raised": marked("Minimum stay raised on {channel}"),
    "currency_switched": marked("Currency switched on {channel}"),
    "parity": marked("Not the same on every channel"),
    "review_drop": marked("Review score fell on {channel}"),
    "amenity_missing": marked("Amenity missing on {channel}"),
    "rate_plan_gap": marked("Rate plan missing on {channel}"),
    "calendar_empty": marked("Calendar running empty on {channel}"),
    "poll_failing": marked("{channel} cannot be polled"),
    "access_ending": marked("Access to {channel} ends"),
    "conversion_drop": marked("Fewer guests book on {channel}"),
    "demand_drop": marked("Bookings fell on {channel}"),
    "market_demand_drop": marked("Demand fell"),
    "market_ctr_drop": marked("Fewer guests open what they see"),
    "market_conversion_drop": marked("Fewer guests book what they see"),
    "channel_ctr_drop": marked("Fewer guests open what they see on all of {channel}"),
    "channel_conversion_drop": marked("Fewer guests book on all of {channel}"),
    "month_missed": marked("A month will be missed"),
    "calendar_running_empty": marked("The coming weeks stay unsold"),
    "price_below_peers": marked("Cheaper than its peers while demand rises on {channel}"),
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


def extent(candidate: Candidate) -> Said | None:
    """Say how far the problem reaches: nights for a calendar problem, percent for a drop."""
    first = candidate.anomalies[0]
    if candidate.kind in _COUNTS_NIGHTS:
        nights = sum(affected_nights(anomaly) or 0 for anomaly in candidate.anomalies)
        return said_many("{count} night", "{count} nights", nights) if nights else None
    if first.direction == "down" and first.observed is not None and first.expected and first.p_value is not None:
        percent = round(100 * (1 - first.observed / first.expected))
        return Said(marked("{percent} % below expected"), {"percent": percent}) if percent > 0 else None
    return None


def where(candidate: Candidate) -> Said | str:
    """Say what it is about, in as few words as its scope allows."""
    first, count = candidate.listings[0], len(candidate.listings)
    if candidate.scope == "market":
        return Said(marked("{number} listings in {market}"), {"number": count, "market": first.market})
    if candidate.kind == OUTAGE:
        return said_many("{count} listing unwatched", "{count} listings unwatched", count)
    if candidate.kind in OF_CHANNELS or candidate.kind == ACCESS:
        return said_many("{count} listing", "{count} listings", count)
    if candidate.scope == "property":
        return Said(
            marked("{number} listings of property {property}"),
            {"number": count, "property": first.property_external_id},
        )
    if candidate.scope == "unit":
        return Said(marked("{name}, {number} listings of the unit"), {"name": first.title, "number": count})
    return first.title


def channels(candidate: Candidate) -> Said | str:
    """Name the channel, or the first few."""
    names = sorted({channel_label(listing.channel) for listing in candidate.listings})
    if len(names) <= MAX_CHANNELS:
        return ", ".join(names)
    return Said(marked("{number} channels"), {"number": len(names)})


def title(candidate: Candidate) -> Said:
    """Word the alert's title: what, where, how much."""
    headline = HEADLINES.get(candidate.kind, candidate.kind.replace("_", " ").capitalize() + " on {channel}")
    place: dict[str, Said | str | int | float] = {
        "headline": Said(headline, {"channel": channels(candidate)}), "where": where(candidate),
    }  # fmt: skip
    reach = extent(candidate)
    if reach is None:
        return Said(marked("{headline}: {where}"), place)
    return Said(marked("{headline}: {where}, {extent}"), place | {"extent": reach})


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


def _with_title(facts: dict[str, Any], named: Said) -> dict[str, Any]:
    """Keep what the title was made of beside its English."""
    return facts | {SAID: {**facts.get(SAID, {}), "title": named.as_json()}}


def draft(candidate: Candidate, *, currency: str, as_of: datetime) -> AlertDraft:
    """Write the alert a candidate would become."""
    first = candidate.listings[0]
    listing_id = first.listing_id if candidate.scope == "listing" else None
    worst = max(candidate.anomalies, key=lambda anomaly: anomaly.share_lost)
    impact, named = candidate.impact, title(candidate)
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
        title=named.english(),
        category=impact.category,
        score=impact.score,
        currency=currency,
        impact_minor=impact.impact_minor,
        loss_per_day_minor=impact.loss_per_day_minor,
        lost_so_far_minor=impact.lost_so_far_minor,
        onset_date=min(anomaly.onset_date for anomaly in candidate.anomalies),
        raised_at=as_of,
        evidence=_with_title(evidence(candidate), named),
        parts=dict(impact.parts),
    )
