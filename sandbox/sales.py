"""Reservations as columns of text: reports and pages hold them by the hundred thousand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from sandbox.calendar import MARKETS, MINOR_DIGITS, IntArray, same_number
from sandbox.channels import reservation_ids
from sandbox.demand import BoolArray
from sandbox.lazy import Lazy

if TYPE_CHECKING:
    from sandbox.simulated import World

GIVEN_NAMES = ("Ana", "Ben", "Carla", "Dai", "Elin", "Femi", "Grace", "Hugo", "Ines", "Jonas", "Keiko", "Lena", "Mia")
FAMILY_NAMES = ("Alder", "Brook", "Costa", "Dune", "Ebner", "Flores", "Grove", "Hill", "Ito", "Jensen", "Lopes", "Moor")
_DAY_S = 86_400
T = TypeVar("T")


class Sales:
    """Some reservations of a world, one entry a reservation in every column; a column is made when it is asked for."""

    def __init__(self, world: World, places: IntArray) -> None:
        self._world = world
        self.places = places

    def _taken(self, name: str) -> IntArray:
        return np.asarray(getattr(self._world.reservations, name)[self.places])

    @Lazy
    def listings(self) -> list[int]:
        """Each one's listing."""
        return list(self._taken("listing").tolist())

    def _by_listing(self, told: Sequence[T]) -> list[T]:
        return [told[i] for i in self.listings]

    @Lazy
    def reservation_id(self) -> list[str]:
        """What the channel calls it."""
        channels = self._by_listing(self._world.portfolio.channel)
        names = set(channels)
        if len(names) == 1:
            return reservation_ids(names.pop(), self.places)
        channel, found = np.array(channels), np.empty(len(self.places), dtype=object)
        for name in names:
            here = np.flatnonzero(channel == name)
            found[here] = reservation_ids(name, self.places[here])
        return list(found.tolist())

    @Lazy
    def property_id(self) -> list[str]:
        """What the channel calls the property."""
        return self._by_listing(self._world.portfolio.channel_property_id)

    @Lazy
    def room_id(self) -> list[str]:
        """What the channel calls the listing."""
        return self._by_listing(self._world.portfolio.room_id)

    @Lazy
    def rate_id(self) -> list[str]:
        """The rate plan."""
        return self._by_listing(self._world.portfolio.rate_id)

    @Lazy
    def booked_at(self) -> list[str]:
        """When it was made, ISO 8601 in UTC."""
        return stamps(self._taken("booked_s"))

    def changed_at(self, cancelled: BoolArray) -> list[str]:
        """When it was made, or cancelled where ``cancelled`` says that this is known."""
        return stamps(np.where(cancelled, self._taken("cancelled_s"), self._taken("booked_s")))

    @Lazy
    def checkin(self) -> list[str]:
        """The first night."""
        return self._world.dates(self._taken("checkin"))

    @Lazy
    def checkout(self) -> list[str]:
        """The day after the last night."""
        return self._world.dates(self._taken("checkin") + self._taken("nights"))

    @Lazy
    def guest_name(self) -> list[str]:
        """A made-up name."""
        guest = self._taken("guest")
        family = [FAMILY_NAMES[k] for k in (guest // 64 % len(FAMILY_NAMES)).tolist()]
        given = [GIVEN_NAMES[k] for k in (guest % len(GIVEN_NAMES)).tolist()]
        return [f"{first} {last}" for first, last in zip(given, family, strict=True)]

    @Lazy
    def _paid(self) -> tuple[list[int], list[str]]:
        """Totals in minor units and their currencies; a currency switched by mistake shows the number in another."""
        book = self._world.portfolio
        own = [MARKETS[market].currency for market in book.market_index.tolist()]
        total, currency = self._taken("total_minor").tolist(), self._by_listing(own)
        day, listing = self._taken("day"), self._taken("listing")
        for i in self._world.switched():
            for k in np.flatnonzero((listing == i) & (day >= self._world.history_days)).tolist():
                shown = self._world.currency_on(i, self._world.first + timedelta(days=int(day[k])))
                if shown != own[i]:
                    total[k], currency[k] = same_number(total[k], own[i], shown), shown
        return total, currency

    @property
    def total_minor(self) -> list[int]:
        """What the stay costs."""
        return self._paid[0]

    @property
    def currency(self) -> list[str]:
        """In which currency that is."""
        return self._paid[1]

    @Lazy
    def total(self) -> list[str]:
        """What the stay costs, as the decimal text of its currency."""
        return decimals(self.total_minor, self.currency)

    @Lazy
    def units(self) -> list[float]:
        """What the stay costs as a number of its currency's units."""
        scale = {name: 10**digits for name, digits in MINOR_DIGITS.items()}
        return [amount / scale[name] for amount, name in zip(self.total_minor, self.currency, strict=True)]


def moments(seconds: IntArray) -> list[datetime]:
    """Seconds since 1970 as moments in UTC."""
    return [datetime.fromtimestamp(second, UTC) for second in seconds.tolist()]


def stamps(seconds: IntArray) -> list[str]:
    """Seconds since 1970 as ISO 8601 in UTC."""
    if not seconds.size:
        return []
    day, second = np.divmod(seconds, _DAY_S)
    low = int(day.min())
    days = np.datetime_as_string(np.arange(low, int(day.max()) + 1).astype("datetime64[D]")).tolist()
    minute, rest = np.divmod(second, 60)
    return [
        f"{days[d]}T{_MINUTES[m]}:{_SIXTY[s]}+00:00"
        for d, m, s in zip((day - low).tolist(), minute.tolist(), rest.tolist(), strict=True)
    ]


def decimals(amounts: Sequence[int], currencies: Sequence[str]) -> list[str]:
    """Minor units, none below 0, as the decimal text of their currencies."""
    return [_WRITERS[name](amount) for amount, name in zip(amounts, currencies, strict=True)]


def decimal_text(amount_minor: int, currency: str) -> str:
    """Minor units as the decimal text of their currency: 4251 is 42.51 euros, but 4251 yen."""
    return _WRITERS[currency](amount_minor) if amount_minor >= 0 else f"-{_WRITERS[currency](-amount_minor)}"


def texts(numbers: IntArray) -> list[str]:
    """Whole numbers as text."""
    return list(map(str, numbers.tolist()))


def _writer(digits: int) -> Callable[[int], str]:
    scale = 10**digits
    return str if not digits else lambda amount: f"{amount // scale}.{amount % scale:0{digits}d}"


_WRITERS = {name: _writer(digits) for name, digits in MINOR_DIGITS.items()}
_SIXTY = tuple(f"{k:02d}" for k in range(60))
_MINUTES = tuple(f"{hour:02d}:{minute}" for hour in range(24) for minute in _SIXTY)
