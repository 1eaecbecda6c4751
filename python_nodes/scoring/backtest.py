"""What watches would have told of days that are past, held against what is known to have happened then."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from python_nodes.scoring.replay import Raised

GRACE_DAYS = 3
"""An alert raised so many days after the end still tells the event, as `nightporter match` has it."""


@dataclass(frozen=True, slots=True)
class Label:
    """Something that is known of some listings and days: an event, or (``is_real`` false) that an alert was false.

    ``kind`` is empty where it is not known; ``scope`` and ``place`` are as of `replay.Raised`. ``oracle_date`` is the
    first day on which it could be seen, None where nobody knows.
    """

    name: str
    kind: str
    listing_ids: frozenset[int]
    scope: str
    place: str | None
    start_date: date
    end_date: date
    is_real: bool = True
    oracle_date: date | None = None

    def covers(self, alert: Raised) -> bool:
        """Whether an alert is about it: the same place, raised from its start to three days after its end."""
        if not self.start_date <= alert.raised_date <= self.end_date + timedelta(days=GRACE_DAYS):
            return False
        if self.scope != "listing" or alert.scope != "listing":
            return (self.scope, self.place) == (alert.scope, alert.place)
        return not self.listing_ids.isdisjoint(alert.listing_ids)


@dataclass(frozen=True, slots=True)
class Event:
    """An event and when it was told; delays in days from its start, None for never or not known."""

    label: Label
    delay_days: int | None
    oracle_days: int | None


@dataclass(frozen=True, slots=True)
class Kind:
    """Of one kind: its events, and the alerts that are called so."""

    kind: str
    events: int
    found: int
    median_delay_days: float | None
    oracle_median_days: float | None
    alerts: int
    true: int
    false: int


@dataclass(frozen=True, slots=True)
class Judged:
    """Alerts held against labels.

    ``true`` and ``false`` are positions in the alerts; the others nobody has judged. ``precision`` is None without a
    judged alert, ``recall`` without an event that watches can tell.
    """

    events: tuple[Event, ...]
    true: frozenset[int]
    false: frozenset[int]
    listing_days: int
    kinds: tuple[Kind, ...] = field(default=())

    @property
    def recall(self) -> float | None:
        """Share of the events that were told."""
        return sum(one.delay_days is not None for one in self.events) / len(self.events) if self.events else None

    @property
    def precision(self) -> float | None:
        """Share of the judged alerts that are true."""
        return len(self.true) / (len(self.true) + len(self.false)) if self.true or self.false else None

    @property
    def false_per_1000(self) -> float:
        """False alerts in 1,000 days of a listing."""
        return 1000.0 * len(self.false) / self.listing_days if self.listing_days else 0.0

    @property
    def median_delay_days(self) -> float | None:
        """Days from an event's start to its alert; None where more than half were never told."""
        return middle([one.delay_days for one in self.events])

    @property
    def oracle_median_days(self) -> float | None:
        """The same of the oracle, where labels tell it."""
        return middle([one.oracle_days for one in self.events])


def middle(delays: Sequence[int | None]) -> float | None:
    """Return the middle delay, None being never; None where that is the middle, or where there is nothing."""
    ordered = sorted(float("inf") if one is None else float(one) for one in delays)
    told = ordered[(len(ordered) - 1) // 2] if ordered else float("inf")
    return None if told == float("inf") else told


def judge(
    alerts: Sequence[Raised], labels: Sequence[Label], watched: Collection[str], listing_days: int, *, is_whole: bool
) -> Judged:
    """Hold alerts against labels.

    Parameters
    ----------
    alerts : sequence of Raised
    labels : sequence of Label
    watched : collection of str
        The kinds that watches tell: an event of another kind is no watch's to tell, and an alert on it counts neither
        way.
    listing_days : int
    is_whole : bool
        Whether the labels tell everything that happened: then an alert without one is false. Else nobody judged it.

    Returns
    -------
    Judged
    """
    own = [one for one in labels if one.is_real and (not one.kind or one.kind in watched)]
    others = [one for one in labels if one.is_real and one not in own]
    denied = [one for one in labels if not one.is_real]
    true = {at for at, alert in enumerate(alerts) if any(one.covers(alert) for one in own)}
    rest = [at for at in range(len(alerts)) if at not in true and not any(one.covers(alerts[at]) for one in others)]
    false = {at for at in rest if is_whole or any(one.covers(alerts[at]) for one in denied)}
    events = tuple(_event(one, alerts) for one in own)
    return Judged(events, frozenset(true), frozenset(false), listing_days, _by_kind(events, alerts, true, false))


def _event(label: Label, alerts: Sequence[Raised]) -> Event:
    told = [(alert.raised_date - label.start_date).days for alert in alerts if label.covers(alert)]
    oracle = None if label.oracle_date is None else (label.oracle_date - label.start_date).days
    return Event(label, min(told, default=None), oracle)


def _by_kind(
    events: Sequence[Event], alerts: Sequence[Raised], true: Collection[int], false: Collection[int]
) -> tuple[Kind, ...]:
    rows = []
    for kind in sorted({one.label.kind for one in events} | {one.kind for one in alerts}):
        own = [one for one in events if one.label.kind == kind]
        called = {at for at, one in enumerate(alerts) if one.kind == kind}
        rows.append(
            Kind(
                kind, len(own), sum(one.delay_days is not None for one in own),
                middle([one.delay_days for one in own]), middle([one.oracle_days for one in own]),
                len(called), len(called & set(true)), len(called & set(false)),
            )
        )  # fmt: skip
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class Pair:
    """The same alert by both settings: positions in the one's alerts and in the other's."""

    now: int
    other: int


@dataclass(frozen=True, slots=True)
class Compared:
    """What other settings would change; positions in the alerts of what runs now, and of the other."""

    both: tuple[Pair, ...]
    lost: tuple[int, ...]
    gained: tuple[int, ...]


def compare(now: Sequence[Raised], other: Sequence[Raised], end: date) -> Compared:
    """Pair the alerts of the same kind and place that stood at the same time, each with the first that is free."""
    free = list(range(len(other)))
    both, lost = [], []
    for at, one in enumerate(now):
        same = [i for i in free if _is_same(one, other[i], end)]
        if not same:
            lost.append(at)
            continue
        free.remove(same[0])
        both.append(Pair(at, same[0]))
    return Compared(tuple(both), tuple(lost), tuple(free))


def _is_same(one: Raised, other: Raised, end: date) -> bool:
    if (one.kind, one.scope, one.place) != (other.kind, other.scope, other.place):
        return False
    if one.scope == "listing" and one.listing_ids != other.listing_ids:
        return False
    return one.raised_date <= (other.ended_date or end) and other.raised_date <= (one.ended_date or end)
