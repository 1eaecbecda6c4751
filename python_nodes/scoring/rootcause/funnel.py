"""Funnel arithmetic: how much of a fall in bookings lies in being seen, being opened, and being booked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.scoring.rootcause.case import BEFORE_DAYS, COUNTS

STEPS = ("impressions", "click_through", "conversion")
HALF = 0.5
"""Added to counts, so that none has a logarithm; Jeffreys' prior of a Poisson rate."""
MOST_SPREAD = 60.0
ENOUGH_SHOWN = 50.0
"""A market that is shown less often on a day says little about it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the funnel day by day: ``count`` in proportion to ``exposure``, (n, n_days), NaN where untold.

    ``spread`` (n,) is how many times a Poisson count's variance its own is, at least 1.
    """

    count: FloatArray
    exposure: FloatArray
    spread: FloatArray


@dataclass(frozen=True, slots=True)
class Change:
    """Log-changes since the onset, (n, 3) in the order of ``STEPS``; ``days`` (n,) were told since.

    ``se`` is what chance alone would move it by (the change is held against this); ``ci_se`` is the estimate's own.
    Both are 0 evidence, that is infinite, where either side tells nothing.
    """

    log: FloatArray
    se: FloatArray
    ci_se: FloatArray
    days: IntArray

    @property
    def z(self) -> FloatArray:
        """Return changes in standard errors, (n, 3)."""
        return np.asarray(self.log / self.se)

    def shares(self) -> FloatArray:
        """Return each step's part of the change of bookings, (n, 3); they add up to 1, NaN without any change.

        log bookings = log impressions + log click-through + log conversion, so the logs add up and are shared out.
        """
        total = self.log.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(np.abs(total) > 1e-6, self.log / total, np.nan))


def steps(own: Mapping[str, FloatArray], market: Mapping[str, FloatArray]) -> tuple[Step, Step, Step]:
    """Return the three steps of each alert's listings; impressions in proportion to the market's, which has its weekday
    and season, or to days where no market tells.

    Parameters
    ----------
    own, market : mapping
        As in `case.Panel`.

    Returns
    -------
    tuple of Step
        In the order of ``STEPS``.
    """
    shown, viewed, booked = (own[name] for name in COUNTS)
    around = market["search_impressions"]
    usable = (np.nan_to_num(around) >= ENOUGH_SHOWN).mean(axis=1, keepdims=True) > 0.5
    exposure = np.where(usable, around, np.where(np.isfinite(shown), 1.0, np.nan))
    return _step(shown, exposure), _step(viewed, shown), _step(booked, viewed)


def raw(counts: Mapping[str, FloatArray]) -> tuple[Step, Step, Step]:
    """Return the same steps in proportion to days: how a market or the unit's other channels stand by themselves."""
    shown, viewed, booked = (counts[name] for name in COUNTS)
    return _step(shown, np.where(np.isfinite(shown), 1.0, np.nan)), _step(viewed, shown), _step(booked, viewed)


def _step(count: FloatArray, exposure: FloatArray) -> Step:
    both = np.isfinite(count) & np.isfinite(exposure) & (exposure > 0)
    count, exposure = np.where(both, count, np.nan), np.where(both, exposure, np.nan)
    early = slice(0, BEFORE_DAYS)
    told, given = np.nan_to_num(count[:, early]), np.nan_to_num(exposure[:, early])
    rate = (told.sum(axis=1) + HALF) / np.maximum(given.sum(axis=1), 1e-9)
    mean = np.maximum(rate[:, None] * given, 1e-9)
    square = np.where(given > 0, (told - mean) ** 2 / np.maximum(mean, 0.1), 0.0)
    days = np.maximum((given > 0).sum(axis=1), 1)
    return Step(count, exposure, np.clip(square.sum(axis=1) / days, 1.0, MOST_SPREAD))


def since(told: tuple[Step, Step, Step], onset: IntArray) -> Change:
    """Return each step's log-change from the weeks before an onset to the days since.

    A step's rate is count / exposure. With N counts after it where the rate before lets E be expected, and B before,
    the change is log((N + ½) / (E + ½)); by the delta method its variance is spread × (1 / (E + ½) + 1 / (B + ½)) if
    nothing changed, and spread × (1 / (N + ½) + 1 / (B + ½)) as an estimate.

    Parameters
    ----------
    told : tuple of Step
    onset : ndarray, shape (n,)
        Column of the first day since; ``n_days`` for one that is not over yet: nothing is known then.

    Returns
    -------
    Change
    """
    n_days = told[0].count.shape[1]
    column = np.arange(n_days)[None, :]
    after = column >= onset[:, None]
    before = (column < onset[:, None]) & (column >= onset[:, None] - BEFORE_DAYS)
    logs: list[FloatArray] = []
    errors: list[FloatArray] = []
    own_errors: list[FloatArray] = []
    for step in told:
        count, exposure = np.nan_to_num(step.count), np.nan_to_num(step.exposure)
        n, b = ((count * part).sum(axis=1) for part in (after, before))
        given, past = ((exposure * part).sum(axis=1) for part in (after, before))
        expected = given * b / np.maximum(past, 1e-9)
        known = (given > 0) & (past > 0)
        logs.append(np.where(known, np.log((n + HALF) / (expected + HALF)), 0.0))
        for values, seen in ((errors, expected), (own_errors, n)):
            variance = step.spread * (1.0 / (seen + HALF) + 1.0 / (b + HALF))
            values.append(np.where(known, np.sqrt(variance), np.inf))
    days = (np.isfinite(told[0].count) & after).sum(axis=1)
    return Change(np.stack(logs, 1), np.stack(errors, 1), np.stack(own_errors, 1), days)
