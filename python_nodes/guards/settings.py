"""What may be set about guards; plain values, given by whoever calls."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """Defaults suit a daily poll.

    ``inferred_slack`` widens both price ratios where other nights, not the night's own past, tell the usual price.
    ``price_elasticity`` is an assumption: a price ``k`` times the usual one keeps ``k ** -elasticity`` of its bookings.
    """

    horizon_nights: int = 90
    price_low_ratio: float = 0.5
    price_high_ratio: float = 2.0
    inferred_slack: float = 1.5
    price_elasticity: float = 1.5
    ari_stale_hours: float = 36.0
    performance_stale_days: int = 3


DEFAULTS = GuardSettings()
