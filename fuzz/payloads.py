"""Documents that Schemathesis cannot make: vendors' payloads, files, signed forms and events, bombs, huge bodies.

Each is sent to the worker over HTTP, so that what lies behind the reader is fed too: the database above all.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from fuzz import hostile, parsers, stack
from fuzz.again import SLOWEST_S, Anew, Send, timed
from fuzz.stack import Running

AS_OF = quote(stack.AT.isoformat())
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SERVER_FAULT, NOT_THERE, TOO_LARGE = 500, 503, 413
HUGE_BYTES = 100_000_000


@dataclass(kw_only=True)
class Sent:
    """What came of the requests so far."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slow: list[Anew] = field(default_factory=list)
    """What took too long among others, to be asked again by itself."""

    @property
    def requests(self) -> int:
        """How many were answered."""
        return sum(self.statuses.values())


@dataclass(frozen=True, kw_only=True)
class Door:
    """Where documents are put in: good ones, and how one becomes a request."""

    name: str
    seeds: tuple[bytes, ...]
    put: Callable[[bytes], Send]


def feed(running: Running, examples: int, seed: int, share: int = 1) -> Sent:
    """Put generated documents in at every door, then bombs at all that take a body, one in ``share`` of them."""
    sent = Sent()
    # A connection each: one that the worker just closed, as it may, would look as if it had died.
    alone = httpx2.Limits(max_keepalive_connections=0)
    with httpx2.Client(base_url=running.url, timeout=600, limits=alone) as client:
        for door in doors(running):
            _through(client, door, sent, examples, seed)
        for bomb in itertools.islice(bombs(running), seed % share, None, share):
            _send(client, partial(_same, bomb), sent)
        _huge(client, running, sent)
    return sent


def _through(client: httpx2.Client, door: Door, sent: Sent, examples: int, seed: int) -> None:
    @seeded(seed)
    @settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )  # fmt: skip
    @given(document=hostile.documents(door.seeds))
    def generated(document: bytes) -> None:
        _send(client, partial(door.put, document), sent)

    generated()


def _same(request: Send) -> Send:
    return request


def _send(client: httpx2.Client, anew: Anew, sent: Sent) -> httpx2.Response | None:
    request = anew()
    method, url, _, body = request
    shown = f"{method} {url} {body[:300]!r}"
    try:
        answer, taken_s = timed(client, request)
    except httpx2.TransportError as error:
        sent.faults.append(f"no answer ({type(error).__name__}): {shown}")
        return None
    sent.statuses[answer.status_code] += 1
    sent.slowest_s = max(sent.slowest_s, taken_s)
    if taken_s > SLOWEST_S:
        sent.slow.append(anew)
    is_told = answer.headers.get("content-type") == "application/problem+json"
    if answer.status_code >= SERVER_FAULT and not (answer.status_code == NOT_THERE and is_told):
        sent.faults.append(f"{answer.status_code}: {answer.text[:200]}: {shown}")
    return answer


def doors(running: Running) -> Iterator[Door]:
    """Every place where documents of others come in."""
    key = {"Authorization": f"Bearer {running.keys['admin']}"}
    yield from _payload_doors(running, key)
    yield from _json_doors(key)
    yield from _signed_doors(running)
    csv = b"Room,Date,Views,Bookings\n100101,2026-03-01,12,1\n100101,2024-02-29,7,0\n"
    book = parsers.workbook(["Room", "Date", "Views", "Bookings"], ["100101", "2026-03-01", "12", "1"])
    upload = {**key, "Content-Type": "application/octet-stream"}
    for name, where in (("preview of a file", "&preview=true"), ("import of a file", "")):
        yield Door(name=name, seeds=(csv, book), put=_post(f"/v1/imports?source=fuzz&file=f.csv{where}", upload))
    places = {
        "search": "/console/find?q=", "metrics": "/v1/metrics/1?metrics=", "job": "/v1/jobs/", "link": "/act?token=",
        "market": "/console/portfolio?market=", "times": "/v1/alerts/times?since=", "alerts": "/v1/alerts?state=",
    }  # fmt: skip
    for name, path in places.items():
        yield Door(name=name, seeds=(b"100101", b"2026-03-01T00:00:00Z"), put=_get(path, key))


def _post(path: str, headers: Mapping[str, str]) -> Callable[[bytes], Send]:
    return lambda raw: ("POST", path, headers, raw)


def _get(path: str, headers: Mapping[str, str]) -> Callable[[bytes], Send]:
    return lambda raw: ("GET", path + quote(raw[:1_200]), headers, b"")


