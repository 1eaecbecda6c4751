"""Comparable listings, by what they are and how they behave, and who is to be held against whom.

Nearest neighbours (scikit-learn) among blocks of features, each centred and scaled robustly: market and channel,
size and price, rating, volume, lead time, the shape of the week, the season, and the days' movements, of which the
principal components are taken: listings that rise and fall together are in one market, whatever it is called. What is
missing lies in the middle. A block counts by its weight, however many columns it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detectors import borrow
from detectors import peers as moves
from detectors.medians import nan_median
from detectors.series import BoolArray
from python_nodes.domain.metrics import FloatArray, IntArray
from python_nodes.domain.portfolio import ListingInfo
from python_nodes.domain.said import SAID, Said, marked

PEERS = 24
WEIGHTS: Mapping[str, float] = {
    "market": 4.0, "channel": 0.5, "size": 0.5, "price": 1.0, "rating": 0.5, "volume": 1.0, "lead": 0.5, "week": 0.5,
    "season": 1.0, "days": 6.0,
}  # fmt: skip
"""Mean squared distance between two listings that each block makes up."""
DAYS, SLOW_DAYS, SHORT_DAYS = 182, 28, 15
COMPONENTS = 8
LEAST_DAYS = 28
JUDGED_DAYS = 90
MIN_PEERS = 5
GAIN = 0.97
"""Peers are chosen over the market where they leave at most so much of its days' spread."""


@dataclass(frozen=True, slots=True)
class Peers:
    """``near`` (n, k), nearest first, and how much each counts, ``weight`` (n, k), 1 at most.

    ``chosen`` (n,): where a listing is held against them, and not against its market, which tells it as well.
    ``is_new`` (n,): where a listing has too few days of its own and borrows from them.
    """

    near: IntArray
    weight: FloatArray
    chosen: BoolArray
    is_new: BoolArray


@dataclass(frozen=True, slots=True)
class Near:
    """By listing its peers and how much each counts; of those that are ``held`` against them or borrow from them."""

    of: Mapping[int, Sequence[tuple[int, float]]]
    held: frozenset[int]


def group(
    listings: Sequence[ListingInfo], values: Mapping[str, FloatArray], price: FloatArray, count: int = PEERS
) -> Peers:
    """Find each listing's peers.

    Parameters
    ----------
    listings : sequence of ListingInfo
    values : mapping of str to ndarray, shape (n, n_days)
        The last days of ``search_impressions`` and ``booking_velocity``, and where told ``review_score`` and
        ``lead_time_days``; NaN is missing.
    price : ndarray, shape (n,)
        Base price in one currency.
    count : int

    Returns
    -------
    Peers
        A unit's listings on other channels are not its peers.
    """
    n = len(listings)
    if n < 2:
        return Peers(np.zeros((n, 0), dtype=np.int64), np.zeros((n, 0)), *np.zeros((2, n), dtype=np.bool_))
    near, distance = nearest(features(listings, values, price), listings, count)
    # The middle distance of the last peer is where a peer counts half.
    reach = max(float(np.median(distance[:, -1])), 1e-9) if distance.size else 1.0
    weight = 1.0 / (1.0 + (distance / reach) ** 2)
    markets = np.unique([listing.market for listing in listings], return_inverse=True)[1].astype(np.int64)
    shown = values["search_impressions"]
    is_new = np.isfinite(shown).sum(axis=1) < 2 * borrow.GONE_DAYS
    return Peers(near, weight, _chosen(shown, near, weight, markets), is_new)


