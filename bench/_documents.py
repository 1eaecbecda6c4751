"""Documents as Booking.com's counterpart writes them, of any size, with a portfolio they speak of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from python_nodes.domain.portfolio import Listing, Portfolio, Property, Unit

HEADER = "date,property_id,room_id,search_views,page_views,bookings,revenue,currency,report_created_at\n"


def portfolio_of(listings: int) -> Portfolio:
    """One unit and one listing a property."""
    keys = [f"{number:05d}" for number in range(listings)]
    return Portfolio(
        properties=tuple(
            Property(
                external_id=f"p{key}", name=f"Property {key}", market="lisbon", country="PT", subdivision=None,
                timezone="Europe/Lisbon", currency="EUR", priority=0.5,
            )
            for key in keys
        ),
        units=tuple(
            Unit(
                external_id=f"u{key}", property_external_id=f"p{key}", name=f"Unit {key}", unit_count=4,
                base_price_minor=12_000, floor_price_minor=8_000,
            )
            for key in keys
        ),
        listings=tuple(
            Listing(
                external_id=f"r{key}", unit_external_id=f"u{key}", channel="booking_com", title=f"Room {key}",
                rate_plan_external_id="standard",
            )
            for key in keys
        ),
    )  # fmt: skip


def performance_csv(listings: int, first: date, days: int, seed: int) -> bytes:
    """A performance report of every listing and day."""
    draw = np.random.default_rng(seed)
    lines = [HEADER]
    for day in (first + timedelta(days=k) for k in range(days)):
        created = f"{day + timedelta(days=1)}T04:00:00Z"
        searches = draw.integers(200, 400, listings)
        views = draw.binomial(searches, 0.2)
        bookings = draw.binomial(views, 0.01)
        lines += [
            f"{day},p{k:05d},r{k:05d},{searches[k]},{views[k]},{bookings[k]},{bookings[k] * 120}.00,EUR,{created}\n"
            for k in range(listings)
        ]
    return "".join(lines).encode()


def ari_xml(numbers: Sequence[int], first: date, nights: int, seed: int) -> bytes:
    """Availability and rates of these listings, one message a night."""
    draw = np.random.default_rng(seed)
    parts = ["<?xml version='1.0' encoding='UTF-8'?><OTA_HotelAvailGetRS>"]
    for number in numbers:
        parts.append(f'<AvailStatusMessages HotelCode="p{number:05d}">')
        prices = draw.integers(8_000, 30_000, nights)
        for k, price in enumerate(prices):
            night = first + timedelta(days=k)
            parts.append(
                f'<AvailStatusMessage BookingLimit="{price % 5}">'
                f'<StatusApplicationControl Start="{night}" End="{night}"'
                f' InvTypeCode="r{number:05d}" RatePlanCode="standard"/><RestrictionStatus Status="Open"/>'
                '<LengthsOfStay><LengthOfStay MinMaxMessageType="SetMinLOS" Time="2"/></LengthsOfStay>'
                f'<BaseByGuestAmt AmountAfterTax="{price / 100:.2f}" CurrencyCode="EUR"/></AvailStatusMessage>'
            )
        parts.append("</AvailStatusMessages>")
    return "".join([*parts, "</OTA_HotelAvailGetRS>"]).encode()
