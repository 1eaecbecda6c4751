"""How a guard's finding becomes an Anomaly, and which of what it looks at is fresh enough to be judged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import BoolArray, GuardInputs
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.guards.settings import GuardSettings

UNSEEN_SHARE = 0.5
"""Of the bookings beyond the last night in sight, where a fault reaches that night: nobody knows how far it goes on."""


def within(inputs: GuardInputs, horizon_nights: int) -> BoolArray:
    """Return which nights lie between today and the horizon, (n_nights,)."""
    ahead = (inputs.ari.nights - np.datetime64(inputs.as_of_day, "D")).astype(np.int64)
    return np.asarray((ahead >= 0) & (ahead < horizon_nights), dtype=np.bool_)


def now(inputs: GuardInputs) -> np.datetime64:
    """The moment as numpy has it: UTC without its zone."""
    return np.datetime64(inputs.as_of.astimezone(UTC).replace(tzinfo=None), "s")


def silent_s(inputs: GuardInputs) -> IntArray:
    """Seconds since each listing's availability was last told, 0 where it never was."""
    polled = inputs.ari.observed_at.astype("datetime64[s]")
    return np.where(np.isnat(polled), 0, (now(inputs) - polled).astype(np.int64))


def judged(inputs: GuardInputs, settings: GuardSettings) -> BoolArray:
    """Return which cells may be judged, (n_listings, n_nights): within the horizon, of a listing that is not stale."""
    fresh = silent_s(inputs) <= settings.ari_stale_hours * 3600
    return np.asarray(fresh[:, None] & within(inputs, settings.horizon_nights), dtype=np.bool_)


def for_sale(inputs: GuardInputs, settings: GuardSettings) -> BoolArray:
    """Return the judged nights that are open on the channel and not sold out."""
    ari = inputs.ari
    return np.asarray(ari.known & ari.is_open & (ari.units_left > 0) & judged(inputs, settings))


def demand_of(inputs: GuardInputs, nights: BoolArray) -> FloatArray:
    """Return the share of a day's bookings that touches the marked nights, (n_listings,)."""
    share = np.nansum(np.where(nights, inputs.night_demand, 0.0), axis=1)
    return np.asarray(np.clip(share, 0.0, 1.0), dtype=np.float64)


def touched_demand(inputs: GuardInputs, nights: BoolArray) -> FloatArray:
    """Return the share of a day's bookings that touches the marked nights and those out of sight, (n_listings,).

    Where the last night in sight is marked, nobody knows how far it goes on: half of the bookings beyond are counted.
    """
    share = demand_of(inputs, nights)
    beyond = np.clip(1.0 - np.nansum(inputs.night_demand, axis=1), 0.0, 1.0)
    return np.asarray(np.clip(share + np.where(nights[:, -1], UNSEEN_SHARE * beyond, 0.0), 0.0, 1.0), dtype=np.float64)


def share_for_sale(inputs: GuardInputs, lost: FloatArray, settings: GuardSettings) -> FloatArray:
    """Return the share of a day's bookings that is lost, (n_listings,), where some of each night's demand is.

    ``lost`` (n_listings, n_nights) is 0 to 1 on nights for sale and 0 on others. The bookings that are expected all
    fall on nights for sale: what would have touched a sold-out night is not among them.
    """
    open_demand = np.where(for_sale(inputs, settings), np.nan_to_num(inputs.night_demand), 0.0)
    beyond = np.clip(1.0 - np.nansum(inputs.night_demand, axis=1), 0.0, 1.0)
    hidden = UNSEEN_SHARE * beyond * lost[:, -1]
    total = open_demand.sum(axis=1) + beyond
    share = np.divide((open_demand * lost).sum(axis=1) + hidden, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(np.clip(share, 0.0, 1.0), dtype=np.float64)


def mean_stay(inputs: GuardInputs) -> FloatArray:
    """Return how many nights a booking of each listing takes on average, (n_listings,)."""
    lengths = np.arange(1, inputs.stay_shares.shape[1] + 1)
    return np.asarray(np.maximum(inputs.stay_shares @ lengths, 1.0), dtype=np.float64)


def local_date(inputs: GuardInputs, row: int) -> date:
    """The day it is at a listing."""
    day: date = inputs.local_day[row].astype("datetime64[D]").item()
    return day


def moment_text(moments: NDArray[np.datetime64], row: int) -> str | None:
    """One of several moments for people, None where there is none."""
    moment = moments.astype("datetime64[s]")[row]
    return None if np.isnat(moment) else f"{moment}Z"


def finding(
    inputs: GuardInputs, row: int, *, kind: str, metric: str, cause: str, share_lost: float = 0.0,
    observed: float | None = None, expected: float | None = None, onset_date: date | None = None,
    confidence: float = 1.0, evidence: Mapping[str, Any], up: bool = False,
) -> Anomaly:  # fmt: skip
    """Return one Anomaly of listing ``row``; without an onset it holds from the day it is seen."""
    return Anomaly(
        listing_id=inputs.listings[row].listing_id, kind=kind, metric=metric,
        onset_date=onset_date or inputs.as_of_day, observed=observed, expected=expected, lower=None, upper=None,
        p_value=None, share_lost=float(min(max(share_lost, 0.0), 1.0)), confidence=confidence, cause=cause,
        direction="up" if up else "down", evidence=dict(evidence),
    )  # fmt: skip


def nights_finding(
    inputs: GuardInputs, row: int, nights: BoolArray, *, kind: str, metric: str, cause: str, share_lost: float,
    observed: float | None, expected: float | None, evidence: Mapping[str, Any], up: bool = False,
) -> Anomaly:  # fmt: skip
    """Return one Anomaly of listing ``row`` with its nights listed."""
    dates = night_texts(inputs, nights[row])
    told = {"nights": dates, "nights_count": len(dates), "first_night": dates[0], "last_night": dates[-1]}
    return finding(
        inputs, row, kind=kind, metric=metric, cause=cause, share_lost=share_lost, observed=observed,
        expected=expected, evidence=told | dict(evidence), up=up,
    )  # fmt: skip


def night_texts(inputs: GuardInputs, nights: BoolArray) -> list[str]:
    """The marked nights, (n_nights,), as dates for people."""
    return [str(night) for night in inputs.ari.nights[nights]]
