"""Sentences by a catalogue, at once and after having been stored; numbers, money and days by locale."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from babel import Locale
from babel.messages.catalog import Catalog
from hypothesis import given
from hypothesis import strategies as st

from python_nodes.domain import said, written
from python_nodes.domain.said import Said, said_many, say, say_many
from python_nodes.domain.speech import ENGLISH, Speech, current, speaking
from python_nodes.notify import catalogue

TEMPLATES = {
    "{place}: {reach}": "{reach} in {place}",
    "its peers moved by {by_change}": "Nachbarn: {by_change}",
    "since {from_date}, {lost_share}": "seit {from_date}, {lost_share}",
}


@pytest.fixture(scope="module")
def german() -> Speech:
    told = Catalog(locale="de")
    for english, text in TEMPLATES.items():
        told.add(english, text)
    told.add(("{count} night", "{count} nights"), ("{count} Nacht", "{count} Nächte"))
    return Speech(Locale("de"), catalogue.compiled(told))


def test_what_no_catalogue_says_is_said_in_english(german: Speech) -> None:
    with speaking(german):
        assert say("Not in it: {name}", name="{odd}") == "Not in it: {odd}"
        assert say("") == "", "the empty name of a catalogue is its header"
        assert say("a { brace") == "a { brace", "a text without values is nobody's template"


def test_the_language_ends_with_its_block(german: Speech) -> None:
    def fail() -> None:
        with speaking(german):
            assert current().tag == "de"
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert current() is ENGLISH


def test_a_stored_sentence_is_said_anew_in_the_readers_language(german: Speech) -> None:
    one = Said(
        "{place}: {reach}", {"place": "Alfama Loft", "reach": said_many("{count} night", "{count} nights", 1200)}
    )
    assert one.english() == "Alfama Loft: 1,200 nights"
    evidence = {said.SAID: {"title": json.loads(json.dumps(one.as_json()))}}
    assert said.retold(evidence, "title", "as stored") == "Alfama Loft: 1,200 nights"
    with speaking(german):
        assert said.retold(evidence, "title", "as stored") == "1.200 Nächte in Alfama Loft"
        assert one.english() == "Alfama Loft: 1,200 nights", "what is stored stays English, whoever listens"
        assert say_many("{count} night", "{count} nights", 1) == "1 Nacht"


def test_a_values_name_tells_how_it_is_written(german: Speech) -> None:
    with speaking(german):
        assert (
            Said("its peers moved by {by_change}", {"by_change": -0.041}).spoken() == "Nachbarn: -4\N{NO-BREAK SPACE}%"
        )
        since = Said("since {from_date}, {lost_share}", {"from_date": "2026-03-04", "lost_share": 0.125})
        assert since.spoken() == "seit 4. März 2026, 12,5\N{NO-BREAK SPACE}%"
        assert Said("{a}", {"a": ("x", said_many("{count} night", "{count} nights", 2))}).spoken() == "x, 2 Nächte"


@pytest.mark.parametrize(
    "kept",
    [
        None, {}, {"title": "text"}, {"title": {"values": {}}}, {"title": {"text": "{gone}", "values": {"other": 1}}},
        {"title": {"text": "{a}", "values": {"a": None}}}, {"title": {"text": "{a}", "values": {"a": [None]}}},
        {"title": {"text": "{a", "values": {"a": 1}}},
    ],
)  # fmt: skip
def test_what_was_stored_otherwise_leaves_the_english(kept: Any) -> None:
    assert said.retold({said.SAID: kept}, "title", "as stored") == "as stored"


@given(st.recursive(st.text() | st.integers(-(10**9), 10**9), lambda part: st.lists(part, max_size=3), max_leaves=5))
def test_any_value_comes_back_from_json_as_it_was_said(value: Any) -> None:
    def tupled(one: Any) -> Any:
        return tuple(tupled(part) for part in one) if isinstance(one, list) else one

    told = Said("it: {value}", {"value": tupled(value)})
    kept = said.read(json.loads(json.dumps(told.as_json())))
    assert kept is not None
    assert kept.spoken() == told.spoken()


@pytest.mark.parametrize(
    ("locale", "texts"),
    [
        ("en_GB", ["€1,235", "€42.50", "JP¥5,000", "4 Mar 2026", "12.3%", "+4%", "1,234", "0.0", "0.000123"]),
        ("en_US", ["€1,235", "€42.50", "¥5,000", "Mar 4, 2026", "12.3%", "+4%", "1,234", "0.0", "0.000123"]),
        ("de", ["1.235 €", "42,50 €", "5.000 ¥", "4. März 2026", "12,3 %", "+4 %", "1.234", "0,0", "0,000123"]),
    ],
)
def test_numbers_are_written_as_the_reader_does(locale: str, texts: list[str]) -> None:
    with speaking(Speech(Locale.parse(locale), ENGLISH.catalogue)):
        shown = [
            written.money(123_456, "EUR"), written.money(4_250, "EUR"), written.money(5_000, "JPY"),
            written.day(date(2026, 3, 4)), written.share(0.1234), written.change(0.04), written.number(1234),
            written.tenths(0.04), written.number(0.0001234),
        ]  # fmt: skip
        assert [one.replace("\N{NO-BREAK SPACE}", " ") for one in shown] == texts


def test_a_moment_is_written_in_utc_whatever_zone_it_came_in() -> None:
    assert written.moment(datetime.fromisoformat("2026-03-04T01:30:00+02:00")) == "3 Mar 2026, 23:30 UTC"
    assert written.moment(datetime(2026, 3, 4, 12, tzinfo=UTC)) == "4 Mar 2026, 12:00 UTC"
