"""The way from anomalies to alerts, as one list: mute, inhibit, group, enrich, dedupe; routing follows per alert.

Each stage is pure: what it gets goes out again kept or held back, with a reason for each; the moment, the mutes and
what was told before are passed in. What a mute holds back is neither forgotten nor ended by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from python_nodes.alerts import dedupe, enrich, flap, group, impact, inhibit, mute, succeed
from python_nodes.alerts.decisions import (
    AlertChange,
    AlertResolution,
    Candidate,
    Decisions,
    Reason,
)
from python_nodes.alerts.identity import fingerprint
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
    """The tenant's currency, its mutes, when several findings are one problem, and how money is judged.

    ``mutes`` are those that hold and those that ended since the alerts were last looked at. ``recent`` are alerts that
    ended by themselves within the time in which they are opened again, ``closed`` the fingerprints of those that people
    closed and that are still found: no other alert goes on as one of them.
    """

    currency: str
    grouping: group.Grouping = field(default_factory=group.Grouping)
    impacts: impact.ImpactSettings = impact.DEFAULTS
    mutes: tuple[mute.Mute, ...] = ()
    flaps: flap.FlapSettings = flap.DEFAULTS
    recent: tuple[Alert, ...] = ()
    closed: frozenset[str] = frozenset()


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
    holds = mute.holding(settings.mutes, as_of)
    heard, muted, mute_reasons = mute.apply(found, holds)
    told, explained, inhibit_reasons = inhibit.apply(heard, found)
    grouped, group_reasons = group.apply(
        told, listings, settings.grouping, [*open_alerts, *lately_wide(settings.recent, open_alerts, told)],
        settings.impacts, [*muted, *explained],
    )  # fmt: skip
    kept, befallen, place_reasons = inhibit.by_place(grouped)
    opened = {alert.fingerprint for alert in open_alerts}
    # An open alert of one listing stays up to date while it is muted.
    quietly = [candidate for candidate in muted if candidate.fingerprint in opened]
    drafted = [*kept, *quietly]
    drafts = [enrich.draft(candidate, currency=settings.currency, as_of=as_of) for candidate in drafted]
    held = {
        **unjudged(open_alerts, found),
        **held_back(muted, "muted", open_alerts),
        **held_back([*explained, *befallen], "inhibited", open_alerts),
    }
    hushed = quiet(drafts, open_alerts, holds)
    about = dedupe.Circumstances(
        held=held, replaced=regrouped(drafted, drafts, open_alerts), muted=hushed,
        lapsed=lapsed(open_alerts, settings.mutes, as_of), flaps=settings.flaps,
        recent={one.fingerprint: one for one in settings.recent},
        heirs=succeed.heirs(
            [one for one in drafts if one.fingerprint not in settings.closed], open_alerts, held.keys(), hushed.keys()
        ),
    )  # fmt: skip
    insert, update, resolve, dedupe_reasons = dedupe.apply(drafts, open_alerts, as_of, about)
    return Decisions(
        insert=tuple(insert),
        update=tuple(update),
        resolve=tuple(resolve),
        reasons=(*mute_reasons, *inhibit_reasons, *group_reasons, *place_reasons, *dedupe_reasons),
    )


def lately_wide(recent: Sequence[Alert], open_alerts: Sequence[Alert], found: Sequence[Candidate]) -> list[Alert]:
    """Name the units' and properties' alerts that ended lately and of which a member is back: they are opened again."""
    there = {(candidate.kind, candidate.listings[0].listing_id) for candidate in found}
    apart = {(alert.kind, alert.listing_id) for alert in open_alerts}
    wide = [alert for alert in recent if alert.scope in ("unit", "property")]
    back = [(alert, {(alert.kind, one) for one in succeed.members(alert)} & there) for alert in wide]
    return [alert for alert, members in back if members and not members & apart]


def quiet(
    drafts: Sequence[AlertDraft], open_alerts: Sequence[Alert], holds: Sequence[mute.Holding]
) -> dict[str, mute.Holding]:
    """Say what mutes which alert: a snooze of a wide one also covers what is left of it under another name."""
    if not holds:
        return {}
    found = {
        one.fingerprint: hold for one in (*open_alerts, *drafts) if (hold := mute.of_alert(one, holds)) is not None
    }
    snoozed = [(one, found[one.fingerprint]) for one in open_alerts if one.fingerprint in found]
    for draft in drafts:
        part = succeed.members(draft)
        for alert, hold in snoozed:
            if draft.fingerprint not in found and draft.kind == alert.kind and part and part <= succeed.members(alert):
                found[draft.fingerprint] = hold
    return found


def lapsed(open_alerts: Sequence[Alert], mutes: Sequence[mute.Mute], as_of: datetime) -> dict[str, mute.Mute]:
    """Name the alerts of which a mute has ended since they were last looked at, so that what is left is told."""
    over = [one for one in mutes if one.ended_within(min((a.updated_at for a in open_alerts), default=as_of), as_of)]
    if not over:
        return {}
    return {one.fingerprint: by for one in open_alerts if (by := mute.ended(one, over, as_of)) is not None}


def candidates(
    anomalies: Sequence[Anomaly], impacts: Sequence[Impact], listings: Sequence[ListingInfo]
) -> list[Candidate]:
    """Pair each anomaly with its money and its listing; of one kind on one listing the worst stands for all."""
    by_id = {listing.listing_id: listing for listing in listings}
    worst: dict[tuple[int, str], Candidate] = {}
    for anomaly, cost in zip(anomalies, impacts, strict=True):
        key = (anomaly.listing_id, anomaly.kind)
        if key in worst and worst[key].impact.score >= cost.score:
            continue
        worst[key] = Candidate(
            scope="listing",
            kind=anomaly.kind,
            listings=(by_id[anomaly.listing_id],),
            anomalies=(anomaly,),
            impact=cost,
        )
    return list(worst.values())


def held_back(held: Sequence[Candidate], decision: str, open_alerts: Sequence[Alert]) -> dict[str, str]:
    """Keep an alert open whose finding is still there but not told; a wide one while any member is held."""
    why = f"{decision}: kept open, neither changed nor resolved"
    marks = {
        fingerprint("listing", listing.listing_id, None, None, candidate.kind): why
        for candidate in held
        for listing in candidate.listings
    }
    hidden = {(listing.listing_id, candidate.kind) for candidate in held for listing in candidate.listings}
    for alert in open_alerts:
        if any((member, alert.kind) in hidden for member in alert.evidence.get("listing_ids", ())):
            marks[alert.fingerprint] = why
    return marks


def unjudged(open_alerts: Sequence[Alert], found: Sequence[Candidate]) -> dict[str, str]:
    """Keep an alert open that nobody can judge now, as a drop while the listing's feed is stale."""
    on_listing: dict[int | None, list[str]] = defaultdict(list)
    for candidate in found:
        on_listing[candidate.listings[0].listing_id].append(candidate.kind)
    held: dict[str, str] = {}
    for alert in open_alerts:
        members = [alert.listing_id] if alert.scope == "listing" else alert.evidence.get("listing_ids", ())
        blind = [by for member in members if (by := inhibit.unknowable(alert.kind, on_listing[member])) is not None]
        # In a market some feed is always late; the others tell how it stands.
        if blind and (alert.scope != "market" or 2 * len(blind) >= len(members)):
            held[alert.fingerprint] = f"kept open: {alert.kind} cannot be judged while {blind[0]} holds"
    return held


def regrouped(
    grouped: Sequence[Candidate], drafts: Sequence[AlertDraft], open_alerts: Sequence[Alert]
) -> dict[str, str]:
    """Name the open alerts whose place another scope takes, in any direction, so that nobody hears 'resolved'."""
    now = {draft.fingerprint for draft in drafts}
    told_by: dict[tuple[int | None, str], AlertDraft] = {
        (listing.listing_id, candidate.kind): draft
        for candidate, draft in zip(grouped, drafts, strict=True)
        for listing in candidate.listings
    }
    replaced: dict[str, str] = {}
    for alert in open_alerts:
        members = [alert.listing_id] if alert.scope == "listing" else alert.evidence.get("listing_ids", ())
        heirs = [told_by[member, alert.kind] for member in members if (member, alert.kind) in told_by]
        if heirs and alert.fingerprint not in now:
            replaced[alert.fingerprint] = f"goes on as the {heirs[0].scope}'s alert {heirs[0].title!r}"
    return replaced
