"""An alert over HTTP with its parts, its past, its advice; and routing that waits for a team's hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from python_nodes.alerts import routing_file
from python_nodes.domain.findings import Anomaly
from python_nodes.steps import alert_route, alerts_raise
from python_nodes.store import anomalies, verdicts
from python_nodes.store import portfolio as portfolio_store

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)  # a Friday
DAY = timedelta(days=1)
NIGHT_FILE = """
[hours.office]
zone = "Europe/Lisbon"
days = ["mon", "tue", "wed", "thu", "fri"]
from = 09:00:00
to = 18:00:00
[teams.revenue]
hours = "office"
recipients = { slack = ["#revenue"] }
[[routes]]
name = "all"
teams = ["revenue"]
[default]
"""


@pytest.fixture(autouse=True)
def stored_portfolio(worker: Worker, portfolio: dict[str, Any]) -> None:
    assert worker.post("/v1/portfolio", portfolio).status_code == 200


def find(worker: Worker, at: datetime, rooms: tuple[int, ...], kind: str = "amenity_missing") -> None:
    """Have a guard's run find ``kind`` on the listings of these positions."""
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        ids = [one.listing_id for one in portfolio_store.load_listings(conn)]
        found = [
            Anomaly(
                listing_id=ids[room], kind=kind, metric="listing_views", onset_date=date(2026, 3, 6), observed=None,
                expected=None, lower=None, upper=None, p_value=None, share_lost=0.2, confidence=0.9, cause=kind,
                evidence={"missing": ["wifi"]},
            )
            for room in rooms
        ]  # fmt: skip
        anomalies.replace(conn, at, "guards", found)


def raised(worker: Worker, at: datetime) -> dict[str, Any]:
    answer = worker.post("/v1/alerts/raise", {"as_of": at.isoformat()})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def open_alerts(worker: Worker) -> list[dict[str, Any]]:
    return list(worker.client.get("/v1/alerts", params={"state": "open"}).json()["alerts"])


def test_parts_advice_and_past_are_told(worker: Worker) -> None:
    find(worker, NOON, (0,))
    raised(worker, NOON)
    (first,) = open_alerts(worker)
    assert (first["scope"], first["unit"], first["channel"]) == ("listing", "unit-1", "booking_com")
    assert (first["category"], first["confidence"]) == ("high", 0.9)
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        verdicts.add(conn, first["id"], True, "ada", given_at=NOON)
    find(worker, NOON + DAY, ())
    raised(worker, NOON + DAY)
    find(worker, NOON + 4 * DAY, (0,))
    raised(worker, NOON + 4 * DAY)
    (again,) = open_alerts(worker)
    told = worker.client.get(f"/v1/alerts/{again['id']}").json()
    assert "Put it back" in told["suggested_action"]
    (past,) = told["history"]
    assert (past["alert_id"], past["ended"]) == (first["id"], "amenity_missing is no longer found")
    assert past["is_real"] is True
    assert told["links"][0]["url"].endswith(f"#alert-{again['id']}")
    page = worker.client.get("/console/alerts")
    assert page.status_code == 200, page.text
    for word in ("How the score comes about", "90.0 % sure", "Put it back", "no longer found", "loss rate points"):
        assert word in page.text
    find(worker, NOON + 5 * DAY, ())
    raised(worker, NOON + 5 * DAY)


def test_a_propertys_alert_names_its_members_and_keeps_them_when_it_is_updated(worker: Worker) -> None:
    find(worker, NOON + 5.5 * DAY, (0, 1), "min_stay_raised")
    raised(worker, NOON + 5.5 * DAY)
    (alert,) = open_alerts(worker)
    assert (alert["scope"], alert["listing"], alert["unit"], alert["property"]) == ("property", None, None, "1001")
    assert [one["listing"] for one in alert["evidence"]["members"]] == ["100101", "100201"]
    find(worker, NOON + 6 * DAY, (0, 1), "min_stay_raised")
    assert raised(worker, NOON + 6 * DAY)["updated"] == 1
    find(worker, NOON + 6.5 * DAY, ())
    assert raised(worker, NOON + 6.5 * DAY)["resolved"] == 1


def test_what_waits_for_a_teams_hours_is_asked_again_until_it_is_told(worker: Worker, tmp_path: Path) -> None:
    file = tmp_path / "routing.toml"
    file.write_text(NIGHT_FILE)
    services = replace(worker.services, policy=routing_file.load(file, ("slack",), {}))
    night, tenant = datetime(2026, 3, 13, 22, tzinfo=UTC), worker.settings.tenant_id
    find(worker, night, (1,))
    (told,) = [one["alert_id"] for one in alerts_raise.run(services, tenant, night)["notify"]][-1:]
    held = alert_route.run(services, tenant, told, night)
    assert held["send"] == []
    assert "quiet hours of revenue: told from 2026-03-16 09:00" in held["suppressed"][0]["reason"]
    saturday, monday = night + DAY, datetime(2026, 3, 16, 9, tzinfo=UTC)
    for moment, sent in ((saturday, 0), (monday, 1)):
        find(worker, moment, (1,))
        waiting = [one["alert_id"] for one in alerts_raise.run(services, tenant, moment)["notify"]]
        assert told in waiting, "what waits is named again each cycle"
        assert len(alert_route.run(services, tenant, told, moment)["send"]) == sent
    find(worker, monday + DAY, ())
    raised(worker, monday + DAY)
