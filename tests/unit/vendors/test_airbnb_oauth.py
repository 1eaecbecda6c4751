"""A host's consent: spent once, renewed once for all processes, and never lost."""

from __future__ import annotations

import base64
import hashlib
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from python_nodes.errors import PermanentError, RetryableError
from python_nodes.vendors.airbnb.client import Client
from python_nodes.vendors.airbnb.oauth import authorization_url, new_verifier
from python_nodes.vendors.base import HttpSettings, Runtime
from python_nodes.vendors.resilience import build_runtime

AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
FERNET_KEY = Fernet.generate_key().decode()
FAST = {"rate_limits": {"*": "1000/second"}}
CODE = {
    "client_id": "c", "client_secret": "s", "authorization_code": "code-1", "code_verifier": "v",
    "redirect_uri": "http://127.0.0.1/back",
}  # fmt: skip
REFRESH = {"client_id": "c", "client_secret": "s", "refresh_token": "refresh-0"}


@dataclass
class Safe:
    """A vault as a database would be: shared by all clients, outliving each."""

    held: dict[str, str]
    changes: list[dict[str, str | None]] = field(default_factory=list)
    ends: list[datetime | None] = field(default_factory=list)
    refusals: int = 0
    is_left: bool = False
    is_down: bool = False

    def read(self) -> Mapping[str, str]:
        return dict(self.held)

    def renewing(self) -> None:
        self.is_left = True

    def is_renewing(self) -> bool:
        return self.is_left

    def replace(self, changes: Mapping[str, str | None]) -> None:
        if self.is_down:
            raise RetryableError("the database is gone")
        self.is_left = False
        self.changes.append(dict(changes))
        self.held = {name: value for name, value in {**self.held, **changes}.items() if value is not None}

    def granted(self, ends_at: datetime | None) -> None:
        self.ends.append(ends_at)

    def refused(self) -> None:
        self.refusals += 1


@dataclass
class Airbnb:
    """A token endpoint that takes each refresh token once, and reads that take the newest access token only."""

    server: HTTPServer
    grants: list[dict[str, str]] = field(default_factory=list)
    good_refresh: str = "refresh-0"
    good_access: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.server.expect_request("/oauth2/token", method="POST").respond_with_handler(self.token)
        self.server.expect_request("/assumed/v1/listings").respond_with_handler(self.listings)

    def token(self, request: Request) -> Response:
        with self.lock:
            form = request.form.to_dict()
            self.grants.append(form)
            is_code = (form["grant_type"], form.get("code")) == ("authorization_code", "code-1")
            if not is_code and form.get("refresh_token") != self.good_refresh:
                return Response('{"error": "invalid_grant"}', status=400)
            number = len(self.grants)
            self.good_refresh, self.good_access = f"refresh-{number}", f"access-{number}"
            body = f'{{"access_token": "access-{number}", "refresh_token": "refresh-{number}", "expires_in": 3600}}'
            return Response(body)

    def listings(self, request: Request) -> Response:
        is_good = request.headers["Authorization"] == f"Bearer {self.good_access}"
        return Response('{"listings": [], "next_cursor": null}', status=200 if is_good else 401)


@pytest.fixture
def airbnb(httpserver: HTTPServer) -> Airbnb:
    return Airbnb(httpserver)


@pytest.fixture
def connection() -> str:
    return uuid.uuid4().hex


def _runtime(url: str, connection: str, vault: Safe) -> Runtime:
    return build_runtime(
        url, fernet_key=FERNET_KEY, vendor="airbnb", connection=connection, clock=lambda: AS_OF, sleep=lambda _: None,
        vault=vault, http=HttpSettings(attempts=2),
    )  # fmt: skip


def _poll(airbnb: Airbnb, runtime: Runtime, vault: Safe) -> int:
    client = Client(airbnb.server.url_for(""), vault.read(), FAST, runtime)
    try:
        return len(list(client.fetch_health(as_of=AS_OF)))
    finally:
        client.close()


def test_the_consent_page_is_asked_for_with_a_challenge_that_fits_the_verifier() -> None:
    verifier = new_verifier()
    assert 43 <= len(verifier) <= 128
    url = authorization_url(
        "https://a/", client_id="c", redirect_uri="http://127.0.0.1/b?x=1", state="s", verifier=verifier
    )
    told = parse_qs(urlsplit(url).query)
    assert url.startswith("https://a/oauth2/authorize?")
    digest = base64.urlsafe_b64decode(told["code_challenge"][0] + "=")
    assert digest == hashlib.sha256(verifier.encode()).digest()
    assert (told["redirect_uri"], told["code_challenge_method"]) == (["http://127.0.0.1/b?x=1"], ["S256"])
    assert verifier not in url


