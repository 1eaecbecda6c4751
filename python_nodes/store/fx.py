"""Exchange rates that were refreshed, by day: units of a currency for one euro, with who told them and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
from sqlalchemy import Connection, text

from python_nodes.domain.metrics import DayArray, FloatArray
from python_nodes.store import copying, currency
from python_nodes.store.counts import Counts

_UPSERT = (
    "INSERT INTO fx_rates AS f (rate_date, currency, per_eur, source, as_of_at)"
    " SELECT rate_date, currency, per_eur, :source, :as_of_at FROM pg_temp.staged_fx"
    " ON CONFLICT (tenant_id, rate_date, currency) DO UPDATE SET per_eur = EXCLUDED.per_eur,"
    " source = EXCLUDED.source, as_of_at = EXCLUDED.as_of_at"
    " WHERE f.as_of_at <= EXCLUDED.as_of_at AND f.per_eur <> EXCLUDED.per_eur"
)


def upsert(
    conn: Connection, source: str, as_of: datetime, days: DayArray, currencies: Sequence[str], per_eur: FloatArray
) -> Counts:
    """Store rates, one a row; what is as it was is left alone, and an older telling never wins."""
    columns = {"rate_date": days, "currency": np.array(currencies, dtype=object), "per_eur": per_eur}
    copying.stage(conn, "staged_fx", columns)
    stored = conn.execute(text(_UPSERT), {"source": source, "as_of_at": as_of.astimezone(UTC)}).rowcount
    return Counts(stored=stored, unchanged=len(days) - stored)


def load(conn: Connection) -> tuple[DayArray, list[str], FloatArray]:
    """Return day, currency and units for one euro of every stored rate, one a row."""
    query = f"SELECT rate_date, {currency.number_sql('currency')}, per_eur FROM fx_rates"
    rows = copying.fetch(conn, query, (), {"rate_date": "D", "code": "i8", "per_eur": "f8"})
    return rows["rate_date"], currency.codes(rows["code"]).tolist(), rows["per_eur"]


def newest(conn: Connection) -> tuple[date, str, datetime] | None:
    """Return the newest stored day with who told it and as of when, or None without any."""
    row = conn.execute(
        text("SELECT rate_date, source, as_of_at FROM fx_rates ORDER BY rate_date DESC, as_of_at DESC LIMIT 1")
    ).one_or_none()
    return None if row is None else (row.rate_date, row.source, row.as_of_at)
