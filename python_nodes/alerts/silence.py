"""Silence: what people closed is not raised again while the same finding lasts, or while a mended one still shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from python_nodes.alerts import inhibit
from python_nodes.alerts.decisions import Decisions, Reason
from python_nodes.domain.findings import Alert, Anomaly, Silence
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
    holding: dict[str, Silence] = {}
    for silence in silences:
        reason = why_over(silence, found, listings, as_of)
        if reason is None:
            holding[silence.alert.fingerprint] = silence
        else:
            ended.append(SilenceEnd(alert=silence.alert, reason=reason))
    kept = tuple(draft for draft in decisions.insert if draft.fingerprint not in holding)
    held = [
        Reason(
            stage="silence", decision="held", kind=draft.kind, listing_id=draft.listing_id,
            property_id=draft.property_id, alert_id=holding[draft.fingerprint].alert.alert_id,
            why=_why_held(holding[draft.fingerprint]),
        )
        for draft in decisions.insert if draft.fingerprint in holding
    ]  # fmt: skip
    return replace(decisions, insert=kept, reasons=(*decisions.reasons, *held)), ended


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
    named = [alert.listing_id] if alert.listing_id is not None else alert.evidence.get("listing_ids")
    if named is not None:
        covered = set(named)
    elif alert.scope == "property":
        covered = {one.listing_id for one in listings if one.property_id == alert.property_id}
    else:
        covered = {one.listing_id for one in listings if one.market == alert.market}
    return {one.kind for one in found if one.listing_id in covered}


def _why_held(silence: Silence) -> str:
    how = "marked as resolved" if silence.because == "resolve" else "judged a false alarm"
    return f"not raised again: alert {silence.alert.alert_id} was {how} on {silence.began_at:%Y-%m-%d %H:%M} UTC"
