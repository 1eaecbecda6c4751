"""What waits is told to the next people, once, until somebody takes it; over the real worker."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from python_nodes.alerts import routing_file
from python_nodes.steps import alert_route, escalations_due
from python_nodes.steps.services import Services
from python_nodes.store import actions, deliveries, undelivered

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

RAISED = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALERT = (
    "INSERT INTO alerts (fingerprint, scope, metric, kind, cause, title, category, score, currency, impact_minor,"
    " loss_per_day_minor, lost_so_far_minor, onset_date, raised_at, updated_at, version, parts, evidence) VALUES"
    " (gen_random_uuid()::text, 'market', 'availability', 'not_bookable', 'calendar_closed', 'Closed', 'critical', 90,"
    " 'EUR', 1, 1, 1, '2026-03-02', '2026-03-02T12:00Z', '2026-03-02T12:00Z', 1, '{}', '{}') RETURNING id"
)
FILE = """
[teams.ops.recipients]
slack = "#ops"
[[escalations]]
name = "again"
category = "critical"
after_minutes = 30
teams = ["ops"]
[default]
teams = []
"""


@pytest.fixture
def services(worker: Worker, tmp_path: Path) -> Services:
    path = tmp_path / "routing.toml"
    path.write_text(FILE)
    return replace(worker.services, policy=routing_file.load(path, ("slack", "email", "sms"), {}))


@pytest.fixture
def alert_id(worker: Worker) -> int:
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        return int(conn.exec_driver_sql(ALERT).scalar_one())


def due(services: Services, worker: Worker, alert_id: int, minutes: int) -> tuple[bool, list[str]]:
    """Tell whether the alert is to be told, and which steps are planned for it."""
    told: dict[str, Any] = escalations_due.run(
        services, worker.settings.tenant_id, RAISED + timedelta(minutes=minutes)
    )  # fmt: skip
    with services.database.tenant(worker.settings.tenant_id) as conn:
        steps = [one.step for one in deliveries.list_for_alert(conn, alert_id)]
    return {"alert_id": alert_id} in told["notify"], steps


def test_an_alert_that_waits_is_told_once_and_again_until_it_is_sent(
    services: Services, worker: Worker, alert_id: int
) -> None:
    assert due(services, worker, alert_id, 29) == (False, [])
    assert due(services, worker, alert_id, 30) == (True, ["escalate-again"])
    assert due(services, worker, alert_id, 31) == (True, ["escalate-again"]), "not sent yet"
    with services.database.tenant(worker.settings.tenant_id) as conn:
        (one,) = deliveries.list_for_alert(conn, alert_id)
        assert deliveries.claim(conn, one.delivery_id) is not None
        deliveries.finish(conn, one.delivery_id, at=RAISED, provider_ref="1")
    assert due(services, worker, alert_id, 32) == (False, ["escalate-again"])


@pytest.mark.parametrize(("is_passing", "is_hoped_for"), [(False, False), (True, True)])
def test_a_telling_refused_for_good_is_given_up_and_one_that_met_an_outage_is_not(
    services: Services, worker: Worker, alert_id: int, is_passing: bool, is_hoped_for: bool
) -> None:
    tenant_id, tries = worker.settings.tenant_id, 0
    while tries < undelivered.MAX_ATTEMPTS:
        assert due(services, worker, alert_id, 30 + tries)[0]
        (one,) = alert_route.run(services, tenant_id, alert_id, RAISED)["send"]
        with worker.services.database.tenant(tenant_id) as conn:
            assert deliveries.claim(conn, one["delivery_id"]) is not None
            deliveries.finish(conn, one["delivery_id"], at=RAISED, error="no such channel", is_passing=is_passing)
        tries += 1
    assert due(services, worker, alert_id, 60)[0] is is_hoped_for
    assert bool(alert_route.run(services, tenant_id, alert_id, RAISED)["send"]) is is_hoped_for


@pytest.mark.parametrize("kind", ["acknowledge", "assign"])
def test_an_alert_that_somebody_took_is_left_alone(
    services: Services, worker: Worker, alert_id: int, kind: str
) -> None:
    with services.database.tenant(worker.settings.tenant_id) as conn:
        actions.add(conn, alert_id, kind, "ada", taken_at=RAISED + timedelta(minutes=5))
    assert due(services, worker, alert_id, 60) == (False, [])


def test_a_note_is_no_care(services: Services, worker: Worker, alert_id: int) -> None:
    with services.database.tenant(worker.settings.tenant_id) as conn:
        actions.add(conn, alert_id, "note", "ada", taken_at=RAISED + timedelta(minutes=5))
    assert due(services, worker, alert_id, 60) == (True, ["escalate-again"])


def test_the_endpoint_records_who_could_not_be_told(worker: Worker, alert_id: int) -> None:
    answer = worker.post("/v1/escalations/due", {"as_of": "2026-03-02T13:00:00Z"})
    assert answer.status_code == 200
    assert answer.json()["checked"] >= 1
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        held = [one for one in deliveries.list_for_alert(conn, alert_id) if one.status == "suppressed"]
    assert {one.sender for one in held} == {"slack", "email", "sms"}
    assert all(one.reason for one in held)
