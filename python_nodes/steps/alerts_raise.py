"""Turn what was found into alerts: price each finding, reconcile with what is open, say who must be told."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.alerts import flap, impact, pipeline, silence
from python_nodes.alerts.pipeline import AlertChange, Decisions, PipelineSettings
from python_nodes.domain.findings import Alert, AlertDraft, Anomaly, Silence
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.errors import NotFoundError
from python_nodes.steps import listing_worth, measured_loss, money, news, outlook, rates, repaired, root_cause, snapshot
from python_nodes.steps.services import Services
from python_nodes.store import actions, alerts, anomalies, mutes, portfolio, retelling, turns, undelivered
from python_nodes.store import decisions as decision_store

IN_HISTORY = frozenset({"raised", "updated", "resolved", "reopened"})
"""Decisions that an alert's own history tells."""
HELD_LATELY = timedelta(days=7)
"""What was held back so lately is named when it is told after all."""


def run(services: Services, tenant_id: int, as_of: datetime, *, is_sweep: bool = True) -> dict[str, Any]:
    """Reconcile the current findings with the open alerts, in one transaction with their outbox rows.

    A sweep notes of each open alert that it is still there; whoever looked at a few listings, only what changed.
    """
    with log.stage("alerts_raise", tenant_id=tenant_id) as facts, services.database.tenant(tenant_id) as conn:
        # A sweep and what has just arrived may both find the same; one of them raises it.
        turns.wait(conn, "alerts_raise")
        listings = portfolio.load_listings(conn)
        open_alerts = alerts.open_all(conn)
        found = ongoing(anomalies.current(conn, as_of), open_alerts)
        found = measured_loss.corrected(services, tenant_id, listings, found, as_of)
        closed = actions.verdicts_open(conn)
        recent = alerts.ended_by_themselves(conn, as_of - flap.DEFAULTS.reopen_within, as_of)
        decisions = decide(services, tenant_id, conn, listings, open_alerts, found, as_of, recent, closed)
        decisions = heed_silences(conn, decisions, closed, found, listings, as_of)
        open_alerts += recent
        decisions = outlook.attached(conn, decisions, open_alerts, snapshot.local_day(as_of, listings))
        decisions = root_cause.attached(conn, services, tenant_id, decisions, open_alerts, listings, as_of)
        decisions = money.attached(conn, decisions, as_of)
        decisions = decisions if is_sweep else without_repeats(decisions, open_alerts)
        apply(conn, decisions, as_of)
        repaired.tell(conn, listings, as_of)
        undelivered.release_interrupted(conn, as_of)
        waiting = news.waiting(conn)
        reopened = sum(one.reopens for one in decisions.update)
        changed = {
            "raised": len(decisions.insert) + reopened,
            "updated": len(decisions.update) - reopened,
            "resolved": len(decisions.resolve),
        }
        facts.update(changed, notify=len(waiting))
    return changed | {"notify": waiting}


def ongoing(found: list[Anomaly], open_alerts: list[Alert]) -> list[Anomaly]:
    """Date a finding from when its alert began: a guard sees only the present day."""
    since = {
        (listing_id, alert.kind): alert.onset_date
        for alert in open_alerts
        for listing_id in ([alert.listing_id] if alert.scope == "listing" else alert.evidence.get("listing_ids", ()))
    }
    return [
        replace(one, onset_date=min(one.onset_date, since.get((one.listing_id, one.kind), one.onset_date)))
        for one in found
    ]


def decide(
    services: Services, tenant_id: int, conn: Connection, listings: list[ListingInfo], open_alerts: list[Alert],
    found: list[Anomaly], as_of: datetime, recent: Sequence[Alert], closed: Sequence[Silence],
) -> Decisions:  # fmt: skip
    """Price the findings and run the pipeline."""
    usd_rate = snapshot.minor_rates(services.currency, rates.table(conn), as_of.date())["USD"]
    usd = money.settings(conn, usd_rate, as_of)
    looked_at = min((one.updated_at for one in open_alerts), default=as_of)
    settings = PipelineSettings(
        currency=services.currency, impacts=usd, mutes=tuple(mutes.since(conn, min(looked_at, as_of))),
        recent=tuple(recent), closed=frozenset(one.alert.fingerprint for one in closed),
    )  # fmt: skip
    if not listings:
        return pipeline.reconcile(open_alerts, [], [], [], as_of, settings)
    economics = listing_worth.of_all(services, tenant_id, conn, listings, as_of)
    impacts = impact.assess(found, economics, listings, snapshot.local_day(as_of, listings), usd)
    return pipeline.reconcile(open_alerts, found, impacts, listings, as_of, settings)


def without_repeats(decisions: Decisions, open_alerts: Sequence[Alert]) -> Decisions:
    """Leave out the updates by which an alert would be as it is, but for the moment at which it was last seen."""
    by_id = {one.alert_id: one for one in open_alerts}
    update = [one for one in decisions.update if _says_more(one, by_id[one.alert_id])]
    return replace(decisions, update=tuple(update))


def _says_more(change: AlertChange, alert: Alert) -> bool:
    told = {name: value for name, value in change.fields.items() if name != "updated_at"}
    return change.notify or change.reopens or any(getattr(alert, name) != value for name, value in told.items())


def _why_raised(draft: AlertDraft, held: decision_store.Decision | None) -> str:
    why = f"new {draft.kind}, category {draft.category}"
    return why if held is None else f"{why}; found since {held.first_at:%Y-%m-%d %H:%M} UTC and not told: {held.why}"


def heed_silences(
    conn: Connection, decisions: Decisions, closed: Sequence[Silence], found: list[Anomaly],
    listings: list[ListingInfo], as_of: datetime,
) -> Decisions:  # fmt: skip
    """Raise nothing again that people closed, and end the silences whose finding is gone."""
    kept, ended = silence.apply(decisions, closed, found, listings, as_of)
    for over in ended:
        actions.end_silence(conn, over.alert, over.reason, as_of)
    return kept


def apply(conn: Connection, decisions: Decisions, as_of: datetime) -> None:
    """Write what the pipeline decided; each change keeps its reason, and so does what is not told."""
    before = decision_store.held_lately(conn, [draft.fingerprint for draft in decisions.insert], as_of - HELD_LATELY)
    alerts.insert_all(conn, [(draft, _why_raised(draft, before.get(draft.fingerprint))) for draft in decisions.insert])
    changes = [
        alerts.Change(
            alert_id=one.alert_id, changes=one.fields, reason=one.reason, notify=one.notify, reopens=one.reopens
        )
        for one in decisions.update
    ]
    retelling.begin(conn, [one.alert_id for one in decisions.update if one.anew])
    alerts.update_open(conn, changes, at=as_of)
    decision_store.keep(conn, [one for one in decisions.reasons if one.decision not in IN_HISTORY], as_of)
    for end in decisions.resolve:
        # Whoever closed the alert while this cycle was thinking has the last word.
        with suppress(NotFoundError):
            alerts.resolve(conn, end.alert_id, end.resolved_at, end.reason, notify=end.notify)
