"""All series of a portfolio judged at their newest point: which law each metric follows, and what is strange.

The screen raises no alert. It says of every series what was expected and how strange the newest point is, and calls
those that the false-discovery rate asked for lets it; what is called is worth a closer look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from detectors.screen import baseline, discovery, scoring
from detectors.screen.contract import HORIZON, JUDGED, REASONS, Baseline, Panel, Params, Scores
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import DayArray, FloatArray, IntArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.calendar import holiday_matrix

FALSE_DISCOVERY_RATE = 0.1
TOLD_SHARE = 0.5
RECENT_DAYS = 28


@dataclass(frozen=True, slots=True)
class Kind:
    """A metric's law, and what is looked at where the metric is a ratio: ``counted`` out of ``exposure``."""

    params: Params
    counted: str = ""
    exposure: str = ""


def _sizes(family: str, floor: float) -> Params:
    return Params(family="rank" if family == "rank" else "positive", windows=(1,), segment_edges=(), floor=floor)


KINDS: Mapping[str, Kind] = {
    "search_impressions": Kind(Params()),
    "listing_views": Kind(Params()),
    "click_through_rate": Kind(Params(family="ratio"), "listing_views", "search_impressions"),
    "conversion_rate": Kind(Params(family="ratio"), "booking_velocity", "listing_views"),
    "booking_velocity": Kind(Params()),
    "search_rank": Kind(_sizes("rank", 0.08)),
    "competitor_price": Kind(_sizes("positive", 0.02)),
    "review_score": Kind(_sizes("positive", 0.01)),
    "availability": Kind(Params(family="run")),
}
"""The nine metrics of the screen. ``floor`` is the least spread of a logarithm: ranks and scores move in steps."""


def needed(metric: str, kind: Kind) -> tuple[str, ...]:
    """Return the stored metrics that a screened one is made of."""
    return tuple(filter(None, (kind.counted or metric, kind.exposure)))


def stored() -> tuple[str, ...]:
    """Return the metrics that must be read to screen all."""
    return tuple(dict.fromkeys(name for metric, kind in KINDS.items() for name in needed(metric, kind)))


@dataclass(frozen=True, slots=True)
class Screened:
    """One metric of all listings: what judges its next points, the day judged, and what came of it."""

    baseline: Baseline
    day_date: np.datetime64
    observed: FloatArray
    scores: Scores


@dataclass(frozen=True, slots=True)
class Found:
    """A sweep's screen: by metric; ``flagged`` (metric → rows of listings) is what the rate asked for lets it call."""

    listing_ids: IntArray
    metrics: Mapping[str, Screened]
    flagged: Mapping[str, IntArray]
    asked: float
    reached: float

    def report(self) -> dict[str, int | float]:
        """Return the figures of a run."""
        scores = [one.scores for one in self.metrics.values()]
        return {
            "series": sum(len(one.p_value) for one in scores),
            "screened": sum(int((one.reason == JUDGED).sum()) for one in scores),
            "flagged": sum(len(rows) for rows in self.flagged.values()),
            "asked_rate": self.asked,
            "reached_rate": round(self.reached, 4),
        }


def screen(
    matrix: MetricMatrix, listings: Sequence[ListingInfo], as_of_day: date, unfit: BoolArray | None = None,
    events: Mapping[str, DayArray] | None = None, asked: float = FALSE_DISCOVERY_RATE,
) -> Found:  # fmt: skip
    """Judge the newest point of every series.

    Parameters
    ----------
    matrix : MetricMatrix
        Days from ``as_of_day`` on are ignored; metrics it does not hold are left out.
    listings : sequence of ListingInfo
        Of the matrix' rows, in their order.
    as_of_day : date
    unfit : ndarray of bool, optional
        Days neither judged nor learnt from.
    events : mapping of market to days, optional
        Local events known beforehand.
    asked : float
        The false-discovery rate.
    """
    last = int(np.searchsorted(matrix.days, np.datetime64(as_of_day, "D")))
    groups, members = _groups(listings)
    done: dict[str, Screened] = {}
    calendar = _calendar(members, matrix.days[:last], events) if last > 1 and len(listings) else None
    for metric, kind in KINDS.items():
        if calendar is not None and set(needed(metric, kind)) <= set(matrix.values):
            one = _screened(kind, matrix, metric, last, unfit, (groups, calendar))
            if one is not None:
                done[metric] = one
    p_values = [one.scores.p_value[one.scores.reason == JUDGED] for one in done.values()]
    pooled = np.concatenate(p_values) if p_values else np.empty(0)
    called = discovery.flagged(pooled, asked)
    limit = float(pooled[called].max()) if called.any() else 0.0
    rows = {
        metric: np.flatnonzero((one.scores.reason == JUDGED) & (one.scores.p_value <= limit))
        for metric, one in done.items()
    }
    return Found(matrix.listing_ids, done, rows, asked, discovery.reached(pooled, called))


