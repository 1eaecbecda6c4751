"""The control port: truth under a token, the driver against real webhooks, and clear refusals."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import jwt
import pytest

ROOT = Path(__file__).parents[3]


SECRET = "a-secret-of-the-driver-of-at-least-32-letters"


def caller(told: str) -> str:
    """Who calls, as n8n finds out: by a token that the secret signed and that has an end."""
    found = jwt.decode(told.removeprefix("Bearer "), SECRET, algorithms=["HS256"], options={"require": ["exp"]})
    return str(found["iss"])


class Webhooks(BaseHTTPRequestHandler):
    """Plays n8n: 404 twice until registered, then answers; a day in ``bad_days`` says it failed."""

    calls: ClassVar[list[tuple[str, str, str]]] = []
    not_yet: ClassVar[int] = 0
    bad_days: ClassVar[tuple[str, ...]] = ()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kind = type(self)
        if kind.not_yet > 0:
            kind.not_yet -= 1
            self._answer(404, {})
            return
        kind.calls.append((self.path, body["as_of"], caller(self.headers["Authorization"])))
        self._answer(200, {"failed": "the feed"} if body["as_of"][:10] in kind.bad_days else {"ok": True})

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def webhooks() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Webhooks)
    Webhooks.calls, Webhooks.not_yet, Webhooks.bad_days = [], 0, ()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def drive(sandbox: Any, base: str, **more: object) -> dict[str, Any]:
    order = {"poll_url": f"{base}/poll", "score_url": f"{base}/score", "webhook_secret": SECRET, **more}
    assert sandbox.control.post("/control/drive", json=order).status_code == 202
    for _ in range(150):
        status: dict[str, Any] = sandbox.control.get("/control/status").json()
        if status["state"] != "running":
            return status
        time.sleep(0.1)
    raise AssertionError(status)


def test_truth_needs_the_control_token_and_is_on_no_other_port(sandbox: Any) -> None:
    bare = httpx2.get(sandbox.control.base_url.join("/truth"), trust_env=False)
    assert bare.status_code == 401
    wrong = sandbox.control.get("/truth", headers={"Authorization": "Bearer sandbox-secret"})
    assert wrong.status_code == 401
    assert sandbox.public.get("/truth", headers=sandbox.control.headers).status_code == 404
    truth = sandbox.control.get("/truth").json()
    assert [item["kind"] for item in truth["incidents"]] == ["listing_down"]
    incident = truth["incidents"][0]
    assert incident["true_loss_minor"] > incident["spill_minor"] >= 0
    assert incident["oracle_day"] == incident["start"], "what shows directly is seen on its first day"
    assert "false alert" in truth["oracle"]
    assert truth["not_started"] == []
    assert {item["channel"] for item in truth["listings"]} == {"booking_com", "expedia", "vrbo", "airbnb"}
    assert len(truth["listings"]) == 24
    assert httpx2.get(sandbox.control.base_url.join("/healthz"), trust_env=False).status_code == 200


def test_the_driver_polls_then_scores_day_by_day(sandbox: Any, webhooks: str, t0: str) -> None:
    Webhooks.not_yet = 2
    status = drive(sandbox, webhooks, days=3)
    assert (status["state"], status["days_done"], status["steps_failed"]) == ("done", 3, 0)
    assert [path for path, _, _ in Webhooks.calls] == ["/poll", "/score"] * 3
    assert Webhooks.calls[0][1] == f"{t0}T12:00:00+00:00"
    assert {secret for _, _, secret in Webhooks.calls} == {"sandbox"}
    calendar = (sandbox.out_dir / "operator_calendar.csv").read_text().splitlines()
    assert calendar[0] == "unit_external_id,stay_date,is_open,units"
    assert min(line.split(",")[1] for line in calendar[1:]) == status["day"]


def test_a_failed_poll_is_counted_with_its_reason_and_not_scored(sandbox: Any, webhooks: str, t0: str) -> None:
    Webhooks.bad_days = (t0,)
    status = drive(sandbox, webhooks, days=2)
    assert (status["days_done"], status["steps_failed"]) == (2, 1)
    assert status["errors"] == [f"{t0} poll: failed: the feed"]
    assert [path for path, _, _ in Webhooks.calls] == ["/poll", "/poll", "/score"]


def test_without_a_number_the_driver_goes_through_all_live_days(sandbox: Any, webhooks: str, t0: str) -> None:
    assert drive(sandbox, webhooks, days=None)["days_done"] == 14


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("drive", {"poll_url": "x"}, "poll_url"),
        ("drive", {"poll_url": "http://a", "score_url": "http://a", "webhook_secret": SECRET, "days": 15}, "days"),
        ("drive", {"poll_urls": "http://a"}, "poll_urls"),
        ("faults", {"name": "explode"}, "name"),
        ("faults", {"name": "timeout", "operation": "sleep"}, "operation"),
        ("faults", {"name": "timeout", "times": 0}, "times"),
        ("clock", {"now": "2026-03-02T12:00:00"}, "now"),
    ],
)
def test_a_bad_setting_is_refused_by_name(sandbox: Any, path: str, body: dict[str, Any], field: str) -> None:
    answer = sandbox.control.post(f"/control/{path}", json=body)
    assert answer.status_code == 400
    assert field in answer.json()["error"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--listings", "x"], "--listings"),
        (["--channels", "vrbo,expedai"], "--channels"),
        (["--scenario", "/nowhere/x.toml"], "x.toml"),
        (["--port", "7e4"], "--port"),
    ],
)
def test_bad_arguments_end_with_2_and_name_the_argument(tmp_path: Path, arguments: list[str], word: str) -> None:
    command = [sys.executable, "-m", "sandbox", "--control-token", "c", "--out-dir", str(tmp_path), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert word in done.stderr


@pytest.mark.parametrize(("vendor", "status"), [("booking_com", 500), ("airbnb", 200)])
def test_a_fault_strikes_the_vendor_it_names(sandbox: Any, t0: str, vendor: str, status: int) -> None:
    sandbox.fault(name="server_error", vendor=vendor, operation="token", times=1)
    body = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    answer = sandbox.public.post("/booking_com/token-based-authentication/exchange", json=body)
    assert answer.status_code == status
    refused = sandbox.control.post("/control/faults", json={"name": "timeout", "vendor": "agoda"})
    assert refused.status_code == 400
    assert "vendor" in refused.json()["error"]


def test_a_misspelt_scenario_field_ends_with_2_and_names_it(tmp_path: Path) -> None:
    scenario = tmp_path / "s.toml"
    scenario.write_text('[[incident]]\nid = "a"\nkindd = "listing_down"\n')
    command = [sys.executable, "-m", "sandbox", "--control-token", "c", "--out-dir", str(tmp_path), "--listings", "24",
               "--days", "30", "--scenario", str(scenario)]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "kindd" in done.stderr
