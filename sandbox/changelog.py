"""The operator's change log: some lines tell of an incident's cause, ten times as many of changes that harm nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from sandbox.calendar import MINOR_DIGITS
from sandbox.incidents import Incident
from sandbox.kinds import KINDS
from sandbox.portfolio import Portfolio
from sandbox.rows import ChangeRow

TRACELESS_SHARE = 0.3
HARMLESS_PER_CAUSE = 10
# So that the log is not empty on the first live day; harmless changes go on at the same rate before it.
DAYS_BEFORE_T0 = 35
_ACTORS = ("ana", "ben", "pms-sync", "pricing-tool", "channel-manager")
# Where a causal line's words are not the harm itself (a price, a minimum stay), a harmless one reads the same.
_HARMLESS = {
    "status": ("online", "online"), "availability": ("open", "open"), "amenities": ("", "board games"),
    "rate_plans": ("Flexible", "Fully flexible"), "min_stay": ("1", "1"),
    "connection": ("feed on", "feed mapping edited"),
    "description": ("text 1", "text 2"), "photo": ("cover 1", "cover 2"), "promotion": ("early-bird deal", ""),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One line, the day it stands under, and the incident it caused, if any."""

    day: date
    row: ChangeRow
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Tweak:
    """A harmless price change: from ``day`` (live, may be negative) on, nights ``first`` to ``last`` after t0."""

    listing: int
    day: int
    first: int
    last: int
    factor: float


@dataclass(frozen=True, slots=True)
class Log:
    """The incidents with their traces decided, the log's lines in order of time, and the price changes in it."""

    placed: tuple[Incident, ...]
    changes: tuple[Change, ...]
    tweaks: tuple[Tweak, ...]


def build_log(placed: Sequence[Incident], portfolio: Portfolio, seed: int, t0: date, live_days: int) -> Log:
    """Decide which incidents leave a trace, and write the log around them."""
    rng = np.random.default_rng([seed, 6])
    decided = _decide(placed, rng)
    changes = [
        change for item in decided if item.leaves_trace for change in _causal(item, portfolio, t0, live_days, rng)
    ]
    tweaks: list[Tweak] = []
    fields = [change.row.field for change in changes if change.cause]
    each = round(HARMLESS_PER_CAUSE * (1 + DAYS_BEFORE_T0 / live_days))
    for name in fields:
        for k in range(each):
            # The first ten fall into the live days, the rest before them, at the same rate.
            live = (
                int(rng.integers(0, live_days)) if k < HARMLESS_PER_CAUSE else -int(rng.integers(1, DAYS_BEFORE_T0 + 1))
            )
            i = int(rng.integers(0, len(portfolio)))
            old, new = _harmless(name, portfolio, i, live, rng, tweaks)
            changes.append(_change(portfolio, i, t0, live, name, old, new, rng))
    return Log(decided, tuple(sorted(changes, key=lambda change: change.row)), tuple(tweaks))


def _decide(placed: Sequence[Incident], rng: np.random.Generator) -> tuple[Incident, ...]:
    """Seven in ten incidents leave a trace; those that nobody's change caused are the first to leave none."""
    real = sum(not item.is_control for item in placed)
    able = [k for k, item in enumerate(placed) if not item.is_control and KINDS[item.kind].logged_as]
    wanted = real - round(TRACELESS_SHARE * real)
    traced = {able[int(n)] for n in rng.permutation(len(able))[:wanted]}
    return tuple(replace(item, leaves_trace=k in traced) for k, item in enumerate(placed))


def _causal(
    item: Incident, portfolio: Portfolio, t0: date, live_days: int, rng: np.random.Generator
) -> Iterator[Change]:
    """The change that began it, for each listing, and the one that mended it."""
    name = KINDS[item.kind].logged_as or ""
    for i in item.listings[:1] if name == "connection" else item.listings:
        old, new = _caused(item, portfolio, i)
        begun = _change(portfolio, i, t0, item.first_day, name, old, new, rng)
        # Whatever happened that day happened before its first search: the log's line is from the early morning.
        early = datetime.combine(begun.day, time(0, 1 + int(rng.integers(0, 50))), tzinfo=UTC)
        yield replace(begun, row=begun.row._replace(changed_at=early), cause=item.incident_id)
        if item.last_day + 1 < live_days:
            yield _change(portfolio, i, t0, item.last_day + 1, name, new, old, rng)


def _caused(item: Incident, portfolio: Portfolio, i: int) -> tuple[str, str]:
    own = portfolio.market(i).currency
    price = int(portfolio.base_price_minor[i])
    texts = {
        "listing_down": ("online", "offline"), "calendar_closed": ("open", "closed"),
        "price_error": (_money(price, own), _money(round(price * item.factor), own)),
        "rate_missing": (_money(price, own), ""), "fee_missing": (_money(int(portfolio.fee_minor[i]), own), ""),
        "amenity_missing": ("wifi", ""), "rate_plan_gap": ("flex,nonref", "flex"),
        "min_stay_raised": ("1", str(item.min_stay_nights)), "currency_switched": (own, item.currency),
        "feed_stale": ("feed on", "feed mapping edited"), "feed_duplicate": ("feed on", "feed mapping edited"),
        "ctr_drop": ("cover 1", "cover 2"), "rank_drop": ("visibility programme", ""),
    }  # fmt: skip
    return texts.get(item.kind, ("text 1", "text 2"))


def _harmless(
    name: str, portfolio: Portfolio, i: int, live: int, rng: np.random.Generator, tweaks: list[Tweak]
) -> tuple[str, str]:
    """Pushes that change nothing, edits nobody minds, and small price changes, which are kept to be served."""
    own = portfolio.market(i).currency
    if name == "price":
        first = live + int(rng.integers(20, 120))
        factor = float(np.round(1 + rng.choice((-1, 1)) * rng.uniform(0.01, 0.03), 3))
        tweaks.append(Tweak(i, live, first, first + int(rng.integers(0, 3)), factor))
        price = int(portfolio.base_price_minor[i])
        return _money(price, own), _money(round(price * factor), own)
    if name == "fee":
        fee = _money(int(portfolio.fee_minor[i]), own)
        return fee, fee
    return (own, own) if name == "currency" else _HARMLESS[name]


def _change(
    portfolio: Portfolio, i: int, t0: date, live: int, name: str, old: str, new: str, rng: np.random.Generator
) -> Change:
    day = t0 + timedelta(days=live)
    moment = datetime.combine(day, time(int(rng.integers(0, 12)), int(rng.integers(0, 60))), tzinfo=UTC)
    room = "" if name == "connection" else portfolio.room_id[i]
    actor = str(rng.choice(_ACTORS))
    where = (portfolio.channel[i], portfolio.channel_property_id[i], room)
    return Change(day, ChangeRow(moment, *where, name, old, new, actor))


def _money(minor: int, currency: str) -> str:
    digits = MINOR_DIGITS[currency]
    return f"{minor / 10**digits:.{digits}f} {currency}"
