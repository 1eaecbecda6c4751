"""A connection's access is refused or ends soon: told while somebody can still renew it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from python_nodes.domain.findings import LOSS_IS_UNKNOWN, OF_OUR_SIGHT, Anomaly
from python_nodes.domain.inputs import Access, GuardInputs
from python_nodes.guards.finding import finding
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "access_ending"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing of each such connection; alerts make one of them."""
    return [
        _found(inputs, row, one)
        for one in inputs.access
        if one.refused_at is not None or _is_near(inputs, one, settings)
        for row in np.flatnonzero(one.listings).tolist()
    ]


def _is_near(inputs: GuardInputs, one: Access, settings: GuardSettings) -> bool:
    return one.ends_at is not None and one.ends_at - inputs.as_of <= timedelta(days=settings.access_ending_days)


def _found(inputs: GuardInputs, row: int, one: Access) -> Anomaly:
    since = inputs.as_of_day if one.refused_at is None else min(one.refused_at.date(), inputs.as_of_day)
    return finding(
        inputs, row, kind=NAME, metric="availability", cause=NAME, onset_date=since,
        evidence={
            "connection_id": one.connection_id, "connection": one.connection,
            "ends_at": one.ends_at.isoformat() if one.ends_at else None,
            "refused_at": one.refused_at.isoformat() if one.refused_at else None,
            "listings": int(one.listings.sum()), LOSS_IS_UNKNOWN: OF_OUR_SIGHT,
        },
    )  # fmt: skip
