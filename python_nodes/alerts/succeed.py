"""Succeed: an open alert goes on as what its problem has become, wider or under another name, and stays one thread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from python_nodes.domain.findings import Alert, AlertDraft

FAMILY = frozenset({"conversion_drop", "demand_drop", "ctr_drop", "rank_drop", "slow_decline", "competitor_undercut"})
"""Sides of one fall in the funnel: as figures come in, the same loss is told by one, then by another."""
WAS = "was"
"""In the evidence: the fingerprints that an alert had before."""
IDENTITY = ("fingerprint", "scope", "listing_id", "property_id", "market", "kind")
"""What an alert takes over from what it has become, beside what any update brings."""
_WIDTH = {"listing": 0, "unit": 1, "property": 2}


def heirs(
    drafts: Sequence[AlertDraft], open_alerts: Sequence[Alert], kept: Collection[str], muted: Collection[str] = ()
) -> dict[str, Alert]:
    """Return by a new draft's fingerprint the open alert that goes on as it; those in ``kept`` go on as they are.

    A wider draft takes the oldest alert of its parts; its other parts end quietly. A market's is always new: it is
    another problem, for other people. So is what a ``muted`` one has grown to: nobody muted that.
    """
    found = {draft.fingerprint for draft in drafts}
    known = {alert.fingerprint for alert in open_alerts}
    free: dict[int, list[Alert]] = defaultdict(list)
    for alert in open_alerts:
        if alert.fingerprint not in found and alert.fingerprint not in kept:
            for member in members(alert):
                free[member].append(alert)
    taken: dict[str, Alert] = {}
    used: set[int] = set()
    for draft in drafts if free else ():
        if draft.fingerprint in known or draft.scope == "market":
            continue
        near = {alert.alert_id: alert for member in members(draft) for alert in free.get(member, ())}
        fitting = [
            alert
            for alert in near.values()
            if alert.alert_id not in used
            and _goes_on_as(alert, draft)
            and (alert.fingerprint not in muted or members(draft) == members(alert))
        ]
        if fitting:
            taken[draft.fingerprint] = min(fitting, key=lambda alert: (alert.raised_at, alert.alert_id))
            used.add(taken[draft.fingerprint].alert_id)
    return taken


def members(about: AlertDraft) -> set[int]:
    """Name the listings that an alert is or was about."""
    if about.listing_id is not None:
        return {about.listing_id}
    return {*about.evidence.get("listing_ids", ()), *about.evidence.get("told_listing_ids", ())}


def _goes_on_as(alert: Alert, draft: AlertDraft) -> bool:
    if alert.scope == "market":
        return False
    before, now = members(alert), members(draft)
    if alert.kind == draft.kind:
        return _WIDTH[alert.scope] < _WIDTH[draft.scope] and before <= now
    return {alert.kind, draft.kind} <= FAMILY and bool(before) and before <= now
