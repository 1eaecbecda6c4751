"""What guards and scoring find, what it costs, and the alert people get."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

Category = Literal["critical", "high", "medium", "low"]
LOSS_IS_ASSUMED = "loss_is_assumed"
"""In the evidence of a guard that sees what is wrong and cannot see what it costs."""
LOSS_IS_UNKNOWN = "loss_is_unknown"
"""In the evidence of what is told at no cost because nothing tells the cost: why."""
CHANGE = "change"
"""In the evidence of what a watch found: what kind of change the series shows, in a sentence."""
CHANGE_FACTS = "change_facts"
"""The same for programs: kind, since_date, before, after, sure_share, metric, strange_p."""
OPPORTUNITIES = frozenset({"price_below_peers"})
"""Kinds of finding that nothing is lost by yet: what could be earned."""
FORESEEN = frozenset({"month_missed", "calendar_running_empty"}) | OPPORTUNITIES
"""Kinds that tell of the days to come: always low, and never told by SMS."""
OF_OUR_SIGHT = "a data problem: what we hear is wrong, not what is sold"
SHARE_SD = "share_lost_sd"
"""In the evidence: the standard deviation of the share lost, where counts or a posterior tell it."""
SHARE_SO_FAR = "share_lost_so_far"
"""In the evidence of what came on slowly: the mean share lost since the onset, where that is not the present one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """A detector's or guard's finding on one listing.

    ``kind`` is the guard's or watch's name. ``p_value`` is None for guards, which need no statistics.
    ``share_lost`` is the estimated share (0 to 1) of the listing's expected bookings that is lost each day
    while it lasts. ``cause`` is one word of the glossary; ``evidence`` are plain facts for people.
    ``onset_date`` is the property-local day from which it holds.
    """

    listing_id: int
    kind: str
    metric: str
    onset_date: date
    observed: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    p_value: float | None
    share_lost: float
    confidence: float
    cause: str
    direction: Literal["down", "up"] = "down"
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Seed 000's score and the money behind it; amounts in the tenant's currency, minor units."""

    loss_per_day_minor: int
    days_to_resolution: float
    impact_minor: int
    lost_so_far_minor: int
    score: float
    category: Category
    parts: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDraft:
    """One problem that people should hear of, as the pipeline words it: not stored yet."""

    fingerprint: str
    scope: Literal["listing", "unit", "property", "market"]
    listing_id: int | None
    property_id: int | None
    market: str | None
    metric: str
    kind: str
    cause: str
    title: str
    category: Category
    score: float
    currency: str
    impact_minor: int
    loss_per_day_minor: int
    lost_so_far_minor: int
    onset_date: date
    raised_at: datetime
    evidence: dict[str, Any]
    parts: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(AlertDraft):
    """One ongoing problem as stored: one alert per fingerprint while it lasts, updated in place."""

    alert_id: int
    updated_at: datetime
    resolved_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """An alert that a person closed: ``because`` is the action, ``verdict`` (a false alarm) or ``resolve``."""

    alert: Alert
    because: str
    began_at: datetime
