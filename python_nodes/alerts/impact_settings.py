"""What is assumed of problems' length and of guards' shares where nothing was learnt; thresholds of amounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


def _default_days() -> Mapping[str, float]:
    """Return how long each cause usually lasts until somebody has mended it."""
    return {
        "listing_down": 3.0, "calendar_closed": 3.0, "calendar_empty": 3.0, "rate_missing": 2.0, "price_error": 2.0,
        "currency_switched": 2.0, "fee_missing": 3.0, "min_stay_raised": 3.0, "parity": 3.0, "rate_plan_gap": 5.0,
        "amenity_missing": 5.0, "conversion_drop": 7.0, "ctr_drop": 7.0, "rank_drop": 7.0, "competitor_undercut": 7.0,
        "review_drop": 14.0, "slow_decline": 14.0, "market_demand": 7.0,
        "market_shift": 7.0, "channel_fault": 2.0,
        "feed_stale": 1.0, "feed_duplicate": 1.0, "poll_failing": 1.0, "access_ending": 1.0, "unknown": 7.0,
    }  # fmt: skip


def _default_doubts() -> Mapping[str, float]:
    """Return how far a guard's share is off by cause, in the logarithm of what is left, as a part of that logarithm."""
    return {
        "listing_down": 0.1, "calendar_closed": 0.32, "rate_missing": 0.35, "calendar_empty": 0.35,
        "price_error": 0.37, "currency_switched": 0.3, "fee_missing": 0.3, "unknown": 0.6,
    }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactSettings:
    """``usd_rate`` is the tenant's minor units per US cent; the USD thresholds are seed 000's.

    ``share_doubt`` is how sure a share is of which nothing else is told, ``onset_days`` how far an estimated onset is
    off, ``worth_sd`` how far what a day is worth where the economics do not say.
    """

    usd_rate: float = 1.0
    critical_usd: float = 500.0
    high_usd: float = 100.0
    medium_usd: float = 50.0
    days_to_resolution: Mapping[str, float] = field(default_factory=_default_days)
    share_doubt: Mapping[str, float] = field(default_factory=_default_doubts)
    onset_days: float = 1.0
    worth_sd: float = 0.5


DEFAULTS = ImpactSettings()
