"""Days to resolution are learnt from what ended and from what still stands."""

from __future__ import annotations

import numpy as np
import pytest

from python_nodes.scoring.repair_time import PRIOR_COUNT, Lasted, learn

USUAL = {"listing_down": 3.0, "unknown": 7.0}


def test_without_a_past_it_is_as_usual() -> None:
    learnt = learn({}, USUAL)
    assert learnt["listing_down"].mid_days == pytest.approx(3.0, abs=0.01)
    assert learnt["listing_down"].learned_from == 0
    assert learnt["listing_down"].low_days < 3.0 < learnt["listing_down"].high_days


def test_many_resolutions_take_the_place_of_what_is_usual() -> None:
    rng = np.random.default_rng(1)
    days = rng.lognormal(np.log(10.0), 0.5, 400)
    found = learn({"listing_down": Lasted(ended_days=days.tolist())}, USUAL)["listing_down"]
    assert found.mid_days == pytest.approx(days.mean(), rel=0.05)
    assert found.low_days == pytest.approx(np.quantile(days, 0.1), rel=0.1)
    assert found.high_days == pytest.approx(np.quantile(days, 0.9), rel=0.1)
    assert found.learned_from == 400


def test_five_resolutions_weigh_as_much_as_what_is_usual() -> None:
    found = learn({"listing_down": Lasted(ended_days=[9.0] * PRIOR_COUNT)}, USUAL)["listing_down"]
    assert found.mid_days == pytest.approx(6.0, abs=0.01)


def test_what_still_stands_lasts_at_least_so_long() -> None:
    """Half of the problems were seen through to their end; without the others the mean would be far too short."""
    rng = np.random.default_rng(2)
    days = rng.exponential(10.0, 600)
    watched = rng.uniform(0.0, 20.0, 600)
    ended = Lasted(
        ended_days=days[days <= watched].tolist(), open_days=watched[days > watched].tolist()
    )  # fmt: skip
    found = learn({"listing_down": ended}, USUAL)["listing_down"]
    assert np.mean(ended.ended_days) < 6.0
    # The curve ends with the longest that was watched, so a tail of an exponential is cut.
    assert 7.5 < found.mid_days < 10.5
    assert found.still_open == len(ended.open_days)


def test_a_cause_of_which_nobody_has_heard_is_as_the_unknown() -> None:
    assert learn({"sunspots": Lasted()}, USUAL)["sunspots"].mid_days == pytest.approx(7.0, abs=0.01)