def _payload_doors(running: Running, key: Mapping[str, str]) -> Iterator[Door]:
    raw_type = {**key, "Content-Type": "application/octet-stream"}
    for vendor, connection in running.connections.items():
        spec = tomllib.loads((parsers.FIXTURES / vendor / "conformance.toml").read_text())
        for operation, one in spec["operations"].items():
            path = f"/v1/normalize/{vendor}/{operation}?connection_id={connection}&as_of={AS_OF}"
            seeds = tuple((parsers.FIXTURES / vendor / told["file"]).read_bytes() for told in one["answers"])
            yield Door(name=f"{vendor} {operation}", seeds=seeds, put=_post(path, raw_type))


BODIES: dict[str, dict[str, Any]] = {
    "/v1/mutes": {"end_at": "2026-03-03T12:00:00Z", "reason": "pool", "actor": "ada",
                  "start_at": "2026-03-02T12:00:00Z", "market": "lisbon", "rrule": "FREQ=WEEKLY;BYDAY=SU",
                  "zone": "Europe/Lisbon"},
    "/v1/alerts/1/actions": {"kind": "note", "actor": "ada", "note": "seen", "as_of": "2026-03-02T12:00:00Z"},
    "/v1/observe": {"listing_ids": [1], "looks": ["guards"], "as_of": "2026-03-02T12:00:00Z"},
    "/v1/flow-errors": {"workflow": "w", "node": "n", "message": "m", "execution_id": "1"},
    "/v1/imports/sources": {"name": "other", "kind": "performance", "channel": "vrbo", "columns": {"date": "D"},
                            "date_format": "YYYY-MM-DD", "decimal": ".", "file_pattern": "*.csv"},
    "/v1/backfill": {"connection_id": 1, "start": "2026-01-01", "end": "2026-02-01"},
    "/v1/replay": {"rejected_ids": [1, 2], "as_of": "2026-03-02T12:00:00Z"},
    "/v1/digest": {"as_of": "2026-03-02T12:00:00Z", "span": "day"},
    "/v1/poll/operator_calendar": {"connection_id": 3, "as_of": "2026-03-02T12:00:00Z", "force": True},
}  # fmt: skip


def _json_doors(key: Mapping[str, str]) -> Iterator[Door]:
    headers = {**key, **JSON}
    portfolio = {"/v1/portfolio": stack.portfolio()}
    for path, body in {**BODIES, **portfolio}.items():
        seed = json.dumps(body).encode()
        yield Door(name=path, seeds=(seed,), put=_post(path, headers))


def _signed_doors(running: Running) -> Iterator[Door]:
    """What a sender signs: only with its secret does anything behind the signature see the document."""
    pressed, filled = (json.dumps(one).encode() for one in (parsers.interaction(), parsers.filled_form()))
    yield Door(name="slack", seeds=(pressed, filled), put=_slack)
    yield Door(
        name="slack, unsigned", seeds=(urlencode({"payload": pressed}).encode(),), put=_unsigned("/v1/slack/actions")
    )
    status = json.dumps({"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": "30003"}).encode()
    yield Door(name="sms status", seeds=(status,), put=_twilio("/v1/sms/status", stack.SMS_STATUS_URL))
    reply = json.dumps({"MessageSid": "SM1", "From": stack.SMS_NUMBER, "Body": "ACK 1"}).encode()
    yield Door(name="sms reply", seeds=(reply,), put=_twilio("/v1/sms/replies", stack.SMS_REPLIES_URL))
    event = {"eventId": "e1", "eventType": "PropertyStatusChanged", "payload": {"propertyId": "1001"}}
    path = f"/v1/webhooks/{running.connections['expedia_group']}"
    yield Door(name="expedia event", seeds=(json.dumps(event).encode(),), put=lambda raw: _event(path, raw))
    yield Door(name="event, unsigned", seeds=(json.dumps(event).encode(),), put=_unsigned(path))


def _slack(document: bytes) -> Send:
    body = urlencode({"payload": document}).encode()
    sent_at = str(int(time.time()))
    base = b"v0:" + sent_at.encode() + b":" + body
    signature = "v0=" + hmac.new(stack.SLACK_SECRET.encode(), base, hashlib.sha256).hexdigest()
    headers = {**FORM, "X-Slack-Signature": signature, "X-Slack-Request-Timestamp": sent_at}
    return "POST", "/v1/slack/actions", headers, body


