"""The same unit on several channels: shut, dearer, cheaper or for longer stays only on one of them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import BoolArray, GuardInputs
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.guards.finding import demand_of, for_sale, judged, night_texts, nights_finding
from python_nodes.guards.min_stay_raised import turned_away
from python_nodes.guards.price_out_of_range import lost_by_price
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "parity"
CAUSES = {"availability": "calendar_closed", "price": "price_error", "min_stay": "min_stay_raised"}
METRICS = {"availability": "availability", "price": "listed_price", "min_stay": "availability"}


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing that differs from its unit's other channels more than it usually does.

    A constant mark-up is no difference: prices and minimum stays are compared by how far each moved from its usual.
    """
    mates = other_channels(inputs)
    if not mates.shape[1]:
        return []
    prices, apart, reference = _prices(inputs, mates, settings)
    broken = {
        "availability": _shut(inputs, mates, settings),
        "price": prices,
        "min_stay": _longer(inputs, mates, settings),
    }
    broken = {part: _lasting(nights, settings) for part, nights in broken.items()}
    away = turned_away(inputs.stay_shares, inputs.usual.min_stay_nights, inputs.ari.min_stay_nights)
    low, high = broken["price"] & (apart < 0), broken["price"] & (apart > 0)
    lost = {
        "availability": demand_of(inputs, broken["availability"]),
        "price": lost_by_price(inputs.ari.price_minor, reference, low, high, inputs.night_demand, settings),
        "min_stay": np.where(broken["min_stay"], inputs.night_demand * away, 0.0).sum(axis=1),
    }
    anywhere = np.logical_or.reduce([nights.any(axis=1) for nights in broken.values()])
    return [_found(inputs, int(row), mates, broken, lost, apart, settings) for row in np.flatnonzero(anywhere).tolist()]


def other_channels(inputs: GuardInputs) -> IntArray:
    """Return the rows of each listing's unit on other channels, (n_listings, most), -1 where there are fewer."""
    unit = np.array([listing.unit_id for listing in inputs.listings], dtype=np.int64)
    _, channel = np.unique([listing.channel for listing in inputs.listings], return_inverse=True)
    order = np.argsort(unit, kind="stable")
    starts = np.searchsorted(unit[order], unit, side="left")
    sizes = np.searchsorted(unit[order], unit, side="right") - starts
    most = int(sizes.max(initial=0))
    at = starts[:, None] + np.arange(most)
    inside = np.arange(most) < sizes[:, None]
    rows = np.where(inside, order[np.minimum(at, len(order) - 1)], -1)
    rows = np.where(inside & (channel[rows] != channel[:, None]), rows, -1)
    # Those that are there first, so that no column is empty for all.
    rows = -np.sort(-rows, axis=1)
    return np.asarray(rows[:, (rows >= 0).any(axis=0)], dtype=np.int64)


def _of_mates(values: FloatArray, mates: IntArray) -> FloatArray:
    """Return the middle of what the other channels have, NaN where none has any, (n_listings, n_nights)."""
    theirs = np.where((mates >= 0)[:, :, None], values[mates], np.nan)
    with warnings.catch_warnings():
        # numpy warns of a median of nothing; that is the NaN wanted here.
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmedian(theirs, axis=1), dtype=np.float64)


def _shut(inputs: GuardInputs, mates: IntArray, settings: GuardSettings) -> BoolArray:
    """Closed here, for sale elsewhere, and not by the operator's own wish."""
    ari = inputs.ari
    sold_by_mate = (for_sale(inputs, settings)[mates] & (mates >= 0)[:, :, None]).any(axis=1)
    meant = inputs.operator_known & ~inputs.operator_open
    return np.asarray(ari.known & ~ari.is_open & sold_by_mate & ~meant & judged(inputs, settings))


def _prices(inputs: GuardInputs, mates: IntArray, settings: GuardSettings) -> tuple[BoolArray, FloatArray, FloatArray]:
    """Return the nights this channel's price left the others', by how much, and what it would be with them."""
    usual = inputs.usual.price_minor
    offered = for_sale(inputs, settings) & (inputs.ari.price_minor > 0) & (usual > 0)
    moved = np.divide(inputs.ari.price_minor, usual, out=np.full(usual.shape, np.nan), where=offered)
    theirs = _of_mates(moved, mates)
    with np.errstate(invalid="ignore"):
        apart = moved / theirs - 1.0
        # With two channels both are apart: the one that moved is the odd one.
        is_odd = np.abs(np.log(moved)) >= np.abs(np.log(theirs))
        found = (np.abs(apart) > settings.parity_price_tolerance) & is_odd
    return np.asarray(found, dtype=np.bool_), apart, usual * theirs


def _longer(inputs: GuardInputs, mates: IntArray, settings: GuardSettings) -> BoolArray:
    """A minimum stay that rose here, and not as much elsewhere."""
    offered = for_sale(inputs, settings)
    risen = np.where(offered, inputs.ari.min_stay_nights - inputs.usual.min_stay_nights, np.nan)
    with np.errstate(invalid="ignore"):
        found = (risen > 0) & (risen - _of_mates(risen, mates) > settings.parity_min_stay_tolerance)
    return np.asarray(found, dtype=np.bool_)


def _lasting(nights: BoolArray, settings: GuardSettings) -> BoolArray:
    enough = nights.sum(axis=1) >= settings.parity_min_nights
    return np.asarray(nights & enough[:, None], dtype=np.bool_)


def _found(
    inputs: GuardInputs, row: int, mates: IntArray, broken: dict[str, BoolArray], lost: dict[str, FloatArray],
    apart: FloatArray, settings: GuardSettings,
) -> Anomaly:  # fmt: skip
    parts = [part for part, nights in broken.items() if nights[row].any()]
    worst = max(parts, key=lambda part: float(lost[part][row]))
    evidence: dict[str, Any] = {
        "channel": inputs.listings[row].channel,
        "compared_with": sorted({inputs.listings[mate].channel for mate in mates[row] if mate >= 0}),
        "differs_in": {part: night_texts(inputs, broken[part][row]) for part in parts},
        "price_tolerance": settings.parity_price_tolerance,
    }
    up = False
    if "price" in parts:
        by = float(np.median(apart[row, broken["price"][row]]))
        evidence["price_apart"], up = round(by, 4), worst == "price" and by > 0
    return nights_finding(
        inputs, row, np.logical_or.reduce([broken[part] for part in parts]), kind=NAME, metric=METRICS[worst],
        cause=CAUSES[worst], share_lost=float(lost[worst][row]), observed=None, expected=None, evidence=evidence,
        up=up,
    )  # fmt: skip
