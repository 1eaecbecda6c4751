"""Plan who is told next of alerts that nobody has taken care of; asked each minute, it plans each telling once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from python_nodes import log
from python_nodes.alerts import dedupe, escalate, mute, route
from python_nodes.alerts.chains import IfMoreThan
from python_nodes.alerts.escalate import Advanced, Seen
from python_nodes.alerts.policy import RoutePolicy, Rule, Subject
from python_nodes.domain.escalations import Progress
from python_nodes.domain.findings import Alert
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.steps import places
from python_nodes.steps.services import Services
from python_nodes.store import alerts, escalations, mutes, portfolio, waiting

Places = Callable[[Alert], Sequence[ListingInfo]]


def run(services: Services, tenant_id: int, as_of: datetime) -> dict[str, Any]:
    """Plan what is due and name the alerts to be told; one whose telling failed is named again each time."""
    with log.stage("escalations_due", tenant_id=tenant_id) as facts, services.database.tenant(tenant_id) as conn:
        counts = carry_out(conn, services.policy, as_of)
        told = waiting.unsent(conn, escalate.PREFIX)
        facts.update(counts, notify=len(told))
    return counts | {"notify": [{"alert_id": alert_id} for alert_id in told]}


def carry_out(conn: Connection, policy: RoutePolicy, as_of: datetime) -> dict[str, int]:
    """Do all that is due within one transaction: whoever dies before its end has neither moved on nor planned."""
    where = _places(conn)
    _enter(conn, policy, escalations.changed(conn, policy.edition, as_of) if policy.escalations else [], where, as_of)
    checked = escalations.running(conn)
    done = _advance(conn, policy, escalations.take_due(conn, as_of), where, as_of)
    _store(conn, done, as_of)
    return {"checked": checked, "due": sum(len(one.send) for _, one in done)}


def _places(conn: Connection) -> Places:
    """Tell which listings an alert is about; the portfolio is read at the first question, once for all."""
    index: list[Places] = []

    def of(alert: Alert) -> Sequence[ListingInfo]:
        if not index:
            index.append(places.index(portfolio.load_listings(conn)))
        return index[0](alert)

    return of


def _enter(
    conn: Connection, policy: RoutePolicy, fresh: Sequence[Alert], where: Places, as_of: datetime
) -> None:  # fmt: skip
    """Begin the escalations that match what is new or changed; go on with those that match again."""
    before = escalations.of_alerts(conn, [one.alert_id for one in fresh], lock=True) if fresh else {}
    reopened = alerts.reopened(conn, [one.alert_id for one in fresh if dedupe.TOLD_AGAIN in one.evidence])
    begun: list[tuple[int, Progress]] = []
    moved: list[tuple[int, Progress]] = []
    for alert in fresh:
        about, opened_at = route.subject(alert, where(alert)), reopened.get(alert.alert_id)
        known = {one.escalation: one for one in before.get(alert.alert_id, ())}
        for escalation in policy.escalations:
            if route.mismatch(about, escalation.rule) is not None:
                continue
            found = known.get(escalation.rule.name)
            if found is None:
                begun.append((alert.alert_id, escalate.begin(escalation, about, opened_at)))
                continue
            again = escalate.taken_up(found, escalation, as_of, opened_at)
            if again is not found:
                moved.append((alert.alert_id, again))
    escalations.begin(conn, begun)
    escalations.save(conn, moved, as_of)
    escalations.looked(conn, fresh, policy.edition)


def _advance(
    conn: Connection, policy: RoutePolicy, due: Sequence[tuple[Alert, Progress]], where: Places, as_of: datetime
) -> list[tuple[Alert, Advanced]]:  # fmt: skip
    if not due:
        return []
    taken = waiting.in_hand(conn, {alert.alert_id for alert, _ in due}, as_of)
    holds = mute.holding(mutes.active(conn, as_of), as_of)
    count = _counter(conn, policy, where, as_of)
    found = []
    for alert, progress in due:
        taken_at, hold = taken.get(alert.alert_id), mute.of_alert(alert, holds)
        seen = Seen(
            in_hand=taken_at is not None and taken_at >= progress.began_at,
            muted_until=hold.until_at if hold is not None else None,
            raised_within=count,
        )
        found.append((alert, escalate.advance(progress, route.subject(alert, where(alert)), policy, seen, as_of)))
    return found


def _store(conn: Connection, done: Sequence[tuple[Alert, Advanced]], as_of: datetime) -> None:
    """Move on and plan."""
    escalations.save(conn, [(alert.alert_id, one.progress) for alert, one in done], as_of)
    waiting.plan_all(conn, [(alert.alert_id, "planned", one.send) for alert, one in done], as_of)
    waiting.plan_all(conn, [(alert.alert_id, "suppressed", one.suppressed) for alert, one in done], as_of)
    told = [(alert, f"{one.progress.escalation}: {'; '.join(one.why)}") for alert, one in done]
    escalations.note(conn, told, as_of)


def _counter(
    conn: Connection, policy: RoutePolicy, where: Places, as_of: datetime
) -> Callable[[Rule, timedelta], int]:  # fmt: skip
    """Count the alerts that a rule matches; they are read at the first question, once for all."""
    longest = max(
        (step.span for chain in policy.chains.values() for step in chain.steps if isinstance(step, IfMoreThan)),
        default=timedelta(),
    )
    read: list[list[Subject]] = []

    def count(rule: Rule, span: timedelta) -> int:
        if not read:
            recent = waiting.raised_since(conn, as_of - longest, as_of)
            read.append([route.subject(one, where(one)) for one in recent])
        return sum(1 for one in read[0] if one.raised_at > as_of - span and route.mismatch(one, rule) is None)

    return count
