"""The channels units are sold on: who is sold where, what differs by channel, and what each calls its things."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

CHANNELS = ("booking_com", "expedia", "vrbo", "airbnb")
HOTEL_CHANNELS = ("booking_com", "expedia")
# Which channels a home is sold on, and how often: a stated mixture, no data set tells.
HOME_MIXTURE: tuple[tuple[tuple[str, ...], float], ...] = (
    (("booking_com", "vrbo", "airbnb"), 0.40),
    (("booking_com", "airbnb"), 0.20),
    (("vrbo", "airbnb"), 0.15),
    (("booking_com", "vrbo"), 0.10),
    (("booking_com",), 0.05),
    (("vrbo",), 0.05),
    (("airbnb",), 0.05),
)
# The night's price relative to the unit's own; operators mark channels up by their commission.
PRICE_RATIO = {"booking_com": 1.0, "expedia": 1.02, "vrbo": 1.03, "airbnb": 0.98}
# Charged once a stay, as a share of the base price: service on expedia, cleaning on vrbo and airbnb.
FEE_SHARE = {"booking_com": 0.0, "expedia": 0.08, "vrbo": 0.30, "airbnb": 0.25}
_DIGITS = np.array(list("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def home_channels(chosen: Sequence[str], rng: np.random.Generator) -> tuple[str, ...]:
    """Draw where one home is sold, of the chosen channels."""
    drawn = HOME_MIXTURE[int(rng.choice(len(HOME_MIXTURE), p=[share for _, share in HOME_MIXTURE]))][0]
    usual = tuple(c for c in HOME_MIXTURE[0][0] if c in chosen)
    return tuple(c for c in drawn if c in chosen) or usual or tuple(chosen)


def hotel_channels(chosen: Sequence[str]) -> tuple[str, ...]:
    """Where a hotel's room types are sold, of the chosen channels."""
    return tuple(c for c in HOTEL_CHANNELS if c in chosen) or tuple(chosen)


def listing_ids(channel: str, place: int, room: int) -> tuple[str, str]:
    """What a channel calls a property and a listing in it; no id occurs on two channels."""
    if channel == "booking_com":
        return str(1_000_001 + place), f"{1_000_001 + place}{room + 1:02d}"
    if channel == "expedia":
        return str(30_000_001 + place), str(300_000_000_001 + 100 * place + room)
    if channel == "vrbo":
        one = f"321.{4_000_001 + place}.{5_000_001 + 100 * place + room}"
        return one, one
    one = str(54_000_000_000_000_001 + 7_919 * (100 * place + room))
    return one, one


def reservation_id(channel: str, number: int) -> str:
    """What a channel calls a reservation."""
    return reservation_ids(channel, np.array([number]))[0]


def reservation_ids(channel: str, numbers: IntArray) -> list[str]:
    """What a channel calls some reservations."""
    if channel == "booking_com":
        return [str(number) for number in (2_000_000_000 + numbers).tolist()]
    if channel == "expedia":
        return [str(number) for number in (1_500_000_000_000 + numbers).tolist()]
    if channel == "vrbo":
        return [f"HA-{number:09d}" for number in (600_000 + numbers).tolist()]
    # Eight digits of base 36; the first is a 1, so there are never fewer.
    digit = (36**7 + 104_729 * numbers[:, None]) // 36 ** np.arange(7, -1, -1) % 36
    told = _DIGITS[digit].astype("U1").view("U8").ravel().tolist() if numbers.size else []
    return [f"HM{one}" for one in told]
