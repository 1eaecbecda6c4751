"""Judge the newest points by a peer, in the peers' own environment: ``python -P bench/_peers.py METHOD IN.npz
OUT.npz``.

Imports nothing of ours. Each method says of every series how far its newest point lies from what it forecast, in units
of its own spread; gaps are filled in a line for those that take none. The first series is a warm-up and is not timed.
"""

from __future__ import annotations

import logging
import resource
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np

SD_LEVEL = 68.27
LAGS = 7


def filled(past: np.ndarray) -> np.ndarray:
    """Return the series with its gaps filled in a line."""
    known = np.isfinite(past)
    return np.interp(np.arange(past.size), np.flatnonzero(known), past[known])


def _statsforecast(name: str) -> Callable[[np.ndarray, float, np.ndarray], float]:
    from statsforecast import models

    made = {
        "SeasonalNaive": lambda: models.SeasonalNaive(7),
        "MSTL": lambda: models.MSTL([7]),
        "AutoETS": lambda: models.AutoETS(season_length=7),
    }

    def judge(past: np.ndarray, newest: float, days: np.ndarray) -> float:
        told = made[name]().forecast(y=filled(past), h=1, level=[SD_LEVEL])
        high = next(value for key, value in told.items() if key.startswith("hi"))
        return abs(newest - told["mean"][0]) / max(high[0] - told["mean"][0], 0.5)

    return judge


def _stl() -> Callable[[np.ndarray, float, np.ndarray], float]:
    from statsmodels.tsa.seasonal import STL

    def judge(past: np.ndarray, newest: float, days: np.ndarray) -> float:
        parts = STL(filled(past), period=7).fit()
        expected = parts.trend[-1] + parts.seasonal[-7]
        return abs(newest - expected) / max(float(np.std(parts.resid)), 0.5)

    return judge


def _prophet() -> Callable[[np.ndarray, float, np.ndarray], float]:
    import pandas as pd
    from prophet import Prophet

    logging.getLogger("cmdstanpy").disabled = True

    def judge(past: np.ndarray, newest: float, days: np.ndarray) -> float:
        frame = pd.DataFrame({"ds": pd.to_datetime(days), "y": past})
        model = Prophet(interval_width=SD_LEVEL / 100.0).fit(frame)
        told = model.predict(pd.DataFrame({"ds": [frame["ds"].iloc[-1] + pd.Timedelta(days=1)]})).iloc[0]
        return abs(newest - told["yhat"]) / max((told["yhat_upper"] - told["yhat_lower"]) / 2.0, 0.5)

    return judge


def _pyod() -> Callable[[np.ndarray, float, np.ndarray], float]:
    from pyod.models.knn import KNN

    def judge(past: np.ndarray, newest: float, days: np.ndarray) -> float:
        whole = np.log1p(np.append(filled(past), newest))
        at = np.arange(LAGS, whole.size)
        rows = np.column_stack([whole[at] - whole[at - lag] for lag in range(1, LAGS + 1)])
        model = KNN(contamination=0.01).fit(rows[:-1])
        score = float(model.decision_function(rows[-1:])[0])
        return (score - float(np.mean(model.decision_scores_))) / max(float(np.std(model.decision_scores_)), 1e-9)

    return judge


METHODS: dict[str, Callable[[], Callable[[np.ndarray, float, np.ndarray], float]]] = {
    "prophet": _prophet, "statsforecast SeasonalNaive": lambda: _statsforecast("SeasonalNaive"),
    "statsforecast MSTL": lambda: _statsforecast("MSTL"), "statsforecast AutoETS": lambda: _statsforecast("AutoETS"),
    "statsmodels STL": _stl, "PyOD KNN": _pyod,
}  # fmt: skip


def cpu_s() -> float:
    """Return the CPU seconds of this process and of those it waited for: Prophet fits in one of its own."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main(method: str, source: str, target: str) -> None:
    """Score all series of a file and keep the scores and the CPU seconds."""
    warnings.simplefilter("ignore")
    told = np.load(source)
    judge = METHODS[method]()
    judge(told["past"][0], float(told["newest"][0]), told["days"])
    before = cpu_s()
    scores = [
        judge(past, float(newest), told["days"]) for past, newest in zip(told["past"], told["newest"], strict=True)
    ]
    np.savez(target, scores=np.array(scores, dtype=np.float64), cpu_s=cpu_s() - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
