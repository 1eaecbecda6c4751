"""Offline fit: real hotel bookings in, ``data/demand_fit.json`` out; ``python -m sandbox.fit`` reproduces it.

``python -m sandbox.fit --cut hotel_bookings.parquet`` first remakes the cut that is shipped.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path
from typing import Any

import holidays
import numpy as np
import polars as pl
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

DATA = Path(__file__).parent / "data"
CUT_PATH = DATA / "hotel_bookings_cut.csv.gz"
FIT_PATH = DATA / "demand_fit.json"
# Booking dates outside this window are censored: the data set is selected by arrival date.
WINDOW = (date(2015, 7, 1), date(2016, 8, 31))
PROFILES = {"city": "City Hotel", "resort": "Resort Hotel"}
GROUP_MIN_ROOMS = 4
MAX_NIGHTS = 14
LEAD_EDGES = (0, 1, 4, 15, 31, 61, 121, 800)
QUANTILES = 201
HARMONICS = 2


def cut_source(source: Path, target: Path = CUT_PATH) -> int:
    """Cut the published data set to the window and the columns the fit uses; returns the number of rows."""
    frame = pl.read_parquet(source)
    arrival = pl.concat_str(
        [
            pl.col("arrival_date_year"),
            pl.col("arrival_date_month"),
            pl.col("arrival_date_day_of_month"),
        ],
        separator=" ",
    ).str.to_date("%Y %B %d")
    frame = frame.with_columns(arrival.alias("arrival_date"))
    frame = frame.with_columns(
        (pl.col("arrival_date") - pl.duration(days=pl.col("lead_time"))).alias("booking_date"),
        (pl.col("stays_in_weekend_nights") + pl.col("stays_in_week_nights")).alias("nights"),
        pl.when(pl.col("reservation_status") == "Canceled")
        .then(pl.col("reservation_status_date").str.to_date())
        .alias("cancel_date"),
    ).filter(pl.col("booking_date").is_between(*WINDOW))
    keep = [
        "hotel",
        "booking_date",
        "lead_time",
        "nights",
        "adr",
        "cancel_date",
        "market_segment",
        "agent",
    ]
    frame = frame.select(keep).sort(keep, nulls_last=True)
    with target.open("wb") as out:
        frame.write_csv(out, compression="gzip")
    return frame.height


def read_cut(path: Path = CUT_PATH) -> pl.DataFrame:
    """The shipped cut, typed."""
    return pl.read_csv(
        path,
        try_parse_dates=True,
        schema_overrides={"agent": pl.Float64, "adr": pl.Float64},
    )


def design(days: NDArray[np.datetime64]) -> FloatArray:
    """Columns of the log-linear model: six weekday contrasts (Monday is the base), then year harmonics."""
    number = days.astype("datetime64[D]").astype(np.int64)
    weekday = (number + 3) % 7
    phase = 2 * np.pi * (number % 365.25) / 365.25
    columns = [(weekday == k).astype(np.float64) for k in range(1, 7)]
    for order in range(1, HARMONICS + 1):
        columns += [np.sin(order * phase), np.cos(order * phase)]
    return np.stack(columns, axis=1)


def _poisson_fit(x: FloatArray, y: FloatArray) -> FloatArray:
    """Maximum likelihood of a log-linear Poisson model, by iteratively reweighted least squares."""
    beta = np.zeros(x.shape[1])
    beta[0] = np.log(y.mean())
    for _ in range(30):
        mean = np.exp(x @ beta)
        beta = beta + np.linalg.solve(x.T @ (x * mean[:, None]), x.T @ (y - mean))
    return beta


def _fit_intensity(per_day: FloatArray, days: NDArray[np.datetime64]) -> dict[str, Any]:
    """Weekday and season effects, the effect of a public holiday, and the dispersion that is left."""
    known = holidays.country_holidays("PT", years=(2015, 2016))
    holiday = np.array([day in known for day in days.astype(object)], dtype=np.float64)
    # July and August come twice: that tells the window's own growth from its season.
    years = np.arange(len(days)) / 365.25
    x = np.column_stack([np.ones(len(days)), design(days), years, holiday])
    beta = _poisson_fit(x, per_day)
    mean = np.exp(x @ beta)
    # Method of moments for the negative binomial: var = mean + mean^2 / shape.
    excess = ((per_day - mean) ** 2 - mean).sum() / (mean**2).sum()
    weekday = [1.0, *np.exp(beta[1:7]).tolist()]
    scale = float(np.mean(weekday))
    return {
        "weekday": [round(w / scale, 4) for w in weekday],
        "season_log_harmonics": np.round(beta[7:-2], 4).tolist(),
        "window_growth_per_year": round(float(np.exp(beta[-2])), 4),
        "holiday_factor": round(float(np.exp(beta[-1])), 4),
        "dispersion_shape": round(float(1 / excess), 3),
        "online_bookings_per_day": round(float(per_day.mean()), 3),
    }


def _fit_price(frame: pl.DataFrame) -> dict[str, Any]:
    """ADR by stay date: log-linear weekday of arrival and season, on kept positive rates."""
    rows = frame.filter((pl.col("adr") > 10) & (pl.col("adr") < 1000))
    booked = rows["booking_date"].to_numpy().astype("datetime64[D]")
    days = booked + rows["lead_time"].to_numpy().astype("timedelta64[D]")
    x = np.column_stack([np.ones(len(days)), design(days)])
    beta, *_ = np.linalg.lstsq(x, np.log(rows["adr"].to_numpy()), rcond=None)
    weekday = np.exp(np.array([0.0, *beta[1:7]]))
    return {
        "weekday": np.round(weekday / weekday.mean(), 4).tolist(),
        "season_log_harmonics": np.round(beta[7:], 4).tolist(),
        "median_adr_eur": round(float(np.exp(beta[0])), 2),
    }


def _fit_cancellation(frame: pl.DataFrame) -> dict[str, Any]:
    """Rate by lead-time class, and when: the share of the lead time that has passed (quantiles)."""
    lead = frame["lead_time"].to_numpy()
    cancelled = frame["cancel_date"].is_not_null().to_numpy()
    which = np.searchsorted(np.array(LEAD_EDGES), lead, side="right") - 1
    rates = [float(cancelled[which == k].mean()) for k in range(len(LEAD_EDGES) - 1)]
    late = frame.filter(pl.col("cancel_date").is_not_null() & (pl.col("lead_time") > 0))
    passed = (late["cancel_date"] - late["booking_date"]).dt.total_days().to_numpy() / late["lead_time"].to_numpy()
    grid = np.quantile(np.clip(passed, 0.0, 1.0), np.linspace(0, 1, 101))
    return {
        "lead_edges_days": list(LEAD_EDGES),
        "rate": [round(r, 4) for r in rates],
        "passed_share_quantiles": np.round(grid, 4).tolist(),
    }


def fit_profile(frame: pl.DataFrame) -> dict[str, Any]:
    """All parameters of one hotel's demand."""
    frame = frame.filter(pl.col("nights") > 0)
    key = ["booking_date", "lead_time", "nights", "market_segment", "agent"]
    parties = frame.group_by(key, maintain_order=True).agg(pl.len().alias("rooms"))
    # Like single bookings of one big agent on one day are no group: only the segment that says so counts.
    is_group = (pl.col("market_segment") == "Groups") & (pl.col("rooms") >= GROUP_MIN_ROOMS)
    sizes = np.sort(parties.filter(is_group)["rooms"].to_numpy())
    # An OTA sees the guests who book online; group bursts are fitted on the whole hotel, they have their own channel.
    singles = frame.filter(pl.col("market_segment") == "Online TA")
    days = np.arange(np.datetime64(WINDOW[0]), np.datetime64(WINDOW[1]) + 1)
    index = (singles["booking_date"].to_numpy().astype("datetime64[D]") - days[0]).astype(np.int64)
    per_day = np.bincount(index, minlength=len(days)).astype(np.float64)
    lead = np.quantile(singles["lead_time"].to_numpy(), np.linspace(0, 1, QUANTILES))
    nights = np.clip(singles["nights"].to_numpy(), 1, MAX_NIGHTS)
    stays = np.bincount(nights, minlength=MAX_NIGHTS + 1)[1:] / len(nights)
    return {
        "bookings": frame.height,
        "online_bookings": singles.height,
        "intensity": _fit_intensity(per_day, days),
        "lead_time_quantiles_days": np.round(lead, 1).tolist(),
        "nights_share": np.round(stays, 5).tolist(),
        "price": _fit_price(singles),
        "cancellation": _fit_cancellation(singles),
        "groups": {
            "event_share": round(len(sizes) / (len(sizes) + frame.height - int(sizes.sum())), 6),
            "room_share": round(float(sizes.sum()) / frame.height, 4),
            "size_quantiles": np.round(np.quantile(sizes, np.linspace(0, 1, 51)), 1).tolist(),
        },
    }


def fit_all(frame: pl.DataFrame) -> dict[str, Any]:
    """The whole content of ``demand_fit.json``."""
    profiles = {name: fit_profile(frame.filter(pl.col("hotel") == hotel)) for name, hotel in PROFILES.items()}
    return {
        "source": "Antonio, de Almeida, Nunes, Hotel booking demand datasets, Data in Brief 22 (2019), CC BY 4.0",
        "window": [day.isoformat() for day in WINDOW],
        "profiles": profiles,
    }


def main(argv: list[str] | None = None) -> int:
    """Command line of the fit."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.fit", description=__doc__)
    parser.add_argument(
        "--cut",
        type=Path,
        help="remake the shipped cut from the published parquet first",
    )
    parser.add_argument("--out", type=Path, default=FIT_PATH)
    args = parser.parse_args(argv)
    if args.cut is not None:
        print(f"{cut_source(args.cut)} bookings cut to {CUT_PATH}")
    args.out.write_text(json.dumps(fit_all(read_cut()), indent=1) + "\n")
    print(f"fit written to {args.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
