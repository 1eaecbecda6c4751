"""After a whole run in a real n8n, nothing secret stands in clear where executions, rows, files and logs are kept.

n8n keeps with each execution what its trigger was given and what each step answered. What proves a caller there is
looked at too: a token may stay only because it ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import jwt
import pytest

from python_nodes.domain import flow_proof
from python_nodes.local import flows, postgres
from python_nodes.local.demo import EXPEDIA_SIGNS_WITH
from python_nodes.local.state import CHECKOUT
from sandbox import receivers_openai, receivers_twilio
from sandbox.receivers_clicks import SIGNING_SECRET
from tests.e2e import copies
from tests.e2e.callers import broken_poll, click, text_back, vendor_event
from tests.e2e.conftest import Live
from tests.integration.canaries.searched import forms, tables

NAMES = ("key", "password", "secret", "token")
LETTERS = 12
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
NOBODYS = 999_999_999


@pytest.fixture(scope="module")
def left(live: Live) -> dict[str, bytes]:
    """All that a run leaves, once callers have come who sign, who forge, and to whom nobody answers."""
    assert live.call("escalate-alerts").is_success
    assert broken_poll(live).status_code == 500
    assert live.call("poll-listings", secret="a guess at what signs the calls of flows").status_code == 403
    for answer in (click(live, NOBODYS), text_back(live, NOBODYS), vendor_event(live, secret="forged")):
        assert answer.status_code < 500, answer.text
    flow = flows.load_folder(CHECKOUT / "workflows")["receive-slack-action"]
    (path,) = copies.publish(live, flow, "http://127.0.0.1:1").hooks
    assert copies.post(live, path, b"payload=1", {"Content-Type": "text/plain"}).status_code == 500
    return dict(_left(live))


@pytest.mark.only_on("postgres")
def test_no_secret_of_the_run_is_in_executions_rows_files_or_logs(live: Live, left: dict[str, bytes]) -> None:
    birds = _birds(live)
    assert {"secret_key", "webhook_secret", "n8n_api_key", "encryption_key", "app_password"} <= birds.keys()
    found = sorted({
        (name, where) for name, bird in birds.items() for where, content in left.items()
        if any(form in content for form in forms(bird))
    })  # fmt: skip
    print(f"\n{len(birds)} secrets, {len(left)} places, {sum(map(len, left.values()))} bytes: {len(found)} found")
    assert found == []


@pytest.mark.only_on("postgres")
def test_what_was_looked_through_holds_what_came_by_the_same_ways(left: dict[str, bytes]) -> None:
    """Headers of callers, raw bodies and failures are there to be searched."""
    executions = left["n8n.execution_data"]
    for word in (b"x-slack-signature", b"x-twilio-signature", b"ECONNREFUSED", b"as_of", b"Bearer eyJ"):
        assert word in executions, word
    assert any(where.startswith("logs/n8n") and content for where, content in left.items())
    assert len(left["nightporter.metrics_daily"]) > 10_000


@pytest.mark.only_on("postgres")
def test_what_proved_a_call_is_a_token_that_ends_within_minutes(live: Live, left: dict[str, bytes]) -> None:
    tokens = set(TOKEN.findall(left["n8n.execution_data"]))
    assert tokens
    for one in tokens:
        told = jwt.decode(
            one, live.saved.webhook_secret, algorithms=[flow_proof.ALGORITHM],
            options={"require": ["exp"], "verify_exp": False},
        )  # fmt: skip
        begun = live.began_at.timestamp()
        assert begun < told["exp"] <= begun + timedelta(hours=2).total_seconds(), "of this run, and not for ever"


def _birds(live: Live) -> dict[str, str]:
    """Whatever `up` drew or made and keeps in its own file, and what vendors and receivers share with us."""
    told = {name: getattr(live.saved, name) for name in live.saved.__dataclass_fields__}
    drawn = {
        name: value for name, value in told.items()
        if isinstance(value, str) and len(value) >= LETTERS and any(part in name for part in NAMES)
    }  # fmt: skip
    shared = {
        "expedia signs with": EXPEDIA_SIGNS_WITH, "slack signs with": SIGNING_SECRET,
        "twilio": receivers_twilio.AUTH_TOKEN, "openai": receivers_openai.API_KEY, "slack": "xoxb-sandbox",
        "client secret": "sandbox-secret", "airbnb client secret": "sandbox-airbnb-secret",
        "eqc password": "Sandbox-password-1",
    }  # fmt: skip
    return drawn | shared


def _left(live: Live) -> Iterator[tuple[str, bytes]]:
    root = live.folder.root
    server = postgres.Postgres(admin_url="", socket_dir=str(root / "postgres"), port=5432, pid=0)
    for database in ("n8n", "nightporter"):
        for name, content in tables(server.url("postgres", "", database)):
            yield f"{database}.{name}", content
    for folder in ("logs", "n8n"):
        for path in sorted((root / folder).rglob("*")):
            # n8n's own key lies in its `config`, which only its owner may read.
            if path.is_file() and path.name != "config":
                yield f"{folder}/{path.relative_to(root / folder)}", path.read_bytes()
