"""Seed 000's alert score: revenue at stake, urgency, category. Mapping and reasons: docs/adr/0004-alert-score.md."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise

from python_nodes.alerts import doubt
from python_nodes.alerts.impact_settings import DEFAULTS, ImpactSettings
from python_nodes.domain.findings import FORESEEN, SHARE_SO_FAR, Anomaly, Category, Impact
from python_nodes.domain.inputs import Economics
from python_nodes.domain.portfolio import ListingInfo

__all__ = ["DEFAULTS", "ImpactSettings", "assess", "combine"]

ORDER: tuple[Category, ...] = ("low", "medium", "high", "critical")
WEIGHTS: Mapping[str, float] = {"loss_rate": 0.40, "trend": 0.30, "market": 0.20, "priority": 0.10}
IMPACT_DAYS = 7.0
"""The seed gives amounts a day only; held over a week they scale a whole impact to 0 to 100 as well."""
BANDS: tuple[tuple[float, Category], ...] = ((80.0, "critical"), (60.0, "high"), (40.0, "medium"))
RULE_OF_CAUSE: Mapping[str, Category] = {
    "listing_down": "critical", "calendar_closed": "critical", "rate_missing": "critical", "calendar_empty": "critical",
    "amenity_missing": "high", "fee_missing": "high", "currency_switched": "high",
    "rate_plan_gap": "medium", "min_stay_raised": "medium", "parity": "medium", "review_drop": "medium",
    "feed_stale": "medium", "feed_duplicate": "medium", "poll_failing": "medium", "access_ending": "medium",
}  # fmt: skip
"""The least category of a cause whatever it costs; which words are the seed's and which are ours: ADR 4."""
RANK_POSITIONS = 10.0
"""More positions lost in the channel's search than this are high."""


def assess(
    anomalies: Sequence[Anomaly], economics: Economics, listings: Sequence[ListingInfo], as_of_day: date,
    settings: ImpactSettings = DEFAULTS,
) -> list[Impact]:  # fmt: skip
    """Return what each anomaly costs and how urgent it is.

    Parameters
    ----------
    anomalies : sequence of Anomaly
    economics : Economics
        Row ``i`` is of ``listings[i]``.
    listings : sequence of ListingInfo
    as_of_day : date
        Present property-local day.
    settings : ImpactSettings

    Returns
    -------
    list of Impact
        In the order of ``anomalies``. ``impact = (baseline - current revenue a day) * days to resolution``.

    Raises
    ------
    KeyError
        If an anomaly names a listing that is not among ``listings``.
    """
    row_of = {listing.listing_id: row for row, listing in enumerate(listings)}
    rows = [row_of[anomaly.listing_id] for anomaly in anomalies]
    costs = [
        _one(anomaly, economics, row, listings, as_of_day, settings)
        for anomaly, row in zip(anomalies, rows, strict=True)
    ]
    return doubt.with_ends(costs, anomalies, rows, economics, settings) if costs else []


def _one(
    anomaly: Anomaly, economics: Economics, row: int, listings: Sequence[ListingInfo], as_of_day: date,
    settings: ImpactSettings,
) -> Impact:  # fmt: skip
    """Assess one anomaly."""
    baseline = float(economics.bookings_per_day[row] * economics.revenue_per_booking_minor[row])
    baseline *= float(economics.kept_share[row])
    loss = baseline * anomaly.share_lost
    days_to_resolution = settings.days_to_resolution.get(anomaly.cause, settings.days_to_resolution["unknown"])
    # The present day counts: a guard sees a problem on the day it begins.
    days_so_far = float(max((as_of_day - anomaly.onset_date).days + 1, 1))
    lost_so_far = baseline * float(anomaly.evidence.get(SHARE_SO_FAR, anomaly.share_lost)) * days_so_far
    loss_usd = loss / settings.usd_rate / 100.0
    urgency = {
        "loss_rate": loss_rate_points(loss_usd, settings),
        "trend": trend_points(anomaly),
        "market": market_points(float(economics.season_index[row])),
        "priority": 100.0 * min(max(listings[row].priority, 0.0), 1.0),
    }
    parts = {f"{name}_points": round(points, 2) for name, points in urgency.items()} | {
        "bookings_per_day": round(float(economics.bookings_per_day[row]), 4),
        "baseline_per_day_minor": round(baseline, 2), "current_per_day_minor": round(baseline - loss, 2),
        "share_lost": round(anomaly.share_lost, 4), "days_to_resolution": days_to_resolution,
        "days_so_far": days_so_far, "season_index": round(float(economics.season_index[row]), 4),
        "confidence": round(confidence(anomaly), 4),
    }  # fmt: skip
    if anomaly.kind in FORESEEN:
        parts["category_at_most"] = float(ORDER.index("low"))
    return _scored(
        urgency, category_by_rule(anomaly, loss_usd, settings), loss=loss, loss_usd=loss_usd,
        impact_minor=loss * days_to_resolution, lost_so_far_minor=lost_so_far, parts=parts, settings=settings,
    )  # fmt: skip


