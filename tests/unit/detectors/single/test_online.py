"""The contract of the causal detector: the past alone, any unit, any gap, never NaN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from detectors.single import online
from detectors.single.contract import Budget, Scores, SeriesError

FIELDS = ("expected", "lower", "upper", "p_value", "score", "is_anomaly")
HINTS = (24, 168)


def daily(seed: int, days: int = 21, noise: float = 1.0) -> np.ndarray:
    hours = np.arange(24 * days)
    return 100 + 20 * np.sin(hours * 2 * np.pi / 24) + np.random.default_rng(seed).normal(0, noise, len(hours))


def same(left: Scores, right: Scores, upto: int) -> None:
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(left, name)[:upto], getattr(right, name)[:upto], err_msg=name)


@settings(max_examples=15, deadline=None)
@given(
    arrays.arrays(np.float64, st.integers(30, 160), elements=st.floats(-1e6, 1e6) | st.just(np.nan)),
    st.integers(1, 29),
    st.sampled_from([(), (7,), (24, 168), (96,)]),
)
def test_the_future_changes_nothing(values: np.ndarray, cut: int, hints: tuple[int, ...]) -> None:
    if not np.isfinite(values[:cut]).any():
        return
    same(online.detect(values[:cut], hints), online.detect(values, hints), cut)


def test_the_future_changes_nothing_on_a_long_series_whose_season_is_found_late() -> None:
    values = daily(1, 30)
    values[400:420] += 80
    values[100:110] = np.nan
    whole = online.detect(values, HINTS)
    for cut in (49, 250, 401, 700):
        same(online.detect(values[:cut], HINTS), whole, cut)


@settings(max_examples=15, deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(-1e4, 1e4), st.integers(0, 1000))
def test_unit_and_zero_do_not_matter(scale: float, shift: float, seed: int) -> None:
    values = daily(seed, 8)
    plain, moved = online.detect(values, HINTS), online.detect(scale * values + shift, HINTS)
    np.testing.assert_allclose(moved.score, plain.score, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(moved.expected[1:], scale * plain.expected[1:] + shift, rtol=1e-6, atol=1e-6 * scale)


def test_a_spike_a_shift_and_a_flat_line_stand_out_and_quiet_hours_do_not() -> None:
    values = daily(2)
    values[300] += 60
    values[400:424] += 40
    scores = online.detect(values, HINTS)
    assert scores.is_anomaly[300]
    assert scores.is_anomaly[400]
    quiet = np.ones(len(values), dtype=bool)
    quiet[300:310] = quiet[400:450] = False
    quiet[:168] = False
    assert scores.is_anomaly[quiet].mean() < 0.01
    assert scores.score[[300, 400]].min() > scores.score[quiet].max()


def test_the_season_is_expected_and_the_band_holds_most() -> None:
    values = daily(3, 28)
    scores = online.detect(values, HINTS, Budget(coverage=0.95))
    late = slice(14 * 24, None)
    assert np.abs(scores.expected[late] - values[late]).mean() < 4
    inside = (scores.lower <= values) & (values <= scores.upper)
    assert 0.9 < inside[late].mean() < 0.99


@pytest.mark.parametrize(
    "values",
    [
        np.array([5.0]),
        np.array([5.0, 7.0]),
        np.full(500, 3.0),
        np.r_[np.zeros(300), 4.0, np.zeros(100)],
        np.r_[np.full(40, np.nan), np.arange(100.0)],
        np.r_[np.arange(100.0), np.full(200, np.nan), 5.0],
        np.r_[daily(0, 6), 1e300, daily(1, 6), -np.inf, 4.0],
        np.r_[daily(0, 6), 1e5 * 1000, daily(1, 6)],
        np.r_[np.full(300, 1e-310), 1.0],
    ],
)
def test_odd_series_have_a_defined_answer(values: np.ndarray) -> None:
    with np.errstate(all="ignore"):
        scores = online.detect(values, HINTS)
    assert np.isfinite(scores.score).all()
    assert np.isfinite(scores.p_value).all()
    assert ((scores.p_value > 0) & (scores.p_value <= 1)).all()
    known = np.abs(values) < 1e200
    first = int(np.flatnonzero(known)[0])
    for name in ("expected", "lower", "upper"):
        assert np.isfinite(getattr(scores, name)[first + 1 :]).all(), name
    assert (scores.lower[first + 1 :] <= scores.upper[first + 1 :]).all()
    assert not scores.is_anomaly[~known].any()
    assert (scores.score[~known] == 0).all()


def test_the_first_move_after_a_constant_past_is_strange() -> None:
    scores = online.detect(np.r_[np.full(2000, 3.0), 4.0], HINTS)
    assert scores.is_anomaly[-1]
    assert scores.score[-1] > 1000


@pytest.mark.parametrize("values", [np.full(10, np.nan), np.full(10, np.inf), np.array([])])
def test_nothing_known_is_named(values: np.ndarray) -> None:
    with pytest.raises(SeriesError, match="no value is known"):
        online.detect(values)


def test_input_is_left_alone_and_must_be_one_series() -> None:
    values = np.r_[daily(0, 3), np.inf]
    kept = values.copy()
    online.detect(values)
    np.testing.assert_array_equal(values, kept)
    with pytest.raises(SeriesError, match="one dimension"):
        online.detect(np.zeros((2, 5)))


def test_one_incident_does_not_hide_the_next() -> None:
    values = daily(11, 28)
    values[15 * 24 + 5] += 200
    values[21 * 24 + 9] += 30
    scores = online.detect(values, HINTS)
    assert scores.p_value[15 * 24 + 5] < 1e-4
    assert scores.is_anomaly[21 * 24 + 9]


def test_under_a_strong_season_a_small_spike_at_its_height_outranks_the_height() -> None:
    hours = np.arange(24 * 28)
    values = 100 + 50 * np.sin(hours * 2 * np.pi / 24) + np.random.default_rng(12).normal(0, 2, len(hours))
    at = 24 * 24 + 12
    values[at] += 25
    scores = online.detect(values, HINTS)
    quiet = np.ones(len(values), dtype=bool)
    quiet[: 14 * 24] = quiet[at : at + 4] = False
    assert scores.score[at] > scores.score[quiet].max()


def test_a_minute_among_minutes_ranks_above_the_hours_noise() -> None:
    random = np.random.default_rng(13)
    minutes = np.arange(1440 * 3)
    values = 200 + 60 * np.sin(minutes * 2 * np.pi / 1440) + random.normal(0, 10, len(minutes))
    struck = [2000, 2900, 3601]
    values[struck] += 70
    # The first day is judged against little.
    ranked = 1440 + np.argsort(-online.detect(values, (1440,)).score[1440:])
    assert set(struck) <= set(ranked[:20].tolist())


def nightly(seed: int, days: int = 28) -> np.ndarray:
    """Return a job that runs three hours each night: calm before and after, ten times as high while it runs."""
    hours = np.arange(24 * days)
    usual = np.where((hours % 24 >= 2) & (hours % 24 < 5), 100.0, 10.0)
    return np.asarray(usual * np.exp(np.random.default_rng(seed).normal(0.0, 0.08, len(hours))), dtype=np.float64)


def test_a_regular_steep_edge_is_usual_and_its_absence_is_not() -> None:
    values = nightly(14)
    at = 22 * 24 + 2
    values[at] = 10.0
    scores = online.detect(values, HINTS)
    quiet = np.ones(len(values), dtype=bool)
    quiet[: 14 * 24] = quiet[at : at + 4] = False
    assert scores.score[at] > 2.0 * scores.score[quiet].max()
    assert abs(scores.expected[at + 24] - 100.0) < 15.0
    assert abs(scores.expected[at + 23] - 10.0) < 3.0


def test_an_event_of_a_calm_night_outranks_loud_days() -> None:
    hours = np.arange(24 * 42)
    loud = 2.0 + 10.0 * np.maximum(np.sin(hours * 2 * np.pi / 24), 0.0)
    values = 200.0 + np.random.default_rng(15).normal(0.0, 1.0, len(hours)) * loud
    struck = 36 * 24 + 18 + np.arange(3)
    values[struck] += 20.0
    scores = online.detect(values, HINTS)
    quiet = np.ones(len(values), dtype=bool)
    quiet[: 21 * 24] = quiet[struck[0] : struck[-1] + 4] = False
    assert scores.score[struck].max() > scores.score[quiet].max()


def test_a_spike_of_a_thousand_times_neither_hides_a_later_fall_nor_calls_quiet_hours() -> None:
    values = daily(16, 35)
    spike, fall = 14 * 24 + 7, 28 * 24 + 3
    values[spike] *= 1000.0
    values[fall] -= 30.0
    scores = online.detect(values, HINTS)
    assert scores.p_value[spike] < 1e-6
    assert scores.p_value[fall] < 1e-4
    quiet = np.arange(len(values)) > spike + 24
    quiet[fall : fall + 4] = False
    assert scores.score[fall] > 2.0 * scores.score[quiet].max()
    assert scores.is_anomaly[quiet].mean() < 0.02


@pytest.mark.parametrize("seed", [17, 18])
def test_where_noise_grows_with_the_level_an_event_of_a_night_outranks_days_within_two_weeks(seed: int) -> None:
    hours = np.arange(24 * 14)
    level = 100.0 * np.exp(1.2 * np.sin(hours * 2 * np.pi / 24))
    values = level * np.exp(np.random.default_rng(seed).normal(0.0, 0.12, len(hours)))
    at = 12 * 24 + 17
    values[at : at + 3] *= 2.2
    scores = online.detect(values, HINTS)
    quiet = hours >= 7 * 24
    quiet[at : at + 4] = False
    assert scores.score[at : at + 3].max() > scores.score[quiet].max()


@pytest.mark.parametrize("seed", [21, 24])
def test_where_most_hours_are_empty_a_burst_outranks_one_more_where_there_are_fewest(seed: int) -> None:
    hours = np.arange(24 * 42)
    rate = 0.3 * (1.0 + 0.8 * np.sin(hours * 2 * np.pi / 24))
    values = np.random.default_rng(seed).poisson(rate).astype(np.float64)
    struck = slice(36 * 24 + 5, 36 * 24 + 8)
    values[struck] = 6.0
    scores = online.detect(values, HINTS)
    quiet = hours >= 14 * 24
    quiet[struck.start : struck.stop + 6] = False
    assert np.median(scores.score[struck]) > scores.score[quiet].max()


@pytest.mark.parametrize("seed", [22, 23, 24])
def test_where_noise_grows_with_the_level_a_fall_at_night_outranks_days(seed: int) -> None:
    hours = np.arange(24 * 42)
    level = 200.0 * np.exp(1.2 * np.sin(hours * 2 * np.pi / 24))
    values = level * np.exp(np.random.default_rng(seed).normal(0.0, 0.2, len(hours)))
    struck = slice(30 * 24 + 15, 30 * 24 + 21)
    values[struck] *= 0.3
    scores = online.detect(values, HINTS)
    quiet = hours >= 14 * 24
    quiet[struck.start : struck.stop + 6] = False
    # By size alone, heights beside it, it was three to five in a hundred.
    assert (scores.score[quiet] > np.median(scores.score[struck])).mean() < 0.02
