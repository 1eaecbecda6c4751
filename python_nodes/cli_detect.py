"""`nightporter detect`: what is strange in a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Set
from datetime import date
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
    country: Annotated[
        str, typer.Option(help="Public holidays of a country (DE) or a part of it (DE-BY) are not called.")
    ] = "",
    holidays: Annotated[
        Path | None, typer.Option(help="An iCal file: days that its events touch are not called.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the result: FILE.png, FILE.svg or FILE.html.")] = None,
) -> None:
    """Say of each row of a file what was expected and how strange it is; needs no database and no settings."""
    from python_nodes.scoring import single, single_plot

    try:
        event_days = _event_days(country, holidays)
        if plot is not None and plot.suffix not in single_plot.FORMATS:
            raise PermanentError(f"--plot: a picture ends in {', '.join(single_plot.FORMATS)}")
        table = _read(file)
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
            task = bar.add_task(f"Judging {file.name}", total=None)
            scored = single.score_table(
                table, time, value, is_offline=offline,
                progress=lambda done, total: bar.update(task, completed=done, total=total), event_days=event_days,
            )  # fmt: skip
        scored.write_csv(out)
        if plot is not None:
            plot.write_bytes(single_plot.render(scored, time, value, f"{file.name}: {value}", plot.suffix))
    except (NightporterError, OSError) as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(2) from None
    found = int(scored["is_anomaly"].sum())
    typer.echo(f"{len(scored)} rows, {found} strange, written to {out}" + (f", drawn in {plot}" if plot else ""))


def _event_days(country: str, file: Path | None) -> Callable[[date, date], Set[date]] | None:
    """Return what tells the days that are known to be unlike others; None where nobody asked."""
    if not country and file is None:
        return None
    from python_nodes.scoring import event_days

    content = None if file is None else file.read_bytes()

    def told(first: date, last: date) -> Set[date]:
        days = event_days.public(country, first, last) if country else set()
        return days if content is None else days | event_days.of_calendar(content, first, last)

    return told


def _read(file: Path) -> pl.DataFrame:
    """Read all columns as text, so that what is wrong is told by row and not by a parser."""
    try:
        return pl.read_csv(file, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise PermanentError(f"{file}: {str(error).splitlines()[0]}") from None
