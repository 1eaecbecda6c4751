"""Verifications of vendors' events a second and core, by way, each of a valid event of 2 KB: CPU time, not the clock's.

Beside them our own subscribers' way, Standard Webhooks, as its library verifies it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from standardwebhooks import Webhook

from python_nodes.vendors import webhook_proof
from python_nodes.vendors.webhook_proof import Event

GOAL, AT_LEAST_S, BATCH = 5_000, 1.0, 200
RAW = json.dumps({"eventId": "e-1", "eventType": "PropertyStatusChanged", "payload": {"note": "x" * 2000}}).encode()
SECRETS = ["the-one-before-of-thirty-two-characters", "the-present-one-of-thirty-two-characters"]


def _events(now: datetime) -> dict[str, tuple[dict[str, Any], Event, list[str]]]:
    sent_at, secret = str(int(now.timestamp())), SECRETS[-1]
    signature = hmac.new(secret.encode(), sent_at.encode() + b"." + RAW, hashlib.sha256).hexdigest()
    claims = {"iss": "vendor", "aud": "us", "exp": now + timedelta(hours=1)}
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = own.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()  # fmt: skip

    def bearer(token: str) -> Event:
        return Event(raw=RAW, headers={"authorization": f"Bearer {token}"})

    given = {"issuer": "vendor", "audience": "us"}
    password = base64.b64encode(secret.encode()).decode()
    return {
        "HMAC with a time": (
            {"proof": "hmac", "header": "x-signature", "timestamp_header": "x-time"},
            Event(raw=RAW, headers={"x-signature": signature, "x-time": sent_at}), SECRETS,
        ),
        "JWT, HS256": (
            {"proof": "jwt", "algorithm": "HS256", **given}, bearer(jwt.encode(claims, secret, "HS256")), SECRETS,
        ),
        "JWT, RS256": ({"proof": "jwt", **given}, bearer(jwt.encode(claims, own, "RS256")), [public]),
        "JWT that we issued": ({"proof": "issued"}, bearer(webhook_proof.issue(secret, SECRETS, now)), SECRETS),
        "Basic": ({"proof": "basic"}, Event(raw=RAW, headers={"authorization": f"Basic {password}"}), SECRETS),
        "token in the URL": ({"proof": "url_token"}, Event(raw=RAW, headers={}, query={"token": secret}), SECRETS),
        "static header": ({"proof": "header", "name": "x-key"}, Event(raw=RAW, headers={"x-key": secret}), SECRETS),
    }  # fmt: skip


def _rate(verify: Callable[[], object]) -> float:
    verify()
    done, began = 0, time.process_time()
    while time.process_time() - began < AT_LEAST_S:
        for _ in range(BATCH):
            verify()
        done += BATCH
    return done / (time.process_time() - began)


def run() -> list[dict[str, Any]]:
    """One row a way; two secrets are valid where a secret is shared, and the second is the one."""
    now = datetime.now(UTC)
    own = Webhook("whsec_" + base64.b64encode(b"k" * 32).decode())
    told = {
        "webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": own.sign("msg_1", now, RAW.decode()),
    }  # fmt: skip
    peer = _rate(lambda: own.verify(RAW, told))
    rows = []
    for name, (setting, event, secrets) in _events(now).items():
        rate = _rate(partial(webhook_proof.of_settings(setting).check, event, secrets, now))
        rows.append(
            {"name": f"events verified a second and core: {name}", "value": rate, "unit": "/s",
             "peer": "standardwebhooks", "peer_value": peer, "ratio": rate / peer, "goal": GOAL,
             "holds": rate >= GOAL}
        )  # fmt: skip
    return rows
