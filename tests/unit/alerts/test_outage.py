"""A channel that cannot be polled: one alert, no storm, and nothing that stood is called mended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import timedelta

import pytest

from python_nodes.alerts.pipeline import Decisions, PipelineSettings, reconcile
from python_nodes.domain.findings import Alert, Anomaly, Impact
from python_nodes.domain.portfolio import ListingInfo
from tests.unit.alerts.conftest import AS_OF

Listings, Anomalies, Impacts = Callable[..., ListingInfo], Callable[..., Anomaly], Callable[..., Impact]


@pytest.fixture
def listings(make_listing: Listings) -> list[ListingInfo]:
    """Six properties of two rooms."""
    return [make_listing(number, property_id=number // 2) for number in range(2, 14)]


def told(
    found: Sequence[Anomaly], impact: Impact, listings: Sequence[ListingInfo], open_alerts: Sequence[Alert] = ()
) -> Decisions:
    as_of = AS_OF + timedelta(days=len(open_alerts))
    return reconcile(open_alerts, found, [impact] * len(found), listings, as_of, PipelineSettings(currency="EUR"))


def outage(make_anomaly: Anomalies, listings: Sequence[ListingInfo], operations: list[str]) -> list[Anomaly]:
    evidence = {"connection": "Booking.com", "operations": operations}
    return [
        make_anomaly(one.listing_id, "poll_failing", share_lost=0.0, cause="poll_failing", evidence=evidence)
        for one in listings
    ]


def test_a_failing_connection_is_one_alert(
    listings: list[ListingInfo], make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    failing = outage(make_anomaly, listings, ["ari"])
    stale = [make_anomaly(one.listing_id, "feed_stale", share_lost=0.0) for one in listings]
    decisions = told([*failing, *stale], make_impact("medium"), listings)
    (draft,) = decisions.insert
    assert draft.title == "Booking.com cannot be polled: 12 listings unwatched"
    alert = Alert(alert_id=7, updated_at=AS_OF, resolved_at=None, version=1, **asdict(draft))
    again = told([*failing, *stale], make_impact("medium"), listings, [alert])
    assert (again.insert, [one.alert_id for one in again.update], again.resolve) == ((), [7], ())


def test_a_closed_calendar_is_not_mended_because_nobody_can_look(
    listings: list[ListingInfo], make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    (draft,) = told([make_anomaly(2, "not_bookable")], make_impact(), listings).insert
    alert = Alert(alert_id=7, updated_at=AS_OF, resolved_at=None, version=1, **asdict(draft))
    for blind in (outage(make_anomaly, listings, ["ari"]), [make_anomaly(2, "feed_stale", share_lost=0.0)]):
        assert told(blind, make_impact(), listings, [alert]).resolve == ()
    assert [one.alert_id for one in told([], make_impact(), listings, [alert]).resolve] == [7]


@pytest.mark.parametrize(("operation", "is_hidden"), [("performance", True), ("content", False)])
def test_a_poll_that_tells_nothing_of_bookings_hides_no_fall(
    listings: list[ListingInfo], make_anomaly: Anomalies, make_impact: Impacts, operation: str, is_hidden: bool
) -> None:
    found = [*outage(make_anomaly, listings, [operation]), make_anomaly(2, "conversion_drop", p_value=1e-6)]
    kinds = {draft.kind for draft in told(found, make_impact(), listings).insert}
    assert kinds == {"poll_failing"} | (set() if is_hidden else {"conversion_drop"})


@pytest.mark.parametrize(
    ("refused_at", "connection_id", "is_held"),
    [("2026-03-01T00:00:00+00:00", 3, True), (None, 3, False), ("2026-03-01T00:00:00+00:00", 4, False)],
)
def test_access_that_is_refused_is_one_alert_and_why_its_own_polls_fail(
    listings: list[ListingInfo], make_anomaly: Anomalies, make_impact: Impacts, refused_at: str | None,
    connection_id: int, is_held: bool,
) -> None:  # fmt: skip
    evidence = {"connection": "Booking.com", "connection_id": connection_id, "refused_at": refused_at}
    ending = [
        make_anomaly(one.listing_id, "access_ending", share_lost=0.0, cause="access_ending", evidence=evidence)
        for one in listings
    ]
    polls = [
        replace(one, evidence={**one.evidence, "connection_id": 3}) for one in outage(make_anomaly, listings, ["ari"])
    ]
    hidden = make_anomaly(2, "conversion_drop", p_value=1e-6)
    drafts = {draft.kind: draft for draft in told([*ending, *polls, hidden], make_impact("medium"), listings).insert}
    assert set(drafts) == {"access_ending"} | (set() if is_held else {"poll_failing"})
    assert drafts["access_ending"].title == "Access to Booking.com ends: 12 listings"
