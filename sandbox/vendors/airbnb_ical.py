"""A listing's calendar as Airbnb exports it: public, by a link with a secret; bookings and closed nights, no prices.

As seen in public issue trackers: all-day events, `SUMMARY:Reserved` with a link to the reservation
for bookings, `SUMMARY:Airbnb (Not available)` for nights that the host, another calendar, the advance notice or the
booking window closes, the last two moving on each day. A cancelled booking disappears. Assumed: the host asks for one
night's notice and opens a year; a closed night's uid is made of its first night.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

from sandbox.rows import AriRow, BookingRow

ADVANCE_NOTICE_NIGHTS = 1
BOOKING_WINDOW_NIGHTS = 365
_BEYOND = timedelta(days=365)
_KEY = b"nightporter sandbox airbnb calendar links"
_FOLD_OCTETS = 75
_HEAD = ("BEGIN:VCALENDAR", "PRODID:-//Airbnb Inc//Hosting Calendar 1.0//EN", "CALSCALE:GREGORIAN", "VERSION:2.0")


def secret(listing_id: str) -> str:
    """The ``s`` of a listing's link."""
    return hmac.new(_KEY, listing_id.encode(), hashlib.sha256).hexdigest()[:32]


def feed(listing_id: str, today: date, bookings: Sequence[BookingRow], nights: Sequence[AriRow], now: datetime) -> str:
    """The feed: ``bookings`` are those that stand, ``nights`` the calendar from today on."""
    sold = {row.checkin + timedelta(days=n) for row in bookings for n in range((row.checkout - row.checkin).days)}
    lines: list[str] = []
    for row in bookings:
        url = f"https://www.airbnb.com/hosting/reservations/details/{row.reservation_id}"
        digits = int(hashlib.sha256(row.reservation_id.encode()).hexdigest(), 16) % 10_000
        about = f"Reservation URL: {url}\\nPhone Number (Last 4 Digits): {digits:04d}"
        lines += _event(now, row.checkin, row.checkout, _uid(listing_id, row.reservation_id), "Reserved", about)
    for first, last in _blocks(today, nights, sold):
        lines += _event(now, first, last, _uid(listing_id, first.isoformat()), "Airbnb (Not available)", None)
    return "\r\n".join([*_HEAD, *lines, "END:VCALENDAR", ""])


def empty() -> str:
    """What the feed is when it is broken: well-formed, without an event."""
    return "\r\n".join([*_HEAD, "END:VCALENDAR", ""])


def _blocks(today: date, nights: Sequence[AriRow], sold: set[date]) -> Iterator[tuple[date, date]]:
    """Stretches of nights that nobody can book here and that no booking of this channel explains."""
    open_from = today + timedelta(days=ADVANCE_NOTICE_NIGHTS)
    closed = {row.night for row in nights if row.units_left == 0 and row.night not in sold}
    closed |= {today + timedelta(days=n) for n in range(ADVANCE_NOTICE_NIGHTS)} - sold
    for _, group in groupby(sorted(closed), key=_StretchKey(open_from)):
        stretch = list(group)
        yield stretch[0], stretch[-1] + timedelta(days=1)
    window = today + timedelta(days=BOOKING_WINDOW_NIGHTS)
    yield window, window + _BEYOND


class _StretchKey:
    """Nights that follow each other share a key; the notice's nights are a stretch of their own."""

    def __init__(self, open_from: date) -> None:
        self._open_from = open_from
        self._number = -1

    def __call__(self, night: date) -> tuple[bool, int]:
        self._number += 1
        return night < self._open_from, night.toordinal() - self._number


def _event(now: datetime, first: date, last: date, uid: str, summary: str, about: str | None) -> list[str]:
    lines = [
        "BEGIN:VEVENT", f"DTSTAMP:{now:%Y%m%dT%H%M%SZ}", f"DTSTART;VALUE=DATE:{first:%Y%m%d}",
        f"DTEND;VALUE=DATE:{last:%Y%m%d}", f"SUMMARY:{summary}", f"UID:{uid}",
    ]  # fmt: skip
    lines += [] if about is None else [f"DESCRIPTION:{about}"]
    return [_folded(line) for line in [*lines, "END:VEVENT"]]


def _uid(listing_id: str, what: str) -> str:
    digest = hashlib.sha256(f"{listing_id}/{what}".encode()).hexdigest()
    return f"{digest[:12]}-{digest[12:44]}@airbnb.com"


def _folded(line: str) -> str:
    """RFC 5545, 3.1: a long line goes on after a line break and a blank."""
    head, rest = line[:_FOLD_OCTETS], line[_FOLD_OCTETS:]
    parts = [rest[at : at + _FOLD_OCTETS - 1] for at in range(0, len(rest), _FOLD_OCTETS - 1)]
    return "\r\n ".join([head, *parts])
