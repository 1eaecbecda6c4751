"""Whether points lie farther from a season where it is higher."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from detectors.single import heights


def drawn(seed: int, grows: float, size: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Return distances whose scale is 1 at height 0 and ``1 + grows`` at height 1, and the heights."""
    random = np.random.default_rng(seed)
    high = (1.0 + np.sin(np.arange(size) * 2.0 * np.pi / 24)) / 2.0
    return np.abs(random.normal(0.0, 1.0, size)) * (1.0 + grows * high), high


def test_noise_that_grows_with_the_level_is_seen_and_chance_is_not() -> None:
    assert heights.share(*drawn(0, 9.0)) > 0.5
    assert np.mean([heights.share(*drawn(seed, 0.0)) for seed in range(20)]) < 0.01


@pytest.mark.parametrize("unit", [1e-200, 1.0, 1e200])
def test_the_line_tells_what_is_usual_in_any_unit_and_from_any_zero(unit: float) -> None:
    distances, high = drawn(1, 9.0, 4000)
    told = heights.usual_at(unit * distances, unit * (high - 7.0), unit * (np.array([0.0, 0.5, 1.0]) - 7.0)) / unit
    # Half of a normal law's points lie within 0.6745 of its scale.
    np.testing.assert_allclose(told, 0.6745 * np.array([1.0, 5.5, 10.0]), rtol=0.25)


def test_noise_that_shrinks_with_the_level_is_seen_too() -> None:
    distances, high = drawn(2, 9.0)
    assert heights.share(distances, -high) == pytest.approx(heights.share(distances, high))
    calm, loud = heights.usual_at(distances, -high, np.array([0.0, -1.0]))
    assert 2.0 * calm < loud


def test_beyond_what_was_seen_the_line_stays_positive_and_ends() -> None:
    distances, high = drawn(3, 9.0)
    below, above, farther = heights.usual_at(distances, high, np.array([-50.0, 50.0, 500.0]))
    assert 0.0 < below < above == farther


def test_too_little_or_what_stands_still_says_nothing() -> None:
    distances, high = drawn(4, 9.0)
    assert heights.share(distances[: heights.LEAST - 1], high[: heights.LEAST - 1]) == 0.0
    assert heights.share(np.zeros(400), high) == 0.0
    assert heights.share(distances, np.full(400, 3.0)) == 0.0
    flat = heights.usual_at(distances, np.full(400, 3.0), np.array([3.0, 9.0]))
    assert np.isfinite(flat).all()
    assert flat[0] == flat[1] > 0.0


def walked(seed: int, grows: float, size: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Return values whose noise is ``grows`` times their level, which goes up and down, and the level."""
    said = 100.0 * np.exp(np.sin(np.arange(size) * 2.0 * np.pi / 24))
    random = np.random.default_rng(seed)
    noise = np.exp(grows * random.normal(0.0, 1.0, size)) if grows else 1.0 + random.normal(0.0, 5.0, size) / said
    return said * noise, said


def scaled(values: np.ndarray, said: np.ndarray) -> Callable[[np.ndarray], np.ndarray] | None:
    return heights.scale(values, said, float(np.median(np.abs(values - said))))


@pytest.mark.parametrize("unit", [1e-100, 1.0, 1e100])
@pytest.mark.parametrize("zero", [0.0, -1000.0])
def test_where_noise_is_a_share_a_fall_to_a_quarter_is_as_far_as_a_rise_to_four_times(unit: float, zero: float) -> None:
    values, said = walked(5, 0.3)
    straight = scaled(unit * (values + zero), unit * (said + zero))
    assert straight is not None
    quarter, middle, four = straight(unit * (np.array([30.0, 120.0, 480.0]) + zero))
    assert 0.6 < (middle - quarter) / (four - middle) < 1.6


def test_where_noise_is_the_same_everywhere_heights_stay_as_they_are() -> None:
    assert scaled(*walked(6, 0.0)) is None


def test_a_season_that_is_wrong_where_it_is_high_is_no_noise() -> None:
    random = np.random.default_rng(7)
    said = 100.0 * np.exp(np.sin(np.arange(1000) * 2.0 * np.pi / 24))
    # The level drifts by as much of itself as lies between two days: neighbours hardly differ.
    values = said * np.repeat(1.0 + 0.2 * np.sin(np.arange(42)), 24)[:1000] + random.normal(0.0, 10.0, 1000)
    assert heights.share(np.abs(values - said), said) > 0.0
    assert heights.surely(values, said) < 0.5 * heights.share(np.abs(values - said), said)


def test_counts_near_zero_have_no_finer_scale_than_their_step() -> None:
    values = np.random.default_rng(8).poisson(0.2 * (1.0 + np.sin(np.arange(1000) * 2.0 * np.pi / 24)))
    assert heights.quantum(values.astype(np.float64)) == 1.0
    assert heights.quantum(np.random.default_rng(9).normal(0.0, 1.0, 1000)) == 0.0
    assert heights.quantum(np.full(100, 3.0)) == 0.0
    said = 0.2 * (1.0 + np.sin(np.arange(1000) * 2.0 * np.pi / 24))
    assert heights.scale(values.astype(np.float64), said, 0.1) is None
