"""A report tells its rows twice, or a day's figures again for the next day: what is counted from it is wrong."""

from __future__ import annotations

import numpy as np

from python_nodes.domain.findings import LOSS_IS_UNKNOWN, OF_OUR_SIGHT, Anomaly
from python_nodes.domain.inputs import BoolArray, GuardInputs
from python_nodes.domain.metrics import IntArray
from python_nodes.guards.finding import finding, now
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "feed_duplicate"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing whose report has rows more than once, or the same figures day after day."""
    marks = inputs.marks
    oldest = now(inputs) - np.timedelta64(round(settings.ari_stale_hours * 3600), "s")
    doubled = np.flatnonzero((marks.mark == "duplicate") & (marks.observed_at >= oldest))
    repeated = _repeated_days(inputs, settings)
    rows = np.union1d(marks.row[doubled], np.flatnonzero(repeated))
    return [_found(inputs, int(row), doubled[marks.row[doubled] == row], bool(repeated[row])) for row in rows.tolist()]


def _repeated_days(inputs: GuardInputs, settings: GuardSettings) -> BoolArray:
    """Return whose last told days, (n_listings,), all have the same figures, large enough not to agree by chance."""
    shown, viewed = inputs.recent.shown_count, inputs.recent.viewed_count
    told = inputs.last_performance_day.astype("datetime64[D]")
    last = (told - inputs.recent.days[0]).astype(np.int64)
    reach = np.arange(settings.repeat_days)
    known = ~np.isnat(told) & (last >= settings.repeat_days - 1) & (last < inputs.recent.days.size)
    at = np.where(known, last, settings.repeat_days - 1)[:, None] - reach
    rows = np.arange(len(inputs.listings))[:, None]
    same = [(np.ptp(one[rows, at], axis=1) == 0) for one in (shown, viewed)]
    enough = shown[rows, at].min(axis=1) >= settings.repeat_min_shown
    return np.asarray(known & same[0] & same[1] & enough, dtype=np.bool_)


def _found(inputs: GuardInputs, row: int, entries: IntArray, repeated: bool) -> Anomaly:
    days = sorted({str(day) for day in inputs.marks.day[entries]})
    evidence = {
        "doubled_days": days, "copies": max((int(one) for one in inputs.marks.value[entries]), default=1),
        "operations": sorted({str(one) for one in inputs.marks.operation[entries]}),
        "same_figures_each_day": repeated, "counted_once": True, LOSS_IS_UNKNOWN: OF_OUR_SIGHT,
    }  # fmt: skip
    onset = np.datetime64(days[-1]).astype("datetime64[D]").item() if days else inputs.as_of_day
    return finding(
        inputs, row, kind=NAME, metric="search_impressions", cause="feed_duplicate",
        onset_date=min(onset, inputs.as_of_day), evidence=evidence,
    )  # fmt: skip
