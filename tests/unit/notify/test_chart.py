"""Charts are PNGs of a readable size, whatever gaps the data has."""

from __future__ import annotations

import struct
from datetime import date, timedelta

import numpy as np
import pytest

from python_nodes.notify import chart

DAYS = [date(2026, 2, 1) + timedelta(days=index) for index in range(30)]


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return int(width), int(height)


@pytest.mark.parametrize("onset", [DAYS[20], DAYS[-1], DAYS[0], DAYS[-1] + timedelta(days=5)])
def test_series_chart(onset: date) -> None:
    observed = np.full(30, 3.0)
    observed[4:9] = np.nan
    flat = np.full(30, 4.0)
    assert size(chart.chart_png(DAYS, observed, flat, flat - 2, flat + 2, onset, title="t", unit="u")) == (1200, 540)


def test_series_chart_of_nothing_observed() -> None:
    empty = np.full(30, np.nan)
    assert size(chart.chart_png(DAYS, empty, empty, empty, empty, DAYS[3])) == (
        1200,
        540,
    )


def test_calendar_shows_a_blocked_night_differently_from_a_sold_one() -> None:
    is_open = np.ones(30, dtype=bool)
    is_open[5] = False
    operator_open = np.ones(30, dtype=bool)
    blocked = chart.calendar_png(DAYS, is_open, operator_open, title="t")
    operator_open[5] = False
    sold = chart.calendar_png(DAYS, is_open, operator_open, title="t")
    assert size(blocked) == size(sold) == (1200, 540)
    assert blocked != sold


def test_a_suspended_listing_s_nights_are_not_said_to_be_closed() -> None:
    nothing, wanted = np.zeros(30, dtype=bool), np.ones(30, dtype=bool)
    suspended = chart.calendar_png(DAYS, nothing, wanted, title="t", is_suspended=True)
    assert suspended != chart.calendar_png(DAYS, nothing, wanted, title="t")


def test_a_night_that_the_channel_did_not_tell_is_called_neither_open_nor_closed() -> None:
    nothing, known = np.zeros(30, dtype=bool), np.ones(30, dtype=bool)
    known[5] = False
    untold = chart.calendar_png(DAYS, nothing, known | True, known=known, title="t")
    assert untold != chart.calendar_png(DAYS, nothing, known | True, title="t")


@pytest.mark.parametrize(
    ("first", "labels"),
    [
        (date(2026, 3, 2), {0: "Mar", 4: "Apr"}),
        # 1 March is within the first column, which is February's.
        (date(2026, 2, 25), {0: "Feb", 1: "Mar", 5: "Apr"}),
        (date(2026, 6, 1), {0: "Jun", 4: "Jul"}),
        (date(2025, 12, 30), {0: "Dec", 1: "Jan", 4: "Feb"}),
    ],
)
def test_each_month_is_named_once_and_no_name_covers_another(first: date, labels: dict[int, str]) -> None:
    assert chart.month_labels([first + timedelta(days=index) for index in range(56)]) == labels


def test_out_of_range_is_the_guard_s_rule_and_a_missing_price_is_another_matter() -> None:
    now = np.array([100.0, 49.0, 50.0, 201.0, 200.0, 59.0, np.nan, 100.0])
    usual = np.array([100.0, 100.0, 100.0, 100.0, 100.0, 60.0, 100.0, np.nan])
    told = chart.out_of_range(now, usual, 60.0)
    assert told.tolist() == [False, True, True, True, False, True, False, False]
    assert chart.out_of_range(now, usual, None).tolist() == [False, True, False, True, False, False, False, False]


@pytest.mark.parametrize("floor", [None, 60.0])
def test_price_chart_with_gaps(floor: float | None) -> None:
    price = np.full(30, 100.0)
    price[3], price[7:9] = 20.0, np.nan
    assert size(chart.price_png(DAYS, price, np.full(30, 100.0), floor, currency="EUR")) == (1200, 540)
