"""Sending over real HTTP: one send at a time, each failure recorded with its reason, none lost after a crash."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from python_nodes.store import deliveries, undelivered

if TYPE_CHECKING:
    import httpx2

    from tests.integration.worker.conftest import Worker

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALERT = (
    "INSERT INTO alerts (fingerprint, scope, metric, kind, cause, title, category, score, currency, impact_minor,"
    " loss_per_day_minor, lost_so_far_minor, onset_date, raised_at, updated_at, version, parts, evidence) VALUES"
    " (gen_random_uuid()::text, 'market', 'availability', 'not_bookable', 'calendar_closed', 'Closed', 'high', 70,"
    " 'EUR', 1, 1, 1, '2026-03-02', '2026-03-02T12:00Z', '2026-03-02T12:00Z', 1, '{}', '{}') RETURNING id"
)


@dataclass(frozen=True)
class Told:
    sender: str = "pigeon"
    recipient: str = "ops"
    step: str = "raised-high"
    reason: str = "category high"


@pytest.fixture
def delivery_id(worker: Worker) -> int:
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        alert_id = conn.exec_driver_sql(ALERT).scalar_one()
        (one,) = deliveries.plan(conn, alert_id, [Told()], [], NOON)
        return one.delivery_id


def stored(worker: Worker, delivery_id: int) -> Any:
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        return deliveries.get(conn, delivery_id)


def test_a_way_out_that_is_not_set_up_is_a_failure_with_its_reason(worker: Worker, delivery_id: int) -> None:
    answer = worker.post(f"/v1/deliveries/{delivery_id}/send")
    assert (answer.status_code, answer.json()["field"]) == (422, "sender")
    now = stored(worker, delivery_id)
    assert (now.status, now.error, now.attempts) == ("failed", "sender pigeon is not set up", 1)


def test_of_two_sends_at_once_one_is_told_to_wait(worker: Worker, delivery_id: int) -> None:
    with worker.services.database.tenant(worker.settings.tenant_id) as other:
        assert deliveries.hold(other, delivery_id)
        answer = worker.post(f"/v1/deliveries/{delivery_id}/send")
        assert answer.status_code == 503
        assert "is being sent" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) > 0
        assert stored(worker, delivery_id).attempts == 0
    assert worker.post(f"/v1/deliveries/{delivery_id}/send").status_code == 422, "free again"


def test_of_two_sends_at_once_the_second_waits_for_the_first_and_does_nothing(worker: Worker, delivery_id: int) -> None:
    def sent() -> httpx2.Response:
        return worker.post(f"/v1/deliveries/{delivery_id}/send")

    with ThreadPoolExecutor(1) as pool:
        with worker.services.database.tenant(worker.settings.tenant_id) as other:
            assert deliveries.hold(other, delivery_id)
            second = pool.submit(sent)
            assert not wait([second], timeout=0.5).done
            assert deliveries.claim(other, delivery_id) is not None
            deliveries.finish(other, delivery_id, at=NOON, provider_ref="p-1")
        answer = second.result()
    assert (answer.status_code, answer.json()) == (200, {"status": "sent", "provider_ref": "p-1"})
    assert stored(worker, delivery_id).attempts == 1


def test_a_later_word_waits_for_the_one_before_it(worker: Worker, delivery_id: int) -> None:
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        (later,) = deliveries.plan(conn, stored(worker, delivery_id).alert_id, [Told(step="escalate-1")], [], NOON)
    refused = worker.post(f"/v1/deliveries/{later.delivery_id}/send")
    assert (refused.status_code, f"waits for {delivery_id}" in refused.json()["detail"]) == (503, True)
    with ThreadPoolExecutor(1) as pool:
        with worker.services.database.tenant(worker.settings.tenant_id) as other:
            assert deliveries.hold(other, delivery_id)
            second = pool.submit(worker.post, f"/v1/deliveries/{later.delivery_id}/send")
            assert not wait([second], timeout=0.5).done
            assert deliveries.claim(other, delivery_id) is not None
            deliveries.finish(other, delivery_id, at=NOON, provider_ref="p-1")
        # Its turn has come; that nobody carries it is another matter.
        assert second.result().json()["field"] == "sender"


def test_a_cycle_takes_up_what_a_crash_left_but_not_what_is_under_way(worker: Worker, delivery_id: int) -> None:
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        assert deliveries.claim(conn, delivery_id) is not None
    body = {"as_of": (NOON + timedelta(hours=1)).isoformat()}
    with worker.services.database.tenant(worker.settings.tenant_id) as sender:
        assert deliveries.hold(sender, delivery_id)
        assert worker.post("/v1/alerts/raise", body).status_code == 200
        assert stored(worker, delivery_id).status == "sending"
    told = worker.post("/v1/alerts/raise", body).json()["notify"]
    now = stored(worker, delivery_id)
    assert (now.status, now.error) == ("failed", undelivered.INTERRUPTED)
    assert {"alert_id": now.alert_id} in told