def _scored(
    urgency: Mapping[str, float], rule: Category, *, loss: float, loss_usd: float, impact_minor: float,
    lost_so_far_minor: float, parts: Mapping[str, float], settings: ImpactSettings, least_score: float = 0.0,
) -> Impact:  # fmt: skip
    """Weigh the urgency, and take the worse of the score's band and the rule."""
    score = max(sum(WEIGHTS[name] * points for name, points in urgency.items()), least_score)
    # What is only foreseen is never pressing, whatever its season and priority.
    worst = ORDER[int(parts.get("category_at_most", len(ORDER) - 1))]
    band, rule = (min(one, worst, key=ORDER.index) for one in (category_by_score(score), rule))
    days = parts["days_to_resolution"]
    return Impact(
        loss_per_day_minor=round(loss), days_to_resolution=days, impact_minor=round(impact_minor),
        lost_so_far_minor=round(lost_so_far_minor), score=round(score, 2),
        category=max(band, rule, key=ORDER.index),
        parts={
            **parts,
            "loss_per_day_usd": round(loss_usd, 2),
            "revenue_impact_points": round(loss_rate_points(loss_usd * days / IMPACT_DAYS, settings), 2),
            "category_by_score": float(ORDER.index(band)),
            "category_by_rule": float(ORDER.index(rule)),
        },
    )  # fmt: skip


def combine(impacts: Sequence[Impact], settings: ImpactSettings = DEFAULTS) -> Impact:
    """Return what several findings that are told as one cost together, and how urgent they are together.

    Parameters
    ----------
    impacts : sequence of Impact
        One a finding, at least one.
    settings : ImpactSettings

    Returns
    -------
    Impact
        Money is added; the loss rate is scored on the sum, trend, market and priority are the worst member's, the
        rule is the worse of the worst member's and of the seed's amount a day for the sum. Confidence is the
        highest: that there is a problem at all is at least as sure as its surest part.
    """
    worst = max(impacts, key=lambda impact: impact.score)
    money = ("bookings_per_day", "baseline_per_day_minor", "current_per_day_minor")
    loss = sum(impact.loss_per_day_minor for impact in impacts)
    loss_usd = loss / settings.usd_rate / 100.0
    urgency = {name: worst.parts.get(f"{name}_points", 0.0) for name in WEIGHTS}
    urgency["loss_rate"] = loss_rate_points(loss_usd, settings)
    rule = max([_rule_of(impact) for impact in impacts] + [category_by_amount(loss_usd, settings)], key=ORDER.index)
    parts = {
        **worst.parts,
        **{f"{name}_points": round(points, 2) for name, points in urgency.items()},
        **{name: round(sum(impact.parts.get(name, 0.0) for impact in impacts), 2) for name in money},
        **doubt.summed(impacts),
        "days_to_resolution": max(impact.days_to_resolution for impact in impacts),
        "days_so_far": max(impact.parts.get("days_so_far", 1.0) for impact in impacts),
        "confidence": max(impact.parts.get("confidence", 0.0) for impact in impacts),
        "members": float(len(impacts)),
    }
    return _scored(
        urgency, rule, loss=loss, loss_usd=loss_usd, impact_minor=sum(impact.impact_minor for impact in impacts),
        lost_so_far_minor=sum(impact.lost_so_far_minor for impact in impacts), parts=parts, settings=settings,
        least_score=worst.score,
    )  # fmt: skip


