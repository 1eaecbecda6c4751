from __future__ import annotations

import numpy as np
import pytest

from python_nodes.errors import PermanentError
from python_nodes.store.metrics import influx_lines

DAYS = np.array(["2026-02-01", "2026-02-02"], dtype="datetime64[D]")


def text(told: dict[str, list[float]], source: str = "report") -> list[str]:
    values = {name: np.array(column) for name, column in told.items()}
    bodies = influx_lines.batches(3, influx_lines.tag_value(source), 17, np.array([7, 8]), DAYS, values)
    return b"".join(bodies).decode().splitlines()


def test_a_line_names_its_series_its_report_and_its_day() -> None:
    assert text({"adr": [0.1, 2.0], "revpar": [1e-7, 3.0]}) == [
        "metrics,listing=7,source=report,tenant=3 as_of=17i,adr=0.1,revpar=1e-7 1769904000000000000",
        "metrics,listing=8,source=report,tenant=3 as_of=17i,adr=2.0,revpar=3.0 1769990400000000000",
    ]


@pytest.mark.parametrize("missing", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_told_is_left_out_of_its_line(missing: float) -> None:
    assert text({"adr": [missing, 2.0], "revpar": [1.0, missing]}) == [
        "metrics,listing=7,source=report,tenant=3 as_of=17i,revpar=1.0 1769904000000000000",
        "metrics,listing=8,source=report,tenant=3 as_of=17i,adr=2.0 1769990400000000000",
    ]


def test_a_source_is_escaped() -> None:
    assert r",source=a\,b\=c\ d,tenant=3 as_of" in text({"adr": [1.0, 2.0]}, "a,b=c d")[0]


@pytest.mark.parametrize("source", ["", "a\nb", "a\\"])
def test_what_no_tag_holds_is_refused(source: str) -> None:
    with pytest.raises(PermanentError, match="cannot name a series"):
        influx_lines.tag_value(source)


def test_bodies_are_cut_and_lose_no_line() -> None:
    n_rows = 2 * influx_lines.LINES_PER_BATCH + 1
    day = np.full(n_rows, DAYS[0])
    told = {"adr": np.arange(n_rows, dtype=np.float64)}
    bodies = list(influx_lines.batches(1, "x", 0, np.arange(n_rows), day, told))
    assert [body.count(b"\n") for body in bodies] == [10_000, 10_000, 1]
    assert bodies[2].startswith(b"metrics,listing=20000,")


def test_a_band_is_a_line_a_listing_and_metric() -> None:
    parts = {"expected": np.array([1.5, 2.0]), "lower": np.array([0.0, 1.0]), "upper": np.array([4.0, 5.5])}
    bodies = influx_lines.bands(3, "adr", "screen", np.array([7, 8]), DAYS, parts)
    assert b"".join(bodies).decode().splitlines() == [
        "bands,listing=7,metric=adr,source=screen,tenant=3 expected=1.5,lower=0.0,upper=4.0 1769904000000000000",
        "bands,listing=8,metric=adr,source=screen,tenant=3 expected=2.0,lower=1.0,upper=5.5 1769990400000000000",
    ]


def test_a_reading_is_of_each_listings_newest_day_at_the_reports_moment() -> None:
    days = np.array(["2026-02-01", "2026-02-02", "2026-02-01"], dtype="datetime64[D]")
    told = {"adr": np.array([1.0, np.nan, 3.0]), "revpar": np.array([4.0, 5.0, 6.0])}
    bodies = influx_lines.readings(3, "report", 17, np.array([7, 7, 8]), days, told)
    assert b"".join(bodies).decode().splitlines() == [
        "readings,listing=7,source=report,tenant=3 day=20486i,revpar=5.0 17000",
        "readings,listing=8,source=report,tenant=3 day=20485i,adr=3.0,revpar=6.0 17000",
    ]


def test_nothing_told_makes_no_line() -> None:
    none = np.empty(0, dtype=np.int64)
    days = np.empty(0, dtype="datetime64[D]")
    assert list(influx_lines.readings(1, "x", 0, none, days, {"adr": np.empty(0)})) == []
