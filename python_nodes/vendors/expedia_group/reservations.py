"""Maps reservations; amounts are what the guest pays for the stay, taxes included, before commission."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from python_nodes.domain.columns import BookingColumns, ObjectArray, SecondArray
from python_nodes.domain.money import currency_digits, round_minor, to_minor
from python_nodes.domain.records import BookingRecord, BookingStatus, External, Rejected
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.expedia_group.answers import (
    day,
    document,
    moment,
    part_each,
    read_data,
    rejected,
    rows,
    table,
    text,
)

STATUSES: dict[str, BookingStatus] = {
    "BOOKED": "confirmed",
    "CONFIRMED": "confirmed",
    "IN_PROGRESS": "checked_in",
    "STAY_IN_PROGRESS": "checked_in",
    "COMPLETE": "checked_out",
    "CANCELLED": "cancelled",
    "CANCELLED_BY_HOMEAWAY": "cancelled",
    "CANCELLED_BY_OWNER": "cancelled",
    "CANCELLED_BY_TRAVELER": "cancelled",
    "CANCELLED_BY_SYSTEM": "cancelled",
    "RAVELER_CANCEL_PENDING_BOOKING": "cancelled",
}
NOT_A_BOOKING = frozenset(
    {
        "CREATED", "RESERVED", "BUILDING", "UNCONFIRMED", "UNCONFIRMED_BY_OWNER", "UNCONFIRMED_BY_TRAVELER",
        "DECLINED", "DECLINED_BY_OWNER", "DECLINED_BY_SYSTEM", "DECLINED_BY_TRAVELER_PAY_FAILURE",
    }
)  # fmt: skip
"""Asked for and not (yet) sold: told again when it is."""


def map_reservations(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[BookingRecord], list[Rejected]]:
    """One record a reservation of one page; a reservation is one unit."""
    return _map(content, "reservations", source=source, raw_id=raw_id)


def map_reservation_history(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[list[BookingRecord], list[Rejected]]:
    """The same of a backfill's page, which names no guest."""
    return _map(content, "reservation_history", source=source, raw_id=raw_id)


def map_reservation_history_columns(
    content: bytes, *, source: str, observed_at: datetime, raw_id: int | None
) -> tuple[BookingColumns, list[Rejected]]:
    """The same as columns."""
    records, bad = _map(content, "reservation_history", source=source, raw_id=raw_id)
    columns = BookingColumns(
        source=source,
        raw_id=raw_id,
        external_id=_objects([one.origin.external_id for one in records]),
        source_version=np.array([one.origin.source_version for one in records], dtype=np.int64),
        source_updated_at=_seconds([one.origin.source_updated_at for one in records]),
        listing_external_id=_objects([one.listing_external_id for one in records]),
        rate_plan_external_id=_objects([one.rate_plan_external_id for one in records]),
        check_in_date=np.array([one.check_in_date for one in records], dtype="datetime64[D]"),
        check_out_date=np.array([one.check_out_date for one in records], dtype="datetime64[D]"),
        booked_at=_seconds([one.booked_at for one in records]),
        cancelled_at=_seconds([one.cancelled_at for one in records]),
        total_amount_minor=np.array([one.total_amount_minor for one in records], dtype=np.int64),
        currency=_objects([one.currency for one in records]),
        status=_objects([one.status for one in records]),
        guest_name=_objects([one.guest_name for one in records]),
        raw_row=lambda row: raw_reservation(content, records[row]),
    )
    return columns, bad


def raw_reservation(content: bytes, record: BookingRecord) -> bytes:
    """The part of ``content`` that told ``record``, as a document that maps again by itself."""
    for edge in reversed(_edges(content)):
        node = edge.get("node") if isinstance(edge, dict) else None
        if isinstance(node, dict) and node.get("id") == record.origin.external_id:
            return document(_wrapped(edge))
    return content


def _map(
    content: bytes, operation: str, *, source: str, raw_id: int | None
) -> tuple[list[BookingRecord], list[Rejected]]:
    try:
        edges = _edges(content)
    except RejectedRecord as error:
        return [], [rejected(error, content, source, operation, raw_id)]

    def read(edge: Any) -> list[BookingRecord]:
        return _booking(table(edge, "node"), source, raw_id)

    return part_each(edges, read, _wrapped, source=source, operation=operation, raw_id=raw_id)


def _edges(content: bytes) -> list[Any]:
    return rows(table(table(read_data(content), "property"), "reservations"), "edges")


def _wrapped(edge: Any) -> object:
    return {"property": {"reservations": {"edges": [edge]}}}


