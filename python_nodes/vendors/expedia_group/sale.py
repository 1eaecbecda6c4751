"""Reads one reservation; amounts are what the guest pays for the stay, taxes included, before commission."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from python_nodes.domain.money import currency_digits, round_minor, to_minor
from python_nodes.domain.records import BookingStatus
from python_nodes.errors import RejectedRecord
from python_nodes.vendors.booking_columns import Sale
from python_nodes.vendors.expedia_group.answers import day, moment, rows, table, text

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
EXPEDIA_FIRST = ("EXPEDIA", "VRBO", "SUPPLIER")
VRBO_FIRST = ("VRBO", "EXPEDIA", "SUPPLIER")
LARGEST, LARGEST_EXPONENT = 1e20, 20


def sale(node: Any) -> Sale | None:
    """One reservation; None for what is not (yet) sold."""
    told = text(node, "status")
    if told in NOT_A_BOOKING:
        return None
    status = STATUSES.get(told)
    if status is None:
        raise RejectedRecord(f"status: {told[:40]!r} is not known", field="status")
    updated_at = moment(node, "lastUpdatedDateTime")
    total_minor, currency = total(node)
    return Sale(
        external_id=text(node, "id"),
        updated_at=updated_at,
        listing_external_id=_own_id(node, "unitIds"),
        rate_plan_external_id=_own_id(node, "rateIds") if node.get("rateIds") else None,
        check_in_date=day(node, "checkInDate"),
        check_out_date=day(node, "checkOutDate"),
        booked_at=moment(node, "creationDateTime"),
        cancelled_at=updated_at if status == "cancelled" else None,
        total_amount_minor=total_minor,
        currency=currency,
        status=status,
        guest_name=guest_name(node.get("primaryGuest")),
    )


def _own_id(node: Any, name: str) -> str:
    """The platform's own id of the channel that sold it; the supplier's only where there is no other."""
    told = [one for one in rows(node, name) if isinstance(one, dict) and isinstance(one.get("idSource"), str)]
    known = {one["idSource"]: one.get("id") for one in told}
    for kind in VRBO_FIRST if node.get("distributionChannel") == "VRBO" else EXPEDIA_FIRST:
        own = known.get(kind)
        if isinstance(own, str) and own:
            return own
    raise RejectedRecord(f"{name}: holds no id", field=name)


def total(node: Any) -> tuple[int, str]:
    """Minor units and currency."""
    if isinstance(node.get("vrboAmounts"), dict):
        return _vrbo_total(table(node["vrboAmounts"], "currentAmounts"))
    amount = table(node, "supplierAmount")
    currency, sums = text(amount, "currencyCode"), table(amount, "total")
    after_tax, before_tax = _number(sums, "amountAfterTax"), _number(sums, "amountBeforeTax")
    if amount.get("rateType") != "NET":
        return _minor(after_tax, currency, "amountAfterTax"), currency
    return _gross(Decimal(after_tax), Decimal(before_tax), sums, currency), currency


def _gross(after_tax: Decimal, before_tax: Decimal, sums: Any, currency: str) -> int:
    # A net rate lacks the commission, which is reckoned on what is before tax.
    share = sum(_share(sums.get("compensation"), name) for name in ("basePercent", "acceleratorPercent"))
    if not 0 <= share < 1:
        raise RejectedRecord(f"compensation: {share} is not a share below 1", field="compensation")
    gross = before_tax / (1 - share) + (after_tax - before_tax)
    _minor(str(after_tax), currency, "amountAfterTax")
    return round_minor(gross.scaleb(currency_digits(currency)))


def _vrbo_total(amounts: Any) -> tuple[int, str]:
    """Rent, fees and taxes less discounts; what Vrbo itself takes of the traveler is not the owner's."""
    fees = table(amounts, "supplierFees")
    rent = table(table(fees, "rent"), "preTaxAmount")
    currency = text(rent, "currencyCode")
    parts = [
        *((one, "preTaxAmount", 1) for one in _rows_if_any(fees, "fees")),
        *((one, "preTaxAmount", -1) for one in _rows_if_any(fees, "discounts")),
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


def _rows_if_any(holder: Any, name: str) -> list[Any]:
    return rows(holder, name) if holder.get(name) else []


def _minor(told: str, currency: str, field: str) -> int:
    try:
        return to_minor(told, currency)
    except RejectedRecord as error:
        name = "currencyCode" if error.field == "currency" else field
        raise RejectedRecord(f"{name}: {error.reason}", field=name) from None


def _number(holder: Any, name: str) -> str:
    """A GraphQL Float, as the shortest decimal that says it."""
    told = holder.get(name)
    if type(told) is float and -LARGEST < told < LARGEST:
        return repr(told)
    try:
        found = Decimal(str(told)) if isinstance(told, str | int | float) and not isinstance(told, bool) else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite() or abs(found.adjusted()) > LARGEST_EXPONENT:
        raise RejectedRecord(f"{name}: {str(told)[:40]!r} is not an amount", field=name)
    return str(found)


def _share(compensation: Any, name: str) -> Decimal:
    if not isinstance(compensation, dict) or compensation.get(name) is None:
        return Decimal(0)
    return Decimal(_number(compensation, name))


def guest_name(guest: Any) -> str | None:
    """First and last name, None where neither is told."""
    if not isinstance(guest, dict):
        return None
    parts = (guest.get(name) for name in ("firstName", "lastName"))
    return " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip()) or None
