"""An alert that is told late says by how much and why; one that is told in time says nothing of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from python_nodes.domain.findings import Alert
from python_nodes.domain.speech import speaking
from python_nodes.notify import catalogue
from python_nodes.steps import lateness
from python_nodes.store import alerts, anomalies, deliveries
from python_nodes.store.session import Database

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)
INSERT = (
    "INSERT INTO alerts (fingerprint, scope, metric, kind, cause, title, category, score, currency, impact_minor,"
    " loss_per_day_minor, lost_so_far_minor, onset_date, raised_at, updated_at, version, parts, evidence) VALUES"
    " ('f', 'market', 'availability', 'not_bookable', 'calendar_closed', 'Closed', 'high', 70,"
    " 'EUR', 1, 1, 1, '2026-03-02', '2026-03-02T12:00Z', '2026-03-02T12:00Z', 1, '{}', '{}') RETURNING id"
)
DELIVERY = deliveries.Delivery(
    delivery_id=1, alert_id=1, step="raised-high", sender="slack", recipient="C1", status="sending", reason="",
    provider_ref=None, error=None, attempts=1, planned_at=NOON,
)  # fmt: skip


def swept(conn: Connection, *hours_before_noon: float) -> Alert:
    for hours in hours_before_noon:
        for kind in ("guards", "watches"):
            anomalies.replace(conn, NOON - timedelta(hours=hours), kind, [])
    return alerts.get(conn, conn.exec_driver_sql(INSERT).scalar_one())


def said(conn: Connection, alert: Alert, delivery: deliveries.Delivery = DELIVERY, as_of: datetime = NOON) -> list[str]:
    return [f"{one.label}: {one.value}" for one in lateness.said(conn, alert, delivery, as_of)]


def test_an_hour_without_sweeps_is_told(app_database: Database, tenant_id: int) -> None:
    with app_database.tenant(tenant_id) as conn:
        alert = swept(conn, 0, 13 / 6, 19 / 6, 25 / 6, 31 / 6)
        words = "by up to {}, because no sweep ran from 2 Mar 2026, 09:50 UTC to 2 Mar 2026, 12:00 UTC"
        assert said(conn, alert) == ["Told late: " + words.format("1 h 10 min")]
        with speaking(catalogue.speech("de")):
            assert said(conn, alert)[0].startswith("Verspätet gemeldet: um bis zu 1 h 10 min, weil von 2. März 2026")
        assert said(conn, replace(alert, resolved_at=NOON)) == [], "an end is no news that anybody waited for"


@pytest.mark.parametrize("hours", [(0, 1, 2, 3, 4), (0, 24, 48, 72), (0, 1, 25, 49, 73), (0, 5, 6), (0,)])
def test_sweeps_that_come_as_usual_are_not(app_database: Database, tenant_id: int, hours: tuple[int, ...]) -> None:
    with app_database.tenant(tenant_id) as conn:
        assert said(conn, swept(conn, *hours)) == []


def test_what_could_not_be_sent_at_once_says_who_was_away(app_database: Database, tenant_id: int) -> None:
    with app_database.tenant(tenant_id) as conn:
        alert, later = swept(conn, 0, 1, 2, 3), NOON + timedelta(minutes=70)
        again = replace(DELIVERY, attempts=2)
        words = "Told late: by 1 h 10 min, because slack could not be reached at 2 Mar 2026, 12:00 UTC"
        assert said(conn, alert, again, later) == [words]
        assert said(conn, alert, DELIVERY, later) == [], "it was planned for later"
        assert said(conn, alert, again, NOON + timedelta(minutes=2)) == []
