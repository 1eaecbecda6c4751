"""From a vendor's bytes to stored values, beside a bare COPY of the same rows; and how much memory a worker takes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from statistics import median
from typing import Any

from sqlalchemy import Engine, text

from bench import _documents, _memory, _stack
from python_nodes import config, vendors, wiring
from python_nodes.steps import poll
from python_nodes.steps.connect import Link
from python_nodes.steps.services import Services
from python_nodes.store import connections, migrate, portfolio
from python_nodes.store.session import engine_for
from python_nodes.vendors.base import RawPayload

N_LISTINGS, N_DAYS, N_NIGHTS, PER_CALL, ROUNDS = 200, 100, 90, 50, 5
GOAL_VALUES_S = 20_000
AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
FIRST = date(2024, 1, 1)
TOLD = {
    "performance": (
        "metrics_daily",
        ("listing_id", "day_date", "source", "as_of_at"),
        ("search_impressions", "listing_views", "click_through_rate", "conversion_rate", "booking_velocity"),
    ),
    "ari": (
        "ari_current",
        ("listing_id", "rate_plan_external_id", "stay_date", "observed_at", "currency", "source", "raw_id"),
        ("price_minor", "is_open", "units_left", "min_stay_nights"),
    ),
}
"""Where an operation's rows end, by which keys, and the values that are counted."""


@dataclass(frozen=True, slots=True)
class Given:
    """A vendor's client whose answers lie ready: the network is not what is measured."""

    contents: Sequence[bytes]

    def _answers(self, operation: str, as_of: datetime) -> Iterator[RawPayload]:
        for number, content in enumerate(self.contents):
            yield RawPayload(
                operation=operation, content=content, content_type="text/plain", fetched_at=as_of, key=str(number)
            )

    def fetch_performance(self, *, as_of: datetime, **_: Any) -> Iterator[RawPayload]:
        """As ``booking_com.client``."""
        return self._answers("performance", as_of)

    def fetch_ari(self, *, as_of: datetime, **_: Any) -> Iterator[RawPayload]:
        """As ``booking_com.client``."""
        return self._answers("ari", as_of)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _contents(operation: str, turn: int) -> list[bytes]:
    """Days, or nights, that no other turn tells."""
    if operation == "performance":
        return [_documents.performance_csv(N_LISTINGS, FIRST + timedelta(days=turn * N_DAYS), N_DAYS, turn)]
    first = AS_OF.date() + timedelta(days=turn * N_NIGHTS)
    starts = range(0, N_LISTINGS, PER_CALL)
    return [_documents.ari_xml(range(at, at + PER_CALL), first, N_NIGHTS, turn) for at in starts]


class Bench:
    """A worker's own stores, with a portfolio, and a bare table for the peer."""

    def __init__(self, services: Services, tenant_id: int, admin: Engine) -> None:
        self.services, self.tenant_id, self.admin = services, tenant_id, admin
        with services.database.tenant(tenant_id) as conn:
            portfolio.upsert_portfolio(conn, tenant_id, _documents.portfolio_of(N_LISTINGS))
            self.listings = portfolio.load_listings(conn)
        self.connection = connections.Connection(
            connection_id=1, vendor="booking_com", name="bench", base_url="", settings={}, credentials={}
        )

    def ingest(self, operation: str, contents: Sequence[bytes], as_of: datetime) -> float:
        """Seconds of a poll whose answers lie ready: archive, map, normalize, store."""
        link = Link(
            connection=self.connection, vendor=vendors.load("booking_com"), client=Given(contents),
            listings=self.listings,
        )  # fmt: skip
        done: dict[str, int] = {}
        took = _seconds(lambda: done.update(poll.record(self.services, self.tenant_id, link, operation, as_of, None)))
        if done["rejected"] or not done["fetched"]:
            raise RuntimeError(f"the bench's own documents were refused: {done}")
        return took

    def raw_copy(self, operation: str, low: date, high: date) -> tuple[float, int]:
        """Seconds of a binary COPY of the rows just stored into a bare table, and how many they are."""
        table, keys, values = TOLD[operation]
        columns, day = ", ".join((*keys, *values)), "day_date" if operation == "performance" else "stay_date"
        chosen = f"SELECT {columns} FROM {table} WHERE {day} BETWEEN '{low}' AND '{high}'"
        encoded = BytesIO()
        with self.admin.begin() as conn, conn.connection.cursor() as cursor:
            cursor.copy_expert(f"COPY ({chosen}) TO STDOUT BINARY", encoded)
            conn.execute(text(f"CREATE TABLE IF NOT EXISTS raw_{operation} AS {chosen} LIMIT 0"))
        encoded.seek(0)

        def copy() -> None:
            with self.admin.begin() as conn, conn.connection.cursor() as cursor:
                cursor.copy_expert(f"COPY raw_{operation} FROM STDIN BINARY", encoded)

        took = _seconds(copy)
        with self.admin.begin() as conn:
            return took, int(conn.execute(text(f"SELECT count(*) FROM ({chosen}) x")).scalar_one())


def _rounds(bench: Bench) -> dict[str, list[float]]:
    """Values a second, round by round, so that a busy moment falls on all; the first round only warms up."""
    rates: dict[str, list[float]] = {}
    for turn in range(ROUNDS + 1):
        for operation, (_, _, values) in TOLD.items():
            contents = _contents(operation, turn)
            span = N_DAYS if operation == "performance" else N_NIGHTS
            low = (FIRST if operation == "performance" else AS_OF.date()) + timedelta(days=turn * span)
            taken = {operation: bench.ingest(operation, contents, AS_OF)}
            raw, rows = bench.raw_copy(operation, low, low + timedelta(days=span - 1))
            taken[f"raw {operation}"] = raw
            if operation == "ari":
                taken["ari again"] = bench.ingest(operation, contents, AS_OF + timedelta(hours=1))
            for name, seconds in taken.items():
                rates.setdefault(name, []).extend([rows * len(values) / seconds] if turn else [])
    return rates


def _rows(rates: dict[str, list[float]]) -> list[dict[str, Any]]:
    named = {
        "performance": f"performance report, {N_LISTINGS} listings x {N_DAYS} days, bytes to stored",
        "ari": f"rates, {N_LISTINGS} listings x {N_NIGHTS} nights, all new, bytes to stored",
        "ari again": f"rates, {N_LISTINGS} listings x {N_NIGHTS} nights, nothing changed",
    }
    found = []
    for key, name in named.items():
        value, peer = median(rates[key]), median(rates[f"raw {key.split()[0]}"])
        found.append({
            "name": name, "value": value, "unit": "values/s", "peer": "raw binary COPY, no index", "peer_value": peer,
            "ratio": value / peer, "goal": GOAL_VALUES_S, "holds": value >= GOAL_VALUES_S,
        })  # fmt: skip
    return found


def run() -> list[dict[str, Any]]:
    """Measure what goes in, then a worker's memory on a sandbox's history."""
    with _stack.scratch() as directory, _stack.postgres(directory) as urls:
        tenant_id = migrate.create_tenant(urls.owner, "bench", "EUR")
        told = _stack.environment(urls.app, "redis://127.0.0.1:1", directory, tenant_id)
        services = wiring.build_services(config.load({k: v for k, v in told.items() if k not in os.environ}))
        admin = engine_for(urls.admin)
        try:
            rates = _rounds(Bench(services, tenant_id, admin))
        finally:
            admin.dispose()
            services.database.dispose()
    return [*_rows(rates), *_memory.rows()]
