"""Tell people at once what was done about an alert; what cannot be told now stays planned for the next cycle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from python_nodes import log
from python_nodes.errors import NightporterError
from python_nodes.notify.senders import slack
from python_nodes.steps import alert_route, delivery_send, news
from python_nodes.steps.services import Services
from python_nodes.store import actions, outbox

MOST_AT_ONCE = 20
"""Alerts that one request tells of: whoever waits for its answer does not wait for a backlog."""


MOST_A_JOB, A_HANDFUL = 60, 20
"""Alerts that one job tells of before others have their turn, and those that it takes at one time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whisper:
    """A word for one person in one Slack channel."""

    channel: str
    user: str
    text: str


def run(services: Services, tenant_id: int, alert_id: int, as_of: datetime) -> int:
    """Send everything that is due on one alert; returns how much was sent."""
    sent = 0
    for one in alert_route.run(services, tenant_id, alert_id, as_of)["send"]:
        try:
            delivery_send.run(services, tenant_id, one["delivery_id"], as_of)
            sent += 1
        except NightporterError as error:
            log.get("alert_tell").warning("delivery_waits", delivery_id=one["delivery_id"], reason=str(error))
    return sent


def acted(services: Services, tenant_id: int) -> int:
    """Show on messages what people did about alerts, the first first; returns how many alerts were looked at.

    Several actions on one alert are told at one time. What a process held when it died is free for the next.
    """
    seen = 0
    while seen < MOST_A_JOB:
        with services.database.tenant(tenant_id) as held:
            rows = outbox.take(held, actions.ACTED, limit=A_HANDFUL)
            for alert_id, as_of in {int(row.entity): row.payload["as_of"] for row in rows}.items():
                _try(services, tenant_id, alert_id, datetime.fromisoformat(as_of))
                seen += 1
            outbox.mark_done(held, [row.outbox_id for row in rows], services.clock())
        if len(rows) < A_HANDFUL:
            return min(seen, MOST_A_JOB - 1)
    return MOST_A_JOB


def is_left(services: Services, tenant_id: int) -> bool:
    """Return whether something was done about an alert that no job has looked at yet."""
    with services.database.tenant(tenant_id) as conn:
        return bool(outbox.pending(conn, actions.ACTED, limit=1))


def _try(services: Services, tenant_id: int, alert_id: int, as_of: datetime) -> None:
    try:
        run(services, tenant_id, alert_id, as_of)
    except Exception as error:
        # What is wrong with one alert must not keep the others from being told; its messages stay planned.
        log.get("alert_tell").error("alert_waits", alert_id=alert_id, reason=type(error).__name__, exc_info=error)


def waiting(services: Services, tenant_id: int) -> frozenset[int]:
    """Return the alerts that wait to be told: the flows' to tell, whatever comes now."""
    with services.database.tenant(tenant_id) as conn:
        return frozenset(one["alert_id"] for one in news.waiting(conn))


def fresh(services: Services, tenant_id: int, before: frozenset[int], as_of: datetime) -> int:
    """Send what is due on the alerts that have come to wait since ``before``; returns how much was sent."""
    came = sorted(waiting(services, tenant_id) - before)
    return sum(run(services, tenant_id, alert_id, as_of) for alert_id in came[:MOST_AT_ONCE])


def whisper(services: Services, word: Whisper) -> None:
    """Answer one person; a word that cannot be said is not worth a second try."""
    if "slack" not in services.senders:
        return
    try:
        slack.Sender(**services.senders["slack"]).whisper(word.channel, word.user, word.text)
    except NightporterError as error:
        log.get("alert_tell").warning("whisper_lost", reason=str(error))
