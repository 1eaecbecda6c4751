"""Seasons, grains and tails that detectors stand on."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.single import medians, seasons, tails, timegrid
from detectors.single.contract import SeriesError


def wave(period: float, size: int, noise: float = 0.3, seed: int = 0) -> np.ndarray:
    return np.sin(np.arange(size) * 2 * np.pi / period) + np.random.default_rng(seed).normal(0, noise, size)


@pytest.mark.parametrize("period", [7, 24, 53, 96])
def test_a_season_is_found_without_being_named(period: int) -> None:
    found = seasons.find(wave(period, 20 * period))
    assert found is not None
    assert abs(found - period) <= max(1, 0.03 * period)


def test_a_period_of_the_calendar_is_preferred_where_it_fits() -> None:
    assert seasons.find(wave(24, 500, 0.8), (24, 168)) == 24
    weekly = np.tile(np.r_[np.ones(5 * 24), np.zeros(2 * 24)], 5) + np.random.default_rng(0).normal(0, 0.2, 840)
    assert seasons.find(weekly, (24, 168)) == 168


@pytest.mark.parametrize(
    "values",
    [np.random.default_rng(0).normal(size=600), np.arange(600.0), np.full(600, 2.0), np.full(600, np.nan), np.ones(5)],
    ids=["noise", "trend", "constant", "missing", "short"],
)
def test_no_season_is_found_where_there_is_none(values: np.ndarray) -> None:
    assert seasons.find(values, (24, 168)) is None


def test_gaps_and_spikes_do_not_hide_a_season() -> None:
    values = wave(24, 600)
    values[::7] = np.nan
    values[50] = 1e6
    assert seasons.find(values, (24,)) == 24


def test_rows_are_laid_on_their_grid() -> None:
    times = np.array([7200.0, 0.0, 3600.0, 3600.0, 14400.0 + 20.0])
    grid = timegrid.lay(times, np.array([3.0, 1.0, 2.0, 4.0, np.inf]))
    assert (grid.start_s, grid.grain_s, grid.repeated) == (0.0, 3600.0, 1)
    np.testing.assert_array_equal(grid.slot, [2, 0, 1, 1, 4])
    np.testing.assert_array_equal(grid.values, [1.0, 3.0, 3.0, np.nan, np.nan])
    assert grid.hints() == (24, 168, 8766)


@pytest.mark.parametrize(
    ("step", "grain", "hints"),
    [
        (59.0, 60.0, (1440, 10080, 525960)),
        (86400.0, 86400.0, (7, 365)),
        (604800.0, 604800.0, (52,)),
        (777.0, 777.0, None),
    ],
)
def test_the_grain_is_a_usual_one_where_it_is_near(step: float, grain: float, hints: tuple[int, ...] | None) -> None:
    grid = timegrid.lay(np.arange(50) * step, np.ones(50))
    assert grid.grain_s == grain
    assert hints is None or grid.hints() == hints


def test_rows_without_a_time_or_without_end_are_named() -> None:
    with pytest.raises(SeriesError, match="there is no row"):
        timegrid.lay(np.array([]), np.array([]))
    with pytest.raises(SeriesError, match="no time"):
        timegrid.lay(np.array([0.0, np.nan]), np.ones(2))
    with pytest.raises(SeriesError, match="too scattered"):
        timegrid.lay(np.r_[np.arange(100.0), 1e9], np.ones(101))


def test_p_values_are_ranks_in_the_middle_and_near_for_exponential_tails() -> None:
    past = np.random.default_rng(0).exponential(size=4000)
    asked = np.array([0.0, np.log(2.0), -np.log(1e-4), -np.log(1e-6)])
    told = tails.p_values(asked, past)
    assert told[0] == 1.0
    assert told[1] == pytest.approx(0.5, abs=0.03)
    assert 0.5 < told[2] / 1e-4 < 5
    # Far out it is cautious, and still far out.
    assert 1 < told[3] / 1e-6 < 100


@pytest.mark.parametrize("law", ["exponential", "normal", "lognormal", "student"])
def test_p_values_keep_their_word_after_a_short_past(law: str) -> None:
    random = np.random.default_rng(3)

    def draw(size: int) -> np.ndarray:
        laws = {"exponential": random.exponential, "normal": random.normal, "lognormal": random.lognormal}
        return np.abs(random.standard_t(4, size) if law == "student" else laws[law](size=size))

    told = np.concatenate([tails.p_values(draw(500), draw(100)) for _ in range(200)])
    assert 0.6 < (told <= 0.01).mean() / 0.01 < 1.3
    assert 0.5 < (told <= 0.003).mean() / 0.003 < 1.7
    assert (told <= 0.001).mean() / 0.001 < 2.4


def test_p_values_fall_with_the_score_and_keep_within_bounds() -> None:
    past = np.random.default_rng(1).lognormal(size=300)
    told = tails.p_values(np.linspace(0, 1e5, 500), past)
    assert (np.diff(told) <= 1e-15).all()
    assert told.min() > 0
    assert told.max() <= 1


def test_a_past_that_never_moved_makes_any_move_strange_and_no_past_none() -> None:
    assert tails.p_values(np.array([0.0, 1e-9]), np.zeros(100)).tolist() == [1.0, tails.LEAST]
    assert tails.p_values(np.array([5.0]), np.array([])).tolist() == [1.0]
    assert tails.p_values(np.array([5.0]), np.zeros(9)).tolist() == [0.1]


def test_medians_leave_out_what_is_missing() -> None:
    columns = np.array([[1.0, np.nan, np.nan], [3.0, 4.0, np.nan], [8.0, 6.0, np.nan]])
    np.testing.assert_array_equal(medians.column_medians(columns), [3.0, 5.0, np.nan])
    assert np.isnan(medians.median(np.full(3, np.nan), 10))
    assert medians.sampled(np.arange(1000), 100)[0] == 999
    assert len(medians.sampled(np.arange(1999), 1000)) == 1999
