"""What charts are made of: gaps stay gaps, marks stand on their days, and the words say what the figures say."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from python_nodes.console import nights, plot, said, words
from python_nodes.console.page import STATIC
from python_nodes.console.spark import spark
from python_nodes.panels import Panel

START = date(2026, 2, 1)
VENDORED = STATIC / "vendor"


def panel(unit: str = "bookings a day", shape: Any = "band") -> Panel:
    return Panel(dashboard="listing", name="booking_velocity", title="Bookings", unit=unit, description="", shape=shape)


def rows(*observed: float | None, expected: float | None = 4.0) -> list[dict[str, Any]]:
    """A row a day from the start, with a band two wide on each side of the expectation."""
    return [
        {
            "time": f"{START + timedelta(days=at)}T00:00:00+00:00", "observed": value, "expected": expected,
            "lower": None if expected is None else expected - 2, "upper": None if expected is None else expected + 2,
        }
        for at, value in enumerate(observed)
    ]  # fmt: skip


def chart(*observed: float | None, **changes: Any) -> dict[str, Any]:
    end = START + timedelta(days=len(observed) - 1)
    return plot.chart(panel(**changes), rows(*observed), START, end)


def test_days_that_no_row_tells_are_gaps() -> None:
    made = plot.chart(panel(), rows(1.0, 0.0)[1:], START, START + timedelta(days=3))
    assert made["lines"][0]["values"] == [None, 0.0, None, None]
    assert (made["lower"], made["upper"]) == ([None, 2.0, None, None], [None, 6.0, None, None])


def test_rows_outside_the_range_are_left_out_and_a_moment_counts_by_its_day_in_utc() -> None:
    told = [*rows(1.0, 2.0), {"time": "2026-02-03T01:30:00+02:00", "observed": 3.0}]
    made = plot.chart(panel(), told, START + timedelta(days=1), START + timedelta(days=1))
    assert made["lines"][0]["values"] == [3.0]


def test_a_band_that_nobody_told_is_not_drawn() -> None:
    made = plot.chart(panel(), rows(1.0, expected=None), START, START)
    assert "lower" not in made
    assert [line["key"] for line in made["lines"]] == ["observed"]


def test_counts_on_one_another_that_are_all_zero_are_nothing_to_draw() -> None:
    none = [{"time": "2026-02-01", "critical": 0, "high": 0}]
    assert not plot.is_told(plot.chart(panel("alerts", "stack"), none, START, START))
    assert plot.is_told(chart(0.0))
    assert not plot.is_told(plot.chart(panel(), rows(None, expected=None), START, START))


def test_currencies_are_parted_the_largest_first() -> None:
    told = [
        {"currency": "EUR", "observed": 5},
        {"currency": "JPY", "observed": 900},
        {"currency": "EUR", "observed": None},
    ]
    assert [(name, len(part)) for name, part in plot.by_currency(told).items()] == [("JPY", 1), ("EUR", 2)]


def test_marks_stand_on_their_days() -> None:
    alert = {"alert_id": 7, "title": "Closed", "tags": "high", "time": "2026-02-02T10:00:00+00:00", "timeend": None}
    change = {"title": "price", "text": "1 → 2, ada", "time": "2026-02-03T10:00:00+00:00"}
    made = plot.chart(panel(), rows(1.0), START, START, marks=plot.marked([alert], [change]))
    assert [(mark["kind"], mark["from"], mark["to"]) for mark in made["marks"]] == [
        ("alert", 1, None),
        ("change", 2, None),
    ]
    (raised,) = plot.raised([alert])
    assert (raised.kind, raised.until) == ("raised", date(2026, 2, 2))


@pytest.mark.parametrize(
    ("observed", "words_wanted"),
    [
        ((4.0, 4.0, 4.0), "12 bookings in 3 days, as expected. Every day within the usual range."),
        ((1.0, 3.0, 9.0, None), "13 bookings in 3 days, 8 % over expectation. "
         "Days outside the usual range: 1 below, 1 above."),
        ((4.0, None, None, 4.0), "8 bookings in 2 days, as expected. "
         "Every day within the usual range. 2 days are missing."),
        ((None, 2.0, None, None), "2 bookings on 1 day, 50 % under expectation. "
         "Every day within the usual range. 1 day is missing."),
        ((None, None), "No day of this range has a figure."),
    ],
)  # fmt: skip
def test_a_chart_is_said_in_words(observed: tuple[float | None, ...], words_wanted: str) -> None:
    assert said.chart(chart(*observed)) == words_wanted


def test_what_does_not_add_up_is_said_by_its_last_day() -> None:
    assert said.chart(
        plot.chart(panel("share"), rows(0.5, 0.0625, expected=None), START, START + timedelta(days=1))
    ) == ("6.25 % on 2 February.")


def test_a_small_line_breaks_at_gaps_and_keeps_lone_days_as_dots() -> None:
    made = spark([1.0, 2.0, None, 4.0, None, 0.0, 0.0])
    assert made is not None
    assert [len(line.split()) for line in made.lines] == [2, 2]
    assert [y for _, y in made.dots] == [3.0]
    assert made.said == "5 days, from 0 to 4 a day, 2 missing"
    assert spark([None, None]) is None


def test_every_night_has_its_state() -> None:
    def night(ahead: int, state: str, price: float | None, **more: Any) -> dict[str, Any]:
        day = START + timedelta(days=ahead)
        return {"time": f"{day}T00:00:00+00:00", "state": state, "price": price, "currency": "EUR", **more}

    laid = nights.lay(
        [night(0, "open", 100.0), night(1, "open", 200.0, min_stay_nights=3), night(2, "sold out", 150.0),
         night(3, "closed", None, operator_open=True), night(4, "open", None)], START,
    )  # fmt: skip
    told = {one.day: one for month in laid.months for week in month.weeks for one in week if one}
    assert len(told) == 90
    looks = [told[START + timedelta(days=ahead)].look for ahead in range(6)]
    assert looks == ["heat-0", "heat-5", "sold", "closed", "noprice", "unknown"]
    assert told[START + timedelta(days=1)].said == "2 February: open, 200 EUR, at least 3 nights"
    assert "open in your own calendar" in told[START + timedelta(days=3)].said
    assert laid.counts == {"open": 2, "sold": 1, "closed": 1, "noprice": 1, "unknown": 85}
    assert (laid.cheapest, laid.dearest) == ("100 EUR", "200 EUR")


@pytest.mark.parametrize(
    ("span", "word"), [(timedelta(minutes=12), "12 min"), (timedelta(hours=30), "30 h"), (timedelta(days=9), "9 days")]
)
def test_an_age_is_in_the_unit_that_says_enough(span: timedelta, word: str) -> None:
    assert words.age(span) == word


def test_names_are_written_as_their_owners_do() -> None:
    assert (words.named("booking_com"), words.named("new_channel"), words.named(None)) == (
        "Booking.com",
        "New channel",
        "",
    )
    assert (words.money(123_456, "EUR"), words.money(5_000, "JPY")) == ("1,235 EUR", "5,000 JPY")


def test_vendored_files_are_the_published_ones_and_the_notice_names_them() -> None:
    notice = (Path(__file__).parents[3] / "NOTICE").read_text()
    sums = dict(reversed(line.split()) for line in (VENDORED / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {path.name for path in VENDORED.iterdir()} - {"SHA256SUMS"}
    for name, wanted in sums.items():
        assert hashlib.sha256((VENDORED / name).read_bytes()).hexdigest() == wanted, name
        assert not name.endswith(".js") or wanted in notice, name
