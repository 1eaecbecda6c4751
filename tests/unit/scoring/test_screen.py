"""The screen of a portfolio: what it calls, what it keeps, and that a single point is judged as in the sweep."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from python_nodes.domain.metrics import FloatArray, MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring import arrays_file, screen, screen_file

Draw = Callable[..., MetricMatrix]
Make = Callable[..., ListingInfo]
BUSY: FloatArray = np.full(120, 4.0)


def nine(matrix: MetricMatrix, seed: int = 3) -> MetricMatrix:
    """Add what the world does not draw, without anything strange."""
    rng = np.random.default_rng(seed)
    shape = matrix.values["booking_velocity"].shape
    more = {
        "search_rank": np.maximum(1.0, np.round(np.exp(rng.normal(3.0, 0.15, shape)))),
        "competitor_price": np.round(np.exp(rng.normal(4.6, 0.05, shape)), 2),
        "review_score": np.full(shape, 8.4),
        "availability": rng.integers(20, 80, shape).astype(np.float64),
    }
    return MetricMatrix(matrix.listing_ids, matrix.days, {**matrix.values, **more})


def run(matrix: MetricMatrix, listing: Make, **more: Any) -> screen.Found:
    listings = [listing(int(one)) for one in matrix.listing_ids]
    return screen.screen(matrix, listings, matrix.days[-1].item() + timedelta(days=1), **more)


def test_every_metric_of_every_listing_is_judged(world: Draw, listing: Make) -> None:
    found = run(nine(world(1, BUSY)), listing)
    assert set(found.metrics) == set(screen.KINDS)
    assert len(screen.KINDS) == 9
    assert found.report()["series"] == 9 * 120
    assert found.report()["screened"] == 9 * 120
    assert all(np.isfinite(one.scores.p_value).all() for one in found.metrics.values())


def test_a_quiet_portfolio_has_little_to_show_and_a_fallen_listing_is_called(world: Draw, listing: Make) -> None:
    quiet = run(nine(world(2, BUSY)), listing)
    assert quiet.report()["flagged"] <= 3
    fallen = run(nine(world(2, BUSY, drop_days=3, impressions_kept=0.1)), listing)
    assert 0 in fallen.flagged["search_impressions"]
    assert 0 in fallen.flagged["listing_views"]
    assert fallen.reached <= 0.2


def test_a_portfolio_wide_threshold_is_the_one_asked_for(world: Draw, listing: Make) -> None:
    matrix = nine(world(3, BUSY, drop_days=4, impressions_kept=0.3))
    strict, loose = (run(matrix, listing, asked=rate).report()["flagged"] for rate in (0.001, 0.5))
    assert strict <= loose
    assert loose > 0


def test_a_listing_that_is_down_is_neither_judged_nor_learnt_from(world: Draw, listing: Make) -> None:
    matrix = nine(world(4, BUSY, drop_days=3, impressions_kept=0.01))
    down = np.zeros(matrix.values["availability"].shape, dtype=np.bool_)
    down[0, -3:] = True
    found = run(matrix, listing, unfit=down)
    assert screen.reason_words(found.metrics["search_impressions"].scores)[0] == "no value"
    assert 0 not in found.flagged["search_impressions"]


def test_days_of_a_late_report_are_not_taken_for_the_newest(world: Draw, listing: Make) -> None:
    matrix = nine(world(5, BUSY))
    matrix.values["search_impressions"][3:, -1] = np.nan
    found = run(matrix, listing)
    assert found.metrics["search_impressions"].day_date == matrix.days[-2]
    assert found.metrics["listing_views"].day_date == matrix.days[-1]


def test_a_listing_that_vanishes_is_strange_and_one_that_often_does_is_not(world: Draw, listing: Make) -> None:
    matrix = nine(world(6, BUSY))
    nights = matrix.values["availability"]
    nights[0, -4:] = 0.0
    nights[1, np.arange(400) % 10 < 5] = 0.0
    nights[1, -4:] = 0.0
    p_value = run(matrix, listing).metrics["availability"].scores.p_value
    assert p_value[0] < 0.01 < p_value[1]
    assert p_value[2] == 1.0


def test_events_known_beforehand_are_expected(world: Draw, listing: Make) -> None:
    matrix = nine(world(7, BUSY))
    days = matrix.days[[60, 130, 200, 270, 340, 399]]
    on = np.isin(matrix.days, days)
    matrix.values["search_impressions"][:, on] *= 2.0
    plain = run(matrix, listing).metrics["search_impressions"]
    told = run(matrix, listing, events={"lisbon": days}).metrics["search_impressions"]
    assert np.median(told.scores.expected / plain.scores.expected) > 1.4


def test_a_point_is_judged_from_the_file_as_in_the_sweep(world: Draw, listing: Make, tmp_path: Path) -> None:
    matrix = nine(world(8, BUSY, drop_days=2, impressions_kept=0.4))
    found = run(matrix, listing)
    path = screen_file.path_of(tmp_path, 1)
    screen_file.keep(path, found)
    kept = screen_file.load(path)
    assert kept is not None
    assert kept.days() is not None
    rows = [0, 5, 77]
    some = MetricMatrix(
        matrix.listing_ids[rows], matrix.days[-3:], {name: told[rows, -3:] for name, told in matrix.values.items()}
    )
    points = screen_file.points(kept, some)
    assert len(points) == len(rows) * 9
    for point in points:
        one = found.metrics[point["metric"]]
        assert point["p_value"] == one.scores.p_value[point["listing_id"] - 1], point
        assert point["day"] == str(matrix.days[-1])
    strange = next(p for p in points if p["metric"] == "search_impressions" and p["listing_id"] == 1)
    assert strange["observed"] < strange["lower"] < strange["expected"] < strange["upper"]


def test_a_later_point_is_judged_until_the_next_sweep(world: Draw, listing: Make, tmp_path: Path) -> None:
    matrix = nine(world(9, BUSY))
    path = screen_file.path_of(tmp_path, 1)
    screen_file.keep(path, run(matrix, listing))
    kept = screen_file.load(path)
    assert kept is not None
    after = matrix.days[-1:] + np.arange(1, 4)
    values = {name: told[:, -7:-4].copy() for name, told in matrix.values.items()}
    values["search_impressions"][0, -1] = 0.0
    points = screen_file.points(kept, MetricMatrix(matrix.listing_ids, after, values))
    by = {(p["listing_id"], p["metric"]): p for p in points}
    assert by[1, "search_impressions"]["day"] == str(after[-1])
    assert by[1, "search_impressions"]["p_value"] < 0.001
    assert by[2, "search_impressions"]["p_value"] > 0.001


def test_a_file_of_another_kind_is_none(tmp_path: Path) -> None:
    assert screen_file.load(tmp_path / "nowhere") is None
    (tmp_path / "garbage").write_bytes(b"x" * 100)
    assert arrays_file.read(tmp_path / "garbage") is None
    arrays_file.write(tmp_path / "old", {"version": -1}, {"listing_ids": np.arange(3)})
    assert screen_file.load(tmp_path / "old") is None


def torn(path: Path) -> None:
    """Write half and fail."""
    with arrays_file.replacing(path, {"n": 2}, {"a": ("<i8", (5,))}) as places:
        places["a"][...] = 7
        raise RuntimeError


def test_arrays_are_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "arrays"
    arrays_file.write(path, {"n": 1}, {"a": np.arange(5), "none": np.empty((0, 3))})
    before = arrays_file.read(path)
    assert before is not None
    with pytest.raises(RuntimeError):
        torn(path)
    told, arrays = arrays_file.read(path) or ({}, {})
    assert told == {"n": 1}
    assert arrays["a"].tolist() == [0, 1, 2, 3, 4]
    assert arrays["none"].shape == (0, 3)
    arrays_file.write(path, {"n": 3}, {"a": np.arange(5) * 2})
    assert before[1]["a"].tolist() == [0, 1, 2, 3, 4], "a reader keeps the file it opened"
    assert [one.name for one in tmp_path.iterdir()] == ["arrays"]


def test_nothing_is_no_error(listing: Make) -> None:
    empty = MetricMatrix(np.empty(0, dtype=np.int64), np.array([], dtype="datetime64[D]"), {})
    assert screen.screen(empty, [], date(2026, 1, 1)).report()["series"] == 0
