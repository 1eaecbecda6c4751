"""Checks on columns of availability and rates."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np

from python_nodes.domain.columns import AriColumns
from python_nodes.domain.records import Rejected
from python_nodes.normalize.columns import (
    codes,
    currencies,
    is_none,
    last_of_each,
    reasons,
    rejected_rows,
    take,
    unknown_currency,
)
from python_nodes.normalize.index import CLOCK_SKEW, PortfolioIndex


def normalize_ari_columns(
    columns: AriColumns, index: PortfolioIndex, as_of: datetime
) -> tuple[AriColumns, list[Rejected]]:
    """Keep what can be used; a night without a price takes the property's currency. The last told night wins."""
    keys = (
        codes(columns.listing_external_id),
        codes(columns.rate_plan_external_id),
        columns.stay_date.astype(np.int64),
    )
    told = take(columns, np.sort(last_of_each(*keys)))
    place = index.positions(told.listing_external_id)
    own = currencies(index, place)
    named = told.currency != ""
    late = np.full(len(told), told.observed_at > as_of + CLOCK_SKEW)
    reason = reasons(
        len(told),
        (
            (place < 0, "listing_external_id", "unknown listing"),
            (named & unknown_currency(told.currency), "currency", "unknown currency"),
            (named & (told.currency != own), "currency", "not the property's currency"),
            (told.price_minor < 0, "price_minor", "negative price"),
            (told.units_left < 0, "units_left", "negative"),
            (late, "observed_at", "observed in the future"),
        ),
    )
    bad = rejected_rows(reason, told, "ari")
    good = replace(told, currency=np.where(named, told.currency, own))
    return take(good, np.flatnonzero(is_none(reason))), bad
