"""`nightporter backtest`: how well days that are past, or a labelled file, would have been told."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy.exc import OperationalError

from python_nodes.errors import ConfigError, NightporterError, PermanentError

if TYPE_CHECKING:
    from python_nodes.config import Settings

Day = datetime | None
Pages = Callable[[str], bytes]
DATE = ["%Y-%m-%d"]


def backtest(
    start: Annotated[Day, typer.Option("--from", formats=DATE, help="First day of stored history.")] = None,
    end: Annotated[Day, typer.Option("--to", formats=DATE, help="Last day.")] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="What happened: a CSV (listing,kind,start,end) or a run's report. Else people's verdicts."),
    ] = None,
    watches: Annotated[Path | None, typer.Option(help="Other watches, to be held against those that run.")] = None,
    budget: Annotated[
        float | None, typer.Option(help="Another budget to try: false alerts expected a week per 100 listings.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Of what `make run` has stored.")] = False,
    state_dir: Annotated[Path | None, typer.Option(help="Of --demo: where everything is kept.")] = None,
    csv: Annotated[
        Path | None, typer.Option(help="A labelled file instead: a row a time, 1 or 0 in a column of labels.")
    ] = None,
    time: Annotated[str, typer.Option(help="Of the file: the column of times.")] = "time",
    value: Annotated[str, typer.Option(help="Of the file: the column of values.")] = "value",
    label: Annotated[str, typer.Option(help="Of the file: the column of labels.")] = "is_anomaly",
    offline: Annotated[bool, typer.Option("--offline", help="Of the file: judge each row by all others.")] = False,
    learn_days: Annotated[float, typer.Option(help="Of the file: days at the start that are not judged.")] = 7.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write one page with all figures and pictures.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write the pictures.")] = None,
) -> None:
    """Say how well stored days, or a labelled file's events, would have been told; nothing is stored or sent."""
    with _plain_errors():
        if (csv is None) == (start is None and end is None):
            raise ConfigError("either --from and --to, or --csv")
        if csv is not None:
            if labels or watches or budget is not None:
                raise ConfigError("--labels, --watches and --budget go with --from and --to")
            told, pages = _of_file(csv, (time, value, label), offline, learn_days)
        else:
            with _settings(demo, state_dir) as settings:
                told, pages = _of_store(settings, start, end, labels, watches, budget)
        for path, form in ((png, "png"), (html, "html")):
            if path is not None:
                path.write_bytes(pages(form))
        if as_json:
            typer.echo(json.dumps(told, indent=2))
            return
        for table in _file_tables(told) if csv is not None else _tables(told):
            Console().print(table)