def _rule_of(impact: Impact) -> Category:
    """Return the category that the rule gave, which the score's band may have made worse."""
    return ORDER[int(impact.parts["category_by_rule"])] if "category_by_rule" in impact.parts else impact.category


def confidence(anomaly: Anomaly) -> float:
    """Return how sure it is that something is wrong, 0 to 1: 1 - p of a watch, a guard's own certainty."""
    sure = anomaly.confidence if anomaly.p_value is None else 1.0 - anomaly.p_value
    return min(max(sure, 0.0), 1.0)


def loss_rate_points(loss_usd: float, settings: ImpactSettings) -> float:
    """Return 0 to 100 for a loss a day: 40, 60 and 80 at the seed's three amounts, linear between, 100 at double."""
    knots = (
        (0.0, 0.0), (settings.medium_usd, 40.0), (settings.high_usd, 60.0), (settings.critical_usd, 80.0),
        (2.0 * settings.critical_usd, 100.0),
    )  # fmt: skip
    for (low, low_points), (high, high_points) in pairwise(knots):
        if loss_usd <= high:
            return low_points + (high_points - low_points) * max(loss_usd - low, 0.0) / (high - low)
    return 100.0


def trend_points(anomaly: Anomaly) -> float:
    """Return 100 for what was cut off at once, else 50 steady, more if lately worse than on the whole, less if better.

    Lately is the last half of the days since the onset, by the chart's observed and expected.
    """
    if anomaly.p_value is None:
        return 100.0 if anomaly.share_lost > 0 else 50.0
    chart = anomaly.evidence.get("chart")
    window = int(anomaly.evidence.get("window_days", 0))
    if not isinstance(chart, dict) or window < 4:
        return 50.0
    pairs = [
        (float(seen), float(wanted))
        for seen, wanted in zip(chart["observed"][-window:], chart["expected"][-window:], strict=True)
        if seen is not None and wanted is not None
    ]
    half = len(pairs) // 2
    early, late = _missing(pairs[:half]), _missing(pairs[half:])
    return min(max(50.0 + 100.0 * (late - early), 0.0), 100.0)


def _missing(pairs: Sequence[tuple[float, float]]) -> float:
    """Return the share missing over some days, shrunk by one count."""
    seen, wanted = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    return 1.0 - (seen + 1.0) / (wanted + 1.0)


def market_points(season_index: float) -> float:
    """Return 50 in an ordinary season, 100 at twice the year's mean or more, 0 at half or less (log scale)."""
    return min(max(50.0 + 50.0 * math.log2(max(season_index, 1e-6)), 0.0), 100.0)


def category_by_score(score: float) -> Category:
    """Return the seed's band of a score."""
    return next((category for limit, category in BANDS if score >= limit), "low")


def category_by_amount(loss_usd: float, settings: ImpactSettings) -> Category:
    """Return the seed's category of an amount a day."""
    if loss_usd > settings.critical_usd:
        return "critical"
    if loss_usd >= settings.high_usd:
        return "high"
    return "medium" if loss_usd >= settings.medium_usd else "low"


def category_by_rule(anomaly: Anomaly, loss_usd: float, settings: ImpactSettings) -> Category:
    """Return the seed's category by what it is, how much is lost, and the amount a day: the worst of the three."""
    kind = RULE_OF_CAUSE.get(anomaly.cause, "low")
    if anomaly.metric == "search_rank" and anomaly.observed is not None and anomaly.expected is not None:
        # Position 1 is the best: a larger number is a fall.
        kind = "high" if anomaly.observed - anomaly.expected > RANK_POSITIONS else kind
    return max(kind, _category_by_share(anomaly), category_by_amount(loss_usd, settings), key=ORDER.index)


def _category_by_share(anomaly: Anomaly) -> Category:
    drop = anomaly.share_lost
    if anomaly.cause == "conversion_drop" and drop > 0.50:
        return "critical"
    if drop >= 0.25:
        return "high"
    return "medium" if drop >= 0.10 else "low"
