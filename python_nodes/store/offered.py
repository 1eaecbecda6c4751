"""What each listing offers for the coming nights, as last told by its channel: open nights and the usual price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from python_nodes.domain.metrics import DayArray, FloatArray, IntArray
from python_nodes.store import copying, currency

# A fee is charged once a stay, so a night bears its share of the shortest stay that can be booked.
_OFFERED = f"""
WITH asked AS MATERIALIZED (SELECT * FROM unnest(%s::bigint[], %s::date[]) AS t (listing_id, first_night))
SELECT a.listing_id, count(*),
  count(*) FILTER (WHERE a.is_open AND a.units_left > 0),
  coalesce(percentile_cont(0.5) WITHIN GROUP (
    ORDER BY a.price_minor + a.fees_minor::float8 / greatest(a.min_stay_nights, 1))
    FILTER (WHERE a.is_open AND a.units_left > 0 AND a.price_minor IS NOT NULL), 'NaN')::float8,
  {currency.number_sql("coalesce(nullif(max(a.currency), ''), '   ')")}
FROM asked CROSS JOIN LATERAL (
  SELECT * FROM ari_current k WHERE k.listing_id = asked.listing_id
    AND k.stay_date >= asked.first_night AND k.stay_date < asked.first_night + %s OFFSET 0) a
JOIN listings l ON l.tenant_id = a.tenant_id AND l.id = a.listing_id
JOIN rate_plans r ON r.tenant_id = l.tenant_id AND r.id = l.rate_plan_id AND r.external_id = a.rate_plan_external_id
GROUP BY a.listing_id
"""
_KINDS = {"listing_id": "i8", "known": "i8", "open": "i8", "price_minor": "f8", "currency": "i8"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Offered:
    """Row ``i`` is ``listing_ids[i]``; ``observed_at`` datetime64[us] UTC, NaT where nothing was ever told.

    ``price_minor`` is the median over the open nights of a night's price with its share of the fees, NaN without any.
    """

    known_nights: IntArray
    open_nights: IntArray
    price_minor: FloatArray
    currency: NDArray[np.str_]
    observed_at: NDArray[np.datetime64]


def coming(conn: Connection, listing_ids: Sequence[int], first_night: DayArray, nights: int) -> Offered:
    """Return what each listing's own rate plan offers for ``nights`` nights from its ``first_night``."""
    wanted = np.asarray(listing_ids, dtype=np.int64)
    rows = copying.fetch(conn, _OFFERED, (wanted.tolist(), first_night.tolist(), nights), _KINDS)
    order = np.argsort(wanted)
    at = order[np.searchsorted(wanted, rows["listing_id"], sorter=order)] if len(rows) else np.empty(0, np.int64)
    known, is_open = np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.int64)
    price, names = np.full(len(wanted), np.nan), np.full(len(wanted), "", dtype="U3")
    known[at], is_open[at], price[at] = rows["known"], rows["open"], rows["price_minor"]
    names[at] = currency.codes(rows["currency"])
    polled = copying.fetch(
        conn, "SELECT listing_id, observed_at FROM ari_polls WHERE listing_id = ANY(%s)", (wanted.tolist(),),
        {"listing_id": "i8", "observed_at": "us"},
    )  # fmt: skip
    seen = np.full(len(wanted), np.datetime64("NaT", "us"))
    if len(polled):
        seen[order[np.searchsorted(wanted, polled["listing_id"], sorter=order)]] = polled["observed_at"]
    return Offered(known_nights=known, open_nights=is_open, price_minor=price, currency=names, observed_at=seen)
