"""Tell people at once what was done about an alert; what cannot be told now stays planned for the next cycle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from python_nodes import log
from python_nodes.errors import NightporterError
from python_nodes.notify.senders import slack
from python_nodes.steps import alert_route, delivery_send, news
from python_nodes.steps.services import Services

MOST_AT_ONCE = 20
"""Alerts that one request tells of: whoever waits for its answer does not wait for a backlog."""


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
