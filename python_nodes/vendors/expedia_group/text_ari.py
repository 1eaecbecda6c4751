"""Reads PARR's availability and rates as text where a document is written as PARR's own examples are, without blanks.

Every character of the document is accounted for, so that what is read is what an XML parser would read, at an eighth of
its time; of any other document nothing is read here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from python_nodes.vendors import covered_text
from python_nodes.vendors.expedia_group.parr import NAMESPACE

ROOT = "ProductAvailRateRetrievalRS"
_NAME = covered_text.NAME
_HEAD = re.compile(
    rf'{covered_text.DECLARATION}<{ROOT} xmlns="{re.escape(NAMESPACE)}"><AvailRateList>(?:<Hotel id="{_NAME}"/>)?'
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
    found = covered_text.columns(content, _HEAD, _ROOM, _TAIL)
    if found is None:
        return None
    dates, *parts = found
    return list(accumulate(dates, lambda last, date: date or last)), dict(zip(_PARTS, parts, strict=True))
