"""`nightporter detect` from file to file."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from python_nodes.cli import app

SERIES = Path(__file__).parents[2] / "data" / "monitoring" / "app1-01.csv"


def run(*arguments: str, command: str = "detect") -> tuple[int, str]:
    done = CliRunner().invoke(app, [command, *arguments])
    return done.exit_code, done.output


@pytest.mark.parametrize("extra", [[], ["--offline"]])
def test_a_labelled_file_is_ranked_well(tmp_path: Path, extra: list[str]) -> None:
    out = tmp_path / "scores.csv"
    code, said = run(str(SERIES), "--time", "TimeStamp", "--value", "Value", "--out", str(out), *extra)
    assert code == 0
    assert "358 rows" in said
    scored = pl.read_csv(out)
    assert scored.columns == ["TimeStamp", "Value", "expected", "lower", "upper", "p_value", "score", "is_anomaly"]
    assert scored.null_count().sum_horizontal().item() == 0
    labels = pl.read_csv(SERIES)["Label"]
    assert scored.with_columns(labels).sort("score")["Label"][-10:].sum() >= 8


def test_what_is_wrong_is_said_in_a_line(tmp_path: Path) -> None:
    out = str(tmp_path / "scores.csv")
    code, said = run(str(SERIES), "--time", "Time", "--value", "Value", "--out", out)
    assert (code, said) == (2, "nightporter: there is no column Time; there are TimeStamp, Value, Label\n")
    code, said = run(str(tmp_path / "none.csv"), "--time", "t", "--value", "v", "--out", out)
    assert code == 2
    assert said.startswith("nightporter: ")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    assert run(str(empty), "--time", "t", "--value", "v", "--out", out)[0] == 2


COLUMNS = ("--time", "TimeStamp", "--value", "Value", "--label", "Label")


def test_a_labelled_file_is_backtested(tmp_path: Path) -> None:
    code, said = run("--csv", str(SERIES), *COLUMNS, "--json", command="backtest")
    figures = json.loads(said)
    assert code == 0
    assert (figures["rows"], figures["events"]) == (187, 6)
    assert figures["vus_pr"] > 0.85
    assert 0 < figures["recall"] <= 1
    assert [asked for asked, _ in figures["calibration"]] == [0.1, 0.03, 0.01, 0.003, 0.001]
    assert "vus_pr" in run("--csv", str(SERIES), *COLUMNS, command="backtest")[1]


def test_a_file_without_an_event_has_no_ranking(tmp_path: Path) -> None:
    quiet = tmp_path / "quiet.csv"
    rows = [f"2026-03-{1 + at // 24:02d}T{at % 24:02d}:00,{at % 7},no" for at in range(24 * 12)]
    quiet.write_text("\n".join(["time,value,is_anomaly", *rows]))
    figures = json.loads(run("--csv", str(quiet), "--json", command="backtest")[1])
    assert (figures["events"], figures["vus_pr"], figures["recall"]) == (0, None, 1.0)
    quiet.write_text("time,value,is_anomaly\n2026-03-01,1,maybe\n")
    code, said = run("--csv", str(quiet), command="backtest")
    assert (code, said) == (2, "nightporter: row 1: 'maybe' is no label (wanted: 1 or 0)\n")
    quiet.write_text("time,value,is_anomaly\n2026-03-01,1,0\n")
    assert "no row is left" in run("--csv", str(quiet), command="backtest")[1]
