"""We no longer hear of a listing, or hear old news: what we do not see we must not call well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from python_nodes.domain.findings import LOSS_IS_UNKNOWN, OF_OUR_SIGHT, Anomaly
from python_nodes.domain.inputs import BoolArray, GuardInputs
from python_nodes.domain.metrics import IntArray
from python_nodes.guards import currency_switched, poll_failing
from python_nodes.guards.finding import finding as anomaly
from python_nodes.guards.finding import for_sale, moment_text, night_texts, silent_s
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "feed_stale"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing whose availability or performance report is too old, or offers what is sold.

    A feed that never told of a listing is one not set up yet, not a stale one. What a failing poll or refused records
    explain is told as such.
    """
    refused = currency_switched.marked(inputs, settings)
    unasked = [poll_failing.silenced(inputs, of, settings) for of in (poll_failing.AVAILABILITY, poll_failing.REPORTS)]
    unheard = (silent_s(inputs) > settings.ari_stale_hours * 3600) & ~(refused | unasked[0])
    behind = behind_days(inputs)
    late = (behind >= settings.performance_stale_days) | _behind_channel(inputs, behind, settings)
    late &= ~(refused | unasked[1])
    sold = _offered_though_booked(inputs, settings)
    outdated = sold.sum(axis=1) >= settings.oversold_nights
    return [
        _found(inputs, int(row), bool(unheard[row]), bool(late[row]), int(behind[row]), sold)
        for row in np.flatnonzero(unheard | late | outdated).tolist()
    ]


def behind_days(inputs: GuardInputs) -> IntArray:
    """Return how many days each listing's report is behind its own yesterday; 0 where it never told any."""
    told = inputs.last_performance_day.astype("datetime64[D]")
    behind = (inputs.local_day - np.timedelta64(1, "D") - told).astype(np.int64)
    return np.asarray(np.where(np.isnat(told), 0, np.maximum(behind, 0)), dtype=np.int64)


def _behind_channel(inputs: GuardInputs, behind: IntArray, settings: GuardSettings) -> BoolArray:
    """A report that told every day and now ends before its channel's other properties' reports do."""
    told = inputs.last_performance_day.astype("datetime64[D]")
    reports = ~np.isnat(told) & (inputs.health.status != "suspended")
    names, channel = np.unique([listing.channel for listing in inputs.listings], return_inverse=True)
    newest = np.full(names.size, np.iinfo(np.int64).max)
    np.minimum.at(newest, channel[reports], behind[reports])
    days = inputs.recent.days[None, :]
    ago = (told[:, None] - days).astype(np.int64)
    before = (ago >= 0) & (ago < settings.reports_daily_days)
    each_day = (before & np.isfinite(inputs.recent.shown_count)).sum(axis=1) == settings.reports_daily_days
    return np.asarray(reports & each_day & (behind > newest[channel]), dtype=np.bool_)


def _offered_though_booked(inputs: GuardInputs, settings: GuardSettings) -> BoolArray:
    """Nights of which the channel offers more units than bookings of all channels have left.

    While reservations of the unit do not come, a cancellation may have freed what is offered.
    """
    unit = np.array([listing.unit_id for listing in inputs.listings], dtype=np.int64)
    blind = [unit[poll.listings] for poll in inputs.failing if poll.operation == "reservations"]
    known = ~np.isin(unit, np.concatenate([np.empty(0, dtype=np.int64), *blind]))[:, None]
    count = np.array([listing.unit_count for listing in inputs.listings], dtype=np.int64)[:, None]
    too_many = inputs.ari.units_left > np.maximum(count - inputs.booked_units, 0)
    return np.asarray(for_sale(inputs, settings) & known & too_many & (inputs.booked_units > 0), dtype=np.bool_)


def _found(inputs: GuardInputs, row: int, unheard: bool, late: bool, behind: int, sold: BoolArray) -> Anomaly:
    told = inputs.last_performance_day[row]
    nights = night_texts(inputs, sold[row])
    evidence: dict[str, Any] = {
        "availability_stale": unheard, "performance_stale": late,
        "last_poll_at": moment_text(inputs.ari.observed_at, row),
        "last_performance_date": None if np.isnat(told) else str(told.astype("datetime64[D]")),
    }  # fmt: skip
    if nights:
        evidence["offered_though_booked"] = nights
    evidence[LOSS_IS_UNKNOWN] = OF_OUR_SIGHT
    silent_days = int(silent_s(inputs)[row]) // 86400 if unheard else 0
    return anomaly(
        inputs, row, kind=NAME, metric="search_impressions" if late and not unheard and not nights else "availability",
        cause="feed_stale", onset_date=inputs.as_of_day - timedelta(days=max(silent_days, behind if late else 0)),
        evidence=evidence,
    )  # fmt: skip
