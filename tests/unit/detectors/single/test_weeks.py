"""What a weekend is off from the usual day, as far as chance cannot have brought it."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.single import weeks


def off(rounds: int, weekend: float, seed: int = 0) -> np.ndarray:
    """Return noise around the usual day, and days six and seven of each week ``weekend`` lower."""
    hours = np.arange(168 * rounds)
    moved = np.where((hours // 24) % 7 >= 5, -weekend, 0.0)
    return np.asarray(moved + np.random.default_rng(seed).normal(0.0, 1.0, len(hours)), dtype=np.float64)


@pytest.mark.parametrize("rounds", [2, 5])
def test_a_weekend_is_known_after_two_weeks_and_a_weekday_is_left_where_it_is(rounds: int) -> None:
    told = weeks.moved_by(off(rounds, 8.0), 24, 168)
    assert len(told) == 168 * rounds
    assert told[5 * 24 + 8 : 7 * 24 - 8] == pytest.approx(-8.0, abs=1.5)
    assert np.abs(told[8 : 5 * 24 - 8]).mean() < 0.1


def test_what_chance_could_have_brought_moves_nothing() -> None:
    assert np.mean([np.abs(weeks.moved_by(off(3, 0.0, seed), 24, 168)).mean() for seed in range(5)]) < 0.05


def test_an_incident_of_some_hours_does_not_come_back_next_week() -> None:
    values = off(3, 0.0)
    values[200:205] -= 30.0
    assert np.abs(weeks.moved_by(values, 24, 168)[30:40]).max() < 1.5


def test_gaps_unit_and_too_little() -> None:
    values = off(3, 8.0)
    np.testing.assert_allclose(weeks.moved_by(1e-9 * values, 24, 168), 1e-9 * weeks.moved_by(values, 24, 168))
    values[::5] = np.nan
    assert np.isfinite(weeks.moved_by(values, 24, 168)).all()
    assert not weeks.moved_by(np.full(400, np.nan), 24, 168).any()
    assert not weeks.moved_by(np.zeros(400), 24, 168).any()


@pytest.mark.parametrize(("shorter", "reach"), [(24, 6), (7, 1), (288, 72), (1440, 360)])
def test_around_a_place_is_a_quarter_of_the_shorter_season(shorter: int, reach: int) -> None:
    found = weeks.offsets(shorter)
    assert found[0] == -reach
    assert found[-1] == reach
    assert 0 in found
    assert len(found) <= weeks.POINTS
