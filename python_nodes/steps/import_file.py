"""Import a file: read it as its source says, look at every row, then store it, once and in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection

from python_nodes import log
from python_nodes.domain.imports import PREFIX, ImportSource
from python_nodes.domain.metrics import DayArray, IntArray, MetricPoints
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.records import Rejected
from python_nodes.errors import PermanentError
from python_nodes.imports import check, header, kinds, reader
from python_nodes.imports.check import Checked
from python_nodes.imports.table import Table
from python_nodes.steps import import_observe, import_record, import_report
from python_nodes.steps.recording import Recorded
from python_nodes.steps.services import Services
from python_nodes.store import imports, portfolio, rejected

OPERATION = "import"
POINTS_AT_ONCE = 20_000
STATUS_TOO_LARGE = 413
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which file, and which days of it; both ends are included, None is no end."""

    file: str
    content: bytes
    start: date | None = None
    end: date | None = None

    @property
    def span(self) -> tuple[date | None, date | None]:
        """The days that are wanted."""
        return self.start, self.end


def run(
    services: Services, tenant_id: int, name: str, order: Order, as_of: datetime, tell: Tell | None = None, *,
    is_news: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """Import a file of a saved source; the same file read the same way again changes nothing.

    What it tells of the last days is noted as news, for ``import_observe.run``, unless a sweep follows anyway.
    """
    with log.stage("import", tenant_id=tenant_id, source=name) as facts:
        with services.database.tenant(tenant_id) as conn:
            source = imports.get(conn, name)
            how = imports.reading(source, order.span)
            known = imports.done(conn, name, order.content, how)
            if known is not None:
                return {**known, "already_imported": True}
            raw_id = services.archive.put(
                conn, source.source, OPERATION, order.content, "application/octet-stream", as_of
            )
        checked = read(services, source, order)
        with services.database.tenant(tenant_id) as conn:
            checked, done = _record(services, conn, checked, portfolio.load_listings(conn), as_of, raw_id)
            rejected.add(conn, None, done.rejected, rejected_at=as_of, keys=services.archive.keys.of(conn, tenant_id))
        _write(services, tenant_id, done.points, tell or _silent)
        report = import_report.of(checked, done)
        with services.database.tenant(tenant_id) as conn:
            imports.finish(conn, name, order.file, order.content, how, raw_id, as_of, report)
            if is_news:
                news = _touched(services, checked, portfolio.load_listings(conn), as_of)
                import_observe.note(conn, f"{raw_id}:{how.hex()}", news)
        facts.update({one: report[one] for one in ("rows", "stored", "unchanged", "rejected")})
    return {**report, "already_imported": False}


def preview(services: Services, tenant_id: int, source: ImportSource, order: Order, as_of: datetime) -> dict[str, Any]:
    """Show what an import would do and do none of it; a source without columns gets a guess of them."""
    kind = kinds.get(source.kind)
    named = header.find(_table(services, source, order), kind, source)
    mapped = source if source.columns else import_report.guessed(source, named, kind)
    try:
        checked = check.check(named, kind, mapped, order.span)
    except PermanentError as error:
        return import_report.unread(mapped, named, kind, str(error))
    with services.database.tenant(tenant_id) as conn:
        checked, done = _record(services, conn, checked, portfolio.load_listings(conn), as_of, None)
        conn.rollback()
    return import_report.preview(checked, done)


def guess(source: ImportSource, order: Order) -> ImportSource:
    """Fill in what a file's own names and values give away of a source."""
    kind = kinds.get(source.kind)
    table = reader.read(order.content, order.file, sheet=source.sheet, decimal=source.decimal)
    return import_report.guessed(source, header.find(table, kind, source), kind)


def replay(
    services: Services, tenant_id: int, item: Rejected, listings: Sequence[ListingInfo], as_of: datetime
) -> list[int] | None:
    """Read a quarantined row again by the mapping as it is saved now; None, and nothing stored, if it still fails.

    Otherwise those of ``listings``, which are all of the tenant's, of which it has news.
    """
    with services.database.tenant(tenant_id) as conn:
        source = imports.get(conn, item.source.removeprefix(PREFIX))
        rows = read(services, source, Order(file="quarantine", content=item.raw))
        checked, done = _record(services, conn, rows, listings, as_of, item.raw_id)
        if done.rejected or not checked.good.height:
            conn.rollback()
            return None
        news = _touched(services, checked, listings, as_of)
    _write(services, tenant_id, done.points, _silent)
    return news


def _touched(services: Services, checked: Checked, listings: Sequence[ListingInfo], as_of: datetime) -> list[int]:
    return import_observe.touched(checked, listings, as_of, services.imports.observe_days)


def read(services: Services, source: ImportSource, order: Order) -> Checked:
    """Read and check every row."""
    kind = kinds.get(source.kind)
    return check.check(header.find(_table(services, source, order), kind, source), kind, source, order.span)


def _table(services: Services, source: ImportSource, order: Order) -> Table:
    table = reader.read(order.content, order.file, sheet=source.sheet, decimal=source.decimal)
    if table.cells.height > services.imports.max_rows:
        reason = (
            f"{order.file}: {table.cells.height} rows, and {services.imports.max_rows} are the most; cut it by days"
        )
        raise PermanentError(reason, status=STATUS_TOO_LARGE, field="file")
    return table


def _record(
    services: Services, conn: Connection, checked: Checked, listings: Sequence[ListingInfo], as_of: datetime,
    raw_id: int | None,
) -> tuple[Checked, Recorded]:  # fmt: skip
    checked = checked.among({(one.channel, one.external_id) for one in listings})
    parts = list(import_record.record(conn, checked, listings, as_of, raw_id, keeps_guests=services.life.keeps_guests))
    unread = checked.rejected(raw_id)
    done = Recorded(
        fetched=sum(one.fetched for one in parts) + len(unread),
        stored=sum(one.stored for one in parts),
        unchanged=sum(one.unchanged for one in parts),
        rejected=(*unread, *(item for one in parts for item in one.rejected)),
        points=tuple(points for one in parts for points in one.points),
    )
    return checked, done


def _write(services: Services, tenant_id: int, told: tuple[MetricPoints, ...], tell: Tell) -> None:
    total, written = sum(len(points.listing_id) for points in told), 0
    tell(0, total)
    for points in told:
        for rows in _by_days(points.day_date):
            written += len(rows)
            services.metrics.write(tenant_id, _some(points, rows))
            tell(written, total)


def _by_days(days: DayArray) -> Iterator[IntArray]:
    """Give rows in parts that share no day: what one part brings is then never known because of the part before."""
    order = np.argsort(days, kind="stable")
    starts = np.append(np.flatnonzero(np.diff(days[order])) + 1, len(order))
    first = 0
    while first < len(order):
        full = int(np.searchsorted(starts, first + POINTS_AT_ONCE))
        end = int(starts[min(full, len(starts) - 1)])
        yield order[first:end]
        first = end


def _some(points: MetricPoints, rows: IntArray) -> MetricPoints:
    return MetricPoints(
        listing_id=points.listing_id[rows], day_date=points.day_date[rows], source=points.source,
        as_of_at=points.as_of_at, values={name: told[rows] for name, told in points.values.items()},
    )  # fmt: skip


def _silent(done: int, total: int) -> None:
    """Nobody watches."""
