"""How far what is said of the coming nights errs, at which pace each place books, and what is chance: by past days."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import optimize

from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.scoring.finals import LEARN_DAYS, SIZE, Finals, Nights, books, finals_at

STEP_NIGHTS = 28
ORIGINS = (28, 56, 84)
STEPS = 4
"""Leads by four weeks; the last few nights count as the third's."""
BLOCKS, LEAST_BLOCKS = 13, 3
POOL_BLOCKS = 6.0
"""Blocks of the usual spread that stand beside a place's own."""
PACE_DAYS = 28
USUAL_PACE_SD, FALLEN = 0.2, 0.05
"""How far a place's pace is from its market's in e-folds, and how many have fallen by any share: assumptions."""


def errors(
    nights: Nights, markets: IntArray, capacity: FloatArray, told_from: IntArray, today: int, method: str
) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
    """Learn from past days how far what was said of each lead was off: alone, and all of a market together."""
    seen: list[list[tuple[FloatArray, FloatArray]]] = [[] for _ in range(STEPS - 1)]
    for back in ORIGINS:
        at = today - back
        now, said = finals_at(nights, markets, capacity, told_from, at, method)
        came, _ = books(nights, today, at, SIZE, len(markets))
        for step in range(back // STEP_NIGHTS):
            part = slice(step * STEP_NIGHTS, (step + 1) * STEP_NIGHTS)
            still = np.maximum((said - now)[:, part].sum(axis=1), 0.0)
            seen[step].append(((came - said)[:, part].sum(axis=1), still))
    found = np.array([_spread_of(one, markets) for one in seen])
    # Of the last few nights as of the step before them.
    count, own, level = np.concatenate([found, found[-1:]]).T
    return count, own, level


def _spread_of(seen: Sequence[tuple[FloatArray, FloatArray]], markets: IntArray) -> tuple[float, float, float]:
    """Part squared errors into what grows with the nights to come, with their square, and what a market shares."""
    common, whole, rows = 0.0, 0.0, []
    for error, still in seen:
        together, of_all, alone = (np.bincount(markets, one) for one in (error, still, error**2))
        common += float((together**2 - alone).sum())
        whole += float((of_all**2 - np.bincount(markets, still**2)).sum())
        shift = (together + 0.0) / (of_all + 1.0)
        rows.append(((error - shift[markets] * still) ** 2, still))
    left, still = (np.concatenate(one) for one in zip(*rows, strict=True))
    # Each place counts the same: weighed by its size, only the largest would be asked.
    (count, own), _ = optimize.nnls(np.stack([np.ones(len(still)), still**2 / (still + 1.0)], 1), left / (still + 1.0))
    return float(max(count, 1.0)), float(np.sqrt(own)), float(np.sqrt(max(common, 0.0) / max(whole, 1.0)))


def paces(
    nights: Nights, markets: IntArray, share: FloatArray, spread: FloatArray, today: int
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Return at which pace each place books, 1 being its share of its market's, and how sure that is, (n,) each.

    Bayes on a grid: most go on as usual, some have fallen by any share; nights come ``spread`` at a time.
    """
    fresh = (nights.from_day >= today - PACE_DAYS) & (nights.from_day < today)
    n = len(markets)
    booked = np.bincount(nights.row[fresh], minlength=n).astype(np.float64)
    others = (np.bincount(markets, booked)[markets] - booked) / np.maximum(1.0 - share, 0.05)
    usual = np.maximum(others * share, 1e-9)
    grid = np.arange(0.025, 2.0, 0.05)
    as_usual = np.exp(-0.5 * (np.log(grid) / USUAL_PACE_SD) ** 2)
    fallen = (grid < 1.0).astype(np.float64)
    prior = (1.0 - FALLEN) * as_usual / as_usual.sum() + FALLEN * fallen / fallen.sum()
    heard = (booked[:, None] * np.log(grid) - np.outer(usual, grid)) / np.maximum(spread, 1.0)[:, None]
    weight = np.exp(heard - heard.max(axis=1, keepdims=True)) * prior
    weight /= weight.sum(axis=1, keepdims=True)
    mean = weight @ grid
    return mean, np.sqrt(np.maximum(weight @ grid**2 - mean**2, 0.0))


def disagreement(told: Finals, markets: IntArray) -> FloatArray:
    """Return by lead how far the methods are apart of a market's nights to come, as a share of them, (STEPS,).

    Past days that had no season's turn before them cannot tell how far off a method is that knows of none.
    """
    said = np.stack([np.stack([np.bincount(markets, row) for row in one.T], 1) for one in told.said.values()])
    now = np.stack([np.bincount(markets, row) for row in told.now.T], 1)
    edges = [slice(step * STEP_NIGHTS, (step + 1) * STEP_NIGHTS) for step in range(STEPS)]
    still = np.stack([np.maximum((said - now)[:, :, part].sum(axis=2), 0.0) for part in edges], 2)
    apart = (still.max(axis=0) - still.min(axis=0)) / 2.0
    weight = still.mean(axis=0)
    return np.asarray((apart * weight).sum(axis=0) / np.maximum((weight**2).sum(axis=0), 1.0), dtype=np.float64)


def usual_spread(nights: Nights, markets: IntArray, told_from: IntArray, today: int) -> FloatArray:
    """Learn how far a place's four weeks are from its share of its market's, variance over mean, (n,)."""
    n, size = len(markets), BLOCKS * STEP_NIGHTS
    stayed, _ = books(nights, today, today - size, size, n)
    blocks = stayed.reshape(n, BLOCKS, STEP_NIGHTS).sum(axis=2)
    starts = today - size + STEP_NIGHTS * np.arange(BLOCKS)
    known = (starts >= told_from[:, None] + LEARN_DAYS) & (blocks.cumsum(axis=1) > 0)
    counted = np.where(known, blocks, 0.0)
    m = int(markets.max(initial=-1)) + 1
    total = np.zeros((m, BLOCKS))
    np.add.at(total, markets, counted)
    of_market = np.where(known, total[markets], 0.0)
    share = counted.sum(axis=1) / np.maximum(of_market.sum(axis=1), 1.0)
    usual = share[:, None] * of_market
    off = np.where(usual > 0, (counted - usual) ** 2 / np.maximum(usual, 1.0), 0.0)
    told = known.sum(axis=1).astype(np.float64)
    enough = told >= LEAST_BLOCKS
    pooled = float(off[enough].sum() / max(float((told[enough] - 1.0).sum()), 1.0)) if enough.any() else 1.0
    own = np.where(enough, off.sum(axis=1), 0.0)
    freedom = np.where(enough, told - 1.0, 0.0)
    return np.asarray((own + POOL_BLOCKS * max(pooled, 1.0)) / (freedom + POOL_BLOCKS), dtype=np.float64)
