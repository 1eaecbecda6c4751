"""How many points are written at once, and which."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from python_nodes.steps import import_file


@pytest.mark.parametrize("per_day", [1, 7, 30_000])
def test_parts_hold_every_row_once_and_share_no_day(per_day: int) -> None:
    n_days = 60_000 // per_day
    draw = np.random.default_rng(per_day)
    days = draw.permutation(np.repeat(np.arange(n_days).astype("datetime64[D]"), per_day))
    parts = list(import_file._by_days(days))
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(days)))
    for earlier, later in pairwise(parts):
        assert days[earlier].max() < days[later].min()
    assert all(import_file.POINTS_AT_ONCE <= len(part) <= import_file.POINTS_AT_ONCE + per_day for part in parts[:-1])
    assert len(parts) > 1


def test_of_one_day_told_twice_the_order_stays() -> None:
    days = np.array(["2026-03-02", "2026-03-01", "2026-03-02"], dtype="datetime64[D]")
    assert [part.tolist() for part in import_file._by_days(days)] == [[1, 0, 2]]


def test_no_rows_are_no_parts() -> None:
    assert list(import_file._by_days(np.empty(0, dtype="datetime64[D]"))) == []
