"""What a listing and a year of it take: rows and bytes in each store, and a sweep's memory, as portfolios grow.

BENCH_SIZES=250,500 measures some sizes only (each on a server of its own). The history of rates and raw
payloads grow with what a channel changes and sends, not with days as such: raw payloads are those of one poll a day
(a performance report of 35 days, a calendar of 365 nights), rates are today's, and `ari_observations` is left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import text

from bench import _documents, _stack
from bench import _panel_world as world
from python_nodes import config, log, wiring
from python_nodes.local import influx
from python_nodes.steps.services import Services
from python_nodes.store import migrate
from python_nodes.store.metrics.influx import InfluxMetricStore
from python_nodes.store.metrics.influx_http import InfluxHttp
from python_nodes.store.session import engine_for
from python_nodes.vendors.base import RawPayload

SIZES, DAYS, BAND_DAYS, REPORT_DAYS, NIGHTS, GOAL_EXPONENT = (250, 500, 1_000, 2_000), 365, 90, 35, 365, 1.05
SHOWN_TABLES = 8
_TABLES = text(
    "SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes, c.reltuples::bigint AS rows FROM pg_class c"
    " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.reltuples > 0 ORDER BY 2 DESC"
)
AS_OF = datetime(world.LAST.year, world.LAST.month, world.LAST.day, 12, tzinfo=UTC) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Taken:
    """Bytes by what holds them, of so many listings."""

    listings: int
    bytes_of: dict[str, int]


def _folder_bytes(folder: Path) -> int:
    # As the disk has them: a file's holes are nothing.
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _tables(urls: _stack.Urls) -> dict[str, tuple[int, int]]:
    """Bytes, indexes included, and rows of each table that has any."""
    owner = engine_for(urls.admin)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM (FULL, ANALYZE)"))
        found = {row.name: (int(row.bytes), int(row.rows)) for row in conn.execute(_TABLES)}
    owner.dispose()
    return found


def _raw_bytes(services: Services, tenant_id: int, listings: int) -> int:
    """Bytes that one day's polls leave in the raw archive."""
    report = _documents.performance_csv(listings, world.LAST - timedelta(days=REPORT_DAYS), REPORT_DAYS, 1)
    pages = [
        _documents.ari_xml(range(first, min(first + 50, listings)), world.LAST, NIGHTS, 1)
        for first in range(0, listings, 50)
    ]
    payloads = [RawPayload(operation="performance", content=report, content_type="text/csv", fetched_at=AS_OF, key="r")]
    payloads += [
        RawPayload(operation="ari", content=page, content_type="application/xml", fetched_at=AS_OF, key=str(number))
        for number, page in enumerate(pages)
    ]
    before = _folder_bytes(services.archive.root)
    with services.database.tenant(tenant_id) as conn:
        services.archive.put_all(conn, "booking_com", payloads)
    return _folder_bytes(services.archive.root) - before


def _influx_bytes(services: Services, tenant_id: int, ids: list[int], folder: Path) -> int | None:
    """Bytes of the same series in InfluxDB 1.8, its log included; None where there is none on this machine."""
    build = next((one for one in influx.installed() if one.version.startswith("1.8")), None)
    if build is None:
        return None
    with influx.run(folder / "influx", build) as server:
        store = InfluxMetricStore(InfluxHttp(server.address()), services.database)
        store.http.create_database()
        empty = _folder_bytes(folder / "influx")
        world.series(store, tenant_id, ids, DAYS, BAND_DAYS)
        store.http.close()
        return _folder_bytes(folder / "influx") - empty


def _swept(env: dict[str, str]) -> int:
    """Peak memory of a process of its own that sweeps."""
    done = subprocess.run(
        [sys.executable, "-m", "bench._worker", "sweep"], input=json.dumps({"as_of": AS_OF.isoformat()}), env=env,
        cwd=_stack.CHECKOUT, text=True, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return int(json.loads(done.stdout.splitlines()[-1])["peak_mb"] * 1024 * 1024)


def measure(listings: int) -> Taken:
    """Fill a database for so many listings, and weigh it."""
    with ExitStack() as stack:
        directory = stack.enter_context(_stack.scratch())
        urls = stack.enter_context(_stack.postgres(directory))
        tenant_id = migrate.create_tenant(urls.owner, "bench", "EUR")
        env = _stack.environment(urls.app, "redis://127.0.0.1:1", directory, tenant_id)
        services = wiring.build_services(config.load({k: v for k, v in env.items() if k not in os.environ}))
        stack.callback(services.database.dispose)
        ids = world.seed(services.database, services.metrics, tenant_id, listings=listings, days=DAYS, alerts=listings)
        tables = _tables(urls)
        for name, (size, rows) in list(tables.items())[:SHOWN_TABLES]:
            print(
                f"{listings:5} listings: {name:20} {size / listings:9,.0f} bytes, {rows / listings:6,.1f} rows each",
                file=sys.stderr,
            )
        found = {"PostgreSQL": sum(size for size, _ in tables.values())}
        found["raw payloads, a day of polls"] = _raw_bytes(services, tenant_id, listings)
        in_influx = _influx_bytes(services, tenant_id, ids, directory)
        found |= {} if in_influx is None else {"InfluxDB 1.8": in_influx}
        found["a sweep's memory at its peak"] = _swept(env)
        found["series held for sweeps"] = _folder_bytes(services.archive.root / "series")
    print(f"{listings:5} listings: {json.dumps(found)}", file=sys.stderr)
    return Taken(listings, found)


def exponent(listings: Sequence[int], sizes: Sequence[int]) -> float:
    """How bytes grow with listings: 1 is linear, less is what does not grow with them."""
    return float(np.polyfit(np.log(listings), np.log(sizes), 1)[0])


def run() -> list[dict[str, Any]]:
    """One row for each store: bytes a listing and year at the largest size, and the exponent of growth."""
    log.configure("ERROR")
    asked = os.environ.get("BENCH_SIZES")
    sizes = tuple(int(one) for one in asked.split(",")) if asked else SIZES
    taken = [measure(one) for one in sizes]
    last = taken[-1]
    rows = []
    for name, size in last.bytes_of.items():
        grows = exponent(sizes, [one.bytes_of[name] for one in taken]) if len(taken) > 1 else None
        rows.append({
            "name": f"{name}: bytes a listing with {DAYS} days, of {last.listings:,}", "value": size / last.listings,
            "unit": "bytes", "peer": "growth exponent", "peer_value": grows, "ratio": None,
            "goal": GOAL_EXPONENT, "holds": None if grows is None else grows <= GOAL_EXPONENT,
        })  # fmt: skip
    return rows
