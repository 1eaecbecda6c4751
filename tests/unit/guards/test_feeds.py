"""Stale, doubled, failing and mispriced feeds, and what an outage must keep quiet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from python_nodes.domain.inputs import Access, FailingPoll, FeedMarks, GuardInputs
from python_nodes.guards import access_ending, currency_switched, feed_duplicate, feed_stale, not_bookable, poll_failing
from tests.unit.guards.conftest import NOW, N, at_row, changed, texts

LONG_AGO = np.datetime64("2026-02-27T00:00:00", "s")


def marked(row: int, mark: str, value: str, operation: str = "ari", at: str = "2026-03-02T12:00:00") -> FeedMarks:
    return FeedMarks(
        np.array([row]), texts(operation), texts(mark), np.array(["2026-03-01"], "datetime64[D]"), texts(value),
        np.array([at], "datetime64[s]"),
    )  # fmt: skip


def failing(
    failures: int, hours: float, operation: str = "ari", listings: tuple[bool, ...] = (True,) * N
) -> FailingPoll:
    return FailingPoll(
        connection_id=4, connection="Expedia", operation=operation, failing_since_at=NOW - timedelta(hours=hours),
        succeeded_at=NOW - timedelta(hours=hours + 1), failures=failures, reason="503", listings=np.array(listings),
    )  # fmt: skip


def test_availability_not_told_for_too_long_is_stale(well: GuardInputs) -> None:
    edge = np.datetime64(NOW.replace(tzinfo=None), "s") - np.timedelta64(36, "h")
    fine = replace(well, ari=replace(well.ari, observed_at=at_row(well.ari.observed_at, edge)))
    assert feed_stale.check(fine) == []
    late = at_row(well.ari.observed_at, edge - np.timedelta64(1, "s"))
    (found,) = feed_stale.check(replace(well, ari=replace(well.ari, observed_at=late)))
    assert (found.listing_id, found.metric, found.cause) == (12, "availability", "feed_stale")


def test_a_report_is_late_by_itself_or_by_its_channel(well: GuardInputs) -> None:
    def told(*days: str) -> list[int]:
        last = np.array(days, dtype="datetime64[D]")
        return [one.listing_id for one in feed_stale.check(replace(well, last_performance_day=last))]

    assert told("2026-03-01", "2026-02-28", "2026-03-01") == [12]
    assert told("2026-02-28", "2026-02-28", "2026-02-28") == [], "the whole channel is a day late: not yet"
    assert told("2026-02-26", "2026-02-26", "2026-02-26") == [11, 12, 13]
    assert told("NaT", "NaT", "NaT") == []


def test_a_report_that_never_told_every_day_may_skip_one(well: GuardInputs) -> None:
    shown = well.recent.shown_count.copy()
    shown[1, ::2] = np.nan
    last = np.array(["2026-03-01", "2026-02-28", "2026-03-01"], "datetime64[D]")
    gaps = replace(well, last_performance_day=last, recent=replace(well.recent, shown_count=shown))
    assert feed_stale.check(gaps) == []


def test_a_channel_that_offers_what_bookings_took_hears_nothing(well: GuardInputs) -> None:
    full = replace(well, booked_units=changed(well.booked_units, 2, nights=slice(5, 7)))
    (found,) = feed_stale.check(full)
    assert (found.listing_id, found.evidence["offered_though_booked"]) == (12, ["2026-03-07", "2026-03-08"])
    blind = replace(full, failing=[failing(1, 1, "reservations")])
    assert feed_stale.check(blind) == [], "a cancellation we did not hear of may have freed it"


def test_doubled_rows_and_repeated_days(well: GuardInputs) -> None:
    (found,) = feed_duplicate.check(replace(well, marks=marked(2, "duplicate", "2", "performance")))
    assert (found.listing_id, found.cause, found.evidence["copies"]) == (13, "feed_duplicate", 2)
    old = marked(2, "duplicate", "2", "performance", at="2026-02-28T12:00:00")
    assert feed_duplicate.check(replace(well, marks=old)) == []


@pytest.mark.parametrize(("days", "count", "is_found"), [(3, 100.0, True), (2, 100.0, False), (3, 99.0, False)])
def test_the_same_figures_day_after_day(well: GuardInputs, days: int, count: float, is_found: bool) -> None:
    last = int(np.flatnonzero(well.recent.days == np.datetime64("2026-03-01"))[0])
    shown, viewed = well.recent.shown_count.copy(), well.recent.viewed_count.copy()
    shown[0, last - days + 1 : last + 1], viewed[0, last - days + 1 : last + 1] = count, 20.0
    found = feed_duplicate.check(replace(well, recent=replace(well.recent, shown_count=shown, viewed_count=viewed)))
    assert [one.listing_id for one in found] == ([11] if is_found else [])


def test_another_currency_is_told_and_is_no_stale_feed(well: GuardInputs) -> None:
    silent = replace(well, ari=replace(well.ari, observed_at=at_row(well.ari.observed_at, LONG_AGO)))
    switched = replace(silent, marks=marked(1, "currency", "USD"))
    (found,) = currency_switched.check(switched)
    assert (found.listing_id, found.evidence["shown_currency"], found.evidence["currency"]) == (12, "USD", "EUR")
    assert feed_stale.check(switched) == []
    (stale,) = feed_stale.check(silent)
    assert (stale.share_lost, stale.evidence["loss_is_unknown"][:14]) == (0.0, "a data problem")


@pytest.mark.parametrize(
    ("shown_in", "worth", "lost", "direction"),
    [
        ("USD", 0.92, 1 - 0.92**0.5, "down"),
        ("GBP", 1.25, 1 - 1.25**-1.0, "up"),
        # 120 euro become 120 yen, which are worth as much as 72 cents: a yen has no cents.
        ("JPY", 0.6, 1 - 0.006**0.5, "down"),
    ],
)
def test_another_currency_costs_what_so_wrong_a_price_costs(
    well: GuardInputs, shown_in: str, worth: float, lost: float, direction: str
) -> None:
    switched = replace(well, marks=marked(1, "currency", shown_in), worth={"EUR": 1.0, shown_in: worth})
    (found,) = currency_switched.check(switched)
    assert (found.share_lost, found.direction) == (pytest.approx(lost), direction)


def test_a_currency_without_a_rate_has_no_invented_loss(well: GuardInputs) -> None:
    (found,) = currency_switched.check(replace(well, marks=marked(1, "currency", "USD"), worth={"EUR": 1.0}))
    assert (found.share_lost, found.evidence["loss_is_unknown"]) == (0.0, "no exchange rate")


def test_a_report_in_another_currency_counts_until_availability_came_well(well: GuardInputs) -> None:
    mark = marked(1, "currency", "USD", "performance")
    assert len(currency_switched.check(replace(well, marks=mark))) == 1
    after = at_row(well.ari.observed_at, np.datetime64("2026-03-02T12:00:00", "s"))
    assert currency_switched.check(replace(well, marks=mark, ari=replace(well.ari, observed_at=after))) == []


@pytest.mark.parametrize(
    ("failures", "hours", "is_found"), [(2, 2, False), (3, 2, True), (1, 24, True), (1, 23, False)]
)
def test_a_poll_fails_for_good_after_some_failures_or_a_day(
    well: GuardInputs, failures: int, hours: float, is_found: bool
) -> None:
    polls = [failing(failures, hours, listings=(True, True, False)), failing(failures, hours, "health")]
    found = poll_failing.check(replace(well, failing=polls[:1]))
    assert [one.listing_id for one in found] == ([11, 12] if is_found else [])
    for one in found:
        assert (one.cause, one.evidence["connection"], one.evidence["reason"]) == ("poll_failing", "Expedia", "503")
        assert one.evidence["operations"] == ["ari"]


def test_an_outage_speaks_for_its_listings_and_nothing_else_does(well: GuardInputs) -> None:
    """Shut nights and old data, because the poll fails: one word about the poll, none about each listing."""
    silent = replace(
        well, failing=[failing(40, 40)],
        ari=replace(
            well.ari, observed_at=np.full(N, LONG_AGO), is_open=changed(well.ari.is_open, False),
            known=changed(well.ari.known, False),
        ),
    )  # fmt: skip
    assert len(poll_failing.check(silent)) == N
    assert feed_stale.check(silent) == []
    assert not_bookable.check(silent) == []
    heard = replace(silent, failing=(), ari=replace(silent.ari, observed_at=well.ari.observed_at))
    assert [one.listing_id for one in not_bookable.check(heard)] == [12]


@pytest.mark.parametrize(
    ("days", "refused_days", "is_found"),
    [(15, None, False), (14, None, True), (-1, None, True), (None, 0, True), (300, 0, True), (None, None, False)],
)
def test_access_that_ends_within_two_weeks_or_is_refused_is_told(
    well: GuardInputs, days: int | None, refused_days: int | None, is_found: bool
) -> None:
    one = Access(
        connection_id=3, connection="Airbnb", listings=np.array([True, False, True]),
        ends_at=None if days is None else well.as_of + timedelta(days=days),
        refused_at=None if refused_days is None else well.as_of - timedelta(days=refused_days),
    )  # fmt: skip
    found = access_ending.check(replace(well, access=[one]))
    assert [item.listing_id for item in found] == ([11, 13] if is_found else [])
    for item in found:
        assert (item.cause, item.evidence["connection"], item.evidence["listings"]) == ("access_ending", "Airbnb", 2)
        assert (item.evidence["refused_at"] is None) == (refused_days is None)
