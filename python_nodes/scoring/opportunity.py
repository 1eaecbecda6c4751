"""Where a listing asks far less than comparable ones while more people look for it: what a higher price would bring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from detectors.medians import nan_median
from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import FloatArray

WEEK = 7
RECENT_DAYS, PAST_DAYS = 14, 56
"""Whole weeks, so that each weekday counts alike in both."""
PEER_DAYS, LEAST_PEER_DAYS = 7, 3
LEAST_OPEN_NIGHTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class OpportunitySettings:
    """When a price is told as far under its peers'.

    It is ``far_share`` of theirs or less while impressions rise by ``rise_share``, by chance with less than
    ``chance_p``; told already, it stays until it is over ``stay_share``. It is priced as raised to ``to_share`` of the
    peers', by ``most_times`` at most. At ``k`` times the price ``k ** -elasticity`` of the bookings come: the three
    elasticities are assumptions, for a low, middle and high gain.
    """

    far_share: float = 0.8
    stay_share: float = 0.85
    rise_share: float = 0.15
    stay_rise_share: float = 0.05
    chance_p: float = 0.01
    to_share: float = 0.95
    most_times: float = 1.4
    elasticities: tuple[float, float, float] = (0.8, 0.5, 0.2)


DEFAULTS = OpportunitySettings()


@dataclass(frozen=True, slots=True, eq=False)
class Cheap:
    """Each listing beside its peers, (n,): prices a night in its own currency, NaN where not known.

    ``demand`` is impressions over what the weeks before let expect, ``chance`` how likely so much is by chance;
    ``gain`` (n, 3) is what a higher price would add to a day's revenue, as a share of it.
    """

    own_price: FloatArray
    peer_price: FloatArray
    demand: FloatArray
    chance: FloatArray
    gain: FloatArray


def look(
    shown: FloatArray, competitors: FloatArray, prices: FloatArray, settings: OpportunitySettings = DEFAULTS
) -> Cheap:
    """Hold each listing's coming nights against its competitors' last prices, and its demand against the weeks before.

    Parameters
    ----------
    shown : ndarray, shape (n, RECENT_DAYS + PAST_DAYS)
        Search impressions of the last days, NaN for missing.
    competitors : ndarray, shape (n, >= PEER_DAYS)
        Competitors' price a night of the last days, NaN for missing.
    prices : ndarray, shape (n, n_nights)
        The price of each coming night that is open, NaN for others; as many nights as are near in season.
    settings : OpportunitySettings

    Returns
    -------
    Cheap
    """
    near = competitors[:, -PEER_DAYS:]
    peer = np.where(np.isfinite(near).sum(axis=1) >= LEAST_PEER_DAYS, nan_median(near), np.nan)
    own = np.where(np.isfinite(prices).sum(axis=1) >= LEAST_OPEN_NIGHTS, nan_median(prices), np.nan)
    demand, chance = rising(shown)
    with np.errstate(divide="ignore", invalid="ignore"):
        times = np.clip(settings.to_share * peer / own, 1.0, settings.most_times)
    gain = np.stack([times ** (1.0 - elasticity) - 1.0 for elasticity in settings.elasticities], 1)
    return Cheap(own, peer, demand, chance, gain)


def rising(shown: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return demand over what the weeks before let expect, and how likely so much comes by chance, (n,) each.

    Weeks differ by more than their counts would: the variance over the mean is that of the weeks before.
    """
    n = len(shown)
    recent = shown[:, -RECENT_DAYS:].reshape(n, -1, WEEK).sum(axis=2)
    past = shown[:, -RECENT_DAYS - PAST_DAYS : -RECENT_DAYS].reshape(n, -1, WEEK).sum(axis=2)
    mean = past.mean(axis=1)
    spread = np.maximum(past.var(axis=1, ddof=1) / np.maximum(mean, 1.0), 1.0)
    weeks, before = RECENT_DAYS // WEEK, PAST_DAYS // WEEK
    usual = mean * weeks
    sd = np.sqrt(np.maximum(spread * usual * (1.0 + weeks / before), 1.0))
    came = recent.sum(axis=1)
    known = np.isfinite(came) & np.isfinite(usual) & (usual > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        demand = np.where(known, came / usual, np.nan)
    return demand, np.where(known, stats.t.sf((came - usual) / sd, before - 1), 1.0)


def told(found: Cheap, was_told: BoolArray, settings: OpportunitySettings = DEFAULTS) -> BoolArray:
    """Return which listings are told, (n,): new ones where all of it is clear, known ones until it is over."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(found.own_price / found.peer_price, nan=np.inf)
    demand = np.nan_to_num(found.demand)
    is_new = (share <= settings.far_share) & (demand >= 1.0 + settings.rise_share) & (found.chance <= settings.chance_p)
    stays = was_told & (share <= settings.stay_share) & (demand >= 1.0 + settings.stay_rise_share)
    return np.asarray(is_new | stays, dtype=np.bool_)
