"""Days that are known beforehand to be unlike others, from a country's law or an iCal file."""

from __future__ import annotations

from datetime import date

import pytest

from python_nodes.errors import PermanentError
from python_nodes.scoring import event_days

FIRST, LAST = date(2025, 1, 1), date(2026, 12, 31)


def calendar(*events: str) -> bytes:
    whole = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"]
    for number, event in enumerate(events):
        whole += ["BEGIN:VEVENT", f"UID:{number}", *event.split("|"), "END:VEVENT"]
    return "\r\n".join([*whole, "END:VCALENDAR", ""]).encode()


def test_a_country_and_its_parts_have_their_own_holidays() -> None:
    whole, bavaria = (event_days.public(place, FIRST, LAST) for place in ("DE", "de-by"))
    assert date(2025, 10, 3) in whole
    assert date(2026, 11, 1) not in whole
    assert bavaria > whole
    assert min(bavaria) >= FIRST
    assert event_days.public("DE", date(2025, 10, 1), date(2025, 10, 4)) == {date(2025, 10, 3)}


def test_events_come_back_end_before_midnight_and_may_be_left_out() -> None:
    told = calendar(
        "DTSTART;VALUE=DATE:20240501|DTEND;VALUE=DATE:20240503|RRULE:FREQ=YEARLY|EXDATE;VALUE=DATE:20260501",
        "DTSTART:20250610T220000Z|DTEND:20250611T000000Z",
        "DTSTART;TZID=Europe/Berlin:20250620T230000|DTEND;TZID=Europe/Berlin:20250621T010000",
        "DTSTART;VALUE=DATE:20250701",
        "DTSTART;VALUE=DATE:20230101|DTEND;VALUE=DATE:20230105",
    )
    days = [date(2025, 5, 1), date(2025, 5, 2), date(2025, 6, 10), date(2025, 6, 20), date(2025, 6, 21),
            date(2025, 7, 1)]  # fmt: skip
    assert sorted(event_days.of_calendar(told, FIRST, LAST)) == days


@pytest.mark.parametrize("place", ["XX", "DE-XX", "", "Germany"])
def test_an_unknown_place_is_refused_by_name(place: str) -> None:
    with pytest.raises(PermanentError, match=f"no public holidays are known of {place!r}"):
        event_days.public(place, FIRST, LAST)


@pytest.mark.parametrize("content", [b"", b"day,name\n2025-05-01,fair\n", calendar("DTSTART:soon"), b"\xff\xfe\x00"])
def test_a_file_that_is_no_calendar_is_refused(content: bytes) -> None:
    with pytest.raises(PermanentError, match="the calendar cannot be read"):
        event_days.of_calendar(content, FIRST, LAST)


def test_a_calendar_of_every_day_for_ever_is_refused() -> None:
    with pytest.raises(PermanentError, match="more than 5,000 days"):
        event_days.of_calendar(
            calendar("DTSTART;VALUE=DATE:19000101|RRULE:FREQ=DAILY"), date(1990, 1, 1), date(2026, 1, 1)
        )
