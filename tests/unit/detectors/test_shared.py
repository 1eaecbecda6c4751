"""What befell a channel, a market or all is told of the right one, by the past alone; chance is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import shared
from detectors.series import FloatArray, Forecast, IntArray

PARAMS = shared.Params()
N, DAYS, START = 240, 120, 90
CHANNEL: IntArray = np.arange(N) % 4
MARKET: IntArray = np.arange(N) // 4 % 6


def forecast(seed: int, kept: FloatArray | float = 1.0, mean: float = 1.5) -> Forecast:
    """Counts of mean 1.5 a day (or so), of which a share is left from ``START`` on."""
    expected = np.full((N, DAYS), mean)
    left = np.ones((N, DAYS))
    left[:, START:] *= np.broadcast_to(kept, N)[:, None]
    rng = np.random.default_rng(seed)
    ones = np.ones((N, DAYS))
    return Forecast(expected, ones, 0.05 * ones, rng.poisson(expected * left).astype(np.float64))


def told(one: Forecast) -> tuple[shared.Sums, shared.Moves]:
    found = shared.sums(one, CHANNEL, MARKET, PARAMS)
    return found, shared.moves(found, PARAMS)


def test_quiet_days_move_little() -> None:
    found, moved = told(forecast(1))
    assert np.abs(np.log(shared.factor(found, moved))).mean() < 0.01


@pytest.mark.parametrize(("kind", "group"), [(0, CHANNEL), (1, MARKET)])
def test_a_fall_is_told_of_its_own_kind(kind: int, group: IntArray) -> None:
    _, moved = told(forecast(2, np.where(group == 2, 0.5, 1.0)))
    own, other = moved.logs[kind][:, START + 1 : START + 12], moved.logs[1 - kind][:, START + 1 : START + 12]
    assert np.log(0.5) == pytest.approx(own[2].mean(), abs=0.12)
    assert np.abs(np.delete(own, 2, axis=0)).mean() < 0.03
    assert np.abs(other).mean() < 0.04


def test_a_channel_and_a_market_at_once_are_told_apart() -> None:
    left = np.where(CHANNEL == 1, 0.5, 1.0) * np.where(MARKET == 4, 0.4, 1.0)
    _, moved = told(forecast(3, left, mean=6.0))
    days = slice(START + 3, START + 12)
    assert moved.logs[0][1, days].mean() == pytest.approx(np.log(0.5), abs=0.15)
    assert moved.logs[1][4, days].mean() == pytest.approx(np.log(0.4), abs=0.2)


def test_what_befalls_all_is_told_of_the_fewer_groups() -> None:
    _, moved = told(forecast(4, 0.6))
    days = slice(START + 1, START + 6)
    assert moved.logs[0][:, days].mean() == pytest.approx(np.log(0.6), abs=0.12)
    assert np.abs(moved.logs[1][:, days]).mean() < 0.06


def test_what_is_over_is_soon_forgotten() -> None:
    fallen = forecast(9, np.where(MARKET == 1, 0.4, 1.0), mean=3.0)
    usual = forecast(10, 1.0, mean=3.0)
    capped = np.where(np.arange(DAYS)[None, :] < START + 12, fallen.capped, usual.capped)
    _, moved = told(Forecast(fallen.expected, fallen.dispersion, fallen.relative_sd, capped))
    assert moved.logs[1][1, START + 11] == pytest.approx(np.log(0.4), abs=0.15)
    assert np.abs(moved.logs[1][1, START + 12 : START + 22]).max() < 0.12


def test_one_listing_is_not_its_market() -> None:
    kept = np.ones(N)
    kept[0] = 0.0
    large = forecast(5, kept)
    expected, capped = large.expected.copy(), large.capped.copy()
    expected[0], capped[0, :START] = 40.0, 40.0
    _, moved = told(Forecast(expected, large.dispersion, large.relative_sd, capped))
    assert moved.logs[1][0, START : START + 7].min() > np.log(0.9)


def test_nothing_is_known_of_later_days() -> None:
    whole = forecast(6, 0.6)
    early = Forecast(
        *(part[:, : START + 3] for part in (whole.expected, whole.dispersion, whole.relative_sd, whole.capped))
    )
    now, later = (shared.factor(*told(one)) for one in (early, whole))
    np.testing.assert_allclose(now, later[:, : START + 3])


def test_few_series_are_no_group_and_gaps_are_no_counts() -> None:
    one = forecast(7, np.where(MARKET == 2, 0.2, 1.0))
    blank = np.flatnonzero(MARKET == 2)[4:]
    capped = one.capped.copy()
    capped[blank] = np.nan
    found, moved = told(Forecast(one.expected, one.dispersion, one.relative_sd, capped))
    assert (moved.logs[1][2] == 0).all()
    assert np.isnan(shared.as_series(found, moved, 1, PARAMS).expected[2]).all()
    assert np.isfinite(shared.factor(found, moved)).all()


def test_a_group_is_a_series_whose_expectation_is_what_its_series_should_have() -> None:
    one = forecast(8, np.where(CHANNEL == 3, 0.5, 1.0))
    found, moved = told(one)
    series = shared.as_series(found, moved, 0, PARAMS)
    assert series.expected.shape == (4, DAYS)
    ratio = series.capped[:, START:].sum(axis=1) / series.expected[:, START:].sum(axis=1)
    np.testing.assert_allclose(ratio, [1, 1, 1, 0.5], atol=0.06)
    assert (series.dispersion >= 1).all()
