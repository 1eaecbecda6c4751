"""What an alert costs and what its end brought back, over HTTP on real stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from python_nodes.alerts.impact import DEFAULTS
from python_nodes.alerts.policy import RoutePolicy, Rule, Team
from python_nodes.domain.findings import LOSS_IS_UNKNOWN, Anomaly
from python_nodes.domain.records import BookingRecord, External
from python_nodes.steps import digest
from python_nodes.store import anomalies, bookings, digests, repairs, sends, verdicts
from python_nodes.store import portfolio as portfolio_store

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

DAY = timedelta(days=1)
BEGAN = datetime(2026, 3, 2, 12, tzinfo=UTC)
ENDED = BEGAN + 4 * DAY
A_DAY, VALUE_MINOR = 3, 30_000


@pytest.fixture(autouse=True)
def past(worker: Worker, portfolio: dict[str, Any]) -> None:
    """Three bookings a day for four months, none while the first listing is down, three again afterwards."""
    assert worker.post("/v1/portfolio", portfolio).status_code == 200
    days = [BEGAN - 120 * DAY + day * DAY for day in range(140)]
    made = [
        booked(day + timedelta(minutes=number), f"b-{day:%j}-{number}")
        for day in days
        if not BEGAN <= day < ENDED
        for number in range(A_DAY)
    ]
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        ids = {one.external_id: one.listing_id for one in portfolio_store.load_listings(conn)}
        bookings.upsert(conn, made, ids)


def booked(at: datetime, name: str) -> BookingRecord:
    return BookingRecord(
        origin=External(source="booking_com", external_id=name, source_version=1, source_updated_at=at),
        listing_external_id="100101", rate_plan_external_id=None, check_in_date=at.date() + 20 * DAY,
        check_out_date=at.date() + 22 * DAY, booked_at=at, cancelled_at=None, total_amount_minor=VALUE_MINOR,
        currency="EUR", status="confirmed",
    )  # fmt: skip


def look(worker: Worker, at: datetime, *, is_down: bool, **evidence: Any) -> dict[str, Any]:
    """Have a guard find the first listing down, or nothing, and the alerts raised."""
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        first = min(one.listing_id for one in portfolio_store.load_listings(conn) if one.external_id == "100101")
        found = Anomaly(
            listing_id=first, kind="suspended", metric="availability", onset_date=min(at, ENDED).date(), observed=0.0,
            expected=1.0, lower=None, upper=None, p_value=None, share_lost=1.0, confidence=1.0, cause="listing_down",
            evidence=evidence,
        )  # fmt: skip
        anomalies.replace(conn, at, "guards", [found] if is_down else [])
    answer = worker.post("/v1/alerts/raise", {"as_of": at.isoformat()})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def newest(worker: Worker) -> dict[str, Any]:
    told: dict[str, Any] = worker.client.get("/v1/alerts").json()["alerts"][-1]
    return told


def in_digest(worker: Worker, as_of: datetime, alert_id: int) -> int | None:
    """Say what an alert's repair adds to a day's digest; the sum in it is of all that was measured."""
    tenant_id, since = worker.settings.tenant_id, as_of - DAY
    team = Team(name="ops", recipients={"slack": ("C-money",)})
    rule = Rule(name="digest", matches={}, teams=("ops",))
    policy = RoutePolicy(teams={"ops": team}, routes=(), default=rule, digest=rule)
    due = digest.write(replace(worker.services, policy=policy), tenant_id, as_of)["send"]
    (send,) = [one for one in due if one["recipient"] == "C-money"]
    with worker.services.database.tenant(tenant_id) as conn:
        facts = sends.begin(conn, send["digest_id"], digests.TYPES.values(), "digest").about["facts"]
        each = {one.alert_id: minor for one, minor in repairs.measured(conn, since, as_of)}
    assert facts["recovered_minor"] == sum(each.values())
    return each.get(alert_id)


def test_an_alerts_money_from_its_first_day_to_a_week_after_its_end(worker: Worker) -> None:
    for day in range(4):
        look(worker, BEGAN + day * DAY, is_down=True)
    alert = newest(worker)
    money = alert["evidence"]["money"]
    assert money["loss_per_day_minor"]["mid"] == alert["loss_per_day_minor"]
    assert money["lost_so_far_minor"]["mid"] == alert["lost_so_far_minor"]
    assert money["impact_minor"]["mid"] == alert["impact_minor"]
    for one in money.values():
        assert one["low"] < one["mid"] < one["high"]
    assert money["loss_per_day_minor"]["mid"] == pytest.approx(A_DAY * VALUE_MINOR, rel=0.15)
    # A year's worth of steady bookings leaves little doubt; how long it will last, more.
    assert money["loss_per_day_minor"]["high"] < 1.5 * money["loss_per_day_minor"]["mid"]
    assert money["impact_minor"]["high"] > 1.3 * money["impact_minor"]["mid"]
    assert money["days_to_resolution"]["learned_from"] == 0
    # As is usual, and a little more: that it stands for three days already is known as well.
    usual = DEFAULTS.days_to_resolution["listing_down"]
    assert usual < money["days_to_resolution"]["mid"] < 1.2 * usual
    assert "recovered_minor" not in money

    assert look(worker, ENDED, is_down=False)["resolved"] == 1
    look(worker, ENDED + 6 * DAY, is_down=False)
    assert "recovered_minor" not in newest(worker)["evidence"]["money"], "its week is not over"
    look(worker, ENDED + 8 * DAY, is_down=False)
    recovered = newest(worker)["evidence"]["money"]["recovered_minor"]
    assert recovered["low"] < recovered["mid"] < recovered["high"]
    assert recovered["mid"] == pytest.approx(7 * A_DAY * VALUE_MINOR, rel=0.2)
    look(worker, ENDED + 9 * DAY, is_down=False)
    history = worker.client.get(f"/v1/alerts/{alert['id']}/explain").json()["history"]
    (told,) = [one for one in history if one["event"] == "recovered"]
    assert told["changes"]["recovered_minor"] == recovered
    assert "21 bookings" in told["reason"]
    assert in_digest(worker, ENDED + 8 * DAY, alert["id"]) == recovered["mid"], "told on the day it is known"
    assert in_digest(worker, ENDED + 9 * DAY, alert["id"]) is None, "and once"


def test_the_next_alert_of_the_cause_has_learnt_from_the_last(worker: Worker) -> None:
    look(worker, ENDED + 12 * DAY, is_down=True)
    days = newest(worker)["evidence"]["money"]["days_to_resolution"]
    assert days["learned_from"] == 1
    # Five of three days on the mean, and one of four.
    assert days["mid"] == pytest.approx((5 * 3.0 + 4.0) / 6, abs=0.02)
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        learnt = {one.cause: one for one in repairs.times(conn, (ENDED + 12 * DAY).date())}
    assert (learnt["listing_down"].learned_from, learnt["price_error"].learned_from) == (1, 0)
    look(worker, ENDED + 13 * DAY, is_down=False)


def test_what_nobody_knows_the_loss_of_has_no_money(worker: Worker) -> None:
    look(worker, ENDED + 20 * DAY, is_down=True, **{LOSS_IS_UNKNOWN: "a data problem"})
    assert "money" not in newest(worker)["evidence"]
    look(worker, ENDED + 21 * DAY, is_down=False)


def test_what_people_said_was_no_problem_teaches_nothing(worker: Worker) -> None:
    at = ENDED + 28 * DAY
    look(worker, at, is_down=True)
    dismissed = newest(worker)["id"]
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        assert len(repairs.lasted(conn, BEGAN - DAY, at + 2 * DAY)) == 4
        verdicts.add(conn, dismissed, False, "ada", given_at=at + DAY)
        known = repairs.lasted(conn, BEGAN - DAY, at + 2 * DAY)
    # The first, the second, and the one of unknown loss.
    assert [one.ended_at is not None for one in known] == [True, True, True]
    assert date(2026, 3, 2) == known[0].raised_at.date()
