"""The day's summary over the real worker and a real SMTP server: written once a day, sent once a recipient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import Connection

from python_nodes.alerts import routing_file
from python_nodes.errors import PermanentError, RetryableError
from python_nodes.local import processes
from python_nodes.steps import digest
from python_nodes.steps.services import Services
from python_nodes.store import digests, sends, under_way

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

MORNING = datetime(2026, 3, 3, 7, tzinfo=UTC)
FILE = """
[teams.ops.recipients]
email = ["a@example.test", "b@example.test"]
slack = ["C1"]
[digest]
teams = ["ops"]
senders = ["email"]
[default]
teams = []
"""


class Mailbox:
    """Keeps what arrives; refuses for now while it is ``full``."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []
        self.full = False

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take one mail."""
        if self.full:
            return "452 later"
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.extend((name, content.decode()) for name in envelope.rcpt_tos)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    port = processes.free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()


@pytest.fixture
def services(worker: Worker, mailbox: tuple[Mailbox, int], tmp_path: Path) -> Services:
    path = tmp_path / "routing.toml"
    path.write_text(FILE)
    policy = routing_file.load(path, ("slack", "email", "sms"), {})
    settings = {"host": "127.0.0.1", "port": mailbox[1], "from_address": "np@example.test", "tls": "none"}
    return replace(worker.services, policy=policy, senders={"email": settings})


def test_each_recipient_gets_a_days_digest_once(
    services: Services, worker: Worker, mailbox: tuple[Mailbox, int]
) -> None:
    tenant_id, (box, _) = worker.settings.tenant_id, mailbox
    first = digest.write(services, tenant_id, MORNING)["send"]
    assert [(one["sender"], one["recipient"]) for one in first] == [
        ("email", "a@example.test"), ("email", "b@example.test"),
    ]  # fmt: skip
    assert digest.write(services, tenant_id, MORNING)["send"] == first, "asked again, the same two wait"
    for one in first + first:
        assert digest.send(services, tenant_id, one["digest_id"])["status"] == "sent"
    assert [name for name, _ in box.mails] == ["a@example.test", "b@example.test"]
    assert "Daily digest, 3 Mar 2026" in box.mails[0][1]
    assert digest.write(services, tenant_id, MORNING)["send"] == []
    assert len(digest.write(services, tenant_id, MORNING.replace(day=4))["send"]) == 2


def test_what_could_not_be_sent_is_tried_again_as_a_retry(
    services: Services, worker: Worker, mailbox: tuple[Mailbox, int]
) -> None:
    tenant_id, (box, _) = worker.settings.tenant_id, mailbox
    one = digest.write(services, tenant_id, MORNING.replace(day=5))["send"][0]["digest_id"]
    box.full = True
    with pytest.raises(RetryableError):
        digest.send(services, tenant_id, one)
    box.full = False
    assert digest.send(services, tenant_id, one)["status"] == "sent"
    with services.database.tenant(tenant_id) as conn:
        assert sends.begin(conn, one, digests.TYPES.values(), "digest").attempts == 2
    assert len(box.mails) == 1


def test_of_two_sends_at_once_one_waits(services: Services, worker: Worker, mailbox: tuple[Mailbox, int]) -> None:
    tenant_id = worker.settings.tenant_id
    one = digest.write(services, tenant_id, MORNING.replace(day=6))["send"][0]["digest_id"]
    with services.database.tenant(tenant_id) as other:
        assert sends.hold(other, one)
        with pytest.raises(RetryableError, match="being sent"):
            digest.send(services, tenant_id, one)
    assert mailbox[0].mails == []


def test_one_that_may_still_arrive_is_waited_for_and_an_older_attempt_leaves_no_more(
    services: Services, worker: Worker, mailbox: tuple[Mailbox, int]
) -> None:
    tenant_id = worker.settings.tenant_id
    one = digest.write(services, tenant_id, MORNING.replace(day=11))["send"][0]["digest_id"]

    def begin(conn: Connection) -> sends.Send:
        return sends.begin(conn, one, digests.TYPES.values(), "digest")

    with services.database.tenant(tenant_id) as conn:
        dead = begin(conn)
        sends.leaves(conn, dead, 30.0)
    with pytest.raises(RetryableError, match="may still arrive") as refused:
        digest.send(services, tenant_id, one)
    assert 0 < (refused.value.retry_after_s or 0) <= 30
    with services.database.tenant(tenant_id) as conn:
        sends.leaves(conn, dead, 100_000.0)
    with pytest.raises(RetryableError, match="may still arrive") as refused:
        digest.send(services, tenant_id, one)
    assert 30 < (refused.value.retry_after_s or 0) <= under_way.MOST_S, "a patient sender is waited for, not for ever"
    with services.database.tenant(tenant_id) as conn:
        sends.settled(conn, dead)
        sends.leaves(conn, begin(conn), 0.0)
        with pytest.raises(RetryableError, match="taken up by another"):
            sends.leaves(conn, dead, 30.0)
    assert mailbox[0].mails == []
    assert digest.send(services, tenant_id, one)["status"] == "sent"
    assert len(mailbox[0].mails) == 1


def test_a_sender_that_is_gone_is_a_failure_by_name(services: Services, worker: Worker) -> None:
    tenant_id = worker.settings.tenant_id
    one = digest.write(services, tenant_id, MORNING.replace(day=7))["send"][0]["digest_id"]
    with pytest.raises(PermanentError, match="sender email is not set up"):
        digest.send(replace(services, senders={}), tenant_id, one)


def test_a_week_is_told_once_beside_the_day_and_on_its_weekday_only(
    services: Services, worker: Worker, mailbox: tuple[Mailbox, int]
) -> None:
    tenant_id, (box, _) = worker.settings.tenant_id, mailbox
    tuesday, monday = MORNING.replace(day=10), MORNING.replace(day=9)
    assert digest.write(services, tenant_id, tuesday, "week", if_due=True)["send"] == []
    weekly = digest.write(services, tenant_id, monday, "week", if_due=True)["send"]
    daily = digest.write(services, tenant_id, monday)["send"]
    assert len(weekly) == len(daily) == 2
    assert {one["digest_id"] for one in weekly}.isdisjoint({one["digest_id"] for one in daily})
    for one in weekly + weekly:
        digest.send(services, tenant_id, one["digest_id"])
    assert [name for name, _ in box.mails] == ["a@example.test", "b@example.test"]
    assert "Weekly digest, 9 Mar 2026" in box.mails[0][1]
    assert digest.write(services, tenant_id, monday, "week")["send"] == []


def test_over_http_nobody_to_tell_is_an_answer_and_an_unknown_digest_is_404(worker: Worker) -> None:
    written = worker.post("/v1/digest", {"as_of": "2026-03-08T07:00:00Z"})
    assert (written.status_code, written.json()["send"]) == (200, [])
    assert worker.post("/v1/digest/99999999/send").status_code == 404
