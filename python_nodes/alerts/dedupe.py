"""Dedupe: one alert per ongoing problem, updated in place, told again only when it gets worse or a mute of it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from python_nodes.alerts import flap, mute, succeed
from python_nodes.alerts.decisions import HELD, AlertChange, AlertResolution, Reason, on
from python_nodes.alerts.flap import FlapSettings
from python_nodes.alerts.identity import fingerprint
from python_nodes.alerts.mute import Holding
from python_nodes.domain.findings import Alert, AlertDraft, Category
from python_nodes.domain.mutes import Mute

__all__ = ["SEVERITY", "Circumstances", "apply", "fingerprint"]

SEVERITY: Mapping[Category, int] = {"low": 0, "medium": 1, "high": 2, "critical": 3}

RETOLD = (
    "title", "metric", "cause", "category", "score", "impact_minor", "loss_per_day_minor", "evidence", "parts",
)  # fmt: skip
"""What an open alert takes over from the newest finding as it is."""
TOLD_AGAIN = "told_again"
"""In the evidence of an alert that was told anew: how often, when last, and why."""
_KEPT = (TOLD_AGAIN, flap.FACT, succeed.WAS)
_ORIGINS = {"maintenance": "maintenance", "snooze": "snooze", "quiet_hours": "quiet hours"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What else decides about alerts, by fingerprint; all of it is passed in.

    ``held`` and ``replaced`` give reasons, ``muted`` what mutes an alert now, ``lapsed`` a mute that has just ended,
    ``recent`` alerts that lately ended by themselves, ``heirs`` the open alert that goes on as a draft.
    """

    held: Mapping[str, str] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)
    muted: Mapping[str, Holding] = field(default_factory=dict)
    lapsed: Mapping[str, Mute] = field(default_factory=dict)
    recent: Mapping[str, Alert] = field(default_factory=dict)
    heirs: Mapping[str, Alert] = field(default_factory=dict)
    flaps: FlapSettings = flap.DEFAULTS


def lost_so_far_minor(alert: Alert, draft: AlertDraft, as_of: datetime) -> int:
    """Go on counting from the first onset: a guard finds its problem anew each day, a drop knows since when."""
    if draft.onset_date <= alert.onset_date:
        return max(draft.lost_so_far_minor, alert.lost_so_far_minor)
    if alert.resolved_at is not None:
        # While it had ended nothing was lost; what it cost before is kept.
        return alert.lost_so_far_minor + draft.lost_so_far_minor
    elapsed_days = max((as_of - alert.updated_at).total_seconds(), 0.0) / 86_400
    return max(draft.lost_so_far_minor, alert.lost_so_far_minor + round(draft.loss_per_day_minor * elapsed_days))


def change(alert: Alert, draft: AlertDraft, as_of: datetime, about: Circumstances) -> AlertChange:
    """Bring an open alert up to date; onset never moves later while the problem lasts."""
    worse = SEVERITY[draft.category] > SEVERITY[alert.category]
    evidence, joined = _spread(alert, draft)
    evidence |= {name: alert.evidence[name] for name in _KEPT if name in alert.evidence}
    _set(evidence, flap.FACT, flap.there(flap.read(alert.evidence), as_of, about.flaps))
    if worse:
        reason = f"still there and worse: {alert.category} became {draft.category}"
    elif joined:
        reason = f"still there, and on {joined} more listing{'s' if joined > 1 else ''}"
    else:
        reason = (
            f"still there, category {draft.category}, not worse than {alert.category}: updated without telling again"
        )
    notify, anew = worse or bool(joined), False
    hold, over = about.muted.get(alert.fingerprint), _after_mute(alert, about)
    if hold is not None:
        missed = reason if notify else alert.evidence.get(mute.FACT, {}).get("missed", "")
        evidence[mute.FACT] = _mark(hold, missed)
        notify, reason = False, f"{hold.why}: updated without telling"
    elif over:
        notify, anew, reason = True, True, over
        evidence[TOLD_AGAIN] = _told_again(alert, over, as_of)
    return AlertChange(
        alert_id=alert.alert_id,
        fields={name: getattr(draft, name) for name in RETOLD}
        | {
            "evidence": evidence,
            "lost_so_far_minor": lost_so_far_minor(alert, draft, as_of),
            "onset_date": min(draft.onset_date, alert.onset_date),
            "updated_at": as_of,
        },
        notify=notify,
        reason=reason,
        anew=anew,
    )