def _booking(node: Any, source: str, raw_id: int | None) -> list[BookingRecord]:
    told = text(node, "status")
    if told in NOT_A_BOOKING:
        return []
    if told not in STATUSES:
        raise RejectedRecord(f"status: {told[:40]!r} is not known", field="status")
    status = STATUSES[told]
    updated_at = moment(node, "lastUpdatedDateTime")
    total_minor, currency = _total(node)
    return [
        BookingRecord(
            origin=External(
                source=source,
                external_id=text(node, "id"),
                source_version=int(updated_at.timestamp()),
                source_updated_at=updated_at,
                raw_id=raw_id,
            ),
            listing_external_id=_own_id(node, "unitIds"),
            rate_plan_external_id=_own_id(node, "rateIds") if node.get("rateIds") else None,
            check_in_date=day(node, "checkInDate"),
            check_out_date=day(node, "checkOutDate"),
            booked_at=moment(node, "creationDateTime"),
            cancelled_at=updated_at if status == "cancelled" else None,
            total_amount_minor=total_minor,
            currency=currency,
            status=status,
            guest_name=_guest_name(node.get("primaryGuest")),
        )
    ]


def _own_id(node: Any, name: str) -> str:
    """The platform's own id of the channel that sold it; the supplier's only where there is no other."""
    known = {one.get("idSource"): one.get("id") for one in rows(node, name) if isinstance(one, dict)}
    own = ("VRBO", "EXPEDIA") if node.get("distributionChannel") == "VRBO" else ("EXPEDIA", "VRBO")
    for kind in (*own, "SUPPLIER"):
        if isinstance(known.get(kind), str) and known[kind]:
            return str(known[kind])
    raise RejectedRecord(f"{name}: holds no id", field=name)


def _total(node: Any) -> tuple[int, str]:
    if isinstance(node.get("vrboAmounts"), dict):
        return _vrbo_total(table(node["vrboAmounts"], "currentAmounts"))
    amount = table(node, "supplierAmount")
    currency, total = text(amount, "currencyCode"), table(amount, "total")
    after_tax, before_tax = _decimal(total, "amountAfterTax"), _decimal(total, "amountBeforeTax")
    if amount.get("rateType") != "NET":
        return _minor(str(after_tax), currency, "amountAfterTax"), currency
    # A net rate lacks the commission, which is reckoned on what is before tax.
    share = sum(_share(total.get("compensation"), name) for name in ("basePercent", "acceleratorPercent"))
    if not 0 <= share < 1:
        raise RejectedRecord(f"compensation: {share} is not a share below 1", field="compensation")
    gross = before_tax / (1 - share) + (after_tax - before_tax)
    _minor(str(after_tax), currency, "amountAfterTax")
    return round_minor(gross.scaleb(currency_digits(currency))), currency


def _vrbo_total(amounts: Any) -> tuple[int, str]:
    """Rent, fees and taxes less discounts; what Vrbo itself takes of the traveler is not the owner's."""
    fees = table(amounts, "supplierFees")
    rent = table(table(fees, "rent"), "preTaxAmount")
    currency = text(rent, "currencyCode")
    parts = [
        *((one, "preTaxAmount", 1) for one in fees.get("fees") or []),
        *((one, "preTaxAmount", -1) for one in fees.get("discounts") or []),
        *((one, "taxAmount", 1) for one in rows(amounts, "taxDistributions")),
    ]
    total = _minor(text(rent, "amount"), currency, "rent")
    for part, name, sign in parts:
        money = table(part, name)
        if text(money, "currencyCode") != currency:
            raise RejectedRecord(f"{name}: differs in currency from rent", field=name)
        minor = _minor(text(money, "amount"), currency, name)
        total += minor if sign > 0 else -abs(minor)
    return total, currency


def _minor(told: str, currency: str, field: str) -> int:
    try:
        return to_minor(told, currency)
    except RejectedRecord as error:
        name = "currencyCode" if error.field == "currency" else field
        raise RejectedRecord(f"{name}: {error.reason}", field=name) from None


def _decimal(holder: Any, name: str) -> Decimal:
    """A GraphQL Float; ``read_data`` left it as text, and whole ones come as int."""
    told = holder.get(name)
    try:
        found = Decimal(told) if isinstance(told, str | int) and not isinstance(told, bool) else Decimal("NaN")
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or abs(found.adjusted()) > 20:
        raise RejectedRecord(f"{name}: {str(told)[:40]!r} is not an amount", field=name)
    return found


def _share(compensation: Any, name: str) -> Decimal:
    if not isinstance(compensation, dict) or compensation.get(name) is None:
        return Decimal(0)
    return _decimal(compensation, name)


def _guest_name(guest: Any) -> str | None:
    if not isinstance(guest, dict):
        return None
    parts = (guest.get(name) for name in ("firstName", "lastName"))
    return " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip()) or None


def _objects(values: list[Any]) -> ObjectArray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _seconds(values: list[datetime | None]) -> SecondArray:
    told = [None if one is None else one.replace(tzinfo=None) for one in values]
    return np.array(told, dtype="datetime64[s]")
