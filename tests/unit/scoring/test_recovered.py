"""What an end brought back is what came, beside what the loss would have gone on costing."""

from __future__ import annotations

import numpy as np
import pytest

from python_nodes.scoring.recovered import Problem, recovered

BUSY = Problem(
    bookings_per_day=10.0, baseline_per_day_minor=100_000.0, worth_sd=0.1, share_lost=0.6, share_lost_sd=0.03
)  # fmt: skip


def test_a_listing_that_sells_as_before_recovered_its_whole_loss() -> None:
    found = recovered(BUSY, 70, 7)
    assert found.mid_minor == pytest.approx(7 * 60_000, rel=0.02)
    assert 0 < found.low_minor < found.mid_minor < found.high_minor


def test_a_listing_that_sells_no_better_recovered_nothing() -> None:
    found = recovered(BUSY, 28, 7)
    assert abs(found.mid_minor) < 10_000
    assert found.low_minor < 0 < found.high_minor


def test_the_interval_holds_what_truly_came_back() -> None:
    """Weeks that are as before, drawn with the dispersion that is assumed; the share lost is known within its doubt."""
    rng = np.random.default_rng(3)
    n, mean = 2_000, 70.0
    booked = rng.negative_binomial(mean / 0.5, 1 / 1.5, n)
    shares = np.clip(rng.normal(0.6, 0.03, n), 0, 1)
    worths = 100_000.0 * rng.lognormal(0.0, 0.1, n)
    truth = 7 * worths * shares
    found = [recovered(BUSY, float(one), 7) for one in booked]
    held = np.mean([low.low_minor <= one <= low.high_minor for low, one in zip(found, truth, strict=True)])
    assert 0.75 <= held <= 0.95


def test_of_a_quiet_listing_a_week_tells_little() -> None:
    quiet = Problem(
        bookings_per_day=0.1, baseline_per_day_minor=1_000.0, worth_sd=0.5, share_lost=1.0, share_lost_sd=0.0
    )
    found = recovered(quiet, 1, 7)
    assert found.high_minor - found.low_minor > 2 * found.mid_minor
