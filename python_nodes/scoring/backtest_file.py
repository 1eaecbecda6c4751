"""How well a detector would have done on a labelled file: by rank, by event, by calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from detectors.evaluation import calibration, events, ranking
from detectors.series import BoolArray, FloatArray
from detectors.single import timegrid
from python_nodes.errors import PermanentError
from python_nodes.scoring import single

DAY_S = 86_400.0
TRUE_WORDS, FALSE_WORDS = ("1", "true", "yes", "1.0"), ("0", "false", "no", "", "0.0")


@dataclass(frozen=True, slots=True)
class Backtest:
    """What was reached on the rows judged; ``calibration`` is (asked, reached) on rows without a label.

    ``vus_pr`` and ``auc_pr`` are NaN where no row judged is labelled. ``median_delay_s`` is infinite where more than
    half of the events were never told, NaN where there was none.
    """

    rows: int
    events: int
    vus_pr: float
    auc_pr: float
    recall: float
    precision: float
    median_delay_s: float
    false_alerts_per_1000_days: float
    calibration: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a labelled file that are judged, in order of time, (n_rows,) each; NaN where a value is missing.

    ``width`` is the widest buffer of VUS-PR, ``grain_s`` the distance of rows.
    """

    time_s: FloatArray
    values: FloatArray
    lower: FloatArray
    upper: FloatArray
    p_value: FloatArray
    score: FloatArray
    labels: BoolArray
    called: BoolArray
    width: int
    grain_s: float


def run(
    table: pl.DataFrame, time: str, value: str, label: str, *, is_offline: bool = False, learn_days: float = 7.0
) -> Backtest:
    """Score a labelled file and judge the rows after the first ``learn_days``; arguments as in `rows`."""
    return figures(rows(table, time, value, label, is_offline=is_offline, learn_days=learn_days))


def rows(
    table: pl.DataFrame, time: str, value: str, label: str, *, is_offline: bool = False, learn_days: float = 7.0
) -> Rows:
    """Score a labelled file.

    Parameters
    ----------
    table : polars.DataFrame
        All columns as text, as they came.
    time, value, label : str
        Which columns; a label is 1, true or yes on a row of an event, else 0, false, no or empty.
    is_offline : bool
        Judge each point by all others instead of by its past.
    learn_days : float
        How much at the start is not judged.

    Returns
    -------
    Rows

    Raises
    ------
    PermanentError
        If a column cannot be read, or no row is left to judge.
    """
    single.require(table, time, value, label)
    flags = _labels(table[label])
    scored = single.score_table(table, time, value, is_offline=is_offline)
    times, values = single.seconds(table[time]), single.numbers(table[value])
    order = np.argsort(times, kind="stable")
    judged = order[times[order] >= times.min() + learn_days * DAY_S]
    if not len(judged):
        raise PermanentError(f"no row is left after the first {learn_days:g} days")
    known = values[order]
    told = np.isfinite(known)
    width = ranking.period(np.interp(np.arange(len(known)), np.flatnonzero(told), known[told]))
    lower, upper, p_value, score, called = (
        scored[name].to_numpy()[judged] for name in ("lower", "upper", "p_value", "score", "is_anomaly")
    )
    return Rows(
        times[judged], values[judged], lower, upper, p_value, score, flags[judged], called, width,
        timegrid.grain(np.unique(times)),
    )  # fmt: skip


def figures(judged: Rows) -> Backtest:
    """Measure scored rows: by rank, by event, by calibration."""
    labels, scores = judged.labels, judged.score
    tally = events.tally(labels, judged.called)
    kept = calibration.table(judged.p_value, ~labels)
    ranked = labels.any()
    return Backtest(
        rows=len(labels),
        events=tally.events,
        vus_pr=ranking.vus_pr(labels, scores, judged.width) if ranked else float("nan"),
        auc_pr=ranking.auc_pr(labels, scores) if ranked else float("nan"),
        recall=tally.recall,
        precision=tally.precision,
        median_delay_s=tally.median_delay * judged.grain_s,
        false_alerts_per_1000_days=tally.false_per_thousand_days(DAY_S / judged.grain_s),
        calibration=tuple((row.asked, row.reached) for row in kept),
    )


def curve(judged: Rows) -> tuple[FloatArray, FloatArray]:
    """Return recall and precision of the rows at every cut; empty without a labelled row."""
    return ranking.curve(judged.labels, judged.score)


def _labels(told: pl.Series) -> BoolArray:
    text = told.cast(pl.String).fill_null("").str.strip_chars().str.to_lowercase()
    wrong = ~text.is_in([*TRUE_WORDS, *FALSE_WORDS])
    if wrong.any():
        row = wrong.arg_max() or 0
        raise PermanentError(f"row {row + 1}: {told[row]!r} is no label (wanted: 1 or 0)", field=told.name)
    return text.is_in(list(TRUE_WORDS)).to_numpy()
