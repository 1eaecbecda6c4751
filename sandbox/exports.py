"""What people would download where no API gives it: performance reports, rank and competitors, the change log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from sandbox import shown
from sandbox.csv_text import csv_text
from sandbox.files import write_text
from sandbox.sales import decimals, texts
from sandbox.simulated import World

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
    for channel, names in _REPORTS.items():
        write_text(folder / f"{channel}_performance.csv", csv_text(names, _report(seen, channel, first, last)))
    write_text(folder / "market_watch.csv", csv_text(_MARKET_COLUMNS, _market(seen, first, last)))
    channels = list(dict.fromkeys(world.portfolio.channel))
    told = (one for one in world.changes if first <= one.day <= last + timedelta(days=1))
    log = sorted(told, key=lambda one: (one.day, channels.index(one.row.channel)))
    rows = [(one.row.changed_at.isoformat(), *one.row[1:]) for one in log]
    write_text(folder / "change_log.csv", csv_text(_LOG_COLUMNS, list(zip(*rows, strict=True)) or [()] * 8))


def _report(world: World, channel: str, first: date, last: date) -> Sequence[Sequence[str]]:
    told, book = world.figures(channel, first, last), world.portfolio
    listing = told.listing.tolist()
    names = (book.channel_property_id, book.room_id) if channel == "expedia" else (book.room_id,)
    return (
        world.dates(told.day), *([name[i] for i in listing] for name in names), texts(told.impressions),
        texts(told.views), texts(told.bookings), decimals(told.revenue_minor.tolist(), told.currency), told.currency,
    )  # fmt: skip


def _market(world: World, first: date, last: date) -> Sequence[Sequence[str]]:
    book = world.portfolio
    days = [first + timedelta(days=k) for k in range((last - first).days + 1)]
    seen = [shown.market(world, day) for day in days]
    told = [day.isoformat() for day, one in zip(days, seen, strict=True) for _ in range(one.listing.size)]
    listing = [i for one in seen for i in one.listing.tolist()]
    own = [book.market(i).currency for i in range(len(book))]
    prices, currency = (
        [price for one in seen for price in one.competitor_price_minor.tolist()],
        [own[i] for i in listing],
    )
    return (
        told, [book.channel[i] for i in listing], [book.room_id[i] for i in listing],
        [rank for one in seen for rank in texts(one.rank)], decimals(prices, currency), currency,
    )  # fmt: skip
