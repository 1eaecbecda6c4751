"""What a feed leaves out, put before it: whose it is, which nights were asked for, which rules the host has set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from python_nodes.errors import RejectedRecord

MARK = b"X-Nightporter-Feed: 1"
END = b"\r\n\r\n"
MAX_NIGHTS = 1100


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A feed as it came and what was put before it; a window of 0 nights is none."""

    feed: bytes
    listing_id: str
    first: date
    last: date
    notice_nights: int
    window_nights: int


def seal(feed: bytes, *, listing_id: str, first: date, last: date, notice_nights: int, window_nights: int) -> bytes:
    """Put the lines before the feed, which follows byte for byte."""
    lines = (
        f"Listing: {listing_id}", f"Nights: {first}/{last}", f"Advance-Notice-Nights: {notice_nights}",
        f"Booking-Window-Nights: {window_nights}",
    )  # fmt: skip
    return b"\r\n".join((MARK, *(line.encode() for line in lines))) + END + feed


def unseal(content: bytes) -> Opened:
    """Part the lines from the feed; raises RejectedRecord naming the line that does not do."""
    head, end, feed = content.partition(END)
    mark, *lines = head.split(b"\r\n")
    if mark != MARK or not end:
        raise RejectedRecord("Listing: missing, so nobody knows whose feed it is", field="Listing")
    told = dict(line.decode("utf-8", "replace").partition(": ")[::2] for line in lines)
    if not told.get("Listing"):
        raise RejectedRecord("Listing: missing", field="Listing")
    try:
        first, last = (date.fromisoformat(day) for day in told.get("Nights", "").split("/"))
    except ValueError:
        raise RejectedRecord("Nights: not two dates", field="Nights") from None
    if not 0 <= (last - first).days < MAX_NIGHTS:
        raise RejectedRecord(f"Nights: not a span of 1 to {MAX_NIGHTS} nights", field="Nights")
    return Opened(
        feed=feed,
        listing_id=told["Listing"],
        first=first,
        last=last,
        notice_nights=_nights(told, "Advance-Notice-Nights"),
        window_nights=_nights(told, "Booking-Window-Nights"),
    )


def _nights(told: dict[str, str], name: str) -> int:
    text = told.get(name, "0")
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        raise RejectedRecord(f"{name}: not a number of nights", field=name)
    return int(text)
