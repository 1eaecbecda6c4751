"""The seed's score, category and money, by hand-made numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from python_nodes.alerts.impact import ImpactSettings, assess, loss_rate_points, market_points
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import AriMatrix, Economics, GuardInputs, HealthState
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.guards import suspended

LISTING = ListingInfo(
    listing_id=7, unit_id=1, property_id=1, external_id="r", unit_external_id="u", property_external_id="p",
    channel_property_id="p",
        title="",
    channel="c", market="m", country="PT", subdivision=None, timezone="UTC", currency="EUR", priority=0.5, unit_count=1,
    base_price_minor=1, floor_price_minor=1,
)  # fmt: skip
DROP = Anomaly(
    listing_id=7, kind="conversion_drop", metric="conversion_rate", onset_date=date(2026, 3, 1), observed=1.0,
    expected=2.0, lower=None, upper=None, p_value=1e-6, share_lost=0.4, confidence=0.99, cause="conversion_drop",
)  # fmt: skip


def economics(value: float = 10_000.0) -> Economics:
    return Economics(np.array([2.0]), np.array([value]), np.array([0.75]), np.array([1.0]))


def test_a_suspension_has_cost_since_the_rooms_own_change_of_status() -> None:
    """Found on 4 March, its room suspended on 1 March: four days of it, whatever day we first looked."""
    shape = (1, 5)
    nights = np.datetime64("2026-03-04") + np.arange(5)
    ari = AriMatrix(
        nights, np.ones(shape, bool), np.ones(shape, bool), np.ones(shape), np.ones(shape, np.int64),
        np.ones(shape, np.int64), np.array(["2026-03-04T11:00"], "datetime64[s]"),
    )  # fmt: skip
    health = HealthState(np.array(["suspended"]), np.array(["2026-03-01T08:00"], "datetime64[s]"))
    inputs = GuardInputs(
        datetime(2026, 3, 4, 12, tzinfo=UTC), date(2026, 3, 4), [LISTING], ari, health, np.ones(shape, bool),
        np.ones(shape, bool), np.ones(shape), np.array(["2026-03-03"], "datetime64[D]"), np.full(shape, 0.2),
    )  # fmt: skip
    (impact,) = assess(suspended.check(inputs), economics(), [LISTING], date(2026, 3, 4))
    assert impact.loss_per_day_minor == 15_000  # 2 × 100.00 × 0.75
    assert impact.lost_so_far_minor == 4 * 15_000


def test_money_is_loss_times_days() -> None:
    (impact,) = assess([DROP], economics(), [LISTING], date(2026, 3, 4))
    assert impact.loss_per_day_minor == 6_000  # 2 × 100.00 × 0.75 × 0.4
    assert impact.impact_minor == 42_000
    assert impact.lost_so_far_minor == 24_000
    # 60 USD a day is a fifth of the way from 50 (40) to 100 (60): 44; steady 50; ordinary season 50; priority 50.
    assert impact.score == pytest.approx(0.4 * 44 + 0.3 * 50 + 0.2 * 50 + 0.1 * 50)
    assert impact.category == "high"  # by the rule, 25 to 50 %; by the score it is medium
    assert impact.parts["category_by_score"] == 1.0


@pytest.mark.parametrize(
    ("share", "cause", "value", "category"),
    [
        (0.6, "conversion_drop", 100.0, "critical"), (0.01, "listing_down", 100.0, "critical"),
        (0.01, "rate_missing", 100.0, "critical"), (0.3, "unknown", 100.0, "high"), (0.12, "unknown", 100.0, "medium"),
        (0.02, "unknown", 100.0, "low"), (0.09, "unknown", 2_000_000.0, "critical"),
    ],
)  # fmt: skip
def test_categories(share: float, cause: str, value: float, category: str) -> None:
    anomaly = replace(DROP, share_lost=share, cause=cause)
    assert assess([anomaly], economics(value), [LISTING], date(2026, 3, 4))[0].category == category


def test_usd_thresholds_follow_the_tenants_currency() -> None:
    yen = ImpactSettings(usd_rate=1.5)  # 150 JPY a dollar, no minor digits: 1.5 a cent
    (impact,) = assess([DROP], economics(15_000.0), [LISTING], date(2026, 3, 4), yen)
    assert impact.parts["loss_per_day_usd"] == pytest.approx(60.0)


def test_points() -> None:
    points = [loss_rate_points(usd, ImpactSettings()) for usd in (0, 50, 100, 500, 1_000, 9_999)]
    assert points == [0, 40, 60, 80, 100, 100]
    assert [market_points(index) for index in (0.25, 0.5, 1.0, 2.0, 4.0)] == [0, 0, 50, 100, 100]


def test_a_worsening_problem_scores_more_than_one_that_mends() -> None:
    def with_chart(observed: list[float]) -> Anomaly:
        return replace(DROP, evidence={"window_days": 6, "chart": {"observed": observed, "expected": [10.0] * 6}})

    worse, better = assess(
        [with_chart([8, 8, 7, 3, 2, 1]), with_chart([1, 2, 3, 7, 8, 8])], economics(), [LISTING], date(2026, 3, 4)
    )
    assert worse.score > better.score


def test_an_unknown_listing_is_an_error() -> None:
    with pytest.raises(KeyError):
        assess([replace(DROP, listing_id=8)], economics(), [LISTING], date(2026, 3, 4))
