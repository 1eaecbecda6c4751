"""The pipeline as people would see it: what is told, what is not, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_nodes.alerts.mute import Mute
from python_nodes.alerts.pipeline import AlertDraft, Decisions, PipelineSettings, fingerprint, reconcile
from python_nodes.domain.findings import Alert, Anomaly, Impact
from python_nodes.domain.portfolio import ListingInfo

AS_OF = datetime(2026, 3, 4, 12, tzinfo=UTC)
NEXT_DAY = AS_OF + timedelta(days=1)
SETTINGS = PipelineSettings(currency="EUR")

Listings = Callable[..., ListingInfo]
Anomalies = Callable[..., Anomaly]
Impacts = Callable[..., Impact]


def stored(draft: AlertDraft, alert_id: int = 7) -> Alert:
    return Alert(alert_id=alert_id, updated_at=draft.raised_at, resolved_at=None, version=1, **asdict(draft))


def kinds_raised(decisions: Decisions) -> list[str]:
    return [draft.kind for draft in decisions.insert]


def run(
    anomalies: Sequence[Anomaly],
    impacts: Sequence[Impact],
    listings: Sequence[ListingInfo],
    open_alerts: Sequence[Alert] = (),
    as_of: datetime = AS_OF,
    settings: PipelineSettings = SETTINGS,
) -> Decisions:
    return reconcile(open_alerts, anomalies, impacts, listings, as_of, settings)


def test_a_new_problem_is_raised_with_its_title_and_money(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    decisions = run([make_anomaly(2, "not_bookable")], [make_impact()], [make_listing(2)])
    (draft,) = decisions.insert
    assert draft.title == "Calendar closed on Booking.com: Harbour View Room 2, 12 nights"
    assert (draft.listing_id, draft.property_id, draft.market, draft.currency) == (2, 1, "lisbon", "EUR")
    assert (draft.impact_minor, draft.loss_per_day_minor, draft.raised_at) == (20_000, 10_000, AS_OF)
    assert [reason.decision for reason in decisions.reasons] == ["raised"]


def test_the_same_problem_next_day_updates_and_stays_quiet(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    first = run([make_anomaly(2, "not_bookable")], [make_impact()], [make_listing(2)])
    alert = stored(first.insert[0])
    later = run(
        [make_anomaly(2, "not_bookable", onset_date=NEXT_DAY.date())],
        [make_impact(lost_so_far_minor=5_000)],
        [make_listing(2)],
        [alert],
        NEXT_DAY,
    )
    assert not later.insert
    assert not later.resolve
    (changed,) = later.update
    assert not changed.notify
    assert changed.fields["lost_so_far_minor"] == 5_000 + 10_000, "the first day's loss and one more day"
    assert changed.fields["onset_date"] == alert.onset_date, "a lasting problem does not begin anew each day"
    assert "without telling again" in changed.reason


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [("medium", "high", True), ("high", "critical", True), ("high", "high", False), ("critical", "low", False)],
)
def test_people_hear_again_only_when_the_category_worsens(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts, before: str, after: str, told: bool
) -> None:
    first = run([make_anomaly(2, "no_price")], [make_impact(before)], [make_listing(2)])
    later = run(
        [make_anomaly(2, "no_price")], [make_impact(after)], [make_listing(2)], [stored(first.insert[0])], NEXT_DAY
    )
    assert [change.notify for change in later.update] == [told]


def test_a_problem_no_longer_found_is_resolved_and_told(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    first = run([make_anomaly(2, "no_price")], [make_impact()], [make_listing(2)])
    later = run([], [], [make_listing(2)], [stored(first.insert[0])], NEXT_DAY)
    (ended,) = later.resolve
    assert (ended.alert_id, ended.resolved_at, ended.notify) == (7, NEXT_DAY, True)


@pytest.mark.parametrize("hidden", ["not_bookable", "no_price", "demand_drop", "conversion_drop"])
def test_a_suspended_listing_is_one_alert(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts, hidden: str
) -> None:
    found = [make_anomaly(2, hidden, share_lost=1.0), make_anomaly(2, "suspended", share_lost=0.1)]
    decisions = run(found, [make_impact(), make_impact()], [make_listing(2)])
    assert kinds_raised(decisions) == ["suspended"]
    assert any(reason.stage == "inhibit" and hidden in reason.why for reason in decisions.reasons)


def test_a_stale_feed_neither_hides_a_guard_nor_resolves_a_drop(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    drop = run([make_anomaly(2, "conversion_drop")], [make_impact()], [make_listing(2)])
    found = [make_anomaly(2, "feed_stale"), make_anomaly(2, "not_bookable")]
    later = run(found, [make_impact(), make_impact()], [make_listing(2)], [stored(drop.insert[0])], NEXT_DAY)
    assert sorted(kinds_raised(later)) == ["feed_stale", "not_bookable"]
    assert not later.resolve
    assert any(reason.decision == "kept open" and reason.alert_id == 7 for reason in later.reasons)


@pytest.mark.parametrize(
    ("guard_share", "raised"), [(0.4, ["not_bookable"]), (0.1, ["conversion_drop", "not_bookable"])]
)
def test_a_guard_explains_a_drop_only_if_it_is_large_enough(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts, guard_share: float, raised: list[str]
) -> None:
    found = [
        make_anomaly(2, "conversion_drop", share_lost=0.6),
        make_anomaly(2, "not_bookable", share_lost=guard_share),
    ]
    assert sorted(kinds_raised(run(found, [make_impact(), make_impact()], [make_listing(2)]))) == raised


def test_inhibition_does_not_reach_another_listing(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    found = [make_anomaly(1, "suspended"), make_anomaly(2, "conversion_drop")]
    decisions = run(found, [make_impact(), make_impact()], [make_listing(1), make_listing(2)])
    assert sorted(kinds_raised(decisions)) == ["conversion_drop", "suspended"]


def test_all_listings_of_a_property_are_one_alert_and_the_money_adds(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    listings = [make_listing(1), make_listing(2), make_listing(3, property_id=2)]
    found = [make_anomaly(1, "not_bookable"), make_anomaly(2, "not_bookable"), make_anomaly(3, "not_bookable")]
    decisions = run(found, [make_impact(score=61.0), make_impact("critical", 85.0), make_impact()], listings)
    scopes = {draft.scope: draft for draft in decisions.insert}
    assert set(scopes) == {"property", "listing"}
    assert scopes["property"].listing_id is None
    assert scopes["property"].impact_minor == 40_000
    assert (scopes["property"].category, scopes["property"].score) == ("critical", 85.0)
    assert scopes["property"].title.endswith("2 listings of property hotel-1, 24 nights")
    assert scopes["listing"].listing_id == 3, "a property of one listing has nothing to group"


@pytest.mark.parametrize(("rooms", "scopes"), [(4, ["property"]), (5, ["listing", "listing"])])
def test_two_listings_are_the_propertys_problem_if_they_are_half_of_it(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts, rooms: int, scopes: list[str]
) -> None:
    listings = [make_listing(number) for number in range(1, rooms + 1)]
    found = [make_anomaly(1, "not_bookable"), make_anomaly(2, "not_bookable")]
    decisions = run(found, [make_impact(), make_impact()], listings)
    assert [draft.scope for draft in decisions.insert] == scopes


def test_one_unit_on_several_channels_is_one_alert_that_names_them(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    listings = [make_listing(n, unit_id=9, channel=name) for n, name in enumerate(("airbnb", "vrbo", "expedia"), 1)]
    other = make_listing(4)
    found = [make_anomaly(n, "amenity_missing") for n in (1, 2, 3, 4)]
    decisions = run(found[:3], [make_impact()] * 3, [*listings, other, make_listing(5), make_listing(6)])
    (draft,) = decisions.insert
    assert (draft.scope, draft.listing_id, draft.evidence["unit_id"]) == ("unit", None, 9)
    assert [member["channel"] for member in draft.evidence["members"]] == ["airbnb", "vrbo", "expedia"]
    assert draft.title == "Amenity missing on 3 channels: Harbour View Room 1, 3 listings of the unit"
    assert draft.fingerprint == fingerprint("unit", None, None, None, "amenity_missing", 9)


def test_problems_weeks_apart_are_not_one(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    found = [
        make_anomaly(1, "not_bookable", onset_date=AS_OF.date() - timedelta(days=20)),
        make_anomaly(2, "not_bookable"),
    ]
    decisions = run(found, [make_impact(), make_impact()], [make_listing(1), make_listing(2)])
    assert [draft.scope for draft in decisions.insert] == ["listing", "listing"]


def market_of(make_listing: Listings, name: str, first: int, count: int) -> list[ListingInfo]:
    return [make_listing(n, property_id=n, market=name) for n in range(first, first + count)]


@pytest.mark.parametrize(("fallen", "scopes"), [(5, {"market"}), (3, {"listing"})])
def test_listings_of_a_market_that_fall_together_beyond_chance_are_one_alert(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts, fallen: int, scopes: set[str]
) -> None:
    listings = market_of(make_listing, "lisbon", 1, 12) + market_of(make_listing, "porto", 101, 60)
    found = [make_anomaly(n, "demand_drop", p_value=1e-6) for n in range(1, fallen + 1)]
    decisions = run(found, [make_impact()] * fallen, listings)
    assert {draft.scope for draft in decisions.insert} == scopes
    if scopes == {"market"}:
        (draft,) = decisions.insert
        assert (draft.property_id, draft.market, draft.impact_minor) == (None, "lisbon", fallen * 20_000)
        assert any("by chance" in reason.why for reason in decisions.reasons)


def test_what_falls_everywhere_is_no_markets_problem(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    listings = market_of(make_listing, "lisbon", 1, 12) + market_of(make_listing, "porto", 101, 60)
    found = [make_anomaly(n, "demand_drop", p_value=1e-6) for n in [*range(1, 6), *range(101, 126)]]
    decisions = run(found, [make_impact()] * len(found), listings)
    assert {draft.scope for draft in decisions.insert} == {"listing"}


def test_a_market_cannot_close_calendars(make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts) -> None:
    listings = market_of(make_listing, "lisbon", 1, 12)
    decisions = run([make_anomaly(n, "not_bookable") for n in range(1, 9)], [make_impact()] * 8, listings)
    assert {draft.scope for draft in decisions.insert} == {"listing"}


def test_a_markets_fall_hides_the_listings_own(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    listings = market_of(make_listing, "lisbon", 1, 12)
    found = [make_anomaly(n, "market_demand_drop") for n in range(1, 13)]
    found += [make_anomaly(3, "demand_drop"), make_anomaly(4, "not_bookable", share_lost=0.1)]
    decisions = run(found, [make_impact()] * len(found), listings)
    assert sorted((draft.scope, draft.kind) for draft in decisions.insert) == [
        ("listing", "not_bookable"), ("market", "market_demand_drop"),
    ]  # fmt: skip
    assert any("explained by market_demand_drop" in reason.why for reason in decisions.reasons)


@pytest.mark.parametrize(("stale", "resolved"), [(2, [7]), (6, [])])
def test_a_markets_alert_ends_though_a_few_of_its_feeds_are_stale(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts, stale: int, resolved: list[int]
) -> None:
    listings = market_of(make_listing, "lisbon", 1, 12)
    first = run([make_anomaly(n, "market_demand_drop") for n in range(1, 13)], [make_impact()] * 12, listings)
    found = [make_anomaly(n, "feed_stale") for n in range(1, stale + 1)]
    later = run(found, [make_impact()] * stale, listings, [stored(first.insert[0])], NEXT_DAY)
    assert [ended.alert_id for ended in later.resolve] == resolved


@pytest.mark.parametrize("kind", ["channel_conversion_drop", "channel_ctr_drop"])
def test_what_befalls_channels_is_told_once_and_ends_once(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts, kind: str
) -> None:
    listings = market_of(make_listing, "lisbon", 1, 6) + market_of(make_listing, "porto", 101, 6)
    found = [make_anomaly(one.listing_id, kind) for one in listings]
    first = run(found, [make_impact()] * len(found), listings)
    (draft,) = first.insert
    assert (draft.kind, sorted(draft.evidence["listing_ids"])) == (kind, [one.listing_id for one in listings])
    assert "12 listings" in draft.title
    alert = stored(draft)
    again = run(found, [make_impact()] * len(found), listings, [alert], NEXT_DAY)
    assert (len(again.insert), len(again.update), len(again.resolve)) == (0, 1, 0)
    over = run([], [], listings, [alert], NEXT_DAY)
    assert [ended.alert_id for ended in over.resolve] == [alert.alert_id]


@pytest.mark.parametrize("kind", ["market_conversion_drop", "market_ctr_drop"])
def test_a_rates_fall_in_a_market_is_the_markets_alert(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts, kind: str
) -> None:
    listings = market_of(make_listing, "lisbon", 1, 6) + market_of(make_listing, "porto", 101, 6)
    found = [make_anomaly(one.listing_id, kind) for one in listings]
    decisions = run(found, [make_impact()] * len(found), listings)
    assert sorted((draft.scope, draft.market) for draft in decisions.insert) == [
        ("market", "lisbon"),
        ("market", "porto"),
    ]


def test_what_joins_a_propertys_alert_is_told_once(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    listings = [make_listing(n) for n in range(1, 6)]

    def found(*rooms: int) -> tuple[list[Anomaly], list[Impact]]:
        return [make_anomaly(n, "no_price") for n in rooms], [make_impact()] * len(rooms)

    alert = stored(run(*found(1, 2, 3), listings).insert[0])
    told: list[tuple[bool, int]] = []
    for rooms in ((1, 2, 3), (1, 2, 3, 4), (1, 2, 3), (1, 2, 3, 4)):
        (change,) = run(*found(*rooms), listings, [alert], NEXT_DAY).update
        alert = replace(alert, **change.fields)
        told.append((change.notify, alert.evidence["spread"]))
    assert told == [(False, 0), (True, 1), (False, 1), (False, 1)], "who left and came back is no news"


def test_a_wide_alert_stays_wide_until_its_last_member_is_well(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    listings = [make_listing(n) for n in range(1, 6)]
    first = run([make_anomaly(n, "no_price") for n in (1, 2, 3)], [make_impact()] * 3, listings)
    alert = stored(first.insert[0])
    two = run([make_anomaly(n, "no_price") for n in (1, 2)], [make_impact()] * 2, listings, [alert], NEXT_DAY)
    assert ([draft.scope for draft in two.insert], [one.alert_id for one in two.update]) == ([], [7])
    one = run([make_anomaly(1, "no_price")], [make_impact()], listings, [alert], NEXT_DAY)
    assert ([draft.scope for draft in one.insert], [(each.alert_id, each.notify) for each in one.update]) == (
        [], [(7, False)],
    ), "who heard of three does not hear of one of them anew"  # fmt: skip
    assert [(ended.alert_id, ended.notify) for ended in run([], [], listings, [alert], NEXT_DAY).resolve] == [(7, True)]


def test_a_problem_that_spreads_to_the_property_goes_on_in_the_same_alert(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    listings = [make_listing(1), make_listing(2)]
    first = run([make_anomaly(1, "not_bookable")], [make_impact()], listings)
    found = [make_anomaly(1, "not_bookable"), make_anomaly(2, "not_bookable")]
    later = run(found, [make_impact(), make_impact()], listings, [stored(first.insert[0])], NEXT_DAY)
    (change,) = later.update
    assert (later.insert, later.resolve, change.notify) == ((), (), True), "one thread, which tells who joined"
    assert (change.alert_id, change.fields["scope"], change.fields["listing_id"]) == (7, "property", None)
    assert change.fields["evidence"]["told_listing_ids"] == [1, 2]
    assert change.fields["fingerprint"] == fingerprint("property", None, 1, None, "not_bookable")


def test_a_muted_problem_is_not_told_and_not_resolved(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    silence = Mute(listing_id=2, kind=None, start_at=AS_OF, end_at=NEXT_DAY, reason="renovation")
    settings = PipelineSettings(currency="EUR", mutes=(silence,))
    args = ([make_anomaly(2, "no_price")], [make_impact()], [make_listing(2)])
    decisions = run(*args, settings=settings)
    assert not decisions.insert
    assert "renovation" in decisions.reasons[0].why
    raised = run(*args)
    assert not run(*args, open_alerts=[stored(raised.insert[0])], settings=settings).resolve
    assert kinds_raised(run(*args, as_of=NEXT_DAY, settings=settings)) == ["no_price"], "a silence ends by itself"


def test_two_findings_of_one_kind_on_one_listing_are_one_alert(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    found = [make_anomaly(2, "no_price"), make_anomaly(2, "no_price")]
    decisions = run(found, [make_impact(score=61.0), make_impact(score=75.0)], [make_listing(2)])
    assert [draft.score for draft in decisions.insert] == [75.0]


def test_impacts_must_belong_to_the_anomalies(make_listing: Listings, make_anomaly: Anomalies) -> None:
    with pytest.raises(ValueError, match="zip"):
        run([make_anomaly(2, "no_price")], [], [make_listing(2)])


def test_reconciling_twice_raises_nothing_new(
    make_listing: Listings, make_anomaly: Anomalies, make_impact: Impacts
) -> None:
    listings = [make_listing(1), make_listing(2)]
    found = [make_anomaly(1, "no_price"), make_anomaly(2, "suspended")]
    first = run(found, [make_impact(), make_impact()], listings)
    alerts = [stored(draft, index) for index, draft in enumerate(first.insert, 1)]
    again = run(found, [make_impact(), make_impact()], listings, alerts)
    assert (again.insert, again.resolve) == ((), ())
    assert [change.notify for change in again.update] == [False, False]
    assert [alert.fingerprint for alert in alerts] == [replace(alert).fingerprint for alert in alerts]


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.sampled_from(["no_price", "suspended"]))
def test_a_fingerprint_is_the_place_and_the_kind_only(listing_id: int, property_id: int, kind: str) -> None:
    mark = fingerprint("listing", listing_id, property_id, "lisbon", kind)
    assert mark == fingerprint("listing", listing_id, None, None, kind)
    assert mark != fingerprint("listing", listing_id + 1, property_id, "lisbon", kind)
    assert mark != fingerprint("property", listing_id, property_id, "lisbon", kind)
    assert mark != fingerprint("listing", listing_id, property_id, "lisbon", "feed_stale")


def test_a_fingerprint_never_changes_between_releases() -> None:
    assert fingerprint("listing", 1, 2, "lisbon", "no_price") == (
        "a3c2cb7f1329c549caf0a6aee324f9e47119b429b04800f109c02d6d77c3de00"
    )
