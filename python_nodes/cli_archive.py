"""`nightporter archive …`: old data written to files, listed, compared with its checksums and put back."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from typing import Annotated

import typer

from python_nodes import cli_services, clock

group = typer.Typer(no_args_is_help=True, help="Old data: to Parquet files and back.")
Entity = Annotated[str, typer.Option(help="Of this entity only: bookings, ari_observations, …")]
AsOf = Annotated[datetime | None, typer.Option(help="As of which day (UTC); today where it is missing.")]


@group.command("write")
def write(as_of: AsOf = None) -> None:
    """Let leave what the retention says is old: to files, and to the bucket where there is one."""
    from python_nodes.steps import archive

    with cli_services.opened() as (services, tenant_id):
        made = archive.run(services, tenant_id, _moment(as_of), _shown)
        typer.echo(json.dumps(made, indent=2))
        for line in made["errors"]:
            typer.echo(f"nightporter: {line}", err=True)
        if made["errors"]:
            raise typer.Exit(1)


@group.command("list")
def listed(entity: Entity = "") -> None:
    """Print one line a file: entity, month, rows, bytes, where its rows are, whether a copy is in the bucket."""
    from python_nodes.steps import archive_admin

    with cli_services.opened() as (services, tenant_id):
        for one in archive_admin.listed(services, tenant_id, entity or None):
            copied = "copied" if one["exported_at"] else "here only"
            typer.echo(
                f"{one['entity']:20} {one['month_date']:%Y-%m}.{one['part']:<3} {one['row_count']:>10} rows"
                f" {one['size_bytes']:>12} bytes  {one['state']:10} {copied:9}  {one['path']}"
            )


@group.command("load")
def load(
    entity: Annotated[str, typer.Argument(help="Of which entity: bookings, ari_observations, …")],
    month: Annotated[str, typer.Argument(help="Which month (2023-07); with --all none is needed.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every archived month of it.")] = False,
    as_of: AsOf = None,
) -> None:
    """Put archived rows back; they stay `loaded_days` before they may leave again."""
    from python_nodes.steps import archive_load

    wanted = None if everything else _month(month)
    with cli_services.opened() as (services, tenant_id):
        typer.echo(json.dumps(archive_load.load(services, tenant_id, entity, wanted, _moment(as_of))))


@group.command("verify")
def verify(
    mend: Annotated[bool, typer.Option(help="Put the bucket's copy in a damaged file's place.")] = False,
    copies: Annotated[bool, typer.Option(help="Read every copy in the bucket too.")] = False,
) -> None:
    """Compare every file with its checksum; exit code 1 where one is not what was written."""
    from python_nodes.steps import archive_load

    with cli_services.opened() as (services, tenant_id):
        told = archive_load.verify(services, tenant_id, mend=mend, copies=copies)
    for line in told["wrong"]:
        typer.echo(f"nightporter: {line}", err=True)
    typer.echo(f"{told['whole']} of {told['files']} files are whole, {told['mended']} of them mended")
    if told["wrong"]:
        raise typer.Exit(1)


def _month(told: str) -> date:
    if re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", told) is None:
        raise typer.BadParameter("name a month as 2023-07, or say --all", param_hint="MONTH")
    return date(int(told[:4]), int(told[5:]), 1)


def _moment(as_of: datetime | None) -> datetime:
    return clock.now() if as_of is None else as_of.replace(tzinfo=clock.now().tzinfo)


def _shown(done: int, total: int) -> None:
    typer.echo(f"\r{done} of {total} months", err=True, nl=done == total)