def _after_mute(alert: Alert, about: Circumstances) -> str:
    """Say that a mute is over and the problem is not; nothing where quiet hours ended and nothing had got worse."""
    before = alert.evidence.get(mute.FACT)
    if before is not None and (before["origin"] != "quiet_hours" or before["missed"]):
        word = f"still there after the {_ORIGINS[before['origin']]}: {before['reason']}"
        return word + (f"; meanwhile: {before['missed']}" if before["missed"] else "")
    lapsed = about.lapsed.get(alert.fingerprint)
    return f"still there after the {_ORIGINS[lapsed.origin]}: {lapsed.reason}" if lapsed is not None else ""


def _mark(hold: Holding, missed: str) -> dict[str, Any]:
    return {
        "until_at": hold.until_at.isoformat(), "origin": hold.mute.origin, "reason": hold.mute.reason,
        "mute_id": hold.mute.mute_id, "missed": missed,
    }  # fmt: skip


def _told_again(alert: Alert, why: str, as_of: datetime) -> dict[str, Any]:
    times = int(alert.evidence.get(TOLD_AGAIN, {}).get("times", 0)) + 1
    return {"times": times, "at": as_of.isoformat(), "why": why}


def _set(evidence: dict[str, Any], name: str, state: flap.State | None) -> None:
    evidence.pop(name, None)
    if state is not None:
        evidence[name] = flap.written(state)


def _spread(alert: Alert, draft: AlertDraft) -> tuple[dict[str, Any], int]:
    """Count who joined a unit's or property's alert and was never told with it; in a market some always come and go."""
    if draft.scope not in ("unit", "property"):
        return dict(draft.evidence), 0
    first = [] if alert.listing_id is None else [alert.listing_id]
    told = alert.evidence.get("told_listing_ids", alert.evidence.get("listing_ids", first))
    joined = set(draft.evidence.get("listing_ids", ())) - set(told)
    spread = int(alert.evidence.get("spread", 0)) + bool(joined)
    return {**draft.evidence, "told_listing_ids": sorted({*told, *joined}), "spread": spread}, len(joined)


def carried(alert: Alert, evidence: Mapping[str, Any], as_of: datetime, reason: str, *, is_lost: bool) -> AlertChange:
    """Write new facts on an alert that nothing was found of to update it by; it loses on at its pace if ``is_lost``."""
    elapsed_days = max((as_of - alert.updated_at).total_seconds(), 0.0) / 86_400 if is_lost else 0.0
    return AlertChange(
        alert_id=alert.alert_id,
        fields={name: getattr(alert, name) for name in RETOLD}
        | {
            "evidence": dict(evidence),
            "lost_so_far_minor": alert.lost_so_far_minor + round(alert.loss_per_day_minor * elapsed_days),
            "onset_date": alert.onset_date,
            "updated_at": as_of,
        },
        notify=False,
        reason=reason,
    )


def succeeded(alert: Alert, draft: AlertDraft, as_of: datetime, about: Circumstances) -> AlertChange:
    """Let an open alert go on as what its problem has become."""
    changed = change(alert, draft, as_of, about)
    what = f"goes on as the {draft.scope}'s {draft.kind}, before the {alert.scope}'s {alert.kind}"
    # A snooze names the alert as it was called then.
    evidence = {**changed.fields["evidence"], succeed.WAS: [*alert.evidence.get(succeed.WAS, ()), alert.fingerprint]}
    fields = {**changed.fields, **{name: getattr(draft, name) for name in succeed.IDENTITY}, "evidence": evidence}
    return replace(changed, fields=fields, reason=f"{what}: {changed.reason}")


