"""`nightporter backtest` on a labelled file: pictures, the page, and options that exclude one another."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from python_nodes.cli import app

SERIES = Path(__file__).parents[2] / "data" / "monitoring" / "app1-01.csv"
COLUMNS = ("--time", "TimeStamp", "--value", "Value", "--label", "Label")


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["backtest", *arguments])
    return done.exit_code, done.output


def test_a_labelled_file_is_drawn(tmp_path: Path) -> None:
    png, html = tmp_path / "out.png", tmp_path / "out.html"
    code, said = run("--csv", str(SERIES), *COLUMNS, "--png", str(png), "--html", str(html))
    assert (code, "vus_pr" in said) == (0, True)
    assert png.read_bytes().startswith(b"\x89PNG")
    page = html.read_text()
    assert "Backtest of app1-01.csv" in page
    (picture,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert b"<svg" in base64.b64decode(picture)
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []


def test_a_file_without_an_event_is_drawn(tmp_path: Path) -> None:
    quiet, png = tmp_path / "quiet.csv", tmp_path / "out.png"
    rows = [f"2026-03-{1 + at // 24:02d}T{at % 24:02d}:00,{at % 7},0" for at in range(24 * 12)]
    quiet.write_text("\n".join(["time,value,is_anomaly", *rows]))
    assert run("--csv", str(quiet), "--png", str(png))[0] == 0
    assert png.read_bytes().startswith(b"\x89PNG")


def test_a_file_s_name_is_no_markup(tmp_path: Path) -> None:
    odd, html = tmp_path / "<b>odd.csv", tmp_path / "out.html"
    odd.write_bytes(SERIES.read_bytes())
    assert run("--csv", str(odd), *COLUMNS, "--html", str(html))[0] == 0
    assert "<b>odd" not in html.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "either --from and --to, or --csv"),
        (("--csv", str(SERIES), "--from", "2026-03-01"), "either --from and --to, or --csv"),
        (("--csv", str(SERIES), *COLUMNS, "--budget", "1"), "--labels, --watches and --budget go with"),
        (("--csv", str(SERIES), *COLUMNS, "--png", "/nowhere/out.png"), "/nowhere/out.png"),
        (("--csv", str(SERIES), "--time", "when"), "there is no column when"),
        (("--csv", "/nowhere.csv"), "nowhere.csv"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], words: str) -> None:
    code, said = run(*arguments)
    assert code == 2
    assert said.startswith("nightporter: ")
    assert words in said
    assert len(said.splitlines()) == 1
