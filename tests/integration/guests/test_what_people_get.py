"""Alerts go to Slack's, Twilio's, OpenAI's and a mail server's counterparts: none of them hears of a guest.

The guests are in every payload, in a vendor's refusals, in an alert's evidence and in what a colleague notes.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask, Response, request
from pydantic import SecretStr
from sqlalchemy import text
from werkzeug.serving import make_server

from python_nodes.actions import Wish
from python_nodes.errors import NightporterError
from python_nodes.steps import alert_act, alert_route, alert_tell, alerts_raise, delivery_send, guards_check, poll
from sandbox import receivers_openai, receivers_slack, receivers_smtp, receivers_twilio
from sandbox.inbox import Inbox
from tests.conftest import MigratedDatabase
from tests.integration.guests.conftest import ADA, AS_OF, BO, House, opened, queue
from tests.integration.guests.test_canary import found

ROUTING = """
[teams.all.recipients]
slack = ["#all"]
email = ["ops@example.com"]
sms = ["+351910000001"]

[[routes]]
name = "All of it, by every way"
teams = ["all"]

[default]
teams = ["all"]
"""
ALERT = text(
    "INSERT INTO alerts (fingerprint, scope, listing_id, property_id, market, metric, kind, cause, title, category,"
    " score, currency, impact_minor, loss_per_day_minor, lost_so_far_minor, onset_date, raised_at, updated_at, parts,"
    " evidence) SELECT 'told', 'listing', l.id, u.property_id, 'lisbon', 'availability', 'not_bookable',"
    " 'calendar_closed', 'Calendar closed', 'critical', 90, 'EUR', 100000, 42000, 84000, '2026-03-01', :at, :at, '{}',"
    " cast(:evidence AS jsonb) FROM listings AS l JOIN units AS u ON u.id = l.unit_id ORDER BY l.id LIMIT 1"
    " RETURNING id"
)
SAID = f"Guest: {ADA.given} {ADA.surname}, call {ADA.phone}"
EVIDENCE = {
    "nights": 12, "message": SAID, "detail": f"mail {BO.email}", "guest_name": f"{BO.given} {BO.surname}",
    "remark": f"Mr {BO.surname}, {BO.phone}",
}  # fmt: skip


@dataclass
class Outside:
    """Everybody who is told, on one port and one for mail, and all that they heard as it came."""

    url: str = ""
    smtp_port: int = 0
    inbox: Inbox = field(default_factory=Inbox)
    heard: list[tuple[str, str]] = field(default_factory=list)

    def of(self, path: str) -> list[str]:
        return [body for at, body in self.heard if path in at]

    def mails(self) -> list[str]:
        return [repr(one) for one in self.inbox.emails()]


def now() -> datetime:
    return AS_OF


@pytest.fixture
def outside() -> Iterator[Outside]:
    told, app = Outside(), Flask("outside")
    for one in (receivers_slack, receivers_twilio):
        app.register_blueprint(one.blueprint(told.inbox, now))
    app.register_blueprint(receivers_openai.blueprint(now))

    @app.route("/ota/<path:_>", methods=["GET", "POST"])
    def refuse(_: str) -> Response:
        return Response(f"access refused: {SAID}, {ADA.email}; {BO.given} {BO.surname}", status=401)

    @app.before_request
    def hear() -> None:
        told.heard.append((request.path, request.get_data(as_text=True)))

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    mail = receivers_smtp.start_smtp(told.inbox, now, "127.0.0.1", 0)
    told.url, told.smtp_port = f"http://127.0.0.1:{server.server_port}", mail.port
    yield told
    mail.stop()
    server.shutdown()
    thread.join(timeout=10)


@pytest.fixture
def house(
    database: MigratedDatabase, tenant_id: int, valkey_url: str, tmp_path: Path, outside: Outside
) -> Iterator[House]:  # fmt: skip
    (tmp_path / "routing.toml").write_text(ROUTING)
    with opened(
        database, tenant_id, valkey_url, tmp_path, ota_url=f"{outside.url}/ota", routing_file=tmp_path / "routing.toml",
        slack_token=SecretStr(receivers_slack.TOKEN), slack_base_url=f"{outside.url}/slack/api/",
        smtp_host="127.0.0.1", smtp_port=outside.smtp_port, openai_api_key=SecretStr(receivers_openai.API_KEY),
        openai_base_url=f"{outside.url}/openai/v1", twilio_account_sid=receivers_twilio.ACCOUNT_SID,
        twilio_auth_token=SecretStr(receivers_twilio.AUTH_TOKEN), twilio_base_url=f"{outside.url}/twilio",
        sms_from=receivers_twilio.FROM_NUMBER, sms_to="+351910000001", email_to="ops@example.com",
    ) as made:  # fmt: skip
        yield made


def told_of_all(house: House) -> list[int]:
    """Let guests in by every door, raise what is found of it and one alert that names them, and tell everybody."""
    house.told(queue(ADA, BO))
    for operation in ("health", "reservations", "ari"):
        with pytest.raises(NightporterError):
            poll.run(house.services, house.tenant_id, house.connection_id, operation, AS_OF)
    guards_check.run(house.services, house.tenant_id, AS_OF)
    raised = alerts_raise.run(house.services, house.tenant_id, AS_OF)["notify"]
    with house.services.database.tenant(house.tenant_id) as conn:
        own = int(conn.execute(ALERT, {"at": AS_OF, "evidence": json.dumps(EVIDENCE)}).scalar_one())
    ids = [own, *(one["alert_id"] for one in raised)]
    for alert_id in ids:
        for planned in alert_route.run(house.services, house.tenant_id, alert_id, AS_OF)["send"]:
            delivery_send.run(house.services, house.tenant_id, planned["delivery_id"], AS_OF)
    return ids


def test_nobody_who_is_told_of_an_alert_hears_of_a_guest(house: House, outside: Outside) -> None:
    own, *others = told_of_all(house)
    assert others, "the refused connection is an alert of its own"
    noted = Wish(kind="note", actor="ada", note=f"{SAID}; mail {BO.email}", assignee=None, until_at=None)
    alert_act.run(house.services, house.tenant_id, own, noted, AS_OF + timedelta(minutes=5))
    assert alert_tell.acted(house.services, house.tenant_id) == 1
    for path, least in (("chat.postMessage", 2), ("openai", 1), ("twilio", 1), ("chat.update", 1)):
        assert len(outside.of(path)) >= least, (path, sorted({at for at, _ in outside.heard}))
    assert len(outside.mails()) >= 2
    everything = [body for at, body in outside.heard if not at.startswith("/ota")] + outside.mails()
    assert [found(one) for one in everything if found(one)] == []


def test_the_search_would_find_one(house: House, outside: Outside) -> None:
    """What they heard holds the alert's own words, and the guests' were there to be told."""
    told_of_all(house)
    assert any("Calendar closed" in one for one in outside.of("chat.postMessage"))
    assert any("Calendar closed" in one for one in outside.mails())
    assert "calendar_closed" in "".join(outside.of("openai"))
    with house.services.database.tenant(house.tenant_id) as conn:
        kept = conn.execute(text("SELECT evidence::text FROM alerts WHERE fingerprint = 'told'")).scalar_one()
    assert set(found(kept)) >= {ADA.surname, ADA.phone, BO.email}
