"""Availability, rates and restrictions: the latest known, and every change ever seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from python_nodes.domain.columns import AriColumns
from python_nodes.domain.inputs import AriMatrix, Spans, UsualTerms
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.store import copying
from python_nodes.store.counts import Counts

_TOLD = (
    "price_minor",
    "currency",
    "is_open",
    "units_left",
    "min_stay_nights",
    "fees_minor",
)
_COLUMNS = (
    "listing_id",
    "rate_plan_external_id",
    "stay_date",
    "observed_at",
    *_TOLD,
    "source",
    "raw_id",
)
_NAMES = ", ".join(_COLUMNS)
_TERMS = ("price_minor", "fees_minor", "min_stay_nights")
_AS_TOLD = ("rate_plan_external_id", "stay_date", *_TOLD)

_OWN_PLAN = """
JOIN listings l ON l.tenant_id = a.tenant_id AND l.id = a.listing_id
JOIN rate_plans r ON r.tenant_id = l.tenant_id AND r.id = l.rate_plan_id AND r.external_id = a.rate_plan_external_id
WHERE a.listing_id = ANY(%s) AND a.stay_date BETWEEN %s AND %s
"""


def _columns(told: Sequence[AriColumns], listing_ids: Mapping[str, int]) -> dict[str, Any]:
    """One table of what several documents tell; of a night told twice the last stays."""
    columns = {name: np.concatenate([getattr(one, name) for one in told]) for name in _AS_TOLD}
    names = np.concatenate([one.listing_external_id for one in told])
    columns["listing_id"] = np.fromiter((listing_ids[name] for name in names), dtype=np.int64, count=len(names))
    sizes = [len(one) for one in told]
    columns["source"] = np.repeat(np.array([one.source for one in told], dtype=object), sizes)
    raw_ids = [copying.NULL_INT if one.raw_id is None else one.raw_id for one in told]
    columns["raw_id"] = np.repeat(np.array(raw_ids, dtype=np.int64), sizes)
    moments = [one.observed_at.astimezone(UTC).replace(tzinfo=None) for one in told]
    columns["observed_at"] = np.repeat(np.array(moments, dtype="datetime64[us]"), sizes)
    price = np.nan_to_num(columns["price_minor"]).astype(np.int64)
    columns["price_minor"] = np.where(np.isnan(columns["price_minor"]), copying.NULL_INT, price)
    _, plan = np.unique(columns["rate_plan_external_id"].astype(str), return_inverse=True)
    order = np.lexsort((plan, columns["stay_date"], columns["listing_id"]))
    key = np.stack([columns["listing_id"], columns["stay_date"].astype(np.int64), plan])[:, order]
    last = np.append((np.diff(key) != 0).any(axis=0), [True] * (len(order) > 0))
    return {name: values[order[last]] for name, values in columns.items()}


def upsert_changed(conn: Connection, told: Sequence[AriColumns], listing_ids: Mapping[str, int]) -> Counts:
    """Keep what differs from the latest known; an older observation never replaces a newer one."""
    stored = 0
    # One pass a moment: a change is told against what was known just before it.
    for moment in sorted({one.observed_at for one in told if len(one)}):
        stored += _store(conn, _columns([one for one in told if one.observed_at == moment], listing_ids))
    return Counts(stored=stored, unchanged=sum(map(len, told)) - stored)


def _store(conn: Connection, columns: Mapping[str, Any]) -> int:
    copying.stage(conn, "staged_ari", {name: columns[name] for name in _COLUMNS})
    conn.execute(text(
        "INSERT INTO ari_polls AS p (listing_id, observed_at) SELECT listing_id, max(observed_at)"
        " FROM pg_temp.staged_ari GROUP BY listing_id ON CONFLICT (tenant_id, listing_id)"
        " DO UPDATE SET observed_at = greatest(p.observed_at, EXCLUDED.observed_at)"
    ))  # fmt: skip
    plain = ", ".join(f"s.{name}" for name in _TOLD)
    changed = ", ".join(f"{name} = EXCLUDED.{name}" for name in (*_TOLD, "observed_at", "source", "raw_id"))
    return conn.execute(text(
        "WITH fresh AS (SELECT s.* FROM pg_temp.staged_ari s"
        "  LEFT JOIN (SELECT * FROM ari_current WHERE stay_date BETWEEN :first AND :last) c"
        "  USING (listing_id, stay_date, rate_plan_external_id)"
        "  WHERE c.listing_id IS NULL OR (c.observed_at < s.observed_at AND"
        f"  ({plain}) IS DISTINCT FROM ({plain.replace('s.', 'c.')}))),"
        f" kept AS (INSERT INTO ari_current ({_NAMES}) SELECT {_NAMES} FROM fresh"
        f"  ON CONFLICT (tenant_id, listing_id, stay_date, rate_plan_external_id) DO UPDATE SET {changed})"
        f" INSERT INTO ari_observations ({_NAMES}) SELECT {_NAMES} FROM fresh ON CONFLICT DO NOTHING"
    ), {"first": columns["stay_date"].min().item(), "last": columns["stay_date"].max().item()}).rowcount  # fmt: skip


def _place(rows: NDArray[Any], wanted: IntArray, first: np.datetime64) -> tuple[IntArray, IntArray]:
    order = np.argsort(wanted)
    at = order[np.searchsorted(wanted, rows["listing_id"], sorter=order)] if len(rows) else np.empty(0, np.int64)
    return at, (rows["stay_date"] - first).astype(np.int64)


def current(
    conn: Connection,
    listing_ids: Sequence[int] | IntArray,
    from_date: date,
    to_date: date,
) -> AriMatrix:
    """Return what is known of each listing's own rate plan, both nights included; row ``i`` is ``listing_ids[i]``."""
    wanted = np.asarray(listing_ids, dtype=np.int64)
    nights = np.arange(np.datetime64(from_date), np.datetime64(to_date) + 1)
    kinds = {
        "listing_id": "i8",
        "stay_date": "D",
        "is_open": "?",
        "price": "f8",
        "units_left": "i8",
        "min_stay": "i8",
        "fees": "i8",
    }
    query = (
        "SELECT a.listing_id, a.stay_date, a.is_open, coalesce(a.price_minor::float8, 'NaN'), a.units_left,"
        " a.min_stay_nights, a.fees_minor FROM ari_current a" + _OWN_PLAN
    )
    rows = copying.fetch(conn, query, (wanted.tolist(), from_date, to_date), kinds)
    where = _place(rows, wanted, nights[0])
    shape = (len(wanted), len(nights))
    known, is_open = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    price, units_left, min_stay, fees = (
        np.full(shape, np.nan),
        np.zeros(shape, np.int64),
        np.ones(shape, np.int64),
        np.zeros(shape, np.int64),
    )
    known[where], is_open[where], price[where] = True, rows["is_open"], rows["price"]
    units_left[where], min_stay[where], fees[where] = rows["units_left"], rows["min_stay"], rows["fees"]
    polled = copying.fetch(
        conn, "SELECT listing_id, observed_at FROM ari_polls WHERE listing_id = ANY(%s)", (wanted.tolist(),),
        {"listing_id": "i8", "observed_at": "us"},
    )  # fmt: skip
    latest = dict(zip(polled["listing_id"].tolist(), polled["observed_at"], strict=True))
    observed = [latest.get(int(one), np.datetime64("NaT")) for one in wanted]
    return AriMatrix(
        nights=nights, known=known, is_open=is_open, price_minor=price, units_left=units_left,
        min_stay_nights=min_stay, fees_minor=fees, observed_at=np.array(observed, dtype="datetime64[s]"),
    )  # fmt: skip


