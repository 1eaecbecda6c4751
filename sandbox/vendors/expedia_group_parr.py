"""EQC's Product, Availability and Rates Retrieval: reads the request, writes the answer or a documented error."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from xml.sax.saxutils import quoteattr

from lxml import etree

from sandbox.calendar import MINOR_DIGITS
from sandbox.rows import AriRow

NAMESPACE = "http://www.expediaconnect.com/EQC/PAR/2013/07"
USERNAME = "EQCsandbox"
PASSWORD = "Sandbox-password-1"
# More is cut off without a word, unless exactly one rate plan is asked for.
MAX_DAYS = 31
MAX_DAYS_OF_ONE_PLAN = 365
_HEAD = f"<?xml version='1.0' encoding='utf-8'?>\n<ProductAvailRateRetrievalRS xmlns=\"{NAMESPACE}\">"
_quoted = lru_cache(maxsize=4_096)(quoteattr)


class ParrError(Exception):
    """A documented error of the interface."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """What a valid request asks for; empty sets stand for all."""

    hotel_id: str
    first: date
    last: date
    rooms: frozenset[str]
    plans: frozenset[str]

    def wants(self, row: AriRow) -> bool:
        """Whether the row is of the products asked for."""
        return (not self.rooms or row.room_id in self.rooms) and (not self.plans or row.rate_id in self.plans)


def read(body: bytes) -> Asked:
    """Check a request, account included; raises ParrError."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise ParrError(2002, f"Parsing error: {error}") from None
    name = etree.QName(root)
    if name.localname != "ProductAvailRateRetrievalRQ" or name.namespace != NAMESPACE:
        raise ParrError(2010, "The namespace specified is invalid.")
    account, hotel = root.find("{*}Authentication"), root.find("{*}Hotel")
    asked = root.find("{*}ParamSet/{*}AvailRateRetrieval")
    if account is None or hotel is None or asked is None:
        raise ParrError(3010, "Validation against schema failed.")
    known = hmac.compare_digest(account.get("username", "").encode(), USERNAME.encode())
    if not (known and hmac.compare_digest(account.get("password", "").encode(), PASSWORD.encode())):
        raise ParrError(1001, "Authentication error: invalid username or password.")
    first, last = _day(asked, "from"), _day(asked, "to")
    if last < first:
        raise ParrError(3021, "Validation error: end date must not be before start date.")
    rooms = frozenset(one.get("id", "") for one in asked.iterfind("{*}RoomType"))
    plans = frozenset(one.get("id", "") for one in asked.iterfind("{*}RoomType/{*}RatePlan"))
    longest = MAX_DAYS_OF_ONE_PLAN if len(plans) == 1 else MAX_DAYS
    return Asked(hotel.get("id", ""), first, min(last, first + timedelta(days=longest - 1)), rooms, plans)


def answer(hotel_id: str, rows: Iterable[AriRow], unit_counts: dict[str, int]) -> bytes:
    """One group a night, with every room type and its rate plans; a missing rate has no ``Rate``.

    Nights come by the ten thousand, so they are written as text; what is not a number or a date is quoted.
    """
    nights: dict[date, dict[str, list[str]]] = {}
    for row in rows:
        rooms = nights.setdefault(row.night, {})
        if row.room_id not in rooms:
            rooms[row.room_id] = [_room(row, unit_counts[row.room_id])]
        rooms[row.room_id].append(_plan(row))
    parts = [_HEAD, f"<AvailRateList><Hotel id={_quoted(hotel_id)}/>"]
    for night, rooms in nights.items():
        parts.append(f'<AvailRate date="{night.isoformat()}">')
        parts += [f"{''.join(room)}</RoomType>" for room in rooms.values()]
        parts.append("</AvailRate>")
    return "".join([*parts, "</AvailRateList></ProductAvailRateRetrievalRS>"]).encode()


def error(problem: ParrError) -> bytes:
    """The error document."""
    root = etree.fromstring(f'<ProductAvailRateRetrievalRS xmlns="{NAMESPACE}"/>')
    etree.SubElement(root, f"{{{NAMESPACE}}}Error", code=str(problem.code)).text = str(problem)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def _room(row: AriRow, unit_count: int) -> str:
    """Sold are the units that are gone; the world keeps one count for all channels."""
    total = max(unit_count, row.units_left) if row.is_open else 0
    sold = total - row.units_left if row.is_open else 0
    return (
        f'<RoomType id={_quoted(row.room_id)} closed="{_word(not row.is_open)}"><Inventory flexibleAllocation="{total}"'
        f' totalInventoryAvailable="{total}" totalInventorySold="{sold}"/>'
    )


def _plan(row: AriRow) -> str:
    currency = _quoted(row.currency)
    rate = (
        f'<Rate currency={currency}><PerDay rate="{_amount(row.price_minor, row.currency)}"/></Rate>'
        if row.price_minor is not None
        else ""
    )
    # Our assumption: no document shows a fee here.
    fees = f'<Fees perStay="{_amount(row.fees_minor, row.currency)}" currency={currency}/>' if row.fees_minor else ""
    return (
        f'<RatePlan id={_quoted(row.rate_id)} closed="{_word(not row.is_open)}">{rate}'
        f'<Restrictions minLOS="{row.min_stay_nights}" maxLOS="28" closedToArrival="false" closedToDeparture="false"/>'
        f"{fees}</RatePlan>"
    )


def _day(asked: etree._Element, name: str) -> date:
    try:
        return date.fromisoformat(asked.get(name, ""))
    except ValueError:
        raise ParrError(3129, "Invalid Date.") from None


def _amount(minor: int, currency: str) -> str:
    """Two decimals whatever the currency, three where it has them."""
    digits = MINOR_DIGITS[currency]
    return f"{minor / 10**digits:.{max(digits, 2)}f}"


def _word(flag: bool) -> str:
    return "true" if flag else "false"
