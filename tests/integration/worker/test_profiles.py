"""Profiles over HTTP: computed from what is stored, versioned, looked up page by page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from python_nodes.domain.metrics import MetricPoints
from python_nodes.steps import cuts
from python_nodes.store import portfolio as portfolio_store
from tests.integration.worker.conftest import Worker, harbour

DAYS = np.datetime64("2026-01-05") + np.arange(56)


@pytest.fixture(scope="module", autouse=True)
def stored(worker: Worker) -> None:
    assert worker.post("/v1/portfolio", harbour()).status_code == 200
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        ids = [one.listing_id for one in portfolio_store.load_listings(conn)]
    weekend = np.where((DAYS.astype(np.int64) + 3) % 7 >= 5, 200.0, 50.0)
    values = {"search_impressions": np.concatenate([weekend, weekend * 3]), "booking_velocity": np.ones(112)}
    points = MetricPoints(
        np.repeat(np.array(ids, dtype=np.int64), 56), np.tile(DAYS, 2), "test", datetime(2026, 3, 2, tzinfo=UTC), values
    )  # fmt: skip
    worker.services.metrics.write(worker.settings.tenant_id, points)


def test_a_refresh_is_a_version_and_the_same_day_replaces_it(worker: Worker) -> None:
    first = worker.post("/v1/baselines/refresh").json()
    assert first == {"version": 1, "as_of_date": "2026-03-02", "listings": 2, "markets": 1, "peer_groups": 2}
    assert worker.post("/v1/baselines/refresh").json()["version"] == 1
    later = worker.post("/v1/baselines/refresh", {"as_of": "2026-03-09T12:00:00Z"}).json()
    assert later["version"] == 2
    read = worker.client.get("/v1/profiles", params={"kind": "season_market"}).json()
    assert [(one["key"], one["version"]) for one in read["profiles"]] == [("lisbon", 2)]
    old = worker.client.get("/v1/profiles", params={"kind": "season_market", "version": 1}).json()
    assert [one["as_of_date"] for one in old["profiles"]] == ["2026-03-02"]
    impressions = read["profiles"][0]["payload"]["search_impressions"]
    assert impressions["weekday"][6] > 2 * impressions["weekday"][0]


def test_pages_lead_through_all(worker: Worker) -> None:
    worker.post("/v1/baselines/refresh", {"as_of": "2026-03-10T12:00:00Z"})
    seen: list[tuple[str, str]] = []
    after: str | None = ""
    while after is not None:
        page = worker.client.get("/v1/profiles", params={"limit": 2, "after": after}).json()
        seen += [(one["kind"], one["key"]) for one in page["profiles"]]
        after = page["next"]
    assert [kind for kind, _ in seen] == ["cuts"] + ["peers"] * 2 + ["season_listing"] * 2 + ["season_market"]
    assert len(set(seen)) == 6


def test_each_listings_peer_is_the_other(worker: Worker) -> None:
    worker.post("/v1/baselines/refresh", {"as_of": "2026-03-11T12:00:00Z"})
    found = worker.client.get("/v1/profiles", params={"kind": "peers"}).json()["profiles"]
    assert [one["payload"]["peers"][0]["listing"] for one in found] == ["100201", "100101"]


def test_an_unknown_kind_is_refused_by_name(worker: Worker) -> None:
    answer = worker.client.get("/v1/profiles", params={"kind": "moods"})
    assert answer.status_code == 422
    assert "kind" in answer.text


def test_cuts_in_force_are_the_versions_up_to_the_day(worker: Worker) -> None:
    for day in ("12", "13"):
        worker.post("/v1/baselines/refresh", {"as_of": f"2026-03-{day}T12:00:00Z"})
    (told,) = worker.client.get("/v1/profiles", params={"kind": "cuts"}).json()["profiles"]
    assert told["as_of_date"] == "2026-03-13"
    assert told["payload"]["replayed_days"] == 90
    assert told["payload"]["false_alerts_asked"] >= 0
    assert "demand_drop" in told["payload"]["tails"]
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        until = [cuts.watches(worker.services, conn, date(2026, 3, day)) for day in (1, 12, 20)]
        asked = cuts.watches(replace(worker.services, false_alerts=0.5), conn, date(2026, 3, 20))
    dated = [
        next([str(known.since_date) for known in one.tails] for one in watches if one.name == "demand_drop")
        for watches in until
    ]
    assert dated[0] == ["None"]
    assert dated[1][-1] == "2026-03-12"
    assert dated[2][-2:] == ["2026-03-12", "2026-03-13"]
    assert sum(one.budget.false_alerts for one in asked) == pytest.approx(0.5)