def usual_terms(
    conn: Connection, listing_ids: Sequence[int] | IntArray, from_date: date, to_date: date, before: datetime,
    doubtful: Mapping[str, Spans] | None = None,
) -> UsualTerms:  # fmt: skip
    """Return the median of each term seen before ``before`` for each night, weighted by how long it stood; NaN if none.

    ``doubtful`` holds for a term, by its name in ``UsualTerms``, when it was under suspicion: such time does not count
    for it, so that what is wrong never becomes usual.
    """
    wanted = np.asarray(listing_ids, dtype=np.int64)
    nights = np.arange(np.datetime64(from_date), np.datetime64(to_date) + 1)
    # Only changes are stored, so a term counts for as long as it stood: an error of one day must not be half the past.
    query = (
        "SELECT * FROM (SELECT a.listing_id, a.stay_date, coalesce(a.price_minor::float8, 'NaN'),"
        " a.fees_minor::float8, a.min_stay_nights::float8,"
        " extract(epoch FROM a.observed_at)::float8, extract(epoch FROM lead(a.observed_at, 1, %s)"
        " OVER (PARTITION BY a.listing_id, a.stay_date ORDER BY a.observed_at))::float8 FROM ari_observations a"
        + _OWN_PLAN + " AND a.observed_at < %s) x ORDER BY listing_id"
    )  # fmt: skip
    kinds = {"listing_id": "i8", "stay_date": "D", **dict.fromkeys(_TERMS, "f8"), "seen_s": "f8", "until_s": "f8"}
    rows = copying.fetch(conn, query, (before, wanted.tolist(), from_date, to_date, before), kinds)
    at, night = _place(rows, wanted, nights[0])
    cell = at * len(nights) + night
    found = {}
    for name in _TERMS:
        stood_s = np.where(np.isnan(rows[name]), 0.0, _trusted_s(rows, (doubtful or {}).get(name)))
        told = np.flatnonzero(stood_s > 0)
        found[name] = np.full((len(wanted), len(nights)), np.nan)
        if told.size:
            groups, medians = _weighted_median(cell[told], rows[name][told], stood_s[told])
            found[name].flat[groups] = medians
    return UsualTerms(**found)


