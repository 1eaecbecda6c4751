"""A portfolio of 24 listings with a year of figures and known holes, drops, alerts and changes; and a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sqlalchemy import insert

from python_nodes.domain.findings import AlertDraft
from python_nodes.domain.metrics import BandMatrix, FloatArray, MetricPoints
from python_nodes.domain.records import ChangeRecord
from python_nodes.login import login_token
from python_nodes.store import alerts, changes, connections, polls, portfolio, tables

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TODAY = NOON.date()
MANY_DAYS = 420
DAYS = np.arange(np.datetime64(TODAY) - MANY_DAYS, np.datetime64(TODAY))
CHANNELS = ("booking_com", "airbnb", "expedia", "vrbo")
PLACES = (("1001", "Harbour House", "lisbon", "PT", "Europe/Lisbon"),
          ("1002", "Old Mill", "porto", "PT", "Europe/Lisbon"),
          ("1003", "Ringstraße Rooms", "vienna", "AT", "Europe/Vienna"))  # fmt: skip
GAP = slice(MANY_DAYS - 20, MANY_DAYS - 16)
"""Four days of which the first listing has no figure at all."""
DROP_DAYS = 9
BAD = frozenset({"error", "warning"})
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
)


def told_portfolio() -> dict[str, Any]:
    """Three places with two units each, sold on all four channels."""
    return {
        "currency": "EUR",
        "properties": [
            {"external_id": key, "name": name, "market": market, "country": country, "subdivision": None,
             "timezone": zone, "currency": "EUR", "priority": 0.5}
            for key, name, market, country, zone in PLACES
        ],
        "units": [
            {"external_id": f"unit-{key}-{n}", "property_external_id": key, "name": f"Room {n}", "unit_count": 3,
             "base_price_minor": 12_000, "floor_price_minor": 8_000}
            for key, *_ in PLACES for n in (1, 2)
        ],
        "listings": [
            {"external_id": f"{key}{n}{channel[:2]}", "unit_external_id": f"unit-{key}-{n}", "channel": channel,
             "title": f"{name}, room {n}", "rate_plan_external_id": "standard"}
            for key, name, *_ in PLACES for n in (1, 2) for channel in CHANNELS
        ],
    }  # fmt: skip


@dataclass(frozen=True)
class Seeded:
    """The listings' numbers in the order of the portfolio, and what was drawn for them."""

    ids: list[int]
    bookings: FloatArray
    alert_ids: list[int] = field(default_factory=list)


def _drawn(many: int) -> tuple[dict[str, FloatArray], dict[str, tuple[FloatArray, FloatArray, FloatArray]]]:
    """Draw figures around weekday and season; the first listing loses half its bookings on its last days."""
    rng = np.random.default_rng(7)
    ahead = np.arange(MANY_DAYS)
    season = 1 + 0.25 * np.sin(2 * np.pi * ahead / 365) + 0.2 * (ahead % 7 >= 5)
    size = np.linspace(1.6, 0.6, many)[:, None]
    views = 60 * size * season
    sold = 3.2 * size * season
    truly = sold * np.where((np.arange(many)[:, None] == 0) & (ahead >= MANY_DAYS - DROP_DAYS), 0.3, 1.0)
    bookings, seen = rng.poisson(truly).astype(float), rng.poisson(views).astype(float)
    found = rng.poisson(views * 14).astype(float)
    price = 118 + 14 * np.sin(2 * np.pi * ahead / 365) + rng.normal(0, 2, (many, MANY_DAYS))
    share = np.clip(0.62 * season / season.mean() + rng.normal(0, 0.04, (many, MANY_DAYS)), 0, 1) / len(CHANNELS)
    values = {
        "search_impressions": found, "listing_views": seen, "click_through_rate": seen / found,
        "conversion_rate": bookings / np.maximum(seen, 1), "booking_velocity": bookings,
        "search_rank": np.round(12 + rng.normal(0, 2, (many, MANY_DAYS)) + 4 * (ahead > 390)), "listed_price": price,
        "competitor_price": price * 1.03,
        "availability": np.round(60 - 20 * (season - 1) + rng.normal(0, 2, (many, MANY_DAYS))),
        "occupancy": share, "review_score": np.full((many, MANY_DAYS), 8.7),
    }  # fmt: skip
    for drawn in values.values():
        drawn[0, GAP] = np.nan
    spread = 2.6 * np.sqrt(sold)
    bands = {
        "booking_velocity": (sold, np.maximum(sold - spread, 0), sold + spread),
        "listing_views": (views, views - 2.6 * np.sqrt(views), views + 2.6 * np.sqrt(views)),
    }
    return values, {name: tuple(part.copy() for part in parts) for name, parts in bands.items()}  # type: ignore[misc]


