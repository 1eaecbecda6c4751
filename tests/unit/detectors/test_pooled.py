"""Groups of series as one series."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import pooled
from detectors.series import Forecast


def test_a_group_has_the_share_of_its_usual_that_its_series_have_together() -> None:
    values = np.array([[10.0] * 4, [20.0] * 4, [30.0] * 4, [5.0] * 4])
    values[:3, 3] *= 0.5
    index = pooled.index(values, np.array([0, 0, 0, 1]), 1, 0.5)
    assert index[0, 3] / index[0, 0] == pytest.approx(0.5)
    assert index[1] == pytest.approx([1.0] * 4)


def test_a_series_that_is_missing_moves_nothing_and_too_few_say_nothing() -> None:
    values = np.full((6, 10), 10.0)
    values[0] = 90.0
    values[0, 9] = np.nan
    assert pooled.index(values, np.zeros(6, np.int64), 5, 0.1)[0] == pytest.approx([1.0] * 10)
    assert np.isnan(pooled.index(values, np.zeros(6, np.int64), 6, 0.1)[0, 9])


@pytest.mark.parametrize(("giants", "left"), [(1, 0.9), (3, 0.7)])
def test_one_giant_is_no_market(giants: int, left: float) -> None:
    values = np.full((30, 1_000), 10.0)
    values[:giants] = 1_000.0
    values[:giants, 999] = 0.0
    index = pooled.index(values, np.zeros(30, np.int64), 5, 0.1)
    # Nearly all counts are theirs, and each weighs a tenth.
    assert index[0, 999] == pytest.approx(left, abs=0.01)


def made(off: np.ndarray, noise: float = 0.06) -> Forecast:
    expected = np.full(off.shape, 1_000.0)
    return Forecast(
        expected=expected, dispersion=noise * expected, relative_sd=np.full(off.shape, 0.05),
        capped=expected * np.exp(off),
    )  # fmt: skip


def test_a_fall_of_all_is_shared_and_the_fall_of_one_is_not() -> None:
    off = np.zeros((6, 20))
    off[:, -5:] = -0.6
    assert pooled.shared(made(off), 5, 2, 0.5)[:, -1].all()
    off[1:, -5:] = -0.2
    found = pooled.shared(made(off), 5, 2, 0.5)[:, -1]
    assert found.tolist() == [False, True, True, True, True, True]
    off[1:] = 0.0
    assert not pooled.shared(made(off), 5, 2, 0.5).any()


def test_a_rise_is_not_held_back_and_two_series_know_nothing_of_each_other() -> None:
    off = np.full((6, 20), 0.4)
    assert not pooled.shared(made(off), 5, 2, 0.5).any()
    assert not pooled.shared(made(-off[:2]), 5, 2, 0.5).any()


def test_a_series_that_tells_nothing_neither_shares_nor_is_shared() -> None:
    off = np.full((4, 20), -0.6)
    off[0] = np.nan
    found = pooled.shared(made(off), 5, 2, 0.5)
    assert not found[0].any()
    assert found[1:].all()
