"""The worker under load: fifty mixed requests a second by locust, then 10,000 bookings handed in page by page.

Two gunicorn processes and Celery, PostgreSQL and Valkey, and the load itself, all on one machine; the database holds
1,000 listings, 400 days and 6,000 alerts. Locust is in the bench's own environment (`make bench` makes it).
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import Connection, text

from bench import _panel_world as world
from bench import _stack, verdicts
from python_nodes.alerts import identity
from python_nodes.console import listing as listing_page
from python_nodes.console import portfolio as portfolio_page
from python_nodes.domain.findings import Anomaly
from python_nodes.local.processes import free_port
from python_nodes.steps import portfolio_days
from python_nodes.store import anomalies, apikeys, migrate
from python_nodes.store.metrics.postgres import PostgresMetricStore
from python_nodes.store.session import Database, engine_for

LISTINGS, DAYS, ALERTS = 1_000, 400, 6_000
RATE, SECONDS, WARM_UP_S, GOAL_MS = 50, 60, 20, 200.0
BOOKINGS, PER_PAGE, INGEST_GOAL_S = 10_000, 200, 30.0
HANDED_IN, PER_HANDED = 300, 3
"""Pages of new reservations that the load hands in, and how many are on one."""
FIRST_HANDED = 50_000_000
"""Their numbers begin far from those that are counted."""
QUIET, STANDING = 160, 100
"""Listings that are observed, and those behind them on which an alert stands."""
KINDS = (
    "not_bookable", "no_price", "missing_content", "review_drop", "min_stay_raised", "price_out_of_range",
    "amenity_missing", "rate_plan_gap",
)  # fmt: skip
_CALM = (
    text("UPDATE alerts SET resolved_at = raised_at + interval '1 day' WHERE resolved_at IS NULL"),
    text("UPDATE ari_current SET is_open = true, units_left = 1, price_minor = 15000"),
    text("UPDATE operator_nights SET is_open = true"),
)
_STAND = text(
    "UPDATE alerts SET scope = 'listing', listing_id = :listing, property_id = NULL, market = NULL, kind = :kind,"
    " fingerprint = :print, resolved_at = NULL WHERE id = :id"
)
LOCUST = Path(os.environ.get("BENCH_LOCUST", ".venv-bench/bin/locust"))
AS_OF = datetime(world.LAST.year, world.LAST.month, world.LAST.day, 12, tzinfo=UTC)
SOURCE = {
    "name": "ranks", "kind": "market_watch", "channel": "booking_com", "currency": "EUR",
    "columns": {name: name for name in ("listing_id", "date", "search_rank", "competitor_price", "currency")},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Route:
    """What locust counted of one kind of request, or of all."""

    name: str
    requests: int
    failures: int
    median_ms: float
    p95_ms: float
    most_ms: float
    per_s: float


def _filled(urls: _stack.Urls) -> tuple[int, dict[str, Any]]:
    """Fill a tenant; returns it, and what the load is told."""
    tenant = migrate.create_tenant(urls.owner, "bench", "EUR")
    database = Database(urls.app)
    store = PostgresMetricStore(database)
    ids = world.seed(database, store, tenant, listings=LISTINGS, days=DAYS, alerts=ALERTS)
    portfolio_days.refresh(database, store, tenant, AS_OF, DAYS)
    with database.tenant(tenant) as conn:
        standing = _standing(conn, ids)
        key = apikeys.create(conn, "bench", ["admin"], created_at=datetime.now(UTC))
        ended = conn.execute(text("SELECT id FROM alerts WHERE resolved_at IS NOT NULL ORDER BY id")).scalars().all()
        rooms = conn.execute(text("SELECT external_id FROM listings WHERE channel = 'booking_com'")).scalars().all()
    database.dispose()
    owner = engine_for(urls.admin)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))
    owner.dispose()
    cards = {"portfolio_cards": sorted(portfolio_page.CARDS), "listing_cards": sorted(listing_page.CARDS)}
    return tenant, {
        "key": key, "listings": ids, "rooms": list(rooms), "as_of": f"{AS_OF:%Y-%m-%dT%H:%M:%SZ}",
        "start": (world.LAST - timedelta(days=89)).isoformat(), "end": world.LAST.isoformat(), "alerts": standing,
        "to_observe": ids[:QUIET], "to_judge": list(ended), "to_acknowledge": standing, **cards,
    }  # fmt: skip


def _standing(conn: Connection, ids: list[int]) -> list[int]:
    """End all alerts but some, which findings hold up, on listings that nobody observes; calendars are as they should.

    No two of a property are of one kind, so that each stays an alert of its own.
    """
    for statement in _CALM:
        conn.execute(statement)
    about = [(listing_id, KINDS[listing_id % len(KINDS)]) for listing_id in ids[QUIET : QUIET + STANDING]]
    anomalies.replace(conn, AS_OF, "watches", [
        Anomaly(
            listing_id=listing_id, kind=kind, metric="availability", onset_date=world.LAST - timedelta(days=3),
            observed=1.0, expected=2.0, lower=1.5, upper=3.0, p_value=1e-6, share_lost=0.5, confidence=1.0,
            cause="unknown", evidence={},
        )
        for listing_id, kind in about
    ])  # fmt: skip
    chosen = conn.execute(text("SELECT id FROM alerts ORDER BY id LIMIT :count"), {"count": len(about)}).scalars().all()
    for alert_id, (listing_id, kind) in zip(chosen, about, strict=True):
        told = {"id": alert_id, "listing": listing_id, "kind": kind, "print": identity.fingerprint(
            "listing", listing_id, None, None, kind)}  # fmt: skip
        conn.execute(_STAND, told)
    return list(chosen)


def _load(directory: Path, port: int, order: dict[str, Any], seconds: int, run: int) -> list[Route]:
    """Send the load for some seconds; each run judges alerts of its own."""
    told = directory / f"order-{run}.json"
    told.write_text(json.dumps({**order, "run": run}), encoding="utf-8")
    command: list[str | Path] = [
        LOCUST, "-f", "bench/_load.py", "--headless", "-u", str(RATE), "-r", str(RATE), "-t", f"{seconds}s", "--host",
        f"http://127.0.0.1:{port}", "--csv", directory / f"run-{run}", "--only-summary", "--exit-code-on-error", "0",
        "--stop-timeout", "10", "--loglevel", "WARNING",
    ]  # fmt: skip
    env = {**os.environ, "BENCH_ORDER": str(told)}
    log = directory / f"locust-{run}.log"
    with log.open("w") as out:
        done = subprocess.run(command, cwd=_stack.CHECKOUT, env=env, stdout=out, stderr=out, check=False)
    if done.returncode:
        raise SystemExit(f"locust failed: {log.read_text(encoding='utf-8')[-2_000:]}")
    failures = (directory / f"run-{run}_failures.csv").read_text(encoding="utf-8").splitlines()[1:]
    for line in failures:
        print(f"failed: {line}", file=sys.stderr)
    with (directory / f"run-{run}_stats.csv").open(newline="", encoding="utf-8") as lines:
        return [_route(row) for row in csv.DictReader(lines)]


def _route(row: dict[str, str]) -> Route:
    return Route(
        name=row["Name"], requests=int(row["Request Count"]), failures=int(row["Failure Count"]),
        median_ms=float(row["50%"] or 0), p95_ms=float(row["95%"] or 0), most_ms=float(row["Max Response Time"]),
        per_s=float(row["Requests/s"]),
    )  # fmt: skip


def pages(bookings: int, first: date, rooms: int, per_page: int = PER_PAGE, begin: int = 0) -> Iterator[bytes]:
    """Pages of new reservations as Booking.com sends them, in turn over the rooms of a channel."""
    for page in range(begin, begin + bookings, per_page):
        last = min(page + per_page, begin + bookings)
        told = "".join(_reservation(number, first, rooms) for number in range(page, last))
        yield (
            '<?xml version="1.0" encoding="UTF-8"?>\n<OTA_HotelResNotifRQ xmlns="http://www.opentravel.org/OTA/2003/05"'
            f' TimeStamp="{first}T10:00:00+00:00" Version="2.001"><HotelReservations>{told}</HotelReservations>'
            "</OTA_HotelResNotifRQ>"
        ).encode()


def _reservation(number: int, first: date, rooms: int) -> str:
    row, nights = 4 * (number % rooms), 1 + number % 5
    stay = [first + timedelta(days=number % 60 + night) for night in range(nights)]
    rates = "".join(f'<RoomRate EffectiveDate="{night}" RatePlanCode="standard"/>' for night in stay)
    moment = f"{first - timedelta(days=1)}T{number % 24:02d}:{number % 60:02d}:00"
    return (
        f'<HotelReservation CreateDateTime="{moment}+00:00"><RoomStays><RoomStay IndexNumber="1"><RoomTypes>'
        f'<RoomType RoomTypeCode="l{row}"/></RoomTypes><RatePlans><RatePlan RatePlanCode="standard"/></RatePlans>'
        f'<RoomRates>{rates}</RoomRates><Total AmountAfterTax="{nights * 12_345}" CurrencyCode="EUR"'
        f' DecimalPlaces="2"/><BasicPropertyInfo HotelCode="p{row // 8}"/></RoomStay></RoomStays><ResGuests><ResGuest>'
        f"<Profiles><ProfileInfo><Profile><Customer><PersonName><GivenName>Guest</GivenName><Surname>Number {number}"
        "</Surname></PersonName></Customer></Profile></ProfileInfo></Profiles></ResGuest></ResGuests><ResGlobalInfo>"
        f'<HotelReservationIDs><HotelReservationID ResID_Value="{700_000_000 + number}" ResID_Date="{moment}"/>'
        "</HotelReservationIDs></ResGlobalInfo></HotelReservation>"
    )


def _connection(client: httpx2.Client) -> int:
    answer = client.post("/v1/connections", json={
        "vendor": "booking_com", "name": "handed in", "base_url": "http://127.0.0.1:9", "settings": {},
        "credentials": {"client_id": "bench", "client_secret": "bench"},
    })  # fmt: skip
    return int(answer.raise_for_status().json()["id"])


def _ingest(client: httpx2.Client, connection: int) -> float:
    """Hand in the pages one after the other; returns the seconds until the last is stored."""
    ready = list(pages(BOOKINGS, world.LAST, LISTINGS // 4))
    path = f"/v1/normalize/booking_com/reservations?connection_id={connection}&as_of={AS_OF:%Y-%m-%dT%H:%M:%SZ}"
    began, stored = time.perf_counter(), 0
    for content in ready:
        done = client.post(path, content=content, headers={"Content-Type": "application/xml"}).raise_for_status().json()
        stored += done["stored"]
    took = time.perf_counter() - began
    if stored != BOOKINGS:
        raise SystemExit(f"{stored} of {BOOKINGS} bookings were stored")
    return took


def measure(seconds: int = SECONDS) -> tuple[list[Route], float]:
    """Fill a database, start the worker, send the load, then hand in the bookings."""
    if not LOCUST.exists():
        raise SystemExit(f"{LOCUST} is missing: `make bench ONLY=api` installs it")
    with ExitStack() as stack:
        directory = stack.enter_context(_stack.scratch())
        urls = stack.enter_context(_stack.postgres(directory))
        redis_url = stack.enter_context(_stack.valkey(directory))
        tenant_id, order = _filled(urls)
        env = _stack.environment(urls.app, redis_url, directory, tenant_id) | {"GUNICORN_WORKERS": "2"}
        port = free_port()
        stack.enter_context(verdicts.worker(env, port, directory))
        verdicts.ready(port)
        client = stack.enter_context(httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {order['key']}"}, timeout=60,
        ))  # fmt: skip
        client.post("/v1/imports/sources", json=SOURCE).raise_for_status()
        client.post("/v1/alerts/raise", json={"as_of": order["as_of"]})
        order["connection"] = _connection(client)
        _load(directory, port, _part(order, seconds, is_warm_up=True), WARM_UP_S, 1)
        routes = _load(directory, port, _part(order, seconds, is_warm_up=False), seconds, 2)
        return routes, _ingest(client, order["connection"])


def _part(order: dict[str, Any], seconds: int, *, is_warm_up: bool) -> dict[str, Any]:
    """Give each run its share of what can be sent once only."""
    once: dict[str, list[Any]] = {"to_judge": order["to_judge"]}
    once["pages"] = [
        page.decode()
        for page in pages(HANDED_IN * PER_HANDED, world.LAST, LISTINGS // 4, PER_HANDED, begin=FIRST_HANDED)
    ]
    share = WARM_UP_S / (WARM_UP_S + seconds)
    at = {name: round(share * len(told)) for name, told in once.items()}
    return {**order, **{name: told[: at[name]] if is_warm_up else told[at[name] :] for name, told in once.items()}}


def run() -> list[dict[str, Any]]:
    """One row for all requests and one for the bookings; each route is told on standard error."""
    routes, ingest_s = measure()
    for one in sorted(routes, key=lambda route: -route.p95_ms):
        print(
            f"{one.name:32} {one.requests:6} {one.failures:4} failed {one.median_ms:6.0f} ms median"
            f" {one.p95_ms:6.0f} ms p95 {one.most_ms:6.0f} ms most",
            file=sys.stderr,
        )
    whole = next(one for one in routes if one.name == "Aggregated")
    return [
        {
            "name": f"{RATE} mixed requests a second for {SECONDS} s ({whole.per_s:.1f} came): 95th percentile",
            "value": whole.p95_ms, "unit": "ms", "peer": "the median", "peer_value": whole.median_ms,
            "ratio": whole.p95_ms / whole.median_ms, "goal": GOAL_MS, "holds": whole.p95_ms <= GOAL_MS,
        },
        {
            "name": "requests that failed", "value": whole.failures, "unit": f"of {whole.requests}", "peer": None,
            "peer_value": None, "ratio": None, "goal": 0, "holds": whole.failures == 0,
        },
        {
            "name": f"{BOOKINGS:,} bookings over HTTP in pages of {PER_PAGE}", "value": ingest_s, "unit": "s",
            "peer": None, "peer_value": None, "ratio": None, "goal": INGEST_GOAL_S, "holds": ingest_s <= INGEST_GOAL_S,
        },
    ]  # fmt: skip