def test_a_code_is_spent_once_and_what_it_gave_is_kept(airbnb: Airbnb, valkey_url: str, connection: str) -> None:
    vault = Safe(dict(CODE))
    assert _poll(airbnb, _runtime(valkey_url, connection, vault), vault) == 1
    assert airbnb.grants[0]["code_verifier"] == "v"
    assert vault.held["refresh_token"] == "refresh-1"
    assert not {"authorization_code", "code_verifier"} & vault.held.keys()
    # The access token is lost; the next process refreshes.
    assert _poll(airbnb, _runtime(valkey_url, connection + "x", vault), vault) == 1
    assert [form["grant_type"] for form in airbnb.grants] == ["authorization_code", "refresh_token"]


def test_each_refresh_replaces_the_token_that_is_stored(airbnb: Airbnb, valkey_url: str, connection: str) -> None:
    vault = Safe(dict(REFRESH))
    for number in range(3):
        assert _poll(airbnb, _runtime(valkey_url, f"{connection}{number}", vault), vault) == 1
    assert [form["refresh_token"] for form in airbnb.grants] == ["refresh-0", "refresh-1", "refresh-2"]
    assert vault.held["refresh_token"] == "refresh-3"


def test_a_401_refreshes_once(airbnb: Airbnb, valkey_url: str, connection: str) -> None:
    vault = Safe(dict(REFRESH))
    runtime = _runtime(valkey_url, connection, vault)
    _poll(airbnb, runtime, vault)
    airbnb.good_access = "none so far"
    _poll(airbnb, runtime, vault)
    assert len(airbnb.grants) == 2


def test_many_processes_refresh_once(airbnb: Airbnb, valkey_url: str, connection: str) -> None:
    vault = Safe(dict(REFRESH))
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: _poll(airbnb, _runtime(valkey_url, connection, vault), vault), range(8)))
    assert done == [1] * 8
    assert len(airbnb.grants) == 1, "a second refresh would have spent the token again"


def test_a_process_that_dies_after_the_exchange_leaves_the_next_one_a_way_in(
    airbnb: Airbnb, valkey_url: str, connection: str
) -> None:
    class Dying:
        """Dies where the access token would be cached."""

        def get(self, key: str) -> str | None:
            return None

        def set(self, key: str, value: str | None, ttl_s: float) -> None:
            if not key.endswith(":next"):
                raise KeyboardInterrupt

    vault = Safe(dict(REFRESH))
    runtime = _runtime(valkey_url, connection, vault)
    with pytest.raises(KeyboardInterrupt):
        _poll(airbnb, replace(runtime, token_cache=Dying()), vault)
    assert vault.held["refresh_token"] == "refresh-1"
    assert _poll(airbnb, runtime, vault) == 1
    assert [form["refresh_token"] for form in airbnb.grants] == ["refresh-0", "refresh-1"]


def test_what_the_vault_could_not_take_is_not_lost(airbnb: Airbnb, valkey_url: str, connection: str) -> None:
    vault = Safe(dict(REFRESH), is_down=True)
    with pytest.raises(RetryableError, match="database is gone"):
        _poll(airbnb, _runtime(valkey_url, connection, vault), vault)
    assert (vault.held["refresh_token"], vault.is_left) == ("refresh-0", True)
    vault.is_down = False
    assert _poll(airbnb, _runtime(valkey_url, connection, vault), vault) == 1
    # What was spent is not used again, by a second attempt neither: it would end the host's consent.
    assert [form["refresh_token"] for form in airbnb.grants] == ["refresh-0", "refresh-1", "refresh-2"]
    assert (vault.held["refresh_token"], vault.is_left) == ("refresh-3", False)


def test_a_code_that_the_vault_could_not_exchange_is_not_lost(airbnb: Airbnb, valkey_url: str, connection: str) -> None:
    vault = Safe(dict(CODE), is_down=True)
    with pytest.raises(RetryableError, match="database is gone"):
        _poll(airbnb, _runtime(valkey_url, connection, vault), vault)
    vault.is_down = False
    assert _poll(airbnb, _runtime(valkey_url, connection, vault), vault) == 1
    used = [form.get("refresh_token", form.get("code")) for form in airbnb.grants]
    assert used == ["code-1", "refresh-1", "refresh-2"]
    assert not {"authorization_code", "code_verifier"} & vault.held.keys()


