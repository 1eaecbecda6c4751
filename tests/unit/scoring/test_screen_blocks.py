"""The screen of a matrix cache, in blocks, against the screen of the whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detectors.screen import baseline, scoring
from detectors.screen.contract import HORIZON, Panel
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.scoring import arrays_file, matrix_cache, screen_blocks
from python_nodes.scoring.screen import KINDS

NAMES = ("search_impressions", "listing_views", "booking_velocity")


@pytest.fixture
def shared(world: Callable[..., MetricMatrix], tmp_path: Path) -> screen_blocks.Shared:
    matrix = world(11, np.full(90, 3.0), drop_days=2, impressions_kept=0.3)
    told = {"version": matrix_cache.VERSION, "metrics": list(NAMES), "first_day": str(matrix.days[0]), "mark": ""}
    values = np.stack([matrix.values[name] for name in NAMES]).astype(np.float32)
    path = tmp_path / "series.matrix"
    arrays_file.write(path, told, {"listing_ids": matrix.listing_ids, "values": values})
    calendar = np.zeros((1, 3, len(matrix.days) + HORIZON), dtype=np.bool_)
    return screen_blocks.Shared(path, np.arange(90) % 3, calendar)


def whole(shared: screen_blocks.Shared, name: str) -> np.ndarray:
    cached = matrix_cache.load(shared.path)
    assert cached is not None
    kind = KINDS[name]
    own = cached.of(kind.counted or name)
    exposure = cached.of(kind.exposure) if kind.exposure else None
    calendar = shared.calendar[:, :, : own.shape[1] - 1 + HORIZON]
    past = None if exposure is None else exposure[:, :-1]
    fitted = baseline.fit_pooled(Panel(own[:, :-1], cached.days[:-1], past, shared.groups, calendar), kind.params)
    now = None if exposure is None else exposure[:, -1].astype(np.float64)
    return scoring.score(fitted, np.arange(90), fitted.start, own[:, -1].astype(np.float64), now).p_value


def test_blocks_say_what_the_whole_says(shared: screen_blocks.Shared) -> None:
    found = screen_blocks.screen(shared, 1)
    assert set(found) == {*NAMES, "click_through_rate", "conversion_rate"}
    for name, p_values in found.items():
        np.testing.assert_allclose(p_values, whole(shared, name), rtol=1e-3, err_msg=name)
    assert found["search_impressions"][0] < 1e-6


def test_processes_say_what_one_says(shared: screen_blocks.Shared) -> None:
    one, two = (screen_blocks.screen(shared, count) for count in (1, 2))
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])


def test_no_cache_is_nothing(tmp_path: Path) -> None:
    nowhere = screen_blocks.Shared(tmp_path / "none", np.zeros(0, dtype=np.int64), np.zeros((0, 1, 0), dtype=np.bool_))
    assert screen_blocks.screen(nowhere, 1) == {}
