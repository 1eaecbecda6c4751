"""How vendors prove that an event is theirs; which way a connection's vendor goes is its setting ``webhook``.

Each way is one small class; all refuse with 401 and say no more than which way failed. Several secrets may be valid at
once, so that one can take another's place. Comparisons take as long for a near miss as for a far one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, Protocol

import jwt
from jwt.types import Options
from jwt.utils import base64url_decode

from python_nodes.errors import ConfigError, PermanentError

CREDENTIAL = "webhook_secret"
"""Begins the name of each credential that may prove an event: ``webhook_secret``, ``webhook_secret_next``, …"""
SETTING = "webhook"
TOLERANCE_S = 300
Algorithm = Literal["HS256", "RS256", "ES256", "EdDSA"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A request as it came: the very bytes, header names in lower case, and what stood in the address."""

    raw: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)


class Proof(Protocol):
    """One way to prove that an event is the vendor's."""

    def check(self, event: Event, secrets: Sequence[str], now: datetime) -> None:
        """Return if one of the secrets proves it.

        Parameters
        ----------
        event : Event
            The request as it came.
        secrets : Sequence of str
            Those that are valid now, at least one; none is empty.
        now : datetime
            UTC-aware; what is signed with its time is refused outside of the tolerance.

        Raises
        ------
        PermanentError
            With status 401.
        """
        ...


def refused(way: str) -> PermanentError:
    """Make the one refusal there is."""
    return PermanentError(f"webhook: the {way} is missing, wrong or too old", status=401)


def _is_one_of(told: bytes, known: Sequence[bytes]) -> bool:
    # All are compared, whichever fits.
    return sum(hmac.compare_digest(told, one) for one in known) > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hmac:
    """The secret signs the raw body, or ``<time>.<body>`` where the time is told in a header of its own."""

    header: str
    timestamp_header: str = ""
    prefix: str = ""
    encoding: Literal["hex", "base64"] = "hex"
    tolerance_s: int = TOLERANCE_S

    def check(self, event: Event, secrets: Sequence[str], now: datetime) -> None:
        signed = event.raw
        if self.timestamp_header:
            sent_at = event.headers.get(self.timestamp_header.lower(), "")
            if not _is_near(sent_at, now, self.tolerance_s):
                raise refused("signature")
            signed = sent_at.encode() + b"." + event.raw
        told = event.headers.get(self.header.lower(), "")
        if not told.startswith(self.prefix):
            raise refused("signature")
        given = self._read(told.removeprefix(self.prefix))
        if not _is_one_of(given, [hmac.digest(secret.encode(), signed, hashlib.sha256) for secret in secrets]):
            raise refused("signature")

    def _read(self, told: str) -> bytes:
        try:
            return bytes.fromhex(told) if self.encoding == "hex" else base64.b64decode(told, validate=True)
        except (ValueError, binascii.Error):
            raise refused("signature") from None


def _is_near(told: str, now: datetime, tolerance_s: int) -> bool:
    is_number = told.isascii() and told.isdigit() and len(told) <= 12
    return is_number and abs(now.timestamp() - int(told)) <= tolerance_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Jwt:
    """A JSON Web Token as bearer, by one algorithm, for us, from whom it should be, and not yet over."""

    audience: str
    issuer: str
    algorithm: Algorithm = "RS256"
    leeway_s: int = 30

    def check(self, event: Event, secrets: Sequence[str], now: datetime) -> None:
        scheme, _, token = event.headers.get("authorization", "").partition(" ")
        key = self._signer(token.strip(), secrets) if scheme.lower() == "bearer" else None
        if key is None:
            raise refused("token")
        options: Options = {"require": ["exp", "aud", "iss"]}
        try:
            jwt.decode(
                token.strip(), key, algorithms=[self.algorithm], audience=self.audience, issuer=self.issuer,
                leeway=self.leeway_s, options=options,
            )  # fmt: skip
        except jwt.PyJWTError:
            raise refused("token") from None

    def _signer(self, token: str, secrets: Sequence[str]) -> Any:
        """Return the key that signed it; of several found by their signatures alone, since all the rest is slow."""
        keys = [_key(one, self.algorithm) for one in secrets]
        if len(keys) == 1:
            return keys[0]
        signed, _, seal = token.rpartition(".")
        try:
            signature, message = base64url_decode(seal), signed.encode("ascii")
        except (ValueError, binascii.Error):
            return None
        by = jwt.get_algorithm_by_name(self.algorithm)
        return next((key for key in keys if by.verify(message, key, signature)), None)


