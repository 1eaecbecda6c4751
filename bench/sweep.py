"""How much of a sweep's time goes by in reading, with its series held in mapped files and without.

A sandbox's portfolio in a real PostgreSQL. Two warm sweeps are timed: an hour after the last, when nothing was written
since, and a day after it, when every listing's last five weeks were reported anew. Reading is all that a sweep reads:
portfolio, cuts, series, outages. What is found must be the same with and without the files.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import numpy as np

from bench import _documents, _stack
from bench.score import funnel, watched
from python_nodes import config, log, wiring
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.metrics import FloatArray, MetricPoints
from python_nodes.scoring import sweep
from python_nodes.steps import peer_groups, snapshot, swept, watched_series
from python_nodes.steps.services import Services
from python_nodes.store import anomalies, migrate, portfolio
from sandbox.world import DEFAULT_SCENARIO, DEFAULT_T0, World, build_world

N_LISTINGS, N_DAYS, LIVE_DAYS, FIRST_DAY, AGAIN_DAYS, ROUNDS, SEED = 1_000, 400, 14, 8, 35, 3, 3_300
GOAL_SHARE = 0.2
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of one sweep, and what it found."""

    read_s: float
    whole_s: float
    found: list[Anomaly]


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    done = work()
    return done, time.perf_counter() - began


class Sweeps:
    """A worker's stores with a portfolio's past."""

    def __init__(self, services: Services, tenant_id: int, world: World) -> None:
        self.services, self.tenant_id, self.world = services, tenant_id, world
        with services.database.tenant(tenant_id) as conn:
            portfolio.upsert_portfolio(conn, tenant_id, _documents.portfolio_of(len(world.portfolio)))
            self.ids = [one.listing_id for one in portfolio.load_listings(conn)]
        counts = funnel(world)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = {
                "click_through_rate": counts["listing_views"] / counts["search_impressions"],
                "conversion_rate": counts["booking_velocity"] / counts["listing_views"],
            }
        self.values: dict[str, FloatArray] = {**counts, **ratios, **watched(world)}

    def tell(self, first: date, last: date) -> None:
        """Write every listing's days, as of the morning after the last."""
        start, end = ((day - self.world.first).days for day in (first, last + timedelta(days=1)))
        days = np.datetime64(first) + np.arange(end - start)
        values = {name: np.where(np.isfinite(told), told, np.nan)[:, start:end] for name, told in self.values.items()}
        self.services.metrics.write(self.tenant_id, MetricPoints(
            listing_id=np.repeat(np.array(self.ids), end - start), day_date=np.tile(days, len(self.ids)),
            source="report", as_of_at=_noon(last + timedelta(days=1)) - timedelta(hours=6),
            values={name: told.ravel() for name, told in values.items()},
        ))  # fmt: skip

    def sweep(self, as_of: datetime) -> Taken:
        """Do as the step does after it has derived what is not reported."""
        began = time.perf_counter()
        seen, read_s = _timed(lambda: swept.read(self.services, self.tenant_id, as_of))
        with self.services.database.tenant(self.tenant_id) as conn:
            near = peer_groups.load(conn, seen.today)
        found = sweep.score_all(seen.watches, seen.matrix, seen.listings, None, seen.today, seen.down, near)
        with self.services.database.tenant(self.tenant_id) as conn:
            anomalies.replace(conn, as_of, "bench", found)
        return Taken(read_s, time.perf_counter() - began, found)

    def from_store(self, as_of: datetime) -> tuple[list[Anomaly], float]:
        """Find the same with all series read from the store, and tell how long reading those took."""
        seen = swept.read(self.services, self.tenant_id, as_of)
        span = snapshot.window(seen.today, self.services.history_days)
        matrix, took = _timed(
            lambda: watched_series.read(self.services.metrics, self.tenant_id, seen.watches, self.ids, *span)
        )
        return sweep.score_all(seen.watches, matrix, seen.listings, None, seen.today, seen.down), took


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def _rounds(sweeps: Sweeps) -> dict[str, list[Taken]]:
    """Sweep cold once, then an hour and a day after, over and over; the last is held against the store's own."""
    # In the midst of the scenario, so that there is something to find.
    first, t0 = sweeps.world.first, sweeps.world.t0 + timedelta(days=FIRST_DAY)
    sweeps.tell(first, t0 - timedelta(days=1))
    taken: dict[str, list[Taken]] = {"cold": [sweeps.sweep(_noon(t0))], "an hour after": [], "a day after": []}
    for number in range(1, ROUNDS + 1):
        day = t0 + timedelta(days=number)
        taken["an hour after"].append(sweeps.sweep(_noon(day - timedelta(days=1)) + timedelta(hours=1)))
        sweeps.tell(day - timedelta(days=AGAIN_DAYS), day - timedelta(days=1))
        taken["a day after"].append(sweeps.sweep(_noon(day)))
    found, took = sweeps.from_store(_noon(day))
    if found != taken["a day after"][-1].found:
        raise SystemExit("the sweep found something else by its files than by the store")
    print(f"series from the store {took:.2f} s; {len(found)} found either way", file=sys.stderr)
    return taken


def run() -> list[dict[str, Any]]:
    """Measure the share of reading, the best of some rounds for each."""
    log.configure("WARNING")
    world = build_world(SEED, N_LISTINGS, N_DAYS, LIVE_DAYS, DEFAULT_T0, DEFAULT_SCENARIO)
    with ExitStack() as stack:
        directory = stack.enter_context(_stack.scratch())
        urls = stack.enter_context(_stack.postgres(directory))
        tenant_id = migrate.create_tenant(urls.owner, "bench", "EUR")
        told = _stack.environment(urls.app, "redis://127.0.0.1:1", directory, tenant_id)
        services = wiring.build_services(config.load({k: v for k, v in told.items() if k not in os.environ}))
        stack.callback(services.database.dispose)
        taken = _rounds(Sweeps(services, tenant_id, world))
    rows = []
    for name, some in taken.items():
        best = min(some, key=lambda one: one.read_s / one.whole_s)
        share, goal = best.read_s / best.whole_s, None if name == "cold" else GOAL_SHARE
        rows.append({
            "name": f"share of reading in a sweep {name}, {N_LISTINGS:,} listings x {N_DAYS} days", "value": share,
            "unit": "of its time", "peer": f"{best.read_s:.2f} s read of", "peer_value": best.whole_s, "ratio": share,
            "goal": goal, "holds": None if goal is None else share <= goal,
        })  # fmt: skip
    return rows
