"""`nightporter import …`: files that people downloaded."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy.exc import OperationalError

from python_nodes import clock, config
from python_nodes.domain.imports import ImportSource
from python_nodes.errors import ConfigError, NightporterError

if TYPE_CHECKING:
    from python_nodes.steps.services import Services

group = typer.Typer(no_args_is_help=True, help="Import files that people downloaded.")
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]
SHOWN = ("rows", "stored", "unchanged", "rejected", "repeated", "out_of_range", "first_day", "last_day")


@group.command("file")
def import_one(
    file: Annotated[Path, typer.Argument(help="CSV or Excel (.xlsx).")],
    source: Annotated[str | None, typer.Option(help="A saved source: see `nightporter import source`.")] = None,
    kind: Annotated[str | None, typer.Option(help="Without a source: preview as this kind, columns guessed.")] = None,
    channel: Annotated[str | None, typer.Option(help="Without a source: which channel it is of.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would be done, and do none of it.")] = False,
    start: Day = None,
    end: Day = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")] = False,
) -> None:
    """Import a file, or show with --preview how it is understood."""
    from python_nodes.steps import import_admin, import_file

    with _plain_errors(), _services() as (services, tenant_id):
        order = import_file.Order(
            file=file.name, content=_content(services, file), start=_day(start), end=_day(end)
        )  # fmt: skip
        if preview or source is None:
            chosen = _chosen(kind, channel) if source is None else import_admin.get(services, tenant_id, source)
            report = import_file.preview(services, tenant_id, chosen, order, clock.now())
        else:
            with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
                task = progress.add_task(f"Importing {file.name}", total=None)

                def tell(done: int, total: int) -> None:
                    progress.update(task, completed=done, total=total)

                report = import_file.run(services, tenant_id, source, order, clock.now(), tell)
            report |= _observe(services, tenant_id, file.name)
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False)) if as_json else _show(report)
        raise typer.Exit(1 if report.get("problem") or report.get("rejected") else 0)


@group.command("source")
def save_source(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    kind: Annotated[str, typer.Option(help="performance, market_watch, reservations, reviews or change_log.")],
    channel: Annotated[str | None, typer.Option(help="Where no column names the channel.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="FIELD=COLUMN; may be repeated.")] = None,
    like: Annotated[Path | None, typer.Option(help="A file to guess from whatever no option says.")] = None,
    date_format: Annotated[str | None, typer.Option(help="Of YYYY, MM or MMM, DD: DD.MM.YYYY.")] = None,
    decimal: Annotated[str | None, typer.Option(help="The decimal sign: . or ,")] = None,
    currency: Annotated[str | None, typer.Option(help="Where no column names one.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Of a workbook; the first by default.")] = None,
    scale: Annotated[float, typer.Option(help="The best possible review score.")] = 10.0,
    pattern: Annotated[str | None, typer.Option(help="Files of the watched folder: vrbo*.csv")] = None,
) -> None:
    """Save how files of one sort are read."""
    from python_nodes.steps import import_admin, import_file

    with _plain_errors(), _services() as (services, tenant_id):
        source = ImportSource(
            name=name, kind=kind, channel=channel, columns={}, currency=currency, sheet=sheet, scale=scale,
            file_pattern=pattern,
        )  # fmt: skip
        if like is not None:
            source = import_file.guess(source, import_file.Order(file=like.name, content=_content(services, like)))
        if decimal not in (None, ".", ","):
            raise ConfigError("--decimal: . or ,")
        source = replace(
            source, columns={**source.columns, **_columns(column or [])},
            date_format=date_format or source.date_format,
            decimal=source.decimal if decimal is None else "," if decimal == "," else ".",
        )  # fmt: skip
        typer.echo(json.dumps(import_admin.save(services, tenant_id, source, clock.now()), indent=2))


@group.command("sources")
def list_sources() -> None:
    """Show every saved source."""
    from python_nodes.steps import import_admin

    with _plain_errors(), _services() as (services, tenant_id):
        typer.echo(json.dumps(import_admin.every(services, tenant_id), indent=2))


@group.command("scan")
def scan() -> None:
    """Import every file of the watched folder, the setting NIGHTPORTER_IMPORT_FOLDER."""
    from python_nodes.steps import import_folder

    with _plain_errors(), _services() as (services, tenant_id):
        if services.imports.folder is None:
            raise ConfigError("NIGHTPORTER_IMPORT_FOLDER is not set")
        done = import_folder.scan(services, tenant_id, clock.now())
        done |= _observe(services, tenant_id, "scan")
        typer.echo(json.dumps(done, indent=2, ensure_ascii=False))


def _observe(services: Services, tenant_id: int, about: str) -> dict[str, Any]:
    """Score what is new and have the flow tell it; without a flow at hand it is told within a minute."""
    from python_nodes.steps import import_observe, news

    as_of = clock.now()
    looked = import_observe.run(services, tenant_id, as_of)
    if looked["notify"]:
        news.ring(services, as_of, f"{about}:{as_of.isoformat()}")
    return {"observed": {name: looked[name] for name in ("observed", "found", "raised", "updated", "resolved")}}


@contextmanager
def _services() -> Iterator[tuple[Services, int]]:
    from python_nodes import wiring

    settings = config.settings()
    yield wiring.build_services(settings), settings.tenant_id


@contextmanager
def _plain_errors() -> Iterator[None]:
    """End with one line instead of a traceback for what is the caller's to mend."""
    try:
        yield
    except (NightporterError, OSError) as error:
        typer.echo(f"nightporter: {error}", err=True)
    except OperationalError:
        typer.echo("nightporter: NIGHTPORTER_DATABASE_URL: the database does not answer", err=True)
    else:
        return
    raise typer.Exit(2)


