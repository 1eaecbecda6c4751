"""All that is known about alerts, put side by side: the funnel since the break, the log's lines, the neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.scoring.rootcause import funnel, logged, onset
from python_nodes.scoring.rootcause.case import LEVELS, SCAN_DAYS, Asked, LoggedChange, Panel
from python_nodes.scoring.rootcause.funnel import Change
from python_nodes.scoring.rootcause.logged import Line

MIN_SINKING_DAYS = 6
"""Fewer days since the break have no halves to be held against each other."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of ``n`` alerts.

    ``since`` are the days of the break, ``onset`` (n, SCAN_DAYS + 1) their distribution. ``own`` is the funnel's change
    beside the market's, ``market`` and ``siblings`` those of the neighbours by themselves. ``levels`` and ``levels_z``
    (n, 2) are rank and competitors' price. ``sinking`` (n,) is how far the later half since the break lies under the
    earlier one, in standard errors.
    """

    asked: tuple[Asked, ...]
    since: tuple[date, ...]
    onset: FloatArray
    own: Change
    market: Change
    siblings: Change
    levels: FloatArray
    levels_z: FloatArray
    sinking: FloatArray
    lines: tuple[tuple[Line, ...], ...]


def weigh(asked: Sequence[Asked], panel: Panel, changes: Sequence[Sequence[LoggedChange]]) -> Evidence:
    """Put the evidence of all alerts together; ``changes[i]`` are the log's lines on the ``i``-th alert's listings."""
    n_days = panel.days.size
    last: date = panel.days[-1].astype("datetime64[D]").astype(date)
    steps = funnel.steps(panel.own, panel.market)
    when = onset.posterior(steps, panel, _seen(asked, last, n_days))
    column = onset.likeliest(when, n_days)
    levels = [onset.level_change(panel.own[name], column) for name in LEVELS]
    return Evidence(
        asked=tuple(asked), since=tuple(logged.day_of(panel.days, at) for at in column.tolist()), onset=when,
        own=funnel.since(steps, column), market=funnel.since(funnel.raw(panel.market), column),
        siblings=funnel.since(funnel.steps(panel.siblings, panel.market), column),
        levels=np.stack([one[0] for one in levels], 1), levels_z=np.stack([one[1] for one in levels], 1),
        sinking=_sinking(steps, column),
        lines=tuple(
            tuple(logged.lines(own, when[at], last, one.listing_ids))
            for at, (one, own) in enumerate(zip(asked, changes, strict=True))
        ),
    )  # fmt: skip


def _seen(asked: Sequence[Asked], last: date, n_days: int) -> IntArray:
    """Return the column of each day a guard saw, -1 where none did or it lies before the scan."""
    ahead = [(one.onset_date - last).days + n_days - 1 if one.is_seen else -1 for one in asked]
    oldest = n_days - SCAN_DAYS
    return np.array([min(at, n_days) if at >= oldest else -1 for at in ahead], dtype=np.int64)


def _sinking(steps: tuple[funnel.Step, ...], column: IntArray) -> FloatArray:
    """Return how far impressions and views sank within the days since the break, later half against earlier."""
    n_days = steps[0].count.shape[1]
    days = np.arange(n_days)[None, :]
    half = (column + n_days) // 2
    found = np.zeros(column.size)
    for step in (steps[0], steps[2]):
        count, exposure = np.nan_to_num(step.count), np.nan_to_num(step.exposure)
        early, late = (days >= column[:, None]) & (days < half[:, None]), days >= half[:, None]
        b, n = (count * early).sum(axis=1), (count * late).sum(axis=1)
        past, given = (exposure * early).sum(axis=1), (exposure * late).sum(axis=1)
        expected = given * b / np.maximum(past, 1e-9)
        known = (past > 0) & (given > 0) & (n_days - column >= MIN_SINKING_DAYS)
        log = np.log((n + funnel.HALF) / (expected + funnel.HALF))
        se = np.sqrt(step.spread * (1.0 / (expected + funnel.HALF) + 1.0 / (b + funnel.HALF)))
        found -= np.where(known, log / se, 0.0)
    return np.asarray(found / np.sqrt(2.0))


def first_scanned(last: date) -> date:
    """Return the first day on which a break is looked for; changes a few days older may still have done it."""
    return last - timedelta(days=SCAN_DAYS + 3)
