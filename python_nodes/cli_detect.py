"""`nightporter detect`: what is strange in a file of one series."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.progress import Progress

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


def _read(file: Path) -> pl.DataFrame:
    """Read all columns as text, so that what is wrong is told by row and not by a parser."""
    try:
        return pl.read_csv(file, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise PermanentError(f"{file}: {str(error).splitlines()[0]}") from None
