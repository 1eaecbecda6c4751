"""Lead times and stays of past bookings: the shape of demand over coming nights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import Connection

from python_nodes.domain.metrics import IntArray
from python_nodes.store import copying

_STAYS = """
WITH place AS MATERIALIZED (
  SELECT l.id, p.timezone FROM listings l
  JOIN units u ON u.tenant_id = l.tenant_id AND u.id = l.unit_id
  JOIN properties p ON p.tenant_id = u.tenant_id AND p.id = u.property_id
  WHERE l.id = ANY(%s)
)
SELECT place.id, (b.check_in_date - (b.booked_at AT TIME ZONE place.timezone)::date)::bigint,
  (b.check_out_date - b.check_in_date)::bigint
FROM place CROSS JOIN LATERAL (
  SELECT * FROM bookings k WHERE k.listing_id = place.id AND k.booked_at >= %s AND k.booked_at < %s OFFSET 0
) b
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """One entry a booking, shape (n_bookings,); ``listing_row`` points into the ids that were asked for."""

    listing_row: IntArray
    lead_days: IntArray
    stay_nights: IntArray


def booked_between(conn: Connection, listing_ids: Sequence[int] | IntArray, start: date, end: date) -> Stays:
    """Return the stays booked from ``start`` until before ``end``."""
    wanted = np.asarray(listing_ids, dtype=np.int64)
    kinds = {"listing_id": "i8", "lead_days": "i8", "stay_nights": "i8"}
    rows = copying.fetch(conn, _STAYS, (wanted.tolist(), start, end), kinds)
    order = np.argsort(wanted)
    place = (
        order[np.searchsorted(wanted, rows["listing_id"], sorter=order)]
        if len(rows["listing_id"])
        else rows["listing_id"]
    )
    return Stays(
        listing_row=np.asarray(place, dtype=np.int64),
        lead_days=np.asarray(rows["lead_days"], dtype=np.int64),
        stay_nights=np.asarray(rows["stay_nights"], dtype=np.int64),
    )
