"""What each coming night will have on the books in the end, learnt from how books filled before.

Expected finals are by pickup: additive (nights that still come at each lead) and multiplicative (finals per night on
the books at each lead), both learnt from the market's last weeks (Weatherford and Kimes 2003, "A comparison of
forecasting methods for hotel revenue management", International Journal of Forecasting 19, 401-415), and additive by
what came in the same weeks a year ago. Whichever erred least on past days speaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from python_nodes.domain.metrics import FloatArray, IntArray

SIZE = 90
"""So many nights from today on are told of."""
YEAR = 364
"""52 weeks: a night is held against the same weekday."""
TRAIN_NIGHTS = 56
TRIALS = (28, 42, 56)
"""So many days ago the methods are tried; the finals of the four weeks after are known."""
POOL_NIGHTS = 10.0
"""Nights of an even share that stand beside a listing's own, and beside a market's ratio to last year."""
ADDITIVE, MULTIPLICATIVE, LAST_YEAR = "additive pickup", "multiplicative pickup", "last year's pickup"
LEARN_DAYS = 28
"""What came a year ago is believed where bookings were known for so long before it."""
SMOOTH_NIGHTS = 7
MOST_GROWTH = 2.0
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class Nights:
    """One entry a night of a booking's revision; days are whole numbers since 1970.

    ``row`` is the listing's; the night was on its books from ``from_day`` until before ``until_day``; ``worth_minor``
    is the stay's total over its nights.
    """

    row: IntArray
    night: IntArray
    from_day: IntArray
    until_day: IntArray
    worth_minor: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Learnt:
    """What becomes of each market's nights after each lead, (n_markets, size).

    ``still`` come in the last weeks; ``then`` came a year ago (NaN where that is not known) to the part of the books
    that ``stays``; ``times`` are finals per night on the books; ``share`` (n,) is each listing's part of its market's.
    """

    still: FloatArray
    then: FloatArray
    stays: FloatArray
    times: FloatArray
    share: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Finals:
    """What each of the next nights has on the books, ``now`` and ``money``, and will in the end, (n, size) each.

    ``rate`` (n,) is what a night brings in minor units, ``share`` (n,) each row's part of its market's nights,
    ``method`` what the finals were told by, ``errors`` those of all methods, ``said`` what each would have told.
    """

    now: FloatArray
    money: FloatArray
    expected: FloatArray
    rate: FloatArray
    share: FloatArray
    method: str
    errors: Mapping[str, float]
    said: Mapping[str, FloatArray]


def nights_of(
    row: IntArray, check_in: IntArray, stay_nights: IntArray, from_day: IntArray, until_day: IntArray,
    total_minor: FloatArray,
) -> Nights:  # fmt: skip
    """Take bookings apart into nights; ``until_day`` is the type's greatest where a booking stands."""
    stay = np.maximum(stay_nights, 0)
    which = np.repeat(np.arange(len(row)), stay)
    ahead = np.arange(len(which)) - np.repeat(np.cumsum(stay) - stay, stay)
    worth = total_minor / np.maximum(stay, 1)
    return Nights(row[which], check_in[which] + ahead, from_day[which], until_day[which], worth[which])


