"""Reads PARR's availability and rates as text where a document is written as PARR's own examples are, without blanks.

Every character of the document is accounted for, so that what is read is what an XML parser would read, at an eighth of
its time; of any other document nothing is read here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from python_nodes.vendors.expedia_group.parr import NAMESPACE

ROOT = "ProductAvailRateRetrievalRS"
# No reference, no quote, nothing beyond ASCII: such a value is the same in XML and in text.
_NAME = r'[^"&<>\x00-\x1f\x7f]+'
_HEAD = re.compile(
    rf"(?:<\?xml version=(?:'1\.0' encoding='[uU][tT][fF]-8'|\"1\.0\" encoding=\"[uU][tT][fF]-8\")\?>\s*)?"
    rf'<{ROOT} xmlns="{re.escape(NAMESPACE)}"><AvailRateList>(?:<Hotel id="{_NAME}"/>)?'
)
_TAIL = f"</AvailRate></AvailRateList></{ROOT}>"
_ROOM = re.compile(
    r'((?:(</AvailRate>)?<AvailRate date="([0-9-]+)">)?'
    rf'<RoomType id="({_NAME})" closed="(\w+)">'
    r'<Inventory(?: flexibleAllocation="\d+")? totalInventoryAvailable="(\d+)" totalInventorySold="(\d+)"/>'
    rf'<RatePlan id="({_NAME})" closed="(\w+)">'
    r'<Rate currency="([A-Z]{3})"><PerDay rate="([\d.]+)"/></Rate>'
    r'<Restrictions minLOS="(\d+)"(?: maxLOS="\d+")?'
    r'(?: closedToArrival="\w+")?(?: closedToDeparture="\w+")?/>'
    r'(?:<Fees perStay="([\d.]+)" currency="([A-Z]{3})"/>)?</RatePlan></RoomType>)',
    re.ASCII,
)
_PARTS = (
    "room", "room_closed", "available", "sold", "plan", "plan_closed", "currency", "price", "min_stay", "fees",
    "fees_currency",
)  # fmt: skip


def told(content: bytes) -> tuple[Sequence[str], dict[str, Sequence[str]]] | None:
    """Each room type's night and, by name, what is told of it, empty where nothing is; None of any other document."""
    if not content.isascii():
        return None
    text = content.decode("ascii").rstrip()
    head = _HEAD.match(text)
    if head is None or not text.endswith(_TAIL):
        return None
    found = _ROOM.findall(text, head.end(), len(text) - len(_TAIL))
    if not found:
        return None
    whole, ends, dates, *parts = zip(*found, strict=True)
    covers_all = head.end() + sum(map(len, whole)) + len(_TAIL) == len(text)
    # A night ends where the next begins, and nowhere else.
    begins = [bool(date) for date in dates]
    ends_well = [bool(end) for end in ends] == [False, *begins[1:]]
    if not (covers_all and begins[0] and ends_well):
        return None
    return list(accumulate(dates, lambda last, date: date or last)), dict(zip(_PARTS, parts, strict=True))
