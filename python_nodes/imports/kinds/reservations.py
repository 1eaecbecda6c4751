"""A list of reservations as an extranet gives it."""

from __future__ import annotations

import numpy as np

from python_nodes.domain.columns import BookingColumns
from python_nodes.imports.columns import days, floats, maybe_texts, stamps, texts
from python_nodes.imports.fields import CHANNEL, CURRENCY, LISTING, Field, Kind, Rows


def build(rows: Rows) -> BookingColumns:
    """Build columns; a revision is as old as the last thing that the row tells of it."""
    frame = rows.frame
    booked, cancelled, modified = (stamps(frame, name) for name in ("booked_at", "cancelled_at", "modified_at"))
    updated = np.where(np.isnat(modified), np.where(np.isnat(cancelled), booked, cancelled), modified)
    return BookingColumns(
        source=rows.source,
        raw_id=rows.raw_id,
        external_id=texts(frame, "reservation_id"),
        source_version=updated.astype(np.int64),
        source_updated_at=updated,
        listing_external_id=texts(frame, "listing_id"),
        rate_plan_external_id=maybe_texts(frame, "rate_plan_id"),
        check_in_date=days(frame, "check_in"),
        check_out_date=days(frame, "check_out"),
        booked_at=booked,
        cancelled_at=cancelled,
        total_amount_minor=floats(frame, "total").astype(np.int64),
        currency=texts(frame, "currency"),
        status=texts(frame, "status"),
        guest_name=maybe_texts(frame, "guest_name"),
        raw_row=rows.raw_row,
    )


KIND = Kind(
    name="reservations",
    operation="reservation_history",
    fields=(
        Field(
            name="reservation_id", type="text", required=True,
            aliases=("reservationid", "confirmationcode", "bookingid", "booknumber", "bookingnumber", "reservation"),
        ),
        LISTING,
        Field(name="rate_plan_id", type="text", aliases=("rateplanid", "rateid", "rateplan")),
        Field(name="status", type="status", required=True, aliases=("status", "bookingstatus")),
        Field(
            name="booked_at", type="moment", required=True, aliases=("bookedat", "bookedon", "booked", "creationdate"),
        ),
        Field(name="cancelled_at", type="moment", aliases=("cancelledat", "cancellationdate", "cancelledon")),
        Field(name="modified_at", type="moment", aliases=("modifiedat", "lastmodified", "updatedat")),
        Field(name="check_in", type="day", required=True, aliases=("checkin", "checkindate", "arrival", "startdate")),
        Field(name="check_out", type="day", required=True, aliases=("checkout", "checkoutdate", "departure")),
        Field(name="guest_name", type="text", aliases=("guestname", "guest", "bookedby")),
        Field(name="total", type="money", required=True, aliases=("totalprice", "total", "price", "amount")),
        CURRENCY,
        CHANNEL,
    ),
    key=("reservation_id", "modified_at", "cancelled_at"),
    dated="booked_at",
    build=build,
)  # fmt: skip
