"""Forecasts beside the seasonal naive, and pickup beside last year, on days that no model saw.

Series: the sandbox's (seeds 2300 and on, which nothing was chosen on; quiet worlds, so what comes is the usual) and
the bookings a day of two real hotels by market segment (Antonio et al. 2019, as shipped). Each model and the chooser
forecast 28 days from rolling origins. MASE: mean absolute error over the seasonal naive's within the past; pinball: of
the ends of both bands and the mean, over the seasonal naive's.
"""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.score import listing_infos, row_of
from detectors.forecast import chooser, seasonal_naive
from detectors.forecast.contract import LEVELS, BoolArray, DayArray, FloatArray, Predicted
from python_nodes.scoring import pickup
from python_nodes.scoring.calendar import holiday_matrix
from sandbox.calendar import MARKETS, eur_cents_per_minor
from sandbox.fit import read_cut
from sandbox.world import DEFAULT_T0, World, build_world

SEEDS = (2300, 2301)
PACE_SEEDS = tuple(range(2310, 2318))
LISTINGS, HISTORY_DAYS, HORIZON, ORIGINS = 120, 420, 28, 2
SERIES_A_WORLD, SEGMENTS = 5, 3
QUARTER_DAYS = 91
FLOOR, CHOSEN = seasonal_naive.NAME, "the chooser"
BEHIND_SHARE, BEHIND_NIGHTS, WINDOW = 0.2, 10.0, 1
"""A listing would be called behind: a fifth and ten nights under last year's, or the market's, pace, in 30 days."""


@dataclass(frozen=True)
class Series:
    """History and what came after it, with the public holidays of both."""

    family: str
    days: DayArray
    values: FloatArray
    holidays: BoolArray | None

    @property
    def history(self) -> FloatArray:
        """What a model may see."""
        return self.values[:-HORIZON]

    @property
    def truth(self) -> FloatArray:
        """What came."""
        return self.values[-HORIZON:]


@dataclass(frozen=True)
class Told:
    """What one forecaster was worth on one series."""

    mase: float
    pinball: float
    held: tuple[float, ...]
    cpu_s: float
    model: str


def run(seeds: Sequence[int] = SEEDS, pace_seeds: Sequence[int] = PACE_SEEDS) -> list[dict[str, Any]]:
    """Measure forecasts, then paces."""
    series = [*simulated(seeds), *hotels()]
    told = [_told(one) for one in series]
    rows: list[dict[str, Any]] = []
    for family in dict.fromkeys(one.family for one in series):
        rows += _rows(family, [by for one, by in zip(series, told, strict=True) if one.family == family])
    cpu = {name: float(np.mean([by[name].cpu_s for by in told])) for name in told[0]}
    rows += [row_of(f"CPU a series, {name}", cpu[name], "s", FLOOR, cpu[FLOOR], None) for name in cpu]
    return rows + _paces(pace_seeds)


def quiet_world(seed: int, history_days: int, live_days: int, start_days: int, listings: int = LISTINGS) -> World:
    """Draw a world in which nothing goes wrong."""
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "quiet.toml"
        scenario.write_text("", encoding="utf-8")
        return build_world(
            seed, listings, history_days, live_days, DEFAULT_T0 + timedelta(days=start_days), scenario
        )  # fmt: skip


def simulated(seeds: Sequence[int]) -> Iterator[Series]:
    """Give the busiest listings' bookings and impressions, as those are what is forecast."""
    for number, seed in enumerate(seeds):
        world = quiet_world(seed, HISTORY_DAYS, ORIGINS * HORIZON, number * QUARTER_DAYS)
        infos = listing_infos(world)
        first = np.datetime64(world.first, "D")
        rows = np.argsort(-world.booked[:, :HISTORY_DAYS].sum(axis=1))[: 3 * SERIES_A_WORLD : 3]
        for row in rows.tolist():
            for origin in range(ORIGINS):
                days = first + np.arange(HISTORY_DAYS + (origin + 1) * HORIZON)
                marks = holiday_matrix([infos[row]], days)[0]
                for family, counts in (("bookings", world.booked), ("impressions", world.counts.impressions)):
                    yield Series(f"sandbox {family}", days, counts[row, : len(days)].astype(np.float64), marks)


def hotels() -> list[Series]:
    """Return each hotel's bookings a day in its largest market segments."""
    table = read_cut()
    found = []
    days = np.arange(table["booking_date"].min(), np.datetime64(table["booking_date"].max()) + 1, dtype="M8[D]")
    for hotel in sorted(table["hotel"].unique().to_list()):
        part = table.filter(table["hotel"] == hotel)
        for segment in part["market_segment"].value_counts(sort=True)["market_segment"][:SEGMENTS].to_list():
            made = part.filter(part["market_segment"] == segment)["booking_date"].to_numpy().astype("M8[D]")
            values = np.bincount((made - days[0]).astype(np.int64), minlength=len(days)).astype(np.float64)
            found.append(Series("hotel bookings", days, values, None))
    return found


