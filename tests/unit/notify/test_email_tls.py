"""Mail over an encrypted line, on a real SMTP server with a certificate of its own authority."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from python_nodes.errors import PermanentError, RetryableError
from python_nodes.notify import base
from python_nodes.notify.base import Message

MESSAGE = Message(
    delivery_id="d1", alert_id=1, recipient="ops@example.test", state="raised", category="high",
    title="Calendar closed", summary="About €42 a day.", fields=(), evidence=(),
)  # fmt: skip


def certificate(directory: Path, address: str) -> tuple[Path, Path]:
    """Write a self-signed certificate for one address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay of the test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = directory / "cert.pem", directory / "key.pem"
    cert_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return cert_file, key_file


@dataclass
class Relay:
    """Keeps mails with how they came."""

    port: int
    ca_file: Path
    mails: list[tuple[bytes, bool, bool]]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append((envelope.content, session.ssl is not None, bool(session.authenticated)))
        return "250 OK"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, how: str, told: Any) -> AuthResult:
        right = isinstance(told, LoginPassword) and (told.login, told.password) == (b"porter", b"hunter2")
        return AuthResult(success=right, handled=False)

    def settings(self, **more: Any) -> dict[str, Any]:
        own = {"host": "127.0.0.1", "port": self.port, "from_address": "porter@example.test", "tls": "starttls"}
        return own | {"ca_file": self.ca_file} | more


class Encrypting(Controller):
    """Offers STARTTLS, takes no mail without it and no password before it."""

    def __init__(self, relay: Relay, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(relay, hostname="127.0.0.1", port=relay.port)

    def factory(self) -> SMTP:
        return SMTP(
            self.handler, tls_context=self._context, require_starttls=True, auth_require_tls=True,
            authenticator=self.handler.authenticate,
        )  # fmt: skip


@pytest.fixture(params=["127.0.0.1"])
def relay(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Relay]:
    cert_file, key_file = certificate(tmp_path, request.param)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    started = Relay(port, cert_file, [])
    server = Encrypting(started, context)
    server.start()
    yield started
    server.stop()


def test_a_mail_travels_encrypted(relay: Relay) -> None:
    assert base.build("email", relay.settings()).send(MESSAGE)
    ((content, encrypted, authenticated),) = relay.mails
    assert b"Calendar closed" in content
    assert (encrypted, authenticated) == (True, False)


def test_a_password_is_told_after_starttls(relay: Relay) -> None:
    base.build("email", relay.settings(username="porter", password="hunter2")).send(MESSAGE)
    assert [(encrypted, authenticated) for _, encrypted, authenticated in relay.mails] == [(True, True)]


def test_a_wrong_password_is_permanent_and_not_told(relay: Relay) -> None:
    with pytest.raises(PermanentError, match="SMTP 535") as caught:
        base.build("email", relay.settings(username="porter", password="wrong-one")).send(MESSAGE)
    assert "wrong-one" not in str(caught.value)
    assert relay.mails == []


def test_an_authority_that_nobody_knows_is_refused(relay: Relay) -> None:
    with pytest.raises(PermanentError, match="certificate cannot be verified"):
        base.build("email", relay.settings(ca_file=None)).send(MESSAGE)
    assert relay.mails == []


@pytest.mark.parametrize("relay", ["127.0.0.2"], indirect=True)
def test_a_certificate_of_another_host_is_refused(relay: Relay) -> None:
    with pytest.raises(PermanentError, match="certificate cannot be verified"):
        base.build("email", relay.settings()).send(MESSAGE)
    assert relay.mails == []


def test_a_server_that_wants_encryption_gets_nothing_in_clear(relay: Relay) -> None:
    with pytest.raises(PermanentError, match="SMTP 530"):
        base.build("email", relay.settings(tls="none")).send(replace(MESSAGE, delivery_id="d2"))
    assert relay.mails == []


class Plain(Controller):
    """Knows no STARTTLS."""

    def factory(self) -> SMTP:
        return SMTP(self.handler)


def test_a_server_without_encryption_gets_no_mail(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    open_relay = Relay(port, certificate(tmp_path, "127.0.0.1")[0], [])
    server = Plain(open_relay, hostname="127.0.0.1", port=port)
    server.start()
    try:
        with pytest.raises((PermanentError, RetryableError)):
            base.build("email", open_relay.settings()).send(MESSAGE)
    finally:
        server.stop()
    assert open_relay.mails == []