@lru_cache(maxsize=256)
def _key(secret: str, algorithm: str) -> Any:
    # Reading a PEM takes longer than checking a signature.
    try:
        return jwt.get_algorithm_by_name(algorithm).prepare_key(secret)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise ConfigError(f"credentials.{CREDENTIAL} is no key for {algorithm} ({type(error).__name__})") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """User and password; the secret is both, as ``user:password``."""

    def check(self, event: Event, secrets: Sequence[str], now: datetime) -> None:
        scheme, _, told = event.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(told.strip(), validate=True)
        except (ValueError, binascii.Error):
            given = b""
        if scheme.lower() != "basic" or not _is_one_of(given, [one.encode() for one in secrets]):
            raise refused("password")


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlToken:
    """A secret in the address, as ``?token=…``: whoever reads the vendor's logs or those of a proxy can have it."""

    def check(self, event: Event, secrets: Sequence[str], now: datetime) -> None:
        given = event.query.get("token", "").encode()
        if not _is_one_of(given, [one.encode() for one in secrets]):
            raise refused("token in the address")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header of a fixed value, as chosen when subscribing."""

    name: str

    def check(self, event: Event, secrets: Sequence[str], now: datetime) -> None:
        given = event.headers.get(self.name.lower(), "").encode()
        if not _is_one_of(given, [one.encode() for one in secrets]):
            raise refused("header")


ISSUER, ISSUED_FOR_S = "nightporter", 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A token that we ourselves gave to who knows the secret: the vendor asks for one, as a client of OAuth 2.0."""

    def check(self, event: Event, secrets: Sequence[str], now: datetime) -> None:
        by_us = Jwt(audience=ISSUER, issuer=ISSUER, algorithm="HS256")
        by_us.check(event, [_own_key(one) for one in secrets], now)


def issue(client_secret: str, secrets: Sequence[str], now: datetime) -> str:
    """Return a token for a client that knows one of the secrets, or refuse with 401."""
    told = client_secret.encode()
    if not _is_one_of(told, [one.encode() for one in secrets]):
        raise refused("client secret")
    at = int(now.timestamp())
    claims = {"iss": ISSUER, "aud": ISSUER, "iat": at, "exp": at + ISSUED_FOR_S}
    return jwt.encode(claims, _own_key(client_secret), algorithm="HS256")


@lru_cache(maxsize=256)
def _own_key(secret: str) -> str:
    # Not the secret itself: what signs tokens is nothing that anybody was given.
    return hmac.new(secret.encode(), b"nightporter.webhook.token", hashlib.sha256).hexdigest()


WAYS: dict[str, type[Any]] = {
    "hmac": Hmac, "jwt": Jwt, "issued": Issued, "basic": Basic, "url_token": UrlToken, "header": Header,
}  # fmt: skip


def of_settings(told: Mapping[str, Any]) -> Proof:
    """Make what a connection's setting asks for, such as ``{"proof": "basic"}``; ConfigError names what is wrong."""
    way = WAYS.get(str(told.get("proof")))
    if way is None:
        raise ConfigError(f"settings.{SETTING}.proof must be one of {', '.join(WAYS)}")
    wanted = {name: value for name, value in told.items() if name not in {"proof", "reads"}}
    known = way.__dataclass_fields__
    unknown = sorted(wanted.keys() - known.keys())
    if unknown:
        raise ConfigError(f"settings.{SETTING}.{unknown[0][:40]} is unknown; known: {', '.join(known) or 'none'}")
    for name, value in wanted.items():
        _check_value(name, value, str(known[name].type))
    missing = [name for name, one in known.items() if one.default is MISSING and name not in wanted]
    if missing:
        raise ConfigError(f"settings.{SETTING}.{missing[0]} is missing")
    proof: Proof = way(**wanted)
    return proof


def vendors_own(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a connection's settings without those of its webhook, which no client knows."""
    return {name: value for name, value in settings.items() if name != SETTING}


_CHOICES = {"encoding": ("hex", "base64"), "algorithm": ("HS256", "RS256", "ES256", "EdDSA")}


def _check_value(name: str, value: Any, kind: str) -> None:
    where = f"settings.{SETTING}.{name}"
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ConfigError(f"{where} must be one of {', '.join(_CHOICES[name])}")
    if kind == "int" and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 86_400):
        raise ConfigError(f"{where} must be a whole number of seconds from 1 to 86400")
    if kind != "int" and (not isinstance(value, str) or not value.strip()):
        raise ConfigError(f"{where} must be text")


def secrets_of(credentials: Mapping[str, str]) -> list[str]:
    """Return every secret that may prove an event now; PermanentError (503) where there is none."""
    found = [value for name, value in sorted(credentials.items()) if name.startswith(CREDENTIAL) and value]
    if not found:
        raise PermanentError(f"webhook: credentials.{CREDENTIAL} is not set, so no event is believed", status=503)
    return found
