"""Where outgoing webhooks may not go, however it is written, and that what is dialled is what was looked at."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer

from python_nodes.errors import PermanentError, RetryableError
from python_nodes.notify import webhook_dial, webhook_guard
from python_nodes.notify.webhook_guard import Guard

NAME = "hooks.example.test"
LOOPBACK = webhook_guard.networks("127.0.0.1/32")


def says(*answers: Sequence[str]) -> Callable[[str, int], Sequence[str]]:
    """Return a resolver that answers differently each time, the last over and over."""
    left = list(answers)
    return lambda host, port: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize(
    "url",
    [
        "http//example.com", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "//example.com/",
        "https://user@example.com/", "https://user:pw@example.com/", "https://example.com@169.254.169.254/",
        "https://example.com\\@127.0.0.1/", "https://example.com#@127.0.0.1/", "https://exa mple.com/",
        "https://example.com/\r\nHost: x", "https://example.com/\x00", " https://example.com/", "https:///path",
        "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/",
        "https://127.0.0.1.1/", "https://0/", "https://256.1.1.1/", "https://example.0x1/", "https://1.2.3.08/",
        "https://bücher.example/", "https://127。0。0。1/", "https://１２７.0.0.1/", "https://ⓛocalhost/",
        "https://localhost%00.example.com/", "https://%31%32%37.0.0.1/", "https://[::1%25lo]/", "https://[::g]/",
        "https://[fe80::1%eth0]/", "https://example.com:0/", "https://example.com:65536/", "https://example.com:/x",
        "https://example..com/", "https://.example.com/", "https://example.com../", "https://" + "a" * 2000,
        "https://exampleſ.com/", "https://example.com/a b", "",
    ],
)  # fmt: skip
def test_what_is_not_plainly_an_address_is_refused_unread(url: str) -> None:
    with pytest.raises(PermanentError) as caught:
        webhook_guard.read(url)
    assert (caught.value.status, caught.value.field) == (422, "url")


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("https://Example.COM", "example.com", 443, "/"),
        ("HTTPS://example.com./hook?a=b%20c&d=/", "example.com", 443, "/hook?a=b%20c&d=/"),
        ("https://xn--bcher-kva.example:8443/x", "xn--bcher-kva.example", 8443, "/x"),
        ("https://8.8.8.8?x", "8.8.8.8", 443, "/?x"),
        ("https://[2606:4700:0:0::1111]/", "2606:4700::1111", 443, "/"),
        ("http://n8n:5678/webhook/x", "n8n", 5678, "/webhook/x"),
    ],
)
def test_a_plain_address_is_read_as_its_parts(url: str, host: str, port: int, target: str) -> None:
    found = webhook_guard.read(url)
    assert (found.host, found.port, found.target) == (host, port, target)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "203.0.113.1",
        "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2002:7f00:1::", "2001::1", "2001:db8::1", "3fff::1",
        "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "5f00::1",
    ],
)  # fmt: skip
def test_no_address_of_a_network_of_its_own_is_called(address: str) -> None:
    guard = Guard(resolver=says([address]))
    with pytest.raises(PermanentError, match="not public") as caught:
        guard.addresses(webhook_guard.read(f"https://{NAME}/"))
    assert address not in str(caught.value)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:808:808", "64:ff9b::808:808"])
def test_a_public_address_may_be_called(address: str) -> None:
    assert Guard(resolver=says([address])).addresses(webhook_guard.read(f"https://{NAME}/")) == [address]


@pytest.mark.parametrize("host", ["localhost", "localhost.", "LOCALHOST"])
def test_this_machines_own_resolver_leads_to_no_address_of_its_own(host: str) -> None:
    with pytest.raises(PermanentError, match="not public"):
        Guard().addresses(webhook_guard.read(f"https://{host}/"))


def test_one_bad_address_among_good_ones_refuses_the_host() -> None:
    with pytest.raises(PermanentError, match="not public"):
        Guard(resolver=says(["8.8.8.8", "10.0.0.1"])).addresses(webhook_guard.read(f"https://{NAME}/"))


@pytest.mark.parametrize(
    ("url", "why"), [("http://hooks.example.test/", "https"), ("https://hooks.example.test:8443/", "port 443")]
)
def test_a_stranger_is_called_by_https_on_its_port_only(url: str, why: str) -> None:
    with pytest.raises(PermanentError, match=why):
        Guard(resolver=says(["8.8.8.8"])).addresses(webhook_guard.read(url))


def test_an_opened_network_may_be_called_in_any_way_and_opens_no_other() -> None:
    guard = Guard(networks=webhook_guard.networks("127.0.0.1/32, 10.2.0.0/16"), resolver=says(["10.2.3.4"]))
    assert guard.addresses(webhook_guard.read("http://n8n:5678/")) == ["10.2.3.4"]
    for other in (["10.3.0.1"], ["127.0.0.2"], ["10.2.3.4", "8.8.8.8"], ["::1"]):
        with pytest.raises(PermanentError):
            Guard(networks=guard.networks, resolver=says(other)).addresses(webhook_guard.read("http://n8n:5678/"))


def test_a_host_without_an_address_may_have_one_later() -> None:
    def none(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror("no such host")

    for guard in (Guard(resolver=none), Guard(resolver=says([]))):
        with pytest.raises(RetryableError):
            guard.addresses(webhook_guard.read(f"https://{NAME}/"))


def post(guard: Guard, url: str, timeout_s: float = 5.0, context: ssl.SSLContext | None = None) -> webhook_dial.Answer:
    return webhook_dial.post(
        guard, webhook_guard.read(url), b"{}", {"Content-Type": "application/json"}, timeout_s, context
    )


def test_a_name_that_changes_its_mind_is_asked_once_and_dialled_where_it_was_looked_at(httpserver: HTTPServer) -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    httpserver.expect_request("/hook").respond_with_data("", status=204)
    answer = post(Guard(networks=LOOPBACK, resolver=rebinding), f"http://{NAME}:{httpserver.port}/hook")
    assert (answer.status, asked) == (204, [NAME])
    ((request, _),) = httpserver.log
    assert request.headers["Host"] == f"{NAME}:{httpserver.port}"


def test_a_redirect_is_an_answer_and_is_not_followed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("", 302, {"Location": httpserver.url_for("/secret")})
    answer = post(Guard(networks=LOOPBACK), httpserver.url_for("/hook").replace("localhost", "127.0.0.1"))
    assert (answer.status, answer.is_taken) == (302, False)
    assert [request.path for request, _ in httpserver.log] == ["/hook"]


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[HTTPServer, ssl.SSLContext]]:
    """An HTTPS server whose certificate is for a name, and what trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    form = serialization.PrivateFormat.PKCS8
    both = tmp_path / "both.pem"
    both.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(both)
    server = HTTPServer(host="127.0.0.1", ssl_context=own)
    server.start()
    yield server, ssl.create_default_context(cafile=str(both))
    server.stop()


