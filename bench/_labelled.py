"""Labelled series to measure detectors on, and the plain detectors to measure them against."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detectors.evaluation import ranking
from detectors.single import timegrid
from python_nodes.scoring import single

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

SHIPPED = Path(__file__).parents[1] / "tests" / "data" / "monitoring"
HOUR_S, WEEK_S = 3600.0, 7 * 86400.0
# Judged after a week, so that a series must be longer than two to have as much to judge as to learn from.
LEAST_S = 2 * WEEK_S
FAMILIES = {
    "app1": "application crashes 1",
    "app2": "application crashes 2",
    "purchase": "purchases",
    "outbound": "latency",
}


@dataclass(frozen=True)
class Labelled:
    """One series in the order of time: rows as they came, the grid they lie on, which rows are judged."""

    name: str
    family: str
    grid: timegrid.Grid
    labels: BoolArray
    judged: BoolArray
    width: int

    def filled(self) -> FloatArray:
        """Return the grid's values with gaps drawn straight."""
        known = np.isfinite(self.grid.values)
        places = np.arange(len(known))
        return np.interp(places, places[known], self.grid.values[known])


def folder(asked: str | None) -> Path:
    """Return where the data are: as asked, by NIGHTPORTER_DATA, or what is shipped."""
    told = asked or os.environ.get("NIGHTPORTER_DATA")
    return Path(told) if told else SHIPPED


def monitoring(root: Path) -> list[Labelled]:
    """Return the hourly series of 14 days or more that have a label after the first 7."""
    inside = root / "monitoring"
    files = sorted((inside if inside.is_dir() else root).rglob("*.csv"))
    found = []
    for path in files:
        table = pl.read_csv(path, infer_schema=False)
        if "Label" not in table.columns:
            continue
        times, values = single.seconds(table["TimeStamp"]), single.numbers(table["Value"])
        order = np.argsort(times, kind="stable")
        grid = timegrid.lay(times[order], values[order])
        labels = table["Label"].cast(pl.Float64).to_numpy()[order] > 0
        judged = times[order] >= times[order][0] + WEEK_S
        if grid.grain_s != HOUR_S or np.ptp(times) < LEAST_S or not labels[judged].any():
            continue
        known = np.isfinite(values[order])
        rows = np.arange(len(known))
        width = ranking.period(np.interp(rows, rows[known], values[order][known]))
        found.append(Labelled(path.stem, FAMILIES.get(path.stem.split("-")[0], "other"), grid, labels, judged, width))
    return found


@dataclass(frozen=True)
class Windowed:
    """One file of the Numenta benchmark: the grid, and first and last row of each labelled window."""

    name: str
    grid: timegrid.Grid
    windows: NDArray[np.int64]


def numenta(root: Path) -> list[Windowed]:
    """Return the benchmark's files found under ``root``; none where it is not there."""
    index = root / "nab" / "combined_windows.json"
    if not index.exists():
        return []
    found = []
    for name, windows in sorted(json.loads(index.read_text()).items()):
        path = index.parent / name
        if not path.exists():
            continue
        table = pl.read_csv(path, infer_schema=False)
        times = single.seconds(table["timestamp"])
        edges = [[datetime.fromisoformat(f"{one[:19]}+00:00").timestamp() for one in window] for window in windows]
        rows = np.searchsorted(times, np.array(edges).reshape(-1, 2))
        found.append(Windowed(name, timegrid.lay(times, single.numbers(table["value"])), rows))
    return found


def expanding_median(values: FloatArray) -> FloatArray:
    """Return each value's distance from the median of all before it."""
    return np.array([0.0] + [abs(values[at] - np.median(values[:at])) for at in range(1, len(values))])


def same_place_median(season: int) -> Callable[[FloatArray], FloatArray]:
    """Return what gives each value's distance from the median of the same places of all seasons before."""

    def distances(values: FloatArray) -> FloatArray:
        return np.array(
            [
                abs(values[at] - np.median(values[at % season : at : season])) if at >= season else 0.0
                for at in range(len(values))
            ]
        )

    return distances


def global_median(values: FloatArray) -> FloatArray:
    """Return each value's distance from the median of all."""
    return np.abs(values - np.median(values))


def same_place_of_all(season: int) -> Callable[[FloatArray], FloatArray]:
    """Return what gives each value's distance from the median of the same places of all seasons, later ones too."""

    def distances(values: FloatArray) -> FloatArray:
        usual = np.array([np.median(values[at::season]) for at in range(season)])
        return np.asarray(np.abs(values - usual[np.arange(len(values)) % season]), dtype=np.float64)

    return distances
