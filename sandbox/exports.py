"""What people would download where no API gives it: performance reports, rank and competitors, the change log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

from sandbox.calendar import MINOR_DIGITS
from sandbox.files import write_csv
from sandbox.rows import PerformanceRow
from sandbox.world import World

RECENT_DAYS = 35
_REPORTS: dict[str, tuple[str, ...]] = {
    "expedia": (
        "Date", "Property ID", "Room Type ID", "Search Impressions", "Property Views", "Bookings", "Booked Revenue",
        "Currency",
    ),
    "vrbo": (
        "Date", "Property Number", "Search Impressions", "Page Views", "Bookings", "Gross Booking Amount", "Currency",
    ),
    "airbnb": (
        "ds", "listing_id", "first_page_search_impressions", "listing_views", "bookings", "gross_earnings", "currency",
    ),
}  # fmt: skip
_MARKET_COLUMNS = ("date", "channel", "listing_id", "search_rank", "competitor_price", "currency")
_LOG_COLUMNS = ("changed_at", "channel", "property_id", "listing_id", "field", "old", "new", "changed_by")


def write_history(world: World, out_dir: Path) -> None:
    """Write all days before t0 once."""
    _write(world, out_dir / "exports" / "history", world.first, world.t0 - timedelta(days=1), world.t0)


def write_recent(world: World, out_dir: Path, day: date) -> None:
    """Write the last complete days, as downloaded on ``day``; the change log goes on to ``day`` itself."""
    eve = day - timedelta(days=1)
    _write(world, out_dir / "exports", max(world.first, day - timedelta(days=RECENT_DAYS)), eve, day)


def _write(world: World, folder: Path, first: date, last: date, today: date) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    seen = world.as_seen(today)
    for channel, columns in _REPORTS.items():
        rows = (_report_row(channel, row) for row in seen.performance(channel, first, last))
        write_csv(folder / f"{channel}_performance.csv", columns, rows)
    days = [first + timedelta(days=k) for k in range((last - first).days + 1)]
    write_csv(folder / "market_watch.csv", _MARKET_COLUMNS, _market_rows(seen, days))
    channels = dict.fromkeys(world.portfolio.channel)
    log = (row for day in [*days, last + timedelta(days=1)] for c in channels for row in world.change_log(c, day))
    write_csv(folder / "change_log.csv", _LOG_COLUMNS, ((row.changed_at.isoformat(), *row[1:]) for row in log))


def _report_row(channel: str, row: PerformanceRow) -> Sequence[object]:
    place = (row.property_id, row.room_id) if channel == "expedia" else (row.room_id,)
    figures = (row.search_views, row.page_views, row.bookings, _money(row.revenue_minor, row.currency), row.currency)
    return (row.date.isoformat(), *place, *figures)


def _market_rows(world: World, days: Iterable[date]) -> Iterable[Sequence[object]]:
    for day in days:
        told = day.isoformat()
        for channel, room, rank, price_minor, currency in world.market_watch(day):
            yield told, channel, room, rank, _money(price_minor, currency), currency


def _money(minor: int, currency: str) -> str:
    digits = MINOR_DIGITS[currency]
    return f"{minor / 10**digits:.{digits}f}"
