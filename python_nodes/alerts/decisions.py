"""What the alert pipeline decides, and the candidate its stages hand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from python_nodes.alerts.identity import AlertScope, fingerprint
from python_nodes.domain.findings import AlertDraft, Anomaly, Impact
from python_nodes.domain.portfolio import ListingInfo

HELD = "held"
"""The decision to say nothing of what is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One problem on its way to people: one anomaly, or several of one kind grouped at a wider scope."""

    scope: AlertScope
    kind: str
    listings: tuple[ListingInfo, ...]
    anomalies: tuple[Anomaly, ...]
    impact: Impact

    @property
    def fingerprint(self) -> str:
        """Return what identifies it, as of the alert it would become."""
        first = self.listings[0]
        listing_id = first.listing_id if self.scope == "listing" else None
        return fingerprint(self.scope, listing_id, first.property_id, first.market, self.kind, first.unit_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChange:
    """An alert's new values; people hear of it only if ``notify``.

    ``reopens`` an alert that had ended. ``anew``: what was told of it before no longer counts, all who would be told
    of a new one are.
    """

    alert_id: int
    fields: Mapping[str, Any]
    notify: bool
    reason: str
    anew: bool = False
    reopens: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertResolution:
    """An open alert that ends now; ``notify`` is False where another alert takes its place."""

    alert_id: int
    resolved_at: datetime
    notify: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why one finding or one alert went the way it did; ``held_by`` is the fingerprint of what explains it."""

    stage: str
    decision: str
    kind: str
    fingerprint: str
    listing_id: int | None
    property_id: int | None
    alert_id: int | None
    why: str
    held_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """All that one run of the pipeline wants done, with a reason for each send and non-send."""

    insert: tuple[AlertDraft, ...]
    update: tuple[AlertChange, ...]
    resolve: tuple[AlertResolution, ...]
    reasons: tuple[Reason, ...]


def about(candidate: Candidate, *, stage: str, decision: str, why: str, held_by: str | None = None) -> Reason:
    """Word a reason about a candidate."""
    return Reason(
        stage=stage,
        decision=decision,
        kind=candidate.kind,
        fingerprint=candidate.fingerprint,
        listing_id=candidate.listings[0].listing_id if candidate.scope == "listing" else None,
        property_id=candidate.listings[0].property_id if candidate.scope != "market" else None,
        alert_id=None,
        why=why,
        held_by=held_by,
    )


def on(draft: AlertDraft, *, stage: str, decision: str, why: str, alert_id: int | None = None) -> Reason:
    """Word a reason about an alert, or what would become one."""
    return Reason(
        stage=stage, decision=decision, kind=draft.kind, fingerprint=draft.fingerprint, listing_id=draft.listing_id,
        property_id=draft.property_id, alert_id=alert_id, why=why,
    )  # fmt: skip
