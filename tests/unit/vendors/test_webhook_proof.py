"""Each way in which vendors prove their events: taken when right; refused when forged, late or tampered with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from python_nodes.errors import ConfigError, PermanentError
from python_nodes.vendors import webhook_proof, webhook_read
from python_nodes.vendors.booking_com import webhooks as booking_com_webhooks
from python_nodes.vendors.expedia_group import webhooks as expedia_webhooks
from python_nodes.vendors.webhook_proof import Event

# Tokens are held against the real clock, by PyJWT itself.
NOW = datetime.now(UTC)
RAW = b'{"eventId": "1",\r\n "who": "\xc3\xa9"}'
SECRETS = ("first-secret-of-thirty-two-characters", "next-secret-of-thirty-two-characters!")
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = RSA.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
).decode()  # fmt: skip


def basic(told: str) -> str:
    return "Basic " + base64.b64encode(told.encode()).decode()


def signed(secret: str, raw: bytes = RAW, at: datetime | None = None) -> dict[str, str]:
    message = raw if at is None else str(int(at.timestamp())).encode() + b"." + raw
    found = {"x-signature": "sha256=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()}
    return found if at is None else found | {"x-time": str(int(at.timestamp()))}


def token(key: Any, algorithm: str, **changes: Any) -> dict[str, str]:
    claims = {"iss": "vendor", "aud": "us", "exp": NOW + timedelta(hours=1), **changes}
    kept = {name: value for name, value in claims.items() if value is not None}
    return {"authorization": "Bearer " + jwt.encode(kept, key, algorithm=algorithm)}


@dataclass(frozen=True)
class Way:
    """A setting, its valid secrets, an event that one of them proves, and how to make it another's."""

    setting: Mapping[str, Any]
    secrets: tuple[str, ...]
    event: Callable[[str], Event]
    forged: Callable[[], Event]


WAYS = {
    "hmac": Way(
        {"proof": "hmac", "header": "X-Signature", "prefix": "sha256="}, SECRETS,
        lambda secret: Event(raw=RAW, headers=signed(secret)), lambda: Event(raw=RAW, headers=signed("forged")),
    ),
    "hmac with a time": Way(
        {"proof": "hmac", "header": "X-Signature", "prefix": "sha256=", "timestamp_header": "X-Time"}, SECRETS,
        lambda secret: Event(raw=RAW, headers=signed(secret, at=NOW)),
        lambda: Event(raw=RAW, headers=signed("forged", at=NOW)),
    ),
    "jwt HS256": Way(
        {"proof": "jwt", "issuer": "vendor", "audience": "us", "algorithm": "HS256"}, SECRETS,
        lambda secret: Event(raw=RAW, headers=token(secret, "HS256")),
        lambda: Event(raw=RAW, headers=token("forged" * 8, "HS256")),
    ),
    "jwt RS256": Way(
        {"proof": "jwt", "issuer": "vendor", "audience": "us"}, (PUBLIC,),
        lambda secret: Event(raw=RAW, headers=token(RSA, "RS256")),
        lambda: Event(raw=RAW, headers=token(OTHER_RSA, "RS256")),
    ),
    "issued": Way(
        {"proof": "issued"}, SECRETS,
        lambda secret: Event(
            raw=RAW, headers={"authorization": "Bearer " + webhook_proof.issue(secret, SECRETS, NOW)}
        ),
        lambda: Event(raw=RAW, headers=token(SECRETS[0], "HS256", iss="nightporter", aud="nightporter")),
    ),
    "basic": Way(
        {"proof": "basic"}, ("user:pass:word", "user:näxt"),
        lambda secret: Event(raw=RAW, headers={"authorization": basic(secret)}),
        lambda: Event(raw=RAW, headers={"authorization": basic("user:pass:ward")}),
    ),
    "url_token": Way(
        {"proof": "url_token"}, SECRETS,
        lambda secret: Event(raw=RAW, headers={}, query={"token": secret}),
        lambda: Event(raw=RAW, headers={}, query={"token": SECRETS[0][:-1]}),
    ),
    "header": Way(
        {"proof": "header", "name": "X-Api-Key"}, SECRETS,
        lambda secret: Event(raw=RAW, headers={"x-api-key": secret}),
        lambda: Event(raw=RAW, headers={"x-api-key": SECRETS[0] + "x"}),
    ),
}  # fmt: skip


