"""What every close-up detector promises, on series drawn here, and what each one is there to see."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import inspect
from detectors.inspect import subjects, surprise
from detectors.inspect.contract import Judged, Subjects, run_length, trailing
from detectors.series import Forecast

DETECTORS = inspect.discover()
EACH = pytest.mark.parametrize("name", sorted(DETECTORS))
DAYS, SEASON = 182, 7


def quiet(seed: int = 0, n: int = 6, days: int = DAYS, mean: float = 60.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    week = 1.0 + 0.3 * np.sin(2 * np.pi * np.arange(days) / SEASON)
    return rng.poisson(mean * week, (n, days)).astype(float)


def given(values: np.ndarray, mean: float = 60.0) -> Subjects:
    expected = np.broadcast_to(
        mean * (1.0 + 0.3 * np.sin(2 * np.pi * np.arange(values.shape[1]) / SEASON)), values.shape
    )
    same = np.ones_like(values)
    return subjects.of_counts(values, Forecast(expected, same, 0.05 * same, values), SEASON)


def test_all_seven_are_found() -> None:
    assert set(DETECTORS) == {
        "flat_line", "forest", "level_shift", "missing", "shape", "slow_decline", "variance",
    }  # fmt: skip


@EACH
def test_no_look_ahead_and_input_unchanged(name: str) -> None:
    values = quiet(1)
    values[2, 150:] *= 0.3
    values[3, 160:165] = np.nan
    whole = given(values)
    kept = [whole.values.copy(), whole.residual.copy(), whole.gain.copy()]
    long = DETECTORS[name](whole).strength
    for before, after in zip(kept, (whole.values, whole.residual, whole.gain), strict=True):
        np.testing.assert_array_equal(before, after)
    cut = DAYS - 23
    short = DETECTORS[name](given(values[:, :cut])).strength
    np.testing.assert_allclose(long[:, :cut], short, rtol=1e-6, atol=1e-9)


# The forest learns from all series given, so that it judges none alone.
@pytest.mark.parametrize("name", sorted(set(DETECTORS) - {"forest"}))
def test_a_series_is_judged_alike_alone_and_in_any_order(name: str) -> None:
    values = quiet(2)
    values[0, -9:] *= 0.4
    together = DETECTORS[name](given(values))
    alone = DETECTORS[name](given(values[:1]))
    turned = DETECTORS[name](given(values[::-1]))
    np.testing.assert_allclose(together.strength[:1], alone.strength, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(together.strength[::-1], turned.strength, rtol=1e-9, atol=1e-12)
    assert together.onset[0] == alone.onset[0] == turned.onset[-1]


@EACH
@pytest.mark.parametrize(
    "case", ["all missing", "constant", "two points", "none", "empty", "zero expectation", "spike"]
)
def test_bad_input_has_a_finite_answer(name: str, case: str) -> None:
    values = quiet(3, n=3)
    mean = 60.0
    if case == "all missing":
        values[:] = np.nan
    elif case == "constant":
        values[:] = 7.0
    elif case == "two points":
        values = values[:, :2]
    elif case == "none":
        values = values[:0]
    elif case == "empty":
        values = values[:, :0]
    elif case == "zero expectation":
        mean = 0.0
    else:
        values[1, 40] *= 1000.0
    judged = DETECTORS[name](given(values, mean))
    assert judged.strength.shape == values.shape
    assert np.isfinite(judged.strength).all()
    assert (judged.strength >= 0).all()
    assert judged.onset.shape == judged.size.shape == values.shape[:1]
    assert np.isfinite(judged.size).all()


def at_end(name: str, values: np.ndarray) -> tuple[Judged, float]:
    """Judge, and return what one in a thousand quiet points reaches."""
    return DETECTORS[name](given(values)), float(
        np.quantile(DETECTORS[name](given(quiet(9, n=60))).strength[:, 100:], 0.999)
    )


@pytest.mark.parametrize(("name", "days"), [("level_shift", 6), ("slow_decline", 10), ("shape", 6), ("forest", 1)])
def test_a_level_that_halves_is_stronger_than_anything_quiet(name: str, days: int) -> None:
    values = quiet(4)
    values[0, -days:] *= 0.4
    judged, usual = at_end(name, values)
    assert judged.strength[0, -1] > usual
    assert judged.strength[1:, -1].max() <= usual


def test_the_shift_is_told_since_when_and_by_how_much() -> None:
    values = quiet(5)
    values[0, -12:] *= 0.5
    judged = DETECTORS["level_shift"](given(values))
    assert abs(int(judged.onset[0]) - (DAYS - 12)) <= 1
    assert judged.size[0] == pytest.approx(-0.5, abs=0.07)


def test_a_decline_of_three_percent_a_day_is_told_from_its_beginning() -> None:
    values = quiet(6)
    values[0, -20:] *= np.linspace(0.97, 0.4, 20)
    judged, usual = at_end("slow_decline", values)
    assert judged.strength[0, -1] > usual
    assert DAYS - 22 <= judged.onset[0] <= DAYS - 12
    assert judged.size[0] < -0.15


def test_restless_days_are_told_by_their_spread_and_a_mere_step_is_not() -> None:
    values = quiet(7)
    rng = np.random.default_rng(7)
    values[0, -14:] = np.maximum(values[0, -14:] + rng.normal(0, 40, 14), 0)
    values[1, -14:] *= 0.6
    judged, usual = at_end("variance", values)
    assert judged.strength[0, -1] > usual > judged.strength[1, -1]
    assert judged.size[0] > 2


def test_a_standstill_counts_by_how_rarely_the_series_repeats() -> None:
    values = quiet(8, mean=60.0)
    values[0, -6:] = 61.0
    often = np.repeat(quiet(8, n=1, days=DAYS // 2), 2, axis=1)
    often[0, -6:] = 61.0
    rare = DETECTORS["flat_line"](given(values))
    common = DETECTORS["flat_line"](given(often))
    assert rare.strength[0, -1] > 12
    assert rare.onset[0] == DAYS - 6
    assert rare.size[0] == 6
    assert common.strength[0, -1] < rare.strength[0, -1] / 2


def test_nothing_for_days_is_no_standstill_where_nothing_was_expected() -> None:
    rng = np.random.default_rng(10)
    values = rng.poisson(0.2, (1, DAYS)).astype(float)
    values[0, -5:] = 0
    mean = np.full_like(values, 0.2)
    sparse = subjects.of_counts(values, Forecast(mean, np.ones_like(mean), mean, values), SEASON)
    assert DETECTORS["flat_line"](sparse).strength[0, -1] < 3


def test_a_gap_counts_by_how_rarely_the_series_has_any() -> None:
    values = quiet(11)
    values[0, -4:] = np.nan
    values[1, 1::3] = np.nan
    judged = DETECTORS["missing"](given(values))
    assert judged.strength[0, -1] > 6
    assert judged.onset[0] == DAYS - 4
    assert judged.size[0] == 4
    assert judged.strength[1, -1] < 3
    assert (judged.strength[2:] == 0).all()


def test_what_was_never_told_is_not_missing() -> None:
    values = quiet(12)
    values[0, :100] = np.nan
    assert DETECTORS["missing"](given(values)).strength[0].max() == 0


def test_helpers_against_plain_sums() -> None:
    values = np.random.default_rng(0).normal(size=(3, 20))
    wanted = np.array([[row[max(t - 2 - 4, 0) : max(t - 2, 0)].sum() for t in range(1, 21)] for row in values])
    np.testing.assert_allclose(trailing(values, 4, 2), wanted, atol=1e-12)
    held = np.array([[True, True, False, True, True, True]])
    np.testing.assert_array_equal(run_length(held), [[1, 2, 0, 1, 2, 3]])


def test_surprises_rank_against_the_past_given() -> None:
    strength = np.random.default_rng(1).exponential(size=(50, 100))
    strength[0, -1] = 30.0
    judged = {"level_shift": Judged(strength, np.full(50, -1), np.zeros(50))}
    usual = surprise.learn(judged, 0, 80)
    p_value = surprise.p_values(judged, usual, slice(80, None))["level_shift"]
    assert p_value[0, -1] < 1e-6
    assert np.mean(p_value[1:] < 0.05) == pytest.approx(0.05, abs=0.02)
    alone = {"level_shift": Judged(strength[:1], np.full(1, -1), np.zeros(1))}
    np.testing.assert_array_equal(surprise.p_values(alone, usual, slice(80, None))["level_shift"], p_value[:1])
    doubled = surprise.combined({"level_shift": p_value}, {"level_shift": 2.0, "unheard": 1.0})
    np.testing.assert_allclose(doubled, -2 * np.log(p_value))


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        Subjects(np.zeros((2, 3)), np.zeros((2, 4)), np.zeros((2, 3)), 7)
    with pytest.raises(ValueError, match="season"):
        Subjects(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3)), 1)
