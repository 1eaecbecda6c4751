"""`nightporter detect` from file to file."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from python_nodes.cli import app

SERIES = Path(__file__).parents[2] / "data" / "monitoring" / "app1-01.csv"


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["detect", *arguments])
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
