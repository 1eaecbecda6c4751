"""Alerts that are told to a real HTTP counterpart of Slack, for tests of how they are told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from flask import Flask
from sqlalchemy import Connection, text
from werkzeug.serving import make_server

from python_nodes.actions import Wish
from python_nodes.alerts import routing_file
from python_nodes.steps import alert_act, alert_tell
from python_nodes.steps.services import Services
from python_nodes.store import actions, alerts, outbox
from sandbox import receivers_slack
from sandbox.inbox import Inbox

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHANNEL = "C0TELLING01"
CHART = {
    "days": ["2026-03-01", "2026-03-02"], **{name: [1.0, 2.0] for name in ("observed", "expected", "lower", "upper")},
}  # fmt: skip
ALERT = text(
    "INSERT INTO alerts (fingerprint, scope, market, metric, kind, cause, title, category, score, currency,"
    " impact_minor, loss_per_day_minor, lost_so_far_minor, onset_date, raised_at, updated_at, version, parts, evidence)"
    " VALUES (:fingerprint, 'market', 'Lisbon', 'search_rank', 'rank_drop', 'rank_drop', 'Rank fell', 'high', 90,"
    " 'EUR', 1, 1, 1, '2026-03-01', :at, :at, 3, '{}', cast(:evidence AS jsonb)) RETURNING id"
)
ROUTING = f"""
[teams.ops.recipients]
slack = "{CHANNEL}"
[default]
teams = ["ops"]
"""


class Case:
    """Alerts of the worker's tenant, each with its message at Slack's counterpart."""

    def __init__(self, services: Services, tenant_id: int, inbox: Inbox) -> None:
        self.services, self.tenant_id, self.inbox = services, tenant_id, inbox

    @contextmanager
    def conn(self) -> Iterator[Connection]:
        with self.services.database.tenant(self.tenant_id) as conn:
            yield conn

    def alert(self, *, is_told: bool = True, chart: dict[str, Any] | None = None) -> int:
        evidence = json.dumps({"chart": chart or CHART})
        with self.conn() as conn:
            told = {"fingerprint": uuid4().hex, "at": NOON, "evidence": evidence}
            alert_id = int(conn.execute(ALERT, told).scalar_one())
            outbox.add(conn, alerts.NOTIFY, str(alert_id), 1, {})
        if is_told:
            assert alert_tell.run(self.services, self.tenant_id, alert_id, NOON) == 1
        return alert_id

    def act(self, alert_id: int, kind: Any, **more: Any) -> alert_act.Acted:
        wish = Wish(kind=kind, actor=more.pop("actor", "ada"), **more)
        return alert_act.run(self.services, self.tenant_id, alert_id, wish, NOON + timedelta(minutes=5))

    def acted(self) -> int:
        return alert_tell.acted(self.services, self.tenant_id)

    def left(self) -> list[int]:
        with self.conn() as conn:
            return [int(row.entity) for row in outbox.pending(conn, actions.ACTED)]

    def messages(self, alert_id: int) -> list[Any]:
        mark = f"alert {alert_id} "
        return [m for m in self.inbox.slack() if not m.thread_ts and mark in json.dumps(m.blocks)]

    def thread(self, ts: str) -> list[str]:
        return [m.text for m in reversed(self.inbox.slack()) if m.thread_ts == ts]

    def rows(self, query: str, **told: Any) -> list[tuple[Any, ...]]:
        with self.conn() as conn:
            return [tuple(row) for row in conn.execute(text(query), told)]


@contextmanager
def telling(
    worker: Worker, folder: Path, at_door: Callable[[], None] = lambda: None, **settings: Any
) -> Iterator[Case]:
    """Start Slack's counterpart; ``at_door`` is called with each request before it is looked at."""
    inbox, app = Inbox(), Flask("slack")
    app.before_request(at_door)
    app.register_blueprint(receivers_slack.blueprint(inbox, lambda: NOON))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    (folder / "routing.toml").write_text(ROUTING)
    services = replace(
        worker.services,
        policy=routing_file.load(folder / "routing.toml", ("slack", "email", "sms"), {}),
        senders={"slack": {
            "token": receivers_slack.TOKEN, "base_url": f"http://127.0.0.1:{server.server_port}/slack/api/",
            "chart_wait_s": 0.01, **settings,
        }},
    )  # fmt: skip
    yield Case(services, worker.settings.tenant_id, inbox)
    with services.database.tenant(worker.settings.tenant_id) as conn:
        outbox.mark_done(conn, [row.outbox_id for row in outbox.pending(conn, actions.ACTED)], NOON)
    server.shutdown()
    thread.join(timeout=10)
