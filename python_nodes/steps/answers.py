"""What a message offers to answer, by its sender, and who has answered already."""

from __future__ import annotations

from sqlalchemy import Connection

from python_nodes.actions import MORE, Standing, Taken
from python_nodes.alerts import escalate
from python_nodes.domain.findings import Alert
from python_nodes.notify.base import Choice
from python_nodes.notify.render import Answers
from python_nodes.steps import action_link, alert_act
from python_nodes.steps.action_link import ActionLink
from python_nodes.steps.services import Services
from python_nodes.store import alerts
from python_nodes.store.deliveries import Delivery
from python_nodes.store.session import current_tenant

LABELS = {
    "acknowledge": "Acknowledge", "resolve": "Resolved", "false_alarm": "False alarm", MORE: "More …",
}  # fmt: skip
"""What a message offers, and how it is called."""
CHOICES = {
    "acknowledge": "Acknowledge: I am on it",
    "assign": "Assign to somebody",
    "snooze": "Snooze: quiet until a moment",
    "resolve": "Resolved: it was mended",
    "real": "Verdict: real problem",
    "false_alarm": "Verdict: false alarm",
    "expected_event": "Verdict: expected event, it was to come",
    "new_normal": "Verdict: new normal, it stays so",
    "data_problem": "Verdict: data problem, the figures are wrong",
    "note": "Note only",
}
"""What a form offers, and how it is called."""

_CHANGES = {"raised": "Raised", "updated": "Changed", "resolved": "Ended by itself"}


def offered(services: Services, conn: Connection, delivery: Delivery, alert: Alert) -> Answers:
    """Say what this delivery's message offers, and who takes care of the alert by now."""
    now = alert_act.standing(conn, alert.alert_id)
    note = _note(conn, delivery, alert, now)
    return Answers(choices=_choices(services, conn, delivery, now), people=people(now), note=note)


def sms_numbers(services: Services) -> frozenset[str]:
    """Return the numbers that get alerts, by setting or by the routing file: only they may answer."""
    return frozenset({*services.answers.sms_numbers, *services.policy.everyone("sms")})


def people(now: Standing) -> tuple[str, ...]:
    """Word who acknowledged the alert, has it, and ended it."""
    return tuple(sentence(one) for one in (now.acknowledged, now.assigned, now.snoozed, now.closed) if one is not None)


def sentence(taken: Taken) -> str:
    """Word one action, with the note that was left with it."""
    what = {
        "acknowledge": "Acknowledged",
        "assign": f"Assigned to {taken.note}",
        "snooze": f"Snoozed until {taken.note}",
        "resolve": "Marked as resolved",
        "verdict": f"Judged: {taken.note},",
    }.get(taken.kind, taken.kind.capitalize())
    left = f": {taken.note}" if taken.note and taken.kind in {"acknowledge", "resolve", "note"} else ""
    return f"{what} by {taken.actor}, {taken.taken_at:%d %b %Y, %H:%M} UTC{left}"


def _note(conn: Connection, delivery: Delivery, alert: Alert, now: Standing) -> str:
    """Word what has happened, for the thread below the message that is updated because of it."""
    if delivery.step == "resolved" and now.closed is not None:
        return sentence(now.closed)
    if delivery.step.startswith(escalate.PREFIX):
        return delivery.reason
    done = alert_act.taken(conn, delivery.alert_id)
    acted = next((sentence(one) for step, one in done if step == delivery.step), None)
    return _changed(conn, alert) if acted is None else acted


def _changed(conn: Connection, alert: Alert) -> str:
    """Word the last change of the alert itself: that it ended, or grew."""
    last = next((one for one in reversed(alerts.history(conn, alert.alert_id)) if one.event in _CHANGES), None)
    if last is None or last.event == "raised":
        return ""
    return f"{_CHANGES[last.event]}, {last.at:%d %b %Y, %H:%M} UTC: {last.reason}"


def _choices(services: Services, conn: Connection, delivery: Delivery, now: Standing) -> tuple[Choice, ...]:
    names = [name for name in LABELS if name != "acknowledge" or now.acknowledged is None]
    if delivery.sender == "email":
        tenant_id = current_tenant(conn)
        return tuple(
            Choice(name=name, label=LABELS[name], url=action_link.url(services, ActionLink(
                tenant_id=tenant_id, alert_id=delivery.alert_id, choice=name, recipient=delivery.recipient,
            )))
            for name in names
        )  # fmt: skip
    is_open = {
        "slack": services.answers.slack_signing_secret is not None,
        "sms": delivery.recipient in sms_numbers(services),
    }
    return tuple(Choice(name=name, label=LABELS[name]) for name in names) if is_open.get(delivery.sender) else ()
