"""What a message offers to answer, by its sender, and who has answered already."""

from __future__ import annotations

from sqlalchemy import Connection

from python_nodes import privacy
from python_nodes.actions import MORE, Standing, Taken
from python_nodes.alerts import escalate
from python_nodes.domain import written
from python_nodes.domain.findings import Alert
from python_nodes.domain.said import marked, say
from python_nodes.notify.base import Choice
from python_nodes.notify.render import Answers
from python_nodes.notify.stored import heard
from python_nodes.steps import action_link, alert_act
from python_nodes.steps.action_link import ActionLink
from python_nodes.steps.services import Services
from python_nodes.store import alerts
from python_nodes.store.deliveries import Delivery
from python_nodes.store.session import current_tenant

LABELS = {
    "acknowledge": marked("Acknowledge"), "resolve": marked("Resolved"), "false_alarm": marked("False alarm"),
    MORE: marked("More …"),
}  # fmt: skip
"""What a message offers, and how it is called."""
CHOICES = {
    "acknowledge": marked("Acknowledge: I am on it"),
    "assign": marked("Assign to somebody"),
    "snooze": marked("Snooze: quiet until a moment"),
    "resolve": marked("Resolved: it was mended"),
    "real": marked("Verdict: real problem"),
    "false_alarm": marked("Verdict: false alarm"),
    "expected_event": marked("Verdict: expected event, it was to come"),
    "new_normal": marked("Verdict: new normal, it stays so"),
    "data_problem": marked("Verdict: data problem, the figures are wrong"),
    "note": marked("Note only"),
}
"""What a form offers, and how it is called."""

SENTENCES = {
    "acknowledge": marked("Acknowledged by {actor}, {at}"),
    "assign": marked("Assigned to {note} by {actor}, {at}"),
    "snooze": marked("Snoozed until {note} by {actor}, {at}"),
    "resolve": marked("Marked as resolved by {actor}, {at}"),
    "verdict": marked("Judged: {note}, by {actor}, {at}"),
    "note": marked("Note by {actor}, {at}"),
}
"""What was done, by its kind."""
_CHANGES = {
    "raised": marked("Raised, {at}: {reason}"), "updated": marked("Changed, {at}: {reason}"),
    "resolved": marked("Ended by itself, {at}: {reason}"),
    "reopened": marked("Changed, {at}: {reason}"),
}  # fmt: skip


def offered(services: Services, conn: Connection, delivery: Delivery, alert: Alert) -> Answers:
    """Say what this delivery's message offers, and who takes care of the alert by now."""
    now = alert_act.standing(conn, alert.alert_id)
    is_call = delivery.step.startswith(escalate.PREFIX) or _came_back(conn, delivery)
    return Answers(
        choices=_choices(services, conn, delivery, now), people=people(now), note=_note(conn, delivery, alert, now),
        is_call=is_call,
    )  # fmt: skip


def sms_numbers(services: Services) -> frozenset[str]:
    """Return the numbers that get alerts, by setting or by the routing file: only they may answer."""
    return frozenset({*services.answers.sms_numbers, *services.policy.everyone("sms")})


def people(now: Standing) -> tuple[str, ...]:
    """Word who acknowledged the alert, has it, and ended it."""
    return tuple(sentence(one) for one in (now.acknowledged, now.assigned, now.snoozed, now.closed) if one is not None)


def sentence(taken: Taken) -> str:
    """Word one action, with the note that was left with it; whom a note names as a guest the message does not."""
    template = SENTENCES.get(taken.kind, SENTENCES["note"])
    note = heard(taken.note) if taken.kind in {"snooze", "verdict"} else taken.note
    note = privacy.mask(note) if taken.kind == "verdict" else note
    done = say(template, actor=taken.actor, at=written.moment(taken.taken_at), note=note)
    left = privacy.mask(taken.note) if taken.kind in {"acknowledge", "resolve", "note"} else ""
    return f"{done}: {left}" if left else done


def _note(conn: Connection, delivery: Delivery, alert: Alert, now: Standing) -> str:
    """Word what has happened, for the thread below the message that is updated because of it."""
    if delivery.step == "resolved" and now.closed is not None:
        return sentence(now.closed)
    if delivery.step.startswith(escalate.PREFIX):
        return heard(delivery.reason)
    done = alert_act.taken(conn, delivery.alert_id)
    acted = next((sentence(one) for step, one in done if step == delivery.step), None)
    return _changed(conn, alert, now) if acted is None else acted


def _came_back(conn: Connection, delivery: Delivery) -> bool:
    """Tell whether a delivery says that a problem is back of which people had heard the end."""
    last = _last_change(conn, delivery.alert_id)
    return delivery.step.startswith("raised") and last is not None and last.event == alerts.REOPENED


def _last_change(conn: Connection, alert_id: int) -> alerts.AlertEvent | None:
    return next((one for one in reversed(alerts.history(conn, alert_id)) if one.event in _CHANGES), None)


def _changed(conn: Connection, alert: Alert, now: Standing) -> str:
    """Word the last change of the alert itself: that it ended, or grew; who ended it says so in a word of its own."""
    last = _last_change(conn, alert.alert_id)
    if last is None or last.event == "raised" or (last.event == "resolved" and now.closed is not None):
        return ""
    return say(_CHANGES[last.event], at=written.moment(last.at), reason=heard(last.reason))


def _choices(services: Services, conn: Connection, delivery: Delivery, now: Standing) -> tuple[Choice, ...]:
    names = [name for name in LABELS if name != "acknowledge" or now.acknowledged is None]
    if delivery.sender == "email":
        tenant_id = current_tenant(conn)
        return tuple(
            Choice(name=name, label=say(LABELS[name]), url=action_link.url(services, ActionLink(
                tenant_id=tenant_id, alert_id=delivery.alert_id, choice=name, recipient=delivery.recipient,
            )))
            for name in names
        )  # fmt: skip
    is_open = {
        "slack": services.answers.slack_signing_secret is not None,
        "sms": delivery.recipient in sms_numbers(services),
    }
    return tuple(Choice(name=name, label=say(LABELS[name])) for name in names) if is_open.get(delivery.sender) else ()
