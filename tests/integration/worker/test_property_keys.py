"""A key for some properties sees these and learns of no other; metrics over real HTTP, gaps marked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import httpx2
import numpy as np
import pytest

from python_nodes import auth
from python_nodes.domain.findings import Anomaly
from python_nodes.domain.metrics import MetricPoints
from python_nodes.errors import PermanentError
from python_nodes.steps import key_admin
from python_nodes.store import anomalies
from tests.integration.worker.conftest import AS_OF, Worker

MOMENT = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLACES = ("mine", "theirs")


def portfolio() -> dict[str, Any]:
    place = {"market": "Porto", "country": "PT", "timezone": "Europe/Lisbon", "currency": "EUR", "priority": 0.5}
    unit = {"unit_count": 1, "base_price_minor": 10_000, "floor_price_minor": 5_000}
    return {
        "currency": "EUR",
        "properties": [{"external_id": name, "name": name, **place} for name in PLACES],
        "units": [
            {"external_id": f"u-{name}", "property_external_id": name, "name": name, **unit} for name in PLACES
        ],
        "listings": [
            {"external_id": f"r-{name}", "unit_external_id": f"u-{name}", "channel": "booking_com", "title": name,
             "rate_plan_external_id": "bar"}
            for name in PLACES
        ],
    }  # fmt: skip


def finding(listing_id: int) -> Anomaly:
    return Anomaly(
        listing_id=listing_id, kind="suspended", metric="availability", onset_date=date(2026, 3, 2), observed=0.0,
        expected=1.0, lower=None, upper=None, p_value=None, share_lost=1.0, confidence=1.0, cause="listing_down",
    )  # fmt: skip


@pytest.fixture(scope="module")
def stored(worker: Worker) -> dict[str, int]:
    """Both places with an alert each; returns the listings' ids by place."""
    assert worker.post("/v1/portfolio", portfolio()).is_success
    told = worker.client.get("/v1/portfolio").json()["listings"]
    ids = {one["property_external_id"]: int(one["listing_id"]) for one in told}
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        anomalies.replace(conn, MOMENT, "guards", [finding(one) for one in ids.values()])
    assert worker.post("/v1/alerts/raise").json()["raised"] > 0
    return ids


@pytest.fixture(scope="module")
def scoped(worker: Worker, stored: dict[str, int]) -> Iterator[httpx2.Client]:
    """A client whose key may do everything, for one property."""
    key = key_admin.create(worker.services, worker.settings.tenant_id, "owner", ["admin"], MOMENT, ["mine"])
    with httpx2.Client(base_url=worker.url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
        yield client


def test_a_scoped_key_reads_its_own_listings_only(scoped: httpx2.Client, worker: Worker) -> None:
    assert {one["property_external_id"] for one in scoped.get("/v1/portfolio").json()["listings"]} == {"mine"}
    everything = worker.client.get("/v1/portfolio").json()["listings"]
    assert {one["property_external_id"] for one in everything} == set(PLACES)


def test_a_scoped_key_reads_its_own_alerts_and_learns_of_no_other(scoped: httpx2.Client, worker: Worker) -> None:
    every = {one["id"]: one["property"] for one in worker.client.get("/v1/alerts").json()["alerts"]}
    seen = scoped.get("/v1/alerts").json()["alerts"]
    assert {one["property"] for one in seen} <= {"mine"}
    assert {one["id"] for one in seen} == {alert_id for alert_id, place in every.items() if place == "mine"}
    for alert_id, place in every.items():
        for path in (f"/v1/alerts/{alert_id}", f"/v1/alerts/{alert_id}/explain"):
            expected = 200 if place == "mine" else 404
            assert scoped.get(path).status_code == expected
    hidden = next(alert_id for alert_id, place in every.items() if place != "mine")
    # The same words as for an alert that never was.
    there, never = (scoped.get(f"/v1/alerts/{number}").json() for number in (hidden, 999_999))
    assert there["detail"].replace(str(hidden), "N") == never["detail"].replace("999999", "N")


def test_a_scoped_key_is_refused_whatever_is_about_all_properties(scoped: httpx2.Client, worker: Worker) -> None:
    for path, item in worker.client.get("/openapi.json").json()["paths"].items():
        for method in item.keys() & {"get", "post"}:
            security = item[method].get("security") or []
            if not any("api_key" in need for need in security):
                continue
            concrete = path.replace("{id}", "1").replace("{operation}", "ari")
            answer = scoped.request(method.upper(), concrete, json={} if method == "post" else None)
            rule = path.replace("{id}", "<int:id>")
            is_open = method == "get" and rule in auth.BY_PROPERTY
            assert (answer.status_code == 403) is not is_open, (method, path, answer.text)


def test_a_key_for_a_property_that_is_not_there_is_refused_by_name(worker: Worker, stored: dict[str, int]) -> None:
    with pytest.raises(PermanentError, match="elsewhere"):
        key_admin.create(worker.services, worker.settings.tenant_id, "x", ["read"], MOMENT, ["mine", "elsewhere"])


def test_metrics_mark_what_is_missing_and_what_was_drawn(
    scoped: httpx2.Client, worker: Worker, stored: dict[str, int]
) -> None:
    days = np.array(["2026-02-02", "2026-02-05"], dtype="datetime64[D]")
    for listing_id in stored.values():
        points = MetricPoints(
            listing_id=np.array([listing_id] * 2), day_date=days, source="booking_com", as_of_at=MOMENT,
            values={"listing_views": np.array([10.0, 40.0])},
        )  # fmt: skip
        worker.services.metrics.write(worker.settings.tenant_id, points)
    asked = {"metrics": "listing_views,search_rank", "start": "2026-02-01", "end": "2026-02-06"}
    told = scoped.get(f"/v1/metrics/{stored['mine']}", params=asked).json()
    assert told["days"][0] == "2026-02-01"
    assert told["metrics"]["listing_views"]["values"] == [None, 10, None, None, 40, None]
    assert not any(told["metrics"]["listing_views"]["is_interpolated"])
    assert told["told_by"] == [{"source": "booking_com", "as_of_at": "2026-03-02T12:00:00+00:00"}]
    assert told["metrics"]["listing_views"]["told_by"] == [None, 0, None, None, 0, None]
    drawn = scoped.get(f"/v1/metrics/{stored['mine']}", params={**asked, "interpolate": "true"}).json()["metrics"]
    assert drawn["listing_views"]["values"] == [None, 10, 20, 30, 40, None]
    assert drawn["listing_views"]["is_interpolated"] == [False, False, True, True, False, False]
    assert drawn["search_rank"]["values"] == [None] * 6
    # What was drawn is drawn only: nothing of it is stored.
    again = scoped.get(f"/v1/metrics/{stored['mine']}", params=asked).json()
    assert again == told
    assert scoped.get(f"/v1/metrics/{stored['theirs']}").status_code == 404
    assert worker.client.get(f"/v1/metrics/{stored['theirs']}").status_code == 200


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"metrics": "listing_views,love"}, "metrics"),
        ({"start": "2026-02-05", "end": "2026-02-01"}, "end"),
        ({"start": "2020-02-05", "end": "2026-02-01"}, "start"),
        ({"start": "yesterday"}, "start"),
    ],
)
def test_a_wrong_question_is_told_which_field(
    worker: Worker, stored: dict[str, int], params: dict[str, str], field: str
) -> None:
    answer = worker.client.get(f"/v1/metrics/{stored['mine']}", params=params)
    assert answer.status_code == 422
    assert field in answer.text