def test_the_certificate_is_checked_for_the_name_though_an_address_is_dialled(
    secure: tuple[HTTPServer, ssl.SSLContext],
) -> None:
    server, trusts = secure
    server.expect_request("/hook").respond_with_data("", status=200)
    guard = Guard(networks=LOOPBACK, resolver=says(["127.0.0.1"]))
    assert post(guard, f"https://{NAME}:{server.port}/hook", context=trusts).is_taken
    with pytest.raises(RetryableError, match="connection failed"):
        post(guard, f"https://other.example.test:{server.port}/hook", context=trusts)
    with pytest.raises(RetryableError, match="connection failed"):
        post(guard, f"https://{NAME}:{server.port}/hook")


@pytest.fixture
def drip() -> Iterator[int]:
    """A server that answers one byte of its head each tenth of a second, without end."""
    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not stop.wait(0.1):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield int(listening.getsockname()[1])
    stop.set()
    thread.join(timeout=5)
    listening.close()


def test_an_answer_that_drips_in_ends_in_time(drip: int) -> None:
    began = time.monotonic()
    with pytest.raises(RetryableError, match="no answer within"):
        post(Guard(networks=LOOPBACK), f"http://127.0.0.1:{drip}/", timeout_s=1.0)
    assert time.monotonic() - began < 3


def test_a_body_without_end_is_not_read(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data(b"x" * 20_000_000, status=200)
    began = time.monotonic()
    assert post(Guard(networks=LOOPBACK), f"http://127.0.0.1:{httpserver.port}/hook").is_taken
    assert time.monotonic() - began < 3


def test_a_network_is_read_or_named() -> None:
    assert webhook_guard.networks("") == ()
    assert webhook_guard.networks("10.0.0.0/8,fd00::/8")[1] == ipaddress.ip_network("fd00::/8")
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        webhook_guard.networks("10.0.0.1/8")
