"""Scenario files: checked by name, placed the same by the same seed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sandbox.incidents import Incident, ScenarioError, place
from sandbox.portfolio import draw_portfolio
from sandbox.scenario import read_scenario
from sandbox.world import DEFAULT_SCENARIO, DEFAULT_T0

GOOD = """
[[incident]]
id = "a"
kind = "conversion_drop"
select = { third = "high" }
start_day = 2
days = 3
severity = 0.7
"""


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("severity", "severty", "unknown field 'severty'; did you mean 'severity'?"),
        ("conversion_drop", "conversion_dorp", "did you mean 'conversion_drop'?"),
        ("third", "thrid", "did you mean 'third'?"),
        ('"high"', '"hihg"', "field 'select.third'"),
        ("severity = 0.7", "severity = 7", "field 'severity' must be a number from 0.01 to 1"),
        ("severity = 0.7", "", "field 'severity' is missing"),
        ("start_day = 2", "start_day = 2.5", "field 'start_day' must be a whole number"),
        ("[[incident]]", "[[incidents]]", "unknown field 'incidents'; did you mean 'incident'?"),
        ('kind = "conversion_drop"', "", "field 'kind' is missing"),
        ("[[incident]]", "[[incident", "cannot be read"),
        ('third = "high"', 'channel = "vrb"', "did you mean 'vrbo'?"),
        ('third = "high"', 'third = "high", rank = -1', "field 'select.rank'"),
        ("severity = 0.7", 'severity = 0.7\nscope = "propery"', "did you mean 'property'?"),
        ("severity = 0.7", 'severity = 0.7\nscope = "market"', "field 'scope'"),
        ("severity = 0.7", "severity = 0.7\nfactor = 2", "unknown field 'factor'"),
        ("severity = 0.7", "severity = 0.7\nnights = [0, 9]", "unknown field 'nights'"),
        ('"conversion_drop"', '"feed_stale"', "unknown field 'severity'"),
        ('"conversion_drop"', '"market_demand_drop"', "must name a market and nothing else"),
    ],
)
def test_a_wrong_field_is_named_with_the_file(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    with pytest.raises(ScenarioError) as caught:
        read_scenario(_write(tmp_path, GOOD.replace(old, new, 1)))
    assert told in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_an_id_used_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="'id' is used twice"):
        read_scenario(_write(tmp_path, GOOD + GOOD))


def _shipped(seed: int, listings: int) -> tuple[Incident, ...]:
    return place(DEFAULT_SCENARIO, draw_portfolio(seed, listings), seed, DEFAULT_T0, 14).incidents


@pytest.mark.parametrize("listings", [24, 200])
def test_the_shipped_scenario_fits_and_takes_no_listing_twice(listings: int) -> None:
    placed = _shipped(3, listings)
    picked = [item.listings[0] for item in placed if not item.is_control]
    assert len(picked) == len(set(picked)) >= 12
    assert sum(item.is_control for item in placed) >= 1
    thirds = draw_portfolio(3, listings).third
    drops = [item for item in placed if item.kind == "conversion_drop"]
    assert len(drops) >= 4
    for item in drops:
        assert thirds[item.listings[0]] == "high"
        assert 0.6 <= item.severity <= 0.9
        assert item.first_day <= 4
        assert item.last_day == 13


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ('kind="price_error"\nfactor=1', "field 'factor' of 1 is no error"),
        ('kind="price_error"\nfactor=2\nnights=[9, 3]', "field 'nights'"),
        ('kind="min_stay_raised"\nmin_stay_nights=2.5', "field 'min_stay_nights' must be a whole number"),
        ('kind="min_stay_raised"', "field 'min_stay_nights' is missing"),
        ('kind="currency_switched"\ncurrency="DOL"', "field 'currency'"),
        ('kind="review_drop"\npoints=9', "field 'points' must be a number from 0.3 to 6"),
        ('kind="competitor_undercut"\nfactor=1.2', "field 'factor' must be a number from 0.1 to 0.95"),
        ('kind="feed_stale"\nscope="listing"', "field 'scope'"),
    ],
)
def test_every_kinds_own_fields_are_checked(tmp_path: Path, fields: str, told: str) -> None:
    text = f'[[incident]]\nid="x"\nselect={{third="mid"}}\nstart_day=1\ndays=3\n{fields}\n'
    with pytest.raises(ScenarioError) as caught:
        read_scenario(_write(tmp_path, text))
    assert told in str(caught.value)


def test_scopes_take_the_whole_unit_property_or_feed(tmp_path: Path) -> None:
    head = 'select = { third = "high", channel = "expedia" }\nstart_day = 1\ndays = 3\n'
    kinds = [("unit", "listing_down", 'scope = "unit"'), ("property", "listing_down", 'scope = "property"'),
             ("feed", "feed_stale", "")]  # fmt: skip
    text = "".join(f'[[incident]]\nid = "{name}"\nkind = "{kind}"\n{more}\n{head}' for name, kind, more in kinds)
    book = draw_portfolio(1, 200)
    unit, whole, feed = place(_write(tmp_path, text), book, 1, DEFAULT_T0, 14).incidents
    assert {book.unit_id[i] for i in unit.listings} == {book.unit_id[unit.listings[0]]}
    assert [book.channel[i] for i in unit.listings] == ["booking_com", "expedia"]
    there = book.property_id[whole.listings[0]]
    assert whole.listings == tuple(i for i, where in enumerate(book.property_id) if where == there)
    assert {book.channel[i] for i in feed.listings} == {"expedia"}
    assert len({book.channel_property_id[i] for i in feed.listings}) == 1


def test_a_currency_that_is_the_listings_own_is_refused(tmp_path: Path) -> None:
    text = '[[incident]]\nid="x"\nkind="currency_switched"\nselect={market="Lisbon"}\nstart_day=1\ndays=3\n'
    text += 'currency="EUR"\n'
    with pytest.raises(ScenarioError, match="EUR is what the listing has anyway"):
        place(_write(tmp_path, text), draw_portfolio(1, 60), 1, DEFAULT_T0, 14)


def test_a_fee_can_only_be_missing_where_there_is_one(tmp_path: Path) -> None:
    text = '[[incident]]\nid="x"\nkind="fee_missing"\nselect={third="mid"}\nstart_day=1\ndays=3\n'
    book = draw_portfolio(1, 60)
    (item,) = place(_write(tmp_path, text), book, 1, DEFAULT_T0, 14).incidents
    assert book.fee_minor[item.listings[0]] > 0
    with pytest.raises(ScenarioError, match="other --channels"):
        place(_write(tmp_path, text), draw_portfolio(1, 60, ("booking_com",)), 1, DEFAULT_T0, 14)


def test_the_same_seed_places_the_same_and_another_differs() -> None:
    assert _shipped(3, 60) == _shipped(3, 60)
    assert [i.listings for i in _shipped(3, 60)] != [i.listings for i in _shipped(4, 60)]


def test_too_few_listings_say_so() -> None:
    with pytest.raises(ScenarioError, match="more --listings than 12"):
        _shipped(3, 12)


def test_a_control_without_a_real_holiday_is_refused_and_told_where_one_is(tmp_path: Path) -> None:
    text = '[[incident]]\nid="h"\nkind="public_holiday"\nselect={market="Lisbon"}\nstart_day=2\ndays=1\nseverity=0.3\n'
    path, portfolio = _write(tmp_path, text), draw_portfolio(1, 24)
    with pytest.raises(ScenarioError, match="day 5 Good Friday"):
        place(path, portfolio, 1, DEFAULT_T0, 14)
    with pytest.raises(ScenarioError, match="in the live window: none"):
        place(path, portfolio, 1, date(2026, 3, 2), 14)


def test_a_named_listing_is_taken_and_never_picked_by_lot(tmp_path: Path) -> None:
    portfolio = draw_portfolio(1, 24)
    named = GOOD.replace('id = "a"', 'id = "b"').replace(
        '{ third = "high" }', f'{{ listing = "{portfolio.room_id[-1]}" }}'
    )
    lots = [GOOD.replace('id = "a"', f'id = "a{k}"') for k in range(7)]
    placed = place(_write(tmp_path, "".join(lots) + named), portfolio, 1, DEFAULT_T0, 14).incidents
    assert placed[-1].listings == (23,)
    assert len({item.listings for item in placed}) == 8
    with pytest.raises(ScenarioError, match=r"select\.listing"):
        place(_write(tmp_path, named.replace(portfolio.room_id[-1], "404")), portfolio, 1, DEFAULT_T0, 14)
