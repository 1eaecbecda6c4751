"""Every kind of incident leaves its mark where the counterparts and the downloads show it, and only then and there."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from sandbox.calendar import eur_cents_per_minor, same_number
from sandbox.effects import RANK_POWER, currency_ratio
from sandbox.incidents import Incident
from sandbox.kinds import KINDS
from sandbox.rows import AriRow, ContentRow, PerformanceRow, ReviewRow
from sandbox.simulated import World


def _of(world: World, kind: str) -> Incident:
    return next(item for item in world.placed if item.kind == kind)


def _night(world: World, item: Incident, live_day: int) -> AriRow:
    """The incident's first touched night as its first listing shows it on a live day."""
    i, book = item.listings[0], world.portfolio
    night = world.t0 + timedelta(days=item.first_day + item.nights[0])
    day = world.t0 + timedelta(days=live_day)
    rows = world.ari(book.channel[i], book.channel_property_id[i], day, night, night)
    return next(row for row in rows if row.room_id == book.room_id[i])


def _review(world: World, item: Incident, live_day: int) -> ReviewRow:
    i, book, day = item.listings[0], world.portfolio, world.t0 + timedelta(days=live_day)
    return next(
        r for r in world.reviews(book.channel[i], book.channel_property_id[i], day) if r.room_id == book.room_id[i]
    )


def _content(world: World, item: Incident, live_day: int) -> ContentRow:
    i, book, day = item.listings[0], world.portfolio, world.t0 + timedelta(days=live_day)
    return next(
        r for r in world.content(book.channel[i], book.channel_property_id[i], day) if r.room_id == book.room_id[i]
    )


def _report(world: World, item: Incident, asked: int, about: int) -> list[PerformanceRow]:
    """Rows about a live day of the incident's first listing, in the report that is asked for on a live day."""
    i, book = item.listings[0], world.portfolio
    day = world.t0 + timedelta(days=about)
    rows = world.as_seen(world.t0 + timedelta(days=asked)).performance(book.channel[i], day, day)
    return [row for row in rows if row.room_id == book.room_id[i]]


def _change(world: World, item: Incident, name: str) -> float:
    """Live counts to the twin's, over the incident's days and listings."""
    cells = np.ix_(np.array(item.listings), np.arange(item.first_day, item.last_day + 1))
    live = getattr(world.counts, name)[:, world.history_days :]
    return float(live[cells].sum() / max(getattr(world.twin, name)[cells].sum(), 1))


def test_the_main_job_has_every_kind_and_enough_of_them(main_job: World) -> None:
    assert {item.kind for item in main_job.placed} == set(KINDS)
    assert sum(not item.is_control for item in main_job.placed) >= 60
    assert {item.scope for item in main_job.placed} == {"listing", "unit", "property", "market"}
    taken = [i for item in main_job.placed if item.scope != "market" for i in item.listings]
    assert len(taken) == len(set(taken))


def test_a_missing_rate_is_no_price_on_an_open_night(main_job: World) -> None:
    item = _of(main_job, "rate_missing")
    row = _night(main_job, item, item.first_day)
    assert (row.price_minor, row.is_open) == (None, True)
    assert _night(main_job, item, item.first_day - 1).price_minor is not None
    assert _night(main_job, item, item.last_day + 1).price_minor is not None


def test_a_missing_fee_is_charged_to_nobody(main_job: World) -> None:
    item = _of(main_job, "fee_missing")
    assert _night(main_job, item, item.first_day).fees_minor == 0
    assert _night(main_job, item, item.first_day - 1).fees_minor == main_job.portfolio.fee_minor[item.listings[0]] > 0


def test_a_raised_minimum_stay_is_shown_and_turns_short_stays_away(main_job: World) -> None:
    item = _of(main_job, "min_stay_raised")
    assert _night(main_job, item, item.first_day).min_stay_nights == item.min_stay_nights
    assert _night(main_job, item, item.first_day - 1).min_stay_nights == 1
    made, live = main_job.reservations, main_job.reservations.day - main_job.history_days
    rows = (made.listing == item.listings[0]) & (live >= item.first_day) & (live <= item.last_day)
    start = main_job.history_days + item.first_day
    touched = rows & (made.checkin >= start + item.nights[0]) & (made.checkin <= start + item.nights[1])
    assert made.nights[touched].min(initial=99) >= item.min_stay_nights


def test_missing_content_is_missing_while_it_lasts(main_job: World) -> None:
    amenity, plan = _of(main_job, "amenity_missing"), _of(main_job, "rate_plan_gap")
    before, during = (_content(main_job, amenity, day) for day in (amenity.first_day - 1, amenity.first_day))
    assert set(before.amenities) - set(during.amenities) == {"wifi"}
    before, during = (_content(main_job, plan, day) for day in (plan.first_day - 1, plan.first_day))
    assert len(before.rate_plans) == 2
    assert during.rate_plans == (main_job.portfolio.rate_id[plan.listings[0]],)


def test_a_review_score_falls_by_its_points(main_job: World) -> None:
    item = _of(main_job, "review_drop")
    before, during = (_review(main_job, item, day) for day in (item.first_day - 1, item.first_day))
    assert before.score_10 - during.score_10 == pytest.approx(item.points, abs=0.06)
    assert 0 < before.count <= during.count


