"""The channel itself says that the listing is suspended."""

from __future__ import annotations

from datetime import UTC, date
from zoneinfo import ZoneInfo

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import GuardInputs
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "suspended"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a suspended listing; it holds from the property-local day the channel says it changed."""
    return [
        Anomaly(
            listing_id=inputs.listings[row].listing_id,
            kind=NAME,
            metric="availability",
            onset_date=_since(inputs, int(row)),
            observed=0.0,
            expected=1.0,
            lower=None,
            upper=None,
            p_value=None,
            share_lost=1.0,
            confidence=1.0,
            cause="listing_down",
            evidence={"status": "suspended", "changed_at": str(inputs.health.changed_at[row])},
        )
        for row in np.flatnonzero(inputs.health.status == "suspended").tolist()
    ]


def _since(inputs: GuardInputs, row: int) -> date:
    """Return the local day of the change, today if untold or said to lie ahead."""
    changed = inputs.health.changed_at[row]
    if np.isnat(changed):
        return inputs.as_of_day
    moment = changed.astype("datetime64[s]").item().replace(tzinfo=UTC)
    local: date = moment.astimezone(ZoneInfo(inputs.listings[row].timezone)).date()
    return min(local, inputs.as_of_day)
