"""What is told from columns is what row by row was told: reservations, reports, CSV, and nights sold."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from sandbox.calendar import same_number
from sandbox.channels import CHANNELS, reservation_id
from sandbox.csv_text import csv_text
from sandbox.sales import decimal_text, decimals, stamps
from sandbox.simulated import World
from sandbox.world import DEFAULT_T0, build_world


def _by_the_library(names: list[str], columns: list[list[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue()


@pytest.mark.parametrize(
    "columns",
    [
        [["1", "2"], ["a", "b"]],
        [[], []],
        [["1", ""], ["", ""]],
        [["a,b", "c"], ["d", "e"]],
        [['say "no"', "c"], ["d", "e"]],
        [["two\nlines", "c"], ["d", "e"]],
        [["a\rb", "c"], ["d", "e"]],
        # As many commas and lines as there should be, in the wrong places.
        [["a,b\n", "c"], ["d", "e"]],
        [["Casa Açúcar", "京都"], ["d", "e"]],
    ],
)
def test_csv_is_what_the_library_writes(columns: list[list[str]]) -> None:
    assert csv_text(["x", "y"], columns) == _by_the_library(["x", "y"], columns)


def test_one_column_is_quoted_where_it_is_empty() -> None:
    assert csv_text(["x"], [["", "a"]]) == _by_the_library(["x"], [["", "a"]])


def test_money_is_written_in_its_currency() -> None:
    assert decimals([0, 5, 4251, 4251, 100], ["EUR", "EUR", "EUR", "JPY", "USD"]) == [
        "0.00", "0.05", "42.51", "4251", "1.00",
    ]  # fmt: skip
    assert [decimal_text(-5, "EUR"), decimal_text(-7, "JPY"), decimal_text(12, "GBP")] == ["-0.05", "-7", "0.12"]


def test_columns_hold_what_the_rows_hold(main_job: World) -> None:
    book = main_job.portfolio
    for channel in CHANNELS:
        places = main_job.booking_places(channel, main_job.first, main_job.t0 + timedelta(days=29))
        told, rows = main_job.sales(places), main_job.booking_rows(places)
        assert len(rows) == len(places) > 100
        assert told.reservation_id == [reservation_id(channel, place) for place in places.tolist()]
        assert {book.channel[i] for i in told.listings} == {channel}
        assert told.booked_at == [row.booked_at.isoformat() for row in rows]
        assert told.checkin == [row.checkin.isoformat() for row in rows]
        assert told.checkout == [row.checkout.isoformat() for row in rows]
        assert told.total == [decimal_text(row.total_minor, row.currency) for row in rows]
        cancelled = np.array([row.cancelled_at is not None for row in rows])
        assert told.changed_at(cancelled) == [(row.cancelled_at or row.booked_at).isoformat() for row in rows]


def test_a_switched_currency_shows_the_number_in_another(scenario: Path) -> None:
    scenario.write_text(
        'title = "One"\ndescription = "A currency."\n[[incident]]\nid = "c-1"\nkind = "currency_switched"\n'
        'currency = "GBP"\nstart_day = 2\ndays = 6\nselect = { third = "high", rank = 2 }\n'
    )
    world = build_world(5, 60, 20, 14, DEFAULT_T0, scenario)
    (item,), made = world.placed, world.reservations
    places = np.flatnonzero(np.isin(made.listing, item.listings))
    live = made.day[places] - world.history_days
    during = (live >= item.first_day) & (live <= item.last_day)
    told = world.sales(places)
    assert during.sum() > 3
    assert set(np.array(told.currency)[during]) == {"GBP"}
    own = world.portfolio.market(item.listings[0]).currency
    totals = made.total_minor[places][during].tolist()
    assert set(np.array(told.currency)[~during]) == {own}
    assert np.array(told.total_minor)[during].tolist() == [same_number(n, own, "GBP") for n in totals]


def test_moments_are_utc_to_the_second() -> None:
    told = stamps(np.array([0, 86_399, 1_774_861_261]))
    assert told == ["1970-01-01T00:00:00+00:00", "1970-01-01T23:59:59+00:00", "2026-03-30T09:01:01+00:00"]
    assert stamps(np.array([], dtype=np.int64)) == []


def test_nights_sold_are_counted_alike_for_all_units_at_once(main_job: World) -> None:
    units = sorted(set(main_job.portfolio.unit_index.tolist()))
    for day in (0, main_job.history_days, main_job.history_days + 12):
        for unit in units[::7]:
            one_by_one = main_job.index.sold(main_job.reservations, unit, day, main_job.price.shape[1])
            np.testing.assert_array_equal(main_job.stock.sold(unit, day), one_by_one)
