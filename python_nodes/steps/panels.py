"""Ask what a panel shows, for whoever draws it: the same queries as Grafana's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from python_nodes import panels
from python_nodes.domain.metrics import METRICS
from python_nodes.errors import PermanentError
from python_nodes.panels import Panel
from python_nodes.steps.services import Services
from python_nodes.store import copying, portfolio_days
from python_nodes.store.session import current_tenant

Row = dict[str, Any]
PARAMETERS = ("market", "channel", "listing_id", "start", "end")
_SERIES, _BANDS = "metrics_daily", "metric_bands"


def rows(services: Services, conn: Connection, dashboard: str, panel: str, parameters: Mapping[str, Any]) -> list[Row]:
    """Return a panel's rows, ready for JSON: moments and days as ISO 8601, what is missing as None.

    ``market`` and ``channel`` are lists, None for all; ``start`` and ``end`` are days, both inclusive.
    """
    asked = panels.panel(dashboard, panel)
    if not asked.sql:
        raise PermanentError(f"{dashboard}/{panel} is not asked of PostgreSQL", status=404)
    told = {name: parameters.get(name) for name in PARAMETERS if f":{name}" in asked.sql}
    lacking = [name for name in ("listing_id", "start", "end") if name in told and told[name] is None]
    if lacking:
        raise PermanentError(f"{lacking[0]} is missing", status=422, field=lacking[0])
    with _series_at_hand(services, conn, asked, told):
        found = conn.execute(text(asked.sql), told).mappings().all()
    return [{name: _plain(value) for name, value in row.items()} for row in found]


@contextmanager
def _series_at_hand(services: Services, conn: Connection, asked: Panel, told: Mapping[str, Any]) -> Iterator[None]:
    """Where series are not in PostgreSQL, lay what is asked of them beside it: one query serves both stores."""
    needed = [name for name in (_SERIES, _BANDS) if name in asked.sql]
    if services.metrics.name == "postgresql" or not needed:
        yield
        return
    first, end = _first_day(conn, asked, told), told["end"]
    # The query wants its tables even where all its days are added up.
    ids = _ids(conn, asked, told) if first <= end else []
    names = [one for one in METRICS if one in asked.sql]
    _lay_series(services, conn, names, ids, first, end)
    if _BANDS in needed:
        _lay_bands(services, conn, names, ids, first, end)
    try:
        yield
    finally:
        for table in needed:
            conn.execute(text(f"DROP TABLE IF EXISTS pg_temp.{table}"))


def _ids(conn: Connection, asked: Panel, told: Mapping[str, Any]) -> list[int]:
    """Return whose series a panel reads."""
    if not asked.series:
        return [told["listing_id"]]
    chosen = panels.variable(asked.series).sql
    bound = {name: told.get(name) for name in PARAMETERS if f":{name}" in chosen}
    return list(conn.execute(text(chosen), bound).scalars())


def _first_day(conn: Connection, asked: Panel, told: Mapping[str, Any]) -> date:
    """Return from when on: of a portfolio only the days that are not added up, the day after the range if all are."""
    end: date = told["end"]
    # Where a panel asks of no beginning, its days are counted back from the end.
    start: date = told.get("start", end)
    back = end - start + timedelta(days=1) if asked.back == "range" else timedelta(days=int(asked.back))
    kept = portfolio_days.last_day(conn) if asked.begin == "kept" else None
    first = start - back if kept is None else max(start - back, kept + timedelta(days=1))
    return min(first, end + timedelta(days=1))


def _lay_series(services: Services, conn: Connection, names: list[str], ids: list[int], start: date, end: date) -> None:
    matrix = services.metrics.read(current_tenant(conn), names, ids, start, end)
    size = len(ids) * len(matrix.days)
    copying.stage(conn, _SERIES, {
        "listing_id": np.repeat(matrix.listing_ids, len(matrix.days)),
        "day_date": np.tile(matrix.days.astype("datetime64[D]"), len(ids)),
        "as_of_at": np.full(size, np.datetime64(end, "us")), "source": np.full(size, services.metrics.name, object),
        **{name: values.ravel() for name, values in matrix.values.items()},
    })  # fmt: skip
    _index(conn, _SERIES, "listing_id, day_date")


def _lay_bands(services: Services, conn: Connection, names: list[str], ids: list[int], start: date, end: date) -> None:
    bands = services.metrics.read_bands(current_tenant(conn), names, ids, start, end)
    size = len(ids) * len(bands.days)

    def all_of(part: Mapping[str, Any]) -> Any:
        return np.concatenate([part[name].ravel() for name in names])

    copying.stage(conn, _BANDS, {
        "listing_id": np.tile(np.repeat(bands.listing_ids, len(bands.days)), len(names)),
        "metric": np.repeat(np.array(names, object), size),
        "day": np.tile(bands.days.astype("datetime64[D]"), len(ids) * len(names)),
        "expected": all_of(bands.expected), "lower": all_of(bands.lower), "upper": all_of(bands.upper),
    })  # fmt: skip
    _index(conn, _BANDS, "listing_id, metric, day")


def _index(conn: Connection, table: str, columns: str) -> None:
    """Have the query find its rows as it does in the tables whose place this one takes."""
    conn.execute(text(f"CREATE INDEX ON pg_temp.{table} ({columns})"))
    conn.execute(text(f"ANALYZE pg_temp.{table}"))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value