def _figures(worker: Worker, ids: list[int]) -> FloatArray:
    values, bands = _drawn(len(ids))
    owner = worker.settings.tenant_id
    points = MetricPoints(
        np.repeat(np.array(ids, dtype=np.int64), MANY_DAYS), np.tile(DAYS, len(ids)), "test", NOON,
        {name: drawn.ravel() for name, drawn in values.items()},
    )  # fmt: skip
    worker.services.metrics.write(owner, points)
    expected, lower, upper = ({name: parts[at] for name, parts in bands.items()} for at in range(3))
    worker.services.metrics.write_bands(owner, BandMatrix(np.array(ids, dtype=np.int64), DAYS, expected, lower, upper))
    return values["booking_velocity"]


def draft(listing_id: int, kind: str, category: Any, stake: int, since: date, title: str) -> AlertDraft:
    """An alert on one listing."""
    return AlertDraft(
        fingerprint=f"{kind}-{listing_id}", scope="listing", listing_id=listing_id, property_id=None, market=None,
        metric="booking_velocity", kind=kind, cause=kind, title=title, category=category, score=70.0, currency="EUR",
        impact_minor=stake, loss_per_day_minor=stake // 7, lost_so_far_minor=stake // 3, onset_date=since,
        raised_at=datetime(since.year, since.month, since.day, 12, tzinfo=UTC), evidence={}, parts={"confidence": 0.97},
    )  # fmt: skip


def _happened(worker: Worker, ids: list[int]) -> list[int]:
    day = timedelta(days=1)
    drafts = [
        draft(ids[0], "conversion_drop", "critical", 412_000, TODAY - DROP_DAYS * day, "Fewer guests book"),
        draft(ids[5], "not_bookable", "high", 188_000, TODAY - 3 * day, "Harbour House, room 2: closed on Airbnb"),
        draft(ids[9], "rank_drop", "medium", 61_500, TODAY - 6 * day, "Lower <img src=x onerror=alert(1)>"),
        draft(ids[17], "slow_decline", "low", 20_100, TODAY - 30 * day, "Ringstraße Rooms, room 1: a slow decline"),
        draft(ids[0], "price_out_of_range", "high", 90_000, TODAY - 60 * day, "Harbour House: a price lost a digit"),
    ]  # fmt: skip
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        made = alerts.insert_all(conn, [(one, "test") for one in drafts], notify=False)
        alerts.resolve(conn, made[-1], NOON - 52 * day, "test", notify=False)
        listings = portfolio.load_listings(conn)
        known = {one.external_id: one.listing_id for one in listings}
        changes.add(conn, [
            ChangeRecord(source="test", changed_at=NOON - 10 * day, channel="booking_com",
                         listing_external_id="10011bo",
                         property_external_id="1001", field="min_stay_nights", old="1", new="3", actor="ada"),
        ], known, {one.property_external_id: one.property_id for one in listings})  # fmt: skip
    return made


def _sync(worker: Worker) -> None:
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        for channel in CHANNELS:
            connection_id = connections.create(
                conn, vendor=channel, name=f"{channel} main", base_url="http://127.0.0.1:1", settings={},
                credentials={}, fernet_key=worker.services.fernet_key,
            )  # fmt: skip
            for operation in ("reservations", "ari", "performance"):
                fails = (channel, operation) == ("vrbo", "ari")
                for at in (NOON - timedelta(days=2), NOON):
                    run = polls.start(conn, connection_id, operation, at)
                    error = "HTTP 503 from the channel" if fails and at == NOON else None
                    counts = {"fetched": 10, "stored": 0 if error else 10, "unchanged": 0, "rejected": 0}
                    polls.finish(conn, run, counts, finished_at=at, error=error)


