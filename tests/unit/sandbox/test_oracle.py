"""The oracle keeps its stated rate of false alerts, sees what is large and not what is too small."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from sandbox.demand import Counts, TrueRates
from sandbox.effects import funnel_factors
from sandbox.incidents import Incident
from sandbox.oracle import DAYS_TO_A_FALSE_ALERT, GRACE_DAYS, Known, _threshold, _walk, day_of_detection
from sandbox.simulated import World

DAYS, SHAPE = 4000, 8.0


def _incident(kind: str, severity: float, first: int, last: int) -> Incident:
    return Incident(
        incident_id="x", kind=kind, scope="listing", listings=(0,), market="Porto", first_day=first, last_day=last,
        severity=severity, factor=1.0, points=0.0, min_stay_nights=1, currency="USD", nights=(0, 9),
    )  # fmt: skip


def _nothing_happens(seed: int, mean: float) -> Known:
    """Days on which the stated noise is all there is, though the oracle waits for an incident on the last day."""
    rng = np.random.default_rng(seed)
    impressions = rng.poisson(mean * rng.gamma(SHAPE, 1 / SHAPE, (1, DAYS)))
    views = rng.binomial(impressions, 0.2)
    one = np.ones((1, DAYS))
    return Known(
        Counts(impressions, views, rng.binomial(views, 0.01)),
        TrueRates(mean * one, 0.2 * one, 0.01 * one),
        np.array([SHAPE]),
    )


@pytest.mark.parametrize(("kind", "severity"), [("ctr_drop", 0.1), ("conversion_drop", 0.5), ("rank_drop", 0.4)])
def test_false_alerts_are_about_as_rare_as_stated(kind: str, severity: float) -> None:
    item = _incident(kind, severity, DAYS - 1, DAYS - 1)
    alerts = 0
    for seed in range(4):
        ratio, drift, variance = _walk(item, funnel_factors(item, "EUR", ()), _nothing_happens(seed, 3000.0))
        threshold, height = _threshold(drift, variance), 0.0
        for step in ratio[:-1]:
            height = max(0.0, height + float(step))
            if height >= threshold:
                alerts, height = alerts + 1, 0.0
    expected = 4 * DAYS / DAYS_TO_A_FALSE_ALERT
    assert expected / 4 <= alerts <= expected * 2.5


def test_the_threshold_stays_under_its_bound_and_rises_with_the_noise() -> None:
    bound = float(np.log(DAYS_TO_A_FALSE_ALERT))
    small, large = _threshold(-0.02, 0.04), _threshold(-0.5, 1.0)
    assert 0 < small < large <= bound


def _with(item: Incident, mean: float, seed: int) -> Known:
    calm = _nothing_happens(seed, mean)
    factors = funnel_factors(item, "EUR", ())
    days = slice(item.first_day, item.last_day + 1)
    rates = {name: getattr(calm.expected, name).copy() for name in TrueRates.__slots__}
    for name, rate in rates.items():
        rate[0, days] *= getattr(factors, name)
    rng = np.random.default_rng(seed)
    impressions = rng.poisson(rates["impressions"] * rng.gamma(SHAPE, 1 / SHAPE, (1, DAYS)))
    views = rng.binomial(impressions, rates["ctr"])
    return Known(Counts(impressions, views, rng.binomial(views, rates["conversion"])), TrueRates(**rates), calm.shape)


def test_a_great_loss_is_seen_at_once_and_a_tiny_one_on_a_quiet_listing_never() -> None:
    great = _incident("ctr_drop", 0.6, 20, 30)
    assert day_of_detection(great, _with(great, 3000.0, 1), "EUR", ()) == 21
    tiny = _incident("conversion_drop", 0.3, 20, 30)
    assert [day_of_detection(tiny, _with(tiny, 50.0, seed), "EUR", ()) for seed in range(5)] == [None] * 5


def test_a_lesser_drop_is_seen_later() -> None:
    def delay(severity: float) -> float:
        item = _incident("conversion_drop", severity, 20, 90)
        found = [day_of_detection(item, _with(item, 2000.0, seed), "EUR", ()) for seed in range(8)]
        return float(np.mean([day if day is not None else 94 for day in found]))

    assert delay(0.9) < delay(0.6) < delay(0.3)


def test_what_shows_directly_is_seen_on_its_first_day_and_the_rest_after_it(main_job: World) -> None:
    for told, item in zip(main_job.incidents(), main_job.placed, strict=True):
        day, start, end = told["oracle_day"], date.fromisoformat(told["start"]), date.fromisoformat(told["end"])
        if item.is_control:
            assert day is None
        elif item.is_direct:
            assert day == told["start"]
        elif day is not None:
            assert start < date.fromisoformat(day) <= end + timedelta(days=GRACE_DAYS)
    watched = [outcome for outcome, item in zip(main_job.outcomes, main_job.placed, strict=True) if not item.is_direct]
    assert sum(outcome.oracle_day is not None for outcome in watched) >= 0.8 * len(watched)
