"""What the screen and every close-up detector answer to bad input: numbers or a named reason, never NaN."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from detectors import inspect
from detectors.baselines import weekday_season
from detectors.inspect import subjects
from detectors.screen import baseline, scoring
from detectors.screen.contract import JUDGED, REASONS, Family, Panel, Params
from tests.conformance.test_detector_contract import SPOILERS, START, all_missing, spoiled

NEWEST = (0.0, 5.0, 1e6, np.nan, np.inf, -np.inf, 1e300)
# Numpy warns where a value too large for a float becomes infinite, and so missing, and of medians of nothing.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.mark.parametrize("name", sorted(inspect.discover()))
@pytest.mark.parametrize("days", [2, 20, 182])
def test_a_close_up_has_an_answer_to_bad_input(name: str, days: int) -> None:
    for spoil in SPOILERS:
        batch = spoiled(spoil, days)
        forecast = weekday_season.fit_pooled(batch, weekday_season.Params())
        told = inspect.discover()[name](subjects.of_counts(batch.values, forecast, 7))
        assert np.isfinite(told.strength).all(), spoil.__name__
        assert (told.strength >= 0).all(), spoil.__name__
        assert np.isfinite(told.size).all(), spoil.__name__
        assert ((told.onset >= -1) & (told.onset < days)).all(), spoil.__name__


@pytest.mark.parametrize("family", get_args(Family))
@pytest.mark.parametrize("days", [2, 20, 200])
def test_the_screen_has_an_answer_to_bad_input(family: Family, days: int) -> None:
    offered = np.array([0.0, 50.0, np.nan, np.inf]) if family == "ratio" else None
    for spoil in SPOILERS:
        batch = spoiled(spoil, days, exposure=family == "ratio")
        fitted = baseline.fit_pooled(Panel(batch.values, batch.days, batch.exposure), Params(family=family))
        assert fitted.start == START + days
        for newest in NEWEST:
            told = scoring.score(fitted, np.arange(4), fitted.start, np.full(4, newest), offered)
            judged = told.reason == JUDGED
            assert ((told.p_value > 0) & (told.p_value <= 1)).all(), (spoil.__name__, newest)
            assert ((told.sure >= 0) & (told.sure <= 1)).all(), (spoil.__name__, newest)
            assert ((told.reason >= 0) & (told.reason < len(REASONS))).all()
            assert (told.p_value[~judged] == 1).all()
            assert np.isfinite(newest) or not judged.any()
            assert spoil is not all_missing or not judged.any()
            # A run of days has no band: it is judged by how long it lasts.
            for edge in () if family == "run" else (told.expected, told.lower, told.upper):
                assert np.isfinite(edge[judged]).all(), (spoil.__name__, newest)
