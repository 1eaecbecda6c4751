"""What the coming months will bring beside last year's, and which weeks stay unsold: each with its probability.

Rows are places: a property with all it sells on all channels, since a night sold on one is gone on the others. What is
still to come is told by ``finals``, times the place's own pace: what it booked in the last four weeks beside its share
of what its market did. How far that errs is learnt from what it would have said 28, 56 and 84 days ago: the variance is
``count * (still + 1) + own ** 2 * still ** 2`` of a place by itself, ``level ** 2 * still ** 2`` of a market.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.scoring import outlook_learn
from python_nodes.scoring.finals import LEARN_DAYS, SIZE, TRAIN_NIGHTS, Finals, Nights, books, finals
from python_nodes.scoring.outlook_learn import STEP_NIGHTS, STEPS
from python_nodes.scoring.outlook_settings import DEFAULTS, OutlookSettings

BAND = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Ahead:
    """Finals of each place's next nights, and how far they err: see the module.

    ``pace`` and ``pace_sd`` (n,) are what its own bookings come at, 1 the usual; ``count``, ``own``, ``level`` (STEPS,)
    by four weeks of lead; ``usual_spread`` (n,), learnt from the past year, is the variance of a place's four weeks
    over their mean at its usual share of the market; ``stayed`` (n,) nights of the last weeks.
    """

    told: Finals
    pace: FloatArray
    pace_sd: FloatArray
    count: FloatArray
    own: FloatArray
    level: FloatArray
    usual_spread: FloatArray
    stayed: FloatArray
    markets: IntArray
    today: int

    def still(self, first: int, end: int) -> FloatArray:
        """Return the nights still to come of nights ``first`` to before ``end`` from today, by lead, (n, STEPS)."""
        ahead = self.told.expected - self.told.now
        ahead = ahead * np.where(ahead > 0, self.pace[:, None], 1.0)
        parts = [
            slice(max(first, low), min(end, low + STEP_NIGHTS)) for low in range(0, STEPS * STEP_NIGHTS, STEP_NIGHTS)
        ]
        return np.stack([ahead[:, part].sum(axis=1) for part in parts], 1)

    def alone(self, first: int, end: int) -> FloatArray:
        """Return the variance, in nights, of what those nights will have in the end beside their market's, (n,)."""
        still = np.maximum(self.still(first, end), 0.0)
        lows = STEP_NIGHTS * np.arange(STEPS)
        concerned = (first < lows + STEP_NIGHTS) & (end > lows)
        of_pace = still.sum(axis=1) / np.maximum(self.pace, 0.1) * self.pace_sd
        return np.asarray(((still + 1.0) * concerned) @ self.count + still**2 @ self.own**2 + of_pace**2)

    def shared(self, first: int, end: int) -> FloatArray:
        """Return how far all of a market are off together, in a place's nights, one standard deviation, (n,)."""
        return np.asarray(np.maximum(self.still(first, end), 0.0) @ self.level, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Months:
    """What each place's month will bring, (n,), minor units.

    ``wanted`` is the operator's target, or last year's, NaN where neither is known; what ends under ``limit`` is
    missed, with ``probability``. ``chance`` is how likely a fall like this is with nothing wrong; ``with_market`` where
    the whole market misses it.
    """

    first_day: int
    last_day: int
    expected: FloatArray
    on_books: FloatArray
    lower: FloatArray
    upper: FloatArray
    wanted: FloatArray
    limit: FloatArray
    is_target: BoolArray
    probability: FloatArray
    chance: FloatArray
    with_market: BoolArray
    nights_at_stake: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Weeks:
    """How many of the next nights each place will sell beside what its share of the market would be, (n,)."""

    expected: FloatArray
    on_books: FloatArray
    lower: FloatArray
    upper: FloatArray
    usual: FloatArray
    probability: FloatArray
    chance: FloatArray


def look_ahead(
    nights: Nights, markets: IntArray, capacity: FloatArray, told_from: IntArray, today: int
) -> Ahead:  # fmt: skip
    """Return what the next nights will have, and how sure that is.

    Parameters
    ----------
    nights : Nights
        ``row`` is the place's.
    markets, capacity, told_from : ndarray, shape (n_places,)
        As ``finals`` takes them.
    today : int
        Days since 1970.

    Returns
    -------
    Ahead
    """
    told = finals(nights, markets, capacity, told_from, today)
    stayed, _ = books(nights, today, today - TRAIN_NIGHTS, TRAIN_NIGHTS, len(markets))
    count, own, level = outlook_learn.errors(nights, markets, capacity, told_from, today, told.method)
    level = np.maximum(level, outlook_learn.disagreement(told, markets))
    spread = outlook_learn.usual_spread(nights, markets, told_from, today)
    pace, pace_sd = outlook_learn.paces(nights, markets, told.share, spread, today)
    return Ahead(told, pace, pace_sd, count, own, level, spread, stayed.sum(axis=1), markets, today)


def month(
    ahead: Ahead, nights: Nights, told_from: IntArray, span: tuple[int, int], last_year: tuple[int, int],
    targets: FloatArray, settings: OutlookSettings = DEFAULTS,
) -> Months:  # fmt: skip
    """Return what a month will bring beside its target or last year.

    Parameters
    ----------
    ahead : Ahead
    nights : Nights
    told_from : ndarray, shape (n_places,)
    span, last_year : tuple of int
        First and last day of the month and of that of the year before.
    targets : ndarray, shape (n_places,)
        Minor units, NaN where the operator set none.
    settings : OutlookSettings

    Returns
    -------
    Months
    """
    n, today = len(ahead.markets), ahead.today
    low, high = max(span[0] - today, 0), min(span[1] - today + 1, SIZE)
    past = books(nights, today, span[0], max(today - span[0], 0), n)[1].sum(axis=1) if span[0] < today else 0.0
    on_books = ahead.told.money[:, low:high].sum(axis=1) + past
    rate = ahead.told.rate
    expected = on_books + ahead.still(low, high).sum(axis=1) * rate
    alone = np.sqrt(ahead.alone(low, high)) * rate
    sd = np.hypot(alone, ahead.shared(low, high) * rate)
    before_nights, before = (one.sum(axis=1) for one in books(nights, today, last_year[0], _length(last_year), n))
    known = (told_from <= last_year[0] - LEARN_DAYS) & (before_nights > 0)
    is_target = np.isfinite(targets)
    wanted = np.where(is_target, targets, np.where(known, before, np.nan))
    limit = np.where(is_target, targets, wanted * settings.month_share)
    reach = float(stats.norm.ppf(0.5 + BAND / 2.0)) * sd
    return Months(
        *span, expected=expected, on_books=on_books, lower=np.maximum(expected - reach, 0.0), upper=expected + reach,
        wanted=wanted, limit=limit, is_target=is_target, probability=_under(limit, expected, sd),
        chance=_by_chance(ahead, expected, alone, np.where(known, before, np.nan), before_nights),
        with_market=_market_misses(ahead, expected, np.where(known, before, np.nan), (low, high), settings),
        nights_at_stake=(wanted - expected) / np.maximum(rate, 1.0),
    )  # fmt: skip


def weeks(ahead: Ahead, settings: OutlookSettings = DEFAULTS) -> Weeks:
    """Return what the next weeks will sell beside each place's usual share of what its market will.

    Parameters
    ----------
    ahead : Ahead
    settings : OutlookSettings

    Returns
    -------
    Weeks
        ``usual`` is NaN in a market of one place, which has no others to be held against.
    """
    end = settings.window_nights
    now, variance = ahead.told.now[:, :end].sum(axis=1), ahead.alone(0, end)
    expected = now + ahead.still(0, end).sum(axis=1)
    total = np.bincount(ahead.markets, expected)[ahead.markets]
    members = np.bincount(ahead.markets)[ahead.markets]
    share = ahead.told.share
    usual = np.where(members > 1, (total - expected) * share / np.maximum(1.0 - share, 0.05), np.nan)
    reach = float(stats.norm.ppf(0.5 + BAND / 2.0)) * np.sqrt(variance)
    # The share itself is known only as well as the nights it was learnt from.
    chance_variance = ahead.usual_spread * usual * (1.0 + usual / np.maximum(ahead.stayed, 1.0))
    return Weeks(
        expected=expected, on_books=now, lower=np.maximum(expected - reach, 0.0), upper=expected + reach, usual=usual,
        probability=_under(usual * settings.unsold_share, expected, np.sqrt(variance)),
        chance=_tail(usual - expected, np.sqrt(chance_variance)),
    )  # fmt: skip


def told_months(found: Months, was_told: BoolArray, settings: OutlookSettings = DEFAULTS) -> BoolArray:
    """Return which places are told of a month, (n,): new ones where it is sure, known ones while it is likely."""
    sure, chance = _asked(was_told, settings)
    strange = found.is_target | found.with_market | (np.nan_to_num(found.chance, nan=1.0) <= chance)
    enough = np.nan_to_num(found.nights_at_stake) >= settings.least_nights
    return np.asarray((np.nan_to_num(found.probability) >= sure) & strange & enough, dtype=np.bool_)


def told_weeks(found: Weeks, was_told: BoolArray, settings: OutlookSettings = DEFAULTS) -> BoolArray:
    """Return which places are told that their next weeks stay unsold, (n,)."""
    sure, chance = _asked(was_told, settings)
    enough = np.nan_to_num(found.usual - found.expected) >= settings.least_nights
    strange = np.nan_to_num(found.chance, nan=1.0) <= chance
    return np.asarray((np.nan_to_num(found.probability) >= sure) & strange & enough, dtype=np.bool_)


def _asked(was_told: BoolArray, settings: OutlookSettings) -> tuple[FloatArray, FloatArray]:
    return (
        np.where(was_told, settings.stay_sure, settings.sure), np.where(was_told, settings.stay_p, settings.chance_p)
    )  # fmt: skip


def curve(nights: Nights, row: int, span: tuple[int, int], days: Sequence[int]) -> FloatArray:
    """Return what a place's books of some nights brought at the beginning of each day, (len(days),), minor units."""
    mine = np.flatnonzero((nights.row == row) & (nights.night >= span[0]) & (nights.night <= span[1]))
    at = np.asarray(days, dtype=np.int64)[:, None]
    held = (nights.from_day[mine] < at) & (nights.until_day[mine] >= at)
    return np.asarray((held * nights.worth_minor[mine]).sum(axis=1), dtype=np.float64)


def _under(limit: FloatArray, expected: FloatArray, sd: FloatArray) -> FloatArray:
    """Return how likely the end is under a limit."""
    return np.asarray(stats.norm.cdf((limit - expected) / np.maximum(sd, 1e-9)), dtype=np.float64)


def _tail(gap: FloatArray, sd: FloatArray) -> FloatArray:
    return np.asarray(stats.norm.sf(gap / np.maximum(sd, 1e-9)), dtype=np.float64)


def _by_chance(
    ahead: Ahead, expected: FloatArray, sd: FloatArray, before: FloatArray, before_nights: FloatArray
) -> FloatArray:  # fmt: skip
    """Return how likely so deep a fall is for a place that goes on as its market does, both years being chance."""
    worth = before / np.maximum(before_nights, 1.0)
    known = np.isfinite(before)
    m = int(ahead.markets.max(initial=-1)) + 1
    then, now = (np.bincount(ahead.markets, np.where(known, one, 0.0), m) for one in (before, expected))
    grown = ((now + 1.0) / (then + 1.0))[ahead.markets]
    usual = before * grown
    by_chance = ahead.usual_spread * before_nights * grown * (1.0 + grown) * worth**2
    return _tail(usual - expected, np.sqrt(by_chance + sd**2))


def _market_misses(
    ahead: Ahead, expected: FloatArray, before: FloatArray, leads: tuple[int, int], settings: OutlookSettings
) -> BoolArray:
    """Return which places are of a market that will miss the month as a whole, (n,)."""
    known, m = np.isfinite(before), int(ahead.markets.max(initial=-1)) + 1

    def of_markets(values: FloatArray) -> FloatArray:
        return np.bincount(ahead.markets, np.where(known, values, 0.0), m).astype(np.float64)

    rate = ahead.told.rate
    sd = np.sqrt(of_markets(ahead.alone(*leads) * rate**2) + of_markets(ahead.shared(*leads) * rate) ** 2)
    misses = _under(of_markets(before) * settings.market_share, of_markets(expected), sd) >= settings.sure
    several = np.bincount(ahead.markets, known, m) > 1
    return np.asarray((misses & several)[ahead.markets], dtype=np.bool_)


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0] + 1
