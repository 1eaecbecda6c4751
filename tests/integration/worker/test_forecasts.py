"""Forecasts and pace over HTTP: accepted as a job, made from what is stored, told with the model that speaks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.metrics import MetricPoints
from python_nodes.domain.records import BookingRecord, External
from python_nodes.notify import render
from python_nodes.steps import forecasts_refresh, picture
from python_nodes.store import alerts, anomalies, bookings
from python_nodes.store import portfolio as portfolio_store
from tests.integration.worker.conftest import Worker, harbour
from tests.integration.worker.test_import_queue import accepted_once_and_carried_out

TODAY = date(2026, 3, 2)
AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
ONSET = date(2026, 2, 23)
PAST_DAYS = 150


def booking(name: str, room: str, booked: date, check_in: date, cancelled: date | None = None) -> BookingRecord:
    at = datetime(booked.year, booked.month, booked.day, 9, tzinfo=UTC)
    gone = datetime(cancelled.year, cancelled.month, cancelled.day, 9, tzinfo=UTC) if cancelled else None
    return BookingRecord(
        origin=External(source="test", external_id=name, source_version=1, source_updated_at=gone or at),
        listing_external_id=room, rate_plan_external_id="standard", check_in_date=check_in,
        check_out_date=check_in + timedelta(days=2), booked_at=at, cancelled_at=gone, total_amount_minor=20_000,
        currency="EUR", status="cancelled" if gone else "confirmed",
    )  # fmt: skip


def booked() -> list[BookingRecord]:
    """Of both rooms two a day, ten days ahead, but for the first room's last week."""
    made = []
    for room in ("100101", "100201"):
        for back in range(1, 600):
            day = TODAY - timedelta(days=back)
            if room == "100101" and day >= ONSET:
                continue
            made += [booking(f"{room}-{back}-{n}", room, day, day + timedelta(days=10)) for n in range(2)]
    return made


@pytest.fixture(scope="module")
def ids(worker: Worker) -> list[int]:
    assert worker.post("/v1/portfolio", harbour(unit_count=9)).status_code == 200
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        known = {one.external_id: one.listing_id for one in portfolio_store.load_listings(conn)}
        bookings.upsert(conn, booked(), known)
    days = np.datetime64(TODAY) - np.arange(PAST_DAYS, 0, -1)
    random = np.random.default_rng(0)
    weekly = np.where((days.astype(np.int64) + 3) % 7 >= 5, 3.0, 1.6)
    made = random.poisson(weekly, (2, PAST_DAYS)).astype(np.float64)
    made[0, days >= np.datetime64(ONSET)] = 0.0
    points = MetricPoints(
        np.repeat(np.array(list(known.values()), dtype=np.int64), PAST_DAYS), np.tile(days, 2), "test", AS_OF,
        {"booking_velocity": made.ravel()},
    )  # fmt: skip
    worker.services.metrics.write(worker.settings.tenant_id, points)
    return list(known.values())


@pytest.fixture(scope="module")
def refreshed(worker: Worker, ids: list[int]) -> dict[str, Any]:
    """One room's bookings fell a week ago and an alert says so; then forecasts are made."""
    fell = Anomaly(
        listing_id=ids[0], kind="conversion_drop", metric="conversion_rate", onset_date=ONSET, observed=0.0,
        expected=0.02, lower=None, upper=None, p_value=1e-6, share_lost=0.8, confidence=1.0, cause="conversion_drop",
        evidence={"chart": {"days": ["2026-03-01"], "observed": [0.0], "expected": [2.0], "lower": [0.0],
                            "upper": [5.0]}},
    )  # fmt: skip
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        anomalies.replace(conn, AS_OF, "watches", [fell])
    assert worker.post("/v1/alerts/raise").json()["raised"] == 1
    return forecasts_refresh.run(worker.services, worker.settings.tenant_id, AS_OF)


def test_a_refresh_is_accepted_once_and_carried_out_by_a_celery_worker(
    worker: Worker, refreshed: dict[str, Any], tmp_path: Path
) -> None:
    job = accepted_once_and_carried_out(
        worker, tmp_path, "/v1/forecasts/refresh", "score", {"as_of": AS_OF.isoformat()}
    )
    assert (job["done"], job["total"]) == (2, 2)
    assert job["result"] == refreshed, "the same day again makes the same"
    assert (refreshed["listings"], refreshed["forecasts"], refreshed["paces"]) == (2, 2, 2)


