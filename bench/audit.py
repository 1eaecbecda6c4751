"""What row-level security and the audit log cost ingest: the same polls with both and without, turn about."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import text

from bench import _documents, _stack, ingest
from python_nodes import config, wiring
from python_nodes.store import audit, migrate
from python_nodes.store.session import engine_for

ROUNDS = 5
"""Each tells of the next 100 days; more would tell of days that have not come."""
GOAL = 0.15
AT_ONCE, ENTRIES = 8, 60
SMALL = "a page of 50 rows"
NAMES = {
    "performance": f"performance report, {ingest.N_LISTINGS} listings x {ingest.N_DAYS} days",
    "ari": f"rates, {ingest.N_LISTINGS} listings x {ingest.N_NIGHTS} nights, all new",
    "ari again": "the same rates again, nothing changed",
    SMALL: "performance report, 50 listings x 1 day, told again with other figures: the least that is polled",
}


def _drop_fences(owner_url: str) -> None:
    """Take row-level security off every table of a database: what it would be without."""
    engine = engine_for(owner_url)
    with engine.begin() as conn:
        fenced = conn.execute(text("SELECT relname FROM pg_class WHERE relrowsecurity AND relkind = 'r'")).scalars()
        for table in fenced.all():
            conn.exec_driver_sql(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
    engine.dispose()


@contextmanager
def _worker(admin_url: str, directory: Path, name: str, *, is_fenced: bool) -> Iterator[ingest.Bench]:
    owner_url, app_url = migrate.provision(admin_url, name, "app-secret", "owner-secret")
    migrate.upgrade(owner_url)
    tenant_id = migrate.create_tenant(owner_url, "bench", "EUR")
    if not is_fenced:
        _drop_fences(owner_url)
    (directory / name).mkdir()
    told = _stack.environment(app_url, "redis://127.0.0.1:1", directory / name, tenant_id)
    services = wiring.build_services(config.load({k: v for k, v in told.items() if k not in os.environ}))
    admin = engine_for(owner_url)
    try:
        yield ingest.Bench(services, tenant_id, admin)
    finally:
        admin.dispose()
        services.database.dispose()


def _note(bench: ingest.Bench, number: int) -> float:
    """Seconds of an entry in a transaction of its own, as a request without Idempotency-Key writes it."""
    began = time.perf_counter()
    entry = audit.Entry(
        at=ingest.AS_OF, via="api", actor="key 1 n8n", action="POST /v1/poll/<operation>",
        objects={"connection_id": 1, "run_id": number, "operation": "ari"}, run_id=str(number),
    )  # fmt: skip
    with bench.services.database.tenant(bench.tenant_id) as conn:
        audit.record(conn, entry)
    return time.perf_counter() - began


def _polls(turn: int) -> Iterator[tuple[str, str, list[bytes], timedelta]]:
    for operation in ("performance", "ari"):
        contents = ingest._contents(operation, turn)
        yield operation, operation, contents, timedelta()
        if operation == "ari":
            yield "ari again", operation, contents, timedelta(hours=1)
    first = ingest.FIRST + timedelta(days=turn * ingest.N_DAYS)
    yield SMALL, "performance", [_documents.performance_csv(50, first, 1, turn + ROUNDS + 1)], timedelta(hours=1)


def _rounds(fenced: ingest.Bench, bare: ingest.Bench) -> dict[str, list[float]]:
    """What each poll took more by, round by round; who goes first changes, and the first round only warms up."""
    more: dict[str, list[float]] = {}
    for turn in range(ROUNDS + 1):
        for name, operation, contents, later in _polls(turn):
            told, as_of = (operation, contents), ingest.AS_OF + later
            first, then = (fenced, bare) if turn % 2 else (bare, fenced)
            took = {
                one: one.ingest(*told, as_of) + (_note(one, turn) if one is fenced else 0.0) for one in (first, then)
            }
            more.setdefault(name, []).extend([took[fenced] / took[bare] - 1] if turn else [])
    return more


def _appends(bench: ingest.Bench) -> tuple[float, float]:
    """Entries a second of one tenant: by one, and by several at once, whose commits pass one at a time."""
    began = time.perf_counter()
    for number in range(ENTRIES):
        _note(bench, number)
    alone = ENTRIES / (time.perf_counter() - began)
    with ThreadPoolExecutor(AT_ONCE) as several:
        list(several.map(lambda number: _note(bench, number), range(AT_ONCE)))
        began = time.perf_counter()
        list(several.map(lambda number: _note(bench, number), range(ENTRIES * AT_ONCE)))
    return alone, ENTRIES * AT_ONCE / (time.perf_counter() - began)


def run() -> list[dict[str, Any]]:
    """Measure both, and how many entries one tenant's chain takes."""
    with (
        _stack.scratch() as directory,
        _stack.postgres(directory) as urls,
        _worker(urls.admin, directory, "fenced", is_fenced=True) as fenced,
        _worker(urls.admin, directory, "bare", is_fenced=False) as bare,
    ):
        more = _rounds(fenced, bare)
        alone, together = _appends(fenced)
    nothing = {"peer": None, "peer_value": None, "ratio": None, "goal": None, "holds": None}
    rows = [
        {
            **nothing, "name": f"{NAMES[name]}: fenced and audited", "value": median(taken), "unit": "share more",
            "peer": "the same without", "goal": None if name == SMALL else GOAL,
            "holds": None if name == SMALL else median(taken) <= GOAL,
        }
        for name, taken in more.items()
    ]  # fmt: skip
    return [
        *rows,
        {**nothing, "name": "audit entries, one writer", "value": alone, "unit": "entries/s"},
        {**nothing, "name": f"audit entries, {AT_ONCE} writers", "value": together, "unit": "entries/s",
         "peer": "one writer", "peer_value": alone, "ratio": together / alone},
    ]  # fmt: skip
