"""The screen beside Prophet, statsforecast, statsmodels, PyOD and a bare weekday median: how fast, and how accurate.

All judge the same series (`bench/_series.py`), each fitted on what is before the newest point; CPU seconds, one thread.
Peers run in an environment of their own (`make bench` makes `.venv-bench`), on few series: they take seconds for each.
Then a hundred thousand listings from the matrix cache, single points, and how far all of it is from reading memory
once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from bench import _series, _speed_cache
from bench._series import FloatArray, Series
from bench.score import row_of
from detectors.evaluation.ranking import auc_pr
from detectors.screen import baseline, scoring
from detectors.screen.contract import Panel, Params

SEED, FEW, MANY = 2200, 120, 24_000
METHODS = (
    "statsforecast SeasonalNaive", "PyOD KNN", "statsmodels STL", "statsforecast MSTL", "prophet",
    "statsforecast AutoETS",
)  # fmt: skip
GOALS = {"statsforecast SeasonalNaive": 5.0, "prophet": 2_000.0}
FALSE_SHARE = 0.02
BATCH, BATCHES = 1_000, 20
READ_AGAIN = 20
PYTHON = Path(os.environ.get("BENCH_PYTHON", ".venv-bench/bin/python"))
RESAMPLED = 1_000


def ours(series: Series) -> tuple[FloatArray, float]:
    """Return how strange each newest point is, and the CPU seconds of fitting and judging all."""
    past = series.past.astype(np.float32)
    before = time.process_time()
    fitted = baseline.fit_pooled(Panel(past, series.days, None, series.groups), Params())
    told = scoring.score(fitted, np.arange(len(past)), fitted.start, series.newest, bands=False)
    return -np.log(told.p_value), time.process_time() - before


def bare(series: Series) -> tuple[FloatArray, float]:
    """Return distances from the weekday's median in its MADs, and the CPU seconds; gaps stay gaps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = time.process_time()
        weeks = series.past[:, -728:].reshape(len(series.past), 104, 7)
        middle = np.nanmedian(weeks, axis=1)
        spread = np.nanmedian(np.abs(weeks - middle[:, None]), axis=1)
        scores = np.abs(series.newest - middle[:, 0]) / np.maximum(1.4826 * spread[:, 0], 1.0)
        return scores, time.process_time() - before


def without_gaps(series: Series) -> float:
    """Return the CPU seconds of the same on series that miss nothing."""
    whole = np.nan_to_num(series.past[:, -728:]).reshape(len(series.past), 104, 7)
    before = time.process_time()
    middle = np.median(whole, axis=1)
    np.median(np.abs(whole - middle[:, None]), axis=1)
    return time.process_time() - before