def books(
    nights: Nights, at: int, first: int, size: int, n: int, within: IntArray | None = None
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Return nights and money on the books at the beginning of day ``at``, (n, size) from night ``first`` on.

    Only what was booked ``within`` (n,) days before, where given.
    """
    known = (nights.from_day < at) & (nights.until_day >= at)
    if within is not None:
        known &= nights.from_day >= at - within[nights.row]
    inside = np.flatnonzero(known & (nights.night >= first) & (nights.night < first + size))
    cell = nights.row[inside] * size + nights.night[inside] - first
    counted, worth = (
        np.bincount(cell, weight, n * size).reshape(n, size) for weight in (None, nights.worth_minor[inside])
    )
    return counted.astype(np.float64), worth.astype(np.float64)


def finals(nights: Nights, markets: IntArray, capacity: FloatArray, told_from: IntArray, today: int) -> Finals:
    """Return what will be on the books of each of the next nights in the end, by the method that erred least lately.

    Parameters
    ----------
    nights, markets, capacity, told_from, today
        As ``pace`` takes them; a row may as well be a unit or a property.

    Returns
    -------
    Finals
    """
    now, money = books(nights, today, today, SIZE, len(markets))
    learnt = _learn(nights, markets, told_from, today)
    errors = _tried(nights, markets, capacity, told_from, today)
    if np.isnan(learnt.then).all():
        del errors[LAST_YEAR]
    method = min(errors, key=lambda name: errors[name])
    said = {name: _final(now, learnt, markets, capacity, name) for name in errors}
    return Finals(
        now, money, said[method], _rate(nights, money, now, markets, today), learnt.share, method, errors, said
    )  # fmt: skip


def finals_at(
    nights: Nights, markets: IntArray, capacity: FloatArray, told_from: IntArray, at: int, method: str
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Return what was on the books on day ``at`` and what ``method`` would have said then, (n, size) each."""
    now, _ = books(nights, at, at, SIZE, len(markets))
    return now, _final(now, _learn(nights, markets, told_from, at), markets, capacity, method)


def _learn(nights: Nights, markets: IntArray, told_from: IntArray, today: int) -> _Learnt:
    """Learn the booking curve of each market from the nights that have just been stayed, and of a year ago."""
    n, m, size = len(markets), int(markets.max(initial=-1)) + 1, SIZE
    past = np.flatnonzero((nights.night >= today - TRAIN_NIGHTS) & (nights.night < today) & (nights.from_day < today))
    row, night = nights.row[past], nights.night[past]
    until = np.where(nights.until_day[past] >= today, NEVER, nights.until_day[past])
    # On the books at leads from what is left at its end (-1 is the day after: it was stayed) to its first evening.
    last = np.where(until == NEVER, -1, np.maximum(night - until, -1))
    first = np.minimum(night - nights.from_day[past] - 1, size - 1)
    held = first >= last
    change = np.zeros((m, size + 2))
    np.add.at(change, (markets[row[held]], last[held] + 1), 1.0)
    np.add.at(change, (markets[row[held]], first[held] + 2), -1.0)
    standing = np.cumsum(change, axis=1)[:, : size + 1]
    final, on_books = standing[:, :1], standing[:, 1:]
    stayed = np.bincount(row[held & (last == -1)], minlength=n).astype(np.float64)
    members = np.bincount(markets, minlength=m).astype(np.float64)
    share = (stayed + POOL_NIGHTS / members[markets]) / (final[markets, 0] + POOL_NIGHTS)
    return _Learnt(
        (final - on_books) / TRAIN_NIGHTS, *_year_ago(nights, markets, told_from, today),
        (final + POOL_NIGHTS) / (on_books + POOL_NIGHTS), share,
    )  # fmt: skip


def _year_ago(
    nights: Nights, markets: IntArray, told_from: IntArray, today: int
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Return what came to each market's nights after this day a year ago, as books have grown since, and what stays.

    Of books known in part the new bookings are known whole; the share that was cancelled is told by the part.
    """
    n, size, m = len(markets), SIZE, int(markets.max(initial=-1)) + 1
    within = today - YEAR - told_from
    known = within >= LEARN_DAYS

    def of_markets(at: int, first: int, made_before: int = NEVER, reach: IntArray | None = None) -> FloatArray:
        early = nights.from_day < made_before
        some = Nights(*(getattr(nights, name)[early] for name in Nights.__slots__))
        total = np.zeros((m, size))
        np.add.at(total, markets[known], books(some, at, first, size, n, reach)[0][known])
        return total

    then = today - YEAR
    now, before = of_markets(today, today, reach=within), of_markets(then, then)
    left = of_markets(today, then, made_before=then)
    came = of_markets(today, then) - left
    grown = (now.sum(axis=1) + POOL_NIGHTS) / (before.sum(axis=1) + POOL_NIGHTS)
    near = np.ones(2 * SMOOTH_NIGHTS + 1)
    stays = [
        (np.convolve(one, near, "same") + POOL_NIGHTS) / (other.clip(0) + POOL_NIGHTS)
        for one, other in zip(left, (np.convolve(row, near, "same") for row in before), strict=True)
    ]
    unknown = (before.sum(axis=1) == 0)[:, None]
    came = came * np.clip(grown, 1.0 / MOST_GROWTH, MOST_GROWTH)[:, None]
    return np.where(unknown, np.nan, came), np.reshape(stays, (m, size))


def _final(
    now: FloatArray, learnt: _Learnt, markets: IntArray, capacity: FloatArray, method: str
) -> FloatArray:  # fmt: skip
    """Return the nights that each night will have in the end, (n, size); never more than there are."""
    share = learnt.share[:, None]
    found = now + share * learnt.still[markets]
    if method == MULTIPLICATIVE:
        found = now * learnt.times[markets]
    elif method == LAST_YEAR:
        then = now * learnt.stays[markets] + share * learnt.then[markets]
        found = np.where(np.isnan(then), found, then)
    return np.clip(found, 0.0, np.maximum(capacity[:, None], now))


def _tried(
    nights: Nights, markets: IntArray, capacity: FloatArray, told_from: IntArray, today: int
) -> dict[str, float]:  # fmt: skip
    """Return each method's mean error on listings' next 28 nights, in nights, on days whose finals are known."""
    n, size = len(markets), SIZE
    missed: dict[str, list[float]] = {LAST_YEAR: [], ADDITIVE: [], MULTIPLICATIVE: []}
    for back in TRIALS:
        at = today - back
        now, _ = books(nights, at, at, size, n)
        final, _ = books(nights, today, at, size, n)
        learnt = _learn(nights, markets, told_from, at)
        for method, errors in missed.items():
            told = _final(now, learnt, markets, capacity, method)
            errors.append(float(np.abs((told - final)[:, : TRIALS[0]].sum(axis=1)).mean()) if n else 0.0)
    return {name: float(np.mean(errors)) for name, errors in missed.items()}


def _rate(nights: Nights, money: FloatArray, now: FloatArray, markets: IntArray, today: int) -> FloatArray:
    """Return what a night of each listing is worth, by the books and the last weeks; its market's where it has none."""
    recent = np.flatnonzero(
        (nights.night >= today - TRAIN_NIGHTS) & (nights.night < today) & (nights.from_day < today)
        & (nights.until_day > nights.night)
    )  # fmt: skip
    n = len(markets)
    count = now.sum(axis=1) + np.bincount(nights.row[recent], minlength=n)
    worth = money.sum(axis=1) + np.bincount(nights.row[recent], nights.worth_minor[recent], n)
    m = int(markets.max(initial=-1)) + 1
    usual = np.bincount(markets, worth, m) / np.maximum(np.bincount(markets, count, m), 1.0)
    return np.asarray((worth + usual[markets]) / (count + 1.0), dtype=np.float64)
