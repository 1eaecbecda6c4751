"""What the alert pipeline decides, and the candidate its stages hand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from python_nodes.domain.findings import AlertDraft, Anomaly, Impact
from python_nodes.domain.portfolio import ListingInfo

AlertScope = Literal["listing", "unit", "property", "market"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One problem on its way to people: one anomaly, or several of one kind grouped at a wider scope."""

    scope: AlertScope
    kind: str
    listings: tuple[ListingInfo, ...]
    anomalies: tuple[Anomaly, ...]
    impact: Impact


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChange:
    """An open alert's new values; people hear of it only if ``notify``."""

    alert_id: int
    fields: Mapping[str, Any]
    notify: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertResolution:
    """An open alert that ends now; ``notify`` is False where another alert takes its place."""

    alert_id: int
    resolved_at: datetime
    notify: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why one finding or one open alert went the way it did."""

    stage: str
    decision: str
    kind: str
    listing_id: int | None
    property_id: int | None
    alert_id: int | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """All that one run of the pipeline wants done, with a reason for each send and non-send."""

    insert: tuple[AlertDraft, ...]
    update: tuple[AlertChange, ...]
    resolve: tuple[AlertResolution, ...]
    reasons: tuple[Reason, ...]


def about(candidate: Candidate, *, stage: str, decision: str, why: str) -> Reason:
    """Word a reason about a candidate."""
    return Reason(
        stage=stage,
        decision=decision,
        kind=candidate.kind,
        listing_id=candidate.listings[0].listing_id if candidate.scope == "listing" else None,
        property_id=candidate.listings[0].property_id if candidate.scope != "market" else None,
        alert_id=None,
        why=why,
    )