def _content(services: Services, file: Path) -> bytes:
    if file.stat().st_size > services.imports.max_bytes:
        raise ConfigError(f"{file}: more than {services.imports.max_bytes} bytes (NIGHTPORTER_MAX_IMPORT_BYTES)")
    return file.read_bytes()


def _chosen(kind: str | None, channel: str | None) -> ImportSource:
    if kind is None:
        raise ConfigError("name a --source, or a --kind for a preview with guessed columns")
    return ImportSource(name="preview", kind=kind, channel=channel, columns={})


def _columns(told: list[str]) -> dict[str, str]:
    wrong = [one for one in told if "=" not in one]
    if wrong:
        raise ConfigError(f"--column {wrong[0]}: must be FIELD=COLUMN")
    return {field.strip(): column.strip() for field, _, column in (one.partition("=") for one in told)}


def _day(told: datetime | None) -> Any:
    return None if told is None else told.replace(tzinfo=UTC).date()


def _show(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    if report.get("problem"):
        console.print(f"Not to be imported yet: {report['problem']}", markup=False)
    if report.get("already_imported"):
        console.print("This file was imported before; nothing changed.")
    for name in ("columns", "not_mapped", "not_used", "date_format", "decimal"):
        if report.get(name):
            console.print(f"{name}: {report[name]}", markup=False)
    console.print(", ".join(f"{name} {report[name]}" for name in SHOWN if report.get(name) is not None), markup=False)
    if (report.get("observed") or {}).get("observed"):
        console.print("scored: " + ", ".join(f"{name} {count}" for name, count in report["observed"].items()))
    for note in report["notes"]:
        console.print(f"Note: {note}", markup=False)
    if report.get("first_rows"):
        table = Table(*report["first_rows"][0])
        for row in report["first_rows"]:
            table.add_row(*("" if value is None else str(value) for value in row.values()))
        console.print(table)
    for wrong in report.get("errors", []):
        console.print(f"{wrong['count']} × {wrong['column']}", markup=False)
        for reason in wrong["reasons"]:
            console.print(f"    {reason}", markup=False, soft_wrap=True)