def reopened(alert: Alert, draft: AlertDraft, as_of: datetime, about: Circumstances) -> AlertChange:
    """Open an alert again whose problem came back soon: it is the same one, and those who heard its end are told."""
    ended_at = alert.resolved_at or alert.updated_at
    changed = change(alert, draft, as_of, about)
    why = f"came back {_span(as_of - ended_at)} after it had ended"
    evidence = {**changed.fields["evidence"], TOLD_AGAIN: _told_again(alert, why, as_of)}
    _set(evidence, flap.FACT, flap.again(flap.read(alert.evidence), ended_at, as_of, about.flaps))
    fields = {**changed.fields, "evidence": evidence, "resolved_at": None}
    return AlertChange(alert_id=alert.alert_id, fields=fields, notify=True, reason=why, anew=True, reopens=True)


def _span(time: timedelta) -> str:
    hours = round(time / timedelta(hours=1))
    return f"{round(time / timedelta(minutes=1))} min" if hours < 1 else f"{hours} h"


def _missing(alert: Alert, as_of: datetime, about: Circumstances) -> AlertResolution | AlertChange | str:
    """Decide about an open alert that was not told again: end it, keep it with new facts, or keep it as it is."""
    hold = about.muted.get(alert.fingerprint)
    if alert.fingerprint in about.held:
        why = about.held[alert.fingerprint]
        if hold is None or alert.evidence.get(mute.FACT, {}).get("until_at") == hold.until_at.isoformat():
            return why
        missed = alert.evidence.get(mute.FACT, {}).get("missed", "")
        return carried(alert, {**alert.evidence, mute.FACT: _mark(hold, missed)}, as_of, why, is_lost=True)
    if alert.fingerprint in about.replaced:
        why = about.replaced[alert.fingerprint]
        return AlertResolution(alert_id=alert.alert_id, resolved_at=as_of, notify=False, reason=why)
    before = flap.read(alert.evidence)
    state = flap.away(before, as_of, about.flaps)
    if state is None:
        why = f"{alert.kind} is no longer found"
        return AlertResolution(alert_id=alert.alert_id, resolved_at=as_of, notify=True, reason=why)
    why = "comes and goes: held open until it has stayed away for a day or so"
    if state == before:
        return why
    return carried(alert, {**alert.evidence, flap.FACT: flap.written(state)}, as_of, why, is_lost=False)


def _reason(alert: Alert, decision: str, why: str) -> Reason:
    return on(alert, stage="dedupe", decision=decision, why=why, alert_id=alert.alert_id)


def apply(
    drafts: Sequence[AlertDraft], open_alerts: Sequence[Alert], as_of: datetime, about: Circumstances
) -> tuple[list[AlertDraft], list[AlertChange], list[AlertResolution], list[Reason]]:
    """Compare what is found now with what is open, and with what has lately ended."""
    open_by_fingerprint = {alert.fingerprint: alert for alert in open_alerts}
    insert: list[AlertDraft] = []
    update: list[AlertChange] = []
    resolve: list[AlertResolution] = []
    reasons: list[Reason] = []
    for draft in drafts:
        alert, hold = open_by_fingerprint.pop(draft.fingerprint, None), about.muted.get(draft.fingerprint)
        past = about.recent.get(draft.fingerprint) if alert is None and hold is None else None
        if alert is not None:
            update.append(change(alert, draft, as_of, about))
            reasons.append(_reason(alert, "updated", update[-1].reason))
        elif (heir := about.heirs.get(draft.fingerprint)) is not None:
            del open_by_fingerprint[heir.fingerprint]
            update.append(succeeded(heir, draft, as_of, about))
            reasons.append(_reason(heir, "updated", update[-1].reason))
        elif past is not None:
            update.append(reopened(past, draft, as_of, about))
            reasons.append(_reason(past, "reopened", update[-1].reason))
        elif hold is not None:
            reasons.append(on(draft, stage="mute", decision=HELD, why=hold.why))
        else:
            insert.append(draft)
            why = f"new {draft.kind}, category {draft.category}"
            reasons.append(on(draft, stage="dedupe", decision="raised", why=why))
    for alert in open_by_fingerprint.values():
        done = _missing(alert, as_of, about)
        if isinstance(done, AlertResolution):
            resolve.append(done)
        elif isinstance(done, AlertChange):
            update.append(done)
        word = "resolved" if isinstance(done, AlertResolution) else "kept open"
        why = done if isinstance(done, str) else done.reason
        reasons.append(_reason(alert, word, why))
    return insert, update, resolve, reasons
