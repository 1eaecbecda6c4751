"""Which lines of the change log bear on an alert: what was changed, in what direction, and how near the break."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from python_nodes.domain.metrics import DayArray, FloatArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.scoring.rootcause.case import Asked, LoggedChange

DIRECTIONS = ("same", "raised", "lowered", "lost", "gained", "edited")
LAGS: Mapping[int, float] = {-1: 0.5, 0: 1.0, 1: 1.0, 2: 0.5, 3: 0.25}
"""By how many days a break may follow a change, and how well that fits; -1 since days differ by time zone."""
LEAST, MOST = -3.0, 4.0
_NUMBER = re.compile(r"^\s*(-?\d+(?:[.,]\d+)?)(?:\s*([A-Za-z]{3}))?\s*$")


@dataclass(frozen=True, slots=True)
class Line:
    """A change that may have done it; ``timing`` is the log of how much likelier the break is near it than anywhere."""

    change: LoggedChange
    direction: str
    timing: float
    share: float


def direction(old: str, new: str) -> str:
    """Say in one of ``DIRECTIONS`` how a value was changed: numbers rise and fall, lists lose and gain."""
    if old.strip() == new.strip():
        return "same"
    before, after = _NUMBER.match(old), _NUMBER.match(new)
    if before and after:
        if (before[2] or "").upper() != (after[2] or "").upper():
            return "edited"
        a, b = (float(one[1].replace(",", ".")) for one in (before, after))
        return "raised" if b > a else "lowered" if b < a else "same"
    had, has = (frozenset(part.strip() for part in text.split(",") if part.strip()) for text in (old, new))
    if has < had:
        return "lost"
    return "gained" if had < has else "edited"


def relevant(
    asked: Sequence[Asked], changes: Sequence[LoggedChange], listings: Sequence[ListingInfo]
) -> list[list[LoggedChange]]:
    """Return each alert's own lines: of its listings, and of their whole properties on the same channel."""
    by_id = {one.listing_id: one for one in listings}
    of_listing: dict[int, list[LoggedChange]] = defaultdict(list)
    of_home: dict[tuple[int | None, str], list[LoggedChange]] = defaultdict(list)
    for one in changes:
        if one.listing_id is None:
            of_home[one.property_id, one.channel].append(one)
        else:
            of_listing[one.listing_id].append(one)
    found = []
    for each in asked:
        members = [by_id[name] for name in each.listing_ids if name in by_id]
        homes = sorted({(one.property_id, one.channel) for one in members})
        lines = [line for one in members for line in of_listing.get(one.listing_id, ())]
        found.append(lines + [line for home in homes for line in of_home.get(home, ())])
    return found


def lines(
    changes: Sequence[LoggedChange], onset: FloatArray, last: date, members: Collection[int]
) -> list[Line]:  # fmt: skip
    """Judge an alert's lines by their timing; ``onset`` (SCAN_DAYS + 1,) ends with today, the day after ``last``."""
    first = (np.datetime64(last, "D") + 1 - (onset.size - 1)).astype("datetime64[D]").astype(date)
    sharing: dict[tuple[str, str, str, date], set[int | None]] = defaultdict(set)
    for one in changes:
        sharing[one.field, one.old, one.new, one.changed_at.date()].add(one.listing_id)
    found: dict[tuple[str, str, str, date], Line] = {}
    for one in changes:
        at = (one.changed_at.date() - first).days
        near = sum(weight * onset[at + lag] for lag, weight in LAGS.items() if 0 <= at + lag < onset.size)
        fits = np.log(max(near, 1e-9) * onset.size / sum(LAGS.values()))
        key = (one.field, one.old, one.new, one.changed_at.date())
        share = 1.0 if None in sharing[key] else len(sharing[key]) / max(len(members), 1)
        found.setdefault(key, Line(one, direction(one.old, one.new), float(np.clip(fits, LEAST, MOST)), share))
    return sorted(found.values(), key=lambda line: -line.timing)


def day_of(days: DayArray, column: int) -> date:
    """Return the day of a column; one beyond the last is the next."""
    found: date = (days[0] + np.timedelta64(column, "D")).astype("datetime64[D]").astype(date)
    return found