def check(way: Way, event: Event, now: datetime = NOW, secrets: tuple[str, ...] | None = None) -> None:
    webhook_proof.of_settings(way.setting).check(event, secrets or way.secrets, now)


def refuses(way: Way, event: Event, now: datetime = NOW, secrets: tuple[str, ...] | None = None) -> None:
    with pytest.raises(PermanentError) as caught:
        check(way, event, now, secrets)
    assert caught.value.status == 401
    assert not any(secret in str(caught.value) for secret in way.secrets)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_valid_secret_proves_it_and_none_that_was_taken_away(way: Way) -> None:
    for secret in way.secrets:
        check(way, way.event(secret))
    if len(way.secrets) > 1:
        check(way, way.event(way.secrets[1]), secrets=way.secrets[1:])
        refuses(way, way.event(way.secrets[0]), secrets=way.secrets[1:])


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_is_forged_or_missing_or_nonsense_is_refused(way: Way) -> None:
    refuses(way, way.forged())
    refuses(way, Event(raw=RAW, headers={}))
    for nonsense in ("", " ", "Bearer", "Bearer .", "Basic", "Basic !", "sha256=", "sha256=zz", "é", "x" * 100_000):
        told = dict.fromkeys(way.event(way.secrets[0]).headers, nonsense)
        refuses(way, Event(raw=RAW, headers=told, query={"token": nonsense}))


@pytest.mark.parametrize("name", ["hmac", "hmac with a time"])
def test_one_changed_byte_breaks_the_signature(name: str) -> None:
    way = WAYS[name]
    event = way.event(SECRETS[0])
    for tampered in (RAW + b" ", RAW[:-1], RAW.replace(b"1", b"2"), RAW.replace(b"\r\n", b"\n"), b""):
        refuses(way, replace(event, raw=tampered))


def test_a_signature_counts_within_its_time_only_and_its_time_is_signed() -> None:
    way = WAYS["hmac with a time"]
    event = way.event(SECRETS[0])
    for seconds in (-300, 299):
        check(way, event, now=NOW.replace(microsecond=0) + timedelta(seconds=seconds))
    for seconds in (-302, 301, 86_400):
        refuses(way, event, now=NOW + timedelta(seconds=seconds))
    later = str(int((NOW + timedelta(hours=1)).timestamp()))
    refuses(way, replace(event, headers={**event.headers, "x-time": later}), now=NOW + timedelta(hours=1))
    for told in ("", "now", "1e9", "-1", "٣", "9" * 30, f"{time.time()}"):
        refuses(way, replace(event, headers={**event.headers, "x-time": told}))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW - timedelta(minutes=1)}, {"exp": None}, {"aud": "others"}, {"aud": None}, {"iss": "others"},
        {"iss": None}, {"nbf": NOW + timedelta(hours=1)},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_that_is_over_or_for_others_or_says_neither_is_refused(changes: dict[str, Any]) -> None:
    refuses(WAYS["jwt HS256"], Event(raw=RAW, headers=token(SECRETS[0], "HS256", **changes)))


def test_no_token_chooses_its_own_algorithm() -> None:
    def part(told: dict[str, Any]) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=")

    claims = part({"iss": "vendor", "aud": "us", "exp": int(NOW.timestamp()) + 3600})
    unsigned = b".".join([part({"alg": "none", "typ": "JWT"}), claims, b""])
    # The public key as if it were a shared secret.
    head = part({"alg": "HS256", "typ": "JWT"})
    confused = head + b"." + claims
    seal = base64.urlsafe_b64encode(hmac.digest(PUBLIC.encode(), confused, hashlib.sha256)).rstrip(b"=")
    for told in (unsigned, confused + b"." + seal):
        refuses(WAYS["jwt RS256"], Event(raw=RAW, headers={"authorization": "Bearer " + told.decode()}))
    refuses(WAYS["jwt HS256"], Event(raw=RAW, headers=token(SECRETS[0], "HS512")))


