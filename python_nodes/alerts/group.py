"""Group: the same problem on all listings of a property is one alert about the property."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from python_nodes.alerts.decisions import Candidate, Reason, about
from python_nodes.domain.findings import Impact
from python_nodes.domain.portfolio import ListingInfo


def combined_impact(impacts: Sequence[Impact]) -> Impact:
    """Add the money; take the score, category and parts of the worst."""
    worst = max(impacts, key=lambda impact: impact.score)
    return Impact(
        loss_per_day_minor=sum(impact.loss_per_day_minor for impact in impacts),
        days_to_resolution=max(impact.days_to_resolution for impact in impacts),
        impact_minor=sum(impact.impact_minor for impact in impacts),
        lost_so_far_minor=sum(impact.lost_so_far_minor for impact in impacts),
        score=worst.score,
        category=worst.category,
        parts=worst.parts,
    )


def merged(members: Sequence[Candidate]) -> Candidate:
    """Make one property-scope candidate of several listings' candidates, in the listings' order."""
    ordered = sorted(members, key=lambda member: member.listings[0].listing_id)
    return Candidate(
        scope="property",
        kind=ordered[0].kind,
        listings=tuple(member.listings[0] for member in ordered),
        anomalies=tuple(member.anomalies[0] for member in ordered),
        impact=combined_impact([member.impact for member in ordered]),
    )


def apply(
    candidates: Sequence[Candidate], listings: Sequence[ListingInfo], min_listings: int
) -> tuple[list[Candidate], list[Reason]]:
    """Group kinds that hold on every listing of a property that has at least ``min_listings``."""
    listing_counts = Counter(listing.property_id for listing in listings)
    members: dict[tuple[int, str], list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        members[(candidate.listings[0].property_id, candidate.kind)].append(candidate)
    grouped: list[Candidate] = []
    reasons: list[Reason] = []
    for (property_id, kind), same in members.items():
        found_on = {candidate.listings[0].listing_id for candidate in same}
        if len(found_on) < min_listings or len(found_on) < listing_counts[property_id]:
            grouped.extend(same)
            continue
        one = merged(same)
        grouped.append(one)
        why = f"{kind} holds on all {len(found_on)} listings of the property: one alert for the property"
        reasons.append(about(one, stage="group", decision="grouped", why=why))
    return grouped, reasons
