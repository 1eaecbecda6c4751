"""Draws the picture of docs/detection/peers.md from a simulated world: ``.venv/bin/python docs/peers_plots.py``."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

from bench import peers as played
from bench.score import funnel
from detectors import peers as moves
from detectors.baselines import weekday_season
from detectors.medians import nan_median
from detectors.series import FloatArray, SeriesBatch
from python_nodes.scoring import market, peers
from python_nodes.scoring.look import MIN_PEERS, PEER_EXPECTED
from python_nodes.scoring.watches import load_watches
from sandbox.world import DEFAULT_T0, World, build_world

IMAGE = Path(__file__).parent / "images" / "detect-peers.png"
SEED, SHOWN_DAYS = 1400, 75
OWN, PEERS, CALM = "#2c3e50", "#e67e22", "#7f8c8d"


def demand(world: World, axes: list[plt.Axes]) -> None:
    """Draw one listing of a market that falls and one that falls alone, each beside its peers."""
    told = funnel(world)
    listings, price = played.infos(world), played.prices(world)
    past = {name: values[:, : played.HISTORY_DAYS] for name, values in told.items()}
    found = peers.group(listings, past, price)
    markets = world.portfolio.market_index
    days = slice(played.HISTORY_DAYS + played.START, played.HISTORY_DAYS + played.START + played.DAYS)
    fallen = np.flatnonzero(markets == SEED % 6)
    alone = int(np.flatnonzero(markets == (SEED + 1) % 6)[0])
    shown = told["search_impressions"].copy()
    shown[fallen, days] *= 0.5
    shown[alone, days] *= 0.5
    batch = SeriesBatch(shown, np.datetime64(world.first, "D") + np.arange(shown.shape[1]))
    forecast = weekday_season.fit_pooled(batch, weekday_season.Params(level_half_life_days=70.0))
    logs = moves.log_ratios(forecast.capped, forecast.expected, PEER_EXPECTED)
    every = np.ones(len(markets), dtype=np.bool_)
    beside = moves.log_move(logs, moves.Compared(markets, found.near, found.weight, every), MIN_PEERS)
    for axis, row, title in zip(axes, (int(fallen[3]), alone), ("its market fell", "it fell alone"), strict=True):
        ratio(axis, np.exp(logs[row]), np.exp(beside[row]), "its 24 peers")
        axis.set_title(f"Impressions over its baseline: {title}", loc="left", fontsize=10)


def rate(world: World, axis: plt.Axes) -> None:
    """Draw how a market's fall of conversion is told from the sums of its listings."""
    told = funnel(world)
    fallen = np.flatnonzero(world.portfolio.market_index == SEED % 6)
    values = played.thinned(told, fallen, 0.5, played.RATES[1:], SEED)
    (watch,) = [one for one in load_watches() if one.name == "conversion_drop"]
    days = np.datetime64(world.first, "D") + np.arange(values["booking_velocity"].shape[1])
    batch = SeriesBatch(values["booking_velocity"], days, values["listing_views"])
    forecast = weekday_season.fit_pooled(batch, watch.baseline_params)
    channels, properties = (
        np.unique(names, return_inverse=True)[1].astype(np.int64)
        for names in (world.portfolio.channel, world.portfolio.property_id)
    )
    together = market.together(forecast, market.Places(channels, world.portfolio.market_index, properties))
    _, pooled, own = market.of_groups(together, batch, "market")
    place = SEED % 6
    ratio(axis, pooled.values[place] / own.expected[place], together.factor()[fallen[0]], "taken out of its listings")
    axis.set_title("Bookings of a market over its listings' baselines: half as many book", loc="left", fontsize=10)


def ratio(axis: plt.Axes, own: FloatArray, beside: FloatArray, name: str) -> None:
    """Draw both ratios over the last days."""
    days = np.arange(-SHOWN_DAYS + played.LIVE_DAYS, played.LIVE_DAYS)
    axis.axvspan(played.START, played.START + played.DAYS, color="#fdebd0", label="the fall")
    axis.axhline(1.0, color=CALM, linewidth=0.7)
    axis.plot(days, own[-SHOWN_DAYS:], color=OWN, linewidth=1.2, label="itself")
    axis.plot(days, beside[-SHOWN_DAYS:], color=PEERS, linewidth=1.6, label=name)
    axis.set_ylim(0, max(2.0, 1.05 * float(nan_median(own[-SHOWN_DAYS:][None])[0] + 1)))
    axis.legend(loc="upper left", ncols=3, fontsize=8, frameon=False)
    axis.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Draw and write the picture."""
    world = build_world(SEED, played.LISTINGS, played.HISTORY_DAYS, played.LIVE_DAYS, DEFAULT_T0, None)
    figure, axes = plt.subplots(3, 1, figsize=(11, 8), sharex=True)
    demand(world, list(axes[:2]))
    rate(world, axes[2])
    axes[2].set_xlabel("days from the first live one")
    figure.tight_layout()
    figure.savefig(IMAGE, dpi=110)


if __name__ == "__main__":
    main()