def test_a_switched_currency_keeps_the_numbers(main_job: World) -> None:
    item = _of(main_job, "currency_switched")
    before, during = (_night(main_job, item, day) for day in (item.first_day - 1, item.first_day))
    assert during.currency == item.currency != before.currency
    assert before.price_minor is not None
    assert during.price_minor == same_number(before.price_minor, before.currency, item.currency)
    assert {row.currency for row in _report(main_job, item, item.first_day + 1, item.first_day)} == {item.currency}
    i, day = item.listings[0], main_job.t0 + timedelta(days=item.first_day)
    made = main_job.bookings(main_job.portfolio.channel[i], day, day)
    assert {row.currency for row in made if row.room_id == main_job.portfolio.room_id[i]} <= {item.currency}


def test_a_numbers_worth_in_another_currency(main_job: World) -> None:
    item = _of(main_job, "currency_switched")
    assert same_number(12_000, "EUR", "JPY") == 120
    assert same_number(120, "JPY", "EUR") == 12_000
    own = main_job.portfolio.market(item.listings[0]).currency
    worth = 10_000 * eur_cents_per_minor(own) * currency_ratio(item, own)
    assert worth == pytest.approx(same_number(10_000, own, item.currency) * eur_cents_per_minor(item.currency))


def test_a_stale_feed_gives_the_rows_of_the_day_before(main_job: World) -> None:
    item = _of(main_job, "feed_stale")
    first, last, i, book = item.first_day, item.last_day, item.listings[0], main_job.portfolio
    assert _report(main_job, item, first - 1, first - 2)
    assert not _report(main_job, item, first, first - 1)
    assert not _report(main_job, item, last, last - 1)
    assert _report(main_job, item, last + 1, last - 1), "late rows come in the end"
    where = book.channel[i], book.channel_property_id[i]
    days = [main_job.t0 + timedelta(days=day) for day in (first - 1, first, last, last + 1)]
    seen = [main_job.ari(*where, day, main_job.t0 + timedelta(40), main_job.t0 + timedelta(90)) for day in days]
    assert seen[0] == seen[1] == seen[2] != seen[3]
    stale = main_job.as_seen(days[2])
    assert {r.room_id for r in stale.bookings(where[0], days[1], days[2])}.isdisjoint(
        book.room_id[k] for k in item.listings
    )
    assert len(main_job.as_seen(days[3]).bookings(where[0], days[1], days[2])) > len(
        stale.bookings(where[0], days[1], days[2])
    )


def test_a_duplicated_feed_gives_its_rows_twice_from_its_first_day(main_job: World) -> None:
    item = _of(main_job, "feed_duplicate")
    first, last = item.first_day, item.last_day
    twice = _report(main_job, item, first, first - 1)
    assert len(twice) == 2
    assert twice[0] == twice[1]
    assert len(_report(main_job, item, first - 1, first - 2)) == 1
    assert len(_report(main_job, item, last + 1, last)) == 1


def test_rank_and_competitors_move_as_stated(main_job: World) -> None:
    def seen(item: Incident, live_day: int) -> tuple[int, int]:
        room = main_job.portfolio.room_id[item.listings[0]]
        rows = main_job.market_watch(main_job.t0 + timedelta(days=live_day))
        return next((row.search_rank, row.competitor_price_minor) for row in rows if row.room_id == room)

    rank = _of(main_job, "rank_drop")
    worse = seen(rank, rank.first_day)[0] / seen(rank, rank.first_day - 1)[0]
    assert worse == pytest.approx((1 - rank.severity) ** (-1 / RANK_POWER), rel=0.45)
    undercut = _of(main_job, "competitor_undercut")
    ratio = seen(undercut, undercut.first_day)[1] / seen(undercut, undercut.first_day - 1)[1]
    assert ratio == pytest.approx(undercut.factor, rel=0.12)
    down = _of(main_job, "listing_down")
    shown = {row.room_id for row in main_job.market_watch(main_job.t0 + timedelta(days=down.first_day))}
    assert main_job.portfolio.room_id[down.listings[0]] not in shown


@pytest.mark.parametrize(
    ("kind", "count", "low", "high"),
    [
        ("listing_down", "impressions", 0.0, 0.0),
        ("rank_drop", "impressions", 0.3, 0.6),
        ("ctr_drop", "views", 0.4, 0.7),
        ("conversion_drop", "events", 0.0, 0.5),
        ("competitor_undercut", "events", 0.2, 0.9),
        ("market_demand_drop", "impressions", 0.55, 0.7),
        ("public_holiday", "impressions", 0.7, 0.85),
        ("local_event", "impressions", 1.4, 1.7),
        ("slow_decline", "views", 0.4, 0.95),
        ("feed_stale", "impressions", 0.99, 1.1),
    ],
)
def test_each_kind_moves_its_own_step_of_the_funnel(
    main_job: World, kind: str, count: str, low: float, high: float
) -> None:
    item = _of(main_job, kind)
    assert low <= _change(main_job, item, count) <= high
    if kind in ("conversion_drop", "competitor_undercut"):
        # A market's incident may fall on the same days; the click-through stays what it was.
        assert _change(main_job, item, "views") == pytest.approx(_change(main_job, item, "impressions"), rel=0.05)


def test_a_slow_decline_is_slow(main_job: World) -> None:
    item = max(
        (item for item in main_job.placed if item.kind == "slow_decline"),
        key=lambda item: item.last_day - item.first_day,
    )
    days = np.arange(item.first_day, item.last_day + 1)
    i, half = item.listings[0], days.size // 2
    ratio = main_job.counts.impressions[i, main_job.history_days + days] / main_job.twin.impressions[i, days]
    assert ratio[:3].mean() > 0.9
    assert ratio[:half].mean() > ratio[half:].mean() + 0.1
    assert ratio[-1] == pytest.approx((1 - item.severity) ** 0.5, rel=0.15)