def peer(method: str, series: Series, folder: Path) -> tuple[FloatArray, float]:
    """Run a peer in its own environment."""
    source, target = folder / "in.npz", folder / "out.npz"
    np.savez(source, past=series.past, newest=series.newest, days=series.days)
    one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    command = [str(PYTHON), "-P", "bench/_peers.py", method, str(source), str(target)]
    subprocess.run(command, env={**os.environ, **one}, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    told = np.load(target)
    return told["scores"], float(told["cpu_s"])


def recall(series: Series, scores: FloatArray) -> float:
    """Return the share of incidents above the score that few quiet points reach."""
    limit = np.quantile(scores[~series.labels], 1.0 - FALSE_SHARE)
    return float(np.mean(scores[series.labels] > limit))


def surely(series: Series, one: FloatArray, other: FloatArray) -> float:
    """Return the share of resampled sets of series on which the first ranks better."""
    rng = np.random.default_rng(1)
    wins = 0
    for _ in range(RESAMPLED):
        rows = rng.integers(0, len(one), len(one))
        wins += auc_pr(series.labels[rows], one[rows]) > auc_pr(series.labels[rows], other[rows])
    return wins / RESAMPLED


def first(series: Series, count: int) -> Series:
    """Return the first series alone."""
    parts = (one[:count] for one in (series.past, series.newest, series.labels, series.groups))
    return Series(*parts, series.days)


def tiled(series: Series, times: int) -> Series:
    """Return all series so many times over: how long they take hangs on their number alone."""
    parts = (np.concatenate([one] * times) for one in (series.past, series.newest, series.labels, series.groups))
    return Series(*parts, series.days)


def _rates(whole: Series) -> tuple[float, list[dict[str, Any]]]:
    """Measure ours and the bare medians on many series, in turn; the best of three of each."""
    many = tiled(whole, -(-MANY // len(whole.past)))
    some = first(many, 4_000)
    own = len(many.past) / min(ours(many)[1] for _ in range(3))
    gaps = len(some.past) / min(bare(some)[1] for _ in range(3))
    plain = len(some.past) / min(without_gaps(some) for _ in range(3))
    before = time.process_time()
    np.add.reduce(many.past.astype(np.float32), axis=None)
    read = len(many.past) / (time.process_time() - before)
    rows = [
        row_of("screen: fit and newest point", own, "series/CPU-s", "bare median, gaps", gaps, None),
        row_of("– share of the bare median's rate, the same gaps", own / gaps, "ratio", None, None, 0.5),
        row_of("– and of its rate without a gap", own / plain, "ratio", "bare median", plain, None),
        row_of("– reading the matrix once in memory is faster by", read / own, "times", None, None, None),
    ]
    return own, rows


def _compared(few: Series, own_rate: float, folder: Path) -> list[dict[str, Any]]:
    """Judge the few by all, and hold rates and accuracy against each."""
    own = ours(few)[0]
    rows = [
        row_of("screen: AUC-PR of newest points", auc_pr(few.labels, own), "share", None, None, None),
        row_of(f"– recall at {FALSE_SHARE:.0%} of quiet points called", recall(few, own), "share", None, None, None),
    ]
    told = {"bare weekday median": (bare(few)[0], None)}
    for method in METHODS:
        try:
            scores, cpu_s = peer(method, few, folder)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{method} is left out: {error}", file=sys.stderr)
            continue
        told[method] = (scores, len(few.past) / cpu_s)
    for method, (scores, rate) in told.items():
        if rate is not None:
            times, goal = own_rate / rate, GOALS.get(method)
            rows.append(row_of("screen's rate ÷ the peer's", times, "times", method, rate, goal))
        ahead = auc_pr(few.labels, own) - auc_pr(few.labels, scores)
        rows.append(row_of("AUC-PR ahead of", ahead, "share", method, auc_pr(few.labels, scores), 0.0))
        rows.append(row_of("– in so many resamples", surely(few, own, scores), "share", method, None, None))
        rows.append(
            row_of("– recall at equal false alerts", recall(few, own), "share", method, recall(few, scores), None)
        )
    return rows


def _observed(whole: Series) -> list[dict[str, Any]]:
    """Judge single points, a thousand at a time, bands included; beside it what is kept of their series, read once."""
    fitted = baseline.fit_pooled(Panel(whole.past.astype(np.float32), whole.days, None, whole.groups), Params())
    rows = [np.random.default_rng(at).integers(0, len(whole.past), BATCH) for at in range(BATCHES)]
    before = time.process_time()
    for one in rows:
        scoring.score(fitted, one, fitted.start, whole.newest[one])
    rate = BATCH * BATCHES / (time.process_time() - before)
    kept = (fitted.own_week, fitted.level, fitted.level_variance, fitted.recent, fitted.offered)
    before = time.process_time()
    for one in rows * READ_AGAIN:
        for part in kept:
            np.add.reduce(part[:, one], axis=None)
    read = BATCH * BATCHES * READ_AGAIN / (time.process_time() - before)
    return [
        row_of(f"observe: points in batches of {BATCH:,}", rate, "points/CPU-s", None, None, 20_000.0),
        row_of("– reading their baselines once in memory is faster by", read / rate, "times", None, None, None),
    ]


def run() -> list[dict[str, Any]]:
    """Measure all; a peer that is not installed is named and left out."""
    whole = _series.draw(SEED, 3_000)
    own_rate, rows = _rates(whole)
    with _speed_cache.scratch() as folder:
        rows += _compared(first(whole, FEW), own_rate, folder)
        rows += _observed(whole)
        rows += _speed_cache.rows(whole, folder)
    return rows
