"""The way from anomalies to alerts, as one list: mute, inhibit, group, enrich, dedupe; routing follows per alert."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from python_nodes.alerts import dedupe, enrich, group, inhibit, mute
from python_nodes.alerts.decisions import (
    AlertChange,
    AlertResolution,
    Candidate,
    Decisions,
    Reason,
)
from python_nodes.alerts.dedupe import fingerprint
from python_nodes.domain.findings import Alert, AlertDraft, Anomaly, Impact
from python_nodes.domain.portfolio import ListingInfo

__all__ = [
    "AlertChange",
    "AlertDraft",
    "AlertResolution",
    "Decisions",
    "PipelineSettings",
    "Reason",
    "fingerprint",
    "reconcile",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSettings:
    """The tenant's currency, its silences, and from how many listings a property's problem is one alert."""

    currency: str
    group_min_listings: int = 2
    mutes: tuple[mute.Mute, ...] = ()


def reconcile(
    open_alerts: Sequence[Alert],
    anomalies: Sequence[Anomaly],
    impacts: Sequence[Impact],
    listings: Sequence[ListingInfo],
    as_of: datetime,
    settings: PipelineSettings,
) -> Decisions:
    """Decide what to raise, change and resolve at ``as_of``; ``impacts[i]`` belongs to ``anomalies[i]``."""
    found = candidates(anomalies, impacts, listings)
    heard, muted, mute_reasons = mute.apply(found, settings.mutes, as_of)
    kept, inhibited, inhibit_reasons = inhibit.apply(heard)
    grouped, group_reasons = group.apply(kept, listings, settings.group_min_listings)
    drafts = [enrich.draft(candidate, currency=settings.currency, as_of=as_of) for candidate in grouped]
    held = {**unjudged(open_alerts, found), **held_back(muted, "muted"), **held_back(inhibited, "inhibited")}
    replaced = regrouped(grouped, drafts)
    insert, update, resolve, dedupe_reasons = dedupe.apply(drafts, open_alerts, as_of, held, replaced)
    return Decisions(
        insert=tuple(insert),
        update=tuple(update),
        resolve=tuple(resolve),
        reasons=(*mute_reasons, *inhibit_reasons, *group_reasons, *dedupe_reasons),
    )


def candidates(
    anomalies: Sequence[Anomaly], impacts: Sequence[Impact], listings: Sequence[ListingInfo]
) -> list[Candidate]:
    """Pair each anomaly with its money and its listing; of one kind on one listing the worst stands for all."""
    by_id = {listing.listing_id: listing for listing in listings}
    worst: dict[tuple[int, str], Candidate] = {}
    for anomaly, impact in zip(anomalies, impacts, strict=True):
        key = (anomaly.listing_id, anomaly.kind)
        if key in worst and worst[key].impact.score >= impact.score:
            continue
        worst[key] = Candidate(
            scope="listing",
            kind=anomaly.kind,
            listings=(by_id[anomaly.listing_id],),
            anomalies=(anomaly,),
            impact=impact,
        )
    return list(worst.values())


def held_back(held: Sequence[Candidate], decision: str) -> dict[str, str]:
    """Keep an alert open whose finding is still there but not told."""
    return {
        fingerprint("listing", candidate.listings[0].listing_id, None, None, candidate.kind): (
            f"{decision}: kept open, neither changed nor resolved"
        )
        for candidate in held
    }


def unjudged(open_alerts: Sequence[Alert], found: Sequence[Candidate]) -> dict[str, str]:
    """Keep an alert open that nobody can judge now, as a drop while the listing's feed is stale."""
    on_listing: dict[int | None, list[str]] = defaultdict(list)
    on_property: dict[int | None, list[str]] = defaultdict(list)
    for candidate in found:
        on_listing[candidate.listings[0].listing_id].append(candidate.kind)
        on_property[candidate.listings[0].property_id].append(candidate.kind)
    held: dict[str, str] = {}
    for alert in open_alerts:
        active = on_listing[alert.listing_id] if alert.scope == "listing" else on_property[alert.property_id]
        by = inhibit.unknowable(alert.kind, active)
        if by is not None:
            held[alert.fingerprint] = f"kept open: {alert.kind} cannot be judged while {by} holds"
    return held


def regrouped(grouped: Sequence[Candidate], drafts: Sequence[AlertDraft]) -> dict[str, str]:
    """Name the open alerts whose place another scope takes, in both directions, so that nobody hears 'resolved'."""
    replaced: dict[str, str] = {}
    for candidate, draft in zip(grouped, drafts, strict=True):
        if candidate.scope == "property":
            for listing in candidate.listings:
                mark = fingerprint("listing", listing.listing_id, None, None, candidate.kind)
                replaced[mark] = f"now part of the property's alert {draft.title!r}"
        else:
            mark = fingerprint("property", None, draft.property_id, None, candidate.kind)
            replaced[mark] = "no longer on all listings of the property: goes on as alerts of single listings"
    return replaced
