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
