"""The operator's own calendar says open, the channel does not: night by night, or by the word it has for the whole."""

from __future__ import annotations

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import BoolArray, GuardInputs
from python_nodes.guards.finding import judged, nights_finding, touched_demand, within
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "not_bookable"
# Suspended is a finding of its own; without a word nothing is known.
NOT_CLOSED = ("", "bookable", "suspended")


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing whose open nights are closed or untold on the channel; sold out is not blocked.

    A channel's word other than bookable (closed, auto-closed, hard-closed) blocks every night the operator has open,
    whatever the calendar shows; where the operator told of no night at all it blocks all of them.
    """
    ari = inputs.ari
    polled = ~np.isnat(ari.observed_at)
    promised = inputs.operator_known & inputs.operator_open & within(inputs, settings.horizon_nights)
    # What the operator opened since the channel was last asked is no word that the channel could have heeded.
    heard = ~(inputs.operator_since > ari.observed_at[:, None])
    by_night = promised & heard & ~(ari.known & ari.is_open) & polled[:, None] & judged(inputs, settings)
    by_word = _closed_by_word(inputs, promised, settings)
    blocked = by_night | by_word
    share = touched_demand(inputs, blocked)
    found = []
    for row in np.flatnonzero(blocked.any(axis=1)).tolist():
        told = str(inputs.health.status[row])
        open_nights = int((promised | by_word)[row].sum())
        evidence = {
            "operator_open_nights": int(promised[row].sum()),
            "closed_nights": int((blocked[row] & ari.known[row] & ~ari.is_open[row]).sum()),
            "unknown_nights": int((by_night[row] & ~ari.known[row]).sum()),
            "channel_word": told if by_word[row].any() else "closed",
            "channel_detail": str(inputs.health.detail[row]),
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


def _closed_by_word(inputs: GuardInputs, promised: BoolArray, settings: GuardSettings) -> BoolArray:
    closed = np.asarray(~np.isin(inputs.health.status, NOT_CLOSED), dtype=np.bool_)
    unasked = np.asarray(~inputs.operator_known.any(axis=1), dtype=np.bool_)
    nights = promised | (unasked[:, None] & within(inputs, settings.horizon_nights))
    return np.asarray(closed[:, None] & nights, dtype=np.bool_)
