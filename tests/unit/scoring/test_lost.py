"""What share of bookings findings cost, by forecasts written by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors.series import Forecast, SeriesBatch
from python_nodes.scoring import lost
from python_nodes.scoring.look import Looked
from python_nodes.scoring.watches import Loss, load_watches

WATCHES = {watch.name: watch for watch in load_watches()}


def looked(
    name: str, left: np.ndarray, onset: int, ratio: float = np.nan, expected: float = 1_000.0, dispersion: float = 1.0,
    loss: Loss | None = None,
) -> Looked:  # fmt: skip
    """A watch of one listing that kept ``left`` of what was expected on each day."""
    shape = (1, left.size)
    forecast = Forecast(
        expected=np.full(shape, expected), dispersion=np.full(shape, dispersion), relative_sd=np.full(shape, 0.05),
        capped=expected * left[None, :],
    )  # fmt: skip
    days = np.datetime64("2026-01-05") + np.arange(left.size)
    watch = WATCHES[name] if loss is None else replace(WATCHES[name], loss=loss)
    return Looked(
        watch, SeriesBatch(forecast.capped, days), forecast, np.ones((1, 1), dtype=np.bool_), np.array([onset]),
        np.array([1e-6]), np.array([ratio]), {0: {}}, np.ones((1, 1)), np.ones((1, 1)),
    )  # fmt: skip


def test_a_step_has_lost_the_same_share_ever_since() -> None:
    left = np.where(np.arange(40) < 30, 1.0, 0.6)
    found = looked("ctr_drop", left, 30)
    now, so_far = lost.shares(found, 0, {"ctr_drop": found})
    assert now == so_far == pytest.approx(0.4, abs=0.001)


def test_few_counts_do_not_claim_that_all_is_lost() -> None:
    left = np.where(np.arange(40) < 38, 1.0, 0.0)
    found = looked("conversion_drop", left, 38, expected=1.0)
    assert lost.shares(found, 0, {})[0] == pytest.approx(2 / 3)


def test_a_rank_is_assumed_to_cost_until_the_counts_tell() -> None:
    rank = looked("rank_drop", np.ones(40), 36, ratio=0.25)
    thin = looked("demand_drop", np.ones(60), -1, expected=0.01)
    assert lost.shares(rank, 0, {"demand_drop": thin})[0] == pytest.approx(0.5, abs=0.01)
    # The history of the watch that counts is longer; the last four days are the same.
    thick = looked("demand_drop", np.where(np.arange(60) < 56, 1.0, 0.7), -1)
    assert lost.shares(rank, 0, {"demand_drop": thick})[0] == pytest.approx(0.3, abs=0.01)


def test_a_slow_decline_costs_more_now_than_it_did_and_loses_on_every_step() -> None:
    """Shown less and booked less by the same ramp to 0.64 of either: bookings end at 0.41 and lost 0.31 on the mean."""
    ramp = np.concatenate([np.ones(80), np.linspace(0.98, 0.64, 20)])
    slow = looked("slow_decline", ramp, 80, ratio=0.64)
    seen = looked("demand_drop", ramp, -1, expected=3_000.0)
    booked = looked("conversion_drop", ramp, -1, expected=300.0)
    everything = {"slow_decline": slow, "demand_drop": seen, "conversion_drop": booked}
    now, so_far = lost.shares(slow, 0, everything)
    assert so_far == pytest.approx(1 - ramp[80:].mean() ** 2, abs=0.01)
    assert now == pytest.approx(1 - ramp[-7:].mean() ** 2, abs=0.01)
    # With no watch of the counts the ramp's mean is all there is.
    assert lost.shares(slow, 0, {})[1] == pytest.approx(0.18)


def test_a_slow_decline_that_began_days_ago_costs_no_less_now_than_on_the_mean() -> None:
    bumpy = np.concatenate([np.ones(80), np.full(10, 0.6), np.full(10, 0.8)])
    slow, seen = looked("slow_decline", bumpy, 80, ratio=0.8), looked("demand_drop", bumpy, -1)
    now, so_far = lost.shares(slow, 0, {"slow_decline": slow, "demand_drop": seen})
    assert now == so_far == pytest.approx(0.3, abs=0.01)


def test_counts_weigh_by_their_dispersion() -> None:
    rank = looked("rank_drop", np.ones(40), 39, ratio=0.25)
    wide = looked("demand_drop", np.ones(40), -1, expected=1_000.0, dispersion=100.0)
    # A thousand counts a day that come in hundreds weigh as much as the assumption.
    assert lost.shares(rank, 0, {"demand_drop": wide})[0] == pytest.approx(0.25)
