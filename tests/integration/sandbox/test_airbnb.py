"""The simulated Airbnb over real HTTP, and polls of it into a real PostgreSQL."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx2
import numpy as np
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from python_nodes.app import create_app
from python_nodes.config import Settings
from python_nodes.domain.records import BookingRecord, External
from python_nodes.errors import PermanentError, RetryableError
from python_nodes.local import consent
from python_nodes.steps import alerts_raise, backfill, connection_admin, guards_check, poll, portfolio_import
from python_nodes.steps.services import Services
from python_nodes.store import (
    alerts,
    ari,
    bookings,
    connections,
    daily_bookings,
    health,
    jobs,
    migrate,
    polls,
    portfolio,
    rejected,
)
from python_nodes.vendors.airbnb.client import Client
from python_nodes.vendors.airbnb.oauth import authorization_url, new_verifier

BASE = "/airbnb"
API = f"{BASE}/assumed/v1"
CLIENT = {"client_id": "sandbox-airbnb-client", "client_secret": "sandbox-airbnb-secret"}
BACK = "http://127.0.0.1:9/back"
FAST = {"rate_limits": {"*": "1000/second"}, "advance_notice_nights": 1, "booking_window_nights": 365}


def asked(sandbox: Any, worker: Worker, redirect_uri: str = BACK) -> dict[str, Any]:
    base = str(sandbox.public.base_url).rstrip("/") + BASE
    wanted = connection_admin.Asked(
        vendor="airbnb", base_url=base, client_id=CLIENT["client_id"], redirect_uri=redirect_uri
    )
    return connection_admin.consent(worker.services, worker.tenant_id, wanted)


def consented(sandbox: Any, decision: str = "allow", worker: Worker | None = None) -> dict[str, str]:
    """Go through the consent page as a host does; returns what a connection needs, or without a worker a grant."""
    base = str(sandbox.public.base_url).rstrip("/") + BASE
    ask = asked(sandbox, worker) if worker else Client.consent(base, CLIENT["client_id"], BACK)
    page = sandbox.public.get(ask["url"])
    assert page.status_code == 200, page.text
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    form = {name: html.unescape(value) for name, value in fields} | {"decision": decision}
    answer = sandbox.public.post(f"{BASE}/oauth2/authorize", data=form)
    assert answer.status_code == 303
    told = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert told["state"] == [ask["state"]]
    code = told.get("code", [""])[0]
    if worker:
        return {**CLIENT, "authorization_code": code, "state": ask["state"]}
    return {**CLIENT, "authorization_code": code, "code_verifier": ask["code_verifier"], "redirect_uri": BACK}


def granted(sandbox: Any, **form: str) -> httpx2.Response:
    answer: httpx2.Response = sandbox.public.post(f"{BASE}/oauth2/token", data={**CLIENT, **form})
    return answer


def by_code(sandbox: Any, **changes: str) -> httpx2.Response:
    told = consented(sandbox)
    names = {"code": told["authorization_code"], "code_verifier": told["code_verifier"], "redirect_uri": BACK}
    return granted(sandbox, grant_type="authorization_code", **(names | changes))


@pytest.fixture
def api(sandbox: Any, t0: str) -> httpx2.Client:
    """The public client with an access token that is good at t0's noon."""
    client: httpx2.Client = sandbox.public
    client.headers["Authorization"] = f"Bearer {by_code(sandbox).json()['access_token']}"
    return client


def listing_ids(api: httpx2.Client) -> list[str]:
    return [one["listing_id"] for one in api.get(f"{API}/listings", params={"limit": 200}).json()["listings"]]


def test_a_host_may_say_no_and_a_stranger_is_not_sent_back(sandbox: Any, t0: str) -> None:
    assert consented(sandbox, "deny")["authorization_code"] == ""
    base = str(sandbox.public.base_url).rstrip("/") + BASE
    url = authorization_url(
        base, client_id=CLIENT["client_id"], redirect_uri="https://evil.example", state="s", verifier="v"
    )
    answer = sandbox.public.get(url)
    assert answer.status_code == 400
    assert "redirect_uri" in answer.text


def test_a_code_works_once_with_its_own_verifier(sandbox: Any, t0: str) -> None:
    told = consented(sandbox)
    form = {
        "grant_type": "authorization_code", "code": told["authorization_code"], "redirect_uri": BACK,
        "code_verifier": told["code_verifier"],
    }  # fmt: skip
    assert granted(sandbox, **form).status_code == 200
    assert granted(sandbox, **form).json()["error"] == "invalid_grant"
    assert by_code(sandbox, code_verifier=new_verifier()).json()["error"] == "invalid_grant"
    assert granted(sandbox, grant_type="password").json()["error"] == "unsupported_grant_type"
    assert granted(sandbox, **form, client_secret="wrong").status_code == 401


