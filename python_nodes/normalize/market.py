"""Checks on what was seen of a listing's market, and competitors' prices in the property's own currency."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import numpy as np

from python_nodes.domain.columns import MarketColumns
from python_nodes.domain.metrics import FloatArray, IntArray, MetricPoints
from python_nodes.domain.money import currency_digits
from python_nodes.domain.records import Rejected
from python_nodes.normalize.columns import (
    codes,
    currencies,
    is_none,
    last_of_each,
    local_days,
    reasons,
    rejected,
    unknown_currency,
)
from python_nodes.normalize.fx import RateTable
from python_nodes.normalize.index import PortfolioIndex

MAX_RANK = 100_000


def normalize_market_columns(
    columns: MarketColumns, index: PortfolioIndex, as_of: datetime
) -> tuple[MarketColumns, list[Rejected]]:
    """Keep the rows that can be used; of a (listing, day) told twice the last."""
    place = index.positions(columns.listing_external_id)
    rank, price = columns.search_rank, columns.competitor_price_minor
    reason = reasons(
        len(columns),
        (
            (place < 0, "listing_external_id", "unknown listing"),
            (np.isfinite(price) & unknown_currency(columns.currency), "currency", "unknown currency"),
            ((rank < 1) | (rank > MAX_RANK), "search_rank", f"not a place from 1 to {MAX_RANK}"),
            (price <= 0, "competitor_price", "not a positive price"),
            (columns.day_date > local_days(index, as_of)[place], "day_date", "in the future"),
        ),
    )
    where = (columns.source, "market_watch", columns.raw_id)
    bad = [rejected(reason[row], where, columns.raw_row(int(row))) for row in np.flatnonzero(~is_none(reason))]
    keep = np.flatnonzero(is_none(reason))
    latest = last_of_each(codes(columns.listing_external_id[keep]), columns.day_date[keep].astype(np.int64))
    return _take(columns, np.sort(keep[latest])), bad


def market_points(columns: MarketColumns, index: PortfolioIndex, rates: RateTable, as_of: datetime) -> MetricPoints:
    """Rank and price of normalized columns; the price in major units of the property's currency at its day's rate.

    A day for which no rate is known tells no price.
    """
    place = index.positions(columns.listing_external_id)
    own = currencies(index, place).astype("U3")
    return MetricPoints(
        listing_id=index.listing_id[place],
        day_date=columns.day_date,
        source=columns.source,
        as_of_at=as_of,
        values={"search_rank": columns.search_rank, "competitor_price": _converted(columns, own, rates)},
    )


def _converted(columns: MarketColumns, own: np.ndarray[tuple[int], np.dtype[np.str_]], rates: RateTable) -> FloatArray:
    """Each pair of currencies is converted at once, whatever the number of rows."""
    told = columns.currency.astype("U3")
    result = np.full(len(columns), np.nan)
    priced = np.isfinite(columns.competitor_price_minor)
    for source, target in sorted(set(zip(told[priced].tolist(), own[priced].tolist(), strict=True))):
        rows = priced & (told == source) & (own == target)
        days, at = np.unique(columns.day_date[rows], return_inverse=True)
        factor = 1.0 if source == target else rates.minor_factors([source], target, days)[0][at]
        result[rows] = columns.competitor_price_minor[rows] * factor / 10.0 ** currency_digits(target)
    return result


def _take(columns: MarketColumns, rows: IntArray) -> MarketColumns:
    arrays = {one.name: getattr(columns, one.name) for one in fields(columns)}
    chosen: dict[str, Any] = {name: values[rows] for name, values in arrays.items() if isinstance(values, np.ndarray)}
    return replace(columns, **chosen, raw_row=lambda row: columns.raw_row(int(rows[row])))
