"""Pace: nights on the books for the time to come, against the same lead time a year ago and against the market.

Expected finals are those of ``finals``. Books are compared like for like: where the bookings known to us begin so late
that last year's books were incomplete, both years count only what was booked within as many days before the day in
question as are known of last year.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.scoring.finals import (
    ADDITIVE,
    LAST_YEAR,
    LEARN_DAYS,
    MULTIPLICATIVE,
    NEVER,
    POOL_NIGHTS,
    SIZE,
    TRAIN_NIGHTS,
    TRIALS,
    YEAR,
    Nights,
    books,
    finals,
    nights_of,
)

__all__ = [
    "ADDITIVE", "LAST_YEAR", "LEARN_DAYS", "MULTIPLICATIVE", "TRAIN_NIGHTS", "TRIALS", "WINDOWS", "YEAR", "Nights",
    "Pace", "books", "nights_of", "pace",
]  # fmt: skip

WINDOWS = (14, 30, 60, SIZE)
WHOLE_DAYS = 365
"""Few book earlier than this: books that have been watched for so long are held to be complete."""
LEAST_DAYS = 14


@dataclass(frozen=True, slots=True, eq=False)
class Pace:
    """What is on the books for each window, (n_listings, n_windows) each; money in minor units of one currency.

    ``nights`` and ``money`` are all that is on the books; ``*_alike`` what of it was booked within ``alike_days`` (n,),
    which is what ``*_last_year``, the books of the same lead 52 weeks ago, tell too: NaN for a listing that was not
    sold then. ``*_market`` is what ``alike`` would be had last year's moved like that of the market's other listings
    (its usual share of theirs, where it was not sold a year ago). ``*_expected`` is what there will be in the end, by
    ``method``, the one of least ``errors`` (mean absolute, nights of a listing in four weeks).
    """

    nights: FloatArray
    money: FloatArray
    alike_days: IntArray
    nights_alike: FloatArray
    money_alike: FloatArray
    nights_last_year: FloatArray
    money_last_year: FloatArray
    nights_market: FloatArray
    money_market: FloatArray
    nights_expected: FloatArray
    money_expected: FloatArray
    method: str
    errors: Mapping[str, float]


def pace(nights: Nights, markets: IntArray, capacity: FloatArray, told_from: IntArray, today: int) -> Pace:
    """Return how the books stand.

    Parameters
    ----------
    nights : Nights
        Of all listings; those before ``today - YEAR - TRAIN_NIGHTS`` are not needed.
    markets : ndarray of int, shape (n_listings,)
        The market of each, from 0 without a gap.
    capacity : ndarray, shape (n_listings,)
        Like units a night.
    told_from : ndarray of int, shape (n_listings,)
        The day from which on bookings of the listing's channel are known.
    today : int
        Days since 1970; only what was told before that day is used.

    Returns
    -------
    Pace
    """
    n, size = len(markets), WINDOWS[-1]
    told = finals(nights, markets, capacity, told_from, today)
    now, money, rate = told.now, told.money, told.rate
    within = np.where(today - YEAR - told_from >= WHOLE_DAYS, NEVER // 2, today - YEAR - told_from)
    alike, spent = (_windows(one) for one in books(nights, today, today, size, n, within))
    before, earned = (_windows(one) for one in books(nights, today - YEAR, today - YEAR, size, n, within))
    was_sold = (within >= LEAST_DAYS) & (np.bincount(nights.row[nights.from_day < today - YEAR], minlength=n) > 0)
    return Pace(
        nights=_windows(now), money=_windows(money),
        alike_days=np.minimum(within, WHOLE_DAYS), nights_alike=alike, money_alike=spent,
        nights_last_year=np.where(was_sold[:, None], before, np.nan),
        money_last_year=np.where(was_sold[:, None], earned, np.nan),
        nights_market=_as_the_market(alike, before, was_sold, told.share, markets),
        money_market=_as_the_market(spent, earned, was_sold, told.share, markets, rate),
        nights_expected=_windows(told.expected),
        money_expected=_windows(money + (told.expected - now) * rate[:, None]), method=told.method, errors=told.errors,
    )  # fmt: skip


def _as_the_market(
    now: FloatArray, before: FloatArray, was_sold: BoolArray, share: FloatArray, markets: IntArray,
    rate: FloatArray | None = None,
) -> FloatArray:  # fmt: skip
    """Return what each listing's books would be had they moved like those of its market's other listings.

    Of listings without last year their usual share of the others' present books; money pools by ``rate``.
    """
    sold = was_sold[:, None].astype(np.float64)
    m = int(markets.max(initial=-1)) + 1

    def others(values: FloatArray) -> FloatArray:
        total = np.zeros((m, values.shape[1]))
        np.add.at(total, markets, values)
        return np.asarray(total[markets] - values, dtype=np.float64)

    pool = POOL_NIGHTS * (1.0 if rate is None else np.maximum(rate, 1.0)[:, None])
    moved = (others(now * sold) + pool) / (others(before * sold) + pool)
    rest = others(now) * (share / np.maximum(1.0 - share, 0.05))[:, None]
    return np.where(sold > 0, before * moved, rest)


def _windows(nightly: FloatArray) -> FloatArray:
    """Sum the first nights of each window."""
    return np.cumsum(nightly, axis=1)[:, np.array(WINDOWS) - 1]
