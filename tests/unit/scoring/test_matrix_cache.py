"""The matrix cache against what the store itself says, whatever came, went or was corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from python_nodes.domain.metrics import Changes, DayArray, FloatArray, MetricMatrix, MetricPoints
from python_nodes.scoring import matrix_cache

NAMES = ("search_impressions", "listing_views")
FIRST = date(2025, 1, 1)


@dataclass
class Held:
    """A store in memory that counts the values it is asked for."""

    name: str = "held"
    told: FloatArray = field(default_factory=lambda: np.random.default_rng(1).normal(size=(2, 50, 500)))
    asked: list[int] = field(default_factory=list)

    def read(
        self, tenant_id: int, metrics: Sequence[str], listing_ids: Sequence[int], start: date, end: date
    ) -> MetricMatrix:
        days = slice((start - FIRST).days, (end - FIRST).days + 1)
        rows = np.array(listing_ids, dtype=np.int64)
        self.asked.append(rows.size * (end - start).days)
        values = {name: self.told[NAMES.index(name), rows, days].copy() for name in metrics}
        return MetricMatrix(rows, np.arange(np.datetime64(start), np.datetime64(end) + 1), values)

    def write(self, tenant_id: int, points: MetricPoints) -> int:
        raise NotImplementedError

    def told_by(self, tenant_id: int, listing_id: int, start: date, end: date) -> list[MetricPoints]:
        raise NotImplementedError

    def changes(self, tenant_id: int, since: str | None) -> Changes:
        raise NotImplementedError

    def last_told_day(self, tenant_id: int, metric: str, listing_ids: Sequence[int], until: date) -> DayArray:
        raise NotImplementedError

    def count(self, tenant_id: int) -> tuple[int, int]:
        raise NotImplementedError

    def ping(self) -> None:
        return None


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def check(store: Held, cached: matrix_cache.Cached, ids: Sequence[int], first: int, last: int) -> None:
    assert cached.listing_ids.tolist() == list(ids)
    assert cached.days[0].item() == day(first)
    assert cached.days[-1].item() == day(last)
    for name in NAMES:
        np.testing.assert_allclose(
            cached.of(name), store.told[NAMES.index(name)][list(ids), first : last + 1], rtol=1e-6
        )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return matrix_cache.path_of(tmp_path, 7)


def test_only_new_days_and_those_that_may_be_corrected_are_read(path: Path) -> None:
    store, ids = Held(), list(range(50))
    check(store, matrix_cache.refresh(path, store, 1, NAMES, ids, (day(0), day(399))), ids, 0, 399)
    whole = sum(store.asked)
    store.asked.clear()
    store.told[:, 3, 399 - 20] = 5.0
    check(store, matrix_cache.refresh(path, store, 1, NAMES, ids, (day(0), day(400))), ids, 0, 400)
    assert sum(store.asked) < whole / 10
    check(store, matrix_cache.refresh(path, store, 1, NAMES, ids, (day(30), day(410))), ids, 30, 410)


def test_listings_come_go_and_change_places(path: Path) -> None:
    store = Held()
    matrix_cache.refresh(path, store, 1, NAMES, [4, 9, 2], (day(0), day(200)))
    ids = [9, 30, 2, 31]
    check(store, matrix_cache.refresh(path, store, 1, NAMES, ids, (day(0), day(203))), ids, 0, 203)
    check(store, matrix_cache.refresh(path, store, 1, NAMES, [], (day(0), day(203))), [], 0, 203)
    check(store, matrix_cache.refresh(path, store, 1, NAMES, ids, (day(0), day(203))), ids, 0, 203)


def test_an_earlier_first_day_or_a_gap_of_months_is_read_whole(path: Path) -> None:
    store, ids = Held(), [1, 2, 3]
    matrix_cache.refresh(path, store, 1, NAMES, ids, (day(100), day(200)))
    check(store, matrix_cache.refresh(path, store, 1, NAMES, ids, (day(50), day(210))), ids, 50, 210)
    check(store, matrix_cache.refresh(path, store, 1, NAMES, ids, (day(300), day(480))), ids, 300, 480)


def test_an_older_correction_is_seen_when_all_is_read_anew(path: Path) -> None:
    store, ids = Held(), [1, 2]
    matrix_cache.refresh(path, store, 1, NAMES, ids, (day(0), day(200)))
    store.told[0, 1, 10] = 77.0
    assert matrix_cache.refresh(path, store, 1, NAMES, ids, (day(0), day(201))).of(NAMES[0])[0, 10] != 77.0
    again = matrix_cache.refresh(path, store, 1, NAMES, ids, (day(0), day(201)), anew=True)
    assert again.of(NAMES[0])[0, 10] == 77.0


def test_a_failing_store_leaves_the_file_as_it_was(path: Path) -> None:
    store = Held()
    matrix_cache.refresh(path, store, 1, NAMES, [1, 2], (day(0), day(200)))
    with pytest.raises(IndexError):
        matrix_cache.refresh(path, store, 1, NAMES, [1, 999], (day(0), day(205)))
    kept = matrix_cache.load(path)
    assert kept is not None
    check(store, kept, [1, 2], 0, 200)
    assert [one.name for one in path.parent.iterdir()] == [path.name]
