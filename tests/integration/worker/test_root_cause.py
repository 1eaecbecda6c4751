"""An alert says why it came about, from the stored series and the stored change log."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.metrics import MetricPoints
from python_nodes.domain.records import ChangeRecord
from python_nodes.scoring.rootcause import case
from python_nodes.scoring.rootcause.words import lines
from python_nodes.store import anomalies, changes
from python_nodes.store import portfolio as stored

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

NOON, DAY = datetime(2026, 5, 20, 12, tzinfo=UTC), timedelta(days=1)
SINCE = 9


def tell_series(worker: Worker) -> None:
    """Both listings tell their funnel; the first is booked by one in five of those who used to since nine days."""
    rng = np.random.default_rng(5)
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        ids = sorted(one.listing_id for one in stored.load_listings(conn))
    days = np.datetime64("2026-05-20", "D") - np.arange(case.SPAN_DAYS, 0, -1)
    for row, listing_id in enumerate(ids):
        shown = rng.poisson(3000, days.size).astype(np.float64)
        viewed = rng.binomial(shown.astype(int), 0.2).astype(np.float64)
        kept = np.where((row == 0) & (np.arange(days.size) >= days.size - SINCE), 0.2, 1.0)
        values = {"search_impressions": shown, "listing_views": viewed,
                  "booking_velocity": rng.binomial(viewed.astype(int), 0.02 * kept).astype(np.float64)}  # fmt: skip
        worker.services.metrics.write(
            worker.settings.tenant_id,
            MetricPoints(np.full(days.size, listing_id), days, "booking_com", NOON - DAY, values),
        )


def log_line(worker: Worker, field: str, old: str, new: str, days_ago: int) -> None:
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        listings = {one.external_id: one.listing_id for one in stored.load_listings(conn)}
        record = ChangeRecord(
            source="import:log", changed_at=NOON - days_ago * DAY, channel="booking_com",
            listing_external_id="100101", property_external_id="1001", field=field, old=old, new=new, actor="pms",
        )  # fmt: skip
        changes.add(conn, [record], listings, {})


def raised(worker: Worker, at: datetime) -> dict[str, Any]:
    """Find the drop, raise, and return the alert."""
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        listing_id = min(one.listing_id for one in stored.load_listings(conn))
        onset = date(2026, 5, 11)
        drop = Anomaly(
            listing_id=listing_id, kind="conversion_drop", metric="conversion_rate", onset_date=onset, observed=0.004,
            expected=0.02, lower=None, upper=None, p_value=1e-9, share_lost=0.8, confidence=0.99,
            cause="conversion_drop",
        )  # fmt: skip
        anomalies.replace(conn, at, "watches", [drop])
    assert worker.post("/v1/alerts/raise", {"as_of": at.isoformat()}).is_success
    (alert,) = worker.client.get("/v1/alerts", params={"state": "open"}).json()["alerts"]
    return dict(worker.client.get(f"/v1/alerts/{alert['id']}").json())


@pytest.mark.timeout(300)
def test_causes_are_told_kept_within_the_day_and_made_anew_on_news(
    worker: Worker, portfolio: dict[str, Any]
) -> None:  # fmt: skip
    assert worker.post("/v1/portfolio", portfolio).is_success
    tell_series(worker)
    log_line(worker, "min_stay", "2", "7", 30)
    first = raised(worker, NOON)["evidence"]
    by_cause = {one["cause"]: one["probability"] for one in first["causes"]}
    assert sum(by_cause.values()) == pytest.approx(1.0, abs=1e-3)
    assert {"unknown", "conversion_drop"} <= by_cause.keys()
    assert all("change log" not in " ".join(one["evidence"]) for one in first["causes"])

    same = raised(worker, NOON + timedelta(hours=2))["evidence"]
    assert same["causes"] == first["causes"]
    assert same["causes_known"] == first["causes_known"]

    log_line(worker, "description", "text 1", "text 2", SINCE)
    news = raised(worker, NOON + timedelta(hours=4))["evidence"]
    assert news["causes_known"]["log_id"] > first["causes_known"]["log_id"]
    after = {one["cause"]: one["probability"] for one in news["causes"]}
    assert after["conversion_drop"] > by_cause["conversion_drop"]
    (told,) = [one for one in lines(news["causes"]) if "those who see the listing book it less" in one]
    assert "description was changed from text 1 to text 2 on 11 May 2026 by pms (change log)" in told

    next_day = raised(worker, NOON + DAY)["evidence"]
    assert next_day["causes_known"]["date"] == "2026-05-21"
    assert next_day["causes"][0]["cause"] == "conversion_drop"