def test_deriving_over_http_tells_what_it_wrote(worker: Worker, stored: dict[str, int]) -> None:
    report = MetricPoints(
        listing_id=np.array([stored["mine"]]), day_date=np.array(["2026-02-10"], dtype="datetime64[D]"),
        source="booking_com", as_of_at=MOMENT,
        values={"search_impressions": np.array([80.0]), "listing_views": np.array([20.0])},
    )  # fmt: skip
    worker.services.metrics.write(worker.settings.tenant_id, report)
    answer = worker.post("/v1/metrics/derive", {"as_of": AS_OF, "start": "2026-02-01"})
    # One day of one listing has the parts of a ratio; of bookings nothing is known, so nothing is told.
    assert answer.json() == {"listings": 2, "rows": 1}
    asked = {"metrics": "click_through_rate,pickup_nights", "start": "2026-02-10", "end": "2026-02-10"}
    told = worker.client.get(f"/v1/metrics/{stored['mine']}", params=asked).json()["metrics"]
    assert (told["click_through_rate"]["values"], told["pickup_nights"]["values"]) == ([0.25], [None])


@pytest.mark.parametrize("kind", ["season_listing", "season_market", "peers", None])
def test_a_scoped_key_reads_no_profile_of_markets_or_of_other_listings(
    scoped: httpx2.Client, worker: Worker, stored: dict[str, int], kind: str | None
) -> None:
    days = np.datetime64("2026-01-05") + np.arange(56)
    for listing_id in stored.values():
        shown = {"search_impressions": np.full(56, 100.0), "booking_velocity": np.ones(56)}
        points = MetricPoints(np.full(56, listing_id), days, "booking_com", MOMENT, shown)
        worker.services.metrics.write(worker.settings.tenant_id, points)
    assert worker.post("/v1/baselines/refresh").json()["listings"] == 2
    asked = {} if kind is None else {"kind": kind}
    assert worker.client.get("/v1/profiles", params=asked).json()["profiles"]
    refused = scoped.get("/v1/profiles", params=asked)
    assert refused.status_code == 403
    assert not any(word in refused.text for word in ("theirs", "Porto", "profiles"))
    assert scoped.post("/v1/baselines/refresh", json={}).status_code == 403
