"""`nightporter forecast`: what a listing, or a file's series, will be."""

from __future__ import annotations

from collections.abc import Set
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from python_nodes.errors import NightporterError, PermanentError

if TYPE_CHECKING:
    from python_nodes.domain.metrics import DayArray, FloatArray
    from python_nodes.scoring.forecast import Made
    from python_nodes.scoring.forecast_file import Days

SHOWN_DAYS = 90
Series = tuple[str, "DayArray", "FloatArray", "Made"]


def forecast(
    what: Annotated[str, typer.Argument(help="A listing's id, or a CSV with a row a day.")],
    time: Annotated[str, typer.Option(help="Of a file: the column of days.")] = "date",
    value: Annotated[str, typer.Option(help="Of a file: the column of values; empty is missing.")] = "value",
    metric: Annotated[str, typer.Option(help="Of a listing: which metric.")] = "booking_velocity",
    days: Annotated[int, typer.Option(min=1, max=365, help="How many days to say.")] = 28,
    country: Annotated[str, typer.Option(help="Of a file: public holidays of DE, or of DE-BY.")] = "",
    events: Annotated[Path | None, typer.Option(help="Of a file: an iCal file of what is on nearby.")] = None,
    plot: Annotated[Path, typer.Option(help="Where to draw it, a PNG.")] = Path("forecast.png"),
) -> None:
    """Say what the days to come will be, and which model says so; a file needs no database and no settings."""
    try:
        is_file = Path(what).suffix.lower() == ".csv"
        told = _of_file(Path(what), time, value, days, country, events) if is_file else _of_listing(what, metric, days)
        _draw(plot, told)
    except (NightporterError, OSError) as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(2) from None
    Console().print(_table(told))
    typer.echo(f"drawn in {plot}")


def _of_file(file: Path, time: str, value: str, horizon: int, country: str, events: Path | None) -> Series:
    from python_nodes.scoring import forecast_file

    try:
        table = pl.read_csv(file, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise PermanentError(f"{file}: {str(error).splitlines()[0]}") from None
    days, values = forecast_file.daily(table, time, value)
    made = forecast_file.ahead(days, values, horizon, *_special(country, events))
    return f"{file.name}: {value}", days, values, made


def _special(country: str, events: Path | None) -> tuple[Days | None, Days | None]:
    """Return what tells public holidays, and what tells events."""
    from python_nodes.scoring import event_days

    def happening(content: bytes, first: date, last: date) -> Set[date]:
        return event_days.of_calendar(content, first, last)

    return (
        partial(event_days.public, country) if country else None,
        partial(happening, events.read_bytes()) if events is not None else None,
    )


def _of_listing(name: str, metric: str, horizon: int) -> Series:
    from python_nodes import clock, config, wiring
    from python_nodes.steps import forecast_now

    settings = config.settings()
    return forecast_now.run(wiring.build_services(settings), settings.tenant_id, name, metric, horizon, clock.now())


def _draw(path: Path, told: Series) -> None:
    from python_nodes.notify import chart

    title, days, values, made = told
    size = len(made.payload["mean"])
    coming = [(days[-1] + 1 + ahead).item() for ahead in range(size)]
    ahead = chart.Ahead(
        coming, made.payload["mean"], made.payload["lower"]["80"], made.payload["upper"]["80"], made.model
    )  # fmt: skip
    shown = slice(-SHOWN_DAYS, None)
    path.write_bytes(chart.forecast_png([day.item() for day in days[shown]], values[shown], ahead, title=title))


def _table(told: Series) -> Table:
    """Lay the forecast out by day, who speaks and how the models did in the caption."""
    title, days, _, made = told
    payload = made.payload
    errors = ", ".join(
        f"{name} {error:.2f}" for name, error in sorted(payload["mase"].items(), key=lambda item: item[1])
    )
    table = Table("day", "expected", "80 % from", "to", "95 % from", "to", title=f"{title}, by {made.model}")
    table.caption = f"MASE on its own past: {errors}" if errors else "its past is too short to try models on"
    for row, mean in enumerate(payload["mean"]):
        ends = (payload[side][level][row] for level in ("80", "95") for side in ("lower", "upper"))
        table.add_row(str(days[-1] + 1 + row), *(f"{number:,.4g}" for number in (mean, *ends)))
    return table
