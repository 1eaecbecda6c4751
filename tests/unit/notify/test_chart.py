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


@pytest.mark.parametrize("floor", [None, 60.0])
def test_price_chart_with_gaps(floor: float | None) -> None:
    price = np.full(30, 100.0)
    price[3], price[7:9] = 20.0, np.nan
    assert size(chart.price_png(DAYS, price, np.full(30, 100.0), floor, currency="EUR")) == (1200, 540)
