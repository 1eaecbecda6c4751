"""What a close look says of a finding, in words and in facts, on worlds drawn at random."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from python_nodes.domain.findings import CHANGE, CHANGE_FACTS, Anomaly
from python_nodes.domain.metrics import MetricMatrix
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.inspect import CloseUp, look_closely, sentence
from python_nodes.scoring.sweep import look_all, score_all
from python_nodes.scoring.watches import load_watches

World = Callable[..., MetricMatrix]
MakeListing = Callable[..., ListingInfo]
N = 60


def told(matrix: MetricMatrix, listing: MakeListing) -> list[Anomaly]:
    listings = [listing(key, f"m{key % 3}") for key in range(1, N + 1)]
    until = (matrix.days[-1] + np.timedelta64(1, "D")).item()
    return [one for one in score_all(load_watches(), matrix, listings, None, until) if one.listing_id == 1]


def scaled(matrix: MetricMatrix, metric: str, days: int, factor: float | np.ndarray) -> MetricMatrix:
    values = matrix.values[metric].copy()
    values[0, -days:] = np.round(values[0, -days:] * factor)
    return replace(matrix, values={**matrix.values, metric: values})


def volumes() -> np.ndarray:
    return np.concatenate([np.array([6.0]), np.linspace(0.1, 4.0, N - 1)])


@pytest.mark.parametrize("seed", [20, 21, 22])
def test_a_finding_says_since_when_and_from_what_to_what(seed: int, world: World, listing: MakeListing) -> None:
    matrix = scaled(world(seed, volumes()), "listing_views", 8, 0.5)
    matrix = scaled(matrix, "booking_velocity", 8, 0.5)
    (found,) = told(matrix, listing)
    facts = found.evidence[CHANGE_FACTS]
    onset = matrix.days[-8].item()
    assert facts["kind"] == "level_shift"
    assert abs((date.fromisoformat(facts["since_date"]) - onset).days) <= 1
    assert facts["after"] / facts["before"] == pytest.approx(0.5, abs=0.1)
    assert facts["sure_share"] > 0.8
    assert facts["metric"] == "click_through_rate"
    assert facts["strange_p"] < 1e-3
    words = found.evidence[CHANGE]
    assert words.startswith("level shift since ")
    assert words.count(" %") == 2
    assert next(iter(found.evidence)) == CHANGE


def test_days_without_views_put_no_nan_into_a_finding(world: World, listing: MakeListing) -> None:
    matrix = scaled(world(20, volumes()), "booking_velocity", 8, 0.0)
    views = matrix.values["listing_views"].copy()
    views[0, -6:-4] = np.nan
    (found,) = told(replace(matrix, values={**matrix.values, "listing_views": views}), listing)
    assert CHANGE_FACTS in found.evidence
    json.dumps(found.evidence, allow_nan=False)


def test_a_rank_that_fades_is_told_as_a_slow_decline_by_its_places(world: World, listing: MakeListing) -> None:
    matrix = world(24, volumes())
    rng = np.random.default_rng(24)
    rank = np.clip(np.round(rng.uniform(15, 40, (N, 1)) * np.exp(rng.normal(0, 0.09, (N, matrix.days.size)))), 1, 200)
    matrix = replace(matrix, values={**matrix.values, "search_rank": rank})
    (found,) = told(scaled(matrix, "search_rank", 24, np.linspace(1.0, 3.0, 24)), listing)
    facts = found.evidence[CHANGE_FACTS]
    assert facts["kind"] == "slow_decline"
    assert facts["after"] > 1.8 * facts["before"]
    assert "from place " in found.evidence[CHANGE]


def test_a_count_that_stands_still_is_told_as_a_count(world: World, listing: MakeListing) -> None:
    matrix = world(21, volumes())
    values = matrix.values["listing_views"].copy()
    values[0, -12:] = 77.0
    listings = [listing(key, f"m{key % 3}") for key in range(1, N + 1)]
    looked, known = look_all(
        load_watches(), replace(matrix, values={**matrix.values, "listing_views": values}), listings, None,
        (matrix.days[-1] + np.timedelta64(1, "D")).item(),
    )  # fmt: skip
    told = look_closely(looked, known, {"ctr_drop": np.array([0, 1])})["ctr_drop", 0]
    assert (told.kind, told.metric, told.after) == ("flat_line", "listing_views", 77.0)
    assert sentence(told).endswith(", 77 every day")


@pytest.mark.parametrize(
    ("close_up", "words"),
    [
        (CloseUp("level_shift", date(2026, 3, 12), 4.13, 1.2, 0.9, "booking_velocity"),
         "level shift since 12 March 2026, from 4.1 to 1.2 a day"),
        (CloseUp("level_shift", date(2026, 3, 12), 0.021, 0.008, 0.9, "conversion_rate"),
         "level shift since 12 March 2026, from 2.1 % to 0.8 %"),
        (CloseUp("slow_decline", date(2026, 3, 1), 12.0, 31.0, 0.9, "search_rank"),
         "slow decline since 1 March 2026, from place 12 to 31"),
        (CloseUp("level_shift", date(2026, 3, 1), 131.0, 92.4, 0.9, "competitor_price"),
         "level shift since 1 March 2026, from 131 to 92"),
        (CloseUp("flat_line", date(2026, 3, 1), None, 231.0, 0.9, "search_impressions"),
         "flat line since 1 March 2026, 231 every day"),
        (CloseUp("variance", date(2026, 3, 1), 1.0, 2.4, 0.9, "search_impressions"),
         "more variable since about 1 March 2026, by 2.4 times"),
        (CloseUp("missing", date(2026, 3, 1), None, None, 0.9, "search_impressions"),
         "data missing since 1 March 2026"),
        (CloseUp("level_shift", date(2026, 3, 1), None, None, 0.9, "search_impressions"),
         "level shift since 1 March 2026"),
    ],
)  # fmt: skip
def test_every_kind_has_its_sentence(close_up: CloseUp, words: str) -> None:
    assert sentence(close_up) == words
