"""In hindsight: any unit, defined answers, and what hindsight is for: a shape told from both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.single import offline, shape
from detectors.single.contract import SeriesError

HINTS = (24, 168)


def daily(seed: int, days: int = 21) -> np.ndarray:
    hours = np.arange(24 * days)
    return 100 + 20 * np.sin(hours * 2 * np.pi / 24) + np.random.default_rng(seed).normal(0, 1, len(hours))


def test_a_spike_a_swapped_day_and_a_dip_stand_out() -> None:
    values = daily(0)
    values[100] += 50
    values[200:224] = values[200:224][::-1]
    values[350:356] -= 40
    scores = offline.detect(values, HINTS)
    strange = np.zeros(len(values), dtype=bool)
    strange[98:103] = strange[196:228] = strange[346:360] = True
    peaks = [scores.score[at].max() for at in (slice(98, 103), slice(200, 224), slice(350, 356))]
    assert min(peaks) > np.quantile(scores.score[~strange], 0.995)
    assert scores.is_anomaly[[100, 352]].all()
    assert scores.is_anomaly[~strange].mean() < 0.02


@settings(max_examples=15, deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(-1e4, 1e4), st.integers(0, 1000))
def test_unit_and_zero_do_not_matter(scale: float, shift: float, seed: int) -> None:
    values = daily(seed, 8)
    values[77] = np.nan
    plain, moved = offline.detect(values, HINTS), offline.detect(scale * values + shift, HINTS)
    # Ranks of points that are all but tied may swap by rounding.
    assert np.quantile(np.abs(moved.score - plain.score), 0.95) < 0.05
    np.testing.assert_allclose(moved.expected, scale * plain.expected + shift, rtol=1e-6, atol=1e-6 * scale)


@pytest.mark.parametrize(
    "values",
    [
        np.array([5.0]),
        np.array([5.0, np.nan, 7.0]),
        np.full(300, 3.0),
        np.r_[np.full(300, np.nan), daily(0, 3), np.inf, 1e250],
        np.r_[np.zeros(300), 4.0, np.zeros(100)],
    ],
)
def test_odd_series_have_a_defined_answer(values: np.ndarray) -> None:
    scores = offline.detect(values, HINTS)
    for name in ("expected", "lower", "upper", "p_value", "score"):
        assert np.isfinite(getattr(scores, name)).all(), name
    unknown = ~(np.abs(values) < 1e200)
    assert (scores.score[unknown] == 0).all()
    assert not scores.is_anomaly[unknown].any()


def test_nothing_known_is_named() -> None:
    with pytest.raises(SeriesError, match="no value is known"):
        offline.detect(np.full(5, np.nan))


def test_a_shape_is_strange_wherever_its_values_are_usual() -> None:
    values = np.tile([0.0, 0.0, 1.0, 0.0, 0.0, 3.0], 40) + np.random.default_rng(0).normal(0, 0.01, 240)
    values[120:126] = [3.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    found = shape.strangeness(values, 1, 6)
    assert 115 <= int(found.argmax()) <= 130


def test_a_constant_or_short_series_has_no_shape() -> None:
    assert not shape.strangeness(np.full(100, 2.0), 1, 6).any()
    assert not shape.strangeness(np.arange(5.0), 1, 6).any()


def test_long_windows_are_taken_in_taps() -> None:
    minutes = np.arange(3 * 1440)
    values = np.sin(minutes * 2 * np.pi / 1440) + np.random.default_rng(0).normal(0, 0.05, len(minutes))
    values[2000:2120] += 1.5
    assert 1700 <= int(shape.strangeness(values, 60, 6).argmax()) <= 2420


def test_a_regular_steep_edge_is_usual_and_its_absence_is_not() -> None:
    hours = np.arange(24 * 28)
    usual = np.where((hours % 24 >= 2) & (hours % 24 < 5), 100.0, 10.0)
    values = usual * np.exp(np.random.default_rng(3).normal(0.0, 0.08, len(hours)))
    struck = slice(12 * 24 + 2, 12 * 24 + 5)
    values[struck] = 10.0
    scores = offline.detect(values, HINTS)
    quiet = np.ones(len(values), dtype=bool)
    quiet[struck.start - 6 : struck.stop + 6] = False
    assert scores.score[struck].max() > scores.score[quiet].max()


@pytest.mark.parametrize("seed", [19, 21, 22])
def test_where_noise_grows_with_the_level_a_fall_at_night_outranks_what_is_usual_by_day(seed: int) -> None:
    hours = np.arange(24 * 35)
    level = 200.0 * np.exp(1.2 * np.sin(hours * 2 * np.pi / 24))
    values = level * np.exp(np.random.default_rng(seed).normal(0.0, 0.2, len(hours)))
    struck = slice(20 * 24 + 15, 20 * 24 + 21)
    values[struck] *= 0.3
    scores = offline.detect(values, HINTS)
    quiet = np.ones(len(values), dtype=bool)
    quiet[struck.start - 6 : struck.stop + 6] = False
    # In the values' own unit eight in a hundred quiet points lie farther off.
    assert (scores.score[quiet] > np.median(scores.score[struck])).mean() < 0.03


def test_a_weekday_like_a_weekend_is_strange_and_a_weekend_is_not() -> None:
    hours = np.arange(24 * 35)
    working = ((hours // 24) % 7 < 5) & (hours % 24 >= 8) & (hours % 24 < 18)
    values = np.where(working, 500.0, 100.0) + np.random.default_rng(20).normal(0.0, 10.0, len(hours))
    struck = slice(16 * 24 + 9, 16 * 24 + 17)
    values[struck] -= 400.0
    scores = offline.detect(values, HINTS)
    weekend = ((hours // 24) % 7 >= 5) & (hours % 24 >= 9) & (hours % 24 < 17)
    assert np.abs(scores.expected[weekend] - 100.0).mean() < 30.0
    assert scores.score[struck].min() > scores.score[weekend].max()
