"""The operator's own calendar says open, the channel does not."""

from __future__ import annotations

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import GuardInputs
from python_nodes.guards.finding import demand_of, nights_finding, within
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "not_bookable"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing whose open nights are closed or untold on the channel; sold out is not blocked."""
    ari = inputs.ari
    polled = ~np.isnat(ari.observed_at)
    promised = inputs.operator_known & inputs.operator_open & within(inputs, settings.horizon_nights)
    blocked = promised & ~(ari.known & ari.is_open) & polled[:, None]
    share = demand_of(inputs, blocked)
    found = []
    for row in np.flatnonzero(blocked.any(axis=1)).tolist():
        open_nights = int(promised[row].sum())
        evidence = {
            "operator_open_nights": open_nights,
            "closed_nights": int((blocked[row] & ari.known[row]).sum()),
            "unknown_nights": int((blocked[row] & ~ari.known[row]).sum()),
        }
        found.append(
            nights_finding(
                inputs,
                int(row),
                blocked,
                kind=NAME,
                metric="availability",
                cause="calendar_closed",
                share_lost=float(share[row]),
                observed=float(open_nights - int(blocked[row].sum())),
                expected=float(open_nights),
                evidence=evidence,
            )
        )
    return found