def _unsigned(path: str) -> Callable[[bytes], Send]:
    def put(document: bytes) -> Send:
        told = document[:60].decode("latin-1")
        wrong = "".join(one for one in told if one.isprintable() and one.isascii())
        names = (
            "X-Slack-Signature",
            "X-Slack-Request-Timestamp",
            "X-Twilio-Signature",
            "Signature",
            "webhook-signature",
        )
        return "POST", path, {**FORM, **dict.fromkeys(names, wrong.strip())}, document

    return put


def _twilio(path: str, url: str) -> Callable[[bytes], Send]:
    """Sign a form as Twilio does: the address, then each field's name and value by name."""

    def put(document: bytes) -> Send:
        try:
            told = json.loads(document)
        except (ValueError, RecursionError):
            told = {"Body": document.decode("utf-8", "replace")}
        pairs = told.items() if isinstance(told, dict) else [("Body", told)]
        clean = {str(name).encode("utf-8", "replace").decode(): str(value).encode("utf-8", "replace").decode()
                 for name, value in pairs}  # fmt: skip
        signed = url + "".join(name + clean[name] for name in sorted(clean))
        digest = hmac.new(stack.TWILIO_TOKEN.encode(), signed.encode(), hashlib.sha1).digest()
        headers = {**FORM, "X-Twilio-Signature": base64.b64encode(digest).decode()}
        return "POST", path, headers, urlencode(clean).encode()

    return put


def _event(path: str, document: bytes) -> Send:
    sent_at = str(int(time.time()))
    signature = hmac.new(stack.EVENT_SECRET.encode(), sent_at.encode() + b"." + document, hashlib.sha256).hexdigest()
    headers = {**JSON, "X-EG-Notification-Signature": signature, "X-EG-Notification-Timestamp": sent_at}
    return "POST", path, headers, document


def bombs(running: Running) -> Iterator[Send]:
    """Small bodies that unfold, at each door that takes a body of their kind."""
    headers = {"Authorization": f"Bearer {running.keys['admin']}", **JSON}
    odd = [b'{"as_of": NaN}', b'{"as_of": Infinity}', b'{"as_of": "\\ud800"}', b'{"as_of": "\\u0000"}',
           b'{"as_of": ' + b"9" * 5_000 + b"}", b'{"as_of": 1e999}', b'{"\\u0000": 1}', b'{"\\ud800": 1}',
           b'{"as_of": "0001-01-01T00:00:00Z"}', b'{"as_of": "9999-12-31T23:59:59Z"}',
           b'{"as_of": "2024-02-29T12:00:00Z"}',
           b'{"a":' * 900 + b"1" + b"}" * 900]  # fmt: skip
    told = json.loads(running.schema.read_text(encoding="utf-8"))
    for path, item in told["paths"].items():
        if "post" in item:
            where = path.replace("{operation}", "ari").replace("{answer}", "approve").replace("{vendor}", "booking_com")
            for name in ("{id}", "{connection_id}", "{proposal_id}"):
                where = where.replace(name, "1")
            for body in (*hostile.DEEP_JSON, *odd):
                yield "POST", where, headers, body
    raw_type = {**headers, "Content-Type": "application/xml"}
    for vendor, connection in running.connections.items():
        for operation in ("reservations", "ari"):
            for body in (*hostile.XML_BOMBS, *hostile.DEEP_JSON):
                yield "POST", f"/v1/normalize/{vendor}/{operation}?connection_id={connection}", raw_type, body
    for name in ("Idempotency-Key", "X-Run-Id", "X-Original-Content-Type", "Cookie", "traceparent"):
        for text in hostile.TEXTS:
            # Spaces around a value are no part of it (RFC 9110, 5.5): no client sends them.
            if text.isascii() and text.isprintable() and text == text.strip() and len(text) < 4_000:
                yield "POST", "/v1/guards/check", {**headers, name: text}, b"{}"


def _huge(client: httpx2.Client, running: Running, sent: Sent) -> None:
    """A body of 100 MB is refused before it is read, told or in chunks; with a key and without."""
    key = {"Authorization": f"Bearer {running.keys['admin']}"}
    for path, headers in (("/v1/portfolio", key), ("/v1/slack/actions", {}), ("/v1/imports?source=fuzz", key)):
        answer = _send(client, partial(_same, ("POST", path, {**headers, **JSON}, b" " * HUGE_BYTES)), sent)
        if answer is not None and answer.status_code != TOO_LARGE:
            sent.faults.append(f"100 MB at {path}: {answer.status_code} instead of 413")