def test_a_host_who_consents_anew_has_nothing_to_do_with_what_was_given_before(
    airbnb: Airbnb, valkey_url: str, connection: str
) -> None:
    vault = Safe(dict(REFRESH), is_down=True)
    with pytest.raises(RetryableError):
        _poll(airbnb, _runtime(valkey_url, connection, vault), vault)
    vault.held, vault.is_down = dict(CODE), False
    assert _poll(airbnb, _runtime(valkey_url, connection, vault), vault) == 1
    assert airbnb.grants[-1]["grant_type"] == "authorization_code"


def test_nothing_is_used_up_where_nothing_can_be_stored(airbnb: Airbnb, valkey_url: str, connection: str) -> None:
    class Full(Safe):
        """A database that can be read and has no room."""

        def renewing(self) -> None:
            raise RetryableError("no room")

    vault = Full(dict(REFRESH))
    with pytest.raises(RetryableError, match="no room"):
        _poll(airbnb, _runtime(valkey_url, connection, vault), vault)
    assert airbnb.grants == []


def test_a_consent_that_ended_says_what_to_do_and_no_secret(airbnb: Airbnb, valkey_url: str, connection: str) -> None:
    vault = Safe({**REFRESH, "refresh_token": "stolen-long-ago"})
    with pytest.raises(PermanentError, match="consent again") as caught:
        _poll(airbnb, _runtime(valkey_url, connection, vault), vault)
    assert "stolen" not in str(caught.value)
    assert vault.changes == []


@pytest.mark.parametrize("told", ["1e400", "NaN", "-1", "1e300", str(2**80), "9" * 400, '"soon"', "{}"])
def test_an_end_that_no_calendar_holds_is_none_and_costs_no_token(
    told: str, httpserver: HTTPServer, valkey_url: str, connection: str
) -> None:
    httpserver.expect_request("/assumed/v1/listings").respond_with_json({"listings": [], "next_cursor": None})
    httpserver.expect_request("/oauth2/token").respond_with_data(
        f'{{"access_token": "a", "refresh_token": "b", "expires_in": 3600, "refresh_expires_in": {told}}}'
    )
    vault = Safe(dict(REFRESH))
    client = Client(httpserver.url_for(""), REFRESH, FAST, _runtime(valkey_url, connection, vault))
    assert list(client.fetch_health(as_of=AS_OF))
    assert (vault.ends, vault.held["refresh_token"]) == ([None], "b")


@pytest.mark.parametrize("told", ["1e400", "NaN"])
def test_an_access_token_that_never_ends_is_a_passing_failure(
    told: str, httpserver: HTTPServer, valkey_url: str, connection: str
) -> None:
    httpserver.expect_request("/oauth2/token").respond_with_data(f'{{"access_token": "a", "expires_in": {told}}}')
    vault = Safe(dict(REFRESH))
    client = Client(httpserver.url_for(""), REFRESH, FAST, _runtime(valkey_url, connection, vault))
    with pytest.raises(RetryableError, match="no access_token"):
        list(client.fetch_health(as_of=AS_OF))


def test_an_unreadable_grant_changes_nothing(httpserver: HTTPServer, valkey_url: str, connection: str) -> None:
    httpserver.expect_request("/oauth2/token").respond_with_data('{"access_token": ')
    vault = Safe(dict(REFRESH))
    client = Client(httpserver.url_for(""), REFRESH, FAST, _runtime(valkey_url, connection, vault))
    with pytest.raises(RetryableError, match="no access_token"):
        list(client.fetch_health(as_of=AS_OF))
    assert vault.changes == []


def test_a_lock_that_is_not_free_in_time_is_a_passing_failure(valkey_url: str, connection: str) -> None:
    locks = _runtime(valkey_url, connection, Safe({})).locks
    with (
        locks.hold(connection, held_s=30, wait_s=1),
        pytest.raises(RetryableError, match="another process"),
        locks.hold(connection, held_s=30, wait_s=0.2),
    ):
        pytest.fail("two hold it")
    with locks.hold(connection, held_s=30, wait_s=0.2):
        pass
