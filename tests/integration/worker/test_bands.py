"""Bands over HTTP: accepted as a job, told by the last sweep's baselines and, further back, as sweeps would have."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import text

from python_nodes.domain.metrics import BandMatrix
from python_nodes.steps import bands
from tests.integration.worker.test_import_queue import accepted_once_and_carried_out
from tests.integration.worker.test_screen import DAYS, NOON, ids, screen

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

__all__ = ["ids"]
AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOLD = ("search_impressions", "listing_views", "click_through_rate", "conversion_rate", "booking_velocity",
        "search_rank", "competitor_price", "review_score")  # fmt: skip


def told(worker: Worker, ids: list[int], start: str, end: str) -> BandMatrix:
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    return worker.services.metrics.read_bands(worker.settings.tenant_id, TOLD, ids, first, last)


def test_before_a_sweep_there_is_nothing_to_write(worker: Worker, ids: list[int]) -> None:
    made = bands.run(worker.services, worker.settings.tenant_id, AS_OF)
    assert (made["rows"], made["first_day"]) == (0, None)


def test_a_refresh_is_accepted_once_and_carried_out_by_a_celery_worker(
    worker: Worker, ids: list[int], tmp_path: Path
) -> None:
    worker.post("/v1/metrics/score", {"as_of": NOON}).raise_for_status()
    screen(worker)
    job = accepted_once_and_carried_out(
        worker, tmp_path, "/v1/bands/refresh", "score", {"as_of": AS_OF.isoformat(), "days": 17}
    )
    assert (job["done"], job["total"]) == (2, 2)
    # The newest day of the sweep is the 1st of March: it, the week ahead, and two blocks of eight days before.
    assert {name: job["result"][name] for name in ("first_day", "last_day", "fitted")} == {
        "first_day": "2026-02-13", "last_day": "2026-03-08", "fitted": 2
    }  # fmt: skip
    # The portfolio's days are added up by the same job, after the bands that they are held against.
    with worker.services.database.tenant(worker.settings.tenant_id) as conn:
        kept, expected = conn.exec_driver_sql("SELECT count(*), count(expected) FROM portfolio_days").one()
    assert kept == job["result"]["portfolio_days"] > 0
    assert expected > 0


def test_the_band_of_the_newest_day_is_the_one_that_points_are_judged_by(worker: Worker, ids: list[int]) -> None:
    points = worker.post("/v1/observe", {"listing_ids": ids[:3], "as_of": NOON}).json()["points"]
    found = told(worker, ids[:3], "2026-03-01", "2026-03-01")
    judged = [one for one in points if one["metric"] in TOLD]
    assert len(judged) == 3 * len(TOLD)
    for one in judged:
        row = ids.index(one["listing_id"])
        assert found.expected[one["metric"]][row, 0] == pytest.approx(one["expected"], rel=1e-5)
        lower, upper = found.lower[one["metric"]][row, 0], found.upper[one["metric"]][row, 0]
        if one["metric"] in ("search_rank", "competitor_price", "review_score"):
            assert (lower, upper) == (pytest.approx(one["lower"], rel=1e-5), pytest.approx(one["upper"], rel=1e-5))
        elif one["metric"] not in ("click_through_rate", "conversion_rate"):
            # A chart of a count that cannot be broken ends at whole ones.
            assert (lower, upper) == (np.floor(one["lower"]), np.ceil(one["upper"]))
        else:
            assert lower <= one["lower"] < one["upper"] <= upper


def test_every_day_asked_for_has_its_band_and_most_values_lie_within(worker: Worker, ids: list[int]) -> None:
    found = told(worker, ids, "2026-02-13", "2026-03-01")
    days = DAYS[np.datetime64("2026-02-13") <= DAYS]
    seen = worker.services.metrics.read(
        worker.settings.tenant_id, TOLD, ids, days[0].item(), days[-1].item()
    ).values  # fmt: skip
    for metric in ("search_impressions", "listing_views", "booking_velocity"):
        assert found.known(metric).all(), metric
        inside = (seen[metric] >= found.lower[metric]) & (seen[metric] <= found.upper[metric])
        # The law is known: one in a hundred lies outside, of 340 three or four.
        assert inside.mean() > 0.96, metric
        assert (found.lower[metric] <= found.expected[metric]).all()
        assert (found.expected[metric] <= found.upper[metric]).all()
    np.testing.assert_allclose(found.expected["click_through_rate"], 0.2, atol=0.03)
    assert np.isnan(told(worker, ids, "2026-02-12", "2026-02-12").expected["listing_views"]).all()


def test_of_the_week_ahead_counts_are_told_and_shares_are_not(worker: Worker, ids: list[int]) -> None:
    ahead = told(worker, ids, "2026-03-02", "2026-03-08")
    assert ahead.known("search_impressions").all()
    assert np.isnan(ahead.expected["conversion_rate"]).all()


def test_a_past_block_knows_nothing_of_what_came_after(worker: Worker, ids: list[int]) -> None:
    """With the last fortnight forgotten, the block before it is told the same."""
    tenant, metrics = worker.settings.tenant_id, worker.services.metrics
    before = told(worker, ids, "2026-02-13", "2026-02-20")
    with worker.services.database.tenant(tenant) as conn:
        conn.execute(text("DELETE FROM metric_bands WHERE day < '2026-02-21'"))
        conn.execute(text("UPDATE metrics_daily SET listing_views = 9000 WHERE day_date > '2026-02-20'"))
    try:
        made = bands.run(worker.services, tenant, AS_OF, 17)
        assert made["fitted"] == 1
        after = metrics.read_bands(tenant, TOLD, ids, date(2026, 2, 13), date(2026, 2, 20))
        np.testing.assert_array_equal(after.expected["listing_views"], before.expected["listing_views"])
    finally:
        with worker.services.database.tenant(tenant) as conn:
            conn.execute(text("DELETE FROM metrics_daily"))
            conn.execute(text("DELETE FROM metric_bands"))


def test_how_far_back_is_bounded(worker: Worker, ids: list[int]) -> None:
    assert worker.post("/v1/bands/refresh", {"as_of": NOON, "days": 0}).status_code == 422
    assert worker.post("/v1/bands/refresh", {"as_of": NOON, "days": 401}).status_code == 422
