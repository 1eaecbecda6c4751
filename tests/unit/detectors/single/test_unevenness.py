"""Whether places of a season differ in how far points lie from it."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.single import unevenness


def distances(season: int, rounds: int, loud: float, seed: int = 0) -> np.ndarray:
    """Return what lies off by as much at each place, and in half of them ``loud`` times as far."""
    random, places = np.random.default_rng(seed), np.arange(season * rounds) % season
    return np.abs(random.normal(0.0, 1.0, len(places))) * np.where(places < season // 2, loud, 1.0)


@pytest.mark.parametrize("season", [7, 24, 40, 288])
def test_loud_days_beside_calm_nights_are_seen(season: int) -> None:
    assert unevenness.share(distances(season, 28, 8.0), season) > 0.7


@pytest.mark.parametrize("season", [7, 24, 40, 288])
@pytest.mark.parametrize("rounds", [2, 7, 28])
def test_what_chance_could_have_brought_is_nothing(season: int, rounds: int) -> None:
    assert np.mean([unevenness.share(distances(season, rounds, 1.0, seed), season) for seed in range(10)]) < 0.05


def test_unit_and_gaps_do_not_matter_and_too_little_says_nothing() -> None:
    told = distances(24, 20, 6.0)
    gaps = told.copy()
    gaps[::7] = np.nan
    assert unevenness.share(told * 1e-6, 24) == pytest.approx(unevenness.share(told, 24))
    assert unevenness.share(gaps, 24) == pytest.approx(unevenness.share(told, 24), abs=0.2)
    assert unevenness.share(told[:40], 24) == 0.0
    assert unevenness.share(np.zeros(480), 24) == 0.0
    assert unevenness.share(np.full(480, np.nan), 24) == 0.0