def test_a_forecast_names_its_model_and_stops_where_the_incident_began(
    worker: Worker, ids: list[int], refreshed: dict[str, Any]
) -> None:
    ill, well = (worker.client.get(f"/v1/forecasts/{one}").json() for one in ids)
    assert (ill["as_of_date"], well["as_of_date"]) == ("2026-02-23", "2026-03-02")
    assert ill["days"][0] == "2026-02-23"
    assert np.mean(ill["mean"]) == pytest.approx(2.0, rel=0.25), "the zeros of the incident are no part of it"
    assert ill["model"] in {"ETS", "MSTL", "Prophet", "seasonal naive"}
    assert set(ill["mase"]) == {"ETS", "MSTL", "Prophet", "seasonal naive"}
    assert all(low <= mean <= high for low, mean, high in zip(
        well["lower"]["95"], well["mean"], well["upper"]["95"], strict=True))  # fmt: skip


def test_what_was_not_forecast_is_not_found(worker: Worker, ids: list[int], refreshed: dict[str, Any]) -> None:
    assert worker.client.get("/v1/forecasts/999999").status_code == 404
    none = worker.client.get(f"/v1/forecasts/{ids[0]}", params={"metric": "search_impressions"})
    assert none.status_code == 404
    assert "POST /v1/forecasts/refresh" in none.json()["detail"]
    assert worker.client.get(f"/v1/forecasts/{ids[0]}", params={"metric": "moods"}).status_code == 422


def test_the_pace_tells_how_far_a_listing_is_behind(worker: Worker, ids: list[int]) -> None:
    moment = {"as_of": AS_OF.isoformat()}
    ill, well = (worker.client.get(f"/v1/pickup/{one}", params=moment).json() for one in ids)
    assert [window["days"] for window in ill["windows"]] == [14, 30, 60, 90]
    first = ill["windows"][0]
    # Two stays of two nights are sold a day, ten days ahead; in the last seven days there were none.
    assert first["nights_last_year"] == well["windows"][0]["nights"] == 42.0
    assert first["behind_last_year_nights"] == first["nights_last_year"] - first["nights"] == 28.0
    assert first["behind_last_year_minor"] == 280_000
    assert first["behind_market_nights"] == pytest.approx(28.0, rel=0.1)
    assert well["windows"][0]["behind_last_year_nights"] == 0.0
    assert well["windows"][0]["nights_expected"] == pytest.approx(56.0, rel=0.1)
    assert (ill["currency"], ill["listing"]) == ("EUR", "100101")
    assert worker.client.get("/v1/pickup/999999", params=moment).status_code == 404


def test_an_open_alert_says_what_the_next_days_lose_and_who_says_so(
    worker: Worker, ids: list[int], refreshed: dict[str, Any]
) -> None:
    assert worker.post("/v1/alerts/raise").json()["updated"] == 1
    (alert,) = worker.client.get("/v1/alerts").json()["alerts"]
    told = alert["evidence"]["outlook"]
    assert (told["days"], told["from_date"]) == (14, "2026-02-23")
    made = worker.client.get(f"/v1/forecasts/{ids[0]}").json()
    assert told["model"] == made["model"]
    # The alert began seven days after the forecast's first day; it loses eight of ten bookings.
    assert told["bookings"] == pytest.approx(sum(made["mean"][7:21]), abs=0.01)
    assert told["lost_minor"] == pytest.approx(0.8 * told["expected_minor"], rel=0.001)
    assert told["expected_minor"] == pytest.approx(told["bookings"] * 20_000, rel=0.2)
    ahead = alert["evidence"]["chart"]["forecast"]
    assert (ahead["days"][0], ahead["days"][-1]) == ("2026-02-23", "2026-03-15")
    assert ahead["mean"] == made["mean"][:21]
    assert alert["evidence"]["pace"]["behind_last_year_nights"] == 28.0


def test_the_message_says_it_in_a_sentence_and_the_picture_shows_it(
    worker: Worker, ids: list[int], refreshed: dict[str, Any]
) -> None:
    tenant = worker.settings.tenant_id
    worker.post("/v1/alerts/raise")
    with worker.services.database.tenant(tenant) as conn:
        (alert,) = alerts.open_all(conn)
        listing = next(one for one in portfolio_store.load_listings(conn) if one.listing_id == ids[0])
        drawn = picture.of(conn, alert, listing, AS_OF)
        plain = {name: value for name, value in alert.evidence["chart"].items() if name != "forecast"}
        without = picture.of(conn, replace(alert, evidence={"chart": plain}), listing, AS_OF)
    assert drawn is not None
    assert drawn != without
    said = {one.label: one.value for one in render.fields(alert, listing)}
    model = alert.evidence["outlook"]["model"]
    assert said["If it goes on"].startswith("At this pace the next 14 days lose €")
    assert said["If it goes on"].endswith(f"expected ({model}, by what was known before 23 Feb 2026)")
    assert said["On the books"].startswith("The next 30 days: 28 nights (€2,800) behind last year, 28 nights (")
    assert "outlook" not in " ".join(render.evidence(alert)).lower()
