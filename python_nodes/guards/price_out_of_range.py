"""A price under the unit's floor, or under half or over double what that night usually costs.

Usual is what earlier polls saw for that same night; where none did, as on a night that has just come into sight, what
the listing's nights of the same weekday around it usually cost, with wider bounds.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import BoolArray, GuardInputs
from python_nodes.domain.metrics import FloatArray
from python_nodes.guards.finding import judged, nights_finding
from python_nodes.guards.settings import DEFAULTS, GuardSettings

NAME = "price_out_of_range"
NEIGHBOUR_WEEKS = 4


@dataclass(frozen=True, slots=True)
class OutOfRange:
    """Nights out of range, (n_listings, n_nights), and what each usually costs; NaN where nothing tells."""

    under_floor: BoolArray
    collapsed: BoolArray
    dear: BoolArray
    usual: FloatArray


def check(inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
    """Return one Anomaly a listing with nights priced out of range."""
    price, wrong_of = inputs.ari.price_minor, out_of_range(inputs, settings)
    base = np.array([max(one.base_price_minor, one.floor_price_minor) for one in inputs.listings], dtype=np.float64)
    reference = np.where(np.isfinite(wrong_of.usual) & (wrong_of.usual > 0), wrong_of.usual, base[:, None])
    collapsed, dear = wrong_of.collapsed, wrong_of.dear & ~wrong_of.collapsed
    lost = lost_by_price(price, reference, collapsed, dear, inputs.night_demand, settings)
    wrong = collapsed | dear
    found = []
    for row in np.flatnonzero(wrong.any(axis=1)).tolist():
        observed = float(np.median(price[row, wrong[row]]))
        expected = float(np.median(reference[row, wrong[row]]))
        evidence = {
            "under_floor_nights": int(wrong_of.under_floor[row].sum()), "too_low_nights": int(collapsed[row].sum()),
            "too_high_nights": int(dear[row].sum()), "price_minor": round(observed),
            "usual_price_minor": round(expected),
            "floor_price_minor": inputs.listings[row].floor_price_minor, "currency": inputs.listings[row].currency,
            "assumed_price_elasticity": assumed_elasticity(observed > expected, settings),
        }  # fmt: skip
        found.append(
            nights_finding(
                inputs,
                int(row),
                wrong,
                kind=NAME,
                metric="listed_price",
                cause="price_error",
                share_lost=float(lost[row]),
                observed=observed,
                expected=expected,
                evidence=evidence,
                up=observed > expected,
            )
        )
    return found


def out_of_range(inputs: GuardInputs, settings: GuardSettings) -> OutOfRange:
    """Compare each open night's price with its floor and with what it usually costs."""
    ari = inputs.ari
    price = np.where(ari.price_minor > 0, ari.price_minor, np.nan)
    priced = ari.known & ari.is_open & np.isfinite(price) & judged(inputs, settings)
    floor = np.array([listing.floor_price_minor for listing in inputs.listings], dtype=np.float64)[:, None]
    usual, slack = _usual(inputs.usual.price_minor, settings)
    with np.errstate(invalid="ignore"):
        under_floor = priced & (price < floor)
        collapsed = under_floor | (priced & (price < settings.price_low_ratio / slack * usual))
        dear = priced & (price > settings.price_high_ratio * slack * usual)
    return OutOfRange(under_floor, collapsed, dear, usual)


def _usual(trailing: FloatArray, settings: GuardSettings) -> tuple[FloatArray, FloatArray]:
    """Return what each night usually costs, NaN if nothing tells, and how much wider its bounds are."""
    own = np.where(np.isfinite(trailing) & (trailing > 0), trailing, np.nan)
    reach = 7 * NEIGHBOUR_WEEKS
    padded = np.pad(own, ((0, 0), (reach, reach)), constant_values=np.nan)
    weeks = [padded[:, reach + 7 * week : reach + 7 * week + own.shape[1]] for week in _weeks()]
    with warnings.catch_warnings():
        # numpy warns of a median of nothing; that is the NaN wanted here.
        warnings.simplefilter("ignore", RuntimeWarning)
        around = np.nanmedian(np.stack(weeks), axis=0)
    usual = np.where(np.isfinite(own), own, around)
    return usual, np.where(np.isfinite(own), 1.0, settings.inferred_slack)


def _weeks() -> list[int]:
    return [week for week in range(-NEIGHBOUR_WEEKS, NEIGHBOUR_WEEKS + 1) if week]


def lost_by_price(
    price: FloatArray, reference: FloatArray, collapsed: BoolArray, dear: BoolArray, demand: FloatArray,
    settings: GuardSettings,
) -> FloatArray:  # fmt: skip
    """Share of a day's revenue lost by the marked nights, each weighing as the bookings that touch it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        lost = lost_at(np.where(collapsed | dear, price / reference, 1.0), settings)
    lost = np.nan_to_num(lost) * np.nan_to_num(demand)
    return np.asarray(np.clip(lost.sum(axis=1), 0.0, 1.0), dtype=np.float64)


def assumed_elasticity(is_dear: bool, settings: GuardSettings) -> float:
    """Name the elasticity that a finding's loss rests on."""
    return settings.price_elasticity_above if is_dear else settings.price_elasticity_below


def lost_at(ratio: FloatArray, settings: GuardSettings) -> FloatArray:
    """Share of revenue lost at a price ``ratio`` times the usual one, by the assumed elasticities; none below 0.

    Fewer guests come to a dear price and each of them pays it; more come to a cheap one, for less.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        power = np.where(ratio < 1.0, 1.0 - settings.price_elasticity_below, 1.0 - settings.price_elasticity_above)
        kept = np.where(ratio > 0, ratio**power, 0.0)
    return np.asarray(np.clip(1.0 - kept, 0.0, 1.0), dtype=np.float64)
