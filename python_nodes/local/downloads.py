"""What people would download, as `up` imports it: one saved source a file, the watched folder, and the history once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from python_nodes.errors import PermanentError
from python_nodes.local.worker_client import WorkerClient

FUNNEL = ("date", "listing_id", "search_impressions", "listing_views", "bookings", "revenue", "currency")
COLUMNS: dict[str, tuple[str, ...]] = {
    "expedia": (
        "Date", "Room Type ID", "Search Impressions", "Property Views", "Bookings", "Booked Revenue", "Currency",
    ),
    "vrbo": (
        "Date", "Property Number", "Search Impressions", "Page Views", "Bookings", "Gross Booking Amount", "Currency",
    ),
    "airbnb": (
        "ds", "listing_id", "first_page_search_impressions", "listing_views", "bookings", "gross_earnings", "currency",
    ),
}  # fmt: skip
MARKET = ("date", "channel", "listing_id", "search_rank", "competitor_price", "currency")
CHANGES = ("changed_at", "channel", "property_id", "listing_id", "field", "old", "new")


def folder(sandbox_dir: Path) -> Path:
    """Where the simulated downloads lie."""
    return sandbox_dir / "exports"


def sources() -> list[dict[str, Any]]:
    """One source for each file of the folder, found by its name."""
    reports = [
        _source(f"{channel}_performance", "performance", dict(zip(FUNNEL, columns, strict=True)), channel=channel)
        for channel, columns in COLUMNS.items()
    ]
    log = {**{name: name for name in CHANGES}, "actor": "changed_by"}
    market = {name: name for name in MARKET}
    return [*reports, _source("market_watch", "market_watch", market), _source("change_log", "change_log", log)]


def import_history(worker: WorkerClient, sandbox_dir: Path, as_of: str) -> dict[str, Any]:
    """Save the sources, then import what was downloaded up to t0's eve; a file that cannot be read ends the start."""
    for source in sources():
        worker.post("/v1/imports/sources", source, key=f"source:{source['name']}")
    # One folder is watched: the history goes through it once, as any later download does.
    for path in sorted((folder(sandbox_dir) / "history").glob("*.csv")):
        shutil.copyfile(path, folder(sandbox_dir) / f"history-{path.name}")
    told: dict[str, Any] = worker.post("/v1/imports/scan", {"as_of": as_of}, key="imports")
    if told["failed"]:
        first = next(one for one in told["files"] if one["status"] == "failed")
        raise PermanentError(f"{first['file']} was not imported: {first['reason']}", status=500)
    return told


def _source(name: str, kind: str, columns: dict[str, str], channel: str | None = None) -> dict[str, Any]:
    return {"name": name, "kind": kind, "channel": channel, "columns": columns, "file_pattern": f"*{name}.csv"}
