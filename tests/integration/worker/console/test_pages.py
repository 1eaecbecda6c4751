"""The console over HTTP: who sees what, under which policy, and what is said where something is not there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
import pytest
from lxml import html

from python_nodes.console import listing, portfolio
from python_nodes.console.page import assets
from python_nodes.login import login_token
from python_nodes.store import migrate

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

PEOPLE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def get(worker: Worker, path: str, session: dict[str, str] | None, **headers: str) -> httpx2.Response:
    return httpx2.get(worker.url + path, headers=PEOPLE | (session or {}) | headers, timeout=30)


def addresses(seeded: Any) -> list[str]:
    one = f"/console/listing/{seeded.ids[0]}"
    return [
        "/console/portfolio", "/console/alerts", one, "/console/find?q=harbour",
        *(f"/console/portfolio/{card}" for card in portfolio.CARDS), *(f"{one}/{card}" for card in listing.CARDS),
    ]  # fmt: skip


def chart(answer: httpx2.Response) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(html.fromstring(answer.text).xpath("//*[@data-chart]")[0].get("data-chart"))
    return told


def test_nothing_on_any_page_is_inline_or_from_elsewhere(worker: Worker, seeded: Any, session: dict[str, str]) -> None:
    for address in addresses(seeded):
        answer = get(worker, address, session)
        assert answer.status_code == 200, (address, answer.text[:500])
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'; style-src 'self';" in policy
        assert "unsafe" not in policy
        page = html.fromstring(answer.text)
        assert page.xpath("//script[not(@src)] | //style | //@style") == [], address
        assert [name for name in page.xpath("//@*") if getattr(name, "attrname", "").startswith("on")] == []
        loaded = [*page.xpath("//@src"), *page.xpath("//link/@href")]
        assert [one for one in loaded if urlsplit(one).scheme not in {"", "data"} or one.startswith("//")] == []


def test_a_listings_bookings_are_those_that_were_told_and_missing_days_stay_gaps(
    worker: Worker, seeded: Any, session: dict[str, str]
) -> None:
    answer = get(worker, f"/console/listing/{seeded.ids[0]}/booking_velocity?days=30", session)
    shown = chart(answer)["lines"][0]["values"]
    told = [None if value != value else value for value in seeded.bookings[0, -29:].tolist()]
    # The thirtieth day is today, of which no report can tell yet.
    assert shown == [*told, None]
    assert shown.count(None) == 5
    assert "4 days are missing." in answer.text


def test_the_portfolio_adds_up_what_was_picked(worker: Worker, seeded: Any, session: dict[str, str]) -> None:
    answer = get(worker, "/console/portfolio/bookings?market=porto&channel=vrbo&days=30", session)
    # The second place's two units, each on the fourth channel.
    wanted = seeded.bookings[[11, 15], -29:].sum(axis=0)
    assert chart(answer)["lines"][0]["values"][:-1] == pytest.approx(wanted.tolist())
    now = html.fromstring(get(worker, "/console/portfolio/now", session).text)
    assert now.xpath("string(//*[contains(@class, 'first')]//*[@class='big'])") == "6,816 EUR"


def test_alerts_and_changes_are_marked_in_a_listings_charts(
    worker: Worker, seeded: Any, session: dict[str, str]
) -> None:
    marks = chart(get(worker, f"/console/listing/{seeded.ids[0]}/listing_views", session))["marks"]
    assert [(mark["kind"], mark["tone"], mark["from"], mark["to"]) for mark in marks] == [
        ("alert", "critical", 80, None), ("alert", "high", 29, 37), ("change", "change", 79, None),
    ]  # fmt: skip


def test_without_a_session_a_person_is_told_so_in_words(worker: Worker, seeded: Any) -> None:
    answer = get(worker, "/console/portfolio", None)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "Your session has ended" in answer.text
    part = get(worker, "/console/portfolio/now", None, **{"HX-Request": "true"})
    assert part.status_code == 401
    assert "<html" not in part.text
    program = httpx2.get(f"{worker.url}/console/portfolio")
    assert program.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/console/listing/999999", 404, "There is no listing 999999 among yours."),
        ("/console/listing/999999/header", 404, "There is no such card."),
        ("/console/portfolio/secrets", 404, "There is no such card."),
        ("/console/portfolio?days=7", 422, "is one of 30, 90, 365"),
        ("/console/static/000000000000/no.js", 404, "There is no such file."),
        ("/console/static/000000000000/../page.py", 404, ""),
    ],
)
def test_what_is_not_there_is_said_in_words(
    worker: Worker, seeded: Any, session: dict[str, str], path: str, status: int, word: str
) -> None:
    answer = get(worker, path, session)
    assert answer.status_code == status
    assert word in html.fromstring(answer.text).text_content()


def test_another_tenants_session_sees_nothing_of_this_one(worker: Worker, seeded: Any) -> None:
    owner_url = worker.settings.owner_url
    assert owner_url is not None
    stranger = migrate.create_tenant(owner_url.get_secret_value(), "tenant-b", "USD")
    secret = worker.settings.secret_key.get_secret_value()
    answer = httpx2.get(f"{worker.url}/login", params={"token": login_token(secret, stranger)})
    session = {"Cookie": f"nightporter_session={answer.cookies['nightporter_session']}"}
    assert "There is no listing yet" in get(worker, "/console/portfolio", session).text
    assert get(worker, f"/console/listing/{seeded.ids[0]}", session).status_code == 404
    for address in [*addresses(seeded)[3:], "/console/alerts"]:
        text = get(worker, address, session).text
        assert not any(name in text for name in ("Harbour", "Old Mill", "Fewer guests book", "vrbo main")), address
        assert "data-chart" not in text, address
    assert "0 USD" in get(worker, "/console/portfolio/now", session).text


def test_a_session_may_read_and_nothing_else(worker: Worker, seeded: Any, session: dict[str, str]) -> None:
    for path in ("/console/portfolio", "/v1/alerts/1/actions", "/console/alerts"):
        answer = httpx2.post(worker.url + path, headers=session, json={"kind": "acknowledge", "actor": "eve"})
        assert answer.status_code in {401, 403, 405}, path


def test_listings_are_found_by_their_words_and_no_wildcard_finds_all(
    worker: Worker, seeded: Any, session: dict[str, str]
) -> None:
    assert get(worker, "/console/find?q=harbour+vrbo", session).text.count('role="option"') == 2
    assert get(worker, "/console/find?q=harbour&market=porto", session).text.count('role="option"') == 0
    assert "No listing is called like that" in get(worker, "/console/find?q=%25", session).text


def test_files_are_kept_for_good_and_packed(worker: Worker, seeded: Any, session: dict[str, str]) -> None:
    page = html.fromstring(get(worker, "/console/portfolio", session).text)
    sources = page.xpath("//script/@src")
    assert len(sources) == 5
    for source in sources:
        answer = get(worker, source, session)
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.content == assets()[source.split("/", 4)[4]].content
    assert get(worker, sources[0], None).status_code == 401
