"""Dedupe: one alert per ongoing problem, updated in place, told again only when it gets worse."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from python_nodes.alerts.decisions import AlertChange, AlertResolution, AlertScope, Reason
from python_nodes.domain.findings import Alert, AlertDraft, Category

SEVERITY: Mapping[Category, int] = {"low": 0, "medium": 1, "high": 2, "critical": 3}

RETOLD = (
    "title", "metric", "cause", "category", "score", "impact_minor", "loss_per_day_minor", "evidence", "parts",
)  # fmt: skip
"""What an open alert takes over from the newest finding as it is."""


def fingerprint(
    scope: AlertScope, listing_id: int | None, property_id: int | None, market: str | None, kind: str,
    unit_id: int | None = None,
) -> str:  # fmt: skip
    """Identify a problem by where it is and what it is; never by when, so that it stays itself while it lasts."""
    where: dict[AlertScope, int | str | None] = {
        "listing": listing_id,
        "unit": unit_id,
        "property": property_id,
        "market": market,
    }
    identity = json.dumps([scope, where[scope], kind], separators=(",", ":"))
    return hashlib.sha256(identity.encode()).hexdigest()


def lost_so_far_minor(alert: Alert, draft: AlertDraft, as_of: datetime) -> int:
    """Go on counting from the first onset: a guard finds its problem anew each day, a drop knows since when."""
    if draft.onset_date <= alert.onset_date:
        return max(draft.lost_so_far_minor, alert.lost_so_far_minor)
    elapsed_days = max((as_of - alert.updated_at).total_seconds(), 0.0) / 86_400
    return max(draft.lost_so_far_minor, alert.lost_so_far_minor + round(draft.loss_per_day_minor * elapsed_days))


def change(alert: Alert, draft: AlertDraft, as_of: datetime) -> AlertChange:
    """Bring an open alert up to date; onset never moves later while the problem lasts."""
    worse = SEVERITY[draft.category] > SEVERITY[alert.category]
    evidence, joined = _spread(alert, draft)
    if worse:
        reason = f"still there and worse: {alert.category} became {draft.category}"
    elif joined:
        reason = f"still there, and on {joined} more listing{'s' if joined > 1 else ''}"
    else:
        reason = (
            f"still there, category {draft.category}, not worse than {alert.category}: updated without telling again"
        )
    return AlertChange(
        alert_id=alert.alert_id,
        fields={name: getattr(draft, name) for name in RETOLD}
        | {
            "evidence": evidence,
            "lost_so_far_minor": lost_so_far_minor(alert, draft, as_of),
            "onset_date": min(draft.onset_date, alert.onset_date),
            "updated_at": as_of,
        },
        notify=worse or bool(joined),
        reason=reason,
    )


def _spread(alert: Alert, draft: AlertDraft) -> tuple[dict[str, Any], int]:
    """Count who joined a unit's or property's alert and was never told with it; in a market some always come and go."""
    if draft.scope not in ("unit", "property"):
        return draft.evidence, 0
    told = alert.evidence.get("told_listing_ids", alert.evidence.get("listing_ids", ()))
    joined = set(draft.evidence.get("listing_ids", ())) - set(told)
    spread = int(alert.evidence.get("spread", 0)) + bool(joined)
    return {**draft.evidence, "told_listing_ids": sorted({*told, *joined}), "spread": spread}, len(joined)


def resolution(
    alert: Alert, as_of: datetime, held: Mapping[str, str], replaced: Mapping[str, str]
) -> AlertResolution | None:
    """End an open alert that is no longer found, unless its finding is only held back; None keeps it open."""
    if alert.fingerprint in held:
        return None
    if alert.fingerprint in replaced:
        return AlertResolution(
            alert_id=alert.alert_id, resolved_at=as_of, notify=False, reason=replaced[alert.fingerprint]
        )
    return AlertResolution(
        alert_id=alert.alert_id, resolved_at=as_of, notify=True, reason=f"{alert.kind} is no longer found"
    )


def _about(alert_id: int | None, draft: AlertDraft, decision: str, why: str) -> Reason:
    return Reason(
        stage="dedupe",
        decision=decision,
        kind=draft.kind,
        listing_id=draft.listing_id,
        property_id=draft.property_id,
        alert_id=alert_id,
        why=why,
    )


def apply(
    drafts: Sequence[AlertDraft],
    open_alerts: Sequence[Alert],
    as_of: datetime,
    held: Mapping[str, str],
    replaced: Mapping[str, str],
) -> tuple[list[AlertDraft], list[AlertChange], list[AlertResolution], list[Reason]]:
    """Compare what is found now with what is open; ``held`` and ``replaced`` map fingerprints to reasons."""
    open_by_fingerprint = {alert.fingerprint: alert for alert in open_alerts}
    insert: list[AlertDraft] = []
    update: list[AlertChange] = []
    resolve: list[AlertResolution] = []
    reasons: list[Reason] = []
    for draft in drafts:
        alert = open_by_fingerprint.pop(draft.fingerprint, None)
        if alert is None:
            insert.append(draft)
            reasons.append(_about(None, draft, "raised", f"new {draft.kind}, category {draft.category}"))
            continue
        changed = change(alert, draft, as_of)
        update.append(changed)
        reasons.append(_about(alert.alert_id, alert, "updated", changed.reason))
    for alert in open_by_fingerprint.values():
        ended = resolution(alert, as_of, held, replaced)
        if ended is None:
            reasons.append(_about(alert.alert_id, alert, "kept open", held[alert.fingerprint]))
            continue
        resolve.append(ended)
        reasons.append(_about(alert.alert_id, alert, "resolved", ended.reason))
    return insert, update, resolve, reasons
