"""Silence: what people closed is not raised again while the same finding lasts, or while a mended one still shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from python_nodes.alerts import inhibit
from python_nodes.alerts.decisions import HELD, Decisions, Reason, on
from python_nodes.domain.findings import Alert, AlertDraft, Anomaly, Silence
from python_nodes.domain.portfolio import ListingInfo

RESOLVED_GRACE = timedelta(days=1)
"""How long a finding may outlive its repair: figures of a day come the day after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceEnd:
    """A silence that no longer holds, and why."""

    alert: Alert
    reason: str


def apply(
    decisions: Decisions,
    silences: Sequence[Silence],
    found: Sequence[Anomaly],
    listings: Sequence[ListingInfo],
    as_of: datetime,
) -> tuple[Decisions, list[SilenceEnd]]:
    """Hold back the drafts that a silence covers; a silence whose finding is gone, or whose grace is over, ends."""
    ended: list[SilenceEnd] = []
    holding: list[Silence] = []
    for silence in silences:
        reason = why_over(silence, found, listings, as_of)
        if reason is None:
            holding.append(silence)
        else:
            ended.append(SilenceEnd(alert=silence.alert, reason=reason))
    kept: list[AlertDraft] = []
    held: list[Reason] = []
    for draft in decisions.insert:
        by = next((one for one in holding if covers(one.alert, draft, listings)), None)
        if by is None:
            kept.append(draft)
        else:
            held.append(_held(draft, by))
    return replace(decisions, insert=tuple(kept), reasons=(*decisions.reasons, *held)), ended


def covers(closed: Alert, draft: AlertDraft, listings: Sequence[ListingInfo]) -> bool:
    """Tell whether a draft is the closed problem, or a part of it under another name since others left the group."""
    if draft.fingerprint == closed.fingerprint:
        return True
    part = listing_ids(draft, listings)
    return draft.kind == closed.kind and bool(part) and part <= listing_ids(closed, listings)


def why_over(
    silence: Silence, found: Sequence[Anomaly], listings: Sequence[ListingInfo], as_of: datetime
) -> str | None:
    """Say why a silence no longer holds; None while it does."""
    kinds = found_kinds(silence.alert, found, listings)
    if silence.alert.kind not in kinds and inhibit.unknowable(silence.alert.kind, sorted(kinds)) is None:
        return f"{silence.alert.kind} is no longer found"
    if silence.because == "resolve" and as_of >= silence.began_at + RESOLVED_GRACE:
        return f"{silence.alert.kind} is still found a day after it was marked as resolved"
    return None


def found_kinds(alert: Alert, found: Sequence[Anomaly], listings: Sequence[ListingInfo]) -> set[str]:
    """Name what is found now where the alert was, grouped, muted or inhibited as it may be."""
    covered = listing_ids(alert, listings)
    return {one.kind for one in found if one.listing_id in covered}


def listing_ids(about: AlertDraft, listings: Sequence[ListingInfo]) -> set[int]:
    """Name the listings that an alert is about."""
    named = [about.listing_id] if about.listing_id is not None else about.evidence.get("listing_ids")
    if named is not None:
        return set(named)
    if about.scope == "property":
        return {one.listing_id for one in listings if one.property_id == about.property_id}
    return {one.listing_id for one in listings if one.market == about.market}


def _held(draft: AlertDraft, by: Silence) -> Reason:
    how = "marked as resolved" if by.because == "resolve" else "judged a false alarm"
    why = f"not raised again: alert {by.alert.alert_id} was {how} on {by.began_at:%Y-%m-%d %H:%M} UTC"
    return on(draft, stage="silence", decision=HELD, why=why, alert_id=by.alert.alert_id)
