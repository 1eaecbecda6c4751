"""One alert to two people: each reads it in the language that the routing file names."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from python_nodes.alerts import routing_file
from python_nodes.domain.findings import Anomaly
from python_nodes.steps import action_link, action_page, alert_route, alerts_raise, delivery_send
from python_nodes.steps.action_link import ActionLink
from python_nodes.store import anomalies
from python_nodes.store import portfolio as portfolio_store

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

NOON = datetime(2026, 4, 17, 12, tzinfo=UTC)
FILE = """
languages = { "ada@example.test" = "en_US" }
[teams.haus]
language = "de"
recipients = { email = ["otto@example.test", "ada@example.test"] }
[[routes]]
name = "all"
teams = ["haus"]
[default]
"""


class Mailbox:
    """Keeps what it is sent, by recipient."""

    def __init__(self) -> None:
        self.mails: dict[str, EmailMessage] = {}

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        told = message_from_bytes(envelope.content or b"", policy=policy.default)
        assert isinstance(told, EmailMessage)
        self.mails[envelope.rcpt_tos[0]] = told
        return "250 OK"

    def text(self, recipient: str) -> str:
        part = self.mails[recipient].get_body(("plain",))
        assert part is not None
        return str(part.get_content()).replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()


def found(worker: Worker, rooms: tuple[int, ...], at: datetime) -> None:
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        ids = [one.listing_id for one in portfolio_store.load_listings(conn)]
        anomalies.replace(conn, at, "guards", [
            Anomaly(
                listing_id=ids[room], kind="min_stay_raised", metric="availability", onset_date=date(2026, 4, 17),
                observed=5.0, expected=2.0, lower=None, upper=None, p_value=None, share_lost=0.4, confidence=0.9,
                cause="min_stay_raised", direction="up",
                evidence={"nights": ["2026-05-01", "2026-05-02"], "min_stay_nights": 5, "usual_min_stay_nights": 2},
            )
            for room in rooms
        ])  # fmt: skip


def test_each_reads_it_in_their_own_language(
    worker: Worker, portfolio: dict[str, Any], tmp_path: Path, mailbox: tuple[Mailbox, int]
) -> None:
    assert worker.post("/v1/portfolio", portfolio).status_code == 200
    box, port = mailbox
    file, tenant = tmp_path / "routing.toml", worker.settings.tenant_id
    file.write_text(FILE)
    settings = {"host": "127.0.0.1", "port": port, "from_address": "porter@example.test", "tls": "none"}
    services = replace(
        worker.services, policy=routing_file.load(file, ("email",), {}), senders={"email": settings}, openai=None
    )
    found(worker, (0,), NOON)
    alerts_raise.run(services, tenant, NOON)
    (alert,) = worker.client.get("/v1/alerts", params={"state": "open"}).json()["alerts"]
    for one in alert_route.run(services, tenant, alert["id"], NOON)["send"]:
        assert delivery_send.run(services, tenant, one["delivery_id"], NOON)["status"] == "sent"

    german, english = box.text("otto@example.test"), box.text("ada@example.test")
    assert "Mindestaufenthalt auf Booking.com erhöht" in german
    assert "Nächte: 1. Mai 2026, 2. Mai 2026" in german
    assert "Den Mindestaufenthalt dieser Nächte zurückstellen" in german
    assert "Minimum stay raised on Booking.com" in english
    assert "Nights: May 1, 2026, May 2, 2026" in english
    assert alert["title"] in english, "what is stored is English, and what English readers get"
    assert "Mindest" in str(box.mails["otto@example.test"]["Subject"])

    link = ActionLink(
        tenant_id=tenant, alert_id=alert["id"], choice="acknowledge", recipient="otto@example.test"
    )  # fmt: skip
    token = action_link.url(services, link).partition("token=")[2]
    view = action_page.question(services, token)
    assert (view.button, view.speech.tag) == ("Bestätigen", "de")
    acted, view = action_page.answer(services, token, {}, NOON)
    assert (acted.word, view.people[0].split(",")[0]) == (
        "Bestätigt.", "Bestätigt von otto@example.test (e-mail)"
    )  # fmt: skip
    assert action_page.refused(services, token, "why").title == "Es wurde nichts geändert"
    assert action_page.refused(services, "forged", "why").title == "Nothing was changed"
    found(worker, (), NOON + timedelta(days=1))
    alerts_raise.run(services, tenant, NOON + timedelta(days=1))