def horizon(days: DayArray) -> DayArray:
    """Return the days and those after them that a baseline can judge."""
    return np.concatenate([days, days[-1:] + np.arange(1, HORIZON + 1)]).astype("datetime64[D]")


def _groups(listings: Sequence[ListingInfo]) -> tuple[IntArray, list[ListingInfo]]:
    """Return each listing's group, those of one market and place, and one listing of each."""
    keys = [(one.market, one.country, one.subdivision or "") for one in listings]
    known = {key: at for at, key in enumerate(sorted(set(keys)))}
    first = dict(zip(reversed(keys), reversed(listings), strict=True))
    return np.array([known[key] for key in keys], dtype=np.int64), [first[key] for key in known]


def _calendar(members: Sequence[ListingInfo], days: DayArray, events: Mapping[str, DayArray] | None) -> BoolArray:
    """Return the days known beforehand to be unlike others, (kinds, n_groups, n_days + HORIZON)."""
    whole = horizon(days)
    kinds = [holiday_matrix(members, whole)]
    if events:
        told = [np.isin(whole, events.get(one.market, whole[:0])) for one in members]
        kinds.append(np.array(told).reshape(len(members), whole.size))
    return np.stack(kinds)


def newest(values: FloatArray) -> int:
    """Return the last column that half as many series tell as told the best of the last weeks; -1 without any."""
    told = np.isfinite(values[:, -RECENT_DAYS:]).sum(axis=0)
    enough = np.flatnonzero((told > 0) & (told >= TOLD_SHARE * told.max(initial=0)))
    return int(enough[-1]) + values.shape[1] - told.size if len(enough) else -1


def _screened(
    kind: Kind, matrix: MetricMatrix, metric: str, last: int, unfit: BoolArray | None, place: tuple[IntArray, BoolArray]
) -> Screened | None:
    """Fit one metric on all days before its newest, and judge that."""
    values = matrix.values[kind.counted or metric][:, :last]
    exposure = matrix.values[kind.exposure][:, :last] if kind.exposure else None
    at = newest(values)
    if at < 1:
        return None
    first = max(_begins(values), 0)
    fitted = values if unfit is None else np.where(unfit[:, :last], np.nan, values)
    groups, calendar = place
    offered = None if exposure is None else exposure[:, first:at]
    panel = Panel(
        fitted[:, first:at],
        matrix.days[first:at].astype("datetime64[D]"),
        offered,
        groups,
        calendar[:, :, first : at + HORIZON],
    )
    done = baseline.fit_pooled(panel, kind.params)
    now = None if exposure is None else exposure[:, at]
    scores = scoring.score(done, np.arange(len(values)), done.start, fitted[:, at], now, bands=False)
    return Screened(done, done.start, values[:, at], scores)


def _begins(values: FloatArray) -> int:
    """Return the first column with any value."""
    told = np.flatnonzero(np.isfinite(values).any(axis=0))
    return int(told[0]) if len(told) else 0


def reason_words(scores: Scores) -> list[str | None]:
    """Return why a point has no p-value of its own, None where it has."""
    return [None if one == JUDGED else REASONS[one] for one in scores.reason.tolist()]