def _of_file(
    csv: Path, columns: tuple[str, str, str], offline: bool, learn_days: float
) -> tuple[dict[str, Any], Pages]:
    """Judge a labelled file; return its figures, and what writes them as ``png`` or ``html``."""
    from python_nodes.scoring import backtest_file

    try:
        read = pl.read_csv(csv, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise PermanentError(f"{csv}: {str(error).splitlines()[0]}") from None
    with _progress(f"Judging {csv.name}") as tell:
        judged = backtest_file.rows(read, *columns, is_offline=offline, learn_days=learn_days)
        tell(1, 2)
        reached = backtest_file.figures(judged)
        tell(2, 2)
    told = {name: _finite(value) for name, value in asdict(reached).items()} | {"file": csv.name}

    def written(form: str) -> bytes:
        from python_nodes.steps import backtest_file_picture, backtest_page, backtest_picture

        drawn = backtest_file_picture.figure(csv.name, judged, reached)
        if form == "png":
            return backtest_picture.saved(drawn, form)
        return backtest_page.file_page(told, backtest_picture.saved(drawn, "svg")).encode()

    return told, written


@contextmanager
def _settings(demo: bool, state_dir: Path | None) -> Iterator[Settings]:
    """Give the settings of the environment, or of what `make run` has stored."""
    from python_nodes import config

    if not demo:
        yield config.settings()
        return
    try:
        from python_nodes.local import stored
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("python_nodes"):
            raise
        raise ConfigError("--demo: the embedded servers are not installed here") from None
    with stored.settings(state_dir) as settings:
        yield settings


def _of_store(
    settings: Settings, start: Day, end: Day, labels: Path | None, watches: Path | None, budget: float | None
) -> tuple[dict[str, Any], Pages]:
    """Replay stored days; return what is told, and what writes it as ``png`` or ``html``."""
    from python_nodes import clock, wiring
    from python_nodes.steps import backtest as step

    if start is None or end is None:
        raise ConfigError("--from and --to: both are needed")
    request = step.Request(
        start=start.date(), end=end.date(), labels=(labels.name, labels.read_bytes()) if labels else None,
        watches=watches, budget=budget,
    )  # fmt: skip
    services = wiring.build_services(settings)
    try:
        with _progress("Replaying") as tell:
            told = step.run(services, settings.tenant_id, request, clock.now(), tell)
    finally:
        services.database.dispose()

    def written(form: str) -> bytes:
        from python_nodes.steps import backtest_page, backtest_picture

        drawn = backtest_picture.figure(told)
        if form == "png":
            return backtest_picture.saved(drawn, form)
        return backtest_page.page(told, backtest_picture.saved(drawn, "svg")).encode()

    return told, written


def _tables(told: Mapping[str, Any]) -> Iterator[Table]:
    """Yield what is told of stored days: all of it, each kind, and what other settings would change."""
    from python_nodes.steps.backtest_page import FIGURES, number

    sides = [("now", told["now"])] + ([("other", told["other"])] if told["other"] else [])
    source = told["labels"]["source"]
    head = f"{told['from']} to {told['to']}, {told['listings']} listings, labels: {source} ({told['labels']['events']})"
    whole = Table("figure", *(name for name, _ in sides), caption=head, caption_justify="left")
    for name in FIGURES:
        whole.add_row(name.replace("_", " "), *(number(side[name]) for _, side in sides))
    yield whole
    for name, side in sides:
        yield _kinds(f"by kind, {name}", side["kinds"])
    yield _calibration(told["now"])
    if told["changes"] is not None:
        yield _changes(told["changes"])


def _kinds(title: str, kinds: Sequence[Mapping[str, Any]]) -> Table:
    from python_nodes.steps.backtest_page import KIND_COLUMNS, number

    short = {"median_delay_days": "days", "oracle_median_days": "oracle"}
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for column in KIND_COLUMNS:
        table.add_column(short.get(column, column), no_wrap=column == "kind")
    for kind in kinds:
        table.add_row(*(number(kind[column]) for column in KIND_COLUMNS))
    return table


def _calibration(side: Mapping[str, Any]) -> Table:
    from python_nodes.steps.backtest_page import CALIBRATION, calibration_columns, calibration_rows, number

    table = Table(title=CALIBRATION.lower(), title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for column in calibration_columns():
        table.add_column(column, no_wrap=column == "kind")
    for row in calibration_rows(side):
        table.add_row(*map(number, row))
    return table


def _changes(changes: Mapping[str, Any]) -> Table:
    from python_nodes.steps.backtest_page import number

    table = Table("change", "kind", "where", "channel", "raised", "ended", title="what would change")
    for name in ("gained", "lost"):
        for one in changes[name]:
            cells = (one["kind"], one["title"], one["channel"], one["raised"], one["ended"])
            table.add_row(name, *(number(cell) for cell in cells))
    table.caption = f"{len(changes['both'])} alerts by both"
    return table


def _file_tables(told: Mapping[str, Any]) -> Iterator[Table]:
    from python_nodes.steps.backtest_page import number

    table = Table("figure", "value")
    for name, value in told.items():
        if name not in ("calibration", "file"):
            table.add_row(name, number(value))
    for asked, share in told["calibration"]:
        table.add_row(f"unlabelled rows with p at most {asked:g}", number(share))
    yield table


def _finite(told: Any) -> Any:
    """Return None for what JSON has no number for."""
    return None if isinstance(told, float) and not isfinite(told) else told


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except OperationalError:
        typer.echo("nightporter: NIGHTPORTER_DATABASE_URL: the database does not answer", err=True)
        raise typer.Exit(2) from None
    except (NightporterError, OSError) as error:
        typer.echo(f"nightporter: {error}", err=True)
        raise typer.Exit(2) from None
