"""Canary secrets in every secret place, a cycle that goes wrong wherever it can, and then a search of all that is left.

Vendors and receivers here are spiteful: each refusal repeats what it was sent. Looked through are the logs of gunicorn
and Celery, every answer of the worker, the traces as they went over the wire, every table as PostgreSQL writes it out,
every key of Valkey, the raw archive and the metrics; n8n's executions are looked through in tests/e2e/test_canaries.py.
"""

from __future__ import annotations

import re
import time
from uuid import uuid4

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.integration.canaries.conftest import AS_OF, Cage
from tests.integration.canaries.searched import forms, tables, valkey
from tests.integration.telemetry.conftest import Receiver
from tests.integration.telemetry.test_traces import PORTFOLIO

SENT = frozenset({
    "slack token", "twilio token", "otlp header", "client secret", "refresh token", "eqc password", "ical link", "jwt",
    "openai key",
})  # fmt: skip
"""What a cycle sends over the wire; the other secrets sign, encrypt or open a connection."""


def _echo(request: Request, status: int = 401) -> Response:
    """Refuse, and repeat all that came."""
    return Response(f"{request.headers}\n{request.get_data(as_text=True)}\n{request.url}", status=status)


def _late(request: Request) -> Response:
    """Answer after the worker's patience has ended."""
    time.sleep(2)
    return _echo(request)


def test_a_cycle_that_goes_wrong_everywhere_leaves_no_secret_behind(
    cage: Cage, vendors: HTTPServer, receiver: Receiver
) -> None:
    connections = _connect(cage, vendors)
    _poll(cage, connections, vendors)
    _tell(cage)
    _forge(cage, connections)
    stages = {"worker.log": cage.folder / "worker.log", "jobs.log": cage.folder / "jobs.log"}
    receiver.wait(lambda spans: len(spans) > 20)
    left = {name: path.read_bytes() for name, path in stages.items()}
    left |= {"traces": b"".join(receiver.raw), "answers": "\n".join(cage.answers).encode()}
    left |= dict(tables(cage.root_url)) | {"valkey": b"\n".join(valkey(cage.redis_url))}
    left |= {f"raw/{path.name}": path.read_bytes() for path in (cage.folder / "raw").rglob("*") if path.is_file()}
    left["metrics"] = cage.client.get("/metrics").content
    assert all(left[name] for name in ("worker.log", "jobs.log", "traces", "answers", "valkey")), "each was looked at"
    found = sorted({
        (place, where) for place, bird in cage.birds.items() for where, content in left.items()
        if any(form in content for form in forms(bird))
    })  # fmt: skip
    print(f"\n{len(cage.birds)} canaries, {len(left)} places, {sum(map(len, left.values()))} bytes: {len(found)} found")
    assert found == []


def test_the_secrets_were_in_use(cage: Cage, vendors: HTTPServer, receiver: Receiver) -> None:
    """Each of these reached whom it is meant for: it is not for want of a try that none is found elsewhere."""
    sent = "".join(f"{one.headers}{one.get_data(as_text=True)}{one.url}" for one, _ in vendors.log).encode()
    sent += repr(receiver.headers).encode()
    reached = {place for place, bird in cage.birds.items() if any(form in sent for form in forms(bird))}
    assert reached >= SENT, SENT - reached


def test_the_search_would_find_one(cage: Cage) -> None:
    """What is looked through holds what was put there by the same ways, where it is no secret."""
    held = dict(tables(cage.root_url))
    assert b"Canary account" in held["connections"]
    assert b"portfolio_import" in (cage.folder / "worker.log").read_bytes()
    assert any(b"nightporter" in one for one in valkey(cage.redis_url))


def _connect(cage: Cage, vendors: HTTPServer) -> dict[str, int]:
    (listing,) = PORTFOLIO["listings"]
    everywhere = [{**listing, "channel": one} for one in ("booking_com", "expedia", "airbnb")]
    assert cage.post("/v1/portfolio", {**PORTFOLIO, "listings": everywhere}).is_success
    url, birds = vendors.url_for("").rstrip("/"), cage.birds
    wanted = {
        "booking_com": {"client_id": "c", "client_secret": birds["client secret"]},
        "expedia_group": {"client_id": "c", "client_secret": birds["client secret"], "eqc_username": "u",
                          "eqc_password": birds["eqc password"], "webhook_secret": birds["webhook secret"]},
        "airbnb": {"client_id": "c", "client_secret": birds["client secret"], "refresh_token": birds["refresh token"],
                   "ical.1001": f"/ical/{birds['ical link']}.ics?s={birds['ical link']}"},
    }  # fmt: skip
    settings = {"expedia_group": {"channel": "expedia"}}
    made = {}
    for vendor, credentials in wanted.items():
        body = {
            "vendor": vendor,
            "name": f"Canary account {vendor}",
            "base_url": f"{url}/{vendor}",
            "credentials": credentials,
            "settings": {"rate_limits": {"*": "1000/second"}, **settings.get(vendor, {})},
        }
        # Under a key, so that what is kept of it for a second try is looked through too.
        answer = cage.post("/v1/connections", body, headers={"Idempotency-Key": uuid4().hex})
        assert answer.is_success, answer.text
        made[vendor] = answer.json()["id"]
    # Refused for a setting that is wrong: the answer names it and repeats nothing.
    wrong = {"vendor": "booking_com", "name": "w", "settings": {"x": 1}, "credentials": wanted["booking_com"]}
    assert cage.post("/v1/connections", wrong).status_code == 422
    asked = {"vendor": "airbnb", "base_url": f"{url}/airbnb", "client_id": "c", "redirect_uri": "http://127.0.0.1/b"}
    assert cage.post("/v1/connections/consent", asked, headers={"Idempotency-Key": uuid4().hex}).is_success
    return made


