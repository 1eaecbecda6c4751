"""Series drawn here with events in known places: a judge that no detector was built while looking at.

Ten families, unlike the labelled files on purpose: hourly ones over six weeks, five-minute ones over two, minutes over
ten days. What is drawn depends on the seed alone. Events lie after the first week, apart from one another. A level that
moves for good is an event for its first day only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench._labelled import HOUR_S, BoolArray, FloatArray, Labelled, Windowed
from detectors.evaluation import events, ranking
from detectors.single import timegrid

DAY_S, WEEK_DAYS = 86_400.0, 7
FIVE_MINUTES_S, MINUTE_S = 300.0, 60.0
Random = np.random.Generator
# NAB's windows together hold a tenth of a file's rows.
WINDOWED = 0.1


@dataclass
class Canvas:
    """A series while it is drawn: what would have been, and which points are an event's."""

    random: Random
    grain_s: float
    days: int
    values: FloatArray
    labels: BoolArray

    @property
    def day(self) -> int:
        """Points in a day."""
        return round(DAY_S / self.grain_s)

    def phase(self) -> FloatArray:
        """Return the time of day of each point in radians."""
        return np.arange(len(self.values)) * 2.0 * np.pi / self.day

    def places(self, count: int, shortest_s: float, longest_s: float) -> list[slice]:
        """Draw events apart from one another, after the first week, and label them."""
        first, cell = WEEK_DAYS * self.day, (self.days - WEEK_DAYS) * self.day // count
        lengths = np.exp(self.random.uniform(np.log(shortest_s), np.log(longest_s), count)) / self.grain_s
        found = []
        for at, length in enumerate(np.maximum(np.rint(lengths).astype(int), 1)):
            start = first + at * cell + int(self.random.integers(cell // 10, cell - min(int(length), cell // 2)))
            found.append(slice(start, min(start + int(length), len(self.values))))
            self.labels[found[-1]] = True
        return found

    def sign(self) -> float:
        """Draw up or down."""
        return float(self.random.choice([-1.0, 1.0]))


def blank(seed: int, grain_s: float, days: int) -> Canvas:
    """Return a series in which nothing is drawn yet."""
    size = round(days * DAY_S / grain_s)
    return Canvas(np.random.default_rng(seed), grain_s, days, np.zeros(size), np.zeros(size, dtype=np.bool_))


def _hourly(seed: int, level: float, swing: float) -> Canvas:
    canvas = blank(seed, HOUR_S, 42)
    weekend = (np.arange(len(canvas.values)) // canvas.day) % 7 >= 5
    shape = np.sin(canvas.phase()) + 0.4 * np.sin(2.0 * canvas.phase() + 1.0)
    canvas.values = level + swing * shape * np.where(weekend, canvas.random.uniform(0.4, 1.0), 1.0)
    return canvas


def shifts(seed: int) -> Canvas:
    """Levels that move for hours, and one that moves for good."""
    canvas = _hourly(seed, 200.0, 30.0)
    canvas.values += canvas.random.normal(0.0, 8.0, len(canvas.values))
    for place in canvas.places(5, 6 * HOUR_S, 48 * HOUR_S):
        canvas.values[place] += canvas.sign() * canvas.random.uniform(3.0, 8.0) * 8.0
    moved = int(canvas.random.integers(18, 28)) * canvas.day
    canvas.values[moved:] += canvas.sign() * 60.0
    canvas.labels[moved : moved + canvas.day] = True
    return canvas


def spikes(seed: int) -> Canvas:
    """Points of an hour or two far off, on a day's season."""
    canvas = _hourly(seed, 50.0, 20.0)
    canvas.values += canvas.random.normal(0.0, 3.0, len(canvas.values))
    for place in canvas.places(8, HOUR_S, 2 * HOUR_S):
        canvas.values[place] += canvas.sign() * canvas.random.uniform(4.0, 12.0) * 3.0
    return canvas


def drifting(seed: int) -> Canvas:
    """A season whose height doubles and whose peak wanders by hours."""
    canvas = blank(seed, HOUR_S, 42)
    part = np.linspace(0.0, 1.0, len(canvas.values))
    height, late = 1.0 + part, part * canvas.random.uniform(-1.0, 1.0)
    canvas.values = 100.0 + 20.0 * height * np.sin(canvas.phase() + late) + 30.0 * part
    canvas.values += canvas.random.normal(0.0, 5.0, len(canvas.values))
    for place in canvas.places(6, HOUR_S, 12 * HOUR_S):
        canvas.values[place] += canvas.sign() * canvas.random.uniform(4.0, 8.0) * 5.0
    return canvas


def uneven(seed: int) -> Canvas:
    """Calm nights and noisy days: what is strange at night is usual by day."""
    canvas = _hourly(seed, 100.0, 20.0)
    loud = 2.0 + 10.0 * np.maximum(np.sin(canvas.phase()), 0.0)
    canvas.values += canvas.random.standard_t(5.0, len(canvas.values)) * loud
    for place in canvas.places(8, HOUR_S, 6 * HOUR_S):
        canvas.values[place] += canvas.sign() * canvas.random.uniform(5.0, 9.0) * loud[place]
    return canvas


def intermittent(seed: int) -> Canvas:
    """Mostly zeros, with counts at any hour, and bursts many times as large."""
    canvas = blank(seed, HOUR_S, 42)
    busy = canvas.random.random(len(canvas.values)) < canvas.random.uniform(0.05, 0.2)
    canvas.values = np.where(busy, canvas.random.negative_binomial(1.5, 0.3, len(busy)), 0).astype(np.float64)
    for place in canvas.places(6, HOUR_S, 5 * HOUR_S):
        canvas.values[place] += canvas.random.poisson(canvas.random.uniform(15.0, 60.0), place.stop - place.start)
    return canvas


def heavy(seed: int) -> Canvas:
    """Latency: positive, with a heavy tail that is nobody's fault, and hours at twice to five times its level."""
    canvas = _hourly(seed, 0.0, 0.25)
    noise = canvas.random.standard_t(4.0, len(canvas.values)) * 0.12
    for place in canvas.places(6, 2 * HOUR_S, 10 * HOUR_S):
        canvas.values[place] += np.log(canvas.random.uniform(1.8, 5.0))
    canvas.values = 120.0 * np.exp(canvas.values + noise)
    return canvas


def tweets(seed: int) -> Canvas:
    """Counts of five minutes with a day's season, small bursts that mean nothing and large ones that do."""
    canvas = blank(seed, FIVE_MINUTES_S, 14)
    mean = canvas.random.uniform(3.0, 40.0) * np.exp(0.8 * np.sin(canvas.phase()))
    for start in canvas.random.integers(0, len(mean) - 24, 30):
        mean[start : start + 6] *= canvas.random.uniform(1.2, 2.0)
    for place in canvas.places(3, 0.5 * HOUR_S, 4 * HOUR_S):
        fading = np.exp(-np.linspace(0.0, 2.0, place.stop - place.start))
        mean[place] *= 1.0 + canvas.random.uniform(3.0, 12.0) * fading
    canvas.values = canvas.random.negative_binomial(5.0, 5.0 / (5.0 + mean)).astype(np.float64)
    return canvas


def processors(seed: int) -> Canvas:
    """Use of a processor in per cent: wanders, jumps once an hour by itself, saturates at 100."""
    canvas = blank(seed, FIVE_MINUTES_S, 14)
    size = len(canvas.values)
    level = canvas.random.uniform(5.0, 50.0)
    wander = np.convolve(canvas.random.normal(0.0, 1.0, size + 35), np.ones(36) / 6.0, mode="valid")
    regular = np.where(np.arange(size) % 12 == int(canvas.random.integers(12)), canvas.random.uniform(0.0, 15.0), 0.0)
    canvas.values = level + 0.06 * level * wander + regular + canvas.random.gamma(1.0, 0.04 * level, size)
    first, second, third = canvas.places(3, FIVE_MINUTES_S, 5 * HOUR_S)
    canvas.values[first] += canvas.random.uniform(1.0, 2.5) * level
    canvas.values[second] *= canvas.random.uniform(0.1, 0.5)
    canvas.values[third.start :] += canvas.random.uniform(0.5, 1.0) * level
    canvas.labels[third.start : third.start + canvas.day] = True
    canvas.values = np.clip(canvas.values, 0.0, 100.0)
    return canvas


def traffic(seed: int) -> Canvas:
    """Speeds on a road: slow at rush hours of working days, a tenth of the readings lost, jams at other hours."""
    canvas = blank(seed, FIVE_MINUTES_S, 14)
    hour = canvas.phase() * 12.0 / np.pi % 24.0
    working = (np.arange(len(hour)) // canvas.day) % 7 < 5
    rush = np.exp(-((hour - 8.0) ** 2) / 1.5) + np.exp(-((hour - 17.5) ** 2) / 3.0)
    drop = canvas.random.uniform(0.3, 0.6) * rush * np.where(working, 1.0, 0.15)
    canvas.values = canvas.random.uniform(55.0, 75.0) * (1.0 - drop)
    for place in canvas.places(3, 0.5 * HOUR_S, 3 * HOUR_S):
        canvas.values[place] *= canvas.random.uniform(0.2, 0.6)
    canvas.values += canvas.random.normal(0.0, 3.0, len(hour))
    canvas.values[canvas.random.random(len(hour)) < 0.1] = np.nan
    return canvas


def minutes(seed: int) -> Canvas:
    """Requests a minute, with events of a minute to five."""
    canvas = blank(seed, MINUTE_S, 10)
    mean = canvas.random.uniform(50.0, 300.0) * (1.0 + 0.4 * np.sin(canvas.phase()))
    noise = np.convolve(canvas.random.normal(0.0, 1.0, len(mean) + 9), np.ones(10) / 10.0, mode="valid")
    canvas.values = mean * (1.0 + 0.08 * noise) + canvas.random.normal(0.0, np.sqrt(mean))
    for place in canvas.places(10, MINUTE_S, 5 * MINUTE_S):
        canvas.values[place] += canvas.sign() * canvas.random.uniform(0.4, 0.9) * mean[place]
    return canvas


FAMILIES: tuple[Callable[[int], Canvas], ...] = (
    shifts, spikes, drifting, uneven, intermittent, heavy, tweets, processors, traffic, minutes,
)  # fmt: skip


def series(seeds: range, families: Sequence[Callable[[int], Canvas]] = FAMILIES) -> list[Labelled]:
    """Return a series of each family and seed."""
    found = []
    for family in families:
        for seed in seeds:
            canvas = family(seed)
            rows = np.flatnonzero(np.isfinite(canvas.values))
            grid = timegrid.lay(rows.astype(np.float64) * canvas.grain_s, canvas.values[rows])
            judged = rows >= WEEK_DAYS * canvas.day
            width = ranking.period(canvas.values[rows])
            found.append(
                Labelled(f"{family.__name__}-{seed}", family.__name__, grid, canvas.labels[rows], judged, width)
            )
    return found


def windowed(drawn: list[Labelled]) -> list[Windowed]:
    """Return series with windows around the starts of events, a tenth of the rows in all, as NAB has them."""
    found = []
    for one in drawn:
        starts = events.spans(one.labels)[:, 0]
        half = max(int(WINDOWED * len(one.labels) / len(starts) / 2), 1)
        edges = np.column_stack([starts - half, starts + half])
        found.append(Windowed(one.name, one.grid, np.clip(edges, 0, len(one.labels) - 1)))
    return found


def quiet(seed: int) -> dict[str, FloatArray]:
    """Return hourly series of six weeks in which nothing happens, by the kind of their noise."""
    random, hours = np.random.default_rng(seed), np.arange(42 * 24)
    sine = np.sin(hours * 2.0 * np.pi / 24.0)
    mean = 100.0 + 30.0 * sine
    smooth = np.convolve(random.normal(0.0, 5.0, len(hours) + 5), np.ones(6) / np.sqrt(6.0), mode="valid")
    return {
        "normal": random.normal(mean, 5.0),
        "counts": random.poisson(mean).astype(np.float64),
        "counts near zero": random.poisson(0.2, len(hours)).astype(np.float64),
        "heavy tails (t of 4)": mean + 5.0 * random.standard_t(4.0, len(hours)),
        "lognormal": mean * np.exp(random.normal(0.0, 0.3, len(hours))),
        "smooth": mean + smooth,
        "uneven": random.normal(mean, 1.0 + 6.0 * np.maximum(sine, 0.0)),
    }
