"""The operator's own calendar: the truth that a channel is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import IntArray
from python_nodes.domain.records import OperatorNight
from python_nodes.store import copying
from python_nodes.store.counts import Counts

_UPSERT = """
INSERT INTO operator_nights AS o (unit_id, stay_date, is_open, units, raw_id, changed_at)
SELECT DISTINCT ON (unit_id, stay_date) unit_id, stay_date, is_open, units, raw_id, CAST(:told_at AS timestamptz)
FROM pg_temp.staged_operator ORDER BY unit_id, stay_date, position DESC
ON CONFLICT (tenant_id, unit_id, stay_date) DO UPDATE
SET is_open = EXCLUDED.is_open, units = EXCLUDED.units, raw_id = EXCLUDED.raw_id, changed_at = EXCLUDED.changed_at
WHERE (o.is_open, o.units) IS DISTINCT FROM (EXCLUDED.is_open, EXCLUDED.units)
"""


def upsert(
    conn: Connection, nights: Sequence[OperatorNight], unit_ids: Mapping[str, int], told_at: datetime
) -> Counts:  # fmt: skip
    """Let the file's word replace what stood; ``unit_ids`` maps external ids; a later line wins.

    A night whose word is another than before is of ``told_at``, every other one of when it was first told so.
    """
    if not nights:
        return Counts(stored=0, unchanged=0)
    raw_ids = [copying.NULL_INT if one.raw_id is None else one.raw_id for one in nights]
    copying.stage(conn, "staged_operator", {
        "position": np.arange(len(nights)),
        "unit_id": np.array([unit_ids[one.unit_external_id] for one in nights], dtype=np.int64),
        "stay_date": np.array([one.stay_date for one in nights], dtype="datetime64[D]"),
        "is_open": np.array([one.is_open for one in nights], dtype=np.bool_),
        "units": np.array([one.units for one in nights], dtype=np.int64),
        "raw_id": np.array(raw_ids, dtype=np.int64),
    })  # fmt: skip
    stored = conn.execute(text(_UPSERT), {"told_at": told_at}).rowcount
    return Counts(stored=stored, unchanged=len(nights) - stored)


def current(
    conn: Connection, unit_ids: Sequence[int] | IntArray, from_date: date, to_date: date
) -> tuple[BoolArray, BoolArray, NDArray[np.datetime64]]:
    """Return (known, open, since), all (len(unit_ids), n_nights), both nights included; a unit may be named repeatedly.

    ``since`` datetime64[s] UTC is when the operator first told the night so, NaT where he told nothing.
    """
    wanted = np.asarray(unit_ids, dtype=np.int64)
    distinct, back = np.unique(wanted, return_inverse=True)
    query = (
        "SELECT unit_id, stay_date, is_open, coalesce(changed_at, 'epoch') FROM operator_nights"
        " WHERE unit_id = ANY(%s) AND stay_date BETWEEN %s AND %s"
    )
    rows = copying.fetch(
        conn,
        query,
        (distinct.tolist(), from_date, to_date),
        {"unit_id": "i8", "stay_date": "D", "is_open": "?", "since": "us"},
    )
    shape = (len(distinct), (to_date - from_date).days + 1)
    known, is_open, since = (
        np.zeros(shape, np.bool_),
        np.zeros(shape, np.bool_),
        np.full(shape, np.datetime64("NaT", "s")),
    )
    where = (
        np.searchsorted(distinct, rows["unit_id"]),
        (rows["stay_date"] - np.datetime64(from_date)).astype(np.int64),
    )
    known[where], is_open[where], since[where] = True, rows["is_open"], rows["since"]
    return known[back], is_open[back], since[back]
