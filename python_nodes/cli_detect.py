"""`nightporter detect` and `nightporter backtest`: what is strange in a file, and how well that is told."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from python_nodes.errors import NightporterError, PermanentError


def detect(
    file: Annotated[Path, typer.Argument(help="CSV with a row a time; any grain from a minute to a week.")],
    time: Annotated[str, typer.Option(help="The column of times: ISO 8601, or seconds since 1970.")],
    value: Annotated[str, typer.Option(help="The column of values; empty is missing.")],
    out: Annotated[Path, typer.Option(help="Where to write the rows with what is known of each.")],
    offline: Annotated[
        bool, typer.Option("--offline", help="Judge each row by all others, later ones too. Else by its past alone.")
    ] = False,
) -> None:
    """Say of each row of a file what was expected and how strange it is; needs no database and no settings."""
    from python_nodes.scoring import single

    try:
        table = _read(file)
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
            task = bar.add_task(f"Judging {file.name}", total=None)
            scored = single.score_table(
                table, time, value, is_offline=offline,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )  # fmt: skip
        scored.write_csv(out)
    except (NightporterError, OSError) as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(2) from None
    found = int(scored["is_anomaly"].sum())
    typer.echo(f"{len(scored)} rows, {found} strange, written to {out}")


def backtest(
    csv: Annotated[Path, typer.Option(help="A labelled file: a row a time, with 1 or 0 in a column of labels.")],
    time: Annotated[str, typer.Option(help="The column of times.")] = "time",
    value: Annotated[str, typer.Option(help="The column of values.")] = "value",
    label: Annotated[str, typer.Option(help="The column of labels.")] = "is_anomaly",
    offline: Annotated[bool, typer.Option("--offline", help="Judge each row by all others.")] = False,
    learn_days: Annotated[float, typer.Option(help="How many days at the start are not judged.")] = 7.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Say how well the detector would have told a labelled file's events; needs no database and no settings."""
    from python_nodes.scoring import backtest_file

    try:
        reached = backtest_file.run(
            _read(csv), time, value, label, is_offline=offline, learn_days=learn_days
        )  # fmt: skip
    except (NightporterError, OSError) as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(2) from None
    figures = asdict(reached)
    if as_json:
        typer.echo(json.dumps({name: _finite(told) for name, told in figures.items()}, indent=2))
        return
    table = Table("figure", "value")
    for name, told in figures.items():
        if name != "calibration":
            table.add_row(name, f"{told:,.4g}")
    for asked, share in reached.calibration:
        table.add_row(f"unlabelled rows with p at most {asked:g}", f"{share:.4g}")
    Console().print(table)


def _finite(told: Any) -> Any:
    """Return None for what JSON has no number for."""
    return None if isinstance(told, float) and not isfinite(told) else told


def _read(file: Path) -> pl.DataFrame:
    """Read all columns as text, so that what is wrong is told by row and not by a parser."""
    try:
        return pl.read_csv(file, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise PermanentError(f"{file}: {str(error).splitlines()[0]}") from None
