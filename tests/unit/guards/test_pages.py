"""Reviews, what a page shows, the channel's word, and a calendar that runs empty."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from python_nodes.domain.inputs import GuardInputs, HealthState, MissingContent, ReviewState
from python_nodes.guards import amenity_missing, calendar_empty, not_bookable, rate_plan_gap, review_drop
from tests.unit.guards.conftest import N, at_row, texts


@pytest.mark.parametrize(
    ("score", "count", "is_found"), [(8.8, 40, False), (8.7, 40, True), (8.7, 9, False), (8.7, 10, True)]
)
def test_a_score_that_fell(well: GuardInputs, score: float, count: int, is_found: bool) -> None:
    history = well.recent.review_score.copy()
    history[1, -3:-1] = score  # yesterday and today; the last column lies ahead
    state = ReviewState(at_row(well.reviews.score_10, score), at_row(well.reviews.count, count))
    found = review_drop.check(replace(well, reviews=state, recent=replace(well.recent, review_score=history)))
    assert [(one.listing_id, one.cause) for one in found] == ([(12, "review_drop")] if is_found else [])
    for one in found:
        assert one.onset_date == date(2026, 3, 1)
        assert one.evidence["points"] == pytest.approx(0.3)
        assert one.share_lost == pytest.approx(1 - np.exp(-0.06))


@pytest.mark.parametrize(("count", "least"), [(10, 0.25), (1_024, 0.25), (1_600, 0.2), (6_400, 0.1), (90_000, 0.1)])
def test_the_score_of_many_reviews_need_not_fall_far(well: GuardInputs, count: int, least: float) -> None:
    for points, is_found in ((least, True), (least - 0.02, False)):
        history = well.recent.review_score.copy()
        history[1, -3:-1] = 9.0 - points
        state = ReviewState(at_row(well.reviews.score_10, 9.0 - points), at_row(well.reviews.count, count))
        found = review_drop.check(replace(well, reviews=state, recent=replace(well.recent, review_score=history)))
        assert bool(found) == is_found


def test_a_score_without_a_past_or_a_present_is_not_judged(well: GuardInputs) -> None:
    nothing = np.full_like(well.recent.review_score, np.nan)
    low = ReviewState(np.full(N, 3.0), np.full(N, 40, np.int64))
    assert review_drop.check(replace(well, reviews=low, recent=replace(well.recent, review_score=nothing))) == []
    untold = ReviewState(np.full(N, np.nan), np.full(N, 40, np.int64))
    assert review_drop.check(replace(well, reviews=untold)) == []


def gone(*entries: tuple[int, str, str, int, str]) -> MissingContent:
    rows, parts, names, left, seen = zip(*entries, strict=True)
    return MissingContent(
        np.array(rows), texts(*parts), texts(*names), np.array(left), np.array(seen, "datetime64[s]")
    )  # fmt: skip


def test_what_a_page_lacks(well: GuardInputs) -> None:
    missing = gone(
        (2, "amenity", "wifi", 5, "2026-03-01T12:00:00"), (0, "rate_plan", "nonref", 1, "2026-03-01T12:00:00"),
        (2, "amenity", "parking", 5, "2026-02-20T12:00:00"), (1, "amenity", "pool", 5, "2026-02-02T11:59:59"),
    )  # fmt: skip
    lacking = replace(well, missing_content=missing)
    (amenity,) = amenity_missing.check(lacking)
    assert (amenity.listing_id, amenity.cause, amenity.evidence["missing"]) == (
        13, "amenity_missing", ["parking", "wifi"],
    )  # fmt: skip
    # Each of two, in searches and on the page.
    assert amenity.share_lost == pytest.approx(1 - 0.9**4)
    (plan,) = rate_plan_gap.check(lacking)
    assert (plan.listing_id, plan.cause, plan.share_lost) == (11, "rate_plan_gap", pytest.approx(0.2))


def test_without_any_plan_left_nothing_can_be_booked(well: GuardInputs) -> None:
    (found,) = rate_plan_gap.check(replace(well, missing_content=gone((1, "rate_plan", "flex", 0, "2026-03-01T12:00"))))
    assert found.share_lost == 1.0


@pytest.mark.parametrize("word", ["closed", "auto_closed", "hard_closed"])
def test_a_channels_word_closes_what_its_calendar_shows_open(well: GuardInputs, word: str) -> None:
    health = HealthState(
        at_row(well.health.status.astype("U20"), word), well.health.changed_at, texts("", "no rates", "")
    )
    (found,) = not_bookable.check(replace(well, health=health))
    assert (found.listing_id, found.evidence["channel_word"], found.evidence["nights_count"]) == (12, word, 90)
    assert found.evidence["channel_detail"] == "no rates"
    shut = replace(well, health=health, operator_open=at_row(well.operator_open, False))
    assert not_bookable.check(shut) == [], "the operator wants it closed"
    unasked = replace(shut, operator_known=at_row(well.operator_known, False))
    assert len(not_bookable.check(unasked)) == 1


def running_empty(inputs: GuardInputs, last_open: int) -> GuardInputs:
    is_open = inputs.ari.is_open.copy()
    is_open[1, last_open + 1 :] = False
    known = at_row(inputs.operator_known, False)
    return replace(inputs, operator_known=known, ari=replace(inputs.ari, is_open=is_open))


@pytest.mark.parametrize(("last_open", "is_found"), [(75, True), (76, False), (-1, True)])
def test_a_calendar_that_ends_within_the_booking_window(well: GuardInputs, last_open: int, is_found: bool) -> None:
    found = calendar_empty.check(running_empty(well, last_open))
    assert [(one.listing_id, one.cause) for one in found] == ([(12, "calendar_empty")] if is_found else [])


def test_nights_nobody_asks_for_yet_may_be_unloaded_and_so_may_those_beyond_the_feed(well: GuardInputs) -> None:
    empty = running_empty(well, 60)
    early = well.night_demand.copy()
    early[:, 61:] = 0.001
    assert calendar_empty.check(replace(empty, night_demand=early)) == []
    short = well.ari.known.copy()
    short[:, 61:] = False
    assert calendar_empty.check(replace(empty, ari=replace(empty.ari, known=short))) == []
    assert calendar_empty.check(replace(empty, operator_known=well.operator_known)) == []
