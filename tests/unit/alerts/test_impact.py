"""The seed's score, category and money, by hand-made numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from python_nodes.alerts.impact import WEIGHTS, ImpactSettings, assess, combine, loss_rate_points, market_points
from python_nodes.domain.findings import SHARE_SD, Anomaly
from python_nodes.domain.inputs import Economics
from python_nodes.domain.portfolio import ListingInfo

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


def test_a_suspension_has_cost_since_it_began_not_since_we_looked() -> None:
    """Found on 4 March, suspended on 1 March: four days of it."""
    down = replace(DROP, kind="suspended", p_value=None, share_lost=1.0, cause="listing_down")
    (impact,) = assess([down], economics(), [LISTING], date(2026, 3, 4))
    assert impact.loss_per_day_minor == 15_000  # 2 × 100.00 × 0.75
    assert impact.lost_so_far_minor == 4 * 15_000


def test_money_is_loss_times_days() -> None:
    (impact,) = assess([DROP], economics(), [LISTING], date(2026, 3, 4))
    assert impact.loss_per_day_minor == 6_000  # 2 × 100.00 × 0.75 × 0.4
    assert impact.impact_minor == 42_000
    assert impact.lost_so_far_minor == 24_000


def test_what_came_on_slowly_has_cost_less_than_it_costs_now() -> None:
    slow = replace(DROP, kind="slow_decline", evidence={"share_lost_so_far": 0.25})
    (impact,) = assess([slow], economics(), [LISTING], date(2026, 3, 4))
    assert impact.loss_per_day_minor == 6_000
    assert impact.lost_so_far_minor == 4 * 3_750
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


def test_a_cause_has_its_category_whatever_it_costs() -> None:
    small = [
        replace(DROP, share_lost=0.0, p_value=None, cause=cause)
        for cause in ("amenity_missing", "fee_missing", "rate_plan_gap", "min_stay_raised", "feed_stale", "unknown")
    ]
    found = assess(small, economics(), [LISTING], date(2026, 3, 4))
    assert [impact.category for impact in found] == ["high", "high", "medium", "medium", "medium", "low"]


@pytest.mark.parametrize(("now", "category"), [(14.0, "low"), (14.5, "high")])
def test_a_fall_of_more_than_ten_positions_is_high(now: float, category: str) -> None:
    fall = replace(DROP, metric="search_rank", observed=now, expected=4.0, share_lost=0.0, cause="unknown")
    assert assess([fall], economics(), [LISTING], date(2026, 3, 4))[0].category == category


def test_confidence_is_the_detectors_own() -> None:
    watch, guard = assess(
        [replace(DROP, p_value=0.02), replace(DROP, p_value=None, confidence=0.7)],
        economics(), [LISTING], date(2026, 3, 4),
    )  # fmt: skip
    assert (watch.parts["confidence"], guard.parts["confidence"]) == (0.98, 0.7)


def test_every_part_of_the_score_is_kept_and_adds_up() -> None:
    (impact,) = assess([DROP], economics(), [LISTING], date(2026, 3, 4))
    parts = impact.parts
    added = sum(parts[f"{name}_points"] * weight for name, weight in WEIGHTS.items())
    assert impact.score == pytest.approx(added, abs=0.01)
    lost = parts["baseline_per_day_minor"] - parts["current_per_day_minor"]
    assert impact.impact_minor == pytest.approx(lost * parts["days_to_resolution"])
    assert parts["revenue_impact_points"] == 44.0, "60 USD a day over seven days: as a loss rate of 60"


def test_what_is_told_as_one_costs_the_sum_and_is_judged_by_it() -> None:
    found = assess([DROP] * 5, economics(), [LISTING], date(2026, 3, 4))
    together = combine(found)
    assert together.impact_minor == 5 * 42_000
    assert together.loss_per_day_minor == 30_000
    assert together.score == pytest.approx(0.4 * loss_rate_points(300.0, ImpactSettings()) + 15 + 10 + 5)
    assert (found[0].category, combine(found * 2).category) == ("high", "critical"), "600 USD a day together"
    assert together.parts["members"] == 5.0


def ends_of(anomaly: Anomaly, worth_sd: float | None = 0.2, onset: date = date(2026, 3, 4)) -> dict[str, float]:
    value = economics()
    known = value if worth_sd is None else replace(value, worth_sd=np.array([worth_sd]))
    (impact,) = assess([anomaly], known, [LISTING], onset)
    assert impact.parts["loss_per_day_low_minor"] < impact.loss_per_day_minor < impact.parts["loss_per_day_high_minor"]
    assert impact.parts["lost_so_far_mid_minor"] == impact.lost_so_far_minor
    return impact.parts


def width(parts: dict[str, float], name: str) -> float:
    return parts[f"{name}_high_minor"] / parts[f"{name}_low_minor"]


def test_amounts_are_as_sure_as_what_they_are_made_of() -> None:
    told = replace(DROP, evidence={SHARE_SD: 0.02})
    unsure = replace(DROP, evidence={SHARE_SD: 0.2})
    assert width(ends_of(unsure), "loss_per_day") > width(ends_of(told), "loss_per_day")
    assert width(ends_of(told, 0.5), "loss_per_day") > width(ends_of(told, 0.2), "loss_per_day")
    # Without a word about the worth it is taken as half off.
    assert width(ends_of(told, None), "loss_per_day") == pytest.approx(width(ends_of(told, 0.5), "loss_per_day"))


def test_an_estimated_onset_adds_doubt_and_a_known_one_none() -> None:
    watched = replace(DROP, evidence={SHARE_SD: 0.02})
    guarded = replace(watched, p_value=None)
    assert width(ends_of(watched), "lost_so_far") > 1.05 * width(ends_of(watched), "loss_per_day")
    assert width(ends_of(guarded), "lost_so_far") == pytest.approx(width(ends_of(guarded), "loss_per_day"), rel=0.001)


def test_a_listing_that_is_down_has_lost_all_and_an_assumption_may_be_far_off() -> None:
    down = replace(DROP, p_value=None, share_lost=1.0, cause="listing_down")
    assumed = replace(DROP, p_value=None, share_lost=0.2, cause="amenity_missing")
    assert ends_of(down)["share_lost_sd"] < 0.01
    assert ends_of(assumed)["share_lost_sd"] > 0.08


def test_several_listings_ends_lie_between_no_and_full_correlation() -> None:
    known = replace(economics(), worth_sd=np.array([0.3]))
    one = assess([replace(DROP, evidence={SHARE_SD: 0.05})], known, [LISTING], date(2026, 3, 4))[0]
    together = combine([one] * 4)
    assert together.parts["lost_so_far_mid_minor"] == 4 * one.lost_so_far_minor
    high = one.parts["lost_so_far_high_minor"] - one.lost_so_far_minor
    assert 2 * high < together.parts["lost_so_far_high_minor"] - 4 * one.lost_so_far_minor < 4 * high
