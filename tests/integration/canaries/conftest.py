"""A worker and its jobs with a canary wherever a setting holds a secret, among servers that refuse them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from aiosmtpd.controller import Controller
from cryptography.fernet import Fernet
from pytest_httpserver import HTTPServer

from python_nodes.local import processes
from python_nodes.local.state import CHECKOUT
from python_nodes.store import apikeys, migrate
from python_nodes.store.session import Database, engine_for
from tests.integration.telemetry.conftest import READY_S, Receiver, receiver

__all__ = ["receiver"]
AS_OF = "2026-03-02T12:00:00Z"
ROUTING = """
[teams.all.recipients]
slack = ["#all"]
email = ["ops@example.com"]
sms = ["+15005550006"]

[[routes]]
name = "All of it, by every way"
teams = ["all"]

[default]
teams = ["all"]
"""


def canary(name: str) -> str:
    """A word that occurs nowhere by chance."""
    return f"cnry-{name}-{uuid4().hex}"


@dataclass
class Cage:
    """The canaries by the place that each was put, the running system, and what it answered."""

    birds: dict[str, str]
    client: httpx2.Client
    root_url: str
    redis_url: str
    folder: Path
    tenant_id: int
    answers: list[str] = field(default_factory=list)

    def call(self, method: str, path: str, **told: Any) -> httpx2.Response:
        answer = self.client.request(method, path, **told)
        self.answers.append(f"{answer.headers}\n{answer.text}")
        return answer

    def post(self, path: str, body: Any = None, **told: Any) -> httpx2.Response:
        return self.call("POST", path, json=body if body is not None else {"as_of": AS_OF}, **told)


@pytest.fixture(scope="module")
def vendors(make_httpserver: HTTPServer) -> HTTPServer:
    return make_httpserver


def _birds() -> dict[str, str]:
    named = (
        "database password", "slack token", "slack signing secret", "twilio token", "smtp password", "openai key",
        "news secret", "otlp header", "archive key", "client secret", "refresh token", "eqc password",
        "webhook secret", "ical link", "jwt", "guest",
    )  # fmt: skip
    keys = {one: Fernet.generate_key().decode() for one in ("secret key", "old secret key")}
    return {one: canary(one.replace(" ", "-")) for one in named} | keys


def _settings(birds: Mapping[str, str], folder: Path, url: str) -> dict[str, str]:
    """Every setting that holds a secret, and addresses at which it is refused."""
    return {
        "SECRET_KEY": f"{birds['secret key']},{birds['old secret key']}", "RAW_ROOT": str(folder / "raw"),
        "REGION": f"r{uuid4().hex[:8]}", "RETRY_ATTEMPTS": "1", "HTTP_READ_TIMEOUT_S": "1", "LOG_LEVEL": "DEBUG",
        "ROUTING_FILE": str(folder / "routing.toml"), "WEBHOOK_NETWORKS": "127.0.0.0/8",
        "SLACK_TOKEN": birds["slack token"], "SLACK_BASE_URL": f"{url}/slack/",
        "SLACK_SIGNING_SECRET": birds["slack signing secret"], "OTLP_HEADERS": f"x-key={birds['otlp header']}",
        "TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": birds["twilio token"], "TWILIO_BASE_URL": f"{url}/twilio",
        "SMS_FROM": "+15005550001", "SMTP_HOST": "127.0.0.1", "SMTP_TLS": "starttls",
        "SMTP_USERNAME": "ops", "SMTP_PASSWORD": birds["smtp password"], "OPENAI_API_KEY": birds["openai key"],
        "OPENAI_BASE_URL": f"{url}/openai/v1", "NEWS_URL": f"{url}/news", "NEWS_SECRET": birds["news secret"],
        "ARCHIVE_SECRET_KEY": birds["archive key"], "ARCHIVE_ACCESS_KEY": "k",
    }  # fmt: skip


@pytest.fixture(scope="module")
def mail_port() -> Iterator[int]:
    """Take mail without encryption, so that the password is kept back and each mail fails."""
    mail = Controller(object(), hostname="127.0.0.1", port=processes.free_port())
    mail.start()
    yield mail.port
    mail.stop()


@pytest.fixture(scope="module")
def cage(
    pg_admin_url: str, valkey_url: str, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory,
    vendors: HTTPServer, mail_port: int,
) -> Iterator[Cage]:  # fmt: skip
    """Start the worker and the jobs with a canary wherever a setting holds a secret."""
    name, folder, birds = f"np_{uuid4().hex[:12]}", tmp_path_factory.mktemp("cage"), _birds()
    owner_url, app_url = migrate.provision(pg_admin_url, name, birds["database password"], "owner-secret")
    migrate.upgrade(owner_url)
    tenant_id = migrate.create_tenant(owner_url, "Harbour", "EUR")
    (folder / "routing.toml").write_text(ROUTING)
    port = processes.free_port()
    settings = _settings(birds, folder, vendors.url_for("").rstrip("/")) | {
        "DATABASE_URL": app_url, "REDIS_URL": valkey_url, "TENANT_ID": str(tenant_id), "SMTP_PORT": str(mail_port),
        "BASE_URL": f"http://127.0.0.1:{port}", "OTLP_ENDPOINT": receiver.url,
    }  # fmt: skip
    own = {"OTEL_BSP_SCHEDULE_DELAY": "200", "GUNICORN_BIND": f"127.0.0.1:{port}", "GUNICORN_WORKERS": "1"}
    env = processes.clean_environment({**{f"NIGHTPORTER_{k}": v for k, v in settings.items()}, **own})
    tools = Path(sys.executable).parent
    commands = {
        "worker": [str(tools / "gunicorn"), "-c", "compose/gunicorn.conf.py", "python_nodes.app:create_app()"],
        "jobs": [str(tools / "celery"), "-A", "python_nodes.jobs", "worker", "--concurrency", "1", "-l", "DEBUG"],
    }
    children = [
        processes.start(one, command, env=env, log=folder / f"{one}.log", cwd=CHECKOUT)
        for one, command in commands.items()
    ]
    database = Database(app_url)
    try:
        ready = f"http://127.0.0.1:{port}/readyz"
        processes.wait_until(children[0], lambda: processes.answers(ready), within_s=READY_S)
        with database.tenant(tenant_id) as conn:
            birds["api key"] = apikeys.create(conn, "all", ["admin"], created_at=datetime.now(UTC))
        bearer = {"Authorization": f"Bearer {birds['api key']}"}
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=bearer, timeout=60) as client:
            root_url = str(engine_for(pg_admin_url).url.set(database=name).render_as_string(hide_password=False))
            yield Cage(birds, client, root_url, valkey_url, folder, tenant_id)
    finally:
        database.dispose()
        processes.stop(children)
