"""The feed: bookings, blocks that move, duplicates, dates and moments, and feeds that must not be believed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_nodes.domain.columns import AriColumns
from python_nodes.domain.records import Rejected
from python_nodes.vendors.airbnb.envelope import seal
from python_nodes.vendors.airbnb.mapping import map_ical_calendar, map_ical_calendar_columns

AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)
FIRST = date(2026, 3, 2)
BLOCK = "Airbnb (Not available)"


def event(start: str, end: str, summary: str = "Reserved", *more: str, uid: str = "") -> str:
    lines = ["BEGIN:VEVENT", f"DTSTART{start}", f"DTEND{end}", f"SUMMARY:{summary}", f"UID:{uid or start}", *more]
    return "\r\n".join([*lines, "END:VEVENT"])


def days(first: str, last: str, summary: str = "Reserved", *more: str, uid: str = "") -> str:
    return event(f";VALUE=DATE:{first}", f";VALUE=DATE:{last}", summary, *more, uid=uid)


def feed(*events: str, head: str = "") -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Airbnb Inc//Hosting Calendar 1.0//EN"]
    return "\r\n".join([*lines, *([head] if head else []), *events, "END:VCALENDAR", ""]).encode()


def read(
    content: bytes, nights: int = 20, notice: int = 0, window: int = 0, first: date = FIRST
) -> tuple[AriColumns, list[Rejected]]:
    last = first + timedelta(days=nights - 1)
    sealed = seal(content, listing_id="h1", first=first, last=last, notice_nights=notice, window_nights=window)
    return map_ical_calendar_columns(sealed, source="airbnb", observed_at=AS_OF, raw_id=7)


def nights_of(mask: np.ndarray, columns: AriColumns) -> list[str]:
    return [str(day)[8:] for day in columns.stay_date[mask]]


def sold(columns: AriColumns) -> list[str]:
    return nights_of(columns.is_open & (columns.units_left == 0), columns)


def closed(columns: AriColumns) -> list[str]:
    return nights_of(~columns.is_open, columns)


def refused(content: bytes) -> str | None:
    columns, (bad,) = read(content)
    assert len(columns) == 0
    assert bad.raw.endswith(content)
    assert bad.operation == "ical_calendar"
    return bad.field


def test_reserved_is_sold_not_available_is_closed_and_the_rest_is_free() -> None:
    columns, bad = read(feed(days("20260305", "20260308"), days("20260310", "20260311", BLOCK)))
    assert bad == []
    assert (sold(columns), closed(columns)) == (["05", "06", "07"], ["10"])
    assert int((columns.units_left == 1).sum()) == 16
    assert np.isnan(columns.price_minor).all()
    assert set(columns.listing_external_id) == {"h1"}


def test_a_night_that_is_booked_and_blocked_is_booked() -> None:
    columns, _ = read(feed(days("20260305", "20260308"), days("20260306", "20260309", BLOCK)))
    assert (sold(columns), closed(columns)) == (["05", "06", "07"], ["08"])


@pytest.mark.parametrize("today", [2, 3, 4])
def test_the_notice_moves_on_each_day_and_is_neither_booking_nor_closure(today: int) -> None:
    first = date(2026, 3, today)
    block = days(f"202603{today:02d}", f"202603{today + 2:02d}", BLOCK)
    columns, _ = read(feed(block, days("20260310", "20260311")), notice=2, first=first)
    assert closed(columns) == []
    assert sold(columns) == [f"{today:02d}", f"{today + 1:02d}", "10"]
    unruled, _ = read(feed(block, days("20260310", "20260311")), notice=0, first=first)
    assert closed(unruled) == [f"{today:02d}", f"{today + 1:02d}"]


def test_the_notice_of_a_listing_where_tomorrow_has_begun_is_no_closure() -> None:
    """In Sydney it is the 3rd of March while in UTC, by which nights are asked for, it is the 2nd."""
    content = feed(days("20260303", "20260305", BLOCK), days("20260310", "20260311"))
    assert closed(read(content, notice=2)[0]) == []
    assert closed(read(content, notice=1)[0]) == ["03", "04"], "longer than the notice: the host's own"
    assert closed(read(content, notice=0)[0]) == ["03", "04"]


def test_a_longer_block_from_today_is_the_hosts_own() -> None:
    columns, _ = read(feed(days("20260302", "20260309", BLOCK)), notice=2)
    assert closed(columns) == [f"{day:02d}" for day in range(2, 9)]


def test_the_end_of_the_booking_window_is_no_closure() -> None:
    content = feed(days("20260312", "20270312", BLOCK))
    assert closed(read(content, window=10)[0]) == []
    assert len(closed(read(content)[0])) == 10


def test_of_a_uid_told_twice_the_newest_stands() -> None:
    old = days("20260305", "20260308", "Reserved", "SEQUENCE:0", uid="same")
    new = days("20260304", "20260307", "Reserved", "SEQUENCE:1", uid="same")
    for order in ((old, new), (new, old)):
        assert sold(read(feed(*order))[0]) == ["04", "05", "06"]
    stamps = [days(f"2026030{n}", "20260308", "Reserved", f"DTSTAMP:2026030{n}T010029Z", uid="same") for n in (6, 5)]
    assert sold(read(feed(*stamps))[0]) == ["06", "07"]


def test_a_cancelled_booking_frees_its_nights_whether_it_says_so_or_disappears() -> None:
    stays, other = days("20260305", "20260308", uid="one"), days("20260310", "20260311")
    off = days("20260305", "20260308", "Reserved", "SEQUENCE:1", "STATUS:CANCELLED", uid="one")
    assert sold(read(feed(stays, other))[0]) == ["05", "06", "07", "10"]
    assert sold(read(feed(stays, off, other))[0]) == ["10"]
    gone, _ = read(feed(other))
    assert gone.units_left[3] == 1


def test_moments_are_days_of_the_listing() -> None:
    zone = "BEGIN:VTIMEZONE\r\nTZID:Pacific/Honolulu\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n" \
        "TZOFFSETFROM:-1000\r\nTZOFFSETTO:-1000\r\nEND:STANDARD\r\nEND:VTIMEZONE"  # fmt: skip
    local = event(";TZID=Pacific/Honolulu:20260305T150000", ";TZID=Pacific/Honolulu:20260307T110000")
    assert sold(read(feed(zone, local))[0]) == ["05", "06"]
    utc = event(":20260306T010000Z", ":20260307T210000Z")
    assert sold(read(feed(utc, head="X-WR-TIMEZONE:Pacific/Honolulu"))[0]) == ["05", "06"]
    assert sold(read(feed(utc))[0]) == ["06"]


def test_a_booking_is_known_by_its_link_too() -> None:
    link = "DESCRIPTION:Reservation URL: https://www.airbnb.com/hosting/reservations/de\r\n tails/HM1"
    assert sold(read(feed(days("20260305", "20260306", "Ana (HM1)", link)))[0]) == ["05"]
    assert closed(read(feed(days("20260305", "20260306", "Ana (HM1)")))[0]) == ["05"]


def test_an_empty_feed_is_a_fault_and_so_is_one_of_cancelled_events_only() -> None:
    assert refused(feed()) == "VEVENT"
    assert refused(feed(days("20260305", "20260308", "Reserved", "STATUS:CANCELLED"))) == "VEVENT"


def test_one_unreadable_event_refuses_the_feed_for_its_nights_would_look_free() -> None:
    good = days("20260310", "20260311")
    assert refused(feed(good, "BEGIN:VEVENT\r\nSUMMARY:Reserved\r\nUID:x\r\nEND:VEVENT")) == "DTSTART"
    assert refused(feed(good, days("20260308", "20260305"))) == "DTEND"
    assert refused(feed(good, days("20260305", "20260306", "Reserved", "RRULE:FREQ=DAILY"))) == "RRULE"
    assert refused(feed(good, days("20261345", "20261346"))) == "DTSTART"
    assert refused(feed(good)[:-30]) == "VCALENDAR"


def test_a_feed_without_its_envelope_belongs_to_nobody() -> None:
    good, (bad,) = map_ical_calendar(feed(days("20260305", "20260306")), source="a", observed_at=AS_OF, raw_id=None)
    assert (good, bad.field) == ([], "Listing")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_noise_in_a_feed_never_raises(data: st.DataObject) -> None:
    whole = feed(
        days("20260305", "20260308", "Reserved", "SEQUENCE:1"), event(":20260306T010000Z", ":20260307T210000Z")
    )
    at = data.draw(st.integers(0, len(whole)))
    noise = data.draw(st.binary(max_size=12) | st.sampled_from([b"", b"9" * 40, b"\r\n", b":", b";", b"RRULE:X\r\n"]))
    cut = data.draw(st.integers(0, 40))
    columns, bad = read(whole[:at] + noise + whole[at + cut :])
    assert bool(bad) == (len(columns) == 0)