def test_a_token_of_ours_ends_after_an_hour_and_needs_the_secret() -> None:
    old = webhook_proof.issue(SECRETS[0], SECRETS, NOW - timedelta(hours=2))
    refuses(WAYS["issued"], Event(raw=RAW, headers={"authorization": f"Bearer {old}"}))
    for wrong in ("", "x", SECRETS[0] + " "):
        with pytest.raises(PermanentError):
            webhook_proof.issue(wrong, SECRETS, NOW)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, "proof"), ({"proof": "trust"}, "proof"), ({"proof": "hmac"}, "header is missing"),
        ({"proof": "hmac", "header": "x", "hdr": 1}, "hdr"), ({"proof": "jwt", "audience": "a"}, "issuer"),
        ({"proof": "jwt", "audience": "a", "issuer": "b", "algorithm": "none"}, "algorithm"),
        ({"proof": "hmac", "header": "x", "tolerance_s": 0}, "tolerance_s"),
        ({"proof": "hmac", "header": ""}, "header must be text"), ({"proof": "basic", "name": "x"}, "name"),
        ({"proof": "hmac", "header": "x", "encoding": "base32"}, "encoding"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(told: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        webhook_proof.of_settings(told)


def test_without_a_secret_nothing_is_believed() -> None:
    with pytest.raises(PermanentError) as caught:
        webhook_proof.secrets_of({"client_secret": "x", "webhook_secret": ""})
    assert caught.value.status == 503
    assert webhook_proof.secrets_of({"webhook_secret_next": "b", "webhook_secret": "a"}) == ["a", "b"]


def test_each_vendors_own_way_and_reading() -> None:
    assert isinstance(booking_com_webhooks.PROOF, webhook_proof.Issued)
    told = {"metadata": {"uuid": "u-1", "type": "PAYOUT_UPDATE", "payloadVersion": "1.0"}, "payload": {"propertyId": 7}}
    notice = booking_com_webhooks.read(json.dumps(told).encode())
    assert (notice.event_id, notice.event, notice.property_id, notice.operation) == ("u-1", "PAYOUT_UPDATE", "7", None)
    assert isinstance(expedia_webhooks.PROOF, webhook_proof.Hmac)
    for read in (booking_com_webhooks.read, expedia_webhooks.read):
        for broken in (b"", b"[]", b"null", b'{"metadata": 1}', b"\xff", b"[" * 100_000):
            with pytest.raises(PermanentError) as caught:
                read(broken)
            assert caught.value.status == 422


def test_an_event_is_read_where_the_setting_says() -> None:
    told = {"reads": {"event": "type", "property": "data.0.hotel", "id": "id", "operations": {"closed": "health"}}}
    reads = webhook_read.of_settings(told, {"health": None})
    assert reads is not None
    notice = reads.read(b'{"type": "closed", "id": 7, "data": [{"hotel": "h1"}]}')
    assert (notice.event_id, notice.event, notice.property_id, notice.operation) == ("7", "closed", "h1", "health")
    for broken in (b"{}", b'{"type": {}, "id": 1, "data": [{"hotel": "h"}]}', b'{"type": "x", "id": 1, "data": []}'):
        with pytest.raises(PermanentError):
            reads.read(broken)
    with pytest.raises(ConfigError, match="operations"):
        webhook_read.of_settings(told, {"ari": None})
    same = webhook_read.Reads(event="type", property="type")
    assert same.read(b'{"type": "a"}').event_id == same.read(b'{"type": "a"}').event_id
    assert same.read(b'{"type": "a"}').event_id != same.read(b'{"type": "a" }').event_id
