"""What bookings tell: sums by hand beside the arrays, what is missing stays missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from python_nodes.normalize import derived
from python_nodes.normalize.derived import Booked, Capacity, Known

DAYS = np.arange(np.datetime64("2026-03-01"), np.datetime64("2026-03-11"))
Row = tuple[int, str, str | None, str, int, float, bool]


def day(text: str) -> Any:
    return np.datetime64(text, "D")


def booked(*rows: Row) -> Booked:
    listing, made, gone, check_in, nights, value, kept = zip(*rows, strict=True) if rows else ((),) * 7
    return Booked(
        listing_row=np.array(listing, dtype=np.int64), booked_day=np.array(made, dtype="datetime64[D]"),
        cancelled_day=np.array(gone, dtype="datetime64[D]"), check_in_day=np.array(check_in, dtype="datetime64[D]"),
        stay_nights=np.array(nights, dtype=np.int64), value=np.array(value, dtype=np.float64),
        is_kept=np.array(kept, dtype=np.bool_),
    )  # fmt: skip


def known(*spans: tuple[str | None, str | None]) -> Known:
    first, last = zip(*spans, strict=True)
    return Known(first_day=np.array(first, dtype="datetime64[D]"), last_day=np.array(last, dtype="datetime64[D]"))


def capacity(*rooms: int, unit_row: tuple[int, ...] = (0,), blocked: tuple[tuple[int, str], ...] = ()) -> Capacity:
    is_blocked = np.zeros((len(rooms), len(DAYS)), dtype=np.bool_)
    for unit, text in blocked:
        is_blocked[unit, int((day(text) - DAYS[0]).astype(int))] = True
    return Capacity(unit_row=np.array(unit_row), rooms=np.array(rooms), is_blocked=is_blocked)


def at(values: np.ndarray[Any, Any], text: str, row: int = 0) -> float:
    return float(values[row, int((day(text) - DAYS[0]).astype(int))])


ALL = ("2026-03-01", "2026-03-10")
STAYS: tuple[Row, ...] = (
    (0, "2026-03-01", None, "2026-03-04", 2, 200.0, True),
    (0, "2026-03-01", "2026-03-03", "2026-03-04", 4, 800.0, False),
    (0, "2026-03-02", None, "2026-03-05", 1, 150.0, True),
)


def test_what_was_booked_on_a_day_counts_also_if_it_was_cancelled_later() -> None:
    found = derived.by_booking_date(booked(*STAYS), known(ALL), DAYS)
    assert at(found["booking_velocity"], "2026-03-01") == 2
    assert at(found["lead_time_days"], "2026-03-01") == 3
    assert at(found["los_nights"], "2026-03-01") == 3
    assert at(found["pickup_nights"], "2026-03-01") == 6
    # The day of the cancellation takes its nights back.
    assert at(found["pickup_nights"], "2026-03-03") == -4


def test_a_known_day_without_bookings_is_zero_and_its_means_are_missing() -> None:
    found = derived.by_booking_date(booked(*STAYS), known(ALL), DAYS)
    assert at(found["booking_velocity"], "2026-03-09") == 0
    assert np.isnan(at(found["lead_time_days"], "2026-03-09"))
    assert np.isnan(at(found["los_nights"], "2026-03-09"))


@pytest.mark.parametrize("span", [("2026-03-02", "2026-03-03"), (None, None), ("2026-03-02", None), (None, ALL[1])])
def test_a_day_that_is_not_known_is_missing_and_never_zero(span: tuple[str | None, str | None]) -> None:
    found = derived.by_booking_date(booked(*STAYS), known(span), DAYS)
    told = np.flatnonzero(np.isfinite(found["booking_velocity"][0]))
    assert [str(DAYS[n]) for n in told] == (["2026-03-02", "2026-03-03"] if None not in span else [])


def test_occupancy_adr_and_revpar_of_a_night() -> None:
    # Booked on the day of arrival, so that nothing is still to be learnt about a night.
    rows: tuple[Row, ...] = (
        (0, "2026-03-04", None, "2026-03-04", 2, 200.0, True),
        (0, "2026-03-05", None, "2026-03-05", 1, 150.0, True),
        (0, "2026-03-04", None, "2026-03-04", 1, 999.0, False),
    )
    found = derived.by_night(booked(*rows), known(ALL), capacity(4), DAYS)
    assert at(found["occupancy"], "2026-03-05") == 2 / 4
    assert at(found["adr"], "2026-03-05") == (100 + 150) / 2
    assert at(found["revpar"], "2026-03-05") == 250 / 4
    assert at(found["occupancy"], "2026-03-08") == 0
    assert np.isnan(at(found["adr"], "2026-03-08"))
    revpar = found["occupancy"] * found["adr"]
    assert np.allclose(revpar[np.isfinite(revpar)], found["revpar"][np.isfinite(revpar)])


def test_blocked_nights_are_not_available_and_booked_ones_are() -> None:
    rows: tuple[Row, ...] = ((0, "2026-03-05", None, "2026-03-05", 1, 100.0, True),)
    blocked = ((0, "2026-03-05"), (0, "2026-03-06"))
    found = derived.by_night(booked(*rows), known(ALL), capacity(3, blocked=blocked), DAYS)
    assert at(found["occupancy"], "2026-03-05") == 1.0
    # Wholly blocked: nothing was available, so there is no share of it.
    assert np.isnan(at(found["occupancy"], "2026-03-06"))
    assert at(found["occupancy"], "2026-03-07") == 0.0


def test_channels_of_a_unit_share_what_it_can_sell() -> None:
    rows: tuple[Row, ...] = (
        (0, "2026-03-04", None, "2026-03-04", 1, 100.0, True),
        (1, "2026-03-04", None, "2026-03-04", 1, 120.0, True),
    )
    found = derived.by_night(booked(*rows), known(ALL, ALL), capacity(2, unit_row=(0, 0)), DAYS)
    assert [at(found["occupancy"], "2026-03-04", row) for row in (0, 1)] == [0.5, 0.5]
    # One channel's bookings are not known: how full the unit was is not known either.
    found = derived.by_night(booked(*rows), known(ALL, (None, None)), capacity(2, unit_row=(0, 0)), DAYS)
    assert np.isnan(found["occupancy"]).all()
    assert at(found["adr"], "2026-03-04") == 100


def test_nights_wait_until_most_of_their_bookings_can_be_known() -> None:
    rows: tuple[Row, ...] = tuple((0, "2026-03-01", None, "2026-03-05", 1, 100.0, True) for _ in range(9))
    found = derived.by_night(booked(*rows), known(ALL), capacity(20), DAYS)
    told = [str(DAYS[n]) for n in np.flatnonzero(np.isfinite(found["occupancy"][0]))]
    assert told[0] == "2026-03-05"


def test_ratios_are_filled_only_where_no_report_tells_them() -> None:
    nan = np.nan
    told = {
        "search_impressions": np.array([[100.0, 100.0, nan, 0.0]]),
        "listing_views": np.array([[20.0, 20.0, 10.0, 0.0]]),
        "booking_velocity": np.array([[1.0, 2.0, 1.0, 0.0]]),
        "click_through_rate": np.array([[0.5, nan, nan, nan]]),
        "conversion_rate": np.array([[nan, nan, nan, nan]]),
    }
    found = derived.filled_ratios(told)
    assert found["click_through_rate"][0].tolist() == pytest.approx([nan, 0.2, nan, nan], nan_ok=True)
    assert found["conversion_rate"][0].tolist() == pytest.approx([0.05, 0.1, 0.1, nan], nan_ok=True)


def test_no_booking_at_all_is_no_error() -> None:
    found = derived.by_booking_date(booked(), known(ALL), DAYS) | derived.by_night(
        booked(), known(ALL), capacity(1), DAYS
    )
    assert (found["booking_velocity"] == 0).all()
    assert (found["occupancy"] == 0).all()