def _nights(worker: Worker, ids: list[int]) -> None:
    rows = []
    for listing_id in ids:
        for ahead in range(90):
            weekend = (TODAY + timedelta(days=ahead)).weekday() >= 4
            rows.append({
                "listing_id": listing_id, "rate_plan_external_id": "standard", "observed_at": NOON,
                "stay_date": TODAY + timedelta(days=ahead),
                "price_minor": None if ahead == 33 else 11_000 + 4_000 * weekend + 30 * ahead,
                "currency": "EUR", "is_open": not 40 <= ahead < 45, "units_left": 0 if ahead % 11 == 4 else 2,
                "min_stay_nights": 2 if weekend else 1, "fees_minor": 0, "source": "test",
            })  # fmt: skip
    stays = [
        {
            "source": "test", "external_id": f"{listing_id}-{number}", "source_version": 1, "source_updated_at": NOON,
            "listing_id": listing_id, "check_in_date": TODAY + timedelta(days=5),
            "check_out_date": TODAY + timedelta(days=7),
            "booked_at": NOON - timedelta(days=number), "total_amount_minor": 24_000, "currency": "EUR",
            "status": "confirmed", "channel": "booking_com",
        }
        for listing_id in ids for number in range(1, 120)
    ]  # fmt: skip
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        conn.execute(insert(tables.ari_current), rows)
        conn.execute(insert(tables.bookings), stays)


@pytest.fixture(scope="module")
def seeded(worker: Worker) -> Seeded:
    """Store it all."""
    worker.post("/v1/portfolio", told_portfolio()).raise_for_status()
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        ids = [one.listing_id for one in portfolio.load_listings(conn)]
    bookings = _figures(worker, ids)
    _sync(worker)
    _nights(worker, ids)
    return Seeded(ids=ids, bookings=bookings, alert_ids=_happened(worker, ids))


@pytest.fixture(scope="module")
def session(worker: Worker) -> dict[str, str]:
    """The cookie of whoever opened the printed link."""
    return {"Cookie": f"nightporter_session={_cookie(worker, worker.settings.tenant_id)}"}


def _cookie(worker: Worker, tenant_id: int) -> str:
    secret = worker.settings.secret_key.get_secret_value()
    answer = worker.client.get("/login", params={"token": login_token(secret, tenant_id)})
    return str(answer.cookies["nightporter_session"])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: install Debian's package chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield launched
        launched.close()


@dataclass
class Looked:
    """A page, and all that its console and its network complained of."""

    page: Page
    complaints: list[str]


@pytest.fixture
def look(worker: Worker, browser: Browser) -> Iterator[Any]:
    """Open an address as a session of the tenant, in a window of some width and theme."""
    contexts: list[BrowserContext] = []

    def opened(path: str, *, width: int = 1440, theme: Any = "light", wait: bool = True, gone: str = "") -> Looked:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        contexts.append(context)
        context.add_cookies(
            [{"name": "nightporter_session", "value": _cookie(worker, worker.settings.tenant_id), "url": worker.url}]
        )
        looked = Looked(page=context.new_page(), complaints=[])
        looked.page.on(
            "console", lambda said: looked.complaints.append(said.text) if said.type in {"error", "warning"} else None
        )
        looked.page.on("pageerror", lambda error: looked.complaints.append(str(error)))
        if gone:
            looked.page.route(gone, lambda route: route.abort())
        looked.page.goto(f"{worker.url}{path}")
        if wait:
            settle(looked.page)
        return looked

    yield opened
    for context in contexts:
        context.close()


def settle(page: Page) -> None:
    """Wait until no card that can be seen is still asked for."""
    page.wait_for_function(
        "() => [...document.querySelectorAll('[aria-busy]')]"
        ".every((one) => !one.checkVisibility({ contentVisibilityAuto: true }))",
        timeout=30_000,
    )
