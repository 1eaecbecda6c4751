"""The channel's calendar runs empty: nights that guests already ask for are not loaded."""

from __future__ import annotations

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import BoolArray, GuardInputs
from python_nodes.guards.finding import demand_of, judged, nights_finding
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "calendar_empty"


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing without an open night from some day within its booking window on.

    Nights on which the operator has a word of his own are left to ``not_bookable``, nights beyond what the channel's
    feed tells of any listing are beyond its reach.
    """
    ari = inputs.ari
    opened = ari.known & ari.is_open
    ahead = np.arange(ari.nights.size)
    last_open = np.where(opened.any(axis=1), np.where(opened, ahead, -1).max(axis=1), -1)
    empty = (ahead > last_open[:, None]) & ~inputs.operator_known & judged(inputs, settings) & _in_reach(inputs)
    empty &= ~np.isnat(ari.observed_at)[:, None]
    share = demand_of(inputs, empty)
    told = (empty.sum(axis=1) >= settings.calendar_empty_nights) & (share >= settings.calendar_empty_share)
    return [
        nights_finding(
            inputs, int(row), empty, kind=NAME, metric="availability", cause="calendar_empty",
            share_lost=float(share[row]), observed=float(last_open[row] + 1), expected=float(ari.nights.size),
            evidence={"last_open_night": str(ari.nights[last_open[row]]) if last_open[row] >= 0 else None},
        )
        for row in np.flatnonzero(told).tolist()
    ]  # fmt: skip


def _in_reach(inputs: GuardInputs) -> BoolArray:
    """Return the nights up to the last that each listing's channel tells of any listing, (n_listings, n_nights)."""
    names, channel = np.unique([listing.channel for listing in inputs.listings], return_inverse=True)
    told = np.zeros((names.size, inputs.ari.nights.size), dtype=np.bool_)
    np.logical_or.at(told, channel, inputs.ari.known)
    reached = np.logical_or.accumulate(told[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(reached[channel], dtype=np.bool_)
