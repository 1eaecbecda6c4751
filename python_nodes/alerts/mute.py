"""Mute: what the operator does not want to hear of for now. It is told when that is over and it still is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from python_nodes.alerts.decisions import HELD, Candidate, Reason, about
from python_nodes.alerts.succeed import WAS
from python_nodes.domain.findings import Alert, AlertDraft
from python_nodes.domain.mutes import Mute

__all__ = ["Holding", "Mute", "apply", "concerns", "covering", "ended", "holding", "of_alert"]

FACT = "muted"
"""In an alert's evidence while it is muted: until when, why, and what was not told meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A mute that holds now, and until when this time."""

    mute: Mute
    until_at: datetime

    @property
    def why(self) -> str:
        """Say until when and why nothing is told."""
        return f"muted until {self.until_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {self.mute.reason}"


def holding(mutes: Iterable[Mute], as_of: datetime) -> list[Holding]:
    """Return the mutes that hold at a moment, the one that lasts longest first: where several overlap, it counts."""
    spans = [(one, one.window(as_of)) for one in mutes]
    found = [Holding(mute=one, until_at=_until(one, span[1])) for one, span in spans if span is not None]
    return sorted(found, key=lambda one: one.until_at, reverse=True)


def _until(mute: Mute, end_at: datetime) -> datetime:
    return end_at if mute.ended_at is None else min(end_at, mute.ended_at)


def apply(
    candidates: Sequence[Candidate], holds: Sequence[Holding]
) -> tuple[list[Candidate], list[Candidate], list[Reason]]:
    """Split candidates into heard and muted."""
    heard: list[Candidate] = []
    muted: list[Candidate] = []
    reasons: list[Reason] = []
    for candidate in candidates:
        hold = covering(candidate, holds)
        if hold is None:
            heard.append(candidate)
            continue
        muted.append(candidate)
        reasons.append(about(candidate, stage="mute", decision=HELD, why=hold.why))
    return heard, muted, reasons


def covering(candidate: Candidate, holds: Sequence[Holding]) -> Holding | None:
    """Return what mutes a finding on one listing; None if nothing does."""
    if not holds:
        return None
    place, cause, category = candidate.listings[0], candidate.anomalies[0].cause, candidate.impact.category
    return next(
        (
            hold
            for hold in holds
            if _speaks_of(hold.mute, candidate.kind, cause, category)
            and hold.mute.listing_id in (None, place.listing_id)
            and hold.mute.property_id in (None, place.property_id)
            and hold.mute.market in (None, place.market)
            and hold.mute.fingerprint in (None, candidate.fingerprint)
        ),
        None,
    )


def of_alert(draft: AlertDraft, holds: Sequence[Holding]) -> Holding | None:
    """Return what mutes an alert of any scope: one that is about several listings only if each of them is covered."""
    speaking = [hold for hold in holds if _speaks_of(hold.mute, draft.kind, draft.cause, draft.category)]
    whole = next((hold for hold in speaking if _covers(hold.mute, draft)), None)
    members = draft.evidence.get("listing_ids", ())
    if whole is not None or not members:
        return whole
    each = [next((hold for hold in speaking if _is_only_of(hold.mute, member)), None) for member in members]
    found = [hold for hold in each if hold is not None]
    return min(found, key=lambda hold: hold.until_at) if len(found) == len(members) else None


def ended(draft: Alert, mutes: Iterable[Mute], as_of: datetime) -> Mute | None:
    """Return a mute of the alert that ended since the alert was last looked at, whether or not a run saw it hold."""
    return next(
        (
            one
            for one in mutes
            if one.origin != "quiet_hours"
            and one.ended_within(draft.updated_at, as_of) is not None
            and _speaks_of(one, draft.kind, draft.cause, draft.category)
            and _covers(one, draft)
        ),
        None,
    )


def concerns(mute: Mute, draft: AlertDraft) -> bool:
    """Tell whether a mute, when it holds, is about all of an alert."""
    return _speaks_of(mute, draft.kind, draft.cause, draft.category) and _covers(mute, draft)


def _speaks_of(mute: Mute, kind: str, cause: str, category: str) -> bool:
    # The worst is worth waking for; a maintenance or a snooze was meant for this problem, however bad.
    is_wanted = mute.origin != "quiet_hours" or category != "critical"
    return is_wanted and mute.kind in (None, kind) and mute.cause in (None, cause)


def _covers(mute: Mute, draft: AlertDraft) -> bool:
    return (
        mute.listing_id in (None, draft.listing_id)
        and mute.property_id in (None, draft.property_id)
        and mute.market in (None, draft.market)
        and mute.fingerprint in (None, draft.fingerprint, *draft.evidence.get(WAS, ()))
    )


def _is_only_of(mute: Mute, listing_id: int) -> bool:
    return mute.listing_id == listing_id and mute.fingerprint is None