def beside(markets: IntArray, listing_ids: Sequence[int], near: Near | None) -> moves.Compared | None:
    """Return what the rows of some listings are held against and borrow from; None where all have their market.

    Parameters
    ----------
    markets : ndarray of int, shape (n,)
    listing_ids : sequence of int
        Of the rows.
    near : Near, optional
        Peers that are no rows are left out.

    Returns
    -------
    detectors.peers.Compared or None
    """
    row_of = {one: row for row, one in enumerate(listing_ids)}
    found = {} if near is None else {row_of[one]: peers for one, peers in near.of.items() if one in row_of}
    if near is None or not found:
        return None
    held = np.isin(np.array(listing_ids), np.array(sorted(near.held), dtype=np.int64))
    shape = len(row_of), max(len(peers) for peers in found.values())
    rows, weight, chosen = np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape[0], dtype=np.bool_)
    for row, peers in found.items():
        known = [(row_of[one], counts) for one, counts in peers if one in row_of]
        chosen[row] = held[row] and len(known) >= MIN_PEERS
        for place, (other, counts) in enumerate(known):
            rows[row, place], weight[row, place] = other, counts
    return moves.Compared(markets, rows, weight, chosen)


def comparison(beside: moves.Groups, row: int, log_move: float) -> dict[str, Any]:
    """Say whom a listing was held against and how these moved, for an alert's evidence."""
    is_near = isinstance(beside, moves.Compared) and bool(beside.chosen[row])
    if isinstance(beside, moves.Compared):
        count = int((beside.weight[row] > 0).sum()) if is_near else int((beside.groups == beside.groups[row]).sum()) - 1
    else:
        count = int((beside == beside[row]).sum()) - 1
    share = float(np.expm1(log_move))
    near = marked("its {peers} peers moved by {by_change}")
    text = near if is_near else marked("the {peers} others of its market moved by {by_change}")
    return {"peers": count} | _told(Said(text, {"peers": count, "by_change": round(share, 3)}), share)


def shared(share: float) -> dict[str, Any]:
    """Say what befell a listing's whole channel and market by a rate, for an alert's evidence."""
    return _told(Said(marked("its channel and market moved by {by_change}"), {"by_change": round(share, 3)}), share)


def _told(said: Said, share: float) -> dict[str, Any]:
    """Return a sentence in English, and what says it in other languages."""
    return {"peers_moved": round(share, 3), "comparison": said.english(), SAID: {"comparison": said.as_json()}}


