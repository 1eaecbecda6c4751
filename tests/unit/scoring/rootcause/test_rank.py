"""Causes of alerts by the shipped patterns and weights."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import pytest

from python_nodes.scoring.rootcause import case, model, patterns, words
from python_nodes.scoring.rootcause.case import Asked

from .conftest import LAST, Scene


def asked(kind: str, cause: str, **more: Any) -> Asked:
    facts: dict[str, Any] = {"scope": "listing", "onset_date": LAST, "is_seen": False, "listing_ids": (0,)}
    return Asked(kind=kind, cause=cause, **{**facts, **more})


def test_the_change_before_a_drop_in_conversion_comes_first_and_is_told(scene: Scene) -> None:
    scene.fall(0, 12, conversion=0.2)
    scene.log("min_stay", "2", "7", 12)
    ((first, *_rest),) = scene.causes(asked("an_unheard_of_kind", "unknown"))
    assert first["cause"] == "min_stay_raised"
    told = " ".join(words.lines([first]))
    assert "min stay was raised from 2 to 7 on 20 May 2026 by ana (change log), on the day it began" in told
    assert "the market is seen as often as before" in told


def test_without_the_change_it_is_not_the_minimum_stay(scene: Scene) -> None:
    scene.fall(0, 12, conversion=0.2)
    ((first, *_rest),) = scene.causes(asked("conversion_drop", "conversion_drop"))
    assert first["cause"] == "conversion_drop"


def test_a_change_long_before_does_less_than_one_just_before(scene: Scene) -> None:
    scene.fall(0, 8, conversion=0.2)
    question = asked("conversion_drop", "conversion_drop")
    said = []
    for ago in (8, 35):
        scene.changes.clear()
        scene.log("rate_plans", "flex,nonref", "flex", ago)
        said.append({one["cause"]: one["probability"] for one in scene.causes(question)[0]}.get("rate_plan_gap", 0.0))
    assert said[0] > 3 * said[1]


@pytest.mark.parametrize("cause", ["feed_stale", "poll_failing", "metric_flat", "calendar_empty", "suspended"])
def test_what_a_guard_sees_is_its_cause_also_where_no_weights_were_learnt(scene: Scene, cause: str) -> None:
    word = {"suspended": "listing_down"}.get(cause, cause)
    ((first, *_rest),) = scene.causes(asked(cause, word, is_seen=cause != "metric_flat"))
    assert first["cause"] == word
    assert first["team"] == patterns.shipped()[word].team


def test_probabilities_add_up_with_the_unknown_among_them(scene: Scene) -> None:
    scene.fall(0, 3, impressions=0.5)
    scene.values["search_rank"][0, -3:] = 40.0
    scene.log("promotion", "visibility programme", "", 3)
    (ranked,) = scene.causes(asked("rank_drop", "rank_drop"))
    assert sum(one["probability"] for one in ranked) == pytest.approx(1.0, abs=1e-3)
    assert "unknown" in [one["cause"] for one in ranked]
    assert [one["probability"] for one in ranked] == sorted((one["probability"] for one in ranked), reverse=True)
    assert ranked[0]["cause"] == "rank_drop"
    assert any("the place in the results is" in sentence for sentence in ranked[0]["evidence"])
    json.dumps(ranked)


def test_an_alert_alone_and_among_others_has_the_same_causes(scene: Scene) -> None:
    scene.fall(0, 10, conversion=0.2)
    scene.fall(5, 20, impressions=0.4)
    one, other = asked("conversion_drop", "conversion_drop"), asked("demand_drop", "unknown", listing_ids=(5,))
    together = scene.causes(one, other)
    assert together == [*scene.causes(one), *scene.causes(other)]


def test_what_people_confirmed_makes_a_cause_likelier(scene: Scene) -> None:
    scene.fall(0, 10, conversion=0.3)
    question = asked("conversion_drop", "conversion_drop")
    before, elsewhere, after = (
        {one["cause"]: one["probability"] for one in scene.causes(question, confirmed=told)[0]}
        for told in (None, {"ctr_drop": {"competitor_undercut": 6}}, {"conversion_drop": {"competitor_undercut": 6}})
    )
    assert elsewhere == before
    assert after["competitor_undercut"] > 3 * before["competitor_undercut"]


def test_a_listing_that_is_gone_is_no_failure(scene: Scene) -> None:
    (ranked,) = scene.causes(asked("conversion_drop", "conversion_drop", listing_ids=(999,)))
    assert sum(one["probability"] for one in ranked) == pytest.approx(1.0, abs=1e-3)


def test_no_look_at_days_to_come(scene: Scene) -> None:
    scene.fall(0, 10, conversion=0.2)
    scene.log("min_stay", "2", "7", 1)
    earlier = Scene(scene.listings, {name: one[:, 5:] for name, one in scene.values.items()}, scene.days[5:])
    assert earlier.days.size == case.SPAN_DAYS - 5
    ((first, *_rest),) = earlier.causes(asked("conversion_drop", "conversion_drop", onset_date=date(2026, 5, 22)))
    assert np.isfinite(first["probability"])


def test_learning_finds_the_weights_that_made_the_data() -> None:
    rng = np.random.default_rng(3)
    fits = rng.normal(size=(3000, 4, 2))
    told = fits @ np.array([2.0, 0.0]) + np.array([0.0, 0.5, -0.5, 0.0])
    truth = (told + rng.gumbel(size=told.shape)).argmax(axis=1)
    made = model.learn(fits, ["a", "b", "c", "d"], truth, rng.integers(0, 10, 3000), (0.1, 10.0, 0.1))
    assert made.shared[0] == pytest.approx(2.0, abs=0.25)
    assert abs(made.shared[1]) < 0.15
    assert made.temperature == pytest.approx(1.0, abs=0.15)
    said = made.probabilities(fits, ["a", "b", "c", "d"])
    first = said.max(axis=1)
    assert first.mean() == pytest.approx((said.argmax(axis=1) == truth).mean(), abs=0.02)
