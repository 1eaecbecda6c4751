"""A table's rows, in whatever order and however badly kept, have a defined answer or a named error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from python_nodes.errors import PermanentError
from python_nodes.scoring import single

ADDED = ["expected", "lower", "upper", "p_value", "score", "is_anomaly"]
START = datetime(2026, 3, 1, tzinfo=UTC)


def table(times: list[str], values: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"at": times, "n": values}, schema={"at": pl.String, "n": pl.String})


def hourly(days: int = 14, step: timedelta = timedelta(hours=1), seed: int = 0) -> pl.DataFrame:
    size = days * 24
    values = 100 + 20 * np.sin(np.arange(size) * 2 * np.pi / 24) + np.random.default_rng(seed).normal(0, 2, size)
    values[-30] += 100
    stamps = [(START + at * step).isoformat() for at in range(size)]
    return table(stamps, [f"{one:.3f}" for one in values])


def numbers(scored: pl.DataFrame) -> np.ndarray:
    return scored.select(ADDED).cast(pl.Float64).to_numpy()


@pytest.mark.parametrize("is_offline", [False, True])
def test_a_spike_is_the_strangest_row_and_nothing_is_missing(is_offline: bool) -> None:
    told = hourly()
    scored = single.score_table(told, "at", "n", is_offline=is_offline)
    assert scored.columns == ["at", "n", *ADDED]
    assert scored["at"].equals(told["at"])
    assert np.isfinite(numbers(scored)).all()
    assert scored["score"].arg_max() == len(told) - 30
    assert scored["is_anomaly"][len(told) - 30]


def test_order_of_rows_does_not_matter() -> None:
    told = hourly(8)
    shuffled = told.sample(fraction=1.0, shuffle=True, seed=4)
    straight = single.score_table(told, "at", "n").sort("at")
    np.testing.assert_array_equal(numbers(single.score_table(shuffled, "at", "n").sort("at")), numbers(straight))


@pytest.mark.parametrize(
    "step", [timedelta(minutes=1), timedelta(minutes=5), timedelta(days=1), timedelta(weeks=1)], ids=str
)
def test_any_grain_from_a_minute_to_a_week_is_judged(step: timedelta) -> None:
    scored = single.score_table(hourly(8, step), "at", "n")
    assert np.isfinite(numbers(scored)).all()
    assert scored["score"].to_numpy()[50:].argmax() + 50 == len(scored) - 30


def test_gaps_repeats_and_infinite_values_are_told_apart_from_strange_ones() -> None:
    told = hourly().with_row_index().filter(~pl.col("index").is_in([40, 41, 42, 100])).drop("index")
    told = pl.concat([told, told[50:53], table([told["at"][200]], ["inf"]), table([told["at"][201]], [""])])
    scored = single.score_table(told, "at", "n")
    assert len(scored) == len(told)
    assert np.isfinite(numbers(scored)).all()
    assert scored["score"][50] == scored["score"][len(told) - 5]


@pytest.mark.parametrize(
    "values", [["3"], ["3", "4"], ["5"] * 60, ["", "", "7", "8", ""]], ids=["one", "two", "constant", "mostly missing"]
)
@pytest.mark.parametrize("is_offline", [False, True])
def test_little_to_go_by_is_nothing_strange(values: list[str], is_offline: bool) -> None:
    told = table([(START + at * timedelta(hours=1)).isoformat() for at in range(len(values))], values)
    scored = single.score_table(told, "at", "n", is_offline=is_offline)
    assert np.isfinite(numbers(scored)).all()
    assert not scored["is_anomaly"].any()


def test_zones_are_brought_to_one_clock() -> None:
    told = table(["2026-03-01T00:00:00+02:00", "2026-02-28T23:00Z", "2026-03-01 00:00:00-0000"], ["1", "2", "3"])
    np.testing.assert_allclose(np.diff(single.seconds(told["at"])), [3600.0, 3600.0])


@pytest.mark.parametrize(
    "told", [["1772323200", "1772326800"], ["1772323200000", "1772326800000"], ["2026-03-01", "2026-03-01 01:00"]]
)
def test_seconds_milliseconds_and_dates_are_times(told: list[str]) -> None:
    np.testing.assert_allclose(single.seconds(pl.Series(told)), [1772323200.0, 1772326800.0])


@pytest.mark.parametrize(
    ("told", "word"),
    [
        (table(["2026-03-01T00:00Z", "2026-03-01T01:00"], ["1", "2"]), "the first to differ is in row 2"),
        (table(["2026-03-01", "yesterday"], ["1", "2"]), "row 2: 'yesterday' is no time"),
        (table(["2026-03-01", ""], ["1", "2"]), "row 2: '' is no time"),
        (table(["2026-03-01", "2026-03-02"], ["1", "many"]), "row 2: 'many' is no number"),
        (table(["2026-03-01", "2026-03-02"], ["", "inf"]), "no value is known"),
        (table([], []), "there is no row"),
        (table(["2026-03-01"], ["1"]).rename({"n": "m"}), "no column n"),
        (table([f"2026-03-01T00:00:{at:02d}" for at in range(50)] + ["2036-03-01"], ["1"] * 51), "too scattered"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(told: pl.DataFrame, word: str) -> None:
    with pytest.raises(PermanentError, match=word):
        single.score_table(told, "at", "n")


def test_progress_is_told_to_the_end() -> None:
    seen: list[tuple[int, int]] = []
    single.score_table(hourly(3), "at", "n", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (72, 72)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