def _cpu_s() -> float:
    """Return the CPU used so far; Prophet's fits are processes of their own."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def _told(one: Series) -> dict[str, Told]:
    past = one.days[:-HORIZON]
    found: dict[str, Told] = {}
    for name, module in chooser.models().items():
        since = _cpu_s()
        made = module.forecast(one.history, past, HORIZON, one.holidays, None, LEVELS)
        found[name] = _judged(one, made, _cpu_s() - since)
    since = _cpu_s()
    chosen = chooser.choose(one.history, past, HORIZON, one.holidays)
    found[CHOSEN] = _judged(one, chosen.predicted, _cpu_s() - since)
    return found


def _judged(one: Series, made: Predicted, cpu_s: float) -> Told:
    weekly = float(np.abs(one.history[7:] - one.history[:-7]).mean())
    shares = np.asarray(made.levels)
    at = np.concatenate([0.5 - shares / 2.0, [0.5], 0.5 + shares / 2.0])[:, None]
    away = one.truth - np.concatenate([made.lower, made.mean[None], made.upper])
    held = [float(((one.truth >= low) & (one.truth <= high)).mean())
            for low, high in zip(made.lower, made.upper, strict=True)]  # fmt: skip
    return Told(
        float(np.abs(one.truth - made.mean).mean()) / weekly, float(np.maximum(at * away, (at - 1.0) * away).mean()),
        tuple(held), cpu_s, made.model,
    )  # fmt: skip


def _rows(family: str, told: Sequence[dict[str, Told]]) -> list[dict[str, Any]]:
    """Say of each forecaster how well it did on a family, beside the floor."""
    mase = {name: float(np.mean([by[name].mase for by in told])) for name in told[0]}
    loss = {
        name: float(np.exp(np.mean([np.log(by[name].pinball / by[FLOOR].pinball) for by in told]))) for name in told[0]
    }
    rows = []
    for name in told[0]:
        is_ours = name == CHOSEN
        goal = mase[FLOOR] if is_ours else None
        rows.append(
            row_of(f"{family}: MASE, {name}", mase[name], f"of {len(told)}", FLOOR, mase[FLOOR], goal, at_most=True)
        )
        rows.append(row_of(f"{family}: pinball, {name}", loss[name], "ratio", FLOOR, 1.0, None))
        for place, level in enumerate(LEVELS):
            held = float(np.mean([by[name].held[place] for by in told]))
            rows.append(row_of(f"{family}: {level:.0%} band held, {name}", held, "share", "asked", level, None))
    spoke = [by[CHOSEN].model for by in told]
    rows += [
        row_of(f"{family}: {name} spoke", spoke.count(name), f"of {len(told)}", None, None, None)
        for name in sorted(set(spoke))
    ]
    return rows


def _paces(seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Say how far expected finals are off, and how often a listing in a quiet world would be called behind."""
    rows: list[dict[str, Any]] = []
    for history_days in (400, 800):
        off, plain, calls, listings = [], [], 0, 0
        for number, seed in enumerate(seeds):
            world = quiet_world(seed, history_days, 100, number * 45, listings=200)
            found, final, last_year = pace_of(world)
            off.append(np.abs(found.nights_expected - final).mean(axis=0) / final.mean(axis=0))
            plain.append(np.abs(last_year - final).mean(axis=0) / final.mean(axis=0))
            calls += int(_called(found).sum())
            listings += len(final)
        for column in (0, 1, 3):
            name = f"pickup, {history_days} days known: finals of {pickup.WINDOWS[column]} nights, error"
            mine, theirs = (float(np.mean([one[column] for one in each])) for each in (off, plain))
            # Where less than a year before is known, last year's finals are known in part and no peer.
            is_whole = history_days > pickup.YEAR + 2 * pickup.LEARN_DAYS + 90
            peer = ("final of last year", theirs, theirs) if is_whole else (None, None, None)
            rows.append(row_of(name, mine, "of the mean", *peer, at_most=True))
        name = f"pickup, {history_days} days known: quiet listings called behind"
        rows.append(row_of(name, 1000.0 * calls / listings, "per 1,000", None, None, None))
    return rows


def pace_of(world: World) -> tuple[pickup.Pace, FloatArray, FloatArray]:
    """Return the pace at t0, what was stayed in the end, and what had been stayed a year before."""
    made, book = world.reservations, world.portfolio
    first = int(np.datetime64(world.first, "D").astype(np.int64))
    until = np.where(made.cancel_day < 0, np.iinfo(np.int64).max, made.cancel_day + first)
    cents = np.array([eur_cents_per_minor(MARKETS[at].currency) for at in book.market_index.tolist()])
    nights = pickup.nights_of(
        made.listing, made.checkin + first, made.nights, made.day + first, until, made.total_minor * cents[made.listing]
    )
    markets, n, size = np.asarray(book.market_index, dtype=np.int64), len(book), pickup.WINDOWS[-1]
    today = first + world.history_days
    found = pickup.pace(nights, markets, np.asarray(book.unit_count, dtype=np.float64), np.full(n, first), today)
    columns = np.array(pickup.WINDOWS) - 1
    final, _ = pickup.books(nights, today + size, today, size, n)
    before, _ = pickup.books(nights, today, today - pickup.YEAR, size, n)
    return found, np.cumsum(final, axis=1)[:, columns], np.cumsum(before, axis=1)[:, columns]


def _called(found: pickup.Pace) -> BoolArray:
    """Return the listings that are behind both last year and the market."""
    here = found.nights_alike[:, WINDOW]
    behind = np.ones(len(here), dtype=np.bool_)
    for other in (found.nights_last_year[:, WINDOW], found.nights_market[:, WINDOW]):
        behind &= np.nan_to_num(other - here) > np.maximum(BEHIND_SHARE * np.nan_to_num(other), BEHIND_NIGHTS)
    return behind
