"""Tell people at once what was done about an alert; what cannot be told now stays planned for the next cycle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from python_nodes import log
from python_nodes.errors import NightporterError
from python_nodes.notify.senders import slack
from python_nodes.steps import alert_route, delivery_send
from python_nodes.steps.services import Services


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


def whisper(services: Services, word: Whisper) -> None:
    """Answer one person; a word that cannot be said is not worth a second try."""
    if "slack" not in services.senders:
        return
    try:
        slack.Sender(**services.senders["slack"]).whisper(word.channel, word.user, word.text)
    except NightporterError as error:
        log.get("alert_tell").warning("whisper_lost", reason=str(error))
