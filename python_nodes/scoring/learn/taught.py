"""One watch and what it looks at, with what verdicts changed: the only place where a sweep and a replay apply it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from detectors.series import SeriesBatch
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.scoring.learn import surplus
from python_nodes.scoring.learn.applied import Learnt
from python_nodes.scoring.watches import Watch


def applied(
    watch: Watch, learnt: Learnt, batch: SeriesBatch, listing_ids: IntArray,
    told: Callable[[str], FloatArray | None] = lambda name: None,
) -> tuple[Watch, SeriesBatch]:  # fmt: skip
    """Return the watch with its cuts, and its batch with the days, levels and exposures, as verdicts left them.

    Parameters
    ----------
    watch : Watch
    learnt : Learnt
    batch : SeriesBatch
        Row ``i`` is the listing ``listing_ids[i]``.
    listing_ids : ndarray of int
    told : callable
        Another metric's values of the same listings and days, by name; None where it is not told.

    Returns
    -------
    tuple of Watch and SeriesBatch
    """
    values = learnt.anchored(watch.metric, watch.exposure, batch.values, listing_ids, batch.days)
    unfit = learnt.unfit(listing_ids, batch.days)
    if unfit is not None:
        values = np.where(unfit, np.nan, values)
    exposure = surplus.believed(learnt.exposures, watch.metric, watch.exposure, batch.exposure, listing_ids, told)
    changed = replace(batch, values=values, exposure=exposure, unlearnt=learnt.unlearnt(listing_ids, batch.days))
    return _cut(watch, learnt.factors(watch.name, listing_ids)), changed


def _cut(watch: Watch, factors: FloatArray | None) -> Watch:
    """Return the watch with its cuts moved; a whole market or channel by the mean of its listings'."""
    if factors is None:
        return watch
    if watch.of_market or watch.of_rate:
        share = float(factors.mean())
        return replace(watch, budget=replace(watch.budget, false_alerts=watch.budget.false_alerts * share))
    return replace(watch, allowed=factors)