def test_a_replaced_refresh_token_is_taken_for_some_minutes_and_then_ends_the_consent(sandbox: Any, t0: str) -> None:
    first = by_code(sandbox).json()
    second = granted(sandbox, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    sandbox.step(f"{t0}T12:05:00+00:00")
    again = granted(sandbox, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert again.status_code == 200, "the answer may have been lost"
    sandbox.step(f"{t0}T12:30:00+00:00")
    assert granted(sandbox, grant_type="refresh_token", refresh_token=first["refresh_token"]).status_code == 400
    assert granted(sandbox, grant_type="refresh_token", refresh_token=second["refresh_token"]).status_code == 400
    bearer = {"Authorization": f"Bearer {second['access_token']}"}
    assert sandbox.public.get(f"{API}/listings", headers=bearer).status_code == 401


def test_an_access_token_lives_an_hour_of_the_simulated_clock(sandbox: Any, api: httpx2.Client, t0: str) -> None:
    assert api.get(f"{API}/listings").headers["X-Sandbox-Assumption"] == "true"
    sandbox.step(f"{t0}T12:59:00+00:00")
    assert api.get(f"{API}/listings").status_code == 200
    sandbox.step(f"{t0}T13:00:30+00:00")
    assert api.get(f"{API}/listings").status_code == 401
    assert api.get(f"{API}/listings", headers={"Authorization": "Bearer x"}).status_code == 401


def test_pages_hold_every_reservation_once(api: httpx2.Client, t0: str) -> None:
    params: dict[str, str] = {"booked_from": str(date.fromisoformat(t0) - timedelta(days=59)), "booked_to": t0}
    whole = api.get(f"{API}/reservations", params={**params, "limit": "200"}).json()["reservations"]
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = api.get(f"{API}/reservations", params={**params, "limit": "7", **({"cursor": cursor} if cursor else {})})
        found += [one["confirmation_code"] for one in page.json()["reservations"]]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert len(found) == len(set(found)) > 7
    assert found[: len(whole)] == [one["confirmation_code"] for one in whole]
    early = {**params, "booked_to": str(date.fromisoformat(t0) - timedelta(days=30)), "limit": "200"}
    moments = [one["booked_at"] for one in api.get(f"{API}/reservations", params=early).json()["reservations"]]
    assert moments
    assert max(moments) <= str(date.fromisoformat(t0) - timedelta(days=28))


@pytest.mark.parametrize(
    ("path", "params", "named"),
    [
        ("reservations", {"updated_after": "yesterday"}, "updated_after"),
        ("reservations", {"updated_after": "2026-03-01T00:00:00"}, "zone"),
        ("reservations", {"booked_from": "2026-03-01"}, "booked_to"),
        ("listings", {"limit": "0"}, "limit"),
        ("listings", {"cursor": "nonsense"}, "cursor"),
        ("listings", {"fields": "all"}, "fields"),
        ("calendars", {"from": "2026-03-30", "to": "2026-03-31"}, "listing_ids"),
        ("calendars", {"from": "2026-03-31", "to": "2026-03-30", "listing_ids": "1"}, "from"),
        ("review_summaries", {"listing_ids": "nowhere"}, "nowhere"),
    ],
)
def test_a_bad_request_is_told_which_field(api: httpx2.Client, path: str, params: dict[str, str], named: str) -> None:
    answer = api.get(f"{API}/{path}", params=params)
    assert answer.status_code == 400
    assert named in answer.json()["error_description"]


def test_the_feed_and_the_calendar_tell_the_same_nights(api: httpx2.Client, t0: str) -> None:
    first = date.fromisoformat(t0)
    links = api.get(f"{API}/calendar_links").json()["links"]
    for listing_id in listing_ids(api)[:4]:
        window = {"listing_ids": listing_id, "from": t0, "to": str(first + timedelta(days=89))}
        told = api.get(f"{API}/calendars", params=window).json()["calendars"][0]["days"]
        taken = {one["date"] for one in told if one["status"] != "available"}
        events = re.findall(r"DTSTART;VALUE=DATE:(\d+)\r\nDTEND;VALUE=DATE:(\d+)", api.get(links[listing_id]).text)
        nights = set()
        for begin, end in events:
            day, last = (datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date() for text in (begin, end))
            nights |= {str(day + timedelta(days=n)) for n in range((last - day).days)}
        assert taken <= nights
        assert str(first) in nights, "the notice of one night"


def test_a_feed_needs_its_secret_and_nothing_else(sandbox: Any, api: httpx2.Client) -> None:
    link = next(iter(api.get(f"{API}/calendar_links").json()["links"].values()))
    with httpx2.Client(trust_env=False) as anybody:
        assert anybody.get(link).status_code == 200
        assert anybody.get(link[:-1] + "x").status_code == 404
        sandbox.fault(vendor="airbnb", name="empty_feed", operation="ical")
        assert "VEVENT" not in anybody.get(link).text
        assert "VEVENT" in anybody.get(link).text


@pytest.mark.parametrize(("name", "status"), [("unauthorized", 401), ("rate_limited", 429), ("server_error", 500)])
def test_faults_by_setting(sandbox: Any, api: httpx2.Client, name: str, status: int) -> None:
    sandbox.fault(vendor="airbnb", name=name, operation="listings")
    assert api.get(f"{API}/listings").status_code == status
    assert api.get(f"{API}/listings").status_code == 200
    sandbox.fault(vendor="airbnb", name="malformed", operation="listings")
    with pytest.raises(json.JSONDecodeError):
        api.get(f"{API}/listings").json()


@dataclass(frozen=True)
class Worker:
    """The steps' services on real stores, with the sandbox's portfolio imported."""

    services: Services
    tenant_id: int
    owner_url: str

    def connect(self, sandbox: Any, credentials: dict[str, str], **settings: Any) -> int:
        """Add a connection to the sandbox's Airbnb."""
        base_url = str(sandbox.public.base_url).rstrip("/") + BASE
        wanted = connection_admin.NewConnection(
            vendor="airbnb", name=uuid4().hex, base_url=base_url, settings={**FAST, **settings}, credentials=credentials
        )
        return connection_admin.add(self.services, self.tenant_id, wanted)

    def poll(self, connection_id: int, operation: str, as_of: str) -> poll.PollResult:
        """Poll as the endpoint does."""
        return poll.run(self.services, self.tenant_id, connection_id, operation, datetime.fromisoformat(as_of))


@pytest.fixture
def worker(
    sandbox: Any, pg_admin_url: str, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    owner_url, app_url = migrate.provision(pg_admin_url, f"np_{uuid4().hex[:12]}", "app-secret", "owner-secret")
    migrate.upgrade(owner_url)
    tenant_id = migrate.create_tenant(owner_url, "tenant-a", "EUR")
    settings = Settings(
        database_url=SecretStr(app_url), owner_url=SecretStr(owner_url), redis_url=SecretStr(valkey_url),
        secret_key=SecretStr(Fernet.generate_key().decode()), raw_root=tmp_path_factory.mktemp("raw"),
        tenant_id=tenant_id, retry_attempts=1,
    )  # fmt: skip
    services: Services = create_app(settings).extensions["nightporter"]
    document = json.loads((sandbox.out_dir / "portfolio.json").read_text())
    portfolio_import.run(services, tenant_id, document)
    yield Worker(services, tenant_id, owner_url)
    services.database.dispose()


def ical_only(api: httpx2.Client, base_url: str) -> dict[str, str]:
    """What a host copies from each listing's page."""
    links = api.get(f"{API}/calendar_links").json()["links"]
    return {f"ical.{listing_id}": link for listing_id, link in links.items()}


def stored_credentials(worker: Worker, connection_id: int) -> dict[str, str]:
    with worker.services.database.tenant(worker.tenant_id) as conn:
        return dict(connections.get(conn, connection_id, worker.services.fernet_key).credentials)


def stale(worker: Worker, connection_id: int, as_of: str) -> dict[str, Any]:
    told = connection_admin.listed(worker.services, worker.tenant_id, datetime.fromisoformat(as_of))
    return next(one for one in told if one["id"] == connection_id)


def test_a_hosts_consent_becomes_bookings_nights_and_status(
    sandbox: Any, api: httpx2.Client, worker: Worker, t0: str
) -> None:
    noon = f"{t0}T12:00:00+00:00"
    connection_id = worker.connect(sandbox, consented(sandbox, worker=worker))
    eve = date.fromisoformat(t0) - timedelta(days=1)
    with worker.services.database.tenant(worker.tenant_id) as conn:
        jobs.create(conn, "job", "backfill", 0, at=datetime.fromisoformat(noon))
    request = backfill.Request(
        connection_id=connection_id, start=eve - timedelta(days=58), end=eve, as_of=datetime.fromisoformat(noon)
    )
    done = backfill.run(worker.services, worker.tenant_id, "job", request)
    assert done["rejected"] == 0
    assert done["unchanged"] < done["fetched"] / 10, "no month is told twice"
    params = {"booked_from": str(eve - timedelta(days=58)), "booked_to": t0, "limit": "200"}
    told, cursor = [], None
    while cursor is not None or not told:
        page = api.get(f"{API}/reservations", params={**params, **({"cursor": cursor} if cursor else {})}).json()
        told, cursor = told + page["reservations"], page["next_cursor"]
        if cursor is None:
            break
    ids = listing_ids(api)
    with worker.services.database.tenant(worker.tenant_id) as conn:
        ours = {one.external_id: one for one in portfolio.load_listings(conn) if one.channel == "airbnb"}
        rows = [ours[one].listing_id for one in ids]
        zones = [ours[one].timezone for one in ids]
        stats = daily_bookings.daily_stats(conn, rows, zones, eve - timedelta(days=60), eve + timedelta(days=2))
        matrix = ari.current(conn, rows, date.fromisoformat(t0), date.fromisoformat(t0) + timedelta(days=89))
        status = health.current(conn, rows).status
    assert sorted(ours) == sorted(ids)
    assert int(stats.bookings.sum()) == len(told) > 20
    assert matrix.known.all()
    assert np.isfinite(matrix.price_minor).all()
    assert set(status.tolist()) <= {"bookable", "suspended"}
    again = worker.poll(connection_id, "ari", noon)
    assert (again.stored, again.unchanged) == (0, again.fetched)


def test_the_refresh_token_is_replaced_each_day_and_the_consent_goes_on(sandbox: Any, worker: Worker, t0: str) -> None:
    connection_id = worker.connect(sandbox, consented(sandbox, worker=worker))
    seen = set()
    for day in range(3):
        now = f"{date.fromisoformat(t0) + timedelta(days=day)}T12:00:00+00:00"
        sandbox.step(now)
        assert worker.poll(connection_id, "health", now).fetched > 0
        seen.add(stored_credentials(worker, connection_id)["refresh_token"])
    assert len(seen) == 3


def test_feeds_alone_tell_nights_without_prices(sandbox: Any, api: httpx2.Client, worker: Worker, t0: str) -> None:
    noon, first = f"{t0}T12:00:00+00:00", date.fromisoformat(t0)
    connection_id = worker.connect(sandbox, ical_only(api, BASE))
    assert stale(worker, connection_id, noon)["operations"] == ["ical_calendar"]
    done = worker.poll(connection_id, "ical_calendar", noon)
    ids = listing_ids(api)
    assert (done.fetched, done.rejected) == (365 * len(ids), 0)
    with worker.services.database.tenant(worker.tenant_id) as conn:
        ours = {one.external_id: one.listing_id for one in portfolio.load_listings(conn)}
        matrix = ari.current(conn, [ours[one] for one in ids], first, first + timedelta(days=89))
    assert matrix.known.all()
    assert np.isnan(matrix.price_minor).all()
    for row, listing_id in enumerate(ids):
        window = {"listing_ids": listing_id, "from": t0, "to": str(first + timedelta(days=89))}
        told = api.get(f"{API}/calendars", params=window).json()["calendars"][0]["days"]
        # The notice of one night stands in the feed only.
        is_free = np.array([one["status"] == "available" for one in told])[1:]
        assert not (matrix.units_left[row, 1:] > 0)[~is_free].any(), listing_id
        assert matrix.is_open[row, 0]


def test_an_empty_feed_keeps_the_last_good_nights_and_marks_them_stale(
    sandbox: Any, api: httpx2.Client, worker: Worker, t0: str
) -> None:
    noon, later = f"{t0}T12:00:00+00:00", f"{t0}T13:00:00+00:00"
    credentials = dict(list(ical_only(api, BASE).items())[:1])
    (listing_id,) = (name.removeprefix("ical.") for name in credentials)
    connection_id = worker.connect(sandbox, credentials)
    worker.poll(connection_id, "ical_calendar", noon)
    assert stale(worker, connection_id, noon)["stale_since_at"] is None

    def nights() -> Any:
        with worker.services.database.tenant(worker.tenant_id) as conn:
            ours = {one.external_id: one.listing_id for one in portfolio.load_listings(conn)}
            return ari.current(conn, [ours[listing_id]], date.fromisoformat(t0), date.fromisoformat(t0))

    before = nights()
    sandbox.fault(vendor="airbnb", name="empty_feed", operation="ical")
    done = worker.poll(connection_id, "ical_calendar", later)
    assert (done.fetched, done.rejected, done.stored) == (1, 1, 0)
    after = nights()
    assert after.observed_at.tolist() == before.observed_at.tolist()
    assert after.units_left.tolist() == before.units_left.tolist()
    with worker.services.database.tenant(worker.tenant_id) as conn:
        (kept,) = rejected.list_open(conn, worker.services.archive.keys.of(conn))
    assert "empty" in kept.item.reason
    told = stale(worker, connection_id, later)
    assert told["stale_since_at"] == datetime.fromisoformat(later)
    assert told["stale"][0]["last_good_at"] == datetime.fromisoformat(noon)
    worker.poll(connection_id, "ical_calendar", f"{t0}T14:00:00+00:00")
    assert stale(worker, connection_id, f"{t0}T14:00:00+00:00")["stale_since_at"] is None
    assert stale(worker, connection_id, later)["stale_since_at"] == datetime.fromisoformat(later), (
        "as it was known then"
    )


def test_a_night_blocked_because_it_is_sold_elsewhere_is_not_closed(
    sandbox: Any, api: httpx2.Client, worker: Worker, t0: str
) -> None:
    noon, first = f"{t0}T12:00:00+00:00", date.fromisoformat(t0)
    connection_id = worker.connect(sandbox, ical_only(api, BASE))
    worker.poll(connection_id, "ical_calendar", noon)
    with worker.services.database.tenant(worker.tenant_id) as conn:
        listings = portfolio.load_listings(conn)
        single = [one for one in listings if one.channel == "airbnb" and one.unit_count == 1]
        twins = {one.unit_id: one for one in listings if one.channel in ("vrbo", "booking_com")}
        last = first + timedelta(days=89)
        matrix = ari.current(conn, [one.listing_id for one in single], first, last)
        shut = matrix.known & ~matrix.is_open
        row = next(row for row, one in enumerate(single) if one.unit_id in twins and shut[row].any())
        night: date = matrix.nights[shut[row]][0].item()
        noon_at = datetime.fromisoformat(noon)
        booking = BookingRecord(
            origin=External(source="t", external_id="b", source_version=1, source_updated_at=noon_at),
            listing_external_id=twins[single[row].unit_id].external_id, rate_plan_external_id=None,
            check_in_date=night, check_out_date=night + timedelta(days=1), booked_at=noon_at,
            cancelled_at=None, total_amount_minor=1, currency="EUR", status="confirmed",
        )  # fmt: skip
        twin = twins[single[row].unit_id]
        bookings.upsert(conn, [booking], {twin.external_id: twin.listing_id})
    worker.poll(connection_id, "ical_calendar", f"{t0}T13:00:00+00:00")
    with worker.services.database.tenant(worker.tenant_id) as conn:
        after = ari.current(conn, [one.listing_id for one in single], first, last)
    changed = np.argwhere(after.is_open != matrix.is_open).tolist()
    assert changed == [[row, (night - first).days]]
    assert after.units_left[row, (night - first).days] == 0


def test_an_outage_is_told_since_its_first_failure(sandbox: Any, worker: Worker, t0: str) -> None:
    connection_id = worker.connect(sandbox, consented(sandbox, worker=worker))
    hours = [f"{t0}T{hour}:00:00+00:00" for hour in (12, 13, 14)]
    worker.poll(connection_id, "health", hours[0])
    sandbox.fault(vendor="airbnb", name="server_error", operation="listings", times=2)
    for hour in hours[1:]:
        with pytest.raises(RetryableError):
            worker.poll(connection_id, "health", hour)
    told = stale(worker, connection_id, hours[2])
    assert told["stale_since_at"] == datetime.fromisoformat(hours[1])
    assert [(one["operation"], one["reason"]) for one in told["stale"]] == [
        ("health", "airbnb health: failed with 500")
    ]
    with worker.services.database.tenant(worker.tenant_id) as conn:
        (one,) = polls.freshness(conn, datetime.fromisoformat(hours[0]))
    assert (one.succeeded_at, one.failing_since_at) == (datetime.fromisoformat(hours[0]), None)


def test_up_consents_in_the_simulated_hosts_place(sandbox: Any, worker: Worker, t0: str) -> None:
    ask = asked(sandbox, worker, consent.REDIRECT_URI)
    connection_id = worker.connect(sandbox, consent.allow(ask, **CLIENT))
    assert worker.poll(connection_id, "health", f"{t0}T12:00:00+00:00").fetched > 0
    with pytest.raises(PermanentError, match="400"):
        consent.allow({**ask, "url": ask["url"].replace("S256", "plain")}, **CLIENT)


def test_a_vendor_that_asks_nobody_says_so(worker: Worker) -> None:
    wanted = connection_admin.Asked(vendor="booking_com", base_url="http://x", client_id="c", redirect_uri=BACK)
    with pytest.raises(PermanentError, match="asks nobody"):
        connection_admin.consent(worker.services, worker.tenant_id, wanted)


def test_a_state_is_good_once_for_an_hour_and_for_who_asked(sandbox: Any, worker: Worker) -> None:
    told = consented(sandbox, worker=worker)
    for wrong in ({"state": "guessed"}, {"state": ""}, {"client_id": "another"}):
        with pytest.raises(PermanentError, match=r"credentials\.state") as caught:
            worker.connect(sandbox, {**told, **wrong})
        assert told["state"] not in str(caught.value)
    # A verifier of the caller's own is worth nothing: who brings a code must have asked.
    with pytest.raises(PermanentError, match=r"credentials\.state"):
        worker.connect(sandbox, {**told, "state": "", "code_verifier": new_verifier(), "redirect_uri": BACK})
    other = migrate.create_tenant(worker.owner_url, "tenant-b", "EUR")
    with pytest.raises(PermanentError, match=r"credentials\.state"):
        replace(worker, tenant_id=other).connect(sandbox, told)
    later = replace(worker.services, clock=lambda: datetime.now(UTC) + connection_admin.CONSENT_LIFE)
    with pytest.raises(PermanentError, match=r"credentials\.state"):
        replace(worker, services=later).connect(sandbox, told)
    kept = stored_credentials(worker, worker.connect(sandbox, told))
    assert "state" not in kept
    assert 43 <= len(kept["code_verifier"]) <= 128
    with pytest.raises(PermanentError, match=r"credentials\.state"):
        worker.connect(sandbox, told)


def test_a_consent_that_ended_is_told_to_people(sandbox: Any, worker: Worker, t0: str) -> None:
    connection_id = worker.connect(sandbox, {**CLIENT, "refresh_token": "of another time"})
    with pytest.raises(PermanentError, match="consent again"):
        worker.poll(connection_id, "health", f"{t0}T12:00:00+00:00")
    told = stale(worker, connection_id, f"{t0}T12:00:00+00:00")
    assert told["stale"][0]["last_good_at"] is None
    assert "another time" not in told["stale"][0]["reason"]
    # At the first refusal, not at the third failed poll; and it is over once the host has consented anew.
    assert told["access_refused_at"] is not None
    assert raised(worker, t0, 13) == {"Access to Airbnb ends"}
    wanted = consented(sandbox, worker=worker)
    base = str(sandbox.public.base_url).rstrip("/") + BASE
    again = connection_admin.NewConnection(
        vendor="airbnb", name=told["name"], base_url=base, settings=FAST, credentials=wanted,
        access_ends_at=datetime.fromisoformat(f"{t0}T00:00:00+00:00") + timedelta(days=20),
    )  # fmt: skip
    assert connection_admin.add(worker.services, worker.tenant_id, again) == connection_id
    worker.poll(connection_id, "health", f"{t0}T14:00:00+00:00")
    assert raised(worker, t0, 14) == set()
    later = str(date.fromisoformat(t0) + timedelta(days=7))
    assert raised(worker, later, 12) == {"Access to Airbnb ends"}


def raised(worker: Worker, day: str, hour: int) -> set[str]:
    """The headlines of what stands about the access, after a sweep."""
    as_of = datetime.fromisoformat(f"{day}T{hour}:00:00+00:00")
    guards_check.run(worker.services, worker.tenant_id, as_of)
    alerts_raise.run(worker.services, worker.tenant_id, as_of)
    with worker.services.database.tenant(worker.tenant_id) as conn:
        return {one.title.partition(":")[0] for one in alerts.open_all(conn) if one.kind == "access_ending"}
