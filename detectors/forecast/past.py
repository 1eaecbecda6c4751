"""A series made ready for a model and its answer brought back: gaps, roots, holidays taken out and put in again.

Models work on the square root of what never was negative: the root of a count has a variance of about a quarter
whatever its mean (Anscombe 1948), effects of weekdays and holidays come out between additive and multiplicative, and
a root does not hang on the unit. The mean comes back as ``m ** 2 + s ** 2``, since ``E[x] = E[root] ** 2 + var(root)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from detectors.forecast.contract import BoolArray, DayArray, FloatArray, ForecastError, Predicted

WEEK = 7
LEAST_KNOWN = 28
LEVEL_DAYS = 56
PRIOR_DAYS = 2.0
"""How many days without an effect a holiday's or an event's mean effect is weighed against."""
LEVEL = "level"


@dataclass(frozen=True, slots=True)
class Past:
    """A series from its first to its last known day.

    ``values`` (n,) are roots where ``is_rooted``, NaN where missing; ``days`` (n + steps,) go on into what is asked
    for; ``marks`` (n_kinds, n + steps) are holidays and events; the first ``skip`` of the ``steps`` are days that are
    over and untold, and are not answered.
    """

    values: FloatArray
    days: DayArray
    marks: BoolArray
    skip: int
    is_rooted: bool

    @property
    def steps(self) -> int:
        """Days to say, those that are over and untold included."""
        return len(self.days) - len(self.values)

    @property
    def is_plain(self) -> bool:
        """Whether there is too little to tell a model's parameters from, or nothing that moves."""
        known = self.values[np.isfinite(self.values)]
        return len(known) < LEAST_KNOWN or float(np.ptp(known)) == 0.0

    def filled(self) -> FloatArray:
        """Return the values with gaps drawn straight between the same weekdays; one never told takes the rest's."""
        result = np.empty_like(self.values)
        place = np.arange(len(self.values))
        known = np.isfinite(self.values)
        for weekday in range(WEEK):
            mine = place % WEEK == weekday
            told = known & mine if (known & mine).any() else known
            result[mine] = np.interp(place[mine], place[told], self.values[told])
        return result

    def effects(self) -> tuple[FloatArray, FloatArray]:
        """Return the filled values without holidays and events, and what these will add on the days asked for.

        An effect is the mean distance of its days from the weekday's running mean, shrunk to none by two days.
        """
        filled, ahead, n = self.filled(), np.zeros(self.steps), len(self.values)
        if not self.marks.any():
            return filled, ahead
        plain = filled.copy()
        plain[self.marks[:, :n].any(axis=0)] = np.nan
        away = filled - _weekday_mean(plain)
        for mark in self.marks:
            seen = mark[:n] & np.isfinite(self.values) & np.isfinite(away)
            effect = float(away[seen].sum() / (seen.sum() + PRIOR_DAYS))
            filled = np.where(mark[:n], filled - effect, filled)
            ahead += effect * mark[n:]
        return filled, ahead

    def level(self, levels: Sequence[float]) -> Predicted:
        """Return the mean of the last known days, for every day."""
        known = self.values[np.isfinite(self.values)][-LEVEL_DAYS:]
        spread = np.full(self.steps, float(known.std()))
        return self.told(LEVEL, np.full(self.steps, float(known.mean())), spread, levels)

    def told(
        self, model: str, middle: FloatArray, spread: FloatArray, levels: Sequence[float],
        noise: float | None = None,
    ) -> Predicted:  # fmt: skip
        """Bring back a normal forecast: ``middle`` and ``spread`` (steps,), ``noise`` the deviation of single days."""
        z = norm.ppf(0.5 + np.asarray(levels, dtype=np.float64) / 2.0)[:, None]
        variance = (np.full(self.steps, noise) if noise is not None else spread) ** 2
        return self.shown(model, middle, variance, middle - z * spread, middle + z * spread, levels)

    def shown(
        self, model: str, middle: FloatArray, variance: FloatArray, lower: FloatArray, upper: FloatArray,
        levels: Sequence[float],
    ) -> Predicted:  # fmt: skip
        """Bring back what a model says of roots: their mean and variance (steps,), their bands (n_levels, steps)."""
        if self.is_rooted:
            middle, lower, upper = (np.maximum(part, 0.0) ** 2 for part in (middle, lower, upper))
            middle = middle + variance
        cut = slice(self.skip, None)
        # The mean of skewed counts can lie above a narrow band; it must never look impossible by it.
        lower = np.minimum(lower[:, cut], middle[cut])
        upper = np.maximum(upper[:, cut], middle[cut])
        return Predicted(model, tuple(levels), middle[cut], lower, upper)


def lay(
    values: FloatArray, days: DayArray, horizon: int, holidays: BoolArray | None, events: BoolArray | None
) -> Past:  # fmt: skip
    """Check what a model is given and cut it to the days that are known.

    Parameters
    ----------
    values, days, horizon, holidays, events
        As ``contract.Model.forecast``.

    Raises
    ------
    ForecastError
        If no value is known, the horizon is not positive, or shapes and days do not fit together.
    """
    told = np.asarray(values, dtype=np.float64)
    at = np.asarray(days, dtype="datetime64[D]")
    if told.ndim != 1 or told.shape != at.shape:
        raise ForecastError(f"values and days differ in shape: {told.shape}, {at.shape}")
    if horizon < 1:
        raise ForecastError(f"a horizon of {horizon} days holds none")
    if len(at) > 1 and (np.diff(at) != np.timedelta64(1, "D")).any():
        raise ForecastError("the days are not contiguous and ascending")
    known = np.flatnonzero(np.isfinite(told))
    if not len(known):
        raise ForecastError("no value is known")
    first, last = int(known[0]), int(known[-1])
    marks = [np.zeros(len(at) + horizon, dtype=np.bool_) if one is None else np.asarray(one, dtype=np.bool_)
             for one in (holidays, events)]  # fmt: skip
    if any(one.shape != (len(at) + horizon,) for one in marks):
        raise ForecastError(f"holidays and events must cover {len(at) + horizon} days, history and horizon")
    cut = np.where(np.isfinite(told), told, np.nan)[first : last + 1]
    is_rooted = bool(np.nanmin(cut) >= 0.0)
    ahead = at[first] + np.arange(len(at) - first + horizon)
    return Past(
        np.sqrt(cut) if is_rooted else cut, ahead, np.stack(marks)[:, first:], len(at) - 1 - last, is_rooted
    )  # fmt: skip


def _weekday_mean(values: FloatArray) -> FloatArray:
    """Return each day's mean of the same weekday four weeks before and after, NaN days left out."""
    n = len(values)
    padded = np.pad(values, 4 * WEEK, constant_values=np.nan)
    stacked = np.stack([padded[4 * WEEK + shift : 4 * WEEK + shift + n] for shift in range(-4 * WEEK, 5 * WEEK, WEEK)])
    known = np.isfinite(stacked)
    count = known.sum(axis=0)
    return np.asarray(np.where(count > 0, np.where(known, stacked, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan))
