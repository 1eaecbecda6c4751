"""What a message offers to answer, by its sender, and who has answered already."""

from __future__ import annotations

from sqlalchemy import Connection

from python_nodes.actions import Standing, Taken
from python_nodes.alerts import escalate
from python_nodes.domain.findings import Alert
from python_nodes.notify.base import Choice
from python_nodes.notify.render import Answers
from python_nodes.steps import action_link, alert_act
from python_nodes.steps.action_link import ActionLink
from python_nodes.steps.services import Services
from python_nodes.store.deliveries import Delivery
from python_nodes.store.session import current_tenant

LABELS = {"acknowledge": "Acknowledge", "resolve": "Resolved", "false_alarm": "False alarm"}


def offered(services: Services, conn: Connection, delivery: Delivery, alert: Alert) -> Answers:
    """Say what this delivery's message offers, and who takes care of the alert by now."""
    now = alert_act.standing(conn, alert.alert_id)
    return Answers(choices=_choices(services, conn, delivery, now), people=people(now), note=_note(conn, delivery, now))


def sms_numbers(services: Services) -> frozenset[str]:
    """Return the numbers that get alerts, by setting or by the routing file: only they may answer."""
    routed = (number for team in services.policy.teams.values() for number in team.recipients.get("sms", ()))
    return frozenset({*services.answers.sms_numbers, *routed})


def people(now: Standing) -> tuple[str, ...]:
    """Word who acknowledged the alert, has it, and ended it."""
    return tuple(sentence(one) for one in (now.acknowledged, now.assigned, now.closed) if one is not None)


def sentence(taken: Taken) -> str:
    """Word one action."""
    what = {
        "acknowledge": "Acknowledged",
        "assign": f"Assigned to {taken.note}",
        "resolve": "Marked as resolved",
        "verdict": f"Judged: {taken.note},",
    }.get(taken.kind, taken.kind.capitalize())
    return f"{what} by {taken.actor}, {taken.taken_at:%d %b %Y, %H:%M} UTC"


def _note(conn: Connection, delivery: Delivery, now: Standing) -> str:
    """Word what was done, for the thread below the message that is updated because of it."""
    if delivery.step == "resolved":
        return sentence(now.closed) if now.closed is not None else ""
    if delivery.step.startswith(escalate.PREFIX):
        return delivery.reason
    done = alert_act.taken(conn, delivery.alert_id)
    return next((sentence(one) for step, one in done if step == delivery.step), "")


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
