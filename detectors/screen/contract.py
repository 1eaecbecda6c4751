"""What the screen takes and gives: a panel of the past in, a compact baseline out, scores of new points from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detectors.series import BoolArray, DayArray, FloatArray, IntArray

Reals = NDArray[np.float32]
Family = Literal["count", "ratio", "positive", "rank", "run"]

HORIZON = 8
"""How many points after the past a baseline can judge: the next one, and a week in which nobody refits."""

LEAST, MOST = 1e-12, 1e12
"""What lies beyond is no figure of a listing, and its square none of a float's."""

REASONS: tuple[str, ...] = (
    "judged", "no value", "not finite", "no exposure", "too short", "never anything", "too old", "more than exposed",
)  # fmt: skip
"""Why a p-value is 1; the first says that it is a p-value."""
JUDGED, NO_VALUE, NOT_FINITE, NO_EXPOSURE, TOO_SHORT, NEVER_ANYTHING, TOO_OLD, IMPOSSIBLE = range(len(REASONS))


@dataclass(frozen=True, slots=True)
class Params:
    """Settings of the screen; spans are in points (days of a daily series, whose period is 7).

    ``half_lives`` are the memories of the levels that are blended; ``memory`` is how far back a series' own past is
    looked at; ``windows`` are judged at once, weighing ``window_weights``; ``slack`` is what a count may exceed any
    multiple of its level by before it is cut.
    """

    family: Family = "count"
    period: int = 7
    half_lives: tuple[float, ...] = (7.0, 21.0, 63.0, 182.0)
    first_blend: tuple[float, ...] = (0.1, 0.4, 0.4, 0.1)
    memory: int = 364
    rolled: int = 56
    windows: tuple[int, ...] = (1, 3, 7, 28)
    window_weights: tuple[float, ...] = (0.4, 0.25, 0.2, 0.15)
    week_half_life: float = 140.0
    min_points: float = 12.0
    cut_sd: float = 3.0
    masked_weight: float = 0.1
    dispersion_points: float = 30.0
    slack: float = 10.0
    floor: float = 0.0
    segment_edges: tuple[float, ...] = (0.5, 5.0, 50.0)
    calibration_points: int = 1_400
    block_rows: int = 256


@dataclass(frozen=True, slots=True)
class Panel:
    """The past of many series, side by side.

    Parameters
    ----------
    values : ndarray, shape (n_series, n_times)
        Counts (for ``ratio``: the numerator), or sizes. What is not finite is missing.
    times : ndarray of datetime64, shape (n_times,)
        Evenly spaced in their own unit, ascending; the next one is the first that is judged.
    exposure : ndarray, shape (n_series, n_times), optional
        What the values are proportional to. A value whose exposure is missing or not positive is missing.
    groups : ndarray of int, shape (n_series,), optional
        Which series are comparable: they share the week's shape, the season and what holidays do. None: all.
    calendar : ndarray of bool, shape (n_kinds, n_groups, n_times + HORIZON), optional
        Points known beforehand to be unlike others, by kind (public holidays, local events).

    Raises
    ------
    ValueError
        If shapes disagree, or times are unsorted, doubled or uneven.
    """

    values: FloatArray | Reals
    times: DayArray
    exposure: FloatArray | Reals | None = None
    groups: IntArray | None = None
    calendar: BoolArray | None = None

    def __post_init__(self) -> None:
        """Refuse what later broadcasting would silently accept."""
        if self.values.ndim != 2 or self.times.shape != (self.values.shape[1],):
            raise ValueError("values must have shape (n_series, n_times) and times (n_times,)")
        if self.exposure is not None and self.exposure.shape != self.values.shape:
            raise ValueError("exposure must have the shape of values")
        if self.groups is not None and self.groups.shape != (self.values.shape[0],):
            raise ValueError("groups must have one entry a series")
        if len(self.times) > 1 and not bool(np.all(np.diff(self.times).astype(np.int64) == 1)):
            raise ValueError("times must be ascending and one unit apart")
        if self.calendar is not None and (self.calendar.ndim, self.calendar.shape[2]) != (3, len(self.times) + HORIZON):
            raise ValueError("calendar must have shape (n_kinds, n_groups, n_times + HORIZON)")
        if self.groups is not None and self.groups.size and int(self.groups.max()) >= self.n_groups:
            raise ValueError("calendar must have a row for each group")

    @property
    def n_groups(self) -> int:
        """How many groups of comparable series there are: as many as the calendar has, of which some may be empty."""
        if self.calendar is not None:
            return int(self.calendar.shape[1])
        return 1 if self.groups is None or not self.groups.size else int(self.groups.max()) + 1

    def group_of(self) -> IntArray:
        """Return each series' group, (n_series,)."""
        return np.zeros(len(self.values), dtype=np.int64) if self.groups is None else self.groups


@dataclass(frozen=True, slots=True)
class Priors:
    """What series learn from one another: given these, a series scores the same alone and in a batch.

    ``shape`` (n_groups, n_times + HORIZON) is the week, the season and the calendar; ``week_variance`` how much
    series differ from it in their own week; ``level`` (n_groups, 2) a group's mean and the exposure it counts as
    (ratios); ``blend`` (n_segments, n_half_lives); ``dispersion`` (n_segments,); ``drift`` (n_segments, n_windows) the
    variance of a level's true movement over a window, as a share; ``ranks`` (n_segments, n_ranks) ascending strengths
    of points known to come after their baseline, and ``tail`` (n_segments, 2): where the tail begins and how fast it
    falls.
    """

    shape: FloatArray
    week_variance: float
    level: FloatArray
    blend: FloatArray
    dispersion: FloatArray
    drift: FloatArray
    ranks: FloatArray
    tail: FloatArray


@dataclass(frozen=True, slots=True)
class Baseline:
    """All that is needed to judge the next points of many series; column ``i`` of each array is series ``i``.

    ``start`` is the first time that may be judged. ``level`` and ``level_variance`` (relative) have shape
    (n_windows, n): a window's level was learnt before it began. ``recent`` and ``offered`` (longest window - 1, n) are
    what was seen and what a level of one would have brought, ``exposed`` (of ratios) their exposure. ``reason`` says
    which series cannot be judged at all. ``kept`` (n,), of run lengths, is how many points the present run of zeros
    has, ``stays`` and ``starts`` its chances.
    """

    params: Params
    start: np.datetime64
    shape: FloatArray
    group: IntArray
    segment: IntArray
    own_week: Reals
    level: Reals
    level_variance: Reals
    dispersion: Reals
    recent: Reals
    offered: Reals
    exposed: Reals | None
    points: Reals
    reason: NDArray[np.int8]
    drift: FloatArray
    ranks: FloatArray
    tail: FloatArray
    kept: Reals
    stays: Reals
    starts: Reals


@dataclass(frozen=True, slots=True)
class Scores:
    """Of each point: what was expected, the band that one in a hundred leaves, p-value, and how sure the baseline is.

    ``sure`` in [0, 1] is one over one plus the level's relative variance in units of a point's own; ``reason`` indexes
    ``REASONS``. Without a p-value it is 1, and ``expected``, ``lower``, ``upper`` are NaN where not even those are
    known.
    """

    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    p_value: FloatArray
    sure: FloatArray
    reason: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, dtype=np.int8))