def _poll(cage: Cage, connections: dict[str, int], vendors: HTTPServer) -> None:
    """401 and 500 that repeat what was sent, bodies that are none, late answers; a token and a guest that come well."""
    jwt, guest = cage.birds["jwt"], cage.birds["guest"]
    vendors.expect_request("/booking_com/token-based-authentication/exchange").respond_with_json({"jwt": jwt})
    report = (
        "reservation_id,property_id,room_id,rate_id,status,booked_at,cancelled_at,checkin,checkout,guest_name,"
        f"total_price,currency,modified_at\nR1,1001,100101,standard,ok,2026-02-01T10:00:00Z,,2026-04-01,2026-04-03,{guest},"
        "200.00,EUR,2026-02-01T10:00:00Z\nR2,1001,nobody,standard,ok,2026-02-01T10:00:00Z,,2026-04-01,2026-04-03,"
        f"{guest},x,EUR,2026-02-01T10:00:00Z\n"
    )  # fmt: skip
    vendors.expect_request("/booking_com/extranet/reports/reservations.csv").respond_with_data(report)
    vendors.expect_request("/booking_com/extranet/reports/performance.csv").respond_with_data(f"<html>{jwt}")
    vendors.expect_request("/booking_com/property-health-api/properties/health").respond_with_handler(_echo)
    vendors.expect_request(re.compile("/booking_com/hotels/ota/.*")).respond_with_handler(_echo)
    vendors.expect_request("/booking_com/assumed/ari").respond_with_handler(lambda request: _echo(request, 500))
    vendors.expect_request("/airbnb/oauth2/token").respond_with_handler(lambda request: _echo(request, 400))
    vendors.expect_request(re.compile("/airbnb/ical/.*")).respond_with_handler(_late)
    vendors.expect_request(re.compile("/(slack|twilio|openai|expedia_group|news).*")).respond_with_handler(_echo)
    for vendor, operations in {
        "booking_com": ("health", "ari", "performance", "reservations", "reservation_history"),
        "expedia_group": ("health", "ari", "reservations"), "airbnb": ("health", "ical_calendar"),
    }.items():  # fmt: skip
        for operation in operations:
            cage.post(f"/v1/poll/{operation}", {"connection_id": connections[vendor], "as_of": AS_OF})
    span = {"connection_id": connections["booking_com"], "start": "2026-02-01", "end": "2026-02-28", "as_of": AS_OF}
    job = cage.post("/v1/backfill", span).json()["job_id"]
    deadline = time.monotonic() + 180
    while not _is_over(cage, job):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    cage.call("GET", "/v1/connections")


def _is_over(cage: Cage, job: str) -> bool:
    return cage.call("GET", f"/v1/jobs/{job}").json()["state"] in ("done", "failed")


def _tell(cage: Cage) -> None:
    """Raise what is found of connections that fail, and send it by ways that all refuse us."""
    for path in ("/v1/guards/check", "/v1/metrics/score"):
        assert cage.post(path).is_success
    raised = cage.post("/v1/alerts/raise").json()["notify"]
    assert raised, "an alert on access that was refused"
    planned = [one for alert in raised for one in cage.post(f"/v1/alerts/{alert['alert_id']}/route").json()["send"]]
    assert {one["sender"] for one in planned} >= {"slack", "email", "sms"}, planned
    for one in planned:
        assert not cage.post(f"/v1/deliveries/{one['delivery_id']}/send").is_success
    cage.post(f"/v1/alerts/{raised[0]['alert_id']}/actions", {"kind": "acknowledge", "actor": "ada"})
    for path in ("/v1/alerts", f"/v1/alerts/{raised[0]['alert_id']}/explain", "/v1/summary", "/v1/mutes", "/readyz"):
        cage.call("GET", path)


def _forge(cage: Cage, connections: dict[str, int]) -> None:
    """Signatures that are wrong, keys that are none, and an address that is not there."""
    forged = {"x-slack-signature": "v0=00", "x-slack-request-timestamp": "1", "signature": "t=1,v1=00"}
    for path in (
        "/v1/slack/actions",
        "/v1/sms/status",
        "/v1/sms/replies",
        f"/v1/webhooks/{connections['expedia_group']}",
    ):
        cage.call("POST", path, content=b"payload=%7B%7D", headers=forged)
    cage.call("GET", "/v1/alerts", headers={"Authorization": f"Bearer {cage.birds['api key']}x"})
    cage.call("GET", "/login", params={"token": "forged"})
    cage.call("GET", "/v1/nowhere", params={"key": "x"})
    # Told once, to whoever asked: they may be in that answer and nowhere else.
    hook = {"name": "hook", "url": "http://127.0.0.1:9/hook", "events": ["alert.raised"]}
    for path, body, told in (
        ("/v1/keys", {"name": "second", "role": "viewer"}, "key"), ("/v1/webhooks", hook, "secret"),
    ):  # fmt: skip
        made = cage.post(path, body, headers={"Idempotency-Key": uuid4().hex})
        assert made.is_success, made.text
        cage.birds[f"{path} {told}"] = made.json()[told]
        cage.answers.pop()