def trailing_median_price(
    conn: Connection, listing_ids: Sequence[int] | IntArray, from_date: date, to_date: date, before: datetime,
    doubtful: Spans | None = None,
) -> FloatArray:  # fmt: skip
    """Return what ``usual_terms`` says of prices."""
    spans = None if doubtful is None else {"price_minor": doubtful}
    return usual_terms(conn, listing_ids, from_date, to_date, before, spans).price_minor


def _trusted_s(rows: NDArray[Any], doubtful: Spans | None) -> FloatArray:
    """Return for how many seconds each price stood outside the doubtful spans; rows come in order of listing."""
    stood = np.asarray(rows["until_s"] - rows["seen_s"], dtype=np.float64)
    if doubtful is None:
        return stood
    first = np.searchsorted(rows["listing_id"], doubtful.listing_id, "left").tolist()
    last = np.searchsorted(rows["listing_id"], doubtful.listing_id, "right").tolist()
    begin, end = (one.astype("datetime64[s]").astype(np.int64) for one in (doubtful.from_at, doubtful.until_at))
    for span in range(len(first)):
        own = slice(first[span], last[span])
        shared = np.minimum(rows["until_s"][own], end[span]) - np.maximum(rows["seen_s"][own], begin[span])
        stood[own] -= np.maximum(shared, 0.0)
    return stood


def _weighted_median(group: IntArray, price: FloatArray, weight: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return each group and its lower weighted median."""
    order = np.lexsort((price, group))
    group, price, weight = group[order], price[order], weight[order]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    total = np.add.reduceat(weight, starts)
    sizes = np.diff(starts, append=len(group))
    running = np.cumsum(weight) - np.repeat(np.cumsum(total) - total, sizes)
    reached = running >= np.repeat(total, sizes) / 2 * (1 - 1e-9)
    first = np.minimum.reduceat(np.where(reached, np.arange(len(group)), len(group) - 1), starts)
    return group[starts], price[first]
