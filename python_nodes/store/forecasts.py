"""Forecasts as they were made; one of a listing's metric from a day on is replaced by a later one from the same day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert

from python_nodes.store.tables import forecasts

# Each listing is asked with a day of its own.
_KNOWN_BEFORE = text("""
SELECT f.listing_id, f.metric, f.as_of_date, f.made_at, f.model, f.payload
FROM unnest(CAST(:listing_ids AS bigint[]), CAST(:days AS date[])) AS asked(listing_id, day)
CROSS JOIN unnest(CAST(:metrics AS text[])) AS wanted(metric)
CROSS JOIN LATERAL (
  SELECT * FROM forecasts k WHERE k.listing_id = asked.listing_id AND k.metric = wanted.metric
    AND k.as_of_date <= asked.day ORDER BY k.as_of_date DESC LIMIT 1
) f
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredForecast:
    """What was said of a listing's metric by what was known before ``as_of_date``, its first day."""

    listing_id: int
    metric: str
    as_of_date: date
    made_at: datetime
    model: str
    payload: dict[str, Any]


def write(conn: Connection, made: Sequence[StoredForecast]) -> int:
    """Store forecasts; one of the same listing, metric and day is replaced. Returns how many were given."""
    if made:
        statement = insert(forecasts)
        told = {name: statement.excluded[name] for name in ("made_at", "model", "payload")}
        keys = ["tenant_id", "listing_id", "metric", "as_of_date"]
        conn.execute(
            statement.on_conflict_do_update(index_elements=keys, set_=told), [asdict(one) for one in made]
        )  # fmt: skip
    return len(made)


def newest(conn: Connection, listing_id: int, metric: str) -> StoredForecast | None:
    """Return the newest forecast of a listing's metric."""
    f = forecasts.c
    query = select(forecasts).where(f.listing_id == listing_id, f.metric == metric).order_by(f.as_of_date.desc())
    row = conn.execute(query.limit(1)).mappings().first()
    return None if row is None else _forecast(row)


def known_before(
    conn: Connection, listing_ids: Sequence[int], days: Sequence[date], metrics: Sequence[str]
) -> list[StoredForecast]:
    """Return of each listing and metric the newest forecast that used nothing of ``days[i]`` or later."""
    if not listing_ids:
        return []
    asked = {"listing_ids": list(listing_ids), "days": list(days), "metrics": list(metrics)}
    return [_forecast(row) for row in conn.execute(_KNOWN_BEFORE, asked).mappings()]


def _forecast(row: Any) -> StoredForecast:
    return StoredForecast(**{name: row[name] for name in StoredForecast.__dataclass_fields__})
