"""The screen in the worker: a sweep keeps its baselines, and observe judges by them."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from python_nodes.domain.metrics import MetricPoints
from python_nodes.steps import screen_refresh
from tests.integration.worker.conftest import Worker, harbour

DAYS = np.datetime64("2025-11-01") + np.arange(121)
NOON = "2026-03-02T12:00:00Z"


@pytest.fixture(scope="module")
def ids(worker: Worker) -> list[int]:
    """Twenty listings with four months of figures."""
    worker.post("/v1/portfolio", harbour(range(20))).raise_for_status()
    found = [one["listing_id"] for one in worker.client.get("/v1/portfolio").json()["listings"]]
    write(worker, found, DAYS, np.random.default_rng(1))
    return found


def write(worker: Worker, ids: list[int], days: Any, rng: np.random.Generator) -> None:
    listing, day = (one.ravel() for one in np.meshgrid(np.array(ids), days, indexing="ij"))
    shown = rng.poisson(300.0, listing.size).astype(np.float64)
    seen = rng.binomial(shown.astype(np.int64), 0.2).astype(np.float64)
    values = {
        "search_impressions": shown, "listing_views": seen, "search_rank": np.full(listing.size, 12.0),
        "booking_velocity": rng.binomial(seen.astype(np.int64), 0.05).astype(np.float64),
        "competitor_price": np.full(listing.size, 110.0), "review_score": np.full(listing.size, 8.5),
    }  # fmt: skip
    points = MetricPoints(listing, day, "test", datetime(2026, 3, 2, 9, tzinfo=UTC), values)
    worker.services.metrics.write(worker.settings.tenant_id, points)


def screen(worker: Worker) -> dict[str, Any]:
    """Do what the job of a sweep does."""
    return screen_refresh.run(worker.services, worker.settings.tenant_id, datetime.fromisoformat(NOON))


def observe(worker: Worker, ids: list[int]) -> dict[str, Any]:
    answer = worker.post("/v1/observe", {"listing_ids": ids, "as_of": NOON})
    assert answer.status_code == 200, answer.text
    return deepcopy(answer.json())


def test_before_a_sweep_nothing_can_be_said_of_points(worker: Worker, ids: list[int]) -> None:
    assert observe(worker, ids[:1])["points"] == []


def test_a_sweep_has_all_screened_and_observe_judges_by_it(worker: Worker, ids: list[int]) -> None:
    worker.post("/v1/metrics/score", {"as_of": NOON}).raise_for_status()
    screened = screen(worker)
    assert screened["screened"] >= 7 * len(ids)
    assert screened["flagged"] == 0
    assert screened["asked_rate"] == 0.1
    points = {one["metric"]: one for one in observe(worker, ids[:1])["points"]}
    assert set(points) >= {"search_impressions", "click_through_rate", "conversion_rate", "review_score"}
    usual = points["search_impressions"]
    assert usual["day"] == "2026-03-01"
    assert usual["lower"] < usual["observed"] < usual["upper"]
    assert usual["p_value"] > 0.01
    assert points["click_through_rate"]["expected"] == pytest.approx(0.2, abs=0.02)


def test_a_corrected_figure_is_judged_anew_and_the_screen_raises_no_alert(worker: Worker, ids: list[int]) -> None:
    worker.post("/v1/metrics/score", {"as_of": NOON}).raise_for_status()
    screen(worker)
    # No watch looks at review scores.
    fallen = MetricPoints(
        np.array(ids[3:4]), DAYS[-1:], "test", datetime(2026, 3, 2, 10, tzinfo=UTC), {"review_score": np.array([6.0])}
    )
    worker.services.metrics.write(worker.settings.tenant_id, fallen)
    told = observe(worker, ids[3:4])
    point = next(one for one in told["points"] if one["metric"] == "review_score")
    assert point["observed"] < point["lower"] < point["expected"]
    assert point["p_value"] < 0.01
    worker.post("/v1/metrics/score", {"as_of": NOON}).raise_for_status()
    assert screen(worker)["flagged"] == 1
    assert told["found"] == 0
    assert told["notify"] == []
    assert worker.client.get("/v1/alerts").json()["alerts"] == []


def test_a_key_without_the_scope_is_refused(worker: Worker, ids: list[int]) -> None:
    key = worker.key("read")
    answer = worker.post("/v1/observe", {"listing_ids": ids[:1], "as_of": NOON}, Authorization=f"Bearer {key}")
    assert answer.status_code == 403
