"""A connection's operation fails for good: the last good data stand, and every listing it speaks for is unwatched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from python_nodes.domain.findings import LOSS_IS_UNKNOWN, OF_OUR_SIGHT, Anomaly
from python_nodes.domain.inputs import BoolArray, FailingPoll, GuardInputs
from python_nodes.guards.finding import finding
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "poll_failing"
AVAILABILITY = ("ari", "ical_calendar")
REPORTS = ("performance",)


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing that a persistently failing connection speaks for; alerts make one of them."""
    by_connection: dict[int, list[FailingPoll]] = {}
    for one in inputs.failing:
        if is_persistent(inputs, one, settings):
            by_connection.setdefault(one.connection_id, []).append(one)
    return [
        _found(inputs, row, polls)
        for polls in by_connection.values()
        for row in np.flatnonzero(np.logical_or.reduce([poll.listings for poll in polls])).tolist()
    ]


def is_persistent(inputs: GuardInputs, poll: FailingPoll, settings: GuardSettings) -> bool:
    """Tell a lasting failure from a passing one: by how often it failed in a row, or for how long."""
    lasted = inputs.as_of - poll.failing_since_at
    return poll.failures >= settings.poll_failures or lasted >= timedelta(hours=settings.poll_failing_hours)


def silenced(inputs: GuardInputs, operations: Sequence[str], settings: GuardSettings) -> BoolArray:
    """Return the listings of which nothing comes because one of these polls fails for good, (n_listings,)."""
    failing = [
        poll.listings
        for poll in inputs.failing
        if poll.operation in operations and is_persistent(inputs, poll, settings)
    ]
    none = np.zeros(len(inputs.listings), dtype=np.bool_)
    return np.asarray(np.logical_or.reduce([none, *failing]), dtype=np.bool_)


def _found(inputs: GuardInputs, row: int, polls: list[FailingPoll]) -> Anomaly:
    since = min(poll.failing_since_at for poll in polls)
    latest = max(polls, key=lambda poll: poll.failures)
    return finding(
        inputs, row, kind=NAME, metric="availability", cause="poll_failing",
        onset_date=min(since.date(), inputs.as_of_day),
        evidence={
            "connection_id": latest.connection_id, "connection": latest.connection,
            "operations": sorted(poll.operation for poll in polls), "failing_since_at": since.isoformat(),
            "failures": latest.failures, "reason": latest.reason,
            "last_success_at": latest.succeeded_at.isoformat() if latest.succeeded_at else None,
            "listings": int(np.logical_or.reduce([poll.listings for poll in polls]).sum()),
            LOSS_IS_UNKNOWN: OF_OUR_SIGHT,
        },
    )  # fmt: skip