def features(listings: Sequence[ListingInfo], values: Mapping[str, FloatArray], price: FloatArray) -> FloatArray:
    """Return what listings are compared by, (n, n_features), scaled so that distances are to be compared."""
    shown = values["search_impressions"][:, -DAYS:]
    usual = np.log(np.maximum(_mean(shown), 0.01))
    booked = np.log(np.nan_to_num(_mean(values["booking_velocity"])) + 0.01)
    units = np.array([one.unit_count for one in listings], dtype=np.float64)
    blank = np.full(shown.shape, np.nan)
    blocks = {
        "market": _places([one.market for one in listings]), "channel": _places([one.channel for one in listings]),
        "size": np.log(units)[:, None], "price": np.log(np.maximum(price, 1.0))[:, None],
        "rating": _mean(values.get("review_score", blank))[:, None], "volume": np.column_stack([usual, booked]),
        "lead": np.log1p(_mean(values.get("lead_time_days", blank)))[:, None],
    }  # fmt: skip
    slow, quick = _movements(shown)
    blocks["week"] = np.column_stack([nan_median(quick[:, day::7]) for day in range(7)])
    blocks["season"] = slow[:, :: SLOW_DAYS // 2]
    blocks["days"] = _components(quick)
    return np.concatenate([_block(one, WEIGHTS[name]) for name, one in blocks.items()], axis=1)


def nearest(points: FloatArray, listings: Sequence[ListingInfo], count: int) -> tuple[IntArray, FloatArray]:
    """Return each row's nearest others and how far they are, (n, min(count, others)), without its own unit's."""
    from sklearn.neighbors import NearestNeighbors

    units = np.unique([one.unit_id for one in listings], return_inverse=True)[1]
    asked = min(count + int(np.bincount(units).max()), len(listings))
    distance, near = NearestNeighbors(n_neighbors=asked).fit(points).kneighbors(points)
    own = units[near] == units[:, None]
    order = np.argsort(own, axis=1, kind="stable")
    kept = min(count, int((~own).sum(axis=1).min()))
    chosen, far = (np.take_along_axis(part, order, axis=1)[:, :kept] for part in (near, distance))
    return chosen.astype(np.int64), np.asarray(far, dtype=np.float64)


def _chosen(shown: FloatArray, near: IntArray, weight: FloatArray, markets: IntArray) -> BoolArray:
    """Return the listings of markets whose days their listings' peers tell better than the market does."""
    quick = _movements(shown[:, -JUDGED_DAYS:])[1]
    beside = moves.Compared(markets, near, weight, np.ones(markets.size, dtype=np.bool_))
    left = [
        nan_median(np.abs(quick - moves.log_move(quick, one, MIN_PEERS)), axis=1) for one in (beside, markets)
    ]  # fmt: skip
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = np.log(left[0] / left[1])
    gain = np.where(np.isfinite(gain), gain, np.nan)
    of_market = np.array([nan_median(gain[markets == one]) for one in range(int(markets.max()) + 1)])
    return np.asarray(of_market[markets] < np.log(GAIN), dtype=np.bool_)


def _movements(shown: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the slow and the quick part of the log counts: weeks beside the whole, days beside their weeks."""
    told = np.isfinite(shown)
    logs = np.where(told, np.log(np.where(told, shown, 0.0) + 0.5), np.nan)
    slow = _smooth(logs, SLOW_DAYS + 1)
    quick = logs - _smooth(logs, SHORT_DAYS)
    return slow - nan_median(slow)[:, None], quick


def _smooth(values: FloatArray, days: int) -> FloatArray:
    """Return means of ``days`` days around each, of those that are told."""
    from scipy.ndimage import uniform_filter1d

    told = np.isfinite(values)
    total = uniform_filter1d(np.where(told, values, 0.0), days, axis=1, mode="constant")
    share = uniform_filter1d(told.astype(np.float64), days, axis=1, mode="constant")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(share > 1e-9, total / share, np.nan))


def _components(quick: FloatArray) -> FloatArray:
    """Return each listing's place among the principal components of the days' movements; 0 where too little is told."""
    from sklearn.decomposition import PCA

    usual = np.nanmedian(np.abs(quick)) if np.isfinite(quick).any() else 1.0
    known = np.isfinite(quick).sum(axis=1) >= LEAST_DAYS
    cut = np.clip(np.nan_to_num(quick), -5.0 * usual, 5.0 * usual)
    size = np.sqrt((cut**2).sum(axis=1))
    known &= size > 0
    places = np.full((quick.shape[0], COMPONENTS), np.nan)
    parts = min(COMPONENTS, int(known.sum()) - 1, quick.shape[1])
    if parts >= 1:
        unit = cut[known] / size[known, None]
        places[known, :parts] = PCA(parts, svd_solver="randomized", random_state=0).fit_transform(unit)
        places[:, parts:] = 0.0
    return places


def _mean(values: FloatArray) -> FloatArray:
    told = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(told, values, 0.0).sum(axis=1) / told.sum(axis=1))


def _places(names: Sequence[str]) -> FloatArray:
    """Return a column for each name, 1 where a listing has it."""
    kinds, group = np.unique(names, return_inverse=True)
    return np.asarray(group[:, None] == np.arange(kinds.size)[None, :], dtype=np.float64)


def _block(columns: FloatArray, weight: float) -> FloatArray:
    """Scale a block so that two listings are ``weight`` apart in it, in the mean square; missing is the middle."""
    from sklearn.preprocessing import RobustScaler

    told = np.isfinite(columns).any(axis=0)
    if not told.any():
        return np.zeros((columns.shape[0], 0))
    centred = RobustScaler(with_scaling=False).fit_transform(columns[:, told])
    usual = np.nanmedian(np.abs(centred[np.abs(centred) > 0])) if (np.abs(centred) > 0).any() else 1.0
    cut = np.clip(np.nan_to_num(centred), -4.0 * usual, 4.0 * usual)
    spread = 2.0 * float(cut.var(axis=0).sum())
    return np.asarray(cut * np.sqrt(weight / spread) if spread > 0 else cut)
