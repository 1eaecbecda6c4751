"""How sure a day's worth is, beside worlds in which the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from python_nodes.scoring.money import Past, WorthDoubt, dispersion, value_spread, worth_sd

DAYS = 120


def past_of(rates: np.ndarray, seed: int, kept: float = 0.8, value_cv: float = 0.5) -> tuple[Past, np.ndarray]:
    """Listings that book by chance alone, and what a day of each came to by all of it."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rates[:, None], (rates.size, DAYS)).astype(np.float64)
    shape = 1.0 / value_cv**2
    money = rng.gamma(np.maximum(shape * counts, 1e-12), 100.0 / shape) * (counts > 0)
    made = counts.sum(axis=1)
    gone = rng.binomial(made.astype(np.int64), 1.0 - kept)
    per_booking = money.sum(axis=1) / np.maximum(made, 1)
    survived = 1.0 - gone / np.maximum(made, 1)
    told = np.ones(counts.shape, dtype=np.bool_)
    past = Past(
        counts=counts, money=money, told=told, base=slice(0, DAYS), equivalent=made, per_booking_minor=per_booking,
        kept_share=survived, pooled_bookings=0.0, pooled_cancelled=0.0,
    )  # fmt: skip
    return past, made / DAYS * per_booking * survived


def test_the_deviation_told_is_the_one_that_is() -> None:
    rates = np.repeat([0.3, 2.0], 400)
    past, worth = past_of(rates, 3)
    told = worth_sd(past, WorthDoubt(season_sd=0.0))
    off = np.log(worth / (rates * 100.0 * 0.8))
    for rate in (0.3, 2.0):
        rows = rates == rate
        assert float(np.median(told[rows])) == pytest.approx(float(off[rows].std()), rel=0.15)


def test_a_busy_listing_is_surer_and_nobody_is_surer_than_the_season() -> None:
    past, _ = past_of(np.array([0.05, 0.5, 5.0, 50.0]), 4)
    told = worth_sd(past, WorthDoubt(season_sd=0.09))
    assert (np.diff(told) < 0).all()
    assert told[-1] > 0.09


def test_a_listing_without_a_booking_is_told_as_unsure_not_as_nothing() -> None:
    past, _ = past_of(np.array([0.0, 1.0, 1.0]), 5)
    assert np.isfinite(worth_sd(past)).all()
    assert worth_sd(past)[0] > 1.0


def test_dispersion_and_spread_of_values_are_found_again() -> None:
    rng = np.random.default_rng(6)
    rates = 4.0 * rng.gamma(2.0, 0.5, (50, 400))
    bunched = dispersion(rng.poisson(rates).astype(np.float64), np.ones(rates.shape, dtype=np.bool_), 30.0)
    assert float(np.median(bunched)) == pytest.approx(3.0, rel=0.1)
    past, _ = past_of(np.full(100, 2.0), 7, value_cv=0.7)
    assert value_spread(past.counts, past.money, past.per_booking_minor) == pytest.approx(0.49, rel=0.1)
