"""Columns of availability and rates from what a vendor's mapping read night by night, and records from columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

import numpy as np

from python_nodes.domain.columns import AriColumns, ObjectArray, RawRow
from python_nodes.domain.records import AriRecord


class Night(NamedTuple):
    """What one document tells of one listing, rate plan and night; a tuple, for they come by the ten thousand."""

    listing_external_id: str
    rate_plan_external_id: str
    stay_date: date
    price_minor: int | None
    currency: str
    is_open: bool
    units_left: int
    min_stay_nights: int = 1
    fees_minor: int = 0


def ari_columns(
    nights: Sequence[Night], *, source: str, observed_at: datetime, raw_id: int | None, raw_row: RawRow
) -> AriColumns:
    """One row a night, in the same order; ``raw_row`` gives row ``i`` as a document that maps again by itself."""
    told = (
        dict(zip(Night._fields, zip(*nights, strict=True), strict=True)) if nights else dict.fromkeys(Night._fields, ())
    )
    return AriColumns(
        source=source,
        raw_id=raw_id,
        observed_at=observed_at.astimezone(UTC),
        listing_external_id=_texts(told["listing_external_id"]),
        rate_plan_external_id=_texts(told["rate_plan_external_id"]),
        stay_date=np.array(told["stay_date"], dtype="datetime64[D]"),
        # None, no price, becomes NaN.
        price_minor=np.array(told["price_minor"], dtype=np.float64),
        currency=_texts(told["currency"]),
        is_open=np.array(told["is_open"], dtype=np.bool_),
        units_left=np.array(told["units_left"], dtype=np.int64),
        min_stay_nights=np.array(told["min_stay_nights"], dtype=np.int64),
        fees_minor=np.array(told["fees_minor"], dtype=np.int64),
        raw_row=raw_row,
    )


def ari_records(columns: AriColumns) -> list[AriRecord]:
    """One record a row."""
    return [
        AriRecord(
            source=columns.source,
            listing_external_id=columns.listing_external_id[row],
            rate_plan_external_id=columns.rate_plan_external_id[row],
            stay_date=columns.stay_date[row].item(),
            observed_at=columns.observed_at,
            price_minor=None if np.isnan(price) else int(price),
            currency=columns.currency[row],
            is_open=bool(columns.is_open[row]),
            units_left=int(columns.units_left[row]),
            min_stay_nights=int(columns.min_stay_nights[row]),
            fees_minor=int(columns.fees_minor[row]),
            raw_id=columns.raw_id,
        )
        for row, price in enumerate(columns.price_minor)
    ]


def _texts(values: Sequence[str]) -> ObjectArray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
