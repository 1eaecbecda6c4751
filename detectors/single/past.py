"""What is known of one series up to a moment, and the settings it is worked out by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.series import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Params:
    """Settings, in seasons and shares so that they mean the same at every grain; hindsight has the same.

    ``level_seasons`` is how much past the level is the median of; ``past_seasons`` how much the season and the
    calibration look back on; ``shrinkage`` how many seasons the level weighs against a slot's own; ``refits`` how often
    a season everything is fitted anew. A season has ``moments``: just before is one moment, and ``keep`` the share of
    the squared distance that is remembered from one to the next. ``sample`` bounds how many past points a refit sorts.
    Past points of a p-value under ``incident`` are left out where the next are judged by them, ``most_incidents`` of
    all at most: more of them are what the series is like.
    """

    level_seasons: int = 3
    past_seasons: int = 28
    shrinkage: float = 3.0
    refits: int = 6
    moments: int = 24
    keep: float = 0.25
    sample: int = 1024
    incident: float = 1e-4
    most_incidents: float = 0.05
    min_points: int = 8


@dataclass(frozen=True, slots=True)
class Periods:
    """In points: the calendar's shortest period, the seasons looked at (one or two), and how far apart refits are."""

    pace: int
    seasons: tuple[int, ...]
    step: int


@dataclass
class State:
    """What has been worked out up to now; arrays of shape (n_times,) or (rows, n_times), NaN or 0 from the present on.

    ``references`` are level, season and just before; ``seasonal`` what each season alone says. ``distance`` and
    ``strength`` have a row for the season's and one for the sum of all three; ``energy`` is the memory of the two and
    of the season's in units of its height, (3,). ``jump`` is the distance from the very last points, where a moment has
    many; ``score`` is the sum's strength with what is usual at a place, at a height and of the last points in it.
    """

    values: FloatArray
    known: BoolArray
    references: FloatArray
    seasonal: FloatArray
    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    distance: FloatArray
    jump: FloatArray
    strength: FloatArray
    score: FloatArray
    p_value: FloatArray
    energy: FloatArray


def begin(series: FloatArray) -> State:
    """Return the state before the first point."""
    size = len(series)
    unknown = np.full((8, size), np.nan)
    return State(
        values=series,
        known=np.isfinite(series),
        references=unknown[:3],
        seasonal=unknown[3:5],
        expected=unknown[5],
        lower=unknown[6],
        upper=unknown[7],
        distance=np.full((2, size), np.nan),
        jump=np.zeros(size),
        strength=np.zeros((2, size)),
        score=np.zeros(size),
        p_value=np.ones(size),
        energy=np.zeros(3),
    )
